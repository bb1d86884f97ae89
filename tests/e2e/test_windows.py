"""Programs that fugue runs, by the command line: made, shown, typed into, ended."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SCRIPT, SESSION_FIELDS, Fugue, Server, repository
from tests.e2e.daemon import until
from tests.e2e.terminal import Terminal

ECHO = ("--", "sh", "-c", "echo ready; exec cat")


def new(fugue: Fugue, *words: str, cwd: Path | None = None) -> dict[str, Any]:
    made = fugue("new", "--json", *words, cwd=cwd)
    assert made.code == 0, made.err
    session: dict[str, Any] = made.json
    return session


def screen(fugue: Fugue, session: str, *words: str) -> str:
    captured = fugue("capture", session, *words)
    assert captured.code == 0, captured.err
    return captured.out


def until_shows(fugue: Fugue, session: str, text: str, *words: str) -> None:
    until(lambda: text in screen(fugue, session, *words))


def windows(fugue: Fugue, *words: str) -> list[Any]:
    return fugue("window", "ls", "--json", *words).objects


# ---------------------------------------------------------------------------------------------------------------- new


def test_new_makes_a_session_with_a_program_and_prints_its_name(fugue: Fugue) -> None:
    made = fugue("new", "-n", "cat-1", "-t", "citizen", "-t", "builder", *ECHO)
    assert (made.code, made.out, made.err) == (0, "cat-1\n", "")
    shown = fugue("show", "cat-1", "--json").json
    assert (shown["tags"], shown["window_count"]) == (["builder", "citizen"], 1)
    (window,) = windows(fugue)
    assert window["command"] == ["sh", "-c", "echo ready; exec cat"]
    assert window["directory"] == str(fugue.directory)
    until_shows(fugue, "cat-1", "ready")


def test_new_prints_the_session_as_json(fugue: Fugue) -> None:
    assert set(new(fugue, "-n", "cat-1", *ECHO)) == SESSION_FIELDS


def test_without_a_name_it_is_called_after_the_program_or_the_directory(fugue: Fugue) -> None:
    fugue.environment["SHELL"] = "/bin/cat"
    assert fugue("new", "--", "/bin/cat").out == "cat\n"
    assert fugue("new", "--", "cat").out == "cat-2\n"
    assert fugue("new").out == "work\n"
    (window,) = windows(fugue, "-s", "work")
    assert window["command"] == ["/bin/cat"]


def test_the_program_has_this_shells_environment_and_what_is_added(fugue: Fugue) -> None:
    fugue.environment["COLOUR"] = "green"
    fugue.environment["SIZE"] = "small"
    script = "echo $COLOUR, $SIZE, $A=B, $PWD; read x"
    directory = fugue.directory / "below"
    directory.mkdir()
    new(fugue, "-n", "cat-1", "-c", "below", "-e", "SIZE=large", "-e", "A=x=y", "--", "sh", "-c", script)
    until_shows(fugue, "cat-1", f"green, large, x=y=B, {directory}"[:80])


def test_a_program_is_told_the_directory_in_which_it_starts(fugue: Fugue) -> None:
    fugue.environment["PWD"] = "/elsewhere"
    new(fugue, "-n", "cat-1", "--keep", "-c", "/usr", "--", "cat", "/proc/self/environ")
    until_shows(fugue, "cat-1", "PWD=/usr")


def test_what_is_no_utf8_is_left_out_of_the_environment_and_said(fugue: Fugue) -> None:
    environment = {**{name.encode(): value.encode() for name, value in fugue.environment.items()}, b"ODD": b"\xff"}
    made = subprocess.run(
        [SCRIPT, "new", "-n", "cat-1", "--", "sh", "-c", "echo odd=$ODD.; read x"],
        env=environment,
        cwd=fugue.directory,
        capture_output=True,
        check=True,
    )
    assert b"ODD" in made.stderr
    until_shows(fugue, "cat-1", "odd=.")


def test_within_the_program_fugue_speaks_for_its_session(fugue: Fugue) -> None:
    fugue.join("mayor", "-t", "mayor")
    script = (
        "fugue whoami; fugue send tag:mayor bid '{\"amount\": 75}'; fugue tag add busy; echo done $FUGUE_WINDOW; read x"
    )
    path = f"{SCRIPT.parent}:{fugue.environment['PATH']}"
    new(fugue, "-n", "cat-1", "-e", f"PATH={path}", "--", "sh", "-c", script)
    until_shows(fugue, "cat-1", "done 0")
    assert "cat-1\n" in screen(fugue, "cat-1")
    assert fugue("show", "cat-1", "--json").json["tags"] == ["busy"]
    received = fugue("recv", "--json", session="mayor").json
    assert (received["sender"]["name"], received["message"]["payload"]) == ("cat-1", {"amount": 75})


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (["--", "nonesuch-program"], 1, "nonesuch-program"),
        (["-c", "/nonesuch", "--", "cat"], 1, "there is no directory '/nonesuch'"),
        (["-n", "a b", "--", "cat"], 2, "a b"),
        (["-t", "a b", "--", "cat"], 2, "a b"),
        (["-e", "=x", "--", "cat"], 2, "a name, = and a value"),
        (["--worktree", "x", "--", "cat"], 1, "in no git repository"),
    ],
)
def test_what_cannot_be_started_is_an_error_and_leaves_no_session(
    fugue: Fugue, words: list[str], code: int, answer: str
) -> None:
    refused = fugue("new", *words)
    assert (refused.code, refused.out) == (code, "")
    assert answer in refused.err
    assert fugue("ls", "--json").out == ""


def test_a_name_that_is_taken_is_refused(fugue: Fugue) -> None:
    new(fugue, "-n", "cat-1", *ECHO)
    assert fugue("new", "-n", "cat-1", *ECHO).code == 1
    assert len(windows(fugue)) == 1


# ----------------------------------------------------------------------------------------------------------- worktree


def git(directory: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", "-C", directory, *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def shop(fugue: Fugue) -> Path:
    """A repository with a commit."""
    directory = repository(fugue.directory / "shop")
    git(directory, "commit", "-q", "--allow-empty", "-m", "begin")
    return directory


def test_a_worktree_is_made_beside_the_repository_with_a_new_branch(fugue: Fugue, shop: Path) -> None:
    session = new(fugue, "-n", "cat-1", "--worktree", "feat/x", *ECHO, cwd=shop)
    made = fugue.directory / "shop.feat-x"
    assert session["worktree"] == {"path": str(made), "branch": "feat/x", "is_main": False}
    assert session["repo"] == str(shop)
    assert windows(fugue)[0]["directory"] == str(made)
    assert git(shop, "rev-parse", "feat/x") == git(shop, "rev-parse", "HEAD")


def test_a_worktree_that_is_there_is_used_again(fugue: Fugue, shop: Path) -> None:
    git(shop, "worktree", "add", "-q", "-b", "feat/y", str(fugue.directory / "elsewhere"))
    session = new(fugue, "-n", "cat-1", "--worktree", "feat/y", *ECHO, cwd=shop)
    assert session["worktree"]["path"] == str(fugue.directory / "elsewhere")
    assert new(fugue, "--worktree", "main", "-c", str(shop), *ECHO)["worktree"]["path"] == str(shop)
    assert not (fugue.directory / "shop.feat-y").exists()


def test_a_branch_that_is_there_gets_a_worktree(fugue: Fugue, shop: Path) -> None:
    git(shop, "branch", "old")
    git(shop, "commit", "-q", "--allow-empty", "-m", "go on")
    session = new(fugue, "--worktree", "old", *ECHO, cwd=shop)
    assert session["worktree"]["branch"] == "old"
    assert git(shop, "rev-parse", "old") == git(shop, "rev-parse", "HEAD~1")


def test_where_git_refuses_it_says_why_and_nothing_is_left(fugue: Fugue, shop: Path) -> None:
    taken = fugue.directory / "shop.feat-x"
    taken.mkdir()
    (taken / "file").touch()
    refused = fugue("new", "--worktree", "feat/x", *ECHO, cwd=shop)
    assert refused.code == 1
    assert "git worktree add: " in refused.err
    assert "already exists" in refused.err
    assert git(shop, "branch", "--list", "feat/x") == ""
    assert fugue("new", "--worktree", "-bad..name", *ECHO, cwd=shop).code == 2
    assert fugue("ls", "--json").out == ""


def test_where_the_program_cannot_be_started_no_worktree_is_left(fugue: Fugue, shop: Path) -> None:
    assert fugue("new", "--worktree", "feat/x", "--", "nonesuch-program", cwd=shop).code == 1
    assert not (fugue.directory / "shop.feat-x").exists()
    assert git(shop, "branch", "--list", "feat/x") == ""
    assert git(shop, "worktree", "list").count("\n") == 0
    git(shop, "branch", "old")
    assert fugue("new", "--worktree", "old", "--", "nonesuch-program", cwd=shop).code == 1
    assert not (fugue.directory / "shop.old").exists()
    assert git(shop, "branch", "--list", "old") != ""


# ------------------------------------------------------------------------------------------------------------ windows


@pytest.fixture
def cat(fugue: Fugue) -> Fugue:
    """A session cat-1 whose program says what it is told."""
    new(fugue, "-n", "cat-1", *ECHO)
    until_shows(fugue, "cat-1", "ready")
    return fugue


def test_windows_are_opened_listed_renamed_and_closed(cat: Fugue) -> None:
    opened = cat("window", "new", "-s", "cat-1", "-n", "tests", "--", "cat")
    assert (opened.code, opened.out) == (0, "1\n")
    assert [(window["window"], window["name"]) for window in windows(cat, "-s", "cat-1")] == [(0, "sh"), (1, "tests")]
    assert cat("window", "rename", "checks", "-s", "cat-1", "-w", "1").out == "window 1 is checks now\n"
    head, first, second = cat("window", "ls").out.splitlines()
    assert head.split() == ["SESSION", "WINDOW", "NAME", "STATE", "SIZE", "ACTIVE", "TITLE"]
    assert first.split()[:4] == ["cat-1", "0", "sh", "pid"]
    assert second.split()[:3] == ["cat-1", "1", "checks"]
    assert cat("window", "kill", "1", "-s", "cat-1").out == "closed window 1: checks ended by SIGHUP\n"
    assert [window["window"] for window in windows(cat)] == [0]
    assert cat("window", "kill", "0", "-s", "cat-1").code == 0
    assert cat("ls", "--json").out == ""
    assert "no windows" in cat("window", "ls").err


def test_a_window_that_would_be_kept_is_closed_when_it_is_killed(cat: Fugue) -> None:
    cat("window", "new", "-s", "cat-1", "--keep", "--", "cat")
    assert cat("window", "kill", "1", "-s", "cat-1").code == 0
    assert [window["window"] for window in windows(cat)] == [0]


def test_within_a_window_its_own_is_meant(cat: Fugue) -> None:
    cat("window", "new", "-s", "cat-1", "--", "cat")
    cat.environment["FUGUE_WINDOW"] = "1"
    assert cat("window", "rename", "mine", session="cat-1").out == "window 1 is mine now\n"
    assert cat("window", "rename", "first", "-s", "cat-1", session="cat-1").out == "window 0 is first now\n"
    assert cat("window", "new", "--", "cat", session="cat-1").out == "2\n"


def test_who_is_nobody_must_say_whose_windows(cat: Fugue) -> None:
    for words in (["new"], ["rename", "x"], ["kill", "0"]):
        refused = cat("window", *words)
        assert refused.code == 1
        assert "no session to speak for" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ["capture", "cat-1", "-w", "7"],
        ["capture", "nobody"],
        ["type", "cat-1", "x", "-w", "7"],
        ["type", "nobody", "x"],
        ["resize", "nobody", "80", "24"],
        ["respawn", "nobody"],
        ["window", "kill", "7", "-s", "cat-1"],
        ["window", "ls", "-s", "nobody"],
        ["window", "new", "-s", "nobody"],
    ],
    ids=" ".join,
)
def test_a_window_that_is_not_there_is_not_found(cat: Fugue, words: list[str]) -> None:
    assert cat(*words).code == 4


def test_what_is_typed_reaches_the_program(cat: Fugue) -> None:
    assert cat("type", "cat-1", "meow").code == 0
    assert cat("type", "cat-1", " and purr", "--enter").code == 0
    until_shows(cat, "cat-1", "ready\nmeow and purr\nmeow and purr\n")
    assert cat("type", "cat-1", "-", stdin="from a pipe\n").code == 0
    until_shows(cat, "cat-1", "from a pipe\nfrom a pipe\n")
    assert cat("type", "cat-1", "four", "--json").json == {"size_bytes": 4}


def test_what_is_typed_is_a_paste_where_the_program_asked_for_that(fugue: Fugue) -> None:
    new(fugue, "-n", "cat-1", "--", "sh", "-c", r"stty raw -echo; printf '\033[?2004hready'; exec cat -v")
    until_shows(fugue, "cat-1", "ready")
    assert fugue("type", "cat-1", "a", "--enter").code == 0
    until_shows(fugue, "cat-1", "ready^[[200~a^[[201~^M")
    assert fugue("type", "cat-1", "\x03", "--keys").code == 0
    until_shows(fugue, "cat-1", "^[[201~^M^C")
    assert fugue("type", "cat-1", "", "--enter").code == 0
    until_shows(fugue, "cat-1", "^C^M")


def test_a_screen_is_printed_with_its_scrollback_and_its_colours(fugue: Fugue) -> None:
    new(fugue, "-n", "cat-1", "--", "sh", "-c", r"seq 100; printf '\033[1;31mred\033[m\n'; read x")
    until_shows(fugue, "cat-1", "\nred\n")
    lines = screen(fugue, "cat-1").splitlines()
    assert (len(lines), lines[0]) == (24, "79")
    assert screen(fugue, "cat-1", "--scrollback").startswith("1\n2\n3\n")
    assert "\x1b[0;1;31mred\x1b[0m" in screen(fugue, "cat-1", "--ansi")
    captured = fugue("capture", "cat-1", "--json").json
    assert (captured["cols"], captured["rows"], captured["history_rows"]) == (80, 24, 78)


def test_a_screen_on_a_terminal_has_nothing_that_a_terminal_obeys_but_colours(fugue: Fugue) -> None:
    new(fugue, "-n", "cat-1", "--", "sh", "-c", r"printf '\033[31mred\033[m ready'; read x")
    until_shows(fugue, "cat-1", "ready")
    with Terminal(fugue, "capture", "cat-1", "--ansi", rows=30) as terminal:
        assert terminal.end() == 0
        assert terminal.written.splitlines()[0] == b"\x1b[0;31mred\x1b[0m ready"


def test_a_window_is_resized_while_nobody_looks(cat: Fugue) -> None:
    assert cat("resize", "cat-1", "100", "40").out == "window 0 has 100 columns and 40 rows\n"
    assert len(screen(cat, "cat-1").splitlines()) == 40
    assert cat("resize", "cat-1", "0", "40").code == 2


def test_a_program_that_exited_is_kept_and_started_again_under_the_same_identity(fugue: Fugue) -> None:
    session = new(fugue, "-n", "cat-1", "-t", "citizen", "--keep", "--", "sh", "-c", "echo once; exit 3")
    fugue.join("ann")
    until(lambda: windows(fugue)[0]["exited"] is not None)
    assert fugue("send", "session:cat-1", "note", session="ann").code == 0
    assert "exited with 3" in fugue("show", "cat-1").out
    assert "sh (exited with 3)" in fugue("ls").out
    assert fugue("type", "cat-1", "x").code == 1
    again = fugue("respawn", "cat-1", "--", "sh", "-c", "echo twice; read x")
    assert again.code == 0
    assert again.out.startswith("window 0 runs sh -c echo twice; read x, pid ")
    until_shows(fugue, "cat-1", "twice")
    after = fugue("show", "cat-1", "--json").json
    assert (after["id"], after["tags"], after["unread"]) == (session["id"], ["citizen"], 1)
    assert fugue("respawn", "cat-1").code == 1
    pid = windows(fugue)[0]["pid"]
    assert fugue("respawn", "cat-1", "--kill").code == 0
    (window,) = windows(fugue)
    assert window["pid"] != pid
    assert window["command"] == ["sh", "-c", "echo twice; read x"]


def test_sessions_are_shown_with_what_runs_in_them(cat: Fugue) -> None:
    cat.join("ann")
    head, first, second = cat("ls").out.splitlines()
    assert head.split()[-2:] == ["PROGRAMS", "ACTIVE"]
    assert first.split()[:2] == ["cat-1", "sh"]
    assert second.split() == ["ann"]
    shown = cat("show", "cat-1").out
    assert "window 0   sh -c echo ready; exec cat  pid " in shown
    assert "  80x24  " in shown


def test_where_nothing_runs_the_list_has_no_column_for_it(fugue: Fugue) -> None:
    fugue.join("ann")
    assert "PROGRAMS" not in fugue("ls").out


def test_killing_a_session_ends_its_program(cat: Fugue) -> None:
    pid = windows(cat)[0]["pid"]
    assert cat("kill", "cat-1").out == "ended cat-1\n"
    assert not Path(f"/proc/{pid}/stat").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()
    assert cat("ls", "--json").out == ""


# ------------------------------------------------------------------------------------------------------------- daemon


def test_programs_run_on_when_the_daemon_stops_and_the_next_takes_them_up(cat: Fugue) -> None:
    pid = windows(cat)[0]["pid"]
    stopped = cat("daemon", "stop")
    assert stopped.code == 0
    assert stopped.err == "1 program running on: the next daemon takes over from here\n"
    os.kill(pid, 0)
    assert "ready" in screen(cat, "cat-1")
    assert windows(cat)[0]["pid"] == pid
    assert cat("daemon", "restart").code == 0
    assert windows(cat)[0]["pid"] == pid
    status = cat("daemon", "status")
    assert "windows      1, held by pid " in status.out


def test_all_of_them_are_ended_where_that_is_asked_for(cat: Fugue) -> None:
    pid = windows(cat)[0]["pid"]
    stopped = cat("daemon", "stop", "--all")
    assert (stopped.code, stopped.err) == (0, "ended 1 program\n")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert cat("ls", "--json").out == ""


def test_a_daemon_that_was_killed_leaves_the_program_to_the_next(cat: Fugue, server: Server) -> None:
    pid = windows(cat)[0]["pid"]
    (daemon,) = server.pids()
    os.kill(daemon, signal.SIGKILL)
    until(lambda: not server.pids())
    assert cat("type", "cat-1", "still here", "--enter").code == 0
    until_shows(cat, "cat-1", "still here\nstill here\n")
    assert windows(cat)[0]["pid"] == pid


# --------------------------------------------------------------------------------------------------------- completion


def test_sessions_and_windows_are_offered(cat: Fugue) -> None:
    cat("window", "new", "-s", "cat-1", "-n", "tests", "--", "cat")

    def offered(*words: str) -> str:
        return cat("__complete", "--", *words).out

    assert offered("attach", "") == "cat-1\t\n"
    assert offered("attach", "cat-1", "-w", "") == "0\tsh\n1\ttests\n"
    assert offered("window", "kill", "-s", "cat-1", "") == "0\tsh\n1\ttests\n"
    assert offered("capture", "-w", "") == ""
    assert "cat\t\n" in offered("respawn", "cat-1", "--", "cat")
