"""The connection that the screen keeps, and how it takes in what comes over it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

import fugue_core
from fugue_core import OrchestrationMessage, Tagged
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol.events import Event, MessageSent
from fugue_tui.link import DaemonLink

MESSAGES = 200


async def test_the_first_of_many_events_is_told_before_the_last_is_taken_in(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fugue_tui.link.SLICE_S", 0.0)
    told: list[tuple[int, int]] = []
    is_up, is_whole = asyncio.Event(), asyncio.Event()

    def take(events: Sequence[Event]) -> None:
        news = sum(isinstance(event, MessageSent) for event in events)
        told.extend([(news, link.world.message_count)] if news else [])
        if link.world.message_count == MESSAGES:
            is_whole.set()

    link = DaemonLink(daemon, take, is_up.set)
    async with fugue_core.connect(daemon) as sender:
        await sender.join("sender", tags=["crew"])
        following = asyncio.create_task(link.follow())
        await is_up.wait()
        async with fugue_core.connect(daemon) as reader:
            await reader.join("reader", tags=["crew"])
            await sender.send_many(
                [(Tagged("crew"), OrchestrationMessage("note", number)) for number in range(MESSAGES)]
            )
            await is_whole.wait()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    assert told == [(1, count) for count in range(1, MESSAGES + 1)]
