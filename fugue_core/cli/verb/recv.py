"""`fugue recv`: the messages that wait for a session."""

from __future__ import annotations

import time

from fugue_core.cli import outcome, output
from fugue_core.cli.envelope import envelope_block
from fugue_core.cli.output import OutputClosed
from fugue_core.cli.spec import COUNT, SECONDS, SESSIONS, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import Connection, connection_lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

_PAGE = 100
_LONG_WAIT_S = 600.0


def run(command: Command) -> int:
    """Print what waits, and acknowledge what is out."""
    return _Reading(command).run()


class _Reading:
    """One `fugue recv`, over all the connections that it may take.

    A message is printed, then acknowledged. Where the daemon goes away in between, `_unacked` keeps the ids, and the
    next connection acknowledges them before it can be handed them again.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._paint = paint_for_stdout()
        self._session = command.identity("as")
        self._is_following = command.has("follow")
        self._is_peeking = command.has("peek")
        self._left = command.whole("limit")
        wait_s = command.seconds("wait") or 0.0
        self._deadline = time.monotonic() + wait_s
        self._can_wait = self._is_following or wait_s > 0
        self._unacked: list[str] = []
        self._last_seq = 0
        self._has_printed = False

    def run(self) -> int:
        """Read as much as was asked for; return the exit code."""
        connection = self._command.connect(self._session, attach=self._can_wait)
        while True:
            try:
                with connection:
                    self._read(connection)
            except connection_lost():
                if not self._can_wait:
                    raise
                give_up_at = None if self._is_following else self._deadline
                connection = self._command.reconnect(self._session, attach=True, give_up_at=give_up_at)
            else:
                break
        if not self._has_printed and self._command.has("wait"):
            return outcome.WAITED_IN_VAIN
        return outcome.DONE

    def _read(self, connection: Connection) -> None:
        """Print page after page until there is nothing left to do."""
        self._acknowledge(connection)
        while self._left is None or self._left > 0:
            wait_s = self._wait_s()
            params = {"limit": min(_PAGE, self._left or _PAGE), "wait_s": wait_s, "peek": self._is_peeking}
            if self._is_peeking:
                params["after"] = self._last_seq
            received = members(connection.ask("message.receive", params, wait_s=wait_s))
            envelopes = elements(received["envelopes"])
            if envelopes:
                self._print(envelopes, connection)
            if self._is_following:
                continue
            if envelopes and received["remaining"] == "0":
                return
            if not envelopes and (self._has_printed or time.monotonic() >= self._deadline):
                return

    def _wait_s(self) -> float:
        if self._is_following:
            return _LONG_WAIT_S
        return 0.0 if self._has_printed else max(0.0, self._deadline - time.monotonic())

    def _print(self, envelopes: list[str], connection: Connection) -> None:
        """Write the envelopes out, then acknowledge those that are out; raise `OutputClosed` where not all are."""
        blocks = [f"{self._shown(envelope)}\n".encode(errors="backslashreplace") for envelope in envelopes]
        count = len(blocks)
        closed = None
        try:
            output.put_bytes(b"".join(blocks))
        except OutputClosed as error:
            closed = error
            count = _whole_blocks(blocks, error.written_bytes)
        out = [decode(envelope) for envelope in envelopes[:count]]
        if not self._is_peeking:
            self._unacked += [envelope["id"] for envelope in out]
        if out:
            self._has_printed = True
            self._last_seq = out[-1]["seq"]
        if self._left is not None:
            self._left -= len(out)
        self._acknowledge(connection)
        if closed:
            raise closed

    def _shown(self, envelope: str) -> str:
        return output.json_line(envelope) if self._command.is_json else envelope_block(envelope, self._paint)

    def _acknowledge(self, connection: Connection) -> None:
        if self._unacked:
            connection.ask("message.ack", {"ids": self._unacked})
            self._unacked = []


def _whole_blocks(blocks: list[bytes], written_bytes: int) -> int:
    """Return how many of `blocks` are out where only so many bytes are."""
    count = 0
    for block in blocks:
        written_bytes -= len(block)
        if written_bytes < 0:
            break
        count += 1
    return count


VERB = Verb(
    "recv",
    "Print the messages that wait for a session, and acknowledge them",
    run=run,
    details="""\
Prints every message that was sent to the session and is not acknowledged, oldest first, and acknowledges it once it is
written out. What is not acknowledged is never lost: a message whose reader dies before that is handed out again.

The session is --as, or else the one of this shell, $FUGUE_SESSION. With nothing to print, the exit code is 0; or 124
where --wait was given and the time is over.""",
    options=(
        Option(
            "-w", "--wait", metavar="S", kind=SECONDS, help="where there is nothing, wait so many seconds for something"
        ),
        Option("-f", "--follow", help="go on for ever: print each message as it comes"),
        Option("-n", "--limit", metavar="N", kind=COUNT, help="stop after so many messages"),
        Option("-p", "--peek", help="only look: acknowledge nothing, so that all of it comes again"),
        Option("-a", "--as", metavar="SESSION", help="read the mail of this session", completes=SESSIONS),
    ),
    examples=(
        ("fugue recv", "what waits, now"),
        ("fugue recv --wait 60 --limit 1 --json", "the next message, as JSON; exit code 124 if none comes in a minute"),
        ("fugue recv --follow --json | while read -r envelope; do ...; done", "deal with each as it comes"),
    ),
)
