"""The end of everything, where the daemon is gone and its programs are not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import is_alive, keeper_pid, until


def stop(fugue: Fugue, server: Server) -> None:
    assert fugue("daemon", "stop").code == 0


def kill(fugue: Fugue, server: Server) -> None:
    (daemon,) = server.pids()
    os.kill(daemon, signal.SIGKILL)
    until(lambda: not server.pids())


@pytest.mark.parametrize("end_daemon", [stop, kill])
def test_programs_without_a_daemon_are_ended_with_their_sessions(
    fugue: Fugue, server: Server, end_daemon: Callable[[Fugue, Server], None]
) -> None:
    fugue.join("ann")
    fugue("new", "-n", "cat-1", "--", "cat")
    fugue("new", "-n", "cat-2", "--", "cat")
    pids = [window["pid"] for window in fugue("window", "ls", "--json").objects]
    end_daemon(fugue, server)
    assert all(map(is_alive, pids))
    stopped = fugue("daemon", "stop", "--all")
    assert (stopped.code, stopped.out) == (0, "none ran\n")
    assert stopped.err == "ended 2 programs that an earlier daemon had left running\n"
    assert not any(map(is_alive, pids))
    assert (server.pids(), keeper_pid(server.socket_path)) == ([], None)
    assert fugue("ls", "--json").json["name"] == "ann"


def test_what_was_ended_is_told_as_json(fugue: Fugue, server: Server) -> None:
    fugue("new", "-n", "cat-1", "--", "cat")
    kill(fugue, server)
    assert fugue("daemon", "stop", "--all", "--json").json == {"pid": None, "programs": 1}


def test_without_all_programs_run_on_and_no_daemon_is_started(fugue: Fugue, server: Server) -> None:
    fugue("new", "-n", "cat-1", "--", "cat")
    stop(fugue, server)
    assert fugue("daemon", "stop").code == 5
    assert server.pids() == []
    assert keeper_pid(server.socket_path) is not None


def test_where_nothing_runs_there_is_nothing_to_stop(fugue: Fugue, server: Server) -> None:
    stopped = fugue("daemon", "stop", "--all")
    assert (stopped.code, stopped.out) == (5, "")
    assert "none runs" in stopped.err
    assert server.pids() == []


def test_a_keeper_that_was_killed_leaves_nothing_to_stop(fugue: Fugue, server: Server) -> None:
    fugue("new", "-n", "cat-1", "--", "cat")
    kill(fugue, server)
    keeper = keeper_pid(server.socket_path)
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not is_alive(keeper))
    assert fugue("daemon", "stop", "--all").code == 5
