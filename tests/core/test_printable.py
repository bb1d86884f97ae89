from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.printable import printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve 日本 🎺", "naïve 日本 🎺"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f\0", r"\x7f\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("ze\u200bro", r"ze\u200bro"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("line\u2028end", r"line\u2028end"),
        ("wide\u3000 and\xa0fixed", "wide  and fixed"),
    ],
)
def test_what_a_terminal_would_obey_or_the_eye_would_miss_becomes_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_whatever_comes_in_what_goes_out_is_printable(text: str) -> None:
    assert printable(text).isprintable()


@given(ANY_TEXT)
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)
