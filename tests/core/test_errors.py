from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from fugue_core import errors
from fugue_core.errors import FugueError

IDS = (UUID(int=1), UUID(int=2))

EXAMPLES: dict[str, Any] = {
    "breaker": "ann bob",
    "chain": IDS[0],
    "code": "EACCES",
    "delivered": IDS[1:],
    "faults": ({"field": "/amount", "keyword": "minimum", "expected": "1", "found": "0"},),
    "has_more": True,
    "hops": 4,
    "limit": 3,
    "limit_bytes": 8,
    "message": str(IDS[0]),
    "message_id": IDS[0],
    "method": "message.send",
    "msg_type": "gas_town.bid",
    "names": ("ann",),
    "near": ("bob", "bab"),
    "path": "/dev/pts/3",
    "program": "claud",
    "reason": "because",
    "reasons": (),
    "refused": IDS[:1],
    "repo": "/shop",
    "rule": "1 to 64 characters",
    "seq": 7,
    "session": "bob",
    "session_name": "bob",
    "size_bytes": 9,
    "socket_path": "/run/fugue/default.sock",
    "target": "tag:mayor",
    "text": "a text",
    "turns": 600,
    "turns_s": 60.0,
    "value": "a,b",
    "view": 3,
    "wait_s": 2.5,
    "window": 2,
}
"""One value for each argument that an error is made of."""


def all_errors(kind: type[FugueError] = FugueError) -> Iterator[type[FugueError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from all_errors(child)


def example(kind: type[FugueError]) -> FugueError:
    return kind(**{name: EXAMPLES[name] for name in list(inspect.signature(kind).parameters)})


ERRORS = tuple(all_errors())
RAISED = tuple(kind for kind in ERRORS if not kind.__subclasses__())
"""What is raised; a class that has others under it only gathers them."""


def drawn_tree() -> list[tuple[str, str, int | None]]:
    """Return the lines of the tree in the module's docstring: class, parent, code."""
    line = re.compile(r"    (?P<bars>(?:│   )*)[├└]── (?P<name>\w+) *(?P<code>-\d+)?")
    path = ["FugueError"]
    rows = []
    for match in filter(None, map(line.match, (errors.__doc__ or "").splitlines())):
        depth = len(match["bars"]) // 4 + 1
        path[depth:] = [match["name"]]
        rows.append((match["name"], path[depth - 1], int(match["code"]) if match["code"] else None))
    return rows


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = {(name, parent) for name, parent, _ in drawn_tree()}
    assert drawn == {(kind.__name__, kind.__bases__[0].__name__) for kind in ERRORS}
    assert len(drawn) > 30


def test_the_codes_in_the_docstring_are_the_codes_of_the_classes() -> None:
    assert {name: code for name, _, code in drawn_tree()} == {kind.__name__: vars(kind).get("code") for kind in ERRORS}


def test_no_two_errors_share_a_code_and_each_is_in_a_range_that_json_rpc_leaves_free_or_defines() -> None:
    codes = [kind.code for kind in ERRORS if "code" in vars(kind)]
    assert len(codes) == len(set(codes))
    defined = {-32700, -32600, -32601, -32602, -32603}
    assert all(code in defined or -32099 <= code <= -32001 for code in codes)


def test_what_can_be_raised_by_the_daemon_has_a_code_of_its_own() -> None:
    client_side = {"DaemonUnavailable", "ConnectionLost", "NoAnswer", "WouldBlock", "ReceiverClosed"}
    assert {kind.__name__ for kind in RAISED if "code" not in vars(kind)} == client_side


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_keeps_what_it_was_made_of_and_writes_one_line(kind: type[FugueError]) -> None:
    error = example(kind)
    assert error.values() == {name: EXAMPLES[name] for name in inspect.signature(kind).parameters}
    assert str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_says_what_it_means(kind: type[FugueError]) -> None:
    assert inspect.getdoc(kind)
    assert kind.__doc__ is not None


def test_what_a_person_wrote_is_shown_quoted_and_cut() -> None:
    assert str(errors.InvalidTag("a\x1b[31m", "a rule")) == "tag 'a\\x1b[31m': a rule"
    assert str(errors.InvalidName("x" * 81, "a rule")) == f"session name '{'x' * 80}'... (81 characters): a rule"
    assert errors.shorten("x" * 80) == repr("x" * 80)


def test_a_near_name_is_offered() -> None:
    assert str(errors.SessionNotFound("bbo", ["bob"])) == "no session 'bbo'; did you mean bob?"
    assert str(errors.SessionNotFound("bbo")) == "no session 'bbo'"
    assert str(errors.MethodNotFound("x", ["y", "z"])) == "no method 'x'; did you mean y, z?"


def test_a_full_mailbox_says_whose_and_how_many() -> None:
    ids = [UUID(int=number) for number in range(9)]
    assert (
        str(errors.MailboxFull(ids[:2], ids[2:], names=["ann", "bob"])) == "mailbox full: ann, bob; 7 of 9 received it"
    )
    names = [f"s{number}" for number in range(7)]
    assert "s0, s1, s2, s3, s4 and 2 more; 2 of 9 received it" in str(errors.MailboxFull(ids[:7], ids[7:], names=names))
    mixed = errors.MailboxShareFull(ids[:2], [], names=["ann", "bob"], reasons=["mailbox share full", "mailbox full"])
    assert str(mixed) == "mailbox share full: ann; mailbox full: bob; 0 of 2 received it"
    assert str(errors.MailboxFull(ids[:1], [])) == f"mailbox full: {ids[0]}; 0 of 1 received it"


def test_a_broken_schema_names_field_and_rule_and_says_whether_there_is_more() -> None:
    faults = [
        {"field": "/amount", "keyword": "minimum", "expected": "1", "found": "0"},
        {"field": "", "keyword": "required", "expected": '"to"', "found": ""},
        {"field": "/a\nb", "keyword": "type", "expected": '"null"', "found": "1"},
    ]
    expected = (
        "'bid' breaks its schema: /amount: minimum 1, found 0; the payload: required \"to\"; "
        "'/a\\nb': type \"null\", found 1"
    )
    assert str(errors.SchemaViolation("bid", faults)) == expected
    assert str(errors.SchemaViolation("bid", faults, has_more=True)) == f"{expected}; and more"


def test_what_looks_like_a_loop_says_how_it_is_released() -> None:
    ids = [UUID(int=number) for number in range(3)]
    reasons = ["mailbox full", "pair too fast"]
    pair = errors.PairTooFast(ids[:2], ids[2:], None, None, ["ann", "bob"], reasons, "cid", 600, 60.0)
    assert str(pair) == (
        "mailbox full: ann; pair too fast: bob; 1 of 3 received it; over 600 turns within 60 s."
        " A person may release it: fugue breaker release cid bob"
    )
    assert str(errors.ChainTooLong(ids[1], 65, 64)).endswith(f"A person may release it: fugue breaker release {ids[1]}")
