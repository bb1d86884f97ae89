"""What has to change in the files of an agent's configuration, so that fugue's entries are in it, or are not."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

from fugue_core import agents
from fugue_core.agents.agent import Agent
from fugue_core.setup import entry
from fugue_core.setup.document import CannotChange, Document
from fugue_core.setup.file import ConfigFile
from fugue_core.setup.jsondocument import JsonDocument
from fugue_core.setup.tomldocument import TomlDocument


class Change:
    """A file, and what should stand in it.

    Attributes:
        path: Of the file.
        before, after: What stands in it, and what should; None: there is no file.
    """

    def __init__(self, file: ConfigFile, after: str | None) -> None:
        self.path = file.path
        self.before = file.text
        self.after = after
        self._file = file

    def diff(self) -> list[str]:
        """Return the lines of the change as a unified diff, without their ends."""
        return list(
            difflib.unified_diff(
                (self.before or "").splitlines(),
                (self.after or "").splitlines(),
                "/dev/null" if self.before is None else self.path,
                "/dev/null" if self.after is None else self.path,
                lineterm="",
            )
        )

    def apply(self) -> str | None:
        """Write it; return the path of the backup, if there was a file. Raises `CannotChange`."""
        return self._file.replace(self.after)


def user_files(agent: Agent, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the paths of the user's files with MCP servers and with hooks, see `Agent.user_files`."""
    return agent.user_files({**environ, "HOME": os.path.expanduser("~")}, os.path.exists)


def project_files(agent: Agent, directory: str) -> tuple[str, str]:
    """Return the paths of a project's files, see `Agent.project_files`."""
    return agent.project_files(directory, os.path.exists)


def changes(name: str, files: tuple[str, str], fugue: str | None) -> list[Change]:
    """Return what has to change, where anything does.

    Args:
        name: Of an agent.
        files: The paths of its files with MCP servers and with hooks.
        fugue: How its entries should call fugue; None: there should be none.

    Raises:
        CannotChange: A file cannot be read, or not be changed so.
    """
    agent = agents.load(name)
    found = []
    for path in dict.fromkeys(filter(None, files)):
        file = ConfigFile(path)
        try:
            document = _document(file)
            if path == files[0]:
                _change_server(document, agent, fugue)
            if path == files[1]:
                _change_hooks(document, agent, name, fugue)
        except CannotChange as error:
            raise CannotChange(f"{path}: {error}") from None
        is_left_empty = not document.values and file.text is not None and not os.path.islink(path)
        after = None if is_left_empty or (file.text is None and not document.text) else document.text
        if after != file.text and not (is_left_empty and document.text == file.text):
            found.append(Change(file, after))
    return found


def values(path: str) -> Mapping[str, Any]:
    """Return all that a file of configuration says; nothing where there is none. Raises `CannotChange`."""
    return _document(ConfigFile(path)).values


def _document(file: ConfigFile) -> Document:
    return (TomlDocument if file.path.endswith(".toml") else JsonDocument)(file.text or "")


def _change_server(document: Document, agent: Agent, fugue: str | None) -> None:
    if fugue is None:
        if entry.server_words(document.values, agent):
            entry.take_settings(document, agent)
        entry.take_server(document, agent)
    else:
        entry.put_settings(document, agent)
        entry.put_server(document, agent, fugue)


def _change_hooks(document: Document, agent: Agent, name: str, fugue: str | None) -> None:
    if fugue is None:
        entry.take_hooks(document)
    else:
        entry.put_hooks(document, agent, name, fugue)
