"""The fields of a message, from whom to to the payload."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from fugue_core.protocol.session import SessionInfo
from fugue_tui.draft import Draft
from fugue_tui.ink import Ink
from fugue_tui.jsonview import Fault, find_fault
from fugue_tui.keymap import key_of, mnemonic
from fugue_tui.palette import DARK, Palette
from fugue_tui.widgets.choice_field import Choice, ChoiceField
from fugue_tui.widgets.json_editor import JsonEditor
from fugue_tui.widgets.target_row import TargetRow, session_choices
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import FieldName, Kind, Reach, Template, TypeUse, find_session, reach_pieces, sender_pieces

CHECKED_AT_ONCE_CHARS = 20_000
CHECK_S = 0.2
"""A longer payload is checked when nothing was typed for so long."""
ROOM_FOR_WHOSE = 72
LETTERS = {
    "tag": "compose.to_tag",
    "session": "compose.to_session",
    "broadcast": "compose.to_broadcast",
    "worktree": "compose.to_worktree",
    "repo": "compose.repo",
}
"""The bindings whose letters are underlined in the row of the target."""


class MessageForm(Vertical):
    """What is written, and a row that says whom it reaches.

    Down: assign `draft`, `sessions`, `types`, `you`, `reach`, `template` and `palette`. Up: `MessageForm.Changed`,
    `MessageForm.Checked`, `MessageForm.TypesAsked`, `MessageForm.TemplateAsked`.
    """

    palette: reactive[Palette] = reactive(DARK)
    sessions: reactive[tuple[SessionInfo, ...]] = reactive((), init=False)
    types: reactive[tuple[TypeUse, ...]] = reactive((), init=False)
    you: reactive[UUID | None] = reactive(None, init=False)
    reach: reactive[Reach] = reactive(Reach, init=False)
    template: reactive[Template | None] = reactive(None, init=False)

    @dataclass
    class Said(Message):
        """What comes from a form."""

        message_form: MessageForm

        @property
        def control(self) -> MessageForm:
            """The form that this came from."""
            return self.message_form

    @dataclass
    class Changed(Said):
        """Something else is written. `has_target`: other sessions may receive it now."""

        has_target: bool = False

    class Checked(Said):
        """Whether the payload is JSON is known now, see `fault`."""

    class TypesAsked(Said):
        """The user is about to choose a type; `types` should be what was used lately."""

    class TemplateAsked(Said):
        """The user wants the template for the payload."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._to = TargetRow(classes="field")
        self._sender = ChoiceField(id="sender-field", input_id="sender", placeholder="you", is_choice=True)
        self._type = ChoiceField(
            id="msg-type-field", input_id="msg-type", placeholder="whatever your workflow calls it"
        )
        self._editor = JsonEditor(id="payload")
        self._reaches = TextRow(id="reaches")
        self._as = TextRow(Ink("as", "faint"), id="sender-label", classes="name")
        self._type_label = TextRow(Ink("type", "faint"), id="msg-type-label", classes="name")
        self._offer = TextRow(id="template")
        self._rule = TextRow(id="payload-rule")
        self._reply_to = ""
        self._fault: Fault | None = None
        self._violation: Fault | None = None
        self._next_check: Timer | None = None

    def compose(self) -> ComposeResult:
        """Return the rows, from top to bottom."""
        yield self._to
        with Horizontal(classes="field"):
            yield TextRow(Ink("reaches", "faint"), classes="name")
            yield self._reaches
        with Horizontal(classes="field"):
            yield self._as
            yield self._sender
        with Horizontal(classes="field"):
            yield self._type_label
            yield self._type
            yield self._offer
        yield self._rule
        yield self._editor

    def on_mount(self) -> None:
        """Tell which letters are keys."""
        self._to.letters = {name: mnemonic(key_of(self, binding_id)) for name, binding_id in LETTERS.items()}

    # -------------------------------------------------------------------------------------------------- what is written

    @property
    def draft(self) -> Draft:
        """What is written."""
        return Draft(
            target=self._to.target,
            msg_type=self._type.value.strip(),
            payload=self._editor.text,
            reply_to=self._reply_to,
            sender=self._sender.value.strip(),
            repo=self._to.repo,
        )

    @draft.setter
    def draft(self, draft: Draft) -> None:
        now = self.draft
        self._reply_to = draft.reply_to
        self._to.target, self._to.repo = draft.target, draft.repo
        if draft.sender != now.sender:
            self._sender.value = draft.sender
        if draft.msg_type != now.msg_type:
            self._type.value = draft.msg_type
        if draft.payload != now.payload:
            self._editor.text = draft.payload
        self.take_violation(None)
        self.check()

    @property
    def has_payload(self) -> bool:
        """Whether a payload is written."""
        return bool(self._editor.text.strip())

    @property
    def hint(self) -> str:
        """What the target misses where its value is empty; else nothing."""
        return self._to.hint

    @property
    def fault(self) -> Fault | None:
        """Why the payload is no JSON, or breaks the schema of its type, as far as it was checked."""
        return self._fault or self._violation

    def check(self) -> Fault | None:
        """Find out now whether the payload is JSON."""
        self._stop_check()
        self._fault = find_fault(self._editor.text)
        self._editor.fault = self.fault
        self.post_message(self.Checked(self))
        return self._fault

    def take_violation(self, violation: Fault | None) -> None:
        """Show how the payload breaks the schema of its type, until something else is written."""
        if violation != self._violation:
            self._violation = violation
            self._editor.fault = self.fault
            self.post_message(self.Checked(self))

    def format(self) -> None:
        """Lay the payload out; what is no JSON stays as it is."""
        self._editor.format()

    def take_template(self, template: Template) -> None:
        """Put a payload in the place of what is written; undo leads back."""
        self._editor.replace_all(template.payload)
        self._editor.format()
        self._editor.focus()

    def choose_kind(self, kind: Kind) -> None:
        """Write to a target of this kind."""
        self._to.choose(kind)
        self._kind_chosen()

    def turn_repo(self) -> None:
        """Let a tag count in the next repository."""
        self._to.turn_repo()
        self._changed(has_target=True)

    # ---------------------------------------------------------------------------------------------- where the keys go

    def go_to(self, field: FieldName) -> None:
        """Give a field the keys; a broadcast has no value to write, so its type has them."""
        is_off = field == "target" and self._to.field.disabled
        self._fields["msg_type" if is_off else field].focus()

    def go_on(self, step: int) -> None:
        """Give the next field the keys, or the one before; after the last comes the first."""
        fields = [field for field in self._fields.values() if field.focusable]
        here = next((place for place, field in enumerate(fields) if field.has_focus), -1)
        fields[(here + step) % len(fields)].focus()

    def go_to_fault(self) -> None:
        """Put the cursor where the payload is wrong."""
        if self.fault is not None:
            self._editor.focus()
            self._editor.move_cursor((self.fault.line - 1, self.fault.column - 1))

    @property
    def _fields(self) -> dict[FieldName, Widget]:
        return {
            "target": self._to.field.input,
            "sender": self._sender.input,
            "msg_type": self._type.input,
            "payload": self._editor,
        }

    # --------------------------------------------------------------------------------------------------- data goes down

    def watch_palette(self) -> None:
        """Draw in other colours."""
        for row in self.query(TextRow):
            row.palette = self.palette
        self._to.palette = self._sender.palette = self._type.palette = self._editor.palette = self.palette
        self._sender.choices = session_choices(self.sessions, self.palette)
        self._draw()

    def watch_sessions(self) -> None:
        """Offer the sessions and tags of now."""
        self._to.sessions = self.sessions
        self._sender.choices = session_choices(self.sessions, self.palette)
        self._draw()

    def watch_types(self) -> None:
        """Offer the types of now."""
        self._type.choices = tuple(Choice(use.msg_type, f"last by {use.sender}") for use in self.types)

    def watch_you(self) -> None:
        """Say who sends."""
        self._draw()

    def watch_reach(self) -> None:
        """Say who would receive it."""
        self._draw()

    def watch_template(self) -> None:
        """Say what there is to take."""
        self._draw()

    # ------------------------------------------------------------------------------------------------- messages go up

    @on(TargetRow.Changed)
    def _target_changed(self, event: TargetRow.Changed) -> None:
        event.stop()
        self._changed(has_target=True)

    @on(TargetRow.KindChosen)
    def _kind_clicked(self, event: TargetRow.KindChosen) -> None:
        event.stop()
        self._kind_chosen()

    @on(TargetRow.Entered)
    def _target_entered(self, event: TargetRow.Entered) -> None:
        event.stop()
        self.go_to("msg_type")

    @on(ChoiceField.Changed)
    def _field_changed(self, event: ChoiceField.Changed) -> None:
        event.stop()
        self._draw()
        self.take_violation(None)
        self._changed(has_target=event.control is self._sender)

    @on(ChoiceField.Entered)
    def _field_entered(self, event: ChoiceField.Entered) -> None:
        event.stop()
        self.go_to("msg_type" if event.control is self._sender else "payload")

    @on(TextArea.Changed)
    def _payload_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.take_violation(None)
        if len(self._editor.text) <= CHECKED_AT_ONCE_CHARS:
            self.check()
        else:
            self._stop_check()
            self._next_check = self.set_timer(CHECK_S, self.check)
        self._changed()

    @on(TextRow.Pressed, "#template")
    def _template_pressed(self, event: TextRow.Pressed) -> None:
        event.stop()
        self.post_message(self.TemplateAsked(self))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Ask for what is offered, and show where the keys go."""
        if event.widget is self._type.input:
            self.post_message(self.TypesAsked(self))
        self._draw()

    def on_descendant_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Show as many names as fit."""
        self.call_after_refresh(self._draw)

    def _kind_chosen(self) -> None:
        self._changed(has_target=True)
        self.go_to("target")

    def _changed(self, *, has_target: bool = False) -> None:
        self.post_message(self.Changed(self, has_target))

    def _stop_check(self) -> None:
        if self._next_check is not None:
            self._next_check.stop()
            self._next_check = None

    # ---------------------------------------------------------------------------------------------------------- drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self._as.left = (Ink("as", "accent" if self._sender.has_focus_within else "faint"),)
        self._type_label.left = (Ink("type", "accent" if self._type.has_focus_within else "faint"),)
        self._reaches.left = reach_pieces(self.reach, len(self.sessions), self._reaches.size.width)
        me = find_session(self.sessions, str(self.you))
        sender = find_session(self.sessions, self._sender.value.strip()) if self._sender.value.strip() else me
        self._to.home = (sender.repo if sender else None) or ""
        self._sender.input.placeholder = "".join(piece.text for piece in sender_pieces(me, self.palette, is_you=True))
        words = f"takes {self.template.whose}" if self.template and self.size.width >= ROOM_FOR_WHOSE else "template"
        self._offer.left = (
            ()
            if self.template is None
            else (
                Ink(f"  {key_of(self, 'compose.template')}", "text", press="template"),
                Ink(f" {words}", "faint", press="template"),
            )
        )
        ink = "accent" if self._editor.has_focus else "faint"
        self._rule.left = (
            Ink("── ", "rule"),
            Ink("payload", ink),
            Ink(f" {'─' * max(0, self.size.width - 11)}", "rule"),
        )
