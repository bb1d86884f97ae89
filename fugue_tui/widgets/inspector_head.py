"""Which message is looked into: the facts above the inspector's parts, and the row that names the parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_core.printable import printable
from fugue_core.protocol.envelope import Envelope
from fugue_tui.inspection import exact_time, kind_of
from fugue_tui.keymap import told
from fugue_tui.line import Line, put_keys
from fugue_tui.palette import DARK, Palette, name_colour, tag_colour
from fugue_tui.view import short_target
from fugue_tui.widgets.inspector_part import MARGIN

WIDE = 84
"""From this width on two facts stand beside each other."""
HeadRow: TypeAlias = Literal["rule", "title", "blank", "from", "type", "reply", "id"]

KEYS = (("inspector.next inspector.previous", "next"), ("inspector.close", "close"))
TURN_KEY = ("inspector.turn", "next")


def head_rows(width: int, height: int, *, is_below: bool) -> tuple[HeadRow, ...]:
    """Return what stands at the head of an inspector of this size; below the log a rule parts the two."""
    rows: tuple[HeadRow, ...] = ("rule", "title") if is_below else ("title",)
    if height < 9:  # noqa: PLR2004  # the parts need them all
        return rows
    facts: tuple[HeadRow, ...] = ("from", "type")
    if width < WIDE and height >= 14:  # noqa: PLR2004  # as above
        facts += ("reply", "id")
    if height < 18:  # noqa: PLR2004  # as above
        return (*rows, *facts)
    return (*rows, "blank", *facts, "blank") if height >= 22 else (*rows, *facts, "blank")  # noqa: PLR2004  # as above


class InspectorHead(Widget):
    """Which message this is. Down: assign `envelope`, `repo`, `reply_words`, `is_active` and `rows`."""

    palette: reactive[Palette] = reactive(DARK)
    envelope: reactive[Envelope | None] = reactive(None)
    repo: reactive[str | None] = reactive(None)
    reply_words: reactive[str] = reactive("")
    is_active: reactive[bool] = reactive(default=False)
    rows: reactive[tuple[HeadRow, ...]] = reactive(head_rows(WIDE, 40, is_below=True))

    def watch_rows(self) -> None:
        """Take as much room as that needs."""
        self.styles.height = len(self.rows)

    def render_line(self, y: int) -> Strip:
        """Return a row, see `HeadRow`."""
        width, envelope = self.size.width, self.envelope
        line = Line(width, self.palette.pane)
        row = self.rows[y] if y < len(self.rows) else "blank"
        if envelope is None or row == "blank":
            return line.strip()
        if row == "title":
            return self._title(envelope, width)
        is_wide = width >= WIDE
        half = min(width // 2 + 2, width - 47) if is_wide else width - 1
        match row:
            case "rule":
                line.put("─" * width, self.palette.rule)
            case "from":
                self._put_from(line, envelope, half)
                self._put_reply(line.at(half), is_wide=is_wide)
            case "type":
                self._put_type(line, envelope, half)
                self._put_id(line.at(half), envelope, is_wide=is_wide)
            case "reply":
                self._put_reply(line.at(MARGIN - 1), is_wide=True)
            case "id":
                self._put_id(line.at(MARGIN - 1), envelope, is_wide=True)
        return line.strip()

    @property
    def _value_column(self) -> int:
        return MARGIN + (9 if "reply" in self.rows else 6)  # below one another all values begin in one column

    def _put_from(self, line: Line, envelope: Envelope, end: int) -> None:
        palette = self.palette
        line.at(MARGIN - 1).put("from", palette.faint).at(self._value_column)
        line.put(envelope.sender.name, name_colour(envelope.sender.name, palette), bold=True, width=20)
        line.put("  to  ", palette.faint)
        target, kind = short_target(envelope.target, self.repo), kind_of(envelope.target)
        colour = tag_colour(target[1:], palette).text if kind == "tagged" else palette.strong
        room = max(8, end - line.column - len(kind) - 4)
        line.put(target, colour, width=room).put(f"  {kind}", palette.faint)

    def _put_type(self, line: Line, envelope: Envelope, end: int) -> None:
        palette = self.palette
        namespace, dot, last = envelope.packed.msg_type.rpartition(".")
        line.at(MARGIN - 1).put("type", palette.faint).at(self._value_column)
        line.put(namespace + dot, palette.faint, width=max(0, end - line.column - cell_len(printable(last)) - 2))
        line.put(last, palette.strong, bold=True, width=max(0, end - line.column - 2))

    def _put_reply(self, line: Line, *, is_wide: bool) -> None:
        if is_wide:
            line.put("reply to  ", self.palette.faint).put(self.reply_words or "-", self.palette.muted)

    def _put_id(self, line: Line, envelope: Envelope, *, is_wide: bool) -> None:
        if is_wide:
            line.put("id        ", self.palette.faint).put(str(envelope.id), self.palette.muted)

    def _title(self, envelope: Envelope, width: int) -> Strip:
        palette = self.palette
        fill = palette.raised if self.is_active else palette.pane
        line = Line(width, fill).put("▌" if self.is_active else " ", palette.accent).at(2)
        line.put(f"Message {envelope.seq:,}", palette.accent if self.is_active else palette.muted, bold=True)
        line.put(f" {exact_time(envelope.sent_at)}", palette.faint)
        if envelope.hops:
            line.put(f"  reply {envelope.hops:,} in chain {str(envelope.chain)[:8]}", palette.faint)
        put_keys(line, told(self, KEYS), palette)
        return line.strip()


class PartNames(Widget):
    """The names of the parts where one of them is seen at a time. Down: assign `names`, `current`. Up: `Chosen`."""

    palette: reactive[Palette] = reactive(DARK)
    names: reactive[tuple[str, ...]] = reactive(())
    current: reactive[int] = reactive(0)
    is_active: reactive[bool] = reactive(default=False)

    @dataclass
    class Chosen(Message):
        """The user has clicked on a name; `place` is its place among `names`."""

        place: int

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  # there is one
        """Return the row."""
        palette = self.palette
        line = Line(self.size.width, palette.pane)
        for place, (column, name) in enumerate(zip(self._columns(), self.names, strict=True)):
            is_current = place == self.current
            colour = (
                palette.accent if is_current and self.is_active else palette.strong if is_current else palette.muted
            )
            line.at(column).put(name, colour, bold=is_current)
        put_keys(line, told(self, (TURN_KEY,)), palette)
        return line.strip()

    def _columns(self) -> list[int]:
        columns = [MARGIN - 1]
        for name in self.names[:-1]:
            columns.append(columns[-1] + len(name) + 2)
        return columns

    def on_click(self, event: events.Click) -> None:
        """Ask for the part whose name is there."""
        for place, (column, name) in enumerate(zip(self._columns(), self.names, strict=True)):
            if column <= event.x < column + len(name):
                self.post_message(self.Chosen(place))
