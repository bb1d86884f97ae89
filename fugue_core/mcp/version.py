"""The versions of the protocol, and what the requests of each say of themselves. No I/O.

Since 2026-07-28 each request says in its `_meta` which version it is written in; before that, the version was agreed
upon once for all, by `initialize`. Both are served, at the same time if need be.
"""

from __future__ import annotations

from typing import Any

import msgspec

import fugue_core

SELF_CONTAINED = ("2026-07-28",)
"""Versions whose requests say so themselves, the newest first."""
AGREED_UPON = ("2025-11-25", "2025-06-18")
"""Versions that `initialize` agrees upon, the newest first."""
UNSUPPORTED_VERSION = -32022
"""The code with which a self-contained request of another version is refused."""

SOFTWARE = {"name": "fugue", "title": "fugue", "version": fugue_core.__version__}
CAPABILITIES: dict[str, Any] = {"tools": {}}
FRESH_MS = 3_600_000
"""How long a client may keep the list of tools: it is always the same."""

_VERSION = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_SERVER = "io.modelcontextprotocol/serverInfo"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of itself.

    Fields:
        progress_token: Under which to tell how it goes on; absent: not at all.
        version: In which it is written; absent: in the one that was agreed upon.
        capabilities: What the client can do beyond the least; goes with `version`.
    """

    progress_token: int | str | msgspec.UnsetType = msgspec.field(name="progressToken", default=msgspec.UNSET)
    version: str | msgspec.UnsetType = msgspec.field(name=_VERSION, default=msgspec.UNSET)
    capabilities: dict[str, Any] | msgspec.UnsetType = msgspec.field(name=_CAPABILITIES, default=msgspec.UNSET)

    @property
    def missing(self) -> str | None:
        """The field without which a self-contained request is malformed, where it is not there."""
        if self.version is msgspec.UNSET:
            return _VERSION
        return _CAPABILITIES if self.capabilities is msgspec.UNSET else None


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """What the params of all requests have in common."""

    meta: Meta = msgspec.field(name="_meta", default=Meta())


def completed(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as self-contained requests are answered."""
    meta = {**result.get("_meta", {}), _SERVER: SOFTWARE}
    return {"resultType": "complete", **result, "_meta": meta}


def cacheable(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result that a client may keep for a while, whoever it is."""
    return {**result, "ttlMs": FRESH_MS, "cacheScope": "public"}


def agreed(asked: str) -> str:
    """Return the version to go on with where a client would like `asked`."""
    return asked if asked in AGREED_UPON else AGREED_UPON[0]
