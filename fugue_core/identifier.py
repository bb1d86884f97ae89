"""New ids. Reads the clock and the system's random numbers."""

from __future__ import annotations

import os
import time
from itertools import count
from uuid import UUID

_RANDOM_BITS = 73
"""One bit less than a UUID of version 7 has room for, so that counting up within a millisecond does not run over."""
_LOW_BITS = 62
_LOW = (1 << _LOW_BITS) - 1
_VERSION_7 = 7 << 76 | 2 << 62
_state = (0, count())
"""The millisecond of the last id, and what counts on from there. Taken and set in one step each: threads share it."""


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562): it begins with the time in milliseconds, so that ids sort as made.

    An index of such ids grows at its end; with random ones every insertion would touch a page of its own. Within one
    millisecond the random part counts up from where it began (the RFC's method 2), which also spares the system calls.
    """
    global _state  # noqa: PLW0603  # what makes ids grow is the process's own
    last_ms, counter = _state
    now_ms = time.time_ns() // 1_000_000
    if now_ms > last_ms:
        last_ms = now_ms
        counter = count(int.from_bytes(os.urandom(10), "big") >> 80 - _RANDOM_BITS)
        _state = (last_ms, counter)
    random = next(counter)
    return UUID(int=last_ms << 80 | random >> _LOW_BITS << 64 | random & _LOW | _VERSION_7)


def _begin_anew() -> None:
    global _state  # noqa: PLW0603  # as above
    _state = (0, count())


os.register_at_fork(after_in_child=_begin_anew)  # or two processes would count up from the same number
