from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import SchemaViolation
from fugue_tui.pointer import find_value, violation_fault

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=10,
)


def pointers(value: Any, pointer: str = "") -> list[tuple[str, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    within = [
        found
        for name, part in members
        for found in pointers(part, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
    ]
    return [(pointer, value), *within]


@given(value=VALUES, indent=st.none() | st.just(2), is_ascii=st.booleans())
def test_every_value_is_found_where_it_begins(value: Any, indent: int | None, is_ascii: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    for pointer, part in pointers(value):
        place = find_value(text, pointer)
        assert place is not None
        assert json.JSONDecoder().raw_decode(text, place[0])[0] == part


@pytest.mark.parametrize("pointer", ["/b", "/a/1", "/a/0/x"])
def test_what_is_not_there_is_not_found(pointer: str) -> None:
    assert find_value('{"a": [1]}', pointer) is None


def test_a_violation_without_a_place_is_at_the_beginning_and_says_how_many_more_there_are() -> None:
    fault = {"field": "/gone", "keyword": "type", "expected": '"null"', "found": ""}
    found = violation_fault("{}", SchemaViolation("t", [fault, fault, fault], has_more=True))
    assert (found.line, found.column, found.reason) == (1, 1, '/gone: type "null" (and over 2 more)')
