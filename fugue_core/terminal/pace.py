"""How much of the daemon's time programs' output may take: all of it, unless somebody asks for something. Pure."""

from __future__ import annotations

from collections.abc import Callable

RECENT_S = 0.1
"""Who has asked within this time is likely to ask again."""
REST = 2.0
"""Meanwhile a flood rests for so many times as long as it was dealt with."""
ALONE_BYTES = 64 * 1024
"""Of a flood that are dealt with at once, where nobody minds: a millisecond or two."""
SHARED_BYTES = 8 * 1024
"""Likewise, where somebody does."""


class Pace:
    """Says how long to rest between two parts of a flood."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._asked_at = float("-inf")

    def note_request(self) -> None:
        """Note that somebody has asked for something."""
        self._asked_at = self.clock()

    @property
    def is_shared(self) -> bool:
        """Whether somebody has asked for something a moment ago."""
        return self.clock() - self._asked_at < RECENT_S

    @property
    def turn_bytes(self) -> int:
        """How much of a flood to deal with at once."""
        return SHARED_BYTES if self.is_shared else ALONE_BYTES

    def rest_s(self, took_s: float) -> float:
        """Return how long a flood shall rest, a part of which has just taken so long; 0 where nobody minds it."""
        return REST * took_s if self.is_shared else 0.0
