"""What fugue knows of the programs in which agents run: a module each, and no vendor's name anywhere else. No I/O.

A module says how that program's hooks want to be answered. It has:

    TELLING             the events at which an agent can be given text beside what it is doing
    HOLDING             the events at which an agent that is about to stop can be given text to go on with
    told(event, text)   the answer to one of the first, to be written as JSON
    held(event, text)   the answer to one of the second
    is_for_session(asked)   whether the agent that the hook is called for is the session's own, and no helper that it
                        has begun for a part of its work; `asked` is what the program writes to the hook
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class Agent(Protocol):
        """A module of this package."""

        TELLING: tuple[str, ...]
        HOLDING: tuple[str, ...]

        def told(self, event: str, text: str) -> Mapping[str, Any]:
            """Return what gives the agent `text` beside what it is doing."""

        def held(self, event: str, text: str) -> Mapping[str, Any]:
            """Return what lets the agent go on, with `text`, in place of stopping."""

        def is_for_session(self, asked: Mapping[str, Any]) -> bool:
            """Say whether the session's own agent asks."""


NAMES = ("claude", "codex", "gemini")


def load(name: str) -> Agent:
    """Return one of `NAMES`; only its own module is imported."""
    agent: Agent = __import__(f"{__name__}.{name}", fromlist=["told"])
    return agent
