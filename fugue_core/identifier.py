"""New ids. Reads the clock and the system's random numbers."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562): it begins with the time, so that ids made one after the other sort so.

    An index of such ids grows at its end; with random ones every insertion would touch a page of its own.
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF000 << 64) & ~(0xC000 << 48) | (7 << 76) | (2 << 62)
    return UUID(int=value)
