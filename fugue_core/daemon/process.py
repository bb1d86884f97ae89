"""Processes that sessions live for: when they end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TypeAlias

from fugue_core.protocol.session import SessionId
from fugue_core.terminal.program import process_start

Process: TypeAlias = tuple[int, int | None]
"""A process's id, and when it began."""


class ProcessWatch:
    """Say when the processes of sessions end. Where there are pidfds (Linux), at once; else by looking each second.

    Invariant: `_sessions` has each watched session under its process, and `_pidfds` one descriptor for each of these
    processes, or none where the system gave none.
    """

    def __init__(self, on_end: Callable[[SessionId], None]) -> None:
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._watched: dict[SessionId, Process] = {}
        self._sessions: dict[Process, set[SessionId]] = {}
        self._pidfds: dict[Process, int] = {}

    def watch(self, processes: Mapping[SessionId, Process]) -> None:
        """Watch exactly these from now on: for each session the process's id and when it began.

        A process that has ended already is reported; where `on_end` could not act on it, so does the next call.
        Cost: a look at the system only for those that are new, or that have no pidfd.
        """
        for session in [session for session in self._watched if self._watched[session] != processes.get(session)]:
            self._drop(session)
        for session, process in processes.items():
            if process in self._pidfds:
                self._add(session, process)
            elif process_start(process[0]) != process[1]:
                self._on_end(session)
            else:
                self._add(session, process)
                self._open(process)

    def close(self) -> None:
        """Watch nothing more."""
        self.watch({})

    def _add(self, session: SessionId, process: Process) -> None:
        self._watched[session] = process
        self._sessions.setdefault(process, set()).add(session)

    def _open(self, process: Process) -> None:
        try:
            pidfd = os.pidfd_open(process[0])
        except (AttributeError, OSError):
            return  # `watch` is called each second as well
        self._pidfds[process] = pidfd
        self._loop.add_reader(pidfd, self._ended, process)

    def _ended(self, process: Process) -> None:
        for session in list(self._sessions[process]):
            self._drop(session)
            self._on_end(session)

    def _drop(self, session: SessionId) -> None:
        process = self._watched.pop(session)
        self._sessions[process].remove(session)
        if self._sessions[process]:
            return
        del self._sessions[process]
        pidfd = self._pidfds.pop(process, None)
        if pidfd is not None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
