"""Claude Code, as https://code.claude.com/docs/en/hooks describes it. No I/O.

Of context, 10,000 characters are taken.
"""

from __future__ import annotations

from fugue_core.agents.agent import Agent


class Claude(Agent):
    """Claude Code."""


AGENT = Claude()
