"""Reading Ghostty's cells as lines. No I/O.

A cell is a number of 64 bits whose layout is the library's own affair. Nothing here looks inside: the library is asked
once what a number means, and that is remembered. All that is taken for granted is that equal numbers are equal cells,
but for their style and whatever combines with their character, which are looked up by row.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pyghostty import GhosttyError, ffi, lib

from fugue_core.protocol.window import (
    BLINK,
    BOLD,
    DIRECT,
    FAINT,
    INVERSE,
    INVISIBLE,
    ITALIC,
    STRIKE,
    UNDERLINE,
    Line,
    Run,
)

_REMEMBERED = 65_536
"""How many different cells, and how many different styles, are remembered before all are forgotten."""

_VISIBLE_BLANK = INVERSE | UNDERLINE | STRIKE
"""With one of these a blank can be seen."""


class Style(NamedTuple):
    """How a cell looks, as a `Run` has it."""

    fg: int | None
    bg: int | None
    attrs: int


class _Cell(NamedTuple):
    """What a cell's number says.

    Fields:
        text: None where it must be looked up, since something combines with it.
        style_id: 0 where `look` is all there is to know; otherwise to be looked up.
    """

    text: str | None
    style_id: int
    look: Style


PLAIN = Style(None, None, 0)


class Stretch(NamedTuple):
    """Neighbouring cells of a row.

    Fields:
        kind: `text`: written by a program; `gap`: not written; `wide`: one blank of two cells.
        first, last: Its columns.
        look: Of a `gap`.
    """

    kind: Literal["text", "gap", "wide"]
    first: int
    last: int
    look: Style


def check(result: int, what: str) -> None:
    """Raise GhosttyError where the library says that something went wrong."""
    if result != lib.GHOSTTY_SUCCESS:
        raise GhosttyError(f"{what}: {result}")


class RowReader:
    """Read the rows of a render state.

    Cost of a row: its cells up to the last that is not blank.

    A wide character of a program that draws lines is a blank of two cells to the library, and two blanks here.
    """

    def __init__(self) -> None:
        self._cells: dict[int, _Cell] = {}
        self._wide_blanks: set[int] = set()
        self._styles: dict[bytes, Style] = {}
        row_cells = ffi.new("GhosttyRenderStateRowCells*")
        check(lib.ghostty_render_state_row_cells_new(ffi.NULL, row_cells), "row cells")
        self._row_cells = ffi.gc(row_cells[0], lib.ghostty_render_state_row_cells_free)
        self._row_cells_out = ffi.new("GhosttyRenderStateRowCells*", self._row_cells)
        self._view = ffi.new("GhosttyCellsView*")
        self._style = ffi.new("GhosttyStyle*")
        self._style.size = ffi.sizeof("GhosttyStyle")
        self._style_bytes = ffi.buffer(self._style)
        self._codepoint = ffi.new("uint32_t*")
        self._int = ffi.new("int*")
        self._short = ffi.new("uint16_t*")
        self._byte = ffi.new("uint8_t*")
        self._rgb = ffi.new("GhosttyColorRgb*")

    def read(self, row: Any) -> Line:
        """Return the row at which an iterator over rows stands."""
        view = self._view
        check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, view), "row")
        numbers = ffi.unpack(view.ptr, view.len)
        known = self._cells
        styles: dict[int, Style] = {}  # of this row: another may have others by the same ids
        runs: list[Run] = []
        texts: list[str] = []
        current = PLAIN
        for column in range(_used(numbers)):
            number = numbers[column]
            cell = known.get(number) or self._ask(number)
            text, style_id, look = cell
            if style_id or text is None:
                text, look = self._look_up(row, column, cell, styles)
            if look != current:
                if texts:
                    runs.append(Run("".join(texts), *current))
                    texts = []
                current = look
            texts.append(text)
        if texts:
            runs.append(Run("".join(texts), *current))
        return _trimmed(runs)

    def stretches(self, row: Any) -> list[Stretch] | None:
        """Return what the row is made of, up to its last cell that is not blank; None: it is all text and ends in it.

        Blanks of two cells are found where `read` has met their like.
        """
        view = self._view
        check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, view), "row")
        numbers = ffi.unpack(view.ptr, view.len)
        del numbers[_used(numbers) :]
        if numbers and 0 not in numbers and self._wide_blanks.isdisjoint(numbers) and not self._is_gap(numbers[-1]):
            return None
        found: list[Stretch] = []
        for column, number in enumerate(numbers):
            is_wide = number in self._wide_blanks
            is_gap = self._is_gap(number)
            look = self._cells[number].look if is_gap and number else PLAIN
            here = Stretch("wide" if is_wide else "gap" if is_gap else "text", column, column, look)
            if not found or found[-1].last < column:
                before = found.pop() if found and found[-1][::3] == here[::3] and not is_wide else here
                found.append(here._replace(first=before.first, last=column + is_wide))
        return found

    def _is_gap(self, number: int) -> bool:
        """Say whether nothing is written in a cell, but that it may have a background."""
        cell = self._cells.get(number) or self._ask(number)
        return not number or (cell.look != PLAIN and not cell.style_id)

    def _ask(self, number: int) -> _Cell:
        """Ask the library what a cell's number means."""
        self._get(number, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, self._int)
        tag = self._int[0]
        self._get(number, lib.GHOSTTY_CELL_DATA_WIDE, self._int)
        wide = self._int[0]
        self._get(number, lib.GHOSTTY_CELL_DATA_STYLE_ID, self._short)
        style_id = self._short[0]
        look = PLAIN
        text: str | None = " "
        if tag == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            self._get(number, lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, self._byte)
            look = Style(None, self._byte[0], 0)
            style_id = 0
        elif tag == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            self._get(number, lib.GHOSTTY_CELL_DATA_COLOR_RGB, self._rgb)
            look = Style(None, _direct(self._rgb), 0)
            style_id = 0
        elif wide == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL:
            text = ""
        else:
            self._get(number, lib.GHOSTTY_CELL_DATA_CODEPOINT, self._codepoint)
            text = chr(self._codepoint[0]) if self._codepoint[0] else " "
            if text == " " and wide == lib.GHOSTTY_CELL_WIDE_WIDE:
                text = "  "  # and nothing that combines with it
            elif tag == lib.GHOSTTY_CELL_CONTENT_CODEPOINT_GRAPHEME:
                text = None
        cell = _Cell(text, style_id, look)
        if len(self._cells) >= _REMEMBERED:
            self._cells.clear()
            self._wide_blanks.clear()
        self._cells[number] = cell
        if text == "  ":
            self._wide_blanks.add(number)
        return cell

    def _get(self, number: int, data: int, out: Any) -> None:
        check(lib.ghostty_cell_get(number, data, out), "cell")

    def _look_up(self, row: Any, column: int, cell: _Cell, styles: dict[int, Style]) -> tuple[str, Style]:
        """Return what the number alone does not say; `styles` are those that were met in this row."""
        if not styles:
            styles[0] = cell.look
            out = self._row_cells_out
            check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, out), "row")
        look = styles.get(cell.style_id)
        if look is None:
            look = styles[cell.style_id] = self._look(column)
        return self._cluster(column) if cell.text is None else cell.text, look

    def _look(self, column: int) -> Style:
        """Return the style in that column of the row whose cells are selected."""
        check(lib.ghostty_render_state_row_cells_select(self._row_cells, column), "column")
        data = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
        check(lib.ghostty_render_state_row_cells_get(self._row_cells, data, self._style), "style")
        packed = self._style_bytes[:]
        look = self._styles.get(packed)
        if look is None:
            if len(self._styles) >= _REMEMBERED:
                self._styles.clear()
            look = self._styles[packed] = style(self._style)
        return look

    def _cluster(self, column: int) -> str:
        """Return the character in that column with all that combines with it."""
        check(lib.ghostty_render_state_row_cells_select(self._row_cells, column), "column")
        data = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN
        check(lib.ghostty_render_state_row_cells_get(self._row_cells, data, self._codepoint), "cluster")
        codepoints = ffi.new("uint32_t[]", self._codepoint[0])
        data = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF
        check(lib.ghostty_render_state_row_cells_get(self._row_cells, data, codepoints), "cluster")
        return "".join(map(chr, codepoints))


def _used(numbers: list[int]) -> int:
    """Return how many cells there are up to the last that is not blank: that something is in."""
    used = len(numbers)
    while used and not numbers[used - 1]:
        used -= 1
    return used


def _trimmed(runs: list[Run]) -> Line:
    """Leave out blanks at the end that nobody could see."""
    while runs:
        last = runs[-1]
        if last.bg is not None or last.attrs & _VISIBLE_BLANK or not last.text.endswith(" "):
            break
        text = last.text.rstrip(" ")
        if text:
            runs[-1] = Run(text, last.fg, last.bg, last.attrs)
            break
        runs.pop()
    return tuple(runs)


def style(found: Any) -> Style:
    """Return a style of the library's as a `Run` has it."""
    attrs = (
        BOLD * found.bold
        | FAINT * found.faint
        | ITALIC * found.italic
        | UNDERLINE * bool(found.underline)
        | BLINK * found.blink
        | INVERSE * found.inverse
        | INVISIBLE * found.invisible
        | STRIKE * found.strikethrough
    )
    return Style(colour(found.fg_color), colour(found.bg_color), attrs)


def colour(found: Any) -> int | None:
    """Return a colour of the library's as a `Run` has it."""
    if found.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
        palette: int = found.value.palette
        return palette
    if found.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
        return _direct(found.value.rgb)
    return None


def _direct(rgb: Any) -> int:
    direct: int = DIRECT | rgb.r << 16 | rgb.g << 8 | rgb.b
    return direct
