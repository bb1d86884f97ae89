"""JSON as text, read and written without the `json` package, which costs a command 9 ms to import. No I/O.

What travels through the command line is not taken apart and put together again: `members` and `elements` return the
very text of a value, so numbers, key order and spelling survive.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    Encodable: TypeAlias = "bool | int | float | str | Sequence[Encodable] | Mapping[str, Encodable] | None"
    Scan: TypeAlias = Callable[[str, int], tuple[Any, int]]

WHITE_SPACE = " \t\n\r"
_CONSTANTS = {None: "null", True: "true", False: "false"}


class BadJson(ValueError):
    """A text is no JSON.

    Attributes:
        reason: What was wrong, in a few words.
        line, column: Where, both from 1.
        source: The text of that line.
    """

    def __init__(self, reason: str, line: int, column: int, source: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column
        self.source = source


class Raw(str):
    """JSON that is written already; `encode` takes it as it is."""

    __slots__ = ()


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class _Settings:
    """What the scanner is asked to do. It reads these attributes, and newer interpreters may read more."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str] = {}  # noqa: RUF012  # each scanner makes its own

    def __init__(self, parse_int: Callable[[str], object], parse_float: Callable[[str], object]) -> None:
        self.parse_int = parse_int
        self.parse_float = parse_float


try:
    from _json import encode_basestring_ascii as _quote
    from _json import make_scanner

    # The stub of `_json` asks for an argument that no caller can make.
    _scan: Scan = make_scanner(_Settings(int, float))  # type: ignore[arg-type]
    _scan_unread: Scan = make_scanner(_Settings(str, str))  # type: ignore[arg-type]  # `int` reads 4,300 digits at most
except ImportError:  # an interpreter without the accelerator pays for the whole package
    import json

    _quote = json.encoder.py_encode_basestring_ascii
    _scan = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]  # likewise
    _scan_unread = json.JSONDecoder(  # type: ignore[attr-defined]  # likewise
        parse_constant=_refuse_constant, parse_int=str, parse_float=str
    ).scan_once

# A scanner that meets a fault raises what its author thought of: where `json` is not imported it cannot even raise
# JSONDecodeError, and the interpreter calls that a SystemError.
_FAULTS = (StopIteration, ValueError, SystemError, RecursionError)


def encode(value: Encodable) -> str:
    """Return `value` as JSON, all ASCII, without spaces."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Raw) else _quote(value)
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_quote(name)}:{encode(member)}" for name, member in value.items()]) + "}"
    return "[" + ",".join([encode(element) for element in value]) + "]"


def decode(text: str) -> Any:
    """Return the value that `text` spells, as Python objects. Raises `BadJson`."""
    try:
        return _scan(text, 0)[0]
    except _FAULTS:
        raise _fault(text) from None


def members(text: str) -> dict[str, str]:
    """Return the text of each value of the object that `text` spells. Raises `BadJson`."""
    found = {}
    try:
        position = _enter(text, "{")
        while text[position] != "}":
            name, end = _scan(text, position)
            start = _skip(text, _skip(text, end) + 1)
            end = _scan_unread(text, start)[1]
            found[name] = text[start:end]
            position = _next(text, end)
    except (*_FAULTS, IndexError):
        raise _fault(text) from None
    return found


def elements(text: str) -> list[str]:
    """Return the text of each element of the array that `text` spells. Raises `BadJson`."""
    found = []
    try:
        position = _enter(text, "[")
        while text[position] != "]":
            end = _scan_unread(text, position)[1]
            found.append(text[position:end])
            position = _next(text, end)
    except (*_FAULTS, IndexError):
        raise _fault(text) from None
    return found


def check_payload(text: str) -> Raw:
    """Return the JSON value in `text` as it may stand in a line of the wire: as it was written, but on one line.

    Raises:
        BadJson: It is no JSON (NaN and the infinities are none), or not Unicode.
    """
    payload = text.strip(WHITE_SPACE)
    try:
        _, end = _scan_unread(payload, 0)
        payload.encode()
    except _FAULTS:
        raise _fault(text) from None
    if end != len(payload):
        raise _fault(text)
    return Raw(payload.replace("\n", " ").replace("\r", " "))  # they stand between values: no string may hold one


def _enter(text: str, bracket: str) -> int:
    if text[0] != bracket:
        raise ValueError(text)
    return _skip(text, 1)


def _next(text: str, end: int) -> int:
    position = _skip(text, end)
    return _skip(text, position + 1) if text[position] == "," else position


def _skip(text: str, position: int) -> int:
    while text[position] in WHITE_SPACE:
        position += 1
    return position


def _fault(text: str) -> BadJson:
    """Return what is wrong with `text`, which is known to be no JSON; only now is the whole package worth its price."""
    import json  # noqa: PLC0415

    try:
        text.encode()
        json.loads(text, parse_constant=_refuse_constant, parse_int=str)
    except UnicodeEncodeError as error:
        return _located("bytes that are not UTF-8", text, error.start)
    except json.JSONDecodeError as error:
        return _located(error.msg.removesuffix(" at"), text, error.pos)
    except RecursionError:
        return _located("nested too deeply", text, 0)
    except ValueError as error:
        return _located(f"{error} is no JSON value", text, _constant_position(text, str(error)))
    return _located("cannot be read", text, 0)


def _constant_position(text: str, name: str) -> int:
    """Return where `name` (NaN, Infinity, -Infinity) stands outside of a string."""
    is_inside = False
    position = 0
    while position < len(text):
        if is_inside and text[position] == "\\":
            position += 1
        elif text[position] == '"':
            is_inside = not is_inside
        elif not is_inside and text.startswith(name, position):
            return position
        position += 1
    return 0


def _located(reason: str, text: str, position: int) -> BadJson:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    source = text[start:] if end < 0 else text[start:end]
    return BadJson(reason, text.count("\n", 0, position) + 1, position - start + 1, source)
