"""Views: what connections are told of the windows that they look at. Bounded, whether they read or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from fugue_core.daemon.peer import Peer
from fugue_core.errors import InvalidParams, TooManyWaiting, ViewNotFound
from fugue_core.limits import Limits
from fugue_core.protocol.rpc import encode_notice
from fugue_core.protocol.session import SessionId
from fugue_core.protocol.window import AttachWindow, Line, ProgramExit, ViewEnded, ViewEvent, WindowFrame, WindowOutput
from fugue_core.terminal.window import Window


class Place(NamedTuple):
    """What is looked at: a window of a session, and the run of a program that is in it."""

    session: SessionId
    number: int
    window: Window


class View:
    """One look at one window, by one connection. See `terminal.window.Viewer`.

    Attributes:
        number: What the connection calls it.
        size: Columns and rows of the viewer; None: any will do.
        is_read_only: What is typed in it is refused.
    """

    wants_cells = False

    def __init__(self, peer: Peer, number: int, place: Place, request: AttachWindow) -> None:
        self.peer = peer
        self.number = number
        self.place = place
        self.size = None if request.cols is None or request.rows is None else (request.cols, request.rows)
        self.is_read_only = request.read_only

    def write(self, data: bytes) -> None:
        """Take what the program wrote."""

    def show(self, lines: Mapping[int, Line]) -> None:
        """Take rows that have changed."""

    def start_anew(self) -> None:
        """Take all of the screen."""

    def resume(self) -> None:
        """Go on after the connection has not read for a while."""

    def finish(self) -> None:
        """Tell what is still to be told; nothing comes after it."""

    def tell(self, event: ViewEvent) -> None:
        """Send an event to the connection, and to it alone."""
        self.peer.out.append(encode_notice(0, event))
        self.peer.flush()


class BytesView(View):
    """What the program writes, as it comes; where too much of it waits, the screen as it is then."""

    def __init__(self, peer: Peer, number: int, place: Place, request: AttachWindow, limit_bytes: int) -> None:
        super().__init__(peer, number, place, request)
        self._limit_bytes = limit_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._is_anew = True
        self._flush: asyncio.Handle | None = self._loop.call_soon(self._send)

    def write(self, data: bytes) -> None:
        """Send it at once; or keep it, while the connection does not read."""
        if self._is_anew:
            return  # what is drawn then contains it
        if not self.peer.sink.is_paused:
            self.tell(WindowOutput(view=self.number, data=data))
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._limit_bytes:
            self.start_anew()

    def start_anew(self) -> None:
        """Forget what waits, and draw the screen as soon as the connection reads."""
        self._is_anew = True
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._flush is None and not self.peer.sink.is_paused:
            self._flush = self._loop.call_soon(self._send)

    def resume(self) -> None:
        """Send what waits."""
        self._send()

    def finish(self) -> None:
        """Send what waits, whoever reads it when."""
        self._send(is_last=True)

    def _send(self, *, is_last: bool = False) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self.peer.has_left or (self.peer.sink.is_paused and not is_last):
            return
        if self._is_anew:
            self._is_anew = False
            self.tell(WindowOutput(view=self.number, data=self.place.window.redraw(), is_anew=True))
        elif self._waiting:
            data, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            self.tell(WindowOutput(view=self.number, data=data))


class CellsView(View):
    """What the screen shows, a frame at a time; frames that the connection does not read become one."""

    wants_cells = True

    def __init__(self, peer: Peer, number: int, place: Place, request: AttachWindow) -> None:
        super().__init__(peer, number, place, request)
        self._changed: dict[int, Line] = {}
        self._is_anew = True
        self._first: asyncio.Handle | None = asyncio.get_running_loop().call_soon(self._begin)

    def show(self, lines: Mapping[int, Line]) -> None:
        """Send the rows that changed, and where the cursor is."""
        self._changed.update(lines)
        self._send()

    def start_anew(self) -> None:
        """Send all rows."""
        self._is_anew = True
        self._send()

    def resume(self) -> None:
        """Send what has changed meanwhile."""
        if self._changed or self._is_anew:
            self._send()

    def finish(self) -> None:
        """Send what has changed last."""
        if self._first is not None:
            self._first.cancel()
        self._send(is_last=True)

    def _begin(self) -> None:
        self._first = None
        self._send()

    def _send(self, *, is_last: bool = False) -> None:
        if self.peer.has_left or (self.peer.sink.is_paused and not is_last):
            return
        if self._first is not None and not is_last:
            return  # nobody knows this view before the answer that names it
        screen = self.place.window.screen
        is_anew, self._is_anew = self._is_anew, False
        changed, self._changed = self._changed, {}
        history_rows = screen.history_rows
        if is_anew:
            changed = dict(enumerate(screen.lines(history_rows, screen.rows)))
        row, column = screen.cursor
        self.tell(
            WindowFrame(
                view=self.number,
                cols=screen.cols,
                rows=screen.rows,
                lines=tuple([(y, line) for y, line in sorted(changed.items()) if line or not is_anew]),
                is_anew=is_anew,
                cursor=(column, row) if screen.is_cursor_visible else None,
                cursor_shape=screen.cursor_shape,
                modes=screen.modes,
                history_rows=history_rows,
            )
        )


class Views:
    """All views, by connection. Each counts as a request of its connection that waits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._views: dict[Peer, dict[int, View]] = {}
        self._last_number = 0

    def begin(self, peer: Peer, place: Place, request: AttachWindow) -> View:
        """Let a connection look. Raises `TooManyWaiting`, `InvalidParams`."""
        if peer.waiting >= self._limits.waiting_requests:
            raise TooManyWaiting(self._limits.waiting_requests)
        if (request.cols is None) != (request.rows is None):
            raise InvalidParams(request.method, "`cols` and `rows` go together")
        self._last_number += 1
        if request.form == "cells":
            view: View = CellsView(peer, self._last_number, place, request)
        else:
            view = BytesView(peer, self._last_number, place, request, self._limits.view_bytes)
        self._views.setdefault(peer, {})[view.number] = view
        peer.waiting += 1
        place.window.add(view)
        return view

    def find(self, peer: Peer, number: int) -> View:
        """Return a view of a connection. Raises `ViewNotFound`."""
        view = self._views.get(peer, {}).get(number)
        if view is None:
            raise ViewNotFound(number)
        return view

    def forget(self, view: View) -> None:
        """Let a connection look no more."""
        views = self._views.get(view.peer, {})
        if views.pop(view.number, None) is not None:
            view.peer.waiting -= 1
            view.place.window.remove(view)

    def end(self, view: View, reason: str, exited: ProgramExit | None = None) -> None:
        """End a view from this side, and say why; nothing where it has ended already."""
        if view.number in self._views.get(view.peer, {}):
            view.finish()
            self.forget(view)
            view.tell(ViewEnded(view=view.number, reason=reason, exited=exited))

    def end_all(self, window: Window | None, reason: str, exited: ProgramExit | None = None) -> None:
        """End all views of a window."""
        for viewer in [] if window is None else list(window.viewers):
            if isinstance(viewer, View):
                self.end(viewer, reason, exited)

    def resume(self, peer: Peer) -> None:
        """Go on with the views of a connection that reads again."""
        for view in list(self._views.get(peer, {}).values()):
            view.resume()

    def leave(self, peer: Peer) -> None:
        """Forget a connection and what it looked at."""
        for view in self._views.pop(peer, {}).values():
            view.place.window.remove(view)

    def finish(self) -> None:
        """Tell everybody what is still to be told."""
        for views in self._views.values():
            for view in views.values():
                view.finish()
