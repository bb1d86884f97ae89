"""Keys, pastes and the mouse as bytes for a program, beside what xterm documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser  # the other way: what Textual makes of the bytes

from fugue_core.protocol.window import Modes
from fugue_tui.keys import Pointer, focus_bytes, key_bytes, paste_bytes, pointer_bytes, split_key, wheel_bytes

PLAIN = Modes()
APPLICATION = Modes(application_cursor_keys=True)
KITTY = Modes(kitty_keyboard=1)

XTERM: list[tuple[str, str | None, bytes]] = [
    ("a", "a", b"a"),
    ("A", "A", b"A"),
    ("ä", "ä", "ä".encode()),
    ("full_stop", ".", b"."),
    ("space", " ", b" "),
    ("enter", "\r", b"\r"),
    ("shift+enter", None, b"\r"),
    ("tab", "\t", b"\t"),
    ("shift+tab", None, b"\x1b[Z"),
    ("escape", "\x1b", b"\x1b"),
    ("backspace", "\x7f", b"\x7f"),
    ("ctrl+backspace", None, b"\b"),
    ("alt+backspace", None, b"\x1b\x7f"),
    ("alt+enter", None, b"\x1b\r"),
    ("alt+a", "a", b"\x1ba"),
    ("alt+a", None, b"\x1ba"),
    ("alt+shift+a", "A", b"\x1bA"),
    ("alt+full_stop", None, b"\x1b."),
    ("ctrl+a", "\x01", b"\x01"),
    ("ctrl+z", "\x1a", b"\x1a"),
    ("ctrl+@", "\x00", b"\x00"),
    ("ctrl+space", None, b"\x00"),
    ("ctrl+backslash", None, b"\x1c"),
    ("ctrl+right_square_bracket", None, b"\x1d"),
    ("ctrl+circumflex_accent", None, b"\x1e"),
    ("ctrl+underscore", None, b"\x1f"),
    ("ctrl+slash", None, b"\x1f"),
    ("alt+ctrl+e", None, b"\x1b\x05"),
    ("up", None, b"\x1b[A"),
    ("shift+up", None, b"\x1b[1;2A"),
    ("alt+up", None, b"\x1b[1;3A"),
    ("ctrl+left", None, b"\x1b[1;5D"),
    ("ctrl+shift+right", None, b"\x1b[1;6C"),
    ("alt+ctrl+shift+down", None, b"\x1b[1;8B"),
    ("home", None, b"\x1b[H"),
    ("end", None, b"\x1b[F"),
    ("ctrl+end", None, b"\x1b[1;5F"),
    ("insert", None, b"\x1b[2~"),
    ("delete", None, b"\x1b[3~"),
    ("shift+delete", None, b"\x1b[3;2~"),
    ("pageup", None, b"\x1b[5~"),
    ("ctrl+pagedown", None, b"\x1b[6;5~"),
    ("f1", None, b"\x1bOP"),
    ("f4", None, b"\x1bOS"),
    ("shift+f1", None, b"\x1b[1;2P"),
    ("ctrl+f4", None, b"\x1b[1;5S"),
    ("f5", None, b"\x1b[15~"),
    ("f6", None, b"\x1b[17~"),
    ("f10", None, b"\x1b[21~"),
    ("f11", None, b"\x1b[23~"),
    ("f12", None, b"\x1b[24~"),
    ("ctrl+shift+f5", None, b"\x1b[15;6~"),
    ("f13", None, b"\x1b[1;2P"),
    ("f24", None, b"\x1b[24;2~"),
]
"""From "XTerm Control Sequences", PC-style function keys."""


@pytest.mark.parametrize(("key", "character", "sent"), XTERM, ids=str)
def test_a_program_is_sent_what_xterm_sends(key: str, character: str | None, sent: bytes) -> None:
    assert key_bytes(key, character, PLAIN) == sent


def test_cursor_keys_follow_the_application_mode_but_not_with_modifiers() -> None:
    assert key_bytes("up", None, APPLICATION) == b"\x1bOA"
    assert key_bytes("home", None, APPLICATION) == b"\x1bOH"
    assert key_bytes("ctrl+up", None, APPLICATION) == b"\x1b[1;5A"
    assert key_bytes("pageup", None, APPLICATION) == b"\x1b[5~"


@pytest.mark.parametrize(
    "key", ["left_shift", "right_control", "print_screen", "pause", "media_play", "iso_level3_shift"]
)
def test_a_key_that_no_terminal_sends_is_not_sent(key: str) -> None:
    assert key_bytes(key, None, PLAIN) == b""


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("enter", "\r", b"\r"),
        ("tab", "\t", b"\t"),
        ("up", None, b"\x1b[A"),
        ("escape", "\x1b", b"\x1b[27u"),
        ("shift+enter", None, b"\x1b[13;2u"),
        ("ctrl+a", None, b"\x1b[97;5u"),
        ("alt+shift+a", "A", b"\x1b[97;4u"),
        ("ctrl+@", None, b"\x1b[32;5u"),
        ("ctrl+f3", None, b"\x1b[13;5~"),
    ],
)
def test_a_program_that_asks_for_it_can_tell_all_keys_apart(key: str, character: str | None, sent: bytes) -> None:
    assert key_bytes(key, character, KITTY) == sent


NAMES = st.sampled_from(
    ["up", "down", "left", "right", "home", "end", "insert", "delete", "pageup", "pagedown"]
    + [f"f{number}" for number in range(1, 13)]
)
MODIFIERS = st.sets(st.sampled_from(["alt", "ctrl", "shift"]))


@given(name=NAMES, modifiers=MODIFIERS)
def test_what_is_sent_for_a_function_key_is_read_as_that_key_again(name: str, modifiers: set[str]) -> None:
    key = "+".join([*sorted(modifiers), name])
    (event,) = list(XTermParser()._sequence_to_key_events(key_bytes(key, None, PLAIN).decode()))
    assert split_key(event.key) == split_key(key)


@given(key=st.text(min_size=1, max_size=12), character=st.none() | st.characters())
def test_no_key_name_raises(key: str, character: str | None) -> None:
    for modes in (PLAIN, KITTY, Modes(kitty_keyboard=9)):
        assert isinstance(key_bytes(key, character, modes), bytes)


def test_a_paste_is_put_into_brackets_where_the_program_asked_for_them() -> None:
    assert paste_bytes("a\nb\r\nc\td", PLAIN) == b"a\rb\rc\td"
    assert paste_bytes("a", Modes(bracketed_paste=True)) == b"\x1b[200~a\x1b[201~"


@given(text=st.text(st.characters() | st.sampled_from("\x1b\r\n[201~\x9b")))
def test_nothing_that_is_pasted_ends_the_paste_or_is_a_control_sequence(text: str) -> None:
    sent = paste_bytes(text, Modes(bracketed_paste=True))
    assert sent.startswith(b"\x1b[200~")
    assert sent.endswith(b"\x1b[201~")
    inner = sent[6:-6].decode(errors="surrogatepass")
    assert not {"\x1b", "\x9b", "\n", "\x03"} & set(inner)


def test_the_focus_is_told_only_where_it_was_asked_for() -> None:
    assert focus_bytes(PLAIN, has_focus=True) == b""
    assert focus_bytes(Modes(focus_events=True), has_focus=True) == b"\x1b[I"
    assert focus_bytes(Modes(focus_events=True), has_focus=False) == b"\x1b[O"


PRESS = Pointer(kind="press", x=4, y=2, button=1)


@pytest.mark.parametrize(
    ("pointer", "modes", "sent"),
    [
        (PRESS, PLAIN, b""),
        (PRESS, Modes(mouse="click", mouse_encoding="sgr"), b"\x1b[<0;5;3M"),
        (Pointer(kind="release", x=4, y=2, button=1), Modes(mouse="click", mouse_encoding="sgr"), b"\x1b[<0;5;3m"),
        (Pointer(kind="release", x=4, y=2, button=1), Modes(mouse="press", mouse_encoding="sgr"), b""),
        (Pointer(kind="move", x=4, y=2), Modes(mouse="click", mouse_encoding="sgr"), b""),
        (Pointer(kind="move", x=4, y=2), Modes(mouse="drag", mouse_encoding="sgr"), b""),
        (Pointer(kind="move", x=4, y=2, button=1), Modes(mouse="drag", mouse_encoding="sgr"), b"\x1b[<32;5;3M"),
        (Pointer(kind="move", x=4, y=2), Modes(mouse="motion", mouse_encoding="sgr"), b"\x1b[<35;5;3M"),
        (Pointer(kind="wheel_up", x=0, y=0), Modes(mouse="click", mouse_encoding="sgr"), b"\x1b[<64;1;1M"),
        (Pointer(kind="wheel_down", x=0, y=0, ctrl=True), Modes(mouse="click", mouse_encoding="sgr"), b"\x1b[<81;1;1M"),
        (PRESS, Modes(mouse="click"), b"\x1b[M \x25\x23"),
        (Pointer(kind="release", x=4, y=2, button=1), Modes(mouse="click"), b"\x1b[M#\x25\x23"),
        (Pointer(kind="press", x=300, y=2, button=1), Modes(mouse="click"), b""),
        (PRESS, Modes(mouse="click", mouse_encoding="urxvt"), b"\x1b[32;5;3M"),
        (Pointer(kind="press", x=300, y=2, button=3), Modes(mouse="click", mouse_encoding="sgr"), b"\x1b[<2;301;3M"),
    ],
)
def test_the_mouse_is_told_as_the_program_asked(pointer: Pointer, modes: Modes, sent: bytes) -> None:
    assert pointer_bytes(pointer, modes) == sent


def test_the_wheel_becomes_arrow_keys() -> None:
    assert wheel_bytes(1, 3, APPLICATION) == b"\x1bOB" * 3
    assert wheel_bytes(-1, 2, PLAIN) == b"\x1b[A" * 2
