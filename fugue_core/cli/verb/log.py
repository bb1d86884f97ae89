"""`fugue log`: what was sent, and what is sent."""

from __future__ import annotations

from fugue_core.cli import outcome
from fugue_core.cli.livelog import LiveLog, Printer, after, newest
from fugue_core.cli.spec import COUNT, FILTERS, SEQ, Argument, Option, Verb
from fugue_core.cli.style import paint_for_stdout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

_DEFAULT_LIMIT = 50


def run(command: Command) -> int:
    """Print the history; with --follow what is sent from now on, too."""
    words = " ".join(command.texts("filter"))
    limit, since = command.whole("limit"), command.whole("since")
    printer = Printer(paint_for_stdout(), is_json=command.is_json)
    if command.has("follow"):
        live = LiveLog(words, printer)
        live.run(command.connect(), command.reconnect, begin_with=limit or _DEFAULT_LIMIT, since=since)
    with command.connect() as connection:
        if since is None:
            entries = iter(newest(connection, words, limit or _DEFAULT_LIMIT))
        else:
            entries = after(connection, words, since)
        for number, entry in enumerate(entries, start=1):
            printer.put(entry)
            if number == limit:
                break
    return outcome.DONE


VERB = Verb(
    "log",
    "Print what was sent, and follow what is sent",
    run=run,
    details="""\
One line a message, oldest first: when, from whom to whom, its type, its payload, and how it fares: ✓2/2 all have
acknowledged it, …1/2 one of two has, ✗ dead or expired. With --json the envelope.

A FILTER is text to look for in type and payload, or tag: from: to: type: state: reply: repo: with a value; ! before it
negates, * stands for any characters, a value with spaces stands in double quotes. Words of one key are alternatives;
otherwise all must match. A state is one of queued, handed, acked, expired, dead.""",
    arguments=(
        Argument("FILTER", help="print only what matches", is_optional=True, is_repeatable=True, completes=FILTERS),
    ),
    options=(
        Option("-f", "--follow", help="go on for ever: print each message as it is sent"),
        Option("-n", "--limit", metavar="N", kind=COUNT, help=f"the last so many; absent: {_DEFAULT_LIMIT}"),
        Option("-s", "--since", metavar="SEQ", kind=SEQ, help="all that came after the message with this seq"),
    ),
    examples=(
        ("fugue log -f", "watch everything"),
        ("fugue log type:build.* '!from:ci' timeout", "builds not sent by ci that speak of a timeout"),
        ("fugue log state:dead --json | jq .id", "what reached somebody no more"),
        ("fugue log -f --since 0 --json > all.jsonl", "everything there is, and all that comes"),
    ),
)
