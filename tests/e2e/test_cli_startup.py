"""What the command line loads: the price of each call from a hook."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.conftest import Fugue

DEAR = {
    "asyncio",
    "msgspec",
    "argparse",
    "json",
    "re",
    "typing",
    "enum",
    "subprocess",
    "socket",
    "dataclasses",
    "logging",
}
HOT = [
    ["send", "session:ann", "x", '{"a": [1, 2.5, "é"]}'],
    ["send", "--from", "ann", "tag:b", "x", "--json"],
    ["send", "-n", "session:ann", "x"],
    ["recv"],
    ["recv", "--json"],
    ["recv", "--wait", "0.01"],
    ["tag", "add", "b"],
    ["tag", "ls"],
    ["tag", "set", "b", "c"],
    ["whoami"],
    ["hook", "--for", "claude", "PostToolUse"],
    ["hook", "--for", "claude", "Stop"],
]

PROBE = """
import sys
before = set(sys.modules)
from fugue_tui.__main__ import main
code = main()
sys.stderr.write("loaded " + " ".join(sorted(set(sys.modules) - before)))
sys.exit(code)
"""


@pytest.mark.parametrize("words", HOT, ids=" ".join)
def test_a_verb_that_hooks_call_loads_nothing_dear(fugue: Fugue, words: list[str]) -> None:
    fugue.join("ann", "-t", "b")
    fugue.join("bob", "-t", "b")
    assert words[0] != "hook" or fugue("show", "ann", "--json").json["unread"] == 0  # its price where nothing waits
    if words[0] == "recv":
        fugue("send", "session:ann", "x", session="ann")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env={**fugue.environment, "FUGUE_SESSION": "ann"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.rpartition("loaded ")[2].split())
    assert "fugue_core.client.oneshot" in loaded
    assert loaded & DEAR == set()
    assert len([name for name in loaded if name.startswith("fugue_")]) < 30


def test_only_the_module_of_the_verb_is_loaded(fugue: Fugue) -> None:
    fugue.join("ann")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "whoami"],
        env={**fugue.environment, "FUGUE_SESSION": "ann"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stderr.rpartition("loaded ")[2].split()
    assert [name for name in loaded if name.startswith("fugue_core.cli.verb.")] == ["fugue_core.cli.verb.whoami"]
