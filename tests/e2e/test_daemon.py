"""The real daemon over its socket: what a client in any language may rely on."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from fugue_core import __version__
from tests.e2e.daemon import Daemon, HungUp, Refused, Wire, line_of, payloads, sending, until

is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
NOBODY = 65534


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


def joined(daemon: Daemon, name: str, *tags: str, **params: Any) -> Wire:
    """Return a new connection that has joined as this session."""
    wire = daemon.connect()
    wire.join(name, *tags, **params)
    return wire


def names(sessions: Any) -> list[str]:
    return [session["name"] for session in sessions]


def listed(wire: Wire) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = wire.ask("session.list")["sessions"]
    return sessions


# ------------------------------------------------------------------------------------------------ hello and who speaks


def test_hello_agrees_on_the_version_and_says_who_answers(daemon: Daemon) -> None:
    wire = daemon.connect()
    assert wire.welcome["protocol"] == 2
    assert wire.welcome["server"] == {"name": "fugue", "version": __version__}
    assert wire.welcome["session"] is None
    assert wire.welcome["line_bytes"] == 1024 * 1024
    assert isinstance(wire.welcome["capabilities"], list)


@pytest.mark.parametrize(("low", "high"), [(2, 2), (1, 2), (2, 9), (1, 3), (0, 10**20)])
def test_a_range_of_versions_with_two_in_it_chooses_two(daemon: Daemon, low: int, high: int) -> None:
    assert daemon.connect(greet=False).hello(low, high)["protocol"] == 2


@pytest.mark.parametrize(("low", "high"), [(1, 1), (3, 3), (0, 1), (3, 10**20), (3, 1), (-5, -1)])
def test_a_range_of_versions_without_two_is_refused_and_the_connection_closed(
    daemon: Daemon, low: int, high: int
) -> None:
    with daemon.connect(greet=False) as wire, daemon.connect() as other:
        with pytest.raises(Refused, match=f"speaks version 2 of the protocol, the client {low} to {high}") as caught:
            wire.hello(low, high)
        assert caught.value.name == "ProtocolMismatch"
        assert wire.read_to_end() == []
        other.sync()


@pytest.mark.parametrize("method", ["ping", "session.list", "message.receive", "daemon.stop", "events.subscribe"])
def test_a_request_before_hello_is_refused_and_the_connection_closed(daemon: Daemon, method: str) -> None:
    with daemon.connect(greet=False) as wire:
        wire.call_many([(method, {}), ("ping", {}), ("daemon.stop", {})])
        (refused,) = wire.read_to_end()
        assert refused["error"]["data"]["name"] == "ProtocolMismatch"
        assert method in refused["error"]["message"]
    daemon.connect().sync()


def test_hello_comes_once_and_the_connection_lives_on(daemon: Daemon) -> None:
    with joined(daemon, "ann") as wire:
        with pytest.raises(Refused, match="`hello` comes once"):
            wire.hello(session="ann")
        wire.sync()


def test_hello_may_be_tried_again_after_naming_a_session_that_is_not_there(daemon: Daemon) -> None:
    ann = joined(daemon, "ann")
    with daemon.connect(greet=False) as wire:
        with pytest.raises(Refused, match="did you mean ann") as caught:
            wire.hello(session="annn")
        assert caught.value.data == {"name": "SessionNotFound", "session": "annn", "near": ["ann"]}
        assert wire.hello(session="ann")["session"]["id"] == ann.ask("session.get")["id"]


def test_identity_is_bound_once(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        for params in ({"name": "cid"}, {"name": "bob", "resume": True}, {}):
            refused = ann.refusal("session.join", **params)
            assert (refused.name, refused.data["session"]) == ("IdentityBound", "ann")
        assert ann.ask("session.get")["name"] == "ann"
        assert names(listed(bob)) == ["ann", "bob"]


def test_nothing_that_changes_something_falls_back_to_another_session(daemon: Daemon) -> None:
    with joined(daemon, "ann", "x", repo="r") as ann, daemon.connect() as nobody:
        before = listed(ann)
        for method, params in {
            "message.send": sending("tag:x"),
            "message.receive": {"wait_s": 5},
            "message.ack": {"up_to": 99},
            "message.resolve": {"target": {"kind": "broadcast"}},
            "session.get": {},
            "session.rename": {"name": "eve"},
            "session.end": {},
            "session.tag": {"add": ["y"]},
            "session.metadata": {"set": {"x": 1}},
        }.items():
            refused = nobody.refusal(method, **params)
            assert (refused.name, refused.data["method"]) == ("NoIdentity", method)
        assert listed(nobody) == before


def test_who_ends_another_session_does_not_become_it_nor_lose_itself(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        assert ann.ask("session.end", session="bob")["name"] == "bob"
        joined(daemon, "bob")
        refused = bob.refusal("message.send", **sending("session:ann"))
        assert refused.name == "SessionNotFound"
        assert ann.ask("session.get")["name"] == "ann"


# ------------------------------------------------------------------------------------ many requests on one connection


def test_two_hundred_requests_in_one_go_are_each_answered_under_their_own_id(daemon: Daemon) -> None:
    with joined(daemon, "ann", "self") as ann, joined(daemon, "bob", "x") as bob:
        requests: list[tuple[str, dict[str, Any]]] = []
        for number in range(40):
            requests += [
                ("message.send", sending("tag:x", number)),
                ("session.get", {"session": "bob"}),
                ("message.list", {"limit": 1}),
                ("session.get", {"session": f"nobody-{number}"}),
                ("session.tag", {"add": [f"t{number}"]}),
            ]
        calls = ann.call_many(requests)
        answers = {reply["id"]: reply for reply in (ann.answer() for _ in calls)}
        assert sorted(answers) == calls
        for call_id, (method, params) in zip(calls, requests, strict=True):
            reply = answers[call_id]
            if params.get("session", "").startswith("nobody"):
                assert reply["error"]["data"]["session"] == params["session"]
            elif method == "message.send":
                assert names(reply["result"]["recipients"]) == ["bob"]
            elif method == "session.tag":
                assert params["add"][0] in reply["result"]["tags"]
            else:
                assert "result" in reply
        assert payloads(bob.receive()) == list(range(40))


def test_two_hundred_requests_that_come_in_pieces_are_answered_one_by_one(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        text = b"".join(
            line_of(f"a{number}", "message.send", sending("session:bob", number)) + b"\n" for number in range(200)
        )
        reader = threading.Thread(target=lambda: answers.extend(ann.answer() for _ in range(200)))
        answers: list[dict[str, Any]] = []
        reader.start()
        for start in range(0, len(text), 97):
            ann.socket.sendall(text[start : start + 97])
        reader.join()
        assert [answer["id"] for answer in answers] == [f"a{number}" for number in range(200)]
        assert payloads(bob.receive(limit=500)) == list(range(200))


def test_ids_of_any_kind_come_back_as_they_were(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        for call_id in (0, -1, 2**63, 10**30, "", "x" * 1000, 'é\n"', "7"):
            wire.write(line_of(call_id, "ping", {}))
            assert wire.answer()["id"] == call_id


def test_a_notification_is_carried_out_and_not_answered(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        ann.write('{"jsonrpc":"2.0","method":"session.tag","params":{"add":["x"]}}')
        ann.write('{"jsonrpc":"2.0","method":"session.tag","params":{"add":["not a tag"]}}')
        assert ann.ask("session.get")["tags"] == ["x"]
        ann.sync()


def test_a_receive_that_waits_holds_up_nothing_on_its_own_connection_or_another(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        waiting = bob.call("message.receive", wait_s=60)
        for _ in range(3):
            bob.sync()
            ann.sync()
        assert bob.ask("session.tag", add=["x"])["tags"] == ["x"]
        sent = ann.send("tag:x", "at last")
        received = bob.result(waiting)
        assert [envelope["id"] for envelope in received["envelopes"]] == [sent["id"]]


def test_what_waits_is_answered_empty_when_its_time_is_over(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        started = time.monotonic()
        assert ann.ask("message.receive", wait_s=0.3) == {"envelopes": [], "remaining": 0}
        assert 0.25 < time.monotonic() - started < 10


def test_all_who_wait_for_a_session_are_told_when_it_ends(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, daemon.connect("ann") as again, joined(daemon, "bob") as bob:
        calls = [(wire, wire.call("message.receive", wait_s=60)) for wire in (ann, again)]
        for wire, _ in calls:
            wire.call("ping")
            wire.answer()
        bob.ask("session.end", session="ann")
        for wire, call_id in calls:
            with pytest.raises(Refused, match="no session"):
                wire.result(call_id)


def test_two_connections_of_one_session_are_handed_its_mail_each(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, daemon.connect("ann") as again:
        calls = [(wire, wire.call("message.receive", wait_s=60)) for wire in (ann, again)]
        with joined(daemon, "bob") as bob:
            bob.send("session:ann", 1)
        for wire, call_id in calls:
            assert payloads(wire.result(call_id)["envelopes"]) == [1]


# --------------------------------------------------------------------------------------------------------- the feed


def test_a_subscriber_is_told_everything_in_numbers_without_a_gap(daemon: Daemon) -> None:
    with joined(daemon, "ann", "x") as ann, daemon.connect() as watcher:
        snapshot = watcher.ask("events.subscribe")["snapshot"]
        assert names(snapshot["sessions"]) == ["ann"]
        with joined(daemon, "bob", "x") as bob:
            sent = bob.send("tag:x", 1)
            bob.ask("session.tag", add=["y"])
            ann.receive()
            ann.ask("message.ack", ids=[sent["id"]])
            bob.ask("session.end")
        kinds: list[str] = []
        number = snapshot["number"]
        while kinds[-1:] != ["session.ended"]:
            told = watcher.next_event()
            number += 1
            assert told["number"] == number
            kinds.append(told["event"]["kind"])
        assert kinds == [
            "session.joined",
            "session.changed",
            "message.sent",
            "session.changed",
            "deliveries.changed",
            "deliveries.changed",
            "session.ended",
        ]


def test_a_subscriber_that_comes_back_goes_on_where_it_was(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, daemon.connect() as other:
        epoch = other.ask("events.subscribe")["snapshot"]["epoch"]
        with daemon.connect() as watcher:
            number = watcher.ask("events.subscribe")["snapshot"]["number"]
            ann.send("session:ann", 1)
            assert watcher.next_event()["number"] == number + 1
        ann.send("session:ann", 2)
        ann.send("session:ann", 3)
        with daemon.connect() as watcher:
            assert watcher.ask("events.subscribe", since={"epoch": epoch, "number": number + 1}) == {"snapshot": None}
            told = [watcher.next_event() for _ in range(2)]
            assert [event["number"] for event in told] == [number + 2, number + 3]
            assert payloads(event["event"]["envelope"] for event in told) == [2, 3]
            ann.send("session:ann", 4)
            assert watcher.next_event()["number"] == number + 4


@pytest.mark.parametrize("since", [{"epoch": "another", "number": 1}, {"number": -1}, {"number": 10**9}])
def test_a_subscriber_that_knows_what_is_not_known_begins_with_a_snapshot(
    daemon: Daemon, since: dict[str, Any]
) -> None:
    with daemon.connect() as watcher:
        epoch = watcher.ask("events.subscribe")["snapshot"]["epoch"]
        assert watcher.ask("events.subscribe", since={"epoch": epoch, **since})["snapshot"]["epoch"] == epoch


def test_another_run_of_the_daemon_has_another_epoch(daemon: Daemon) -> None:
    with daemon.connect() as watcher:
        known = watcher.ask("events.subscribe")["snapshot"]
    daemon.restart()
    with daemon.connect() as watcher:
        since = {"epoch": known["epoch"], "number": known["number"]}
        snapshot = watcher.ask("events.subscribe", since=since)["snapshot"]
        assert snapshot is not None
        assert snapshot["epoch"] != known["epoch"]


def test_a_subscriber_that_does_not_read_converges_and_costs_a_bounded_amount(tmp_path: Path) -> None:
    payload = "." * 10_000
    config = "[limits]\nsubscriber_events = 300\nsubscriber_bytes = 2_000_000\n"
    with Daemon(tmp_path, config=config) as daemon, joined(daemon, "ann") as ann, daemon.connect() as watcher:
        snapshot = watcher.ask("events.subscribe")["snapshot"]
        watcher.call("ping")
        watcher.answer()
        before = daemon.memory_bytes()
        for number in range(3000):  # 30 MB of events for somebody who does not come for them
            ann.call("message.send", **sending("session:ann", payload))
            if number % 100 == 99:
                for _ in range(100):
                    ann.answer()
                last = ann.ask("session.list")["sessions"][0]["unread"]
                ann.ask("message.ack", up_to=2**62)
        assert last == 100
        assert daemon.memory_bytes() - before < 100_000_000  # the caches of envelopes and pages among it
        ann.ask("session.tag", add=["the-last-thing"])
        ann.sync()
        number, resyncs, sessions = snapshot["number"], 0, snapshot["sessions"]
        while "the-last-thing" not in sessions[0]["tags"]:
            told = watcher.next_event()
            event = told["event"]
            if event["kind"] == "resync":
                resyncs += 1
                number, sessions = event["snapshot"]["number"], event["snapshot"]["sessions"]
                assert told["number"] == number
            else:
                number += 1
                assert told["number"] == number
                if event["kind"] == "session.changed":
                    sessions = [event["session"]]
        assert resyncs > 0
        ann.send("session:ann", "and on")
        assert watcher.next_event()["number"] == number + 1


def test_the_others_are_told_while_one_subscriber_does_not_read(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon, joined(daemon, "ann") as ann, daemon.connect() as idle, daemon.connect() as awake:
        idle.ask("events.subscribe")
        number = awake.ask("events.subscribe")["snapshot"]["number"]
        for _ in range(400):
            ann.send("session:ann", "." * 10_000)
            number += 1
            assert awake.next_event()["number"] == number


# ----------------------------------------------------------------------------------------- clients that behave oddly


def write_until_nobody_reads(connection: socket.socket, lines: bytes, limit_bytes: int) -> int:
    """Write whole blocks of lines until the other end takes no more for a second; return how many bytes it took."""
    connection.setblocking(False)  # noqa: FBT003  # the socket's own
    written = 0
    while written < limit_bytes and select.select([], [connection], [], 1.0)[1]:
        offset = written % len(lines)
        written += connection.send(lines[offset:])
    connection.settimeout(20)
    return written


def test_a_client_that_sends_and_never_reads_is_not_read_from_and_holds_up_nobody(daemon: Daemon) -> None:
    with joined(daemon, "ann", "x") as ann, joined(daemon, "bob") as bob:
        before = daemon.memory_bytes()
        line = line_of(1, "session.list", {}) + b"\n"
        written = write_until_nobody_reads(bob.socket, line * 1000, 20_000_000)
        assert written < 10_000_000
        assert daemon.memory_bytes() - before < 30_000_000
        for number in range(50):
            ann.send("session:ann", number)
        bob.socket.shutdown(socket.SHUT_WR)
        replies = [reply for reply in bob.read_to_end() if "result" in reply]
        assert len(replies) == written // len(line)


def test_a_client_that_has_no_more_to_ask_is_answered_and_then_let_go(daemon: Daemon) -> None:
    joined(daemon, "ann").close()
    lines = [
        line_of(
            1, "hello", {"protocol": {"min": 2, "max": 2}, "client": {"name": "nc", "version": "0"}, "session": "ann"}
        ),
        line_of(2, "message.send", sending("session:ann", "to myself")),
        line_of(3, "message.receive", {"wait_s": 5}),
        line_of(4, "message.receive", {"wait_s": 0.2}),
        line_of(5, "message.list", {}),
        line_of(6, "ping", {}),
    ]
    with daemon.connect(greet=False) as wire:
        wire.write(*lines)
        wire.socket.shutdown(socket.SHUT_WR)
        replies = wire.read_to_end()
    assert sorted(reply["id"] for reply in replies) == [1, 2, 3, 4, 5, 6]
    assert all("result" in reply for reply in replies)


def test_a_last_line_without_a_newline_is_not_carried_out(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        with daemon.connect("ann") as wire:
            wire.socket.sendall(line_of(7, "session.tag", {"add": ["half"]}))
            wire.socket.shutdown(socket.SHUT_WR)
            assert wire.read_to_end() == []
        assert ann.ask("session.get")["tags"] == []


def test_a_client_that_vanishes_in_the_middle_of_a_line_leaves_what_it_said_before(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        vanishing = daemon.connect("ann")
        until(lambda: ann.ask("session.get")["attached_clients"] == 2)
        vanishing.socket.sendall(
            line_of(7, "session.tag", {"add": ["whole"]}) + b"\n" + line_of(8, "session.tag", {"add": ["half"]})[:-9]
        )
        vanishing.close()
        until(lambda: ann.ask("session.get")["attached_clients"] == 1)
        assert ann.ask("session.get")["tags"] == ["whole"]


def test_a_client_that_vanishes_while_it_waits_takes_no_mail_with_it(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        vanishing = daemon.connect("ann")
        vanishing.call("message.receive", wait_s=60)
        vanishing.sync()
        vanishing.close()
        until(lambda: ann.ask("session.get")["attached_clients"] == 1)
        ann.send("session:ann", 1)
        assert payloads(ann.receive()) == [1]


def test_a_session_outlives_its_connections(daemon: Daemon) -> None:
    joined(daemon, "ann").close()
    with daemon.connect() as wire:
        until(lambda: listed(wire)[0]["attached_clients"] == 0)
        assert names(listed(wire)) == ["ann"]


def test_who_does_not_attach_is_not_counted(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, daemon.connect(greet=False) as brief:
        brief.hello(session="ann", attach=False)
        assert ann.ask("session.get")["attached_clients"] == 1


# -------------------------------------------------------------------------------------------------- start and stop


def test_it_stops_when_asked_to_and_has_answered_what_came_before(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, daemon.connect() as other:
        calls = ann.call_many([("message.send", sending("session:ann", number)) for number in range(50)])
        stop = ann.call("daemon.stop")
        for call_id in calls:
            ann.result(call_id)
        assert ann.result(stop) == {"pid": daemon.pid}
        assert other.read_to_end() == []
    assert daemon.wait() == 0
    assert not Path(daemon.socket).exists()
    daemon.start()
    assert len(daemon.connect("ann").receive(limit=100)) == 50


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_at_a_signal(daemon: Daemon, number: signal.Signals) -> None:
    with joined(daemon, "ann") as ann:
        ann.send("session:ann", 1)
        ann.call("message.receive", wait_s=60, after=99)
        ann.sync()
        os.kill(daemon.pid, number)
        assert ann.read_to_end() == []
    assert daemon.wait() == 0
    assert not Path(daemon.socket).exists()
    assert {file.name for file in daemon.state_dir.iterdir()} == {"lock", "messages.db"}
    assert "Traceback" not in daemon.log()
    assert "ERROR" not in daemon.log()


def test_it_goes_on_when_the_terminal_that_started_it_closes(daemon: Daemon) -> None:
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.connect().sync()


def test_a_socket_that_a_crash_left_behind_is_replaced(daemon: Daemon) -> None:
    daemon.kill()
    assert Path(daemon.socket).exists()
    daemon.start()
    daemon.connect().sync()


def test_a_second_daemon_on_one_socket_says_so_and_leaves_the_first_alone(daemon: Daemon, tmp_path: Path) -> None:
    ann = joined(daemon, "ann")
    second = subprocess.run(
        [sys.executable, "-m", "fugue_core.daemon", "--socket", daemon.socket],
        env={**daemon.environment(), "XDG_STATE_HOME": str(tmp_path / "elsewhere")},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert f"daemon {daemon.pid} at {daemon.socket}" in second.stderr
    assert "Traceback" not in second.stderr
    ann.sync()
    daemon.connect().sync()


def test_a_second_daemon_on_one_state_directory_says_so_and_leaves_the_first_alone(daemon: Daemon) -> None:
    ann = joined(daemon, "ann")
    elsewhere = daemon.runtime_dir / "elsewhere" / "test.sock"
    second = subprocess.run(
        [sys.executable, "-m", "fugue_core.daemon", "--socket", str(elsewhere)],
        env=daemon.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert f"{daemon.state_dir}/lock is held by daemon {daemon.pid} at {daemon.socket}" in second.stderr
    assert "Traceback" not in second.stderr
    assert not elsewhere.exists()
    ann.sync()


def test_twenty_clients_that_start_it_at_once_start_one(tmp_path: Path) -> None:
    with Daemon(tmp_path, start=False) as daemon:
        ask = (
            "from fugue_core.client import oneshot\n"
            f"connection = oneshot.Connection({daemon.socket!r})\n"
            "print(connection.ask('daemon.status'))\n"
        )
        clients = [
            subprocess.Popen([sys.executable, "-c", ask], env=daemon.environment(), stdout=subprocess.PIPE, text=True)
            for _ in range(20)
        ]
        with contextlib.ExitStack() as stack:
            answers = [stack.enter_context(client).communicate(timeout=40)[0] for client in clients]
        pids = {answer.partition('"pid":')[2].partition(",")[0] for answer in answers}
        try:
            assert [client.returncode for client in clients] == [0] * 20
            assert len(pids) == 1
        finally:
            for pid in filter(None, pids):
                os.kill(int(pid), signal.SIGKILL)


def test_its_files_are_nobody_elses_business(daemon: Daemon) -> None:
    joined(daemon, "ann")
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o600
    assert stat.S_IMODE(daemon.state_dir.stat().st_mode) == 0o700


def answer_to_stop(socket_path: str) -> bytes:
    """Return what the daemon says to whoever asks it to stop without a word before."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(socket_path)
        try:
            connection.sendall(line_of(1, "daemon.stop", {}) + b"\n")
            return connection.recv(1000) or b"hung up"
        except OSError:
            return b"hung up"


@is_root
def test_another_user_is_refused(daemon: Daemon) -> None:
    daemon.runtime_dir.chmod(0o711)
    Path(daemon.socket).chmod(0o666)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # in a process that is somebody else from here on
        try:
            os.setuid(NOBODY)
            os.write(writing, answer_to_stop(daemon.socket))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b"hung up"
    os.waitpid(child, 0)
    daemon.connect().sync()
    assert f"refused a client of user {NOBODY}" in daemon.log()


def test_status_says_how_it_is(daemon: Daemon) -> None:
    with joined(daemon, "ann", "x") as ann, joined(daemon, "bob") as bob, daemon.connect() as watcher:
        watcher.ask("events.subscribe")
        bob.send("tag:x", 1)
        bob.send("tag:x", 2)
        ann.ask("message.ack", ids=[envelope["id"] for envelope in ann.receive(limit=1)])
        status = bob.ask("daemon.status")
    assert (status["pid"], status["socket"], status["version"], status["protocol"]) == (
        daemon.pid,
        daemon.socket,
        __version__,
        2,
    )
    assert {
        name: status[name] for name in ("sessions", "connections", "subscribers", "messages", "last_seq", "unacked")
    } == {
        "sessions": 2,
        "connections": 3,
        "subscribers": 1,
        "messages": 2,
        "last_seq": 2,
        "unacked": 1,
    }
    assert 0 <= status["uptime_s"] < 60
    assert abs(status["started_at"] - time.time()) < 60
    assert status["memory_bytes"] > 1_000_000
    store = status["store"]
    assert (store["path"], store["synchronous"], store["error"]) == (
        str(daemon.state_dir / "messages.db"),
        "normal",
        None,
    )
    assert store["size_bytes"] > 0


def test_what_is_configured_holds(tmp_path: Path) -> None:
    config = '[limits]\nline_bytes = 5000\nsessions = 1\n[store]\nsynchronous = "full"\n[screen]\nanything = true\n'
    with Daemon(tmp_path, config=config) as daemon, joined(daemon, "ann") as ann:
        assert ann.welcome["line_bytes"] == 5000
        assert ann.ask("daemon.status")["store"]["synchronous"] == "full"
        assert daemon.connect().refusal("session.join", name="bob").name == "TooManySessions"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[limits]\nmail = 5\n", "mail"),
        ("[limits]\nsessions = 'many'\n", "sessions"),
        ("[limits]\nsessions = 0\n", "sessions"),
        ("[store]\nsynchronous = 'off'\n", "synchronous"),
        ("[limits\n", "line 1"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_said_and_nothing_is_guessed(
    tmp_path: Path, config: str, said: str
) -> None:
    with Daemon(tmp_path, config=config, start=False) as daemon:
        ready = daemon.try_start()
        assert ready.startswith("error: ")
        assert "config.toml" in ready
        assert said in ready
        assert "Traceback" not in daemon.log()


# ------------------------------------------------------------------------------------- sessions that live for a process


def sleeper() -> subprocess.Popen[bytes]:
    """Return a process that ends when its stdin does."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def test_a_session_ends_with_the_process_it_lives_for(daemon: Daemon) -> None:
    with sleeper() as process, joined(daemon, "ann", for_pid=process.pid) as ann, daemon.connect() as watcher:
        watcher.ask("events.subscribe")
        ann.send("session:ann", "unread")
        process.kill()
        process.wait()
        event: dict[str, Any] = {}
        while event.get("kind") != "session.ended":
            event = watcher.next_event()["event"]
        assert event["name"] == "ann"
        assert listed(watcher) == []
        (entry,) = watcher.ask("message.list")["entries"]
        assert entry["deliveries"] == {"dead": 1}


def test_a_session_whose_process_ends_while_the_daemon_is_down_ends_when_it_is_back(daemon: Daemon) -> None:
    with sleeper() as process, sleeper() as other:
        for name, pid in (("ann", process.pid), ("bob", other.pid)):
            joined(daemon, name, for_pid=pid).close()
        daemon.kill()
        process.kill()
        process.wait()
        daemon.start()
        with daemon.connect() as wire:
            until(lambda: names(listed(wire)) == ["bob"])
            other.kill()
            other.wait()
            until(lambda: listed(wire) == [])


def test_a_process_that_is_not_there_is_refused(daemon: Daemon) -> None:
    with sleeper() as process:
        process.kill()
    with daemon.connect() as wire:
        refused = wire.refusal("session.join", name="ann", for_pid=process.pid)
        assert (refused.name, f"no process {process.pid}" in refused.message) == ("InvalidParams", True)


# ---------------------------------------------------------------------------------------- what a restart must not lose


def stopped(daemon: Daemon) -> None:
    daemon.stop()
    daemon.start()


@pytest.mark.parametrize("restart", [Daemon.restart, stopped], ids=["crash", "stop"])
def test_a_restart_keeps_sessions_tags_metadata_messages_deliveries_and_order(daemon: Daemon, restart: Any) -> None:
    worktree = {"path": "/w", "branch": "b", "is_main": False}
    with joined(daemon, "ann", "x", "y", metadata={"k": [1, None]}, repo="/r", worktree=worktree) as ann:
        joined(daemon, "bob", "x").close()
        joined(daemon, "cid", "x").close()
        ann.ask("session.tag", session="bob", add=["late"])
        sent = [ann.send("tag:x", number) for number in range(5)]
        with daemon.connect("bob") as bob:
            first, second, *_ = bob.receive()
            bob.ask("message.ack", ids=[first["id"]])
        before = listed(ann)
        records = [ann.ask("message.get", id=receipt["id"]) for receipt in sent]
    restart(daemon)
    with daemon.connect("ann") as ann:
        after = listed(ann)
        assert [{**info, "attached_clients": 0} for info in before] == [
            {**info, "attached_clients": 0} for info in after[:1]
        ] + after[1:]
        assert [ann.ask("message.get", id=receipt["id"]) for receipt in sent] == records
        with daemon.connect("bob") as bob:
            again = bob.receive()
            assert again[0] == second
            assert [envelope["id"] for envelope in again] == [receipt["id"] for receipt in sent[1:]]
        assert ann.send("tag:x", "next")["seq"] == sent[-1]["seq"] + 1
        assert names(ann.send("tag:x")["recipients"]) == ["bob", "cid"]


def test_what_was_handed_and_not_acknowledged_comes_again_to_the_next_connection_with_the_same_ids(
    daemon: Daemon,
) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        for number in range(3):
            bob.send("session:ann", number)
        first = ann.receive()
        assert ann.receive() == []
    with daemon.connect("ann") as ann:
        assert ann.receive() == first
        ann.ask("message.ack", ids=[first[1]["id"]])
    daemon.restart()
    with daemon.connect("ann") as ann:
        assert ann.receive() == [first[0], first[2]]
        assert ann.ask("message.ack", up_to=first[2]["seq"]) == {"acked": 2, "unknown": []}
    with daemon.connect("ann") as ann:
        assert ann.receive() == []


def test_the_same_id_again_delivers_once_also_after_a_restart_and_never_something_else(daemon: Daemon) -> None:
    message = {"id": str(uuid4()), **sending("session:bob", {"n": 1})}
    ann, bob = joined(daemon, "ann"), joined(daemon, "bob")
    first = ann.ask("message.send", **message)
    assert first["id"] == message["id"]
    assert ann.ask("message.send", **message) == first
    assert ann.refusal("message.send", **{**message, **sending("session:bob", {"n": 2})}).name == "MessageIdExists"
    bob.close()
    daemon.restart()
    with daemon.connect("ann") as ann, daemon.connect("bob") as bob:
        assert ann.ask("message.send", **message) == first
        refused = ann.refusal("message.send", **{**message, **sending("session:bob", {"n": 2})})
        assert (refused.name, refused.data["message"]) == ("MessageIdExists", message["id"])
        assert bob.refusal("message.send", **message).name == "MessageIdExists"
        assert payloads(bob.receive()) == [{"n": 1}]


def test_a_join_under_the_same_id_makes_one_session_also_after_a_restart(daemon: Daemon) -> None:
    session = str(uuid4())
    joined(daemon, "ann", id=session).close()
    daemon.restart()
    with joined(daemon, "ann", id=session) as ann:
        assert ann.ask("session.get")["id"] == session
        assert names(listed(ann)) == ["ann"]


def test_what_has_a_time_to_live_expires_and_says_so(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob, daemon.connect() as watcher:
        short = bob.send("session:ann", "short", ttl_s=0.3)
        long = bob.send("session:ann", "long", ttl_s=300)
        watcher.ask("events.subscribe")
        event = watcher.next_event()["event"]
        assert (event["kind"], event["state"], event["seqs"]) == ("deliveries.changed", "expired", [short["seq"]])
        assert [envelope["id"] for envelope in ann.receive()] == [long["id"]]
        assert ann.ask("message.ack", ids=[short["id"]])["acked"] == 0
        (delivery,) = ann.ask("message.get", id=short["id"])["deliveries"]
        assert (delivery["state"], delivery["recipient"]["name"]) == ("expired", "ann")
        assert delivery["ended_at"] >= short["seq"]


def test_mail_of_a_session_that_ends_is_dead_and_stays_in_the_log(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann, joined(daemon, "bob") as bob:
        receipts = [bob.send("session:ann", number) for number in range(3)]
        ann.ask("message.ack", ids=[ann.receive(limit=1)[0]["id"]])
        assert bob.ask("session.end", session="ann")["unread"] == 2
        states = [bob.ask("message.get", id=receipt["id"])["deliveries"][0] for receipt in receipts]
        assert [(state["state"], state["reason"]) for state in states] == [
            ("acked", None),
            ("dead", "session ended"),
            ("dead", "session ended"),
        ]
        joined(daemon, "ann")
        assert daemon.connect("ann").receive() == []


def test_a_full_mailbox_refuses_for_its_session_alone_and_says_who_received(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\nmailbox_messages = 3\n") as daemon, joined(daemon, "ann") as ann:
        bob = joined(daemon, "bob", "x")
        for number in range(3):
            ann.send("session:bob", number)
        total = ann.refusal("message.send", **sending("session:bob", "too much"))
        assert (total.name, total.data["delivered"], total.data["seq"], total.data["names"]) == (
            "MailboxFull",
            [],
            None,
            ["bob"],
        )
        cid = joined(daemon, "cid", "x")
        partial = ann.refusal("message.send", **sending("tag:x", "for who has room"))
        assert partial.data["delivered"] == [cid.ask("session.get")["id"]]
        assert partial.data["refused"] == [bob.ask("session.get")["id"]]
        assert "bob; 1 of 2 received it" in partial.message
        assert payloads(cid.receive()) == ["for who has room"]
        deliveries = ann.ask("message.get", id=partial.data["message_id"])["deliveries"]
        assert [(each["recipient"]["name"], each["state"], each["reason"]) for each in deliveries] == [
            ("bob", "dead", "mailbox full"),
            ("cid", "handed", None),
        ]
        assert payloads(bob.receive()) == [0, 1, 2]
        bob.ask("message.ack", up_to=1)
        assert names(ann.send("session:bob", "again")["recipients"]) == ["bob"]
        assert ann.ask("daemon.status")["last_seq"] == 5


def test_a_message_type_of_any_workflow_has_no_effect_but_delivery(daemon: Daemon) -> None:
    with joined(daemon, "ann", "orchestrator") as ann, joined(daemon, "bob", "worker", "mayor") as bob:
        before = {info["name"]: (info["tags"], info["metadata"]) for info in listed(ann)}
        for msg_type in (
            "status.update",
            "task.complete",
            "task.assign",
            "cancel",
            "session.end",
            "daemon.stop",
            "error",
        ):
            ann.send("tag:worker", {"status": "done", "session": "bob"}, msg_type)
        assert len(bob.receive()) == 7
        assert {info["name"]: (info["tags"], info["metadata"]) for info in listed(ann)} == before


def test_ids_grow_with_time_and_are_of_version_seven(daemon: Daemon) -> None:
    with joined(daemon, "ann") as ann:
        ids = [UUID(ann.send("session:ann")["id"]) for _ in range(3)]
        assert {message.version for message in ids} == {7}
        assert [message.int >> 80 for message in ids] == sorted(message.int >> 80 for message in ids)


def test_the_end_of_a_connection_is_an_end(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        daemon.kill()
        with pytest.raises(HungUp):
            wire.read_line()
