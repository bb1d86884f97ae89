"""The card at the foot of the session list: all that is known of one session, or the sum of several. No I/O."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len, chop_cells
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.window import WindowInfo
from fugue_tui.chip import chip_text, put_chip, put_chips, wrap
from fugue_tui.line import Line, fit
from fugue_tui.palette import Palette
from fugue_tui.roster import Roster, last_part, short_path
from fugue_tui.terminal import exit_words, signs_of
from fugue_tui.view import clock_time, short_age, short_target

LABEL_AT, VALUE_AT = 2, 11
VALUE_CHARS = 2_000
"""So much of one value of the metadata is looked at: more cannot be seen."""
VALUE_LINES = 4
"""And so many lines of it are shown."""
SHOWN_ENTRIES = 100
"""Metadata, or names of marked sessions, that are shown at most."""


class Card:
    """Draws the card's lines: a title, a blank line, then one for each thing that is known.

    Args of the constructor:
        key_of: Says which key a binding has now.
    """

    def __init__(self, palette: Palette, width: int, roster: Roster, home: str, key_of: Callable[[str], str]) -> None:
        self._palette = palette
        self._width = width
        self._roster = roster
        self._home = home
        self._key_of = key_of

    def one(self, info: SessionInfo, *, is_whole: bool) -> list[Strip]:
        """Return the lines about one session; `is_whole` gives each tag and each piece of metadata its room."""
        lines = [self._title(info.name, str(info.id)[:8]), Line(self._width, self._palette.sidebar)]
        lines += self._tags(info.tags, is_whole=is_whole)
        place = "outside of git"
        if info.repo is not None:
            place = last_part(info.repo)
            if info.worktree is not None:
                place = f"{place} @ {info.worktree.branch or 'detached'}"
        lines.append(self._entry("where", place))
        if info.worktree is not None and is_whole:
            lines += self._wrapped("path", short_path(info.worktree.path, self._home))
        clients = info.attached_clients
        lines.append(self._entry("clients", f"{clients} connected" if clients else "nobody, so what is sent waits"))
        lines += self._windows(info, is_whole=is_whole)
        if info.wake != "off" or (is_whole and info.window_count):
            lines += self._wake(info, is_whole=is_whole)
        lines.append(self._entry("unread", f"{info.unread:,}", is_strong=bool(info.unread)))
        lines.append(self._entry("last", self._last_of(info)))
        if is_whole:
            lines.append(self._entry("since", f"{short_age(max(0.0, self._roster.now - info.created_at))} ago"))
            lines += self._wrapped("id", str(info.id))
        lines += self._metadata(info, is_whole=is_whole)
        return [line.strip() for line in lines]

    def _windows(self, info: SessionInfo, *, is_whole: bool) -> Iterator[Line]:
        """Yield what runs in its windows: all on one line, or each on its own with its command and its title."""
        windows = self._roster.windows.get(info.id, ())
        if not windows:
            return
        if not is_whole:
            pieces = [
                " ".join(filter(None, (str(window.window), window.title or window.name, self._signs(window))))
                for window in windows[:SHOWN_ENTRIES]
            ]
            label = "window" if len(windows) == 1 else f"{len(windows)} wins"
            yield self._entry(label, "  ".join(pieces))
            return
        for number, window in enumerate(windows[:SHOWN_ENTRIES]):
            command = shlex.join(window.command)[:VALUE_CHARS]
            yield self._entry("" if number else "windows", f"{window.window} {command}  {self._signs(window)}".rstrip())
            if window.title:
                yield self._entry("", f"  {window.title}")
            if window.exited is not None:
                yield self._entry("", f"  {exit_words(window.exited)}")

    def _wake(self, info: SessionInfo, *, is_whole: bool) -> Iterator[Line]:
        """Yield whether its program is told of mail, and why not now."""
        if info.wake == "off":
            yield self._entry("wake", f"off; {self._key_of('sessions.wake')} turns it on")
        elif is_whole:
            yield from self._wrapped("wake", f"on: {info.wake_reason}" if info.wake_reason else "on")
        else:
            yield self._entry("wake", info.wake_reason or "on")

    def _signs(self, window: WindowInfo) -> str:
        return signs_of([window], self._roster.now, self._roster.unheard)

    def several(self, infos: Sequence[SessionInfo], *, word: str) -> list[Strip]:
        """Return the lines about several sessions: what all have, what some have, and the sums."""
        names = ", ".join(fit(info.name, self._width) for info in infos[:SHOWN_ENTRIES])
        counts = Counter(tag for info in infos for tag in info.tags)
        common = [tag for tag, count in counts.items() if count == len(infos)]
        partial = [tag for tag, count in counts.items() if count < len(infos)]
        lines = [self._title(f"{len(infos)} {word}", names), Line(self._width, self._palette.sidebar)]
        for label, tags, has_fill in (("on all", common, True), ("on some", partial, False)):
            line = self._label(label)
            put_chips(line, tags, self._width - 1, self._palette, has_fill=has_fill)
            lines.append(line)
        unread = sum(info.unread for info in infos)
        lines.append(self._entry("unread", f"{unread:,}", is_strong=bool(unread)))
        connected = sum(info.attached_clients > 0 for info in infos)
        lines.append(self._entry("clients", f"{connected} of {len(infos)} connected"))
        repos = dict.fromkeys("no repository" if info.repo is None else last_part(info.repo) for info in infos)
        lines.append(self._entry("repos", ", ".join(list(repos)[:SHOWN_ENTRIES])))
        return [line.strip() for line in lines]

    def _title(self, name: str, note: str) -> Line:
        palette, key = self._palette, self._key_of("sessions.details")
        cells = len(key) + len(" details")
        line = Line(self._width, palette.sidebar).at(LABEL_AT)
        line.put(name, palette.strong, bold=True, width=max(0, line.room - cells - 3)).put("  ", palette.faint)
        line.put(note, palette.faint, width=max(0, line.room - cells - 3))
        line.at(self._width - 1 - cells).put(key, palette.muted, bold=True).put(" details", palette.faint)
        return line

    def _label(self, label: str) -> Line:
        return Line(self._width, self._palette.sidebar).at(LABEL_AT).put(label, self._palette.faint).at(VALUE_AT)

    def _entry(self, label: str, value: str, *, is_strong: bool = False) -> Line:
        line = self._label(label)
        return line.put(value, self._palette.strong if is_strong else self._palette.text, width=line.room - 1)

    def _wrapped(self, label: str, value: str) -> Iterator[Line]:
        """Yield a value on as many lines as it needs, up to a limit."""
        pieces = chop_cells(printable(value[:VALUE_CHARS]), max(1, self._width - 1 - VALUE_AT))
        for number, piece in enumerate(pieces[:VALUE_LINES]):
            yield self._entry("" if number else label, f"{piece}…" if number == VALUE_LINES - 1 else piece)

    def _tags(self, tags: tuple[str, ...], *, is_whole: bool) -> Iterator[Line]:
        if not tags:
            yield self._label("tags").put(f"none; {self._key_of('sessions.tags')} adds some", self._palette.faint)
            return
        room = self._width - 1 - VALUE_AT
        if not is_whole:
            line = self._label("tags")
            put_chips(line, tags, self._width - 1, self._palette)
            yield line
            return
        names = [chip_text(fit(tag, max(1, room - 2)), self._palette) for tag in tags]
        for number, places in enumerate(wrap([cell_len(name) for name in names], room)):
            line = self._label("" if number else "tags")
            for place in places:
                put_chip(line, tags[place], names[place], self._palette, has_fill=True)
                line.put(" ", self._palette.muted)
            yield line

    def _last_of(self, info: SessionInfo) -> str:
        last = self._roster.last.get(info.id)
        if last is None:
            return "nothing seen"
        return f"{clock_time(last.at)}  {last.msg_type} → {short_target(last.target, info.repo)}"

    def _metadata(self, info: SessionInfo, *, is_whole: bool) -> Iterator[Line]:
        pairs = [(key, value_text(value)) for key, value in list(info.metadata.items())[:SHOWN_ENTRIES]]
        if not is_whole:
            yield self._entry("meta", "  ".join(f"{key}={value}" for key, value in pairs) or "none")
            return
        for number, (key, value) in enumerate(pairs):
            yield from self._wrapped("" if number else "meta", f"{key}={value}")
        if not pairs:
            yield self._entry("meta", "none")


def value_text(value: object) -> str:
    """Return a JSON value on one line, as much of it as could ever be seen."""
    if isinstance(value, str):
        return value[:VALUE_CHARS]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[:VALUE_CHARS]
