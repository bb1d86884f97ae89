from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import LineTooLong
from fugue_core.protocol.lines import LineCutter

LIMIT_BYTES = 8

pieces = st.lists(st.binary(max_size=20) | st.text("ab\n", max_size=40).map(str.encode), max_size=30)


def cut(chunks: list[bytes], limit_bytes: int = LIMIT_BYTES) -> tuple[list[bytes], list[LineTooLong]]:
    cutter = LineCutter(limit_bytes)
    blocks, errors = [], []
    for chunk in chunks:
        block, error = cutter.feed(chunk)
        assert block == b"" or block.endswith(b"\n")
        assert len(cutter._partial) <= limit_bytes
        blocks.append(block)
        if error is not None:
            errors.append(error)
    return b"".join(blocks).split(b"\n")[:-1], errors


def test_whole_lines_come_as_one_block_and_the_rest_waits() -> None:
    cutter = LineCutter(100)
    assert cutter.feed(b"one\ntwo\nthr") == (b"one\ntwo\n", None)
    assert cutter.feed(b"e") == (b"", None)
    assert cutter.feed(b"e\n") == (b"three\n", None)


def test_a_line_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert cut([b"12345678\n"]) == ([b"12345678"], [])
    lines, errors = cut([b"123456789\n"])
    assert lines == []
    assert [(error.size_bytes, error.limit_bytes) for error in errors] == [(9, 8)]


def test_the_limit_holds_for_a_line_that_drips_in_byte_by_byte() -> None:
    drops = [bytes([byte]) for byte in b"12345678\n" + b"123456789abcdef\n" + b"ok\n"]
    lines, errors = cut(drops)
    assert lines == [b"12345678", b"ok"]
    assert [error.size_bytes for error in errors] == [9]


def test_the_lines_around_a_long_one_are_kept() -> None:
    lines, errors = cut([b"one\n" + b"x" * 50 + b"\ntwo\nthr", b"ee\n"])
    assert lines == [b"one", b"two", b"three"]
    assert [error.size_bytes for error in errors] == [50]


def test_a_long_line_is_refused_before_it_has_ended() -> None:
    cutter = LineCutter(LIMIT_BYTES)
    block, error = cutter.feed(b"x" * 9)
    assert (block, error is not None) == (b"", True)
    assert cutter.feed(b"x" * 1000) == (b"", None)
    assert cutter.feed(b"x\nok\n") == (b"ok\n", None)


@given(pieces)
def test_however_a_stream_is_cut_up_the_same_lines_come_out(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    lines, errors = cut(chunks)
    sizes = [len(line) for line in whole.split(b"\n")]
    assert lines == [line for line in whole.split(b"\n")[:-1] if len(line) <= LIMIT_BYTES]
    assert bool(errors) == any(size > LIMIT_BYTES for size in sizes)
    assert len(errors) <= sum(size > LIMIT_BYTES for size in sizes)


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n"])
def test_blank_lines_are_lines(data: bytes) -> None:
    assert LineCutter(LIMIT_BYTES).feed(data) == (data, None)
