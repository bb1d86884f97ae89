"""Codex: its hooks, as `codex-rs/hooks/schema` in https://github.com/openai/codex describes them. No I/O.

They are those of Claude Code under the same names, and strict: a field that the schema does not know is an error.
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
    """Return what lets the model go on; `reason` becomes its next prompt."""
    return {"decision": "block", "reason": text}


def is_for_session(asked: Mapping[str, Any]) -> bool:
    """Say whether no subagent asks: these have an `agent_id`."""
    return not asked.get("agent_id")
