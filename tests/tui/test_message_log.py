"""The live log: its columns, its keys, its filter and search, and how it moves over a history of a million messages."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from textual.events import MouseScrollUp
from textual.geometry import Region
from textual.widgets import Input, Static

from fugue_core.protocol.events import DeliveriesChanged
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, Worktree
from fugue_tui.line import Line
from fugue_tui.stretch import STRETCH_ROWS
from fugue_tui.widgets.log_bar import LogBar
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.message_row import columns_for
from tests.tui.messages import BEGAN_AT, MadeUpHistory, PaneApp, envelope, participant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

SIZE = (94, 20)
MILLION = 1_000_000
HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07",
    "[red]markup[/red]",
    "\u202eright to left\u202c",
    "zero\u200bwidth\u2060",
    "漢字と仮名" * 3,
    "e\u0301" * 9,
    "x" * 100_000,
    "\ud800",
)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, all in one call; a character may stand for its key."""
    await pilot.press(*({" ": "space"}.get(key, key) for key in keys))
    await settle(pilot)


def lines_of(log: MessageLog) -> list[str]:
    return [log.render_line(y).text for y in range(log.size.height)]


def seq_under_cursor(app: PaneApp) -> int:
    row = app.log_list.selected
    assert row is not None
    return row.envelope.seq


# ------------------------------------------------------------------------------------------------------------ columns


def test_the_columns_stand_where_the_look_says() -> None:
    columns = columns_for(94)
    assert (columns.time, columns.sender, columns.target, columns.kind, columns.payload, columns.state) == (
        *(3, 13, 23, 35),
        *(53, 85),
    )
    assert columns.has_mark
    assert not columns_for(84).has_mark


@pytest.mark.parametrize("width", [*range(20, 60), 72, 74, 84, 94, 110, 130, 204])
def test_columns_never_overlap(width: int) -> None:
    columns = columns_for(width)
    assert columns.sender + columns.sender_chars < columns.arrow < columns.target
    assert columns.target + columns.target_chars < columns.kind
    assert columns.payload + columns.payload_chars <= columns.state
    assert width < 36 or columns.kind <= columns.state  # below 40 nothing is shown


def test_wide_panes_widen_sender_and_target_first_and_then_the_payload() -> None:
    assert (columns_for(130).sender_chars, columns_for(130).target_chars) == (14, 18)
    assert columns_for(204).payload_chars - columns_for(130).payload_chars == 74


@pytest.mark.parametrize("width", [40, 53, 74, 84, 94, 130])
async def test_every_row_has_exactly_the_width_of_the_pane(width: int) -> None:
    history = MadeUpHistory(40)
    for seq, text in enumerate(HOSTILE, 20):
        history.special[seq] = envelope(
            seq, sender=text, msg_type=text, payload={text[:2_000]: text}, target=Tagged(text)
        )
    history.special[30] = envelope(30, raw=b"[" * 5_000 + b"]" * 5_000, target=SessionNamed("x", HOSTILE[0]))
    history.special[31] = envelope(31, raw=b"9" * 5_000, target=Worktree("/a/" + HOSTILE[2]))
    history.special[32] = envelope(32, raw=b"\xff\xfe", target=Broadcast())
    app = PaneApp(history)
    async with app.run_test(size=(width, 50)) as pilot:
        await settle(pilot)
        for line in lines_of(app.log_list):
            assert cell_len(line) == width
            assert line.isprintable()


async def test_a_row_says_who_to_whom_what_and_what_has_become_of_it() -> None:
    app = PaneApp(MadeUpHistory(0))
    async with app.run_test(size=SIZE) as pilot:
        app.send(
            envelope(1, msg_type="gas_town.award", payload={"to": "cat-1", "n": 3}, reply_to=9), to=("ann", "cat-1")
        )
        await settle(pilot)
        line = lines_of(app.log_list)[2]
        for part in ("↳", "mayor", "→ #citizen", "gas_town.award", '{to:"cat-1",n:3}', "… 0/2"):
            assert part in line
        app.world.apply(DeliveriesChanged(session=participant("ann").id, state="acked", seqs=(1,), at=1.0))
        app.world.apply(DeliveriesChanged(session=participant("cat-1").id, state="acked", seqs=(1,), at=1.0))
        app.pane.show(app.world)
        assert "✓ 2/2" in lines_of(app.log_list)[2]


async def test_held_dead_and_nobody_are_told_apart() -> None:
    app = PaneApp(MadeUpHistory(0))
    async with app.run_test(size=SIZE) as pilot:
        app.send(envelope(1), to=())
        app.send(envelope(2))
        app.world.apply(DeliveriesChanged(session=participant("ann").id, state="dead", seqs=(2,), at=1.0))
        app.pane.show(app.world)
        await settle(pilot)
        lines = lines_of(app.log_list)
        assert "– none" in lines[2]  # noqa: RUF001  # the dash of the design
        assert "✗ dead" in lines[3]


async def test_a_second_that_repeats_is_drawn_in_ghost() -> None:
    app = PaneApp(MadeUpHistory(0))
    async with app.run_test(size=SIZE) as pilot:
        app.send(envelope(1, sent_at=BEGAN_AT), envelope(2, sent_at=BEGAN_AT), envelope(3, sent_at=BEGAN_AT + 1))
        await settle(pilot)
        colours = []
        for y in (2, 3, 4):
            segment = next(piece for piece in app.log_list.render_line(y) if piece.text.strip().count(":") == 2)
            assert segment.style is not None
            assert segment.style.color is not None
            colours.append(segment.style.color.name)
        assert colours == [app.log_list.palette.muted, app.log_list.palette.ghost, app.log_list.palette.muted]


async def test_at_80x24_the_minute_is_told_once_and_types_without_namespace() -> None:
    app = PaneApp(MadeUpHistory(200))
    async with app.run_test(size=(53, 22)) as pilot:
        await settle(pilot)
        lines = lines_of(app.log_list)[1:-1]
        assert sum(line[2:4].isdigit() for line in lines) <= 2
        assert all(" bid " in line and "gas_town" not in line for line in lines)


# ----------------------------------------------------------------------------------------------------- follow, pause


async def test_it_follows_until_the_cursor_leaves_the_newest_and_counts_what_comes() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "● follow" in lines_of(app.log_list)[0]
        await press(pilot, "k")
        assert "paused" in lines_of(app.log_list)[0]
        app.send(envelope(101), envelope(102))
        await settle(pilot)
        assert seq_under_cursor(app) == 99
        assert "↓ 2 new" in lines_of(app.log_list)[0]
        await press(pilot, "G")
        assert app.log_list.is_following
        assert seq_under_cursor(app) == 102
        assert app.log_list.new == 0


async def test_f_pauses_and_follows_again() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f")
        assert "paused" in lines_of(app.log_list)[0]
        app.send(envelope(101))
        assert seq_under_cursor(app) == 100
        await press(pilot, "f")
        assert seq_under_cursor(app) == 101


async def test_the_wheel_pauses_and_a_click_on_the_marker_follows() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.log_list.post_message(_wheel_up(app.log_list))
        await settle(pilot)
        assert not app.log_list.is_following
        assert seq_under_cursor(app) == 97
        await pilot.click(MessageLog, offset=(88, 0))
        await settle(pilot)
        assert app.log_list.is_following


def _wheel_up(log: MessageLog) -> MouseScrollUp:
    return MouseScrollUp(log, 5, 5, 0, -1, 0, shift=False, meta=False, ctrl=False)


async def test_a_click_puts_the_cursor_there_and_a_second_opens() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.click(MessageLog, offset=(20, 5))
        assert seq_under_cursor(app) == 86
        await pilot.click(MessageLog, offset=(20, 5), times=2)
        await settle(pilot)
        assert app.inspector.is_open
        assert app.inspector.envelope is not None
        assert app.inspector.envelope.seq == 86


async def test_r_asks_for_a_reply() -> None:
    app = PaneApp(MadeUpHistory(10))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "k", "r")
        (asked,) = app.noted
        assert isinstance(asked, MessageLog.ReplyAsked)
        assert asked.row.envelope.seq == 9


# ------------------------------------------------------------------------------------------------------------ filter


async def test_a_filter_holds_while_it_is_typed_says_what_it_means_and_reaches_into_history() -> None:
    history = MadeUpHistory(5_000)
    history.special = {seq: envelope(seq, msg_type="note") for seq in (10, 4_990)}
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash", *"type:note")
        words = app.query_one("#log-bar-words").render()
        assert str(words) == "of type note"
        assert [row.envelope.seq for row in app.log_list.rows] == [10, 4_990]
        await press(pilot, "enter")
        assert app.log_list.has_focus
        assert "/ type:note" in lines_of(app.log_list)[0]
        app.send(envelope(5_001), envelope(5_002, msg_type="note"))
        assert [row.envelope.seq for row in app.log_list.rows] == [10, 4_990, 5_002]


async def test_a_filter_that_cannot_be_read_says_why_and_leaves_the_last_good_one() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash", *"from:ann")
        app.query_one("#log-bar-field", Input).value = "from:ann colour:red"
        await settle(pilot)
        bar = app.query_one(LogBar)
        assert bar.has_class("bad")
        assert "colour" in str(app.query_one("#log-bar-words").render())
        assert {row.envelope.sender.name for row in app.log_list.rows} == {"ann"}
        await press(pilot, "enter")
        assert bar.is_open


@pytest.mark.parametrize("width", [40, 60, 94])
async def test_a_filter_that_lets_nothing_through_is_said_with_the_way_out(width: int) -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=(width, 20)) as pilot:
        await press(pilot, "slash", *"from:nobody", "enter")
        assert "nothing matches from:nobody; esc clears it" in " ".join("".join(lines_of(app.log_list)).split())
        assert "compared whole" not in "".join(lines_of(app.log_list))
        await press(pilot, "escape")
        assert "nothing matches" not in "".join(lines_of(app.log_list))


@pytest.mark.parametrize(("words", "advice"), [("type:bid", "type:*bid"), ("type:*.sold", ""), ("!type:bid x", "")])
async def test_a_type_without_its_namespace_is_said_to_be_compared_whole(words: str, advice: str) -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash", *words, "enter")
        shown = " ".join("".join(lines_of(app.log_list)).split())
        assert f"nothing matches {words}; esc clears it" in shown
        assert ("compared whole" in shown) is bool(advice)
        assert advice in shown


async def test_while_the_history_is_looked_through_nothing_is_said_to_be_missing() -> None:
    history = MadeUpHistory(50_000)
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        history.gate = asyncio.Event()
        await pilot.press("slash", *"from:nobody")
        await pilot.pause()
        assert "looking further back for from:nobody …" in "".join(lines_of(app.log_list))
        history.gate.set()
        await settle(pilot)
        assert "nothing matches from:nobody" in "".join(lines_of(app.log_list))


async def test_escape_clears_the_filter_in_the_field_and_in_the_log() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash", *"from:ann", "escape")
        assert not app.log_list.filter_text
        assert app.log_list.count == 100
        await press(pilot, "slash", *"from:ann", "enter", "escape")
        assert app.log_list.count == 100


# ------------------------------------------------------------------------------------------------------ search, time


async def test_a_search_goes_to_the_matches_and_filters_nothing() -> None:
    history = MadeUpHistory(100)
    history.special = {seq: envelope(seq, msg_type="note") for seq in (20, 50, 80)}
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "s", *"type:note", "enter")
        assert app.log_list.count == 100
        assert seq_under_cursor(app) == 80
        await press(pilot, "N")
        assert seq_under_cursor(app) == 50
        await press(pilot, "N", "N")
        assert "no older match" in lines_of(app.log_list)[0]
        await press(pilot, "n", "n")
        assert seq_under_cursor(app) == 80
        await press(pilot, "escape")
        assert not app.log_list.search_text


async def test_a_search_goes_on_where_the_log_has_not_been() -> None:
    history = MadeUpHistory(50_000)
    history.special = {7_000: envelope(7_000, msg_type="note"), 49_990: envelope(49_990, msg_type="note")}
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "s", *"type:note", "enter", "N")
        assert seq_under_cursor(app) == 7_000
        await press(pilot, "n")
        assert seq_under_cursor(app) == 49_990


async def test_at_goes_to_a_time_in_a_million_messages() -> None:
    app = PaneApp(MadeUpHistory(MILLION))
    async with app.run_test(size=SIZE) as pilot:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(BEGAN_AT + 400_000))
        await press(pilot, "at", *text, "enter")
        assert seq_under_cursor(app) == 400_001
        assert not app.log_list.is_following


async def test_every_time_that_the_hint_offers_is_taken() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "at")
        offers = str(app.query_one("#log-bar-words", Static).content).replace(" or ", " ").split(", ")
        await press(pilot, "escape")
        assert "5m ago" in [offer.strip() for offer in offers]
        for offer in offers:
            await press(pilot, "at", *offer.strip(), "enter")
            assert not app.query_one(LogBar).is_open
            assert not app.log_list.is_following
            await press(pilot, "f")


async def test_what_is_no_time_stays_in_the_field() -> None:
    app = PaneApp(MadeUpHistory(100))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "at", *"noon", "enter")
        assert app.query_one(LogBar).is_open
        assert app.query_one("#log-bar-field", Input).value == "noon"
        assert str(app.query_one("#log-bar-words", Static).content).startswith("“noon” is no time: write 12:04, ")
        await press(pilot, "escape")
        assert app.log_list.has_focus


# ------------------------------------------------------------------------------------------------------------ paging


async def test_g_and_capital_g_go_to_both_ends_of_a_million_messages() -> None:
    app = PaneApp(MadeUpHistory(MILLION))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "g")
        assert seq_under_cursor(app) == 1
        await press(pilot, "j", "j")
        assert seq_under_cursor(app) == 3
        await press(pilot, "G")
        assert seq_under_cursor(app) == MILLION
        assert app.log_list.is_following


async def test_scrolling_back_asks_page_by_page_without_a_gap_and_keeps_memory_constant() -> None:
    app = PaneApp(MadeUpHistory(MILLION))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        log = app.log_list
        expected = MILLION
        for _ in range(30):
            expected -= min(log.cursor, 450)
            log.rest_at(log.cursor - 450, -1)
            await settle(pilot)
        seqs = [row.envelope.seq for row in log.rows]
        assert seqs == list(range(seqs[0], seqs[-1] + 1))
        assert seq_under_cursor(app) == expected < MILLION - STRETCH_ROWS
        assert len(seqs) <= STRETCH_ROWS
        for _ in range(40):
            log.rest_at(log.cursor + 450)
            await settle(pilot)
        assert seq_under_cursor(app) == MILLION
        assert log.is_following
        app.send(envelope(MILLION + 1))
        assert seq_under_cursor(app) == MILLION + 1


async def test_keys_are_answered_while_a_page_is_under_way() -> None:
    history = MadeUpHistory(MILLION)
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        history.gate = asyncio.Event()
        app.log_list.rest_at(50)
        await pilot.pause()
        before = seq_under_cursor(app)
        await pilot.press("k", "k")
        assert seq_under_cursor(app) == before - 2
        asked = history.asked
        await pilot.press("k", "k")
        assert history.asked == asked
        history.gate.set()
        await settle(pilot)
        assert seq_under_cursor(app) == before - 4


async def test_a_page_that_comes_too_late_is_dropped() -> None:
    history = MadeUpHistory(MILLION)
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        history.gate = asyncio.Event()
        app.log_list.rest_at(0)
        await pilot.press("slash", *"from:ann")
        history.gate.set()
        await settle(pilot)
        assert {row.envelope.sender.name for row in app.log_list.rows} == {"ann"}


async def test_a_frame_costs_what_has_come_and_not_what_there_is() -> None:
    app = PaneApp(MadeUpHistory(20_000), live=10_000)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        rows = app.log_list.rows
        app.send(envelope(20_001))
        assert app.log_list.rows is rows


@contextlib.asynccontextmanager
async def quiet_log() -> AsyncIterator[tuple[PaneApp, MessageLog, Pilot[None]]]:
    """A log with half of a hundred messages at hand, in which nothing moves."""
    app = PaneApp(MadeUpHistory(100), live=50)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        yield app, app.log_list, pilot


async def test_a_line_stays_the_same_object_for_as_long_as_it_says_the_same() -> None:
    async with quiet_log() as (app, log, pilot):
        before = log.render_lines(log.size.region)
        app.send(envelope(101))
        await pilot.pause()
        after = log.render_lines(log.size.region)
        assert [id(line) for line in after[3:-2]] == [id(line) for line in before[4:-1]]  # one up, but for the cursor's


async def test_what_is_drawn_is_what_the_screen_shows() -> None:
    async with quiet_log() as (_, log, _):
        whole = log.render_lines(log.size.region)
        assert [line.text for line in whole] == lines_of(log)
        part = log.render_lines(Region(5, 3, 20, 2))
        assert [line.text for line in part] == [line.text[5:25] for line in whole[3:5]]


async def test_a_tint_reaches_every_line() -> None:
    async with quiet_log() as (_, log, _):
        plain = log.render_lines(log.size.region)
        log.styles.tint = "#ff0000 50%"
        tinted = log.render_lines(log.size.region)
        assert all(line != was and line.text == was.text for line, was in zip(tinted, plain, strict=True))


async def test_only_the_lines_are_drawn_anew_that_say_something_else() -> None:
    async with quiet_log() as (app, log, pilot):
        log.action_follow()
        await settle(pilot)
        before = log.render_lines(log.size.region)
        app.send(envelope(101))
        await settle(pilot)
        after = log.render_lines(log.size.region)
        assert [y for y, (line, was) in enumerate(zip(after, before, strict=True)) if line is not was] == [0]
        assert "1 new" in after[0].text


def test_a_line_has_no_more_pieces_than_colours() -> None:
    line = (
        Line(30, "#000000")
        .at(2)
        .put("one", "#ffffff")
        .at(10)
        .put("two", "#ff0000")
        .at(20)
        .put("x", "#00ff00", fill="#333333")
    )
    assert [piece.text for piece in line.strip()] == ["  ", "one     ", "two       ", "x", "         "]
