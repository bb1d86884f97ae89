"""The agent programs in their newest versions, in a scratch directory. Needs `npm`, and once the network."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
_PACKAGES = (
    f"node-linux-{_ARCHITECTURE}",  # some want a newer Node than a system has
    "@anthropic-ai/claude-code",
    "@openai/codex",
    "@google/gemini-cli",
    "opencode-ai",
    "@modelcontextprotocol/inspector",
)
_INSTALL_S = 900


@dataclass(frozen=True)
class Programs:
    """What is installed, below one directory; no install script of a package was run."""

    modules: Path

    @property
    def node(self) -> str:
        return str(self.modules / f"node-linux-{_ARCHITECTURE}/bin/node")

    @property
    def claude(self) -> list[str]:
        return [str(self.modules / f"@anthropic-ai/claude-code-linux-{_ARCHITECTURE}/claude")]

    @property
    def codex(self) -> list[str]:
        (program,) = self.modules.glob(f"@openai/codex-linux-{_ARCHITECTURE}/vendor/*/bin/codex")
        return [str(program)]

    @property
    def gemini(self) -> list[str]:
        return [self.node, str(self.modules / "@google/gemini-cli/bundle/gemini.js")]

    @property
    def opencode(self) -> list[str]:
        return [str(self.modules / f"opencode-linux-{_ARCHITECTURE}/bin/opencode")]

    @property
    def inspector(self) -> list[str]:
        return [
            self.node,
            str(self.modules / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"),
            "--cli",
        ]

    def version(self, package: str) -> str:
        """Return the version of a package."""
        found: str = json.loads((self.modules / package / "package.json").read_text())["version"]
        return found


def scratch_directory() -> Path:
    """Return where the programs are installed: below the user's cache, since some refuse to run below `/tmp`."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "fugue-agents"


def install(directory: Path, *, anew: bool = False) -> Programs:
    """Install what is not there, the newest of each; with `anew`, everything."""
    programs = Programs(directory / "node_modules")
    if anew or not all((programs.modules / package).is_dir() for package in _PACKAGES):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "package.json").write_text('{"private": true}')
        wanted = [f"{package}@latest" for package in _PACKAGES]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet, *wanted], cwd=directory, check=True, timeout=_INSTALL_S)
    return programs
