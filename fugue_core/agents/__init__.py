"""What fugue knows of the programs in which agents run: a module each, and no vendor's name anywhere else. No I/O.

A module has an `AGENT`, see `agent.Agent`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.agents.agent import Agent

WITH_HOOKS = ("claude", "codex", "gemini")
NAMES = (*WITH_HOOKS, "opencode")


def load(name: str) -> Agent:
    """Return one of `NAMES`; only its own module is imported."""
    agent: Agent = __import__(f"{__name__}.{name}", fromlist=["AGENT"]).AGENT
    return agent
