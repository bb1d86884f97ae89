"""A history as it might have grown in three days, written by fugue's own store and not through its daemon.

50 sessions, or as many as are asked for, in 5 repositories with two worktrees each, 10 of them ended; 16 tags; 20
types of message, the frequent ones far more frequent than the rare; payloads of some 80 to 400 bytes. 70% of the
messages go to a session, 18% to a tag, 8% to a repository, 4% to a worktree. 98% of the deliveries are acknowledged.
Each run finds the same, ids and times aside.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from fugue_core.identifier import new_id
from fugue_core.protocol.envelope import DeliveryState, Envelope, Participant
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.session import SessionId, WorktreeInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree
from fugue_core.record import SESSION_ENDED, Change, SessionRecord
from fugue_core.store import SqliteStore

T = TypeVar("T")

SESSIONS = 50
ENDED = 10
REPOS = 5
TAGS = 16
TYPES = (
    *("status.update", "task.assigned", "task.done", "build.requested", "build.finished", "test.failed", "test.passed"),
    *("review.requested", "review.done", "gas_town.bid", "gas_town.award", "gas_town.refuse", "context.loaded"),
    *("context.refreshed", "plan.proposed", "plan.accepted", "merge.requested", "merge.done", "question", "answer"),
)
"""The most frequent first; the n-th is sent once where the first is sent n times."""
WORDS = (
    *("the", "parser", "router", "of", "branch", "waits", "for", "a", "review", "and", "merge", "after", "tests", "in"),
    *("module", "store", "passed", "again", "with", "new", "figures", "from", "yesterday", "evening", "once", "more"),
)
FREQUENT_WORD = "timeout"
"""In one payload of ten; no other word of the history has it."""
NOTES = 1_000
PERIOD_S = 3 * 24 * 3600.0
COMMIT_MESSAGES = 20_000
STATES: tuple[DeliveryState, ...] = ("acked", "expired", "dead", "queued", "handed")
SHARES = (98.0, 0.9, 0.6, 0.3, 0.2)
"""Of the deliveries, in percent."""


def fill(store: SqliteStore, messages: int, sessions: int = SESSIONS) -> None:
    """Store so many messages of so many sessions, in large commits."""
    draw = random.Random(20)  # a seed, so that each run finds the same
    now = time.time()
    records = [_session(number, now - PERIOD_S) for number in range(sessions)]
    for record in records:
        store.save_session(record)
    for record in records[:ENDED]:
        store.end_session(record.ref, now)
    crowd = _Crowd(records, draw)
    notes = [_note(draw) for _ in range(NOTES)]
    states = _endless(lambda: draw.choices(STATES, SHARES, k=COMMIT_MESSAGES))
    msg_types = _endless(
        lambda: draw.choices(TYPES, [1 / rank for rank in range(1, len(TYPES) + 1)], k=COMMIT_MESSAGES)
    )
    for seq in range(1, messages + 1):
        sender = records[int(draw.random() * sessions)]
        target, refs = crowd.target(sender)
        sent_at = now - PERIOD_S * (1 - seq / messages)
        payload = b'{"task":"T-%d","note":"%s","is_urgent":false}' % (seq, notes[int(draw.random() * NOTES)])
        envelope = Envelope(
            id=new_id(),
            seq=seq,
            sender=Participant(id=sender.id, name=sender.name),
            target=target,
            sent_at=sent_at,
            packed=PackedMessage(next(msg_types), msgspec.Raw(payload)),
        )
        store.add_message(envelope, sender.ref, refs, ())
        store.change([change for ref in refs for change in _fate(next(states), sent_at, seq, ref)])
        if seq % COMMIT_MESSAGES == 0:
            store.commit()
    store.commit()


class _Crowd:
    """Say who is there for a target."""

    def __init__(self, records: Sequence[SessionRecord], draw: random.Random) -> None:
        self._records = records
        self._draw = draw
        self._audiences: dict[str | None, list[int]] = {}
        for record in records:
            assert record.worktree is not None
            for place in (record.repo, record.worktree.path, *record.tags):
                self._audiences.setdefault(place, []).append(record.ref)

    def target(self, sender: SessionRecord) -> tuple[WireTarget, list[int]]:
        """Return a target, and the numbers of the sessions that it means."""
        kind = self._draw.random()
        if kind < 0.70:
            other = self._records[int(self._draw.random() * len(self._records))]
            return SessionNamed(str(other.id), other.name), [other.ref]
        if kind < 0.88:
            tag = f"team-{int(self._draw.random() * TAGS)}"
            return Tagged(tag), self._others(sender, tag)
        if kind < 0.96:
            return Broadcast(), self._others(sender, sender.repo)
        assert sender.worktree is not None
        return Worktree(sender.worktree.path), self._others(sender, sender.worktree.path)

    def _others(self, sender: SessionRecord, place: str | None) -> list[int]:
        return [ref for ref in self._audiences[place] if ref != sender.ref]


def _session(number: int, created_at: float) -> SessionRecord:
    repo = f"/home/somebody/projects/project-{number % REPOS}"
    worktree = WorktreeInfo(path=f"{repo}-{number // REPOS % 2}", branch=f"feature/{number}", is_main=False)
    return SessionRecord(
        ref=number + 1,
        id=SessionId(new_id()),
        name=f"worker-{number}",
        created_at=created_at,
        repo=repo,
        worktree=worktree,
        tags=(f"team-{number % TAGS}",),
    )


def _note(draw: random.Random) -> bytes:
    words = draw.choices(WORDS, k=draw.randrange(4, 60))
    if draw.random() < 0.1:
        words[draw.randrange(len(words))] = FREQUENT_WORD
    return " ".join(words).encode()


def _fate(state: DeliveryState, sent_at: float, seq: int, ref: int) -> Iterator[Change]:
    """Yield what becomes of a delivery."""
    if state in {"handed", "acked"}:
        yield Change("handed", sent_at + 0.5, None, [seq], ref)
    if state in {"acked", "expired", "dead"}:
        yield Change(state, sent_at + 1.5, SESSION_ENDED if state == "dead" else None, [seq], ref)


def _endless(make: Callable[[], list[T]]) -> Iterator[T]:
    while True:
        yield from make()
