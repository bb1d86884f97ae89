"""The real programs: how each is told of its model, its tools and its hooks, and how its user would run it."""

from __future__ import annotations

from tests.agents.agent.claude import Claude
from tests.agents.agent.codex import Codex
from tests.agents.agent.gemini import Gemini
from tests.agents.agent.opencode import OpenCode
from tests.agents.agent.program import Program

PROGRAMS: dict[str, type[Program]] = {
    "claude": Claude,
    "codex": Codex,
    "gemini": Gemini,
    "opencode": OpenCode,
}
