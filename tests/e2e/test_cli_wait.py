"""`fugue send --wait`, against the real daemon: the exit code says what became of every delivery."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.e2e.conftest import Fugue, Result, Server
from tests.e2e.daemon import PATIENCE_S, until

LONG = str(PATIENCE_S)


def end(process: subprocess.Popen[bytes]) -> Result:
    """Wait for a command to end."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Result(process.returncode, out.decode(), err.decode())


def await_message(fugue: Fugue, session: str) -> None:
    """Return when something waits for a session."""
    assert fugue("recv", "--peek", "--wait", LONG, session=session).code == 0


def test_it_ends_when_all_have_acknowledged(fugue: Fugue) -> None:
    ann, bob, carl = fugue.join("ann"), fugue.join("bob", "-t", "b"), fugue.join("carl", "-t", "b")
    sending = fugue.start("send", "tag:b", "x", "--wait", "acked", LONG, session=ann)
    for reader in (bob, carl):
        assert sending.poll() is None
        fugue("recv", "--wait", LONG, session=reader)
    sent = end(sending)
    assert (sent.code, sent.err) == (0, "")
    assert " → 2: bob, carl" in sent.out


def test_handed_is_reached_when_it_was_read_and_acked_is_more_than_that(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    sending = fugue.start("send", "session:bob", "x", "--wait", "handed", LONG, session=ann)
    await_message(fugue, bob)
    assert sending.poll() is None  # looking on is not reading
    with fugue.wire(bob) as wire:
        wire.receive()
        assert end(sending).code == 0
    for _ in fugue("recv", "--json", session=bob).objects:
        sending = fugue.start("send", "session:bob", "x", "--wait", "handed", LONG, session=ann)
        fugue("recv", "--wait", LONG, session=bob)
        assert end(sending).code == 0


def test_who_has_not_in_time_is_named(fugue: Fugue) -> None:
    ann, _ = fugue.join("ann"), fugue.join("bob", "-t", "b")
    late = fugue("send", "tag:b", "x", "--wait=acked", "--within", "0", "--json", session=ann)
    assert (late.code, late.err) == (124, "fugue: not acked within 0 s: bob (queued)\n")
    assert set(late.json) == {"id", "seq", "recipients"}
    late = fugue("send", "tag:b", "x", "-w", "handed", "0.01", session=ann)
    assert (late.code, late.err) == (124, "fugue: not handed within 0.01 s: bob (queued)\n")


def test_a_recipient_who_ends_is_told_as_soon_as_the_others_are_done(fugue: Fugue) -> None:
    ann, bob, _ = fugue.join("ann"), fugue.join("bob", "-t", "b"), fugue.join("carl", "-t", "b")
    sending = fugue.start("send", "tag:b", "x", "--wait", "acked", LONG, session=ann)
    await_message(fugue, bob)
    fugue("kill", "carl")
    fugue("recv", session=bob)
    ended = end(sending)
    assert (ended.code, ended.err) == (1, "fugue: not acked: carl (dead: session ended)\n")


def test_what_expires_will_never_be_acknowledged(fugue: Fugue) -> None:
    ann, _ = fugue.join("ann"), fugue.join("bob")
    expired = fugue("send", "session:bob", "x", "--ttl", "0.01", "--wait", "acked", LONG, session=ann)
    assert (expired.code, expired.err) == (1, "fugue: not acked: bob (expired)\n")


def test_waiting_outlives_a_crash_of_the_daemon(fugue: Fugue, server: Server) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    sending = fugue.start("send", "session:bob", "x", "--wait", "acked", LONG, session=ann)
    await_message(fugue, bob)
    (pid,) = server.pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in server.pids())
    assert len(fugue("recv", "--json", session=bob).objects) == 1  # starts the daemon, and is done before it is asked
    sent = end(sending)
    assert sent.code == 0
    assert sent.out.count("sent ") == 1


def test_a_message_for_nobody_is_not_waited_for(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    assert fugue("send", "tag:nobody", "x", "--wait", "acked", session=ann).code == 3


@pytest.mark.parametrize("words", [["--wait", "read"], ["--wait"], ["--within", "soon"]])
def test_what_cannot_be_waited_for_is_refused(fugue: Fugue, words: list[str]) -> None:
    assert fugue("send", "session:ann", "x", *words, session="ann").code == 2


def test_a_number_that_follows_another_word_is_the_payload(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    fugue("send", "--wait", "handed", "0", "session:ann", "x", "5", session=ann)
    assert fugue("recv", "--json", session=ann).json["message"]["payload"] == 5
