"""ASCII in place of everything else, for terminals that show nothing else. No I/O.

The last step before a line is written, whoever drew it: so no widget has two sets of glyphs, and a name that somebody
else chose cannot break the promise. Each character keeps its width, so that no column moves.
"""

from __future__ import annotations

from functools import cache

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
        return [Segment(ascii_text(text), style, control) for text, style, control in segments]
