"""The command that sends the same message, and what came of the last key."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_core.printable import printable
from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette
from fugue_tui.widgets.inspector_part import MARGIN, InspectorPart

SHOWN_ROWS = 400
"""Rows of a command; what is copied is all of it."""
PROMPT = " $ "
PROGRAM_WORDS = 2
"""`fugue send`."""
VERDICT_ROWS = 3


class CommandView(InspectorPart):
    """The command in a well, on as many rows as it needs.

    Down: assign `command`. Up: `Rewrapped`, and what every part posts.
    """

    NAME = "as a command"
    HAS_GAP = False

    command: reactive[str] = reactive("", init=False)

    class Rewrapped(Message):
        """It needs another number of rows, since its width is another."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._rows: list[str] = []

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """The key that copies it."""
        return (("inspector.copy_command", "copy"),)

    @property
    def count(self) -> int:
        """How many rows it takes."""
        return len(self._rows)

    def watch_command(self) -> None:
        """Show another one, from its beginning."""
        self._wrap()
        self.action_go(0)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        was = self.count
        self._wrap()
        if self.count != was:
            self.post_message(self.Rewrapped())
        self.show_cursor()
        self.refresh()

    def _wrap(self) -> None:
        room = max(8, self.size.width - MARGIN - len(PROMPT) - 3)
        self._rows = wrap_words(self.command[: SHOWN_ROWS * room], room)[:SHOWN_ROWS]

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A row of the well."""
        palette = self.palette
        well_fill = fill if self.has_focus and index == self.cursor else palette.sidebar
        well = Line(max(0, width - MARGIN - 1), well_fill)
        well.put(PROMPT if index == 0 else " " * len(PROMPT), palette.ghost)
        row = self._rows[index]
        words = row.split(" ") if index == 0 else []
        program = " ".join(words[:PROGRAM_WORDS])
        well.put(program, palette.accent).put(row[len(program) :], palette.text)
        edge = Line(MARGIN - 1, fill).strip()
        return Strip.join([edge, well.strip(), Line(2, self.background).strip()])


class Verdict(Widget):
    """What came of a resend, a copy or an export, in at most `VERDICT_ROWS`. Down: assign `text`, `is_bad`."""

    palette: reactive[Palette] = reactive(DARK)
    text: reactive[str] = reactive("")
    is_bad: reactive[bool] = reactive(default=False)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._take_room()

    def watch_text(self) -> None:
        """Take as many rows as it needs."""
        self._take_room()

    def _take_room(self) -> None:
        rows = max(1, len(self._rows()))
        if self.styles.height is None or self.styles.height.value != rows:
            self.styles.height = rows

    def _rows(self) -> list[str]:
        return wrap_words(self.text, max(8, self.size.width - MARGIN))[:VERDICT_ROWS]

    def render_line(self, y: int) -> Strip:
        """Return a row of it."""
        palette, width, rows = self.palette, self.size.width, self._rows()
        line = Line(width, palette.pane).at(MARGIN - 1)
        if y < len(rows):
            line.put(rows[y], palette.bad if self.is_bad else palette.ok, width=max(0, width - MARGIN))
        return line.strip()


def wrap_words(text: str, room: int) -> list[str]:
    """Return text on rows of at most `room` cells, printable, broken between words where that is possible."""
    rows: list[str] = []
    for word in printable(text).split(" "):
        if rows and cell_len(rows[-1]) + 1 + cell_len(word) <= room:
            rows[-1] = f"{rows[-1]} {word}"
        else:
            rows += chop_cells(word, room)
    return rows
