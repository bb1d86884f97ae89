"""Bad input and faults, against the real daemon.

Whatever one client does or the machine does to the daemon: who is at fault is told the value and the rule, the others
notice nothing, and nothing that was acknowledged is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.e2e.daemon import Daemon, Refused, Wire, line_of, payloads, sending, until

LINE_BYTES = 1024 * 1024


class Bystander:
    """Another client, that talks to itself all the while and watches."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._wire = daemon.connect()
        self._wire.join("bystander", "here")
        self._watcher = daemon.connect()
        self._number = self._watcher.ask("events.subscribe")["snapshot"]["number"]
        self._waiting = self._wire.call("message.receive", wait_s=60)
        self._sent: list[str] = []

    def noticed_nothing(self) -> None:
        """Fail where something reached it that was none of its business, or something of its own did not."""
        pid, connections = self._daemon.pid, self._wire.ask("daemon.status")["connections"]
        assert connections >= 2
        for number in range(2):
            self._sent.append(self._wire.send("session:bystander", number)["id"])
            received = self._wire.result(self._waiting)["envelopes"]
            assert [envelope["id"] for envelope in received] == self._sent[-1:]
            self._waiting = self._wire.call("message.receive", wait_s=60)
        envelopes = self._wire.ask("message.receive", after=0, peek=True)["envelopes"]
        assert [envelope["id"] for envelope in envelopes] == self._sent
        seen: list[str] = []
        while seen[-1:] != self._sent[-1:]:
            told = self._watcher.next_event()
            self._number += 1
            assert told["number"] == self._number
            if told["event"]["kind"] == "message.sent":
                seen.append(told["event"]["envelope"]["id"])
        assert self._daemon.pid == pid
        assert not self._wire.has_input()
        assert "Traceback" not in self._daemon.log()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


@pytest.fixture
def bystander(daemon: Daemon) -> Bystander:
    return Bystander(daemon)


@pytest.fixture
def ann(daemon: Daemon, bystander: Bystander) -> Iterator[Wire]:
    """The client that does what it should not; the bystander is asked afterwards."""
    wire = daemon.connect()
    wire.join("ann")
    yield wire
    bystander.noticed_nothing()


def request(method: str, params: str) -> str:
    return f'{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}'


def send_payload(payload: str) -> str:
    return request(
        "message.send",
        f'{{"target":{{"kind":"session","session":"ann"}},"message":{{"msg_type":"x","payload":{payload}}}}}',
    )


# ----------------------------------------------------------------------------------------------- what is no request

DEEP_LIST = "[" * 10_000 + "]" * 10_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000
HUGE = "9" * 10_000

UNREADABLE: dict[str, tuple[bytes | str, str, str]] = {
    "garbage": ("\x00\x01\x02 GET / HTTP/1.1", "MalformedLine", "byte 0"),
    "words": ("hello there", "MalformedLine", "byte 0"),
    "truncated": (request("ping", "{")[:-4], "MalformedLine", "truncated"),
    "truncated in a string": ('{"jsonrpc":"2.0","id":7,"method":"pi', "MalformedLine", "truncated"),
    "two values": (request("ping", "{}") + request("ping", "{}"), "MalformedLine", "trailing"),
    "invalid UTF-8": (b'{"jsonrpc":"2.0","id":7,"method":"p\xffng"}', "MalformedLine", "0xff"),
    "invalid UTF-8 in a payload": (send_payload('"?"').encode().replace(b"?", b"\xc3("), "MalformedLine", "0xc3"),
    "overlong UTF-8": (send_payload('"?"').encode().replace(b"?", b"\xc0\xaf"), "MalformedLine", "0xc0"),
    "a surrogate in UTF-8": (send_payload('"?"').encode().replace(b"?", b"\xed\xa0\x80"), "MalformedLine", "0xed"),
    "a lone surrogate": (request("session.tag", r'{"add":["\ud800"]}'), "MalformedLine", "surrogate"),
    "a lone surrogate in a payload": (send_payload(r'"\udc00"'), "MalformedLine", "surrogate"),
    "NaN": (send_payload("NaN"), "MalformedLine", "invalid character"),
    "Infinity": (send_payload("[-Infinity]"), "MalformedLine", "invalid"),
    "NaN as metadata": (request("session.metadata", '{"set":{"x":NaN}}'), "MalformedLine", "invalid character"),
    "10,000 objects deep": (DEEP_OBJECT, "MalformedLine", "nested too deeply"),
    "10,000 deep where nobody looks": (request("ping", f'{{"x":{DEEP_LIST}}}'), "MalformedLine", "nested too deeply"),
    "10,000 lists deep": (DEEP_LIST, "InvalidRequest", "got `array`"),
    "a batch": (f"[{request('ping', '{}')}]", "InvalidRequest", "got `array`"),
    "a number": ("17", "InvalidRequest", "got `int`"),
    "a huge number": (HUGE, "InvalidRequest", "out of range"),
    "null": ("null", "InvalidRequest", "got `null`"),
    "no version": ('{"id":7,"method":"ping"}', "InvalidRequest", "`jsonrpc` must be"),
    "another version": ('{"jsonrpc":"1.0","id":7,"method":"ping"}', "InvalidRequest", "'1.0'"),
    "no method": ('{"jsonrpc":"2.0","id":7}', "InvalidRequest", "`method` must be a string, not None"),
    "a method that is a number": ('{"jsonrpc":"2.0","id":7,"method":5}', "InvalidRequest", "not 5"),
    "an id that is a fraction": ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "InvalidRequest", "not 1.5"),
    "an id that is null": ('{"jsonrpc":"2.0","id":null,"method":"ping"}', "InvalidRequest", "not null"),
    "an id that is huge": (f'{{"jsonrpc":"2.0","id":{HUGE},"method":"ping"}}', "InvalidRequest", "out of range"),
}


@pytest.mark.parametrize(("line", "name", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_line_that_is_no_request_is_refused_and_the_connection_lives_on(
    ann: Wire, line: bytes | str, name: str, said: str
) -> None:
    ann.write(line)
    reply = ann.answer()
    assert reply["error"]["data"]["name"] == name
    assert said in reply["error"]["message"]
    assert reply["id"] in {7, None}
    assert len(reply["error"]["message"]) < 1000
    ann.sync()


def test_lines_that_are_no_requests_cost_those_beside_them_nothing(ann: Wire) -> None:
    good = [line_of(number, "message.send", sending("session:ann", number)) for number in range(1000, 1003)]
    lines = [line if isinstance(line, bytes) else line.encode() for line, _, _ in UNREADABLE.values()]
    ann.write(*lines, good[0], *lines, good[1], b"", b"   ", *lines, good[2])
    replies = [ann.answer() for _ in range(3 * len(lines) + 3)]
    assert [reply["id"] for reply in replies if "result" in reply] == [1000, 1001, 1002]
    assert payloads(ann.receive()) == [1000, 1001, 1002]


# --------------------------------------------------------------------------------------- requests that break a rule

BAD_TAGS: dict[str, tuple[list[str], str]] = {
    "empty": ([""], "tag ''"),
    "blank": ([" "], "tag ' '"),
    "with a blank": (["a b"], "tag 'a b'"),
    "a comma": (["a,b"], "tag 'a,b'"),
    "a control character": (["a\x1b[31m"], r"tag 'a\x1b[31m'"),
    "a newline at the end": (["a\n"], r"tag 'a\n'"),
    "a blank that is none": (["a\u00a0b"], r"tag 'a\xa0b'"),
    "without width": (["a\u200bb"], r"tag 'a\u200bb'"),
    "65 characters": (["x" * 65], "1 to 64 printable characters"),
    "a megabyte": (["x" * 900_000], "(900,000 characters)"),
    "65 tags": ([f"t{number}" for number in range(63)], "at most 64, not 65"),
}


@pytest.mark.parametrize(("tags", "said"), BAD_TAGS.values(), ids=BAD_TAGS)
def test_bad_tags_are_refused_all_together(ann: Wire, daemon: Daemon, tags: list[str], said: str) -> None:
    ann.ask("session.tag", add=["kept"])
    refused = ann.refusal("session.tag", add=["good", *tags])
    assert refused.name == "InvalidTag"
    assert said in refused.message
    assert len(refused.message) < 1000
    assert ann.ask("session.get")["tags"] == ["kept"]
    refused = daemon.connect().refusal("session.join", name="bob", tags=["good", "better", *tags])
    assert refused.name == "InvalidTag"
    assert [info["name"] for info in ann.ask("session.list")["sessions"]] == ["bystander", "ann"]


def test_a_tag_that_is_both_added_and_removed_is_refused(ann: Wire) -> None:
    ann.ask("session.tag", add=["both"])
    refused = ann.refusal("session.tag", add=["other", "both"], remove=["both"])
    assert (refused.name, refused.message) == ("InvalidTag", "tag 'both': is both added and removed")
    assert ann.ask("session.get")["tags"] == ["both"]


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "an unknown method": ("session.tags", {}, "MethodNotFound", "no method 'session.tags'; did you mean session.tag"),
    "a method of the first version": ("task.assign", {}, "MethodNotFound", "no method 'task.assign'"),
    "a missing field": ("message.get", {}, "InvalidParams", "missing required field `id`"),
    "a number for a text": (
        "session.rename",
        {"name": 5},
        "InvalidParams",
        "Expected `str`, got `int` - at `$.params.name`",
    ),
    "a text for a list": ("session.tag", {"add": "x"}, "InvalidParams", "`$.params.add`"),
    "a list with a number": ("session.tag", {"add": ["x", 5]}, "InvalidParams", "`$.params.add[1]`"),
    "no UUID": ("message.get", {"id": "seven"}, "InvalidParams", "`$.params.id`"),
    "a negative limit": ("message.list", {"limit": -1}, "InvalidParams", "`int` >= 1 - at `$.params.limit`"),
    "a huge limit": ("message.receive", {"limit": 10**9}, "InvalidParams", "`int` <= 1000000 - at `$.params.limit`"),
    "a huge seq": ("message.ack", {"up_to": 2**63}, "InvalidParams", "`$.params.up_to`"),
    "a negative time": ("message.receive", {"wait_s": -1}, "InvalidParams", "`$.params.wait_s`"),
    "a time without end": ("message.receive", {"wait_s": 1e12}, "InvalidParams", "`$.params.wait_s`"),
    "another order": ("message.list", {"order": "sideways"}, "InvalidParams", "'sideways'"),
    "another kind of target": ("message.resolve", {"target": {"kind": "everybody"}}, "InvalidParams", "'everybody'"),
    "a target without kind": (
        "message.resolve",
        {"target": {"tag": "x"}},
        "InvalidParams",
        "missing required field `kind`",
    ),
    "a process that cannot be": ("session.join", {"for_pid": 0}, "InvalidParams", "`$.params.for_pid`"),
    "replacing and adding": ("session.tag", {"add": ["x"], "replace": []}, "InvalidParams", "`replace`"),
    "an unknown session": (
        "session.get",
        {"session": "byst"},
        "SessionNotFound",
        "no session 'byst'; did you mean bystander?",
    ),
    "an unknown id": (
        "session.end",
        {"session": "0190abcd-0000-7000-8000-00000000a0a0"},
        "SessionNotFound",
        "0190abcd",
    ),
    "a send to nobody": ("message.send", sending("tag:nobody"), "NoRecipients", "no recipient at tag:nobody"),
    "a send to no session": ("message.send", sending("session:bystandr"), "SessionNotFound", "did you mean bystander"),
    "a send to no worktree": ("message.send", sending("worktree:/nowhere"), "NoRecipients", "worktree:/nowhere"),
    "a send to a relative path": (
        "message.send",
        sending("worktree:here"),
        "InvalidTarget",
        "'here': a worktree's path is absolute",
    ),
    "a send to a bad tag": ("message.send", sending("tag:a b"), "InvalidTag", "tag 'a b'"),
    "a broadcast from nowhere": ("message.send", sending("broadcast"), "NoRepository", "has none"),
    "a bad message type": (
        "message.send",
        sending("session:ann", 1, "a b"),
        "InvalidMessageType",
        "message type 'a b'",
    ),
    "a long message type": ("message.send", sending("session:ann", 1, "x" * 129), "InvalidMessageType", "1 to 128"),
    "a duplicate name": ("session.rename", {"name": "bystander"}, "SessionNameExists", "'bystander'"),
    "a bad name": ("session.rename", {"name": "a:b"}, "InvalidName", "session name 'a:b'"),
    "an empty name": ("session.rename", {"name": ""}, "InvalidName", "session name ''"),
    "a name that is an id": (
        "session.rename",
        {"name": "0190abcd-0000-7000-8000-00000000a0a0"},
        "InvalidName",
        "no UUID",
    ),
    "a bad key": ("session.metadata", {"set": {"a b": 1}}, "InvalidMetadata", "metadata 'a b'"),
    "too much metadata": (
        "session.metadata",
        {"set": {"x": "." * 70_000}},
        "InvalidMetadata",
        "exceed the limit of 65,536",
    ),
    "a bad filter": ("message.list", {"filter": "colour:red"}, "InvalidFilter", "'colour:red': the keys are tag:"),
    "an open quote": ("session.list", {"filter": '"open'}, "InvalidFilter", '"open'),
    "an unknown message": (
        "message.get",
        {"id": "0190abcd-0000-7000-8000-00000000a0a0"},
        "MessageNotFound",
        "0190abcd",
    ),
}


@pytest.mark.parametrize(("method", "params", "name", "said"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_breaks_a_rule_is_told_the_value_and_the_rule(
    ann: Wire, method: str, params: dict[str, Any], name: str, said: str
) -> None:
    before = ann.ask("session.list")
    refused = ann.refusal(method, **params)
    assert refused.name == name
    assert said in refused.message
    assert ann.ask("session.list") == before
    assert ann.ask("daemon.status")["messages"] == 0


def test_a_name_that_is_taken_is_refused_to_newcomers(ann: Wire, daemon: Daemon) -> None:
    refused = daemon.connect().refusal("session.join", name="ann")
    assert (refused.name, refused.data["session_name"]) == ("SessionNameExists", "ann")


@pytest.mark.parametrize("depth", [257, 5000, 10_000])
def test_a_payload_that_is_nested_too_deeply_is_refused(ann: Wire, depth: int) -> None:
    ann.write(send_payload("[" * depth + "]" * depth))
    error = Refused(ann.answer()["error"])
    assert error.name in {"InvalidPayload", "MalformedLine"}
    assert "nested" in error.message
    assert len(error.message) < 1000
    ann.sync()
    assert ann.ask("daemon.status")["messages"] == 0


def test_brackets_in_a_text_nest_nothing(ann: Wire) -> None:
    ann.write(send_payload(json.dumps('["' + "[" * 10_000)))
    assert "result" in ann.answer()


def test_a_huge_integer_is_carried_byte_for_byte(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:  # no bystander: it reads numbers as Python does
        ann.join("ann")
        ann.write(send_payload(f'{{"n":{HUGE},"f":1e400}}'))
        assert "result" in ann.answer()
        for wire in (ann, daemon.connect("ann")):
            wire.call("message.receive")
            assert f'"payload":{{"n":{HUGE},"f":1e400}}'.encode() in wire.read_line()


def test_a_huge_integer_as_metadata_is_refused_or_kept_as_it_is(ann: Wire, daemon: Daemon) -> None:
    assert ann.ask("session.metadata", set={"n": 10**40})["metadata"] == {"n": 10**40}
    ann.write(request("session.metadata", f'{{"set":{{"n":{HUGE}}}}}'))
    assert Refused(ann.answer()["error"]).name == "InvalidParams"
    assert ann.ask("session.get")["metadata"] == {"n": 10**40}


# ---------------------------------------------------------------------------------------------------------- long lines


def long_line(size_bytes: int, call_id: int = 7) -> bytes:
    """Return a request of exactly so many bytes, its newline not counted."""
    empty = line_of(call_id, "message.send", sending("session:ann", ""))
    line = line_of(call_id, "message.send", sending("session:ann", "." * (size_bytes - len(empty))))
    assert len(line) == size_bytes
    return line


def test_a_line_of_the_limit_is_carried_and_one_byte_more_is_refused(ann: Wire) -> None:
    ann.write(long_line(LINE_BYTES))
    assert "result" in ann.answer()
    ann.write(long_line(LINE_BYTES + 1), line_of(8, "ping", {}))
    refused = {reply["id"]: reply for reply in (ann.answer(), ann.answer())}
    assert "result" in refused[8]
    error = Refused(refused[None]["error"])
    assert (error.name, error.data["limit_bytes"]) == ("LineTooLong", LINE_BYTES)
    assert "exceeds the limit of 1,048,576" in error.message
    assert len(ann.receive()) == 1


def test_a_line_over_the_limit_that_drips_in_is_refused_before_its_end_and_never_held(
    ann: Wire, daemon: Daemon
) -> None:
    before = daemon.memory_bytes()
    ann.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    ann.socket.sendall(b"x" * (LINE_BYTES - 500))
    for _ in range(500):
        ann.socket.sendall(b"x")
    assert not ann.has_input()
    for _ in range(500):
        ann.socket.sendall(b"x")
    assert Refused(ann.answer()["error"]).name == "LineTooLong"
    for _ in range(200):  # and on, for what is thrown away as it comes
        ann.socket.sendall(b"x" * 100_000)
    assert daemon.memory_bytes() - before < 10_000_000
    ann.socket.sendall(b"\n")
    ann.sync()


def test_every_byte_of_a_line_may_come_by_itself(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\nline_bytes = 2000\n") as daemon:
        ann = daemon.connect()
        ann.join("ann")
        for line in (long_line(2000), long_line(2001), line_of(8, "ping", {})):
            for byte in line + b"\n":
                ann.socket.sendall(bytes([byte]))
        sent, refused, ping = (ann.answer() for _ in range(3))
        assert (sent["id"], "result" in sent) == (7, True)
        assert (refused["id"], refused["error"]["data"]["name"]) == (None, "LineTooLong")
        assert ping["id"] == 8


# ------------------------------------------------------------------------------------------------------- a full disk


class Disk(Protocol):
    """Where a daemon has its state."""

    def fill(self, daemon: Daemon) -> None:
        """Leave room for a little more, and no more than that."""

    def free(self, daemon: Daemon) -> None:
        """Make room."""


class LimitedProcess:
    """A daemon whose files may not grow. Python ignores the signal, so that the write just fails."""

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes

    def fill(self, daemon: Daemon) -> None:
        size_bytes = max(file.stat().st_size for file in daemon.state_dir.iterdir())
        self._limit(daemon, size_bytes + self._room_bytes)

    def free(self, daemon: Daemon) -> None:
        self._limit(daemon, None)

    def _limit(self, daemon: Daemon, size_bytes: int | None) -> None:
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard if size_bytes is None else size_bytes, hard))


class SmallFilesystem:
    """A tmpfs of a few megabytes."""

    def __init__(self, path: Path) -> None:
        self._filler = path / "filler"

    def fill(self, daemon: Daemon) -> None:
        with self._filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"." * 4096)
        with self._filler.open("r+b") as file:
            file.truncate(self._filler.stat().st_size - 200_000)

    def free(self, daemon: Daemon) -> None:
        self._filler.unlink()


@contextlib.contextmanager
def mounted(path: Path, options: str) -> Iterator[None]:
    """Have a tmpfs at `path`; the test is skipped where this user may not mount."""
    path.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or os.getuid() != 0:
        pytest.skip("only root can mount")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(params=["process", "filesystem"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "process":
        yield LimitedProcess(room_bytes=200_000)
        return
    with mounted(tmp_path / "state", "size=8m"):
        yield SmallFilesystem(tmp_path / "state")


def send_until_refused(wire: Wire, target: str) -> tuple[list[dict[str, Any]], Refused]:
    receipts = []
    while True:
        try:
            receipts.append(wire.send(target, "." * 5000))
        except Refused as refused:
            return receipts, refused


def test_a_full_disk_refuses_sends_loses_nothing_and_tells_nobody_of_what_was_undone(
    disk: Disk, tmp_path: Path
) -> None:
    with Daemon(tmp_path) as daemon:
        ann, bob, cid, watcher = (daemon.connect() for _ in range(4))
        ann.join("ann", "x")
        bob.join("bob", "x")
        cid.join("cid")
        waiting = cid.call("message.receive", wait_s=60)
        cid.call("ping")
        cid.answer()
        number = watcher.ask("events.subscribe")["snapshot"]["number"]
        receipts = [ann.send("session:bob", "before")]
        disk.fill(daemon)
        while_filling, refused = send_until_refused(ann, "session:bob")
        receipts += while_filling
        assert refused.name == "StoreUnavailable"
        assert str(daemon.state_dir / "messages.db") in refused.message

        before = ann.ask("session.list")
        assert ann.refusal("message.send", **sending("tag:x", "." * 250_000)).name == "StoreUnavailable"
        assert ann.ask("session.list") == before

        status = ann.ask("daemon.status")
        assert status["messages"] == len(receipts)
        assert "messages.db" in status["store"]["error"]
        assert len(ann.ask("message.list", limit=1000)["entries"]) == len(receipts)
        assert ann.ask("message.get", id=receipts[0]["id"])["envelope"]["seq"] == receipts[0]["seq"]
        assert daemon.connect("bob").welcome["session"]["unread"] == len(receipts)

        disk.free(daemon)
        receipts.append(ann.send("session:bob", "after"))
        assert ann.ask("daemon.status")["store"]["error"] is None
        assert ann.ask("session.tag", session="bob", add=["y"])["tags"] == ["x", "y"]
        assert not cid.has_input()
        last = ann.send("session:cid", "at last")
        assert [envelope["id"] for envelope in cid.result(waiting)["envelopes"]] == [last["id"]]

        ids = [receipt["id"] for receipt in receipts]
        told: list[str] = []
        while told[-1:] != [last["id"]]:
            event = watcher.next_event()
            number += 1
            assert event["number"] == number
            if event["event"]["kind"] == "message.sent":
                told.append(event["event"]["envelope"]["id"])
            elif event["event"]["kind"] == "session.changed":
                assert "y" not in event["event"]["session"]["tags"] or told == ids
        assert told == [*ids, last["id"]]
        assert [receipt["seq"] for receipt in receipts] == list(range(1, len(receipts) + 1))
        daemon.restart()
        assert [envelope["id"] for envelope in daemon.connect("bob").receive(limit=1000)] == ids


def test_requests_of_one_turn_on_a_full_disk_are_all_refused_or_all_done(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=200_000)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:
        ann.join("ann")
        disk.fill(daemon)
        calls = ann.call_many([("message.send", sending("session:ann", "." * 10_000)) for _ in range(100)])
        replies = [ann.answer() for _ in calls]
        assert [reply["id"] for reply in replies] == calls
        receipts = [reply["result"]["id"] for reply in replies if "result" in reply]
        assert len(receipts) < len(calls)
        assert {reply["error"]["data"]["name"] for reply in replies if "error" in reply} == {"StoreUnavailable"}
        disk.free(daemon)
        assert [envelope["id"] for envelope in ann.receive(limit=1000)] == receipts


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "send": ("message.send", sending("session:ann", "new")),
    "acknowledge": ("message.ack", {"up_to": 2**62}),
    "tag": ("session.tag", {"add": ["new"]}),
    "rename": ("session.rename", {"name": "new"}),
    "describe": ("session.metadata", {"set": {"new": 1}}),
    "end": ("session.end", {}),
}


@pytest.mark.parametrize(("method", "params"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_the_disk_refuses_has_not_happened_and_can_be_asked_for_again(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:
        ann.join("ann", "old", metadata={"old": 1})
        ann.send("session:ann", "old")
        before = (ann.ask("session.list"), ann.ask("message.list"))
        disk.fill(daemon)
        assert [ann.refusal(method, **params).name for _ in range(2)] == ["StoreUnavailable"] * 2
        assert (ann.ask("session.list"), ann.ask("message.list")) == before
        disk.free(daemon)
        assert (ann.ask("session.list"), ann.ask("message.list")) == before
        ann.ask(method, **params)
        assert (ann.ask("session.list"), ann.ask("message.list")) != before


def test_mail_is_given_on_a_full_disk_and_is_handed_when_there_is_room_again(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:
        ann.join("ann")
        message = ann.send("session:ann", "there")["id"]
        disk.fill(daemon)
        assert payloads(ann.receive()) == ["there"]
        assert ann.ask("message.get", id=message)["deliveries"][0]["state"] == "queued"
        disk.free(daemon)
        until(lambda: ann.ask("message.get", id=message)["deliveries"][0]["state"] == "handed")


def test_refusing_costs_little_however_many_ask(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:
        ann.join("ann")
        disk.fill(daemon)
        for _ in range(5):
            calls = ann.call_many([("message.send", sending("session:ann", number)) for number in range(100)])
            assert {ann.answer()["error"]["data"]["name"] for _ in calls} == {"StoreUnavailable"}
        assert 1 <= daemon.log().count("ERROR") <= 10
        disk.free(daemon)
        ann.send("session:ann", "on")
        assert payloads(ann.receive()) == ["on"]


def test_a_join_that_the_disk_refuses_leaves_a_connection_that_can_join_again(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann, daemon.connect() as bob:
        ann.join("ann")
        disk.fill(daemon)
        assert bob.refusal("session.join", name="bob").name == "StoreUnavailable"
        assert bob.refusal("session.get").name == "NoIdentity"
        assert [info["name"] for info in ann.ask("session.list")["sessions"]] == ["ann"]
        disk.free(daemon)
        assert bob.join("bob")["attached_clients"] == 1


def test_who_is_greeted_in_a_turn_that_fails_is_bound_to_what_is_there(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann:
        ann.join("ann")
        disk.fill(daemon)
        with daemon.connect(greet=False) as again:
            greeting = {"protocol": {"min": 2, "max": 2}, "client": {"name": "t", "version": "0"}, "session": "ann"}
            calls = again.call_many([("hello", greeting), ("message.send", sending("session:ann"))])
            assert again.result(calls[0])["session"]["name"] == "ann"
            with pytest.raises(Refused, match="cannot write"):
                again.result(calls[1])
            disk.free(daemon)
            assert again.ask("session.get")["attached_clients"] == 2
            again.send("session:ann", "on")


def test_expiry_and_ends_of_processes_wait_for_the_disk(tmp_path: Path) -> None:
    disk = LimitedProcess(room_bytes=0)
    with Daemon(tmp_path) as daemon, daemon.connect() as ann, daemon.connect() as bob:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            bob.join("bob", for_pid=process.pid)
            ann.join("ann")
            ann.send("session:ann", ttl_s=0.2)
            disk.fill(daemon)
        until(lambda: "ERROR" in daemon.log())
        assert [info["name"] for info in ann.ask("session.list")["sessions"]] == ["bob", "ann"]
        disk.free(daemon)
        until(lambda: [(info["name"], info["unread"]) for info in ann.ask("session.list")["sessions"]] == [("ann", 0)])


# ------------------------------------------------------------------------------------------ a place that cannot be used


def a_file_in_its_place(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("no directory")


def a_directory_without_rights(state: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    state.mkdir(parents=True)
    state.chmod(0o500)


def a_store_that_is_none(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "messages.db").write_bytes(b"this is no database" * 1000)


def a_directory_for_a_store(state: Path) -> None:
    (state / "messages.db").mkdir(parents=True)


@pytest.mark.parametrize(
    "spoil", [a_file_in_its_place, a_directory_without_rights, a_store_that_is_none, a_directory_for_a_store]
)
def test_a_state_directory_that_cannot_be_used_is_named_and_nothing_starts(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    with Daemon(tmp_path, start=False) as daemon:
        spoil(daemon.state_dir)
        ready = daemon.try_start()
        assert ready.startswith("error: the store cannot write: ")
        assert str(daemon.state_dir) in ready
        assert "Traceback" not in daemon.log()
        assert not Path(daemon.socket).exists()


def test_a_read_only_state_directory_is_named_and_nothing_starts(tmp_path: Path) -> None:
    with mounted(tmp_path / "state", "ro"), Daemon(tmp_path, start=False) as daemon:
        ready = daemon.try_start()
        assert ready.startswith("error: the store cannot write: ")
        assert "Read-only file system" in ready
        assert str(tmp_path / "state") in ready
        assert "Traceback" not in daemon.log()


def test_a_socket_that_cannot_be_made_is_named_and_nothing_starts(tmp_path: Path) -> None:
    with Daemon(tmp_path, start=False) as daemon:
        Path(daemon.socket).mkdir()
        assert str(daemon.socket) in daemon.try_start()
        assert "Traceback" not in daemon.log()
    with Daemon(tmp_path, start=False) as daemon:
        daemon.socket = str(daemon.runtime_dir / ("x" * 200))
        ready = daemon.try_start()
        assert ready.startswith(f"error: no daemon at {daemon.socket}: ")
        assert "Traceback" not in daemon.log()


def test_a_store_of_a_newer_fugue_is_left_alone(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        daemon.stop()
        path = daemon.state_dir / "messages.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 999")
        before = path.read_bytes()
        assert "newer fugue (schema 999" in daemon.try_start()
        assert path.read_bytes() == before


# ------------------------------------------------------------------------------------------------- a clock that jumps

JUMPING_CLOCK = """
import time
real_time = time.time
def jumping_time():
    with open({path!r}) as file:
        return real_time() + float(file.read() or 0)
time.time = jumping_time
"""


def test_a_clock_that_jumps_back_and_ahead_changes_no_order_and_loses_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"

    def jump(seconds: float) -> None:
        written = tmp_path / "clock.new"
        written.write_text(str(seconds))
        written.replace(clock)

    jump(0)
    with Daemon(tmp_path, prelude=JUMPING_CLOCK.format(path=str(clock))) as daemon, daemon.connect() as ann:
        ann.join("ann", "x")
        receipts = [ann.send("session:ann", 0), ann.send("session:ann", 1, ttl_s=60)]
        jump(-86_400)
        receipts += [ann.send("session:ann", 2), ann.send("session:ann", 3, ttl_s=60)]
        assert [receipt["seq"] for receipt in receipts] == [1, 2, 3, 4]
        envelopes = ann.receive()
        assert payloads(envelopes) == [0, 1, 2, 3]
        assert envelopes[2]["sent_at"] < envelopes[1]["sent_at"]
        assert [entry["envelope"]["seq"] for entry in ann.ask("message.list", order="oldest")["entries"]] == [
            1,
            2,
            3,
            4,
        ]
        status = ann.ask("daemon.status")
        assert 0 <= status["uptime_s"] < 60
        daemon.restart()
        again = daemon.connect("ann")
        assert again.send("session:ann", 4)["seq"] == 5
        assert payloads(again.receive()) == [0, 1, 2, 3, 4]
        assert again.ask("session.get")["tags"] == ["x"]
        jump(86_400)
        until(lambda: again.ask("session.get")["unread"] == 3)
        assert payloads(daemon.connect("ann").receive()) == [0, 2, 4]
        jump(-30 * 86_400)
        assert again.ask("message.ack", up_to=5)["acked"] == 3
        assert again.send("session:ann", 5)["seq"] == 6
