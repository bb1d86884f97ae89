"""What `fugue` alone shows: this directory as a session, three commands to try, and the live log."""

from __future__ import annotations

import os
import shutil
import sys

from fugue_core.cli import output
from fugue_core.cli.livelog import LiveLog, Printer
from fugue_core.cli.name import names_after
from fugue_core.cli.spec import Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.verb.join import here, join
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import Refused
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_BEGIN_WITH = 10


def run(command: Command) -> int:
    """Join, say what can be done, follow the log until ctrl+c."""
    session = _join(command)
    if command.is_json:
        output.put_json(session)
    else:
        _greet(command, decode(session))
    live = LiveLog("", Printer(paint_for_stdout(), is_json=command.is_json))
    live.run(command.connect(), command.reconnect, begin_with=_BEGIN_WITH, since=None)
    raise AssertionError("the log goes on for ever")


def _join(command: Command) -> str:
    """Return this directory's session: the one it had, or a new one beside other directories of the same name."""
    place = here()
    names = list(names_after(os.getcwd()))
    name = next((name for name in names if _is_ours(command, name, place)), names[-1])
    return join(command, {"name": name, "resume": True, **place})


def _is_ours(command: Command, name: str, place: dict[str, Encodable]) -> bool:
    """Say whether `name` is free, or the session of that name works where we are."""
    try:
        session: dict[str, Any] = decode(command.ask("session.get", {"session": name}))
    except Refused as refused:
        if refused.name == "SessionNotFound":
            return True
        raise
    worktree = place.get("worktree")
    path = worktree["path"] if isinstance(worktree, dict) else None
    return (session.get("worktree") or {}).get("path") == path


def _greet(command: Command, session: dict[str, Any]) -> None:
    paint = paint_for_stdout()
    name = printable(session["name"])
    # A name that a shell would take apart goes by its id.
    word = name if name.replace("-", "").replace("_", "").replace(".", "").isalnum() else session["id"]
    server = f" -L {command.text('server')}" if command.text("server") else ""
    fugue = f"{_program()}{server}"
    commands = (
        (f'{fugue} send session:{word} hello \'{{"text": "it works"}}\' --from {word}', "write to it"),
        (f"{fugue} recv --as {word}", "read what it was sent"),
        (f"{fugue} ls", "see who is there"),
    )
    output.put(f"{paint('strong', 'fugue')} - this directory is the session {paint('accent', name)} now")
    output.put("")
    output.put("Try in another terminal:")
    for line, meaning in commands:
        output.put(f"  {paint('accent', line)}")
        output.put(f"      {paint('faint', meaning)}")
    output.put("")
    output.put(paint("faint", "The live log (ctrl+c leaves; `fugue --help` tells the rest):"))


def _program() -> str:
    """Return how the command is called where it is not on the PATH, as in a fresh checkout."""
    return "fugue" if shutil.which("fugue") else os.path.abspath(sys.argv[0])


VERB = Verb("welcome", "Join the current directory as a session, and follow the log", run=run)
