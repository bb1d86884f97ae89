"""The app: composes the panes, and is the only place where a widget and the client meet."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, cast
from uuid import UUID

import msgspec
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.widgets import Input, Static

from fugue_core.client import Client
from fugue_core.client.link import Opener
from fugue_core.errors import FugueError, InvalidFilter, SessionNotFound
from fugue_core.filter import Filter, parse_filter
from fugue_core.place import server_name, socket_path
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import Event, MessageSent
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import WireTarget, format_target
from fugue_tui.config import Config, Memory, remember
from fugue_tui.glyphs import AsciiOnly
from fugue_tui.keymap import bar_keys, check_keys
from fugue_tui.link import DaemonLink, LinkState
from fugue_tui.palette import DARK, Palette
from fugue_tui.screens.end_panel import EndPanel
from fugue_tui.screens.inspector import Inspector
from fugue_tui.screens.rename_panel import RenamePanel
from fugue_tui.screens.tag_editor import TagEditor
from fugue_tui.tag_edit import TagHistory
from fugue_tui.theme import PALETTES, next_palette, theme_of, variables_of
from fugue_tui.view import World
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.status_bar import RATES, StatusBar
from fugue_tui.widgets.workspace import COMPOSE_ROWS, PaneName, Workspace

FRAME_S = 1 / 30
"""Events are taken in as they come, and shown at most so often."""
LEAST_WIDTH, LEAST_HEIGHT = 40, 10
PANE_TITLES: dict[PaneName, str] = {"sessions": "sessions", "log": "messages", "compose": "compose"}


class FugueApp(App[None]):
    """fugue's screen. A client of the daemon like any other: it shows what events say, and asks for every change.

    Args of the constructor:
        opener: Where the daemon is; None: where the environment says, see `fugue_core.place`.
        server: What the server is called here; None: by its socket.
        config: What the user has set, see `config.read_config`.
    """

    CSS_PATH = "fugue.tcss"
    TITLE = "fugue"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("M", "compose", "write", show=False, id="app.compose"),
        Binding("question_mark,f1", "help", "help", key_display="?", id="app.help"),
        Binding("colon", "command_palette", "palette", show=False, id="app.palette"),
        Binding("T", "next_theme", "next theme", show=False, id="app.theme"),
        Binding("D", "demo", "watch the demo", show=False, id="app.demo"),
        Binding("f9", "reconnect", "reconnect now", show=False, id="app.reconnect"),
        Binding("q", "quit", "quit", id="app.quit"),
    ]

    def __init__(
        self, opener: Opener | None = None, *, server: str | None = None, config: Config | None = None
    ) -> None:
        super().__init__()
        self._config = config or Config()
        self._server = server or server_name(socket_path())
        self._ascii = AsciiOnly()
        self._keys, self._trouble = check_keys(self._config.keys)
        self._trouble += self._config.trouble
        self._link = DaemonLink(opener, self._take_events, self._show_link)
        self._filter = Filter()
        self._tag_history = TagHistory()
        self._is_stale = False
        self._sent_this_second = 0
        self._rates: deque[float] = deque(maxlen=RATES)
        self.wants_demo = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our colours under every theme; those of other themes keep what we do not name."""
        return variables_of(DARK)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every line goes through last."""
        filters = super().get_line_filters()
        return [*filters, self._ascii] if self._config.is_ascii else filters

    def compose(self) -> ComposeResult:
        """Return the panes."""
        log = MessageLog(id="log")
        field = Input(placeholder="from: to: tag: type: state: repo: text, ! negates", id="filter", compact=True)
        yield Workspace(SessionList(id="sessions"), [log, field], ComposePane(id="compose"), id="panes")
        yield Static(f"fugue needs {LEAST_WIDTH} x {LEAST_HEIGHT}", id="too-small")
        yield StatusBar(id="status")

    def on_mount(self) -> None:
        """Begin: colours, keys, timers, and the connection."""
        for palette in PALETTES.values():
            self.register_theme(theme_of(palette))
        self.set_keymap(self._keys)
        memory = self._config.memory
        wanted = [name for name in (memory.theme, self._config.screen.theme) if name in PALETTES]
        self.theme = wanted[0] if wanted else DARK.name
        self.theme_changed_signal.subscribe(self, lambda _: self._take_palette())
        self._take_palette()
        workspace = self.query_one(Workspace)
        workspace.sidebar = memory.sidebar
        workspace.compose_height = memory.compose_height or COMPOSE_ROWS
        self.query_one(StatusBar).server = self._server
        self.query_one(MessageLog).focus()
        for trouble in self._trouble:
            self.notify(trouble, title="config.toml", severity="warning", timeout=10, markup=False)
        self.set_interval(FRAME_S, self._show_what_changed)
        self.set_interval(1.0, self._pass_second)
        self.follow_daemon()

    # --------------------------------------------------------------------------------------------------- the daemon

    @work
    async def follow_daemon(self) -> None:
        """Be a session, and take in all that happens, for as long as the app runs."""
        await self._link.follow()

    @property
    def client(self) -> Client:
        """The connection. Raises `RuntimeError` before there is one; keys that need it come later."""
        return self._link.client

    @property
    def _world(self) -> World:
        return self._link.world

    @property
    def _human(self) -> SessionInfo | None:
        return self._link.human

    def _take_events(self, events: Sequence[Event]) -> None:
        """Note what has happened; it is shown with the next frame."""
        self._sent_this_second += sum(isinstance(event, MessageSent) for event in events)
        self._is_stale = True

    def _show_link(self) -> None:
        """Say how the connection is, and what to do where there is none."""
        if not self.is_running:
            return
        bar, state = self.query_one(StatusBar), self._link.state
        bar.is_up = state.kind == "up"
        bar.trouble = trouble_of(state, time.monotonic())

    def action_reconnect(self) -> None:
        """Try again at once; a daemon that does not run is started."""
        self._link.retry()

    # ------------------------------------------------------------------------------------------------- data goes down

    def _show_what_changed(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        you = self._human.id if self._human else None
        self.query_one(SessionList).roster = self._world.roster(you, time.time())
        log = self.query_one(MessageLog)
        log.total = self._world.message_count
        log.show(self._world.messages(self._filter))
        bar = self.query_one(StatusBar)
        bar.sessions = len(self._world.sessions)
        me = self._world.sessions.get(you) if you else None
        bar.unread = me.unread if me else 0
        if isinstance(self.screen, TagEditor):
            self.screen.refresh_from(self._world.sessions, self._world.known_tags())
        elif isinstance(self.screen, EndPanel):
            self.screen.refresh_from(self._world.sessions)

    def _pass_second(self) -> None:
        self._rates.append(float(self._sent_this_second))
        self._sent_this_second = 0
        self.query_one(StatusBar).rates = tuple(self._rates)
        self._is_stale = True  # ages grow
        self._show_link()  # and so does patience

    def _take_palette(self) -> None:
        for pane in (self.query_one(SessionList), self.query_one(MessageLog), self.query_one(StatusBar)):
            pane.palette = self.palette

    @property
    def palette(self) -> Palette:
        """The colours in use."""
        return PALETTES.get(self.theme, DARK)

    # ---------------------------------------------------------------------------------------------------- the panes

    def on_resize(self) -> None:
        """Lay the panes out for the size."""
        size = self.size
        is_enough = size.width >= LEAST_WIDTH and size.height >= LEAST_HEIGHT
        self.query_one("#too-small").display = not is_enough
        workspace = self.query_one(Workspace)
        workspace.display = self.query_one(StatusBar).display = is_enough
        workspace.fit(size)

    def on_descendant_focus(self) -> None:
        """Say which pane has the keys, and what they do."""
        nodes = [node for node in (self.focused.ancestors_with_self if self.focused else ()) if node.id in PANE_TITLES]
        bar = self.query_one(StatusBar)
        if not nodes:
            return
        pane = nodes[0]
        name = cast("PaneName", pane.id)
        bar.pane = PANE_TITLES[name]
        bar.keys = (*bar_keys(pane.BINDINGS, self._keys), *bar_keys(self.BINDINGS, self._keys))
        self.query_one(Workspace).bring(name)

    @on(Workspace.PaneShown)
    def focus_pane(self, event: Workspace.PaneShown) -> None:
        """Give the keys to the pane that has come to the front."""
        if event.pane == "compose":
            self.action_compose()
        else:
            self.query_one(f"#{event.pane}").focus()

    @on(Workspace.Resized)
    def keep_sizes(self) -> None:
        """Remember the sizes for next time."""
        self._remember()

    def action_next_theme(self) -> None:
        """Go on to the next theme, and keep it."""
        self.use_theme(next_palette(self.theme).name)

    def use_theme(self, name: str) -> None:
        """Change the colours, and keep them for next time."""
        self.theme = name
        self._remember()

    def _remember(self) -> None:
        workspace = self.query_one(Workspace)
        memory = Memory(theme=self.theme, sidebar=workspace.sidebar, compose_height=workspace.compose_height)
        remember(self._config.memory_path, memory)

    def action_demo(self) -> None:
        """Leave for the demo, which opens a screen of its own."""
        self.wants_demo = True
        self.exit()

    # ------------------------------------------------------------------------------------------------- messages go up

    @on(SessionList.TagsAsked)
    def edit_tags(self, event: SessionList.TagsAsked) -> None:
        """Open the tag editor."""
        self.push_screen(TagEditor(event.sessions, self._world.known_tags(), self.palette, self._tag_history))

    @on(TagEditor.Edited)
    @work
    async def change_tags(self, event: TagEditor.Edited) -> None:
        """Ask for a change of tags; the chips change when the daemon says so. What was done of it can be undone."""
        edit, editor, reason = event.edit, self.screen, ""
        done: list[UUID] = []
        try:
            for session in edit.sessions:
                await self.client.tag(add=edit.add, remove=edit.remove, session=session)
                done.append(session)
        except FugueError as error:
            reason = str(error)
        self._tag_history.confirm(edit, done, time.time())
        if isinstance(editor, TagEditor):
            editor.settle(edit, reason)

    @on(SessionList.RenameAsked)
    def open_rename(self, event: SessionList.RenameAsked) -> None:
        """Ask for another name."""
        self.push_screen(RenamePanel(event.sessions[0], self.palette))

    @on(RenamePanel.Entered)
    @work
    async def rename_session(self, event: RenamePanel.Entered) -> None:
        """Rename a session; a refusal keeps what was typed."""
        try:
            await self.client.rename(event.name, session=event.session)
        except FugueError as error:
            event.panel.show_refusal(str(error))
        else:
            event.panel.dismiss()

    @on(SessionList.EndAsked)
    def open_end(self, event: SessionList.EndAsked) -> None:
        """Ask whether sessions are to end."""
        self.push_screen(EndPanel(event.sessions, self.palette, you=self._human.id if self._human else None))

    @on(EndPanel.Confirmed)
    @work
    async def end_sessions(self, event: EndPanel.Confirmed) -> None:
        """End sessions one after the other; the panel stays where one is refused."""
        try:
            for session in event.sessions:
                with contextlib.suppress(SessionNotFound):  # it has ended by itself
                    await self.client.end(session)
        except FugueError as error:
            event.panel.show_refusal(str(error))
        else:
            event.panel.dismiss()

    @on(SessionList.WriteAsked)
    def write_to_session(self, event: SessionList.WriteAsked) -> None:
        """Compose to a session."""
        self._open_compose(format_target(event.target))

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
        pane = self._opened_compose()
        pane.write_to(target, reply_to=reply_to)

    def action_compose(self) -> None:
        """Open the compose pane as it was left."""
        self._opened_compose().query_one("#target").focus()

    def _opened_compose(self) -> ComposePane:
        pane, workspace = self.query_one(ComposePane), self.query_one(Workspace)
        pane.add_class("open")
        workspace.bring("compose")
        workspace.lay_out()
        return pane

    @on(ComposePane.Left)
    def leave_compose(self) -> None:
        """Close the compose pane; the draft stays in it."""
        self.query_one(ComposePane).remove_class("open")
        self.query_one(Workspace).lay_out()
        self.query_one(Workspace).action_show_pane("log")

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


def trouble_of(state: LinkState, now: float) -> str:
    """Return what the status bar says of a connection that there is not; empty while there is one."""
    retry_in_s = state.retry_in_s(now)
    when = "" if retry_in_s is None else f" in {retry_in_s} s"
    if state.kind == "lost":
        return f"reconnecting{when}, nothing typed is lost"
    if state.kind == "connecting" and state.reason:
        return f"no daemon; trying again{when or ' now'}, f9 at once"
    return ""
