"""The colours: what each is for, and how a tag comes by its own. No I/O.

Ink, one accent, and colour only where it says something. Everything that carries meaning has a contrast of at least 4.5
to what it stands on; `ghost` is for what is redundant anyway.
"""

from __future__ import annotations

import math
from functools import cache
from zlib import crc32

import msgspec


class Palette(msgspec.Struct, frozen=True, kw_only=True):
    """One theme's colours, as `#rrggbb`; those of `ANSI` by the names that a terminal's own have in Rich.

    Fields:
        pane, sidebar, raised: Backgrounds: log and compose; sessions and wells; title strips, panels, status bar.
        cursor, cursor_weak: The row under the cursor, in the focused pane and in the others.
        rule: The line between stacked panes; the scrollbar's thumb.
        strong, text, muted, faint, ghost: Ink, from headings to punctuation.
        accent, accent_fill: Focus, unread, marks, the next key.
        ok, wait, bad, bad_fill: Acked and valid; not all acked, held, paused; dead, expired, error.
        on_accent: Text on a solid accent.
        json_key, json_string, json_number, json_literal: JSON; its punctuation is faint.
        is_ansi: The terminal's own colours; its background is unknown, so that nothing may be mixed from them.
    """

    name: str
    is_dark: bool
    pane: str
    sidebar: str
    raised: str
    cursor: str
    cursor_weak: str
    rule: str
    strong: str
    text: str
    muted: str
    faint: str
    ghost: str
    accent: str
    accent_fill: str
    ok: str
    wait: str
    bad: str
    bad_fill: str
    on_accent: str
    json_key: str
    json_string: str
    json_number: str
    json_literal: str
    is_ansi: bool = False


DARK = Palette(
    name="fugue-dark",
    is_dark=True,
    pane="#0f1218",
    sidebar="#13171f",
    raised="#1a1f29",
    cursor="#232a3a",
    cursor_weak="#1b202b",
    rule="#2a313e",
    strong="#f2f5fa",
    text="#d9dee8",
    muted="#929cae",
    faint="#78849a",
    ghost="#4a5466",
    accent="#9dadff",
    accent_fill="#2a3158",
    ok="#7fc796",
    wait="#e3b964",
    bad="#f07f7c",
    bad_fill="#3a1f26",
    on_accent="#0f1218",
    json_key="#a9b4e8",
    json_string="#a8cfae",
    json_number="#e2bd8b",
    json_literal="#d8a3cf",
)

LIGHT = Palette(
    name="fugue-light",
    is_dark=False,
    pane="#fbfaf7",
    sidebar="#f3f2ed",
    raised="#e9e7e0",
    cursor="#dfe3fa",
    cursor_weak="#eceae3",
    rule="#d3d0c6",
    strong="#0e1116",
    text="#262a33",
    muted="#5c6370",
    faint="#6a707c",
    ghost="#a9adb5",
    accent="#4453c4",
    accent_fill="#dde1fb",
    ok="#26733f",
    wait="#8a5a00",
    bad="#b62a33",
    bad_fill="#fbe0df",
    on_accent="#ffffff",
    json_key="#3f4aa8",
    json_string="#2b6b3c",
    json_number="#8a5200",
    json_literal="#8a2f7c",
)

REVERSE = "reverse"
"""In place of a fill: the terminal's ink and paper change places; `line.style_of` knows it."""

ANSI = Palette(
    name="fugue-ansi",
    is_dark=True,
    pane="default",
    sidebar="default",
    raised="default",
    cursor=REVERSE,
    cursor_weak="default",
    rule="bright_black",
    strong="default",
    text="default",
    muted="default",
    faint="bright_black",
    ghost="bright_black",
    accent="cyan",
    accent_fill="default",
    ok="green",
    wait="yellow",
    bad="red",
    bad_fill="default",
    on_accent="black",
    json_key="cyan",
    json_string="green",
    json_number="yellow",
    json_literal="magenta",
    is_ansi=True,
)

ANSI_HUES = ("red", "green", "yellow", "blue", "magenta", "cyan")

HUES = (45, 70, 95, 120, 145, 170, 195, 220, 245, 305, 330, 355)
"""Degrees in OKLCH; no pure red and no blue of the accent, since those mean something."""


class TagColour(msgspec.Struct, frozen=True):
    """A chip's text and fill."""

    text: str
    fill: str


@cache
def tag_colour(tag: str, palette: Palette) -> TagColour:
    """Return a tag's colour: the same on every machine and in every pane. Hues collide: write the name."""
    if palette.is_ansi:
        return TagColour(_ansi_hue(tag), palette.pane)
    text, fill, _ = colours_of_hue(_hue(tag), palette)
    return TagColour(text, fill)


@cache
def name_colour(name: str, palette: Palette) -> str:
    """Return a sender's colour: by the same hash as a tag's, but softer, so that it does not read as one."""
    if palette.is_ansi:
        return _ansi_hue(name)
    return colours_of_hue(_hue(name), palette)[2]


def colours_of_hue(hue: int, palette: Palette) -> tuple[str, str, str]:
    """Return the colours of one of `HUES`: of a chip's text, of its fill, and of a sender's name."""
    if palette.is_dark:
        return _oklch(0.80, 0.105, hue), _oklch(0.305, 0.045, hue), _oklch(0.80, 0.065, hue)
    return _oklch(0.44, 0.105, hue), _oklch(0.925, 0.042, hue), _oklch(0.44, 0.09, hue)


def css_colour(colour: str) -> str:
    """Return a colour of a palette as Textual's style sheets and `Color.parse` call it."""
    if colour.startswith("#"):
        return colour
    return "ansi_default" if colour == REVERSE else f"ansi_{colour}"


def contrast(text: str, fill: str) -> float:
    """Return the contrast of two `#rrggbb`, from 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(text), _luminance(fill)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def oklab(colour: str) -> tuple[float, float, float]:
    """Return a `#rrggbb` as OKLab has it: lightness, green to red, blue to yellow. Its distances are what eyes see."""
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> list[float]:
    """Return red, green and blue of sRGB as light (IEC 61966-2-1)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # the standard's
        for channel in channels
    ]


def _hash(name: str) -> int:
    return crc32(f"33013:{name}".encode(errors="surrogatepass"))


def _hue(name: str) -> int:
    return HUES[_hash(name) % len(HUES)]


def _ansi_hue(name: str) -> str:
    return ANSI_HUES[_hash(name) % len(ANSI_HUES)]


def _oklch(lightness: float, chroma: float, hue_degrees: float) -> str:
    """Return the sRGB colour of an OKLCH one (Bjorn Ottosson's matrices), clipped to what can be shown."""
    hue = math.radians(hue_degrees)
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_byte(channel):02x}" for channel in linear)


def _byte(linear: float) -> int:
    """Return one channel of sRGB, gamma-coded (IEC 61966-2-1)."""
    clipped = min(max(linear, 0.0), 1.0)
    coded = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055  # noqa: PLR2004
    return round(255 * coded)
