"""ASCII in place of everything else, for terminals that show nothing else. No I/O.

The last step before a line is written, whoever drew it: so no widget has two sets of glyphs, and a name that somebody
else chose cannot break the promise. A character keeps its width, so that no column moves. Some are better said in two
cells: they take a blank beside them, where another blank still parts them from what is there.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

GLYPHS = dict(
    zip(
        "●○▾▸▌◆→←↳↓↑✓…✗–·›♪█─━│├╰┌┐└┘╌▁▂▃▄▅▆▇",  # noqa: RUF001  # those of the look
        "*ov>|+><`v^v.X-.>!#--||`++++-_123456",
        strict=True,
    )
)
PAIRS = {"→": "->", "←": "<-", "✓": "ok", "…": ".."}
"""What is written where there is room for two cells."""
UNKNOWN = "?"


@cache
def ascii_char(char: str) -> str:
    """Return what stands for a character that is not ASCII, in as many cells."""
    if char in GLYPHS:
        return GLYPHS[char]
    if "\u2500" <= char <= "\u259f":  # boxes and blocks: somebody's frame
        return "-" if char in "╶╴╼╾═▔▀▄" else "|"
    return UNKNOWN * cell_len(char)


def ascii_text(text: str) -> str:
    """Return text with nothing but ASCII in it, in as many cells."""
    return text if text.isascii() else "".join(char if char.isascii() else ascii_char(char) for char in text)


class AsciiOnly(LineFilter):
    """Let nothing but ASCII through."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  # colours stay
        """Return the line in ASCII."""
        return [Segment(ascii_text(text), style, control) for text, style, control in with_pairs(segments)]


def with_pairs(segments: list[Segment]) -> list[Segment]:
    """Return a line with the glyphs that have room for it in two cells; the blank that one takes is its own colour."""
    text = "".join(segment.text for segment in segments)
    if text.isascii() or any(segment.control for segment in segments):
        return segments
    chars = list(text)
    owners = [place for place, segment in enumerate(segments) for _ in segment.text]
    for at, char in enumerate(text):
        pair = PAIRS.get(char)
        if pair is None:
            continue
        if text[at + 1 : at + 3] == "  ":
            first = at
        elif at > 1 and chars[at - 2 : at] == [" ", " "] and text[at + 1 : at + 2] in {" ", ""}:
            first = at - 1
        else:
            continue
        chars[first : first + 2] = pair
        owners[first] = owners[first + 1] = owners[at]
    runs = groupby(zip(owners, chars, strict=True), key=itemgetter(0))
    return [Segment("".join(char for _, char in run), segments[owner].style) for owner, run in runs]
