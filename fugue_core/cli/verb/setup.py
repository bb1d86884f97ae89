"""`fugue setup`: fugue's tools and hooks in the configuration of an agent's program, or out of it again."""

from __future__ import annotations

import os
import shutil
import sys

from fugue_core import agents
from fugue_core.cli import outcome, output, script
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import Argument, Option, Verb, one_of
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import encode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fugue_core.cli.command import Command
    from fugue_core.setup.change import Change

_ROLES = {"+": "ok", "-": "bad", "@": "accent"}


def run(command: Command) -> int:
    """Show what has to change; with --yes change it."""
    from fugue_core.setup.change import changes, project_files, user_files  # noqa: PLC0415  # for --help too dear
    from fugue_core.setup.document import CannotChange  # noqa: PLC0415  # likewise

    name = command.required("agent")
    agent = agents.load(name)
    is_project = command.text("scope") == "project"
    is_undo = command.has("undo")
    files = project_files(agent, os.getcwd()) if is_project else user_files(agent, os.environ)
    try:
        found = changes(name, files, None if is_undo else _fugue(is_project=is_project))
        shown = [{"path": change.path, "diff": "\n".join(change.diff()), "backup": None} for change in found]
        if not command.is_json:
            _show(found)
        if command.has("yes"):
            for change, seen in zip(found, shown, strict=True):
                seen["backup"] = change.apply()
                _say_applied(change, seen["backup"])
    except CannotChange as error:
        raise Failure(outcome.FAILED, str(error)) from None
    if command.is_json:
        output.put_json(encode({"agent": name, "applied": command.has("yes"), "files": shown}))
    _conclude(command, found, "" if is_undo else agent.hint)
    return outcome.DONE


def _fugue(*, is_project: bool) -> str:
    """Return how fugue is called from a configuration: in one that others share by its name, whatever it is here."""
    if is_project:
        if shutil.which(script.NAME) is None:
            output.say(f"{script.NAME} is not on PATH here: the hooks will not find it")
        return script.NAME
    name = script.lasting_name()
    if name is None:
        raise Failure(outcome.FAILED, f"cannot tell which command this is ({sys.argv[0]}): please call it as fugue")
    return name


def _show(found: Sequence[Change]) -> None:
    paint = paint_for_stdout()
    for change in found:
        for line in change.diff():
            text = printable(line.replace("\t", "    ")) if output.is_terminal() else line
            role = "strong" if line.startswith(("--- ", "+++ ")) else _ROLES.get(line[:1])
            output.put(paint(role, text) if role else text)


def _say_applied(change: Change, backup: str | None) -> None:
    what = "removed" if change.after is None else "written" if change.before is None else "changed"
    output.say(f"{what} {change.path}{f'; as it was: {backup}' if backup else ''}")


def _conclude(command: Command, found: Sequence[Change], hint: str) -> None:
    if not found:
        output.say("nothing to change")
    elif not command.has("yes"):
        output.say("nothing is changed yet; with --yes it will be")
    if hint and (found or not command.has("undo")):
        output.say(hint)


VERB = Verb(
    "setup",
    "Give an agent's program fugue's tools and hooks",
    run=run,
    details="""\
Shows what has to change in the program's own configuration, as a diff, and with --yes changes it: one entry for
`fugue mcp`, and one at each event for `fugue hook` (opencode has no such hooks, and is given the tools alone). All else
in the files stays as it is written. What was there before is kept beside it, under a name that ends in .before-fugue.
The second time there is nothing to change; what you added to fugue's entries, like --holds 1, is left to you.

--undo takes the entries out again, whatever else has changed since.

The user's configuration is where the program looks for it: CLAUDE_CONFIG_DIR, CODEX_HOME, GEMINI_CLI_HOME,
OPENCODE_CONFIG and OPENCODE_CONFIG_DIR count. A project's is that of the current directory, where fugue is called by
its name; in the user's it is called by its path, where its name would not lead to it from every shell.""",
    arguments=(Argument("AGENT", kind=one_of(*agents.NAMES), help="claude, codex, gemini or opencode"),),
    options=(
        Option("-y", "--yes", help="change it; else it is only shown"),
        Option("--undo", help="take fugue's entries out"),
        Option(
            "--scope",
            metavar="SCOPE",
            kind=one_of("user", "project"),
            help="whose configuration: user (the default), or project, of the current directory",
        ),
    ),
    examples=(
        ("fugue setup claude", "what would change"),
        ("fugue setup claude --yes", "change it"),
        ("fugue setup codex --scope project --yes", "for those who work in this directory"),
        ("fugue setup gemini --undo --yes", "as if it had never been there"),
    ),
)
