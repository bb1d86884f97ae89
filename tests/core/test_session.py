from __future__ import annotations

import json
import math
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import InvalidMetadata, InvalidName, InvalidTag
from fugue_core.protocol.session import (
    SessionInfo,
    WorktreeInfo,
    check_metadata,
    check_session_name,
    check_tag,
    check_tags,
    parse_session_id,
)

UNPRINTABLE = [
    "\t",
    "a\n",
    "\r",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\xa0",
    "\u2028",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\ud800",
]

# ---------------------------------------------------------------------------------------------------------------- tags


@pytest.mark.parametrize(
    "tag", ["a", "mayor", "Mayor", "child:mayor", "team/red", "#1", "x" * 64, "größe", "日本", "🦀"]
)
def test_a_printable_word_without_comma_is_a_tag(tag: str) -> None:
    assert check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", " ", "a b", " a", "a ", ",", "a,b", "x" * 65, *UNPRINTABLE])
def test_anything_else_is_no_tag_and_the_error_names_value_and_rule(tag: str) -> None:
    with pytest.raises(InvalidTag) as caught:
        check_tag(tag)
    assert caught.value.value == tag
    assert caught.value.rule == "1 to 64 printable characters without white space or comma"
    assert caught.value.rule in str(caught.value)


def test_a_long_value_is_cut_in_the_text_and_kept_in_the_error() -> None:
    with pytest.raises(InvalidTag, match=r"\(5,000 characters\)") as caught:
        check_tag("x" * 5000)
    assert len(caught.value.value) == 5000


def test_a_session_carries_64_tags_and_no_more_and_doubles_count_once() -> None:
    tags = [f"t{number}" for number in range(64)]
    assert check_tags(tags + tags) == frozenset(tags)
    with pytest.raises(InvalidTag, match="at most 64, not 65"):
        check_tags([*tags, "one-more"])


def test_one_bad_tag_among_many_is_named() -> None:
    with pytest.raises(InvalidTag) as caught:
        check_tags(["good", "b,ad", "fine"])
    assert caught.value.value == "b,ad"
    assert check_tags([]) == frozenset()


# --------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["a", "cat-1", "Cat_1", "x" * 64, "größe", "日本", "a.b", "@x", "!", "deadbeef", "f" * 31, "f" * 33]
)
def test_a_printable_word_is_a_session_name(name: str) -> None:
    assert check_session_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a b", "a,b", "a:b", "a/b", "#a", "x" * 65, *UNPRINTABLE])
def test_anything_else_is_no_session_name(name: str) -> None:
    with pytest.raises(InvalidName) as caught:
        check_session_name(name)
    assert caught.value.value == name
    assert "1 to 64 printable characters" in str(caught.value)


ID = UUID("0f0e0d0c-0b0a-4988-8766-554433221100")


@pytest.mark.parametrize("text", [str(ID), str(ID).upper(), ID.hex, f"{{{ID}}}"])
def test_a_name_that_reads_as_an_id_is_refused(text: str) -> None:
    assert parse_session_id(text) == ID
    with pytest.raises(InvalidName, match="no UUID"):
        check_session_name(text)


@pytest.mark.parametrize("text", ["bob", "", "0" * 31, str(ID)[:-1], f"{ID}0", f" {ID}", f"{ID}\n"])
def test_what_is_nearly_an_id_is_none(text: str) -> None:
    assert parse_session_id(text) is None


@pytest.mark.parametrize("text", ["dead_beef_dead_beef_dead_beef_12", "\u0661" * 32])
def test_32_characters_that_only_int_reads_as_a_number_are_a_name(text: str) -> None:
    assert len(text) == 32
    assert parse_session_id(text) is None
    assert check_session_name(text) == text


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}"]))
def test_every_id_is_read_back_from_its_text(session_id: UUID, form: str) -> None:
    assert parse_session_id(form.format(session_id)) == session_id
    assert parse_session_id(session_id.hex) == session_id


# ------------------------------------------------------------------------------------------------------------ metadata


def test_metadata_holds_any_json_values_and_only_its_size_is_limited() -> None:
    metadata: dict[str, Any] = {"pane": {"cwd": "/p", "n": [1, None, 2.5]}, "k" * 64: "v"}
    assert check_metadata(metadata, 1000) == metadata
    exact = {"k": "x" * 91}
    assert len(json.dumps(exact, separators=(",", ":"))) == 99
    assert check_metadata(exact, 99) == exact
    with pytest.raises(InvalidMetadata, match="99 bytes as JSON exceed the limit of 98"):
        check_metadata(exact, 98)


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, *UNPRINTABLE])
def test_a_bad_key_is_named(key: str) -> None:
    with pytest.raises(InvalidMetadata) as caught:
        check_metadata({"good": 1, key: 2}, 1000)
    assert caught.value.value == key


def deep(levels: int) -> Any:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", ["\ud800", math.nan, [None, math.inf], object(), deep(300), deep(100_000)], ids=lambda _: ""
)
def test_a_value_that_has_no_json_form_or_is_too_deep_is_refused(value: object) -> None:
    with pytest.raises(InvalidMetadata):
        check_metadata({"key": value}, 1_000_000)


# ---------------------------------------------------------------------------------------------------------------- info


def test_the_wire_has_the_fields_of_a_session_and_its_tags_in_order() -> None:
    info = SessionInfo(
        id=ID,
        name="ann",
        created_at=1700000000,
        window_count=1,
        attached_clients=2,
        worktree=WorktreeInfo(path="/p", branch="feat/x", is_main=False),
        tags=("builder", "citizen"),
        repo="r",
        metadata={"k": [1]},
        unread=3,
    )
    wire = json.loads(msgspec.json.encode(info))
    assert wire == {
        "id": str(ID),
        "name": "ann",
        "created_at": 1700000000,
        "window_count": 1,
        "attached_clients": 2,
        "worktree": {"path": "/p", "branch": "feat/x", "is_main": False},
        "tags": ["builder", "citizen"],
        "repo": "r",
        "metadata": {"k": [1]},
        "unread": 3,
        "wake": "off",
        "wake_reason": "",
    }
    assert msgspec.json.decode(msgspec.json.encode(info), type=SessionInfo) == info


def test_a_session_that_says_little_of_itself_gets_the_defaults_and_shares_none() -> None:
    one = SessionInfo(id=uuid4(), name="a", created_at=0)
    two = SessionInfo(id=uuid4(), name="b", created_at=0)
    assert (one.tags, one.worktree, one.repo, one.unread) == ((), None, None, 0)
    assert one.metadata == {}
    assert one.metadata is not two.metadata


def test_fields_that_we_do_not_know_are_passed_over() -> None:
    text = json.dumps({"id": str(ID), "name": "a", "created_at": 0, "mood": {"is": "good"}}).encode()
    assert msgspec.json.decode(text, type=SessionInfo).name == "a"
