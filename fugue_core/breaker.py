"""Loops: replies that answer replies for ever, and sessions that answer each other without end. No I/O.

What looks like a loop is refused until somebody releases it, and everything else goes on. How far a chain has gone
stands in its messages, and how far it may go since it was released is stored; all about pairs is in memory alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from fugue_core.directory import Directory, Member
from fugue_core.errors import BreakerNotFound, ChainTooLong
from fugue_core.limits import Limits
from fugue_core.protocol.breaker import (
    Breaker,
    BreakerEvent,
    BreakerReleased,
    BreakerTripped,
    ChainBreaker,
    PairBreaker,
)
from fugue_core.protocol.envelope import Participant
from fugue_core.record import Store

Pair: TypeAlias = tuple[int, int]
"""The refs of two sessions, the lower one first."""
Key: TypeAlias = int | Pair
"""What a breaker is known by: the number of a chain's id (a UUID's hash is computed in Python), or a pair."""

TRIPPED_BREAKERS = 1_000
"""So many are remembered. The one that tripped first makes room: it is released."""
RELEASED_CHAINS = 1_000
"""Of so many chains, those released last, it is remembered that they were."""
REMEMBERED_PAIRS = 100_000
"""When of so many pairs it is known who wrote last all of that is forgotten, which costs each pair one turn."""


class _Count(NamedTuple):
    """The turns of a pair since a time."""

    turns: int
    since: float


class Breakers:
    """Know what has tripped, and what is about to.

    A turn of two sessions is a message from one to the other after one the other way; what goes one way only takes
    none. Turns are counted from the first one on, for `Limits.pair_turns_s`, and then anew.

    Invariant: of two sessions at most one is in the other's `Member.unanswered`. `_guarded` has, both ways round, the
    pairs that have tripped, and those that will with the next turn unless their count's time is over.
    """

    def __init__(self, store: Store, limits: Limits, clock: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._tripped: dict[Key, Breaker] = {}
        self._allowed: dict[int, int] = {}
        self._counts: dict[Pair, _Count] = {}
        self._guarded: dict[int, set[int]] = {}
        self._remembered_pairs = 0
        self._swept_at = clock()
        self._news: list[BreakerEvent] = []
        self._retold: dict[Key, None] = {}
        self._taken: dict[Key, Breaker] = {}

    def load(self, directory: Directory, allowed: Mapping[UUID, int]) -> None:
        """Begin, or begin again where a turn is undone: then what has tripped stays so, and no release has happened.

        Args:
            directory: The sessions; none of them has written to anybody as far as is known.
            allowed: How many replies the chains that were released may have, in the order in which they were.
        """
        self._directory = directory
        self._allowed = {chain.int: hops for chain, hops in allowed.items()}
        self._tripped = {
            key: breaker for key, breaker in {**self._tripped, **self._taken}.items() if _is_about(breaker, directory)
        }
        self._news = [
            event for event in self._news if isinstance(event, BreakerTripped) and _is_about(event.breaker, directory)
        ]
        self._taken.clear()
        self._retold.clear()
        self._counts.clear()
        self._guarded.clear()
        for key in self._tripped:
            if isinstance(key, tuple):
                self._guard(key)
        self._remembered_pairs = 0

    # ------------------------------------------------------------------------------------------------- what is refused

    def check_chain(self, chain: UUID, hops: int, sender: Participant) -> None:
        """Raise `ChainTooLong` where no reply may come so far down a chain."""
        if not 0 < self._limits.hops < hops:
            return
        limit = max(self._limits.hops, self._allowed.get(chain.int, 0))
        if hops > limit:
            now = self._clock()
            self._trip(
                chain.int,
                ChainBreaker(chain=chain, limit=limit, sender=sender, tripped_at=now, refused_at=now, refusals=1),
            )
            raise ChainTooLong(chain, hops, limit)

    def closed_to(self, sender: Member, members: Sequence[Member]) -> Collection[int]:
        """Return the refs of those of `members` to whom nothing passes from `sender`. Cost: nothing, where all may."""
        guarded = self._guarded.get(sender.record.ref)
        if guarded is None:
            return ()
        return {
            member.record.ref for member in members if member.record.ref in guarded and self._is_closed(sender, member)
        }

    def _is_closed(self, sender: Member, member: Member) -> bool:
        pair = _pair_of(sender, member)
        now = self._clock()
        if pair not in self._tripped:
            if not self._is_counting(self._counts.get(pair), now):
                self._unguard(pair)
                return False
            if sender.record.ref not in member.unanswered:
                return False
            del self._counts[pair]
        first, second = sorted((sender, member), key=lambda one: one.record.ref)
        self._trip(
            pair,
            PairBreaker(
                sessions=(first.participant(), second.participant()),
                turns=self._limits.pair_turns,
                turns_s=self._limits.pair_turns_s,
                sender=sender.participant(),
                tripped_at=now,
                refused_at=now,
                refusals=1,
            ),
        )
        return True

    def _trip(self, key: Key, breaker: Breaker) -> None:
        """Note that a message was refused."""
        known = self._tripped.get(key)
        if known is None:
            self._tripped[key] = breaker
            self._news.append(BreakerTripped(breaker=breaker))
            if len(self._tripped) > TRIPPED_BREAKERS:
                self._take(next(iter(self._tripped)))
        else:
            self._tripped[key] = msgspec.structs.replace(
                breaker, tripped_at=known.tripped_at, refusals=known.refusals + 1
            )
            self._retold[key] = None

    # -------------------------------------------------------------------------------------------------- what is counted

    def note(self, sender: Member, takers: Sequence[Member], refs: Sequence[int], now: float) -> None:
        """Count the turns that a message has taken. `refs` are those of `takers`.

        Cost: that of a look into a set and of one addition to a set, for each taker.
        """
        if not self._limits.pair_turns:
            return
        ref = sender.record.ref
        answered = [member for member in takers if ref in member.unanswered and member is not sender]
        for member in answered:
            member.unanswered.remove(ref)
            self._take_turn(_pair_of(sender, member), now)
        unanswered = sender.unanswered
        known = len(unanswered)
        unanswered.update(refs)
        self._remembered_pairs += len(unanswered) - known - len(answered)
        if self._remembered_pairs > REMEMBERED_PAIRS:
            self._forget_who_wrote_last()

    def _take_turn(self, pair: Pair, now: float) -> None:
        count = self._counts.get(pair)
        if count is not None and self._is_counting(count, now):
            count = _Count(count.turns + 1, count.since)
        else:
            count = _Count(1, now)
        self._counts[pair] = count
        if count.turns >= self._limits.pair_turns:
            self._guard(pair)

    def _is_counting(self, count: _Count | None, now: float) -> bool:
        """Say whether a count's time is not over. A clock that was set back ends it."""
        return count is not None and 0 <= now - count.since < self._limits.pair_turns_s

    def _guard(self, pair: Pair) -> None:
        for one, other in (pair, pair[::-1]):
            self._guarded.setdefault(one, set()).add(other)

    def _unguard(self, pair: Pair) -> None:
        for one, other in (pair, pair[::-1]):
            guarded = self._guarded.get(one, set())
            guarded.discard(other)
            if not guarded:
                self._guarded.pop(one, None)

    def _forget_who_wrote_last(self) -> None:
        for member in self._directory:
            member.unanswered.clear()
        self._remembered_pairs = 0

    # ------------------------------------------------------------------------------------------------ what is let pass

    def tripped(self) -> tuple[Breaker, ...]:
        """Return what has tripped, in that order, with the names that the sessions have now."""
        return tuple([self._as_now(breaker) for breaker in self._tripped.values()])

    def release_chain(self, chain: UUID) -> Breaker:
        """Let a chain have another `Limits.hops` replies. Raises `BreakerNotFound`."""
        breaker = self._tripped.get(chain.int)
        if not isinstance(breaker, ChainBreaker):
            raise BreakerNotFound(str(chain))
        hops = breaker.limit + self._limits.hops
        self._store.allow_hops(chain, hops)
        self._allowed.pop(chain.int, None)
        self._allowed[chain.int] = hops
        if len(self._allowed) > RELEASED_CHAINS:
            oldest = next(iter(self._allowed))
            self._store.allow_hops(UUID(int=oldest), None)
            del self._allowed[oldest]
        return self._take(chain.int)

    def release_pair(self, one: Member, other: Member) -> Breaker:
        """Let two sessions write to each other again. Raises `BreakerNotFound`."""
        pair = _pair_of(one, other)
        if pair not in self._tripped:
            raise BreakerNotFound(f"{one.record.name} {other.record.name}")
        return self._take(pair)

    def forget(self, member: Member) -> None:
        """Let what was known of a session that ends be forgotten."""
        ref = member.record.ref
        for other in list(self._guarded.get(ref, ())):
            pair = (min(ref, other), max(ref, other))
            if pair in self._tripped:
                self._take(pair)
            else:
                self._unguard(pair)

    def _take(self, key: Key) -> Breaker:
        """Take a breaker out; return it as it was."""
        breaker = self._taken[key] = self._tripped.pop(key)
        if isinstance(key, tuple):
            self._unguard(key)
        self._retold.pop(key, None)
        breaker = self._as_now(breaker)
        self._news.append(BreakerReleased(breaker=breaker))
        return breaker

    def _as_now(self, breaker: Breaker) -> Breaker:
        sender = self._named_as_now(breaker.sender)
        if isinstance(breaker, ChainBreaker):
            return msgspec.structs.replace(breaker, sender=sender)
        first, second = map(self._named_as_now, breaker.sessions)
        return msgspec.structs.replace(breaker, sender=sender, sessions=(first, second))

    def _named_as_now(self, participant: Participant) -> Participant:
        member = self._directory.get(participant.id)
        return participant if member is None else member.participant()

    # -------------------------------------------------------------------------------------------- for whoever drives it

    def tick(self) -> None:
        """Tell again of what was refused again, and forget pairs whose time is over."""
        self._news += [BreakerTripped(breaker=self._as_now(self._tripped[key])) for key in self._retold]
        self._retold.clear()
        now = self._clock()
        if not 0 <= now - self._swept_at < self._limits.pair_turns_s:
            self._swept_at = now
            self._forget_who_wrote_last()
            over = [pair for pair, count in self._counts.items() if not self._is_counting(count, now)]
            for pair in over:
                del self._counts[pair]
                self._unguard(pair)

    def take_news(self) -> list[BreakerEvent]:
        """Return what has tripped and what was released since the last call. Call it when a turn has ended."""
        news, self._news = self._news, []
        self._taken.clear()
        return news


def _is_about(breaker: Breaker, directory: Directory) -> bool:
    """Say whether the sessions of a pair are there."""
    return isinstance(breaker, ChainBreaker) or all(directory.get(session.id) for session in breaker.sessions)


def _pair_of(one: Member, other: Member) -> Pair:
    return (min(one.record.ref, other.record.ref), max(one.record.ref, other.record.ref))
