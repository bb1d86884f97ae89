"""TOML that is changed where it has to be and left alone everywhere else. No I/O.

What is new is written at the end, as tables with headings of their own. What changes or goes is looked for below such
headings, wherever they stand; what is written in another form is changed by tomlkit, which keeps comments, order and
spelling, but not where the elements of an array of tables stand apart. Every change is read again by Python's own
`tomllib`: one that does not say exactly what it should is not made.
"""

from __future__ import annotations

import copy
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from fugue_core.setup.document import CannotChange, Path, at

_HEADING = re.compile(r"[ \t]*\[(\[?)(.+?)\](\]?)[ \t]*(?:#.*)?$")
_QUOTE = re.compile(r""""{3}|'{3}|"(?:[^"\\]|\\.)*"|'[^']*'|#""")
_CLOSING = {
    '"' * 3: re.compile(r'(?:[^"\\]|\\.|\\\n|"(?!""))*"{3,5}'),
    "'" * 3: re.compile(r"(?:[^']|'(?!''))*'{3,5}"),
}
_QUIET = re.compile(r"[ \t]*(?:#.*)?$")


class TomlDocument:
    """A `Document` in TOML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values = _read(text)

    @property
    def text(self) -> str:
        """The text as it is now."""
        return self._text

    @property
    def values(self) -> Mapping[str, Any]:
        """All that it says."""
        return self._values

    def put(self, path: Path, value: object) -> None:
        """See `Document`."""
        values = copy.deepcopy(self._values)
        _place(values, path, value)
        texts = self._edited(path, value)
        if at(self._values, path) is None:
            texts = itertools.chain((self._with(path, value),), texts)
        self._set(texts, values, path)

    def append(self, path: Path, value: object) -> None:
        """See `Document`."""
        values = copy.deepcopy(self._values)
        elements = at(values, path)
        if elements is None:
            _place(values, path, [value])
        elif isinstance(elements, list):
            elements.append(value)
        else:
            raise CannotChange(f"{_dotted(path)} is no array")
        self._set(iter((self._with(path, [value]),)), values, path)

    def remove(self, path: Path) -> None:
        """See `Document`."""
        while len(path) > 1 and len(at(self._values, path[:-1])) == 1:
            path = path[:-1]
        values = copy.deepcopy(self._values)
        del at(values, path[:-1])[path[-1]]
        texts = (f"{text}\n" if text else "" for text in (text.rstrip("\n") for text in self._edited(path, None)))
        self._set(texts, values, path)

    def _with(self, path: Path, value: object) -> str:
        """Return the text with tables at its end in which `value` stands at `path`."""
        for step in reversed(path):
            value = {step: value}
        gap = "" if not self._text else "\n" if self._text.endswith("\n") else "\n\n"
        return f"{self._text}{gap}{tomlkit.dumps(value)}"  # type: ignore[arg-type]  # a path has a step

    def _edited(self, path: Path, value: object) -> Iterator[str]:
        """Yield texts that should have another value at `path`; None: none."""
        tables = _tables(self._text)
        if value is None:
            yield "".join(
                "".join(
                    table.lines[len(table.lines) - table.after :] if table.path[: len(path)] == path else table.lines
                )
                for table in tables
            )
        else:
            line = tomlkit.dumps({str(path[-1]): value})
            key = re.compile(rf"[ \t]*{re.escape(str(path[-1]))}[ \t]*=")
            yield "".join(
                line if table.path == path[:-1] and key.match(old) else old for table in tables for old in table.lines
            )
        try:
            document = tomlkit.parse(self._text)
            holder: Any = document
            for step in path[:-1]:
                holder = holder[step]
            if value is None:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            yield document.as_string()
        except (TOMLKitError, LookupError, TypeError, ValueError):
            return

    def _set(self, texts: Iterator[str], values: dict[str, Any], path: Path) -> None:
        """Take the first text that says what it should."""
        for text in texts:
            try:
                found = _read(text)
            except CannotChange:
                continue
            if found == values:
                self._text = text
                self._values = values
                return
        raise CannotChange(f"{_dotted(path)} stands in a form that cannot be changed safely: please edit it by hand")


class _Table:
    """Lines below one heading, with the heading.

    Attributes:
        path: What the heading names, with the number of the element after each array of tables.
        lines: With their ends; blank ones before the heading are the heading's.
        after: So many at the end are blank or comments, and may belong to what follows.
    """

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path = path
        self.lines = lines
        self.after = 0


def _tables(text: str) -> list[_Table]:
    """Take a text apart at its headings, in order."""
    tables = [_Table((), [])]
    counts: dict[Path, int] = {}
    quote = ""
    for line in text.splitlines(keepends=True):
        found = None if quote else _HEADING.match(line.rstrip("\r\n"))
        quote = _open_quote(line, quote)
        path = (
            _heading_path(found[2], counts, is_element=bool(found[1]))
            if found and bool(found[1]) == bool(found[3])
            else None
        )
        if path is None:
            tables[-1].lines.append(line)
            continue
        before = tables[-1].lines
        blank = len(before) - len("".join(before).rstrip("\n").splitlines()) if before else 0
        start = len(before) - blank
        tables.append(_Table(path, [*before[start:], line]))
        del before[start:]
    for table in tables:
        while table.after < len(table.lines) and _QUIET.match(table.lines[-1 - table.after].rstrip("\r\n")):
            table.after += 1
    return tables


def _open_quote(line: str, quote: str) -> str:
    """Return which quotes of several lines are open at the end of a line, if `quote` is at its beginning; or none."""
    position = 0
    while True:
        if quote:
            closing = _CLOSING[quote].match(line, position)
            if closing is None:
                return quote
            position = closing.end()
        found = _QUOTE.search(line, position)
        if found is None or found[0] == "#":
            return ""
        quote = found[0] if found[0] in _CLOSING else ""
        position = found.end()


def _heading_path(keys: str, counts: dict[Path, int], *, is_element: bool) -> Path | None:
    """Return what a heading names; None where it is none. `counts` has the elements of each array of tables so far."""
    try:
        nested: Any = tomllib.loads(f"{keys} = 0")
    except tomllib.TOMLDecodeError:
        return None
    names = []
    while isinstance(nested, dict):
        ((name, nested),) = nested.items()
        names.append(name)
    path: Path = ()
    for number, name in enumerate(names):
        path = (*path, name)
        if is_element and number == len(names) - 1:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotChange(str(error)) from None


def _place(values: dict[str, Any], path: Path, value: object) -> None:
    holder: Any = values
    for number, step in enumerate(path[:-1]):
        if isinstance(holder, dict):
            holder = holder.setdefault(step, {})
        elif isinstance(holder, list) and isinstance(step, int):
            holder = holder[step]
        else:
            raise CannotChange(f"{_dotted(path[:number])} is no table")
    if not isinstance(holder, dict):
        raise CannotChange(f"{_dotted(path[:-1])} is no table")
    holder[path[-1]] = value


def _dotted(path: Path) -> str:
    return ".".join(map(str, path)) or "it"
