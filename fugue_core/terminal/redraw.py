"""What makes a fresh terminal look and behave like one of Ghostty's. No I/O.

The library can write what stands in a terminal, but leaves out rows that hold nothing but a background, and sets the
modes before it has drawn, and stretches the look of a text over what was never written behind it: so it writes the rows
one by one and in parts, and the rest is put together here.
"""

from __future__ import annotations

import functools
import re

from pyghostty import lib

from fugue_core.protocol.window import DIRECT, UNDERLINE, Run
from fugue_core.terminal.cell import Stretch, colour, style
from fugue_core.terminal.native import Terminal
from fugue_core.terminal.screen import ansi_line, sgr, text_line

_MODES: tuple[int, ...] = (
    *(1, 5, 7, 8, 9, 25, 40, 45, 66, 67, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016),
    *(1035, 1036, 1039, 1045, 2004, 2027, 2031, 2048),
)
"""DEC's that are set where they are not as in a fresh terminal. Not 2026: what holds back drawing is soon over."""

_ANSI_MODES = (2, 4, 12, 20)
_ORIGIN, _BLINKING, _MARGINS = 6, 12, 69
_TOP = re.compile(rb"\x1b\[(\d+);\d+r")
_BLANK = re.compile(rb" [^\x1b]*")
_LEFT = re.compile(rb"\x1b\[(\d+);\d+s")

_SWALLOW = b"\x1b]9999;"
"""Begins a string that means nothing to anybody and takes in the rest of one that is too long to be begun again."""

_SHAPES = {
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_UNDERLINE: 4,
    lib.GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_BAR: 6,
}


def redraw(terminal: Terminal, *, has_scrollback: bool, is_quick: bool = False) -> bytes:
    """Return the sequences.

    Rows of the scrollback that hold nothing but a background come without it.

    Cost: the screen; with the whole scrollback, where that is asked for and where the alternate screen is shown. Ten
    thousand rows of it take 0.1 s, or `is_quick` 5 ms: then all of them are as the library writes them, and the look of
    a text stretches over what was never written behind it.
    """
    written = []
    if terminal.is_alternate:
        primary = terminal.primary()
        if primary is not None:
            row, column = _cursor(primary)
            written += _contents(primary, has_scrollback=has_scrollback, is_quick=is_quick)
            written += [*_place(primary, row, column), _pen(primary)]
            primary.close()
        written.append(b"\x1b[?%dh\x1b[m" % terminal.alternate_mode)
    written += _shown(terminal, has_scrollback=has_scrollback, is_quick=is_quick)
    if not terminal.get(lib.GHOSTTY_TERMINAL_DATA_VT_GROUND, "bool"):
        written.append(terminal.continuation() or _SWALLOW)
    return b"".join(written)


def _shown(terminal: Terminal, *, has_scrollback: bool, is_quick: bool) -> list[bytes]:
    """Write the screen that is shown: what stands there, and then how it behaves."""
    row, column = _cursor(terminal)
    region = _after(terminal, "scrolling_region")
    written = [
        *_contents(terminal, has_scrollback=has_scrollback and not terminal.is_alternate, is_quick=is_quick),
        _title(terminal),
        _tabs(terminal),
        b"\x1b[?69h" if terminal.is_set(_MARGINS) else b"",
        region,
    ]
    if terminal.is_set(_ORIGIN):  # places count from the region's corner
        written.append(b"\x1b[?6h")
        top, left = _TOP.search(region), _LEFT.search(region)
        row -= int(top[1]) - 1 if top else 0
        column -= int(left[1]) - 1 if left else 0
    return [
        *written,
        *_place(terminal, max(0, row), max(0, column)),
        _pen(terminal),
        _modes(terminal),
        _shape(terminal),
        _after(terminal, "keyboard", "kitty_keyboard", "charsets"),
    ]


def _contents(terminal: Terminal, *, has_scrollback: bool, is_quick: bool) -> list[bytes]:
    """Write what stands on the screen, and before it what stands above."""
    above = terminal.history_rows
    written = _scrollback(terminal, above, is_quick=is_quick) if has_scrollback and above else []
    is_wrapped = False
    lines = terminal.lines(above, terminal.rows)
    parted = [*terminal.stretches(above, terminal.rows), None]
    for row, line in enumerate(lines):
        will_wrap = _is_wrapped(terminal, above + row, parted[row + 1])
        if (line or will_wrap) and not is_wrapped:
            written.append(b"\x1b[%dH" % (row + 1))
        if text_line(line) or will_wrap:
            written.append(_row(terminal, above + row, parted[row]))
        else:
            written.append(ansi_line(line).encode())
        is_wrapped = will_wrap
    return written


def _scrollback(terminal: Terminal, above: int, *, is_quick: bool) -> list[bytes]:
    """Write what stands above the screen, so that all of it has left there."""
    used = _used(terminal, above)
    written = []
    start = 0  # of the rows that are not written yet
    parted = [*([None] * used if is_quick else terminal.stretches(0, used)), None]
    for line, parts in enumerate(parted[:-1]):
        if parts is None and line < used - 1:
            continue
        if start < line:
            written.append(terminal.format((start, 0), (line - 1, terminal.last_column(line - 1))))
            written.append(_next_row(terminal, line - 1, parts))
        written.append(_row(terminal, line, parts))
        if line < used - 1:
            written.append(_next_row(terminal, line, parted[line + 1]))
        start = line + 1
    return [*written, b"\x1b[m", b"\r\n" * (above - used + terminal.rows - (used == 0))]


def _next_row(terminal: Terminal, line: int, below: list[Stretch] | None) -> bytes:
    return b"" if _is_wrapped(terminal, line, below) else b"\x1b[m\r\n"


def _is_wrapped(terminal: Terminal, line: int, below: list[Stretch] | None) -> bool:
    """Say whether the next line, when written, goes on with this one: two blanks fit where one character did not."""
    return terminal.is_wrapped(line) and not (below and below[0].kind == "wide")


def _row(terminal: Terminal, line: int, parts: list[Stretch] | None) -> bytes:
    """Write one row."""
    end = terminal.last_column(line)
    if parts is None:
        return terminal.format((line, 0), (line, end))
    written = []
    for kind, first, last, look in parts:
        if kind == "gap":
            written.append(b"\x1b[m" + ansi_line((Run(" " * (last - first + 1), *look),)).encode())
        elif kind == "wide":
            written.append(_wide_blank(terminal.format((line, first), (line, first))))
        elif first <= end:
            written.append(terminal.format((line, first), (line, min(last, end))))
    return b"".join(written)


def _wide_blank(written: bytes) -> bytes:
    """Make two blanks of the one that the library writes for a blank of two cells, with what combines with it."""
    return _BLANK.sub(b"  ", written or b"\x1b[m ")


def _used(terminal: Terminal, rows: int) -> int:
    """Return how many of the topmost rows there are up to the last that has text."""
    while rows:
        first = max(0, rows - 64)
        for line in reversed(terminal.lines(first, rows - first)):
            if text_line(line):
                return rows
            rows -= 1
    return 0


def _title(terminal: Terminal) -> bytes:
    title = terminal.text(lib.GHOSTTY_TERMINAL_DATA_TITLE)
    safe = "".join(character for character in title if character.isprintable())
    return f"\x1b]2;{safe}\x1b\\".encode() if safe else b""


def _tabs(terminal: Terminal) -> bytes:
    """Write the tabs, where they are not at every eighth column."""
    corner = (terminal.history_rows, 0)
    tabs = terminal.format(corner, corner, "tabstops").removesuffix(terminal.format(corner, corner))
    usual = b"\x1b[3g" + b"".join(b"\x1b[%dG\x1bH" % (column + 1) for column in range(8, terminal.cols, 8))
    return b"" if tabs.removesuffix(b"\x1b[H") == usual else tabs


def _after(terminal: Terminal, *extras: str) -> bytes:
    """Let the library write what it writes after the contents."""
    corner = (terminal.history_rows, 0)
    return terminal.format(corner, corner, *extras).removeprefix(terminal.format(corner, corner))


def _cursor(terminal: Terminal) -> tuple[int, int]:
    row = terminal.get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_Y, "uint16_t")
    return row, terminal.get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_X, "uint16_t")


def _place(terminal: Terminal, row: int, column: int) -> list[bytes]:
    """Bring the cursor there; past the edge, by writing what stands at the edge once more."""
    if not terminal.get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_PENDING_WRAP, "bool"):
        return [b"\x1b[%d;%dH" % (row + 1, column + 1)]
    line, end = _cursor(terminal)
    line += terminal.history_rows
    width = 2 if terminal.is_tail(line, end) else 1
    edge = terminal.format((line, end - width + 1), (line, end)) or b"\x1b[m "
    if width == 2:  # noqa: PLR2004  # its text has no blank, or is one
        edge = _wide_blank(edge)
    return [b"\x1b[%d;%dH" % (row + 1, column + 2 - width), edge]


def _pen(terminal: Terminal) -> bytes:
    """Write the style that the next character will have."""
    pen = terminal.pen()
    plain = sgr(Run("", *style(pen)._replace(attrs=style(pen).attrs & ~UNDERLINE)))
    if pen.underline:
        plain += f";4:{pen.underline}" if pen.underline > 1 else ";4"
    underline = colour(pen.underline_color)
    if underline is not None:
        plain += ";58;" + (_rgb(underline) if underline & DIRECT else f"5;{underline}")
    if pen.overline:
        plain += ";53"
    return f"\x1b[0{plain}m".encode()


def _rgb(colour: int) -> str:
    return f"2;{colour >> 16 & 255};{colour >> 8 & 255};{colour & 255}"


def _shape(terminal: Terminal) -> bytes:
    """Write how the cursor looks; not for a block that stands still, which is what its person likes, or nobody said."""
    number = _SHAPES.get(terminal.cursor_shape(), 2) - terminal.is_set(_BLINKING)
    return b"" if number == 2 else b"\x1b[%d q" % number  # noqa: PLR2004  # the steady block


def _modes(terminal: Terminal) -> bytes:
    written = []
    usual = _usual_modes()
    for mode in _MODES:
        is_set = terminal.is_set(mode)
        if is_set != usual[mode]:
            written.append(b"\x1b[?%d%c" % (mode, b"h" if is_set else b"l"))
    written += [
        b"\x1b[%d%c" % (mode, b"h" if is_set else b"l")
        for mode in _ANSI_MODES
        if (is_set := terminal.is_set(mode, is_ansi=True)) != usual[-mode]
    ]
    return b"".join(written)


@functools.cache
def _usual_modes() -> dict[int, bool]:
    """Return how the modes are in a fresh terminal; ANSI's below zero."""
    fresh = Terminal(1, 1, 0)
    usual = {mode: fresh.is_set(mode) for mode in _MODES}
    usual |= {-mode: fresh.is_set(mode, is_ansi=True) for mode in _ANSI_MODES}
    fresh.close()
    return usual
