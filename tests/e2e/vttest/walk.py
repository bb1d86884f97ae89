"""Walking through vttest: what types its keys, and what looks at the page that is then shown."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fugue_core.protocol.window import Run
from fugue_core.terminal.screen import open_screen
from tests.e2e.daemon import PATIENCE_S, Wire
from tests.e2e.tmux import Tmux
from tests.e2e.vttest.page import Sight, sight

COLS, ROWS = 80, 24
COMMAND = ["vttest", f"{ROWS}x{COLS}.{COLS}"]
"""With no columns for what would be 132: no window has them."""
QUIET_S = 0.4
"""A screen that has not changed for so long shows the next page, where both look the same."""
LOOK_S = 0.01
_TITLES = {"": "VT100 test program", "9": "Test of known bugs"}


class Terminal(Protocol):
    """Where vttest runs."""

    def type(self, keys: str) -> None:
        """Press keys."""

    def see(self) -> Sight:
        """Look at the screen."""


class Window:
    """vttest in a window of fugue."""

    def __init__(self, wire: Wire, name: str, directory: Path) -> None:
        self._wire = wire
        self.name = name
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(directory)}
        program = {"command": COMMAND, "directory": str(directory), "environment": environment}
        wire.ask("session.create", name=name, program={**program, "cols": COLS, "rows": ROWS})

    def type(self, keys: str) -> None:
        self._wire.ask("window.input", session=self.name, data=base64.b64encode(keys.encode()).decode())

    def see(self) -> Sight:
        lines = self._wire.ask("window.lines", session=self.name, first=-ROWS, limit=ROWS)["lines"]
        column, row = self._wire.ask("window.capture", session=self.name)["cursor"]
        return sight([tuple(Run(*run) for run in line) for line in lines], (row, column))

    def close(self) -> None:
        self._wire.ask("window.kill", session=self.name)


class Pane:
    """vttest in tmux."""

    def __init__(self, tmux: Tmux, directory: Path) -> None:
        self._tmux = tmux
        tmux.start(["env", "TERM=xterm-256color", "LANG=C.UTF-8", *COMMAND], directory)

    def type(self, keys: str) -> None:
        self._tmux.type(keys)

    def see(self) -> Sight:
        screen = open_screen(COLS, ROWS)
        screen.feed(b"\x1b)0" + self._tmux.screen(ansi=True).rstrip("\n").replace("\n", "\r\n").encode())
        place = self._tmux("display-message", "-p", "-t", "it", "#{cursor_y} #{cursor_x}").split()
        return sight(screen.lines(0, ROWS), (int(place[0]), int(place[1])))


class Client:
    """A terminal that comes to a window now, is drawn its screen, and is passed what is written from then on."""

    def __init__(self, wire: Wire, session: str) -> None:
        self._wire = wire
        self._screen = open_screen(COLS, ROWS)
        self._view: int = wire.ask("window.attach", session=session)["view"]
        self._take(wire.next_event()["event"])

    def see(self) -> Sight:
        self._wire.sync()
        while self._wire.events:
            self._take(self._wire.events.popleft()["event"])
        return sight(self._screen.lines(self._screen.history_rows, ROWS), self._screen.cursor)

    def _take(self, event: dict[str, Any]) -> None:
        if event["kind"] == "window.output" and event["view"] == self._view:
            self._screen.feed(base64.b64decode(event["data"]))

    def close(self) -> None:
        self._wire.ask("view.detach", view=self._view)
        self._wire.events.clear()
        self._screen.close()


def wait(terminal: Terminal, is_there: Callable[[Sight], bool]) -> Sight:
    """Return what is to be seen as soon as it is as it should, or when that took too long."""
    deadline = time.monotonic() + PATIENCE_S
    found = terminal.see()
    while not is_there(found) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        found = terminal.see()
    return found


def settled(terminal: Terminal) -> Sight:
    """Return what is to be seen when it rests."""
    found, since = terminal.see(), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(LOOK_S)
        now = terminal.see()
        if now != found:
            found, since = now, time.monotonic()
    return found


def enter(terminal: Terminal, path: tuple[str, ...]) -> None:
    """Go through the menus to where `path` leads; a number with a plus before it changes a setting and stays there."""
    menus: list[str] = []
    for choice in path:
        title = _TITLES.get(".".join(menus)) or f"Menu {'.'.join(menus)}:"

        def is_there(seen: Sight, title: str = title) -> bool:
            return any(title in row for row in seen.rows) and is_menu(seen)

        seen = wait(terminal, is_there)
        assert is_there(seen), f"no {title}\n{seen}"
        terminal.type(f"{choice.removeprefix('+')}\r")
        if choice.startswith("+"):
            settled(terminal)
        else:
            menus.append(choice)


def is_menu(seen: Sight) -> bool:
    """Say whether vttest asks where to go."""
    return any("Enter choice number" in row for row in seen.rows)
