"""Two programs of different vendors: the model of one asks, that of the other answers, and fugue says the same."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack

from tests.agents.agent.program import Program
from tests.agents.endpoint import Answer, Call, Endpoint, Request
from tests.agents.house import House, Window, until
from tests.agents.report import Finding

PAIRS = {
    "claude+codex": ("claude", "codex"),
    "gemini+claude": ("gemini", "claude"),
    "codex+gemini": ("codex", "gemini"),
}
"""Who asks, and who answers."""

_QUESTION = {"text": "which tests are red?"}
_ANSWER = {"red": ["test_refund_partial"]}
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PATIENCE_S = 60


def prove_pair(asking: Program, answering: Program) -> list[Finding]:
    """Prove that a question of one model stands before the other, and the answer before the first."""
    who = f"{asking.name} {asking.version}, {answering.name} {answering.version}"
    findings: list[Finding] = []

    def check(what: str, is_so: bool, detail: str = "") -> None:  # noqa: FBT001  # reads as a sentence
        findings.append(Finding(who, what, "proved" if is_so else "REFUTED", detail))

    with ExitStack() as stack:
        house = stack.enter_context(House(asking.programs))
        models = {each: stack.enter_context(Endpoint(each.wire)) for each in (asking, answering)}
        for program, tag, session in ((asking, "planner", "ann"), (answering, "builder", "bob")):
            program.furnish(house, models[program].url)
            house.fugue("setup", program.name, "--yes")
            house.fugue("join", session, "-t", tag)
        windows = {}
        for program, session in ((asking, "ann"), (answering, "bob")):
            windows[program] = Window(house, session, program.command, program.environment(models[program].url))
            check(f"{program.name} waits for a prompt", program.get_ready(windows[program], is_first=True))

        asker, answerer = models[asking].script, models[answering].script
        answerer.add(
            *answering.load("receive_messages", "send_message"), Call("receive_messages", {"wait_s": 50}), reply
        )
        windows[answering].prompt("Receive your messages, and answer them.")
        loading = asking.load("ask")
        question = {"target": "tag:builder", "type": "question", "payload": _QUESTION, "wait_s": 50}
        asker.add(*loading, Call("ask", question))
        windows[asking].prompt("Ask whoever builds which tests are red, and wait for the answer.")
        asker.wait_for(len(loading) + 2, _PATIENCE_S)

        seen = next((each for each in answerer.requests if "which tests are red?" in "".join(each.results)), None)
        check("the question stands before the model that answers", seen is not None)
        given = asker.requests[-1].results[-1] if asker.requests[-1].results else ""
        check("the answer stands before the model that asked", "test_refund_partial" in given, given[:120])
        sent = json.loads(house.fugue("log", "type:question", "--json").splitlines()[0])["id"]
        until(lambda: house.delivery(sent).state == "acked")
        trace = house.trace(sent)
        (delivery,) = trace["deliveries"]
        check(
            "fugue says: the question was handed, and acknowledged", delivery["state"] == "acked", f"{delivery}"[:120]
        )
        replies = [json.loads(line) for line in house.fugue("log", f"reply:{sent}", "--json").splitlines()]
        check("fugue says: it was answered once", [each["sender"]["name"] for each in replies] == ["bob"])
        for script in (asker, answerer):
            findings += [Finding(who, "the script ran as it stands", "REFUTED", fault) for fault in script.faults]
        for window in windows.values():
            window.close()
    return findings


def reply(request: Request) -> Answer:
    """Answer the message that the last tool gave, as a model would that has read it."""
    given = request.results[-1]
    found = _ID.search(given)
    if found is None:
        raise LookupError(f"there is no id in {given[:200]}")
    return Call(
        "send_message",
        {"target": "session:ann", "type": "answer", "payload": _ANSWER, "reply_to": found[0]},
    )
