"""The one filter language: the words by which messages and sessions are looked for. No I/O.

    from:ann type:gas_town.*  !state:acked  timeout  "two words"

A word is `KEY:VALUE` or free text; `!` before it negates. Words of one key are alternatives, different keys must all
match, and each negated or free word must hold by itself. `*` in a value stands for any characters; a value with white
space stands in double quotes. `from: to: tag: repo:` are compared exactly, case included; free text is sought anywhere,
case ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

import msgspec

from fugue_core.errors import InvalidFilter

Key: TypeAlias = Literal["tag", "from", "to", "type", "state", "repo", "text"]
KEYS: tuple[Key, ...] = get_args(Key)
STATES = ("queued", "handed", "acked", "expired", "dead")

_WORD = re.compile(r'\s*(!?)(?:([a-z]+):)?(?:"([^"]*)"|([^\s"]+))(?=\s|\Z)')
_KEYED = re.compile(r"\s*!?([a-z]+):")


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a filter."""

    key: Key
    value: str
    is_negated: bool = False

    def matches(self, candidates: Iterable[str]) -> bool:
        """Say whether one of `candidates` (what a thing has under this key) fits, negation aside."""
        if self.key == "text":
            needle = _folded(self.value)
            return any(needle in _folded(candidate) for candidate in candidates)
        if "*" not in self.value:
            return self.value in candidates
        pattern = re.compile(".*".join(map(re.escape, self.value.split("*"))), re.DOTALL)
        return any(pattern.fullmatch(candidate) for candidate in candidates)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that has been read. The empty one matches everything."""

    terms: tuple[Term, ...] = ()

    def matches(self, fields: Mapping[Key, Iterable[str]]) -> bool:
        """Say whether a thing with these values under each key passes. A key that is absent has no values."""
        found: dict[Key, bool] = {}
        for term in self.terms:
            does_match = term.matches(tuple(fields.get(term.key, ())))
            if term.is_negated or term.key == "text":
                if does_match == term.is_negated:
                    return False
            else:
                found[term.key] = found.get(term.key, False) or does_match
        return all(found.values())

    def alternatives(self) -> list[list[Term]]:
        """Return the terms grouped: every group must hold, by any one of its terms (a negated one by not matching)."""
        groups: dict[object, list[Term]] = {}
        for number, term in enumerate(self.terms):
            stands_alone = term.is_negated or term.key == "text"
            groups.setdefault(number if stands_alone else term.key, []).append(term)
        return list(groups.values())


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises `InvalidFilter` for an unknown key, an unknown state or a quote that does not close."""
    terms = []
    position = 0
    while text[position:].strip():
        word = _WORD.match(text, position)
        if word is None:
            raise InvalidFilter(
                text[position:].strip(), 'a word is TEXT, KEY:VALUE or KEY:"VALUE", with ! before it to negate'
            )
        negation, key, quoted, plain = word.groups()
        position = word.end()
        terms.append(_term(key, quoted if quoted is not None else plain, is_negated=bool(negation)))
    return Filter(terms=tuple(terms))


def _folded(text: str) -> bytes:
    return text.encode(errors="surrogatepass").lower()  # of bytes, `lower` knows A to Z alone, and so does SQLite's


def _term(key: str | None, value: str, *, is_negated: bool) -> Term:
    if key is None:
        return Term(key="text", value=value, is_negated=is_negated)
    if key not in KEYS:
        raise InvalidFilter(
            f"{key}:{value}",
            f"the keys are {', '.join(f'{known}:' for known in KEYS)}; quote free text that has a colon",
        )
    if key == "state" and value not in STATES:
        raise InvalidFilter(f"{key}:{value}", f"a state is one of {', '.join(STATES)}")
    return Term(key=key, value=value, is_negated=is_negated)
