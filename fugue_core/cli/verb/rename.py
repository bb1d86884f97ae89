"""`fugue rename`: another name for a session."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, Argument, Verb
from fugue_core.client.jsontext import decode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Rename it."""
    old = command.required("old")
    with command.connect() as connection:  # and not asked twice: the second time OLD would be gone
        answer = connection.ask("session.rename", {"session": old, "name": command.required("new")})
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(printable(f"{old} is {decode(answer)['name']} now"))
    return outcome.DONE


VERB = Verb(
    "rename",
    "Give a session another name",
    run=run,
    details="Its id, tags and mail stay, and so does every FUGUE_SESSION that holds its id.",
    arguments=(
        Argument("OLD", help="its name or id", completes=SESSIONS),
        Argument("NEW", help="its new name: 1 to 64 printable characters without white space or any of , : / #"),
    ),
    examples=(("fugue rename session-1 ann", "messages to ann reach it from now on"),),
)
