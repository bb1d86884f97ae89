"""Looking back, with the real daemon: pages, matches, moments, threads, and what can be done with an old message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from fugue_core.client import Client, connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.requests import Receipt
from fugue_core.protocol.target import Session, Tagged
from fugue_tui.widgets.delivery_list import DeliveryList
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.thread_list import ThreadList
from tests.tui.screen import Seen, open_app
from tests.tui.test_inspector import text_of

MESSAGES = 1_300
"""More than twice as many as the screen loads when it opens."""
WIDE = (140, 42)


@asynccontextmanager
async def speaker(daemon: LocalDaemon, name: str, *tags: str) -> AsyncIterator[Client]:
    async with connect(daemon) as client:
        await client.join(name, tags=tags)
        yield client


async def say(client: Client, msg_type: str, payload: object = None, **options: object) -> Receipt:
    return await client.send(Tagged("citizen"), OrchestrationMessage(msg_type, payload), **options)  # type: ignore[arg-type]  # the test's own


async def chatter(client: Client, count: int, msg_type: str = "noise") -> None:
    for first in range(0, count, 100):
        await asyncio.gather(*(say(client, msg_type, number) for number in range(first, min(count, first + 100))))


def cursor_seq(seen: Seen) -> int:
    row = seen.app.message_log.selected
    assert row is not None
    return row.envelope.seq


async def look_into(seen: Seen, seq: int) -> Inspector:
    log, inspector = seen.app.message_log, seen.app.message_pane.inspector
    await seen.until(lambda: any(row.envelope.seq == seq for row in log.rows))
    log.rest_at(next(place for place, row in enumerate(log.rows) if row.envelope.seq == seq))
    await seen.press("enter")
    await seen.until(lambda: inspector.envelope is not None and inspector.envelope.seq == seq)
    return inspector


async def type_into_bar(seen: Seen, key: str, text: str) -> None:
    await seen.press(key)
    field = seen.app.message_pane.query_one("#log-bar").query_one(Input)
    await seen.until(lambda: field.has_focus)
    field.value = text
    await seen.press("enter")


async def test_one_can_page_back_to_the_first_message_and_return_to_the_last(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat:
        await chatter(cat, MESSAGES)
        async with open_app(daemon) as seen:
            log = seen.app.message_log
            await seen.until(lambda: log.rows and log.rows[-1].envelope.seq == MESSAGES)
            assert log.rows[0].envelope.seq > 1
            passed: set[int] = set()
            while cursor_seq(seen) > 1:
                before = cursor_seq(seen)
                await seen.press(*["pageup"] * 8)
                await seen.until(lambda before=before: cursor_seq(seen) < before)  # type: ignore[misc]  # bound now
                passed.update(row.envelope.seq for row in log.rows)
            assert passed == set(range(1, MESSAGES + 1))
            await seen.press("G")
            await seen.until(lambda: cursor_seq(seen) == MESSAGES)


async def test_n_finds_matches_that_were_never_loaded_and_that_pass_the_filter(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat, speaker(daemon, "dog") as dog:
        first = await say(cat, "find.this", 1)
        kept_out = await say(dog, "find.this", 2)
        second = await say(cat, "find.that", 3)
        await chatter(cat, MESSAGES)
        async with open_app(daemon, WIDE) as seen:
            log = seen.app.message_log
            await seen.until(lambda: log.rows and log.rows[-1].envelope.seq >= MESSAGES)
            await type_into_bar(seen, "slash", "from:cat")
            await type_into_bar(seen, "s", "type:find.*")
            await seen.until(lambda: cursor_seq(seen) == second.seq)
            await seen.press("N")
            await seen.until(lambda: cursor_seq(seen) == first.seq)
            assert all(row.envelope.seq != kept_out.seq for row in log.rows)
            await seen.press("N")
            await seen.until_shown("no older match")
            await seen.press("n")
            await seen.until(lambda: cursor_seq(seen) == second.seq)
            await seen.press("n")
            await seen.until_shown("no newer match")


async def test_a_search_goes_to_nothing_that_the_filter_keeps_out(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat, speaker(daemon, "dog") as dog:
        await say(dog, "note")
        await chatter(cat, MESSAGES)
        async with open_app(daemon) as seen:
            await seen.until(lambda: seen.app.message_log.rows)
            await type_into_bar(seen, "slash", "from:cat")
            await type_into_bar(seen, "s", "from:dog")
            await seen.until_shown("no older match")


async def test_at_goes_to_what_was_sent_at_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now, back_s = time.time, [7_200]
    monkeypatch.setattr(time, "time", lambda: now() - back_s[0])
    async with LocalDaemon() as daemon, speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat:
        await chatter(cat, 300)
        back_s[0] -= 3_600
        wanted = await say(cat, "begun")
        back_s[0] -= 100
        await chatter(cat, MESSAGES)
        back_s[0] -= 3_500
        async with open_app(daemon) as seen:
            await seen.until(lambda: seen.app.message_log.rows)
            await type_into_bar(seen, "at", "61m")
            await seen.until(lambda: cursor_seq(seen) == wanted.seq)
            assert "begun" in seen.text


async def test_a_thread_is_whole_however_much_was_said_in_between(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat, speaker(daemon, "mayor") as mayor:
        auction = await say(mayor, "auction")
        for speaking in (cat, mayor):  # one alone may not fill more than half of a mailbox
            await chatter(speaking, 3_000)
        bid = await say(cat, "bid", {"amount": 75}, reply_to=auction.id)
        award = await say(mayor, "award", reply_to=bid.id)
        async with open_app(daemon, WIDE) as seen:
            await look_into(seen, award.seq)
            await seen.until_shown("thread  3 messages")
            thread = text_of(seen.app.query_one(ThreadList))
            assert [word for word in thread.split() if word in {"auction", "bid", "award"}] == [
                "auction",
                "bid",
                "award",
            ]
            await seen.press("tab", "tab", "home", "enter")
            await seen.until_shown(f"Message {auction.seq:,} ")
            await seen.until_shown("thread  3 messages")


async def test_a_resend_goes_out_as_its_sender(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "cat", "citizen") as cat, speaker(daemon, "mayor") as mayor:
        sent = await say(mayor, "auction", {"item": 1.50})
        async with open_app(daemon, WIDE) as seen:
            inspector = await look_into(seen, sent.seq)
            await seen.press("S")
            await seen.until_shown("✓ sent again as mayor to 1: cat")
            assert inspector.envelope is not None
            first, again = (await cat.receive()).envelopes
            assert again.id != first.id
            assert again.sender == first.sender
            assert (again.target, again.packed) == (first.target, first.packed)


async def test_a_resend_of_one_who_has_ended_goes_out_as_the_human_and_says_so(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "cat", "citizen") as cat:
        async with speaker(daemon, "mayor") as mayor:
            sent = await say(mayor, "auction")
            await mayor.end()
        async with open_app(daemon, WIDE) as seen:
            await look_into(seen, sent.seq)
            await seen.press("S")
            await seen.until_shown("✓ sent again as you, mayor has ended, to 1: cat")
            human = seen.app._human
            assert human is not None
            assert (await cat.receive()).envelopes[-1].sender.id == human.id


async def test_a_resend_to_one_who_has_ended_is_refused_in_words(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "mayor") as mayor:
        async with speaker(daemon, "cat") as cat:
            assert cat.session is not None
            sent = await mayor.send(Session(cat.session.id), OrchestrationMessage("note"))
            await cat.end()
        async with open_app(daemon, WIDE) as seen:
            await look_into(seen, sent.seq)
            await seen.press("S")
            await seen.until_shown("✗ not sent as mayor:")


async def test_a_payload_is_exported_byte_for_byte(daemon: LocalDaemon, tmp_path: Path) -> None:
    async with speaker(daemon, "ear", "citizen"), speaker(daemon, "cat") as cat:
        payload = {"text": "zwölf\nlines" * 1_000, "n": 2**60}
        sent = await say(cat, "report", payload)
        async with open_app(daemon, (80, 24)) as seen:
            inspector = await look_into(seen, sent.seq)
            await seen.press("e")
            inspector.query_one("#export-path", Input).value = str(tmp_path / "report.json")
            await seen.press("enter")
            await seen.until_shown("✓ wrote")
            assert inspector.envelope is not None
            written = (tmp_path / "report.json").read_bytes()
            assert written == bytes(inspector.envelope.packed.payload) + b"\n"
            assert "zwölf" in written.decode()


async def test_what_becomes_of_a_message_is_seen_while_one_looks_at_it(daemon: LocalDaemon) -> None:
    async with (
        speaker(daemon, "mayor") as mayor,
        speaker(daemon, "cat-1", "citizen") as first,
        speaker(daemon, "cat-2", "citizen") as second,
    ):
        sent = await say(mayor, "auction")
        async with open_app(daemon, WIDE) as seen:
            await look_into(seen, sent.seq)
            await seen.until_shown("deliveries  0 of 2 acked")
            assert text_of(seen.app.query_one(DeliveryList)).count("waits") == 2
            received = await second.receive()
            await seen.until(lambda: "● +" in text_of(seen.app.query_one(DeliveryList)))
            await second.ack(*received.envelopes)
            await seen.until_shown("deliveries  1 of 2 acked")
            assert "✓ cat-2" in text_of(seen.app.query_one(DeliveryList))
            await first.end()
            await seen.until_shown("1 of 2 acked, 1 lost")
            assert "✗ cat-1" in text_of(seen.app.query_one(DeliveryList))


async def test_an_answer_comes_into_the_thread_while_one_looks_at_it(daemon: LocalDaemon) -> None:
    async with speaker(daemon, "cat", "citizen") as cat, speaker(daemon, "mayor", "citizen") as mayor:
        auction = await say(mayor, "auction")
        async with open_app(daemon, WIDE) as seen:
            await look_into(seen, auction.seq)
            await seen.until_shown("thread  no replies")
            bid = await say(cat, "bid", reply_to=auction.id)
            await seen.until_shown("thread  2 messages")
            await seen.press("tab", "tab", "down")
            await say(mayor, "award", reply_to=bid.id)
            await seen.until_shown("thread  3 messages")
            await seen.press("enter")
            await seen.until_shown(f"Message {bid.seq:,} ")
