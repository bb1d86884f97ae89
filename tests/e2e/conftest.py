"""The command line as a user has it: the installed script, a home of its own, the daemon that it starts itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.daemon import PATIENCE_S, Wire, end_keeper, until

SCRIPT = Path(sys.executable).parent / "fugue"

ENVELOPE_FIELDS = {"id", "seq", "sender", "target", "sent_at", "message", "reply_to", "expires_at", "chain", "hops"}
SESSION_FIELDS = {
    *("id", "name", "created_at", "window_count", "attached_clients"),
    *("worktree", "tags", "repo", "metadata", "unread"),
    *("wake", "wake_reason"),
}


class Result(NamedTuple):
    """How a command ended.

    Fields:
        code: Its exit code.
        out, err: What it wrote.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON text on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def objects(self) -> list[Any]:
        """The JSON texts on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def repository(directory: Path) -> Path:
    """Make a git repository without a commit; return its directory."""
    subprocess.run(["git", "init", "-q", "-b", "main", directory], check=True)
    return directory


class Server:
    """Where one test's daemon is, or will be.

    Attributes:
        environment: In which every client finds it, and starts it.
        socket_path: Where it listens.
        state_dir: Where it keeps its messages and its log.
        directory: The test's own; `environment` has its home and the XDG directories in it.
    """

    def __init__(self, directory: Path, runtime_directory: Path) -> None:
        self.directory = directory
        self.socket_path = str(runtime_directory / "fugue" / "default.sock")
        self.state_dir = directory / "state" / "fugue" / "default"
        self.environment = {
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "XDG_CONFIG_HOME": str(directory / "config"),
            "XDG_RUNTIME_DIR": str(runtime_directory),
            "XDG_STATE_HOME": str(directory / "state"),
        }

    def pids(self) -> list[int]:
        """Return the daemons that listen, or mean to, at this socket; there should never be two."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            if b"fugue_core.daemon" in words and self.socket_path.encode() in words:
                found.append(int(entry.name))
        return found

    def stop(self) -> None:
        """End the daemon, if there is one, and return when it is gone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                os.kill(pid, number)
            try:
                until(lambda: not self.pids(), PATIENCE_S / 2)
            except AssertionError:
                continue
            break
        end_keeper(self.socket_path)


class Fugue:
    """Runs `fugue`.

    Attributes:
        directory: Where it runs unless a call says otherwise; it is not in git.
        environment: What it finds there; tests may change it.
    """

    def __init__(self, server: Server, directory: Path) -> None:
        self.directory = directory
        self.environment = dict(server.environment)
        self._socket_path = server.socket_path
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(
        self, *words: str, stdin: str | bytes = "", session: str | None = None, cwd: Path | None = None
    ) -> Result:
        """Run it to its end, with `session` as its `FUGUE_SESSION`."""
        done = subprocess.run(
            [SCRIPT, *words],
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            env=self._environment(session),
            cwd=cwd or self.directory,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str, session: str | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """Start it, with unbuffered pipes as its stdin, stdout and stderr unless `options` of `Popen` say otherwise."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [SCRIPT, *words],
            env=self._environment(session),
            cwd=self.directory,
            bufsize=0,
            **{**pipes, **options},
        )
        self._started.append(process)
        return process

    def join(self, name: str, *words: str, cwd: Path | None = None) -> str:
        """Join, and return the session's id."""
        joined = self("join", name, *words, "--json", cwd=cwd)
        assert joined.code == 0, joined.err
        session: str = joined.json["id"]
        return session

    def wire(self, session: str) -> Wire:
        """Return a bare connection that speaks for `session`, for what would take too many commands."""
        return Wire(self._socket_path, session)

    def close(self) -> None:
        """End what was started."""
        for process in self._started:
            with process:
                process.kill()

    def _environment(self, session: str | None) -> dict[str, str]:
        return {**self.environment, "FUGUE_SESSION": session} if session else self.environment


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A place for a daemon; whoever first speaks to it starts it, and it is gone at the end."""
    # A socket's path has at most 107 bytes, and pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="fugue-") as runtime_directory:
        server = Server(tmp_path, Path(runtime_directory))
        yield server
        server.stop()


@pytest.fixture
def fugue(server: Server, tmp_path: Path) -> Iterator[Fugue]:
    """`fugue` with `server` as its default."""
    directory = tmp_path / "work"
    directory.mkdir()
    fugue = Fugue(server, directory)
    yield fugue
    fugue.close()
