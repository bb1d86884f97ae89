"""What has become of a delivery, step by step: the words that `fugue trace` and the screen share. No I/O."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """Something that happened to a delivery, or goes on.

    Attributes:
        state: The state that began then, or that it is in.
        at: Unix seconds; None: it goes on.
        words: Through what, why, and how long after the step before; or for how long it has gone on. May have control
            characters in it, since others chose them.
    """

    state: str
    at: float | None
    words: str


def steps(  # noqa: PLR0913  # what is known of a delivery
    state: str,
    *,
    sent_at: float,
    handed_at: float | None,
    handed_through: str | None,
    ended_at: float | None,
    reason: str | None,
    now: float,
) -> list[Step]:
    """Return what happened to one delivery after it was queued, in order of time.

    Args:
        state: Where it has come to.
        sent_at: When it was queued.
        handed_at: When it was last handed; None: not yet.
        handed_through: Through what.
        ended_at: When it was acked, expired or died; None: it is open.
        reason: Why it died.
        now: To say for how long what is open has been so.
    """
    found = []
    since = sent_at
    if handed_at is not None:
        through = f"through {handed_through}, " if handed_through else ""
        found.append(Step("handed", handed_at, f"{through}after {span(handed_at - since)}"))
        since = handed_at
    if ended_at is not None:
        why = f"{reason}, " if reason else ""
        found.append(Step(state, ended_at, f"{why}after {span(ended_at - since)}"))
    elif handed_at is not None:
        found.append(Step(state, None, f"not acknowledged for {span(now - since)}"))
    else:
        found.append(Step(state, None, f"in the mailbox for {span(now - since)}"))
    return found


def span(seconds: float) -> str:
    """Return how long, short: `2 ms`, `0.3 s`, `5 m`, `2 h`, `3 d`."""
    seconds = max(0.0, seconds)
    if seconds < 0.1:  # noqa: PLR2004  # from here on in thousandths
        return f"{seconds * 1000:.0f} ms"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s"
