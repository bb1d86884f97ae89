"""`python -m fugue_core.daemon --socket PATH [--ready-fd N]`: be the daemon, until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys

from fugue_core import place
from fugue_core.daemon.config import read_config
from fugue_core.daemon.server import serve
from fugue_core.errors import FugueError

log = logging.getLogger("fugue_core.daemon")

DESCRIPTORS = 65_536
"""Open files that the daemon asks for: one a connection, one a process that a session lives for."""
YOUNG_OBJECTS = 20_000
"""New objects before the collector looks for cycles. The hot path makes none, and a turn makes thousands of objects."""


def main() -> int:
    """Serve; return 0 after a clean stop, 1 where it could not start."""
    parser = argparse.ArgumentParser(prog="fugue daemon run", description="Be the daemon, in the foreground.")
    parser.add_argument("--socket", default=place.socket_path(), help="where to listen (default: %(default)s)")
    parser.add_argument(
        "--ready-fd", type=int, default=None, help="write `ready` or `error: WHY` there once it is known"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    _raise_descriptor_limit()
    try:
        asyncio.run(_run(os.path.abspath(arguments.socket), arguments.ready_fd))
    except FugueError as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  # the sentence says it; no bug, so no trace
        _say(arguments.ready_fd, f"error: {error}")
        return 1
    return 0


async def _run(socket_path: str, ready_fd: int | None) -> None:
    config = read_config(place.config_path())
    async with serve(socket_path, place.state_dir(socket_path), config) as server:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stopped.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # the terminal that started it may close
        log.info("daemon %d listens at %s", os.getpid(), socket_path)
        gc.freeze()  # what is here now stays; the collector need not look at it again and again
        gc.set_threshold(YOUNG_OBJECTS)
        _say(ready_fd, "ready")
        await server.stopped.wait()
        log.info("daemon %d stops", os.getpid())


def _raise_descriptor_limit() -> None:
    """Allow as many connections as the system lets us have; the usual 1,024 are few for 10,000 sessions."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _say(ready_fd: int | None, line: str) -> None:
    if ready_fd is None:
        return
    try:
        os.write(ready_fd, f"{' '.join(line.split())}\n".encode())
        os.close(ready_fd)
    except OSError as error:
        log.warning("whoever started the daemon is gone: %s", error)


if __name__ == "__main__":
    sys.exit(main())
