"""What the proofs need to know of a program in which agents run."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.agents.endpoint import Call, Request, Step, Wire
from tests.agents.house import House, Window
from tests.agents.install import Programs


class Events(NamedTuple):
    """What the program calls its hooks' events."""

    start: str
    prompt: str
    tool: str
    stop: str


class Program(ABC):
    """An agent program that is installed.

    Attributes:
        name: What fugue calls it.
        package: What npm calls it.
        wire: How it talks to a model.
        events: Its hooks' events; None where `fugue hook` knows none.
        tool_prefix: What it puts before the names of the tools of an MCP server called `fugue`.
        shell_tool: Its tool for commands of a shell, with the name of the command's argument.
    """

    name: str
    package: str
    wire: Wire
    events: Events | None
    tool_prefix: str
    shell_tool: tuple[str, str]

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.version = programs.version(self.package)

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """How it is started, in a terminal and to stay."""

    @property
    def mcp_list(self) -> list[str]:
        """Its own command that lists the MCP servers that it knows."""
        return [*self.program, "mcp", "list"]

    @property
    @abstractmethod
    def program(self) -> list[str]:
        """How it is called."""

    @abstractmethod
    def furnish(self, house: House, url: str) -> None:
        """Write its configuration: the model at `url`, and no question at the start; fugue itself is no part of it."""

    @abstractmethod
    def environment(self, url: str) -> Mapping[str, str]:
        """Return what it is told by its environment."""

    @abstractmethod
    def get_ready(self, window: Window, *, is_first: bool) -> bool:
        """Return when it waits for a prompt; False where that did not come. `is_first`: it never ran in this house."""

    def load(self, *tools: str) -> tuple[Step, ...]:
        """Return what its model has to do before it can call these tools of fugue's."""
        return ()

    def offers(self, tool: str, request: Request) -> bool:
        """Say whether a tool of fugue's is named to the model."""
        return f"{self.tool_prefix}{tool}" in request.tools

    def shell(self, line: str) -> Call:
        """Return the call of a command of the shell."""
        name, argument = self.shell_tool
        return Call(name, {argument: line})


def write_json(path: Path, value: Any) -> None:
    """Write a configuration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))
