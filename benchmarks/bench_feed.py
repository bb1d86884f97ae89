"""Live feed: one sender, 1, 10 and 100 clients in other processes, deliveries a second at the receivers.

    fugue   `events.subscribe` in each client, `Subscription.next_batch`; the sender sends all with one `send_many`, as
            broadcasts that nobody has a mailbox for. Each is on disk before it is told: fugue's feed is durable.
    nats    a subscription with a callback in each client, the client's usual way; `publish`, and `flush` at the end.
            Nothing is stored. Loopback TCP, since nats-server has no Unix socket.
    redis   PUBLISH in pipelines of 500, hiredis where it is installed, `listen()` in each client. Nothing is stored.

100 clients share 10 processes, alike for all. Payloads are 100 bytes; nobody parses them. What is received is decoded
as far as each client library does: events with sender, target and ids by fugue, subject and bytes by the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from crew import Crew, Tally, crew
from figure import Figure, Goal, alternate_async, compare, run_as_script
from peer import fugue_daemon, is_installed, nats_server, redis_server, scratch

import fugue_core
from fugue_core import Broadcast, OrchestrationMessage
from fugue_core.client.subscription import Subscription
from fugue_core.protocol.events import MessageSent, Resync

SUBJECT = "feed"
TEXT = "x" * 98
"""As JSON, with its quotes, 100 bytes."""
WINDOW = 500
CASES = ((1, 1, 10_000, 2.0), (10, 10, 4_000, 5.0), (10, 100, 1_000, 1.0))
"""Processes, clients, messages in a round (fewer than the events that fugue queues for who falls behind), goal."""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return the figures for 1, 10 and 100 clients."""
    figures = []
    for processes, clients, messages, goal in CASES:
        with scratch() as directory:
            rounds = 3 if is_quick else 15
            figures += asyncio.run(_measure_one(directory, processes, clients, messages, rounds, goal))
    return figures


async def _measure_one(  # noqa: PLR0913, PLR0917  # a case's columns
    directory: str, processes: int, clients: int, messages: int, rounds: int, goal: float
) -> list[Figure]:
    async with contextlib.AsyncExitStack() as stack:
        each = clients // processes
        contenders = {"fugue": await _fugue(stack, directory, processes, each, messages)}
        if is_installed("nats-server", "nats"):
            contenders["nats"] = await _nats(stack, directory, processes, each, messages)
        if is_installed("redis-server", "redis"):
            contenders["redis"] = await _redis(stack, directory, processes, each, messages)
        found = await alternate_async(contenders, rounds)
        what = f"live feed, 1 -> {clients}"
        return compare(what, found, "deliveries/s", peers=["nats", "redis"], goal=Goal(goal))


def _turn(the_crew: Crew, send: Callable[[], Awaitable[None]], deliveries: int) -> Callable[[], Awaitable[float]]:
    async def turn() -> float:
        began = time.monotonic()
        await send()
        return deliveries / (await the_crew.finished_at() - began)

    return turn


# ------------------------------------------------------------------------------------------------------------- fugue


async def _fugue(
    stack: contextlib.AsyncExitStack, directory: str, processes: int, clients: int, messages: int
) -> Callable[[], Awaitable[float]]:
    socket_path = stack.enter_context(fugue_daemon(directory))
    client = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
    await client.join("sender", repo="/nobody/else")
    the_crew = stack.enter_context(crew(receive_from_fugue, processes, clients, messages, socket_path))
    everything = [(Broadcast(), OrchestrationMessage("bench.feed", TEXT))] * messages

    async def send() -> None:
        await client.send_many(everything)

    return _turn(the_crew, send, messages * clients * processes)


def receive_from_fugue(tally: Tally, _first: int, clients: int, socket_path: str) -> None:
    """Subscribe with each client."""

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            subscriptions = []
            for _ in range(clients):
                client = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
                subscription = await client.subscribe()
                assert isinstance(await anext(subscription), Resync)
                subscriptions.append(subscription)
            tally.ready()
            await asyncio.gather(*(count(number, each) for number, each in enumerate(subscriptions)))

    async def count(number: int, subscription: Subscription) -> None:
        while True:
            events = await subscription.next_batch()
            if any(isinstance(event, Resync) for event in events):
                raise AssertionError("events were missed")
            tally.add(number, sum([isinstance(event, MessageSent) for event in events]))

    asyncio.run(main())


# -------------------------------------------------------------------------------------------------------------- nats


async def _nats(
    stack: contextlib.AsyncExitStack, directory: str, processes: int, clients: int, messages: int
) -> Callable[[], Awaitable[float]]:
    import nats  # noqa: PLC0415  # it may be absent

    url = stack.enter_context(nats_server(directory))
    client = await nats.connect(url)
    stack.push_async_callback(client.close)
    the_crew = stack.enter_context(crew(receive_from_nats, processes, clients, messages, url))
    payload = f'"{TEXT}"'.encode()

    async def send() -> None:
        for _ in range(messages):
            await client.publish(SUBJECT, payload)
        await client.flush()

    return _turn(the_crew, send, messages * clients * processes)


def receive_from_nats(tally: Tally, _first: int, clients: int, url: str) -> None:
    """Subscribe with each client."""
    import nats  # noqa: PLC0415  # it may be absent

    async def main() -> None:
        for number in range(clients):
            client = await nats.connect(url)
            await client.subscribe(SUBJECT, cb=counter(number))
            await client.flush()
        tally.ready()
        await asyncio.Event().wait()

    def counter(number: int) -> Callable[[Any], Awaitable[None]]:
        async def count(_message: Any) -> None:
            tally.add(number, 1)

        return count

    asyncio.run(main())


# ------------------------------------------------------------------------------------------------------------- redis


async def _redis(
    stack: contextlib.AsyncExitStack, directory: str, processes: int, clients: int, messages: int
) -> Callable[[], Awaitable[float]]:
    import redis.asyncio  # noqa: PLC0415  # it may be absent

    path = stack.enter_context(redis_server(directory))
    client = redis.asyncio.Redis(unix_socket_path=path)
    stack.push_async_callback(client.aclose)
    the_crew = stack.enter_context(crew(receive_from_redis, processes, clients, messages, path))
    payload = f'"{TEXT}"'.encode()

    async def send() -> None:
        for _ in range(messages // WINDOW):
            async with client.pipeline(transaction=False) as pipeline:
                for _ in range(WINDOW):
                    pipeline.publish(SUBJECT, payload)
                await pipeline.execute()

    return _turn(the_crew, send, messages * clients * processes)


def receive_from_redis(tally: Tally, _first: int, clients: int, path: str) -> None:
    """Subscribe with each client: a lone one as quickly as redis-py can, by its synchronous client."""
    if clients == 1:
        _receive_synchronously(tally, path)
    import redis.asyncio  # noqa: PLC0415  # it may be absent

    async def main() -> None:
        subscriptions = []
        for _ in range(clients):
            client: Any = redis.asyncio.Redis(unix_socket_path=path)
            subscription = client.pubsub()
            await subscription.subscribe(SUBJECT)
            subscriptions.append(subscription)
        tally.ready()
        await asyncio.gather(*(count(number, each) for number, each in enumerate(subscriptions)))

    async def count(number: int, subscription: Any) -> None:
        async for message in subscription.listen():
            if message["type"] == "message":
                tally.add(number, 1)

    asyncio.run(main())


def _receive_synchronously(tally: Tally, path: str) -> None:
    import redis  # noqa: PLC0415  # it may be absent

    client: Any = redis.Redis(unix_socket_path=path)
    subscription = client.pubsub()
    subscription.subscribe(SUBJECT)
    tally.ready()
    for message in subscription.listen():
        if message["type"] == "message":
            tally.add(0, 1)


if __name__ == "__main__":
    run_as_script(measure)
