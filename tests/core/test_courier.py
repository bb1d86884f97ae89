from __future__ import annotations

from uuid import UUID

import pytest

from fugue_core.daemon.courier import Courier, Settled
from fugue_core.daemon.peer import Peer
from fugue_core.hub import Parcel
from fugue_core.protocol.session import SessionId
from tests.core.world import RecordingSink


def parcel(*seqs: int) -> Parcel:
    return Parcel(SessionId(UUID(int=1)), seqs, "test")


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def peer(sink: RecordingSink) -> Peer:
    return Peer(sink)


def send(courier: Courier, peer: Peer, line: bytes, *seqs: int) -> None:
    peer.out.append(line)
    courier.send(peer, parcel(*seqs), is_answered=True)


def test_a_parcel_is_written_when_its_last_byte_has_left_and_not_before(peer: Peer, sink: RecordingSink) -> None:
    courier = Courier()
    sink.is_paused = True
    peer.out.append(b"before\n")
    peer.flush()
    send(courier, peer, b"one\n", 1, 2)
    peer.out.append(b"an event\n")
    send(courier, peer, b"two\n", 3)
    peer.flush()
    ends = {1: len(b"before\none\n"), 2: len(b"before\none\nan event\ntwo\n")}
    for taken_bytes, settled in (
        (ends[1] - 1, []),
        (ends[1], [Settled(parcel(1, 2), is_written=True)]),
        (ends[2] - 1, []),
        (ends[2], [Settled(parcel(3), is_written=True)]),
    ):
        sink.taken_bytes = taken_bytes
        courier.look([peer])
        assert courier.has_settled == bool(settled)
        assert courier.take_settled() == settled
    assert courier._under_way == {}


def test_what_was_not_written_when_the_connection_ends_is_lost_and_the_rest_is_not(
    peer: Peer, sink: RecordingSink
) -> None:
    courier = Courier()
    send(courier, peer, b"one\n", 1)
    peer.flush()
    sink.is_paused = True
    send(courier, peer, b"two\n", 2)
    peer.flush()
    courier.leave(peer)
    assert courier.take_settled() == [Settled(parcel(1), is_written=True), Settled(parcel(2), is_written=False)]
    assert courier._under_way == {}


def test_to_who_has_left_and_to_who_wanted_no_answer_nothing_is_written(peer: Peer) -> None:
    courier = Courier()
    courier.send(peer, parcel(1), is_answered=False)
    peer.has_left = True
    courier.send(peer, parcel(2), is_answered=True)
    assert courier.take_settled() == [Settled(parcel(1), is_written=False), Settled(parcel(2), is_written=False)]


def test_what_was_taken_in_a_turn_that_failed_is_given_out_again_first(peer: Peer) -> None:
    courier = Courier()
    courier.send(peer, parcel(1), is_answered=False)
    taken = courier.take_settled()
    courier.send(peer, parcel(2), is_answered=False)
    courier.put_back(taken)
    assert [settled.parcel.seqs for settled in courier.take_settled()] == [(1,), (2,)]
