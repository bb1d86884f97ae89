"""JSON for the eye: its tokens with what each is, what is wrong with it and where, and its tidy form. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from fugue_core.client.jsontext import BadJson
from fugue_core.client.jsontext import check_payload as locate_fault
from fugue_core.errors import InvalidPayload
from fugue_core.printable import printable
from fugue_core.protocol.message import encode_payload

TokenKind: TypeAlias = Literal["key", "string", "number", "literal", "punctuation", "other"]
"""A key is a string before a colon; `other` is no JSON."""
Token: TypeAlias = tuple[int, int, TokenKind]
"""Where it starts, where it ends, and what it is."""
TOKEN = re.compile(
    r"""(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"?)(?P<key>(?=\s*:))?|(?P<punctuation>[{}\[\]:,])|(?P<number>-?\d[\d.eE+-]*)"""
    r"""|(?P<literal>(?:true|false|null)\b)|(?P<other>[^\s{}\[\]:,"]+)"""
)
WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[\w.+-]+|\S')
QUOTED_CHARS = 24
HIGHLIGHTED_CHARS = 4_000
"""Of one line; what follows stays plain, or a line of a megabyte would be read at every key."""

FAULTS = {
    "Extra data": "the value ends above, {word} is too much",
    "Unterminated string starting": 'expected a closing " on this line',
    "Invalid control character": "a string ends on its own line; a line break within is written \\n",
    "Illegal trailing comma before end of object": "a comma too many before }}",
    "Illegal trailing comma before end of array": "a comma too many before ]",
}
"""The standard library's words, and ours."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a text is no JSON.

    Fields:
        line, column: Where, both from 1.
        length: Of the offending token, in characters; at least 1.
    """

    line: int
    column: int
    length: int
    reason: str


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens of a JSON text, also of one that is cut off or is none. Each is read when it is asked for."""
    for match in TOKEN.finditer(text):
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups have the names of the kinds
        yield match.start(), match.end(), kind


def tokens(line: str) -> Iterator[Token]:
    """Yield what is JSON at the beginning of a line. No string of JSON goes over the end of its line."""
    return (token for token in scan(line[:HIGHLIGHTED_CHARS]) if token[2] != "other")


def find_fault(text: str) -> Fault | None:
    """Return why the daemon would not take `text` as a payload; None: it would. What is empty stands for null."""
    stripped = text.strip()
    if not stripped:
        return None
    try:
        encode_payload(msgspec.Raw(stripped.encode()))
    except UnicodeEncodeError:
        return Fault(line=1, column=1, length=1, reason="half of a character, which no UTF-8 can hold")
    except InvalidPayload as error:
        return _located(text, error.rule)
    return None


def tidy(text: str) -> str:
    """Return JSON with two blanks a level; each number and each string as it was written. Raises `ValueError`."""
    if find_fault(text) is not None or not text.strip():
        raise ValueError("no JSON")
    return msgspec.json.format(text.strip().encode(), indent=2).decode()


def escape_unseen(text: str) -> str:
    r"""Return text of several lines in which all that no eye sees is written as JSON escapes it, `\u202e`.

    Within a string of JSON that means the same; anywhere else it was wrong before.
    """
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
    return "\n".join([line if line.isprintable() else "".join(map(_seen, line)) for line in lines])


def _seen(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def _located(text: str, rule: str) -> Fault:
    try:
        locate_fault(text)
    except BadJson as bad:
        found = WORD.match(bad.source, bad.column - 1)
        word = found.group() if found else ""
        return Fault(
            line=bad.line, column=bad.column, length=max(1, len(word)), reason=_in_words(bad.reason, _cut(word))
        )
    return Fault(line=1, column=1, length=1, reason=rule)


def _cut(word: str) -> str:
    shown = printable(word)
    return shown if len(shown) <= QUOTED_CHARS else f"{shown[: QUOTED_CHARS - 1]}…"


def _in_words(reason: str, word: str) -> str:
    """Return what to do about a fault that the standard library has found at `word`."""
    closes = word in {"]", "}", ","}
    before = f"before {word}" if word else "here, where the text ends"
    found = f", found {word}" if word else " here, where the text ends"
    match reason:
        case "Expecting ',' delimiter":
            return f"expected a comma {'' if word and not closes else 'or the closing bracket '}{before}"
        case "Expecting ':' delimiter":
            return f"expected a colon {before}"
        case "Expecting property name enclosed in double quotes":
            return "a comma too many before }" if word == "}" else f"expected a key in double quotes{found}"
        case "Expecting value":
            return f"expected a value {before}" if closes else f"expected a value{found}"
    return FAULTS.get(reason, "{reason}").format(reason=reason, word=word)
