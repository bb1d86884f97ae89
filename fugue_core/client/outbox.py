"""Many sends under way at once, which arrive in their order whatever becomes of the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import TypeAlias

from fugue_core.client.channel import Channel
from fugue_core.errors import ConnectionLost, FugueError
from fugue_core.protocol.requests import Receipt, SendMessage

SENDS_AT_ONCE = 128
"""Messages that are written together; enough that one costs little, and that the daemon soon has some."""
SENDS_UNDER_WAY = 1024
"""Messages that are unanswered at most; while the daemon stores the first, the next are on their way."""

Answer: TypeAlias = Receipt | FugueError
_Item: TypeAlias = tuple[int, SendMessage]
_Chunk: TypeAlias = tuple[Sequence[_Item], asyncio.Future[list[Answer]]]


async def send_in_order(
    requests: Iterable[SendMessage], connected: Callable[[], Awaitable[Channel]]
) -> Sequence[Answer]:
    """Send; return an answer for each, in order, be it a receipt or a refusal.

    What a lost connection left unanswered is sent again under its id, before anything that comes after it.

    Args:
        requests: Each with an id.
        connected: Returns a connection, made anew where it was lost; what it raises ends the sending.
    """
    answers: dict[int, Answer] = {}
    under_way: deque[_Chunk] = deque()
    unsent = enumerate(requests)
    channel = await connected()
    while True:
        while len(under_way) * SENDS_AT_ONCE < SENDS_UNDER_WAY and (items := list(islice(unsent, SENDS_AT_ONCE))):
            under_way.append((items, _ask(channel, items)))
            await asyncio.sleep(0)  # let it go out before the next is made
        if not under_way:
            return [answers[place] for place in range(len(answers))]
        lost = await _settle(under_way.popleft(), answers)
        if lost:
            for chunk in under_way:  # on the same connection, so that nothing of it is answered any more
                lost += await _settle(chunk, answers)
            under_way.clear()
            channel = await connected()
            rest = iter(lost)
            while items := list(islice(rest, SENDS_AT_ONCE)):
                under_way.append((items, _ask(channel, items)))


def _ask(channel: Channel, items: Sequence[_Item]) -> asyncio.Future[list[Answer]]:
    try:
        return channel.ask_all([request for _, request in items])
    except FugueError as error:  # one of them cannot be sent, so none is
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        future.set_result([error] * len(items))
        return future


async def _settle(chunk: _Chunk, answers: dict[int, Answer]) -> list[_Item]:
    """Take in the answers to a chunk; return what has none."""
    items, future = chunk
    lost = []
    for item, answer in zip(items, await future, strict=True):
        if isinstance(answer, ConnectionLost):
            lost.append(item)
        else:
            answers[item[0]] = answer
    return lost
