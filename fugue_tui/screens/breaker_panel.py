"""What is refused because it went round and round: seen, and let pass again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.printable import printable
from fugue_core.protocol.breaker import Breaker, ChainBreaker
from fugue_tui.line import Line
from fugue_tui.palette import Palette, name_colour
from fugue_tui.screens.panel import Panel
from fugue_tui.view import World, breaker_key, clock_time
from fugue_tui.widgets.row_list import RowList

ROWS = 9
OTHER_ROWS = 14
"""Of the panel: its edge, title, verdict, command and keys, and what stays free above."""
LAST_COLUMNS = 32
"""Of a row, from the right: how often, since when, and the last time."""
ID_CHARS = 13
"""Of a chain's id: enough to tell it from others of the same minute."""


class BreakerList(RowList):
    """One row a breaker, in the order in which they tripped.

    Down: assign `rows`. Up: `BreakerList.Moved`.
    """

    rows: reactive[tuple[Breaker, ...]] = reactive((), init=False)

    class Moved(Message):
        """Another breaker is under the cursor, or it has changed."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def background(self) -> str:
        """The panel's."""
        return self.palette.raised

    @property
    def selected(self) -> Breaker | None:
        """The breaker under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def heading(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is one
        """What the columns are."""
        line = Line(width, self.background)
        line.at(2).put("between whom", self.palette.faint)
        line.at(max(2, width - LAST_COLUMNS)).put("refused   since      last", self.palette.faint)
        return line.strip()

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A breaker."""
        breaker, palette = self.rows[index], self.palette
        line = Line(width, fill).at(2)
        room = max(8, width - LAST_COLUMNS - 3)
        if isinstance(breaker, ChainBreaker):
            line.put("all in chain ", palette.muted, width=room)
            line.put(f"{str(breaker.chain)[:ID_CHARS]}…", palette.text, width=max(0, room + 2 - line.column))
        else:
            one, other = (session.name for session in breaker.sessions)
            line.put(one, name_colour(one, palette), width=room // 2 - 2).put(" ⇄ ", palette.faint)
            line.put(other, name_colour(other, palette), width=room // 2 - 2)
        line.at(max(2, width - LAST_COLUMNS)).put(f"{breaker.refusals:>7,}   ", palette.bad)
        line.put(f"{clock_time(breaker.tripped_at)}   {clock_time(breaker.refused_at)}", palette.muted)
        return line.strip()

    def watch_rows(self, old: tuple[Breaker, ...], new: tuple[Breaker, ...]) -> None:
        """Keep the cursor on the breaker that it was on, or at its place."""
        was = breaker_key(old[self.cursor]) if self.cursor < len(old) else None
        places = {breaker_key(breaker): place for place, breaker in enumerate(new)}
        place = self.cursor if was is None else places.get(was, self.cursor)
        self.cursor = max(0, min(place, len(new) - 1))
        self.refresh()
        self.post_message(self.Moved())

    def watch_cursor(self) -> None:
        """Tell of another one."""
        self.show_cursor()
        self.refresh()
        self.post_message(self.Moved())


class BreakerPanel(Panel):
    """The breakers, and of the one under the cursor why it tripped and what releases it from a shell.

    Down: `show`, `show_refusal`; `fugue`, how a shell reaches this server. Up: `BreakerPanel.ReleaseAsked`. A breaker
    goes when the daemon has confirmed.
    """

    DEFAULT_CSS = """
    BreakerPanel .panel-verdict { margin-top: 1; }
    BreakerPanel .breaker-command { height: auto; max-height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,r", "release", "release what is stopped", priority=True, id="breakers.release"),
    ]
    block = "stopped"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (("breakers.release", "let it pass again"), ("panel.leave", "leave"))

    @dataclass
    class ReleaseAsked(Message):
        """The user wants this to pass again."""

        panel: BreakerPanel
        breaker: Breaker

    def __init__(
        self,
        breakers: tuple[Breaker, ...],
        palette: Palette,
        *,
        fugue: Sequence[str] = ("fugue",),
        beside: Widget | None = None,
    ) -> None:
        super().__init__(palette, beside=beside)
        self._breakers = breakers
        self._fugue = fugue
        self.list = BreakerList(id="breaker-list")

    def heading(self) -> Content:
        """What it is."""
        return Content.styled("Stopped, because it went round and round", f"bold {self.css.bad}")

    def body(self) -> ComposeResult:
        """The list, what to say of one, and the command that does the same."""
        yield self.list
        yield Static("", classes="panel-verdict")
        yield Static("", classes="breaker-command")

    def on_mount(self) -> None:
        """Begin in the list."""
        super().on_mount()
        self.list.palette = self.palette
        self.list.focus()
        self.list.rows = self._breakers
        self._fit()
        self._explain()

    def paint(self) -> None:
        """Draw list and command anew, too."""
        super().paint()
        self.list.palette = self.palette
        self._explain()

    def on_resize(self) -> None:
        """Keep list and keys on the screen."""
        super().on_resize()
        self._fit()

    def _fit(self) -> None:
        self.list.styles.height = max(2, min(ROWS, len(self.list.rows) + 1, self.app.size.height - OTHER_ROWS))

    def follow(self, world: World, you: UUID | None) -> None:  # noqa: ARG002  # nothing of the human's
        """Show what is stopped now."""
        self.show(tuple(world.breakers.values()))

    def show(self, breakers: tuple[Breaker, ...]) -> None:
        """Show what is stopped now."""
        if self.is_open and breakers != self.list.rows:
            self.list.rows = breakers
            self._fit()

    def on_breaker_list_moved(self) -> None:
        """Say of another one why it tripped."""
        self._explain()

    def _explain(self) -> None:
        breaker = self.list.selected
        if breaker is None:
            self.say("nothing is stopped")
            self._show_command("")
            return
        if isinstance(breaker, ChainBreaker):
            why, what = f"over {breaker.limit:,} replies in a row", str(breaker.chain)
        else:
            why = f"over {breaker.turns:,} turns within {breaker.turns_s:g} s"
            what = " ".join(session.name for session in breaker.sessions)
        self.say(f"{why}; the last from {breaker.sender.name}")
        self._show_command(f"{' '.join(self._fugue)} breaker release {what}")

    def _show_command(self, command: str) -> None:
        words = Content.styled(printable(command), self.css.faint)
        self.query_one(".breaker-command", Static).update(words)

    def action_release(self) -> None:
        """Ask for it."""
        if self.list.selected is not None:
            self.post_message(self.ReleaseAsked(self, self.list.selected))
