"""One row of text in the palette's colours, some of it to be clicked."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_core.printable import printable
from fugue_tui.ink import Ink, width_of
from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette


class TextRow(Widget):
    """Pieces from the left, and pieces at the right edge, which stay whole as long as they can.

    Down: assign `left`, `right`, `fill` and `bar`. Up: `TextRow.Pressed`.
    """

    palette: reactive[Palette] = reactive(DARK)
    left: reactive[tuple[Ink, ...]] = reactive((), layout=True)
    right: reactive[tuple[Ink, ...]] = reactive(())
    fill: reactive[str] = reactive("pane")
    bar: reactive[str] = reactive("")
    """The role of the bar in the first cell; empty: there is none."""

    @dataclass
    class Pressed(Message):
        """The user clicked on a piece that means something."""

        text_row: TextRow
        press: str

        @property
        def control(self) -> TextRow:
            """The row that this came from."""
            return self.text_row

    def __init__(self, *left: Ink, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id, classes=classes)
        self.set_reactive(TextRow.left, left)

    @property
    def text(self) -> str:
        """All that it says."""
        return " ".join(printable(piece.text) for piece in (*self.left, *self.right))

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002  # as Textual asks
        """The pieces, where the width is `auto`."""
        return width_of(self.left) + width_of(self.right)

    def render_line(self, y: int) -> Strip:
        """Return the row."""
        width = self.size.width
        paper = self.colour(self.fill)
        if y:
            return Line(width, paper).strip()
        room = max(0, width - width_of(self.right) - (1 if self.right else 0))
        line = Line(room, paper)
        if self.bar:
            line.put("▌", self.colour(self.bar))
        self._put(line, self.left)
        if not self.right:
            return line.strip()
        end = Line(width - room, paper).at(1)
        self._put(end, self.right)
        return Strip.join([line.strip(), end.strip()])

    def colour(self, role: str) -> str:
        """Return the colour of a role; a colour is its own."""
        found = getattr(self.palette, role, role)
        return found if isinstance(found, str) else role

    def on_click(self, event: events.Click) -> None:
        """Say what was clicked."""
        column = 1 if self.bar else 0
        for piece in self.left:
            column += cell_len(printable(piece.text))
            if event.x < column:
                self._press(piece)
                return
        column = self.size.width - width_of(self.right)
        for piece in self.right:
            column += cell_len(printable(piece.text))
            if event.x < column:
                self._press(piece)
                return

    def _press(self, piece: Ink) -> None:
        if piece.press:
            self.post_message(self.Pressed(self, piece.press))

    def _put(self, line: Line, pieces: tuple[Ink, ...]) -> None:
        for piece in pieces:
            fill = self.colour(piece.fill) if piece.fill else None
            line.put(
                piece.text,
                self.colour(piece.role),
                bold=piece.bold,
                italic=piece.italic,
                underline=piece.underline,
                fill=fill,
            )
