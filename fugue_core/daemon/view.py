"""Views: what connections are told of the windows that they look at. Bounded, whether they read or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from fugue_core.daemon.peer import Peer
from fugue_core.errors import InvalidParams, TooManyWaiting, ViewNotFound
from fugue_core.limits import Limits
from fugue_core.protocol.rpc import encode_notice
from fugue_core.protocol.session import SessionId
from fugue_core.protocol.window import (
    AttachWindow,
    LentTerminal,
    Line,
    ProgramExit,
    ViewEnded,
    ViewEvent,
    ViewHeld,
    WindowFrame,
    WindowOutput,
)
from fugue_core.terminal.keyboard import Pressed
from fugue_core.terminal.seat import Seat
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

    def let_go(self) -> None:
        """Give back what was lent to it."""

    def tell(self, event: ViewEvent) -> None:
        """Send an event to the connection, and to it alone."""
        self.peer.out.append(encode_notice(0, event))
        self.peer.flush()


class BytesView(View):
    """What the program writes, as it comes; where too much of it waits, the screen as it is then.

    It goes over the connection, or straight to the viewer's terminal where that was lent: then what is typed there is
    read here. While the view is held nothing goes anywhere.
    """

    def __init__(self, peer: Peer, number: int, place: Place, request: AttachWindow, limit_bytes: int) -> None:
        super().__init__(peer, number, place, request)
        self._limit_bytes = limit_bytes
        self._loop = asyncio.get_running_loop()
        self._seat: Seat | None = None
        self._is_held = request.held
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._is_anew = True
        self._flush: asyncio.Handle | None = None if request.held else self._loop.call_soon(self._send)

    def write(self, data: bytes) -> None:
        """Send it at once; or keep it, while nobody takes it."""
        if self._is_anew:
            return  # what is drawn then contains it
        if not self._is_paused:
            self._put(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._limit_bytes:
            self.start_anew()

    def start_anew(self) -> None:
        """Forget what waits, and draw the screen as soon as somebody takes it."""
        self._is_anew = True
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._flush is None and not self._is_paused:
            self._flush = self._loop.call_soon(self._send)

    def resume(self) -> None:
        """Send what waits."""
        self._send()

    def finish(self) -> None:
        """Send what waits, whoever reads it when."""
        self.let_go()
        self._send(is_last=True)

    def let_go(self) -> None:
        """Give the terminal back, with what it has not taken yet to be sent first when the view goes on."""
        if self._seat is not None:
            unwritten = self._seat.close()
            self._seat = None
            if unwritten and not self._is_anew:
                self._waiting.insert(0, unwritten)
                self._waiting_bytes += len(unwritten)

    def go_on(self, terminal: LentTerminal | None, on_typed: Callable[[bytes], bool]) -> None:
        """Be held no longer.

        Args:
            terminal: To read and to write; None: what the program writes goes over the connection.
            on_typed: Given what is typed there; False: there is no room for it.

        Raises:
            TerminalUnavailable: Nothing has changed.
        """
        if not self._is_held:
            return

        def take_keys(typed: bytes, key: Pressed | None, rest: bytes) -> None:
            name = None if key is None else str(key)  # msgspec writes no subclasses
            if typed and not on_typed(typed):
                self._hold(seat, ViewHeld(view=self.number, key=name, typed=typed, rest=rest))
            elif key is not None:
                self._hold(seat, ViewHeld(view=self.number, key=name, rest=rest))

        if terminal is not None:
            self._seat = seat = Seat(terminal, take_keys, self._send)
        self._is_held = False
        if self._flush is None:
            self._flush = self._loop.call_soon(self._send)

    def _hold(self, seat: Seat, held: ViewHeld) -> None:
        if seat is self._seat:  # or the view has ended because of what was typed
            self._is_held = True
            self.let_go()
            rest = held.rest + seat.keyboard.take_held()
            self.tell(msgspec.structs.replace(held, rest=rest, is_pasting=seat.keyboard.is_pasting))

    @property
    def _is_paused(self) -> bool:
        return self._is_held or (self.peer.sink.is_paused if self._seat is None else self._seat.is_full)

    def _put(self, data: bytes, *, is_anew: bool = False) -> None:
        if self._seat is not None:
            self._seat.write(data)
        else:
            self.tell(WindowOutput(view=self.number, data=data, is_anew=is_anew))

    def _send(self, *, is_last: bool = False) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self.peer.has_left or (self._is_paused and not is_last):
            return
        if self._is_anew:
            self._is_anew = False
            self._put(self.place.window.redraw(), is_anew=True)
        elif self._waiting:
            data, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            self._put(data)


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
            view.let_go()
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
            view.let_go()
            view.place.window.remove(view)

    def finish(self) -> None:
        """Tell everybody what is still to be told."""
        for views in self._views.values():
            for view in views.values():
                view.finish()
