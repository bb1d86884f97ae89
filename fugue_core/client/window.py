"""Windows as a client sees them: start programs, look at them, type into them. Reached as `client.windows`."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from fugue_core.client.whereabouts import whereabouts
from fugue_core.errors import ConnectionLost
from fugue_core.identifier import new_id
from fugue_core.protocol.request import Request
from fugue_core.protocol.session import SessionInfo, Wake
from fugue_core.protocol.window import (
    Attached,
    AttachWindow,
    Captured,
    CaptureWindow,
    CreateSession,
    CreateWindow,
    DetachView,
    KillWindow,
    LineRange,
    ListWindows,
    Program,
    ReadLines,
    RenameWindow,
    ResizeView,
    ResizeWindow,
    RespawnWindow,
    SendInput,
    Typed,
    TypeInView,
    ViewEnded,
    WakeSession,
    WindowFrame,
    WindowInfo,
    WindowOutput,
)
from fugue_core.umask import umask

VIEW_EVENTS = (WindowOutput, WindowFrame, ViewEnded)


class View:
    """A look at a window: `async for event in view`, until it ends; `ended` then says why.

    Attributes:
        window: As it was when the view began.
        ended: None while it goes on. A lost connection ends it as well: attach again.
    """

    def __init__(self, attached: Attached, tell: Callable[[Request], None], on_close: Callable[[View], None]) -> None:
        self.number = attached.view
        self.window = attached.window
        self.ended: ViewEnded | None = None
        self._tell = tell
        self._on_close = on_close
        self._queue: deque[WindowOutput | WindowFrame] = deque()
        self._news = asyncio.Event()

    def type(self, data: bytes) -> None:
        """Type into the program's terminal. What is under way when the connection is lost may be lost with it."""
        if data and self.ended is None:
            self._tell(TypeInView(view=self.number, data=data))

    def resize(self, cols: int, rows: int) -> None:
        """Say that the viewer has another size."""
        if self.ended is None:
            self._tell(ResizeView(view=self.number, cols=cols, rows=rows))

    def close(self) -> None:
        """Look no more."""
        if self.ended is None:
            self._tell(DetachView(view=self.number))
            self.end("closed")

    def __aiter__(self) -> View:
        return self

    async def __anext__(self) -> WindowOutput | WindowFrame:
        while not self._queue:
            if self.ended is not None:
                raise StopAsyncIteration
            await self._wait()
        return self._queue.popleft()

    async def next_batch(self) -> list[WindowOutput | WindowFrame]:
        """Wait for an event; return it with all others that are there already; none once the view has ended."""
        while not self._queue and self.ended is None:
            await self._wait()
        events = list(self._queue)
        self._queue.clear()
        return events

    # ------------------------------------------------------------------------------------------------- for the client

    def take(self, event: WindowOutput | WindowFrame | ViewEnded) -> None:
        """Take in an event as it came."""
        if isinstance(event, ViewEnded):
            self.ended = event
            self._on_close(self)
        else:
            self._queue.append(event)
        self._news.set()

    def end(self, reason: str) -> None:
        """Let the view end for a reason of this side's."""
        if self.ended is None:
            self.take(ViewEnded(view=self.number, reason=reason))

    # -------------------------------------------------------------------------------------------------------- private

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()


Attach = Callable[[AttachWindow], Awaitable[View]]


class Windows:
    """Everything that a client can ask about windows. `session` is an id or a name, and absent the client's own.

    The errors of each method are those that its request lists in `protocol.window`.
    """

    def __init__(self, ask: Callable[[Request], Awaitable[Any]], attach: Attach) -> None:
        self._ask = ask
        self._attach = attach

    async def new_session(  # noqa: PLR0913  # as many as the request has fields
        self,
        command: Sequence[str] = (),
        *,
        name: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
        keep: bool = False,
        wake: Wake = "off",
    ) -> SessionInfo:
        """Make a session with a program in its window 0, see `CreateSession`.

        Args:
            command: The program and its arguments; empty: the user's shell.
            name: Absent: the daemon finds one.
            tags: To begin with.
            metadata: To begin with.
            directory: Where it works, absent: here; its repository and worktree are found by asking git.
            environment: All of the program's environment; absent: this process's.
            size: Columns and rows, until somebody looks.
            keep: The window stays when the program exits.
            wake: See `wake`.
        """
        program = _program(command, directory, environment, size, keep=keep)
        there = await whereabouts(program.directory)
        request = CreateSession(
            program=program,
            name=name,
            tags=tuple(tags),
            metadata=dict(metadata or {}),
            repo=there.repo,
            worktree=there.worktree,
            id=new_id(),
            wake=wake,
        )
        info: SessionInfo = await self._ask(request)
        return info

    async def wake(self, wake: Wake, session: str | UUID | None = None) -> SessionInfo:
        """Let a session's program be told of mail that waits, by a line typed into its terminal, see `WakeSession`."""
        info: SessionInfo = await self._ask(WakeSession(wake=wake, session=_text(session)))
        return info

    async def new(  # noqa: PLR0913  # as many as the request has fields
        self,
        session: str | UUID | None = None,
        command: Sequence[str] = (),
        *,
        name: str | None = None,
        directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
        keep: bool = False,
    ) -> WindowInfo:
        """Start another program in a session, see `new_session`."""
        program = _program(command, directory, environment, size, keep=keep)
        request = CreateWindow(program=program, session=_text(session), name=name, id=new_id())
        info: WindowInfo = await self._ask(request)
        return info

    async def respawn(  # noqa: PLR0913  # as many as the request has fields
        self,
        session: str | UUID | None = None,
        window: int | None = None,
        command: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
        kill: bool = False,
    ) -> WindowInfo:
        """Start a program anew in a window whose program has exited; without a command, the one that it was."""
        program = Program(
            command=tuple(command),
            directory="",
            environment=dict(os.environ if environment is None else environment),
            cols=size[0],
            rows=size[1],
            umask=umask(),
        )
        info: WindowInfo = await self._ask(
            RespawnWindow(program=program, session=_text(session), window=window, kill=kill)
        )
        return info

    async def list(self, session: str | UUID | None = None) -> tuple[WindowInfo, ...]:
        """Return the windows of a session; absent: of all of them."""
        windows: tuple[WindowInfo, ...] = (await self._ask(ListWindows(session=_text(session)))).windows
        return windows

    async def rename(self, name: str, session: str | UUID | None = None, window: int | None = None) -> WindowInfo:
        """Give a window another name."""
        info: WindowInfo = await self._ask(RenameWindow(name=name, session=_text(session), window=window))
        return info

    async def kill(self, session: str | UUID | None = None, window: int | None = None) -> WindowInfo:
        """End a window's program, and close it; returns when that is done."""
        info: WindowInfo = await self._ask(KillWindow(session=_text(session), window=window))
        return info

    async def resize(
        self, cols: int, rows: int, session: str | UUID | None = None, window: int | None = None
    ) -> WindowInfo:
        """Give a window another size."""
        info: WindowInfo = await self._ask(ResizeWindow(cols=cols, rows=rows, session=_text(session), window=window))
        return info

    async def type(
        self,
        data: bytes,
        session: str | UUID | None = None,
        window: int | None = None,
        *,
        paste: bool = False,
        enter: bool = False,
    ) -> int:
        """Type into a window's terminal; return how many bytes. After a lost connection they may come twice."""
        typed: Typed = await self._ask(
            SendInput(data=data, session=_text(session), window=window, paste=paste, enter=enter)
        )
        return typed.size_bytes

    async def capture(
        self,
        session: str | UUID | None = None,
        window: int | None = None,
        *,
        scrollback: bool = False,
        ansi: bool = False,
    ) -> Captured:
        """Read what a window shows."""
        request = CaptureWindow(session=_text(session), window=window, scrollback=scrollback, ansi=ansi)
        captured: Captured = await self._ask(request)
        return captured

    async def lines(
        self, first: int, limit: int = 100, session: str | UUID | None = None, window: int | None = None
    ) -> LineRange:
        """Read lines of scrollback and screen with their looks."""
        found: LineRange = await self._ask(ReadLines(first=first, limit=limit, session=_text(session), window=window))
        return found

    async def attach(
        self,
        session: str | UUID | None = None,
        window: int | None = None,
        *,
        form: Literal["bytes", "cells"] = "cells",
        size: tuple[int, int] | None = None,
        read_only: bool = False,
    ) -> View:
        """Look at a window from now on; `close` the view when done."""
        cols, rows = size or (None, None)
        return await self._attach(
            AttachWindow(session=_text(session), window=window, form=form, cols=cols, rows=rows, read_only=read_only)
        )


class Views:
    """The views of one client, by the numbers that its connection gave them."""

    def __init__(self) -> None:
        self._views: dict[int, View] = {}

    def __bool__(self) -> bool:
        return bool(self._views)

    def add(self, view: View) -> None:
        """Take in a view that has begun."""
        self._views[view.number] = view

    def discard(self, view: View) -> None:
        """Forget a view that has ended."""
        self._views.pop(view.number, None)

    def take(self, event: WindowOutput | WindowFrame | ViewEnded) -> None:
        """Give an event to the view that it is for."""
        view = self._views.get(event.view)
        if view is not None:
            view.take(event)

    def lose(self, error: ConnectionLost) -> None:
        """Let all of them end: the connection that they were on is gone."""
        for view in list(self._views.values()):
            view.end(str(error))


def _program(
    command: Sequence[str],
    directory: str | None,
    environment: Mapping[str, str] | None,
    size: tuple[int, int],
    *,
    keep: bool,
) -> Program:
    return Program(
        command=tuple(command),
        directory=os.path.abspath(directory or os.getcwd()),
        environment=dict(os.environ if environment is None else environment),
        cols=size[0],
        rows=size[1],
        keep=keep,
        umask=umask(),
    )


def _text(session: str | UUID | None) -> str | None:
    return None if session is None else str(session)
