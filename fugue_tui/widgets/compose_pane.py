"""Write a message: whom to, which type, what payload; and see who will receive it before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast
from uuid import UUID

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer

from fugue_core.errors import FugueError, InvalidValue, SchemaViolation
from fugue_core.printable import printable
from fugue_core.protocol.envelope import Recipient
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import WireTarget
from fugue_tui.draft import Desk, Draft, Pages
from fugue_tui.ink import Ink
from fugue_tui.jsonview import Fault
from fugue_tui.keymap import key_of, with_keys
from fugue_tui.palette import DARK, Palette
from fugue_tui.pointer import violation_fault
from fugue_tui.refusal import in_words
from fugue_tui.widgets.message_form import MessageForm
from fugue_tui.widgets.row_list import TIGHT
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.widgets.verdict_row import VerdictRow
from fugue_tui.writing import Kind, Reach, TypeUse, closed_pieces, find_missing, receipt_pieces, template_of

SETTLED_S = 0.4
"""A draft that was not touched for so long is kept."""
RESOLVE_S = 0.1
"""However many sessions change, recipients are asked for once in so long."""
ASK_AGAIN_S = 2.0
RECEIPT_S = 4.0
CHECK_S = 0.3
"""A payload that was not touched for so long is held against the schema of its type."""
ROOM_FOR_WAY_OUT = 72
"""From this width on the title says how to give up what is written."""


class ComposePane(Vertical):
    """The fields of a message. With the class `open` it shows them, else one line.

    Down: assign `sessions`, `types`, `you`, `way_in` and `palette`; `begin`, `write_to`, `take_desk`,
    `show_recipients`, `show_nobody`, `show_unknown`, `show_refusal`, `show_receipt`, `show_violation`, `check_again`,
    `note_saved`.
    Up: `ComposePane.Submitted`, `ComposePane.TargetChanged`, `ComposePane.CheckAsked`, `ComposePane.TypesAsked`,
    `ComposePane.Settled`, `ComposePane.Opened`, `ComposePane.Left`, `ComposePane.Passed`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+enter,f5", "submit", "send", key_display="f5", priority=True, id="compose.send"),
        Binding("escape", "leave", "back", key_display="esc", id="compose.leave"),
        Binding("tab", "next_field(1)", "next field", id="compose.next_field"),
        Binding("alt+n", "pass_on", "next pane", priority=True, id="compose.next_pane"),
        Binding("alt+t", "kind('tag')", "to a tag", priority=True, id="compose.to_tag"),
        Binding("alt+x", "give_up", "give it up", show=False, priority=True, id="compose.give_up"),
        Binding("f6", "format", "format", priority=True, id="compose.format"),
        Binding("f7", "template", "template", show=False, priority=True, id="compose.template"),
        Binding("f8", "show_fault", "to the fault", show=False, priority=True, id="compose.fault"),
        Binding("alt+s", "kind('session')", "to a session", show=False, priority=True, id="compose.to_session"),
        Binding(
            "alt+a,alt+b", "kind('broadcast')", "to all here", show=False, priority=True, id="compose.to_broadcast"
        ),
        Binding("alt+w", "kind('worktree')", "to a worktree", show=False, priority=True, id="compose.to_worktree"),
        Binding("alt+r", "turn_repo", "in this repository, in any", show=False, priority=True, id="compose.repo"),
        Binding("ctrl+up", "history(-1)", "older", show=False, priority=True, id="compose.older"),
        Binding("ctrl+down", "history(1)", "newer", show=False, priority=True, id="compose.newer"),
        Binding("shift+tab", "next_field(-1)", "field before", show=False, id="compose.previous_field"),
    ]

    palette: reactive[Palette] = reactive(DARK, init=False)
    sessions: reactive[tuple[SessionInfo, ...]] = reactive((), init=False, always_update=True)
    types: reactive[tuple[TypeUse, ...]] = reactive((), init=False)
    you: reactive[UUID | None] = reactive(None, init=False)
    unseen: reactive[tuple[str, ...]] = reactive((), init=False)
    """The panes that this one stands in front of, each with what waits there."""
    way_in: reactive[str] = reactive("", init=False)
    """The key that opens it, as people write it; it is somebody else's."""

    @dataclass
    class Said(Message):
        """What comes from a pane."""

        compose_pane: ComposePane

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class Submitted(Said):
        """The user wants to send what is written; it was checked."""

        draft: Draft

    @dataclass
    class TargetChanged(Said):
        """Somebody should say who is there: the target or the sender is another, or the sessions have changed.

        None: the target cannot be read yet. An empty sender: the human's session.
        """

        target: WireTarget | None
        sender: str = ""

    @dataclass
    class CheckAsked(Said):
        """Somebody should say whether the payload keeps the schema of its type, see `show_violation`; it is JSON."""

        draft: Draft

    class TypesAsked(Said):
        """The user is about to choose a type; `types` should be what was used lately."""

    @dataclass
    class Settled(Said):
        """What is written has changed and should be kept."""

        desk: Desk

    class Opened(Said):
        """The user clicked on the closed pane."""

    class Left(Said):
        """The user is done here, for now."""

    class Passed(Said):
        """The user goes on to the next pane; this one stays open."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._title = TextRow(id="compose-title")
        self._line = TextRow(id="compose-line")
        self._form = MessageForm()
        self._verdict = VerdictRow(id="verdict")
        self._reach = Reach()
        self._desk = Desk()
        self._pages = Pages()
        self._under_way: Draft | None = None
        self._untouched: Draft | None = None
        """What the last sending left here; it is not sent by a key that was pressed twice."""
        self._given_up: tuple[Desk, Draft] | None = None
        """The desk before, and what was put in the place of the draft."""
        self._is_saved = False
        self._waits: dict[str, Timer] = {}

    def open(self) -> None:
        """Show all of the form."""
        self.add_class("open")
        self._draw()

    def close(self) -> None:
        """Show one line of what is written; it stays."""
        self.remove_class("open")
        self._draw()

    def compose(self) -> ComposeResult:
        """Return the rows, from top to bottom."""
        yield self._title
        yield self._line
        yield TextRow(classes="gap")
        yield self._form
        yield self._verdict

    def on_mount(self) -> None:
        """Show an empty desk."""
        self.watch_palette()

    # -------------------------------------------------------------------------------------------------- what is written

    @property
    def draft(self) -> Draft:
        """What is written."""
        return self._form.draft

    @property
    def desk(self) -> Desk:
        """What should be kept when the app ends."""
        return msgspec.structs.replace(self._desk, draft=self.draft)

    @property
    def fault(self) -> Fault | None:
        """Why the payload is no JSON, or how it breaks the schema of its type."""
        return self._form.fault

    def take_desk(self, desk: Desk) -> None:
        """Put what was kept of an earlier run into the fields."""
        self._desk = desk
        self._put(desk.draft)
        self._is_saved = True

    def write_to(self, target: str, *, msg_type: str = "", payload: str = "", reply_to: str = "") -> None:
        """Begin a message to `target`, see `Desk.begin`."""
        written = self._pages.newest(self.draft)
        if reply_to != written.reply_to:
            self._turn_to(written)
        self._lay_out(self.desk.begin(target, msg_type=msg_type, payload=payload, reply_to=reply_to))
        self._verdict.forget()
        self._changed(has_target=True)
        self._form.go_to("payload" if self.draft.msg_type else "msg_type")

    def begin(self) -> None:
        """Give the keys to the first field."""
        self._form.go_to("target")

    # ---------------------------------------------------------------------------------------------------------- answers

    def show_recipients(self, recipients: Sequence[Recipient]) -> None:
        """Say who would receive it."""
        self._show_reach(Reach(tuple(recipients), "", is_known=True))

    def show_nobody(self, reason: str) -> None:
        """Say why nobody would receive it."""
        self._show_reach(Reach((), printable(reason), is_known=True))

    def show_unknown(self) -> None:
        """Say that nobody can say who would receive it; it is asked again in a while."""
        self._show_reach(Reach())
        self._later("resolve", ASK_AGAIN_S, self._ask_for_recipients)

    def show_refusal(self, draft: Draft, error: FugueError) -> None:
        """Say why a message was not sent, and what to do; all that is written stays."""
        self._answered(draft)
        self._verdict.refuse(in_words(error, partial(with_keys, self)))
        if isinstance(error, SchemaViolation):
            self.show_violation(draft, error)
        self._ask_for_recipients()

    def show_violation(self, draft: Draft, error: SchemaViolation | None) -> None:
        """Say how a draft breaks the schema of its type, or that it does not; unless another is written by now."""
        now = self.draft
        if (draft.msg_type, draft.payload, draft.sender) == (now.msg_type, now.payload, now.sender):
            self._form.take_violation(None if error is None else violation_fault(draft.payload, error))

    def check_again(self) -> None:
        """Ask for the check again: a schema is another one now."""
        self._later("check", CHECK_S, self._ask_for_check)

    def show_receipt(self, draft: Draft, recipients: Sequence[Recipient]) -> None:
        """Say who has it, see `Desk.send`. What an older page stood in front of comes back."""
        self._answered(draft)
        is_over = self.draft == draft
        desk = self.desk.lay_aside(self._pages.newest(self.draft)) if self._pages.age else self.desk
        self._pages.close()
        self._desk = desk.send(draft)
        if is_over:
            self._put(self._desk.draft)
            self._untouched, self._given_up = self.draft, None
        self._verdict.say(*receipt_pieces(recipients), for_s=RECEIPT_S)
        self._settle()

    def note_saved(self, error: OSError | None = None) -> None:
        """Say that the draft is kept, or why it cannot be."""
        self._is_saved = error is None
        if error is not None:
            self._verdict.refuse(f"the draft cannot be kept: {error}")
        self._draw()

    # --------------------------------------------------------------------------------------------------- data goes down

    def watch_palette(self) -> None:
        """Draw in other colours."""
        for row in self.query(TextRow):
            row.palette = self.palette
        self._form.palette = self.palette
        self._draw()

    def watch_sessions(self) -> None:
        """Offer the sessions and tags of now; and ask again who would receive it, once for many changes."""
        self._form.sessions = self.sessions
        self._draw()
        if "resolve" not in self._waits:
            self._later("resolve", RESOLVE_S, self._ask_for_recipients)

    def watch_types(self) -> None:
        """Offer the types of now."""
        self._form.types = self.types
        self._draw()

    def watch_unseen(self) -> None:
        """Tell of them."""
        self._draw()

    def watch_way_in(self) -> None:
        """Tell it."""
        self._draw()

    def watch_you(self) -> None:
        """Say who sends."""
        self._form.you = self.you
        self._ask_for_recipients()

    # ----------------------------------------------------------------------------------------------------- what is done

    @on(MessageForm.Changed)
    def _form_changed(self, event: MessageForm.Changed) -> None:
        event.stop()
        self._changed(has_target=event.has_target)

    @on(MessageForm.Checked)
    def _form_checked(self, event: MessageForm.Checked) -> None:
        event.stop()
        self._draw()

    @on(MessageForm.TypesAsked)
    def _types_asked(self, event: MessageForm.TypesAsked) -> None:
        event.stop()
        self.post_message(self.TypesAsked(self))

    @on(MessageForm.TemplateAsked)
    def _template_asked(self, event: MessageForm.TemplateAsked) -> None:
        event.stop()
        self.action_template()

    @on(TextRow.Pressed, "#verdict")
    def _pressed(self, event: TextRow.Pressed) -> None:
        event.stop()
        if event.press == "send":
            self.action_submit()
        else:
            self.action_show_fault()

    def on_click(self, event: events.Click) -> None:
        """Open the pane."""
        if not self.has_class("open"):
            event.stop()
            self.post_message(self.Opened(self))

    def on_descendant_focus(self) -> None:
        """Show that the keys go here."""
        self._draw()

    def on_descendant_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Show it open, or on one line."""
        self.call_after_refresh(self._draw)

    def action_submit(self) -> None:
        """Check what is written, and ask for it to be sent. What breaks its schema is only checked again."""
        draft = self.draft
        if self._under_way == draft:
            return
        if draft == self._untouched:
            self._say_untouched(draft)
            return
        missing = find_missing(draft, self.sessions)
        if missing is not None:
            self._verdict.refuse(missing.reason)
            self._form.go_to(missing.field)
        elif self._form.check() is not None:
            self._draw()
            self._form.go_to_fault()
        elif self.fault is not None:
            self._ask_for_check()
            self._form.go_to_fault()
        else:
            self._under_way = draft
            self._verdict.say(Ink("sending …", "muted"))
            self._draw()
            self.post_message(self.Submitted(self, draft))

    def action_give_up(self) -> None:
        """Give up what is written, see `Desk.drop`. Once more brings it back; of an older page, only turn it back."""
        if self._pages.age:
            self._turn_to(self._pages.newest(self.draft))
        elif self._given_up is not None and self.draft == self._given_up[1]:
            before, self._given_up = self._given_up[0], None
            self._lay_out(msgspec.structs.replace(self._desk, draft=before.draft, aside=before.aside))
            self._verdict.forget()
        elif self.draft.reply_to or not self.draft.is_empty:
            before = self.desk
            self._lay_out(before.drop())
            self._given_up = before, self.draft
            self._verdict.say(
                Ink(with_keys(self, "given up; {compose.give_up} brings it back"), "muted"), for_s=RECEIPT_S
            )
        self._changed(has_target=True)
        self._form.go_to("target")

    def action_format(self) -> None:
        """Lay the payload out; what is no JSON stays as it is."""
        self._form.format()

    def action_template(self) -> None:
        """Take the last payload of this type, where none is written."""
        template = template_of(self.draft.msg_type, self._desk.sent, self.types)
        if template is not None and not self._form.has_payload:
            self._form.take_template(template)
        elif template is not None:
            stays = Ink(" what is written stays: clear the payload to take the template", "wait")
            self._verdict.say(stays, for_s=RECEIPT_S)

    def action_show_fault(self) -> None:
        """Go to where the payload is wrong."""
        self._form.go_to_fault()

    def action_kind(self, kind: str) -> None:
        """Write to a target of this kind; each kind remembers its value."""
        self._form.choose_kind(cast("Kind", kind))

    def action_turn_repo(self) -> None:
        """Let a tag count in the sender's repository only, then in each other one, then in all again."""
        self._form.turn_repo()

    def action_history(self, step: int) -> None:
        """Show an older or a newer message of those that were sent; the newest page is what is being written."""
        page = self._pages.turn(step, self._desk.sent, self.draft)
        if page is not None:
            self._put(page)

    def action_next_field(self, step: int) -> None:
        """Go on to the next field, or back; after the last comes the first."""
        self._form.go_on(step)

    def action_leave(self) -> None:
        """Go back to the log; what is written stays."""
        self._settle()
        self.post_message(self.Left(self))

    def action_pass_on(self) -> None:
        """Go on to the next pane; `tab` stays within this one."""
        self.post_message(self.Passed(self))

    # ----------------------------------------------------------------------------------------------------------- inside

    def _lay_out(self, desk: Desk) -> None:
        self._desk = desk
        self._put(desk.draft)

    def _turn_to(self, written: Draft) -> None:
        """Leave the pages of the history."""
        self._pages.close()
        self._put(written)

    def _say_untouched(self, draft: Draft) -> None:
        if not draft.payload.strip():
            self._verdict.forget()
            return
        self._untouched = None
        words = with_keys(self, "this was written before; {compose.send} once more sends it")
        self._verdict.say(Ink(words, "wait"), for_s=RECEIPT_S)

    def _put(self, draft: Draft) -> None:
        self._form.draft = draft
        self._ask_for_recipients()
        self._later("check", CHECK_S, self._ask_for_check)
        self._draw()

    def _changed(self, *, has_target: bool = False) -> None:
        self._is_saved = False
        self._verdict.forget_refusal()
        self._later("settle", SETTLED_S, self._settle)
        self._later("check", CHECK_S, self._ask_for_check)
        if has_target:
            self._ask_for_recipients()
        self._draw()

    def _settle(self) -> None:
        self._stop("settle")
        self.post_message(self.Settled(self, self.desk))

    def _answered(self, draft: Draft) -> None:
        if self._under_way == draft:
            self._under_way = None
        self._draw()

    def _ask_for_recipients(self) -> None:
        self._stop("resolve")
        draft = self.draft
        try:
            target = draft.read_target()
        except InvalidValue as error:
            self._show_reach(Reach((), self._form.hint or printable(str(error)), is_known=True))
            self.post_message(self.TargetChanged(self, None, draft.sender))
        else:
            self.post_message(self.TargetChanged(self, target, draft.sender))

    def _ask_for_check(self) -> None:
        self._stop("check")
        draft = self.draft
        if draft.msg_type and draft.payload.strip() and self._form.check() is None:
            self.post_message(self.CheckAsked(self, draft))

    def _show_reach(self, reach: Reach) -> None:
        self._reach = reach
        self._draw()

    def _later(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        self._stop(name)
        self._waits[name] = self.set_timer(delay_s, action, name=name)

    def _stop(self, name: str) -> None:
        timer = self._waits.pop(name, None)
        if timer is not None:
            timer.stop()

    # ---------------------------------------------------------------------------------------------------------- drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        draft = self.draft
        if not self.has_class("open"):
            self._draw_closed(draft)
            return
        self._draw_title(draft)
        self._form.reach = self._verdict.reach = self._reach
        self._form.template = (
            None if draft.payload.strip() else template_of(draft.msg_type, self._desk.sent, self.types)
        )
        self._verdict.payload, self._verdict.fault = draft.payload, self.fault
        self._verdict.is_under_way = self._under_way is not None
        self._verdict.is_spent = draft == self._untouched and not draft.payload.strip()

    def _draw_closed(self, draft: Draft) -> None:
        title, line = self._title, self._line
        title.left, title.right = (Ink("  Compose", "muted", bold=True),), (Ink(f"{self.way_in} write ", "faint"),)
        title.fill, title.bar = "pane", ""
        line.left = (Ink("  "), *closed_pieces(draft, self._reach, self.palette))
        line.right = () if draft.is_empty else (Ink("draft ", "muted", italic=True),)

    def _draw_title(self, draft: Draft) -> None:
        title = self._title
        has_keys = self.has_focus_within
        note = "draft saved" if self._is_saved and not draft.is_empty else ""
        if draft.reply_to:
            note = f"in reply to {draft.reply_to[:8]}"
        if note and has_keys and self.size.width >= ROOM_FOR_WAY_OUT:
            note += f", {key_of(self, 'compose.give_up')} gives it up"
        title.fill, title.bar = ("raised", "accent") if has_keys else ("pane", "")
        start = Ink(" Compose" if has_keys else "  Compose", "accent" if has_keys else "muted", bold=True)
        unseen = [piece for words in self.unseen for piece in (Ink(" · ", "faint"), Ink(words, "muted"))]
        has_note = bool(note) and not (unseen and self.size.width < TIGHT)
        title.left = (start, *([Ink(f" {note}", "faint")] if has_note else ()), *unseen)
        sent, age = len(self._desk.sent), self._pages.age
        place = f" {sent}" if age is None else f" {age}/{sent}"
        title.right = (Ink(f"{key_of(self, 'compose.older')} history{place} ", "faint"),) if sent and not unseen else ()
