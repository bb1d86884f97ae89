"""Look into one message: its payload, what has become of every delivery, its thread, and the command that sends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from uuid import UUID

from rich.cells import cell_len, chop_cells
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from fugue_core.printable import printable
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import MessageRecord
from fugue_tui.inspection import (
    ThreadRow,
    Timeline,
    command_of,
    delivery_summary,
    exact_time,
    export_name,
    kind_of,
    thread_rows,
    timeline_of,
)
from fugue_tui.jsonlines import MAX_INDENT, JsonLine, Piece, lay_out, preview
from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette, name_colour, tag_colour
from fugue_tui.view import clock_time, short_target
from fugue_tui.widgets.message_log import draw_pieces
from fugue_tui.widgets.row_list import RowList

WIDE = 84
"""From this width on there are two columns, and names stand beside the places of the dots."""
WRAPPED_ROWS = 400
"""Rows that one long string takes; the rest is cut."""
KEPT_ROWS = 20_000
MARGIN = 3
DELIVERY_ROWS = 12


class InspectorPart(RowList):
    """One of the inspector's lists. `j` and `k` go to the next message and the one before; the arrows stay inside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "step(1)", "next message", show=False, id="inspector.next"),
        Binding("k", "step(-1)", "message before", show=False, id="inspector.previous"),
    ]
    HEADING_ROWS = 2

    class Stepped(Message):
        """The user wants the next message, or the one before."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def action_step(self, step: int) -> None:
        """Ask for another message."""
        self.post_message(self.Stepped(step))

    def head(self, row: int, width: int, name: str, note: str) -> Strip:
        """Return the heading: the name, bold where the keys go here, and a blank row."""
        line = Line(width, self.background)
        if row == 0:
            colour = self.palette.accent if self.has_focus else self.palette.muted
            line.at(MARGIN - 1).put(name, colour, bold=True).put("  ", colour).put(note, self.palette.faint)
        return line.strip()


class PayloadRow:
    """One row of the payload as it is seen: a line of the layout, or what a long one goes on with."""

    __slots__ = ("indent", "is_folded", "line", "number", "pieces")

    def __init__(self, line: JsonLine, number: int, indent: int, pieces: list[Piece], *, is_folded: bool) -> None:
        self.line = line
        self.number = number
        self.indent = indent
        self.pieces = pieces
        self.is_folded = is_folded


class PayloadView(InspectorPart):
    """The payload, pretty, highlighted and folding. Down: `show`. Up: nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "fold", show=False, id="payload.fold"),
        Binding("left,h", "fold(True)", "close", show=False, id="payload.close"),
        Binding("right,l", "fold(False)", "open", show=False, id="payload.open"),
    ]
    NUMBER_CELLS = 7

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._lines: list[JsonLine] = []
        self._folded: set[int] = set()
        self._rows: list[PayloadRow] = []
        self._size_bytes = 0

    @property
    def count(self) -> int:
        """How many rows are seen."""
        return len(self._rows)

    def show(self, payload: bytes) -> None:
        """Show another payload, from its beginning."""
        self._size_bytes = len(payload)
        self._lines = lay_out(payload.decode(errors="replace"))
        self._folded = set()
        self._lay_rows()
        self.set_reactive(RowList.cursor, 0)
        self._top = 0
        self.refresh()

    def _lay_rows(self) -> None:
        room = max(8, self.size.width - MARGIN - self.NUMBER_CELLS)
        self._rows = []
        place = 0
        while place < len(self._lines) and len(self._rows) < KEPT_ROWS:
            line = self._lines[place]
            is_folded = place in self._folded and line.end is not None
            pieces = line.pieces
            following = place + 1
            if is_folded and line.end is not None:
                pieces = _folded_pieces(line, self._lines[line.end])
                following = line.end + 1
            self._add_rows(line, place + 1, pieces, room, is_folded=is_folded)
            place = following

    def _add_rows(self, line: JsonLine, number: int, pieces: list[Piece], room: int, *, is_folded: bool) -> None:
        indent = min(2 * line.depth, MAX_INDENT, room // 2)
        wrapped = _wrap(pieces, room - indent)
        for nth, part in enumerate(wrapped):
            self._rows.append(PayloadRow(line, number if nth == 0 else 0, indent, part, is_folded=is_folded))

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._lay_rows()
        self.show_cursor()
        self.refresh()

    def heading(self, row: int, width: int) -> Strip:
        """The name and the size."""
        return self.head(row, width, "payload", f"{self._size_bytes:,} bytes")

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A row: its number, a mark where it folds, and the JSON."""
        row, palette = self._rows[index], self.palette
        line = Line(width, fill)
        faint = palette.muted if fill != self.background else palette.faint
        if row.number:
            line.at(1).put(str(row.number).rjust(4), palette.ghost)
            if row.line.end is not None:
                line.at(6).put("▸" if row.is_folded else "▾", faint)
        line.at(MARGIN + self.NUMBER_CELLS - 2 + row.indent)
        colours = {
            "key": palette.json_key,
            "string": palette.json_string,
            "number": palette.json_number,
            "literal": palette.json_literal,
            "punctuation": faint,
            "note": palette.muted,
        }
        draw_pieces(line, row.pieces, line.room, colours, palette.text)
        return line.strip()

    def action_fold(self, wanted: bool | None = None) -> None:  # noqa: FBT001  # from a binding
        """Close or open what begins here; where nothing does, close what this is in."""
        if not self._rows:
            return
        row = self._rows[self.cursor]
        place = next(place for place in range(self.cursor, -1, -1) if self._rows[place].number)
        number = self._rows[place].number - 1
        if row.line.end is None:
            if wanted is False:
                return
            number = next(
                (
                    place
                    for place in range(number, -1, -1)
                    if (end := self._lines[place].end) is not None and end >= number > place
                ),
                -1,
            )
            if number < 0:
                return
            wanted = True
        is_closed = number not in self._folded if wanted is None else wanted
        (self._folded.add if is_closed else self._folded.discard)(number)
        self._lay_rows()
        at = next((place for place, known in enumerate(self._rows) if known.number == number + 1), 0)
        self.rest_at(at)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; on the mark, fold."""
        super().on_click(event)
        if event.x <= MARGIN + self.NUMBER_CELLS and event.y >= self.heading_rows:
            self.action_fold()


class DeliveryList(InspectorPart):
    """Every recipient, and when it had the message. Down: `show`. Up: nothing."""

    HEADING_ROWS = 3

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

    def heading(self, row: int, width: int) -> Strip:
        """The name, how many have it, and the heads of the line."""
        if row < 2:  # noqa: PLR2004  # the head and its blank row
            return self.head(row, width, "deliveries", self._summary)
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


class ThreadList(InspectorPart):
    """The replies around a message, as a tree. Down: `show`. Up: `ThreadList.Chosen`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "look at", show=False, id="thread.choose")]

    class Chosen(Message):
        """The user wants to look into a message of the thread."""

        def __init__(self, envelope: Envelope) -> None:
            super().__init__()
            self.envelope = envelope

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._rows: list[ThreadRow] = []
        self._shown: UUID | None = None

    @property
    def count(self) -> int:
        """How many messages are in it."""
        return len(self._rows)

    def show(self, envelopes: Sequence[Envelope], shown: UUID) -> None:
        """Show a thread, with the cursor on the message that is looked into."""
        self._rows, self._shown = thread_rows(envelopes), shown
        place = next((place for place, row in enumerate(self._rows) if row.envelope.id == shown), 0)
        self.set_reactive(RowList.cursor, place)
        self.show_cursor()
        self.refresh()

    def heading(self, row: int, width: int) -> Strip:
        """The name and how many."""
        note = f"{self.count} messages" if self.count > 1 else "no replies"
        return self.head(row, width, "thread", note)

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


class InspectorHead(Widget):
    """Which message this is. Down: assign `envelope`, `parent_words`, `is_active`."""

    palette: reactive[Palette] = reactive(DARK)
    envelope: reactive[Envelope | None] = reactive(None)
    repo: reactive[str | None] = reactive(None)
    reply_words: reactive[str] = reactive("")
    is_active: reactive[bool] = reactive(default=False)

    def render_line(self, y: int) -> Strip:
        """Return a row: a rule, the title, a blank one, and two of facts."""
        palette, width, envelope = self.palette, self.size.width, self.envelope
        if envelope is None:
            return Line(width, palette.pane).strip()
        if y == 0:
            return Line(width, palette.pane).put("─" * width, palette.rule).strip()
        if y == 1:
            return self._title(envelope, width)
        line = Line(width, palette.pane)
        half = min(width // 2 + 2, width - 47) if width >= WIDE else width
        if y == 3:  # noqa: PLR2004  # the rows by number
            line.at(MARGIN - 1).put("from", palette.faint).at(MARGIN + 6)
            line.put(envelope.sender.name, name_colour(envelope.sender.name, palette), bold=True, width=20)
            line.put("  to  ", palette.faint)
            target, kind = short_target(envelope.target, self.repo), kind_of(envelope.target)
            colour = tag_colour(target[1:], palette).text if kind == "tagged" else palette.strong
            room = max(8, half - line.column - len(kind) - 4)
            line.put(target, colour, width=room).put(f"  {kind}", palette.faint)
            if half < width:
                line.at(half).put("reply to  ", palette.faint).put(self.reply_words or "-", palette.muted)
        elif y == 4:  # noqa: PLR2004
            namespace, dot, last = envelope.packed.msg_type.rpartition(".")
            line.at(MARGIN - 1).put("type", palette.faint).at(MARGIN + 6)
            line.put(namespace + dot, palette.faint, width=max(0, half - line.column - cell_len(printable(last)) - 2))
            line.put(last, palette.strong, bold=True, width=max(0, half - line.column - 2))
            if half < width:
                line.at(half).put("id        ", palette.faint).put(str(envelope.id), palette.muted)
        return line.strip()

    def _title(self, envelope: Envelope, width: int) -> Strip:
        palette = self.palette
        fill = palette.raised if self.is_active else palette.pane
        line = Line(width, fill).put("▌" if self.is_active else " ", palette.accent).at(2)
        line.put(f"Message {envelope.seq:,}", palette.accent if self.is_active else palette.muted, bold=True)
        line.put(f" {exact_time(envelope.sent_at)}", palette.faint)
        keys = (("j k", "next"), ("esc", "close"))
        room = sum(len(key) + len(word) + 1 for key, word in keys) + 3
        if line.room > room + 2:
            line.at(width - 1 - room)
            for nth, (key, word) in enumerate(keys):
                line.put("   " if nth else "", palette.faint).put(key, palette.text).put(f" {word}", palette.muted)
        return line.strip()


class CommandView(Widget):
    """The command that sends the same message, and what came of the last key. Down: assign `command`, `verdict`."""

    palette: reactive[Palette] = reactive(DARK)
    command: reactive[str] = reactive("")
    verdict: reactive[str] = reactive("")
    is_bad: reactive[bool] = reactive(default=False)

    def render_line(self, y: int) -> Strip:
        """Return a row: the head, the command in a well, the verdict."""
        palette, width = self.palette, self.size.width
        if y == 0:
            line = Line(width, palette.pane).at(MARGIN - 1).put("as a command", palette.muted, bold=True)
            line.at(width - 8).put("c", palette.text).put(" copy", palette.muted)
            return line.strip()
        if y == 1:
            line = Line(width, palette.pane).at(MARGIN - 1)
            well = Line(max(0, width - MARGIN - 1), palette.sidebar).put(" $ ", palette.ghost)
            words = self.command[: 4 * width].split(" ")
            for nth, word in enumerate(words):
                colour = palette.accent if nth < 2 else palette.text  # noqa: PLR2004  # `fugue send`
                well.put(word if nth == len(words) - 1 else f"{word} ", colour, width=max(0, well.room - 1))
            return Strip.join([line.strip().crop(0, MARGIN - 1), well.strip(), Line(2, palette.pane).strip()])
        line = Line(width, palette.pane).at(MARGIN - 1)
        return line.put(self.verdict, palette.bad if self.is_bad else palette.ok, width=width - MARGIN).strip()


class Inspector(Vertical):
    """One message. Hidden, until it is shown one.

    Down: `show` for another message, `update_record` when its deliveries have changed, `show_thread`, `show_verdict`.
    Up: `Closed`, `InspectorPart.Stepped`, `ThreadList.Chosen`, `ReplyAsked`, `ResendAsked`.
    What is exported it writes itself.
    """

    DEFAULT_CSS = """
    Inspector { display: none; height: 1fr; }
    Inspector.open { display: block; }
    Inspector InspectorHead { height: 6; }
    Inspector #inspector-body { height: 1fr; }
    Inspector PayloadView { width: 1fr; height: 1fr; }
    Inspector #inspector-side { width: 1fr; height: 1fr; }
    Inspector DeliveryList { height: 5; }
    Inspector ThreadList { height: 1fr; }
    Inspector CommandView { height: 3; }
    Inspector #export-path { display: none; height: 1; border: none; padding: 0 2; background: $panel; }
    Inspector.exporting #export-path { display: block; }
    Inspector.narrow #inspector-body { layout: vertical; }
    Inspector.narrow InspectorHead { height: 6; }
    Inspector.low CommandView { height: 2; }
    Inspector.low InspectorHead { height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reply", "reply", id="inspector.reply"),
        Binding("S", "resend", "resend", id="inspector.resend"),
        Binding("y", "copy('payload')", "copy payload", id="inspector.copy_payload"),
        Binding("c", "copy('command')", "command", id="inspector.copy_command"),
        Binding("e", "export", "export", id="inspector.export"),
        Binding("tab", "turn", "next part", show=False, id="inspector.turn"),
        Binding("escape,q", "close", "close", show=False, key_display="esc", id="inspector.close"),
    ]

    palette: reactive[Palette] = reactive(DARK, init=False)

    class Closed(Message):
        """The user has seen enough."""

    @dataclass
    class ReplyAsked(Message):
        """The user wants to answer this message."""

        envelope: Envelope

    @dataclass
    class ResendAsked(Message):
        """The user wants this message sent once more; say what the daemon answers with `show_verdict`."""

        envelope: Envelope

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._record: MessageRecord | None = None

    def compose(self) -> ComposeResult:
        """Return the parts."""
        yield InspectorHead()
        with Horizontal(id="inspector-body"):
            yield PayloadView(id="payload")
            with Vertical(id="inspector-side"):
                yield DeliveryList(id="deliveries")
                yield ThreadList(id="thread")
        yield CommandView()
        yield Input(placeholder="write the payload to this file", compact=True, id="export-path")

    @property
    def is_open(self) -> bool:
        """Whether it is seen."""
        return self.has_class("open")

    @property
    def is_open_ended(self) -> bool:
        """Whether a delivery may still change."""
        return self._record is not None and any(item.state in {"queued", "handed"} for item in self._record.deliveries)

    @property
    def envelope(self) -> Envelope | None:
        """The message that is looked into."""
        return None if self._record is None else self._record.envelope

    # ---------------------------------------------------------------------------------------------------- data comes

    def show(self, record: MessageRecord, repo: str | None, connected: frozenset[UUID]) -> None:
        """Look into a message."""
        is_other = self.envelope is None or self.envelope.id != record.envelope.id
        was_open = self.is_open
        self._record = record
        envelope = record.envelope
        self.add_class("open")
        head = self.query_one(InspectorHead)
        head.envelope, head.repo = envelope, repo
        head.reply_words = "" if envelope.reply_to is None else str(envelope.reply_to)
        if is_other or not was_open:
            self.query_one(PayloadView).show(bytes(envelope.packed.payload))
            self.query_one(CommandView).command = command_of(envelope)
            self.show_verdict("")
            self.query_one(ThreadList).show([envelope], envelope.id)
        self.update_record(record, connected)
        if not was_open:
            self.query_one(PayloadView).focus()

    def update_record(self, record: MessageRecord, connected: frozenset[UUID]) -> None:
        """Show what has become of the deliveries; a record of another message is dropped."""
        if self.envelope is None or record.envelope.id != self.envelope.id:
            return
        self._record = record
        self.query_one(DeliveryList).show(record, connected, time.time())
        self._share_rows()

    def _share_rows(self) -> None:
        """Give the deliveries what they need of their side, and at most a half of it."""
        deliveries = self.query_one(DeliveryList)
        rows = deliveries.HEADING_ROWS + min(max(1, deliveries.count), DELIVERY_ROWS) + 1
        most = max(4, (self.size.height - 8) // (4 if self.has_class("narrow") else 2) + 2)
        if deliveries.styles.height is None or deliveries.styles.height.value != min(rows, most):
            deliveries.styles.height = min(rows, most)

    def show_thread(self, envelopes: Sequence[Envelope]) -> None:
        """Show the thread, if it is this message's."""
        envelope = self.envelope
        if envelope is None or all(known.id != envelope.id for known in envelopes):
            return
        self.query_one(ThreadList).show(envelopes, envelope.id)
        parent = next((known for known in envelopes if known.id == envelope.reply_to), None)
        if parent is not None:
            words = f"{parent.seq:,}  {parent.packed.msg_type} by {parent.sender.name}"
            self.query_one(InspectorHead).reply_words = words

    def show_verdict(self, text: str, *, is_bad: bool = False) -> None:
        """Say what came of a resend, a copy or an export."""
        view = self.query_one(CommandView)
        view.verdict, view.is_bad = text, is_bad

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        for part in self._parts():
            part.palette = self.palette
        self.query_one(InspectorHead).palette = self.palette
        self.query_one(CommandView).palette = self.palette

    def on_resize(self) -> None:
        """One column where two have no room."""
        self.set_class(self.size.width < WIDE, "narrow")
        self._share_rows()
        self.set_class(self.size.height < 18, "low")  # noqa: PLR2004  # less, and the payload would have no rows

    def on_descendant_focus(self) -> None:
        """Show that keys go here."""
        self.query_one(InspectorHead).is_active = True

    def on_descendant_blur(self) -> None:
        """Show that they do not."""
        self.query_one(InspectorHead).is_active = False

    def _parts(self) -> tuple[InspectorPart, ...]:
        return (self.query_one(PayloadView), self.query_one(DeliveryList), self.query_one(ThreadList))

    # ------------------------------------------------------------------------------------------------------- actions

    def action_close(self) -> None:
        """Close; where the export's field is open, only that."""
        if self.has_class("exporting"):
            self._close_export()
            return
        self.remove_class("open")
        self.post_message(self.Closed())

    def action_turn(self) -> None:
        """Give the keys to the next part."""
        parts = self._parts()
        here = next((place for place, part in enumerate(parts) if part.has_focus), -1)
        parts[(here + 1) % len(parts)].focus()

    def action_reply(self) -> None:
        """Ask for the compose pane."""
        if self.envelope is not None:
            self.post_message(self.ReplyAsked(self.envelope))

    def action_resend(self) -> None:
        """Ask for it to be sent once more."""
        if self.envelope is not None:
            self.show_verdict("sending …")
            self.post_message(self.ResendAsked(self.envelope))

    def action_copy(self, what: Literal["payload", "command"]) -> None:
        """Put the payload, or the command that sends it, into the clipboard."""
        if self.envelope is None:
            return
        payload = bytes(self.envelope.packed.payload).decode(errors="replace")
        self.app.copy_to_clipboard(command_of(self.envelope) if what == "command" else payload)
        self.show_verdict(f"copied the {what}")

    def action_export(self) -> None:
        """Ask where to write the payload."""
        if self.envelope is None:
            return
        self.add_class("exporting")
        field = self.query_one("#export-path", Input)
        field.value = export_name(self.envelope)
        field.focus()

    @on(Input.Submitted, "#export-path")
    def _export(self, event: Input.Submitted) -> None:
        event.stop()
        path = Path(event.value.strip()).expanduser()
        if self.envelope is None or not event.value.strip():
            self._close_export()
            return
        try:
            with path.open("xb") as file:  # never over what is there
                file.write(bytes(self.envelope.packed.payload) + b"\n")
        except FileExistsError:
            self.show_verdict(f"✗ {path} exists and stays as it is: choose another name", is_bad=True)
        except (OSError, ValueError) as error:
            self.show_verdict(f"✗ cannot write {path}: {getattr(error, 'strerror', None) or error}", is_bad=True)
        else:
            self._close_export()
            self.show_verdict(f"✓ wrote {path.absolute()}")

    def _close_export(self) -> None:
        self.remove_class("exporting")
        self.query_one(PayloadView).focus()


def _folded_pieces(opening: JsonLine, closing: JsonLine) -> list[Piece]:
    word = "key" if closing.pieces[0].text == "}" else "item"
    count = f" {opening.children:,} {word}{'' if opening.children == 1 else 's'} "
    return [*opening.pieces, Piece("note", count), *closing.pieces]


def _wrap(pieces: list[Piece], room: int) -> list[list[Piece]]:
    """Return pieces on as many rows as they need, at most `WRAPPED_ROWS`; text is printable before it is counted."""
    rows: list[list[Piece]] = [[]]
    left = room
    for role, text in pieces:
        shown = printable(text[: WRAPPED_ROWS * room])
        while (len(shown) > left or cell_len(shown) > left) and len(rows) < WRAPPED_ROWS:
            if role != "string" or left < 8:  # noqa: PLR2004  # no use to begin here
                if not rows[-1]:
                    break
                rows.append([])
                left = room
                continue
            parts = chop_cells(shown[: left + 1], left)
            rows[-1].append(Piece(role, parts[0]))
            shown = shown[len(parts[0]) :]
            rows.append([])
            left = room
        rows[-1].append(Piece(role, shown))
        left -= cell_len(shown)
    return rows
