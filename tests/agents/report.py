"""What was found out, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_SEEN_CHARS = 200

Verdict = Literal["proved", "REFUTED", "not proved"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Fields:
        agent: The program, with its version.
        what: What was to be proved.
        verdict: `proved`: it was seen. `REFUTED`: something else was seen. `not proved`: it could not be tried.
        detail: What was seen, or why nothing was.
    """

    agent: str
    what: str
    verdict: Verdict
    detail: str = ""


def table(findings: Sequence[Finding]) -> str:
    """Return the findings, one a line, under each other."""
    rows = [("agent", "what", "result", "seen")]
    rows += [(each.agent, each.what, each.verdict, " ".join(each.detail.split())[:_SEEN_CHARS]) for each in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    )
