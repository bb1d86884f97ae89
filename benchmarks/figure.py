"""What a benchmark finds out: a figure with its unit, its peer's from the same run, and what it was to reach."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Literal, TypeAlias

import msgspec

Rounds: TypeAlias = Mapping[str, Sequence[float]]
"""For each contender what it did in each round. All had their turn in a round before the next one began."""


class Goal(msgspec.Struct, frozen=True):
    """What a figure was to reach.

    Fields:
        bound: The number.
        kind: Whether it bounds the ratio to the peer, or the figure itself.
        is_least: True where more is better.
    """

    bound: float
    kind: Literal["ratio", "value"] = "ratio"
    is_least: bool = True


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Fields:
        what: What was measured.
        value, unit: What fugue did.
        peer, peer_value: Who else did the same in the same run, and what came of it.
        ratio: Fugue's to the peer's, the median over the rounds, each round's being taken by itself: the speed of a
            machine drifts, and what ran side by side drifted alike.
        goal: Absent where the figure is only to be known.
        note: What a reader must know to believe it.
    """

    what: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    def verdict(self) -> str:
        """Say whether the goal was reached, or missed by how much."""
        goal = self.goal
        reached = self.ratio if goal is not None and goal.kind == "ratio" else self.value
        if goal is None:
            return ""
        if reached is None:
            return "not measured"
        if reached >= goal.bound if goal.is_least else reached <= goal.bound:
            return "reached"
        missed = abs(reached / goal.bound - 1)
        return f"missed by {missed:.0%}" if missed >= 0.01 else "missed by less than 1%"


def compare(  # noqa: PLR0913  # a figure's own fields
    what: str,
    rounds: Rounds,
    unit: str,
    *,
    peers: Sequence[str],
    goal: Goal | None = None,
    fugue: str = "fugue",
    note: str = "",
) -> list[Figure]:
    """Return fugue's figure beside each peer's; alone, where none of the peers took part."""
    mine = rounds[fugue]
    present = [peer for peer in peers if rounds.get(peer)]
    if not present:
        return [Figure(what=what, value=median(mine), unit=unit, goal=goal, note=note or "no peer installed")]
    return [
        Figure(
            what=what,
            value=median(mine),
            unit=unit,
            peer=peer,
            peer_value=median(rounds[peer]),
            ratio=median([own / other for own, other in zip(mine, rounds[peer], strict=True)]),
            goal=goal,
            note=note,
        )
        for peer in present
    ]


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int, *, warm_up: int = 1) -> Rounds:
    """Let each contender have its turn in each round; return what each said. The first rounds do not count."""
    said: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        for name, contender in contenders.items():
            value = contender()
            if number >= warm_up:
                said[name].append(value)
    return said


async def alternate_async(
    contenders: Mapping[str, Callable[[], Awaitable[float]]], rounds: int, *, warm_up: int = 1
) -> Rounds:
    """As `alternate`, for contenders that wait."""
    said: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        for name, contender in contenders.items():
            value = await contender()
            if number >= warm_up:
                said[name].append(value)
    return said


def format_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table of Markdown, aligned for the terminal too."""
    head = ("what", "fugue", "peer", "the peer's", "ratio", "to reach", "")
    rows = [head, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = dict.fromkeys(f"{figure.what}: {figure.note}" for figure in figures if figure.note)
    return "\n".join([*lines, *(["", *(f"- {note}" for note in notes)] if notes else [])])


def _row(figure: Figure) -> tuple[str, ...]:
    goal = figure.goal
    to_reach = ""
    if goal is not None:
        sign = ">=" if goal.is_least else "<="
        to_reach = f"{sign} {goal.bound:,.10g}" + ("x" if goal.kind == "ratio" else "")
    return (
        figure.what,
        f"{_number(figure.value)} {figure.unit}",
        figure.peer or "",
        "" if figure.peer_value is None else f"{_number(figure.peer_value)} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}x",
        to_reach,
        figure.verdict(),
    )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def run_as_script(measure: Callable[[bool], list[Figure]]) -> None:
    """Be the command line that each benchmark has: print its table, or with `--json` its figures for `run.py`."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to see that it works")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.quick)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(figures) + b"\n")
    else:
        print(format_table(figures))
