"""Completion: what is offered, and that each shell offers it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import SCRIPT, Fugue, repository


def offered(fugue: Fugue, *words: str) -> list[str]:
    done = fugue("__complete", "--", *words)
    assert (done.code, done.err) == (0, "")
    return [line.split("\t")[0] for line in done.out.splitlines()]


@pytest.fixture
def people(fugue: Fugue) -> Fugue:
    """Ann and bob, with tags, a worktree and a message."""
    fugue.join("ann", "-t", "builder", cwd=repository(fugue.directory / "shop"))
    fugue.join("bob", "-t", "builder", "-t", "tester")
    fugue("send", "session:bob", "build.requested", session="ann")
    return fugue


def test_without_a_daemon_nothing_but_words_of_fugue_are_offered(fugue: Fugue) -> None:
    assert offered(fugue, "show", "") == []
    assert offered(fugue, "send", "tag:") == []
    assert "send" in offered(fugue, "")


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (["se"], ["send", "setup"]),
        (["tag", ""], ["add", "rm", "set", "ls"]),
        (["tag", "add", "b"], ["builder"]),
        (["tag", "rm", "-s", ""], ["ann", "bob"]),
        (["show", "a"], ["ann"]),
        (["kill", "ann", "b"], ["bob"]),
        (["send", ""], ["tag:", "session:", "broadcast", "worktree:"]),
        (["send", "tag:"], ["tag:builder", "tag:tester"]),
        (["send", "tag:t"], ["tag:tester"]),
        (["send", "session:"], ["session:ann", "session:bob"]),
        (["send", "session:bob", ""], ["build.requested"]),
        (["send", "--from", ""], ["ann", "bob"]),
        (["send", "--from=b"], ["--from=bob"]),
        (["send", "--from", "ann", "tag:b"], ["tag:builder"]),
        (["send", "--reply-to", ""], []),
        (["--json", "send", "--reply"], ["--reply-to"]),
        (["recv", "--as", "b"], ["bob"]),
        (["log", "st"], ["state:"]),
        (["log", "!fr"], ["!from:"]),
        (["log", "!from:"], ["!from:ann", "!from:bob"]),
        (["log", "type:"], ["type:build.requested"]),
        (["log", "state:a"], ["state:acked"]),
        (["log", "tag:"], ["tag:builder", "tag:tester"]),
        (["ls", "repo:"], ["repo:shop"]),
        (["join", "--shell", ""], ["sh", "fish"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["help", "wh"], ["whoami"]),
        (["nonsense", ""], []),
        (["show", "ann", ""], []),
    ],
)
def test_what_is_offered_depends_on_what_stands_before(people: Fugue, words: list[str], candidates: list[str]) -> None:
    assert offered(people, *words) == candidates


def test_worktrees_are_offered_by_their_paths(people: Fugue) -> None:
    assert offered(people, "send", "worktree:") == [f"worktree:{people.directory}/shop"]


def test_files_are_offered_for_a_payload(people: Fugue) -> None:
    (people.directory / "payload.json").touch()
    assert offered(people, "send", "session:bob", "x", "@pay") == ["@payload.json"]
    assert offered(people, "send", "session:bob", "x", "@sh") == ["@shop/"]


def test_programs_are_offered_to_run(people: Fugue) -> None:
    assert "true" in offered(people, "run", "-t", "x", "--", "tru")
    assert offered(people, "run", "--na") == ["--name"]


def test_the_server_that_is_named_is_asked(people: Fugue) -> None:
    assert offered(people, "-L", "other", "show", "") == []


def test_each_candidate_says_what_it_is(people: Fugue) -> None:
    assert people("__complete", "--", "tag", "add", "").out == "builder\tann, bob\ntester\tbob\n"


# ------------------------------------------------------------------------------------------------------------ shells


def in_bash(fugue: Fugue, line: str) -> list[str]:
    """Return what bash would insert for the last word of `line`."""
    script = f"""
        eval "$({SCRIPT} completion bash)"
        PATH="{SCRIPT.parent}:$PATH"
        COMP_LINE="$1" COMP_POINT="${{#1}}"
        _fugue fugue
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return _in_shell(fugue, ["bash", "--norc", "-c", script, "bash", line])


def _in_shell(fugue: Fugue, words: list[str]) -> list[str]:
    done = subprocess.run(
        words, env=fugue.environment, cwd=fugue.directory, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("fugue sen", ["send"]),
        ("fugue show ", ["ann", "bob"]),
        ("fugue send tag:", ["builder", "tester"]),
        ("fugue send tag:te", ["tester"]),
        ("fugue send --from=b", ["bob"]),
        ("fugue send session:bob bu", ["build.requested"]),
    ],
)
def test_bash_offers_what_stands_after_its_word_breaks(people: Fugue, line: str, inserted: list[str]) -> None:
    assert in_bash(people, line) == inserted


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_quotes_a_name_that_it_would_obey(people: Fugue) -> None:
    people.join("$(reboot)")
    assert in_bash(people, "fugue show ") == ["ann", "bob", r"\$\(reboot\)"]


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("fugue whoa", ["whoami\tPrint the name of the session that this shell speaks for"]),
        ("fugue tag add te", ["tester\tbob"]),
        ("fugue send tag:te", ["tag:tester\tbob"]),
        ("fugue tag add ", ["builder\tann, bob", "tester\tbob"]),
    ],
)
def test_fish_offers_candidates_with_what_they_are(people: Fugue, line: str, inserted: list[str]) -> None:
    script = f"set -x PATH {SCRIPT.parent} $PATH; fugue completion fish | source; complete -C '{line}'"
    assert _in_shell(people, ["fish", "--no-config", "-c", script]) == inserted


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
@pytest.mark.parametrize(
    ("words", "inserted"),
    [
        (["fugue", "whoa"], ["whoami"]),
        (["fugue", "send", "tag:te"], ["tag:tester"]),
        (["fugue", "tag", "add", ""], ["builder", "tester"]),
        (["fugue", "send", ""], ["broadcast", "tag:", "session:", "worktree:"]),
    ],
)
def test_zsh_offers_candidates(people: Fugue, words: list[str], inserted: list[str]) -> None:
    # zsh completes only in a terminal; what the function would add is what `compadd` is given.
    script = f"""
        PATH="{SCRIPT.parent}:$PATH"
        compdef() {{ }}
        compadd() {{ print -l -- "${{(@P)@[-1]}}" }}
        eval "$(fugue completion zsh)"
        words=("$@") CURRENT=$#
        _fugue
    """
    assert _in_shell(people, ["zsh", "-f", "-c", script, "zsh", *words]) == inserted


def test_the_script_of_each_shell_has_no_syntax_error(fugue: Fugue, tmp_path: Path) -> None:
    for shell in filter(shutil.which, ("bash", "zsh", "fish")):
        script = tmp_path / shell
        script.write_text(fugue("completion", shell).out)
        subprocess.run([shell, "-n", str(script)], check=True)
