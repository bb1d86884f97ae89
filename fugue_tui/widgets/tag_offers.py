"""What a tag editor offers: the known tags that fit what was typed, and the new tag that it would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from fugue_core.printable import printable
from fugue_tui.line import Line, fit
from fugue_tui.palette import DARK, Palette, tag_colour
from fugue_tui.roster import KnownTag
from fugue_tui.view import short_age

OFFERED = 6
COUNT_AT, NOTE_AT = 28, 43


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that can be added.

    Fields:
        is_new: Nobody has it, and nobody has been known to.
        here: How many of the sessions that are edited have it already.
    """

    tag: KnownTag
    is_new: bool = False
    here: int = 0


def offers_for(typed: str, known: Iterable[KnownTag], here: Mapping[str, int], total: int) -> tuple[list[Offer], int]:
    """Return what to offer for what was typed, and how many known tags fit it.

    Those that begin with it come first, then those that have it within; of equal ones what is carried most. What all
    sessions have is not offered. Last comes the new tag, where no known one is just that.
    """
    wanted = typed.casefold()
    fitting = [tag for tag in known if (not wanted or wanted in tag.name.casefold()) and here.get(tag.name, 0) < total]
    fitting.sort(key=lambda tag: (tag.name != typed, not tag.name.casefold().startswith(wanted)))
    offers = [Offer(tag=tag, here=here.get(tag.name, 0)) for tag in fitting[:OFFERED]]
    is_known = here.get(typed, 0) >= total or any(tag.name == typed for tag in fitting[:1])
    if typed and not is_known:
        offers.append(Offer(tag=KnownTag(name=typed), is_new=True))
    return offers, len(fitting)


def first_choice(typed: str, offers: Sequence[Offer]) -> int | None:
    """Return which offer `enter` takes: the one that what was typed begins, else the new tag; None: nothing typed."""
    if not typed or not offers:
        return None
    return 0 if offers[0].tag.name.casefold().startswith(typed.casefold()) else len(offers) - 1


class TagOffers(Widget):
    """Down: `show`; assign `palette`. Up: `TagOffers.Chosen`, by the mouse; the keys are the field's."""

    DEFAULT_CSS = "TagOffers { height: auto; }"

    palette: reactive[Palette] = reactive(DARK)
    cursor: reactive[int | None] = reactive(None, init=False)

    @dataclass
    class Chosen(Message):
        """The user wants this tag."""

        tag: str

    def __init__(self, palette: Palette = DARK, *, id: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id)
        self.set_reactive(TagOffers.palette, palette)
        self._typed = ""
        self._now = 0.0
        self._total = 1
        self.offers: list[Offer] = []

    def show(self, typed: str, offers: list[Offer], total: int, now: float) -> None:
        """Offer these; the choice stays with its tag while the same is typed."""
        chosen = self.choice
        is_same = typed == self._typed
        places = {offer.tag.name: place for place, offer in enumerate(offers)}
        self._typed, self._total, self._now = typed, total, now
        did_grow = len(offers) != len(self.offers)
        self.offers = offers
        is_kept = is_same and chosen is not None and chosen in places
        self.cursor = places[chosen] if is_kept and chosen is not None else first_choice(typed, offers)
        self.refresh(layout=did_grow)

    @property
    def choice(self) -> str | None:
        """The tag that `enter` takes."""
        return None if self.cursor is None or self.cursor >= len(self.offers) else self.offers[self.cursor].tag.name

    def choose(self, step: int) -> None:
        """Go on or back by one, round and round."""
        if self.offers:
            now = (-1 if step > 0 else 0) if self.cursor is None else self.cursor
            self.cursor = (now + step) % len(self.offers)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  # Textual's
        """One line each."""
        return len(self.offers)

    def render_line(self, y: int) -> Strip:
        """Return an offer."""
        palette, width = self.palette, self.size.width
        if y >= len(self.offers):
            return Line(width, palette.raised).strip()
        offer, is_cursor = self.offers[y], y == self.cursor
        fill = palette.cursor if is_cursor else palette.raised
        line = Line(width, fill)
        line.put("▌" if is_cursor else " ", palette.accent).at(2)
        right = width - 1 - (len("enter") + 2 if is_cursor else 0)
        if offer.is_new:
            line.put("+ ", palette.accent).put("new tag ", palette.muted)
            line.put(offer.tag.name, tag_colour(offer.tag.name, palette).text, width=max(1, right - line.column))
        else:
            self._draw_known(line, offer, right)
        if is_cursor:
            line.at(width - 1 - len("enter")).put("enter", palette.accent, bold=True)
        return line.strip()

    def _draw_known(self, line: Line, offer: Offer, right: int) -> None:
        palette, tag = self.palette, offer.tag
        name = fit(tag.name, max(4, min(COUNT_AT - 3, right - 2)))
        colour = tag_colour(tag.name, palette).text
        at = name.casefold().find(printable(self._typed).casefold()) if self._typed else -1
        if at >= 0:
            end = at + len(self._typed)
            line.put(name[:at], colour).put(name[at:end], colour, bold=True).put(name[end:], colour)
        else:
            line.put(name, colour)
        sessions = f"{tag.sessions:>4,} session{'' if tag.sessions == 1 else 's'}"
        if COUNT_AT + len(sessions) <= right:
            line.at(COUNT_AT).put(sessions, palette.muted)
        note = ""
        if offer.here:
            note = f"{offer.here} of these {self._total} have it"
        elif tag.used_at is not None and not tag.sessions:
            note = f"last used {short_age(max(0.0, self._now - tag.used_at))} ago"
        if NOTE_AT + cell_len(note) <= right:
            line.at(NOTE_AT).put(note, palette.muted)

    def watch_cursor(self) -> None:
        """Show the choice."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Take the offer that the mouse points at."""
        if event.y < len(self.offers):
            self.post_message(self.Chosen(self.offers[event.y].tag.name))
