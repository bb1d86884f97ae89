"""`fugue resize`: the size of a window that nobody looks at."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import CELLS, SESSIONS, WINDOW, WINDOWS, Argument, Option, Verb
from fugue_core.client.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Give it that size."""
    answer = command.ask(
        "window.resize",
        {
            "session": command.required("session"),
            "window": command.whole("window"),
            "cols": command.whole("cols"),
            "rows": command.whole("rows"),
        },
    )
    if command.is_json:
        output.put_json(answer)
    else:
        window = decode(answer)
        output.put(f"window {window['window']} has {window['cols']} columns and {window['rows']} rows")
    return outcome.DONE


VERB = Verb(
    "resize",
    "Give a session's window another size",
    run=run,
    details="Until a terminal that shows it has another: fugue attach brings its own size along.",
    arguments=(
        Argument("SESSION", help="its name or id", completes=SESSIONS),
        Argument("COLS", help="columns", kind=CELLS),
        Argument("ROWS", help="rows", kind=CELLS),
    ),
    options=(
        Option("-w", "--window", metavar="N", kind=WINDOW, help="this window; absent: the lowest", completes=WINDOWS),
    ),
    examples=(("fugue resize cat-1 120 40", "before fugue capture, say"),),
)
