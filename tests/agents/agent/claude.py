"""Claude Code."""

from __future__ import annotations

from collections.abc import Mapping

from tests.agents.agent.program import Events, Program, write_json
from tests.agents.endpoint import Call, Request, Step
from tests.agents.house import House, Window
from tests.agents.wire import messages

_KEY = "sk-ant-not-a-key-0000"


class Claude(Program):
    """Claude Code, which looks for tools by a tool of its own before it calls them."""

    name = "claude"
    package = "@anthropic-ai/claude-code"
    wire = messages
    events = Events("SessionStart", "UserPromptSubmit", "PostToolUse", "Stop")
    tool_prefix = "mcp__fugue__"
    shell_tool = ("Bash", "command")

    @property
    def program(self) -> list[str]:
        return self.programs.claude

    @property
    def command(self) -> list[str]:
        return self.program

    def furnish(self, house: House, url: str) -> None:
        write_json(
            house.home / ".claude.json",
            {
                "hasCompletedOnboarding": True,
                "customApiKeyResponses": {"approved": [_KEY[-20:]], "rejected": []},
                "projects": {str(house.work): {"hasTrustDialogAccepted": True}},
            },
        )
        write_json(
            house.home / ".claude" / "settings.json",
            {"permissions": {"allow": ["Bash", "mcp__fugue"]}},
        )

    def environment(self, url: str) -> Mapping[str, str]:
        return {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": _KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }

    def get_ready(self, window: Window, *, is_first: bool) -> bool:
        return window.until_shows("\n\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}")

    def offers(self, tool: str, request: Request) -> bool:
        return f"{self.tool_prefix}{tool}" in request.text  # by name; what it takes, the model finds by `ToolSearch`

    def load(self, *tools: str) -> tuple[Step, ...]:
        names = ",".join(f"{self.tool_prefix}{tool}" for tool in tools)
        return (Call("ToolSearch", {"query": f"select:{names}", "max_results": len(tools)}),)
