"""What was sent lately: bounded, found by seq and by id, and the newest stay."""

from __future__ import annotations

from uuid import UUID

import msgspec

from fugue_core.identifier import new_id
from fugue_core.protocol.envelope import Envelope, Participant
from fugue_core.protocol.message import MessageId, PackedMessage
from fugue_core.protocol.target import Broadcast
from fugue_core.recent import EnvelopeCache, SentIds

ANN = Participant(id=UUID(int=1), name="ann")


def envelope(seq: int) -> Envelope:
    packed = PackedMessage("note", msgspec.Raw(b"1"))
    return Envelope(id=UUID(int=1000 + seq), seq=seq, sender=ANN, target=Broadcast(), sent_at=0.0, packed=packed)


def test_an_envelope_is_found_by_its_seq_and_its_id() -> None:
    cache = EnvelopeCache(100)
    kept = envelope(7)
    cache.put(kept, 10)
    assert cache.get(7) is kept
    assert cache.seq_of(kept.id) == 7
    assert cache.get(8) is None
    assert cache.seq_of(UUID(int=3)) is None


def test_the_oldest_make_room_for_the_newest() -> None:
    cache = EnvelopeCache(100)
    for seq in range(1, 1001):
        cache.put(envelope(seq), 10)
    assert [seq for seq in range(1, 1001) if cache.get(seq)] == list(range(991, 1001))
    assert [seq for seq in range(1, 1001) if cache.seq_of(UUID(int=1000 + seq))] == list(range(991, 1001))


def test_one_that_is_larger_than_the_whole_is_kept_until_the_next() -> None:
    cache = EnvelopeCache(100)
    cache.put(envelope(1), 5000)
    assert cache.get(1) is not None
    cache.put(envelope(2), 10)
    assert (cache.get(1), cache.get(2) is not None) == (None, True)


def test_within_a_turn_an_id_is_new_once() -> None:
    ids = SentIds(100)
    ids.begin_turn([MessageId(UUID(int=50))])
    assert [ids.is_new(50), ids.is_new(60), ids.is_new(60), ids.is_new(200), ids.is_new(200)] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert ids.greatest == 200


def test_outside_of_a_turn_nothing_is_trusted() -> None:
    ids = SentIds(0)
    assert not ids.is_new(5)
    ids.begin_turn([])
    ids.end_turn()
    assert not ids.is_new(6)


def test_only_ids_that_are_not_greater_than_all_before_have_to_be_looked_up() -> None:
    ids = SentIds(new_id().int)
    assert ids.may_be_known(5)
    assert not ids.may_be_known(new_id().int)
