"""The session list: its keys, its mouse, its card, and what it does with what is not safe."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.strip import Strip

from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.filter import Filter
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import SessionNamed, Tagged, Worktree
from fugue_tui.line import Line
from fugue_tui.palette import DARK, LIGHT
from fugue_tui.roster import LastMessage, Roster, arrange
from fugue_tui.screens.end_panel import EndPanel
from fugue_tui.screens.rename_panel import RenamePanel
from fugue_tui.screens.tag_editor import TagEditor
from fugue_tui.widgets.chip_board import ChipBoard
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.session_row import RowPen
from tests.tui.screen import open_app
from tests.tui.test_terminal_view import window
from tests.tui.test_view_sessions import ALL, ANN, CAT, GUS, LOOSE, MAYOR, session

NOW = 1_000.0
ROSTER = Roster(
    sessions=ALL,
    last={CAT.id: LastMessage(at=NOW - 65, msg_type="review.done", target=SessionNamed(session="x", name="gus"))},
    you=ANN.id,
    now=NOW,
)

UNSAFE = (
    "\x1b[31mred\x1b]0;owned\x07",
    "[red]markup[/red]",
    "\u202egnp.exe\u202c",
    "zero\u200bwidth\u2060",
    "漢字" * 20,
    "e\u0301" * 30,
    "line\nbreak\ttab\r",
    "\ud800half",
    "x" * 1_000_000,
    "",
)


class ListApp(App[None]):
    """A session list and what it says."""

    CSS = "SessionList { width: 46; height: 1fr; } .narrow SessionList { width: 27; }"

    def __init__(self, roster: Roster, *, is_narrow: bool = False) -> None:
        super().__init__()
        self._roster = roster
        self._is_narrow = is_narrow
        self.said: list[Message] = []
        self.copied: list[str] = []

    def compose(self) -> ComposeResult:
        yield SessionList(id="sessions")

    def on_mount(self) -> None:
        self.screen.set_class(self._is_narrow, "narrow")
        self.sessions.roster = self._roster
        self.sessions.focus()

    @property
    def sessions(self) -> SessionList:
        return self.screen_stack[0].query_one(SessionList)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)

    def _say(self, message: Message) -> None:
        self.said.append(message)

    on_session_list_tags_asked = _say
    on_session_list_wake_asked = _say
    on_session_list_write_asked = _say
    on_session_list_rename_asked = _say
    on_session_list_end_asked = _say
    on_rename_panel_entered = _say
    on_end_panel_confirmed = _say

    def text(self) -> list[str]:
        """What is drawn, line by line."""
        shown = self.sessions
        return ["".join(segment.text for segment in shown.render_line(y)) for y in range(shown.size.height)]


def names(app: ListApp) -> list[str]:
    return [row.label for row in app.sessions.rows if row.kind == "session"]


def under_cursor(app: ListApp) -> str:
    row = app.sessions.selected
    return "" if row is None else row.label


@asynccontextmanager
async def opened(
    roster: Roster = ROSTER, *, size: tuple[int, int] = (80, 24), is_narrow: bool = False
) -> AsyncIterator[tuple[ListApp, Pilot[None]]]:
    """The app, with its first lines drawn."""
    app = ListApp(roster, is_narrow=is_narrow)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


# ----------------------------------------------------------------------------------------------------------- looks


async def test_the_list_shows_groups_chips_unread_age_and_who_is_you() -> None:
    async with opened() as (app, _pilot):
        lines = app.text()
    assert lines[0].startswith("▌ Sessions 5")
    assert lines[0].rstrip().endswith("as joined")
    assert [line.rstrip() for line in (lines[2], lines[3], lines[5])] == [
        "  ▾ shop                                    3",
        "    @main                      /src/shop.main",
        "    ○ Ann you  human                   2",
    ]
    assert lines[4].startswith("▌   ○ mayor    mayor")
    assert any(line.startswith("    ○ cat      builder   citizen") and " 3 " in line and "1m" in line for line in lines)
    assert all(cell_len(line) == 46 for line in lines)


async def test_in_a_narrow_list_chips_are_words() -> None:
    async with opened(is_narrow=True) as (app, _pilot):
        lines = app.text()
    assert any(line.startswith("    ○ cat   builder +1  3") for line in lines)
    assert all(cell_len(line) == 27 for line in lines)


async def test_chips_stay_where_they_are_while_output_comes_and_goes() -> None:
    def lines_at(now: float) -> str:
        roster = msgspec.structs.replace(
            ROSTER, sessions=(session("sh", tags="citizen builder"),), windows={info.id: (heard,)}, now=now
        )
        pen = RowPen(DARK, roster, frozenset(), "/home")
        row = next(row for row in arrange(roster, order="joined", wanted=Filter(), folded=frozenset()) if row.session)
        return pen.draw(Line(27, DARK.sidebar), row, is_cursor=False).text

    info = session("sh")
    heard = msgspec.structs.replace(window(last_output_at=100.0), session=info.id)
    busy, still = lines_at(100.5), lines_at(200.0)
    assert "~" in busy
    assert busy.replace("~", " ") == still


async def test_blank_rows_go_when_the_room_is_short() -> None:
    async with opened(size=(80, 12)) as (app, pilot):
        assert all(row.kind != "blank" for row in app.sessions.rows)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert sum(row.kind == "blank" for row in app.sessions.rows) == 4


async def test_a_list_of_nobody_says_so() -> None:
    async with opened(Roster()) as (app, pilot):
        await pilot.press("j", "k", "g", "G", "space", "t", "m", "R", "x", "y", "i", "o", "left", "right", "enter")
        assert any("no sessions yet" in line for line in app.text())
        assert app.said == []


async def test_a_change_of_colours_is_drawn() -> None:
    async with opened() as (app, _pilot):
        app.sessions.palette = LIGHT
        style = next(iter(app.sessions.render_line(1))).style
        assert style is not None
        assert style.bgcolor is not None
        assert style.bgcolor.name == LIGHT.sidebar


# ------------------------------------------------------------------------------------------------- moving and folding


async def test_the_cursor_begins_on_a_session_and_passes_over_blank_rows() -> None:
    async with opened() as (app, pilot):
        assert under_cursor(app) == "mayor"
        await pilot.press("j", "down", "down")
        assert under_cursor(app) == "cat"
        await pilot.press("G")
        assert under_cursor(app) == "loose"
        await pilot.press("g")
        assert under_cursor(app) == "shop"


async def test_left_folds_and_right_unfolds() -> None:
    async with opened() as (app, pilot):
        await pilot.press("j", "left")
        assert under_cursor(app) == "main"
        await pilot.press("left")
        assert names(app) == ["cat", "gus", "loose"]
        await pilot.press("left", "left")
        assert (under_cursor(app), names(app)) == ("shop", ["gus", "loose"])
        folded = next(line for line in app.text() if "▸ shop" in line)
        assert " 5 " in folded  # the unread of those below is not lost from sight
        await pilot.press("l", "l", "l")
        assert (under_cursor(app), names(app)) == ("main", ["mayor", "Ann", "cat", "gus", "loose"])


async def test_enter_folds_a_heading_and_opens_the_card_of_a_session() -> None:
    async with opened() as (app, pilot):
        await pilot.press("enter")
        assert app.sessions.is_card_open
        assert any(str(MAYOR.id)[:34] in line for line in app.text())
        assert "fugue runs no program for mayor" in text_of_notices(app)
        await pilot.press("escape", "g", "enter")
        assert (app.sessions.is_card_open, names(app)) == (False, ["gus", "loose"])
        await pilot.press("enter")
        assert len(names(app)) == 5


async def test_the_cursor_stays_on_its_session_whatever_comes_and_goes() -> None:
    async with opened() as (app, pilot):
        await pilot.press("G", "k", "k")
        assert under_cursor(app) == "gus"
        app.sessions.roster = Roster(sessions=(session("new"), *ALL))
        assert under_cursor(app) == "gus"
        app.sessions.roster = Roster(sessions=(MAYOR, LOOSE))
        assert under_cursor(app) == "loose"
        app.sessions.roster = Roster()
        app.sessions.roster = ROSTER
        assert under_cursor(app) != ""


# -------------------------------------------------------------------------------------------------- sort and filter


async def test_o_goes_through_the_orders_and_the_title_names_them() -> None:
    async with opened() as (app, pilot):
        seen = []
        for _ in range(4):
            seen.append((app.text()[0].rstrip()[-9:].strip(), names(app)[0]))
            await pilot.press("o")
        assert seen == [("as joined", "mayor"), ("by name", "Ann"), ("by unread", "gus"), ("by recent", "cat")]
        assert app.sessions.order == "joined"


async def test_a_filter_works_while_it_is_typed_and_stands_in_the_title() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"tag:citizen")
        assert names(app) == ["cat", "gus"]
        await pilot.press("enter")
        assert app.sessions.has_focus
        assert "Sessions 2 of 5" in app.text()[0]
        assert "/ tag:citizen" in app.text()[0]
        await pilot.press("escape")
        assert len(names(app)) == 5
        assert "as joined" in app.text()[0]


async def test_a_filter_that_cannot_be_read_changes_nothing_and_says_why() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"state:x", "enter")
        assert app.sessions.query_one(Field).has_focus
        assert "✗ a state is one of" in " ".join(app.text()[-4:])
        await pilot.press("escape")
        assert (app.sessions.has_focus, len(names(app))) == (True, 5)
        assert "✗" not in "".join(app.text())


async def test_a_filter_that_nothing_fits_says_how_to_get_out() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"zzz", "enter")
        assert any("nothing fits the filter" in line for line in app.text())
        await pilot.press("escape")
        assert len(names(app)) == 5


# -------------------------------------------------------------------------------------------------- marks and actions


async def test_what_is_marked_is_what_actions_are_about() -> None:
    async with opened() as (app, pilot):
        await pilot.press("space", "space", "t", "x", "y")
        assert "◆ 2 marked" in app.text()[0]
        tags, end = app.said
        assert isinstance(tags, SessionList.TagsAsked)
        assert isinstance(end, SessionList.EndAsked)
        assert tags.sessions == end.sessions == (MAYOR, ANN)
        assert app.copied == [f"{MAYOR.id}\n{ANN.id}"]
        await pilot.press("escape")
        assert app.sessions.marked == frozenset()


async def test_without_marks_actions_are_about_what_is_under_the_cursor() -> None:
    async with opened() as (app, pilot):
        await pilot.press("t", "R", "m", "y", "g", "t", "R", "m", "j", "m")
        tags, rename, write, group, worktree = app.said
        assert isinstance(tags, SessionList.TagsAsked)
        assert isinstance(rename, SessionList.RenameAsked)
        assert tags.sessions == rename.sessions == (MAYOR,)
        assert isinstance(write, SessionList.WriteAsked)
        assert write.target == SessionNamed(session="mayor")
        assert app.copied == [str(MAYOR.id)]
        assert isinstance(group, SessionList.TagsAsked)
        assert group.sessions == (MAYOR, ANN, CAT)
        assert isinstance(worktree, SessionList.WriteAsked)
        assert worktree.target == Worktree(path="/src/shop.main")


def text_of_notices(app: ListApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


async def test_a_message_to_several_marked_goes_to_the_tag_that_only_they_have_or_says_why_not() -> None:
    async with opened() as (app, pilot):
        await pilot.press("space", "space", "m")  # the cursor is on the third by now
        assert app.said == []
        assert "2 sessions are marked, and a message has one target" in text_of_notices(app)
        assert "t gives them a tag that no other has, esc unmarks them" in text_of_notices(app)
        app.sessions.roster = Roster(
            sessions=tuple(msgspec.structs.replace(info, tags=(*info.tags, "all")) for info in (MAYOR, ANN, CAT))
        )
        await pilot.press("m")
        assert app.said == []
        app.sessions.roster = Roster(
            sessions=(*(msgspec.structs.replace(info, tags=("all", "pair")) for info in (MAYOR, ANN)), CAT)
        )
        await pilot.press("m")
        (write,) = app.said
        assert isinstance(write, SessionList.WriteAsked)
        assert write.target == Tagged("all")


async def test_a_message_goes_to_the_one_that_is_marked_and_not_to_the_row_under_the_cursor() -> None:
    async with opened() as (app, pilot):
        await pilot.press("space", "j", "m")
        (write,) = app.said
        assert isinstance(write, SessionList.WriteAsked)
        assert write.target == SessionNamed(session="mayor")


@pytest.mark.parametrize("is_narrow", [False, True])
async def test_the_order_can_be_read_while_something_is_marked(is_narrow: bool) -> None:  # noqa: FBT001
    async with opened(is_narrow=is_narrow) as (app, pilot):
        await pilot.press("space", "space")
        for order in ("as joined", "by name", "by unread", "by recent"):
            assert app.text()[0].rstrip().endswith(f"◆2 {order}" if is_narrow else f"◆ 2 marked · {order}")
            await pilot.press("o")
        await pilot.click(SessionList, offset=(app.sessions.size.width - 3, 0))
        assert "by name" in app.text()[0]


async def test_space_on_a_heading_marks_all_below_and_a_marks_all_that_is_shown() -> None:
    async with opened() as (app, pilot):
        await pilot.press("g", "space")
        assert app.sessions.marked == {MAYOR.id, ANN.id, CAT.id}
        await pilot.press("a")
        assert app.sessions.marked == {info.id for info in ALL}
        await pilot.press("a")
        assert app.sessions.marked == frozenset()


async def test_who_ends_loses_the_mark() -> None:
    async with opened() as (app, pilot):
        await pilot.press("space", "space")
        app.sessions.roster = Roster(sessions=(ANN, CAT))
        assert app.sessions.marked == {ANN.id}


# ----------------------------------------------------------------------------------------------------------- the card


async def test_a_high_list_has_a_card_at_its_foot() -> None:
    rich = msgspec.structs.replace(CAT, metadata={"model": "sonnet", "cost": 1.84}, attached_clients=2)
    async with opened(msgspec.structs.replace(ROSTER, sessions=(rich,)), size=(80, 30)) as (app, pilot):
        card = "\n".join(line.rstrip() for line in app.text()[20:])
        assert card.startswith("─" * 46)
        for words in ("cat", "builder   citizen", "shop @ feat/cart", "2 connected", "unread   3", "review.done → gus"):
            assert words in card
        assert "model=sonnet  cost=1.84" in card
        await pilot.press("i")
        assert str(CAT.id)[:34] in "\n".join(app.text())
        await pilot.press("i")
        assert "\n".join(line.rstrip() for line in app.text()[20:]) == card


LONG = msgspec.structs.replace(CAT, metadata={f"key-{number}": number for number in range(60)})


def card_of(app: ListApp) -> list[str]:
    """The open card's lines, from the rule on."""
    return [line.rstrip() for line in app.text()[-app.sessions.foot_rows :]]


@pytest.mark.parametrize("size", [(80, 24), (80, 10)], ids=str)
async def test_a_long_card_scrolls_by_keys_and_its_title_stays(size: tuple[int, int]) -> None:
    async with opened(msgspec.structs.replace(ROSTER, sessions=(LONG, MAYOR)), size=size) as (app, pilot):
        await pilot.press("J", "i")
        began = card_of(app)
        assert began[1].startswith("  cat")
        await pilot.press("J", "shift+down")
        assert card_of(app)[1:-1] == [began[1], *began[4:-1], *card_of(app)[-3:-1]]
        assert "lines 3-" in card_of(app)[-1]
        assert app.sessions.visible_rows >= 2
        await pilot.press("K", "shift+up", "K")
        assert card_of(app) == began
        await pilot.press(*["J"] * 90)
        assert card_of(app)[-2].endswith("key-59=59")
        assert f"of {len(app.sessions._card_lines(46)) - 1}" in card_of(app)[-1]
        await pilot.press("j")
        assert "mayor" in card_of(app)[1]
        assert card_of(app)[2] == ""


async def test_the_wheel_scrolls_the_card_where_it_is_over_it_and_else_the_list() -> None:
    async with opened(msgspec.structs.replace(ROSTER, sessions=(LONG, *ALL[2:]))) as (app, pilot):
        await pilot.press("i")
        sessions = app.sessions
        was = sessions.cursor
        for event in (events.MouseScrollDown, events.MouseScrollUp):
            await pilot._post_mouse_events([event], sessions, offset=(5, 20))
            assert sessions.cursor == was
            assert ("lines 4-" in card_of(app)[-1]) == (event is events.MouseScrollDown)
        await pilot._post_mouse_events([events.MouseScrollDown], sessions, offset=(5, 2))
        assert sessions.cursor > was


async def test_the_card_of_the_marked_has_their_sums() -> None:
    async with opened(size=(80, 34)) as (app, pilot):
        await pilot.press("j", "j", "j", "space", "j", "j", "space")
        card = "\n".join(app.text()[-10:])
        assert "2 marked  cat, gus" in card
        assert "on all    citizen" in card
        assert "on some  builder" in card
        assert "12" in card
        assert "shop, api" in card


# ---------------------------------------------------------------------------------------------------------- the mouse


async def test_clicks_choose_fold_mark_sort_and_open_the_tags() -> None:
    async with opened() as (app, pilot):
        await pilot.click(SessionList, offset=(8, 5))
        assert under_cursor(app) == "Ann"
        await pilot.click(SessionList, offset=(2, 5))
        assert app.sessions.marked == {ANN.id}
        await pilot.press("escape")
        await pilot.click(SessionList, offset=(40, 0))
        assert app.sessions.order == "name"
        await pilot.click(SessionList, offset=(16, 5))
        assert isinstance(app.said[-1], SessionList.TagsAsked)
        said = len(app.said)
        await pilot.click(SessionList, offset=(8, 5), times=2)
        assert (len(app.said), app.sessions.is_card_open) == (said, True)  # it has no program to be opened
        await pilot.press("i")
        await pilot.click(SessionList, offset=(5, 2))
        assert "cat" not in names(app)
        await pilot.click(SessionList, offset=(5, 23))  # below the last row: nothing


# ------------------------------------------------------------------------------------------------------ many and unsafe


async def test_a_thousand_sessions_scroll_without_a_hitch(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(session(f"s{number}", f"r{number // 50}@b{number // 10}", tags="a b c d") for number in range(1_000))
    async with opened(Roster(sessions=many), size=(80, 40)) as (app, pilot):
        drawn: list[int] = []
        draw = SessionList.draw

        def counted(shown: SessionList, index: int, width: int, fill: str) -> Strip:
            drawn.append(index)
            return draw(shown, index, width, fill)

        monkeypatch.setattr(SessionList, "draw", counted)
        for _ in range(5):
            app.sessions.roster = Roster(sessions=many, now=time.time())
            app.text()
        for _ in range(50):
            app.sessions.action_page(1)
        app.text()
        assert len(drawn) < 1_000  # those that were seen, and not those that were passed by
        await pilot.press("G")
        assert under_cursor(app) == "s999"
        assert "s999" in "".join(app.text())
        await pilot.press("a", "o", "g")
        assert len(app.sessions.marked) == 1_000


def unsafe_session(text: str) -> SessionInfo:
    info = session("unsafe", tags="x")
    worktree = None if info.worktree is None else msgspec.structs.replace(info.worktree, path=text, branch=text)
    metadata = {text: text, "deep": [text]}
    return msgspec.structs.replace(info, name=text, tags=(text, "ok"), repo=text, worktree=worktree, metadata=metadata)


@pytest.mark.parametrize("is_narrow", [False, True])
@pytest.mark.parametrize("text", UNSAFE, ids=range(len(UNSAFE)))
async def test_nothing_unsafe_steers_the_terminal_or_breaks_a_row(text: str, is_narrow: bool) -> None:  # noqa: FBT001
    info = unsafe_session(text)
    last = {info.id: LastMessage(at=1.0, msg_type=text, target=SessionNamed(session=text, name=text))}
    roster = Roster(sessions=(info, MAYOR), last=last, you=info.id, now=2.0)
    async with opened(roster, is_narrow=is_narrow, size=(80, 40)) as (app, pilot):
        pages = []
        for keys in (("j",), ("i",), ("space", "G", "space"), ("y", "left", "left")):
            await pilot.press(*keys)
            pages += app.text()
        assert all(cell_len(line) == (27 if is_narrow else 46) for line in pages)
        assert all(line.isprintable() for line in pages)


async def test_a_thousand_tags_and_much_metadata_stay_in_their_place() -> None:
    info = msgspec.structs.replace(
        MAYOR, tags=tuple(f"tag-{n}" for n in range(1_000)), metadata={f"key-{n}": n for n in range(1_000)}
    )
    async with opened(Roster(sessions=(info,)), size=(80, 40)) as (app, pilot):
        assert any("tag-0   tag-1  +998" in line for line in app.text())
        await pilot.press("i")
        assert all(cell_len(line) == 46 for line in app.text())
        assert "lines" in app.text()[-1]
        assert "mayor" in app.text()[3] + app.text()[4]


async def test_what_is_pasted_into_the_filter_is_made_harmless() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash")
        field = app.sessions.query_one(Field)
        field.insert_text_at_cursor("\x1b[31m\u202e" + "x" * 1_000_000)
        await pilot.pause()
        assert field.value == "[31m" + "x" * (len(field.value) - 4)
        assert len(field.value) <= 1_000


# ---------------------------------------------------------------------------------------------------- rename and end


async def test_a_new_name_is_asked_for_and_a_refusal_keeps_it() -> None:
    async with opened(size=(100, 30)) as (app, pilot):
        panel = RenamePanel(CAT, app.sessions.palette, beside=app.sessions)
        await app.push_screen(panel)
        await pilot.press(*"tom", "enter")
        entered = app.said[-1]
        assert isinstance(entered, RenamePanel.Entered)
        assert (entered.session, entered.name) == (CAT.id, "tom")
        panel.show_refusal("a session is named tom [red]already")
        await pilot.pause()
        assert panel.query_one(Field).value == "tom"
        assert "a session is named tom [red]already" in str(panel.query_one(".panel-verdict").render())
        await pilot.press("escape")
        assert not isinstance(app.screen, RenamePanel)


async def test_a_bad_name_is_refused_while_it_is_typed_and_asks_nothing() -> None:
    async with opened() as (app, pilot):
        panel = RenamePanel(CAT, app.sessions.palette)
        await app.push_screen(panel)
        await pilot.press("a", "#")
        assert "printable characters" in str(panel.query_one(".panel-verdict").render())
        await pilot.press("enter")
        assert app.said == []
        assert panel.query_one(Field).value == "a#"


async def test_the_same_name_again_is_no_change() -> None:
    async with opened() as (app, pilot):
        await app.push_screen(RenamePanel(CAT, app.sessions.palette))
        await pilot.press("enter")
        assert (app.said, isinstance(app.screen, RenamePanel)) == ([], False)


async def test_ending_names_who_ends_and_the_mail_that_dies() -> None:
    async with opened(size=(100, 30)) as (app, pilot):
        panel = EndPanel((CAT, GUS, ANN), app.sessions.palette, you=ANN.id, beside=app.sessions)
        await app.push_screen(panel)
        await pilot.pause()
        named = str(panel.query_one(".end-names").render())
        assert all(words in named for words in ("cat  3 unread", "gus  9 unread", "Ann  2 unread  it is you"))
        assert "14 unread messages would die" in str(panel.query_one(".panel-verdict").render())
        await pilot.press("enter", "enter")
        assert [type(message) for message in app.said] == [EndPanel.Confirmed]
        confirmed = app.said[0]
        assert isinstance(confirmed, EndPanel.Confirmed)
        assert confirmed.sessions == (CAT.id, GUS.id, ANN.id)
        panel.show_refusal("no")
        await pilot.press("enter")
        assert len(app.said) == 2


async def test_ending_can_be_left_and_follows_what_happens_meanwhile() -> None:
    async with opened() as (app, pilot):
        panel = EndPanel((CAT, MAYOR), app.sessions.palette)
        await app.push_screen(panel)
        panel.refresh_from({MAYOR.id: MAYOR})
        await pilot.pause()
        assert "End this session?" in str(panel.query_one(".panel-title").render())
        assert "nothing unread" in str(panel.query_one(".panel-verdict").render())
        await pilot.press("escape")
        assert (app.said, isinstance(app.screen, EndPanel)) == ([], False)


async def test_ending_a_thousand_names_some() -> None:
    many = [session(f"s{number}") for number in range(1_000)]
    async with opened() as (app, pilot):
        panel = EndPanel(many, app.sessions.palette)
        await app.push_screen(panel)
        await pilot.pause()
        assert "and 990 more" in str(panel.query_one(".end-names").render())


@pytest.mark.parametrize("text", UNSAFE, ids=range(len(UNSAFE)))
async def test_panels_show_unsafe_names_harmlessly(text: str) -> None:
    info = unsafe_session(text)
    async with opened() as (app, pilot):
        for panel in (RenamePanel(info, app.sessions.palette), EndPanel((info,), app.sessions.palette)):
            await app.push_screen(panel)
            panel.show_refusal(text)
            await pilot.pause()
            shown = [str(panel.query_one(part).render()) for part in (".panel-title", ".panel-verdict")]
            assert all(line.isprintable() for words in shown for line in words.split("\n"))
            app.pop_screen()
            await pilot.pause()


# ------------------------------------------------------------------------------------------------ with a real daemon


async def test_marked_sessions_are_tagged_and_untagged_through_the_daemon(daemon: LocalDaemon) -> None:
    async with connect(daemon) as cat, connect(daemon) as ivy, open_app(daemon) as seen:
        await cat.join("cat", tags=["builder"])
        await ivy.join("ivy")
        await seen.until_shown("ivy")
        sessions = seen.app.query_one(SessionList)
        sessions.focus()
        await seen.press("G", "space", "k", "k", "space", "t")
        await seen.until_shown("TAGS")
        assert isinstance(seen.app.screen, TagEditor)
        await seen.press(*"night", "enter")
        await seen.until_shown("on both   night")
        assert [(await client.get_session()).tags for client in (cat, ivy)] == [("builder", "night"), ("night",)]
        await seen.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen, TagEditor))
        await seen.press("t")
        await seen.until_shown("on both   night")
        await seen.press("ctrl+z")
        await seen.until_shown("[builder 1/2]")
        await seen.until(lambda: "night" not in seen.app.screen.query_one(ChipBoard).render_line(0).text)
        assert [(await client.get_session()).tags for client in (cat, ivy)] == [("builder",), ()]


async def test_what_the_daemon_refuses_is_said_in_the_editor(daemon: LocalDaemon) -> None:
    async with connect(daemon) as cat, open_app(daemon) as seen:
        await cat.join("cat", tags=[f"t{n}" for n in range(64)])
        await seen.until_shown("cat")
        seen.app.query_one(SessionList).focus()
        await seen.press("G", "t", *"new", "enter")
        await seen.until(lambda: "at most 64, not 65" in " ".join(seen.text.replace("▌", " ").split()))
        assert seen.app.screen.query_one(Field).value == "new"


async def test_a_session_is_renamed_after_a_refusal_and_ended_after_a_question(daemon: LocalDaemon) -> None:
    async with connect(daemon) as cat, connect(daemon) as ivy, open_app(daemon) as seen:
        await cat.join("cat")
        await ivy.join("ivy")
        await cat.send("session:ivy", OrchestrationMessage("note", 1))
        await seen.until_shown("ivy")
        seen.app.query_one(SessionList).focus()
        await seen.press("G", "R", *"cat", "enter")
        await seen.until_shown("a session is named 'cat' already")
        await seen.press("backspace", "x", "enter")
        await seen.until(lambda: not isinstance(seen.app.screen, RenamePanel))
        await seen.until_shown("cax")
        await seen.press("x")
        await seen.until_shown("1 unread message would die")
        await seen.press("enter")
        await seen.until(lambda: not isinstance(seen.app.screen, EndPanel))
        assert [info.name for info in await cat.sessions() if info.name in {"cat", "ivy", "cax"}] == ["cat"]


async def test_the_card_tells_whether_its_program_is_told_of_mail_and_why_not_now() -> None:
    told = msgspec.structs.replace(MAYOR, window_count=1, wake="on", wake_reason="its program is printing")
    untold = msgspec.structs.replace(MAYOR, window_count=1)
    for info, words in ((told, "wake     on: its program is printing"), (untold, "wake     off; W turns it on")):
        async with opened() as (app, pilot):
            app.sessions.roster = msgspec.structs.replace(ROSTER, sessions=(info,))
            await pilot.press("i", "W")
            assert any(words in line for line in app.text())
            (asked,) = app.said
            assert isinstance(asked, SessionList.WakeAsked)
            assert asked.sessions == (info,)
