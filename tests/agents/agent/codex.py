"""Codex."""

from __future__ import annotations

from collections.abc import Mapping

from tests.agents.agent.program import Events, Program
from tests.agents.house import House, Window
from tests.agents.wire import responses

_CONFIG = """\
model = "scripted"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"

[analytics]
enabled = false

[projects."{work}"]
trust_level = "trusted"
"""


class Codex(Program):
    """Codex, which runs no hook before its user has trusted it."""

    name = "codex"
    package = "@openai/codex"
    wire = responses
    events = Events("SessionStart", "UserPromptSubmit", "PostToolUse", "Stop")
    tool_prefix = "mcp__fugue."
    shell_tool = ("exec_command", "cmd")

    @property
    def program(self) -> list[str]:
        return self.programs.codex

    @property
    def command(self) -> list[str]:
        return self.program

    def furnish(self, house: House, url: str) -> None:
        config = house.home / ".codex" / "config.toml"
        config.parent.mkdir()
        config.write_text(_CONFIG.format(url=url, work=house.work))

    def environment(self, url: str) -> Mapping[str, str]:
        return {}

    def get_ready(self, window: Window, *, is_first: bool) -> bool:
        if is_first:
            if not window.until_shows("Hooks need review"):
                return False
            window.press("2")  # Trust all and continue
            window.press("\r")
        return window.until_shows("Ask Codex")
