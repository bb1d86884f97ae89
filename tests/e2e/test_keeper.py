"""The keeper with real programs: what it promises when daemons, programs and the keeper itself come and go."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import resource
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from fugue_core.errors import NoKeeper, ProgramNotStarted
from fugue_core.protocol.window import ProgramExit
from fugue_core.terminal import keeper as keeper_module
from fugue_core.terminal import wire
from fugue_core.terminal.keeping import Keeper, Kept
from fugue_core.terminal.program import end_session, process_start, processes_of, signal_sessions
from tests.core.world import eventually
from tests.e2e.daemon import PATIENCE_S

FLOOD = "import itertools, sys\nfor number in itertools.count(): sys.stdout.write(f'{number}\\n')"
STUBBORN = 'trap "" HUP TERM; set -m; sleep 1000 & (sleep 1000 & sleep 1000) & echo ready; while :; do sleep 1000; done'
"""Ignores what is polite, and has children and grandchildren in process groups of their own that do as well."""


def is_alive(pid: int) -> bool:
    return process_start(pid) is not None


def words_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state_of(pid: int) -> bytes:
    """Return the letter of a process's state: `S` where it waits, `Z` where it has ended; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except FileNotFoundError:
        return b""


def is_zombie(pid: int) -> bool:
    return state_of(pid) == b"Z"


def python(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def keepers_at(socket_path: str) -> list[int]:
    """Return the keepers that are, or want to be, at a socket."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = words_of(int(entry.name))
            if keeper_module.__name__.encode() in words and socket_path.encode() in words:
                found.append(int(entry.name))
    return [pid for pid in found if is_alive(pid)]


class Terminal:
    """A window's descriptor, read by the test."""

    def __init__(self, kept: Kept) -> None:
        self.pid = kept.pid
        self.fd = kept.master
        self.read = b""

    async def more(self) -> bytes:
        """Return what can be read next; nothing at the end."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self.fd, readable.set)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await readable.wait()
        finally:
            loop.remove_reader(self.fd)
        try:
            data = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has the terminal any more
                return b""
            raise
        self.read += data
        return data

    async def until(self, text: bytes) -> bytes:
        while text not in self.read:
            assert await self.more(), f"it ended with {self.read[-1000:]!r}"
        return self.read

    async def to_end(self) -> str:
        while await self.more():
            pass
        return self.read.replace(b"\r\n", b"\n").decode()

    def type(self, data: bytes) -> None:
        assert os.write(self.fd, data) == len(data)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Desk:
    """One test's keeper, what was told of it, and a broom."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = str(directory / "keeper")
        self.exits: list[tuple[str, ProgramExit]] = []
        self.losses = 0
        self._keepers: list[Keeper] = []
        self._terminals: list[Terminal] = []

    async def open(self, *, start: bool = True) -> Keeper:
        keeper = await Keeper.open(self.path, start=start, on_exit=self._on_exit, on_lost=self._on_lost)
        assert keeper is not None
        self._keepers.append(keeper)
        return keeper

    async def find(self) -> Keeper:
        """Return the one that was started beside us, once it listens: its socket's file is there before that."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            keeper = await Keeper.open(self.path, start=False, on_exit=self._on_exit, on_lost=self._on_lost)
            if keeper is not None:
                self._keepers.append(keeper)
                return keeper
            assert time.monotonic() < deadline, "no keeper listens"
            await asyncio.sleep(0.002)

    def _on_exit(self, window: str, exit_: ProgramExit) -> None:
        self.exits.append((window, exit_))

    def _on_lost(self) -> None:
        self.losses += 1

    def terminal(self, kept: Kept) -> Terminal:
        terminal = Terminal(kept)
        self._terminals.append(terminal)
        return terminal

    async def spawn(
        self, keeper: Keeper, *argv: str, window: str = "w", directory: str = "/", env: dict[str, str] | None = None
    ) -> Terminal:
        environment = {"PATH": os.environ["PATH"]} if env is None else env
        return self.terminal(await keeper.spawn(window, argv, environment, directory, 80, 24))

    async def run(self, keeper: Keeper, *argv: str, window: str = "w", **where: Any) -> Terminal:
        terminal = await self.spawn(keeper, *argv, window=window, **where)
        await keeper.go(window)
        return terminal

    async def exit_of(self, window: str) -> ProgramExit:
        await eventually(lambda: any(told == window for told, _ in self.exits))
        (exit_,) = (exit_ for told, exit_ in self.exits if told == window)
        return exit_

    def has_socket(self) -> bool:
        return os.path.lexists(self.path)

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return Path(f"{self.path}.log").read_text()
        return ""

    async def close(self) -> None:
        for keeper in self._keepers:
            keeper.close()
        for terminal in self._terminals:
            terminal.close()
        for pid in keepers_at(self.path):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        await eventually(lambda: not keepers_at(self.path))
        for terminal in self._terminals:  # where a keeper was killed
            signal_sessions([terminal.pid] if processes_of(terminal.pid) else [], signal.SIGKILL)
        assert self.log() == ""


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    # A socket's path has at most 107 bytes, and pytest's directories are long
    with tempfile.TemporaryDirectory(prefix="fugue-") as directory:
        desk = Desk(Path(directory))
        try:
            yield desk
        finally:
            await desk.close()


class Line:
    """A bare connection to the keeper: what a daemon of another version might say."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def write(self, *messages: dict[str, Any]) -> None:
        self.socket.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.file.readline())
        return message

    def until(self, key: str) -> dict[str, Any]:
        while key not in (message := self.read()):
            pass
        return message


@contextlib.asynccontextmanager
async def played_keeper(desk: Desk, *answers: dict[str, Any], version: int = 1) -> AsyncIterator[None]:
    """Play a keeper with one window, that gives the same answers to each line, in one write."""

    def lines(*messages: dict[str, Any]) -> bytes:
        return b"".join(json.dumps(message).encode() + b"\n" for message in messages)

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        window = {"window": "w", "pid": 1, "exit": None}
        writer.write(lines({"keeper": version, "pid": 2, "colour": "blue"}, window, {"ready": True}))
        while await reader.readline():
            writer.write(lines(*answers))
        writer.close()

    async with await asyncio.start_unix_server(play, desk.path):
        yield


# ------------------------------------------------------------------------------------------------------------ programs


async def test_a_program_is_spoken_to_through_its_terminal(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "cat")
    terminal.type("schön\n".encode())
    await terminal.until("schön\r\nschön\r\n".encode())  # the terminal's echo, and the program's


async def test_how_a_program_ended_is_told(desk: Desk) -> None:
    keeper = await desk.open()
    await desk.run(keeper, "sh", "-c", "exit 7", window="code")
    await desk.run(keeper, "sh", "-c", "kill -9 $$", window="signal")
    exit_ = await desk.exit_of("code")
    assert (exit_.code, exit_.signal) == (7, None)
    exit_ = await desk.exit_of("signal")
    assert (exit_.code, exit_.signal) == (None, 9)


async def test_what_a_program_said_last_is_there_after_its_exit(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "sh", "-c", "echo last words")
    await desk.exit_of("w")
    assert await terminal.to_end() == "last words\n"


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """Let this process, and those that it starts, have few open files as long as they ask for no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
    yield soft // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


LIBRARYS_OWN = 3 << 31
"""Signals 32 and 33 are the C library's, which lets no program set them; what was inherited stays."""


async def test_a_program_has_its_surroundings_and_nothing_else(desk: Desk, few_descriptors: int) -> None:
    keeper = await desk.open()
    assert resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE)[0] > few_descriptors
    env = {"PATH": os.environ["PATH"], "WORD": "schön 'x'"}
    script = (
        "pwd; stty size; umask; ulimit -Sn; tty; stty -a | grep -o [-]*iutf8; "
        "env; ls -1 /proc/self/fd; cat /proc/self/status"
    )
    other = await desk.run(keeper, "cat", window="other")  # whose terminal the next must not have
    terminal = await desk.run(keeper, "sh", "-c", script, directory=str(desk.directory), env=env)
    said = (await terminal.to_end()).splitlines()
    assert said[:4] == [str(desk.directory), "24 80", "0022", str(few_descriptors)]
    assert said[4].startswith("/dev/pts/")
    assert said[5] == "iutf8"
    assert "WORD=schön 'x'" in said
    assert {line.partition("=")[0] for line in said if "=" in line} <= {"PATH", "WORD", "PWD", "OLDPWD", "SHLVL", "_"}
    assert [line for line in said if line.isdecimal()][2:] == ["0", "1", "2", "3"]  # 3 is what lists them
    status = dict(line.split(":\t", 1) for line in said if ":\t" in line)
    assert {int(status[signals], 16) & ~LIBRARYS_OWN for signals in ("SigBlk", "SigIgn", "SigCgt")} == {0}
    assert other.fd >= 0


async def test_a_program_leads_a_session_and_its_terminal_controls_it(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "cat")
    assert os.getsid(terminal.pid) == os.getpgid(terminal.pid) == terminal.pid
    terminal.type(b"\x03")
    assert (await desk.exit_of("w")).signal == signal.SIGINT


async def test_what_cannot_be_run_is_refused_and_nothing_is_left(desk: Desk) -> None:
    keeper = await desk.open()
    before = descriptors_of(keeper.pid), descriptors_of(os.getpid())
    plain, binary, script = (desk.directory / name for name in ("plain", "binary", "script"))
    plain.write_text("no program\n")
    binary.write_bytes(b"\0\1\2\3")
    script.write_text("#!/no/interpreter\n")
    for path in (binary, script):
        path.chmod(0o755)
    (desk.directory / "closed").mkdir()
    for program, reason in {
        "claud": "no such program: claud",
        "/no/claud": "no such program: /no/claud",
        str(plain): f"{plain}: Permission denied",
        str(desk.directory): f"{desk.directory}: Is a directory",
        str(binary): f"{binary}: Exec format error",
        str(script): f"{script}: the interpreter that its first line names is not there",
    }.items():
        with pytest.raises(ProgramNotStarted) as refusal:
            await desk.run(keeper, program)
        assert (refusal.value.program, refusal.value.reason) == (program, reason)
    for directory, reason in {
        "/no/where": "no such directory: /no/where",
        str(plain): f"{plain}: Not a directory",
    }.items():
        with pytest.raises(ProgramNotStarted) as refusal:
            await desk.run(keeper, "cat", directory=directory)
        assert refusal.value.reason == reason
    for argv, reason in {(): "argv names no program", ("a\0b",): "argv is not made of texts without NUL"}.items():
        with pytest.raises(ProgramNotStarted, match=reason):
            await desk.spawn(keeper, *argv)
    with pytest.raises(ProgramNotStarted, match="too long"):
        await desk.spawn(keeper, "echo", "x" * wire.LINE_BYTES)
    await desk.run(keeper, "true")
    await desk.exit_of("w")
    keeper.forget("w")
    for terminal in desk._terminals:
        terminal.close()
    await eventually(lambda: (descriptors_of(keeper.pid), descriptors_of(os.getpid())) == before)


async def test_a_program_is_found_as_a_shell_finds_it(desk: Desk) -> None:
    keeper = await desk.open()
    first, second = desk.directory / "first", desk.directory / "second"
    for directory in (first, second):
        directory.mkdir()
    (first / "tool").mkdir()
    (second / "tool").write_text("#!/bin/sh\necho found $0\n")
    (second / "tool").chmod(0o755)
    env = {"PATH": f"{desk.directory / 'none'}:{first}:{second}"}
    terminal = await desk.run(keeper, "tool", env=env)
    assert await terminal.to_end() == f"found {second / 'tool'}\n"


async def test_nothing_of_a_program_runs_before_go(desk: Desk) -> None:
    keeper = await desk.open()
    trace = desk.directory / "trace"
    terminal = await desk.spawn(keeper, "touch", str(trace))
    assert words_of(terminal.pid) == words_of(keeper.pid)  # it is still what it was forked from
    assert sorted(os.listdir(f"/proc/{terminal.pid}/fd")) == ["0", "1", "2", "3"]  # 3: where it waits
    assert not trace.exists()
    await keeper.go("w")
    await desk.exit_of("w")
    assert trace.exists()


async def test_go_returns_before_an_exit_is_told_that_came_together_with_it(desk: Desk) -> None:
    exited = {"exited": "w", "pid": 1, "code": 0, "at": 1.5}
    async with played_keeper(desk, {"started": "w"}, exited):
        keeper = await desk.open(start=False)
        await keeper.go("w")
        assert desk.exits == []
        assert await desk.exit_of("w") == ProgramExit(code=0, at=1.5)
        keeper.close()


async def test_an_exit_of_another_program_that_had_the_window_is_not_told(desk: Desk) -> None:
    exits = [{"exited": "w", "pid": pid, "code": pid, "at": 1.5} for pid in (3, 1)]
    async with played_keeper(desk, *exits, {"started": "w"}):
        keeper = await desk.open(start=False)
        await keeper.go("w")
        assert (await desk.exit_of("w")).code == 1
        keeper.forget("w")
        await keeper.go("w")
        assert len(desk.exits) == 1
        keeper.close()


async def test_a_keeper_of_another_version_is_refused(desk: Desk) -> None:
    async with played_keeper(desk, version=2):
        with pytest.raises(NoKeeper, match="speaks version 2"):
            await desk.open()


async def test_a_program_that_dies_before_go_is_refused(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.spawn(keeper, "cat")
    os.kill(terminal.pid, signal.SIGKILL)
    await eventually(lambda: is_zombie(terminal.pid))
    with pytest.raises(ProgramNotStarted, match="it ended before it began"):
        await keeper.go("w")
    await eventually(lambda: not is_zombie(terminal.pid))
    assert desk.exits == []


async def test_a_program_that_dies_with_go_unread_is_refused(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.spawn(keeper, "cat")
    os.kill(terminal.pid, signal.SIGSTOP)
    going = asyncio.create_task(keeper.go("w"))
    await asyncio.sleep(0)
    await eventually(lambda: state_of(keeper.pid) == b"S")
    os.kill(terminal.pid, signal.SIGKILL)
    with pytest.raises(ProgramNotStarted, match="it ended before it began"):
        await going
    assert desk.exits == []


# --------------------------------------------------------------------------------------------------- daemons that leave


async def test_a_daemon_that_leaves_between_spawn_and_go_leaves_no_process(desk: Desk) -> None:
    keeper = await desk.open()
    waiting = await desk.spawn(keeper, "cat")
    running = await desk.run(keeper, "cat", window="running")
    keeper.close()
    await eventually(lambda: not is_alive(waiting.pid) and not is_zombie(waiting.pid))
    again = await desk.open(start=False)
    assert list(again.kept) == ["running"]
    desk.terminal(again.kept["running"])
    assert is_alive(running.pid)


async def test_the_next_daemon_goes_on_at_exactly_the_next_line_of_a_flood(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, sys.executable, "-u", "-c", FLOOD)
    read = b""
    for _ in range(4):
        while len(terminal.read) < 1_000_000:
            assert await terminal.more()
        read += terminal.read
        keeper.close()
        terminal.close()
        keeper = await desk.open(start=False)
        terminal = desk.terminal(keeper.kept["w"])
    await terminal.more()
    lines = (read + terminal.read).split(b"\r\n")[:-1]
    assert lines == [b"%d" % number for number in range(len(lines))]
    assert len(lines) > 100_000


async def test_a_daemon_that_is_killed_leaves_its_programs_to_the_next(desk: Desk) -> None:
    script = f"""
import asyncio, os
from fugue_core.terminal.keeping import Keeper
async def main():
    keeper = await Keeper.open({desk.path!r}, start=True, on_exit=print, on_lost=print)
    kept = await keeper.spawn("w", ["cat"], {{"PATH": os.environ["PATH"]}}, "/", 80, 24)
    await keeper.go("w")
    print(keeper.pid, kept.pid, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    with python("-c", script) as daemon:
        assert daemon.stdout is not None
        pids = tuple(map(int, daemon.stdout.readline().split()))
        daemon.kill()
    keeper = await desk.open(start=False)
    terminal = desk.terminal(keeper.kept["w"])
    assert (keeper.pid, terminal.pid) == pids
    terminal.type(b"still here\n")
    await terminal.until(b"still here\r\nstill here\r\n")


async def test_an_exit_while_no_daemon_is_there_is_told_to_the_next(desk: Desk) -> None:
    keeper = await desk.open()
    flag = desk.directory / "flag"
    terminal = await desk.run(keeper, "sh", "-c", f"until [ -e {shlex.quote(str(flag))} ]; do sleep 0.01; done; exit 7")
    keeper.close()
    terminal.close()
    flag.touch()
    await eventually(lambda: is_zombie(terminal.pid))
    for _ in range(2):  # as often as it takes: until it is forgotten
        keeper = await desk.open(start=False)
        assert keeper.kept["w"].pid == terminal.pid
        assert keeper.kept["w"].exit is not None
        assert keeper.kept["w"].exit.code == 7
        desk.terminal(keeper.kept["w"])
        keeper.close()
    assert desk.exits == []
    keeper = await desk.open(start=False)
    desk.terminal(keeper.kept["w"])
    keeper.forget("w")
    await eventually(lambda: not is_zombie(terminal.pid))


async def test_a_program_that_could_not_run_after_its_daemon_left_exited_with_127(desk: Desk) -> None:
    keeper = await desk.open()
    script = desk.directory / "script"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    terminal = await desk.spawn(keeper, str(script))
    os.kill(terminal.pid, signal.SIGSTOP)
    going = asyncio.create_task(keeper.go("w"))
    await asyncio.to_thread(lambda: None)
    with Line(desk.path) as line:  # another daemon, which replaces the first between `go` and its answer
        assert line.until("window")["exit"] is None
        os.kill(terminal.pid, signal.SIGCONT)
        assert line.until("exited")["code"] == 127
    with pytest.raises(NoKeeper):
        await going


async def test_a_second_daemon_replaces_the_first(desk: Desk) -> None:
    first = await desk.open()
    await desk.run(first, "cat")
    second = await desk.open()
    await eventually(lambda: desk.losses == 1)
    assert first.bye == "replaced"
    desk.terminal(second.kept["w"])
    with pytest.raises(NoKeeper):
        await first.go("w")
    await desk.run(second, "true", window="other")
    await desk.exit_of("other")
    assert desk.losses == 1


async def test_two_daemons_at_once_start_one_keeper(desk: Desk) -> None:
    async with asyncio.TaskGroup() as tasks:
        opening = [tasks.create_task(desk.open()) for _ in range(4)]
    assert len({task.result().pid for task in opening}) == 1
    await eventually(lambda: len(keepers_at(desk.path)) == 1)


async def test_a_second_keeper_leaves_the_first_alone(desk: Desk) -> None:
    keeper = await desk.open()
    with python("-m", keeper_module.__name__, "--socket", desk.path, "--ready-fd", "1") as second:
        assert second.communicate(timeout=PATIENCE_S) == (b"held\n", b"")
        assert second.returncode == 1
    assert (await desk.open(start=False)).pid == keeper.pid


async def test_where_none_runs_and_none_shall_be_started_there_is_none(desk: Desk) -> None:
    assert await Keeper.open(desk.path, start=False, on_exit=print, on_lost=print) is None
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(desk.path)
    assert await Keeper.open(desk.path, start=False, on_exit=print, on_lost=print) is None
    await desk.open()


async def test_a_keeper_that_cannot_be_started_says_why(desk: Desk) -> None:
    desk.path = str(desk.directory / ("x" * 120))
    with pytest.raises(NoKeeper, match="too long"):
        await desk.open()
    desk.path = str(desk.directory / "none" / "keeper")
    with pytest.raises(NoKeeper, match="No such file or directory"):
        await desk.open()


async def test_a_spawn_that_nobody_waits_for_any_more_leaves_nothing(desk: Desk) -> None:
    keeper = await desk.open()
    before = descriptors_of(keeper.pid), descriptors_of(os.getpid())
    for turns in range(4):
        spawning = asyncio.create_task(keeper.spawn(f"w{turns}", ["cat"], dict(os.environ), "/", 80, 24))
        for _ in range(turns):
            await asyncio.sleep(0)
        spawning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await spawning
    await desk.run(keeper, "true")
    await desk.exit_of("w")
    keeper.forget("w")
    desk._terminals[-1].close()
    await eventually(lambda: (descriptors_of(keeper.pid), descriptors_of(os.getpid())) == before)


async def test_a_spawn_that_is_given_up_when_its_answer_is_there_leaves_nothing(desk: Desk) -> None:
    keeper = await desk.open()
    before = descriptors_of(os.getpid())
    spawning = asyncio.create_task(keeper.spawn("w", ["/bin/cat"], {}, "/", 80, 24))
    await asyncio.sleep(0)
    select.select([keeper._socket], [], [], PATIENCE_S)
    keeper._read()
    assert descriptors_of(os.getpid()) == before + 1
    spawning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await spawning
    assert descriptors_of(os.getpid()) == before
    await eventually(lambda: not children_of(keeper.pid))


# ----------------------------------------------------------------------------------------------------------------- end


async def test_a_kill_reaches_all_of_a_session_whatever_it_ignores(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "bash", "-c", STUBBORN)
    await terminal.until(b"ready")
    await eventually(lambda: len(processes_of(terminal.pid)) >= 5)
    assert len({os.getpgid(pid) for pid in processes_of(terminal.pid)}) >= 3
    keeper.signal("w", signal.SIGHUP)
    keeper.signal("w", signal.SIGTERM)
    keeper.signal("w", signal.SIGKILL)
    assert (await desk.exit_of("w")).signal == signal.SIGKILL
    await eventually(lambda: not processes_of(terminal.pid))


async def test_what_a_program_left_behind_is_reached_after_its_exit(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "bash", "-c", "trap '' HUP; set -m; sleep 1000 & exit 0")
    await desk.exit_of("w")
    assert len(processes_of(terminal.pid)) == 1
    keeper.signal("w", signal.SIGKILL)
    await eventually(lambda: not processes_of(terminal.pid))


async def test_to_forget_what_runs_kills_it(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "bash", "-c", STUBBORN)
    await terminal.until(b"ready")
    keeper.forget("w")
    await eventually(lambda: not processes_of(terminal.pid) and not is_zombie(terminal.pid))
    again = await desk.run(keeper, "cat")  # the id is free at once, and what happens to the first is not told of it
    assert is_alive(again.pid)
    assert desk.exits == []


@pytest.mark.parametrize("how", ["stop", "SIGTERM"])
async def test_a_keeper_that_is_ended_leaves_nothing_behind(desk: Desk, how: str) -> None:
    keeper = await desk.open()
    stubborn = await desk.run(keeper, "bash", "-c", STUBBORN, window="stubborn")
    await stubborn.until(b"ready")
    polite = await desk.run(keeper, "cat", window="polite")
    stopped = await desk.run(keeper, "cat", window="stopped")
    os.kill(stopped.pid, signal.SIGSTOP)
    waiting = await desk.spawn(keeper, "cat", window="waiting")
    terminals = (stubborn, polite, stopped, waiting)
    if how == "stop":
        await keeper.stop()
        assert desk.losses == 0
    else:
        os.kill(keeper.pid, signal.SIGTERM)
        await eventually(lambda: desk.losses == 1)
        assert keeper.bye == "stopped"
    assert not desk.has_socket()
    await eventually(lambda: not is_alive(keeper.pid))
    assert processes_of(*(terminal.pid for terminal in terminals)) == []
    await eventually(lambda: not any(is_zombie(terminal.pid) for terminal in terminals))
    ends = {window: exit_.signal for window, exit_ in desk.exits}
    assert ends == {"stubborn": signal.SIGKILL, "polite": signal.SIGHUP, "stopped": signal.SIGHUP}
    assert await Keeper.open(desk.path, start=False, on_exit=print, on_lost=print) is None


async def test_a_keeper_that_is_ending_begins_nothing(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "bash", "-c", STUBBORN)
    await terminal.until(b"ready")
    stopping = asyncio.create_task(keeper.stop())
    await asyncio.sleep(0)
    with pytest.raises(ProgramNotStarted, match="the keeper is ending"):
        await desk.spawn(keeper, "cat", window="late")
    await stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
async def test_what_is_typed_at_a_terminal_does_not_end_a_keeper(desk: Desk, number: int) -> None:
    keeper = await desk.open()
    os.kill(keeper.pid, number)
    await desk.run(keeper, "true")
    await desk.exit_of("w")
    assert os.getsid(keeper.pid) == keeper.pid


async def test_a_keeper_that_is_killed_is_told_once_and_its_programs_can_be_ended(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "bash", "-c", STUBBORN)
    await terminal.until(b"ready")
    began = process_start(terminal.pid)
    os.kill(keeper.pid, signal.SIGSTOP)
    spawning = asyncio.create_task(desk.spawn(keeper, "cat", window="late"))
    await asyncio.to_thread(lambda: None)
    os.kill(keeper.pid, signal.SIGKILL)
    with pytest.raises(NoKeeper):
        await spawning
    await eventually(lambda: desk.losses == 1)
    with pytest.raises(NoKeeper):
        await desk.spawn(keeper, "cat", window="later")
    keeper.signal("w", 9)
    keeper.forget("w")
    await keeper.stop()
    assert await Keeper.open(desk.path, start=False, on_exit=print, on_lost=print) is None
    assert await end_session(terminal.pid, 1) == []  # another process that has the id by now is not touched
    assert processes_of(terminal.pid)
    steps = ((signal.SIGHUP, 0.05), (signal.SIGTERM, 0.05), (signal.SIGKILL, PATIENCE_S))
    assert await end_session(terminal.pid, began, steps) == []
    assert processes_of(terminal.pid) == []
    again = await desk.open()
    assert (again.kept, desk.losses) == ({}, 1)
    assert again.pid != keeper.pid


async def test_a_child_that_waits_ends_with_its_keeper(desk: Desk) -> None:
    keeper = await desk.open()
    terminals = [await desk.spawn(keeper, "cat", window=str(number)) for number in range(3)]
    os.kill(keeper.pid, signal.SIGKILL)
    await eventually(lambda: not any(is_alive(terminal.pid) for terminal in terminals))


async def test_a_keeper_without_daemon_and_programs_ends_by_itself(desk: Desk) -> None:
    with python("-m", keeper_module.__name__, "--socket", desk.path, "--idle-s", "2") as process:
        keeper = await desk.find()
        terminal = await desk.run(keeper, "cat")
        keeper.close()
        terminal.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)  # longer than it stays without a program
        keeper = await desk.open(start=False)
        desk.terminal(keeper.kept["w"])
        keeper.forget("w")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)  # likewise without a daemon
        keeper.close()
        assert process.wait(PATIENCE_S) == 0
    assert not desk.has_socket()


# -------------------------------------------------------------------------------------------------------------- limits


async def test_two_hundred_programs_leave_no_descriptor_and_no_process(desk: Desk) -> None:
    keeper = await desk.open()
    before = descriptors_of(keeper.pid), descriptors_of(os.getpid())
    for number in range(200):
        window = str(number)
        terminal = await desk.run(keeper, "true", window=window)
        if number % 2:
            await desk.exit_of(window)
        keeper.forget(window)
        terminal.close()
    await eventually(lambda: (descriptors_of(keeper.pid), descriptors_of(os.getpid())) == before)
    await eventually(lambda: not children_of(keeper.pid))


async def test_a_keeper_without_descriptors_refuses_and_goes_on(desk: Desk) -> None:
    keeper = await desk.open()
    allowed = descriptors_of(keeper.pid) + 8
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (allowed, allowed))
    windows: list[str] = []

    async def run_without_end() -> None:
        while True:
            await desk.run(keeper, "cat", window=f"w{len(windows)}")
            windows.append(f"w{len(windows)}")

    with pytest.raises(ProgramNotStarted, match="Too many open files"):
        await run_without_end()
    assert len(windows) == 5  # one takes four while it begins, and then one
    keeper.signal(windows[0], signal.SIGKILL)
    await desk.exit_of(windows[0])
    used = descriptors_of(keeper.pid)
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (used, used))
    second = await desk.open()  # there is always a descriptor for the next daemon, also beside the one that it replaces
    assert list(second.kept) == windows
    for kept in second.kept.values():
        desk.terminal(kept)
    for window in windows:
        second.forget(window)
    await desk.run(second, "cat", window="again")


async def test_a_daemon_without_descriptors_is_refused_and_the_order_of_terminals_is_kept(desk: Desk) -> None:
    keeper = await desk.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.open(os.devnull, os.O_RDONLY)
    highest = spare
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        filling = []
        with contextlib.suppress(OSError):
            while True:
                filling.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(ProgramNotStarted, match="too many open files"):
            await desk.spawn(keeper, "cat", window="full")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in (spare, *filling):
            os.close(fd)
    terminal = await desk.run(keeper, "sh", "-c", "echo this one")
    await terminal.until(b"this one")
    await eventually(lambda: len(children_of(keeper.pid)) == 1)
    keeper.close()
    again = await desk.open()
    assert list(again.kept) == ["w"]
    desk.terminal(again.kept["w"])


async def test_a_keeper_is_patient_with_other_versions_and_not_with_noise(desk: Desk) -> None:
    keeper = await desk.open()
    terminal = await desk.run(keeper, "cat")
    with Line(desk.path) as line:
        assert line.read() == {"keeper": 1, "pid": keeper.pid}
        assert line.read() == {"window": "w", "pid": terminal.pid, "exit": None, "fd": True}
        assert line.read() == {"ready": True}
        line.write({"op": "dance", "window": "w"}, {"op": "go"}, {"op": "go", "window": "w"}, {"none": 1})
        assert ["error" in line.read() for _ in range(4)] == [True] * 4
        line.write({"op": "signal", "window": "w", "signal": signal.SIGCONT, "scope": "session", "colour": "blue"})
        line.write({"op": "signal", "window": "w", "signal": 4711, "scope": "session"})
        assert line.read() == {"error": "no signal 4711"}
        line.write({"op": "signal", "window": "w", "signal": 9, "scope": "world"}, {"op": "go", "window": "none"})
        assert line.read() == {"error": "no scope 'world'"}
        assert line.read() == {"refused": "none", "reason": "there is no such window"}
        line.write({"op": "spawn", "window": "w", "argv": ["true"]})
        assert line.read() == {"refused": "w", "reason": "there is a window of this id"}
        damages: tuple[dict[str, Any], ...] = (
            {"argv": "true"},
            {"env": []},
            {"directory": None},
            {"cols": 0},
            {"rows": "1"},
            {"umask": -1},
        )
        for damage in damages:
            order = {"argv": ["true"], "env": {}, "directory": "/", "cols": 80, "rows": 24}
            line.write({"op": "spawn", "window": "x", **order, **damage})
            refused = line.read()
            assert (refused["refused"], bool(refused["reason"])) == ("x", True)
    for noise in (b"noise\n", b"[1]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n"):
        with Line(desk.path) as line:
            line.until("ready")
            line.socket.sendall(noise)
            assert line.read() == {"bye": "not a JSON object"}
            assert line.file.read() == b""
    with Line(desk.path) as line:
        line.until("ready")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.socket.sendall(b"x" * (wire.LINE_BYTES + 2**20))
        with contextlib.suppress(ConnectionResetError):
            assert line.read() == {"bye": "line too long"}
    again = await desk.open(start=False)
    assert again.pid == keeper.pid
    desk.terminal(again.kept["w"])


async def test_a_daemon_that_does_not_read_is_let_go(desk: Desk) -> None:
    keeper = await desk.open()
    await desk.run(keeper, "cat")
    question = {"op": "go", "window": "x" * 10_000}
    questions = [question] * (4 * wire.OUTBOX_BYTES // 10_000)
    with Line(desk.path) as line, pytest.raises((BrokenPipeError, ConnectionResetError)):
        line.write(*questions)
    again = await desk.open(start=False)
    assert again.pid == keeper.pid
    desk.terminal(again.kept["w"])


async def test_more_terminals_than_may_be_on_their_way_at_once_arrive_all(desk: Desk) -> None:
    keeper = await desk.open()
    for number in range(30):
        await desk.run(keeper, "cat", window=str(number))
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (10, 10))  # of which the system makes that limit
    with Line(desk.path) as line:
        await eventually(lambda: state_of(keeper.pid) == b"S")  # it has sent what it could
        assert line.read()["keeper"] == 1
        assert [line.read()["window"] for _ in range(30)] == [str(number) for number in range(30)]
        assert line.read() == {"ready": True}


async def test_what_a_daemon_reads_late_is_whole(desk: Desk) -> None:
    keeper = await desk.open()
    ids = [f"{number} {'x' * 100_000}" for number in range(60)]  # more than the system holds, and takes at once
    with Line(desk.path) as line:
        line.until("ready")
        line.write(*({"op": "go", "window": window} for window in ids))
        assert [line.until("refused")["refused"] for _ in ids] == ids
    assert is_alive(keeper.pid)


async def test_a_terminal_that_was_forgotten_before_it_was_sent_is_not_sent(desk: Desk) -> None:
    keeper = await desk.open()
    directory = str(desk.directory)
    order = {"op": "spawn", "argv": ["/bin/cat"], "env": {}, "directory": directory, "cols": 9, "rows": 9}
    with Line(desk.path) as line:
        line.until("ready")
        line.write(*({"op": "go", "window": "x" * 10_000} for _ in range(300)))
        line.write({**order, "window": "a"}, {**order, "window": "b"})
        await eventually(lambda: len(children_of(keeper.pid)) == 2)
        # Where a child is in its directory and waits, it has said so
        await eventually(lambda: {os.readlink(f"/proc/{pid}/cwd") for pid in children_of(keeper.pid)} == {directory})
        await eventually(lambda: {state_of(pid) for pid in children_of(keeper.pid)} == {b"S"})
        await eventually(lambda: state_of(keeper.pid) == b"S")  # and it has heard them
        line.write({"op": "forget", "window": "a"}, {"op": "go", "window": "last"})
        said = []
        while (message := line.read()).get("refused") != "last":
            said.append(message)
        assert [message["spawned"] for message in said if "spawned" in message] == ["b"]
    await eventually(lambda: not children_of(keeper.pid))


async def test_a_bug_costs_a_connection_and_no_program(desk: Desk) -> None:
    script = f"""
from fugue_core.terminal import keeper, program
fork = program.fork
program.fork = lambda order, descriptors: 1 / 0 if order.argv == ["bug"] else fork(order, descriptors)
keeper.main(["--socket", {desk.path!r}])
"""
    with python("-c", script) as process:
        keeper = await desk.find()
        await desk.run(keeper, "cat")
        with pytest.raises(NoKeeper):
            await desk.run(keeper, "bug", window="bug")
        keeper = await desk.open(start=False)
        terminal = desk.terminal(keeper.kept["w"])
        terminal.type(b"still here\n")
        await terminal.until(b"still here\r\nstill here\r\n")
        await keeper.stop()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert b"ZeroDivisionError" in process.stderr.read()


def test_another_user_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wire.is_own_user(ours)
        monkeypatch.setattr(os, "getuid", lambda: 4711)
        assert not wire.is_own_user(ours)


async def test_many_terminals_are_handed_over_at_once(desk: Desk) -> None:
    keeper = await desk.open()
    pids = {}
    for number in range(60):
        terminal = await desk.run(keeper, "cat", window=str(number))
        pids[str(number)] = terminal.pid
    again = await desk.open()
    assert {window: kept.pid for window, kept in again.kept.items()} == pids
    for window, kept in again.kept.items():
        terminal = desk.terminal(kept)
        terminal.type(f"I am {window}\n".encode())
        await terminal.until(f"I am {window}\r\nI am {window}\r\n".encode())
        assert os.get_inheritable(kept.master) is False
        assert os.get_blocking(kept.master) is False


def test_the_keeper_loads_next_to_nothing() -> None:
    program = "import sys, fugue_core.terminal.keeper\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"argparse", "asyncio", "inspect", "msgspec", "pathlib", "subprocess", "threading", "typing"}
    ours = {name for name in loaded if name.startswith("fugue_core.")}
    assert ours == {"fugue_core.terminal", *(f"fugue_core.terminal.{name}" for name in ("keeper", "program", "wire"))}
