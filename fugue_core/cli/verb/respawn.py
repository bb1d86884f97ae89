"""`fugue respawn`: a program anew, in the window where one has exited."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.program import chosen_directory, program
from fugue_core.cli.spec import COMMANDS, FILES, SESSIONS, SETTING, WINDOW, WINDOWS, Argument, Option, Verb
from fugue_core.client.jsontext import decode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Start it."""
    directory = chosen_directory(command) if command.has("directory") else ""
    request = {
        "session": command.required("session"),
        "window": command.whole("window"),
        "program": program(command, command.texts("cmd"), directory, command.texts("env")),
        "kill": command.has("kill"),
    }
    with command.connect() as connection:  # and not asked twice: the second time it runs
        answer = connection.ask("window.respawn", request)
    if command.is_json:
        output.put_json(answer)
    else:
        window = decode(answer)
        words = printable(" ".join(window["command"]))
        output.put(f"window {window['window']} runs {words}, pid {window['pid']}")
    return outcome.DONE


VERB = Verb(
    "respawn",
    "Start a program anew where one has exited",
    run=run,
    details="""\
For windows that stay when their program exits (--keep of fugue new and fugue window new). The session stays who it is:
its name, tags and mail. The program has the environment of this shell, and the directory that it had before.

Where the program still runs the exit code is 1, unless --kill ends it first.""",
    arguments=(
        Argument("SESSION", help="its name or id", completes=SESSIONS),
        Argument(
            "CMD",
            help="the program and its arguments, after --; absent: what ran before",
            is_optional=True,
            is_repeatable=True,
            completes=COMMANDS,
        ),
    ),
    options=(
        Option("-w", "--window", metavar="N", kind=WINDOW, help="this window; absent: the lowest", completes=WINDOWS),
        Option("-c", "--directory", metavar="DIR", help="start there", completes=FILES),
        Option(
            "-e", "--env", metavar="NAME=VALUE", kind=SETTING, help="with this in its environment", is_repeatable=True
        ),
        Option("-k", "--kill", help="end the program that runs there, if one does"),
    ),
    examples=(
        ("fugue respawn cat-1", "what ran before, once more"),
        ("fugue respawn cat-1 --kill -- claude --continue", "another program, whatever runs there"),
    ),
)
