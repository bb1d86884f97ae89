"""`fugue type`: text into a program's terminal."""

from __future__ import annotations

import binascii
import sys

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, WINDOW, WINDOWS, Argument, Option, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Type it."""
    text = command.required("text")
    data = sys.stdin.buffer.read() if text == "-" else text.encode(errors="surrogateescape")
    request = {
        "session": command.required("session"),
        "window": command.whole("window"),
        "data": binascii.b2a_base64(data, newline=False).decode(),
        "paste": bool(data) and not command.has("keys"),
        "enter": command.has("enter"),
    }
    with command.connect() as connection:  # and not asked twice: it would be typed twice
        answer = connection.ask("window.input", request)
    if command.is_json:
        output.put_json(answer)
    return outcome.DONE


VERB = Verb(
    "type",
    "Type text into the terminal of a session's program",
    run=run,
    details="""\
As a paste where the program has asked to be told of pastes, so that an editor or a shell does not take its lines for
commands; --enter comes after it. A message for the session is fugue send: this goes to the program's terminal.

The exit code is 1 where the program has exited, or does not read and too much waits for it already.""",
    arguments=(
        Argument("SESSION", help="its name or id", completes=SESSIONS),
        Argument("TEXT", help="what to type; - for stdin"),
    ),
    options=(
        Option("-w", "--window", metavar="N", kind=WINDOW, help="this window; absent: the lowest", completes=WINDOWS),
        Option("-e", "--enter", help="and then the return key"),
        Option("-k", "--keys", help="as keys that were pressed, and not as a paste"),
    ),
    examples=(
        ("fugue type shop 'make test' --enter", "a command for the shell that runs there"),
        ("fugue type shop -k $'\\x03'", "ctrl+c"),
    ),
)
