"""`fugue mcp` as the official SDK's client sees it: every tool, in both ways in which versions are told."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import anyio
import jsonschema
import pytest
from mcp import Client, MCPError, StdioServerParameters

from fugue_core.mcp.tool import TOOLS
from tests.e2e.conftest import SCRIPT, Fugue
from tests.e2e.daemon import PATIENCE_S, until

MODES = {"legacy": "2025-11-25", "auto": "2026-07-28"}


class Caller:
    """A client that holds every answer against what the tool has declared of it."""

    def __init__(self, client: Client, schemas: dict[str, Any]) -> None:
        self.client = client
        self.schemas = schemas
        self.called: set[str] = set()

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        """Return the structured result of a call. Raises `AssertionError` where it was refused."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        jsonschema.validate(result.structured_content, self.schemas[tool], cls=jsonschema.Draft202012Validator)
        self.called.add(tool)
        return result.structured_content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        assert result.structured_content is None
        return str(getattr(result.content[0], "text", None))


Connect = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture(params=MODES)
def connect(request: pytest.FixtureRequest, fugue: Fugue) -> Connect:
    """Connects the SDK's client to a `fugue mcp` of its own, called with some words."""

    @contextlib.asynccontextmanager
    async def connect(*words: str) -> AsyncIterator[Caller]:
        parameters = StdioServerParameters(
            command=str(SCRIPT), args=["mcp", *words], env=fugue.environment, cwd=fugue.directory
        )
        async with Client(parameters, mode=request.param, read_timeout_seconds=PATIENCE_S) as client:
            assert client.protocol_version == MODES[request.param]
            tools = (await client.list_tools()).tools
            yield Caller(client, {tool.name: tool.output_schema for tool in tools})

    return connect


async def test_every_tool_is_listed_with_valid_schemas_and_answers_as_it_declares(connect: Connect) -> None:
    async with connect("--join", "ann", "-t", "asker") as ann, connect("--join", "bob") as bob:
        assert ann.client.instructions is not None
        tools = (await ann.client.list_tools()).tools
        assert [tool.name for tool in tools] == list(TOOLS)
        for tool in tools:
            for schema in (tool.input_schema, tool.output_schema):
                assert schema is not None
                assert schema["type"] == "object"
                jsonschema.Draft202012Validator.check_schema(schema)

        assert (await ann("whoami"))["tags"] == ["asker"]
        assert (await bob("set_tags", add=["builder"], remove='["x"]'))["tags"] == ["builder"]
        assert (await bob("set_metadata", set={"model": {"size": 7}}, remove=["x"]))["keys"] == ["model"]
        listed = await ann("list_sessions", filter="tag:builder", details=True)
        assert [each["metadata"] for each in listed["sessions"]] == [{"model": {"size": 7}}]

        assert (await ann("send_message", target="tag:builder", type="note", dry_run=True))["recipients"] == ["bob"]
        sent = await ann("send_message", target={"tag": "builder"}, type="note", payload={"a": [1]})
        (letter,) = (await bob("receive_messages", wait_s=5))["messages"]
        assert (letter["id"], letter["from"], letter["payload"]) == (sent["id"], "ann", {"a": [1]})
        assert (await bob("ack_messages", ids=[letter["id"]]))["acked"] == 1
        status = await ann("message_status", id=sent["id"])
        assert [each["state"] for each in status["deliveries"]] == ["acked"]

        async def answer() -> None:
            (question,) = (await bob("receive_messages", wait_s=5))["messages"]
            await bob("send_message", target="session:ann", type="answer", payload=42, reply_to=question["id"])

        answering = asyncio.create_task(answer())
        asked = await ann("ask", target="session:bob", type="question", wait_s=10)
        await answering
        assert asked["answer"]["payload"] == 42
        found = await ann("search_messages", filter="type:answer")
        assert [each["message"]["reply_to"] for each in found["messages"]] == [asked["id"]]

        program = [sys.executable, "-c", "print('the screen'); input()"]
        made = await ann("new_session", command=program, name="worker", tags=["program"])
        assert made["name"] == "worker"
        with anyio.fail_after(PATIENCE_S):
            while "the screen" not in (await ann("capture_screen", session="worker"))["text"]:  # noqa: ASYNC110  # nothing tells
                await anyio.sleep(0.02)
        assert (await ann("end_session", session="worker"))["session"] == "worker"

        assert ann.called | bob.called == set(TOOLS)


async def test_calls_run_side_by_side(connect: Connect) -> None:
    async with connect("--join", "ann") as ann:
        waiting = asyncio.create_task(ann("receive_messages", wait_s=30))
        numbers = range(50)
        await asyncio.gather(
            *(ann("send_message", target="session:ann", type="note", payload=number) for number in numbers),
            *(ann("list_sessions") for _ in numbers),
            *(ann("whoami") for _ in numbers),
        )
        received = [each["payload"] for each in (await waiting)["messages"]]
        while len(received) < len(numbers):
            pages = await asyncio.gather(*(ann("receive_messages", wait_s=1) for _ in range(4)))
            received += [each["payload"] for page in pages for each in page["messages"]]
        assert sorted(received) == list(numbers)


async def test_a_cancelled_call_takes_nothing_with_it(connect: Connect) -> None:
    async with connect("--join", "ann") as ann:
        await ann("whoami")
        with anyio.move_on_after(0.3) as scope:
            await ann("receive_messages", wait_s=30)
        assert scope.cancelled_caught
        await ann("send_message", target="session:ann", type="note", payload=1)
        assert [each["payload"] for each in (await ann("receive_messages", wait_s=5))["messages"]] == [1]


async def test_who_waits_is_told_how_the_time_goes_by(connect: Connect) -> None:
    told: list[tuple[float, float | None]] = []
    async with connect("--join", "ann") as ann:

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            assert message
            told.append((progress, total))
            await ann("send_message", target="session:ann", type="note")

        result = await ann.client.call_tool("receive_messages", {"wait_s": 30}, progress_callback=tell)
    assert result.structured_content is not None
    assert len(result.structured_content["messages"]) == 1
    assert [total for _, total in told] == [30]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("send_message", {}, "`target` is missing"),
        ("send_message", {"target": "session:ann", "type": 1}, "`type` is refused: expected `str`, got `int`"),
        ("send_message", {"target": 7, "type": "note"}, "`target` must be"),
        ("send_message", {"target": "ann", "type": "note"}, "`target` is none"),
        ("send_message", {"target": "session:ann", "type": "note", "payload": "{broken"}, "`payload` is text"),
        ("send_message", {"target": "session:ann", "type": "note", "dry_run": "yes"}, "`dry_run` is refused"),
        ("send_message", {"target": "session:ann", "type": "note", "reply_to": "it"}, "`reply_to` is refused"),
        ("send_message", {"target": "session:ann", "type": "a b"}, "InvalidMessageType"),
        ("send_message", {"target": "session:nobody", "type": "note"}, "SessionNotFound"),
        ("send_message", {"target": "tag:nobody", "type": "note"}, "NoRecipients"),
        ("receive_messages", {"limit": "5"}, "`limit` is refused: expected `int`, got `str`"),
        ("receive_messages", {"limit": 0}, "`limit` is refused"),
        ("receive_messages", {"acknowledge": True}, "`acknowledge` is not known here; there are: ack, "),
        ("set_tags", {"add": "builder"}, "`add` is refused: expected `array`, got `str`"),
        ("set_tags", {"add": ["a", 1]}, "`add[1]` is refused"),
        ("set_tags", {"replace": [], "add": ["a"]}, "`replace`"),
        ("ack_messages", {}, "`ids`"),
        ("message_status", {"id": str(uuid4())}, "MessageNotFound"),
        ("search_messages", {"filter": "what:ever"}, "InvalidFilter"),
        ("new_session", {"command": "make test"}, "`command` is refused"),
        ("new_session", {"directory": "here"}, "`directory`"),
        ("end_session", {}, "`session` is missing"),
        ("capture_screen", {"session": "ann"}, "WindowNotFound"),
    ],
)
async def test_what_is_wrong_is_said_by_the_name_of_its_field(
    tool: str, arguments: dict[str, Any], words: str, fugue: Fugue
) -> None:
    parameters = StdioServerParameters(
        command=str(SCRIPT), args=["mcp", "--join", "ann"], env=fugue.environment, cwd=fugue.directory
    )
    async with Client(parameters, mode="auto", read_timeout_seconds=PATIENCE_S) as client:
        assert words in await Caller(client, {}).refusal(tool, **arguments)


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(connect: Connect) -> None:
    async with connect() as nobody:
        with pytest.raises(MCPError, match="no tool 'launch'"):
            await nobody.client.call_tool("launch", {})


async def test_nothing_is_left_when_the_client_has_gone(connect: Connect, fugue: Fugue) -> None:
    async with connect("--join", "ann") as ann:
        await ann("whoami")
        assert fugue("show", "ann", "--json").json["attached_clients"] == 1
    until(lambda: fugue("show", "ann", "--json").json["attached_clients"] == 0)
