"""What typing leaves in a program's line, as far as it can be known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.terminal.keystroke import ESCAPE_S, Typing

PASTE = b"\x1b[200~two\rlines\x1b[201~"


def typed(*pieces: bytes, at: float = 1.0) -> Typing:
    typing = Typing()
    for piece in pieces:
        typing.note(piece, at)
    return typing


@pytest.mark.parametrize(
    "data", [b"a", "é".encode(), PASTE, b"\x1b[A", b"\t", b"\x7f", b"\x1b\r", b"\x1b[13;2u", b"ls\rx"]
)
def test_what_may_have_put_text_into_the_line_has_begun_it(data: bytes) -> None:
    typing = typed(data)
    assert (typing.is_begun, typing.at) == (True, 1.0)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\x03", b"\x1b[13u", b"\x1b[13;1:1u", b"\x1b[99;5u"])
def test_enter_and_ctrl_c_leave_nothing(end: bytes) -> None:
    for before in (b"", b"ls", PASTE):
        assert not typed(before, end).is_begun
        assert not typed(before + end).is_begun


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b[D", b"\x1b[1;5C", b"\x1bOH", b"\x1b[5~", b"\x1b[Z"])
def test_a_key_that_never_writes_is_a_key_and_begins_nothing(data: bytes) -> None:
    typing = typed(data)
    assert (typing.is_begun, typing.at) == (False, 1.0)
    assert typed(b"ls", data).is_begun


@pytest.mark.parametrize("data", [b"\x1b[I", b"\x1b[O", b"\x1b[<35;10;3M", b"\x1b[M abc"[:6], b"\x1b[97;1:3u"])
def test_what_a_terminal_reports_by_itself_is_no_key(data: bytes) -> None:
    typing = typed(data)
    assert (typing.is_begun, typing.at) == (False, None)


def test_the_return_within_a_paste_sends_nothing_also_where_the_paste_comes_in_pieces() -> None:
    assert typed(b"\x1b[200~two\r", b"lines\r").is_begun
    assert typed(b"\x1b[200~two\r", b"lines\r\x1b[201~").is_begun
    assert not typed(b"\x1b[200~two\r", b"lines\r\x1b[201~\r").is_begun


def test_an_escape_that_nothing_follows_was_a_key_of_its_own() -> None:
    typing = typed(b"ls", b"\x1b")
    typing.note(b"\r", 1.0 + ESCAPE_S)
    assert not typing.is_begun
    assert typed(b"ls", b"\x1b", b"\r").is_begun  # alt+enter


@given(st.lists(st.sampled_from([b"a", b"\r", b"\x1b[A", b"\x1b[I", b"\x1b[<0;1;1m", b"\x1b[13u", PASTE])), st.data())
def test_where_it_is_cut_makes_no_difference(keys: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(keys)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert typed(*pieces).is_begun == typed(whole).is_begun


@given(st.lists(st.binary()))
def test_no_bytes_are_too_much_for_it(pieces: list[bytes]) -> None:
    typing = typed(*pieces, b"\x1b[201~", at=1.0)
    typing.note(b"\x03", 2.0 + ESCAPE_S)
    assert not typing.is_begun
