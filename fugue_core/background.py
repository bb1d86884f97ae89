"""Work that goes on by itself, while nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Background:
    """Keep tasks from being collected while they run, and from failing unheard."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Whether anything runs."""
        return bool(self._tasks)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a task of the running loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def abandon(self) -> None:
        """Cancel all that runs, and leave it to end."""
        for task in self._tasks:
            task.cancel()

    async def cancel(self) -> None:
        """Cancel all that runs, and return when it has ended."""
        tasks = list(self._tasks)
        self.abandon()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)
