"""What is kept of sessions and deliveries between two runs of the daemon. No I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fugue_core.protocol.message import MessageId
from fugue_core.protocol.requests import DeliveryState, Envelope
from fugue_core.protocol.session import SessionId, WorktreeInfo


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored; each change makes a new one.

    Fields:
        ref: Its number, growing in order of registration and never used again; what deliveries are stored under.
        tags: In alphabetical order.
        for_pid, pid_started: The process it lives for, and when that began (in the kernel's own ticks), since process
            ids are used again.
    """

    ref: int
    id: SessionId
    name: str
    created_at: float
    repo: str | None = None
    worktree: WorktreeInfo | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    for_pid: int | None = None
    pid_started: int | None = None


class OpenDelivery(NamedTuple):
    """A delivery that was not acknowledged when the store was loaded."""

    ref: int
    seq: int
    size_bytes: int
    expires_at: float | None


class StoredState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a hub needs to go on where another stopped.

    Fields:
        sessions: The living ones, in order of `ref`.
        deliveries: The open ones, in order of `seq`.
        last_ref, last_seq: The highest ever given; 0 where there was none.
    """

    sessions: list[SessionRecord]
    deliveries: list[OpenDelivery]
    last_ref: int
    last_seq: int


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message found again under its id.

    Fields:
        recipients, refused: In order of registration.
    """

    envelope: Envelope
    recipients: list[tuple[SessionId, str]]
    refused: list[tuple[SessionId, str]]


class Change(NamedTuple):
    """One delivery's new state, as a row to be written."""

    state: DeliveryState
    at: float
    reason: str | None
    seq: int
    ref: int


MAILBOX_FULL = "mailbox full"
SESSION_ENDED = "session ended"

__all__ = [
    "MAILBOX_FULL",
    "SESSION_ENDED",
    "Change",
    "MessageId",
    "OpenDelivery",
    "SentMessage",
    "SessionRecord",
    "StoredState",
]
