"""The replies around a message, as a tree."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from fugue_core.protocol.envelope import Envelope
from fugue_tui.inspection import Thread, ThreadRow, thread_rows
from fugue_tui.jsonlines import preview
from fugue_tui.line import Line
from fugue_tui.palette import name_colour
from fugue_tui.view import clock_time
from fugue_tui.widgets.inspector_part import MARGIN, InspectorPart
from fugue_tui.widgets.message_row import draw_pieces
from fugue_tui.widgets.row_list import RowList


class ThreadList(InspectorPart):
    """The replies around a message, as a tree. Down: `show`. Up: `ThreadList.Chosen`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "look at", show=False, id="thread.choose")]
    NAME = "thread"

    class Chosen(Message):
        """The user wants to look into a message of the thread."""

        def __init__(self, envelope: Envelope) -> None:
            super().__init__()
            self.envelope = envelope

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._rows: list[ThreadRow] = []
        self._shown: UUID | None = None
        self._gap = ""

    @property
    def count(self) -> int:
        """How many messages are in it."""
        return len(self._rows)

    def show(self, thread: Thread, shown: UUID) -> None:
        """Show a thread, with the cursor on the message that is looked into; where only more has come, it stays."""
        is_same = self._shown == shown and self.cursor < self.count
        at = self._rows[self.cursor].envelope.id if is_same else shown
        self._rows, self._shown, self._gap = thread_rows(thread.envelopes), shown, thread.gap
        place = next((place for place, row in enumerate(self._rows) if row.envelope.id == at), 0)
        self.set_reactive(RowList.cursor, place)
        self.show_cursor()
        self.refresh()

    @property
    def note(self) -> str:
        """How many."""
        return f"{self.count:,} messages" if self.count > 1 else "no replies"

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """What the status bar has no room for where one part is seen at a time."""
        return () if self.is_named else (("thread.choose", "look at"),)

    @property
    def foot_rows(self) -> int:
        """One, where the thread goes on."""
        return 1 if self._gap else 0

    def foot(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is but one
        """What is not shown."""
        return (
            Line(width, self.background).at(MARGIN - 1).put(self._gap, self.palette.wait, width=width - MARGIN).strip()
        )

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A message, as deep as it answers."""
        row, palette = self._rows[index], self.palette
        envelope = row.envelope
        line = Line(width, fill).at(MARGIN - 1)
        for has_more in row.branches[-9:-1]:
            line.put("│ " if has_more else "  ", palette.ghost)
        if row.branches:
            line.put("├ " if row.branches[-1] else "╰ ", palette.ghost)
        is_shown = envelope.id == self._shown
        line.put(envelope.sender.name, name_colour(envelope.sender.name, palette), bold=is_shown, width=16)
        end = width - 10
        column = max(MARGIN + 12, line.column + 1)
        last = envelope.packed.msg_type.rpartition(".")[2] or envelope.packed.msg_type
        line.at(column).put(last, palette.text, width=max(0, min(16, end - line.column - 1)))
        room = end - line.column - 2
        if room > 4:  # noqa: PLR2004  # less says nothing
            line.put("  ", palette.muted)
            pieces = preview(bytes(envelope.packed.payload), has_keys=False)
            draw_pieces(line, pieces, room - 1, {}, palette.faint if fill == self.background else palette.muted)
        line.at(end).put(clock_time(envelope.sent_at), palette.muted if is_shown else palette.faint)
        return line.strip()

    def action_choose(self) -> None:
        """Ask for the message under the cursor."""
        if self.cursor < self.count:
            self.post_message(self.Chosen(self._rows[self.cursor].envelope))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there, and look at it."""
        super().on_click(event)
        if self.index_at(event.y) is not None:
            self.action_choose()
