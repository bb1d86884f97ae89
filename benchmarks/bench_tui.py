"""The screen, headless in this process, at 120 x 40: how soon it is there, how smooth it is, how much memory it takes.

first frame   a fresh interpreter up to the first frame of `fugue`, beside a Textual app of one empty `Static`
cold start    the same up to a log with messages, from a daemon with 50 sessions and 100,000 stored messages
frames, keys  a sender in another process, a daemon in a third; frames that were drawn a second, and the time from a
              key press to the frame that shows what came of it
memory        what 200 pages of a history of 1,000,000 messages add to the process, scrolled back one by one
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median, quantiles

from figure import Figure, Goal, alternate, compare, run_as_script
from peer import SOCKET, fugue_home, running_fugue, scratch
from stored import fill
from textual import events

import fugue_core
from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client.link import SocketOpener
from fugue_core.store import SqliteStore
from fugue_tui.app import FugueApp

SIZE = (120, 40)
RATES = (100, 1_000, 10_000)
BURST_S = 0.02
KEY_EVERY_S = 0.1
POLL_S = 0.001
SCROLLED_PAGES = 200

FIRST_FRAME = """
import asyncio, sys
from textual.app import App
{make}
async def main():
    async with app.run_test(size=(120, 40)) as pilot:
        {wait}
asyncio.run(main())
"""
MINIMAL = """
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("")
app = Minimal()
"""
FUGUE = """
from fugue_core.client.link import SocketOpener
from fugue_tui.app import FugueApp
app = FugueApp(SocketOpener({socket!r}, start=False))
"""
UNTIL_MESSAGES = """
        while not app.message_log.count:  # noqa: ASYNC110  # the app is watched from outside
            await asyncio.sleep(0.002)
        await pilot.pause()
"""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return all figures."""
    figures: list[Figure] = []
    with scratch() as directory:
        figures += _starts(directory, rounds=3 if is_quick else 9)
        for rate in RATES:
            figures += asyncio.run(_smoothness(directory, rate, seconds=3.0 if is_quick else 10.0))
        figures.append(asyncio.run(_memory(directory, 50_000 if is_quick else 1_000_000)))
    return figures


def _starts(directory: str, rounds: int) -> list[Figure]:
    def run(make: str, wait: str = "pass") -> float:
        began = time.perf_counter()
        program = FIRST_FRAME.format(make=make, wait=wait)
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        return (time.perf_counter() - began) * 1e3

    with _daemon(directory, "starts", 100_000) as socket_path:
        fugue = FUGUE.format(socket=socket_path)
        found = alternate({"fugue": lambda: run(fugue), "Textual": lambda: run(MINIMAL)}, rounds)
        cold = [run(fugue, UNTIL_MESSAGES) for _ in range(rounds)]
    goal = Goal(1.5, is_least=False)
    return [
        *compare("first frame, whole process", found, "ms", peers=["Textual"], goal=goal),
        Figure(what="cold start with 100,000 stored messages", value=median(cold), unit="ms"),
    ]


@contextlib.contextmanager
def _daemon(directory: str, name: str, messages: int = 0) -> Iterator[str]:
    """Run a daemon with so many stored messages; yield the path of its socket."""
    home = fugue_home(os.path.join(directory, name))
    if messages:
        state_dir = os.path.join(home, "fugue", SOCKET.removesuffix(".sock"))
        os.makedirs(state_dir, mode=0o700)
        with contextlib.closing(SqliteStore(os.path.join(state_dir, "messages.db"))) as store:
            fill(store, messages)
    socket_path = os.path.join(home, SOCKET)
    with running_fugue(home, socket_path):
        yield socket_path


async def _smoothness(directory: str, rate: int, seconds: float) -> list[Figure]:
    with _daemon(directory, f"rate-{rate}") as socket_path:
        sender = multiprocessing.get_context("spawn").Process(target=send_steadily, args=(socket_path, rate))
        sender.start()
        try:
            frames, took_ms, seen = await _watch(socket_path, seconds)
        finally:
            sender.kill()
            sender.join()
    p95 = quantiles(took_ms, n=20, method="inclusive")[-1] if len(took_ms) > 1 else float("nan")
    note = f"{seen:,.0f} messages/s were taken in"
    return [
        Figure(what=f"frames at {rate:,} messages/s", value=frames, unit="frames/s", goal=Goal(25, "value"), note=note),
        Figure(what=f"key to frame at {rate:,} messages/s, p95", value=p95, unit="ms", goal=Goal(50, "value", False)),  # noqa: FBT003  # less is better
    ]


async def _watch(socket_path: str, seconds: float) -> tuple[float, list[float], float]:
    """Return frames a second, what each key took in milliseconds, and messages a second."""
    app = FugueApp(SocketOpener(socket_path, start=False))
    frames: list[float] = []
    took_ms: list[float] = []
    async with app.run_test(size=SIZE) as pilot:
        while not app.message_log.count:  # noqa: ASYNC110  # the app is watched from outside
            await asyncio.sleep(0.01)
        await pilot.pause()
        display = app._display  # noqa: SLF001  # where a frame goes out

        def counted(screen: object, renderable: object) -> None:
            display(screen, renderable)  # type: ignore[arg-type]  # passed on
            frames.append(time.perf_counter())

        app._display = counted  # type: ignore[method-assign]  # noqa: SLF001  # only to count
        began, seen = time.perf_counter(), app.message_log.total
        is_up = True
        while time.perf_counter() - began < seconds:
            await asyncio.sleep(KEY_EVERY_S)
            was, pressed = app.message_log.cursor, time.perf_counter()
            key = events.Key("k" if is_up else "G", "k" if is_up else "G")
            key.set_sender(app)
            followed = app.message_log.is_following
            assert app._driver is not None  # noqa: SLF001  # as Pilot presses keys
            app._driver.send_message(key)  # noqa: SLF001
            while app.message_log.is_following == followed and app.message_log.cursor == was:
                await asyncio.sleep(POLL_S)
                if time.perf_counter() - pressed > 1:
                    break
            answered = len(frames)
            while len(frames) == answered and time.perf_counter() - pressed < 1:  # noqa: ASYNC110  # the same
                await asyncio.sleep(POLL_S)
            took_ms.append((time.perf_counter() - pressed) * 1e3)
            is_up = not is_up
        elapsed = time.perf_counter() - began
        seen = app.message_log.total - seen
    return len(frames) / elapsed, took_ms, seen / elapsed


def send_steadily(socket_path: str, rate: int) -> None:
    """Send so many messages a second to one tag, until somebody ends this process."""

    async def main() -> None:
        async with fugue_core.connect(socket_path, start=False) as client, fugue_core.connect(socket_path) as reader:
            await reader.join("reader", tags=["reader"])
            await client.join("sender")
            drain = asyncio.create_task(_drain(reader))
            message = OrchestrationMessage("bench.note", {"text": "x" * 60, "number": 7})
            began, sent = time.perf_counter(), 0
            while not drain.done():
                due = int((time.perf_counter() - began) * rate) + 1 - sent
                if due > 0:
                    await client.send_many([(Tagged("reader"), message)] * due)
                    sent += due
                await asyncio.sleep(BURST_S)

    asyncio.run(main())


async def _drain(reader: fugue_core.Client) -> None:
    while True:
        received = await reader.receive(limit=5_000, wait_s=10.0)
        if received.envelopes:
            await reader.ack(up_to=received.envelopes[-1].seq)


async def _memory(directory: str, messages: int) -> Figure:
    with _daemon(directory, "memory", messages) as socket_path:
        app = FugueApp(SocketOpener(socket_path, start=False))
        async with app.run_test(size=SIZE) as pilot:
            while not app.message_log.count:  # noqa: ASYNC110  # the same
                await asyncio.sleep(0.01)
            await pilot.pause()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(SCROLLED_PAGES):
                app.message_log.rest_at(0)
                await app.workers.wait_for_complete([worker for worker in app.workers if worker.name == "fetch_page"])
                await asyncio.sleep(0.01)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    what = f"memory that scrolling through {messages:,} messages adds"
    return Figure(what=what, value=(after - before) / 1024, unit="MiB", goal=Goal(40, "value", False))  # noqa: FBT003


if __name__ == "__main__":
    run_as_script(measure)
