"""One line of a pane, put together piece by piece. No I/O."""

from __future__ import annotations

from functools import cache, lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_tui.palette import REVERSE, Palette

STRIPS = 512
"""Lines that are kept as the objects that they were; several times as many as a screen has."""


@cache
def style_of(colour: str, fill: str, *, bold: bool = False, italic: bool = False, underline: bool = False) -> Style:
    """Return a style; the same object for the same colours."""
    if fill == REVERSE:
        return Style(reverse=True, bold=bold, italic=italic, underline=underline)
    return Style(color=colour, bgcolor=fill, bold=bold, italic=italic, underline=underline)


def fit(text: str, width: int) -> str:
    """Return `text` as a terminal may see it, in at most `width` cells; what is cut ends in an ellipsis."""
    shown = printable(text if len(text) <= 4 * width + 4 else text[: 4 * width + 4])
    if cell_len(shown) <= width:
        return shown
    return set_cell_size(shown, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


@lru_cache(STRIPS)
def strip_of(segments: tuple[Segment, ...], width: int) -> Strip:
    """Return a line; the same object for the same pieces, so that what a terminal is sent for it is made once."""
    return Strip(segments, width)


class Line:
    """Pieces of text from left to right on one background. Columns and widths are cells.

    Text from outside is made printable here, so that no name and no payload reaches the terminal raw.
    """

    def __init__(self, width: int, fill: str) -> None:
        self.width = width
        self._fill = fill
        self._segments: list[Segment] = []
        self._ends_on_fill = False
        self.column = 0

    @property
    def room(self) -> int:
        """How many cells are left."""
        return self.width - self.column

    def put(  # noqa: PLR0913  # what a piece of text can look like
        self,
        text: str,
        colour: str,
        *,
        bold: bool = False,
        italic: bool = False,
        underline: bool = False,
        fill: str | None = None,
        width: int | None = None,
    ) -> Line:
        """Add text, cut to `width` or to the room that is left."""
        shown = fit(text, self.room if width is None else min(width, self.room))
        if shown:
            style = style_of(colour, fill or self._fill, bold=bold, italic=italic, underline=underline)
            self._segments.append(Segment(shown, style))
            self._ends_on_fill = not underline and (fill is None or fill == self._fill)
            self.column += cell_len(shown)
        return self

    def at(self, column: int) -> Line:
        """Go on at `column`, with blanks up to there; where the line is further already, just go on."""
        blanks = min(column, self.width) - self.column
        if blanks > 0:
            self.column += blanks
            if self._ends_on_fill:  # in the colours that are there already: each change of them is forty bytes
                text, style, _ = self._segments.pop()
                self._segments.append(Segment(text + " " * blanks, style))
            else:
                self._segments.append(Segment(" " * blanks, style_of(self._fill, self._fill)))
                self._ends_on_fill = True
        return self

    def strip(self) -> Strip:
        """Return the whole line, exactly `width` cells; see `strip_of`."""
        self.at(self.width)
        return strip_of(tuple(self._segments), self.column)


def put_keys(line: Line, keys: tuple[tuple[str, str], ...], palette: Palette) -> None:
    """Add keys with their words at the right end; without the words, or none at all, where there is no room."""
    for has_words in (True, False):
        shown = [(key, f" {word}" if has_words else "") for key, word in keys]
        room = sum(len(key) + len(word) for key, word in shown) + 3 * (len(keys) - 1) + 1
        if line.room > room + 1:
            line.at(line.width - room)
            for nth, (key, word) in enumerate(shown):
                line.put("   " if nth else "", palette.faint).put(key, palette.text).put(word, palette.muted)
            return
