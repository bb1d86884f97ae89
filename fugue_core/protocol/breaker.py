"""What is refused because it went round and round, until somebody releases it. No I/O."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

import msgspec

from fugue_core.protocol.envelope import Participant
from fugue_core.protocol.request import Request


class ChainBreaker(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chain"):
    """A chain of replies that has gone on for too long.

    Fields:
        chain: Its first message.
        limit: How many replies it may have.
        sender: Whose message was refused last.
        tripped_at, refused_at: Unix seconds when one was refused first, and last.
        refusals: How many were.
    """

    chain: UUID
    limit: int
    sender: Participant
    tripped_at: float
    refused_at: float
    refusals: int


class PairBreaker(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="pair"):
    """Two sessions that answered each other too fast; what either writes to the other is refused.

    Fields:
        sessions: Both, in order of registration.
        turns, turns_s: The limit: so many turns within so many seconds.
        sender, tripped_at, refused_at, refusals: As of a chain.
    """

    sessions: tuple[Participant, Participant]
    turns: int
    turns_s: float
    sender: Participant
    tripped_at: float
    refused_at: float
    refusals: int


Breaker: TypeAlias = ChainBreaker | PairBreaker


class BreakerList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `breaker.list`, in the order in which they tripped."""

    breakers: tuple[Breaker, ...]


class ListBreakers(Request, frozen=True, kw_only=True):
    """Show what is refused because it went round and round."""

    method = "breaker.list"
    answer = BreakerList
    mutates = False


class ReleaseBreaker(Request, frozen=True, kw_only=True):
    """Let pass again what is refused: a chain for another `Limits.hops` replies, a pair with its count begun anew.

    Fields:
        chain: The chain's first message.
        pair: Or the two sessions, by id or name, in either order.

    Answer:
        The breaker as it was.

    Errors:
        InvalidParams: Neither was named, or both.
        SessionNotFound, BreakerNotFound
    """

    method = "breaker.release"
    answer = Breaker

    chain: UUID | None = None
    pair: tuple[str, str] | None = None


BREAKER_REQUESTS: tuple[type[Request], ...] = (ListBreakers, ReleaseBreaker)


# ------------------------------------------------------------------------------------------------------------ events


class BreakerTripped(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="breaker.tripped"):
    """Something is refused from now on; or has been refused again, which is told once in a while."""

    breaker: Breaker


class BreakerReleased(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="breaker.released"):
    """It is refused no longer: somebody has released it, or one of the two sessions has ended."""

    breaker: Breaker


BreakerEvent: TypeAlias = BreakerTripped | BreakerReleased
