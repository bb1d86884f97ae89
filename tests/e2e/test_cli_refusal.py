"""What goes wrong on the command line, and what it then exits with; and where its words go."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import SESSION_FIELDS, Fugue, Server


def test_without_an_identity_nobody_is_spoken_for(fugue: Fugue) -> None:
    fugue.join("ann")
    for words in (["send", "session:ann", "x"], ["recv"], ["whoami"], ["tag", "add", "a"], ["show"]):
        refused = fugue(*words)
        assert (refused.code, refused.out) == (1, "")
        assert 'eval "$(fugue join NAME)"' in refused.err
    assert "--from" in fugue("send", "session:ann", "x").err
    assert fugue("log").out == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["send", "tag:nobody", "x"], 3, "no recipient at tag:nobody"),
        (["send", "session:anm", "x"], 4, "no session 'anm'; did you mean ann?"),
        (["send", "broadcast", "x"], 1, "broadcast reaches the sender's repository"),
        (["send", "ann", "x"], 2, "did you mean session:ann or tag:ann?"),
        (["send", "tag:a,b", "x"], 2, "tag 'a,b'"),
        (["send", "tag:a", "x y"], 2, "message type 'x y'"),
        (["send", "session:ann"], 2, "MSG_TYPE is missing"),
        (["send", "session:ann", "x", "1", "2"], 2, "unexpected '2'"),
        (["send", "session:ann", "x", "--reply-to", "7"], 2, "--reply-to '7': an id, like"),
        (["send", "session:ann", "x", "--form", "bob"], 2, "unknown option '--form'; did you mean --from?"),
        (["recv", "--wait", "soon"], 2, "--wait 'soon': a number of seconds"),
        (["recv", "--as", "bob"], 4, "no session 'bob'"),
        (["tag", "add", "a b"], 2, "tag 'a b'"),
        (["tag", "ad", "a"], 2, "did you mean add?"),
        (["tag"], 2, "do what? add, rm, set, ls"),
        (["join", "a/b"], 2, "session name 'a/b'"),
        (["join", "--resume"], 2, "say which NAME"),
        (["join", "b", "--for-pid", "0"], 2, "--for-pid '0': the id of a process"),
        (["show", "bob"], 4, "no session 'bob'"),
        (["rename", "bob", "x"], 4, "no session 'bob'"),
        (["rename", "ann", "a b"], 2, "session name 'a b'"),
        (["log", "stat:acked"], 2, "filter 'stat:acked'"),
        (["log", "--limit", "0"], 2, "--limit '0': a whole number from 1 to 1,000,000"),
        (["ls", "state:gone"], 2, "filter 'state:gone'"),
        (["trace", "7"], 2, "MESSAGE_ID '7': an id, like"),
        (["trace", "01234567-89ab-cdef-0123-456789abcdef"], 4, "no message"),
        (["completion", "tcsh"], 2, "SHELL 'tcsh': one of bash, zsh, fish"),
        (["sned", "x"], 2, "there is no verb 'sned'; did you mean send?"),
        (["help", "sned"], 2, "did you mean send?"),
        (["-L", "a/b", "ls"], 2, "-L 'a/b': a name"),
    ],
)
def test_every_refusal_has_its_exit_code_and_names_the_fault(
    fugue: Fugue, words: list[str], code: int, message: str
) -> None:
    fugue.join("ann")
    refused = fugue(*words, session="ann")
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err
    assert "Traceback" not in refused.err


def test_a_session_that_has_ended_is_not_spoken_for(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    fugue("kill", "ann")
    refused = fugue("whoami", session=ann)
    assert refused.code == 4
    assert "FUGUE_SESSION" in refused.err


def test_a_full_mailbox_is_an_error_that_names_it(fugue: Fugue, server: Server) -> None:
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[limits]\nmailbox_messages = 1\n")
    fugue.join("ann")
    assert fugue("send", "session:ann", "x", session="ann").code == 0
    full = fugue("send", "session:ann", "x", session="ann")
    assert (full.code, full.out) == (1, "")
    assert "mailbox full: ann" in full.err


def test_what_others_wrote_never_reaches_a_terminal_raw(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    fugue("send", "session:ann", "x", '"\u202e\x7f\u009b31m"', session=ann)
    for words in (["recv", "--peek"], ["log"]):
        shown = fugue(*words, session=ann).out
        assert r"\u202e\x7f\x9b31m" in shown
    for words in (["send", "session:\x1b[31m", "x"], ["send", "session:ann", "x", "@\x1b[31m"], ["\x1b[31m"]):
        assert r"\x1b[31m" in fugue(*words, session=ann).err


def test_json_keeps_to_stdout_and_words_keep_to_stderr(fugue: Fugue) -> None:
    joined = fugue("join", "ann", "--json")
    assert set(json.loads(joined.out)) == SESSION_FIELDS
    assert joined.err == ""
    for words in (["ls"], ["show", "ann"], ["daemon", "status"], ["info"], ["doctor"], ["completion", "bash"]):
        done = fugue(*words, "--json")
        assert done.code == 0
        assert len(done.objects) == 1


def test_options_of_fugue_stand_before_the_verb_or_after_it(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    for words in (
        ["--json", "ls"],
        ["ls", "--json"],
        ["--socket", server.socket_path, "ls", "--json"],
        ["-Ldefault", "ls", "--json"],
    ):
        assert [session["name"] for session in fugue(*words).objects] == ["ann"]


def test_help_and_version_need_no_daemon(fugue: Fugue, server: Server) -> None:
    assert fugue("--version").out.startswith("fugue ")
    assert set(fugue("--version", "--json").json) == {"version"}
    assert fugue("help", "tag", "add").out == fugue("tag", "add", "--help").out
    assert fugue("send", "-h").out.startswith("usage: fugue send ")
    assert fugue("--help").out == fugue("help").out
    assert server.pids() == []
