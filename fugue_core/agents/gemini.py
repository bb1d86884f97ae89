"""Gemini CLI, as https://geminicli.com/docs/hooks/reference and its `hookRunner.ts` describe it. No I/O.

Nothing but the JSON may be printed. Where a hook prints nothing on stdout, what it says on stderr is shown to the user
after exit codes 0 and 1, and after any other is the reason for which the agent is refused.
"""

from __future__ import annotations

from fugue_core.agents.agent import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Gemini(Agent):
    """Gemini CLI. It has names of its own for the events, and refuses an agent's answer where others hold its stop."""

    telling = ("SessionStart", "BeforeAgent", "AfterTool")
    holding = ("AfterAgent",)
    refusal = "deny"

    def is_for_session(self, asked: Mapping[str, Any]) -> bool:  # noqa: ARG002  # what it writes names no helper
        """Say so of all."""
        return True


AGENT = Gemini()
