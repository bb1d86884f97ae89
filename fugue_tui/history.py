"""What the screen asks the daemon's history for in more than one request: a moment, a match, a thread."""

from __future__ import annotations

from typing import Literal, Protocol
from uuid import UUID

from fugue_core.errors import MessageNotFound
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import LogPage, MessageRecord

AROUND_ROWS = 250
THREAD_PAGE, THREAD_PAGES = 1_000, 5
"""Replies are looked for among the messages that came next after the thread began, so many."""
THREAD_MESSAGES = 200
ANCESTORS = 50


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


async def find_thread(history: History, envelope: Envelope) -> list[Envelope]:
    """Return the messages that a message answers and that answer it, in order of seq, itself among them."""
    first, ancestors = envelope, [envelope]
    while first.reply_to is not None and len(ancestors) < ANCESTORS:
        try:
            first = (await history.get_message(first.reply_to)).envelope
        except MessageNotFound:  # it has been deleted, or there never was one
            break
        if any(first.id == known.id for known in ancestors):
            break
        ancestors.append(first)
    found = {known.id: known for known in ancestors}
    after: int | None = first.seq
    for _ in range(THREAD_PAGES):
        page = await history.list_messages(after=after, limit=THREAD_PAGE, order="oldest")
        for entry in page.entries:
            if entry.envelope.reply_to in found and len(found) < THREAD_MESSAGES:
                found[entry.envelope.id] = entry.envelope
        after = page.next
        if after is None:
            break
    return sorted(found.values(), key=lambda known: known.seq)
