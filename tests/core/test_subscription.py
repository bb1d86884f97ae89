from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from fugue_core.client import subscription as subscription_module
from fugue_core.client.subscription import Subscription
from fugue_core.errors import SessionNotFound
from fugue_core.protocol.events import Event, Notice, Resync, SessionEnded
from fugue_core.protocol.requests import Since, Snapshot, Subscribed


class Client:
    """What a subscription asks of its client, counted."""

    def __init__(self) -> None:
        self.closes = 0
        self.overflows = 0
        self.subscription = Subscription(self._closed, self._overflowed)

    def _closed(self) -> None:
        self.closes += 1

    def _overflowed(self) -> None:
        self.overflows += 1

    def begin(self, number: int, epoch: str = "epoch") -> Resync:
        """Answer `events.subscribe` with a snapshot; return the event that it must become."""
        snapshot = Snapshot(epoch=epoch, number=number, sessions=(), last_seq=0)
        self.subscription.begin(Subscribed(snapshot=snapshot))
        return Resync(snapshot=snapshot)

    def take(self, *numbers: int) -> list[Event]:
        """Let events come; return them."""
        events: list[Event] = [SessionEnded(id=UUID(int=1), name=f"s{number}", at=0.0) for number in numbers]
        notices = [Notice(number=number, event=event) for number, event in zip(numbers, events, strict=True)]
        self.subscription.take(notices)
        return events


@pytest.fixture
def client() -> Client:
    return Client()


async def next_of(subscription: Subscription) -> Event:
    return await asyncio.wait_for(anext(subscription), 10)


async def test_it_begins_with_everything_and_goes_on_with_what_happens(client: Client) -> None:
    resync = client.begin(5)
    events = client.take(6, 7)
    assert [await next_of(client.subscription) for _ in range(3)] == [resync, *events]
    assert client.subscription.since == Since(epoch="epoch", number=7)


async def test_who_iterates_waits_for_what_comes(client: Client) -> None:
    waiting = asyncio.create_task(anext(client.subscription))
    await asyncio.sleep(0)
    resync = client.begin(0)
    assert await asyncio.wait_for(waiting, 10) == resync


async def test_a_batch_is_all_that_is_there(client: Client) -> None:
    resync = client.begin(0)
    events = client.take(1, 2, 3)
    assert await client.subscription.next_batch() == [resync, *events]
    waiting = asyncio.create_task(client.subscription.next_batch())
    await asyncio.sleep(0)
    events = client.take(4)
    assert await asyncio.wait_for(waiting, 10) == events


async def test_cancelling_who_waits_loses_nothing(client: Client) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.subscription.next_batch(), 0)
    resync = client.begin(0)
    assert await client.subscription.next_batch() == [resync]


async def test_without_a_snapshot_it_goes_on_without_a_gap(client: Client) -> None:
    resync = client.begin(5)
    events = client.take(6)
    client.subscription.begin(Subscribed(snapshot=None))
    events += client.take(7)
    assert await client.subscription.next_batch() == [resync, *events]


async def test_a_snapshot_replaces_what_nobody_has_come_for(client: Client) -> None:
    client.begin(5)
    client.take(6)
    resync = client.begin(9, "another")
    assert await client.subscription.next_batch() == [resync]
    assert client.subscription.since == Since(epoch="another", number=9)


async def test_what_nobody_comes_for_is_dropped_and_asked_for_anew_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "QUEUE_EVENTS", 3)
    client.begin(0)
    client.take(1, 2)
    assert client.overflows == 0
    client.take(3)
    client.take(4, 5, 6, 7)
    assert client.overflows == 1
    assert client.subscription.since is None
    resync = client.begin(7)
    events = client.take(8)
    assert await client.subscription.next_batch() == [resync, *events]


async def test_closing_ends_the_iteration_and_is_told_once(client: Client) -> None:
    client.begin(0)
    waiting = asyncio.create_task(client.subscription.next_batch())
    await waiting
    waiting = asyncio.create_task(client.subscription.next_batch())
    await asyncio.sleep(0)
    client.subscription.close()
    client.subscription.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    client.take(1)
    assert [event async for event in client.subscription] == []
    assert client.closes == 1


async def test_what_had_come_before_it_was_closed_can_be_read(client: Client) -> None:
    resync = client.begin(0)
    client.subscription.close()
    assert [event async for event in client.subscription] == [resync]


@pytest.mark.parametrize("read", [lambda subscription: subscription.next_batch(), anext])
async def test_where_there_is_no_way_to_go_on_the_iteration_ends_with_why(
    client: Client, read: Callable[[Subscription], asyncio.Future[Event]]
) -> None:
    client.begin(0)
    await client.subscription.next_batch()
    waiting = asyncio.ensure_future(read(client.subscription))
    await asyncio.sleep(0)
    client.subscription.fail(SessionNotFound("ann"))
    with pytest.raises(SessionNotFound, match="ann"):
        await waiting
    with pytest.raises(SessionNotFound, match="ann"):
        await anext(client.subscription)
