"""The two workflows of `docs/workflows.md`, run by real agents of different vendors that use fugue's tools alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from tests.agents.agent.program import Program
from tests.agents.endpoint import Answer, Call, Endpoint, Request, Script, Step
from tests.agents.house import House, Window
from tests.agents.report import Finding

CAST = {
    "context-engineering": {"planner": "claude", "worker-1": "codex"},
    "gas-town": {"mayor": "gemini", "cat": "claude", "dog": "codex"},
}
"""Who plays whom."""

_TAGS = {
    "planner": ["orchestrator"],
    "worker-1": ["worker"],
    "mayor": ["mayor"],
    "cat": ["citizen", "builder"],
    "dog": ["citizen"],
}
_PATIENCE_S = 90
_WAIT: Call = Call("receive_messages", {"wait_s": 50})
_ID = re.compile(r'"id": ?"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


def prove_workflow(name: str, programs: Mapping[str, Program]) -> list[Finding]:
    """Let agents play a workflow, and compare what fugue's log says with what the documentation does.

    Args:
        name: One of `CAST`.
        programs: By the name of the session.
    """
    findings: list[Finding] = []
    who = f"{name}: {', '.join(program.name for program in programs.values())}"

    def check(what: str, is_so: bool, detail: str = "") -> None:  # noqa: FBT001  # reads as a sentence
        findings.append(Finding(who, what, "proved" if is_so else "REFUTED", detail))

    with ExitStack() as stack:
        house = stack.enter_context(House(next(iter(programs.values())).programs))
        scripts: dict[str, Script] = {}
        windows: dict[str, Window] = {}
        for session, program in programs.items():
            model = stack.enter_context(Endpoint(program.wire))
            program.furnish(house, model.url)
            house.fugue("setup", program.name, "--yes")
            house.fugue("join", session, *(word for tag in _TAGS[session] for word in ("-t", tag)))
            windows[session] = Window(house, session, program.command, program.environment(model.url))
            check(f"{session} waits for a prompt", program.get_ready(windows[session], is_first=True))
            scripts[session] = model.script
        steps = _STEPS[name]
        for session in reversed(list(programs)):  # who begins comes last, when the others listen
            loading = programs[session].load("send_message", "receive_messages")
            scripts[session].add(*loading, *steps[session])
            windows[session].prompt(f"You are {session} of the workflow {name}: play your part.")
            listens = len(loading) + 1 if steps[session][0] is _WAIT else len(loading) + len(steps[session]) + 1
            scripts[session].wait_for(listens, _PATIENCE_S)
        for session, script in scripts.items():
            script.wait_for(len(programs[session].load("x")) + len(steps[session]) + 1, _PATIENCE_S)
        log = [json.loads(line) for line in house.fugue("log", "--json").splitlines()]
        said = [(each["sender"]["name"], each["message"]["msg_type"]) for each in log]
        check("fugue's log has each message once, in its order", _fits(said, _LOGS[name]), f"{said}")
        last = house.trace(log[-1]["id"])["deliveries"]
        check("what came last was handed", all(each["handed_at"] for each in last), f"{[e['state'] for e in last]}")
        for script in scripts.values():
            findings += [Finding(who, "the script ran as it stands", "REFUTED", fault) for fault in script.faults]
        for window in windows.values():
            window.close()
    return findings


def _fits(said: Sequence[tuple[str, str]], expected: Iterable[frozenset[tuple[str, str]]]) -> bool:
    """Say whether messages came in groups, in any order within one."""
    left = list(said)
    for group in expected:
        if frozenset(left[: len(group)]) != group:
            return False
        del left[: len(group)]
    return not left


def _send(target: str, msg_type: str, payload: Mapping[str, Any]) -> Call:
    return Call("send_message", {"target": target, "type": msg_type, "payload": payload})


def _answer(target: str, msg_type: str, payload: Mapping[str, Any], to: str) -> Callable[[Request], Answer]:
    """Return a step that answers the last message of a type that stands before the model."""

    def step(request: Request) -> Answer:
        for given in reversed(request.results):
            at = given.find(f'"type":"{to}"')
            if at >= 0:
                found = _ID.findall(given[:at])
                answer = _send(target, msg_type, payload)
                return Call(answer.name, {**answer.arguments, "reply_to": found[-1]})
        raise LookupError(f"no {to} stands before the model")

    return step


_TASK = {"task_id": "T1", "description": "add a login page", "files": ["app/login.py"]}
_STEPS: Mapping[str, Mapping[str, Sequence[Step]]] = {
    "context-engineering": {
        "planner": [_send("session:worker-1", "task_assignment", _TASK), _WAIT, _WAIT],
        "worker-1": [
            _WAIT,
            _send(
                "tag:orchestrator", "status_update", {"session_id": "worker-1", "status": "working", "task_id": "T1"}
            ),
            _answer("tag:orchestrator", "task_complete", {"task_id": "T1", "success": True}, "task_assignment"),
        ],
    },
    "gas-town": {
        "mayor": [
            _send("broadcast", "gas_town.auction", {"auction_id": "A1", "item": "feature X", "starting_bid": 100}),
            _WAIT,
            _WAIT,
            _answer("session:cat", "gas_town.award", {"auction_id": "A1", "amount": 75}, "gas_town.bid"),
        ],
        "cat": [
            _WAIT,
            _answer("tag:mayor", "gas_town.bid", {"auction_id": "A1", "amount": 75}, "gas_town.auction"),
            _WAIT,
        ],
        "dog": [
            _WAIT,
            _answer("tag:mayor", "gas_town.bid", {"auction_id": "A1", "amount": 90}, "gas_town.auction"),
        ],
    },
}
_LOGS: Mapping[str, Sequence[frozenset[tuple[str, str]]]] = {
    "context-engineering": [
        frozenset({("planner", "task_assignment")}),
        frozenset({("worker-1", "status_update")}),
        frozenset({("worker-1", "task_complete")}),
    ],
    "gas-town": [
        frozenset({("mayor", "gas_town.auction")}),
        frozenset({("cat", "gas_town.bid"), ("dog", "gas_town.bid")}),
        frozenset({("mayor", "gas_town.award")}),
    ],
}
