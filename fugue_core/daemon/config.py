"""What a user may set: `config.toml`.

[limits]
mailbox_messages = 50000        # any field of fugue_core.limits.Limits

[store]
synchronous = "full"            # or "normal", the default

[terminal]
prefix = "ctrl+a"               # calls fugue while a program has the keyboard; absent: ctrl+b, within tmux ctrl+g
size = "smallest"               # whose size a window takes that several terminals show; or "latest", the default

[wake]
notice = "{count} in fugue"      # what is typed for a program that is to be woken, see `WakeConfig`
"""

from __future__ import annotations

import tomllib

import msgspec

from fugue_core.errors import FugueError
from fugue_core.limits import NOTICE_CHARS, Limits, Seconds
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


class WakeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[wake]`: how a session's program is told of mail that waits, where that is wanted.

    Fields:
        notice: What is typed: one line, in which `{count}` is how many messages wait.
        quiet_s: Only when the program has printed nothing for so long.
        typed_s: And nobody has typed in its terminal for so long.
        enter_s: How long after the paste the return key comes; some programs take what comes at once for a part of it.
    """

    notice: str = "fugue: messages waiting for you: {count}. Read them with receive_messages, or with fugue recv."
    quiet_s: Seconds = 3.0
    typed_s: Seconds = 60.0
    enter_s: Seconds = 0.5

    def __post_init__(self) -> None:
        if not (self.notice.isprintable() and 0 < len(self.notice) <= NOTICE_CHARS):
            raise ValueError(f"`notice` is one line of 1 to {NOTICE_CHARS} printable characters")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The tables that the daemon reads; others (the screen's) are not its affair."""

    limits: Limits = Limits()
    store: StoreConfig = StoreConfig()
    terminal: TerminalConfig = TerminalConfig()
    wake: WakeConfig = WakeConfig()


def read_config(path: str) -> Config:
    """Return what `path` says, or the defaults where there is no such file. Raises `ConfigInvalid`."""
    try:
        with open(path, "rb") as file:
            return msgspec.convert(tomllib.load(file), Config)
    except FileNotFoundError:
        return Config()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigInvalid(path, str(error)) from error
