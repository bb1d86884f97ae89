"""`fugue doctor`: what could be wrong here."""

from __future__ import annotations

import os
import shutil
import sys

import fugue_core
from fugue_core import agents, place
from fugue_core.cli import outcome, output, script
from fugue_core.cli.spec import Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import decode, encode
from fugue_core.client.oneshot import NONE_RUNS, Connection, Refused, connection_lost
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fugue_core.cli.command import Command

    Finding = tuple[str, str]

_OLDEST_PYTHON = (3, 11)
_SOCKET_PATH_BYTES = 107  # of sun_path, less its zero
_LOW_SPACE_BYTES = 100 * 1024 * 1024
_LABEL_COLUMNS = 14
_SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}
_ROLES = {"ok": "ok", "warning": "wait", "problem": "bad"}


def run(command: Command) -> int:
    """Look at each thing in turn; the exit code is 1 where one is a problem. Starts nothing, changes nothing."""
    patient = _Patient(command)
    checks = [(name, *look(patient)) for name, look in _CHECKS.items()]
    if command.is_json:
        shown = [{"name": name, "state": state, "detail": detail} for name, state, detail in checks]
        output.put_json(encode({"checks": shown}))
    else:
        paint = paint_for_stdout()
        for name, state, detail in checks:
            output.put(f"{paint(_ROLES[state], _SIGNS[state])} {name.ljust(_LABEL_COLUMNS)}{printable(detail)}")
    return outcome.FAILED if any(state == "problem" for _, state, _ in checks) else outcome.DONE


class _Patient:
    """What the checks look at.

    Attributes:
        socket_path: Where the daemon is, or would be.
        status: What the daemon says of itself; None where it says nothing.
        why_no_status: What that means.
    """

    def __init__(self, command: Command) -> None:
        from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `fugue doctor --help` needs none

        self.socket_path = command.socket_path
        self.status: dict[str, Any] | None = None
        self.why_no_status: Finding = ("ok", "none runs; the first command starts it")
        try:
            with self.connect() as connection:
                self.status = decode(connection.ask("daemon.status"))
        except DaemonUnavailable as error:
            if error.reason != NONE_RUNS:
                self.why_no_status = ("problem", error.reason)
        except (Refused, connection_lost()) as error:
            self.why_no_status = ("problem", f"{error}")

    def connect(self) -> Connection:
        """Connect to the daemon, if there is one."""
        return Connection(self.socket_path, may_start=False)


def _installation(patient: _Patient) -> Finding:  # noqa: ARG001  # each check takes one
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return "problem", f"Python {version} is older than 3.11"
    try:
        import msgspec  # noqa: PLC0415  # to see whether it is there
    except ImportError as error:
        return "problem", f"fugue {fugue_core.__version__} on Python {version}, but {error}"
    return "ok", f"fugue {fugue_core.__version__} on Python {version}, msgspec {msgspec.__version__}"


def _git(patient: _Patient) -> Finding:  # noqa: ARG001  # as above
    path = shutil.which("git")
    if path is None:
        return "warning", "git is not on PATH: sessions will have no repository, and `broadcast` needs one"
    return "ok", path


def _socket(patient: _Patient) -> Finding:
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


def _daemon(patient: _Patient) -> Finding:
    status = patient.status
    if status is None:
        return patient.why_no_status
    running = status["version"]
    if running != fugue_core.__version__:
        return "warning", f"runs version {running}, and this is {fugue_core.__version__}: try  fugue daemon restart"
    held = f"{_counted(status['sessions'], 'session')}, {_counted(status['unacked'], 'message')} not acknowledged"
    return "ok", f"pid {status['pid']}, {held}"


def _store(patient: _Patient) -> Finding:
    status = patient.status
    if status is None:
        return "ok", "not asked, since no daemon runs"
    store = status["store"]
    if store["error"]:
        return "problem", f"{store['path']}: {store['error']}"
    return "ok", f"{store['path']}, {_counted(status['messages'], 'message')} in {store['size_bytes']:,} bytes"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _state_directory(patient: _Patient) -> Finding:
    path = place.state_dir(patient.socket_path)
    existing = _existing(path)
    if not os.access(existing, os.W_OK | os.X_OK):
        return "problem", f"cannot write in {existing}: messages could not be kept"
    return "ok", path if existing == path else f"{path}; it will be made"


def _disk_space(patient: _Patient) -> Finding:
    free_bytes = shutil.disk_usage(_existing(place.state_dir(patient.socket_path))).free
    shown = f"{free_bytes / 1024**3:.1f} GiB free for messages"
    return ("ok" if free_bytes >= _LOW_SPACE_BYTES else "warning"), shown


def _configuration(patient: _Patient) -> Finding:  # noqa: ARG001  # as above
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


def _identity(patient: _Patient) -> Finding:
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


def _look_at_agent(name: str) -> Callable[[_Patient], Finding]:
    def look(patient: _Patient) -> Finding:  # noqa: ARG001  # as above
        from fugue_core.setup.checkup import look_at  # noqa: PLC0415  # not for `fugue doctor --help`

        return look_at(name, os.environ, os.getcwd(), script.own_path())

    return look


def _existing(path: str) -> str:
    """Return the nearest directory to `path`, itself or above, that there is."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


_CHECKS = {
    "installation": _installation,
    "git": _git,
    "socket": _socket,
    "daemon": _daemon,
    "store": _store,
    "state": _state_directory,
    "disk space": _disk_space,
    "configuration": _configuration,
    "identity": _identity,
    **{name: _look_at_agent(name) for name in agents.NAMES},
}

VERB = Verb(
    "doctor",
    "Look for what could be wrong here",
    run=run,
    details="Starts nothing and changes nothing. The exit code is 1 where it finds a problem; a warning (!) is none.",
    examples=(("fugue doctor", "the first thing to try when something does not work"),),
)
