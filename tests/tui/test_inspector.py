"""The inspector: payload, deliveries, thread and command of a message, and what can be done with it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from uuid import UUID

import pytest
from rich.cells import cell_len
from textual.widget import Widget
from textual.widgets import Input

from fugue_core.protocol.envelope import DeliveryInfo, Envelope, Participant
from fugue_core.protocol.events import DeliveriesChanged
from fugue_tui.inspection import command_of
from fugue_tui.widgets.command_view import CommandView, Verdict
from fugue_tui.widgets.delivery_list import DeliveryList
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.inspector_head import InspectorHead, PartNames
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.payload_view import PayloadView
from fugue_tui.widgets.thread_list import ThreadList
from tests.tui.messages import BEGAN_AT, MadeUpHistory, PaneApp, envelope, message_id, participant
from tests.tui.screen import strips_of
from tests.tui.test_message_log import HOSTILE, press, seq_under_cursor, settle

SIZE = (100, 44)
AWARD = {"item": "docs", "losers": [{"who": "cat-1", "amount": 12}], "terms": {"a": 1, "b": "x" * 60}}


def town() -> MadeUpHistory:
    history = MadeUpHistory(200)
    history.special = {
        190: envelope(190, msg_type="gas_town.auction"),
        192: envelope(192, sender="cat-1", reply_to=190),
        195: envelope(195, msg_type="gas_town.award", payload=AWARD, reply_to=192),
        198: envelope(198, sender="cat-1", msg_type="status.update", payload={"state": "begun"}, reply_to=195),
    }
    return history


def text_of(widget: Widget) -> str:
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


async def opened(app: PaneApp, pilot: object, seq: int = 195) -> None:
    from textual.pilot import Pilot  # noqa: PLC0415  # the cast only

    assert isinstance(pilot, Pilot)
    await settle(pilot)
    app.log_list.rest_at(next(n for n, row in enumerate(app.log_list.rows) if row.envelope.seq == seq))
    await press(pilot, "enter")


def shown(app: PaneApp) -> Envelope:
    assert app.inspector.envelope is not None
    return app.inspector.envelope


def verdict(app: PaneApp) -> str:
    return app.query_one(Verdict).text


async def test_it_shows_payload_deliveries_thread_and_command_below_the_log() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        assert app.log_list.size.height == 9
        assert "Message 195" in text_of(app.query_one(InspectorHead))
        assert "192  gas_town.bid by cat-1" in text_of(app.query_one(InspectorHead))
        payload = text_of(app.query_one(PayloadView))
        assert '"item": "docs",' in payload
        assert '{ "who": "cat-1", "amount": 12 }' in payload
        deliveries = text_of(app.query_one(DeliveryList))
        assert "1 of 1 acked" in deliveries
        assert "✓ ivy" in deliveries
        thread = text_of(app.query_one(ThreadList))
        assert "thread  4 messages" in thread
        assert "╰ mayor" in thread
        assert "begun" in thread
        assert "$ fugue send --from mayor --reply-to" in text_of(app.query_one(CommandView))


async def test_j_and_k_step_through_the_messages() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "k")
        assert shown(app).seq == 194
        await press(pilot, "j", "j")
        assert shown(app).seq == 196
        assert seq_under_cursor(app) == 196
        assert app.query_one(PayloadView).has_focus


async def test_it_pauses_the_log_and_escape_gives_it_back() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter")
        app.send(envelope(201))
        await settle(pilot)
        assert shown(app).seq == 200
        assert app.log_list.new == 1
        await press(pilot, "escape")
        assert not app.inspector.is_open
        assert app.log_list.has_focus
        assert app.log_list.size.height == SIZE[1]
        assert app.log_list.is_following
        assert app.log_list.new == 0
        selected = app.log_list.selected
        assert selected is not None
        assert selected.envelope.seq == 201


@pytest.mark.parametrize("keys", [("f", "enter", "escape"), ("enter", "k", "escape"), ("k", "enter", "escape")])
async def test_a_log_that_was_paused_or_moved_in_stays_where_it_is(keys: tuple[str, ...]) -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        for key in keys:
            await press(pilot, key)
        assert not app.inspector.is_open
        assert not app.log_list.is_following


async def test_space_folds_and_the_arrows_close_and_open() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        view = app.query_one(PayloadView)
        everything = view.count
        await press(pilot, "space")
        assert "{ 3 keys }" in text_of(view)
        assert view.count == 1
        await press(pilot, "space")
        assert view.count == everything
        await press(pilot, "down", "down", "down", "left")
        assert '"losers": [ 1 item ]' in text_of(view)
        await press(pilot, "right")
        assert view.count == everything


async def test_a_click_on_the_mark_folds() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.click(PayloadView, offset=(6, 2))
        assert app.query_one(PayloadView).count == 1


async def test_tab_goes_from_part_to_part_and_a_message_of_the_thread_can_be_chosen() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "tab")
        assert app.query_one(DeliveryList).has_focus
        await press(pilot, "tab", "up", "enter")
        assert shown(app).seq == 192
        await pilot.click(ThreadList, offset=(5, 2))
        await settle(pilot)
        assert shown(app).seq == 190


async def test_what_happened_to_a_delivery_is_told_in_the_words_of_trace() -> None:
    history = town()
    ann, bob = participant("ann"), participant("bob")
    at = BEGAN_AT + 195
    history.deliveries[message_id(195)] = (
        DeliveryInfo(
            recipient=ann, state="acked", handed_at=at + 1, ended_at=at + 3, handed_through="hook claude Stop\x1b[31m"
        ),
        DeliveryInfo(recipient=bob, state="dead", ended_at=at + 60, reason="session ended"),
    )
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        deliveries = app.query_one(DeliveryList)
        assert "through" not in text_of(deliveries)
        assert re.search(r"✗ dead\n +session ended$", text_of(deliveries))
        deliveries.focus()
        await press(pilot, "space")
        text = " ".join(text_of(deliveries).split())
        assert " handed through hook claude Stop" in text
        assert ", after 2.0 s 12:03:18.000 acked after 2.0 s " in text
        assert "\x1b" not in text
        assert " acked after 2.0 s" in text
        await press(pilot, "down", "enter")
        assert "through" not in text_of(deliveries)
        assert deliveries.cursor == 0
        await press(pilot, "down", "enter")
        assert "dead session ended, after 1 m" in " ".join(text_of(deliveries).split())


async def test_a_single_delivery_is_told_in_words_at_once() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        assert " acked   after 1.0 s" in text_of(app.query_one(DeliveryList))


async def test_deliveries_change_as_they_happen() -> None:
    history = town()
    ann = participant("ann")
    history.deliveries[message_id(201)] = (DeliveryInfo(recipient=ann, state="queued"),)
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.send(envelope(201, sent_at=BEGAN_AT))
        await press(pilot, "G", "enter")
        assert "0 of 1 acked" in text_of(app.query_one(DeliveryList))
        acked = DeliveryInfo(recipient=ann, state="acked", handed_at=BEGAN_AT + 0.002, ended_at=BEGAN_AT + 2.002)
        history.deliveries[message_id(201)] = (acked,)
        app.world.apply(DeliveriesChanged(session=ann.id, state="acked", seqs=(201,), at=1.0))
        app.pane.show(app.world)
        await settle(pilot)
        text = text_of(app.query_one(DeliveryList))
        assert "1 of 1 acked" in text
        assert "+2 ms" in text
        assert "+2.0 s" in text


async def test_r_asks_for_a_reply_and_capital_s_for_a_resend() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "r", "S")
        reply, resend = app.noted
        assert isinstance(reply, Inspector.ReplyAsked)
        assert isinstance(resend, Inspector.ResendAsked)
        assert reply.envelope.seq == resend.envelope.seq == 195
        app.inspector.show_verdict("✓ sent again as 201 to 1: ann")
        assert "sent again as 201" in text_of(app.query_one(Verdict))


async def test_y_copies_the_payload_and_c_the_command() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "y")
        assert app.clipboard == bytes(shown(app).packed.payload).decode()
        assert verdict(app) == "copied the payload"
        await press(pilot, "c")
        assert shlex.split(app.clipboard)[:2] == ["fugue", "send"]


async def test_e_writes_the_payload_to_a_file_and_never_over_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "e", "enter")
        written = tmp_path / "message-195.json"
        assert written.read_bytes() == bytes(shown(app).packed.payload) + b"\n"
        assert verdict(app) == f"✓ wrote {written}"
        written.write_text("mine")
        await press(pilot, "e", "enter")
        assert written.read_text() == "mine"
        assert "stays as it is" in verdict(app)
        await press(pilot, "escape")
        assert app.inspector.is_open
        assert not app.inspector.has_class("exporting")


async def test_an_export_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await press(pilot, "e")
        assert any("write the payload to  message-195.json" in strip.text for strip in strips_of(app))
        app.query_one("#export-path", Input).value = str(tmp_path / "nowhere" / "file.json")
        await press(pilot, "enter")
        assert "No such file" in verdict(app)


async def test_in_a_small_pane_one_part_is_seen_at_a_time_and_tab_brings_the_others() -> None:
    app = PaneApp(town())
    async with app.run_test(size=(53, 20)) as pilot:
        await opened(app, pilot)
        assert not app.log_list.display
        assert str(shown(app).id) in text_of(app.query_one(InspectorHead))
        assert "192  gas_town.bid by cat-1" in text_of(app.query_one(InspectorHead))
        assert "tab next" in text_of(app.query_one(PartNames))
        assert seen_parts(app) == [PayloadView]
        assert app.query_one(PayloadView).size.height > 10
        await press(pilot, "tab")
        assert seen_parts(app) == [DeliveryList]
        assert "✓ ivy" in text_of(app.query_one(DeliveryList))
        assert "● +1.0 s" in text_of(app.query_one(DeliveryList))
        await press(pilot, "tab")
        assert seen_parts(app) == [ThreadList]
        assert "begun" in text_of(app.query_one(ThreadList))
        await press(pilot, "tab")
        assert seen_parts(app) == [CommandView]
        rows = [app.query_one(CommandView).render_line(y).text[5:-2] for y in range(1, app.inspector.front.size.height)]
        assert "".join("".join(rows).split()) == "".join(command_of(shown(app)).split())
        assert "▌ Message 195" in text_of(app.query_one(InspectorHead))
        await press(pilot, "j")
        assert shown(app).seq == 196
        assert seen_parts(app) == [CommandView]
        await pilot.click(PartNames, offset=(12, 0))
        assert seen_parts(app) == [DeliveryList]
        await press(pilot, "escape")
        assert app.log_list.display


async def test_in_a_small_pane_the_thread_leads_to_other_messages_and_what_came_of_a_key_is_seen() -> None:
    app = PaneApp(town())
    async with app.run_test(size=(53, 20)) as pilot:
        await opened(app, pilot)
        await press(pilot, "tab", "tab", "up", "enter")
        assert shown(app).seq == 192
        assert app.query_one(ThreadList).has_focus
        await press(pilot, "y")
        verdict = app.query_one(Verdict)
        assert verdict.region.height == 1
        app.inspector.show_verdict("✓ sent again as mayor to 9: " + ", ".join(f"citizen-{n}" for n in range(9)))
        await pilot.pause()
        assert text_of(verdict).endswith("citizen-8")
        assert verdict.region.bottom <= 20


@pytest.mark.parametrize("size", [(53, 8), (40, 6), (90, 12), (60, 40), (120, 16)])
async def test_no_size_leaves_a_part_without_rows(size: tuple[int, int]) -> None:
    app = PaneApp(town())
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        for _ in range(4):
            part = app.inspector.front
            assert part.has_focus
            assert part.visible_rows >= 1
            assert part.region.bottom <= size[1]
            await press(pilot, "tab")


async def test_in_a_high_narrow_pane_all_parts_stand_below_one_another() -> None:
    app = PaneApp(town())
    async with app.run_test(size=(60, 40)) as pilot:
        await opened(app, pilot)
        assert seen_parts(app) == [PayloadView, DeliveryList, ThreadList, CommandView]
        tops = [app.query_one(part).region.y for part in seen_parts(app)]
        assert tops == sorted(tops)
        assert "begun" in text_of(app.query_one(ThreadList))


async def test_in_a_wide_pane_it_stands_at_the_right_of_the_log() -> None:
    app = PaneApp(town())
    async with app.run_test(size=(119, 37)) as pilot:
        await opened(app, pilot)
        assert app.log_list.size.height == 37
        assert app.inspector.region.x == app.log_list.region.right
        assert app.inspector.region.right == 119
        assert seen_parts(app) == [PayloadView, DeliveryList, ThreadList, CommandView]
        await press(pilot, "j")
        assert seq_under_cursor(app) == shown(app).seq == 196
        await pilot.resize_terminal(100, 37)
        assert app.inspector.region.y == app.log_list.region.bottom
        await press(pilot, "escape")
        assert app.log_list.size == (100, 37)


def seen_parts(app: PaneApp) -> list[type[Widget]]:
    return [part for part in (PayloadView, DeliveryList, ThreadList, CommandView) if app.query_one(part).region.height]


@pytest.mark.parametrize("width", [44, 60, 84, 100, 140])
async def test_hostile_text_stays_inside_its_rows(width: int) -> None:
    history = MadeUpHistory(40)
    for seq, text in enumerate(HOSTILE, 20):
        payload = {"k": [text, {text[:100]: text}]}
        history.special[seq] = envelope(seq, sender=text, msg_type=text[:200], payload=payload, reply_to=seq - 1)
        reason = DeliveryInfo(recipient=Participant(id=UUID(int=seq), name=text), state="dead", reason=text)
        history.deliveries[message_id(seq)] = (reason,)
    app = PaneApp(history)
    async with app.run_test(size=(width, 30)) as pilot:
        await opened(app, pilot, 20)
        for seq in range(20, 20 + len(HOSTILE)):
            assert shown(app).seq == seq
            for part in (InspectorHead, PayloadView, DeliveryList, ThreadList, CommandView):
                widget = app.query_one(part)
                for y in range(widget.size.height):
                    line = widget.render_line(y)
                    assert cell_len(line.text) == widget.size.width
                    assert line.text.isprintable()
            await press(pilot, "j")


@pytest.mark.parametrize(
    "raw",
    [b"[" * 50_000 + b"]" * 50_000, b"9" * 5_000, b'"' + b"x" * 1_000_000 + b'"', b"null", b'""', b"{}"],
    ids=["deep", "huge integer", "1 MB string", "null", "empty string", "empty object"],
)
async def test_payloads_at_their_limits_are_shown(raw: bytes) -> None:
    history = town()
    history.special[200] = envelope(200, raw=raw)
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, 200)
        assert f"{len(raw):,} bytes" in text_of(app.query_one(PayloadView))
        await press(pilot, "space", "G")


async def test_a_thousand_recipients_can_be_scrolled() -> None:
    history = town()
    names = [f"worker-{number}" for number in range(1_000)]
    history.deliveries[message_id(200)] = tuple(
        DeliveryInfo(recipient=Participant(id=UUID(int=number + 1), name=name), state="acked", ended_at=BEGAN_AT + 300)
        for number, name in enumerate(names)
    )
    app = PaneApp(history)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, 200)
        assert "1,000 of 1,000 acked" in text_of(app.query_one(DeliveryList))
        assert app.query_one(ThreadList).size.height > 3
        await press(pilot, "tab", "G")
        assert "worker-999" in text_of(app.query_one(DeliveryList))


async def test_a_second_click_in_the_log_opens_what_is_there() -> None:
    app = PaneApp(town())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.click(MessageLog, offset=(20, 3))
        await settle(pilot)
        assert shown(app).seq == seq_under_cursor(app) != 195
