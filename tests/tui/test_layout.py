"""Every size that a terminal has: nothing crashes, nothing flows over, and each pane can be reached."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_tui.config import Config, Memory, ScreenConfig, read_config
from fugue_tui.screens.help import Help
from fugue_tui.screens.inbox import Inbox
from fugue_tui.widgets.status_bar import StatusBar
from fugue_tui.widgets.workspace import COMPOSE_ROWS, Workspace, compose_rows, sidebar_cells
from tests.tui.screen import open_app

SIZES = [(40, 10), (60, 20), (80, 24), (100, 30), (120, 40), (250, 70)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_size_works_with_every_pane_and_panel(daemon: LocalDaemon, size: tuple[int, int]) -> None:
    async with connect(daemon) as client, open_app(daemon, size) as seen:
        await client.join("a-name-that-is-quite-long", tags=["citizen", "builder", "日本語", "x" * 60])
        message = OrchestrationMessage("gas_town.auction", {"item": "wide 日本 " * 50})
        await client.send(Tagged("human"), message)
        await seen.until(lambda: seen.app.message_log.count == 1)
        for keys in (("1",), ("2",), ("enter",), ("escape",), ("3",), ("f1",), ("escape",), ("escape",), ("colon",)):
            await seen.press(*keys)
            lines = [cell_len(line) for line in seen.lines]
            assert lines == [size[0]] * size[1], keys
        await seen.press("escape")
        bar = seen.lines[-1]
        assert "MESSAGES" in bar
        assert "●" in bar


@pytest.mark.parametrize("size", [(39, 10), (40, 9), (1, 1)], ids=str)
async def test_a_screen_that_is_too_small_says_what_it_needs(daemon: LocalDaemon, size: tuple[int, int]) -> None:
    async with open_app(daemon, size) as seen:
        assert seen.app.too_small.display
        assert not seen.app.workspace.display
        if size[0] > 20:
            seen.app.notify("something was said")
            await seen.pilot.pause()
            assert "fugue needs 40 x 10" in seen.text
            assert "something" not in seen.text
        await seen.pilot.resize_terminal(80, 24)
        await seen.until_shown("Messages")


async def test_under_80_cells_there_is_one_pane_at_a_time_and_tab_turns(daemon: LocalDaemon) -> None:
    async with open_app(daemon, (70, 24)) as seen:
        shown = []
        for _ in range(3):
            panes = [seen.app.session_list, seen.app.message_log, seen.app.compose_pane]
            shown.append([pane.id for pane in panes if pane.region.area])
            await seen.press("shift+tab") if seen.app.workspace.pane != "compose" else await seen.press("escape")
        assert shown[0] == ["log"]
        assert shown[1] == ["sessions"]
        assert shown[2] == ["compose"]
        await seen.pilot.resize_terminal(120, 40)
        await seen.until(lambda: seen.app.session_list.region.width == 46)


@pytest.mark.parametrize(
    ("size", "titles"),
    [
        (
            (60, 20),
            (
                "Messages 3 · sessions 3 unread · compose draft",
                "Sessions 2 · messages · compose draft",
                "· sessions 3 unread · messages",
            ),
        ),
        (
            (40, 10),
            ("Messages · 3 unread · draft", "Sessions 2 · messages · draft", "· 3 unread · messages"),
        ),
    ],
    ids=["60x20", "40x10"],
)
async def test_one_pane_alone_names_the_others_and_what_waits_there(
    daemon: LocalDaemon, size: tuple[int, int], titles: tuple[str, str, str]
) -> None:
    async with connect(daemon) as client, open_app(daemon, size) as seen:
        assert "· sessions · compose" in seen.lines[0]
        await client.join("cat", tags=["citizen"])
        for number in range(3):
            await client.send(Tagged("human"), OrchestrationMessage("note", number))
        await seen.until(lambda: seen.app.message_log.count == 3)
        await seen.press("M")
        seen.app.compose_pane.write_to("tag:x")
        await seen.press("escape")
        if seen.app.workspace.pane == "compose":  # the first only closed what the field offered
            await seen.press("escape")
        for key, title in zip("213", titles, strict=True):
            await seen.press(key)
            await seen.until(lambda title=title: title in "".join(seen.lines[:2]))  # type: ignore[misc]  # bound as it is now
        await seen.press("escape", "k")
        await client.send(Tagged("human"), OrchestrationMessage("note", 4))
        await seen.until(lambda: "↓ 1" in seen.lines[0])
        await seen.press("1")
        await seen.until(lambda: "messages ↓1" in seen.lines[0])
        await seen.pilot.resize_terminal(80, 24)
        await seen.until(lambda: "·" not in seen.lines[0])


@pytest.mark.parametrize(
    ("width", "cells"), [(80, 27), (119, 27), (120, 46), (160, 46), (180, 56), (250, 56), (60, 20), (50, 18)]
)
def test_the_sidebar_is_as_wide_as_the_screen_allows(width: int, cells: int) -> None:
    assert sidebar_cells(width, None) == cells


def test_wanted_sizes_leave_room_for_the_others() -> None:
    assert sidebar_cells(120, 200) == 80
    assert sidebar_cells(120, 1) == 18
    assert compose_rows(39, COMPOSE_ROWS) == 18
    assert compose_rows(39, None) == 18
    assert compose_rows(23, None) == compose_rows(23, 40) == 20
    assert compose_rows(23, 18) == 18
    assert compose_rows(9, 18) == 9


async def test_keys_resize_the_panes_and_the_sizes_are_remembered(daemon: LocalDaemon) -> None:
    config = Config(screen=ScreenConfig(glyphs="unicode"), memory_path=read_config().memory_path)
    async with open_app(daemon, config=config) as seen:
        await seen.press(">", ">", "<", "+", "minus", "minus")
        assert seen.app.session_list.region.width == 49
        assert read_config().memory == Memory(theme="fugue-dark", sidebar=49, compose_height=16)
        await seen.press("M")
        await seen.until(lambda: seen.app.compose_pane.region.height == 16)
    async with open_app(daemon, config=read_config()) as seen:
        assert seen.app.session_list.region.width == 49


async def test_the_sidebar_has_a_width_for_wide_and_one_for_narrow_screens(daemon: LocalDaemon) -> None:
    memory = Memory(sidebar=52, sidebar_narrow=18)
    config = Config(screen=ScreenConfig(glyphs="unicode"), memory=memory, memory_path=read_config().memory_path)
    async with open_app(daemon, config=config) as seen:
        assert seen.app.session_list.region.width == 52
        await seen.pilot.resize_terminal(80, 24)
        await seen.until(lambda: seen.app.session_list.region.width == 18)
        await seen.press(">")
        assert read_config().memory == Memory(theme="fugue-dark", sidebar=52, sidebar_narrow=21)
        await seen.pilot.resize_terminal(120, 40)
        await seen.until(lambda: seen.app.session_list.region.width == 52)


async def test_the_sizes_can_be_reset(daemon: LocalDaemon) -> None:
    memory = Memory(sidebar=52, sidebar_narrow=18, compose_height=12)
    config = Config(screen=ScreenConfig(glyphs="unicode"), memory=memory, memory_path=read_config().memory_path)
    async with open_app(daemon, config=config) as seen:
        await seen.press("ctrl+p", *"reset", "enter")
        await seen.until(lambda: seen.app.session_list.region.width == sidebar_cells(120, None))
        await seen.until(lambda: read_config().memory == Memory(theme="fugue-dark"))


async def test_dragging_the_rules_resizes_the_panes(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("M")
        await seen.until(lambda: seen.app.compose_pane.region.height == 18)
        pilot = seen.pilot
        await pilot.mouse_down(Workspace, offset=(45, 20))
        await pilot.hover(Workspace, offset=(35, 20))
        await pilot.mouse_up(Workspace, offset=(35, 20))
        await seen.until(lambda: seen.app.session_list.region.width == 36)
        top = seen.app.compose_pane.region.y
        await pilot.mouse_down(Workspace, offset=(80, top))
        await pilot.hover(Workspace, offset=(80, top + 4))
        await pilot.mouse_up(Workspace, offset=(80, top + 4))
        await seen.until(lambda: seen.app.compose_pane.region.height == 14)


async def test_zoom_gives_one_pane_all_the_room_and_back(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("z")
        await seen.until(lambda: seen.app.message_log.region.width == 120)
        await seen.press("1")
        await seen.until(lambda: seen.app.session_list.region.width == 120)
        await seen.press("z")
        await seen.until(lambda: seen.app.session_list.region.width == 46)
        assert seen.app.focused is seen.app.session_list


# ------------------------------------------------------------------------------------------------------ the status bar


@pytest.mark.parametrize("width", [40, 60, 79, 80, 81, 100, 120, 250])
@pytest.mark.parametrize("load", [0, 7, 12_345], ids=["idle", "some", "much"])
async def test_the_status_bar_never_flows_over_and_keeps_its_halves_apart(
    daemon: LocalDaemon, width: int, load: int
) -> None:
    async with open_app(daemon, (width, 12)) as seen:
        bar = seen.app.query_one(StatusBar)
        bar.sessions, bar.unread, bar.rates = load, load, tuple(float(load) for _ in range(12))
        await seen.pilot.pause()
        line = bar.render_line(0).text
        assert cell_len(line) == width
        left, dot, right = line.partition("●")
        assert dot
        assert left.endswith("   ")
        assert right.strip() or width < 60
        assert "?" in left


async def test_at_120_cells_the_bar_tells_all_of_it(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        bar = seen.app.status_bar
        bar.unread, bar.rates = 2, (0.0, 1.0, 8.0)
        await seen.pilot.pause()
        line = bar.render_line(0).text
        for text in (" MESSAGES ", "n start a session", "? help", "● test", "1 session", "▂█ 8/s", " 2  unread"):
            assert text in line
        assert len(bar.keys) <= 7


async def test_the_bar_tells_no_key_that_writes_into_the_field(daemon: LocalDaemon) -> None:
    async with connect(daemon) as client, open_app(daemon, size=(80, 24)) as seen:
        await client.join("cat")
        await client.send(Tagged("human"), OrchestrationMessage("note", 1))
        await seen.until(lambda: seen.app.message_log.count == 1)
        bar = seen.app.status_bar
        for keys, told in (
            (("2", "slash"), ("esc clear", "enter keep")),
            (("escape", "s"), ("esc clear", "enter find")),
            (("escape", "at"), ("esc back", "enter go there")),
            (("escape", "1", "slash"), ("esc clear", "enter keep")),
            (("escape", "2", "enter", "e"), ("esc back", "enter write")),
            (("escape", "escape", "M"), ("esc back", "f5 send")),
        ):
            await seen.press(*keys)
            shown = bar.render_line(0).text
            assert all(words in shown for words in (*told, "f1 help")), shown
            assert not [key for key, _ in bar.keys if len(key) == 1]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_help_and_the_unread_can_be_clicked_in_the_bar(daemon: LocalDaemon, size: tuple[int, int]) -> None:
    async with connect(daemon) as client, open_app(daemon, size) as seen:
        await client.join("cat")
        await client.send(Tagged("human"), OrchestrationMessage("note", 1))
        await seen.until(lambda: seen.app.status_bar.unread)
        bar = seen.app.status_bar.render_line(0).text
        await seen.pilot.click(StatusBar, offset=(bar.index("?"), 0))
        await seen.until(lambda: isinstance(seen.app.screen, Help))
        await seen.press("escape")
        await seen.pilot.click(StatusBar, offset=(bar.rindex("1"), 0))
        await seen.until(lambda: isinstance(seen.app.screen, Inbox))
