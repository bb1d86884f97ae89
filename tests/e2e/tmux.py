"""tmux at a socket of its own, to compare with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Tmux:
    """A server with one session, `it`.

    Attributes:
        socket: Where it listens.
    """

    def __init__(self, directory: Path, cols: int, rows: int) -> None:
        self.socket = directory / "tmux.sock"
        self._command = ["tmux", "-f", "/dev/null", "-S", str(self.socket)]
        self._size = ["-x", str(cols), "-y", str(rows)]

    def start(self, command: list[str], directory: Path) -> None:
        self("new-session", "-d", "-s", "it", *self._size, "-c", str(directory), *command)
        self("set-option", "-g", "status", "off")
        self("resize-window", "-t", "it", *self._size)

    def type(self, keys: str) -> None:
        self("send-keys", "-t", "it", "-l", "--", keys)

    def screen(self, *, ansi: bool = False) -> str:
        return self("capture-pane", "-p", *(["-e"] if ansi else []), "-t", "it")

    def close(self) -> None:
        subprocess.run([*self._command, "kill-server"], check=False, capture_output=True)

    def __call__(self, *words: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "TMUX"} | {"LANG": "C.UTF-8"}
        return subprocess.run(
            [*self._command, *words], check=True, capture_output=True, text=True, env=environment
        ).stdout
