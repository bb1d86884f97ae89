"""What programs in which agents run have in common, as far as fugue has to know. No I/O.

Where the vendors differ, their modules say so; what stands here is how most of them do it. The command line's hot path
imports this module: nothing at all.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Agent:
    """A program in which agents run: how its hooks want to be answered.

    A hook that prints nothing and exits with 0 changes nothing. One that exits with 1 has failed, which the program
    tells its user, or nobody, and goes on; 2 refuses what the agent is about to do, for some any other code does so.

    Attributes:
        telling: The events at which an agent can be given text beside what it is doing.
        holding: The events at which an agent that is about to stop can be given text to go on with.
        refusal: The word by which a stop is held.
    """

    telling: tuple[str, ...] = ("SessionStart", "UserPromptSubmit", "PostToolUse")
    holding: tuple[str, ...] = ("Stop",)
    refusal = "block"

    def told(self, event: str, text: str) -> Mapping[str, Any]:
        """Return what gives the agent `text` beside what it is doing, to be written as JSON."""
        return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}

    def held(self, text: str) -> Mapping[str, Any]:
        """Return what lets the agent go on in place of stopping, with `text`; to be written as JSON."""
        return {"decision": self.refusal, "reason": text}

    def is_for_session(self, asked: Mapping[str, Any]) -> bool:
        """Say whether the session's own agent is at work, and no helper that it has begun: these have an `agent_id`.

        Args:
            asked: What the program writes to the hook.
        """
        return not asked.get("agent_id")
