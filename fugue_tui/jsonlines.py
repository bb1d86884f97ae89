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
    found = tokens(text)
    inline = _inline_ends(found)
    lines: list[JsonLine] = []
    opened: list[int] = []
    children: list[int] = []
    current: list[Piece] = []
    place = 0

    def end_line() -> JsonLine:
        line = JsonLine(len(opened), list(current))
        current.clear()
        lines.append(line)
        return line

    while place < len(found):
        if len(lines) >= MAX_LINES:
            end_line()
            lines.append(JsonLine(0, [Piece("note", f"… the rest of {len(text):,} characters: e exports it")]))
            return lines
        token = found[place]
        following = found[place + 1] if place + 1 < len(found) else ""
        if place in inline:
            end = inline[place]
            current.extend(_inline(found[place : end + 1]))
            place = end + 1
        elif token in _CLOSING:
            current.append(Piece("punctuation", token))
            end_line()
            opened.append(len(lines) - 1)
            children.append(1)
            place += 1
            continue
        elif token in "}]":
            if current:
                end_line()
            if opened:
                start = opened.pop()
                lines[start].end = len(lines)
                lines[start].children = children.pop()
            current.append(Piece("punctuation", token))
            place += 1
        else:
            current.append(Piece(role_of(token, following), token))
            place += 1
            if following == ":":
                current.append(Piece("punctuation", ": "))
                place += 1
                continue
        if place < len(found) and found[place] == ",":
            current.append(Piece("punctuation", ","))
            place += 1
            end_line()
            if children:
                children[-1] += 1
        elif place >= len(found):
            end_line()
    if current:
        end_line()
    return lines


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
    for place, token in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ""
        if token in (",", ":"):
            yield Piece("punctuation", f"{token} ")
        elif token == "{" and has_blanks:
            yield Piece("punctuation", "{ ")
        elif token == "}" and has_blanks:
            yield Piece("punctuation", " }")
        else:
            yield Piece(role_of(token, following), token)


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
