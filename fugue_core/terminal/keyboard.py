"""What a terminal sends while a program has it: keys for the program, keys for fugue, and answers for nobody. No I/O.

A terminal answers what a program asks it (where the cursor is, what it can do). The screen that the daemon keeps has
answered already, so what the user's own terminal says is kept back, or the program would read it as keys.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Token: TypeAlias = "bytes | Pressed"  # noqa: S105  # no password

ESCAPE_WAIT_S = 0.02
"""How long an ESC may be the beginning of something; then it was the key."""
SEQUENCE_WAIT_S = 0.5
"""How long the rest of a sequence may take that has begun for certain."""
_LONGEST = 8192
"""What is longer is no sequence of a terminal, and is passed on."""

_ESC = 0x1B
_PASTE, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_CSI_BEGUN = re.compile(rb"\x1b\[[0-?]*[ -/]*\Z")
_DCS = re.compile(rb"\x1bP(?:[>!]\||[01][$+]r)[^\x1b]*\x1b\\")
_DCS_BEGUN = re.compile(rb"\x1bP(?:[>!](?:\|[^\x1b]*\x1b?)?|[01](?:[$+](?:r[^\x1b]*\x1b?)?)?)?\Z")
_OSC = re.compile(rb"\x1b\][0-9]{1,4};[^\x1b\x07]*(?:\x07|\x1b\\)")
_OSC_BEGUN = re.compile(rb"\x1b\](?:[0-9]{1,4}(?:;[^\x1b\x07]*\x1b?)?)?\Z")
_X10_MOUSE = b"\x1b[M"
_X10_MOUSE_BYTES = 6

_ANSWER = re.compile(
    rb"""
    \x1b\[ (?:
        [?>=] [0-9;]* c                 # DA1, DA2
      | \? [0-9;]* R                    # DECXCPR
      | [03] n | \? (?!997;) [0-9;]* n  # DSR; 997 is news of dark and light
      | \?? [0-9;]* \$ y                # DECRPM
      | \? [0-9]* u                     # the flags of kitty's keyboard
      | [468] ; [0-9;]* t               # sizes
    )
    | \x1bP (?: [>!] \| | [01] \$ r ) .*   # XTVERSION, DA3, DECRQSS
    | \x1b\] (?: 4 | 5 ) ; .*              # the palette; of its own colours the emulator says nothing
    """,
    re.VERBOSE | re.DOTALL,
)
_CURSOR = re.compile(rb"\x1b\[([0-9]+);([0-9]+)R")
_F3_MODIFIERS = range(2, 17)

_KITTY_KEY = re.compile(rb"\x1b\[([0-9]+)(?::([0-9]*))?(?::[0-9]*)?(?:;([0-9]*)(?::([0-9]*))?(?:;([0-9]+)[0-9:]*)?)?u")
_OTHER_KEY = re.compile(rb"\x1b\[27;([0-9]+);([0-9]+)~")
_SHIFT, _ALT, _CTRL, _LOCKS = 1, 2, 4, 64 | 128
_FUNCTION_KEYS = {
    **{
        f"{start}{letter}".encode(): f"f{1 + 'PQRS'.index(letter)}" for start in ("\x1bO", "\x1b[") for letter in "PQRS"
    },
    **{f"\x1b[{10 + number}~".encode(): f"f{number}" for number in range(1, 6)},
    **{f"\x1b[{11 + number}~".encode(): f"f{number}" for number in range(6, 11)},
    **{f"\x1b[{12 + number}~".encode(): f"f{number}" for number in range(11, 13)},
}
_RELEASED = 3
_MODIFIER_KEYS = range(57441, 57455)
_POINTER = re.compile(rb"\x1b\[(?:<[0-9;]*[Mm]|M|[0-9;]+M|[IO]\Z)", re.DOTALL)
"""The mouse, and the terminal's coming into focus: they come between two keys without anybody's meaning it."""


class Pressed(str):
    """A key that was pressed after the prefix, for fugue itself.

    A character; with alt, ESC and the character; a function key by its name, `f1`; empty, where it is none of these.
    """

    __slots__ = ()


class Keyboard:
    """Sort what the terminal sends. Where it is cut makes no difference.

    A paste is the program's, whatever is in it.

    Attributes:
        is_pasting: A paste has begun and not ended.
    """

    def __init__(self, prefix: str) -> None:
        """Begin; `prefix` is a key as `Pressed` has it, but no ordinary character."""
        self._prefix = prefix
        self._special = re.compile(b"[\x1b" + re.escape(prefix[:1].encode() if len(prefix) == 1 else b"") + b"]")
        self._held = b""
        self._is_prefixed = False
        self.is_pasting = False

    @property
    def wait_s(self) -> float | None:
        """How long to wait for more until `flush` is due; None: nothing is held back."""
        if not self._held or self.is_pasting:
            return None
        return ESCAPE_WAIT_S if len(self._held) <= len(b"\x1b[") else SEQUENCE_WAIT_S

    @property
    def is_at_rest(self) -> bool:
        """Whether what comes next can be sorted by one who knows nothing of what came before."""
        return not (self._held or self._is_prefixed or self.is_pasting)

    def feed(self, data: bytes) -> list[Token]:
        """Take what was read; return what is for the program, as bytes, and what is for fugue, in order."""
        found: list[Token] = []
        self._sort_all(data, found)
        return _joined(found)

    def feed_to_key(self, data: bytes) -> tuple[bytes, Pressed | None, bytes]:
        """Take what was read, up to the first key that is for fugue.

        Returns:
            What is for the program, that key, and what was read after it, which is left to whoever sorts that.
        """
        if self.is_at_rest and not self._special.search(data):  # as nearly always
            return data, None, b""
        found: list[Token] = []
        rest = self._sort_all(data, found, to_key=True)
        return _parted(found, rest)

    def flush_to_key(self) -> tuple[bytes, Pressed | None, bytes]:
        """Return what was held back as `feed_to_key` does."""
        return _parted(self.flush(), b"")

    def take_held(self) -> bytes:
        """Return what is held back, for whoever goes on."""
        held, self._held = self._held, b""
        return held

    def _sort_all(self, data: bytes, found: list[Token], *, to_key: bool = False) -> bytes:
        """Put into `found` what the data is, or only what is there `to_key`; return the rest."""
        text = self._held + data
        self._held = b""
        position = 0
        while position < len(text):
            if self.is_pasting:
                end = self._paste_end(text, position)
            elif self._is_prefixed or text[position] == _ESC or chr(text[position]) == self._prefix:
                end = _token_end(text, position)
            else:
                special = self._special.search(text, position)
                end = special.start() if special else len(text)
            if end == position:
                self._held = text[position:]
                break
            self._sort(text[position:end], found)
            position = end
            if to_key and found and isinstance(found[-1], Pressed):
                return text[position:]
        return b""

    def flush(self) -> list[Token]:
        """Return what was held back, and is taken as it is: the rest of it has not come in time."""
        held, self._held = self._held, b""
        if not held:
            return []
        if self._is_prefixed:
            self._is_prefixed = False
            return [Pressed()]
        return [held]

    def _paste_end(self, text: bytes, position: int) -> int:
        end = text.find(_PASTE_END, position)
        if end >= 0:
            self.is_pasting = False
            return end + len(_PASTE_END)
        kept = next((size for size in range(len(_PASTE_END) - 1, 0, -1) if text.endswith(_PASTE_END[:size])), 0)
        return max(position, len(text) - kept)

    def _sort(self, token: bytes, found: list[Token]) -> None:
        if self.is_pasting or token.endswith(_PASTE_END):
            found.append(token)
            return
        if _is_answer(token):
            return
        if token == _PASTE:
            self.is_pasting = True
            self._is_prefixed = False
        elif _POINTER.match(token):
            pass
        elif self._is_prefixed:
            key = _key(token)
            if key is None:  # released, or a modifier alone
                return
            self._is_prefixed = False
            if key != self._prefix:
                found.append(Pressed(key))
                return
        elif _key(token) == self._prefix:
            self._is_prefixed = True
            return
        found.append(token)


def _token_end(text: bytes, position: int) -> int:
    """Return where the sequence or key that begins at `position` ends; `position` itself where more must come first."""
    if text[position] != _ESC:
        return _character_end(text, position)
    if position + 1 == len(text):
        return position
    introducer = text[position + 1 : position + 2]
    if introducer == b"O":
        return position if position + 2 == len(text) else position + 3
    for kind, whole, begun in ((b"[", _CSI, _CSI_BEGUN), (b"P", _DCS, _DCS_BEGUN), (b"]", _OSC, _OSC_BEGUN)):
        if introducer == kind:
            match = whole.match(text, position)
            if match is not None:
                is_mouse = match[0] == _X10_MOUSE
                end = position + _X10_MOUSE_BYTES if is_mouse else match.end()
                return end if end <= len(text) else position
            if len(text) - position < _LONGEST and begun.match(text, position):
                return position
    return position + (1 if introducer == b"\x1b" else 2)


def _character_end(text: bytes, position: int) -> int:
    size = next((size for first, size in ((0xF0, 4), (0xE0, 3), (0xC0, 2)) if text[position] >= first), 1)
    end = position + 1
    while end < position + size and end < len(text) and text[end] & 0xC0 == 0x80:  # noqa: PLR2004  # UTF-8
        end += 1
    is_begun = end == len(text) < position + size
    return position if is_begun else end


def _is_answer(token: bytes) -> bool:
    if len(token) < 3 or token[0] != _ESC:  # noqa: PLR2004  # the shortest sequence
        return False
    cursor = _CURSOR.fullmatch(token)
    if cursor is not None:  # which F3 with a modifier looks like, in row 1
        return not (int(cursor[1]) == 1 and int(cursor[2]) in _F3_MODIFIERS)
    return _ANSWER.fullmatch(token) is not None


def _key(token: bytes) -> str | None:
    """Return what a key is, as `Pressed` has it; None: none was pressed."""
    if token in _FUNCTION_KEYS:
        return _FUNCTION_KEYS[token]
    is_with_alt = token[0] == _ESC and len(token) == 2  # noqa: PLR2004  # and the character
    if token[0] != _ESC or is_with_alt:
        return token.decode(errors="replace")
    other = _OTHER_KEY.fullmatch(token)
    if other is not None:
        return _character(int(other[2]), int(other[1]))
    kitty = _KITTY_KEY.fullmatch(token)
    if kitty is None:
        return ""
    code, shifted, modifiers, event, text = (int(number) if number else 0 for number in kitty.groups())
    if event == _RELEASED or code in _MODIFIER_KEYS:
        return None
    return chr(text) if text else _character(code, modifiers or 1, shifted)


def _character(code: int, modifiers: int, shifted: int = 0) -> str:
    held = (modifiers - 1) & ~_LOCKS
    if held == _CTRL and 0x40 <= code < 0x80:  # noqa: PLR2004  # of the letters and their neighbours
        return chr(code & 0x1F)
    if held == _SHIFT:
        return chr(shifted) if shifted else chr(code).upper()
    if held not in {0, _ALT} or code > 0x10FFFF:  # noqa: PLR2004  # the last character there is
        return ""
    return f"\x1b{chr(code)}" if held else chr(code)


def _parted(tokens: list[Token], rest: bytes) -> tuple[bytes, Pressed | None, bytes]:
    pressed = next((token for token in tokens if isinstance(token, Pressed)), None)
    return b"".join([token for token in tokens if isinstance(token, bytes)]), pressed, rest


def _joined(tokens: list[Token]) -> list[Token]:
    """Return the tokens, neighbours that are for the program in one."""
    joined: list[Token] = []
    for token in tokens:
        before = joined[-1] if joined else None
        if isinstance(token, bytes) and isinstance(before, bytes):
            joined[-1] = before + token
        else:
            joined.append(token)
    return joined
