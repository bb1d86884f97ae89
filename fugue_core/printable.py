"""Make text from outside safe to show: what a terminal would obey, or what the eye would miss, becomes visible. No I/O.

The command line's hot path imports this module: nothing at all.
"""

from __future__ import annotations

_SPACES = "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def printable(text: str) -> str:
    r"""Return `text` on one line, with all that `str.isprintable` refuses written as Python escapes it.

    So `\x1b`, `\n`, `\t`, `\u202e` (which reverses what follows), `\u200b` (which has no width), `\ud800` (half of a
    character). Spaces other than the plain one become the plain one. What is returned is printable, and returned
    again unchanged. It is for the eye: a backslash that was in `text` is not marked, so there is no way back.

    Cost: one scan where nothing has to change.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def _visible(character: str) -> str:
    return " " if character in _SPACES else repr(character)[1:-1]
