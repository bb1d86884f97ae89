"""The colours in terminals that have only 256: which of them stands for each of ours. No I/O.

Left to itself every background of the dark theme is nearest to one and the same black. So what the palettes name has a
colour chosen for it, kept apart from those beside which it stands and readable on what it stands on; all else, as what
programs draw and what is mixed, takes the nearest. Chips of the dark theme stand on one grey: the cube has no colour
that is both as dark and as quiet as their fills.
"""

from __future__ import annotations

import math
from bisect import bisect
from functools import cache, lru_cache
from itertools import product
from typing import TypeAlias

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from fugue_tui.palette import DARK, HUES, LIGHT, Palette, colours_of_hue, oklab

CUBE = 16
"""The first of the cube's 216 colours; those before it are whatever the user has set."""
LEVELS = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue in the cube."""
GREYS = 232
"""The first of the 24 greys, from 8 in steps of 10."""
ROLES: dict[str, dict[str, int]] = {
    DARK.name: {
        "pane": 233,
        "sidebar": 234,
        "raised": 235,
        "cursor": 236,
        "cursor_weak": 235,
        "rule": 238,
        "strong": 255,
        "text": 253,
        "muted": 247,
        "faint": 245,
        "ghost": 240,
        "accent": 147,
        "accent_fill": 17,
        "ok": 115,
        "wait": 179,
        "bad": 210,
        "bad_fill": 52,
        "on_accent": 233,
        "json_key": 146,
        "json_string": 151,
        "json_number": 180,
        "json_literal": 182,
    },
    LIGHT.name: {
        "pane": 231,
        "sidebar": 255,
        "raised": 254,
        "cursor": 189,
        "cursor_weak": 254,
        "rule": 251,
        "strong": 233,
        "text": 235,
        "muted": 240,
        "faint": 242,
        "ghost": 248,
        "accent": 25,
        "accent_fill": 189,
        "ok": 22,
        "wait": 58,
        "bad": 124,
        "bad_fill": 224,
        "on_accent": 231,
        "json_key": 25,
        "json_string": 22,
        "json_number": 94,
        "json_literal": 90,
    },
}
"""By the fields of `Palette`."""
CHIPS: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    DARK.name: (
        (216, 215, 179, 150, 114, 79, 80, 81, 117, 183, 182, 218),
        (238,) * len(HUES),
        (181, 180, 144, 151, 151, 116, 116, 153, 110, 146, 182, 217),
    ),
    LIGHT.name: (
        (88, 58, 58, 58, 22, 23, 23, 24, 24, 54, 90, 89),
        (223, 223, 187, 194, 194, 158, 195, 195, 153, 225, 225, 224),
        (88, 58, 58, 58, 22, 23, 23, 24, 24, 54, 90, 89),
    ),
}
"""Of a chip's text, of its fill, and of a sender's name; for each of `HUES`."""
STYLES = 4_096
"""Styles whose colours are remembered; a program may draw in sixteen million."""

Lab: TypeAlias = tuple[float, float, float]


class EightBit(LineFilter):
    """Let nothing through but what a terminal of 256 colours has."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  # each has its own
        """Return the line in colours of the terminal."""
        return [
            Segment(text, None if style is None else eight_bit_style(style), control)
            for text, style, control in segments
        ]


@lru_cache(STYLES)
def eight_bit_style(style: Style) -> Style:
    """Return a style in colours that a terminal of 256 has."""
    return style + Style.from_color(_eight_bit_colour(style.color), _eight_bit_colour(style.bgcolor))


def _eight_bit_colour(colour: RichColor | None) -> RichColor | None:
    if colour is None or colour.triplet is None:  # one of the terminal's own
        return colour
    return RichColor.from_ansi(eight_bit(colour.triplet.hex))


@lru_cache(STYLES)
def eight_bit(colour: str) -> int:
    """Return the number of the terminal's colour that stands for `#rrggbb`: the chosen one, else the nearest."""
    chosen = _chosen().get(colour)
    return nearest(colour) if chosen is None else chosen


def nearest(colour: str) -> int:
    """Return the number of the colour most like `#rrggbb`, of those around it in the cube and the greys."""
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    steps = []
    for channel in channels:
        above = min(bisect(LEVELS, channel), len(LEVELS) - 1)
        steps.append((above - 1, above))
    around = [CUBE + 36 * red + 6 * green + blue for red, green, blue in product(*steps)]
    grey = round((sum(channels) / 3 - 8) / 10)
    around += [GREYS + min(max(step, 0), 23) for step in (grey - 1, grey, grey + 1)]
    sought = oklab(colour)
    return min(around, key=lambda number: math.dist(sought, _oklab_of(number)))


def shown(number: int) -> str:
    """Return what a colour of the cube, or a grey, looks like, as `#rrggbb`."""
    return RichColor.from_ansi(number).get_truecolor().hex


@cache
def _oklab_of(number: int) -> Lab:
    return oklab(shown(number))


@cache
def _chosen() -> dict[str, int]:
    found: dict[str, int] = {}
    for palette in (DARK, LIGHT):
        found |= {getattr(palette, role): number for role, number in ROLES[palette.name].items()}
        found |= _chosen_for_tags(palette)
    return found


def _chosen_for_tags(palette: Palette) -> dict[str, int]:
    colours = [colours_of_hue(hue, palette) for hue in HUES]
    return {
        colour: number
        for hue, numbers in zip(colours, zip(*CHIPS[palette.name], strict=True), strict=True)
        for colour, number in zip(hue, numbers, strict=True)
    }
