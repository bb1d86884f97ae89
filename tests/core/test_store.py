from __future__ import annotations

import contextlib
import resource
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import MailboxFull, StoreUnavailable
from fugue_core.history import History
from fugue_core.protocol.envelope import Envelope, Participant
from fugue_core.protocol.message import MessageId, PackedMessage
from fugue_core.protocol.requests import ListMessages
from fugue_core.protocol.session import SessionId, WorktreeInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget
from fugue_core.record import SESSION_ENDED, Change, Link, OpenDelivery, SchemaRecord, SessionRecord
from fugue_core.store import _MIGRATIONS, ASK_AT_ONCE, SqliteStore, migrate

ANN, BOB, CID = 1, 2, 3
"""Numbers of the sessions that most tests begin with."""


def record_of(ref: int, name: str = "", tags: tuple[str, ...] = ()) -> SessionRecord:
    return SessionRecord(
        ref=ref,
        id=SessionId(UUID(int=ref)),
        name=name or f"s{ref}",
        created_at=1.5,
        repo="/r",
        worktree=WorktreeInfo(path="/r/w", branch="b", is_main=False),
        tags=tags,
        metadata={"k": ["v", 1.5, None]},
        for_pid=7,
        pid_started=700,
    )


def envelope_of(
    seq: int, *, sent_at: float = 100.0, target: WireTarget | None = None, payload: bytes = b"1"
) -> Envelope:
    return Envelope(
        id=UUID(int=1000 + seq),
        seq=seq,
        sender=Participant(id=UUID(int=ANN), name="ann"),
        target=target or Tagged("x", "/r"),
        sent_at=sent_at,
        packed=PackedMessage("note", msgspec.Raw(payload)),
        reply_to=UUID(int=5),
        expires_at=sent_at + 9,
        chain=UUID(int=4),
        hops=2,
    )


def message_id(seq: int) -> MessageId:
    return MessageId(UUID(int=1000 + seq))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "messages.db")


def store_at(path: str) -> SqliteStore:
    """Return a new store with three sessions."""
    store = SqliteStore(path)
    for ref, name in ((ANN, "ann"), (BOB, "bob"), (CID, "cid")):
        store.save_session(record_of(ref, name))
    store.commit()
    return store


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    store = store_at(path)
    yield store
    store.close()


def rows(path: str, query: str) -> list[tuple[object, ...]]:
    """Return what another process would read."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def stored_seqs(path: str) -> list[object]:
    return [seq for (seq,) in rows(path, "SELECT seq FROM message ORDER BY seq")]


@contextlib.contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size_bytes`; Python ignores the signal, so that writes just fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# ------------------------------------------------------------------------------------------------- commit and rollback


def test_what_was_told_is_seen_by_others_once_it_is_committed(store: SqliteStore, path: str) -> None:
    store.add_message(envelope_of(1), ANN, [BOB], [])
    assert stored_seqs(path) == []
    store.commit()
    assert stored_seqs(path) == [1]


def test_what_is_asked_sees_what_was_told_before_it_is_committed(store: SqliteStore) -> None:
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.save_session(record_of(9))
    assert store.find_message(message_id(1)) is not None
    assert store.known_messages([message_id(1), message_id(2)]) == {message_id(1)}
    assert store.seqs_of([message_id(1)], BOB) == {message_id(1): 1}
    assert store.envelopes([1]) == {1: envelope_of(1)}
    assert store.is_session_known(SessionId(UUID(int=9)))


def test_a_rollback_forgets_all_since_the_last_commit(store: SqliteStore, path: str) -> None:
    before = store.load()
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.save_session(record_of(BOB, "rob"))
    assert store.find_message(message_id(1)) is not None  # so that it was written, and not just remembered
    store.add_message(envelope_of(2), ANN, [BOB], [])
    store.change([Change("acked", 5.0, None, [1], BOB)])
    store.end_session(CID, 5.0)
    store.rollback()
    assert store.find_message(message_id(1)) is None
    store.commit()
    assert store.load() == before
    assert stored_seqs(path) == []


def test_a_commit_of_nothing_writes_nothing(store: SqliteStore) -> None:
    size_bytes = store.wal_bytes()
    store.commit()
    store.rollback()
    store.commit()
    assert store.wal_bytes() == size_bytes


def test_what_was_not_committed_is_gone_after_closing(path: str) -> None:
    store = store_at(path)
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.commit()
    store.add_message(envelope_of(2), ANN, [BOB], [])
    assert store.find_message(message_id(2)) is not None
    store.close()
    assert stored_seqs(path) == [1]


def test_closing_leaves_one_file(path: str, tmp_path: Path) -> None:
    store = store_at(path)
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.commit()
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["messages.db"]


def test_emptying_the_log_keeps_what_is_in_it(store: SqliteStore, path: str) -> None:
    store.add_message(envelope_of(1, payload=b'"' + b"." * 100_000 + b'"'), ANN, [BOB], [])
    store.commit()
    assert store.wal_bytes() > 100_000
    store.add_message(envelope_of(2), ANN, [BOB], [])
    store.commit()
    store.truncate_log()
    assert store.wal_bytes() == 0
    assert stored_seqs(path) == [1, 2]


@pytest.mark.parametrize(("synchronous", "number"), [("normal", 1), ("full", 2)])
def test_how_hard_it_syncs_is_a_setting(path: str, synchronous: str, number: int) -> None:
    store = SqliteStore(path, synchronous)  # type: ignore[arg-type]  # parametrised
    assert store._database.execute("PRAGMA synchronous").fetchone() == (number,)
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


# ------------------------------------------------------------------------------------------- what comes back from disk


def test_sessions_come_back_whole_in_order_and_without_those_that_ended(store: SqliteStore) -> None:
    changed = record_of(BOB, "rob", ("a", "b"))
    store.save_session(changed)
    store.save_session(record_of(4, "dan"))
    store.end_session(CID, 5.0)
    store.commit()
    stored = store.load()
    assert stored.sessions == [record_of(ANN, "ann"), changed, record_of(4, "dan")]
    assert stored.last_ref == 4


def test_numbers_of_sessions_go_on_after_the_last_has_ended(store: SqliteStore) -> None:
    store.end_session(CID, 5.0)
    store.commit()
    assert store.load().last_ref == CID


def test_open_deliveries_come_back_in_order_with_sizes_and_times(store: SqliteStore) -> None:
    store.add_message(envelope_of(2, payload=b"12345"), ANN, [BOB, CID], [])
    store.add_message(envelope_of(3), ANN, [BOB], [(CID, MailboxFull.reason)])
    store.add_message(envelope_of(4), ANN, [BOB], [])
    store.change([Change("handed", 101.0, None, [2], BOB), Change("acked", 102.0, None, [4], BOB)])
    store.change([Change("dead", 103.0, SESSION_ENDED, [2], CID)])
    store.commit()
    assert store.load().deliveries == [
        OpenDelivery(BOB, 2, 5, 109.0, UUID(int=5), 101.0, ANN),
        OpenDelivery(BOB, 3, 1, 109.0, UUID(int=5), None, ANN),
    ]
    assert store.load().last_seq == 4


def test_a_message_sent_handed_and_acknowledged_in_one_turn_is_acknowledged(store: SqliteStore, path: str) -> None:
    store.change([])
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.change([Change("handed", 101.0, None, [1], BOB)])
    store.change([Change("acked", 102.0, None, [1], BOB)])
    store.commit()
    assert rows(path, "SELECT state, handed_at, ended_at FROM delivery") == [(2, 101.0, 102.0)]


@pytest.mark.parametrize(
    "target", [Tagged("x"), Tagged("x", "/r"), SessionNamed(str(UUID(int=BOB)), "bob"), Broadcast()]
)
def test_an_envelope_comes_back_as_it_was_stored(store: SqliteStore, target: WireTarget) -> None:
    envelope = envelope_of(1, target=target, payload=b' {"a":1e400, "a": "\\u00e9"}')
    bare = msgspec.structs.replace(envelope_of(2, target=target), reply_to=None, expires_at=None, chain=None, hops=0)
    for each in (envelope, bare):
        store.add_message(each, ANN, [BOB], [])
    assert store.envelopes([2, 1, 7]) == {1: envelope, 2: bare}


def test_a_message_is_found_with_who_received_and_who_refused_it(store: SqliteStore) -> None:
    store.add_message(envelope_of(1), ANN, [ANN, CID], [(BOB, MailboxFull.reason)])
    store.change([Change("dead", 103.0, SESSION_ENDED, [1], CID)])
    store.commit()
    sent = store.find_message(message_id(1))
    assert sent is not None
    assert sent.envelope == envelope_of(1)
    assert sent.recipients == [(UUID(int=ANN), "ann"), (UUID(int=CID), "cid")]
    assert sent.refused == [(UUID(int=BOB), "bob", "mailbox full")]
    assert store.find_message(message_id(2)) is None
    assert rows(store.path, f"SELECT count(*) FROM delivery WHERE reason = '{MailboxFull.reason}'") == [(1,)]


def test_a_session_is_known_while_it_lives_and_after_it_has_ended(store: SqliteStore) -> None:
    store.end_session(BOB, 5.0)
    assert store.is_session_known(SessionId(UUID(int=BOB)))
    assert not store.is_session_known(SessionId(UUID(int=99)))


@pytest.mark.parametrize("count", [0, 1, 2, ASK_AT_ONCE, ASK_AT_ONCE + 1, 2 * ASK_AT_ONCE + 3])
def test_ids_that_are_known_are_found_however_many_are_asked_for(store: SqliteStore, count: int) -> None:
    for seq in range(count):
        if seq % 3 == 0:
            store.add_message(envelope_of(seq), ANN, [BOB], [])
    known = store.known_messages([message_id(seq) for seq in range(count)])
    assert known == {message_id(seq) for seq in range(0, count, 3)}


def test_seqs_are_found_only_of_what_was_delivered_to_that_session(store: SqliteStore) -> None:
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.add_message(envelope_of(2), ANN, [CID], [])
    ids = [message_id(1), message_id(2), message_id(3)]
    assert store.seqs_of(ids, BOB) == {message_id(1): 1}


def test_schemas_come_back_each_with_its_repository_and_a_new_one_takes_the_place_of_the_old(
    store: SqliteStore,
) -> None:
    old = SchemaRecord("bid", None, b'{"type":"null"}', 1.5, "ann")
    for_all, own = old._replace(schema=b"true", set_at=2.5), old._replace(repo="/r", set_by="bob")
    for record in (old, own, for_all):
        store.save_schema(record)
    store.commit()
    assert set(store.load().schemas) == {for_all, own}
    store.remove_schema("bid", None)
    store.remove_schema("other", None)
    assert store.load().schemas == (own,)
    store.rollback()
    assert set(store.load().schemas) == {for_all, own}


# ---------------------------------------------------------------------------------------------------------- retention


def fill(store: SqliteStore, *sent_at: float) -> None:
    """Store one message for each time, with the seqs 1, 2, 3, ..., all acknowledged."""
    for seq, at in enumerate(sent_at, start=1):
        store.add_message(envelope_of(seq, sent_at=at), ANN, [BOB, CID], [])
        store.change([Change("acked", at, None, [seq], ref) for ref in (BOB, CID)])
    store.commit()


def test_what_is_too_old_is_removed_with_its_deliveries(store: SqliteStore, path: str) -> None:
    fill(store, 100.0, 101.0, 102.0, 103.0)
    assert store.retain(before_seq=0, older_than=102.0, batch=10, start_seq=0) is None
    store.commit()
    assert stored_seqs(path) == [3, 4]
    assert rows(path, "SELECT DISTINCT seq FROM delivery ORDER BY seq") == [(3,), (4,)]


def test_what_is_too_much_is_removed(store: SqliteStore, path: str) -> None:
    fill(store, 100.0, 100.0, 100.0, 100.0)
    store.retain(before_seq=3, older_than=0.0, batch=10, start_seq=0)
    store.commit()
    assert stored_seqs(path) == [3, 4]


def test_the_newest_message_stays_since_the_numbering_goes_on_from_it(store: SqliteStore, path: str) -> None:
    fill(store, 100.0, 101.0)
    store.retain(before_seq=99, older_than=999.0, batch=10, start_seq=0)
    store.commit()
    assert stored_seqs(path) == [2]
    assert store.load().last_seq == 2


@pytest.mark.parametrize("state", ["queued", "handed"])
def test_what_somebody_has_not_acknowledged_stays_however_old_it_is(store: SqliteStore, path: str, state: str) -> None:
    fill(store, 100.0, 101.0)
    store.add_message(envelope_of(3, sent_at=1.0), ANN, [BOB, CID], [])
    store.change([Change("acked", 2.0, None, [3], BOB)])
    if state == "handed":
        store.change([Change("handed", 2.0, None, [3], CID)])
    store.add_message(envelope_of(4, sent_at=102.0), ANN, [BOB], [])
    store.retain(before_seq=99, older_than=999.0, batch=10, start_seq=0)
    store.commit()
    assert stored_seqs(path) == [3, 4]
    assert rows(path, "SELECT seq, recipient FROM delivery ORDER BY 1, 2") == [(3, BOB), (3, CID), (4, BOB)]


@pytest.mark.parametrize("ended", ["acked", "expired", "dead"])
def test_what_has_ended_one_way_or_another_is_done_with(store: SqliteStore, path: str, ended: str) -> None:
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.change([Change(ended, 2.0, None, [1], BOB)])  # type: ignore[arg-type]  # parametrised
    store.add_message(envelope_of(2), ANN, [], [])
    store.add_message(envelope_of(3), ANN, [BOB], [])
    store.retain(before_seq=3, older_than=0.0, batch=10, start_seq=0)
    store.commit()
    assert stored_seqs(path) == [3]


def test_retention_works_in_batches_that_pass_over_what_has_to_stay(store: SqliteStore, path: str) -> None:
    for seq in range(1, 26):
        store.add_message(envelope_of(seq), ANN, [BOB], [])
        if seq % 5:
            store.change([Change("acked", 2.0, None, [seq], BOB)])
    store.commit()
    start: int | None = 0
    looked_at = []
    while start is not None:
        looked_at.append(start)
        start = store.retain(before_seq=21, older_than=0.0, batch=4, start_seq=start)
        store.commit()
    assert stored_seqs(path) == [5, 10, 15, 20, 21, 22, 23, 24, 25]
    assert looked_at == [0, 4, 8, 12, 16, 20]


@given(
    ages=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    is_open=st.lists(st.booleans(), min_size=12, max_size=12),
    before_seq=st.integers(0, 13),
    older_than=st.integers(0, 10),
    batch=st.integers(1, 5),
)
def test_retention_in_any_batches_removes_nothing_that_a_plain_reading_of_the_rule_would_keep(
    ages: list[int], is_open: list[bool], before_seq: int, older_than: int, batch: int
) -> None:
    store = SqliteStore(":memory:")
    store.save_session(record_of(ANN))
    for seq, age in enumerate(ages, start=1):
        store.add_message(envelope_of(seq, sent_at=float(age)), ANN, [ANN], [])
        if not is_open[seq - 1]:
            store.change([Change("acked", 0.0, None, [seq], ANN)])
    start: int | None = 0
    while start is not None:
        start = store.retain(before_seq, float(older_than), batch, start)
    left = [seq for (seq,) in store._database.execute("SELECT seq FROM message ORDER BY seq")]
    kept = [
        seq
        for seq, age in enumerate(ages, start=1)
        if is_open[seq - 1] or seq == len(ages) or not (seq < before_seq or age < older_than)
    ]
    assert set(kept) <= set(left)
    below = [seq for seq in left if seq < min(before_seq, len(ages))]
    assert below == [seq for seq in kept if seq < min(before_seq, len(ages))]
    deliveries = [seq for (seq,) in store._database.execute("SELECT seq FROM delivery ORDER BY seq")]
    assert deliveries == left
    store.close()


def test_sessions_that_ended_long_ago_and_that_no_message_names_are_forgotten(store: SqliteStore, path: str) -> None:
    for ref in range(4, 11):
        store.save_session(record_of(ref))
    store.add_message(envelope_of(1), 4, [5], [(6, MailboxFull.reason)])
    store.change([Change("acked", 1.0, None, [1], 5)])
    store.add_message(envelope_of(2, target=SessionNamed(str(UUID(int=7)), "s7")), ANN, [7], [])
    for ref in (4, 5, 6, 7, 8, 10):
        store.end_session(ref, 50.0)
    store.end_session(9, 150.0)
    store.commit()
    store.prune_sessions(older_than=100.0)
    kept = [ref for (ref,) in rows(path, "SELECT ref FROM session ORDER BY ref")]
    assert kept == [ANN, BOB, CID, 4, 5, 6, 7, 9, 10]  # 10 is the newest, after which the numbering goes on


# -------------------------------------------------------------------------------------------------- schema and its past


def test_replies_of_an_older_file_are_given_their_chains(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        migrate(database, path, _MIGRATIONS[:3])
        replies = {1: None, 2: 1, 3: 2, 4: 2, 5: 99, 6: 5, 7: 7, 8: 9, 9: 8, 10: None}
        database.executemany(
            "INSERT INTO message (seq, id, sender, sent_at, target, msg_type, payload, reply_to)"
            " VALUES (?, ?, 1, 1.0, 'broadcast', 'note', '1', ?)",
            [
                (seq, message_id(seq).bytes, answered and message_id(answered).bytes)
                for seq, answered in replies.items()
            ],
        )
    store = SqliteStore(path)
    store.save_session(record_of(ANN, "ann"))
    found = {seq: (envelope.chain, envelope.hops) for seq, envelope in store.envelopes(list(replies)).items()}
    chains = {1: (0, 0), 2: (1, 1), 3: (1, 2), 4: (1, 2), 5: (99, 1), 6: (99, 2), 10: (0, 0)}
    no_beginning = {7: (0, 0), 8: (0, 0), 9: (0, 0)}  # what answers itself by a detour
    expected = {**chains, **no_beginning}
    assert found == {seq: (message_id(chain) if chain else None, hops) for seq, (chain, hops) in expected.items()}
    store.close()


def test_a_message_s_place_in_its_chain_is_found(store: SqliteStore) -> None:
    store.add_message(envelope_of(1), ANN, [BOB])
    store.add_message(msgspec.structs.replace(envelope_of(2), chain=None, hops=0), ANN, [BOB])
    assert store.link_of(message_id(1)) == Link(UUID(int=4), 2)
    assert store.link_of(message_id(2)) == Link(None, 0)
    assert store.link_of(message_id(3)) is None


def test_how_far_chains_may_go_comes_back_in_the_order_in_which_they_were_released(store: SqliteStore) -> None:
    for number, hops in ((1, 64), (2, 64), (3, 64), (1, 128)):
        store.allow_hops(UUID(int=number), hops)
    store.allow_hops(UUID(int=3), None)
    store.commit()
    assert list(store.load().allowed_hops.items()) == [(UUID(int=2), 64), (UUID(int=1), 128)]
    store.allow_hops(UUID(int=2), 128)
    store.rollback()
    assert store.load().allowed_hops[UUID(int=2)] == 64


FIRST = "CREATE TABLE fruit (name TEXT NOT NULL); INSERT INTO fruit VALUES ('apple');"
SECOND = "ALTER TABLE fruit ADD COLUMN weight_g INTEGER NOT NULL DEFAULT 100;"
THIRD = "CREATE INDEX fruit_name ON fruit (name); UPDATE fruit SET weight_g = 150;"
BROKEN = "CREATE TABLE stone (weight_g INTEGER); INSERT INTO fruit VALUES ('too', 'many', 'values');"


@pytest.fixture
def database(path: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        yield database


def version_of(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("steps", [[3], [1, 3], [2, 3], [1, 2, 3], [3, 3]])
def test_a_file_of_any_older_schema_is_brought_forward_with_what_is_in_it(
    database: sqlite3.Connection, path: str, steps: list[int]
) -> None:
    for step in steps:
        migrate(database, path, (FIRST, SECOND, THIRD)[:step])
        assert version_of(database) == step
    assert database.execute("SELECT * FROM fruit").fetchall() == [("apple", 150)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(database: sqlite3.Connection, path: str) -> None:
    migrate(database, path, (FIRST,))
    with pytest.raises(StoreUnavailable, match="columns but 3 values were supplied"):
        migrate(database, path, (FIRST, SECOND, BROKEN))
    assert version_of(database) == 2
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("fruit",)]
    migrate(database, path, (FIRST, SECOND, THIRD))
    assert version_of(database) == 3


def test_a_file_of_a_newer_schema_is_refused_and_left_alone(path: str) -> None:
    SqliteStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        ours = version_of(database)
        database.execute(f"PRAGMA user_version = {ours + 1}")
    with pytest.raises(StoreUnavailable, match=rf"newer fugue \(schema {ours + 1}, this one knows {ours}\)"):
        SqliteStore(path)
    assert rows(path, "PRAGMA user_version") == [(ours + 1,)]


def test_a_file_that_was_opened_before_keeps_its_version_and_its_rows(store: SqliteStore, path: str) -> None:
    before = (store.load(), rows(path, "PRAGMA user_version"), rows(path, "SELECT sql FROM sqlite_master"))
    again = SqliteStore(path)
    assert (again.load(), rows(path, "PRAGMA user_version"), rows(path, "SELECT sql FROM sqlite_master")) == before
    again.close()


# --------------------------------------------------------------------------------------------- where the disk refuses


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be sure of it" * 100, None])
def test_what_is_no_database_is_refused_by_its_path(path: str, content: bytes | None) -> None:
    if content is None:
        Path(path).mkdir()
    else:
        Path(path).write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"messages\.db"):
        SqliteStore(path)
    assert content is None or Path(path).read_bytes() == content


def test_a_directory_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    path = str(tmp_path / "no" / "messages.db")
    with pytest.raises(StoreUnavailable, match=r"no/messages\.db"):
        SqliteStore(path)
    with pytest.raises(StoreUnavailable, match=r"no/messages\.db"):
        History(path).page(ListMessages(), 10)


def big(seq: int) -> Envelope:
    return envelope_of(seq, payload=b'"' + b"." * 20_000 + b'"')


def store_many_messages(store: SqliteStore) -> None:
    for seq in range(100, 200):
        store.add_message(big(seq), ANN, [BOB], [])
    store.commit()


def store_many_sessions(store: SqliteStore) -> None:
    for ref in range(100, 400):
        store.save_session(record_of(ref, "n" * 900))
    store.commit()


@pytest.mark.parametrize("write", [store_many_messages, store_many_sessions])
def test_a_full_disk_refuses_loses_nothing_and_takes_again_when_there_is_room(
    store: SqliteStore, path: str, write: Callable[[SqliteStore], None]
) -> None:
    store.add_message(big(1), ANN, [BOB], [])
    store.commit()
    before = store.load()
    with full_disk(store.wal_bytes() + 50_000):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"messages\.db"):
                write(store)
            store.rollback()
            assert store.load() == before
        with contextlib.closing(History(path)) as history:
            assert history.count() == 1
    write(store)
    assert store.load() != before
    assert store.find_message(message_id(1)) is not None


def test_a_probe_says_whether_the_disk_takes_writes(store: SqliteStore) -> None:
    store.probe()
    with full_disk(store.wal_bytes()):
        with pytest.raises(StoreUnavailable):
            store.probe()
        store.rollback()
    before = store.load()
    store.probe()
    assert store.load() == before


def test_after_a_crash_with_a_full_disk_the_file_has_all_that_was_committed(store: SqliteStore, path: str) -> None:
    store.add_message(big(1), ANN, [BOB], [])
    store.commit()
    with full_disk(store.wal_bytes() + 50_000):
        with pytest.raises(StoreUnavailable):
            store_many_messages(store)
        again = SqliteStore(path)  # while the first one is still in the middle of it
        assert again.load().last_seq == 1
        again.close()
    store.rollback()


def test_a_store_whose_file_cannot_be_written_says_so_and_can_be_read(store: SqliteStore) -> None:
    store.add_message(envelope_of(1), ANN, [BOB], [])
    store.commit()
    store._database.execute("PRAGMA query_only = 1")
    store.add_message(envelope_of(2), ANN, [BOB], [])
    with pytest.raises(StoreUnavailable, match=r"readonly|read-only|query_only"):
        store.commit()
    store.rollback()
    assert store.find_message(message_id(1)) is not None
    store._database.execute("PRAGMA query_only = 0")


def test_deliveries_that_follow_one_another_change_together_and_no_other_does(store: SqliteStore, path: str) -> None:
    for seq in range(1, 21):
        store.add_message(envelope_of(seq), ANN, [BOB, CID], [])
    store.change([Change("handed", 101.0, None, list(range(3, 15)), BOB)])
    store.change([Change("acked", 102.0, None, list(range(5, 10)), BOB)])
    store.change([Change("acked", 103.0, None, [18, 12, 20, 2], BOB)])
    store.commit()
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = database.execute(
            "SELECT seq, recipient, state, handed_at, ended_at FROM delivery ORDER BY seq"
        ).fetchall()
    handed, acked, apart = set(range(3, 15)), set(range(5, 10)), {18, 12, 20, 2}
    for seq, recipient, state, handed_at, ended_at in found:
        is_bobs = recipient == BOB
        assert handed_at == (101.0 if is_bobs and seq in handed else None)
        assert ended_at == (102.0 if is_bobs and seq in acked else 103.0 if is_bobs and seq in apart else None)
        assert state == (0 if not is_bobs else 2 if seq in acked | apart else 1 if seq in handed else 0)
