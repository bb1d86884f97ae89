"""JSON for the eye: where it is wrong, in words; its colours; its tidy form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import InvalidPayload
from fugue_tui.draft import Draft
from fugue_tui.jsonview import HIGHLIGHTED_CHARS, escape_unseen, find_fault, tidy, tokens

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{\n  "reserve": 25\n  "closes": "12:06"}', (3, 3, 8), 'expected a comma before "closes"'),
        ('{"a" 1}', (1, 6, 1), "expected a colon before 1"),
        ("{'a': 1}", (1, 2, 1), "expected a key in double quotes, found '"),
        ("[1,", (1, 4, 1), "expected a value here, where the text ends"),
        ('{"a": }', (1, 7, 1), "expected a value before }"),
        ('{"a": tru}', (1, 7, 3), "expected a value, found tru"),
        ("[1}", (1, 3, 1), "expected a comma or the closing bracket before }"),
        ("[1", (1, 3, 1), "expected a comma or the closing bracket here, where the text ends"),
        ('"abc', (1, 1, 4), 'expected a closing " on this line'),
        ("{} x", (1, 4, 1), "the value ends above, x is too much"),
        ("[NaN]", (1, 2, 3), "NaN is no JSON value"),
    ],
)
def test_a_fault_is_where_it_is_and_says_what_to_do(text: str, place: tuple[int, int, int], reason: str) -> None:
    fault = find_fault(text)
    assert fault is not None
    assert ((fault.line, fault.column, fault.length), fault.reason) == (place, reason)


@pytest.mark.parametrize("text", ["", "  \n", "null", "1e400", '{"a": [1, 2.50, "\\u202e"]}', "[" * 256 + "]" * 256])
def test_what_the_daemon_takes_has_no_fault(text: str) -> None:
    assert find_fault(text) is None


@pytest.mark.parametrize("text", ["[" * 300 + "]" * 300, '"\\ud800"', "\ud800", "[" * 100_000])
def test_what_only_the_daemon_refuses_is_a_fault_too(text: str) -> None:
    assert find_fault(text) is not None


@given(st.text(alphabet='{}[]",:01 truefalsn\\\n\x1b\u202e', max_size=30))
def test_a_text_has_a_fault_exactly_where_it_cannot_be_sent(text: str) -> None:
    try:
        Draft(payload=text).read_payload()
    except InvalidPayload:
        assert find_fault(text) is not None
    else:
        assert find_fault(text) is None


def test_tidying_keeps_every_number_and_every_key_as_written() -> None:
    assert tidy('{"b":1.0,"a":[1e400,"\\u00e9"],"b":2}') == (
        '{\n  "b": 1.0,\n  "a": [\n    1e400,\n    "\\u00e9"\n  ],\n  "b": 2\n}'
    )
    with pytest.raises(ValueError, match="no JSON"):
        tidy("{")


@given(JSON)
def test_tidy_json_means_the_same(value: object) -> None:
    assert json.loads(tidy(json.dumps(value))) == value


@given(JSON)
def test_escaping_the_unseen_changes_no_value(value: object) -> None:
    text = escape_unseen(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == json.loads(json.dumps(value))
    assert all(line.isprintable() for line in text.split("\n"))


def test_what_a_terminal_would_obey_is_escaped_and_lines_stay_lines() -> None:
    assert escape_unseen("a\x1b[2J\r\nb\u202ec\u2028\td") == "a\\u001b[2J\nb\\u202ec\\u2028    d"


def test_every_token_has_its_kind() -> None:
    line = '{"key": "value", "n": -1.5e3, "t": [true, null]}'
    assert [(line[start:end], kind) for start, end, kind in tokens(line) if kind != "punctuation"] == [
        ('"key"', "key"),
        ('"value"', "string"),
        ('"n"', "key"),
        ("-1.5e3", "number"),
        ('"t"', "key"),
        ("true", "literal"),
        ("null", "literal"),
    ]


def test_of_an_endless_line_only_the_beginning_is_coloured() -> None:
    assert max(end for _, end, _ in tokens("1," * 1_000_000)) <= HIGHLIGHTED_CHARS
