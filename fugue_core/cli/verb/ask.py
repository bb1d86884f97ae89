"""`fugue ask`: send a message, and wait for the one that answers it."""

from __future__ import annotations

import time

from fugue_core.cli import outcome, output
from fugue_core.cli.envelope import envelope_block
from fugue_core.cli.outcome import Failure
from fugue_core.cli.payload import PAYLOAD, read_payload
from fugue_core.cli.spec import MESSAGE_TYPES, SECONDS, SESSIONS, TARGETS, UUID, Argument, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.target import read_target
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import connection_lost, new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable
    from fugue_core.client.oneshot import Connection

_WAIT_S = 60.0


def run(command: Command) -> int:
    """Ask, and print the answer."""
    return _Question(command).run()


class _Question:
    """One `fugue ask`, over all the connections that it may take.

    Its message has one id from the beginning, so that a connection after the first may send it again. Once the answer
    is out, `_unacked` has its id, and all that is left to do is to acknowledge it.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._sender = command.identity("from")
        self._id = command.text("id") or new_id()
        message: Encodable = {
            "msg_type": command.required("msg_type"),
            "payload": read_payload(command.text("payload")),
        }
        self._params: Encodable = {
            "target": read_target(command.required("target")),
            "message": message,
            "id": self._id,
        }
        wait_s = command.seconds("wait")
        self._wait_s = _WAIT_S if wait_s is None else wait_s
        self._deadline = time.monotonic() + self._wait_s
        self._unacked: str | None = None

    def run(self) -> int:
        """Send, wait, print, acknowledge; return the exit code."""
        connection = self._command.connect(self._sender, attach=True)
        while True:
            try:
                with connection:
                    return self._ask(connection)
            except connection_lost():
                connection = self._command.reconnect(self._sender, attach=True, give_up_at=self._deadline)

    def _ask(self, connection: Connection) -> int:
        if self._unacked is None:
            self._send(connection)
            answer = self._await(connection)
            if answer is None:
                raise Failure(outcome.WAITED_IN_VAIN, self._in_vain(connection))
            output.put(
                output.json_line(answer) if self._command.is_json else envelope_block(answer, paint_for_stdout())
            )
            self._unacked = decode(members(answer)["id"])
        connection.ask("message.ack", {"ids": [self._unacked]})
        return outcome.DONE

    def _send(self, connection: Connection) -> None:
        receipt = decode(connection.ask("message.send", self._params))
        if not receipt["recipients"]:
            raise Failure(outcome.NO_RECIPIENT, "nobody else is in this repository, so nobody can answer")

    def _await(self, connection: Connection) -> str | None:
        """Return the first answer, or None where none came in time."""
        wait_s = max(0.0, self._deadline - time.monotonic())
        params: Encodable = {"reply_to": self._id, "limit": 1, "wait_s": wait_s}
        received = members(connection.ask("message.receive", params, wait_s=wait_s))
        for envelope in elements(received["envelopes"]):
            return envelope
        # The session's mailbox may have other readers, and one of them may have acknowledged it first.
        sender = decode(members(connection.ask("session.get"))["id"])
        params = {"filter": f"reply:{self._id} to:{sender}", "order": "oldest", "limit": 1}
        for entry in elements(members(connection.ask("message.list", params))["entries"]):
            return members(entry)["envelope"]
        return None

    def _in_vain(self, connection: Connection) -> str:
        deliveries = decode(members(connection.ask("message.get", {"id": self._id}))["deliveries"])
        states = [f"{printable(delivery['recipient']['name'])} {delivery['state']}" for delivery in deliveries]
        return (
            f"no answer to {self._id} within {self._wait_s:g} s ({', '.join(states)}); a later one waits in the mailbox"
        )


VERB = Verb(
    "ask",
    "Send one message and wait for the answer to it",
    run=run,
    details="""\
An answer is a message to the asking session that names the question as what it answers, as `fugue reply` sends it. The
first one is printed and acknowledged; all other mail stays as it is, and so do further answers. A daemon that goes
away meanwhile and comes back makes no difference.

The exit code is 3 where nobody is there to be asked, 124 where nobody has answered in time, 1 where the message was
refused. An answer that comes too late waits in the mailbox like any other mail.""",
    arguments=(
        Argument("TARGET", help="tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH", completes=TARGETS),
        Argument("MSG_TYPE", help="what kind of message it is, in your own words", completes=MESSAGE_TYPES),
        PAYLOAD,
    ),
    options=(
        Option("-w", "--wait", metavar="S", kind=SECONDS, help=f"wait so many seconds; absent: {_WAIT_S:g}"),
        Option("-F", "--from", metavar="SESSION", help="ask as this session", completes=SESSIONS),
        Option("--id", metavar="ID", kind=UUID, help="the message's id; asked again under the same id it arrives once"),
    ),
    examples=(
        ("""fugue ask session:bob build.status '{"branch": "main"}'""", "one session, for up to a minute"),
        ("""fugue ask tag:mayor permission '"may I merge?"' --wait 600 --json""", "whoever answers first, as JSON"),
    ),
)
