"""Clients of the daemon: `Client` for programs with an event loop, `oneshot` for commands that are gone in a moment.

Loaded when first used, since the command line imports this package and cannot afford the loop.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.client.client import Client, connect
    from fugue_core.client.subscription import Subscription

__all__ = ["Client", "Subscription", "connect"]

_HOMES = {"Client": "client", "Subscription": "subscription", "connect": "client"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(__import__(f"{__name__}.{_HOMES[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value
