"""Run all benchmarks, one after the other, and print one table. `make bench` calls it.

Each script is a process of its own: what one leaves behind in memory cannot slow the next. Everything that is written
goes to a temporary directory that is gone afterwards. Without the peers (`make bench` brings the Python ones along;
nats-server and redis-server are Debian packages) their rows are missing, and it is said.

A benchmark that fails is reported and the others run all the same; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import importlib.metadata
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
from figure import Figure, format_table
from peer import scratch

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 1200.0
"""For one script; the longest takes a few minutes."""
PEERS = ("blinker", "Pypubsub", "nats-py", "redis", "hiredis")
SERVERS = ("nats-server", "redis-server")


def main() -> int:
    """Return 0 where everything was measured, whether its goal was reached or not."""
    parser = argparse.ArgumentParser(description="Run all benchmarks and print one table.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to see that it works")
    parser.add_argument("names", nargs="*", help="only these: `router`, `feed`, ... (default: all)")
    arguments = parser.parse_args()
    scripts = sorted(glob.glob(os.path.join(HERE, "bench_*.py")))
    if arguments.names:
        scripts = [script for script in scripts if _name(script) in arguments.names]
    print(describe_machine(), flush=True)
    figures: list[Figure] = []
    failed = []
    for script in scripts:
        began = time.monotonic()
        found = _run(script, is_quick=arguments.quick)
        _say(f"{_name(script)}: {time.monotonic() - began:.0f} s{'' if found else ', FAILED'}")
        figures += found
        if not found:
            failed.append(_name(script))
    print(f"\n{format_table(figures)}\n\n{summarise(figures)}")
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed or not scripts else 0


def summarise(figures: list[Figure]) -> str:
    """Return how many goals were reached, and which were not, by how much."""
    measured = [figure for figure in figures if figure.goal is not None]
    reached = sum(figure.verdict() == "reached" for figure in measured)
    lines = [f"{reached} of {len(measured)} goals reached."]
    for figure in measured:
        if (verdict := figure.verdict()) != "reached":
            beside = f" beside {figure.peer}" if figure.goal and figure.goal.kind == "ratio" and figure.peer else ""
            lines.append(f"- {figure.what}{beside}: {verdict}")
    return "\n".join(lines)


def describe_machine() -> str:
    """Return what a reader must know to compare: the machine, the system, and what was installed."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, msgspec {msgspec.__version__}"
    peers = [*map(_server_version, SERVERS), *map(_package_version, PEERS)]
    return "\n".join(
        [
            f"machine   {_processor()}, {os.cpu_count()} cores, {memory_gib:.1f} GiB",
            f"system    {_system()}, Linux {platform.release()}",
            f"software  {versions}",
            f"peers     {', '.join(peers)}",
            f"load      {os.getloadavg()[0]:.1f} before the first of them",
        ]
    )


def _name(script: str) -> str:
    return os.path.basename(script).removeprefix("bench_").removesuffix(".py")


def _run(script: str, *, is_quick: bool) -> list[Figure]:
    """Return a script's figures; none where it failed, which it has said on stderr."""
    command = [sys.executable, script, "--json", *(["--quick"] if is_quick else [])]
    with scratch() as directory, _process(command, os.environ | {"TMPDIR": directory}) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            _say(f"{_name(script)}: not done after {PATIENCE_S:.0f} s")
            return []
    return msgspec.json.decode(output, type=list[Figure]) if process.returncode == 0 else []


@contextlib.contextmanager
def _process(command: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own; whatever of the group is left ends with it."""
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, process_group=0)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return platform.system()


def _server_version(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        return f"no {program}"
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True).stdout
    version = next(
        (word for word in said.replace("v=", "v").split() if word.startswith("v") and word[1:2].isdigit()), ""
    )
    return f"{program} {version[1:]}"


def _package_version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {package}"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
