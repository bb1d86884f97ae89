"""The one error tree of fugue, with the names and codes that stand on the wire. No I/O.

    FugueError
    ├── ProtocolError              the peer broke the wire's rules
    │   ├── MalformedLine          -32700  not JSON
    │   ├── InvalidRequest         -32600  JSON, but no JSON-RPC 2.0 request
    │   ├── MethodNotFound         -32601
    │   ├── InvalidParams          -32602  a field is missing or of the wrong type
    │   ├── LineTooLong            -32001
    │   ├── ProtocolMismatch       -32002  no common version, or no `hello` first
    │   └── TooManyWaiting         -32003
    ├── InvalidValue               a person or program wrote something that breaks a rule
    │   ├── InvalidTag             -32010
    │   ├── InvalidName            -32011
    │   ├── InvalidMessageType     -32012
    │   ├── InvalidPayload         -32013
    │   ├── InvalidTarget          -32014
    │   ├── InvalidMetadata        -32015
    │   ├── InvalidFilter          -32016
    │   └── InvalidSchema          -32017
    ├── RequestRefused             understood, and refused
    │   ├── NoIdentity             -32020  the connection speaks for no session
    │   ├── IdentityBound          -32021  the connection speaks for another session already
    │   ├── SessionNotFound        -32022
    │   ├── SessionNameExists      -32023
    │   ├── SessionIdExists        -32024
    │   ├── TooManySessions        -32025
    │   ├── NoRecipients           -32026
    │   ├── NoRepository           -32027
    │   ├── MessageNotFound        -32029
    │   ├── MessageIdExists        -32030
    │   ├── StoreUnavailable       -32031
    │   ├── WindowNotFound         -32032
    │   ├── TooManyWindows         -32033
    │   ├── ProgramNotStarted      -32034
    │   ├── ProgramRuns            -32035
    │   ├── ProgramExited          -32036
    │   ├── InputFull              -32037
    │   ├── ViewNotFound           -32038
    │   ├── ReadOnly               -32039
    │   ├── NoKeeper               -32040
    │   ├── DeliveryRefused        some recipients could not be given it
    │   │   ├── MailboxFull        -32028
    │   │   ├── MailboxShareFull   -32041
    │   │   └── PairTooFast        -32042
    │   ├── ChainTooLong           -32043
    │   ├── BreakerNotFound        -32044
    │   ├── SchemaViolation        -32045
    │   ├── SchemaNotFound         -32046
    │   ├── TooManySchemas         -32047
    │   ├── PayloadUncheckable     -32048
    │   ├── SchemaLibraryMissing   -32049
    │   └── TerminalUnavailable    -32050
    ├── InternalError              -32603  our own bug, seen from the client
    ├── DaemonUnavailable          client side: nobody answers at the socket
    ├── ConnectionLost             client side: the answer never came
    ├── NoAnswer                   client side: nobody has answered a message in time
    ├── WouldBlock                 `MessageReceiver.receive_nowait` on an empty queue
    └── ReceiverClosed             a `MessageReceiver` whose session was unregistered

An error keeps its values as attributes and writes its own text. On the wire its `data` holds the class's name and those
values, so that the other side can raise the same error again (`protocol.rpc.error_from_wire`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


class FugueError(Exception):
    """What fugue raises on purpose; `str(error)` is a sentence for people.

    Subclasses keep each argument of `__init__` as an attribute of the same name; none is called `name`, which on the
    wire is the class's.
    """

    code: ClassVar[int] = -32000

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def values(self) -> dict[str, object]:
        """Return what the error was made of, by the names of the arguments of `__init__`."""
        code = type(self).__init__.__code__
        return {name: getattr(self, name) for name in code.co_varnames[1 : code.co_argcount]}


class ProtocolError(FugueError):
    """The peer broke the rules of the wire."""


class MalformedLine(ProtocolError):
    """A line is not JSON in UTF-8."""

    code = -32700

    def __init__(self, reason: str) -> None:
        super().__init__(f"the line is not JSON: {reason}")
        self.reason = reason


class InvalidRequest(ProtocolError):
    """A line is JSON, but no JSON-RPC 2.0 request."""

    code = -32600

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a JSON-RPC 2.0 request: {reason}")
        self.reason = reason


class MethodNotFound(ProtocolError):
    """There is no such method."""

    code = -32601

    def __init__(self, method: str, near: Sequence[str] = ()) -> None:
        super().__init__(f"no method {method!r}{_did_you_mean(near)}")
        self.method = method
        self.near = tuple(near)


class InvalidParams(ProtocolError):
    """A field of a request is missing, of the wrong type or out of range."""

    code = -32602

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason


class LineTooLong(ProtocolError):
    """A peer sent a line over the limit; it was thrown away up to its newline."""

    code = -32001

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"line of {size_bytes:,} bytes or more exceeds the limit of {limit_bytes:,}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class ProtocolMismatch(ProtocolError):
    """The two sides have no version of the protocol in common, or `hello` did not come first."""

    code = -32002

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyWaiting(ProtocolError):
    """One connection has too many unanswered requests that wait."""

    code = -32003

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit:,} requests wait on this connection")
        self.limit = limit


class InvalidValue(FugueError):
    """Something that a person or a program wrote breaks a rule; `rule` says which."""

    noun: ClassVar[str] = "value"

    def __init__(self, value: str, rule: str) -> None:
        super().__init__(f"{self.noun} {shorten(value)}: {rule}")
        self.value = value
        self.rule = rule


class InvalidTag(InvalidValue):
    """A tag, or a set of tags, breaks the rules of `protocol.session.check_tag`."""

    code = -32010
    noun = "tag"


class InvalidName(InvalidValue):
    """A session name breaks the rules of `protocol.session.check_session_name`."""

    code = -32011
    noun = "session name"


class InvalidMessageType(InvalidValue):
    """A `msg_type` breaks the rules of `protocol.message.check_msg_type`."""

    code = -32012
    noun = "message type"


class InvalidPayload(InvalidValue):
    """A payload is not JSON, or is nested too deeply."""

    code = -32013
    noun = "payload"


class InvalidTarget(InvalidValue):
    """A target's text form cannot be read, or its path is not absolute."""

    code = -32014
    noun = "target"


class InvalidMetadata(InvalidValue):
    """A metadata key breaks its rules, or a session's metadata grows too large."""

    code = -32015
    noun = "metadata"


class InvalidFilter(InvalidValue):
    """A filter's text cannot be read."""

    code = -32016
    noun = "filter"


class InvalidSchema(InvalidValue):
    """What was given for a message type is no JSON Schema, or one that could take too long; `value` is the type."""

    code = -32017
    noun = "schema of"


class RequestRefused(FugueError):
    """The daemon understood a request and refuses it; nothing was changed unless the error says so."""


class NoIdentity(RequestRefused):
    """The request needs to know who speaks, and this connection speaks for no session."""

    code = -32020

    def __init__(self, method: str) -> None:
        super().__init__(f"{method}: this connection speaks for no session; name one in `hello` or join first")
        self.method = method


class IdentityBound(RequestRefused):
    """A connection's identity is bound once and never changes."""

    code = -32021

    def __init__(self, session: str) -> None:
        super().__init__(f"this connection speaks for {session} already; open another for another session")
        self.session = session


class SessionNotFound(RequestRefused):
    """No session has this id or name."""

    code = -32022

    def __init__(self, session: str, near: Sequence[str] = ()) -> None:
        super().__init__(f"no session {shorten(session)}{_did_you_mean(near)}")
        self.session = session
        self.near = tuple(near)


class SessionNameExists(RequestRefused):
    """Another session has this name."""

    code = -32023

    def __init__(self, session_name: str) -> None:
        super().__init__(f"a session is named {session_name!r} already; take another name, or resume that one")
        self.session_name = session_name


class SessionIdExists(RequestRefused):
    """A session has, or had, this id."""

    code = -32024

    def __init__(self, session: str) -> None:
        super().__init__(f"session id {session} is taken by another session, alive or ended")
        self.session = session


class TooManySessions(RequestRefused):
    """The daemon holds as many sessions as it may."""

    code = -32025

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit:,} sessions already, the limit; end some, or raise `limits.sessions`")
        self.limit = limit


class NoRecipients(RequestRefused):
    """Nobody but perhaps the sender is at this target; nothing was sent."""

    code = -32026

    def __init__(self, target: str) -> None:
        super().__init__(f"no recipient at {target}")
        self.target = target


class NoRepository(RequestRefused):
    """A broadcast goes to the sender's repository, and the sender has none; nothing was sent."""

    code = -32027

    def __init__(self, session: str) -> None:
        super().__init__(f"broadcast reaches the sender's repository, and {session} has none")
        self.session = session


class DeliveryRefused(RequestRefused):
    """At least one recipient could not be given it. Those in `delivered` have the message, those in `refused` do not.

    What is raised is one of its subclasses, by the reason for the first of `refused`.

    Class attributes:
        reason: What such a delivery is dead of.

    Attributes:
        refused: Who was not given it, in order of registration; never empty.
        delivered: Who received it; empty means that nothing was stored or queued.
        message_id: The id under which it was stored; None from a bare router, or where nobody received it.
        seq: Likewise.
        names: The names of `refused` where they are known, for the text.
        reasons: Of each of `refused`, where they are not all the same.
    """

    reason: ClassVar[str] = "refused"

    def __init__(  # noqa: PLR0913, PLR0917  # who, who else, what, and why
        self,
        refused: Sequence[UUID],
        delivered: Sequence[UUID],
        message_id: UUID | None = None,
        seq: int | None = None,
        names: Sequence[str] = (),
        reasons: Sequence[str] = (),
    ) -> None:
        self.refused = tuple(refused)
        self.delivered = tuple(delivered)
        self.message_id = message_id
        self.seq = seq
        self.names = tuple(names)
        self.reasons = tuple(reasons)
        super().__init__(self._words())

    def _words(self) -> str:
        groups: dict[str, list[str]] = {}
        for place, who in enumerate(self.names or self.refused):
            groups.setdefault(self.reasons[place] if self.reasons else self.reason, []).append(str(who))
        why = "; ".join(f"{reason}: {_listed(group)}" for reason, group in groups.items())
        return f"{why}; {len(self.delivered):,} of {len(self.delivered) + len(self.refused):,} received it"


class MailboxFull(DeliveryRefused):
    """At least one recipient had no room."""

    code = -32028
    reason = "mailbox full"


class MailboxShareFull(DeliveryRefused):
    """At least one recipient holds as much of this sender's that is not acknowledged as one sender may have there."""

    code = -32041
    reason = "mailbox share full"


class PairTooFast(DeliveryRefused):
    """The sender and at least one recipient answer each other too fast; nothing passes until they are released.

    Attributes:
        session: The sender's name.
        turns, turns_s: The limit: so many turns within so many seconds.
    """

    code = -32042
    reason = "pair too fast"

    def __init__(  # noqa: PLR0913, PLR0917  # what the other refusals have, and how fast is too fast
        self,
        refused: Sequence[UUID],
        delivered: Sequence[UUID],
        message_id: UUID | None = None,
        seq: int | None = None,
        names: Sequence[str] = (),
        reasons: Sequence[str] = (),
        session: str = "",
        turns: int = 0,
        turns_s: float = 0.0,
    ) -> None:
        self.session = session
        self.turns = turns
        self.turns_s = turns_s
        super().__init__(refused, delivered, message_id, seq, names, reasons)

    def _words(self) -> str:
        fast = [
            str(who)
            for place, who in enumerate(self.names or self.refused)
            if not self.reasons or self.reasons[place] == self.reason
        ]
        return (
            f"{super()._words()}; over {self.turns:,} turns within {self.turns_s:g} s."
            f" A person may release it: fugue breaker release {self.session} {fast[0]}"
        )


class ChainTooLong(RequestRefused):
    """A chain of replies has gone on for too long; nothing was sent.

    Attributes:
        chain: Its first message.
        hops: How many replies it would have had with this one.
        limit: How many it may have; another `limits.hops` once it is released.
    """

    code = -32043

    def __init__(self, chain: UUID, hops: int, limit: int) -> None:
        super().__init__(
            f"chain too long: this would be reply {hops:,} in a row since {chain}, the limit is {limit:,}."
            f" A person may release it: fugue breaker release {chain}"
        )
        self.chain = chain
        self.hops = hops
        self.limit = limit


class BreakerNotFound(RequestRefused):
    """Nothing is refused for this chain, or between these two sessions, so that there is nothing to release."""

    code = -32044

    def __init__(self, breaker: str) -> None:
        super().__init__(f"no breaker has tripped for {shorten(breaker)}")
        self.breaker = breaker


class MessageNotFound(RequestRefused):
    """No stored message has this id; it may never have been, or retention has removed it."""

    code = -32029

    def __init__(self, message: str) -> None:
        super().__init__(f"no message {shorten(message)}")
        self.message = message


class MessageIdExists(RequestRefused):
    """A message id was used again for something else; nothing was sent.

    A retry must repeat the sender, the target, the type and the payload.
    """

    code = -32030

    def __init__(self, message: str) -> None:
        super().__init__(f"message id {message} belongs to another message already; a retry must repeat it exactly")
        self.message = message


class StoreUnavailable(RequestRefused):
    """The disk refused; nothing that was acknowledged is lost, and this request changed nothing."""

    code = -32031

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store cannot write: {reason}")
        self.reason = reason


class WindowNotFound(RequestRefused):
    """The session has no window of this number; `window` is None where it has none at all."""

    code = -32032

    def __init__(self, session: str, window: int | None = None) -> None:
        what = "no window: it only joined" if window is None else f"no window {window}"
        super().__init__(f"session {session} has {what}")
        self.session = session
        self.window = window


class TooManyWindows(RequestRefused):
    """The daemon holds as many windows as it may."""

    code = -32033

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit:,} windows already, the limit; kill some, or raise `limits.windows`")
        self.limit = limit


class ProgramNotStarted(RequestRefused):
    """A program could not be started; nothing of it is left."""

    code = -32034

    def __init__(self, program: str, reason: str) -> None:
        super().__init__(f"cannot start {shorten(program)}: {reason}")
        self.program = program
        self.reason = reason


class ProgramRuns(RequestRefused):
    """A window's program has not exited, so that no other can take its place."""

    code = -32035

    def __init__(self, session: str, window: int) -> None:
        super().__init__(f"the program in window {window} of {session} still runs; kill it first, or ask for that, too")
        self.session = session
        self.window = window


class ProgramExited(RequestRefused):
    """A window's program has exited, so that nobody reads what is typed."""

    code = -32036

    def __init__(self, session: str, window: int) -> None:
        super().__init__(f"the program in window {window} of {session} has exited")
        self.session = session
        self.window = window


class InputFull(RequestRefused):
    """A program does not read what is typed, and too much of it waits already; nothing of this was typed."""

    code = -32037

    def __init__(self, session: str, window: int, limit_bytes: int) -> None:
        super().__init__(
            f"the program in window {window} of {session} does not read; {limit_bytes:,} bytes may wait for it"
        )
        self.session = session
        self.window = window
        self.limit_bytes = limit_bytes


class ViewNotFound(RequestRefused):
    """This connection looks at nothing under that number; it may have ended."""

    code = -32038

    def __init__(self, view: int) -> None:
        super().__init__(f"no view {view} on this connection")
        self.view = view


class ReadOnly(RequestRefused):
    """A view was asked for to look only; what is typed in it goes nowhere."""

    code = -32039

    def __init__(self, view: int) -> None:
        super().__init__(f"view {view} is read-only")
        self.view = view


class TerminalUnavailable(RequestRefused):
    """The daemon cannot read and write a client's terminal by itself; the client can go on doing that."""

    code = -32050

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the terminal {path} cannot be used: {reason}")
        self.path = path
        self.reason = reason


class NoKeeper(RequestRefused):
    """The process that holds the programs is not there and cannot be started."""

    code = -32040

    def __init__(self, reason: str) -> None:
        super().__init__(f"programs cannot be run: {reason}")
        self.reason = reason


class SchemaViolation(RequestRefused):
    """A payload breaks the schema of its type; nothing was sent.

    Attributes:
        faults: The first of what is wrong: `field` (a JSON Pointer into the payload, empty for all of it), `keyword`
            and `expected` (the rule, as the schema has it), `found` (empty where it is an object or an array).
        has_more: There are others.
        repo: Whose schema it is; None: the one for all repositories.
    """

    code = -32045

    def __init__(
        self,
        msg_type: str,
        faults: Sequence[dict[str, str]],
        has_more: bool = False,  # noqa: FBT001, FBT002  # `values` looks at arguments that have a place
        repo: str | None = None,
    ) -> None:
        more = "; and more" if has_more else ""
        super().__init__(f"{shorten(msg_type)} breaks its schema: {'; '.join(map(_fault, faults))}{more}")
        self.msg_type = msg_type
        self.faults = tuple(faults)
        self.has_more = has_more
        self.repo = repo


class SchemaNotFound(RequestRefused):
    """There is no schema for this message type: none of this repository, or of all where that is None."""

    code = -32046

    def __init__(self, msg_type: str, repo: str | None = None) -> None:
        whose = "that is for all repositories" if repo is None else f"of {repo}"
        super().__init__(f"no schema for {shorten(msg_type)} {whose}")
        self.msg_type = msg_type
        self.repo = repo


class TooManySchemas(RequestRefused):
    """The daemon holds as many schemas as it may."""

    code = -32047

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit:,} schemas already, the limit; remove some, or raise `limits.schemas`")
        self.limit = limit


class PayloadUncheckable(RequestRefused):
    """A payload is too long for as dear a schema as its type has; nothing was sent."""

    code = -32048

    def __init__(self, msg_type: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{shorten(msg_type)}: {size_bytes:,} bytes of payload would take too long to be held against the schema;"
            f" with this one the limit is {limit_bytes:,}"
        )
        self.msg_type = msg_type
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class SchemaLibraryMissing(RequestRefused):
    """This installation has no library for schemas, so that none can be set, and no message sent that has one."""

    code = -32049

    def __init__(self, reason: str) -> None:
        super().__init__(f"the library for schemas is not there; `pip install jsonschema-rs`: {reason}")
        self.reason = reason


class InternalError(FugueError):
    """The daemon met a bug of its own; its log has the trace."""

    code = -32603

    def __init__(self, reason: str) -> None:
        super().__init__(f"the daemon failed on this request: {reason}")
        self.reason = reason


class DaemonUnavailable(FugueError):
    """Nobody answers at the socket, and none could be started."""

    def __init__(self, socket_path: str, reason: str) -> None:
        super().__init__(f"no daemon at {socket_path}: {reason}")
        self.socket_path = socket_path
        self.reason = reason


class ConnectionLost(FugueError):
    """The connection ended before the answer came."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"connection to the daemon lost: {reason}")
        self.reason = reason


class NoAnswer(FugueError):
    """Nobody has answered a message in time; an answer may come yet, and then waits in the mailbox."""

    def __init__(self, message_id: UUID, wait_s: float) -> None:
        super().__init__(f"no answer to {message_id} within {wait_s:g} s")
        self.message_id = message_id
        self.wait_s = wait_s


class WouldBlock(FugueError):
    """The receiver is empty."""

    def __init__(self) -> None:
        super().__init__("no message is waiting")


class ReceiverClosed(FugueError):
    """The receiver's session was unregistered, and all that it had received is read."""

    def __init__(self) -> None:
        super().__init__("the session of this receiver was unregistered")


def shorten(value: str, limit: int = 80) -> str:
    """Return `value` quoted for an error text, cut where it is longer than `limit` characters."""
    return repr(value) if len(value) <= limit else f"{value[:limit]!r}... ({len(value):,} characters)"


def _fault(fault: dict[str, str]) -> str:
    """Return what is wrong with a payload in a few words: `/amount: minimum 1, found 0`."""
    field, found = fault.get("field", ""), fault.get("found", "")
    where = (field if field.isprintable() else repr(field)) or "the payload"
    return f"{where}: {fault.get('keyword')} {fault.get('expected')}" + (f", found {found}" if found else "")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""  # noqa: PLR2004
    return ", ".join(names[:5]) + more


def _did_you_mean(near: Sequence[str]) -> str:
    return f"; did you mean {', '.join(near)}?" if near else ""
