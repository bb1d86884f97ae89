"""Start, serve, stop: one daemon at one socket, with its store in one state directory."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import msgspec

import fugue_core
from fugue_core import place
from fugue_core.daemon.config import Config
from fugue_core.daemon.connection import READ_BYTES, Connection
from fugue_core.daemon.feed import Feed
from fugue_core.daemon.inquiry import Host, InquiryDesk
from fugue_core.daemon.process import Process, ProcessWatch
from fugue_core.daemon.programs import ProgramHost
from fugue_core.daemon.stage import Stage
from fugue_core.daemon.switchboard import Switchboard
from fugue_core.errors import DaemonUnavailable, StoreUnavailable
from fugue_core.history import History
from fugue_core.hub import Hub
from fugue_core.identifier import new_id
from fugue_core.limits import Limits
from fugue_core.protocol.requests import PROTOCOL_VERSION, DaemonStatus, Snapshot, Software, StoreStatus
from fugue_core.protocol.session import SessionId
from fugue_core.store import WAL_CHECKPOINT_BYTES, WAL_LIMIT_BYTES, SqliteStore
from fugue_core.terminal.program import process_start
from fugue_core.validator import Validator

log = logging.getLogger(__name__)

TICK_S = 1.0
RETENTION_S = 60.0
"""How often what is too old is looked for, once all of it is gone."""
RETENTION_BATCH = 500
"""Messages looked at in one go; a few milliseconds."""
RETENTION_PAUSE_S = 0.01
"""Between two batches, so that nobody waits long."""


class Server:
    """Everything that one daemon consists of, running.

    Made by `serve`, which owns it. Timers and threads are its own and end with it.
    """

    def __init__(
        self, socket_path: str, store: SqliteStore, history: History, config: Config, program_host: ProgramHost
    ) -> None:
        self._socket_path = socket_path
        self._store = store
        self._history = history
        self._limits: Limits = config.limits
        self._loop = asyncio.get_running_loop()
        self._started_at = time.time()
        self._began_at = self._loop.time()  # which does not jump
        self.stopped = asyncio.Event()
        self._hub = Hub(store, config.limits, time.time, new_id, process_start, Validator)
        self._stage = Stage(self._hub, config, program_host, new_id)
        self._feed = Feed(str(uuid4()), config.limits, self._snapshot)
        host = Host(pid=os.getpid(), clock=time.time, status=self._status, stop=self._stop)
        self.switchboard = Switchboard(
            self._hub,
            store,
            self._feed,
            InquiryDesk(history, self._feed, config.limits, host),
            self._stage,
            config.limits,
            Software(name="fugue", version=fugue_core.__version__),
            self._watch_changed_processes,
        )
        self._watched: Mapping[SessionId, Process] | None = None
        self._processes = ProcessWatch(self._end_session)
        self._checkpoint: asyncio.Future[None] | None = None
        self._checkpointed_commits = 0
        self._retained_to = 0
        self._next_retention = self._loop.time()
        self._next_batch: asyncio.TimerHandle | None = None
        self._timer = self._loop.call_soon(self._tick)

    async def start(self) -> None:
        """Take up the programs that run. To be awaited before anybody connects."""
        await self._stage.start(self.switchboard)

    def _stop(self, *, end_programs: bool) -> None:
        self._stage.programs.is_last = self._stage.programs.is_last or end_programs
        self.stopped.set()

    def _snapshot(self, epoch: str, number: int) -> Snapshot:
        return msgspec.structs.replace(self._hub.snapshot(epoch, number), windows=self._stage.programs.infos())

    async def close(self) -> None:
        """Answer what has been read, and end."""
        self._timer.cancel()
        if self._next_batch is not None:
            self._next_batch.cancel()
        self._processes.close()
        await self._stage.close()
        await self.switchboard.close()
        if self._checkpoint is not None:
            await asyncio.wait([self._checkpoint])
            self._end_checkpoint(self._checkpoint)

    # ---------------------------------------------------------------------------------------------- once in a while

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self.switchboard.run_errand(self._hub.tick)
        self._watch_processes()
        self._stage.programs.tick()
        self.switchboard.run_errand(lambda: self._stage.waker.look(self.switchboard))
        if self._loop.time() >= self._next_retention:
            self.switchboard.run_errand(self._retain)
        self._keep_log_short()

    def _retain(self) -> None:
        """Remove a batch of what is too old; where there is more, soon again."""
        below = self._hub.last_seq - self._limits.retention_messages + 1
        older_than = time.time() - self._limits.retention_s
        retained_to = self._store.retain(below, older_than, RETENTION_BATCH, self._retained_to)
        if retained_to is None:
            self._retained_to = 0
            self._next_retention = self._loop.time() + RETENTION_S
        else:
            self._retained_to = retained_to
            # the next batch comes by itself, unless the disk refuses this one
            self._next_retention = self._loop.time() + RETENTION_S
            self._next_batch = self._loop.call_later(RETENTION_PAUSE_S, self.switchboard.run_errand, self._retain)

    def _keep_log_short(self) -> None:
        """Copy the store's write-ahead log into its file, from a thread; the writer goes on meanwhile."""
        size_bytes = self._store.wal_bytes()
        if self._checkpoint is not None and self._checkpoint.done():
            self._end_checkpoint(self._checkpoint)
            self._checkpoint = None
        commits = self._store.commit_count
        if size_bytes > WAL_CHECKPOINT_BYTES and self._checkpoint is None and commits != self._checkpointed_commits:
            self._checkpointed_commits = commits
            self._checkpoint = self._loop.run_in_executor(None, self._history.checkpoint)
        if size_bytes > WAL_LIMIT_BYTES:
            self._loop.call_soon(self._truncate_log)  # between two turns, so that it can undo neither

    def _truncate_log(self) -> None:
        try:
            self._store.truncate_log()
        except StoreUnavailable as error:
            log.warning("checkpoint: %s", error)

    def _end_checkpoint(self, checkpoint: asyncio.Future[None]) -> None:
        if (error := checkpoint.exception()) is not None:
            log.warning("checkpoint: %s", error)
            self._checkpointed_commits = -1  # so that it is tried again; until one succeeds the log grows

    def _watch_changed_processes(self) -> None:
        """Look at the processes of sessions, if anything about which they are has changed since the last time."""
        if self._hub.guarded_processes() is not self._watched:
            self._watch_processes()

    def _watch_processes(self) -> None:
        self._watched = self._hub.guarded_processes()
        self._processes.watch(self._watched)

    def _end_session(self, session: SessionId) -> None:
        self.switchboard.run_errand(lambda: self._hub.end(session))

    # ------------------------------------------------------------------------------------------------------- status

    def _status(self, messages: int) -> DaemonStatus:
        error = self.switchboard.store_error
        return DaemonStatus(
            version=fugue_core.__version__,
            protocol=PROTOCOL_VERSION,
            pid=os.getpid(),
            socket=self._socket_path,
            started_at=self._started_at,
            uptime_s=self._loop.time() - self._began_at,
            sessions=self._hub.session_count,
            connections=self.switchboard.connection_count,
            subscribers=len(self._feed),
            messages=messages,
            last_seq=self._hub.last_seq,
            unacked=self._hub.unacked_count,
            memory_bytes=memory_bytes(),
            store=StoreStatus(
                path=self._store.path,
                size_bytes=os.path.getsize(self._store.path) + self._store.wal_bytes(),
                synchronous=self._store.synchronous,
                error=None if error is None else str(error),
            ),
            windows=self._stage.programs.count,
            keeper_pid=self._stage.programs.keeper_pid,
        )


def memory_bytes() -> int:
    """Return this process's resident memory; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def locked(path: str, owner: str) -> Iterator[None]:
    """Hold a file that only one daemon can hold. Raises `DaemonUnavailable` where another does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
            raise DaemonUnavailable(owner, f"{path} is held by {holder or 'another daemon'}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"daemon {os.getpid()} at {owner}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def running(socket_path: str, state_dir: str, config: Config, program_host: ProgramHost) -> AsyncIterator[Server]:
    """Run a daemon that has its store in `state_dir`, and listens nowhere. See `serve` for the errors."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            os.makedirs(state_dir, mode=0o700, exist_ok=True)
            stack.enter_context(locked(f"{state_dir}/lock", socket_path))
        except OSError as error:
            raise StoreUnavailable(str(error)) from error
        store = SqliteStore(f"{state_dir}/{place.STORE}", config.store.synchronous)
        stack.callback(store.close)
        store.prune_sessions(time.time() - config.limits.retention_s)
        history = History(store.path)
        stack.callback(history.close)
        server = Server(socket_path, store, history, config, program_host)
        stack.push_async_callback(server.close)
        await server.start()
        yield server


@contextlib.asynccontextmanager
async def serve(socket_path: str, state_dir: str, config: Config) -> AsyncIterator[Server]:
    """Run a daemon at a socket: it listens when the body begins, and has answered and stored everything when this ends.

    Two locks say that it is the only one: one beside the socket, one in the state directory. With them held, a socket
    file that is there is stale, and is replaced.

    Raises:
        DaemonUnavailable: Another daemon runs at this socket or on this state directory.
        StoreUnavailable: The state directory or the store cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            os.makedirs(os.path.dirname(socket_path), mode=0o700, exist_ok=True)
            stack.enter_context(locked(f"{socket_path}.lock", socket_path))
        except OSError as error:
            raise DaemonUnavailable(socket_path, str(error)) from error
        program_host = ProgramHost(
            keeper_path=place.keeper_path(socket_path),
            screens_dir=f"{state_dir}/screens",
            socket_path=socket_path,
        )
        server = await stack.enter_async_context(running(socket_path, state_dir, config, program_host))
        await stack.enter_async_context(_listening(socket_path, server, config.limits.line_bytes))
        yield server


@contextlib.asynccontextmanager
async def _listening(socket_path: str, server: Server, line_bytes: int) -> AsyncIterator[None]:
    buffer = memoryview(bytearray(READ_BYTES))
    mask = os.umask(0o177)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket_path)
        listener = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(server.switchboard, line_bytes, buffer), socket_path, backlog=1024
        )
    except OSError as error:
        raise DaemonUnavailable(socket_path, str(error)) from error
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket_path)
