"""What a program is sent for a key, a paste or the mouse: what xterm would send, by the program's modes. No I/O.

Sources: "XTerm Control Sequences" (ctlseqs, the tables of PC-style function keys and of mouse tracking), and for
programs that ask for it the kitty keyboard protocol, its levels "disambiguate" and "report all keys".
"""

from __future__ import annotations

import unicodedata
from typing import Literal, TypeAlias

import msgspec
from textual.keys import KEY_TO_UNICODE_NAME, REPLACED_KEYS

from fugue_core.protocol.window import Modes

ESC = "\x1b"
CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
EDITING = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6}
FUNCTION = {"f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20, "f10": 21, "f11": 23, "f12": 24}
FUNCTION_LETTERS = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
NAMED = {"enter": "\r", "tab": "\t", "escape": ESC, "backspace": "\x7f", "space": " ", "return": "\r"}
CONTROLS = {
    "@": 0,
    "space": 0,
    " ": 0,
    "2": 0,
    "`": 0,
    "[": 0x1B,
    "3": 0x1B,
    "\\": 0x1C,
    "4": 0x1C,
    "]": 0x1D,
    "5": 0x1D,
    "^": 0x1E,
    "6": 0x1E,
    "~": 0x1E,
    "_": 0x1F,
    "7": 0x1F,
    "/": 0x1F,
    "-": 0x1F,
    "?": 0x7F,
    "8": 0x7F,
}
"""What ctrl makes of keys that are no letters, as terminals since the VT220 do."""
SHIFT, ALT, CTRL = 1, 2, 4
MODIFIERS = {"shift": SHIFT, "alt": ALT, "ctrl": CTRL, "super": 8, "hyper": 16, "meta": 32}
SHIFTED_KEYS = 12
"""F13 is what shift makes of F1, on terminals with twelve of them."""
DISAMBIGUATE, ALL_KEYS = 1, 8
"""Flags of the kitty keyboard protocol."""
X10_MOST = 223
"""The last column or row that fits into a byte."""

MouseKind: TypeAlias = Literal["press", "release", "move", "wheel_up", "wheel_down", "wheel_left", "wheel_right"]


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """What the mouse did.

    Fields:
        x, y: The cell, from 0.
        button: 1 left, 2 middle, 3 right; 0 none.
    """

    kind: MouseKind
    x: int
    y: int
    button: int = 0
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


def split_key(key: str) -> tuple[int, str]:
    """Return the sum of the modifiers of a key as Textual names it, and the key: `(5, "up")` of `ctrl+shift+up`."""
    *names, last = key.split("+") if not key.endswith("++") and key != "+" else [*key[:-2].split("+"), "+"]
    return sum(MODIFIERS.get(name, 0) for name in set(names)), last


def character_of(name: str) -> str:
    """Return the character that a key without modifiers writes; empty where it writes none."""
    if len(name) == 1:
        return name
    if name == "space":
        return " "
    original = REPLACED_KEYS.get(name, name)
    try:
        return unicodedata.lookup(KEY_TO_UNICODE_NAME.get(original, original.replace("_", " ")))
    except KeyError:
        return ""


def key_bytes(key: str, character: str | None, modes: Modes) -> bytes:
    """Return what a program is sent for a key.

    Args:
        key: As Textual names it, `ctrl+shift+up`.
        character: What it writes, where it writes something.
        modes: How the program wants to be told.

    Empty for keys that no terminal sends, such as a modifier alone.
    """
    modifiers, name = split_key(key)
    flags = modes.kitty_keyboard
    text = _function_key(name, modifiers, modes)
    if not text and flags & (DISAMBIGUATE | ALL_KEYS):
        text = _kitty_key(name, modifiers, character, flags)
    return (text or _plain_key(name, modifiers, character)).encode(errors="surrogatepass")


def _function_key(name: str, modifiers: int, modes: Modes) -> str:  # noqa: PLR0911  # a table
    """Cursor keys, editing keys and function keys; empty for the others."""
    if name in CURSOR:
        if modifiers:
            return f"{ESC}[1;{modifiers + 1}{CURSOR[name]}"
        return f"{ESC}{'O' if modes.application_cursor_keys else '['}{CURSOR[name]}"
    if name[:1] == "f" and name[1:].isdecimal() and SHIFTED_KEYS < int(name[1:]) <= 2 * SHIFTED_KEYS:
        name, modifiers = f"f{int(name[1:]) - SHIFTED_KEYS}", modifiers | SHIFT
    if name in FUNCTION_LETTERS:
        letter = FUNCTION_LETTERS[name]
        if not modifiers:
            return f"{ESC}O{letter}"
        if name == "f3" and modes.kitty_keyboard:  # whose usual form would read as a report of the cursor's place
            return f"{ESC}[13;{modifiers + 1}~"
        return f"{ESC}[1;{modifiers + 1}{letter}"
    number = EDITING.get(name) or FUNCTION.get(name)
    if number is None:
        return ""
    return f"{ESC}[{number};{modifiers + 1}~" if modifiers else f"{ESC}[{number}~"


def _kitty_key(name: str, modifiers: int, character: str | None, flags: int) -> str:
    """What would be ambiguous otherwise; empty for what goes as it always did."""
    if name == "@" and modifiers & CTRL:  # as older terminals have it reported
        name = "space"
    plain = NAMED.get(name) or character_of(name)
    if not plain:
        return ""
    is_text = name not in NAMED or name == "space"
    is_shifted_text = is_text and not modifiers & ~SHIFT
    must = name == "escape" or (bool(modifiers) and not is_shifted_text) or bool(flags & ALL_KEYS)
    if not must or (character and is_shifted_text and not flags & ALL_KEYS):
        return ""
    code = plain.lower() if len(plain.lower()) == 1 else plain
    if code != plain:
        modifiers |= SHIFT
    return f"{ESC}[{ord(code)};{modifiers + 1}u" if modifiers else f"{ESC}[{ord(code)}u"


def _plain_key(name: str, modifiers: int, character: str | None) -> str:
    """Letters, digits, signs and the keys that have a character of their own."""
    escape = ESC if modifiers & ALT else ""
    if name == "tab" and modifiers & SHIFT:
        return f"{escape}{ESC}[Z"
    if modifiers & CTRL:
        control = _control(name)
        return f"{escape}{control}" if control is not None else ""
    text = NAMED.get(name) or character or character_of(name)
    if character is None and modifiers & SHIFT and len(text.upper()) == 1:
        text = text.upper()
    return f"{escape}{text}" if text else ""


def _control(name: str) -> str | None:
    if name == "backspace":
        return "\b"
    if name in NAMED and name != "space":
        return NAMED[name]
    plain = character_of(name)
    if len(plain) == 1 and plain.isascii() and plain.isalpha():
        return chr(ord(plain.upper()) & 0x1F)
    return chr(CONTROLS[plain]) if plain in CONTROLS else plain or None


def paste_bytes(text: str, modes: Modes) -> bytes:
    """Return what a program is sent for a paste: in brackets where it asked for them, and with nothing that ends them.

    Line ends become what `enter` sends; other control characters but the tab are left out.
    """
    lines = text.replace("\r\n", "\n").replace("\n", "\r")
    clean = "".join(char for char in lines if char in "\r\t" or unicodedata.category(char) != "Cc")
    data = clean.encode(errors="surrogatepass")
    return b"\x1b[200~" + data + b"\x1b[201~" if modes.bracketed_paste else data


def focus_bytes(modes: Modes, *, has_focus: bool) -> bytes:
    """Return what a program is sent when it gets the focus or loses it."""
    return (b"\x1b[I" if has_focus else b"\x1b[O") if modes.focus_events else b""


def wheel_bytes(step: int, rows: int, modes: Modes) -> bytes:
    """Return arrow keys for the wheel, for a program without scrollback that does not ask for the mouse."""
    return key_bytes("down" if step > 0 else "up", None, modes) * rows


def wants(pointer: Pointer, modes: Modes) -> bool:
    """Say whether a program asked to be told of this."""
    match modes.mouse:
        case "none":
            return False
        case "press":
            return pointer.kind not in {"move", "release"}
        case "click":
            return pointer.kind != "move"
        case "drag":
            return pointer.kind != "move" or pointer.button > 0
        case "motion":
            return True


def pointer_bytes(pointer: Pointer, modes: Modes) -> bytes:  # noqa: PLR0911  # a table
    """Return what a program is sent for the mouse; empty where it asked for nothing of the kind."""
    if not wants(pointer, modes):
        return b""
    code = _pointer_code(pointer)
    if modes.mouse != "press":
        code += 4 * pointer.shift + 8 * pointer.alt + 16 * pointer.ctrl
    x, y = pointer.x + 1, pointer.y + 1
    match modes.mouse_encoding:
        case "sgr":
            return f"{ESC}[<{code};{x};{y}{'m' if pointer.kind == 'release' else 'M'}".encode()
        case "pixels":
            return b""  # nobody here knows how many a cell has
        case "urxvt":
            return f"{ESC}[{_released(code, pointer) + 32};{x};{y}M".encode()
        case "utf8":
            return f"{ESC}[M{chr(_released(code, pointer) + 32)}{chr(x + 32)}{chr(y + 32)}".encode()
        case "x10":
            if x > X10_MOST or y > X10_MOST:
                return b""
            return b"\x1b[M" + bytes((_released(code, pointer) + 32, x + 32, y + 32))


def _pointer_code(pointer: Pointer) -> int:
    wheel = {"wheel_up": 64, "wheel_down": 65, "wheel_left": 66, "wheel_right": 67}
    if pointer.kind in wheel:
        return wheel[pointer.kind]
    button = pointer.button - 1 if pointer.button else 3
    return button + 32 if pointer.kind == "move" else button


def _released(code: int, pointer: Pointer) -> int:
    """Return the code of encodings that do not say which button was let go."""
    return code | 3 if pointer.kind == "release" else code
