"""The human's mail: what waits for their session, to be read, acknowledged and answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.protocol.envelope import Envelope
from fugue_tui.jsonview import tidy
from fugue_tui.line import Line
from fugue_tui.palette import Palette, name_colour
from fugue_tui.screens.panel import Panel
from fugue_tui.view import World, clock_time
from fugue_tui.widgets.json_editor import JsonEditor, clean
from fugue_tui.widgets.message_row import draw_payload
from fugue_tui.widgets.row_list import RowList

"""So many are listed; when they are acknowledged the next come."""
SHOWN_CHARS = 200_000
LIST_ROWS, WELL_ROWS = 9, 12
OTHER_ROWS = 12
"""Of the panel: its edge, title, verdict and keys, and what stays free above."""
FROM_AT, TYPE_AT, PAYLOAD_AT = 12, 26, 46
NARROW, NARROW_TYPE_AT, NARROW_PAYLOAD_AT = 70, 21, 34
"""Below so many cells name and type have less room, or there would be none for the payload."""


class InboxList(RowList):
    """One row a message, the oldest first.

    Down: assign `rows`. Up: `InboxList.Moved`.
    """

    rows: reactive[tuple[Envelope, ...]] = reactive((), init=False)
    remaining: reactive[int] = reactive(0)

    class Moved(Message):
        """Another message is under the cursor."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def background(self) -> str:
        """The panel's."""
        return self.palette.raised

    @property
    def selected(self) -> Envelope | None:
        """The message under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def heading(self, row: int, width: int) -> Strip:  # noqa: ARG002  # there is one
        """What the columns are."""
        line = Line(width, self.background)
        type_at, payload_at = _columns(width)
        for column, word in ((2, "time"), (FROM_AT, "from"), (type_at, "type"), (payload_at, "payload")):
            line.at(column).put(word, self.palette.faint)
        return line.strip()

    def draw(self, index: int, width: int, fill: str) -> Strip:
        """A message."""
        envelope, palette = self.rows[index], self.palette
        line = Line(width, fill)
        type_at, payload_at = _columns(width)
        line.at(2).put(clock_time(envelope.sent_at), palette.muted)
        name = envelope.sender.name
        line.at(FROM_AT).put(name, name_colour(name, palette), width=type_at - FROM_AT - 2)
        line.at(type_at).put(envelope.packed.msg_type, palette.text, width=payload_at - type_at - 2)
        draw_payload(line.at(payload_at), bytes(envelope.packed.payload), line.room - 1, palette)
        return line.strip()

    def watch_rows(self, old: tuple[Envelope, ...], new: tuple[Envelope, ...]) -> None:
        """Keep the cursor on the message that it was on, or at its place."""
        was = old[self.cursor].id if self.cursor < len(old) else None
        places = {envelope.id: place for place, envelope in enumerate(new)}
        place = self.cursor if was is None else places.get(was, self.cursor)
        self.cursor = max(0, min(place, len(new) - 1))
        self.refresh()
        self.post_message(self.Moved())

    def watch_cursor(self) -> None:
        """Show another message."""
        self.show_cursor()
        self.refresh()
        self.post_message(self.Moved())


def _columns(width: int) -> tuple[int, int]:
    """Return where type and payload begin."""
    return (NARROW_TYPE_AT, NARROW_PAYLOAD_AT) if width < NARROW else (TYPE_AT, PAYLOAD_AT)


class Inbox(Panel):
    """The messages, and the whole of the one under the cursor.

    Down: `show`, `note_acked`, `show_refusal`. Up: `Inbox.Outdated`, `Inbox.Acked`, `Inbox.AllAcked`,
    `Inbox.ReplyAsked`. A message goes when the daemon has confirmed.
    """

    DEFAULT_CSS = """
    Inbox JsonEditor { margin: 1 0 0 0; border: none; padding: 0 1; scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "ack", "acknowledge what is read", priority=True, id="inbox.ack"),
        Binding("a", "ack_all", "acknowledge all that are listed", id="inbox.ack_all"),
        Binding("A", "ack_everything", "acknowledge everything that waits", id="inbox.ack_everything"),
        Binding("r", "reply", "reply", id="inbox.reply"),
        Binding("tab", "app.focus_next", "payload", show=False, id="inbox.open"),
    ]
    block = "inbox"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("inbox.ack", "read, next"),
        ("inbox.ack_all", "all listed read"),
        ("inbox.ack_everything", "everything read"),
        ("inbox.reply", "reply"),
        ("inbox.open", "payload"),
        ("panel.leave", "leave"),
    )

    @dataclass
    class Outdated(Message):
        """What waits has changed; answer with `show`."""

        inbox: Inbox

    @dataclass
    class Acked(Message):
        """The user has dealt with these."""

        inbox: Inbox
        envelopes: tuple[Envelope, ...]

    @dataclass
    class AllAcked(Message):
        """The user has dealt with all there was, listed or not, up to this seq; answer with `note_acked`."""

        inbox: Inbox
        up_to: int

    @dataclass
    class ReplyAsked(Message):
        """The user wants to answer this one."""

        inbox: Inbox
        envelope: Envelope

    def __init__(self, palette: Palette, *, beside: Widget | None = None) -> None:
        super().__init__(palette, beside=beside)
        self._unread = 0
        self._words = "…"
        self._up_to = 0
        self._done = ""
        self.list = InboxList(id="inbox-list")
        self.well = JsonEditor(id="inbox-payload")

    def heading(self) -> Content:
        """What it is."""
        return Content.styled("Inbox", f"bold {self.css.accent}")

    def body(self) -> ComposeResult:
        """The list, the payload, and what to say of them."""
        yield self.list
        yield self.well
        yield Static("", classes="panel-verdict")

    def on_mount(self) -> None:
        """Begin in the list."""
        super().on_mount()
        self.list.palette = self.well.palette = self.palette
        self.well.read_only = True
        self.list.focus()
        self.say(self._words)
        self._fit()

    def follow(self, world: World, you: UUID | None) -> None:
        """Ask for the list again where there is more in it by now, or less."""
        me = world.sessions.get(you) if you else None
        unread = me.unread if me else 0
        if unread != self._unread:
            self._unread = unread
            self.post_message(self.Outdated(self))

    def paint(self) -> None:
        """Draw list and payload anew, too."""
        super().paint()
        self.list.palette = self.well.palette = self.palette

    def on_resize(self) -> None:
        """Keep list, payload and keys on the screen."""
        super().on_resize()
        self._fit()

    def _fit(self) -> None:
        room = max(4, self.app.size.height - OTHER_ROWS)
        self.list.styles.height = max(2, min(LIST_ROWS, room // 2))
        self.well.styles.height = max(2, min(WELL_ROWS, room - room // 2))

    # ---------------------------------------------------------------------------------------------------------- down

    def show(self, envelopes: Sequence[Envelope], remaining: int, up_to: int = 0) -> None:
        """Show what waits, oldest first; `remaining` more come after these.

        `up_to` is a seq that all counted here had when they were counted, or more of them; what comes later is not
        acknowledged unseen.
        """
        count = len(envelopes) + remaining
        self._up_to = max(up_to, envelopes[-1].seq) if envelopes else 0
        self.list.rows = tuple(envelopes)
        more = f", the oldest {len(envelopes)} are shown" if remaining else ""
        self._words = (
            f"{count:,} message{'' if count == 1 else 's'} for you{more}" if count else "nothing waits for you"
        )
        self.say(self._done + self._words)

    def note_acked(self, count: int) -> None:
        """Take in how many messages ended when everything was acknowledged; it is said with what is shown next."""
        self._done = f"{count:,} acknowledged; "

    # ------------------------------------------------------------------------------------------------------------ up

    def on_inbox_list_moved(self) -> None:
        """Show the payload of the message under the cursor."""
        envelope = self.list.selected
        text = "" if envelope is None else bytes(envelope.packed.payload).decode(errors="replace")
        self.well.text = laid_out(text)

    def action_ack(self) -> None:
        """Acknowledge the message under the cursor, whose payload is shown; the next one comes in its place."""
        self._done = ""
        if self.list.selected is not None:
            self.post_message(self.Acked(self, (self.list.selected,)))

    def action_ack_all(self) -> None:
        """Acknowledge all that are listed."""
        self._done = ""
        if self.list.rows:
            self.post_message(self.Acked(self, self.list.rows))

    def action_ack_everything(self) -> None:
        """Acknowledge all that waited when it was counted, listed or not."""
        if self._up_to:
            self.post_message(self.AllAcked(self, self._up_to))

    def action_reply(self) -> None:
        """Ask for the compose pane."""
        if self.list.selected is not None:
            self.post_message(self.ReplyAsked(self, self.list.selected))


def laid_out(payload: str) -> str:
    """Return a payload as it is read best; of an endless one its beginning."""
    if len(payload) > SHOWN_CHARS:
        return clean(f"{payload[:SHOWN_CHARS]}\n... {len(payload):,} characters")
    try:
        return clean(tidy(payload))
    except ValueError:
        return clean(payload)
