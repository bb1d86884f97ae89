from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fugue_core import history as history_module
from fugue_core.errors import InvalidFilter, MailboxFull, MessageNotFound
from fugue_core.filter import MAX_WORD_CHARS, message_fields, parse_filter
from fugue_core.history import History
from fugue_core.protocol.envelope import STATES, DeliveryCounts, DeliveryState, Envelope, Participant
from fugue_core.protocol.message import MessageId, PackedMessage
from fugue_core.protocol.requests import ListMessages, LogPage
from fugue_core.protocol.session import SessionId
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree
from fugue_core.record import Change, SessionRecord
from fugue_core.store import SqliteStore

SESSIONS = (
    SessionRecord(
        ref=1, id=SessionId(UUID("0190abcd-0000-7000-8000-00000000a0a0")), name="ann", created_at=1.0, repo="/x/shop"
    ),
    SessionRecord(
        ref=2, id=SessionId(UUID("0190abce-0000-7000-8000-00000000b0b0")), name="Bob", created_at=1.0, repo="shop"
    ),
    SessionRecord(ref=3, id=SessionId(UUID("0290abcd-0000-7000-8000-00000000c0c0")), name="[a]?*%_", created_at=1.0),
    SessionRecord(
        ref=4, id=SessionId(UUID("0290abce-0000-7000-8000-00000000d0d0")), name="anna", created_at=1.0, repo="/y/api/"
    ),
    SessionRecord(
        ref=5, id=SessionId(UUID("0390abcd-0000-7000-8000-00000000e0e0")), name="é", created_at=1.0, repo="/x/y/shöp"
    ),
)


class Row(NamedTuple):
    """A message to be stored; its seq is its place, from 1."""

    sender: int
    target: WireTarget
    msg_type: str
    payload: str
    deliveries: dict[int, DeliveryState]
    reply_to: int | None = None

    def envelope(self, seq: int) -> Envelope:
        sender = SESSIONS[self.sender - 1]
        return Envelope(
            id=UUID(int=1000 + seq),
            seq=seq,
            sender=Participant(id=sender.id, name=sender.name),
            target=self.target,
            sent_at=100.0 + seq,
            packed=PackedMessage(self.msg_type, msgspec.Raw(self.payload.encode())),
            reply_to=None if self.reply_to is None else UUID(int=1000 + self.reply_to),
            chain=None if self.reply_to is None else UUID(int=1000 + self.reply_to),
            hops=0 if self.reply_to is None else 1,
        )

    def recipients(self) -> list[Participant]:
        return [Participant(id=SESSIONS[ref - 1].id, name=SESSIONS[ref - 1].name) for ref in self.deliveries]


def row_of(
    target: WireTarget | None = None,
    payload: str = "1",
    *,
    sender: int = 1,
    msg_type: str = "note",
    reply_to: int | None = None,
    **deliveries: DeliveryState,
) -> Row:
    states = {int(ref[1:]): state for ref, state in deliveries.items()}
    return Row(sender, target or Tagged("x"), msg_type, payload, states, reply_to)


def store_rows(store: SqliteStore, rows: list[Row]) -> None:
    for record in SESSIONS:
        store.save_session(record)
    for seq, row in enumerate(rows, start=1):
        store.add_message(row.envelope(seq), row.sender, list(row.deliveries), [])
        store.change(
            [Change(state, 200.0 + seq, None, [seq], ref) for ref, state in row.deliveries.items() if state != "queued"]
        )
    store.commit()


class Log:
    """A store and the history that reads it."""

    def __init__(self, path: Path, rows: list[Row]) -> None:
        self.store = SqliteStore(str(path))
        store_rows(self.store, rows)
        self.history = History(str(path))

    def close(self) -> None:
        self.history.close()
        self.store.close()

    def page(self, words: str = "", limit: int = 1000, **params: object) -> LogPage:
        return self.history.page(msgspec.convert({"filter": words, **params}, ListMessages), limit)

    def seqs(self, words: str = "", limit: int = 1000, **params: object) -> list[int]:
        return [entry.envelope.seq for entry in self.page(words, limit, order="oldest", **params).entries]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(
        tmp_path / "messages.db",
        [
            row_of(Tagged("mayor"), '{"amount": 75}', msg_type="gas_town.bid", r2="acked", r3="queued"),
            row_of(Broadcast(), '"Hello, WORLD"', sender=2, msg_type="greeting", r1="dead"),
            row_of(SessionNamed(str(SESSIONS[3].id), "anna"), '"100% _sure_ [yes]?"', sender=3, r4="handed"),
            row_of(
                Worktree("/w/tag:mayor"),
                '"É is not é"',
                sender=5,
                msg_type="gas_town.award",
                reply_to=1,
                r1="expired",
                r2="queued",
            ),
            row_of(Tagged("may*r", "/x/shop"), "null", sender=4, reply_to=2),
        ],
    )
    yield log
    log.close()


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("type:gas_town.*", [1, 4]),
        ("type:gas_town", []),
        ("type:*bid type:greeting", [1, 2]),
        ("!type:gas_town.*", [2, 3, 5]),
        ("tag:mayor", [1]),
        ("tag:may*r", [1, 5]),
        ("!tag:*", [2, 3, 4]),
        ("from:ann", [1]),
        ("from:ann*", [1, 5]),
        ("from:ANN", []),
        ("from:0190abcd-0000-7000-8000-00000000a0a0", [1]),
        ("from:0190ABCD000070008000-00000000A0A0", [1]),
        ("from:0190*", [1, 2]),
        ("from:[a]?*", [3]),
        ("from:?nn", []),
        ("to:Bob", [1, 4]),
        ("to:anna", [3]),
        ("to:*", [1, 2, 3, 4]),
        ("!to:Bob", [2, 3, 5]),
        ("state:queued", [1, 4]),
        ("state:acked state:dead", [1, 2]),
        ("!state:acked", [2, 3, 4, 5]),
        ("reply:00000000-0000-0000-0000-0000000003e9", [4]),
        ("!reply:{000003E9-0000-0000-0000-000000000000}", [1, 2, 3, 4, 5]),
        ("!reply:000000000000000000000000000003e9", [1, 2, 3, 5]),
        ("reply:000000000000000000000000000003e9 reply:000000000000000000000000000003ea", [4, 5]),
        ("reply:*", [4, 5]),
        ("!reply:*", [1, 2, 3]),
        ("reply:*-0000000003ea", [5]),
        ("reply:3ea", []),
        ("chain:000000000000000000000000000003e9", [1, 4]),
        ("!chain:000000000000000000000000000003e9", [2, 3, 5]),
        ("chain:*-0000000003ea", [2, 5]),
        ("chain:*", [1, 2, 3, 4, 5]),
        ("!chain:*", []),
        ("chain:000000000000000000000000000003ec", []),
        ("repo:shop", [1, 2]),
        ("repo:/x/shop", [1]),
        ("repo:x/shop", []),
        ("repo:/x/*", [1, 4]),
        ("repo:sh*", [1, 2, 4]),
        ("repo:shöp", [4]),
        ("!repo:*", [3]),
        ("hello", [2]),
        ("WORLD", [2]),
        ("100%", [3]),
        ("0%%", []),
        ("_sure_", [3]),
        ("[yes]?", [3]),
        ("É", [4]),
        ("gas_town", [1, 4]),
        ("gas*town", []),
        ('"amount\\"', []),
        ("from:ann to:Bob state:queued 75", [1]),
        ("from:ann to:anna", []),
    ],
)
def test_a_filter_finds(log: Log, words: str, seqs: list[int]) -> None:
    assert log.seqs(words) == seqs


def test_replies_are_found_without_looking_through_all_messages(log: Log) -> None:
    asked: list[str] = []
    log.history._database.set_trace_callback(asked.append)
    assert log.seqs(f"reply:{UUID(int=1001)} reply:{UUID(int=1002)}", after=1) == [4, 5]
    plan = log.history._database.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert any("USING INDEX message_reply_to" in row[-1] for row in plan)
    assert not any(row[-1].startswith("SCAN m") for row in plan)


@pytest.mark.parametrize(
    ("words", "also", "seqs"),
    [
        ("state:acked state:queued", "state:queued", [1, 4]),
        ("state:queued", "!to:Bob hello", []),
        ("from:ann", "from:Bob", []),
        ("", "hello", [2]),
    ],
)
def test_a_second_filter_is_passed_besides_the_first(log: Log, words: str, also: str, seqs: list[int]) -> None:
    assert log.seqs(words, also=also) == seqs == sorted({*log.seqs(words)} & {*log.seqs(also)})


def test_a_filter_that_cannot_be_read_is_refused(log: Log) -> None:
    for words, also in (("colour:red", ""), ("", "colour:red")):
        with pytest.raises(InvalidFilter, match="colour"):
            log.page(words, also=also)


@pytest.mark.parametrize("key", ["type", "tag", "from", "to", "repo", None])
def test_the_longest_words_that_are_read_are_also_carried_out(log: Log, key: str | None) -> None:
    prefix = "" if key is None else f"{key}:"
    for character in ("a", "[", "é", "\U0001f600", "*"):
        found = log.seqs(prefix + "*" + character * (MAX_WORD_CHARS - 1))
        assert found == [] or character == "*"
    with pytest.raises(InvalidFilter, match="10,000 characters"):
        log.page(prefix + "a" * (MAX_WORD_CHARS + 1))


def test_pages_follow_one_another_in_either_order_without_gap_or_double(log: Log) -> None:
    for order, bound in (("newest", "before"), ("oldest", "after")):
        found: list[int] = []
        params: dict[str, object] = {"order": order}
        while True:
            page = log.page("", 2, **params)
            found += [entry.envelope.seq for entry in page.entries]
            if page.next is None:
                break
            params[bound] = page.next
        assert found == ([5, 4, 3, 2, 1] if order == "newest" else [1, 2, 3, 4, 5])


def test_a_page_that_takes_all_says_that_there_is_no_more(log: Log) -> None:
    assert log.page("", 5).next is None
    assert log.page("", 4).next == 2
    assert log.page("type:no", 1).next is None


def test_before_and_after_bound_what_is_found(log: Log) -> None:
    assert log.seqs(after=1, before=4) == [2, 3]
    assert log.seqs("!type:greeting", after=1, before=4) == [3]
    assert log.seqs(after=2**63 - 1) == []


def test_a_page_ends_where_its_payloads_would_grow_too_large_but_holds_one_at_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "PAGE_BYTES", 250)
    log = Log(tmp_path / "messages.db", [row_of(payload=f'"{"." * size}"') for size in (98, 98, 98, 998, 8)])
    assert log.seqs() == [1, 2]
    assert log.seqs(after=2) == [3]
    assert log.seqs(after=3) == [4]
    assert log.page("", order="oldest", after=3).next == 4
    assert log.page("", order="oldest", after=4).next is None
    log.close()


def test_an_entry_counts_its_deliveries_by_state(log: Log) -> None:
    counts = [entry.deliveries for entry in log.page(order="oldest").entries]
    assert counts == [
        DeliveryCounts(acked=1, queued=1),
        DeliveryCounts(dead=1),
        DeliveryCounts(handed=1),
        DeliveryCounts(expired=1, queued=1),
        DeliveryCounts(),
    ]


def test_a_record_shows_every_recipient_with_state_and_times(tmp_path: Path) -> None:
    log = Log(tmp_path / "messages.db", [])
    row = row_of(Tagged("x"), '{"a":1}', r2="queued", r1="queued", r4="queued")
    log.store.add_message(row.envelope(1), 1, [1, 2, 4], [(3, MailboxFull.reason)])
    log.store.change([Change("handed", 150.0, None, [1], 1), Change("handed", 151.0, None, [1], 2)])
    log.store.change([Change("acked", 160.0, None, [1], 2), Change("dead", 170.0, "session ended", [1], 4)])
    log.store.commit()
    record = log.history.record(MessageId(row.envelope(1).id))
    assert record.envelope == row.envelope(1)
    shown = [
        (delivery.recipient.name, delivery.state, delivery.handed_at, delivery.ended_at, delivery.reason)
        for delivery in record.deliveries
    ]
    assert shown == [
        ("ann", "handed", 150.0, None, None),
        ("Bob", "acked", 151.0, 160.0, None),
        ("[a]?*%_", "dead", None, 101.0, MailboxFull.reason),
        ("anna", "dead", None, 170.0, "session ended"),
    ]
    log.close()


def test_a_message_that_is_not_there_is_named(log: Log) -> None:
    with pytest.raises(MessageNotFound, match=str(UUID(int=9))):
        log.history.record(MessageId(UUID(int=9)))


def test_names_are_the_present_ones_and_the_last_ones_of_those_that_ended(log: Log) -> None:
    log.store.save_session(msgspec.structs.replace(SESSIONS[0], name="eve"))
    log.store.end_session(1, 300.0)
    log.store.commit()
    assert log.seqs("from:eve") == [1]
    assert log.seqs("from:ann") == []
    assert log.page("from:eve").entries[0].envelope.sender.name == "eve"


def test_what_is_not_committed_is_not_seen_and_holds_nobody_up(log: Log) -> None:
    log.store.add_message(row_of().envelope(6), 1, [2], [])
    assert log.store.find_message(MessageId(row_of().envelope(6).id)) is not None  # the writer is in the middle of it
    assert log.history.count() == 5
    assert log.seqs() == [1, 2, 3, 4, 5]
    log.store.commit()
    assert log.history.count() == 6


def test_it_may_be_asked_from_another_thread(log: Log) -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(log.history.count()))
    thread.start()
    thread.join()
    assert found == [5]


def test_a_checkpoint_brings_the_log_into_the_file_while_the_writer_goes_on(log: Log, tmp_path: Path) -> None:
    log.store.add_message(row_of(payload=f'"{"." * 200_000}"').envelope(6), 1, [2], [])
    log.store.commit()
    size_bytes = (tmp_path / "messages.db").stat().st_size
    log.store.add_message(row_of().envelope(7), 1, [2], [])
    assert log.store.find_message(MessageId(row_of().envelope(7).id)) is not None
    log.history.checkpoint()
    assert (tmp_path / "messages.db").stat().st_size > size_bytes + 200_000
    log.store.commit()
    assert log.seqs(after=5) == [6, 7]


# ------------------------------------------------------------------------------------ SQL and Python say the same thing

texts = st.sampled_from(["a", "A", "b", "*", "%", "_", "[", "]", "?", "é", "É", ".", ":", "/"])
words_of_text = st.lists(texts, min_size=1, max_size=4).map("".join)
repos = st.none() | st.lists(st.sampled_from(["a", "A", "/", "b", "é"]), max_size=5).map("".join)
targets = st.one_of(
    st.builds(Tagged, words_of_text, repos),
    st.just(Broadcast()),
    st.builds(Worktree, words_of_text.map(lambda text: f"/{text}")),
    st.sampled_from(SESSIONS).map(lambda record: SessionNamed(str(record.id), record.name)),
)
states: st.SearchStrategy[DeliveryState] = st.sampled_from(["queued", "handed", "acked", "expired", "dead"])
json_texts = words_of_text.map(lambda text: msgspec.json.encode(text).decode()) | st.sampled_from(
    ["1", "null", '{"a":"b"}']
)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    target = draw(targets)
    if isinstance(target, SessionNamed):
        deliveries = {[str(record.id) for record in SESSIONS].index(target.session) + 1: draw(states)}
    else:
        deliveries = draw(st.dictionaries(st.integers(1, 5), states, max_size=3))
    reply_to = draw(st.none() | st.integers(1, 3))
    return Row(draw(st.integers(1, 5)), target, draw(words_of_text), draw(json_texts), deliveries, reply_to)


ids = st.sampled_from(SESSIONS).flatmap(
    lambda record: st.sampled_from(
        [str(record.id), record.id.hex.upper(), f"{str(record.id)[:8]}*", f"*{record.id.hex[-4:]}"]
    )
)
names = st.sampled_from(SESSIONS).map(lambda record: record.name)
values = {
    "tag": words_of_text,
    "from": names | ids | words_of_text,
    "to": names | ids | words_of_text,
    "type": words_of_text,
    "state": st.sampled_from(STATES),
    "reply": st.sampled_from([str(UUID(int=1001)), UUID(int=1002).hex, "*", "*3e9", "x"]),
    "chain": st.sampled_from([str(UUID(int=1001)), UUID(int=1002).hex, "*", "*3e9", "x"]),
    "repo": st.sampled_from(["shop", "/x/shop", "*shop", "/x/*", "sh?p", "", "api", "*"]) | words_of_text,
    None: words_of_text,
}


@st.composite
def written_words(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(list(values)))
    value = draw(values[key])
    return ("!" if draw(st.booleans()) else "") + ("" if key is None else f"{key}:") + f'"{value}"'


def test_what_sql_finds_is_what_python_matches(tmp_path: Path) -> None:
    log = Log(tmp_path / "messages.db", [])

    @given(st.lists(rows(), max_size=6), st.lists(written_words(), max_size=4).map(" ".join))
    @example([row_of(payload='"É"')], "É")
    @example([row_of(payload='"É"')], "é")
    @example([row_of(sender=1)], "repo:x/shop")
    def check(stored: list[Row], words: str) -> None:
        for table in ("session", "message", "delivery"):
            log.store._database.execute(f"DELETE FROM {table}")
        store_rows(log.store, stored)
        wanted = parse_filter(words)
        expected = [
            seq
            for seq, row in enumerate(stored, start=1)
            if wanted.matches(
                message_fields(
                    row.envelope(seq), row.recipients(), row.deliveries.values(), SESSIONS[row.sender - 1].repo
                )
            )
        ]
        assert log.seqs(words) == expected

    check()
    log.close()
