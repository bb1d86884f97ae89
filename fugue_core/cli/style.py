"""Colours for a terminal, by hand: the sixteen that every terminal has, so that they fit its theme."""

from __future__ import annotations

import os

from fugue_core.cli import output

_CODES = {
    "strong": "1",
    "faint": "2",
    "accent": "34",
    "tag": "36",
    "ok": "32",
    "wait": "33",
    "bad": "31",
}


def has_colours() -> bool:
    """Say whether stdout is to be coloured: a person looks at it, and asked for no less (`NO_COLOR`, `TERM=dumb`)."""
    return output.is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Paint:
    """Gives texts their colours, or leaves them as they are."""

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on

    def __call__(self, role: str, text: str) -> str:
        """Return `text` as its role (`strong`, `faint`, `accent`, `tag`, `ok`, `wait`, `bad`) looks."""
        return f"\x1b[{_CODES[role]}m{text}\x1b[m" if self.is_on and text else text


def paint_for_stdout() -> Paint:
    """Return the paint that is right for whoever reads stdout."""
    return Paint(is_on=has_colours())
