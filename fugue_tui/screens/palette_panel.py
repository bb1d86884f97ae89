"""The command palette: every action that can be done now, found while typing, with its key and its command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from fugue_tui.keymap import told
from fugue_tui.palette import Palette
from fugue_tui.screens.overlay import Overlay

KEY_AT, TWIN_AT = 38, 52
WIDE = 84


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be done.

    Fields:
        name: What does it is known by to whoever opens the palette.
        context: Where it belongs: a pane, `theme`.
        words: What it does.
        key, twin: The key and the command line that do the same, or empty.
    """

    name: str
    context: str
    words: str
    key: str = ""
    twin: str = ""


def fitting(actions: Sequence[Action], typed: str) -> list[Action]:
    """Return the actions with every typed word in them; those whose own words begin with what was typed come first."""
    words = typed.lower().split()
    found = [action for action in actions if all(word in _haystack(action) for word in words)]
    if not words:
        return found
    first = words[0]
    return sorted(found, key=lambda action: (not action.words.startswith(first), first not in action.words))


def _haystack(action: Action) -> str:
    return f"{action.context} {action.words} {action.key} {action.twin} {action.name}".lower()


class PalettePanel(Overlay):
    """A field, and the actions that fit.

    Down: the actions, at the beginning. Up: `PalettePanel.Chosen`, after the panel has closed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "app.pop_screen", "close", key_display="esc", priority=True, id="palette.close"),
        Binding("down,ctrl+n", "choose(1)", "next", show=False, priority=True, id="palette.next"),
        Binding("up", "choose(-1)", "previous", show=False, priority=True, id="palette.previous"),
        Binding("pagedown", "choose(10)", "page down", show=False, priority=True, id="palette.page_down"),
        Binding("pageup", "choose(-10)", "page up", show=False, priority=True, id="palette.page_up"),
    ]

    block = "actions"
    keys = (("enter", "do it"), ("palette.previous palette.next", "choose"), ("palette.close", "close"))

    @dataclass
    class Chosen(Message):
        """The user wants this done."""

        action: Action

    def __init__(self, actions: Sequence[Action], palette: Palette) -> None:
        super().__init__(palette)
        self._actions = actions
        self._fitting: list[Action] = []

    def compose(self) -> ComposeResult:
        """Return the panel."""
        with Vertical(id="palette-panel"):
            yield Label("Actions", id="palette-title")
            yield Input(placeholder="type what you want to do", id="palette-field", compact=True)
            yield OptionList(id="palette-list", compact=True)
            yield Label("   ".join(f"{key} {word}" for key, word in told(self, self.keys)), id="palette-keys")

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one("#palette-list").can_focus = False
        self.query_one("#palette-field").focus()

    def on_resize(self) -> None:
        """Write them anew for the width."""
        self.call_after_refresh(self._show)

    def action_choose(self, step: int) -> None:
        """Go through the actions."""
        listed = self.query_one("#palette-list", OptionList)
        if listed.option_count:
            listed.highlighted = max(0, min((listed.highlighted or 0) + step, listed.option_count - 1))

    @on(Input.Changed, "#palette-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    @on(Input.Submitted, "#palette-field")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        place = self.query_one("#palette-list", OptionList).highlighted
        if place is not None and place < len(self._fitting):
            self._choose(self._fitting[place])

    @on(OptionList.OptionSelected, "#palette-list")
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(self._fitting[event.option_index])

    def _choose(self, action: Action) -> None:
        self.dismiss()
        self.app.post_message(self.Chosen(action))

    def paint(self) -> None:
        """Write them anew; the same one stays chosen."""
        place = self.query_one("#palette-list", OptionList).highlighted
        self._show()
        self.query_one("#palette-list", OptionList).highlighted = place

    def _show(self) -> None:
        self._fitting = fitting(self._actions, self.query_one("#palette-field", Input).value)
        listed = self.query_one("#palette-list", OptionList)
        listed.clear_options()
        listed.add_options([Option(self._row(action)) for action in self._fitting])
        listed.highlighted = 0 if self._fitting else None

    def _row(self, action: Action) -> Text:
        palette = self.palette
        row = Text(no_wrap=True, overflow="ellipsis")
        row.append(f"{action.context}  ", palette.faint if palette.is_ansi else palette.muted)
        row.append(action.words, palette.text)
        row.append(" " * max(2, KEY_AT - len(row)) + action.key, f"bold {palette.text}")
        if action.twin and self.size.width >= WIDE:
            row.append(" " * max(2, TWIN_AT - len(row)) + f"$ {action.twin}", palette.ok)
        row.truncate(max(1, self.query_one("#palette-list").size.width - 3), overflow="ellipsis")
        return row
