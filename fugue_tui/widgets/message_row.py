"""Draws one message of the log, in columns that all of them share. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_core.protocol.target import Tagged
from fugue_tui.jsonlines import Piece, preview
from fugue_tui.line import Line
from fugue_tui.palette import Palette, name_colour, tag_colour
from fugue_tui.view import MessageRow, short_target, state_of

HEADS_FROM, FULL_FROM, MARK_FROM = 60, 72, 94
PAYLOAD_FROM, TIME_FROM = 53, 44
VALUES_ONLY = 20
"""A preview narrower than this shows values without their keys."""
MINUTE_CHARS = len("12:01")


class Columns(NamedTuple):
    """Where the columns begin, in cells; a column that is not shown has no width.

    Attributes:
        time_chars: 8: hours, minutes, seconds; 5: the minute once, then seconds.
        has_mark: There is room for the mark of a reply, in column 1.
    """

    time: int
    time_chars: int
    sender: int
    sender_chars: int
    arrow: int
    target: int
    target_chars: int
    kind: int
    kind_chars: int
    payload: int
    payload_chars: int
    state: int
    has_namespace: bool
    has_mark: bool


def columns_for(width: int) -> Columns:
    """Return the columns for a width. Sender and target grow to 14 and 18, and the payload has the other new cells."""
    if width >= FULL_FROM:
        has_mark = width >= MARK_FROM
        time = 3 if has_mark else 2
        sender = time + 10
        more = max(0, width - MARK_FROM)
        sender_chars, target_chars = 7 + min(7, more // 4), 11 + min(7, more // 4)
        kind_chars = 17 if has_mark else 15
        arrow = sender + sender_chars + 1
        kind = arrow + 2 + target_chars + 1
        payload, state = kind + kind_chars + 1, width - 9
        return Columns(
            time, 8, sender, sender_chars, arrow, arrow + 2, target_chars, kind, kind_chars,
            payload, state - payload - 1, state, has_namespace=True, has_mark=has_mark,
        )  # fmt: skip
    time_chars = 5 if width >= TIME_FROM else 0
    sender = 8 if time_chars else 2
    arrow, state = sender + 7, width - 7
    kind = arrow + 13
    if width >= PAYLOAD_FROM:
        payload = kind + 9
        return Columns(
            2, 5, sender, 6, arrow, arrow + 2, 10, kind, 8, payload, state - payload - 1, state,
            has_namespace=False, has_mark=False,
        )  # fmt: skip
    return Columns(
        2, time_chars, sender, 6, arrow, arrow + 2, 10, kind, max(0, state - kind - 1), state, 0, state,
        has_namespace=False, has_mark=False,
    )  # fmt: skip


class MessagePen:
    """Draws messages for a width.

    Args of the constructor:
        is_cursor: Whether the row under the cursor is drawn, where what is faint elsewhere must be seen.
        is_match: Whether what is drawn matches the search.
    """

    def __init__(self, palette: Palette, width: int, *, is_cursor: bool, is_match: bool) -> None:
        self._palette = palette
        self._columns = columns_for(width)
        self._is_cursor = is_cursor
        self._is_match = is_match
        self._faint = palette.muted if is_cursor else palette.faint

    def draw(self, line: Line, row: MessageRow, clock: str, clock_before: str, *, is_held: bool) -> Strip:
        """Return a line with a message; of its time what the row above says, too, is drawn faint or left out."""
        palette, columns, envelope = self._palette, self._columns, row.envelope
        if columns.has_mark and envelope.reply_to is not None:
            line.at(1).put("↳", palette.ghost)
        if columns.time_chars:
            minute = clock[:MINUTE_CHARS]
            has_same_minute = clock_before[:MINUTE_CHARS] == minute and not self._is_cursor
            short = clock[MINUTE_CHARS:].rjust(MINUTE_CHARS) if has_same_minute else minute
            shown = clock if columns.time_chars == len(clock) else short
            line.at(columns.time).put(shown, palette.ghost if clock == clock_before else palette.muted)
        sender = envelope.sender.name
        line.at(columns.sender).put(
            sender, name_colour(sender, palette), bold=self._is_cursor, width=columns.sender_chars
        )
        line.at(columns.arrow).put("→", palette.ghost)
        self._draw_target(line.at(columns.target), row, columns.target_chars)
        self._draw_type(line.at(columns.kind), envelope.packed.msg_type)
        if columns.payload_chars > 0:
            payload = bytes(envelope.packed.payload)
            draw_payload(line.at(columns.payload), payload, columns.payload_chars, palette, is_cursor=self._is_cursor)
        is_tight = columns.time_chars != len(clock)
        self._draw_state(line.at(columns.state), state_of(row, is_held=is_held), is_tight=is_tight)
        return line.strip()

    def _draw_target(self, line: Line, row: MessageRow, room: int) -> None:
        palette, target = self._palette, row.envelope.target
        shown = short_target(target, row.repo)
        if isinstance(target, Tagged):
            line.put(shown, tag_colour(target.tag, palette).text, width=room)
        elif shown[:1] in ("*", "@"):
            line.put(shown[0], palette.muted).put(shown[1:], palette.muted, width=room - 1)
        else:
            line.put(shown, palette.text, width=room)

    def _draw_type(self, line: Line, msg_type: str) -> None:
        namespace, dot, last = msg_type.rpartition(".")
        columns, colour = self._columns, self._palette.accent if self._is_match else self._palette.text
        if columns.has_namespace and dot and cell_len(printable(msg_type)) <= columns.kind_chars:
            line.put(namespace + dot, self._faint).put(last, colour, bold=self._is_match)
        else:
            line.put(last or msg_type, colour, bold=self._is_match, width=columns.kind_chars)

    def _draw_state(self, line: Line, state: tuple[str, str], *, is_tight: bool) -> None:
        palette, faint, (sign, text) = self._palette, self._faint, state
        glyph, sign_colour = {
            "ok": ("✓", palette.ok),
            "wait": ("…", palette.wait),
            "held": ("○", palette.wait),
            "bad": ("✗", palette.bad),
            "none": ("–", faint),  # noqa: RUF001  # the dash of the design
        }[sign]
        text_colour = {"ok": faint, "bad": palette.bad, "held": palette.wait, "none": faint}.get(sign, palette.text)
        line.put(glyph, sign_colour)
        if not is_tight:
            line.put(" ", faint)
        line.put(text, text_colour, bold=sign == "bad", width=max(0, line.room - (0 if is_tight else 1)))


def draw_payload(line: Line, payload: bytes, room: int, palette: Palette, *, is_cursor: bool = False) -> None:
    """Draw the beginning of a payload in at most `room` cells; where there are few, only its values."""
    faint = palette.muted if is_cursor else palette.faint
    colours = {"key": faint, "punctuation": palette.ghost, "note": faint}
    draw_pieces(line, preview(payload, has_keys=room >= VALUES_ONLY), room, colours, palette.muted)


def draw_pieces(line: Line, pieces: Iterable[Piece], room: int, colours: dict[str, str], other: str) -> None:
    """Draw pieces of JSON in at most `room` cells; what is cut ends in an ellipsis."""
    found: list[tuple[str, str]] = []
    used = 0
    for piece in pieces:
        text = printable(piece.text)
        found.append((text, colours.get(piece.role, other)))
        used += cell_len(text)
        if used > room:
            break
    left = room if used <= room else room - 1
    for text, colour in found:
        shown = text if cell_len(text) <= left else set_cell_size(text[: left + 1], left)
        if shown:
            line.put(shown, colour)
            left -= cell_len(shown)
    if used > room > 0:
        line.put("…", other)
