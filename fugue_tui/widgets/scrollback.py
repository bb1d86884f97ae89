"""What has scrolled out of a terminal: looked through, searched and copied, while the program goes on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from fugue_core.protocol.window import Line, LineRange
from fugue_tui.cells import draw_line, highlighted, text_of
from fugue_tui.line import Line as TextLine
from fugue_tui.line import style_of
from fugue_tui.palette import Palette, css_colour
from fugue_tui.terminal import WindowKey
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.row_list import WHEEL_ROWS, RowList

PAGE_LINES = 200
MATCHES_DRAWN = 50
"""In one line."""


def matching_lines(text: str, wanted: str) -> list[int]:
    """Return the lines of a text in which something occurs; capitals count where there is one in it."""
    lines = text.split("\n")
    if wanted == wanted.lower():
        return [number for number, line in enumerate(lines) if wanted in line.lower()]
    return [number for number, line in enumerate(lines) if wanted in line]


class Scrollback(RowList):
    """Lines from the oldest that is kept to the last on the screen.

    Down: the window and how many lines there are, at the beginning; `take_lines`; `show_matches`; `note`. Up:
    `LinesAsked`, `SearchAsked`, `CopyAsked`, `Closed`. Only lines that come into view are asked for.
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
        Binding("space,v", "mark", "mark", id="scrollback.mark"),
        Binding("y,enter", "copy", "copy", id="scrollback.copy"),
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
        """The user wants these lines in the clipboard, `last` included."""

        scrollback: Scrollback
        first: int
        last: int

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
        self._anchor: int | None = None
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
            self.rest_at(matches[max(0, place)])

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
        strip = draw_line(line, max(self._cols, width), width, self.palette, self._fill_of(index, fill))
        return self._with_matches(strip, line) if self._wanted else strip

    def _with_bar(self, strip: Strip, fill: str) -> Strip:  # noqa: ARG002  # the fill says it: every column is the program's
        return strip

    def _fill_of(self, index: int, fill: str) -> str:
        if self._anchor is not None and index != self.cursor:
            first, last = sorted((self._anchor, self.cursor))
            if first <= index <= last:
                return self.palette.accent_fill
        return fill

    def _with_matches(self, strip: Strip, line: Line) -> Strip:
        text, wanted = text_of(line), self._wanted
        searched = text.lower() if wanted == wanted.lower() else text
        style = style_of(self.palette.on_accent, self.palette.accent, bold=True)
        at = searched.find(wanted)
        for _ in range(MATCHES_DRAWN):
            if at < 0:
                break
            start = cell_len(text[:at])
            strip = highlighted(strip, start, start + cell_len(text[at : at + len(wanted)]), style)
            at = searched.find(wanted, at + len(wanted))
        return strip

    def _ask_for(self, index: int) -> None:
        page = index // PAGE_LINES
        if page not in self._asked:
            self._asked.add(page)
            # straight to the app: what is posted while the screen draws goes up no further than to the screen
            self.app.post_message(self.LinesAsked(self, page * PAGE_LINES, PAGE_LINES))

    # ---------------------------------------------------------------------------------------------------------- keys

    def on_mount(self) -> None:
        """Begin at the end."""
        self.show_cursor()
        self.focus()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll with the wheel; from the end go back to the program."""
        event.stop()
        if self.cursor == self.count - 1:
            self.action_leave()
        else:
            self.rest_at(self.cursor + WHEEL_ROWS, 1)

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
        self.remove_class("searching")
        self.focus()
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
        self.rest_at(self._matches[place])

    def action_mark(self) -> None:
        """Mark from here on, or no more."""
        self._anchor = self.cursor if self._anchor is None else None
        self.refresh()

    def action_copy(self) -> None:
        """Copy the marked lines, or the one under the cursor."""
        first, last = sorted((self.cursor if self._anchor is None else self._anchor, self.cursor))
        self._anchor = None
        self.refresh()
        self.post_message(self.CopyAsked(self, first, last))

    def action_leave(self) -> None:
        """Close the field, then take the mark away, then go back to the program."""
        if self.has_class("searching"):
            self.remove_class("searching")
            self.focus()
        elif self._anchor is not None:
            self.action_mark()
        else:
            self.post_message(self.Closed(self))
