"""`fugue help`."""

from __future__ import annotations

from fugue_core.cli import manual, outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.parser import near
from fugue_core.cli.spec import VERBS, Argument, Verb
from fugue_core.cli.verb import NAMES, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Print the page of a verb, or the overview."""
    names = command.texts("verb")
    if not names:
        output.put(manual.overview())
        return outcome.DONE
    if names[0] not in NAMES:
        raise Failure(outcome.USAGE, f"there is no verb {names[0]!r}{near(names[0], NAMES)}")
    verb = load(names[0])
    for name in names[1:]:
        if name not in verb.within:
            raise Failure(outcome.USAGE, f"there is no verb {name!r} in `fugue {verb.name}`{near(name, verb.within)}")
        verb = verb.within[name]
    output.put(manual.page(verb))
    return outcome.DONE


VERB = Verb(
    "help",
    "Print the help of fugue or of a verb",
    run=run,
    arguments=(Argument("VERB", help="which; absent: all", is_optional=True, is_repeatable=True, completes=VERBS),),
    examples=(("fugue help send", "as `fugue send --help`"),),
)
