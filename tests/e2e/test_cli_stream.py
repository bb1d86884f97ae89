"""Commands that wait and follow, and what they do when their reader, their daemon or their user leaves."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import PATIENCE_S, until


def next_line(process: subprocess.Popen[bytes]) -> str:
    """Return the next line of its stdout, as soon as it is there."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
    assert readable, "no line came"
    return process.stdout.readline().decode()


def next_object(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(next_line(process))
    return value


def unread(fugue: Fugue, session: str) -> int:
    count: int = fugue("show", session, "--json").json["unread"]
    return count


def until_connected(fugue: Fugue, session: str) -> None:
    until(lambda: fugue("show", session, "--json").json["attached_clients"] == 1)


def until_subscribed(fugue: Fugue) -> None:
    until(lambda: fugue("daemon", "status", "--json").json["subscribers"] == 1)


def send(fugue: Fugue, payload: str, msg_type: str = "x", target: str = "session:ann") -> None:
    sent = fugue("send", target, msg_type, payload, session="ann")
    assert sent.code == 0, sent.err


# ----------------------------------------------------------------------------------------------------------- waiting


def test_recv_waits_and_is_connected_meanwhile(fugue: Fugue) -> None:
    fugue.join("ann")
    waiting = fugue.start("recv", "--wait", "60", "--json", session="ann")
    until_connected(fugue, "ann")
    assert fugue("send", "session:ann", "x", session="ann").out.endswith("→ 1: ann\n")
    assert next_object(waiting)["message"]["msg_type"] == "x"
    assert waiting.wait(PATIENCE_S) == 0
    assert unread(fugue, "ann") == 0


def test_recv_that_waited_in_vain_says_so_by_its_exit_code(fugue: Fugue) -> None:
    fugue.join("ann")
    began = time.monotonic()
    waited = fugue("recv", "--wait", "0.2", session="ann")
    assert (waited.code, waited.out, waited.err) == (124, "", "")
    assert time.monotonic() - began >= 0.2


def test_recv_that_may_wait_takes_what_is_there_already(fugue: Fugue) -> None:
    fugue.join("ann")
    send(fugue, "1")
    assert fugue("recv", "--wait", "60", session="ann").code == 0


def test_recv_prints_more_than_one_page(fugue: Fugue) -> None:
    fugue.join("ann")
    with fugue.wire("ann") as wire:
        for number in range(250):
            wire.send("session:ann", number)
    received = fugue("recv", "--json", session="ann").objects
    assert [envelope["message"]["payload"] for envelope in received] == list(range(250))
    assert unread(fugue, "ann") == 0


# --------------------------------------------------------------------------------------------------------- following


def test_recv_follow_prints_each_at_once_when_piped_and_acknowledges_it(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", "--json", session="ann")
    for number in range(3):
        send(fugue, str(number))
        assert next_object(following)["message"]["payload"] == number
        until(lambda: unread(fugue, "ann") == 0)
    assert following.poll() is None


def test_recv_follow_that_peeks_prints_each_once_and_acknowledges_nothing(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", "--peek", "--json", session="ann")
    for number in range(3):
        send(fugue, str(number))
        assert next_object(following)["message"]["payload"] == number
    assert unread(fugue, "ann") == 3


def test_recv_follow_ends_at_its_limit(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", "--limit", "2", "--json", session="ann")
    for number in range(3):
        send(fugue, str(number))
    assert following.wait(PATIENCE_S) == 0
    assert unread(fugue, "ann") == 1


def test_recv_follow_ends_with_its_session(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", session="ann")
    until_connected(fugue, "ann")
    fugue("kill", "ann")
    assert following.wait(PATIENCE_S) == 4


def test_log_follow_prints_history_and_then_each_at_once_when_piped(fugue: Fugue) -> None:
    fugue.join("ann")
    for number in range(3):
        send(fugue, str(number))
    following = fugue.start("log", "-f", "-n", "2", "--json")
    assert [next_object(following)["seq"] for _ in range(2)] == [2, 3]
    until_subscribed(fugue)
    for number in range(4, 7):
        send(fugue, str(number))
        assert next_object(following)["seq"] == number


def test_log_follow_for_people_is_one_line_a_message(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("log", "-f")
    until_subscribed(fugue)
    send(fugue, '{"text": "hello"}', "greeting")
    assert next_line(following).split()[1:] == ["ann", "→", "session:ann", "greeting", '{"text":', '"hello"}', "…0/1"]


def test_log_follow_filters_as_the_history_does(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "a")
    fugue.join("bob", "-t", "b")
    words = ("from:ann", "type:build.*", "!tag:a", "to:bob", "NEEDLE")
    following = fugue.start("log", "-f", *words, "--json")
    until_subscribed(fugue)
    send(fugue, '"needle"', "other", "tag:b")
    send(fugue, '"hay"', "build.x", "tag:b")
    send(fugue, '"needle"', "build.x", "session:ann")
    send(fugue, '"a Needle"', "build.found", "tag:b")
    assert next_object(following)["message"]["msg_type"] == "build.found"
    found = fugue("log", *words, "--json").objects
    assert [envelope["message"]["msg_type"] for envelope in found] == ["build.found"]


def test_log_follow_knows_the_repository_of_the_sender(fugue: Fugue) -> None:
    shop = fugue.directory / "shop"
    subprocess.run(["git", "init", "-q", shop], check=True)
    fugue.join("ann")
    following = fugue.start("log", "-f", "repo:shop", "--json")
    until_subscribed(fugue)
    send(fugue, "1")
    fugue.join("bob", cwd=shop)
    fugue("send", "session:ann", "from-the-shop", session="bob")
    assert next_object(following)["message"]["msg_type"] == "from-the-shop"


def test_log_follow_prints_a_message_when_it_comes_into_the_state_that_was_asked_for(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("log", "-f", "state:acked")
    until_subscribed(fugue)
    send(fugue, "1")
    fugue("recv", session="ann")
    assert next_line(following).endswith("✓1/1\n")


def test_log_follow_refuses_a_bad_filter(fugue: Fugue) -> None:
    refused = fugue("log", "-f", "state:nope")
    assert refused.code == 2
    assert "a state is one of" in refused.err


# ---------------------------------------------------------------------------------------------- the reader goes away


def test_a_reader_that_has_gone_away_leaves_the_mail_unacknowledged(fugue: Fugue) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", "--json", session="ann")
    until_connected(fugue, "ann")
    assert following.stdout is not None
    following.stdout.close()
    send(fugue, "1")
    assert following.wait(PATIENCE_S) == 128 + signal.SIGPIPE
    assert following.stderr is not None
    assert following.stderr.read() == b""
    assert [envelope["message"]["payload"] for envelope in fugue("recv", "--json", session="ann").objects] == [1]


def test_only_what_is_written_whole_is_acknowledged(fugue: Fugue) -> None:
    fugue.join("ann")
    with fugue.wire("ann") as wire:
        wire.send("session:ann", 1)
        wire.send("session:ann", "x" * 200_000)  # a pipe holds 64 KiB
    reading = fugue.start("recv", "--json", session="ann")
    assert next_object(reading)["message"]["payload"] == 1
    assert reading.stdout is not None
    reading.stdout.close()
    assert reading.wait(PATIENCE_S) == 128 + signal.SIGPIPE
    (left,) = fugue("recv", "--json", session="ann").objects
    assert left["message"]["payload"] == "x" * 200_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_mail_unacknowledged(fugue: Fugue) -> None:
    fugue.join("ann")
    send(fugue, "1")
    with open("/dev/full", "w") as full:
        reading = fugue.start("recv", session="ann", stdout=full)
        _, words = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, words) == (1, b"fugue: cannot write to stdout: No space left on device\n")
    assert unread(fugue, "ann") == 1


def test_a_closed_stdout_does_not_become_the_daemons_connection(fugue: Fugue) -> None:
    fugue.join("ann")
    send(fugue, "1")
    reading = fugue.start("recv", session="ann", stdout=None, preexec_fn=lambda: os.close(1))
    _, words = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, words[:31]) == (1, b"fugue: cannot write to stdout: ")
    assert unread(fugue, "ann") == 1


def test_a_listing_whose_reader_has_enough_ends_quietly(fugue: Fugue) -> None:
    fugue.join("ann")
    with fugue.wire("ann") as wire:
        for _ in range(20):
            wire.send("session:ann", "x" * 20_000)
    listing = fugue.start("log", "--json")
    next_line(listing)
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.wait(PATIENCE_S) == 128 + signal.SIGPIPE
    assert listing.stderr is not None
    assert listing.stderr.read() == b""


@pytest.mark.parametrize("words", [["recv", "--follow"], ["recv", "--wait", "60"]])
def test_ctrl_c_ends_quietly(fugue: Fugue, words: list[str]) -> None:
    fugue.join("ann")
    waiting = fugue.start(*words, session="ann")
    until_connected(fugue, "ann")
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert (waiting.returncode, out, err) == (130, b"", b"")


# --------------------------------------------------------------------------------------------- the daemon goes away


def test_who_follows_outlives_the_daemon_and_misses_nothing(fugue: Fugue) -> None:
    fugue.join("ann")
    receiving = fugue.start("recv", "--follow", "--json", session="ann")
    logging = fugue.start("log", "-f", "--json")
    until_connected(fugue, "ann")
    until_subscribed(fugue)
    send(fugue, "1")
    assert next_object(receiving)["message"]["payload"] == next_object(logging)["message"]["payload"] == 1
    until(lambda: unread(fugue, "ann") == 0)
    assert fugue("daemon", "stop").code == 0
    send(fugue, "2")  # and starts it again
    assert next_object(receiving)["message"]["payload"] == next_object(logging)["message"]["payload"] == 2


def test_who_follows_does_not_start_a_daemon_that_was_stopped(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    following = fugue.start("recv", "--follow", session="ann")
    until_connected(fugue, "ann")
    fugue("daemon", "stop")
    assert following.stderr is not None
    assert following.stderr.readline() == b"fugue: the daemon is gone; waiting for it to come back\n"
    assert server.pids() == []


def test_recv_gives_up_waiting_for_a_daemon_when_its_time_is_over(fugue: Fugue) -> None:
    fugue.join("ann")
    waiting = fugue.start("recv", "--wait", "1", session="ann")
    until_connected(fugue, "ann")
    fugue("daemon", "stop")
    assert waiting.wait(PATIENCE_S) == 5


def test_the_welcome_joins_the_directory_and_follows_the_log(fugue: Fugue) -> None:
    welcome = fugue.start()
    lines = [next_line(welcome)]
    while "live log" not in lines[-1]:
        lines.append(next_line(welcome))
    assert "this directory is the session work" in lines[0]
    assert sum("/fugue " in line or line.startswith("  fugue ") for line in lines) == 3
    until_subscribed(fugue)
    assert fugue("send", "session:work", "hello", session="work").code == 0
    assert "work       → session:work     hello" in next_line(welcome)
    welcome.send_signal(signal.SIGINT)
    assert welcome.wait(PATIENCE_S) == 130
    assert [session["name"] for session in fugue("ls", "--json").objects] == ["work"]
