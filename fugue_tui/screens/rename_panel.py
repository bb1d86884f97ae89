"""Give a session another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from fugue_core.errors import InvalidName
from fugue_core.protocol.session import SessionInfo, check_session_name
from fugue_tui.line import fit
from fugue_tui.palette import Palette
from fugue_tui.screens.panel import Panel
from fugue_tui.widgets.field import Field


class RenamePanel(Panel):
    """A field with the present name in it.

    Down: the session, at the beginning; `show_refusal`; `close` once it is done. Up: `RenamePanel.Entered`.
    """

    DEFAULT_CSS = """
    RenamePanel Field { border: none; height: 1; padding: 0 1; }
    """

    block = "rename"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "rename"), ("panel.leave", "leave as it is"))

    @dataclass
    class Entered(Message):
        """The user wants this name."""

        panel: RenamePanel
        session: UUID
        name: str

    def __init__(self, session: SessionInfo, palette: Palette, *, beside: Widget | None = None) -> None:
        super().__init__(palette, beside=beside)
        self._session = session

    def heading(self) -> Content:
        """Whose name."""
        palette = self.css
        return Content.assemble(
            Content.styled("Rename ", f"bold {palette.accent}"),
            Content.styled(fit(self._session.name, 50), palette.text),
        )

    def body(self) -> ComposeResult:
        """The field, and what is wrong with what is in it."""
        yield Field(self._session.name, compact=True)
        yield Static("", classes="panel-verdict")

    def on_mount(self) -> None:
        """Begin with the name chosen, so that typing replaces it."""
        super().on_mount()
        field = self.query_one(Field)
        field.focus()
        field.action_select_all()
        self.say("id, tags and unread mail stay with it")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """Say while typing what is wrong with it."""
        event.stop()
        if not event.value or event.value == self._session.name:
            self.say("id, tags and unread mail stay with it")
            return
        try:
            check_session_name(event.value)
        except InvalidName as error:
            self.say(f"✗ {error}", is_bad=True)
        else:
            self.say("id, tags and unread mail stay with it")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value == self._session.name:
            self.dismiss()
            return
        try:
            name = check_session_name(event.value)
        except InvalidName as error:
            self.say(f"✗ {error}", is_bad=True)
        else:
            self.post_message(self.Entered(self, self._session.id, name))
