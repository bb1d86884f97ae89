"""`fugue schema`, and what its refusals look like where messages are sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Fugue, repository

POSITIVE: dict[str, Any] = {"type": "object", "required": ["amount"], "properties": {"amount": {"minimum": 1}}}
BROKEN = "'bid' breaks its schema: /amount: minimum 1, found 0"


@pytest.fixture
def shop(fugue: Fugue) -> Path:
    """The directory of a repository, in which `fugue` runs."""
    fugue.directory = repository(fugue.directory / "shop")
    return fugue.directory


def test_a_schema_of_the_repository_is_set_shown_listed_and_removed(fugue: Fugue, shop: Path) -> None:
    (shop / "bid.json").write_text(json.dumps(POSITIVE, indent=4))
    ann = fugue.join("ann")
    done = fugue("schema", "set", "bid", "@bid.json", session=ann)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"bid is held against it from now on, for what is sent in {shop}\n"
    shown = fugue("schema", "show", "bid")
    assert json.loads(shown.out) == POSITIVE
    assert shown.out.startswith('{\n  "type": "object",\n  "required": [\n    "amount"\n  ],\n')
    assert shown.err.startswith(f"bid, for what is sent in {shop}, set by ")
    listed = fugue("schema", "list").out.splitlines()
    assert [line.split()[:2] for line in listed] == [["TYPE", "REPO"], ["bid", str(shop)]]
    assert fugue("schema", "rm", "bid").out == f"bid is free again, for what is sent in {shop}\n"
    assert fugue("schema", "list").err.startswith("no schemas: every type is free")


def test_json_is_printed_where_it_is_asked_for(fugue: Fugue, shop: Path) -> None:
    info = fugue("schema", "set", "bid", json.dumps(POSITIVE), "--json").json
    assert (info["msg_type"], info["repo"], info["set_by"]) == ("bid", str(shop), "fugue")
    assert fugue("schema", "show", "bid", "--json").json == {"info": info, "schema": POSITIVE}
    assert fugue("schema", "list", "--json").objects == [info]
    assert fugue("schema", "rm", "bid", "--json").json == info


def test_what_is_meant_for_all_is_said_and_a_repository_is_never_guessed(fugue: Fugue, shop: Path) -> None:
    outside = shop.parent
    refused = fugue("schema", "set", "bid", "true", cwd=outside)
    assert (refused.code, refused.out) == (2, "")
    assert "--repo PATH names one, --global means all" in refused.err
    assert fugue("schema", "set", "bid", "true", "--global", "--repo", ".").code == 2
    assert "no git repository at /" in fugue("schema", "set", "bid", "true", "--repo", "/").err
    done = fugue("schema", "set", "bid", "true", "--global", cwd=outside)
    assert done.out == "bid is held against it from now on, where a repository has none of its own\n"
    assert fugue("schema", "set", "bid", "false", "--repo", str(shop), cwd=outside).out.endswith(f"{shop}\n")
    assert fugue("schema", "show", "bid").out == "false\n"
    assert fugue("schema", "show", "bid", "--global").out == "true\n"
    assert fugue("schema", "show", "bid", cwd=outside).out == "true\n"
    assert fugue("schema", "show", "bid", "--repo", str(shop), cwd=outside).out == "false\n"


def test_removing_says_what_holds_then(fugue: Fugue, shop: Path) -> None:
    fugue("schema", "set", "bid", "true", "--global")
    refused = fugue("schema", "rm", "bid")
    assert refused.code == 4
    assert f"no schema for 'bid' of {shop}; --global names the one for all" in refused.err
    fugue("schema", "set", "bid", "false")
    assert "is held against the one for all repositories again" in fugue("schema", "rm", "bid").out
    assert fugue("schema", "rm", "bid", "--global").out.startswith("bid is free again")
    assert fugue("schema", "rm", "bid", "--global").code == 4
    assert fugue("schema", "show", "bid").code == 4


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ('{"properties": {"amount": {"minimum": "1"}}}', 'at /properties/amount/minimum: "1" is not of type "number"'),
        ('{"$ref": "http://127.0.0.1:9/bid.json"}', "which is not in it; nothing is fetched"),
        ('{"type": }', "schema is no JSON: line 1, column 10"),
    ],
)
def test_a_bad_schema_is_refused_with_where_and_why(fugue: Fugue, shop: Path, schema: str, words: str) -> None:
    refused = fugue("schema", "set", "bid", schema)
    assert (refused.code, refused.out) == (2, "")
    assert words in refused.err
    assert fugue("schema", "list").out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["send", "session:ann", "bid"],
        ["send", "--dry-run", "session:ann", "bid"],
        ["send", "--wait", "handed", "1", "session:ann", "bid"],
        ["ask", "session:ann", "bid"],
    ],
)
def test_what_breaks_it_is_refused_with_field_and_rule_and_the_way_to_see_it(
    fugue: Fugue, shop: Path, words: list[str]
) -> None:
    ann = fugue.join("ann")
    fugue("schema", "set", "bid", json.dumps(POSITIVE))
    refused = fugue(*words, '{"amount": 0}', session=ann)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"fugue: {BROKEN}\nfugue schema show bid --repo {shop}  shows it\n"
    assert fugue("log").out == ""


def test_a_reply_is_checked_and_the_question_waits_on(fugue: Fugue, shop: Path) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    fugue("send", "session:bob", "bid", "null", session=ann)
    (question,) = fugue("recv", "--peek", "--json", session=bob).objects
    fugue("schema", "set", "bid", json.dumps(POSITIVE), "--global")
    refused = fugue("reply", question["id"], '{"amount": 0}', session=bob)
    assert refused.err == f"fugue: {BROKEN}\nfugue schema show bid --global  shows it\n"
    assert len(fugue("recv", "--peek", "--json", session=bob).objects) == 1
    assert fugue("reply", question["id"], '{"amount": 1}', session=bob).code == 0


def test_a_dry_run_of_what_keeps_it_says_who_would_receive_it(fugue: Fugue, shop: Path) -> None:
    ann = fugue.join("ann")
    fugue("schema", "set", "bid", json.dumps(POSITIVE))
    assert fugue("send", "-n", "session:ann", "bid", '{"amount": 1}', session=ann).out.startswith(
        "would be sent → 1: ann"
    )


def test_types_with_a_schema_are_offered_first(fugue: Fugue, shop: Path) -> None:
    ann = fugue.join("ann")
    fugue("send", "session:ann", "note", session=ann)
    fugue("schema", "set", "zebra", "true")
    assert fugue("__complete", "--", "send", "session:ann", "").out == "zebra\thas a schema\nnote\t\n"
    assert fugue("__complete", "--", "schema", "rm", "").out == "zebra\thas a schema\n"
    assert fugue("__complete", "--", "schema", "").out.split("\n")[0].startswith("set\t")


def test_a_schema_is_kept_as_it_is_spelt(fugue: Fugue, shop: Path) -> None:
    fugue("schema", "set", "bid", '{"maximum":1e2, "é": "\\u009b31m", "enum":[]}')
    assert fugue("schema", "show", "bid").out == '{\n  "maximum": 1e2,\n  "é": "\\u009b31m",\n  "enum": []\n}\n'
