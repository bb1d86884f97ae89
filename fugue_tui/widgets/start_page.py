"""What stands in place of the log while nothing was ever sent: how to begin, or why there is no daemon."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_tui.keymap import key_of, with_keys
from fugue_tui.line import Line
from fugue_tui.palette import DARK, Palette, tag_colour

SUBJECT = (5, 2, 2, 8, 3, 3, 6)
"""The lengths of its notes; each voice enters with it, later than the one above."""
VOICES = ("citizen", "builder", "reviewer", "payments")
ENTRY_CELLS = 8
LANE_CELLS = 62
INDENT_MOST = 14
KEY_CELLS = 5
COMMAND_AT = 22


class StartPage(Widget):
    """Four voices that enter in turn, a sentence, and three ways to begin, each with its key and its command.

    Down: assign `fugue` (how a shell reaches the server), `trouble`, `place` and `palette`. Up: `StartPage.Chosen`.
    """

    palette: reactive[Palette] = reactive(DARK)
    fugue: reactive[tuple[str, ...]] = reactive(("fugue",))
    trouble: reactive[str] = reactive("")
    place: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """The user clicked on a way to begin: `new`, `join` or `demo`."""

        way: str

    def commands(self) -> dict[str, str]:
        """Return the command line of each way to begin."""
        fugue = shlex.join(self.fugue)
        return {
            "new": f"{fugue} new -n cat-1 -t citizen -- claude",
            "join": f'eval "$({fugue} join cat-1 -t citizen)"',
            "demo": "fugue --demo",
        }

    def render_line(self, y: int) -> Strip:
        """Return a line, see `Widget`."""
        lines = self._lines()
        top = max(0, (self.size.height - len(lines)) // 3)
        if top <= y < top + len(lines):
            return lines[y - top][1]
        return Line(self.size.width, self.palette.pane).strip()

    def on_click(self, event: events.Click) -> None:
        """Begin in the way that was clicked."""
        lines = self._lines()
        place = event.y - max(0, (self.size.height - len(lines)) // 3)
        if 0 <= place < len(lines) and lines[place][0]:
            self.post_message(self.Chosen(lines[place][0]))

    # -------------------------------------------------------------------------------------------------------- private

    def _lines(self) -> list[tuple[str, Strip]]:
        """Return the lines, each with the way to begin that a click on it chooses."""
        if self.trouble:
            return self._trouble_lines()
        ways = self._ways(has_gaps=self.size.height >= 16)  # noqa: PLR2004  # it fits, with a row to spare
        intro = [
            self._plain("Many voices, one place to hear them.", self.palette.strong, bold=True),
            self._plain("Sessions appear on the left, what they say to each other appears here.", self.palette.muted),
            self._plain(""),
        ]
        told_of_all = with_keys(self, "{app.help} shows every key.  {app.palette} finds every action.")
        outro = [self._plain(""), self._plain(told_of_all, self.palette.faint)]
        lines = [*intro, *ways, *outro]
        height = self.size.height
        if height >= len(lines) + len(VOICES) + 2 and self.size.width >= LANE_CELLS + 4:
            lanes = [("", self._lane(place)) for place in range(len(VOICES))]
            return [*lanes, self._plain(""), self._plain(""), *lines]
        return lines if height >= len(lines) else ways

    def _ways(self, *, has_gaps: bool) -> list[tuple[str, Strip]]:
        new, join, demo = (key_of(self, binding_id) for binding_id in ("app.new", "app.join", "app.demo"))
        told = (
            ("new", new, "Start a session", "a program of yours; fugue attach shows it"),
            ("join", join, "Join one that runs", f"{new} and {join} copy the line for a shell"),
            ("demo", demo, "Watch the demo", "a mayor auctions work, five citizens bid"),
        )
        commands, palette = self.commands(), self.palette
        lines: list[tuple[str, Strip]] = []
        for way, key, title, meaning in told:
            line = self._begun()
            start = line.column
            line.put(f" {key} ", palette.accent, bold=True, fill=palette.accent_fill)
            line.at(start + KEY_CELLS).put(title, palette.strong, bold=True)
            if line.room > len(meaning) + 4:
                line.at(start + KEY_CELLS + COMMAND_AT - 2).put(meaning, palette.muted)
            lines.append((way, line.strip()))
            line = self._begun().at(start + KEY_CELLS)
            lines.append((way, line.put("$ ", palette.ghost).put(commands[way], palette.ok).strip()))
            if has_gaps:
                lines.append(self._plain(""))
        return lines

    def _trouble_lines(self) -> list[tuple[str, Strip]]:
        palette = self.palette
        lines = [self._plain("There is no daemon to talk to.", palette.strong, bold=True)]
        lines += [self._plain(text, palette.bad) for text in wrapped(self.trouble, self.size.width - 2 - self._indent)]
        lines += [self._plain("")]
        fugue = shlex.join(self.fugue)
        told = (
            (with_keys(self, "{app.reconnect} tries again now, and starts the daemon."), ""),
            ("See what it said last:", f"{fugue} daemon logs"),
            ("Look for what could be wrong here:", f"{fugue} doctor"),
            ("Have it in a terminal of its own:", f"{fugue} daemon run"),
        )
        for text, command in told:
            lines.append(self._plain(text, palette.muted))
            if command:
                line = self._begun().put("  $ ", palette.ghost).put(command, palette.ok)
                lines.append(("", line.strip()))
        if self.place:
            lines += [self._plain(""), self._plain(f"Its socket would be {self.place}", palette.faint)]
        return lines

    def _lane(self, voice: int) -> Strip:
        line, palette = self._begun(), self.palette
        start, colour = line.column, tag_colour(VOICES[voice], palette).text
        line.put("╌" * (voice * ENTRY_CELLS), palette.rule)
        for cells in SUBJECT:
            line.put("━" * cells, colour).put("─", palette.rule)
        return line.put("─" * max(0, start + LANE_CELLS - line.column), palette.rule).strip()

    @property
    def _indent(self) -> int:
        return max(2, min(INDENT_MOST, (self.size.width - 72) // 2))

    def _begun(self) -> Line:
        return Line(self.size.width, self.palette.pane).at(self._indent)

    def _plain(self, text: str, colour: str = "", *, bold: bool = False) -> tuple[str, Strip]:
        line = self._begun()
        return "", line.put(text, colour or self.palette.muted, bold=bold, width=max(0, line.room - 1)).strip()


def wrapped(text: str, width: int) -> Sequence[str]:
    """Return text in lines of at most `width` characters, broken between words where that is possible."""
    lines: list[str] = []
    for word in text.split():
        while len(word) > width > 0:
            lines.append(word[:width])
            word = word[width:]  # noqa: PLW2901  # the rest of it
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
