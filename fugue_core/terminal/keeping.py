"""The daemon's end of the keeper: start it, learn what it holds, have programs run. The wire is told in `keeper`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fugue_core.errors import NoKeeper, ProgramNotStarted
from fugue_core.protocol.lines import LineCutter
from fugue_core.protocol.window import ProgramExit
from fugue_core.terminal import keeper, wire
from fugue_core.terminal.program import DEFAULT_UMASK

_log = logging.getLogger(__name__)

START_PATIENCE_S = 10.0
"""How long a keeper may take to be there, and to say what it holds."""
STOP_PATIENCE_S = 10.0
OUTBOX_BYTES = 64 * 1024 * 1024
"""What may wait for a keeper that does not read. It always reads; one that does not is given up."""

_LINE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_LOOK_AGAIN_S = 0.02
_DESCRIPTORS_AT_ONCE = 16
_FULL = "too many open files in the daemon"
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_LEFT_OUT = {"FUGUE_SESSION", "FUGUE_WINDOW"}
_READY = b"ready\n"
_HELD = b"held\n"


class Kept(NamedTuple):
    """What the keeper holds of a window.

    Attributes:
        pid: The program's process, the leader of its session.
        master: A descriptor of its terminal, non-blocking. Whoever is given it closes it. -1: this process had no
            descriptor left to take it with.
        exit: None while it runs.
    """

    pid: int
    master: int
    exit: ProgramExit | None = None


class Keeper:
    """The keeper as the daemon sees it.

    What is told arrives in the order in which it happened, and `on_exit` is called after the task that waited for `go`
    has had its turn. After `close`, `stop` or `on_lost` nothing more is told.

    Attributes:
        pid: The keeper's process.
        kept: What it held when it was connected to, oldest first. The descriptors are the caller's.
        bye: Why it let this connection go, where it said so: `replaced` means that it lives, and another is its daemon.
    """

    def __init__(
        self,
        connection: socket.socket,
        on_exit: Callable[[str, ProgramExit], None],
        on_lost: Callable[[], None],
    ) -> None:
        self.pid = 0
        self.kept: dict[str, Kept] = {}
        self.bye: str | None = None
        self._socket = connection
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._lines = LineCutter(_LINE_BYTES)
        self._descriptors: deque[int] = deque()
        self._outbox = bytearray()
        self._is_open = True
        self._is_connected = False
        self._ready: asyncio.Future[bool] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._answers: dict[str, asyncio.Future[Kept | None]] = {}  # a window has one question at a time
        self._programs: dict[str, str] = {}  # of what was not started yet, for the texts of errors
        self._pids: dict[str, int] = {}  # of what was not forgotten: what was under way before is not told
        self._loop.add_reader(connection.fileno(), self._read)

    @classmethod
    async def open(
        cls,
        socket_path: str,
        *,
        start: bool,
        on_exit: Callable[[str, ProgramExit], None],
        on_lost: Callable[[], None],
    ) -> Keeper | None:
        """Connect to the keeper at a socket; where none runs, start one, or return None.

        Whoever was connected before is not any more. The socket's directory must be there and nobody else's.

        Args:
            socket_path: Where it listens. `.lock` and `.log` beside it are its own as well.
            start: Start it where none runs. However many do so at once, there is one.
            on_exit: Called with the window of each program that exits from now on; those in `kept` may have before.
            on_lost: Called once when the connection ends and we did not end it. To open again without `start` says
                whether the keeper still lives; where it does not, its programs are to be ended with `end_session`.

        Raises:
            NoKeeper: It could not be started, or there is one and it does not answer.
        """
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            found = await cls._connect(socket_path, on_exit, on_lost, deadline)
            if found is not None or not start:
                return found
            if time.monotonic() >= deadline:
                raise NoKeeper(f"a keeper holds {socket_path}.lock and does not answer at its socket")
            if not await asyncio.to_thread(_start, socket_path):
                await asyncio.sleep(_LOOK_AGAIN_S)  # another is just beginning, or ending

    @classmethod
    async def _connect(
        cls,
        socket_path: str,
        on_exit: Callable[[str, ProgramExit], None],
        on_lost: Callable[[], None],
        deadline: float,
    ) -> Keeper | None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)  # noqa: FBT003  # its only argument
            connection.connect(socket_path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            raise NoKeeper(f"{socket_path}: {error.strerror or error}") from error
        self = cls(connection, on_exit, on_lost)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                self._is_connected = await self._ready
        except TimeoutError:
            raise NoKeeper(f"the keeper at {socket_path} does not answer") from None
        finally:
            if not self._is_connected:
                self.close()
                for kept in self.kept.values():
                    _close(kept.master)
        return self if self._is_connected else None  # it was just ending

    # ---------------------------------------------------------------------------------------------------------- asked

    async def spawn(  # noqa: PLR0913, PLR0917  # what the system needs to begin a program
        self,
        window: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        directory: str,
        cols: int,
        rows: int,
        *,
        umask: int = DEFAULT_UMASK,
    ) -> Kept:
        """Have a program made ready on a new terminal of this size; nothing of it runs before `go`.

        Args:
            window: An id that no other window of this keeper has.
            argv: The program, looked for in the PATH of `env`, and its arguments.
            env: All of its environment.
            directory: Where it runs.
            cols: Columns of its terminal.
            rows: Rows of its terminal.
            umask: What it may not give to others of the files that it makes.

        Raises:
            ProgramNotStarted: There is no such program or directory, it is not ours to run, or the system has no room.
                Nothing is left.
            NoKeeper: The keeper is gone.
        """
        program = argv[0] if argv else ""
        where = {"directory": directory, "cols": cols, "rows": rows, "umask": umask}
        line = _line({"op": "spawn", "window": window, "argv": list(argv), "env": dict(env), **where})
        if len(line) > wire.LINE_BYTES:
            raise ProgramNotStarted(program, "the arguments and the environment are too long")
        self._programs[window] = program
        kept = await self._ask(window, line)
        if kept is None or kept.master < 0:
            self.forget(window)
            raise ProgramNotStarted(program, _FULL)
        return kept

    async def go(self, window: str) -> None:
        """Let the program of a window begin; return when it has.

        Raises:
            ProgramNotStarted: It could not after all. Nothing is left, and the caller closes the terminal.
            NoKeeper: The keeper is gone.
        """
        await self._ask(window, _line({"op": "go", "window": window}))
        self._programs.pop(window, None)

    def signal(self, window: str, number: int) -> None:
        """Send a signal to all processes in the session of a window's program, also where that itself has exited."""
        self._write(_line({"op": "signal", "window": window, "signal": number, "scope": "session"}))

    def forget(self, window: str) -> None:
        """Have the keeper give up a window: what still runs in it is killed, and nothing is told of it any more."""
        self._programs.pop(window, None)
        self._pids.pop(window, None)
        self._write(_line({"op": "forget", "window": window}))

    def bind(self) -> None:
        """Have the keeper end, with all its programs, when this process does, however that ends."""
        self._write(_line({"op": "bind"}))

    async def stop(self) -> None:
        """End all programs (SIGHUP, after a second SIGKILL) and the keeper; return when it is gone.

        Programs that exit are still told. Raises `NoKeeper` where it does not end.
        """
        if not self._is_open:
            return
        self._on_lost = _nothing
        self._write(_line({"op": "stop"}))
        try:
            async with asyncio.timeout(STOP_PATIENCE_S):
                await asyncio.shield(self._ended)
        except TimeoutError:
            self.close()
            raise NoKeeper(f"the keeper (process {self.pid}) does not end") from None

    def close(self) -> None:
        """Only disconnect: the keeper and its programs go on, but for those that were not told to go."""
        self._on_lost = self._on_exit = _nothing
        self._end("the daemon has left the keeper")

    async def _ask(self, window: str, line: bytes) -> Kept | None:
        if not self._is_open:
            raise NoKeeper("the keeper is gone")
        answer: asyncio.Future[Kept | None] = self._loop.create_future()
        self._answers[window] = answer
        self._write(line)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None and (kept := answer.result()):
                _close(kept.master)  # it came, and nobody is there to take it
            self.forget(window)
            raise
        finally:
            if self._answers.get(window) is answer:
                del self._answers[window]

    def _write(self, line: bytes) -> None:
        if not self._is_open:
            return
        is_waiting = bool(self._outbox)
        self._outbox += line
        if len(self._outbox) > OUTBOX_BYTES:
            self._end("the keeper does not read")
        elif not is_waiting:
            self._flush()

    def _flush(self) -> None:
        try:
            while self._outbox:
                del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            self._loop.add_writer(self._socket.fileno(), self._flush)
        except OSError:
            self._outbox.clear()  # that it has ended is read, after what it said last
            self._loop.remove_writer(self._socket.fileno())
        else:
            self._loop.remove_writer(self._socket.fileno())

    # ----------------------------------------------------------------------------------------------------------- told

    def _read(self) -> None:
        room = socket.CMSG_SPACE(_DESCRIPTORS_AT_ONCE * struct.calcsize("i"))
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(_READ_BYTES, room, _CLOSE_ON_EXEC)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(f"the connection to the keeper failed: {error.strerror}")
            return
        for level, kind, packed in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                count = len(packed) // struct.calcsize("i")
                self._descriptors.extend(struct.unpack(f"{count}i", packed[: count * struct.calcsize("i")]))
        if flags & socket.MSG_CTRUNC:
            self._descriptors.append(-1)  # the system brings one at a time, and this one we had no room for
        if not data:
            self._end("the keeper is gone")
            return
        block, too_long = self._lines.feed(data)
        if too_long is not None:
            self._end(f"the keeper speaks another language: {too_long}")
        for line in block.splitlines():
            if self._is_open:
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:  # noqa: C901, PLR0912  # a case for each kind of line
        master = self._descriptors.popleft() if message.get("fd") and self._descriptors else -1
        if master >= 0:
            os.set_inheritable(master, False)  # noqa: FBT003  # its only argument
        match message:
            case {"keeper": int(version), "pid": int(pid)}:
                self.pid = pid
                if version != keeper.PROTOCOL_VERSION:
                    ours = keeper.PROTOCOL_VERSION
                    self._ready.set_exception(NoKeeper(f"the keeper speaks version {version}, and not {ours}"))
                    self._end("it speaks another version")
            case {"window": str(window), "pid": int(pid), "exit": exit_}:
                self._pids[window] = pid
                self.kept[window] = Kept(pid, master, None if exit_ is None else _exit(exit_))
            case {"ready": True}:
                self._ready.set_result(True)
            case {"spawned": str(window), "pid": int(pid)}:
                if answer := self._awaited(window):
                    self._pids[window] = pid
                    answer.set_result(Kept(pid, master))
                else:
                    _close(master)  # it was forgotten since
            case {"started": str(window)}:
                if answer := self._awaited(window):
                    answer.set_result(None)
            case {"refused": str(window), "reason": str(reason)}:
                self._pids.pop(window, None)
                program = self._programs.pop(window, "")
                if answer := self._awaited(window):
                    answer.set_exception(ProgramNotStarted(program, reason))
            case {"exited": str(window), "pid": int(pid)}:
                # In a moment, so that whoever waits for `go` or `open` goes on first
                self._loop.call_soon(self._tell_exit, window, pid, _exit(message))
            case {"bye": str(reason)}:
                self.bye = reason
            case {"error": str(reason)}:
                _log.error("the keeper refused: %s", reason)
            case _:
                _close(master)  # a newer keeper's

    def _awaited(self, window: str) -> asyncio.Future[Kept | None] | None:
        answer = self._answers.pop(window, None)
        return None if answer is None or answer.done() else answer

    def _tell_exit(self, window: str, pid: int, exit_: ProgramExit) -> None:
        if self._pids.get(window) == pid:
            self._on_exit(window, exit_)

    def _end(self, reason: str) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        while self._descriptors:
            _close(self._descriptors.popleft())
        self._ended.set_result(None)
        if not self._ready.done():
            self._ready.set_result(False)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(NoKeeper(reason))
        if self._is_connected:
            self._loop.call_soon(self._tell_lost)

    def _tell_lost(self) -> None:
        self._on_lost()


def _start(socket_path: str) -> bool:
    """Start a keeper and wait until it listens. False: another holds the lock, and is or was about to."""
    read, write = os.pipe()
    try:
        with open(f"{socket_path}.log", "ab", opener=_open_private) as log:
            subprocess.run(  # noqa: S603  # our own interpreter and module
                [
                    *(sys.executable, "-m", keeper.__name__),
                    *("--socket", socket_path, "--ready-fd", str(write), "--detach"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: value for name, value in os.environ.items() if name not in _LEFT_OUT},
                pass_fds=(write,),
                check=True,
            )
        os.close(write)
        write = -1
        said = _read_line(read)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoKeeper(f"the keeper could not be started: {error}") from error
    finally:
        _close(read)
        _close(write)
    if said not in {_READY, _HELD}:
        why = said.decode(errors="replace").strip() or f"no word from it; its last ones are in {socket_path}.log"
        raise NoKeeper(f"the keeper could not be started: {why}")
    return said == _READY


def _read_line(pipe: int) -> bytes:
    """Return the keeper's line, or what there is of it where it ended or took too long."""
    line = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not line.endswith(b"\n") and poll.poll(START_PATIENCE_S * 1000) and (read := os.read(pipe, 4096)):
        line += read
    return line


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _exit(values: Mapping[str, Any]) -> ProgramExit:
    return ProgramExit(code=values.get("code"), signal=values.get("signal"), at=values["at"])


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _nothing(*_: object) -> None:
    pass
