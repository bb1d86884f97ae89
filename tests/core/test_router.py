from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from uuid import UUID, uuid4

import pytest

from fugue_core.errors import (
    InvalidTag,
    InvalidTarget,
    MailboxFull,
    NoRecipients,
    NoRepository,
    ReceiverClosed,
    SessionNotFound,
    WouldBlock,
)
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.target import Broadcast, OrchestrationTarget, Session, Tagged, Worktree
from fugue_core.receiver import MessageReceiver
from fugue_core.router import MessageRouter

ANN, BOB, CAT, DAN, STRANGER = (UUID(int=number) for number in range(1, 6))
BID = OrchestrationMessage("gas_town.bid", {"amount": 75})
AWARD = OrchestrationMessage("gas_town.award", {"to": "cat"})


def town(queue_limit: int = 100) -> tuple[MessageRouter, dict[UUID, MessageReceiver]]:
    """Return a router with four sessions: two in one repository, one in another, one in none."""
    router = MessageRouter(queue_limit)
    receivers = {
        ANN: router.register(ANN, "shop", "/shop", ["mayor"]),
        BOB: router.register(BOB, "shop", "/shop/wt", ["citizen", "builder"]),
        CAT: router.register(CAT, "api", "/api", ["citizen"]),
        DAN: router.register(DAN, None, None, ["citizen"]),
    }
    return router, receivers


def drain(receiver: MessageReceiver) -> list[tuple[UUID, OrchestrationMessage]]:
    received = []
    while len(receiver):
        received.append(receiver.receive_nowait())
    return received


# ------------------------------------------------------------------------------------------- the table of the targets


@pytest.mark.parametrize(
    ("sender", "target", "recipients"),
    [
        (ANN, Tagged("citizen"), (BOB, CAT, DAN)),
        (BOB, Tagged("citizen"), (CAT, DAN)),
        (DAN, Tagged("mayor"), (ANN,)),
        (STRANGER, Tagged("citizen"), (BOB, CAT, DAN)),
        (ANN, Tagged("citizen", "shop"), (BOB,)),
        (CAT, Tagged("citizen", "shop"), (BOB,)),
        (ANN, Session(BOB), (BOB,)),
        (ANN, Session(ANN), (ANN,)),
        (STRANGER, Session(ANN), (ANN,)),
        (ANN, Broadcast(), (BOB,)),
        (BOB, Broadcast(), (ANN,)),
        (CAT, Broadcast(), ()),
        (ANN, Worktree("/shop/wt"), (BOB,)),
        (CAT, Worktree("/shop"), (ANN,)),
        (CAT, Worktree("//shop/./wt/"), (BOB,)),
        (STRANGER, Worktree("/api"), (CAT,)),
    ],
)
def test_who_receives(sender: UUID, target: OrchestrationTarget, recipients: tuple[UUID, ...]) -> None:
    router, receivers = town()
    assert router.resolve(sender, target) == recipients
    assert not any(map(len, receivers.values()))
    assert router.route(sender, target, BID) == recipients
    for session, receiver in receivers.items():
        assert drain(receiver) == ([(sender, BID)] if session in recipients else [])


@pytest.mark.parametrize(
    ("sender", "target", "error", "text"),
    [
        (ANN, Tagged("mayor"), NoRecipients, "no recipient at tag:mayor"),
        (ANN, Tagged("Citizen"), NoRecipients, "no recipient at tag:Citizen"),
        (BOB, Tagged("citizen", "shop"), NoRecipients, "no recipient at tag:citizen in shop"),
        (ANN, Tagged("citizen", "nowhere"), NoRecipients, "no recipient"),
        (ANN, Tagged("mayor", "api"), NoRecipients, "no recipient"),
        (ANN, Session(STRANGER), SessionNotFound, str(STRANGER)),
        (DAN, Broadcast(), NoRepository, str(DAN)),
        (STRANGER, Broadcast(), NoRepository, str(STRANGER)),
        (ANN, Worktree("/shop"), NoRecipients, "no recipient at worktree:/shop"),
        (ANN, Worktree("/nowhere"), NoRecipients, "no recipient at worktree:/nowhere"),
        (ANN, Worktree("shop"), InvalidTarget, "absolute"),
    ],
)
def test_who_does_not(sender: UUID, target: OrchestrationTarget, error: type[Exception], text: str) -> None:
    router, receivers = town()
    with pytest.raises(error, match=text):
        router.resolve(sender, target)
    with pytest.raises(error, match=text):
        router.route(sender, target, BID)
    assert not any(map(len, receivers.values()))


def test_a_prefix_of_a_path_is_another_worktree() -> None:
    router = MessageRouter()
    router.register(ANN, None, "/shop", [])
    router.register(BOB, None, "/shop-2", [])
    assert router.resolve(CAT, Worktree("/shop")) == (ANN,)


def test_who_matches_in_several_ways_gets_one_copy() -> None:
    router = MessageRouter()
    receiver = router.register(ANN, "shop", "/shop", ["mayor", "mayor", "merger"])
    assert router.route(BOB, Tagged("mayor"), BID) == (ANN,)
    assert len(receiver) == 1


# -------------------------------------------------------------------------------------------------------- registration


def test_an_unknown_session_has_no_tags_and_cannot_be_changed() -> None:
    router, _ = town()
    assert not router.is_registered(STRANGER)
    assert router.get_tags(STRANGER) is None
    assert router.add_tag(STRANGER, "mayor") is False
    assert router.remove_tag(STRANGER, "mayor") is False
    assert router.unregister(STRANGER) is False
    assert router.sessions_with_tag("mayor") == [ANN]


def test_a_session_without_tags_is_found_by_what_else_it_is() -> None:
    router = MessageRouter()
    router.register(ANN, "shop", "/shop", [])
    assert router.get_tags(ANN) == frozenset()
    assert router.resolve(BOB, Worktree("/shop")) == (ANN,)
    assert router.resolve(BOB, Session(ANN)) == (ANN,)


def test_registering_again_replaces_all_of_the_scoping_and_keeps_the_place() -> None:
    router, _ = town()
    router.register(BOB, "api", None, ["mayor"])
    assert router.get_tags(BOB) == frozenset({"mayor"})
    assert router.sessions_with_tag("citizen") == [CAT, DAN]
    assert router.sessions_with_tag("builder") == []
    assert router.sessions_in_repo("shop") == [ANN]
    assert router.sessions_in_repo("api") == [BOB, CAT]
    assert router.sessions_with_tag("mayor") == [ANN, BOB]
    assert router.all_sessions() == [ANN, BOB, CAT, DAN]
    assert router.resolve(CAT, Broadcast()) == (BOB,)
    assert router.resolve(ANN, Broadcast()) == ()
    for target in (Worktree("/shop/wt"), Tagged("citizen", "shop"), Tagged("builder")):
        with pytest.raises(NoRecipients):
            router.resolve(ANN, target)


def test_registering_again_closes_the_old_receiver() -> None:
    router, receivers = town()
    router.route(ANN, Session(BOB), BID)
    receiver = router.register(BOB, "shop", None, [])
    router.route(ANN, Session(BOB), AWARD)
    assert receivers[BOB].receive_nowait() == (ANN, BID)
    with pytest.raises(ReceiverClosed):
        receivers[BOB].receive_nowait()
    assert drain(receiver) == [(ANN, AWARD)]


def test_a_refused_registration_changes_nothing() -> None:
    router, receivers = town()
    with pytest.raises(InvalidTag):
        router.register(BOB, "api", None, ["good", "b,ad"])
    with pytest.raises(InvalidTarget):
        router.register(BOB, "api", "relative", ["good"])
    with pytest.raises(InvalidTag, match="at most 64"):
        router.register(BOB, "api", None, map(str, range(65)))
    assert router.get_tags(BOB) == frozenset({"citizen", "builder"})
    assert router.route(ANN, Broadcast(), BID) == (BOB,)
    assert len(receivers[BOB]) == 1


def test_who_is_unregistered_is_gone_from_everywhere() -> None:
    router, receivers = town()
    assert router.unregister(BOB) is True
    assert router.unregister(BOB) is False
    assert router.all_sessions() == [ANN, CAT, DAN]
    assert router.resolve(ANN, Tagged("citizen")) == (CAT, DAN)
    assert router.resolve(ANN, Broadcast()) == ()
    with pytest.raises(SessionNotFound):
        router.resolve(ANN, Session(BOB))
    with pytest.raises(NoRecipients):
        router.resolve(ANN, Worktree("/shop/wt"))
    with pytest.raises(ReceiverClosed):
        receivers[BOB].receive_nowait()


def test_nothing_is_left_behind_when_everybody_has_gone() -> None:
    router, _ = town()
    router.add_tag(ANN, "extra")
    router.resolve(ANN, Tagged("citizen"))
    for session in (ANN, BOB, CAT, DAN):
        router.unregister(session)
    indexes = (router._by_tag, router._by_tag_in_repo, router._by_repo, router._by_worktree, router._registrations)
    assert not any(indexes)


# ---------------------------------------------------------------------------------------------------------------- tags


def test_tags_change_after_registration() -> None:
    router, _ = town()
    assert router.add_tag(CAT, "mayor") is True
    assert router.get_tags(CAT) == frozenset({"citizen", "mayor"})
    assert router.resolve(BOB, Tagged("mayor")) == (ANN, CAT)
    assert router.remove_tag(ANN, "mayor") is True
    assert router.resolve(BOB, Tagged("mayor")) == (CAT,)
    assert router.remove_tag(CAT, "mayor") is True
    with pytest.raises(NoRecipients):
        router.resolve(BOB, Tagged("mayor"))


def test_adding_what_is_there_is_true_and_removing_what_is_not_is_false() -> None:
    router, _ = town()
    assert router.add_tag(ANN, "mayor") is True
    assert router.sessions_with_tag("mayor") == [ANN]
    assert router.remove_tag(ANN, "citizen") is False
    assert router.remove_tag(ANN, "never used") is False


def test_the_order_is_that_of_registration_however_late_a_tag_comes() -> None:
    router, _ = town()
    for session in (DAN, CAT, ANN, BOB):
        router.add_tag(session, "late")
    assert router.sessions_with_tag("late") == [ANN, BOB, CAT, DAN]
    assert router.resolve(STRANGER, Tagged("late")) == (ANN, BOB, CAT, DAN)
    router.remove_tag(ANN, "late")
    router.add_tag(ANN, "late")
    assert router.route(CAT, Tagged("late"), BID) == (ANN, BOB, DAN)


def test_one_sender_sees_the_crowd_as_it_is_now() -> None:
    router, _ = town()
    assert router.resolve(BOB, Tagged("citizen")) == (CAT, DAN)
    router.add_tag(ANN, "citizen")
    assert router.resolve(BOB, Tagged("citizen")) == (ANN, CAT, DAN)
    router.remove_tag(BOB, "citizen")
    assert router.route(BOB, Tagged("citizen"), BID) == (ANN, CAT, DAN)
    router.add_tag(BOB, "citizen")
    assert router.route(BOB, Tagged("citizen"), BID) == (ANN, CAT, DAN)


def test_a_tag_is_checked_where_it_enters() -> None:
    router, _ = town()
    for tag in ("", "a b", "a,b", "x" * 65, "a\n"):
        with pytest.raises(InvalidTag):
            router.add_tag(ANN, tag)
    assert router.get_tags(ANN) == frozenset({"mayor"})


def test_the_65th_tag_is_refused_and_the_64_stay() -> None:
    router = MessageRouter()
    tags = [f"t{number}" for number in range(64)]
    router.register(ANN, None, None, tags)
    with pytest.raises(InvalidTag, match="at most 64, not 65"):
        router.add_tag(ANN, "one-more")
    assert router.add_tag(ANN, "t0") is True
    assert router.get_tags(ANN) == frozenset(tags)
    assert router.sessions_with_tag("one-more") == []


def test_what_was_asked_earlier_does_not_change_under_the_asker() -> None:
    router, _ = town()
    tags, carriers = router.get_tags(ANN), router.sessions_with_tag("citizen")
    carriers.clear()
    router.add_tag(ANN, "other")
    assert tags == frozenset({"mayor"})
    assert router.sessions_with_tag("citizen") == [BOB, CAT, DAN]


# ---------------------------------------------------------------------------------------------------------- full queues


def full(router: MessageRouter, sessions: Iterable[UUID], limit: int) -> None:
    for session in sessions:
        for _ in range(limit):
            router.route(STRANGER, Session(session), AWARD)


def test_a_full_receiver_refuses_and_the_others_still_receive() -> None:
    router, receivers = town(queue_limit=3)
    full(router, [CAT], 3)
    with pytest.raises(MailboxFull) as caught:
        router.route(ANN, Tagged("citizen"), BID)
    assert caught.value.refused == (CAT,)
    assert caught.value.delivered == (BOB, DAN)
    assert (caught.value.message_id, caught.value.seq) == (None, None)
    assert str(CAT) in str(caught.value)
    assert drain(receivers[BOB]) == drain(receivers[DAN]) == [(ANN, BID)]
    assert drain(receivers[CAT]) == [(STRANGER, AWARD)] * 3


def test_where_all_are_full_nobody_received() -> None:
    router, receivers = town(queue_limit=1)
    full(router, [BOB, CAT, DAN], 1)
    with pytest.raises(MailboxFull) as caught:
        router.route(ANN, Tagged("citizen"), BID)
    assert caught.value.refused == (BOB, CAT, DAN)
    assert caught.value.delivered == ()
    assert all(len(receivers[session]) == 1 for session in (BOB, CAT, DAN))


def test_the_sender_s_own_full_receiver_is_nobody_s_affair() -> None:
    router, receivers = town(queue_limit=2)
    full(router, [BOB], 2)
    assert router.route(BOB, Tagged("citizen"), BID) == (CAT, DAN)
    with pytest.raises(MailboxFull):
        router.route(BOB, Session(BOB), BID)
    assert drain(receivers[BOB]) == [(STRANGER, AWARD)] * 2


def test_a_receiver_takes_again_what_it_has_room_for() -> None:
    router, receivers = town(queue_limit=2)
    for _ in range(20):
        full(router, [CAT], 2)
        for _ in range(3):
            with pytest.raises(MailboxFull):
                router.route(ANN, Session(CAT), BID)
        receivers[CAT].receive_nowait()
        assert router.route(ANN, Session(CAT), BID) == (CAT,)
        assert [message for _, message in drain(receivers[CAT])] == [AWARD, BID]


def test_the_limit_is_exact_whatever_else_is_routed_meanwhile() -> None:
    router, receivers = town(queue_limit=10)
    for number in range(40):
        target: OrchestrationTarget = Tagged("citizen") if number % 2 else Session(CAT)
        with contextlib.suppress(MailboxFull):
            router.route(ANN, target, BID)
        assert max(map(len, receivers.values())) <= 10
        if number % 3 == 0 and len(receivers[BOB]):
            receivers[BOB].receive_nowait()
    assert len(receivers[CAT]) == 10


def test_who_is_full_when_it_comes_into_the_crowd_refuses_at_once() -> None:
    router, receivers = town(queue_limit=10)
    full(router, [ANN], 10)
    assert router.route(STRANGER, Tagged("citizen"), BID) == (BOB, CAT, DAN)
    router.add_tag(ANN, "citizen")
    with pytest.raises(MailboxFull) as caught:
        router.route(STRANGER, Tagged("citizen"), BID)
    assert caught.value.refused == (ANN,)
    assert len(receivers[ANN]) == 10


def test_who_joins_with_a_full_crowd_is_served() -> None:
    router, _ = town(queue_limit=1)
    router.route(STRANGER, Tagged("citizen"), BID)
    late = router.register(STRANGER, None, None, ["citizen"])
    with pytest.raises(MailboxFull) as caught:
        router.route(ANN, Tagged("citizen"), BID)
    assert caught.value.delivered == (STRANGER,)
    assert len(late) == 1


# ----------------------------------------------------------------------------------------------------------- receivers


def test_messages_come_in_the_order_of_routing() -> None:
    router, receivers = town()
    messages = [OrchestrationMessage("n", number) for number in range(50)]
    for message in messages:
        router.route(BOB, Session(ANN), message)
    assert len(receivers[ANN]) == 50
    assert drain(receivers[ANN]) == [(BOB, message) for message in messages]
    with pytest.raises(WouldBlock):
        receivers[ANN].receive_nowait()


def test_a_message_is_the_same_object_for_everybody() -> None:
    router, receivers = town()
    router.route(ANN, Tagged("citizen"), BID)
    assert all(receivers[session].receive_nowait()[1] is BID for session in (BOB, CAT, DAN))


async def test_who_waits_is_woken_by_a_message() -> None:
    router, receivers = town()
    waiting = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    router.route(ANN, Tagged("builder"), BID)
    assert await waiting == (ANN, BID)


async def test_a_message_that_is_there_is_received_without_waiting() -> None:
    router, receivers = town()
    router.route(ANN, Session(BOB), BID)
    assert await receivers[BOB].receive() == (ANN, BID)


async def test_several_who_wait_get_one_message_each() -> None:
    router, receivers = town()
    tasks = [asyncio.ensure_future(receivers[BOB].receive()) for _ in range(3)]
    await asyncio.sleep(0)
    messages = [OrchestrationMessage("n", number) for number in range(3)]
    for message in messages:
        router.route(ANN, Session(BOB), message)
    assert [message for _, message in await asyncio.gather(*tasks)] == messages
    assert len(receivers[BOB]) == 0


async def test_a_fan_out_wakes_everybody_who_waits() -> None:
    router = MessageRouter()
    sessions = [uuid4() for _ in range(20)]
    receivers = [router.register(session, None, None, ["all"]) for session in sessions]
    for waiting in (1, 3, 20):
        tasks = [asyncio.ensure_future(receiver.receive()) for receiver in receivers[:waiting]]
        await asyncio.sleep(0)
        router.route(ANN, Tagged("all"), BID)
        assert await asyncio.gather(*tasks) == [(ANN, BID)] * waiting
        for receiver in receivers:
            drain(receiver)
    assert not router._waiting


async def test_who_waits_is_woken_though_another_refused() -> None:
    router, receivers = town(queue_limit=1)
    full(router, [CAT], 1)
    waiting = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    with pytest.raises(MailboxFull):
        router.route(ANN, Tagged("citizen"), BID)
    assert await waiting == (ANN, BID)


async def test_the_sender_is_not_woken_by_its_own_message() -> None:
    router, receivers = town()
    waiting = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    router.route(BOB, Tagged("citizen"), BID)
    await asyncio.sleep(0)
    assert not waiting.done()
    router.route(ANN, Session(BOB), AWARD)
    assert await waiting == (ANN, AWARD)


async def test_cancelling_a_receive_loses_no_message() -> None:
    router, receivers = town()
    first = asyncio.ensure_future(receivers[BOB].receive())
    second = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    router.route(ANN, Session(BOB), BID)
    first.cancel()  # it was woken, and has not run yet
    assert await second == (ANN, BID)
    assert first.cancelled() or first.cancelling()


async def test_a_message_for_one_who_was_cancelled_and_has_not_run_yet_goes_to_the_next() -> None:
    router, receivers = town()
    first = asyncio.ensure_future(receivers[BOB].receive())
    second = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    first.cancel()
    router.route(ANN, Session(BOB), BID)
    assert await second == (ANN, BID)


async def test_a_message_for_one_who_was_cancelled_stays_for_later() -> None:
    router, receivers = town()
    task = asyncio.ensure_future(receivers[BOB].receive())
    await asyncio.sleep(0)
    task.cancel()
    router.route(ANN, Session(BOB), BID)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert receivers[BOB].receive_nowait() == (ANN, BID)
    assert not router._waiting


async def test_who_gave_up_is_no_longer_among_those_who_wait() -> None:
    router, receivers = town()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(receivers[BOB].receive(), 0.001)
    assert not router._waiting


async def test_a_loop_over_a_receiver_ends_when_its_session_has_gone() -> None:
    router, receivers = town()

    async def read() -> list[object]:
        return [message.payload async for _, message in receivers[BOB]]

    reading = asyncio.ensure_future(read())
    for number in range(3):
        router.route(ANN, Session(BOB), OrchestrationMessage("n", number))
        await asyncio.sleep(0)
    router.route(ANN, Session(BOB), OrchestrationMessage("n", 3))
    router.unregister(BOB)
    assert await reading == [0, 1, 2, 3]


async def test_everybody_who_waits_is_told_that_the_session_has_gone() -> None:
    router, receivers = town()
    tasks = [asyncio.ensure_future(receivers[BOB].receive()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    router.unregister(BOB)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ReceiverClosed, asyncio.CancelledError, ReceiverClosed]
    with pytest.raises(ReceiverClosed):
        await receivers[BOB].receive()
    assert not router._waiting
