"""The chips of a tag editor: wrapped, with a cursor, each removed by a key or a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.chip import chip_text, wrap
from fugue_tui.line import Line, fit
from fugue_tui.palette import DARK, Palette, tag_colour
from fugue_tui.tag_edit import Chip

SHOWN_LINES = 6
"""More lines of chips than that scroll."""
CHIPS_AT = 9
MORE_CELLS = 7


class Place(msgspec.Struct, frozen=True):
    """Where a chip is drawn."""

    index: int
    column: int
    text: str


class ChipBoard(Widget, can_focus=True):
    """Down: `show`; assign `palette`. Up: `ChipBoard.Removed`, `ChipBoard.Added`, `ChipBoard.Left`."""

    DEFAULT_CSS = "ChipBoard { height: auto; margin-bottom: 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "previous", show=False, id="chips.previous"),
        Binding("right", "move(1)", "next", show=False, id="chips.next"),
        Binding("up", "move_line(-1)", "line above", show=False, id="chips.up"),
        Binding("down", "move_line(1)", "line below", show=False, id="chips.down"),
        Binding("home", "go(0)", "first", show=False, id="chips.first"),
        Binding("end", "go(-1)", "last", show=False, id="chips.last"),
        Binding("x,delete,backspace", "remove", "remove", id="chips.remove"),
        Binding("enter", "add", "give it to all", id="chips.add"),
        Binding("tab", "leave", "to the field", show=False, id="chips.leave"),
    ]

    palette: reactive[Palette] = reactive(DARK)
    cursor: reactive[int] = reactive(0, init=False)

    @dataclass
    class Removed(Message):
        """The user wants this tag gone, from all who have it."""

        tag: str

    @dataclass
    class Added(Message):
        """The user wants all to have this tag, which only some have."""

        tag: str

    class Left(Message):
        """The user goes back to the field."""

    def __init__(self, palette: Palette = DARK, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.set_reactive(ChipBoard.palette, palette)
        self._chips: list[Chip] = []
        self._total = 0
        self._lines: list[tuple[str, list[Place]]] = []
        self._top = 0

    def show(self, chips: list[Chip], total: int) -> None:
        """Show these chips of `total` sessions; the cursor stays at its place in the row."""
        self._chips, self._total = chips, total
        self._lay_out()
        self.cursor = max(0, min(self.cursor, len(chips) - 1))
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  # Textual's
        """As many lines as the chips take, up to a limit."""
        return max(1, min(SHOWN_LINES, len(self._lines)))

    def on_resize(self) -> None:
        """Wrap anew."""
        lines = len(self._lines)
        self._lay_out()
        self.refresh(layout=len(self._lines) != lines)

    def _lay_out(self) -> None:
        room = max(4, (self.size.width or self.parent_width) - CHIPS_AT - MORE_CELLS)
        common = [place for place, chip in enumerate(self._chips) if chip.count >= self._total]
        partial = [place for place, chip in enumerate(self._chips) if chip.count < self._total]
        words = {1: ("tags", ""), 2: ("on both", "on one")}.get(self._total, ("on all", "on some"))
        self._lines = []
        for label, places in zip(words, (common, partial), strict=True):
            texts = [self._text(self._chips[place], room) for place in places]
            for number, line in enumerate(wrap([cell_len(text) for text in texts], room)):
                column, row = CHIPS_AT, []
                for at in line:
                    row.append(Place(places[at], column, texts[at]))
                    column += cell_len(texts[at]) + 1
                self._lines.append((label if number == 0 else "", row))

    @property
    def parent_width(self) -> int:
        """A width to begin with, before there is one."""
        return self.app.size.width

    def _text(self, chip: Chip, room: int) -> str:
        if chip.count >= self._total:
            return chip_text(fit(chip.tag, room - 2), self.palette)
        share = f" {chip.count}/{self._total}"
        return f"[{fit(chip.tag, max(1, room - 2 - len(share)))}{share}]"

    def render_line(self, y: int) -> Strip:
        """Return a line of chips."""
        palette, width = self.palette, self.size.width
        line = Line(width, palette.raised)
        at = self._top + y
        if not self._chips and y == 0:
            return line.put("no tags yet", palette.muted).strip()
        if at >= len(self._lines):
            return line.strip()
        label, places = self._lines[at]
        line.put(label, palette.muted).at(CHIPS_AT)
        for place in places:
            self._draw(line.at(place.column), place)
        below = sum(len(row) for _, row in self._lines[at + 1 :])
        if y == SHOWN_LINES - 1 and below:
            more = f"+{below}"
            line.at(width - len(more)).put(more, palette.muted)
        return line.strip()

    def _draw(self, line: Line, place: Place) -> None:
        chip = self._chips[place.index]
        palette, colour = self.palette, tag_colour(chip.tag, self.palette)
        if self.has_focus and place.index == self.cursor:
            line.put(place.text, palette.on_accent, bold=True, fill=palette.accent)
        elif chip.is_waiting:
            line.put(place.text, palette.muted if chip.is_leaving else colour.text, italic=True)
        elif chip.count >= self._total:
            line.put(place.text, colour.text, fill=colour.fill)
        else:
            line.put(place.text, colour.text)

    # ------------------------------------------------------------------------------------------------------- actions

    def watch_cursor(self) -> None:
        """Scroll so far that the cursor is seen."""
        at = self._line_of(self.cursor)
        self._top = max(min(self._top, at), at - SHOWN_LINES + 1, 0)
        self._top = max(0, min(self._top, len(self._lines) - SHOWN_LINES))
        self.refresh()

    def _line_of(self, index: int) -> int:
        places = (at for at, (_, row) in enumerate(self._lines) if row and row[0].index <= index <= row[-1].index)
        return next(places, 0)

    def action_move(self, step: int) -> None:
        """Go to a neighbour; past the last one, back to the field."""
        if self.cursor + step >= len(self._chips):
            self.post_message(self.Left())
        else:
            self.cursor = max(0, self.cursor + step)

    def action_move_line(self, step: int) -> None:
        """Go to the line above or below; past the last one, back to the field."""
        at = self._line_of(self.cursor) + step
        if at >= len(self._lines):
            self.post_message(self.Left())
        elif at >= 0:
            here = next((place.column for _, row in self._lines for place in row if place.index == self.cursor), 0)
            self.cursor = min(self._lines[at][1], key=lambda place: abs(place.column - here)).index

    def action_go(self, index: int) -> None:
        """Go to the first or the last."""
        self.cursor = max(0, len(self._chips) - 1 if index < 0 else index)

    def action_remove(self) -> None:
        """Ask for the tag under the cursor to go."""
        if self.cursor < len(self._chips):
            self._ask_removal(self._chips[self.cursor])

    def action_add(self) -> None:
        """Ask for all to have the tag under the cursor."""
        if self.cursor < len(self._chips) and self._chips[self.cursor].count < self._total:
            self.post_message(self.Added(self._chips[self.cursor].tag))

    def action_leave(self) -> None:
        """Go back to the field."""
        self.post_message(self.Left())

    def on_focus(self) -> None:
        """Begin at the last chip, which is next to the field."""
        self.cursor = max(0, len(self._chips) - 1)
        self.refresh()

    def on_blur(self) -> None:
        """Show no cursor."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Ask for the tag of the chip to go."""
        at = self._top + event.y
        places = self._lines[at][1] if at < len(self._lines) else []
        for place in places:
            if place.column <= event.x < place.column + cell_len(place.text):
                self._ask_removal(self._chips[place.index])

    def _ask_removal(self, chip: Chip) -> None:
        if not chip.is_leaving:
            self.post_message(self.Removed(chip.tag))
