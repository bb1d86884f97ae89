"""Write a message: whom to, which type, what payload; and see who will receive it before it is sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast
from uuid import UUID

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from fugue_core.errors import FugueError, InvalidMessageType, InvalidValue
from fugue_core.printable import printable
from fugue_core.protocol.envelope import Recipient
from fugue_core.protocol.message import check_msg_type
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import WireTarget
from fugue_tui.draft import Desk, Draft
from fugue_tui.ink import Ink
from fugue_tui.jsonview import Fault, find_fault
from fugue_tui.palette import DARK, Palette, name_colour, tag_colour
from fugue_tui.refusal import in_words
from fugue_tui.widgets.choice_field import Choice, ChoiceField
from fugue_tui.widgets.json_editor import JsonEditor, clean
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import (
    KINDS,
    Kind,
    Reach,
    TypeUse,
    button_pieces,
    closed_pieces,
    fault_pieces,
    find_session,
    join_target,
    kind_pieces,
    reach_pieces,
    receipt_pieces,
    sender_pieces,
    split_target,
    target_colour,
    valid_pieces,
)

SETTLED_S = 0.4
"""A draft that was not touched for so long is kept."""
CHECKED_AT_ONCE_CHARS = 20_000
CHECK_S = 0.2
"""A longer payload is checked when nothing was typed for so long."""
RESOLVE_S = 0.1
"""However many sessions change, recipients are asked for once in so long."""
ASK_AGAIN_S = 2.0
RECEIPT_S = 4.0
ROOM_FOR_F8 = 90
NARROW, NARROW_FOR_A_PATH = 72, 110
"""Below so many cells only the kind that is chosen has its name."""
FIELDS = {"target": "to", "sender": "as", "msg-type": "type"}
HINTS: dict[Kind, str] = {
    "tag": "a tag",
    "session": "a session",
    "broadcast": "all in the sender's repository",
    "worktree": "the path of a worktree",
}


class ComposePane(Vertical):
    """The fields of a message. With the class `open` it shows them, else one line.

    Down: assign `sessions`, `types`, `you` and `palette`; `write_to`, `take_desk`, `show_recipients`, `show_nobody`,
    `show_unknown`, `show_refusal`, `show_receipt`, `note_saved`. Up: `ComposePane.Submitted`,
    `ComposePane.TargetChanged`, `ComposePane.TypesAsked`, `ComposePane.Settled`, `ComposePane.Opened`,
    `ComposePane.Left`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+enter,f5", "submit", "send", key_display="f5", priority=True, id="compose.send"),
        Binding("f6", "format", "format", priority=True, id="compose.format"),
        Binding("f7", "template", "template", show=False, priority=True, id="compose.template"),
        Binding("f8", "show_fault", "to the fault", show=False, priority=True, id="compose.fault"),
        Binding("alt+t", "kind('tag')", "target", key_display="alt+t s b w", priority=True, id="compose.to_tag"),
        Binding("alt+s", "kind('session')", "to a session", show=False, priority=True, id="compose.to_session"),
        Binding("alt+b", "kind('broadcast')", "to all here", show=False, priority=True, id="compose.to_broadcast"),
        Binding("alt+w", "kind('worktree')", "to a worktree", show=False, priority=True, id="compose.to_worktree"),
        Binding("ctrl+up", "history(-1)", "older", show=False, priority=True, id="compose.older"),
        Binding("ctrl+down", "history(1)", "newer", show=False, priority=True, id="compose.newer"),
        Binding("tab", "next_field(1)", "next field", id="compose.next_field"),
        Binding("shift+tab", "next_field(-1)", "field before", show=False, id="compose.previous_field"),
        Binding("escape", "leave", "back", key_display="esc", id="compose.leave"),
    ]

    palette: reactive[Palette] = reactive(DARK, init=False)
    sessions: reactive[tuple[SessionInfo, ...]] = reactive((), init=False, always_update=True)
    types: reactive[tuple[TypeUse, ...]] = reactive((), init=False)
    you: reactive[UUID | None] = reactive(None, init=False)

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
        """Somebody should say who is there: the target or the sender is another, or the sessions have changed.

        None: the target cannot be read yet. An empty sender: the human's session.
        """

        compose_pane: ComposePane
        target: WireTarget | None
        sender: str = ""

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class TypesAsked(Message):
        """The user is about to choose a type; `types` should be what was used lately."""

        compose_pane: ComposePane

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class Settled(Message):
        """What is written has changed and should be kept."""

        compose_pane: ComposePane
        desk: Desk

        @property
        def control(self) -> ComposePane:
            """The pane that this came from."""
            return self.compose_pane

    @dataclass
    class Opened(Message):
        """The user clicked on the closed pane."""

        compose_pane: ComposePane

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
        self._target = ChoiceField(id="target-field", input_id="target", placeholder=HINTS["tag"])
        self._sender = ChoiceField(id="sender-field", input_id="sender", placeholder="you")
        self._type = ChoiceField(
            id="msg-type-field", input_id="msg-type", placeholder="whatever your workflow calls it"
        )
        self._editor = JsonEditor(id="payload")
        self._kind: Kind = "tag"
        self._values: dict[Kind, str] = dict.fromkeys(KINDS, "")
        self._reply_to = ""
        self._reach = Reach()
        self._fault: Fault | None = None
        self._desk = Desk()
        self._pages: list[Draft] = []
        self._page = 0
        self._under_way: Draft | None = None
        self._is_saved = False
        self._note: tuple[Ink, ...] = ()
        self._is_note_bad = False
        self._waits: dict[str, Timer] = {}

    def compose(self) -> ComposeResult:
        """Return the rows, from top to bottom."""
        yield TextRow(id="compose-title")
        yield TextRow(id="compose-line")
        yield TextRow(classes="gap")
        with Horizontal(classes="field"):
            yield TextRow(Ink("to", "faint"), id="target-label", classes="name")
            yield TextRow(id="kinds")
            yield self._target
        with Horizontal(classes="field"):
            yield TextRow(Ink("reaches", "faint"), classes="name")
            yield TextRow(id="reaches")
        with Horizontal(classes="field"):
            yield TextRow(Ink("as", "faint"), id="sender-label", classes="name")
            yield self._sender
        with Horizontal(classes="field"):
            yield TextRow(Ink("type", "faint"), id="msg-type-label", classes="name")
            yield self._type
            yield TextRow(id="template")
        yield TextRow(id="payload-rule")
        yield self._editor
        yield TextRow(id="verdict")

    def on_mount(self) -> None:
        """Show an empty desk."""
        self.watch_palette()

    # -------------------------------------------------------------------------------------------------- what is written

    @property
    def draft(self) -> Draft:
        """What is written."""
        return Draft(
            target=join_target(self._kind, self._target.value),
            msg_type=self._type.value.strip(),
            payload=self._editor.text,
            reply_to=self._reply_to,
            sender=self._sender.value.strip(),
        )

    @property
    def desk(self) -> Desk:
        """What should be kept when the app ends."""
        return msgspec.structs.replace(self._desk, draft=self.draft)

    @property
    def fault(self) -> Fault | None:
        """Why the payload is no JSON."""
        return self._fault

    def take_desk(self, desk: Desk) -> None:
        """Put what was kept of an earlier run into the fields."""
        self._desk = desk
        self._put(desk.draft)
        self._is_saved = True
        self._draw()

    def write_to(self, target: str, *, msg_type: str = "", payload: str = "", reply_to: str = "") -> None:
        """Begin a message to `target`; what else is written stays, unless something is given in its place.

        A payload goes in only where none is written: the history has what was sent, but not what was not.
        """
        self._reply_to = reply_to
        self._put_target(target)
        if msg_type:
            self._type.value = msg_type
        if payload and not self._editor.text.strip():
            self._editor.text = payload
        self._note = ()
        self._changed(is_target=True)
        (self._editor if self._type.value else self._type.input).focus()

    # ---------------------------------------------------------------------------------------------------------- answers

    def show_recipients(self, recipients: Sequence[Recipient]) -> None:
        """Say who would receive it."""
        self._reach = Reach(tuple(recipients), "", is_known=True)
        self._draw()

    def show_nobody(self, reason: str) -> None:
        """Say why nobody would receive it."""
        self._reach = Reach((), printable(reason), is_known=True)
        self._draw()

    def show_unknown(self) -> None:
        """Say that nobody can say who would receive it; it is asked again in a while."""
        self._reach = Reach()
        self._later("resolve", ASK_AGAIN_S, self._ask_for_recipients)
        self._draw()

    def show_refusal(self, draft: Draft, error: FugueError) -> None:
        """Say why a message was not sent, and what to do; all that is written stays."""
        if self._under_way == draft:
            self._under_way = None
        self._say((Ink(" ✗ ", "bad", bold=True), Ink(in_words(error), "text")), is_bad=True)
        self._ask_for_recipients()

    def show_receipt(self, draft: Draft, recipients: Sequence[Recipient]) -> None:
        """Say who has it. The payload goes into the history; what was typed meanwhile stays."""
        if self._under_way == draft:
            self._under_way = None
        self._desk = self._desk.with_sent(draft)
        if self.draft == draft:
            self._reply_to = ""
            self._editor.text = ""
        self._pages = []
        self._say(receipt_pieces(recipients))
        self._later("receipt", RECEIPT_S, self._forget_note)
        self._settle()

    def note_saved(self, error: OSError | None = None) -> None:
        """Say that the draft is kept, or why it cannot be."""
        self._is_saved = error is None
        if error is not None:
            self._say((Ink(" ✗ ", "bad"), Ink(f"the draft cannot be kept: {error}", "text")), is_bad=True)
        self._draw()

    # --------------------------------------------------------------------------------------------------- data goes down

    def watch_palette(self) -> None:
        """Draw in other colours."""
        for row in self.query(TextRow):
            row.palette = self.palette
        for field in self.query(ChoiceField):
            field.palette = self.palette
        self._editor.palette = self.palette
        self._offer()
        self._draw()

    def watch_sessions(self) -> None:
        """Offer the sessions and tags of now; and ask again who would receive it, once for many changes."""
        self._offer()
        self._draw()
        if "resolve" not in self._waits:
            self._later("resolve", RESOLVE_S, self._ask_for_recipients)

    def watch_types(self) -> None:
        """Offer the types of now."""
        self._offer()
        self._draw()

    def watch_you(self) -> None:
        """Say who sends."""
        self._ask_for_recipients()
        self._draw()

    # ----------------------------------------------------------------------------------------------------- what is done

    @on(ChoiceField.Changed)
    def _field_changed(self, event: ChoiceField.Changed) -> None:
        event.stop()
        if event.control is self._target:
            self._values[self._kind] = event.value
        self._changed(is_target=event.control is not self._type)

    @on(ChoiceField.Entered)
    def _field_entered(self, event: ChoiceField.Entered) -> None:
        event.stop()
        following: dict[ChoiceField, Widget] = {
            self._target: self._type.input,
            self._sender: self._type.input,
            self._type: self._editor,
        }
        following[event.choice_field].focus()

    @on(TextArea.Changed)
    def _payload_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if len(self._editor.text) <= CHECKED_AT_ONCE_CHARS:
            self._check()
        else:
            self._later("check", CHECK_S, self._check)
        self._changed()

    @on(TextRow.Pressed)
    def _pressed(self, event: TextRow.Pressed) -> None:
        event.stop()
        if event.press == "send":
            self.action_submit()
        elif event.press == "template":
            self.action_template()
        elif event.press == "fault":
            self.action_show_fault()
        elif event.press in KINDS:
            self.action_kind(event.press)

    def on_click(self, event: events.Click) -> None:
        """Open the pane."""
        if not self.has_class("open"):
            event.stop()
            self.post_message(self.Opened(self))

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

    def action_submit(self) -> None:
        """Check what is written, and ask for it to be sent."""
        draft = self.draft
        if self._under_way == draft:
            return
        self._check()
        try:
            draft.read_target()
        except InvalidValue as error:
            self._refuse(str(error), self._target)
            return
        if draft.sender and find_session(self.sessions, draft.sender) is None:
            self._refuse(f"no session {draft.sender!r} to send as", self._sender)
            return
        try:
            check_msg_type(draft.msg_type)
        except InvalidMessageType as error:
            self._refuse(str(error) if draft.msg_type else "a message has a type, any word will do", self._type)
            return
        if self._fault is not None:
            self.action_show_fault()
            return
        self._under_way = draft
        self._say((Ink("sending …", "muted"),))
        self.post_message(self.Submitted(self, draft))

    def action_format(self) -> None:
        """Lay the payload out; what is no JSON stays as it is."""
        self._editor.action_format()

    def action_template(self) -> None:
        """Take the last payload of this type, where none is written."""
        template = self._template()
        if template is not None and not self._editor.text.strip():
            self._editor.replace_all(template[0])
            self._editor.action_format()
            self._editor.focus()
        elif template is not None:
            self._say((Ink(" what is written stays: clear the payload to take the template", "wait"),))

    def action_show_fault(self) -> None:
        """Go to where the payload is no JSON."""
        if self._fault is not None:
            self._editor.focus()
            self._editor.move_cursor((self._fault.line - 1, self._fault.column - 1))

    def action_kind(self, kind: str) -> None:
        """Write to a target of this kind; each kind remembers its value."""
        self._put_target(join_target(cast("Kind", kind), self._values[cast("Kind", kind)]))
        self._changed(is_target=True)
        (self._type.input if kind == "broadcast" else self._target.input).focus()

    def action_history(self, step: int) -> None:
        """Show an older or a newer message of those that were sent; the newest page is what is being written."""
        if not self._pages:
            self._pages = [*self._desk.sent, self.draft]
            self._page = len(self._pages) - 1
        self._pages[self._page] = self.draft
        page = max(0, min(self._page + step, len(self._pages) - 1))
        if page != self._page:
            self._page = page
            self._put(self._pages[page])
            self._draw()

    def action_next_field(self, step: int) -> None:
        """Go on to the next field, or back; after the last comes the first."""
        fields: list[Widget] = [self._target.input, self._sender.input, self._type.input, self._editor]
        fields = [field for field in fields if field.focusable]
        here = next((place for place, field in enumerate(fields) if field.has_focus), -1)
        fields[(here + step) % len(fields)].focus()

    def action_leave(self) -> None:
        """Go back to the log; what is written stays."""
        self._settle()
        self.post_message(self.Left(self))

    # ----------------------------------------------------------------------------------------------------------- inside

    def _put(self, draft: Draft) -> None:
        self._reply_to = draft.reply_to
        self._put_target(draft.target)
        self._sender.value = draft.sender
        self._type.value = draft.msg_type
        self._editor.text = draft.payload
        self._check()
        self._ask_for_recipients()

    def _put_target(self, target: str) -> None:
        self._kind, value = split_target(target)
        self._values[self._kind] = value
        self._target.input.placeholder = HINTS[self._kind]
        self._target.disabled = self._kind == "broadcast"
        self._target.value = value
        self._offer()

    def _changed(self, *, is_target: bool = False) -> None:
        self._is_saved = False
        if self._is_note_bad:
            self._note, self._is_note_bad = (), False
        self._later("settle", SETTLED_S, self._settle)
        if is_target:
            self._ask_for_recipients()
        self._draw()

    def _settle(self) -> None:
        self._stop("settle")
        self.post_message(self.Settled(self, self.desk))

    def _check(self) -> None:
        self._stop("check")
        self._fault = find_fault(self._editor.text)
        self._editor.fault = self._fault
        self._draw()

    def _ask_for_recipients(self) -> None:
        self._stop("resolve")
        draft = self.draft
        try:
            target = draft.read_target()
        except InvalidValue as error:
            self._reach = Reach((), printable(str(error)) if self._target.value else HINTS[self._kind], is_known=True)
            self.post_message(self.TargetChanged(self, None, draft.sender))
        else:
            self.post_message(self.TargetChanged(self, target, draft.sender))

    def _refuse(self, reason: str, field: ChoiceField) -> None:
        self._say((Ink(" ✗ ", "bad", bold=True), Ink(reason, "text")), is_bad=True)
        field.input.focus()

    def _say(self, pieces: tuple[Ink, ...], *, is_bad: bool = False) -> None:
        self._stop("receipt")
        self._note, self._is_note_bad = pieces, is_bad
        self._draw()

    def _forget_note(self) -> None:
        self._stop("receipt")
        self._note, self._is_note_bad = (), False
        self._draw()

    def _later(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        self._stop(name)
        self._waits[name] = self.set_timer(delay_s, action, name=name)

    def _stop(self, name: str) -> None:
        timer = self._waits.pop(name, None)
        if timer is not None:
            timer.stop()

    def _offer(self) -> None:
        palette, sessions = self.palette, self.sessions
        people = tuple(Choice(info.name, " ".join(info.tags), name_colour(info.name, palette)) for info in sessions)
        self._sender.choices = people
        self._type.choices = tuple(Choice(use.msg_type, f"last by {use.sender}") for use in self.types)
        match self._kind:
            case "tag":
                counts = Counter(tag for info in sessions for tag in info.tags)
                self._target.choices = tuple(
                    Choice(tag, f"{count} session{'' if count == 1 else 's'}", tag_colour(tag, palette).text)
                    for tag, count in counts.most_common()
                )
            case "session":
                self._target.choices = people
            case "worktree":
                trees = {info.worktree.path: info.worktree.branch for info in sessions if info.worktree is not None}
                self._target.choices = tuple(Choice(path, f"@{branch or 'detached'}") for path, branch in trees.items())
            case "broadcast":
                self._target.choices = ()

    def _template(self) -> tuple[str, str] | None:
        """Return the last payload of the type that is written, and whose it is; the own ones first."""
        msg_type = self._type.value.strip()
        own = next((sent for sent in reversed(self._desk.sent) if sent.msg_type == msg_type and sent.payload), None)
        if own is not None:
            return own.payload, "your last one"
        use = next((use for use in self.types if use.msg_type == msg_type), None)
        if use is None or use.payload == b"null":
            return None
        clock = time.strftime("%H:%M:%S", time.localtime(use.sent_at))
        return clean(use.payload.decode(errors="replace")), f"{use.sender}'s last one, {clock}"

    # ---------------------------------------------------------------------------------------------------------- drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        if self.has_class("open"):
            self._draw_title()
            self._draw_fields()
            self._draw_verdict()
        else:
            self._draw_closed()

    def _draw_closed(self) -> None:
        title, line = self.query_one("#compose-title", TextRow), self.query_one("#compose-line", TextRow)
        title.left, title.right = (Ink("  Compose", "muted", bold=True),), (Ink("M write ", "faint"),)
        title.fill, title.bar = "pane", ""
        draft = self.draft
        line.left = (Ink("  "), *closed_pieces(draft, self._reach, self.palette))
        line.right = () if draft.is_empty else (Ink("draft ", "muted", italic=True),)

    def _draw_title(self) -> None:
        title = self.query_one("#compose-title", TextRow)
        has_keys = self.has_focus_within
        note = "draft saved" if self._is_saved and not self.draft.is_empty else ""
        if self._reply_to:
            note = f"in reply to {self._reply_to[:8]}"
        title.fill, title.bar = ("raised", "accent") if has_keys else ("pane", "")
        start = Ink(" Compose" if has_keys else "  Compose", "accent" if has_keys else "muted", bold=True)
        title.left = (start, Ink(f" {note}", "faint"))
        sent = len(self._desk.sent)
        place = f" {len(self._pages) - self._page - 1}/{sent}" if self._pages and sent else f" {sent}" if sent else ""
        title.right = (Ink(f"ctrl+up history{place} ", "faint"),) if sent else ()

    def _draw_fields(self) -> None:
        kinds = self.query_one("#kinds", TextRow)
        narrow = NARROW_FOR_A_PATH if self._kind == "worktree" else NARROW
        kinds.left = kind_pieces(self._kind, is_narrow=self.size.width < narrow)
        self._target.input.styles.color = None
        if self._target.value and self._kind == "tag" and not self.palette.is_ansi:
            self._target.input.styles.color = target_colour(self._kind, self._target.value, self.palette)
        for name, word in FIELDS.items():
            label = self.query_one(f"#{name}-label", TextRow)
            is_here = self.query_one(f"#{name}-field", ChoiceField).has_focus_within
            label.left = (Ink(word, "accent" if is_here else "faint"),)
        reaches = self.query_one("#reaches", TextRow)
        reaches.left = reach_pieces(self._reach, len(self.sessions), reaches.size.width)
        me = next((info for info in self.sessions if info.id == self.you), None)
        self._sender.input.placeholder = "".join(piece.text for piece in sender_pieces(me, self.palette, is_you=True))
        template = self._template() if not self._editor.text.strip() else None
        self.query_one("#template", TextRow).left = (
            () if template is None else (Ink("f7", "text", press="template"), Ink(f" takes {template[1]}", "faint"))
        )
        rule = self.query_one("#payload-rule", TextRow)
        ink = "accent" if self._editor.has_focus else "faint"
        rule.left = (Ink("── ", "rule"), Ink("payload", ink), Ink(f" {'─' * max(0, self.size.width - 11)}", "rule"))

    def _draw_verdict(self) -> None:
        verdict = self.query_one("#verdict", TextRow)
        is_bad = self._is_note_bad or (not self._note and self._fault is not None)
        is_off = self._fault is not None or self._under_way is not None
        verdict.fill, verdict.bar = ("bad_fill", "bad") if is_bad else ("pane", "")
        has_room = self.size.width >= ROOM_FOR_F8 and self._fault is not None and not self._note
        go = (Ink("f8 go to it   ", "muted", press="fault"),) if has_room else ()
        verdict.right = (*go, *button_pieces(self._reach, is_off=is_off))
        if self._note:
            verdict.left = self._note if is_bad else (Ink("  "), *self._note)
        elif self._fault is not None:
            verdict.left = fault_pieces(self._fault)
        else:
            verdict.left = (Ink("  "), *valid_pieces(self._editor.text))
