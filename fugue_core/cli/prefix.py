"""The key that calls fugue while a program has the keyboard. Reads the user's configuration."""

from __future__ import annotations

import os

from fugue_core import place
from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure

_USUAL, _WITHIN = "ctrl+b", "ctrl+q"
_KEYS = "abcdefghijklmnopqrstuvwxyz\\]^_"
_TAKEN = "ijm"
"""With ctrl they are tab, line feed and return."""


def prefix() -> str:
    """Return the name of the key: `prefix` of `[terminal]` in config.toml, else `ctrl+b`.

    Within tmux, and within a window of fugue, it is `ctrl+q` unless the configuration says otherwise: the other one
    would not get this far.

    Raises:
        Failure: The configuration cannot be read, or names no key that could be it.
    """
    chosen = _configured()
    if chosen is None:
        return _WITHIN if os.environ.get("TMUX") or os.environ.get("FUGUE_WINDOW") else _USUAL
    modifier, _, key = chosen.partition("+")
    if modifier != "ctrl" or len(key) != 1 or key not in _KEYS or key in _TAKEN:
        rule = f"it must be ctrl+ and a letter (but none of {_TAKEN}) or one of \\ ] ^ _"
        raise Failure(outcome.FAILED, f"{place.config_path()}: terminal.prefix is {chosen!r}; {rule}")
    return chosen


def character(name: str) -> str:
    """Return what a terminal sends for a key that `prefix` returned."""
    return chr(ord(name[-1].upper()) ^ 0x40)


def _configured() -> str | None:
    import tomllib  # noqa: PLC0415  # 10 ms, and a completion needs none

    path = place.config_path()
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("terminal", {})
    except FileNotFoundError:
        return None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(outcome.FAILED, f"{path}: {error}") from None
    found = table.get("prefix") if isinstance(table, dict) else None
    return None if found is None else str(found)
