"""`fugue window`: the programs of a session."""

from __future__ import annotations

import os
import time

from fugue_core.cli import outcome, output
from fugue_core.cli.program import chosen_directory, program
from fugue_core.cli.spec import COMMANDS, FILES, SESSIONS, SETTING, WINDOW, WINDOWS, Argument, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.table import lines
from fugue_core.cli.window import activity, ending
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_HEADS = ("SESSION", "WINDOW", "NAME", "STATE", "SIZE", "ACTIVE", "TITLE")
_ROLES = ("strong", "accent", "", "faint", "faint", "faint", "")


def new(command: Command) -> int:
    """Start another program in a session; print the number of its window."""
    request: dict[str, Encodable] = {
        "session": command.identity("session"),
        "program": program(
            command,
            command.texts("cmd"),
            chosen_directory(command),
            command.texts("env"),
            keep=command.has("keep"),
        ),
        "id": new_id(),
    }
    if command.has("name"):
        request["name"] = command.text("name")
    answer = command.ask("window.create", request)
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(str(decode(answer)["window"]))
    return outcome.DONE


def show(command: Command) -> int:
    """List windows, of one session or of all."""
    with command.connect() as connection:
        params: dict[str, Encodable] = {"session": command.text("session")}
        windows = members(connection.ask("window.list", params))["windows"]
        if command.is_json:
            for window in elements(windows):
                output.put_json(window)
            return outcome.DONE
        found: list[dict[str, Any]] = decode(windows)
        names = {each["id"]: each["name"] for each in decode(connection.ask("session.list"))["sessions"]}
    if not found:
        command.say("no windows; `fugue new` makes a session with one")
        return outcome.DONE
    now_s = time.time()
    rows = [_row(window, names.get(window["session"], window["session"]), now_s) for window in found]
    for line in lines(_HEADS, rows, _ROLES, paint_for_stdout()):
        output.put(line)
    return outcome.DONE


def rename(command: Command) -> int:
    """Give a window another name."""
    answer = command.ask("window.rename", {**_window(command), "name": command.required("name")})
    if command.is_json:
        output.put_json(answer)
    else:
        window = decode(answer)
        output.put(printable(f"window {window['window']} is {window['name']} now"))
    return outcome.DONE


def kill(command: Command) -> int:
    """End a window's program, and close the window."""
    session = command.identity("session")
    with command.connect() as connection:  # and not asked twice: the second time it would be gone
        answer = connection.ask("window.kill", {"session": session, "window": command.whole("window")})
    if command.is_json:
        output.put_json(answer)
    else:
        window = decode(answer)
        output.put(printable(f"closed window {window['window']}: {window['name']} {ending(window['exited'])}"))
    return outcome.DONE


def _window(command: Command) -> dict[str, Encodable]:
    """Return the fields that name a window: the one of the options, or else the one that this runs in."""
    number = command.whole("window")
    within = os.environ.get("FUGUE_WINDOW", "")
    if number is None and not command.has("session") and WINDOW.accepts(within):
        number = int(within)
    return {"session": command.identity("session"), "window": number}


def _row(window: dict[str, Any], session: str, now_s: float) -> list[str]:
    return [
        printable(session),
        str(window["window"]),
        printable(window["name"]),
        ending(window["exited"]) if window.get("exited") else f"pid {window.get('pid')}",
        f"{window['cols']}x{window['rows']}",
        activity(window, now_s),
        printable(window.get("title", "")),
    ]


_SESSION = Option("-s", "--session", metavar="SESSION", help="of this session, not of your own", completes=SESSIONS)

VERB = Verb(
    "window",
    "Start, list, rename or close the windows of a session",
    details="""\
A window is a program on a terminal of its own. A session has as many as you like, numbered from 0; it ends when the
last one is closed. A window closes when its program exits, unless it was started with --keep.""",
    verbs=(
        Verb(
            "window new",
            "Start another program in a session",
            run=new,
            details="Prints the number of the window; fugue attach SESSION -w N shows it.",
            arguments=(
                Argument(
                    "CMD",
                    help="the program and its arguments; absent: your shell",
                    is_optional=True,
                    is_rest=True,
                    completes=COMMANDS,
                ),
            ),
            options=(
                _SESSION,
                Option("-n", "--name", metavar="NAME", help="what the window is called; absent: as the program"),
                Option("-c", "--directory", metavar="DIR", help="start there; absent: here", completes=FILES),
                Option(
                    *("-e", "--env"),
                    metavar="NAME=VALUE",
                    kind=SETTING,
                    help="with this in its environment",
                    is_repeatable=True,
                ),
                Option("--keep", help="when the program exits, let the window stay, for fugue respawn"),
            ),
            examples=(("fugue window new -s shop -n tests -- make watch", "beside what runs in shop already"),),
        ),
        Verb(
            "window ls",
            "List the windows",
            run=show,
            options=(
                Option("-s", "--session", metavar="SESSION", help="only those of this session", completes=SESSIONS),
            ),
            examples=(("fugue window ls", "those of all sessions"),),
        ),
        Verb(
            "window rename",
            "Give a window another name",
            run=rename,
            details="Within a window that window is meant where none is named; elsewhere the session's lowest.",
            arguments=(Argument("NAME", help="its new name; any number of windows may have it"),),
            options=(
                _SESSION,
                Option("-w", "--window", metavar="N", kind=WINDOW, help="this window", completes=WINDOWS),
            ),
            examples=(("fugue window rename tests -s shop -w 1", "window 1 of shop"),),
        ),
        Verb(
            "window kill",
            "End a window's program, and close the window",
            run=kill,
            details="""\
Politely first (SIGHUP), then surely (SIGTERM, SIGKILL to all processes of its terminal). Returns when it is done. With
its last window the session ends.""",
            arguments=(Argument("WINDOW", help="its number", kind=WINDOW, completes=WINDOWS),),
            options=(_SESSION,),
            examples=(("fugue window kill 1 -s shop", "window 1 of shop"),),
        ),
    ),
    examples=(("fugue window ls", "all windows"), ("fugue window new -s shop", "a shell beside what runs in shop")),
)
