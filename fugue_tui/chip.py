"""Tags as chips: one space, the name, one space, on the tag's own fill. No I/O.

A name is never cut, unless it is the only one and wider than its column; where the room is short, `+n` says how many
are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from fugue_tui.line import Line, fit
from fugue_tui.palette import Palette, tag_colour

LOOKED_AT = 64
"""Tags: of so many no line has room for more."""


def put_chips(line: Line, tags: Sequence[str], end: int, palette: Palette, *, has_fill: bool = True) -> None:
    """Put whole chips up to the column `end`, then how many are left; where the first is too wide, one after it.

    Cost: the chips that are seen, not the tags that there are.
    """
    start, left = line.column, len(tags)
    for tag in tags[:LOOKED_AT]:
        more = f" +{left - 1}" if left > 1 else ""
        room = end - start
        name = fit(tag, max(1, room - (2 if has_fill else 0)) if len(tags) == 1 else room + 1)
        chip = chip_text(name, palette) if has_fill else name
        if line.column + cell_len(chip) + len(more) <= end:
            put_chip(line, tag, chip, palette, has_fill=has_fill)
            line.put(" ", palette.muted, width=max(0, end - line.column))
            left -= 1
        elif line.column > start:
            break
    if left:
        line.put(f"+{left}", palette.muted, width=max(0, end - line.column))


def chip_text(name: str, palette: Palette) -> str:
    """Return what a chip reads; where there are no fills, a sign tells it from other words."""
    return f"#{name} " if palette.is_ansi else f" {name} "


def put_chip(line: Line, tag: str, text: str, palette: Palette, *, has_fill: bool) -> None:
    """Put one chip, which reads `text`."""
    colour = tag_colour(tag, palette)
    line.put(text, colour.text, fill=colour.fill if has_fill else None)


def wrap(widths: Sequence[int], room: int) -> list[range]:
    """Return which chips stand together on a line, for chips so wide with a cell between them.

    One that is wider than `room` has a line of its own.
    """
    lines: list[range] = []
    first, column = 0, 0
    for place, width in enumerate(widths):
        if column and column + width > room:
            lines.append(range(first, place))
            first, column = place, 0
        column += width + 1
    if first < len(widths):
        lines.append(range(first, len(widths)))
    return lines
