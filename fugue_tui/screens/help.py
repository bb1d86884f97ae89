"""Every key there is, what it does, and the command line that does the same; and every sign. Found while typing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Label, Static

from fugue_tui.keymap import KeyRow, told
from fugue_tui.palette import Palette
from fugue_tui.screens.overlay import Overlay

KEYS_AT, WORDS_AT, TWIN_AT = 2, 24, 58
WIDE = 84
"""From this width on the command line stands beside the key where there is room, else on a line of its own."""
SIGNS = {
    "signs of sessions": {
        "●": "somebody is connected",
        "○": "nobody is connected",
        "◆": "marked",
        "~": "its program has just written something",
        "♪": "its program rang, and nobody has looked",
        "✓": "its program ended well",
        "✗1": "its program ended with exit code 1",
    },
    "signs of messages": {
        "✓3/3": "all three recipients have acknowledged it",
        "…1/3": "one of three has",
        "○held": "waits for somebody who is not connected",
        "✗dead": "somebody will never have it; enter shows why",
        "✗expired": "nobody took it in time",
        "–none": "nobody was there",  # noqa: RUF001  # the dash of the design
        "↳": "answers another message",
    },
}
"""What stands beside sessions and messages, and what it means."""
SIGN_ROWS = tuple(
    KeyRow(context=context, id="", keys=(sign,), words=words, action="", twin="")
    for context, signs in SIGNS.items()
    for sign, words in signs.items()
)


def matching(rows: Sequence[KeyRow], typed: str) -> list[KeyRow]:
    """Return the rows in which every typed word occurs: in the context, the keys, the words, the id or the twin."""
    words = typed.lower().split()
    return [row for row in rows if all(word in _haystack(row) for word in words)]


def _haystack(row: KeyRow) -> str:
    return " ".join((row.context, *row.keys, row.words, row.id, row.twin)).lower()


class Help(Overlay):
    """All keys, by the place where they hold, that of the user first; what the signs mean comes last.

    Down: the rows, at the beginning. Up: nothing; it changes nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "app.pop_screen", "close", key_display="esc", priority=True, id="help.close"),
        Binding("down", "scroll(1)", "down", show=False, priority=True, id="help.down"),
        Binding("up", "scroll(-1)", "up", show=False, priority=True, id="help.up"),
        Binding("pagedown", "page(1)", "page down", show=False, priority=True, id="help.page_down"),
        Binding("pageup", "page(-1)", "page up", show=False, priority=True, id="help.page_up"),
    ]

    block = "help"
    keys = (("type", "find"), ("help.up help.down", "scroll"), ("help.close", "close"))

    def __init__(self, rows: Sequence[KeyRow], here: str, palette: Palette) -> None:
        super().__init__(palette)
        self._rows = [*sorted(rows, key=lambda row: row.context != here), *SIGN_ROWS]
        self._here = here

    def compose(self) -> ComposeResult:
        """Return the panel."""
        with Vertical(id="help-panel"):
            yield Label("Help", id="help-title")
            yield Input(placeholder="type to find a key, a sign, a word or a command", id="help-field", compact=True)
            with VerticalScroll(id="help-scroll", can_focus=False):
                yield Static("", id="help-text")
            yield Label("   ".join(f"{key} {word}" for key, word in told(self, self.keys)), id="help-keys")

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one("#help-field").focus()

    def on_resize(self) -> None:
        """Write it anew for the width."""
        self.call_after_refresh(self._show)

    @on(Input.Changed, "#help-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()
        self.query_one("#help-scroll", VerticalScroll).scroll_home(animate=False)

    @on(Input.Submitted, "#help-field")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()

    def paint(self) -> None:
        """Write it anew."""
        self._show()

    def _show(self) -> None:
        rows = matching(self._rows, self.query_one("#help-field", Input).value)
        self.query_one("#help-text", Static).update(self._text(rows))

    def _text(self, rows: Sequence[KeyRow]) -> Text:
        palette, width = self.palette, self.query_one("#help-scroll").size.width
        is_wide = width >= WIDE
        text = Text(no_wrap=True, overflow="ellipsis")
        if not rows:
            text.append("no key, sign, word or command has that in it", palette.muted)
        for context, group in groupby(rows, key=lambda row: row.context):
            if text.plain:
                text.append("\n")
            text.append(context, f"bold {palette.strong}")
            text.append("  here\n" if context == self._here else "\n", palette.accent)
            for row in group:
                line = Text(" " * KEYS_AT)
                line.append("  ".join(row.keys), f"bold {palette.text}")
                line.append(" " * max(2, WORDS_AT - len(line)) + row.words, palette.muted)
                if row.twin:
                    twin = f"$ {row.twin}"
                    beside = max(TWIN_AT, len(line) + 2)
                    if not is_wide or beside + len(twin) >= width:
                        line.truncate(width - 1, overflow="ellipsis")
                        text.append_text(line).append("\n")
                        line, beside = Text(), max(KEYS_AT, min(WORDS_AT, width - 1 - len(twin)))
                    line.append(" " * (beside - len(line))).append(twin, palette.ok)
                line.truncate(width - 1, overflow="ellipsis")
                text.append_text(line).append("\n")
        return text

    def action_scroll(self, step: int) -> None:
        """Scroll by lines."""
        self.query_one("#help-scroll", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        """Scroll by pages."""
        scroll = self.query_one("#help-scroll", VerticalScroll)
        scroll.scroll_relative(y=step * max(1, scroll.size.height - 1), animate=False)
