"""`fugue adopt`: a pane of tmux as a session."""

from __future__ import annotations

import sys

from fugue_core.cli import outcome, output
from fugue_core.cli.name import under_a_free_name
from fugue_core.cli.outcome import Failure
from fugue_core.cli.program import program
from fugue_core.cli.spec import FILES, TAGS, Argument, Option, Verb
from fugue_core.cli.tmux import find_pane
from fugue_core.cli.verb.join import here
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_PREFIX = "tmux:"


def run(command: Command) -> int:
    """Make a session whose window shows the pane; print its name."""
    target = command.text("pane") or _PREFIX
    if not target.startswith(_PREFIX):
        raise Failure(outcome.USAGE, f"{target!r} is no pane of tmux, like tmux:%3 or tmux:work:1.0")
    pane = find_pane(target.removeprefix(_PREFIX), command.text("tmux-socket"))
    words = [sys.executable, "-m", "fugue_core.cli.mirror", pane.socket_path, pane.id]
    words += [f"--{name}" for name in ("type", "notice") if command.has(name)]
    shown = program(command, words, pane.directory)
    request: dict[str, Encodable] = {
        "tags": command.texts("tag"),
        "program": {**shown, "cols": pane.cols, "rows": pane.rows},
        **here(pane.directory),
    }

    def make(named: dict[str, Encodable]) -> str:
        return command.ask("session.create", {**named, "id": new_id()})

    name = command.text("name")
    answer = make({**request, "name": name}) if name else under_a_free_name(pane.command, request, make)
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(printable(decode(answer)["name"]))
    return outcome.DONE


VERB = Verb(
    "adopt",
    "Make a running pane of tmux a session",
    run=run,
    details="""\
The session's window shows what the pane shows, as long as the pane is there; then the session ends. Nothing of the
pane, its size or tmux's options is changed, and fugue kill ends the session and leaves the pane alone. What is typed in
the window, by fugue attach or fugue type, goes to the pane with --type alone.

The program in the pane was not started by fugue and does not know its session: tell it, by fugue mcp --join NAME and
fugue hook --as NAME, or by FUGUE_SESSION. It is not woken: what is typed in tmux, fugue does not see. With --notice
tmux tells those who look at the pane when mail waits that nobody was handed, in the line where it has its messages.""",
    arguments=(
        Argument(
            "PANE",
            help="tmux:%3 or tmux:SESSION:WINDOW.PANE; absent: the pane in which this runs",
            is_optional=True,
        ),
    ),
    options=(
        Option("-n", "--name", metavar="NAME", help="its name; absent: after the program, numbered if taken"),
        Option("-t", "--tag", metavar="TAG", help="give it this tag", is_repeatable=True, completes=TAGS),
        Option("--type", help="let what is typed in its window go to the pane"),
        Option("--notice", help="let tmux tell those who look at the pane when mail waits"),
        Option(
            "--tmux-socket",
            metavar="PATH",
            help="tmux's server; absent: the one within which this runs, or its usual",
            completes=FILES,
        ),
    ),
    examples=(
        ("fugue adopt -n ann", "the pane in which this is typed"),
        ("fugue adopt tmux:work:1.0 -n bob -t builder --type", "another, that can be typed into from fugue, too"),
    ),
)
