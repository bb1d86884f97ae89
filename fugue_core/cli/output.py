"""stdout for data, stderr for words. Writes to the file descriptors, so that each line is out when a call returns."""

from __future__ import annotations

import os

from fugue_core.cli.spec import MOST_CELLS
from fugue_core.printable import printable

_STDOUT = 1
_STDERR = 2
_BEYOND_16_BITS = 0x10000


class OutputClosed(Exception):
    """What is printed goes nowhere any more.

    Attributes:
        written_bytes: How much of what was to be written is out.
        reason: Why, for people; None where the reader simply went away, as `head` does when it has enough.
    """

    def __init__(self, written_bytes: int, reason: str | None) -> None:
        super().__init__(reason or "nobody reads the output")
        self.written_bytes = written_bytes
        self.reason = reason


def put(text: str) -> None:
    """Write `text`, which must be fit for a terminal already, and a newline to stdout. Raises `OutputClosed`."""
    put_bytes(f"{text}\n".encode(errors="backslashreplace"))


def put_json(text: str) -> None:
    """Write one line of JSON to stdout, see `json_line`. Raises `OutputClosed`."""
    put(json_line(text))


def json_line(text: str) -> str:
    """Return JSON `text` as it may go to stdout: for a pipe or file as it is, for a terminal all of it printable."""
    return terminal_json(text) if is_terminal() else text


def put_bytes(data: bytes) -> None:
    """Write all of `data` to stdout. Raises `OutputClosed`, also where the disk is full."""
    written = 0
    try:
        while written < len(data):
            try:
                written += os.write(_STDOUT, data[written:] if written else data)
            except BlockingIOError:
                _wait_until_writable()
    except BrokenPipeError:
        raise OutputClosed(written, None) from None
    except OSError as error:
        raise OutputClosed(written, f"cannot write to stdout: {error.strerror}") from None


def say(text: str) -> None:
    """Write words for people to stderr, made printable line by line; where nobody can read them, be quiet."""
    words = "\n".join(map(printable, text.split("\n")))
    try:  # contextlib.suppress would be an import
        os.write(_STDERR, f"{words}\n".encode(errors="backslashreplace"))
    except OSError:
        return


def is_terminal(fd: int = _STDOUT) -> bool:
    """Say whether a person looks at `fd` (stdout, unless another is given)."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def terminal_size(fd: int = _STDOUT) -> tuple[int, int] | None:
    """Return the columns and rows of a terminal, as far as a window may have them; None where nobody knows them."""
    try:
        cols, rows = os.get_terminal_size(fd)
    except OSError:
        return None
    return (min(cols, MOST_CELLS), min(rows, MOST_CELLS)) if cols and rows else None


def terminal_json(text: str) -> str:
    r"""Return JSON `text`, still JSON and of the same value, with all that is not printable as `\uXXXX`."""
    return text if text.isprintable() else "".join(map(_json_visible, text))


def _json_visible(character: str) -> str:
    if character.isprintable():
        return character
    if character in "\t\n\r":  # in JSON they stand between values only
        return " "
    number = ord(character)
    if number < _BEYOND_16_BITS:
        return f"\\u{number:04x}"
    number -= _BEYOND_16_BITS
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"


def _wait_until_writable() -> None:
    import select  # noqa: PLC0415  # only where another program made our stdout non-blocking

    poll = select.poll()
    poll.register(_STDOUT, select.POLLOUT)
    poll.poll()
