from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.client import outbox
from fugue_core.client.channel import Channel
from fugue_core.client.outbox import Answer, send_in_order
from fugue_core.errors import ConnectionLost, FugueError, LineTooLong, NoRecipients
from fugue_core.protocol.requests import Receipt, SendMessage
from tests.core.world import sending


class Wire:
    """A daemon as far as sends go, over connections that break when the test says.

    Attributes:
        stored: The numbers of the messages in the order in which they were stored, each once.
        under_way: How many were unanswered at most.
        breaks_after: How many sends each connection carries before it is lost, and how many of these it answers.
    """

    def __init__(self, breaks_after: Sequence[tuple[int, int]] = ()) -> None:
        self.stored: list[int] = []
        self.under_way = 0
        self.breaks_after = list(breaks_after)
        self.connections = 0

    async def connected(self) -> Channel:
        self.connections += 1
        stores, answers = self.breaks_after.pop(0) if self.breaks_after else (10**9, 10**9)
        return cast("Channel", FakeChannel(self, stores, answers))

    def store(self, request: SendMessage) -> Receipt:
        number = number_of(request)
        if number not in self.stored:
            self.stored.append(number)
        return Receipt(id=UUID(int=number), seq=self.stored.index(number), recipients=())


class FakeChannel:
    """What `send_in_order` needs of a channel."""

    def __init__(self, wire: Wire, stores: int, answers: int) -> None:
        self._wire = wire
        self._stores_left = stores
        self._answers_left = answers
        self._unanswered = 0

    def ask_all(self, requests: Sequence[SendMessage]) -> asyncio.Future[list[Answer]]:
        if any(request.packed.msg_type == "long" for request in requests):
            raise LineTooLong(10, 5)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Answer]] = loop.create_future()
        answers: list[Answer] = []
        for request in requests:
            answer: Answer = ConnectionLost("for a test")
            if self._stores_left > 0:
                self._stores_left -= 1
                stored = NoRecipients("tag:x") if request.packed.msg_type == "nobody" else self._wire.store(request)
                if self._answers_left > 0:
                    self._answers_left -= 1
                    answer = stored
            answers.append(answer)
        self._unanswered += len(requests)
        self._wire.under_way = max(self._wire.under_way, self._unanswered)
        loop.call_later(0.0001, self._answer, future, answers)
        return future

    def _answer(self, future: asyncio.Future[list[Answer]], answers: list[Answer]) -> None:
        self._unanswered -= len(answers)
        future.set_result(answers)


def number_of(request: SendMessage) -> int:
    assert request.id is not None
    return request.id.int


def requests_of(count: int, msg_type: Callable[[int], str] = lambda _: "note") -> list[SendMessage]:
    return [sending("tag:x", number, msg_type(number), id=UUID(int=number)) for number in range(count)]


async def test_every_send_is_answered_in_its_place() -> None:
    wire = Wire()
    answers = await send_in_order(requests_of(1000), wire.connected)
    assert [answer.id.int for answer in answers if isinstance(answer, Receipt)] == wire.stored == list(range(1000))
    assert await send_in_order([], wire.connected) == []


async def test_no_more_are_unanswered_than_the_limit() -> None:
    wire = Wire()
    await send_in_order(requests_of(5000), wire.connected)
    assert outbox.SENDS_AT_ONCE < wire.under_way <= outbox.SENDS_UNDER_WAY


async def test_requests_are_not_made_before_there_is_room_for_them() -> None:
    wire = Wire()
    made = 0

    def making() -> object:
        nonlocal made
        for request in requests_of(5000):
            assert made <= len(wire.stored) + outbox.SENDS_UNDER_WAY
            made += 1
            yield request

    await send_in_order(making(), wire.connected)  # type: ignore[arg-type]  # a generator is an iterable
    assert made == 5000


async def test_a_refusal_stands_in_its_place_and_the_others_are_sent() -> None:
    wire = Wire()
    answers = await send_in_order(requests_of(300, lambda number: "nobody" if number == 7 else "note"), wire.connected)
    assert isinstance(answers[7], NoRecipients)
    assert sum(isinstance(answer, Receipt) for answer in answers) == 299


async def test_of_what_goes_out_together_with_something_that_cannot_be_sent_nothing_is_and_the_rest_is() -> None:
    wire = Wire()
    answers = await send_in_order(requests_of(300, lambda number: "long" if number == 7 else "note"), wire.connected)
    refused = [place for place, answer in enumerate(answers) if isinstance(answer, LineTooLong)]
    assert refused == list(range(outbox.SENDS_AT_ONCE))
    assert wire.stored == list(range(outbox.SENDS_AT_ONCE, 300))


async def test_where_there_is_no_connection_any_more_the_sending_ends() -> None:
    wire = Wire([(200, 100)])

    async def connected() -> Channel:
        if wire.connections:
            raise ConnectionLost("closed")
        return await wire.connected()

    with pytest.raises(ConnectionLost, match="closed"):
        await send_in_order(requests_of(1000), connected)


@given(
    st.integers(0, 700),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda pair: (max(pair), min(pair))), max_size=5),
)
def test_however_connections_break_each_is_stored_once_in_order_and_answered(
    count: int, breaks_after: list[tuple[int, int]]
) -> None:
    async def check() -> None:
        wire = Wire(breaks_after)
        answers = await send_in_order(requests_of(count), wire.connected)
        assert not any(isinstance(answer, FugueError) for answer in answers)
        assert [answer.id.int for answer in answers if isinstance(answer, Receipt)] == list(range(count))
        assert wire.stored == list(range(count))

    asyncio.run(check())
