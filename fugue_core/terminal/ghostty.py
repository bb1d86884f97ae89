"""A screen kept by Ghostty's emulator, libghostty-vt, by way of pyghostty. No I/O."""

from __future__ import annotations

from typing import Literal

from pyghostty import lib

from fugue_core.protocol.window import CursorShape, Line, Modes, Mouse, MouseEncoding
from fugue_core.terminal.native import Terminal
from fugue_core.terminal.redraw import redraw
from fugue_core.terminal.screen import Position, ansi_line, text_line

TITLE_LIMIT = 1024


class GhosttyScreen:
    """What Ghostty would show."""

    kind: Literal["ghostty"] = "ghostty"

    def __init__(self, cols: int, rows: int, scrollback_lines: int) -> None:
        self._terminal = Terminal(cols, rows, scrollback_lines)

    @property
    def cols(self) -> int:
        """Its width in cells."""
        return self._terminal.cols

    @property
    def rows(self) -> int:
        """Its height in cells."""
        return self._terminal.rows

    @property
    def title(self) -> str:
        """What the program called its window."""
        return self._terminal.text(lib.GHOSTTY_TERMINAL_DATA_TITLE)[:TITLE_LIMIT]

    @property
    def bells(self) -> int:
        """How often the bell was rung."""
        return self._terminal.bells

    @property
    def cursor(self) -> Position:
        """Where the cursor is."""
        get = self._terminal.get
        row: int = get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_Y, "uint16_t")
        return Position(row, get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_X, "uint16_t"))

    @property
    def is_cursor_visible(self) -> bool:
        """Whether the program shows the cursor."""
        return self._terminal.is_set(25)

    @property
    def cursor_shape(self) -> CursorShape:
        """How the cursor looks."""
        return _SHAPES.get(self._terminal.cursor_shape(), "block")

    @property
    def is_cursor_blinking(self) -> bool:
        """Whether the cursor blinks."""
        return self._terminal.is_set(12)

    @property
    def modes(self) -> Modes:
        """How the program wants to be told of keys."""
        is_set = self._terminal.is_set
        return Modes(
            application_cursor_keys=is_set(1),
            application_keypad=is_set(66),
            bracketed_paste=is_set(2004),
            focus_events=is_set(1004),
            mouse=next((name for mode, name in _MOUSE if is_set(mode)), "none"),
            mouse_encoding=next((name for mode, name in _MOUSE_ENCODING if is_set(mode)), "x10"),
            kitty_keyboard=self._terminal.get(lib.GHOSTTY_TERMINAL_DATA_KITTY_KEYBOARD_FLAGS, "uint8_t"),
            is_alternate=self._terminal.is_alternate,
            is_alternate_scroll=is_set(1007),
        )

    @property
    def history_rows(self) -> int:
        """How many lines are kept above the screen."""
        return self._terminal.history_rows

    def feed(self, data: bytes) -> bytes:
        """Take output of the program; return what the terminal answers."""
        return self._terminal.feed(data)

    def resize(self, cols: int, rows: int) -> None:
        """Change the size, and wrap lines anew."""
        self._terminal.resize(cols, rows)

    def changed_lines(self) -> dict[int, Line]:
        """Return the rows that changed since the last call."""
        return self._terminal.changed_lines()

    def lines(self, first: int, count: int) -> list[Line]:
        """Return lines from the scrollback and the screen."""
        first = max(0, first)
        count = min(count, self.history_rows + self.rows - first)
        return self._terminal.lines(first, count) if count > 0 else []

    def capture(self, *, scrollback: bool = False, ansi: bool = False) -> str:
        """Return the screen as text."""
        history_rows = self.history_rows
        first = 0 if scrollback else history_rows
        lines = self.lines(first, history_rows + self.rows - first)
        if scrollback and self._terminal.is_alternate:
            primary = self._terminal.primary()
            if primary is not None:
                lines = primary.lines(0, primary.history_rows) + lines
                primary.close()
        show = ansi_line if ansi else text_line
        return "".join(f"{show(line)}\n" for line in lines)

    def redraw(self, *, scrollback: bool = False, is_quick: bool = False) -> bytes:
        """Return what makes another terminal like this one."""
        return redraw(self._terminal, has_scrollback=scrollback, is_quick=is_quick)

    def close(self) -> None:
        """Give back the memory."""
        self._terminal.close()


_SHAPES: dict[int, CursorShape] = {
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_BAR: "bar",
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_UNDERLINE: "underline",
}
_MOUSE: tuple[tuple[int, Mouse], ...] = ((1003, "motion"), (1002, "drag"), (1000, "click"), (9, "press"))
_MOUSE_ENCODING: tuple[tuple[int, MouseEncoding], ...] = (
    (1016, "pixels"),
    (1006, "sgr"),
    (1015, "urxvt"),
    (1005, "utf8"),
)
