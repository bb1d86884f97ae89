"""Where in a JSON text the value is that a JSON Pointer names. No I/O."""

from __future__ import annotations

import json

from fugue_core.errors import SchemaViolation
from fugue_core.printable import printable
from fugue_tui.jsonview import Fault, scan

LOCATED_CHARS = 200_000
"""In a longer payload nothing is looked for: that would hold up the screen for longer than a key may take."""


def find_value(text: str, pointer: str) -> tuple[int, int] | None:
    """Return where the first token of the value starts and ends, by characters; None where there is no such value.

    `text` is JSON. Cost: the tokens up to there.
    """
    wanted = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    path: list[str | int] = []
    for start, end, kind in scan(text):
        word = text[start:end]
        if kind == "key":
            path[-1] = json.loads(word)
        elif kind == "punctuation" and word in "]}":
            path.pop()
        elif word == ",":
            if isinstance(path[-1], int):
                path[-1] += 1
        elif word != ":":
            if len(path) == len(wanted) and [str(part) for part in path] == wanted:
                return start, end
            if word in {"{", "["}:
                path.append("" if word == "{" else 0)
    return None


def violation_fault(text: str, error: SchemaViolation) -> Fault:
    """Return the first of what breaks a schema, at its place in the text; where that is not found, at the start."""
    first = error.faults[0]
    place = find_value(text, first["field"]) if len(text) <= LOCATED_CHARS else None
    start, end = place or (0, 1)
    found = f", found {first['found']}" if first["found"] else ""
    others = len(error.faults) - 1
    more = f" (and {'over ' if error.has_more else ''}{others} more)" if others else ""
    words = f"{first['field'] or 'the payload'}: {first['keyword']} {first['expected']}{found}{more}"
    return Fault(
        line=text.count("\n", 0, start) + 1,
        column=start - (text.rfind("\n", 0, start) + 1) + 1,
        length=max(1, end - start),
        reason=printable(words),
    )
