"""Codex, as https://developers.openai.com/codex/hooks and `codex-rs/hooks` in its sources describe it. No I/O.

Its hooks are strict: a field that their schema does not know is an error. Of context, 10,000 characters are taken.
"""

from __future__ import annotations

import os

from fugue_core.agents.agent import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_CONFIG = "config.toml"
_HOOKS = "hooks.json"
_VARIABLES = ("FUGUE_SESSION", "FUGUE_SOCKET", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME")


class Codex(Agent):
    """Codex. Its hooks stand in a file of their own where there is one: it warns of hooks in both.

    Its terminals share a server in the background, which runs the hooks and tools of all of them in the environment of
    the one that started it, and so for that one's session: they must do without.
    """

    title = "Codex"
    servers = "mcp_servers"
    settings = ((("features", "daemon_auto_start"), False),)
    hint = "Codex runs a hook that is new or has changed only once you trust it: when it asks, or by /hooks in codex."

    def user_files(self, environ: Mapping[str, str], exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the files in `$CODEX_HOME`, else in `.codex` in the home directory."""
        return _files(environ.get("CODEX_HOME") or os.path.join(environ["HOME"], ".codex"), exists)

    def project_files(self, directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:
        """Return the files in `.codex`, which are read in a project that its user trusts."""
        return _files(os.path.join(directory, ".codex"), exists)

    def server(self, words: Sequence[str]) -> dict[str, Any]:
        """Return it with the variables of the environment by which fugue is found: no others are handed on."""
        return {**super().server(words), "env_vars": list(_VARIABLES)}


def _files(directory: str, exists: Callable[[str], bool]) -> tuple[str, str]:
    config, hooks = os.path.join(directory, _CONFIG), os.path.join(directory, _HOOKS)
    return config, hooks if exists(hooks) else config


AGENT = Codex()
