"""The key that brings fugue back, and the one that follows it: what a terminal and a look back at it have in common."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

SILENT_KEYS = ("left_", "right_", "iso_", "caps_lock", "num_lock", "scroll_lock")
"""Keys that only change what others mean; a terminal may tell of them all the same."""


class PrefixWidget(Widget):
    """What can have the keys in a terminal pane.

    Down: assign `prefix`, and offer every key to `take_prefix`. Up: `Prefixed`, `Commanded`.
    """

    is_prefixed: reactive[bool] = reactive(default=False, init=False)
    prefix = ""

    @dataclass
    class Prefixed(Message):
        """The prefix was pressed, or what followed it: look at `is_prefixed`."""

        widget: PrefixWidget

    @dataclass
    class Commanded(Message):
        """A key that is meant for the pane: it came after the prefix, or nobody else is there to read it."""

        widget: PrefixWidget
        key: str

    def take_prefix(self, event: events.Key) -> bool:
        """Say whether a key is none of the widget's own; then it has been dealt with."""
        is_silent = event.key.startswith(SILENT_KEYS) and event.character is None
        if not is_silent and not self.is_prefixed and event.key != self.prefix:
            return False
        event.stop()
        event.prevent_default()
        if not is_silent:
            if self.is_prefixed:
                self.post_message(self.Commanded(self, event.key))
            self.is_prefixed = not self.is_prefixed
        return True

    def watch_is_prefixed(self) -> None:
        """Let others show it."""
        self.post_message(self.Prefixed(self))

    def on_blur(self) -> None:
        """Wait for no key that goes elsewhere."""
        self.is_prefixed = False
