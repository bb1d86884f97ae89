"""The tag editor: every key and click, what waits for the daemon, what is refused, and what is taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from rich.cells import cell_len
from textual import on
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.protocol.session import SessionInfo
from fugue_tui.palette import ANSI, DARK, tag_colour
from fugue_tui.roster import KnownTag
from fugue_tui.screens.tag_editor import TagEditor, TagField
from fugue_tui.tag_edit import TagEdit, TagHistory
from fugue_tui.widgets.chip_board import ChipBoard
from fugue_tui.widgets.tag_offers import TagOffers
from tests.tui.test_session_list import UNSAFE, unsafe_session
from tests.tui.test_view_sessions import CAT, GUS, LOOSE, session

KNOWN = tuple(
    KnownTag(name=name, sessions=count, used_at=None if count else 5.0)
    for name, count in (("citizen", 6), ("builder", 4), ("reviewer", 2), ("night", 1), ("release", 0), ("pre-merge", 0))
)


class TagApp(App[None]):
    """Plays the daemon: carries edits out at once, or holds them until `answer`, or refuses them."""

    def __init__(self, sessions: Sequence[SessionInfo], known: Sequence[KnownTag] = KNOWN) -> None:
        super().__init__()
        self.world = {info.id: info for info in sessions}
        self.known = known
        self.edits: list[TagEdit] = []
        self.held: list[TagEditor.Edited] = []
        self.is_holding = False
        self.refusal = ""
        self.history = TagHistory()

    @property
    def editor(self) -> TagEditor:
        assert isinstance(self.screen, TagEditor)
        return self.screen

    async def open(self) -> None:
        await self.push_screen(TagEditor(tuple(self.world.values()), self.known, DARK, self.history))

    @on(TagEditor.Edited)
    def take(self, event: TagEditor.Edited) -> None:
        self.edits.append(event.edit)
        self.held.append(event)
        if not self.is_holding:
            self.answer()

    def answer(self) -> None:
        event = self.held.pop(0)
        edit = event.edit
        if not self.refusal:
            self.history.confirm(edit, edit.sessions, 1_000.0)
            for key in edit.sessions:
                tags = set(self.world[key].tags) - set(edit.remove) | set(edit.add)
                self.world[key] = msgspec.structs.replace(self.world[key], tags=tuple(sorted(tags)))
        event.editor.settle(edit, self.refusal)
        event.editor.refresh_from(self.world, self.known)

    def tags(self) -> list[tuple[str, ...]]:
        return [info.tags for info in self.world.values()]

    def lines(self, part: type[Widget]) -> list[str]:
        widget = self.editor.query_one(part)
        return ["".join(segment.text for segment in widget.render_line(y)).rstrip() for y in range(widget.size.height)]

    def fills(self) -> dict[str, str]:
        """The background of each piece of the chips."""
        board = self.editor.query_one(ChipBoard)
        pieces = [segment for y in range(board.size.height) for segment in board.render_line(y)]
        return {piece.text.strip(): piece.style.bgcolor.name for piece in pieces if piece.style and piece.style.bgcolor}

    def verdict(self) -> str:
        return str(self.editor.query_one("#tag-verdict", Static).render())

    def field(self) -> TagField:
        return self.editor.query_one(TagField)


@asynccontextmanager
async def opened(
    *sessions: SessionInfo, known: Sequence[KnownTag] = KNOWN, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[TagApp, Pilot[None]]]:
    app = TagApp(sessions or (CAT,), known)
    async with app.run_test(size=size) as pilot:
        await app.open()
        await pilot.pause()
        yield app, pilot


# --------------------------------------------------------------------------------------------------------- what shows


async def test_chips_of_one_session_stand_filled_in_a_row() -> None:
    async with opened(CAT) as (app, _):
        assert app.lines(ChipBoard) == ["tags      builder   citizen"]
        assert app.fills()["citizen"] == tag_colour("citizen", DARK).fill
        assert "Tags of cat" in str(app.editor.query_one(".panel-title").render())


async def test_chips_that_only_some_have_look_different() -> None:
    async with opened(CAT, GUS) as (app, _):
        assert app.lines(ChipBoard) == ["on both   citizen", "on one   [builder 1/2]"]
        assert app.fills()["[builder 1/2]"] == DARK.raised
        assert "2 sessions: cat, gus" in str(app.editor.query_one(".panel-title").render())


async def test_what_is_typed_is_completed_with_counts() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e")
        first, second, third, new = app.lines(TagOffers)
        assert first.startswith("▌ reviewer")
        assert "2 sessions" in first
        assert first.endswith("enter")
        assert "release" in second
        assert "0 sessions" in second
        assert "last used" in second
        assert third.strip().startswith("pre-merge")
        assert new.strip() == "+ new tag re"
        assert "3 of 6 tags" in str(app.editor.query_one(".tag-matches").render())


# --------------------------------------------------------------------------------------------------------------- keys


async def test_enter_adds_what_is_chosen() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e", "enter")
        assert app.edits == [TagEdit(sessions=(CAT.id,), add=("reviewer",))]
        assert app.tags() == [("builder", "citizen", "reviewer")]
        assert app.field().value == ""
        assert "reviewer" in app.lines(ChipBoard)[0]
        assert "+ reviewer to cat   confirmed" in str(app.editor.query_one(".tag-last").render())


async def test_up_and_down_choose_and_the_last_is_the_new_tag() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e", "down", "enter", "r", "e", "up", "enter")
        assert [edit.add for edit in app.edits] == [("release",), ("re",)]


async def test_a_tag_that_nobody_knows_is_added_as_typed() -> None:
    async with opened(LOOSE) as (app, pilot):
        assert app.lines(ChipBoard) == ["no tags yet"]
        await pilot.press(*"team/red", "enter", *"view", "enter")
        assert app.tags() == [("team/red", "view")]


async def test_tab_and_right_complete_without_adding() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e", "tab")
        assert (app.field().value, app.edits) == ("reviewer", [])
        await pilot.press("ctrl+u", "n", "i")
        await app.workers.wait_for_complete()
        await pilot.press("right")
        assert (app.field().value, app.edits) == ("night", [])


async def test_adding_gives_it_to_those_who_lack_it() -> None:
    async with opened(CAT, GUS) as (app, pilot):
        await pilot.press(*"build", "enter")
        assert app.edits == [TagEdit(sessions=(GUS.id,), add=("builder",))]
        assert app.lines(ChipBoard) == ["on both   builder   citizen"]


async def test_what_all_have_already_is_said_and_not_asked() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press(*"citizen", "enter")
        assert (app.edits, app.field().value) == ([], "citizen")
        assert "already" in app.verdict()


async def test_backspace_in_an_empty_field_removes_the_last_chip_from_all_who_have_it() -> None:
    async with opened(CAT, GUS) as (app, pilot):
        await pilot.press("a", "backspace", "backspace", "backspace")
        assert [(edit.sessions, edit.remove) for edit in app.edits] == [
            ((CAT.id,), ("builder",)),
            ((CAT.id, GUS.id), ("citizen",)),
        ]
        await pilot.press("backspace", "enter", "left")
        assert (len(app.edits), app.tags()) == (2, [(), ()])


async def test_left_goes_to_the_chips_and_x_removes_the_one_under_the_cursor() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("left", "left", "x")
        assert app.tags() == [("citizen",)]
        assert app.editor.query_one(ChipBoard).has_focus
        await pilot.press("right")
        assert app.field().has_focus
        await pilot.press("a", "left", "left")
        assert (app.field().value, app.editor.query_one(ChipBoard).has_focus) == ("a", True)
        await pilot.press("delete")
        assert app.tags() == [()]
        assert app.field().has_focus  # no chip is left to stand on


async def test_the_chips_are_walked_by_line_and_to_their_ends() -> None:
    many = session("many", tags=" ".join(f"tag-number-{n:02}" for n in range(40)))
    async with opened(many) as (app, pilot):
        board = app.editor.query_one(ChipBoard)
        assert board.size.height == 6
        assert app.lines(ChipBoard)[-1].split()[-1].startswith("+")
        await pilot.press("left")
        assert "tag-number-39" in app.lines(ChipBoard)[-1]
        await pilot.press("home", "down", "x")
        assert app.edits[0].remove == ("tag-number-03",)
        await pilot.press("up", "up", "end", "tab")
        assert app.field().has_focus


async def test_enter_on_a_partial_chip_gives_it_to_all() -> None:
    async with opened(CAT, GUS) as (app, pilot):
        await pilot.press("left", "enter")
        assert app.edits == [TagEdit(sessions=(GUS.id,), add=("builder",))]


async def test_escape_leaves_everything_as_it_was() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e", "escape")
        assert (app.edits, app.tags(), len(app.screen_stack)) == ([], [CAT.tags], 1)
        await app.open()
        await pilot.press("left", "escape")
        assert (app.edits, len(app.screen_stack)) == ([], 1)


# --------------------------------------------------------------------------------------------------------------- undo


async def test_ctrl_z_takes_the_last_confirmed_change_back_and_then_the_one_before() -> None:
    async with opened(CAT, GUS) as (app, pilot):
        await pilot.press(*"build", "enter", "n", "i", "enter")
        assert app.tags() == [("builder", "citizen", "night")] * 2
        await pilot.press("ctrl+z", "ctrl+z")
        assert app.tags() == [CAT.tags, GUS.tags]
        await pilot.press("ctrl+z")
        assert "nothing to undo" in app.verdict()


async def test_undo_outlives_the_editor() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("backspace", "escape")
        assert app.tags() == [("builder",)]
        await app.open()
        await pilot.pause()
        assert "- citizen from cat" in str(app.editor.query_one(".tag-last").render())
        await pilot.press("ctrl+z")
        assert app.tags() == [CAT.tags]


async def test_an_undo_is_not_asked_for_twice() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("backspace")
        app.is_holding = True
        await pilot.press("ctrl+z", "ctrl+z")
        assert len(app.edits) == 2


# ---------------------------------------------------------------------------------------------- waiting and refusals


async def test_a_chip_that_waits_for_the_daemon_has_no_fill() -> None:
    async with opened(CAT) as (app, pilot):
        app.is_holding = True
        await pilot.press("n", "i", "enter", "left", "left", "x")
        fills = app.fills()
        assert (fills["night"], fills["citizen"]) == (DARK.raised, DARK.accent)  # the cursor stands on the one
        await pilot.press("tab")
        assert app.fills()["citizen"] == DARK.raised
        assert app.fills()["builder"] == tag_colour("builder", DARK).fill
        assert app.tags() == [CAT.tags]
        app.answer()
        app.answer()
        await pilot.pause()
        assert app.fills()["night"] == tag_colour("night", DARK).fill
        assert "citizen" not in app.fills()


async def test_a_tag_that_is_still_on_its_way_can_be_taken_back() -> None:
    async with opened(CAT) as (app, pilot):
        app.is_holding = True
        await pilot.press("n", "i", "enter", "backspace", "n", "i", "enter", "n", "i", "g", "h", "t", "enter")
        assert [(edit.add, edit.remove) for edit in app.edits] == [
            (("night",), ()),
            ((), ("night",)),
            (("night",), ()),
        ]
        for _ in range(3):
            app.answer()
        assert app.tags() == [("builder", "citizen", "night")]


async def test_a_second_backspace_takes_the_chip_before_the_one_that_waits() -> None:
    async with opened(CAT) as (app, pilot):
        app.is_holding = True
        await pilot.press("backspace", "backspace", "backspace")
        assert [edit.remove for edit in app.edits] == [("citizen",), ("builder",)]


async def test_a_tag_that_cannot_be_is_refused_beside_the_field_and_stays() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("a", "comma", "b", "enter")
        assert (app.edits, app.field().value) == ([], "a,b")
        assert "without white space or comma" in app.verdict()
        await pilot.press("backspace")
        assert app.verdict() == ""


async def test_what_the_daemon_refuses_comes_back_into_the_field_with_the_reason() -> None:
    async with opened(CAT) as (app, pilot):
        app.refusal = "a session carries at most [bold]64[/bold] tags"
        await pilot.press("n", "e", "w", "enter")
        await pilot.pause()
        assert "a session carries at most [bold]64[/bold] tags" in app.verdict()
        assert app.field().value == "new"
        assert app.tags() == [CAT.tags]
        assert "new" not in app.lines(ChipBoard)[0]


async def test_a_refusal_leaves_alone_what_was_typed_meanwhile() -> None:
    async with opened(CAT) as (app, pilot):
        app.is_holding, app.refusal = True, "no"
        await pilot.press("n", "e", "w", "enter", "o", "t")
        app.answer()
        await pilot.pause()
        assert app.field().value == "ot"


async def test_an_answer_that_comes_after_the_editor_has_gone_harms_nothing() -> None:
    async with opened(CAT) as (app, pilot):
        app.is_holding = True
        await pilot.press("n", "i", "enter", "escape")
        app.refusal = "no"
        app.answer()
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_the_editor_follows_its_sessions_and_goes_with_the_last() -> None:
    async with opened(CAT, GUS) as (app, pilot):
        del app.world[GUS.id]
        app.editor.refresh_from(app.world, app.known)
        await pilot.pause()
        assert app.lines(ChipBoard) == ["tags      builder   citizen"]
        app.editor.refresh_from({}, app.known)
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_the_choice_stays_with_its_tag_when_the_world_changes() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.press("r", "e", "down")
        assert app.editor.query_one(TagOffers).choice == "release"
        app.editor.refresh_from(app.world, (KnownTag(name="rest", sessions=9), *KNOWN))
        assert app.editor.query_one(TagOffers).choice == "release"


# ---------------------------------------------------------------------------------------------------------- the mouse


async def test_a_click_on_a_chip_removes_it_and_one_on_an_offer_adds_it() -> None:
    async with opened(CAT) as (app, pilot):
        await pilot.click(ChipBoard, offset=(12, 0))
        assert app.tags() == [("citizen",)]
        await pilot.pause()
        offer = next(place for place, line in enumerate(app.lines(TagOffers)) if "reviewer" in line)
        await pilot.click(TagOffers, offset=(5, offer))
        assert app.tags() == [("citizen", "reviewer")]
        assert app.field().has_focus
        await pilot.click(ChipBoard, offset=(60, 0))
        assert len(app.edits) == 2


# --------------------------------------------------------------------------------------------------- many and unsafe


@pytest.mark.parametrize("text", UNSAFE, ids=range(len(UNSAFE)))
async def test_unsafe_tags_are_shown_harmlessly(text: str) -> None:
    known = (KnownTag(name=text, sessions=1), KnownTag(name="citizen"))
    async with opened(unsafe_session(text), GUS, known=known, size=(60, 24)) as (app, pilot):
        app.field().insert_text_at_cursor(text)
        await pilot.pause()
        await pilot.press("down", "enter", "ctrl+u", "left", "left", "x")
        app.editor.settle(TagEdit(sessions=(GUS.id,), add=(text,)), text)
        await pilot.pause()
        lines = [*app.lines(ChipBoard), *app.lines(TagOffers)]
        shown = [str(app.editor.query_one(part).render()) for part in (".panel-title", ".panel-verdict", ".tag-last")]
        assert all(line.isprintable() for line in [*lines, *"\n".join(shown).split("\n")])
        assert all(cell_len(line) <= 60 for line in lines)


async def test_a_thousand_tags_can_be_edited() -> None:
    many = session("many", tags=" ".join(f"tag-{n}" for n in range(1_000)))
    known = tuple(KnownTag(name=f"known-{n}", sessions=n) for n in range(1_000))
    async with opened(many, known=known, size=(80, 24)) as (app, pilot):
        await pilot.press("left", "home", "right", "x", "end", "x", "tab", *"known-99", "enter")
        assert [edit.remove or edit.add for edit in app.edits] == [("tag-1",), ("tag-999",), ("known-99",)]
        assert app.editor.query_one(ChipBoard).size.height == 6


async def test_the_panel_fits_into_eighty_by_twenty_four() -> None:
    many = session("many", tags=" ".join(f"tag-{n}" for n in range(60)))
    async with opened(many, size=(80, 24)) as (app, pilot):
        await pilot.press("r", "e")
        keys = app.editor.query_one(".panel-keys")
        assert keys.region.bottom <= 24
        assert "esc" in str(keys.render())


async def test_in_plain_ansi_chips_are_words_with_a_sign() -> None:
    app = TagApp((CAT,))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TagEditor((CAT,), KNOWN, ANSI))
        await pilot.press("a", "comma", "enter")
        assert app.lines(ChipBoard) == ["tags     #builder  #citizen"]
        assert "comma" in app.verdict()
