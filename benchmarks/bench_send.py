"""Durable sends a second, answered, with 1 and with 64 in flight, beside JetStream's file store.

    fugue   `Client.send` to one session's mailbox (a message and a delivery are stored), synchronous = normal and full.
    nats    `js.publish` to a stream with file storage and no consumer (a message is stored), answered by its PubAck;
            with JetStream's default sync (in the background, every two minutes), and where the server knows it
            (2.10 and later) `sync_interval: always`, which syncs before each answer.

`normal` and the default sync survive a crash of the server, not of the machine; `full` and `always` survive that too.
One connection each; 64 in flight are 64 tasks that each send one after the other. Payloads are 100 bytes of JSON. What
one sync costs on this disk is measured beside them, and limits `full` and `always`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable

from figure import Figure, Goal, Rounds, alternate_async, compare, run_as_script
from peer import fugue_daemon, is_installed, nats_server, nats_version, scratch

import fugue_core
from fugue_core import OrchestrationMessage, Session

TEXT = "x" * 98
TURN_S = 0.25
SUBJECT = "bench"
ALWAYS_SINCE = (2, 10)
DEFAULT = "JetStream"
ALWAYS = "JetStream always"

Sender = Callable[[], Awaitable[object]]


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return the figures of sending, and the cost of a sync."""
    with scratch() as directory:
        return asyncio.run(_measure(directory, 3 if is_quick else 21))


async def _measure(directory: str, rounds: int) -> list[Figure]:
    figures = []
    async with contextlib.AsyncExitStack() as stack:
        senders = {
            "normal": await _fugue(stack, directory, "normal"),
            "full": await _fugue(stack, directory, "full"),
        }
        note = ""
        if is_installed("nats-server", "nats"):
            senders[DEFAULT] = await _jetstream(stack, directory, None)
            if nats_version() >= ALWAYS_SINCE:
                senders[ALWAYS] = await _jetstream(stack, directory, "always")
            else:
                version = ".".join(map(str, nats_version()))
                note = f"nats-server {version} cannot sync before each answer; 2.10 and later can"
        for in_flight, more in ((1, None), (64, 10.0)):
            contenders = {name: _turn(send, in_flight) for name, send in senders.items()}
            contenders["sync"] = _syncs(os.path.join(directory, f"sync-{in_flight}"))
            found = await alternate_async(contenders, rounds)
            figures += _figures(found, in_flight, more, note)
    return figures


def _figures(found: Rounds, in_flight: int, always_goal: float | None, note: str) -> list[Figure]:
    what = f"durable sends, {in_flight} in flight"
    goal = Goal(always_goal) if always_goal else None
    full = f"{what}, full"
    figures = compare(f"{what}, normal", found, "sends/s", fugue="normal", peers=[DEFAULT], goal=Goal(1.0))
    if ALWAYS in found:
        figures += compare(full, found, "sends/s", fugue="full", peers=[ALWAYS], goal=goal)
    else:
        figures += compare(full, found, "sends/s", fugue="full", peers=[], goal=goal, note=note)
    return [*figures, *compare(full, found, "sends/s", fugue="full", peers=["sync"])]


def _turn(send: Sender, in_flight: int) -> Callable[[], Awaitable[float]]:
    async def turn() -> float:
        began = time.perf_counter()
        until = began + TURN_S
        counts = await asyncio.gather(*(_send_until(send, until) for _ in range(in_flight)))
        return sum(counts) / (time.perf_counter() - began)

    return turn


async def _send_until(send: Sender, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        await send()
        count += 1
    return count


def _syncs(path: str) -> Callable[[], Awaitable[float]]:
    """Append and sync, and nothing else: how often a second this disk can."""

    async def turn() -> float:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        block = b"x" * 4096
        count = 0
        began = time.perf_counter()
        while time.perf_counter() < began + TURN_S:
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            count += 1
        os.close(descriptor)
        return count / (time.perf_counter() - began)

    return turn


async def _fugue(stack: contextlib.AsyncExitStack, directory: str, synchronous: str) -> Sender:
    socket_path = stack.enter_context(fugue_daemon(directory, synchronous=synchronous))
    receiver = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
    target = Session((await receiver.join("receiver")).id)
    client = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
    await client.join("sender")
    message = OrchestrationMessage("bench.send", TEXT)
    return lambda: client.send(target, message)


async def _jetstream(stack: contextlib.AsyncExitStack, directory: str, sync: str | None) -> Sender:
    import nats  # noqa: PLC0415  # it may be absent
    from nats.js.api import StorageType, StreamConfig  # noqa: PLC0415  # it may be absent

    url = stack.enter_context(nats_server(directory, sync=sync))
    client = await nats.connect(url)
    stack.push_async_callback(client.close)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name="bench", subjects=[SUBJECT], storage=StorageType.FILE))
    payload = f'"{TEXT}"'.encode()
    return lambda: stream.publish(SUBJECT, payload)


if __name__ == "__main__":
    run_as_script(measure)
