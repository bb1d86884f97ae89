"""Which repository and worktree a directory belongs to, as git sees it. Starts one process."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

_QUESTION = ("rev-parse", "--git-dir", "--git-common-dir", "--show-toplevel", "--symbolic-full-name", "HEAD")
_GIT_PATIENCE_S = 10.0
_BRANCH = "refs/heads/"


class Place(NamedTuple):
    r"""Where in git a directory is.

    Fields:
        repo: One name for a repository and all of its worktrees: the real path of its main checkout; of a repository
            that has none (bare, a submodule, `--separate-git-dir`) that of the git directory itself.
        worktree_path: Real path of the worktree's top; None in a bare repository and inside of a git directory.
        branch: None where HEAD is detached. A branch that has no commit yet counts.
        is_main: True in the worktree that is the repository's own, False in one that `git worktree add` made.

    All are text that JSON can carry: bytes of a path that are no UTF-8 are written as `\udcff`.
    """

    repo: str | None = None
    worktree_path: str | None = None
    branch: str | None = None
    is_main: bool = False


NOWHERE = Place()


def locate(directory: str) -> Place:
    """Return the place of `directory`; `NOWHERE` where it is in no repository, or git is missing or refuses it.

    `GIT_*` in the environment are ignored: a hook that git started speaks of the directory, not of git's own business.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        git = subprocess.run(  # noqa: S603  # fixed arguments
            ["git", *_QUESTION],  # noqa: S607  # the user's git is the one on PATH
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return NOWHERE
    # git stops at the first question that it cannot answer, and what it said until then stands.
    lines = os.fsdecode(git.stdout).split("\n")[:-1]
    if len(lines) < 2:  # noqa: PLR2004  # the two directories, which every repository has
        return NOWHERE
    git_dir, common_dir = (os.path.realpath(os.path.join(directory, line)) for line in lines[:2])
    worktree = os.path.realpath(lines[2]) if len(lines) > 2 else None  # noqa: PLR2004  # as above
    branch = _branch(lines[3] if git.returncode == 0 else None, git_dir)
    return Place(
        repo=_text(os.path.dirname(common_dir) if os.path.basename(common_dir) == ".git" else common_dir),
        worktree_path=_text(worktree) if worktree else None,
        branch=_text(branch) if branch else None,
        is_main=worktree is not None and git_dir == common_dir,
    )


def _branch(head: str | None, git_dir: str) -> str | None:
    """Return the branch in `head`, git's answer; where git had none (no commit yet, no worktree), read the file."""
    if head is None:
        try:
            with open(os.path.join(git_dir, "HEAD"), encoding="utf-8", errors="surrogateescape") as file:
                head = file.readline().strip().removeprefix("ref: ")
        except OSError:
            return None
    return head.removeprefix(_BRANCH) if head.startswith(_BRANCH) else None


def _text(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
