from __future__ import annotations

import json
import math
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core import limits
from fugue_core.errors import InvalidMessageType, InvalidPayload
from fugue_core.protocol.message import (
    OrchestrationMessage,
    PackedMessage,
    check_msg_type,
    check_payload,
    pack,
    read_payload,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def packed(payload: object) -> bytes:
    return bytes(pack(OrchestrationMessage("t", payload)).payload)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


# ------------------------------------------------------------------------------------------------------ message types


@pytest.mark.parametrize(
    "msg_type", ["a", "status_update", "gas_town.bid", "x" * 128, "größe", "日本語", "a,b", "a:b/c#d", "🦀"]
)
def test_a_printable_word_is_a_message_type(msg_type: str) -> None:
    assert check_msg_type(msg_type) == msg_type


@pytest.mark.parametrize(
    "msg_type",
    ["", " ", "a b", "\t", "a\n", "\x00", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u200b", "\ud800", "x" * 129],
)
def test_anything_else_is_none_and_the_error_names_it(msg_type: str) -> None:
    with pytest.raises(InvalidMessageType) as caught:
        check_msg_type(msg_type)
    assert caught.value.value == msg_type
    assert "1 to 128 printable characters" in str(caught.value)


def test_packing_checks_the_message_type() -> None:
    with pytest.raises(InvalidMessageType):
        pack(OrchestrationMessage("a b", None))


# ------------------------------------------------------------------------------------------- what a payload may be


@given(json_values)
def test_a_json_value_comes_back_as_it_was(payload: object) -> None:
    message = OrchestrationMessage("t", payload)
    assert pack(message).unpack() == message


@given(json_values)
def test_other_readers_understand_what_is_packed_and_it_is_one_line(payload: object) -> None:
    text = packed(payload)
    assert json.loads(text) == payload
    assert b"\n" not in text


@given(json_values, st.sampled_from([None, 1, 2]))
def test_json_text_is_carried_as_it_was_written(payload: object, indent: int | None) -> None:
    text = json.dumps(payload, ensure_ascii=False, indent=indent).encode()
    carried = packed(msgspec.Raw(text))
    assert carried == text.replace(b"\n", b" ")
    assert read_payload(carried) == payload


@pytest.mark.parametrize(
    "text",
    [b"1.0", b"1e2", b"10000000000000000000000000000000001", b'{"b":1,"a":2,"b":3}', b'"\\u00e9"', b"-0.0", b"1e400"],
)
def test_numbers_key_order_and_spelling_survive(text: bytes) -> None:
    assert packed(msgspec.Raw(text)) == text


@pytest.mark.parametrize(
    "payload",
    [math.nan, math.inf, -math.inf, [None, math.nan], {"a": {"b": [math.nan]}}, {"none": None, "nan": math.nan}],
)
def test_nan_and_infinity_have_no_json_form(payload: object) -> None:
    with pytest.raises(InvalidPayload, match="has no JSON form"):
        pack(OrchestrationMessage("t", payload))


def test_null_and_the_word_null_are_no_nan() -> None:
    assert packed(None) == b"null"
    assert packed(["null", None, {"null": "nullnull"}]) == b'["null",null,{"null":"nullnull"}]'


def test_what_msgspec_can_write_can_be_sent_with_a_null_in_it_as_well() -> None:
    key = UUID("00000000-0000-0000-0000-000000000001")
    assert read_payload(packed({key: [1]})) == {str(key): [1]}
    assert read_payload(packed({key: [None]})) == {str(key): [None]}
    assert read_payload(packed([{1}, b"ab", OrchestrationMessage("t")])) == [
        [1],
        "YWI=",
        {"msg_type": "t", "payload": None},
    ]
    assert read_payload(packed([msgspec.Raw(b"[1]"), None])) == [[1], None]


class Endless(list[Any]):
    def __init__(self) -> None:
        self.append(self)


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "payload",
    [object(), "\ud800", {"\udfff": 1}, {(1, 2): 3}, {None: 1}, Endless(), deep(), {1j: None}],
    ids=lambda _: "",
)
def test_what_has_no_json_form_is_refused(payload: object) -> None:
    with pytest.raises(InvalidPayload, match="has no JSON form"):
        pack(OrchestrationMessage("t", payload))


@pytest.mark.parametrize(
    "text", [b"", b" ", b"{", b"1 2", b"nul", b"NaN", b"[1,]", b'"\x01"', b'"\xff"', b"1\n2", b"1\x00"]
)
def test_raw_text_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidPayload):
        pack(OrchestrationMessage("t", msgspec.Raw(text)))


@pytest.mark.parametrize("payload", [msgspec.Raw(b'"\\ud800"'), [msgspec.Raw(b'"\\ud800"')], [msgspec.Raw(b"]")]])
def test_what_the_daemon_could_not_read_is_refused_before_it_is_sent(payload: object) -> None:
    with pytest.raises(InvalidPayload):
        pack(OrchestrationMessage("t", payload))


def test_huge_integers_are_carried_and_refused_where_python_cannot_hold_them() -> None:
    digits = b"9" * 4300
    assert pack(OrchestrationMessage("t", int(digits))).unpack().payload == int(digits)
    message = PackedMessage("t", msgspec.Raw(b"9" * 4301))
    with pytest.raises(InvalidPayload, match="4300 digits"):
        message.unpack()


# ------------------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": 1,}', "line 1, column [89]"),
        (b'{\n  "a": tru\n}', "line 2, column 8"),
        (b"[1 2]", "line 1, column 4"),
        (b'"a', "line 1, column 1"),
        (b"\xef\xbb\xbf1", "line 1, column 1"),
    ],
)
def test_bad_json_is_refused_with_line_and_column(text: bytes, place: str) -> None:
    with pytest.raises(InvalidPayload, match=place):
        read_payload(text)


@pytest.mark.parametrize(
    "text", [b"NaN", b"Infinity", b"[-Infinity]", b'"\xff"', b"1\x00", b"\xff\xfe1\x00", nested(10_000)]
)
def test_what_only_looks_like_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidPayload):
        read_payload(text)


def test_the_unusual_is_read() -> None:
    assert read_payload(b'"\\ud800"') == "\ud800"
    assert read_payload(b"1e400") == math.inf
    assert read_payload(b" [1] ") == [1]


@given(st.binary())
def test_reading_bytes_raises_nothing_but_invalid_payload(text: bytes) -> None:
    try:
        read_payload(text)
    except InvalidPayload as error:
        assert str(error)  # noqa: PT017  # that there is a text, too


VALID = json.dumps({"a": [1, -2.5e3, 'x"y\\z\u00e9', None, True], "b": {"c": [[], {}]}}).encode()


@given(st.dictionaries(st.integers(0, len(VALID) - 1), st.integers(0, 255), max_size=4))
def test_damaged_json_reads_as_the_standard_library_reads_it_or_not_at_all(edits: dict[int, int]) -> None:
    damaged = bytes(edits.get(index, byte) for index, byte in enumerate(VALID))
    try:
        value = read_payload(damaged)
    except InvalidPayload:
        return
    assert value == json.loads(damaged.decode())


# -------------------------------------------------------------------------------------------------------- depth


def test_a_payload_may_be_256_levels_deep_and_no_more() -> None:
    check_payload(nested(256))
    with pytest.raises(InvalidPayload, match="nested 257 levels deep, the limit is 256"):
        check_payload(nested(257))


@pytest.mark.parametrize("levels", [256, 257])
def test_objects_count_as_arrays_do(levels: int) -> None:
    text = b'{"a":' * levels + b"1" + b"}" * levels
    if levels <= limits.PAYLOAD_DEPTH:
        check_payload(text)
    else:
        with pytest.raises(InvalidPayload):
            check_payload(text)


def test_breadth_is_no_depth() -> None:
    check_payload(b"[" + b",".join([b"[{}]"] * 1000) + b"]")


@pytest.mark.parametrize("text", ["[" * 300, "{[" * 300, '\\"[' * 300, "\\\\[" * 300, '"' + "[" * 300 + "\\"])
def test_brackets_within_strings_nest_nothing(text: str) -> None:
    check_payload(json.dumps(text).encode())
    check_payload(json.dumps([text, {text: [text]}]).encode())


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


brackets = st.text('[]{}"\\', max_size=5)
bracketed_values = st.recursive(
    brackets,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(brackets, inner, max_size=3),
    max_leaves=30,
)


@given(bracketed_values, st.integers(0, 4))
def test_depth_is_counted_as_a_parser_would(value: object, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "PAYLOAD_DEPTH", limit)
        try:
            check_payload(json.dumps(value).encode())
        except InvalidPayload:
            assert depth_of(value) > limit
        else:
            assert depth_of(value) <= limit


def test_a_payload_of_any_kind_is_carried_in_a_message_of_any_type() -> None:
    for msg_type in ("status_update", "task_complete", "gas_town.auction", str(uuid4())):
        payloads: list[Any] = [None, 1, "x", [], {}, {"a": [1, {"b": None}]}]
        for payload in payloads:
            message = OrchestrationMessage(msg_type, payload)
            assert pack(message).unpack() == message
