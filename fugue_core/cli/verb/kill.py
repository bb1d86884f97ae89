"""`fugue kill`: the end of sessions."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, Argument, Verb
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import Refused
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """End each; one that cannot be ended does not spare the others, and the exit code tells of the first."""
    exit_code = outcome.DONE
    with command.connect() as connection:
        for session in command.texts("session"):
            try:
                answer = connection.ask("session.end", {"session": session})
            except Refused as refused:
                command.say(f"fugue: {refused.message}")
                exit_code = exit_code or outcome.of_error(refused.name)
            else:
                output.put_json(answer) if command.is_json else output.put(_sentence(answer))
    return exit_code


def _sentence(answer: str) -> str:
    session = decode(answer)
    unread = session["unread"]
    died = f"; {unread} unread message{'s' if unread > 1 else ''} died with it" if unread else ""
    return printable(f"ended {session['name']}{died}")


VERB = Verb(
    "kill",
    "End sessions",
    run=run,
    details="""\
Its name is free again; its id is never used again. What it had not acknowledged is dead, as `fugue trace` and the log
show.

Programs that fugue runs for it are ended first: politely (SIGHUP), then surely (SIGTERM, SIGKILL to all processes of
their terminals). The programs of whoever joined by hand are left alone.""",
    arguments=(Argument("SESSION", help="its name or id", is_repeatable=True, completes=SESSIONS),),
    examples=(("fugue kill bob", "end one"), ("fugue kill $(fugue ls --json | jq -r .id)", "end them all")),
)
