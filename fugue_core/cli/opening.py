"""A session with a program that is shown in this terminal from its first byte on, however soon it exits."""

from __future__ import annotations

from fugue_core.cli import output
from fugue_core.cli.attachment import Attachment, view_params
from fugue_core.cli.livelog import decode_event
from fugue_core.cli.prefix import prefix
from fugue_core.cli.window import ending, exit_code
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import Refused, connection_lost
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_NEWS_PATIENCE_S = 2.0
"""How long the daemon may take to tell how a program ended of which it has just said that it has."""


class Opening:
    """Makes a session, and looks at its window as soon as there is one.

    The daemon tells of a session before its program begins. So who hears of it on one connection, and asks for the view
    on another, is nearly always faster than a program that exits at once and takes with it all that it printed. Where
    the program is faster all the same, there is still to be said how it ended.
    """

    def __init__(self, command: Command) -> None:
        """Prepare. Raises `Failure` where the configuration names no key to get away with."""
        self._command = command
        self._prefix = prefix()
        self._news = command.connect()
        self._news.ask("events.subscribe")
        self._stage = command.connect()
        self._session = ""
        self._attached: dict[str, Any] | None = None
        self._exited: dict[str, Any] | None = None

    def create(self, request: dict[str, Encodable]) -> str:
        """Make the session, and return it as JSON. `request` has an id. Raises `Refused`."""
        self._session = str(request["id"])
        try:
            return self._news.ask("session.create", request, on_notice=self._notice)
        except connection_lost():
            self._attached = None
            self._stage = self._command.connect()
            return self._command.ask("session.create", request)  # the id makes that safe

    def show(self, session: dict[str, Any]) -> int:
        """Show the program until something ends that; return its exit code where it has ended, else 0."""
        attached = self._attached or self._attach()
        if attached is None:
            exited = self._how_it_ended()
            self._command.say(f"[{printable(session['name'])} {ending(exited)} before it could be shown]")
            return exit_code(exited)
        self._news.close()
        return Attachment(self._command, session, self._prefix, ends_as_program=True).run(self._stage, attached)

    def _notice(self, line: str) -> None:
        event = decode_event(line)
        kind = decode(event["kind"])
        if kind == "session.joined" and decode(event["session"])["id"] == self._session:
            self._attached = self._attach()
        elif kind == "window.closed" and decode(event["session"]) == self._session:
            self._exited = decode(event["exited"])

    def _attach(self) -> dict[str, Any] | None:
        """Begin the view; None where the window is gone."""
        try:
            answer = self._stage.ask("window.attach", view_params(self._session, None, output.terminal_size()))
        except Refused as refused:
            if refused.name not in {"SessionNotFound", "WindowNotFound"}:
                raise
            return None
        attached: dict[str, Any] = decode(answer)
        return attached

    def _how_it_ended(self) -> dict[str, Any] | None:
        try:
            while self._exited is None:
                self._notice(self._news.next_notice(_NEWS_PATIENCE_S))
        except connection_lost():
            return None
        return self._exited
