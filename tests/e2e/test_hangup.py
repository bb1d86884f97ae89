"""A terminal that is closed while fugue is open in it: nothing goes on without it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fugue_tui.demo import EXAMPLE
from tests.e2e.conftest import Fugue
from tests.e2e.daemon import PATIENCE_S, ROOT, until
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.timeout(120)
HUNG_UP = {128 + signal.SIGHUP, 120}
"""The second is Python's own, where the last of the output had nowhere to go."""
MOMENTS = {"the screen": "Many voices", "the first drawing": "\x1b[?1049h"}


@contextmanager
def deaf_to_sighup() -> Iterator[None]:
    """What is started within ignores SIGHUP, as under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def ends(terminal: Terminal) -> int:
    """Look on until the command has ended by itself; return its exit code."""
    return terminal.process.wait(PATIENCE_S)


def hang_up_at(terminal: Terminal, moment: str) -> None:
    terminal.until(lambda: moment in terminal.text or moment.encode() in terminal.written, moment)
    terminal.hang_up()


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_screen_ends_with_its_terminal(fugue: Fugue, moment: str) -> None:
    fugue.environment["TERM"] = "xterm-256color"
    with Terminal(fugue, cols=120, rows=40) as terminal:
        hang_up_at(terminal, MOMENTS[moment])
        assert ends(terminal) in HUNG_UP


def test_the_screen_ends_with_its_terminal_where_no_signal_says_so(fugue: Fugue) -> None:
    fugue.environment["TERM"] = "xterm-256color"
    with deaf_to_sighup():
        terminal = Terminal(fugue, cols=120, rows=40)
    with terminal:
        hang_up_at(terminal, "Many voices")
        assert ends(terminal) in HUNG_UP


def test_what_was_typed_outlives_the_terminal(fugue: Fugue) -> None:
    fugue.environment["TERM"] = "xterm-256color"
    with Terminal(fugue, cols=120, rows=40) as terminal:
        terminal.until_shows("Many voices")
        terminal.type("M")
        terminal.until_shows("COMPOSE")
        terminal.type("quagga\r")
        terminal.until_shows("quagga")
        terminal.hang_up()
        assert ends(terminal) in HUNG_UP
    kept = "".join(path.read_text() for path in (fugue.directory.parent / "state").rglob("*.json"))
    assert "quagga" in kept


def test_sigterm_leaves_the_terminal_as_it_was(fugue: Fugue) -> None:
    fugue.environment["TERM"] = "xterm-256color"
    with Terminal(fugue, cols=120, rows=40) as terminal:
        terminal.until_shows("Many voices")
        assert terminal.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert terminal.is_as_before


@pytest.mark.skipif(not (ROOT / EXAMPLE).exists(), reason="the example is not here")
@pytest.mark.parametrize("moment_s", [0.3, 0.6, 1.0, 1.5, 2.5])
def test_the_demo_ends_with_its_terminal_and_leaves_nothing_behind(fugue: Fugue, moment_s: float) -> None:
    short = Path(fugue.environment["XDG_RUNTIME_DIR"])
    fugue.environment |= {"TERM": "xterm-256color", "TMPDIR": str(short)}
    with Terminal(fugue, "--demo", cols=120, rows=40) as terminal:
        until(lambda: any(short.glob("fugue-demo-*/town/.git")), PATIENCE_S)
        begun = time.monotonic()
        terminal.until(lambda: bool(terminal.text) and time.monotonic() > begun + moment_s)
        terminal.hang_up()
        ends(terminal)
    until(lambda: not any(short.glob("fugue-demo-*")), PATIENCE_S)
