"""Cells of a program's screen as the screen draws them: colours, wide characters, cursor. No I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

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
    Run,
)
from fugue_tui.line import strip_of, style_of
from fugue_tui.palette import Palette

STYLES = 4_096
"""Looks of cells that are kept; a program in true colour has many."""

DARK_16 = (
    *("#2a313e", "#f07f7c", "#7fc796", "#e3b964", "#7f9cf0", "#d8a3cf", "#7fc4cf", "#c3c9d4"),
    *("#78849a", "#ff9d99", "#9fe0b4", "#f5d58f", "#a3b8ff", "#efbfe6", "#a0e0ea", "#f2f5fa"),
)
LIGHT_16 = (
    *("#262a33", "#b62a33", "#26733f", "#8a5a00", "#3550b8", "#8a2f7c", "#0f6b78", "#8b909b"),
    *("#5c6370", "#d0323c", "#2f8a4c", "#a66c00", "#4453c4", "#a33b93", "#13808f", "#d3d0c6"),
)
"""What programs get for the sixteen colours that every terminal has its own of, on our own backgrounds."""
CUBE = (0, 95, 135, 175, 215, 255)
CUBE_AT, GREYS_AT, INDEXED = 16, 232, 256


def safe(text: str) -> str:
    """Return the text of cells with nothing in it that a terminal would obey, in as many cells.

    Text of a screen never has such in it; it comes over the wire like all else.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _harmless(char) for char in text)


def _harmless(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " " * get_character_cell_size(char)
    return "" if category in {"Cf", "Zl", "Zp"} else "?"


@lru_cache(STYLES)
def cell_style(fg: int | None, bg: int | None, attrs: int, palette: Palette, fill: str) -> Style:
    """Return the look of cells; `fill` stands for the terminal's own background."""
    ink, paper = _colour(fg, palette, palette.text), _colour(bg, palette, fill)
    is_reverse = bool(attrs & INVERSE)
    if is_reverse and not palette.is_ansi:  # the terminal's own colours are not known here
        ink, paper, is_reverse = paper, ink, False
    if attrs & INVISIBLE:
        ink = paper
    is_dim = bool(attrs & FAINT)
    if is_dim and ink.triplet is not None and paper.triplet is not None:
        mixed = [(one + other) // 2 for one, other in zip(ink.triplet, paper.triplet, strict=True)]
        ink, is_dim = Color.from_rgb(*mixed), False
    return Style(
        color=ink,
        bgcolor=paper,
        bold=bool(attrs & BOLD) or None,
        dim=is_dim or None,
        italic=bool(attrs & ITALIC) or None,
        underline=bool(attrs & UNDERLINE) or None,
        blink=bool(attrs & BLINK) or None,
        strike=bool(attrs & STRIKE) or None,
        reverse=is_reverse or None,
    )


def _colour(number: int | None, palette: Palette, own: str) -> Color:
    if number is None:
        return Color.parse(own)
    if number >= DIRECT:
        return Color.from_rgb(number >> 16 & 255, number >> 8 & 255, number & 255)
    if palette.is_ansi:
        return Color.from_ansi(number % INDEXED)
    if number < CUBE_AT:
        return Color.parse((DARK_16 if palette.is_dark else LIGHT_16)[number])
    if number < GREYS_AT:
        place = number - CUBE_AT
        return Color.from_rgb(CUBE[place // 36], CUBE[place // 6 % 6], CUBE[place % 6])
    grey = 8 + 10 * min(number - GREYS_AT, 23)
    return Color.from_rgb(grey, grey, grey)


def draw_line(line: Line, cols: int, width: int, palette: Palette, fill: str) -> Strip:
    """Return a row of a screen that has `cols` columns, in `width` cells; the same object for the same row.

    Where the pane is wider than the screen, what is beside it is seen to be none of it.
    """
    segments = [Segment(safe(run.text), cell_style(run.fg, run.bg, run.attrs, palette, fill)) for run in line]
    segments = [segment for segment in segments if segment.text]
    cells = sum(cell_len(segment.text) for segment in segments)
    seen = min(cols, width)
    if cells > seen:
        segments, cells = list(Strip(segments, cells).crop(0, seen)), seen
    if cells < seen:
        segments.append(Segment(" " * (seen - cells), cell_style(None, None, 0, palette, fill)))
    if seen < width:
        segments.append(Segment(" " * (width - seen), style_of(palette.faint, palette.sidebar)))
    return strip_of(tuple(segments), width)


def span_at(strip: Strip, column: int) -> tuple[int, int]:
    """Return where the character that stands in a column begins and ends: two cells apart where it is wide."""
    start = 0
    for segment in strip:
        end = start + cell_len(segment.text)
        if column < end:
            for char in segment.text:
                size = get_character_cell_size(char)
                if start <= column < start + size:
                    return start, start + size
                start += size
        start = end
    return column, column + 1


def with_cursor(strip: Strip, column: int, shape: CursorShape) -> Strip:
    """Return a row with the cursor in it."""
    start, end = span_at(strip, column)
    if end > strip.cell_length:
        return strip
    under = strip.crop(start, end)
    if shape == "underline":
        marked = restyled(under, Style(underline=True, bold=True))
    elif shape == "bar" and not under.text.strip():
        marked = Strip([Segment("▏", segment.style) for segment in list(under)[:1]], 1)
    else:
        marked = turned(under)
    return Strip.join([strip.crop(0, start), marked, strip.crop(end)])


def turned(strip: Strip) -> Strip:
    """Return a piece of a row with ink and paper in each other's place."""
    segments = []
    for text, style, _ in strip:
        if style is None or style.color is None or style.bgcolor is None or style.color.is_default:
            segments.append(Segment(text, (style or Style()) + Style(reverse=True)))
        else:
            segments.append(Segment(text, style + Style(color=style.bgcolor, bgcolor=style.color)))
    return Strip(segments, strip.cell_length)


def restyled(strip: Strip, style: Style) -> Strip:
    """Return a piece of a row with a style over its own."""
    return Strip([Segment(text, style if own is None else own + style) for text, own, _ in strip], strip.cell_length)


def text_of(line: Iterable[Run]) -> str:
    """Return what a row says."""
    return "".join(run.text for run in line)


def highlighted(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """Return a row with a style over some of its cells."""
    if start >= end:
        return strip
    return Strip.join([strip.crop(0, start), restyled(strip.crop(start, end), style), strip.crop(end)])
