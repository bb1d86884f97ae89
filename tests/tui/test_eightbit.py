"""The look in a terminal of 256 colours: nothing becomes one that must differ, and all of it can be read."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from fugue_core.daemon.local import LocalDaemon
from fugue_tui.config import Config, Memory, ScreenConfig
from fugue_tui.eightbit import CHIPS, CUBE, ROLES, EightBit, eight_bit, nearest, shown
from fugue_tui.palette import DARK, HUES, LIGHT, Palette, colours_of_hue, contrast, name_colour, oklab, tag_colour
from tests.tui.screen import open_app, strips_of

THEMES = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
GROUNDS = ("pane", "sidebar", "raised", "cursor", "cursor_weak")
INKS = ("strong", "text", "muted", "accent", "ok", "wait", "bad")
APART = (
    ("pane", "sidebar", "raised", "cursor"),
    ("pane", "sidebar", "cursor_weak", "cursor"),
    ("pane", "sidebar", "raised", "accent_fill", "bad_fill"),
    ("pane", "sidebar", "rule"),
    ("strong", "text", "muted", "faint", "ghost"),
    ("text", "accent", "ok", "wait", "bad"),
    ("text", "faint", "json_key", "json_string", "json_number", "json_literal"),
)
"""Roles that stand beside each other, and mean different things."""
LEAST_DISTANCE = 0.025
"""In OKLab; black to white is 1. It is two thirds of a step of the dark greys."""
TAGS = [f"tag-{number}" for number in range(200)]


def looks(palette: Palette, role: str) -> str:
    return shown(eight_bit(getattr(palette, role)))


def distance(one: str, other: str) -> float:
    return math.dist(oklab(one), oklab(other))


@THEMES
def test_a_colour_is_chosen_for_each_role(palette: Palette) -> None:
    roles = {name for name, value in msgspec.structs.asdict(palette).items() if str(value).startswith("#")}
    assert set(ROLES[palette.name]) == roles
    assert [len(numbers) for numbers in CHIPS[palette.name]] == [len(HUES)] * 3


@THEMES
@pytest.mark.parametrize("roles", APART, ids=" ".join)
def test_no_two_roles_become_one_that_must_differ(palette: Palette, roles: tuple[str, ...]) -> None:
    for one, other in itertools.combinations(roles, 2):
        assert distance(looks(palette, one), looks(palette, other)) > LEAST_DISTANCE, (one, other)


@THEMES
def test_whatever_carries_meaning_can_be_read_on_every_ground(palette: Palette) -> None:
    for ground in GROUNDS:
        for ink in INKS:
            assert contrast(looks(palette, ink), looks(palette, ground)) >= 4.5, (ink, ground)
    for ground in ("pane", "sidebar"):  # elsewhere it is drawn as muted
        assert contrast(looks(palette, "faint"), looks(palette, ground)) >= 4.5, ground
    for ink, fill in (("accent", "accent_fill"), ("bad", "bad_fill"), ("on_accent", "accent")):
        assert contrast(looks(palette, ink), looks(palette, fill)) >= 4.5, (ink, fill)
    for ink in ("json_key", "json_string", "json_number", "json_literal"):
        assert contrast(looks(palette, ink), looks(palette, "sidebar")) >= 4.5, ink


@THEMES
def test_chips_can_be_read_and_differ_and_are_seen_on_every_ground(palette: Palette) -> None:
    chips = {tag_colour(tag, palette) for tag in TAGS}
    found = {(shown(eight_bit(chip.text)), shown(eight_bit(chip.fill))) for chip in chips}
    assert len(found) == len(HUES)
    for text, fill in found:
        assert contrast(text, fill) >= 4.5, (text, fill)
        for ground in GROUNDS:
            assert distance(fill, looks(palette, ground)) > LEAST_DISTANCE, (fill, ground)
    for tag in TAGS:
        assert contrast(shown(eight_bit(name_colour(tag, palette))), looks(palette, "cursor")) >= 4.5


@THEMES
def test_what_is_chosen_is_still_like_what_it_stands_for(palette: Palette) -> None:
    for role, number in ROLES[palette.name].items():
        assert distance(getattr(palette, role), shown(number)) < 0.15, role
    for hue, texts, fills, names in zip(HUES, *CHIPS[palette.name], strict=True):
        for colour, number in zip(colours_of_hue(hue, palette), (texts, fills, names), strict=True):
            assert distance(colour, shown(number)) < 0.15, hue


def test_any_other_colour_takes_the_nearest() -> None:
    assert [nearest(shown(number)) for number in range(CUBE, 256)] == list(range(CUBE, 256))
    assert shown(nearest("#000001")) == "#000000"
    assert shown(nearest("#fffffe")) == "#ffffff"
    numbers = range(CUBE, 256)
    for channels in itertools.product(range(0, 256, 37), repeat=3):
        colour = "#{:02x}{:02x}{:02x}".format(*channels)
        best = min(distance(colour, shown(number)) for number in numbers)
        assert distance(colour, shown(nearest(colour))) < best + 0.06, colour


def test_the_terminals_own_colours_are_left_alone() -> None:
    line = [Segment("a", Style.parse("red on default")), Segment("b"), Segment("c", Style.parse("bold #0f1218"))]
    done = EightBit().apply(line, Color(0, 0, 0))
    assert [segment.text for segment in done] == ["a", "b", "c"]
    assert done[0].style == line[0].style
    assert done[1].style is None
    assert done[2].style is not None
    assert done[2].style.bold
    assert done[2].style.color is not None
    assert done[2].style.color.number == ROLES[DARK.name]["pane"]


@pytest.mark.parametrize(("colours", "kind"), [("", ColorType.EIGHT_BIT), ("truecolor", ColorType.TRUECOLOR)])
async def test_the_screen_is_drawn_in_what_the_terminal_has(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch, colours: str, kind: ColorType
) -> None:
    monkeypatch.setenv("COLORTERM", colours)
    config = Config(screen=ScreenConfig(glyphs="unicode"), memory=Memory(theme=LIGHT.name))
    async with open_app(daemon, config=config) as seen:
        for keys in ((), ("M",), ("f1",)):
            await seen.press(*keys)
            styles = [segment.style for strip in strips_of(seen.app) for segment in strip if segment.style]
            found = {colour.type for style in styles for colour in (style.color, style.bgcolor) if colour is not None}
            assert found == {kind}
