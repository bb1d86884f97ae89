"""Send a message and follow its deliveries: `fugue send --wait`."""

from __future__ import annotations

import time

from fugue_core.cli import outcome
from fugue_core.cli.receipt import put_receipt
from fugue_core.client.jsontext import decode, members
from fugue_core.client.oneshot import connection_lost
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable
    from fugue_core.client.oneshot import Connection


def send_and_wait(command: Command, sender: str, params: Encodable, wanted: str, wait_s: float) -> int:
    """Send, print the receipt, wait until every delivery is `wanted`, and say whose is not.

    Args:
        command: Where the daemon is, and how to print.
        sender: Who speaks.
        params: Of `message.send`, with an `id`: it is sent again where a connection is lost.
        wanted: `handed` or `acked`; what is acked has been handed.
        wait_s: Seconds.

    Returns:
        The exit code: all are; one never will be (it is dead or expired); some are not in time.
    """
    return _Following(command, sender, params, wanted, wait_s).run()


class _Following:
    """One message on its way, over all the connections that it may take.

    It subscribes before it sends, so as to miss nothing; what was missed with a lost connection `_look` finds.
    """

    def __init__(self, command: Command, sender: str, params: Encodable, wanted: str, wait_s: float) -> None:
        self._command = command
        self._sender = sender
        self._params = params
        self._wanted = wanted
        self._wait_s = wait_s
        self._deadline = time.monotonic() + wait_s
        self._seq = 0
        self._message = ""
        self._names: dict[str, str] = {}
        self._open: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    def run(self) -> int:
        connection = self._command.connect(self._sender)
        while True:
            try:
                with connection:
                    self._begin(connection)
                    self._follow(connection)
                    return self._verdict()
            except connection_lost():
                connection = self._command.reconnect(self._sender, give_up_at=self._deadline)

    def _begin(self, connection: Connection) -> None:
        connection.ask("events.subscribe")
        receipt = connection.ask("message.send", self._params)
        if not self._message:
            put_receipt(self._command, receipt)
        sent = decode(receipt)
        self._message, self._seq = sent["id"], sent["seq"]
        self._look(connection)

    def _look(self, connection: Connection) -> None:
        """Find out how it stands."""
        deliveries = decode(members(connection.ask("message.get", {"id": self._message}))["deliveries"])
        for delivery in deliveries:
            session = delivery["recipient"]["id"]
            if session not in self._names:
                self._names[session] = printable(delivery["recipient"]["name"])
                self._open[session] = "queued"
            if delivery["handed_at"] is not None:
                self._note(session, "handed", None)
            self._note(session, delivery["state"], delivery["reason"])

    def _follow(self, connection: Connection) -> None:
        """Return when nothing is open any more, or the time is over."""
        while self._open:
            try:
                line = connection.next_notice(max(0.0, self._deadline - time.monotonic()))
            except connection_lost():
                if time.monotonic() >= self._deadline:
                    return
                raise
            if '"deliveries.changed"' in line:
                self._take(decode(line)["params"]["event"])
            elif '"resync"' in line:
                self._look(connection)

    def _take(self, event: dict[str, object]) -> None:
        seqs, session = event.get("seqs"), event.get("session")
        if event["kind"] == "deliveries.changed" and isinstance(seqs, list) and self._seq in seqs:
            self._note(str(session), str(event["state"]), event["reason"])

    def _note(self, session: str, state: str, reason: object) -> None:
        """Take in the state of a delivery. States only go on, so an older one that comes late changes nothing."""
        if session not in self._open:
            return
        if state in {self._wanted, "acked"}:
            del self._open[session]
        elif state in {"dead", "expired"}:
            del self._open[session]
            self._failed[session] = f"{state}: {printable(str(reason))}" if reason else state
        elif state == "handed":
            self._open[session] = state

    def _verdict(self) -> int:
        if not self._open and not self._failed:
            return outcome.DONE
        missing = {**self._failed, **self._open}
        who = ", ".join(f"{name} ({missing[session]})" for session, name in self._names.items() if session in missing)
        within = f" within {self._wait_s:g} s" if self._open else ""
        self._command.say(f"fugue: not {self._wanted}{within}: {who}")
        return outcome.FAILED if self._failed else outcome.WAITED_IN_VAIN
