from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core import breaker as breaker_module
from fugue_core.errors import BreakerNotFound, ChainTooLong, InvalidParams, NoRecipients, PairTooFast, SessionNotFound
from fugue_core.hub import Caller
from fugue_core.limits import Limits
from fugue_core.protocol.breaker import (
    Breaker,
    BreakerReleased,
    BreakerTripped,
    ChainBreaker,
    ListBreakers,
    PairBreaker,
    ReleaseBreaker,
)
from fugue_core.protocol.events import Event, MessageSent
from fugue_core.protocol.requests import EndSession, Receipt, RenameSession
from tests.core.world import STARTED_AT, World, payloads, sending

LIMITS = Limits(hops=3, pair_turns=4, pair_turns_s=10.0)
UNKNOWN = UUID(int=2**99)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, LIMITS)
    yield world
    world.close()


def chain_down_to(world: World, hops: int, *callers: Caller) -> Receipt:
    """Send a message, and replies to each other until one has so many hops, in turn by these callers to each other."""
    names = [caller.member.record.name for caller in callers if caller.member]
    receipt = world.send(callers[0], f"session:{names[1 % len(names)]}")
    for number in range(1, hops + 1):
        to = names[(number + 1) % len(names)]
        receipt = world.send(callers[number % len(callers)], f"session:{to}", reply_to=receipt.id)
    return receipt


def take_turns(world: World, one: Caller, other: Caller, count: int) -> None:
    """Let two sessions write to each other so often; the first message is a turn, too, where the other wrote last."""
    for speaker, listener in itertools.islice(itertools.cycle([(one, other), (other, one)]), count):
        assert listener.member is not None
        world.send(speaker, f"session:{listener.member.record.name}")


def tripped(world: World) -> tuple[Breaker, ...]:
    found: tuple[Breaker, ...] = world.ask(world.connect(), ListBreakers()).breakers
    return found


def release(world: World, **what: Any) -> Breaker:
    released: Breaker = world.ask(world.connect(), ReleaseBreaker(**what))
    return released


def told(events: list[Event]) -> list[BreakerTripped | BreakerReleased]:
    return [event for event in events if isinstance(event, BreakerTripped | BreakerReleased)]


# -------------------------------------------------------------------------------------------------------------- chains


def test_a_message_that_answers_nothing_is_in_no_chain_and_a_reply_is_in_that_of_what_it_answers(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    first = world.send(ann, "session:bob")
    second = world.send(bob, "session:ann", reply_to=first.id)
    world.send(ann, "session:bob", reply_to=second.id)
    world.send(ann, "session:bob", reply_to=first.id)
    found = [(envelope.chain, envelope.hops) for envelope in world.receive(bob)]
    assert found == [(None, 0), (first.id, 2), (first.id, 1)]


def test_what_answers_a_message_that_is_not_known_is_in_a_chain_that_begins_with_it(world: World) -> None:
    ann = world.join("ann")
    for reply_to in (UNKNOWN, UUID(int=1)):  # later than all that were sent, and earlier
        first = world.send(ann, "session:ann", reply_to=reply_to)
        world.send(ann, "session:ann", reply_to=first.id)
        assert [(found.chain, found.hops) for found in world.receive(ann)] == [(reply_to, 1), (reply_to, 2)]
    own = UUID(int=2**98)
    world.send(ann, "session:ann", id=own, reply_to=own)
    assert [(found.chain, found.hops) for found in world.receive(ann)] == [(own, 1)]


def test_a_chain_is_refused_where_it_is_too_long_and_everything_else_goes_on(world: World) -> None:
    ann, bob, cid = world.join("ann"), world.join("bob"), world.join("cid")
    last = chain_down_to(world, 3, ann, bob, cid)
    chain = world.receive(bob)[0].id
    world.turn()
    with pytest.raises(ChainTooLong) as caught:
        world.send(bob, "session:cid", reply_to=last.id)
    assert (caught.value.chain, caught.value.hops, caught.value.limit) == (chain, 4, 3)
    assert world.hub.last_seq == last.seq
    assert not [event for event in world.turn() if isinstance(event, MessageSent)]
    world.send(bob, "session:cid")
    world.send(cid, "session:bob", reply_to=chain)  # another branch of it, which is short


def test_nobody_there_is_said_before_anything_is_refused(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    last = chain_down_to(world, 3, ann, bob)
    with pytest.raises(NoRecipients):
        world.send(ann, "tag:x", reply_to=last.id)
    assert tripped(world) == ()


def test_a_retry_of_the_last_that_passed_is_answered_as_the_first_time(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    last = chain_down_to(world, 2, ann, bob)
    request = sending("session:ann", reply_to=last.id, id=UUID(int=2**98))
    receipt = world.ask(bob, request)
    world.turn()
    assert world.ask(bob, request) == receipt
    assert tripped(world) == ()


def test_a_chain_that_is_released_may_have_as_many_again_over_restarts_too(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    receipt = chain_down_to(world, 3, ann, bob)
    chain = world.receive(bob)[0].id
    for limit in (3, 6):
        with pytest.raises(ChainTooLong) as caught:
            world.send(bob, "session:ann", reply_to=receipt.id)
        assert caught.value.limit == limit
        released = release(world, chain=chain)
        assert isinstance(released, ChainBreaker)
        assert released.limit == limit
        world.turn()
        world.crash()
        ann, bob = world.connect("ann"), world.connect("bob")
        assert tripped(world) == ()
        for _ in range(3):
            receipt = world.send(bob, "session:ann", reply_to=receipt.id)
    with pytest.raises(ChainTooLong):
        world.send(bob, "session:ann", reply_to=receipt.id)


def test_how_far_a_chain_has_gone_is_known_after_a_restart_and_where_the_cache_has_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(hops=3, envelope_cache_bytes=1))
    ann, bob = world.join("ann"), world.join("bob")
    receipt = chain_down_to(world, 2, ann, bob)
    world.turn()
    world.crash()
    ann, bob = world.connect("ann"), world.connect("bob")
    receipt = world.send(bob, "session:ann", reply_to=receipt.id)
    world.send(ann, "session:ann")
    with pytest.raises(ChainTooLong, match="reply 4 in a row"):
        world.send(ann, "session:bob", reply_to=receipt.id)
    world.close()


def test_so_many_released_chains_are_remembered_and_the_first_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_module, "RELEASED_CHAINS", 2)
    ann, bob = world.join("ann"), world.join("bob")
    ends = []
    for _ in range(3):
        last = chain_down_to(world, 3, ann, ann)
        with pytest.raises(ChainTooLong) as caught:
            world.send(ann, "session:ann", reply_to=last.id)
        release(world, chain=caught.value.chain)
        ends.append((caught.value.chain, last.id))
    world.turn()
    assert list(world.store.load().allowed_hops.items()) == [(chain, 6) for chain, _ in ends[1:]]
    for _, last_id in ends[1:]:
        world.send(bob, "session:ann", reply_to=last_id)
    with pytest.raises(ChainTooLong):
        world.send(bob, "session:ann", reply_to=ends[0][1])


def test_a_chain_may_be_of_any_length_where_the_limit_is_0(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(hops=0))
    ann = world.join("ann")
    chain_down_to(world, 200, ann, ann)
    assert world.receive(ann, limit=1000)[-1].hops == 200
    world.close()


# --------------------------------------------------------------------------------------------------------------- pairs


def test_two_that_answer_each_other_too_often_are_stopped_whichever_writes_and_nobody_else_is(world: World) -> None:
    ann, bob, cid = world.join("ann"), world.join("bob"), world.join("cid")
    take_turns(world, ann, bob, 5)  # the first is none
    for speaker, listener in ((bob, "ann"), (ann, "bob"), (ann, "bob")):
        with pytest.raises(PairTooFast) as caught:
            world.send(speaker, f"session:{listener}")
        error = caught.value
        assert (error.names, error.delivered, error.message_id) == ((listener,), (), None)
        assert (error.session, error.turns, error.turns_s) == ({"ann": "bob", "bob": "ann"}[listener], 4, 10.0)
    take_turns(world, ann, cid, 4)
    take_turns(world, bob, cid, 4)
    assert len(world.receive(ann)) == 4


def test_one_that_only_writes_takes_no_turns_and_neither_does_one_that_writes_to_itself(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    for _ in range(20):
        world.send(ann, "session:bob")
        world.send(ann, "session:ann")
        world.send(ann, "tag:x")
    world.send(bob, "session:ann")
    assert tripped(world) == ()


def test_one_that_wrote_last_may_go_on_where_the_other_s_next_would_be_a_turn_too_many(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    world.send(ann, "session:bob")
    assert tripped(world) == ()
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")
    with pytest.raises(PairTooFast):
        world.send(ann, "session:bob")


def test_turns_are_counted_for_their_time_and_then_anew(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    world.clock.move(10.0)
    take_turns(world, bob, ann, 4)
    world.clock.move(-1.0)  # a clock that is set back
    take_turns(world, bob, ann, 4)
    world.clock.move(9.9)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")


def test_turns_by_way_of_a_tag_count_and_the_others_at_it_receive_what_one_is_refused(world: World) -> None:
    ann, bob = world.join("ann", "x"), world.join("bob", "x")
    dan = world.join("dan", "x")
    for speaker in (ann, bob, ann, bob, ann):
        world.send(speaker, "tag:x")
    request = sending("tag:x", "last", id=UUID(int=2**98))
    errors = []
    for _ in range(2):
        with pytest.raises(PairTooFast) as caught:
            world.ask(bob, request)
        errors.append(caught.value.values())
        world.turn()
    assert errors[0] == errors[1]  # a retry says the same
    assert (caught.value.names, len(caught.value.delivered)) == (("ann",), 1)
    assert payloads(world.receive(dan))[-1] == "last"
    assert "last" not in payloads(world.receive(ann))
    (breaker,) = tripped(world)
    assert breaker.refusals == 1


def test_a_pair_that_is_released_begins_anew(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")
    bob_id = str(world.info("bob").id)
    assert isinstance(release(world, pair=("ann", bob_id)), PairBreaker)
    assert tripped(world) == ()
    take_turns(world, bob, ann, 4)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")


def test_a_pair_is_released_when_one_of_them_ends_and_when_the_daemon_does(world: World) -> None:
    ann, bob, cid = world.join("ann"), world.join("bob"), world.join("cid")
    for other in (bob, cid):
        take_turns(world, ann, other, 5)
        with pytest.raises(PairTooFast):
            take_turns(world, other, ann, 1)
    world.turn()
    world.ask(bob, EndSession())
    (released,) = told(world.turn())
    assert isinstance(released, BreakerReleased)
    assert isinstance(released.breaker, PairBreaker)
    assert [session.name for session in released.breaker.sessions] == ["ann", "bob"]
    assert len(tripped(world)) == 1
    world.crash()
    assert tripped(world) == ()
    world.send(world.connect("cid"), "session:ann")


def test_pairs_are_counted_no_more_where_the_limit_is_0(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(pair_turns=0))
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 100)
    assert tripped(world) == ()
    assert bob.member is not None
    assert bob.member.unanswered == set()
    world.close()


def test_what_is_known_of_pairs_is_bounded_and_forgotten_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_module, "REMEMBERED_PAIRS", 5)
    callers = [world.join(f"s{number}", "x") for number in range(4)]
    breakers = world.hub._breakers
    for _ in range(3):
        for caller in callers:
            world.send(caller, "tag:x")
            remembered = sum(len(caller.member.unanswered) for caller in callers if caller.member)
            assert remembered == breakers._remembered_pairs <= 5
    assert breakers._counts
    world.clock.move(10.0)
    world.hub.tick()
    assert breakers._remembered_pairs == len(breakers._counts) == len(breakers._guarded) == 0
    assert all(not caller.member.unanswered for caller in callers if caller.member)


# ------------------------------------------------------------------------------------------------- listed and released


def test_a_breaker_says_what_was_refused_since_when_and_how_often(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    last = chain_down_to(world, 3, ann, bob)
    chain = world.receive(bob)[0].id
    for seconds in (0, 5, 2):
        world.clock.move(seconds)
        with pytest.raises(ChainTooLong):
            world.send(bob, "session:ann", reply_to=last.id)
    (breaker,) = tripped(world)
    assert breaker == ChainBreaker(
        chain=chain,
        limit=3,
        sender=bob.member.participant() if bob.member else None,  # type: ignore[arg-type]  # it joined
        tripped_at=STARTED_AT,
        refused_at=STARTED_AT + 7,
        refusals=3,
    )
    assert world.hub.snapshot("", 0).breakers == (breaker,)


def test_a_pair_is_shown_by_the_names_that_it_has_now(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")
    world.ask(bob, RenameSession(name="rob"))
    (breaker,) = tripped(world)
    assert isinstance(breaker, PairBreaker)
    assert ([session.name for session in breaker.sessions], breaker.sender.name) == (["ann", "rob"], "rob")
    release(world, pair=("rob", "ann"))


def test_a_breaker_is_told_when_it_trips_once_in_a_while_after_that_and_when_it_is_released(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    world.turn()

    def refuse() -> list[BreakerTripped | BreakerReleased]:
        with pytest.raises(PairTooFast):
            world.send(bob, "session:ann")
        return told(world.turn())

    (first,) = refuse()
    assert isinstance(first, BreakerTripped)
    assert first.breaker.refusals == 1
    assert refuse() == refuse() == []
    world.hub.tick()
    (again,) = told(world.turn())
    assert isinstance(again, BreakerTripped)
    assert again.breaker == tripped(world)[0]
    assert again.breaker.refusals == 3
    world.hub.tick()
    assert told(world.turn()) == []
    release(world, pair=("ann", "bob"))
    assert told(world.turn()) == [BreakerReleased(breaker=again.breaker)]


def test_what_is_not_there_cannot_be_released(world: World) -> None:
    world.join("ann")
    world.join("bob")
    with pytest.raises(BreakerNotFound, match="ann bob"):
        release(world, pair=("ann", "bob"))
    with pytest.raises(BreakerNotFound):
        release(world, chain=UNKNOWN)
    with pytest.raises(SessionNotFound):
        release(world, pair=("ann", "eve"))
    for what in ({}, {"chain": UNKNOWN, "pair": ("ann", "bob")}):
        with pytest.raises(InvalidParams, match="either"):
            release(world, **what)


def test_of_too_many_breakers_the_first_is_released(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_module, "TRIPPED_BREAKERS", 2)
    ann = world.join("ann")
    others = [world.join(f"s{number}") for number in range(3)]
    for other in others:
        take_turns(world, ann, other, 5)
        with pytest.raises(PairTooFast):
            take_turns(world, other, ann, 1)
    kinds = [type(event) for event in told(world.turn())]
    assert kinds == [BreakerTripped, BreakerTripped, BreakerTripped, BreakerReleased]
    assert len(tripped(world)) == 2
    world.send(others[0], "session:ann")


# ---------------------------------------------------------------------------------------------- where a turn is undone


def test_a_release_that_the_disk_refuses_has_not_happened(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    last = chain_down_to(world, 3, ann, bob)
    with pytest.raises(ChainTooLong):
        world.send(ann, "session:bob", reply_to=last.id)
    take_turns(world, ann, bob, 1)
    with pytest.raises(PairTooFast):
        take_turns(world, bob, ann, 1)
    world.turn()
    before = tripped(world)
    assert len(before) == 2
    chain = next(breaker.chain for breaker in before if isinstance(breaker, ChainBreaker))
    release(world, chain=chain)
    release(world, pair=("ann", "bob"))
    world.fail_turn()
    assert told(world.turn()) == []
    assert sorted(map(repr, tripped(world))) == sorted(map(repr, before))
    ann, bob = world.connect("ann"), world.connect("bob")
    with pytest.raises(ChainTooLong):
        world.send(bob, "session:ann", reply_to=last.id)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")


def test_a_refusal_stays_one_where_the_turn_is_undone_and_is_told(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    take_turns(world, ann, bob, 5)
    world.turn()
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")
    world.join("cid")
    world.fail_turn()
    (event,) = told(world.turn())
    assert isinstance(event, BreakerTripped)
    assert tripped(world) == (event.breaker,)


def test_a_pair_of_whom_one_has_not_come_to_be_is_forgotten(world: World) -> None:
    ann = world.join("ann")
    world.turn()
    bob = world.join("bob")
    take_turns(world, ann, bob, 5)
    with pytest.raises(PairTooFast):
        world.send(bob, "session:ann")
    world.fail_turn()
    assert told(world.turn()) == []
    assert tripped(world) == ()
