"""The pages of vttest as they are kept in text files.

A file begins with words for people, up to the first line that begins with `===`. Then there are walks, each from a
fresh start of vttest through its menus by the numbers behind `===`, and of each walk the pages, one after the other by
RETURN:

    ---
    |a row of the screen, without the blanks at its end; rows at the end that are blank are left out
    @ROW FIRST-LAST WORDS        the look of cells, where they have one; rows and columns count from 1
    cursor ROW COLUMN
    ! what is wrong with it: a known deviation
    !ROW|a row as it should be
    ~ what tmux shows instead

Behind the numbers of a walk, `~` says that it is not there in tmux, of which vttest thinks as a VT100, and `hurried`
that vttest waits for answers only so long: such a walk is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fugue_core.protocol.window import BLINK, BOLD, FAINT, INVERSE, INVISIBLE, ITALIC, STRIKE, UNDERLINE, Line

_LOOKS = {
    "bold": BOLD,
    "faint": FAINT,
    "italic": ITALIC,
    "underline": UNDERLINE,
    "blink": BLINK,
    "inverse": INVERSE,
    "invisible": INVISIBLE,
    "strike": STRIKE,
}


@dataclass(frozen=True)
class Sight:
    """What is to be seen on a screen, in the form in which a file has it."""

    rows: tuple[str, ...]
    looks: tuple[str, ...]
    cursor: str

    def __str__(self) -> str:
        return "\n".join([*(f"|{row}" for row in self.rows), *self.looks, self.cursor]) + "\n"


@dataclass(frozen=True)
class Page:
    """A page, and how it should be where it is not so.

    Fields:
        deviation: What is wrong with it; empty for nothing.
        should: Rows, counted from 1, and what they should say.
        is_other_in_tmux: Whether tmux shows something else.
    """

    sight: Sight
    deviation: str = ""
    should: dict[int, str] = field(default_factory=dict)
    is_other_in_tmux: bool = False


@dataclass(frozen=True)
class Walk:
    """A way through the menus, and the pages that are then to be seen."""

    path: tuple[str, ...]
    pages: list[Page]
    is_in_tmux: bool
    is_hurried: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)


def sight(lines: Iterable[Line], cursor: tuple[int, int]) -> Sight:
    """Return what is to be seen: lines of a screen, and row and column of the cursor from 0."""
    rows, looks = [], []
    for number, line in enumerate(lines, 1):
        column = 1
        for run in line:
            words = [word for word, flag in _LOOKS.items() if run.attrs & flag]
            words += [f"fg={run.fg}"] if run.fg is not None else []
            words += [f"bg={run.bg}"] if run.bg is not None else []
            end = column + len(run.text) - 1
            if words:
                looks.append(f"@{number} {column}-{end} {' '.join(words)}")
            column = end + 1
        rows.append("".join(run.text for run in line).rstrip(" "))
    while rows and not rows[-1]:
        rows.pop()
    return Sight(tuple(rows), tuple(looks), f"cursor {cursor[0] + 1} {cursor[1] + 1}")


def read(path: Path) -> list[Walk]:
    """Return the walks of a file."""
    walks: list[Walk] = []
    for part in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, *pages = re.split(r"^---", part, flags=re.MULTILINE)
        numbers, *words = head.split()
        walks.append(
            Walk(tuple(numbers.split(".")), [_page(text) for text in pages], "~" not in words, "hurried" in words)
        )
    return walks


def _page(text: str) -> Page:
    lines = text.split("\n")
    should, wrong = {}, []
    for line in lines:
        if row := re.match(r"!(\d+)\|(.*)", line):
            should[int(row[1])] = row[2]
        elif line.startswith("!"):
            wrong.append(line[1:].strip())
    seen = Sight(
        tuple(line[1:] for line in lines if line.startswith("|")),
        tuple(line for line in lines if line.startswith("@")),
        next(line for line in lines if line.startswith("cursor ")),
    )
    return Page(seen, " ".join(wrong), should, any(line.startswith("~") for line in lines))
