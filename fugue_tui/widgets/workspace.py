"""The panes beside each other: how wide each is, which are seen, and which has the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

PaneName = Literal["sessions", "log", "compose", "terminal"]
BESIDE_TERMINAL: tuple[PaneName, ...] = ("sessions", "terminal")
WITHOUT_TERMINAL: tuple[PaneName, ...] = ("sessions", "log", "compose")

STACKED = 80
"""Below so many cells there is one pane at a time."""
NARROW, WIDE = 120, 160
"""Below so many the sidebar is narrow; above so many it grows."""
SIDEBAR_NARROW, SIDEBAR, SIDEBAR_WIDE = 27, 46, 56
LOG_LEAST = 40
COMPOSE_ROWS = 18
COMPOSE_LEAST = 9
SHORT = 24
"""In fewer rows the open compose pane takes all but the log's least."""
LOG_ROWS_LEAST = 3
SIDEBAR_STEP, COMPOSE_STEP = 3, 2


def sidebar_cells(width: int, wanted: int | None) -> int:
    """Return how wide the sidebar is in a screen of `width`: as wanted, as far as the log keeps its least."""
    if wanted is None:
        more = min(SIDEBAR_WIDE - SIDEBAR, max(0, width - WIDE) // 2)
        wanted = SIDEBAR_NARROW if width < NARROW else SIDEBAR + more
    return max(18, min(wanted, width - LOG_LEAST))


def compose_rows(height: int, wanted: int | None) -> int:
    """Return how high the open compose pane is beside a log in `height` rows; None: as the screen suggests."""
    if wanted is None:
        wanted = height if height < SHORT else COMPOSE_ROWS
    return max(COMPOSE_LEAST, min(wanted, height - LOG_ROWS_LEAST))


class Workspace(Horizontal):
    """Sessions at the left; the log above the compose pane, or in the place of both the terminals.

    Down: the panes, at the beginning; assign `sidebar`, `sidebar_narrow` and `compose_height` (None: by the screen's
    size). The sidebar has a width for screens below `NARROW` and one for the others: what suits one leaves no log in
    the other. Up: `Workspace.PaneShown`, `Workspace.Resized`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_pane(1)", "next pane", show=False, id="pane.next"),
        Binding("shift+tab", "next_pane(-1)", "pane before", show=False, id="pane.previous"),
        Binding("1", "show_pane('sessions')", "sessions", show=False, id="pane.sessions"),
        Binding("2", "show_pane('log')", "messages", show=False, id="pane.log"),
        Binding("3", "show_pane('compose')", "compose", show=False, id="pane.compose"),
        Binding("4", "show_pane('terminal')", "terminals", show=False, id="pane.terminal"),
        Binding("z", "zoom", "zoom", show=False, id="pane.zoom"),
        Binding("less_than_sign", "resize_sidebar(-1)", "narrower", show=False, id="pane.narrower"),
        Binding("greater_than_sign", "resize_sidebar(1)", "wider", show=False, id="pane.wider"),
        Binding("plus", "resize_compose(1)", "higher", show=False, id="pane.higher"),
        Binding("minus", "resize_compose(-1)", "lower", show=False, id="pane.lower"),
        Binding("equals_sign", "reset_sizes", "reset sizes", show=False, id="pane.reset"),
    ]

    @dataclass
    class PaneShown(Message):
        """Another pane has come to the front; who composes the screen gives it the focus."""

        pane: PaneName

    class Resized(Message):
        """The user has changed the sizes."""

    def __init__(
        self,
        sessions: Widget,
        log: list[Widget],
        compose: Widget,
        terminals: Widget,
        *,
        id: str | None = None,  # noqa: A002  # Textual's word
    ) -> None:
        super().__init__(id=id)
        self._left, self._upper, self._lower, self._terminals = sessions, log, compose, terminals
        self._main = Vertical(log[0], id="main")
        self._is_zoomed = self._is_empty = self._has_terminals = False
        self._dragged: Literal["", "sidebar", "compose"] = ""
        self._screen_size = Size(0, 0)
        self.pane: PaneName = "log"
        self.sidebar: int | None = None
        self.sidebar_narrow: int | None = None
        self.compose_height: int | None = None

    def compose(self) -> ComposeResult:
        """Return the panes that the first frame shows."""
        yield self._left
        yield self._main

    async def mount_rest(self) -> None:
        """Add the other panes; until then the user can do nothing with them."""
        await self._main.mount(*self._upper[1:], self._lower)
        await self.mount(self._terminals)

    @property
    def is_stacked(self) -> bool:
        """Whether one pane is shown at a time: the screen is narrow, or one is zoomed."""
        return self._is_zoomed or self._screen_size.width < STACKED

    @property
    def is_zoomed(self) -> bool:
        """Whether the user has zoomed a pane."""
        return self._is_zoomed

    # ---------------------------------------------------------------------------------------------------- layout

    def fit(self, size: Size) -> None:
        """Lay the panes out for a screen of this size."""
        self._screen_size = size
        self.lay_out()

    def lay_out(self) -> None:
        """Give every pane its place."""
        is_one, pane, size = self.is_stacked, self.pane, self._screen_size
        self._left.display = not is_one or pane == "sessions"
        self._left.styles.width = "1fr" if is_one else self._sidebar_cells()
        is_main = not is_one or pane != "sessions"
        self._main.display = is_main and not self._has_terminals
        self._terminals.display = is_main and self._has_terminals
        has_log = not is_one or pane == "log"
        self._upper[0].display = has_log
        self._upper[0].styles.height = 1 if self._is_empty else "1fr"
        self._upper[1].display = has_log and self._is_empty
        self._lower.display = not is_one or pane == "compose"
        is_open = self._lower.has_class("open")
        if is_one and pane == "compose":
            self._lower.styles.height = "1fr"
        elif is_open:
            self._lower.styles.height = compose_rows(size.height - 1, self.compose_height)
        else:
            self._lower.styles.height = None
        self.set_class(is_one, "one")
        self.set_class(size.width < NARROW, "narrow")

    def _sidebar_cells(self) -> int:
        width = self._screen_size.width
        wanted = self.sidebar_narrow if width < NARROW else self.sidebar
        return sidebar_cells(width, SIDEBAR_NARROW if self._has_terminals and wanted is None else wanted)

    @property
    def has_terminals(self) -> bool:
        """Whether terminals stand in the place of log and compose pane."""
        return self._has_terminals

    @property
    def is_empty(self) -> bool:
        """Whether the start page is shown."""
        return self._is_empty

    def set_empty(self, *, is_empty: bool) -> bool:
        """Let the start page, the second of what stands above, take the log's room but for its title; or not.

        Returns whether that is a change.
        """
        if is_empty == self._is_empty:
            return False
        self._is_empty = is_empty
        self.lay_out()
        return True

    def bring(self, pane: PaneName) -> None:
        """Note that a pane has the keys; where there is one at a time, it is the one."""
        has_terminals = pane == "terminal" or (pane == "sessions" and self._has_terminals)
        if pane != self.pane or has_terminals != self._has_terminals:
            self.pane, self._has_terminals = pane, has_terminals
            self.lay_out()

    @property
    def unseen(self) -> tuple[PaneName, ...]:
        """The panes that one can go to and does not see, where there is one at a time."""
        return tuple(pane for pane in self._turns if pane != self.pane) if self.is_stacked else ()

    @property
    def _turns(self) -> tuple[PaneName, ...]:
        return BESIDE_TERMINAL if self._has_terminals else WITHOUT_TERMINAL

    # --------------------------------------------------------------------------------------------------- actions

    def action_next_pane(self, step: int) -> None:
        """Go on to the next pane, or back."""
        names = [pane for pane in self._turns if pane == self.pane or not self._is_shut(pane)]
        self.action_show_pane(names[(names.index(self.pane) + step) % len(names)])

    def _is_shut(self, pane: PaneName) -> bool:
        """Say whether a pane is one line beside the others: who only goes on does not mean to write."""
        return pane == "compose" and not (self.is_stacked or self._lower.has_class("open"))

    def action_show_pane(self, pane: PaneName) -> None:
        """Go to a pane; whether there are terminals to go to is not known here."""
        if pane != "terminal":
            self.bring(pane)
        self.post_message(self.PaneShown(pane))

    def action_zoom(self) -> None:
        """Give the pane with the keys all the room, or the others theirs back."""
        self._is_zoomed = not self._is_zoomed
        self.lay_out()
        self.post_message(self.PaneShown(self.pane))

    def action_resize_sidebar(self, step: int) -> None:
        """Make the sidebar wider or narrower."""
        self._resize_sidebar(self._sidebar_cells() + step * SIDEBAR_STEP)

    def action_resize_compose(self, step: int) -> None:
        """Make the open compose pane higher or lower."""
        rows = compose_rows(self._screen_size.height - 1, self.compose_height)
        self._resize_compose(rows + step * COMPOSE_STEP)

    def action_reset_sizes(self) -> None:
        """Give the panes the sizes that they have by themselves, in screens of every width."""
        self.sidebar = self.sidebar_narrow = self.compose_height = None
        self._keep_sizes()

    def _resize_sidebar(self, cells: int) -> None:
        wanted = sidebar_cells(self._screen_size.width, cells)
        if self._screen_size.width < NARROW:
            self.sidebar_narrow = wanted
        else:
            self.sidebar = wanted
        self._keep_sizes()

    def _resize_compose(self, rows: int) -> None:
        self.compose_height = compose_rows(self._screen_size.height - 1, rows)
        self._keep_sizes()

    def _keep_sizes(self) -> None:
        self.lay_out()
        self.post_message(self.Resized())

    # ----------------------------------------------------------------------------------------------------- mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a rule: the sidebar's right edge, or the compose pane's upper one."""
        if self.is_stacked:
            return
        edge = self._left.region.right
        if edge - 1 <= event.screen_x <= edge:
            self._dragged = "sidebar"
        elif event.screen_y == self._lower.region.y and self._lower.has_class("open"):
            self._dragged = "compose"
        if self._dragged:
            self.capture_mouse()
            event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the rule along."""
        if self._dragged == "sidebar":
            self._resize_sidebar(int(event.screen_x) - self.region.x + 1)
        elif self._dragged == "compose":
            self._resize_compose(self.region.bottom - int(event.screen_y))

    def on_mouse_up(self) -> None:
        """Let it go."""
        if self._dragged:
            self._dragged = ""
            self.release_mouse()
