"""Keys that come in together: each arrives where the ones before it have led."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

import fugue_tui
from fugue_core.daemon.local import LocalDaemon
from fugue_tui.app import FugueApp
from fugue_tui.turnstile import Turnstile
from tests.tui.screen import PLAIN, Seen, open_app


def type_at_once(app: Turnstile, keys: Sequence[str]) -> None:
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(
    ("keys", "target", "msg_type", "payload"),
    [
        (("M", *"abc"), "tag:abc", "", ""),
        (("3", *"abc"), "tag:abc", "", ""),
        (("M", *"abc", "enter", *"note", "enter", *"12"), "tag:abc", "note", "12"),
        (("M", *"abc", "alt+s", *"ivy", "tab", "tab", *"note"), "session:ivy", "note", ""),
        (("M", *"abc", "escape", "escape", *"xy", "M", "end", "d"), "tag:abcd", "", ""),
    ],
    ids=["write", "pane", "enter", "kinds", "leave"],
)
async def test_what_is_typed_at_once_lands_where_it_belongs(
    daemon: LocalDaemon, keys: Sequence[str], target: str, msg_type: str, payload: str
) -> None:
    async with open_app(daemon) as seen:
        type_at_once(seen.app, keys)
        await settled(seen, len(keys))
        draft = seen.app.compose_pane.draft
        assert (draft.target, draft.msg_type, draft.payload) == (target, msg_type, payload)


class Hasty(FugueApp):
    """The app of somebody who has typed before there was anything to see."""

    CSS_PATH = str(Path(fugue_tui.__file__).with_name("fugue.tcss"))

    def on_mount(self) -> None:
        type_at_once(self, ("M", *"abc"))


async def test_what_is_typed_before_all_panes_are_there_waits_for_them(daemon: LocalDaemon) -> None:
    app = Hasty(daemon, server="test", config=PLAIN)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(Seen(app, pilot), 4)
        assert app.is_complete
        assert app.compose_pane.draft.target == "tag:abc"


async def settled(seen: Seen, keys: int) -> None:
    await seen.until(lambda: seen.app._keys_passed == keys and not seen.app._is_passing)


async def test_a_panel_gets_the_keys_after_the_one_that_opens_it(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        type_at_once(seen.app, ["colon", *"theme"])
        await settled(seen, 6)
        field = seen.app.screen.query_one(Input)
        assert field.value == "theme"


class Desktop(Turnstile):
    """An app with a key that is done only when the test says so, and one that opens a slow panel."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f3", "open", "open")]

    def __init__(self) -> None:
        super().__init__()
        self.is_done = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Stuck()

    def action_open(self) -> None:
        self.push_screen(Slow())


class Stuck(Input):
    """Takes its time with `f2`."""

    async def on_key(self, event: events.Key) -> None:
        if event.key == "f2":
            assert isinstance(self.app, Desktop)
            await self.app.is_done.wait()


class Slow(ModalScreen[None]):
    """A panel whose second field is to have the keys; `f4` closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4", "app.pop_screen", "close")]

    def compose(self) -> ComposeResult:
        yield Input(id="first")
        yield Input(id="second")

    async def on_mount(self) -> None:
        await asyncio.sleep(0.05)
        self.query_one("#second").focus()


async def test_what_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fugue_tui.turnstile.PATIENCE_S", 0.05)
    app = Desktop()
    async with app.run_test() as pilot:
        type_at_once(app, ["f2", "a"])
        async with asyncio.timeout(20):
            while app._keys_passed < 2:  # noqa: ASYNC110  # the pilot would wait for what is stuck
                await asyncio.sleep(0.01)
        app.is_done.set()
        await pilot.pause()
        assert app.query_one(Stuck).value == "a"


async def test_a_panel_that_is_slow_gets_its_keys_and_one_that_is_gone_holds_nothing_up() -> None:
    app = Desktop()
    async with app.run_test() as pilot:
        type_at_once(app, ["f3", "a", "b"])
        async with asyncio.timeout(20):
            while app._keys_passed < 3:
                await pilot.pause(0.01)
        await pilot.pause()
        assert app.screen.query_one("#second", Input).value == "ab"
        type_at_once(app, ["f4", "c", "d"])
        async with asyncio.timeout(20):
            while app.query(Stuck).first().value != "cd":
                await pilot.pause(0.01)
