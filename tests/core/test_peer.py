from __future__ import annotations

import pytest

from fugue_core.daemon.peer import Peer
from fugue_core.errors import NoIdentity
from fugue_core.protocol.requests import Pong
from tests.core.world import RecordingSink


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def peer(sink: RecordingSink) -> Peer:
    return Peer(sink)


def test_all_lines_of_a_turn_go_out_in_one_write(peer: Peer, sink: RecordingSink) -> None:
    peer.out += [b"one\n", b"two\n"]
    peer.flush()
    peer.out.append(b"three\n")
    peer.flush()
    peer.flush()
    assert sink.writes == [b"one\ntwo\n", b"three\n"]


def test_an_answer_has_the_id_of_its_request_and_a_notification_has_none(peer: Peer, sink: RecordingSink) -> None:
    peer.answer(7, Pong(time=1.5))
    peer.answer("a", NoIdentity("session.get"))
    peer.answer(None, Pong(time=1.5))
    peer.answer(None, NoIdentity("session.get"))
    peer.flush()
    result, refusal = sink.take()
    assert result == {"jsonrpc": "2.0", "id": 7, "result": {"time": 1.5}}
    assert (refusal["id"], refusal["error"]["data"]) == ("a", {"name": "NoIdentity", "method": "session.get"})


def test_who_is_to_be_let_go_is_told_everything_first(peer: Peer, sink: RecordingSink) -> None:
    peer.out.append(b"last words\n")
    peer.is_closing = True
    peer.flush()
    assert (sink.writes, sink.is_closed) == ([b"last words\n"], True)


def test_who_has_no_more_to_ask_stays_while_something_is_owed_to_it(peer: Peer, sink: RecordingSink) -> None:
    peer.is_draining = True
    peer.waiting = 1
    peer.flush()
    assert not sink.is_closed
    peer.waiting = 0
    peer.out.append(b"answer\n")
    peer.flush()
    assert (sink.writes, sink.is_closed) == ([b"answer\n"], True)


def test_who_has_no_more_to_ask_and_watches_stays(peer: Peer, sink: RecordingSink) -> None:
    peer.is_draining = True
    peer.is_subscribed = True
    peer.flush()
    assert not sink.is_closed


def test_to_who_has_left_nothing_is_written(peer: Peer, sink: RecordingSink) -> None:
    peer.has_left = True
    peer.is_closing = True
    peer.out.append(b"in vain\n")
    peer.flush()
    assert (sink.writes, sink.is_closed, peer.out) == ([], False, [])
