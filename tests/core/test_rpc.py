from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core import errors
from fugue_core.errors import FugueError, InvalidParams, InvalidRequest, MalformedLine, MethodNotFound, ProtocolError
from fugue_core.protocol import breaker, events, requests, rpc, schema, window
from fugue_core.protocol.envelope import Envelope, Participant, Recipient
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import REQUESTS, Hello, JoinSession, Ping, Pong, Receipt, SendMessage
from fugue_core.protocol.rpc import (
    BadCall,
    Call,
    ErrorObject,
    decode_calls,
    decode_replies,
    encode_call,
    error_from_wire,
)
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged
from tests.core.test_errors import ERRORS, example

ID = UUID(int=1)
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
SEND = (
    b'{"jsonrpc":"2.0","id":"a","method":"message.send","params":{"target":{"kind":"tagged","tag":"mayor"},'
    b'"message":{"msg_type":"gas_town.bid","payload":{"amount": 75, "note": "\xc3\xa9\\"\\\\"}}}}'
)
HELLO = (
    b'{"jsonrpc":"2.0","id":0,"method":"hello","params":{"protocol":{"min":2,"max":2},'
    b'"client":{"name":"c","version":"1"}}}'
)
JOIN = (
    b'{"jsonrpc":"2.0","id":2,"method":"session.join","params":{"name":"bob","tags":["a","b"],'
    b'"metadata":{"k":[1,null]}}}'
)
RECEIVE = b'{"jsonrpc":"2.0","id":1,"method":"message.receive","params":%s}'
VALID = (HELLO, JOIN, SEND, PING)

packed = PackedMessage("t", msgspec.Raw(b'{"a": 1}'))


def one(line: bytes) -> Call | BadCall:
    (call,) = decode_calls(line + b"\n")
    return call


def bad(line: bytes) -> BadCall:
    call = one(line)
    assert isinstance(call, BadCall)
    return call


def plain(call: Call | BadCall) -> Any:
    """Return what can be compared: a `msgspec.Raw` is equal to nothing but itself."""
    if isinstance(call, BadCall):
        return call.id, type(call.error), call.error.values()
    return msgspec.json.encode(call)


# --------------------------------------------------------------------------------------------------------- good lines


def test_each_line_is_read_in_order() -> None:
    calls = decode_calls(b"".join(line + b"\n" for line in VALID))
    assert [type(call.request) for call in calls if isinstance(call, Call)] == [Hello, JoinSession, SendMessage, Ping]
    assert [call.id for call in calls] == [0, 2, "a", 1]


def test_a_payload_is_carried_byte_for_byte() -> None:
    call = one(SEND)
    assert isinstance(call, Call)
    assert isinstance(call.request, SendMessage)
    assert bytes(call.request.packed.payload) == b'{"amount": 75, "note": "\xc3\xa9\\"\\\\"}'


PROGRAM = window.Program(command=("sh", "-c", "true"), directory="/", environment={"A": "ü"}, keep=True)

EXAMPLES: dict[type[Request], Request] = {
    Hello: Hello(protocol=requests.VersionRange(min=1, max=3), client=requests.Software(name="c", version="1")),
    requests.RenameSession: requests.RenameSession(name="bob"),
    SendMessage: SendMessage(target=Tagged("mayor"), packed=packed, id=ID, ttl_s=1.5),
    requests.ResolveTarget: requests.ResolveTarget(target=SessionNamed("bob")),
    requests.HandMessages: requests.HandMessages(ids=(ID,)),
    requests.GetMessage: requests.GetMessage(id=ID),
    JoinSession: JoinSession(name="bob", tags=("a",), metadata={"k": None}, id=ID),
    window.CreateSession: window.CreateSession(program=PROGRAM, name="bob", tags=("a",)),
    window.WakeSession: window.WakeSession(wake="on"),
    window.CreateWindow: window.CreateWindow(program=PROGRAM),
    window.RenameWindow: window.RenameWindow(name="logs", window=1),
    window.RespawnWindow: window.RespawnWindow(program=PROGRAM, kill=True),
    window.ResizeWindow: window.ResizeWindow(cols=80, rows=24),
    window.SendInput: window.SendInput(data=b"\x00\xff\r", paste=True),
    window.SayIdle: window.SayIdle(idle=True),
    window.ReadLines: window.ReadLines(first=-1),
    window.ResumeView: window.ResumeView(
        view=1, terminal=window.LentTerminal(path="/dev/pts/3", device=2**40, inode=6, prefix="\x02")
    ),
    window.TypeInView: window.TypeInView(view=1, data=b"\x1b[A"),
    window.ResizeView: window.ResizeView(view=1, cols=1, rows=2_000),
    window.DetachView: window.DetachView(view=1),
    schema.SetSchema: schema.SetSchema(msg_type="t", schema=msgspec.Raw(b'{"type":  "null"}')),
    schema.GetSchema: schema.GetSchema(msg_type="t", repo="/r"),
    schema.RemoveSchema: schema.RemoveSchema(msg_type="t"),
    schema.CheckMessage: schema.CheckMessage(packed=packed, sender="ann"),
}
"""One of each request that has a field which must be given."""


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_request_comes_through_the_wire_as_it_was(kind: type[Request]) -> None:
    request = EXAMPLES.get(kind) or kind()
    line = encode_call(7, request)
    assert line.count(b"\n") == 1
    call = one(line[:-1])
    assert isinstance(call, Call)
    assert type(call.request) is kind
    assert call.id == 7
    assert msgspec.json.encode(call.request) == msgspec.json.encode(request)


def test_params_may_be_left_out_where_no_field_must_be_given() -> None:
    for kind in REQUESTS:
        call = one(b'{"jsonrpc":"2.0","id":1,"method":"%s"}' % kind.method.encode())
        needs_params = any(field.required for field in msgspec.structs.fields(kind))
        assert isinstance(call, BadCall) == needs_params


def test_a_line_without_an_id_is_a_notification() -> None:
    call = one(b'{"jsonrpc":"2.0","method":"ping"}')
    assert isinstance(call, Call)
    assert call.id is msgspec.UNSET


def test_fields_that_we_do_not_know_are_passed_over() -> None:
    assert isinstance(one(b'{"jsonrpc":"2.0","id":1,"method":"ping","mood":{"a":[1]},"params":{"x":1}}'), Call)


def test_blank_lines_and_carriage_returns_are_passed_over() -> None:
    calls = decode_calls(b"\n\r\n" + PING + b"\r\n \n" + PING + b"\n\n")
    assert [type(call) for call in calls] == [type(one(PING))] * 2
    assert decode_calls(b"") == []


# ---------------------------------------------------------------------------------------------------------- bad lines


@pytest.mark.parametrize(
    ("line", "call_id", "error", "words"),
    [
        (b"hello?", None, MalformedLine, "invalid character"),
        (b"\x00", None, MalformedLine, "invalid character"),
        (b"\xff\xfe", None, MalformedLine, "utf-8"),
        (PING[:-1], None, MalformedLine, "truncated"),
        (PING + PING, None, MalformedLine, "trailing"),
        (PING.replace(b"{", b'{"x":' + b"[" * 10_000, 1), None, MalformedLine, "nested too deeply"),
        (b"5", None, InvalidRequest, "Expected `object`, got `int`"),
        (b"[" + PING + b"]", None, InvalidRequest, "Expected `object`, got `array`"),
        (b"{}", None, InvalidRequest, '`jsonrpc` must be "2.0", not None'),
        (PING.replace(b"2.0", b"1.0"), 1, InvalidRequest, "not '1.0'"),
        (PING.replace(b":1,", b":null,"), None, InvalidRequest, "`id` must be an integer or a string, not null"),
        (PING.replace(b":1,", b":true,"), None, InvalidRequest, "not True"),
        (PING.replace(b":1,", b":1.5,"), None, InvalidRequest, "not 1.5"),
        (PING.replace(b":1,", b":[1],"), None, InvalidRequest, "not [1]"),
        (PING.replace(b'"ping"', b"7"), 1, InvalidRequest, "`method` must be a string, not 7"),
        (b'{"jsonrpc":"2.0","id":1}', 1, InvalidRequest, "`method` must be a string, not None"),
        (PING.replace(b"ping", b"pong"), 1, MethodNotFound, "no method 'pong'; did you mean ping?"),
        (PING.replace(b"ping", b"message.sned"), 1, MethodNotFound, "did you mean message.send"),
        (PING.replace(b"ping", b"orchestrate"), 1, MethodNotFound, "no method 'orchestrate'"),
        (SEND.replace(b'"tag":"mayor"', b'"tag":7'), "a", InvalidParams, "`$.params.target.tag`"),
        (SEND.replace(b'"target"', b'"tgt"'), "a", InvalidParams, "missing required field `target`"),
        (SEND.replace(b'"tagged"', b'"orchestrator"'), "a", InvalidParams, "Invalid value 'orchestrator'"),
        (SEND.replace(b'"gas_town.bid"', b"null"), "a", InvalidParams, "`$.params.message.msg_type`"),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 1, InvalidParams, "Expected `object`, got `array`"),
        (JOIN.replace(b'["a","b"]', b'"a"'), 2, InvalidParams, "`$.params.tags`"),
        (JOIN.replace(b'["a","b"]', b'["a",1]'), 2, InvalidParams, "`$.params.tags[1]`"),
        (JOIN.replace(b"null", b"NaN"), None, MalformedLine, "invalid character"),
        (JOIN.replace(b"null", b"9" * 5000), 2, InvalidParams, "out of range"),
        (RECEIVE % b'{"wait_s":-1}', 1, InvalidParams, ">= 0"),
        (RECEIVE % b'{"limit":0}', 1, InvalidParams, ">= 1"),
        (RECEIVE % b'{"after":9223372036854775808}', 1, InvalidParams, "`$.params.after`"),
    ],
)
def test_a_bad_line_is_told_what_is_wrong_with_it(
    line: bytes, call_id: rpc.CallId, error: type[ProtocolError], words: str
) -> None:
    call = bad(line)
    assert type(call.error) is error
    assert words in str(call.error)
    assert call.id == call_id


@pytest.mark.parametrize(
    ("line", "call_id"),
    [
        (SEND.replace(b"75", b'"\\ud800"'), "a"),
        (JOIN.replace(b"bob", b"\\udfff"), 2),
        (PING.replace(b"1,", b'"\\ud800",'), None),
    ],
)
def test_a_lone_surrogate_is_named_and_the_answer_finds_its_caller(line: bytes, call_id: rpc.CallId) -> None:
    call = bad(line)
    assert isinstance(call.error, MalformedLine)
    assert "lone surrogate" in str(call.error)
    assert call.id == call_id
    rpc.encode_error(call.id, call.error)


def test_a_bad_line_costs_the_others_nothing() -> None:
    calls = decode_calls(PING + b"\ngarbage\n" + SEND + b"\n\xff\n" + PING + b"\n")
    assert [type(call).__name__ for call in calls] == ["PingCall", "BadCall", "SendMessageCall", "BadCall", "PingCall"]


def test_invalid_utf_8_is_found_where_nobody_reads_too() -> None:
    for line in (SEND.replace(b"75", b'"\xff"'), PING.replace(b"{", b'{"unknown":"\xc3\x28",', 1)):
        assert isinstance(bad(line).error, MalformedLine)


def test_a_request_over_two_lines_is_no_request_and_its_line_break_reaches_nobody() -> None:
    split = SEND.replace(b'"amount": 75', b'"amount":\n75')
    assert [type(call) for call in decode_calls(split + b"\n")] == [BadCall, BadCall]
    # as many values as lines: what only counts them would be fooled
    calls = decode_calls(PING + PING + b"\n" + split + b"\n")
    assert [type(call) for call in calls] == [BadCall, BadCall, BadCall]


@given(st.sampled_from(VALID), st.data())
def test_damaged_lines_are_read_or_become_bad_calls_that_can_be_answered(line: bytes, data: st.DataObject) -> None:
    edits = data.draw(st.dictionaries(st.integers(0, len(line) - 1), st.integers(0, 255), max_size=4))
    damaged = bytes(edits.get(index, byte) for index, byte in enumerate(line))
    cut = data.draw(st.integers(0, len(line)))
    for call in decode_calls(damaged[:cut] + b"\n" if data.draw(st.booleans()) else damaged + b"\n"):
        if isinstance(call, BadCall):
            assert isinstance(call.error, ProtocolError)
            (reply,) = decode_replies(rpc.encode_error(call.id, call.error))
            assert reply.id == call.id
        else:
            handed_on = msgspec.json.encode(call.request)
            assert b"\n" not in handed_on
            json.loads(handed_on.decode())  # what we hand on, others can read


fragments = st.sampled_from(
    [*VALID, b"", b" ", b"\r", b"{}", b"garbage", b"\xff", b"{", b"}", b'{"jsonrpc":"2.0",', b'"id":1,"method":"ping"}']
)


@given(st.lists(fragments, max_size=8), st.sampled_from([b"\n", b"\r\n", b"", b" \n"]))
def test_a_block_reads_as_its_lines_read_one_by_one(lines: list[bytes], joint: bytes) -> None:
    block = joint.join(lines) + b"\n"
    by_line = [call for line in block.split(b"\n") for call in decode_calls(line + b"\n")]
    assert [plain(call) for call in decode_calls(block)] == [plain(call) for call in by_line]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_without_raising(block: bytes) -> None:
    for call in decode_calls(block):
        if isinstance(call, BadCall):
            rpc.encode_error(call.id, call.error)


# ------------------------------------------------------------------------------------------------------------- answers


def test_a_result_names_its_request() -> None:
    line = rpc.encode_result("q", Pong(time=1.5))
    assert json.loads(line) == {"jsonrpc": "2.0", "id": "q", "result": {"time": 1.5}}
    (reply,) = decode_replies(line)
    assert reply.id == "q"
    assert isinstance(reply.result, msgspec.Raw)
    assert msgspec.json.decode(reply.result, type=Pong) == Pong(time=1.5)


def test_several_answers_are_read_in_order() -> None:
    receipt = Receipt(id=ID, seq=1, recipients=(Recipient(id=ID, name="a", is_connected=True),))
    block = rpc.encode_result(1, receipt) + rpc.encode_error(None, MalformedLine("x")) + rpc.encode_result(2, receipt)
    assert [(reply.id, reply.error is None) for reply in decode_replies(block)] == [(1, True), (None, False), (2, True)]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_comes_through_the_wire_with_its_values(kind: type[FugueError]) -> None:
    error = example(kind)
    line = rpc.encode_error(3, error)
    wire = json.loads(line)
    assert wire["error"]["code"] == error.code
    assert wire["error"]["message"] == str(error)
    assert wire["error"]["data"]["name"] == kind.__name__
    (reply,) = decode_replies(line)
    assert reply.error is not None
    again = error_from_wire(reply.error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.values() == error.values()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "QuotaExceeded", "limit": 3},
        {"name": "UUID"},
        {"name": "Sequence"},
        {"name": 7},
        {"name": None},
        {"name": "SessionNotFound"},
        {"name": "SessionNotFound", "session": 7},
        {"name": "TooManySessions", "limit": "many"},
        {"name": "MailboxFull", "refused": ["x"], "delivered": []},
        {"name": "SessionNotFound", "return": None},
        {"name": "__doc__"},
    ],
)
def test_an_error_of_a_newer_daemon_keeps_its_text(data: dict[str, Any]) -> None:
    error = error_from_wire(ErrorObject(code=-32099, message="the text", data=data))
    assert type(error) is FugueError
    assert str(error) == "the text"


def test_a_newer_daemon_may_give_an_error_more_values() -> None:
    data = {"name": "SessionNotFound", "session": "bob", "near": [], "planet": "Mars"}
    error = error_from_wire(ErrorObject(code=-32022, message="no session 'bob'", data=data))
    assert isinstance(error, errors.SessionNotFound)
    assert error.session == "bob"


@pytest.mark.parametrize("block", [b"x\n", b"\xff\n", b"[]\n", b'{"id":1.5}\n', b"[" * 10_000 + b"\n"])
def test_what_no_daemon_writes_is_refused(block: bytes) -> None:
    with pytest.raises(MalformedLine):
        decode_replies(block)


# -------------------------------------------------------------------------------------------------------------- events

ENVELOPE = Envelope(id=ID, seq=9, sender=Participant(id=ID, name="a"), target=Broadcast(), sent_at=1.0, packed=packed)
INFO = SessionInfo(id=ID, name="a", created_at=0)
WINDOW = window.WindowInfo(
    session=ID, window=0, id=ID, name="sh", command=("sh",), directory="/", created_at=1.0, cols=80, rows=24, pid=7
)

CHAIN = breaker.ChainBreaker(
    chain=ID, limit=64, sender=Participant(id=ID, name="a"), tripped_at=1.0, refused_at=2.0, refusals=3
)
PAIR = breaker.PairBreaker(
    sessions=(Participant(id=ID, name="a"), Participant(id=ID, name="b")),
    turns=600,
    turns_s=60.0,
    sender=Participant(id=ID, name="b"),
    tripped_at=1.0,
    refused_at=2.0,
    refusals=3,
)

NOTICES: dict[type[msgspec.Struct], events.Event] = {
    events.SessionJoined: events.SessionJoined(session=INFO),
    events.SessionChanged: events.SessionChanged(session=INFO),
    events.SessionEnded: events.SessionEnded(id=ID, name="a", at=1.0),
    events.MessageSent: events.MessageSent(envelope=ENVELOPE, recipients=()),
    events.DeliveriesChanged: events.DeliveriesChanged(session=ID, state="acked", seqs=(1, 2), at=1.0),
    breaker.BreakerTripped: breaker.BreakerTripped(breaker=CHAIN),
    breaker.BreakerReleased: breaker.BreakerReleased(breaker=PAIR),
    events.Resync: events.Resync(snapshot=requests.Snapshot(epoch="e", number=5, sessions=(INFO,), last_seq=9)),
    window.WindowChanged: window.WindowChanged(window=WINDOW),
    window.WindowClosed: window.WindowClosed(session=ID, window=0, id=ID, exited=window.ProgramExit(signal=9, at=2.0)),
    window.WindowOutput: window.WindowOutput(view=1, data=b"\x1b[m\xff", is_anew=True),
    window.WindowFrame: window.WindowFrame(
        view=1,
        cols=80,
        rows=24,
        lines=((3, (window.Run("a", 1, window.DIRECT + 255, window.BOLD), window.Run("b"))), (4, ())),
        cursor=(1, 3),
        modes=window.Modes(mouse="drag", mouse_encoding="sgr"),
    ),
    window.ViewHeld: window.ViewHeld(view=1, key="d", typed=b"\xff", rest=b"\x1b[200~", is_pasting=True),
    window.ViewEnded: window.ViewEnded(view=1, reason="exited with 0", exited=window.ProgramExit(code=0, at=2.0)),
    schema.SchemaChanged: schema.SchemaChanged(
        schema=schema.SchemaInfo(msg_type="t", repo=None, size_bytes=2, set_at=1.0, set_by="ann")
    ),
    schema.SchemaRemoved: schema.SchemaRemoved(msg_type="t", repo="/r"),
}


@pytest.mark.parametrize("kind", events.EVENTS)
def test_every_event_comes_through_the_wire_as_it_was(kind: type[msgspec.Struct]) -> None:
    line = rpc.encode_notice(5, NOTICES[kind])
    wire = json.loads(line)
    assert (wire["method"], wire["params"]["number"]) == ("event", 5)
    assert "id" not in wire
    (reply,) = decode_replies(line)
    assert reply.params is not None
    assert type(reply.params.event) is kind
    assert msgspec.json.encode(reply.params.event) == msgspec.json.encode(NOTICES[kind])


def test_an_envelope_is_read_with_its_payload() -> None:
    (reply,) = decode_replies(rpc.encode_notice(1, NOTICES[events.MessageSent]))
    assert reply.params is not None
    assert isinstance(reply.params.event, events.MessageSent)
    message = reply.params.event.envelope.message
    assert (message.msg_type, message.payload) == ("t", {"a": 1})


def test_an_event_of_a_kind_that_we_do_not_know_keeps_its_number() -> None:
    line = b'{"jsonrpc":"2.0","method":"event","params":{"number":7,"event":{"kind":"window.opened","id":3}}}\n'
    known = rpc.encode_notice(8, events.SessionEnded(id=UUID(int=1), name="ann", at=1.0))
    first, second = decode_replies(line + known)
    assert first.params == events.Notice(number=7, event=None)
    assert second.params is not None
    assert isinstance(second.params.event, events.SessionEnded)


def test_an_event_of_a_kind_that_we_know_is_not_taken_for_a_new_one() -> None:
    line = b'{"jsonrpc":"2.0","method":"event","params":{"number":7,"event":{"kind":"session.ended"}}}\n'
    with pytest.raises(MalformedLine):
        decode_replies(line)
