"""Views: what a connection is told of a window that it looks at. Bounded, whether it reads or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fugue_core.daemon.peer import Peer
from fugue_core.protocol.rpc import encode_notice
from fugue_core.protocol.session import SessionId
from fugue_core.protocol.window import Line, ViewEvent, WindowFrame, WindowOutput
from fugue_core.terminal.window import Window


class View:
    """One look at one window, by one connection. See `terminal.window.Viewer`.

    Attributes:
        number: What the connection calls it.
        session, window_number: What is looked at.
        is_read_only: What is typed in it is refused.
    """

    wants_cells = False

    def __init__(  # noqa: PLR0913  # who looks, at what, and how
        self,
        peer: Peer,
        number: int,
        session: SessionId,
        window_number: int,
        window: Window,
        size: tuple[int, int] | None,
        *,
        is_read_only: bool,
    ) -> None:
        self.peer = peer
        self.number = number
        self.session = session
        self.window_number = window_number
        self.window = window
        self.size = size
        self.is_read_only = is_read_only

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

    def __init__(self, *arguments: object, limit_bytes: int, **settings: object) -> None:
        super().__init__(*arguments, **settings)  # type: ignore[arg-type]  # those of `View`
        self._limit_bytes = limit_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._is_anew = True
        self._flush: asyncio.Handle | None = self._loop.call_soon(self._send)

    def write(self, data: bytes) -> None:
        """Send it with all else that comes in this turn of the loop."""
        if self._is_anew:
            return  # what is drawn then contains it
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._limit_bytes:
            self.start_anew()
        elif self._flush is None and not self.peer.sink.is_paused:
            self._flush = self._loop.call_soon(self._send)

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
            self.tell(WindowOutput(view=self.number, data=self.window.redraw(), is_anew=True))
        elif self._waiting:
            data, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            self.tell(WindowOutput(view=self.number, data=data))


class CellsView(View):
    """What the screen shows, a frame at a time; frames that the connection does not read become one."""

    wants_cells = True

    def __init__(self, *arguments: object, **settings: object) -> None:
        super().__init__(*arguments, **settings)  # type: ignore[arg-type]  # those of `View`
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
        screen = self.window.screen
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
