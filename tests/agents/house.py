"""Where the agents live: a daemon of their own, and a clean home directory for each; and what fugue says of it all."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.agents.install import Programs
from tests.e2e.daemon import PATIENCE_S

_BIN = Path(sys.executable).parent
_LOOK_S = 0.1
_PASTE_S = 0.3
"""How long after a paste Enter is pressed: Gemini takes one that comes sooner for a part of what was pasted."""


@dataclass(frozen=True)
class Delivery:
    """What fugue says of a message's only recipient: the state, and what it was handed through."""

    state: str
    through: str | None

    @property
    def was_handed(self) -> bool:
        return self.state in {"handed", "acked"}


class House:
    """A daemon with an agent's home, within the block.

    Attributes:
        home: The home directory; the only thing in the environment that an agent could know.
        work: A git repository in it, where the agent works.
        environment: What every process in the house is given.
    """

    def __init__(self, programs: Programs) -> None:
        # Below the home of the user and not below /tmp, where Codex does not like to be; short, for the socket's path.
        self._directory = tempfile.TemporaryDirectory(prefix="fugue-", dir=Path.home(), ignore_cleanup_errors=True)
        self.home = Path(self._directory.name)
        self.work = self.home / "work"
        runtime = self.home / "run"
        runtime.mkdir(mode=0o700)
        config = self.home / ".config" / "fugue" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("[wake]\ntyped_s = 5\n")  # of a proof not more than needed is spent in waiting
        subprocess.run(["git", "init", "--quiet", "-b", "main", self.work], check=True)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{_BIN}:{Path(programs.node).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(runtime),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fugue("daemon", "stop", "--all")
        self._directory.cleanup()

    def run(
        self, *command: str, session: str | None = None, extra: Mapping[str, str] | None = None, patience_s: float = 60
    ) -> str:
        """Run a command, maybe as a session; return what it wrote to stdout and stderr."""
        environment = {**self.environment, **(extra or {})}
        if session is not None:
            environment["FUGUE_SESSION"] = session
        done = subprocess.run(
            command,
            cwd=self.work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience_s,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def fugue(self, *words: str, session: str | None = None, extra: Mapping[str, str] | None = None) -> str:
        return self.run(str(_BIN / "fugue"), *words, session=session, extra=extra)

    def send(self, target: str, payload: Any, sender: str = "ann") -> str:
        """Send a message; return its id."""
        words = ["send", target, "note", json.dumps(payload), "--json"]
        message: str = json.loads(self.fugue(*words, session=sender).splitlines()[0])["id"]
        return message

    def delivery(self, message: str) -> Delivery:
        (delivery,) = self.trace(message)["deliveries"]
        return Delivery(delivery["state"], delivery.get("handed_through"))

    def trace(self, message: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.fugue("trace", message, "--json"))
        return found

    def until_handed(self, message: str) -> Delivery:
        """Wait until fugue says that a message was handed; return what it says in the end, whatever it is."""
        until(lambda: self.delivery(message).was_handed)
        return self.delivery(message)


class Window:
    """An agent's screen, in a window of fugue that belongs to a session which is there already."""

    def __init__(self, house: House, session: str, command: Sequence[str], extra: Mapping[str, str]) -> None:
        self._house = house
        self._session = session
        house.fugue("window", "new", "-s", session, "--keep", "--", *command, extra=extra)

    @property
    def text(self) -> str:
        return self._house.fugue("capture", self._session)

    def until_shows(self, *texts: str, patience_s: float = PATIENCE_S) -> bool:
        """Wait until one of the texts is to be seen."""
        return until(lambda: any(text in self.text for text in texts), patience_s)

    def press(self, keys: str) -> None:
        self._house.fugue("type", self._session, keys, "--keys")

    def prompt(self, text: str) -> None:
        """Type a prompt, as a paste, and then Enter."""
        self._house.fugue("type", self._session, text)
        time.sleep(_PASTE_S)
        self.press("\r")

    def close(self) -> None:
        """End the program as its user would who closes its terminal."""
        self._house.fugue("window", "kill", "-s", self._session, "0")


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Look again and again until the condition holds; False where it does not in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True
