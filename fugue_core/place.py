"""Where fugue keeps things: one socket and one state directory a server. Reads the environment, touches no file.

    socket   $FUGUE_SOCKET, else $XDG_RUNTIME_DIR/fugue/NAME.sock, else /tmp/fugue-UID/NAME.sock
    keeper   NAME.keeper, beside the socket
    state    $XDG_STATE_HOME/fugue/NAME/: messages.db, daemon.log, lock
    config   $XDG_CONFIG_HOME/fugue/config.toml

NAME is `default`, or what `-L NAME` says; where `$FUGUE_SOCKET` names a socket, its file name without `.sock`.
The command line's hot path imports this module: nothing but `os`.
"""

from __future__ import annotations

import os

DEFAULT_SERVER = "default"
STORE = "messages.db"
"""The file of the messages, in the state directory."""


def socket_path(server: str | None = None) -> str:
    """Return the absolute path of the socket of `server` (None: of the one that the environment means)."""
    if server is None:
        if named := os.environ.get("FUGUE_SOCKET"):
            return os.path.abspath(named)
        server = DEFAULT_SERVER
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    directory = f"{runtime}/fugue" if runtime else f"/tmp/fugue-{os.getuid()}"  # noqa: S108  # tmux's habit; mode 0700
    return f"{directory}/{server}.sock"


def server_name(socket: str) -> str:
    """Return the NAME of the server at `socket`."""
    return os.path.basename(socket).removesuffix(".sock")


def server_options(socket: str) -> tuple[str, ...]:
    """Return the options by which a command reaches the server at `socket` from any shell of the user's."""
    name = server_name(socket)
    if socket != socket_path(name) or name[:1] in {"", ".", "-"}:
        return "--socket", socket
    return () if name == DEFAULT_SERVER else ("-L", name)


def keeper_path(socket: str) -> str:
    """Return the path of the socket at which the server at `socket` finds the keeper of its programs."""
    return f"{socket.removesuffix('.sock')}.keeper"


def state_dir(socket: str) -> str:
    """Return the directory where the server at `socket` keeps its messages, its log and its lock."""
    return f"{_home('XDG_STATE_HOME', '.local/state')}/fugue/{server_name(socket)}"


def config_path() -> str:
    """Return the path of the user's configuration; the file need not exist."""
    return f"{_home('XDG_CONFIG_HOME', '.config')}/fugue/config.toml"


def _home(variable: str, fallback: str) -> str:
    return os.environ.get(variable) or os.path.join(os.path.expanduser("~"), fallback)
