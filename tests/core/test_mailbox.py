from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fugue_core.errors import DeliveryRefused, MailboxFull, MailboxShareFull
from fugue_core.limits import Limits
from fugue_core.mailbox import Mailbox

ANN, BOB, CID = 1, 2, 3


def mailbox_with(*sizes: int, limit_messages: int = 100, limit_bytes: int = 1000, **limits: int) -> Mailbox:
    """Return a mailbox with messages of these sizes from ann under the seqs 10, 20, 30, ..."""
    mailbox = Mailbox(Limits(mailbox_messages=limit_messages, mailbox_bytes=limit_bytes, **limits))
    for number, size_bytes in enumerate(sizes, start=1):
        mailbox.put(10 * number, (size_bytes, ANN))
    return mailbox


def test_it_has_room_up_to_its_number_of_messages_and_no_further() -> None:
    mailbox = mailbox_with(1, 1, limit_messages=3)
    assert mailbox.has_room((1, ANN))
    mailbox.put(30, (1, ANN))
    assert mailbox.refusal((1, ANN)) is MailboxFull
    mailbox.take(10)
    assert mailbox.has_room((1, ANN))


def test_it_has_room_up_to_its_bytes_and_no_further() -> None:
    mailbox = mailbox_with(400, limit_bytes=1000)
    assert mailbox.has_room((600, ANN))
    assert mailbox.refusal((601, ANN)) is MailboxFull


def test_an_empty_one_takes_any_one_message() -> None:
    mailbox = mailbox_with(limit_bytes=1000)
    assert mailbox.has_room((5000, ANN))
    mailbox.put(10, (5000, ANN))
    assert not mailbox.has_room((0, ANN))


def test_one_sender_has_its_share_and_leaves_room_for_the_others() -> None:
    mailbox = mailbox_with(1, 1, limit_messages=4, mailbox_sender_messages=2)
    assert mailbox.refusal((1, ANN)) is MailboxShareFull
    mailbox.put(30, (1, BOB))
    assert mailbox.has_room((1, BOB))
    mailbox.take(10)
    assert mailbox.has_room((1, ANN))
    mailbox.put(40, (1, ANN))
    assert mailbox.refusal((1, ANN)) is MailboxShareFull
    mailbox.put(50, (1, CID))
    assert mailbox.refusal((1, ANN)) is mailbox.refusal((1, BOB)) is MailboxFull


def test_a_share_has_its_bytes_too_and_takes_any_one_message_that_the_mailbox_has_room_for() -> None:
    mailbox = mailbox_with(300, limit_bytes=1000, mailbox_sender_bytes=400)
    assert mailbox.has_room((100, ANN))
    assert mailbox.refusal((101, ANN)) is MailboxShareFull
    assert mailbox.has_room((700, BOB))
    assert mailbox.refusal((701, BOB)) is MailboxFull


def test_nobody_s_share_is_counted_while_there_is_little() -> None:
    mailbox = mailbox_with(limit_messages=100, mailbox_sender_messages=10)
    for seq in range(10):
        mailbox.put(seq, (1, seq % 3))
        assert mailbox._shares is None
    assert not mailbox.has_room((1, ANN)) or mailbox._shares
    for seq in range(6):
        mailbox.take(seq)
    assert mailbox._shares is None


@pytest.mark.parametrize(
    ("after", "limit", "limit_bytes", "found"),
    [
        (0, 10, 1000, [10, 20, 30, 40]),
        (10, 10, 1000, [20, 30, 40]),
        (15, 2, 1000, [20, 30]),
        (40, 10, 1000, []),
        (0, 10, 100, [10]),
        (0, 10, 299, [10, 20]),
        (20, 10, 1, [30]),
    ],
)
def test_what_comes_after_a_seq_is_bounded_in_number_and_bytes_but_never_nothing(
    after: int, limit: int, limit_bytes: int, found: list[int]
) -> None:
    assert mailbox_with(100, 100, 100, 100).after(after, limit, limit_bytes) == found


def test_taking_what_is_not_there_says_so_and_changes_nothing() -> None:
    mailbox = mailbox_with(5, 7)
    assert mailbox.take(10)
    assert not mailbox.take(10)
    assert not mailbox.take(15)
    assert (len(mailbox), mailbox.size_bytes) == (1, 7)


def test_what_answers_a_message_is_found_until_it_is_taken() -> None:
    mailbox = mailbox_with(5)
    one, other = UUID(int=1), UUID(int=2)
    for seq, reply_to in ((20, one), (30, other), (40, one), (50, None)):
        mailbox.put(seq, (100, ANN), reply_to)
    assert mailbox.answers(one, 0) == [20, 40]
    assert mailbox.answers(one, 20) == [40]
    assert mailbox.fitting([20, 40], 1, 1000) == mailbox.fitting([20, 40], 10, 199) == [20]
    mailbox.take(20)
    mailbox.take(40)
    assert mailbox.answers(one, 0) == []
    assert mailbox.answers(other, 0) == [30]
    assert mailbox._answers.keys() == {other}
    assert mailbox._answered.keys() == {30}


def test_what_was_handed_long_ago_is_due_until_it_is_handed_again_or_taken() -> None:
    mailbox = mailbox_with(1, 1, 1, 1)
    mailbox.hand([20, 10], 5.0)
    mailbox.hand([30], 6.0)
    assert mailbox.fresh(0) == [40]
    assert not mailbox.offer_again(4.9)
    assert mailbox.offer_again(5.0)
    assert not mailbox.offer_again(5.0)
    assert mailbox.due(40) == [10, 20]
    assert mailbox.due(10) == [10]
    assert mailbox.fresh(0) == [10, 20, 40]
    assert mailbox.fresh(10) == [20, 40]
    mailbox.hand([10], 7.0)
    mailbox.take(20)
    assert mailbox.due(40) == []
    assert mailbox.fresh(0) == [40]
    assert mailbox.unhanded() == [40]  # what is offered again was handed
    mailbox.hand([40], 8.0)
    assert mailbox.fresh(0) == []
    assert mailbox.unhanded() == []
    assert mailbox.offer_again(7.0)
    assert mailbox.due(40) == [10, 30]


def test_what_is_on_its_way_is_neither_fresh_nor_due_until_it_is_known_what_became_of_it() -> None:
    mailbox = mailbox_with(1, 1, 1)
    mailbox.hand([10], 5.0)
    mailbox.offer_again(5.0)
    mailbox.put_out((10, 20))
    mailbox.put_out((20, 30))
    assert (mailbox.due(30), mailbox.fresh(0)) == ([], [])
    mailbox.take_in((10, 20))
    mailbox.take_in((10, 20))
    assert (mailbox.due(30), mailbox.fresh(0)) == ([10], [10])
    mailbox.take_in((20, 30))
    assert mailbox.fresh(0) == [10, 20, 30]


class MailboxAgainstAPlainDict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox(
            Limits(mailbox_messages=8, mailbox_bytes=100, mailbox_sender_messages=4, mailbox_sender_bytes=60)
        )
        self.model: dict[int, int] = {}
        self.senders: dict[int, int] = {}
        self.last_seq = 0

    @rule(size_bytes=st.integers(0, 60), sender=st.integers(1, 3), step=st.integers(1, 3))
    def put(self, size_bytes: int, sender: int, step: int) -> None:
        refusal = self.refusal(size_bytes, sender)
        assert self.mailbox.has_room((size_bytes, sender)) == (refusal is None)
        assert self.mailbox.refusal((size_bytes, sender)) is refusal
        if refusal is None:
            self.last_seq += step
            self.mailbox.put(self.last_seq, (size_bytes, sender))
            self.model[self.last_seq] = size_bytes
            self.senders[self.last_seq] = sender

    def refusal(self, size_bytes: int, sender: int) -> type[DeliveryRefused] | None:
        share = [size for seq, size in self.model.items() if self.senders[seq] == sender]
        if self.model and (len(self.model) == 8 or sum(self.model.values()) + size_bytes > 100):
            return MailboxFull
        return MailboxShareFull if share and (len(share) == 4 or sum(share) + size_bytes > 60) else None

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(0, self.last_seq + 1))
        assert (seq in self.mailbox) == (seq in self.model)
        assert self.mailbox.take(seq) == (self.model.pop(seq, None) is not None)

    @rule(data=st.data(), limit=st.integers(1, 9), limit_bytes=st.integers(0, 120))
    def look(self, data: st.DataObject, limit: int, limit_bytes: int) -> None:
        seq = data.draw(st.integers(0, self.last_seq + 1))
        above = [waiting for waiting in self.model if waiting > seq]
        found = self.mailbox.after(seq, limit, limit_bytes)
        assert found == above[: len(found)]
        assert len(found) <= limit
        assert bool(found) == bool(above)
        assert len(found) <= 1 or sum(self.model[waiting] for waiting in found) <= limit_bytes
        more = above[: len(found) + 1]
        assert found == above or len(found) == limit or sum(self.model[waiting] for waiting in more) > limit_bytes
        assert self.mailbox.count_after(seq) == len(above)
        assert self.mailbox.up_to(seq) == [waiting for waiting in self.model if waiting <= seq]

    @invariant()
    def sizes_add_up(self) -> None:
        assert len(self.mailbox) == len(self.model)
        assert self.mailbox.size_bytes == sum(self.model.values())


TestMailbox = MailboxAgainstAPlainDict.TestCase
