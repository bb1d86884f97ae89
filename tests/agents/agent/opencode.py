"""opencode."""

from __future__ import annotations

from collections.abc import Mapping

from tests.agents.agent.program import Program, write_json
from tests.agents.house import House, Window
from tests.agents.wire import completions


class OpenCode(Program):
    """opencode, which has plugins and no hooks."""

    name = "opencode"
    package = "opencode-ai"
    wire = completions
    events = None
    tool_prefix = "fugue_"
    shell_tool = ("bash", "command")

    @property
    def program(self) -> list[str]:
        return self.programs.opencode

    @property
    def command(self) -> list[str]:
        return self.program

    def furnish(self, house: House, url: str) -> None:
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "scripted",
            "options": {"baseURL": f"{url}/v1", "apiKey": "not-a-key"},
            "models": {"scripted": {"name": "scripted"}},
        }
        write_json(
            house.home / ".config" / "opencode" / "opencode.json",
            {
                "autoupdate": False,
                "share": "disabled",
                "model": "scripted/scripted",
                "small_model": "scripted/scripted",
                "provider": {"scripted": provider},
            },
        )

    def environment(self, url: str) -> Mapping[str, str]:
        return {
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        }

    def get_ready(self, window: Window, *, is_first: bool) -> bool:
        return window.until_shows("ctrl+p", "Ask anything")
