"""The servers that take part, each in the temporary directory of the run: fugue's daemon, nats-server, redis-server."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

STARTING_S = 30.0
ENDING_S = 10.0
SOCKET = "bench.sock"

CONFIG = """
[limits]
mailbox_messages = 100000000
mailbox_bytes = 1000000000000
mailbox_sender_messages = 100000000
mailbox_sender_bytes = 1000000000000
pair_turns = 1000000000

[store]
synchronous = "{synchronous}"
"""
"""Nothing is refused for being full: a benchmark of sending has nobody who reads."""


def is_installed(program: str, module: str) -> bool:
    """Say whether a peer can take part: its server and its client are there. Says what is missing on stderr."""
    missing = [] if shutil.which(program) else [program]
    if importlib.util.find_spec(module) is None:
        missing.append(f"the Python module {module}")
    if missing:
        print(f"not installed, and so not measured: {' and '.join(missing)}", file=sys.stderr)
    return not missing


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """Make a directory for everything that a run writes; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fugue-bench-") as directory:
        yield directory


@contextlib.contextmanager
def fugue_daemon(directory: str, *, synchronous: str = "normal") -> Iterator[str]:
    """Run a daemon of its own; yield the path of its socket."""
    with fugue_process(directory, synchronous=synchronous) as (socket_path, _):
        yield socket_path


@contextlib.contextmanager
def fugue_process(directory: str, *, synchronous: str = "normal") -> Iterator[tuple[str, int]]:
    """Run a daemon of its own; yield the path of its socket, and its process id."""
    home = fugue_home(directory, synchronous=synchronous)
    socket_path = os.path.join(home, SOCKET)
    with running_fugue(home, socket_path) as process:
        yield socket_path, process.pid


def fugue_home(directory: str, *, synchronous: str = "normal") -> str:
    """Make what stands in for the user's directories, with a configuration in it; return its path."""
    home = os.path.join(directory, f"fugue-{synchronous}")
    os.makedirs(os.path.join(home, "fugue"), mode=0o700)
    with open(os.path.join(home, "fugue", "config.toml"), "w", encoding="utf-8") as file:
        file.write(CONFIG.format(synchronous=synchronous))
    return home


@contextlib.contextmanager
def running_fugue(home: str, socket_path: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon with `home` in place of the user's directories."""
    ready, ready_end = os.pipe()
    command = [sys.executable, "-m", "fugue_core.daemon", "--socket", socket_path, "--ready-fd", str(ready_end)]
    with _running(command, environment(home), pass_fds=(ready_end,)) as process:
        os.close(ready_end)
        with open(ready, encoding="utf-8") as file:
            said = file.readline().strip()
        if said != "ready":
            raise RuntimeError(f"the daemon did not start: {said or 'it ended'}")
        yield process


def environment(home: str) -> dict[str, str]:
    """Return an environment in which fugue keeps everything in `home`."""
    directories = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"), home)
    return {name: value for name, value in os.environ.items() if not name.startswith("FUGUE_")} | directories


@contextlib.contextmanager
def nats_server(directory: str, *, sync: str | None = None) -> Iterator[str]:
    """Run a nats-server with JetStream; yield its URL.

    Args:
        directory: Where its store goes.
        sync: How often JetStream syncs its files, `always` for before each answer; None: its default.
    """
    port = _free_port()
    path = os.path.join(directory, f"nats-{port}")
    config = f"{path}.conf"
    with open(config, "w", encoding="utf-8") as file:
        interval = f", sync_interval: {sync}" if sync else ""
        file.write(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{path}"{interval} }}\n')
    with _running(["nats-server", "-c", config]):
        _wait_for_port(port)
        yield f"nats://127.0.0.1:{port}"


def nats_version() -> tuple[int, ...]:
    """Return the version of the nats-server that is installed."""
    said = subprocess.run(["nats-server", "--version"], capture_output=True, check=True, text=True).stdout
    return tuple(int(part) for part in said.rpartition("v")[2].strip().split("."))


@contextlib.contextmanager
def redis_server(directory: str) -> Iterator[str]:
    """Run a redis-server that keeps nothing; yield the path of its Unix socket."""
    path = os.path.join(directory, "redis.sock")
    options = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", directory]
    with _running(["redis-server", *options]):
        _wait_until(lambda: os.path.exists(path))
        yield path


@contextlib.contextmanager
def _running(
    command: Sequence[str], environ: dict[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server; end it, and wait for its end."""
    process = subprocess.Popen(
        command,
        env=environ,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("FUGUE_BENCH_LOUD") else subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _wait_until(answers)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STARTING_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("a server did not start")
        time.sleep(0.01)
