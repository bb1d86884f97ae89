"""All programs that run, each with its terminal and screen; begun and ended through the keeper.

A run of a program is known by its key, a text that no other run ever has.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable

from fugue_core.background import Background
from fugue_core.errors import NoKeeper
from fugue_core.protocol.window import Program, ProgramExit
from fugue_core.terminal.journal import Journal, Past
from fugue_core.terminal.journal import read as read_journal
from fugue_core.terminal.keeping import Keeper, Kept
from fugue_core.terminal.keystroke import Typing
from fugue_core.terminal.pace import Pace
from fugue_core.terminal.program import end_session, process_start
from fugue_core.terminal.prompt import Prompt
from fugue_core.terminal.pty import NO_TERMINAL, size_of
from fugue_core.terminal.screen import SCROLLBACK_LINES, Screen, open_screen
from fugue_core.terminal.window import SizePolicy, Window

log = logging.getLogger(__name__)

COLS, ROWS = 80, 24
"""The size of a terminal of which nobody knows any."""
LOOK_AGAIN_S = 0.1
"""After the connection to the keeper was lost, before another is made."""


class Fleet:
    """Start programs, take up those that ran before us, end them.

    Invariant: a key is in `_pids` and `_began` if and only if its program runs, as far as we were told.

    Attributes:
        pace: To be told of requests, so that floods make room for them.
        windows: By key: of programs that run, and of those that have exited and are kept to look at.
    """

    def __init__(  # noqa: PLR0913  # where everything is, and whom to tell
        self,
        keeper_path: str,
        screens_dir: str,
        *,
        scrollback_lines: int = SCROLLBACK_LINES,
        size_policy: SizePolicy = "latest",
        is_bound: bool = False,
        on_exit: Callable[[str, ProgramExit], None],
        on_news: Callable[[str], None],
    ) -> None:
        """Start nothing yet.

        Args:
            keeper_path: The keeper's socket.
            screens_dir: Where journals are; is made where it is not there.
            scrollback_lines: Lines that each screen keeps.
            size_policy: See `SizePolicy`.
            is_bound: The programs end with this process, also where that is killed.
            on_exit: Called once for each program that exits, when all that it wrote has been read.
            on_news: Called when there is something new to tell of a window, see `Window`.
        """
        self._keeper_path = keeper_path
        self._screens_dir = screens_dir
        self._scrollback_lines = scrollback_lines
        self._size_policy = size_policy
        self._is_bound = is_bound
        self._on_exit = on_exit
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._keeper: Keeper | None = None
        self._keeper_lock = asyncio.Lock()
        self._background = Background()
        self._pids: dict[str, int] = {}
        self._began: dict[str, int | None] = {}
        self.pace = Pace(self._loop.time)
        self.windows: dict[str, Window] = {}

    def pid_of(self, key: str) -> int | None:
        """Return the process of a program that runs."""
        return self._pids.get(key)

    @property
    def keeper_pid(self) -> int | None:
        """The keeper's process, where there is one."""
        return None if self._keeper is None else self._keeper.pid

    # ------------------------------------------------------------------------------------------------ begin and end

    async def take_up(self, running: Iterable[str], exited: Iterable[str]) -> list[str]:
        """Go on with what runs at the keeper; return those of `running` that it does not have.

        Programs that nobody asks for are ended: they were never on disk, or given up before the keeper heard of it.

        Args:
            running: Keys of programs that have not exited, as far as was known.
            exited: Keys of those that have, and whose screens are shown again.
        """
        wanted = set(running)
        if wanted or os.path.exists(self._keeper_path):  # noqa: ASYNC240  # before anybody is served
            with contextlib.suppress(NoKeeper):
                await self._open_keeper(start=False)
        keeper = self._keeper
        kept = {} if keeper is None else keeper.kept
        for key, held in kept.items():
            if key in wanted and held.master != NO_TERMINAL:
                self._resume(key, held)
            else:
                self._drop(key, held)
        for key in exited:
            self._show_again(key)
        with contextlib.suppress(OSError):  # none was made, or nobody may read them: then they are in nobody's way
            for name in set(os.listdir(self._screens_dir)) - self.windows.keys():
                os.unlink(os.path.join(self._screens_dir, name))
        return sorted(wanted - self.windows.keys())

    async def close(self, *, end_programs: bool) -> None:
        """Leave the programs to the keeper, with their screens on disk; or end them, and the keeper."""
        keeper, self._keeper = self._keeper, None
        for window in self.windows.values():
            if end_programs:
                window.journal.remove()
            else:
                window.leave()
            window.close()
        self.windows.clear()
        await self._background.cancel()
        if keeper is None:
            return
        if end_programs:
            try:
                await keeper.stop()
            except NoKeeper as error:
                log.error("%s", error)  # noqa: TRY400  # the sentence says it
        else:
            keeper.close()

    # ----------------------------------------------------------------------------------------------------- programs

    async def prepare(self, key: str, program: Program) -> None:
        """Make a program ready on a terminal of its own; nothing of it runs before `go`.

        All of `program.environment` and `program.command` is taken as it is.

        Raises:
            ProgramNotStarted, NoKeeper: Nothing is left.
        """
        keeper = await self._open_keeper(start=True)
        if keeper is None:
            raise NoKeeper("it does not run")
        cols, rows = program.cols, program.rows
        kept = await keeper.spawn(
            key, program.command, program.environment, program.directory, cols, rows, umask=program.umask
        )
        journal = Journal(self._journal_path(key))
        journal.begin(cols, rows, b"")
        self._open(key, kept, open_screen(cols, rows, self._scrollback_lines), journal, Prompt())

    async def go(self, key: str) -> None:
        """Let a program begin that was made ready. Raises as `prepare`; then call `give_up`."""
        if self._keeper is None:
            raise NoKeeper("it is gone")
        await self._keeper.go(key)

    def signal(self, key: str, number: signal.Signals) -> None:
        """Send a signal to all processes of a program's terminal."""
        if self._keeper is not None:
            self._keeper.signal(key, number)

    def give_up(self, key: str, *, kill: bool = False) -> None:
        """Forget a run of a program, which is killed where it has not exited.

        What one that has exited left in the background lives on, unless `kill` says otherwise.
        """
        if kill:
            self.signal(key, signal.SIGKILL)
        window = self.windows.pop(key, None)
        if window is not None:
            window.journal.remove()
            window.close()
        self._forget(key)

    def rest(self, key: str, *, kill: bool = False) -> None:
        """Forget a program that has exited, but for its screen. `kill`: see `give_up`."""
        if kill:
            self.signal(key, signal.SIGKILL)
        window = self.windows.get(key)
        if window is not None:
            window.let_go()
        self._forget(key)

    # ------------------------------------------------------------------------------------------------------ the keeper

    async def _open_keeper(self, *, start: bool) -> Keeper | None:
        async with self._keeper_lock:
            if self._keeper is None:
                self._keeper = await Keeper.open(
                    self._keeper_path, start=start, on_exit=self._take_exit, on_lost=self._lose_keeper
                )
                if self._keeper is not None and self._is_bound:
                    self._keeper.bind()
            return self._keeper

    def _take_exit(self, key: str, exited: ProgramExit) -> None:
        window = self.windows.get(key)
        if window is not None and key in self._pids:
            window.finish()
            self._pids.pop(key)
            self._on_exit(key, exited)

    def _lose_keeper(self) -> None:
        self._keeper = None
        self._background.run(self._find_keeper())

    async def _find_keeper(self) -> None:
        """Go on with the keeper where only the connection was lost; else end what is left of its programs."""
        await asyncio.sleep(LOOK_AGAIN_S)  # whoever took the connection from us may want it only for a moment
        try:
            keeper = await self._open_keeper(start=False)
        except NoKeeper as error:
            log.error("%s", error)  # noqa: TRY400  # the sentence says it
            keeper = None
        kept = {} if keeper is None else keeper.kept
        for key, held in kept.items():
            if held.master != NO_TERMINAL:
                os.close(held.master)  # we have one
            if key not in self._pids:
                self._forget(key)
            elif held.exit is not None:
                self._take_exit(key, held.exit)
        orphans = {key: pid for key, pid in self._pids.items() if key not in kept}
        if orphans:
            log.error("the keeper is gone, and %d programs with it", len(orphans))
        for key, pid in orphans.items():
            self._background.run(self._end_orphan(key, pid))

    async def _end_orphan(self, key: str, pid: int) -> None:
        window = self.windows.get(key)
        if window is not None:
            window.finish()
            window.let_go()  # which hangs up on them
        await end_session(pid, self._began.get(key))
        self._take_exit(key, ProgramExit(at=time.time()))

    def _forget(self, key: str) -> None:
        self._pids.pop(key, None)
        self._began.pop(key, None)
        if self._keeper is not None:
            self._keeper.forget(key)

    def _drop(self, key: str, kept: Kept) -> None:
        if kept.master != NO_TERMINAL:
            os.close(kept.master)
        self._forget(key)

    # ----------------------------------------------------------------------------------------------------- the windows

    def _open(self, key: str, kept: Kept, screen: Screen, journal: Journal, prompt: Prompt) -> Window:
        self._pids[key] = kept.pid
        self._began[key] = process_start(kept.pid)
        return self._show(key, kept.master, screen, journal, prompt)

    def _show(self, key: str, master: int, screen: Screen, journal: Journal, prompt: Prompt) -> Window:
        window = self.windows[key] = Window(
            master,
            screen,
            journal,
            pace=self.pace,
            size_policy=self._size_policy,
            prompt=prompt,
            on_news=lambda: self._on_news(key),
        )
        return window

    def _resume(self, key: str, kept: Kept) -> None:
        path = self._journal_path(key)
        past, journal = read_journal(path), Journal(path)
        screen = self._screen_of(past)
        if past is None:
            journal.begin(screen.cols, screen.rows, b"")
        else:
            journal.go_on(past)
        # when somebody typed last nobody knows any more: it may have been just now
        now = time.time()
        typing = Typing(now, is_begun=past is None or past.is_line_begun)
        prompt = Prompt(typing, None if past is None else past.idle_group, now)
        window = self._open(key, kept, screen, journal, prompt)
        window.resize(*(size_of(kept.master) or (screen.cols, screen.rows)))
        if kept.exit is not None:
            self._loop.call_soon(self._take_exit, key, kept.exit)
        elif past is None or (not past.is_whole and screen.modes.is_alternate):
            window.ask_to_redraw()

    def _show_again(self, key: str) -> None:
        path = self._journal_path(key)
        self._show(key, NO_TERMINAL, self._screen_of(read_journal(path)), Journal(path), Prompt())

    def _screen_of(self, past: Past | None) -> Screen:
        """Return the screen that a journal tells of; where there is none, an empty one of the usual size."""
        size, records = (COLS, ROWS), [] if past is None else past.records
        if records and not isinstance(records[0], bytes):
            size = records[0]
        screen = open_screen(*size, self._scrollback_lines)
        for record in records:
            if isinstance(record, bytes):
                screen.feed(record)  # what it answers, the program was told then
            else:
                screen.resize(*record)
        return screen

    def _journal_path(self, key: str) -> str:
        return os.path.join(self._screens_dir, key)
