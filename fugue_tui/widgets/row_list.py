"""A pane of rows with a cursor: what the session list and the message log have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.line import Line, fit, strip_of, style_of
from fugue_tui.palette import DARK, Palette

WHEEL_ROWS = 3
TIGHT = 60
"""In a title of fewer cells what can be said in a word is."""


class RowList(Widget, can_focus=True):
    """Rows drawn one by one as they come into view, below a title row. Only what is seen is ever drawn.

    It keeps its own scroll position: a scrolling container would lay itself out anew for each row that comes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "up", show=False, id="list.up"),
        Binding("home,g", "go(0)", "first", show=False, id="list.first"),
        Binding("end,G", "go(-1)", "last", show=False, id="list.last"),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False, id="list.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False, id="list.page_up"),
    ]

    HEADING_ROWS: ClassVar[int] = 1
    cursor: reactive[int] = reactive(0, init=False)
    palette: reactive[Palette] = reactive(DARK, init=False)
    unseen: reactive[tuple[str, ...]] = reactive((), init=False)
    """The panes that this one stands in front of, each with what waits there; the title tells of them."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._top = 0
        self._drawn: list[Strip] | None = None
        self._drawn_size = Size(0, 0)
        self._is_behind = False

    # ------------------------------------------------------------------------------------------- what a subclass says

    @property
    @abstractmethod
    def count(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def heading(self, row: int, width: int) -> Strip:
        """Return one of the rows above the list; 0 is the title."""

    @abstractmethod
    def draw(self, index: int, width: int, fill: str) -> Strip:
        """Return a row on a background."""

    def can_rest_on(self, index: int) -> bool:  # noqa: ARG002  # every row, unless a subclass says otherwise
        """Say whether the cursor may stand on this row."""
        return True

    @property
    def foot_rows(self) -> int:
        """How many rows at the foot are not the list's."""
        return 0

    def foot(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is none, unless a subclass says otherwise
        """Return one of the rows below the list; 0 is the first."""
        return Line(width, self.background).strip()

    # ------------------------------------------------------------------------------------------------------- drawing

    @property
    def visible_rows(self) -> int:
        """How many rows fit."""
        return max(0, self.size.height - self.heading_rows - self.foot_rows)

    @property
    def is_active(self) -> bool:
        """Whether the keys go here, or to a field within."""
        return self.has_focus_within

    def render_line(self, y: int) -> Strip:
        """Return a line of the pane, see `Widget`."""
        return self._draw_lines(range(y, y + 1))[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of the pane, see `Widget`.

        What is drawn here is all that is seen. So a line stays the same object for as long as it says the same, and
        with it stays what Textual has made of it for the terminal; Textual's own way would make each anew, to add
        borders and tints. It is taken only where there are any.
        """
        if self.gutter or self.styles.tint.a or self.opacity < 1:
            return super().render_lines(crop)
        if self._drawn is None or self._drawn_size != self.size:
            self._drawn, self._drawn_size = self._draw_lines(range(self.size.height)), self.size
        lines = self._drawn[crop.y : crop.bottom]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            lines = [line.apply_filter(line_filter, background) for line in lines]
        return lines if crop.width == self.region.width else [line.crop(*crop.column_span) for line in lines]

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw all lines anew, see `Widget`."""
        self._drawn = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def refresh_changed(self) -> None:
        """Draw the lines anew that will say something else; a terminal far away is sent no more than those."""
        if self._drawn is None or self._drawn_size != self.size:
            self.refresh()
        elif not self._is_behind:
            self._is_behind = True
            self.call_next(self._catch_up)  # once, however much changes until then

    def _catch_up(self) -> None:
        self._is_behind = False
        drawn, width = self._drawn, self.size.width
        if drawn is None or self._drawn_size != self.size:
            return  # all of it is to be drawn anew
        self._drawn = self._draw_lines(range(self.size.height))
        pairs = zip(self._drawn, drawn, strict=True)
        changed = [Region(0, y, width, 1) for y, (line, was) in enumerate(pairs) if line is not was]
        if changed:
            super().refresh(*changed)

    def _draw_lines(self, lines: range) -> list[Strip]:
        width, heading_rows = self.size.width, self.heading_rows
        foot_at = heading_rows + self.visible_rows
        return [
            self.heading(y, width)
            if y < heading_rows
            else self.foot(y - foot_at, width)
            if y >= foot_at
            else self._draw_row(y - heading_rows, width)
            for y in lines
        ]

    def _draw_row(self, row: int, width: int) -> Strip:
        index, fill = self._top + row, self.background
        if index >= self.count:
            return self.empty(row, width)
        if index != self.cursor:
            return self.draw(index, width, fill)
        fill = self.palette.cursor if self.is_active else self.palette.cursor_weak
        return self._with_bar(self.draw(index, width, fill), fill)

    def empty(self, row: int, width: int) -> Strip:  # noqa: ARG002  # all alike, unless a subclass says otherwise
        """Return a line on which no row is; 0 is the first below the heading."""
        return Line(width, self.background).strip()

    @property
    def background(self) -> str:
        """What the pane stands on."""
        return self.palette.pane

    def title(self, width: int, name: str, note: str, right: str = "", right_colour: str | None = None) -> Strip:
        """Return a title row: raised, and with the accent's bar where the pane has the focus."""
        palette = self.palette
        fill = palette.raised if self.is_active else self.background
        line = Line(width, fill)
        line.put("▌" if self.is_active else " ", palette.accent).at(2)
        line.put(name, palette.accent if self.is_active else palette.muted, bold=self.is_active)
        line.put(" ", palette.muted).put(note, palette.faint)
        sign = " · " if note else "· "
        for words in self.unseen:
            if len(sign) + len(words) <= line.room - cell_len(right) - 2:
                line.put(sign, palette.faint).put(words, palette.muted)
                sign = " · "
        right = fit(right, max(0, width - 3 - line.column))
        line.at(width - 1 - cell_len(right)).put(right, right_colour or palette.faint)
        return line.strip()

    @property
    def heading_rows(self) -> int:
        """How many rows stand above the list."""
        return self.HEADING_ROWS

    def _with_bar(self, strip: Strip, fill: str) -> Strip:
        colour = self.palette.accent if self.is_active else self.palette.ghost
        return strip_of((Segment("▌", style_of(colour, fill)), *strip.crop(1)), strip.cell_length)

    # -------------------------------------------------------------------------------------------------------- moving

    def show_cursor(self) -> None:
        """Scroll so far that the row under the cursor is seen."""
        rows = self.visible_rows
        if self.cursor < self._top:
            self._top = self.cursor
        elif rows and self.cursor >= self._top + rows:
            self._top = self.cursor - rows + 1
        self._top = max(0, min(self._top, self.count - rows))

    def rest_at(self, index: int, step: int = 1) -> None:
        """Put the cursor on a row, or on the next in the direction of `step` on which it may stand."""
        index = max(0, min(index, self.count - 1))
        for direction in (step, -step):
            at = index
            while 0 <= at < self.count and not self.can_rest_on(at):
                at += direction
            if 0 <= at < self.count:
                self.cursor = at
                break
        self.show_cursor()
        self.refresh_changed()

    def watch_cursor(self) -> None:
        """Show where the cursor is."""
        self.show_cursor()
        self.refresh_changed()

    def watch_unseen(self) -> None:
        """Tell of them."""
        self.refresh_changed()

    def watch_palette(self) -> None:
        """Draw in the new colours."""
        self.refresh()

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self.rest_at(self.cursor + step, step)

    def action_go(self, index: int) -> None:
        """Move the cursor to a row; -1: the last."""
        self.rest_at(self.count - 1 if index < 0 else index, -1 if index < 0 else 1)

    def action_page(self, direction: int) -> None:
        """Move the cursor by half of what is seen."""
        self.rest_at(self.cursor + direction * max(1, self.visible_rows // 2), direction)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.rest_at(self.cursor + WHEEL_ROWS, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.rest_at(self.cursor - WHEEL_ROWS, -1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse points."""
        index = self.index_at(event.y)
        if index is not None:
            self.rest_at(index)

    def index_at(self, y: int) -> int | None:
        """Return the row that is drawn on a line of the pane, if one is."""
        row = y - self.heading_rows
        return self._top + row if 0 <= row < self.visible_rows and self._top + row < self.count else None

    def on_focus(self) -> None:
        """Show that keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.show_cursor()
        self.refresh()
