"""Schemas and what they cost, and where payloads break them, against the library's own list and another library."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fugue_core import limits
from fugue_core.errors import FugueError, InvalidSchema, PayloadUncheckable, SchemaLibraryMissing
from fugue_core.fault import Fault
from fugue_core.validator import Validator

BID = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "minimum": 1}, "note": {"type": "string", "maxLength": 5}},
    "additionalProperties": False,
}


def of(schema: Any) -> Validator:
    return Validator("bid", json.dumps(schema).encode())


def faults(schema: Any, payload: Any) -> list[Fault]:
    return list(of(schema).check(json.dumps(payload).encode()))


# ----------------------------------------------------------------------------------------- where a payload is wrong


@pytest.mark.parametrize("payload", [{"amount": 1}, {"amount": 1.5, "note": "short"}])
def test_nothing_is_wrong_with_what_fits(payload: Any) -> None:
    assert faults(BID, payload) == []


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({"amount": "1"}, ("/amount", "type", '"number"', '"1"')),
        ({"amount": 0}, ("/amount", "minimum", "1", "0")),
        ({}, ("", "required", '"amount"', "")),
        ({"amount": 1, "a/b~c": 2}, ("/a~1b~0c", "additionalProperties", "false", "2")),
        ({"amount": 1, "note": "longer"}, ("/note", "maxLength", "5", '"longer"')),
        ([], ("", "type", '"object"', "")),
    ],
)
def test_a_fault_names_the_field_the_rule_what_was_expected_and_what_was_found(
    payload: Any, fault: tuple[str, str, str, str]
) -> None:
    assert faults(BID, payload) == [fault]


@pytest.mark.parametrize(
    ("schema", "payload", "field", "keyword"),
    [
        ({"items": {"type": "string"}}, ["a", 1], "/1", "type"),
        ({"prefixItems": [True, {"const": 1}], "items": False}, [0, 2], "/1", "const"),
        ({"prefixItems": [True], "items": False}, [0, 2], "/1", "schema"),
        ({"contains": {"const": 1}, "maxContains": 1}, [1, 1], "", "contains"),
        ({"patternProperties": {"^x%/": {"type": "null"}}}, {"x%/1": 0}, "/x%~11", "type"),
        ({"additionalProperties": {"type": "null"}, "properties": {"a": True}}, {"a": 1, "b": 2}, "/b", "type"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 0}, "/ab", "propertyNames maxLength"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "", "dependentRequired"),
        ({"dependentSchemas": {"a": {"minProperties": 2}}}, {"a": 1}, "", "minProperties"),
        ({"not": {"type": "null"}}, None, "", "not"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}}, "a", "", "minLength"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}}, 1, "", "minimum"),
        ({"oneOf": [{"type": "number"}, {"minimum": 1}]}, 2, "", "oneOf"),
        ({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "number"}}}, {"a": ""}, "/a", "type"),
        ({"$ref": "#n", "$defs": {"m": {"$anchor": "n", "type": "number"}}}, "", "", "type"),
        ({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "number"}}}, "", "", "type"),
        ({"properties": {"a": True}, "unevaluatedProperties": False}, {"b": 1}, "", "unevaluatedProperties"),
        (False, 1, "", "not"),
    ],
)
def test_the_way_to_a_fault_is_found_through_every_keyword(schema: Any, payload: Any, field: str, keyword: str) -> None:
    assert [(fault[0], fault[1]) for fault in faults(schema, payload)] == [(field, keyword)]


@pytest.mark.parametrize(
    ("schema", "payload", "keyword"),
    [
        ({"minimum": 5, "exclusiveMinimum": True}, 5, "minimum"),
        ({"id": "bid", "definitions": {"n": {"id": "#n", "type": "null"}}, "$ref": "#n"}, 5, "type"),
    ],
)
def test_an_older_draft_is_read_as_it_was_meant(schema: dict[str, Any], payload: Any, keyword: str) -> None:
    draft = {"$schema": "http://json-schema.org/draft-04/schema#"}
    assert [fault[1] for fault in faults({**draft, **schema}, payload)] == [keyword]


def test_of_alternatives_the_one_that_is_meant_says_what_is_wrong() -> None:
    schema = {
        "oneOf": [
            {"properties": {"kind": {"const": "bid"}, "amount": {"type": "number"}}, "required": ["kind"]},
            {"$ref": "#/$defs/award"},
            {"type": "string"},
        ],
        "$defs": {"award": {"type": "object", "properties": {"kind": {"const": "award"}}, "required": ["kind", "to"]}},
    }
    assert faults(schema, {"kind": "bid", "amount": "1"}) == [("/amount", "type", '"number"', '"1"')]
    assert faults(schema, {"kind": "award"}) == [("", "required", '"to"', "")]
    assert faults(schema, {"kind": "news"}) == [("", "oneOf", "one of 3", "")]


def test_only_the_first_faults_are_told_and_one_more_so_that_it_is_known_that_there_are() -> None:
    found = faults({"items": {"type": "string"}}, list(range(100)))
    assert [fault[0] for fault in found] == [f"/{place}" for place in range(limits.SCHEMA_FAULTS + 1)]


def test_what_is_long_is_cut() -> None:
    (fault,) = faults({"enum": list(range(1000))}, "x" * 1000)
    assert len(fault[2]) == len(fault[3]) == 60
    assert fault[2].endswith("…")


@pytest.mark.parametrize("number", ["1e400", "-1e-400", "1" + "0" * 500, "18446744073709551616"])
def test_a_number_of_any_size_is_a_number(number: str) -> None:
    assert of({"type": "number"}).check(number.encode()) == ()


# ------------------------------------------------------------------------------------ against the libraries themselves

NAMES = st.sampled_from(["a", "b", "a/b", "~", "%", "é"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "é"])
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3), max_leaves=8)
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
REFERENCES = st.sampled_from(["#", "#/$defs/d", "#d"])


def schemas_of(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    few = st.lists(part, min_size=1, max_size=2)
    by_name = st.dictionaries(NAMES, part, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS,
            "const": LEAVES,
            "enum": st.lists(LEAVES, min_size=1, max_size=2),
            "minimum": st.integers(-2, 2),
            "maxLength": st.integers(0, 2),
            "pattern": st.sampled_from(["a", "^b", "^$"]),
            "maxItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "minProperties": st.integers(0, 2),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "properties": by_name,
            "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), part, max_size=1),
            "additionalProperties": part,
            "propertyNames": part,
            "dependentSchemas": by_name,
            "items": part,
            "prefixItems": few,
            "contains": part,
            "allOf": few,
            "anyOf": few,
            "oneOf": few,
            "not": part,
            "if": part,
            "then": part,
            "else": part,
            "unevaluatedProperties": st.booleans(),
            "$ref": REFERENCES,
        },
    )


SCHEMAS = st.recursive(st.booleans() | schemas_of(st.booleans()), schemas_of, max_leaves=6)


@given(schema=SCHEMAS, within=SCHEMAS, value=VALUES)
def test_what_is_wrong_is_what_another_library_says_and_each_fault_is_in_the_payload(
    schema: Any, within: Any, value: Any
) -> None:
    root = {"allOf": [schema], "$defs": {"d": {"$anchor": "d", "allOf": [within]}}}
    try:
        validator = of(root)
    except InvalidSchema:  # it refers to itself in a way that is refused as too dear
        assume(condition=False)
    found = validator.check(json.dumps(value).encode())
    try:
        is_valid = jsonschema.Draft202012Validator(root).is_valid(value)
    except RecursionError:  # it goes round in a circle, which only the other library minds
        assume(condition=False)
    assert bool(found) != is_valid
    assert len(set(found)) == len(found)
    for fault in found:
        assert_is_there(value, fault)


def assert_is_there(value: Any, fault: Fault) -> None:
    for part in fault.field.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = (
            value[int(name)] if isinstance(value, list) else name if "propertyNames" in fault.keyword else value[name]
        )
    if fault.found and not isinstance(value, dict | list):
        assert fault.found == json.dumps(value, ensure_ascii=False)


@given(value=VALUES)
def test_without_alternatives_the_faults_are_the_library_s_own(value: Any) -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": ["string", "array"], "maxLength": 1, "items": {"minimum": 1}}},
        "additionalProperties": {"type": "integer"},
    }
    validator = jsonschema_rs.validator_for(schema)
    expected = {
        (
            "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path),
            error.kind.name,
        )
        for error in validator.iter_errors(value)
    }
    found = {(fault[0], fault[1]) for fault in faults(schema, value)}
    assert found == expected or (len(found) <= limits.SCHEMA_FAULTS + 1 and found < expected)


# --------------------------------------------------------------------------------------------- schemas that are refused


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "objekt"}, 'at /type: "objekt" is not valid'),
        ({"properties": {"a/b": {"minimum": "x"}}}, r'at /properties/a~1b/minimum: "x" is not of type "number"'),
        ({"pattern": "(a"}, "at /pattern"),
        ({"pattern": "(?=a)b"}, "at /pattern"),
        ({"pattern": r"(a)\1"}, "at /pattern"),
        ({"pattern": "(a{1000}){1000}"}, "at /pattern"),
        ({"$schema": "http://127.0.0.1:9/own"}, "Unknown meta-schema"),
        ({"$ref": "#/$defs/nobody"}, "which is not in it"),
        ({"$ref": "#nobody"}, "which is not in it"),
        ({"$ref": "other.json"}, "which is not in it; nothing is fetched"),
        ({"properties": {"a": {"$id": "own", "$ref": "#/$defs/b"}}}, "must not have a name of its own"),
        (5, "is neither an object nor true or false"),
        ({"enum": ["x" * limits.SCHEMA_BYTES]}, "the limit is 65,536"),
    ],
)
def test_a_bad_schema_is_refused_with_where_and_why(schema: Any, why: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        of(schema)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    def nested(levels: int) -> bytes:
        return b'{"not":' * levels + b"true" + b"}" * levels

    Validator("bid", nested(limits.SCHEMA_DEPTH))
    with pytest.raises(InvalidSchema, match="nested 65 levels deep, the limit is 64"):
        Validator("bid", nested(limits.SCHEMA_DEPTH + 1))


@pytest.mark.parametrize("scheme", ["http", "https", "file"])
def test_nothing_is_ever_fetched(scheme: str, tmp_path: Any) -> None:
    import socket  # noqa: PLC0415  # only here

    kept = tmp_path / "kept.json"
    kept.write_text('{"type": "string"}')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        place = f"{scheme}://{kept if scheme == 'file' else f'127.0.0.1:{server.getsockname()[1]}/kept.json'}"
        for schema in ({"$ref": place}, {"$id": place, "$ref": "other.json"}, {"$schema": place}):
            with pytest.raises(InvalidSchema):
                of(schema)
        with pytest.raises(BlockingIOError):
            server.accept()


# ------------------------------------------------------------------------------------------------ schemas that are dear


def doubling(lines: int) -> dict[str, Any]:
    twice = {f"d{line}": {"allOf": [{"$ref": f"#/$defs/d{line - 1}"}] * 2} for line in range(1, lines + 1)}
    return {"$ref": f"#/$defs/d{lines}", "$defs": {"d0": {"type": "object"}, **twice}}


def test_a_schema_that_doubles_with_every_line_is_refused() -> None:
    assert of(doubling(8)).check(b"{}") == ()
    with pytest.raises(InvalidSchema, match="takes over 10,000 steps for one value"):
        of(doubling(40))


def test_a_payload_too_long_for_a_dear_schema_is_refused_and_a_cheap_schema_takes_as_long_as_a_line() -> None:
    dear = of({"items": {"not": {"enum": [{"a": number} for number in range(2000)]}}})
    with pytest.raises(PayloadUncheckable, match="would take too long") as caught:
        dear.check(b"[" + b'{"a":-1},' * 50_000 + b"0]")
    limit_bytes = caught.value.limit_bytes
    assert dear.check(b'"' + b"x" * (limit_bytes - 2) + b'"') == ()
    assert of(BID).steps * limits.Limits().line_bytes < limits.SCHEMA_WORK


def test_no_pattern_goes_back() -> None:
    began = time.monotonic()
    assert of({"pattern": "^(a+)+$"}).check(b'"' + b"a" * 200_000 + b'!"') != ()
    assert time.monotonic() - began < 20  # an engine that goes back would take for ever


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"properties": {"k": {"const": k}, "a": {"$ref": "#"}}, "required": ["k", "a"]} for k in "xy"]},
        {"properties": {"a": {"allOf": [{"$ref": "#"}] * 2}}, "type": "object", "not": {"const": {}}},
        {
            "type": "object",
            "not": {"const": {}},
            "properties": {"a": {"$ref": "#"}},
            "anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 2,
            "unevaluatedProperties": False,
        },
    ],
)
def test_where_a_schema_comes_back_to_itself_twice_the_fault_is_told_in_good_time(schema: Any) -> None:
    payload: Any = {}
    for _ in range(limits.PAYLOAD_DEPTH - 1):
        payload = {"a": payload}
    validator = of(schema)
    began = time.monotonic()
    assert validator.check(json.dumps(payload).encode())
    assert time.monotonic() - began < 20  # the library's own list would take longer than there is time


def test_one_that_refers_to_nothing_but_itself_is_no_endless_way() -> None:
    assert of({"$ref": "#"}).check(b"1") == ()
    assert of({"allOf": [{"$ref": "#"}], "type": "null"}).check(b"1") != ()


def test_without_the_library_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(SchemaLibraryMissing, match="pip install jsonschema-rs"):
        of(BID)


def test_the_library_is_loaded_with_the_first_schema_and_not_before() -> None:
    script = (
        "import sys, fugue_core.daemon.server as s\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "s.Validator('bid', b'true')\n"
        "assert 'jsonschema_rs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=50)


@given(
    text=st.binary(max_size=60)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | SCHEMAS.map(lambda s: json.dumps(s).encode())
)
def test_whatever_is_given_for_a_schema_raises_nothing_but_what_is_promised(text: bytes) -> None:
    try:
        Validator("bid", text).check(b'{"a": [1]}')
    except FugueError as error:
        assert isinstance(error, InvalidSchema)  # noqa: PT017  # no other one
