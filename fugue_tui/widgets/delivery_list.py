"""Every recipient of a message, and when each had it."""

from __future__ import annotations

from uuid import UUID

from textual.strip import Strip

from fugue_core.protocol.requests import MessageRecord
from fugue_tui.inspection import Timeline, delivery_summary, exact_time, timeline_of
from fugue_tui.line import Line
from fugue_tui.palette import name_colour
from fugue_tui.widgets.inspector_part import MARGIN, InspectorPart
from fugue_tui.widgets.row_list import RowList


class DeliveryList(InspectorPart):
    """Every recipient, and when it had the message. Down: `show`. Up: nothing."""

    NAME = "deliveries"
    HAS_COLUMNS = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._timelines: list[Timeline] = []
        self._summary = ""
        self._queued = ""

    @property
    def count(self) -> int:
        """How many recipients."""
        return len(self._timelines)

    def show(self, record: MessageRecord, connected: frozenset[UUID], now: float) -> None:
        """Show these deliveries."""
        sent_at = record.envelope.sent_at
        self._timelines = [
            timeline_of(delivery, sent_at, now, is_connected=delivery.recipient.id in connected)
            for delivery in record.deliveries
        ]
        self._summary = delivery_summary(record)
        self._queued = exact_time(sent_at)[8:]
        self.set_reactive(RowList.cursor, max(0, min(self.cursor, self.count - 1)))
        self.show_cursor()
        self.refresh()

    def _places(self, width: int) -> tuple[int, int, int]:
        """Return where the dots of queued, handed and acked stand."""
        name = min(16, max(9, width - 40))
        return MARGIN + 2 + name, MARGIN + 2 + name + 10, MARGIN + 2 + name + 20

    @property
    def note(self) -> str:
        """How many have it."""
        return self._summary

    def column_heads(self, width: int) -> Strip:
        """The heads of the line."""
        line = Line(width, self.background)
        if self._timelines:
            for place, word in zip(self._places(width), ("queued", "handed", "acked"), strict=True):
                line.at(place + 2).put(word, self.palette.ghost)
        return line.strip()

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A recipient."""
        item, palette = self._timelines[index], self.palette
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
