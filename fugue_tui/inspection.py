"""What the inspector says of a message: its command, its deliveries on a line, its thread. No I/O."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from fugue_core.protocol.envelope import DeliveryInfo, Envelope
from fugue_core.protocol.requests import MessageRecord, Receipt
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree, format_target
from fugue_core.timeline import Step, span, steps

ARGUMENT_BYTES = 100_000
"""A longer payload is no argument of a command: the kernel refuses one of 128 KiB."""


class ThreadRow(NamedTuple):
    """One message of a thread; `branches` says of each level above whether more replies follow there."""

    envelope: Envelope
    branches: tuple[bool, ...]


class Thread(NamedTuple):
    """The messages around one: those that it answers and those that answer it, in order of seq.

    Attributes:
        gap: In words what is not among them; empty: nothing.
    """

    envelopes: tuple[Envelope, ...]
    gap: str = ""


class Timeline(NamedTuple):
    """A delivery on a line.

    Attributes:
        sign: ok, wait, held or bad.
        handed: How long until it was handed out; "" where it was not.
        ended: How long from there until it was acked, or what has become of it.
        reason: Why it is dead; "" where it is not.
        steps: The same in words, one after the other.
    """

    name: str
    sign: str
    handed: str
    ended: str
    reason: str
    steps: tuple[Step, ...]


def command_of(envelope: Envelope, fugue: Sequence[str] = ("fugue",)) -> str:
    """Return the command that sends the same message, for a shell; a long payload comes from the export's file.

    Args:
        envelope: The message.
        fugue: How the server is reached, `fugue -L other`.
    """
    payload = bytes(envelope.packed.payload)
    text = payload.decode(errors="replace")
    shown = f"@{export_name(envelope)}" if len(payload) > ARGUMENT_BYTES else text
    words = [*fugue, "send", "--from", envelope.sender.name]
    if envelope.reply_to is not None:
        words += ["--reply-to", str(envelope.reply_to)]
    words += ["--", format_target(envelope.target), envelope.packed.msg_type, shown]
    if not any(word.startswith("-") for word in words[-3:]):
        words.remove("--")
    return shlex.join(words)


def export_name(envelope: Envelope) -> str:
    """Return what a message's payload is called as a file."""
    return f"message-{envelope.seq}.json"


def kind_of(target: WireTarget) -> str:
    """Return the word for a kind of target."""
    match target:
        case Tagged():
            return "tagged"
        case SessionNamed():
            return "session"
        case Worktree():
            return "worktree"
        case Broadcast():
            return "broadcast"


def exact_time(at: float) -> str:
    """Return the local time of day with thousandths, `12:04:05.318`."""
    thousandths = int(at * 1000) % 1000
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{thousandths:03}"


def timeline_of(delivery: DeliveryInfo, sent_at: float, now: float, *, is_connected: bool) -> Timeline:
    """Return a delivery on a line."""
    handed = "" if delivery.handed_at is None else f"+{span(delivery.handed_at - sent_at)}"
    since = delivery.handed_at or sent_at
    match delivery.state:
        case "acked":
            sign, ended = "ok", f"+{span((delivery.ended_at or since) - since)}"
        case "expired" | "dead":
            sign, ended = "bad", delivery.state
        case _:
            sign = "wait" if is_connected or handed else "held"
            ended = f"{'waits' if sign == 'wait' else 'held'} {span(now - since)}"
    told = steps(
        delivery.state,
        sent_at=sent_at,
        handed_at=delivery.handed_at,
        handed_through=delivery.handed_through,
        ended_at=delivery.ended_at,
        reason=delivery.reason,
        now=now,
    )
    return Timeline(
        delivery.recipient.name, sign, handed, ended, delivery.reason or "", (Step("queued", sent_at, ""), *told)
    )


def delivery_summary(record: MessageRecord) -> str:
    """Return how many have it: `3 of 4 acked`."""
    if not record.deliveries:
        return "it met nobody"
    acked = sum(delivery.state == "acked" for delivery in record.deliveries)
    lost = sum(delivery.state in {"dead", "expired"} for delivery in record.deliveries)
    return f"{acked:,} of {len(record.deliveries):,} acked" + (f", {lost:,} lost" if lost else "")


def receipt_words(receipt: Receipt, speaker: str) -> str:
    """Return what became of a resend: `sent again as mayor to 2: ann, cat-1 (message 48,213)`.

    Args:
        receipt: The daemon's answer.
        speaker: As whom it was sent.
    """
    names = [recipient.name for recipient in receipt.recipients]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004
    waiting = sum(not recipient.is_connected for recipient in receipt.recipients)
    held = f"; {waiting} not connected, it waits" if waiting else ""
    to = f" to {len(names)}: {shown}{held}" if names else ", it met nobody"
    return f"sent again as {speaker}{to} (message {receipt.seq:,})"


def thread_rows(envelopes: Sequence[Envelope]) -> list[ThreadRow]:
    """Return a thread as a tree, depth first, replies in order of seq. A message is in it once."""
    known = {envelope.id for envelope in envelopes}
    replies: dict[UUID | None, list[Envelope]] = {}
    for envelope in sorted(envelopes, key=lambda envelope: envelope.seq):
        parent = envelope.reply_to if envelope.reply_to in known and envelope.reply_to != envelope.id else None
        replies.setdefault(parent, []).append(envelope)
    rows: list[ThreadRow] = []
    waiting = [ThreadRow(envelope, ()) for envelope in reversed(replies.get(None, []))]
    while waiting:
        row = waiting.pop()
        rows.append(row)
        below = replies.pop(row.envelope.id, [])
        for place, reply in reversed(list(enumerate(below))):
            waiting.append(ThreadRow(reply, (*row.branches, place < len(below) - 1)))
    return rows
