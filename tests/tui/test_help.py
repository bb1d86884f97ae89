"""Help and the command palette: all that can be done, from the bindings themselves; help changes nothing."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList, Static

from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_tui import screens
from fugue_tui.keymap import NOT_LISTED, KeyRow, key_rows
from fugue_tui.screens.help import Help, matching
from fugue_tui.screens.palette_panel import Action, PalettePanel, fitting
from tests.tui.screen import Seen, open_app

screens.load()
ROWS = key_rows({})


def test_help_knows_every_binding_with_its_keys_and_its_command_line() -> None:
    rows = {row.id: row for row in ROWS}
    assert rows["log.filter"].context == "messages"
    assert rows["log.filter"].keys == ("/",)
    assert rows["log.filter"].twin == "fugue log FILTER"
    assert rows["app.help"].keys == ("?", "f1")
    assert {"sessions", "messages", "compose", "panes", "lists", "everywhere", "tag editor"} <= {
        row.context for row in ROWS
    }


@pytest.mark.parametrize(
    ("typed", "found"),
    [("kill", "sessions.end"), ("FILTER log", "log.filter"), ("pane zoom", "pane.zoom"), ("ctrl+p", "app.palette")],
)
def test_typing_finds_keys_words_and_commands(typed: str, found: str) -> None:
    rows = matching(ROWS, typed)
    assert found in {row.id for row in rows}
    assert len(rows) < len(ROWS)


def test_what_nothing_has_is_not_found() -> None:
    assert matching(ROWS, "qqqq") == []
    assert list(matching(ROWS, "  ")) == list(ROWS)


async def test_help_opens_with_what_holds_here_searches_while_typing_and_changes_nothing(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("tab", "tab")  # to the sessions by way of compose, or of its fields
        seen.app.session_list.focus()
        await seen.pilot.pause()
        before = state_of(seen)
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, Help)
        await seen.until_shown("sessions  here")
        await seen.press(*"kill")
        await seen.until_shown("fugue kill SESSION")
        assert "fugue log FILTER" not in seen.text
        await seen.press("q", "x", "enter", "down", "pagedown", "escape")
        assert state_of(seen) == before


async def test_f1_opens_help_while_writing_and_the_draft_stays(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("M", *"nobody")
        draft = seen.app.compose_pane.draft
        await seen.press("f1")
        await seen.until_shown("compose  here")
        await seen.press("f1")
        assert seen.app.compose_pane.draft == draft
        assert len(seen.app.screen_stack) == 1


async def test_f1_opens_help_over_every_panel_and_leaves_it_as_it_was(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        for keys, here in ((("1", "t"), "tag editor"), (("1", "R"), "panels"), (("1", "x"), "end panel")):
            await seen.press(*keys)
            panel = seen.app.screen
            await seen.press("f1")
            await seen.until_shown(f"{here}  here")
            await seen.press("f1")
            assert seen.app.screen is panel
            await seen.press("escape")
        for key in ("I", "colon"):
            await seen.press(key, "f1")
            assert isinstance(seen.app.screen, Help)
            await seen.press("escape", "escape")
            assert len(seen.app.screen_stack) == 1


@pytest.mark.parametrize("typed", ["~", "held", "signs of sessions"])
async def test_help_tells_what_a_sign_means(daemon: LocalDaemon, typed: str) -> None:
    async with open_app(daemon) as seen:
        await seen.press("question_mark", *typed)
        await seen.until_shown({"held": "waits for somebody who is not connected"}.get(typed, "has just written"))
        assert "new session" not in seen.text


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_help_breaks_no_line_and_shows_the_whole_of_each_command(
    daemon: LocalDaemon, size: tuple[int, int]
) -> None:
    async with open_app(daemon, size) as seen:
        await seen.press("question_mark")
        text = seen.app.screen.query_one("#help-text", Static)
        lines = str(text.render()).split("\n")
        assert text.region.height == len(lines)
        assert [row.twin for row in ROWS if row.twin not in str(text.render())] == []


def state_of(seen: Seen) -> tuple[object, ...]:
    app = seen.app
    return (
        app.focused,
        app.theme,
        app.compose_pane.draft,
        app.message_log.cursor,
        app.session_list.cursor,
        app.workspace.pane,
        tuple(app._world.sessions),
        app._world.message_count,
        len(app.screen_stack),
    )


# ------------------------------------------------------------------------------------------------- the command palette


def test_the_palette_finds_by_every_word_and_puts_what_begins_so_first() -> None:
    actions = [
        Action(name="a", context="messages", words="clear filter"),
        Action(name="b", context="messages", words="filter", key="/", twin="fugue log FILTER"),
        Action(name="c", context="panes", words="zoom"),
    ]
    assert [action.name for action in fitting(actions, "filter")] == ["b", "a"]
    assert [action.name for action in fitting(actions, "log filter")] == ["b"]
    assert [action.name for action in fitting(actions, "zz")] == []
    assert fitting(actions, "") == actions


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_the_palette_has_every_action_that_can_be_done_here(daemon: LocalDaemon, key: str) -> None:
    async with connect(daemon) as client, open_app(daemon) as seen:
        await client.join("cat")
        await client.send(Tagged("human"), OrchestrationMessage("note", 1))
        await seen.until(lambda: seen.app.message_log.count == 1)
        await seen.press(key)
        panel = seen.app.screen
        assert isinstance(panel, PalettePanel)
        listed = {action.name for action in panel._actions}
        here: list[KeyRow] = [
            row for row in ROWS if row.context in {"sessions", "messages", "compose", "panes", "lists", "everywhere"}
        ]
        assert {row.id for row in here} <= listed
        assert {"theme.fugue-dark", "theme.fugue-light", "theme.fugue-ansi"} <= listed


async def test_the_palette_has_what_an_open_message_lets_one_do_and_does_it_there(daemon: LocalDaemon) -> None:
    async with connect(daemon) as client, open_app(daemon) as seen:
        await client.join("cat")
        await client.send(Tagged("human"), OrchestrationMessage("note", {"a": [1, 2]}))
        await seen.until(lambda: seen.app.message_log.count == 1)
        await seen.press("enter")
        await seen.until(lambda: seen.app.message_pane.inspector.is_open)
        await seen.press("colon")
        panel = seen.app.screen
        assert isinstance(panel, PalettePanel)
        listed = {action.name: action.key for action in panel._actions}
        here = [row for row in ROWS if row.context in {"inspector", "inspector part", "payload view"}]
        assert {row.id: "  ".join(row.keys) for row in here}.items() <= listed.items()
        assert panel._actions[0].context == "inspector part"
        await seen.press(*"command", "enter")
        assert "fugue -L test send" in seen.app.clipboard
        await seen.press("escape", "colon")
        panel = seen.app.screen
        assert isinstance(panel, PalettePanel)
        assert not {action.name for action in panel._actions if action.name.startswith("inspector")}


def listed(seen: Seen) -> set[str]:
    """Return what the palette would have if it were opened now."""
    return {action.name for action, _ in seen.app._actions()}


async def test_every_action_is_in_the_palette_while_it_can_be_done_or_is_excused_in_one_place(
    daemon: LocalDaemon,
) -> None:
    found: set[str] = set()
    async with connect(daemon) as client, open_app(daemon) as seen:
        await client.join("cat", tags=["red"])
        await client.windows.new_session(("cat",), name="shop")
        await client.send(Tagged("human"), OrchestrationMessage("note", {"a": [1, 2]}))
        await seen.until(lambda: seen.app.message_log.count == 1)
        found |= listed(seen)
        await seen.press("slash")
        found |= listed(seen)
        await seen.press("escape", "enter")
        for _ in range(4):  # payload, deliveries, thread, command
            found |= listed(seen)
            await seen.press("tab")
        await seen.press("escape", "M", "down")
        found |= listed(seen)
        await seen.press("escape", "escape")
        sessions = seen.app.session_list
        sessions.focus()
        await seen.until(lambda: any(row.label == "cat" for row in sessions.rows))
        sessions.rest_at(next(place for place, row in enumerate(sessions.rows) if row.label == "cat"))
        for keys in (("t",), ("t", "left"), ("n",), ("n", "up"), ("x",), ("I",), ("B",)):
            await seen.press(*keys)
            found |= listed(seen)
            await seen.press("escape")
        sessions.rest_at(next(place for place, row in enumerate(sessions.rows) if row.label == "shop"))
        await seen.press("enter")
        await seen.until_shown("keys go to the program")
        await seen.press("ctrl+b", "left_square_bracket")
        await seen.until(lambda: seen.app.terminal_pane.scrollback is not None)
        found |= listed(seen)
        await seen.press("escape", "ctrl+b", "x")
        found |= listed(seen)
    assert found & {row.id for row in ROWS} == {row.id for row in ROWS if not row.id.startswith(tuple(NOT_LISTED))}
    assert all(any(row.id.startswith(excused) for row in ROWS) for excused in NOT_LISTED)


async def test_what_the_bar_below_the_log_does_is_done_from_the_palette(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("slash", *"from:ann", "ctrl+p")
        panel = seen.app.screen
        assert isinstance(panel, PalettePanel)
        assert panel._actions[0].name == "log_bar.accept"
        await seen.press(*"bar clear", "enter")
        assert seen.app.message_log.filter_text == ""
        assert seen.app.message_log.has_focus


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_opens_from_within_a_terminal(daemon: LocalDaemon, key: str) -> None:
    async with connect(daemon) as client, open_app(daemon) as seen:
        await client.windows.new_session(("cat",), name="shop")
        sessions = seen.app.session_list
        await seen.until(lambda: any(sessions.roster.windows.values()))
        sessions.focus()
        sessions.rest_at(next(place for place, row in enumerate(sessions.rows) if row.label == "shop"))
        await seen.press("enter")
        await seen.until_shown("keys go to the program")
        await seen.press("ctrl+b", key)
        assert isinstance(seen.app.screen, PalettePanel)
        await seen.press(*"terminal zoom", "enter")
        assert seen.app.terminal_pane._is_zoomed
        assert seen.app.terminal_pane.has_focus_within


async def test_over_a_panel_the_palette_has_what_the_panel_does_and_nothing_of_the_panes(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("1", "t", *"red", "enter")
        await seen.until(lambda: "red" in next(iter(seen.app._world.sessions.values())).tags)
        await seen.press("ctrl+p")
        panel = seen.app.screen
        assert isinstance(panel, PalettePanel)
        listed = {action.name for action in panel._actions}
        assert {"tags.undo", "panel.leave", "app.theme", "theme.fugue-light"} <= listed
        assert not {name for name in listed if name.startswith(("log.", "sessions.", "compose.", "pane."))}
        await seen.press(*"undo", "enter")
        await seen.until(lambda: "red" not in next(iter(seen.app._world.sessions.values())).tags)


async def test_the_palette_does_what_was_chosen_in_the_pane_where_it_belongs(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("ctrl+p", *"theme light", "enter")
        assert seen.app.theme == "fugue-light"
        await seen.press("colon", *"zoom", "enter")
        assert seen.app.workspace.is_zoomed
        await seen.press("colon", *"pane", "down", "up", "escape")
        assert len(seen.app.screen_stack) == 1
        await seen.press("colon", *"zzzz", "enter")
        assert isinstance(seen.app.screen, PalettePanel)
        assert seen.app.screen.query_one(OptionList).option_count == 0
