"""`fugue run`: a program as a session, in the terminal where it was started."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from fugue_core.cli.verb.run import _Signals
from tests.e2e.conftest import SCRIPT, Fugue, Server
from tests.e2e.daemon import PATIENCE_S, until


def names(fugue: Fugue) -> list[str]:
    return [session["name"] for session in fugue("ls", "--json").objects]


def test_the_program_is_a_session_while_it_runs(fugue: Fugue, server: Server) -> None:
    done = fugue(
        "run", "-n", "ann", "-t", "a", "--", "sh", "-c", f'{SCRIPT} whoami; {SCRIPT} tag ls; echo "$FUGUE_SOCKET"'
    )
    assert (done.code, done.out, done.err) == (0, f"ann\na\n{server.socket_path}\n", "")
    assert names(fugue) == []


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_the_exit_code_is_the_programs(fugue: Fugue, script: str, code: int) -> None:
    assert fugue("run", "--", "sh", "-c", script).code == code
    assert names(fugue) == []


def test_stdin_and_stdout_are_the_programs(fugue: Fugue) -> None:
    assert fugue("run", "cat", stdin="hello").out == "hello"


def test_the_options_after_the_program_are_the_programs(fugue: Fugue) -> None:
    assert fugue("run", "printf", "%s %s", "--json", "-n").out == "--json -n"


def test_a_session_is_named_after_its_program_and_numbered_where_that_is_taken(fugue: Fugue) -> None:
    running = [fugue.start("run", "/bin/sleep", "60") for _ in range(2)]
    until(lambda: len(names(fugue)) == 2)
    assert sorted(names(fugue)) == ["sleep", "sleep-2"]
    for process in running:
        process.terminate()
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM


def test_a_name_that_was_asked_for_and_is_taken_is_refused(fugue: Fugue) -> None:
    fugue.join("ann")
    refused = fugue("run", "-n", "ann", "true")
    assert refused.code == 1
    assert "named 'ann' already" in refused.err


def test_a_program_that_is_not_there_leaves_no_session(fugue: Fugue) -> None:
    missing = fugue("run", "no-such-program")
    assert (missing.code, missing.err) == (127, "fugue: there is no program 'no-such-program'\n")
    refused = fugue("run", "/etc/passwd")
    assert (refused.code, refused.err) == (126, "fugue: cannot run '/etc/passwd': Permission denied\n")
    assert names(fugue) == []


def test_with_json_the_session_is_told_on_stderr(fugue: Fugue) -> None:
    done = fugue("run", "--json", "-n", "ann", "echo", "x")
    assert done.out == "x\n"
    assert '"name":"ann"' in done.err


def test_a_signal_that_comes_before_the_program_is_known_is_not_lost() -> None:
    with _Signals() as signals:
        signal.raise_signal(signal.SIGTERM)
        with subprocess.Popen(["sleep", "60"]) as program:
            signals.leave_to(program)
            assert program.wait(PATIENCE_S) == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_it_alone_is_passed_on(fugue: Fugue, number: signal.Signals) -> None:
    script = f"trap 'echo got it; exit 5' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    running = fugue.start("run", "sh", "-c", script)
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(number)
    assert running.stdout.read() == b"got it\n"
    assert running.wait(PATIENCE_S) == 5
    assert names(fugue) == []


def test_the_interrupt_key_is_the_programs_to_answer(fugue: Fugue) -> None:
    script = "trap 'echo once more' INT; echo ready; n=0; while [ $n -lt 1 ]; do sleep 0.05; read -r n; done; exit 3"
    running = fugue.start("run", "sh", "-c", script, start_new_session=True)
    assert running.stdout is not None
    assert running.stdin is not None
    assert running.stdout.readline() == b"ready\n"
    os.killpg(running.pid, signal.SIGINT)
    running.stdin.write(b"1\n")
    out, _ = running.communicate(timeout=PATIENCE_S)
    assert (out, running.returncode) == (b"once more\n", 3)


def test_a_program_without_an_answer_to_the_interrupt_key_ends(fugue: Fugue) -> None:
    running = fugue.start("run", "sh", "-c", "echo ready; exec sleep 60", start_new_session=True)
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(PATIENCE_S) == 130
    assert names(fugue) == []


def test_the_session_ends_also_where_run_is_killed(fugue: Fugue) -> None:
    running = fugue.start("run", "-n", "ann", "sh", "-c", "echo $$; exec sleep 60")
    assert running.stdout is not None
    program = int(running.stdout.readline())
    running.kill()
    try:
        until(lambda: names(fugue) == [])
    finally:
        os.kill(program, signal.SIGKILL)


def test_a_daemon_that_was_stopped_meanwhile_is_not_started_for_the_end(fugue: Fugue, server: Server) -> None:
    done = subprocess.run(
        [SCRIPT, "run", "-n", "ann", SCRIPT, "daemon", "stop"],
        env=fugue.environment,
        cwd=fugue.directory,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert server.pids() == []
    until(lambda: names(fugue) == [])
