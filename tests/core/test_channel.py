"""What a client does about that which cannot be sent: it says so at once, and goes on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fugue_core import (
    Client,
    FugueError,
    InvalidMetadata,
    InvalidPayload,
    InvalidTarget,
    OrchestrationMessage,
    connect,
)
from fugue_core.daemon.config import Config
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import InvalidParams, LineTooLong
from fugue_core.limits import Limits

LINE_BYTES = 2000


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with LocalDaemon(config=Config(limits=Limits(line_bytes=LINE_BYTES))) as daemon, connect(daemon) as client:
        await client.join("ann")
        yield client


def note(payload: object) -> OrchestrationMessage:
    return OrchestrationMessage("note", payload)


async def test_what_is_too_long_for_the_daemon_is_refused_and_not_waited_for(client: Client) -> None:
    with pytest.raises(LineTooLong) as caught:
        await client.send("session:ann", note("x" * LINE_BYTES))
    assert caught.value.limit_bytes == LINE_BYTES
    assert caught.value.size_bytes > LINE_BYTES
    assert (await client.receive()).envelopes == ()


async def test_the_longest_line_that_the_daemon_reads_is_sent(client: Client) -> None:
    with pytest.raises(LineTooLong) as caught:
        await client.send("session:ann", note("x" * LINE_BYTES))
    fitting = LINE_BYTES - (caught.value.size_bytes - caught.value.limit_bytes)
    await client.send("session:ann", note("x" * fitting))
    with pytest.raises(LineTooLong):
        await client.send("session:ann", note("x" * (fitting + 1)))
    assert [len(each.message.payload) for each in (await client.receive()).envelopes] == [fitting]


async def test_where_one_of_many_is_too_long_none_is_sent(client: Client) -> None:
    with pytest.raises(LineTooLong):
        await client.send_many([("session:ann", note(1)), ("session:ann", note("x" * LINE_BYTES))])
    assert (await client.receive()).envelopes == ()


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("join", {"name": "\ud800"}, InvalidParams),
        ("tag", {"add": ["\ud800"]}, InvalidParams),
        ("sessions", {"filter": "\ud800"}, InvalidParams),
        ("edit_metadata", {"set": {"key": object()}}, InvalidMetadata),
        ("edit_metadata", {"set": {"key": math.nan}}, InvalidMetadata),
        ("join", {"metadata": {"key": math.inf}}, InvalidMetadata),
        ("send", {"target": "session:ann", "message": note(math.nan)}, InvalidPayload),
        ("send", {"target": "ann", "message": note(1)}, InvalidTarget),
        ("receive", {"limit": 0}, InvalidParams),
        ("send", {"target": "session:ann", "message": note(1), "ttl_s": -1}, InvalidParams),
    ],
)
async def test_what_cannot_be_said_is_refused_and_the_connection_lives_on(
    client: Client, method: str, arguments: dict[str, Any], error: type[FugueError]
) -> None:
    with pytest.raises(error):
        await getattr(client, method)(**arguments)
    await asyncio.wait_for(client.send("session:ann", note("still here")), 10)
    (envelope,) = (await client.receive()).envelopes
    assert envelope.message.payload == "still here"
