"""A JSON Schema that payloads are held against. The library that reads it is loaded when the first one is made.

A schema is data from outside, so what it can cost is bounded before it is used: its size, the steps that one value
takes, and with these the length of a payload. Patterns are matched by an engine that never goes back. Nothing is ever
fetched.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from fugue_core import limits
from fugue_core.errors import InvalidPayload, InvalidSchema, PayloadUncheckable, SchemaLibraryMissing
from fugue_core.fault import Fault, Faults, follow
from fugue_core.protocol.message import check_depth, read_payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

_ROOT = "fugue:schema"
"""What the whole schema is called, for the references to its parts that are made here."""
_DATA = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose value is no schema, so that nothing in it refers to anything."""
_BY_NAME = frozenset({"dependencies", "dependentSchemas", "patternProperties", "properties"})
_PARTS = frozenset({"$defs", "definitions"})
"""Schemas that hold of nothing until something refers to them."""
_REFERENCES = frozenset({"$dynamicRef", "$recursiveRef", "$ref"})
_PATTERN_KIB = (1, 4, 16, 64, 256, 1024)
"""Sizes that a compiled pattern may have; one that would be larger is refused."""
_STEPS_PER_PATTERN_KIB = 8
"""What a pattern costs: with some 1.2 microseconds for each character and 16 KiB it is as dear as so many steps."""

_WHY_CHARS = 200


class Validator:
    """One schema, ready to be used.

    Attributes:
        steps: How many parts of the schema one value may have to be held against.
    """

    def __init__(self, msg_type: str, text: bytes) -> None:
        """Read a schema.

        Args:
            msg_type: What it is for; stands in errors.
            text: The schema as JSON, of draft 4, 6, 7, 2019-09 or 2020-12 as its `$schema` says; else of the last.

        Raises:
            InvalidSchema: It is none, refers to something outside of itself, or could cost too much.
            SchemaLibraryMissing: This machine has nothing that could read it.
        """
        self._msg_type = msg_type
        self._root = _read(msg_type, text)
        library = _library()
        self._library = library
        self._options: dict[str, Any] = {
            "pattern_options": _pattern_options(library, _PATTERN_KIB[-1]),
            "validate_formats": False,
            "offline": True,
        }
        self._head = {"$schema": self._root["$schema"]} if isinstance(self._root.get("$schema"), str) else {}
        self.steps = _Cost(library, msg_type, self._root).steps()
        try:
            self._whole = library.validator_for(self._root, **self._options)
        except library.ValidationError as error:
            raise InvalidSchema(msg_type, _why(error)) from None
        self._registry = library.Registry([(_ROOT, self._root)])
        self._parts: dict[str, jsonschema_rs.Validator] = {"": self._whole}
        self._rules: dict[bytes, jsonschema_rs.Validator] = {}

    def check(self, payload: bytes) -> tuple[Fault, ...]:
        """Return what is wrong with a payload, known to be JSON: nothing, or the first `limits.SCHEMA_FAULTS` and one.

        Cost: some `steps` for each value in it, ten nanoseconds each; more where it is wrong, see `Faults`.

        Raises:
            PayloadUncheckable: It is too long for a schema of so many steps.
        """
        if len(payload) * self.steps > limits.SCHEMA_WORK:
            raise PayloadUncheckable(self._msg_type, len(payload), limits.SCHEMA_WORK // self.steps)
        value = _read_exactly(payload)
        if self._whole.is_valid(value):
            return ()
        return Faults(self._root, self._fits, self._keeps).first(value, limits.SCHEMA_FAULTS + 1)

    def _fits(self, pointer: str, value: Any) -> bool:
        """Say whether a value fits the part of the schema at a JSON Pointer."""
        validator = self._parts.get(pointer)
        if validator is None:
            part = {**self._head, "$ref": f"{_ROOT}#{quote(pointer, safe='/~')}"}
            validator = self._library.validator_for(part, registry=self._registry, **self._options)
            self._parts[pointer] = validator
        return validator.is_valid(value)

    def _keeps(self, rules: dict[str, Any], value: Any) -> bool:
        """Say whether a value keeps rules in which there is no other schema."""
        key = msgspec.json.encode(rules)
        validator = self._rules.get(key)
        if validator is None:
            validator = self._rules[key] = self._library.validator_for({**self._head, **rules}, **self._options)
        return validator.is_valid(value)


def _read(msg_type: str, text: bytes) -> dict[str, Any]:
    if len(text) > limits.SCHEMA_BYTES:
        raise InvalidSchema(msg_type, f"{len(text):,} bytes, the limit is {limits.SCHEMA_BYTES:,}")
    try:
        check_depth(text, limits.SCHEMA_DEPTH)
        root = read_payload(text)
    except InvalidPayload as error:
        raise InvalidSchema(msg_type, error.rule) from None
    if isinstance(root, bool):  # which are schemas, too: for everything, and for nothing
        return {} if root else {"not": {}}
    if not isinstance(root, dict):
        raise InvalidSchema(msg_type, "is neither an object nor true or false")
    return root


def _read_exactly(payload: bytes) -> Any:
    """Return the value of a payload; numbers of any size are still numbers."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return json.loads(payload, parse_float=Decimal)


def _library() -> Any:
    try:
        import jsonschema_rs  # noqa: PLC0415  # 24 ms and 14 MiB, for who has a schema
    except ImportError as error:
        raise SchemaLibraryMissing(str(error)) from None
    return jsonschema_rs


def _pattern_options(library: Any, size_kib: int) -> Any:
    return library.RegexOptions(size_limit=size_kib * 1024)


def _why(error: jsonschema_rs.ValidationError) -> str:
    """Return where a schema is wrong, and why, on one line."""
    where = "".join(f"/{_escaped(part)}" for part in error.instance_path)
    why = error.message if len(error.message) <= _WHY_CHARS else f"{error.message[: _WHY_CHARS - 1]}…"
    return f"at {where}: {why}" if where else why


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


class _Cost:
    """What a schema may cost a value, known before there is one.

    A reference costs what it refers to, wherever it stands: so a schema that doubles with each of forty lines is not
    small. One that comes back to where it is costs no more: the library remembers what it has seen of a value.
    """

    def __init__(self, library: Any, msg_type: str, root: dict[str, Any]) -> None:
        self._library = library
        self._msg_type = msg_type
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()

    def steps(self) -> int:
        """Return how many steps. Raises `InvalidSchema`."""
        return self._of_schema(self._root, is_root=True)

    def _of_schema(self, schema: Any, *, is_root: bool = False) -> int:
        if not isinstance(schema, dict):
            return 1
        if id(schema) in self._open:
            return 0
        if id(schema) not in self._known:
            self._open.add(id(schema))
            steps = 1
            for part in self._parts(schema, is_root=is_root):
                steps += part
                if steps > limits.SCHEMA_STEPS:
                    raise InvalidSchema(self._msg_type, f"takes over {limits.SCHEMA_STEPS:,} steps for one value")
            self._open.discard(id(schema))
            self._known[id(schema)] = steps
        return self._known[id(schema)]

    def _parts(self, schema: dict[str, Any], *, is_root: bool) -> Iterator[int]:
        for keyword, rule in schema.items():
            if keyword in _DATA:
                yield _values(rule)
            elif isinstance(rule, str):
                yield self._of_text(keyword, rule, is_root=is_root)
            elif keyword in _BY_NAME and isinstance(rule, dict):
                yield from map(self._of_schema, rule.values())
                if keyword == "patternProperties":
                    yield from map(self._of_pattern, rule)
            elif keyword not in _PARTS:
                yield from map(self._of_schema, rule if isinstance(rule, list) else (rule,))

    def _of_text(self, keyword: str, text: str, *, is_root: bool) -> int:
        if keyword in _REFERENCES:
            return self._of_schema(self._target(text))
        if keyword in {"$id", "id"} and not is_root and not text.startswith("#"):
            raise InvalidSchema(self._msg_type, f"{keyword} {text!r}: a schema within must not have a name of its own")
        return self._of_pattern(text) if keyword == "pattern" else 1

    def _target(self, reference: str) -> Any:
        target = follow(self._root, reference)
        if target is None:
            raise InvalidSchema(self._msg_type, f"refers to {reference!r}, which is not in it; nothing is fetched")
        return target.schema

    def _of_pattern(self, pattern: str) -> int:
        size_kib = next((size for size in _PATTERN_KIB if self._can_be(pattern, size)), _PATTERN_KIB[-1])
        return size_kib * _STEPS_PER_PATTERN_KIB

    def _can_be(self, pattern: str, size_kib: int) -> bool:
        options = _pattern_options(self._library, size_kib)
        try:
            self._library.validator_for({"pattern": pattern}, pattern_options=options, offline=True)
        except ValueError:
            return False
        return True


def _values(data: Any) -> int:
    """Return of how many values JSON data consists."""
    within = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return 1 + sum(map(_values, within))
