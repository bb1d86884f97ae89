"""Which entries of a program's configuration are fugue's, and what they should be. No I/O.

An entry is fugue's by the command that it runs: a program called `fugue`, with the verb `mcp` or `hook`. What somebody
added to such a command (`--join NAME`, `--holds 1`) stays; only where fugue is to be found is corrected.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fugue_core.agents.agent import Agent
from fugue_core.setup.document import CannotChange, Document, Path, at

SERVER = "fugue"
"""What the MCP server is called in a configuration."""
_HOOKS = "hooks"
_FIRST_WORD = re.compile(r"""\s*(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+""")


class Hook(NamedTuple):
    """A hook of fugue's in a configuration.

    Fields:
        event: At which it runs.
        path: Where its command stands.
        fugue: Which program it calls.
        rest: The rest of its command.
    """

    event: str
    path: Path
    fugue: str
    rest: str


def server_words(values: Mapping[str, Any], agent: Agent) -> list[str]:
    """Return the words that start fugue's MCP server; empty: there is none.

    Raises:
        CannotChange: Another server is called so.
    """
    server = at(values, (agent.servers, SERVER))
    if server is None:
        return []
    words = agent.server_words(server) if isinstance(server, Mapping) else []
    if words and all(isinstance(word, str) for word in words) and _is_own(words, "mcp"):
        return words
    raise CannotChange(f"{agent.servers}.{SERVER} is another server: please give it another name, or remove it")


def hooks(values: Mapping[str, Any]) -> Iterator[Hook]:
    """Yield fugue's hooks, in order."""
    events = at(values, (_HOOKS,))
    for event, groups in events.items() if isinstance(events, Mapping) else ():
        for group_number, group in enumerate(groups if isinstance(groups, list) else ()):
            handlers = at(group, (_HOOKS,))
            for number, handler in enumerate(handlers if isinstance(handlers, list) else ()):
                command = at(handler, ("command",))
                fugue, rest = _split(command) if isinstance(command, str) else ("", "")
                if fugue:
                    yield Hook(event, (_HOOKS, event, group_number, _HOOKS, number, "command"), fugue, rest)


def put_server(document: Document, agent: Agent, fugue: str) -> None:
    """Let the MCP server that `fugue` offers be in a configuration."""
    words = server_words(document.values, agent)
    path: Path = (agent.servers, SERVER)
    if not words:
        document.put(path, agent.server([fugue, "mcp"]))
    elif words[0] != fugue:
        changed = agent.server([fugue, *words[1:]])
        document.put(path, {**at(document.values, path), **changed})


def put_settings(document: Document, agent: Agent) -> None:
    """Let what the program's hooks and tools need besides be in a configuration."""
    for path, value in missing_settings(document.values, agent):
        document.put(path, value)


def missing_settings(values: Mapping[str, Any], agent: Agent) -> Sequence[tuple[Path, object]]:
    """Return what is not in a configuration of what they need besides."""
    return [(path, value) for path, value in agent.settings if at(values, path) != value]


def spelled(path: Path, value: object) -> str:
    """Return a setting in words."""
    return f"{'.'.join(map(str, path))} = {json.dumps(value)}"


def put_hooks(document: Document, agent: Agent, name: str, fugue: str) -> None:
    """Let a hook of fugue's be at each event of the agent, and at no other."""
    wanted = [*agent.telling, *agent.holding]
    found = list(hooks(document.values))
    for hook in reversed(found):  # so that the places of those before stay what they are
        if hook.event not in wanted or any(hook.event == other.event for other in found[: found.index(hook)]):
            _remove(document, hook)
        elif hook.fugue != fugue:
            document.put(hook.path, f"{shlex.quote(fugue)}{hook.rest}")
    for event in wanted:
        if not any(hook.event == event for hook in found):
            document.append((_HOOKS, event), agent.hook(agent.hook_command(shlex.quote(fugue), event, name)))


def take_server(document: Document, agent: Agent) -> None:
    """Take fugue's MCP server out of a configuration, if it is there."""
    if server_words(document.values, agent):
        document.remove((agent.servers, SERVER))


def take_settings(document: Document, agent: Agent) -> None:
    """Take what they needed besides out of a configuration."""
    for path, value in agent.settings:
        if at(document.values, path) == value:
            document.remove(path)


def take_hooks(document: Document) -> None:
    """Take all of fugue's hooks out of a configuration."""
    for hook in reversed(list(hooks(document.values))):
        _remove(document, hook)


def _remove(document: Document, hook: Hook) -> None:
    *group, _, _, _ = path = hook.path
    handlers = at(document.values, (*group, _HOOKS))
    document.remove(tuple(group) if len(handlers) == 1 else path[:-1])


def _split(command: str) -> tuple[str, str]:
    """Return the program of a shell command and the rest of it, where that is a hook of fugue's; else nothing twice."""
    first = _FIRST_WORD.match(command)
    try:
        words = shlex.split(command)
    except ValueError:  # a quote is not closed
        return "", ""
    return (words[0], command[first.end() :]) if first and _is_own(words, "hook") else ("", "")


def _is_own(words: Sequence[str], verb: str) -> bool:
    return os.path.basename(words[0] if words else "") == "fugue" and verb in words[1:2]
