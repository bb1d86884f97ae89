"""What the log and the inspector show, as values: news, stretches, JSON, words, commands, threads, history."""

from __future__ import annotations

import shlex
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.filter import parse_filter
from fugue_core.protocol.envelope import DeliveryCounts, DeliveryInfo, Recipient
from fugue_core.protocol.events import DeliveriesChanged, Resync, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.requests import LogEntry, MessageRecord, Receipt, Snapshot
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, WireTarget, Worktree
from fugue_core.timeline import span
from fugue_tui import stretch
from fugue_tui.history import ANCESTORS, THREAD_MESSAGES, find_match, find_thread, pages_around, seq_at
from fugue_tui.inspection import (
    Thread,
    command_of,
    delivery_summary,
    export_name,
    kind_of,
    receipt_words,
    thread_rows,
    timeline_of,
)
from fugue_tui.jsonlines import MAX_LINES, lay_out, preview
from fugue_tui.phrase import parse_time, time_words, words_of
from fugue_tui.stretch import STRETCH_ROWS, Stretch
from fugue_tui.view import ROWS, World, state_of
from tests.tui.messages import BEGAN_AT, MadeUpHistory, envelope, message_id, participant, sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


def entry(seq: int) -> LogEntry:
    return LogEntry(envelope=envelope(seq), deliveries=DeliveryCounts(acked=1))


def world_with(*seqs: int) -> World:
    world = World()
    for seq in seqs:
        world.apply(sent(envelope(seq), "ann"))
    return world


def seqs_of(held: Stretch) -> list[int]:
    return [row.envelope.seq for row in held.rows]


# ------------------------------------------------------------------------------------------------------------- world


def test_news_are_only_what_has_come_since() -> None:
    world = world_with(1, 2)
    mark = world.appended
    world.apply(sent(envelope(3), "ann"))
    assert [row.envelope.seq for row in world.news_since(mark)] == [3]
    assert world.news_since(world.appended) == []


def test_news_after_more_than_is_kept_are_what_is_kept() -> None:
    world = world_with(*range(1, ROWS + 50))
    assert len(world.news_since(0)) == ROWS


def test_a_message_that_history_had_already_is_there_once() -> None:
    world = World()
    world.add_history([entry(1)])
    for seq in range(1, ROWS + 10):
        world.apply(sent(envelope(seq), "ann"))
    assert len({row.envelope.seq for row in world.rows}) == len(world.rows) == ROWS


def test_a_row_of_history_changes_with_the_events_while_it_is_shown() -> None:
    world = World()
    (row,) = world.adopt([LogEntry(envelope=envelope(1), deliveries=DeliveryCounts(queued=1))])
    world.apply(DeliveriesChanged(session=participant("ann").id, state="acked", seqs=(1,), at=1.0))
    assert state_of(row, is_held=world.is_held(row)) == ("ok", "1/1")
    assert world.adopt([entry(1)])[0] is row


def somebody(name: str, *, is_connected: bool, unread: int = 1, created_at: int = 0, tags: str = "") -> SessionInfo:
    return SessionInfo(
        id=participant(name).id,
        name=name,
        created_at=created_at,
        attached_clients=int(is_connected),
        unread=unread,
        tags=tuple(tags.split()),
        repo="/src/shop",
        worktree=WorktreeInfo(path="/src/shop"),
    )


def held_rows(world: World) -> list[int]:
    return [row.envelope.seq for row in world.rows if state_of(row, is_held=world.is_held(row)) == ("held", "held")]


def test_a_message_is_held_while_nobody_is_connected_to_its_session_whether_it_was_seen_live_or_not() -> None:
    to_ann = SessionNamed(str(participant("ann").id), "ann")
    world = World()
    world.apply(SessionJoined(session=somebody("ann", is_connected=False)))
    world.add_history([LogEntry(envelope=envelope(1, target=to_ann), deliveries=DeliveryCounts(queued=1))])
    world.apply(sent(envelope(2, target=to_ann), "ann", is_connected=False))
    assert held_rows(world) == [1, 2]
    world.apply(SessionChanged(session=somebody("ann", is_connected=True)))
    assert held_rows(world) == []
    world.apply(SessionChanged(session=somebody("ann", is_connected=False)))
    assert held_rows(world) == [1, 2]
    world.apply(DeliveriesChanged(session=participant("ann").id, state="handed", seqs=(1, 2), at=1.0))
    assert held_rows(world) == []


@pytest.mark.parametrize(
    "target", [Tagged("citizen"), Tagged("citizen", "/src/shop"), Broadcast(), Worktree("/src/shop")]
)
def test_whom_a_stored_message_waits_for_is_found_by_its_target(target: WireTarget) -> None:
    world = World()
    mayor = somebody("mayor", is_connected=True, unread=0)
    away = somebody("cat-1", is_connected=False, tags="citizen")
    for info in (mayor, somebody("ann", is_connected=True, tags="citizen"), away):
        world.apply(SessionJoined(session=info))
    world.add_history([LogEntry(envelope=envelope(1, target=target), deliveries=DeliveryCounts(queued=2))])
    assert held_rows(world) == [1]
    world.apply(SessionEnded(id=away.id, name="cat-1", at=1.0))
    assert held_rows(world) == []


@pytest.mark.parametrize(
    "other",
    [
        somebody("cat-2", is_connected=False, unread=0, tags="citizen"),
        somebody("cat-2", is_connected=False, created_at=int(BEGAN_AT) + 9, tags="citizen"),
        somebody("cat-2", is_connected=False, tags="builder"),
        somebody("mayor", is_connected=False, tags="citizen"),
    ],
    ids=["has nothing to read", "came later", "another tag", "sent it"],
)
def test_who_cannot_have_a_stored_message_holds_it_not(other: SessionInfo) -> None:
    world = World()
    world.apply(SessionJoined(session=somebody("ann", is_connected=True, tags="citizen")))
    world.apply(SessionJoined(session=other))
    world.add_history([LogEntry(envelope=envelope(1), deliveries=DeliveryCounts(queued=1))])
    assert held_rows(world) == []


def test_the_world_forgets_rows_of_history_that_nobody_shows() -> None:
    world = World()
    world.adopt([entry(seq) for seq in range(1, 1_000)])
    assert len(world._adopted) == 0  # that memory stays constant shows nowhere else


def test_what_is_live_is_adopted_as_it_is_known() -> None:
    world = world_with(1)
    assert world.adopt([entry(1)])[0] is world.rows[0]


# ----------------------------------------------------------------------------------------------------------- stretch


def test_a_stretch_follows_the_newest_and_stays_bounded() -> None:
    world, held = world_with(1), Stretch()
    held.restart(world)
    for seq in range(2, STRETCH_ROWS + 500):
        world.apply(sent(envelope(seq), "ann"))
        if seq % 100 == 0:
            held.catch_up(world, is_following=True)
    held.catch_up(world, is_following=True)
    assert len(held.rows) == STRETCH_ROWS
    assert held.rows[-1].envelope.seq == STRETCH_ROWS + 499
    assert held.has_older
    assert held.new == 0


def test_a_paused_stretch_counts_what_comes_and_takes_nothing_away() -> None:
    world, held = world_with(1, 2), Stretch()
    held.restart(world)
    for seq in range(3, STRETCH_ROWS + 100):
        world.apply(sent(envelope(seq), "ann"))
    held.catch_up(world, is_following=False)
    assert held.new == STRETCH_ROWS + 97
    assert held.rows[0].envelope.seq == 1
    assert held.has_newer


def test_a_filter_holds_for_what_comes_later() -> None:
    world, held = world_with(1), Stretch()
    held.restart(world, parse_filter("type:note"))
    world.apply(sent(envelope(2, msg_type="note"), "ann"))
    world.apply(sent(envelope(3), "ann"))
    assert held.catch_up(world, is_following=True)
    assert seqs_of(held) == [2]


def test_pages_join_at_both_ends_without_a_gap_and_without_a_message_twice() -> None:
    world, held = world_with(*range(11, 21)), Stretch()
    held.restart(world)
    assert held.oldest_seq == 11
    held.add_older(world.adopt([entry(seq) for seq in range(10, 5, -1)]), next_seq=6)
    assert seqs_of(held) == list(range(6, 21))
    assert (held.moved, held.has_older, held.oldest_seq) == (5, True, 6)
    held.add_older(world.adopt([entry(seq) for seq in range(5, 0, -1)]), next_seq=None)
    assert seqs_of(held) == list(range(1, 21))
    assert not held.has_older


def test_a_stretch_elsewhere_comes_back_to_what_is_live() -> None:
    world, held = world_with(*range(8, 13)), Stretch()
    held.restart(world)
    held.replace(world.adopt([entry(1), entry(2)]), has_older=False, has_newer=True)
    world.apply(sent(envelope(13), "ann"))
    held.catch_up(world, is_following=False)
    held.add_newer(world, world.adopt([entry(seq) for seq in range(3, 6)]), next_seq=5)
    assert seqs_of(held) == [1, 2, 3, 4, 5]
    held.add_newer(world, world.adopt([entry(seq) for seq in range(6, 12)]), next_seq=None)
    assert seqs_of(held) == list(range(1, 14))
    assert not held.has_newer


def test_older_pages_push_the_newest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "STRETCH_ROWS", 10)
    world, held = world_with(*range(11, 21)), Stretch()
    held.restart(world)
    held.add_older(world.adopt([entry(seq) for seq in range(10, 5, -1)]), next_seq=6)
    assert seqs_of(held) == list(range(6, 16))
    assert held.has_newer
    assert held.newest_seq == 15


def test_what_is_being_read_stays_when_the_world_is_replaced() -> None:
    world, held = world_with(1, 2, 3), Stretch()
    held.restart(world)
    snapshot = Snapshot(epoch="e", number=9, sessions=(), last_seq=9)
    world.apply(Resync(snapshot=snapshot))
    world.add_history([entry(9)])
    held.catch_up(world, is_following=False)
    assert seqs_of(held) == [1, 2, 3]
    assert held.has_newer
    held.catch_up(world, is_following=True)
    held.restart(world)
    assert seqs_of(held) == [9]


# -------------------------------------------------------------------------------------------------------------- JSON


@given(value=JSON)
def test_a_layout_says_the_same_as_the_payload(value: object) -> None:
    lines = lay_out(msgspec.json.encode(value).decode())
    text = "".join(piece.text for line in lines for piece in line.pieces)
    assert msgspec.json.decode(text) == msgspec.json.decode(msgspec.json.encode(value))


@given(value=JSON)
def test_every_line_that_folds_ends_at_its_own_depth(value: object) -> None:
    lines = lay_out(msgspec.json.encode(value).decode())
    for place, line in enumerate(lines):
        if line.end is not None:
            assert line.end > place
            assert lines[line.end].depth == line.depth
            assert all(inner.depth > line.depth for inner in lines[place + 1 : line.end])


@given(text=st.text(max_size=60))
def test_any_text_can_be_laid_out_and_previewed(text: str) -> None:
    lay_out(text)
    list(preview(text.encode(errors="replace")))


def test_small_objects_stay_on_one_line_and_the_outermost_does_not() -> None:
    lines = ["".join(piece.text for piece in line.pieces) for line in lay_out('{"a":[{"who":"c","n":12}],"e":{}}')]
    assert lines == ["{", '"a": [', '{ "who": "c", "n": 12 }', "],", '"e": {}', "}"]


def test_children_are_counted() -> None:
    (opening, *_) = lay_out('{"a":1,"b":[1,2,3],"c":"' + "x" * 80 + '"}')
    assert opening.children == 3


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_needs_no_recursion(depth: int) -> None:
    lines = lay_out("[" * depth + "]" * depth)
    assert len(lines) <= MAX_LINES + 2


def test_a_long_payload_is_cut_and_says_so() -> None:
    lines = lay_out("[" + ",".join(str(number) for number in range(MAX_LINES * 2)) + "]")
    assert "exports" in lines[-1].pieces[0].text


def test_a_payload_of_very_many_short_values_is_not_read_to_its_end() -> None:
    lines = lay_out("[" + ",".join(['{"a":1,"b":2,"c":3}'] * MAX_LINES) + "]")
    assert len(lines) < MAX_LINES
    assert "exports" in lines[-1].pieces[0].text
    assert len(lay_out("[" + ",".join(['{"a":1,"b":2,"c":3}'] * 10) + "]")) == 12


def test_what_is_no_json_is_shown_as_it_is() -> None:
    roles = [(piece.role, piece.text) for line in lay_out("nothing 1x truely \\ :") for piece in line.pieces]
    assert "".join(text for _, text in roles).replace(" ", "") == "nothing1xtruely\\:"
    assert ("literal", "true") not in roles


def test_huge_numbers_are_carried_digit_by_digit() -> None:
    digits = "9" * 5_000
    assert any(piece.text == digits for line in lay_out(f'{{"n":{digits}}}') for piece in line.pieces)


def test_a_preview_has_no_quotes_at_its_keys() -> None:
    assert "".join(piece.text for piece in preview(b'{"item":"a b","n":[1,true]}')) == '{item:"a b",n:[1,true]}'


def test_a_narrow_preview_has_values_only() -> None:
    assert "".join(piece.text for piece in preview(b'{"item":"a b","n":[1,true]}', has_keys=False)) == "a b 1 true "


# ------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "all messages"),
        ("from:ann from:bob", "from ann or bob"),
        ("type:gas_town.*", "of type beginning with gas_town."),
        ("type:*.bid", "of type ending in .bid"),
        ("type:a*b*c", "of type like a*b*c"),
        ("to:*", "received by anything"),
        ("!state:acked timeout", "not with a delivery acked, and with the text “timeout”"),
        ('tag:citizen "two words"', "to the tag citizen, and with the text “two words”"),
    ],
)
def test_a_filter_is_said_in_words(text: str, words: str) -> None:
    assert words_of(parse_filter(text)) == words


def test_times_are_read_as_people_write_them() -> None:
    now = time.mktime((2026, 3, 5, 12, 30, 0, 0, 0, -1))
    at = {text: parse_time(text, now) for text in ("12:04", "12:04:05", "2026-01-31 08:00", "5m", "5m ago", "-2h")}
    assert at["12:04"] == time.mktime((2026, 3, 5, 12, 4, 0, 0, 0, -1))
    assert at["12:04:05"] == time.mktime((2026, 3, 5, 12, 4, 5, 0, 0, -1))
    assert at["2026-01-31 08:00"] == time.mktime((2026, 1, 31, 8, 0, 0, 0, 0, -1))
    assert at["5m"] == at["5m ago"] == now - 300
    assert at["-2h"] == now - 7200
    assert parse_time("23:59", now) == time.mktime((2026, 3, 4, 23, 59, 0, 0, 0, -1))


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "12:60", "2026-02-30 10:00", "12:4", "99999999d", "12:04\n12", "5mago", "5 ago"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert parse_time(text, BEGAN_AT) is None


def test_a_time_is_said_in_words() -> None:
    assert time_words(BEGAN_AT, BEGAN_AT).startswith("today ")
    assert time_words(BEGAN_AT, BEGAN_AT + 200_000).startswith("2026-01-01 ")


# -------------------------------------------------------------------------------------------------------- inspection


def test_the_command_can_be_pasted_into_a_shell() -> None:
    message = envelope(7, payload={"text": "it's $HOME"}, target=Worktree("/a b"), reply_to=3)
    assert shlex.split(command_of(message)) == [
        *("fugue", "send", "--from", "mayor", "--reply-to", str(message_id(3))),
        *("worktree:/a b", "gas_town.bid", '{"text":"it\'s $HOME"}'),
    ]


def test_the_command_goes_to_the_server_that_the_screen_shows() -> None:
    assert shlex.split(command_of(envelope(7), ("fugue", "-L", "other")))[:4] == ["fugue", "-L", "other", "send"]


def test_a_payload_that_looks_like_an_option_stands_behind_two_dashes() -> None:
    assert shlex.split(command_of(envelope(7, raw=b"-5", target=Broadcast())))[-4:] == [
        "--",
        "broadcast",
        "gas_town.bid",
        "-5",
    ]


def test_a_payload_too_long_for_an_argument_comes_from_the_exported_file() -> None:
    message = envelope(7, payload="x" * 200_000)
    assert shlex.split(command_of(message))[-1] == f"@{export_name(message)}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 ms"), (0.002, "2 ms"), (0.3, "0.3 s"), (59.0, "59.0 s"), (300, "5 m"), (7_200, "2 h"), (200_000, "2 d")],
)
def test_how_long_is_said_short(seconds: float, words: str) -> None:
    assert span(seconds) == words


def delivery(state: str, handed_at: float | None = None, ended_at: float | None = None) -> DeliveryInfo:
    fields = {"recipient": participant("ann"), "state": state, "handed_at": handed_at, "ended_at": ended_at}
    return msgspec.convert(fields, DeliveryInfo)


def test_a_delivery_is_told_on_a_line() -> None:
    acked = timeline_of(delivery("acked", 10.002, 12.002), 10.0, 20.0, is_connected=True)
    assert (acked.sign, acked.handed, acked.ended) == ("ok", "+2 ms", "+2.0 s")
    assert timeline_of(delivery("queued"), 10.0, 15.0, is_connected=False).ended == "held 5.0 s"
    assert timeline_of(delivery("handed", 10.0), 10.0, 15.0, is_connected=True).ended == "waits 5.0 s"
    assert timeline_of(delivery("dead"), 10.0, 15.0, is_connected=True).sign == "bad"


def test_a_summary_counts_who_has_it() -> None:
    deliveries = (delivery("acked"), delivery("dead"), delivery("queued"))
    assert delivery_summary(MessageRecord(envelope=envelope(1), deliveries=deliveries)) == "1 of 3 acked, 1 lost"
    assert delivery_summary(MessageRecord(envelope=envelope(1), deliveries=())) == "it met nobody"


def test_a_receipt_is_told_in_words() -> None:
    ann = Recipient(id=participant("ann").id, name="ann", is_connected=False)
    receipt = Receipt(id=message_id(9), seq=9, recipients=(ann,))
    assert receipt_words(receipt, "cat") == "sent again as cat to 1: ann; 1 not connected, it waits (message 9)"
    nobody = Receipt(id=message_id(9), seq=9, recipients=())
    assert receipt_words(nobody, "cat") == "sent again as cat, it met nobody (message 9)"


def test_a_thread_is_a_tree_and_each_message_is_in_it_once() -> None:
    messages = [envelope(1), envelope(2, reply_to=1), envelope(3, reply_to=1), envelope(4, reply_to=3)]
    rows = thread_rows(messages)
    assert [(row.envelope.seq, row.branches) for row in rows] == [
        (1, ()),
        (2, (True,)),
        (3, (False,)),
        (4, (False, False)),
    ]


def test_a_message_that_answers_itself_does_no_harm() -> None:
    assert [row.envelope.seq for row in thread_rows([envelope(1, reply_to=1)])] == [1]


def test_every_kind_of_target_has_a_word() -> None:
    assert [kind_of(target) for target in (Broadcast(), Worktree("/a"), envelope(1).target)] == [
        "broadcast",
        "worktree",
        "tagged",
    ]


# ----------------------------------------------------------------------------------------------------------- history


async def test_a_moment_is_found_in_a_million_messages_with_few_requests() -> None:
    history = MadeUpHistory(1_000_000)
    assert await seq_at(history, BEGAN_AT + 123_455.5) == 123_457
    assert history.asked < 30
    assert await seq_at(history, 0.0) == 1
    assert await seq_at(history, BEGAN_AT * 2) == 1_000_000
    assert await seq_at(MadeUpHistory(0), BEGAN_AT) is None


async def test_the_pages_around_a_message_meet_there() -> None:
    older, newer = await pages_around(MadeUpHistory(1_000), "", 500)
    assert older.entries[0].envelope.seq == 499
    assert newer.entries[0].envelope.seq == 500


async def test_a_match_is_the_nearest_in_its_direction() -> None:
    history = MadeUpHistory(1_000)
    history.special = {seq: envelope(seq, msg_type="note") for seq in (10, 400, 900)}
    assert await find_match(history, "", "type:note", before=500, after=None) == 400
    assert await find_match(history, "", "type:note", before=None, after=500) == 900
    assert await find_match(history, "", "type:note", before=10, after=None) is None


async def test_a_match_passes_both_the_filter_and_the_search_though_their_words_have_one_key() -> None:
    history = MadeUpHistory(1_000)
    history.special = {seq: envelope(seq, msg_type="a.b") for seq in (10, 400)}
    history.special[700] = envelope(700, msg_type="a.c")
    assert await find_match(history, "type:a.*", "type:*.b", before=900, after=None) == 400
    assert await find_match(history, "type:a.b", "type:a.c", before=900, after=None) is None


async def test_a_thread_has_what_is_answered_and_what_answers() -> None:
    history = MadeUpHistory(50_000)
    for seq, reply_to in ((100, None), (150, 100), (160, 150), (170, 100), (180, 9), (45_000, 170)):
        history.special[seq] = envelope(seq, reply_to=reply_to)
    found = await find_thread(history, history.envelope(160))
    assert seqs_in(found) == [100, 150, 160, 170, 45_000]
    assert found.gap == ""


async def test_a_thread_whose_beginning_is_gone_begins_with_what_is_there() -> None:
    history = MadeUpHistory(10)
    history.special[5] = envelope(5, reply_to=99_999)
    assert seqs_in(await find_thread(history, history.envelope(5))) == [5]


async def test_a_message_with_very_many_replies_says_that_not_all_are_shown() -> None:
    history = MadeUpHistory(2_000)
    history.special = {seq: envelope(seq, reply_to=1) for seq in range(1_000, 1_000 + THREAD_MESSAGES)}
    found = await find_thread(history, history.envelope(1))
    assert seqs_in(found) == [1, *range(1_000, 999 + THREAD_MESSAGES)]
    assert "reply:ID finds the others" in found.gap


async def test_a_thread_is_followed_down_from_level_to_level_with_more_replies_than_one_filter_has_words() -> None:
    history = MadeUpHistory(2_000)
    history.special = {seq: envelope(seq, reply_to=1) for seq in range(1_000, 1_100)}
    history.special |= {seq: envelope(seq, reply_to=seq - 200) for seq in range(1_200, 1_300)}
    found = await find_thread(history, history.envelope(1_250))
    assert seqs_in(found) == [1, *range(1_000, 1_100), *range(1_200, 1_300)]


async def test_a_long_chain_is_followed_up_so_far_and_says_so() -> None:
    history = MadeUpHistory(2_000)
    history.special = {seq: envelope(seq, reply_to=seq - 1) for seq in range(1_000, 1_500)}
    found = await find_thread(history, history.envelope(1_400))
    assert seqs_in(found) == list(range(1_400 - ANCESTORS, 1_500))
    assert "further up" in found.gap


def seqs_in(thread: Thread) -> list[int]:
    return [message.seq for message in thread.envelopes]
