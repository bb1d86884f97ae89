"""The command `fugue` itself: where it is, and how others can call it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig

NAME = "fugue"


def own_path() -> str | None:
    """Return the absolute path of the command that runs this; None where nobody can tell."""
    called = os.path.abspath(sys.argv[0])
    beside = os.path.join(sysconfig.get_path("scripts"), NAME)
    for path in (called, beside):
        if os.path.basename(path) == NAME and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


def name_here() -> str:
    """Return how fugue can be called from programs that this one's caller starts, ready for a shell."""
    path = None if shutil.which(NAME) else own_path()
    return quoted(path) if path else NAME


def lasting_name() -> str | None:
    """Return how this very fugue can be called from any shell, now and later; None where nobody can tell.

    Its name, where that leads to it and does so outside of a virtual environment too, which may not be active then;
    else its path.
    """
    path = own_path()
    found = shutil.which(NAME)
    is_of_environment = found is not None and os.path.dirname(found) == os.path.join(sys.prefix, "bin")
    if found and is_same(found, path) and not (is_of_environment and sys.prefix != sys.base_prefix):
        return NAME
    return path


def is_same(path: str, other: str | None) -> bool:
    """Say whether two paths lead to the same file."""
    return other is not None and os.path.realpath(path) == os.path.realpath(other)


def quoted(word: str) -> str:
    """Return a word as a shell takes it for one."""
    return shlex.quote(word)
