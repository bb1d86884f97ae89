"""What the screen shows, as plain values: the daemon's snapshot and events come in, rows come out. No I/O.

Everything here is a projection. Nothing that a person does changes it before the daemon has confirmed it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from fugue_core.filter import Filter, Key, message_fields
from fugue_core.protocol.breaker import Breaker, BreakerReleased, BreakerTripped, ChainBreaker
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
from fugue_core.protocol.window import WindowChanged, WindowClosed, WindowInfo
from fugue_tui.roster import KnownTag, LastMessage, Roster

ROWS = 10_000
"""Messages that are kept here; older ones are in the daemon's history."""
TAGS_USED = 1_000
"""Tags that nobody carries but that are still offered; of more, the ones not used for longest are forgotten."""
STATES: tuple[DeliveryState, ...] = ("queued", "handed", "acked", "expired", "dead")
ENDED: tuple[DeliveryState, ...] = ("acked", "expired", "dead")


class MessageRow:
    """One message, and what has become of its deliveries.

    Attributes:
        states: Of the deliveries, by their recipients: all of them where it came while the screen was open, else those
            that have changed since.
        version: Grows with each change, so that what was drawn can be known to be old.
    """

    __slots__ = ("__weakref__", "counts", "envelope", "held", "repo", "states", "version")

    def __init__(self, envelope: Envelope, counts: dict[DeliveryState, int], repo: str | None) -> None:
        self.envelope = envelope
        self.counts = counts
        self.repo = repo
        self.states: dict[UUID, DeliveryState] = {}
        self.version = 0
        self.held = (-1, -1, False)

    @property
    def total(self) -> int:
        """How many it was for."""
        return sum(self.counts.values())

    def change(self, session: UUID, state: DeliveryState) -> None:
        """Take in that the delivery to `session` is in another state."""
        before = self.states.get(session) or next((old for old in ("handed", "queued") if self.counts[old]), None)
        if before is None or before in ENDED:
            return
        self.counts[before] -= 1
        self.counts[state] += 1
        self.states[session] = state
        self.version += 1


def breaker_key(breaker: Breaker) -> object:
    """Return what two breakers have in common where they are the same one at different times."""
    return breaker.chain if isinstance(breaker, ChainBreaker) else tuple(session.id for session in breaker.sessions)


def stopped_words(breaker: Breaker) -> str:
    """Return what was stopped, in a few words."""
    if isinstance(breaker, ChainBreaker):
        return f"a chain of over {breaker.limit:,} replies was stopped at {breaker.sender.name}"
    one, other = breaker.sessions
    return f"{one.name} and {other.name} answered each other too often and were stopped"


class World:
    """All that is known of the daemon's sessions and newest messages.

    Invariant: `rows` is in order of seq and `_by_seq` holds exactly its rows.

    Attributes:
        generation: Grows whenever all that was known has been replaced, or history has come in front.
        appended: How many messages were ever added at the newest end; see `news_since`.
        membership: Grows whenever who receives what may be another than before: also where two events that came
            together undo each other, since somebody may have asked between them.
        breakers: What is refused until somebody releases it, in the order in which it tripped; by `breaker_key`.
        presence: Grows whenever a session may have come to have somebody connected, or nobody.
    """

    def __init__(self) -> None:
        self.sessions: dict[UUID, SessionInfo] = {}
        self.windows: dict[UUID, dict[int, WindowInfo]] = {}
        self.breakers: dict[object, Breaker] = {}
        self.rows: deque[MessageRow] = deque()
        self.message_count = 0
        self.last: dict[UUID, LastMessage] = {}
        self.tags_used: dict[str, float] = {}
        self.generation = 0
        self.appended = 0
        self.membership = 0
        self.presence = 0
        self._by_seq: dict[int, MessageRow] = {}
        self._heard: dict[UUID, int] = {}
        self._adopted: WeakValueDictionary[int, MessageRow] = WeakValueDictionary()

    def apply(self, event: Event) -> None:  # noqa: C901  # one branch for each kind of event
        """Take in one event. Cost: of `deliveries.changed` its seqs, of `resync` all sessions, else next to none."""
        match event:
            case MessageSent(envelope=envelope):
                self._add_sent(event, envelope)
            case DeliveriesChanged(session=session, state=state, seqs=seqs):
                self._change_deliveries(session, state, seqs)
            case SessionJoined(session=info) | SessionChanged(session=info):
                known = self.sessions.get(info.id)
                self.presence += known is None or bool(known.attached_clients) != bool(info.attached_clients)
                self.sessions[info.id] = info
                self.membership += 1
            case SessionEnded(id=session, at=at):
                ended = self.sessions.pop(session, None)
                self.last.pop(session, None)
                for window in self.windows.pop(session, {}).values():
                    self._heard.pop(window.id, None)
                for tag in () if ended is None else ended.tags:
                    self._use_tag(tag, at)
                self.membership += 1
                self.presence += 1
            case WindowChanged(window=window):
                self._take_window(window)
            case WindowClosed(session=session, window=number, id=window_id):
                self._close_window(session, number, window_id)
            case BreakerTripped(breaker=breaker):
                self.breakers[breaker_key(breaker)] = breaker
            case BreakerReleased(breaker=breaker):
                self.breakers.pop(breaker_key(breaker), None)
            case Resync(snapshot=snapshot):
                self.breakers = {breaker_key(breaker): breaker for breaker in snapshot.breakers}
                self.sessions = {info.id: info for info in snapshot.sessions}
                self.last = {session: last for session, last in self.last.items() if session in self.sessions}
                self.message_count = snapshot.last_seq
                self._replace_windows(snapshot.windows)
                self.rows.clear()
                self._by_seq.clear()
                self._adopted.clear()
                self.generation += 1
                self.membership += 1
                self.presence += 1

    # ------------------------------------------------------------------------------------------------------ windows

    def windows_of(self, session: UUID) -> tuple[WindowInfo, ...]:
        """Return a session's windows, by their numbers."""
        return tuple(window for _, window in sorted(self.windows.get(session, {}).items()))

    def unheard(self) -> dict[UUID, int]:
        """Return how often each window has rung the bell since it was last looked at; by its id, where it has."""
        windows = [window for mine in self.windows.values() for window in mine.values()]
        return {
            window.id: window.bells - self._heard[window.id]
            for window in windows
            if window.bells > self._heard[window.id]
        }

    def hear(self, window: WindowInfo) -> None:
        """Take in that the user looks at a window: its bell has been heard."""
        self._heard[window.id] = window.bells

    def _take_window(self, window: WindowInfo) -> None:
        self.windows.setdefault(window.session, {})[window.window] = window
        self._heard.setdefault(window.id, 0)

    def _close_window(self, session: UUID, number: int, window_id: UUID) -> None:
        mine = self.windows.get(session, {})
        if number in mine and mine[number].id == window_id:
            del mine[number]
        if not mine:
            self.windows.pop(session, None)
        self._heard.pop(window_id, None)

    def _replace_windows(self, windows: Iterable[WindowInfo]) -> None:
        """Take in all windows as they are now. What rang before anybody looked is not told of."""
        heard, self._heard, self.windows = self._heard, {}, {}
        for window in windows:
            self._take_window(window)
            self._heard[window.id] = heard.get(window.id, window.bells)

    # ----------------------------------------------------------------------------------------------------- messages

    def add_history(self, entries: Iterable[LogEntry]) -> None:
        """Take in stored messages, newest first, in front of those that are known."""
        for entry in entries:
            envelope = entry.envelope
            if envelope.seq in self._by_seq:
                continue
            counts = _counts_of(entry)
            row = MessageRow(envelope, counts, self._repo_of(envelope.sender.id))
            self.rows.appendleft(row)
            self._by_seq[envelope.seq] = row
            self._touch(envelope)
        self.generation += 1

    def news_since(self, appended: int) -> list[MessageRow]:
        """Return the messages that came after `appended` of them, oldest first. Cost: as many as there are."""
        count = min(self.appended - appended, len(self.rows))
        return list(islice(reversed(self.rows), count))[::-1] if count > 0 else []

    def adopt(self, entries: Iterable[LogEntry]) -> list[MessageRow]:
        """Return rows for stored messages, in the order of `entries`; they change with the events while they are shown.

        What is known already is returned as it is known; the rest is not kept here.
        """
        rows = []
        for entry in entries:
            envelope = entry.envelope
            row = self._by_seq.get(envelope.seq)
            if row is None:
                counts = _counts_of(entry)
                row = self._adopted.get(envelope.seq) or MessageRow(envelope, counts, self._repo_of(envelope.sender.id))
                if row.counts != counts:
                    row.counts, row.version = counts, row.version + 1
                self._adopted[envelope.seq] = row
            rows.append(row)
        return rows

    def keep(self, rows: Iterable[MessageRow]) -> None:
        """Let rows that somebody has go on changing with the events, though what was known has been replaced."""
        self._adopted.update({row.envelope.seq: row for row in rows if row.envelope.seq not in self._by_seq})

    def messages(self, wanted: Filter) -> list[MessageRow]:
        """Return the known messages that pass a filter, oldest first."""
        return [row for row in self.rows if wanted.matches(self.fields_of(row))] if wanted.terms else list(self.rows)

    def fields_of(self, row: MessageRow) -> Mapping[Key, Iterable[str]]:
        """Return what the words of a filter are compared with for a message."""
        known = (self.sessions.get(session) for session in row.states)
        recipients = [Participant(id=info.id, name=info.name) for info in known if info is not None]
        states = [state for state, count in row.counts.items() if count]
        return message_fields(row.envelope, recipients, states, row.repo)

    def is_held(self, row: MessageRow) -> bool:
        """Say whether a delivery of a message is queued for a session that nobody is connected to.

        Cost: linear in its recipients, or in the sessions where it was sent before the screen was open; nothing while
        neither its deliveries nor the presence of anybody has changed.
        """
        version, presence, is_held = row.held
        if (version, presence) != (row.version, self.presence):
            is_held = row.counts["queued"] > 0 and any(not info.attached_clients for info in self._waited_for(row))
            row.held = row.version, self.presence, is_held
        return is_held

    def _waited_for(self, row: MessageRow) -> Iterator[SessionInfo]:
        """Give the sessions in whose mailboxes a message is queued.

        A page of the history counts its deliveries and does not name them. Of such a message these are the sessions
        that its target means today, that were here when it was sent, and that have something to read.
        """
        queued = [session for session, state in row.states.items() if state == "queued"]
        if len(queued) >= row.counts["queued"]:
            yield from (self.sessions[session] for session in queued if session in self.sessions)
            return
        envelope = row.envelope
        for info in self.sessions.values():
            is_possible = info.unread and info.created_at <= envelope.sent_at and info.id != envelope.sender.id
            if (
                is_possible
                and row.states.get(info.id, "queued") == "queued"
                and _means(envelope.target, info, row.repo)
            ):
                yield info

    def roster(self, you: UUID | None, now: float) -> Roster:
        """Return what the session list shows. Cost: linear in the sessions."""
        return Roster(
            sessions=tuple(self.sessions.values()),
            last=self.last.copy(),
            windows={session: self.windows_of(session) for session in self.windows},
            unheard=self.unheard(),
            you=you,
            now=now,
        )

    def known_tags(self) -> list[KnownTag]:
        """Return every tag that is carried, the most carried first, then those that once were or were written to."""
        counts = Counter(tag for info in self.sessions.values() for tag in info.tags)
        names = [*(tag for tag, _ in counts.most_common()), *(tag for tag in self.tags_used if tag not in counts)]
        return [KnownTag(name=tag, sessions=counts[tag], used_at=self.tags_used.get(tag)) for tag in names]

    def _add_sent(self, sent: MessageSent, envelope: Envelope) -> None:
        row = self._by_seq.get(envelope.seq)
        if row is None:
            queued, dead = len(sent.recipients), len(sent.refused)
            counts: dict[DeliveryState, int] = {"queued": queued, "handed": 0, "acked": 0, "expired": 0, "dead": dead}
            row = MessageRow(envelope, counts, self._repo_of(envelope.sender.id))
            self.rows.append(row)
            self.appended += 1
            self._by_seq[envelope.seq] = row
            if len(self.rows) > ROWS:
                del self._by_seq[self.rows.popleft().envelope.seq]
            row.states = {recipient.id: "queued" for recipient in sent.recipients}
        # else the page of history, which was asked for after the snapshot, had it already, in the state of that moment
        self.message_count += 1
        self._touch(envelope)
        for recipient in sent.recipients:
            self._add_unread(recipient.id, 1)

    def _change_deliveries(self, session: UUID, state: DeliveryState, seqs: Sequence[int]) -> None:
        for seq in seqs:
            row = self._by_seq.get(seq) or self._adopted.get(seq)
            if row is not None:
                row.change(session, state)
        if state in ENDED:
            self._add_unread(session, -len(seqs))

    def _add_unread(self, session: UUID, count: int) -> None:
        info = self.sessions.get(session)
        if info is not None:
            self.sessions[session] = msgspec.structs.replace(info, unread=max(0, info.unread + count))

    def _touch(self, envelope: Envelope) -> None:
        sender, target, at = envelope.sender.id, envelope.target, envelope.sent_at
        known = self.last.get(sender)
        if sender in self.sessions and (known is None or at >= known.at):
            self.last[sender] = LastMessage(at=at, msg_type=envelope.packed.msg_type, target=target)
        if isinstance(target, Tagged):
            self._use_tag(target.tag, at)

    def _use_tag(self, tag: str, at: float) -> None:
        self.tags_used[tag] = max(at, self.tags_used.pop(tag, 0.0))
        if len(self.tags_used) > TAGS_USED:
            del self.tags_used[next(iter(self.tags_used))]

    def _repo_of(self, session: UUID) -> str | None:
        info = self.sessions.get(session)
        return None if info is None else info.repo


def _means(target: WireTarget, info: SessionInfo, sender_repo: str | None) -> bool:
    """Say whether a target names a session, as it is today."""
    match target:
        case Tagged(tag=tag, repo=repo):
            return tag in info.tags and repo in {None, info.repo}
        case SessionNamed(session=session):
            return session in {str(info.id), info.name}
        case Worktree(path=path):
            return info.worktree is not None and info.worktree.path == path
        case Broadcast():
            return info.repo is not None and info.repo == sender_repo


def _counts_of(entry: LogEntry) -> dict[DeliveryState, int]:
    return {state: getattr(entry.deliveries, state) for state in STATES}


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


def state_of(row: MessageRow, *, is_held: bool) -> tuple[str, str]:
    """Return a sign for what has become of a message and its words: ok, wait, held, bad or none.

    Args:
        row: The message.
        is_held: What `World.is_held` says of it.
    """
    counts, total = row.counts, row.total
    if total == 0:
        return "none", "none"
    if counts["dead"] or counts["expired"]:
        return "bad", "dead" if counts["dead"] else "expired"
    if counts["acked"] == total:
        return "ok", f"{total}/{total}"
    if is_held and not counts["acked"] and not counts["handed"]:
        return "held", "held"
    return "wait", f"{counts['acked']}/{total}"
