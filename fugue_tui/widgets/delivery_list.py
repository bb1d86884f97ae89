"""Every recipient of a message, when each had it, and where that is wanted through what and why."""

from __future__ import annotations

import textwrap
from typing import ClassVar, NamedTuple
from uuid import UUID

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_core.protocol.requests import MessageRecord
from fugue_core.timeline import Step
from fugue_tui.inspection import Timeline, delivery_summary, exact_time, timeline_of
from fugue_tui.line import Line
from fugue_tui.palette import name_colour
from fugue_tui.widgets.inspector_part import MARGIN, InspectorPart
from fugue_tui.widgets.row_list import RowList

STATE_AT = MARGIN + 15
"""Where the state of a step begins, behind its time; its words begin at the next."""
WORDS_AT = STATE_AT + 8


class DeliveryRow(NamedTuple):
    """A recipient, or why its delivery is dead, or one step of what happened to it, or more words about that.

    Attributes:
        step: None in the row of the recipient, and where only the words go on.
    """

    recipient: UUID
    timeline: Timeline
    step: Step | None = None
    words: str | None = None


class DeliveryList(InspectorPart):
    """Every recipient, and when it had the message; below one that is unfolded, what happened, in words.

    A single recipient begins unfolded; why one that is dead is so, is told in any case.

    Down: `show`. Up: `DeliveryList.Folded`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "fold", "through what, and why", show=False, id="deliveries.fold")
    ]
    NAME = "deliveries"
    HAS_COLUMNS = True

    class Folded(Message):
        """It needs another number of rows, since the user has opened or closed one."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._message: UUID | None = None
        self._timelines: dict[UUID, Timeline] = {}
        self._unfolded: set[UUID] = set()
        self._rows: list[DeliveryRow] = []
        self._summary = ""
        self._queued = ""

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self._rows)

    def show(self, record: MessageRecord, connected: frozenset[UUID], now: float) -> None:
        """Show these deliveries."""
        sent_at = record.envelope.sent_at
        self._timelines = {
            delivery.recipient.id: timeline_of(delivery, sent_at, now, is_connected=delivery.recipient.id in connected)
            for delivery in record.deliveries
        }
        if self._message != record.envelope.id:
            self._message = record.envelope.id
            self._unfolded = set(self._timelines) if len(self._timelines) == 1 else set()
        self._summary = delivery_summary(record)
        self._queued = exact_time(sent_at)[8:]
        self._lay_rows()

    def _lay_rows(self) -> None:
        self._rows = []
        for recipient, timeline in self._timelines.items():
            self._rows.append(DeliveryRow(recipient, timeline))
            if timeline.reason and recipient not in self._unfolded:
                self._rows.append(DeliveryRow(recipient, timeline, None, printable(timeline.reason)))
            for step in timeline.steps if recipient in self._unfolded else ():
                first, *more = self._wrap(printable(step.words))
                self._rows.append(DeliveryRow(recipient, timeline, step, first))
                self._rows += [DeliveryRow(recipient, timeline, None, words) for words in more]
        self.set_reactive(RowList.cursor, max(0, min(self.cursor, self.count - 1)))
        self.show_cursor()
        self.refresh()

    def _wrap(self, words: str) -> list[str]:
        return textwrap.wrap(words, max(12, self.size.width - WORDS_AT - 1), break_on_hyphens=False) or [""]

    def _places(self, width: int) -> tuple[int, int, int]:
        """Return where the dots of queued, handed and acked stand."""
        name = min(16, max(9, width - 40))
        return MARGIN + 2 + name, MARGIN + 2 + name + 10, MARGIN + 2 + name + 20

    @property
    def note(self) -> str:
        """How many have it."""
        return self._summary

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """What the status bar has no room for where one part is seen at a time."""
        return () if self.is_named else (("deliveries.fold", "through what"),)

    def column_heads(self, width: int) -> Strip:
        """The heads of the line."""
        line = Line(width, self.background)
        if self._timelines:
            for place, word in zip(self._places(width), ("queued", "handed", "acked"), strict=True):
                line.at(place + 2).put(word, self.palette.ghost)
        return line.strip()

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A recipient, or a step."""
        row = self._rows[index]
        if row.words is not None:
            return self._draw_step(row, row.words, width, fill)
        item, palette = row.timeline, self.palette
        glyph, colour = {
            "ok": ("✓", palette.ok),
            "wait": ("…", palette.wait),
            "held": ("○", palette.wait),
            "bad": ("✗", palette.bad),
        }[item.sign]
        queued, handed, ended = self._places(width)
        line = Line(width, fill).at(MARGIN - 1).put(glyph, colour)
        line.at(MARGIN + 1).put(item.name, name_colour(item.name, palette), width=queued - MARGIN - 2)
        line.at(queued).put("●", palette.muted).put(f" {self._queued}", palette.muted)
        if item.handed:
            line.at(line.column + 1).put("─" * max(0, handed - line.column - 1), palette.ghost)
            line.at(handed).put("●", palette.muted).put(f" {item.handed}", palette.muted)
        is_done = item.sign == "ok"
        line.at(line.column + 1).put(("─" if is_done else "┄") * max(0, ended - line.column - 1), palette.ghost)
        dot = {"ok": "●", "bad": "✗"}.get(item.sign, "○")
        line.at(ended).put(dot, colour).put(f" {item.ended}", palette.muted if is_done else colour)
        return line.strip()

    def _draw_step(self, row: DeliveryRow, words: str, width: int, fill: str) -> Strip:
        palette, step, timeline = self.palette, row.step, row.timeline
        line = Line(width, fill).at(MARGIN + 1)
        if row.recipient not in self._unfolded:
            return line.at(self._places(width)[0] + 2).put(words, palette.muted).strip()
        if step is not None:
            colour = palette.muted
            if step is timeline.steps[-1]:
                colour = {"ok": palette.ok, "bad": palette.bad}.get(timeline.sign, palette.wait)
            if step.at is not None:
                line.put(exact_time(step.at), palette.faint if fill == self.background else palette.muted)
            line.at(STATE_AT).put(step.state, colour)
        line.at(WORDS_AT).put(words, palette.text, width=max(0, line.room - 1))
        return line.strip()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._lay_rows()

    def action_fold(self) -> None:
        """Tell what happened to the delivery under the cursor, or no more."""
        if self.cursor < self.count:
            recipient = self._rows[self.cursor].recipient
            self._unfolded ^= {recipient}
            self.set_reactive(
                RowList.cursor, next(place for place, row in enumerate(self._rows) if row.recipient == recipient)
            )
            self._lay_rows()
            self.post_message(self.Folded())
