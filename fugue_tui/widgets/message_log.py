"""Every message in the daemon, the newest at the bottom, with what has become of its deliveries."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from fugue_core.filter import Filter
from fugue_core.printable import printable
from fugue_core.protocol.requests import LogPage
from fugue_tui.keymap import with_keys
from fugue_tui.line import Line, fit
from fugue_tui.stretch import Stretch
from fugue_tui.view import MessageRow, World, clock_time
from fugue_tui.widgets.message_row import HEADS_FROM, MessagePen, columns_for
from fugue_tui.widgets.row_list import TIGHT, RowList

STRIPS = 500
"""Drawn rows that are kept for drawing them again."""
PAGE_ROWS = 500
AHEAD_ROWS = 100
"""So near to an end of what is at hand, the next page is asked for."""
FEW_ROWS = 9
FILTER_CELLS = 100
"""Of a filter that lets nothing through."""


class MessageLog(RowList):
    """Messages, one row each; those at hand are a stretch of the daemon's history that moves with the cursor.

    Down: `show` whenever something may have come, `set_filter`, `set_search`, and `take_page`, `refuse_page` or
    `place` in answer to what it asks. Up: `Opened`, `Stepped`, `ReplyAsked`, `BarAsked`, `Escaped`, `PageAsked`,
    `MatchAsked`.
    """

    HEADING_ROWS = 2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "ask('filter')", "filter", key_display="/", id="log.filter"),
        Binding("enter", "open", "open", id="log.open"),
        Binding("r", "reply", "reply", id="log.reply"),
        Binding("f", "follow", "follow", id="log.follow"),
        Binding("s", "ask('search')", "search", id="log.search"),
        Binding("at", "ask('time')", "go to time", key_display="@", id="log.time"),
        Binding("n", "match(1)", "next match", show=False, id="log.next_match"),
        Binding("N", "match(-1)", "previous match", show=False, id="log.previous_match"),
        Binding("escape", "escape", "clear filter", show=False, id="log.clear"),
    ]

    is_following: reactive[bool] = reactive(default=True, init=False)
    note: reactive[str] = reactive("", init=False)

    @dataclass
    class _About(Message):
        """Something about the log."""

        message_log: MessageLog

        @property
        def control(self) -> MessageLog:
            """The log that this came from."""
            return self.message_log

    class Escaped(_About):
        """The user pressed escape where nothing was left to clear: neither filter nor search."""

    @dataclass
    class _AboutRow(_About):
        """Something about a message."""

        row: MessageRow

    class Opened(_AboutRow):
        """The user wants to look into a message."""

    class Stepped(_AboutRow):
        """Another message is under the cursor."""

    class ReplyAsked(_AboutRow):
        """The user wants to answer a message."""

    @dataclass
    class BarAsked(_About):
        """The user wants to filter, to search, or to go to a time."""

        purpose: Literal["filter", "search", "time"]

    @dataclass
    class PageAsked(_About):
        """The log needs a page of the daemon's history; answer with `take_page` or `refuse_page`."""

        filter_text: str
        before: int | None
        after: int | None

        @property
        def order(self) -> Literal["newest", "oldest"]:
            """Which come first."""
            return "newest" if self.after is None else "oldest"

    @dataclass
    class MatchAsked(_About):
        """No message at hand matches the search in this direction; is there one further on? Answer with `place`."""

        filter_text: str
        search_text: str
        before: int | None
        after: int | None

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._world = World()
        self._stretch = Stretch()
        self._strips: dict[tuple[object, ...], Strip] = {}
        self._asked: MessageLog.PageAsked | None = None
        self._search: Filter | None = None
        self.filter_text = ""
        self.search_text = ""
        self.total = 0

    @property
    def rows(self) -> list[MessageRow]:
        """The messages at hand, oldest first."""
        return self._stretch.rows

    @property
    def count(self) -> int:
        """How many are at hand."""
        return len(self._stretch.rows)

    @property
    def new(self) -> int:
        """How many have come since it stopped following."""
        return self._stretch.new

    @property
    def selected(self) -> MessageRow | None:
        """The message under the cursor."""
        return self.rows[self.cursor] if self.cursor < self.count else None

    # ---------------------------------------------------------------------------------------------------- data comes

    def show(self, world: World) -> None:
        """Show what has come since; at most one refresh. While following, the cursor goes to the newest.

        Cost: of what has come and what is seen, not of what there is.
        """
        self._world, self.total = world, world.message_count
        self._stretch.catch_up(world, is_following=self.is_following)
        self._settle(self.count - 1 if self.is_following else self.cursor + self._stretch.moved)

    def set_filter(self, wanted: Filter, text: str) -> None:
        """Show only the messages that pass; `text` is what the daemon is asked with."""
        self.filter_text = text.strip()
        self._asked = None
        self._stretch.restart(self._world, wanted)
        self.is_following = True
        self._settle(self.count - 1)

    def set_search(self, wanted: Filter | None, text: str) -> None:
        """Mark what matches, for `n` and `N`; go to the nearest that is not below."""
        self._search = wanted if wanted and wanted.terms else None
        self.search_text = text.strip() if self._search else ""
        self.note = ""
        row = self.selected
        if self._search is not None and (row is None or not self._does_match(row)):
            self.action_match(-1)
        self.refresh()

    def take_page(self, asked: PageAsked, page: LogPage) -> None:
        """Take in a page; one that is no longer wanted is dropped."""
        if asked is not self._asked:
            return
        self._asked = None
        rows = self._world.adopt(page.entries)
        if asked.before is not None:
            self._stretch.add_older(rows, next_seq=page.next)
        elif asked.after == 0:
            self._stretch.replace(rows, has_older=False, has_newer=page.next is not None)
            self._settle(0)
            return
        else:
            self._stretch.add_newer(self._world, rows, next_seq=page.next)
        self._top += self._stretch.moved
        self._settle(self.cursor + self._stretch.moved)

    def refuse_page(self, asked: PageAsked, reason: str) -> None:
        """Say why a page cannot be had."""
        if asked is self._asked:
            self.note = reason  # and `_asked` stays, so that it is not asked for over and over

    def place(self, older: LogPage, newer: LogPage) -> None:
        """Show another part of the history: `older`, newest first, and from the cursor on `newer`, oldest first."""
        self._asked = None
        self.note = ""
        before, after = self._world.adopt(older.entries)[::-1], self._world.adopt(newer.entries)
        self.is_following = False
        self._stretch.replace([*before, *after], has_older=older.next is not None, has_newer=True)
        if newer.next is None:
            self._stretch.add_newer(self._world, (), next_seq=None)
        self._settle(min(len(before), self.count - 1))

    def _settle(self, cursor: int) -> None:
        """Put the cursor there without a relayout, and ask for what is near and not at hand."""
        self.set_reactive(RowList.cursor, max(0, min(cursor, self.count - 1)))
        self.show_cursor()
        self.refresh_changed()
        self._ask_for_pages()

    def _ask_for_pages(self) -> None:
        stretch = self._stretch
        if self._asked is not None:
            return
        if stretch.has_older and self._top < AHEAD_ROWS and not (self.is_following and self._is_full):
            self._ask(before=stretch.oldest_seq)
        elif stretch.has_newer and self._top + self.visible_rows > self.count - AHEAD_ROWS:
            self._ask(after=max(1, stretch.newest_seq))

    @property
    def _is_full(self) -> bool:
        return self.count > self.visible_rows + AHEAD_ROWS

    def _ask(self, *, before: int | None = None, after: int | None = None) -> None:
        self._asked = self.PageAsked(self, self.filter_text, before, after)
        self.post_message(self._asked)

    # ------------------------------------------------------------------------------------------------------- drawing

    @property
    def heading_rows(self) -> int:
        """Narrow, there are no heads of columns."""
        return self.HEADING_ROWS if self.size.width >= HEADS_FROM else 1

    def heading(self, row: int, width: int) -> Strip:
        """The title, and the heads of the columns."""
        palette = self.palette
        if row == 0:
            return self._draw_title(width)
        columns = columns_for(width)
        line = Line(width, self.background)
        heads = [(columns.sender, "from"), (columns.target, "to"), (columns.kind, "type"), (columns.state, "state")]
        if columns.time_chars:
            heads.append((columns.time, "time"))
        if columns.payload_chars:
            heads.append((columns.payload, "payload"))
        for column, head in sorted(heads):
            line.at(column).put(head, palette.faint)
        return line.strip()

    def _draw_title(self, width: int) -> Strip:
        palette = self.palette
        if self.is_following:
            right, colour = "● follow", palette.ok
        else:
            right, colour = (f"↓ {self.new:,} new", palette.wait) if self.new else ("paused", palette.wait)
        if self.unseen and width < TIGHT:
            right = right.removesuffix(" follow").removesuffix(" new")
        notes = [f"{self.total:,}"] if width >= HEADS_FROM else []
        notes += [f"/ {self.filter_text}"] if self.filter_text else []
        notes += [f"s {self.search_text}"] if self.search_text else []
        notes += [self.note] if self.note else []
        room = max(0, width - len("  Messages ") - len(right) - 3)
        return self.title(width, "Messages", printable("   ".join(notes))[:room], right, colour)

    def empty(self, row: int, width: int) -> Strip:
        """Where the filter lets nothing through, that, and how to get out of it."""
        lines = self._empty_lines(width) if self.filter_text and not self.rows else []
        if not 1 <= row <= len(lines):
            return super().empty(row, width)
        return Line(width, self.background).at(2).put(lines[row - 1], self.palette.muted).strip()

    def _empty_lines(self, width: int) -> list[str]:
        shown = fit(self.filter_text, FILTER_CELLS)
        if self._asked is not None and not self.note:
            return textwrap.wrap(f"looking further back for {shown} …", max(8, width - 4))
        lines = textwrap.wrap(f"nothing matches {shown}; {with_keys(self, '{log.clear} clears it')}", max(8, width - 4))
        kinds = [term.value for term in self._stretch.wanted.terms if term.key == "type" and not term.is_negated]
        if whole := next((kind for kind in kinds if "*" not in kind), None):
            advice = (
                f"a type is compared whole, with its namespace: type:*{fit(whole, FILTER_CELLS)} finds all that end so"
            )
            lines += textwrap.wrap(advice, max(8, width - 4))
        return lines

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A message; kept, as long as nothing about it changes."""
        row, rows = self.rows[index], self.rows
        clock = clock_time(row.envelope.sent_at)
        before = clock_time(rows[index - 1].envelope.sent_at) if index > self._top else ""
        is_cursor = index == self.cursor
        is_held, look = self._world.is_held(row), (width, fill, self.palette.name, self.search_text)
        key = (row.envelope.seq, row.version, is_held, before, is_cursor, look)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= STRIPS:
                self._strips.clear()
            is_match = self._does_match(row)
            pen = MessagePen(self.palette, width, is_cursor=fill != self.background, is_match=is_match)
            strip = pen.draw(Line(width, fill), row, clock, before, is_held=is_held)
            self._strips[key] = strip
        return strip

    def show_cursor(self) -> None:
        """Scroll so far that the row under the cursor is seen; where few are, in the middle of them."""
        super().show_cursor()
        rows = self.visible_rows
        if rows <= FEW_ROWS and not self.is_following:
            self._top = max(0, min(self.cursor - rows // 2, self.count - rows))

    def _does_match(self, row: MessageRow) -> bool:
        return self._search is not None and self._search.matches(self._world.fields_of(row))

    # ------------------------------------------------------------------------------------------------------- actions

    def watch_cursor(self) -> None:
        """Follow while the cursor is on the newest message, and only then."""
        super().watch_cursor()
        self.is_following = self.cursor >= self.count - 1 and not self._stretch.has_newer
        self._ask_for_pages()
        if self.selected is not None:
            self.post_message(self.Stepped(self, self.selected))

    def watch_is_following(self) -> None:
        """Show it."""
        if self.is_following:
            self._stretch.see()
        self.refresh_changed()

    def watch_note(self) -> None:
        """Show it."""
        self.refresh_changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # as Textual asks
        """Leave the keys of a search to others while there is nothing to search."""
        return action != "match" or self.total > 0

    def action_go(self, index: int) -> None:
        """Go to the oldest message of all, or to the newest."""
        if index >= 0 and self._stretch.has_older:
            self.is_following = False
            self._ask(after=0)
        elif index < 0 and self._stretch.has_newer:
            self._asked = None
            self._stretch.restart(self._world)
            self.is_following = True
            self._settle(self.count - 1)
        else:
            super().action_go(index)

    def action_follow(self) -> None:
        """Follow the newest message, or stay here."""
        if self.is_following:
            self.is_following = False
        else:
            self.action_go(-1)
            self.is_following = True

    def action_open(self) -> None:
        """Ask for the inspector."""
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def action_reply(self) -> None:
        """Ask for the compose pane, with this message to be answered."""
        if self.selected is not None:
            self.post_message(self.ReplyAsked(self, self.selected))

    def action_ask(self, purpose: Literal["filter", "search", "time"]) -> None:
        """Ask for the bar, to type a filter, a search or a time."""
        self.post_message(self.BarAsked(self, purpose))

    def action_match(self, step: int) -> None:
        """Go to the next message that matches the search, or to the previous one."""
        if self._search is None:
            self.action_ask("search")
            return
        places = range(self.cursor + 1, self.count) if step > 0 else range(self.cursor - 1, -1, -1)
        found = next((place for place in places if self._does_match(self.rows[place])), None)
        if found is not None:
            self.note = ""
            self.rest_at(found)
        elif step > 0 and self._stretch.has_newer:
            self._ask_for_match(after=self._stretch.newest_seq)
        elif step < 0 and self._stretch.has_older:
            self._ask_for_match(before=self._stretch.oldest_seq)
        else:
            self.show_no_match(step)

    def _ask_for_match(self, *, before: int | None = None, after: int | None = None) -> None:
        self.note = "looking further …"
        self.post_message(self.MatchAsked(self, self.filter_text, self.search_text, before, after))

    def show_no_match(self, step: int) -> None:
        """Say that there is none in this direction."""
        self.note = "no newer match" if step > 0 else "no older match"

    def action_escape(self) -> None:
        """Clear the search, then the filter; then it is for others."""
        if self.search_text:
            self.set_search(None, "")
        elif self.filter_text:
            self.set_filter(Filter(), "")
        else:
            self.post_message(self.Escaped(self))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click opens. On the title's right end, follow or pause."""
        if event.y == 0:
            if event.x >= self.size.width - 12:  # as wide as the marker
                self.action_follow()
            return
        super().on_click(event)
        if event.chain > 1 and event.y >= self.heading_rows:
            self.action_open()
