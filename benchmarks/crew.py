"""Receivers in processes of their own, which say when they have everything of a round."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

PATIENCE_S = 60.0

Work: TypeAlias = Callable[..., None]
"""Called in a process of its own with a `Tally` and the arguments; never returns."""


class Tally:
    """Count what the clients of one process receive, and report each round that all of them have whole.

    A client's rounds cannot overlap: the next one begins when all have reported.
    """

    def __init__(self, pipe: Connection, clients: int, each: int) -> None:
        self._pipe = pipe
        self._clients = clients
        self._each = each
        self._received = [0] * clients
        self._missing = clients

    def ready(self) -> None:
        """Say that every client has subscribed."""
        self._pipe.send(time.monotonic())

    def add(self, client: int, count: int) -> None:
        """Note that a client has received so many more."""
        received = self._received[client] = self._received[client] + count
        if received >= self._each:
            if received > self._each:
                raise AssertionError(f"{received:,} came where {self._each:,} were sent")
            self._received[client] = 0
            self._missing -= 1
            if not self._missing:
                self._missing = self._clients
                self._pipe.send(time.monotonic())


class Crew:
    """The processes that receive for one contender."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    async def finished_at(self) -> float:
        """Wait until every process has reported; return the time of the last one, by the monotonic clock."""
        return max([await asyncio.to_thread(_report, pipe) for pipe in self._pipes])


@contextlib.contextmanager
def crew(work: Work, processes: int, clients: int, each: int, *arguments: Any) -> Iterator[Crew]:
    """Run `work(tally, first, clients, *arguments)` in so many processes; `first` is the number of its first client.

    Args:
        work: What each process does.
        processes: How many there are.
        clients: How many clients each of them has.
        each: How many messages each client is sent in a round.
        arguments: What else it is told.
    """
    context = multiprocessing.get_context("spawn")
    started = []
    pipes = []
    try:
        for number in range(processes):
            pipe, end = context.Pipe(duplex=False)
            process = context.Process(
                target=_run, args=(work, (end, clients, each), (number * clients, clients, *arguments)), daemon=True
            )
            process.start()
            end.close()
            started.append(process)
            pipes.append(pipe)
        for pipe in pipes:
            _report(pipe)
        yield Crew(pipes)
    finally:
        for process in started:
            process.terminate()
            process.join()


def _run(work: Work, tally: tuple[Connection, int, int], arguments: tuple[Any, ...]) -> None:
    work(Tally(*tally), *arguments)


def _report(pipe: Connection) -> float:
    if not pipe.poll(PATIENCE_S):
        raise TimeoutError("a receiver did not get everything")
    said: float = pipe.recv()
    return said
