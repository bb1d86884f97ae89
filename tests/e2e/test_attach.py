"""`fugue attach`, at a terminal, with the real daemon and real programs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from fugue_core.cli.console import CLEAR, RESTORE
from fugue_core.terminal.screen import RESET
from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import PATIENCE_S, until
from tests.e2e.terminal import Terminal

PREFIX = b"\x02"
DETACH = PREFIX + b"d"
TELL_SIZE = "trap 'stty size' WINCH; stty size; while :; do sleep 0.02; done"


def new(fugue: Fugue, *words: str) -> str:
    """Make a session without showing it; return its id."""
    made = fugue("new", "--json", "-n", "cat-1", *words)
    assert made.code == 0, made.err
    session: str = made.json["id"]
    return session


@pytest.fixture(params=["lent", "passed through"], autouse=True)
def way(request: pytest.FixtureRequest, fugue: Fugue, tmp_path: Path) -> str:
    """How a terminal comes by what is shown: the daemon has it, or the command hands everything on."""
    way: str = request.param
    if way != "lent":
        (tmp_path / "custom").mkdir()
        nameless = "from fugue_core.cli.console import Console\nConsole.file = None\n"
        (tmp_path / "custom" / "sitecustomize.py").write_text(nameless)
        fugue.environment["PYTHONPATH"] = str(tmp_path / "custom")
    return way


@pytest.fixture
def echo(fugue: Fugue) -> Fugue:
    """A session cat-1 whose program says what it is told."""
    new(fugue, "--", "sh", "-c", "echo ready; exec cat")
    return fugue


def size_of(fugue: Fugue, session: str = "cat-1") -> tuple[int, int]:
    (window,) = fugue("window", "ls", "-s", session, "--json").objects
    return window["cols"], window["rows"]


# -------------------------------------------------------------------------------------------------- keys and pictures


def test_what_is_typed_reaches_the_program_and_what_it_says_is_shown(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type("meow\r")
        terminal.until_shows("ready\nmeow\nmeow\n")


def test_the_program_goes_on_when_it_is_detached_and_is_there_again(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type("one\r")
        terminal.until_shows("one\none")
        terminal.type(DETACH)
        assert terminal.end() == 0
        assert "[detached from cat-1]" in terminal.text
    assert echo("type", "cat-1", "two", "--enter").code == 0
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("one\none\ntwo\ntwo")
        terminal.type("three\r")
        terminal.until_shows("two\nthree\nthree")


def test_what_stood_on_the_screen_can_be_looked_back_at(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.screen.feed(b"what I did before\r\n$ ")
        terminal.until_shows("ready")
        assert "before" not in terminal.text
        assert "what I did before" in terminal.screen.capture(scrollback=True)


def test_the_size_follows_the_terminal(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", TELL_SIZE)
    with Terminal(fugue, "attach", "cat-1", cols=90, rows=20) as terminal:
        terminal.until_shows("20 90")
        terminal.resize(101, 31)
        terminal.until_shows("31 101")


def test_the_terminal_in_which_was_typed_last_decides_the_size(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as first:
        first.until_shows("ready")
        assert size_of(echo) == (80, 24)
        with Terminal(echo, "attach", "cat-1", cols=100, rows=30) as second:
            second.until_shows("ready")
            assert size_of(echo) == (100, 30)
            first.type("a\r")
            second.until_shows("ready\na\na")
            first.until_shows("ready\na\na")
            until(lambda: size_of(echo) == (80, 24))
            second.type("b\r")
            until(lambda: size_of(echo) == (100, 30))
            second.type(DETACH)
            assert second.end() == 0
        until(lambda: size_of(echo) == (80, 24))


def test_the_smallest_terminal_decides_the_size_where_that_is_set(fugue: Fugue, server: Server) -> None:
    configure(server, 'size = "smallest"')
    new(fugue, "--", "sh", "-c", "echo ready; exec cat")
    with Terminal(fugue, "attach", "cat-1", cols=70, rows=30) as first:
        first.until_shows("ready")
        with Terminal(fugue, "attach", "cat-1", cols=100, rows=20) as second:
            second.until_shows("ready")
            assert size_of(fugue) == (70, 20)
            second.type("b\r")
            first.until_shows("ready\nb\nb")
            assert size_of(fugue) == (70, 20)


def test_who_only_looks_types_nothing(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1", "-r") as looking, Terminal(echo, "attach", "cat-1") as typing:
        looking.until_shows("ready")
        typing.until_shows("ready")
        looking.type("unheard\r")
        looking.type(PREFIX + b"?")  # so that what comes before it has been read
        looking.until_shows("detach")
        typing.type("heard\r")
        typing.until_shows("heard\nheard")
        assert "unheard" not in typing.text
        looking.type(b"x" + DETACH)
        assert looking.end() == 0


def test_answers_of_the_terminal_do_not_reach_the_program(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "stty raw -echo; echo ready; exec cat -v")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(b"<\x1b[?62;22c\x1b[24;80R\x1b]4;1;rgb:0000/0000/0000\x07\x1bP>|xterm\x1b\\\x1b[1;2R>")
        terminal.until_shows("<^[[1;2R>")


def test_nothing_is_lost_of_much_that_is_typed_before_the_program_reads(fugue: Fugue) -> None:
    new(
        fugue,
        "--",
        "sh",
        "-c",
        "stty raw -echo; echo ready; until [ -e go ]; do sleep 0.02; done; head -c 3000000 | md5sum; exec cat",
    )
    data = bytes(range(32, 127)) * 31_579
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        typing = threading.Thread(target=terminal.type, args=(data[:3_000_000],))
        typing.start()
        typing.join(PATIENCE_S)
        assert not typing.is_alive()  # so the command has read all of it, and the daemon takes a third
        (fugue.directory / "go").touch()
        terminal.until_shows(hashlib.md5(data[:3_000_000]).hexdigest())


def test_the_escape_key_is_not_kept(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "stty raw -echo; echo ready; exec cat -v")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(b"\x1b")
        terminal.until_shows("^[")


def test_the_prefix_twice_is_sent_to_the_program(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "stty raw -echo; echo ready; exec cat -v")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(PREFIX + PREFIX)
        terminal.until_shows("^B")


@pytest.mark.parametrize(
    ("variable", "config", "prefix"),
    [
        ("TMUX", "", b"\x07"),
        ("FUGUE_X", 'prefix = "ctrl+a"', b"\x01"),
        ("TMUX", 'prefix = "ctrl+backslash"', b"\x1c"),
        ("FUGUE_X", 'prefix = "alt+x"', b"\x1bx"),
        ("FUGUE_X", 'prefix = "f12"', b"\x1b[24~"),
    ],
)
def test_the_prefix_is_another_within_tmux_and_where_it_is_set(
    fugue: Fugue, server: Server, variable: str, config: str, prefix: bytes
) -> None:
    configure(server, config)
    new(fugue, "--", "cat")
    fugue.environment[variable] = "/tmp/tmux"
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.type("meow\r")
        terminal.until_shows("meow\nmeow")
        terminal.type(prefix + b"d")
        assert terminal.end() == 0


def test_a_prefix_that_cannot_be_is_an_error(echo: Fugue, server: Server) -> None:
    configure(server, 'prefix = "ctrl+i"')
    with Terminal(echo, "attach", "cat-1") as terminal:
        assert terminal.end() == 1
        terminal.until_shows("terminal.prefix is 'ctrl+i'")


# ------------------------------------------------------------------------------------------- who has the terminal


def has_open(server: Server, terminal: Terminal) -> bool:
    """Say whether the daemon has this terminal."""
    (pid,) = server.pids()
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return terminal.name in names


def test_the_daemon_has_the_terminal_until_a_key_is_for_fugue(echo: Fugue, server: Server, way: str) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        until(lambda: has_open(server, terminal) is (way == "lent"))
        assert terminal.blocks
        terminal.type(PREFIX + b"?")
        terminal.until_shows("Any key goes back")
        assert not has_open(server, terminal)
        terminal.type("x")
        terminal.until_shows("ready")
        until(lambda: has_open(server, terminal) is (way == "lent"))
        terminal.type(PREFIX + b"7")  # there is no such window, and this one goes on
        terminal.type("again\r")
        terminal.until_shows("again\nagain")
        until(lambda: has_open(server, terminal) is (way == "lent"))
        terminal.type("more\r" + DETACH.decode() + "for the shell")
        assert terminal.end() == 0
        assert not has_open(server, terminal)
        assert terminal.is_as_before
        assert terminal.blocks


def test_the_daemon_lets_go_of_the_terminal_of_a_command_that_was_killed(echo: Fugue, server: Server) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.process.kill()
        terminal.process.wait(PATIENCE_S)
        until(lambda: not has_open(server, terminal))


def test_a_daemon_that_is_stopped_does_not_keep_the_terminal(echo: Fugue, server: Server) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        (pid,) = server.pids()
        os.kill(pid, signal.SIGSTOP)
        try:
            assert terminal.end(signal.SIGTERM) == 128 + signal.SIGTERM
            assert terminal.is_as_before
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: not has_open(server, terminal))


def test_a_key_for_fugue_is_obeyed_in_the_midst_of_what_is_typed(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "stty raw -echo; echo ready; exec cat")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(b"one" + PREFIX + b"7two" + PREFIX + b"8three" + PREFIX + b"?")
        terminal.until_shows("Any key goes back")
        terminal.type("x")
        terminal.until_shows("onetwothree")


def test_a_terminal_that_takes_nothing_for_a_while_then_shows_what_there_is(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "read go; seq 1000000; echo all; exec cat")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        until(lambda: fugue("window", "ls", "--json").json["viewers"] == 1)
        terminal.type("\r")
        until(lambda: "all" in fugue("capture", "cat-1").out.split())
        terminal.until_shows("999999\n1000000\nall\n")
        terminal.type("on\r")
        terminal.until_shows("all\non\non\n")


# ------------------------------------------------------------------------------------------------------------ windows


def test_windows_are_changed_by_keys(echo: Fugue) -> None:
    assert echo("window", "new", "-s", "cat-1", "--", "sh", "-c", "echo second; exec cat").out == "1\n"
    assert echo("window", "new", "-s", "cat-1", "--", "sh", "-c", "echo third; exec cat").out == "2\n"
    with Terminal(echo, "attach", "cat-1", "-w", "1") as terminal:
        for key, text in [(b"", "second"), (b"n", "third"), (b"n", "ready"), (b"p", "third"), (b"1", "second")]:
            terminal.type(PREFIX + key if key else b"")
            terminal.until_shows(text)
        terminal.type(PREFIX + b"7")
        terminal.type("here\r")
        terminal.until_shows("second\nhere\nhere")


def test_a_new_window_is_opened_by_a_key_and_the_next_is_shown_when_it_ends(echo: Fugue) -> None:
    echo.environment["SHELL"] = "/bin/sh"
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(PREFIX + b"c")
        terminal.until_gone("ready")
        terminal.type("echo window $FUGUE_WINDOW\r")
        terminal.until_shows("window 1\n")
        terminal.type("exit\r")
        terminal.until_shows("ready")
        assert terminal.process.poll() is None


def test_the_keys_are_shown_and_any_key_goes_back(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.type(PREFIX + b"?")
        terminal.until_shows("ctrl+b  d", "cat-1, window 0")
        assert "ready" not in terminal.text
        terminal.type("x")
        terminal.until_shows("ready")
        terminal.type("y\r")
        terminal.until_shows("ready\ny\ny\n")


def test_what_a_program_still_says_does_not_spoil_the_keys(fugue: Fugue) -> None:
    new(fugue, "--", "yes", "flood")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("flood")
        terminal.type(PREFIX + b"?")
        terminal.until_shows("Any key goes back")
        until(lambda: fugue("window", "ls", "--json").json["viewers"] == 0)
        assert "Any key goes back" in terminal.text
        assert "flood" not in terminal.text


def test_the_screen_is_drawn_anew_by_a_key(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.screen.feed(b"\x1b[2J\x1b[Hnoise of another program")
        terminal.type(PREFIX + b"r")
        terminal.until_shows("ready")
        assert "noise" not in terminal.text


# ------------------------------------------------------------------------------------------------------------ the end


def test_it_says_how_the_program_ended(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "read answer; exit $answer")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        until(lambda: fugue("window", "ls", "--json").json["viewers"] == 1)
        terminal.type("3\r")
        assert terminal.end() == 0
        assert "[cat-1 exited with 3]" in terminal.text
        assert terminal.is_as_before


def test_a_program_that_is_kept_can_be_looked_at(fugue: Fugue) -> None:
    new(fugue, "--keep", "--", "sh", "-c", "echo last words; exit 3")
    until(lambda: fugue("window", "ls", "--json").json["exited"] is not None)
    with Terminal(fugue, "attach", "cat-1") as terminal:
        assert terminal.end() == 0
        assert "last words" in terminal.screen.capture(scrollback=True)
        assert "[cat-1 exited with 3; fugue respawn cat-1 starts it again]" in terminal.text


MODES = ("?1049h", "?1000h", "?1006h", "?2004h", "?25l", "5;10r", "31m", ">1u")
DISTURB = "printf '" + "".join(f"\\033[{mode}" for mode in MODES) + "'; echo ready; exec cat"


def is_restored(terminal: Terminal) -> bool:
    modes = terminal.screen.modes
    is_usual = not (modes.is_alternate or modes.bracketed_paste or modes.kitty_keyboard) and modes.mouse == "none"
    terminal.screen.feed(b"\x1b[24;1H\r\nend")
    last = terminal.screen.lines(terminal.screen.history_rows + 23, 1)[0]
    return bool(
        is_usual
        and terminal.screen.is_cursor_visible
        and RESTORE in terminal.written
        and [(run.text, run.fg, run.attrs) for run in last] == [("end", None, 0)]
        and terminal.is_as_before
    )


def test_the_restoring_undoes_all_that_drawing_a_screen_begins_with() -> None:
    assert RESTORE + CLEAR == RESET


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_the_terminal_is_restored_when_a_signal_ends_it(fugue: Fugue, number: signal.Signals) -> None:
    new(fugue, "--", "sh", "-c", DISTURB)
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        assert not terminal.is_as_before
        assert terminal.end(number) == 128 + number
        assert is_restored(terminal)


def test_the_terminal_is_restored_when_it_is_detached(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", DISTURB)
    with Terminal(fugue, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        assert terminal.screen.modes.is_alternate
        terminal.type(DETACH)
        assert terminal.end() == 0
        assert is_restored(terminal)


@pytest.mark.parametrize(
    ("prelude", "code"),
    [("attachment.RETURN_PATIENCE_S = 0.3", 5), ("attachment.Attachment._return = None", 1)],
    ids=["a daemon that does not come back", "a bug"],
)
def test_the_terminal_is_restored_when_the_daemon_is_lost(
    fugue: Fugue, server: Server, prelude: str, code: int
) -> None:
    new(fugue, "--", "sh", "-c", DISTURB)
    script = f"""
import sys
from fugue_core.cli import attachment, main
{prelude}
sys.exit(main.main(["attach", "cat-1"]))
"""
    with Terminal(fugue, "-c", script, executable=sys.executable) as terminal:
        terminal.until_shows("ready")
        kill_daemon(server)
        assert terminal.end() == code
        assert ("the daemon is gone" in terminal.text) == (code == 5)
        assert is_restored(terminal)


def test_it_can_be_left_while_the_terminal_takes_nothing(fugue: Fugue) -> None:
    new(fugue, "--", "sh", "-c", "read go; exec yes")
    with Terminal(fugue, "attach", "cat-1") as terminal:
        until(lambda: fugue("window", "ls", "--json").json["viewers"] == 1)
        terminal.type("\r")
        until(lambda: fugue("window", "ls", "--json").json["last_output_at"] is not None)
        terminal.type(DETACH)  # and nobody reads what was written
        assert terminal.process.wait(PATIENCE_S) == 0
        assert terminal.is_as_before


def test_it_is_stopped_and_goes_on_like_any_program(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        terminal.process.send_signal(signal.SIGTSTP)
        until(lambda: Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        assert terminal.is_as_before
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(lambda: not terminal.is_as_before)
        terminal.type("again\r")
        terminal.until_shows("again\nagain")


# ----------------------------------------------------------------------------------------------------------- a daemon


def test_it_goes_on_when_the_daemon_was_killed_and_is_there_again(echo: Fugue, server: Server) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        for word in ("one", "two"):
            kill_daemon(server)
            terminal.until_shows("[reconnecting]")
            terminal.type(f"{word}\r")
            assert echo("ls").code == 0  # starts the next
            terminal.until_shows(f"{word}\n{word}\n")
            assert "reconnecting" not in terminal.text
        terminal.type("three\r")
        terminal.until_shows("three\nthree\n")


def test_a_restart_of_the_daemon_is_not_seen(echo: Fugue) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        assert echo("daemon", "restart").code == 0
        terminal.type("on\r")
        terminal.until_shows("ready\non\non\n")


def test_it_can_be_left_while_the_daemon_is_gone(echo: Fugue, server: Server) -> None:
    with Terminal(echo, "attach", "cat-1") as terminal:
        terminal.until_shows("ready")
        kill_daemon(server)
        terminal.until_shows("[reconnecting]")
        terminal.type(DETACH)
        assert terminal.end() == 0


# ------------------------------------------------------------------------------------------------------ what is refused


def test_it_takes_a_terminal(echo: Fugue) -> None:
    refused = echo("attach", "cat-1")
    assert refused.code == 2
    assert "must be a terminal" in refused.err


@pytest.mark.parametrize("words", [["nobody"], ["cat-1", "-w", "5"]])
def test_what_is_not_there_cannot_be_shown(echo: Fugue, words: list[str]) -> None:
    with Terminal(echo, "attach", *words) as terminal:
        assert terminal.end() == 4
        assert terminal.is_as_before
        assert RESTORE not in terminal.written


def test_a_window_is_not_shown_within_itself(echo: Fugue) -> None:
    session = echo("show", "cat-1", "--json").json["id"]
    echo("new", "-d", "-n", "other", "--", "sh", "-c", "echo of another; exec cat")
    echo.environment["FUGUE_WINDOW"] = "0"
    for words, answer in (
        (["cat-1"], "takes --nested"),
        (["other"], "takes --nested"),
        (["cat-1", "--nested"], "cannot be shown within itself"),
    ):
        with Terminal(echo, "attach", *words, session=session) as terminal:
            assert terminal.end() == 1
            assert answer in terminal.text
    with Terminal(echo, "attach", "other", "--nested", session=session) as terminal:
        terminal.until_shows("of another")
        terminal.type(b"\x07d")
        assert terminal.end() == 0


def test_new_shows_the_program_at_once_in_a_terminal(fugue: Fugue) -> None:
    with Terminal(fugue, "new", "-n", "cat-1", "--", "sh", "-c", "stty size; read x", cols=91, rows=22) as terminal:
        terminal.until_shows("22 91")
        terminal.type("\r")
        assert terminal.end() == 0
        assert "[cat-1 exited with 0]" in terminal.text
    with Terminal(fugue, "new", "-d", "-n", "cat-2", "--", "cat") as terminal:
        assert terminal.end() == 0
        assert terminal.text.strip() == "cat-2"


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("echo so much; exit 3", 3, "exited with 3"),
        ("echo so much; kill -KILL $$", 137, "ended by SIGKILL"),
        ("echo so much", 0, "exited with 0"),
    ],
)
def test_new_shows_what_a_program_prints_that_exits_at_once(fugue: Fugue, script: str, code: int, words: str) -> None:
    for _ in range(8):  # on a busy machine the program may be faster than we
        with Terminal(fugue, "new", "-n", "cat-1", "--", "sh", "-c", script) as terminal:
            assert terminal.end() == code
            shown = terminal.text
        assert f"[cat-1 {words}" in shown
        if "so much" in shown:
            break
    else:
        raise AssertionError(shown)


def test_new_says_how_a_program_ended_that_prints_nothing(fugue: Fugue) -> None:
    with Terminal(fugue, "new", "--", "true") as terminal:
        assert terminal.end() == 0
        assert "[true exited with 0" in terminal.text
    with Terminal(fugue, "new", "--", "false") as terminal:
        assert terminal.end() == 1
        assert "[false exited with 1" in terminal.text


def test_a_new_program_that_stays_is_said_to_have_ended_likewise(fugue: Fugue) -> None:
    with Terminal(fugue, "new", "-n", "cat-1", "--keep", "--", "sh", "-c", "echo so much; exit 3") as terminal:
        assert terminal.end() == 3
        assert "so much" in terminal.text
        assert "[cat-1 exited with 3; fugue respawn cat-1 starts it again]" in terminal.text


def test_new_that_is_left_says_nothing_of_the_program(fugue: Fugue) -> None:
    with Terminal(fugue, "new", "-n", "cat-1", "--", "sh", "-c", "echo ready; read x; exit 3") as terminal:
        terminal.until_shows("ready")
        terminal.type(PREFIX + b"d")
        assert terminal.end() == 0


def configure(server: Server, terminal: str) -> None:
    directory = Path(server.environment["XDG_CONFIG_HOME"]) / "fugue"
    directory.mkdir(parents=True)
    (directory / "config.toml").write_text(f"[terminal]\n{terminal}\n")


def kill_daemon(server: Server) -> None:
    (pid,) = server.pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not server.pids())
