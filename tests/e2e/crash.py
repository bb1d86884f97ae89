"""Kill the real daemon with SIGKILL at random moments under load, and hold what is left against what was told.

`python -m tests.e2e.crash --rounds N [--seed S]` does so any number of times; `make test` has a few dozen of them.

What has to hold, whenever the daemon dies:

- every receipt that a sender saw is in the mailbox of each of its recipients exactly once, or was acknowledged by it;
- what the Python client sends is neither lost nor doubled, since it asks again under the same id;
- each mailbox is handed out in the order of seq, and what was acknowledged is not handed out again;
- tags are those that were last confirmed;
- a subscription ends up knowing what is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import fugue_core
from fugue_core.client import line as line_module
from fugue_core.client.channel import Channel
from fugue_core.client.client import Client, connect
from fugue_core.client.link import SocketOpener
from fugue_core.errors import ConnectionLost
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import MessageSent, Resync, SessionChanged
from fugue_core.protocol.message import OrchestrationMessage, pack
from fugue_core.protocol.requests import Hello, Receipt, SendMessage, Software, VersionRange
from fugue_core.protocol.session import WorktreeInfo
from fugue_core.protocol.target import Tagged, to_wire
from tests.e2e.daemon import PATIENCE_S, Daemon

RECEIVERS = ("r0", "r1", "r2")
SENDERS = ("patient-0", "patient-1", "plain-0", "plain-1")
TARGETS = ("tag:all", "tag:all", "session:r0", "session:r1", "session:r2", "worktree:/crash")
CONFIG = """
[limits]
mailbox_messages = 10_000_000
mailbox_bytes = 10_000_000_000
mailbox_sender_messages = 10_000_000
mailbox_sender_bytes = 10_000_000_000
"""
"""Senders are quicker than readers."""


class Report(NamedTuple):
    """What happened.

    Fields:
        kills: How often the daemon was killed.
        kills_at_start: How many of these before it was ready.
        sends: Sends that were answered with a receipt.
        unanswered: Sends whose connection was lost before the answer.
        arrived_unanswered: How many of these had been stored all the same.
        handed_again: Deliveries that were handed out more than once.
    """

    kills: int
    kills_at_start: int
    sends: int
    unanswered: int
    arrived_unanswered: int
    handed_again: int
    seconds: float


class Ledger:
    """All that the clients were told.

    Attributes:
        receipts: By the key that the payload has, which is different for each send.
        unanswered: Keys of sends whose fate nobody knows.
        taken: What each recipient was handed, by id.
        acked: What each recipient has acknowledged, and was told so.
        generation: The last generation of tags that was asked for, and the last that was confirmed.
    """

    def __init__(self) -> None:
        self.receipts: dict[str, Receipt] = {}
        self.unanswered: set[str] = set()
        self.taken: dict[str, dict[UUID, Envelope]] = defaultdict(dict)
        self.acked: dict[str, set[UUID]] = defaultdict(set)
        self.handed: Counter[tuple[str, UUID]] = Counter()
        self.asked_generation = 0
        self.confirmed_generation = 0

    def take(self, recipient: str, envelopes: tuple[Envelope, ...], acked_before: set[UUID], after: int) -> int:
        """Take in what a recipient was handed, above `after`; return where the next begins."""
        for envelope in envelopes:
            assert envelope.seq > after, f"{recipient} was handed {envelope.seq} after {after}"
            after = envelope.seq
            known = self.taken[recipient].setdefault(envelope.id, envelope)
            assert known == envelope, f"{recipient} was handed {envelope.id} with something else in it"
            assert envelope.id not in acked_before, f"{recipient} was handed {envelope.seq} after it was acknowledged"
            self.handed[recipient, envelope.id] += 1
        return after


class Load:
    """The clients that keep the daemon busy, until it is `over`."""

    def __init__(self, daemon: Daemon, ledger: Ledger, chance: random.Random) -> None:
        self._socket = daemon.socket
        self._ledger = ledger
        self._chance = chance
        self.over = asyncio.Event()
        self.seen_tags: tuple[str, ...] = ()

    def client(self, session: str) -> contextlib.AbstractAsyncContextManager[Client]:
        return connect(SocketOpener(self._socket, start=False), session=session)

    async def send_patiently(self, name: str) -> None:
        """Send with the client's own retries; every send must come back with a receipt."""
        ledger, number = self._ledger, 0
        async with self.persistent(name) as client:
            last_seq = 0
            while not self.over.is_set():
                count = self._chance.choice((1, 1, 8, 50))
                keys = [f"{name}:{number + more}" for more in range(count)]
                number += count
                messages = [
                    (self._chance.choice(TARGETS), OrchestrationMessage("crash", {"key": key, "fill": "." * 200}))
                    for key in keys
                ]
                if count == 1:
                    receipts = [await client.send(*messages[0])]
                else:
                    receipts = await client.send_many(messages)
                for key, receipt in zip(keys, receipts, strict=True):
                    assert receipt.seq > last_seq, f"{name} was told {receipt.seq} after {last_seq}"
                    last_seq = receipt.seq
                    ledger.receipts[key] = receipt

    async def send_plainly(self, name: str) -> None:
        """Send without any retry; what was not answered may or may not have happened."""
        ledger, number = self._ledger, 0
        while not self.over.is_set():
            try:
                channel = await self._open_channel(name)
            except (OSError, ConnectionLost):
                await asyncio.sleep(0.01)
                continue
            while not self.over.is_set() and channel.lost is None:
                keys = [f"{name}:{number + more}" for more in range(self._chance.randint(1, 20))]
                number += len(keys)
                packed = [pack(OrchestrationMessage("crash", {"key": key, "fill": "." * 200})) for key in keys]
                asked = [
                    channel.ask(SendMessage(target=to_wire(self._chance.choice(TARGETS)), packed=each))
                    for each in packed
                ]
                answers = await asyncio.gather(*asked, return_exceptions=True)
                for key, answer in zip(keys, answers, strict=True):
                    if isinstance(answer, ConnectionLost):
                        ledger.unanswered.add(key)
                    elif isinstance(answer, BaseException):
                        raise answer
                    else:
                        ledger.receipts[key] = answer
            channel.close()

    async def receive(self, name: str) -> None:
        """Receive and acknowledge; now and then die between the two, and come again."""
        ledger, chance = self._ledger, self._chance
        while not self.over.is_set():
            async with self.persistent(name) as client:
                after = 0
                for _ in range(chance.randint(1, 30)):
                    if self.over.is_set():
                        break
                    acked_before = set(ledger.acked[name])
                    received = await client.receive(limit=chance.choice((1, 50, 1000)), wait_s=0.5)
                    after = ledger.take(name, received.envelopes, acked_before, after)
                    dealt_with = [envelope for envelope in received.envelopes if chance.random() < 0.9]
                    if dealt_with:
                        acked = await client.ack(*dealt_with)
                        assert acked.unknown == ()
                        ledger.acked[name].update(envelope.id for envelope in dealt_with)

    async def edit_tags(self) -> None:
        """Give one session new tags, one generation after the other, each whole."""
        ledger = self._ledger
        async with self.persistent("patient-0") as client:
            while not self.over.is_set():
                ledger.asked_generation += 1
                tags = generation(ledger.asked_generation)
                info = await client.tag(replace=tags, session="tagged")
                assert info.tags == tags
                ledger.confirmed_generation = ledger.asked_generation
                await asyncio.sleep(0.001)

    async def look_at_tags(self) -> None:
        """Read the tags all the while: never older than confirmed, never of two generations."""
        ledger = self._ledger
        async with self.persistent("patient-1") as client:
            while not self.over.is_set():
                confirmed = ledger.confirmed_generation
                info = await client.get_session("tagged")
                number = int(info.tags[0].removeprefix("a")) if info.tags else 0
                assert info.tags == generation(number)
                assert confirmed <= number <= ledger.asked_generation, f"{confirmed} was confirmed, {number} is there"
                await asyncio.sleep(0.002)

    async def watch(self) -> None:
        """Follow the feed over all crashes."""
        seen: set[UUID] = set()
        async with self.persistent(None) as client:
            subscription = await client.subscribe()
            async for event in subscription:
                if isinstance(event, Resync):
                    seen.clear()
                    for info in event.snapshot.sessions:
                        if info.name == "tagged":
                            self.seen_tags = info.tags
                elif isinstance(event, SessionChanged) and event.session.name == "tagged":
                    self.seen_tags = event.session.tags
                elif isinstance(event, MessageSent):
                    assert event.envelope.id not in seen, f"{event.envelope.id} was told twice"
                    seen.add(event.envelope.id)

    @contextlib.asynccontextmanager
    async def persistent(self, session: str | None) -> AsyncIterator[Client]:
        """Connect, however often the daemon is away at that moment."""
        async with contextlib.AsyncExitStack() as stack:
            while True:
                opener = SocketOpener(self._socket, start=False)
                try:
                    client = await stack.enter_async_context(connect(opener, session=session))
                except fugue_core.DaemonUnavailable:
                    await asyncio.sleep(0.01)
                else:
                    break
            yield client

    async def _open_channel(self, session: str) -> Channel:
        opener = SocketOpener(self._socket, start=False)
        channel = await Channel.open(opener, lambda notices: None, lambda: None)
        await channel.ask(
            Hello(protocol=VersionRange(min=2, max=2), client=Software(name="crash", version="0"), session=session)
        )
        return channel


def generation(number: int) -> tuple[str, ...]:
    """Return the tags of a generation, three that belong together."""
    return (f"a{number}", f"b{number}", f"c{number}") if number else ()


async def crash(directory: Path, rounds: int, seed: int) -> Report:
    """Kill the daemon `rounds` times; raise `AssertionError` where something is not as it was told.

    The moments are chosen by `seed`: so many sends after the start, and a few milliseconds more.
    """
    moments = random.Random(seed)
    started = time.monotonic()
    kills_at_start = 0
    ledger = Ledger()
    with hurried_clients(), Daemon(directory, config=CONFIG) as daemon:
        await prepare(daemon)
        load = Load(daemon, ledger, random.Random(seed + 1))
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(load.watch())
            busy = [
                *(tasks.create_task(load.send_patiently(name)) for name in SENDERS[:2]),
                *(tasks.create_task(load.send_plainly(name)) for name in SENDERS[2:]),
                *(tasks.create_task(load.receive(name)) for name in RECEIVERS),
                tasks.create_task(load.edit_tags()),
                tasks.create_task(load.look_at_tags()),
            ]
            for _ in range(rounds):
                await reached(ledger, len(ledger.receipts) + moments.randint(1, 300))
                await asyncio.sleep(moments.random() * 0.005)
                daemon.kill()
                if moments.random() < 0.1:
                    kills_at_start += 1
                    os.close(daemon.spawn())
                    await asyncio.sleep(moments.random() * 0.3)
                    daemon.kill()
                await asyncio.to_thread(daemon.start)
            await reached(ledger, len(ledger.receipts) + 100)
            load.over.set()
            await asyncio.wait(busy)
            deadline = time.monotonic() + PATIENCE_S
            while load.seen_tags != generation(ledger.confirmed_generation):
                assert time.monotonic() < deadline, f"the subscription knows {load.seen_tags}"
                await asyncio.sleep(0.01)
            watcher.cancel()
        daemon.restart()
        arrived = await check(load, ledger)
    return Report(
        kills=rounds + kills_at_start + 1,
        kills_at_start=kills_at_start,
        sends=len(ledger.receipts),
        unanswered=len(ledger.unanswered),
        arrived_unanswered=len(arrived & ledger.unanswered),
        handed_again=sum(count > 1 for count in ledger.handed.values()),
        seconds=time.monotonic() - started,
    )


@contextlib.contextmanager
def hurried_clients() -> Iterator[None]:
    """Let clients come back sooner than they do: nowhere else is a daemon killed five times a second."""
    before = line_module.LAST_RETRY_S, line_module.SHORT_LIVED_S
    line_module.LAST_RETRY_S, line_module.SHORT_LIVED_S = 0.05, 0.0
    try:
        yield
    finally:
        line_module.LAST_RETRY_S, line_module.SHORT_LIVED_S = before


async def prepare(daemon: Daemon) -> None:
    """Make the sessions."""
    for name in (*RECEIVERS, *SENDERS, "tagged"):
        async with connect(SocketOpener(daemon.socket, start=False)) as client:
            if name in RECEIVERS:
                await client.join(name, tags=["all"], worktree=WorktreeInfo(path="/crash"))
            else:
                await client.join(name)


async def reached(ledger: Ledger, count: int) -> None:
    """Return when so many receipts were seen."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while len(ledger.receipts) < count:
        assert time.monotonic() < deadline, f"no more than {len(ledger.receipts)} receipts"
        await asyncio.sleep(0.001)


async def check(load: Load, ledger: Ledger) -> set[str]:
    """Hold what a restarted daemon has against the ledger; return the keys of all that has arrived somewhere."""
    arrived: set[str] = set()
    for name in RECEIVERS:
        async with load.client(name) as client:
            info = await client.get_session()
            after = 0
            waiting: set[UUID] = set()
            while (received := await client.receive(limit=1000)).envelopes:
                after = ledger.take(name, received.envelopes, ledger.acked[name], after)
                waiting |= {envelope.id for envelope in received.envelopes}
            assert info.unread == len(waiting)
        taken = ledger.taken[name]
        keys = Counter(envelope.message.payload["key"] for envelope in taken.values())
        doubled = [key for key, count in keys.items() if count > 1]
        assert not doubled, f"{name} has {doubled[:5]} under two ids"
        for key, receipt in ledger.receipts.items():
            is_recipient = any(recipient.name == name for recipient in receipt.recipients)
            assert (receipt.id in taken) == is_recipient, f"{key}: {receipt}, {name} has it: {receipt.id in taken}"
            if is_recipient:
                assert taken[receipt.id].seq == receipt.seq
                assert taken[receipt.id].message.payload["key"] == key
        unknown = set(keys) - set(ledger.receipts) - ledger.unanswered
        assert not unknown, f"{name} was handed what nobody sent: {sorted(unknown)[:5]}"
        arrived |= set(keys)
    async with load.client("patient-0") as client:
        assert (await client.get_session("tagged")).tags == generation(ledger.confirmed_generation)
        stored = (await client.status()).messages
        assert len(ledger.receipts) <= stored <= len(ledger.receipts) + len(ledger.unanswered)
        recipients = await client.resolve(Tagged("all"))
        assert tuple(recipient.name for recipient in recipients) == RECEIVERS
    return arrived


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.crash", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100, help="how often to kill it (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="chooses the moments (default: another each time)")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    sys.stdout.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory(prefix="fugue-crash-") as directory:
        report = asyncio.run(crash(Path(directory), arguments.rounds, seed))
    for name, value in report._asdict().items():
        sys.stdout.write(f"{name.replace('_', ' '):20} {value:,.{0 if isinstance(value, int) else 1}f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
