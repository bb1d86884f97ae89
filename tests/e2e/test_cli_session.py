"""The verbs of sessions against the real daemon: join, ls, show, whoami, rename, kill, tag."""

from __future__ import annotations

import subprocess

from tests.e2e.conftest import SCRIPT, SESSION_FIELDS, Fugue, Server, repository
from tests.e2e.daemon import until


def test_join_prints_the_line_that_a_shell_evaluates(fugue: Fugue) -> None:
    done = subprocess.run(
        ["sh", "-c", f'eval "$({SCRIPT} join ann -t builder)" && {SCRIPT} whoami'],
        env=fugue.environment,
        cwd=fugue.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ann\n")
    assert "joined as ann with tags builder" in done.stderr


def test_join_for_fish_prints_a_line_of_fish(fugue: Fugue) -> None:
    joined = fugue("join", "ann", "--shell", "fish")
    session = fugue("show", "ann", "--json").json["id"]
    assert joined.out == f"set -gx FUGUE_SESSION {session}\n"


def test_join_at_another_server_names_its_socket_too(fugue: Fugue, server: Server) -> None:
    other = server.socket_path.replace("default.sock", "it's.sock")
    joined = fugue("join", "ann", "--socket", other)
    try:
        shell = subprocess.run(
            ["sh", "-c", f'{joined.out}\nprintf %s "$FUGUE_SOCKET"'], capture_output=True, text=True, check=True
        )
        assert shell.stdout == other
        assert fugue("ls").out == ""
    finally:
        fugue("daemon", "stop", "--socket", other)


def test_join_takes_the_place_of_the_current_directory(fugue: Fugue) -> None:
    shop = repository(fugue.directory / "shop")
    fugue.join("ann", cwd=shop)
    session = fugue("show", "ann", "--json").json
    assert session["repo"] == str(shop)
    assert session["worktree"] == {"path": str(shop), "branch": "main", "is_main": True}
    assert session["metadata"] == {}


def test_join_refuses_a_name_that_is_taken_and_resumes_it_when_asked(fugue: Fugue) -> None:
    first = fugue.join("ann", "-t", "a")
    refused = fugue("join", "ann")
    assert (refused.code, refused.out) == (1, "")
    assert "named 'ann' already" in refused.err
    resumed = fugue("join", "ann", "--resume", "-t", "b", "--json").json
    assert (resumed["id"], resumed["tags"]) == (first, ["a", "b"])


def test_a_session_joined_for_a_process_ends_with_it(fugue: Fugue) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        fugue.join("ann", "--for-pid", str(process.pid))
        assert [session["name"] for session in fugue("ls", "--json").objects] == ["ann"]
        process.kill()
        process.wait()
        until(lambda: fugue("ls", "--json").out == "")


def test_ls_lists_sessions_in_a_table_and_as_json(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "builder", "-t", "red")
    fugue.join("bob")
    fugue("send", "session:bob", "hi", session="ann")
    listed = fugue("ls")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["NAME", "TAGS", "REPO", "BRANCH", "UNREAD", "CONNECTED"],
        ["ann", "builder", "red"],
        ["bob", "1"],
    ]
    objects = fugue("ls", "--json").objects
    assert [set(session) for session in objects] == [SESSION_FIELDS, SESSION_FIELDS]
    assert [session["unread"] for session in objects] == [0, 1]


def test_ls_lists_what_the_filter_lets_through(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "builder")
    fugue.join("bob", "-t", "builder", "-t", "idle")
    assert [session["name"] for session in fugue("ls", "tag:builder", "!tag:idle", "--json").objects] == ["ann"]
    nothing = fugue("ls", "tag:nobody")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "no session matches\n")


def test_show_tells_all_of_a_session(fugue: Fugue) -> None:
    session = fugue.join("ann", "-t", "builder")
    shown = fugue("show", session=session).out
    assert f"id         {session}\n" in shown
    assert "tags       builder\n" in shown
    assert set(fugue("show", "ann", "--json").json) == SESSION_FIELDS


def test_whoami_prints_the_name_or_the_id(fugue: Fugue) -> None:
    session = fugue.join("ann")
    assert fugue("whoami", session=session).out == "ann\n"
    assert fugue("whoami", "--id", session="ann").out == f"{session}\n"
    assert fugue("whoami", "--json", session=session).json["name"] == "ann"


def test_rename_keeps_the_id(fugue: Fugue) -> None:
    session = fugue.join("ann")
    assert fugue("rename", "ann", "anna").out == "ann is anna now\n"
    assert fugue("whoami", session=session).out == "anna\n"
    assert fugue("rename", session, "ann", "--json").json["name"] == "ann"


def test_kill_ends_all_that_it_can_and_fails_for_the_rest(fugue: Fugue) -> None:
    for name in ("ann", "bob", "carl"):
        fugue.join(name)
    fugue("send", "session:bob", "hi", session="ann")
    killed = fugue("kill", "ann", "nobody", "bob")
    assert killed.code == 4
    assert killed.out == "ended ann\nended bob; 1 unread message died with it\n"
    assert "no session 'nobody'" in killed.err
    assert fugue("kill", "carl", "--json").json["name"] == "carl"


def test_tags_are_added_removed_set_and_listed(fugue: Fugue) -> None:
    session = fugue.join("ann")
    assert fugue("tag", "add", "b", "a", session=session).out == "ann: a, b\n"
    assert fugue("tag", "rm", "b", "--json", session=session).json["tags"] == ["a"]
    assert fugue("tag", "set", "x", "y", session=session).out == "ann: x, y\n"
    assert fugue("tag", "ls", session=session).out == "x\ny\n"
    assert fugue("tag", "ls", "--json", session=session).json == {"tags": ["x", "y"]}
    assert fugue("tag", "set", session=session).out == "ann: no tags\n"


def test_the_tags_of_another_session_are_edited_by_naming_it(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "a")
    fugue.join("bob", "-t", "a")
    assert fugue("tag", "add", "b", "--session", "bob").out == "bob: a, b\n"
    assert fugue("tag", "ls", "--all").out.split() == ["2", "a", "1", "b"]
    assert fugue("tag", "ls", "--all", "--json").json == {"tags": {"a": 2, "b": 1}}
