"""Print what fugue shows of vttest now, to be looked at and kept: `python -m tests.e2e.vttest.draw 1 2 11.5.1`."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.tmux import Tmux
from tests.e2e.vttest.page import Sight
from tests.e2e.vttest.walk import COLS, ROWS, Pane, Window, enter, is_menu, settled


def pages(path: str, directory: Path) -> list[tuple[Sight, Sight | None]]:
    """Return what fugue shows of each page, and what tmux does, where it has the same menus."""
    found: list[tuple[Sight, Sight | None]] = []
    (directory / "tmux").mkdir(parents=True)
    choices = tuple(path.split("."))
    with (
        Daemon(directory) as daemon,
        daemon.connect() as wire,
        closing(Tmux(directory / "tmux", COLS, ROWS)) as tmux,
        closing(Window(wire, "it", directory)) as window,
    ):
        pane = Pane(tmux, directory)
        enter(window, choices)
        is_in_tmux = choices[0] != "3"
        if is_in_tmux:
            enter(pane, choices)
        while not is_menu(seen := settled(window)):
            found.append((seen, settled(pane) if is_in_tmux else None))
            window.type("\r")
            pane.type("\r")
    return found


def main() -> None:
    """Print the pages of each path, and rows that tmux shows instead."""
    for path in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="fugue-") as directory:
            sys.stdout.write(f"=== {path}\n")
            for mine, theirs in pages(path, Path(directory)):
                sys.stdout.write(f"---\n{mine}")
                if theirs is not None and mine.rows != theirs.rows:
                    sys.stdout.write(f"~ {[row for row in theirs.rows if row not in mine.rows]}\n")


if __name__ == "__main__":
    main()
