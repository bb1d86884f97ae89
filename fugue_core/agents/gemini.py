"""Gemini CLI: its hooks, as https://geminicli.com/docs/hooks/reference describes them. No I/O.

It has names of its own for the events, and refuses an agent's answer where others hold its stop. Nothing but the JSON
may be printed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TELLING = ("SessionStart", "BeforeAgent", "AfterTool")
HOLDING = ("AfterAgent",)


def told(event: str, text: str) -> Mapping[str, Any]:
    """Return what adds `text` to the prompt, or to the result of the tool."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def held(event: str, text: str) -> Mapping[str, Any]:  # noqa: ARG001  # all that can be held is held alike
    """Return what begins another turn, with `reason` as its prompt."""
    return {"decision": "deny", "reason": text}


def is_for_session(asked: Mapping[str, Any]) -> bool:  # noqa: ARG001  # what it writes names no subagent
    """Say so of all."""
    return True
