"""Look into one message: its payload, and what has become of every delivery."""

from __future__ import annotations

import json
import shlex
from typing import ClassVar

from rich.syntax import Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from fugue_core.errors import InvalidPayload
from fugue_core.printable import printable
from fugue_core.protocol.envelope import DeliveryInfo, Envelope
from fugue_core.protocol.requests import MessageRecord
from fugue_core.protocol.target import format_target
from fugue_tui.palette import Palette, name_colour
from fugue_tui.view import clock_time

SHOWN_CHARS = 200_000


class Inspector(ModalScreen[None]):
    """One message.

    Down: the record, at the beginning; `show` when it has changed. Up: `Inspector.ReplyAsked`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "app.pop_screen", "close", key_display="esc", id="inspector.close"),
        Binding("r", "reply", "reply", id="inspector.reply"),
        Binding("y", "copy('payload')", "copy payload", id="inspector.copy_payload"),
        Binding("c", "copy('command')", "copy command", id="inspector.copy_command"),
    ]

    class ReplyAsked(Message):
        """The user wants to answer this message."""

        def __init__(self, envelope: Envelope) -> None:
            super().__init__()
            self.envelope = envelope

    def __init__(self, record: MessageRecord, palette: Palette) -> None:
        super().__init__()
        self._record = record
        self._palette = palette

    def compose(self) -> ComposeResult:
        """Return the panel."""
        with Vertical(id="inspector-panel"):
            yield Label("", id="inspector-title")
            with Horizontal():
                with VerticalScroll(id="inspector-payload"):
                    yield Static("", id="payload-text")
                with VerticalScroll(id="inspector-deliveries"):
                    yield Static("", id="deliveries-text")
            yield Static("", id="inspector-command")
            yield Label("r reply   y copy payload   c copy command   esc close", id="inspector-keys")

    def on_mount(self) -> None:
        """Show it."""
        self.show(self._record)

    def show(self, record: MessageRecord) -> None:
        """Show a record."""
        self._record = record
        envelope = record.envelope
        sender, target = printable(envelope.sender.name), printable(format_target(envelope.target))
        kind = printable(envelope.packed.msg_type)
        title = f"{kind}   {sender} → {target}   {clock_time(envelope.sent_at)}   {envelope.id}"
        self.query_one("#inspector-title", Label).update(Content(title))
        theme = "ansi_dark" if self._palette.is_dark else "ansi_light"
        text = printable_lines(pretty(envelope))
        self.query_one("#payload-text", Static).update(Syntax(text, "json", theme=theme, background_color="default"))
        lines = Text()
        for delivery in record.deliveries:
            lines.append_text(self._delivery(delivery)).append("\n")
        self.query_one("#deliveries-text", Static).update(lines if record.deliveries else Content("it met nobody"))
        self.query_one("#inspector-command", Static).update(Content(printable(command_of(envelope))))

    def _delivery(self, delivery: DeliveryInfo) -> Text:
        palette, name = self._palette, delivery.recipient.name
        colour = {"acked": palette.ok, "dead": palette.bad, "expired": palette.bad}.get(delivery.state, palette.wait)
        line = Text(printable(name).ljust(14), name_colour(name, palette))
        line.append(f" {delivery.state}", colour)
        if delivery.reason:
            line.append(f" ({printable(delivery.reason)})", palette.muted)
        for word, at in (("handed", delivery.handed_at), ("ended", delivery.ended_at)):
            if at is not None:
                line.append(f"  {word} {clock_time(at)}", palette.muted)
        return line

    def action_reply(self) -> None:
        """Ask for the compose pane."""
        self.post_message(self.ReplyAsked(self._record.envelope))

    def action_copy(self, what: str) -> None:
        """Put the payload, or the command that sends it, into the clipboard."""
        envelope = self._record.envelope
        text = command_of(envelope) if what == "command" else bytes(envelope.packed.payload).decode()
        self.app.copy_to_clipboard(text)
        self.notify(f"copied the {what}", markup=False)


def pretty(envelope: Envelope) -> str:
    """Return the payload laid out; as it came, where Python cannot hold it or it is too long to be read."""
    raw = bytes(envelope.packed.payload).decode()
    if len(raw) > SHOWN_CHARS:
        return f"{raw[:SHOWN_CHARS]}\n... {len(raw):,} characters"
    try:
        return json.dumps(envelope.message.payload, indent=2, ensure_ascii=False)
    except (InvalidPayload, RecursionError):
        return raw


def printable_lines(text: str) -> str:
    """Return text of several lines with nothing in it that a terminal obeys."""
    return "\n".join(printable(line) for line in text.split("\n"))


def command_of(envelope: Envelope) -> str:
    """Return the command that sends the same message."""
    payload = bytes(envelope.packed.payload).decode()
    words = ["fugue", "send", format_target(envelope.target), envelope.packed.msg_type, payload]
    return shlex.join(words)
