"""What programs in which agents run have in common, as far as fugue has to know. No I/O.

Where the vendors differ, their modules say so; what stands here is how most of them do it. The command line's hot path
imports this module: nothing but `os`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class Agent:
    """A program in which agents run: how its hooks want to be answered, and where its configuration is.

    A hook that prints nothing and exits with 0 changes nothing. One that exits with 1 has failed, which the program
    tells its user, or nobody, and goes on; 2 refuses what the agent is about to do, for some any other code does so.

    Attributes:
        title: What its vendor calls it.
        telling: The events at which an agent can be given text beside what it is doing.
        holding: The events at which an agent that is about to stop can be given text to go on with.
        refusal: The word by which a stop is held.
        timeout: How long a hook may take, ten seconds, in the unit of the program's configuration.
        servers: The name under which its configuration has MCP servers.
        settings: What else has to stand in the file with MCP servers, or a session is taken for another: paths of
            settings, each with its value.
        hint: What its user has to know once it is set up; empty: nothing.
    """

    title: str
    telling: tuple[str, ...] = ("SessionStart", "UserPromptSubmit", "PostToolUse")
    holding: tuple[str, ...] = ("Stop",)
    refusal = "block"
    timeout = 10
    servers = "mcpServers"
    settings: tuple[tuple[tuple[str, ...], object], ...] = ()
    hint = ""

    # ------------------------------------------------------------------------------------------------ hooks at work

    def told(self, event: str, text: str) -> Mapping[str, Any]:
        """Return what gives the agent `text` beside what it is doing, to be written as JSON."""
        return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}

    def held(self, text: str) -> Mapping[str, Any]:
        """Return what lets the agent go on in place of stopping, with `text`; to be written as JSON."""
        return {"decision": self.refusal, "reason": text}

    def is_for_session(self, asked: Mapping[str, Any]) -> bool:
        """Say whether the session's own agent is at work, and no helper that it has begun: these have an `agent_id`.

        Args:
            asked: What the program writes to the hook.
        """
        return not asked.get("agent_id")

    # ------------------------------------------------------------------------------------------------ configuration

    def user_files(self, environ: Mapping[str, str], exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the paths of the user's files with MCP servers and with hooks; often one. Empty: it has no hooks.

        Args:
            environ: With `HOME`, and the variables by which the program is told of another place.
            exists: Says whether a path is there.
        """
        raise NotImplementedError

    def project_files(self, directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the paths of a project's files, as `user_files` does."""
        raise NotImplementedError

    def server(self, words: Sequence[str]) -> dict[str, Any]:
        """Return what stands in the configuration for an MCP server that these words start."""
        return {"command": words[0], "args": list(words[1:])}

    def server_words(self, server: Mapping[str, Any]) -> list[Any]:
        """Return the words that start an MCP server of the configuration."""
        return [server.get("command"), *(server.get("args") or ())]

    def hook(self, command: str) -> dict[str, Any]:
        """Return what stands in the configuration for a shell command that is to run at an event."""
        return {"hooks": [{"type": "command", "command": command, "timeout": self.timeout}]}

    def hook_command(self, fugue: str, event: str, name: str) -> str:
        """Return the shell command for an event.

        Args:
            fugue: How fugue is called, quoted for a shell.
            event: One of `telling` or `holding`.
            name: The name of this agent.
        """
        return f"{fugue} hook --for {name} {event}"


def one_of(directory: str, names: Sequence[str], exists: Callable[[str], bool]) -> str:
    """Return the path of the first of some files in a directory that is there; where none is, that of the first."""
    paths = [os.path.join(directory, name) for name in names]
    return next(filter(exists, paths), paths[0])
