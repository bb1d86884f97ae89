"""The guides in docs/, run as they stand: their shell, their Python, their lines of the wire."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fugue_core
from fugue_core import OrchestrationMessage
from fugue_core.protocol.events import SessionJoined
from fugue_core.protocol.rpc import Call, decode_calls
from tests.e2e.daemon import PATIENCE_S, Daemon

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ["migration.md", "workflows.md"]


def pieces(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / guide).read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


@pytest.fixture
def town(daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository to be in, and an environment that means the daemon."""
    directory = tmp_path / "shop"
    subprocess.run(["git", "init", "--quiet", str(directory)], check=True)
    for name, value in daemon.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FUGUE_SESSION", raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(directory)
    return directory


def run_shell(guide: str) -> str:
    script = "set -euo pipefail\n" + "\n".join(pieces(guide, "sh"))
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return run.stdout + run.stderr


async def run_python(guide: str) -> dict[str, Any]:
    """Run every piece of Python of a guide, one after the other; return the names that they made."""
    namespace: dict[str, Any] = {}
    for piece in pieces(guide, "python"):
        code = compile(piece, guide, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, namespace)
        if inspect.iscoroutine(running):
            await running
    return namespace


async def test_the_workflows_run_in_the_shell_and_then_in_python(town: Path) -> None:
    said = run_shell("workflows.md")
    for word in ("task_assignment", "gas_town.bid", "where is the test?", "rev-1", "no bid"):
        assert word in said
    (refused,) = [line for line in pieces("workflows.md", "text")[0].splitlines() if "schema" in line]
    assert refused in said
    made = await run_python("workflows.md")
    async with fugue_core.connect(session="planner") as client:
        events = await client.subscribe()
        worker = asyncio.ensure_future(made["work"]("worker-2", tasks=1))
        async for event in events:
            if isinstance(event, SessionJoined):
                break
        task = {"task_id": "T2", "description": "write its tests", "files": []}
        receipt = await client.send("session:worker-2", OrchestrationMessage("task_assignment", task))
        await worker
        heard = [envelope for envelope in (await client.receive()).envelopes if envelope.sender.name == "worker-2"]
        assert [envelope.message.msg_type for envelope in heard] == ["status_update", "task_complete"]
        assert heard[-1].reply_to == receipt.id


async def test_the_migration_guide_runs(town: Path) -> None:
    await run_python("migration.md")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_line_of_the_wire_in_a_guide_is_read(guide: str) -> None:
    for piece in pieces(guide, "json"):
        calls = decode_calls(piece.encode())
        assert calls
        assert all(isinstance(call, Call) for call in calls)


@pytest.mark.parametrize("guide", [path.name for path in sorted(DOCS.glob("*.md"))])
def test_every_link_in_the_docs_leads_somewhere(guide: str) -> None:
    text = (DOCS / guide).read_text()
    headings = {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        assert not path or (DOCS / path).exists(), link
        assert path or anchor in headings, link


def anchor_of(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
