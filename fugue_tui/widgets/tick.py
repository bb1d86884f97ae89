"""A choice between yes and no, on one row."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.keymap import told
from fugue_tui.line import Line, put_keys
from fugue_tui.palette import DARK, Palette


class Tick(Widget, can_focus=True):
    """A box, and what it means as it stands now. Down: assign `is_on` and `palette`. Up: nothing; ask for `is_on`."""

    DEFAULT_CSS = "Tick { height: 1; width: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", "change", id="tick.turn")]

    is_on: reactive[bool] = reactive(default=False)
    palette: reactive[Palette] = reactive(DARK)

    def __init__(self, off: str, on: str, *, id: str) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._words = (off, on)

    def render_line(self, y: int) -> Strip:
        """Return the row."""
        palette = self.palette
        line = Line(self.size.width, palette.pane)
        if y:
            return line.strip()
        ink = palette.accent if self.has_focus else palette.text
        line.put("[x] " if self.is_on else "[ ] ", ink, bold=self.has_focus)
        line.put(self._words[self.is_on], palette.text if self.is_on else palette.muted)
        if self.has_focus:
            put_keys(line, told(self, (("tick.turn", "change"),)), palette)
        return line.strip()

    def action_turn(self) -> None:
        """Say the opposite."""
        self.is_on = not self.is_on

    def on_click(self) -> None:
        """Say the opposite."""
        self.action_turn()

    def on_focus(self) -> None:
        """Show that keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.refresh()
