"""What is chosen of lines of text: from a character to another, or whole lines; and places within a line. No I/O.

Columns are cells: that of a character is where it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from rich.cells import get_character_cell_size

ENDLESS = 1 << 30
"""Behind the end of every line."""
_WORD = re.compile(r"\w+|[^\w\s]+")


class Place(NamedTuple):
    """A character's line and column."""

    row: int
    column: int


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Two characters and all between them, in whichever order; `is_lines`: all of their lines."""

    anchor: Place
    cursor: Place
    is_lines: bool = False

    @property
    def first(self) -> Place:
        """The upper end."""
        return min(self.anchor, self.cursor)

    @property
    def last(self) -> Place:
        """The lower end; its character is chosen, too."""
        return max(self.anchor, self.cursor)

    def span(self, row: int, text: str) -> tuple[int, int]:
        """Return the cells that are chosen of a line, the end excluded; from 0 to 0 where none are."""
        first, last = self.first, self.last
        if not first.row <= row <= last.row:
            return 0, 0
        start = first.column if row == first.row and not self.is_lines else 0
        is_cut = row == last.row and not self.is_lines
        return start, end_of(text, last.column) if is_cut else ENDLESS

    def text_of(self, lines: Sequence[str]) -> str:
        """Return what is chosen; `lines` begin with the first of it. What is blank at an end of a line is left out."""
        rows = enumerate(lines, self.first.row)
        return "\n".join(cut(text, *self.span(row, text)).rstrip() for row, text in rows)


def _placed(text: str) -> Iterator[tuple[str, int, int]]:
    """Go through the characters, each with its column and the one behind it; what takes no room is where it belongs."""
    start = end = 0
    for char in text:
        size = get_character_cell_size(char)
        if size:
            start, end = end, end + size
        yield char, start, end


def cut(text: str, start: int, end: int) -> str:
    """Return the characters that begin in these cells, the end excluded."""
    return "".join(char for char, column, _ in _placed(text) if start <= column < end)


def end_of(text: str, column: int) -> int:
    """Return the cell behind the character at a column."""
    return next((end for _, start, end in _placed(text) if start <= column < end), column + 1)


def column_of(text: str, index: int) -> int:
    """Return the column of the character at an index."""
    return next((start for place, (_, start, _) in enumerate(_placed(text)) if place == index), 0)


def snapped(text: str, column: int) -> int:
    """Return the column of the character that stands in a cell; of the last one where the line is shorter."""
    return max((start for _, start, _ in _placed(text) if start <= column), default=0)


def stepped(text: str, column: int, step: int) -> int:
    """Return the column of the character before (-1) or after (1) the one at a column, as far as there is one."""
    starts = sorted({start for _, start, _ in _placed(text)})
    fitting = [start for start in starts if (start - column) * step > 0]
    return column if not fitting else min(fitting) if step > 0 else max(fitting)


def word_from(text: str, column: int, step: int) -> int | None:
    """Return where the next word after a column begins (1), or the last one before it (-1); None: there is none."""
    starts = [column_of(text, found.start()) for found in _WORD.finditer(text)]
    fitting = [start for start in starts if (start - column) * step > 0]
    return None if not fitting else min(fitting) if step > 0 else max(fitting)
