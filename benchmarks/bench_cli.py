"""What a `fugue` command costs as a whole process, answer included, beside an interpreter that does nothing.

The installed script, in a shell that has joined: `send` to its own session, `recv` of that one message (which takes it,
prints it and acknowledges it), `hook` where nothing waits, `tag ls`, `whoami`; and `python -c pass` of the interpreter
that the script runs in. `hook` is put beside `send`, too: it is called at each step of an agent.
Each is measured from before it is started to when its end has been waited for. Each runs once beforehand, so that the
bytecode is there. What they print goes to /dev/null, and what they could read is empty.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from figure import Figure, Goal, alternate, compare, run_as_script
from peer import environment, fugue_daemon, scratch

import fugue_core

SCRIPT = os.path.join(os.path.dirname(sys.executable), "fugue")
INTERPRETER = "python -c pass"
SEND = "fugue send"
HOOK = "fugue hook"
VERBS: Mapping[str, Sequence[str]] = {
    SEND: ("send", "session:shell", "gas_town.bid", '{"amount": 75}'),
    "fugue recv": ("recv",),
    HOOK: ("hook", "--for", "claude", "PostToolUse"),
    "fugue tag ls": ("tag", "ls"),
    "fugue whoami": ("whoami",),
}
"""In this order: what `recv` prints is what `send` sent, and nothing waits for `hook`."""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return the figures of the verbs that a hook calls."""
    if not os.path.exists(SCRIPT):
        raise SystemExit(f"{SCRIPT} is not there: install fugue into this environment")
    with scratch() as directory, fugue_daemon(directory) as socket_path:
        session = asyncio.run(_join(socket_path))
        environ = environment(directory) | {"FUGUE_SOCKET": socket_path, "FUGUE_SESSION": session}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        contenders = {INTERPRETER: _process([sys.executable, "-c", "pass"], environ)}
        contenders |= {name: _process([SCRIPT, *words], environ) for name, words in VERBS.items()}
        found = alternate(contenders, 10 if is_quick else 100)
    goal = Goal(1.5, is_least=False)
    figures = []
    for name in VERBS:
        figures += compare(f"{name}, whole process", found, "ms", fugue=name, peers=[INTERPRETER], goal=goal)
    as_cheap = Goal(1.1, is_least=False)
    return figures + compare(f"{HOOK} where nothing waits", found, "ms", fugue=HOOK, peers=[SEND], goal=as_cheap)


async def _join(socket_path: str) -> str:
    async with fugue_core.connect(socket_path, start=False) as client:
        return str((await client.join("shell", tags=["builder", "reviewer"])).id)


def _process(command: list[str], environ: Mapping[str, str]) -> Callable[[], float]:
    """Return what runs `command`, and says how many milliseconds that took."""
    silence = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]

    def turn() -> float:
        began = time.perf_counter()
        pid = os.posix_spawn(command[0], command, environ, file_actions=silence)
        _, status, _ = os.wait4(pid, 0)
        took_s = time.perf_counter() - began
        if status:
            raise AssertionError(f"{' '.join(command)}: {os.waitstatus_to_exitcode(status)}")
        return took_s * 1e3

    return turn


if __name__ == "__main__":
    run_as_script(measure)
