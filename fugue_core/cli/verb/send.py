"""`fugue send`: one message to whoever is at a target."""

from __future__ import annotations

import os

from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import FILES, MESSAGE_TYPES, SECONDS, SESSIONS, TARGETS, UUID, Argument, Option, Verb
from fugue_core.cli.target import read_target
from fugue_core.client.jsontext import BadJson, Raw, check_payload, decode
from fugue_core.client.oneshot import new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_STDIN = 0
_READ_BYTES = 1 << 20


def run(command: Command) -> int:
    """Send, or with --dry-run only ask who would receive it."""
    sender = command.identity("from")
    target = read_target(command.required("target"))
    payload = _payload(command.text("payload"))
    if command.has("dry-run"):
        answer = command.ask("message.resolve", {"target": target}, session=sender)
    else:
        message: Encodable = {"msg_type": command.required("msg_type"), "payload": payload}
        params = {"target": target, "message": message, "id": command.text("id") or new_id()}
        if command.has("reply-to"):
            params["reply_to"] = command.text("reply-to")
        if command.has("ttl"):
            params["ttl_s"] = command.seconds("ttl")
        answer = command.ask("message.send", params, session=sender)
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(_sentence(decode(answer)))
    return outcome.DONE


def _sentence(answer: dict[str, Any]) -> str:
    recipients = answer["recipients"]
    names = ", ".join(printable(recipient["name"]) for recipient in recipients) or "nobody else is in this repository"
    what = f"sent {answer['id']}" if "id" in answer else "would be sent"
    waiting = [printable(recipient["name"]) for recipient in recipients if not recipient["is_connected"]]
    if not waiting:
        note = ""
    elif len(waiting) == 1:
        note = f" ({waiting[0]} is not connected: it waits)"
    else:
        who = "all" if len(waiting) == len(recipients) else ", ".join(waiting)
        note = f" ({who} are not connected: it waits)"
    return f"{what} → {len(recipients)}: {names}{note}"


def _payload(text: str | None) -> Raw:
    """Return the payload as it goes on the wire; `text` is JSON, `-` for stdin, `@FILE`, or None for null."""
    if text is None:
        return Raw("null")
    source, content = "payload", text
    if text == "-":
        source, content = "payload on stdin", _read(_STDIN)
    elif text.startswith("@"):
        source, content = f"payload in {text[1:]}", _read_file(text[1:])
    try:
        return check_payload(content)
    except BadJson as error:
        raise Failure(outcome.USAGE, f"{source} is no JSON: {error}\n{_pointer(error)}") from None


def _pointer(error: BadJson) -> str:
    """Return the line with the fault, a mark under it, and the remedy for what people get wrong most."""
    before, after = printable(error.source[: error.column - 1]), printable(error.source[error.column - 1 :])
    lines = [f"  {before[-60:]}{after[:20]}", "  " + " " * len(before[-60:]) + "^"]
    if error.line == error.column == 1 and error.source[:1].isalpha():
        lines.append("a text is written with its quotes: '\"like this\"'")
    return "\n".join(lines)


def _read_file(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Failure(outcome.FAILED, f"cannot read {path}: {error.strerror}") from None
    try:
        return _read(fd)
    except OSError as error:
        raise Failure(outcome.FAILED, f"cannot read {path}: {error.strerror}") from None
    finally:
        os.close(fd)


def _read(fd: int) -> str:
    pieces = []
    while piece := os.read(fd, _READ_BYTES):
        pieces.append(piece)
    return b"".join(pieces).decode(errors="surrogateescape")  # check_payload says where it is no UTF-8


VERB = Verb(
    "send",
    "Send one message to every session at a target",
    run=run,
    details="""\
The answer says who will be handed it: it is on disk, and whoever is not connected finds it later. What a type and its
payload mean is up to you; the payload travels byte for byte.

The sender is --from, or else the session of this shell, $FUGUE_SESSION.""",
    arguments=(
        Argument("TARGET", help="tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH", completes=TARGETS),
        Argument("MSG_TYPE", help="what kind of message it is, in your own words", completes=MESSAGE_TYPES),
        Argument(
            "PAYLOAD",
            help="the payload: JSON, - to read it from stdin, @FILE to read it from a file; absent: null",
            is_optional=True,
            completes=FILES,
        ),
    ),
    options=(
        Option("-F", "--from", metavar="SESSION", help="send as this session", completes=SESSIONS),
        Option("-r", "--reply-to", metavar="ID", kind=UUID, help="the message that this one answers"),
        Option("--id", metavar="ID", kind=UUID, help="the message's id; sent again under the same id it arrives once"),
        Option("--ttl", metavar="S", kind=SECONDS, help="hand it to nobody after so many seconds"),
        Option("-n", "--dry-run", help="send nothing, only say who would receive it"),
    ),
    examples=(
        ("""fugue send session:bob greeting '{"text": "hello"}'""", "to one session"),
        (
            """fugue send tag:builder build.requested @request.json""",
            "to all that carry a tag, the payload from a file",
        ),
        ("""make test 2>&1 | jq -Rs . | fugue send broadcast test.log -""", "to all in this repository, from a pipe"),
        ("""fugue send --dry-run worktree:../api ping""", "who would receive it?"),
    ),
)
