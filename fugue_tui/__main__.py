"""The `fugue` command. Light, since every use of it pays for what is imported here."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Do what the command line says; return the exit code."""
    from fugue_core.cli.main import main as command_line  # noqa: PLC0415  # the screen will not need it

    exit_code = command_line()
    gc.freeze()  # or the interpreter looks through all that it is about to drop anyway: 1.4 ms of 16
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
