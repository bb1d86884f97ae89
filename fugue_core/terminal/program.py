"""A program on a terminal of its own: begun in two steps, and signalled together with all that it started.

The keeper imports this module, and it must stay small: the standard library, and little of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import signal
import socket
import stat
import struct
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any, NoReturn

GO = b"g"
"""What the child waits for, on its control socket, before it becomes the program."""
CHECKED = b"+"
"""What the child says when nothing seems to stand in the way of the program. All else that it says is why it failed."""
DEFAULT_UMASK = 0o022
KILL_ROUNDS = 16
"""How often a session is looked through for processes that were forked while it was being killed."""

_CONTROL = 3
_COULD_NOT_RUN = 127
_REASON_BYTES = 4096
_IUTF8 = 0o40000  # of Linux and macOS; `termios` does not name it

Steps = tuple[tuple[signal.Signals, float], ...]
POLITE_STEPS: Steps = ((signal.SIGHUP, 1.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0))
"""What is sent to a session that shall end, and for how many seconds it is waited for after each."""


class Order:
    """What to run, and in what surroundings.

    Raises:
        ValueError: A part is missing or is not what it must be; the text says which.
    """

    __slots__ = ("argv", "columns", "directory", "env", "rows", "umask")

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.argv = _texts("argv", parts.get("argv"))
        if not self.argv or not self.argv[0]:
            raise ValueError("argv names no program")
        env = parts.get("env")
        if not isinstance(env, dict):
            raise ValueError("env is no object")  # noqa: TRY004  # one kind of fault: what the order says
        self.env = dict(zip(_texts("env", list(env)), _texts("env", list(env.values())), strict=True))
        self.directory = _texts("directory", [parts.get("directory")])[0]
        self.columns = _size("cols", parts.get("cols"))
        self.rows = _size("rows", parts.get("rows"))
        umask = parts.get("umask", DEFAULT_UMASK)
        if type(umask) is not int or not 0 <= umask <= 0o777:  # noqa: PLR2004  # a mode has nine bits
            raise ValueError("umask is no mode")
        self.umask = umask


class _Refused(Exception):
    """The child found that the program cannot begin; the text says why."""


def fork(order: Order, descriptors: int) -> tuple[int, int, socket.socket]:
    """Make a terminal and a child on it that is ready to become the program; return its id, the master, its control.

    The child looks whether the directory and the program are there, says `CHECKED` or why not on its control, and waits
    for `GO`. Its control ends when it has become the program. It ends by itself when our end of the control is closed.

    Args:
        order: What it shall run.
        descriptors: How many open files the program may have (the soft limit).

    Raises:
        OSError: There is no terminal, descriptor or process left to take. Nothing is left behind.
    """
    master, slave = os.openpty()
    ours: socket.socket | None = None
    try:
        os.set_blocking(master, False)
        _set_up(slave, order)
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)  # noqa: FBT003  # its only argument
            # What arrives before the child has its own answer to signals would be taken by the keeper's
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                pid = os.fork()
                if pid == 0:
                    _become(order, slave, theirs.fileno(), descriptors)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    except OSError:
        os.close(master)
        if ours is not None:
            ours.close()
        raise
    finally:
        os.close(slave)
    return pid, master, ours


def ended(pid: int) -> dict[str, int] | None:
    """Return the exit `code` or the `signal` of a child that has ended, None while it lives; it stays to be reaped."""
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if end is None:
        return None
    return {"code" if end.si_code == os.CLD_EXITED else "signal": end.si_status}


def process_start(pid: int) -> int | None:
    """Return when a process began, in clock ticks since the machine did; 0: the system does not say; None: no such.

    Two processes that had the same id began at different times.
    """
    try:
        fields = _stat(pid)
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return None
    except ProcessLookupError:
        return None
    else:
        return None if fields[0] == b"Z" else int(fields[19])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # another user's, and alive
    return 0


def processes_of(*leaders: int) -> list[int]:
    """Return the living processes in the sessions of these leaders, whether the leaders live or not; zombies do not.

    Where there is no `/proc`, only the leaders that live. Cost: one look through all processes.
    """
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except FileNotFoundError:
        pids = list(leaders)
    sessions = set(leaders)
    return [pid for pid in pids if _session_of(pid) in sessions and process_start(pid) is not None]


def signal_sessions(leaders: Collection[int], number: int) -> None:
    """Send a signal to every process in the sessions of these leaders.

    A leader's id must still be its own: the process is not reaped, or its session has processes. SIGKILL is sent until
    nobody new is found, since a process may fork while the others are looked for; any other signal once to each.
    """
    for leader in leaders:
        _kill(leader, number)
    reached = set(leaders)
    if not os.path.isdir("/proc/self"):
        for leader in leaders:
            _kill(-leader, number)
        return
    for _ in range(KILL_ROUNDS if number == signal.SIGKILL else 1):
        found = set(processes_of(*leaders)) - reached
        if not found:
            return
        for pid in found:
            _kill(pid, number)
        reached |= found


async def end_session(leader: int, began: int | None, steps: Steps = POLITE_STEPS) -> list[int]:
    """End all processes in the session of a leader that may be gone, and return those that would not.

    For what is left where nobody holds the leader's id any more. A process that has it by now and began at another time
    than `began` (`process_start`, taken while the leader lived) is left alone: nothing of the session was left when
    the id was given out again.
    """
    import asyncio  # noqa: PLC0415  # the keeper imports this module and has no use for it

    loop = asyncio.get_running_loop()
    left = _left_of(leader, began)
    for number, patience_s in steps:
        if not left:
            break
        signal_sessions([leader], number)
        deadline = loop.time() + patience_s
        while (left := _left_of(leader, began)) and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # nothing tells of processes that are not our children
    return left


def _left_of(leader: int, began: int | None) -> list[int]:
    now = process_start(leader)
    return processes_of(leader) if now is None or now == began else []


def _texts(part: str, values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) and "\0" not in value for value in values):
        raise ValueError(f"{part} is not made of texts without NUL")
    return values


def _size(part: str, value: object) -> int:
    if type(value) is not int or not 1 <= value <= 0xFFFF:  # noqa: PLR2004  # the kernel's unsigned short
        raise ValueError(f"{part} is no size")
    return value


def _set_up(terminal: int, order: Order) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", order.rows, order.columns, 0, 0))
    attributes = termios.tcgetattr(terminal)
    attributes[0] |= _IUTF8  # so that the erase key takes away a character and not a byte
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def _become(order: Order, terminal: int, control: int, descriptors: int) -> NoReturn:
    """Be the child: never return."""
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(terminal, fd)
        if control != _CONTROL:
            os.dup2(control, _CONTROL, inheritable=False)
        os.closerange(_CONTROL + 1, os.sysconf("SC_OPEN_MAX"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors if hard < 0 else min(descriptors, hard), hard))
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(order.umask)
        _enter(order.directory)
        path = _find(order.argv[0], order.env)
        os.write(_CONTROL, CHECKED)
        if os.read(_CONTROL, 1) == GO:
            _execute(path, order.argv, order.env)
    except (_Refused, OSError, ValueError) as error:
        os.write(_CONTROL, str(error).encode(errors="replace")[:_REASON_BYTES])
    finally:
        os._exit(_COULD_NOT_RUN)


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except FileNotFoundError:
        raise _Refused(f"no such directory: {directory}") from None
    except OSError as error:
        raise _Refused(f"{directory}: {error.strerror}") from None


def _find(program: str, env: Mapping[str, str]) -> str:
    """Return the path of a program as `execvpe` would find it; unlike that, know before it is run that it can be."""
    denied: str | None = None
    for path in _places(program, env):
        try:
            is_directory = stat.S_ISDIR(os.stat(path).st_mode)
        except PermissionError:
            denied = denied or f"{path}: {os.strerror(errno.EACCES)}"
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                denied = denied or f"{path}: {error.strerror}"
        else:
            if not is_directory and os.access(path, os.X_OK):
                return path
            denied = denied or f"{path}: {os.strerror(errno.EISDIR if is_directory else errno.EACCES)}"
    raise _Refused(denied or f"no such program: {program}")


def _places(program: str, env: Mapping[str, str]) -> Iterable[str]:
    if "/" in program:
        return (program,)
    return (os.path.join(directory or ".", program) for directory in env.get("PATH", os.defpath).split(os.pathsep))


def _execute(path: str, argv: list[str], env: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(path, argv, env)  # noqa: S606  # what the order names, and no shell in between
    except FileNotFoundError:  # it was there a moment ago
        raise _Refused(f"{path}: the interpreter that its first line names is not there") from None
    except OSError as error:
        raise _Refused(f"{path}: {error.strerror}") from None


def _stat(pid: int) -> list[bytes]:
    """Return what the system says of a process, from its state on."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()  # the name before it may hold anything


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or has become another user's
        os.kill(pid, number)
