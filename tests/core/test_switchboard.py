from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core.daemon.config import Config
from fugue_core.daemon.feed import Feed
from fugue_core.daemon.inquiry import Host, InquiryDesk
from fugue_core.daemon.peer import Peer
from fugue_core.daemon.programs import ProgramHost
from fugue_core.daemon.stage import Stage
from fugue_core.daemon.switchboard import Switchboard
from fugue_core.errors import LineTooLong, StoreUnavailable
from fugue_core.history import History
from fugue_core.hub import Hub
from fugue_core.identifier import new_id
from fugue_core.limits import Limits
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.requests import Software
from fugue_core.record import StoredState
from fugue_core.store import SqliteStore
from fugue_core.validator import Validator
from tests.core.test_inquiry import status_of
from tests.core.world import Clock, RecordingSink, eventually
from tests.e2e.daemon import line_of, payloads, sending

HELLO = {"protocol": {"min": 2, "max": 2}, "client": {"name": "test", "version": "0"}}


class MoodyStore(SqliteStore):
    """A store whose disk takes writes or does not, as the test says.

    Attributes:
        is_full: No commit succeeds, and no probe.
        is_unreadable: Nothing can be loaded either.
        is_broken: There is a bug in it.
    """

    def __init__(self, path: str) -> None:
        self.is_full = self.is_unreadable = self.is_broken = False
        self.loads = 0
        super().__init__(path)

    def commit(self) -> None:
        self._flush()
        if self._is_dirty and self.is_full:
            raise StoreUnavailable("no room")
        super().commit()

    def load(self) -> StoredState:
        if self.is_unreadable:
            raise StoreUnavailable("cannot read either")
        self.loads += 1
        return super().load()

    def save_session(self, record: Any) -> None:
        if self.is_broken:
            raise ZeroDivisionError("a bug of ours")
        super().save_session(record)


class End:
    """The client's end of a connection: what it says is carried out in the next turn, what it is told is read here."""

    def __init__(self, switchboard: Switchboard) -> None:
        self.sink = RecordingSink()
        self._switchboard = switchboard
        self.peer: Peer = switchboard.connect(self.sink)
        self._last_id = 0

    def say(self, *requests: tuple[str, dict[str, Any]]) -> list[int]:
        """Say requests in one go; return their ids."""
        lines = []
        for method, params in requests:
            self._last_id += 1
            lines.append(line_of(self._last_id, method, params) + b"\n")
        self._switchboard.take_lines(self.peer, b"".join(lines))
        return list(range(self._last_id - len(requests) + 1, self._last_id + 1))

    async def told(self, count: int) -> list[dict[str, Any]]:
        """Return the next lines, so many and no more."""
        found: list[dict[str, Any]] = []

        def is_complete() -> bool:
            found.extend(self.sink.take())
            return len(found) >= count

        await eventually(is_complete)
        assert len(found) == count, found
        return found

    async def ask(self, method: str, **params: Any) -> Any:
        """Ask; return the result, or the name of the error."""
        (call_id,) = self.say((method, params))
        (answer,) = await self.told(1)
        assert answer["id"] == call_id
        return outcome(answer)

    async def join(self, name: str, *tags: str) -> None:
        assert (await self.ask("hello", **HELLO))["protocol"] == 2
        assert (await self.ask("session.join", name=name, tags=tags))["name"] == name


def outcome(answer: dict[str, Any]) -> Any:
    return answer["result"] if "result" in answer else answer["error"]["data"]["name"]


class Exchange:
    """A switchboard with its hub, over a moody store."""

    def __init__(self, directory: Path) -> None:
        limits = Limits()
        self.store = MoodyStore(str(directory / "messages.db"))
        self.clock = Clock()
        self.hub = Hub(self.store, limits, self.clock, new_id, lambda _: None, Validator)
        self.history = History(self.store.path)
        self.feed = Feed("epoch", limits, self.hub.snapshot)
        host = Host(pid=1, clock=self.clock, status=status_of, stop=lambda **_: None)
        self.desk = InquiryDesk(self.history, self.feed, limits, host)
        self.session_changes = 0
        self.stage = Stage(self.hub, Config(limits=limits), ProgramHost.local(str(directory)), new_id)
        server = Software(name="fugue", version="0")
        self.switchboard = Switchboard(
            self.hub, self.store, self.feed, self.desk, self.stage, limits, server, self._on_sessions
        )

    def _on_sessions(self) -> None:
        self.session_changes += 1

    def state(self, message: str) -> str:
        """Return what the disk says has become of a message at its only recipient."""
        (delivery,) = self.history.record(MessageId(UUID(message))).deliveries
        return delivery.state

    def error(self) -> StoreUnavailable | None:
        return self.switchboard.store_error

    def end(self) -> End:
        return End(self.switchboard)

    async def joined(self, name: str, *tags: str) -> End:
        end = self.end()
        await end.join(name, *tags)
        return end

    async def close(self) -> None:
        await self.switchboard.close()
        self.history.close()
        self.store.close()


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    exchange = Exchange(tmp_path)
    yield exchange
    await exchange.close()


# --------------------------------------------------------------------------------------------------------- turns


async def test_all_that_was_read_at_once_shares_one_commit_and_one_write_for_each_peer(exchange: Exchange) -> None:
    ends = [await exchange.joined(f"s{number}", "x") for number in range(5)]
    commits = exchange.store.commit_count
    for end in ends:
        end.say(*[("message.send", sending("tag:x", number)) for number in range(20)])
        end.say(("session.tag", {"add": ["y"]}))
    await eventually(lambda: all(end.sink.writes for end in ends))
    assert exchange.store.commit_count == commits + 1
    assert [len(end.sink.writes) for end in ends] == [1] * 5
    assert all("result" in answer for end in ends for answer in end.sink.take())


async def test_nobody_is_told_of_anything_before_it_is_on_disk(exchange: Exchange) -> None:
    ann, watcher = await exchange.joined("ann"), await exchange.joined("watcher")
    await watcher.ask("events.subscribe")
    exchange.store.is_full = True
    ann.say(("message.send", sending("session:ann", 1)))
    (answer,) = await ann.told(1)
    assert outcome(answer) == "StoreUnavailable"
    assert watcher.sink.writes == []


async def test_requests_of_one_peer_are_carried_out_and_answered_in_their_order(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    ids = ann.say(
        ("session.tag", {"add": ["x"]}),
        ("message.send", sending("session:ann", 1)),
        ("session.tag", {"remove": ["x"]}),
        ("session.get", {}),
    )
    answers = await ann.told(4)
    assert [answer["id"] for answer in answers] == ids
    assert [outcome(answer).get("tags") for answer in answers] == [["x"], None, [], []]


async def test_one_s_own_answer_comes_before_the_event_of_it(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    await ann.ask("events.subscribe")
    ann.say(("message.send", sending("session:ann", 1)), ("session.list", {}))
    first, second, event = await ann.told(3)
    assert ("result" in first, "result" in second, event["method"]) == (True, True, "event")


async def test_who_subscribes_in_the_turn_of_a_change_has_it_in_the_snapshot_and_not_again(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    ann.say(("session.tag", {"add": ["x"]}), ("events.subscribe", {}), ("session.tag", {"add": ["y"]}))
    *_, subscribed = await ann.told(3)
    snapshot = subscribed["result"]["snapshot"]
    assert snapshot["sessions"][0]["tags"] == ["x", "y"]
    await ann.ask("ping")


async def test_whoever_cares_is_told_when_sessions_change_and_not_when_messages_are_sent(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    changes = exchange.session_changes
    await ann.ask("message.send", **sending("session:ann", 1))
    assert exchange.session_changes == changes
    await ann.ask("session.tag", add=["x"])
    assert exchange.session_changes == changes + 1


async def test_a_line_that_was_too_long_is_refused_among_the_answers(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    exchange.switchboard.take_lines(ann.peer, line_of(9, "ping", {}) + b"\n", LineTooLong(10, 5))
    answers = {answer["id"]: answer for answer in await ann.told(2)}
    assert outcome(answers[9]) == {"time": exchange.clock.now}
    assert outcome(answers[None]) == "LineTooLong"  # nobody knows whose it was


async def test_who_is_closed_is_not_listened_to(exchange: Exchange) -> None:
    end = exchange.end()
    end.say(("session.join", {"name": "ann"}), ("hello", HELLO), ("session.join", {"name": "ann"}))
    (refused,) = await end.told(1)
    assert outcome(refused) == "ProtocolMismatch"
    assert end.sink.is_closed
    assert exchange.hub.session_count == 0


async def test_who_has_left_is_no_longer_connected_and_what_it_had_asked_is_done(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    ann.say(("session.tag", {"add": ["x"]}))
    exchange.switchboard.disconnect(ann.peer)
    listed = await bob.ask("session.list")
    assert [(info["name"], info["tags"], info["attached_clients"]) for info in listed["sessions"]] == [
        ("ann", ["x"], 1),
        ("bob", [], 1),
    ]
    listed = await bob.ask("session.list")
    assert [info["attached_clients"] for info in listed["sessions"]] == [0, 1]
    assert exchange.switchboard.connection_count == 1
    assert ann.sink.writes == []


async def test_closing_carries_out_what_was_read_answers_it_and_lets_everybody_go(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    bob.say(("message.receive", {"wait_s": 60}))
    ann.say(("message.send", sending("session:ann", "last")))
    await exchange.close()
    (answer,) = await ann.told(1)
    assert outcome(answer)["seq"] == 1
    assert ann.sink.is_closed
    assert bob.sink.is_closed
    with_history = History(str(tmp_path / "messages.db"))
    assert with_history.count() == 1
    with_history.close()


# ------------------------------------------------------------------------------------------------- bulky answers


async def test_of_bulky_answers_one_is_owed_at_a_time_and_all_come_in_the_order_of_asking(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    ids = ann.say(
        ("session.list", {}),
        ("session.tag", {"add": ["x"]}),
        ("session.list", {}),
        ("session.tag", {"add": ["y"]}),
        ("session.list", {}),
    )
    await eventually(lambda: len(ann.sink.writes) == 3)
    assert [write.count(b"\n") for write in ann.sink.writes] == [2, 2, 1]
    answers = ann.sink.take()
    assert [answer["id"] for answer in answers] == ids
    assert [answer["result"]["sessions"][0]["tags"] for answer in answers[::2]] == [[], ["x"], ["x", "y"]]


async def test_while_something_waits_no_more_is_read_from_that_peer_and_the_others_go_on(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    ann.say(*[("session.list", {})] * 2000)
    bob.say(("session.tag", {"add": ["x"]}))
    (answer,) = await bob.told(1)
    assert outcome(answer)["tags"] == ["x"]
    assert len(ann.sink.writes) < 1000
    assert not ann.sink.is_listening
    assert bob.sink.is_listening
    await ann.told(2000)
    assert ann.sink.is_listening


async def test_what_a_peer_asks_that_does_not_read_waits_until_it_does(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    ann.sink.is_paused = True
    ann.say(("session.tag", {"add": ["x"]}), ("session.list", {}))
    await bob.ask("ping")
    await bob.ask("ping")
    assert ann.sink.writes == []
    ann.sink.is_paused = False
    exchange.switchboard.resume(ann.peer)
    tagged, listed = await ann.told(2)
    assert outcome(tagged)["tags"] == outcome(listed)["sessions"][0]["tags"] == ["x"]


@pytest.mark.parametrize("is_paused", [False, True])
async def test_what_waits_for_a_peer_that_leaves_is_carried_out(exchange: Exchange, *, is_paused: bool) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    ann.sink.is_paused = is_paused
    ann.say(*[("session.list", {})] * 3, ("session.tag", {"add": ["x"]}))
    await bob.ask("ping")
    exchange.switchboard.disconnect(ann.peer)
    await bob.ask("ping")
    assert (await bob.ask("session.get", session="ann"))["tags"] == ["x"]
    assert not ann.peer.deferred


async def test_what_waits_when_it_is_closed_is_carried_out_and_answered(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    ann = await exchange.joined("ann")
    ann.say(*[("session.list", {})] * 3, ("session.tag", {"add": ["x"]}))
    await exchange.close()
    assert outcome((await ann.told(4))[-1])["tags"] == ["x"]


async def test_many_bulky_requests_in_one_go_cost_in_proportion_to_their_number(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    started = time.process_time()
    ann.say(*[("session.list", {})] * 4000)
    await ann.told(4000)
    assert time.process_time() - started < 3  # a second; going through all that waits in each turn takes many


# ---------------------------------------------------------------------------------------------- when the disk refuses


async def test_a_turn_that_cannot_be_stored_is_undone_for_everybody_who_changed_something_in_it(
    exchange: Exchange,
) -> None:
    ann, bob, watcher = [await exchange.joined(name, "x") for name in ("ann", "bob", "watcher")]
    await watcher.ask("events.subscribe")
    exchange.store.is_full = True
    ann.say(("message.send", sending("tag:x", 1)), ("session.tag", {"add": ["y"]}))
    bob.say(("message.receive", {}), ("ping", {}))
    assert [outcome(answer) for answer in await ann.told(2)] == ["StoreUnavailable"] * 2
    assert [outcome(answer) for answer in await bob.told(2)] == ["StoreUnavailable", {"time": exchange.clock.now}]
    assert str(exchange.error()) == "the store cannot write: no room"
    assert [info["tags"] for info in (await bob.ask("session.list"))["sessions"]] == [["x"]] * 3
    exchange.store.is_full = False
    assert (await ann.ask("message.send", **sending("tag:x", 2)))["seq"] == 1
    assert exchange.error() is None
    assert payloads((await bob.ask("message.receive"))["envelopes"]) == [2]
    events = [line["params"]["event"] for line in watcher.sink.take()]
    assert [event["envelope"]["message"]["payload"] for event in events if event["kind"] == "message.sent"] == [2]


async def test_refusals_that_were_refusals_anyway_stay_what_they_were(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    exchange.store.is_full = True
    ann.say(
        ("session.get", {"session": "nobody"}), ("message.send", sending("session:ann")), ("session.tag", {"add": [""]})
    )
    names = [outcome(answer) for answer in await ann.told(3)]
    assert names == ["SessionNotFound", "StoreUnavailable", "InvalidTag"]


async def test_while_the_disk_refuses_nothing_is_loaded_again_and_little_is_logged(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await exchange.joined("ann")
    exchange.store.is_full = True
    assert await ann.ask("message.send", **sending("session:ann")) == "StoreUnavailable"
    loads, records = exchange.store.loads, len(caplog.records)
    for _ in range(20):
        assert await ann.ask("message.send", **sending("session:ann")) == "StoreUnavailable"
    assert exchange.store.loads == loads
    assert len(caplog.records) == records


async def test_who_waits_goes_on_waiting_through_it(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    (waiting,) = bob.say(("message.receive", {"wait_s": 60}))
    await ann.ask("ping")
    exchange.store.is_full = True
    assert await ann.ask("message.send", **sending("session:bob", "undone")) == "StoreUnavailable"
    assert bob.sink.writes == []
    exchange.store.is_full = False
    assert (await ann.ask("message.send", **sending("session:bob", "done")))["seq"] == 1
    (answer,) = await bob.told(1)
    assert answer["id"] == waiting
    assert payloads(answer["result"]["envelopes"]) == ["done"]


async def test_what_was_written_while_the_disk_was_full_is_handed_when_it_is_not(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    sent = await ann.ask("message.send", **sending("session:ann", "there"))
    exchange.store.is_full = True
    assert payloads((await ann.ask("message.receive"))["envelopes"]) == ["there"]
    await eventually(lambda: exchange.error() is not None)
    assert exchange.state(sent["id"]) == "queued"
    assert await ann.ask("message.receive", after=0) == "StoreUnavailable"
    exchange.store.is_full = False
    await ann.ask("ping")
    await eventually(lambda: exchange.state(sent["id"]) == "handed")


async def test_who_was_served_in_a_turn_that_failed_is_told_to_ask_again_and_finds_its_mail(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    await ann.ask("message.send", **sending("session:ann", "there"))
    exchange.store.is_full = True
    ann.say(("message.receive", {}))
    bob.say(("session.tag", {"add": ["x"]}))
    assert [outcome(answer) for answer in await ann.told(1)] == ["StoreUnavailable"]
    exchange.store.is_full = False
    assert payloads((await ann.ask("message.receive"))["envelopes"]) == ["there"]


async def test_a_join_and_a_hello_for_it_in_a_turn_that_fails_have_both_not_happened(exchange: Exchange) -> None:
    ann, bob = exchange.end(), exchange.end()
    assert (await ann.ask("hello", **HELLO))["session"] is None
    exchange.store.is_full = True
    ann.say(("session.join", {"name": "ann"}))
    bob.say(("hello", {**HELLO, "session": "ann"}))
    assert [outcome(answer) for answer in await ann.told(1)] == ["StoreUnavailable"]
    assert [outcome(answer) for answer in await bob.told(1)] == ["StoreUnavailable"]
    exchange.store.is_full = False
    assert (await ann.ask("session.join", name="ann"))["attached_clients"] == 1
    assert (await bob.ask("hello", **HELLO, session="ann"))["session"]["attached_clients"] == 2
    assert (await bob.ask("session.get"))["name"] == "ann"


async def test_errands_wait_for_the_disk_and_are_undone_with_their_turn(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    session = exchange.hub.snapshot("", 0).sessions[0].id
    exchange.store.is_full = True
    for _ in range(3):
        exchange.switchboard.run_errand(lambda: exchange.hub.end(session))  # type: ignore[arg-type]  # a UUID it is
        await ann.ask("ping")
        assert exchange.hub.session_count == 1
    exchange.store.is_full = False
    exchange.switchboard.run_errand(lambda: exchange.hub.end(session))  # type: ignore[arg-type]  # a UUID it is
    await ann.ask("ping")
    assert exchange.hub.session_count == 0


async def test_where_not_even_reading_works_nothing_is_changed_until_it_does(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")
    exchange.store.is_full = exchange.store.is_unreadable = True
    assert await ann.ask("session.tag", add=["x"]) == "StoreUnavailable"
    exchange.store.is_full = False
    assert await ann.ask("session.tag", add=["y"]) == "StoreUnavailable"
    exchange.store.is_unreadable = False
    assert (await ann.ask("session.tag", add=["z"]))["tags"] == ["z"]


# ---------------------------------------------------------------------------------------------------- a bug of ours


async def test_a_bug_costs_its_turn_and_nothing_more(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    exchange.store.is_broken = True
    bob.say(("message.send", sending("session:bob", "before")))
    ann.say(("session.tag", {"add": ["x"]}), ("session.get", {}))
    bob.say(("message.send", sending("session:bob", "after")))
    tagged, looked = await ann.told(2)
    assert tagged["error"]["data"] == {"name": "InternalError", "reason": "ZeroDivisionError: a bug of ours"}
    assert outcome(looked)["tags"] == []
    before, after = await bob.told(2)
    assert (outcome(before), outcome(after)["seq"]) == ("InternalError", 1)
    assert payloads((await bob.ask("message.receive"))["envelopes"]) == ["after"]
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
    exchange.store.is_broken = False
    assert (await ann.ask("session.tag", add=["x"]))["tags"] == ["x"]


async def test_what_was_sent_after_a_bug_in_the_same_turn_is_known_when_it_is_sent_again(exchange: Exchange) -> None:
    ann, bob = await exchange.joined("ann"), await exchange.joined("bob")
    message = {"id": str(new_id()), **sending("session:bob", "once")}
    exchange.store.is_broken = True
    bob.say(("session.tag", {"add": ["x"]}))
    ann.say(("message.send", message))
    (first,) = await ann.told(1)
    assert outcome(first)["seq"] == 1
    assert await ann.ask("message.send", **message) == outcome(first)
    await bob.told(1)
    assert payloads((await bob.ask("message.receive"))["envelopes"]) == ["once"]


async def test_a_bug_in_an_errand_costs_nobody_anything_but_the_turn(exchange: Exchange) -> None:
    ann = await exchange.joined("ann")

    def broken() -> None:
        raise ZeroDivisionError("for a test")

    exchange.switchboard.run_errand(broken)
    await ann.ask("ping")
    assert (await ann.ask("message.send", **sending("session:ann")))["seq"] == 1
