"""A network in which nothing is but this machine, and a list of processes in which nothing is but ours."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_MARK = "FUGUE_AGENTS_ALONE"
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 1


def enter(module: str, arguments: Sequence[str]) -> None:
    """Go on as the first process of namespaces of our own: the module is called again there, and this returns.

    What is left when it ends, is ended with it.
    """
    if _MARK not in os.environ:
        command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid():
            command += ["--map-root-user"]
        command += [sys.executable, "-m", module, *arguments]
        os.execvpe(command[0], command, {**os.environ, _MARK: "1"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))


def processes() -> dict[int, str]:
    """Return the command lines of all processes here but this one, by id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if line:  # what has ended and was not waited for has none
                found[int(entry.name)] = line
    return found
