"""`fugue ls`: the sessions."""

from __future__ import annotations

import os
import time

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import FILTERS, Argument, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.table import lines
from fugue_core.cli.window import activity, what_runs
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command

_HEADS = ("NAME", "TAGS", "REPO", "BRANCH", "UNREAD", "CONNECTED")
_PROGRAM_HEADS = ("PROGRAMS", "ACTIVE")
_ROLES = ("strong", "tag", "", "faint", "accent", "ok", "", "faint")


def run(command: Command) -> int:
    """List them in order of registration."""
    answer = command.ask("session.list", {"filter": " ".join(command.texts("filter"))})
    if command.is_json:
        for session in elements(members(answer)["sessions"]):
            output.put_json(session)
        return outcome.DONE
    sessions = decode(answer)["sessions"]
    has_windows = any(session["window_count"] for session in sessions)
    windows = decode(command.ask("window.list"))["windows"] if has_windows else []
    heads = _HEADS + _PROGRAM_HEADS if has_windows else _HEADS
    rows = [[*_row(session), *_programs(session["id"], windows)][: len(heads)] for session in sessions]
    if not rows:
        command.say(
            "no session matches" if command.has("filter") else "no sessions; `fugue join NAME` or `fugue new` makes one"
        )
        return outcome.DONE
    for line in lines(heads, rows, _ROLES, paint_for_stdout()):
        output.put(line)
    return outcome.DONE


def _row(session: dict[str, Any]) -> list[str]:
    worktree = session.get("worktree") or {}
    branch = worktree.get("branch") or ("(detached)" if worktree else "")
    return [
        printable(session["name"]),
        printable(" ".join(session["tags"])),
        printable(os.path.basename(session.get("repo") or "")),
        printable(branch),
        str(session["unread"] or ""),
        "yes" if session["attached_clients"] else "",
    ]


def _programs(session: str, windows: list[dict[str, Any]]) -> list[str]:
    """Return what runs in a session, and how long ago any of it has said something."""
    own = [window for window in windows if window["session"] == session]
    latest = max(own, key=lambda window: window.get("last_output_at") or 0, default=None)
    return [printable(", ".join(map(what_runs, own))), activity(latest, time.time()) if latest else ""]


VERB = Verb(
    "ls",
    "List the sessions",
    run=run,
    details="""\
In order of registration. CONNECTED says whether somebody reads its mail right now; what is sent to the others waits.
PROGRAMS, where there are any, are those that fugue runs for it, and how they ended; ACTIVE, when one last printed.

A FILTER is a word to look for anywhere, or tag:TAG, from:NAME, repo:PATH; ! before it negates, * stands for any
characters, and a value with spaces stands in double quotes. They must all match.""",
    arguments=(
        Argument("FILTER", help="list only those that match", is_optional=True, is_repeatable=True, completes=FILTERS),
    ),
    examples=(
        ("fugue ls", "all of them"),
        ("fugue ls tag:builder '!tag:idle'", "those that build and are not idle"),
        ("fugue ls --json | jq -r .name", "their names"),
    ),
)
