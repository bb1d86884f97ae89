"""`fugue capture`: what a window shows."""

from __future__ import annotations

import re

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, WINDOW, WINDOWS, Argument, Option, Verb
from fugue_core.client.jsontext import decode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

_LOOK = re.compile(r"(\x1b\[[0-9;:]*m)")


def run(command: Command) -> int:
    """Print the screen."""
    answer = command.ask(
        "window.capture",
        {
            "session": command.required("session"),
            "window": command.whole("window"),
            "scrollback": command.has("scrollback"),
            "ansi": command.has("ansi"),
        },
    )
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    text: str = decode(answer)["text"]
    for line in text.removesuffix("\n").split("\n"):
        output.put(_shown(line) if output.is_terminal() else line)
    return outcome.DONE


def _shown(line: str) -> str:
    """Return a line as it may go to a terminal: colours, and what is printable."""
    return "".join(part if _LOOK.fullmatch(part) else printable(part) for part in _LOOK.split(line))


VERB = Verb(
    "capture",
    "Print what a session's window shows",
    run=run,
    arguments=(Argument("SESSION", help="its name or id", completes=SESSIONS),),
    options=(
        Option("-w", "--window", metavar="N", kind=WINDOW, help="this window; absent: the lowest", completes=WINDOWS),
        Option("--scrollback", help="and before it what has scrolled out at the top"),
        Option("--ansi", help="with colours and attributes, as escape sequences"),
    ),
    examples=(
        ("fugue capture cat-1", "its screen, as text"),
        ("fugue capture cat-1 --scrollback | less", "all that it has printed"),
    ),
)
