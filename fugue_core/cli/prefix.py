"""The key that calls fugue while a program has the keyboard. Reads the user's configuration."""

from __future__ import annotations

import os

from fugue_core import place
from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure

_USUAL, _WITHIN = "ctrl+b", "ctrl+g"
_SPELLED = {"backslash": "\\", "right_square_bracket": "]", "circumflex_accent": "^", "underscore": "_", "space": "@"}
"""As the screen calls keys."""
_WITH_CTRL = set("abcdefghijklmnopqrstuvwxyz\\]^_@") - set("ijm")  # which are tab, line feed and return
_FUNCTION_KEYS = {f"f{number}" for number in range(1, 13)}


def prefix() -> str:
    """Return the name of the key: `prefix` of `[terminal]` in config.toml, else `ctrl+b`.

    Within tmux, and within a window of fugue, it is `ctrl+g` unless the configuration says otherwise: the other one
    would not get this far.

    Raises:
        Failure: The configuration cannot be read, or names no key that could be it.
    """
    chosen = _configured()
    if not chosen:
        return _WITHIN if os.environ.get("TMUX") or os.environ.get("FUGUE_WINDOW") else _USUAL
    if not key_of(chosen):
        rule = "it must be ctrl+ or alt+ and a character (not ctrl+i, j or m), or f1 to f12"
        raise Failure(outcome.FAILED, f"{place.config_path()}: terminal.prefix is {chosen!r}; {rule}")
    return chosen


def key_of(name: str) -> str:
    """Return the key of this name as `keyboard.Keyboard` knows it; empty where it could not be the prefix."""
    modifier, plus, key = name.partition("+")
    if not plus:
        return name if name in _FUNCTION_KEYS else ""
    key = _SPELLED.get(key, key)
    if modifier == "ctrl" and key in _WITH_CTRL:
        return chr(ord(key.upper()) ^ 0x40)
    return f"\x1b{key}" if modifier == "alt" and len(key) == 1 and key.isprintable() else ""


def _configured() -> str:
    import tomllib  # noqa: PLC0415  # 10 ms, and a completion needs none

    path = place.config_path()
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("terminal", {})
    except FileNotFoundError:
        return ""
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(outcome.FAILED, f"{path}: {error}") from None
    return str(table.get("prefix", "")) if isinstance(table, dict) else ""
