"""Look into one message: its payload, what has become of every delivery, its thread, and the command that sends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Label

from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import MessageRecord
from fugue_tui.inspection import Thread, command_of, export_name
from fugue_tui.palette import DARK, Palette
from fugue_tui.widgets.command_view import CommandView, Verdict
from fugue_tui.widgets.delivery_list import DeliveryList
from fugue_tui.widgets.inspector_head import WIDE, InspectorHead, PartNames, head_rows
from fugue_tui.widgets.inspector_part import InspectorPart
from fugue_tui.widgets.payload_view import PayloadView
from fugue_tui.widgets.thread_list import ThreadList

Arrangement: TypeAlias = Literal["columns", "stack", "single"]
"""How the parts stand: in two columns, all below one another, or one at a time."""
COLUMNS_ROWS, STACK_ROWS = 18, 30
"""From so many rows on there is room for two columns, or for all parts below one another."""
DELIVERY_ROWS, COMMAND_ROWS = 12, 3


def arrangement_for(width: int, height: int) -> Arrangement:
    """Return how the parts stand in an inspector of this size."""
    if width >= WIDE and height >= COLUMNS_ROWS:
        return "columns"
    return "stack" if height >= STACK_ROWS else "single"


class Inspector(Vertical):
    """One message. Hidden, until it is shown one.

    Down: `show` for another message, `update_record` when its deliveries have changed, `show_thread`, `show_verdict`;
    assign `is_below`: whether it stands below something, and `fugue`: how a shell reaches the server. Up: `Closed`,
    `InspectorPart.Stepped`, `ThreadList.Chosen`, `ReplyAsked`, `ResendAsked`. What is exported it writes itself.
    """

    DEFAULT_CSS = """
    Inspector { display: none; height: 1fr; }
    Inspector.open { display: block; }
    Inspector #inspector-body { height: 1fr; }
    Inspector PartNames { height: 1; }
    Inspector PayloadView { width: 1fr; height: 1fr; }
    Inspector #inspector-side { width: 1fr; height: 1fr; }
    Inspector ThreadList { height: 1fr; }
    Inspector #export { display: none; height: 1; background: $panel; }
    Inspector.exporting #export { display: block; }
    Inspector #export > Label { padding: 0 2; }
    Inspector #export-path { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    Inspector.stack #inspector-body, Inspector.single #inspector-body { layout: vertical; }
    Inspector.stack #inspector-side { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reply", "reply", id="inspector.reply"),
        Binding("S", "resend", "resend", id="inspector.resend"),
        Binding("y", "copy('payload')", "copy payload", id="inspector.copy_payload"),
        Binding("c", "copy('command')", "copy command", id="inspector.copy_command"),
        Binding("e", "export", "export", id="inspector.export"),
        Binding("tab", "turn", "next part", show=False, id="inspector.turn"),
        Binding("escape,q", "close", "close", show=False, key_display="esc", id="inspector.close"),
    ]

    palette: reactive[Palette] = reactive(DARK, init=False)
    is_below: reactive[bool] = reactive(default=False, init=False)

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
        self.fugue: Sequence[str] = ("fugue",)
        self._record: MessageRecord | None = None
        self._head, self._names, self._verdict = InspectorHead(), PartNames(), Verdict()
        self._payload, self._deliveries = PayloadView(id="payload"), DeliveryList(id="deliveries")
        self._thread, self._command = ThreadList(id="thread"), CommandView(id="command")
        self._parts: tuple[InspectorPart, ...] = (self._payload, self._deliveries, self._thread, self._command)
        self._side = Vertical(self._deliveries, self._thread, id="inspector-side")
        self._body = Horizontal(self._payload, self._side, id="inspector-body")
        self.front: InspectorPart = self._payload
        self._names.names = tuple("command" if part is self._command else part.NAME for part in self._parts)

    def compose(self) -> ComposeResult:
        """Return the parts."""
        yield self._head
        yield self._names
        yield self._body
        yield self._command
        yield self._verdict
        with Horizontal(id="export"):
            yield Label("write the payload to")
            yield Input(placeholder="a file", compact=True, id="export-path")

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
        self._head.envelope, self._head.repo = envelope, repo
        if is_other or not was_open:
            self._head.reply_words = "" if envelope.reply_to is None else str(envelope.reply_to)
            self._payload.show(bytes(envelope.packed.payload))
            self._command.command = command_of(envelope, self.fugue)
            self.show_verdict("")
            self._thread.show(Thread((envelope,)), envelope.id)
        self.update_record(record, connected)
        if not was_open:
            self._bring(self._payload)

    def update_record(self, record: MessageRecord, connected: frozenset[UUID]) -> None:
        """Show what has become of the deliveries; a record of another message is dropped."""
        if self.envelope is None or record.envelope.id != self.envelope.id:
            return
        self._record = record
        self._deliveries.show(record, connected, time.time())
        self._share_rows()

    def show_thread(self, thread: Thread) -> None:
        """Show the thread, if it is this message's."""
        envelope = self.envelope
        if envelope is None or all(known.id != envelope.id for known in thread.envelopes):
            return
        self._thread.show(thread, envelope.id)
        self._share_rows()
        parent = next((known for known in thread.envelopes if known.id == envelope.reply_to), None)
        if parent is not None:
            self._head.reply_words = f"{parent.seq:,}  {parent.packed.msg_type} by {parent.sender.name}"

    def show_verdict(self, text: str, *, is_bad: bool = False) -> None:
        """Say what came of a resend, a copy or an export."""
        self._verdict.text, self._verdict.is_bad = text, is_bad

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        for part in self._parts:
            part.palette = self.palette
        self._head.palette = self._names.palette = self._verdict.palette = self.palette

    # ------------------------------------------------------------------------------------------------- who has room

    def on_resize(self) -> None:
        """Arrange the parts for the room that there is."""
        self._arrange()

    def watch_is_below(self) -> None:
        """Draw a rule to what is above, or none."""
        self._arrange()

    def _arrange(self) -> None:
        width, height = self.size
        arrangement, front = arrangement_for(width, height), self.front
        is_single = arrangement == "single"
        for name in get_args(Arrangement):
            self.set_class(name == arrangement, name)
        self._head.rows = head_rows(width, height, is_below=self.is_below)
        self._names.display = is_single
        self._body.display = not is_single or front is not self._command
        self._side.display = not is_single or front in {self._deliveries, self._thread}
        for place, part in enumerate(self._parts):
            part.display = not is_single or part is front
            part.is_named = not is_single
            if part is front:
                self._names.current = place
        self._share_rows()

    @on(CommandView.Rewrapped)
    @on(DeliveryList.Folded)
    def _share_rows_anew(self, event: Message) -> None:
        event.stop()
        self._share_rows()

    def _share_rows(self) -> None:
        """Give deliveries, thread and command what they need, as far as the payload keeps its part."""
        height = self.size.height
        deliveries = self._deliveries.heading_rows + min(max(1, self._deliveries.count), DELIVERY_ROWS) + 1
        thread = self._thread.heading_rows + self._thread.foot_rows + max(1, self._thread.count) + 1
        command = self._command.heading_rows + max(1, min(self._command.count, COMMAND_ROWS if height >= 24 else 1))  # noqa: PLR2004  # few
        shares: tuple[int | None, int | None, int | None] = (None, None, None)
        match arrangement_for(self.size.width, height):
            case "columns":
                shares = (min(deliveries, max(4, (height - 8) // 2 + 2)), None, command)
            case "stack":
                shares = (min(deliveries, height // 4), min(thread, height // 4), command)
            case "single":
                pass  # the one has it all
        for part, rows in zip(self._parts[1:], shares, strict=True):
            known = part.styles.height
            wanted = "1fr" if rows is None else str(rows)
            if known is None or str(known) != wanted:
                part.styles.height = wanted

    def _bring(self, part: InspectorPart) -> None:
        """Let a part have the keys; where one is seen at a time, it is the one."""
        self.front = part
        self._arrange()
        part.focus()

    def on_descendant_focus(self) -> None:
        """Show that keys go here."""
        self._head.is_active = self._names.is_active = True
        self.front = next((part for part in self._parts if part.has_focus), self.front)

    def on_descendant_blur(self) -> None:
        """Show that they do not."""
        self._head.is_active = self._names.is_active = self.has_focus_within

    @on(PartNames.Chosen)
    def _choose_part(self, event: PartNames.Chosen) -> None:
        event.stop()
        self._bring(self._parts[event.place])

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
        parts = self._parts
        self._bring(parts[(parts.index(self.front) + 1) % len(parts)])

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
        command = command_of(self.envelope, self.fugue)
        self.app.copy_to_clipboard(command if what == "command" else payload)
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
        self.front.focus()
