"""opencode, as https://opencode.ai/docs/config describes it. No I/O.

It has plugins in place of hooks, programs in its own language whose form changed between its versions 1 and 2. So fugue
gives it the tools alone, which both read in the same form.
"""

from __future__ import annotations

import os

from fugue_core.agents.agent import Agent, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_NAMES = ("opencode.json", "opencode.jsonc")


class OpenCode(Agent):
    """opencode."""

    title = "opencode"
    telling = ()
    holding = ()
    servers = "mcp"
    hint = "opencode has no hooks that print: it is given the tools, and sees a message when it receives its messages."

    def user_files(self, environ: Mapping[str, str], exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return `$OPENCODE_CONFIG`, or the file in `$OPENCODE_CONFIG_DIR`, or that among the user's configurations."""
        if named := environ.get("OPENCODE_CONFIG"):
            return named, ""
        directory = environ.get("OPENCODE_CONFIG_DIR")
        if not directory:
            configurations = environ.get("XDG_CONFIG_HOME") or os.path.join(environ["HOME"], ".config")
            directory = os.path.join(configurations, "opencode")
        return one_of(directory, _NAMES, exists), ""

    def project_files(self, directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the file in the directory itself."""
        return one_of(directory, _NAMES, exists), ""

    def server(self, words: Sequence[str]) -> dict[str, Any]:
        """Return it with all words in one list."""
        return {"type": "local", "command": list(words), "enabled": True}

    def server_words(self, server: Mapping[str, Any]) -> list[Any]:
        """Return that list."""
        return list(server.get("command") or ())


AGENT = OpenCode()
