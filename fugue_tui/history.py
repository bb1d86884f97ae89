"""What the screen asks the daemon's history for in more than one request: a moment, a match, a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol
from uuid import UUID

from fugue_core.errors import MessageNotFound
from fugue_core.filter import MAX_WORDS
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import LogPage, MessageRecord
from fugue_tui.inspection import Thread

AROUND_ROWS = 250
THREAD_MESSAGES = 500
ANCESTORS = 200
"""How far up a thread is followed."""


class History(Protocol):
    """The part of a client that reads what is stored."""

    async def list_messages(  # noqa: PLR0913  # the fields of the request
        self,
        filter: str = "",  # noqa: A002  # the word of the contract
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        order: Literal["newest", "oldest"] = "newest",
        also: str = "",
    ) -> LogPage:
        """Return a page of the log."""

    async def get_message(self, message: UUID) -> MessageRecord:
        """Return a message. Raises `MessageNotFound`."""


async def pages_around(history: History, filter_text: str, seq: int) -> tuple[LogPage, LogPage]:
    """Return what came before a seq, newest first, and what came from it on, oldest first."""
    older = await history.list_messages(filter_text, before=seq, limit=AROUND_ROWS)
    newer = await history.list_messages(filter_text, after=seq - 1, limit=AROUND_ROWS, order="oldest")
    return older, newer


async def seq_at(history: History, at: float) -> int | None:
    """Return the first message that was sent at that moment or later; the newest where there is none; None: no message.

    Cost: some twenty requests for a million messages. Where the daemon's clock has jumped it is one of several answers.
    """
    newest = await history.list_messages(limit=1)
    oldest = await history.list_messages(limit=1, order="oldest")
    if not newest.entries or not oldest.entries:
        return None
    low, high = oldest.entries[0].envelope.seq, newest.entries[0].envelope.seq
    while low < high:
        middle = (low + high) // 2
        page = await history.list_messages(after=middle - 1, limit=1, order="oldest")
        envelope = page.entries[0].envelope
        if envelope.sent_at >= at:
            high = middle
        else:
            low = envelope.seq + 1
    return min(low, newest.entries[0].envelope.seq)


async def find_match(
    history: History, filter_text: str, search_text: str, *, before: int | None, after: int | None
) -> int | None:
    """Return the nearest message in one direction that passes both a filter and a search; None: there is none."""
    order: Literal["newest", "oldest"] = "newest" if after is None else "oldest"
    page = await history.list_messages(filter_text, before=before, after=after, limit=1, order=order, also=search_text)
    return page.entries[0].envelope.seq if page.entries else None


async def find_thread(history: History, envelope: Envelope) -> Thread:
    """Return the messages that a message answers and that answer it, itself among them.

    Cost: a request for each that is answered, and one for each level of replies.
    """
    ancestors = await _ancestors(history, envelope)
    gap = "it begins further up: look at the first" if len(ancestors) > ANCESTORS else ""
    found = {known.id: known for known in ancestors}
    level = list(found)
    while level:
        replies = {reply.id: reply for reply in await _replies(history, level) if reply.id not in found}
        level = list(replies)[: THREAD_MESSAGES - len(found)]
        if len(level) < len(replies):
            gap = f"it goes on after these {THREAD_MESSAGES:,}: the filter reply:ID finds the others"
        found |= {known: replies[known] for known in level}
    return Thread(tuple(sorted(found.values(), key=lambda known: known.seq)), gap)


async def _ancestors(history: History, envelope: Envelope) -> list[Envelope]:
    """Return a message, what it answers, what that answers and so on; `ANCESTORS` + 1 where there may be more."""
    found = [envelope]
    while found[-1].reply_to is not None and len(found) <= ANCESTORS:
        try:
            answered = (await history.get_message(found[-1].reply_to)).envelope
        except MessageNotFound:  # it has been deleted, or there never was one
            break
        if any(answered.id == known.id for known in found):
            break
        found.append(answered)
    return found


async def _replies(history: History, asked: Sequence[UUID]) -> list[Envelope]:
    """Return what answers any of these messages; more than `THREAD_MESSAGES` where there are more."""
    found: list[Envelope] = []
    for place in range(0, len(asked), MAX_WORDS):
        words = " ".join(f"reply:{message}" for message in asked[place : place + MAX_WORDS])
        after: int | None = 0
        while after is not None and len(found) <= THREAD_MESSAGES:
            page = await history.list_messages(words, after=after, limit=THREAD_MESSAGES + 1, order="oldest")
            found += [entry.envelope for entry in page.entries]
            after = page.next
    return found
