"""What the compose pane says, as pieces of text: kinds, recipients, the closed line, the verdict. No I/O."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from fugue_core.errors import InvalidMessageType, InvalidValue
from fugue_core.printable import printable
from fugue_core.protocol.envelope import Envelope, Recipient
from fugue_core.protocol.message import check_msg_type
from fugue_core.protocol.session import SessionInfo
from fugue_tui.chip import chip_text
from fugue_tui.draft import Draft
from fugue_tui.ink import Ink, width_of
from fugue_tui.jsonview import Fault, tokens
from fugue_tui.line import fit
from fugue_tui.palette import Palette, name_colour, tag_colour
from fugue_tui.roster import last_part

Kind: TypeAlias = Literal["tag", "session", "broadcast", "worktree"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_NAMES: dict[Kind, str] = {
    "tag": "Tagged",
    "session": "Session",
    "broadcast": "Broadcast",
    "worktree": "Worktree",
}
SHORT_KIND_NAMES: dict[Kind, str] = {"tag": "Tag", "session": "Session", "broadcast": "All", "worktree": "Tree"}
KindStyle: TypeAlias = Literal["full", "short", "keys", "letters"]
HINTS: dict[Kind, str] = {
    "tag": "a tag",
    "session": "a session",
    "broadcast": "all in the sender's repository",
    "worktree": "the path of a worktree",
}
"""What stands in the field of a target while nothing is written there."""
FieldName: TypeAlias = Literal["target", "sender", "msg_type", "payload"]
PREVIEW_CHARS = 400
REPO_CELLS, REPO_CELLS_NARROW = 20, 8
GAP = Ink("   ")


class TypeUse(NamedTuple):
    """A message type that was used: the newest message of it."""

    msg_type: str
    payload: bytes
    sender: str
    sent_at: float


def type_uses(newest_first: Iterable[Envelope]) -> tuple[TypeUse, ...]:
    """Return the types of messages, the one used last first, each with its newest payload."""
    found: dict[str, TypeUse] = {}
    for envelope in newest_first:
        packed = envelope.packed
        if packed.msg_type not in found:
            use = TypeUse(packed.msg_type, bytes(packed.payload), envelope.sender.name, envelope.sent_at)
            found[packed.msg_type] = use
    return tuple(found.values())


def known_repos(sessions: Iterable[SessionInfo], home: str) -> tuple[str, ...]:
    """Return the repositories there are; the one at home comes first."""
    others = sorted({info.repo for info in sessions if info.repo and info.repo != home})
    return (home, *others) if home else tuple(others)


def next_repo(repo: str, repos: Sequence[str]) -> str:
    """Return the repository that comes after one; nothing, before the first and after the last, is all of them."""
    place = repos.index(repo) + 1 if repo in repos else 0 if not repo else len(repos)
    return repos[place] if place < len(repos) else ""


def repo_pieces(repo: str, repos: Sequence[str], letter: str, *, is_narrow: bool) -> tuple[Ink, ...]:
    """Return where a tag counts, its key's letter underlined; nothing where there is no repository to limit it to."""
    if not (repo or repos):
        return ()
    if not repo:
        return (Ink("  any " if is_narrow else "  in any ", "faint", press="repo"), *_marked("repo", letter, "repo"))
    name = fit(repo_name(repo, repos), REPO_CELLS_NARROW if is_narrow else REPO_CELLS)
    return (Ink("  in ", "muted", press="repo"), Ink(name, "text", press="repo"))


def repo_name(repo: str, repos: Iterable[str]) -> str:
    """Return as much of a repository's path as tells it from others: the last part, or the last two."""
    name = last_part(repo)
    is_shared = any(other != repo and last_part(other) == name for other in repos)
    return printable("/".join(repo.rstrip("/").split("/")[-2:]) if is_shared else name)


class Template(NamedTuple):
    """A payload to begin with, and whose it is, in words."""

    payload: str
    whose: str


def template_of(msg_type: str, sent: Sequence[Draft], types: Iterable[TypeUse]) -> Template | None:
    """Return the last payload of a type; the own ones, of which the last stands last, come first."""
    own = next((draft for draft in reversed(sent) if draft.msg_type == msg_type and draft.payload), None)
    if own is not None:
        return Template(own.payload, "your last one")
    use = next((use for use in types if use.msg_type == msg_type), None)
    if use is None or use.payload == b"null":
        return None
    clock = time.strftime("%H:%M:%S", time.localtime(use.sent_at))
    return Template(use.payload.decode(errors="replace"), f"{use.sender}'s last one, {clock}")


class Missing(NamedTuple):
    """Why a draft cannot be sent, and the field to mend it in."""

    reason: str
    field: FieldName


def find_missing(draft: Draft, sessions: Iterable[SessionInfo]) -> Missing | None:
    """Return what keeps a draft from being sent, but for its payload."""
    try:
        draft.read_target()
    except InvalidValue as error:
        kind, value = split_target(draft.target)
        return Missing(error.rule if value.strip() else f"write {HINTS[kind]} to send to", "target")
    if draft.sender and find_session(sessions, draft.sender) is None:
        return Missing(f"no session {draft.sender!r} to send as", "sender")
    try:
        check_msg_type(draft.msg_type)
    except InvalidMessageType as error:
        return Missing(str(error) if draft.msg_type else "a message has a type, any word will do", "msg_type")
    return None


class Reach(msgspec.Struct, frozen=True):
    """Who would receive a message. `reason` says why nobody; both empty: not known yet."""

    recipients: tuple[Recipient, ...] = ()
    reason: str = ""
    is_known: bool = False


def split_target(text: str) -> tuple[Kind, str]:
    """Return the kind and the value of a target's text form; what names no kind is a tag's."""
    kind, colon, value = text.partition(":")
    if kind in KINDS and (colon or kind == "broadcast"):
        return kind, value
    return "tag", text


def join_target(kind: Kind, value: str) -> str:
    """Return a target's text form."""
    return "broadcast" if kind == "broadcast" else f"{kind}:{value.strip()}"


def kind_pieces(active: Kind, letters: Mapping[str, str], style: KindStyle) -> tuple[Ink, ...]:
    """Return the four kinds, the letter of each one's key underlined; where there is no room the others by it alone."""
    names = SHORT_KIND_NAMES if style == "short" else KIND_NAMES
    are_keys = style == "keys" and all(letters.get(kind) for kind in KINDS)
    pieces = [Ink("alt+", "faint")] if are_keys else []
    for kind in KINDS:
        name, letter = names[kind], letters.get(kind, "")
        ink, fill = ("accent", "accent_fill") if kind == active else ("muted", "")
        is_letter = style in ("keys", "letters") and kind != active
        word = (letter or name[0]).upper() if is_letter else name
        pieces += [
            Ink(" ", ink, fill, press=kind),
            *_marked(word, letter, kind, ink, fill),
            *(() if is_letter else (Ink(" ", ink, fill, press=kind),)),
            *((Ink(" "),) if style == "full" else ()),
        ]
    pieces.append(Ink("  "))
    return tuple(pieces)


def _marked(word: str, letter: str, press: str, role: str = "faint", fill: str = "") -> tuple[Ink, ...]:
    """Return a word to be clicked, with the first of a letter in it underlined; no letter: none."""
    place = word.lower().find(letter.lower()) if letter else -1
    parts = (word,) if place < 0 else (word[:place], word[place], word[place + 1 :])
    return tuple(
        Ink(part, role, fill, bold=bool(fill), press=press, underline=number == 1)
        for number, part in enumerate(parts)
        if part
    )


def reach_pieces(reach: Reach, sessions: int, width: int) -> tuple[Ink, ...]:
    """Return how many of how many, each name with its dot as long as they fit, and how many will be held."""
    if not reach.is_known:
        return (Ink("…", "faint"),)
    if reach.reason:
        return (Ink("nobody", "wait", bold=True), Ink(f"   {reach.reason}", "muted"))
    recipients = reach.recipients
    head = [Ink(str(len(recipients)), "strong", bold=True), Ink(f" of {sessions}", "muted")]
    held = sum(not recipient.is_connected for recipient in recipients)
    tail = [GAP, Ink(f"{held} will be held", "wait")] if held else []
    room = width - width_of(head) - width_of(tail)
    names: list[Ink] = []
    for place, recipient in enumerate(recipients):
        rest = len(recipients) - place
        piece = [
            GAP,
            Ink("●" if recipient.is_connected else "○", "ok" if recipient.is_connected else "faint"),
            Ink(f" {printable(recipient.name)}", "text" if recipient.is_connected else "muted"),
        ]
        needed = width_of(names) + width_of(piece) + (0 if rest == 1 else len(f"   +{rest - 1}"))
        if needed > room:
            names += [Ink(f"   +{rest}", "muted")]
            break
        names += piece
    return (*head, *names, *tail)


def closed_pieces(draft: Draft, reach: Reach, palette: Palette) -> tuple[Ink, ...]:
    """Return a draft on one line."""
    if draft.is_empty:
        return (Ink("nothing written", "faint"),)
    kind, value = split_target(draft.target)
    pieces = [Ink("to ", "faint"), *_target_pieces(kind, value, palette)]
    if draft.repo:
        pieces.append(Ink(f" in {repo_name(draft.repo, ())}", "muted"))
    if reach.is_known:
        count = len(reach.recipients)
        pieces.append(Ink(f"  {count} recipient{'' if count == 1 else 's'}", "muted" if count else "wait"))
    namespace, dot, last = draft.msg_type.rpartition(".")
    pieces += [Ink("   "), Ink(namespace + dot, "faint"), Ink(last, "text"), Ink("   ")]
    return (*pieces, *preview_pieces(draft.payload))


def preview_pieces(payload: str) -> list[Ink]:
    """Return the beginning of a payload in its colours, on one line."""
    text = " ".join(payload[:PREVIEW_CHARS].split())
    pieces: list[Ink] = []
    end = 0
    for start, stop, kind in tokens(text):
        pieces.append(Ink(text[end:start], "muted"))
        role = {"punctuation": "ghost", "key": "faint"}.get(kind, "muted")
        pieces.append(Ink(text[start:stop].strip('"') if kind == "key" else text[start:stop], role))
        end = stop
    pieces.append(Ink(text[end:], "muted"))
    return pieces


def sender_pieces(sender: SessionInfo | None, palette: Palette, *, is_you: bool) -> tuple[Ink, ...]:
    """Return who sends."""
    if sender is None:
        return (Ink("you", "muted", italic=True),)
    name = (Ink(printable(sender.name), name_colour(sender.name, palette)),)
    return (*name, Ink(" you", "muted", italic=True)) if is_you else name


def fault_pieces(fault: Fault) -> tuple[Ink, ...]:
    """Return where a text is no JSON, and why."""
    return (
        Ink(" ✗ ", "bad", bold=True),
        Ink(f"line {fault.line}, column {fault.column}", "bad", bold=True),
        Ink(f"  {fault.reason}", "text"),
    )


def valid_pieces(payload: str) -> tuple[Ink, ...]:
    """Return that a payload is fine, and how long it is."""
    if not payload.strip():
        return (Ink("✓ no payload", "ok"), Ink("   null is sent", "muted"))
    lines, size_bytes = payload.count("\n") + 1, len(payload.strip().encode(errors="replace"))
    words = f"   {lines:,} line{'' if lines == 1 else 's'}, {size_bytes:,} bytes"
    return (Ink("✓ valid JSON", "ok"), Ink(words, "faint"))


def spent_pieces() -> tuple[Ink, ...]:
    """Return that what was written has been sent, and what to do to send more."""
    return (Ink("✓ sent", "ok"), Ink("   write a payload to send again, or null for none", "muted"))


def receipt_pieces(recipients: Sequence[Recipient]) -> tuple[Ink, ...]:
    """Return who will be handed what was sent."""
    held = sum(not recipient.is_connected for recipient in recipients)
    names = ", ".join(printable(recipient.name) for recipient in recipients[:8])
    more = f" and {len(recipients) - 8} more" if len(recipients) > 8 else ""  # noqa: PLR2004
    waits = (Ink(f"   {held} held", "wait"),) if held else ()
    return (Ink(f"✓ sent to {len(recipients)}", "ok", bold=True), Ink(f"   {names}{more}", "muted"), *waits)


def button_pieces(reach: Reach, key: str, *, is_off: bool) -> tuple[Ink, ...]:
    """Return the one button, with its key, which counts; or that it is off."""
    if is_off:
        return (Ink("send is off ", "muted"),)
    if reach.is_known and reach.reason:
        return (Ink("nobody to send to ", "muted", press="send"),)
    count = f" to {len(reach.recipients)}" if reach.is_known else ""
    return (Ink(f" {key}  send{count} ", "on_accent", "accent", bold=True, press="send"), Ink(" "))


def find_session(sessions: Iterable[SessionInfo], text: str) -> SessionInfo | None:
    """Return the session of this name or id."""
    return next((info for info in sessions if text in (info.name, str(info.id))), None)


def _target_pieces(kind: Kind, value: str, palette: Palette) -> list[Ink]:
    shown = printable(value)
    if kind == "tag" and value:
        colour = tag_colour(value, palette)
        return [Ink(chip_text(shown, palette), colour.text, colour.fill)]
    if kind == "worktree":
        return [Ink(f"@{shown.rpartition('/')[2]}", "text")]
    return [Ink("*" if kind == "broadcast" else shown or "…", "text")]
