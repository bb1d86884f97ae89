"""The synchronous client of the command line: quick to import, one connection, one request after the other.

It speaks the wire of `protocol.requests` in JSON texts (see `jsontext`) and knows nothing of the requests themselves,
so a command pays for what it asks and not for all that could be asked. Programs use `fugue_core.connect` instead.
"""

from __future__ import annotations

import _socket
import os
import sys
import time

from fugue_core import __version__
from fugue_core.client import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from fugue_core.client.jsontext import Encodable
    from fugue_core.errors import ConnectionLost

ANSWER_PATIENCE_S = 30.0
"""How long an answer may take beyond what the request itself allows."""

NONE_RUNS = "none runs"
"""The reason of a `DaemonUnavailable` that means no fault."""

_PROTOCOL = 2
_READ_BYTES = 256 * 1024
_PEER_CREDENTIALS_BYTES = 12  # struct ucred: pid, uid, gid
_STDERR = 2


class Refused(Exception):
    """The daemon refused a request; `errors` lists what there is.

    Attributes:
        code: As on the wire.
        name: Of the class in `errors`, `SessionNotFound`.
        message: A sentence for people.
        data: The values of the error, by name.
    """

    def __init__(self, code: int, name: str, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.data = data


def ask(
    socket_path: str, method: str, params: Encodable = None, *, session: str | None = None, may_start: bool = True
) -> str:
    """Ask one thing on a connection of its own; return the JSON text of the result.

    Where the connection is lost before the answer, the request goes out once more: it must be one that may be repeated.

    Raises:
        Refused, DaemonUnavailable, ConnectionLost: As `Connection.ask`.
    """
    with Connection(socket_path, session, may_start=may_start) as connection:
        try:
            return connection.ask(method, params)
        except connection_lost():
            pass
    with Connection(socket_path, session, may_start=may_start) as connection:
        return connection.ask(method, params)


class Connection:
    """A connection to the daemon, which is started where none runs (unless `may_start` is False).

    `hello` travels with the first request, in one write. What the daemon refuses in it, the first request raises.
    """

    def __init__(
        self, socket_path: str, session: str | None = None, *, attach: bool = False, may_start: bool = True
    ) -> None:
        """Connect. Raises `DaemonUnavailable`.

        Args:
            socket_path: Absolute.
            session: Id or name of the session to speak for; None for none.
            attach: Be counted in `attached_clients`; False for who is gone in a moment.
            may_start: Start the daemon where none runs.
        """
        self.socket_path = socket_path
        self.notices: list[str] = []
        """Lines with events that came while an answer was awaited; `next_notice` takes them out."""
        self._socket = _connect(socket_path, may_start=may_start)
        self._unread = b""
        self._last_id = 1
        self._unsent = call_line(
            1,
            "hello",
            {
                "protocol": {"min": _PROTOCOL, "max": _PROTOCOL},
                "client": {"name": "fugue", "version": __version__},
                "session": session,
                "attach": attach,
            },
        )
        self._is_greeted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; again does nothing."""
        self._socket.close()

    def ask(
        self,
        method: str,
        params: Encodable = None,
        *,
        wait_s: float = 0.0,
        on_notice: Callable[[str], None] | None = None,
    ) -> str:
        """Ask, and return the JSON text of the result.

        Args:
            method: As on the wire.
            params: An object, or None for none.
            wait_s: How long the daemon may take by what is asked; `ANSWER_PATIENCE_S` come on top.
            on_notice: Given each line with an event that comes before the answer; absent: they go to `notices`.

        Raises:
            Refused: The daemon understood, and says no.
            ConnectionLost: No answer came. What was asked may have been done, or not.
        """
        self._last_id += 1
        self._socket.settimeout(wait_s + ANSWER_PATIENCE_S)
        self._write(self._unsent + call_line(self._last_id, method, params))
        self._unsent = b""
        if not self._is_greeted:
            self._answer(1, on_notice)
            self._is_greeted = True
        return self._answer(self._last_id, on_notice)

    def next_notice(self, wait_s: float | None = None) -> str:
        """Return the next line with an event; wait for it so long (None: for ever). Raises `ConnectionLost`."""
        if self.notices:
            return self.notices.pop(0)
        self._socket.settimeout(wait_s)
        return self._next_line()

    def release(self) -> tuple[_socket.socket, bytes]:
        """Give up the socket, and what was read of it and not taken, to who waits for more things than one.

        Something must have been asked before.
        """
        return self._socket, self._unread

    def _answer(self, call_id: int, on_notice: Callable[[str], None] | None) -> str:
        while True:
            line = self._next_line()
            try:
                reply = jsontext.members(line)
            except jsontext.BadJson as error:
                raise _lost(f"what answers there is no fugue daemon ({error})") from error
            if "error" in reply:  # of a line that the daemon could not read it says `"id": null`
                raise refusal(reply["error"])
            if "id" not in reply:
                (on_notice or self.notices.append)(line)
            elif reply["id"] == str(call_id):
                return reply["result"]

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon may have said why before it hung up: let the reading find out
        except OSError as error:
            raise _lost(str(error)) from error

    def _next_line(self) -> str:
        pieces = []
        newline = self._unread.find(b"\n")
        while newline < 0:
            pieces.append(self._unread)
            try:
                self._unread = self._socket.recv(_READ_BYTES)
            except TimeoutError as error:
                raise _lost("the daemon is there, but does not answer") from error
            except OSError as error:
                raise _lost(str(error)) from error
            if not self._unread:
                raise _lost("the daemon hung up")
            newline = self._unread.find(b"\n")
        pieces.append(self._unread[:newline])
        self._unread = self._unread[newline + 1 :]
        return b"".join(pieces).decode(errors="replace")


def connection_lost() -> type[ConnectionLost]:
    """Return the class of `errors` by which a connection ends; for an `except` that costs nothing until then."""
    from fugue_core.errors import ConnectionLost  # noqa: PLC0415  # `typing` is dear, and this is rare

    return ConnectionLost


def refusal(error: str) -> Refused:
    """Return what the daemon said no with, from the JSON text of an answer's `error`."""
    found = jsontext.decode(error)
    data = found.get("data") or {}
    return Refused(found["code"], str(data.get("name", "")), str(found["message"]), data)


def new_id() -> str:
    """Return a fresh id, as `fugue_core.identifier` makes them, without importing `uuid`."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF000 << 64) & ~(0xC000 << 48) | (7 << 76) | (2 << 62)
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def call_line(call_id: int | None, method: str, params: Encodable) -> bytes:
    """Return a request as it goes over the wire; without an id, a notification."""
    call: dict[str, Encodable] = {"jsonrpc": "2.0", "method": method}
    if call_id is not None:
        call["id"] = call_id
    if params is not None:
        call["params"] = params
    return jsontext.encode(call).encode() + b"\n"


def _connect(socket_path: str, *, may_start: bool) -> _socket.socket:
    try:
        return _open(socket_path)
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
        if not may_start:
            raise _unavailable(socket_path, NONE_RUNS) from None
    except OSError as error:
        raise _unavailable(socket_path, error.strerror or str(error)) from error
    from fugue_core.client.start import start_daemon  # noqa: PLC0415  # rare

    start_daemon(socket_path)
    try:
        return _open(socket_path)
    except OSError as error:
        raise _unavailable(socket_path, f"it started, and {error.strerror or error}") from error


def _open(socket_path: str) -> _socket.socket:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    while connection.fileno() <= _STDERR:
        _placeholders.append(connection)
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(socket_path)
        _check_owner(connection, socket_path)
    except BaseException:  # ctrl+c too: nothing is caught here, the socket only goes where nobody else will close it
        connection.close()
        raise
    return connection


_placeholders: list[_socket.socket] = []
"""Sockets that got the number of a standard stream that was closed: what is printed must not reach the daemon."""


def _check_owner(connection: _socket.socket, socket_path: str) -> None:
    """Raise `DaemonUnavailable` where somebody else listens in our daemon's place; the daemon looks at us likewise."""
    option = getattr(_socket, "SO_PEERCRED", None)
    if option is None:  # Linux has it; elsewhere the mode of the directory must do
        return
    credentials = connection.getsockopt(_socket.SOL_SOCKET, option, _PEER_CREDENTIALS_BYTES)
    uid = int.from_bytes(credentials[4:8], sys.byteorder)
    if uid != os.getuid():
        raise _unavailable(socket_path, f"another user (uid {uid}) listens there")


def _unavailable(socket_path: str, reason: str) -> Exception:
    from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `typing` is dear, and this is rare

    return DaemonUnavailable(socket_path, reason)


def _lost(reason: str) -> Exception:
    return connection_lost()(reason)
