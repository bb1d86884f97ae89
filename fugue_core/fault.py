"""Where a value breaks a JSON Schema, and which of its rules. No I/O, but for a clock that says when to stop.

The library says quickly whether a value fits. Its own list of errors can take exponentially long, since it tells each
alternative with all that is wrong with it. So the way to the fault is found here, by asking of one part after another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec

PATIENCE_S = 0.05
LEVELS = 64
"""After so much time, and below so many levels, no closer look is taken: the fault is where it was found until then."""
SHOWN_CHARS = 60
"""Of what was expected, and of what was found."""

_LEAVES = (
    "type",
    "const",
    "enum",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "dependentRequired",
)
"""Keywords that say all of their rule themselves."""
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
"""In draft 4 the second is a boolean that only tells how the first is meant."""
_MISSING = object()
_T = TypeVar("_T")


class Fault(NamedTuple):
    """A rule that a value breaks.

    Fields:
        field: The value, as a JSON Pointer; empty for the whole payload.
        keyword: The rule's name in the schema.
        expected: What the schema has there, as JSON text, cut where it is long.
        found: The value likewise; empty where it is an object or an array.
    """

    field: str
    keyword: str
    expected: str
    found: str


class Target(NamedTuple):
    """What a reference refers to, and where that is."""

    pointer: str
    schema: Any


def follow(root: Any, reference: str) -> Target | None:
    """Return what a reference within `root` refers to; None where that is not in it."""
    if not reference.startswith("#"):
        return None
    pointer = _unquoted(reference[1:])
    if pointer and not pointer.startswith("/"):
        return _anchored(root, pointer, "")
    schema = root
    for part in pointer.split("/")[1:]:
        schema = _member(schema, part.replace("~1", "/").replace("~0", "~"))
        if schema is _MISSING:
            return None
    return Target(pointer, schema)


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote  # noqa: PLC0415  # rare

    return unquote(text)


def _member(schema: Any, name: str) -> Any:
    if isinstance(schema, dict):
        return schema.get(name, _MISSING)
    if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
        return schema[int(name)]
    return _MISSING


def _anchored(schema: Any, anchor: str, pointer: str) -> Target | None:
    if isinstance(schema, dict):
        names = (schema.get("$anchor"), schema.get("$dynamicAnchor"))
        if anchor in names or f"#{anchor}" in {schema.get("$id"), schema.get("id")}:
            return Target(pointer, schema)
        parts: Any = schema.items()
    else:
        parts = enumerate(schema) if isinstance(schema, list) else ()
    found = (_anchored(part, anchor, _at(pointer, name)) for name, part in parts)
    return next((target for target in found if target), None)


def _at(pointer: str, *names: str | int) -> str:
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return "/".join((pointer, *escaped))


class _Spot(NamedTuple):
    """A keyword of a schema, and a value that it is about.

    Fields:
        pointer, schema: Where the schema is that has the keyword.
        field: Where the value is.
    """

    pointer: str
    schema: dict[str, Any]
    keyword: str
    value: Any
    field: str

    @property
    def rule(self) -> Any:
        """What the keyword says."""
        return self.schema[self.keyword]

    @property
    def at(self) -> str:
        """Where it says so."""
        return _at(self.pointer, self.keyword)

    def fault(self) -> Fault:
        """Return that the value breaks this rule."""
        return _fault(self.field, self.keyword, self.rule, self.value)


class Faults:
    """Find the faults of values that do not fit a schema."""

    def __init__(
        self, root: dict[str, Any], fits: Callable[[str, Any], bool], keeps: Callable[[dict[str, Any], Any], bool]
    ) -> None:
        """Look at nothing yet.

        Args:
            root: The schema.
            fits: Says whether a value fits the part of `root` at a JSON Pointer.
            keeps: Says whether a value keeps rules in which there is no other schema.
        """
        self._root = root
        self._fits = fits
        self._keeps = keeps
        self._stop_at = 0.0
        self._levels = 0

    def first(self, value: Any, count: int) -> tuple[Fault, ...]:
        """Return the first faults of a value that does not fit, in the schema's order; at least one, none twice.

        Cost: for each level down to a fault, what it costs to see which of the parts there do not fit.
        """
        self._stop_at = time.monotonic() + PATIENCE_S
        self._levels = 0
        faults = islice(self._of(Target("", self._root), value, ""), count)
        return tuple(dict.fromkeys(faults))

    def _of(self, target: Target, value: Any, field: str) -> Iterator[Fault]:
        """Yield what is wrong with a value that does not fit the schema at `target`."""
        pointer, schema = target
        if not isinstance(schema, dict):
            yield _fault(field, "schema", schema, value)
            return
        has_found = False
        self._levels += 1
        for keyword in schema if self._levels <= LEVELS else ():
            look = _LOOKS.get(keyword)
            for fault in look(self, _Spot(pointer, schema, keyword, value, field)) if look else ():
                has_found = True
                yield fault
        self._levels -= 1
        if not has_found:  # it lies in how the keywords work together, or deeper than is looked
            keyword = next((name for name in schema if name.startswith("unevaluated")), "schema")
            yield _fault(field, keyword, schema.get(keyword, schema), value)

    def _within(self, pointer: str, schema: Any, value: Any, field: str) -> Iterator[Fault]:
        """Yield what is wrong with a value by a part of the schema; nothing, where it fits."""
        if not self._fits(pointer, value):
            yield from self._of(Target(pointer, schema), value, field)

    def _while_patient(self, parts: Iterable[_T]) -> Iterator[_T]:
        """Yield members or items to look at, as long as there is time."""
        for part in parts:
            if time.monotonic() > self._stop_at:
                return
            yield part

    # ---------------------------------------------------------------------------------------- rules for any value

    def _of_leaf(self, spot: _Spot) -> Iterator[Fault]:
        names = (spot.keyword, _EXCLUSIVE.get(spot.keyword, ""))
        if not self._keeps({name: spot.schema[name] for name in names if name in spot.schema}, spot.value):
            yield spot.fault()

    def _of_bound(self, spot: _Spot) -> Iterator[Fault]:
        if not isinstance(spot.rule, bool):  # which only says how another bound is meant
            yield from self._of_leaf(spot)

    def _of_reference(self, spot: _Spot) -> Iterator[Fault]:
        target = follow(self._root, spot.rule)
        if target is not None:
            yield from self._within(target.pointer, target.schema, spot.value, spot.field)

    def _of_all(self, spot: _Spot) -> Iterator[Fault]:
        for place, part in enumerate(spot.rule):
            yield from self._within(_at(spot.at, place), part, spot.value, spot.field)

    def _of_condition(self, spot: _Spot) -> Iterator[Fault]:
        branch = "then" if self._fits(spot.at, spot.value) else "else"
        if branch in spot.schema:
            yield from self._within(_at(spot.pointer, branch), spot.schema[branch], spot.value, spot.field)

    def _of_negation(self, spot: _Spot) -> Iterator[Fault]:
        if self._fits(spot.at, spot.value):
            yield spot.fault()

    def _of_alternatives(self, spot: _Spot) -> Iterator[Fault]:
        parts = [Target(_at(spot.at, place), part) for place, part in enumerate(spot.rule)]
        fitting = sum(self._fits(part.pointer, spot.value) for part in parts)
        if fitting > 1 and spot.keyword == "oneOf":
            yield Fault(spot.field, spot.keyword, f"one of {len(parts)}, not {fitting}", _shown(spot.value))
        if fitting:
            return
        meant = [part for part in map(self._dereferenced, parts) if self._may_be_meant(part.schema, spot.value)]
        if len(meant) == 1:
            yield from self._of(meant[0], spot.value, spot.field)
        else:
            yield Fault(spot.field, spot.keyword, f"one of {len(parts)}", _shown(spot.value))

    def _dereferenced(self, target: Target) -> Target:
        """Return what a part means that only refers to another."""
        reference = target.schema.get("$ref") if isinstance(target.schema, dict) else None
        return target if reference is None else follow(self._root, reference) or target

    def _may_be_meant(self, schema: Any, value: Any) -> bool:
        """Say whether a value is of the kind that a schema is about: its type, and members that tell variants apart."""
        if not isinstance(schema, dict):
            return False
        kinds = {name: schema[name] for name in ("type", "const", "enum") if name in schema}
        if kinds and not self._keeps(kinds, value):
            return False
        members = schema.get("properties", {}) if isinstance(value, dict) else {}
        return all(
            self._keeps({"const": part["const"]}, value[name])
            for name, part in members.items()
            if isinstance(part, dict) and "const" in part and name in value
        )

    # ------------------------------------------------------------------------------------------- rules for objects

    def _of_required(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, dict):
            yield from (_fault(spot.field, spot.keyword, name, {}) for name in spot.rule if name not in spot.value)

    def _of_properties(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, dict):
            for name, part in self._while_patient(spot.rule.items()):
                if name in spot.value:
                    yield from self._of_member(_at(spot.at, name), part, spot, name)

    def _of_patterns(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, dict):
            for pattern, part in spot.rule.items():
                for name in self._while_patient(spot.value):
                    if self._keeps({"pattern": pattern}, name):
                        yield from self._of_member(_at(spot.at, pattern), part, spot, name)

    def _of_others(self, spot: _Spot) -> Iterator[Fault]:
        if not isinstance(spot.value, dict):
            return
        named, patterns = spot.schema.get("properties", {}), spot.schema.get("patternProperties", {})
        for name in self._while_patient(spot.value):
            if name in named or any(self._keeps({"pattern": pattern}, name) for pattern in patterns):
                continue
            if spot.rule is False:
                yield _fault(_at(spot.field, name), spot.keyword, spot.rule, spot.value[name])
            else:
                yield from self._of_member(spot.at, spot.rule, spot, name)

    def _of_member(self, pointer: str, part: Any, spot: _Spot, name: str) -> Iterator[Fault]:
        return self._within(pointer, part, spot.value[name], _at(spot.field, name))

    def _of_names(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, dict):
            for name in self._while_patient(spot.value):
                for fault in self._within(spot.at, spot.rule, name, _at(spot.field, name)):
                    yield fault._replace(keyword=f"propertyNames {fault.keyword}")

    def _of_dependents(self, spot: _Spot) -> Iterator[Fault]:
        if not isinstance(spot.value, dict):
            return
        for name, part in spot.rule.items():
            if name in spot.value and isinstance(part, list):
                yield from (_fault(spot.field, spot.keyword, other, {}) for other in part if other not in spot.value)
            elif name in spot.value:
                yield from self._within(_at(spot.at, name), part, spot.value, spot.field)

    # -------------------------------------------------------------------------------------------- rules for arrays

    def _of_first_items(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, list):
            pairs = zip(spot.rule, spot.value, strict=False)
            for place, (part, item) in self._while_patient(enumerate(pairs)):
                yield from self._within(_at(spot.at, place), part, item, _at(spot.field, place))

    def _of_items(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.rule, list):  # before 2020-12 these were the first ones
            yield from self._of_first_items(spot)
        elif isinstance(spot.value, list):
            first = spot.schema.get("prefixItems" if spot.keyword == "items" else "items", ())
            if spot.keyword == "items" or isinstance(first, list):
                for place, item in self._while_patient(enumerate(spot.value[len(first) :], start=len(first))):
                    yield from self._within(spot.at, spot.rule, item, _at(spot.field, place))

    def _of_content(self, spot: _Spot) -> Iterator[Fault]:
        if isinstance(spot.value, list):
            count = sum(self._fits(spot.at, item) for item in self._while_patient(spot.value))
            if not spot.schema.get("minContains", 1) <= count <= spot.schema.get("maxContains", count):
                yield spot.fault()


_LOOKS: dict[str, Callable[[Faults, _Spot], Iterator[Fault]]] = {
    **dict.fromkeys(_LEAVES, Faults._of_leaf),  # noqa: SLF001  # the same class's, by keyword
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), Faults._of_bound),  # noqa: SLF001
    **dict.fromkeys(("$ref", "$dynamicRef", "$recursiveRef"), Faults._of_reference),  # noqa: SLF001
    **dict.fromkeys(("anyOf", "oneOf"), Faults._of_alternatives),  # noqa: SLF001
    **dict.fromkeys(("dependentSchemas", "dependencies"), Faults._of_dependents),  # noqa: SLF001
    **dict.fromkeys(("items", "additionalItems"), Faults._of_items),  # noqa: SLF001
    "additionalProperties": Faults._of_others,  # noqa: SLF001
    "allOf": Faults._of_all,  # noqa: SLF001
    "contains": Faults._of_content,  # noqa: SLF001
    "if": Faults._of_condition,  # noqa: SLF001
    "not": Faults._of_negation,  # noqa: SLF001
    "patternProperties": Faults._of_patterns,  # noqa: SLF001
    "prefixItems": Faults._of_first_items,  # noqa: SLF001
    "properties": Faults._of_properties,  # noqa: SLF001
    "propertyNames": Faults._of_names,  # noqa: SLF001
    "required": Faults._of_required,  # noqa: SLF001
}
"""What looks for faults by each keyword."""


def _fault(field: str, keyword: str, expected: Any, found: Any) -> Fault:
    return Fault(field, keyword, _text(expected), _shown(found))


def _shown(value: Any) -> str:
    return "" if isinstance(value, dict | list) else _text(value)


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
