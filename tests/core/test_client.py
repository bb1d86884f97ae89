"""The Python client, over a socket and in the process: whatever it promises it promises for both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import pytest

import fugue_core
from fugue_core import (
    Broadcast,
    Client,
    ConnectionLost,
    DaemonUnavailable,
    FugueError,
    InvalidFilter,
    InvalidMessageType,
    InvalidMetadata,
    InvalidName,
    InvalidPayload,
    InvalidTag,
    InvalidTarget,
    MailboxFull,
    MessageIdExists,
    MessageNotFound,
    NoIdentity,
    NoRecipients,
    NoRepository,
    OrchestrationMessage,
    Session,
    SessionInfo,
    SessionNameExists,
    SessionNotFound,
    Tagged,
    Worktree,
    WorktreeInfo,
    connect,
)
from fugue_core.client import line as line_module
from fugue_core.client.link import Opener, SocketOpener
from fugue_core.client.subscription import Subscription
from fugue_core.daemon.config import Config
from fugue_core.daemon.local import LocalDaemon
from fugue_core.daemon.peer import Peer
from fugue_core.daemon.server import Server, serve
from fugue_core.errors import IdentityBound
from fugue_core.identifier import new_id
from fugue_core.limits import Limits
from fugue_core.protocol.events import MessageSent, Resync, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.requests import Receipt
from tests.core.world import eventually
from tests.e2e.daemon import Daemon

Where: TypeAlias = str | LocalDaemon
CONFIG = Config(limits=Limits(mailbox_messages=2000))


def note(payload: object = None, msg_type: str = "note") -> OrchestrationMessage:
    return OrchestrationMessage(msg_type, payload)


class Place:
    """A daemon in this process, so that a test can reach behind it.

    Attributes:
        where: What `connect` is told.
        server: The daemon behind it.
    """

    def __init__(self, where: Where, server: Server) -> None:
        self.where = where
        self.server = server

    def connect(self, session: str | None = None, **options: Any) -> contextlib.AbstractAsyncContextManager[Client]:
        return connect(self.where, session=session, start=False, **options)

    def peers(self) -> list[Peer]:
        return list(self.server.switchboard._peers)

    def cut(self) -> None:
        """Lose all connections."""
        for peer in self.peers():
            peer.sink.close()

    def swallow_answers(self, count: int = 1) -> None:
        """Let the daemon carry out what comes next, and lose the connection in place of so many of its writes."""
        for peer in self.peers():
            sink, write, left = peer.sink, peer.sink.write, [count]

            def lose(data: bytes, sink: Any = sink, write: Any = write, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] >= 0:
                    sink.close()
                else:
                    write(data)

            sink.write = lose  # type: ignore[method-assign]  # a wire that breaks at this very moment


@pytest.fixture(params=["socket", "local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "local":
        async with LocalDaemon(str(tmp_path / "state"), CONFIG) as daemon:
            assert daemon.server is not None
            yield Place(daemon, daemon.server)
    else:
        path = str(tmp_path / "s")
        async with serve(path, str(tmp_path / "state"), CONFIG) as server:
            yield Place(path, server)


@pytest.fixture
async def ann(place: Place) -> AsyncIterator[Client]:
    async with place.connect() as client:
        await client.join("ann")
        yield client


@pytest.fixture
async def bob(place: Place) -> AsyncIterator[Client]:
    async with place.connect() as client:
        await client.join("bob", tags=["x"], repo="/r", worktree=WorktreeInfo(path="/w"))
        yield client


async def speaker(client: Client) -> SessionInfo | None:
    """Return whom the client takes itself for."""
    return client.session


def payloads(received: Any) -> list[Any]:
    return [envelope.message.payload for envelope in received.envelopes]


async def read_to_end(events: Subscription) -> None:
    """Read on until there is no more; raise what the subscription ends with."""
    async with asyncio.timeout(20):
        async for _ in events:
            pass


# ------------------------------------------------------------------------------------------------------ what it can do


async def test_what_is_sent_is_received_and_acknowledged(ann: Client, bob: Client) -> None:
    receipt = await ann.send("session:bob", note({"n": 1}, "greeting"), reply_to=UUID(int=5), ttl_s=60)
    assert isinstance(receipt, Receipt)
    assert [(recipient.name, recipient.is_connected) for recipient in receipt.recipients] == [("bob", True)]
    (envelope,) = (await bob.receive()).envelopes
    assert (envelope.id, envelope.seq, envelope.sender.name) == (receipt.id, receipt.seq, "ann")
    assert envelope.message == note({"n": 1}, "greeting")
    assert envelope.reply_to == UUID(int=5)
    assert envelope.expires_at == pytest.approx(envelope.sent_at + 60)
    acked = await bob.ack(envelope, UUID(int=9))
    assert (acked.acked, acked.unknown) == (1, (UUID(int=9),))
    assert (await bob.ack(up_to=99)).acked == 0


async def test_a_target_may_be_a_value_or_its_text(ann: Client, bob: Client, place: Place) -> None:
    assert bob.session is not None
    async with place.connect() as near:
        await near.join("near", tags=["x"], repo="/r", worktree=WorktreeInfo(path="/w"))
        for target, names in (
            (Tagged("x"), ["bob", "near"]),
            ("tag:x", ["bob", "near"]),
            (Session(bob.session.id), ["bob"]),
            (f"session:{bob.session.id}", ["bob"]),
            (Worktree("/w/"), ["bob", "near"]),
            ("worktree:/w", ["bob", "near"]),
        ):
            receipt = await ann.send(target, note())
            assert [recipient.name for recipient in receipt.recipients] == names
            assert await ann.resolve(target) == receipt.recipients
        for everybody in (Broadcast(), "broadcast"):
            assert [recipient.name for recipient in (await bob.send(everybody, note())).recipients] == ["near"]
        assert [recipient.name for recipient in await ann.resolve("broadcast", sender="near")] == ["bob"]


async def test_a_client_speaks_for_whom_it_joined_as_and_knows_it(place: Place) -> None:
    async with place.connect(name="a program") as client:
        assert await speaker(client) is None
        assert client.welcome is not None
        assert client.welcome.protocol == 2
        info = await client.join("ann", tags=("b", "a"), metadata={"k": [1]}, repo="/r")
        assert (info.name, info.tags, info.metadata, info.repo) == ("ann", ("a", "b"), {"k": [1]}, "/r")
        assert client.session == info
        assert (await client.tag(add=["c"], remove=["a"])).tags == ("b", "c")
        assert (await client.edit_metadata({"l": 2}, remove=["k"])).metadata == {"l": 2}
        assert (await client.rename("eve")).name == "eve"
        assert client.session == await client.get_session()
        assert (client.session.name, client.session.tags, client.session.metadata) == ("eve", ("b", "c"), {"l": 2})


async def test_what_is_changed_about_another_session_is_not_taken_for_one_s_own(ann: Client, bob: Client) -> None:
    before = ann.session
    assert (await ann.tag(replace=["y"], session="bob")).tags == ("y",)
    assert (await ann.rename("rob", session="bob")).name == "rob"
    assert (await ann.edit_metadata({"k": 1}, session="rob")).metadata == {"k": 1}
    assert ann.session == before
    assert (await ann.end("rob")).name == "rob"
    assert [info.name for info in await ann.sessions()] == ["ann"]


async def test_a_client_may_speak_for_a_session_that_is_there(ann: Client, place: Place) -> None:
    assert ann.session is not None
    for named in ("ann", str(ann.session.id)):
        async with place.connect(named) as again:
            assert again.session is not None
            assert again.session.id == ann.session.id
            assert again.session.attached_clients == 2
    async with place.connect("ann", attach=False) as brief:
        assert brief.session is not None
        assert brief.session.attached_clients == 1


async def test_joining_in_a_directory_finds_its_repository(place: Place, tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    repository.mkdir()
    git = await asyncio.create_subprocess_exec("git", "init", "-q", "-b", "main", str(repository))
    assert await git.wait() == 0
    async with place.connect() as client:
        info = await client.join(directory=str(repository))
        assert info.worktree == WorktreeInfo(path=str(repository.resolve()), branch="main")
        assert info.repo is not None
        outside = await client.sessions(f"repo:{repository.name}")
        assert [session.name for session in outside] == [info.name]


async def test_sessions_and_messages_can_be_looked_for(ann: Client, bob: Client) -> None:
    receipts = [await ann.send("tag:x", note(number)) for number in range(5)]
    assert [info.name for info in await ann.sessions("tag:x")] == ["bob"]
    page = await ann.list_messages("from:ann", limit=2)
    assert [entry.envelope.seq for entry in page.entries] == [5, 4]
    assert page.next == 4
    page = await ann.list_messages(order="oldest", after=3)
    assert [entry.envelope.message.payload for entry in page.entries] == [3, 4]
    assert [entry.envelope.seq for entry in (await ann.list_messages(before=2)).entries] == [1]
    record = await ann.get_message(receipts[0].id)
    assert [(delivery.recipient.name, delivery.state) for delivery in record.deliveries] == [("bob", "queued")]


async def test_the_daemon_says_how_it_is(ann: Client, place: Place) -> None:
    assert (await ann.ping()).time > 1_700_000_000
    status = await ann.status()
    assert (status.pid, status.sessions, status.connections) == (os.getpid(), 1, 1)
    await ann.stop_daemon()
    assert place.server.stopped.is_set()


# --------------------------------------------------------------------------------------------------------------- errors

Asking: TypeAlias = Callable[[Client], Awaitable[object]]

REFUSALS: dict[str, tuple[Asking, type[FugueError], dict[str, object]]] = {
    "an unknown session": (lambda ann: ann.get_session("bbo"), SessionNotFound, {"session": "bbo", "near": ("bob",)}),
    "a bad tag": (lambda ann: ann.tag(add=["ok", "a b"]), InvalidTag, {"value": "a b"}),
    "a bad name": (lambda ann: ann.rename("a/b"), InvalidName, {"value": "a/b"}),
    "a name that is taken": (lambda ann: ann.rename("bob"), SessionNameExists, {"session_name": "bob"}),
    "a bad key": (lambda ann: ann.edit_metadata({"a b": 1}), InvalidMetadata, {"value": "a b"}),
    "a bad target": (lambda ann: ann.send("bob", note()), InvalidTarget, {"value": "bob"}),
    "a bad type": (lambda ann: ann.send("session:bob", note(1, "a b")), InvalidMessageType, {"value": "a b"}),
    "a bad payload": (lambda ann: ann.send("session:bob", note({1, 2, float("nan")})), InvalidPayload, {}),
    "nobody there": (lambda ann: ann.send("tag:none", note()), NoRecipients, {"target": "tag:none"}),
    "no repository": (lambda ann: ann.send("broadcast", note()), NoRepository, {}),
    "no such message": (lambda ann: ann.get_message(UUID(int=9)), MessageNotFound, {"message": str(UUID(int=9))}),
    "a bad filter": (lambda ann: ann.list_messages("colour:red"), InvalidFilter, {"value": "colour:red"}),
    "another identity": (lambda ann: ann.join("cid"), IdentityBound, {"session": "ann"}),
}


@pytest.mark.parametrize(("asking", "error", "values"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_raised_as_the_error_that_it_is_with_its_values(
    ann: Client, bob: Client, asking: Asking, error: type[FugueError], values: dict[str, object]
) -> None:
    with pytest.raises(error) as caught:
        await asking(ann)
    assert type(caught.value) is error
    assert {name: caught.value.values()[name] for name in values} == values
    await ann.ping()


async def test_who_speaks_for_nobody_is_refused_what_needs_somebody(place: Place) -> None:
    async with place.connect() as nobody:
        for asking in (nobody.receive(), nobody.ack(up_to=1), nobody.get_session(), nobody.send("tag:x", note())):
            with pytest.raises(NoIdentity):
                await asking


async def test_a_full_mailbox_says_who_received_and_who_did_not(ann: Client, bob: Client, place: Place) -> None:
    await ann.send_many([("session:bob", note(number)) for number in range(2000)])
    async with place.connect() as cid:
        info = await cid.join("cid", tags=["x"])
        with pytest.raises(MailboxFull) as caught:
            await ann.send("tag:x", note("last"))
        assert bob.session is not None
        assert (caught.value.refused, caught.value.delivered) == ((bob.session.id,), (info.id,))
        assert caught.value.names == ("bob",)
        assert caught.value.message_id is not None
        assert payloads(await cid.receive()) == ["last"]


async def test_of_many_sends_the_first_refusal_is_raised_and_the_others_are_sent(ann: Client, bob: Client) -> None:
    messages = [("session:bob" if number % 3 else f"tag:none-{number}", note(number)) for number in range(300)]
    with pytest.raises(NoRecipients, match="tag:none-0"):
        await ann.send_many(messages)
    assert payloads(await bob.receive(limit=1000)) == [number for number in range(300) if number % 3]


async def test_an_id_that_was_used_is_answered_again_or_refused(ann: Client, bob: Client) -> None:
    message = new_id()
    first = await ann.send("session:bob", note(1), id=message)
    assert first.id == message
    assert await ann.send("session:bob", note(1), id=message) == first
    with pytest.raises(MessageIdExists, match=str(message)):
        await ann.send("session:bob", note(2), id=message)
    assert payloads(await bob.receive()) == [1]


async def test_a_session_that_is_not_there_cannot_be_spoken_for(ann: Client, place: Place) -> None:
    with pytest.raises(SessionNotFound, match="did you mean ann"):
        async with place.connect("annn"):
            pass


# ------------------------------------------------------------------------------------------------- many things at once


async def test_any_number_of_tasks_may_ask_at_once_and_each_gets_its_own_answer(ann: Client, bob: Client) -> None:
    async def ask(number: int) -> None:
        match number % 4:
            case 0:
                assert (await ann.send("session:bob", note(number))).recipients[0].name == "bob"
            case 1:
                assert (await ann.get_session("bob")).name == "bob"
            case 2:
                with pytest.raises(SessionNotFound, match=f"nobody-{number}"):
                    await ann.get_session(f"nobody-{number}")
            case 3:
                await ann.list_messages(limit=1)

    await asyncio.gather(*map(ask, range(200)))
    assert payloads(await bob.receive()) == list(range(0, 200, 4))


async def test_many_messages_arrive_in_their_order(ann: Client, bob: Client) -> None:
    receipts = await ann.send_many(("session:bob", note(number)) for number in range(1500))
    assert [receipt.seq for receipt in receipts] == list(range(1, 1501))
    assert await ann.send_many([]) == []
    received = [*payloads(await bob.receive(limit=1000)), *payloads(await bob.receive(limit=1000))]
    assert received == list(range(1500))


async def test_a_receive_waits_for_something_and_no_longer_than_it_was_told(ann: Client, bob: Client) -> None:
    assert (await bob.receive(wait_s=0.01)).envelopes == ()
    waiting = asyncio.create_task(bob.receive(wait_s=60))
    await bob.ping()
    await ann.send("session:bob", note("at last"))
    assert payloads(await asyncio.wait_for(waiting, 10)) == ["at last"]


async def test_what_comes_can_be_iterated_over(ann: Client, bob: Client) -> None:
    await ann.send_many([("session:bob", note(number)) for number in range(3)])
    found = []
    async for envelope in bob.incoming():
        found.append(envelope.message.payload)
        await bob.ack(envelope)
        if len(found) == 3:
            await ann.send("session:bob", note("and on"))
        if len(found) == 4:
            break
    assert found == [0, 1, 2, "and on"]
    assert (await bob.get_session()).unread == 0


async def test_a_receive_that_is_cancelled_loses_nothing(ann: Client, bob: Client) -> None:
    waiting = asyncio.create_task(bob.receive(wait_s=60))
    await bob.ping()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await ann.send("session:bob", note("while nobody waited"))
    assert payloads(await bob.receive(wait_s=10)) == ["while nobody waited"]


async def test_a_receive_that_is_cancelled_when_its_answer_is_on_the_way_loses_nothing(
    ann: Client, bob: Client
) -> None:
    await ann.send("session:bob", note("there"))
    for _ in range(3):
        waiting = asyncio.create_task(bob.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await bob.ping()
    assert payloads(await bob.receive()) == ["there"]


async def test_one_goes_on_after_what_one_took_and_may_look_or_begin_anywhere(ann: Client, bob: Client) -> None:
    await ann.send_many([("session:bob", note(number)) for number in range(4)])
    assert payloads(await bob.receive(limit=2, peek=True)) == [0, 1]
    assert payloads(await bob.receive(limit=2)) == [0, 1]
    assert payloads(await bob.receive()) == [2, 3]
    assert payloads(await bob.receive(after=1)) == [1, 2, 3]
    assert payloads(await bob.receive()) == []


# ------------------------------------------------------------------------------------------------------------- the feed


async def test_a_subscription_begins_with_all_that_is_and_tells_what_happens(ann: Client, place: Place) -> None:
    async with place.connect() as watching:
        events = await watching.subscribe()
        first = await anext(events)
        assert isinstance(first, Resync)
        assert [info.name for info in first.snapshot.sessions] == ["ann"]
        await ann.send("session:ann", note(1))
        await ann.tag(add=["x"])
        sent, changed = await anext(events), await anext(events)
        assert isinstance(sent, MessageSent)
        assert sent.envelope.message.payload == 1
        assert isinstance(changed, SessionChanged)
        assert changed.session.tags == ("x",)


async def test_an_answer_is_known_before_the_events_after_it(ann: Client) -> None:
    events = await ann.subscribe()
    receipts = await ann.send_many([("session:ann", note(number)) for number in range(100)])
    batch = await events.next_batch()
    sent = [event.envelope.id for event in batch if isinstance(event, MessageSent)]
    assert sent == [receipt.id for receipt in receipts][: len(sent)]


async def test_a_second_subscription_ends_the_first(ann: Client) -> None:
    first = await ann.subscribe()
    assert isinstance(await anext(first), Resync)
    second = await ann.subscribe()
    assert [event async for event in first] == []
    assert isinstance(await anext(second), Resync)
    await ann.tag(add=["x"])
    assert isinstance(await anext(second), SessionChanged)


async def test_a_subscription_that_is_closed_ends_and_the_client_goes_on(ann: Client) -> None:
    events = await ann.subscribe()
    await anext(events)
    events.close()
    await ann.tag(add=["x"])
    assert [event async for event in events] == []
    assert isinstance(await anext(await ann.subscribe()), Resync)


async def test_a_subscription_ends_with_its_client(place: Place) -> None:
    async with place.connect() as client:
        events = await client.subscribe()
    assert [type(event) async for event in events] == [Resync]


# ------------------------------------------------------------------------------------------------- lost connections


async def test_a_lost_connection_is_made_again_with_the_same_identity(ann: Client, bob: Client, place: Place) -> None:
    await bob.rename("rob")  # so that the name it joined under would not do
    place.cut()
    await ann.send("session:rob", note(1))
    assert payloads(await bob.receive(wait_s=10)) == [1]
    assert bob.session is not None
    assert (bob.session.name, (await bob.get_session()).attached_clients) == ("rob", 1)


async def test_who_named_a_session_speaks_for_it_on_the_next_connection_though_its_name_is_another_by_then(
    ann: Client, place: Place
) -> None:
    async with place.connect("ann") as again:
        await ann.rename("eve")
        place.cut()
        assert (await again.get_session()).name == "eve"


async def test_a_send_whose_answer_was_lost_is_answered_when_it_is_asked_again_and_delivered_once(
    ann: Client, bob: Client, place: Place
) -> None:
    place.swallow_answers()
    receipt = await ann.send("session:bob", note("once"))
    assert receipt.seq == 1
    assert payloads(await bob.receive()) == ["once"]
    assert (await ann.status()).messages == 1


async def test_many_sends_whose_answers_were_lost_are_delivered_once_and_in_their_order(
    ann: Client, bob: Client, place: Place
) -> None:
    sending = asyncio.create_task(ann.send_many(("session:bob", note(number)) for number in range(1500)))
    for carried_out in (100, 500, 900):
        await eventually(lambda count=carried_out: place.server._hub.last_seq >= count)  # type: ignore[misc]
        place.swallow_answers()
    receipts = await asyncio.wait_for(sending, 20)
    assert [receipt.seq for receipt in receipts] == sorted(receipt.seq for receipt in receipts)
    received = [*payloads(await bob.receive(limit=1000)), *payloads(await bob.receive(limit=1000))]
    assert received == list(range(1500))


async def test_a_join_whose_answer_was_lost_makes_one_session(place: Place) -> None:
    async with place.connect() as client:
        place.swallow_answers()
        info = await client.join("ann", tags=["x"])
        assert [session.id for session in await client.sessions()] == [info.id]
        assert (await client.get_session()).attached_clients == 1


@pytest.mark.parametrize(
    "asking",
    [
        lambda ann: ann.tag(add=["x"]),
        lambda ann: ann.rename("eve"),
        lambda ann: ann.edit_metadata({"k": 1}),
        lambda ann: ann.ack(up_to=5),
        lambda ann: ann.list_messages(),
        lambda ann: ann.status(),
    ],
)
async def test_what_was_not_answered_is_asked_again(ann: Client, place: Place, asking: Asking) -> None:
    place.swallow_answers()
    await asyncio.wait_for(asking(ann), 10)
    await ann.ping()


async def test_what_was_handed_out_and_lost_on_the_way_comes_again(ann: Client, bob: Client, place: Place) -> None:
    await ann.send_many([("session:bob", note(number)) for number in range(3)])
    assert payloads(await bob.receive(limit=1)) == [0]
    place.swallow_answers()
    assert payloads(await bob.receive()) == [1, 2]


async def test_a_receive_waits_on_over_a_lost_connection(ann: Client, bob: Client, place: Place) -> None:
    waiting = asyncio.create_task(bob.receive(wait_s=60))
    await bob.ping()
    place.cut()
    await ann.send("session:bob", note("after"))
    assert payloads(await asyncio.wait_for(waiting, 10)) == ["after"]


async def test_a_subscription_outlives_its_connection_and_misses_nothing_unsaid(ann: Client, place: Place) -> None:
    async with place.connect() as watching:
        events = await watching.subscribe()
        await anext(events)
        place.cut()
        await ann.tag(add=["while-it-was-away"])
        tags: tuple[str, ...] = ()
        while "while-it-was-away" not in tags:
            event = await asyncio.wait_for(anext(events), 10)
            if isinstance(event, Resync):
                tags = event.snapshot.sessions[0].tags
            elif isinstance(event, SessionChanged):
                tags = event.session.tags
        await ann.send("session:ann", note(1))
        while not isinstance(event, MessageSent):
            event = await asyncio.wait_for(anext(events), 10)


async def test_a_subscription_that_others_kept_alive_goes_on_without_a_snapshot(ann: Client, place: Place) -> None:
    async with place.connect() as watching, place.connect() as other:
        others = await other.subscribe()
        events = await watching.subscribe()
        await anext(events)
        peer = place.peers()[-2]
        peer.sink.close()
        await eventually(lambda: watching._line.current is not None and watching._line.current.lost is None)
        await ann.send("session:ann", note(1))
        batch = await asyncio.wait_for(events.next_batch(), 10)
        assert not any(isinstance(event, Resync) for event in batch)
        others.close()


async def test_a_client_whose_session_has_ended_meanwhile_says_so_and_gives_up(
    ann: Client, bob: Client, place: Place
) -> None:
    events = await bob.subscribe()
    await anext(events)
    connections = 0
    connecting = place.server.switchboard.connect

    def counted(sink: Any) -> Peer:
        nonlocal connections
        connections += 1
        return connecting(sink)

    place.server.switchboard.connect = counted  # type: ignore[method-assign]  # to see whether it comes again and again
    ended = asyncio.create_task(ann.end("bob"))
    await ended
    while not isinstance(await asyncio.wait_for(anext(events), 10), SessionEnded):
        pass
    for peer in place.peers():
        if peer.caller.member is not None and peer.caller.member.has_ended:
            peer.sink.close()
    with pytest.raises(SessionNotFound):
        await read_to_end(events)
    await eventually(lambda: not bob._background)  # nobody is left who would try again
    assert connections <= 2
    with pytest.raises(SessionNotFound):
        await bob.receive()


async def test_what_is_unanswered_when_the_client_is_closed_fails(place: Place) -> None:
    async with place.connect() as client:
        await client.join("ann")
        waiting = [asyncio.create_task(client.receive(wait_s=60, after=seq)) for seq in range(2)]
        await client.ping()
    for task in waiting:
        with pytest.raises(ConnectionLost, match="closed"):
            await task
    with pytest.raises(ConnectionLost, match="closed"):
        await client.ping()


async def test_closing_twice_is_closing(place: Place) -> None:
    async with place.connect() as client:
        client.close()
        client.close()


async def test_who_leaves_is_no_longer_connected(ann: Client, place: Place) -> None:
    async with place.connect("ann"):
        assert (await ann.get_session()).attached_clients == 2
    for _ in range(1000):
        if (await ann.get_session()).attached_clients == 1:
            break
    assert (await ann.get_session()).attached_clients == 1


# --------------------------------------------------------------------------------------------- where nobody answers


async def test_where_no_daemon_is_that_is_said_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with pytest.raises(DaemonUnavailable) as caught:
        async with connect(path, start=False):
            pass
    assert caught.value.socket_path == path
    daemon = LocalDaemon()
    with pytest.raises(DaemonUnavailable, match="in-process daemon"):
        async with connect(daemon):
            pass


async def test_patience_with_a_daemon_that_went_away_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "PATIENCE_S", 0.1)
    async with contextlib.AsyncExitStack() as stack:
        async with serve(str(tmp_path / "s"), str(tmp_path / "state"), CONFIG):
            client = await stack.enter_async_context(connect(str(tmp_path / "s"), start=False))
            await client.join("ann")
            events = await client.subscribe()
            await anext(events)
        with pytest.raises(DaemonUnavailable, match=str(tmp_path / "s")):
            await client.ping()
        with pytest.raises(DaemonUnavailable):
            await read_to_end(events)


async def test_who_speaks_something_else_is_told_apart(tmp_path: Path) -> None:
    hung_up = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example.org ESMTP\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_unix_server(greet, str(tmp_path / "s")):
        with pytest.raises(DaemonUnavailable, match="no answer"):
            async with connect(str(tmp_path / "s"), start=False):
                pass
        await asyncio.wait_for(hung_up.wait(), 10)


@contextlib.contextmanager
def listening_as(uid: int, path: str) -> Iterator[None]:
    """Have a process of another user listen at `path`."""
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener, open(reading, "rb") as said:
        listener.bind(path)
        child = os.fork()
        if child == 0:
            os.setuid(uid)
            listener.listen()  # what counts is who does this
            os.write(writing, b"ready")
            os.close(writing)
            signal.pause()
        os.close(writing)
        try:
            assert said.read() == b"ready"
            yield
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
async def test_a_socket_of_another_user_is_not_spoken_to(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with listening_as(65534, path), pytest.raises(DaemonUnavailable, match=r"another user \(uid 65534\) listens there"):
        async with connect(path, start=False):
            pass


# ------------------------------------------------------------------------------------------------- the environment


async def test_who_speaks_is_found_in_the_environment_unless_a_place_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "s")
    async with serve(path, str(tmp_path / "state"), CONFIG), connect(path, start=False) as ann:
        await ann.join("ann")
        monkeypatch.setenv("FUGUE_SOCKET", path)
        monkeypatch.setenv("FUGUE_SESSION", "ann")
        async with connect(start=False) as client:
            assert client.session is not None
            assert client.session.name == "ann"
        async with connect(path, start=False) as client:
            assert client.session is None
        monkeypatch.setenv("FUGUE_SESSION", "")
        async with connect(start=False) as client:
            assert client.session is None


def test_the_names_that_programs_need_are_at_the_top() -> None:
    assert fugue_core.connect is connect
    assert fugue_core.Client is Client


# ---------------------------------------------------------------------------------------------------- kill -9


@pytest.fixture
def daemon(tmp_path: Path) -> Any:
    with Daemon(tmp_path) as daemon:
        yield daemon


def opener(daemon: Daemon) -> Opener:
    return SocketOpener(daemon.socket, start=False)


async def test_identity_tags_and_mail_are_there_again_after_kill_9(daemon: Daemon) -> None:
    async with connect(opener(daemon)) as ann, connect(opener(daemon)) as bob:
        await ann.join("ann")
        info = await bob.join("bob", tags=["x"])
        await ann.send("tag:x", note("before"))
        received = await bob.receive()
        await asyncio.to_thread(daemon.restart)
        await ann.send("tag:x", note("after"))
        assert (await bob.get_session()).id == info.id
        assert payloads(await bob.receive(wait_s=10)) == ["after"]
        async with connect(opener(daemon), session="bob") as again:
            assert (await again.receive()).envelopes[0] == received.envelopes[0]
        assert (await bob.ack(*received.envelopes)).acked == 1


async def test_sends_that_kill_9_left_unanswered_are_neither_lost_nor_doubled(daemon: Daemon) -> None:
    async with connect(opener(daemon)) as ann, connect(opener(daemon)) as bob:
        await ann.join("ann")
        await bob.join("bob")
        sends = [asyncio.create_task(ann.send("session:bob", note(number))) for number in range(300)]
        many = asyncio.create_task(ann.send_many(("session:bob", note(number)) for number in range(300, 1300)))
        await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(daemon.restart)
        receipts = [*(await asyncio.gather(*sends)), *(await many)]
        assert len({receipt.id for receipt in receipts}) == len({receipt.seq for receipt in receipts}) == 1300
        received = [*(await bob.receive(limit=1000)).envelopes, *(await bob.receive(limit=1000)).envelopes]
        assert [envelope.seq for envelope in received] == sorted(receipt.seq for receipt in receipts)
        assert sorted(envelope.message.payload for envelope in received) == list(range(1300))
        assert [envelope.message.payload for envelope in received if envelope.message.payload >= 300] == list(
            range(300, 1300)
        )


async def test_a_subscription_is_told_anew_after_kill_9(daemon: Daemon) -> None:
    async with connect(opener(daemon)) as ann, connect(opener(daemon)) as watching:
        await ann.join("ann")
        events = await watching.subscribe()
        before = await anext(events)
        assert isinstance(before, Resync)
        await asyncio.to_thread(daemon.restart)
        again: Any = None
        while not isinstance(again, Resync):
            again = await asyncio.wait_for(anext(events), 10)
        assert again.snapshot.epoch != before.snapshot.epoch
        assert [info.name for info in again.snapshot.sessions] == ["ann"]
        async with connect(opener(daemon)) as bob:
            await bob.join("bob")
        while not isinstance(again, SessionJoined):
            again = await asyncio.wait_for(anext(events), 10)
        assert again.session.name == "bob"


async def test_a_receive_waits_on_over_kill_9(daemon: Daemon) -> None:
    async with connect(opener(daemon)) as ann, connect(opener(daemon)) as bob:
        await ann.join("ann")
        await bob.join("bob")
        waiting = asyncio.create_task(bob.receive(wait_s=60))
        await bob.ping()
        await asyncio.to_thread(daemon.restart)
        await ann.send("session:bob", note("after"))
        assert payloads(await asyncio.wait_for(waiting, 20)) == ["after"]
