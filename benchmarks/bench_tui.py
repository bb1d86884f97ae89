"""The screen as a process in a terminal of 120 x 40: how soon it is there, how smooth it is, what it takes.

first frame   from before the process is started to its first frame, beside a Textual app of one `Static`
cold start    the same up to the newest messages and the sessions, from a daemon with 100 sessions and 100,000 messages
frames        frames a second that came to the terminal, with 100 sessions; a sender in another process sends to one of
              them, a daemon in a third
key to frame  from writing a key to the terminal to the end of the frame that shows what came of it: `f` stops following
              the newest message, and follows again
core          processor time of the screen's process, by the time that passed
memory        the screen's process on a history of 1,000,000 messages, and after going back in it half a page at a time
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median, quantiles

from figure import Figure, Goal, alternate, compare, run_as_script
from peer import SOCKET, environment, fugue_home, running_fugue, scratch
from stored import ENDED, fill
from terminal import Terminal, in_terminal

import fugue_core
from fugue_core import OrchestrationMessage, Tagged
from fugue_core.store import SqliteStore

RATES = (100, 1_000, 10_000)
SESSIONS = 100
STORED = 100_000
FEW_STORED = 1_000
BURST_S = 0.02
WARM_UP_S = 2.0
KEY_EVERY_S = 0.1
"""On the average. Keys in step with the frames would all find them at the same point."""
KEY_PATIENCE_S = 5.0
BACK_HALF_PAGES = 6_000
BACK_AT_ONCE = 20
BACK_EVERY_S = 0.03
MIB = 1024 * 1024

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("minimal")
Minimal().run()
"""


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return all figures."""
    figures: list[Figure] = []
    with scratch() as directory:
        figures += _starts(directory, rounds=3 if is_quick else 9)
        for rate in RATES:
            figures += _smoothness(directory, rate, seconds=3.0 if is_quick else 20.0)
        figures += _memory(directory, 50_000 if is_quick else 1_000_000, BACK_HALF_PAGES // (10 if is_quick else 1))
    return figures


def _starts(directory: str, rounds: int) -> list[Figure]:
    def run(command: Sequence[str], variables: Mapping[str, str], text: str) -> float:
        began = time.perf_counter()
        with in_terminal(command, variables) as terminal:
            return (terminal.wait_for(_shows(text)) - began) * 1e3

    with _daemon(directory, "starts", STORED) as (fugue, variables):
        minimal = [sys.executable, "-c", MINIMAL]
        contenders = {
            "fugue": lambda: run(fugue, variables, "Messages"),
            "Textual": lambda: run(minimal, variables, "minimal"),
        }
        found = alternate(contenders, rounds)
        cold = [run(fugue, variables, f"{STORED:,}") for _ in range(rounds)]
    what = f"cold start, {SESSIONS} sessions and {STORED:,} messages stored"
    return [
        *compare("first frame", found, "ms", peers=["Textual"], goal=Goal(1.5, is_least=False)),
        Figure(what=what, value=median(cold), unit="ms"),
    ]


@contextlib.contextmanager
def _daemon(directory: str, name: str, messages: int) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Run a daemon with so many stored messages; yield the command that opens its screen, and its environment."""
    home = fugue_home(os.path.join(directory, name))
    state_dir = os.path.join(home, "fugue", SOCKET.removesuffix(".sock"))
    os.makedirs(state_dir, mode=0o700)
    with contextlib.closing(SqliteStore(os.path.join(state_dir, "messages.db"))) as store:
        fill(store, messages, SESSIONS + ENDED)
    socket_path = os.path.join(home, SOCKET)
    variables = environment(home)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # or fugue would be compiled anew each time, and Textual not
    with running_fugue(home, socket_path):
        yield [sys.executable, "-m", "fugue_tui", "--socket", socket_path], variables


def _smoothness(directory: str, rate: int, seconds: float) -> list[Figure]:
    with _daemon(directory, f"rate-{rate}", FEW_STORED) as (command, variables):
        sender = multiprocessing.get_context("spawn").Process(target=send_steadily, args=(command[-1], rate))
        sender.start()
        try:
            with in_terminal(command, variables) as terminal:
                terminal.wait_for(_shows("● follow"))
                terminal.watch(WARM_UP_S)
                began, frames, cpu_s = time.perf_counter(), terminal.frames, terminal.cpu_s()
                took_ms = _press_keys(terminal, seconds)
                elapsed = time.perf_counter() - began
                frames, cpu_s = terminal.frames - frames, terminal.cpu_s() - cpu_s
        finally:
            sender.kill()
            sender.join()
    at, p95 = f"at {rate:,} messages/s", quantiles(took_ms, n=20, method="inclusive")[-1]
    return [
        Figure(what=f"frames {at}", value=frames / elapsed, unit="frames/s", goal=Goal(25, "value")),
        Figure(what=f"key to frame {at}, p50", value=median(took_ms), unit="ms"),
        Figure(what=f"key to frame {at}, p95", value=p95, unit="ms", goal=Goal(50, "value", is_least=False)),
        Figure(what=f"core {at}", value=cpu_s / elapsed * 100, unit="%"),
    ]


def _press_keys(terminal: Terminal, seconds: float) -> list[float]:
    """Stop following and follow, in turns; return what each key took in milliseconds."""
    draw = random.Random(20)  # a seed, so that each run does the same
    took_ms: list[float] = []
    until = time.perf_counter() + seconds
    is_paused = _shows("paused", "↓ ")  # the second as soon as something has come meanwhile
    while time.perf_counter() < until:
        for is_answered in (is_paused, _shows("● follow")):
            terminal.watch(KEY_EVERY_S * draw.uniform(0.5, 1.5))
            pressed = time.perf_counter()
            terminal.press("f")
            took_ms.append((terminal.wait_for(is_answered, KEY_PATIENCE_S) - pressed) * 1e3)
    return took_ms


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


def _memory(directory: str, messages: int, half_pages: int) -> list[Figure]:
    with _daemon(directory, "memory", messages) as (command, variables), in_terminal(command, variables) as terminal:
        terminal.wait_for(_shows(f"{messages:,}"))
        terminal.watch(WARM_UP_S)
        opened = terminal.memory_bytes()
        for _ in range(half_pages // BACK_AT_ONCE):
            terminal.press("\x15" * BACK_AT_ONCE)  # control and u
            terminal.watch(BACK_EVERY_S)
        terminal.watch(WARM_UP_S)
        added = terminal.memory_bytes() - opened
    what = f"memory on {messages:,} messages"
    return [
        Figure(what=what, value=opened / MIB, unit="MiB"),
        Figure(
            what=f"{what}, what going back adds",
            value=added / MIB,
            unit="MiB",
            goal=Goal(40, "value", is_least=False),
            note=f"{half_pages:,} half pages",
        ),
    ]


def _shows(*texts: str) -> Callable[[bytes], bool]:
    """Return what says whether one of these is drawn in a frame."""
    wanted = [text.encode() for text in texts]
    return lambda frame: any(text in frame for text in wanted)


if __name__ == "__main__":
    run_as_script(measure)
