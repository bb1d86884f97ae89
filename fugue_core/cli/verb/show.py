"""`fugue show`: all that there is to know of one session."""

from __future__ import annotations

import time

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, Argument, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.verb.wake import state
from fugue_core.cli.window import activity, ending
from fugue_core.client.jsontext import decode, members
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command

_LABEL_COLUMNS = 11


def run(command: Command) -> int:
    """Show the session that is named, or else one's own."""
    session = command.text("session") or command.identity(None)
    with command.connect() as connection:
        answer = connection.ask("session.get", {"session": session})
        found = decode(answer)
        has_windows = found["window_count"] and not command.is_json
        windows = decode(connection.ask("window.list", {"session": found["id"]}))["windows"] if has_windows else []
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    paint = paint_for_stdout()
    for label, value in (*_facts(answer), *map(_window, windows)):
        output.put(f"{paint('faint', label.ljust(_LABEL_COLUMNS))}{printable(value)}")
    return outcome.DONE


def _facts(answer: str) -> list[tuple[str, str]]:
    session = decode(answer)
    worktree = session.get("worktree")
    facts = [
        ("name", session["name"]),
        ("id", session["id"]),
        ("tags", ", ".join(session["tags"]) or "none"),
        ("repo", session.get("repo") or "none"),
    ]
    if worktree:
        kind = "the main checkout" if worktree["is_main"] else "a linked worktree"
        facts += [("worktree", f"{worktree['path']} ({kind})"), ("branch", worktree["branch"] or "none (detached)")]
    count = session["attached_clients"]
    return [
        *facts,
        ("unread", str(session["unread"])),
        ("connected", f"{count} connection{'s' if count > 1 else ''}" if count else "no: its mail waits"),
        ("windows", str(session["window_count"])),
        ("wake", state(session["wake"], session["wake_reason"])),
        ("created", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(session["created_at"]))),
        ("metadata", members(answer).get("metadata", "{}")),
    ]


def _window(window: dict[str, Any]) -> tuple[str, str]:
    exited = window.get("exited")
    facts = [
        " ".join(window["command"]),
        ending(exited) if exited else f"pid {window.get('pid')}",
        f"{window['cols']}x{window['rows']}",
        window["directory"],
    ]
    active = activity(window, time.time())
    if active:
        facts.append(f"active {active}")
    if window.get("viewers"):
        facts.append(f"shown {window['viewers']} times" if window["viewers"] > 1 else "shown")
    if window.get("title"):
        facts.append(window["title"])
    return f"window {window['window']}", "  ".join(facts)


VERB = Verb(
    "show",
    "Show all that there is to know of a session",
    run=run,
    arguments=(
        Argument("SESSION", help="its name or id; absent: your own session", is_optional=True, completes=SESSIONS),
    ),
    examples=(("fugue show bob", "its id, tags, place, unread messages"), ("fugue show", "the session of this shell")),
)
