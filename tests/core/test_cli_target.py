"""A target's text form in the command line's light path against the one parser of the protocol."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.cli.outcome import USAGE, Failure
from fugue_core.cli.target import read_target
from fugue_core.client.jsontext import encode
from fugue_core.errors import FugueError
from fugue_core.protocol.target import WireTarget, parse_target


@given(
    st.sampled_from(["tag:", "tag:a in ", "session:", "broadcast", "worktree:/", "tag", "", "x:"]), st.text(max_size=10)
)
def test_both_parsers_agree_on_what_the_protocol_accepts(form: str, value: str) -> None:
    try:
        expected = parse_target(form + value)
    except FugueError:
        return  # the daemon refuses it, if the light path has not
    wire = encode(read_target(form + value))
    assert msgspec.json.decode(wire, type=WireTarget) == expected


def test_a_worktree_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_target("worktree:a/../b/") == {"kind": "worktree", "path": f"{tmp_path}/b"}


def test_links_in_the_path_of_a_worktree_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_target(f"worktree:{tmp_path}/link") == {"kind": "worktree", "path": f"{tmp_path}/real"}


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_target("worktree:~/x") == {"kind": "worktree", "path": f"{tmp_path}/x"}


def test_the_form_of_the_wire_passes_through_as_it_is() -> None:
    written = '{"kind": "tagged", "tag": "a", "repo": "/r"}'
    assert encode(read_target(written)) == written


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("bob", "did you mean session:bob or tag:bob?"),
        ("", "a target is tag:TAG"),
        ("worktree:", "worktree:PATH"),
        ("broadcast:x", "broadcast"),
        ("nobody:x", "a target is tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH"),
        ('{"kind": }', "line 1, column 10"),
    ],
)
def test_what_has_no_form_is_refused_with_the_forms_there_are(text: str, hint: str) -> None:
    with pytest.raises(Failure) as caught:
        read_target(text)
    assert hint in str(caught.value)
    assert caught.value.exit_code == USAGE
