"""Durable delivery, from sent to acknowledged: one sender, 1 and 10 mailboxes, acknowledged deliveries a second.

    fugue   `send_many` of 250, two of them under way, to a tag that every receiver carries; each receiver takes up to
            500 with `receive` and acknowledges them with `ack`, which is answered when it is on disk.
    nats    JetStream, file store with its default sync; `js.publish`, 500 under way; a durable pull consumer for each
            receiver, `fetch` of up to 500, `ack()` for each message (explicit, and not answered).

Each receiver is a process of its own. A round ends when the last delivery is acknowledged. Payloads are 100 bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from crew import Crew, Tally, crew
from figure import Figure, Goal, alternate_async, compare, run_as_script
from peer import fugue_daemon, is_installed, nats_server, scratch

import fugue_core
from fugue_core import OrchestrationMessage, Tagged

SUBJECT = "bench"
STREAM = "bench"
TEXT = "x" * 98
WINDOW = 250
BATCH = 500
CASES = ((1, 4_000), (10, 1_000))
"""Mailboxes, messages in a round."""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return the figures for 1 and 10 mailboxes."""
    figures = []
    for mailboxes, messages in CASES:
        with scratch() as directory:
            figures += asyncio.run(_measure_one(directory, mailboxes, messages, 3 if is_quick else 15))
    return figures


async def _measure_one(directory: str, mailboxes: int, messages: int, rounds: int) -> list[Figure]:
    async with contextlib.AsyncExitStack() as stack:
        contenders = {"fugue": await _fugue(stack, directory, mailboxes, messages)}
        if is_installed("nats-server", "nats"):
            contenders["JetStream"] = await _jetstream(stack, directory, mailboxes, messages)
        found = await alternate_async(contenders, rounds)
        what = f"durable delivery, 1 -> {mailboxes}"
        return compare(what, found, "acked/s", peers=["JetStream"], goal=Goal(3.0))


def _turn(the_crew: Crew, send: Callable[[], Awaitable[None]], deliveries: int) -> Callable[[], Awaitable[float]]:
    async def turn() -> float:
        began = time.monotonic()
        await send()
        return deliveries / (await the_crew.finished_at() - began)

    return turn


# ------------------------------------------------------------------------------------------------------------- fugue


async def _fugue(
    stack: contextlib.AsyncExitStack, directory: str, mailboxes: int, messages: int
) -> Callable[[], Awaitable[float]]:
    socket_path = stack.enter_context(fugue_daemon(directory))
    client = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
    await client.join("sender")
    the_crew = stack.enter_context(crew(receive_from_fugue, mailboxes, 1, messages, socket_path))
    window = [(Tagged("receiver"), OrchestrationMessage("bench.delivery", TEXT))] * WINDOW

    async def send_half() -> None:
        for _ in range(messages // WINDOW // 2):
            await client.send_many(window)

    async def send() -> None:
        await asyncio.gather(send_half(), send_half())

    return _turn(the_crew, send, messages * mailboxes)


def receive_from_fugue(tally: Tally, first: int, _clients: int, socket_path: str) -> None:
    """Receive and acknowledge."""

    async def main() -> None:
        async with fugue_core.connect(socket_path, start=False) as client:
            await client.join(f"receiver-{first}", tags=["receiver"])
            tally.ready()
            while True:
                received = await client.receive(limit=BATCH, wait_s=60)
                acked = await client.ack(*received.envelopes)
                tally.add(0, acked.acked)

    asyncio.run(main())


# --------------------------------------------------------------------------------------------------------- JetStream


async def _jetstream(
    stack: contextlib.AsyncExitStack, directory: str, mailboxes: int, messages: int
) -> Callable[[], Awaitable[float]]:
    import nats  # noqa: PLC0415  # it may be absent
    from nats.js.api import StorageType, StreamConfig  # noqa: PLC0415  # it may be absent

    url = stack.enter_context(nats_server(directory))
    client = await nats.connect(url)
    stack.push_async_callback(client.close)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT], storage=StorageType.FILE))
    the_crew = stack.enter_context(crew(receive_from_jetstream, mailboxes, 1, messages, url))
    payload = f'"{TEXT}"'.encode()

    async def send() -> None:
        for _ in range(messages // BATCH):
            await asyncio.gather(*(stream.publish(SUBJECT, payload) for _ in range(BATCH)))

    return _turn(the_crew, send, messages * mailboxes)


def receive_from_jetstream(tally: Tally, first: int, _clients: int, url: str) -> None:
    """Fetch and acknowledge."""
    import nats  # noqa: PLC0415  # it may be absent
    from nats.js.api import AckPolicy, ConsumerConfig  # noqa: PLC0415  # it may be absent

    async def main() -> None:
        client = await nats.connect(url)
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=100_000)
        consumer = await client.jetstream().pull_subscribe(SUBJECT, f"receiver-{first}", STREAM, config=config)
        tally.ready()
        while True:
            with contextlib.suppress(TimeoutError, nats.errors.TimeoutError):
                messages = await consumer.fetch(BATCH, timeout=60)
                for message in messages:
                    await message.ack()
                await client.flush()
                tally.add(0, len(messages))

    asyncio.run(main())


if __name__ == "__main__":
    run_as_script(measure)
