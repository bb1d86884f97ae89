"""Up to four terminals that share the room, and the keys that are fugue's after the prefix."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.keymap import PREFIX, bound_action, keys_now
from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette
from fugue_tui.terminal import (
    LEAST_COLS,
    LEAST_ROWS,
    MOST,
    Direction,
    Head,
    Layout,
    Way,
    WindowKey,
    heir_of,
    keys_of,
    leaf_of,
    neighbour,
    places_of,
    pruned,
    split_at,
    turned_to,
)
from fugue_tui.widgets.prefix import PrefixWidget
from fugue_tui.widgets.scrollback import Scrollback
from fugue_tui.widgets.terminal_view import TerminalView

NUMBERS = ",".join("0123456789")


class TerminalPane(Widget):
    """The terminals of one session's layout; it may show windows of others, too.

    Down: `show` a layout; `update_heads`; `open_scrollback`; assign `palette` and `keys`. Up: `Left`, `WindowAsked`,
    `SplitAsked`, `TurnAsked`, `KillAsked`, `RespawnAsked`, `ScrollbackAsked`, `Changed`, and what its terminals post.

    Invariant: there is a view for each window of `layout`, and none else.
    """

    DEFAULT_CSS = "TerminalPane { width: 1fr; height: 1fr; }"

    PREFIXED: ClassVar[list[BindingType]] = [
        Binding("d", "detach", "detach", id="terminal.detach"),
        Binding("c", "new_window", "window", id="terminal.window"),
        Binding("n", "turn(1)", "next", id="terminal.next"),
        Binding("p", "turn(-1)", "window before", show=False, id="terminal.previous"),
        Binding(NUMBERS, "turn_to_number", "window by its number", show=False, id="terminal.number"),
        Binding("percent_sign", "split('beside')", "split", key_display="%", id="terminal.beside"),
        Binding("quotation_mark", "split('below')", "split, one below", show=False, id="terminal.below"),
        Binding("left", "go('left')", "terminal at the left, or sessions", show=False, id="terminal.left"),
        Binding("right", "go('right')", "terminal at the right", show=False, id="terminal.right"),
        Binding("up", "go('up')", "terminal above", show=False, id="terminal.up"),
        Binding("down", "go('down')", "terminal below", show=False, id="terminal.down"),
        Binding("z", "zoom_terminal", "zoom a terminal", show=False, id="terminal.zoom"),
        Binding("left_square_bracket", "scrollback", "scroll", key_display="[", id="terminal.scrollback"),
        Binding("x", "kill", "kill its program", show=False, id="terminal.kill"),
        Binding("r", "respawn", "start an exited program again", show=False, id="terminal.respawn"),
        Binding("o", "close", "look no more at this one", show=False, id="terminal.close"),
        Binding(PREFIX, "send_prefix", "type the prefix itself", show=False, id="terminal.send_prefix"),
        Binding("ctrl+p,colon", "app.actions", "actions", show=False, id="terminal.palette"),
        Binding("question_mark", "app.help", "help", key_display="?", id="terminal.help"),
    ]
    """Bindings that hold after the prefix: all else is the program's."""

    palette: reactive[Palette] = reactive(DARK, init=False)

    @dataclass
    class Asked(Message):
        """The user wants something done with the window of the terminal that has the keys."""

        pane: TerminalPane
        window: WindowKey

    class Left(Asked):
        """The user wants fugue's own panes back."""

    class SessionsAsked(Asked):
        """The user wants to go to the list of sessions; the terminals stay in sight."""

    class WindowAsked(Asked):
        """The user wants another window in the session."""

    class KillAsked(Asked):
        """The user wants its program to end."""

    class RespawnAsked(Asked):
        """The user wants its program to begin again."""

    class ScrollbackAsked(Asked):
        """The user wants to look back."""

    @dataclass
    class SplitAsked(Asked):
        """The user wants another program in half of the terminal's room: answer with `split`."""

        way: Way

    @dataclass
    class TurnAsked(Asked):
        """The user wants the next window in this terminal, or the one before, or the one with a number."""

        step: int = 0
        number: int | None = None

    @dataclass
    class Changed(Message):
        """The layout is another one."""

        pane: TerminalPane

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.keys: dict[str, str] = {}
        self.home: UUID | None = None
        self.layout_of_views: Layout | None = None
        self._views: dict[WindowKey, TerminalView] = {}
        self._active: WindowKey | None = None
        self._is_zoomed = False
        self._pressed = ""
        self.scrollback: Scrollback | None = None

    # ---------------------------------------------------------------------------------------------------------- down

    def show(self, home: UUID, layout: Layout, active: WindowKey) -> None:
        """Show these windows; the layout belongs to the session `home`."""
        self.home = home
        self._is_zoomed = False
        self._take_layout(layout, active)

    def update_heads(self, head_of: Callable[[WindowKey], Head]) -> None:
        """Say anew what stands over the terminals."""
        for key, view in self._views.items():
            view.head = head_of(key)

    def keep_only(self, living: Collection[WindowKey], instead: Callable[[WindowKey], WindowKey | None]) -> bool:
        """Let go of windows that are closed; False where none is left.

        `instead` names what the last terminal shows in the place of a closed window.
        """
        layout, active = self.layout_of_views, self._active
        if layout is None or all(key in living for key in self._views):
            return layout is not None
        left = pruned(layout, living)
        if left is None and active is not None:
            other = instead(active)
            left = None if other is None else leaf_of(other)
            self._is_zoomed = False
        if left is None:
            self.clear()
            return False
        if active is None or active not in living:
            active = (heir_of(layout, active, living) if active else None) or keys_of(left)[0]
        self._take_layout(left, active, has_keys=self.has_focus_within)
        return True

    def split(self, at: WindowKey, new: WindowKey, way: Way) -> None:
        """Show one more window, beside or below another."""
        if self.layout_of_views is not None and at in self._views and new not in self._views:
            self._is_zoomed = False
            self._take_layout(split_at(self.layout_of_views, at, new, way), new)

    def turn(self, at: WindowKey, new: WindowKey) -> None:
        """Show another window in a terminal; one that is shown already gets the keys instead."""
        if new in self._views:
            self.activate(new)
        elif self.layout_of_views is not None and at in self._views:
            view = self._views.pop(at)
            self._views[new] = view
            view.window = new
            self._take_layout(turned_to(self.layout_of_views, at, new), new)

    def open_scrollback(self, scrollback: Scrollback) -> None:
        """Let the user look back in the place of the terminal."""
        self.close_scrollback()
        if scrollback.window in self._views:
            self.scrollback = scrollback
            scrollback.prefix = self.keys.get(PREFIX, "")
            self.mount(scrollback)
            self._place()

    def close_scrollback(self) -> None:
        """Show the terminal again."""
        if self.scrollback is not None:
            self.scrollback.remove()
            self.scrollback = None

    def clear(self) -> None:
        """Show nothing."""
        self.close_scrollback()
        self.layout_of_views = self._active = None
        for view in self._views.values():
            view.remove()
        self._views.clear()

    def _take_layout(self, layout: Layout, active: WindowKey, *, has_keys: bool = True) -> None:
        """Show these terminals; where somebody else has the keys, `active` is who gets them next."""
        self.layout_of_views, self._active = layout, active
        wanted = keys_of(layout)
        if self.scrollback is not None and self.scrollback.window not in wanted:
            self.close_scrollback()
        for key in [key for key in self._views if key not in wanted]:
            self._views.pop(key).remove()
        for key in wanted:
            if key not in self._views:
                view = TerminalView(key, prefix=self.keys.get(PREFIX, ""), palette=self.palette)
                view.passed_keys = keys_now("app.reconnect", self.keys)
                self._views[key] = view
                self.mount(view)
        self._place()
        if has_keys:
            self.activate(active)
        self.post_message(self.Changed(self))

    # -------------------------------------------------------------------------------------------------------- places

    @property
    def views(self) -> dict[WindowKey, TerminalView]:
        """The terminals, by what they show."""
        return self._views

    @property
    def active(self) -> TerminalView | None:
        """The terminal that has the keys, or had them last."""
        return None if self._active is None else self._views.get(self._active)

    @property
    def can_split(self) -> bool:
        """Whether there may be one more."""
        return len(self._views) < MOST

    def activate(self, key: WindowKey) -> None:
        """Give the keys to a terminal, or to the look back at it."""
        view = self._views.get(key)
        if view is not None:
            self._active = key
            if self._is_zoomed:
                self._place()
            (self.scrollback if self.scrollback is not None and self.scrollback.window == key else view).focus()

    def on_resize(self) -> None:
        """Share the room anew."""
        self._place()

    def _places(self) -> dict[WindowKey, Region]:
        room = Region(0, 0, self.size.width, self.size.height)
        if self.layout_of_views is None:
            return {}
        places = places_of(self.layout_of_views, room)
        is_tight = any(place.width < LEAST_COLS or place.height <= LEAST_ROWS for place in places.values())
        if (self._is_zoomed or is_tight) and self._active in places:
            return {self._active: room}
        return places

    def _place(self) -> None:
        places = self._places()
        for key, view in self._views.items():
            place = places.get(key)
            view.display = place is not None
            if place is not None:
                view.styles.offset = (place.x, place.y)
                view.styles.width, view.styles.height = place.width, place.height
            if self.scrollback is not None and self.scrollback.window == key:
                self.scrollback.display = place is not None
                self.scrollback.styles.offset = view.styles.offset
                self.scrollback.styles.width, self.scrollback.styles.height = view.styles.width, view.styles.height
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  # all alike
        """Return a line of what lies between the terminals."""
        line = Line(self.size.width, self.palette.pane)
        for place in sorted(self._places().values()):
            if place.x:
                line.at(place.x - 1).put("│", self.palette.rule)
        return line.strip()

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        for view in self._views.values():
            view.palette = self.palette
        if self.scrollback is not None:
            self.scrollback.palette = self.palette
        self.refresh()

    # ---------------------------------------------------------------------------------------------------------- keys

    @on(events.DescendantFocus)
    def _note_active(self, event: events.DescendantFocus) -> None:
        if self.scrollback in event.widget.ancestors_with_self:
            self._active = self.scrollback.window
        for key, view in self._views.items():
            if view is event.widget:
                self._active = key

    @on(PrefixWidget.Commanded)
    async def _obey(self, event: PrefixWidget.Commanded) -> None:
        event.stop()
        action = bound_action(type(self), event.key, self.keys)
        if action is not None:
            self._pressed = event.key
            await self.app.run_action(action, self)
            self._pressed = ""

    @on(Scrollback.Closed)
    def _leave_scrollback(self, event: Scrollback.Closed) -> None:
        event.stop()
        self.close_scrollback()
        self.activate(event.scrollback.window)

    @on(TerminalView.ScrollAsked)
    def _look_back(self, event: TerminalView.ScrollAsked) -> None:
        event.stop()
        if event.view.window is not None:
            self.post_message(self.ScrollbackAsked(self, event.view.window))

    @on(TerminalView.TabPressed)
    def _press_tab(self, event: TerminalView.TabPressed) -> None:
        event.stop()
        if event.view.window is not None:
            self.post_message(self.TurnAsked(self, event.view.window, number=event.number))

    def action_detach(self) -> None:
        """Go back to fugue's own panes; the programs go on."""
        if self._active is not None:
            self.post_message(self.Left(self, self._active))

    def action_new_window(self) -> None:
        """Ask for another program in the session."""
        if self._active is not None:
            self.post_message(self.WindowAsked(self, self._active))

    def action_turn(self, step: int) -> None:
        """Show the session's next window, or the one before."""
        if self._active is not None:
            self.post_message(self.TurnAsked(self, self._active, step=step))

    def action_turn_to_number(self) -> None:
        """Show the session's window that has the number which was pressed."""
        if self._active is not None and self._pressed.isdecimal():
            self.post_message(self.TurnAsked(self, self._active, number=int(self._pressed)))

    def action_split(self, way: Way) -> None:
        """Ask for another program in half of the room."""
        if self._active is None:
            return
        if self.can_split:
            self.post_message(self.SplitAsked(self, self._active, way))
        else:
            self.notify(f"{MOST} terminals are side by side already")

    def action_go(self, direction: Direction) -> None:
        """Give the keys to the terminal next to this one; left of all are the sessions."""
        if self._active is None or self.layout_of_views is None:
            return
        room = Region(0, 0, self.size.width, self.size.height)
        key = neighbour(places_of(self.layout_of_views, room), self._active, direction)
        if key is not None:
            self.activate(key)
        elif direction == "left":
            self.post_message(self.SessionsAsked(self, self._active))

    def action_zoom_terminal(self) -> None:
        """Give the terminal all the room, or the others theirs back."""
        self._is_zoomed = not self._is_zoomed
        self._place()

    def action_scrollback(self) -> None:
        """Look back at what has scrolled out of sight."""
        if self._active is not None and (self.scrollback is None or self.scrollback.window != self._active):
            self.post_message(self.ScrollbackAsked(self, self._active))

    def action_kill(self) -> None:
        """Ask for the program to end, and its window to close."""
        if self._active is not None:
            self.post_message(self.KillAsked(self, self._active))

    def action_respawn(self) -> None:
        """Ask for an exited program to begin again."""
        if self._active is not None:
            self.post_message(self.RespawnAsked(self, self._active))

    def action_close(self) -> None:
        """Look no more at this one; its program goes on."""
        layout, active = self.layout_of_views, self._active
        if layout is None or active is None:
            return
        others = [key for key in self._views if key != active]
        left, heir = pruned(layout, others), heir_of(layout, active, others)
        if left is None or heir is None:
            self.action_detach()
        else:
            self._take_layout(left, heir)

    def action_send_prefix(self) -> None:
        """Type the prefix itself."""
        if self.active is not None:  # in its own turn: what it posted in ours would bubble no further than to here
            self.active.call_later(self.active.send_prefix)
