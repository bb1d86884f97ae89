"""A running program's terminal: what it writes, what its screen shows, who looks at it, and how large it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from fugue_core.protocol.window import Line
from fugue_core.terminal.journal import Journal
from fugue_core.terminal.pace import Pace
from fugue_core.terminal.prompt import Prompt
from fugue_core.terminal.pty import Pty
from fugue_core.terminal.screen import RESET, Screen

FRAME_S = 1 / 30
"""How often those who watch the screen are told of changes, at most."""
SETTLED_S = 0.002
"""What comes within this time of what was shown first is shown with it: a program seldom draws in one write."""
NEWS_S = 1.0
"""How often everybody is told of a new title, a bell or a sign of life, at most."""

SizePolicy: TypeAlias = Literal["latest", "smallest"]
"""Whose size a window takes where several look at it: that of who typed or came last, or one that all can show."""


class Viewer(Protocol):
    """Who looks at a window."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Columns and rows that the viewer has; None: any size will do."""

    @property
    def wants_cells(self) -> bool:
        """True for `show`, False for `write`."""

    def write(self, data: bytes) -> None:
        """Take what the program wrote."""

    def show(self, lines: Mapping[int, Line]) -> None:
        """Take rows of the screen that have changed; the rest of what it shows can be asked for."""

    def start_anew(self) -> None:
        """Take all of the screen; it has another size, or is another program's."""


class Window:
    """One run of a program. It owns its terminal and its screen.

    Attributes:
        cols, rows: The size of the terminal.
        viewers: Those who look at it, who typed last at the end.
        title, bells: As the program has it; `title` unfiltered.
        last_output_at: Unix seconds; None: it has said nothing yet.
        prompt: Whether the program waits for a line, and what was typed.
        began_at: Unix seconds; since when it is looked after here.
    """

    def __init__(  # noqa: PLR0913  # all that it stands between
        self,
        master: int,
        screen: Screen,
        journal: Journal,
        *,
        pace: Pace,
        size_policy: SizePolicy,
        prompt: Prompt,
        on_news: Callable[[], None],
    ) -> None:
        """Begin to read from a terminal.

        Args:
            master: Non-blocking, or `NO_TERMINAL`; the window closes it.
            screen: Of the terminal's size; the window closes it.
            journal: Which has what made the screen what it is, and is given what comes.
            size_policy: See `SizePolicy`.
            pace: See `Pty`.
            prompt: What is known of the program's prompt already.
            on_news: Called when there is something new to tell everybody, at most once in `NEWS_S`.
        """
        self.screen = screen
        self.journal = journal
        self.cols, self.rows = screen.cols, screen.rows
        self.viewers: list[Viewer] = []
        self.title = screen.title
        self.bells = screen.bells
        self.last_output_at: float | None = None
        self.prompt = prompt
        self.began_at = time.time()
        self._size_policy = size_policy
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._next_frame: asyncio.TimerHandle | None = None
        self._next_news: asyncio.TimerHandle | None = None
        self._news_at = 0.0
        self._frame_at = 0.0
        self._cell_viewers = 0
        self._pty = Pty(master, self._take_output, pace)

    @property
    def waiting_bytes(self) -> int:
        """How much of what was typed the program has not read yet."""
        return self._pty.waiting_bytes

    def type(self, data: bytes) -> None:
        """Type into the terminal, for somebody."""
        self.prompt.type(data, time.time())
        self._note_prompt()
        self._pty.type(data)

    def put(self, data: bytes, *, is_line_begun: bool) -> None:
        """Type into the terminal what nobody typed; `is_line_begun`: it leaves something that is not sent."""
        self.prompt.put(time.time(), is_begun=is_line_begun)
        self._note_prompt()
        self._pty.type(data)

    def say_idle(self, *, is_idle: bool) -> None:
        """Note what the program says of itself: whether it waits at its prompt."""
        self.prompt.say_idle(self.foreground if is_idle else None, time.time())
        self._note_prompt()

    @property
    def foreground(self) -> int | None:
        """The process group that the terminal belongs to now; None where nobody knows."""
        return self._pty.foreground

    def paste(self, data: bytes) -> bytes:
        """Return `data` as a paste: in brackets, where the program has asked for them, and unable to end them."""
        if not self.screen.modes.bracketed_paste:
            return data
        return b"\x1b[200~" + data.replace(b"\x1b[201~", b"") + b"\x1b[201~"

    def resize(self, cols: int, rows: int) -> None:
        """Give the terminal and its screen another size; everybody who looks is drawn it anew."""
        if (cols, rows) == (self.cols, self.rows):
            return
        self.cols, self.rows = cols, rows
        self.journal.resize(cols, rows)
        self.screen.resize(cols, rows)
        self.prompt.excuse(time.time())
        self._pty.resize(cols, rows)
        self._draw_anew()
        self._have_news()

    def ask_to_redraw(self) -> None:
        """Have the program draw its screen, which nobody here knows: it is told of another size, and of its own."""
        self.prompt.excuse(time.time())
        self._pty.resize(self.cols, max(1, self.rows - 1))
        self._loop.call_later(FRAME_S, self._pty.resize, self.cols, self.rows)

    def redraw(self) -> bytes:
        """Return what makes any terminal show what this one shows."""
        return RESET + self.screen.redraw()

    def finish(self) -> None:
        """Read what the program has left behind."""
        self._pty.drain()
        self._show_frame()

    def let_go(self) -> None:
        """Let go of the terminal and keep the screen; for a program that has exited."""
        self._pty.close()
        self.journal.close()

    def leave(self) -> None:
        """Let go of the terminal, with all on disk that the next daemon is to know."""
        if self.journal.is_long:
            self._begin_journal()
        self.let_go()

    def close(self) -> None:
        """Let go of terminal and screen."""
        for timer in (self._next_frame, self._next_news):
            if timer is not None:
                timer.cancel()
        self._next_frame = self._next_news = None
        self._pty.close()
        self.screen.close()

    # -------------------------------------------------------------------------------------------------------- viewers

    def add(self, viewer: Viewer) -> None:
        """Let somebody look; the size follows."""
        self.viewers.append(viewer)
        self._cell_viewers += viewer.wants_cells
        self.fit()
        self._have_news()

    def remove(self, viewer: Viewer) -> None:
        """Let somebody look no more; the size follows."""
        if viewer in self.viewers:
            self.viewers.remove(viewer)
            self._cell_viewers -= viewer.wants_cells
            self.fit()
            self._have_news()

    def prefer(self, viewer: Viewer) -> None:
        """Note that somebody has typed: where the latest decides, the size follows."""
        if self.viewers and self.viewers[-1] is not viewer and viewer in self.viewers:
            self.viewers.remove(viewer)
            self.viewers.append(viewer)
            self.fit()

    def fit(self) -> None:
        """Take the size that those who look at it ask for; without any, keep what it has."""
        sizes = [viewer.size for viewer in self.viewers if viewer.size is not None]
        if not sizes:
            return
        if self._size_policy == "latest":
            self.resize(*sizes[-1])
        else:
            self.resize(min(cols for cols, _ in sizes), min(rows for _, rows in sizes))

    # -------------------------------------------------------------------------------------------------------- private

    def _take_output(self, data: bytes) -> None:
        self.journal.output(data)
        for viewer in self.viewers:
            if not viewer.wants_cells:
                viewer.write(data)
        replies = self.screen.feed(data)
        if replies:
            self._pty.type(replies)
        if self.journal.is_due:
            self._begin_journal()
        if self._cell_viewers and self._next_frame is None:
            wait_s = self._frame_at + FRAME_S - self._loop.time()
            self._next_frame = self._loop.call_later(max(SETTLED_S, wait_s), self._show_frame)
        self.last_output_at = time.time()
        self.prompt.take_output(self.last_output_at)
        self._note_prompt()
        self._have_news()

    def _note_prompt(self) -> None:
        """Let the next daemon know, before anything comes of it."""
        self.journal.prompt(is_line_begun=self.prompt.typing.is_begun, idle_group=self.prompt.idle_group)

    def _begin_journal(self) -> None:
        self.journal.begin(self.cols, self.rows, self.screen.redraw(scrollback=True, is_quick=True))

    def _show_frame(self) -> None:
        if self._next_frame is not None:
            self._next_frame.cancel()
            self._next_frame = None
        if self._cell_viewers:
            self._frame_at = self._loop.time()
            lines = self.screen.changed_lines()
            for viewer in self.viewers:
                if viewer.wants_cells:
                    viewer.show(lines)

    def _draw_anew(self) -> None:
        for viewer in self.viewers:
            viewer.start_anew()

    def _have_news(self) -> None:
        if self._next_news is None:
            wait_s = self._news_at + NEWS_S - self._loop.time()
            self._next_news = self._loop.call_later(max(0.0, wait_s), self._tell_news)

    def _tell_news(self) -> None:
        self._next_news = None
        self._news_at = self._loop.time()
        self.title, self.bells = self.screen.title, self.screen.bells
        self._on_news()
