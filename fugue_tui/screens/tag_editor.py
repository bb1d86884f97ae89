"""Edit the tags of one or many sessions, by the keyboard."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from fugue_core.errors import InvalidTag
from fugue_core.protocol.session import SessionInfo, check_tag
from fugue_tui.line import fit
from fugue_tui.palette import Palette, css_colour, tag_colour
from fugue_tui.roster import KnownTag
from fugue_tui.screens.panel import Panel
from fugue_tui.tag_edit import TagEdit, TagHistory, chips_of, has_arrived, tags_after
from fugue_tui.view import World, clock_time
from fugue_tui.widgets.chip_board import ChipBoard
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.tag_offers import TagOffers, offers_for

NAMED = 4
"""Sessions, or tags of one change, that are named; of the others it is said how many they are."""
NAME_CHARS = 24


class TagField(Field):
    """Where a tag is typed. Where there is nothing to the left, `left` and `backspace` go for the chips."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.choose(1)", "next", show=False, id="tags.next"),
        Binding("up", "screen.choose(-1)", "previous", show=False, id="tags.previous"),
        Binding("tab", "screen.complete", "complete", show=False, id="tags.complete"),
    ]

    class LeftAtStart(Message):
        """The user went left of the beginning."""

    class ErasedAtStart(Message):
        """The user erased in an empty field."""

    def action_cursor_left(self, select: bool = False) -> None:  # noqa: FBT001, FBT002  # Textual's
        """Go left, or to the chips."""
        if self.cursor_position == 0 and self.selection.is_empty and not select:
            self.post_message(self.LeftAtStart())
        else:
            super().action_cursor_left(select)

    def action_delete_left(self) -> None:
        """Erase a character, or the last chip."""
        if self.value:
            super().action_delete_left()
        else:
            self.post_message(self.ErasedAtStart())


class OfferSuggester(Suggester):
    """Completes what is typed to what `enter` would take, drawn behind the cursor."""

    def __init__(self, editor: TagEditor) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._editor = editor

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first offer that begins with just this."""
        choice = self._editor.query_one(TagOffers).choice
        return choice if choice is not None and choice.startswith(value) and choice.isprintable() else None


class TagEditor(Panel):
    """Chips, and a field that adds to them.

    Down: `refresh_from` with the sessions as they are now, `settle` once the daemon has answered. Up:
    `TagEditor.Edited`. A chip changes when the sessions say so, which is when the daemon has confirmed; until then it
    is drawn without fill.
    """

    DEFAULT_CSS = """
    TagEditor .tag-line { height: 1; }
    TagEditor .tag-sign { width: 3; padding-left: 1; }
    TagEditor TagField { width: 1fr; border: none; height: 1; padding: 0; }
    TagEditor .tag-matches { width: auto; padding: 0 1; }
    TagEditor .tag-last { height: 1; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "undo", "undo", priority=True, id="tags.undo"),
    ]

    block = "tags"
    hints = (
        ("type", "to find or add"),
        ("tags.previous tags.next", "choose"),
        ("tags.complete", "complete"),
        ("left", "to the chips"),
    )
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("enter", "add"),
        ("backspace", "remove"),
        ("left chips.remove", "chip"),
        ("tags.undo", "undo"),
        ("panel.leave", "leave"),
    )

    @dataclass
    class Edited(Message):
        """The user wants this change."""

        editor: TagEditor
        edit: TagEdit

    def __init__(
        self,
        sessions: Sequence[SessionInfo],
        known: Sequence[KnownTag],
        palette: Palette,
        history: TagHistory | None = None,
        *,
        beside: Widget | None = None,
    ) -> None:
        super().__init__(palette, beside=beside)
        self._sessions = tuple(sessions)
        self._known = tuple(known)
        self._history = TagHistory() if history is None else history
        self._living: set[UUID] | None = None
        self._waiting: list[TagEdit] = []
        self._settled: list[TagEdit] = []

    # --------------------------------------------------------------------------------------------------------- parts

    def heading(self) -> Content:
        """Whose tags."""
        palette, count = self.css, len(self._sessions)
        names = ", ".join(fit(info.name, NAME_CHARS) for info in self._sessions[:NAMED])
        more = f" and {count - NAMED:,} more" if count > NAMED else ""
        many = f"{count:,} sessions: " if count > 1 else ""
        return Content.assemble(
            Content.styled("Tags", f"bold {palette.accent}"), Content.styled(f" of {many}{names}{more}", palette.muted)
        )

    def body(self) -> ComposeResult:
        """The chips, the field, what is wrong with it, the offers, and the last change."""
        yield ChipBoard(self.palette, id="tag-chips")
        with Horizontal(classes="tag-line"):
            yield Static("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", classes="tag-sign")
            yield TagField(id="tag-field", compact=True, placeholder="type a tag", suggester=OfferSuggester(self))
            yield Static("", classes="tag-matches")
        yield Static("", id="tag-verdict", classes="panel-verdict")
        yield TagOffers(self.palette, id="tag-offers")
        yield Static("", classes="tag-last")

    def on_mount(self) -> None:
        """Begin in the field."""
        super().on_mount()
        self._show()
        self.query_one(TagField).focus()

    # ---------------------------------------------------------------------------------------------------------- down

    def follow(self, world: World, you: UUID | None) -> None:  # noqa: ARG002  # nothing of the human's
        """Show the tags as they are now."""
        self.refresh_from(world.sessions, world.known_tags())

    def refresh_from(self, sessions: Mapping[UUID, SessionInfo], known: Sequence[KnownTag]) -> None:
        """Show the same sessions as they are now; those that have ended are gone from here too."""
        self._living = set(sessions)
        now = tuple(sessions[session.id] for session in self._sessions if session.id in sessions)
        if not now:
            self.close()
        elif not self.is_open:
            return
        elif now != self._sessions or tuple(known) != self._known:
            self._sessions, self._known = now, tuple(known)
            self._settled.clear()
            self._show()

    def settle(self, edit: TagEdit, reason: str = "") -> None:
        """Take in that the daemon has carried out an edit, or why it has not; what was typed comes back then."""
        if not self.is_open:
            return
        if edit in self._waiting:
            self._waiting.remove(edit)
        if reason:
            self.show_refusal(reason)
            field = self.query_one(TagField)
            if edit.add and not edit.is_undo and not field.value:
                with field.prevent(Input.Changed):
                    field.value = edit.add[0]
                field.cursor_position = len(field.value)
        elif not has_arrived(edit, self._sessions):
            self._settled.append(edit)  # the answer was quicker than the event: drawn as waiting until that comes
        self._show()

    def paint(self) -> None:
        """Say chips, offers and the last change anew, too."""
        super().paint()
        self.query_one(ChipBoard).palette = self.query_one(TagOffers).palette = self.palette
        self._show()

    def _show(self) -> None:
        chips = chips_of(self._sessions, (*self._waiting, *self._settled))
        self.query_one(".panel-title", Static).update(self.heading())
        board = self.query_one(ChipBoard)
        board.show(chips, len(self._sessions))
        if board.has_focus and not chips:
            self.query_one(TagField).focus()
        self._offer()
        self._show_last()

    def _offer(self) -> None:
        """Offer what fits what was typed."""
        typed = self.query_one(TagField).value.strip()
        here = Counter(tag for session in self._sessions for tag in session.tags)
        offers, fitting = offers_for(typed, self._known, here, len(self._sessions))
        self.query_one(TagOffers).show(typed, offers, len(self._sessions), time.time())
        self.query_one(".tag-matches", Static).update(f"{fitting:,} of {len(self._known):,} tags")

    def _show_last(self) -> None:
        last, palette = self._history.last, self.css
        if last is None:
            self.query_one(".tag-last", Static).update("")
            return
        edit = last.edit
        pieces = [Content.styled("last change  ", palette.muted)]
        for sign, colour, tags in (("+ ", palette.ok, edit.add), ("- ", palette.bad, edit.remove)):
            for tag in tags[:NAMED]:
                pieces.append(Content.styled(sign, colour))
                pieces.append(
                    Content.styled(f"{fit(tag, NAME_CHARS)} ", css_colour(tag_colour(tag, self.palette).text))
                )
        names = {session.id: session.name for session in self._sessions}
        one = names.get(edit.sessions[0]) if len(edit.sessions) == 1 else None
        whom = fit(one, NAME_CHARS) if one is not None else f"{len(edit.sessions):,} session(s)"
        whom = whom.replace("1 session(s)", "another session").replace("(s)", "s")
        pieces.append(Content.styled(f"{'to' if edit.add else 'from'} {whom}   ", palette.muted))
        pieces.append(Content.styled(f"confirmed {clock_time(last.at)}", palette.muted))
        self.query_one(".tag-last", Static).update(Content.assemble(*pieces))

    # ------------------------------------------------------------------------------------------------------------ up

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.say("")
        self._offer()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        tag = self.query_one(TagOffers).choice or event.value.strip()
        if tag:
            self._add(tag)

    @on(TagOffers.Chosen)
    def _offer_clicked(self, event: TagOffers.Chosen) -> None:
        event.stop()
        self._add(event.tag)
        self.query_one(TagField).focus()

    @on(ChipBoard.Added)
    def _partial_added(self, event: ChipBoard.Added) -> None:
        event.stop()
        self._add(event.tag)

    @on(ChipBoard.Removed)
    def _chip_removed(self, event: ChipBoard.Removed) -> None:
        event.stop()
        self._remove(event.tag)

    @on(TagField.ErasedAtStart)
    def _remove_last(self, event: TagField.ErasedAtStart) -> None:
        event.stop()
        chips = chips_of(self._sessions, (*self._waiting, *self._settled))
        staying = [chip for chip in chips if not chip.is_leaving]
        if staying:
            self._remove(staying[-1].tag)

    @on(TagField.LeftAtStart)
    def _go_to_chips(self, event: TagField.LeftAtStart) -> None:
        event.stop()
        if any(session.tags for session in self._sessions):
            self.query_one(ChipBoard).focus()

    @on(ChipBoard.Left)
    def _go_to_field(self, event: ChipBoard.Left) -> None:
        event.stop()
        self.query_one(TagField).focus()

    def action_undo(self) -> None:
        """Take the last confirmed change back, whichever sessions it was of."""
        living = self._living if self._living is not None else {session.id for session in self._sessions}
        edit = self._history.next_undo(living, self._waiting)
        if edit is None:
            self.say("nothing to undo")
        else:
            self._ask(edit)

    def action_choose(self, step: int) -> None:
        """Go through what is offered."""
        self.query_one(TagOffers).choose(step)

    def action_complete(self) -> None:
        """Put what is chosen into the field, to be gone on with."""
        field, choice = self.query_one(TagField), self.query_one(TagOffers).choice
        if choice is not None:
            field.value = choice
            field.cursor_position = len(field.value)

    def _add(self, tag: str) -> None:
        field = self.query_one(TagField)
        try:
            check_tag(tag)
        except InvalidTag as error:
            self.show_refusal(str(error))
            return
        lacking = tuple(session.id for session in self._sessions if tag not in tags_after(session, self._waiting))
        if not lacking:
            whom = "it has" if len(self._sessions) == 1 else "all have"
            self.say(f"{whom} {fit(tag, NAME_CHARS)} already")
            return
        with field.prevent(Input.Changed):
            field.value = ""
        self._ask(TagEdit(sessions=lacking, add=(tag,)))

    def _remove(self, tag: str) -> None:
        holders = tuple(session.id for session in self._sessions if tag in tags_after(session, self._waiting))
        if holders:
            self._ask(TagEdit(sessions=holders, remove=(tag,)))

    def _ask(self, edit: TagEdit) -> None:
        self.say("")
        self._waiting.append(edit)
        self.post_message(self.Edited(self, edit))
        self._show()
