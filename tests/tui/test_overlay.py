"""What all panels have in common: the rest is dimmed, the status bar tells their keys, the colours follow the theme."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.color import Color
from textual.widget import Widget

from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_tui.palette import DARK, LIGHT
from fugue_tui.screens.tag_editor import TagEditor
from tests.tui.screen import Seen, open_app, strips_of

PANELS = [(("1", "t"), "TAGS"), (("1", "R"), "RENAME"), (("1", "x"), "END"), (("I",), "INBOX")]
OVER_ALL = [(("f1",), "HELP"), (("colon",), "ACTIONS")]
NAMES = [block for _, block in (*PANELS, *OVER_ALL)]


def bar_of(seen: Seen) -> str:
    return strips_of(seen.app)[-1].text


def styles_at(seen: Seen, widget: Widget, word: str) -> Style:
    """Return how a word within a widget is drawn."""
    region = widget.region
    for y, strip in enumerate(strips_of(seen.app)):
        column = 0
        for text, style, _ in strip:
            if word in text and region.contains(column + text.index(word), y):
                assert style is not None
                return style
            column += len(text)
    raise AssertionError(f"no {word} in\n{seen.text}")


def ink_of(seen: Seen, widget: Widget, word: str) -> Color:
    style = styles_at(seen, widget, word)
    assert style.color is not None
    return Color.from_rich_color(style.color)


@pytest.mark.parametrize(("keys", "block"), [*PANELS, *OVER_ALL], ids=NAMES)
async def test_the_rest_is_dimmed_but_for_the_subject_and_the_bar(
    daemon: LocalDaemon, keys: tuple[str, ...], block: str
) -> None:
    async with connect(daemon) as client, open_app(daemon, (160, 40)) as seen:
        await client.join("ann")
        await client.send(Tagged("human"), OrchestrationMessage("a.note", {}))
        await seen.until(lambda: seen.app.message_log.count == 1)
        await seen.press("1")
        bright = [ink_of(seen, seen.app.session_list, "ann"), ink_of(seen, seen.app.message_pane, "Messages")]
        bar = ink_of(seen, seen.app.status_bar, "session")
        await seen.press(*keys)
        await seen.until(lambda: f" {block} " in bar_of(seen))
        has_subject = (keys, block) in PANELS
        assert (ink_of(seen, seen.app.session_list, "ann") == bright[0]) == has_subject
        if has_subject:  # help and palette stand over the log
            assert ink_of(seen, seen.app.message_pane, "Messages") == bright[1].blend(Color.parse(DARK.pane), 0.5)
        assert ink_of(seen, seen.app.status_bar, "session") == bar
        await seen.press("escape")
        assert ink_of(seen, seen.app.session_list, "ann") == bright[0]


async def test_in_the_terminals_own_colours_nothing_is_dimmed(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("T", "T", "1")
        before = styles_at(seen, seen.app.message_pane, "Messages")
        await seen.press("t")
        await seen.until(lambda: " TAGS " in bar_of(seen))
        assert styles_at(seen, seen.app.message_pane, "Messages").color == before.color


@pytest.mark.parametrize(("keys", "block"), [*PANELS, *OVER_ALL], ids=NAMES)
@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (120, 40)], ids=str)
async def test_the_status_bar_tells_where_the_keys_go(
    daemon: LocalDaemon, keys: tuple[str, ...], block: str, size: tuple[int, int]
) -> None:
    async with open_app(daemon, size) as seen:
        await seen.press(*keys)
        await seen.until(lambda: bar_of(seen).startswith(f" {block} "))
        assert seen.app.status_bar.keys
        if block != "HELP":
            await seen.press("f1")
            await seen.until(lambda: bar_of(seen).startswith(" HELP "))
            await seen.press("escape")
            await seen.until(lambda: bar_of(seen).startswith(f" {block} "))
        await seen.press("escape")
        pane = "SESSIONS" if keys[0] == "1" else "MESSAGES"
        await seen.until(lambda: bar_of(seen).startswith(f" {pane} "))


@pytest.mark.parametrize(("keys", "block"), [*PANELS, *OVER_ALL], ids=NAMES)
async def test_an_open_panel_follows_the_theme(daemon: LocalDaemon, keys: tuple[str, ...], block: str) -> None:
    async with connect(daemon) as client, open_app(daemon) as seen:
        await client.join("ann", tags=["red"])
        await client.send(Tagged("human"), OrchestrationMessage("a.note", {"a": "b"}))
        await seen.until(lambda: seen.app.message_log.count == 1)
        await seen.press(*keys)
        await seen.until(lambda: f" {block} " in bar_of(seen))
        seen.app.theme = LIGHT.name
        await seen.pilot.pause()
        await seen.pilot.pause()
        panel = seen.app.screen.query_one(".panel, #help-panel, #palette-panel")
        dark = {getattr(DARK, role) for role in DARK.__struct_fields__} - {
            getattr(LIGHT, role) for role in LIGHT.__struct_fields__
        }
        for y, strip in enumerate(strips_of(seen.app)):
            column = 0
            for text, style, _ in strip:
                if style is not None and panel.region.contains(column, y):
                    used = {style.color and style.color.name, style.bgcolor and style.bgcolor.name}
                    assert not used & dark, text
                column += len(text)


async def test_a_click_beside_a_panel_closes_it(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("1", "t")
        editor = seen.app.screen
        assert isinstance(editor, TagEditor)
        await seen.pilot.click(editor.query_one(".panel-title"))
        assert seen.app.screen is editor
        await seen.pilot.click(offset=(10, 20))
        await seen.until(lambda: len(seen.app.screen_stack) == 1)
