"""`fugue join`: become a session."""

from __future__ import annotations

import os

from fugue_core import place
from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import PID, TAGS, Argument, Option, Verb, one_of
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import new_id
from fugue_core.git import locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_LINES = {"sh": "export {name}={value}", "fish": "set -gx {name} {value}"}


def run(command: Command) -> int:
    """Join, and print the lines that make this shell speak for the session."""
    if command.has("resume") and not command.has("name"):
        raise Failure(outcome.USAGE, "--resume takes up the session of a name: say which NAME")
    request: dict[str, Encodable] = {"tags": command.texts("tag"), "resume": command.has("resume"), **here()}
    if command.has("name"):
        request["name"] = command.required("name")
    if command.has("for-pid"):
        request["for_pid"] = command.whole("for-pid")
    answer = join(command, request)
    session = decode(answer)
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    for name, value in _variables(command, session["id"]):
        line = _LINES[command.text("shell") or "sh"]
        output.put(line.format(name=name, value=_quoted(value)))
    tags = f" with tags {', '.join(session['tags'])}" if session["tags"] else ""
    command.say(f"joined as {session['name']}{tags}")
    if output.is_terminal():
        command.say('to speak for it in this shell, run:  eval "$(fugue join ... --resume)"  or the line above')
    return outcome.DONE


def join(command: Command, request: dict[str, Encodable]) -> str:
    """Ask the daemon for a session under an id of our own, so that the request may be repeated; return its JSON."""
    if not request.get("resume"):  # where one is taken up, it has its id
        request["id"] = new_id()
    return command.ask("session.join", {"attach": False, **request})


def here(directory: str | None = None) -> dict[str, Encodable]:
    """Return the fields of `session.join` that say where in git a directory (None: the current one) is."""
    found = locate(directory or os.getcwd())
    fields: dict[str, Encodable] = {"repo": found.repo}
    if found.worktree_path is not None:
        fields["worktree"] = {"path": found.worktree_path, "branch": found.branch, "is_main": found.is_main}
    return fields


def _variables(command: Command, session: str) -> list[tuple[str, str]]:
    variables = [("FUGUE_SESSION", session)]
    if command.socket_path != place.socket_path():  # the shell would look for the daemon elsewhere
        variables.append(("FUGUE_SOCKET", command.socket_path))
    return variables


def _quoted(value: str) -> str:
    """Return `value` as one word of a shell; good for fish too, which knows no other escape within quotes."""
    is_plain = value.replace("-", "").replace("/", "").replace(".", "").replace("_", "").isalnum() and value.isascii()
    return value if is_plain else "'" + value.replace("'", "'\\''") + "'"


VERB = Verb(
    "join",
    "Register this shell or script as a session",
    run=run,
    details="""\
Prints the line that makes the shell speak for the new session: eval it. The session belongs to the git repository and
worktree of the current directory. It lives until `fugue kill`, or until the process of --for-pid ends; its mail waits
for it meanwhile, over restarts too.""",
    arguments=(
        Argument(
            "NAME", help="its name, unique among the sessions; absent: session-1, session-2, ...", is_optional=True
        ),
    ),
    options=(
        Option("-t", "--tag", metavar="TAG", help="give it this tag", is_repeatable=True, completes=TAGS),
        Option("-r", "--resume", help="take up the session of that name where there is one: its id and mail stay"),
        Option("--for-pid", metavar="PID", kind=PID, help="end it when this process ends; $$ is the shell's own"),
        Option("--shell", metavar="SHELL", kind=one_of("sh", "fish"), help="write the line for sh (bash, zsh) or fish"),
    ),
    examples=(
        ('eval "$(fugue join ann -t builder)"', "this shell is the session ann"),
        ('eval "$(fugue join ci --resume --for-pid $$)"', "take ci up again; it ends with this script"),
        ("fugue join ann --shell fish | source", "in fish"),
    ),
)
