"""One terminal: what a program's screen shows, live, and the keys that go to the program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from fugue_core.protocol.window import WindowFrame
from fugue_tui.cells import draw_line, with_cursor
from fugue_tui.keymap import told
from fugue_tui.keys import MouseKind, Pointer, focus_bytes, key_bytes, paste_bytes, pointer_bytes, wheel_bytes
from fugue_tui.line import Line, fit
from fugue_tui.palette import DARK, Palette
from fugue_tui.terminal import Head, Shown, Tab, WatchState, WindowKey, exit_words
from fugue_tui.widgets.prefix import PrefixWidget

WHEEL_ROWS = 3
NAME_CHARS, TAB_CHARS = 24, 16


class TerminalView(PrefixWidget, can_focus=True):
    """A title, and below it the screen. While it has the focus, all keys but the prefix go to the program.

    Down: assign `window`, `head`, `state`, `palette`, `prefix` and `passed_keys`, which make the connection again while
    there is none; `take` frames. Up: `Wanted`, `Unwanted`, `Typed`, `ScrollAsked`, `TabPressed`, and what is about the
    prefix. It is seen as it comes: what is not shown is not asked for.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "TerminalView { position: absolute; }"
    HEADING_ROWS: ClassVar[int] = 1

    window: reactive[WindowKey | None] = reactive(None, init=False)
    head: reactive[Head] = reactive(Head(), init=False)
    state: reactive[WatchState] = reactive(WatchState(), init=False)
    palette: reactive[Palette] = reactive(DARK, init=False)

    @dataclass
    class Wanted(Message):
        """It is seen, and wants to be told what its window shows, in its own size."""

        view: TerminalView

    @dataclass
    class Unwanted(Message):
        """It is seen no more."""

        view: TerminalView

    @dataclass
    class Typed(Message):
        """The user typed, pasted or pointed; this is for the program."""

        view: TerminalView
        data: bytes

    @dataclass
    class ScrollAsked(Message):
        """The user turned the wheel, and the program has no use for it."""

        view: TerminalView
        step: int

    @dataclass
    class TabPressed(Message):
        """The user clicked on a window in the title."""

        view: TerminalView
        number: int

    def __init__(self, window: WindowKey, *, prefix: str, palette: Palette = DARK) -> None:
        super().__init__()
        self.set_reactive(TerminalView.window, window)
        self.set_reactive(TerminalView.palette, palette)
        self.prefix = prefix
        self.passed_keys: frozenset[str] = frozenset()
        self.shown = Shown()
        self._rows: list[Strip | None] = []
        self._tabs: list[tuple[int, int, int]] = []
        self._is_pressed = False

    # ---------------------------------------------------------------------------------------------------------- down

    def take(self, frames: Iterable[WindowFrame]) -> None:
        """Show what has changed."""
        changed: set[int] = set()
        for frame in frames:
            changed |= self.shown.take(frame)
        self._redraw(changed)

    def watch_window(self) -> None:
        """Show another window, as soon as it is known what it shows."""
        self.shown = Shown()
        self.set_reactive(TerminalView.state, WatchState())
        self.is_prefixed = False
        self._redraw_all()
        self._ask()

    def watch_head(self) -> None:
        """Say it in the title."""
        self._redraw_title()

    def watch_state(self) -> None:
        """Say how it is on the last row."""
        self._redraw_title()
        self._redraw({self.screen_rows - 1})

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        self._redraw_all()

    # --------------------------------------------------------------------------------------------------------- size

    @property
    def screen_rows(self) -> int:
        """How many rows there are for the program."""
        return max(0, self.size.height - self.HEADING_ROWS)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows for the program."""
        return self.size.width, self.screen_rows

    def _ask(self) -> None:
        if self.is_mounted and self.display and min(self.room) > 0:
            self.post_message(self.Wanted(self))

    def on_resize(self) -> None:
        """Ask for the program's screen in this size."""
        self._redraw_all()
        self._ask()

    def on_show(self) -> None:
        """Look again."""
        self._ask()

    def on_hide(self) -> None:
        """Look no more."""
        self.post_message(self.Unwanted(self))

    def on_unmount(self) -> None:
        """Look no more."""
        self.app.post_message(self.Unwanted(self))

    # ------------------------------------------------------------------------------------------------------- drawing

    def render_line(self, y: int) -> Strip:
        """Return a line of the pane, see `Widget`."""
        width = self.size.width
        if y < self.HEADING_ROWS:
            return self._draw_title(width)
        row = y - self.HEADING_ROWS
        if len(self._rows) != self.screen_rows:
            self._rows = [None] * self.screen_rows
        if row >= len(self._rows):
            return Line(width, self.palette.pane).strip()
        strip = self._rows[row]
        if strip is None:
            strip = self._rows[row] = self._draw_row(row, width)
        return strip

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of the pane, see `Widget`; each the same object for as long as it says the same."""
        if self.gutter or self.styles.tint.a or self.opacity < 1:
            return super().render_lines(crop)
        lines = [self.render_line(y) for y in crop.line_range]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            lines = [line.apply_filter(line_filter, background) for line in lines]
        return lines if crop.width == self.region.width else [line.crop(*crop.column_span) for line in lines]

    def _draw_row(self, row: int, width: int) -> Strip:
        shown, palette = self.shown, self.palette
        if row == self.screen_rows - 1 and self._banner():
            return self._draw_banner(width)
        if row >= shown.rows:
            return Line(width, palette.pane if not shown.rows else palette.sidebar).strip()
        strip = draw_line(shown.lines[row], shown.cols, width, palette, palette.pane)
        if self.is_typed_into and shown.cursor is not None and shown.cursor[1] == row:
            strip = with_cursor(strip, shown.cursor[0], shown.cursor_shape)
        return strip

    def _redraw(self, rows: Iterable[int]) -> None:
        seen = [row for row in rows if 0 <= row < len(self._rows)]
        for row in seen:
            self._rows[row] = None
        if 2 * len(seen) > len(self._rows):
            self.refresh()
        elif seen:
            self.refresh(*[Region(0, row + self.HEADING_ROWS, self.size.width, 1) for row in seen])

    def _redraw_all(self) -> None:
        self._rows = []
        self.refresh()

    def _redraw_title(self) -> None:
        self.refresh(Region(0, 0, self.size.width, self.HEADING_ROWS))

    @property
    def is_typed_into(self) -> bool:
        """Whether keys go to a program now."""
        return self.has_focus and self.state.kind != "exited"

    def _banner(self) -> str:
        """What is to be said on the last row; empty while there is nothing."""
        state = self.state
        match state.kind:
            case "exited":
                return exit_words(state.exited)
            case "lost":
                held = f"; {state.held_bytes:,} bytes wait" if state.held_bytes else ""
                return f"{state.reason or 'no daemon'}; what you type is typed when it is back{held}"
            case "closed":
                return state.reason or "this window is closed"
            case "live" if state.reason:
                return state.reason
            case _:
                return ""

    def _draw_banner(self, width: int) -> Strip:
        palette, is_bad = self.palette, self.state.kind == "lost"
        line = Line(width, palette.bad_fill if is_bad else palette.raised)
        line.at(2).put(self._banner(), palette.bad if is_bad else palette.strong, bold=True)
        if self.state.kind == "exited":
            for key, word in told(self, (("terminal.respawn", "respawn"), ("terminal.kill", "close"))):
                line.put(" · ", palette.ghost).put(key, palette.text, bold=True).put(f" {word}", palette.muted)
        return line.strip()

    def _draw_title(self, width: int) -> Strip:
        palette, head, is_mine = self.palette, self.head, self.has_focus
        fill = palette.accent if is_mine else palette.raised
        ink = palette.on_accent if is_mine else palette.muted
        line = Line(width, fill)
        line.put(" › " if is_mine else "   ", ink, bold=True)  # noqa: RUF001  # the look's
        line.put(head.session, ink, bold=is_mine, width=NAME_CHARS).put("  ", ink)
        here = next((tab for tab in head.tabs if tab.is_here), None)
        right = self._right_of_title(width - line.column - (0 if here is None else _tab_cells(here)))
        end = width - cell_len(right) - 1
        self._tabs = []
        for tab in self._tabs_that_fit(end - line.column):
            text = f" {tab.number} {fit(tab.name, TAB_CHARS)} {f'{tab.signs} ' if tab.signs else ''}"
            start = line.column
            if tab.is_here:
                line.put(text, palette.accent, bold=True, fill=palette.accent_fill)
            else:
                line.put(text, ink)
            self._tabs.append((start, line.column, tab.number))
        return line.at(width - cell_len(right)).put(right, ink).strip()

    def _tabs_that_fit(self, cells: int) -> Sequence[Tab]:
        """Return the windows that there is room for, the one that is shown among them."""
        tabs = list(self.head.tabs)
        while len(tabs) > 1 and sum(map(_tab_cells, tabs)) > cells:
            tabs.pop(0 if tabs[-1].is_here else -1)
        return tabs

    def _right_of_title(self, cells: int) -> str:
        head, (cols, rows) = self.head, (self.shown.cols, self.shown.rows)
        whose = ""
        if self.has_focus:
            whose = "keys go to the program" if self.state.kind != "exited" else "the program has exited"
        elif self.state.kind == "exited":
            whose = "exited"
        size = f"{cols}x{rows}" if cols else ""
        title = "" if head.title in {"", head.session} else fit(head.title, 40)
        for parts in ((title, head.place, size, whose), (head.place, size, whose), (size, whose), (whose,)):
            text = "   ".join(part for part in parts if part)
            if cell_len(text) + 1 <= cells:
                return f"{text} " if text else ""
        return "keys > program " if self.is_typed_into and cells >= len("keys > program ") else ""

    # ------------------------------------------------------------------------------------------------------ keys

    def on_focus(self) -> None:
        """Tell the program, and show it."""
        self._redraw_all()
        self._tell_focus(has_focus=True)

    def on_blur(self) -> None:
        """Tell the program, and show it."""
        self._redraw_all()
        self._tell_focus(has_focus=False)

    def _tell_focus(self, *, has_focus: bool) -> None:
        if self.state.kind == "live":
            self._type(focus_bytes(self.shown.modes, has_focus=has_focus))

    def on_key(self, event: events.Key) -> None:
        """Send a key to the program, but for the prefix and the key that follows it."""
        if self.state.kind == "lost" and event.key in self.passed_keys:
            return  # it goes up to whoever makes the connection
        if self.take_prefix(event):
            return
        event.stop()
        event.prevent_default()
        if self.state.kind == "exited":
            self.post_message(self.Commanded(self, event.key))
        else:
            self._type(key_bytes(event.key, event.character, self.shown.modes))

    def send_prefix(self) -> None:
        """Type the prefix itself."""
        self._type(key_bytes(self.prefix, None, self.shown.modes))

    def on_paste(self, event: events.Paste) -> None:
        """Send what was pasted."""
        event.stop()
        self._type(paste_bytes(event.text, self.shown.modes))

    def _type(self, data: bytes) -> None:
        if data and self.state.kind != "exited":
            self.post_message(self.Typed(self, data))

    # ------------------------------------------------------------------------------------------------------ mouse

    def _point(self, event: events.MouseEvent, kind: MouseKind) -> bool:
        """Tell the program what the mouse did; False where it did not ask."""
        x, y = int(event.x), int(event.y) - self.HEADING_ROWS
        if not 0 <= x < self.shown.cols or not 0 <= y < self.shown.rows or self.state.kind != "live":
            return False
        pointer = Pointer(kind=kind, x=x, y=y, button=event.button, shift=event.shift, alt=event.meta, ctrl=event.ctrl)
        data = pointer_bytes(pointer, self.shown.modes)
        self._type(data)
        return bool(data)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take the focus, and tell the program."""
        event.stop()
        if event.y < self.HEADING_ROWS:
            number = next((number for start, end, number in self._tabs if start <= event.x < end), None)
            if number is not None:
                self.post_message(self.TabPressed(self, number))
        elif self._point(event, "press"):
            self._is_pressed = True
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell the program."""
        event.stop()
        if self.has_focus:
            self._point(event, "move")

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Tell the program."""
        event.stop()
        if self._is_pressed:
            self._is_pressed = False
            self.release_mouse()
            self._point(event, "release")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll what the program shows."""
        event.stop()
        self._turn_wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll what the program shows."""
        event.stop()
        self._turn_wheel(event, -1)

    def _turn_wheel(self, event: events.MouseEvent, step: int) -> None:
        modes = self.shown.modes
        if self._point(event, "wheel_down" if step > 0 else "wheel_up"):
            return
        if modes.is_alternate:
            if modes.is_alternate_scroll:
                self._type(wheel_bytes(step, WHEEL_ROWS, modes))
        elif step < 0 and self.shown.history_rows:
            self.post_message(self.ScrollAsked(self, step * WHEEL_ROWS))


def _tab_cells(tab: Tab) -> int:
    return len(f" {tab.number}  ") + cell_len(fit(tab.name, TAB_CHARS)) + (len(tab.signs) + 1 if tab.signs else 0)
