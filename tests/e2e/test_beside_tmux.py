"""The same programs, with the same keys, in fugue and in tmux: both must show the same, cell by cell.

What is not installed is skipped: the programs are other people's, and every machine has some of them.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fugue_core.protocol.window import Line, Run
from fugue_core.terminal.screen import open_screen
from tests.e2e.daemon import PATIENCE_S, Daemon, Wire, until
from tests.e2e.tmux import Tmux

COLS, ROWS = 90, 24
QUIET_S = 0.3
"""A screen that has not changed for so long is taken as drawn."""

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux to compare with")

TEXT = "".join(f"line {number}: the quick brown fox, die flinke Füchsin, すばやい狐 \u0301e\n" for number in range(200))


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    # a socket's path must be short, and pytest's directories are long

    with tempfile.TemporaryDirectory(prefix="fugue-") as directory:
        tmux = Tmux(Path(directory), COLS, ROWS)
        try:
            yield tmux
        finally:
            tmux.close()


def settled(screen: Callable[[], str], *, unlike: str = "\0") -> str:
    """Return a screen when it has changed and rests."""
    deadline = time.monotonic() + PATIENCE_S
    before, since = screen(), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.02)
        now = screen()
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_S and now not in {unlike, "\n" * ROWS}:
            return now
    return before


def capture(wire: Wire) -> str:
    text: str = wire.ask("window.capture", session="it")["text"]
    return text


def text_of(screen: str) -> list[str]:
    return [line.rstrip() for line in screen.rstrip("\n").split("\n")]


PLAIN_VIM = ["vim", "-u", "NONE", "-i", "NONE", "-n", "--cmd", "set nocompatible ruler"]


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        pytest.param([*PLAIN_VIM, "text"], [":set number\r", "50G", "yyp", ":split\r", "\x06", ":1,9d\r"], id="vim"),
        pytest.param(["less", "text"], [" ", " ", "/line 12\r", "n", "G", "g", "-S\r"], id="less"),
        pytest.param(["top", "-b", "-n", "1", "-p", "1", "-w", "80"], [], id="top"),
        pytest.param(["sh"], ["PS1='> '\r", "clear\r", "ls -C /\r", "printf '\\033[5;10Hhere\\033[K\\n'\r"], id="sh"),
        pytest.param(["nano", "-I", "text"], ["hello ", "\x0b", "\x16"], id="nano"),
    ],
)
def test_a_program_shows_the_same_as_in_tmux(tmp_path: Path, tmux: Tmux, command: list[str], keys: list[str]) -> None:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"there is no {command[0]}")
    work = tmp_path / "work"
    work.mkdir()
    (work / "text").write_text(TEXT)
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(work)}
    whole = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), "TERM=xterm-256color", *command]
    if command[0] == "top":
        whole = ["sh", "-c", f"{' '.join(whole)} | tail -n 1 | cut -c 1-30; exec cat"]
    with Daemon(tmp_path) as daemon, daemon.connect() as wire:
        described = {"command": whole, "directory": str(work), "environment": environment, "cols": COLS, "rows": ROWS}
        wire.ask("session.create", name="it", program=described)
        tmux.start(whole, work)
        mine, theirs = settled(lambda: capture(wire)), settled(tmux.screen)
        assert text_of(mine) == text_of(theirs)
        for pressed in keys:
            data = base64.b64encode(pressed.encode()).decode()
            wire.ask("window.input", session="it", data=data)
            tmux.type(pressed)
            mine, theirs = settled(lambda: capture(wire), unlike=mine), settled(tmux.screen, unlike=theirs)
            assert text_of(mine) == text_of(theirs), f"after {pressed!r}"


def test_the_frame_of_htop_is_the_same_as_in_tmux(tmp_path: Path, tmux: Tmux) -> None:
    """Its heading, its bar of function keys, and the labels of its meters, with their looks; figures differ."""
    program = shutil.which("htop")
    if program is None:
        pytest.skip("there is no htop")
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    names = [f"{name}={value}" for name, value in environment.items()]
    command = ["env", "-i", *names, "TERM=xterm-256color", program, "-d", "100"]

    def frame(lines: Iterable[Line]) -> dict[str, list[Run]]:
        """Return the characters of the frame with their looks, by row."""
        found = {}
        for line in lines:
            cells = [Run(character, run.fg, run.bg, run.attrs) for run in line for character in run.text]
            text = "".join(run.text for run in line).rstrip()  # tmux does not tell of the blanks behind it
            if text.startswith("F1") or "PID" in text:
                found[text] = cells[: len(text)]
            elif meter := re.match(r" +(\d+|Mem|Swp)\[", text):
                found[meter[0]] = cells[: meter.end()]
        return found

    with Daemon(tmp_path) as daemon, daemon.connect() as wire:
        described = {"command": command, "directory": "/", "environment": environment, "cols": COLS, "rows": ROWS}
        wire.ask("session.create", name="it", program=described)
        tmux.start(command, tmp_path)
        until(lambda: "F10Quit" in capture(wire) and "F10Quit" in tmux.screen())
        lines = wire.ask("window.lines", session="it", first=-ROWS, limit=ROWS)["lines"]
        mine = frame(tuple(Run(*run) for run in line) for line in lines)
        screen = open_screen(COLS, ROWS)
        screen.feed(tmux.screen(ansi=True).rstrip("\n").replace("\n", "\r\n").encode())
        theirs = frame(screen.lines(0, ROWS))
        assert {"Mem", "Swp", "F1Help"} <= {label.strip(" [")[:6] for label in mine}
        assert len(mine) >= 5
        assert mine == theirs


def test_tmux_itself_runs_in_a_window(tmp_path: Path, tmux: Tmux) -> None:
    inner = ["tmux", "-f", "/dev/null", "-S", str(tmux.socket.with_name("inner.sock"))]
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(tmp_path),
        "SHELL": "/bin/sh",
        "PS1": "$ ",
    }
    with Daemon(tmp_path) as daemon, daemon.connect() as wire:
        program = {"command": inner, "directory": "/", "environment": environment, "cols": COLS, "rows": ROWS}
        wire.ask("session.create", name="it", program=program)
        settled(lambda: capture(wire))
        for pressed in ("echo in tmux\r", "\x02%", "echo in the other half\r"):
            wire.ask("window.input", session="it", data=base64.b64encode(pressed.encode()).decode())
            mine = settled(lambda: capture(wire))
        lines = text_of(mine)
        assert "in tmux" in lines[1]
        assert any("│" in line and "in the other half" in line.partition("│")[2] for line in lines)
        subprocess.run([*inner, "kill-server"], check=True)
