"""The terminal that the screen is drawn on, which may be gone from one moment to the next."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from io import TextIOWrapper
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

LOOK_S = 0.5
"""How often it is asked whether the terminal is there: one that is gone seems to have input for ever."""
BY_SIGNAL = 128
"""Shells add it to the signal's number."""


class Outlet:
    """A terminal's output, as far as Textual uses it. What is written after it is gone goes nowhere.

    Textual's own thread would end with the error, and the app would wait for it for ever with its thirtieth frame.
    """

    def __init__(self, file: TextIO, lost: Callable[[], None]) -> None:
        self._file, self._lost = file, lost
        self._is_lost = False

    def write(self, text: str) -> None:
        """Write, see `TextIO`."""
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        """Write what is left, see `TextIO`."""
        self._try(self._file.flush)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return self._file.isatty()

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_lost:
            return
        try:
            act()
        except OSError:
            self._is_lost = True
            self._lost()


class TerminalDriver(LinuxDriver):
    """Textual's driver; it has the app end in good order when the terminal vanishes, and at SIGHUP and SIGTERM.

    So drafts are kept, the demo's town is ended, and no thread goes on reading from nowhere. A second SIGHUP, which
    a terminal's end often sends, is nothing new; a second SIGTERM does what it would do without this.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        file = cast("TextIO", self._file)  # the screen opens only where stderr is a terminal
        self._file = cast("TextIOWrapper", Outlet(file, self._lose))
        self._before: dict[int, Any] = {}

    def start_application_mode(self) -> None:
        """Begin, see `Driver`."""
        for number in (signal.SIGHUP, signal.SIGTERM):
            if number not in self._before and signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it
                self._before[number] = signal.signal(number, self._take_signal)
        if self.input_tty:
            self._look()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's

    def close(self) -> None:
        """End, see `Driver`."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._take_signal:
                signal.signal(number, handler)
        super().close()

    def run_input_thread(self) -> None:
        """Take input, see `Driver`; a terminal that is gone may also say so with an error."""
        try:
            super().run_input_thread()
        except OSError:
            self._lose()

    def _look(self) -> None:
        if not os.isatty(self.fileno):
            self._lose()
        elif not self._app._exit:  # noqa: SLF001  # Textual has no other word for it
            self._loop.call_later(LOOK_S, self._look)

    def _take_signal(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else self._before[number])
        self._leave(number)

    def _lose(self) -> None:
        """The terminal is gone. From any thread."""
        self.exit_event.set()
        self._leave(signal.SIGHUP)

    def _leave(self, number: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._app.exit, None, BY_SIGNAL + number)
