"""A program that is started in a shell that is a session itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fugue_core
from fugue_core import NoIdentity, OrchestrationMessage
from tests.e2e.daemon import Daemon


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    with Daemon(tmp_path) as daemon:
        monkeypatch.setenv("FUGUE_SOCKET", daemon.socket)
        monkeypatch.delenv("FUGUE_SESSION", raising=False)
        yield monkeypatch


async def test_it_speaks_for_the_shells_session(shell: pytest.MonkeyPatch) -> None:
    async with fugue_core.connect(start=False) as ann:
        joined = await ann.join("ann")
    shell.setenv("FUGUE_SESSION", str(joined.id))
    async with fugue_core.connect(start=False) as client:
        assert client.session is not None
        assert client.session.name == "ann"


async def test_it_may_begin_a_session_of_its_own(shell: pytest.MonkeyPatch) -> None:
    async with fugue_core.connect(start=False) as ann:
        shell.setenv("FUGUE_SESSION", str((await ann.join("ann")).id))
        async with fugue_core.connect(start=False) as client:
            assert (await client.join("bob")).name == "bob"
            await client.send("session:ann", OrchestrationMessage("note"))
        assert (await ann.receive()).envelopes[0].sender.name == "bob"


async def test_where_the_shells_session_has_ended_it_speaks_for_nobody(shell: pytest.MonkeyPatch) -> None:
    async with fugue_core.connect(start=False) as ann:
        shell.setenv("FUGUE_SESSION", str((await ann.join("ann")).id))
        await ann.end()
    async with fugue_core.connect(start=False) as client:
        with pytest.raises(NoIdentity):
            await client.receive()
        assert (await client.join("bob")).name == "bob"
