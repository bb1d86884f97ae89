"""What tests of the log take for the daemon's history keeps what a client of a real daemon promises."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Literal
from uuid import UUID

import pytest

from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import InvalidFilter, MessageNotFound
from fugue_core.identifier import new_id
from fugue_core.protocol.envelope import DeliveryCounts, Envelope
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.requests import LogPage
from fugue_core.protocol.target import Tagged
from fugue_tui.history import History, find_match, find_thread, pages_around, seq_at
from tests.tui.messages import BEGAN_AT, NAMES, RECIPIENT, MadeUpHistory, envelope, message_id

COUNT = 61
RARE, REPLY = 57, 59
"""The one of another type, and the one that answers it."""


async def really_sent(daemon: LocalDaemon) -> None:
    """Let the daemon have what is made up, by everybody's own connection, and acknowledged."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(connect(daemon)) for name in (*NAMES, RECIPIENT)}
        for name, client in clients.items():
            await client.join(name, tags=["citizen"] if name == RECIPIENT else [])
        rare: UUID | None = None
        for seq in range(1, COUNT + 1):
            sender = clients[NAMES[seq % len(NAMES)]]
            kind = "rare" if seq in (RARE, REPLY) else "gas_town.bid"
            message = OrchestrationMessage(kind, {"amount": seq})
            receipt = await sender.send(Tagged("citizen"), message, reply_to=rare if seq == REPLY else None)
            assert receipt.seq == seq
            rare = receipt.id if seq == RARE else rare
        ear = clients[RECIPIENT]
        await ear.ack(*(await ear.receive(limit=COUNT)).envelopes)


def made_up() -> MadeUpHistory:
    history = MadeUpHistory(COUNT)
    for seq, reply_to in ((RARE, None), (REPLY, RARE)):
        history.special[seq] = envelope(seq, sender=NAMES[seq % len(NAMES)], msg_type="rare", reply_to=reply_to)
    return history


@pytest.fixture(params=["daemon", "made up"])
async def history(request: pytest.FixtureRequest, daemon: LocalDaemon) -> AsyncIterator[History]:
    if request.param == "made up":
        yield made_up()
        return
    await really_sent(daemon)
    async with connect(daemon) as client:
        yield client


def seqs(page: LogPage) -> list[int]:
    return [entry.envelope.seq for entry in page.entries]


async def everything(history: History, filter_text: str, order: Literal["newest", "oldest"], limit: int) -> list[int]:
    """Page through all there is, and see that each page is full but the last."""
    found: list[int] = []
    page = await history.list_messages(filter_text, limit=limit, order=order)
    while True:
        found += seqs(page)
        if page.next is None:
            return found
        assert len(page.entries) == limit
        assert page.next == found[-1]
        before, after = (page.next, None) if order == "newest" else (None, page.next)
        page = await history.list_messages(filter_text, before=before, after=after, limit=limit, order=order)
        assert page.entries  # `next` is there only where something follows


@pytest.mark.parametrize("limit", [1, 7, COUNT - 1, COUNT, COUNT + 1])
async def test_pages_follow_each_other_without_a_gap_and_end(history: History, limit: int) -> None:
    every = list(range(1, COUNT + 1))
    assert await everything(history, "", "oldest", limit) == every
    assert await everything(history, "", "newest", limit) == every[::-1]


@pytest.mark.parametrize(
    ("filter_text", "is_wanted"),
    [
        ("from:mayor", lambda seq: NAMES[seq % len(NAMES)] == "mayor"),
        ("from:mayor from:ann", lambda seq: NAMES[seq % len(NAMES)] in {"mayor", "ann"}),
        ("!from:mayor", lambda seq: NAMES[seq % len(NAMES)] != "mayor"),
        ("type:rare", lambda seq: seq in {RARE, REPLY}),
        ("type:gas_town.*", lambda seq: seq not in {RARE, REPLY}),
        (f"to:{RECIPIENT} tag:citizen state:acked", lambda _: True),
        (f"to:{NAMES[0]}", lambda _: False),
        ("state:queued", lambda _: False),
        ("AMOUNT :4", lambda seq: "4" in str(seq)[:1]),
        ("nowhere", lambda _: False),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_filter_lets_the_same_through(
    history: History, filter_text: str, is_wanted: Callable[[int], bool], limit: int
) -> None:
    wanted = [seq for seq in range(1, COUNT + 1) if is_wanted(seq)]
    assert await everything(history, filter_text, "oldest", limit) == wanted
    assert await everything(history, filter_text, "newest", limit) == wanted[::-1]


async def test_the_bounds_are_not_among_what_they_bound(history: History) -> None:
    assert seqs(await history.list_messages(before=10, after=5)) == [9, 8, 7, 6]
    assert seqs(await history.list_messages(before=10, after=5, order="oldest", limit=2)) == [6, 7]
    assert seqs(await history.list_messages(before=1)) == []
    assert seqs(await history.list_messages(after=COUNT, order="oldest")) == []
    assert seqs(await history.list_messages(after=COUNT + 100)) == []
    assert seqs(await history.list_messages(before=COUNT + 100, limit=1)) == [COUNT]


async def test_words_of_both_filters_must_be_passed(history: History) -> None:
    page = await history.list_messages("type:rare", also=f"from:{NAMES[RARE % len(NAMES)]}")
    assert RARE in seqs(page)
    assert seqs(await history.list_messages("type:rare", also="type:gas_town.bid")) == []


@pytest.mark.parametrize("filters", [("state:sad", ""), ("", "nobody:knows")])
async def test_what_is_no_filter_is_refused(history: History, filters: tuple[str, str]) -> None:
    with pytest.raises(InvalidFilter):
        await history.list_messages(filters[0], also=filters[1])


async def test_a_message_is_what_the_list_says_with_everybody_who_has_it(history: History) -> None:
    (entry,) = (await history.list_messages("type:rare", limit=1)).entries
    record = await history.get_message(entry.envelope.id)
    assert record.envelope == entry.envelope
    assert record.envelope.seq == REPLY
    assert bytes(record.envelope.packed.payload) == b'{"amount":%d}' % REPLY
    assert entry.deliveries == DeliveryCounts(acked=1)
    (delivery,) = record.deliveries
    assert (delivery.recipient.name, delivery.state) == (RECIPIENT, "acked")
    assert delivery.handed_at is not None
    assert delivery.ended_at is not None
    assert record.envelope.sent_at <= delivery.handed_at <= delivery.ended_at


@pytest.mark.parametrize("message", [new_id(), message_id(COUNT + 1), message_id(0)], ids=["any", "next", "zeroth"])
async def test_a_message_that_there_is_not_is_refused(history: History, message: UUID) -> None:
    with pytest.raises(MessageNotFound):
        await history.get_message(message)


async def test_what_the_screen_makes_of_it_is_the_same(history: History) -> None:
    def numbers(envelopes: tuple[Envelope, ...]) -> list[int]:
        return [known.seq for known in envelopes]

    older, newer = await pages_around(history, "type:rare", REPLY)
    assert (seqs(older), seqs(newer)) == ([RARE], [REPLY])
    assert await find_match(history, "", "type:rare", before=REPLY, after=None) == RARE
    assert await find_match(history, "from:mayor", "type:rare", before=None, after=REPLY) is None
    thread = await find_thread(history, newer.entries[0].envelope)
    assert numbers(thread.envelopes) == [RARE, REPLY]
    assert await seq_at(history, older.entries[0].envelope.sent_at) == RARE
    assert await seq_at(history, BEGAN_AT - 1e9) == 1
