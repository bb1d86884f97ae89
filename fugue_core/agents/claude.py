"""Claude Code: its hooks, as https://code.claude.com/docs/en/hooks describes them. No I/O.

A hook that prints nothing and exits 0 changes nothing. Of context, 10,000 characters are taken.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TELLING = ("SessionStart", "UserPromptSubmit", "PostToolUse")
HOLDING = ("Stop",)


def told(event: str, text: str) -> Mapping[str, Any]:
    """Return what adds `text` to the model's context."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def held(event: str, text: str) -> Mapping[str, Any]:  # noqa: ARG001  # all that can be held is held alike
    """Return what lets the model go on; `reason` is what it is told."""
    return {"decision": "block", "reason": text}


def is_for_session(asked: Mapping[str, Any]) -> bool:
    """Say whether no subagent asks: these have an `agent_id`."""
    return not asked.get("agent_id")
