"""What a tool takes and answers, as JSON Schema (2020-12). No I/O.

Schemas stand in the context of a model, which pays for each word: nothing is said twice, nothing is left by reference,
and where null means the same as nothing at all it is not mentioned.
"""

from __future__ import annotations

from typing import Any

import msgspec

_NULL = {"type": "null"}
_REFERENCE = "#/$defs/"


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of a struct, in one piece."""
    schema = msgspec.json.schema(kind)
    whole: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    return whole


def _inlined(part: Any, parts: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(each, parts) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        struct = parts[part["$ref"].removeprefix(_REFERENCE)]
        part = {name: value for name, value in struct.items() if name not in {"title", "description"}}
    found = {name: _inlined(value, parts) for name, value in part.items() if name != "$defs"}
    if found.get("required") == [] or found.get("default") in ([], {}):
        found = {name: value for name, value in found.items() if name not in {"required", "default"} or value}
    if found.get("items") is False:  # the end of a tuple, which `maxItems` says too; not every client reads `false`
        del found["items"]
    return _without_null(found)


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """Return `part`; where it may be null or something else, only the something."""
    kinds = part.get("anyOf")
    if not isinstance(kinds, list) or _NULL not in kinds:
        return part
    others = [kind for kind in kinds if kind != _NULL]
    rest = {name: value for name, value in part.items() if name not in {"anyOf", "default"}}
    return {**rest, **others[0]} if len(others) == 1 else {**rest, "anyOf": others}
