"""Pieces of a row of text, by what their colours mean. No I/O."""

from __future__ import annotations

import msgspec
from rich.cells import cell_len

from fugue_core.printable import printable


class Ink(msgspec.Struct, frozen=True):
    """A piece of text.

    Fields:
        role, fill: A field of `Palette`, or a colour; no fill: the row's.
        press: What a click on it means; empty: nothing.
    """

    text: str
    role: str = "text"
    fill: str = ""
    bold: bool = False
    italic: bool = False
    press: str = ""
    underline: bool = False


def width_of(pieces: tuple[Ink, ...] | list[Ink]) -> int:
    """Return how many cells pieces take."""
    return sum(cell_len(printable(piece.text)) for piece in pieces)
