"""Write a message: whom to, which type, what payload; and see who will receive it before it is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static, TextArea

from fugue_core.errors import InvalidMessageType, InvalidPayload, InvalidValue
from fugue_core.printable import printable
from fugue_core.protocol.envelope import Recipient
from fugue_core.protocol.message import check_msg_type, read_payload
from fugue_core.protocol.target import WireTarget, parse_target

NAMES_SHOWN = 8


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is written: as it stands in the fields, right or wrong.

    Fields:
        reply_to: The id of the message that it answers, or an empty text.
    """

    target: str = ""
    msg_type: str = ""
    payload: str = ""
    reply_to: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written."""
        return not (self.target or self.msg_type or self.payload.strip())

    def read_target(self) -> WireTarget:
        """Return the target. Raises `InvalidValue`."""
        return parse_target(self.target.strip())

    def read_payload(self) -> bytes:
        """Return the payload as JSON; what is empty is null. Raises `InvalidPayload`."""
        text = self.payload.strip().encode()
        if not text:
            return b"null"
        read_payload(text)
        return text


class ComposePane(Vertical):
    """The fields of a message.

    Down: `show_recipients`, `show_refusal`, `show_receipt`, `write_to`. Up: `ComposePane.Submitted`,
    `ComposePane.TargetChanged`, `ComposePane.Left`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+enter,f5", "submit", "send", key_display="f5", priority=True, id="compose.send"),
        Binding("f6", "format", "format", id="compose.format"),
        Binding("alt+t", "kind('tag:')", "to a tag", show=False, id="compose.to_tag"),
        Binding("alt+s", "kind('session:')", "to a session", show=False, id="compose.to_session"),
        Binding("alt+b", "kind('broadcast')", "to the repository", show=False, id="compose.to_broadcast"),
        Binding("alt+w", "kind('worktree:')", "to a worktree", show=False, id="compose.to_worktree"),
        Binding("escape", "leave", "back", id="compose.leave"),
    ]

    @dataclass
    class Submitted(Message):
        """The user wants to send what is written; it was checked."""

        compose_pane: ComposePane
        draft: Draft

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class TargetChanged(Message):
        """The target reads differently; somebody may want to say who is there. None: it cannot be read yet."""

        compose_pane: ComposePane
        target: WireTarget | None

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class Left(Message):
        """The user is done here, for now."""

        compose_pane: ComposePane

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._reply_to = ""

    def compose(self) -> ComposeResult:
        """Return the fields, from top to bottom."""
        yield Label("Compose", id="compose-title")
        with Horizontal(classes="field"):
            yield Label("to", classes="name")
            yield Input(placeholder="tag:TAG  session:NAME  broadcast  worktree:PATH", id="target", compact=True)
        with Horizontal(classes="field"):
            yield Label("reaches", classes="name")
            yield Static("", id="reaches")
        with Horizontal(classes="field"):
            yield Label("type", classes="name")
            yield Input(placeholder="whatever your workflow calls it", id="msg-type", compact=True)
        yield TextArea("", id="payload", compact=True, show_line_numbers=True, tab_behavior="focus")
        yield Static("", id="verdict")

    # ---------------------------------------------------------------------------------------------------------- down

    @property
    def draft(self) -> Draft:
        """What is written."""
        return Draft(
            target=self.query_one("#target", Input).value,
            msg_type=self.query_one("#msg-type", Input).value,
            payload=self.query_one("#payload", TextArea).text,
            reply_to=self._reply_to,
        )

    def write_to(self, target: str, *, msg_type: str = "", reply_to: str = "") -> None:
        """Begin a message to `target`; what else is written stays."""
        self._reply_to = reply_to
        self.query_one("#target", Input).value = target
        if msg_type:
            self.query_one("#msg-type", Input).value = msg_type
        title = f"Compose  in reply to {reply_to[:8]}" if reply_to else "Compose"
        self.query_one("#compose-title", Label).update(Content(title))
        field = "#payload" if self.draft.msg_type else "#msg-type"
        self.query_one(field).focus()

    def take_draft(self, draft: Draft) -> None:
        """Put a draft of an earlier run into the fields."""
        self._reply_to = draft.reply_to
        self.query_one("#target", Input).value = draft.target
        self.query_one("#msg-type", Input).value = draft.msg_type
        self.query_one("#payload", TextArea).text = draft.payload

    def clear(self, sent: Draft) -> None:
        """Empty the fields, where they still hold what was sent; what was typed meanwhile stays."""
        if self.draft == sent:
            self._reply_to = ""
            self.query_one("#payload", TextArea).text = ""
            self.query_one("#compose-title", Label).update("Compose")

    def show_recipients(self, recipients: Sequence[Recipient]) -> None:
        """Say who would receive it."""
        names = "  ".join(
            f"{'●' if recipient.is_connected else '○'} {printable(recipient.name)}"
            for recipient in recipients[:NAMES_SHOWN]
        )
        held = sum(not recipient.is_connected for recipient in recipients)
        more = f"  +{len(recipients) - NAMES_SHOWN}" if len(recipients) > NAMES_SHOWN else ""
        waits = f"   {held} will be held" if held else ""
        self.query_one("#reaches", Static).update(Content(f"{len(recipients)}   {names}{more}{waits}"))

    def show_nobody(self, reason: str) -> None:
        """Say why nobody would receive it."""
        self.query_one("#reaches", Static).update(Content(printable(reason)))

    def show_verdict(self, text: str, *, is_bad: bool = False) -> None:
        """Say what is wrong, or what has become of the last one."""
        verdict = self.query_one("#verdict", Static)
        verdict.set_class(is_bad, "bad")
        verdict.update(Content(printable(text)))

    # ------------------------------------------------------------------------------------------------------------ up

    @on(Input.Changed, "#target")
    def _target_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            target = parse_target(event.value.strip())
        except InvalidValue as error:
            self.show_nobody(str(error) if event.value else "")
            self.post_message(self.TargetChanged(self, None))
        else:
            self.post_message(self.TargetChanged(self, target))

    @on(TextArea.Changed, "#payload")
    def _payload_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        try:
            payload = self.draft.read_payload()
        except InvalidPayload as error:
            self.show_verdict(f"✗ {error.rule}", is_bad=True)
        else:
            self.show_verdict(f"✓ valid JSON, {len(payload):,} bytes" if self.draft.payload.strip() else "")

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    def action_submit(self) -> None:
        """Check what is written, and ask for it to be sent."""
        draft = self.draft
        try:
            draft.read_target()
            check_msg_type(draft.msg_type)
            draft.read_payload()
        except InvalidPayload as error:
            self.show_verdict(f"✗ payload: {error.rule}", is_bad=True)
            self.query_one("#payload").focus()
        except InvalidMessageType as error:
            self.show_verdict(f"✗ {error}", is_bad=True)
            self.query_one("#msg-type").focus()
        except InvalidValue as error:
            self.show_verdict(f"✗ {error}", is_bad=True)
            self.query_one("#target").focus()
        else:
            self.post_message(self.Submitted(self, draft))

    def action_format(self) -> None:
        """Lay the payload out; what is no JSON stays as it is."""
        area = self.query_one("#payload", TextArea)
        try:
            self.draft.read_payload()
        except InvalidPayload:
            return
        if area.text.strip():
            area.text = json.dumps(json.loads(area.text), indent=2, ensure_ascii=False)

    def action_kind(self, text: str) -> None:
        """Begin a target of this kind."""
        field = self.query_one("#target", Input)
        field.value = text
        field.cursor_position = len(text)
        field.focus()

    def action_leave(self) -> None:
        """Go back to the log; what is written stays."""
        self.post_message(self.Left(self))
