"""The payload of a message: pretty, highlighted, folding."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, chop_cells
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_tui.jsonlines import MAX_INDENT, JsonLine, Piece, lay_out
from fugue_tui.line import Line
from fugue_tui.widgets.inspector_part import MARGIN, InspectorPart
from fugue_tui.widgets.message_row import draw_pieces
from fugue_tui.widgets.row_list import RowList

WRAPPED_ROWS = 400
"""Rows that one long string takes; the rest is cut."""
KEPT_ROWS = 20_000


class PayloadRow:
    """One row of the payload as it is seen: a line of the layout, or what a long one goes on with."""

    __slots__ = ("indent", "is_folded", "line", "number", "pieces")

    def __init__(self, line: JsonLine, number: int, indent: int, pieces: list[Piece], *, is_folded: bool) -> None:
        self.line = line
        self.number = number
        self.indent = indent
        self.pieces = pieces
        self.is_folded = is_folded


class PayloadView(InspectorPart):
    """The payload, pretty, highlighted and folding. Down: `show`. Up: nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "fold", show=False, id="payload.fold"),
        Binding("left,h", "fold(True)", "close", show=False, id="payload.close"),
        Binding("right,l", "fold(False)", "open", show=False, id="payload.open"),
    ]
    NAME = "payload"
    NUMBER_CELLS = 7

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._lines: list[JsonLine] = []
        self._folded: set[int] = set()
        self._rows: list[PayloadRow] = []
        self._size_bytes = 0

    @property
    def count(self) -> int:
        """How many rows are seen."""
        return len(self._rows)

    def show(self, payload: bytes) -> None:
        """Show another payload, from its beginning."""
        self._size_bytes = len(payload)
        self._lines = lay_out(payload.decode(errors="replace"))
        self._folded = set()
        self._lay_rows()
        self.set_reactive(RowList.cursor, 0)
        self._top = 0
        self.refresh()

    def _lay_rows(self) -> None:
        room = max(8, self.size.width - MARGIN - self.NUMBER_CELLS)
        self._rows = []
        place = 0
        while place < len(self._lines) and len(self._rows) < KEPT_ROWS:
            line = self._lines[place]
            is_folded = place in self._folded and line.end is not None
            pieces = line.pieces
            following = place + 1
            if is_folded and line.end is not None:
                pieces = _folded_pieces(line, self._lines[line.end])
                following = line.end + 1
            self._add_rows(line, place + 1, pieces, room, is_folded=is_folded)
            place = following

    def _add_rows(self, line: JsonLine, number: int, pieces: list[Piece], room: int, *, is_folded: bool) -> None:
        indent = min(2 * line.depth, MAX_INDENT, room // 2)
        wrapped = _wrap(pieces, room - indent)
        for nth, part in enumerate(wrapped):
            self._rows.append(PayloadRow(line, number if nth == 0 else 0, indent, part, is_folded=is_folded))

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._lay_rows()
        self.show_cursor()
        self.refresh()

    @property
    def note(self) -> str:
        """The size."""
        return f"{self._size_bytes:,} bytes"

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """What the status bar has no room for where one part is seen at a time."""
        return (
            ()
            if self.is_named
            else (("payload.fold", "fold"), ("inspector.copy_payload", "copy"), ("inspector.export", "export"))
        )

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A row: its number, a mark where it folds, and the JSON."""
        row, palette = self._rows[index], self.palette
        line = Line(width, fill)
        faint = palette.muted if fill != self.background else palette.faint
        if row.number:
            line.at(1).put(str(row.number).rjust(4), palette.ghost)
            if row.line.end is not None:
                line.at(6).put("▸" if row.is_folded else "▾", faint)
        line.at(MARGIN + self.NUMBER_CELLS - 2 + row.indent)
        colours = {
            "key": palette.json_key,
            "string": palette.json_string,
            "number": palette.json_number,
            "literal": palette.json_literal,
            "punctuation": faint,
            "note": palette.muted,
        }
        draw_pieces(line, row.pieces, line.room, colours, palette.text)
        return line.strip()

    def action_fold(self, wanted: bool | None = None) -> None:  # noqa: FBT001  # from a binding
        """Close or open what begins here; where nothing does, close what this is in."""
        if not self._rows:
            return
        row = self._rows[self.cursor]
        place = next(place for place in range(self.cursor, -1, -1) if self._rows[place].number)
        number = self._rows[place].number - 1
        if row.line.end is None:
            if wanted is False:
                return
            number = next(
                (
                    place
                    for place in range(number, -1, -1)
                    if (end := self._lines[place].end) is not None and end >= number > place
                ),
                -1,
            )
            if number < 0:
                return
            wanted = True
        is_closed = number not in self._folded if wanted is None else wanted
        (self._folded.add if is_closed else self._folded.discard)(number)
        self._lay_rows()
        at = next((place for place, known in enumerate(self._rows) if known.number == number + 1), 0)
        self.rest_at(at)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; on the mark, fold."""
        super().on_click(event)
        if event.x <= MARGIN + self.NUMBER_CELLS and event.y >= self.heading_rows:
            self.action_fold()


def _folded_pieces(opening: JsonLine, closing: JsonLine) -> list[Piece]:
    word = "key" if closing.pieces[0].text == "}" else "item"
    count = f" {opening.children:,} {word}{'' if opening.children == 1 else 's'} "
    return [*opening.pieces, Piece("note", count), *closing.pieces]


def _wrap(pieces: list[Piece], room: int) -> list[list[Piece]]:
    """Return pieces on as many rows as they need, at most `WRAPPED_ROWS`; text is printable before it is counted."""
    rows: list[list[Piece]] = [[]]
    left = room
    for role, text in pieces:
        shown = printable(text[: WRAPPED_ROWS * room])
        while (len(shown) > left or cell_len(shown) > left) and len(rows) < WRAPPED_ROWS:
            if role != "string" or left < 8:  # noqa: PLR2004  # no use to begin here
                if not rows[-1]:
                    break
                rows.append([])
                left = room
                continue
            parts = chop_cells(shown[: left + 1], left)
            rows[-1].append(Piece(role, parts[0]))
            shown = shown[len(parts[0]) :]
            rows.append([])
            left = room
        rows[-1].append(Piece(role, shown))
        left -= cell_len(shown)
    return rows
