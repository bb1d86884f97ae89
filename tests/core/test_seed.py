"""What fugue was asked for first, FEAT-028: its tasks and acceptance criteria, line by line, on the real code."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
import pytest

import fugue_core
from fugue_core import (
    Broadcast,
    MessageRouter,
    NoRecipients,
    OrchestrationMessage,
    OrchestrationTarget,
    ProtocolMismatch,
    Session,
    SessionInfo,
    Tagged,
    Worktree,
    connect,
)
from fugue_core.client import Client
from fugue_core.daemon.local import LocalDaemon
from fugue_core.protocol import events, requests
from fugue_core.protocol.requests import PROTOCOL_VERSION, Hello, Software, VersionRange
from fugue_core.protocol.target import WireTarget

ROOT = Path(__file__).parents[2]
CORE = Path(fugue_core.__file__).parent

ASKED = """
Protocol Types: Define new `OrchestrationMessage` struct with msg_type and payload
Protocol Types: Add `OrchestrationTarget::Tagged(String)` variant
Protocol Types: Remove `OrchestrationTarget::Orchestrator` variant
Protocol Types: Delete `WorkerStatus` enum
Protocol Types: Delete old `OrchestrationMessage` enum variants
SessionInfo Changes: Replace `is_orchestrator: bool` with `tags: HashSet<String>` in SessionInfo
SessionInfo Changes: Update SessionInfo constructors/tests
SessionInfo Changes: Add serde support for HashSet<String>
Router Refactor: Replace `orchestrators` map with `session_tags` map
Router Refactor: Update `register()` to accept `tags: HashSet<String>`
Router Refactor: Implement `add_tag()` method
Router Refactor: Implement `remove_tag()` method
Router Refactor: Implement `sessions_with_tag()` method
Router Refactor: Update `route()` to handle `Tagged` target
Router Refactor: Remove `get_orchestrator()` method
Test Updates: Update/replace WorkerStatus tests
Test Updates: Update/replace orchestration message tests
Test Updates: Update SessionInfo tests for tags
Test Updates: Update router tests for tag-based routing
Test Updates: Add tests for multi-tag scenarios
Documentation: Update doc comments for new types
Documentation: Add examples of workflow-specific message payloads
Documentation: Document migration path for existing code
Acceptance: Sessions can register with arbitrary tags (e.g., "mayor", "worker", "coordinator")
Acceptance: Messages can be routed to sessions by tag using `OrchestrationTarget::Tagged(String)`
Acceptance: Generic message payload allows any workflow to define its own message types
Acceptance: All existing tests updated or replaced with tag-based equivalents
Acceptance: No methodology-specific types remain in the protocol
Acceptance: `serde_json::Value` payload allows arbitrary JSON structures
Acceptance: Tag operations (add/remove) work dynamically after registration
Notes: breaking protocol change, version bump required
Notes: Consider adding protocol version negotiation if not already present
Notes: The `SyncRequest` variant could be kept as it's generic, or replaced with a msg_type
Notes: `Broadcast` target remains useful as a convenience over tagging
""".strip().splitlines()

Test = TypeVar("Test", bound=Callable[..., object])
checked: set[str] = set()


def asked(*lines: str) -> Callable[[Test], Test]:
    """Say which lines a test checks."""

    def note(test: Test) -> Test:
        for line in lines:
            assert line in ASKED, line
            checked.add(line)
        return test

    return note


def test_every_line_is_checked_by_a_test_here() -> None:
    assert [line for line in ASKED if line not in checked] == []


# ---------------------------------------------------------------------------------------------- 1. Protocol types


@asked("Protocol Types: Define new `OrchestrationMessage` struct with msg_type and payload")
def test_a_message_is_a_type_and_a_payload_and_nothing_else() -> None:
    assert OrchestrationMessage.__struct_fields__ == ("msg_type", "payload")
    message = OrchestrationMessage("status_update", {"status": "working"})
    assert message == OrchestrationMessage(msg_type="status_update", payload={"status": "working"})
    assert json.loads(msgspec.json.encode(message)) == {"msg_type": "status_update", "payload": {"status": "working"}}


@asked(
    "Protocol Types: Add `OrchestrationTarget::Tagged(String)` variant",
    "Protocol Types: Remove `OrchestrationTarget::Orchestrator` variant",
)
def test_there_are_four_targets_and_none_is_the_orchestrator() -> None:
    assert set(OrchestrationTarget.__args__) == {Tagged, Session, Broadcast, Worktree}
    kinds = {kind.__struct_config__.tag for kind in WireTarget.__args__}
    assert kinds == {"tagged", "session", "broadcast", "worktree"}
    with pytest.raises(msgspec.ValidationError, match="orchestrator"):
        msgspec.json.decode(b'{"kind":"orchestrator"}', type=WireTarget)


GONE = {
    "WorkerStatus": "a status is a word in a payload, or a tag",
    "WaitingForInput": "",
    "is_orchestrator": "a tag",
    "Orchestrator": "Tagged",
    "orchestrator": "a user's word",
    "orchestrators": "",
    "get_orchestrator": "sessions_with_tag",
    "StatusUpdate": "a msg_type",
    "TaskAssignment": "",
    "TaskComplete": "",
    "HelpRequest": "",
    "SyncRequest": "",
    "SendOrchestration": "message.send",
    "task_id": "a user's word",
}
"""Names of version 1, and what took their place."""


def sources(directory: Path = CORE) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(directory.rglob("*.py")):
        yield path, ast.parse(path.read_text(), str(path))


def names_in(tree: ast.AST) -> Iterator[str]:
    """Return all that something is called in a program, and all strings in it that are a single word."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                yield name


@asked(
    "Protocol Types: Delete `WorkerStatus` enum",
    "Protocol Types: Delete old `OrchestrationMessage` enum variants",
    "SessionInfo Changes: Replace `is_orchestrator: bool` with `tags: HashSet<String>` in SessionInfo",
    "Router Refactor: Remove `get_orchestrator()` method",
    "Acceptance: No methodology-specific types remain in the protocol",
)
def test_no_name_of_version_1_is_left_in_the_core() -> None:
    found = {(path.name, name) for path, tree in sources() for name in names_in(tree) if name in GONE}
    assert found == set()
    assert not set(GONE) & set(fugue_core.__all__)


USERS_WORDS = {"tag", "tags", "msg_type", "payload"}
"""What stands under these names is the user's."""


def users_word(node: ast.AST) -> bool:
    """Say whether an expression is a tag, a type or a payload."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in USERS_WORDS
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name in USERS_WORDS
    return False


def says_something(node: ast.AST) -> bool:
    """Say whether an expression is a word, or words, written in the program; a lone `,` is none."""
    match node:
        case ast.Constant(value=str(text)):
            return any(character.isalnum() for character in text)
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return any(map(says_something, elements))
    return False


def meanings(tree: ast.AST) -> Iterator[int]:
    """Return the lines where a program gives a tag, a type or a payload a meaning: compares it with a word."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                if any(map(users_word, sides)) and any(map(says_something, sides)):
                    yield node.lineno
            case ast.Match(subject=subject, cases=cases) if users_word(subject):
                patterns = [pattern for case in cases for pattern in ast.walk(case.pattern)]
                if any(isinstance(pattern, ast.MatchValue) and says_something(pattern.value) for pattern in patterns):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=value, attr="startswith" | "endswith"), args=arguments):
                if users_word(value) and any(map(says_something, arguments)):
                    yield node.lineno
            case ast.Subscript(value=ast.Dict(keys=keys), slice=index) if users_word(index):
                if any(key is not None and says_something(key) for key in keys):
                    yield node.lineno


@asked("Acceptance: Generic message payload allows any workflow to define its own message types")
def test_no_line_of_the_core_compares_a_tag_a_type_or_a_payload_with_a_word() -> None:
    assert [(path.name, line) for path, tree in sources() for line in meanings(tree)] == []


@pytest.mark.parametrize(
    "program",
    [
        'if tag == "mayor": pass',
        'if "mayor" in session.tags: pass',
        'if message.msg_type in ("a", "b"): pass',
        'if "task.complete" != envelope.packed.msg_type: pass',
        'if wire["msg_type"] == "a": pass',
        'if payload["status"] == "idle" or payload == "x": pass',
        'if msg_type.startswith("task."): pass',
        "match message.msg_type:\n    case 'a' | 'b': pass",
        'x = {"mayor": 1}[tag]',
    ],
)
def test_that_search_finds_what_it_seeks(program: str) -> None:
    assert list(meanings(ast.parse(program)))


@pytest.mark.parametrize(
    "program",
    ['if "," not in tag: pass', "if tag in self.tags: pass", 'if kind == "tag": pass', 'if name == "x": pass'],
)
def test_that_search_finds_nothing_else(program: str) -> None:
    assert not list(meanings(ast.parse(program)))


# ------------------------------------------------------------------------------------------------ 2. SessionInfo


@asked(
    "SessionInfo Changes: Replace `is_orchestrator: bool` with `tags: HashSet<String>` in SessionInfo",
    "SessionInfo Changes: Update SessionInfo constructors/tests",
    "SessionInfo Changes: Add serde support for HashSet<String>",
    "Test Updates: Update SessionInfo tests for tags",
)
def test_a_session_has_the_fields_asked_for_with_tags_in_place_of_one_flag() -> None:
    fields = SessionInfo.__struct_fields__
    assert fields[:7] == ("id", "name", "created_at", "window_count", "attached_clients", "worktree", "tags")
    assert "is_orchestrator" not in fields
    info = SessionInfo(id=uuid4(), name="ann", created_at=1, tags=("coordinator", "merger"))
    text = msgspec.json.encode(info)
    assert json.loads(text)["tags"] == ["coordinator", "merger"]
    assert msgspec.json.decode(text, type=SessionInfo) == info


# ----------------------------------------------------------------------------------------------------- 3. Router


@asked(
    "Router Refactor: Replace `orchestrators` map with `session_tags` map",
    "Router Refactor: Update `register()` to accept `tags: HashSet<String>`",
    'Acceptance: Sessions can register with arbitrary tags (e.g., "mayor", "worker", "coordinator")',
)
def test_sessions_register_with_any_tags_and_several_in_one_repository_with_the_same() -> None:
    router = MessageRouter()
    names = list(inspect.signature(router.register).parameters)
    assert names == ["session_id", "repo_id", "worktree_path", "tags"]
    first, second = uuid4(), uuid4()
    router.register(first, "shop", None, {"mayor", "worker", "coordinator"})
    router.register(second, "shop", None, {"mayor"})
    assert router.get_tags(first) == frozenset({"mayor", "worker", "coordinator"})
    assert router.sessions_with_tag("mayor") == [first, second]


@asked(
    "Router Refactor: Implement `add_tag()` method",
    "Router Refactor: Implement `remove_tag()` method",
    "Router Refactor: Implement `sessions_with_tag()` method",
    "Router Refactor: Update `route()` to handle `Tagged` target",
    "Acceptance: Messages can be routed to sessions by tag using `OrchestrationTarget::Tagged(String)`",
    "Acceptance: Tag operations (add/remove) work dynamically after registration",
    "Test Updates: Update router tests for tag-based routing",
    "Test Updates: Add tests for multi-tag scenarios",
)
def test_messages_follow_the_tags_as_they_are_put_on_and_taken_off() -> None:
    router = MessageRouter()
    sender, one, two = uuid4(), uuid4(), uuid4()
    inboxes = {session: router.register(session, None, None, set()) for session in (one, two)}
    message = OrchestrationMessage("gas_town.bid", {"amount": 75})
    with pytest.raises(NoRecipients):
        router.route(sender, Tagged("merger"), message)
    router.add_tag(one, "merger")
    router.add_tag(two, "merger")
    router.add_tag(two, "evaluator")
    assert router.route(sender, Tagged("merger"), message) == (one, two)
    assert router.route(sender, Tagged("evaluator"), message) == (two,)
    assert router.sessions_with_tag("evaluator") == [two]
    router.remove_tag(two, "merger")
    assert router.route(sender, Tagged("merger"), message) == (one,)
    assert [len(inboxes[session]) for session in (one, two)] == [2, 2]
    assert not hasattr(router, "get_orchestrator")


# ---------------------------------------------------------------------------------------------- 4. Test updates


@asked(
    "Test Updates: Update/replace WorkerStatus tests",
    "Test Updates: Update/replace orchestration message tests",
    "Acceptance: All existing tests updated or replaced with tag-based equivalents",
)
@pytest.mark.parametrize(
    "status", ["idle", "working", "waiting_for_input", "blocked", "complete", "error", "on holiday"]
)
@pytest.mark.parametrize(
    "msg_type", ["status_update", "task_assignment", "task_complete", "help_request", "sync_request"]
)
def test_what_version_1_could_say_and_more_is_said_with_one_type_of_message(status: str, msg_type: str) -> None:
    router = MessageRouter()
    worker, boss = uuid4(), uuid4()
    inbox = router.register(boss, "shop", None, {"orchestrator"})
    router.register(worker, "shop", "/shop/wt", {"worker"})
    message = OrchestrationMessage(msg_type, {"session_id": str(worker), "status": status})
    assert router.route(worker, Tagged("orchestrator"), message) == (boss,)
    assert inbox.receive_nowait() == (worker, message)


# ---------------------------------------------------------------------------------------------- 5. Documentation


def public_types() -> Iterable[type]:
    for module in pkgutil.walk_packages(fugue_core.__path__, "fugue_core."):
        if module.name.startswith("fugue_core.protocol"):
            for name, value in vars(import_module(module.name)).items():
                if inspect.isclass(value) and value.__module__ == module.name and not name.startswith("_"):
                    yield value


@asked("Documentation: Update doc comments for new types")
def test_every_type_that_can_cross_the_wire_says_what_it_is() -> None:
    types = list(public_types())
    assert len(types) > 40
    for kind in [*types, MessageRouter, Client]:
        doc = kind.__dict__.get("__doc__") or ""
        assert doc.strip(), kind
        assert not doc.startswith(f"{kind.__name__}("), kind


@asked("Documentation: Add examples of workflow-specific message payloads")
def test_the_workflows_of_the_examples_are_written_down_with_payloads() -> None:
    guide = (ROOT / "docs" / "workflows.md").read_text()
    for word in ("Context Engineering", "Gas Town", "status_update", "gas_town.auction", "gas_town.bid"):
        assert word in guide
    payloads = [json.loads(text) for text in re.findall(r"'(\{.*?\})'", guide)]
    assert {"session_id": "worker-1", "status": "working", "task_id": "T1"} in payloads
    assert any(payload.get("item") == "implement feature X" for payload in payloads)
    assert any(payload.get("capabilities") == ["rust", "async"] for payload in payloads)


@asked("Documentation: Document migration path for existing code")
def test_the_migration_guide_names_everything_that_is_gone() -> None:
    guide = (ROOT / "docs" / "migration.md").read_text()
    old = [
        "WorkerStatus::Idle",
        "WorkerStatus::Working",
        "WorkerStatus::WaitingForInput",
        "WorkerStatus::Blocked",
        "WorkerStatus::Complete",
        "WorkerStatus::Error",
        "OrchestrationTarget::Orchestrator",
        "OrchestrationTarget::Session",
        "OrchestrationTarget::Broadcast",
        "OrchestrationTarget::Worktree",
        "OrchestrationMessage::StatusUpdate",
        "OrchestrationMessage::TaskAssignment",
        "OrchestrationMessage::TaskComplete",
        "OrchestrationMessage::HelpRequest",
        "OrchestrationMessage::Broadcast",
        "OrchestrationMessage::SyncRequest",
        "is_orchestrator",
        "get_orchestrator",
        "orchestrators",
        "task_id",
        "description",
        "files",
        "success",
        "summary",
        "session_id",
        "context",
        "SendOrchestration",
    ]
    assert [name for name in old if name not in guide] == []


# ---------------------------------------------------------------------------------------------------- acceptance


@asked("Acceptance: `serde_json::Value` payload allows arbitrary JSON structures")
@pytest.mark.parametrize(
    "payload", [None, True, 0, -1.5, "", "x", [], {}, [1, [2, [3]]], {"a": {"b": [None, {"c": "d"}]}}, {"": 10**30}]
)
async def test_any_json_is_carried_from_one_session_to_another(payload: Any) -> None:
    async with LocalDaemon() as daemon, connect(daemon) as ann, connect(daemon) as bob:
        await ann.join("ann")
        await bob.join("bob", tags=["anything"])
        await ann.send(Tagged("anything"), OrchestrationMessage("a.type/nobody:knows", payload))
        (envelope,) = (await bob.receive()).envelopes
        assert envelope.message == OrchestrationMessage("a.type/nobody:knows", payload)


OLD_WORDS = [
    "status.update",
    "status_update",
    "task.assignment",
    "task.complete",
    "help.request",
    "sync",
    "error",
    "hello",
    "message.send",
    "session.end",
    "daemon.stop",
    "event",
    "resync",
    "tag",
    "broadcast",
]


@asked(
    "Acceptance: Generic message payload allows any workflow to define its own message types",
    "Acceptance: No methodology-specific types remain in the protocol",
)
async def test_no_type_tag_or_payload_has_an_effect_but_delivery() -> None:
    async with LocalDaemon() as daemon, connect(daemon) as ann, connect(daemon) as bob:
        await ann.join("ann", tags=["orchestrator", "mayor", *OLD_WORDS])
        await bob.join("bob", tags=["worker"])
        before = await bob.sessions()
        for msg_type in OLD_WORDS:
            payload = {"status": "complete", "success": False, "task_id": 1, "session": "ann", "method": msg_type}
            receipt = await bob.send("tag:orchestrator", OrchestrationMessage(msg_type, payload))
            assert [recipient.name for recipient in receipt.recipients] == ["ann"]
        received = (await ann.receive()).envelopes
        assert [envelope.message.msg_type for envelope in received] == OLD_WORDS
        assert (await ann.ack(*received)).acked == len(OLD_WORDS)
        assert await bob.sessions() == before


# ---------------------------------------------------------------------------------------------------------- notes


@asked(
    "Notes: breaking protocol change, version bump required",
    "Notes: Consider adding protocol version negotiation if not already present",
)
@pytest.mark.parametrize(
    ("low", "high", "is_common"), [(1, 1, False), (3, 3, False), (3, 9, False), (2, 2, True), (1, 5, True)]
)
async def test_both_sides_agree_on_a_version_before_anything_else(low: int, high: int, *, is_common: bool) -> None:
    assert PROTOCOL_VERSION == 2
    async with LocalDaemon() as daemon, connect(daemon) as client:
        assert client.welcome is not None
        assert client.welcome.protocol == 2
        assert (await ask_hello(daemon, low, high)) is is_common


async def ask_hello(daemon: LocalDaemon, low: int, high: int) -> bool:
    """Say whether a client that speaks these versions is welcome."""
    from fugue_core.client.channel import Channel  # noqa: PLC0415  # below the client, for this one question

    channel = await Channel.open(daemon, lambda _: None, lambda: None)
    try:
        hello = Hello(protocol=VersionRange(min=low, max=high), client=Software(name="old", version="1"))
        assert (await channel.ask(hello)).protocol == 2
    except ProtocolMismatch as error:
        assert "version 2" in str(error)  # noqa: PT017
        return False
    else:
        return True
    finally:
        channel.close()


@asked("Notes: The `SyncRequest` variant could be kept as it's generic, or replaced with a msg_type")
def test_sync_is_a_question_to_fugue_or_a_type_like_any_other() -> None:
    methods = {kind.method for kind in requests.REQUESTS}
    kinds = {kind.__struct_config__.tag for kind in events.EVENTS}
    assert not {name for name in methods | kinds if "sync" in str(name)} - {"resync"}
    assert "session.list" in methods
    assert "sync_request" in (ROOT / "docs" / "migration.md").read_text()


@asked("Notes: `Broadcast` target remains useful as a convenience over tagging")
def test_a_broadcast_needs_no_tag() -> None:
    router = MessageRouter()
    ids = [UUID(int=number) for number in range(3)]
    for session in ids:
        router.register(session, "shop", None, ())
    assert router.resolve(ids[1], Broadcast()) == (ids[0], ids[2])
