"""The colours: every figure of the look, computed."""

from __future__ import annotations

import pytest
from textual.color import Color

from fugue_tui.palette import (
    ANSI,
    ANSI_HUES,
    DARK,
    LIGHT,
    REVERSE,
    Palette,
    contrast,
    css_colour,
    name_colour,
    tag_colour,
)
from fugue_tui.theme import PALETTES, next_palette, theme_of, variables_of

INKS = ("strong", "text", "muted", "faint", "accent", "ok", "wait", "bad")
RATIOS = {
    ("fugue-dark", "strong"): (17.2, 16.4, 15.1, 13.1),
    ("fugue-dark", "text"): (13.9, 13.3, 12.2, 10.6),
    ("fugue-dark", "muted"): (6.8, 6.5, 6.0, 5.2),
    ("fugue-dark", "faint"): (5.0, 4.8, 4.4, 3.8),
    ("fugue-dark", "ghost"): (2.5, 2.4, 2.2, 1.9),
    ("fugue-dark", "accent"): (8.8, 8.4, 7.7, 6.7),
    ("fugue-dark", "ok"): (9.4, 9.0, 8.3, 7.2),
    ("fugue-dark", "wait"): (10.2, 9.7, 9.0, 7.8),
    ("fugue-dark", "bad"): (7.2, 6.9, 6.3, 5.5),
    ("fugue-light", "strong"): (18.1, 16.9, 15.3, 14.9),
    ("fugue-light", "text"): (13.8, 12.8, 11.6, 11.3),
    ("fugue-light", "muted"): (5.8, 5.4, 4.9, 4.8),
    ("fugue-light", "faint"): (4.8, 4.4, 4.0, 3.9),
    ("fugue-light", "ghost"): (2.2, 2.0, 1.8, 1.8),
    ("fugue-light", "accent"): (6.1, 5.7, 5.2, 5.0),
    ("fugue-light", "ok"): (5.6, 5.2, 4.7, 4.6),
    ("fugue-light", "wait"): (5.7, 5.3, 4.8, 4.7),
    ("fugue-light", "bad"): (6.0, 5.6, 5.0, 4.9),
}
"""Contrast on pane, sidebar, raised and cursor row."""
FILLS = {
    ("fugue-dark", "accent", "accent_fill"): 5.9,
    ("fugue-dark", "bad", "bad_fill"): 5.7,
    ("fugue-dark", "on_accent", "accent"): 8.8,
    ("fugue-light", "accent", "accent_fill"): 5.0,
    ("fugue-light", "bad", "bad_fill"): 4.9,
    ("fugue-light", "on_accent", "accent"): 6.4,
}
TAGS = [f"tag-{number}" for number in range(200)]
SLACK = 0.11
"""The figures are rounded to a tenth."""


@pytest.mark.parametrize(("name", "ink"), RATIOS, ids=" ".join)
def test_ink_has_the_contrast_that_the_look_gives_it(name: str, ink: str) -> None:
    palette = PALETTES[name]
    grounds = (palette.pane, palette.sidebar, palette.raised, palette.cursor)
    found = tuple(contrast(getattr(palette, ink), ground) for ground in grounds)
    assert found == pytest.approx(RATIOS[name, ink], abs=SLACK)


@pytest.mark.parametrize(("name", "ink", "fill"), FILLS, ids=" ".join)
def test_ink_on_its_fill_has_the_contrast_that_the_look_gives_it(name: str, ink: str, fill: str) -> None:
    palette = PALETTES[name]
    assert contrast(getattr(palette, ink), getattr(palette, fill)) == pytest.approx(FILLS[name, ink, fill], abs=SLACK)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_whatever_carries_meaning_can_be_read_on_every_ground(palette: Palette) -> None:
    for ground in (palette.pane, palette.sidebar, palette.raised, palette.cursor, palette.cursor_weak):
        for ink in set(INKS) - {"faint"}:  # which is drawn as muted on raised and cursor rows
            assert contrast(getattr(palette, ink), ground) > 4.5, (ink, ground)


@pytest.mark.parametrize(("palette", "least", "most"), [(DARK, 6.5, 7.8), (LIGHT, 5.4, 6.9)], ids=["dark", "light"])
def test_a_chip_can_be_read(palette: Palette, least: float, most: float) -> None:
    colours = [tag_colour(tag, palette) for tag in TAGS]
    assert all(least < contrast(colour.text, colour.fill) < most for colour in colours)
    assert len(set(colours)) == 12
    assert all(contrast(name_colour(tag, palette), palette.pane) > 4.5 for tag in TAGS)


def test_a_tag_has_the_same_hue_everywhere() -> None:
    assert tag_colour("citizen", DARK).text == "#92d094"
    assert tag_colour("\ud800", DARK).text.startswith("#")


def colours_of(palette: Palette) -> list[str]:
    return [value for name, value in variables_of(palette).items() if not name.endswith("-style")]


def test_the_plain_theme_uses_the_terminals_own_colours_and_mixes_none() -> None:
    assert {tag_colour(tag, ANSI).text for tag in TAGS} == set(ANSI_HUES)
    assert {tag_colour(tag, ANSI).fill for tag in TAGS} == {"default"}
    assert not [value for value in colours_of(ANSI) if not value.startswith("ansi_")]
    assert theme_of(ANSI).ansi
    assert css_colour(REVERSE) == "ansi_default"


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
def test_textual_understands_every_colour(palette: Palette) -> None:
    for value in colours_of(palette):
        Color.parse(value)


def test_the_key_goes_through_all_themes_and_begins_anew() -> None:
    assert next_palette("fugue-dark") is LIGHT
    assert next_palette("fugue-light") is ANSI
    assert next_palette("fugue-ansi") is DARK
    assert next_palette("nord") is DARK
