"""The keeper: the parent of all programs, and the holder of their terminals; the daemon may die, and they go on.

    python -m fugue_core.terminal.keeper --socket PATH [--ready-fd N] [--idle-s S] [--detach]

It parses no output and knows no messages, so it has no reason to crash or to be upgraded. It reads from no terminal:
while no daemon does, a program that prints waits, and whoever reads next gets the next byte. It is alone at its socket:
`PATH.lock` is locked as long as it lives. It ends by itself `--idle-s` seconds after the last connection and the last
program are gone; on SIGTERM and `stop` with all programs. It imports the standard library only, and little of it.

    --ready-fd N   where one line is said: `ready`, `held` (another keeper has the lock), or `error: ` and why
    --detach       go on as a process that is nobody's child, in a session of its own

The protocol, version 1
-----------------------
A Unix stream socket, open to its own user only; one JSON object a line, both ways. A line with `"fd": true` brings the
master of a terminal, non-blocking, as ancillary data in the order of these lines. Fields that one does not know are
ignored, and an unknown `op` is answered with `error`; a line that is no JSON object, or is longer than `LINE_BYTES`,
ends the connection. There is one daemon at a time: a newer connection replaces the older, which is told
`{"bye": "replaced"}`. Who reads so slowly that more than `OUTBOX_BYTES` wait is disconnected. Nothing is lost by that,
since whoever connects is told everything:

    {"keeper": 1, "pid": N}                                                  the version of the protocol
    {"window": ID, "pid": N, "exit": null or EXIT, "fd": true}               for each window, oldest first
    {"ready": true}

EXIT is `{"code": N, "at": T}` or `{"signal": N, "at": T}`, T in Unix seconds. A window's ID is the daemon's; any text.

    {"op": "spawn", "window": ID, "argv": [...], "env": {...}, "directory": D, "cols": N, "rows": N, "umask": N}
        {"spawned": ID, "pid": N, "fd": true}      it is on its terminal, waits, and nothing of the program has run
        {"refused": ID, "reason": TEXT}            and nothing is left
    {"op": "go", "window": ID}
        {"started": ID}                            the program runs
        {"refused": ID, "reason": TEXT}            and nothing is left
    {"op": "signal", "window": ID, "signal": N, "scope": "session"}
        To every process of the program's session. As long as its window is not forgotten, its id belongs to nobody
        else, so this reaches what it left behind as well.
    {"op": "forget", "window": ID}
        The window is gone; what runs in it is killed. No answer; an answer that was due does not come.
    {"op": "stop"}
        End all programs (SIGHUP, and SIGKILL after a second) and then the keeper.
    {"op": "bind"}
        The programs shall not outlive this daemon: do so, too, when its connection breaks off.

Told when it happens, once, and always after `started`: `{"exited": ID, "pid": N, ...EXIT}`. Where a daemon goes between
`spawn` and `go`, its program is killed and forgotten. Where it goes between `go` and its answer, and the program then
cannot run, the next is told that it exited with code 127, as shells say it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import sys
import time

from fugue_core.terminal import program
from fugue_core.terminal.wire import LINE_BYTES, READ_BYTES, Connection, Gone, is_own_user, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

PROTOCOL_VERSION = 1
IDLE_S = 5.0
STOP_PATIENCE_S = 1.0
"""How long programs have between SIGHUP and SIGKILL, and then to be gone."""

_LOOK_AGAIN_S = 0.02
_BUG_PAUSE_S = 0.1
_LAST_READS = LINE_BYTES // READ_BYTES
_COULD_NOT_RUN = 127
_ENDED = b"it ended before it began"


class _Held(Exception):
    """Another keeper has the lock."""


class _Window:
    """A program, from `spawn` to `forget`.

    Attributes:
        control: How the child says what became of it; None from when it is the program.
        report: What it has said there and was not acted on.
        is_checked: It waits for `go`; `spawned` was said.
        is_gone: It was told `go`.
        is_awaited: The daemon that asked for it is still there.
        exit: How it ended. It is reaped later, when the window is forgotten.
    """

    __slots__ = ("control", "exit", "id", "is_awaited", "is_checked", "is_gone", "master", "pid", "report")

    def __init__(self, window_id: str, pid: int, master: int, control: socket.socket) -> None:
        self.id = window_id
        self.pid = pid
        self.master = master
        self.control: socket.socket | None = control
        self.report = b""
        self.is_checked = False
        self.is_gone = False
        self.is_awaited = True
        self.exit: dict[str, float] | None = None

    @property
    def is_program(self) -> bool:
        """It is past the point where it can be refused."""
        return self.is_gone and self.control is None and not self.report


class Keeper:
    """The windows, the one connection, and the loop.

    Invariant: `_windows` has what a daemon can name; `_unwanted` what was forgotten or refused and has not ended yet.
    Each descriptor has one owner: a window its master and control, until it leaves `_windows`.
    """

    def __init__(self, path: str, listener: socket.socket, idle_s: float) -> None:
        self._path = path
        self._listener = listener
        self._idle_s = idle_s
        self._idle_since = time.monotonic()
        self._windows: dict[str, _Window] = {}
        self._unwanted: list[_Window] = []
        self._connection: Connection | None = None
        self._stop_steps: list[tuple[float, Callable[[], None]]] | None = None
        self._is_term_received = False
        self._is_bound = False
        self._is_over = False
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY)  # given up to accept a daemon when there is no other descriptor
        self._descriptors = _raise_descriptor_limit()
        self._watch(listener.fileno(), select.POLLIN, self._accept)
        self._listen_to_signals()

    def run(self) -> None:
        """Serve until there is nothing more to keep."""
        while not self._is_over:
            try:
                self._turn()
            except Exception:  # noqa: BLE001  # a keeper that ends takes all programs with it; a bug may cost a connection
                sys.excepthook(*sys.exc_info())
                self._disconnect()
                time.sleep(_BUG_PAUSE_S)
        _remove(self._path)

    def _turn(self) -> None:
        for fd, _ in self._poll.poll(self._timeout_ms()):
            if callback := self._callbacks.get(fd):  # it may be gone since the system looked
                callback()
        now = time.monotonic()
        if self._is_term_received:
            self._stop()
        if self._connection and self._connection.send_again_at and now >= self._connection.send_again_at:
            self._flush()
        if self._stop_steps is not None:
            self._go_on_stopping(now)
        elif self._is_idle:
            self._is_over = now >= self._idle_since + self._idle_s
        else:
            self._idle_since = now

    @property
    def _is_idle(self) -> bool:
        return self._connection is None and not self._windows and not self._unwanted

    def _timeout_ms(self) -> int | None:
        if self._stop_steps is not None or (self._connection and self._connection.send_again_at):
            return int(_LOOK_AGAIN_S * 1000)
        if self._is_idle:
            return max(0, int((self._idle_since + self._idle_s - time.monotonic()) * 1000) + 1)
        return None

    def _watch(self, fd: int, events: int, callback: Callable[[], object]) -> None:
        self._callbacks[fd] = callback
        self._poll.register(fd, events)

    def _unwatch(self, fd: int) -> None:
        del self._callbacks[fd]
        self._poll.unregister(fd)

    # -------------------------------------------------------------------------------------------------------- signals

    def _listen_to_signals(self) -> None:
        wake, woken = os.pipe()
        for fd in (wake, woken):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._watch(wake, select.POLLIN, lambda: self._awake(wake))
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the wakeup says it
        signal.signal(signal.SIGTERM, self._on_term)

    def _on_term(self, *_: object) -> None:
        self._is_term_received = True

    def _awake(self, wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(wake, 4096):
                pass
        self._look_for_ends()

    def _look_for_ends(self) -> None:
        for window in [*self._windows.values(), *self._unwanted]:
            if window.exit is None and (exit_ := program.ended(window.pid)) is not None:
                window.exit = {**exit_, "at": time.time()}
                self._has_ended(window)

    # ----------------------------------------------------------------------------------------------------- connection

    def _accept(self) -> None:
        connected = self._accepted()
        if connected is None:
            return
        if not is_own_user(connected):
            connected.close()
            return
        self._look_for_ends()  # so that what is told is how it is
        for _ in range(_LAST_READS):  # what the one before has ordered still counts
            if not self._serve():
                break
        self._disconnect("replaced")
        self._is_bound = False
        self._connection = Connection(connected)
        self._watch(connected.fileno(), select.POLLIN, self._serve)
        self._tell({"keeper": PROTOCOL_VERSION, "pid": os.getpid()})
        for window in list(self._windows.values()):  # to tell may end the connection, and with it windows
            self._tell({"window": window.id, "pid": window.pid, "exit": window.exit, "fd": True}, window)
        self._tell({"ready": True})

    def _accepted(self) -> socket.socket | None:
        for _ in range(2):
            try:
                return self._listener.accept()[0]
            except (BlockingIOError, ConnectionAbortedError):
                return None
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE} or self._spare < 0:
                    raise
                os.close(self._spare)
                self._spare = -1
        return None

    def _disconnect(self, bye: str | None = None) -> None:
        """Let the daemon go, and what only it could have told to begin."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._unwatch(connection.fileno())
        connection.close(bye)
        if self._is_bound and bye is None:
            self._stop()
        for window in list(self._windows.values()):
            window.is_awaited = False
            if not window.is_gone:
                self._forget(window)
        if self._spare < 0:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)

    def _serve(self) -> bool:
        """Write and read what can be; say whether something was read."""
        self._flush()
        connection = self._connection
        if connection is None:
            return False
        try:
            lines = connection.receive()
        except Gone:
            self._disconnect()
            return False
        if lines is None:
            return False
        for line in lines:
            if self._connection is connection:
                self._obey(line)
        if connection.is_overlong and self._connection is connection:
            self._disconnect("line too long")
        return True

    def _tell(self, message: dict[str, object], window: _Window | None = None) -> None:
        self._write(lambda connection: connection.tell(message, window))

    def _flush(self) -> None:
        self._write(Connection.flush)

    def _write(self, write: Callable[[Connection], None]) -> None:
        if self._connection is None:
            return
        try:
            write(self._connection)
        except Gone:
            self._disconnect()
        else:
            self._poll.modify(self._connection.fileno(), self._connection.awaited)

    # --------------------------------------------------------------------------------------------------------- orders

    def _obey(self, line: bytearray) -> None:
        message = parsed(line)
        match message:
            case None:
                self._disconnect("not a JSON object")
            case {"op": "stop"}:
                self._stop()
            case {"op": "bind"}:
                self._is_bound = True
            case {"op": "spawn", "window": str(window_id)}:
                self._spawn(window_id, message)
            case {"op": "go" | "signal" | "forget" as op, "window": str(window_id)}:
                if window := self._windows.get(window_id):
                    {"go": self._go, "signal": self._signal, "forget": self._forget_asked}[op](window, message)
                elif op == "go":
                    self._tell({"refused": window_id, "reason": "there is no such window"})
            case _:
                self._tell({"error": f"no op {message.get('op')!r}, or it names no window"})

    def _spawn(self, window_id: str, message: dict[str, Any]) -> None:
        if window_id in self._windows or self._stop_steps is not None:
            why = "there is a window of this id" if window_id in self._windows else "the keeper is ending"
            self._tell({"refused": window_id, "reason": why})
            return
        try:
            pid, master, control = program.fork(program.Order(message), self._descriptors)
        except OSError as error:
            self._tell({"refused": window_id, "reason": f"no terminal or process for it: {error.strerror}"})
        except ValueError as error:
            self._tell({"refused": window_id, "reason": str(error)})
        else:
            window = self._windows[window_id] = _Window(window_id, pid, master, control)
            self._watch(control.fileno(), select.POLLIN, lambda: self._listen_to(window))

    def _go(self, window: _Window, _: dict[str, Any]) -> None:
        if window.is_gone or not window.is_checked:
            self._tell({"error": f"go: {window.id} does not wait for it"})
        elif window.control is None:
            self._refuse(window)
        else:
            try:
                window.control.send(program.GO)
            except OSError:  # it has ended, and that was not noticed yet
                self._refuse(window)
            else:
                window.is_gone = True

    def _signal(self, window: _Window, message: dict[str, Any]) -> None:
        number = message.get("signal")
        if type(number) is not int or number not in signal.valid_signals():
            self._tell({"error": f"no signal {number!r}"})
        elif message.get("scope") != "session":
            self._tell({"error": f"no scope {message.get('scope')!r}"})
        elif window.is_program:
            program.signal_sessions([window.pid], number)
        else:
            os.kill(window.pid, number)

    def _forget_asked(self, window: _Window, _: dict[str, Any]) -> None:
        self._forget(window)

    # --------------------------------------------------------------------------------------------------- a window's way

    def _listen_to(self, window: _Window) -> None:
        """Take what the child says on its control; it says at most two things, and ends it when it is the program."""
        if window.control is None:
            return
        try:
            while data := window.control.recv(8192):
                window.report += data
        except BlockingIOError:
            pass
        except ConnectionResetError:  # it ended with `go` unread
            window.report += _ENDED
            self._close_control(window)
        else:
            self._close_control(window)
        if not window.is_checked and window.report.startswith(program.CHECKED):
            window.is_checked = True
            window.report = window.report.removeprefix(program.CHECKED)
            self._tell({"spawned": window.id, "pid": window.pid, "fd": True}, window)
        if window.is_program:
            self._tell({"started": window.id})

    def _close_control(self, window: _Window) -> None:
        if window.control is not None:
            self._unwatch(window.control.fileno())
            window.control.close()
            window.control = None

    def _has_ended(self, window: _Window) -> None:
        """Say what an end means: for a program that it exited, before that that it could not begin."""
        if window in self._unwanted:
            self._unwanted.remove(window)
            os.waitpid(window.pid, 0)
            return
        self._listen_to(window)  # all that it said is there by now
        if window.is_program:
            self._tell({"exited": window.id, "pid": window.pid, **(window.exit or {})})
        elif window.is_gone and not window.is_awaited:
            window.exit = {"code": _COULD_NOT_RUN, "at": time.time()}
            window.report = b""
            self._tell({"exited": window.id, "pid": window.pid, **window.exit})
        elif window.is_gone or not window.is_checked:
            self._refuse(window)
        # else `go` is refused when it comes

    def _refuse(self, window: _Window) -> None:
        self._forget(window)
        self._tell({"refused": window.id, "reason": (window.report or _ENDED).decode(errors="replace")})

    def _forget(self, window: _Window) -> None:
        """Let go of a window: kill what runs, give back its terminal, and its process as soon as that can be."""
        if window.exit is None:
            if window.is_program:
                program.signal_sessions([window.pid], signal.SIGKILL)
            else:
                os.kill(window.pid, signal.SIGKILL)
            self._unwanted.append(window)
        else:
            os.waitpid(window.pid, 0)
        self._close_control(window)
        os.close(window.master)
        window.master = -1
        del self._windows[window.id]

    # ------------------------------------------------------------------------------------------------------------ end

    def _stop(self) -> None:
        if self._stop_steps is not None:
            return
        for window in list(self._windows.values()):
            if not window.is_gone:
                self._forget(window)
        now = time.monotonic()
        self._stop_steps = [
            (now, lambda: self._signal_all((signal.SIGHUP, signal.SIGCONT))),
            (now + STOP_PATIENCE_S, lambda: self._signal_all((signal.SIGKILL,))),
            (now + 2 * STOP_PATIENCE_S, self._finish),
        ]

    def _go_on_stopping(self, now: float) -> None:
        steps = self._stop_steps or []
        while steps and now >= steps[0][0]:
            steps.pop(0)[1]()
        if steps and not self._has_anything_left():
            self._finish()

    def _has_anything_left(self) -> bool:
        windows = [*self._windows.values(), *self._unwanted]
        return any(window.exit is None for window in windows) or bool(
            program.processes_of(*(window.pid for window in windows))
        )

    def _signal_all(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            program.signal_sessions([window.pid for window in self._windows.values()], number)

    def _finish(self) -> None:
        for window in list(self._windows.values()):
            self._forget(window)
        _remove(self._path)
        self._disconnect("stopped")
        self._is_over = True


def _raise_descriptor_limit() -> int:
    """Allow as many open files as may be allowed: there is one for each window. Return what the programs shall have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # a system that grants less than its hard limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft


def _listen(path: str) -> socket.socket:
    """Take the lock, which is held until the process ends, and the socket in place of a stale one."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _Held from None
    os.ftruncate(lock, 0)
    os.write(lock, b"keeper %d\n" % os.getpid())
    _remove(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    listener.setblocking(False)  # noqa: FBT003  # its only argument
    return listener


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def main(arguments: list[str]) -> int:
    """Keep programs until there are none; return the exit code."""
    options = {"--ready-fd": "", "--idle-s": str(IDLE_S)}
    words = iter(arguments)
    for word in words:
        options[word] = "" if word == "--detach" else next(words, "")
    path = options.get("--socket")
    if not path or options.keys() - {"--socket", "--ready-fd", "--idle-s", "--detach"}:
        sys.stderr.write("usage: python -m fugue_core.terminal.keeper --socket PATH\n")
        return 2
    if "--detach" in options:
        if os.fork():
            return 0
        os.setsid()
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004  # stdin to stderr must not become a terminal
        pass
    os.close(fd)
    os.umask(0o077)
    listener = None
    try:
        listener = _listen(path)
        word = "ready"
    except _Held:
        word = "held"
    except OSError as error:
        word = f"error: {path}: {error.strerror or error}"
    if ready := options["--ready-fd"]:
        os.write(int(ready), f"{word}\n".encode())
        os.close(int(ready))
    if listener is None:
        return 1
    Keeper(path, listener, float(options["--idle-s"])).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
