"""Ask before a running program is ended."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.protocol.window import WindowInfo
from fugue_tui.line import fit
from fugue_tui.palette import Palette
from fugue_tui.screens.panel import Panel

COMMAND_CHARS = 60


class KillPanel(Panel):
    """A question.

    Down: the window; `show_refusal`; `close` once it is done. Up: `KillPanel.Confirmed`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "kill", "kill", id="kill.confirm")]

    block = "kill"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (("kill.confirm", "kill"), ("panel.leave", "let it run"))

    @dataclass
    class Confirmed(Message):
        """The user wants its program to end."""

        panel: KillPanel
        window: WindowInfo

    def __init__(self, window: WindowInfo, palette: Palette, *, is_last: bool, beside: Widget | None = None) -> None:
        super().__init__(palette, beside=beside)
        self._window = window
        self._is_last = is_last
        self._is_asked = False

    def heading(self) -> Content:
        """Which program."""
        palette, command = self.css, shlex.join(self._window.command)
        return Content.assemble(
            Content.styled("Kill ", f"bold {palette.accent}"), Content.styled(fit(command, COMMAND_CHARS), palette.text)
        )

    def body(self) -> ComposeResult:
        """What that means."""
        yield Static("", classes="panel-verdict")

    def on_mount(self) -> None:
        """Say what that means."""
        super().on_mount()
        also = "; it is the session's last window, so the session ends with it" if self._is_last else ""
        self.say(f"it is asked to end, then made to{also}")

    def show_refusal(self, reason: str) -> None:
        """Say why it did not end; `enter` tries again."""
        self._is_asked = False
        super().show_refusal(reason)

    def action_kill(self) -> None:
        """Ask for it, once."""
        if not self._is_asked:
            self._is_asked = True
            self.post_message(self.Confirmed(self, self._window))
