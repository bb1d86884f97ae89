"""`fugue_core.client.jsontext` against the standard library's `json`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.client.jsontext import BadJson, Raw, check_payload, decode, elements, encode, members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
VALID = json.dumps({"a": [1, -2.5e3, 'ü\\"\n', None], "b": {"c": True, "d": [[], {}]}}, ensure_ascii=False)


@given(VALUES)
def test_what_is_encoded_reads_back_as_it_was(value: Any) -> None:
    assert json.loads(encode(value)) == value
    assert decode(encode(value)) == value


@given(VALUES)
def test_encoded_text_is_one_line_of_ascii(value: Any) -> None:
    text = encode(value)
    assert text.isascii()
    assert "\n" not in text


def test_raw_text_is_encoded_as_it_stands() -> None:
    assert encode({"payload": Raw("[1.10, 1e400]")}) == '{"payload":[1.10, 1e400]}'


@given(st.dictionaries(st.text(), VALUES, max_size=3), st.sampled_from([None, 2]))
def test_the_members_of_an_object_are_the_very_texts_of_its_values(value: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = members(text)
    assert {name: json.loads(part) for name, part in found.items()} == value
    assert all(part in text for part in found.values())


@given(st.lists(VALUES, max_size=3), st.sampled_from([None, 2]))
def test_the_elements_of_an_array_are_the_very_texts_of_its_values(value: list[Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert [json.loads(part) for part in elements(text)] == value


def test_numbers_that_python_cannot_hold_keep_their_spelling() -> None:
    huge = "9" * 5000
    assert members(f'{{"n":{huge},"e":1e400}}') == {"n": huge, "e": "1e400"}
    assert check_payload(f"[{huge}]") == f"[{huge}]"


@pytest.mark.parametrize("text", ["", "[1]", '{"a":', '{"a" 1}', '{"a":1', "{,}", "nul"])
def test_what_is_no_object_has_no_members(text: str) -> None:
    with pytest.raises(BadJson):
        members(text)


@pytest.mark.parametrize("text", ["", "{}", "[1", "[1,,2]", "[NaN]"])
def test_what_is_no_array_has_no_elements(text: str) -> None:
    with pytest.raises(BadJson):
        elements(text)


@given(VALUES, st.sampled_from(["", " ", "\n", "\r\n\t"]), st.sampled_from([None, 1]))
def test_a_payload_is_kept_but_for_its_line_breaks(value: Any, margin: str, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    payload = check_payload(f"{margin}{text}{margin}")
    assert payload == text.replace("\n", " ")
    assert json.loads(payload) == value


@given(st.dictionaries(st.integers(0, len(VALID) - 1), st.sampled_from('{}[]",:0a\\\n\t \x00'), max_size=3))
def test_a_damaged_payload_is_taken_just_where_the_standard_library_takes_it(edits: dict[int, str]) -> None:
    damaged = "".join(edits.get(place, character) for place, character in enumerate(VALID))
    try:
        expected = json.loads(damaged)
    except ValueError:
        with pytest.raises(BadJson):
            check_payload(damaged)
    else:
        assert json.loads(check_payload(damaged)) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "source"),
    [
        ('{"a" 1}', 1, 6, '{"a" 1}'),
        ('{\n  "a": 1,\n  "b" 2\n}', 3, 7, '  "b" 2'),
        ("[1, 2] x", 1, 8, "[1, 2] x"),
        ("", 1, 1, ""),
        ("NaN", 1, 1, "NaN"),
        ('["NaN \\" NaN",\n  -Infinity]', 2, 3, "  -Infinity]"),
        ('["a\tb"]', 1, 4, '["a\tb"]'),
        ('"\udcff"', 1, 2, '"\udcff"'),
        ("[" * 100_000, 1, 1, "[" * 100_000),
    ],
)
def test_a_bad_payload_is_pointed_at(text: str, line: int, column: int, source: str) -> None:
    with pytest.raises(BadJson) as caught:
        check_payload(text)
    assert (caught.value.line, caught.value.column, caught.value.source) == (line, column, source)
