"""The field below the log: a filter, a search or a time, and what it means in words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from fugue_core.errors import InvalidFilter
from fugue_core.filter import Filter, parse_filter
from fugue_core.printable import printable
from fugue_tui.keymap import with_keys
from fugue_tui.phrase import parse_time, time_words, words_of

Purpose: TypeAlias = Literal["filter", "search", "time"]
_HINTS: dict[Purpose, str] = {
    "filter": "from:ann  to:  tag:  type:gas_town.*  state:acked  reply:  repo:  text, ! before a word negates",
    "search": (
        "words of a filter; {log_bar.accept} finds the nearest older, {log.next_match} {log.previous_match} the others"
    ),
    "time": "12:04, 12:04:05, 2026-01-31 12:04, or 5m ago",
}
_SIGNS: dict[Purpose, str] = {"filter": "/", "search": "s", "time": "@"}


class LogBar(Vertical):
    """A field of one row, and a row that says what is typed there, or why it cannot be read.

    Down: `open`. Up: `FilterChanged` at each key that leaves it readable, `SearchGiven` and `TimeGiven` on enter, and
    `Closed`.
    """

    DEFAULT_CSS = """
    LogBar { height: 2; display: none; background: $panel; padding: 0 2; }
    LogBar.open { display: block; }
    LogBar Horizontal { height: 1; }
    LogBar #log-bar-sign { width: 2; color: $accent; text-style: bold; }
    LogBar Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; color: $foreground; }
    LogBar #log-bar-words { height: 1; color: $foreground 70%; text-wrap: nowrap; text-overflow: ellipsis; }
    LogBar.bad #log-bar-words { color: $error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "keep", id="log_bar.accept"),
        Binding("escape", "clear", "clear", key_display="esc", id="log_bar.clear"),
    ]

    @dataclass
    class FilterChanged(Message):
        """A filter that can be read was typed; the empty one shows everything."""

        log_bar: LogBar
        wanted: Filter
        text: str

    @dataclass
    class SearchGiven(Message):
        """A search was confirmed; an empty one ends it."""

        log_bar: LogBar
        wanted: Filter
        text: str

    @dataclass
    class TimeGiven(Message):
        """A moment was confirmed, in Unix seconds."""

        log_bar: LogBar
        at: float

    @dataclass
    class Closed(Message):
        """The bar has closed."""

        log_bar: LogBar

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.purpose: Purpose = "filter"

    def compose(self) -> ComposeResult:
        """Return the field and the words."""
        with Horizontal():
            yield Static("/", id="log-bar-sign")
            yield Input(compact=True, id="log-bar-field")
        yield Static("", id="log-bar-words")

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """What its keys do with what is typed here, for `keymap.told`; the way out comes first."""
        words = {"filter": ("clear", "keep"), "search": ("clear", "find"), "time": ("back", "go there")}
        out, accept = words[self.purpose]
        return ("log_bar.clear", out), ("log_bar.accept", accept)

    @property
    def is_open(self) -> bool:
        """Whether it is seen."""
        return self.has_class("open")

    def open(self, purpose: Purpose, text: str = "") -> None:
        """Be seen, with this text to be changed, and take the keys."""
        self.purpose = purpose
        self.add_class("open")
        self.query_one("#log-bar-sign", Static).update(Content(_SIGNS[purpose]))
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self._read(text)
        field.focus()

    @on(Input.Changed)
    def _change(self, event: Input.Changed) -> None:
        event.stop()
        wanted = self._read(event.value)
        if self.is_open and self.purpose == "filter" and wanted is not None:
            self.post_message(self.FilterChanged(self, wanted, event.value))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    def _read(self, text: str) -> Filter | None:
        """Say what the text means, or why it cannot be read."""
        if not text.strip():
            self._say(with_keys(self, _HINTS[self.purpose]))
            return Filter()
        if self.purpose == "time":
            now = time.time()
            at = parse_time(text, now)
            refusal = f"“{text.strip()}” is no time: write {_HINTS['time']}"
            self._say(refusal if at is None else time_words(at, now), is_bad=at is None)
            return None
        try:
            wanted = parse_filter(text)
        except InvalidFilter as error:
            self._say(f"{error}", is_bad=True)
            return None
        self._say(words_of(wanted))
        return wanted

    def _say(self, words: str, *, is_bad: bool = False) -> None:
        self.set_class(is_bad, "bad")
        self.query_one("#log-bar-words", Static).update(Content(printable(words[:2_000])))

    def action_accept(self) -> None:
        """Do it and close; what cannot be read stays open."""
        text = self.query_one(Input).value
        if self.purpose == "time":
            at = parse_time(text, time.time())
            if at is not None:
                self.post_message(self.TimeGiven(self, at))
            elif text.strip():
                return
        else:
            wanted = self._read(text)
            if wanted is None:
                return
            if self.purpose == "search":
                self.post_message(self.SearchGiven(self, wanted, text))
        self._close()

    def action_clear(self) -> None:
        """Close; of a filter or a search nothing is left."""
        if self.purpose == "filter":
            self.post_message(self.FilterChanged(self, Filter(), ""))
        elif self.purpose == "search":
            self.post_message(self.SearchGiven(self, Filter(), ""))
        self._close()

    def _close(self) -> None:
        self.remove_class("open")
        self.post_message(self.Closed(self))
