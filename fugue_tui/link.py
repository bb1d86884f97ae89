"""The connection to the daemon, kept up for as long as the screen is open, and the world that its events make."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal

import msgspec

from fugue_core.client import Client, connect
from fugue_core.client.link import Link, Opener, Receiver, SocketOpener
from fugue_core.errors import DaemonUnavailable, FugueError, SessionNotFound
from fugue_core.place import socket_path
from fugue_core.protocol.events import Event, Resync
from fugue_core.protocol.session import SessionInfo
from fugue_tui.view import World

SLICE_S = 0.001
"""How long events are taken in before anybody else has a turn: a key passes through half a dozen turns until it is
answered."""
HISTORY_MESSAGES = 500
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 15.0


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """How the connection is.

    Fields:
        kind: `connecting` before the first one; `lost`: there was one.
        reason: Why there is none.
        retry_at: When it is tried again, by `time.monotonic`; None: right now.
    """

    kind: Literal["connecting", "up", "lost"]
    reason: str = ""
    retry_at: float | None = None

    def retry_in_s(self, now: float) -> int | None:
        """Return how many seconds are left until it is tried again, at least 1; None: it is being tried."""
        return None if self.retry_at is None else max(1, round(self.retry_at - now))


class DaemonLink:
    """One identity at one daemon, for ever.

    The client asks again by itself what a lost connection left unanswered, for half a minute; after that a new client
    takes over, with a growing pause between attempts. Either way the world is made anew from the daemon's snapshot.

    Args of the constructor:
        opener: Where the daemon is; None: at the socket that the environment means, where it is started at first. One
            that goes away later is not started again unasked: somebody may have stopped it on purpose.
        on_events: Told of events after the world has taken them in.
        on_state: Told when `state` has changed.

    Attributes:
        human: The session that the screen speaks for.
    """

    def __init__(
        self, opener: Opener | None, on_events: Callable[[Sequence[Event]], None], on_state: Callable[[], None]
    ) -> None:
        self._socket_path = None if opener is not None else socket_path()
        self._opener = opener
        self._on_events = on_events
        self._on_state = on_state
        self._client: Client | None = None
        self._may_start = True
        self._retry_s = FIRST_RETRY_S
        self._retry_now = asyncio.Event()
        self.world = World()
        self.human: SessionInfo | None = None
        self.state = LinkState(kind="connecting")

    @property
    def client(self) -> Client:
        """The connection. Raises `RuntimeError` before there was one; keys that need it come later."""
        if self._client is None:
            raise RuntimeError("not connected yet")
        return self._client

    @contextlib.asynccontextmanager
    async def speaking_for(self, session: str) -> AsyncIterator[Client]:
        """Lend a client that speaks for a session of this daemon; an empty text: the connection that there is.

        Raises:
            DaemonUnavailable: There was no connection yet.
            SessionNotFound
        """
        if self._client is None:
            raise DaemonUnavailable(self.place, self.state.reason or "not connected yet")
        if not session:
            yield self._client
            return
        where = self._opener or self._socket_path
        async with connect(where, session=session, name="fugue-tui", start=False, attach=False) as client:
            yield client

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        return self.state.kind == "up"

    @property
    def was_up(self) -> bool:
        """Whether there ever was one; `client` can be had from then on."""
        return self._client is not None

    def retry(self) -> None:
        """Try again at once, and start the daemon where none runs."""
        self._may_start = True
        self._retry_now.set()

    async def follow(self) -> None:
        """Take in all that happens; ends when it is cancelled."""
        session = os.environ.get("FUGUE_SESSION") if self._opener is None else None
        while True:
            try:
                async with connect(_Watched(self), session=session, name="fugue-tui") as client:
                    await self._follow(client)
            except SessionNotFound as error:  # the shell's session has ended: be the user's own
                if session is None:
                    self._note(str(error))
                session = None
            except (FugueError, OSError) as error:
                self._note(str(error))
            await self._pause(self._retry_s)
            self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    # -------------------------------------------------------------------------------------------------------- private

    async def _follow(self, client: Client) -> None:
        self.human = await self._join(client)
        subscription = await client.subscribe()
        self._client = client
        while True:
            await self._take(client, await subscription.next_batch())

    async def _take(self, client: Client, events: Sequence[Event]) -> None:
        """Take in events, in slices: neither a key nor a frame waits until ten thousand of them are taken in."""
        told, until = 0, time.perf_counter() + SLICE_S
        for place, event in enumerate(events, 1):
            self.world.apply(event)
            if isinstance(event, Resync):
                page = await client.list_messages(limit=HISTORY_MESSAGES)
                self.world.add_history(page.entries)
                self._retry_s = FIRST_RETRY_S
                self._set(LinkState(kind="up"))
            elif time.perf_counter() < until:
                continue
            self._on_events(events[told:place])
            told = place
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_S
        if told < len(events):
            self._on_events(events[told:])

    async def _join(self, client: Client) -> SessionInfo:
        """Be the human's session: the one that this shell speaks for, or one named after the user."""
        if client.session is not None:
            return client.session
        with contextlib.suppress(FugueError, OSError):  # a user without a name, or one that no session may have
            return await client.join(getpass.getuser(), tags=["human"], directory=os.getcwd(), resume=True)
        return await client.join(tags=["human"], directory=os.getcwd())

    async def _pause(self, seconds: float) -> None:
        state = self.state
        retry_at = time.monotonic() + seconds
        self._set(LinkState(kind="lost" if self.was_up else "connecting", reason=state.reason, retry_at=retry_at))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._retry_now.wait(), seconds)
        self._retry_now.clear()

    def _note(self, reason: str) -> None:
        self._set(LinkState(kind="lost" if self.was_up else "connecting", reason=reason))

    def _set(self, state: LinkState) -> None:
        self.state = state
        self._on_state()

    # ---------------------------------------------------------------------------------------------- what is watched

    async def open_watched(self, receiver: Receiver) -> Link:
        """Open a link for the client, and see what becomes of it: the client itself keeps quiet about losses."""
        opener = self._opener
        if opener is None:
            opener = SocketOpener(self._socket_path or socket_path(), start=self._may_start)
        link = await opener.open_link(_WatchedReceiver(receiver, self._note_loss))
        self._may_start = False
        if self.was_up:
            self._set(LinkState(kind="up"))
        return link

    def _note_loss(self, reason: str) -> None:
        if self.is_up:
            self._note(reason)

    @property
    def place(self) -> str:
        """Where the daemon is, for people."""
        return self._socket_path or "in this process"


class _Watched:
    """The opener that the client is given."""

    def __init__(self, daemon: DaemonLink) -> None:
        self._daemon = daemon
        self.socket_path = daemon.place

    async def open_link(self, receiver: Receiver) -> Link:
        return await self._daemon.open_watched(receiver)


class _WatchedReceiver:
    """Hands everything on, and says when it is over."""

    def __init__(self, receiver: Receiver, on_lost: Callable[[str], None]) -> None:
        self._receiver = receiver
        self._on_lost = on_lost
        self.take_lines = receiver.take_lines  # no step in between: every line comes through here

    def lose(self, reason: str) -> None:
        self._on_lost(reason)
        self._receiver.lose(reason)
