"""The real daemon as a process of its own, and a client of it that is nothing but a socket."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
"""How long anything may take; far more than it does, since the machine may be busy with other things."""


class Refused(Exception):
    """The daemon answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['data'].get('name')}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: dict[str, Any] = error["data"]
        self.name: str = error["data"]["name"]


class HungUp(Exception):
    """The daemon ended the connection."""


class Wire:
    """One connection, a line at a time: what `nc -U` would do."""

    def __init__(self, socket_path: str, session: str | None = None, *, greet: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(socket_path)
        self.events: deque[dict[str, Any]] = deque()
        self._unread = b""
        self._last_id = 0
        self.welcome: dict[str, Any] = self.hello(session=session) if greet else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # ----------------------------------------------------------------------------------------------------- lines

    def write(self, *lines: bytes | str) -> None:
        """Write whole lines at once."""
        self.socket.sendall(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))

    def read_line(self) -> bytes:
        """Return the next line. Raises `HungUp` at the end, `TimeoutError` where nothing comes."""
        pieces = [self._unread]
        while b"\n" not in pieces[-1]:
            try:
                read = self.socket.recv(1 << 20)
            except ConnectionResetError:
                read = b""
            if not read:
                raise HungUp(b"".join(pieces))
            pieces.append(read)
        line, _, self._unread = b"".join(pieces).partition(b"\n")
        return line

    def read(self) -> dict[str, Any]:
        """Return the next line's value, be it an answer or an event."""
        value: dict[str, Any] = json.loads(self.read_line())
        assert value["jsonrpc"] == "2.0"
        return value

    def read_to_end(self) -> list[dict[str, Any]]:
        """Return everything until the daemon hangs up."""
        values = []
        with contextlib.suppress(HungUp):
            while True:
                values.append(self.read())
        return values

    def has_input(self) -> bool:
        """Say whether something could be read now, be it the end."""
        return bool(self._unread) or bool(select.select([self.socket], [], [], 0)[0])

    # -------------------------------------------------------------------------------------------------- requests

    def call(self, method: str, **params: Any) -> int:
        """Write a request, and return its id."""
        call_id = self._next_id()
        self.write(line_of(call_id, method, params))
        return call_id

    def call_many(self, requests: Iterable[tuple[str, dict[str, Any]]]) -> list[int]:
        """Write requests in one go, and return their ids."""
        calls = [(self._next_id(), method, params) for method, params in requests]
        self.write(*(line_of(*call) for call in calls))
        return [call_id for call_id, _, _ in calls]

    def answer(self) -> dict[str, Any]:
        """Return the next answer, result or error; events that come before it are put aside."""
        while True:
            reply = self.read()
            if reply.get("method") == "event":
                self.events.append(reply["params"])
            else:
                return reply

    def result(self, call_id: int) -> dict[str, Any]:
        """Return the result of a request, which must be the next to be answered. Raises `Refused`."""
        reply = self.answer()
        assert reply["id"] == call_id, reply
        if "error" in reply:
            raise Refused(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask, and return the result. Raises `Refused`."""
        return self.result(self.call(method, **params))

    def refusal(self, method: str, **params: Any) -> Refused:
        """Ask what must be refused, and return the refusal."""
        try:
            result = self.ask(method, **params)
        except Refused as refused:
            return refused
        raise AssertionError(f"{method} was not refused but answered {result}")

    def next_event(self) -> dict[str, Any]:
        """Return the next event with its number, `{"number": ..., "event": {"kind": ...}}`."""
        if self.events:
            return self.events.popleft()
        reply = self.read()
        assert reply.get("method") == "event", reply
        params: dict[str, Any] = reply["params"]
        return params

    # ----------------------------------------------------------------------------------------------- short forms

    def hello(self, low: int = 2, high: int = 2, session: str | None = None, **params: Any) -> dict[str, Any]:
        client = {"name": "test", "version": "0"}
        return self.ask("hello", protocol={"min": low, "max": high}, client=client, session=session, **params)

    def join(self, name: str, *tags: str, **params: Any) -> dict[str, Any]:
        return self.ask("session.join", name=name, tags=tags, **params)

    def send(self, target: str, payload: Any = None, msg_type: str = "note", **params: Any) -> dict[str, Any]:
        return self.ask("message.send", **sending(target, payload, msg_type), **params)

    def receive(self, **params: Any) -> list[dict[str, Any]]:
        envelopes: list[dict[str, Any]] = self.ask("message.receive", **params)["envelopes"]
        return envelopes

    def sync(self) -> None:
        """Return when the daemon has carried out all that was sent before."""
        self.ask("ping")

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def line_of(call_id: int | str, method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


def sending(target: str, payload: Any = None, msg_type: str = "note") -> dict[str, Any]:
    """Return the params of a `message.send` to a target in its text form."""
    kind, _, value = target.partition(":")
    field = {"tag": ("tagged", "tag"), "session": ("session", "session"), "worktree": ("worktree", "path")}.get(kind)
    wire = {"kind": "broadcast"} if field is None else {"kind": field[0], field[1]: value}
    return {"target": wire, "message": {"msg_type": msg_type, "payload": payload}}


def payloads(envelopes: Iterable[dict[str, Any]]) -> list[Any]:
    return [envelope["message"]["payload"] for envelope in envelopes]


def keeper_pid(socket_path: str) -> int | None:
    """Return the process of the keeper beside a daemon's socket, where there is one."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"{socket_path.removesuffix('.sock')}.keeper")
        except OSError:
            return None
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def end_keeper(socket_path: str) -> None:
    """End the keeper, with all its programs, and return when it is gone; nothing where there is none."""
    pid = keeper_pid(socket_path)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Daemon:
    """A daemon with its socket, its state and its configuration to itself, within the block.

    Args of the constructor:
        directory: Where its state and its configuration are.
        config: The text of `config.toml`.
        start: Start it with the block.
        prelude: Python statements that its process carries out first.
    """

    def __init__(
        self,
        directory: Path,
        *,
        config: str = "",
        start: bool = True,
        prelude: str = "",
    ) -> None:
        # A socket's path has at most 107 bytes, and pytest's directories are long.
        self._runtime = tempfile.TemporaryDirectory(prefix="fugue-")
        self.directory = directory
        self.runtime_dir = Path(self._runtime.name)
        self.socket = str(self.runtime_dir / "test.sock")
        self.state_dir = directory / "state" / "fugue" / "test"
        self.log_path = directory / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._is_started_with_block = start
        self._prelude = prelude
        self._wires: list[Wire] = []
        config_path = directory / "config" / "fugue" / "config.toml"
        config_path.parent.mkdir(parents=True, exist_ok=True)
        config_path.write_text(config)

    def __enter__(self) -> Self:
        if self._is_started_with_block:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for wire in self._wires:
            wire.close()
        if self.process is not None:
            self.kill()
        end_keeper(self.socket)
        self._runtime.cleanup()

    # ------------------------------------------------------------------------------------------------ start and stop

    def start(self) -> None:
        """Start, and return when it listens. Raises `AssertionError` with its last words where it does not."""
        ready = self.try_start()
        assert ready == "ready", f"{ready}\n{self.log()}"

    def try_start(self) -> str:
        """Start, and return what it says of itself: `ready`, `error: WHY`, or nothing where it just ended."""
        with open(self.spawn(), "rb") as pipe:
            said = pipe.readline().decode().strip()
        if said != "ready":
            self.wait()
        return said

    def spawn(self) -> int:
        """Start the process, and return the end of a pipe on which it will say how it went; the caller's to close."""
        assert self.process is None
        reading, writing = os.pipe()
        try:
            with self.log_path.open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, *self._module(), "--socket", self.socket, "--ready-fd", str(writing)],
                    cwd=ROOT,
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[writing],
                )
        finally:
            os.close(writing)
        return reading

    def _module(self) -> list[str]:
        if not self._prelude:
            return ["-m", "fugue_core.daemon"]
        return ["-c", f"{self._prelude}\nimport runpy\nrunpy.run_module('fugue_core.daemon', run_name='__main__')"]

    def environment(self) -> dict[str, str]:
        """Return the environment in which a program finds this daemon."""
        return {
            "HOME": str(self.directory),
            "PATH": os.environ["PATH"],
            "FUGUE_SOCKET": self.socket,
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "XDG_RUNTIME_DIR": str(self.runtime_dir),
            "XDG_STATE_HOME": str(self.directory / "state"),
        }

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def wait(self) -> int:
        """Wait for the process to end; return its exit code."""
        assert self.process is not None
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.wait()

    def stop(self) -> int:
        """End it as `kill PID` does; return its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def restart(self) -> None:
        """Crash it and start it again."""
        self.kill()
        self.start()

    # ----------------------------------------------------------------------------------------------------- looking in

    def connect(self, session: str | None = None, *, greet: bool = True) -> Wire:
        """Return a connection, which is closed with the block at the latest."""
        wire = Wire(self.socket, session, greet=greet)
        self._wires.append(wire)
        return wire

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def memory_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Look again and again until `condition` holds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {condition}"
        time.sleep(0.005)
