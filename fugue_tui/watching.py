"""What the terminals ask of the daemon: windows are opened, looked at, typed into and closed from here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Collection
from uuid import UUID

import msgspec
from textual import on, work

from fugue_core.cli.outcome import Failure
from fugue_core.cli.worktree import Worktree
from fugue_core.client.link import Opener
from fugue_core.errors import FugueError, SessionNotFound, WindowNotFound
from fugue_core.place import state_dir
from fugue_core.protocol.window import WindowChanged, WindowInfo
from fugue_tui import screens
from fugue_tui.cells import text_of
from fugue_tui.config import Config
from fugue_tui.keymap import with_keys
from fugue_tui.shell import Shell
from fugue_tui.terminal import (
    Head,
    Layout,
    TerminalMemory,
    WatchState,
    WindowKey,
    exit_words,
    head_of,
    keys_of,
    leaf_of,
    load_terminals,
    pruned,
    save_terminals,
    terminals_path,
)
from fugue_tui.watch import Watch
from fugue_tui.widgets.prefix import PrefixWidget
from fugue_tui.widgets.scrollback import PAGE_LINES, Scrollback, matching_lines
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.terminal_pane import TerminalPane
from fugue_tui.widgets.terminal_view import TerminalView


class WatchingShell(Shell):
    """The frame, with terminals in it. See `app.FugueApp` for all that is about messages and sessions."""

    def __init__(
        self, opener: Opener | None = None, *, server: str | None = None, config: Config | None = None
    ) -> None:
        super().__init__(opener, server=server, config=config)
        self._watches: dict[TerminalView, Watch] = {}
        self._windows_seen: frozenset[WindowKey] = frozenset()
        self._terminals_path = terminals_path(state_dir(f"{self._server}.sock"))
        self._memory = load_terminals(self._terminals_path)
        self._new_draft: screens.NewSessionDraft | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave every key to the program that has them."""
        if action == "quit_anywhere" and isinstance(self.focused, TerminalView):
            return False
        return super().check_action(action, parameters)

    # ------------------------------------------------------------------------------------------------- data goes down

    def show_windows(self) -> None:
        """Give the terminals what there is to show now."""
        pane, now = self.terminal_pane, time.time()
        living = frozenset(
            WindowKey(session, number) for session, windows in self._world.windows.items() for number in windows
        )
        closed = self._windows_seen - living
        self._windows_seen = living
        self._let_go(closed)
        if not self.workspace.has_terminals:
            return
        for key, view in pane.views.items():
            window = self._window(key)
            if window is None:
                continue
            if view.display and view.has_focus:
                self._world.hear(window)
            watch = self._watches.get(view)
            if watch is not None and watch.state.kind == "exited" and window.exited is None:
                watch.retry()
        unheard = self._world.unheard()

        def head(key: WindowKey) -> Head:
            info = self._world.sessions.get(key.session)
            if info is None:
                return Head()
            return head_of(info, self._world.windows_of(key.session), key.window, now, unheard)

        pane.update_heads(head)

    def _let_go(self, closed: Collection[WindowKey]) -> None:
        """Show windows that are closed no more; where nothing is left, go back to the messages."""
        pane = self.terminal_pane
        gone = [key for key in pane.views if key in closed]
        if not gone:
            return
        words = exit_words(None)
        for key in gone:
            watch = self._watches.get(pane.views[key])
            if watch is not None and watch.state.exited is not None:
                words = exit_words(watch.state.exited)
        had_focus = pane.has_focus_within
        if not pane.keep_only([key for key in pane.views if key not in closed], self._next_living):
            self.notify(f"the last program here {words}")
            if self.workspace.has_terminals:
                self._leave(to_log=had_focus)

    def _next_living(self, key: WindowKey) -> WindowKey | None:
        windows = self._world.windows_of(key.session)
        return WindowKey(key.session, windows[0].window) if windows else None

    def _window(self, key: WindowKey) -> WindowInfo | None:
        return self._world.windows.get(key.session, {}).get(key.window)

    def _show_link(self) -> None:
        super()._show_link()
        if self._link.is_up:
            for watch in self._watches.values():
                if watch.state.kind == "lost":
                    watch.retry()

    # ------------------------------------------------------------------------------------------------ opening, leaving

    @on(SessionList.OpenAsked)
    def open_asked(self, event: SessionList.OpenAsked) -> None:
        """Show a session's terminals."""
        self.open_session(event.sessions[0].id)

    def open_session(self, session: UUID) -> None:
        """Show a session's terminals as they were left; the keys go to its own."""
        living = {WindowKey(each, number) for each, windows in self._world.windows.items() for number in windows}
        layout: Layout | None = self._memory.of(session)
        if layout is not None:
            layout = pruned(layout, living)
        windows = self._world.windows_of(session)
        first = WindowKey(session, windows[0].window if windows else 0)
        if layout is None:
            layout = leaf_of(first)
        shown = keys_of(layout)
        active = next((key for key in shown if key.session == session), shown[0])
        self.workspace.bring("terminal")
        self.terminal_pane.show(session, layout, active)
        self._is_stale = True

    @on(SessionList.BesideAsked)
    def open_beside(self, event: SessionList.BesideAsked) -> None:
        """Show one more session's program beside what is shown."""
        session, pane = event.sessions[0].id, self.terminal_pane
        keys = [WindowKey(session, window.window) for window in self._world.windows_of(session)]
        free = [key for key in keys if key not in pane.views]
        active = pane.active
        if active is None or active.window is None or not pane.views or not free:
            self.open_session(session)
        elif not pane.can_split:
            self.notify("four terminals are side by side already")
        else:
            self.workspace.bring("terminal")
            pane.split(active.window, free[0], "beside")

    def action_terminals(self) -> None:
        """Go to the terminals as they were left; where none were, to those of the session under the cursor."""
        active = self.terminal_pane.active
        if active is not None and active.window is not None:
            self.workspace.bring("terminal")
            self.terminal_pane.activate(active.window)
            self._is_stale = True
            return
        row = self.session_list.selected
        session = None if row is None else row.session
        if session is not None and self._world.windows.get(session.id):
            self.open_session(session.id)
        else:
            self._leave(to_log=True)
            how = with_keys(self, "no terminal is open; {sessions.open} on a session with a program shows it")
            self.notify(how)

    @on(TerminalPane.Left)
    def leave_terminals(self) -> None:
        """Go back to the messages; the programs go on."""
        self._leave(to_log=True)

    def _leave(self, *, to_log: bool) -> None:
        self.workspace.bring("log")
        (self.message_pane.front if to_log else self.session_list).focus()

    @on(TerminalPane.SessionsAsked)
    def go_to_sessions(self) -> None:
        """Go to the sessions; the terminals stay in sight."""
        self.session_list.focus()

    @on(TerminalPane.Changed)
    def keep_layout(self, event: TerminalPane.Changed) -> None:
        """Remember how the terminals stand, for next time."""
        pane = event.pane
        if pane.home is not None and pane.layout_of_views is not None:
            self._keep(self._memory.with_layout(pane.home, pane.layout_of_views))
        self._is_stale = True

    def _keep(self, memory: TerminalMemory) -> None:
        if memory != self._memory:
            self._memory = memory
            save_terminals(self._terminals_path, memory)

    # ---------------------------------------------------------------------------------------------------- new sessions

    @on(SessionList.NewAsked)
    def open_new_session(self, event: SessionList.NewAsked) -> None:
        """Ask what to start; where the cursor is in a worktree, there."""
        draft = self._new_draft or screens.NewSessionDraft()
        if not draft.directory:
            draft = msgspec.structs.replace(draft, directory=event.directory or os.getcwd())
        tags = [tag.name for tag in self._world.known_tags()]
        panel = screens.NewSession(
            draft, self.palette, known_tags=tags, commands=self._memory.commands, beside=self.session_list
        )
        self.push_screen(panel)

    def on_new_session_abandoned(self, event: screens.NewSession.Abandoned) -> None:
        """Keep what was typed for the next time."""
        self._new_draft = event.draft

    @work
    async def on_new_session_entered(self, event: screens.NewSession.Entered) -> None:
        """Start a program in a session of its own, and show it; a refusal keeps what was typed."""
        draft, panel = event.draft, event.panel
        directory, worktree = draft.read_directory(), None
        try:
            if draft.branch.strip():
                worktree = await asyncio.to_thread(Worktree.of_branch, draft.branch.strip(), directory)
                directory = worktree.path
            info = await self.client.windows.new_session(
                draft.read_command(),
                name=draft.name or None,
                tags=draft.read_tags(),
                directory=directory,
                keep=draft.keep,
            )
        except Failure as failure:
            panel.refuse(str(failure).removeprefix("--worktree: "), "branch")
        except FugueError as error:
            if worktree is not None:
                with contextlib.suppress(Failure):
                    await asyncio.to_thread(worktree.undo)
            panel.refuse_for(error)
        else:
            self._new_draft = None
            self._keep(self._memory.with_command(draft.command))
            panel.close()
            self.open_session(info.id)

    # ------------------------------------------------------------------------------------------------------- watching

    @on(TerminalView.Wanted)
    def watch_window(self, event: TerminalView.Wanted) -> None:
        """Look at a window for a terminal, in its size."""
        view = event.view
        window = view.window
        if window is None or not view.is_mounted:
            return
        watch = self._watches.get(view)
        if watch is not None and watch.window == window:
            watch.resize(view.room)
            return
        if watch is not None:
            watch.close()

        def take_state(state: WatchState) -> None:
            if view.window == window:
                view.state = state
            if state.kind == "closed":
                self.call_later(self._let_go, {window})

        watch = Watch(
            window,
            view.room,
            client=lambda: self._link.client if self._link.is_up else None,
            on_frames=lambda frames: view.take(frames) if view.window == window else None,
            on_state=take_state,
        )
        self._watches[view] = watch
        self._run_watch(watch)

    @work
    async def _run_watch(self, watch: Watch) -> None:
        await watch.run()

    @on(TerminalView.Unwanted)
    def unwatch_window(self, event: TerminalView.Unwanted) -> None:
        """Look no more."""
        watch = self._watches.pop(event.view, None)
        if watch is not None:
            watch.close()

    @on(TerminalView.Typed)
    def type_into(self, event: TerminalView.Typed) -> None:
        """Type into a program's terminal."""
        watch = self._watches.get(event.view)
        if watch is not None:
            watch.type(event.data)

    @on(PrefixWidget.Prefixed)
    def show_prefix(self, event: PrefixWidget.Prefixed) -> None:
        """Say that the next key is fugue's, or that it was."""
        self.status_bar.is_prefixed = event.widget.is_prefixed
        self.on_descendant_focus()

    # -------------------------------------------------------------------------------------------------------- windows

    @on(TerminalPane.WindowAsked)
    @work
    async def open_window(self, event: TerminalPane.WindowAsked) -> None:
        """Start another program in the session; the terminal shows it."""
        new = await self._new_window(event.window)
        if new is not None:
            event.pane.turn(event.window, new)

    @on(TerminalPane.SplitAsked)
    @work
    async def split_terminal(self, event: TerminalPane.SplitAsked) -> None:
        """Start another program in the session, beside the one that is shown."""
        new = await self._new_window(event.window)
        if new is not None:
            event.pane.split(event.window, new, event.way)

    async def _new_window(self, beside: WindowKey) -> WindowKey | None:
        """Start the user's shell where another program of the session was started."""
        there = self._window(beside)
        directory = None if there is None else there.directory
        try:
            window = await self.client.windows.new(beside.session, directory=directory)
        except FugueError as error:
            self.notify(str(error), severity="error")
            return None
        self._world.apply(WindowChanged(window=window))
        return WindowKey(window.session, window.window)

    @on(TerminalPane.TurnAsked)
    def turn_terminal(self, event: TerminalPane.TurnAsked) -> None:
        """Show another of the session's windows."""
        session, numbers = event.window.session, sorted(self._world.windows.get(event.window.session, {}))
        if event.number is not None:
            if event.number not in numbers:
                self.notify(f"there is no window {event.number}")
                return
            number = event.number
        elif event.window.window in numbers:
            number = numbers[(numbers.index(event.window.window) + event.step) % len(numbers)]
        else:
            return
        if number != event.window.window:
            event.pane.turn(event.window, WindowKey(session, number))

    @on(TerminalPane.KillAsked)
    def ask_to_kill(self, event: TerminalPane.KillAsked) -> None:
        """Ask whether a program is to end; a window whose program has exited is closed at once."""
        window = self._window(event.window)
        if window is None:
            return
        if window.exited is not None:
            self._kill(event.window, None)
        else:
            is_last = len(self._world.windows_of(window.session)) == 1
            self.push_screen(screens.KillPanel(window, self.palette, is_last=is_last, beside=self.session_list))

    def on_kill_panel_confirmed(self, event: screens.KillPanel.Confirmed) -> None:
        """End a program and close its window."""
        self._kill(WindowKey(event.window.session, event.window.window), event.panel)

    @work
    async def _kill(self, key: WindowKey, panel: screens.KillPanel | None) -> None:
        try:
            with contextlib.suppress(SessionNotFound, WindowNotFound):  # it has ended by itself
                await self.client.windows.kill(key.session, key.window)
        except FugueError as error:
            if panel is None:
                self.notify(str(error), severity="error")
            else:
                panel.show_refusal(str(error))
        else:
            if panel is not None:
                panel.close()

    # ------------------------------------------------------------------------------------------------- looking back

    @on(TerminalPane.ScrollbackAsked)
    @work(exclusive=True, group="scrollback")
    async def open_scrollback(self, event: TerminalPane.ScrollbackAsked) -> None:
        """Look back at what a terminal showed."""
        key = event.window
        try:
            last = await self.client.windows.lines(-PAGE_LINES, PAGE_LINES, key.session, key.window)
        except FugueError as error:
            self.notify(str(error), severity="error")
            return
        view = event.pane.views.get(key)
        if view is not None:
            scrollback = Scrollback(key, view.shown.cols, last.total, self.palette)
            scrollback.take_lines(last)
            event.pane.open_scrollback(scrollback)

    @on(Scrollback.LinesAsked)
    @work
    async def fetch_lines(self, event: Scrollback.LinesAsked) -> None:
        """Fetch lines that have come into view."""
        key = event.scrollback.window
        try:
            found = await self.client.windows.lines(event.first, event.limit, key.session, key.window)
        except FugueError as error:
            event.scrollback.say(str(error))
        else:
            event.scrollback.take_lines(found)

    @on(Scrollback.SearchAsked)
    @work(exclusive=True, group="scrollback")
    async def search_lines(self, event: Scrollback.SearchAsked) -> None:
        """Look for something in all that is kept."""
        key = event.scrollback.window
        try:
            captured = await self.client.windows.capture(key.session, key.window, scrollback=True)
        except FugueError as error:
            event.scrollback.say(str(error))
        else:
            event.scrollback.show_matches(event.text, matching_lines(captured.text, event.text))

    @on(Scrollback.CopyAsked)
    @work
    async def copy_lines(self, event: Scrollback.CopyAsked) -> None:
        """Put what is chosen into the clipboard."""
        key, chosen, lines = event.scrollback.window, event.chosen, list[str]()
        try:
            while (first := chosen.first.row + len(lines)) <= chosen.last.row:
                limit = min(PAGE_LINES, chosen.last.row + 1 - first)
                found = await self.client.windows.lines(first, limit, key.session, key.window)
                if not found.lines:
                    break
                lines += map(text_of, found.lines)
        except FugueError as error:
            event.scrollback.say(str(error))
        else:
            text = chosen.text_of(lines)
            self.copy_to_clipboard(text)
            count, what = (len(lines), "line") if chosen.is_lines or len(lines) > 1 else (len(text), "character")
            event.scrollback.say(f"copied {count:,} {what}{'' if count == 1 else 's'}")

    @on(TerminalPane.RespawnAsked)
    @work
    async def respawn(self, event: TerminalPane.RespawnAsked) -> None:
        """Start the program of a window again."""
        try:
            await self.client.windows.respawn(event.window.session, event.window.window)
        except FugueError as error:
            self.notify(str(error), severity="error")
