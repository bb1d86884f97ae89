from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import (
    DeliveryRefused,
    FugueError,
    InvalidMessageType,
    InvalidPayload,
    InvalidTag,
    InvalidTarget,
    MailboxShareFull,
    MessageIdExists,
    NoRecipients,
    NoRepository,
    SessionNotFound,
)
from fugue_core.history import History
from fugue_core.hub import Caller
from fugue_core.limits import PAYLOAD_DEPTH, Limits
from fugue_core.post import ENVELOPE_BYTES
from fugue_core.protocol.envelope import Envelope, Participant
from fugue_core.protocol.events import DeliveriesChanged, MessageSent
from fugue_core.protocol.message import MessageId, PackedMessage
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    AckMessages,
    EndSession,
    Handed,
    HandMessages,
    Receipt,
    Received,
    ReceiveMessages,
    RenameSession,
    ResolveTarget,
    SendMessage,
)
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree
from fugue_core.recent import EnvelopeCache
from tests.core.world import World, payloads, sending

MESSAGE_ID = UUID(int=4711)
BOB_ID = UUID("0190abcd-ef01-7abc-8def-0123456789ab")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def names(receipt: Receipt) -> list[str]:
    return [recipient.name for recipient in receipt.recipients]


def refused_by(world: World, caller: Caller, request: Request) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as caught:
        world.ask(caller, request)
    return caught.value


# ------------------------------------------------------------------------------------------------------------ sending


def test_a_receipt_says_who_receives_it_in_order_of_registration_and_who_is_connected(world: World) -> None:
    bob = world.join("bob", "x")
    ann = world.join("ann", "x")
    world.join("cid", "x")
    world.hub.leave(bob)
    receipt = world.send(ann, "tag:x", {"n": 1})
    assert [(recipient.name, recipient.is_connected) for recipient in receipt.recipients] == [
        ("bob", False),
        ("cid", True),
    ]
    assert receipt.seq == world.hub.last_seq == 1


@pytest.mark.parametrize(
    ("target", "recipients"),
    [
        ("tag:x", ["near", "far", "other"]),
        (Tagged("x", "repo"), ["near", "far"]),
        ("session:far", ["far"]),
        ("session:ann", ["ann"]),
        ("broadcast", ["near", "far"]),
        ("worktree:/w", ["near"]),
        (Worktree("/v/../w/"), ["near"]),
    ],
)
def test_a_message_goes_to_whom_its_target_names(world: World, target: WireTarget | str, recipients: list[str]) -> None:
    ann = world.join("ann", "x", repo="repo", worktree="/w")
    callers = {
        "ann": ann,
        "near": world.join("near", "x", repo="repo", worktree="/w/"),
        "far": world.join("far", "x", repo="repo", worktree="/v"),
        "other": world.join("other", "x", repo="elsewhere"),
    }
    sent = sending(target, "hello")
    resolved = world.ask(ann, ResolveTarget(target=sent.target))
    receipt = world.ask(ann, sent)
    assert names(receipt) == recipients
    assert resolved.recipients == receipt.recipients
    assert [name for name, caller in callers.items() if world.receive(caller)] == recipients


def test_a_message_is_told_of_with_its_recipients(world: World) -> None:
    ann, _ = world.join("ann"), world.join("bob", "x")
    world.turn()
    receipt = world.send(ann, "tag:x", {"n": 1}, "greeting", reply_to=UUID(int=5))
    (event,) = world.turn()
    assert isinstance(event, MessageSent)
    assert (event.recipients, event.refused) == (receipt.recipients, ())
    envelope = event.envelope
    assert (envelope.id, envelope.seq, envelope.sender.name) == (receipt.id, receipt.seq, "ann")
    assert (envelope.target, envelope.sent_at, envelope.reply_to) == (Tagged("x"), world.clock.now, UUID(int=5))
    assert (envelope.message.msg_type, envelope.message.payload) == ("greeting", {"n": 1})


@pytest.mark.parametrize(
    ("target", "error", "said"),
    [
        (Tagged("nobody"), NoRecipients, "tag:nobody"),
        (Tagged("own"), NoRecipients, "tag:own"),
        (Tagged("x", "elsewhere"), NoRecipients, "tag:x in elsewhere"),
        (Tagged("not a tag"), InvalidTag, "'not a tag'"),
        (Tagged(""), InvalidTag, "''"),
        (SessionNamed("bbo"), SessionNotFound, "did you mean bob"),
        (Worktree("/nowhere"), NoRecipients, "worktree:/nowhere"),
        (Worktree("relative"), InvalidTarget, "'relative'"),
        (Broadcast(), NoRepository, "has none"),
    ],
)
def test_where_nobody_is_nothing_is_stored(
    world: World, target: WireTarget, error: type[FugueError], said: str
) -> None:
    ann, _ = world.join("ann", "own"), world.join("bob", "x")
    world.turn()
    for request in (sending(target), ResolveTarget(target=target)):
        with pytest.raises(error, match=said):
            world.ask(ann, request)
    assert world.turn() == []
    assert world.hub.last_seq == 0


def test_a_broadcast_that_meets_nobody_is_sent_all_the_same(world: World) -> None:
    ann = world.join("ann", repo="r")
    receipt = world.send(ann, "broadcast")
    assert receipt.recipients == ()
    assert world.hub.last_seq == receipt.seq


@pytest.mark.parametrize("msg_type", ["", "a b", "a\n", "x" * 129])
def test_a_bad_message_type_is_refused(world: World, msg_type: str) -> None:
    ann = world.join("ann")
    with pytest.raises(InvalidMessageType):
        world.send(ann, "session:ann", msg_type=msg_type)


def test_a_payload_is_nested_as_deeply_as_the_limit_and_no_deeper(world: World) -> None:
    ann = world.join("ann")
    for depth in (PAYLOAD_DEPTH, PAYLOAD_DEPTH + 1):
        payload = b"[" * depth + b"]" * depth
        request = SendMessage(target=SessionNamed("ann"), packed=PackedMessage("deep", msgspec.Raw(payload)))
        if depth == PAYLOAD_DEPTH:
            world.ask(ann, request)
        else:
            with pytest.raises(InvalidPayload, match="257 levels"):
                world.ask(ann, request)


@pytest.mark.parametrize(
    "payload", [b"1e400", b'{"b":1,"a":2,"b":3}', b"12345678901234567890123", b" [ 1 ,2]", '"é\\u00e9"'.encode()]
)
def test_a_payload_is_carried_byte_for_byte_from_memory_and_from_disk(world: World, payload: bytes) -> None:
    ann = world.join("ann")
    world.ask(ann, SendMessage(target=SessionNamed("ann"), packed=PackedMessage("raw", msgspec.Raw(payload))))
    assert [bytes(envelope.packed.payload) for envelope in world.receive(ann)] == [payload]
    world.turn()
    world.crash()
    assert [bytes(envelope.packed.payload) for envelope in world.receive(world.connect("ann"))] == [payload]


# ------------------------------------------------------------------------------------------------ the same id again


def test_the_same_id_again_is_answered_with_the_first_receipt_and_delivers_once(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    request = sending("tag:x", {"n": 1}, id=MESSAGE_ID)
    first = world.ask(ann, request)
    assert world.ask(ann, request) == first  # within the turn
    world.turn()
    assert world.ask(ann, request) == first
    assert world.turn() == []
    world.crash()
    ann, bob = world.connect("ann"), world.connect("bob")
    assert world.ask(ann, request) == first
    assert payloads(world.receive(bob)) == [{"n": 1}]


@pytest.mark.parametrize("is_foreseen", [False, True])
def test_the_same_id_again_in_one_turn_delivers_once_whether_or_not_the_turn_looked_ahead(
    world: World, *, is_foreseen: bool
) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    world.turn()
    request = sending("tag:x", 1, id=MESSAGE_ID)
    for _ in range(2):  # a second turn, in which the store knows it
        if is_foreseen:
            world.hub.foresee([request, request])
        assert world.ask(ann, request) == world.ask(ann, request)
        world.turn()
    assert payloads(world.receive(bob)) == [1]


def test_an_id_whose_first_send_was_refused_is_free_within_the_turn(world: World) -> None:
    ann = world.join("ann")
    request = sending("tag:x", 1, id=MESSAGE_ID)
    world.hub.foresee([request, request, request])
    with pytest.raises(NoRecipients):
        world.ask(ann, request)
    bob = world.join("bob", "x")
    assert world.ask(ann, request) == world.ask(ann, request)
    assert payloads(world.receive(bob)) == [1]


def test_the_same_id_again_after_a_turn_that_failed_sends_it(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    world.turn()
    request = sending("tag:x", 1, id=MESSAGE_ID)
    world.hub.foresee([request])
    world.ask(ann, request)
    world.fail_turn()
    world.turn()
    receipt = world.ask(ann, request)
    assert world.ask(ann, request) == receipt
    assert payloads(world.receive(bob)) == [1]


def test_an_id_that_the_daemon_gave_is_known_again_when_a_client_comes_with_it(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    first = world.send(ann, "tag:x", 1)
    world.turn()
    again, other = sending("tag:x", 1, id=first.id), sending("tag:x", 2, id=first.id)
    world.hub.foresee([again, other])
    assert world.ask(ann, again) == first
    with pytest.raises(MessageIdExists):
        world.ask(ann, other)
    world.turn()
    assert payloads(world.receive(bob)) == [1]


def test_what_was_sent_in_a_turn_that_did_not_look_ahead_is_known_in_one_that_does(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x")
    request = sending("tag:x", 1, id=MESSAGE_ID)
    first = world.ask(ann, request)
    world.turn()
    world.hub.foresee([request])
    assert world.ask(ann, request) == first
    world.turn()
    assert payloads(world.receive(bob)) == [1]


class Choice(NamedTuple):
    """Which id a send comes with: one of the client's own, one of those that the daemon has given, or none."""

    own: int | None = None
    given: int | None = None


choices = st.one_of(
    st.integers(1, 6).map(lambda number: Choice(own=number)),
    st.integers(0, 2).map(lambda number: Choice(given=number)),
    st.just(Choice()),
)


@given(st.lists(st.lists(choices, max_size=5), max_size=5), st.booleans())
def test_in_whatever_turns_and_order_ids_come_each_delivers_once(turns: list[list[Choice]], is_foreseen: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory))
        ann = world.join("ann")
        receipts: dict[UUID, Receipt] = {}
        given_ids: list[UUID] = []
        for chosen in turns:
            requests = []
            for choice in chosen:
                message_id = None if choice.own is None else UUID(int=100 * choice.own + 1)
                if choice.given is not None and choice.given < len(given_ids):
                    message_id = given_ids[choice.given]
                requests.append(sending("session:ann", 1, id=message_id))
            if is_foreseen:
                world.hub.foresee(requests)
            for request in requests:
                receipt = world.ask(ann, request)
                assert request.id in {None, receipt.id}
                assert receipts.setdefault(receipt.id, receipt) == receipt
                if request.id is None:
                    given_ids.append(receipt.id)
            world.turn()
        handed = [envelope.id for envelope in world.receive(ann, after=0)]
        assert handed == list(receipts)
        world.close()


@pytest.mark.parametrize(
    "changed",
    [
        sending("tag:x", {"n": 2}, id=MESSAGE_ID),
        sending("tag:x", {"n": 1}, "other", id=MESSAGE_ID),
        sending("tag:y", {"n": 1}, id=MESSAGE_ID),
        sending(Tagged("x", "r"), {"n": 1}, id=MESSAGE_ID),
        sending("session:bob", {"n": 1}, id=MESSAGE_ID),
    ],
)
def test_an_id_is_not_used_again_for_something_else(world: World, changed: SendMessage) -> None:
    ann, bob = world.join("ann"), world.join("bob", "x", "y", repo="r")
    world.ask(ann, sending("tag:x", {"n": 1}, id=MESSAGE_ID))
    with pytest.raises(MessageIdExists, match=str(MESSAGE_ID)):
        world.ask(ann, changed)
    assert payloads(world.receive(bob)) == [{"n": 1}]


def test_an_id_is_not_used_again_by_another_sender(world: World) -> None:
    ann, bob = world.join("ann", "x"), world.join("bob", "x")
    world.join("cid", "x")
    request = sending("tag:x", 1, id=MESSAGE_ID)
    world.ask(ann, request)
    with pytest.raises(MessageIdExists):
        world.ask(bob, request)


@pytest.mark.parametrize("spelling", [str, lambda session: session.hex, lambda session: str(session).upper()])
def test_a_retry_may_name_a_session_as_it_did_or_by_its_id(world: World, spelling: type[str]) -> None:
    ann, _ = world.join("ann"), world.join("bob", id=BOB_ID)
    target = SessionNamed(spelling(BOB_ID))
    first = world.ask(ann, sending(target, 1, id=MESSAGE_ID))
    assert world.ask(ann, sending(target, 1, id=MESSAGE_ID)) == first
    assert world.ask(ann, sending("session:bob", 1, id=MESSAGE_ID)) == first


def test_a_retry_is_known_again_when_its_recipient_has_another_name_by_now(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    request = sending("session:bob", 1, id=MESSAGE_ID)
    first = world.ask(ann, request)
    world.ask(bob, RenameSession(name="rob"))
    world.turn()
    again = world.ask(ann, request)
    assert (again.id, again.seq, names(again)) == (first.id, first.seq, ["rob"])
    assert payloads(world.receive(bob)) == [1]


def test_a_retry_is_known_again_when_its_recipient_has_ended(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    request = sending("session:bob", 1, id=MESSAGE_ID)
    first = world.ask(ann, request)
    world.ask(bob, EndSession())
    again = world.ask(ann, request)
    assert (again.id, again.seq, names(again)) == (first.id, first.seq, ["bob"])
    assert not again.recipients[0].is_connected


def test_a_retry_says_again_who_refused(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=1))
    ann, bob = world.join("ann"), world.join("bob", "x")
    world.send(ann, "session:bob")
    world.join("cid", "x")
    request = sending("tag:x", 1, id=MESSAGE_ID)
    first = refused_by(world, ann, request)
    world.turn()
    world.ack(bob, up_to=99)  # room comes too late
    again = refused_by(world, ann, request)
    assert again.values() == first.values()
    assert world.receive(bob) == ()
    world.close()


# ---------------------------------------------------------------------------------------------------------- receiving


def test_mail_is_handed_out_in_order_and_stays_until_it_is_acknowledged(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    sent = [world.send(ann, "session:bob", number) for number in range(5)]
    world.turn()
    envelopes = world.receive(bob)
    assert [(envelope.id, envelope.seq) for envelope in envelopes] == [(receipt.id, receipt.seq) for receipt in sent]
    assert world.turn() == [
        DeliveriesChanged(
            session=world.info("bob").id,
            state="handed",
            seqs=tuple(receipt.seq for receipt in sent),
            at=world.clock.now,
        )
    ]
    assert world.receive(bob) == ()
    assert world.info("bob").unread == 5
    assert world.receive(world.connect("bob")) == envelopes


def test_the_same_ids_come_again_after_a_crash_until_they_are_acknowledged(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    for number in range(5):
        world.send(ann, "session:bob", number)
    envelopes = world.receive(bob)
    world.ack(bob, envelopes[1], envelopes[3])
    world.turn()
    world.crash()
    assert world.receive(world.connect("bob")) == (envelopes[0], envelopes[2], envelopes[4])


def test_looking_changes_nothing(world: World) -> None:
    ann = world.join("ann")
    world.send(ann, "session:ann", 1)
    world.turn()
    assert payloads(world.receive(ann, peek=True)) == payloads(world.receive(ann, peek=True)) == [1]
    assert world.turn() == []
    assert payloads(world.receive(ann)) == [1]


def test_one_may_begin_after_any_seq_and_goes_on_from_there(world: World) -> None:
    ann = world.join("ann")
    seqs = [world.send(ann, "session:ann", number).seq for number in range(5)]
    assert payloads(world.receive(ann, after=seqs[2])) == [3, 4]
    assert payloads(world.receive(ann, after=0, limit=2)) == [0, 1]
    assert payloads(world.receive(ann)) == [2, 3, 4]


def test_what_remains_is_counted(world: World) -> None:
    ann = world.join("ann")
    for number in range(5):
        world.send(ann, "session:ann", number)
    received: Received = world.ask(ann, ReceiveMessages(limit=2))
    assert (payloads(received.envelopes), received.remaining) == ([0, 1], 3)
    received = world.ask(ann, ReceiveMessages())
    assert (payloads(received.envelopes), received.remaining) == ([2, 3, 4], 0)


def test_one_answer_holds_as_many_messages_as_the_limit_however_many_are_asked_for(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(receive_messages=3))
    ann = world.join("ann")
    for number in range(5):
        world.send(ann, "session:ann", number)
    assert payloads(world.receive(ann, limit=1_000_000)) == [0, 1, 2]
    world.close()


def test_one_answer_holds_as_many_bytes_as_the_limit_but_always_one_message(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(receive_bytes=2 * (ENVELOPE_BYTES + 100)))
    ann = world.join("ann")
    for size_bytes in (90, 90, 90, 5000, 1):
        world.send(ann, "session:ann", "." * size_bytes)
    sizes = [[len(payload) for payload in payloads(world.receive(ann))] for _ in range(5)]
    assert sizes == [[90, 90], [90], [5000], [1], []]
    world.close()


def test_acknowledging_counts_each_delivery_once(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    for number in range(6):
        world.send(ann, "session:bob", number)
    envelopes = world.receive(bob)
    assert world.ack(bob, envelopes[4], envelopes[4]).acked == 1
    assert world.ack(bob, envelopes[0], up_to=envelopes[1].seq).acked == 2
    assert world.ack(bob, *envelopes[:5]).acked == 2
    again = world.ack(bob, *envelopes[:5], up_to=envelopes[4].seq)
    assert (again.acked, again.unknown) == (0, ())
    assert world.info("bob").unread == 1


def test_what_was_never_delivered_to_one_is_unknown_to_it(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    others = world.send(ann, "session:ann", "mine").id
    own = world.send(ann, "session:bob", "yours").id
    acked = world.ask(bob, AckMessages(ids=(UUID(int=9), own, others)))
    assert (acked.acked, acked.unknown) == (1, (UUID(int=9), others))
    assert world.info("ann").unread == 1


def test_acknowledging_finds_what_the_cache_has_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(envelope_cache_bytes=1))
    ann = world.join("ann")
    sent = [world.send(ann, "session:ann", number) for number in range(3)]
    assert [envelope.id for envelope in world.receive(ann)] == [receipt.id for receipt in sent]
    assert world.ask(ann, AckMessages(ids=tuple(receipt.id for receipt in sent))).acked == 3
    world.close()


def test_envelopes_are_the_same_from_memory_and_from_disk(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(envelope_cache_bytes=1))
    ann = world.join("ann", repo="r", worktree="/w")
    world.join("bob", "x", repo="r", worktree="/w")
    targets: tuple[WireTarget, ...] = (
        Tagged("x"),
        Tagged("x", "r"),
        SessionNamed("bob"),
        Broadcast(),
        Worktree("/w"),
    )
    for target in targets:
        world.ask(ann, sending(target, {"to": 1}, reply_to=UUID(int=3), ttl_s=50.0))
    sent = [event.envelope for event in world.turn() if isinstance(event, MessageSent)]
    assert world.receive(world.connect("bob")) == tuple(sent)
    world.close()


# ------------------------------------------------------------------------------------------------------ times of life


def test_what_is_not_acknowledged_in_time_expires(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    short = world.send(ann, "session:bob", "short", ttl_s=10)
    world.send(ann, "session:bob", "long", ttl_s=100)
    world.send(ann, "session:bob", "for ever")
    world.turn()
    world.clock.move(9.9)
    world.hub.tick()
    assert world.turn() == []
    world.clock.move(0.1)
    world.hub.tick()
    (expired,) = world.turn()
    assert isinstance(expired, DeliveriesChanged)
    assert (expired.state, expired.seqs) == ("expired", (short.seq,))
    assert payloads(world.receive(bob)) == ["long", "for ever"]


def test_nothing_is_handed_out_after_its_time_even_between_two_ticks(world: World) -> None:
    ann = world.join("ann")
    world.send(ann, "session:ann", "short", ttl_s=10)
    world.clock.move(10)
    assert world.receive(ann) == ()


def test_what_was_handed_and_not_acknowledged_expires_and_what_was_acknowledged_does_not(world: World) -> None:
    ann = world.join("ann")
    kept = world.send(ann, "session:ann", 1, ttl_s=10)
    lost = world.send(ann, "session:ann", 2, ttl_s=10)
    first, _ = world.receive(ann)
    world.ack(ann, first)
    world.turn()
    world.clock.move(11)
    world.hub.tick()
    (expired,) = world.turn()
    assert isinstance(expired, DeliveriesChanged)
    assert (expired.seqs, kept.seq in expired.seqs) == ((lost.seq,), False)
    assert world.ask(ann, AckMessages(ids=(lost.id,))).acked == 0


def test_expiry_goes_on_after_a_restart(world: World) -> None:
    ann = world.join("ann")
    world.send(ann, "session:ann", "short", ttl_s=10)
    world.send(ann, "session:ann", "long", ttl_s=100)
    world.turn()
    world.crash()
    world.clock.move(10)
    world.hub.tick()
    assert payloads(world.receive(world.connect("ann"))) == ["long"]


def test_a_clock_that_jumps_back_changes_no_order_and_loses_nothing(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    first = world.send(ann, "session:bob", 1, ttl_s=10)
    world.clock.move(-3600)
    second = world.send(ann, "session:bob", 2, ttl_s=10)
    assert second.seq == first.seq + 1
    world.hub.tick()
    assert payloads(world.receive(bob)) == [1, 2]
    world.clock.move(10)
    assert payloads(world.receive(world.connect("bob"))) == [1]
    world.clock.move(3600)
    assert world.receive(world.connect("bob")) == ()
    world.turn()
    world.crash()
    assert world.send(world.connect("ann"), "session:bob", 3).seq == second.seq + 1


def test_a_clock_that_jumps_ahead_expires_only_what_has_a_time(world: World) -> None:
    ann = world.join("ann")
    world.send(ann, "session:ann", 1, ttl_s=366 * 24 * 3600)
    world.send(ann, "session:ann", 2)
    world.clock.move(100 * 366 * 24 * 3600)
    world.hub.tick()
    assert payloads(world.receive(ann)) == [2]


# ------------------------------------------------------------------------------------------------------ full mailboxes


def test_where_nobody_has_room_nothing_is_stored(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=2))
    ann, bob = world.join("ann"), world.join("bob", "x")
    for _ in range(2):
        world.send(ann, "tag:x")
    world.turn()
    full = refused_by(world, ann, sending("tag:x", id=MESSAGE_ID))
    assert (full.refused, full.delivered, full.message_id, full.seq) == ((world.info("bob").id,), (), None, None)
    assert full.names == ("bob",)
    assert world.turn() == []
    assert world.hub.last_seq == 2
    world.ack(bob, up_to=1)
    assert world.ask(ann, sending("tag:x", id=MESSAGE_ID)).seq == 3
    world.close()


def test_where_one_has_no_room_the_others_receive_it_and_the_sender_is_told(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=1))
    ann = world.join("ann")
    callers = {name: world.join(name, "x") for name in ("bob", "cid", "dan")}
    world.send(ann, "session:cid", "earlier")
    world.turn()
    full = refused_by(world, ann, sending("tag:x", "late", id=MESSAGE_ID))
    ids = {name: world.info(name).id for name in callers}
    assert (full.delivered, full.refused) == ((ids["bob"], ids["dan"]), (ids["cid"],))
    assert (full.message_id, full.seq, full.names) == (MESSAGE_ID, 2, ("cid",))
    (event,) = world.turn()
    assert isinstance(event, MessageSent)
    assert [recipient.name for recipient in event.recipients] == ["bob", "dan"]
    assert [recipient.name for recipient in event.refused] == ["cid"]
    assert {name: payloads(world.receive(caller)) for name, caller in callers.items()} == {
        "bob": ["late"],
        "cid": ["earlier"],
        "dan": ["late"],
    }
    sent = world.store.find_message(event.envelope.id)  # type: ignore[arg-type]  # a UUID it is
    assert sent is not None
    assert [[name for _, name, *_ in found] for found in (sent.recipients, sent.refused)] == [["bob", "dan"], ["cid"]]
    world.close()


def test_a_mailbox_is_full_by_its_bytes_too_also_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_bytes=3000))
    ann, _ = world.join("ann"), world.join("bob")
    world.send(ann, "session:bob", "." * 2000)
    world.turn()
    for _ in range(2):
        full = refused_by(world, world.connect("ann"), sending("session:bob", "." * 500))
        assert full.names == ("bob",)
        world.crash()
    world.send(world.connect("ann"), "session:bob", "." * 400)
    world.close()


def test_one_sender_s_share_of_a_mailbox_is_bounded_also_after_a_restart_and_the_others_go_on(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=3, mailbox_sender_messages=2))
    ann, _, cid = world.join("ann"), world.join("bob", "x"), world.join("cid", "x")
    for number in range(2):
        world.send(ann, "session:bob", number)
    world.turn()
    world.crash()
    ann, bob, cid = map(world.connect, ("ann", "bob", "cid"))
    with pytest.raises(MailboxShareFull, match="mailbox share full: bob; 0 of 1 received it"):
        world.send(ann, "session:bob")
    world.send(cid, "session:bob", "from cid")
    assert payloads(world.receive(bob)) == [0, 1, "from cid"]
    world.close()


def test_each_who_refused_says_why_and_a_retry_says_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=2, mailbox_sender_messages=1))
    ann, eve = world.join("ann"), world.join("eve")
    for name in ("bob", "cid", "dan"):
        world.join(name, "x")
    world.send(ann, "session:bob")
    world.send(ann, "session:cid")
    world.send(eve, "session:cid")
    request = sending("tag:x", id=MESSAGE_ID)
    first = refused_by(world, ann, request)
    world.turn()
    assert type(first) is MailboxShareFull
    assert str(first) == "mailbox share full: bob; mailbox full: cid; 1 of 3 received it"
    assert first.reasons == ("mailbox share full", "mailbox full")
    assert refused_by(world, ann, request).values() == first.values()
    assert {name: reason for _, name, reason in world.store.find_message(MessageId(MESSAGE_ID)).refused} == {  # type: ignore[union-attr]  # it was sent
        "bob": "mailbox share full",
        "cid": "mailbox full",
    }
    world.close()


def test_one_message_larger_than_a_mailbox_still_arrives_in_an_empty_one(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_bytes=1000))
    ann = world.join("ann")
    world.send(ann, "session:ann", "." * 5000)
    refused_by(world, ann, sending("session:ann", 1))
    world.close()


def test_many_full_mailboxes_cost_no_more_than_as_many_with_room(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(mailbox_messages=1, sessions=10_001))
    ann = world.join("ann")
    for number in range(10_000):
        world.join(f"s{number}", "even" if number % 2 else "odd", "all")
    world.send(ann, "tag:odd")
    started = time.process_time()
    full = refused_by(world, ann, sending("tag:all"))
    assert time.process_time() - started < 0.2  # comparing each with each takes twice as long
    assert (len(full.refused), len(full.delivered)) == (5000, 5000)
    world.close()


# -------------------------------------------------------------------------------------------------------------- cache


def envelope_of(seq: int) -> Envelope:
    return Envelope(
        id=UUID(int=seq),
        seq=seq,
        sender=Participant(id=UUID(int=1), name="ann"),
        target=Broadcast(),
        sent_at=0.0,
        packed=PackedMessage("note"),
    )


def test_the_cache_forgets_the_oldest_and_keeps_the_newest_whatever_its_size() -> None:
    cache = EnvelopeCache(limit_bytes=100)
    for seq in (1, 2, 3):
        cache.put(envelope_of(seq), 40)
    assert [cache.get(seq) is not None for seq in (1, 2, 3)] == [False, True, True]
    assert [cache.seq_of(UUID(int=seq)) for seq in (1, 2, 3)] == [None, 2, 3]
    cache.put(envelope_of(4), 5000)
    assert [cache.get(seq) is not None for seq in (2, 3, 4)] == [False, False, True]


# ----------------------------------------------------------------------------------------------------- offered again


def reoffer(world: World) -> None:
    """Let it be so late that what was handed before is offered again."""
    world.clock.move(world.limits.reoffer_s)
    world.hub.tick()


def test_what_was_handed_and_not_acknowledged_in_time_is_handed_once_more_under_its_id(world: World) -> None:
    ann = world.join("ann")
    kept, acked, late = (world.send(ann, "session:ann", number) for number in range(3))
    received = world.receive(ann)
    world.ack(ann, received[1])
    world.clock.move(world.limits.reoffer_s - 1)
    world.hub.tick()
    assert world.receive(ann) == ()
    new = world.send(ann, "session:ann", "new")
    world.clock.move(1)
    world.hub.tick()
    assert [envelope.id for envelope in world.receive(ann)] == [kept.id, late.id, new.id]
    assert world.receive(ann) == ()
    assert acked.id not in {envelope.id for envelope in received[::2]}


def test_what_is_offered_again_comes_first_wherever_a_receive_begins_and_moves_no_place(world: World) -> None:
    ann = world.join("ann")
    for number in range(4):
        world.send(ann, "session:ann", number)
    world.receive(ann, limit=3)
    reoffer(world)
    assert payloads(world.receive(ann, peek=True)) == [3]  # a look takes nothing up
    assert payloads(world.receive(ann, limit=2, after=3)) == [0, 1]
    received: Received = world.ask(ann, ReceiveMessages(limit=1))
    assert (payloads(received.envelopes), received.remaining) == ([2], 1)
    assert payloads(world.receive(ann)) == [3]


def test_what_is_offered_again_is_so_to_whoever_receives_next_and_after_a_crash_too(world: World) -> None:
    ann, other = world.join("ann"), world.connect("ann")
    world.send(ann, "session:ann", 1)
    assert payloads(world.receive(ann)) == payloads(world.receive(other)) == [1]
    world.turn()
    reoffer(world)
    assert payloads(world.receive(other)) == [1]
    assert world.receive(ann) == ()
    world.turn()
    world.crash()
    again = world.connect("ann")
    assert world.receive(again, after=1) == ()
    reoffer(world)
    assert payloads(world.receive(again, after=1)) == [1]


def test_what_is_fresh_was_handed_to_nobody_or_is_offered_again(world: World) -> None:
    ann, other = world.join("ann"), world.connect("ann")
    for number in range(3):
        world.send(ann, "session:ann", number)
    world.receive(ann, limit=1)
    assert payloads(world.receive(other, fresh=True, peek=True)) == [1, 2]
    received: Received = world.ask(other, ReceiveMessages(limit=1, fresh=True))
    assert (payloads(received.envelopes), received.remaining) == ([1], 1)
    assert payloads(world.receive(other)) == [0, 1, 2]  # it has moved no place
    assert world.receive(other, fresh=True) == ()
    reoffer(world)
    assert payloads(world.receive(other, fresh=True)) == [0, 1, 2]


def test_what_another_has_written_to_the_reader_is_handed_when_he_says_so(world: World) -> None:
    ann = world.join("ann")
    sent = [world.send(ann, "session:ann", number) for number in range(3)]
    world.ack(ann, up_to=1)
    world.turn()
    handed: Handed = world.ask(ann, HandMessages(ids=(sent[2].id, sent[0].id, sent[1].id, UUID(int=1))))
    assert handed == Handed(handed=2, unknown=(UUID(int=1),))
    (event,) = world.turn()
    assert isinstance(event, DeliveriesChanged)
    assert (event.state, event.seqs) == ("handed", (2, 3))
    assert world.receive(ann, fresh=True) == ()
    assert payloads(world.receive(ann)) == [1, 2]


def test_a_delivery_says_through_what_it_was_last_handed(world: World) -> None:
    ann = world.join("ann")
    ann.client = "a client"
    sent = world.send(ann, "session:ann", 1)

    def through() -> str | None:
        world.turn()
        with contextlib.closing(History(world.path)) as history:
            return history.record(MessageId(sent.id)).deliveries[0].handed_through

    assert through() is None
    world.receive(ann)
    assert through() == "a client"
    world.ask(ann, HandMessages(ids=(sent.id,), through="a screen"))
    assert through() == "a screen"
    world.ask(ann, HandMessages(ids=(sent.id,)))
    assert through() == "a client"
    world.ack(ann, up_to=sent.seq)
    assert through() == "a client"
