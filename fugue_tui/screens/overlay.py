"""What all that opens over the panes has in common: colours that follow the theme, help, and a way out by the mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget

from fugue_tui.palette import DARK, Palette
from fugue_tui.view import World


class Overlay(ModalScreen[None]):
    """Something over the panes. Its subject stays as bright as it was, all else is dimmed by whoever opened it.

    Down: assign `palette`. Up: `Overlay.Turned`. A subclass gives `block`, `keys`, `paint` and `follow`.

    Attributes:
        subject: The pane that it is about, if it is about one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "app.help", "help", priority=True, id="panel.help")]

    block: ClassVar[str] = ""
    """What the status bar calls it."""
    keys: ClassVar[tuple[tuple[str, str], ...]] = ()
    """A key, or the id of its binding, and a word each, for its own last row; see `keymap.told`."""
    hints: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What the status bar tells in their place, where that is something else."""

    palette: reactive[Palette] = reactive(DARK, init=False)

    @dataclass
    class Turned(Message):
        """It has come to the front, or has gone."""

        overlay: Overlay

    def __init__(self, palette: Palette, *, subject: Widget | None = None) -> None:
        super().__init__()
        self.set_reactive(Overlay.palette, palette)
        self.subject = subject

    def follow(self, world: World, you: UUID | None) -> None:
        """Show what is new in the daemon, where it shows any of that.

        Args:
            world: What is known now.
            you: The human's session.
        """

    def paint(self) -> None:
        """Say all that is coloured anew, in the colours of `palette`."""
        raise NotImplementedError

    def watch_palette(self) -> None:
        """Follow the theme."""
        if self.is_mounted:
            self.paint()

    def on_screen_resume(self) -> None:
        """Say that the keys go here."""
        self.post_message(self.Turned(self))

    def on_unmount(self) -> None:
        """Say that they do not any more."""
        self.app.post_message(self.Turned(self))

    def on_click(self, event: events.Click) -> None:
        """Close where somebody clicks beside it."""
        if event.widget is self:
            self.dismiss()
