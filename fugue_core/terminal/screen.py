"""The screen of a window: what a terminal that was given the program's output would show. No I/O.

`Screen` is the port. `open_screen` gives the best that works here: the emulator on pyghostty, or one that keeps the raw
bytes and understands none of them.

Rows and columns count from 0. What lines are made of is what crosses the wire, so it is said there.
"""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple, Protocol

from fugue_core.protocol.window import (
    BLINK,
    BOLD,
    DIRECT,
    FAINT,
    INVERSE,
    INVISIBLE,
    ITALIC,
    STRIKE,
    UNDERLINE,
    CursorShape,
    Line,
    Modes,
    Run,
)

logger = logging.getLogger(__name__)

SCROLLBACK_LINES = 10_000
REPLY_LIMIT_BYTES = 64 * 1024
"""Of the answers to one `feed`; who asks for more in one breath does not read them, and the rest is dropped."""

RESET = (
    b"\x18\x1b\\"  # out of whatever sequence was under way
    b"\x1b[?1049l\x1b[?47l\x1b[!p\x1b[?6l\x1b[?69l\x1b[r\x1b[4l\x1b[20l\x1b[?1l\x1b[?5l\x1b[?7h\x1b[?25h\x1b>"
    b"\x1b[?40l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    b"\x1b[?2004l\x1b[?2026l\x1b[?2031l\x1b[?2048l\x1b[=0u\x1b[>4;0m\x1b[0 q\x1b(B\x0f\x1b]8;;\x1b\\\x1b[m"
    b"\x1b[H\x1b[2J"
)
"""What makes a terminal that was used look fresh, but for its scrollback and its tabs: to be sent before `redraw`."""


class Position(NamedTuple):
    """A place on the screen."""

    row: int
    column: int


class Screen(Protocol):
    """What stands on a terminal. Not for use from two threads at once."""

    @property
    def kind(self) -> Literal["ghostty", "plain"]:
        """Who keeps it. `plain` knows no colours, cursor, modes, title or bell, and shows text as it came."""

    @property
    def cols(self) -> int:
        """Its width in cells."""

    @property
    def rows(self) -> int:
        """Its height in cells."""

    @property
    def title(self) -> str:
        """What the program called its window, unfiltered; empty where it did not."""

    @property
    def bells(self) -> int:
        """How often the bell was rung."""

    @property
    def cursor(self) -> Position:
        """Where the cursor is."""

    @property
    def is_cursor_visible(self) -> bool:
        """Whether the program shows the cursor."""

    @property
    def cursor_shape(self) -> CursorShape:
        """How the cursor looks."""

    @property
    def is_cursor_blinking(self) -> bool:
        """Whether the cursor blinks."""

    @property
    def modes(self) -> Modes:
        """How the program wants to be told of keys."""

    @property
    def history_rows(self) -> int:
        """How many lines have left the screen at its top and are kept; none on the alternate screen."""

    def feed(self, data: bytes) -> bytes:
        """Take output of the program; return what a terminal answers it (where the cursor is, what it can do).

        `data` may end anywhere. The answer is to be written to the program, by one terminal alone: where a client's own
        terminal answers too, one of the two must be kept back. At most `REPLY_LIMIT_BYTES`.
        """

    def resize(self, cols: int, rows: int) -> None:
        """Change the size, 1 to 65,535 each; lines that were wrapped are wrapped anew."""

    def changed_lines(self) -> dict[int, Line]:
        """Return the rows that changed since the last call, by row; at first, and after a resize, all of them.

        Costs what changed. A row may be among them that looks as before.
        """

    def lines(self, first: int, count: int) -> list[Line]:
        """Return up to `count` lines; 0 is the oldest that is kept, `history_rows` the topmost on the screen."""

    def capture(self, *, scrollback: bool = False, ansi: bool = False) -> str:
        """Return the screen as text, each row ended by a line feed, blanks at its end left out; as tmux does.

        Args:
            scrollback: With what is kept above the screen before it; also when on the alternate screen.
            ansi: With colours and attributes. Each line stands for itself and ends as it began, without any.
        """

    def redraw(self, *, scrollback: bool = False, is_quick: bool = False) -> bytes:
        """Return what makes a fresh terminal of the same size look and behave like this one.

        It ends within a sequence where `feed` last did, so that the program's next output can follow at once.

        Args:
            scrollback: Let its scrollback be the same too.
            is_quick: Let the looks of what is in the scrollback differ a little, for a twentieth of the time.
        """

    def close(self) -> None:
        """Give back the memory. Nothing else may be called afterwards but this."""


def open_screen(cols: int, rows: int, scrollback_lines: int = SCROLLBACK_LINES) -> Screen:
    """Return a blank screen that keeps `scrollback_lines` lines; its `kind` says how well it understands.

    The first call takes some 0.2 s, to load the emulator.
    """
    try:
        import pyghostty  # noqa: F401, PLC0415  # 0.2 s, and not there everywhere
    except (ImportError, OSError) as error:  # no wheel for this platform, or one whose library does not load
        from fugue_core.terminal.plain import PlainScreen  # noqa: PLC0415  # seldom needed

        _say_once(error)
        return PlainScreen(cols, rows, scrollback_lines)
    from fugue_core.terminal.ghostty import GhosttyScreen  # noqa: PLC0415  # imports pyghostty

    return GhosttyScreen(cols, rows, scrollback_lines)


_said: set[str] = set()


def _say_once(error: Exception) -> None:
    if str(error) not in _said:
        _said.add(str(error))
        logger.warning("programs' screens are kept as raw bytes only: %s", error)


def ansi_line(line: Line) -> str:
    """Return `line` with the sequences that give it its look, ending without any."""
    return "".join(f"\x1b[0{sgr(run)}m{run.text}\x1b[0m" if sgr(run) else run.text for run in line)


def text_line(line: Line) -> str:
    """Return what `line` says, without blanks at its end."""
    return "".join(run.text for run in line).rstrip(" ")


def sgr(run: Run) -> str:
    """Return the parameters of the sequence that gives `run` its look, each after a semicolon; empty for none."""
    found = "".join(f";{code}" for flag, code in _CODES if run.attrs & flag) if run.attrs else ""
    if run.fg is not None:
        found += _colour(run.fg, 30)
    if run.bg is not None:
        found += _colour(run.bg, 40)
    return found


_CODES = ((BOLD, 1), (FAINT, 2), (ITALIC, 3), (UNDERLINE, 4), (BLINK, 5), (INVERSE, 7), (INVISIBLE, 8), (STRIKE, 9))


def _colour(colour: int, base: int) -> str:
    if colour & DIRECT:
        return f";{base + 8};2;{colour >> 16 & 255};{colour >> 8 & 255};{colour & 255}"
    if colour < 8:  # noqa: PLR2004  # the first eight colours have codes of their own
        return f";{base + colour}"
    if colour < 16:  # noqa: PLR2004  # and so have their bright kin
        return f";{base + 52 + colour}"
    return f";{base + 8};5;{colour}"
