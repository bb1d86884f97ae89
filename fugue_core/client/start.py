"""Start the daemon where none runs: one, however many clients ask for it at once.

A client that can connect never comes here, so this module may import what it needs; `subprocess` it imports only
where it is the one that starts the daemon.
"""

from __future__ import annotations

import _socket
import contextlib
import fcntl
import os
import select
import stat
import sys
import time

from fugue_core import place

START_PATIENCE_S = 30.0
"""How long a daemon may take until it is ready. One that has an old store to look through takes its time."""
LOOK_AGAIN_S = 0.02
_READY = b"ready"
_ERROR = b"error: "
_SILENCE = b"\0"
_PRIVATE_MODE = 0o700

# The process in between starts the daemon and ends at once, so that the daemon is nobody's child: no client has to wait
# for it, and it outlives them all. `-I -S`: it needs nothing but `os`.
_IN_BETWEEN = (
    "-I",
    "-S",
    "-c",
    "import os, sys; os.fork() or os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
)


def start_daemon(socket_path: str) -> None:
    """Return when a daemon answers at `socket_path`; start it where none does.

    Twenty callers at once start one daemon, and all of them return when it is ready. The daemon stands on its own: in a
    session of its own, its directory `/`, its words in `daemon.log` of the state directory. It has the caller's
    environment, but for `FUGUE_SESSION`.

    Raises:
        DaemonUnavailable: The socket's directory is not ours alone, or the daemon did not start.
    """
    make_directory(socket_path)
    try:
        lock = os.open(f"{socket_path}.start", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unavailable(socket_path, f"cannot write {error.filename}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_answering_in_time(socket_path):
            _spawn(socket_path)
    finally:
        os.close(lock)


def make_directory(socket_path: str) -> None:
    """Make the directory of the socket, open to nobody else.

    Raises:
        DaemonUnavailable: It cannot be made; or it is there, and somebody else owns it or may look into it. Who can
            write there could put a socket of their own in our daemon's place.
    """
    directory = os.path.dirname(socket_path)
    try:
        with contextlib.suppress(FileExistsError):
            os.makedirs(directory, _PRIVATE_MODE)
        found = os.stat(directory)
    except OSError as error:
        raise _unavailable(socket_path, f"cannot make {directory}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise _unavailable(socket_path, f"{directory} is no directory")
    if found.st_uid != os.getuid() or os.lstat(directory).st_uid != os.getuid():
        raise _unavailable(socket_path, f"{directory} belongs to another user (uid {found.st_uid})")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise _unavailable(socket_path, f"{directory} is open to others (mode {mode:o}); try: chmod 700 {directory}")


def _is_answering_in_time(socket_path: str) -> bool:
    """Say whether a daemon answers, after waiting for one that is just ending to be gone (or there again)."""
    deadline = time.monotonic() + START_PATIENCE_S
    while not is_answering(socket_path):
        if not _is_held(f"{socket_path}.lock") or time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_AGAIN_S)  # of the two ends, an answer and a lock let go, nothing would tell us at once
    return True


def _is_held(lock_path: str) -> bool:
    """Say whether a daemon, answering or not, has the lock of this socket."""
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def is_answering(socket_path: str) -> bool:
    """Say whether somebody listens at a socket."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(socket_path)
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _spawn(socket_path: str) -> None:
    import subprocess  # noqa: PLC0415  # see the module's docstring

    ready, ready_for_daemon = os.pipe()
    log = _open_log(socket_path)
    try:
        with open(ready, "rb", buffering=0) as pipe:
            subprocess.run(  # noqa: S603  # our own interpreter and module
                [
                    *(sys.executable, *_IN_BETWEEN),
                    *("-m", "fugue_core.daemon", "--socket", socket_path, "--ready-fd", str(ready_for_daemon)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: value for name, value in os.environ.items() if name != "FUGUE_SESSION"},
                pass_fds=(ready_for_daemon,),
                start_new_session=True,
                check=True,
            )
            os.close(ready_for_daemon)
            ready_for_daemon = -1
            line = _read_line(pipe.fileno())
    except (OSError, subprocess.CalledProcessError) as error:
        raise _unavailable(socket_path, f"could not be started: {error}") from error
    finally:
        for fd in (log, ready_for_daemon):
            if fd >= 0:
                os.close(fd)
    if not line.startswith(_READY):
        raise _unavailable(socket_path, _why(line, socket_path))


def _why(line: bytes, socket_path: str) -> str:
    if line.startswith(_ERROR):
        return line.removeprefix(_ERROR).decode(errors="replace").strip()
    what = "ended while it started" if line is not _SILENCE else f"was not ready within {START_PATIENCE_S:.0f} seconds"
    return f"it {what}; its last words are in {place.state_dir(socket_path)}/daemon.log"


def _read_line(pipe: int) -> bytes:
    """Return the daemon's line, what there is of one where it ended, or `_SILENCE`."""
    line = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not line.endswith(b"\n"):
        if not poll.poll(START_PATIENCE_S * 1000):
            return _SILENCE
        read = os.read(pipe, 4096)
        if not read:
            break
        line += read
    return line


def _open_log(socket_path: str) -> int:
    directory = place.state_dir(socket_path)
    try:
        os.makedirs(directory, _PRIVATE_MODE, exist_ok=True)
        return os.open(f"{directory}/daemon.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)  # the daemon itself will say what is wrong there


def _unavailable(socket_path: str, reason: str) -> Exception:
    from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `typing` is dear, and this is rare

    return DaemonUnavailable(socket_path, reason)
