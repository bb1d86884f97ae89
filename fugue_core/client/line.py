"""A connection with an identity, made anew where it was lost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

import fugue_core
from fugue_core.client.channel import Channel
from fugue_core.client.link import Opener
from fugue_core.errors import ConnectionLost, DaemonUnavailable, FugueError, SessionNotFound
from fugue_core.protocol.events import Notice
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import PROTOCOL_VERSION, Hello, Software, VersionRange, Welcome
from fugue_core.protocol.session import SessionInfo

SHORT_LIVED_S = 0.5
"""A connection that was lost sooner than this is not made again at once."""
FIRST_RETRY_S = 0.02
LAST_RETRY_S = 1.0
PATIENCE_S = 30.0
"""How long a request waits for a daemon that went away to come back, before it fails with `DaemonUnavailable`."""


class Line:
    """Ask a daemon; where it goes away, ask the next one the same as the same.

    Attributes:
        session: Whom it speaks for, as the daemon said last.
        welcome: What the daemon said last at `hello`.
        is_inherited: The identity came from the environment: where its session is no more, it is nobody's.
        is_closed: It is not made again.
    """

    def __init__(  # noqa: PLR0913  # an identity, and whom to tell
        self,
        opener: Opener,
        *,
        session: str | None,
        name: str,
        attach: bool,
        is_inherited: bool,
        on_notices: Callable[[Sequence[Notice]], None],
        on_made: Callable[[Channel], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        """Connect to nobody yet.

        Args:
            opener: Makes connections.
            session: Whom to speak for, an id or a name.
            name: The program's name, for people.
            attach: Count as somebody who is connected to the session.
            is_inherited: See `Line`.
            on_notices: Called with what the daemon tells unasked.
            on_made: Called with each new connection, before anything else is asked on it.
            on_lost: Called when a connection was lost.
        """
        self.session: SessionInfo | None = None
        self.welcome: Welcome | None = None
        self.is_inherited = is_inherited
        self.is_closed = False
        self._opener = opener
        self._identity = session
        self._name = name
        self._attach = attach
        self._on_notices = on_notices
        self._on_made = on_made
        self._on_lost = on_lost
        self._channel: Channel | None = None
        self._connecting = asyncio.Lock()
        self._connected_at = -math.inf
        self._pause_s = 0.0

    async def ask(self, request: Request) -> Any:
        """Return the answer, of whichever daemon gives one."""
        while True:
            channel = await self.channel()
            try:
                return await channel.ask(request)
            except ConnectionLost:
                if self.is_closed:
                    raise

    async def channel(self) -> Channel:
        """Return the connection, made anew where it was lost."""
        if self._channel is not None and self._channel.lost is None:
            return self._channel
        async with self._connecting:
            if self.is_closed:
                raise ConnectionLost("closed")
            if self._channel is None or self._channel.lost is not None:
                self._channel = await self._connect_patiently(is_first=self._channel is None)
                await self._on_made(self._channel)
            return self._channel

    @property
    def current(self) -> Channel | None:
        """The connection that was made last, lost or not."""
        return self._channel

    def speak_for(self, session: SessionInfo) -> None:
        """Be this session from now on, on connections to come as well."""
        self._identity = str(session.id)  # a name may change, an id does not
        self.session = session

    def speak_for_nobody(self) -> None:
        """Give up the identity, and the connection that it is bound to for good."""
        self._identity = self.session = None
        if self._channel is not None:
            self._channel.close()
            self._connected_at = -math.inf

    def close(self) -> None:
        """End the connection."""
        self.is_closed = True
        if self._channel is not None:
            self._channel.close()

    async def _connect_patiently(self, *, is_first: bool) -> Channel:
        retry_s = FIRST_RETRY_S
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (0.0 if is_first else PATIENCE_S)
        if loop.time() - self._connected_at < SHORT_LIVED_S:
            self._pause_s = min(2 * self._pause_s + FIRST_RETRY_S, LAST_RETRY_S)
            await asyncio.sleep(self._pause_s)  # or a daemon that drops us at once would be asked without end
        else:
            self._pause_s = 0.0
        while True:
            try:
                channel = await Channel.open(self._opener, self._on_notices, self._on_lost)
                await self._greet(channel)
            except (OSError, ConnectionLost, DaemonUnavailable) as error:
                if loop.time() >= deadline:
                    raise self._unavailable(error) from error
            else:
                self._connected_at = loop.time()
                return channel
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    async def _greet(self, channel: Channel) -> None:
        hello = Hello(
            protocol=VersionRange(min=PROTOCOL_VERSION, max=PROTOCOL_VERSION),
            client=Software(name=self._name, version=fugue_core.__version__),
            session=self._identity,
            attach=self._attach,
        )
        try:
            welcome: Welcome = await channel.ask(hello)
        except SessionNotFound:
            if not self.is_inherited:
                channel.close()
                raise
            self._identity = None  # the shell outlived its session; requests that need one will say so
            welcome = await channel.ask(msgspec.structs.replace(hello, session=None))
        except FugueError:
            channel.close()
            raise
        channel.line_bytes = welcome.line_bytes
        self.welcome = welcome
        self.session = None
        if welcome.session is not None:
            self.speak_for(welcome.session)

    def _unavailable(self, error: Exception) -> FugueError:
        if isinstance(error, DaemonUnavailable):
            return error
        return DaemonUnavailable(getattr(self._opener, "socket_path", "in-process daemon"), str(error))
