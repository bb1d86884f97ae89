"""Whom the tools speak for, and the connection on which they do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from fugue_core.client.client import Client
from fugue_core.client.link import Link, Receiver, SocketOpener

_NONE = (
    "nobody: start the agent within fugue (fugue new -- AGENT, or fugue run -- AGENT), or in a shell after "
    'eval "$(fugue join NAME)", or let its configuration call fugue mcp --join NAME'
)


class Identity:
    """One session, or nobody. It is never guessed, and never changes.

    Attributes:
        named: What the environment says, an id or a name.
    """

    def __init__(self, socket_path: str, *, named: str | None, join: str | None, tags: Sequence[str]) -> None:
        """Speak for nobody yet.

        Args:
            socket_path: Where the daemon is, or will be.
            named: A session that is there; it comes before `join`.
            join: The name of a session that is taken up, or made where there is none.
            tags: Are added to that.
        """
        self.named = named
        self._opener = _Opener(socket_path)
        self._join = None if named else join
        self._tags = tuple(tags)
        self._client: Client | None = None
        self._opening = asyncio.Lock()

    async def client(self) -> Client:
        """Return the connection, made when it is first asked for. Raises what connecting and joining raise."""
        async with self._opening:
            if self._client is None:
                self._client = await self._open()
            return self._client

    def close(self) -> None:
        """End the connection; the session goes on."""
        if self._client is not None:
            self._client.close()

    def remedy(self) -> str:
        """Say why there is no session to speak for, and how to get one."""
        if self.named:
            return f"FUGUE_SESSION names {self.named}, which has ended or is another server's; else this is {_NONE}"
        if self._join:
            return f"the session {self._join} has ended; start this server anew to join again"
        return f"no session: this is {_NONE}"

    async def _open(self) -> Client:
        client = Client(
            self._opener, session=self.named, name="fugue-mcp", attach=True, is_inherited=self.named is not None
        )
        try:
            await client.open()
            if self._join:
                await client.join(self._join, tags=self._tags, directory=os.getcwd(), resume=True)
        except BaseException:
            client.close()
            raise
        return client


class _Opener:
    """Starts a daemon for the first connection only: one that goes away later, somebody may have stopped on purpose."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self._has_opened = False

    async def open_link(self, receiver: Receiver) -> Link:
        """Return a new link, see `client.link.Opener`."""
        link = await SocketOpener(self.socket_path, start=not self._has_opened).open_link(receiver)
        self._has_opened = True
        return link
