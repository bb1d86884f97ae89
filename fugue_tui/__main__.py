"""The `fugue` command. Light, since every use of it pays for what is imported here."""

from __future__ import annotations

import gc
import os
import sys

KEY_FPS = "120"
"""How often at most Textual draws what a key has changed. What happens elsewhere is shown less often, see `shell`."""


def main() -> int:
    """Do what the command line says; return the exit code. Alone, in a terminal, it opens the screen."""
    words = sys.argv[1:]
    if _is_for_the_screen(words):
        gc.disable()  # until all is loaded: none of it is garbage, and to look through it took a fifth of the time
        os.environ.setdefault("TEXTUAL_FPS", KEY_FPS)
        from fugue_tui.start import open_screen  # noqa: PLC0415  # a second's worth of modules, that no verb needs

        exit_code = open_screen(words)
    else:
        from fugue_core.cli.main import main as command_line  # noqa: PLC0415  # the screen will not need it

        exit_code = command_line()
    gc.freeze()  # or the interpreter looks through all that it is about to drop anyway: 1.4 ms of 16
    return exit_code


def _is_for_the_screen(words: list[str]) -> bool:
    """Say whether there is no verb and no option but `-L`, `--server`, `--socket` and `--demo`, and a person is there.

    A line that is wrong is left to the command line, which says what is wrong with it.
    """
    if words == ["--demo"]:
        return True
    if words and not words[0].startswith(("-L", "--server", "--socket")):
        return False
    # Textual draws on stderr
    if not all(map(os.isatty, (0, 1, 2))) or os.environ.get("TERM", "dumb") == "dumb":
        return False
    from fugue_core.cli.parser import UsageError, parse_options  # noqa: PLC0415  # only for a person
    from fugue_core.cli.spec import GLOBAL_OPTIONS  # noqa: PLC0415  # likewise

    values: dict[str, list[str]] = {}
    try:
        rest = parse_options(words, GLOBAL_OPTIONS, values, stops=True)
    except UsageError:
        return False
    return not rest and values.keys() <= {"server", "socket"}


if __name__ == "__main__":
    sys.exit(main())
