"""What is asked of a tmux server. Nothing of it is changed: no option, no size, no pane."""

from __future__ import annotations

import os
import re
import subprocess

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure

_FORMAT = "\t".join(
    f"#{{{name}}}"
    for name in ("pane_id", "socket_path", "pane_width", "pane_height", "pane_current_path", "pane_current_command")
)
_ANSWER_S = 10.0


class Pane:
    """A pane as it is now.

    Attributes:
        id: `%3`; no other pane of this server ever has it.
        socket_path: The server's.
        cols, rows: Its size.
        directory: Where its program works.
        command: The program's name.
    """

    def __init__(self, facts: str) -> None:
        self.id, self.socket_path, cols, rows, self.directory, self.command = facts.split("\t")
        self.cols, self.rows = int(cols), int(rows)


def find_pane(target: str, socket_path: str | None) -> Pane:
    """Return the pane that `target` names: `%3`, or `work:1.0`, whose session's name is not guessed from its beginning.

    Args:
        target: Empty: the pane in which this process runs.
        socket_path: The server's; None: the one within which this runs, else tmux's usual one.

    Raises:
        Failure: There is no tmux, no server or no such pane.
    """
    wanted = target or os.environ.get("TMUX_PANE", "")
    if not wanted:
        raise Failure(outcome.USAGE, "this is no pane of tmux: name one, like tmux:%3 or tmux:work:1.0")
    if socket_path is None and "TMUX" in os.environ:
        socket_path = os.environ["TMUX"].rsplit(",", 2)[0]
    exact = wanted if re.match(r"[%@$=]", wanted) else f"={wanted}"
    where = ["-S", socket_path] if socket_path else []
    look = ["capture-pane", "-p", "-S", "0", "-E", "0", "-t", exact]
    try:
        asked = subprocess.run(  # noqa: S603  # no shell reads it
            # alone, `display-message` takes another pane where there is none such; `capture-pane` fails, and ends it
            ["tmux", "-u", *where, *look, ";", "display-message", "-p", "-t", exact, _FORMAT],  # noqa: S607  # the user's
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            check=False,
        )
    except FileNotFoundError:
        raise Failure(outcome.FAILED, "tmux is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failure(outcome.FAILED, f"tmux does not answer for pane {wanted}") from None
    if asked.returncode:
        raise Failure(outcome.NOT_FOUND, f"no pane {wanted} of tmux: {asked.stderr.strip()}")
    return Pane(asked.stdout.removesuffix("\n").rpartition("\n")[2])
