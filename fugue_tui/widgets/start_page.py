"""What stands in place of the log while nothing was ever sent: how to begin, or why there is no daemon."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

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
MEANING_AT = 20


class Told(NamedTuple):
    """What is told of a way to begin; the command line stands in `StartPage.commands`."""

    binding_id: str
    action: str
    title: str
    meaning: str


Way: TypeAlias = Literal["new", "join", "write", "demo"]
WAYS: dict[Way, Told] = {
    "new": Told("app.new", "new_session", "Start a session", "a program of yours, in a terminal that stays"),
    "join": Told("app.join", "copy_join", "Join from a shell", "copies this line, to be pasted into the shell"),
    "write": Told("app.compose", "compose", "Write a message", "to a tag, a session, a repository, a worktree"),
    "demo": Told("app.demo", "demo", "Watch the demo", "a mayor auctions work, five citizens bid"),
}


class Row(NamedTuple):
    """A row of the page, and the way to begin that a click on it chooses."""

    strip: Strip
    way: Way | None = None
    is_command: bool = False


class StartPage(Widget):
    """Four voices that enter in turn, a sentence, and the ways to begin, each with its key and its command.

    Down: assign `fugue` (how a shell reaches the server), `trouble`, `place` and `palette`. Up: `StartPage.Chosen`.
    """

    palette: reactive[Palette] = reactive(DARK)
    fugue: reactive[tuple[str, ...]] = reactive(("fugue",))
    trouble: reactive[str] = reactive("")
    place: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """The user clicked on a way to begin, or on its command."""

        way: Way
        is_command: bool

    def commands(self) -> dict[Way, str]:
        """Return the command line of each way to begin."""
        fugue = shlex.join(self.fugue)
        return {
            "new": f"{fugue} new -n cat-1 -t citizen -- claude",
            "join": f'eval "$({fugue} join cat-1 -t citizen)"',
            "write": f"{fugue} send tag:citizen note '\"hello\"'",
            "demo": "fugue --demo",
        }

    def render_line(self, y: int) -> Strip:
        """Return a line, see `Widget`."""
        lines = self._lines()
        top = max(0, (self.size.height - len(lines)) // 3)
        if top <= y < top + len(lines):
            return lines[y - top].strip
        return Line(self.size.width, self.palette.pane).strip()

    def on_click(self, event: events.Click) -> None:
        """Begin in the way that was clicked."""
        lines = self._lines()
        place = event.y - max(0, (self.size.height - len(lines)) // 3)
        way = lines[place].way if 0 <= place < len(lines) else None
        if way is not None:
            self.post_message(self.Chosen(way, lines[place].is_command))

    # -------------------------------------------------------------------------------------------------------- private

    def _lines(self) -> list[Row]:
        if self.trouble:
            return self._trouble_lines()
        room = self.size.width - 2 - self._indent
        meaning = "Sessions appear on the left, what they say to each other appears here."
        intro = [
            self._plain("Many voices, one place to hear them.", self.palette.strong, bold=True),
            *(self._plain(text) for text in wrapped(meaning, room)),
        ]
        told_of_all = with_keys(self, "{app.help} shows every key.  {app.palette} finds every action.")
        outro = self._plain(told_of_all, self.palette.faint)
        gap, height = self._plain(""), self.size.height
        lanes = [Row(self._lane(place)) for place in range(len(VOICES))] if room >= LANE_CELLS else []
        full = [*intro, gap, *self._ways(has_gaps=True), outro]
        tight = [*intro, gap, *self._ways(has_gaps=False), gap, outro]
        for lines in ([*lanes, gap, gap, *full], full, tight, tight[:-2]):
            if len(lines) <= height:
                return lines
        return self._ways(has_gaps=False)

    def _ways(self, *, has_gaps: bool) -> list[Row]:
        commands, palette = self.commands(), self.palette
        rows: list[Row] = []
        for way, told in WAYS.items():
            key = key_of(self, told.binding_id)
            line = self._begun()
            start = line.column
            line.put(f" {key} ", palette.accent, bold=True, fill=palette.accent_fill)
            line.at(start + max(KEY_CELLS, len(key) + 3)).put(told.title, palette.strong, bold=True)
            meaning_at = max(line.column + 2, start + KEY_CELLS + MEANING_AT)
            if meaning_at + len(told.meaning) < self.size.width:
                line.at(meaning_at).put(told.meaning, palette.muted)
            rows.append(Row(line.strip(), way))
            line = self._begun().at(start + KEY_CELLS)
            line.put("$ ", palette.ghost).put(commands[way], palette.ok, width=max(0, line.room - 1))
            rows.append(Row(line.strip(), way, is_command=way != "demo"))
            if has_gaps:
                rows.append(self._plain(""))
        return rows

    def _trouble_lines(self) -> list[Row]:
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
                lines.append(Row(line.strip()))
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

    def _plain(self, text: str, colour: str = "", *, bold: bool = False) -> Row:
        line = self._begun()
        return Row(line.put(text, colour or self.palette.muted, bold=bold, width=max(0, line.room - 1)).strip())


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
