"""A look at one window, kept up for as long as somebody wants it: over lost connections and over exits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fugue_core.client import Client
from fugue_core.client.window import View
from fugue_core.errors import FugueError, SessionNotFound, WindowNotFound
from fugue_core.protocol.window import WindowFrame, WindowOutput
from fugue_tui.terminal import WatchState, WindowKey

HELD_BYTES = 4_096
"""So much of what is typed waits for a daemon that is away; of more, nothing is taken, and the state says so."""
RETRY_S = 1.0


class Watch:
    """What a window shows, and a way to type into it.

    Args of the constructor:
        window: What to look at.
        size: Columns and rows of whoever looks.
        client: The connection; None while there is none, until `retry`.
        on_frames: Told what has changed on the screen.
        on_state: Told when `state` is another one.
    """

    def __init__(
        self,
        window: WindowKey,
        size: tuple[int, int],
        *,
        client: Callable[[], Client | None],
        on_frames: Callable[[Sequence[WindowFrame]], None],
        on_state: Callable[[WatchState], None],
    ) -> None:
        self.window = window
        self.size = size
        self.state = WatchState()
        self._client = client
        self._on_frames = on_frames
        self._on_state = on_state
        self._view: View | None = None
        self._held = bytearray()
        self._wake = asyncio.Event()
        self._is_closed = False

    async def run(self) -> None:
        """Look until `close`, or until the window is gone."""
        while not self._is_closed and self.state.kind != "closed":
            client = self._client()
            if client is None:
                self._set_lost("no daemon")
                await self._pause(RETRY_S)
                continue
            try:
                await self._look(client)
            except (SessionNotFound, WindowNotFound) as error:
                self._set(WatchState(kind="closed", reason=str(error)))
            except FugueError as error:
                self._set_lost(str(error))
                await self._pause(RETRY_S)

    async def _look(self, client: Client) -> None:
        size = self.size
        view = await client.windows.attach(self.window.session, self.window.window, form="cells", size=size)
        self._view = view
        try:
            if self._is_closed:
                return
            if self.size != size:
                view.resize(*self.size)
            if view.window.exited is None:
                self._type_held(view)
                self._set(WatchState(kind="live"))
            while events := await view.next_batch():
                self._on_frames([event for event in events if not isinstance(event, WindowOutput)])
        finally:
            self._view = None
            view.close()
        if self._is_closed or view.ended is None:  # type: ignore[redundant-expr]  # `close` has changed it meanwhile
            return
        if view.ended.exited is None:
            self._set_lost(view.ended.reason)
        else:
            self._held.clear()
            self._wake.clear()
            self._set(WatchState(kind="exited", exited=view.ended.exited))
            await self._pause(None)

    def type(self, data: bytes) -> None:
        """Type; where nobody can take it now, it waits."""
        view = self._view
        if view is not None and view.ended is None:
            view.type(data)
        elif self.state.kind in {"waiting", "lost"}:
            if len(self._held) + len(data) <= HELD_BYTES:
                self._held += data
                if self.state.kind == "lost":
                    self._set_lost(self.state.reason)
            else:
                self._set_lost("too much waits, what you type now is lost")

    def resize(self, size: tuple[int, int]) -> None:
        """Whoever looks has another size."""
        if size != self.size:
            self.size = size
            if self._view is not None:
                self._view.resize(*size)

    def retry(self) -> None:
        """Look again: the daemon is back, or another program runs in the window."""
        self._wake.set()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._wake.set()
        if self._view is not None:
            self._view.close()

    # -------------------------------------------------------------------------------------------------------- private

    def _type_held(self, view: View) -> None:
        held, self._held = bytes(self._held), bytearray()
        view.type(held)

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _set_lost(self, reason: str) -> None:
        self._set(WatchState(kind="lost", reason=reason, held_bytes=len(self._held)))

    def _set(self, state: WatchState) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)
