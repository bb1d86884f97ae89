from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from fugue_core.daemon.process import ProcessWatch
from fugue_core.protocol.session import SessionId
from fugue_core.terminal.program import process_start
from tests.core.world import eventually

ANN, BOB = SessionId(UUID(int=1)), SessionId(UUID(int=2))

has_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when it is killed, or its stdin is closed."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=-3) as child:
        yield child
        child.kill()


def start_of(pid: int) -> int:
    started = process_start(pid)
    assert started is not None
    return started


@has_proc
def test_a_process_began_when_the_kernel_says_so(child: subprocess.Popen[bytes]) -> None:
    assert start_of(child.pid) == start_of(child.pid) > 0
    assert start_of(child.pid) >= start_of(os.getpid())


def test_there_is_no_start_of_a_process_that_has_ended_even_where_nobody_has_noticed(
    child: subprocess.Popen[bytes],
) -> None:
    assert process_start(child.pid) is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is not reaped
    assert process_start(child.pid) is None
    child.wait()
    assert process_start(child.pid) is None


@has_proc
def test_a_process_may_be_called_anything(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=-3) as child:
        assert start_of(child.pid) >= start_of(os.getpid())
        child.kill()


def open_descriptors() -> list[str]:
    return sorted(os.listdir("/dev/fd"))


class Watched:
    """A watch, and whose processes it has reported."""

    def __init__(self) -> None:
        self.ended: list[SessionId] = []
        self.watch = ProcessWatch(self.ended.append)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    watched = Watched()
    yield watched
    watched.watch.close()


async def test_the_end_of_a_process_is_reported_once(watched: Watched, child: subprocess.Popen[bytes]) -> None:
    watched.watch.watch({ANN: (child.pid, start_of(child.pid))})
    assert watched.ended == []
    child.kill()
    await eventually(lambda: watched.ended == [ANN])
    watched.watch.watch({})
    assert watched.ended == [ANN]


async def test_several_sessions_may_live_for_one_process(watched: Watched, child: subprocess.Popen[bytes]) -> None:
    began = (child.pid, start_of(child.pid))
    watched.watch.watch({ANN: began, BOB: began})
    child.kill()
    await eventually(lambda: sorted(watched.ended) == [ANN, BOB])


async def test_a_process_that_has_ended_before_is_reported_each_time_until_somebody_acts_on_it(
    watched: Watched, child: subprocess.Popen[bytes]
) -> None:
    began = (child.pid, start_of(child.pid))
    child.kill()
    child.wait()
    watched.watch.watch({ANN: began})
    watched.watch.watch({ANN: began})
    assert watched.ended == [ANN, ANN]


async def test_another_process_under_the_same_id_is_not_taken_for_it(
    watched: Watched, child: subprocess.Popen[bytes]
) -> None:
    watched.watch.watch({ANN: (child.pid, start_of(child.pid) + 1), BOB: (child.pid, start_of(child.pid))})
    assert watched.ended == [ANN]


async def test_who_is_no_longer_to_be_watched_is_not_reported(watched: Watched, child: subprocess.Popen[bytes]) -> None:
    began = (child.pid, start_of(child.pid))
    watched.watch.watch({ANN: began, BOB: began})
    watched.watch.watch({BOB: began})
    child.kill()
    await eventually(lambda: watched.ended == [BOB])


async def test_who_lives_for_another_process_from_now_on_is_watched_for_that(
    watched: Watched, child: subprocess.Popen[bytes]
) -> None:
    watched.watch.watch({ANN: (os.getpid(), start_of(os.getpid()))})
    watched.watch.watch({ANN: (child.pid, start_of(child.pid))})
    child.kill()
    await eventually(lambda: watched.ended == [ANN])


async def test_closing_leaves_no_descriptor_open(child: subprocess.Popen[bytes]) -> None:
    before = open_descriptors()
    watch = ProcessWatch(lambda _: None)
    began = (child.pid, start_of(child.pid))
    for watched in ({ANN: began}, {ANN: began}, {ANN: began, BOB: began}, {BOB: began}, {ANN: began, BOB: began}):
        watch.watch(watched)
        assert len(open_descriptors()) <= len(before) + 1
    watch.close()
    assert open_descriptors() == before


async def test_where_there_are_no_pidfds_looking_again_finds_it(
    watched: Watched, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    began = (child.pid, start_of(child.pid))
    watched.watch.watch({ANN: began})
    child.kill()
    child.wait()
    watched.watch.watch({ANN: began})
    assert watched.ended == [ANN]
