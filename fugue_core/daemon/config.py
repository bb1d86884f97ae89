"""What a user may set: `config.toml`.

[limits]
mailbox_messages = 50000        # any field of fugue_core.limits.Limits

[store]
synchronous = "full"            # or "normal", the default

[terminal]
prefix = "ctrl+a"               # calls fugue while a program has the keyboard; absent: ctrl+b, within tmux ctrl+g
size = "smallest"               # whose size a window takes that several terminals show; or "latest", the default
"""

from __future__ import annotations

import tomllib

import msgspec

from fugue_core.errors import FugueError
from fugue_core.limits import Limits, Seconds
from fugue_core.store import Synchronous
from fugue_core.terminal.window import SizePolicy


class ConfigInvalid(FugueError):
    """The configuration cannot be read; nothing is guessed in its place."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class StoreConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[store]`."""

    synchronous: Synchronous = "normal"


class TerminalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[terminal]`, as far as the daemon reads it; the rest is the screen's.

    Fields:
        size: See `SizePolicy`.
        hangup_s, terminate_s: How long a program that is killed has after SIGHUP, and after SIGTERM.
    """

    size: SizePolicy = "latest"
    hangup_s: Seconds = 1.0
    terminate_s: Seconds = 2.0


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The tables that the daemon reads; others (the screen's) are not its affair."""

    limits: Limits = Limits()
    store: StoreConfig = StoreConfig()
    terminal: TerminalConfig = TerminalConfig()


def read_config(path: str) -> Config:
    """Return what `path` says, or the defaults where there is no such file. Raises `ConfigInvalid`."""
    try:
        with open(path, "rb") as file:
            return msgspec.convert(tomllib.load(file), Config)
    except FileNotFoundError:
        return Config()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigInvalid(path, str(error)) from error
