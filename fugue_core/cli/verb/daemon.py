"""`fugue daemon`: the process behind it all."""

from __future__ import annotations

import contextlib
import os
import sys
import time

from fugue_core import place
from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import COUNT, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import decode, encode
from fugue_core.client.oneshot import Connection, connection_lost
from fugue_core.client.start import is_answering, make_directory, start_daemon
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command

_STOP_PATIENCE_S = 30.0
_POLL_S = 0.02
_LOG_LINES = 50
_LOG_POLL_S = 0.2
_TAIL_BYTES = 1 << 20
_LABEL_COLUMNS = 13


def start(command: Command) -> int:
    """Start it, or say that it runs."""
    status = _status(command)
    is_new = status is None
    if status is None:
        start_daemon(command.socket_path)
        status = _running_status(command)
    if command.is_json:
        output.put_json(status)
    else:
        pid = decode(status)["pid"]
        what = "started" if is_new else "runs already"
        output.put(f"{what}: pid {pid} at {printable(command.socket_path)}")
    return outcome.DONE


def stop(command: Command) -> int:
    """Stop it, and return when the process is gone."""
    ends_programs = command.has("all")
    has_left_programs = ends_programs and _status(command) is None and _is_keeper_there(command)
    if has_left_programs:  # a daemon alone knows whose they are: it takes them up, and their sessions end with them
        start_daemon(command.socket_path)
    pid, programs = _stop(command, ends_programs=ends_programs)
    if command.is_json:
        output.put_json(encode({"pid": None if has_left_programs else pid, "programs": programs}))
        return outcome.DONE
    output.put("none ran" if has_left_programs else f"stopped: pid {pid}")
    count = f"{programs} program{'s' if programs != 1 else ''}"
    if has_left_programs:
        command.say(f"ended {count} that an earlier daemon had left running")
    elif programs:
        command.say(f"ended {count}" if ends_programs else f"{count} running on: the next daemon takes over from here")
    return outcome.DONE


def restart(command: Command) -> int:
    """Stop it where it runs; start it."""
    if _status(command) is not None:
        _stop(command)
    start_daemon(command.socket_path)
    status = _running_status(command)
    if command.is_json:
        output.put_json(status)
    else:
        output.put(f"restarted: pid {decode(status)['pid']} at {printable(command.socket_path)}")
    return outcome.DONE


def status(command: Command) -> int:
    """Say how it is."""
    answer = _running_status(command)
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    paint = paint_for_stdout()
    for label, value in _facts(decode(answer)):
        output.put(f"{paint('faint', label.ljust(_LABEL_COLUMNS))}{printable(value)}")
    return outcome.DONE


def logs(command: Command) -> int:
    """Print the end of its log; with --follow what is added too."""
    path = f"{place.state_dir(command.socket_path)}/daemon.log"
    try:
        log = open(path, "rb", buffering=0)  # noqa: SIM115  # closed below
    except OSError as error:
        raise Failure(outcome.FAILED, f"no log at {path}: {error.strerror}") from None
    with log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
        tail = log.read().splitlines(keepends=True)
        _put_log(command, tail[-(command.whole("limit") or _LOG_LINES) :])
        while command.has("follow"):
            if added := log.read():
                _put_log(command, added.splitlines(keepends=True))
            else:
                time.sleep(_LOG_POLL_S)  # a file is always readable: there is nothing to wait for
    return outcome.DONE


def run(command: Command) -> int:
    """Be the daemon: this very process goes on as it."""
    make_directory(command.socket_path)
    words = [sys.executable, "-m", "fugue_core.daemon", "--socket", command.socket_path]
    os.execv(words[0], words)  # noqa: S606  # our own interpreter and module


def _status(command: Command) -> str | None:
    """Return the daemon's status, None where none runs."""
    from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `fugue daemon --help` needs none

    try:
        with command.connect(may_start=False) as connection:
            return connection.ask("daemon.status")
    except (DaemonUnavailable, connection_lost()):
        return None


def _is_keeper_there(command: Command) -> bool:
    return is_answering(place.keeper_path(command.socket_path))


def _running_status(command: Command) -> str:
    with command.connect(may_start=False) as connection:
        return connection.ask("daemon.status")


def _stop(command: Command, *, ends_programs: bool = False) -> tuple[int, int]:
    """Ask it to stop, wait until its process is gone; return what its id was, and how many programs ran."""
    with command.connect(may_start=False) as connection:
        windows = decode(connection.ask("window.list"))["windows"]
        pid: int = decode(connection.ask("daemon.stop", {"end_programs": ends_programs}))["pid"]
        _wait_for_the_end(connection)
    give_up_at = time.monotonic() + _STOP_PATIENCE_S
    while _is_alive(pid):
        if time.monotonic() > give_up_at:
            raise Failure(outcome.FAILED, f"pid {pid} was told to stop, and still runs after {_STOP_PATIENCE_S:.0f} s")
        time.sleep(_POLL_S)  # it is nobody's child, and only Linux tells of the end of such a process
    return pid, sum(window.get("exited") is None for window in windows)


def _wait_for_the_end(connection: Connection) -> None:
    with contextlib.suppress(connection_lost()):
        while True:
            connection.next_notice()


def _is_alive(pid: int) -> bool:
    """Say whether a process runs. One that has ended is gone, also where nobody (the init of a container) reaps it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        if os.path.isdir("/proc/self"):
            return False
    try:  # a system without /proc
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _facts(status: dict[str, Any]) -> list[tuple[str, str]]:
    store = status["store"]
    megabytes = 1024 * 1024
    return [
        ("version", f"{status['version']}, protocol {status['protocol']}"),
        ("pid", str(status["pid"])),
        ("socket", status["socket"]),
        ("uptime", _duration(status["uptime_s"])),
        ("sessions", str(status["sessions"])),
        ("windows", _windows(status)),
        ("connections", f"{status['connections']}, {status['subscribers']} of them subscribed"),
        ("messages", f"{status['messages']:,} stored, {status['last_seq']:,} sent ever"),
        ("mailboxes", f"{status['unacked']:,} not acknowledged"),
        ("memory", f"{status['memory_bytes'] / megabytes:.1f} MiB"),
        ("store", f"{store['path']}, {store['size_bytes'] / megabytes:.1f} MiB, synchronous={store['synchronous']}"),
        ("store health", store["error"] or "ok"),
    ]


def _windows(status: dict[str, Any]) -> str:
    keeper = status.get("keeper_pid")
    return f"{status.get('windows', 0)}{f', held by pid {keeper}' if keeper else ''}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"


def _put_log(command: Command, lines: list[bytes]) -> None:
    for line in lines:
        text = line.decode(errors="backslashreplace").removesuffix("\n")
        if command.is_json:
            output.put_json(encode({"line": text}))
        else:
            output.put(printable(text) if output.is_terminal() else text)


VERB = Verb(
    "daemon",
    "Start, stop or look at the process behind it all",
    details="""\
Every verb that needs the daemon starts it. It keeps sessions, tags and mail on disk: they are there again after a
restart, whatever ended it. Programs that it runs are held by another process, and go on without it.""",
    verbs=(
        Verb(
            "daemon start",
            "Start the daemon, where none runs",
            run=start,
            examples=(("fugue daemon start", "returns when it is ready"),),
        ),
        Verb(
            "daemon stop",
            "Stop the daemon; sessions, mail and programs stay",
            run=stop,
            details="""\
Returns when the process is gone. Programs run on, and the next daemon takes them up, unless --all ends them and their
sessions; it finds those, too, that run on without a daemon. Where nothing is there to stop, the exit code is 5.""",
            options=(Option("-a", "--all", help="end the programs that it runs, too"),),
            examples=(
                ("fugue daemon stop", "the next command starts it again"),
                ("fugue daemon stop --all", "for good"),
            ),
        ),
        Verb(
            "daemon restart",
            "Stop the daemon where it runs, and start it",
            run=restart,
            details="Programs run on, and terminals that show them go on as soon as the new one is there.",
            examples=(("fugue daemon restart", "after an upgrade, or a change of config.toml"),),
        ),
        Verb(
            "daemon status",
            "Say how the daemon is",
            run=status,
            details="Where none runs, the exit code is 5.",
            examples=(("fugue daemon status --json | jq .unacked", "how much mail waits"),),
        ),
        Verb(
            "daemon logs",
            "Print the end of the daemon's log",
            run=logs,
            options=(
                Option("-f", "--follow", help="go on for ever: print each line as it is added"),
                Option("-n", "--limit", metavar="N", kind=COUNT, help=f"so many lines; absent: {_LOG_LINES}"),
            ),
            examples=(("fugue daemon logs -f", "watch it"),),
        ),
        Verb(
            "daemon run",
            "Be the daemon, in the foreground",
            run=run,
            details="For a service manager, or to see it at work; it writes its log to stderr. Ctrl+c stops it.",
            examples=(("fugue -L test daemon run", "a server of its own, called test"),),
        ),
    ),
    examples=(("fugue daemon status", "version, uptime, sessions, messages, health"),),
)
