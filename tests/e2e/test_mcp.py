"""`fugue mcp` as lines: what a client writes to its stdin, and what comes back."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fugue_core.mcp.tool import TOOLS
from tests.e2e.conftest import Fugue, Server, repository
from tests.e2e.daemon import PATIENCE_S, is_alive, until

AGREED, SELF_CONTAINED = "2025-11-25", "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": SELF_CONTAINED,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class ToolFailed(Exception):
    """A tool has refused; the text is what it says."""


class Agent:
    """A client of one `fugue mcp`, that speaks lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.notes: list[dict[str, Any]] = []
        self._answers: dict[Any, dict[str, Any]] = {}
        self._unread = b""
        self._last_id = 0

    def write(self, *lines: bytes | dict[str, Any]) -> None:
        assert self.process.stdin is not None
        texts = [line if isinstance(line, bytes) else json.dumps({"jsonrpc": "2.0", **line}).encode() for line in lines]
        self.process.stdin.write(b"".join(text + b"\n" for text in texts))

    def next(self) -> dict[str, Any] | None:
        """Return the next line that comes, or None at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._unread:
            assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "nothing comes"
            read = os.read(self.process.stdout.fileno(), 1 << 20)
            if not read:
                return None
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        value: dict[str, Any] = json.loads(line)
        assert value["jsonrpc"] == "2.0"
        return value

    def next_note(self, method: str) -> dict[str, Any]:
        """Return the params of the next notification of a kind."""
        while not (found := [note for note in self.notes if note["method"] == method]):
            self._take(self.next())
        self.notes.remove(found[0])
        params: dict[str, Any] = found[0]["params"]
        return params

    def ask(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Write a request; return its id."""
        self._last_id += 1
        self.write({"id": self._last_id, "method": method, **({} if params is None else {"params": params})})
        return self._last_id

    def answer(self, call_id: Any) -> dict[str, Any]:
        """Return the answer to a request, whenever it comes."""
        while call_id not in self._answers:
            self._take(self.next())
        return self._answers.pop(call_id)

    def _take(self, value: dict[str, Any] | None) -> None:
        assert value is not None, "it has ended"
        if "method" in value:
            self.notes.append(value)
        else:
            self._answers[value.get("id")] = value

    def result(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.answer(self.ask(method, params))
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def error(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.answer(self.ask(method, params))
        assert "error" in answer, answer
        error: dict[str, Any] = answer["error"]
        return error

    def initialize(self, version: str = AGREED) -> dict[str, Any]:
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
        result = self.result("initialize", params)
        self.write({"method": "notifications/initialized"})
        return result

    def begin(self, tool: str, *, token: Any = None, **arguments: Any) -> int:
        """Call a tool, and wait for nothing; return the call's id."""
        meta = {} if token is None else {"_meta": {"progressToken": token}}
        return self.ask("tools/call", {"name": tool, "arguments": arguments, **meta})

    def end(self, call_id: int) -> dict[str, Any]:
        """Return what a call answers. Raises `ToolFailed`."""
        result = self.answer(call_id)["result"]
        (content,) = result["content"]
        if result.get("isError"):
            raise ToolFailed(content["text"])
        assert json.loads(content["text"]) == result["structuredContent"]
        structured: dict[str, Any] = result["structuredContent"]
        return structured

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.end(self.begin(tool, **arguments))

    def refusal(self, tool: str, **arguments: Any) -> str:
        with pytest.raises(ToolFailed) as failed:
            self.call(tool, **arguments)
        return str(failed.value)

    def close(self) -> int:
        """End its input; return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


Start = Callable[..., Agent]


@pytest.fixture
def start(fugue: Fugue) -> Start:
    """Starts `fugue mcp` with some words, and agrees on a version."""

    def start(*words: str, session: str | None = None, initialize: bool = True, **options: Any) -> Agent:
        agent = Agent(fugue.start("mcp", *words, session=session, **options))
        if initialize:
            agent.initialize()
        return agent

    return start


# ------------------------------------------------------------------------------------------------------ the protocol


def test_it_agrees_on_the_version_that_is_asked_for_or_offers_its_newest(start: Start) -> None:
    agent = start(initialize=False)
    for asked, agreed in ((AGREED, AGREED), ("2025-06-18", "2025-06-18"), ("1900-01-01", AGREED)):
        result = agent.initialize(asked)
        assert result["protocolVersion"] == agreed
        assert result["capabilities"] == {"tools": {}}
        assert result["serverInfo"]["name"] == "fugue"
    assert agent.result("ping") == {}


def test_a_request_may_say_itself_in_which_version_it_is_written(start: Start) -> None:
    agent = start("--join", "ann", initialize=False)
    found = agent.result("server/discover", {"_meta": META})
    assert found["resultType"] == "complete"
    assert found["supportedVersions"] == [SELF_CONTAINED]
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "fugue"
    listed = agent.result("tools/list", {"_meta": META})
    assert (listed["cacheScope"], listed["resultType"]) == ("public", "complete")
    assert listed["ttlMs"] >= 0
    called = agent.result("tools/call", {"_meta": META, "name": "whoami"})
    assert called["resultType"] == "complete"
    assert called["structuredContent"]["name"] == "ann"
    assert agent.error("ping", {"_meta": META})["code"] == -32601


def test_a_version_that_is_not_known_is_refused_with_those_that_are(start: Start) -> None:
    error = start(initialize=False).error(
        "tools/list", {"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}}
    )
    assert error["code"] == -32022
    assert error["data"] == {"supported": [SELF_CONTAINED], "requested": "1900-01-01"}


@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
def test_a_request_that_does_not_say_what_it_must_is_refused(missing: str, start: Start) -> None:
    meta = {name: value for name, value in META.items() if not name.endswith(missing)}
    error = start(initialize=False).error("tools/list", {"_meta": meta})
    assert error["code"] == -32602
    assert missing in error["message"]


def test_a_subscription_is_acknowledged_and_ended(start: Start) -> None:
    agent = start(initialize=False)
    listening = agent.ask("subscriptions/listen", {"_meta": META, "notifications": {"toolsListChanged": True}})
    acknowledged = agent.next_note("notifications/subscriptions/acknowledged")
    stream = {"io.modelcontextprotocol/subscriptionId": listening}
    assert acknowledged == {"_meta": stream, "notifications": {}}
    assert agent.close() == 0
    ended = agent.answer(listening)["result"]
    assert ended["resultType"] == "complete"
    assert ended["_meta"].items() >= stream.items()


@pytest.mark.parametrize(
    ("line", "call_id", "code"),
    [
        (b"hello", None, -32700),
        (b"\xff\xfe", None, -32700),
        (b"[]", None, -32600),
        (b'{"jsonrpc":"2.0","id":7}', 7, -32600),
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":[1]}', "a", -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"resources/list"}', 7, -32601),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', 7, -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"launch"}}', 7, -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":"x"}}', 7, -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"' + b"x" * (4 << 20) + b'"}', None, -32600),
    ],
)
def test_a_malformed_line_is_refused_and_costs_the_others_nothing(
    line: bytes, call_id: Any, code: int, start: Start
) -> None:
    agent = start()
    agent.write(line)
    answer = agent.answer(call_id)
    assert answer["error"]["code"] == code
    assert ("id" in answer) == (call_id is not None)
    assert agent.result("ping") == {}


def test_notifications_and_blank_lines_are_not_answered(start: Start) -> None:
    agent = start()
    agent.write(b"", b"  ", {"method": "notifications/whatever"}, {"method": "notifications/cancelled", "params": {}})
    agent.write({"method": "notifications/cancelled", "params": {"requestId": 99}})
    ping = agent.ask("ping")
    assert agent.next() == {"jsonrpc": "2.0", "id": ping, "result": {}}


def test_the_environments_session_comes_before_the_one_to_join(start: Start, fugue: Fugue) -> None:
    session = fugue.join("bob")
    assert start("--join", "ann", session=session).call("whoami")["name"] == "bob"
    assert [each["name"] for each in fugue("ls", "--json").objects] == ["bob"]


def test_without_a_session_tools_that_need_one_say_how_to_get_it(start: Start) -> None:
    agent = start()
    for call in (
        {"tool": "whoami"},
        {"tool": "receive_messages"},
        {"tool": "ack_messages", "up_to": 1},
        {"tool": "set_tags", "add": ["x"]},
        {"tool": "send_message", "target": "broadcast", "type": "note"},
    ):
        refusal = agent.refusal(**call)
        assert "fugue mcp --join NAME" in refusal
        assert "fugue join" in refusal
    assert agent.call("list_sessions") == {"sessions": [], "total": 0}


def test_a_session_of_the_environment_that_is_gone_is_nobody(start: Start) -> None:
    gone = str(uuid4())
    refusal = start("--join", "ann", session=gone).refusal("whoami")
    assert gone in refusal


def test_a_joined_session_is_there_before_the_first_tool_is_called(start: Start, fugue: Fugue, tmp_path: Path) -> None:
    fugue.directory = repository(tmp_path / "shop")
    start("--join", "ann", "-t", "builder", "-t", "fast")
    until(lambda: [each["name"] for each in fugue("ls", "--json").objects] == ["ann"])
    shown = fugue("show", "ann", "--json").json
    assert (shown["tags"], shown["attached_clients"]) == (["builder", "fast"], 1)
    assert shown["worktree"]["path"] == str(fugue.directory)


def test_a_joined_session_and_its_mail_outlive_the_agent(start: Start, fugue: Fugue) -> None:
    agent = start("--join", "ann")
    session = agent.call("whoami")["id"]
    assert agent.close() == 0
    assert fugue("send", "session:ann", "note", "1", "--from", session).code == 0
    again = start("--join", "ann")
    assert again.call("whoami") == {"name": "ann", "id": session, "unread": 1, "connections": 1}
    assert [each["payload"] for each in again.call("receive_messages")["messages"]] == [1]


def test_the_end_of_input_ends_it_also_while_it_waits(start: Start) -> None:
    agent = start("--join", "ann")
    agent.begin("receive_messages", wait_s=600)
    agent.begin("ask", target="session:ann", type="question", wait_s=600)
    agent.call("whoami")
    assert agent.close() == 0
    assert not is_alive(agent.process.pid)


def test_what_was_asked_just_before_the_end_is_answered(start: Start) -> None:
    agent = start("--join", "ann", initialize=False)
    agent.write({"id": 1, "method": "tools/call", "params": {"name": "whoami", "_meta": META}})
    assert agent.close() == 0
    assert agent.answer(1)["result"]["structuredContent"]["name"] == "ann"


def test_it_ends_when_it_is_told_to(start: Start) -> None:
    agent = start()
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(PATIENCE_S) == -signal.SIGTERM


def test_it_ends_when_nobody_reads_it(start: Start) -> None:
    agent = start()
    assert agent.process.stdout is not None
    agent.process.stdout.close()
    agent.ask("ping")
    assert agent.process.wait(PATIENCE_S) == 0


def test_input_may_be_a_file(fugue: Fugue, tmp_path: Path) -> None:
    path = tmp_path / "calls"
    path.write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}) + "\n")
    with path.open("rb") as file:
        process = fugue.start("mcp", stdin=file)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert json.loads(out) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert process.returncode == 0


def test_a_daemon_that_was_stopped_is_not_started_again_by_who_waits(
    start: Start, fugue: Fugue, server: Server
) -> None:
    agent = start("--join", "ann")
    waiting = agent.begin("receive_messages", wait_s=600, token="t")
    agent.next_note("notifications/progress")
    assert fugue("daemon", "stop").code == 0
    until(lambda: not server.pids())
    agent.next_note("notifications/progress")
    assert not server.pids()
    assert fugue("send", "session:ann", "note", "1", "--from", "ann").code == 0  # starts it
    assert [each["payload"] for each in agent.end(waiting)["messages"]] == [1]


# ---------------------------------------------------------------------------------------------------------- the tools


def test_the_same_id_sends_once_and_answers_the_same(start: Start) -> None:
    agent = start("--join", "ann")
    arguments = {"target": "session:ann", "type": "note", "payload": 1, "id": str(uuid4())}
    first, second = agent.begin("send_message", **arguments), agent.begin("send_message", **arguments)
    assert agent.end(first) == agent.end(second)
    assert len(agent.call("receive_messages")["messages"]) == 1


def test_a_loop_that_is_stopped_is_told_to_the_agent(start: Start, server: Server) -> None:
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[limits]\nhops = 2\nmailbox_sender_messages = 3\n")
    agent = start("--join", "ann")
    message = {"target": "session:ann", "type": "note"}
    first = last = agent.call("send_message", **message)["id"]
    for _ in range(2):
        last = agent.call("send_message", **message, reply_to=last)["id"]
    refusal = agent.refusal("send_message", **message, reply_to=last)
    assert f"chain too long: this would be reply 3 in a row since {first}, the limit is 2." in refusal
    for _ in range(2):  # beside the last reply, which nobody has answered
        agent.call("send_message", **message)
    assert "mailbox share full: ann; 0 of 1 received it" in agent.refusal("send_message", **message)


def test_calls_begin_in_the_order_in_which_they_came(start: Start) -> None:
    agent = start("--join", "ann")
    calls = [agent.begin("send_message", target="session:ann", type="note", payload=number) for number in range(30)]
    assert sorted(seqs := [agent.end(call)["seq"] for call in calls]) == seqs


def test_what_is_received_is_handed_when_it_is_written_and_acked_by_the_next_call(start: Start, fugue: Fugue) -> None:
    agent = start("--join", "ann")
    sent = agent.call("send_message", target="session:ann", type="note", payload="one")["id"]
    assert agent.call("message_status", id=sent)["counts"] == {"queued": 1}
    assert [each["id"] for each in agent.call("receive_messages")["messages"]] == [sent]
    until(lambda: agent.call("message_status", id=sent)["counts"] == {"handed": 1})
    assert agent.call("receive_messages") == {"messages": [], "remaining": 0, "acked": 1}
    assert agent.call("message_status", id=sent)["counts"] == {"acked": 1}


def test_what_is_to_be_acknowledged_explicitly_is_not_by_the_next_call(start: Start) -> None:
    agent = start("--join", "ann")
    sent = agent.call("send_message", target="session:ann", type="note")["id"]
    agent.call("receive_messages", ack="explicit")
    assert agent.call("receive_messages") == {"messages": [], "remaining": 0}
    assert [each["id"] for each in agent.call("receive_messages", after=0, ack="explicit")["messages"]] == [sent]
    unknown = str(uuid4())
    assert agent.call("ack_messages", ids=json.dumps([sent, unknown])) == {"acked": 1, "unknown": [unknown]}
    assert agent.call("receive_messages", after=0)["messages"] == []


def test_a_cancelled_call_is_not_answered_and_hands_nothing_out(start: Start, fugue: Fugue) -> None:
    agent = start("--join", "ann")
    waiting = agent.begin("receive_messages", wait_s=600, token="t")
    agent.next_note("notifications/progress")
    agent.write({"method": "notifications/cancelled", "params": {"requestId": waiting, "reason": "enough"}})
    sent = agent.call("send_message", target="session:ann", type="note")["id"]
    assert agent.call("message_status", id=sent)["counts"] == {"queued": 1}
    assert [each["id"] for each in agent.call("receive_messages")["messages"]] == [sent]
    assert waiting not in agent._answers


def test_two_that_wait_at_once_share_what_comes(start: Start) -> None:
    agent = start("--join", "ann")
    waiting = [agent.begin("receive_messages", wait_s=600, limit=1) for _ in range(2)]
    for number in (1, 2):
        agent.call("send_message", target="session:ann", type="note", payload=number)
    assert sorted(agent.end(call)["messages"][0]["payload"] for call in waiting) == [1, 2]


def test_what_was_answered_has_been_dealt_with_unless_the_agent_says_so_itself(start: Start, fugue: Fugue) -> None:
    ann, bob = start("--join", "ann"), start("--join", "bob")
    bob.call("whoami")
    first, second, shown = (
        ann.call("send_message", target="session:bob", type="question", payload=number)["id"] for number in range(3)
    )

    def counts(message: str) -> Any:
        return ann.call("message_status", id=message)["counts"]

    assert [each["id"] for each in bob.call("receive_messages", limit=1)["messages"]] == [first]
    bob.call("send_message", target="session:ann", type="answer", reply_to=first)
    until(lambda: counts(first) == {"acked": 1})
    assert [each["id"] for each in bob.call("receive_messages", limit=1, ack="explicit")["messages"]] == [second]
    bob.call("send_message", target="session:ann", type="begun", reply_to=second)
    until(lambda: counts(second) == {"handed": 1})
    assert bob.call("ack_messages", ids=[second])["acked"] == 1
    assert shown in fugue("hook", "--for", "claude", "PostToolUse", session="bob").out
    bob.call("send_message", target="session:ann", type="answer", reply_to=shown)
    assert counts(shown) == {"acked": 1}
    bob.call("send_message", target="session:ann", type="answer", reply_to=str(uuid4()))  # of nobody, for nobody


def test_a_question_that_was_not_answered_in_time_may_be_waited_for_again(start: Start) -> None:
    ann, bob = start("--join", "ann"), start("--join", "bob")
    bob.call("whoami")
    first = ann.call("ask", target="session:bob", type="question", payload={"n": 1}, wait_s=0)
    assert first == {"id": first["id"], "answered": False, "count": 1, "recipients": ["bob"]}
    (question,) = bob.call("receive_messages")["messages"]
    bob.call("send_message", target="session:ann", type="answer", payload=2, reply_to=question["id"])
    again = ann.call("ask", target="session:bob", type="question", payload={"n": 1}, id=first["id"])
    assert again["answer"]["payload"] == 2
    until(lambda: ann.call("whoami").get("unread", 0) == 0)


def test_an_answer_is_given_to_the_call_that_waits_for_it_and_to_no_other(start: Start) -> None:
    ann, bob = start("--join", "ann"), start("--join", "bob")
    bob.call("whoami")
    for number in range(10):
        mail = ann.begin("receive_messages", wait_s=600, limit=1)
        question = ann.begin("ask", target="session:bob", type="question", payload=number, wait_s=600)
        (letter,) = bob.call("receive_messages", wait_s=600)["messages"]
        bob.call("send_message", target="session:ann", type="answer", payload=number, reply_to=letter["id"])
        answer = ann.end(question)["answer"]
        assert answer["payload"] == number
        bob.call("send_message", target="session:ann", type="note", payload="another")
        assert [letter["type"] for letter in ann.end(mail)["messages"]] == ["note"]
        until(lambda: ann.call("message_status", id=answer["id"])["counts"] == {"acked": 1})  # noqa: B023  # of this round
        (delivery,) = ann.call("message_status", id=answer["id"])["deliveries"]
        assert delivery["handed_through"] == "fugue-mcp"


def test_an_answer_that_could_not_be_written_to_the_agent_was_not_handed_to_it(start: Start, fugue: Fugue) -> None:
    ann, bob = start("--join", "ann"), start("--join", "bob")
    bob.call("whoami")
    ann.begin("ask", target="session:bob", type="question", wait_s=600)
    (question,) = bob.call("receive_messages", wait_s=600)["messages"]
    assert ann.process.stdout is not None
    ann.process.stdout.close()
    sent = bob.call("send_message", target="session:ann", type="answer", reply_to=question["id"])["id"]
    ann.process.wait(PATIENCE_S)
    (delivery,) = json.loads(fugue("trace", sent, "--json").out)["deliveries"]
    assert (delivery["state"], delivery["handed_at"]) == ("queued", None)


def test_a_payload_travels_byte_for_byte_and_a_long_one_in_parts(start: Start) -> None:
    agent = start("--join", "ann")
    agent.write(
        b'{"jsonrpc":"2.0","id":"raw","method":"tools/call","params":{"name":"send_message","arguments":'
        b'{"target":"session:ann","type":"note","payload":{"b":1.50,"a":123456789012345678901234567890}}}}'
    )
    sent = agent.answer("raw")["result"]["structuredContent"]["id"]
    text = agent.call("message_status", id=sent, payload_from=0)["payload_text"]
    assert text == '{"b":1.50,"a":123456789012345678901234567890}'
    long = "x" * 20_000
    agent.call("send_message", target="session:ann", type="note", payload=long)
    letter = agent.call("receive_messages", limit=2)["messages"][1]
    assert (len(letter["payload_start"]), letter["payload_chars"], "payload" in letter) == (8_000, 20_002, False)
    parts = [agent.call("message_status", id=letter["id"], payload_from=at)["payload_text"] for at in (0, 8000, 16000)]
    assert json.loads("".join(parts)) == long


def test_one_answer_carries_no_more_than_a_model_can_take(start: Start) -> None:
    agent = start("--join", "ann")
    for number in range(8):
        agent.call("send_message", target="session:ann", type="note", payload=f"{number}" + "x" * 7_000)
    first = agent.call("receive_messages")
    assert (len(first["messages"]), first["remaining"]) == (5, 3)
    second = agent.call("receive_messages")
    assert [each["payload"][0] for each in second["messages"]] == ["5", "6", "7"]


def test_lists_have_pages(start: Start, fugue: Fugue) -> None:
    agent = start("--join", "ann")
    agent.call("whoami")
    for name in ("bob", "cat"):
        fugue.join(name, "-t", "x")
    first = agent.call("list_sessions", limit=2)
    assert [each["name"] for each in first["sessions"]] == ["ann", "bob"]
    assert first["total"] == 3
    second = agent.call("list_sessions", limit=2, offset=first["next"])
    assert ([each["name"] for each in second["sessions"]], "next" in second) == (["cat"], False)

    sent = [agent.call("send_message", target="tag:x", type="note", payload=number)["id"] for number in range(3)]
    page = agent.call("search_messages", limit=2)
    assert [each["message"]["id"] for each in page["messages"]] == [sent[2], sent[1]]
    assert [each["message"]["id"] for each in agent.call("search_messages", before=page["next"])["messages"]] == sent[
        :1
    ]
    status = agent.call("message_status", id=sent[0], limit=1)
    assert [each["to"] for each in status["deliveries"]] == ["bob"]
    assert [each["to"] for each in agent.call("message_status", id=sent[0], offset=status["next"])["deliveries"]] == [
        "cat"
    ]


@pytest.mark.parametrize(
    ("target", "recipients"),
    [
        ("tag:x", ["bob"]),
        ({"tag": "x"}, ["bob"]),
        ({"kind": "tagged", "tag": "x"}, ["bob"]),
        ('{"tag": "x"}', ["bob"]),
        ({"session": "bob"}, ["bob"]),
        ("broadcast", ["bob"]),
        ({"broadcast": True}, ["bob"]),
        ({"kind": "broadcast"}, ["bob"]),
    ],
)
def test_a_target_is_a_text_or_an_object(
    target: Any, recipients: list[str], start: Start, fugue: Fugue, tmp_path: Path
) -> None:
    fugue.directory = repository(tmp_path / "shop")
    fugue.join("bob", "-t", "x")
    found = start("--join", "ann").call("send_message", target=target, type="note", dry_run=True)
    assert found == {"count": 1, "recipients": recipients, "waiting": ["bob"], "dry_run": True}


@pytest.mark.parametrize(("tool", "more"), [("send_message", {}), ("send_message", {"dry_run": True}), ("ask", {})])
def test_a_payload_that_breaks_its_schema_is_refused_with_field_and_rule(
    tool: str, more: dict[str, Any], start: Start, fugue: Fugue
) -> None:
    fugue("schema", "set", "--global", "bid", '{"properties": {"amount": {"minimum": 1}}}')
    ann = start("--join", "ann")
    with pytest.raises(ToolFailed, match="SchemaViolation: 'bid' breaks its schema: /amount: minimum 1, found 0"):
        ann.call(tool, target="session:ann", type="bid", payload={"amount": 0}, **more)
    assert ann.call("search_messages")["messages"] == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"tag": "x", "session": "bob"}, "`target` names more than one kind at once (tag, session)"),
        ({"kind": "tagged", "session": "bob"}, "`target` names more than one kind at once (kind tagged, session)"),
        ({"tag": "x", "colour": "red"}, "`target.colour`"),
        ({"kind": "everybody"}, "`target.kind`"),
        ({"tag": 7}, "`target.tag` must be a text"),
        ({"tag": "a in b"}, "`target` is none: "),
        ({"session": "bob", "repo": "/shop"}, "`target.repo`"),
        ({"broadcast": False}, "`target.broadcast`"),
        ({}, "`target` is not understood"),
        ("worktree:here", "`target` is none: "),
        ("tag:a,session:b", "`target` is none: "),
        (["bob"], "`target` must be a text or an object"),
    ],
)
def test_a_target_that_is_none_or_two_is_refused(target: Any, words: str, start: Start) -> None:
    assert words in start("--join", "ann").refusal("send_message", target=target, type="note")


def test_all_arguments_may_be_one_text(start: Start) -> None:
    agent = start("--join", "ann")
    called = agent.result("tools/call", {"name": "set_tags", "arguments": '{"add": "[\\"x\\"]"}'})
    assert called["structuredContent"]["tags"] == ["x"]


def test_every_field_that_is_a_structure_may_be_text() -> None:
    for tool in TOOLS.values():
        fields = tool.declaration()["inputSchema"]["properties"]
        structures = {name for name, schema in fields.items() if schema.get("type") in {None, "array", "object"}}
        assert structures - {"ack"} == set(tool.arguments.structured), tool.name
