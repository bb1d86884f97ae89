"""The log of all messages, read from the store's file through a connection of its own, beside the writer.

So a long search holds up nobody: the daemon asks from a thread.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple, TypeAlias, cast
from uuid import UUID

import msgspec

from fugue_core.errors import MessageNotFound, StoreUnavailable
from fugue_core.filter import Term, folded, parse_filter
from fugue_core.protocol.envelope import STATES, DeliveryCounts, DeliveryInfo, DeliveryState, Envelope, Participant
from fugue_core.protocol.message import MessageId, PackedMessage
from fugue_core.protocol.requests import ListMessages, LogEntry, LogPage, MessageRecord
from fugue_core.protocol.session import parse_session_id
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree

STATE_NUMBERS = {state: number for number, state in enumerate(STATES)}

PAGE_BYTES = 8 * 1024 * 1024
"""Payloads in one page; what does not fit comes with the next."""

Row: TypeAlias = tuple[Any, ...]


def envelope_query(condition: str) -> str:
    """Return the query whose rows `envelope_of` reads."""
    return (
        "SELECT m.seq, m.id, s.id, s.name, m.sent_at, m.target, m.target_repo, t.id, t.name, m.msg_type,"  # noqa: S608
        " m.payload, m.reply_to, m.expires_at, m.chain, m.hops FROM message m JOIN session s ON s.ref = m.sender"
        " LEFT JOIN session t ON substr(m.target, 1, 8) = 'session:'"
        " AND t.ref = (SELECT d.recipient FROM delivery d WHERE d.seq = m.seq) WHERE " + condition
    )


def envelope_of(row: Row) -> Envelope:
    """Return the envelope in a row of `envelope_query`."""
    seq, id_, sender, sender_name, sent_at, *target, msg_type, payload, reply_to, expires_at, chain, hops = row
    return Envelope(
        id=UUID(bytes=id_),
        seq=seq,
        sender=Participant(id=UUID(bytes=sender), name=sender_name),
        target=_target_of(*target),
        sent_at=sent_at,
        packed=PackedMessage(msg_type, msgspec.Raw(payload)),
        reply_to=UUID(bytes=reply_to) if reply_to else None,
        expires_at=expires_at,
        chain=UUID(bytes=chain) if chain else None,
        hops=hops,
    )


def _target_of(text: str, repo: str | None, session: bytes | None, session_name: str | None) -> WireTarget:
    if session is not None:
        return SessionNamed(str(UUID(bytes=session)), session_name)
    kind, _, value = text.partition(":")
    match kind:
        case "tag":
            return Tagged(value, repo)
        case "worktree":
            return Worktree(value)
        case _:
            return Broadcast()


class Clause(NamedTuple):
    """A piece of SQL with its values."""

    sql: str
    values: tuple[object, ...] = ()


def clause_of(term: Term) -> Clause:  # noqa: PLR0911  # one for each kind of key
    """Return the SQL by which a message fits a word, negation aside: it says what `filter.message_fields` says."""
    value = term.value
    match term.key:
        case "text":
            # instr on lower-cased text: LIKE would give `%` and `_` in what was typed a meaning
            sql = "(instr(lower(m.msg_type), ?) OR instr(lower(CAST(m.payload AS TEXT)), ?))"
            return Clause(sql, (folded(value), folded(value)))
        case "type":
            return _compare("m.msg_type", value)
        case "tag":
            return _compare("m.target", f"tag:{value}")
        case "from" | "repo":
            sql, values = _sessions(term)
            return Clause(f"m.sender IN ({sql})", values)  # made of constants
        case "to":
            sql, values = _sessions(term)
            sql = f"EXISTS (SELECT 1 FROM delivery d WHERE d.seq = m.seq AND d.recipient IN ({sql}))"  # noqa: S608  # as above
            return Clause(sql, values)
        case "state":
            sql = "EXISTS (SELECT 1 FROM delivery d WHERE d.seq = m.seq AND d.state = ?)"
            return Clause(sql, (STATE_NUMBERS[cast("DeliveryState", value)],))
        case "reply":
            return _replies(value)
        case "chain":
            return _chain(value)


def _sessions(term: Term) -> Clause:
    value = term.value
    if term.key == "repo":
        alternatives = [_compare("repo", value), _compare(_LAST_PART_OF_REPO, value)]
    elif (session := parse_session_id(value)) is not None:
        alternatives = [_equal("id", session)]
    else:
        alternatives = [_compare("name", value)]
        if "*" in value:
            alternatives.append(_compare(_id_as_text("id"), value))
    condition = " OR ".join(clause.sql for clause in alternatives)
    values = [text for clause in alternatives for text in clause.values]
    return Clause(f"SELECT ref FROM session WHERE {condition}", tuple(values))  # noqa: S608  # made of constants


def _replies(value: str) -> Clause:
    message = parse_session_id(value)  # all ids are spelt alike
    clause = _compare(_id_as_text("m.reply_to"), value) if message is None else _equal("m.reply_to", message)
    return Clause(f"(m.reply_to IS NOT NULL AND {clause.sql})", clause.values)  # without, `NOT` of it could be NULL


def _chain(value: str) -> Clause:
    message = parse_session_id(value)  # as above
    if message is None:
        return _compare(_id_as_text("coalesce(m.chain, m.id)"), value)
    sql = "(m.chain IS NOT NULL AND m.chain = ? OR m.chain IS NULL AND m.id = ?)"  # each has its index, neither is NULL
    return Clause(sql, (message.bytes, message.bytes))


def _equal(column: str, value: UUID) -> Clause:
    return Clause(f"{column} = ?", (value.bytes,))


def _compare(column: str, value: str) -> Clause:
    if "*" not in value:
        return Clause(f"{column} = ?", (value,))
    literal = value.replace("[", "[[]").replace("?", "[?]")  # of GLOB's wildcards only `*` is ours
    return Clause(f"{column} GLOB ?", (literal,))


_LAST_PART_OF_REPO = "substr(repo, 1 + length(rtrim(repo, replace(repo, '/', ''))))"
_ID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


def _id_as_text(column: str) -> str:
    parts = [f"substr(hex({column}), {first}, {digits})" for first, digits in _ID_PARTS]
    return "lower(" + " || '-' || ".join(parts) + ")"


class History:
    """Read the file that a `SqliteStore` writes. Sees what was committed when a call begins; good for any thread.

    Raises:
        StoreUnavailable: From any method.
    """

    def __init__(self, path: str) -> None:
        try:
            self._database = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{path}: {error}") from error
        self._path = path

    def again(self) -> History:
        """Return another connection to the same file, for what shall not wait for this one's searches."""
        return History(self._path)

    def interrupt(self) -> None:
        """Break off what runs now, in whichever thread; it fails with `StoreUnavailable`."""
        self._database.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def page(self, request: ListMessages, limit: int) -> LogPage:
        """Return a page of the log, of `limit` messages at most. Raises `InvalidFilter`."""
        conditions = []
        values: list[object] = []
        for group in [*parse_filter(request.filter).alternatives(), *parse_filter(request.also).alternatives()]:
            clauses = [clause_of(term) for term in group]
            any_of = " OR ".join(clause.sql for clause in clauses)
            conditions.append(f"NOT ({any_of})" if group[0].is_negated else f"({any_of})")
            values += [value for clause in clauses for value in clause.values]
        for bound, sql in ((request.before, "m.seq < ?"), (request.after, "m.seq > ?")):
            if bound is not None:
                conditions.append(sql)
                values.append(bound)
        direction = "DESC" if request.order == "newest" else "ASC"
        query = envelope_query(" AND ".join(conditions) or "1") + f" ORDER BY m.seq {direction} LIMIT ?"
        envelopes, has_more = self._envelopes(query, (*values, limit + 1), limit)
        return LogPage(
            entries=tuple(LogEntry(envelope=envelope, deliveries=self._count(envelope.seq)) for envelope in envelopes),
            next=envelopes[-1].seq if has_more else None,
        )

    def record(self, message: MessageId) -> MessageRecord:
        """Return one message with every recipient's state. Raises `MessageNotFound`."""
        rows = self._all(envelope_query("m.id = ?"), (message.bytes,))
        if not rows:
            raise MessageNotFound(str(message))
        envelope = envelope_of(rows[0])
        deliveries = self._all(
            "SELECT s.id, s.name, d.state, d.handed_at, d.ended_at, d.reason, d.handed_through FROM delivery d"
            " JOIN session s ON s.ref = d.recipient WHERE d.seq = ? ORDER BY d.recipient",
            (envelope.seq,),
        )
        return MessageRecord(envelope=envelope, deliveries=tuple(map(_delivery_of, deliveries)))

    def count(self) -> int:
        """Return how many messages are stored. Cost: a scan of an index."""
        return int(self._all("SELECT count(*) FROM message")[0][0])

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file, as far as that can be done while the writer goes on."""
        try:
            database = sqlite3.connect(self._path, isolation_level=None)
            try:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                database.close()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    def _envelopes(self, query: str, values: tuple[object, ...], limit: int) -> tuple[list[Envelope], bool]:
        """Return the first rows, of `PAGE_BYTES` at most but always one, and whether there are more."""
        envelopes: list[Envelope] = []
        size_bytes = 0
        try:
            for row in self._database.execute(query, values):
                envelope = envelope_of(row)
                size_bytes += len(bytes(envelope.packed.payload))
                if envelopes and (len(envelopes) == limit or size_bytes > PAGE_BYTES):
                    return envelopes, True
                envelopes.append(envelope)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error
        return envelopes, False

    def _count(self, seq: int) -> DeliveryCounts:
        rows = self._all("SELECT state, count(*) FROM delivery WHERE seq = ? GROUP BY state", (seq,))
        return DeliveryCounts(**{STATES[state]: count for state, count in rows})

    def _all(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error


def _delivery_of(row: Row) -> DeliveryInfo:
    id_, name, state, handed_at, ended_at, reason, through = row
    return DeliveryInfo(
        recipient=Participant(id=UUID(bytes=id_), name=name),
        state=STATES[state],
        handed_at=handed_at,
        ended_at=ended_at,
        reason=reason,
        handed_through=through or None,
    )
