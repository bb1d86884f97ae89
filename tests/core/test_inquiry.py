from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core.daemon.feed import Feed
from fugue_core.daemon.inquiry import Host, InquiryDesk
from fugue_core.daemon.peer import Peer
from fugue_core.history import History
from fugue_core.limits import Limits
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    DaemonStatus,
    GetMessage,
    GetStatus,
    JoinSession,
    ListMessages,
    Ping,
    Since,
    StopDaemon,
    StoreStatus,
    SubscribeEvents,
)
from tests.core.world import RecordingSink, World, eventually

LIMITS = Limits(waiting_requests=2, page_messages=3)


class SlowHistory(History):
    """A history whose searches take until the test says so."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()

    def again(self) -> History:
        return self

    def count(self) -> int:
        assert self.gate.wait(10)
        return super().count()


class Desk:
    """An inquiry desk over a store with five messages, and one peer before it."""

    def __init__(self, directory: Path) -> None:
        self.world = World(directory, LIMITS)
        ann = self.world.join("ann")
        self.receipts = [self.world.send(ann, "session:ann", number) for number in range(5)]
        self.world.turn()
        self.feed = Feed("epoch", LIMITS, self.world.hub.snapshot)
        self.history = SlowHistory(self.world.path)
        self.stops = 0
        self.status: Callable[[int], DaemonStatus] = status_of
        host = Host(pid=4711, clock=lambda: 7.5, status=self._status, stop=self._stop)
        self.desk = InquiryDesk(self.history, self.feed, LIMITS, host)
        self.sink = RecordingSink()
        self.peer = Peer(self.sink)

    def ask(self, call_id: int | None, request: Request) -> None:
        self.desk.ask(self.peer, call_id, request)
        self.peer.flush()

    async def answers(self, count: int) -> dict[int, dict[str, Any]]:
        """Return so many answers by the ids of their requests."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(10):
            while len(found) < count:
                found += self.sink.take()
                await asyncio.sleep(0.001)
        assert len(found) == count
        return {answer["id"]: answer for answer in found}

    async def answer(self, request: Request) -> dict[str, Any]:
        self.ask(1, request)
        return (await self.answers(1))[1]

    async def close(self) -> None:
        self.history.gate.set()
        await self.desk.close()
        self.history.close()
        self.world.close()

    def _status(self, messages: int) -> DaemonStatus:
        return self.status(messages)

    def _stop(self, *, end_programs: bool) -> None:
        self.stops += 1


def status_of(messages: int) -> DaemonStatus:
    return DaemonStatus(
        version="0",
        protocol=2,
        pid=4711,
        socket="/s",
        started_at=0.0,
        uptime_s=0.0,
        sessions=0,
        connections=0,
        subscribers=0,
        messages=messages,
        last_seq=0,
        unacked=0,
        memory_bytes=0,
        store=StoreStatus(path="/p", size_bytes=0, synchronous="normal"),
    )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    await desk.close()


async def test_a_ping_is_answered_at_once_with_the_time(desk: Desk) -> None:
    desk.ask(1, Ping())
    assert desk.sink.take() == [{"jsonrpc": "2.0", "id": 1, "result": {"time": 7.5}}]


async def test_stop_is_answered_before_it_happens(desk: Desk) -> None:
    desk.desk.ask(desk.peer, 1, StopDaemon())
    assert desk.stops == 1
    assert b'"pid":4711' in desk.peer.out[0]


async def test_who_subscribes_is_given_the_snapshot_or_what_it_missed(desk: Desk) -> None:
    answer = await desk.answer(SubscribeEvents())
    assert answer["result"]["snapshot"]["epoch"] == "epoch"
    assert [session["name"] for session in answer["result"]["snapshot"]["sessions"]] == ["ann"]
    desk.world.ask(desk.world.connect(), JoinSession(name="bob"))
    desk.feed.publish(desk.world.turn())
    desk.peer.out.clear()
    desk.ask(2, SubscribeEvents(since=Since(epoch="epoch", number=0)))
    answer, *events = desk.sink.take()
    assert answer == {"jsonrpc": "2.0", "id": 2, "result": {"snapshot": None}}
    assert [event["params"]["number"] for event in events] == [1, 2]


async def test_history_comes_in_pages_of_the_limit_however_much_is_asked_for(desk: Desk) -> None:
    answer = await desk.answer(ListMessages(limit=1000))
    assert [entry["envelope"]["seq"] for entry in answer["result"]["entries"]] == [5, 4, 3]
    assert answer["result"]["next"] == 3
    answer = await desk.answer(ListMessages(limit=1))
    assert len(answer["result"]["entries"]) == 1


async def test_one_message_is_found_or_named(desk: Desk) -> None:
    answer = await desk.answer(GetMessage(id=desk.receipts[2].id))
    assert answer["result"]["envelope"]["message"]["payload"] == 2
    answer = await desk.answer(GetMessage(id=UUID(int=9)))
    assert answer["error"]["data"] == {"name": "MessageNotFound", "message": str(UUID(int=9))}


async def test_a_filter_that_cannot_be_read_is_refused(desk: Desk) -> None:
    answer = await desk.answer(ListMessages(filter="colour:red"))
    assert answer["error"]["data"]["name"] == "InvalidFilter"


async def test_a_search_that_takes_long_holds_up_nothing_and_is_answered_when_it_is_done(desk: Desk) -> None:
    desk.history.gate.clear()
    desk.ask(1, GetStatus())
    desk.ask(2, Ping())
    assert [answer["id"] for answer in desk.sink.take()] == [2]
    assert desk.peer.waiting == 1
    desk.history.gate.set()
    assert (await desk.answers(1))[1]["result"]["messages"] == 5
    assert desk.peer.waiting == 0


async def test_no_more_searches_wait_on_one_connection_than_the_limit(desk: Desk) -> None:
    desk.history.gate.clear()
    for call_id in (1, 2, 3):
        desk.ask(call_id, GetStatus())
    (refused,) = desk.sink.take()
    assert (refused["id"], refused["error"]["data"]) == (3, {"name": "TooManyWaiting", "limit": 2})
    desk.history.gate.set()
    assert sorted(await desk.answers(2)) == [1, 2]
    desk.ask(4, GetStatus())
    assert sorted(await desk.answers(1)) == [4]


async def test_a_notification_is_not_answered_and_waits_for_nothing(desk: Desk) -> None:
    desk.ask(None, GetStatus())
    desk.ask(None, Ping())
    await eventually(lambda: not desk.peer.waiting)
    assert desk.sink.take() == []


async def test_who_leaves_before_its_answer_is_not_written_to(desk: Desk) -> None:
    desk.history.gate.clear()
    desk.ask(1, GetStatus())
    desk.peer.has_left = True
    desk.history.gate.set()
    await eventually(lambda: not desk.peer.waiting)
    assert desk.sink.writes == []


@pytest.mark.parametrize("place", ["search", "answer"])
async def test_a_bug_of_ours_is_answered_as_one(desk: Desk, place: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> DaemonStatus:
        raise ZeroDivisionError("for a test")

    if place == "search":
        desk.history.count = broken  # type: ignore[method-assign, assignment]  # a bug in it
    else:
        desk.status = broken
    answer = await desk.answer(GetStatus())
    assert answer["error"]["data"] == {"name": "InternalError", "reason": "ZeroDivisionError: for a test"}
    assert "a search failed" in caplog.text
    assert desk.peer.waiting == 0


async def test_closing_waits_for_what_has_begun_and_answers_no_more(desk: Desk) -> None:
    desk.history.gate.clear()
    desk.ask(1, GetStatus())
    desk.ask(2, GetStatus())
    closing = asyncio.create_task(desk.desk.close())
    await asyncio.sleep(0)
    desk.history.gate.set()
    async with asyncio.timeout(10):
        await closing
    assert desk.sink.writes == []


async def test_searches_go_on_after_one_too_many_was_refused(desk: Desk) -> None:
    for call_id in range(1, 4):
        desk.ask(call_id, ListMessages())
    assert desk.peer.waiting == 2
    answers = await desk.answers(3)
    assert [("error" in answers[call_id]) for call_id in (1, 2, 3)] == [False, False, True]
    assert desk.peer.waiting == 0
    assert "result" in await desk.answer(ListMessages())
