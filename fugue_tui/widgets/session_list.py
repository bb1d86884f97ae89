"""The sessions with their tag chips, grouped by repository and worktree."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from functools import partial
from typing import ClassVar
from uuid import UUID

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from fugue_core.errors import InvalidFilter
from fugue_core.filter import Filter, parse_filter
from fugue_core.printable import printable
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import SessionNamed, Tagged, WireTarget, Worktree
from fugue_tui.keymap import key_of, told, with_keys
from fugue_tui.line import Line, fit, put_keys
from fugue_tui.palette import css_colour
from fugue_tui.roster import (
    ORDERS,
    Order,
    Roster,
    RowKey,
    SessionRow,
    arrange,
    order_after,
    with_air,
)
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.row_list import TIGHT, WHEEL_ROWS, RowList
from fugue_tui.widgets.session_card import Card
from fugue_tui.widgets.session_row import NAME_CHARS, WIDE, RowPen

CARD_FROM_ROWS = 28
"""The pane's height from which on the card is always there: a terminal of 30 rows, less the status bar and one."""
CARD_ROWS = 10
FAULT_ROWS = 6
LIST_ROWS = 6
"""So many rows an open card leaves to the list; in a low pane a third of it."""


class SessionList(RowList):
    """The sessions, one row each, below headings that fold; a card about the one under the cursor at the foot.

    Down: assign `roster`. Up: `TagsAsked`, `WriteAsked`, `RenameAsked`, `EndAsked`,
    `WakeAsked`, `OpenAsked`, `BesideAsked`, `NewAsked`. Order, filter, folds and marks are
    its own: they change what is seen, and nothing else.
    """

    DEFAULT_CSS = """
    SessionList > Field { display: none; dock: top; width: 1fr; height: 1; border: none; padding: 0 2; }
    SessionList.filtering > Field { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", id="sessions.new"),
        Binding("t", "edit_tags", "tags", id="sessions.tags"),
        Binding("m", "write", "write", id="sessions.write"),
        Binding("space", "mark", "mark", id="sessions.mark"),
        Binding("slash", "filter", "filter", key_display="/", id="sessions.filter"),
        Binding("o", "order", "order", id="sessions.order"),
        Binding("R", "rename", "rename", id="sessions.rename"),
        Binding("x", "end", "end", id="sessions.end"),
        Binding("i", "details", "details", show=False, id="sessions.details"),
        Binding("J,shift+down", "scroll_card(1)", "details down", show=False, id="sessions.card_down"),
        Binding("K,shift+up", "scroll_card(-1)", "details up", show=False, id="sessions.card_up"),
        Binding("W", "wake", "tell its program of mail, or not", show=False, id="sessions.wake"),
        Binding("y", "copy_id", "copy id", show=False, id="sessions.copy_id"),
        Binding("a", "mark_all", "mark all", show=False, id="sessions.mark_all"),
        Binding("left,h", "fold", "fold", show=False, id="sessions.fold"),
        Binding("right,l", "unfold", "unfold", show=False, id="sessions.unfold"),
        Binding("enter", "open", "open its terminal; fold; details", show=False, id="sessions.open"),
        Binding("v", "open_beside", "its terminal beside others", show=False, id="sessions.beside"),
        Binding("escape", "leave", "unmark, then all", show=False, id="sessions.leave"),
    ]

    roster: reactive[Roster] = reactive(Roster(), init=False)

    @dataclass
    class Asked(Message):
        """The user wants something done with the marked sessions, or with what is under the cursor."""

        session_list: SessionList
        sessions: tuple[SessionInfo, ...]

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    class TagsAsked(Asked):
        """The user wants to edit their tags."""

    class EndAsked(Asked):
        """The user wants them to end."""

    class RenameAsked(Asked):
        """The user wants to rename the one session there is in it."""

    class WakeAsked(Asked):
        """The user wants their programs to be told of mail that waits, or, where all are, not any more."""

    class OpenAsked(Asked):
        """The user wants to see the program of the one session there is in it."""

    class BesideAsked(Asked):
        """The user wants to see its program beside those that are shown already."""

    @dataclass
    class NewAsked(Message):
        """The user wants to start a program; where the cursor is, as far as that is a directory."""

        session_list: SessionList
        directory: str

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    @dataclass
    class WriteAsked(Message):
        """The user wants to write to what is marked, or to the session or the worktree under the cursor."""

        session_list: SessionList
        target: WireTarget

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.rows: list[SessionRow] = []
        self.marked: frozenset[UUID] = frozenset()
        self.order: Order = "joined"
        self.is_card_open = False
        self._filter = Filter()
        self._filter_text = ""
        self._filter_fault = ""
        self._folded: frozenset[RowKey] = frozenset()
        self._home = os.path.expanduser("~")
        self._card: tuple[object, list[Strip]] = (None, [])
        self._scrolled: tuple[object, int] = (None, 0)

    def compose(self) -> ComposeResult:
        """Return the filter's field, which is seen only while it is used."""
        yield Field(placeholder="tag: repo: from: text, ! negates", compact=True)

    # --------------------------------------------------------------------------------------------------------- rows

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def background(self) -> str:
        """The sidebar's own."""
        return self.palette.sidebar

    @property
    def selected(self) -> SessionRow | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def chosen(self) -> tuple[SessionInfo, ...]:
        """The marked sessions, in order of registration; without marks what is under the cursor."""
        if self.marked:
            return tuple(info for info in self.roster.sessions if info.id in self.marked)
        return () if self.selected is None else self.selected.sessions

    def can_rest_on(self, index: int) -> bool:
        """Wherever there is something."""
        return self.rows[index].kind != "blank"

    def watch_roster(self, roster: Roster) -> None:
        """Show what is there now."""
        if self.marked:
            self.marked &= {info.id for info in roster.sessions}
        self._arrange()

    def _arrange(self, cursor_on: RowKey | None = None) -> None:
        """Build the rows anew; the cursor stays on what it was on, or goes to what is asked for."""
        was = self.selected
        key = cursor_on if cursor_on is not None else was.key if was is not None else None
        rows = arrange(self.roster, order=self.order, wanted=self._filter, folded=self._folded)
        aired = with_air(rows) if len(rows) <= self.visible_rows else rows
        self.rows = aired if len(aired) <= self.visible_rows else rows
        at = next((place for place, row in enumerate(self.rows) if row.key == key), None) if key else None
        if at is None and was is None:  # the first time: on a session, not on its heading
            at = next((place for place, row in enumerate(self.rows) if row.kind == "session"), 0)
        self.rest_at(self.cursor if at is None else at)

    def on_resize(self) -> None:
        """Let blank rows come and go with the room."""
        self._arrange()

    # ------------------------------------------------------------------------------------------------------- drawing

    def empty(self, row: int, width: int) -> Strip:
        """Where there is no row at all, why."""
        if self.rows or row != 1:
            return super().empty(row, width)
        way_out = with_keys(self, "nothing fits the filter; {sessions.leave} clears it")
        text = way_out if self._filter.terms else "no sessions yet"
        return Line(width, self.background).at(2).put(text, self.palette.muted).strip()

    def heading(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is one
        """The title: how many, the filter, the marks, the order."""
        total = len(self.roster.sessions)
        note = f"{total:,}"
        if self._filter.terms:
            shown = sum(len(line.sessions) for line in self.rows if line.kind == "repo")
            note = f"{shown:,} of {total:,}" if width >= WIDE else f"{shown:,}/{total:,}"
        if self.marked:
            marked, order = len(self.marked), ORDERS[self.order]
            is_wide = width >= WIDE
            right = f"◆ {marked} marked · {order}" if is_wide else f"◆{marked} {order}"
            return self.title(width, "Sessions", note if is_wide else "", right, self.palette.accent)
        if self._filter.terms:
            return self.title(width, "Sessions", note, f"/ {self._filter_text}", self.palette.accent)
        return self.title(width, "Sessions", note, "" if self.unseen and width < TIGHT else ORDERS[self.order])

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A heading, or a session."""
        pen = RowPen(self.palette, self.roster, self.marked, self._home)
        return pen.draw(Line(width, fill), self.rows[index], is_cursor=index == self.cursor)

    def _chips_at(self, index: int) -> range:
        """Return the columns of a row's tags."""
        pen = RowPen(self.palette, self.roster, self.marked, self._home)
        pen.draw(Line(self.size.width, self.background), self.rows[index], is_cursor=False)
        return pen.chips

    # ---------------------------------------------------------------------------------------------------------- foot

    @property
    def foot_rows(self) -> int:
        """The card's rows and the rule over it; or one where the filter cannot be read."""
        height = self.size.height
        if self._filter_fault:
            return len(self._fault_lines(self.size.width))
        if self.is_card_open:
            return max(0, min(len(self._card_lines(self.size.width)) + 1, height - min(LIST_ROWS, height // 3)))
        return CARD_ROWS if height >= CARD_FROM_ROWS else 0

    def foot(self, row: int, width: int) -> Strip:
        """The card, or what is wrong with the filter."""
        palette = self.palette
        if self._filter_fault:
            line = Line(width, palette.bad_fill).at(2)
            return line.put(self._fault_lines(width)[row], palette.bad).strip()
        if row == 0:
            return Line(width, palette.sidebar).put("─" * width, palette.rule).strip()
        lines, rows = self._card_lines(width), self._card_rows
        if len(lines) - 1 <= rows or not self.is_card_open or row == 1:  # all of it fits, and the title always stays
            return lines[row - 1] if row <= len(lines) else Line(width, palette.sidebar).strip()
        first = self._card_top
        if row < self.foot_rows - 1:
            return lines[first + row - 1]
        line = Line(width, palette.sidebar).at(2)
        line.put(f"lines {first + 1}-{first + rows} of {len(lines) - 1}", palette.muted)
        put_keys(line, told(self, (("sessions.card_down sessions.card_up", "scroll"),)), palette)
        return line.strip()

    @property
    def _card_rows(self) -> int:
        """How many lines of an open card are seen below its title; less one for what says which, where not all are."""
        rows = self.foot_rows - 2
        return rows if len(self._card_lines(self.size.width)) - 1 <= rows else max(0, rows - 1)

    @property
    def _card_top(self) -> int:
        """How many lines of the open card are scrolled out of sight; of another one none."""
        about, top = self._scrolled
        most = max(0, len(self._card_lines(self.size.width)) - 1 - self._card_rows)
        return min(top, most) if about == self._card_subject else 0

    @property
    def _card_subject(self) -> object:
        return (self.marked, self.selected and self.selected.key)

    def _fault_lines(self, width: int) -> list[str]:
        """What is wrong with the filter, wrapped."""
        return textwrap.wrap(printable(f"✗ {self._filter_fault}"), max(8, width - 3))[:FAULT_ROWS]

    def _card_lines(self, width: int) -> list[Strip]:
        row = self.selected
        key = (width, self.palette, self.marked, row and row.key, self.is_card_open, id(self.roster))
        if self._card[0] != key:
            self._card = (key, self._draw_card(width, row))
        return self._card[1]

    def _draw_card(self, width: int, row: SessionRow | None) -> list[Strip]:
        card = Card(self.palette, width, self.roster, self._home, partial(key_of, self))
        if len(self.marked) > 1:
            return card.several(self.chosen, word="marked")
        if row is None:
            return []
        if row.session is None:
            return card.several(row.sessions, word=f"in {row.label}")
        return card.one(row.session, is_whole=self.is_card_open)

    # ------------------------------------------------------------------------------------------ looking

    def action_order(self) -> None:
        """Sort by the next order."""
        self.order = order_after(self.order)
        self._arrange()

    def action_details(self) -> None:
        """Open the card in full, or close it."""
        self.is_card_open = not self.is_card_open
        self._arrange()

    def action_scroll_card(self, lines: int) -> None:
        """Scroll the open card."""
        if self.is_card_open:
            most = max(0, len(self._card_lines(self.size.width)) - 1 - self._card_rows)
            self._scrolled = (self._card_subject, max(0, min(self._card_top + lines, most)))
            self.refresh()

    def _on_card(self, y: int) -> bool:
        return self.is_card_open and y >= self.size.height - self.foot_rows

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll the open card where the mouse is over it; else the list is scrolled, by its base class."""
        if self._on_card(event.y):
            event.stop()
            event.prevent_default()
            self.action_scroll_card(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll the open card where the mouse is over it; else the list is scrolled, by its base class."""
        if self._on_card(event.y):
            event.stop()
            event.prevent_default()
            self.action_scroll_card(-WHEEL_ROWS)

    def action_fold(self) -> None:
        """Fold the heading under the cursor; from a session go to its heading, from a folded one to the one above."""
        row = self.selected
        if row is None:
            return
        if row.kind != "session" and not row.is_folded and not self._filter.terms:
            self._folded |= {row.key}
            self._arrange()
            return
        above = "worktree" if row.kind == "session" and row.sessions[0].worktree is not None else "repo"
        place = next((place for place in range(self.cursor, -1, -1) if self.rows[place].kind == above), None)
        if place is not None:
            self.rest_at(place)

    def action_unfold(self) -> None:
        """Unfold the heading under the cursor; where it is, go on to what is below it."""
        row = self.selected
        if row is None or row.kind == "session":
            return
        if row.is_folded:
            self._folded -= {row.key}
            self._arrange()
        else:
            self.action_move(1)

    def action_open(self) -> None:
        """Fold or unfold a heading; show a session's program, or where there is none, its details."""
        row = self.selected
        if row is not None and row.kind != "session":
            self._folded ^= {row.key}
            self._arrange()
        elif row is not None and self.roster.windows.get(row.sessions[0].id):
            self.post_message(self.OpenAsked(self, row.sessions))
        elif row is not None:
            self.action_details()
            if self.is_card_open:
                self.notify(f"fugue runs no program for {row.sessions[0].name}, so there is no screen of it to show")

    def action_open_beside(self) -> None:
        """Ask for the session's program beside those that are shown."""
        row = self.selected
        if row is not None and row.session is not None and self.roster.windows.get(row.session.id):
            self.post_message(self.BesideAsked(self, row.sessions))

    def action_mark(self) -> None:
        """Mark what is under the cursor, or take its mark away, and go on."""
        if self.selected is not None:
            self._toggle({info.id for info in self.selected.sessions})
            self.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all that is shown, or take all those marks away."""
        self._toggle({info.id for row in self.rows if row.kind == "repo" for info in row.sessions})

    def _toggle(self, ids: set[UUID]) -> None:
        self.marked = self.marked - ids if ids <= self.marked else self.marked | ids
        self.refresh()

    def action_leave(self) -> None:
        """Take the marks away; then the filter; then the open card."""
        if self.has_class("filtering") or (self._filter.terms and not self.marked):
            self._close_filter(text="")
        elif self.marked:
            self.marked = frozenset()
            self.refresh()
        elif self.is_card_open:
            self.action_details()

    # -------------------------------------------------------------------------------------------------------- filter

    def action_filter(self) -> None:
        """Open the filter's field in place of the title."""
        field = self.query_one(Field)
        field.styles.background = css_colour(self.palette.raised)
        field.styles.color = css_colour(self.palette.text)
        field.styles.padding = (0, 2)
        self.add_class("filtering")
        field.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """Filter while typing; what cannot be read changes nothing, and says why at the foot."""
        event.stop()
        try:
            self._filter = parse_filter(event.value)
        except InvalidFilter as error:
            self._filter_fault = error.rule
        else:
            self._filter_text, self._filter_fault = event.value.strip(), ""
        self._arrange()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Go back to the list with the filter on; what cannot be read stays to be mended."""
        event.stop()
        if not self._filter_fault:
            self._close_filter()

    def _close_filter(self, text: str | None = None) -> None:
        if text is not None:
            self.query_one(Field).value = text
        self.remove_class("filtering")
        self.focus()

    # -------------------------------------------------------------------------------------- asked of the app

    def action_new(self) -> None:
        """Ask for the form of a new session, in the worktree where the cursor is."""
        row = self.selected
        worktree = None if row is None or not row.sessions or row.kind == "repo" else row.sessions[0].worktree
        self.post_message(self.NewAsked(self, "" if worktree is None else worktree.path))

    def action_edit_tags(self) -> None:
        """Ask for the tag editor."""
        if self.chosen:
            self.post_message(self.TagsAsked(self, self.chosen))

    def action_end(self) -> None:
        """Ask for sessions to end."""
        if self.chosen:
            self.post_message(self.EndAsked(self, self.chosen))

    def action_wake(self) -> None:
        """Ask for waking to be turned on, or off."""
        if self.chosen:
            self.post_message(self.WakeAsked(self, self.chosen))

    def action_rename(self) -> None:
        """Ask for another name; a name is for one, so marks do not count."""
        if self.selected is not None and self.selected.session is not None:
            self.post_message(self.RenameAsked(self, self.selected.sessions))

    def action_write(self) -> None:
        """Ask for the compose pane; a message has one target, so several marked sessions need a tag that is theirs."""
        row = self.selected
        if self.marked:
            target = self._target_of(self.chosen)
            if target is not None:
                self.post_message(self.WriteAsked(self, target))
                return
            why = f"{len(self.marked)} sessions are marked, and a message has one target: "
            how = "{sessions.tags} gives them a tag that no other has, {sessions.leave} unmarks them"
            self.notify(why + with_keys(self, how))
        elif row is not None and row.session is not None:
            self.post_message(self.WriteAsked(self, SessionNamed(session=row.session.name)))
        elif row is not None and row.kind == "worktree":
            self.post_message(self.WriteAsked(self, Worktree(path=row.path)))

    def _target_of(self, infos: tuple[SessionInfo, ...]) -> WireTarget | None:
        """Return the target that names exactly these sessions; None: there is none."""
        if len(infos) == 1:
            return SessionNamed(session=infos[0].name)
        ids = {info.id for info in infos}
        for tag in infos[0].tags:
            if ids == {info.id for info in self.roster.sessions if tag in info.tags}:
                return Tagged(tag)
        return None

    def action_copy_id(self) -> None:
        """Put the ids into the clipboard, one a line."""
        chosen = self.chosen
        if chosen:
            self.app.copy_to_clipboard("\n".join(str(info.id) for info in chosen))
            what = f"the id of {fit(chosen[0].name, NAME_CHARS)}" if len(chosen) == 1 else f"{len(chosen)} ids"
            self.notify(f"copied {what}")

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there, fold a heading, open at a second click; tags are edited, and the order changed."""
        if event.y == 0 and event.widget is self and event.x > self.size.width // 2:
            self.action_order()
        index = self.index_at(event.y)
        if index is None:
            return
        super().on_click(event)
        if self.rows[index].kind not in {"session", "blank"}:
            self.action_open()
        elif event.x in {2, 3}:
            self.action_mark()
        elif event.x in self._chips_at(index):
            self.action_edit_tags()
        elif event.chain > 1:
            self.action_open()

    def on_descendant_focus(self) -> None:
        """Show that keys go to the field."""
        self.refresh()

    def on_descendant_blur(self) -> None:
        """Show that they do not."""
        self.refresh()
