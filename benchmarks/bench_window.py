"""Programs in windows, beside tmux: the same programs, in two servers that run side by side, looked at the same way.

through a client   `cat` of a large file in an attached terminal of 120 x 40, until its last line is drawn there
echo               from a byte typed into an attached terminal to the program's answer drawn in it (`cat`, no echo)
idle               100 sessions of `cat`: resident memory of the servers, and the core that they keep busy
start              from asking for a session to its program's first byte on its terminal
reattach           from starting a client to a usable screen, with 10,000 lines of scrollback behind it
under a flood      a message there and back between two clients, while another session's program writes without end
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from functools import partial
from statistics import median, quantiles
from typing import Protocol

from figure import Figure, Goal, alternate, compare, run_as_script
from peer import SOCKET, environment, fugue_home, running_fugue, scratch

import fugue_core
from fugue_core import OrchestrationMessage

COLS, ROWS = 120, 40
PATIENCE_S = 120.0
IDLE_SESSIONS = 100
SCROLLBACK = 10_000
FUGUE = os.path.join(os.path.dirname(sys.executable), "fugue")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Server(Protocol):
    """Who runs programs: fugue or tmux."""

    def new(self, name: str, command: str) -> None:
        """Start a shell command in a session of its own."""

    def kill(self, name: str) -> None:
        """End a session."""

    def attach(self, name: str) -> list[str]:
        """Return the command that shows a session in a terminal."""

    def processes(self) -> list[int]:
        """Return the server's own processes."""

    @property
    def environment(self) -> dict[str, str]:
        """In which its commands find it."""


class Fugue:
    """fugue, at a socket of its own."""

    def __init__(self, home: str, socket_path: str, daemon_pid: int) -> None:
        self.socket_path = socket_path
        self.environment = {**environment(home), "FUGUE_SOCKET": socket_path, "TERM": "xterm-256color"}
        self._daemon_pid = daemon_pid

    def new(self, name: str, command: str) -> None:
        """Start a shell command in a session of its own."""
        self._run("new", "-d", "-n", name, "--", "sh", "-c", command)

    def kill(self, name: str) -> None:
        """End a session."""
        self._run("kill", name)

    def attach(self, name: str) -> list[str]:
        """Return the command that shows a session in a terminal."""
        return [FUGUE, "attach", name]

    def processes(self) -> list[int]:
        """Return the daemon and the keeper."""
        found = subprocess.run(
            [FUGUE, "daemon", "status", "--json"], env=self.environment, check=True, capture_output=True, text=True
        ).stdout
        keeper = re.search(r'"keeper_pid": ?(\d+)', found)
        return [self._daemon_pid, *([int(keeper[1])] if keeper else [])]

    def _run(self, *words: str) -> None:
        subprocess.run([FUGUE, *words], env=self.environment, check=True, stdout=subprocess.DEVNULL)


class Tmux:
    """tmux, at a socket of its own, without anybody's configuration."""

    def __init__(self, directory: str) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-S", os.path.join(directory, "tmux")]
        self.environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
        self.environment["TERM"] = "xterm-256color"

    def new(self, name: str, command: str) -> None:
        """Start a shell command in a session of its own."""
        self._run("new-session", "-d", "-s", name, "-x", str(COLS), "-y", str(ROWS), command)
        self._run("set-option", "-g", "status", "off")
        self._run("set-option", "-g", "history-limit", str(SCROLLBACK))

    def kill(self, name: str) -> None:
        """End a session."""
        self._run("kill-session", "-t", name)

    def attach(self, name: str) -> list[str]:
        """Return the command that shows a session in a terminal."""
        return [*self._tmux, "attach-session", "-t", name]

    def processes(self) -> list[int]:
        """Return the server."""
        found = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{pid}"],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return [int(found.stdout)]

    def close(self) -> None:
        """End the server with all its sessions."""
        subprocess.run([*self._tmux, "kill-server"], env=self.environment, check=False, stderr=subprocess.DEVNULL)

    def _run(self, *words: str) -> None:
        subprocess.run([*self._tmux, *words], env=self.environment, check=True, stdout=subprocess.DEVNULL)


class Terminal:
    """Where a person sits: a client shows a session in it."""

    def __init__(self, fd: int, process: subprocess.Popen[bytes]) -> None:
        self._fd = fd
        self._process = process
        self._seen = b""

    def type(self, text: bytes) -> None:
        """Type."""
        os.write(self._fd, text)

    def wait_for(self, text: bytes) -> float:
        """Read until a text has been drawn; return when, by `time.perf_counter`."""
        until = time.perf_counter() + PATIENCE_S
        while text not in self._seen:
            if not select.select([self._fd], [], [], max(0.0, until - time.perf_counter()))[0]:
                raise TimeoutError(f"{text!r} was not drawn; last came {self._seen[-300:]!r}")
            self._seen = self._seen[-100_000:] + os.read(self._fd, 1 << 20)
        self._seen = self._seen.partition(text)[2]
        return time.perf_counter()

    def rest(self, quiet_s: float = 0.3) -> None:
        """Read until nothing has come for a while."""
        while select.select([self._fd], [], [], quiet_s)[0]:
            self._seen = os.read(self._fd, 1 << 20)
        self._seen = b""


@contextlib.contextmanager
def attached(server: Server, name: str) -> Iterator[Terminal]:
    """Show a session in a terminal within the block."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLS, 0, 0))
    command = server.attach(name)
    process = subprocess.Popen(
        command, env=server.environment, stdin=far, stdout=far, stderr=far, start_new_session=True
    )
    os.close(far)
    try:
        yield Terminal(near, process)
    finally:
        process.terminate()
        with contextlib.suppress(OSError):
            while process.poll() is None and select.select([near], [], [], 10)[0]:
                os.read(near, 1 << 20)  # or it could not write its last words
        process.wait(10)
        os.close(near)


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return all figures."""
    rounds = 2 if is_quick else 5
    figures: list[Figure] = []
    with scratch() as directory, servers(directory) as (fugue, others):
        everyone = {"fugue": fugue, **others}
        figures += _through(directory, everyone, rounds, megabytes=10 if is_quick else 100)
        figures += _echo(everyone, rounds, presses=100 if is_quick else 500)
        figures += _start(directory, everyone, rounds * 2)
        figures += _reattach(everyone, rounds * 2)
        figures += _idle(everyone, seconds=2.0 if is_quick else 10.0)
        figures += asyncio.run(_flood(fugue, 2.0 if is_quick else 10.0))
    return figures


@contextlib.contextmanager
def servers(directory: str) -> Iterator[tuple[Fugue, dict[str, Server]]]:
    """Run fugue's daemon, and tmux where it is installed."""
    home = fugue_home(directory)
    socket_path = os.path.join(home, SOCKET)
    with running_fugue(home, socket_path) as process, contextlib.ExitStack() as stack:
        others: dict[str, Server] = {}
        if shutil.which("tmux"):
            tmux = Tmux(directory)
            stack.callback(tmux.close)
            others["tmux"] = tmux
        else:
            print("not installed, and so not measured: tmux", file=sys.stderr)
        try:
            yield Fugue(home, socket_path, process.pid), others
        finally:
            asyncio.run(_end(socket_path))


async def _end(socket_path: str) -> None:
    async with fugue_core.connect(socket_path, start=False) as client:
        await client.stop_daemon(end_programs=True)


def _through(directory: str, everyone: dict[str, Server], rounds: int, megabytes: int) -> list[Figure]:
    path = os.path.join(directory, "large")
    line = b"\x1b[3%dm%07d\x1b[0m " + b"the quick brown fox jumps over the lazy dog, " * 2 + b"\n"
    with open(path, "wb") as file:
        number = 0
        while file.tell() < megabytes * 1_000_000:
            file.write(line % (number % 8, number))
            number += 1
    size_mb = os.path.getsize(path) / 1e6
    with contextlib.ExitStack() as stack:
        terminals = {}
        for name, server in everyone.items():
            server.new("large", f"stty -echo; while read mark; do cat {shlex.quote(path)}; echo the-end-$mark; done")
            terminals[name] = stack.enter_context(attached(server, "large"))
            terminals[name].rest()
        marks = iter(range(1_000_000))

        def through(terminal: Terminal) -> float:
            mark = b"%06d" % next(marks)
            began = time.perf_counter()
            terminal.type(mark + b"\r")
            return size_mb / (terminal.wait_for(b"the-end-" + mark) - began)

        found = alternate({name: partial(through, t) for name, t in terminals.items()}, rounds)
    for server in everyone.values():
        server.kill("large")
    return compare(f"`cat` of {size_mb:.0f} MB through a client", found, "MB/s", peers=["tmux"], goal=Goal(1.0))


def _echo(everyone: dict[str, Server], rounds: int, presses: int) -> list[Figure]:
    samples: dict[str, list[float]] = {name: [] for name in everyone}
    with contextlib.ExitStack() as stack:
        terminals = {}
        for name, server in everyone.items():
            server.new("echo", "stty raw -echo; exec cat")
            terminals[name] = stack.enter_context(attached(server, "echo"))
            terminals[name].rest()

        def echo(name: str, quantile: int) -> float:
            took = []
            for number in range(presses):
                key = b"abcdefghijklmnopqrstuvwxyz"[number % 26 : number % 26 + 1]
                began = time.perf_counter()
                terminals[name].type(key)
                took.append((terminals[name].wait_for(key) - began) * 1e3)
            samples[name] += took
            return quantiles(took, n=100, method="inclusive")[quantile - 1]

        half = alternate({name: partial(echo, name, 50) for name in terminals}, rounds)
        slow = alternate({name: partial(echo, name, 99) for name in terminals}, rounds)
    for server in everyone.values():
        server.kill("echo")
    goal = Goal(1.5, is_least=False)
    return [
        *compare("key to echo, p50", half, "ms", peers=["tmux"], goal=goal),
        *compare("key to echo, p99", slow, "ms", peers=["tmux"], goal=goal),
    ]


def _start(directory: str, everyone: dict[str, Server], rounds: int) -> list[Figure]:
    def start(server: Server) -> float:
        path = os.path.join(directory, "started")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        began = time.perf_counter()
        server.new("new", f"echo first; : > {shlex.quote(path)}; exec cat")
        while not os.path.exists(path):
            time.sleep(0.0002)
        took_ms = (time.perf_counter() - began) * 1e3
        server.kill("new")
        return took_ms

    found = alternate({name: partial(start, server) for name, server in everyone.items()}, rounds)
    note = "the command and all; tmux's is three commands, of which the first starts the session"
    return compare("start of a session to its first byte", found, "ms", peers=["tmux"], note=note)


def _reattach(everyone: dict[str, Server], rounds: int) -> list[Figure]:
    for server in everyone.values():
        server.new("long", f"seq {SCROLLBACK + 100}; echo all-is-there; exec cat")

    def reattach(server: Server) -> float:
        began = time.perf_counter()
        with attached(server, "long") as terminal:
            return (terminal.wait_for(b"all-is-there") - began) * 1e3

    found = alternate({name: partial(reattach, server) for name, server in everyone.items()}, rounds)
    for server in everyone.values():
        server.kill("long")
    what = f"reattach to a screen with {SCROLLBACK:,} lines of scrollback"
    return compare(what, found, "ms", peers=["tmux"])


def _idle(everyone: dict[str, Server], seconds: float) -> list[Figure]:
    memory: dict[str, float] = {}
    busy: dict[str, float] = {}
    for name, server in everyone.items():
        for number in range(IDLE_SESSIONS):
            server.new(f"idle-{number}", "exec cat")
        time.sleep(2)  # what they have to say to begin with is said
        processes = server.processes()
        before = sum(map(_cpu_s, processes))
        time.sleep(seconds)
        busy[name] = (sum(map(_cpu_s, processes)) - before) / seconds * 100
        memory[name] = sum(map(_memory_mib, processes))
        for number in range(IDLE_SESSIONS):
            server.kill(f"idle-{number}")
    what = f"{IDLE_SESSIONS} idle sessions"
    return [
        *compare(f"{what}, memory of the servers", {n: [v] for n, v in memory.items()}, "MiB", peers=["tmux"]),
        Figure(what=f"{what}, of one core", value=busy["fugue"], unit="%", note="the system counts in steps of 10 ms"),
    ]


async def _flood(fugue: Fugue, seconds: float) -> list[Figure]:
    """Time messages there and back, with and without a program in another window that writes without end."""

    async def round_trips() -> list[float]:
        took = []
        async with (
            fugue_core.connect(fugue.socket_path, start=False) as ann,
            fugue_core.connect(fugue.socket_path, start=False) as bob,
        ):
            await ann.join("ann", resume=True)
            await bob.join("bob", resume=True)
            ends_at = time.perf_counter() + seconds
            while time.perf_counter() < ends_at:
                began = time.perf_counter()
                await ann.send("session:bob", OrchestrationMessage("bench.ping", None))
                received = await bob.receive(wait_s=10)
                await bob.ack(up_to=received.envelopes[-1].seq)
                took.append((time.perf_counter() - began) * 1e3)
        return took

    quiet = await round_trips()
    fugue.new("flood", "exec yes a line of a flood that does not end")
    flooded = await round_trips()
    fugue.kill("flood")
    (slow, slow_flooded) = (quantiles(took, n=100)[98] for took in (quiet, flooded))
    return [
        Figure(what="message there and back, p50", value=median(quiet), unit="ms"),
        Figure(
            what="message there and back under a flood, p99",
            value=slow_flooded,
            unit="ms",
            peer="without",
            peer_value=slow,
            ratio=slow_flooded / slow,
            goal=Goal(2.0, is_least=False),
        ),
    ]


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mib(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE / 1024 / 1024


if __name__ == "__main__":
    run_as_script(measure)
