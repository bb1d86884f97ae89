"""The frame: connection, start page, themes, panes and focus."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import fugue_core.client.line as line_module
from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client import connect
from fugue_core.client.link import Link, Receiver
from fugue_core.daemon.local import LocalDaemon
from fugue_tui import link as link_module
from fugue_tui.app import FugueApp
from fugue_tui.config import Config, Memory, ScreenConfig, read_config
from fugue_tui.link import LinkState
from fugue_tui.screens.new_session import NewSession
from fugue_tui.shell import trouble_of
from fugue_tui.widgets.start_page import wrapped
from tests.tui.screen import open_app, strips_of


class Flaky:
    """A daemon whose line can be cut."""

    def __init__(self, daemon: LocalDaemon) -> None:
        self.daemon = daemon
        self.is_down = False
        self.links: list[Link] = []

    async def open_link(self, receiver: Receiver) -> Link:
        if self.is_down:
            raise ConnectionRefusedError("nobody is there")
        link = await self.daemon.open_link(receiver)
        self.links.append(link)
        return link

    def cut(self) -> None:
        self.is_down = True
        for link in self.links:
            link.close()


# ------------------------------------------------------------------------------------------------------ the connection


def test_the_bar_says_when_it_is_tried_again() -> None:
    assert trouble_of(LinkState(kind="up"), 0.0, "f9") == ""
    assert trouble_of(LinkState(kind="connecting"), 0.0, "f9") == ""
    lost = LinkState(kind="lost", retry_at=13.2)
    assert trouble_of(lost, 10.0, "f9") == "reconnecting in 3 s, nothing typed is lost; f9 starts the daemon"
    assert trouble_of(LinkState(kind="lost"), 10.0, "f9") == "reconnecting, nothing typed is lost; f9 starts the daemon"
    connecting = LinkState(kind="connecting", reason="no", retry_at=12.0)
    assert trouble_of(connecting, 10.0, "f9") == "no daemon; trying again in 2 s, f9 at once"


async def test_a_lost_daemon_is_said_nothing_typed_is_lost_and_the_state_converges(daemon: LocalDaemon) -> None:
    flaky = Flaky(daemon)
    async with connect(daemon) as ann, connect(daemon) as bob, open_app(flaky) as seen:
        await ann.join("ann", tags=["builder"])
        await seen.until_shown("ann")
        await seen.press("M", *"builder")
        draft = seen.app.compose_pane.draft
        flaky.cut()
        await seen.until_shown("reconnecting")
        assert "nothing typed is lost" in seen.lines[-1]
        assert not seen.app.status_bar.is_up
        await seen.press("x")
        await bob.join("bob")  # while nobody looks
        await bob.send(Tagged("builder"), OrchestrationMessage("note", {"text": "meanwhile"}))
        flaky.is_down = False
        await seen.until(lambda: seen.app.status_bar.is_up)
        await seen.until_shown("bob")
        await seen.until_shown("note")
        assert "reconnecting" not in seen.text
        assert seen.app.compose_pane.draft.target == draft.target + "x"


async def test_what_waits_for_somebody_who_is_away_is_held_until_they_come_also_after_a_restart(
    daemon: LocalDaemon,
) -> None:
    async with connect(daemon) as ann, connect(daemon) as cat:
        await ann.join("ann")
        await cat.join("cat-1", tags=["citizen"])
    async with connect(daemon, session="ann") as ann:
        await ann.send(Tagged("citizen"), OrchestrationMessage("note", 1))
    async with open_app(daemon) as seen:
        await seen.until_shown("○ held")
        async with connect(daemon, session="cat-1"):
            await seen.until_shown("… 0/1")
        await seen.until_shown("○ held")


async def test_it_goes_on_trying_when_the_clients_own_patience_is_over(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "PATIENCE_S", 0.01)
    flaky = Flaky(daemon)
    async with open_app(flaky) as seen:
        human = seen.app._human
        flaky.cut()
        await seen.until_shown("reconnecting in 1 s")
        flaky.is_down = False
        await seen.press("f9")
        await seen.until(lambda: seen.app.status_bar.is_up)
        assert seen.app._human is not None
        assert human is not None
        assert seen.app._human.id == human.id
        assert len(seen.app._world.sessions) == 1


async def test_without_a_daemon_it_says_why_and_what_to_do_and_finds_the_one_that_comes(daemon: LocalDaemon) -> None:
    flaky = Flaky(daemon)
    flaky.is_down = True
    async with open_app(flaky, is_connected=False) as seen:
        await seen.until_shown("There is no daemon to talk to.")
        for text in ("nobody is there", "fugue -L test daemon logs", "fugue -L test doctor", "f9 at once"):
            assert text in seen.text
        await seen.press("m", "t", "enter", "f", "r", "M", *"abc", "f5", "escape")  # keys that need it do no harm
        flaky.is_down = False
        await seen.press("f9")
        await seen.until(lambda: seen.app.status_bar.is_up)
        await seen.until_shown("Many voices")


async def test_the_pause_between_attempts_grows_up_to_a_limit(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(link_module, "LAST_RETRY_S", 0.004)
    flaky = Flaky(daemon)
    flaky.is_down = True
    pauses: list[float] = []
    async with open_app(flaky, is_connected=False) as seen:
        original = seen.app._link._pause

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            await original(seconds)

        monkeypatch.setattr(seen.app._link, "_pause", pause)
        await seen.until(lambda: len(pauses) >= 4)
    assert pauses[-1] == 0.004
    assert pauses == sorted(pauses)


# ------------------------------------------------------------------------------------------------------ the start page


async def test_a_first_start_says_how_to_begin_and_makes_way_for_the_first_message(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        await seen.until_shown("Many voices, one place to hear them.")
        for text in ("fugue -L test new -n cat-1", "fugue -L test join cat-1", "fugue --demo", "ctrl+p finds"):
            assert text in seen.text
        await other.join("ann")
        await other.send(Tagged("human"), OrchestrationMessage("hello", {}))
        await seen.until(lambda: "Many voices" not in seen.text and "hello" in seen.text)


async def test_a_copied_command_reaches_the_server_that_is_shown(daemon: LocalDaemon) -> None:
    async with connect(daemon) as ann, open_app(daemon) as seen:
        await ann.join("ann", tags=["crew"])
        async with connect(daemon) as bob:
            await bob.join("bob")
            await bob.send(Tagged("crew"), OrchestrationMessage("note", 1))
        await seen.until_logged("note")
        await seen.press("enter")
        await seen.until_shown("$ fugue -L test send --from bob tag:crew note 1")
        await seen.press("c")
        assert seen.app.clipboard == "fugue -L test send --from bob tag:crew note 1"


@pytest.mark.parametrize(
    ("socket", "fugue"),
    [("", "fugue"), ("{runtime}/fugue/other.sock", "fugue -L other"), ("/s p/a.sock", "fugue --socket '/s p/a.sock'")],
)
async def test_the_commands_reach_the_server_that_the_environment_means(
    socket: str, fugue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if socket:
        monkeypatch.setenv("FUGUE_SOCKET", socket.format(runtime=tmp_path))
    monkeypatch.setattr(FugueApp, "follow_daemon", lambda _: None)  # it is not for a test to start one
    app = FugueApp()
    async with app.run_test():
        assert app.start_page.commands()["new"] == f"{fugue} new -n cat-1 -t citizen -- claude"
        assert shlex.join(app.message_pane.inspector.fugue) == fugue


async def test_the_start_page_begins_by_keys(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.until_shown("Many voices")
        for key in ("n", "A"):
            await seen.press(key)
            await seen.until(lambda: isinstance(seen.app.screen, NewSession))
            await seen.press("escape")
            await seen.until(lambda: not isinstance(seen.app.screen, NewSession))
        await seen.press("Y")
        assert seen.app.clipboard == 'eval "$(fugue -L test join cat-1 -t citizen)"'
        await seen.press("M")
        assert seen.app.status_bar.pane == "compose"


async def test_the_start_page_begins_by_clicks_and_copies_the_command_that_is_clicked(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.until_shown("Many voices")
        page = seen.app.start_page

        async def click(text: str) -> None:
            (row,) = [place for place, line in enumerate(seen.lines) if text in line]
            await seen.pilot.click(page, offset=(20, row - page.region.y))
            await seen.pilot.pause()

        await click("$ fugue -L test new -n cat-1")
        assert seen.app.clipboard == "fugue -L test new -n cat-1 -t citizen -- claude"
        await click("$ fugue -L test send")
        assert seen.app.clipboard == """fugue -L test send tag:citizen note '"hello"'"""
        await click("Join from a shell")
        assert "join" in seen.app.clipboard
        await click("Many voices")
        await click("Write a message")
        assert seen.app.status_bar.pane == "compose"
        await seen.press("escape", "escape")
        await seen.until_shown("Start a session")
        await click("Start a session")
        await seen.until(lambda: isinstance(seen.app.screen, NewSession))


async def test_the_key_of_a_new_session_goes_to_the_next_match_once_there_are_messages(daemon: LocalDaemon) -> None:
    async with connect(daemon) as ann, open_app(daemon) as seen:
        await ann.join("ann")
        await ann.send(Tagged("human"), OrchestrationMessage("hello", {}))
        await seen.until_logged("hello")
        await seen.press("n")
        assert not isinstance(seen.app.screen, NewSession)
        await seen.press("escape", "A")
        await seen.until(lambda: isinstance(seen.app.screen, NewSession))


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (100, 20), (250, 70)])
async def test_the_start_page_is_whole_in_every_size(daemon: LocalDaemon, size: tuple[int, int]) -> None:
    async with open_app(daemon, size=size) as seen:
        await seen.until_shown("Start a session")
        await seen.until_shown("Watch the demo")
        assert not any("…" in line for line in seen.lines if "appear" in line)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60)])
async def test_a_toast_covers_nothing_that_is_typed(daemon: LocalDaemon, size: tuple[int, int]) -> None:
    async with open_app(daemon, size=size) as seen:
        await seen.press("M", "x", "tab")
        for text in ("short", "cannot be done, " * 20, "the newest of all"):
            seen.app.notify(text, severity="error")
        await seen.until_shown("the newest of all")
        assert "cannot be done" not in seen.text
        seen.app.notify("cannot be done, " * 40, severity="error")
        await seen.until_shown("cannot be done")
        toast = seen.app.screen.query_one("Toast").region
        assert (toast.bottom, toast.height) == (size[1] - 1, 1)
        for field in (*seen.app.compose_pane.query("Input"), seen.app.compose_pane.query_one("#payload")):
            assert not toast.overlaps(field.region)


async def test_what_a_toast_says_is_text_and_nothing_else(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        seen.app.message_log.notify("[red]\x1b[2Jred[/]\nnext", title="[b]who\u202e")
        await seen.until_shown("[red]")
        assert "[b]who" in seen.lines[-2]
        assert all(line.isprintable() for line in seen.lines)


async def test_the_demo_is_asked_for_by_leaving(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("D")
        assert seen.app.wants_demo


def test_long_reasons_are_broken_between_words() -> None:
    assert wrapped("a bb ccc dddddddd", 4) == ["a bb", "ccc", "dddd", "dddd"]
    assert wrapped("", 10) == []


# --------------------------------------------------------------------------------------------------------- the themes


async def test_the_key_changes_the_theme_live_and_it_is_remembered(daemon: LocalDaemon) -> None:
    config = Config(screen=ScreenConfig(glyphs="unicode"), memory_path=read_config().memory_path)
    async with open_app(daemon, config=config) as seen:
        for name in ("fugue-light", "fugue-ansi", "fugue-dark", "fugue-light"):
            await seen.press("T")
            assert seen.app.theme == name
            assert seen.app.status_bar.palette.name == seen.app.message_log.palette.name == name
            assert seen.app.native_ansi_color == (name == "fugue-ansi")
            assert read_config().memory.theme == name
    async with open_app(daemon, config=read_config()) as seen:
        assert seen.app.theme == "fugue-light"


async def test_the_config_gives_the_first_theme_and_the_memory_wins(daemon: LocalDaemon) -> None:
    light = ScreenConfig(theme="fugue-light", glyphs="unicode")
    async with open_app(daemon, config=Config(screen=light)) as seen:
        assert seen.app.theme == "fugue-light"
    async with open_app(daemon, config=Config(screen=light, memory=Memory(theme="fugue-ansi"))) as seen:
        assert seen.app.theme == "fugue-ansi"
    async with open_app(daemon, config=Config(screen=ScreenConfig(theme="nord"), memory=Memory(theme="?"))) as seen:
        assert seen.app.theme == "fugue-dark"


async def test_a_terminal_of_16_colours_is_given_its_own_at_first(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    async with open_app(daemon) as seen:
        assert seen.app.theme == "fugue-ansi"
    async with open_app(daemon, config=Config(memory=Memory(theme="fugue-light"))) as seen:
        assert seen.app.theme == "fugue-light"


async def test_where_only_ascii_can_be_shown_nothing_else_is_written(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon, config=Config(screen=ScreenConfig(glyphs="ascii"))) as seen:
        await other.join("日本", tags=["größe"])
        await other.send(Tagged("human"), OrchestrationMessage("note", {"text": "→ ✓"}))
        await seen.until(lambda: seen.app.message_log.count == 1)
        (ascii_only,) = [each for each in seen.app.get_line_filters() if each is seen.app._ascii]
        for strip in strips_of(seen.app):
            filtered = ascii_only.apply(list(strip), seen.app.screen.styles.background)
            text = "".join(segment.text for segment in filtered)
            assert text.isascii()
            assert len(text) == 120


# --------------------------------------------------------------------------------------------------- panes and leaving


async def test_tab_goes_on_to_the_next_pane_and_the_bar_names_it(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        assert seen.app.status_bar.pane == "messages"
        await seen.press("shift+tab")
        assert seen.app.status_bar.pane == "sessions"
        await seen.press("tab")
        assert seen.app.status_bar.pane == "messages"
        await seen.press("tab")
        assert seen.app.status_bar.pane == "sessions"  # what is shut is for who means to write
        await seen.press("3")
        assert seen.app.status_bar.pane == "compose"
        assert seen.app.compose_pane.has_class("open")
        await seen.press("escape", "escape")  # what is offered, then the pane
        assert seen.app.status_bar.pane == "messages"
        assert not seen.app.compose_pane.has_class("open")


async def test_one_key_goes_on_from_compose_and_leaves_it_open(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("M", "x", "alt+n")
        assert seen.app.status_bar.pane == "sessions"
        assert seen.app.compose_pane.has_class("open")
        await seen.press("shift+tab")
        assert seen.app.status_bar.pane == "compose"
        assert seen.app.compose_pane.draft.target == "tag:x"
        assert "alt+n next pane" in seen.lines[-1]


async def test_compose_has_the_keys_also_where_a_broadcast_was_left_in_it(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("M", "alt+a", "escape", "escape")
        assert not seen.app.compose_pane.has_class("open")
        await seen.press("M", *"note")
        draft = seen.app.compose_pane.draft
        assert (draft.target, draft.msg_type) == ("broadcast", "note")


async def test_ctrl_c_says_how_to_leave_and_q_leaves(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("ctrl+c")
        await seen.until_shown("q quits")
        await seen.press("q")
        assert not seen.app.is_running or seen.app._exit


async def test_what_comes_while_the_app_ends_finds_no_screen_and_is_nothing(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        app = seen.app
    assert not app.screen_stack
    app.on_descendant_focus()
    app.light_subject()
    app._is_stale = True
    app._show_what_changed()


async def test_the_world_goes_on_while_a_panel_is_open(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        await seen.press("f1")
        ann = await other.join("ann")
        await seen.until(lambda: ann.id in seen.app._world.sessions)
        await seen.until(lambda: seen.app.status_bar.sessions == 2)
        await seen.press("escape")
        await seen.until_shown("ann")


# ---------------------------------------------------------------------------------------------------- schemas of types


async def test_what_breaks_its_schema_is_said_while_it_is_written_and_no_longer_when_the_schema_has_changed(
    daemon: LocalDaemon,
) -> None:
    async with connect(daemon) as ann, open_app(daemon, size=(160, 40)) as seen:
        await ann.join("ann")
        await ann.schemas.set("bid", {"properties": {"amount": {"minimum": 1}}})
        await seen.press("M")
        seen.app.compose_pane.write_to("session:ann", msg_type="bid", payload='{"item": "docs",\n "amount": 0}')
        await seen.until_shown("line 2, column 12  /amount: minimum 1, found 0")
        await seen.press("f5")
        await ann.schemas.remove("bid")
        await seen.until(lambda: seen.app.compose_pane.fault is None)
        assert (await ann.receive()).envelopes == ()
        await seen.press("f5")
        (envelope,) = (await ann.receive(wait_s=30)).envelopes
        assert envelope.message.payload == {"item": "docs", "amount": 0}
