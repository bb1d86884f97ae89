"""A page of history out of 1,000,000 stored messages (`--quick`: 100,000), asked of the daemon by a client.

The first page (100 messages, newest first) for each kind of filter, from asking to having it decoded: p50 and p99 of up
to 200 times, or of as many as come in a few seconds, one after the other. What fits often is found near the end. What
fits never is looked for in every message: that is the worst case, and while it runs, `ping` goes on another
connection, beside `ping` while nothing runs. And how long the daemon takes to start on this file, from being called to
being ready, beside one that has nothing stored.

The file is as `stored.py` writes it. It has just been written, so the system has most of it in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from statistics import quantiles

from figure import Figure, alternate, alternate_async, compare, run_as_script
from peer import SOCKET, fugue_home, running_fugue, scratch
from stored import FREQUENT_WORD, fill

import fugue_core
from fugue_core.store import SqliteStore

MESSAGES = 1_000_000
FILTERS = {
    "no filter": "",
    "from:": "from:worker-21",
    "to:": "to:worker-34",
    "type:": "type:review.done",
    "type: with *": "type:gas_town.*",
    "tag:": "tag:team-7",
    "state:": "state:queued",
    "repo:": "repo:project-3",
    "text found often": FREQUENT_WORD,
    "text found never": "found-nowhere",
    "type: found never": "type:found.nowhere",
}
BEFORE_THE_MIDDLE = "no filter, before the middle"
WHOLE_FILE = "text found never"
ASKED_AT_MOST = 200
QUIET_S = 0.5


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return what pages, starts and pings beside a search take."""
    messages = MESSAGES // 10 if is_quick else MESSAGES
    with scratch() as directory:
        homes = {"fugue": _home(directory, "full", messages), "nothing stored": _home(directory, "empty", 0)}
        starts = {name: _start(home) for name, home in homes.items()}
        what = f"start of the daemon, {messages:,} messages stored"
        figures = compare(what, alternate(starts, 3 if is_quick else 7), "ms", peers=["nothing stored"])
        socket_path = os.path.join(homes["fugue"], SOCKET)
        with running_fugue(homes["fugue"], socket_path):
            figures += asyncio.run(_pages(socket_path, messages, 1.0 if is_quick else 5.0))
            figures += asyncio.run(_pings(socket_path, 3 if is_quick else 11))
    return figures


def _home(directory: str, name: str, messages: int) -> str:
    home = fugue_home(os.path.join(directory, name))
    state_dir = os.path.join(home, "fugue", SOCKET.removesuffix(".sock"))
    os.makedirs(state_dir, mode=0o700)
    with contextlib.closing(SqliteStore(os.path.join(state_dir, "messages.db"))) as store:
        fill(store, messages)
    return home


def _start(home: str) -> Callable[[], float]:
    def turn() -> float:
        began = time.perf_counter()
        with running_fugue(home, os.path.join(home, SOCKET)):
            return (time.perf_counter() - began) * 1e3

    return turn


async def _pages(socket_path: str, messages: int, budget_s: float) -> list[Figure]:
    """Return p50 and p99 of a page of each kind."""
    figures = []
    async with fugue_core.connect(socket_path, start=False) as client:
        for name, words in FILTERS.items():
            took_ms = await _ask_often(client, words, None, budget_s)
            figures += _two_figures(f"history of {messages:,}, {name}", took_ms)
        took_ms = await _ask_often(client, "", messages // 2, budget_s)
        figures += _two_figures(f"history of {messages:,}, {BEFORE_THE_MIDDLE}", took_ms)
    return figures


async def _ask_often(client: fugue_core.Client, words: str, before: int | None, budget_s: float) -> list[float]:
    is_found = "nowhere" not in words
    took_ms: list[float] = []
    until = time.perf_counter() + budget_s
    while len(took_ms) < 5 or (len(took_ms) < ASKED_AT_MOST and time.perf_counter() < until):
        began = time.perf_counter()
        page = await client.list_messages(words, before=before)
        took_ms.append((time.perf_counter() - began) * 1e3)
        if bool(page.entries) is not is_found:
            raise AssertionError(f"{words}: {len(page.entries)} found")
    return took_ms


def _two_figures(what: str, took_ms: Sequence[float]) -> list[Figure]:
    p50, p99 = _p50_and_p99(took_ms)
    few = f"asked {len(took_ms)} times, so that p99 is hardly more than the slowest" if len(took_ms) < 100 else ""
    return [
        Figure(what=f"{what}, p50", value=p50, unit="ms"),
        Figure(what=f"{what}, p99", value=p99, unit="ms", note=few),
    ]


async def _pings(socket_path: str, rounds: int) -> list[Figure]:
    """Return p50 and p99 of a ping while the daemon looks through everything, beside those while it does nothing."""
    p99s: dict[str, list[float]] = {"fugue": [], "no search": []}
    async with (
        fugue_core.connect(socket_path, start=False) as client,
        fugue_core.connect(socket_path, start=False) as searcher,
    ):

        async def quiet() -> float:
            return await ping_until("no search", asyncio.create_task(asyncio.sleep(QUIET_S)))

        async def searching() -> float:
            return await ping_until("fugue", asyncio.create_task(searcher.list_messages(FILTERS[WHOLE_FILE])))

        async def ping_until(name: str, other: asyncio.Task[object]) -> float:
            await asyncio.sleep(0)  # let it begin
            took_us: list[float] = []
            while not other.done() or len(took_us) < 2:
                began = time.perf_counter()
                await client.ping()
                took_us.append((time.perf_counter() - began) * 1e6)
            await other
            p50, p99 = _p50_and_p99(took_us)
            p99s[name].append(p99)
            return p50

        p50s = await alternate_async({"fugue": searching, "no search": quiet}, rounds)
    what = "ping while a search looks through everything"
    return [
        *compare(f"{what}, p50", p50s, "us", peers=["no search"]),
        *compare(f"{what}, p99", {name: said[-rounds:] for name, said in p99s.items()}, "us", peers=["no search"]),
    ]


def _p50_and_p99(took: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(took, n=100, method="inclusive")
    return cuts[49], cuts[98]


if __name__ == "__main__":
    run_as_script(measure)
