from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fugue_core.client.link import READ_BYTES, Link, SocketOpener


class Recorder:
    """Who is told what comes over a link, and how it ends."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.reasons: list[str] = []
        self.told = asyncio.Event()

    def take_lines(self, block: bytes) -> None:
        assert not self.reasons
        assert block.endswith(b"\n")
        self.blocks.append(block)
        self.told.set()

    def lose(self, reason: str) -> None:
        self.reasons.append(reason)
        self.told.set()

    async def read(self, size_bytes: int) -> bytes:
        while sum(map(len, self.blocks)) < size_bytes:
            self.told.clear()
            await asyncio.wait_for(self.told.wait(), 10)
        return b"".join(self.blocks)

    async def end(self) -> str:
        while not self.reasons:
            self.told.clear()
            await asyncio.wait_for(self.told.wait(), 10)
        (reason,) = self.reasons
        return reason


class Far:
    """The far end of a link."""

    def __init__(self) -> None:
        self.ends: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.ends.put((reader, writer))

    async def connect(self, path: str, recorder: Recorder) -> tuple[Link, asyncio.StreamReader, asyncio.StreamWriter]:
        link = await SocketOpener(path, start=False).open_link(recorder)
        reader, writer = await asyncio.wait_for(self.ends.get(), 10)
        return link, reader, writer


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s")


@pytest.fixture
async def far(path: str) -> AsyncIterator[Far]:
    far = Far()
    async with await asyncio.start_unix_server(far.accept, path):
        yield far


async def test_whole_lines_come_however_they_were_cut_up(far: Far, path: str) -> None:
    recorder = Recorder()
    link, _, writer = await far.connect(path, recorder)
    for piece in (b"on", b"e\ntw", b"o\nthree\n", b"fo"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    assert await recorder.read(14) == b"one\ntwo\nthree\n"
    link.close()
    writer.close()
    await writer.wait_closed()


async def test_a_line_of_any_length_comes(far: Far, path: str) -> None:
    recorder = Recorder()
    link, _, writer = await far.connect(path, recorder)
    line = b"x" * (5 * READ_BYTES) + b"\n"
    writer.write(line)
    assert await recorder.read(len(line)) == line
    link.close()
    writer.close()
    await writer.wait_closed()


async def test_what_is_written_arrives_before_it_is_closed(far: Far, path: str) -> None:
    recorder = Recorder()
    link, reader, writer = await far.connect(path, recorder)
    link.write(b"one\n")
    link.write(b"two\n" * 500_000)
    link.close()
    link.close()
    assert len(await reader.read(-1)) == 4 + 4 * 500_000
    assert await recorder.end() == "the daemon closed it"
    writer.close()
    await writer.wait_closed()


async def test_the_end_is_told_once_with_why(far: Far, path: str) -> None:
    recorder = Recorder()
    link, _, writer = await far.connect(path, recorder)
    writer.close()
    await writer.wait_closed()
    assert await recorder.end() == "the daemon closed it"
    link.write(b"in vain\n")
    link.close()
    await asyncio.sleep(0)
    assert len(recorder.reasons) == 1


async def test_where_nobody_listens_and_none_is_to_be_started_the_system_says_so(path: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await SocketOpener(path, start=False).open_link(Recorder())
    async with await asyncio.start_unix_server(Far().accept, path):
        pass
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        await SocketOpener(path, start=False).open_link(Recorder())
