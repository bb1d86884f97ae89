"""What was stopped as a loop: the bar says so, a key shows it, another lets it pass again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from fugue_core.client import Client, connect
from fugue_core.daemon.config import Config as DaemonConfig
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import ChainTooLong, PairTooFast
from fugue_core.limits import Limits
from fugue_core.protocol.breaker import Breaker, BreakerReleased, BreakerTripped, ChainBreaker, PairBreaker
from fugue_core.protocol.envelope import Participant
from fugue_core.protocol.events import Resync
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.requests import Snapshot
from fugue_tui.app import FugueApp
from fugue_tui.palette import DARK
from fugue_tui.screens.breaker_panel import BreakerPanel
from fugue_tui.view import World, stopped_words
from fugue_tui.widgets.status_bar import StatusBar

CHAIN = UUID("01a20a0c-0ca4-7def-8123-456789abcdef")
ANN, BOB = Participant(id=UUID(int=1), name="ann"), Participant(id=UUID(int=2), name="bob")
HOSTILE = "\x1b]0;owned\x07[red]x[/]\u202e\u200b表"

LONG = ChainBreaker(chain=CHAIN, limit=64, sender=ANN, tripped_at=1.0, refused_at=2.0, refusals=12)
FAST = PairBreaker(
    sessions=(ANN, BOB), turns=3000, turns_s=300.0, sender=BOB, tripped_at=1.0, refused_at=3.0, refusals=1
)


class Hall(App[None]):
    """The smallest app around the panel."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def on_breaker_panel_release_asked(self, event: BreakerPanel.ReleaseAsked) -> None:
        self.heard.append(event)


class Bar(App[None]):
    """The bar alone."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def compose(self) -> ComposeResult:
        yield StatusBar()

    def on_status_bar_clicked(self, event: StatusBar.Clicked) -> None:
        self.heard.append(event.what)


@asynccontextmanager
async def hall(
    *breakers: Breaker, size: tuple[int, int] = (100, 32)
) -> AsyncIterator[tuple[Hall, BreakerPanel, Pilot[None]]]:
    app = Hall()
    async with app.run_test(size=size) as pilot:
        panel = BreakerPanel(breakers, DARK, fugue=("fugue", "-L", "test"))
        await app.push_screen(panel)
        await pilot.pause()
        yield app, panel, pilot


def verdict(panel: BreakerPanel) -> str:
    return str(panel.query_one(".panel-verdict", Static).render())


def command(panel: BreakerPanel) -> str:
    return str(panel.query_one(".breaker-command", Static).render())


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await pilot.pause(0.01)


async def test_of_each_it_says_what_was_refused_why_and_what_releases_it() -> None:
    async with hall(LONG, FAST) as (_, panel, pilot):
        rows = [panel.list.draw(index, 74, "#000000").text for index in range(2)]
        assert "all in chain 01a20a0c-0ca4…" in rows[0]
        assert "     12   " in rows[0]
        assert "ann ⇄ bob" in rows[1]
        assert verdict(panel) == "over 64 replies in a row; the last from ann"
        assert command(panel) == f"fugue -L test breaker release {CHAIN}"
        await pilot.press("down")
        assert verdict(panel) == "over 3,000 turns within 300 s; the last from bob"
        assert command(panel) == "fugue -L test breaker release ann bob"


async def test_a_key_asks_for_the_release_of_the_one_under_the_cursor_which_goes_when_it_is_confirmed() -> None:
    async with hall(LONG, FAST) as (app, panel, pilot):
        await pilot.press("down", "r")
        (asked,) = app.heard
        assert isinstance(asked, BreakerPanel.ReleaseAsked)
        assert asked.breaker == FAST
        assert panel.list.count == 2
        panel.show_refusal("the store cannot write")
        await pilot.pause()
        assert "the store cannot write" in verdict(panel)
        panel.show((LONG,))
        await pilot.pause()
        assert panel.list.selected == LONG
        panel.show(())
        await pilot.pause()
        assert verdict(panel) == "nothing is stopped"
        await pilot.press("enter")
        assert len(app.heard) == 1


async def test_the_cursor_stays_on_its_breaker_when_others_come_and_go() -> None:
    async with hall(LONG, FAST) as (_, panel, pilot):
        await pilot.press("down")
        again = msgspec.structs.replace(FAST, refusals=7)
        panel.show((again,))
        await pilot.pause()
        assert panel.list.selected == again
        panel.show((LONG, again))
        await pilot.pause()
        assert panel.list.selected == again


@pytest.mark.parametrize("size", [(48, 15), (80, 24), (120, 40)])
async def test_all_of_it_stays_on_the_screen_whatever_the_names(size: tuple[int, int]) -> None:
    odd = msgspec.structs.replace(FAST, sender=Participant(id=ANN.id, name=HOSTILE * 20))
    async with hall(odd, LONG, size=size) as (_, panel, _):
        assert panel.query_one(".panel-keys").region.bottom <= size[1]
        assert panel.list.region.height >= 2
        assert "\x1b" not in verdict(panel) + command(panel)


async def test_the_bar_says_how_many_are_stopped_and_can_be_clicked() -> None:
    app = Bar()
    async with app.run_test(size=(60, 3)) as pilot:
        bar = app.query_one(StatusBar)
        bar.pane, bar.stopped = "log", 2
        await pilot.pause()
        text = bar.render_line(0).text
        assert " 2 stopped " in text
        await pilot.click(StatusBar, offset=(text.index("stopped"), 0))
        await pilot.pause()
        assert app.heard == ["breakers"]
        bar.stopped = 0
        assert "stopped" not in bar.render_line(0).text


def test_the_world_knows_what_is_stopped_by_event_and_by_snapshot() -> None:
    world = World()
    world.apply(BreakerTripped(breaker=LONG))
    world.apply(BreakerTripped(breaker=FAST))
    again = msgspec.structs.replace(LONG, refusals=99)
    world.apply(BreakerTripped(breaker=again))
    assert list(world.breakers.values()) == [again, FAST]
    world.apply(BreakerReleased(breaker=again))
    world.apply(BreakerReleased(breaker=again))
    assert list(world.breakers.values()) == [FAST]
    world.apply(Resync(snapshot=Snapshot(epoch="e", number=1, sessions=(), last_seq=0, breakers=(LONG,))))
    assert list(world.breakers.values()) == [LONG]
    assert stopped_words(LONG) == "a chain of over 64 replies was stopped at ann"


# ------------------------------------------------------------------------------------------- with the daemon behind it


@asynccontextmanager
async def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[LocalDaemon, Client, Client, FugueApp]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    config = DaemonConfig(limits=Limits(hops=2, pair_turns=3, pair_turns_s=3600.0))
    async with LocalDaemon(config=config) as daemon, connect(daemon) as ann, connect(daemon) as bob:
        await ann.join("ann")
        await bob.join("bob")
        yield daemon, ann, bob, FugueApp(daemon, server="test")


async def test_what_trips_is_told_shown_and_released_by_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = OrchestrationMessage("note", 1)
    async with town(tmp_path, monkeypatch) as (_, ann, bob, app), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app._link.is_up and len(app.compose_pane.sessions) == 3)
        sent = await ann.send("session:bob", note)
        for speaker, listener in ((bob, "ann"), (ann, "bob")):
            sent = await speaker.send(f"session:{listener}", note, reply_to=sent.id)
        with pytest.raises(ChainTooLong):
            await bob.send("session:ann", note, reply_to=sent.id)
        await until(pilot, lambda: app.status_bar.stopped == 1)
        words = "a chain of over 2 replies was stopped at bob"
        await until(pilot, lambda: any(words in each.message for each in app._notifications))
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, BreakerPanel) and app.screen.list.count == 1)
        await bob.send("session:ann", note)
        with pytest.raises(PairTooFast):
            await ann.send("session:bob", note)
        panel = app.screen
        assert isinstance(panel, BreakerPanel)
        await until(pilot, lambda: panel.list.count == 2)
        await pilot.press("down", "enter")
        await until(pilot, lambda: panel.list.count == 1 and app.status_bar.stopped == 1)
        await ann.send("session:bob", note)
        await pilot.press("enter")
        await until(pilot, lambda: panel.list.count == 0 and app.status_bar.stopped == 0)
        assert await ann.breakers.list() == ()
        await ann.send("session:bob", note, reply_to=sent.id)


async def test_a_screen_that_opens_later_sees_what_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = OrchestrationMessage("note", 1)
    async with town(tmp_path, monkeypatch) as (_, ann, _, app):
        sent = await ann.send("session:ann", note)
        for _ in range(2):
            sent = await ann.send("session:ann", note, reply_to=sent.id)
        with pytest.raises(ChainTooLong):
            await ann.send("session:ann", note, reply_to=sent.id)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.status_bar.stopped == 1)
