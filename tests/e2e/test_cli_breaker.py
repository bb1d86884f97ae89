"""Two programs that answer each other for ever are stopped, nobody else is, and `fugue breaker` lets them go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import until

CHAIN = "01234567-89ab-cdef-0123-456789abcdef"

ECHO = """
import asyncio
import sys

import fugue_core
from fugue_core import ChainTooLong, PairTooFast

name, with_reply_to = sys.argv[1], sys.argv[2] == "chain"

async def main():
    async with fugue_core.connect() as client:
        await client.join(name, resume=True)
        print("ready", flush=True)
        async for envelope in client.incoming():
            reply_to = envelope.id if with_reply_to else None
            try:
                await client.send(f"session:{envelope.sender.name}", envelope.message, reply_to=reply_to)
            except (ChainTooLong, PairTooFast) as error:
                print(error, flush=True)
                break
            await client.ack(envelope)

asyncio.run(main())
"""


@pytest.fixture
def limits(server: Server) -> None:
    """Let loops be short enough to be waited for."""
    config = server.directory / "config" / "fugue" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[limits]\nhops = 20\npair_turns = 50\npair_turns_s = 3600\n")


def run_into_the_breaker(fugue: Fugue, directory: Path, how: str) -> str:
    """Let ping and pong answer each other until one of them is refused, and gives up; return what it was told."""
    program = directory / "echo.py"
    program.write_text(ECHO)
    programs = []
    try:
        for name in ("ping", "pong"):
            words = [sys.executable, str(program), name, how]
            programs.append(subprocess.Popen(words, env=fugue.environment, stdout=subprocess.PIPE, text=True))
            assert programs[-1].stdout is not None
            assert programs[-1].stdout.readline() == "ready\n"
        assert fugue("send", "session:pong", "serve", session="ping").code == 0
        until(lambda: any(each.poll() is not None for each in programs))
        (refused,) = [each for each in programs if each.poll() is not None]
        assert refused.stdout is not None
        return refused.stdout.read()
    finally:
        for each in programs:
            each.kill()
            each.communicate()


def test_programs_that_answer_each_other_s_answers_are_stopped_until_they_are_released(
    fugue: Fugue, limits: None, tmp_path: Path
) -> None:
    fugue.join("eve")
    told = run_into_the_breaker(fugue, tmp_path, "chain")
    (breaker,) = fugue("breaker", "ls", "--json").objects
    chain = breaker["chain"]
    assert (breaker["kind"], breaker["limit"], breaker["refusals"]) == ("chain", 20, 1)
    assert f"fugue breaker release {chain}" in told
    table = fugue("breaker", "ls").out
    assert f"{chain}  20 replies  1 " in table
    found = fugue("log", f"chain:{chain}", "--json").objects
    assert [envelope["hops"] for envelope in found] == list(range(21))
    last = found[-1]["id"]
    assert f"chain      {chain}, reply 20\n" in fugue("trace", last).out
    for words in (["reply", last, "1"], ["send", "session:ping", "x", "--reply-to", last]):
        refused = fugue(*words, session="eve")
        assert (refused.code, refused.out) == (1, "")
        assert f"this would be reply 21 in a row since {chain}, the limit is 20" in refused.err
    assert fugue("send", "session:ping", "x", session="eve").code == 0  # others are not disturbed
    assert fugue("breaker", "release", chain).out == f"released {chain}; 3 messages were refused\n"
    assert fugue("breaker", "ls").out == ""
    fugue("daemon", "restart")
    assert fugue("send", "session:ping", "x", "--reply-to", last, session="eve").code == 0


def test_programs_that_write_to_each_other_for_ever_are_stopped_until_they_are_released(
    fugue: Fugue, limits: None, tmp_path: Path
) -> None:
    fugue.join("eve", "-t", "all")
    told = run_into_the_breaker(fugue, tmp_path, "pair")
    assert "A person may release it: fugue breaker release p" in told
    (breaker,) = fugue("breaker", "ls", "--json").objects
    assert ([session["name"] for session in breaker["sessions"]], breaker["turns"]) == (["ping", "pong"], 50)
    assert "ping pong  50 turns in 3600 s" in fugue("breaker", "ls").out
    assert [line.split("\t")[0] for line in fugue("__complete", "--", "breaker", "release", "p").out.splitlines()] == [
        "ping",
        "pong",
    ]
    fugue("tag", "add", "all", "-s", "pong")
    partly = fugue("send", "tag:all", "x", session="ping")
    assert partly.code == 1
    assert "pair too fast: pong; 1 of 2 received it" in partly.err
    assert fugue("recv", "-n", "1", "--json", session="eve").objects[0]["message"]["msg_type"] == "x"
    released = fugue("breaker", "release", "--all", "--json").objects
    assert [one["refusals"] for one in released] == [2]
    assert fugue("send", "session:pong", "x", session="ping").code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "say what to release"),
        (["ann"], 2, "one id is a chain's, two sessions are a pair"),
        (["--all", "ann"], 2, "either --all, or what to release"),
        ([CHAIN], 4, f"no breaker has tripped for '{CHAIN}'"),
        (["ann", "bob"], 4, "no breaker has tripped for 'ann bob'"),
        (["ann", "eve"], 4, "no session 'eve'"),
    ],
)
def test_what_cannot_be_released_is_said(fugue: Fugue, words: list[str], code: int, message: str) -> None:
    fugue.join("ann")
    fugue.join("bob")
    refused = fugue("breaker", "release", *words)
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err
    assert fugue("breaker", "ls").err == "nothing is refused: no breaker has tripped\n"
