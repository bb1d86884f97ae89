"""What a user has set for the screen, and what the screen remembers of itself.

[screen]                      # in config.toml
theme = "fugue-dark"          # or "fugue-light", "fugue-ansi": what a first start has; later the last one used
glyphs = "auto"               # or "unicode", "ascii"; auto: by the locale
bell = "bell"                 # or "osc9", "none": how a message to you calls for you;
                              # osc9 within tmux needs its `set -g allow-passthrough on`

[terminal]
prefix = "ctrl+b"             # the key that brings fugue back from a program; else ctrl+b, and within tmux ctrl+g

[keys]
"log.filter" = "slash,ctrl+f" # the id of a binding, and its keys; `?` lists them
"""

from __future__ import annotations

import contextlib
import locale
import os
from typing import Literal

import msgspec

from fugue_core.place import config_path
from fugue_tui.keymap import DEFAULT_PREFIX

TMUX_PREFIX = "ctrl+g"


class ScreenConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[screen]`."""

    theme: str = ""
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    bell: Literal["bell", "osc9", "none"] = "bell"


class TerminalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[terminal]`, as far as the screen reads it.

    Fields:
        prefix: A key with ctrl or alt, or a function key; empty: see `Config.prefix`.
    """

    prefix: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The tables that the screen reads; others (the daemon's) are not its affair."""

    screen: ScreenConfig = ScreenConfig()
    terminal: TerminalConfig = TerminalConfig()
    keys: dict[str, str] = {}


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen remembers from run to run.

    Fields:
        theme: The last one used.
        sidebar: Its width in cells in screens of 120 columns and more; None: by the screen's.
        compose_height: Of the open pane, in rows; None: as it comes.
        sidebar_narrow: The sidebar's width in narrower screens.
    """

    theme: str = ""
    sidebar: int | None = None
    compose_height: int | None = None
    sidebar_narrow: int | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Fields:
        trouble: What could not be read, for a toast.
        memory_path: Where the memory is kept; empty: nowhere.
    """

    screen: ScreenConfig = ScreenConfig()
    terminal: TerminalConfig = TerminalConfig()
    keys: dict[str, str] = {}
    memory: Memory = Memory()
    trouble: tuple[str, ...] = ()
    memory_path: str = ""

    @property
    def is_ascii(self) -> bool:
        """Whether nothing but ASCII may be written."""
        if self.screen.glyphs == "auto":
            return locale.getpreferredencoding(do_setlocale=False).replace("-", "").lower() != "utf8"
        return self.screen.glyphs == "ascii"

    @property
    def prefix(self) -> str:
        """The key that brings fugue back from a program. tmux keeps its own to itself, so within it another."""
        return self.terminal.prefix or (TMUX_PREFIX if os.environ.get("TMUX") else DEFAULT_PREFIX)


def read_config() -> Config:
    """Return what the user has set. What cannot be read is left out, and `trouble` says so."""
    path = config_path()
    found = _File()
    trouble: tuple[str, ...] = ()
    try:
        with open(path, "rb") as file:
            found = msgspec.toml.decode(file.read(), type=_File)  # it imports `tomllib`, and only here is that wanted
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        trouble = (f"{path}: {error}",)
    memory_path = _memory_path()
    return Config(
        screen=found.screen,
        terminal=found.terminal,
        keys=found.keys,
        memory=_read_memory(memory_path),
        trouble=trouble,
        memory_path=memory_path,
    )


def remember(path: str, memory: Memory) -> None:
    """Keep what shall be there next time; a disk that does not take it is not worth a word."""
    if not path:
        return
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.encode(memory))
        os.replace(f"{path}.new", path)


def _memory_path() -> str:
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return f"{home}/fugue/screen.json"


def _read_memory(path: str) -> Memory:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Memory)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Memory()
