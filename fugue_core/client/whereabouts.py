"""Where in git a session works, as its client finds it out: the daemon looks at no directory."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from fugue_core import git
from fugue_core.protocol.session import WorktreeInfo


class Whereabouts(NamedTuple):
    """The `repo` and `worktree` of a request."""

    repo: str | None
    worktree: WorktreeInfo | None


async def whereabouts(directory: str) -> Whereabouts:
    """Return those of a directory, by asking git in a thread."""
    there = await asyncio.to_thread(git.locate, directory)
    if there.worktree_path is None:
        return Whereabouts(there.repo, None)
    worktree = WorktreeInfo(path=there.worktree_path, branch=there.branch, is_main=there.is_main)
    return Whereabouts(there.repo, worktree)
