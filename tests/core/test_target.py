from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import InvalidName, InvalidTag, InvalidTarget, InvalidValue
from fugue_core.protocol.target import (
    Broadcast,
    OrchestrationTarget,
    Session,
    SessionNamed,
    Tagged,
    WireTarget,
    Worktree,
    format_target,
    normalise_path,
    parse_target,
    to_wire,
)

ID = UUID("0f0e0d0c-0b0a-4988-8766-554433221100")

words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=","), min_size=1, max_size=64)
names = words.map(lambda word: word.replace(":", "-").replace("/", "-").replace("#", "-"))
paths = st.lists(
    st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=9), max_size=5
).map(lambda parts: normalise_path("/" + "/".join(parts)))
targets: st.SearchStrategy[WireTarget] = st.one_of(
    words.map(Tagged),
    st.builds(Tagged, words, st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)),
    names.map(SessionNamed),
    st.uuids().map(str).map(SessionNamed),
    st.just(Broadcast()),
    paths.map(Worktree),
)

TEXTS = [
    ("tag:mayor", Tagged("mayor")),
    ("tag:child:mayor", Tagged("child:mayor")),
    ("tag:team/red", Tagged("team/red")),
    ("tag:mayor in /home/ann/shop", Tagged("mayor", "/home/ann/shop")),
    ("tag:in in /a in b", Tagged("in", "/a in b")),
    ("session:bob", SessionNamed("bob")),
    (f"session:{ID}", SessionNamed(str(ID))),
    ("broadcast", Broadcast()),
    ("worktree:/p", Worktree("/p")),
    ("worktree:/a b/c:d", Worktree("/a b/c:d")),
    ("worktree:/p//q/./r/../", Worktree("/p/q")),
    ("worktree:/", Worktree("/")),
]


@pytest.mark.parametrize(("text", "target"), TEXTS)
def test_the_text_form_of_each_kind_is_read(text: str, target: WireTarget) -> None:
    assert parse_target(text) == target


@given(targets)
def test_what_is_formatted_is_read_back(target: WireTarget) -> None:
    assert parse_target(format_target(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mayor",
        "bob",
        ":",
        "Tag:mayor",
        "tagged:mayor",
        "broadcast:",
        "broadcast:x",
        " broadcast",
        "#mayor",
        "worktree",
        "worktree:",
        "tag",
        "session",
        "orchestrator",
    ],
)
def test_what_is_no_text_form_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse_target(text)
    assert caught.value.value == text
    assert str(caught.value).endswith("a target is tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tag:", InvalidTag),
        ("tag:a b", InvalidTag),
        ("tag:a,b", InvalidTag),
        ("tag:a in", InvalidTag),
        ("tag: in /r", InvalidTag),
        ("tag:a in ", InvalidTarget),
        ("tag:a in \udcff", InvalidTarget),
        ("tag:" + "x" * 65, InvalidTag),
        ("session:", InvalidName),
        ("session:a b", InvalidName),
        ("worktree:p", InvalidTarget),
        ("worktree:/a\0b", InvalidTarget),
        ("worktree:/\udcff", InvalidTarget),
    ],
)
def test_the_value_in_a_target_is_checked(text: str, error: type[InvalidValue]) -> None:
    with pytest.raises(error):
        parse_target(text)


@given(
    st.text() | st.sampled_from(["tag:", "session:", "worktree:/"]).flatmap(lambda kind: st.text().map(kind.__add__))
)
def test_any_text_is_a_target_or_an_invalid_value(text: str) -> None:
    try:
        target = parse_target(text)
    except InvalidValue:
        return
    assert parse_target(format_target(target)) == target
    msgspec.json.encode(target)


# ------------------------------------------------------------------------------------------------------------ the wire


@pytest.mark.parametrize(
    ("target", "wire"),
    [
        (Tagged("mayor"), {"kind": "tagged", "tag": "mayor"}),
        (Tagged("mayor", "r"), {"kind": "tagged", "tag": "mayor", "repo": "r"}),
        (SessionNamed("bob"), {"kind": "session", "session": "bob"}),
        (SessionNamed(str(ID), "bob"), {"kind": "session", "session": str(ID), "name": "bob"}),
        (Broadcast(), {"kind": "broadcast"}),
        (Worktree("/p"), {"kind": "worktree", "path": "/p"}),
    ],
)
def test_a_target_on_the_wire(target: WireTarget, wire: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(target)) == wire
    assert msgspec.json.decode(json.dumps(wire).encode(), type=WireTarget) == target


@given(targets)
def test_every_target_comes_through_the_wire_as_it_was(target: WireTarget) -> None:
    assert msgspec.json.decode(msgspec.json.encode(target), type=WireTarget) == target


@pytest.mark.parametrize(
    "wire",
    [
        b"{}",
        b'{"kind":"orchestrator"}',
        b'{"kind":"tagged"}',
        b'{"kind":"session"}',
        b'"tag:a"',
        b'{"kind":"tagged","tag":1}',
    ],
)
def test_what_is_no_target_on_the_wire_is_refused(wire: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(wire, type=WireTarget)


@pytest.mark.parametrize(
    ("target", "wire"),
    [
        ("tag:mayor", Tagged("mayor")),
        (Session(ID), SessionNamed(str(ID))),
        (SessionNamed("bob"), SessionNamed("bob")),
        (Tagged("a", "r"), Tagged("a", "r")),
        (Broadcast(), Broadcast()),
    ],
)
def test_a_target_is_given_as_text_or_as_a_value(
    target: OrchestrationTarget | WireTarget | str, wire: WireTarget
) -> None:
    assert to_wire(target) == wire


def test_a_session_is_shown_by_its_name_where_that_is_known() -> None:
    assert format_target(SessionNamed(str(ID), "bob")) == "session:bob"
    assert format_target(SessionNamed(str(ID))) == f"session:{ID}"
    assert format_target(Session(ID)) == f"session:{ID}"


# --------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//", "/"),
        ("//p", "/p"),
        ("///p", "/p"),
        ("/p/", "/p"),
        ("/p//q", "/p/q"),
        ("/p/./q/..", "/p"),
        ("/..", "/"),
        ("/p q", "/p q"),
    ],
)
def test_a_path_has_one_form(path: str, normal: str) -> None:
    assert normalise_path(path) == normal


@pytest.mark.parametrize("path", ["", "p", "./p", "~/p", "/a\0b", "/\ud800"])
def test_a_path_that_is_not_absolute_or_no_text_is_refused(path: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        normalise_path(path)
    assert caught.value.value == path


@given(paths)
def test_the_form_of_a_path_is_its_own_form(path: str) -> None:
    assert normalise_path(path) == path
    assert normalise_path(path + "/") == path
