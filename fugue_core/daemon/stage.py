"""The windows of all sessions: programs are started and ended here, looked at, and typed into.

Which windows there are is the hub's to know and is on disk; what runs in them is the keeper's. The stage stands
between: it has a terminal and a screen for each program, and answers the requests of `protocol.window`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

import msgspec

from fugue_core.daemon.config import TerminalConfig
from fugue_core.daemon.peer import Peer
from fugue_core.daemon.view import Place, Views
from fugue_core.errors import (
    FugueError,
    InputFull,
    InternalError,
    InvalidName,
    InvalidParams,
    ProgramExited,
    ProgramRuns,
    ReadOnly,
    SessionNotFound,
    TooManyWaiting,
    TooManyWindows,
    ViewNotFound,
    WindowNotFound,
)
from fugue_core.hub import Hub, free_number
from fugue_core.limits import Limits
from fugue_core.printable import printable
from fugue_core.protocol.events import Event
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import EndSession
from fugue_core.protocol.rpc import CallId
from fugue_core.protocol.session import SessionId, SessionInfo
from fugue_core.protocol.window import (
    WINDOW_REQUESTS,
    Attached,
    AttachWindow,
    Captured,
    CaptureWindow,
    CreateSession,
    CreateWindow,
    DetachView,
    Done,
    KillWindow,
    LineRange,
    ListWindows,
    Program,
    ProgramExit,
    ReadLines,
    RenameWindow,
    ResizeView,
    ResizeWindow,
    RespawnWindow,
    SendInput,
    Typed,
    TypeInView,
    WindowChanged,
    WindowClosed,
    WindowEvent,
    WindowInfo,
    WindowList,
)
from fugue_core.record import SessionRecord, WindowRecord
from fugue_core.terminal.fleet import Fleet
from fugue_core.terminal.screen import ansi_line, text_line
from fugue_core.terminal.window import Window

log = logging.getLogger(__name__)

T = TypeVar("T")

TERM = "xterm-256color"
"""What programs are told that their terminal is; every machine knows it."""
WINDOW_NAME_CHARS = 64
CAPTURED_AT_ONCE = 200
"""Lines of scrollback that are read before anybody else has a turn; a few milliseconds."""


class StageHost(msgspec.Struct, frozen=True, kw_only=True):
    """What only the server knows.

    Fields:
        keeper_path: The keeper's socket.
        screens_dir: Where screens are kept while no daemon runs.
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
    """How the stage changes what is on disk, and tells of what is not. See `switchboard.Switchboard`."""

    def change(self, make: Callable[[], T]) -> asyncio.Future[T]:
        """Change the hub within the next turn."""

    def tell(self, event: Event) -> None:
        """Tell every subscriber, after what the next turn brings."""


class Stage:
    """Run programs for sessions.

    Invariant: `_owners` has the session of each run of a program, from before its `WindowRecord` is on disk until after
    it is no more; of these, the fleet has a window. `_ended` has those whose end was not dealt with yet.
    """

    _turns: Turns  # from `start` on

    def __init__(
        self, hub: Hub, limits: Limits, config: TerminalConfig, host: StageHost, new_id: Callable[[], UUID]
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._config = config
        self._host = host
        self._new_id = new_id
        self._loop = asyncio.get_running_loop()
        self._fleet = Fleet(
            host.keeper_path,
            host.screens_dir,
            scrollback_lines=limits.scrollback_lines,
            size_policy=config.size,
            on_exit=lambda key, exited: self._run(self._take_exit(key, exited)),
            on_news=self._tell_news,
        )
        self._owners: dict[str, SessionId] = {}
        self._ended: dict[str, asyncio.Future[ProgramExit]] = {}
        self._staying: set[str] = set()
        self._killed: set[str] = set()
        self._ending: set[SessionId] = set()
        self.is_last = host.is_last
        self._views = Views(limits)
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[type[Request], Callable[[Peer, Any], msgspec.Struct]] = {
            ListWindows: self._list,
            ResizeWindow: self._resize,
            SendInput: self._input,
            ReadLines: self._lines,
            AttachWindow: self._attach,
            TypeInView: self._type_in_view,
            ResizeView: self._resize_view,
            DetachView: self._detach,
        }
        self._works: dict[type[Request], Callable[[Peer, Any], Coroutine[Any, Any, msgspec.Struct]]] = {
            CreateSession: self._create,
            CreateWindow: self._create_window,
            RenameWindow: self._rename,
            KillWindow: self._kill,
            RespawnWindow: self._respawn,
            EndSession: self._end,
            CaptureWindow: self._capture,
        }

    # ------------------------------------------------------------------------------------------------ begin and end

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
            await self._close_window(session, window, ProgramExit(at=time.time()))

    async def close(self) -> None:
        """Leave the programs to the keeper, with their screens on disk; or end them, where this daemon is the last."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._views.finish()
        await self._fleet.close(end_programs=self.is_last)

    def can_handle(self, request: Request) -> bool:
        """Say whether a request is the stage's."""
        return isinstance(request, WINDOW_REQUESTS) or type(request) is EndSession

    def takes_end(self, peer: Peer, request: Request) -> bool:
        """Say whether a `session.end` is the stage's: the session has programs, which end first."""
        if type(request) is not EndSession:
            return False
        try:
            return bool(self._hub.find(peer.caller, request, request.session).windows)
        except FugueError:
            return False  # as the hub will say

    def ask(self, peer: Peer, call_id: CallId, request: Request) -> None:
        """Answer into `peer.out`, now or, where a program is to be started or ended, later."""
        answer = self._answers.get(type(request))
        if answer is not None:
            peer.answer(call_id, _attempt(lambda: answer(peer, request)))
            return
        if peer.waiting >= self._limits.waiting_requests:
            peer.answer(call_id, TooManyWaiting(self._limits.waiting_requests))
            return
        peer.waiting += 1
        task = self._loop.create_task(self._work(peer, call_id, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def resume(self, peer: Peer) -> None:
        """Go on with the views of a connection that reads again."""
        self._views.resume(peer)

    def leave(self, peer: Peer) -> None:
        """Forget a connection and what it looked at."""
        self._views.leave(peer)

    def note_requests(self) -> None:
        """Let floods make room: somebody asks for something."""
        self._fleet.pace.note_request()

    @property
    def window_count(self) -> int:
        """How many windows there are."""
        return len(self._owners)

    @property
    def keeper_pid(self) -> int | None:
        """The process that holds the programs, where there is one."""
        return self._fleet.keeper_pid

    def infos(self) -> tuple[WindowInfo, ...]:
        """Return all windows, for a snapshot."""
        return tuple([self._info(record.id, window) for record in self._hub.records() for window in record.windows])

    # ------------------------------------------------------------------------------------------- what is answered later

    async def _work(self, peer: Peer, call_id: CallId, request: Request) -> None:
        answer: msgspec.Struct | FugueError
        try:
            answer = await self._works[type(request)](peer, request)
        except FugueError as error:
            answer = error
        except Exception as error:
            log.exception("%s failed", request.method)
            answer = InternalError(f"{type(error).__name__}: {error}")
        finally:
            peer.waiting -= 1
        if not peer.has_left:
            peer.answer(call_id, answer)
            peer.flush()

    async def _create(self, _peer: Peer, request: CreateSession) -> SessionInfo:
        known = self._hub.check_new(request)
        if known is not None:
            return known
        session = SessionId(request.id or self._new_id())
        window = self._new_window(request.program, 0)
        undo = partial(self._hub.remove_window, session, window)
        async with self._started(session, window, request.program, undo):
            return await self._change(lambda: self._hub.create(request, session, window))

    async def _create_window(self, peer: Peer, request: CreateWindow) -> WindowInfo:
        record = self._hub.find(peer.caller, request, request.session)
        known = next((window for window in record.windows if window.id == request.id), None)
        if known is not None:
            return self._info(record.id, known)
        if request.name is not None:
            _check_window_name(request.name)
        window = self._new_window(request.program, free_number(record), request.name, request.id)
        undo = partial(self._hub.remove_window, record.id, window)
        async with self._started(record.id, window, request.program, undo):
            window = await self._change(lambda: self._hub.add_window(record.id, window))
        return self._info(record.id, window)

    async def _respawn(self, peer: Peer, request: RespawnWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        if window.exited is None:
            if not request.kill:
                raise ProgramRuns(record.name, window.number)
            await self._end_program(window, stays=True)
        program = request.program
        command = program.command or window.command
        again = msgspec.structs.replace(
            window,
            run=window.run + 1,
            command=command,
            directory=program.directory or window.directory,
            keep=window.keep or program.keep,
            exited=None,
        )
        program = msgspec.structs.replace(program, directory=again.directory)
        before = self._find(peer, request, str(record.id), window.number)[1]  # which has exited, now at the latest
        async with self._started(record.id, again, program, partial(self._hub.replace_window, record.id, before)):
            await self._change(lambda: self._hub.replace_window(record.id, again))
        self._give_up(before.key)
        return self._info(record.id, again)

    async def _rename(self, peer: Peer, request: RenameWindow) -> WindowInfo:
        _check_window_name(request.name)
        record, window = self._find(peer, request, request.session, request.window)
        renamed = msgspec.structs.replace(window, name=request.name)
        await self._change(lambda: self._hub.replace_window(record.id, renamed))
        self._tell_changed(record.id, renamed)
        return self._info(record.id, renamed)

    async def _kill(self, peer: Peer, request: KillWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        info = self._info(record.id, window)
        if window.exited is None:
            exited = await self._end_program(window)
        else:
            exited = window.exited
            await self._close_window(record.id, window, exited, is_killed=True)
        return msgspec.structs.replace(info, pid=None, exited=exited)

    async def _end(self, peer: Peer, request: EndSession) -> SessionInfo:
        record = self._hub.find(peer.caller, request, request.session)
        self._ending.add(record.id)
        try:
            await asyncio.gather(*[self._end_program(window) for window in record.windows if window.exited is None])
            info = await self._change(lambda: self._hub.end(record.id))
        finally:
            self._ending.discard(record.id)
        if info is None:
            raise SessionNotFound(str(record.id))  # somebody was faster
        self.tick()
        return info

    async def _capture(self, peer: Peer, request: CaptureWindow) -> Captured:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self._shown(record, window).screen
        row, column = screen.cursor
        history_rows = screen.history_rows
        show = ansi_line if request.ansi else text_line
        above = []
        for first in range(0, history_rows if request.scrollback else 0, CAPTURED_AT_ONCE):
            lines = screen.lines(first, min(CAPTURED_AT_ONCE, history_rows - first))
            above += [f"{show(line)}\n" for line in lines]
            await asyncio.sleep(0)  # all ten thousand would take half a second
            screen = self._shown(record, window).screen  # or it has gone meanwhile
        return Captured(
            text="".join(above) + screen.capture(ansi=request.ansi, scrollback=request.scrollback and not above),
            cols=screen.cols,
            rows=screen.rows,
            cursor=(column, row),
            title=printable(screen.title),
            history_rows=history_rows,
        )

    # ----------------------------------------------------------------------------------------- what is answered at once

    def _list(self, peer: Peer, request: ListWindows) -> WindowList:
        if request.session is None:
            return WindowList(windows=self.infos())
        record = self._hub.find(peer.caller, request, request.session)
        return WindowList(windows=tuple([self._info(record.id, window) for window in record.windows]))

    def _resize(self, peer: Peer, request: ResizeWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        running = self._fleet.windows.get(window.key)
        if running is not None:
            running.resize(request.cols, request.rows)
        return self._info(record.id, window)

    def _input(self, peer: Peer, request: SendInput) -> Typed:
        record, window = self._find(peer, request, request.session, request.window)
        running = self._running(record, window)
        data = running.paste(request.data) if request.paste else request.data
        self._type(record, window, running, data + b"\r" * request.enter)
        return Typed(size_bytes=len(data) + request.enter)

    def _lines(self, peer: Peer, request: ReadLines) -> LineRange:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self._shown(record, window).screen
        total = screen.history_rows + screen.rows
        first = min(max(0, request.first if request.first >= 0 else total + request.first), total)
        lines = screen.lines(first, min(request.limit, self._limits.page_messages, total - first))
        return LineRange(lines=tuple(lines), first=first, total=total)

    def _attach(self, peer: Peer, request: AttachWindow) -> Attached:
        record, window = self._find(peer, request, request.session, request.window)
        place = Place(record.id, window.number, self._shown(record, window))
        view = self._views.begin(peer, place, request)
        if window.exited is not None:
            self._loop.call_soon(self._views.end, view, _words(window.exited), window.exited)
        return Attached(view=view.number, window=self._info(record.id, window))

    def _type_in_view(self, peer: Peer, request: TypeInView) -> Done:
        view = self._views.find(peer, request.view)
        if view.is_read_only:
            raise ReadOnly(request.view)
        record = self._hub.record_of(view.place.session)
        window = None if record is None else _numbered(record, view.place.number)
        if record is None or window is None:
            raise ViewNotFound(request.view)
        self._type(record, window, self._running(record, window), request.data)
        view.place.window.prefer(view)
        return Done()

    def _resize_view(self, peer: Peer, request: ResizeView) -> Done:
        view = self._views.find(peer, request.view)
        view.size = (request.cols, request.rows)
        view.place.window.prefer(view)
        view.place.window.fit()
        return Done()

    def _detach(self, peer: Peer, request: DetachView) -> Done:
        self._views.forget(self._views.find(peer, request.view))
        return Done()

    # ---------------------------------------------------------------------------------------------------- programs

    @contextlib.asynccontextmanager
    async def _started(
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
            self._give_up(key)
            with contextlib.suppress(FugueError):
                await self._change(undo)
            raise
        self._tell_changed(session, window)

    def _give_up(self, key: str, *, kill: bool = False) -> None:
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

    async def _end_program(self, window: WindowRecord, *, stays: bool = False) -> ProgramExit:
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
        for patience_s, number in (
            (self._config.hangup_s, signal.SIGTERM),
            (self._config.terminate_s, signal.SIGKILL),
        ):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(ended), patience_s)
            self._fleet.signal(key, number)
        return await asyncio.shield(ended)

    async def _take_exit(self, key: str, exited: ProgramExit) -> None:
        found = self._stored(key)
        if found is not None:
            await self._close_window(*found, exited)

    async def _close_window(
        self, session: SessionId, window: WindowRecord, exited: ProgramExit, *, is_killed: bool = False
    ) -> None:
        """Take a window whose program has exited off its session, or keep it; a session without any has ended."""
        key = window.key
        stays = key in self._staying or (window.keep and not is_killed and key not in self._killed)
        self._staying.discard(key)
        try:
            if stays:
                kept = msgspec.structs.replace(window, exited=exited)
                await self._change(lambda: self._hub.replace_window(session, kept))
                self._tell_changed(session, kept)
            else:
                ends = session not in self._ending
                await self._change(lambda: self._hub.remove_window(session, window, ends_session=ends))
                self._tell(WindowClosed(session=session, window=window.number, id=window.id, exited=exited))
        except FugueError as error:
            log.error("window %s: %s", key, error)  # noqa: TRY400  # the store refuses; the next daemon sees it again
        ended = self._ended.pop(key, None)
        self._views.end_all(self._fleet.windows.get(key), _words(exited), exited)
        kill = key in self._killed  # then nothing of it stays in the background
        self._killed.discard(key)
        if stays:
            self._fleet.rest(key, kill=kill)
        else:
            self._give_up(key, kill=kill)
        if ended is not None:
            ended.set_result(exited)

    def tick(self) -> None:
        """Let go of windows that are on disk no more, and save screens. To be called about once a second."""
        stored = {window.key for record in self._hub.records() for window in record.windows}
        for key in [key for key in self._owners if key not in stored and key not in self._ended]:
            self._views.end_all(self._fleet.windows.get(key), "its session has ended")
            self._give_up(key)
        self._fleet.save_screens()

    async def _change(self, make: Callable[[], T]) -> T:
        return await self._turns.change(make)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --------------------------------------------------------------------------------------------------- what is known

    def _find(
        self, peer: Peer, request: Request, session: str | None, number: int | None
    ) -> tuple[SessionRecord, WindowRecord]:
        record = self._hub.find(peer.caller, request, session)
        if not record.windows:
            raise WindowNotFound(record.name)
        window = record.windows[0] if number is None else _numbered(record, number)
        if window is None:
            raise WindowNotFound(record.name, number)
        return record, window

    def _stored(self, key: str) -> tuple[SessionId, WindowRecord] | None:
        session = self._owners.get(key)
        record = None if session is None else self._hub.record_of(session)
        windows = () if record is None else record.windows
        return next(((record.id, window) for window in windows if record and window.key == key), None)

    def _shown(self, record: SessionRecord, window: WindowRecord) -> Window:
        shown = self._fleet.windows.get(window.key)
        if shown is None:  # it is on disk, and its program is just ending or beginning
            raise WindowNotFound(record.name, window.number)
        return shown

    def _running(self, record: SessionRecord, window: WindowRecord) -> Window:
        if window.exited is not None:
            raise ProgramExited(record.name, window.number)
        return self._shown(record, window)

    def _type(self, record: SessionRecord, window: WindowRecord, running: Window, data: bytes) -> None:
        if running.waiting_bytes + len(data) > self._limits.input_bytes:
            raise InputFull(record.name, window.number, self._limits.input_bytes)
        running.type(data)

    def _tell_news(self, key: str) -> None:
        found = self._stored(key)
        if found is not None:
            self._tell_changed(*found)

    def _tell_changed(self, session: SessionId, window: WindowRecord) -> None:
        self._tell(WindowChanged(window=self._info(session, window)))

    def _tell(self, event: WindowEvent) -> None:
        self._turns.tell(event)

    def _info(self, session: SessionId, window: WindowRecord) -> WindowInfo:
        shown = self._fleet.windows.get(window.key)
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

    def _new_window(
        self, program: Program, number: int, name: str | None = None, window: UUID | None = None
    ) -> WindowRecord:
        command = program.command or (program.environment.get("SHELL") or "/bin/sh",)
        return WindowRecord(
            id=window or self._new_id(),
            number=number,
            name=name or _name_of(command[0]),
            command=command,
            directory=program.directory,
            created_at=time.time(),
            keep=program.keep,
        )


def _numbered(record: SessionRecord, number: int) -> WindowRecord | None:
    return next((window for window in record.windows if window.number == number), None)


def _check_window_name(name: str) -> None:
    if not (0 < len(name) <= WINDOW_NAME_CHARS and name.isprintable()):
        raise InvalidName(name, f"a window's name has 1 to {WINDOW_NAME_CHARS} printable characters")


def _name_of(program: str) -> str:
    """Return what a window is called after its program: the last part of its path."""
    return printable(os.path.basename(program) or program)[:WINDOW_NAME_CHARS] or "program"


def _attempt(answer: Callable[[], msgspec.Struct]) -> msgspec.Struct | FugueError:
    try:
        return answer()
    except FugueError as error:
        return error


def _words(exited: ProgramExit) -> str:
    """Return how a program ended, as people say it."""
    if exited.signal is not None:
        try:
            name = signal.Signals(exited.signal).name
        except ValueError:
            name = f"signal {exited.signal}"
        return f"ended by {name}"
    return "ended" if exited.code is None else f"exited with {exited.code}"
