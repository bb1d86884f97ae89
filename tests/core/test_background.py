"""Work that goes on by itself."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from fugue_core.background import Background


async def test_what_runs_is_kept_until_it_has_ended() -> None:
    background, go, done = Background(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    background.run(work())
    gc.collect()
    assert background
    go.set()
    await done.wait()
    await asyncio.sleep(0)
    assert not background


async def test_what_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    background, failed = Background(), asyncio.Event()

    async def work() -> None:
        failed.set()
        raise RuntimeError("our own bug")

    background.run(work())
    await failed.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "our own bug" in caplog.text


async def test_what_is_cancelled_has_ended_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    background, ended = Background(), []

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    for number in range(3):
        background.run(work(number))
    await asyncio.sleep(0)
    await background.cancel()
    assert sorted(ended) == [0, 1, 2]
    assert not caplog.records
