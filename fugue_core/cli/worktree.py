"""The git worktree of a branch: found, or made beside the repository. Starts git."""

from __future__ import annotations

import os
import subprocess

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure
from fugue_core.git import locate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_GIT_PATIENCE_S = 600.0
"""A large repository takes its time to be checked out."""
_BRANCH = "refs/heads/"


class Worktree:
    """A worktree of a branch. Where the block that it is for fails, what was made is taken away again.

    Attributes:
        path: Where it is.
    """

    def __init__(self, repo: str, path: str, *, is_made: bool = False, made_branch: str | None = None) -> None:
        """Speak of one that is there; see `of_branch`."""
        self.path = path
        self._repo = repo
        self._is_made = is_made
        self._made_branch = made_branch

    @classmethod
    def of_branch(cls, branch: str, directory: str) -> Self:
        """Return the branch's worktree in the repository of `directory`; make it, and the branch, where there is none.

        Raises:
            Failure: That is no repository or no name for a branch, or git refuses. Nothing of it is left.
        """
        repo = locate(directory).repo
        if repo is None:
            raise Failure(outcome.FAILED, f"--worktree: {directory} is in no git repository")
        if _git(directory, "check-ref-format", "--branch", branch).returncode:
            raise Failure(outcome.USAGE, f"--worktree {branch!r}: git takes no such name for a branch")
        found = _listed(_told(directory, "worktree", "list", "--porcelain"), branch)
        if found is not None:
            return cls(directory, found)
        path = f"{repo}.{branch.replace('/', '-')}"
        if _is_known(directory, branch):  # here, or at a remote; then git makes one that follows it
            _told(directory, "worktree", "add", path, branch)
            return cls(directory, path, is_made=True)
        try:
            _told(directory, "worktree", "add", "-b", branch, path, "HEAD")
        except Failure:
            _git(directory, "branch", "-D", branch)  # git leaves it behind where the checkout fails
            raise
        return cls(directory, path, is_made=True, made_branch=branch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is not None:
            self.undo()

    def undo(self) -> None:
        """Take away again what was made; what was found stays."""
        if self._is_made:
            _git(self._repo, "worktree", "remove", self.path)
        if self._made_branch is not None:
            _git(self._repo, "branch", "-D", self._made_branch)


def _listed(porcelain: str, branch: str) -> str | None:
    """Return the path of the branch's worktree in what `git worktree list --porcelain` says."""
    for block in porcelain.split("\n\n"):
        lines = block.split("\n")
        if f"branch {_BRANCH}{branch}" in lines:
            return lines[0].removeprefix("worktree ")
    return None


def _is_known(directory: str, branch: str) -> bool:
    known = _told(directory, "for-each-ref", "--format=%(refname)", f"{_BRANCH}{branch}", f"refs/remotes/*/{branch}")
    return bool(known.strip())


def _told(directory: str, *words: str) -> str:
    """Return what git says. Raises `Failure` with its own words where it refuses."""
    done = _git(directory, *words)
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().split("\n")
        reason = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])
        raise Failure(outcome.FAILED, f"git {' '.join(words[:2])}: {reason.partition(': ')[2] or reason}")
    return os.fsdecode(done.stdout)


def _git(directory: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603  # no shell, and what is the user's stands where git reads no option
            ["git", *words],  # noqa: S607  # the user's git is the one on PATH
            cwd=directory,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(outcome.FAILED, f"git: {error}") from None
