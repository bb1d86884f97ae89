"""`fugue doctor`: the store, the keeper and the terminal as they are, and what a real probe of a session proves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shlex
import struct
import termios
from pathlib import Path

import pytest

from tests.e2e.conftest import SCRIPT, Fugue, Result, Server
from tests.e2e.daemon import PATIENCE_S, until


def found(result: Result) -> dict[str, tuple[str, str]]:
    """Return state and words of each check, by its name."""
    return {check["name"]: (check["state"], check["detail"]) for check in result.json["checks"]}


def probed(fugue: Fugue, *words: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Probe bob, who need not read anything."""
    result = fugue("doctor", "--json", "--session", "bob", *(words or ("--within", "0")))
    assert result.code == code, result.out + result.err
    return found(result)


# ------------------------------------------------------------------------------------------------- what is on the disk


def test_a_store_is_read_through_with_and_without_a_daemon(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    fugue("send", "session:ann", "note", '"hello"', session="ann")
    path = server.state_dir / "messages.db"
    state, words = found(fugue("doctor", "--json"))["store"]
    assert (state, words.partition(" in ")[0]) == ("ok", f"{path}, 1 message")
    assert words.endswith("; it is whole")
    fugue("daemon", "stop")
    before = sorted(os.listdir(server.state_dir))
    assert found(fugue("doctor", "--json"))["store"] == ("ok", f"{path}; it is whole")
    assert sorted(os.listdir(server.state_dir)) == before


def test_a_store_with_a_fault_in_it_is_a_problem(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    for number in range(50):
        fugue("send", "session:ann", "note", json.dumps(f"{number} " * 500), session="ann")
    fugue("daemon", "stop")
    path = server.state_dir / "messages.db"
    data = bytearray(path.read_bytes())
    assert data[:15] == b"SQLite format 3"
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    result = fugue("doctor", "--json")
    assert result.code == 1
    state, words = found(result)["store"]
    assert state == "problem"
    assert words.startswith(f"{path}: ")


def test_the_keeper_and_what_it_keeps(fugue: Fugue) -> None:
    fugue.join("ann")
    assert found(fugue("doctor", "--json"))["keeper"] == ("ok", "none, and no windows")
    assert fugue("new", "-d", "-n", "cat", "--", "cat").code == 0
    state, words = found(fugue("doctor", "--json"))["keeper"]
    assert (state, words.partition(", ")[2]) == ("ok", "1 window")


# ----------------------------------------------------------------------------------------------------- the terminal


def examined(fugue: Fugue, answer: bytes) -> str:
    """Return what is said of a terminal of 100x30 that gives this answer when it is asked what it is."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def take_over() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = fugue.start("doctor", stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_over)
    before = termios.tcgetattr(theirs)
    written = b""
    while b"\x1b[c" not in written:
        written += os.read(ours, 65536)
    os.write(ours, answer)
    while b"opencode" not in written:
        written += os.read(ours, 65536)
    assert process.wait(PATIENCE_S) == 0
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
    lines = written.decode().replace("\x1b[?u\x1b[c", "").split("\r\n")
    (words,) = [words for name, _, words in (line[2:].partition(" ") for line in lines) if name == "terminal"]
    return words.strip()


def test_a_terminal_is_asked_what_it_can_do(fugue: Fugue) -> None:
    fugue.environment |= {"TERM": "xterm-256color", "NO_COLOR": "1"}
    fugue.environment.pop("COLORTERM", None)
    assert examined(fugue, b"\x1b[?62;22c") == (
        "xterm-256color, 100x30, 256 colours at most; does not tell ctrl+enter from enter, so f5 sends"
    )
    fugue.environment["COLORTERM"] = "truecolor"
    assert examined(fugue, b"\x1b[?1u\x1b[?62c") == ("xterm-256color, 100x30, all colours; tells ctrl+enter from enter")


def test_a_terminal_that_does_not_answer_is_not_waited_for_long(fugue: Fugue) -> None:
    fugue.environment |= {"TERM": "xterm", "NO_COLOR": "1"}
    assert examined(fugue, b"") == "xterm, 100x30, 256 colours at most; it does not say what it is"


# ----------------------------------------------------------------------------------------------- the ways to a session


def test_a_session_that_reads_is_proved_to_have_read_and_acknowledged(fugue: Fugue) -> None:
    fugue.join("bob")
    reader = fugue.start("recv", "--wait", "60", session="bob")
    until(lambda: fugue("show", "bob", "--json").json["attached_clients"] == 1)
    ways = probed(fugue, "--within", "60")
    assert reader.wait(PATIENCE_S) == 0
    assert ways["mailbox"] == ("ok", "message 1 is on disk, queued for bob")
    state, words = ways["handed"]
    assert (state, words.partition(", after ")[0]) == ("ok", "through fugue")
    assert ways["acknowledged"][0] == "ok"
    assert ways["waking"] == ("ok", "off: an agent that idles sees its mail at its next prompt")


def test_a_session_that_nobody_reads_for_is_left_as_it_was(fugue: Fugue) -> None:
    fugue.join("bob")
    assert fugue("send", "session:bob", "note", '"mine"', session="bob").code == 0
    for agent in ("claude", "codex", "gemini", "opencode"):
        assert fugue("setup", agent, "--yes").code == 0
    ways = probed(fugue)
    assert ways["handed"] == (
        "warning",
        "not within 0 s: nothing that reads for it is connected, and no step of an agent has shown it",
    )
    assert "acknowledged" not in ways
    for agent, events in {
        "claude": "SessionStart, UserPromptSubmit, PostToolUse, Stop",
        "codex": "SessionStart, UserPromptSubmit, PostToolUse, Stop",
        "gemini": "SessionStart, BeforeAgent, AfterTool, AfterAgent",
    }.items():
        assert ways[f"{agent} hooks"] == ("ok", f"each showed a probe, to a session in its place: {events}")
    for agent in ("claude", "codex", "gemini", "opencode"):
        assert ways[f"{agent} tools"] == ("ok", "receive_messages gave a probe, to a session in its place")
    assert "opencode hooks" not in ways
    assert [session["name"] for session in fugue("ls", "--json").objects] == ["bob"]
    until(lambda: fugue("show", "bob", "--json").json["unread"] == 1)
    (envelope,) = fugue("recv", "--peek", "--json", session="bob").objects
    assert envelope["message"]["payload"] == "mine"
    (delivery,) = fugue("trace", envelope["id"], "--json").json["deliveries"]
    assert delivery["state"] == "queued"


def stand_in_for_fugue(directory: Path, script: str) -> str:
    """Make another program of the name, and return its path."""
    path = directory / "fugue"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("cat > /dev/null; echo it broke >&2; exit 3", "it exited with 3: it broke"),
        ("cat > /dev/null", "it did not show the probe: {command}"),
        (
            'cat > /dev/null; exec {script} recv --peek --json --as "$FUGUE_SESSION"',
            "what it showed is not marked as handed, but queued",
        ),
    ],
    ids=["fails", "shows nothing", "shows it and does not say so"],
)
def test_a_hook_that_does_not_show_mail_is_a_problem(fugue: Fugue, server: Server, script: str, fault: str) -> None:
    fugue.join("bob")
    assert fugue("setup", "claude", "--yes").code == 0
    settings = server.directory / ".claude" / "settings.json"
    other = stand_in_for_fugue(server.directory, script.format(script=shlex.quote(str(SCRIPT))))
    settings.write_text(settings.read_text().replace(str(SCRIPT), other))
    command = f"{other} hook --for claude SessionStart"
    assert probed(fugue, code=1)["claude hooks"] == ("problem", f"SessionStart: {fault.format(command=command)}")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo no such verb >&2; exit 2", "no such verb"),
        ("exec cat", "tools/call"),
        (
            'read first; echo \'{"id":1}\'; read begun; read call; echo \'{"id":2,"error":"no"}\'',
            '{"id":2,"error":"no"}',
        ),
    ],
    ids=["ends", "echoes", "refuses"],
)
def test_tools_that_do_not_give_mail_are_a_problem(fugue: Fugue, server: Server, script: str, fault: str) -> None:
    fugue.join("bob")
    assert fugue("setup", "claude", "--yes").code == 0
    state = server.directory / ".claude.json"
    other = stand_in_for_fugue(server.directory, script)
    state.write_text(state.read_text().replace(str(SCRIPT), other))
    kind, words = probed(fugue, code=1)["claude tools"]
    assert kind == "problem"
    assert words.startswith(f"{other} mcp did not give the probe: ")
    assert fault in words


def test_a_hook_that_names_a_session_is_not_run_since_it_would_take_its_mail(fugue: Fugue, server: Server) -> None:
    fugue.join("bob")
    assert fugue("setup", "claude", "--yes").code == 0
    settings = server.directory / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace('claude SessionStart"', 'claude SessionStart --as bob"'))
    assert fugue("send", "session:bob", "note", '"mine"', session="bob").code == 0
    assert probed(fugue)["claude hooks"] == (
        "warning",
        "not run, since it would show the mail of the session that it names: SessionStart",
    )
    assert "mine" in fugue("recv", "--peek", session="bob").out


def test_what_cannot_be_probed_is_said_and_nothing_is_started(fugue: Fugue, server: Server) -> None:
    nobody = fugue("doctor", "--session", "bob")
    assert (nobody.code, server.pids()) == (5, [])
    assert "none runs" in nobody.err
    fugue.join("ann")
    unknown = fugue("doctor", "--session", "bob")
    assert (unknown.code, unknown.err) == (4, "fugue: no session 'bob'\n")
    assert fugue("doctor", "--within", "3").code == 2
