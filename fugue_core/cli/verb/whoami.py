"""`fugue whoami`: who this shell speaks for."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import Option, Verb
from fugue_core.client.jsontext import decode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Ask the daemon, so that the answer is a session that lives."""
    answer = command.ask("session.get", {"session": command.identity(None)})
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(printable(decode(answer)["id" if command.has("id") else "name"]))
    return outcome.DONE


VERB = Verb(
    "whoami",
    "Print the name of the session that this shell speaks for",
    run=run,
    details="That is $FUGUE_SESSION, which `fugue join`, `fugue run` and `fugue new` set; `fugue show` tells more.",
    options=(Option("-i", "--id", help="print its id, which never changes, and not its name"),),
    examples=(("fugue whoami", "the name"), ("fugue whoami --json", "the id, tags, place and unread messages too")),
)
