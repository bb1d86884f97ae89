"""The app: composes the panes, and is the only place where a widget and the client meet."""

from __future__ import annotations

import contextlib
import getpass
import os
import time
from collections import deque
from typing import ClassVar
from uuid import UUID

import msgspec
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import Input

from fugue_core.client import Client, connect
from fugue_core.client.link import Opener
from fugue_core.errors import FugueError, InvalidFilter
from fugue_core.filter import Filter, parse_filter
from fugue_core.place import server_name, socket_path
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import MessageSent, Resync
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import WireTarget
from fugue_tui.palette import DARK, LIGHT, Palette
from fugue_tui.screens.inspector import Inspector
from fugue_tui.screens.tag_editor import TagEdit, TagEditor
from fugue_tui.view import World
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.status_bar import RATES, StatusBar

FRAME_S = 1 / 30
"""Events are taken in as they come, and shown at most so often."""
HISTORY_MESSAGES = 500
NARROW, STACKED = 120, 80
"""Below so many cells the sidebar is narrow; below so many there is one pane at a time."""
PALETTES = {palette.name: palette for palette in (DARK, LIGHT)}


class FugueApp(App[None]):
    """fugue's screen. A client of the daemon like any other: it shows what events say, and asks for every change."""

    CSS_PATH = "fugue.tcss"
    TITLE = "fugue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit", id="app.quit"),
        Binding("tab", "app.focus_next", "next pane", show=False, id="app.next_pane"),
        Binding("M", "compose", "write", show=False, id="app.compose"),
        Binding("question_mark,f1", "show_help_panel", "help", key_display="?", id="app.help"),
        Binding("colon", "command_palette", "palette", show=False, id="app.palette"),
    ]

    def __init__(self, opener: Opener | None = None, *, server: str | None = None) -> None:
        super().__init__()
        self._opener = opener
        self._server = server or server_name(socket_path())
        self._client: Client | None = None
        self._human: SessionInfo | None = None
        self._world = World()
        self._filter = Filter()
        self._marked: frozenset[UUID] = frozenset()
        self._is_stale = False
        self._sent_this_second = 0
        self._rates: deque[float] = deque(maxlen=RATES)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our colours under every theme; those of other themes keep what we do not name."""
        return variables_of(DARK)

    def compose(self) -> ComposeResult:
        """Return the panes."""
        with Horizontal(id="panes"):
            yield SessionList(id="sessions")
            with Vertical(id="main"):
                yield MessageLog(id="log")
                yield Input(placeholder="from: to: tag: type: state: repo: text, ! negates", id="filter", compact=True)
                yield ComposePane(id="compose")
        yield StatusBar(id="status")

    def on_mount(self) -> None:
        """Begin: colours, timers, and the connection."""
        for palette in PALETTES.values():
            self.register_theme(theme_of(palette))
        self.theme = DARK.name
        self.theme_changed_signal.subscribe(self, lambda theme: self._take_palette(PALETTES.get(theme.name, DARK)))
        self._take_palette(DARK)
        self.query_one(MessageLog).focus()
        self.set_interval(FRAME_S, self._show_what_changed)
        self.set_interval(1.0, self._count_rate)
        self.follow_daemon()

    # --------------------------------------------------------------------------------------------------- the daemon

    @work
    async def follow_daemon(self) -> None:
        """Be a session, and take in all that happens, for as long as the app runs."""
        try:
            async with connect(self._opener, name="fugue-tui") as client:
                self._client = client
                self._human = await self._join(client)
                subscription = await client.subscribe()
                while True:
                    for event in await subscription.next_batch():
                        self._world.apply(event)
                        self._sent_this_second += isinstance(event, MessageSent)
                        if isinstance(event, Resync):
                            page = await client.list_messages(limit=HISTORY_MESSAGES)
                            self._world.add_history(page.entries)
                    self._is_stale = True
        except FugueError as error:
            self.query_one(StatusBar).trouble = str(error)

    async def _join(self, client: Client) -> SessionInfo:
        """Be the human's session: the one that this shell speaks for, or one named after the user."""
        if client.session is not None:
            return client.session
        name = getpass.getuser()
        with contextlib.suppress(FugueError):
            return await client.join(name, tags=["human"], directory=os.getcwd(), resume=True)
        return await client.join(tags=["human"], directory=os.getcwd())

    @property
    def client(self) -> Client:
        """The connection. Raises `RuntimeError` before there is one; keys that need it come later."""
        if self._client is None:
            raise RuntimeError("not connected yet")
        return self._client

    # ------------------------------------------------------------------------------------------------- data goes down

    def _show_what_changed(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        you = self._human.id if self._human else None
        sessions = self.query_one(SessionList)
        sessions.rows = tuple(self._world.session_rows(Filter(), self._marked, you, time.time()))
        log = self.query_one(MessageLog)
        log.total = self._world.message_count
        log.show(self._world.messages(self._filter))
        bar = self.query_one(StatusBar)
        bar.server, bar.sessions = self._server, len(self._world.sessions)
        me = self._world.sessions.get(you) if you else None
        bar.unread = me.unread if me else 0
        editor = self.screen
        if isinstance(editor, TagEditor):
            editor.refresh_from(self._world.sessions, self._world.tag_counts())

    def _count_rate(self) -> None:
        self._rates.append(float(self._sent_this_second))
        self._sent_this_second = 0
        self.query_one(StatusBar).rates = tuple(self._rates)
        self._is_stale = True  # ages grow

    def _take_palette(self, palette: Palette) -> None:
        for pane in (self.query_one(SessionList), self.query_one(MessageLog), self.query_one(StatusBar)):
            pane.palette = palette

    @property
    def palette(self) -> Palette:
        """The colours in use."""
        return PALETTES.get(self.theme, DARK)

    def on_resize(self) -> None:
        """Lay the panes out for the width."""
        width = self.size.width
        self.screen_stack[0].set_class(width < NARROW, "narrow")
        self.screen_stack[0].set_class(width < STACKED, "stacked")

    def on_descendant_focus(self) -> None:
        """Say which pane has the keys, and what they do."""
        focused = self.focused
        pane = (
            next((node for node in focused.ancestors_with_self if isinstance(node, PANES)), None) if focused else None
        )
        bar = self.query_one(StatusBar)
        bar.pane = (
            {"sessions": "sessions", "log": "messages", "compose": "compose"}.get(pane.id or "", "") if pane else ""
        )
        self.screen_stack[0].set_class(isinstance(pane, SessionList), "sessions-shown")
        bar.keys = keys_of(pane)

    # ------------------------------------------------------------------------------------------------- messages go up

    @on(SessionList.Marked)
    def mark(self, event: SessionList.Marked) -> None:
        """Mark a session, or take marks away."""
        self._marked = frozenset() if event.session is None else self._marked ^ {event.session}
        self._is_stale = True

    @on(SessionList.TagsAsked)
    def edit_tags(self, event: SessionList.TagsAsked) -> None:
        """Open the tag editor for the marked sessions, or for this one."""
        marked = [info for info in self._world.sessions.values() if info.id in self._marked]
        self.push_screen(TagEditor(marked or [event.session], self._world.tag_counts(), self.palette))

    @on(TagEditor.Edited)
    @work
    async def change_tags(self, event: TagEditor.Edited) -> None:
        """Ask for a change of tags; the chips change when the daemon says so."""
        edit: TagEdit = event.edit
        editor = self.screen
        try:
            for session in edit.sessions:
                await self.client.tag(add=edit.add, remove=edit.remove, session=session)
        except FugueError as error:
            if isinstance(editor, TagEditor):
                editor.show_refusal(str(error))
        else:
            if isinstance(editor, TagEditor):
                editor.confirm(edit)

    @on(SessionList.WriteAsked)
    def write_to_session(self, event: SessionList.WriteAsked) -> None:
        """Compose to a session."""
        self._open_compose(f"session:{event.session.name}")

    @on(MessageLog.ReplyAsked)
    def reply_to_row(self, event: MessageLog.ReplyAsked) -> None:
        """Compose an answer."""
        self._reply(event.row.envelope)

    @on(Inspector.ReplyAsked)
    def reply_to_inspected(self, event: Inspector.ReplyAsked) -> None:
        """Compose an answer."""
        self.pop_screen()
        self._reply(event.envelope)

    def _reply(self, envelope: Envelope) -> None:
        self._open_compose(f"session:{envelope.sender.name}", reply_to=str(envelope.id))

    def _open_compose(self, target: str, reply_to: str = "") -> None:
        pane = self.query_one(ComposePane)
        pane.add_class("open")
        pane.write_to(target, reply_to=reply_to)

    def action_compose(self) -> None:
        """Open the compose pane as it was left."""
        pane = self.query_one(ComposePane)
        pane.add_class("open")
        pane.query_one("#target").focus()

    @on(ComposePane.Left)
    def leave_compose(self) -> None:
        """Close the compose pane; the draft stays in it."""
        self.query_one(ComposePane).remove_class("open")
        self.query_one(MessageLog).focus()

    @on(ComposePane.TargetChanged)
    @work(exclusive=True, group="resolve")
    async def show_recipients(self, event: ComposePane.TargetChanged) -> None:
        """Say who would receive what is being written."""
        target: WireTarget | None = event.target
        if target is None:
            return
        pane = self.query_one(ComposePane)
        try:
            pane.show_recipients(await self.client.resolve(target))
        except FugueError as error:
            pane.show_nobody(str(error))

    @on(ComposePane.Submitted)
    @work
    async def send_message(self, event: ComposePane.Submitted) -> None:
        """Send what was written; keep the text when the daemon refuses it."""
        draft, pane = event.draft, self.query_one(ComposePane)
        message = OrchestrationMessage(draft.msg_type, msgspec.Raw(draft.read_payload()))
        reply_to = UUID(draft.reply_to) if draft.reply_to else None
        try:
            receipt = await self.client.send(draft.read_target(), message, reply_to=reply_to)
        except FugueError as error:
            pane.show_verdict(f"✗ {error}", is_bad=True)
        else:
            pane.clear(draft)
            pane.show_verdict(f"✓ sent to {len(receipt.recipients)}")

    @on(MessageLog.Opened)
    @work
    async def inspect(self, event: MessageLog.Opened) -> None:
        """Look into a message."""
        try:
            record = await self.client.get_message(event.row.envelope.id)
        except FugueError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            await self.push_screen(Inspector(record, self.palette))

    @on(MessageLog.FilterAsked)
    def open_filter(self) -> None:
        """Open the filter's field."""
        field = self.query_one("#filter", Input)
        field.add_class("open")
        field.focus()

    @on(Input.Changed, "#filter")
    def filter_log(self, event: Input.Changed) -> None:
        """Filter while typing; what cannot be read yet changes nothing."""
        with contextlib.suppress(InvalidFilter):
            self._filter = parse_filter(event.value)
            self.query_one(MessageLog).filter_text = event.value.strip()
            self._is_stale = True

    @on(Input.Submitted, "#filter")
    def close_filter(self, event: Input.Submitted) -> None:
        """Go back to the log with the filter on."""
        event.input.remove_class("open")
        self.query_one(MessageLog).focus()


PANES = (SessionList, MessageLog, ComposePane)


def keys_of(pane: Widget | None) -> tuple[tuple[str, str], ...]:
    """Return the keys that are worth showing for a pane, with a word for each."""
    bindings = [] if pane is None else [binding for binding in pane.BINDINGS if isinstance(binding, Binding)]
    shown = [(key_name(binding), binding.description) for binding in bindings if binding.show]
    return (*shown, ("M", "write"), ("?", "help"), ("q", "quit"))


def key_name(binding: Binding) -> str:
    """Return how a key is written in the status bar."""
    return binding.key_display or binding.key.partition(",")[0]


def theme_of(palette: Palette) -> Theme:
    """Return Textual's theme for a palette; the style sheet uses its variables."""
    return Theme(
        name=palette.name,
        primary=palette.accent,
        secondary=palette.accent,
        accent=palette.accent,
        foreground=palette.text,
        background=palette.pane,
        surface=palette.sidebar,
        panel=palette.raised,
        success=palette.ok,
        warning=palette.wait,
        error=palette.bad,
        dark=palette.is_dark,
        variables=variables_of(palette),
    )


def variables_of(palette: Palette) -> dict[str, str]:
    """Return the colours by the names that the style sheet uses."""
    return {
        "pane": palette.pane,
        "sidebar": palette.sidebar,
        "raised": palette.raised,
        "rule": palette.rule,
        "text-ink": palette.text,
        "muted-ink": palette.muted,
        "faint-ink": palette.faint,
        "accent-ink": palette.accent,
        "ok-ink": palette.ok,
        "bad-ink": palette.bad,
        "bad-fill": palette.bad_fill,
    }
