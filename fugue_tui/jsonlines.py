"""JSON laid out for the eye, from the bytes that were sent: no number is read, no nesting is too deep. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias

from fugue_tui.jsonview import TokenKind, scan

Role: TypeAlias = TokenKind | Literal["note"]
"""A note is ours: the text has no such token."""

MAX_LINES = 20_000
"""Lines of one payload that are laid out; what comes after is in the export."""
MAX_TOKENS = 10 * MAX_LINES
"""Tokens that are read for them."""
MAX_INDENT = 40
INLINE_CHARS = 48
_CLOSING = {"{": "}", "[": "]"}
PREVIEW_CHARS = 2_000


class Piece(NamedTuple):
    """Text of one kind."""

    role: Role
    text: str


class JsonLine:
    """One line.

    Attributes:
        depth: How far it stands in.
        end: Where it opens what can be folded: the place of the line that closes it; else None.
        children: How many things are in it.
    """

    __slots__ = ("children", "depth", "end", "pieces")

    def __init__(self, depth: int, pieces: list[Piece]) -> None:
        self.depth = depth
        self.pieces = pieces
        self.end: int | None = None
        self.children = 0


def lay_out(text: str) -> list[JsonLine]:
    """Return a payload line by line, each member on its own; small objects and arrays stay on one line.

    Cost: linear, up to `MAX_TOKENS`. After these or `MAX_LINES` a note says that there is more.
    """
    return _Layout(text).lines


class _Layout:
    """One pass over the tokens; a stack of its own stands for the nesting."""

    def __init__(self, text: str) -> None:
        self.lines: list[JsonLine] = []
        read = islice(scan(text), MAX_TOKENS + 1)
        self._found = [Piece(kind, text[start:end]) for start, end, kind in read]
        self._inline = _inline_ends([piece.text for piece in self._found])
        self._opened: list[int] = []
        self._children: list[int] = []
        self._current: list[Piece] = []
        place = 0
        while place < len(self._found):
            if len(self.lines) >= MAX_LINES or place >= MAX_TOKENS:
                self._end_line()
                note = f"… the rest of {len(text):,} characters: e exports it"
                self.lines.append(JsonLine(0, [Piece("note", note)]))
                return
            place = self._take(place)
        self._end_line()

    def _following(self, place: int) -> str:
        return self._found[place + 1].text if place + 1 < len(self._found) else ""

    def _take(self, place: int) -> int:
        """Take in what begins at a place; return where it goes on."""
        piece = self._found[place]
        word = piece.text
        if place in self._inline:
            end = self._inline[place]
            self._current.extend(_inline(self._found[place : end + 1]))
            return self._take_comma(end + 1)
        if word in _CLOSING:
            self._current.append(piece)
            self._opened.append(len(self.lines))
            self._children.append(1)
            self._end_line(depth=len(self._opened) - 1)
            return place + 1
        if word in "}]":
            self._end_line()
            if self._opened:
                opening = self.lines[self._opened.pop()]
                opening.end, opening.children = len(self.lines), self._children.pop()
            self._current.append(piece)
            return self._take_comma(place + 1)
        self._current.append(piece)
        if self._following(place) == ":":
            self._current.append(Piece("punctuation", ": "))
            return place + 2
        return self._take_comma(place + 1)

    def _take_comma(self, place: int) -> int:
        if place >= len(self._found) or self._found[place].text != ",":
            return place
        self._current.append(self._found[place])
        self._end_line()
        if self._children:
            self._children[-1] += 1
        return place + 1

    def _end_line(self, depth: int | None = None) -> None:
        if self._current:
            self.lines.append(JsonLine(len(self._opened) if depth is None else depth, self._current))
            self._current = []


def _inline_ends(found: list[str]) -> dict[int, int]:
    """Return the objects and arrays that fit on one line: where each begins and ends. The outermost is never one."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    lengths: list[int] = [0]
    for token in found:
        lengths.append(lengths[-1] + len(token) + 1)
    for place, token in enumerate(found):
        if token in _CLOSING:
            opened.append(place)
        elif token in ("}", "]") and opened:
            start = opened.pop()
            is_empty = place == start + 1
            is_flat = all(inner not in _CLOSING for inner in found[start + 1 : min(place, start + 40)])
            is_short = lengths[place] - lengths[start] <= INLINE_CHARS
            if is_empty or (opened and is_short and is_flat):
                ends[start] = place
    return ends


def _inline(found: Sequence[Piece]) -> Iterator[Piece]:
    has_blanks = len(found) > 2 and found[0].text == "{"  # noqa: PLR2004  # not empty
    spaced = {",": ", ", ":": ": "} | ({"{": "{ ", "}": " }"} if has_blanks else {})
    for role, word in found:
        yield Piece(role, spaced.get(word, word))


def preview(payload: bytes, *, has_keys: bool = True) -> Iterator[Piece]:
    """Return a payload on one line: keys without quotes; or only the values, parted by blanks.

    No more than the first `PREVIEW_CHARS` bytes are looked at.
    """
    text = payload[:PREVIEW_CHARS].decode(errors="replace")
    for start, end, role in scan(text):
        token = text[start:end]
        if has_keys:
            is_plain = role == "key" and len(token) > 2 and token[1:-1].isprintable()  # noqa: PLR2004  # the quotes
            yield Piece(role, token[1:-1] if is_plain else token)
        elif role not in ("key", "punctuation"):
            yield Piece(role, f"{token.strip(chr(34))} ")
