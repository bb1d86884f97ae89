"""The verbs of messages against the real daemon: send, recv, log, trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import ENVELOPE_FIELDS, Fugue, repository


def test_send_says_who_receives_it_and_recv_prints_it_once(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    bob = fugue.join("bob", "-t", "builder")
    sent = fugue("send", "tag:builder", "greeting", '{"text": "hello"}', session=ann)
    assert sent.out.endswith(" → 1: bob (bob is not connected: it waits)\n")
    received = fugue("recv", session=bob)
    assert "ann → tag:builder  greeting" in received.out
    assert received.out.endswith('  {"text": "hello"}\n')
    again = fugue("recv", session=bob)
    assert (again.code, again.out, again.err) == (0, "", "")


def test_the_receipt_is_printed_as_the_wire_has_it(fugue: Fugue) -> None:
    fugue.join("ann")
    bob = fugue.join("bob")
    receipt = fugue("send", "session:bob", "x", "--from", "ann", "--json").json
    assert set(receipt) == {"id", "seq", "recipients"}
    assert receipt["recipients"] == [{"id": bob, "name": "bob", "is_connected": False}]


def test_a_tag_in_one_repository_is_told_whole_and_what_is_told_can_be_sent_to(fugue: Fugue, tmp_path: Path) -> None:
    fugue.join("ann")
    near, far = repository(tmp_path / "near"), repository(tmp_path / "far")
    fugue.join("bob", "-t", "x", cwd=near)
    fugue.join("cat", "-t", "x", cwd=far)
    target = f"tag:x in {near}"
    sent = fugue("send", target, "note", "--json", session="ann")
    assert [recipient["name"] for recipient in sent.json["recipients"]] == ["bob"]
    assert f"ann        → {target}" in fugue("log").out
    assert f"{target}, 1 recipient" in fugue("trace", sent.json["id"]).out
    refused = fugue("send", "tag:x in /nowhere", "note", session="ann")
    assert (refused.code, refused.err) == (3, "fugue: no recipient at tag:x in /nowhere\n")


@pytest.mark.parametrize(
    "payload", ["null", "1.10", "1e400", '{"b": 1, "a": [1,  2]}', '"\\u00e9 é 🎺"', "9" * 5000, "-5", '"\\\\n"']
)
def test_a_payload_travels_byte_for_byte(fugue: Fugue, payload: str) -> None:
    fugue.join("ann")
    fugue("send", "session:ann", "x", payload, session="ann")
    assert f'"payload":{payload}}}' in fugue("recv", "--json", session="ann").out


def test_a_payload_comes_from_stdin_from_a_file_or_is_null(fugue: Fugue, tmp_path: Path) -> None:
    fugue.join("ann")
    (tmp_path / "payload.json").write_text('{\n  "n": 2\n}\n')
    fugue("send", "session:ann", "x", "-", stdin='{"n": 1}\n', session="ann")
    fugue("send", "session:ann", "x", f"@{tmp_path}/payload.json", session="ann")
    fugue("send", "session:ann", "x", session="ann")
    envelopes = fugue("recv", "--json", session="ann").objects
    assert [envelope["message"]["payload"] for envelope in envelopes] == [{"n": 1}, {"n": 2}, None]
    assert all(set(envelope) == ENVELOPE_FIELDS for envelope in envelopes)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ('{"a" 1}', "payload is no JSON: line 1, column 6: Expecting ':' delimiter\n  {\"a\" 1}\n       ^\n"),
        ("[1,\nNaN]", "payload is no JSON: line 2, column 1: NaN is no JSON value\n  NaN]\n  ^\n"),
        ("hello", "a text is written with its quotes"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 300 + "]" * 300, "levels deep"),
    ],
)
def test_a_bad_payload_is_pointed_at(fugue: Fugue, payload: str, message: str) -> None:
    fugue.join("ann")
    refused = fugue("send", "session:ann", "x", payload, session="ann")
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err


def test_bytes_that_are_not_utf8_are_pointed_at(fugue: Fugue) -> None:
    fugue.join("ann")
    refused = fugue("send", "session:ann", "x", "-", stdin=b'{\n"a": "\xff"}', session="ann")
    assert refused.code == 2
    assert "payload on stdin is no JSON: line 2, column 7: bytes that are not UTF-8" in refused.err


def test_a_file_that_cannot_be_read_is_named(fugue: Fugue) -> None:
    refused = fugue("send", "session:ann", "x", "@nowhere.json", session="ann")
    assert (refused.code, refused.err) == (1, "fugue: cannot read nowhere.json: No such file or directory\n")


def test_a_dry_run_says_who_would_receive_it_and_sends_nothing(fugue: Fugue) -> None:
    fugue.join("ann")
    fugue.join("bob", "-t", "b")
    fugue.join("carl", "-t", "b")
    dry = fugue("send", "-n", "tag:b", "x", session="ann")
    assert dry.out == "would be sent → 2: bob, carl (all are not connected: it waits)\n"
    assert [who["name"] for who in fugue("send", "-n", "tag:b", "x", "--json", session="ann").json["recipients"]] == [
        "bob",
        "carl",
    ]
    assert fugue("log").out == ""


def test_the_same_id_sent_twice_arrives_once(fugue: Fugue) -> None:
    fugue.join("ann")
    send = ("send", "session:ann", "x", "--id", "01234567-89ab-cdef-0123-456789abcdef", "--json")
    assert fugue(*send, session="ann").json["id"] == fugue(*send, session="ann").json["id"]
    assert len(fugue("recv", "--json", session="ann").objects) == 1


def test_a_reply_names_what_it_answers(fugue: Fugue) -> None:
    fugue.join("ann")
    first = fugue("send", "session:ann", "ask", "--json", session="ann").json["id"]
    fugue("send", "session:ann", "answer", "--reply-to", first, session="ann")
    assert f"in reply to {first}" in fugue("recv", session="ann").out


def test_a_message_with_a_time_to_live_says_when_it_expires(fugue: Fugue) -> None:
    fugue.join("ann")
    fugue("send", "session:ann", "x", "--ttl", "60", session="ann")
    (envelope,) = fugue("recv", "--json", session="ann").objects
    assert envelope["expires_at"] == pytest.approx(envelope["sent_at"] + 60)


def test_a_broadcast_reaches_the_senders_repository(fugue: Fugue) -> None:
    shop, api = repository(fugue.directory / "shop"), repository(fugue.directory / "api")
    fugue.join("ann", cwd=shop)
    fugue.join("bob", cwd=shop)
    fugue.join("carl", cwd=api)
    assert " → 1: bob (" in fugue("send", "broadcast", "x", session="ann").out
    assert fugue("send", "broadcast", "x", session="carl").out.endswith(" → 0: nobody else is in this repository\n")


def test_a_worktree_is_named_by_a_path_from_here(fugue: Fugue) -> None:
    shop = repository(fugue.directory / "shop")
    fugue.join("ann")
    fugue.join("bob", cwd=shop)
    (fugue.directory / "link").symlink_to(shop)
    for path in ("worktree:shop", "worktree:./link/", f"worktree:{shop}"):
        assert [who["name"] for who in fugue("send", path, "x", "--json", session="ann").json["recipients"]] == ["bob"]


def test_a_target_may_be_written_as_the_wire_has_it(fugue: Fugue) -> None:
    fugue.join("ann")
    receipt = fugue("send", '{"kind": "session", "session": "ann"}', "x", "--json", session="ann").json
    assert [who["name"] for who in receipt["recipients"]] == ["ann"]


def test_recv_peeks_without_acknowledging(fugue: Fugue) -> None:
    fugue.join("ann")
    fugue("send", "session:ann", "x", session="ann")
    for _ in range(2):
        assert len(fugue("recv", "--peek", "--json", session="ann").objects) == 1
    assert fugue("show", "ann", "--json").json["unread"] == 1


def test_recv_stops_at_its_limit_and_leaves_the_rest(fugue: Fugue) -> None:
    fugue.join("ann")
    for number in range(3):
        fugue("send", "session:ann", "x", str(number), session="ann")
    received = fugue("recv", "-n", "2", "--json", "--as", "ann").objects
    assert [envelope["message"]["payload"] for envelope in received] == [0, 1]
    assert fugue("show", "ann", "--json").json["unread"] == 1


def test_log_prints_the_last_messages_oldest_first(fugue: Fugue) -> None:
    fugue.join("ann")
    for number in range(4):
        fugue("send", "session:ann", f"type-{number}", f'{{"n": {number}}}', session="ann")
    fugue("recv", "-n", "3", session="ann")
    lines = fugue("log", "-n", "2").out.splitlines()
    assert [line.split()[4:] for line in lines] == [
        ["type-2", '{"n":', "2}", "✓1/1"],
        ["type-3", '{"n":', "3}", "…0/1"],
    ]
    envelopes = fugue("log", "--json").objects
    assert [envelope["message"]["payload"]["n"] for envelope in envelopes] == [0, 1, 2, 3]
    assert set(envelopes[0]) == ENVELOPE_FIELDS
    assert [envelope["seq"] for envelope in fugue("log", "--since", "2", "--json").objects] == [3, 4]
    assert [envelope["seq"] for envelope in fugue("log", "--since", "0", "-n", "1", "--json").objects] == [1]


def test_log_filters(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "builder")
    fugue.join("bob")
    fugue("send", "session:bob", "greeting", '"hello you"', session="ann")
    fugue("send", "tag:builder", "build.failed", '"timeout"', session="bob")

    def found(*words: str) -> list[str]:
        return [envelope["message"]["msg_type"] for envelope in fugue("log", *words, "--json").objects]

    assert found("from:ann") == ["greeting"]
    assert found("type:build.*", "TIMEOUT") == ["build.failed"]
    assert found("tag:builder", "!from:ann") == ["build.failed"]
    assert found('"hello you"') == ["greeting"]
    assert found("state:acked") == []


def test_trace_tells_what_became_of_a_message(fugue: Fugue) -> None:
    fugue.join("ann", "-t", "b")
    fugue.join("bob", "-t", "b")
    fugue.join("carl")
    sent = fugue("send", "tag:b", "x", '{"n": 1}', "--json", session="carl").json["id"]
    fugue("recv", session="ann")
    traced = fugue("trace", sent)
    assert "to         tag:b, 2 recipients\n" in traced.out
    timeline = [line.split(maxsplit=2)[1:] for line in traced.out.partition("\n\n")[2].splitlines()]
    after = r"after [\d.]+ m?s"
    for (state, words), expected in zip(
        timeline[1:3], (("handed", f"ann, through fugue, {after}"), ("acked", f"ann, {after}")), strict=True
    ):
        assert state == expected[0]
        assert re.fullmatch(expected[1], words), words
    assert timeline[0] == ["sent"]
    assert re.search(r"^ +queued   bob, in the mailbox for [\d.]+ m?s$", traced.out, re.MULTILINE)
    record = fugue("trace", sent, "--json").json
    assert [delivery["state"] for delivery in record["deliveries"]] == ["acked", "queued"]
