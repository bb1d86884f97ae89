"""A daemon inside a process ends with it, however that ends: nothing of it runs on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.daemon import PATIENCE_S, ROOT, is_alive, until

EMBEDDING = """
import asyncio, sys
from fugue_core import connect
from fugue_core.daemon.local import LocalDaemon

async def main():
    async with LocalDaemon(sys.argv[1]) as daemon, connect(daemon) as client:
        await client.windows.new_session(("sh", "-c", "sleep 1000 & exec sleep 1000"), name="cat")
        (window,) = await client.windows.list("cat")
        print(window.pid, (await client.status()).keeper_pid, flush=True)
        await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_programs_and_keeper_end_with_a_process_that_is_killed(tmp_path: Path, number: int) -> None:
    embedding = subprocess.Popen(
        [sys.executable, "-c", EMBEDDING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with embedding:
        assert embedding.stdout is not None
        program, keeper = map(int, embedding.stdout.readline().split())
        assert is_alive(program)
        assert is_alive(keeper)
        embedding.send_signal(number)
        embedding.wait(PATIENCE_S)
    until(lambda: not is_alive(program) and not is_alive(keeper))
