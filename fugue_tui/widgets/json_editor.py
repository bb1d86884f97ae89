"""An editor for JSON: colours, brackets, and the fault underlined where it is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual._wrap import compute_wrap_offsets
from textual.document._document import Document, EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.document._wrapped_document import WrappedDocument
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from fugue_tui.jsonview import Fault, escape_unseen, tidy, tokens
from fugue_tui.palette import DARK, REVERSE, Palette

PAIRS = {"{": "}", "[": "]", '"': '"'}
CLOSERS = frozenset(PAIRS.values())
BRACKET_CHARS = 20_000
"""How far the other bracket is looked for; a person sees no further."""
LONG_LINE_CHARS = 2_000
"""A line over this is laid out when it comes in; where it stays, nothing is wrapped: it would cost at each key."""
INDENT = "  "


class _QuickWrapped(WrappedDocument):
    """Wraps what must be wrapped, and knows its height: the base class measures every line, and adds up for every row.

    There are no tabs in the editor.
    """

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        self._width = width
        self._tab_width = tab_width or self._tab_width
        lines = self.document.lines
        self._wrap_offsets = [
            [] if not width or (len(line) < width and line.isascii()) else compute_wrap_offsets(line, width, width)
            for line in lines
        ]
        self._tab_width_cache = [[0] for _ in lines]
        self._offset_to_line_info = [
            (index, section) for index, breaks in enumerate(self._wrap_offsets) for section in range(len(breaks) + 1)
        ]
        self._line_index_to_offsets = [[] for _ in lines]
        for place, (index, _) in enumerate(self._offset_to_line_info):
            self._line_index_to_offsets[index].append(place)

    @property
    def height(self) -> int:
        return len(self._offset_to_line_info)


class JsonEditor(TextArea):
    """A text area that knows JSON.

    Down: assign `text`, `palette` and `fault`. Up: `TextArea.Changed`. What no eye sees comes in as its JSON escape, so
    that the text in it is always printable.

    Attributes:
        closes_brackets: Whether an opening bracket or quote brings the closing one along.
    """

    palette: reactive[Palette] = reactive(DARK, init=False)
    fault: reactive[Fault | None] = reactive(None, init=False)

    def __init__(self, *, id: str | None = None, closes_brackets: bool = True) -> None:  # noqa: A002  # Textual's word
        self._known_text: str | None = None
        super().__init__("", id=id, compact=True, show_line_numbers=True, tab_behavior="focus")
        self.closes_brackets = closes_brackets
        self.indent_width = len(INDENT)
        self.highlight_cursor_line = self.match_cursor_bracket = False
        self._take_palette()

    @property
    def text(self) -> str:
        """All of it. Cost: nothing where it has not changed; the base class asks for it with every line it draws."""
        if self._known_text is None:
            self._known_text = self.document.text
        return self._known_text

    @text.setter
    def text(self, value: str) -> None:
        self.load_text(value)

    def load_text(self, text: str) -> None:
        """Show another text; undo does not lead back."""
        super().load_text(clean(text))

    def edit(self, edit: Edit) -> EditResult:
        """Change the text; see the base class."""
        self._known_text = None
        if not edit.text.isprintable():
            edit.text = escape_unseen(edit.text)
        result = super().edit(edit)
        if self.soft_wrap and len(self.document[result.end_location[0]]) > LONG_LINE_CHARS:
            self.soft_wrap = False
        return result

    def replace_all(self, text: str) -> None:
        """Show another text; undo leads back."""
        self.replace(clean(text), self.document.start, self.document.end)
        self.move_cursor((0, 0))

    # ------------------------------------------------------------------------------------------------------- drawing

    def watch_palette(self) -> None:
        """Draw in other colours."""
        self._take_palette()

    def on_focus(self) -> None:
        """Mark the line of the cursor, and the other bracket."""
        self.highlight_cursor_line = self.match_cursor_bracket = True
        self._line_cache.clear()

    def on_blur(self) -> None:
        """Mark nothing."""
        self.highlight_cursor_line = self.match_cursor_bracket = False
        self._line_cache.clear()

    def watch_fault(self) -> None:
        """Mark another place."""
        self._line_cache.clear()
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        """Return a line with its colours."""
        line = super().get_line(line_index)
        palette = self.palette
        ink = {
            "key": palette.json_key,
            "string": palette.json_string,
            "number": palette.json_number,
            "literal": palette.json_literal,
            "punctuation": palette.faint,
        }
        for start, end, kind in tokens(line.plain):
            line.stylize(ink[kind], start, end)
        fault = self.fault
        if fault is not None and fault.line == line_index + 1:
            start = fault.column - 1
            line.stylize(Style(color=palette.bad, underline=True), start, start + fault.length)
        return line

    def _render_line(self, y: int) -> Strip:
        """Return a row; that of the fault stands on its fill."""
        strip = super()._render_line(y)
        fault, palette = self.fault, self.palette
        if fault is None or palette.is_ansi or self._document_line_at(y) != fault.line:
            return strip
        kept = {palette.text, palette.accent_fill}  # the cursor, a selection
        segments = []
        for place, segment in enumerate(strip):
            style = segment.style or Style()
            paper = style.bgcolor.name if style.bgcolor is not None else ""
            if paper not in kept:
                style += Style(bgcolor=palette.bad_fill, color=palette.bad if place == 0 else None)
            segments.append(Segment(segment.text, style))
        return Strip(segments, strip.cell_length)

    def _document_line_at(self, y: int) -> int:
        """Return which line of the text a row shows, from 1; 0: none."""
        lines = self.wrapped_document._offset_to_line_info  # noqa: SLF001  # the base class draws by it, too
        place = y + self.scroll_offset.y
        return lines[place][0] + 1 if place < len(lines) else 0

    def _take_palette(self) -> None:
        palette = self.palette
        cursor = Style(reverse=True) if palette.is_ansi else Style(color=palette.pane, bgcolor=palette.text)
        current = Style(bgcolor=palette.raised) if palette.raised != REVERSE else Style()
        self.register_theme(
            TextAreaTheme(
                name=palette.name,
                gutter_style=Style(color=palette.faint),
                cursor_style=cursor,
                cursor_line_style=current,
                cursor_line_gutter_style=current + Style(color=palette.text),
                bracket_matching_style=Style(color=palette.accent, bold=True, underline=True),
                selection_style=Style(reverse=True) if palette.is_ansi else Style(bgcolor=palette.accent_fill),
            )
        )
        self.theme = palette.name

    def _set_document(self, text: str, language: str | None) -> None:  # noqa: ARG002  # there is one language
        self._known_text = None
        self.document = Document(text)
        is_endless = any(len(line) > LONG_LINE_CHARS for line in self.document.lines)
        self.set_reactive(TextArea.soft_wrap, not is_endless)
        self.wrapped_document = _QuickWrapped(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def _undo_batch(self, edits: list[Edit]) -> None:  # type: ignore[override]  # it is given lists
        self._known_text = None
        super()._undo_batch(edits)
        self._known_text = None

    def _redo_batch(self, edits: list[Edit]) -> None:  # type: ignore[override]  # it is given lists
        self._known_text = None
        super()._redo_batch(edits)
        self._known_text = None

    def _yield_character_locations(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations(start), BRACKET_CHARS)

    def _yield_character_locations_reverse(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations_reverse(start), BRACKET_CHARS)

    # -------------------------------------------------------------------------------------------------------- typing

    def on_key(self, event: events.Key) -> None:
        """Close brackets and quotes, and keep the depth of a new line."""
        if self.read_only or not self.selection.is_empty:
            return
        is_done = False
        if event.key == "enter":
            is_done = self._break_line()
        elif event.key == "backspace":
            is_done = self.closes_brackets and self._drop_pair()
        elif event.character is not None and event.is_printable and self.closes_brackets:
            is_done = self._close(event.character)
        if is_done:
            event.stop()
            event.prevent_default()

    def format(self) -> None:
        """Lay the text out; what is no JSON stays as it is."""
        try:
            laid_out = tidy(self.text)
        except ValueError:
            return
        if laid_out != self.text:
            self.replace_all(laid_out)

    def _around(self) -> tuple[str, str]:
        """Return what is before and after the cursor on its line."""
        row, column = self.cursor_location
        line = self.document[row]
        return line[:column], line[column:]

    def _close(self, character: str) -> bool:
        before, after = self._around()
        if character in CLOSERS and after.startswith(character) and not before.endswith("\\"):
            self.move_cursor_relative(columns=1)
            return True
        closer = PAIRS.get(character)
        if closer is None or (after and not after[0].isspace() and after[0] not in ",]}:"):
            return False
        if character == '"' and before.count('"') % 2:  # it ends a string
            return False
        self.insert(character + closer)
        self.move_cursor_relative(columns=-1)
        return True

    def _drop_pair(self) -> bool:
        before, after = self._around()
        if not (before and after and PAIRS.get(before[-1]) == after[0]):
            return False
        row, column = self.cursor_location
        self.delete((row, column - 1), (row, column + 1))
        return True

    def _break_line(self) -> bool:
        before, after = self._around()
        depth = before[: len(before) - len(before.lstrip(" "))]
        opens = before.rstrip()[-1:]
        if opens and opens in "{[":
            row, _ = self.cursor_location
            inner = f"\n{depth}{INDENT}"
            self.insert(inner + (f"\n{depth}" if after.startswith(PAIRS[opens]) else ""))
            self.move_cursor((row + 1, len(depth) + len(INDENT)))
        else:
            self.insert(f"\n{depth}")
        return True


def clean(text: str) -> str:
    """Return `text` as the editor can show it: printable, and JSON on one endless line is laid out."""
    shown = escape_unseen(text)
    if len(shown) > LONG_LINE_CHARS and max(map(len, shown.split("\n"))) > LONG_LINE_CHARS:
        try:
            return tidy(shown)
        except ValueError:
            return shown
    return shown
