"""How long one durable send takes, from asking to its receipt, beside an echo over the same transport.

Twice: with `Client.send` at both ends of the comparison (fugue's client against the daemon, and against the echo of
`echo.py`), and with a bare client that writes a line made beforehand and waits for a line, so that nothing of the
client's own is in it. `ping` is the daemon without its store. One request at a time; the connection stands already.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from statistics import quantiles

import msgspec
from echo import serve
from figure import Figure, Goal, Rounds, alternate_async, compare, run_as_script
from peer import fugue_daemon, scratch

import fugue_core
from fugue_core import OrchestrationMessage, Session
from fugue_core.identifier import new_id

TEXT = "x" * 98
BLOCK = 200
"""Round trips in a row before the next contender has its turn."""

Ask = Callable[[], Awaitable[object]]


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return p50 and p99 of a durable send beside those of an echo."""
    with scratch() as directory:
        return asyncio.run(_measure(directory, 5 if is_quick else 31))


async def _measure(directory: str, rounds: int) -> list[Figure]:
    async with contextlib.AsyncExitStack() as stack:
        socket_path = stack.enter_context(fugue_daemon(directory))
        echo_path = stack.enter_context(_echo(directory))
        receiver = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
        session = await receiver.join("receiver")
        client = await stack.enter_async_context(fugue_core.connect(socket_path, start=False))
        await client.join("sender")
        echo_client = await stack.enter_async_context(fugue_core.connect(echo_path, start=False))
        bare = await stack.enter_async_context(_bare_client(socket_path))
        bare_echo = await stack.enter_async_context(_bare_client(echo_path))
        await bare.greet("sender")
        await bare_echo.greet("sender")
        target = Session(session.id)
        message = OrchestrationMessage("bench.round_trip", TEXT)
        found = await _measure_all(
            {
                "send": lambda: client.send(target, message),
                "echo": lambda: echo_client.send(target, message),
                "bare send": lambda: bare.send(str(session.id)),
                "bare echo": lambda: bare_echo.send(str(session.id)),
                "ping": client.ping,
            },
            rounds,
        )
    figures = []
    for quantile, rounds_of in found.items():
        goal = Goal(2.0, is_least=False) if quantile == "p50" else None
        what = f"round trip of a durable send, {quantile}"
        figures += compare(what, rounds_of, "us", fugue="send", peers=["echo"], goal=goal)
        figures += compare(what, rounds_of, "us", fugue="send", peers=["ping"])
        figures += compare(f"{what}, bare client", rounds_of, "us", fugue="bare send", peers=["bare echo"], goal=goal)
    return figures


async def _measure_all(asks: dict[str, Ask], rounds: int) -> dict[str, Rounds]:
    """Return for p50 and p99 what each contender took, in microseconds, round by round."""
    p99s: dict[str, list[float]] = {name: [] for name in asks}

    def block(name: str, ask: Ask) -> Callable[[], Awaitable[float]]:
        async def turn() -> float:
            took_us = []
            for _ in range(BLOCK):
                began = time.perf_counter()
                await ask()
                took_us.append((time.perf_counter() - began) * 1e6)
            cuts = quantiles(took_us, n=100)
            p99s[name].append(cuts[98])
            return cuts[49]

        return turn

    p50s = await alternate_async({name: block(name, ask) for name, ask in asks.items()}, rounds)
    return {"p50": p50s, "p99": {name: said[-rounds:] for name, said in p99s.items()}}


@contextlib.contextmanager
def _echo(directory: str) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    path = os.path.join(directory, "echo.sock")
    ready, ready_end = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(path, ready_end), daemon=True)
    process.start()
    ready_end.close()
    ready.recv()
    try:
        yield path
    finally:
        process.terminate()
        process.join()


class _Bare(asyncio.BufferedProtocol):
    """Write a line, wait for a line."""

    def __init__(self) -> None:
        self._view = memoryview(bytearray(64 * 1024))
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's suggestion
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if b'"error"' in bytes(self._view[:nbytes]):
            raise AssertionError(bytes(self._view[:nbytes]))
        if self._view[nbytes - 1] == ord("\n") and self._answer is not None:
            self._answer.set_result(None)

    async def greet(self, session: str) -> None:
        await self._ask(
            "hello",
            {"protocol": {"min": 2, "max": 2}, "client": {"name": "bare", "version": "0"}, "session": session},
        )

    def send(self, session: str) -> asyncio.Future[None]:
        line = (
            b'{"jsonrpc":"2.0","id":7,"method":"message.send","params":{"target":{"kind":"session","session":"%s"},'
            b'"message":{"msg_type":"bench.round_trip","payload":"%s"},"id":"%s"}}\n'
        ) % (session.encode(), TEXT.encode(), str(new_id()).encode())
        return self._write(line)

    def _ask(self, method: str, params: object) -> asyncio.Future[None]:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self._write(msgspec.json.encode(call) + b"\n")

    def _write(self, line: bytes) -> asyncio.Future[None]:
        assert self._transport is not None
        self._answer = self._loop.create_future()
        self._transport.write(line)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@contextlib.asynccontextmanager
async def _bare_client(socket_path: str) -> AsyncIterator[_Bare]:
    _, bare = await asyncio.get_running_loop().create_unix_connection(_Bare, socket_path)
    try:
        yield bare
    finally:
        bare.close()


if __name__ == "__main__":
    run_as_script(measure)
