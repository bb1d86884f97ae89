"""The last row of what is written: whether it can be sent, what became of it, and the one button."""

from __future__ import annotations

from textual.reactive import reactive
from textual.timer import Timer

from fugue_tui.ink import Ink
from fugue_tui.jsonview import Fault
from fugue_tui.keymap import key_of
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import Reach, button_pieces, fault_pieces, spent_pieces, valid_pieces

ROOM_FOR_KEY = 90


class VerdictRow(TextRow):
    """A note where there is one to make, else what is wrong with the payload, or that nothing is; and the button.

    Down: assign `payload`, `fault`, `reach`, `is_under_way` and `is_spent`; `say`, `refuse` and `forget`. Up:
    `TextRow.Pressed` with `send` or `fault`.
    """

    payload: reactive[str] = reactive("", init=False)
    fault: reactive[Fault | None] = reactive(None, init=False)
    reach: reactive[Reach] = reactive(Reach, init=False)
    is_under_way: reactive[bool] = reactive(default=False, init=False)
    is_spent: reactive[bool] = reactive(default=False, init=False)
    """What stands there has been sent, but for its payload, and nothing was changed since."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self._note: tuple[Ink, ...] = ()
        self._is_note_bad = False
        self._end_of_note: Timer | None = None

    def say(self, *pieces: Ink, for_s: float | None = None) -> None:
        """Say something for so long; None: until something else is said."""
        self._put_note(pieces, is_bad=False)
        if for_s is not None:
            self._end_of_note = self.set_timer(for_s, self.forget)

    def refuse(self, reason: str) -> None:
        """Say why something cannot be, until something is written."""
        self._put_note((Ink(" ✗ ", "bad", bold=True), Ink(reason, "text")), is_bad=True)

    def forget(self) -> None:
        """Say nothing more than how the payload is."""
        self._put_note((), is_bad=False)

    def forget_refusal(self) -> None:
        """Forget what was refused; any other note stays."""
        if self._is_note_bad:
            self.forget()

    def on_mount(self) -> None:
        """Say how it is with nothing written."""
        self._draw()

    def on_resize(self) -> None:
        """Tell the key that leads to the fault, where there is room."""
        self._draw()

    def watch_payload(self) -> None:
        """Say how long it is."""
        self._draw()

    def watch_fault(self) -> None:
        """Say what is wrong with the payload."""
        self._draw()

    def watch_reach(self) -> None:
        """Count on the button who would receive it."""
        self._draw()

    def watch_is_under_way(self) -> None:
        """Switch the button off, or on."""
        self._draw()

    def watch_is_spent(self) -> None:
        """Say that something has to be written first, or no more."""
        self._draw()

    def _put_note(self, note: tuple[Ink, ...], *, is_bad: bool) -> None:
        if self._end_of_note is not None:
            self._end_of_note.stop()
            self._end_of_note = None
        self._note, self._is_note_bad = note, is_bad
        self._draw()

    def _draw(self) -> None:
        note, fault = self._note, self.fault
        is_bad = self._is_note_bad or (not note and fault is not None)
        self.fill, self.bar = ("bad_fill", "bad") if is_bad else ("pane", "")
        has_room = self.size.width >= ROOM_FOR_KEY and fault is not None and not note
        go = (Ink(f"{key_of(self, 'compose.fault')} go to it   ", "muted", press="fault"),) if has_room else ()
        is_off, key = fault is not None or self.is_under_way or self.is_spent, key_of(self, "compose.send")
        self.right = (*go, *button_pieces(self.reach, key, is_off=is_off))
        if note:
            self.left = note if is_bad else (Ink("  "), *note)
        elif fault is not None:
            self.left = fault_pieces(fault)
        elif self.is_spent:
            self.left = (Ink("  "), *spent_pieces())
        else:
            self.left = (Ink("  "), *valid_pieces(self.payload))
