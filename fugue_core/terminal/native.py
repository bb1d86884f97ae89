"""Ghostty's terminal, libghostty-vt, as an object: what it is fed, asked and made to write. No I/O.

Importing this module takes 0.2 s, since pyghostty reads the C declarations.
"""

from __future__ import annotations

import functools
import re
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

from pyghostty import ffi, lib

from fugue_core.protocol.window import Line
from fugue_core.terminal.cell import RowReader, Stretch, check
from fugue_core.terminal.screen import REPLY_LIMIT_BYTES

Read = TypeVar("Read")

CELL_WIDTH_PX, CELL_HEIGHT_PX = 8, 16
"""What a program is told of the size of a cell; nothing is drawn in pixels here."""

CONTINUATION_LIMIT_BYTES = 64 * 1024
"""Of an unfinished sequence; a longer one is not finished in the terminal of a client that comes meanwhile."""

PAGE_CELLS = 64 * 1024
"""The library drops its oldest lines by the page: so many more are allowed than are shown."""


class _Ear:
    """What the emulator calls: the program's terminal answers, rings, asks for its size.

    An object of its own, so that the callbacks do not keep the screen alive.
    """

    def __init__(self) -> None:
        self.bells = 0
        self.replies: list[bytes] = []
        self.reply_bytes = 0
        self.error: BaseException | None = None
        self.size = (0, 0)
        on_error = self._keep_error
        self.callbacks = {
            lib.GHOSTTY_TERMINAL_OPT_WRITE_PTY: ffi.callback(
                "GhosttyTerminalWritePtyFn", self._reply, onerror=on_error
            ),
            lib.GHOSTTY_TERMINAL_OPT_BELL: ffi.callback("GhosttyTerminalBellFn", self._ring, onerror=on_error),
            lib.GHOSTTY_TERMINAL_OPT_SIZE: ffi.callback("GhosttyTerminalSizeFn", self._say_size, onerror=on_error),
        }

    def _reply(self, _terminal: Any, _userdata: Any, data: Any, size_bytes: int) -> None:
        if self.reply_bytes + size_bytes <= REPLY_LIMIT_BYTES:
            self.reply_bytes += size_bytes
            self.replies.append(ffi.buffer(data, size_bytes)[:])

    def _ring(self, _terminal: Any, _userdata: Any) -> None:
        self.bells += 1

    def _say_size(self, _terminal: Any, _userdata: Any, out: Any) -> bool:
        out.columns, out.rows = self.size
        out.cell_width, out.cell_height = CELL_WIDTH_PX, CELL_HEIGHT_PX
        return True

    def _keep_error(self, _kind: Any, error: BaseException, _traceback: Any) -> None:
        """Keep the first exception for whoever fed: cffi would print it and go on."""
        if self.error is None:
            self.error = error

    def answer(self) -> bytes:
        """Return what was answered since the last call."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if not self.replies:
            return b""
        answered = b"".join(self.replies)
        self.replies.clear()
        self.reply_bytes = 0
        return answered


class Terminal:
    """A terminal of the library's, and what belongs to it.

    Memory: 13 kB when new, 0.65 kB for each line of 80 cells that is kept.
    """

    def __init__(self, cols: int, rows: int, scrollback_lines: int, handle: Any = None) -> None:
        if handle is None:
            out = ffi.new("GhosttyTerminal*")
            check(lib.ghostty_terminal_new(ffi.NULL, out, cols, rows), "terminal")
            handle = out[0]
        self._handle = handle
        self._free = [weakref.finalize(self, lib.ghostty_terminal_free, handle)]
        self.cols, self.rows = cols, rows
        self._scrollback_lines = scrollback_lines
        self._ear = _Ear()
        self._ear.size = (cols, rows)
        for option, callback in self._ear.callbacks.items():
            self._set(option, callback)
        self._set(lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, ffi.new("size_t*", 1 << 40))  # lines are what counts
        self._set(lib.GHOSTTY_TERMINAL_OPT_CONTINUATION_MAX_BYTES, ffi.new("size_t*", CONTINUATION_LIMIT_BYTES))
        self._set(lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT, ffi.new("uint64_t*", 0))  # text only
        self._limit_lines()
        self._state: Any = None
        self._iterator: Any = None
        self._is_all_changed = True
        self._numbers = {kind: ffi.new(f"{kind}*") for kind in ("uint16_t", "size_t", "bool", "int", "uint8_t")}
        self._mode = ffi.new("GhosttyTerminalModeConfig*")

    @property
    def bells(self) -> int:
        """How often the bell was rung."""
        return self._ear.bells

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return bool(self.get(lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, "int") == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE)

    @property
    def alternate_mode(self) -> int:
        """Which mode the alternate screen was entered by."""
        return next((mode for mode in (1049, 1047) if self.is_set(mode)), 47)

    @property
    def history_rows(self) -> int:
        """How many lines are kept above the screen, of those that were asked for."""
        return min(int(self.get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBACK_ROWS, "size_t")), self._scrollback_lines)

    def feed(self, data: bytes) -> bytes:
        """Take output; return the terminal's answer."""
        for part in self._parts(data):
            lib.ghostty_terminal_vt_write(self._handle, part, len(part))
            if self.get(lib.GHOSTTY_TERMINAL_DATA_COLS, "uint16_t") != self.cols:
                self.resize(self.cols, self.rows)  # the program asked for 132 or 80, which no window has
        return self._ear.answer()

    def _parts(self, data: bytes) -> list[bytes]:
        """Cut output after whatever may ask for another width, so that nothing is drawn before the width is back."""
        is_in_sequence = not self.get(lib.GHOSTTY_TERMINAL_DATA_VT_GROUND, "bool")
        if not is_in_sequence and b"40" not in data and not self.is_set(_MAY_CHANGE_WIDTH):
            return [data]
        ends = {match.end() for match in _SET_OR_RESET.finditer(data)}
        if is_in_sequence and (match := _END.search(data)):
            ends.add(match.end())
        cuts = [0, *sorted(ends - {len(data)}), len(data)]
        return [data[start:end] for start, end in pairwise(cuts)]

    def resize(self, cols: int, rows: int) -> None:
        """Change the size, and wrap lines anew."""
        self._ear.size = (cols, rows)
        check(lib.ghostty_terminal_resize(self._handle, cols, rows, CELL_WIDTH_PX, CELL_HEIGHT_PX), "resize")
        self.cols, self.rows = cols, rows
        self._limit_lines()
        self._is_all_changed = True

    def close(self) -> None:
        """Free everything."""
        for free in reversed(self._free):
            free()

    def get(self, data: int, kind: str) -> Any:
        """Return what the library says of itself."""
        out = self._numbers[kind]
        check(lib.ghostty_terminal_get(self._handle, data, out), "terminal")
        return out[0]

    def text(self, data: int) -> str:
        """Return a text of the library's."""
        out = ffi.new("GhosttyString*")
        check(lib.ghostty_terminal_get(self._handle, data, out), "terminal")
        text: bytes = ffi.buffer(out.ptr, out.len)[:] if out.len else b""
        return text.decode(errors="replace")

    def is_set(self, mode: int, *, is_ansi: bool = False) -> bool:
        """Say whether a mode is set: one of DEC's, or one of ANSI's."""
        self._mode.mode = mode | is_ansi << 15
        check(lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode), "mode")
        return bool(self._mode.value)

    def pen(self) -> Any:
        """Return the style that the next character will have."""
        style = ffi.new("GhosttyStyle*")
        style.size = ffi.sizeof("GhosttyStyle")
        check(lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_CURSOR_STYLE, style), "pen")
        return style

    def cursor_shape(self) -> int:
        """Return how the cursor looks."""
        self._update()
        out = self._numbers["int"]
        shape = lib.GHOSTTY_RENDER_STATE_DATA_CURSOR_VISUAL_STYLE
        check(lib.ghostty_render_state_get(self._state, shape, out), "shape")
        return int(out[0])

    def changed_lines(self) -> dict[int, Line]:
        """Return the rows that changed since the last call."""
        self._update()
        found: dict[int, Line] = {}
        reader, iterator = _reader(), self._rows(self._state)
        if self._is_all_changed:
            self._is_all_changed = False
            for row in range(self.rows):
                lib.ghostty_render_state_row_iterator_next(iterator)
                found[row] = reader.read(iterator)
        else:
            row_out = self._numbers["uint16_t"]
            while lib.ghostty_render_state_row_iterator_next_dirty(iterator, row_out):
                found[row_out[0]] = reader.read(iterator)
        check(lib.ghostty_render_state_clean(self._state), "clean")
        return found

    def lines(self, first: int, count: int) -> list[Line]:
        """Return lines from the scrollback and the screen."""
        return self._read(first, count, _reader().read)

    def stretches(self, first: int, count: int) -> list[list[Stretch] | None]:
        """Return what lines are made of; None for one that is all text."""
        return self._read(first, count, _reader().stretches)

    def _read(self, first: int, count: int, read: Callable[[Any], Read]) -> list[Read]:
        """Read rows, by a render state of their own, so that `changed_lines` goes on telling what changed."""
        above = self.history_rows - first
        state = _new_state()
        try:
            if above > 0:  # look there, and no further down than need be
                self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_ROW, first + self._hidden_rows)
                below = ffi.new("GhosttyRenderStateOverscan*", {"above": 0, "below": max(0, count - self.rows)})
                check(lib.ghostty_render_state_set(state, lib.GHOSTTY_RENDER_STATE_OPTION_OVERSCAN, below), "below")
            check(lib.ghostty_render_state_update(state, self._handle), "update")
            iterator = self._rows(state)
            for _ in range(-above):
                lib.ghostty_render_state_row_iterator_next(iterator)
            found: list[Read] = []
            while len(found) < count and lib.ghostty_render_state_row_iterator_next(iterator):
                found.append(read(iterator))
            return found
        finally:
            if above > 0:
                self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM, 0)
            lib.ghostty_render_state_free(state)

    def _copy(self) -> Terminal:
        """Return another terminal that is as this one, within the same sequence too."""
        out, size_bytes = ffi.new("uint8_t**"), ffi.new("size_t*")
        check(lib.ghostty_snapshot_encode_alloc(self._handle, ffi.NULL, out, size_bytes), "snapshot")
        decoder, handle = ffi.new("GhosttySnapshotDecoder*"), ffi.new("GhosttyTerminal*")
        try:
            check(lib.ghostty_snapshot_decoder_new_buf(ffi.NULL, decoder, out[0], size_bytes[0]), "snapshot")
            try:
                check(lib.ghostty_snapshot_decoder_decode(decoder[0], handle), "snapshot")
            finally:
                lib.ghostty_snapshot_decoder_free(decoder[0])
        finally:
            lib.ghostty_free(ffi.NULL, out[0], size_bytes[0])
        return Terminal(self.cols, self.rows, self._scrollback_lines, handle[0])

    def primary(self) -> Terminal | None:
        """Return a copy that has left the alternate screen, as the program would leave it.

        None within a sequence that is too long to be kept: the library makes no copy then.
        """
        if not self.get(lib.GHOSTTY_TERMINAL_DATA_VT_GROUND, "bool") and not self.continuation():
            return None
        copy = self._copy()
        copy.feed(CANCEL + b"\x1b[?%dl" % self.alternate_mode)
        return copy

    def continuation(self) -> bytes:
        """Return the bytes of the sequence that is under way; nothing where there is none, or it is too long."""
        size_bytes = ffi.new("size_t*")
        lib.ghostty_terminal_continuation_buf(self._handle, ffi.NULL, 0, size_bytes)
        buffer = ffi.new("uint8_t[]", size_bytes[0] + 1)
        result = lib.ghostty_terminal_continuation_buf(self._handle, buffer, len(buffer), size_bytes)
        return bytes(ffi.buffer(buffer, size_bytes[0])) if result == lib.GHOSTTY_SUCCESS else b""

    def is_wrapped(self, line: int) -> bool:
        """Say whether the next line goes on with this one, counted as `lines` counts, and both meet at the edge."""
        wrap = self._numbers["bool"]
        row = ffi.new("GhosttyRow*")
        check(lib.ghostty_grid_ref_row(self._ref(line, 0), row), "row")
        check(lib.ghostty_row_get(row[0], lib.GHOSTTY_ROW_DATA_WRAP, wrap), "wrap")
        if not wrap[0] or line + 1 >= self.history_rows + self.rows or not self._has_text(line + 1, 0):
            return False
        edge = self._wide(line, self.cols - 1)
        if edge == lib.GHOSTTY_CELL_WIDE_SPACER_HEAD:
            return self._wide(line + 1, 0) == int(lib.GHOSTTY_CELL_WIDE_WIDE)
        return self.is_tail(line, self.cols - 1) or self._has_text(line, self.cols - 1)

    def is_tail(self, line: int, column: int) -> bool:
        """Say whether this is the right half of a wide character."""
        return self._wide(line, column) == int(lib.GHOSTTY_CELL_WIDE_SPACER_TAIL)

    def last_column(self, line: int) -> int:
        """Return where a line ends for `format`: before the gap that a wide character left which did not fit.

        Given the gap, the library would write that character, too, which stands on the next line.
        """
        return self.cols - 1 - (self._wide(line, self.cols - 1) == int(lib.GHOSTTY_CELL_WIDE_SPACER_HEAD))

    def format(self, start: tuple[int, int], end: tuple[int, int], *extras: str) -> bytes:
        """Let the library write the sequences for what stands from `start` to `end`, each a line and a column.

        Args:
            start: Counted as `lines` counts.
            end: Belongs to it. Blanks at the end of a row, and rows at the end without any text, are not written.
            extras: What else to write, before and after that: see GhosttyFormatterTerminalExtra.

        What was not written by a program comes as blanks that look like what stands before them: see `stretches`.
        """
        selection = ffi.new("GhosttySelection*")
        selection.size = ffi.sizeof("GhosttySelection")
        selection.start, selection.end = self._ref(*start)[0], self._ref(*end)[0]
        options = ffi.new("GhosttyFormatterTerminalOptions*")
        options.size = ffi.sizeof("GhosttyFormatterTerminalOptions")
        options.extra.size = ffi.sizeof("GhosttyFormatterTerminalExtra")
        options.extra.screen.size = ffi.sizeof("GhosttyFormatterScreenExtra")
        for extra in extras:
            setattr(options.extra.screen if extra in _OF_SCREEN else options.extra, extra, True)
        options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT
        options.unwrap = True
        options.selection = selection
        formatter, out, size_bytes = ffi.new("GhosttyFormatter*"), ffi.new("uint8_t**"), ffi.new("size_t*")
        check(lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, self._handle, options[0]), "formatter")
        try:
            check(lib.ghostty_formatter_format_alloc(formatter[0], ffi.NULL, out, size_bytes), "format")
        finally:
            lib.ghostty_formatter_free(formatter[0])
        written: bytes = ffi.buffer(out[0], size_bytes[0])[:] if size_bytes[0] else b""
        lib.ghostty_free(ffi.NULL, out[0], size_bytes[0])
        return written

    def _ref(self, line: int, column: int) -> Any:
        """Return the library's reference to a cell, good until the next change."""
        point = ffi.new("GhosttyPointS*")
        point.tag = lib.GHOSTTY_POINT_TAG_SCREEN
        point.value.x, point.value.y = column, line + self._hidden_rows
        ref = ffi.new("GhosttyGridRef*")
        ref.size = ffi.sizeof("GhosttyGridRef")
        check(_grid_ref(self._handle, point[0], ref), "cell")
        return ref

    @property
    def _hidden_rows(self) -> int:
        """How many lines the library keeps above those that were asked for."""
        return int(self.get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBACK_ROWS, "size_t")) - self.history_rows

    def _scroll(self, where: int, row: int) -> None:
        """Let the library's viewport be elsewhere; nobody looks through it but who reads lines."""
        target = ffi.new("FugueScrollViewport*", {"tag": where, "row": row})
        _scroll_viewport(self._handle, target[0])

    def _wide(self, line: int, column: int) -> int:
        cell, out = ffi.new("GhosttyCell*"), self._numbers["int"]
        check(lib.ghostty_grid_ref_cell(self._ref(line, column), cell), "cell")
        check(lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_WIDE, out), "cell")
        return int(out[0])

    def _has_text(self, line: int, column: int) -> bool:
        cell, out = ffi.new("GhosttyCell*"), self._numbers["bool"]
        check(lib.ghostty_grid_ref_cell(self._ref(line, column), cell), "cell")
        check(lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_HAS_TEXT, out), "cell")
        return bool(out[0])

    def _set(self, option: int, value: Any) -> None:
        check(lib.ghostty_terminal_set(self._handle, option, value), "option")

    def _limit_lines(self) -> None:
        lines = self._scrollback_lines + PAGE_CELLS // self.cols if self._scrollback_lines else 0
        self._set(lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_LINES, ffi.new("size_t*", lines))

    def _update(self) -> None:
        """Bring the render state up to now; it exists from the first time that somebody looks."""
        if self._state is None:
            self._state = _new_state()
            self._free.append(weakref.finalize(self, lib.ghostty_render_state_free, self._state))
        check(lib.ghostty_render_state_update(self._state, self._handle), "update")

    def _rows(self, state: Any) -> Any:
        """Return an iterator over the rows of `state`, before the first."""
        if self._iterator is None:
            self._iterator = ffi.new("GhosttyRenderStateRowIterator*")
            check(lib.ghostty_render_state_row_iterator_new(ffi.NULL, self._iterator), "rows")
            free = lib.ghostty_render_state_row_iterator_free
            self._free.append(weakref.finalize(self, free, self._iterator[0]))
        check(lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._iterator), "rows")
        return self._iterator[0]


_MAY_CHANGE_WIDTH = 40
"""DEC's mode within which a program may ask for 132 columns, or for 80."""
_SET_OR_RESET = re.compile(rb"\x1b\[\?[^@-~]*[hl]")
_END = re.compile(rb"[hl]")

CANCEL = b"\x18"
"""What leads out of any sequence that is under way."""

_grid_ref = ffi.cast(
    "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)",  # cffi passes no union by value: its twin does
    ffi.addressof(lib, "ghostty_terminal_grid_ref"),
)


ffi.cdef("typedef struct { int tag; size_t row; uint64_t padding; } FugueScrollViewport;", override=True)
if ffi.sizeof("FugueScrollViewport") != ffi.sizeof("GhosttyTerminalScrollViewport"):
    raise ImportError("this pyghostty is laid out in another way")
_scroll_viewport = ffi.cast(
    "void(*)(GhosttyTerminal, FugueScrollViewport)",  # as above
    ffi.addressof(lib, "ghostty_terminal_scroll_viewport"),
)

_OF_SCREEN = {name for name, _ in ffi.typeof("GhosttyFormatterScreenExtra").fields}


def _new_state() -> Any:
    out = ffi.new("GhosttyRenderState*")
    check(lib.ghostty_render_state_new(ffi.NULL, out), "render state")
    return out[0]


@functools.cache
def _reader() -> RowReader:
    return RowReader()
