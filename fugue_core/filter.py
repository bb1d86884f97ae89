"""The one filter language: the words by which messages and sessions are looked for. No I/O.

    from:ann type:gas_town.*  !state:acked  timeout  "two words"

A word is `KEY:VALUE` or free text; `!` before it negates. Words of one key are alternatives, different keys must all
match, and each negated or free word must hold by itself. `*` in a value stands for any characters; a value with white
space stands in double quotes. What has a key is compared whole, case included; free text is sought anywhere, the case
of A to Z ignored, and its `*` is a star.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

import msgspec

from fugue_core.errors import InvalidFilter
from fugue_core.protocol.envelope import STATES, Envelope, Participant, Recipient
from fugue_core.protocol.session import SessionInfo, parse_session_id
from fugue_core.protocol.target import Tagged

Key: TypeAlias = Literal["tag", "from", "to", "type", "state", "reply", "chain", "repo", "text"]
KEYS: tuple[Key, ...] = get_args(Key)

MAX_WORDS = 64
"""Words in one filter; SQLite, which carries some of them out, has its limits too."""
MAX_WORD_CHARS = 10_000
"""Characters in one word, for the same reason."""

_WORD = re.compile(r'\s*(!?)(?:([a-z]+):)?(?:"([^"]*)"|([^\s"]+))(?=\s|\Z)')
_END = re.compile(r"\s*\Z")


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a filter."""

    key: Key
    value: str
    is_negated: bool = False

    def matches(self, candidates: Iterable[str]) -> bool:
        """Say whether one of `candidates` (what a thing has under this key) fits, negation aside."""
        if self.key == "text":
            needle = folded(self.value)
            return any(needle in folded(candidate) for candidate in candidates)
        if "*" not in self.value:
            return self.value in candidates
        return any(_fits(self.value, candidate) for candidate in candidates)


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
    """Read a filter.

    Raises:
        InvalidFilter: An unknown key or state, a key without a value, a quote that does not close, too many or too long
            words.
    """
    terms: list[Term] = []
    position = 0
    while not _END.match(text, position):
        word = _WORD.match(text, position)
        if word is None:
            raise InvalidFilter(
                text[position:].strip(), 'a word is TEXT, KEY:VALUE or KEY:"VALUE", with ! before it to negate'
            )
        if len(terms) == MAX_WORDS:
            raise InvalidFilter(text, f"more than {MAX_WORDS} words")
        negation, key, quoted, plain = word.groups()
        position = word.end()
        terms.append(_term(key, quoted if quoted is not None else plain, is_negated=bool(negation)))
    return Filter(terms=tuple(terms))


def message_fields(
    envelope: Envelope, recipients: Iterable[Participant | Recipient], states: Iterable[str], sender_repo: str | None
) -> Mapping[Key, Iterable[str]]:
    """Return what the words of a filter are compared with for a message; `history` does the same in SQL.

    Args:
        envelope: As it was sent.
        recipients: Those who refused it included.
        states: Of its deliveries.
        sender_repo: The repository that its sender works in.
    """
    target, packed = envelope.target, envelope.packed
    return {
        "tag": (target.tag,) if isinstance(target, Tagged) else (),
        "from": (envelope.sender.name, str(envelope.sender.id)),
        "to": [text for recipient in recipients for text in (recipient.name, str(recipient.id))],
        "type": (packed.msg_type,),
        "state": states,
        "reply": () if envelope.reply_to is None else (str(envelope.reply_to),),
        "chain": (str(envelope.chain or envelope.id),),
        "repo": _repo_names(sender_repo),
        "text": (packed.msg_type, bytes(packed.payload).decode()),
    }


def session_fields(info: SessionInfo) -> Mapping[Key, Iterable[str]]:
    """Return what the words of a filter are compared with for a session."""
    names = (info.name, str(info.id))
    return {
        "tag": info.tags,
        "from": names,
        "to": names,
        "repo": _repo_names(info.repo),
        "text": (info.name, *info.tags, *info.metadata),
    }


def _repo_names(repo: str | None) -> tuple[str, ...]:
    """Return how a repository may be called: by all of its path, or by the last part, as a person would."""
    return () if repo is None else (repo, repo.rpartition("/")[2])


def _fits(pattern: str, candidate: str) -> bool:
    """Say whether `candidate` is `pattern`, whose `*` stand for anything. Cost: linear; a regex may take for ever."""
    first, *middle, last = pattern.split("*")
    if len(candidate) < len(first) + len(last) or not (candidate.startswith(first) and candidate.endswith(last)):
        return False
    position, end = len(first), len(candidate) - len(last)
    for piece in middle:
        found = candidate.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def folded(text: str) -> str:
    """Return `text` with A to Z in lower case and all else as it is, which is what SQLite's `lower` does."""
    if text.isascii():
        return text.lower()
    return text.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


def _term(key: str | None, value: str, *, is_negated: bool) -> Term:
    if len(value) > MAX_WORD_CHARS:
        raise InvalidFilter(value, f"a word has at most {MAX_WORD_CHARS:,} characters")
    if key is None:
        if value.endswith(":") and value[:-1] in KEYS:
            raise InvalidFilter(value, "a value follows the colon, without a blank between")
        return Term(key="text", value=value, is_negated=is_negated)
    if key not in KEYS:
        raise InvalidFilter(
            f"{key}:{value}",
            f"the keys are {', '.join(f'{known}:' for known in KEYS)}; quote free text that has a colon",
        )
    if key == "state" and value not in STATES:
        raise InvalidFilter(f"{key}:{value}", f"a state is one of {', '.join(STATES)}")
    if key in {"from", "to", "reply", "chain"} and (known_id := parse_session_id(value)) is not None:
        value = str(known_id)  # however it was spelt
    return Term(key=key, value=value, is_negated=is_negated)
