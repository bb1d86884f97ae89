"""All that the daemon tells a subscriber. `EVENTS` is the whole list. No I/O.

An event is a JSON-RPC notification: `{"jsonrpc":"2.0","method":"event","params":{"number":7,"event":{"kind":...}}}`.
Numbers are contiguous within one epoch of the daemon. A subscriber that falls behind its queue is sent one `resync`,
whose snapshot replaces all that it knew.
"""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

import msgspec

from fugue_core.protocol.breaker import BreakerEvent, BreakerReleased, BreakerTripped
from fugue_core.protocol.envelope import DeliveryState, Envelope, Recipient
from fugue_core.protocol.requests import Snapshot
from fugue_core.protocol.schema import SchemaChanged, SchemaRemoved
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.window import (
    ViewEnded,
    ViewEvent,
    ViewHeld,
    WindowChanged,
    WindowClosed,
    WindowEvent,
    WindowFrame,
    WindowOutput,
)


class SessionJoined(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.joined"):
    """A session has begun."""

    session: SessionInfo


class SessionChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.changed"):
    """A session's name, tags, metadata, place or connections changed; this is all of it as it is now."""

    session: SessionInfo


class SessionEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.ended"):
    """A session has ended; its open deliveries are `dead`."""

    id: UUID
    name: str
    at: float


class MessageSent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="message.sent"):
    """A message was sent; `recipients` have it queued (one more `unread` each), `refused` do not have it."""

    envelope: Envelope
    recipients: tuple[Recipient, ...]
    refused: tuple[Recipient, ...] = ()


class DeliveriesChanged(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="deliveries.changed"
):
    """Deliveries to one session took another state. `acked`, `expired` and `dead` make its `unread` less by as many.

    Fields:
        session: Whose deliveries.
        seqs: Of which messages.
        at: Unix seconds.
    """

    session: UUID
    state: DeliveryState
    seqs: tuple[int, ...]
    at: float
    reason: str | None = None


class Resync(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="resync"):
    """The subscriber fell behind, and what it missed is gone; this replaces all that it knew."""

    snapshot: Snapshot


Event: TypeAlias = (
    SessionJoined
    | SessionChanged
    | SessionEnded
    | MessageSent
    | DeliveriesChanged
    | BreakerEvent
    | Resync
    | WindowEvent
    | ViewEvent
    | SchemaChanged
    | SchemaRemoved
)

EVENTS: tuple[type[msgspec.Struct], ...] = (
    SessionJoined,
    SessionChanged,
    SessionEnded,
    MessageSent,
    DeliveriesChanged,
    BreakerTripped,
    BreakerReleased,
    Resync,
    WindowChanged,
    WindowClosed,
    WindowOutput,
    WindowFrame,
    ViewHeld,
    ViewEnded,
    SchemaChanged,
    SchemaRemoved,
)


class Notice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event with its number. A `resync` has the number that its snapshot has.

    What is told to one connection alone, because it looks at a window, stands outside of the numbering, as number 0.

    `event` is None where a client does not know the kind: a newer daemon of the same version may tell more.
    """

    number: int
    event: Event | None
