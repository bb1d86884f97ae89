"""What somebody who looks at a window is told, from the first frame on."""

from __future__ import annotations

import asyncio

from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol.window import WindowFrame

PATIENCE_S = 30.0


async def test_the_first_frame_has_the_whole_screen_also_where_the_viewer_changes_its_size() -> None:
    async with LocalDaemon() as daemon, connect(daemon) as client, asyncio.timeout(PATIENCE_S):
        await client.windows.new_session(["sh", "-c", "echo hello; exec cat"], name="cat-1")
        while "hello" not in (await client.windows.capture("cat-1")).text:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0)
        view = await client.windows.attach("cat-1", form="cells", size=(93, 38))
        first = await anext(view)
        assert isinstance(first, WindowFrame)
        assert first.is_anew
        assert (first.cols, first.rows) == (93, 38)
        assert first.lines[0][1][0].text == "hello"
