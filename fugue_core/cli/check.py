"""What `fugue doctor` looks at, one thing after the other. Nothing here starts or changes anything."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import fugue_core
from fugue_core import agents, place
from fugue_core.cli import output, script
from fugue_core.cli.command import Command
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import NONE_RUNS, Connection, Refused
from fugue_core.errors import ConnectionLost, DaemonUnavailable

Finding = tuple[str, str]
"""`ok`, `warning` or `problem`, and what was found, in words."""

_OLDEST_PYTHON = (3, 11)
_SOCKET_PATH_BYTES = 107  # of sun_path, less its zero
_LOW_SPACE_BYTES = 100 * 1024 * 1024
_READING_S = 10.0
"""How long the store is read for faults, and no longer."""
_INSTRUCTIONS = 100_000
"""SQLite's own, between two looks at the clock."""
_ANSWER_S = 1.0
"""How long a terminal may take to say what it is; over a slow line it is some tenths of a second."""


class Patient:
    """What the checks look at.

    Attributes:
        socket_path: Where the daemon is, or would be.
        status: What the daemon says of itself; None where it says nothing.
        why_no_status: What that means.
    """

    def __init__(self, command: Command) -> None:
        self.socket_path = command.socket_path
        self.status: dict[str, Any] | None = None
        self.why_no_status: Finding = ("ok", "none runs; the first command starts it")
        try:
            with self.connect() as connection:
                self.status = decode(connection.ask("daemon.status"))
        except DaemonUnavailable as error:
            if error.reason != NONE_RUNS:
                self.why_no_status = ("problem", error.reason)
        except (Refused, ConnectionLost) as error:
            self.why_no_status = ("problem", f"{error}")

    def connect(self) -> Connection:
        """Connect to the daemon, if there is one."""
        return Connection(self.socket_path, may_start=False)


def _installation(patient: Patient) -> Finding:  # noqa: ARG001  # each check takes one
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return "problem", f"Python {version} is older than 3.11"
    try:
        import msgspec  # noqa: PLC0415  # to see whether it is there
    except ImportError as error:
        return "problem", f"fugue {fugue_core.__version__} on Python {version}, but {error}"
    return "ok", f"fugue {fugue_core.__version__} on Python {version}, msgspec {msgspec.__version__}"


def _git(patient: Patient) -> Finding:  # noqa: ARG001  # as above
    path = shutil.which("git")
    if path is None:
        return "warning", "git is not on PATH: sessions will have no repository, and `broadcast` needs one"
    return "ok", path


def _socket(patient: Patient) -> Finding:
    path = patient.socket_path
    size_bytes = len(os.fsencode(path))
    if size_bytes > _SOCKET_PATH_BYTES:
        return (
            "problem",
            f"{path} has {size_bytes} bytes, and the system allows {_SOCKET_PATH_BYTES}: take a shorter one",
        )
    directory = os.path.dirname(path)
    try:
        found = os.stat(directory)
    except OSError:
        return "ok", f"{path}; its directory will be made"
    if found.st_uid != os.getuid():
        return "problem", f"{directory} belongs to another user (uid {found.st_uid})"
    if found.st_mode & 0o077:
        return "problem", f"{directory} is open to others; try: chmod 700 {directory}"
    return "ok", path


def _daemon(patient: Patient) -> Finding:
    status = patient.status
    if status is None:
        return patient.why_no_status
    running = status["version"]
    if running != fugue_core.__version__:
        return "warning", f"runs version {running}, and this is {fugue_core.__version__}: try  fugue daemon restart"
    held = f"{_counted(status['sessions'], 'session')}, {_counted(status['unacked'], 'message')} not acknowledged"
    return "ok", f"pid {status['pid']}, {held}"


def _store(patient: Patient) -> Finding:
    path = f"{place.state_dir(patient.socket_path)}/{place.STORE}"
    shown = path
    if patient.status is not None:
        store = patient.status["store"]
        path = store["path"]
        if store["error"]:
            return "problem", f"{path}: {store['error']}"
        shown = f"{path}, {_counted(patient.status['messages'], 'message')} in {store['size_bytes']:,} bytes"
    if not os.path.exists(path):
        return "ok", f"{path}; it will be made"
    faults = _faults_of(path)
    if faults is None:
        return "ok", f"{shown}; no fault in what could be read of it in {_READING_S:g} s"
    return ("problem", f"{path}: {faults}") if faults else ("ok", f"{shown}; it is whole")


def _faults_of(path: str) -> str | None:
    """Return what is wrong within a store; None: nothing was found in time, and it was not read to the end."""
    import sqlite3  # noqa: PLC0415  # 10 ms, and only here

    deadline = time.monotonic() + _READING_S
    # Without a log nobody writes there, and to be told so keeps SQLite from making the files by which writers are seen.
    mode = "mode=ro" if os.path.exists(f"{path}-wal") else "mode=ro&immutable=1"
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{escaped}?{mode}", uri=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
            found = [str(row[0]) for row in database.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as error:
        return None if time.monotonic() > deadline else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == ["ok"] else "; ".join(found)


def _keeper(patient: Patient) -> Finding:
    status = patient.status
    if status is None:
        return "ok", "not asked, since no daemon runs"
    pid, windows = status["keeper_pid"], status["windows"]
    if pid is None:
        return ("problem", f"none, and {_counted(windows, 'window')}") if windows else ("ok", "none, and no windows")
    try:
        os.kill(pid, 0)
    except OSError as error:
        return "problem", f"pid {pid}: {error.strerror}"
    return "ok", f"pid {pid}, {_counted(windows, 'window')}"


def _terminal(patient: Patient) -> Finding:  # noqa: ARG001  # as above
    size = output.terminal_size()
    if not output.is_terminal() or size is None:
        return "ok", "not asked, since this is written to none"
    name = os.environ.get("TERM", "")
    if name in {"", "dumb"}:
        return "warning", f"TERM is {name!r}: commands work there, the screen does not"
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return "warning", f"{name} takes {sys.stdout.encoding}, and what is drawn needs UTF-8; try: export LANG=C.UTF-8"
    colours = "all colours" if os.environ.get("COLORTERM") in {"truecolor", "24bit"} else "256 colours at most"
    answer = _ask_terminal(b"\x1b[?u\x1b[c")
    shown = f"{name}, {size[0]}x{size[1]}, {colours}"
    if not answer:
        return "warning", f"{shown}; it does not say what it is"
    has_keys = re.search(rb"\x1b\[\?\d+u", answer) is not None
    keys = "tells ctrl+enter from enter" if has_keys else "does not tell ctrl+enter from enter, so f5 sends"
    return "ok", f"{shown}; {keys}"


def _ask_terminal(question: bytes) -> bytes:
    """Return what the terminal answers, up to its answer to the last question, what it is; empty: nothing in time."""
    import termios  # noqa: PLC0415  # both only here
    import tty  # noqa: PLC0415

    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return b""
    before = termios.tcgetattr(fd)
    answer = b""
    deadline = time.monotonic() + _ANSWER_S
    try:
        tty.setraw(fd)
        os.write(fd, question)
        while not re.search(rb"\x1b\[\?[\d;]*c", answer):
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return b""
            answer += os.read(fd, 1024)
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
        os.close(fd)
    return answer


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _state_directory(patient: Patient) -> Finding:
    path = place.state_dir(patient.socket_path)
    existing = _existing(path)
    if not os.access(existing, os.W_OK | os.X_OK):
        return "problem", f"cannot write in {existing}: messages could not be kept"
    return "ok", path if existing == path else f"{path}; it will be made"


def _disk_space(patient: Patient) -> Finding:
    free_bytes = shutil.disk_usage(_existing(place.state_dir(patient.socket_path))).free
    shown = f"{free_bytes / 1024**3:.1f} GiB free for messages"
    return ("ok" if free_bytes >= _LOW_SPACE_BYTES else "warning"), shown


def _configuration(patient: Patient) -> Finding:  # noqa: ARG001  # as above
    import tomllib  # noqa: PLC0415  # 10 ms, and only here

    path = place.config_path()
    try:
        with open(path, "rb") as file:
            tomllib.load(file)
    except FileNotFoundError:
        return "ok", f"{path} is absent: all default"
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return "problem", f"{path}: {error}"
    return "ok", path


def _identity(patient: Patient) -> Finding:
    session = os.environ.get("FUGUE_SESSION")
    if not session:
        return "ok", "this shell speaks for no session (FUGUE_SESSION is not set)"
    if patient.status is None:
        return "ok", f"FUGUE_SESSION is {session}; not asked, since no daemon runs"
    try:
        with patient.connect() as connection:
            name = decode(connection.ask("session.get", {"session": session}))["name"]
    except Refused as refused:
        return "warning", f"FUGUE_SESSION is {session}: {refused.message}; join again"
    return "ok", f"this shell speaks for {name}"


def _look_at_agent(name: str) -> Callable[[Patient], Finding]:
    def look(patient: Patient) -> Finding:  # noqa: ARG001  # as above
        from fugue_core.setup.checkup import look_at  # noqa: PLC0415  # 30 ms, for the sake of which nothing else waits

        return look_at(name, os.environ, os.getcwd(), script.own_path())

    return look


def _existing(path: str) -> str:
    """Return the nearest directory to `path`, itself or above, that there is."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


CHECKS: Mapping[str, Callable[[Patient], Finding]] = {
    "installation": _installation,
    "git": _git,
    "socket": _socket,
    "daemon": _daemon,
    "keeper": _keeper,
    "store": _store,
    "state": _state_directory,
    "disk space": _disk_space,
    "configuration": _configuration,
    "terminal": _terminal,
    "identity": _identity,
    **{name: _look_at_agent(name) for name in agents.NAMES},
}
