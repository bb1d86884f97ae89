"""Looking back at what a terminal showed: places, what is chosen, and keys that are still fugue's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from fugue_core.daemon.local import LocalDaemon
from fugue_tui.palette import ANSI, DARK, Palette
from fugue_tui.screens.palette_panel import PalettePanel
from fugue_tui.selection import Place, Selection, cut, end_of, snapped, stepped, word_from
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.scrollback import Scrollback
from fugue_tui.widgets.terminal_view import TerminalView
from tests.tui.screen import Seen
from tests.tui.test_terminal_view import opened, plain_shell

__all__ = ["plain_shell"]  # a fixture that holds for every test here

TEXT = "alpha beta gamma\\nsecond  line, here\\n漢字 wide\\n\\nlast one"
COMMAND = ("sh", "-c", f"stty -echo -icanon; printf '{TEXT}\\nready'; exec cat -v")
"""The lines from 0 on, and one that says `ready`."""


@contextlib.asynccontextmanager
async def looking_back(daemon: LocalDaemon) -> AsyncIterator[tuple[Seen, Scrollback, TerminalView]]:
    async with opened(daemon, COMMAND) as (seen, _, view):
        await seen.press("ctrl+b", "left_square_bracket")
        await seen.until(lambda: seen.app.terminal_pane.scrollback is not None)
        scrollback = seen.app.terminal_pane.scrollback
        assert scrollback is not None
        await seen.until(lambda: scrollback.has_focus and scrollback.count)
        await seen.press("g")
        yield seen, scrollback, view


@pytest.mark.parametrize(
    ("keys", "copied"),
    [
        ("y", "alpha beta gamma"),
        ("v y", "a"),
        ("w v l l l y", "beta"),
        ("w space right right enter", "bet"),
        ("$ v h h h h y", "gamma"),
        ("$ v b y", "gamma"),
        ("w w v j j y", "gamma\nsecond  line, here\n漢字 wide"),
        ("w v j 0 y", "beta gamma\ns"),
        ("j w v k y", "ta gamma\nsecond  l"),
        ("j j v y", "漢"),
        ("j j l v l l y", "字 w"),
        ("V j y", "alpha beta gamma\nsecond  line, here"),
        ("w V y", "alpha beta gamma"),
        ("w V v l y", "be"),
        ("w v V j y", "alpha beta gamma\nsecond  line, here"),
        ("w v v y", "alpha beta gamma"),
        ("w v escape y", "alpha beta gamma"),
        ("j j j v j y", "\nl"),
        ("j $ w l v $ y", "字 wide"),
    ],
)
async def test_what_is_chosen_is_copied(daemon: LocalDaemon, keys: str, copied: str) -> None:
    names = {"$": "dollar_sign"}
    async with looking_back(daemon) as (seen, scrollback, _):
        await seen.press(*(names.get(key, key) for key in keys.split()))
        await seen.until(lambda: "copied" in scrollback._note)
        assert seen.app.clipboard == copied


async def test_a_place_is_chosen_by_a_click_and_by_a_match(daemon: LocalDaemon) -> None:
    async with looking_back(daemon) as (seen, scrollback, _):
        await seen.pilot.click(scrollback, offset=(8, 2))
        assert (scrollback.cursor, scrollback.column) == (1, 8)
        await seen.press("g", "slash", *"gamma", "enter")
        await seen.until_shown("1 lines with gamma")
        assert scrollback.column == 11
        await seen.press("j")
        assert (scrollback.cursor, scrollback.column) == (1, 11)
        await seen.press("j", "j", "j")
        assert scrollback.column == 7  # of a shorter line the end


@pytest.mark.parametrize("palette", [DARK, ANSI], ids=lambda palette: palette.name)
async def test_what_is_chosen_is_seen_and_the_cursor_in_it(daemon: LocalDaemon, palette: Palette) -> None:
    async with looking_back(daemon) as (seen, scrollback, _):
        scrollback.palette = palette
        await seen.press("w", "v", "j", "h")
        looks = [looks_of(scrollback, row) for row in (1, 2)]
        chosen = Style(reverse=True) if palette.is_ansi else Style(bgcolor=palette.accent_fill)

        def is_chosen(style: Style) -> bool:
            return bool(style.reverse) if palette.is_ansi else style.bgcolor == chosen.bgcolor

        assert [is_chosen(style) for style in looks[0][:9]] == [False] * 6 + [True] * 3
        assert [is_chosen(style) for style in looks[1][:8]] == [True] * 5 + [palette.is_ansi, False, False]


def looks_of(scrollback: Scrollback, y: int) -> list[Style]:
    return [segment.style or Style() for segment in scrollback.render_line(y) for _ in range(cell_len(segment.text))]


async def test_the_prefix_is_fugues_while_looking_back_too(daemon: LocalDaemon) -> None:
    async with looking_back(daemon) as (seen, scrollback, view):
        bar = seen.app.status_bar
        assert (bar.pane, bar.prefix) == ("scrollback", "")
        await seen.press("ctrl+b")
        assert (bar.prefix, bar.is_prefixed) == ("ctrl+b", True)
        await seen.press("colon")
        assert isinstance(seen.app.screen, PalettePanel)
        await seen.press("escape", "slash", *"li", "ctrl+b", "left_square_bracket")
        assert scrollback.has_focus
        assert scrollback is seen.app.terminal_pane.scrollback
        assert scrollback.query_one(Field).value == "li"
        await seen.press("ctrl+b", "d")
        assert not seen.app.workspace.has_terminals
        await seen.press("4")
        assert scrollback.has_focus
        await seen.press("ctrl+b", "ctrl+b", "escape")
        await seen.until(lambda: view.has_focus)
        await seen.until_shown("^B")


TEXTS = st.text(alphabet="ab 漢字e\u0301\u200b.,", max_size=12)


@given(text=TEXTS, column=st.integers(0, 30))
def test_places_are_those_of_characters(text: str, column: int) -> None:
    cells = cell_len(text)
    here = snapped(text, column)
    assert here <= column
    assert here == 0 or here < cells
    for step in (-1, 1):
        there = stepped(text, here, step)
        assert snapped(text, there) == there
        assert (there - here) * step >= 0
        word = word_from(text, here, step)
        assert word is None or ((word - here) * step > 0 and not cut(text, word, word + 1).isspace())


@given(lines=st.lists(TEXTS, min_size=1, max_size=4), ends=st.tuples(*[st.integers(0, 30)] * 4), is_lines=st.booleans())
def test_what_is_chosen_is_the_same_from_either_end(
    lines: list[str],
    ends: tuple[int, int, int, int],
    is_lines: bool,  # noqa: FBT001
) -> None:
    rows = [row % len(lines) for row in ends[:2]]
    one, other = (Place(row, snapped(lines[row], column)) for row, column in zip(rows, ends[2:], strict=True))
    chosen = Selection(anchor=one, cursor=other, is_lines=is_lines)
    within = lines[chosen.first.row : chosen.last.row + 1]
    text = chosen.text_of(within)
    assert text == Selection(anchor=other, cursor=one, is_lines=is_lines).text_of(within)
    assert text.count("\n") == abs(rows[0] - rows[1])
    whole = "\n".join(line.rstrip() for line in within)
    assert text == whole if is_lines else len(text) <= len(whole)
    for row, line in enumerate(lines):
        start, end = chosen.span(row, line)
        assert (start == end == 0) == (not chosen.first.row <= row <= chosen.last.row)


def test_a_wide_character_and_its_marks_are_chosen_as_one() -> None:
    assert cut("a漢\u0301b", 1, end_of("a漢\u0301b", 1)) == "漢\u0301"
    assert snapped("a漢b", 2) == 1
    assert stepped("a漢b", 1, 1) == 3
