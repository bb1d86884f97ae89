"""What a terminal sends while a program has it: what is passed on, what is fugue's, what is kept back."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.terminal.keyboard import ESCAPE_WAIT_S, SEQUENCE_WAIT_S, Keyboard, Pressed

if TYPE_CHECKING:
    from fugue_core.terminal.keyboard import Token

PREFIX = "\x02"

ANSWERS = [
    b"\x1b[?62;22c",
    b"\x1b[>1;10;0c",
    b"\x1b[=1;0c",
    b"\x1bP!|7E565445\x1b\\",
    b"\x1b[0n",
    b"\x1b[3n",
    b"\x1b[?13n",
    b"\x1b[24;80R",
    b"\x1b[1;1R",
    b"\x1b[1;17R",
    b"\x1b[2;5R",
    b"\x1b[?1;5R",
    b"\x1b[?2026;2$y",
    b"\x1b[4;2$y",
    b"\x1bP>|xterm(390)\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1bP0$r\x1b\\",
    b"\x1b]4;1;rgb:cccc/6666/6666\x07",
    b"\x1b[?0u",
    b"\x1b[?31u",
    b"\x1b[8;24;80t",
    b"\x1b[4;384;640t",
    b"\x1b[6;16;8t",
]
KEYS = [
    b"a",
    "ä日".encode(),
    b"\r",
    b"\x1b[A",
    b"\x1bOA",
    b"\x1b[1;5C",
    b"\x1b[1;2R",  # F3 with a modifier
    b"\x1b[1;16R",
    b"\x1b[1;2:3R",
    b"\x1b[13~",
    b"\x1b[[A",  # F1 of the console
    b"\x1bx",
    b"\x1b\x02",
    b"\x1b[<0;10;20M",
    b"\x1b[M !!",
    b"\x1b[I",
    b"\x1b[97;5u",
    b"\x1b[?997;1n",
    b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",  # the emulator has no colours of its own to tell of
    b"\x1b]11;rgb:0000/0000/0000\x07",
    b"\x1b]12;rgb:0000/ffff/0000\x1b\\",
    b"\x1b[48;24;80;384;640t",
    b"\x1b]52;c;aGVsbG8=\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1b[c",  # shift and right, of rxvt
]
PRESSES = [
    (b"\x02d", Pressed("d")),
    (b"\x02?", Pressed("?")),
    (b"\x02\x1b[A", Pressed("")),
    (b"\x02\x1bOA", Pressed("")),
    (b"\x02\xc3\xa4", Pressed("ä")),
    (b"\x1b[98;5u\x1b[98;5:3u\x1b[57442;1:3u\x1b[100u", Pressed("d")),
    (b"\x1b[98;69u\x1b[47:63;2u", Pressed("?")),  # num lock is on
    (b"\x1b[98;5u\x1b[100;1;68u", Pressed("D")),
    (b"\x1b[27;5;98~\x1b[27;1;110~", Pressed("n")),
    (b"\x02\x1b[?62;22cd", Pressed("d")),
]
TWICE = [(b"\x02\x02", b"\x02"), (b"\x1b[98;5u\x1b[98;5u", b"\x1b[98;5u"), (b"\x02\x1b[98;5u", b"\x1b[98;5u")]


def passed_on(tokens: list[Token]) -> list[Token]:
    """Return the tokens, with neighbours that are bytes in one, however they were cut."""
    found: list[Token] = []
    for token in tokens:
        if isinstance(token, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += token
        else:
            found.append(token)
    return found


def pressed(*pieces: bytes) -> list[Token]:
    keyboard = Keyboard(PREFIX)
    return passed_on([token for piece in pieces for token in keyboard.feed(piece)])


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_of_the_terminal_goes_nowhere(answer: bytes) -> None:
    assert pressed(b"x" + answer + b"y") == [b"xy"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_passed_on_as_it_came(key: bytes) -> None:
    assert pressed(key) == [key]


@pytest.mark.parametrize(("typed", "key"), PRESSES)
def test_the_key_after_the_prefix_is_for_fugue(typed: bytes, key: Pressed) -> None:
    found = pressed(b"x" + typed + b"y")
    assert found == [b"x", key, b"y"]
    assert isinstance(found[1], Pressed)


@pytest.mark.parametrize(("typed", "sent"), TWICE)
def test_the_prefix_twice_is_sent_once(typed: bytes, sent: bytes) -> None:
    assert pressed(typed) == [sent]


@pytest.mark.parametrize(
    ("prefix", "typed"),
    [
        ("\x1bx", b"\x1bx"),
        ("\x1bx", b"\x1b[120;3u"),
        ("f5", b"\x1b[15~"),
        ("f1", b"\x1bOP"),
        ("f12", b"\x1b[24~"),
        ("\x00", b"\x00"),
    ],
)
def test_the_prefix_may_be_another_kind_of_key(prefix: str, typed: bytes) -> None:
    keyboard = Keyboard(prefix)
    assert keyboard.feed(b"x\x02" + typed + b"d" + typed + typed) == [b"x\x02", "d", typed]


def test_a_paste_is_passed_on_whatever_is_in_it() -> None:
    paste = b"\x1b[200~\x02d\x1b[?62;22c\x1b\x1b[201~"
    assert pressed(paste + b"\x02d") == [paste, "d"]


def test_the_mouse_between_prefix_and_key_is_the_programs() -> None:
    assert pressed(b"\x02\x1b[<35;1;1Md") == [b"\x1b[<35;1;1M", "d"]


@pytest.mark.parametrize("begun", [b"\x1b", b"\x1b[", b"\x1bP", b"\x1b]", b"\x1b[1;2", b"\x1bP>|x", b"\x1b]11;rgb:"])
def test_what_may_be_the_beginning_of_an_answer_is_held_and_then_let_go(begun: bytes) -> None:
    keyboard = Keyboard(PREFIX)
    assert keyboard.feed(b"a" + begun) == [b"a"]
    waits = [keyboard.wait_s]
    assert keyboard.flush() == [begun]
    waits.append(keyboard.wait_s)
    assert waits == [ESCAPE_WAIT_S if len(begun) <= 2 else SEQUENCE_WAIT_S, None]
    assert keyboard.feed(b"b") == [b"b"]


def test_escape_after_the_prefix_is_for_fugue() -> None:
    keyboard = Keyboard(PREFIX)
    assert keyboard.feed(b"\x02\x1b") == []
    assert keyboard.flush() == [""]
    assert keyboard.feed(b"d") == [b"d"]


def test_what_never_ends_is_not_held_for_ever() -> None:
    endless = b"\x1b]11;" + b"x" * 20_000
    assert pressed(endless) == [endless]


PASTES = st.binary(max_size=20).filter(lambda data: b"\x1b[201~" not in data)
PIECES: st.SearchStrategy[tuple[bytes, list[Token]]] = st.one_of(
    st.sampled_from(ANSWERS).map(lambda answer: (answer, [])),
    st.sampled_from(KEYS).map(lambda key: (key, [key])),
    st.sampled_from(PRESSES).map(lambda press: (press[0], [press[1]])),
    st.sampled_from(TWICE).map(lambda twice: (twice[0], [twice[1]])),
    PASTES.map(lambda data: (b"\x1b[200~" + data + b"\x1b[201~", [b"\x1b[200~" + data + b"\x1b[201~"])),
)


@given(pieces=st.lists(PIECES, max_size=12), cuts=st.lists(st.integers(0, 400), max_size=20))
def test_where_it_is_cut_makes_no_difference(pieces: list[tuple[bytes, list[Token]]], cuts: list[int]) -> None:
    typed = b"".join(data for data, _ in pieces)
    places = [0, *sorted({cut for cut in cuts if cut < len(typed)}), len(typed)]
    found = pressed(*(typed[start:end] for start, end in itertools.pairwise(places)))
    assert found == passed_on([token for _, tokens in pieces for token in tokens])


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_nothing_but_answers_and_fugues_keys_is_lost(typed: bytes, cuts: list[int]) -> None:
    typed = typed.replace(PREFIX.encode(), b"")
    if b"\x1b[" in typed or b"\x1bP" in typed or b"\x1b]" in typed:
        return
    keyboard = Keyboard(PREFIX)
    places = [0, *sorted({cut for cut in cuts if cut < len(typed)}), len(typed)]
    found = [token for start, end in itertools.pairwise(places) for token in keyboard.feed(typed[start:end])]
    assert passed_on([*found, *keyboard.flush()]) == ([typed] if typed else [])
