from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from fugue_core import DaemonUnavailable, OrchestrationMessage, connect
from fugue_core.daemon.config import Config
from fugue_core.daemon.local import LocalDaemon
from fugue_core.limits import Limits
from tests.core.world import eventually

NOTE = OrchestrationMessage("note", 1)


async def test_it_carries_messages_without_a_socket_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with LocalDaemon() as daemon, connect(daemon) as ann, connect(daemon) as bob:
        await ann.join("ann")
        await bob.join("bob")
        await ann.send("session:bob", NOTE)
        assert [envelope.message for envelope in (await bob.receive()).envelopes] == [NOTE]
        (directory,) = os.listdir(tmp_path)
        assert sorted(os.listdir(tmp_path / directory))[:2] == ["lock", "messages.db"]
    assert os.listdir(tmp_path) == []


async def test_what_has_a_directory_is_there_again(tmp_path: Path) -> None:
    async with LocalDaemon(str(tmp_path)) as daemon, connect(daemon) as ann:
        await ann.join("ann", tags=["x"])
        await ann.send("session:ann", NOTE)
    async with LocalDaemon(str(tmp_path)) as daemon, connect(daemon, session="ann") as ann:
        assert ann.session is not None
        assert (ann.session.tags, ann.session.unread) == (("x",), 1)


async def test_a_daemon_may_be_entered_again(tmp_path: Path) -> None:
    daemon = LocalDaemon(str(tmp_path))
    for _ in range(2):
        async with daemon, connect(daemon) as client:
            await client.ping()


async def test_after_its_end_nobody_answers() -> None:
    daemon = LocalDaemon()
    async with daemon, connect(daemon) as client:
        await client.ping()
    with pytest.raises(DaemonUnavailable, match="the daemon has ended"):
        async with connect(daemon):
            pass


async def test_two_on_one_directory_are_one_too_many(tmp_path: Path) -> None:
    async with LocalDaemon(str(tmp_path)):
        with pytest.raises(DaemonUnavailable, match="is held by daemon"):
            async with LocalDaemon(str(tmp_path)):
                pass


class Recorder:
    """Who is told what comes over a link."""

    def __init__(self) -> None:
        self.lines = b""

    def take_lines(self, block: bytes) -> None:
        self.lines += block

    def lose(self, reason: str) -> None:
        raise AssertionError(reason)


async def test_lines_are_cut_and_bounded_as_over_a_socket() -> None:
    async with LocalDaemon(config=Config(limits=Limits(line_bytes=1500))) as daemon:
        recorder = Recorder()
        link = await daemon.open_link(recorder)
        for piece in (b"x" * 1000, b"x" * 1000, b'\n{"jsonrpc": "2.0", "id": 7, "meth', b'od": "ping"}\n'):
            link.write(piece)
        await eventually(lambda: recorder.lines.count(b"\n") == 2)
        assert b"LineTooLong" in recorder.lines
        assert b'"id":7' in recorder.lines


async def test_who_leaves_is_let_go() -> None:
    async with LocalDaemon() as daemon, connect(daemon) as client:
        async with connect(daemon) as other:
            await other.ping()
            assert (await client.status()).connections == 2
        assert daemon.server is not None
        server = daemon.server
        await eventually(lambda: server.switchboard.connection_count == 1)
