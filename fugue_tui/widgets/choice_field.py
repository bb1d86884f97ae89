"""A field for one word, with the known ones offered below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from fugue_core.printable import printable
from fugue_tui.palette import DARK, Palette

OFFERED = 50
NOTE_AT = 24


class Choice(msgspec.Struct, frozen=True):
    """A word that is offered.

    Fields:
        note: What is worth knowing of it.
        role: A field of `Palette`, or a colour.
    """

    value: str
    note: str = ""
    role: str = "text"


class OneLine(Input):
    """An input whose value is printable, whatever is pasted."""

    def validate_value(self, value: str) -> str:
        """Make visible what a terminal would obey."""
        return printable(value)


class ChoiceField(Vertical):
    """The field and what it offers.

    Down: assign `choices`, `value` and `palette`. Up: `ChoiceField.Changed`, `ChoiceField.Entered`. What was chosen
    with the arrows, or clicked, replaces what was typed; `right` takes the grey rest. In a field that `is_choice` a
    word that is not known means nothing: where only one is left to be offered it is chosen, for `enter` and `tab`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choose(1)", "next", show=False, id="choice.next"),
        Binding("up", "choose(-1)", "previous", show=False, id="choice.previous"),
        Binding("tab", "take('tab')", "take", show=False, priority=True, id="choice.take"),
        Binding("escape", "close", "close", show=False, id="choice.close"),
    ]
    DEFAULT_CSS = """
    ChoiceField { height: 1; width: 1fr; }
    ChoiceField > OneLine { width: 1fr; }
    ChoiceField > OptionList {
        display: none; overlay: screen; constrain: inside inflect;
        width: 56; height: auto; max-height: 8; border: none; padding: 0;
    }
    ChoiceField.offering > OptionList { display: block; }
    """

    palette: reactive[Palette] = reactive(DARK)
    choices: reactive[tuple[Choice, ...]] = reactive((), init=False)

    @dataclass
    class Changed(Message):
        """Its text is another."""

        choice_field: ChoiceField
        value: str

        @property
        def control(self) -> ChoiceField:
            """The field that this came from."""
            return self.choice_field

    @dataclass
    class Entered(Message):
        """The user is done with it."""

        choice_field: ChoiceField

        @property
        def control(self) -> ChoiceField:
            """The field that this came from."""
            return self.choice_field

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # Textual's word
        input_id: str,
        placeholder: str = "",
        is_choice: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._is_choice = is_choice
        self._input = OneLine(placeholder=placeholder, id=input_id, compact=True, suggester=_Suggester(self))
        self._offers = OptionList(compact=True)
        self._offers.can_focus = False

    def compose(self) -> ComposeResult:
        """Return the field, and what it offers."""
        yield self._input
        yield self._offers

    # ---------------------------------------------------------------------------------------------------------- down

    @property
    def value(self) -> str:
        """Its text."""
        return self._input.value

    @value.setter
    def value(self, value: str) -> None:
        self._input.value = value
        self._input.cursor_position = len(self._input.value)

    @property
    def input(self) -> Input:
        """The field itself, which has the focus."""
        return self._input

    @property
    def is_offering(self) -> bool:
        """Whether something is offered now."""
        return self.has_class("offering")

    def watch_choices(self) -> None:
        """Offer what fits now."""
        if self.is_offering:
            self._offer()

    def fitting(self, typed: str) -> list[Choice]:
        """Return what fits: the words that begin so, then those that have it within."""
        wanted = typed.strip().lower()
        found = [choice for choice in self.choices if wanted in choice.value.lower()]
        found.sort(key=lambda choice: not choice.value.lower().startswith(wanted))
        return found[:OFFERED]

    # ------------------------------------------------------------------------------------------------------------ up

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._input.has_focus:
            self._offer()
        self.post_message(self.Changed(self, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take_highlighted()
        self.action_close()
        self.post_message(self.Entered(self))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(str(event.option.id))
        self._input.focus()

    def on_descendant_focus(self) -> None:
        """Offer what is known."""
        self._offer()

    def on_descendant_blur(self) -> None:
        """Offer nothing more."""
        self.remove_class("offering")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # as Textual asks
        """Leave escape and tab to others where there is nothing to close or to take."""
        if action == "close":
            return self.is_offering
        if action == "take":
            return self.is_offering and self._offers.highlighted is not None
        return True

    def action_choose(self, step: int) -> None:
        """Go through what is offered."""
        if not self.is_offering:
            self._offer()
        count = self._offers.option_count
        if count:
            now = self._offers.highlighted
            self._offers.highlighted = (0 if step > 0 else count - 1) if now is None else (now + step) % count

    def action_take(self, _key: str) -> None:
        """Take what is chosen, and go on to the next field."""
        self._take_highlighted()
        self.action_close()
        self.post_message(self.Entered(self))

    def action_close(self) -> None:
        """Offer nothing until something is typed."""
        self.remove_class("offering")

    def _take_highlighted(self) -> None:
        place = self._offers.highlighted
        if self.is_offering and place is not None:
            self._take(str(self._offers.get_option_at_index(place).id))

    def _take(self, value: str) -> None:
        with self.prevent(Input.Changed):
            self.value = value
        self.post_message(self.Changed(self, self.value))
        self.action_close()

    def _offer(self) -> None:
        found = self.fitting(self.value)
        is_settled = len(found) == 1 and found[0].value == self.value
        self.set_class(bool(found) and not is_settled, "offering")
        self._offers.clear_options()
        self._offers.add_options(self._options(found))
        is_only = self._is_choice and len(found) == 1 and bool(self.value.strip())
        self._offers.highlighted = 0 if is_only else None

    def _options(self, found: Sequence[Choice]) -> list[Option]:
        options = []
        for choice in {choice.value: choice for choice in found}.values():
            label = Text(printable(choice.value).ljust(NOTE_AT), self._colour(choice.role), no_wrap=True)
            label.append(f" {printable(choice.note)}", self.palette.muted)
            options.append(Option(label, id=choice.value))
        return options

    def _colour(self, role: str) -> str:
        found = getattr(self.palette, role, role)
        return found if isinstance(found, str) else role


class _Suggester(Suggester):
    """The grey rest of the first word that begins as typed."""

    def __init__(self, field: ChoiceField) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._field = field

    async def get_suggestion(self, value: str) -> str | None:
        """Return the whole word."""
        return next((choice.value for choice in self._field.choices if choice.value.startswith(value)), None)
