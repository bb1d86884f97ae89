"""What a person types above the log, and what it means in words: filters and times. No I/O."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from fugue_core.filter import Filter, Key, Term

_HEADS: dict[Key, str] = {
    "tag": "to the tag",
    "from": "from",
    "to": "received by",
    "type": "of type",
    "state": "with a delivery",
    "reply": "in reply to",
    "repo": "from the repository",
    "text": "with the text",
}
_CLOCK = re.compile(r"(?:(\d{4})-(\d{1,2})-(\d{1,2})[ T])?(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_AGO = re.compile(r"-?(\d{1,6})\s*([smhd])(?:\s+ago)?\Z")
_UNITS = {"s": (1, "second"), "m": (60, "minute"), "h": (3600, "hour"), "d": (86400, "day")}


def words_of(wanted: Filter) -> str:
    """Return what a filter lets through, as one sentence without its subject; the empty one: all messages."""
    if not wanted.terms:
        return "all messages"
    return ", and ".join(_group(group) for group in wanted.alternatives())


def _group(terms: list[Term]) -> str:
    values = " or ".join(_value(term) for term in terms)
    head = f"{_HEADS[terms[0].key]} {values}"
    return f"not {head}" if terms[0].is_negated else head


def _value(term: Term) -> str:
    if term.key == "text" or " " in term.value:
        return f"“{term.value}”"
    if "*" not in term.value:
        return term.value
    if term.value == "*":
        return "anything"
    first, *middle, last = term.value.split("*")
    if not any(middle):
        if first and not last:
            return f"beginning with {first}"
        if last and not first:
            return f"ending in {last}"
    return f"like {term.value}"


def parse_time(text: str, now: float) -> float | None:
    """Return the moment that `text` means, in Unix seconds; None: unreadable.

    `12:04`, `12:04:05` (today, or yesterday where that would be in the future), `2026-01-31 12:04`, `5m ago` or `5m`.
    """
    text = text.strip()
    if ago := _AGO.match(text):
        return now - int(ago[1]) * _UNITS[ago[2]][0]
    clock = _CLOCK.match(text)
    if clock is None:
        return None
    today = datetime.fromtimestamp(now)  # noqa: DTZ006  # what people type is local
    try:
        there = today.replace(
            hour=int(clock[4]), minute=int(clock[5]), second=int(clock[6] or 0), microsecond=0, fold=0
        )
        if clock[1]:
            there = there.replace(year=int(clock[1]), month=int(clock[2]), day=int(clock[3]))
        elif there > today:
            there -= timedelta(days=1)
        return there.timestamp()
    except (OverflowError, ValueError):  # no such hour, no such day
        return None


def time_words(at: float, now: float) -> str:
    """Return a moment in words: `today 12:04:05`, `2026-01-31 12:04:05`."""
    there, here = time.localtime(at), time.localtime(now)
    clock = time.strftime("%H:%M:%S", there)
    return f"today {clock}" if there[:3] == here[:3] else time.strftime("%Y-%m-%d ", there) + clock
