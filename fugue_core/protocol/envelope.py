"""Messages on their way: who sent them to whom, and what has become of each delivery. No I/O.

`gc=False` stands where many are made and none can be part of a cycle: it spares the collector the looking.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args
from uuid import UUID

import msgspec

from fugue_core.protocol.message import OrchestrationMessage, PackedMessage
from fugue_core.protocol.target import WireTarget

DeliveryState: TypeAlias = Literal["queued", "handed", "acked", "expired", "dead"]
STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
"""A state's place here is its number on disk; those below 2 are open."""


class Participant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session named beside a message. `name` is the present one, or the last where it has ended."""

    id: UUID
    name: str


class Recipient(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who a message is for. `is_connected` is False where nobody speaks for it now, so that the message waits."""

    id: UUID
    name: str
    is_connected: bool


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message as it was sent.

    Fields:
        seq: Grows with every message of this daemon, over restarts too; the order of everything.
        sent_at: Unix time in seconds by the daemon's clock, which may jump; `seq` is the order.
        reply_to: The message that this one answers.
        expires_at: Unix time after which it is no longer handed out; None: never.
        packed: On the wire `message`.
        chain: The first message of the chain of replies that it belongs to; None where it answers nothing.
        hops: How many replies that chain had up to here, itself included.
    """

    id: UUID
    seq: int
    sender: Participant
    target: WireTarget
    sent_at: float
    packed: PackedMessage = msgspec.field(name="message")
    reply_to: UUID | None = None
    expires_at: float | None = None
    chain: UUID | None = None
    hops: int = 0

    @property
    def message(self) -> OrchestrationMessage:
        """The message with its payload read, anew at each call. Raises `InvalidPayload`, see `PackedMessage.unpack`."""
        return self.packed.unpack()


class DeliveryCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many of one message's deliveries are in each state; what is 0 is left out on the wire."""

    queued: int = 0
    handed: int = 0
    acked: int = 0
    expired: int = 0
    dead: int = 0


class DeliveryInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one recipient.

    Fields:
        handed_at: Unix seconds when it was last written to a reader; None: not yet.
        ended_at: When it was acked, expired or died.
        reason: Why it died: `mailbox full`, `mailbox share full`, `pair too fast` or `session ended`.
        handed_through: Through what it was last handed: the client's name at `hello`, or what `message.hand` said.
    """

    recipient: Participant
    state: DeliveryState
    handed_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    handed_through: str | None = None
