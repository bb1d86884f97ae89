"""`fugue attach`: a session's program in this terminal."""

from __future__ import annotations

import os

from fugue_core import place
from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import SESSIONS, WINDOW, WINDOWS, Argument, Option, Verb
from fugue_core.client.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command

_STDIN = 0


def run(command: Command) -> int:
    """Give the program the terminal."""
    if not is_at_terminal():
        raise Failure(outcome.USAGE, "stdin and stdout must be a terminal; `fugue capture` prints a screen elsewhere")
    return attach(
        command,
        command.required("session"),
        window=command.whole("window"),
        is_read_only=command.has("read-only"),
        is_nested=command.has("nested"),
    )


def is_at_terminal() -> bool:
    """Say whether a program could be given stdin and stdout as its terminal."""
    return output.is_terminal(_STDIN) and output.is_terminal()


def attach(
    command: Command,
    session: str,
    *,
    window: int | None = None,
    is_read_only: bool = False,
    is_nested: bool = False,
) -> int:
    """Show a session's window in this terminal; return the exit code.

    Raises:
        Failure: This terminal is a window of fugue itself.
        Refused: There is no such session or window.
    """
    if os.environ.get("FUGUE_WINDOW") and not is_nested:
        raise Failure(outcome.FAILED, "this is a window of fugue already: a window within it takes --nested")
    from fugue_core.cli.attachment import Attachment, view_params  # noqa: PLC0415  # only where somebody sits at a terminal
    from fugue_core.cli.prefix import prefix  # noqa: PLC0415  # likewise

    key = prefix()
    connection = command.connect()
    found: dict[str, Any] = decode(connection.ask("session.get", {"session": session}))
    if _is_own(command, found["id"]):
        windows = decode(connection.ask("window.list", {"session": found["id"]}))["windows"]
        number = window if window is not None else min((each["window"] for each in windows), default=None)
        if str(number) == os.environ.get("FUGUE_WINDOW"):
            raise Failure(
                outcome.FAILED, f"this is window {number} of {found['name']}: it cannot be shown within itself"
            )
    params = view_params(found["id"], window, output.terminal_size(), is_read_only=is_read_only)
    attached = decode(connection.ask("window.attach", params))
    return Attachment(command, found, key, is_read_only=is_read_only).run(connection, attached)


def _is_own(command: Command, session: str) -> bool:
    return session == os.environ.get("FUGUE_SESSION") and command.socket_path == place.socket_path()


VERB = Verb(
    "attach",
    "Give a session's program this terminal",
    run=run,
    details="""\
The program gets every key and the size of the terminal, and goes on when the terminal is gone. ctrl+b (within tmux or
another window of fugue ctrl+g; `prefix` under [terminal] in config.toml sets another) and then d detaches, n, p and 0
to 9 change the window, c opens another, r draws it anew, ? shows the keys; twice, it is sent to the program.

Any number of terminals may show one window. It has the size of the one in which was typed last; with size = "smallest"
under [terminal] one that all can show. What scrolls out at the top is in the terminal's own scrollback.

When the program ends, that is said, and the exit code is 0, however it ended. Where the daemon goes away, the next one
is waited for; the exit code is 5 where none comes within ten seconds. It is 2 where stdin or stdout is no terminal.""",
    arguments=(Argument("SESSION", help="its name or id", completes=SESSIONS),),
    options=(
        Option("-w", "--window", metavar="N", kind=WINDOW, help="this window; absent: the lowest", completes=WINDOWS),
        Option("-r", "--read-only", help="only look: keys go nowhere, but the prefix works"),
        Option("--nested", help="also within a window of fugue, unless it is the same one"),
    ),
    examples=(("fugue attach shop", "ctrl+b d leaves it"), ("fugue attach shop -w 1 -r", "watch its window 1")),
)
