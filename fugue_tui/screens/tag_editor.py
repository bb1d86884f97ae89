"""Edit the tags of one or many sessions, by the keyboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

import msgspec
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from fugue_core.errors import InvalidTag
from fugue_core.printable import printable
from fugue_core.protocol.session import SessionInfo, check_tag
from fugue_tui.palette import Palette, tag_colour

OFFERED = 6


class TagEdit(msgspec.Struct, frozen=True, kw_only=True):
    """A change of tags, for each of these sessions."""

    sessions: tuple[UUID, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def undone(self) -> TagEdit:
        """Return the edit that takes this one back."""
        return TagEdit(sessions=self.sessions, add=self.remove, remove=self.add)


class TagEditor(ModalScreen[None]):
    """Chips, and a field that adds to them.

    Down: `show` with the sessions as they are now, `show_refusal`. Up: `TagEditor.Edited`. A chip changes when `show`
    says so, which is when the daemon has confirmed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "leave", id="tags.leave"),
        Binding("ctrl+z", "undo", "undo", priority=True, id="tags.undo"),
        Binding("down", "choose(1)", "next", show=False, priority=True, id="tags.next"),
        Binding("up", "choose(-1)", "previous", show=False, priority=True, id="tags.previous"),
    ]

    class Edited(Message):
        """The user wants this change."""

        def __init__(self, edit: TagEdit) -> None:
            super().__init__()
            self.edit = edit

    def __init__(self, sessions: Sequence[SessionInfo], known: Counter[str], palette: Palette) -> None:
        super().__init__()
        self._sessions = tuple(sessions)
        self._known = known
        self._palette = palette
        self._done: list[TagEdit] = []

    def compose(self) -> ComposeResult:
        """Return the panel."""
        with Vertical(id="tag-panel"):
            yield Label("", id="tag-title")
            yield Static("", id="tag-chips")
            yield Input(
                placeholder="type a tag; enter adds, backspace here removes the last", id="tag-field", compact=True
            )
            yield Static("", id="tag-verdict")
            yield OptionList(id="tag-offers", compact=True)
            yield Label("enter add   backspace remove   ctrl+z undo   esc leave", id="tag-keys")

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one("#tag-offers").can_focus = False
        self.show(self._sessions, self._known)
        self.query_one("#tag-field").focus()

    # ---------------------------------------------------------------------------------------------------------- down

    def show(self, sessions: Sequence[SessionInfo], known: Counter[str]) -> None:
        """Show the sessions as they are now."""
        self._sessions, self._known = tuple(sessions), known
        names = ", ".join(printable(session.name) for session in self._sessions[:4])
        more = f" and {len(self._sessions) - 4} more" if len(self._sessions) > 4 else ""  # noqa: PLR2004
        self.query_one("#tag-title", Label).update(Content(f"Tags of {names}{more}"))
        chips = Text()
        for tag, count in self._counts().items():
            colour = tag_colour(tag, self._palette)
            if count == len(self._sessions):
                chips.append(f" {printable(tag)} ", f"{colour.text} on {colour.fill}")
            else:
                chips.append(f"[{printable(tag)} {count}/{len(self._sessions)}]", colour.text)
            chips.append(" ")
        self.query_one("#tag-chips", Static).update(chips if chips.plain else Content("no tags yet"))
        self._offer()

    def refresh_from(self, sessions: Mapping[UUID, SessionInfo], known: Counter[str]) -> None:
        """Show the same sessions as they are now; those that have ended are gone from here too."""
        now = tuple(sessions[session.id] for session in self._sessions if session.id in sessions)
        if now != self._sessions or known != self._known:
            self.show(now, known)

    def confirm(self, edit: TagEdit) -> None:
        """Take in that the daemon has made a change."""
        if self._done and self._done[-1] == edit.undone():
            self._done.pop()
        else:
            self._done.append(edit)
        self.query_one("#tag-verdict", Static).update("")

    def show_refusal(self, reason: str) -> None:
        """Say why a change was refused; what was typed stays."""
        self.query_one("#tag-verdict", Static).update(Content(f"✗ {printable(reason)}"))

    # ------------------------------------------------------------------------------------------------------------ up

    @on(Input.Changed, "#tag-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#tag-verdict", Static).update("")
        self._offer()

    @on(Input.Submitted, "#tag-field")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        offers = self.query_one("#tag-offers", OptionList)
        chosen = offers.highlighted
        text = event.value.strip() if chosen is None else str(offers.get_option_at_index(chosen).id)
        if text:
            self._add(text)

    @on(OptionList.OptionSelected, "#tag-offers")
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._add(str(event.option.id))

    def on_key(self, event: object) -> None:
        """Remove the last chip with backspace in an empty field."""
        field = self.query_one("#tag-field", Input)
        if getattr(event, "key", "") == "backspace" and not field.value:
            counts = self._counts()
            if counts:
                tag = list(counts)[-1]
                holders = tuple(session.id for session in self._sessions if tag in session.tags)
                self.post_message(self.Edited(TagEdit(sessions=holders, remove=(tag,))))

    def action_undo(self) -> None:
        """Take the last confirmed change back."""
        if self._done:
            self.post_message(self.Edited(self._done[-1].undone()))

    def action_choose(self, step: int) -> None:
        """Go through what is offered."""
        offers = self.query_one("#tag-offers", OptionList)
        if offers.option_count:
            now = offers.highlighted
            offers.highlighted = 0 if now is None else max(0, min(now + step, offers.option_count - 1))

    def _add(self, tag: str) -> None:
        try:
            check_tag(tag)
        except InvalidTag as error:
            self.show_refusal(str(error))
            return
        lacking = tuple(session.id for session in self._sessions if tag not in session.tags)
        if lacking:
            self.post_message(self.Edited(TagEdit(sessions=lacking, add=(tag,))))
        self.query_one("#tag-field", Input).value = ""

    def _counts(self) -> Counter[str]:
        return Counter(tag for session in self._sessions for tag in session.tags)

    def _offer(self) -> None:
        """Offer the known tags that what was typed begins, then those that it is within."""
        typed = self.query_one("#tag-field", Input).value.strip().lower()
        here = self._counts()
        known = [tag for tag, _ in self._known.most_common() if here[tag] < len(self._sessions)]
        fitting = [tag for tag in known if typed in tag.lower()]
        fitting.sort(key=lambda tag: not tag.lower().startswith(typed))
        offers = self.query_one("#tag-offers", OptionList)
        offers.clear_options()
        for tag in fitting[:OFFERED]:
            label = Text(printable(tag).ljust(20), tag_colour(tag, self._palette).text)
            label.append(f" {self._known[tag]} sessions", self._palette.muted)
            offers.add_option(Option(label, id=tag))
        offers.highlighted = 0 if typed and fitting and fitting[0] == typed else None
