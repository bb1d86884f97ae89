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
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

import msgspec

from fugue_core.daemon.config import TerminalConfig
from fugue_core.daemon.peer import Peer
from fugue_core.daemon.view import BytesView, CellsView, View
from fugue_core.errors import (
    FugueError,
    InputFull,
    InternalError,
    InvalidName,
    InvalidParams,
    NoKeeper,
    ProgramExited,
    ProgramRuns,
    ReadOnly,
    SessionNotFound,
    TooManyWaiting,
    TooManyWindows,
    ViewNotFound,
    WindowNotFound,
)
from fugue_core.hub import Hub
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
    ViewEnded,
    WindowChanged,
    WindowClosed,
    WindowEvent,
    WindowInfo,
    WindowList,
)
from fugue_core.record import SessionRecord, WindowRecord
from fugue_core.terminal.keeping import Keeper, Kept
from fugue_core.terminal.program import end_session, process_start
from fugue_core.terminal.pty import NO_TERMINAL, size_of
from fugue_core.terminal.screen import open_screen
from fugue_core.terminal.window import Window

log = logging.getLogger(__name__)

T = TypeVar("T")

TERM = "xterm-256color"
"""What programs are told that their terminal is; every machine knows it."""
WINDOW_NAME_CHARS = 64


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

    Invariant: `_windows` has a window for each `WindowRecord`, by its `key`, from before it is on disk until after it
    is no more. `_pids` and `_began` have those whose programs run.
    """

    def __init__(
        self, hub: Hub, limits: Limits, config: TerminalConfig, host: StageHost, new_id: Callable[[], UUID]
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._config = config
        self._host = host
        self._new_id = new_id
        self._turns: Turns | None = None
        self._loop = asyncio.get_running_loop()
        self._keeper: Keeper | None = None
        self._keeper_lock = asyncio.Lock()
        self._windows: dict[str, Window] = {}
        self._pids: dict[str, int] = {}
        self._began: dict[str, int | None] = {}
        self._made_ready: set[str] = set()
        self._ended: dict[str, asyncio.Future[ProgramExit]] = {}
        self._staying: set[str] = set()
        self._ending: set[SessionId] = set()
        self.is_last = host.is_last
        self._views: dict[Peer, dict[int, View]] = {}
        self._last_view = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[type[Request], Callable[[Peer, Any], msgspec.Struct]] = {
            ListWindows: self._list,
            ResizeWindow: self._resize,
            SendInput: self._input,
            CaptureWindow: self._capture,
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
        }

    # ------------------------------------------------------------------------------------------------ begin and end

    async def start(self, turns: Turns) -> None:
        """Take up what the keeper holds; close windows whose programs are gone. Raises nothing but our own bugs."""
        self._turns = turns
        os.makedirs(self._host.screens_dir, mode=0o700, exist_ok=True)
        stored = {window.key: (record, window) for record in self._hub.records() for window in record.windows}
        running = {key for key, (_, window) in stored.items() if window.exited is None}
        if running or os.path.exists(self._host.keeper_path):  # noqa: ASYNC240  # before anybody is served
            try:
                self._keeper = await self._open_keeper(start=False)
            except NoKeeper as error:
                log.error("%s", error)  # noqa: TRY400  # the sentence says it
        kept = {} if self._keeper is None else self._keeper.kept
        for key, held in kept.items():
            if key in running:
                self._take_up(key, held)
            else:  # of a window that never was on disk, or that was given up before the keeper was told
                self._drop(key, held)
        for key, (record, window) in stored.items():
            if window.exited is not None:
                self._show_again(key)
            elif key not in kept:
                await self._close_window(record.id, window, _unknown_exit())
        for name in os.listdir(self._host.screens_dir):
            if name not in self._windows:
                os.unlink(os.path.join(self._host.screens_dir, name))

    async def close(self) -> None:
        """Leave the programs to the keeper, with their screens on disk; or end them, where this daemon is the last."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for views in self._views.values():
            for view in views.values():
                view.finish()
        keeper, self._keeper = self._keeper, None
        for key, window in self._windows.items():
            if not self.is_last:
                self._save_screen(key, window)
            window.close()
        self._windows.clear()
        if keeper is None:
            return
        if self.is_last:
            with contextlib.suppress(NoKeeper):
                await keeper.stop()
        else:
            keeper.close()

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
        for view in list(self._views.get(peer, {}).values()):
            view.resume()

    def leave(self, peer: Peer) -> None:
        """Forget a connection and what it looked at."""
        for view in self._views.pop(peer, {}).values():
            view.window.remove(view)

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
        async with self._started(session, window, request.program):
            return await self._change(lambda: self._hub.create(request, session, window))

    async def _create_window(self, peer: Peer, request: CreateWindow) -> WindowInfo:
        record = self._hub.find(peer.caller, request, request.session)
        known = next((window for window in record.windows if window.id == request.id), None)
        if known is not None:
            return self._info(record.id, known)
        if request.name is not None:
            _check_window_name(request.name)
        window = self._new_window(request.program, _free_number(record), request.name, request.id)
        async with self._started(record.id, window, request.program):
            window = await self._change(lambda: self._add_window(record.id, window))
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
        async with self._started(record.id, again, msgspec.structs.replace(program, directory=again.directory)):
            await self._change(lambda: self._replace_window(record.id, again))
        return self._info(record.id, again)

    async def _rename(self, peer: Peer, request: RenameWindow) -> WindowInfo:
        _check_window_name(request.name)
        record, window = self._find(peer, request, request.session, request.window)
        renamed = msgspec.structs.replace(window, name=request.name)
        await self._change(lambda: self._replace_window(record.id, renamed))
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
        self.tidy()
        return info

    # ----------------------------------------------------------------------------------------- what is answered at once

    def _list(self, peer: Peer, request: ListWindows) -> WindowList:
        if request.session is None:
            return WindowList(windows=self.infos())
        record = self._hub.find(peer.caller, request, request.session)
        return WindowList(windows=tuple([self._info(record.id, window) for window in record.windows]))

    def _resize(self, peer: Peer, request: ResizeWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        running = self._windows.get(window.key)
        if running is not None:
            running.resize(request.cols, request.rows)
        return self._info(record.id, window)

    def _input(self, peer: Peer, request: SendInput) -> Typed:
        record, window = self._find(peer, request, request.session, request.window)
        running = self._running(record, window)
        data = running.paste(request.data) if request.paste else request.data
        self._type(record, window, running, data + b"\r" * request.enter)
        return Typed(size_bytes=len(data) + request.enter)

    def _capture(self, peer: Peer, request: CaptureWindow) -> Captured:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self._shown(record, window).screen
        row, column = screen.cursor
        return Captured(
            text=screen.capture(scrollback=request.scrollback, ansi=request.ansi),
            cols=screen.cols,
            rows=screen.rows,
            cursor=(column, row),
            title=printable(screen.title),
            history_rows=screen.history_rows,
        )

    def _lines(self, peer: Peer, request: ReadLines) -> LineRange:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self._shown(record, window).screen
        total = screen.history_rows + screen.rows
        first = min(max(0, request.first if request.first >= 0 else total + request.first), total)
        lines = screen.lines(first, min(request.limit, self._limits.page_messages, total - first))
        return LineRange(lines=tuple(lines), first=first, total=total)

    def _attach(self, peer: Peer, request: AttachWindow) -> Attached:
        record, window = self._find(peer, request, request.session, request.window)
        shown = self._shown(record, window)
        views = self._views.setdefault(peer, {})
        if len(views) >= self._limits.waiting_requests:
            raise TooManyWaiting(self._limits.waiting_requests)
        if (request.cols is None) != (request.rows is None):
            raise InvalidParams(request.method, "`cols` and `rows` go together")
        size = None if request.cols is None or request.rows is None else (request.cols, request.rows)
        self._last_view += 1
        arguments = (peer, self._last_view, record.id, window.number, shown, size)
        view = (
            BytesView(*arguments, limit_bytes=self._limits.view_bytes, is_read_only=request.read_only)
            if request.form == "bytes"
            else CellsView(*arguments, is_read_only=request.read_only)
        )
        views[view.number] = view
        peer.waiting += 1
        shown.add(view)
        if window.exited is not None:
            self._loop.call_soon(self._end_view, view, "the program has exited", window.exited)
        return Attached(view=view.number, window=self._info(record.id, window))

    def _type_in_view(self, peer: Peer, request: TypeInView) -> Done:
        view = self._view(peer, request.view)
        if view.is_read_only:
            raise ReadOnly(request.view)
        record = self._hub.record_of(view.session)
        window = None if record is None else _numbered(record, view.window_number)
        if record is None or window is None:
            raise ViewNotFound(request.view)
        self._type(record, window, self._running(record, window), request.data)
        view.window.prefer(view)
        return Done()

    def _resize_view(self, peer: Peer, request: ResizeView) -> Done:
        view = self._view(peer, request.view)
        view.size = (request.cols, request.rows)
        view.window.prefer(view)
        view.window.fit()
        return Done()

    def _detach(self, peer: Peer, request: DetachView) -> Done:
        view = self._view(peer, request.view)
        self._forget_view(view)
        return Done()

    # ---------------------------------------------------------------------------------------------------- programs

    @contextlib.asynccontextmanager
    async def _started(self, session: SessionId, window: WindowRecord, program: Program) -> AsyncIterator[None]:
        """Make a program ready; within the block the window comes to be on disk; after it the program begins.

        Where anything fails, the program never ran, and the window is no more.
        """
        if len(self._made_ready | self._windows.keys()) >= self._limits.windows:
            raise TooManyWindows(self._limits.windows)
        if not os.path.isabs(program.directory):
            raise InvalidParams(CreateSession.method, f"`directory` must be absolute, not {program.directory!r}")
        self._made_ready.add(window.key)
        try:
            keeper = await self._open_keeper(start=True)
            assert keeper is not None
            environment = self._environment(session, window, program)
            kept = await keeper.spawn(
                window.key, window.command, environment, program.directory, program.cols, program.rows
            )
            self._open_window(window.key, kept, program.cols, program.rows)
            yield
            await keeper.go(window.key)
        except BaseException:
            self._give_up(window.key)
            with contextlib.suppress(FugueError):
                await self._change(lambda: self._remove_window(session, window))
            raise
        finally:
            self._made_ready.discard(window.key)
        self._tell_changed(session, window)

    def _open_window(self, key: str, kept: Kept, cols: int, rows: int) -> Window:
        screen = open_screen(cols, rows, self._limits.scrollback_lines)
        window = Window(kept.master, screen, size_policy=self._config.size, on_news=lambda: self._news(key))
        self._windows[key] = window
        self._pids[key] = kept.pid
        self._began[key] = process_start(kept.pid)
        self._ended[key] = self._loop.create_future()
        return window

    def _give_up(self, key: str) -> None:
        """Forget a run of a program here and at the keeper, which kills what is left of it."""
        window = self._windows.pop(key, None)
        self._pids.pop(key, None)
        self._began.pop(key, None)
        self._ended.pop(key, None)
        if window is not None:
            window.close()
        if self._keeper is not None:
            self._keeper.forget(key)

    def _environment(self, session: SessionId, window: WindowRecord, program: Program) -> dict[str, str]:
        added = {"FUGUE_SESSION": str(session), "FUGUE_WINDOW": str(window.number), "TERM": TERM}
        if self._host.socket_path is not None:
            added["FUGUE_SOCKET"] = self._host.socket_path
        # what speaks of the terminal from which the program was started is not true of its own
        stale = {"COLUMNS", "LINES", "TMUX", "TMUX_PANE", "STY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION"}
        kept = {name: value for name, value in program.environment.items() if name not in stale}
        return {"PWD": program.directory, **kept, **added, "COLORTERM": "truecolor"}

    async def _end_program(self, window: WindowRecord, *, stays: bool = False) -> ProgramExit:
        """End a program politely, then surely; return how it ended, once its window is closed, or where it stays, kept."""
        key = window.key
        ended = self._ended.get(key)
        if ended is None or self._keeper is None:
            return window.exited or _unknown_exit()
        if stays:
            self._staying.add(key)
        steps = ((signal.SIGHUP, self._config.hangup_s), (signal.SIGTERM, self._config.terminate_s))
        for number, patience_s in steps:
            self._keeper.signal(key, number)
            if number == signal.SIGHUP:
                self._keeper.signal(key, signal.SIGCONT)  # a stopped program hears of nothing else
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(ended), patience_s)
        self._keeper.signal(key, signal.SIGKILL)
        return await asyncio.shield(ended)

    def _on_exit(self, key: str, exit_: ProgramExit) -> None:
        self._spawn_task(self._take_exit(key, exit_))

    async def _take_exit(self, key: str, exited: ProgramExit) -> None:
        found = self._stored(key)
        window = self._windows.get(key)
        if found is None or window is None:
            return
        record, stored = found
        window.finish()
        await self._close_window(record.id, stored, exited)

    async def _close_window(
        self, session: SessionId, window: WindowRecord, exited: ProgramExit, *, is_killed: bool = False
    ) -> None:
        """Take a window whose program has exited off its session, or keep it; a session without any has ended."""
        key = window.key
        stays = (window.keep or key in self._staying) and not is_killed
        self._staying.discard(key)
        try:
            if stays:
                kept = msgspec.structs.replace(window, exited=exited)
                await self._change(lambda: self._replace_window(session, kept))
                self._tell_changed(session, kept)
            else:
                await self._change(lambda: self._remove_window(session, window))
                self._tell(WindowClosed(session=session, window=window.number, id=window.id, exited=exited))
        except FugueError as error:
            log.error("window %s: %s", key, error)  # noqa: TRY400  # the store refuses; the next daemon sees it again
        ended = self._ended.get(key)
        running = self._windows.get(key)
        if running is not None:
            for view in list(running.viewers):
                if isinstance(view, View):
                    self._end_view(view, _words(exited), exited)
        if stays and running is not None:
            self._keep_shown(key, running)
        else:
            self._give_up(key)
        if ended is not None and not ended.done():
            ended.set_result(exited)

    def _keep_shown(self, key: str, window: Window) -> None:
        """Keep the screen of a program that has exited, and nothing else of it."""
        window.let_go()
        self._pids.pop(key, None)
        self._began.pop(key, None)
        if self._keeper is not None:
            self._keeper.forget(key)

    # ------------------------------------------------------------------------------------------------------ the keeper

    async def _open_keeper(self, *, start: bool) -> Keeper | None:
        async with self._keeper_lock:
            if self._keeper is None:
                self._keeper = await Keeper.open(
                    self._host.keeper_path, start=start, on_exit=self._on_exit, on_lost=self._on_lost
                )
            return self._keeper

    def _on_lost(self) -> None:
        """The keeper is gone, and with it all programs' parent: end what is left of them, and say so."""
        log.error("the keeper is gone; its programs end")
        self._keeper = None
        for key in list(self._pids):
            self._spawn_task(self._end_orphan(key, self._pids[key]))

    async def _end_orphan(self, key: str, pid: int) -> None:
        await end_session(pid, self._began.get(key))
        await self._take_exit(key, _unknown_exit())

    def _take_up(self, key: str, kept: Kept) -> None:
        """Go on with a program that ran while no daemon did."""
        cols, rows, drawn = self._saved_screen(key)
        window = self._open_window(key, kept, *(size_of(kept.master) or (cols, rows)))
        if drawn:
            window.screen.feed(drawn)
        elif kept.exit is None:
            window.ask_to_redraw()
        if kept.exit is not None:
            self._on_exit(key, kept.exit)

    def _show_again(self, key: str) -> None:
        """Show what a program that has exited has left on its screen."""
        cols, rows, drawn = self._saved_screen(key)
        window = self._open_window(key, Kept(0, NO_TERMINAL), cols, rows)
        window.screen.feed(drawn)
        del self._pids[key], self._began[key]

    def _drop(self, key: str, kept: Kept) -> None:
        assert self._keeper is not None
        os.close(kept.master)
        self._keeper.forget(key)

    def _save_screen(self, key: str, window: Window) -> None:
        try:
            with open(self._screen_path(key), "wb") as file:
                file.write(b"%d %d\n" % (window.cols, window.rows) + window.screen.redraw(scrollback=True))
        except OSError as error:
            log.warning("the screen of %s is not kept: %s", key, error)

    def _saved_screen(self, key: str) -> tuple[int, int, bytes]:
        """Return columns, rows and what draws a screen that was saved; it is saved no more."""
        path = self._screen_path(key)
        try:
            with open(path, "rb") as file:
                size, _, drawn = file.read().partition(b"\n")
            os.unlink(path)
            cols, rows = (int(number) for number in size.split())
        except (OSError, ValueError):
            return 80, 24, b""
        return cols, rows, drawn

    def _screen_path(self, key: str) -> str:
        return os.path.join(self._host.screens_dir, key)

    def tidy(self) -> None:
        """Let go of windows that are on disk no more, and of what still runs in them."""
        stored = {window.key for record in self._hub.records() for window in record.windows}
        for key in [key for key in self._windows if key not in stored and key not in self._made_ready]:
            for view in list(self._windows[key].viewers):
                if isinstance(view, View):
                    self._end_view(view, "its session has ended", None)
            self._give_up(key)

    # --------------------------------------------------------------------------------------------- changes, in a turn

    def _add_window(self, session: SessionId, window: WindowRecord) -> WindowRecord:
        record = self._hub.record_of(session)
        if record is None:
            raise SessionNotFound(str(session))
        if _numbered(record, window.number) is not None:  # another was made since
            window = msgspec.structs.replace(window, number=_free_number(record))
        self._hub.set_windows(session, _by_number([*record.windows, window]))
        return window

    def _replace_window(self, session: SessionId, window: WindowRecord) -> None:
        record = self._hub.record_of(session)
        if record is None:
            raise SessionNotFound(str(session))
        others = [other for other in record.windows if other.id != window.id]
        if len(others) == len(record.windows):
            raise WindowNotFound(record.name, window.number)
        self._hub.set_windows(session, _by_number([*others, window]))

    def _remove_window(self, session: SessionId, window: WindowRecord) -> None:
        record = self._hub.record_of(session)
        if record is None or window not in record.windows:
            return
        left = tuple(other for other in record.windows if other.id != window.id)
        if left or session in self._ending:
            self._hub.set_windows(session, left)
        else:
            self._hub.end(session)

    async def _change(self, make: Callable[[], T]) -> T:
        assert self._turns is not None
        return await self._turns.change(make)

    def _spawn_task(self, work: Coroutine[Any, Any, None]) -> None:
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

    def _stored(self, key: str) -> tuple[SessionRecord, WindowRecord] | None:
        return next(
            ((record, window) for record in self._hub.records() for window in record.windows if window.key == key), None
        )

    def _shown(self, record: SessionRecord, window: WindowRecord) -> Window:
        shown = self._windows.get(window.key)
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

    def _view(self, peer: Peer, number: int) -> View:
        view = self._views.get(peer, {}).get(number)
        if view is None:
            raise ViewNotFound(number)
        return view

    def _end_view(self, view: View, reason: str, exited: ProgramExit | None) -> None:
        if view.number in self._views.get(view.peer, {}):
            view.finish()
            self._forget_view(view)
            view.tell(ViewEnded(view=view.number, reason=reason, exited=exited))

    def _forget_view(self, view: View) -> None:
        del self._views[view.peer][view.number]
        view.peer.waiting -= 1
        view.window.remove(view)

    def _news(self, key: str) -> None:
        found = self._stored(key)
        if found is not None:
            self._tell_changed(found[0].id, found[1])

    def _tell_changed(self, session: SessionId, window: WindowRecord) -> None:
        self._tell(WindowChanged(window=self._info(session, window)))

    def _tell(self, event: WindowEvent) -> None:
        assert self._turns is not None
        self._turns.tell(event)

    def _info(self, session: SessionId, window: WindowRecord) -> WindowInfo:
        shown = self._windows.get(window.key)
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
            pid=self._pids.get(window.key),
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


def _free_number(record: SessionRecord) -> int:
    taken = {window.number for window in record.windows}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _by_number(windows: list[WindowRecord]) -> tuple[WindowRecord, ...]:
    return tuple(sorted(windows, key=lambda window: window.number))


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


def _unknown_exit() -> ProgramExit:
    return ProgramExit(at=time.time())


def _words(exited: ProgramExit) -> str:
    """Return how a program ended, as people say it."""
    if exited.signal is not None:
        try:
            name = signal.Signals(exited.signal).name
        except ValueError:
            name = f"signal {exited.signal}"
        return f"ended by {name}"
    return "ended" if exited.code is None else f"exited with {exited.code}"
