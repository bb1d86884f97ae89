"""The tools about messages: send, ask, see what became of one, look through all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fugue_core.errors import NoAnswer, NoRecipients
from fugue_core.mcp.argument import Arguments, read_message, read_target
from fugue_core.mcp.tool.declaration import Tool
from fugue_core.mcp.work import Work
from fugue_core.protocol.envelope import DeliveryCounts, DeliveryState, Envelope, Recipient
from fugue_core.protocol.target import format_target

MOST_NAMES = 50
"""Names that one answer lists at most; how many there are is told as well."""
LONGEST_WAIT_S = 3600

AnyTarget = Annotated[
    Any,
    Meta(
        description=(
            'tag:TAG (all who carry it; "tag:TAG in REPO" of one repository), session:NAME-OR-ID, broadcast (your '
            'repository) or worktree:/PATH; or an object, {"tag": TAG}, {"session": NAME}, {"broadcast": true}, '
            '{"path": "/PATH"}'
        ),
        extra_json_schema={"anyOf": [{"type": "string"}, {"type": "object"}]},
    ),
]
MessageType = Annotated[str, Meta(description="what kind of message, in the words of your workflow")]
Payload = Annotated[msgspec.Raw, Meta(description="any JSON")] | UnsetType
OwnId = Annotated[UUID, Meta(description="chosen by you, so that a retry delivers once")] | None
TimeToLive = Annotated[float, Meta(gt=0, le=31_622_400, description="hand it to nobody after so many seconds")] | None


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it was sent.

    Fields:
        to: The target it was sent to.
        payload: All of it, where it is not too long; else `payload_start` is its beginning as JSON text, and
            `payload_chars` says how long it is: `message_status` reads the rest.
    """

    id: str
    seq: int
    sender: str = msgspec.field(name="from")
    to: str
    type: str
    sent_at: str
    payload: Any = UNSET
    payload_start: str | UnsetType = UNSET
    payload_chars: int | UnsetType = UNSET
    reply_to: str | UnsetType = UNSET


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who will receive a message, or of a dry run would.

    Fields:
        id: Absent where it was a dry run.
        count: How many there are; `recipients` names the first of them.
        waiting: Those of them who are not connected, so that it waits.
    """

    count: int
    recipients: tuple[str, ...]
    id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    waiting: tuple[str, ...] = ()
    dry_run: bool = False


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a question.

    Fields:
        id: The question's: to ask again under it goes on waiting, and sends nothing twice.
        answer: Absent where none came in time.
    """

    id: str
    answered: bool
    count: int
    recipients: tuple[str, ...]
    answer: Letter | UnsetType = UNSET


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a message at one recipient.

    Fields:
        handed_through: Through what it was last handed: a client of the daemon, or a hook.
    """

    to: str
    state: DeliveryState
    handed_at: str | UnsetType = UNSET
    handed_through: str | UnsetType = UNSET
    ended_at: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a message.

    Fields:
        counts: How many recipients in each state.
        next: The `offset` at which further deliveries begin.
        payload_text: The part of the payload's JSON text that was asked for.
    """

    message: Letter
    counts: DeliveryCounts
    deliveries: tuple[Delivery, ...]
    next: int | UnsetType = UNSET
    payload_text: str | UnsetType = UNSET


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and how many of its deliveries are in each state."""

    message: Letter
    counts: DeliveryCounts


class FoundPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages, newest first; `next` is the `before` of the next page."""

    messages: tuple[Found, ...]
    next: int | UnsetType = UNSET


class SendMessage(Arguments, frozen=True, kw_only=True):
    """What to whom."""

    structured: ClassVar = ("target", "payload")

    target: AnyTarget
    type: MessageType
    payload: Payload = UNSET
    reply_to: Annotated[UUID, Meta(description="id of the message that this one answers")] | None = None
    id: OwnId = None
    ttl_s: TimeToLive = None
    dry_run: Annotated[bool, Meta(description="send nothing, only say who would receive it, or what is wrong")] = False


class Ask(Arguments, frozen=True, kw_only=True):
    """What to whom, and how long to wait."""

    structured: ClassVar = ("target", "payload")

    target: AnyTarget
    type: MessageType
    payload: Payload = UNSET
    wait_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 60.0
    id: OwnId = None
    ttl_s: TimeToLive = None
    payload_chars: Annotated[int, Meta(ge=0, le=200_000, description="cut a longer answer")] = 8_000


class MessageStatus(Arguments, frozen=True, kw_only=True):
    """Of which message, and what of a long one."""

    id: UUID
    offset: Annotated[
        int, Meta(ge=0, le=1_000_000, description="first delivery to list: `next` of the page before")
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=1_000)] = MOST_NAMES
    payload_from: (
        Annotated[int, Meta(ge=0, description="read the payload's JSON text from this character on")] | None
    ) = None
    payload_chars: Annotated[int, Meta(ge=1, le=200_000)] = 8_000


class SearchMessages(Arguments, frozen=True, kw_only=True):
    """Which, and how much of each."""

    filter: Annotated[
        str,
        Meta(
            description=(
                "words, all must match: from:NAME to:NAME tag:T type:T state:queued|handed|acked|expired|dead "
                "reply:ID repo:R or free text; ! negates; * stands for anything"
            )
        ),
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 20
    before: Annotated[int, Meta(ge=0, description="only older than this seq: `next` of the page before")] | None = None
    payload_chars: Annotated[int, Meta(ge=0, le=200_000, description="cut longer payloads")] = 200


async def send_message(work: Work, arguments: SendMessage) -> Sent:
    """Send, or with `dry_run` only ask whether it could be sent, and who would receive it."""
    target = read_target(arguments.target)
    client = await work.client()
    if arguments.dry_run:
        await client.check(read_message(arguments.type, arguments.payload))
        recipients = await client.resolve(target)
        return Sent(dry_run=True, count=len(recipients), recipients=_names(recipients), waiting=_waiting(recipients))
    receipt = await client.send(
        target,
        read_message(arguments.type, arguments.payload),
        id=arguments.id,
        reply_to=arguments.reply_to,
        ttl_s=arguments.ttl_s,
    )
    if arguments.reply_to is not None:
        await work.inbox.note_answered(arguments.reply_to)
    return Sent(
        id=str(receipt.id),
        seq=receipt.seq,
        count=len(receipt.recipients),
        recipients=_names(receipt.recipients),
        waiting=_waiting(receipt.recipients),
    )


async def ask(work: Work, arguments: Ask) -> Asked:
    """Send, and wait for the first message that answers."""
    target = read_target(arguments.target)
    client = await work.client()
    message = read_message(arguments.type, arguments.payload)
    receipt = await client.send(target, message, id=arguments.id, ttl_s=arguments.ttl_s)
    if not receipt.recipients:
        raise NoRecipients(format_target(target))
    asked = Asked(
        id=str(receipt.id), answered=False, count=len(receipt.recipients), recipients=_names(receipt.recipients)
    )
    try:
        with work.waiting(arguments.wait_s, "waiting for an answer"):
            envelope = await work.inbox.answer_to(receipt.id, arguments.wait_s)
    except NoAnswer:
        return asked
    work.when_lost.append(lambda: work.inbox.release([envelope]))
    work.when_written += [lambda: work.inbox.mark_handed([envelope]), lambda: client.ack(envelope)]
    return msgspec.structs.replace(asked, answered=True, answer=letter(envelope, arguments.payload_chars))


async def message_status(work: Work, arguments: MessageStatus) -> Status:
    """Show what became of a message."""
    record = await (await work.client()).get_message(arguments.id)
    end = arguments.offset + arguments.limit
    counts: dict[str, int] = {}
    for delivery in record.deliveries:
        counts[delivery.state] = counts.get(delivery.state, 0) + 1
    begin = arguments.payload_from
    text = UNSET if begin is None else _text(record.envelope)[begin : begin + arguments.payload_chars]
    return Status(
        message=letter(record.envelope, 0 if begin is not None else 200),
        counts=DeliveryCounts(**counts),
        deliveries=tuple(
            Delivery(
                to=delivery.recipient.name,
                state=delivery.state,
                handed_at=_time(delivery.handed_at),
                handed_through=delivery.handed_through or UNSET,
                ended_at=_time(delivery.ended_at),
                reason=delivery.reason or UNSET,
            )
            for delivery in record.deliveries[arguments.offset : end]
        ),
        next=end if end < len(record.deliveries) else UNSET,
        payload_text=text,
    )


async def search_messages(work: Work, arguments: SearchMessages) -> FoundPage:
    """Look through the log of all messages."""
    client = await work.client()
    page = await client.list_messages(arguments.filter, before=arguments.before, limit=arguments.limit)
    return FoundPage(
        messages=tuple(
            Found(message=letter(entry.envelope, arguments.payload_chars), counts=entry.deliveries)
            for entry in page.entries
        ),
        next=UNSET if page.next is None else page.next,
    )


def letter(envelope: Envelope, payload_chars: int) -> Letter:
    """Return a message for a model; of a payload of more characters than that, only the beginning."""
    text = _text(envelope)
    is_short = len(text) <= payload_chars
    return Letter(
        id=str(envelope.id),
        seq=envelope.seq,
        sender=envelope.sender.name,
        to=format_target(envelope.target),
        type=envelope.packed.msg_type,
        sent_at=_time(envelope.sent_at) or "",
        payload=msgspec.Raw(text.encode()) if is_short else UNSET,
        payload_start=UNSET if is_short else text[:payload_chars],
        payload_chars=UNSET if is_short else len(text),
        reply_to=str(envelope.reply_to) if envelope.reply_to else UNSET,
    )


def _text(envelope: Envelope) -> str:
    return bytes(envelope.packed.payload).decode()


def _names(recipients: Iterable[Recipient]) -> tuple[str, ...]:
    return tuple(recipient.name for recipient in recipients)[:MOST_NAMES]


def _waiting(recipients: Iterable[Recipient]) -> tuple[str, ...]:
    return tuple(recipient.name for recipient in recipients if not recipient.is_connected)[:MOST_NAMES]


def _time(unix_s: float | None) -> str | UnsetType:
    return UNSET if unix_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "send_message",
        "Send a message to every session at a target. It is stored at once; who is away finds it later. The answer "
        "says who will receive it, message_status what became of it.",
        send_message,
        arguments=SendMessage,
        answer=Sent,
    ),
    Tool(
        "ask",
        "Send a message and wait for the first reply to it (a message with reply_to set to its id).",
        ask,
        arguments=Ask,
        answer=Asked,
    ),
    Tool(
        "message_status",
        "What became of a message at every recipient: queued, handed (written to it), acked (dealt with), expired, "
        "dead. Also reads the rest of a long payload.",
        message_status,
        arguments=MessageStatus,
        answer=Status,
        only_reads=True,
    ),
    Tool(
        "search_messages",
        "Look through all messages that were sent, by anybody to anybody, newest first.",
        search_messages,
        arguments=SearchMessages,
        answer=FoundPage,
        only_reads=True,
    ),
)
