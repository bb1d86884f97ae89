"""The log, the bar below it, and the inspector that takes most of its place or a half: what they are to each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import MessageRecord
from fugue_tui.inspection import Thread
from fugue_tui.palette import DARK, Palette
from fugue_tui.view import World
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.inspector_head import WIDE
from fugue_tui.widgets.inspector_part import InspectorPart
from fugue_tui.widgets.log_bar import LogBar
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.thread_list import ThreadList

TALL = 26
"""From this height on the log stays in sight above the inspector."""
LOG_ROWS = 7
BESIDE = 114
"""From this width on, that of a screen of more than 160, the inspector stands at the right of the log."""
BESIDE_SHARE = 0.55
AGE_S = 1.0
"""What waits is looked at again so often, since it says for how long."""


class MessagePane(Vertical):
    """All about messages. It answers what its parts ask of each other; the rest goes up.

    Down: `show` whenever something may have come, `palette`, and the answers to what it asks: `take_record`,
    `take_thread`. Up: `RecordAsked`, `ThreadAsked`, and what the log, the bar and the inspector post.
    """

    DEFAULT_CSS = """
    MessagePane { height: 1fr; }
    MessagePane MessageLog { height: 1fr; }
    MessagePane.beside { layout: horizontal; }
    MessagePane.beside #log-side { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = []

    palette: reactive[Palette] = reactive(DARK, init=False)

    @dataclass
    class RecordAsked(Message):
        """A message is looked into; answer with `take_record` or `refuse_record`."""

        message_pane: MessagePane
        message_id: UUID

    @dataclass
    class ThreadAsked(Message):
        """What is around the message? Answer with `take_thread` or `refuse_record`."""

        message_pane: MessagePane
        envelope: Envelope

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.messages = MessageLog(id="log")
        self.inspector = Inspector(id="inspector")
        self._bar = LogBar(id="log-bar")
        self._log_side = Vertical(self.messages, id="log-side")
        self._world = World()
        self._wanted: UUID | None = None
        self._seen_version = -1
        self._seen_at = 0.0
        self._is_asking = False
        self._thread: frozenset[UUID] = frozenset()
        self._thread_of: UUID | None = None
        self._appended = 0
        self._followed_at: UUID | None = None

    def compose(self) -> ComposeResult:
        """Return the part that is seen at first."""
        yield self._log_side

    async def mount_rest(self) -> None:
        """Add the parts that are hidden at first; until then there is nothing to be done here."""
        await self._log_side.mount(self._bar)
        await self.mount(self.inspector)

    @property
    def front(self) -> Widget:
        """The part that the keys are for: one of the inspector's while it is open, else the log."""
        return self.inspector.front if self.inspector.is_open else self.messages

    # ---------------------------------------------------------------------------------------------------- data comes

    def show(self, world: World) -> None:
        """Show what has come since."""
        self._world = world
        self.messages.show(world)
        news, self._appended = world.news_since(self._appended), world.appended
        if not self.inspector.is_open or self._wanted is None:
            return
        if not self._is_asking and self._has_changed():
            self._ask(self._wanted)
        if self.inspector.envelope and any(row.envelope.reply_to in self._thread for row in news):
            self.post_message(self.ThreadAsked(self, self.inspector.envelope))

    def _has_changed(self) -> bool:
        row = self.messages.selected
        if row is not None and row.envelope.id == self._wanted and row.version != self._seen_version:
            return True
        return self.inspector.is_open_ended and time.monotonic() - self._seen_at >= AGE_S

    def take_record(self, record: MessageRecord) -> None:
        """Show a message that was asked for."""
        self._is_asking = False
        if record.envelope.id != self._wanted:
            return
        self._seen_at = time.monotonic()
        sender = self._world.sessions.get(record.envelope.sender.id)
        connected = frozenset(info.id for info in self._world.sessions.values() if info.attached_clients)
        self.inspector.show(record, sender.repo if sender else None, connected)
        self._share_rows()
        if record.envelope.id != self._thread_of:
            self._thread_of, self._thread = record.envelope.id, frozenset([record.envelope.id])
            self.post_message(self.ThreadAsked(self, record.envelope))

    def take_thread(self, thread: Thread) -> None:
        """Show the replies around it."""
        self._thread = frozenset(known.id for known in thread.envelopes)
        self.inspector.show_thread(thread)

    def refuse_record(self, reason: str) -> None:
        """Say why a message cannot be had."""
        self._is_asking = False
        if self.inspector.is_open:
            self.inspector.show_verdict(f"✗ {reason}", is_bad=True)
        else:
            self.messages.note = reason
            self._follow_again()

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        self.messages.palette = self.inspector.palette = self.palette

    def on_resize(self) -> None:
        """Share the room anew."""
        self._share_rows()

    def _share_rows(self) -> None:
        """Put the inspector at the right of the log or below a few rows of it; in a small pane over all of it."""
        messages, is_open, (width, height) = self.messages, self.inspector.is_open, self.size
        is_beside = is_open and width >= BESIDE
        is_below = is_open and not is_beside and width >= WIDE and height >= TALL
        self.set_class(is_beside, "beside")
        self.inspector.is_below = is_below
        self.inspector.styles.width = int(width * BESIDE_SHARE) if is_beside else "1fr"
        self._log_side.styles.height = "auto" if is_open and not is_beside else "1fr"
        messages.display = is_below or is_beside or not is_open
        messages.styles.height = LOG_ROWS + messages.heading_rows if is_below else "1fr"

    # ------------------------------------------------------------------------------------------ between the parts

    def _ask(self, message_id: UUID) -> None:
        row = self.messages.selected
        self._wanted, self._is_asking = message_id, True
        self._seen_version = row.version if row is not None and row.envelope.id == message_id else -1
        self.post_message(self.RecordAsked(self, message_id))

    @on(MessageLog.Opened)
    def _open(self, event: MessageLog.Opened) -> None:
        event.stop()
        if not self.inspector.is_open:
            self._followed_at = event.row.envelope.id if self.messages.is_following else None
        self.messages.is_following = False
        self._ask(event.row.envelope.id)

    def _follow_again(self) -> None:
        """Let the log follow where it did before a message was looked into, unless the cursor was moved since."""
        row, followed_at, self._followed_at = self.messages.selected, self._followed_at, None
        if row is not None and row.envelope.id == followed_at and not self.messages.is_following:
            self._tell_log(self.messages.action_follow)

    @on(MessageLog.Stepped)
    def _follow_cursor(self, event: MessageLog.Stepped) -> None:
        event.stop()
        if self.inspector.is_open:
            self.messages.is_following = False
            self._ask(event.row.envelope.id)

    def _tell_log(self, do: Callable[..., None], *arguments: object) -> None:
        """Let the log do something in its own turn: what it posted in ours would bubble no further than to here."""
        self.messages.call_later(do, *arguments)

    @on(InspectorPart.Stepped)
    def _step(self, event: InspectorPart.Stepped) -> None:
        event.stop()
        self._tell_log(self.messages.action_move, event.step)

    @on(ThreadList.Chosen)
    def _choose(self, event: ThreadList.Chosen) -> None:
        event.stop()
        self._ask(event.envelope.id)

    @on(Inspector.Closed)
    def _close_inspector(self) -> None:
        self._wanted = self._thread_of = None
        self._share_rows()
        self.messages.focus()
        self._follow_again()

    @on(MessageLog.BarAsked)
    def _open_bar(self, event: MessageLog.BarAsked) -> None:
        event.stop()
        text = {"filter": self.messages.filter_text, "search": self.messages.search_text}.get(event.purpose, "")
        self._bar.open(event.purpose, text)

    @on(LogBar.FilterChanged)
    def _filter(self, event: LogBar.FilterChanged) -> None:
        event.stop()
        self._tell_log(self.messages.set_filter, event.wanted, event.text)

    @on(LogBar.SearchGiven)
    def _search(self, event: LogBar.SearchGiven) -> None:
        event.stop()
        self._tell_log(self.messages.set_search, event.wanted, event.text)

    @on(LogBar.Closed)
    def _close_bar(self, event: LogBar.Closed) -> None:
        event.stop()
        self.messages.focus()
