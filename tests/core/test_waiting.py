from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core.daemon.peer import Peer
from fugue_core.daemon.waiting import Served, WaitingRoom
from fugue_core.errors import SessionNotFound, TooManyWaiting
from fugue_core.limits import Limits
from fugue_core.protocol.requests import EndSession, JoinSession, Received, ReceiveMessages
from tests.core.world import RecordingSink, World, eventually, payloads

FOR_EVER_S = 3600.0


class Room:
    """A waiting room over a hub, and peers in it."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.world = World(directory, limits)
        self.room = WaitingRoom(self.world.hub, limits)
        self.sender = self.world.join("sender")
        self.serve()

    def peer(self, name: str) -> Peer:
        peer = Peer(RecordingSink())
        self.world.hub.bind(peer.caller, None, attach=True)
        self.world.ask(peer.caller, JoinSession(name=name, resume=True))
        return peer

    def park(self, peer: Peer, call_id: int, wait_s: float = FOR_EVER_S, **params: Any) -> None:
        self.room.park(peer, call_id, ReceiveMessages(wait_s=wait_s, **params))

    def send(self, name: str, payload: object) -> None:
        self.world.send(self.sender, f"session:{name}", payload)

    def serve(self) -> list[Served]:
        """Serve at the end of a turn that is stored."""
        served = self.room.serve(self.world.hub.take_arrivals())
        self.world.turn()
        self.room.settle(served)
        return served


def shown(served: list[Served]) -> list[tuple[object, list[Any]]]:
    """Return the id of each call with the payloads that answer it."""
    return [(wait.call_id, payloads(answer.envelopes)) for wait, answer in served if isinstance(answer, Received)]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path, Limits(waiting_requests=3))
    yield room
    room.room.close()
    room.world.close()


async def test_who_waits_is_served_when_something_comes_and_only_then(room: Room) -> None:
    ann, bob = room.peer("ann"), room.peer("bob")
    room.park(ann, 1)
    room.park(bob, 2)
    room.send("bob", "hello")
    assert shown(room.serve()) == [(2, ["hello"])]
    assert (ann.waiting, bob.waiting) == (1, 0)
    assert room.serve() == []
    room.send("ann", "at last")
    assert shown(room.serve()) == [(1, ["at last"])]


async def test_who_waits_for_the_same_twice_is_answered_the_first_time_with_nothing(room: Room) -> None:
    ann = room.peer("ann")
    for call_id in range(1, 1001):
        room.park(ann, call_id)
    assert ann.waiting == 1
    room.send("ann", "a")
    assert shown(room.serve()) == [(1000, ["a"])]


async def test_who_waits_for_several_things_is_given_one_a_turn(room: Room) -> None:
    ann = room.peer("ann")
    room.park(ann, 1, after=0)
    room.park(ann, 2, after=1)
    room.send("ann", "a")
    room.send("ann", "b")
    assert shown(room.serve()) == [(1, ["a", "b"])]
    assert room.room.has_more
    assert shown(room.serve()) == [(2, ["b"])]
    assert not room.room.has_more


async def test_every_connection_of_a_session_is_served(room: Room) -> None:
    first, second = room.peer("ann"), room.peer("ann")
    room.park(first, 1)
    room.park(second, 2)
    room.send("ann", "a")
    assert shown(room.serve()) == [(1, ["a"]), (2, ["a"])]


async def test_who_waits_for_something_later_goes_on_waiting(room: Room) -> None:
    ann = room.peer("ann")
    room.park(ann, 1, after=2)
    room.send("ann", "a")
    room.send("ann", "b")
    assert room.serve() == []
    assert ann.waiting == 1
    room.send("ann", "c")
    assert shown(room.serve()) == [(1, ["c"])]


async def test_who_only_looks_is_served_and_leaves_all_as_it_is(room: Room) -> None:
    ann = room.peer("ann")
    room.park(ann, 1, peek=True)
    room.send("ann", "a")
    assert shown(room.serve()) == [(1, ["a"])]
    assert payloads(room.world.receive(ann.caller)) == ["a"]


async def test_who_waits_for_a_session_that_ends_is_told(room: Room) -> None:
    ann, bob = room.peer("ann"), room.peer("bob")
    room.park(ann, 1)
    room.park(bob, 2)
    room.world.ask(room.sender, EndSession(session="ann"))
    (served,) = room.serve()
    assert (served.wait.peer, served.wait.call_id) == (ann, 1)
    assert isinstance(served.answer, SessionNotFound)
    assert (ann.waiting, bob.waiting) == (0, 1)


async def test_who_was_served_in_a_turn_that_is_undone_waits_on(room: Room) -> None:
    ann = room.peer("ann")
    room.serve()
    room.park(ann, 1)
    room.send("ann", "undone")
    assert shown(room.room.serve(room.world.hub.take_arrivals())) == [(1, ["undone"])]
    room.world.fail_turn()
    assert ann.waiting == 1
    room.send("ann", "done")
    assert shown(room.serve()) == [(1, ["done"])]


async def test_when_the_time_is_over_the_answer_is_empty(room: Room) -> None:
    ann = room.peer("ann")
    room.park(ann, 1, wait_s=0.01)
    room.park(ann, 2)
    sink = ann.sink
    assert isinstance(sink, RecordingSink)
    await eventually(lambda: bool(sink.writes))
    assert sink.take() == [{"jsonrpc": "2.0", "id": 1, "result": {"envelopes": [], "remaining": 0}}]
    assert ann.waiting == 1
    room.send("ann", "a")
    assert shown(room.serve()) == [(2, ["a"])]


async def test_no_more_wait_on_one_connection_than_the_limit(room: Room) -> None:
    ann, again = room.peer("ann"), room.peer("ann")
    for call_id in range(3):
        room.park(ann, call_id, after=call_id)
    with pytest.raises(TooManyWaiting) as caught:
        room.park(ann, 3, after=3)
    assert caught.value.limit == 3
    room.park(again, 4)
    room.send("ann", "a")
    assert len(room.serve()) == 2  # the first of each connection; the others wait for what comes after
    room.park(ann, 5, after=5)


async def test_who_leaves_is_forgotten_and_the_others_go_on(room: Room) -> None:
    ann, again, nobody = room.peer("ann"), room.peer("ann"), Peer(RecordingSink())
    room.park(ann, 1)
    room.park(again, 2)
    for leaver in (ann, ann, nobody):
        room.room.leave(leaver)
    assert ann.waiting == 0
    room.send("ann", "a")
    assert shown(room.serve()) == [(2, ["a"])]
    assert room.room._waits == {}


async def test_nobody_waits_when_it_is_closed(room: Room) -> None:
    ann = room.peer("ann")
    room.park(ann, 1)
    room.park(ann, 2)
    room.room.close()
    room.send("ann", "a")
    assert room.serve() == []
    assert (ann.waiting, room.room._waits) == (0, {})


async def test_a_connection_waits_for_several_answers_and_its_mail_at_once(room: Room) -> None:
    ann = room.peer("ann")
    one, other = UUID(int=1), UUID(int=2)
    room.park(ann, 1, reply_to=one)
    room.park(ann, 2, reply_to=other)
    room.world.send(room.sender, "session:ann", "answer", reply_to=other)
    assert shown(room.serve()) == [(2, ["answer"])]
    room.park(ann, 3, reply_to=one)
    assert ann.waiting == 1
    room.world.send(room.sender, "session:ann", "answer", reply_to=one)
    assert shown(room.serve()) == [(3, ["answer"])]
