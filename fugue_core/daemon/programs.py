"""The programs of all sessions: begun, ended, and what has become of them put on disk.

Which windows there are is the hub's to know and is on disk; what runs in them is the keeper's. Here both are kept one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol, Self, TypeVar
from uuid import UUID

import msgspec

from fugue_core.background import Background
from fugue_core.daemon.config import Config
from fugue_core.daemon.view import Views
from fugue_core.errors import FugueError, InvalidParams, SessionNotFound, TooManyWindows, WindowNotFound
from fugue_core.hub import Hub
from fugue_core.printable import printable
from fugue_core.protocol.events import Event
from fugue_core.protocol.session import SessionId, SessionInfo
from fugue_core.protocol.window import (
    CreateSession,
    Program,
    ProgramExit,
    WindowChanged,
    WindowClosed,
    WindowInfo,
)
from fugue_core.record import SessionRecord, WindowRecord
from fugue_core.terminal.fleet import Fleet
from fugue_core.terminal.window import Window

log = logging.getLogger(__name__)

T = TypeVar("T")

TERM = "xterm-256color"
"""What programs are told that their terminal is; every machine knows it."""
WINDOW_NAME_CHARS = 64


class ProgramHost(msgspec.Struct, frozen=True, kw_only=True):
    """What only the server knows.

    Fields:
        keeper_path: The keeper's socket.
        screens_dir: Where what programs wrote is kept, for the next daemon.
        socket_path: What programs find as FUGUE_SOCKET; None: this daemon has none.
        is_last: The programs end with this daemon.
    """

    keeper_path: str
    screens_dir: str
    socket_path: str | None
    is_last: bool = False

    @classmethod
    def local(cls, state_dir: str) -> Self:
        """Return what a daemon without a socket has; its programs end with it."""
        return cls(
            keeper_path=f"{state_dir}/keeper", screens_dir=f"{state_dir}/screens", socket_path=None, is_last=True
        )


class Turns(Protocol):
    """How programs change what is on disk, and tell of what is not. See `switchboard.Switchboard`."""

    def change(self, make: Callable[[], T]) -> asyncio.Future[T]:
        """Change the hub within the next turn."""

    def tell(self, event: Event) -> None:
        """Tell every subscriber, after what the next turn brings."""


class Programs:
    """Begin and end programs, and keep what is on disk of them true.

    Invariant: `_owners` has the session of each run of a program, from before its `WindowRecord` is on disk until after
    it is no more; of these, the fleet has a window. `_ended` has those whose end was not dealt with yet.

    Attributes:
        is_last: The programs end with this daemon.
    """

    _turns: Turns  # from `start` on

    def __init__(self, hub: Hub, views: Views, config: Config, host: ProgramHost, new_id: Callable[[], UUID]) -> None:
        self._hub = hub
        self._views = views
        self._limits = config.limits
        self._patience = (config.terminal.hangup_s, config.terminal.terminate_s)
        self._host = host
        self._new_id = new_id
        self._loop = asyncio.get_running_loop()
        self._background = Background()
        self._fleet = Fleet(
            host.keeper_path,
            host.screens_dir,
            scrollback_lines=config.limits.scrollback_lines,
            size_policy=config.terminal.size,
            is_bound=host.is_last,
            on_exit=lambda key, exited: self._background.run(self._take_exit(key, exited)),
            on_news=self._tell_news,
        )
        self._owners: dict[str, SessionId] = {}
        self._ended: dict[str, asyncio.Future[ProgramExit]] = {}
        self._staying: set[str] = set()
        self._killed: set[str] = set()
        self._ending: set[SessionId] = set()
        self.is_last = host.is_last

    async def start(self, turns: Turns) -> None:
        """Take up what the keeper holds; close windows whose programs are gone. Raises nothing but our own bugs."""
        self._turns = turns
        stored = {window.key: (record.id, window) for record in self._hub.records() for window in record.windows}
        self._owners = {key: session for key, (session, _) in stored.items()}
        exited = [key for key, (_, window) in stored.items() if window.exited is not None]
        running = stored.keys() - set(exited)
        self._ended = {key: self._loop.create_future() for key in running}
        for key in await self._fleet.take_up(running, exited):
            session, window = stored[key]
            await self.close_window(session, window, ProgramExit(at=time.time()))

    async def close(self) -> None:
        """Leave the programs to the keeper, with their screens on disk; or end them, where this daemon is the last."""
        await self._background.cancel()
        await self._fleet.close(end_programs=self.is_last)

    def tick(self) -> None:
        """Let go of windows that are on disk no more. To be called about once a second."""
        stored = {window.key for record in self._hub.records() for window in record.windows}
        for key in [key for key in self._owners if key not in stored and key not in self._ended]:
            self._views.end_all(self._fleet.windows.get(key), "its session has ended")
            self.give_up(key)

    def note_requests(self) -> None:
        """Let floods make room: somebody asks for something."""
        self._fleet.pace.note_request()

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self._owners)

    @property
    def keeper_pid(self) -> int | None:
        """The process that holds the programs, where there is one."""
        return self._fleet.keeper_pid

    # ------------------------------------------------------------------------------------------------- a program's way

    def new_window(
        self, program: Program, number: int, name: str | None = None, window_id: UUID | None = None
    ) -> WindowRecord:
        """Return what is to be on disk of a window for a program; without a command, it is the user's shell."""
        command = program.command or (program.environment.get("SHELL") or "/bin/sh",)
        return WindowRecord(
            id=window_id or self._new_id(),
            number=number,
            name=name or _name_of(command[0]),
            command=command,
            directory=program.directory,
            created_at=time.time(),
            keep=program.keep,
        )

    @contextlib.asynccontextmanager
    async def begun(
        self, session: SessionId, window: WindowRecord, program: Program, undo: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Make a program ready; within the block the window comes to be on disk; after it the program begins.

        Where anything fails the program never ran, nothing is left of it, and `undo` takes the window off the disk.
        """
        if len(self._owners) >= self._limits.windows:
            raise TooManyWindows(self._limits.windows)
        if not os.path.isabs(program.directory):
            raise InvalidParams(CreateSession.method, f"`directory` must be absolute, not {program.directory!r}")
        key = window.key
        environment = self._environment(session, window, program)
        self._owners[key] = session
        self._ended[key] = self._loop.create_future()
        try:
            command = window.command
            await self._fleet.prepare(key, msgspec.structs.replace(program, command=command, environment=environment))
            yield
            await self._fleet.go(key)
        except BaseException:
            self.give_up(key)
            with contextlib.suppress(FugueError):
                await self.change(undo)
            raise
        self.tell_changed(session, window)

    async def end(self, window: WindowRecord, *, stays: bool = False) -> ProgramExit:
        """End a program politely, then surely; return how it ended, once its window is closed (or kept: `stays`)."""
        key = window.key
        ended = self._ended.get(key)
        if ended is None:
            return window.exited or ProgramExit(at=time.time())
        self._killed.add(key)
        if stays:
            self._staying.add(key)
        self._fleet.signal(key, signal.SIGHUP)
        self._fleet.signal(key, signal.SIGCONT)  # or a program that was stopped would not hear of it
        for patience_s, number in zip(self._patience, (signal.SIGTERM, signal.SIGKILL), strict=True):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(ended), patience_s)
            self._fleet.signal(key, number)
        return await asyncio.shield(ended)

    async def end_session(self, record: SessionRecord) -> SessionInfo:
        """End a session and all its programs. Raises `SessionNotFound` where somebody was faster."""
        self._ending.add(record.id)
        try:
            await asyncio.gather(*[self.end(window) for window in record.windows if window.exited is None])
            info = await self.change(lambda: self._hub.end(record.id))
        finally:
            self._ending.discard(record.id)
        if info is None:
            raise SessionNotFound(str(record.id))
        self.tick()
        return info

    async def close_window(
        self, session: SessionId, window: WindowRecord, exited: ProgramExit, *, is_killed: bool = False
    ) -> None:
        """Take a window whose program has exited off its session, or keep it; a session without any has ended."""
        key = window.key
        stays = key in self._staying or (window.keep and not is_killed and key not in self._killed)
        self._staying.discard(key)
        try:
            if stays:
                kept = msgspec.structs.replace(window, exited=exited)
                await self.change(lambda: self._hub.replace_window(session, kept))
                self.tell_changed(session, kept)
            else:
                ends = session not in self._ending
                await self.change(lambda: self._hub.remove_window(session, window, ends_session=ends))
                self._turns.tell(WindowClosed(session=session, window=window.number, id=window.id, exited=exited))
        except FugueError as error:
            log.error("window %s: %s", key, error)  # noqa: TRY400  # the store refuses; the next daemon sees it again
        ended = self._ended.pop(key, None)
        self._views.end_all(self._fleet.windows.get(key), words(exited), exited)
        kill = key in self._killed  # then nothing of it stays in the background
        self._killed.discard(key)
        if stays:
            self._fleet.rest(key, kill=kill)
        else:
            self.give_up(key, kill=kill)
        if ended is not None:
            ended.set_result(exited)

    def give_up(self, key: str, *, kill: bool = False) -> None:
        """Let go of a run of a program; `kill`: and of whatever it left in the background."""
        self._owners.pop(key, None)
        self._ended.pop(key, None)
        self._fleet.give_up(key, kill=kill)

    def _environment(self, session: SessionId, window: WindowRecord, program: Program) -> dict[str, str]:
        added = {"FUGUE_SESSION": str(session), "FUGUE_WINDOW": str(window.number), "TERM": TERM}
        if self._host.socket_path is not None:
            added["FUGUE_SOCKET"] = self._host.socket_path
        # what speaks of the terminal from which the program was started is not true of its own
        stale = {"COLUMNS", "LINES", "TMUX", "TMUX_PANE", "STY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION"}
        kept = {name: value for name, value in program.environment.items() if name not in stale}
        return {"PWD": program.directory, **kept, **added, "COLORTERM": "truecolor"}

    async def _take_exit(self, key: str, exited: ProgramExit) -> None:
        found = self._stored(key)
        if found is not None:
            await self.close_window(*found, exited)

    # --------------------------------------------------------------------------------------------------- what is known

    def shown(self, record: SessionRecord, window: WindowRecord) -> Window:
        """Return the terminal and screen of a window. Raises `WindowNotFound`."""
        shown = self.window_of(window)
        if shown is None:  # it is on disk, and its program is just ending or beginning
            raise WindowNotFound(record.name, window.number)
        return shown

    def window_of(self, window: WindowRecord) -> Window | None:
        """Return the terminal and screen of a window, where it has them; also once its program has exited."""
        return self._fleet.windows.get(window.key)

    def pid_of(self, window: WindowRecord) -> int | None:
        """Return the process of a window's program; None where it has exited."""
        return self._fleet.pid_of(window.key)

    def infos(self) -> tuple[WindowInfo, ...]:
        """Return all windows, for a snapshot."""
        return tuple([self.info(record.id, window) for record in self._hub.records() for window in record.windows])

    def info(self, session: SessionId, window: WindowRecord) -> WindowInfo:
        """Return what others are told of a window."""
        shown = self.window_of(window)
        return WindowInfo(
            session=session,
            window=window.number,
            id=window.id,
            name=window.name,
            command=window.command,
            directory=window.directory,
            created_at=window.created_at,
            cols=0 if shown is None else shown.cols,
            rows=0 if shown is None else shown.rows,
            pid=self._fleet.pid_of(window.key),
            title="" if shown is None else printable(shown.title),
            bells=0 if shown is None else shown.bells,
            viewers=0 if shown is None else len(shown.viewers),
            last_output_at=None if shown is None else shown.last_output_at,
            exited=window.exited,
        )

    async def change(self, make: Callable[[], T]) -> T:
        """Change the hub within the next turn."""
        return await self._turns.change(make)

    def tell_changed(self, session: SessionId, window: WindowRecord) -> None:
        """Tell every subscriber how a window is now."""
        self._turns.tell(WindowChanged(window=self.info(session, window)))

    def _tell_news(self, key: str) -> None:
        found = self._stored(key)
        if found is not None:
            self.tell_changed(*found)

    def _stored(self, key: str) -> tuple[SessionId, WindowRecord] | None:
        session = self._owners.get(key)
        record = None if session is None else self._hub.record_of(session)
        if record is None:
            return None
        return next(((record.id, window) for window in record.windows if window.key == key), None)


def _name_of(program: str) -> str:
    """Return what a window is called after its program: the last part of its path."""
    return printable(os.path.basename(program) or program)[:WINDOW_NAME_CHARS] or "program"


def words(exited: ProgramExit) -> str:
    """Return how a program ended, as people say it."""
    if exited.signal is not None:
        try:
            name = signal.Signals(exited.signal).name
        except ValueError:
            name = f"signal {exited.signal}"
        return f"ended by {name}"
    return "ended" if exited.code is None else f"exited with {exited.code}"
