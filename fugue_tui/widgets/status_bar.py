"""The last row: what the keys do here, and how the daemon is."""

from __future__ import annotations

from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette

BARS = "▁▂▃▄▅▆▇█"
RATES = 12
"""Seconds in the sparkline."""
GAP = 3


class StatusBar(Widget):
    """Down: assign `pane`, `keys`, `server`, `sessions`, `rates`, `unread` and `trouble`. Up: nothing."""

    palette: reactive[Palette] = reactive(DARK)
    pane: reactive[str] = reactive("")
    keys: reactive[tuple[tuple[str, str], ...]] = reactive(())
    server: reactive[str] = reactive("")
    sessions: reactive[int] = reactive(0)
    rates: reactive[tuple[float, ...]] = reactive(())
    unread: reactive[int] = reactive(0)
    trouble: reactive[str] = reactive("")

    def render_line(self, y: int) -> Strip:
        """Return the bar."""
        palette, width = self.palette, self.size.width
        fill = palette.bad_fill if self.trouble else palette.raised
        if y:
            return Line(width, fill).strip()
        right = self._right(fill)
        line = Line(width, fill)
        line.put(f" {self.pane.upper()} ", palette.on_accent, bold=True, fill=palette.accent)
        if self.trouble:
            line.put("  ", palette.bad).put(self.trouble, palette.bad, bold=True)
            return line.strip()
        for key, word in self.keys:
            if line.column + len(key) + len(word) + 3 + GAP > width - right.column:
                break
            line.put("  ", palette.muted).put(key, palette.text, bold=True).put(f" {word}", palette.muted)
        line.at(width - right.column)
        return Strip.join([line.strip().crop(0, width - right.column), right.strip()])

    def _right(self, fill: str) -> Line:
        palette = self.palette
        bars = self._sparkline()
        rate = f"{self.rates[-1]:.0f}/s" if self.rates else "0/s"
        pieces = [
            ("● ", palette.ok),
            (f"{self.server}  ", palette.text),
            (f"{self.sessions} sessions  ", palette.muted),
        ]
        pieces += [(f"{bars} ", palette.accent), (f"{rate} ", palette.muted)]
        unread = f" {self.unread} " if self.unread else ""
        width = sum(len(text) for text, _ in pieces) + len(unread)
        line = Line(width, fill)
        for text, colour in pieces:
            line.put(text, colour)
        if unread:
            line.put(unread, palette.accent, bold=True, fill=palette.accent_fill)
        return line

    def _sparkline(self) -> str:
        most = max(self.rates, default=0.0)
        if not most:
            return BARS[0] * RATES
        heights = [round(rate / most * (len(BARS) - 1)) for rate in self.rates]
        return "".join(BARS[height] for height in heights).rjust(RATES, BARS[0])
