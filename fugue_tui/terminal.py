"""Terminals as plain values: what one shows, how several share the room, what stands over them. No I/O.

Only `load_terminals` and `save_terminals` touch the disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from textual.geometry import Region

from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.window import CursorShape, Line, Modes, ProgramExit, WindowFrame, WindowInfo
from fugue_tui.roster import last_part

MOST = 4
"""Terminals that are shown side by side."""
LAYOUTS_KEPT = 200
COMMANDS_KEPT = 100
BUSY_S = 3.0
"""A program that said something within so many seconds is busy. It is told once a second."""
LEAST_COLS, LEAST_ROWS = 12, 3
"""A terminal with less room than that shows nothing of use."""


class WindowKey(NamedTuple):
    """Names a window."""

    session: UUID
    window: int


# ------------------------------------------------------------------------------------------------------ what one shows


class Shown:
    """What a window's screen shows, from one frame to the next."""

    def __init__(self) -> None:
        self.cols = self.rows = 0
        self.lines: list[Line] = []
        self.cursor: tuple[int, int] | None = None
        self.cursor_shape: CursorShape = "block"
        self.modes = Modes()
        self.history_rows = 0

    def take(self, frame: WindowFrame) -> set[int]:
        """Take in a frame; return the rows that are to be drawn anew."""
        changed = {row for row, _ in frame.lines}
        if frame.is_anew or (frame.cols, frame.rows) != (self.cols, self.rows):
            kept = [] if frame.is_anew else self.lines[: frame.rows]
            self.lines = kept + [()] * (frame.rows - len(kept))
            changed = set(range(frame.rows))
        for row, line in frame.lines:
            if row < len(self.lines):
                self.lines[row] = line
        if (self.cursor, self.cursor_shape) != (frame.cursor, frame.cursor_shape):
            changed |= {cursor[1] for cursor in (self.cursor, frame.cursor) if cursor is not None}
        self.cols, self.rows = frame.cols, frame.rows
        self.cursor, self.cursor_shape = frame.cursor, frame.cursor_shape
        self.modes, self.history_rows = frame.modes, frame.history_rows
        return changed


class WatchState(msgspec.Struct, frozen=True, kw_only=True):
    """How it is with a look at a window.

    Fields:
        kind: `waiting` until there is something to see; `lost`: the daemon is away; `exited`: the program is.
        held_bytes: What was typed while nobody could take it; it is typed once somebody can.
        reason: For people.
    """

    kind: Literal["waiting", "live", "lost", "exited", "closed"] = "waiting"
    exited: ProgramExit | None = None
    held_bytes: int = 0
    reason: str = ""


def exit_words(exited: ProgramExit | None) -> str:
    """Return how a program ended, in words: `exited with 1`."""
    if exited is None or (exited.code is None and exited.signal is None):
        return "has exited"
    return f"exited with {exited.code}" if exited.code is not None else f"ended by signal {exited.signal}"


def exit_sign(exited: ProgramExit) -> str:
    """Return how a program ended, in few characters: `✗1`, `✗SIG9`; `✓` for one that ended well."""
    if exited.signal is not None:
        return f"✗SIG{exited.signal}"
    return "✓" if exited.code == 0 else f"✗{'' if exited.code is None else exited.code}"


# ------------------------------------------------------------------------------------------------ how they share room


class Leaf(msgspec.Struct, frozen=True, kw_only=True, tag="window"):
    """One terminal, which shows this window."""

    session: UUID
    window: int

    @property
    def key(self) -> WindowKey:
        """The window's name."""
        return WindowKey(self.session, self.window)


class Split(msgspec.Struct, frozen=True, kw_only=True, tag="split"):
    """Two parts that share the room: `beside` each other, or the second `below` the first."""

    way: Literal["beside", "below"]
    first: Leaf | Split
    second: Leaf | Split


Layout: TypeAlias = Leaf | Split
"""Invariant: no window is in it twice."""
Way: TypeAlias = Literal["beside", "below"]
Direction: TypeAlias = Literal["left", "right", "up", "down"]


def leaf_of(key: WindowKey) -> Leaf:
    """Return a layout of one terminal."""
    return Leaf(session=key.session, window=key.window)


def keys_of(layout: Layout) -> list[WindowKey]:
    """Return the windows, from the upper left on."""
    if isinstance(layout, Leaf):
        return [layout.key]
    return keys_of(layout.first) + keys_of(layout.second)


def split_at(layout: Layout, at: WindowKey, new: WindowKey, way: Way) -> Layout:
    """Return the layout with another terminal beside or below the one that shows `at`."""
    if isinstance(layout, Leaf):
        return Split(way=way, first=layout, second=leaf_of(new)) if layout.key == at else layout
    first, second = split_at(layout.first, at, new, way), split_at(layout.second, at, new, way)
    return Split(way=layout.way, first=first, second=second)


def turned_to(layout: Layout, at: WindowKey, new: WindowKey) -> Layout:
    """Return the layout with another window in the place of `at`."""
    if isinstance(layout, Leaf):
        return leaf_of(new) if layout.key == at else layout
    return Split(way=layout.way, first=turned_to(layout.first, at, new), second=turned_to(layout.second, at, new))


def pruned(layout: Layout, living: Iterable[WindowKey]) -> Layout | None:
    """Return the layout without windows that there are no more; their room goes to who stands beside."""
    if isinstance(layout, Leaf):
        return layout if layout.key in living else None
    first, second = pruned(layout.first, living), pruned(layout.second, living)
    if first is None or second is None:
        return second if first is None else first
    return Split(way=layout.way, first=first, second=second)


def heir_of(layout: Layout, at: WindowKey, living: Collection[WindowKey]) -> WindowKey | None:
    """Return which of the living stands nearest to `at` among those that get its room when it goes; None: none does."""
    if isinstance(layout, Leaf):
        return None
    for part, other, nearest in ((layout.first, layout.second, 0), (layout.second, layout.first, -1)):
        if at in keys_of(part):
            beside = [key for key in keys_of(other) if key in living]
            return heir_of(part, at, living) or (beside[nearest] if beside else None)
    return None


def places_of(layout: Layout, room: Region) -> dict[WindowKey, Region]:
    """Return where each terminal stands. One column is left between those beside each other, for a rule."""
    if isinstance(layout, Leaf):
        return {layout.key: room}
    if layout.way == "beside":
        cells = max(0, room.width - 1)
        share = round(cells * _across(layout.first) / max(1, _across(layout.first) + _across(layout.second)))
        first = Region(room.x, room.y, share, room.height)
        second = Region(room.x + share + 1, room.y, cells - share, room.height)
    else:
        share = (room.height + 1) // 2
        first = Region(room.x, room.y, room.width, share)
        second = Region(room.x, room.y + share, room.width, room.height - share)
    return places_of(layout.first, first) | places_of(layout.second, second)


def _across(layout: Layout) -> int:
    """Return how many stand beside each other: three get a third each, however they came to be."""
    if isinstance(layout, Leaf):
        return 1
    shares = _across(layout.first), _across(layout.second)
    return sum(shares) if layout.way == "beside" else max(shares)


def neighbour(places: Mapping[WindowKey, Region], at: WindowKey, direction: Direction) -> WindowKey | None:
    """Return the terminal that stands next to `at`; where several do, the one at its upper or left end."""
    here = places[at]
    beside: list[tuple[int, int, WindowKey]] = []
    for key, there in places.items():
        is_across = there.y < here.bottom and here.y < there.bottom
        is_along = there.x < here.right and here.x < there.right
        gap = {
            "left": (is_across, here.x - there.right, there.y),
            "right": (is_across, there.x - here.right, there.y),
            "up": (is_along, here.y - there.bottom, there.x),
            "down": (is_along, there.y - here.bottom, there.x),
        }[direction]
        if key != at and gap[0] and gap[1] >= 0:
            beside.append((gap[1], gap[2], key))
    return min(beside)[2] if beside else None


class TerminalMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept between two runs.

    Fields:
        by_session: Each session's layout, by its id; used last comes last.
        commands: What was started, the newest last.
    """

    by_session: dict[str, Layout] = {}
    commands: tuple[str, ...] = ()

    def of(self, session: UUID) -> Layout | None:
        """Return a session's layout."""
        return self.by_session.get(str(session))

    def with_command(self, command: str) -> TerminalMemory:
        """Return it with one more command; a repeated one moves to the end."""
        if not command.strip():
            return self
        commands = (*(each for each in self.commands if each != command), command)[-COMMANDS_KEPT:]
        return msgspec.structs.replace(self, commands=commands)

    def with_layout(self, session: UUID, layout: Layout) -> TerminalMemory:
        """Return it with one more, or another; what was not used for longest is forgotten."""
        others = [(key, other) for key, other in self.by_session.items() if key != str(session)]
        if isinstance(layout, Leaf) and layout.window == 0:  # as it would be anyway
            return msgspec.structs.replace(self, by_session=dict(others))
        return msgspec.structs.replace(self, by_session=dict([*others[1 - LAYOUTS_KEPT :], (str(session), layout)]))


def terminals_path(state_dir: str) -> str:
    """Return where a server's layouts and commands are kept."""
    return f"{state_dir}/terminals.json"


def load_terminals(path: str) -> TerminalMemory:
    """Return what was kept; nothing where there is nothing, or nothing that can be read."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=TerminalMemory)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return TerminalMemory()


def save_terminals(path: str, memory: TerminalMemory) -> None:
    """Keep it; a disk that does not take it is not worth a word."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.encode(memory))
        os.replace(f"{path}.new", path)


# ---------------------------------------------------------------------------------------------- what stands over them


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """A window's place in the title of a terminal. `signs`: what is to be seen there."""

    number: int
    name: str
    is_here: bool = False
    signs: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the title of a terminal says."""

    session: str = ""
    place: str = ""
    title: str = ""
    tabs: tuple[Tab, ...] = ()
    is_running: bool = True


def head_of(
    info: SessionInfo, windows: Sequence[WindowInfo], number: int, now: float, unheard: Mapping[UUID, int]
) -> Head:
    """Return the title of a terminal that shows window `number` of a session."""
    place = ""
    if info.repo is not None:
        branch = "" if info.worktree is None else f" @ {info.worktree.branch or 'detached'}"
        place = f"{last_part(info.repo)}{branch}"
    here = next((window for window in windows if window.window == number), None)
    tabs = tuple(
        Tab(
            number=window.window,
            name=window.name,
            is_here=window.window == number,
            signs=signs_of([window], now, unheard, is_seen=window.window == number),
        )
        for window in windows
    )
    title = "" if here is None else here.title
    return Head(session=info.name, place=place, title=title, tabs=tabs, is_running=here is None or here.exited is None)


def is_busy(window: WindowInfo, now: float) -> bool:
    """Say whether a program has said something just now."""
    return window.exited is None and window.last_output_at is not None and now - window.last_output_at < BUSY_S


def signs_of(windows: Sequence[WindowInfo], now: float, unheard: Mapping[UUID, int], *, is_seen: bool = False) -> str:
    """Return the signs for what goes on in windows: `♪` a bell, `✗1` an exit, `~` output; nothing while all is still.

    Of one that is seen only the exit: the rest is before everybody's eyes.
    """
    exited = next((window.exited for window in windows if window.exited is not None), None)
    signs = "" if is_seen or not any(unheard.get(window.id) for window in windows) else "♪"
    if exited is not None:
        signs += exit_sign(exited)
    elif not signs and not is_seen and any(is_busy(window, now) for window in windows):
        signs = "~"
    return signs
