"""The human's mail: only their own calls for them; it is read, acknowledged and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from rich.segment import Segment
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from fugue_core.client import Client, connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol.envelope import Envelope, Participant, Recipient
from fugue_core.protocol.events import MessageSent
from fugue_core.protocol.message import OrchestrationMessage, PackedMessage
from fugue_core.protocol.target import SessionNamed
from fugue_tui.app import FugueApp
from fugue_tui.doorbell import Doorbell, terminal_notice
from fugue_tui.palette import DARK
from fugue_tui.screens.inbox import SHOWN_CHARS, Inbox, laid_out
from fugue_tui.widgets.choice_field import ChoiceField
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.json_editor import JsonEditor
from tests.tui.screen import strips_of

YOU, CAT = UUID(int=1), UUID(int=2)
HOSTILE = "\x1b]0;owned\x07[red]x[/]\u202e\u200b表"


def envelope(
    number: int, payload: bytes = b'{"text":"api is red"}', sender: str = "cat-1", msg_type: str = "note"
) -> Envelope:
    return Envelope(
        id=UUID(int=100 + number),
        seq=number,
        sender=Participant(id=CAT, name=sender),
        target=SessionNamed(str(YOU), "ann"),
        sent_at=float(number),
        packed=PackedMessage(msg_type, msgspec.Raw(payload)),
    )


def sent(number: int, *recipients: UUID, sender: UUID = CAT) -> MessageSent:
    message = msgspec.structs.replace(envelope(number), sender=Participant(id=sender, name="cat-1"))
    return MessageSent(
        envelope=message,
        recipients=tuple(Recipient(id=recipient, name="x", is_connected=True) for recipient in recipients),
    )


# -------------------------------------------------------------------------------------------------------- the doorbell


def test_only_messages_of_others_to_you_ring() -> None:
    bell = Doorbell()
    bell.take([sent(1, CAT), sent(2, YOU, sender=YOU)], YOU)
    assert bell.ring(0.0) is None
    bell.take([sent(3, CAT, YOU)], YOU)
    assert bell.ring(0.0) == 'cat-1: note {"text":"api is red"}'
    assert bell.ring(10.0) is None


def test_a_flood_rings_once_a_second_and_counts() -> None:
    bell = Doorbell()
    bell.take([sent(1, YOU)], YOU)
    assert bell.ring(0.0) is not None
    bell.take([sent(number, YOU) for number in range(2_000)], YOU)
    assert bell.ring(0.5) is None
    assert bell.ring(1.0) == "2,000 messages for you, the newest from cat-1"


def test_the_terminal_is_called_as_was_set_and_not_steered() -> None:
    assert terminal_notice("bell", "x") == "\a"
    assert terminal_notice("none", "x") == ""
    notice = terminal_notice("osc9", HOSTILE * 100)
    assert notice.startswith("\x1b]9;")
    assert notice.endswith("\a")
    assert notice[4:-1].isprintable()
    assert terminal_notice("osc9", "x", is_in_tmux=True) == "\x1bPtmux;\x1b\x1b]9;x\a\x1b\\"
    assert terminal_notice("bell", "x", is_in_tmux=True) == "\a"


# ---------------------------------------------------------------------------------------------------------- the screen


class Hall(App[None]):
    """The smallest app around the inbox."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def on_inbox_acked(self, event: Inbox.Acked) -> None:
        self.heard.append(event)

    def on_inbox_all_acked(self, event: Inbox.AllAcked) -> None:
        self.heard.append(event)

    def on_inbox_reply_asked(self, event: Inbox.ReplyAsked) -> None:
        self.heard.append(event)


@asynccontextmanager
async def hall(
    envelopes: Iterable[Envelope], remaining: int = 0, size: tuple[int, int] = (100, 32)
) -> AsyncIterator[tuple[Hall, Inbox, Pilot[None]]]:
    app = Hall()
    async with app.run_test(size=size) as pilot:
        inbox = Inbox(DARK)
        await app.push_screen(inbox)
        inbox.show(tuple(envelopes), remaining)
        await pilot.pause()
        yield app, inbox, pilot


def verdict(inbox: Inbox) -> str:
    return str(inbox.query_one(".panel-verdict", Static).render())


async def test_the_payload_under_the_cursor_is_shown() -> None:
    async with hall([envelope(1), envelope(2, b"[2]")], 7) as (_, inbox, pilot):
        assert "9 messages for you, the oldest 2 are shown" in verdict(inbox)
        assert inbox.well.text == '{\n  "text": "api is red"\n}'
        await pilot.press("j")
        await pilot.pause()
        assert inbox.well.text == "[\n  2\n]"


async def test_a_preview_that_is_cut_says_so_wherever_it_is_cut() -> None:
    numbers = b",".join([b"1"] * 90) + b"]"
    mail = [envelope(1), *(envelope(2 + digits, b"[" + b"7" * digits + b"," + numbers) for digits in range(1, 7))]
    async with hall(mail) as (app, _, _pilot):
        short, *long = (strip.text for strip in strips_of(app) if "cat-1" in strip.text)
        assert "…" not in short
        assert [line.rstrip()[-1] for line in long] == ["…"] * 6


async def test_a_narrow_inbox_has_room_for_the_payload() -> None:
    async with hall([envelope(1, b'"red"')], size=(52, 24)) as (app, _, _pilot):
        assert any("cat-1" in strip.text and "red" in strip.text for strip in strips_of(app))


async def test_enter_acknowledges_one_and_a_all_and_they_go_when_it_is_confirmed() -> None:
    mail = [envelope(number) for number in range(3)]
    async with hall(mail) as (app, inbox, pilot):
        await pilot.press("j", "enter", "a")
        acked = [event.envelopes for event in app.heard if isinstance(event, Inbox.Acked)]
        assert acked == [(mail[1],), tuple(mail)]
        assert inbox.list.count == 3
        inbox.show([mail[0], mail[2]], 0)
        await pilot.pause()
        assert inbox.list.selected == mail[2]
        inbox.show([], 0)
        await pilot.pause()
        assert "nothing waits" in verdict(inbox)
        await pilot.press("enter", "a", "r", "j")
        assert inbox.well.text == ""


async def test_everything_is_acknowledged_up_to_what_was_counted_and_its_count_is_said_once() -> None:
    mail = [envelope(number) for number in range(1, 4)]
    async with hall(mail, 1_200) as (app, inbox, pilot):
        inbox.show(mail, 1_200, 1_300)
        await pilot.press("A")
        asked = [event.up_to for event in app.heard if isinstance(event, Inbox.AllAcked)]
        assert asked == [1_300]
        assert inbox.list.count == 3
        inbox.note_acked(1_203)
        inbox.show([], 0)
        await pilot.pause()
        assert verdict(inbox) == "1,203 acknowledged; nothing waits for you"
        inbox.show(mail, 0)
        await pilot.press("enter")
        inbox.show(mail[1:], 0)
        await pilot.pause()
        assert verdict(inbox) == "2 messages for you"
        inbox.show([], 0)
        await pilot.press("A")
        assert len([event for event in app.heard if isinstance(event, Inbox.AllAcked)]) == 1


async def test_r_asks_for_an_answer_and_escape_leaves() -> None:
    async with hall([envelope(1)]) as (app, _, pilot):
        await pilot.press("r", "escape")
        await pilot.pause()
        assert [type(event) for event in app.heard] == [Inbox.ReplyAsked]
        assert not isinstance(app.screen, Inbox)


async def test_the_payload_cannot_be_changed_and_a_refusal_is_said() -> None:
    async with hall([envelope(1)]) as (_, inbox, pilot):
        await pilot.press("tab", "x", "backspace")
        assert inbox.focused is inbox.well
        assert inbox.well.text == '{\n  "text": "api is red"\n}'
        inbox.show_refusal("the store cannot write")
        await pilot.pause()
        assert "the store cannot write" in verdict(inbox)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 16)])
async def test_all_of_it_stays_on_the_screen(size: tuple[int, int]) -> None:
    async with hall([envelope(number) for number in range(50)], size=size) as (_, inbox, _):
        assert "50 messages for you" in verdict(inbox)
        assert inbox.query_one(".panel-keys").region.bottom <= size[1]
        assert inbox.list.region.height >= 2


async def test_odd_mail_neither_steers_nor_crashes() -> None:
    odd = [
        envelope(1, b'"' + HOSTILE.encode() + b'"', sender=HOSTILE, msg_type=HOSTILE * 20),
        envelope(2, b'"' + b"x" * 1_000_000 + b'"'),
        envelope(3, "表".encode() * 1_000),
        envelope(4, b"\xff\xfe"),
    ]
    async with hall(odd) as (app, inbox, pilot):
        for _ in odd:
            strips = strips_of(app)
            pieces: list[Segment] = [piece for strip in strips for piece in strip]
            assert all("\x1b" not in piece.text and "\u202e" not in piece.text for piece in pieces)
            await pilot.press("j")
            await pilot.pause()
        assert len(inbox.well.text) < SHOWN_CHARS + 100
        assert laid_out("{bad") == "{bad"


# ------------------------------------------------------------------------------------------- with the daemon behind it


@asynccontextmanager
async def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FugueApp, Pilot[None], Client]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with LocalDaemon() as daemon, connect(daemon) as cat:
        await cat.join("cat-1", tags=["citizen"])
        app = FugueApp(daemon, server="test")
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app._link.is_up and len(app.compose_pane.sessions) == 2)
            yield app, pilot, cat


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await pilot.pause(0.01)


async def test_a_message_to_the_human_calls_is_read_and_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(tmp_path, monkeypatch) as (app, pilot, cat):
        await cat.send("tag:human", OrchestrationMessage("note", {"text": "api is red"}))
        await until(pilot, lambda: app.status_bar.unread == 1)
        await until(pilot, lambda: any("api is red" in note.message for note in app._notifications))
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, Inbox) and app.screen.list.count == 1)
        inbox = app.screen
        assert isinstance(inbox, Inbox)
        await pilot.press("enter")
        await until(pilot, lambda: inbox.list.count == 0 and app.status_bar.unread == 0)
        await cat.send("tag:human", OrchestrationMessage("ask", 1))
        await until(pilot, lambda: inbox.list.count == 1)
        await pilot.press("r")
        await until(pilot, lambda: app.compose_pane.draft.target == "session:cat-1")
        assert app.compose_pane.draft.reply_to


async def test_more_than_is_listed_is_acknowledged_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fugue_tui.app.INBOX_MESSAGES", 3)
    async with office(tmp_path, monkeypatch) as (app, pilot, cat):
        for number in range(5):
            await cat.send("tag:human", OrchestrationMessage("note", number))
        await until(pilot, lambda: app.status_bar.unread == 5)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, Inbox) and app.screen.list.count == 3)
        inbox = app.screen
        assert isinstance(inbox, Inbox)
        await pilot.press("A")
        await until(pilot, lambda: app.status_bar.unread == 0 and inbox.list.count == 0)
        await until(pilot, lambda: "5 acknowledged; nothing waits for you" in verdict(inbox))


async def test_what_agents_tell_each_other_calls_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(tmp_path, monkeypatch) as (app, pilot, cat):
        await cat.send("session:cat-1", OrchestrationMessage("note", 1))
        await until(pilot, lambda: app._world.message_count == 1)
        await pilot.pause()
        assert list(app._notifications) == []
        assert app.status_bar.unread == 0


async def test_what_is_written_is_sent_as_the_session_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(tmp_path, monkeypatch) as (app, pilot, _):
        await pilot.press("M")
        pane = app.compose_pane
        pane.write_to("tag:human", msg_type="note")
        pane.query_one("#sender-field", ChoiceField).value = "cat-1"
        pane.query_one(JsonEditor).text = '{"a": 1.50}'
        await until(pilot, lambda: "send to 1" in " ".join(piece.text for piece in verdict_row(pane)))
        await pilot.press("f5")
        await until(pilot, lambda: pane.draft.payload == "")
        row = app._world.rows[-1].envelope
        assert row.sender.name == "cat-1"
        assert bytes(row.packed.payload) == b'{"a": 1.50}'


async def test_recipients_follow_the_tags_while_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(tmp_path, monkeypatch) as (app, pilot, cat):
        await pilot.press("M")
        pane = app.compose_pane
        pane.write_to("tag:builder", msg_type="note")
        await until(pilot, lambda: any("nobody" in piece.text for piece in verdict_row(pane)))
        await cat.tag(add=["builder"])
        await until(pilot, lambda: any("send to 1" in piece.text for piece in verdict_row(pane)))
        await cat.tag(remove=["builder"])
        await until(pilot, lambda: any("nobody" in piece.text for piece in verdict_row(pane)))
        await pilot.press("f5")
        await until(pilot, lambda: any("no recipient" in piece.text for piece in verdict_row(pane)))
        assert pane.draft.msg_type == "note"


async def test_a_draft_survives_the_end_of_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(tmp_path, monkeypatch) as (app, pilot, _):
        await pilot.press("M", *"abc", "tab", "tab", *"note", "tab", *"[1")
    assert (tmp_path / "fugue" / "test" / "draft.json").stat().st_mode & 0o777 == 0o600
    async with office(tmp_path, monkeypatch) as (app, pilot, _):
        draft = app.compose_pane.draft
        assert (draft.target, draft.msg_type, draft.payload) == ("tag:abc", "note", "[1]")


def verdict_row(pane: ComposePane) -> list[Segment]:
    row = pane.query_one("#verdict")
    return list(row.render_line(0))
