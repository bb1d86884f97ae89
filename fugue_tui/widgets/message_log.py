"""The live log: every message, the newest at the bottom, with what has become of its deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from fugue_core.protocol.target import Tagged
from fugue_tui.line import Line
from fugue_tui.palette import name_colour, tag_colour
from fugue_tui.view import MessageRow, clock_time, short_target, state_of
from fugue_tui.widgets.row_list import RowList

STRIPS = 2_000
"""Drawn rows that are kept for drawing them again."""
PREVIEW_BYTES = 2_000


class Columns(NamedTuple):
    """Where the columns begin, in cells; `time_chars` of the time are shown."""

    time: int
    time_chars: int
    sender: int
    arrow: int
    target: int
    kind: int
    payload: int
    state: int
    has_namespace: bool


def columns_for(width: int) -> Columns:
    """Return the columns for a width. Every new cell goes to the payload, once sender and target have enough."""
    if width >= 72:  # noqa: PLR2004  # a table of widths
        more = min(7, max(0, (width - 94) // 6))
        sender = 13
        arrow = sender + 7 + more + 1
        target = arrow + 2
        kind = target + 11 + more + 1
        return Columns(3, 8, sender, arrow, target, kind, kind + 18, width - 9, has_namespace=True)
    return Columns(2, 5, 8, 15, 17, 28, 37, width - 7, has_namespace=False)


class MessageLog(RowList):
    """Messages, one row each.

    Down: assign `rows` (the same list may be assigned again after it has grown), `total`, `filter_text`.
    Up: `MessageLog.Opened`, `MessageLog.ReplyAsked`, `MessageLog.FilterAsked`.
    """

    HEADING_ROWS = 2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", id="log.filter"),
        Binding("enter", "open", "open", id="log.open"),
        Binding("r", "reply", "reply", id="log.reply"),
        Binding("f", "follow", "follow", id="log.follow"),
    ]

    is_following: reactive[bool] = reactive(default=True, init=False)
    total: reactive[int] = reactive(0, init=False)
    filter_text: reactive[str] = reactive("", init=False)

    @dataclass
    class Opened(Message):
        """The user wants to look into a message."""

        message_log: MessageLog
        row: MessageRow

        @property
        def control(self) -> MessageLog:
            """The log that this came from."""
            return self.message_log

    @dataclass
    class ReplyAsked(Message):
        """The user wants to answer a message."""

        message_log: MessageLog
        row: MessageRow

        @property
        def control(self) -> MessageLog:
            """The log that this came from."""
            return self.message_log

    @dataclass
    class FilterAsked(Message):
        """The user wants to filter."""

        message_log: MessageLog

        @property
        def control(self) -> MessageLog:
            """The log that this came from."""
            return self.message_log

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._rows: list[MessageRow] = []
        self._strips: dict[tuple[int, int, int, str, str], Strip] = {}
        self._new = 0

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def selected(self) -> MessageRow | None:
        """The message under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def show(self, rows: list[MessageRow]) -> None:
        """Show these messages. While following, the cursor goes to the newest; else it stays on its message."""
        was = self.selected
        last_seq = self._rows[-1].envelope.seq if self._rows else 0
        self._rows = rows
        if self.is_following or was is None:
            self._new = 0
            self.set_reactive(RowList.cursor, max(0, len(rows) - 1))
        else:
            seq = was.envelope.seq
            self._new += sum(row.envelope.seq > last_seq for row in rows[-1000:])
            place = next((place for place, row in enumerate(rows) if row.envelope.seq >= seq), len(rows) - 1)
            self.set_reactive(RowList.cursor, max(0, place))
        self.show_cursor()
        self.refresh()

    # ------------------------------------------------------------------------------------------------------- drawing

    def heading(self, row: int, width: int) -> Strip:
        """The title, and the heads of the columns."""
        palette = self.palette
        if row == 0:
            right, colour = ("● follow", palette.ok) if self.is_following else (f"{self._new} new", palette.wait)
            note = f"{self.total:,}" + (f"   /{self.filter_text}" if self.filter_text else "")
            return self.title(width, "Messages", note, right, colour)
        columns = columns_for(width)
        line = Line(width, self.background)
        heads = ((columns.time, "time"), (columns.sender, "from"), (columns.target, "to"), (columns.kind, "type"))
        for column, head in (*heads, (columns.payload, "payload"), (columns.state, "state")):
            line.at(column).put(head, palette.faint, width=width - column)
        return line.strip()

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A message; kept, as long as nothing about it changes."""
        row = self._rows[index]
        key = (row.envelope.seq, row.version, width, fill, self.palette.name)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= STRIPS:
                self._strips.clear()
            strip = self._strips[key] = self._draw(row, width, fill)
        return strip

    def _draw(self, row: MessageRow, width: int, fill: str) -> Strip:
        palette, columns, envelope = self.palette, columns_for(width), row.envelope
        line = Line(width, fill)
        if envelope.reply_to is not None:
            line.at(1).put("↳", palette.ghost)
        line.at(columns.time).put(clock_time(envelope.sent_at)[: columns.time_chars], palette.muted)
        sender = envelope.sender.name
        line.at(columns.sender).put(sender, name_colour(sender, palette), width=columns.arrow - columns.sender - 1)
        line.at(columns.arrow).put("→", palette.ghost)
        target = short_target(envelope.target, row.repo)
        colour = tag_colour(envelope.target.tag, palette).text if isinstance(envelope.target, Tagged) else palette.text
        line.at(columns.target).put(target, colour, width=columns.kind - columns.target - 1)
        self._draw_type(line.at(columns.kind), envelope.packed.msg_type, columns)
        preview = bytes(envelope.packed.payload)[:PREVIEW_BYTES].decode(errors="replace")
        line.at(columns.payload).put(preview, palette.muted, width=columns.state - columns.payload - 1)
        sign, text = state_of(row)
        glyph, sign_colour = {
            "ok": ("✓", palette.ok),
            "wait": ("…", palette.wait),
            "held": ("○", palette.wait),
            "bad": ("✗", palette.bad),
            "none": ("–", palette.faint),  # noqa: RUF001  # the dash of the design
        }[sign]
        text_colour = {"ok": palette.faint, "bad": palette.bad, "held": palette.wait}.get(sign, palette.text)
        line.at(columns.state).put(glyph, sign_colour).put(" ", palette.faint)
        line.put(text, text_colour, bold=sign == "bad", width=width - line.column - 1)
        return line.strip()

    def _draw_type(self, line: Line, msg_type: str, columns: Columns) -> None:
        namespace, dot, last = msg_type.rpartition(".")
        room = columns.payload - columns.kind - 1
        if columns.has_namespace and dot and len(msg_type) <= room:
            line.put(namespace + dot, self.palette.faint).put(last, self.palette.text)
        else:
            line.put(last, self.palette.text, width=room)

    # ------------------------------------------------------------------------------------------------------- actions

    def watch_cursor(self) -> None:
        """Follow while the cursor is on the newest message, and only then."""
        super().watch_cursor()
        self.is_following = self.cursor >= self.count - 1
        if self.is_following:
            self._new = 0

    def watch_is_following(self) -> None:
        """Show it."""
        self.refresh()

    def watch_total(self) -> None:
        """Show it."""
        self.refresh()

    def action_follow(self) -> None:
        """Follow the newest message, or stay here."""
        self.is_following = not self.is_following
        if self.is_following:
            self.action_go(-1)

    def action_open(self) -> None:
        """Ask for the inspector."""
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def action_reply(self) -> None:
        """Ask for the compose pane, with this message to be answered."""
        if self.selected is not None:
            self.post_message(self.ReplyAsked(self, self.selected))

    def action_filter(self) -> None:
        """Ask for the filter's field."""
        self.post_message(self.FilterAsked(self))
