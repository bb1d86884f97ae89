"""The Gemini CLI."""

from __future__ import annotations

from collections.abc import Mapping

from tests.agents.agent.program import Events, Program, write_json
from tests.agents.house import House, Window
from tests.agents.wire import gemini


class Gemini(Program):
    """The Gemini CLI."""

    name = "gemini"
    package = "@google/gemini-cli"
    wire = gemini
    events = Events("SessionStart", "BeforeAgent", "AfterTool", "AfterAgent")
    tool_prefix = "mcp_fugue_"
    shell_tool = ("run_shell_command", "command")

    @property
    def program(self) -> list[str]:
        return self.programs.gemini

    @property
    def command(self) -> list[str]:
        return [*self.program, "--yolo", "--model", "gemini-2.5-pro"]

    def furnish(self, house: House, url: str) -> None:
        write_json(
            house.home / ".gemini" / "settings.json",
            {
                "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
                "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
                "privacy": {"usageStatisticsEnabled": False},
                "telemetry": {"enabled": False},
            },
        )

    def environment(self, url: str) -> Mapping[str, str]:
        return {"GEMINI_API_KEY": "not-a-key", "GOOGLE_GEMINI_BASE_URL": url}

    def get_ready(self, window: Window, *, is_first: bool) -> bool:
        return window.until_shows("Type your message")
