"""The programs in examples/, run as a user would, against a real daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import PATIENCE_S, ROOT, Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


def run(name: str, daemon: Daemon) -> str:
    """Run an example to its end; return what it printed."""
    example = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        env=daemon.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert example.returncode == 0, f"{example.stdout}\n{example.stderr}"
    return example.stdout


def sent(daemon: Daemon) -> list[tuple[str, str, dict[str, object]]]:
    """Return sender, type and payload of everything that was sent, oldest first; all of it must be acknowledged."""
    with daemon.connect() as wire:
        page = wire.ask("message.list", order="oldest", limit=1000)
        assert wire.ask("session.list")["sessions"] == []  # everybody has left
    assert all(entry["deliveries"].keys() == {"acked"} for entry in page["entries"]), page
    envelopes = [entry["envelope"] for entry in page["entries"]]
    return [
        (each["sender"]["name"].partition(".")[0], each["message"]["msg_type"], each["message"]["payload"])
        for each in envelopes
    ]


def test_context_engineering(daemon: Daemon) -> None:
    printed = run("context_engineering.py", daemon)
    messages = sent(daemon)
    by_worker = [(kind, payload) for sender, kind, payload in messages if sender == "worker-1"]
    assert [kind for kind, _ in by_worker] == ["status_update", "status_update", "task_complete"]
    assert by_worker[1][1].keys() == {"session_id", "status", "task_id"}
    assert by_worker[1][1]["status"] == "working"
    assigned = {
        payload["task_id"] for sender, kind, payload in messages if (sender, kind) == ("planner", "task_assignment")
    }
    done = {payload["task_id"] for _, kind, payload in messages if kind == "task_complete"}
    assert assigned == done == {"T1", "T2"}
    assert len(processes(printed)) == 3


def test_gas_town(daemon: Daemon) -> None:
    printed = run("gas_town.py", daemon)
    messages = sent(daemon)
    by_type: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for sender, kind, payload in messages:
        by_type.setdefault(kind, []).append((sender, payload))
    ((seller, auction),) = by_type["gas_town.auction"]
    assert seller == "mayor"
    assert auction["item"] == "implement feature X"
    assert auction["starting_bid"] == 100
    bids = dict(by_type["gas_town.bid"])
    assert bids["cat"] == {"auction_id": auction["auction_id"], "amount": 75, "capabilities": ["rust", "async"]}
    assert bids.keys() == {"cat", "dog"}
    assert [sender for sender, _ in by_type["gas_town.pass"]] == ["eel"]
    assert [payload["amount"] for _, payload in by_type["gas_town.award"]] == [75]
    assert re.search(r"cat\.\d+ got it for 75", printed)
    assert len(processes(printed)) == 4


def test_two_at_once_do_not_meet(daemon: Daemon) -> None:
    with subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "gas_town.py")],
        env=daemon.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        run("gas_town.py", daemon)
        printed, _ = other.communicate(timeout=PATIENCE_S)
    assert other.returncode == 0
    assert printed.count("offered to") == 1
    assert len(re.search(r"offered to (.*)", printed)[1].split(", ")) == 3  # type: ignore[index]  # it is there


def test_an_example_fails_where_there_is_no_daemon_and_none_can_be_started(tmp_path: Path) -> None:
    environment = {**os.environ, "FUGUE_SOCKET": "/dev/null/fugue.sock", "HOME": str(tmp_path)}
    example = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "context_engineering.py"), "worker", "bob"],
        env=environment,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert example.returncode != 0


def processes(printed: str) -> set[str]:
    return set(re.findall(r"^\[(\d+)\]", printed, re.MULTILINE))
