"""The log as `fugue log` and the welcome print it: what was sent, and what is sent from now on."""

from __future__ import annotations

import os

from fugue_core.cli import output
from fugue_core.cli.envelope import ShownEnvelope
from fugue_core.cli.style import Paint
from fugue_core.cli.table import columns, cut
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import connection_lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, NoReturn

    from fugue_core.client.jsontext import Encodable
    from fugue_core.client.oneshot import Connection
    from fugue_core.filter import Filter, Key

_PAGE = 500
_OPEN_MESSAGES = 10_000
"""Messages that a filter with `state:` watches for a change of state; then the oldest is forgotten."""

_SENDER_COLUMNS, _TARGET_COLUMNS, _TYPE_COLUMNS = 10, 15, 16
_LEAST_PAYLOAD_COLUMNS = 12


class Entry:
    """One message of the log.

    Attributes:
        envelope: Its JSON, as the daemon wrote it.
        counts: How many of its deliveries are in each state; a state without any may be absent.
    """

    def __init__(self, envelope: str, counts: dict[str, int]) -> None:
        self.envelope = envelope
        self.counts = counts


class Printer:
    """Write entries to stdout, each at once: a line for people, or the envelope as JSON."""

    def __init__(self, paint: Paint, *, is_json: bool) -> None:
        self._paint = paint
        self._is_json = is_json

    def put(self, entry: Entry) -> None:
        """Write one. Raises `OutputClosed`."""
        output.put(output.json_line(entry.envelope) if self._is_json else self._line(entry))

    def _line(self, entry: Entry) -> str:
        shown = ShownEnvelope(entry.envelope)
        state, role = _state(entry.counts)
        sender, target = shown.sender.ljust(_SENDER_COLUMNS), shown.target.ljust(_TARGET_COLUMNS)
        msg_type, payload = shown.msg_type.ljust(_TYPE_COLUMNS), shown.payload
        if output.is_terminal():
            taken = columns(f"{shown.time}  {sender} → {target}  {msg_type}    {state}")
            room = max(_LEAST_PAYLOAD_COLUMNS, os.get_terminal_size(1).columns - taken)
            payload = cut(payload, room)
            payload += " " * (room - columns(payload))
        paint = self._paint
        target = paint("tag", target) if target.startswith("tag:") else target
        return (
            f"{paint('faint', shown.time)}  {paint('strong', sender)} → {target}  {msg_type}"
            f"  {paint('faint', payload)}  {paint(role, state)}"
        )


def newest(connection: Connection, words: str, limit: int, *, up_to: int | None = None) -> list[Entry]:
    """Return the last `limit` messages (with `up_to`: of those up to this seq) that fit the filter, oldest first."""
    found: list[Entry] = []
    params: dict[str, Encodable] = {"filter": words}
    if up_to is not None:
        params["before"] = up_to + 1
    while len(found) < limit:
        page = members(connection.ask("message.list", {**params, "limit": min(_PAGE, limit - len(found))}))
        found += map(_entry, elements(page["entries"]))
        if page["next"] == "null":
            break
        params["before"] = int(page["next"])
    return found[::-1]


def after(connection: Connection, words: str, seq: int) -> Iterator[Entry]:
    """Give the messages after `seq` that fit the filter, oldest first, page by page."""
    while True:
        params: dict[str, Encodable] = {"filter": words, "order": "oldest", "after": seq, "limit": _PAGE}
        page = members(connection.ask("message.list", params))
        yield from map(_entry, elements(page["entries"]))
        if page["next"] == "null":
            return
        seq = int(page["next"])


class LiveLog:
    """Print what is sent from now on, and outlive the daemon: what was sent meanwhile is printed when it is back.

    A message is printed once, as soon as it fits the filter: with `state:acked`, when the first recipient acknowledges.
    """

    def __init__(self, words: str, printer: Printer) -> None:
        """Read the filter. Raises `InvalidFilter`."""
        from fugue_core.filter import parse_filter  # noqa: PLC0415  # msgspec; `fugue log` without -f needs none

        self._words = words
        self._filter: Filter = parse_filter(words)
        self._has_states = any(term.key == "state" for term in self._filter.terms)
        self._printer = printer
        self._last_seq: int | None = None
        self._repos: dict[str, str | None] = {}
        self._open: dict[int, _Sent] = {}

    def run(
        self, connection: Connection, reconnect: Callable[[], Connection], *, begin_with: int, since: int | None
    ) -> NoReturn:
        """Print for ever.

        Args:
            connection: To begin with.
            reconnect: Returns another when that is lost.
            begin_with: So many messages that were sent before come first.
            since: Instead of these, all that were sent after this seq.
        """
        self._last_seq = since
        while True:
            try:
                with connection:
                    self._begin(connection, begin_with)
                    while True:
                        self._notice(connection, decode_event(connection.next_notice()))
            except connection_lost():
                connection = reconnect()

    def _begin(self, connection: Connection, begin_with: int) -> None:
        snapshot = decode(connection.ask("events.subscribe"))["snapshot"]
        if self._last_seq is None:
            self._last_seq = snapshot["last_seq"]
            for entry in newest(connection, self._words, begin_with, up_to=self._last_seq):
                self._printer.put(entry)
        self._catch_up(connection, snapshot)

    def _catch_up(self, connection: Connection, snapshot: dict[str, Any]) -> None:
        """Print what was sent since the last message that we know, up to `snapshot`; what follows comes as events."""
        self._repos = {session["id"]: session.get("repo") for session in snapshot["sessions"]}
        self._open.clear()
        for entry in after(connection, self._words, self._last_seq or 0):
            if decode(entry.envelope)["seq"] > snapshot["last_seq"]:
                break
            self._printer.put(entry)
        self._last_seq = snapshot["last_seq"]

    def _notice(self, connection: Connection, event: dict[str, str]) -> None:
        kind = decode(event["kind"])
        if kind == "message.sent":
            self._sent(_Sent(event, self._repos))
        elif kind == "deliveries.changed":
            self._changed(decode(event["session"]), decode(event["state"]), decode(event["seqs"]))
        elif kind in {"session.joined", "session.changed"}:
            session = decode(event["session"])
            self._repos[session["id"]] = session.get("repo")
        elif kind == "resync":
            self._catch_up(connection, decode(event["snapshot"]))

    def _sent(self, sent: _Sent) -> None:
        self._last_seq = sent.seq
        if self._filter.matches(sent.fields()):
            self._printer.put(sent.entry())
        elif self._has_states:
            self._open[sent.seq] = sent
            if len(self._open) > _OPEN_MESSAGES:
                del self._open[next(iter(self._open))]

    def _changed(self, session: str, state: str, seqs: list[int]) -> None:
        for seq in seqs:
            sent = self._open.get(seq)
            if sent is None:
                continue
            sent.states[session] = state
            if self._filter.matches(sent.fields()):
                self._printer.put(sent.entry())
                del self._open[seq]


class _Sent:
    """A message that was sent while we looked on, with the state of each delivery, by the recipient's id."""

    def __init__(self, event: dict[str, str], repos: dict[str, str | None]) -> None:
        # what a filter needs anyway; `fugue log` without -f comes without
        import msgspec  # noqa: PLC0415

        from fugue_core.protocol.envelope import Envelope, Recipient  # noqa: PLC0415

        self.envelope = event["envelope"]
        self._decoded = msgspec.json.decode(self.envelope, type=Envelope)
        self.seq = self._decoded.seq
        recipients, refused = (
            msgspec.json.decode(event.get(name, "[]"), type=list[Recipient]) for name in ("recipients", "refused")
        )
        self.states = {str(recipient.id): "queued" for recipient in recipients}
        self.states.update({str(recipient.id): "dead" for recipient in refused})
        self._recipients = [*recipients, *refused]
        self._repo = repos.get(str(self._decoded.sender.id))

    def entry(self) -> Entry:
        counts: dict[str, int] = {}
        for state in self.states.values():
            counts[state] = counts.get(state, 0) + 1
        return Entry(self.envelope, counts)

    def fields(self) -> Mapping[Key, Iterable[str]]:
        """Return what the words of a filter are compared with."""
        from fugue_core.filter import message_fields  # noqa: PLC0415  # as above

        return message_fields(self._decoded, self._recipients, self.states.values(), self._repo)


def decode_event(line: str) -> dict[str, str]:
    """Return the members of the event in a line of the wire, each as JSON."""
    return members(members(members(line)["params"])["event"])


def _entry(text: str) -> Entry:
    found = members(text)
    return Entry(found["envelope"], decode(found["deliveries"]))


def _state(counts: dict[str, int]) -> tuple[str, str]:
    """Return the state of a message in a few characters, and the role of their colour."""
    total = sum(counts.values())
    acked = counts.get("acked", 0)
    if not total:
        return "- none", "faint"
    if lost := counts.get("dead", 0) + counts.get("expired", 0):
        word = "dead" if counts.get("dead") else "expired"
        return f"✗{lost}/{total} {word}", "bad"
    return (f"✓{acked}/{total}", "ok") if acked == total else (f"…{acked}/{total}", "wait")
