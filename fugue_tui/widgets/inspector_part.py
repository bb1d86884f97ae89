"""What the parts of the inspector have in common: a name above their rows, and keys for the messages around."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from fugue_tui.keymap import told
from fugue_tui.line import Line, put_keys
from fugue_tui.widgets.row_list import RowList

MARGIN = 3
"""Cells before the text of a row; its sign, if it has one, stands in them."""


class InspectorPart(RowList):
    """One of the inspector's lists. `j` and `k` go to the next message and the one before; the arrows stay inside.

    A subclass says its `NAME`, the `note` and the `hints` beside it; where it has heads of columns it draws them.
    Down: assign `is_named`: whether the name stands above the rows, or somewhere else. Up: `Stepped`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "step(1)", "next message", show=False, id="inspector.next"),
        Binding("k", "step(-1)", "message before", show=False, id="inspector.previous"),
    ]
    NAME: ClassVar[str]
    HAS_GAP: ClassVar[bool] = True
    HAS_COLUMNS: ClassVar[bool] = False

    is_named: reactive[bool] = reactive(default=True, init=False)

    class Stepped(Message):
        """The user wants the next message, or the one before."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    @property
    def note(self) -> str:
        """What is said beside the name."""
        return ""

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """Keys, or the ids of their bindings, that are told beside the name, each with a word; see `keymap.told`."""
        return ()

    def column_heads(self, width: int) -> Strip:
        """Return the row above the first one; drawn only by those who have columns."""
        return Line(width, self.background).strip()

    @property
    def heading_rows(self) -> int:
        """How many rows stand above the list."""
        return 1 + (self.is_named and self.HAS_GAP) + self.HAS_COLUMNS

    def heading(self, row: int, width: int) -> Strip:
        """The name, bold and in the accent where the keys go here; a blank row; heads of columns."""
        if row and self.HAS_COLUMNS and row == self.heading_rows - 1:
            return self.column_heads(width)
        line = Line(width, self.background)
        if row:
            return line.strip()
        colour = self.palette.accent if self.has_focus else self.palette.muted
        line.at(MARGIN - 1)
        if self.is_named:
            line.put(self.NAME, colour, bold=True).put("  ", colour)
        line.put(self.note, self.palette.faint, width=max(0, line.room - 1))
        put_keys(line, told(self, self.hints), self.palette)
        return line.strip()

    def watch_is_named(self) -> None:
        """Show it, or not."""
        self.show_cursor()
        self.refresh()

    def action_step(self, step: int) -> None:
        """Ask for another message."""
        self.post_message(self.Stepped(step))
