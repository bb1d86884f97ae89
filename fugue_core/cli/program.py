"""Programs that the daemon is to run: what it is told of one, from what this shell has."""

from __future__ import annotations

import os

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure
from fugue_core.cli.output import terminal_size
from fugue_core.umask import umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_USUAL_SIZE = (80, 24)


def program(
    command: Command, words: Sequence[str], directory: str, settings: Sequence[str] = (), *, keep: bool = False
) -> dict[str, Encodable]:
    """Return the `program` of a request: `words`, in `directory`, with this process's environment and size.

    Args:
        command: To say what cannot be given to the program.
        words: The program and its arguments; none: the user's shell.
        directory: Absolute; empty: the daemon knows it.
        settings: `NAME=VALUE`, over what the environment has.
        keep: Let the window stay when the program has exited.
    """
    environment, left_out = _environment()
    if left_out:
        command.say(f"fugue: not in the program's environment, since it is no UTF-8: {', '.join(left_out)}")
    if directory:
        environment["PWD"] = directory
    for setting in settings:
        name, _, value = setting.partition("=")
        environment[name] = value
    for word in (*words, *settings):
        if not _is_unicode(word):
            raise Failure(outcome.USAGE, f"{word!r} is no UTF-8, which all that fugue carries must be")
    cols, rows = _size()
    return {
        "command": list(words),
        "directory": directory,
        "environment": environment,
        "cols": cols,
        "rows": rows,
        "keep": keep,
        "umask": umask(),
    }


def chosen_directory(command: Command) -> str:
    """Return the directory of `-c`, or the current one; absolute. Raises `Failure` where it is none."""
    given = command.text("directory")
    directory = os.path.abspath(os.path.expanduser(given)) if given else os.getcwd()
    if not os.path.isdir(directory):
        raise Failure(outcome.FAILED, f"there is no directory {directory!r}")
    return directory


def _environment() -> tuple[dict[str, Encodable], list[str]]:
    """Return what of this process's environment can be carried, and the names of what cannot."""
    environment: dict[str, Encodable] = {}
    left_out = []
    for name, value in os.environ.items():
        if _is_unicode(name) and _is_unicode(value):
            environment[name] = value
        else:
            left_out.append(name)
    return environment, left_out


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size() -> tuple[int, int]:
    """Return the size of the terminal that the user sits at; where there is none, that of any terminal ever."""
    return next(filter(None, map(terminal_size, (1, 0, 2))), _USUAL_SIZE)
