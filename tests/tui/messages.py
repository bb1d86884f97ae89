"""Messages for tests of the screen, and a history of any length that is made up as it is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec
from textual import on, work
from textual.app import App, ComposeResult

from fugue_core.errors import MessageNotFound
from fugue_core.filter import Filter, message_fields, parse_filter
from fugue_core.protocol.envelope import DeliveryCounts, DeliveryInfo, Envelope, Participant, Recipient
from fugue_core.protocol.events import MessageSent
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.requests import LogEntry, LogPage, MessageRecord
from fugue_core.protocol.target import Tagged, WireTarget
from fugue_tui.history import find_match, find_thread, pages_around, seq_at
from fugue_tui.view import World
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.log_bar import LogBar
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.message_pane import MessagePane

BEGAN_AT = 1_767_268_800.0
"""When message 1 was sent; message n was sent n - 1 seconds later."""
NAMES = ("mayor", "cat-1", "cat-2", "ann")
"""Who sends what is made up, in turn."""
RECIPIENT = "ivy"
"""Who is given what is made up."""


def participant(name: str) -> Participant:
    return Participant(id=UUID(int=sum(name.encode(errors="surrogatepass")) + 1), name=name)


def message_id(seq: int) -> UUID:
    return UUID(int=0x0197C4E26F1B7A309D520000 << 32 | seq)


def envelope(  # as many as a message has facts
    seq: int,
    *,
    sender: str = "mayor",
    msg_type: str = "gas_town.bid",
    payload: object = None,
    raw: bytes | None = None,
    target: WireTarget | None = None,
    reply_to: int | None = None,
    sent_at: float | None = None,
) -> Envelope:
    if raw is None:
        text = json.dumps({"amount": seq} if payload is None else payload, ensure_ascii=False, separators=(",", ":"))
        raw = text.encode(errors="backslashreplace")  # half a character is written as JSON escapes it
    return Envelope(
        id=message_id(seq),
        seq=seq,
        sender=participant(sender),
        target=target or Tagged("citizen"),
        sent_at=BEGAN_AT + seq - 1 if sent_at is None else sent_at,
        packed=PackedMessage(msg_type, msgspec.Raw(raw)),
        reply_to=None if reply_to is None else message_id(reply_to),
    )


def sent(message: Envelope, *names: str, is_connected: bool = True) -> MessageSent:
    recipients = [Recipient(id=participant(name).id, name=name, is_connected=is_connected) for name in names]
    return MessageSent(envelope=message, recipients=tuple(recipients))


SAMPLE = 50
"""Messages that show what those are like which are not special."""


class MadeUpHistory:
    """Messages 1 to `count`, each made when it is asked for; `test_made_up_history` holds it to what a client promises.

    Attributes:
        special: Those that are different.
        deliveries: Of each message, where a test says so.
        asked: How many pages were asked for.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.special: dict[int, Envelope] = {}
        self.deliveries: dict[UUID, tuple[DeliveryInfo, ...]] = {}
        self.asked = 0
        self.gate: asyncio.Event | None = None

    def envelope(self, seq: int) -> Envelope:
        return self.special.get(seq) or envelope(seq, sender=NAMES[seq % len(NAMES)])

    async def list_messages(
        self,
        filter: str = "",  # noqa: A002  # the word of the contract
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        order: Literal["newest", "oldest"] = "newest",
        also: str = "",
    ) -> LogPage:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        wanted, besides = parse_filter(filter), parse_filter(also)
        low, high = (after or 0) + 1, min(self.count, (before or self.count + 1) - 1)
        seqs: Iterable[int] = range(high, low - 1, -1) if order == "newest" else range(low, high + 1)
        if not any(passes(self.envelope(seq), wanted, besides) for seq in range(1, 1 + SAMPLE)):
            # what is not special is alike, so that no test need make a million messages to find a few
            seqs = sorted((seq for seq in self.special if low <= seq <= high), reverse=order == "newest")
        found: list[LogEntry] = []
        for seq in seqs:
            message = self.envelope(seq)
            if not passes(message, wanted, besides):
                continue
            if len(found) == limit:
                return LogPage(entries=tuple(found), next=found[-1].envelope.seq)
            found.append(LogEntry(envelope=message, deliveries=DeliveryCounts(acked=1)))
        return LogPage(entries=tuple(found), next=None)

    async def get_message(self, message: UUID) -> MessageRecord:
        seq = message.int & 0xFFFFFFFF
        if message != message_id(seq) or not 1 <= seq <= self.count:
            raise MessageNotFound(str(message))
        one = DeliveryInfo(
            recipient=participant(RECIPIENT), state="acked", handed_at=BEGAN_AT + seq, ended_at=BEGAN_AT + seq + 1
        )
        return MessageRecord(envelope=self.envelope(seq), deliveries=self.deliveries.get(message, (one,)))


def passes(message: Envelope, *filters: Filter) -> bool:
    wanted = [each for each in filters if each.terms]
    if not wanted:  # the payload need not be text then
        return True
    fields = message_fields(message, [participant(RECIPIENT)], ["acked"], None)
    return all(each.matches(fields) for each in wanted)


class PaneApp(App[None]):
    """The smallest app around the pane: it answers from a history, and notes what else is asked."""

    def __init__(self, history: MadeUpHistory, *, live: int = 500) -> None:
        super().__init__()
        self.history = history
        self.world = World()
        self.live = live
        self.noted: list[object] = []

    def compose(self) -> ComposeResult:
        yield MessagePane()

    @property
    def pane(self) -> MessagePane:
        return self.query_one(MessagePane)

    @property
    def log_list(self) -> MessageLog:
        return self.query_one(MessageLog)

    @property
    def inspector(self) -> Inspector:
        return self.query_one(Inspector)

    async def on_mount(self) -> None:
        await self.pane.mount_rest()
        page = await self.history.list_messages(limit=self.live)
        self.world.message_count = self.history.count
        self.world.add_history(page.entries)
        self.log_list.focus()
        self.pane.show(self.world)

    def send(self, *messages: Envelope, to: tuple[str, ...] = ("ann",)) -> None:
        for message in messages:
            self.history.special[message.seq] = message
            self.history.count = max(self.history.count, message.seq)
            self.world.apply(sent(message, *to))
        self.pane.show(self.world)

    @on(MessageLog.PageAsked)
    @work
    async def page(self, event: MessageLog.PageAsked) -> None:
        page = await self.history.list_messages(
            event.filter_text, before=event.before, after=event.after, limit=500, order=event.order
        )
        event.message_log.take_page(event, page)

    @on(MessageLog.MatchAsked)
    @work
    async def match(self, event: MessageLog.MatchAsked) -> None:
        seq = await find_match(
            self.history, event.filter_text, event.search_text, before=event.before, after=event.after
        )
        if seq is None:
            event.message_log.show_no_match(-1 if event.after is None else 1)
        else:
            event.message_log.place(*await pages_around(self.history, event.filter_text, seq))

    @on(LogBar.TimeGiven)
    @work
    async def jump(self, event: LogBar.TimeGiven) -> None:
        seq = await seq_at(self.history, event.at)
        assert seq is not None
        self.log_list.place(*await pages_around(self.history, self.log_list.filter_text, seq))

    @on(MessagePane.RecordAsked)
    @work
    async def record(self, event: MessagePane.RecordAsked) -> None:
        event.message_pane.take_record(await self.history.get_message(event.message_id))

    @on(MessagePane.ThreadAsked)
    @work
    async def thread(self, event: MessagePane.ThreadAsked) -> None:
        event.message_pane.take_thread(await find_thread(self.history, event.envelope))

    @on(MessageLog.ReplyAsked)
    @on(Inspector.ReplyAsked)
    @on(Inspector.ResendAsked)
    def note(self, event: object) -> None:
        self.noted.append(event)
