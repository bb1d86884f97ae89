"""Terminals: what programs show, who gets the keys, and how several share the room."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip

from fugue_core.client import Client, connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol.window import (
    BOLD,
    DIRECT,
    FAINT,
    INVERSE,
    INVISIBLE,
    CursorShape,
    ProgramExit,
    Run,
    WindowFrame,
    WindowInfo,
)
from fugue_tui.cells import DARK_16, draw_line, highlighted, safe, with_cursor
from fugue_tui.config import Config, ScreenConfig, TerminalConfig
from fugue_tui.palette import ANSI, DARK, LIGHT
from fugue_tui.terminal import (
    Layout,
    Shown,
    TerminalMemory,
    Way,
    WindowKey,
    exit_words,
    heir_of,
    keys_of,
    leaf_of,
    load_terminals,
    neighbour,
    places_of,
    pruned,
    save_terminals,
    signs_of,
    split_at,
    turned_to,
)
from fugue_tui.watch import HELD_BYTES
from fugue_tui.widgets.scrollback import Scrollback, matching_lines
from fugue_tui.widgets.terminal_pane import TerminalPane
from fugue_tui.widgets.terminal_view import TerminalView
from tests.tui.screen import PLAIN, Seen, open_app
from tests.tui.test_app import Flaky

CAT = ("sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v")
"""Shows every byte that it is sent."""


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("PS1", "$ ")
    monkeypatch.delenv("TMUX", raising=False)


async def go_to(seen: Seen, name: str) -> None:
    """Put the cursor of the session list on a session."""
    sessions = seen.app.session_list
    await seen.until(lambda: any(row.label == name and row.session for row in sessions.rows))
    await seen.until(
        lambda: any(info.name == name and sessions.roster.windows.get(info.id) for info in sessions.roster.sessions)
    )
    sessions.focus()
    await seen.pilot.pause()
    sessions.rest_at(next(place for place, row in enumerate(sessions.rows) if row.label == name and row.session))


async def enter(seen: Seen, name: str, text: str = "ready") -> TerminalView:
    """Open a session's terminal."""
    await go_to(seen, name)
    await seen.press("enter")
    await seen.until(lambda: seen.app.terminal_pane.active is not None and seen.app.terminal_pane.active.has_focus)
    await seen.until_shown(text)
    view = seen.app.terminal_pane.active
    assert view is not None
    await seen.until(lambda: view.state.kind != "waiting")
    return view


@contextlib.asynccontextmanager
async def opened(
    daemon: LocalDaemon, command: tuple[str, ...] = CAT, size: tuple[int, int] = (120, 40), *, keep: bool = False
) -> AsyncIterator[tuple[Seen, Client, TerminalView]]:
    async with connect(daemon) as other:
        await other.windows.new_session(command, name="cat-1", tags=["citizen"], keep=keep)
        async with open_app(daemon, size=size) as seen:
            yield seen, other, await enter(seen, "cat-1")


# -------------------------------------------------------------------------------------------------- what one sees


async def test_enter_shows_the_live_screen_and_keys_go_to_the_program(daemon: LocalDaemon) -> None:
    async with opened(daemon) as (seen, other, view):
        assert "keys go to the program" in seen.lines[0]
        assert seen.lines[-1].startswith(" TERMINAL   ctrl+b  then  d detach")
        await seen.press(*"q1?:", "tab", "escape", "up", "ctrl+q", "ctrl+p", "f1", "ctrl+c", "alt+x", "enter")
        await seen.until_shown("q1?:\t^[^[[A^Q^P^[OP^C^[x^M".expandtabs(8).replace("q1?:    ", "q1?:    "))
        (window,) = await other.windows.list("cat-1")
        assert (window.cols, window.rows) == view.room


async def test_the_screen_follows_in_the_programs_own_colours_and_the_cursor_is_seen(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "printf 'ready\\n\\033[1;31mred\\033[0m \\033[38;2;1;2;3mtrue\\033[0m\\n'; exec cat")
    async with opened(daemon, command) as (seen, _, view):
        await seen.until_shown("true")
        looks = {segment.text: segment.style for segment in view.render_line(2)}
        assert looks["red"] is not None
        assert looks["red"].color is not None
        assert looks["red"].color.name == DARK_16[1]
        assert looks["red"].bold
        true = looks["true"]
        assert true is not None
        assert true.color is not None
        assert true.color.triplet == (1, 2, 3)
        cursor = view.shown.cursor
        assert cursor == (0, 2)
        first = next(iter(view.render_line(3)))
        assert first.style is not None
        assert first.style.bgcolor is not None
        assert first.style.bgcolor.name == DARK.text
        await seen.press("ctrl+b", "d")
        assert "ready" not in seen.text


async def test_the_prefix_is_shown_then_lit_and_twice_it_goes_to_the_program(daemon: LocalDaemon) -> None:
    async with opened(daemon) as (seen, _, view):
        bar = seen.app.status_bar
        assert (bar.prefix, bar.is_prefixed) == ("ctrl+b", False)
        await seen.press("ctrl+b")
        assert bar.is_prefixed
        view.post_message(events.Key("left_shift", None))  # which a terminal may tell of before `%`
        await seen.pilot.pause()
        assert bar.is_prefixed
        await seen.press("ctrl+b")
        await seen.until(lambda: not bar.is_prefixed)
        await seen.until_shown("^B")
        await seen.press("ctrl+b", "J")  # which means nothing
        await seen.press(*"on")
        await seen.until_shown("^Bon")


@pytest.mark.parametrize(
    ("setting", "tmux", "prefix"),
    [("", "", "ctrl+b"), ("", "1,2,3", "ctrl+g"), ("ctrl+t", "1,2,3", "ctrl+t"), ("x", "", "ctrl+b")],
)
async def test_the_prefix_can_be_set_and_is_another_within_tmux(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch, setting: str, tmux: str, prefix: str
) -> None:
    monkeypatch.setenv("TMUX", tmux)
    config = Config(screen=ScreenConfig(glyphs="unicode"), terminal=TerminalConfig(prefix=setting))
    async with connect(daemon) as other:
        await other.windows.new_session(CAT, name="cat-1")
        async with open_app(daemon, config=config) as seen:
            await enter(seen, "cat-1")
            assert seen.app.status_bar.prefix == prefix
            assert ("[terminal] prefix: x is no key" in seen.text) == (setting == "x")
            await seen.press(prefix, "d")
            assert not seen.app.workspace.has_terminals


async def test_pastes_are_bracketed_where_the_program_asks_and_never_end_early(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "stty -echo -icanon; printf '\\033[?2004hready\\n'; exec cat -v")
    async with opened(daemon, command) as (seen, _, view):
        await seen.until(lambda: view.shown.modes.bracketed_paste)
        view.post_message(events.Paste("one\x1b[201~two"))
        await seen.until_shown("^[[200~one[201~two^[[201~")


async def test_the_mouse_is_told_where_the_program_asks_for_it(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "stty -echo -icanon; printf '\\033[?1002h\\033[?1006hready\\n'; exec cat -v")
    async with opened(daemon, command) as (seen, _, view):
        await seen.until(lambda: view.shown.modes.mouse == "drag")
        await seen.pilot.click(view, offset=(4, 6))
        await seen.until_shown("^[[<0;5;6M^[[<0;5;6m")


async def test_the_wheel_is_arrow_keys_on_the_alternate_screen_and_else_looks_back(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "stty -echo -icanon; seq 200; printf 'ready\\n'; cat -v")
    async with opened(daemon, command) as (seen, other, view):
        await seen.until(lambda: view.shown.history_rows > 100)
        await seen.pilot._post_mouse_events([events.MouseScrollUp], view, offset=(3, 3), button=0)
        await seen.until(lambda: seen.app.terminal_pane.scrollback is not None)
        await seen.press("escape")
        await seen.until(lambda: view.has_focus)
        await other.windows.new("cat-1", ("sh", "-c", "stty -echo -icanon; printf '\\033[?1049hready\\n'; exec cat -v"))
        await seen.press("ctrl+b", "n")
        await seen.until(lambda: view.shown.modes.is_alternate)
        await seen.pilot._post_mouse_events([events.MouseScrollDown], view, offset=(3, 3), button=0)
        await seen.until_shown("^[[B^[[B^[[B")


async def test_names_and_titles_steer_no_terminal(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "printf '\\033]0;a\\tb\\302\\205c\\007ready\\n'; exec cat")
    async with opened(daemon, command) as (seen, _, view):
        assert all(char.isprintable() for line in seen.lines for char in line)
        view.take([WindowFrame(view=0, cols=20, rows=2, is_anew=True, lines=((0, (Run("a\x1b[2Jb\u200d\x07"),)),))])
        await seen.pilot.pause()
        assert all(char.isprintable() for line in seen.lines for char in line)
        assert "a?[2Jb?" in seen.text


async def test_a_full_redraw_of_a_large_screen_draws_each_row_once(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(daemon, size=(228, 53)) as (seen, _, view):
        drawn: list[int] = []
        draw = view._draw_row

        def note(row: int, width: int) -> Strip:
            drawn.append(row)
            return draw(row, width)

        monkeypatch.setattr(view, "_draw_row", note)
        cols, rows = view.room
        lines = tuple((row, (Run("x" * cols, row % 256, DIRECT + row),)) for row in range(rows))
        view.take([WindowFrame(view=0, cols=cols, rows=rows, lines=lines)] * 20)
        await seen.pilot.pause()
        assert sorted(drawn) == list(range(rows))
        drawn.clear()
        view.take([WindowFrame(view=0, cols=cols, rows=rows, lines=((7, (Run("y"),)),))])
        await seen.pilot.pause()
        assert drawn == [7]


# ------------------------------------------------------------------------------------------- windows and splits


async def test_windows_are_opened_turned_and_killed_after_a_question(daemon: LocalDaemon) -> None:
    async with opened(daemon) as (seen, other, _):
        await seen.press("ctrl+b", "c")
        await seen.until_shown("1 sh")
        pane = seen.app.terminal_pane
        await seen.until(
            lambda: pane.active is not None and pane.active.window is not None and pane.active.window.window == 1
        )
        await seen.until_shown("$")
        for keys, number in ((("n",), 0), (("p",), 1), (("0",), 0), (("1",), 1)):
            await seen.press("ctrl+b", *keys)
            assert pane.active is not None
            assert pane.active.window is not None
            assert pane.active.window.window == number
        await seen.press("ctrl+b", "7")
        await seen.until_shown("there is no window 7")
        await seen.press("ctrl+b", "x")
        await seen.until_shown("it is asked to end")
        await seen.press("escape")
        assert len(await other.windows.list("cat-1")) == 2
        await seen.press("ctrl+b", "x", "enter")
        await seen.until_shown("ready")
        assert [window.window for window in await other.windows.list("cat-1")] == [0]


async def test_up_to_four_terminals_share_the_room_and_each_has_its_own_size(daemon: LocalDaemon) -> None:
    async with opened(daemon, size=(160, 50)) as (seen, other, _):
        pane = seen.app.terminal_pane
        for key, count in (("percent_sign", 2), ("quotation_mark", 3), ("quotation_mark", 4)):
            await seen.press("ctrl+b", key)
            await seen.until(lambda count=count: len(pane.views) == count)  # type: ignore[misc]  # a default binds it
        await seen.press("ctrl+b", "percent_sign")
        await seen.until_shown("side by side already")
        views = pane.views

        async def fits() -> bool:
            windows = {window.window: (window.cols, window.rows) for window in await other.windows.list("cat-1")}
            return windows == {key.window: view.room for key, view in views.items()}

        while not await fits():
            await seen.pilot.pause(0.01)
        assert sum(view.has_focus for view in views.values()) == 1
        last = pane.active
        await seen.press("ctrl+b", "left")
        assert pane.active is not last
        await seen.press("ctrl+b", "right", "ctrl+b", "down", "ctrl+b", "up")
        await seen.press("ctrl+b", "z")
        assert [view.display for view in views.values()].count(True) == 1
        await seen.press("ctrl+b", "z")
        assert all(view.display for view in views.values())
        await seen.press("ctrl+b", "left", "ctrl+b", "left")
        assert seen.app.session_list.has_focus
        assert seen.app.workspace.has_terminals
        await seen.press("tab")
        assert pane.active is not None
        assert pane.active.has_focus


async def test_programs_of_several_sessions_are_watched_beside_each_other_and_the_layout_is_remembered(
    daemon: LocalDaemon,
) -> None:
    async with connect(daemon) as other:
        for name in ("cat-1", "cat-2"):
            await other.windows.new_session(("sh", "-c", f"echo I am {name}; exec cat"), name=name)
        async with open_app(daemon) as seen:
            await enter(seen, "cat-1", "I am cat-1")
            await go_to(seen, "cat-2")
            await seen.press("v")
            await seen.until_shown("I am cat-2")
            assert "I am cat-1" in seen.text
            await seen.press("ctrl+b", "d")
            assert not seen.app.workspace.has_terminals

            async def nobody_looks() -> bool:
                return not any(window.viewers for window in await other.windows.list())

            while not await nobody_looks():
                await seen.pilot.pause(0.01)
        async with open_app(daemon) as seen:
            await enter(seen, "cat-1", "I am cat-1")
            await seen.until_shown("I am cat-2")
            await other.end("cat-2")
            await seen.until(lambda: "I am cat-2" not in seen.text)
            assert len(seen.app.terminal_pane.views) == 1


async def test_the_end_of_the_last_program_goes_back_to_the_messages(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "echo ready; read line; exit 3")
    async with opened(daemon, command) as (seen, _, view):
        assert view.has_focus
        await seen.press("enter")
        await seen.until(lambda: not seen.app.workspace.has_terminals)
        await seen.until_shown("the last program here")
        assert seen.app.status_bar.pane == "messages"


async def test_an_exited_program_is_said_kept_and_started_again(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "echo ready; read line; exit 3")
    async with opened(daemon, command, keep=True) as (seen, other, view):
        await seen.press("enter")
        await seen.until_shown("exited with 3 · r respawn · x close")
        assert "ready" in seen.text
        assert "the program has exited" in seen.lines[0]
        await seen.press("1")
        assert view.state.kind == "exited"
        await seen.until(lambda: "✗3" in seen.text)
        await seen.press("r")
        await seen.until(lambda: view.state.kind == "live")
        await seen.until(lambda: "exited with" not in seen.text)
        await seen.press("enter")
        await seen.until_shown("exited with 3")
        await seen.press("x")
        await seen.until(lambda: not seen.app.workspace.has_terminals)
        assert not await other.windows.list()


async def test_a_lost_daemon_is_said_and_what_is_typed_waits_for_it(daemon: LocalDaemon) -> None:
    flaky = Flaky(daemon)
    async with connect(daemon) as other:
        await other.windows.new_session(CAT, name="cat-1")
        async with open_app(flaky) as seen:
            view = await enter(seen, "cat-1")
            flaky.cut()
            await seen.until(lambda: view.state.kind == "lost")
            assert "ready" in seen.text
            await seen.press(*"held")
            await seen.until_shown("4 bytes wait")
            view.post_message(TerminalView.Typed(view, b"x" * HELD_BYTES))
            await seen.until_shown("what you type now is lost")
            flaky.is_down = False
            await seen.press("f9")
            await seen.until(lambda: view.state.kind == "live")
            await seen.until_shown("held")
            assert "xx" not in seen.text


# ----------------------------------------------------------------------------------------------------- looking back


async def test_scrollback_is_looked_through_searched_and_copied(daemon: LocalDaemon) -> None:
    command = ("sh", "-c", "for i in $(seq 1000); do echo line $i end; done; echo ready; exec cat")
    async with opened(daemon, command) as (seen, _, view):
        await seen.until(lambda: view.shown.history_rows > 900)
        await seen.press("ctrl+b", "left_square_bracket")
        await seen.until(lambda: seen.app.status_bar.pane == "scrollback")
        await seen.until_shown("line 1000 end")
        await seen.press("g")
        await seen.until_shown("line 1 end")
        await seen.press("G", "slash", *"Line", "enter")
        await seen.until_shown("found nothing")
        await seen.press("slash", "ctrl+u", *"line 33", "enter")
        await seen.until_shown("11 lines with line 33")
        await seen.until_shown("line 339 end")
        await seen.press("n", "V", "n", "y")
        await seen.until(lambda: seen.app.clipboard)
        assert seen.app.clipboard == "line 337 end\nline 338 end"
        await seen.press("N", "escape")
        await seen.until(lambda: view.has_focus)
        assert not seen.app.query(Scrollback)


def test_a_search_minds_capitals_only_where_one_is_typed() -> None:
    assert matching_lines("Abc\nabc\nx", "abc") == [0, 1]
    assert matching_lines("Abc\nabc\nx", "Abc") == [0]


# ------------------------------------------------------------------------------------------- signs in the session list


def window(last_output_at: float | None = None, exited: ProgramExit | None = None) -> WindowInfo:
    return WindowInfo(
        session=UUID(int=1),
        window=0,
        id=UUID(int=0),
        name="sh",
        command=("sh",),
        directory="/",
        created_at=0.0,
        cols=80,
        rows=24,
        last_output_at=last_output_at,
        exited=exited,
    )


def test_a_bell_an_exit_and_output_have_their_signs() -> None:
    now = 100.0
    assert signs_of([window()], now, {}) == ""
    assert signs_of([window(last_output_at=99.0)], now, {}) == "~"
    assert signs_of([window(last_output_at=90.0)], now, {}) == ""
    assert signs_of([window(last_output_at=99.0)], now, {UUID(int=0): 2}) == "♪"
    assert signs_of([window(exited=ProgramExit(code=1, at=0.0))], now, {UUID(int=0): 2}) == "♪✗1"
    assert signs_of([window(exited=ProgramExit(signal=9, at=0.0))], now, {}, is_seen=True) == "✗SIG9"
    assert signs_of([window(exited=ProgramExit(code=0, at=0.0))], now, {}) == "✓"
    assert exit_words(ProgramExit(at=0.0)) == "has exited"


async def test_a_bell_rings_in_the_list_until_somebody_looks(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        await other.windows.new_session(("sh", "-c", "echo ready; read l; printf '\\a'; exec cat"), name="bell")
        await seen.until_shown("bell")
        await other.windows.type(b"\r", "bell")
        await seen.until(lambda: "♪" in seen.text)
        await go_to(seen, "bell")
        await seen.press("i")
        await seen.until_shown("windows")
        await seen.press("i")
        await enter(seen, "bell")
        await seen.until(lambda: "♪" not in seen.text)


# ---------------------------------------------------------------------------------------------------- plain values

KEYS = [WindowKey(UUID(int=1), number) for number in range(6)]


@given(steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["beside", "below"])), max_size=3))
def test_terminals_share_the_whole_room_and_never_overlap(steps: list[tuple[int, str]]) -> None:
    layout: Layout = leaf_of(KEYS[0])
    for new, (place, way) in enumerate(steps, 1):
        shown = keys_of(layout)
        layout = split_at(layout, shown[place % len(shown)], KEYS[new], way)  # type: ignore[arg-type]  # one of the two
    room = Region(0, 0, 160, 48)
    places = places_of(layout, room)
    assert list(places) == keys_of(layout)
    cells = {(x, y) for place in places.values() for x in place.column_range for y in place.line_range}
    assert len(cells) == sum(place.area for place in places.values())
    assert all(room.contains_region(place) for place in places.values())
    rules = {(place.x - 1, y) for place in places.values() if place.x for y in place.line_range}
    assert len(cells | rules) == room.area
    left = pruned(layout, KEYS[1:])
    assert (left is None) == (not steps)
    for at in places:
        for way, back in (("left", "right"), ("up", "down")):
            other = neighbour(places, at, way)  # type: ignore[arg-type]  # one of the four
            assert other is None or neighbour(places, other, back) is not None  # type: ignore[arg-type]  # as above


A, B, C, D = (WindowKey(UUID(int=1), number) for number in range(4))


@pytest.mark.parametrize(
    ("steps", "closed", "heir"),
    [
        ([(A, B, "beside")], B, A),
        ([(A, B, "beside")], A, B),
        ([(A, B, "beside"), (B, C, "beside")], C, B),
        ([(A, B, "beside"), (B, C, "beside")], A, B),
        ([(A, B, "beside"), (B, C, "below")], C, B),
        ([(A, B, "beside"), (B, C, "below")], B, C),
        ([(A, B, "beside"), (A, C, "below"), (B, D, "below")], D, B),
        ([(A, B, "beside"), (A, C, "below")], B, C),
    ],
)
def test_the_room_and_the_keys_of_a_terminal_go_to_its_neighbour(
    steps: list[tuple[WindowKey, WindowKey, Way]], closed: WindowKey, heir: WindowKey
) -> None:
    layout: Layout = leaf_of(A)
    for at, new, way in steps:
        layout = split_at(layout, at, new, way)
    assert heir_of(layout, closed, [key for key in keys_of(layout) if key != closed]) == heir
    assert heir_of(layout, closed, []) is None
    assert heir_of(leaf_of(A), A, [A]) is None


async def test_closing_or_ending_a_terminal_gives_its_neighbour_the_keys(daemon: LocalDaemon) -> None:
    async with opened(daemon, size=(160, 40)) as (seen, other, view):
        pane = seen.app.terminal_pane
        for number in (1, 2, 3):
            await seen.press("ctrl+b", "percent_sign")
            await seen.until(partial(has_keys, pane, number))
        assert pane.active is not None
        await seen.press("ctrl+b", "o")
        assert [key.window for key in pane.views] == [0, 1, 2]
        assert pane._active == WindowKey(view_session(view), 2)
        await other.windows.kill("cat-1", 2)
        await seen.until(lambda: len(pane.views) == 2)
        assert pane._active == WindowKey(view_session(view), 1)
        assert pane.active.has_focus
        seen.app.session_list.focus()
        await other.windows.kill("cat-1", 1)
        await seen.until(lambda: len(pane.views) == 1)
        assert seen.app.session_list.has_focus  # whoever reads something else goes on reading


def has_keys(pane: TerminalPane, window: int) -> bool:
    active = pane.active
    return active is not None and active.has_focus and active.window is not None and active.window.window == window


def view_session(view: TerminalView) -> UUID:
    assert view.window is not None
    return view.window.session


def test_three_beside_each_other_get_a_third_each() -> None:
    layout = split_at(split_at(leaf_of(KEYS[0]), KEYS[0], KEYS[1], "beside"), KEYS[1], KEYS[2], "beside")
    assert [place.width for place in places_of(layout, Region(0, 0, 92, 10)).values()] == [30, 30, 30]
    assert keys_of(turned_to(layout, KEYS[1], KEYS[5])) == [KEYS[0], KEYS[5], KEYS[2]]


def test_layouts_and_commands_are_kept_and_a_damaged_file_is_forgotten(tmp_path: Path) -> None:
    path = f"{tmp_path}/state/terminals.json"
    layout = split_at(leaf_of(KEYS[0]), KEYS[0], KEYS[1], "below")
    memory = (
        TerminalMemory().with_layout(UUID(int=1), layout).with_command("vim").with_command("htop").with_command("vim")
    )
    save_terminals(path, memory)
    assert load_terminals(path) == memory
    assert memory.commands == ("htop", "vim")
    assert memory.with_layout(UUID(int=1), leaf_of(KEYS[0])).of(UUID(int=1)) is None
    Path(path).write_text("{")
    assert load_terminals(path) == TerminalMemory()


def test_a_frame_changes_rows_and_another_size_all_of_them() -> None:
    shown = Shown()
    assert shown.take(WindowFrame(view=0, cols=4, rows=3, is_anew=True, lines=((1, (Run("b"),)),))) == {0, 1, 2}
    assert shown.lines == [(), (Run("b"),), ()]
    assert shown.take(WindowFrame(view=0, cols=4, rows=3, lines=((0, (Run("a"),)),), cursor=(0, 2))) == {0, 2}
    assert shown.take(WindowFrame(view=0, cols=4, rows=3, cursor=(1, 1))) == {1, 2}
    assert shown.take(WindowFrame(view=0, cols=4, rows=2)) == {0, 1}
    assert shown.lines == [(Run("a"),), (Run("b"),)]
    shown.take(WindowFrame(view=0, cols=4, rows=2, lines=((9, (Run("z"),)),)))  # of a row that there is not
    assert len(shown.lines) == 2


RUNS = st.lists(
    st.builds(
        Run,
        st.text(st.sampled_from("ab \u65e5\u672c\u0301e\x1b\u200d"), min_size=1, max_size=8),
        st.none() | st.integers(0, 255) | st.integers(DIRECT, DIRECT + 0xFFFFFF),
        st.none() | st.integers(0, 255),
        st.integers(0, 255),
    ),
    max_size=5,
)


@given(runs=RUNS, cols=st.integers(1, 40), width=st.integers(1, 40), column=st.integers(0, 39))
def test_a_row_is_exactly_as_wide_as_its_pane_and_harmless(runs: list[Run], cols: int, width: int, column: int) -> None:
    for palette in (DARK, LIGHT, ANSI):
        strip = draw_line(tuple(runs), cols, width, palette, palette.pane)
        marked = [highlighted(strip, 0, min(3, width), Style(bold=True))]
        marked += [with_cursor(strip, column, shape) for shape in get_args(CursorShape)]
        for row in (strip, *marked):
            assert sum(cell_len(segment.text) for segment in row) == width
            assert row.text.isprintable()


def test_wide_characters_keep_their_cells_under_the_cursor() -> None:
    strip = draw_line((Run("a日本"),), 10, 10, DARK, DARK.pane)
    for column in (1, 2):
        marked = with_cursor(strip, column, "block")
        assert marked.text == strip.text
        assert [segment.text for segment in marked][:3] == ["a", "日", "本"]


def test_colours_are_the_programs_own() -> None:
    def look(run: Run) -> tuple[str, str]:
        style = next(iter(draw_line((run,), 4, 4, DARK, DARK.pane))).style
        assert style is not None
        assert style.color is not None
        assert style.bgcolor is not None
        return style.color.name, style.bgcolor.name

    assert look(Run("a")) == (DARK.text, DARK.pane)
    assert look(Run("a", 1, 196, BOLD)) == (DARK_16[1], "#ff0000")
    assert look(Run("a", 255, 232)) == ("#eeeeee", "#080808")
    assert look(Run("a", DIRECT + 0x010203)) == ("#010203", DARK.pane)
    assert look(Run("a", None, None, INVERSE)) == (DARK.pane, DARK.text)
    assert look(Run("a", None, None, INVISIBLE)) == (DARK.pane, DARK.pane)
    assert look(Run("a", DIRECT + 0xFFFFFF, DIRECT, FAINT)) == ("#7f7f7f", "#000000")


@given(text=st.text())
def test_what_is_drawn_is_printable(text: str) -> None:
    assert safe(text).isprintable()


async def test_without_an_open_terminal_the_key_says_so(daemon: LocalDaemon) -> None:
    async with open_app(daemon, config=PLAIN) as seen:
        await seen.press("4")
        await seen.until_shown("no terminal is open")
        assert seen.app.status_bar.pane == "messages"


# ----------------------------------------------------------------------------------------------------------- waking


async def test_waking_is_turned_on_and_off_by_a_key_and_it_is_said_why_nothing_is_typed(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon, size=(120, 40)) as seen:
        await other.windows.new_session(CAT, name="cat-1")
        await go_to(seen, "cat-1")
        await seen.press("W")
        await seen.until_shown("cat-1: a notice is typed when mail waits; not now: its hooks have not said")
        assert (await other.get_session("cat-1")).wake == "on"
        await seen.until(lambda: any(info.wake == "on" for info in seen.app.session_list.roster.sessions))
        await seen.press("W")
        await seen.until_shown("cat-1: no notice is typed when mail waits")
        assert (await other.get_session("cat-1")).wake == "off"
