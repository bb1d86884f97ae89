"""Claude Code, as https://code.claude.com/docs/en/hooks and /settings describe it. No I/O.

Of context, 10,000 characters are taken.
"""

from __future__ import annotations

import os

from fugue_core.agents.agent import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class Claude(Agent):
    """Claude Code. Its MCP servers stand in the file that it keeps its own state in, and its hooks in its settings."""

    title = "Claude Code"

    def user_files(self, environ: Mapping[str, str], exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the files in `$CLAUDE_CONFIG_DIR`; without that, in the home directory and in `.claude` there."""
        home = environ["HOME"]
        named = environ.get("CLAUDE_CONFIG_DIR")
        directory = named or os.path.join(home, ".claude")
        state = os.path.join(directory, ".config.json")  # that of old installations goes before
        if not exists(state):
            state = os.path.join(named or home, ".claude.json")
        return state, os.path.join(directory, "settings.json")

    def project_files(self, directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:  # noqa: ARG002  # always these
        """Return the two files that a project shares."""
        return os.path.join(directory, ".mcp.json"), os.path.join(directory, ".claude", "settings.json")

    def server(self, words: Sequence[str]) -> dict[str, Any]:
        """Return it as `claude mcp add` writes it."""
        return {"type": "stdio", **super().server(words)}


AGENT = Claude()
