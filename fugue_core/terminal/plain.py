"""A screen without an emulator: the end of what the program printed, as it came. No I/O."""

from __future__ import annotations

import re
from typing import Literal

from fugue_core.protocol.window import CursorShape, Line, Modes, Run
from fugue_core.terminal.screen import Position

TAIL_BYTES = 256 * 1024
"""At least as much of the output is kept, and at most twice that; a full-screen program draws all anew within it."""

_SEQUENCE = re.compile(
    r"\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # strings: titles, and the like
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # control sequences
    r"|\x1b[ -/]*[0-~]?"  # the short ones
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]",
    re.DOTALL,
)


class PlainScreen:
    """The end of the output, shown as text: good for reading a log, and for what a client's terminal makes of it.

    Cost of reading it: what is kept, every time.
    """

    kind: Literal["plain"] = "plain"
    title = ""
    bells = 0
    is_cursor_visible = True
    cursor_shape: CursorShape = "block"
    is_cursor_blinking = False
    modes = Modes()

    def __init__(self, cols: int, rows: int, scrollback_lines: int) -> None:
        self.cols = cols
        self.rows = rows
        self._scrollback_lines = scrollback_lines
        self._tail = bytearray()
        self._has_changed = True

    @property
    def cursor(self) -> Position:
        """The end of the text."""
        rows = self._screen()
        used = max((row for row, text in enumerate(rows) if text), default=0)
        return Position(used, min(len(rows[used]), self.cols - 1))

    @property
    def history_rows(self) -> int:
        """How many lines of text are kept above the last `rows`."""
        return max(0, len(self._texts()) - self.rows)

    def feed(self, data: bytes) -> bytes:
        """Keep the end of it; answer nothing, since nothing is understood."""
        self._has_changed = True
        if len(data) >= 2 * TAIL_BYTES:
            data = data[-TAIL_BYTES:]
            self._tail.clear()
        self._tail += data
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]
            start = self._tail.find(b"\n")  # so that no line begins in the middle of a sequence
            del self._tail[: start + 1]
        return b""

    def resize(self, cols: int, rows: int) -> None:
        """Let the text be wrapped at another width."""
        self.cols = cols
        self.rows = rows
        self._has_changed = True

    def changed_lines(self) -> dict[int, Line]:
        """Return all rows, where anything came."""
        if not self._has_changed:
            return {}
        self._has_changed = False
        return {row: _line(text) for row, text in enumerate(self._screen())}

    def lines(self, first: int, count: int) -> list[Line]:
        """Return lines of text."""
        texts = self._texts()
        texts += [""] * (self.rows - len(texts))
        return [_line(text) for text in texts[max(0, first) : max(0, first + count)]]

    def capture(self, *, scrollback: bool = False, ansi: bool = False) -> str:  # noqa: ARG002  # the port's
        """Return the text; there are no colours to be had."""
        texts = self._screen()
        if scrollback:
            texts = self._texts()
            texts += [""] * (self.rows - len(texts))
        return "".join(f"{text.rstrip(' ')}\n" for text in texts)

    def redraw(self, *, scrollback: bool = False, is_quick: bool = False) -> bytes:  # noqa: ARG002  # bytes are all
        """Return what came last, for a terminal that understands it."""
        return bytes(self._tail)

    def close(self) -> None:
        """Forget everything."""
        self._tail.clear()

    def _screen(self) -> list[str]:
        texts = self._texts()[-self.rows :]
        return texts + [""] * (self.rows - len(texts))

    def _texts(self) -> list[str]:
        """Return the text wrapped at the width, as if every character were one cell wide."""
        found = []
        for line in _SEQUENCE.sub("", self._tail.decode(errors="replace")).split("\n"):
            text = line.expandtabs(8)
            found += [text[start : start + self.cols] for start in range(0, len(text), self.cols)] or [""]
        return found[-(self._scrollback_lines + self.rows) :]


def _line(text: str) -> Line:
    text = text.rstrip(" ")
    return (Run(text),) if text else ()
