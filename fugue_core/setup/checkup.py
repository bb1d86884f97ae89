"""Whether an agent's program is set up, and whether what stands in its configuration leads to this very fugue."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fugue_core import agents
from fugue_core.agents.agent import Agent
from fugue_core.setup import entry
from fugue_core.setup.change import project_files, user_files, values
from fugue_core.setup.document import CannotChange


class Calls(NamedTuple):
    """How an agent's program calls fugue, as its configuration has it.

    Fields:
        hooks: By event, a command for a shell.
        server: The words that start the MCP server; empty: there is none.
    """

    hooks: Mapping[str, str]
    server: Sequence[str]


def calls(name: str, environ: Mapping[str, str], directory: str) -> Calls:
    """Return how an agent's program calls fugue; the arguments are those of `look_at`. Raises `CannotChange`."""
    found = _find(agents.load(name), environ, directory)
    return Calls(found.hooks, found.server)


def look_at(name: str, environ: Mapping[str, str], directory: str, own_path: str | None) -> tuple[str, str]:
    """Return `ok`, `warning` or `problem`, and in words what was found of an agent's program; nothing is changed.

    Args:
        name: Of the agent.
        environ: Where variables may say where its configuration is.
        directory: Of the project that the user is in.
        own_path: Of the command that runs this; None: nobody can tell.
    """
    agent = agents.load(name)
    try:
        found = _find(agent, environ, directory)
    except CannotChange as error:
        return "problem", str(error)
    if not found.places:
        return "ok", f"not set up; try  fugue setup {name}" if shutil.which(name) else "not here, and not set up"
    state, words = _judge(agent, found, own_path)
    return (state, words) if state == "ok" else (state, f"{words}; try  fugue setup {name}")


def _judge(agent: Agent, found: _Entries, own_path: str | None) -> tuple[str, str]:
    for command, place in found.places.items():
        path = shutil.which(command)
        if path is None:
            return "problem", f"{place} calls {command}, which is not there"
        if own_path is not None and os.path.realpath(path) != os.path.realpath(own_path):
            return "warning", f"{place} calls {path}, and this is {own_path}"
    wanted = (*agent.telling, *agent.holding)
    missing = [event for event in wanted if event not in found.hooks]
    unknown = [event for event in found.hooks if event not in wanted]
    faults = {
        f"there are hooks, and no {agent.servers}.{entry.SERVER}": not found.server,
        f"there is no {', '.join(found.lacks)}, so that its sessions are taken for one another": found.lacks,
        f"there is no hook at {', '.join(missing)}": missing,
        f"there is a hook at {', '.join(unknown)}, where none can do anything": unknown,
    }
    fault = next((words for words, is_so in faults.items() if is_so), None)
    return (
        ("ok", f"tools, and hooks at {', '.join(wanted)}" if wanted else "tools")
        if fault is None
        else ("warning", fault)
    )


def _find(agent: Agent, environ: Mapping[str, str], directory: str) -> _Entries:
    return _Entries(agent, [*user_files(agent, environ), *project_files(agent, directory)])


class _Entries:
    """fugue's entries in some files.

    Attributes:
        places: What they call, and in words where the first of those that do so stands.
        hooks: The command of the first hook at each event.
        server: The words that start the MCP server; empty: there is none.
        lacks: The settings that have to stand beside it, and do not.
    """

    def __init__(self, agent: Agent, paths: list[str]) -> None:
        self.places: dict[str, str] = {}
        self.hooks: dict[str, str] = {}
        self.server: list[str] = []
        self.lacks: list[str] = []
        for path in dict.fromkeys(filter(None, paths)):
            try:
                self._read(agent, path)
            except CannotChange as error:
                raise CannotChange(f"{path}: {error}") from None

    def _read(self, agent: Agent, path: str) -> None:
        read = values(path)
        for hook in entry.hooks(read):
            self.hooks.setdefault(hook.event, shlex.quote(hook.fugue) + hook.rest)
            self.places.setdefault(hook.fugue, f"the hook at {hook.event} in {path}")
        words = entry.server_words(read, agent)
        if words:
            self.server = self.server or words
            self.lacks += [entry.spelled(*setting) for setting in entry.missing_settings(read, agent)]
            self.places.setdefault(words[0], f"{agent.servers}.{entry.SERVER} in {path}")
