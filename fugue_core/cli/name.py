"""Name a session after a program or a directory."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE_CHARS = 60
"""So that a number still fits behind it."""
_ATTEMPTS = 100


def names_after(path: str) -> Iterator[str]:
    """Yield names for a session after the last part of `path`: `shop`, `shop-2`, `shop-3`, ... up to a hundred."""
    last = os.path.basename(path)[:_BASE_CHARS]
    base = "".join(part if part.isprintable() and part not in " ,:/#" else "-" for part in last) or "root"
    yield base
    for number in range(2, _ATTEMPTS + 1):
        yield f"{base}-{number}"
