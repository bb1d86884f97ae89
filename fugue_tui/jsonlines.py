"""JSON laid out for the eye, from the bytes that were sent: no number is read, no nesting is too deep. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["key", "string", "number", "literal", "punctuation", "note"]

MAX_LINES = 20_000
"""Lines of one payload that are laid out; what comes after is in the export."""
MAX_INDENT = 40
INLINE_CHARS = 48
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
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


def tokens(text: str) -> list[str]:
    """Return the tokens of a JSON text; also of one that is cut off."""
    return _TOKEN.findall(text)


def role_of(token: str, following: str = "") -> Role:
    """Return what a token is; a string before a colon is a key."""
    first = token[0]
    if first == '"':
        return "key" if following == ":" else "string"
    if first in "{}[],:":
        return "punctuation"
    return "number" if first == "-" or first.isdigit() else "literal"


def lay_out(text: str) -> list[JsonLine]:
    """Return a payload line by line, each member on its own; small objects and arrays stay on one line.

    Cost: linear. After `MAX_LINES` a note says how much is left out.
    """
    return _Layout(text).lines


class _Layout:
    """One pass over the tokens; a stack of its own stands for the nesting."""

    def __init__(self, text: str) -> None:
        self.lines: list[JsonLine] = []
        self._found = tokens(text)
        self._inline = _inline_ends(self._found)
        self._opened: list[int] = []
        self._children: list[int] = []
        self._current: list[Piece] = []
        place = 0
        while place < len(self._found):
            if len(self.lines) >= MAX_LINES:
                self._end_line()
                note = f"… the rest of {len(text):,} characters: e exports it"
                self.lines.append(JsonLine(0, [Piece("note", note)]))
                return
            place = self._take(place)
        self._end_line()

    def _following(self, place: int) -> str:
        return self._found[place + 1] if place + 1 < len(self._found) else ""

    def _take(self, place: int) -> int:
        """Take in what begins at a place; return where it goes on."""
        word = self._found[place]
        if place in self._inline:
            end = self._inline[place]
            self._current.extend(_inline(self._found[place : end + 1]))
            return self._take_comma(end + 1)
        if word in _CLOSING:
            self._current.append(Piece("punctuation", word))
            self._opened.append(len(self.lines))
            self._children.append(1)
            self._end_line(depth=len(self._opened) - 1)
            return place + 1
        if word in "}]":
            self._end_line()
            if self._opened:
                opening = self.lines[self._opened.pop()]
                opening.end, opening.children = len(self.lines), self._children.pop()
            self._current.append(Piece("punctuation", word))
            return self._take_comma(place + 1)
        self._current.append(Piece(role_of(word, self._following(place)), word))
        if self._following(place) == ":":
            self._current.append(Piece("punctuation", ": "))
            return place + 2
        return self._take_comma(place + 1)

    def _take_comma(self, place: int) -> int:
        if place >= len(self._found) or self._found[place] != ",":
            return place
        self._current.append(Piece("punctuation", ","))
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


def _inline(found: list[str]) -> Iterator[Piece]:
    has_blanks = len(found) > 2 and found[0] == "{"  # noqa: PLR2004  # not empty
    spaced = {",": ", ", ":": ": "} | ({"{": "{ ", "}": " }"} if has_blanks else {})
    for place, word in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ""
        yield Piece(role_of(word, following), spaced.get(word, word))


def preview(payload: bytes, *, has_keys: bool = True) -> Iterator[Piece]:
    """Return a payload on one line: keys without quotes; or only the values, parted by blanks.

    No more than the first `PREVIEW_CHARS` bytes are looked at.
    """
    found = tokens(payload[:PREVIEW_CHARS].decode(errors="replace"))
    for place, token in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ""
        role = role_of(token, following)
        if has_keys:
            is_plain = role == "key" and len(token) > 2 and token[1:-1].isprintable()  # noqa: PLR2004  # the quotes
            yield Piece(role, token[1:-1] if is_plain else token)
        elif role not in ("key", "punctuation"):
            yield Piece(role, f"{token.strip(chr(34))} ")
