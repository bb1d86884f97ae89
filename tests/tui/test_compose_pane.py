"""The compose pane: every key, and every way from the first letter to the receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import NAMESPACE_DNS, UUID, uuid5

import msgspec
import pytest
from rich.segment import Segment
from textual import on
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import OptionList

from fugue_core.errors import (
    ChainTooLong,
    FugueError,
    MailboxFull,
    MailboxShareFull,
    NoRecipients,
    NoRepository,
    PairTooFast,
    SchemaViolation,
    StoreUnavailable,
)
from fugue_core.protocol.envelope import Recipient
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, Worktree
from fugue_tui.draft import Desk, Draft
from fugue_tui.ink import width_of
from fugue_tui.palette import DARK, LIGHT
from fugue_tui.refusal import in_words
from fugue_tui.theme import theme_of, variables_of
from fugue_tui.widgets.choice_field import ChoiceField
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.json_editor import JsonEditor
from fugue_tui.widgets.message_form import MessageForm
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import Reach, TypeUse, reach_pieces, split_target, type_uses
from tests.tui.screen import strips_of

HOSTILE = "\x1b]0;owned\x07[red]x[/]\u202e\u200b表"


def session(name: str, *tags: str, connected: bool = True, unread: int = 0) -> SessionInfo:
    return SessionInfo(
        id=uuid5(NAMESPACE_DNS, name),
        name=name,
        created_at=0,
        tags=tags,
        attached_clients=int(connected),
        repo="/src/shop",
        worktree=WorktreeInfo(path=f"/src/{name}", branch=f"feat/{name}"),
        unread=unread,
    )


ANN = session("ann", "human")
CAT = session("cat-1", "citizen", "builder")
IVY = session("ivy", "builder", connected=False)
SESSIONS = (ANN, CAT, IVY)
AUCTION = TypeUse("gas_town.auction", b'{"item":"docs","reserve":1.50}', "mayor", 0.0)
BID = TypeUse("gas_town.bid", b'{"amount":75}', "cat-1", 0.0)


def recipient(info: SessionInfo) -> Recipient:
    return Recipient(id=info.id, name=info.name, is_connected=info.attached_clients > 0)


class Desktop(App[None]):
    """The smallest app around the pane: it notes what comes up, and answers nothing by itself."""

    CSS_PATH = "../../fugue_tui/fugue.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_of(DARK)

    def compose(self) -> ComposeResult:
        yield ComposePane(id="compose")

    def on_mount(self) -> None:
        self.register_theme(theme_of(DARK))
        self.theme = DARK.name
        self.pane.you = ANN.id
        self.pane.sessions = SESSIONS
        self.pane.types = (AUCTION, BID)

    @property
    def pane(self) -> ComposePane:
        return self.query_one(ComposePane)

    @on(ComposePane.Submitted)
    @on(ComposePane.TargetChanged)
    @on(ComposePane.Settled)
    @on(ComposePane.Left)
    @on(ComposePane.Opened)
    @on(ComposePane.TypesAsked)
    @on(ComposePane.CheckAsked)
    def hear(self, event: Message) -> None:
        self.heard.append(event)

    def all_of(self, kind: type[Message]) -> list[Message]:
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def sent(self) -> list[Draft]:
        return [event.draft for event in self.heard if isinstance(event, ComposePane.Submitted)]


Hands = Pilot[None]


@asynccontextmanager
async def desktop(width: int = 94, *, is_open: bool = True) -> AsyncIterator[tuple[Desktop, ComposePane, Hands]]:
    app = Desktop()
    async with app.run_test(size=(width, 18)) as pilot:
        if is_open:
            app.pane.open()
            app.query_one("#target").focus()
        await pilot.pause()
        yield app, app.pane, pilot


def said(pane: ComposePane, row: str) -> str:
    return pane.query_one(f"#{row}", TextRow).text


async def until(pilot: Hands, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await pilot.pause(0.01)


def keys(text: str) -> list[str]:
    return [{" ": "space", "\n": "enter"}.get(character, character) for character in text]


async def write(pilot: Hands, target: str = "tag:builder", msg_type: str = "note", payload: str = '{"a": 1}') -> None:
    pane = pilot.app.query_one(ComposePane)
    pane.write_to(target, msg_type=msg_type)
    pane.query_one(JsonEditor).text = payload
    await pilot.pause()


# ---------------------------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("key", "typed", "target"),
    [
        ("alt+t", "builder", Tagged("builder")),
        ("alt+s", "ivy", SessionNamed("ivy")),
        ("alt+w", "/src/ivy", Worktree("/src/ivy")),
        ("alt+a", "", Broadcast()),
        ("alt+b", "", Broadcast()),
    ],
)
async def test_one_key_chooses_the_kind_of_target(key: str, typed: str, target: object) -> None:
    async with desktop() as (app, pane, pilot):
        await pilot.press("tab", key, *keys(typed))
        await pilot.pause()
        last = app.all_of(ComposePane.TargetChanged)[-1]
        assert isinstance(last, ComposePane.TargetChanged)
        assert last.target == target == pane.draft.read_target()


async def test_each_kind_remembers_its_value() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press(*keys("builder"), "alt+s", *keys("ivy"), "alt+b", "alt+t")
        assert pane.draft.target == "tag:builder"
        await pilot.press("alt+s")
        assert pane.draft.target == "session:ivy"


async def test_one_key_limits_a_tag_to_the_senders_repository_and_all_that_follows_knows() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("alt+r")
        last = app.all_of(ComposePane.TargetChanged)[-1]
        assert isinstance(last, ComposePane.TargetChanged)
        assert last.target == Tagged("builder", repo="/src/shop")
        assert said(pane, "repo").split() == ["in", "shop"]
        pane.show_recipients([recipient(CAT)])
        await pilot.press("f5")
        assert app.sent[0].read_target() == Tagged("builder", repo="/src/shop")
        pane.show_receipt(app.sent[0], [recipient(CAT)])
        await pilot.press("escape")
        kept = pane.desk
        pane.close()
        await pilot.pause()
        assert "builder" in said(pane, "compose-line")
        assert " in shop" in said(pane, "compose-line")
    async with desktop() as (_, pane, pilot):
        pane.take_desk(kept)
        assert pane.draft.repo == "/src/shop"
        pane.write_to("tag:builder")
        assert pane.draft.repo == ""
        await pilot.press("ctrl+up")
        assert pane.draft.repo == "/src/shop"


async def test_the_repository_of_another_sender_comes_first_for_it() -> None:
    async with desktop() as (_, pane, pilot):
        other = msgspec.structs.replace(CAT, repo="/src/api")
        pane.sessions = (ANN, other, IVY)
        await write(pilot)
        pane.query_one("#sender-field", ChoiceField).value = "cat-1"
        await pilot.pause()
        await pilot.press("alt+r")
        assert pane.draft.repo == "/src/api"


async def test_a_click_chooses_the_kind_too() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.click("#kinds", offset=(12, 0))
        assert pane.draft.target == "session:"


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (100, " Tagged   Session   Broadcast   Worktree"),
        (75, " Tag  Session  All  Tree"),
        (64, "alt+ Tagged  S A W"),
        (50, " Tagged  S A W"),
    ],
)
async def test_the_kinds_have_names_while_there_is_room(width: int, names: str) -> None:
    async with desktop(width) as (_, pane, _pilot):
        assert "".join(ink.text for ink in pane.query_one("#kinds", TextRow).left).rstrip() == names


async def test_tags_are_offered_with_their_counts_and_taken_only_when_chosen() -> None:
    async with desktop() as (_, pane, pilot):
        offers = pane.query_one("#target-field", ChoiceField).query_one(OptionList)
        await pilot.press("u")
        shown = [str(offers.get_option_at_index(place).prompt) for place in range(offers.option_count)]
        assert [" ".join(line.split()) for line in shown] == ["builder 2 sessions", "human 1 session"]
        await pilot.press("tab")
        assert pane.draft.target == "tag:u"
        await pilot.press("shift+tab", "down", "enter")
        assert pane.draft.target == "tag:builder"
        assert app_focus(pilot) == "msg-type"


@pytest.mark.parametrize("key", ["enter", "tab"])
async def test_the_one_word_that_is_left_is_taken_and_a_type_may_be_any_other(key: str) -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press(*"cit", key)
        assert pane.draft.target == "tag:citizen"
        assert app_focus(pilot) == "msg-type"
        await pilot.press(*"auct", key)
        assert pane.draft.msg_type == "auct"


async def test_tab_takes_what_was_chosen_and_up_goes_to_the_last() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press("up", "tab")
        assert pane.draft.target == "tag:citizen"


async def test_the_right_arrow_takes_the_grey_rest() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press("c", "i")
        await pilot.pause()
        await pilot.press("right")
        assert pane.draft.target == "tag:citizen"


async def test_what_is_offered_covers_neither_the_field_nor_the_recipients() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press("u")
        await pilot.pause()
        offers = pane.query_one("#target-field > OptionList")
        reaches = pane.query_one("#reaches")
        assert offers.region.y == reaches.region.bottom
        assert offers.region.bottom <= pane.query_one("#verdict").region.y


async def test_sessions_and_the_worktrees_of_known_sessions_are_offered() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press("alt+w", *keys("ivy"), "down", "enter")
        assert pane.draft.target == "worktree:/src/ivy"
        await pilot.press("alt+s", *keys("iv"), "down", "enter")
        assert pane.draft.target == "session:ivy"


async def test_an_offer_can_be_clicked() -> None:
    async with desktop() as (_, pane, pilot):
        await pilot.press(*keys("citi"))
        await pilot.pause()
        await pilot.click("#target-field > OptionList", offset=(2, 0))
        await pilot.pause()
        assert pane.draft.target == "tag:citizen"


async def test_escape_closes_the_offers_first_and_then_leaves() -> None:
    async with desktop() as (app, _, pilot):
        await pilot.press("c", "escape")
        assert app.all_of(ComposePane.Left) == []
        await pilot.press("escape")
        assert len(app.all_of(ComposePane.Left)) == 1


def app_focus(pilot: Hands) -> str | None:
    return pilot.app.focused.id if pilot.app.focused else None


async def test_tab_goes_through_the_fields_and_around() -> None:
    async with desktop() as (_, _, pilot):
        passed: list[str | None] = []
        for _ in range(4):
            await pilot.press("escape", "tab") if not passed else await pilot.press("tab")
            passed.append(app_focus(pilot))
        assert passed == ["sender", "msg-type", "payload", "target"]
        await pilot.press("shift+tab")
        assert app_focus(pilot) == "payload"


# ---------------------------------------------------------------------------------------------------------- recipients


async def test_the_recipients_are_shown_with_their_dots_before_sending() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot)
        pane.show_recipients([recipient(CAT), recipient(IVY)])
        await pilot.pause()
        assert said(pane, "reaches").split() == ["2", "of", "3", "●", "cat-1", "○", "ivy", "1", "will", "be", "held"]
        assert "send to 2" in said(pane, "verdict")


async def test_nobody_is_said_with_the_reason() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, "tag:nobody")
        pane.show_nobody("no recipient at tag:nobody")
        await pilot.pause()
        assert "nobody" in said(pane, "reaches")
        assert "nobody to send to" in said(pane, "verdict")


async def test_recipients_are_asked_for_again_once_however_many_sessions_change() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        app.heard.clear()
        for number in range(20):
            pane.sessions = (*SESSIONS, session(f"new-{number}", "builder"))
        await pilot.pause(0.15)
        assert len(app.all_of(ComposePane.TargetChanged)) == 1


async def test_what_nobody_can_say_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fugue_tui.widgets.compose_pane.ASK_AGAIN_S", 0.05)
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        app.heard.clear()
        pane.show_unknown()
        await pilot.pause(0.1)
        assert len(app.all_of(ComposePane.TargetChanged)) == 1
        assert "send" in said(pane, "verdict")


async def test_it_is_asked_again_also_where_two_changes_undid_each_other() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        app.heard.clear()
        pane.sessions = pane.sessions
        await pilot.pause(0.15)
        assert len(app.all_of(ComposePane.TargetChanged)) == 1


def test_names_that_do_not_fit_are_counted_and_none_is_cut() -> None:
    reach = Reach(tuple(recipient(session(f"worker-{number}")) for number in range(100)), "", is_known=True)
    for width in (20, 40, 94, 250):
        pieces = reach_pieces(reach, 100, width)
        assert width_of(pieces) <= width
        text = "".join(piece.text for piece in pieces)
        assert text.count("●") + int(text.rpartition("+")[2]) == 100


# ------------------------------------------------------------------------------------------------------ type, template


async def test_types_are_asked_for_and_complete_and_their_last_payload_is_offered() -> None:
    async with desktop() as (app, pane, pilot):
        await pilot.press("escape", "tab", "tab")
        assert len(app.all_of(ComposePane.TypesAsked)) == 1
        await pilot.press(*keys("auct"), "down", "enter")
        assert pane.draft.msg_type == "gas_town.auction"
        assert "f7 takes mayor's last one" in " ".join(said(pane, "template").split())
        assert pane.draft.payload == ""
        await pilot.press("f7")
        await pilot.pause()
        assert pane.draft.payload == '{\n  "item": "docs",\n  "reserve": 1.50\n}'


async def test_a_template_never_takes_the_place_of_what_was_typed() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, msg_type="gas_town.bid", payload="[1]")
        assert said(pane, "template") == ""
        await pilot.press("f7")
        assert pane.draft.payload == "[1]"
        assert "clear the payload" in said(pane, "verdict")


async def test_the_own_last_payload_comes_before_that_of_others() -> None:
    async with desktop() as (_, pane, pilot):
        pane.take_desk(Desk(sent=(Draft(target="tag:x", msg_type="gas_town.bid", payload="[2]"),)))
        pane.write_to("tag:builder", msg_type="gas_town.bid")
        await pilot.press("f7")
        assert pane.draft.payload == "[\n  2\n]"


# ---------------------------------------------------------------------------------------------------------- the editor


async def test_brackets_and_quotes_close_themselves_and_a_typed_closer_steps_over() -> None:
    async with desktop() as (_, pane, pilot):
        pane.query_one(JsonEditor).focus()
        await pilot.press(*keys('{\n"item": "x", "n": [1]'))
        assert pane.draft.payload == '{\n  "item": "x", "n": [1]\n}'
        assert pane.fault is None
        await pilot.press("[", "backspace")
        assert pane.draft.payload == '{\n  "item": "x", "n": [1]\n}'


async def test_brackets_that_are_not_closed_for_one_stay_open() -> None:
    async with desktop() as (_, pane, pilot):
        editor = pane.query_one(JsonEditor)
        editor.closes_brackets = False
        editor.focus()
        await pilot.press("{", "[")
        assert pane.draft.payload == "{["


async def test_the_error_is_shown_while_typing_and_sending_is_off() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot, payload='{\n  "reserve": 25\n  "closes": 1\n}')
        assert said(pane, "verdict").split() == (
            [
                "✗",
                "line",
                "3,",
                "column",
                "3",
                "expected",
                "a",
                "comma",
                "before",
                '"closes"',
                "f8",
                "go",
                "to",
                "it",
                "send",
                "is",
                "off",
            ]
        )
        editor = pane.query_one(JsonEditor)
        row = editor.render_line(2)
        underlined = "".join(piece.text for piece in row if piece.style and piece.style.underline)
        assert underlined == '"closes"'
        assert {piece.style.bgcolor.name for piece in row if piece.style and piece.style.bgcolor} == {DARK.bad_fill}
        await pilot.press("f5")
        assert app.sent == []
        assert editor.cursor_location == (2, 2)
        before = pane.query_one("#verdict").region
        await pilot.press("up", "end", ",")
        await pilot.pause()
        assert pane.fault is None
        assert pane.query_one("#verdict").region == before


async def test_f8_goes_to_the_fault_from_anywhere() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, payload="[1,\n2,\n}")
        pane.query_one("#target").focus()
        await pilot.press("f8")
        assert app_focus(pilot) == "payload"
        assert pane.query_one(JsonEditor).cursor_location == (2, 0)


async def test_f6_lays_out_and_undo_takes_it_back() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, payload='{"b":1.0,"a":[]}')
        pane.query_one(JsonEditor).focus()
        await pilot.press("f6")
        assert pane.draft.payload == '{\n  "b": 1.0,\n  "a": []\n}'
        await pilot.press("ctrl+z")
        assert pane.draft.payload == '{"b":1.0,"a":[]}'


async def test_f6_leaves_what_is_no_json() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, payload="{a")
        await pilot.press("f6")
        assert pane.draft.payload == "{a"


async def test_json_has_its_colours() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, payload='{"key": "value", "n": 12, "t": true}')
        pane.query_one("#target").focus()
        await pilot.pause()
        colours = {
            piece.text: piece.style.color.name
            for piece in pane.query_one(JsonEditor).render_line(0)
            if piece.style and piece.style.color
        }
        assert colours['"key"'] == DARK.json_key
        assert colours['"value"'] == DARK.json_string
        assert colours["12"] == DARK.json_number
        assert colours["true"] == DARK.json_literal
        pane.palette = LIGHT
        await pilot.pause()
        light = pane.query_one(JsonEditor).render_line(0)
        assert LIGHT.json_key in {piece.style.color.name for piece in light if piece.style and piece.style.color}


async def test_the_other_bracket_is_marked() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot, payload='{"a": [1, 2]}')
        editor = pane.query_one(JsonEditor)
        editor.focus()
        editor.move_cursor((0, 6))
        await pilot.pause()
        assert editor.matching_bracket_location == (0, 11)


# ------------------------------------------------------------------------------------------------------------- sending


@pytest.mark.parametrize("key", ["f5", "ctrl+enter"])
async def test_both_keys_send_from_any_field(key: str) -> None:
    async with desktop() as (app, _, pilot):
        await write(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert app.sent == [Draft(target="tag:builder", msg_type="note", payload='{"a": 1}')]


async def test_the_button_can_be_clicked_and_counts() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        pane.show_recipients([recipient(CAT)])
        await pilot.pause()
        await pilot.click("#verdict", offset=(88, 0))
        await pilot.pause()
        assert len(app.sent) == 1


async def test_what_is_under_way_is_not_sent_twice() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5", "f5", "f5")
        assert len(app.sent) == 1
        pane.show_refusal(app.sent[0], StoreUnavailable("disk full"))
        await pilot.press("f5")
        assert len(app.sent) == 2


async def test_the_sender_is_you_unless_another_is_chosen() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        assert pane.query_one("#sender-field", ChoiceField).input.placeholder == "ann you"
        pane.query_one("#sender").focus()
        await pilot.press(*keys("cat"), "down", "enter", "f5")
        await pilot.pause()
        assert app.sent[-1].sender == "cat-1"
        asked = app.all_of(ComposePane.TargetChanged)[-1]
        assert isinstance(asked, ComposePane.TargetChanged)
        assert asked.sender == "cat-1"


async def test_nobody_can_be_impersonated_who_is_not_there() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        pane.query_one("#sender").focus()
        await pilot.press(*keys("ghost"), "f5")
        assert app.sent == []
        assert "no session 'ghost'" in said(pane, "verdict")


@pytest.mark.parametrize(
    ("target", "msg_type", "field"),
    [
        ("tag:", "note", "target"),
        ("worktree:relative", "note", "target"),
        ("worktree:", "note", "target"),
        ("tag:x", "", "msg-type"),
        ("tag:x", "a b", "msg-type"),
    ],
)
async def test_what_is_missing_is_said_and_gets_the_keys(target: str, msg_type: str, field: str) -> None:
    async with desktop() as (app, pane, pilot):
        pane.write_to(target, msg_type=msg_type)
        await pilot.pause()
        await pilot.press("f5")
        await pilot.pause()
        assert app.sent == []
        assert app_focus(pilot) == field
        assert "✗" in said(pane, "verdict")
        assert "TAG" not in said(pane, "verdict")  # the command line's words


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("tag:", "write a tag to send to"),
        ("session:", "write a session to send to"),
        ("worktree:", "write the path of a worktree to send to"),
        ("worktree:relative", "a worktree's path is absolute"),
    ],
)
async def test_what_the_target_misses_is_said_in_a_few_words(target: str, words: str) -> None:
    async with desktop(width=74) as (_, pane, pilot):
        pane.write_to(target, msg_type="note")
        await pilot.pause()
        await pilot.press("f5")
        await pilot.pause()
        assert said(pane, "verdict").split("✗ ")[1].strip().startswith(words)
        assert words in "".join(strip.text for strip in strips_of(pilot.app))


FAULT = {"field": "/amount", "keyword": "type", "expected": "integer", "found": '"75"'}
REFUSALS: list[tuple[FugueError, str]] = [
    (NoRecipients("tag:builder"), "choose another target"),
    (NoRepository("ann"), "at `as`"),
    (MailboxFull([CAT.id], [IVY.id], names=["cat-1"]), "send to those again"),
    (MailboxShareFull([CAT.id], [IVY.id], names=["cat-1"]), "send to those again"),
    (SchemaViolation("note", [FAULT]), "change it"),
    (StoreUnavailable("disk full"), "make room"),
]


@pytest.mark.parametrize(("error", "what_to_do"), REFUSALS)
async def test_a_refusal_keeps_everything_and_says_what_to_do(error: FugueError, what_to_do: str) -> None:
    async with desktop(width=180) as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5")
        before = pane.draft
        pane.show_refusal(app.sent[0], error)
        await pilot.pause()
        assert pane.draft == before
        assert str(error) in said(pane, "verdict")
        assert what_to_do in said(pane, "verdict")
        assert what_to_do in in_words(error, str)
        pane.query_one(JsonEditor).focus()
        await pilot.press("space")
        await pilot.pause()
        assert str(error) not in said(pane, "verdict")


@pytest.mark.parametrize(
    "error",
    [
        ChainTooLong(CAT.id, 65, 64),
        PairTooFast([CAT.id], [], names=["cat-1"], session="ann", turns=3000, turns_s=300.0),
    ],
)
def test_where_something_was_stopped_it_is_said_which_key_shows_it(error: FugueError) -> None:
    assert in_words(error, str) == f"{error}: {{app.breakers}} shows it"


async def test_after_success_the_payload_goes_and_the_receipt_shows_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fugue_tui.widgets.compose_pane.RECEIPT_S", 1.0)
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5")
        pane.show_receipt(app.sent[0], [recipient(CAT), recipient(IVY)])
        await pilot.pause()
        assert said(pane, "verdict").startswith("   ✓ sent to 2")
        assert "1 held" in said(pane, "verdict")
        assert pane.draft == Draft(target="tag:builder", msg_type="note")
        await until(pilot, lambda: "sent to" not in said(pane, "verdict"))


async def test_what_was_typed_while_it_was_sent_stays() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5")
        pane.query_one(JsonEditor).focus()
        await pilot.press("end", "space")
        pane.show_receipt(app.sent[0], [recipient(CAT)])
        await pilot.pause()
        assert pane.draft.payload == '{"a": 1} '


# -------------------------------------------------------------------------------------------------- history and drafts


async def test_in_a_narrow_pane_the_offer_of_a_template_leaves_room_for_the_type() -> None:
    async with desktop(53) as (_, pane, pilot):
        pane.write_to("tag:builder", msg_type="gas_town.bid")
        await pilot.pause()
        assert said(pane, "template").split() == ["f7", "template"]
        assert pane.query_one("#msg-type").region.width > 20


async def test_history_goes_back_and_forth_and_loses_nothing() -> None:
    old = [Draft(target="tag:x", msg_type="one", payload="1"), Draft(target="session:ivy", msg_type="two", payload="2")]
    async with desktop() as (_, pane, pilot):
        pane.take_desk(Desk(sent=tuple(old)))
        await write(pilot)
        now = pane.draft
        await pilot.press("ctrl+up")
        assert pane.draft == old[1]
        await pilot.press("ctrl+up", "ctrl+up")
        assert pane.draft == old[0]
        assert "2/2" in said(pane, "compose-title")
        pane.query_one(JsonEditor).focus()
        await pilot.press("end", "0", "ctrl+down", "ctrl+down", "ctrl+down")
        assert pane.draft == now
        await pilot.press("ctrl+up", "ctrl+up")
        assert pane.draft.payload == "10"


async def test_what_settled_is_to_be_kept_and_comes_back() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("escape")
        kept = app.all_of(ComposePane.Settled)[-1]
        assert isinstance(kept, ComposePane.Settled)
        pane.note_saved()
        await pilot.pause()
        assert "draft saved" in said(pane, "compose-title")
    async with desktop() as (_, pane, pilot):
        pane.take_desk(kept.desk)
        assert pane.draft == Draft(target="tag:builder", msg_type="note", payload='{"a": 1}')


async def test_a_draft_that_cannot_be_kept_is_said() -> None:
    async with desktop() as (_, pane, pilot):
        pane.note_saved(OSError(28, "No space left on device"))
        await pilot.pause()
        assert "No space left" in said(pane, "verdict")


SEVEN, EIGHT = str(UUID(int=7)), str(UUID(int=8))


async def test_a_reply_names_what_it_answers_and_what_was_written_comes_back_when_it_is_sent() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        before = pane.draft
        pane.write_to("session:ivy", reply_to=SEVEN)
        await pilot.pause()
        assert "in reply to 00000000, alt+x gives it up" in said(pane, "compose-title")
        assert pane.draft == Draft(target="session:ivy", reply_to=SEVEN)
        assert app_focus(pilot) == "msg-type"
        await pilot.press(*keys("answer"), "f5")
        assert app.sent == [Draft(target="session:ivy", msg_type="answer", reply_to=SEVEN)]
        pane.show_receipt(app.sent[0], [recipient(IVY)])
        await pilot.pause()
        assert pane.draft == before
        assert "sent to 1" in said(pane, "verdict")
        await pilot.press("f5")  # pressed once too often
        await pilot.pause()
        assert len(app.sent) == 1
        assert "f5 once more sends it" in said(pane, "verdict")
        await pilot.press("f5")
        assert app.sent[1:] == [before]


async def test_a_reply_that_is_given_up_gives_the_draft_back_and_once_more_brings_the_reply_back() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot)
        before = pane.draft
        pane.write_to("session:ivy", reply_to=SEVEN)
        await pilot.press(*keys("answer"))
        reply = pane.draft
        await pilot.press("alt+x")
        assert pane.draft == before
        assert "alt+x brings it back" in said(pane, "verdict")
        await pilot.press("alt+x")
        assert pane.draft == reply
        await pilot.press("alt+x", "alt+x", "alt+x")
        assert pane.draft == before
        await pilot.press("alt+x")
        assert pane.draft == reply


async def test_a_draft_is_given_up_for_nothing_at_all() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot)
        await pilot.press("alt+x")
        assert pane.draft.is_empty
        await pilot.press("alt+x")
        assert pane.draft.payload == '{"a": 1}'


async def test_replies_and_messages_lay_aside_what_they_interrupt() -> None:
    async with desktop() as (_, pane, pilot):
        await write(pilot)
        first = pane.draft
        pane.write_to("session:ivy", reply_to=SEVEN)
        pane.write_to("session:cat-1", reply_to=EIGHT)  # nothing was written in the other: it is no loss
        assert list(pane.desk.aside) == [first]
        await pilot.press(*keys("answer"))
        second = pane.draft
        pane.write_to("session:cat-1", reply_to=EIGHT)  # the same one: it goes on
        assert pane.draft == second
        pane.write_to("session:ivy")
        await pilot.pause()
        assert pane.draft == Draft(target="session:ivy")
        assert list(pane.desk.aside) == [first, second]
        kept = pane.desk
    async with desktop() as (_, pane, pilot):
        pane.take_desk(kept)
        await pilot.press("alt+x")
        assert pane.draft == second
        pane.write_to("tag:builder", reply_to=SEVEN)
        pane.write_to("session:ivy")
        assert pane.draft == Draft(target="session:ivy")  # and no message to ivy made of an answer to another
        assert list(pane.desk.aside) == [first, second]


async def test_an_older_message_that_is_sent_again_gives_way_to_what_was_being_written() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5")
        pane.show_receipt(app.sent[0], [recipient(CAT)])
        pane.query_one(JsonEditor).focus()
        await pilot.press(*"[2]")
        written = pane.draft
        await pilot.press("ctrl+up", "f5")
        assert app.sent[1] == app.sent[0]
        pane.show_receipt(app.sent[1], [recipient(CAT)])
        assert pane.draft == written
        await pilot.press("ctrl+up", "alt+x")  # only the page is turned back
        assert pane.draft == written


async def test_what_was_just_sent_is_not_sent_again_by_accident() -> None:
    async with desktop() as (app, pane, pilot):
        await write(pilot)
        await pilot.press("f5")
        pane.show_receipt(app.sent[0], [recipient(CAT)])
        await pilot.press("f5", "f5")
        await pilot.pause()
        assert len(app.sent) == 1
        assert "✓ sent    write a payload to send again" in said(pane, "verdict")
        assert "send is off" in said(pane, "verdict")
        pane.query_one(JsonEditor).focus()
        await pilot.press(*"null", "f5")
        assert [draft.payload for draft in app.sent] == ['{"a": 1}', "null"]


async def test_closed_it_is_a_title_and_one_line_and_a_click_opens_it() -> None:
    async with desktop(is_open=False) as (app, pane, pilot):
        await write(pilot)
        pane.show_recipients([recipient(CAT), recipient(IVY)])
        await pilot.pause()
        assert pane.region.height == 3
        line = " ".join(said(pane, "compose-line").split())
        assert "to builder 2 recipients note { a : 1 } draft" in line
        await pilot.click("#compose-line")
        await pilot.pause()
        assert len(app.all_of(ComposePane.Opened)) == 1


# ---------------------------------------------------------------------------------------------------------------- safe


async def test_names_templates_and_refusals_neither_steer_nor_crash() -> None:
    async with desktop() as (app, pane, pilot):
        odd = msgspec_replace(CAT, name=HOSTILE, tags=(HOSTILE, *(f"t{number}" for number in range(1_000))))
        pane.sessions = (odd, ANN)
        pane.types = (TypeUse(HOSTILE, f'"{HOSTILE}"'.encode(), HOSTILE, 0.0),)
        pane.show_recipients([recipient(odd)] * 300)
        pane.write_to(f"session:{HOSTILE}", msg_type=HOSTILE, payload=HOSTILE)
        pane.take_desk(Desk(draft=Draft(target=f"tag:{HOSTILE}", msg_type=HOSTILE, payload=HOSTILE, sender=HOSTILE)))
        for field in ("target", "sender", "msg-type"):
            pane.query_one(f"#{field}").focus()
            await pilot.pause()
        pane.show_refusal(Draft(), NoRecipients(HOSTILE))
        await pilot.pause()
        assert all("\x1b" not in piece.text and "\u202e" not in piece.text for piece in screen_pieces(app))
        assert all(line.isprintable() for line in pane.draft.payload.split("\n"))


def msgspec_replace(info: SessionInfo, *, name: str, tags: tuple[str, ...]) -> SessionInfo:
    return SessionInfo(id=info.id, name=name, created_at=0, tags=tags, attached_clients=1)


def screen_pieces(app: Desktop) -> list[Segment]:
    return [piece for strip in strips_of(app) for piece in strip]


async def test_typing_in_a_megabyte_stays_usable() -> None:
    payload = json.dumps([{"key": f"value {number}"} for number in range(40_000)], indent=1)
    assert len(payload) > 1_000_000
    async with desktop() as (_, pane, pilot):
        pane.query_one(JsonEditor).text = payload
        pane.query_one(JsonEditor).focus()
        await pilot.pause()
        await pilot.press("ctrl+home", "right", *"123456789")
        pane.query_one(MessageForm).check()
        assert pane.fault is not None
        assert (pane.fault.line, pane.fault.column) == (2, 2)


async def test_a_megabyte_on_one_line_is_laid_out_when_it_comes_in() -> None:
    payload = json.dumps([{"key": f"value {number}"} for number in range(40_000)])
    async with desktop() as (_, pane, pilot):
        pane.query_one(JsonEditor).text = payload
        await pilot.pause()
        assert pane.query_one(JsonEditor).document.line_count > 40_000
        assert json.loads(pane.draft.payload) == json.loads(payload)


def test_a_target_is_split_and_joined() -> None:
    assert split_target("tag:child:mayor") == ("tag", "child:mayor")
    assert split_target("broadcast") == ("broadcast", "")
    assert split_target("odd:thing") == ("tag", "odd:thing")
    assert type_uses([]) == ()


# ------------------------------------------------------------------------------------------------------------- schemas


def violation(field: str = "/amount") -> SchemaViolation:
    fault = {"field": field, "keyword": "minimum", "expected": "1", "found": "0"}
    return SchemaViolation("gas_town.bid", [fault])


BROKEN = Draft(target="session:cat-1", msg_type="gas_town.bid", payload='{"kind": "bid",\n  "amount": 0}')


async def test_a_payload_is_given_to_be_checked_when_it_was_not_touched_for_a_while() -> None:
    async with desktop() as (app, pane, pilot):
        pane.take_desk(Desk(draft=BROKEN))
        await until(pilot, lambda: bool(app.all_of(ComposePane.CheckAsked)))
        (asked,) = app.all_of(ComposePane.CheckAsked)
        assert isinstance(asked, ComposePane.CheckAsked)
        assert asked.draft == BROKEN
        pane.query_one(JsonEditor).text = "{"
        await until(pilot, lambda: bool(app.all_of(ComposePane.Settled)))
        assert app.all_of(ComposePane.CheckAsked) == [asked]


async def test_a_broken_schema_stands_in_the_verdict_keeps_the_message_and_f8_goes_to_the_value() -> None:
    async with desktop() as (app, pane, pilot):
        pane.take_desk(Desk(draft=BROKEN))
        await pilot.pause()
        pane.show_violation(BROKEN, violation())
        await pilot.pause()
        assert pane.fault is not None
        assert (pane.fault.line, pane.fault.column, pane.fault.length) == (2, 13, 1)
        assert "line 2, column 13 /amount: minimum 1, found 0" in " ".join(said(pane, "verdict").split())
        await pilot.press("f8")
        assert pane.query_one(JsonEditor).cursor_location == (1, 12)
        app.heard.clear()
        await pilot.press("f5")
        assert app.sent == []
        assert pane.draft == BROKEN
        assert app.all_of(ComposePane.CheckAsked)  # the schema may be another by now
        pane.show_violation(BROKEN, None)
        await pilot.press("f5")
        assert app.sent == [BROKEN]


async def test_what_is_said_of_a_draft_that_is_another_by_now_is_not_shown_and_writing_takes_it_away() -> None:
    async with desktop() as (_, pane, pilot):
        pane.take_desk(Desk(draft=BROKEN))
        await pilot.pause()
        pane.show_violation(msgspec.structs.replace(BROKEN, payload="1"), violation(""))
        has_fault = [pane.fault is not None]
        pane.show_violation(BROKEN, violation())
        has_fault.append(pane.fault is not None)
        await pilot.press("f8", "delete", "7")
        await pilot.pause()
        assert pane.draft.payload.endswith("7}")
        assert [*has_fault, pane.fault is not None] == [False, True, False]
