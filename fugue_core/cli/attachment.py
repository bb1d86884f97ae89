"""A program in the user's terminal: what it writes goes out, what is typed goes in, until one of them has enough.

The terminal is lent to the daemon, which reads and writes it by itself: a key and what comes of it do not pass through
here. A key for fugue brings it back, and so do signals and the loss of the daemon; whoever has it, has it alone. Where
it cannot be lent, keys and output go through here.

One thread that waits for whatever comes first: a key, a line of the daemon, room in the terminal, a signal. Where the
terminal takes nothing, nothing more is read from the daemon, which then draws the screen anew when there is room again.
"""

from __future__ import annotations

import binascii
import os
import select
import signal
import time

from fugue_core.cli import outcome
from fugue_core.cli.console import CLEAR, RESTORE, Console, Hangup
from fugue_core.cli.prefix import key_of
from fugue_core.cli.program import program
from fugue_core.cli.window import ending, exit_code
from fugue_core.client.jsontext import decode, members
from fugue_core.client.oneshot import Connection, Refused, call_line, connection_lost, refusal
from fugue_core.printable import printable
from fugue_core.terminal.keyboard import Keyboard, Pressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable
    from fugue_core.terminal.keyboard import Token

RETURN_PATIENCE_S = 10.0
"""How long a daemon that is gone may take until it is there again."""
_RETURN_POLL_S = 0.05
_SAY_AFTER_S = 0.7
"""A daemon that is replaced is back sooner, and nobody need know."""
_READ_BYTES = 256 * 1024
_TYPED_AT_ONCE_BYTES = 64 * 1024
_TYPED_BYTES = 64 * 1024 * 1024
"""What may wait for a program that does not read; the prefix must still be heard, so what is beyond it is lost."""
_ASK_AGAIN_S = 0.02
_TAKE_BACK_S = 1.0
"""How long a daemon may take to give the terminal back; one that is stopped never does."""

_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_SIGNALS = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP, *_ENDS)

_KEYS = (
    ("d", "detach: the program goes on"),
    ("c", "a new window with a shell"),
    ("n", "the next window"),
    ("p", "the one before"),
    ("0-9", "the window of that number"),
    ("r", "draw the screen anew"),
    ("?", "these keys"),
)


class _Ending:
    """How it ends.

    Attributes:
        words: For people.
        exit_code: See `outcome`.
        is_hasty: What the terminal has not taken yet need not be shown.
    """

    def __init__(self, words: str, exit_code: int = outcome.DONE, *, is_hasty: bool = False) -> None:
        self.words = words
        self.exit_code = exit_code
        self.is_hasty = is_hasty


class Attachment:
    """One session's window in this terminal.

    Of the views that there were, `_view` is the one that is shown; what still comes of the others is not. It is held
    until it is decided who has the terminal. While that is lent, nothing here reads or writes it.
    """

    def __init__(
        self,
        command: Command,
        session: dict[str, Any],
        prefix: str,
        *,
        is_read_only: bool = False,
        ends_as_program: bool = False,
    ) -> None:
        """Prepare.

        Args:
            command: Whose affair it is.
            session: What the daemon said of it.
            prefix: The name of a key.
            is_read_only: Nothing is typed.
            ends_as_program: Where the program ends it, its exit code is the program's.
        """
        self._command = command
        self._session: str = session["id"]
        self._name = printable(session["name"])
        self._prefix = prefix
        self._is_read_only = is_read_only
        self._ends_as_program = ends_as_program
        self._exited: dict[str, Any] | None = None
        self._keyboard = Keyboard(key_of(prefix))
        self._wire: _Wire | None = None
        self._window: int | None = None
        self._view: int | None = None
        self._is_held = False
        self._is_lent = False
        self._may_lend = True
        self._has_shown = False
        self._is_helping = False
        self._typed = bytearray()
        self._asked_bytes = 0
        self._ask_again_at = 0.0
        self._lost_at = 0.0
        self._has_said_so = False
        self._keys_due = 0.0
        self._ending: _Ending | None = None

    def run(self, connection: Connection, attached: dict[str, Any]) -> int:
        """Show the program until something ends that; return the exit code.

        `attached` is what the daemon answered on this connection when it was asked for `view_params`.
        """
        with connection:
            console = Console()
            with console, _Signals() as signals:
                self._console = console
                self._wire = _Wire(*connection.release())
                for line in connection.notices:
                    self._wire.lines.append(line)
                self._attached(attached)
                try:
                    self._loop(signals)
                except Hangup:
                    return outcome.SIGNALLED + signal.SIGHUP
                finally:
                    self._take_back()
                    if self._wire is not None:
                        self._wire.close()
                end = self._ending or _Ending("")
                if end.is_hasty:
                    console.drop_pending()
                console.last_words = f"[{end.words}]" if end.words else ""
                console.has_ended = self._view is None and self._exited is not None and not end.is_hasty
        return end.exit_code

    # ------------------------------------------------------------------------------------------------------ the loop

    def _loop(self, signals: _Signals) -> None:
        console = self._console
        while not self._is_over():
            wire = self._wire
            if wire is not None:
                self._take_lines(wire)
                if self._is_over():
                    return
                self._go_on()
            ready = self._wait(signals)
            for number in signals.take() if signals.fd in ready else ():
                self._take_signal(number)
            if console.output in ready or console.has_pending:
                console.flush()
            if console.input in ready:
                self._take_keys(self._keyboard.feed(console.read()))
            elif self._keyboard.wait_s is not None and time.monotonic() >= self._keys_due:
                self._take_keys(self._keyboard.flush())
            self._keys_due = time.monotonic() + (self._keyboard.wait_s or 0)
            self._send_typed()
            if wire is not None:
                self._exchange(wire, ready)
            if self._wire is None:
                self._return()

    def _is_over(self) -> bool:
        return self._ending is not None and (self._ending.is_hasty or not self._console.has_pending)

    def _wait(self, signals: _Signals) -> dict[int, int]:
        """Return what is ready; of each descriptor, what for."""
        console, wire = self._console, self._wire
        wanted = {signals.fd: select.POLLIN, console.input: 0 if self._is_lent else select.POLLIN}
        if console.has_pending:
            wanted[console.output] = wanted.get(console.output, 0) | select.POLLOUT
        if wire is not None:
            reading = 0 if console.has_pending else select.POLLIN
            wanted[wire.fd] = reading | (select.POLLOUT if wire.outbox else 0)
        poll = select.poll()
        for fd, events in wanted.items():
            if events or fd == console.input:  # whose end is told in any case
                poll.register(fd, events)
        waits = [self._keyboard.wait_s, _RETURN_POLL_S if wire is None else None]
        if self._typed and not self._asked_bytes:
            waits.append(_ASK_AGAIN_S)
        due = [wait_s for wait_s in waits if wait_s is not None]
        return dict(poll.poll(min(due) * 1000 if due else None))

    def _exchange(self, wire: _Wire, ready: dict[int, int]) -> None:
        try:
            if wire.outbox:
                wire.flush()
            if ready.get(wire.fd, 0) & ~select.POLLOUT:
                wire.read()
        except connection_lost():
            self._lose(wire)

    def _take_lines(self, wire: _Wire) -> None:
        while wire.lines and not self._is_over():
            line = members(wire.lines.pop(0))
            if line.get("method") == '"event"':
                self._take_event(decode(members(line["params"])["event"]))
                continue
            then = wire.waiting.pop(int(line["id"]), None) if line.get("id", "null") != "null" else None
            if then is not None:
                then(refusal(line["error"]) if "error" in line else decode(line["result"]))

    def _ask(self, method: str, params: dict[str, Encodable], then: Callable[[Any], None]) -> None:
        if self._wire is not None:
            self._wire.ask(method, params, then)

    def _tell(self, method: str, params: dict[str, Encodable]) -> None:
        if self._wire is not None:
            self._wire.put(call_line(None, method, params))

    # -------------------------------------------------------------------------------------------------- what is shown

    def _attach(self, window: int | None) -> None:
        self._leave_view()
        self._is_helping = False
        self._window = window
        params = view_params(self._session, window, self._console.size(), is_read_only=self._is_read_only)
        self._ask("window.attach", params, self._attached)

    def _attached(self, answer: Any) -> None:
        if isinstance(answer, Refused):
            if answer.name in {"SessionNotFound", "WindowNotFound"}:
                self._look_around("ended")
            else:
                self._ending = _Ending(printable(answer.message), outcome.of_error(answer.name))
            return
        self._view = answer["view"]
        self._window = answer["window"]["window"]
        self._is_held = True
        self._send_typed()

    def _leave_view(self) -> None:
        if self._is_lent:
            self._take_back()
        elif self._view is not None:
            self._tell("view.detach", {"view": self._view})
            self._view = None

    # --------------------------------------------------------------------------------------- who has the terminal

    def _go_on(self) -> None:
        """Let a view that is held go on; lend the terminal as soon as nothing is left to be done with it here."""
        if self._view is None or self._is_lent or self._asked_bytes or self._console.has_pending:
            return
        is_ready = self._may_lend and not self._typed and self._keyboard.is_at_rest
        if not self._is_held:
            if is_ready and self._has_shown:
                self._attach(self._window)
        elif is_ready and (file := self._console.file) is not None:
            self._make_room()
            if not self._console.has_pending:
                self._lend(self._view, file)
        else:
            self._may_lend = self._may_lend and self._console.file is not None
            self._is_held = False
            self._tell("view.resume", {"view": self._view})

    def _lend(self, view: int, file: tuple[str, int, int]) -> None:
        def answered(answer: Any) -> None:
            if isinstance(answer, Refused) and view == self._view:
                self._may_lend = False
                self._is_lent = False  # and the view still held

        path, device, inode = file
        prefix = key_of(self._prefix)
        terminal: dict[str, Encodable] = {"path": path, "device": device, "inode": inode, "prefix": prefix}
        self._is_lent = True
        self._ask("view.resume", {"view": view, "terminal": terminal}, answered)

    def _take_back(self) -> None:
        """Leave a view that has the terminal, and wait until the daemon lets go of that."""
        wire, view = self._wire, self._view
        if not self._is_lent or wire is None or view is None:
            return
        self._view = None
        left: list[object] = []
        wire.ask("view.detach", {"view": view}, left.append)
        until = time.monotonic() + _TAKE_BACK_S
        poll = select.poll()
        poll.register(wire.fd, select.POLLIN)
        try:
            while not left and poll.poll(max(0.0, until - time.monotonic()) * 1000):
                wire.flush()
                wire.read()
                self._take_lines(wire)
        except connection_lost():
            self._lose(wire)
        self._is_lent = False

    def _have_back(self, event: dict[str, Any]) -> None:
        """Do what a key asks for, with which the daemon has given the terminal back; and go on reading."""
        self._is_lent = False
        self._is_held = True
        typed, rest = (binascii.a2b_base64(event[name]) for name in ("typed", "rest"))
        key = event["key"]
        self._take_keys([*([typed] if typed else []), *([Pressed(key)] if key is not None else [])])
        self._keyboard.is_pasting = event["is_pasting"]
        self._take_keys(self._keyboard.feed(rest))

    def _make_room(self) -> None:
        if not self._has_shown:
            self._has_shown = True
            self._console.make_room()

    # ------------------------------------------------------------------------------------------------ what comes of it

    def _take_event(self, event: dict[str, Any]) -> None:
        if event.get("view") != self._view or self._view is None:
            return
        if event["kind"] == "window.output":
            self._make_room()
            self._console.put(binascii.a2b_base64(event["data"]))
        elif event["kind"] == "view.held":
            self._have_back(event)
        elif event["kind"] == "view.ended":
            self._view = None
            self._is_lent = False
            self._exited = event.get("exited")
            self._look_around(ending(self._exited) if self._exited else event["reason"])

    def _look_around(self, how: str) -> None:
        """Go on in another window of the session, since this one's program has ended; without any, end."""
        code = exit_code(self._exited) if self._ends_as_program else outcome.DONE

        def choose(answer: Any) -> None:
            windows = [] if isinstance(answer, Refused) else answer["windows"]
            here = next((window for window in windows if window["window"] == self._window), None)
            if here is not None and here["exited"] is None:  # another program runs there already
                self._attach(self._window)
            elif here is not None:
                self._end(f"{self._name} {how}; fugue respawn {self._name} starts it again", code)
            elif windows:
                numbers = [window["window"] for window in windows]
                self._attach(max([number for number in numbers if number < (self._window or 0)], default=numbers[0]))
            else:
                self._end(f"{self._name} {how}", code)

        self._ask("window.list", {"session": self._session}, choose)

    def _end(self, words: str, exit_code: int = outcome.DONE, *, is_hasty: bool = False) -> None:
        self._ending = self._ending or _Ending(words, exit_code, is_hasty=is_hasty)

    # -------------------------------------------------------------------------------------------------- what is typed

    def _take_keys(self, tokens: list[Token]) -> None:
        for token in tokens:
            if self._is_helping:
                self._attach(self._window)
            elif isinstance(token, Pressed):
                self._obey(token)
            elif not self._is_read_only:
                self._type(token)

    def _type(self, data: bytes) -> None:
        if len(self._typed) < _TYPED_BYTES:
            self._typed += data
        self._send_typed()

    def _send_typed(self) -> None:
        """Send what was typed, one piece at a time: where the program has no room for it, it is sent again later."""
        if self._view is None or self._asked_bytes or not self._typed or time.monotonic() < self._ask_again_at:
            return

        def answered(answer: Any) -> None:
            if isinstance(answer, Refused) and answer.name == "InputFull":
                self._asked_bytes = 0
                self._ask_again_at = time.monotonic() + _ASK_AGAIN_S
            else:
                self._drop_asked()
                self._send_typed()

        piece = self._typed[:_TYPED_AT_ONCE_BYTES]
        self._asked_bytes = len(piece)
        text = binascii.b2a_base64(piece, newline=False).decode()
        self._ask("view.input", {"view": self._view, "data": text}, answered)

    def _drop_asked(self) -> None:
        del self._typed[: self._asked_bytes]
        self._asked_bytes = 0

    def _obey(self, key: Pressed) -> None:
        if key == "d":
            self._leave_view()
            self._end(f"detached from {self._name}", is_hasty=True)
        elif self._wire is None:
            return
        elif key == "r":
            self._attach(self._window)
        elif key == "?":
            self._help()
        elif key == "c":
            self._open_window()
        elif key in {"n", "p"} or (key.isascii() and key.isdigit()):
            self._ask("window.list", {"session": self._session}, lambda answer: self._change_window(key, answer))

    def _change_window(self, key: str, answer: Any) -> None:
        if isinstance(answer, Refused):
            return
        numbers = [window["window"] for window in answer["windows"]]
        if self._window not in numbers:
            return
        place = numbers.index(self._window)
        wanted = numbers[(place + {"n": 1, "p": -1}[key]) % len(numbers)] if key in {"n", "p"} else int(key)
        if wanted in numbers:
            self._attach(wanted)

    def _open_window(self) -> None:
        def opened(answer: Any) -> None:
            if not isinstance(answer, Refused):
                self._attach(answer["window"])

        request: dict[str, Encodable] = {
            "session": self._session,
            "program": program(self._command, (), os.getcwd()),
        }
        self._ask("window.create", request, opened)

    def _help(self) -> None:
        self._leave_view()
        self._is_helping = True
        rows = [f"  {self._prefix}  {key:4} {meaning}\r\n" for key, meaning in _KEYS]
        twice = f"  {self._prefix}  {self._prefix}  sends it to the program\r\n"
        words = f"\r\n  {self._name}, window {self._window}\r\n\r\n{''.join(rows)}{twice}\r\n  Any key goes back.\r\n"
        self._console.put(RESTORE + CLEAR + words.encode())

    # --------------------------------------------------------------------------------------------- what else may come

    def _take_signal(self, number: int) -> None:
        if number in _ENDS:
            self._take_back()
            self._end("", outcome.SIGNALLED + number, is_hasty=True)
        elif number == signal.SIGWINCH:
            size = self._console.size()
            if size is not None and self._view is not None:
                self._tell("view.resize", {"view": self._view, "cols": size[0], "rows": size[1]})
        elif number == signal.SIGTSTP:
            self._leave_view()
            self._console.leave()
            os.kill(os.getpid(), signal.SIGSTOP)
        elif number == signal.SIGCONT:
            self._console.enter()
            self._attach(self._window)

    def _lose(self, wire: _Wire) -> None:
        wire.close()
        self._wire = None
        self._view = None
        self._is_lent = False
        self._drop_asked()  # which may have been typed, and must not be typed twice
        self._is_helping = False
        self._lost_at = time.monotonic()
        self._has_said_so = False

    def _return(self) -> None:
        """Connect again as soon as a daemon is there; it is not started: somebody may have stopped it on purpose."""
        from fugue_core.errors import FugueError  # noqa: PLC0415  # rare

        gone_s = time.monotonic() - self._lost_at
        try:
            connection = self._connect()
        except Refused as refused:  # as a daemon of another protocol does
            self._end(printable(refused.message), outcome.of_error(refused.name))
        except FugueError:
            if gone_s >= RETURN_PATIENCE_S:
                words = f"the daemon is gone, and no other came; {self._name} waits for the next"
                self._end(words, outcome.NO_DAEMON, is_hasty=True)
            elif gone_s >= _SAY_AFTER_S and not self._has_said_so:
                self._has_said_so = True
                self._console.put(b"\x18\x1b\\\x1b7\x1b[999;1H\x1b[0;7m[reconnecting]\x1b[m\x1b8")
        else:
            self._wire = _Wire(*connection.release())
            self._attach(self._window)

    def _connect(self) -> Connection:
        connection = self._command.connect(may_start=False)
        try:
            connection.ask("ping")
        except (Refused, connection_lost()):
            connection.close()
            raise
        return connection


def view_params(
    session: str, window: int | None, size: tuple[int, int] | None, *, is_read_only: bool = False
) -> dict[str, Encodable]:
    """Return the params of the `window.attach` that a terminal of this size asks for."""
    params: dict[str, Encodable] = {"session": session, "read_only": is_read_only, "held": True}
    if window is not None:
        params["window"] = window
    if size is not None:
        params["cols"], params["rows"] = size
    return params


class _Wire:
    """A connection that is asked several things at once, and never waited for.

    Attributes:
        fd: Its descriptor.
        lines: What came and was not looked at.
        outbox: What is still to be sent.
        waiting: What to do with an answer, by the id of its request.
    """

    def __init__(self, connection: Any, unread: bytes) -> None:
        self._socket = connection
        self._socket.settimeout(0)
        self.fd: int = connection.fileno()
        self.lines: list[str] = []
        self.outbox = bytearray()
        self.waiting: dict[int, Callable[[Any], None]] = {}
        self._last_id = 1_000  # beyond those of the one who had the connection before
        self._pieces: list[bytes] = []
        self._cut(unread)

    def close(self) -> None:
        self._socket.close()

    def ask(self, method: str, params: dict[str, Encodable], then: Callable[[Any], None]) -> None:
        """Ask; `then` is given the result, or a `Refused`."""
        self._last_id += 1
        self.waiting[self._last_id] = then
        self.put(call_line(self._last_id, method, params))

    def put(self, line: bytes) -> None:
        """Send a line, as much as goes now. What is lost is found out by reading."""
        self.outbox += line
        try:
            self.flush()
        except connection_lost():
            return

    def flush(self) -> None:
        """Send what waits, as much as goes now. Raises `ConnectionLost`."""
        try:
            while self.outbox:
                del self.outbox[: self._socket.send(self.outbox)]
        except BlockingIOError:
            return
        except OSError as error:
            raise connection_lost()(str(error)) from error

    def read(self) -> None:
        """Take what has come. Raises `ConnectionLost`."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise connection_lost()(str(error)) from error
        if not data:
            raise connection_lost()("the daemon hung up")
        self._cut(data)

    def _cut(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._pieces.append(line)
            self.lines.append(b"".join(self._pieces).decode(errors="replace"))
            self._pieces = []
        if rest:
            self._pieces.append(rest)


class _Signals:
    """Makes signals something that can be waited for.

    Attributes:
        fd: Readable when one has come.
    """

    def __enter__(self) -> Self:
        self.fd, self._writing = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._writing, False)
        self._before = {number: signal.signal(number, _note) for number in _SIGNALS}
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.fd)
        os.close(self._writing)

    def take(self) -> list[int]:
        """Return what has come, each once."""
        try:
            return list(dict.fromkeys(os.read(self.fd, 4096)))
        except BlockingIOError:
            return []


def _note(_number: int, _frame: object) -> None:
    """Nothing: that it has come stands in the pipe."""
