from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

import fugue_core
from fugue_core import Client, OrchestrationMessage, connect
from fugue_core.daemon import server as server_module
from fugue_core.daemon.config import Config
from fugue_core.daemon.local import LocalDaemon
from fugue_core.daemon.programs import ProgramHost
from fugue_core.daemon.server import RETENTION_BATCH, locked, running, serve
from fugue_core.errors import DaemonUnavailable, StoreUnavailable
from fugue_core.limits import Limits
from fugue_core.protocol.requests import DaemonStatus, EndSession
from tests.core.world import World, eventually

CHECKPOINT_BYTES = 200_000
NOTE = OrchestrationMessage("note", "." * 1000)


def store_with(directory: Path, *, acked: int = 0, unread: int = 0, seconds_ago: float = 0.0) -> None:
    """Leave a store behind as a daemon would that ran some time ago."""
    world = World(directory)
    world.clock.now = time.time() - seconds_ago
    ann = world.join("ann")
    world.join("bob")
    for number in range(acked):
        world.send(ann, "session:ann", number)
    world.ack(ann, up_to=acked)
    for number in range(unread):
        world.send(ann, "session:bob", number)
    world.turn()
    world.close()


def size_bytes(path: Path) -> int:
    return path.stat().st_size


def is_there(path: Path | str) -> bool:
    return Path(path).exists()


def daemon_at(directory: Path, **limits: Any) -> LocalDaemon:
    return LocalDaemon(str(directory), Config(limits=Limits(**limits)))


async def messages_in(client: Client) -> int:
    return (await client.status()).messages


async def until_messages(client: Client, count: int) -> None:
    """Wait for retention to have left so many."""
    left: list[int] = []

    async def look() -> None:
        while (messages := await messages_in(client)) != count:
            left.append(messages)

    try:
        await asyncio.wait_for(look(), 20)
    except TimeoutError:
        raise AssertionError(f"{left[-1]} are left, not {count}") from None


# ----------------------------------------------------------------------------------------------------------- locks


def test_a_lock_is_held_by_one_and_says_by_whom(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locked(path, "/run/first.sock"):
        with pytest.raises(DaemonUnavailable) as caught, locked(path, "/run/second.sock"):
            pass
        assert caught.value.socket_path == "/run/second.sock"
        assert f"{path} is held by daemon {os.getpid()} at /run/first.sock" in str(caught.value)
    with locked(path, "/run/second.sock"):
        pass


def test_a_lock_that_a_crash_left_behind_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("daemon 4711 at /run/first.sock\n" * 100)
    with locked(str(path), "/run/second.sock"):
        assert path.read_text() == f"daemon {os.getpid()} at /run/second.sock\n"


async def test_one_daemon_on_one_state_directory(tmp_path: Path) -> None:
    async with running("first", str(tmp_path), Config(), ProgramHost.local(str(tmp_path))):
        with pytest.raises(DaemonUnavailable, match="is held by daemon"):
            async with running("second", str(tmp_path), Config(), ProgramHost.local(str(tmp_path))):
                pass
    async with running("second", str(tmp_path), Config(), ProgramHost.local(str(tmp_path))):
        pass


async def test_one_daemon_at_one_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with serve(path, str(tmp_path / "first"), Config()):
        with pytest.raises(DaemonUnavailable, match=r"s\.lock is held by daemon"):
            async with serve(path, str(tmp_path / "second"), Config()):
                pass
        assert not is_there(tmp_path / "second")
        async with connect(path, start=False) as client:
            await client.ping()


async def test_a_daemon_that_could_not_start_leaves_nothing_locked_and_no_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    (tmp_path / "state").write_text("no directory")
    with pytest.raises(StoreUnavailable, match="state"):
        async with serve(path, str(tmp_path / "state"), Config()):
            pass
    assert not is_there(path)
    async with serve(path, str(tmp_path / "other"), Config()):
        pass
    assert not is_there(path)


async def test_a_stale_socket_is_replaced_and_a_new_one_is_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "s"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text("left behind")
    before = os.umask(0)
    try:
        async with serve(str(path), str(tmp_path / "state"), Config()), connect(str(path), start=False) as client:
            await client.ping()
            assert path.stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
            assert os.umask(0) == 0
    finally:
        os.umask(before)


# -------------------------------------------------------------------------------------------------------- retention


async def test_what_is_too_much_is_removed_in_batches_and_what_is_unread_stays(tmp_path: Path) -> None:
    store_with(tmp_path, acked=2 * RETENTION_BATCH + 100, unread=50)
    async with daemon_at(tmp_path, retention_messages=10) as daemon, connect(daemon, session="bob") as bob:
        await until_messages(bob, 50)
        received = await bob.receive()
        assert [envelope.message.payload for envelope in received.envelopes] == list(range(50))


async def test_what_is_too_old_is_removed_and_what_is_unread_stays(tmp_path: Path) -> None:
    store_with(tmp_path, acked=20, unread=5, seconds_ago=100)
    async with daemon_at(tmp_path, retention_s=50) as daemon, connect(daemon) as client:
        await until_messages(client, 5)


async def test_what_is_young_and_little_stays(tmp_path: Path) -> None:
    store_with(tmp_path, acked=20, unread=5, seconds_ago=10)
    async with daemon_at(tmp_path, retention_s=50, retention_messages=25) as daemon, connect(daemon) as client:
        await client.ping()
        assert await messages_in(client) == 25


async def test_retention_goes_on_in_one_chain_of_batches_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "TICK_S", 0.001)
    monkeypatch.setattr(server_module, "RETENTION_BATCH", 10)
    monkeypatch.setattr(server_module, "RETENTION_PAUSE_S", 0.02)
    store_with(tmp_path, acked=301)
    async with daemon_at(tmp_path, retention_messages=1) as daemon, connect(daemon) as client:
        started = time.monotonic()
        await until_messages(client, 1)
        assert (
            time.monotonic() - started > 25 * 0.02
        )  # thirty batches with a pause before each, whatever ticks meanwhile


async def test_retention_begins_again_where_the_disk_refused_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "TICK_S", 0.01)
    monkeypatch.setattr(server_module, "RETENTION_S", 0.05)
    monkeypatch.setattr(server_module, "RETENTION_BATCH", 8)
    store_with(tmp_path, acked=20)
    async with daemon_at(tmp_path, retention_messages=1) as daemon:
        assert daemon.server is not None
        calls = 0
        retain = daemon.server._store.retain

        def refused_twice(before_seq: int, older_than: float, batch: int, start_seq: int) -> int | None:
            nonlocal calls
            calls += 1
            if calls in {1, 3}:  # the first batch, and the one after the first that succeeds
                raise StoreUnavailable("for a test")
            return retain(before_seq, older_than, batch, start_seq)

        monkeypatch.setattr(daemon.server._store, "retain", refused_twice)
        async with connect(daemon) as client:
            await until_messages(client, 1)
    assert caplog.text.count("for a test") == 2


async def test_a_daemon_that_ends_while_it_removes_leaves_no_errand_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "RETENTION_BATCH", 5)
    store_with(tmp_path, acked=100)
    async with daemon_at(tmp_path, retention_messages=1) as daemon, connect(daemon) as client:
        before = await messages_in(client)
        while await messages_in(client) == before:
            pass
    await asyncio.sleep(2 * server_module.RETENTION_PAUSE_S)  # when the next batch would have come
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_sessions_that_nobody_needs_any_more_are_forgotten_at_the_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.now = time.time() - 100
    for number in range(3):
        world.ask(world.join(f"s{number}"), EndSession())
    world.turn()
    world.close()
    async with daemon_at(tmp_path, retention_s=50) as daemon:
        assert daemon.server is not None
        (count,) = daemon.server._store._database.execute("SELECT count(*) FROM session").fetchone()
        assert count == 1  # the last, after whose number the next begins


# ---------------------------------------------------------------------------------------------- the write-ahead log


@pytest.fixture
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "TICK_S", 0.01)
    monkeypatch.setattr(server_module, "WAL_CHECKPOINT_BYTES", CHECKPOINT_BYTES)


async def test_the_log_is_copied_into_the_file_while_the_daemon_goes_on(tmp_path: Path, short_log: None) -> None:
    async with daemon_at(tmp_path) as daemon, connect(daemon) as client:
        await client.join("ann")
        await client.send_many([("session:ann", NOTE)] * 500)
        await eventually(lambda: size_bytes(tmp_path / "messages.db") > 400_000)
        assert len((await client.receive(limit=1000)).envelopes) == 500
        log_bytes = size_bytes(tmp_path / "messages.db-wal")
        for _ in range(5):
            await client.send_many([("session:ann", NOTE)] * 200)
            await eventually(lambda: daemon.server is not None and daemon.server._checkpoint is None)
        assert size_bytes(tmp_path / "messages.db-wal") < 5 * log_bytes


async def test_a_log_that_has_been_copied_is_not_copied_again_until_something_comes(
    tmp_path: Path, short_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with daemon_at(tmp_path) as daemon, connect(daemon) as client:
        assert daemon.server is not None
        copies = 0
        checkpoint = daemon.server._history.checkpoint

        def counted() -> None:
            nonlocal copies
            copies += 1
            checkpoint()

        monkeypatch.setattr(daemon.server._history, "checkpoint", counted)
        await client.join("ann")
        await client.send_many([("session:ann", NOTE)] * 500)
        await eventually(lambda: daemon.server is not None and copies > 0 and daemon.server._checkpoint is None)
        assert size_bytes(tmp_path / "messages.db-wal") > CHECKPOINT_BYTES
        so_far = copies
        for _ in range(5):
            ticks = daemon.server._timer
            await eventually(lambda before=ticks: daemon.server._timer is not before)  # type: ignore[misc]
        assert copies == so_far
        await client.send("session:ann", NOTE)
        await eventually(lambda: copies > so_far)


async def test_a_log_that_grows_too_large_is_emptied(
    tmp_path: Path, short_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "WAL_LIMIT_BYTES", 400_000)
    async with daemon_at(tmp_path) as daemon, connect(daemon) as client:
        await client.join("ann")
        await client.send_many([("session:ann", NOTE)] * 500)
        await eventually(lambda: size_bytes(tmp_path / "messages.db-wal") < 400_000)
        assert len((await client.receive(limit=1000)).envelopes) == 500


async def test_a_checkpoint_that_fails_is_noted_and_keeps_nobody_from_ending(
    tmp_path: Path, short_log: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with daemon_at(tmp_path) as daemon, connect(daemon) as client:
        assert daemon.server is not None

        def refuse() -> None:
            raise StoreUnavailable("for a test")

        monkeypatch.setattr(daemon.server._history, "checkpoint", refuse)
        await client.join("ann")
        await client.send_many([("session:ann", NOTE)] * 500)
        said = "checkpoint: the store cannot write: for a test"
        await eventually(lambda: caplog.text.count(said) >= 3)  # it is tried again and again
        await eventually(lambda: daemon.server is not None and daemon.server._checkpoint is not None)
    assert "Traceback" not in caplog.text


# ----------------------------------------------------------------------------------------------------------- status


async def test_status_is_made_of_what_is(tmp_path: Path) -> None:
    store_with(tmp_path, acked=3, unread=2)
    async with daemon_at(tmp_path) as daemon, connect(daemon, session="bob") as bob, connect(daemon) as other:
        await other.subscribe()
        status = await bob.status()
    assert isinstance(status, DaemonStatus)
    assert (status.version, status.pid, status.socket) == (fugue_core.__version__, os.getpid(), "in-process")
    assert (status.sessions, status.connections, status.subscribers) == (2, 2, 1)
    assert (status.messages, status.last_seq, status.unacked) == (5, 5, 2)
    assert 0 <= status.uptime_s < 20
    assert status.memory_bytes > 1_000_000
    assert status.store.size_bytes >= (tmp_path / "messages.db").stat().st_size > 0
