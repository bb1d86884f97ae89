"""The screens of programs, on both implementations of the port; Ghostty's beside itself and beside tmux."""

from __future__ import annotations

import builtins
import gc
import logging
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fugue_core.protocol.window import (
    BLINK,
    BOLD,
    DIRECT,
    FAINT,
    INVERSE,
    INVISIBLE,
    ITALIC,
    STRIKE,
    UNDERLINE,
    Line,
    Modes,
    Run,
)
from fugue_core.terminal.plain import TAIL_BYTES, PlainScreen
from fugue_core.terminal.screen import REPLY_LIMIT_BYTES, RESET, Position, Screen, open_screen, text_line

needs_ghostty = pytest.mark.skipif(open_screen(1, 1).kind != "ghostty", reason="pyghostty does not work here")
VIM = ["vim", "-u", "NONE", "-n", "-N"]
needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


@pytest.fixture(params=[pytest.param("ghostty", marks=needs_ghostty), "plain"])
def screen(request: pytest.FixtureRequest) -> Iterator[Screen]:
    """Both, 20 by 5."""
    opened = open_screen(20, 5, 100) if request.param == "ghostty" else PlainScreen(20, 5, 100)
    yield opened
    opened.close()


def fed(data: bytes | str, cols: int = 20, rows: int = 5, scrollback_lines: int = 100) -> Screen:
    """Return Ghostty's, having shown that."""
    screen = open_screen(cols, rows, scrollback_lines)
    screen.feed(data.encode() if isinstance(data, str) else data)
    return screen


def shown(screen: Screen) -> list[str]:
    """Return what its rows say, without the blank ones at the end."""
    return screen.capture().rstrip("\n").split("\n")


def all_of(screen: Screen) -> dict[str, object]:
    """Return everything that a person or a program could notice of it."""
    return {
        "lines": [seen(line) for line in screen.lines(screen.history_rows, screen.rows)],
        "cursor": screen.cursor,
        "is_cursor_visible": screen.is_cursor_visible,
        "cursor_shape": screen.cursor_shape,
        "is_cursor_blinking": screen.is_cursor_blinking,
        "modes": screen.modes,
        "title": screen.title,
    }


def seen(line: Line) -> list[tuple[str, int | None, int | None, int]]:
    """Return the characters of a line with their looks, as far as these can be seen on a blank."""
    found = []
    for run in line:
        on_blank = run.attrs & (INVERSE | UNDERLINE | STRIKE)
        for character in run.text:
            look = (run.fg, run.attrs) if character != " " else (run.fg if on_blank else None, on_blank)
            found.append((character, look[0], run.bg, look[1]))
    return found


def redrawn(screen: Screen, *, scrollback: bool = False, is_quick: bool = False) -> Screen:
    """Return another that was told to look like it."""
    return fed(screen.redraw(scrollback=scrollback, is_quick=is_quick), screen.cols, screen.rows, 100)


class TestBoth:
    """What holds with an emulator and without."""

    def test_text_stands_in_the_rows_it_was_printed_to(self, screen: Screen) -> None:
        assert screen.feed(b"one\r\ntwo\r\n\r\nfour") == b""
        assert screen.capture() == "one\ntwo\n\nfour\n\n"
        assert screen.lines(0, 2) == [(Run("one"),), (Run("two"),)]
        assert screen.cursor == Position(3, 4)

    def test_a_fresh_one_is_blank(self, screen: Screen) -> None:
        assert (screen.cols, screen.rows, screen.history_rows) == (20, 5, 0)
        assert (screen.title, screen.bells, screen.cursor, screen.modes) == ("", 0, Position(0, 0), Modes())
        assert (screen.is_cursor_visible, screen.is_cursor_blinking, screen.cursor_shape) == (True, False, "block")
        assert screen.capture(scrollback=True) == "\n" * 5
        assert screen.changed_lines() == dict.fromkeys(range(5), ())
        assert open_screen(20, 5).changed_lines() == dict.fromkeys(range(5), ())

    def test_changes_are_told_once_and_after_a_resize_all_is_one(self, screen: Screen) -> None:
        screen.feed(b"one")
        assert screen.changed_lines()[0] == (Run("one"),)
        assert screen.changed_lines() == {}
        screen.feed(b"\r\ntwo")
        assert screen.changed_lines()[1] == (Run("two"),)
        screen.resize(30, 7)
        assert (screen.cols, screen.rows) == (30, 7)
        assert list(screen.changed_lines()) == list(range(7))

    def test_a_long_line_is_wrapped_and_wrapped_anew(self, screen: Screen) -> None:
        screen.feed(b"abcdefghij" * 3)
        assert shown(screen) == ["abcdefghijabcdefghij", "abcdefghij"]
        screen.resize(15, 5)
        assert shown(screen) == ["abcdefghijabcde", "fghijabcdefghij"]
        screen.resize(40, 5)
        assert shown(screen) == ["abcdefghij" * 3]

    def test_what_leaves_at_the_top_can_still_be_read(self, screen: Screen) -> None:
        screen.feed(b"".join(b"%d\r\n" % number for number in range(50)))
        assert screen.history_rows == 46
        assert screen.lines(0, 2) == [(Run("0"),), (Run("1"),)]
        assert screen.lines(44, 3) == [(Run("44"),), (Run("45"),), (Run("46"),)]
        assert screen.lines(46, 100) == [(Run("46"),), (Run("47"),), (Run("48"),), (Run("49"),), ()]
        assert screen.lines(51, 5) == screen.lines(3, 0) == screen.lines(10**9, 5) == []
        assert screen.capture(scrollback=True).split() == [str(number) for number in range(50)]
        assert screen.capture() == "46\n47\n48\n49\n\n"

    def test_only_so_many_lines_are_kept(self, screen: Screen) -> None:
        screen.feed(b"".join(b"%d\r\n" % number for number in range(5000)))
        assert screen.history_rows == 100
        assert screen.lines(0, 1) == [(Run("4896"),)]
        assert len(screen.capture(scrollback=True).splitlines()) == 105

    def test_what_is_no_text_is_not_shown(self, screen: Screen) -> None:
        screen.feed(b"\x1b]2;a title\x07\x1b[1;31mred\x1b[0m\x1bP1$r\x1b\\\x00\x1b(B!\ta")
        assert shown(screen) == ["red!    a"]

    def test_a_redraw_shows_the_same_text(self, screen: Screen) -> None:
        screen.feed(b"one\r\n\x1b[31mtwo\x1b[m\r\n\r\nfour")
        other: Screen = fed(screen.redraw()) if screen.kind == "ghostty" else PlainScreen(20, 5, 100)
        if screen.kind == "plain":
            other.feed(screen.redraw())
        assert other.capture() == screen.capture()

    @given(data=st.lists(st.binary(max_size=200), max_size=5))
    @settings(max_examples=100, deadline=None)
    def test_any_bytes_do(self, data: list[bytes]) -> None:
        for screen in (open_screen(20, 5, 10), PlainScreen(20, 5, 10)):
            for chunk in data:
                screen.feed(chunk)
                screen.changed_lines()
            screen.capture(scrollback=True, ansi=True).encode()
            screen.redraw(scrollback=True)
            screen.resize(7, 3)
            assert len(screen.changed_lines()) == 3
            assert 0 <= screen.cursor.row < 3
            assert 0 <= screen.cursor.column < 7
            screen.close()

    def test_closing_twice_is_no_fault(self, screen: Screen) -> None:
        screen.changed_lines()
        screen.close()
        screen.close()


class TestPlain:
    def test_it_keeps_the_end_and_no_more(self) -> None:
        screen = PlainScreen(20, 5, 100)
        for number in range(200_000):
            screen.feed(b"line %d\r\n" % number)
        assert shown(screen)[-1] == "line 199999"
        assert TAIL_BYTES <= len(screen.redraw()) <= 2 * TAIL_BYTES
        screen.feed(b"x" * 10 * TAIL_BYTES)
        assert len(screen.redraw()) <= 2 * TAIL_BYTES
        screen.feed(b"\r\nthe end")
        assert shown(screen)[-1] == "the end"

    def test_it_is_taken_where_pyghostty_is_not_there_and_says_so_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        there = builtins.__import__

        def find(name: str, *arguments: Any, **named: Any) -> Any:
            if name == "pyghostty":
                raise ImportError("no pyghostty for this machine")
            return there(name, *arguments, **named)

        monkeypatch.setattr(builtins, "__import__", find)
        with caplog.at_level(logging.WARNING):
            assert [open_screen(20, 5).kind, open_screen(20, 5).kind] == ["plain", "plain"]
        assert caplog.messages == ["programs' screens are kept as raw bytes only: no pyghostty for this machine"]


@needs_ghostty
class TestEmulator:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            ("漢字e\u0301x", "漢字e\u0301x"),
            ("👩\u200d👩\u200d👧!", "👩\u200d👩\u200d👧!"),
            ("a" * 19 + "漢", "a" * 19 + "\n漢"),
            ("漢\x1b[2Gx", " x"),
            ("a\tb\tc", "a       b       c"),
            ("abc\rX", "Xbc"),
            ("abc\b\bX", "aXc"),
            ("abcdef\x1b[1;3H\x1b[2P", "abef"),
            ("abcdef\x1b[1;3H\x1b[2@", "ab  cdef"),
            ("abcdef\x1b[1;3H\x1b[2X", "ab  ef"),
            ("abcdef\x1b[1;3H\x1b[K", "ab"),
            ("1\r\n2\r\n3\x1b[2;1H\x1b[L", "1\n\n2\n3"),
            ("1\r\n2\r\n3\x1b[1;1H\x1b[M", "2\n3"),
            ("1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n", "1\n3\n\n4"),
            ("1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[2;1H\x1bM", "1\n\n2\n4"),
            ("1\r\n2\x1b[2J", ""),
            ("x\x1b[5b", "xxxxxx"),
            ("\x1b(0lqk\x1b(B", "┌─┐"),
            ("abc\x1b[4h\x1b[1;2HX", "aXbc"),
            ("\x1b[?7l" + "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrsz"),
        ],
    )
    def test_what_a_program_draws_is_where_it_belongs(self, data: str, expected: str) -> None:
        assert fed(data).capture() == expected + "\n" * (5 - expected.count("\n"))

    def test_a_program_that_asks_for_another_width_has_its_screen_cleared_wherever_its_output_is_cut(self) -> None:
        data = b"one\x1b[?40h\x1b[?3h" + b"x" * 30 + b"\ry"
        for cut in range(len(data)):
            screen = fed(data[:cut])
            screen.feed(data[cut : cut + 1])
            screen.feed(data[cut + 1 :])
            assert shown(screen) == ["x" * 20, "y" + "x" * 9]
            screen.feed(b"\x1b[?7;3l1\x1b[?40l\x1b[?3h2")
            assert shown(screen) == ["12"]

    def test_the_alternate_screen_hides_the_other_and_gives_it_back(self) -> None:
        screen = fed(b"".join(b"%d\r\n" % number for number in range(10)) + b"here")
        screen.feed(b"\x1b[?1049h\x1b[Halternate")
        assert screen.modes == Modes(is_alternate=True)
        assert (shown(screen), screen.history_rows) == (["alternate"], 0)
        assert screen.capture(scrollback=True).split() == ["0", "1", "2", "3", "4", "5", "alternate"]
        screen.feed(b"\x1b[?1049l")
        assert screen.modes == Modes()
        assert (shown(screen), screen.cursor) == (["6", "7", "8", "9", "here"], Position(4, 4))

    @pytest.mark.parametrize(
        ("parameters", "run"),
        [
            ("31", Run("x", 1)),
            ("92", Run("x", 10)),
            ("44", Run("x", None, 4)),
            ("103", Run("x", None, 11)),
            ("38;5;200;48;5;17", Run("x", 200, 17)),
            ("38;2;1;2;3;48;2;255;254;253", Run("x", DIRECT | 0x010203, DIRECT | 0xFFFEFD)),
            ("38:2::1:2:3", Run("x", DIRECT | 0x010203)),
            ("1", Run("x", attrs=BOLD)),
            ("2;3", Run("x", attrs=FAINT | ITALIC)),
            ("4", Run("x", attrs=UNDERLINE)),
            ("4:3", Run("x", attrs=UNDERLINE)),
            ("5;7;8;9", Run("x", attrs=BLINK | INVERSE | INVISIBLE | STRIKE)),
        ],
    )
    def test_colours_and_attributes_are_told(self, parameters: str, run: Run) -> None:
        screen = fed(f"\x1b[{parameters}mx\x1b[m.")
        assert screen.changed_lines()[0] == screen.lines(0, 1)[0] == (run, Run("."))
        assert fed(screen.capture(ansi=True)).lines(0, 1) == screen.lines(0, 1)

    def test_a_background_is_part_of_a_line_and_a_blank_is_not(self) -> None:
        screen = fed(b"\x1b[44m\x1b[K\r\n\x1b[m   \r\n\x1b[48;2;1;2;3m\x1b[3X\r\n\x1b[0;7m  \x1b[m  \r\n\x1b[31m   ")
        assert screen.lines(0, 5) == [
            (Run(" " * 20, None, 4),),
            (),
            (Run(" " * 3, None, DIRECT | 0x010203),),
            (Run("  ", attrs=INVERSE),),
            (),
        ]

    def test_styles_of_one_number_on_different_pages_are_not_confused(self) -> None:
        screen = open_screen(80, 24, 20_000)
        for number in range(6000):
            colour = number * 7919 % 0xFFFFFF
            screen.feed(b"\x1b[38;2;%d;%d;%dmx\r\n" % (colour >> 16, colour >> 8 & 255, colour & 255))
        found = [line[0].fg for line in screen.lines(0, 6000) if line]
        assert found == [DIRECT | number * 7919 % 0xFFFFFF for number in range(6000)]

    def test_a_program_that_asks_is_answered(self) -> None:
        screen = fed(b"\x1b[2;3H")
        assert screen.feed(b"\x1b[6n") == b"\x1b[2;3R"
        assert screen.feed(b"\x1b[c").startswith(b"\x1b[?6")
        assert screen.feed(b"\x1b[18t") == b"\x1b[8;5;20t"
        assert screen.feed(b"\x1b[?2004$p\x1b[5n") == b"\x1b[?2004;2$y\x1b[0n"
        screen.resize(30, 7)
        assert screen.feed(b"\x1b[18t") == b"\x1b[8;7;30t"
        assert screen.feed(b"nothing") == b""

    def test_who_asks_without_end_is_answered_so_much(self) -> None:
        screen = fed(b"")
        assert REPLY_LIMIT_BYTES - 10 < len(screen.feed(b"\x1b[6n" * 100_000)) <= REPLY_LIMIT_BYTES
        assert screen.feed(b"\x1b[6n") == b"\x1b[1;1R"

    def test_title_and_bell_are_told(self) -> None:
        screen = fed("\x1b]2;größe\x07\a\a")
        assert (screen.title, screen.bells) == ("größe", 2)
        screen.feed(b"\x1b]0;other\x1b\\")
        assert (screen.title, screen.bells) == ("other", 2)
        screen.feed(b"\x1b]2;" + b"t" * 100_000 + b"\x07")
        assert len(screen.title) <= 1024

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            ("\x1b[?1h\x1b=", Modes(application_cursor_keys=True, application_keypad=True)),
            ("\x1b[?2004h", Modes(bracketed_paste=True)),
            ("\x1b[?1004h", Modes(focus_events=True)),
            ("\x1b[?9h", Modes(mouse="press")),
            ("\x1b[?1000h", Modes(mouse="click")),
            ("\x1b[?1002h\x1b[?1006h", Modes(mouse="drag", mouse_encoding="sgr")),
            ("\x1b[?1003h\x1b[?1016h", Modes(mouse="motion", mouse_encoding="pixels")),
            ("\x1b[?1003h\x1b[?1003l", Modes()),
            ("\x1b[?1000h\x1b[?1005h", Modes(mouse="click", mouse_encoding="utf8")),
            ("\x1b[?1000h\x1b[?1015h", Modes(mouse="click", mouse_encoding="urxvt")),
            ("\x1b[>5u", Modes(kitty_keyboard=5)),
            ("\x1b[?1049h\x1b[?1007l", Modes(is_alternate=True, is_alternate_scroll=False)),
        ],
    )
    def test_modes_are_told_and_redrawn(self, data: str, expected: Modes) -> None:
        screen = fed(data)
        assert screen.modes == redrawn(screen).modes == expected

    @pytest.mark.parametrize(
        ("number", "shape", "is_blinking"),
        [(1, "block", True), (2, "block", False), (3, "underline", True), (5, "bar", True), (6, "bar", False)],
    )
    def test_the_cursor_has_a_shape(self, number: int, shape: str, is_blinking: bool) -> None:  # noqa: FBT001
        screen = fed(f"\x1b[{number} q\x1b[?25l")
        for found in (screen, redrawn(screen)):
            assert (found.cursor_shape, found.is_cursor_blinking) == (shape, is_blinking)
            assert not found.is_cursor_visible

    @pytest.mark.parametrize("cols", [2, 20, 80, 200])
    def test_ten_thousand_lines_are_really_kept(self, cols: int) -> None:
        screen = open_screen(cols, 24)
        for start in range(0, 40_000, 500):
            screen.feed(b"\xe6\xbc\xa2\r\n" * 499 + b"%d\r\n" % (start % 100))
            assert screen.history_rows == min(10_000, start + 500 - 23)
        assert len(screen.lines(0, 20_000)) == 10_024

    def test_none_are_kept_where_none_are_wanted(self) -> None:
        screen = fed(b"x\r\n" * 1000, scrollback_lines=0)
        assert (screen.history_rows, screen.lines(0, 9)) == (0, [(Run("x"),)] * 4 + [()])

    def test_only_rows_that_changed_are_told(self) -> None:
        screen = fed(b"\x1b[1;1H")
        screen.changed_lines()
        screen.feed(b"\x1b[3;1Hx")
        assert set(screen.changed_lines()) <= {0, 2}  # the row that the cursor left counts as changed
        screen.feed(b"\x1b[4;1Hy")
        assert screen.cursor_shape == "block"  # whoever looks at the cursor takes nothing away
        screen.lines(0, 5)
        screen.redraw(scrollback=True)
        assert screen.changed_lines()[3] == (Run("y"),)

    def test_closed_screens_give_their_memory_back(self) -> None:
        def full() -> None:
            screen = fed(b"hello world\r\n" * 20_000, 200, 50, 10_000)
            screen.changed_lines()
            screen.redraw()

        full()
        gc.collect()
        before = resident_bytes()
        for _ in range(20):
            full()
            gc.collect()
        assert resident_bytes() - before < 30_000_000


@needs_ghostty
class TestBadBytes:
    def test_invalid_utf_8_becomes_replacement_characters(self) -> None:
        assert shown(fed(b"a\xff\xfeb\xc3")) == ["a\ufffd\ufffdb"]
        assert shown(fed(b"a\xc3(")) == ["a\ufffd("]

    @pytest.mark.parametrize(
        "start", [b"\x1b]2;", b"\x1b]52;c;", b"\x1b]99;", b"\x1bP", b"\x1bP+q", b"\x1b_G", b"\x1b^", b"\x1bX", b"\x1b["]
    )
    @pytest.mark.parametrize("end", [b"\x1b\\", b"\x18", b"\x1b[m"])
    def test_an_endless_sequence_costs_nothing_and_ends_when_it_is_ended(self, start: bytes, end: bytes) -> None:
        screen = fed(b"before ")
        before = resident_bytes()
        screen.feed(start)
        for _ in range(64):
            screen.feed(b"1" * 1024 * 1024)
        assert resident_bytes() - before < 24_000_000
        assert screen.redraw()
        screen.feed(end + b"\r\nafter")
        assert shown(screen)[-1].endswith("after")

    def test_a_line_feed_does_not_end_a_string(self) -> None:
        """As in every terminal: a title without an end takes in what follows, until anything ends it."""
        screen = fed(b"\x1b]2;title\r\nlost\r\n")
        assert shown(screen) == [""]
        screen.feed(b"\x1b[31mback")
        assert shown(screen) == ["back"]


def resident_bytes() -> int:
    """Return what this process has in memory now; its peak, where the system does not tell."""
    if Path("/proc/self/statm").exists():
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


TEXTS = st.text(st.sampled_from("abc xyz  漢字é\u0301👍─"), min_size=1, max_size=30)
NUMBERS = st.integers(0, 12)
SEQUENCES = st.one_of(
    TEXTS,
    st.sampled_from(
        ["\r\n", "\r\n", "\n", "\r", "\b", "\t", "\x1bM", "\x1bD", "\x1b7", "\x1b8", "\x1bH", "\x0e", "\x0f"]
    ),
    st.builds("\x1b[{};{}H".format, NUMBERS, NUMBERS),
    st.builds("\x1b[{}{}".format, NUMBERS, st.sampled_from("ABCDEGLMPSTX@bd")),
    st.builds("\x1b[{}{}".format, st.integers(0, 2), st.sampled_from("JK")),
    st.builds("\x1b[{}m".format, st.sampled_from([0, 1, 2, 3, 4, 5, 7, 8, 9, 22, 24, 27, 31, 44, 39, 49, 95, 103, 53])),
    st.sampled_from(["\x1b[38;5;99m", "\x1b[48;2;1;2;3m", "\x1b[4:3m", "\x1b[58;5;3m", "\x1b(0", "\x1b(B", "\x1b)0"]),
    st.builds("\x1b[{};{}r".format, st.integers(1, 3), st.integers(3, 6)),
    st.builds(
        "\x1b[?{}{}".format,
        st.sampled_from([1, 3, 5, 6, 7, 12, 25, 40, 47, 69, 1000, 1002, 1003, 1004, 1006, 1047, 1049, 2004]),
        st.sampled_from("hl"),
    ),
    st.builds("\x1b[{};{}s".format, st.integers(1, 4), st.integers(8, 15)),
    st.sampled_from(
        ["\x1b[4h", "\x1b[4l", "\x1b[20h", "\x1b=", "\x1b>", "\x1b[5 q", "\x1b[4 q", "\x1b[>1u", "\x1b[3g"]
    ),
    st.builds("\x1b]2;{}\x07".format, TEXTS),
)


@needs_ghostty
class TestRedraw:
    @given(parts=st.lists(SEQUENCES, max_size=30), cuts=st.lists(st.integers(0, 400), max_size=4))
    @settings(max_examples=400, deadline=None)
    def test_another_screen_is_made_the_same(self, parts: list[str], cuts: list[int]) -> None:
        data = "".join(parts).encode()
        screen, at = open_screen(16, 6, 100), 0
        for cut in sorted(cuts):
            screen.feed(data[at:cut])
            at = max(at, cut)
            other = open_screen(16, 6, 100)
            other.feed(screen.redraw())
            assert all_of(other) == all_of(screen)
        screen.feed(data[at:])
        other = open_screen(16, 6, 100)
        other.feed(screen.redraw())
        assert all_of(other) == all_of(screen)
        for shown in (screen, other):
            shown.feed(b"Q\x1b[0;1mR")
        assert all_of(other) == all_of(screen)

    @given(parts=st.lists(st.one_of(SEQUENCES, st.just("\r\n")), max_size=40))
    @settings(max_examples=200, deadline=None)
    def test_another_is_made_the_same_with_what_has_scrolled_out(self, parts: list[str]) -> None:
        screen = fed("".join(parts), 16, 4)
        other = redrawn(screen, scrollback=True)
        assert other.history_rows == screen.history_rows
        for each in range(screen.history_rows):
            assert seen(other.lines(each, 1)[0]) == seen(screen.lines(each, 1)[0])
        assert all_of(other) == all_of(screen)

    @given(parts=st.lists(st.one_of(SEQUENCES, st.just("\r\n")), max_size=40))
    @settings(max_examples=200, deadline=None)
    def test_made_quickly_only_the_looks_of_what_has_scrolled_out_may_differ(self, parts: list[str]) -> None:
        screen = fed("".join(parts), 16, 4)
        other = redrawn(screen, scrollback=True, is_quick=True)
        assert all_of(other) == all_of(screen)

    @pytest.mark.parametrize("is_quick", [False, True])
    def test_text_and_colours_that_have_scrolled_out_come_along(self, is_quick: bool) -> None:  # noqa: FBT001
        screen = fed(b"".join(b"\x1b[3%dm%d\x1b[0m of many\r\n" % (number % 8, number) for number in range(50)))
        other = redrawn(screen, scrollback=True, is_quick=is_quick)
        assert other.history_rows == screen.history_rows > 20
        assert other.capture(scrollback=True, ansi=True) == screen.capture(scrollback=True, ansi=True)

    @given(parts=st.lists(SEQUENCES, max_size=30))
    @settings(max_examples=200, deadline=None)
    def test_cells_are_read_as_the_library_writes_them(self, parts: list[str]) -> None:
        """The library's plain text and ours come from different code, so they check each other."""
        screen = fed("".join(parts), 16, 6)
        changed = screen.changed_lines()
        assert [changed[row] for row in range(6)] == screen.lines(screen.history_rows, 6)
        for line in changed.values():
            assert all(run.text for run in line)
            assert all((a.fg, a.bg, a.attrs) != (b.fg, b.bg, b.attrs) for a, b in pairwise(line))

    def test_what_a_program_left_on_the_primary_screen_is_there_when_it_leaves_the_alternate(self) -> None:
        screen = fed(b"\x1b[31mhere\r\nand there\x1b[?1049h\x1b[2;2Halternate")
        other = redrawn(screen)
        for each in (screen, other):
            each.feed(b"\x1b[?1049l!")
        assert all_of(other) == all_of(screen)
        assert other.lines(0, 2) == [(Run("here", 1),), (Run("and there!", 1),)]

    @pytest.mark.parametrize("is_alternate", [False, True])
    def test_the_scrollback_comes_along_where_it_is_wanted(self, is_alternate: bool) -> None:  # noqa: FBT001
        screen = fed(
            b"".join(b"\x1b[3%dm%d%s\r\n" % (number % 8, number, b" long" * (number % 7)) for number in range(30))
        )
        screen.feed(b"\r\n\r\n\r\n\x1b[m\r\n\r\n\r\n\r\n\r\n\r\n\r\n")
        if is_alternate:
            screen.feed(b"\x1b[?1049h\x1b[Halternate")
        other = redrawn(screen, scrollback=True)
        assert other.capture(scrollback=True, ansi=True) == screen.capture(scrollback=True, ansi=True)
        assert all_of(other) == all_of(screen)
        assert redrawn(screen).history_rows == 0

    def test_lines_that_were_wrapped_are_wrapped_anew_in_the_other_too(self) -> None:
        screen = fed("x" * 30 + "\r\n" + "漢" * 15 + "\r\n" + "-" * 20)
        other = redrawn(screen)
        for each in (screen, other):
            each.resize(40, 5)
        assert shown(screen) == ["x" * 30, "漢" * 15, "-" * 20]
        assert all_of(other) == all_of(screen)

    @pytest.mark.parametrize("look", ["7", "44", "4:3", "9;31"])
    @pytest.mark.parametrize("after", ["x", "\x1b[mx", "\x1b[42m  x", "\x1b[41m\x1b[2X\x1b[3C\x1b[m."])
    def test_what_was_never_written_stays_bare_between_what_was(self, look: str, after: str) -> None:
        screen = fed(f"\x1b[{look}mab\x1b[4C{after}\x1b[m\r\n\x1b[42m\x1b[K\x1b[m\r\nx\x1b[46m\x1b[3C\x1b[K\x1b[m")
        assert not screen.lines(0, 1)[0][1].attrs
        assert all_of(redrawn(screen)) == all_of(screen)
        screen.feed(b"\r\n" * 7)
        assert screen.capture(scrollback=True, ansi=True) == redrawn(screen, scrollback=True).capture(
            scrollback=True, ansi=True
        )

    @pytest.mark.parametrize("blank", ["", "\x1b[44m", "\x1b[7m"])
    def test_a_row_of_blanks_goes_on_in_the_next_one(self, blank: str) -> None:
        screen = fed(f"top\r\nab{' ' * 18}{blank}{' ' * 8}\x1b[m{' ' * 12}x")
        assert shown(screen) == shown(redrawn(screen)) == ["top", "ab", "", "x"]
        for each in (screen, other := redrawn(screen)):
            each.resize(50, 5)
        assert all_of(other) == all_of(screen)

    @pytest.mark.parametrize(
        "data", ["a漢b", "漢漢", " 漢", "漢\u0301b", "x" * 18 + "漢", "x" * 19 + "漢b", " " * 21 + "漢"]
    )
    def test_a_wide_character_in_line_drawing_is_a_blank_of_two_cells(self, data: str) -> None:
        screen = fed(f"\x1b(0{data}\x1b(B|")
        other = redrawn(screen)
        assert all_of(other) == all_of(screen)
        assert screen.feed(b"\x1b[6n") == other.feed(b"\x1b[6n")
        column = screen.cursor.column
        assert column < 2 or len(text_line(screen.lines(screen.cursor.row, 1)[0])) == column

    @pytest.mark.parametrize("unfinished", [b"\x1b]2;ti", b"\x1b[3", b"\x1bPq"])
    def test_the_primary_screen_comes_along_within_a_sequence_too(self, unfinished: bytes) -> None:
        screen = fed(b"here\x1b[?1049h\x1b[Halternate" + unfinished)
        other = redrawn(screen)
        other.feed(b"\x18\x1b[?1049l")
        assert shown(other) == ["here"]

    def test_places_that_count_from_a_region_are_the_same_in_the_other(self) -> None:
        screen = fed(b"\x1b[2;4r\x1b[?69h\x1b[3;9s\x1b[?6h\x1b[2;3Hx")
        other = redrawn(screen)
        assert screen.cursor == other.cursor == Position(2, 5)
        for each in (screen, other):
            each.feed(b"\x1b[1;1Hy\x1b[9;9Hz\n")
        assert all_of(other) == all_of(screen)

    def test_what_clears_the_screen_clears_the_other(self) -> None:
        screen = fed(b"\x1b[?40hhere")
        other = redrawn(screen)
        for each in (screen, other):
            each.feed(b"\x1b[?3hthere")
        assert shown(screen) == shown(other) == ["there"]
        for each in (screen, other):
            each.feed(RESET + fed(b"").redraw() + b"here\x1b[?3l")
        assert shown(screen) == shown(other) == ["here"]

    def test_a_redraw_ends_within_the_sequence_that_was_under_way(self) -> None:
        for data in (b"a\x1b[3", b"a\xe6\xbc", b"a\x1b]2;ti"):
            rest = {b"3": b"1mred", b"\xbc": b"\xa2", b"i": b"tle\x07"}[data[-1:]]
            screen = fed(data)
            other = redrawn(screen)
            for each in (screen, other):
                each.feed(rest)
            assert all_of(other) == all_of(screen)

    def test_a_used_terminal_is_fresh_after_a_reset(self) -> None:
        screen = fed(
            b"text\x1b[?1049h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[31;44mx\x1b[2;4r\x1b[?6h\x1b[>3u\x1b(0\x1b]2;x"
        )
        screen.feed(RESET)
        assert all_of(screen) == all_of(fed(b""))
        other = fed(b"one\r\n\x1b[32mtwo")
        screen.feed(other.redraw())
        assert all_of(screen) == all_of(other)


@needs_ghostty
@needs_tmux
class TestBesideTmux:
    """The same bytes, shown by tmux."""

    @pytest.fixture
    def tmux(self) -> Iterator[Tmux]:
        with tempfile.TemporaryDirectory(prefix="fugue-") as directory:  # pytest's own is too long for a socket's path
            server = Tmux(Path(directory))
            yield server
            server.end()

    @pytest.mark.parametrize(
        "data",
        [
            "".join(f"line {number} \x1b[3{number % 8}mcoloured\x1b[m   \r\n" for number in range(60)),
            "漢字 e\u0301 ─┼─ \x1b[1mbold\x1b[m\r\n" + "x" * 200 + "\r\ttab\r\n",
            "one\x1b[?1049h\x1b[2J\x1b[5;5Halternate\x1b[7mstatus\x1b[K",
            "1\r\n2\r\n3\r\n4\r\n5\x1b[2;4r\x1b[4;1H\n\nx\x1b[r\x1b[2;1H\x1b[2Ly\x1b[3P",
        ],
    )
    def test_printed_sequences(self, tmux: Tmux, data: str) -> None:
        assert tmux.shows(data.encode()) == fed(data, 80, 24).capture()

    @pytest.mark.parametrize(
        "command",
        [
            ["ls", "--color=always", "-la", "/usr/bin"],
            [*VIM, "+set nu hls", "+/import", "+normal 20Gzz", "+redraw", "+sleep 200m", "+qa!", __file__],
            [*VIM, "+syntax on", "+set nu", "+split", "+normal G", "+redraw", "+sleep 200m", "+qa!", __file__],
            ["less", "-N", "+G", __file__],
            ["htop"],
            ["top", "-n", "1"],
        ],
    )
    def test_recorded_programs(self, tmux: Tmux, command: list[str], tmp_path: Path) -> None:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        recorded = record(command, tmp_path)
        for end in (len(recorded), recorded.rfind(b"\x1b[?1049l"), len(recorded) // 2):
            if end > 0:
                data = recorded[:end] + b"\x18"  # as if the terminal had been looked at there
                assert tmux.shows(data) == fed(data, 80, 24).capture()


class Tmux:
    """A server of its own, whose windows show a file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = directory / "tmux"
        self._run("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sleep 1000")
        self._run("set-option", "-g", "status", "off")
        self._run("set-option", "-g", "remain-on-exit", "off")

    def _run(self, *arguments: str) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        command = ["tmux", "-u", "-S", str(self._socket), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, check=True, encoding="utf-8", timeout=20
        ).stdout

    def shows(self, data: bytes) -> str:
        """Return what tmux's screen says after these bytes."""
        name = uuid.uuid4().hex
        shown, done = self._directory / name, f"done-{name}"
        shown.write_bytes(data)
        signal = f"tmux -S {self._socket} wait-for -S {done}"
        # -echo: the terminal's answers would be shown
        self._run("respawn-pane", "-k", f"stty raw -echo; cat {shown}; {signal}; sleep 1000")
        self._run("wait-for", done)
        return self._settled()

    def _settled(self) -> str:
        """Return the screen when tmux has read what is in the terminal: when it has not changed for a while."""
        found, until = self._run("capture-pane", "-p"), time.monotonic() + 10
        quiet = 0
        while quiet < 4 and time.monotonic() < until:
            now = self._run("capture-pane", "-p")
            quiet = quiet + 1 if now == found else 0
            found = now
        return found

    def end(self) -> None:
        """End the server and all in it."""
        self._run("kill-server")


def record(command: list[str], directory: Path) -> bytes:
    """Return what a program writes to a terminal of 80 by 24."""
    out = directory / "typescript"
    quoted = " ".join(f"'{part}'" for part in command)
    keys = b"q" if command[0] in {"less", "htop"} else b""
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "LESS": "",
        "COLUMNS": "80",
        "LINES": "24",
    }
    subprocess.run(
        ["script", "-qec", f"stty cols 80 rows 24; {quoted}", str(out)],
        env=environment,
        input=keys,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=20,
    )
    recorded = out.read_bytes()
    start = recorded.index(b"\n") + 1  # the recorder's own first line
    end = recorded.rfind(b"\n\nScript done")
    return recorded[start : end if end > 0 else len(recorded)]


@needs_ghostty
def test_random_bytes_with_many_sequences_are_survived() -> None:
    chooser = random.Random(7)
    screen = open_screen(40, 12, 200)
    alphabet = [
        b"\x1b",
        b"[",
        b"]",
        b"P",
        b"?",
        b";",
        b"\x07",
        b"\x1b\\",
        b"m",
        b"H",
        b"h",
        b"l",
        b"r",
        b"\xf0\x9f",
        b"\xff",
    ]
    for _ in range(2000):
        screen.feed(b"".join(chooser.choice([*alphabet, chooser.randbytes(3), b"12"]) for _ in range(100)))
        if chooser.random() < 0.05:
            screen.resize(chooser.randint(1, 120), chooser.randint(1, 50))
            screen.redraw(scrollback=True)
        screen.changed_lines()
    screen.feed(b"\x18\x1bc" + b"fine")
    assert text_line(screen.lines(screen.history_rows, 1)[0]).startswith("f")


@needs_ghostty
def test_an_error_in_what_the_emulator_calls_reaches_whoever_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = fed(b"")
    monkeypatch.setattr(screen._terminal._ear, "size", None)  # type: ignore[attr-defined]  # breaks the callback
    with pytest.raises(TypeError):
        screen.feed(b"\x1b[18t")
    assert screen.feed(b"\x1b[6n") == b"\x1b[1;1R"


def test_the_port_is_imported_without_the_emulator() -> None:
    code = "import sys, fugue_core.terminal.screen; assert 'pyghostty' not in sys.modules and 'cffi' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
