"""JSON that is changed where it has to be and left alone everywhere else, comments and trailing commas too. No I/O.

Only the bytes of an entry are written or taken out, so that the spelling of numbers, the order, the indentation and the
comments of all others stay. A new entry is indented as its neighbours are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fugue_core.setup.document import CannotChange, Path

_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_INDENTATION = re.compile(r"\n([ \t]+)\S")
_CLOSING = {"{": "}", "[": "]"}
_SPACE = " \t\r\n"
_DEEPEST = 100


class _Value:
    """A value in the text.

    Attributes:
        start, end: Where it stands; of an object or array with the brackets.
        plain: A value that is neither object nor array.
        bracket: The opening one; empty: it is neither.
        items: The members or elements.
    """

    __slots__ = ("bracket", "end", "items", "plain", "start")

    def __init__(self, start: int, end: int, plain: object = None, bracket: str = "") -> None:
        self.start = start
        self.end = end
        self.plain = plain
        self.bracket = bracket
        self.items: list[_Item] = []

    def python(self) -> Any:
        """Return it as plain Python; of members with the same name the last counts."""
        if self.bracket == "{":
            return {item.name: item.value.python() for item in self.items}
        return [item.value.python() for item in self.items] if self.bracket else self.plain

    def find(self, step: str | int) -> _Item | None:
        """Return the member of this name, or the element of this number."""
        if self.bracket == "{":
            return next((item for item in reversed(self.items) if item.name == step), None)
        is_element = self.bracket and isinstance(step, int) and step < len(self.items)
        return self.items[int(step)] if is_element else None


class _Item:
    """A member or an element: where it begins, and where the comma behind it is (-1: there is none)."""

    __slots__ = ("comma", "name", "start", "value")

    def __init__(self, start: int, name: str | None, value: _Value) -> None:
        self.start = start
        self.name = name
        self.value = value
        self.comma = -1


class JsonDocument:
    """A `Document` in JSON. An empty text is an empty object."""

    def __init__(self, text: str) -> None:
        self._is_new = not text.strip(f"\ufeff{_SPACE}")
        self._set("{}\n" if self._is_new else text)

    @property
    def text(self) -> str:
        """The text as it is now; empty where nothing stands in it."""
        return self._text if self._root.items or not self._is_new else ""

    @property
    def values(self) -> Mapping[str, Any]:
        """All that it says."""
        values: Mapping[str, Any] = self._root.python()
        return values

    def put(self, path: Path, value: object) -> None:
        """See `Document`."""
        holder, rest = self._walk(path)
        if not rest:
            found = self._parsed(path).value
            self._replace(found.start, found.end, self._dumped(value, self._indentation_at(found.start)))
            return
        self._add(holder, rest[0], _nested(rest[1:], value))

    def append(self, path: Path, value: object) -> None:
        """See `Document`."""
        holder, rest = self._walk(path)
        if rest:
            self._add(holder, rest[0], _nested(rest[1:], [value]))
        elif holder.bracket == "[":
            self._add(holder, None, value)
        else:
            raise CannotChange(f"{_dotted(path)} is no array")

    def remove(self, path: Path) -> None:
        """See `Document`."""
        while len(path) > 1 and len(self._parsed(path[:-1]).value.items) == 1:
            path = path[:-1]
        holder = self._parsed(path[:-1]).value if path[1:] else self._root
        item = self._parsed(path)
        self._cut(holder, item)

    def _set(self, text: str) -> None:
        self._root = _Parser(text).root()
        self._text = text

    def _parsed(self, path: Path) -> _Item:
        value = self._root
        item: _Item | None = None
        for step in path:
            item = value.find(step)
            if item is None:
                raise KeyError(path)
            value = item.value
        assert item is not None, "a path has a step"  # noqa: S101  # for mypy
        return item

    def _walk(self, path: Path) -> tuple[_Value, Path]:
        """Return the last value on the way to `path` that is there, and what is left of the way."""
        value = self._root
        for number, step in enumerate(path):
            if value.bracket != ("{" if isinstance(step, str) else "["):
                raise CannotChange(f"{_dotted(path[:number])} is no {'object' if isinstance(step, str) else 'array'}")
            item = value.find(step)
            if item is None:
                return value, path[number:]
            value = item.value
        return value, ()

    def _add(self, holder: _Value, name: str | int | None, value: object) -> None:
        """Write a new last member (with a name) or element into an object or array."""
        close = holder.end - 1
        last = holder.items[-1] if holder.items else None
        inside = self._text[holder.start + 1 : close]
        end = holder.start + 1 + len(inside.rstrip(_SPACE))
        tail = self._text[end:close]
        key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        if self._is_broken(holder):
            outer = self._indentation_at(holder.start)
            inner = self._indentation_at(last.start) if last else outer + self._unit()
            new = f"{self._newline()}{inner}{key}{self._dumped(value, inner)}"
            tail = tail if last else f"{self._newline()}{outer}"
        else:
            new = f"{' ' if last else ''}{key}{json.dumps(value, ensure_ascii=False)}"
        if last and last.comma >= 0:
            new += ","  # as the one before has
        before = self._text[:end]
        if last and last.comma < 0:
            before = f"{before[: last.value.end]},{before[last.value.end :]}"
        self._set(f"{before}{new}{tail}{self._text[close:]}")

    def _is_broken(self, holder: _Value) -> bool:
        """Say whether the items of an object or array stand on lines of their own, or should."""
        if holder.items:
            return "\n" in self._text[holder.start : holder.items[0].start]
        return "\n" in self._text.strip(_SPACE) or not self._root.items

    def _cut(self, holder: _Value, item: _Item) -> None:
        """Take an item out, with the comma behind it, or else the one before, and the white space before it."""
        end = item.value.end if item.comma < 0 else item.comma + 1
        start = len(self._text[: item.start].rstrip(_SPACE))
        line_end = self._text.find("\n", end)
        if (
            self._text[end : line_end if line_end >= 0 else None].strip(_SPACE)
            and "\n" in self._text[start : item.start]
        ):
            start = item.start  # what follows on the line must not come behind a comment that stands before
        before, after = self._text[:start], self._text[end:]
        position = holder.items.index(item)
        if item.comma < 0 and position:
            comma = holder.items[position - 1].comma
            before = before[:comma] + before[comma + 1 :]
        if before.endswith(holder.bracket) and after.lstrip(_SPACE).startswith(_CLOSING[holder.bracket]):
            after = after.lstrip(_SPACE)
        self._set(f"{before}{after}")

    def _replace(self, start: int, end: int, new: str) -> None:
        self._set(f"{self._text[:start]}{new}{self._text[end:]}")

    def _dumped(self, value: object, indentation: str) -> str:
        lines = json.dumps(value, ensure_ascii=False, indent=self._unit()).split("\n")
        return f"{self._newline()}{indentation}".join(lines)

    def _indentation_at(self, position: int) -> str:
        line = self._text[self._text.rfind("\n", 0, position) + 1 : position].lstrip("\ufeff")
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _unit(self) -> str:
        first = _INDENTATION.search(self._text)
        return first[1] if first else "  "

    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self._text else "\n"


class _Parser:
    """Finds where everything stands."""

    def __init__(self, text: str) -> None:
        self._text = text

    def root(self) -> _Value:
        """Return the one value of the text, which must be an object."""
        start = self._gap(1 if self._text.startswith("\ufeff") else 0)
        value = self._value(start, 0)
        if value.bracket != "{":
            raise CannotChange("it is no object")
        end = self._gap(value.end)
        if end < len(self._text):
            raise self._fault(end, "nothing more is expected")
        return value

    def _value(self, position: int, depth: int) -> _Value:
        if self._text[position : position + 1] in _CLOSING:
            return self._composite(position, depth)
        found = _SCALAR.match(self._text, position)
        if not found:
            raise self._fault(position, "a value is expected")
        try:
            return _Value(position, found.end(), json.loads(found[0]))
        except ValueError:
            raise self._fault(position, f"{found[0][:20]} is no value") from None

    def _composite(self, start: int, depth: int) -> _Value:
        if depth > _DEEPEST:
            raise self._fault(start, f"it is more than {_DEEPEST} deep")
        value = _Value(start, start, bracket=self._text[start])
        value.items.extend(self._items(value, depth))
        return value

    def _items(self, holder: _Value, depth: int) -> Iterator[_Item]:
        position = self._gap(holder.start + 1)
        item: _Item | None = None
        while self._text[position : position + 1] != _CLOSING[holder.bracket]:
            if item is not None and item.comma < 0:
                raise self._fault(position, f", or {_CLOSING[holder.bracket]} is expected")
            item = self._item(position, holder.bracket, depth)
            position = self._gap(item.value.end)
            if self._text[position : position + 1] == ",":
                item.comma = position
                position = self._gap(position + 1)
            yield item
        holder.end = position + 1

    def _item(self, start: int, bracket: str, depth: int) -> _Item:
        if bracket == "[":
            return _Item(start, None, self._value(start, depth + 1))
        if self._text[start : start + 1] != '"':
            raise self._fault(start, "a name in quotes is expected")
        name = self._value(start, depth + 1)
        colon = self._gap(name.end)
        if self._text[colon : colon + 1] != ":":
            raise self._fault(colon, ": is expected")
        return _Item(start, str(name.plain), self._value(self._gap(colon + 1), depth + 1))

    def _gap(self, position: int) -> int:
        """Return where white space and comments from `position` on end."""
        found = _GAP.match(self._text, position)
        return found.end() if found else position

    def _fault(self, position: int, reason: str) -> CannotChange:
        line = self._text.count("\n", 0, position) + 1
        column = position - self._text.rfind("\n", 0, position)
        return CannotChange(f"line {line}, column {column}: {reason}")


def _nested(path: Path, value: object) -> object:
    for step in reversed(path):
        value = {step: value}
    return value


def _dotted(path: Path) -> str:
    return ".".join(map(str, path)) or "it"
