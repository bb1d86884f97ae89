"""Gemini CLI, as https://geminicli.com/docs/hooks/reference and its `hookRunner.ts` describe it. No I/O.

Nothing but the JSON may be printed. Where a hook prints nothing on stdout, what it says on stderr is shown to the user
after exit codes 0 and 1, and after any other is the reason for which the agent is refused.
"""

from __future__ import annotations

import os

from fugue_core.agents.agent import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_SETTINGS = os.path.join(".gemini", "settings.json")


class Gemini(Agent):
    """Gemini CLI. It has names of its own for the events, and refuses an agent's answer where others hold its stop."""

    title = "Gemini CLI"
    telling = ("SessionStart", "BeforeAgent", "AfterTool")
    holding = ("AfterAgent",)
    refusal = "deny"
    timeout = 10_000
    hint = "Gemini CLI starts MCP servers and hooks only in folders that you have trusted."

    def is_for_session(self, asked: Mapping[str, Any]) -> bool:  # noqa: ARG002  # what it writes names no helper
        """Say so of all."""
        return True

    def user_files(self, environ: Mapping[str, str], exists: Callable[[str], bool]) -> tuple[str, str]:  # noqa: ARG002  # always this one
        """Return the settings in `.gemini` in `$GEMINI_CLI_HOME`, else in the home directory."""
        path = os.path.join(environ.get("GEMINI_CLI_HOME") or environ["HOME"], _SETTINGS)
        return path, path

    def project_files(self, directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:  # noqa: ARG002  # always this one
        """Return the settings in `.gemini`."""
        path = os.path.join(directory, _SETTINGS)
        return path, path

    def hook_command(self, fugue: str, event: str, name: str) -> str:
        """Return the command so that it refuses nothing where fugue is gone: a shell would exit with 127."""
        return f"{super().hook_command(fugue, event, name)} || exit 1"


AGENT = Gemini()
