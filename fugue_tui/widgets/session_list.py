"""The sessions with their tag chips, grouped by repository and worktree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_core.protocol.session import SessionInfo
from fugue_tui.line import Line
from fugue_tui.palette import tag_colour
from fugue_tui.view import SessionRow, short_age
from fugue_tui.widgets.row_list import RowList

WIDE = 40
"""From this width on tags are chips with a fill; below, coloured words."""
NAME_AT = 6
CHIPS_AT = 14
NAME_CHARS = 16


class SessionList(RowList):
    """The sessions, one row each, below headings.

    Down: assign `rows`. Up: `SessionList.Marked`, `SessionList.TagsAsked`, `SessionList.WriteAsked`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", id="sessions.mark"),
        Binding("t", "edit_tags", "tags", id="sessions.tags"),
        Binding("m", "write", "write", id="sessions.write"),
        Binding("escape", "unmark", "unmark", show=False, id="sessions.unmark"),
    ]

    rows: reactive[tuple[SessionRow, ...]] = reactive((), init=False)

    @dataclass
    class Marked(Message):
        """The user marked a session, or took its mark away; None: all marks."""

        session_list: SessionList
        session: UUID | None

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    @dataclass
    class TagsAsked(Message):
        """The user wants to edit the tags of the marked sessions, or of this one."""

        session_list: SessionList
        session: SessionInfo

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    @dataclass
    class WriteAsked(Message):
        """The user wants to write to this session."""

        session_list: SessionList
        session: SessionInfo

        @property
        def control(self) -> SessionList:
            """The list that this came from."""
            return self.session_list

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def background(self) -> str:
        """The sidebar's own."""
        return self.palette.sidebar

    @property
    def selected(self) -> SessionInfo | None:
        """The session under the cursor."""
        return self.rows[self.cursor].session if self.cursor < len(self.rows) else None

    def can_rest_on(self, index: int) -> bool:
        """Only sessions; headings are passed over."""
        return self.rows[index].session is not None

    def watch_rows(self, old: tuple[SessionRow, ...], new: tuple[SessionRow, ...]) -> None:
        """Keep the cursor on the session that it was on."""
        was = old[self.cursor].session if self.cursor < len(old) else None
        places = {row.session.id: place for place, row in enumerate(new) if row.session is not None}
        self.rest_at(self.cursor if was is None else places.get(was.id, self.cursor))

    def heading(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is one
        """The title."""
        return self.title(width, "Sessions", str(sum(row.session is not None for row in self.rows)))

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A heading, or a session."""
        row = self.rows[index]
        palette = self.palette
        line = Line(width, fill)
        if row.session is not None:
            self._draw_session(line, row, row.session, is_cursor=index == self.cursor)
        elif row.kind == "repo":
            line.at(2).put("▾", palette.faint).at(4).put(row.label, palette.strong, bold=True)
            line.at(width - 1 - len(row.note)).put(row.note, palette.faint)
        else:
            line.at(4).put(row.label[:1], palette.ghost).put(row.label[1:], palette.muted)
            if width >= WIDE and line.room > cell_len(row.note) + 3:
                line.at(width - 1 - cell_len(row.note)).put(row.note, palette.faint)
        return line.strip()

    def _draw_session(self, line: Line, row: SessionRow, info: SessionInfo, *, is_cursor: bool) -> None:
        palette, width = self.palette, line.width
        line.at(2).put("◆" if row.is_marked else " ", palette.accent)
        is_connected = info.attached_clients > 0
        line.at(4).put("●" if is_connected else "○", palette.ok if is_connected else palette.faint)
        name_colour = palette.strong if is_cursor else palette.text if is_connected else palette.muted
        line.at(NAME_AT).put(row.label, name_colour, bold=is_cursor, width=NAME_CHARS)
        if row.is_you:
            line.put(" you", palette.muted, italic=True)
        age = short_age(row.age_s)
        unread = f" {info.unread} " if info.unread else ""
        right = width - 1 - (4 if width >= WIDE else 0) - len(unread)
        line.put(" ", palette.muted).at(CHIPS_AT)
        self._draw_chips(line, info.tags, right - 1)
        line.at(right)
        if unread:
            line.put(unread, palette.accent, bold=True, fill=palette.accent_fill)
        if width >= WIDE:
            line.at(width - 1 - len(age)).put(age, palette.faint)

    def _draw_chips(self, line: Line, tags: tuple[str, ...], end: int) -> None:
        """Draw whole chips as long as they fit, then how many are left."""
        has_fill = line.width >= WIDE
        for place, tag in enumerate(tags):
            chip = f" {printable(tag)} " if has_fill else printable(tag)
            rest = len(tags) - place
            reserve = 0 if rest == 1 else len(f" +{rest - 1}")
            if line.column + cell_len(chip) + reserve > end:
                line.put(f"+{rest}", self.palette.muted)
                return
            colour = tag_colour(tag, self.palette)
            line.put(chip, colour.text, fill=colour.fill if has_fill else None)
            line.put(" ", self.palette.muted)

    # ------------------------------------------------------------------------------------------------------- actions

    def action_mark(self) -> None:
        """Mark the session under the cursor, or take its mark away, and go on."""
        if self.selected is not None:
            self.post_message(self.Marked(self, self.selected.id))
            self.action_move(1)

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.post_message(self.Marked(self, None))

    def action_edit_tags(self) -> None:
        """Ask for the tag editor."""
        if self.selected is not None:
            self.post_message(self.TagsAsked(self, self.selected))

    def action_write(self) -> None:
        """Ask for the compose pane."""
        if self.selected is not None:
            self.post_message(self.WriteAsked(self, self.selected))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click on the chips edits them."""
        before = self.cursor
        super().on_click(event)
        if event.chain > 1 and self.cursor == before and event.x >= CHIPS_AT:
            self.action_edit_tags()
