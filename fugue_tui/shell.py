"""The frame of the screen: the panes' places, the connection, colours, keys, help and the command palette."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from textual import events, on, work
from textual.actions import parse
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from fugue_core.client import Client
from fugue_core.client.link import Opener
from fugue_core.place import server_name, server_options, socket_path
from fugue_core.protocol.events import Event
from fugue_core.protocol.session import SessionInfo
from fugue_tui import screens
from fugue_tui.config import Config, Memory, remember
from fugue_tui.driver import TerminalDriver
from fugue_tui.eightbit import EightBit
from fugue_tui.glyphs import AsciiOnly
from fugue_tui.keymap import (
    NOT_LISTED,
    PREFIX,
    KeyRow,
    bar_keys,
    check_keys,
    check_prefix,
    fugue_classes,
    key_name,
    key_of,
    key_rows,
    own_bindings,
    title_of,
    told,
    with_keys,
)
from fugue_tui.line import fit
from fugue_tui.link import DaemonLink, LinkState
from fugue_tui.palette import ANSI, DARK, Palette
from fugue_tui.roster import short_count
from fugue_tui.screens.overlay import Overlay
from fugue_tui.theme import PALETTES, next_palette, theme_of, variables_of
from fugue_tui.turnstile import Turnstile
from fugue_tui.view import World
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.log_bar import LogBar
from fugue_tui.widgets.message_pane import MessagePane
from fugue_tui.widgets.row_list import TIGHT
from fugue_tui.widgets.scrollback import Scrollback
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.start_page import WAYS, StartPage, Way
from fugue_tui.widgets.status_bar import KEYS_MOST, RATES, StatusBar
from fugue_tui.widgets.terminal_pane import TerminalPane
from fugue_tui.widgets.workspace import PaneName, Workspace

FRAME_S = 1 / 30
"""Events are taken in as they come, and shown at most so often."""
DEMO_SERVER = "demo"
NOTICE_CELLS = 300
"""Of what a toast says: two rows of a wide screen."""
LEAST_WIDTH, LEAST_HEIGHT = 40, 10
PANE_TITLES: dict[PaneName, str] = {
    "sessions": "sessions",
    "log": "messages",
    "compose": "compose",
    "terminal": "terminal",
}
OVER_PANELS = frozenset({"app.theme", "app.reconnect", "app.quit"})
"""Of the actions that hold everywhere, those that make sense while a panel is open."""
INNER_TITLES: dict[str, tuple[PaneName, str]] = {
    "inspector": ("log", "message"),
    "log-bar": ("log", "messages"),
    "scrollback": ("terminal", "scrollback"),
}
"""Parts of a pane that have keys of their own."""
FIELD_HINTS = {
    "sessions": (("sessions.leave", "clear"), ("enter", "keep")),
    "inspector": (("inspector.close", "back"), ("enter", "write")),
    "scrollback": (("scrollback.leave", "back"), ("enter", "find")),
}
"""What the keys do in the field of a pane, or of a part of one; the way out comes first."""


class Shell(Turnstile):
    """The frame around the panes. What the panes ask for is done by `app.FugueApp`.

    Args of the constructor:
        opener: Where the daemon is; None: where the environment says, see `fugue_core.place`.
        server: What the server is called here; None: by its socket.
        config: What the user has set, see `config.read_config`.

    Attributes:
        is_complete: Whether all panes are there. The first frame shows only those that it has room for, which halves
            the time until it is there; keys wait, and so does what comes from the daemon.
    """

    CSS_PATH = "fugue.tcss"
    TITLE = "fugue"
    ENABLE_COMMAND_PALETTE = False  # Textual's; ours is `PalettePanel`
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("M", "compose", "write", id="app.compose"),
        Binding("I", "inbox", "inbox", show=False, id="app.inbox"),
        Binding("B", "breakers", "what was stopped as a loop", show=False, id="app.breakers"),
        Binding("ctrl+p,colon", "actions", "actions", show=False, id="app.palette"),
        Binding("n,A", "new_session", "start a session", show=False, id="app.new"),
        Binding("Y", "copy_join", "copy how to join from a shell", show=False, id="app.join"),
        Binding("T", "next_theme", "next theme", show=False, id="app.theme"),
        Binding("D", "demo", "watch the demo", show=False, id="app.demo"),
        Binding("f9", "reconnect", "reconnect now, start the daemon", show=False, id="app.reconnect"),
        Binding("q", "quit", "quit", id="app.quit"),
        Binding("ctrl+q", "quit_anywhere", "quit, while you write", show=False, priority=True, id="app.quit_anywhere"),
        Binding("question_mark,f1", "help", "help", id="app.help"),
    ]

    def __init__(
        self, opener: Opener | None = None, *, server: str | None = None, config: Config | None = None
    ) -> None:
        super().__init__()
        self._config = config or Config()
        self._server = server or server_name(socket_path())
        self._socket_path = socket_path() if opener is None else socket_path(self._server)
        self._ascii, self._eight_bit = AsciiOnly(), EightBit()
        self._begin_in_colour()
        if self._config.keys:
            screens.load()  # they may be keys of any panel
        self._keys, self._trouble = check_keys(self._config.keys)
        self._keys[PREFIX], trouble = check_prefix(self._config.prefix)
        self._trouble += [*self._config.trouble, *trouble]
        self._link = DaemonLink(opener, self._take_events, self._show_link)
        self._is_stale = False
        self._appended = 0
        self._rates: deque[float] = deque(maxlen=RATES)
        self.wants_demo = False
        self.is_complete = False
        self.session_list = SessionList(id="sessions")
        self.message_pane = MessagePane(id="messages")
        self.message_log = self.message_pane.messages
        self.compose_pane = ComposePane(id="compose")
        self.start_page = StartPage(id="start")
        self.status_bar = StatusBar(id="status")
        self.terminal_pane = TerminalPane(id="terminal")
        self.terminal_pane.keys = self._keys
        log = [self.message_pane, self.start_page, *self.log_parts()]
        self.workspace = Workspace(self.session_list, log, self.compose_pane, self.terminal_pane, id="panes")
        self.too_small = Static(f"fugue needs {LEAST_WIDTH} x {LEAST_HEIGHT}", id="too-small")

    def _begin_in_colour(self) -> None:
        """Take up the first theme, before the style sheet is read: to change it later is to read and apply all anew."""
        for palette in PALETTES.values():
            self.register_theme(theme_of(palette))
        wanted = [name for name in (self._config.memory.theme, self._config.screen.theme) if name in PALETTES]
        usual = ANSI if self.console.color_system == "standard" else DARK  # of 16 colours nothing else can be made
        self.set_reactive(App.theme, wanted[0] if wanted else usual.name)
        # what Textual does at a change of theme, but for the drawing
        self.set_class(self.current_theme.dark, "-dark-mode", update=False)
        self.set_class(not self.current_theme.dark, "-light-mode", update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002  # what is said is never markup
    ) -> None:
        """Say something in a toast, of two rows at most, of one while something is typed; nothing of it is obeyed."""
        words = fit(f"{title}: {message}" if title else message, NOTICE_CELLS)
        super().notify(words, severity=severity, timeout=timeout, markup=False)

    def on_notify(self) -> None:
        """Let what was said before make way for what the base class is about to show."""
        self.clear_notifications()
        for rack in self.screen.query("ToastRack"):
            rack.remove_children()  # those among them, too, that are not shown yet

    def get_driver_class(self) -> type[Driver]:
        """Return what drives the terminal: ours where it is Textual's usual one."""
        usual = super().get_driver_class()
        return TerminalDriver if usual is LinuxDriver else usual

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our colours under every theme; those of other themes keep what we do not name."""
        return variables_of(DARK)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every line goes through last."""
        filters = [*super().get_line_filters()]
        if self.console.color_system == "256":
            filters.append(self._eight_bit)
        if self._config.is_ascii:
            filters.append(self._ascii)
        return filters

    def log_parts(self) -> list[Widget]:
        """Return what stands between the log and the compose pane."""
        return []

    def compose(self) -> ComposeResult:
        """Return what the first frame shows."""
        yield self.workspace
        yield self.too_small
        yield self.status_bar

    def on_mount(self) -> None:
        """Begin: keys, sizes, colours, timers."""
        self.set_keymap(self._keys)
        self.compose_pane.way_in = key_of(self, "app.compose")
        memory = self._config.memory
        self.theme_changed_signal.subscribe(self, lambda _: self._take_palette())
        self._take_palette()
        self.workspace.sidebar, self.workspace.sidebar_narrow = memory.sidebar, memory.sidebar_narrow
        self.workspace.compose_height = memory.compose_height
        self.status_bar.server = self._server
        fugue = ("fugue", *server_options(self._socket_path))
        self.start_page.fugue = self.message_pane.inspector.fugue = fugue
        self.start_page.place = self._link.place
        self.message_log.focus()
        if self._trouble:
            self.notify("; ".join(self._trouble), title="config.toml", severity="warning", timeout=10)
        self.set_interval(FRAME_S, self._show_what_changed)
        self.set_interval(1.0, self._pass_second)
        self.hold_keys()
        self.call_after_refresh(self._go_on)

    async def _go_on(self) -> None:
        """After the first frame: ask the daemon, and make the other panes; then there is somebody for every key."""
        self.follow_daemon()
        await self.message_pane.mount_rest()
        await self.workspace.mount_rest()
        self.take_up()
        self.is_complete = True
        self.release_keys()

    @abstractmethod
    def take_up(self) -> None:
        """Go on where the user was; called once, when all panes are there."""

    # --------------------------------------------------------------------------------------------------- the daemon

    @work
    async def follow_daemon(self) -> None:
        """Be a session, and take in all that happens, for as long as the app runs."""
        await self._link.follow()

    @property
    def user_keys(self) -> Mapping[str, str]:
        """The keys that the user has set, by the ids of their bindings; see `keymap.key_of`."""
        return self._keys

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

    def _take_events(self, events: Sequence[Event]) -> None:  # noqa: ARG002  # the world has them already
        """Note that something has happened; it is shown with the next frame."""
        self._is_stale = True

    def _show_link(self) -> None:
        """Say how the connection is, and what to do where there is none."""
        if not self.is_running:
            return
        bar, state = self.status_bar, self._link.state
        bar.is_up = state.kind == "up"
        bar.trouble = trouble_of(state, time.monotonic(), key_of(self, "app.reconnect"))
        self.start_page.trouble = state.reason if state.kind == "connecting" else ""
        self._show_start_page()

    def _show_start_page(self) -> None:
        """Let the start page stand in for a log in which there is nothing yet."""
        is_empty = not self._world.message_count and (self._link.was_up or bool(self.start_page.trouble))
        if self.workspace.set_empty(is_empty=is_empty):
            self.on_descendant_focus()

    def action_reconnect(self) -> None:
        """Try again at once; a daemon that does not run is started."""
        self._link.retry()

    # ------------------------------------------------------------------------------------------------- what is shown

    def _show_what_changed(self) -> None:
        if self._is_stale and self.is_complete and self.screen_stack:
            self._is_stale = False
            self.show_world()
            self._show_start_page()
            self._tell_of_unseen()

    @abstractmethod
    def show_world(self) -> None:
        """Give every pane what it shows now; called at most once a frame, and only after something has changed."""

    def _pass_second(self) -> None:
        appended, self._appended = self._appended, self._world.appended
        self._rates.append(float(self._appended - appended))
        self.status_bar.rates = tuple(self._rates)
        self._is_stale = True  # ages grow
        self._show_link()  # and so does patience

    def _take_palette(self) -> None:
        for pane in (self.session_list, self.start_page, self.status_bar):
            pane.palette = self.palette
        self.message_pane.palette = self.compose_pane.palette = self.terminal_pane.palette = self.palette
        for screen in self.screen_stack:
            if isinstance(screen, Overlay):
                screen.palette = self.palette

    @property
    def palette(self) -> Palette:
        """The colours in use."""
        return PALETTES.get(self.theme, DARK)

    # ---------------------------------------------------------------------------------------------------- the panes

    def on_resize(self, event: events.Resize) -> None:
        """Lay the panes out for the size."""
        size = event.size
        is_enough = size.width >= LEAST_WIDTH and size.height >= LEAST_HEIGHT
        self.too_small.display = not is_enough
        self.screen.set_class(not is_enough, "too-small")
        self.workspace.display = self.status_bar.display = is_enough
        self.workspace.fit(size)
        self._tell_of_unseen()

    def _tell_of_unseen(self) -> None:
        """Where one pane is seen at a time, let it name the others, with what waits in them."""
        unread = sum(info.unread for info in self._world.sessions.values())
        log, has_draft, is_tight = self.message_log, not self.compose_pane.draft.is_empty, self.size.width < TIGHT
        waiting: dict[PaneName, str] = {
            "sessions": f"{'' if is_tight else 'sessions '}{short_count(unread)} unread" if unread else "sessions",
            "log": f"messages ↓{short_count(log.new)}" if log.new else "messages",
            "compose": "draft" if has_draft and is_tight else "compose draft" if has_draft else "compose",
            "terminal": "terminal",
        }
        words = tuple(waiting[pane] for pane in self.workspace.unseen)
        self.session_list.unseen = log.unseen = self.compose_pane.unseen = words

    def on_descendant_focus(self) -> None:
        """Say which pane or panel has the keys, and what they do."""
        if not self.screen_stack:  # the app is about to end
            return
        front = self.screen
        front.set_class(isinstance(self.focused, (Input, TextArea)), "typing")
        if isinstance(front, Overlay):
            bar = self.status_bar
            more = () if isinstance(front, screens.Help) else bar_keys(Overlay.BINDINGS, self._keys)
            bar.prefix = ""
            bar.pane, bar.keys = front.block, (*told(front, front.hints or front.keys), *more)
            return
        nodes = list(self.focused.ancestors_with_self if self.focused else ())
        nodes = [node for node in nodes if node.id in PANE_TITLES or node.id in INNER_TITLES]
        bar = self.status_bar
        if not nodes:
            return
        pane = nodes[0]
        if inner := INNER_TITLES.get(pane.id or ""):
            name, bar.pane = inner
        else:
            name = cast("PaneName", pane.id)
            bar.pane = PANE_TITLES[name]
        is_commanded = name == "terminal" and (pane is self.terminal_pane or bar.is_prefixed)
        bar.prefix = key_name(self._keys[PREFIX]) if is_commanded else ""
        if bar.prefix:
            bar.keys = bar_keys(TerminalPane.PREFIXED, self._keys)
            self.workspace.bring(name)
            return
        own, mine = bar_keys(pane.BINDINGS, self._keys), bar_keys(Shell.BINDINGS, self._keys)
        if isinstance(self.focused, (Input, TextArea)):  # a key that writes does nothing else
            hints = pane.hints if isinstance(pane, LogBar) else FIELD_HINTS.get(pane.id or "", ())
            bar.keys = (*(told(self, hints) or own), *bar_keys(Overlay.BINDINGS, self._keys))
            self.workspace.bring(name)
            self._tell_of_unseen()
            return
        if self.workspace.is_empty and name == "log":  # nothing to filter, open or answer yet
            begin = {"app.new": "start a session", "app.join": "join", "app.demo": "demo", "app.palette": "actions"}
            own = told(self, begin.items())
        bar.keys = (*own[: KEYS_MOST - 1], *mine[:-1][: max(0, KEYS_MOST - 1 - len(own))], mine[-1])
        self.workspace.bring(name)
        self._tell_of_unseen()

    @on(Overlay.Turned)
    def light_subject(self) -> None:
        """Dim all that does not matter now: whatever is below the panel in front, but for the pane that it is about."""
        if not self.screen_stack:
            return
        *below, front = self.screen_stack
        subject = front.subject if isinstance(front, Overlay) else None
        parts = [*self.workspace.children, *(part for screen in below[1:] for part in screen.children)]
        for part in parts:
            part.set_class(bool(below) and part is not subject, "dimmed")
        for part in front.children if below else ():
            part.remove_class("dimmed")
        self.on_descendant_focus()

    @on(Workspace.PaneShown)
    def focus_pane(self, event: Workspace.PaneShown) -> None:
        """Give the keys to the pane that has come to the front."""
        if event.pane == "compose":
            self.action_compose()
        elif event.pane == "terminal":
            self.action_terminals()
        else:
            (self.session_list if event.pane == "sessions" else self.message_pane.front).focus()

    @on(Workspace.Resized)
    def keep_sizes(self) -> None:
        """Remember the sizes for next time."""
        self._remember()

    def action_next_theme(self) -> None:
        """Go on to the next theme, and keep it."""
        self.action_use_theme(next_palette(self.theme).name)

    def action_use_theme(self, name: str) -> None:
        """Change the colours, and keep them for next time."""
        self.theme = name
        self._remember()

    def _remember(self) -> None:
        workspace = self.workspace
        memory = Memory(
            theme=self.theme,
            sidebar=workspace.sidebar,
            compose_height=workspace.compose_height,
            sidebar_narrow=workspace.sidebar_narrow,
        )
        remember(self._config.memory_path, memory)

    @abstractmethod
    def action_compose(self) -> None:
        """Open the compose pane as it was left."""

    @abstractmethod
    def action_terminals(self) -> None:
        """Go to the terminals as they were left."""

    async def action_quit_anywhere(self) -> None:
        """Quit by a key that no text needs."""
        await self.action_quit()

    # ---------------------------------------------------------------------------------------------- help and palette

    @on(StatusBar.Clicked)
    async def do_what_was_clicked(self, event: StatusBar.Clicked) -> None:
        """Do what the key does that the bar tells."""
        await self.run_action(f"app.{event.what}")

    def action_help(self) -> None:
        """Show every key; where the keys go now comes first."""
        if not isinstance(self.screen, screens.Help):
            screens.load()
            here = PANE_TITLES[self.workspace.pane]
            if isinstance(self.screen, Overlay):  # a panel may have no keys but those of every panel
                here = next(title_of(owner) for owner in fugue_classes(type(self.screen)) if own_bindings(owner))
            self.push_screen(screens.Help(key_rows(self._keys), here, self.palette))

    def action_help_quit(self) -> None:
        """Say how to leave: ctrl+c does not, it is pressed by habit too often."""
        self.notify(
            with_keys(self, "{app.quit} quits; {app.quit_anywhere} does so while you write. Nothing typed is lost."),
            title="fugue",
        )

    def action_actions(self) -> None:
        """Open the command palette, on top of whatever is open."""
        if not isinstance(self.screen, screens.PalettePanel):
            self.push_screen(screens.PalettePanel([action for action, _ in self._actions()], self.palette))

    async def on_palette_panel_chosen(self, event: screens.PalettePanel.Chosen) -> None:
        """Do what was chosen, where it belongs."""
        for action, (command, node) in self._actions():
            if action.name == event.action.name:
                await self.run_action(command, node)
                return

    def _actions(self) -> list[tuple[screens.Action, tuple[str, DOMNode]]]:
        """Return what can be done now, with Textual's action and what does it; what has the keys comes first."""
        rows, is_over_panes = key_rows(self._keys), isinstance(self.screen, Overlay)
        found: dict[str, tuple[screens.Action, tuple[str, DOMNode]]] = {}
        for node in self._acting():
            contexts = {title_of(owner) for owner in fugue_classes(type(node))}
            for row in rows:
                if row.context not in contexts or row.id in found or not self._can_do(row, node):
                    continue
                if is_over_panes and node is self and row.id not in OVER_PANELS:
                    continue
                key = "  ".join(row.keys)
                action = screens.Action(name=row.id, context=row.context, words=row.words, key=key, twin=row.twin)
                found[row.id] = action, (row.action, node)
        for name in PALETTES:
            action = screens.Action(name=f"theme.{name}", context="theme", words=name.removeprefix("fugue-"))
            found[action.name] = action, (f"app.use_theme('{name}')", self)
        return sorted(found.values(), key=lambda pair: pair[0].context == "lists")  # moving about comes last

    def _acting(self) -> list[DOMNode]:
        """Return what can act now: what a key goes through, from the inside out, then the panes that it does not."""
        way = self.focused.ancestors_with_self if self.focused else ()
        inner = [node for node in way if node not in (self.workspace, self.screen, self)]
        if isinstance(self.screen, Overlay):
            return [*inner, self.screen, self]
        panes: list[DOMNode] = [self.session_list, self.message_log, self.compose_pane]
        if self.message_pane.inspector.is_open:
            panes = [self.message_pane.front, self.message_pane.inspector, *panes]
        if self.workspace.has_terminals:
            panes += [*self.terminal_pane.query(Scrollback), self.terminal_pane]
        return [*inner, *panes, self.workspace, self]

    def _can_do(self, row: KeyRow, node: DOMNode) -> bool:
        """Say whether an action can be chosen from a list, and makes sense at this moment."""
        if row.id.startswith(tuple(NOT_LISTED)):
            return False
        place, name, parameters = parse(row.action)
        return bool((node if not place else self).check_action(name, parameters))

    def action_new_session(self) -> None:
        """Open the form of a new session."""
        self.session_list.action_new()

    def action_copy_join(self) -> None:
        """Copy the line that makes a session of a shell."""
        self._copy_command("join")

    def _copy_command(self, way: Way) -> None:
        command = self.start_page.commands()[way]
        self.copy_to_clipboard(command)
        self.notify(command, title="copied; paste it into a shell")

    @on(StartPage.Chosen)
    async def begin(self, event: StartPage.Chosen) -> None:
        """Begin as was clicked."""
        if event.is_command:
            self._copy_command(event.way)
        else:
            await self.run_action(f"app.{WAYS[event.way].action}")

    def action_demo(self) -> None:
        """Leave for the demo, which opens a screen of its own."""
        self.wants_demo = True
        self.exit()


def trouble_of(state: LinkState, now: float, key: str) -> str:
    """Return what the status bar says where there is no connection, else nothing; `key` is the one that tries again."""
    retry_in_s = state.retry_in_s(now)
    when = "" if retry_in_s is None else f" in {retry_in_s} s"
    if state.kind == "lost":
        return f"reconnecting{when}, nothing typed is lost; {key} starts the daemon"
    if state.kind == "connecting" and state.reason:
        return f"no daemon; trying again{when or ' now'}, {key} at once"
    return ""
