"""docs/protocol.md against the types, and its conversations with a real daemon."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fugue_core import errors, limits
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import FugueError
from fugue_core.filter import KEYS, MAX_WORD_CHARS, MAX_WORDS
from fugue_core.limits import Limits
from fugue_core.protocol.breaker import Breaker, ChainBreaker, PairBreaker
from fugue_core.protocol.envelope import STATES, DeliveryCounts, DeliveryInfo, Envelope, Recipient
from fugue_core.protocol.events import EVENTS
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import PROTOCOL_VERSION, REQUESTS, LogEntry, Snapshot, StoreStatus
from fugue_core.protocol.rpc import Call, decode_calls, decode_replies, error_from_wire
from fugue_core.protocol.schema import SchemaInfo
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.window import Modes, Program, ProgramExit, WindowInfo
from tests.core.test_errors import ERRORS, RAISED

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
ERROR_NAMES = {kind.__name__ for kind in ERRORS}


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"no {heading!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """Return the cells of all tables, headings left out."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        for line in block.splitlines()[2:]:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def words(text: str) -> set[str]:
    """Return all names in backquotes; those within braces, and before a value, too."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {word for quoted in re.findall(r"`([^`]+)`", prose) for word in re.findall(r"[A-Za-z_]+", quoted)}


def fields(kind: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    return list(msgspec.structs.fields(kind))


def of_method(kind: type[Request]) -> str:
    return kind.method


# ------------------------------------------------------------------------------------------------------------ requests


def test_the_page_is_about_this_version() -> None:
    assert PAGE.startswith(f"# The protocol, version {PROTOCOL_VERSION}\n")


def test_there_is_a_section_for_every_request_and_for_nothing_else() -> None:
    headings = re.findall(r"^### `(.+)`$", section("## Requests"), re.MULTILINE)
    assert headings == [kind.method for kind in REQUESTS]


@pytest.mark.parametrize("kind", REQUESTS, ids=of_method)
def test_the_fields_of_a_request_are_said_with_what_is_required_and_the_defaults(kind: type[Request]) -> None:
    text = section(f"### `{kind.method}`")
    table = [row for row in rows(text) if len(row) == 3]
    assert [row[0].strip("*`") for row in table] == [field.encode_name for field in fields(kind)]
    for row, field in zip(table, fields(kind), strict=True):
        assert row[0].startswith("**") == field.required, row
        if not field.required:
            default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            said = re.search(r": `([^`]*)`$", row[1])
            assert said, row
            assert json.loads(said[1]) == json.loads(msgspec.json.encode(default)), row
    if not table:
        assert "No fields." in text


ANSWERED_BY_LINK = {
    SessionInfo: "[session](#session)",
    WindowInfo: "[window](#window)",
    SchemaInfo: "[schema](#schema)",
    Breaker: "[breaker](#breaker)",
}


@pytest.mark.parametrize("kind", REQUESTS, ids=of_method)
def test_the_fields_of_an_answer_are_said(kind: type[Request]) -> None:
    _, _, answer = section(f"### `{kind.method}`").partition("\nAnswer")
    assert answer
    if kind.answer in ANSWERED_BY_LINK:
        assert ANSWERED_BY_LINK[kind.answer] in answer
        return
    missing = {field.encode_name for field in fields(kind.answer)} - words(answer)
    assert not missing


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("message.list", LogEntry),
        ("message.list", DeliveryCounts),
        ("message.get", DeliveryInfo),
        ("events.subscribe", Snapshot),
        ("daemon.status", StoreStatus),
    ],
)
def test_the_fields_of_what_is_in_an_answer_are_said(method: str, kind: type[msgspec.Struct]) -> None:
    assert {field.encode_name for field in fields(kind)} <= words(section(f"### `{method}`"))


@pytest.mark.parametrize("kind", REQUESTS, ids=of_method)
def test_the_errors_of_a_request_are_those_that_its_docstring_says(kind: type[Request]) -> None:
    _, _, said = (inspect.getdoc(kind) or "").partition("Errors:")
    _, _, documented = section(f"### `{kind.method}`").partition("\nErrors:")
    named = set(re.findall(r"\w+", said)) & ERROR_NAMES
    listed = words(documented) & ERROR_NAMES
    assert named <= listed
    assert listed - named <= {"TooManyWaiting"}  # of every request that is answered from a thread


# ------------------------------------------------------------------------------------------------- types and events


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### Session", SessionInfo),
        ("### Window", WindowInfo),
        ("### Schema", SchemaInfo),
        ("### Envelope", Envelope),
        ("### Message", OrchestrationMessage),
    ],
)
def test_the_fields_of_a_type_are_said(heading: str, kind: type[msgspec.Struct]) -> None:
    assert [row[0].strip("`") for row in rows(section(heading))] == [field.encode_name for field in fields(kind)]


def test_the_fields_of_what_is_in_a_window_are_said() -> None:
    for kind in (Program, ProgramExit):
        assert {field.name for field in fields(kind)} <= words(section("### Window"))
    assert {field.name for field in fields(Modes)} <= words(section("## Events"))


@pytest.mark.parametrize("kind", [ChainBreaker, PairBreaker])
def test_the_fields_of_breakers_are_said(kind: type[msgspec.Struct]) -> None:
    text = section("### Breaker")
    assert {field.name for field in fields(kind)} <= words(text)
    assert f'`"{kind.__struct_config__.tag}"`' in text


def test_the_fields_of_worktrees_and_recipients_are_said() -> None:
    assert {field.name for field in fields(WorktreeInfo)} <= words(section("### Session"))
    assert {field.name for field in fields(Recipient)} <= words(section("### Envelope"))


def test_every_target_is_said_on_the_wire_and_as_text() -> None:
    forms = {row[0]: row[1] for row in rows(section("### Target"))}
    assert list(forms.values()) == ["`tag:mayor`", "`session:bob`", "`broadcast`", "`worktree:/p`"]
    for wire, text in forms.items():
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "message.resolve",
            "params": {"target": json.loads(wire.strip("`"))},
        }
        (read,) = decode_calls(json.dumps(call).encode())
        assert isinstance(read, Call), text


def test_every_event_is_said_with_its_fields() -> None:
    table = {row[0].strip("`"): words(row[1]) for row in rows(section("## Events"))}
    expected = {str(kind.__struct_config__.tag): {field.encode_name for field in fields(kind)} for kind in EVENTS}
    assert table == expected


# --------------------------------------------------------------------------------------------------------------- errors


def test_every_error_is_said_with_its_code_and_its_values() -> None:
    table = {row[1].strip("`"): (int(row[0]), re.findall(r"`(\w+)`", row[2])) for row in rows(section("## Errors"))}
    expected = {
        kind.__name__: (kind.code, list(inspect.signature(kind).parameters)) for kind in RAISED if "code" in vars(kind)
    }
    assert table == expected


def test_the_errors_that_never_cross_the_wire_are_said_too() -> None:
    assert words(section("## Errors")) >= ERROR_NAMES


def test_no_error_is_said_that_there_is_not() -> None:
    named = {word for word in words(PAGE) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)}
    assert named <= ERROR_NAMES


# --------------------------------------------------------------------------------------------------- filters and limits


def test_every_key_and_state_of_a_filter_is_said() -> None:
    text = section("## Filters")
    assert [row[0].strip("`:") for row in rows(text)] == list(KEYS)
    assert set(STATES) <= words(text)
    assert f"{MAX_WORDS} at most, of {MAX_WORD_CHARS:,} characters each" in text


def test_every_limit_is_said_with_its_default() -> None:
    said: dict[str, float] = {}
    for names, defaults, _ in rows(section("## Limits")):
        figures = [figure.replace(",", "") for figure in defaults.split("; ")]
        said.update(zip(re.findall(r"`(\w+)`", names), map(int, figures), strict=True))
    assert said == msgspec.to_builtins(Limits())


def test_the_fixed_limits_are_said() -> None:
    fixed = (
        f"a tag {limits.TAG_CHARS} characters, {limits.TAGS_PER_SESSION} tags a session, a session name "
        f"{limits.SESSION_NAME_CHARS} characters, a `msg_type` {limits.MESSAGE_TYPE_CHARS} characters, a metadata key "
        f"{limits.METADATA_KEY_CHARS} characters, a payload {limits.PAYLOAD_DEPTH} levels deep. A schema has "
        f"{limits.SCHEMA_BYTES:,} bytes and {limits.SCHEMA_DEPTH} levels at most, and takes {limits.SCHEMA_STEPS:,} "
        "steps for one value at most"
    )
    assert f"are {limits.SCHEMA_WORK:,} at most" in section("## Limits").replace("\n", " ")
    assert fixed in section("## Limits").replace("\n", " ")


# ------------------------------------------------------------------------------------------------------------- examples

ASKED = re.findall(r"^→ (.*)$", PAGE, re.MULTILINE)
ANSWERED = re.findall(r"^← (.*)$", PAGE, re.MULTILINE)
IN_SCRIPTS = re.findall(r"^  '(\{.*\})'", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", ASKED + IN_SCRIPTS)
def test_a_request_in_an_example_is_read_by_the_daemon_s_decoder(line: str) -> None:
    (call,) = decode_calls(line.encode())
    method = json.loads(line)["method"]
    assert isinstance(call, Call) == (method in {kind.method for kind in REQUESTS})


@pytest.mark.parametrize("line", ANSWERED)
def test_an_answer_in_an_example_is_read_by_the_client_s_decoder(line: str) -> None:
    (reply,) = decode_replies(line.encode())
    if reply.error is not None:
        error = error_from_wire(reply.error)
        assert type(error) is not FugueError
        assert (error.code, str(error)) == (reply.error.code, reply.error.message)
        assert error.values().keys() == reply.error.data.keys() - {"name"}
    elif reply.params is not None:
        assert json.loads(msgspec.json.encode(reply.params)) == json.loads(line)["params"]
    else:
        assert reply.result is not msgspec.UNSET


def test_there_is_an_example_of_every_event() -> None:
    kinds = {json.loads(line)["params"]["event"]["kind"] for line in ANSWERED if '"method":"event"' in line}
    assert kinds == {kind.__struct_config__.tag for kind in EVENTS}


class Reader:
    """The end of a link that keeps what comes."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Any] = asyncio.Queue()

    def take_lines(self, block: bytes) -> None:
        for line in block.splitlines():
            self.lines.put_nowait(json.loads(line))

    def lose(self, reason: str) -> None:
        self.lines.put_nowait(reason)


VOLATILE = {"number", "created_at", "time", "version", "epoch"}


def assert_alike(said: Any, got: Any, key: str = "") -> None:
    """Compare, but for what is another one each time."""
    if isinstance(said, dict) and isinstance(got, dict):
        assert list(said) == list(got)
        for name in said:
            assert_alike(said[name], got[name], name)
    elif isinstance(said, list) and isinstance(got, list):
        assert len(said) == len(got)
        for left, right in zip(said, got, strict=True):
            assert_alike(left, right)
    elif isinstance(said, float) or key in VOLATILE:
        assert type(said) is type(got)
    elif isinstance(said, str) and re.fullmatch(r"[0-9a-f-]{36}", said):
        UUID(got)
    else:
        assert said == got


async def test_the_conversations_run_as_they_are_written() -> None:
    blocks = re.findall(r"```text\n(.*?)```", section("## A conversation with nc"), re.DOTALL)
    assert len(blocks) == 2
    async with LocalDaemon() as daemon:
        for block in blocks:
            reader = Reader()
            link = await daemon.open_link(reader)
            for direction, line in re.findall(r"^([→←]) (.*)$", block, re.MULTILINE):
                if direction == "→":
                    assert reader.lines.empty()
                    link.write(line.encode() + b"\n")
                else:
                    assert_alike(json.loads(line), await reader.lines.get())
            assert reader.lines.empty()
            link.close()


@pytest.mark.parametrize("kind", [kind for kind in REQUESTS if not kind.mutates], ids=of_method)
async def test_a_notification_is_carried_out_and_not_answered(kind: type[Request]) -> None:
    hello, *_ = (line for line in ASKED if '"method":"hello"' in line)
    params = {
        "hello": json.loads(hello)["params"],
        "message.check": {"message": {"msg_type": "note"}},
        "message.get": {"id": str(UUID(int=1))},
        "schema.get": {"msg_type": "note"},
        "message.resolve": {"target": {"kind": "broadcast"}},
        "view.detach": {"view": 1},
        "view.input": {"view": 1, "data": ""},
        "view.resume": {"view": 1},
        "view.resize": {"view": 1, "cols": 80, "rows": 24},
        "window.idle": {"idle": True},
        "window.input": {"data": ""},
        "window.lines": {"first": 0},
        "window.resize": {"cols": 80, "rows": 24},
    }
    async with LocalDaemon() as daemon:
        reader = Reader()
        link = await daemon.open_link(reader)
        link.write(hello.encode() + b"\n")
        await reader.lines.get()
        notification = {"jsonrpc": "2.0", "method": kind.method, "params": params.get(kind.method, {})}
        link.write(json.dumps(notification).encode() + b"\n")
        # a search is done by one thread, one after the other: when this one is answered, the other is done
        link.write(b'{"jsonrpc":"2.0","id":7,"method":"message.list"}\n')
        assert (await reader.lines.get())["id"] == 7
        assert reader.lines.empty()
        link.close()


async def test_a_receive_that_waited_in_vain_is_not_answered_where_it_was_a_notification() -> None:
    async with LocalDaemon() as daemon:
        reader = Reader()
        link = await daemon.open_link(reader)
        asked = [json.loads(line) for line in ASKED[:2]]
        wait = {"jsonrpc": "2.0", "method": "message.receive", "params": {"wait_s": 0.01}}
        asked += [wait, {**wait, "id": 8}]
        link.write(b"".join(json.dumps(each).encode() + b"\n" for each in asked))
        assert [(await reader.lines.get())["id"] for _ in range(3)] == [1, 2, 8]
        assert reader.lines.empty()
        link.close()


def test_errors_is_the_module_that_the_page_names() -> None:
    assert Path(errors.__file__).as_posix().endswith("fugue_core/errors.py")
