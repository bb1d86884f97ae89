"""The requests on windows: programs are started and ended, looked at, and typed into. See `protocol.window`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from fugue_core.background import Background
from fugue_core.daemon.config import Config
from fugue_core.daemon.peer import Peer
from fugue_core.daemon.programs import WINDOW_NAME_CHARS, ProgramHost, Programs, Turns, words
from fugue_core.daemon.view import BytesView, Place, View, Views
from fugue_core.daemon.waking import Waker
from fugue_core.errors import (
    FugueError,
    InputFull,
    InternalError,
    InvalidName,
    ProgramExited,
    ProgramRuns,
    ReadOnly,
    TerminalUnavailable,
    TooManyWaiting,
    ViewNotFound,
    WindowNotFound,
)
from fugue_core.hub import Hub, free_number
from fugue_core.printable import printable
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
    ReadLines,
    RenameWindow,
    ResizeView,
    ResizeWindow,
    RespawnWindow,
    ResumeView,
    SayIdle,
    SendInput,
    Typed,
    TypeInView,
    WakeSession,
    WindowInfo,
    WindowList,
)
from fugue_core.record import SessionRecord, WindowRecord
from fugue_core.terminal.screen import ansi_line, text_line
from fugue_core.terminal.window import Window

log = logging.getLogger(__name__)

CAPTURED_AT_ONCE = 200
"""Lines of scrollback that are read before anybody else has a turn; a few milliseconds."""


class Stage:
    """Answer the requests on windows.

    Attributes:
        programs: What runs in them.
        waker: Tells them of mail that waits.
    """

    def __init__(self, hub: Hub, config: Config, host: ProgramHost, new_id: Callable[[], UUID]) -> None:
        self._hub = hub
        self._limits = config.limits
        self._new_id = new_id
        self._background = Background()
        self._views = Views(config.limits)
        self.programs = Programs(hub, self._views, config, host, new_id)
        self.waker = Waker(hub, self.programs, config)
        self._answers: dict[type[Request], Callable[[Peer, Any], msgspec.Struct]] = {
            ListWindows: self._list,
            ResizeWindow: self._resize,
            SendInput: self._input,
            SayIdle: self._say_idle,
            ReadLines: self._lines,
            AttachWindow: self._attach,
            ResumeView: self._resume_view,
            TypeInView: self._type_in_view,
            ResizeView: self._resize_view,
            DetachView: self._detach,
        }
        self._works: dict[type[Request], Callable[[Peer, Any], Coroutine[Any, Any, msgspec.Struct]]] = {
            CreateSession: self._create,
            WakeSession: self._wake,
            CreateWindow: self._create_window,
            RenameWindow: self._rename,
            KillWindow: self._kill,
            RespawnWindow: self._respawn,
            EndSession: self._end,
            CaptureWindow: self._capture,
        }

    async def start(self, turns: Turns) -> None:
        """Take up what the keeper holds; close windows whose programs are gone. Raises nothing but our own bugs."""
        await self.programs.start(turns)

    async def close(self) -> None:
        """Tell everybody what is still to be told, and let go of the programs."""
        await self._background.cancel()
        await self.waker.close()
        self._views.finish()
        await self.programs.close()

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
        self._background.run(self._work(peer, call_id, request))

    def resume(self, peer: Peer) -> None:
        """Go on with the views of a connection that reads again."""
        self._views.resume(peer)

    def leave(self, peer: Peer) -> None:
        """Forget a connection and what it looked at."""
        self._views.leave(peer)

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
        window = self.programs.new_window(request.program, 0)
        undo = partial(self._hub.remove_window, session, window)
        async with self.programs.begun(session, window, request.program, undo):
            return await self.programs.change(lambda: self._hub.create(request, session, window))

    async def _wake(self, peer: Peer, request: WakeSession) -> SessionInfo:
        session = self._hub.find(peer.caller, request, request.session).id

        def change() -> SessionInfo:
            self._hub.set_wake(session, request.wake)
            self.waker.look_at(session)
            return self._hub.info_of(session)

        return await self.programs.change(change)

    async def _create_window(self, peer: Peer, request: CreateWindow) -> WindowInfo:
        record = self._hub.find(peer.caller, request, request.session)
        known = next((window for window in record.windows if window.id == request.id), None)
        if known is not None:
            return self.programs.info(record.id, known)
        if request.name is not None:
            _check_window_name(request.name)
        window = self.programs.new_window(request.program, free_number(record), request.name, request.id)
        undo = partial(self._hub.remove_window, record.id, window)
        async with self.programs.begun(record.id, window, request.program, undo):
            window = await self.programs.change(lambda: self._hub.add_window(record.id, window))
        return self.programs.info(record.id, window)

    async def _respawn(self, peer: Peer, request: RespawnWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        if window.exited is None:
            if not request.kill:
                raise ProgramRuns(record.name, window.number)
            await self.programs.end(window, stays=True)
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
        async with self.programs.begun(record.id, again, program, partial(self._hub.replace_window, record.id, before)):
            await self.programs.change(lambda: self._hub.replace_window(record.id, again))
        self.programs.give_up(before.key)
        return self.programs.info(record.id, again)

    async def _rename(self, peer: Peer, request: RenameWindow) -> WindowInfo:
        _check_window_name(request.name)
        record, window = self._find(peer, request, request.session, request.window)
        renamed = msgspec.structs.replace(window, name=request.name)
        await self.programs.change(lambda: self._hub.replace_window(record.id, renamed))
        self.programs.tell_changed(record.id, renamed)
        return self.programs.info(record.id, renamed)

    async def _kill(self, peer: Peer, request: KillWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        info = self.programs.info(record.id, window)
        if window.exited is None:
            exited = await self.programs.end(window)
        else:
            exited = window.exited
            await self.programs.close_window(record.id, window, exited, is_killed=True)
        return msgspec.structs.replace(info, pid=None, exited=exited)

    async def _end(self, peer: Peer, request: EndSession) -> SessionInfo:
        record = self._hub.find(peer.caller, request, request.session)
        return await self.programs.end_session(record)

    async def _capture(self, peer: Peer, request: CaptureWindow) -> Captured:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self.programs.shown(record, window).screen
        row, column = screen.cursor
        history_rows = screen.history_rows
        show = ansi_line if request.ansi else text_line
        above = []
        for first in range(0, history_rows if request.scrollback else 0, CAPTURED_AT_ONCE):
            lines = screen.lines(first, min(CAPTURED_AT_ONCE, history_rows - first))
            above += [f"{show(line)}\n" for line in lines]
            await asyncio.sleep(0)  # all ten thousand would take half a second
            screen = self.programs.shown(record, window).screen  # or it has gone meanwhile
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
            return WindowList(windows=self.programs.infos())
        record = self._hub.find(peer.caller, request, request.session)
        return WindowList(windows=tuple([self.programs.info(record.id, window) for window in record.windows]))

    def _resize(self, peer: Peer, request: ResizeWindow) -> WindowInfo:
        record, window = self._find(peer, request, request.session, request.window)
        running = self.programs.window_of(window)
        if running is not None:
            running.resize(request.cols, request.rows)
        return self.programs.info(record.id, window)

    def _input(self, peer: Peer, request: SendInput) -> Typed:
        record, window = self._find(peer, request, request.session, request.window)
        running = self._running(record, window)
        data = running.paste(request.data) if request.paste else request.data
        self._type(record, window, running, data + b"\r" * request.enter)
        return Typed(size_bytes=len(data) + request.enter)

    def _say_idle(self, peer: Peer, request: SayIdle) -> Done:
        record, window = self._find(peer, request, request.session, request.window)
        self._running(record, window).say_idle(is_idle=request.idle)
        return Done()

    def _lines(self, peer: Peer, request: ReadLines) -> LineRange:
        record, window = self._find(peer, request, request.session, request.window)
        screen = self.programs.shown(record, window).screen
        total = screen.history_rows + screen.rows
        first = min(max(0, request.first if request.first >= 0 else total + request.first), total)
        lines = screen.lines(first, min(request.limit, self._limits.page_messages, total - first))
        return LineRange(lines=tuple(lines), first=first, total=total)

    def _attach(self, peer: Peer, request: AttachWindow) -> Attached:
        record, window = self._find(peer, request, request.session, request.window)
        place = Place(record.id, window.number, self.programs.shown(record, window))
        view = self._views.begin(peer, place, request)
        if window.exited is not None:
            asyncio.get_running_loop().call_soon(self._views.end, view, words(window.exited), window.exited)
        return Attached(view=view.number, window=self.programs.info(record.id, window))

    def _resume_view(self, peer: Peer, request: ResumeView) -> Done:
        view = self._views.find(peer, request.view)
        if isinstance(view, BytesView):
            view.go_on(request.terminal, partial(self._take_typed, view))
        elif request.terminal is not None:
            raise TerminalUnavailable(request.terminal.path, "the view is one of cells")
        return Done()

    def _take_typed(self, view: View, data: bytes) -> bool:
        """Take what was typed in a lent terminal, whose view ends with the program; False: there is no room for it."""
        self.programs.note_requests()
        window = view.place.window
        if not view.is_read_only:
            if window.waiting_bytes + len(data) > self._limits.input_bytes:
                return False
            window.type(data)
            window.prefer(view)
        return True

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

    def _running(self, record: SessionRecord, window: WindowRecord) -> Window:
        if window.exited is not None:
            raise ProgramExited(record.name, window.number)
        return self.programs.shown(record, window)

    def _type(self, record: SessionRecord, window: WindowRecord, running: Window, data: bytes) -> None:
        if running.waiting_bytes + len(data) > self._limits.input_bytes:
            raise InputFull(record.name, window.number, self._limits.input_bytes)
        running.type(data)


def _numbered(record: SessionRecord, number: int) -> WindowRecord | None:
    return next((window for window in record.windows if window.number == number), None)


def _check_window_name(name: str) -> None:
    if not (0 < len(name) <= WINDOW_NAME_CHARS and name.isprintable()):
        raise InvalidName(name, f"a window's name has 1 to {WINDOW_NAME_CHARS} printable characters")


def _attempt(answer: Callable[[], msgspec.Struct]) -> msgspec.Struct | FugueError:
    try:
        return answer()
    except FugueError as error:
        return error
