"""The demo: a town of `examples/gas_town.py` that really runs, in a temporary directory and a server of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

EXAMPLE = "examples/gas_town.py"
PATIENCE_S = 10.0
ENDS = (signal.SIGHUP, signal.SIGTERM)


class NoDemo(Exception):
    """The demo cannot be shown; the text says why."""


@contextlib.contextmanager
def demo_town() -> Iterator[Path]:
    """Start the town, and end it and its server; within the block this process is in its directory.

    The environment names the demo's server within the block, and is as it was afterwards. The user's own sessions,
    messages and configuration are not touched.

    Raises:
        NoDemo: The example is not installed, or git is missing.
    """
    program = find_example()
    was, directory = dict(os.environ), os.getcwd()
    with tempfile.TemporaryDirectory(prefix="fugue-demo-", ignore_cleanup_errors=True) as home:
        town = Path(home) / "town"
        try:
            subprocess.run(["git", "init", "--quiet", "-b", "main", town], check=True)  # noqa: S603, S607  # the user's own
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoDemo(f"the demo needs git: {error}") from error
        os.environ["FUGUE_SOCKET"] = f"{home}/demo.sock"
        os.environ["XDG_STATE_HOME"] = f"{home}/state"
        os.environ.pop("FUGUE_SESSION", None)
        os.chdir(town)
        log = open(f"{home}/town.log", "wb")  # noqa: SIM115  # closed below, with the process that writes to it
        players = subprocess.Popen(  # noqa: S603  # this interpreter
            [sys.executable, str(program), "--endless"],
            cwd=town,
            stdin=subprocess.PIPE,  # it ends with this process, however that ends
            stdout=log,
            stderr=log,
            start_new_session=True,  # ctrl+c in the screen is a key, and not the town's end
        )
        before = {number: signal.signal(number, _leave) for number in ENDS}
        try:
            yield town
        finally:
            for number in ENDS:  # a terminal's end may send more than one, and the town has to end all the same
                signal.signal(number, signal.SIG_IGN)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(players.pid, signal.SIGTERM)
            if players.stdin is not None:
                players.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                players.wait(PATIENCE_S)
            players.kill()
            players.wait()
            log.close()
            _stop_daemon()
            os.chdir(directory)
            os.environ.clear()
            os.environ.update(was)
            for number, handler in before.items():
                signal.signal(number, handler)


def _leave(number: int, _frame: object) -> None:
    """Let what ends this process end the town as well; while there is a screen that is `TerminalDriver`'s affair."""
    for each in ENDS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def find_example() -> Path:
    """Return the path of the example: beside the package in a checkout, within it where it is installed."""
    package = Path(__file__).parent
    for place in (package.parent / EXAMPLE, package / Path(EXAMPLE).name):
        if place.is_file():
            return place
    raise NoDemo(f"{EXAMPLE} is missing, here and in {package}: install fugue anew")


def _stop_daemon() -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # this interpreter
            [sys.executable, "-m", "fugue_tui", "daemon", "stop", "--all"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
