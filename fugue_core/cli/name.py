"""Name a session after a program or a directory."""

from __future__ import annotations

import os

from fugue_core.client.oneshot import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fugue_core.client.jsontext import Encodable

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


def under_a_free_name(path: str, request: dict[str, Encodable], make: Callable[[dict[str, Encodable]], str]) -> str:
    """Return what `make` answers to a request for a session under the first of `names_after(path)` that nobody has.

    Where all are taken, or none is fit for a name, the daemon finds one.
    """
    for name in names_after(path):
        try:
            return make({**request, "name": name})
        except Refused as refused:
            if refused.name not in {"SessionNameExists", "InvalidName"}:
                raise
    return make(request)
