"""Schemas at the real daemon: through the Python client, and over its death."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import fugue_core
from fugue_core import InvalidSchema, OrchestrationMessage, SchemaViolation
from fugue_core.errors import SchemaNotFound
from fugue_core.protocol.schema import SchemaChanged, SchemaRemoved
from fugue_core.store import _MIGRATIONS, migrate
from tests.e2e.daemon import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


POSITIVE: dict[str, Any] = {"type": "object", "required": ["amount"], "properties": {"amount": {"minimum": 1}}}


async def test_a_python_program_sets_checks_sends_and_is_told(daemon: Daemon) -> None:
    async with fugue_core.connect(daemon.socket) as client:
        await client.join("ann")
        events = await client.subscribe()
        info = await client.schemas.set("bid", POSITIVE)
        assert await client.schemas.list() == (info,)
        kept = await client.schemas.get("bid", "/anywhere")
        assert (kept.info, msgspec.json.decode(bytes(kept.schema))) == (info, POSITIVE)
        assert (await client.check(OrchestrationMessage("bid", {"amount": 1}))).schema == info
        for ask in (client.check, lambda message: client.send("session:ann", message)):
            with pytest.raises(SchemaViolation, match="/amount: minimum 1, found 0") as caught:
                await ask(OrchestrationMessage("bid", {"amount": 0}))
            assert caught.value.faults[0]["field"] == "/amount"
        with pytest.raises(InvalidSchema, match='at /type: "nonsense"'):
            await client.schemas.set("bid", {"type": "nonsense"})
        assert await client.schemas.remove("bid") == info
        with pytest.raises(SchemaNotFound):
            await client.schemas.get("bid")
        told = []
        async for event in events:
            told.append(event)
            if isinstance(event, SchemaRemoved):
                break
        assert told[1:] == [
            SchemaChanged(schema=info),
            SchemaRemoved(msg_type="bid", repo=None),
        ]


def test_schemas_are_kept_over_kill_9_and_hold_at_once(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.join("ann", repo="/shop")
        own = wire.ask("schema.set", msg_type="bid", schema=POSITIVE, repo="/shop")
        for_all = wire.ask("schema.set", msg_type="bid", schema=False)
    daemon.restart()
    with daemon.connect("ann") as wire:
        assert wire.ask("schema.list")["schemas"] == [for_all, own]
        assert wire.ask("events.subscribe")["snapshot"]["schemas"] == [for_all, own]
        refused = wire.refusal("message.send", target={"kind": "broadcast"}, message={"msg_type": "bid", "payload": {}})
        assert refused.data == {
            "name": "SchemaViolation",
            "msg_type": "bid",
            "faults": [{"field": "", "keyword": "required", "expected": '"amount"', "found": ""}],
            "has_more": False,
            "repo": "/shop",
        }
        sent = {"msg_type": "bid", "payload": {"amount": 2}}
        assert wire.ask("message.send", target={"kind": "broadcast"}, message=sent)["recipients"] == []


def test_a_file_from_before_there_were_schemas_is_brought_forward(tmp_path: Path) -> None:
    with Daemon(tmp_path, start=False) as daemon:
        daemon.state_dir.mkdir(parents=True)
        path = str(daemon.state_dir / "messages.db")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            migrate(database, path, _MIGRATIONS[:3])
        daemon.start()
        with daemon.connect() as wire:
            assert wire.ask("schema.list") == {"schemas": []}
            wire.ask("schema.set", msg_type="bid", schema=POSITIVE)
