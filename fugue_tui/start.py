"""Open the screen from the command line, for a server of the user's or for the demo's own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from fugue_core.cli.parser import parse_options
from fugue_core.cli.spec import GLOBAL_OPTIONS
from fugue_core.place import socket_path
from fugue_tui.app import FugueApp
from fugue_tui.config import read_config
from fugue_tui.shell import DEMO_SERVER

GARBAGE = (4_000, 5, 5)
"""When Python looks for cycles: seldom, since messages are in none, and each look is a pause; but not so seldom that
what looking back through the history leaves in cycles adds up."""


def open_screen(words: Sequence[str]) -> int:
    """Show the screen until the user quits; return the exit code.

    Args:
        words: What was typed: `-L NAME`, `--socket PATH`, `--demo`, or nothing.
    """
    if "--demo" in words:
        if not all(map(os.isatty, (0, 1, 2))):
            sys.stderr.write("fugue: --demo opens a screen, and this is no terminal\n")
            return 2
        return _open_demo()
    values: dict[str, list[str]] = {}
    parse_options(words, GLOBAL_OPTIONS, values, stops=True)
    if "socket" in values:
        os.environ["FUGUE_SOCKET"] = os.path.abspath(values["socket"][-1])
    elif "server" in values:
        os.environ["FUGUE_SOCKET"] = socket_path(values["server"][-1])
    app = FugueApp(config=read_config())
    _run(app)
    return _open_demo() if app.wants_demo else app.return_code or 0


def _run(app: FugueApp) -> None:
    """Run the app in a process that is its own: what is loaded by now stays, and is never looked through for cycles."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()
    app.run()


def _open_demo() -> int:
    from fugue_tui.demo import NoDemo, demo_town  # noqa: PLC0415  # only where it is asked for

    config = read_config()  # the user's own, before the demo moves everything else out of the way
    try:
        with demo_town():
            app = FugueApp(config=config, server=DEMO_SERVER)
            _run(app)
    except NoDemo as error:
        sys.stderr.write(f"fugue: {error}\n")
        return 1
    return app.return_code or 0
