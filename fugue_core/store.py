"""What fugue keeps on disk: sessions, messages and deliveries in one SQLite file. `History` reads it beside the writer.

All changes between two commits stand or fall together; a failed one leaves the file as the last commit left it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from fugue_core.errors import StoreUnavailable
from fugue_core.history import STATE_NUMBERS, envelope_of, envelope_query
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.session import SessionId
from fugue_core.protocol.target import Tagged, format_target
from fugue_core.record import (
    REFUSALS,
    Change,
    Link,
    OpenDelivery,
    SchemaRecord,
    SentMessage,
    SessionRecord,
    StoredState,
)

log = logging.getLogger(__name__)

Synchronous: TypeAlias = Literal["normal", "full"]
"""`normal` survives any crash of the process; `full` also a loss of power, at the price of a sync for each commit."""

WAL_CHECKPOINT_BYTES = 16 * 1024 * 1024
"""From this size on the write-ahead log is copied into the file, in a thread of its own."""
WAL_LIMIT_BYTES = 256 * 1024 * 1024
"""From this size on the writer waits for that."""

ASK_AT_ONCE = 512
"""Ids in one query."""

_MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE session (
        ref INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        name TEXT NOT NULL,
        repo TEXT,
        record BLOB NOT NULL,          -- SessionRecord as JSON
        ended_at REAL                  -- NULL while it lives
    );
    CREATE TABLE message (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        sender INTEGER NOT NULL,       -- session.ref
        sent_at REAL NOT NULL,
        target TEXT NOT NULL,          -- the text form, as it was then; which session it names says the delivery
        msg_type TEXT NOT NULL,
        payload BLOB NOT NULL,
        reply_to BLOB,
        expires_at REAL,
        target_repo TEXT               -- Tagged.repo
    );
    CREATE UNIQUE INDEX message_id ON message (id);
    CREATE TABLE delivery (
        seq INTEGER NOT NULL,
        recipient INTEGER NOT NULL,    -- session.ref
        state INTEGER NOT NULL DEFAULT 0,
        handed_at REAL,
        ended_at REAL,
        reason TEXT,
        PRIMARY KEY (seq, recipient)
    ) WITHOUT ROWID;
    """,
    "CREATE INDEX message_reply_to ON message (reply_to) WHERE reply_to IS NOT NULL;",
    "ALTER TABLE delivery ADD COLUMN handed_through TEXT;",
    """
    CREATE TABLE payload_schema (
        msg_type TEXT NOT NULL,
        repo TEXT NOT NULL,            -- empty: for all
        schema BLOB NOT NULL,          -- as JSON
        set_at REAL NOT NULL,
        set_by TEXT NOT NULL,
        PRIMARY KEY (msg_type, repo)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE message ADD COLUMN chain BLOB;     -- the first message of the replies that it belongs to
    ALTER TABLE message ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
    WITH RECURSIVE link (id, chain, hops) AS (
        SELECT m.id, m.reply_to, 1 FROM message m WHERE m.reply_to IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM message p WHERE p.id = m.reply_to AND p.reply_to IS NOT NULL)
        UNION ALL
        SELECT m.id, link.chain, link.hops + 1 FROM link JOIN message m ON m.reply_to = link.id
    )
    UPDATE message SET chain = link.chain, hops = link.hops FROM link WHERE message.id = link.id;
    CREATE INDEX message_chain ON message (chain) WHERE chain IS NOT NULL;
    CREATE TABLE allowed_hops (chain BLOB NOT NULL UNIQUE, hops INTEGER NOT NULL);     -- of what was released
    """,
)
"""Schema version n is what the first n of these make; an older file is brought forward when it is opened."""

# What most messages do not have is set by a statement of its own, and blobs are given as `bytearray`: Python's sqlite3
# looks for an adapter for each None and each `bytes`, which together took half of the time of an insertion.
_MESSAGE = "INSERT INTO message (seq, id, sender, sent_at, target, msg_type, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"
_REST = "UPDATE message SET reply_to = ?, expires_at = ?, target_repo = ?, chain = ?, hops = ? WHERE seq = ?"
_QUEUE = "INSERT INTO delivery (seq, recipient) VALUES (?, ?)"
_REFUSE = "INSERT INTO delivery (state, ended_at, reason, seq, recipient) VALUES (?, ?, ?, ?, ?)"
_HAND = "UPDATE delivery SET state = ?, handed_at = ?, handed_through = ? WHERE seq = ? AND recipient = ?"
_END = "UPDATE delivery SET state = ?, ended_at = ? WHERE seq = ? AND recipient = ?"

_HAND_ALL = (
    "UPDATE delivery SET state = ?, handed_at = ?, handed_through = ? WHERE seq BETWEEN ? AND ? AND recipient = ?"
)
_END_ALL = "UPDATE delivery SET state = ?, ended_at = ? WHERE seq BETWEEN ? AND ? AND recipient = ?"
_BURY = "UPDATE delivery SET state = ?, ended_at = ?, reason = ? WHERE seq = ? AND recipient = ?"
_DEAD = STATE_NUMBERS["dead"]
_STATEMENTS = (_MESSAGE, _REST, _QUEUE, _REFUSE, _HAND, _HAND_ALL, _END, _END_ALL, _BURY)
"""In the order in which one delivery can meet them within a turn."""


def _is_run(seqs: Sequence[int]) -> bool:
    """Say whether these are all the numbers from the first to the last, so that a range names them and no other."""
    return len(seqs) > 1 and seqs[-1] - seqs[0] == len(seqs) - 1 and list(seqs) == list(range(seqs[0], seqs[-1] + 1))


class SqliteStore:
    """The only writer of one file.

    Rows of a turn are gathered and written together when it commits, or when something has to be read back.

    Attributes:
        commit_count: How often something was committed, so that others can see whether there is something new.

    Raises:
        StoreUnavailable: From any method, where the disk refuses. Then call `rollback`.
    """

    def __init__(self, path: str, synchronous: Synchronous = "normal") -> None:
        self.path = path
        self.synchronous = synchronous
        self._rows: dict[str, list[tuple[object, ...]]] = {statement: [] for statement in _STATEMENTS}
        self._is_dirty = False
        self.commit_count = 0
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{path}: {error}") from error
        try:
            self._execute("PRAGMA journal_mode = WAL")
            self._execute(f"PRAGMA synchronous = {synchronous}")
            self._execute("PRAGMA wal_autocheckpoint = 0")  # see `checkpoint`
            self._execute("PRAGMA cache_size = -16384")
            migrate(self._database, path)
        except StoreUnavailable:
            self._database.close()
            raise

    def close(self) -> None:
        """Write the log back into the file and let go of it. What was not committed is gone."""
        self.rollback()
        try:
            self._execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except StoreUnavailable as error:
            log.warning("the write-ahead log stays: %s", error)  # it is read again at the next start
        self._database.close()

    # ------------------------------------------------------------------------------------------------- transactions

    def commit(self) -> None:
        """Put everything since the last commit on disk, or raise. Costs nothing where nothing was changed."""
        self._flush()
        if self._is_dirty:
            self._execute("COMMIT")
            self._is_dirty = False
            self.commit_count += 1

    def rollback(self) -> None:
        """Forget everything since the last commit. Never raises `StoreUnavailable`: the file is as it was."""
        for rows in self._rows.values():
            rows.clear()
        if self._database.in_transaction:
            try:
                self._database.execute("ROLLBACK")
            except sqlite3.Error:
                log.exception("rollback failed; SQLite undoes it when the file is opened again")
        self._is_dirty = False

    def probe(self) -> None:
        """Raise where the disk still refuses to be written to."""
        self._begin()
        self._execute("PRAGMA user_version = " + str(len(_MIGRATIONS)))
        self.commit()

    def truncate_log(self) -> None:
        """Copy all of the write-ahead log into the file and empty it. Waits for the disk. Call it between turns."""
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def wal_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    # ------------------------------------------------------------------------------------------------------- writing

    def save_session(self, record: SessionRecord) -> None:
        """Store a session, or what has changed about it."""
        self._begin()
        self._execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (ref) DO UPDATE"
            " SET name = excluded.name, repo = excluded.repo, record = excluded.record",
            (record.ref, record.id.bytes, record.name, record.repo, msgspec.json.encode(record)),
        )

    def end_session(self, ref: int, ended_at: float) -> None:
        """Note that a session has ended. Its row stays as long as a message names it."""
        self._begin()
        self._execute("UPDATE session SET ended_at = ? WHERE ref = ?", (ended_at, ref))

    def save_schema(self, record: SchemaRecord) -> None:
        """Store a schema, in the place of another of the same type and repository."""
        self._begin()
        row = (record.msg_type, record.repo or "", record.schema, record.set_at, record.set_by)
        self._execute("INSERT OR REPLACE INTO payload_schema VALUES (?, ?, ?, ?, ?)", row)

    def remove_schema(self, msg_type: str, repo: str | None) -> None:
        """Remove a schema."""
        self._begin()
        self._execute("DELETE FROM payload_schema WHERE msg_type = ? AND repo = ?", (msg_type, repo or ""))

    def add_message(
        self,
        envelope: Envelope,
        sender_ref: int,
        recipient_refs: Sequence[int],
        refused: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Store a message, with a queued delivery for each recipient and a dead one for each that refused, and why."""
        target, packed, seq = envelope.target, envelope.packed, envelope.seq
        rows = self._rows
        repo = None
        if type(target) is Tagged and target.repo is not None:  # it has a column of its own, so that a tag is found
            repo, target = target.repo, Tagged(target.tag)
        rows[_MESSAGE].append(
            (
                seq,
                bytearray(envelope.id.int.to_bytes(16, "big")),
                sender_ref,
                envelope.sent_at,
                format_target(target),
                packed.msg_type,
                bytearray(packed.payload),
            )
        )
        if envelope.reply_to is not None or envelope.expires_at is not None or repo is not None:
            reply_to = None if envelope.reply_to is None else envelope.reply_to.bytes
            chain = None if envelope.chain is None else envelope.chain.bytes
            rows[_REST].append((reply_to, envelope.expires_at, repo, chain, envelope.hops, seq))
        if recipient_refs:
            rows[_QUEUE] += [(seq, ref) for ref in recipient_refs]
        if refused:
            rows[_REFUSE] += [(_DEAD, envelope.sent_at, reason, seq, ref) for ref, reason in refused]

    def change(self, changes: Iterable[Change]) -> None:
        """Store new states of deliveries."""
        rows = self._rows
        for state, at, reason, seqs, ref, through in changes:
            number = STATE_NUMBERS[state]
            if reason is not None:
                rows[_BURY] += [(number, at, reason, seq, ref) for seq in seqs]
            elif state == "handed" and _is_run(seqs):
                rows[_HAND_ALL].append((number, at, through, seqs[0], seqs[-1], ref))
            elif state == "handed":
                rows[_HAND] += [(number, at, through, seq, ref) for seq in seqs]
            elif _is_run(seqs):
                rows[_END_ALL].append((number, at, seqs[0], seqs[-1], ref))
            else:
                rows[_END] += [(number, at, seq, ref) for seq in seqs]

    def retain(self, before_seq: int, older_than: float, batch: int, start_seq: int) -> int | None:
        """Remove messages that are done with: all deliveries ended, and either below `before_seq` or too old.

        Looks at `batch` messages above `start_seq`, so that one call never takes long. The newest message stays, since
        it says where the numbering goes on.

        Returns:
            Where the next call should start, or None where nothing above is due yet.
        """
        self._begin()
        self._flush()
        window = self._execute(
            "SELECT seq, sent_at FROM message WHERE seq > ? ORDER BY seq LIMIT ?", (start_seq, batch)
        ).fetchall()
        newest = self._execute("SELECT max(seq) FROM message").fetchone()[0]
        doomed = [(seq,) for seq, sent_at in window if (seq < before_seq or sent_at < older_than) and seq != newest]
        if doomed:
            is_done = "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.seq = message.seq AND d.state < 2)"
            self._execute_many(f"DELETE FROM message WHERE seq = ? AND {is_done}", doomed)  # noqa: S608  # a constant
            self._execute(
                "DELETE FROM delivery WHERE seq BETWEEN ? AND ? AND NOT EXISTS"
                " (SELECT 1 FROM message m WHERE m.seq = delivery.seq)",
                (doomed[0][0], doomed[-1][0]),
            )
        return int(window[-1][0]) if len(doomed) == batch else None

    def prune_sessions(self, older_than: float) -> None:
        """Remove sessions that ended before `older_than` and that no message names. Cost: a scan of everything."""
        self._begin()
        self._execute(
            "DELETE FROM session WHERE ended_at < ? AND ref NOT IN"
            " (SELECT sender FROM message UNION SELECT recipient FROM delivery)"
            " AND ref <> (SELECT max(ref) FROM session)",
            (older_than,),
        )
        self.commit()

    # ------------------------------------------------------------------------------------------------------- reading

    def load(self) -> StoredState:
        """Return what a hub needs to go on. Cost: the open deliveries, and a scan of all that are stored."""
        records = self._execute("SELECT record FROM session WHERE ended_at IS NULL ORDER BY ref").fetchall()
        deliveries = self._execute(
            "SELECT d.recipient, d.seq, length(m.payload), m.expires_at, m.reply_to, d.handed_at, m.sender"
            " FROM delivery d JOIN message m ON m.seq = d.seq WHERE d.state < 2 ORDER BY d.seq"
        ).fetchall()
        schemas = self._execute("SELECT msg_type, repo, schema, set_at, set_by FROM payload_schema").fetchall()
        return StoredState(
            sessions=[msgspec.json.decode(record, type=SessionRecord) for (record,) in records],
            deliveries=[
                OpenDelivery(
                    ref, seq, size_bytes, expires_at, UUID(bytes=reply_to) if reply_to else None, handed_at, sender
                )
                for ref, seq, size_bytes, expires_at, reply_to, handed_at, sender in deliveries
            ],
            last_ref=self._execute("SELECT coalesce(max(ref), 0) FROM session").fetchone()[0],
            last_seq=self._execute("SELECT coalesce(max(seq), 0) FROM message").fetchone()[0],
            last_id=MessageId(
                UUID(bytes=self._execute("SELECT coalesce(max(id), zeroblob(16)) FROM message").fetchone()[0])
            ),
            schemas=tuple(
                SchemaRecord(msg_type, repo or None, schema, set_at, set_by)
                for msg_type, repo, schema, set_at, set_by in schemas
            ),
            allowed_hops={
                UUID(bytes=chain): hops
                for chain, hops in self._execute("SELECT chain, hops FROM allowed_hops ORDER BY rowid")
            },
        )

    def is_session_known(self, session: SessionId) -> bool:
        """Say whether a session, living or ended, has this id."""
        return bool(self._execute("SELECT 1 FROM session WHERE id = ?", (session.bytes,)).fetchall())

    def known_messages(self, messages: Sequence[MessageId]) -> set[MessageId]:
        """Return those of these ids under which a message is stored."""
        self._flush()
        known: set[MessageId] = set()
        for start in range(0, len(messages), ASK_AT_ONCE):
            asked = [bytearray(message.bytes) for message in messages[start : start + ASK_AT_ONCE]]
            room = 1 << (len(asked) - 1).bit_length()  # few statements of different lengths, so that SQLite knows them
            asked += asked[:1] * (room - len(asked))
            rows = self._execute(f"SELECT id FROM message WHERE id IN ({', '.join('?' * room)})", tuple(asked))  # noqa: S608
            known.update(MessageId(UUID(bytes=row[0])) for row in rows)
        return known

    def find_message(self, message: MessageId) -> SentMessage | None:
        """Return the message with this id and who it went to, or None."""
        self._flush()
        row = self._execute(envelope_query("m.id = ?"), (message.bytes,)).fetchone()
        if row is None:
            return None
        envelope = envelope_of(row)
        rows = self._execute(
            "SELECT s.id, s.name, d.reason FROM delivery d JOIN session s ON s.ref = d.recipient"
            " WHERE d.seq = ? ORDER BY d.recipient",
            (envelope.seq,),
        ).fetchall()
        sessions = [(SessionId(UUID(bytes=id_)), name, reason) for id_, name, reason in rows]
        return SentMessage(
            envelope=envelope,
            target=row[5],
            recipients=[(session, name) for session, name, reason in sessions if reason not in REFUSALS],
            refused=[(session, name, reason) for session, name, reason in sessions if reason in REFUSALS],
        )

    def link_of(self, message: MessageId) -> Link | None:
        """Return where in a chain of replies the message with this id stands, or None."""
        self._flush()
        row = self._execute("SELECT chain, hops FROM message WHERE id = ?", (message.bytes,)).fetchone()
        return None if row is None else Link(UUID(bytes=row[0]) if row[0] else None, row[1])

    def allow_hops(self, chain: UUID, hops: int | None) -> None:
        """Store how many replies a chain may have, or no longer."""
        self._begin()
        if hops is None:
            self._execute("DELETE FROM allowed_hops WHERE chain = ?", (chain.bytes,))
        else:  # at the end, since their order is that in which they were released
            self._execute("INSERT OR REPLACE INTO allowed_hops VALUES (?, ?)", (chain.bytes, hops))

    def seqs_of(self, messages: Sequence[MessageId], ref: int) -> dict[MessageId, int]:
        """Return the seqs of those messages that were delivered to the session with number `ref`."""
        self._flush()
        found = {}
        for message in messages:
            row = self._execute(
                "SELECT m.seq FROM message m JOIN delivery d ON d.seq = m.seq AND d.recipient = ? WHERE m.id = ?",
                (ref, message.bytes),
            ).fetchone()
            if row is not None:
                found[message] = int(row[0])
        return found

    def envelopes(self, seqs: Sequence[int]) -> dict[int, Envelope]:
        """Return the messages with these seqs."""
        self._flush()
        rows = (self._execute(envelope_query("m.seq = ?"), (seq,)).fetchone() for seq in seqs)
        return {row[0]: envelope_of(row) for row in rows if row is not None}

    # ------------------------------------------------------------------------------------------------------- private

    def _begin(self) -> None:
        if not self._is_dirty:
            self._execute("BEGIN IMMEDIATE")
            self._is_dirty = True

    def _flush(self) -> None:
        for statement, rows in self._rows.items():
            if rows:
                self._begin()
                self._execute_many(statement, rows)
                rows.clear()

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error

    def _execute_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        try:
            self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error


def migrate(database: sqlite3.Connection, path: str, migrations: Sequence[str] = _MIGRATIONS) -> None:
    """Bring a file forward to the schema that all of `migrations` make, each of them whole or not at all.

    Raises:
        StoreUnavailable: One of them failed; or the file has a newer schema than these make, and nothing was changed.
    """
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            raise StoreUnavailable(
                f"{path} was written by a newer fugue (schema {version}, this one knows {len(migrations)})"
            )
        for number, statements in enumerate(migrations[version:], start=version + 1):
            database.executescript(f"BEGIN; {statements} PRAGMA user_version = {number}; COMMIT;")
    except sqlite3.Error as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise StoreUnavailable(f"{path}: {error}") from error
