"""How fast the screen of a window takes a program's output, beside pyte, and what it costs to look at it.

Pyte is the terminal emulator in Python that most use; it is given less, since it would take minutes. tmux does the same
work within its server; what an attached client sees of both is measured elsewhere.
"""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import Callable, Mapping

from figure import Figure, alternate, compare, run_as_script

from fugue_core.terminal.screen import Screen, open_screen

CHUNK_BYTES = 64 * 1024
"""What one read from a terminal may bring."""

FED_BYTES = 16_000_000
PYTE_BYTES = 200_000


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return all figures of screens."""
    rounds = 3 if is_quick else 11
    kind = open_screen(80, 24).kind
    figures = []
    for what, data in (("plain text", _plain()), ("coloured text", _coloured()), ("full-screen redraws", _redraws())):
        contenders: dict[str, Callable[[], float]] = {"fugue": _feeding(data)}
        pyte = _pyte_feeding(data)
        if pyte is not None:
            contenders["pyte"] = pyte
        found = alternate(contenders, rounds)
        figures += compare(f"feed {what}, 80x24", found, "MB/s", peers=["pyte"], note=f"kept by {kind}")
    for cols, rows in ((80, 24), (200, 50)):
        screen = open_screen(cols, rows)
        looks: Mapping[str, tuple[bytes, Callable[[], object]]] = {
            "changed_lines, all of": (_frame(cols, rows, 1), screen.changed_lines),
            "changed_lines, one row of": (b"\x1b[5;5Hx\x1b[5;6H", screen.changed_lines),
            "redraw of": (_frame(cols, rows, 2), screen.redraw),
        }
        for what, (data, look) in looks.items():
            found = alternate({"fugue": _looking(screen, data, look)}, rounds)
            figures += compare(f"{what} {cols}x{rows}", found, "us", peers=[], note="every cell coloured by the word")
    screen = open_screen(80, 24)
    screen.feed(_coloured()[:4_000_000])
    for what, look in (
        ("the oldest 50 of 10,000 lines", lambda: screen.lines(0, 50)),
        ("capture with 10,000 lines", lambda: screen.capture(scrollback=True)),
        ("redraw with 10,000 lines", lambda: screen.redraw(scrollback=True)),
    ):
        found = alternate({"fugue": _looking(screen, b"", look, times=1)}, rounds)
        figures += compare(what, found, "us", peers=[], note="80x24")
    return figures


def _feeding(data: bytes) -> Callable[[], float]:
    data *= max(1, FED_BYTES // len(data))
    chunks = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]

    def feed() -> float:
        screen = open_screen(80, 24)
        began = time.perf_counter()
        for chunk in chunks:
            screen.feed(chunk)
        took_s = time.perf_counter() - began
        screen.close()
        return len(data) / took_s / 1e6

    return feed


def _pyte_feeding(data: bytes) -> Callable[[], float] | None:
    try:
        pyte = importlib.import_module("pyte")
    except ImportError:
        return None
    data = data[:PYTE_BYTES]

    def feed() -> float:
        stream = pyte.ByteStream(pyte.HistoryScreen(80, 24, history=10_000))
        began = time.perf_counter()
        stream.feed(data)
        return len(data) / (time.perf_counter() - began) / 1e6

    return feed


def _looking(screen: Screen, data: bytes, look: Callable[[], object], *, times: int = 100) -> Callable[[], float]:
    def turn() -> float:
        took_s = 0.0
        for _ in range(times):
            screen.feed(data)
            began = time.perf_counter()
            look()
            took_s += time.perf_counter() - began
        return took_s / times * 1e6

    return turn


def _plain() -> bytes:
    chooser = random.Random(1)
    words = ["the", "build", "went", "through", "src/module.c", "warning:", "unused", "0x7ffe", "and", "so", "on"]
    lines = [" ".join(chooser.choices(words, k=chooser.randint(1, 14))) for _ in range(20_000)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _coloured() -> bytes:
    chooser = random.Random(2)
    lines = []
    for number in range(100_000):
        colour = f"\x1b[38;5;{chooser.randrange(256)}m" if number % 3 else f"\x1b[1;3{number % 8}m"
        lines.append(f"{colour}{number:6d}\x1b[0m \x1b[32mok\x1b[39m some words of \x1b[4mcoloured\x1b[24m text\r\n")
    return "".join(lines).encode()


def _redraws() -> bytes:
    return b"".join(_frame(80, 24, seed) for seed in range(50))


def _frame(cols: int, rows: int, seed: int) -> bytes:
    """Return what paints every cell, in runs of a word's length."""
    chooser = random.Random(seed)
    written = ["\x1b[H"]
    for row in range(rows):
        written.append(f"\x1b[{row + 1}H")
        left = cols
        while left:
            width = min(left, chooser.randint(3, 12))
            red, green, blue = (chooser.randrange(0, 256, 32) for _ in range(3))
            written.append(f"\x1b[38;5;{chooser.randrange(256)};48;2;{red};{green};{blue}m{'abcdefghijkl'[:width]}")
            left -= width
    return "".join(written).encode()


if __name__ == "__main__":
    run_as_script(measure)
