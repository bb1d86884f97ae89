"""What this process lets others do with the files that it makes."""

from __future__ import annotations

import os


def umask() -> int:
    """Return this process's mask; there is no other way to read it than to set it, for a moment to a strict one."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
