"""What has scrolled out of a terminal: looked through, searched and copied, while the program goes on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from fugue_core.protocol.window import Line, LineRange
from fugue_tui.cells import draw_line, highlighted, text_of, with_cursor
from fugue_tui.line import Line as TextLine
from fugue_tui.line import style_of
from fugue_tui.palette import REVERSE, Palette, css_colour
from fugue_tui.selection import ENDLESS, Place, Selection, column_of, snapped, stepped, word_from
from fugue_tui.terminal import WindowKey
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.prefix import PrefixWidget
from fugue_tui.widgets.row_list import RowList

PAGE_LINES = 200
MATCHES_DRAWN = 50
"""In one line."""


def matching_lines(text: str, wanted: str) -> list[int]:
    """Return the lines of a text in which something occurs; capitals count where there is one in it."""
    lines = text.split("\n")
    if wanted == wanted.lower():
        return [number for number, line in enumerate(lines) if wanted in line.lower()]
    return [number for number, line in enumerate(lines) if wanted in line]


class Scrollback(RowList, PrefixWidget):
    """Lines from the oldest that is kept to the last on the screen, with a cursor that stands on a character.

    Down: the window and how many lines there are, at the beginning; `take_lines`; `show_matches`; `say`. Up:
    `LinesAsked`, `SearchAsked`, `CopyAsked`, `Closed`, and what is about the prefix. Only lines that come into view
    are asked for.
    """

    DEFAULT_CSS = """
    Scrollback { position: absolute; }
    Scrollback > Field { display: none; dock: top; width: 1fr; height: 1; border: none; padding: 0 2; }
    Scrollback.searching > Field { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", key_display="/", id="scrollback.search"),
        Binding("n", "match(-1)", "match above", id="scrollback.next"),
        Binding("N", "match(1)", "match below", show=False, id="scrollback.previous"),
        Binding("v,space", "mark", "select", id="scrollback.mark"),
        Binding("V", "mark(True)", "lines", id="scrollback.mark_lines"),
        Binding("y,enter", "copy", "copy", id="scrollback.copy"),
        Binding("left,h", "step(-1)", "character before", show=False, id="scrollback.left"),
        Binding("right,l", "step(1)", "character after", show=False, id="scrollback.right"),
        Binding("w", "word(1)", "next word", show=False, id="scrollback.word"),
        Binding("b", "word(-1)", "word before", show=False, id="scrollback.word_before"),
        Binding("0", "edge(-1)", "first character", show=False, id="scrollback.line_start"),
        Binding("dollar_sign", "edge(1)", "last character", show=False, id="scrollback.line_end"),
        Binding("escape,q", "leave", "back to the program", id="scrollback.leave"),
    ]

    @dataclass
    class LinesAsked(Message):
        """Lines have come into view: answer with `take_lines`."""

        scrollback: Scrollback
        first: int
        limit: int

    @dataclass
    class SearchAsked(Message):
        """The user looks for something: answer with `show_matches`."""

        scrollback: Scrollback
        text: str

    @dataclass
    class CopyAsked(Message):
        """The user wants this in the clipboard; rows are numbers of lines."""

        scrollback: Scrollback
        chosen: Selection

    @dataclass
    class Closed(Message):
        """The user wants the program back."""

        scrollback: Scrollback

    def __init__(self, window: WindowKey, cols: int, total: int, palette: Palette) -> None:
        super().__init__(id="scrollback")
        self.set_reactive(RowList.palette, palette)
        self.window = window
        self._cols = cols
        self._total = total
        self._lines: dict[int, Line] = {}
        self._asked: set[int] = set()
        self._anchor: Place | None = None
        self._is_by_lines = False
        self._column: int | None = 0
        self._wanted = ""
        self._matches: Sequence[int] = ()
        self._note = ""
        self.set_reactive(RowList.cursor, max(0, total - 1))

    def compose(self) -> ComposeResult:
        """Return the field for what is looked for, seen only while it is used."""
        yield Field(placeholder="find above; capitals count where you type one", compact=True)

    # ---------------------------------------------------------------------------------------------------------- down

    def take_lines(self, found: LineRange) -> None:
        """Show lines that were asked for."""
        for number, line in enumerate(found.lines, found.first):
            self._lines[number] = line
        self._total = max(self._total, found.total)
        self.refresh_changed()

    def show_matches(self, text: str, matches: Sequence[int]) -> None:
        """Mark what was found, and go to the nearest above."""
        self._wanted, self._matches = text, matches
        self._note = "" if matches else "found nothing"
        self.refresh()
        if matches:
            place = bisect_right(matches, self.cursor) - 1
            self._rest_at_match(matches[max(0, place)])

    def say(self, note: str) -> None:
        """Say something in the title."""
        self._note = note
        self.refresh()

    # ------------------------------------------------------------------------------------------------------- drawing

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self._total

    def heading(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is one
        """Where one is, and what was found."""
        found = f"{len(self._matches):,} lines with {self._wanted}" if self._matches else self._note
        return self.title(width, "Scrollback", f"{self.cursor + 1:,} of {self._total:,}", found, self.palette.accent)

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """Return a line in the program's own colours."""
        line = self._lines.get(index)
        if line is None:
            self._ask_for(index)
            return TextLine(width, fill).strip()
        fill = self.background if fill == REVERSE else fill  # for cells that have colours of their own it is none
        strip = draw_line(line, max(self._cols, width), width, self.palette, fill)
        if self._wanted:
            strip = self._with_matches(strip, line)
        if self._anchor is not None:
            start, end = self._chosen.span(index, text_of(line))
            strip = highlighted(strip, start, min(end, width), self._chosen_style)
        return with_cursor(strip, self.column, "block") if index == self.cursor and self.is_active else strip

    def _with_bar(self, strip: Strip, fill: str) -> Strip:  # noqa: ARG002  # the fill says it: every column is the program's
        return strip

    @property
    def _chosen_style(self) -> Style:
        palette = self.palette
        return Style(reverse=True) if palette.is_ansi else Style(bgcolor=palette.accent_fill)

    def _with_matches(self, strip: Strip, line: Line) -> Strip:
        text, wanted = text_of(line), self._wanted
        style = style_of(self.palette.on_accent, self.palette.accent, bold=True)
        at = self._find(text)
        for _ in range(MATCHES_DRAWN):
            if at < 0:
                break
            start = cell_len(text[:at])
            strip = highlighted(strip, start, start + cell_len(text[at : at + len(wanted)]), style)
            at = self._find(text, at + len(wanted))
        return strip

    def _ask_for(self, index: int) -> None:
        page = index // PAGE_LINES
        if page not in self._asked:
            self._asked.add(page)
            # straight to the app: what is posted while the screen draws goes up no further than to the screen
            self.app.post_message(self.LinesAsked(self, page * PAGE_LINES, PAGE_LINES))

    # --------------------------------------------------------------------------------------------------------- places

    @property
    def column(self) -> int:
        """The cell in which the character under the cursor begins."""
        text = self._text_at(self.cursor)
        if self._column is None:
            return column_of(text, max(0, self._find(text)))
        return snapped(text, self._column)

    @property
    def _chosen(self) -> Selection:
        """What is marked; without a mark, the line under the cursor."""
        here = Place(self.cursor, self.column)
        if self._anchor is None:
            return Selection(anchor=here, cursor=here, is_lines=True)
        return Selection(anchor=self._anchor, cursor=here, is_lines=self._is_by_lines)

    def _text_at(self, row: int) -> str:
        """Return what a line says, without the blanks at its end; nothing where it is not at hand."""
        return text_of(self._lines.get(row, ())).rstrip()

    def _find(self, text: str, start: int = 0) -> int:
        searched = text.lower() if self._wanted == self._wanted.lower() else text
        return searched.find(self._wanted, start)

    def rest_at(self, index: int, step: int = 1) -> None:
        """Put the cursor on a line; it stays in its column, as far as the line has so many."""
        self._column = self.column if self._column is None else self._column
        super().rest_at(index, step)
        if self._anchor is not None:
            self.refresh()

    def _rest_at_match(self, row: int) -> None:
        self.rest_at(row)
        self._column = None  # where the match is, which is not known before the line has come
        self.refresh()

    def _go_to(self, column: int) -> None:
        self._column = column
        self.refresh()

    # ---------------------------------------------------------------------------------------------------------- keys

    def on_key(self, event: events.Key) -> None:
        """Let the prefix be the pane's, also while something is looked for."""
        if self.take_prefix(event) and self.has_class("searching"):
            self._close_field()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a character."""
        if self.index_at(event.y) is not None:
            self._go_to(int(event.x))

    def on_mount(self) -> None:
        """Begin at the end."""
        self.show_cursor()
        self.focus()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """From the end go back to the program; else the base class scrolls."""
        if self.cursor == self.count - 1:
            event.stop()
            event.prevent_default()
            self.action_leave()

    def action_search(self) -> None:
        """Open the field in place of the title."""
        field = self.query_one(Field)
        field.styles.background = css_colour(self.palette.raised)
        field.styles.color = css_colour(self.palette.text)
        field.value = self._wanted
        self.add_class("searching")
        field.focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_field()
        if event.value:
            self.post_message(self.SearchAsked(self, event.value))
        else:
            self.show_matches("", ())

    def action_match(self, step: int) -> None:
        """Go to the next line above, or below, in which something was found."""
        if not self._matches:
            return
        before, after = bisect_left(self._matches, self.cursor) - 1, bisect_right(self._matches, self.cursor)
        place = (before if step < 0 else after) % len(self._matches)
        self._rest_at_match(self._matches[place])

    def action_mark(self, is_by_lines: bool = False) -> None:  # noqa: FBT001, FBT002  # from a binding
        """Choose from here on, by characters or by lines; the same key again ends it, the other one goes over to it."""
        if self._anchor is None:
            self._anchor = Place(self.cursor, self.column)
        elif self._is_by_lines == is_by_lines:
            self._anchor = None
        self._is_by_lines = is_by_lines
        self.refresh()

    def action_step(self, step: int) -> None:
        """Go to the next character, or back."""
        self._go_to(stepped(self._text_at(self.cursor), self.column, step))

    def action_edge(self, step: int) -> None:
        """Go to the line's first character, or to its last."""
        self._go_to(0 if step < 0 else snapped(self._text_at(self.cursor), ENDLESS))

    def action_word(self, step: int) -> None:
        """Go to the next word, or to the one before; where the line has none, to that of the line after or before."""
        column = word_from(self._text_at(self.cursor), self.column, step)
        row = self.cursor + step
        if column is None and 0 <= row < self.count:
            column = word_from(self._text_at(row), -1 if step > 0 else ENDLESS, step) or 0
            self.rest_at(row, step)
        if column is not None:
            self._go_to(column)

    def action_copy(self) -> None:
        """Copy what is marked, or the line under the cursor."""
        chosen, self._anchor = self._chosen, None
        self.refresh()
        self.post_message(self.CopyAsked(self, chosen))

    def action_leave(self) -> None:
        """Close the field, then take the mark away, then go back to the program."""
        if self.has_class("searching"):
            self._close_field()
        elif self._anchor is not None:
            self.action_mark(self._is_by_lines)
        else:
            self.post_message(self.Closed(self))

    def _close_field(self) -> None:
        self.remove_class("searching")
        self.focus()
