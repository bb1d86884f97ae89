"""The last row: what the keys do here, and how the daemon is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette

BARS = "▁▂▃▄▅▆▇█"
RATES = 12
"""Seconds in the sparkline."""
GAP = 3
KEYS_MOST = 7
HELP = "help"

Piece = tuple[str, str, bool]
"""Text, colour, and whether it stands on the accent's fill."""


class StatusBar(Widget):
    """Left: where the keys go, what is stopped, what the keys do. Right: how the daemon is. It always fits.

    What matters least goes first.

    Down: assign `pane`, `prefix`, `is_prefixed`, `keys`, `server`, `sessions`, `rates`, `unread`, `stopped`,
    `is_up` and `trouble`. Up: `StatusBar.Clicked`.
    """

    palette: reactive[Palette] = reactive(DARK)
    pane: reactive[str] = reactive("")
    prefix: reactive[str] = reactive("")
    is_prefixed: reactive[bool] = reactive(default=False)
    keys: reactive[tuple[tuple[str, str], ...]] = reactive(())
    server: reactive[str] = reactive("")
    sessions: reactive[int] = reactive(0)
    rates: reactive[tuple[float, ...]] = reactive(())
    unread: reactive[int] = reactive(0)
    stopped: reactive[int] = reactive(0)
    is_up: reactive[bool] = reactive(default=False)
    trouble: reactive[str] = reactive("")

    @dataclass
    class Clicked(Message):
        """The user clicked on what the bar says of help, of the unread, or of what is stopped."""

        what: Literal["help", "inbox", "breakers"]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._help = self._badge = self._stopped = range(0)

    def on_click(self, event: events.Click) -> None:
        """Do what is told there."""
        if event.x in self._help:
            self.post_message(self.Clicked("help"))
        elif event.x in self._badge:
            self.post_message(self.Clicked("inbox"))
        elif event.x in self._stopped:
            self.post_message(self.Clicked("breakers"))

    def render_line(self, y: int) -> Strip:
        """Return the bar."""
        palette, width = self.palette, self.size.width
        fill = palette.bad_fill if self.trouble else palette.raised
        if y:
            return Line(width, fill).strip()
        self._help = self._badge = self._stopped = range(0)
        left = Line(width, fill)
        left.put(f" {self.pane.upper()} ", palette.on_accent, bold=True, fill=palette.accent)
        if self.trouble:
            left.put("  ", palette.bad).put(self.trouble, palette.bad, bold=True)
            return left.strip()
        if self.prefix:  # the keys hold after it; it is lit once it was pressed
            lit, unlit = (palette.accent, palette.on_accent), (palette.accent_fill, palette.accent)
            fill, ink = lit if self.is_prefixed else unlit
            left.put(" ", palette.muted).put(f" {self.prefix} ", ink, bold=True, fill=fill).put(" then", palette.muted)
        if self.stopped:
            start = left.put(" ", palette.muted).column
            left.put(f" {self.stopped:,} stopped ", palette.bad, bold=True, fill=palette.bad_fill)
            self._stopped = range(start, left.column)
        help_chars = 2 + len(self.keys[-1][0]) if self.keys else 0
        pieces = self._right_for(width - left.column - help_chars - GAP)
        right_width = sum(len(text) for text, _, _ in pieces)
        self._put_keys(left, width - right_width - GAP)
        left.at(width - right_width)
        for text, colour, is_filled in pieces:
            if is_filled:
                self._badge = range(left.column, width)
            left.put(text, colour, bold=is_filled, fill=palette.accent_fill if is_filled else None)
        return left.strip()

    def _put_keys(self, line: Line, end: int) -> None:
        """Put as many of the keys as there is room for up to the column `end`; the last, which is help, goes last."""
        palette, keys = self.palette, list(self.keys)
        while keys and line.column + sum(len(key) + len(word) + 3 for key, word in keys) > end:
            if len(keys) == 1:  # `?` alone says where the others are told
                keys = [(keys[0][0], "")] if line.column + len(keys[0][0]) + 2 <= end else []
                break
            del keys[-2]
        for key, word in keys:
            line.put("  ", palette.muted)
            start = line.column
            line.put(key, palette.text, bold=True)
            if word:
                line.put(f" {word}", palette.muted)
            if (key, word or HELP) == self.keys[-1]:
                self._help = range(start, line.column)

    def _right_for(self, room: int) -> list[Piece]:
        """Return the most that there is to say in so many cells."""
        palette = self.palette
        rate = self.rates[-1] if self.rates else 0.0
        written = f"{rate:.0f}/s" if rate < 10_000 else f"{rate / 1000:.0f}k/s"  # noqa: PLR2004
        count = f"{self.sessions:,}"
        sessions = f"{count} session" if self.sessions == 1 else f"{count} sessions"
        dot: Piece = ("● ", palette.ok, False) if self.is_up else ("○ ", palette.wait, False)
        unread: list[Piece] = []
        badge: list[Piece] = []
        if self.unread:
            number = f"{self.unread}" if self.unread < 1000 else "999+"  # noqa: PLR2004
            badge = [(f" {number} ", palette.accent, True)]
            unread = [*badge, (" unread ", palette.muted, False)]
        bars, few = self._sparkline(), self._sparkline()[-5:]
        name: Piece = (f"{self.server}   ", palette.text, False)
        candidates: list[list[Piece]] = [
            [dot, name, (f"{sessions}   ", palette.muted, False), *self._rate(bars, written, "  "), *unread],
            [dot, name, (f"{sessions}  ", palette.muted, False), *self._rate(bars, written, " "), *badge],
            [dot, (f"{count}  ", palette.text, False), *self._rate(few, written, " "), *badge],
            [dot, (f"{count} ", palette.text, False), (f"{written} ", palette.muted, False), *badge],
            [dot, (f"{count} ", palette.text, False), *badge],
            [dot],
        ]
        for keys, most in ((3, 4), (2, 5), (1, 6), (0, 6)):  # keys come before what is told at length
            least = room - sum(len(key) + len(word) + 3 for key, word in self.keys[:keys])
            for pieces in candidates[:most]:
                if sum(len(text) for text, _, _ in pieces) <= least:
                    return pieces
        return []

    def _rate(self, bars: str, written: str, gap: str) -> list[Piece]:
        return [(f"{bars} ", self.palette.accent, False), (f"{written}{gap}", self.palette.muted, False)]

    def _sparkline(self) -> str:
        most = max(self.rates, default=0.0)
        heights = [round(rate / most * (len(BARS) - 1)) if most else 0 for rate in self.rates]
        return "".join(BARS[height] for height in heights).rjust(RATES, BARS[0])
