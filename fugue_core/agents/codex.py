"""Codex, as https://developers.openai.com/codex/hooks and `codex-rs/hooks` in its sources describe it. No I/O.

Its hooks are strict: a field that their schema does not know is an error. Of context, 10,000 characters are taken.
"""

from __future__ import annotations

from fugue_core.agents.agent import Agent


class Codex(Agent):
    """Codex."""


AGENT = Codex()
