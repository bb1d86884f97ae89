"""Resident memory of an idle daemon with 0, 100 and 10,000 sessions, as the kernel counts it (`/proc/PID/statm`).

Each session is joined through a connection of its own that leaves at once, as `fugue join` does it: with a name, two
tags, a repository and a worktree of its own. Nothing has been sent. The daemon is a new one each time, and a moment is
given to it to come to rest. What a session costs is the growth over the daemon without any, divided.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from figure import Figure, run_as_script
from peer import fugue_process, scratch

from fugue_core.client.oneshot import ask

SESSIONS = ((0, 5), (100, 5), (10_000, 1))
"""How many, and of how many daemons the median is taken: few sessions are little beside how daemons differ."""
REST_S = 1.5
"""Longer than the daemon's tick."""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return the memory for each number of sessions, and what one costs."""
    idle_bytes = 0.0
    figures = []
    for sessions, daemons in SESSIONS:
        resident_bytes = median([_resident_bytes(sessions) for _ in range(1 if is_quick else daemons)])
        what = f"memory of an idle daemon, {sessions:,} sessions"
        figures.append(Figure(what=what, value=resident_bytes / 2**20, unit="MiB"))
        if sessions:
            each = (resident_bytes - idle_bytes) / sessions
            figures.append(Figure(what=f"memory of one session among {sessions:,}", value=each, unit="bytes"))
        else:
            idle_bytes = resident_bytes
    return figures


def _resident_bytes(sessions: int) -> int:
    with scratch() as directory, fugue_process(directory) as (socket_path, pid):
        for number in range(sessions):
            ask(socket_path, "session.join", _session(number), may_start=False)
        time.sleep(REST_S)
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def _session(number: int) -> dict[str, Any]:
    repo = f"/home/somebody/projects/project-{number % 100}"
    return {
        "name": f"worker-{number}",
        "tags": ["worker", f"team-{number % 20}"],
        "repo": repo,
        "worktree": {"path": f"{repo}-{number}", "branch": f"feature/{number}", "is_main": False},
        "attach": False,
    }


if __name__ == "__main__":
    run_as_script(measure)
