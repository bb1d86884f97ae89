"""A payload, or other JSON, as a person gives it, to JSON as it goes on the wire. Reads stdin and files."""

from __future__ import annotations

import os

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import FILES, Argument
from fugue_core.client.jsontext import BadJson, Raw, check_payload
from fugue_core.printable import printable

_STDIN = 0
_READ_BYTES = 1 << 20

PAYLOAD = Argument(
    "PAYLOAD",
    help="the payload: JSON, - to read it from stdin, @FILE to read it from a file; absent: null",
    is_optional=True,
    completes=FILES,
)


def read_payload(text: str | None) -> Raw:
    """Return the payload as it goes on the wire.

    Args:
        text: JSON, `-` for stdin, `@FILE`, or None for null.

    Raises:
        Failure: It is no JSON, or cannot be read.
    """
    return Raw("null") if text is None else read_json(text, "payload")


def read_json(text: str, noun: str) -> Raw:
    """Return JSON, read from stdin where `text` is `-`, from a file where it is `@FILE`. Raises `Failure`."""
    source, content = noun, text
    if text == "-":
        source, content = f"{noun} on stdin", _read(_STDIN)
    elif text.startswith("@"):
        source, content = f"{noun} in {text[1:]}", _read_file(text[1:])
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
