"""What is refused because it went round and round, through a client: `client.breakers`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fugue_core.protocol.breaker import Breaker, BreakerList, ChainBreaker, ListBreakers, ReleaseBreaker
from fugue_core.protocol.request import Request


class Breakers:
    """What has tripped, and its release."""

    def __init__(self, ask: Callable[[Request], Awaitable[Any]]) -> None:
        self._ask = ask

    async def list(self) -> tuple[Breaker, ...]:
        """Return what has tripped, in that order."""
        answer: BreakerList = await self._ask(ListBreakers())
        return answer.breakers

    async def release(self, breaker: Breaker) -> Breaker:
        """Let pass again what is refused; return the breaker as it was. Raises `BreakerNotFound`, `SessionNotFound`."""
        if isinstance(breaker, ChainBreaker):
            return await self.release_chain(breaker.chain)
        one, other = breaker.sessions
        return await self.release_pair(str(one.id), str(other.id))

    async def release_chain(self, chain: UUID) -> Breaker:
        """Let the chain that begins with this message have another `Limits.hops` replies."""
        released: Breaker = await self._ask(ReleaseBreaker(chain=chain))
        return released

    async def release_pair(self, one: str, other: str) -> Breaker:
        """Let two sessions, by id or name, write to each other again."""
        released: Breaker = await self._ask(ReleaseBreaker(pair=(one, other)))
        return released
