"""Draws one line of the session list. No I/O."""

from __future__ import annotations

from uuid import UUID

from rich.cells import cell_len
from textual.strip import Strip

from fugue_core.printable import printable
from fugue_core.protocol.session import SessionInfo
from fugue_tui.chip import put_chips
from fugue_tui.line import Line
from fugue_tui.palette import Palette
from fugue_tui.roster import Roster, SessionRow, short_count, short_path
from fugue_tui.terminal import signs_of
from fugue_tui.view import short_age

WIDE = 40
"""From this width on tags are chips with a fill, and there are ages and paths; below, coloured words."""
NAME_AT = 6
CHIPS_AT, CHIPS_AT_NARROW = 14, 12
NAME_CHARS = 16
AGE_CELLS = 4


class RowPen:
    """Draws headings and sessions, in the columns that all of them share.

    Attributes:
        chips: The columns that the tags of the session drawn last have.
    """

    def __init__(self, palette: Palette, roster: Roster, marked: frozenset[UUID], home: str) -> None:
        self._palette = palette
        self._roster = roster
        self._marked = marked
        self._home = home
        self.chips = range(0)

    def draw(self, line: Line, row: SessionRow, *, is_cursor: bool) -> Strip:
        """Return a line with what the row says."""
        if row.session is not None:
            self._draw_session(line, row, row.session, is_cursor=is_cursor)
        elif row.kind == "repo":
            self._draw_repo(line, row)
        elif row.kind == "worktree":
            self._draw_worktree(line, row, is_cursor=is_cursor)
        return line.strip()

    def _draw_repo(self, line: Line, row: SessionRow) -> None:
        palette, note = self._palette, f"{len(row.sessions):,}"
        right = line.width - 1 - len(note)
        line.at(2).put("▸" if row.is_folded else "▾", palette.faint).at(4)
        line.put(row.label, palette.strong, bold=True, width=max(0, right - 6 - 4))
        if row.is_folded:
            self._draw_unread(line, row.unread, right - 1)
        line.at(right).put(note, palette.muted)

    def _draw_worktree(self, line: Line, row: SessionRow, *, is_cursor: bool) -> None:
        palette, width = self._palette, line.width
        if row.is_folded or is_cursor:
            line.at(2).put("▸" if row.is_folded else "▾", palette.faint)
        line.at(4).put("@", palette.ghost).put(row.label, palette.muted, width=max(1, width - 13))
        if row.is_folded:
            note = f"{len(row.sessions):,}"
            self._draw_unread(line, row.unread, width - 2 - len(note))
            line.at(width - 1 - len(note)).put(note, palette.muted)
        elif width >= WIDE:
            path = printable(short_path(row.path, self._home)[-4 * width :])
            room = line.room - 3
            while cell_len(path) > room > 1:
                path = "…" + path[2:]
            if room >= len("…/x"):
                line.at(width - 1 - cell_len(path)).put(path, palette.muted if is_cursor else palette.faint)

    def _draw_session(self, line: Line, row: SessionRow, info: SessionInfo, *, is_cursor: bool) -> None:
        palette, width = self._palette, line.width
        is_wide = width >= WIDE
        line.at(2).put("◆" if info.id in self._marked else " ", palette.accent)
        is_connected = info.attached_clients > 0
        line.at(4).put("●" if is_connected else "○", palette.ok if is_connected else palette.faint)
        name_colour = palette.strong if is_cursor else palette.text if is_connected else palette.muted
        right = width - 1 - (AGE_CELLS if is_wide else 0)
        unread_cells = len(short_count(info.unread)) + 2 if info.unread else 0
        windows = self._roster.windows.get(info.id, ())
        signs = signs_of(windows, self._roster.now, self._roster.unheard)
        sign_cells = 1 + max(1, cell_len(signs)) if windows else 0  # also while there is none, or chips come and go
        is_you = info.id == self._roster.you
        line.at(NAME_AT)
        name_room = right - unread_cells - sign_cells - NAME_AT - (len(" you") if is_you else 0) - 1
        line.put(row.label, name_colour, bold=is_cursor, width=max(1, min(NAME_CHARS, name_room)))
        if is_you:
            line.put(" you", palette.muted, italic=True)
        line.put(" ", palette.muted).at(CHIPS_AT if is_wide else CHIPS_AT_NARROW)
        free = right - unread_cells - bool(unread_cells)
        start = line.column
        put_chips(line, info.tags, free - sign_cells, palette, has_fill=is_wide)
        self.chips = range(start, line.column)
        if signs:  # at the edge, and never on the name's heels
            line.put(" ", palette.muted).at(free - sign_cells + 1).put(
                signs, self._sign_colour(signs), bold="♪" in signs
            )
        self._draw_unread(line, info.unread, right)
        if is_wide:
            last = self._roster.last.get(info.id)
            age = short_age(None if last is None else max(0.0, self._roster.now - last.at))
            line.at(width - 1 - len(age)).put(age, palette.muted if is_cursor else palette.faint)

    def _sign_colour(self, signs: str) -> str:
        palette = self._palette
        if "✗" in signs:
            return palette.bad
        return palette.wait if "♪" in signs else palette.ok

    def _draw_unread(self, line: Line, unread: int, end: int) -> None:
        if unread:
            text = f" {short_count(unread)} "
            line.at(end - len(text)).put(text, self._palette.accent, bold=True, fill=self._palette.accent_fill)
