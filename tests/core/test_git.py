"""`fugue_core.git` with real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fugue_core.git import NOWHERE, Place, locate


@pytest.fixture(autouse=True)
def _own_git_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings and the hooks of whoever runs the tests out of them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)


def git(directory: Path, *words: str) -> None:
    settings = ["user.name=a", "user.email=a@b", "init.defaultBranch=main", "protocol.file.allow=always"]
    options = [part for setting in settings for part in ("-c", setting)]
    subprocess.run(["git", *options, *words], cwd=directory, check=True, capture_output=True)


def repository(directory: Path, *, has_commit: bool = True) -> Path:
    directory.mkdir()
    git(directory, "init")
    if has_commit:
        git(directory, "commit", "--allow-empty", "-m", "first")
    return directory


def test_a_main_checkout_is_its_repository_and_its_worktree(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    assert locate(str(shop)) == Place(repo=str(shop), worktree_path=str(shop), branch="main", is_main=True)


def test_a_directory_deep_in_a_worktree_belongs_to_the_top(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    deep = shop / "a" / "b"
    deep.mkdir(parents=True)
    assert locate(str(deep)) == locate(str(shop))


def test_a_linked_worktree_has_the_repository_of_the_main_checkout(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    git(shop, "worktree", "add", "-b", "feat/x", str(tmp_path / "feature"))
    expected = Place(repo=str(shop), worktree_path=str(tmp_path / "feature"), branch="feat/x", is_main=False)
    assert locate(str(tmp_path / "feature")) == expected


def test_links_are_resolved(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    (tmp_path / "link").symlink_to(shop)
    assert locate(str(tmp_path / "link")) == locate(str(shop))


def test_a_detached_head_is_on_no_branch(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    git(shop, "checkout", "--detach")
    assert locate(str(shop)) == Place(repo=str(shop), worktree_path=str(shop), branch=None, is_main=True)


def test_a_branch_without_a_commit_counts(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", has_commit=False)
    assert locate(str(shop)) == Place(repo=str(shop), worktree_path=str(shop), branch="main", is_main=True)


def test_a_tag_named_like_the_branch_does_not_change_the_branch(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    git(shop, "tag", "main")
    assert locate(str(shop)).branch == "main"


def test_a_bare_repository_has_no_worktree_and_is_known_by_its_own_directory(tmp_path: Path) -> None:
    bare = tmp_path / "shop.git"
    bare.mkdir()
    git(bare, "init", "--bare")
    assert locate(str(bare)) == Place(repo=str(bare), worktree_path=None, branch="main", is_main=False)


def test_a_worktree_of_a_bare_repository_belongs_to_it(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    git(tmp_path, "clone", "--bare", str(shop), "shop.git")
    git(tmp_path / "shop.git", "worktree", "add", "-b", "feat", str(tmp_path / "feat"))
    expected = Place(repo=str(tmp_path / "shop.git"), worktree_path=str(tmp_path / "feat"), branch="feat")
    assert locate(str(tmp_path / "feat")) == expected


def test_the_git_directory_itself_is_in_no_worktree(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    assert locate(str(shop / ".git")) == Place(repo=str(shop), worktree_path=None, branch="main", is_main=False)


def test_a_submodule_is_a_repository_of_its_own_for_all_of_its_worktrees(tmp_path: Path) -> None:
    part = repository(tmp_path / "part")
    shop = repository(tmp_path / "shop")
    git(shop, "submodule", "add", str(part), "lib")
    git(shop / "lib", "worktree", "add", "-b", "feat", str(tmp_path / "feat"))
    inside = locate(str(shop / "lib"))
    assert inside == Place(
        repo=str(shop / ".git" / "modules" / "lib"), worktree_path=str(shop / "lib"), branch="main", is_main=True
    )
    assert locate(str(tmp_path / "feat")).repo == inside.repo


def test_what_git_left_in_the_environment_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = repository(tmp_path / "shop")
    other = repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert locate(str(shop)).repo == str(shop)


def test_a_directory_outside_of_git_is_nowhere(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == NOWHERE


def test_a_directory_that_does_not_exist_is_nowhere(tmp_path: Path) -> None:
    assert locate(str(tmp_path / "gone")) == NOWHERE


def test_without_git_everything_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = repository(tmp_path / "shop")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert locate(str(shop)) == NOWHERE


def test_a_path_that_is_not_utf8_becomes_text_that_json_can_carry(tmp_path: Path) -> None:
    shop = repository(tmp_path / os.fsdecode(b"caf\xe9"))
    assert locate(str(shop)).repo == str(tmp_path / "caf\\udce9")
