"""What the screen shows, as plain values: the daemon's snapshot and events come in, rows come out. No I/O.

Everything here is a projection. Nothing that a person does changes it before the daemon has confirmed it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from fugue_core.filter import Filter, Key, message_fields, session_fields
from fugue_core.protocol.envelope import DeliveryState, Envelope, Participant
from fugue_core.protocol.events import (
    DeliveriesChanged,
    Event,
    MessageSent,
    Resync,
    SessionChanged,
    SessionEnded,
    SessionJoined,
)
from fugue_core.protocol.requests import LogEntry
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree

ROWS = 10_000
"""Messages that are kept here; older ones are in the daemon's history."""
STATES: tuple[DeliveryState, ...] = ("queued", "handed", "acked", "expired", "dead")
ENDED: tuple[DeliveryState, ...] = ("acked", "expired", "dead")


class MessageRow:
    """One message, and what has become of its deliveries.

    Attributes:
        is_held: Somebody whom it waits for has nobody connected.
        version: Grows with each change, so that what was drawn can be known to be old.
    """

    __slots__ = ("counts", "envelope", "is_held", "repo", "states", "version")

    def __init__(self, envelope: Envelope, counts: Counter[DeliveryState], repo: str | None) -> None:
        self.envelope = envelope
        self.counts = counts
        self.repo = repo
        self.states: dict[UUID, DeliveryState] = {}
        self.is_held = False
        self.version = 0

    @property
    def total(self) -> int:
        """How many it was for."""
        return self.counts.total()

    def change(self, session: UUID, state: DeliveryState) -> None:
        """Take in that the delivery to `session` is in another state."""
        before = self.states.get(session) or next((old for old in ("handed", "queued") if self.counts[old]), None)
        if before is None or before in ENDED:
            return
        self.counts[before] -= 1
        self.counts[state] += 1
        self.states[session] = state
        self.is_held = self.is_held and self.counts["queued"] > 0
        self.version += 1


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the session list.

    Fields:
        kind: A repository's heading, a worktree's, or a session.
        label: The heading's text, or the session's name.
        note: At the right: how many, or the worktree's path.
        session: Of a session's line.
        age_s: Since its last message; None: none seen.
    """

    kind: str
    label: str
    note: str = ""
    session: SessionInfo | None = None
    age_s: float | None = None
    is_marked: bool = False
    is_you: bool = False


class World:
    """All that is known of the daemon's sessions and newest messages.

    Invariant: `rows` is in order of seq and `_by_seq` holds exactly its rows.
    """

    def __init__(self) -> None:
        self.sessions: dict[UUID, SessionInfo] = {}
        self.rows: deque[MessageRow] = deque()
        self.message_count = 0
        self.last_at: dict[UUID, float] = {}
        self._by_seq: dict[int, MessageRow] = {}

    def apply(self, event: Event) -> None:
        """Take in one event. Cost: of `deliveries.changed` its seqs, of `resync` all sessions, else next to none."""
        match event:
            case MessageSent(envelope=envelope):
                self._add_sent(event, envelope)
            case DeliveriesChanged(session=session, state=state, seqs=seqs):
                self._change_deliveries(session, state, seqs)
            case SessionJoined(session=info) | SessionChanged(session=info):
                self.sessions[info.id] = info
            case SessionEnded(id=session):
                self.sessions.pop(session, None)
            case Resync(snapshot=snapshot):
                self.sessions = {info.id: info for info in snapshot.sessions}
                self.message_count = snapshot.last_seq
                self.rows.clear()
                self._by_seq.clear()

    def add_history(self, entries: Iterable[LogEntry]) -> None:
        """Take in stored messages, newest first, in front of those that are known."""
        for entry in entries:
            envelope = entry.envelope
            if envelope.seq in self._by_seq:
                continue
            counts = Counter({state: getattr(entry.deliveries, state) for state in STATES})
            row = MessageRow(envelope, counts, self._repo_of(envelope.sender.id))
            self.rows.appendleft(row)
            self._by_seq[envelope.seq] = row
            self._touch(envelope)

    def messages(self, wanted: Filter) -> list[MessageRow]:
        """Return the known messages that pass a filter, oldest first."""
        return [row for row in self.rows if wanted.matches(self.fields_of(row))] if wanted.terms else list(self.rows)

    def fields_of(self, row: MessageRow) -> Mapping[Key, Iterable[str]]:
        """Return what the words of a filter are compared with for a message."""
        known = (self.sessions.get(session) for session in row.states)
        recipients = [Participant(id=info.id, name=info.name) for info in known if info is not None]
        states = [state for state, count in row.counts.items() if count]
        return message_fields(row.envelope, recipients, states, row.repo)

    def session_rows(self, wanted: Filter, marked: frozenset[UUID], you: UUID | None, now: float) -> list[SessionRow]:
        """Return the session list: by repository, then by worktree, each in order of registration."""
        shown = [info for info in self.sessions.values() if wanted.matches(session_fields(info))]
        rows: list[SessionRow] = []
        for repo in dict.fromkeys(info.repo for info in shown):
            mine = [info for info in shown if info.repo == repo]
            label = "no repository" if repo is None else repo.rpartition("/")[2]
            rows.append(SessionRow(kind="repo", label=label, note=str(len(mine))))
            for path in dict.fromkeys(info.worktree.path if info.worktree else None for info in mine):
                here = [info for info in mine if (info.worktree.path if info.worktree else None) == path]
                worktree = here[0].worktree
                if worktree is not None:
                    branch = f"@{worktree.branch or 'detached'}"
                    rows.append(SessionRow(kind="worktree", label=branch, note=worktree.path))
                rows += [self._session_row(info, marked, you, now) for info in here]
        return rows

    def tag_counts(self) -> Counter[str]:
        """Return how many sessions carry each tag."""
        return Counter(tag for info in self.sessions.values() for tag in info.tags)

    def _session_row(self, info: SessionInfo, marked: frozenset[UUID], you: UUID | None, now: float) -> SessionRow:
        last = self.last_at.get(info.id)
        return SessionRow(
            kind="session",
            label=info.name,
            session=info,
            age_s=None if last is None else max(0.0, now - last),
            is_marked=info.id in marked,
            is_you=info.id == you,
        )

    def _add_sent(self, sent: MessageSent, envelope: Envelope) -> None:
        counts: Counter[DeliveryState] = Counter({"queued": len(sent.recipients), "dead": len(sent.refused)})
        row = MessageRow(envelope, counts, self._repo_of(envelope.sender.id))
        row.states = {recipient.id: "queued" for recipient in sent.recipients}
        row.is_held = any(not recipient.is_connected for recipient in sent.recipients)
        self.rows.append(row)
        self._by_seq[envelope.seq] = row
        self.message_count += 1
        if len(self.rows) > ROWS:
            del self._by_seq[self.rows.popleft().envelope.seq]
        self._touch(envelope)
        for recipient in sent.recipients:
            self._add_unread(recipient.id, 1)

    def _change_deliveries(self, session: UUID, state: DeliveryState, seqs: Sequence[int]) -> None:
        for seq in seqs:
            row = self._by_seq.get(seq)
            if row is not None:
                row.change(session, state)
        if state in ENDED:
            self._add_unread(session, -len(seqs))

    def _add_unread(self, session: UUID, count: int) -> None:
        info = self.sessions.get(session)
        if info is not None:
            self.sessions[session] = msgspec.structs.replace(info, unread=max(0, info.unread + count))

    def _touch(self, envelope: Envelope) -> None:
        sender = envelope.sender.id
        self.last_at[sender] = max(envelope.sent_at, self.last_at.get(sender, 0.0))

    def _repo_of(self, session: UUID) -> str | None:
        info = self.sessions.get(session)
        return None if info is None else info.repo


def short_age(age_s: float | None) -> str:
    """Return an age in at most three characters: `5s`, `4m`, `2h`, `3d`."""
    if age_s is None:
        return ""
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60)):
        if age_s >= seconds:
            return f"{min(99, int(age_s // seconds))}{unit}"
    return f"{int(age_s)}s"


def short_target(target: WireTarget, repo: str | None) -> str:
    """Return a target as the log has it: `#tag`, a session's name, `*repo`, `@worktree`."""
    match target:
        case Tagged(tag=tag):
            return f"#{tag}"
        case SessionNamed(session=session, name=name):
            return name or session
        case Worktree(path=path):
            return f"@{path.rpartition('/')[2]}"
        case Broadcast():
            return f"*{repo.rpartition('/')[2] if repo else ''}"


def clock_time(at: float) -> str:
    """Return the local time of day, `12:01:47`."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def state_of(row: MessageRow) -> tuple[str, str]:
    """Return a sign for what has become of a message and its words: ok, wait, held, bad or none."""
    counts, total = row.counts, row.total
    if total == 0:
        return "none", "none"
    if counts["dead"] or counts["expired"]:
        return "bad", "dead" if counts["dead"] else "expired"
    if counts["acked"] == total:
        return "ok", f"{total}/{total}"
    if row.is_held and not counts["acked"] and not counts["handed"]:
        return "held", "held"
    return "wait", f"{counts['acked']}/{total}"
