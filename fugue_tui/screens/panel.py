"""What the small panels have in common: raised, an accent bar at the left, beside their subject, keys at the foot."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.printable import printable
from fugue_tui.keymap import told
from fugue_tui.palette import Palette, css_colour
from fugue_tui.screens.overlay import Overlay

PANEL_WIDTH, LEAST_WIDTH = 78, 48
TOP = 5
VERDICT_CHARS = 400
SIDES = 5
"""Cells of a panel's width that are its edge and what it leaves free."""


class Panel(Overlay):
    """A panel over the panes, beside the pane that it is about; where that leaves too little room, it covers the pane.

    A subclass gives `heading`, `keys` and `body`, and the status bar's `block`.
    """

    DEFAULT_CSS = """
    Panel { align: left top; }
    Panel > .panel { height: auto; padding: 1 2 0 2; }
    Panel .panel-title { height: 1; margin-bottom: 1; }
    Panel .panel-verdict { height: auto; min-height: 1; max-height: 5; }
    Panel .panel-keys { height: auto; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", id="panel.leave"),
        Binding("ctrl+p", "app.actions", "actions", show=False, id="panel.actions"),
    ]

    def __init__(self, palette: Palette, *, beside: Widget | None = None) -> None:
        super().__init__(palette, subject=beside)
        self._said = ("", False)
        self._room = 0

    @property
    def css(self) -> Palette:
        """The palette by the names that style sheets have for its colours."""
        return css_palette(self.palette)

    def heading(self) -> Content:
        """Return the title."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Return what stands between title and keys; a widget of the class `panel-verdict` among it."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Return the panel."""
        with Vertical(classes="panel"):
            yield Static(self.heading(), classes="panel-title")
            yield from self.body()
            yield Static("", classes="panel-keys")

    def on_mount(self) -> None:
        """Take the place."""
        self._place()

    def on_resize(self) -> None:
        """Stand beside the subject, or over it."""
        self._place()

    def _place(self) -> None:
        size = self.app.size
        edge = self.subject.region.right if self.subject is not None else 0
        left = edge if size.width - edge - 1 >= LEAST_WIDTH else 0  # over the bar of the pane there: one is seen
        panel = self.query_one(".panel")
        width = max(1, min(PANEL_WIDTH, size.width - left))
        panel.styles.width = width
        top = max(0, min(TOP, (size.height - 18) // 3))
        panel.styles.max_height = max(1, size.height - top - 1)  # the status bar is seen below
        panel.styles.margin = (top, 0, 0, left)
        self._room = width - SIDES
        self.query_one(".panel-keys", Static).update(self._keys_lines())

    def _keys_lines(self) -> Content:
        """Return the keys on as many lines as they need, each key on one line with its word."""
        palette = self.css
        lines: list[Content] = []
        for key, word in told(self, self.keys):
            pair = Content.assemble(
                Content.styled(key, f"bold {palette.text}"), Content.styled(f" {word}", palette.muted)
            )
            if lines and lines[-1].cell_length + 3 + pair.cell_length <= self._room:
                lines[-1] = Content("   ").join((lines[-1], pair))
            else:
                lines.append(pair)
        return Content("\n").join(lines)

    def say(self, text: str, *, is_bad: bool = False) -> None:
        """Show a sentence in the verdict's row; an empty one clears it."""
        self._said = (text, is_bad)
        colour = self.css.bad if is_bad else self.css.muted
        verdict = self.query_one(".panel-verdict", Static)
        verdict.update(Content.styled(printable(text[:VERDICT_CHARS]), colour))
        verdict.set_class(is_bad, "bad")

    def paint(self) -> None:
        """Say title, verdict and keys anew."""
        self.query_one(".panel-title", Static).update(self.heading())
        self.query_one(".panel-keys", Static).update(self._keys_lines())
        text, is_bad = self._said
        self.say(text, is_bad=is_bad)

    def show_refusal(self, reason: str) -> None:
        """Say why the daemon refused; what was typed stays."""
        if self.is_open:
            self.say(f"✗ {reason}", is_bad=True)

    @property
    def is_open(self) -> bool:
        """Whether it is still there: an answer may come after the user has left."""
        return bool(self.query(".panel-verdict"))

    def close(self) -> None:
        """Go once it is done, unless the user has left already."""
        if self.is_current:
            self.dismiss()

    def action_leave(self) -> None:
        """Go, and leave all as it is."""
        self.dismiss()


def css_palette(palette: Palette) -> Palette:
    """Return a palette whose colours are as Textual's styles and style sheets call them."""
    if not palette.is_ansi:
        return palette
    colours = {field: getattr(palette, field) for field in palette.__struct_fields__ if field != "name"}
    named = {field: css_colour(colour) for field, colour in colours.items() if isinstance(colour, str)}
    return msgspec.structs.replace(palette, **named)
