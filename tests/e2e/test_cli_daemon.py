"""Starting, stopping and looking at the daemon from the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fugue_core.cli.verb.daemon import _is_alive
from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import PATIENCE_S, until


def test_the_first_command_starts_the_daemon(fugue: Fugue, server: Server) -> None:
    assert server.pids() == []
    assert fugue("ls").code == 0
    assert len(server.pids()) == 1


def test_the_daemon_speaks_for_nobody_and_belongs_to_no_terminal(fugue: Fugue, server: Server) -> None:
    fugue("ls", session="ann")
    (pid,) = server.pids()
    process = Path(f"/proc/{pid}")
    assert b"FUGUE_SESSION" not in (process / "environ").read_bytes()
    assert os.getsid(pid) not in {os.getsid(0), pid}
    assert (process / "cwd").readlink() == Path("/")
    assert (process / "fd" / "0").readlink() == Path(os.devnull)
    assert (process / "fd" / "2").readlink() == server.state_dir / "daemon.log"


def test_twenty_commands_at_once_start_one_daemon(fugue: Fugue, server: Server) -> None:
    commands = [fugue.start("join", f"s{number}") for number in range(20)]
    for command in commands:
        _, err = command.communicate(timeout=PATIENCE_S)
        assert command.returncode == 0, err
    assert len(server.pids()) == 1
    assert (server.state_dir / "daemon.log").read_text().count("listens at") == 1
    assert len(fugue("ls", "--json").objects) == 20


def test_what_only_looks_or_stops_starts_nothing(fugue: Fugue, server: Server) -> None:
    for words, code in (
        (["daemon", "status"], 5),
        (["daemon", "stop"], 5),
        (["daemon", "logs"], 1),
        (["info"], 0),
        (["doctor"], 0),
        (["completion", "bash"], 0),
        (["__complete", "--", "send", "tag:"], 0),
    ):
        assert fugue(*words).code == code, words
    assert server.pids() == []
    assert "none runs" in fugue("daemon", "stop").err


def test_the_daemon_is_started_once_and_says_where_it_is(fugue: Fugue, server: Server) -> None:
    started = fugue("daemon", "start")
    (pid,) = server.pids()
    assert started.out == f"started: pid {pid} at {server.socket_path}\n"
    assert fugue("daemon", "start").out == f"runs already: pid {pid} at {server.socket_path}\n"
    assert fugue("daemon", "start", "--json").json["pid"] == pid


def test_stopping_returns_when_the_process_is_gone(fugue: Fugue, server: Server) -> None:
    fugue("daemon", "start")
    (pid,) = server.pids()
    assert fugue("daemon", "stop").out == f"stopped: pid {pid}\n"
    assert server.pids() == []
    fugue("daemon", "start")
    assert set(fugue("daemon", "stop", "--json").json) == {"pid", "programs"}


def test_a_process_that_nobody_reaps_counts_as_gone() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert _is_alive(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not _is_alive(process.pid))
        assert process.returncode is None


def test_a_restart_keeps_sessions_tags_and_mail(fugue: Fugue, server: Server) -> None:
    ann = fugue.join("ann", "-t", "a")
    fugue("send", "session:ann", "x", "1", session="ann")
    (before,) = server.pids()
    assert fugue("daemon", "restart").code == 0
    (after,) = server.pids()
    assert after != before
    session = fugue("show", "ann", "--json").json
    assert (session["id"], session["tags"], session["unread"]) == (ann, ["a"], 1)
    assert fugue("daemon", "restart", "--json").json["sessions"] == 1


def test_a_restart_without_a_daemon_starts_one(fugue: Fugue, server: Server) -> None:
    assert fugue("daemon", "restart").out.startswith("restarted: pid ")
    assert len(server.pids()) == 1


def test_a_daemon_that_was_killed_is_started_again_by_the_next_command(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    (pid,) = server.pids()
    os.kill(pid, signal.SIGKILL)
    assert [session["name"] for session in fugue("ls", "--json").objects] == ["ann"]


def test_commands_that_meet_a_daemon_being_killed_try_again_and_deliver_once(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    for number in range(5):
        (pid,) = server.pids()
        sending = fugue.start("send", "session:ann", "x", str(number), session="ann")
        os.kill(pid, signal.SIGKILL)
        assert sending.wait(PATIENCE_S) == 0
    envelopes = fugue("recv", "--json", session="ann").objects
    assert [envelope["message"]["payload"] for envelope in envelopes] == list(range(5))


def test_status_tells_version_uptime_messages_and_health(fugue: Fugue) -> None:
    fugue.join("ann")
    fugue("send", "session:ann", "x", session="ann")
    lines = dict(line.split(maxsplit=1) for line in fugue("daemon", "status").out.splitlines()[:-1])
    assert lines["messages"] == "1 stored, 1 sent ever"
    assert lines["mailboxes"] == "1 not acknowledged"
    status = fugue("daemon", "status", "--json").json
    assert (status["sessions"], status["unacked"], status["store"]["error"]) == (1, 1, None)


def test_the_log_can_be_read_and_followed(fugue: Fugue) -> None:
    fugue("daemon", "start")
    assert "listens at" in fugue("daemon", "logs").out
    assert "listens at" in fugue("daemon", "logs", "-n", "1", "--json").json["line"]
    following = fugue.start("daemon", "logs", "--follow")
    assert following.stdout is not None
    assert b"listens at" in following.stdout.readline()
    fugue("daemon", "stop")
    assert b"stop" in following.stdout.readline()


def test_the_daemon_runs_in_the_foreground_until_it_is_interrupted(fugue: Fugue, server: Server) -> None:
    running = fugue.start("daemon", "run")
    until(lambda: fugue("daemon", "status").code == 0)
    assert server.pids() == [running.pid]
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE_S) == 0


def test_servers_of_other_names_have_sessions_of_their_own(fugue: Fugue) -> None:
    fugue.join("ann")
    try:
        assert fugue("-L", "other", "ls", "--json").objects == []
        assert fugue("-L", "other", "daemon", "status", "--json").json["socket"].endswith("/fugue/other.sock")
    finally:
        assert fugue("-L", "other", "daemon", "stop").code == 0
    assert len(fugue("ls", "--json").objects) == 1


# ------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777])
def test_a_directory_that_is_open_to_others_is_refused(fugue: Fugue, server: Server, mode: int) -> None:
    directory = Path(server.socket_path).parent
    directory.mkdir()
    directory.chmod(mode)
    refused = fugue("ls")
    assert refused.code == 5
    assert f"{directory} is open to others (mode {mode:o}); try: chmod 700 {directory}" in refused.err
    assert fugue("doctor").code == 1
    assert server.pids() == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(fugue: Fugue, server: Server) -> None:
    directory = Path(server.socket_path).parent
    directory.mkdir(mode=0o700)
    os.chown(directory, 12345, 12345)
    refused = fugue("ls")
    assert refused.code == 5
    assert "belongs to another user (uid 12345)" in refused.err


def test_the_directory_of_the_socket_is_made_for_us_alone(fugue: Fugue, server: Server) -> None:
    fugue("daemon", "start")
    assert Path(server.socket_path).parent.stat().st_mode & 0o777 == 0o700


def test_a_stale_socket_is_no_obstacle(fugue: Fugue, server: Server) -> None:
    Path(server.socket_path).parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(server.socket_path)
    assert fugue("ls").code == 0


def test_a_socket_path_that_is_too_long_is_said_to_be(fugue: Fugue) -> None:
    path = f"/tmp/{'x' * 120}/default.sock"
    refused = fugue("--socket", path, "ls")
    assert (refused.code, refused.err) == (5, f"fugue: no daemon at {path}: AF_UNIX path too long\n")


def test_a_daemon_that_cannot_start_says_why(fugue: Fugue, server: Server) -> None:
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[limits]\nsessions = 'many'\n")
    refused = fugue("ls")
    assert refused.code == 5
    assert "config.toml" in refused.err
    assert "sessions" in refused.err


def test_what_listens_there_and_is_no_daemon_is_not_taken_for_one(fugue: Fugue, server: Server) -> None:
    Path(server.socket_path).parent.mkdir(mode=0o700)
    listener = subprocess.Popen(
        [sys.executable, "-c", _LISTENER, server.socket_path], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    with listener:
        assert listener.stdout is not None
        listener.stdout.readline()
        refused = fugue("ls")
        listener.kill()
    assert refused.code == 5
    assert "no fugue daemon" in refused.err
    assert "Traceback" not in refused.err


_LISTENER = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
    connection.close()
"""


def test_info_names_the_paths_and_the_settings(fugue: Fugue, server: Server) -> None:
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[store]\nsynchronous = "full"\n')
    info = fugue("info", "--json").json
    assert (info["socket"], info["state"], info["config"]) == (
        server.socket_path,
        str(server.state_dir),
        str(config),
    )
    assert info["settings"] == {"store.synchronous": "full"}
    assert f"log             {server.state_dir}/daemon.log\n" in fugue("info").out


def test_doctor_finds_all_well(fugue: Fugue) -> None:
    fugue.join("ann")
    healthy = fugue("doctor", session="ann")
    assert (healthy.code, healthy.err) == (0, "")
    assert all(line.startswith("✓") for line in healthy.out.splitlines())
    checks = fugue("doctor", "--json", session="ann").json["checks"]
    assert {check["state"] for check in checks} == {"ok"}
    assert "1 session, 0 messages not acknowledged" in healthy.out


def test_doctor_names_what_is_wrong(fugue: Fugue, server: Server) -> None:
    fugue("daemon", "start")
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("limits = [")
    sick = fugue("doctor", session="nobody")
    assert sick.code == 1
    assert f"✗ configuration {config}: " in sick.out
    assert "! identity      FUGUE_SESSION is nobody: no session 'nobody'" in sick.out
