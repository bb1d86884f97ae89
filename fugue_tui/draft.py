"""What a person writes, as it stands in the fields, right or wrong; and how it survives the end of the app.

Only `load_desk` and `save_desk` touch the disk.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence

import msgspec

from fugue_core.protocol.message import encode_payload
from fugue_core.protocol.target import Tagged, WireTarget, parse_target

SENT_KEPT = 100
SENT_CHARS = 2_000_000
"""Payload text of the sent ones that is kept; the oldest go first."""
ASIDE_KEPT = 20
"""Drafts that wait for a reply to be over; the oldest go first."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is being written.

    Fields:
        target: In the text form for people, `tag:mayor`.
        sender: The id or the name of the session that sends it; empty: the human's.
        repo: Where a tag counts; empty: anywhere. The text form of a target has no place for it.
        reply_to: The id of the message that it answers, or an empty text.
    """

    target: str = ""
    msg_type: str = ""
    payload: str = ""
    reply_to: str = ""
    sender: str = ""
    repo: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written that would be missed."""
        return not (self.target.partition(":")[2] or self.msg_type or self.payload.strip())

    def emptied(self) -> Draft:
        """Return what stays when it was sent: whom it went to, from whom, and its type."""
        return msgspec.structs.replace(self, payload="", reply_to="")

    def read_target(self) -> WireTarget:
        """Return the target. Raises `InvalidValue`."""
        target = parse_target(self.target.strip())
        return Tagged(target.tag, self.repo) if isinstance(target, Tagged) and self.repo else target

    def read_payload(self) -> bytes:
        """Return the payload as the daemon would take it; what is empty is null. Raises `InvalidPayload`."""
        text = self.payload.strip().encode(errors="surrogatepass")
        return encode_payload(msgspec.Raw(text)) if text else b"null"


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept between two runs.

    Fields:
        sent: The newest last.
        aside: What was being written when a reply began, the last one last.
    """

    draft: Draft = Draft()
    sent: tuple[Draft, ...] = ()
    aside: tuple[Draft, ...] = ()

    def with_sent(self, sent: Draft) -> Desk:
        """Return the desk with one more sent message; a repeated one moves to the end."""
        kept = [*(draft for draft in self.sent if draft != sent), sent][-SENT_KEPT:]
        while len(kept) > 1 and sum(len(draft.payload) for draft in kept) > SENT_CHARS:
            del kept[0]
        return msgspec.structs.replace(self, sent=tuple(kept))

    def lay_aside(self, draft: Draft) -> Desk:
        """Return the desk with a draft that waits; where nothing is written, as it is."""
        aside = self.aside if draft.is_empty else (*self.aside, draft)[-ASIDE_KEPT:]
        return msgspec.structs.replace(self, aside=aside)

    def begin(self, target: str, *, msg_type: str = "", payload: str = "", reply_to: str = "") -> Desk:
        """Return the desk with a message to `target` begun.

        What is written goes on under the new target, but for what answers another message, or none: that is laid aside,
        and comes back when the new one is sent or given up. A reply in which nothing is written is not kept. A payload
        goes in only where none is written: the history has what was sent, but not what was not.
        """
        now, aside = self.draft, self.aside
        if reply_to != now.reply_to:
            has_words = bool(now.msg_type or now.payload.strip())
            aside = self.lay_aside(now).aside if has_words or not now.reply_to else aside
            now = Draft()
        begun = msgspec.structs.replace(
            now,
            target=target,
            repo="",
            reply_to=reply_to,
            msg_type=msg_type or now.msg_type,
            payload=now.payload if now.payload.strip() else payload,
        )
        return msgspec.structs.replace(self, draft=begun, aside=aside)

    def drop(self) -> Desk:
        """Return the desk without what is written; what was laid aside last stands in its place."""
        return msgspec.structs.replace(self, draft=self.aside[-1] if self.aside else Draft(), aside=self.aside[:-1])

    def send(self, sent: Draft) -> Desk:
        """Return the desk after `sent` has gone out.

        In its place stands what was laid aside last, else an empty one of its kind. What was written meanwhile stays.
        """
        aside = tuple(draft for draft in self.aside if draft != sent)
        desk = msgspec.structs.replace(self.with_sent(sent), aside=aside)
        if self.draft != sent:
            return desk
        return desk.drop() if aside else msgspec.structs.replace(desk, draft=sent.emptied())


class Pages:
    """The messages that were sent, to turn through; the newest page is what is being written.

    Each page keeps what is changed on it until `close`.
    """

    def __init__(self) -> None:
        self._pages: list[Draft] = []
        self._place = 0

    @property
    def age(self) -> int | None:
        """How many pages one has gone back; None: nobody has turned."""
        return len(self._pages) - 1 - self._place if self._pages else None

    def turn(self, step: int, sent: Sequence[Draft], written: Draft) -> Draft | None:
        """Go `step` pages on, or back: what stands there, or None at the end. `written` is kept where one is now."""
        if not self._pages:
            self._pages = [*sent, written]
            self._place = len(sent)
        self._pages[self._place] = written
        place = max(0, min(self._place + step, len(self._pages) - 1))
        if place == self._place:
            return None
        self._place = place
        return self._pages[place]

    def newest(self, shown: Draft) -> Draft:
        """Return what is being written, whichever page is shown."""
        return self._pages[-1] if self.age else shown

    def close(self) -> None:
        """Forget the pages; the next turn begins with what is written then."""
        self._pages = []


def desk_path(state_dir: str) -> str:
    """Return where a server's drafts are kept."""
    return f"{state_dir}/draft.json"


def load_desk(path: str) -> Desk:
    """Return what was kept; an empty desk where there is nothing, or nothing that can be read."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Desk)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Desk()


def save_desk(path: str, desk: Desk) -> None:
    """Keep `desk`: all of it or what was there before, and for nobody else's eyes. Raises `OSError`."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=directory, prefix=".draft-")  # mode 0600
    try:
        with open(fd, "wb") as file:
            file.write(msgspec.json.encode(desk))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
