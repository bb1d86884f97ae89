"""Each limit is reached once: what still fits is taken, and what is beyond is met as its limit says."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fugue_core import Client, MessageRouter, OrchestrationMessage, Session, connect, limits
from fugue_core.daemon.config import Config, WakeConfig
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import (
    ChainTooLong,
    FugueError,
    InputFull,
    InvalidMessageType,
    InvalidMetadata,
    InvalidName,
    InvalidParams,
    InvalidPayload,
    InvalidSchema,
    InvalidTag,
    LineTooLong,
    MailboxFull,
    MailboxShareFull,
    PairTooFast,
    PayloadUncheckable,
    SchemaViolation,
    TooManySchemas,
    TooManySessions,
    TooManyWaiting,
    TooManyWindows,
)
from fugue_core.limits import Limits
from fugue_core.protocol.events import Resync
from fugue_core.protocol.requests import HandMessages, ReceiveMessages
from fugue_core.protocol.window import Captured, WindowOutput


def note(payload: object = None, msg_type: str = "note") -> OrchestrationMessage:
    return OrchestrationMessage(msg_type, payload)


@asynccontextmanager
async def ann_with(**limits: Any) -> AsyncIterator[tuple[Client, LocalDaemon]]:
    """Give a client that has joined as `ann`, at a daemon with these limits."""
    async with LocalDaemon(config=Config(limits=Limits(**limits))) as daemon, connect(daemon) as client:
        await client.join("ann")
        yield client, daemon


async def refused(error: type[FugueError], doing: Awaitable[object]) -> FugueError:
    with pytest.raises(error) as caught:
        await doing
    return caught.value


# --------------------------------------------------------------------------------------------- what never is settable


async def reach_tag_chars() -> None:
    async with ann_with() as (ann, _):
        assert (await ann.tag(add=["x" * limits.TAG_CHARS])).tags == ("x" * limits.TAG_CHARS,)
        await refused(InvalidTag, ann.tag(add=["x" * (limits.TAG_CHARS + 1)]))


async def reach_tags_per_session() -> None:
    async with ann_with() as (ann, _):
        tags = [f"t{number}" for number in range(limits.TAGS_PER_SESSION + 1)]
        await refused(InvalidTag, ann.tag(add=tags))
        assert len((await ann.tag(add=tags[1:])).tags) == limits.TAGS_PER_SESSION
        await refused(InvalidTag, ann.tag(add=tags[:1]))


async def reach_session_name_chars() -> None:
    async with ann_with() as (ann, _):
        await ann.rename("x" * limits.SESSION_NAME_CHARS)
        await refused(InvalidName, ann.rename("x" * (limits.SESSION_NAME_CHARS + 1)))


async def reach_message_type_chars() -> None:
    async with ann_with() as (ann, _):
        await ann.send("session:ann", note(msg_type="x" * limits.MESSAGE_TYPE_CHARS))
        await refused(InvalidMessageType, ann.send("session:ann", note(msg_type="x" * (limits.MESSAGE_TYPE_CHARS + 1))))


async def reach_metadata_key_chars() -> None:
    async with ann_with() as (ann, _):
        await ann.edit_metadata({"x" * limits.METADATA_KEY_CHARS: 1})
        await refused(InvalidMetadata, ann.edit_metadata({"x" * (limits.METADATA_KEY_CHARS + 1): 1}))


async def reach_through_chars() -> None:
    async with ann_with() as (ann, _):
        sent = await ann.send("session:ann", note(1))
        longest = "x" * limits.THROUGH_CHARS
        await ann._ask(HandMessages(ids=(sent.id,), through=longest))
        assert (await ann.get_message(sent.id)).deliveries[0].handed_through == longest
        await refused(InvalidParams, ann._ask(HandMessages(ids=(sent.id,), through=f"{longest}x")))


async def reach_notice_chars() -> None:
    longest = "x" * limits.NOTICE_CHARS
    assert WakeConfig(notice=longest).notice == longest
    with pytest.raises(ValueError, match="one line"):
        WakeConfig(notice=f"{longest}x")


async def reach_payload_depth() -> None:
    async with ann_with() as (ann, _):
        deep: list[Any] = []
        for _level in range(limits.PAYLOAD_DEPTH - 1):
            deep = [deep]
        await ann.send("session:ann", note(deep))
        await refused(InvalidPayload, ann.send("session:ann", note([deep])))
        assert (await ann.receive()).envelopes[0].message.payload == deep


async def reach_router_queue_messages() -> None:
    router = MessageRouter()
    ann = UUID(int=1)
    receiver = router.register(ann, None, None, ())
    for _number in range(limits.ROUTER_QUEUE_MESSAGES):
        router.route(ann, Session(ann), note())
    with pytest.raises(MailboxFull):
        router.route(ann, Session(ann), note())
    assert len(receiver) == limits.ROUTER_QUEUE_MESSAGES


# ------------------------------------------------------------------------------------------------ what the daemon's are


async def reach_line_bytes() -> None:
    async with ann_with(line_bytes=2000) as (ann, _):
        await ann.send("session:ann", note("x" * 1500))
        error = await refused(LineTooLong, ann.send("session:ann", note("x" * 2000)))
        assert error.values()["limit_bytes"] == 2000


async def reach_mailbox_messages() -> None:
    async with ann_with(mailbox_messages=3) as (ann, _):
        for number in range(3):
            await ann.send("session:ann", note(number))
        await refused(MailboxFull, ann.send("session:ann", note(3)))
        assert (await ann.get_session()).unread == 3


async def reach_mailbox_bytes() -> None:
    async with ann_with(mailbox_bytes=3000) as (ann, _):
        await ann.send("session:ann", note("x" * 2000))
        await refused(MailboxFull, ann.send("session:ann", note("x" * 1000)))
        await ann.send("session:ann", note("x" * 400))


async def reach_mailbox_sender_messages() -> None:
    async with ann_with(mailbox_sender_messages=2) as (ann, daemon), connect(daemon) as bob:
        await bob.join("bob")
        for number in range(2):
            await ann.send("session:ann", note(number))
        await refused(MailboxShareFull, ann.send("session:ann", note(2)))
        await bob.send("session:ann", note(3))


async def reach_mailbox_sender_bytes() -> None:
    async with ann_with(mailbox_sender_bytes=3000) as (ann, daemon), connect(daemon) as bob:
        await bob.join("bob")
        await ann.send("session:ann", note("x" * 2000))
        await refused(MailboxShareFull, ann.send("session:ann", note("x" * 1000)))
        await bob.send("session:ann", note("x" * 2500))


async def reach_hops() -> None:
    async with ann_with(hops=2) as (ann, _):
        sent = await ann.send("session:ann", note(0))
        for number in range(1, 3):
            sent = await ann.send("session:ann", note(number), reply_to=sent.id)
        await refused(ChainTooLong, ann.send("session:ann", note(3), reply_to=sent.id))


async def reach_pair_turns() -> None:
    async with ann_with(pair_turns=4) as (ann, daemon), connect(daemon) as bob:
        await bob.join("bob")
        await ann.send("session:bob", note())
        for _turn in range(2):
            await bob.send("session:ann", note())
            await ann.send("session:bob", note())
        await refused(PairTooFast, bob.send("session:ann", note()))


async def reach_pair_turns_s() -> None:
    async with ann_with(pair_turns=1, pair_turns_s=0.0) as (ann, daemon), connect(daemon) as bob:
        await bob.join("bob")
        for _turn in range(5):  # each in a time of its own
            await ann.send("session:bob", note())
            await bob.send("session:ann", note())


async def _overrun_subscriber(payload: str, **limit: int) -> None:
    """Let a subscriber that does not read fall behind, and see that it converges by a `resync`."""
    async with ann_with(**limit) as (ann, daemon), connect(daemon) as watching:
        events = await watching.subscribe()
        assert daemon.server is not None
        (peer,) = daemon.server._feed._subscribers
        peer.sink.is_paused = True  # type: ignore[misc]  # as a full socket would say
        for number in range(20):
            await ann.send("session:ann", note(f"{number}{payload}"))
            assert peer.backlog_events <= limit.get("subscriber_events", 20)
            assert peer.backlog_bytes <= limit.get("subscriber_bytes", 10_000_000)
        peer.sink.is_paused = False  # type: ignore[misc]  # as above
        daemon.server.switchboard.resume(peer)
        first, second = await anext(events), await anext(events)
        assert isinstance(first, Resync)
        assert isinstance(second, Resync)
        assert second.snapshot.last_seq == 20


async def reach_subscriber_events() -> None:
    await _overrun_subscriber("", subscriber_events=5)


async def reach_subscriber_bytes() -> None:
    await _overrun_subscriber("x" * 1000, subscriber_bytes=5000)


async def reach_sessions() -> None:
    async with ann_with(sessions=2) as (ann, daemon), connect(daemon) as bob, connect(daemon) as cid:
        await bob.join("bob")
        error = await refused(TooManySessions, cid.join("cid"))
        assert error.values() == {"limit": 2}
        await ann.end("bob")
        await cid.join("cid")


async def reach_metadata_bytes() -> None:
    async with ann_with(metadata_bytes=100) as (ann, _):
        await ann.edit_metadata({"x": "." * 80})
        await refused(InvalidMetadata, ann.edit_metadata({"y": "." * 80}))
        await ann.edit_metadata({"y": "." * 80}, remove=["x"])


async def reach_waiting_requests() -> None:
    async with ann_with(waiting_requests=3) as (ann, _):
        channel = await ann._line.channel()
        waiting = [channel.ask(ReceiveMessages(wait_s=60, after=number)) for number in range(3)]
        await refused(TooManyWaiting, ann.receive(wait_s=60, after=3))
        await ann.send("session:ann", note("to the first"))
        assert len((await waiting[0]).envelopes) == 1


async def reach_receive_messages() -> None:
    async with ann_with(receive_messages=3) as (ann, _):
        await ann.send_many([("session:ann", note(number)) for number in range(5)])
        received = await ann.receive(limit=1000)
        assert (len(received.envelopes), received.remaining) == (3, 2)


async def reach_receive_bytes() -> None:
    async with ann_with(receive_bytes=3000) as (ann, _):
        await ann.send_many([("session:ann", note("x" * size)) for size in (1000, 1000, 9000)])
        assert [len((await ann.receive()).envelopes) for _number in range(3)] == [2, 1, 0]


async def reach_page_messages() -> None:
    async with ann_with(page_messages=3) as (ann, _):
        await ann.send_many([("session:ann", note(number)) for number in range(5)])
        page = await ann.list_messages(limit=1000)
        assert ([entry.envelope.seq for entry in page.entries], page.next) == ([5, 4, 3], 3)


async def reach_reoffer_s() -> None:
    async with ann_with(reoffer_s=0.0) as (ann, daemon):
        await ann.send("session:ann", note(1))
        first = await ann.receive()
        assert daemon.server is not None
        daemon.server.switchboard.run_errand(daemon.server._hub.tick)
        assert (await ann.receive(wait_s=20)).envelopes == first.envelopes


async def _keep_at_most(count: int, **limit: float) -> None:
    async with ann_with(**limit) as (ann, daemon):
        await ann.send_many([("session:ann", note(number)) for number in range(10)])
        await ann.ack(up_to=10)
        assert daemon.server is not None
        daemon.server.switchboard.run_errand(daemon.server._retain)
        found: list[int] = []

        async def look() -> None:
            while not found or found[-1] != count:
                found.append((await ann.status()).messages)

        await asyncio.wait_for(look(), 20)


async def reach_retention_s() -> None:
    await _keep_at_most(1, retention_s=0.0)


async def reach_retention_messages() -> None:
    await _keep_at_most(4, retention_messages=4)


async def reach_envelope_cache_bytes() -> None:
    async with ann_with(envelope_cache_bytes=3000) as (ann, daemon):
        await ann.send_many([("session:ann", note("x" * 1000)) for _number in range(20)])
        assert daemon.server is not None
        cache = daemon.server._hub._post._cache
        assert cache._size_bytes <= 3000
        assert len(cache._envelopes) == 2
        assert len((await ann.receive()).envelopes) == 20


def cat(script: str = "exec cat") -> list[str]:
    return ["sh", "-c", script]


async def shown(client: Client, text: str) -> Captured:
    """Return what the window of `cat` shows, when that text is there."""
    async with asyncio.timeout(30):
        while True:
            captured = await client.windows.capture("cat")
            if text in captured.text:
                return captured
            await asyncio.sleep(0.01)


async def reach_windows() -> None:
    async with ann_with(windows=1) as (ann, _):
        await ann.windows.new_session(cat(), name="cat")
        await refused(TooManyWindows, ann.windows.new("cat", cat()))
        await ann.windows.kill("cat")
        await ann.windows.new_session(cat(), name="cat")


async def reach_scrollback_lines() -> None:
    async with ann_with(scrollback_lines=50) as (ann, _):
        await ann.windows.new_session(cat("seq 500; echo over; exec cat"), name="cat")
        assert (await shown(ann, "over")).history_rows == 50
        text = (await ann.windows.capture("cat", scrollback=True)).text
        assert len(text.splitlines()) == 50 + 24
        assert "\n400\n" not in text


async def reach_input_bytes() -> None:
    async with ann_with(input_bytes=1_000) as (ann, _):
        await ann.windows.new_session(cat("stty raw -echo; echo up; exec sleep 1000"), name="cat")
        await shown(ann, "up")
        assert await ann.windows.type(b"x" * 1_000, "cat") == 1_000
        await refused(InputFull, ann.windows.type(b"x" * 1_001, "cat"))


async def reach_view_bytes() -> None:
    async with ann_with(view_bytes=10_000) as (ann, daemon), connect(daemon) as lazy:
        await ann.windows.new_session(cat("read go; seq 20000; echo over; exec cat"), name="cat")
        view = await lazy.windows.attach("cat", form="bytes")
        first = await anext(view)
        assert isinstance(first, WindowOutput)
        assert first.is_anew
        assert daemon.server is not None
        (peer,) = daemon.server._stage._views._views
        sink = peer.sink
        peer.sink = Deaf(sink)  # a client that does not read, which this one, in the same process, cannot be
        await ann.windows.type(b"\r", "cat")
        await shown(ann, "over")
        peer.sink = sink
        daemon.server.switchboard.resume(peer)
        again = await anext(view)
        assert isinstance(again, WindowOutput)
        assert again.is_anew
        assert b"over" in again.data
        assert len(again.data) < 10_000


class Deaf:
    """A sink whose other end does not read."""

    is_paused = True

    def __init__(self, sink: Any) -> None:
        self.sink = sink
        self.taken_bytes = 0

    def listen(self, *, is_on: bool) -> None:
        self.sink.listen(is_on=is_on)

    def write(self, data: bytes) -> None:
        raise AssertionError("nothing is written to who does not read")

    def close(self) -> None:
        self.sink.close()


async def reach_schemas() -> None:
    async with ann_with(schemas=1) as (ann, _):
        await ann.schemas.set("a", {})
        await refused(TooManySchemas, ann.schemas.set("b", {}))
        await ann.schemas.set("a", {"type": "null"})


async def reach_schema_bytes() -> None:
    async with ann_with() as (ann, _):
        longest = {"title": "x" * (limits.SCHEMA_BYTES - len('{"title":""}'))}
        assert (await ann.schemas.set("note", longest)).size_bytes == limits.SCHEMA_BYTES
        await refused(InvalidSchema, ann.schemas.set("note", {**longest, "a": 1}))


async def reach_schema_depth() -> None:
    async with ann_with() as (ann, _):
        schema: dict[str, Any] = {}
        for _ in range(limits.SCHEMA_DEPTH - 1):
            schema = {"not": schema}
        await ann.schemas.set("note", schema)
        await refused(InvalidSchema, ann.schemas.set("note", {"not": schema}))


async def reach_schema_steps() -> None:
    async with ann_with() as (ann, _):
        values = list(range(limits.SCHEMA_STEPS - 2))
        await ann.schemas.set("note", {"enum": values})
        await refused(InvalidSchema, ann.schemas.set("note", {"enum": [*values, -1]}))


async def reach_schema_work() -> None:
    async with ann_with() as (ann, _):
        await ann.schemas.set("note", {"not": {"enum": list(range(9_000))}})
        longest = "x" * (limits.SCHEMA_WORK // 9_003 - 2)
        await ann.check(note(longest))
        await refused(PayloadUncheckable, ann.check(note(longest + "x")))


async def reach_schema_faults() -> None:
    async with ann_with() as (ann, _):
        await ann.schemas.set("note", {"items": {"type": "null"}})
        for count, has_more in ((limits.SCHEMA_FAULTS, False), (limits.SCHEMA_FAULTS + 1, True)):
            error = await refused(SchemaViolation, ann.check(note([1] * count)))
            assert isinstance(error, SchemaViolation)
            assert (len(error.faults), error.has_more) == (limits.SCHEMA_FAULTS, has_more)


REACHED: dict[str, Callable[[], Awaitable[None]]] = {
    name.removeprefix("reach_"): function
    for name, function in inspect.getmembers(sys.modules[__name__], inspect.iscoroutinefunction)
    if name.startswith("reach_")
}

SETTABLE = {field.name for field in msgspec.structs.fields(Limits)}
FIXED = {name.lower() for name in vars(limits) if name.isupper()}


@pytest.mark.parametrize("name", sorted(SETTABLE | FIXED))
async def test_each_limit_is_reached(name: str) -> None:
    await REACHED[name]()


def test_there_is_no_more_to_reach_than_there_are_limits() -> None:
    assert set(REACHED) == SETTABLE | FIXED


def test_every_limit_says_what_it_bounds() -> None:
    text = inspect.getdoc(Limits) or ""
    assert [name for name in SETTABLE if name not in text] == []
