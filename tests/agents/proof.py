"""What is proved of an agent: which of its hooks and tools bring a message before its model, and whether fugue says so.

The agent runs in a window of fugue's, on a real terminal, and is typed to; its model is scripted. Each proof sends a
message with a mark of its own, looks in which request to the model the mark stands, and compares that with what
`fugue trace` says: `handed` must mean that it stood in a request, and `queued` that it stood in none.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fugue_core.mcp.tool import TOOLS
from tests.agents.agent.program import Events, Program
from tests.agents.endpoint import Answer, Call, Endpoint, Request, Say
from tests.agents.house import House, Window, until
from tests.agents.namespace import processes
from tests.agents.report import Finding, Verdict

_REST_S = 3.0
"""How long an agent that has nothing to do is watched doing nothing."""
_HOLDS = 3
"""How often in a row `fugue hook` holds a stop, when it is not told otherwise."""


class Trial:
    """One agent at work: the session `bob`, to whom the session `ann` writes."""

    def __init__(self, program: Program, house: House, endpoint: Endpoint) -> None:
        self.program = program
        self.house = house
        self.script = endpoint.script
        self.findings: list[Finding] = []
        self._url = endpoint.url
        self._marks = 0
        program.furnish(house, endpoint.url)
        house.fugue("setup", program.name, "--yes")
        house.fugue("join", "ann")
        house.fugue("join", "bob")

    # ------------------------------------------------------------------------------------------------ what was found

    def note(self, what: str, verdict: Verdict, detail: str = "") -> None:
        self.findings.append(Finding(f"{self.program.name} {self.program.version}", what, verdict, detail))

    def check(self, what: str, is_so: bool, detail: str) -> None:  # noqa: FBT001  # reads as a sentence
        self.note(what, "proved" if is_so else "REFUTED", detail)

    def compare(self, what: str, mark: str, message: str, *, through: str | None, request: int | None) -> None:
        """Find whether a message stood in that request and in none before, and fugue says through what it came.

        With `through` and `request` both None it must stand nowhere, and fugue must not say that it was handed.
        """
        delivery = self.house.delivery(message)
        seen = self.script.saw(mark)
        said = f"{delivery.state}, through {delivery.through}" if delivery.through else delivery.state
        stood = f"in request {seen}" if seen else "in no request"
        if request is None:
            self.check(what, seen is None and not delivery.was_handed, f"{stood}; fugue says: {said}")
        else:
            is_so = seen == request and delivery.was_handed and delivery.through == through
            self.check(what, is_so, f"{stood} (expected: {request}); fugue says: {said}")

    # ------------------------------------------------------------------------------------------------------- acting

    def send(self) -> tuple[str, str]:
        """Write to the agent; return the mark in what was written, and the message's id."""
        self._marks += 1
        mark = f"mark-{self.program.name}-{self._marks}"
        return mark, self.house.send("session:bob", {"mark": mark})

    def sending(self, answer: Answer, sent: list[tuple[str, str]]) -> Callable[[Request], Answer]:
        """Return a step in which somebody writes to the agent while it waits for its model to answer."""

        def step(request: Request) -> Answer:
            sent.append(self.send())
            return answer

        return step

    def open(self, session: str, *, is_first: bool = True) -> Window:
        """Start the agent in a window of a session, and return when it waits for a prompt."""
        window = Window(self.house, session, self.program.command, self.program.environment(self._url))
        is_ready = self.program.get_ready(window, is_first=is_first)
        what = "starts in a window, and waits for a prompt"
        self.check(
            what if is_first else f"{what}, beside another", is_ready, "" if is_ready else last_lines(window.text)
        )
        return window

    @property
    def count(self) -> int:
        return len(self.script.requests)

    def rest(self) -> None:
        """Look on until the agent has asked its model for nothing any more for a while."""
        seen = -1
        while seen != self.count:
            seen = self.count
            time.sleep(_REST_S)

    def result_of(self, window: Window, tool: str, arguments: dict[str, object]) -> str:
        """Let the agent's model call a tool of fugue's; return what the model was given for it."""
        self.script.add(*self.program.load(tool), Call(tool, arguments))
        expected = self.count + len(self.script.steps) + 1
        window.prompt(f"call {tool}")
        self.script.wait_for(expected)
        self.rest()
        return self.script.requests[-1].results[-1] if self.script.requests[-1].results else ""


def last_lines(text: str) -> str:
    """Return the end of a screen, on one line."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())[-200:]


# ------------------------------------------------------------------------------------------------------- the proofs


def prove(program: Program) -> list[Finding]:
    """Prove of a program all that can be proved."""
    before = processes()
    with Endpoint(program.wire) as endpoint, House(program.programs) as house:
        trial = Trial(program, house, endpoint)
        lists_the_server(trial)
        first = trial.send()
        window = trial.open("bob")
        hears_at_the_start(trial, window, first)
        if program.events:
            hears_with_a_prompt(trial, window, program.events)
            hears_while_at_work(trial, window, program.events)
            is_held_at_its_stop(trial, window, program.events)
            is_woken(trial, window, program.events)
        knows_itself(trial, window)
        fetches_by_itself(trial, window)
        sees_the_tools(trial)
        is_not_taken_for_another(trial)
        ends(trial, window)
        trial.findings += [
            Finding(trial.findings[0].agent, "the script ran as it stands", "REFUTED", fault)
            for fault in trial.script.faults
        ]
    left = [line for pid, line in processes().items() if pid not in before]
    trial.check("leaves no process of fugue's", not any("fugue" in line for line in left), "; ".join(left))
    return trial.findings


def lists_the_server(trial: Trial) -> None:
    """The program's own command shows the MCP server."""
    command = trial.program.mcp_list
    try:
        said = trial.house.run(*command, session="bob", extra=trial.program.environment(trial._url))
    except RuntimeError as error:
        trial.note("lists fugue by its own command", "REFUTED", str(error)[:200])
        return
    line = next((line.strip() for line in said.splitlines() if "fugue" in line and "WARNING" not in line), "")
    trial.check("lists fugue by its own command", bool(line), " ".join(line.split())[:70])


def hears_at_the_start(trial: Trial, window: Window, sent: tuple[str, str]) -> None:
    """What waited when the program started stands in its first request."""
    mark, message = sent
    window.prompt("hello")
    trial.script.wait_for(1)
    trial.rest()
    if trial.program.events:
        through = f"hook {trial.program.name} {trial.program.events.start}"
        trial.compare(f"{trial.program.events.start}: what waited", mark, message, through=through, request=1)
    else:
        trial.compare("has no hooks: what waits stays", mark, message, through=None, request=None)


def sees_the_tools(trial: Trial) -> None:
    """The names of all of fugue's tools reach the model; in its first request, unless the server was not up by then."""
    for number, request in enumerate(trial.script.requests, 1):
        if all(trial.program.offers(tool, request) for tool in TOOLS):
            trial.note("fugue's tools stand before the model", "proved", f"all {len(TOOLS)}, from request {number} on")
            return
    trial.note("fugue's tools stand before the model", "REFUTED", f"not in {trial.count} requests")


def hears_with_a_prompt(trial: Trial, window: Window, events: Events) -> None:
    """An idle agent is told nothing, and with its next prompt what has come meanwhile."""
    mark, message = trial.send()
    time.sleep(_REST_S)
    trial.compare("idle: nothing is shown to it", mark, message, through=None, request=None)
    expected = trial.count + 1
    window.prompt("go on")
    trial.script.wait_for(expected)
    trial.rest()
    through = f"hook {trial.program.name} {events.prompt}"
    trial.compare(f"{events.prompt}: idle, at the next prompt", mark, message, through=through, request=expected)


def hears_while_at_work(trial: Trial, window: Window, events: Events) -> None:
    """A busy agent is told after the next tool."""
    sent: list[tuple[str, str]] = []
    trial.script.add(trial.sending(trial.program.shell("echo worked"), sent))
    expected = trial.count + 2
    window.prompt("work")
    trial.script.wait_for(expected)
    trial.rest()
    through = f"hook {trial.program.name} {events.tool}"
    trial.compare(f"{events.tool}: busy, after a tool", *sent[0], through=through, request=expected)


def is_held_at_its_stop(trial: Trial, window: Window, events: Events) -> None:
    """An agent that is about to stop goes on with what has come, so often in a row at most."""
    sent: list[tuple[str, str]] = []
    trial.script.add(*(trial.sending(Say(f"done {number}"), sent) for number in range(_HOLDS + 1)))
    first = trial.count + 1
    window.prompt("finish")
    trial.script.wait_for(first + _HOLDS)
    trial.rest()
    through = f"hook {trial.program.name} {events.stop}"
    for number, (mark, message) in enumerate(sent[:_HOLDS], 1):
        what = f"{events.stop}: held, {number} of {_HOLDS} in a row"
        trial.compare(what, mark, message, through=through, request=first + number)
    if len(sent) > _HOLDS:
        mark, message = sent[_HOLDS]
        trial.compare(f"{events.stop}: after {_HOLDS} in a row let go", mark, message, through=None, request=None)
        expected = trial.count + 1
        window.prompt("what else?")
        trial.script.wait_for(expected)
        trial.rest()
        through = f"hook {trial.program.name} {events.prompt}"
        trial.compare(f"{events.prompt}: what was left then", mark, message, through=through, request=expected)


def is_woken(trial: Trial, window: Window, events: Events) -> None:
    """Where that is wanted an idle agent is typed a notice, submits it, and is shown what has come."""
    trial.house.fugue("wake", "bob", "on")
    expected = trial.count + 1
    mark, message = trial.send()
    came = trial.script.wait_for(expected)
    trial.rest()
    if not came:
        reason = trial.house.fugue("wake", "bob").strip()
        trial.note("woken: idle, by a typed notice", "REFUTED", f"{reason}; {last_lines(window.text)}")
    else:
        through = f"hook {trial.program.name} {events.prompt}"
        trial.compare("woken: idle, by a typed notice", mark, message, through=through, request=expected)
        noticed = "fugue: " in trial.script.requests[expected - 1].text
        trial.check("woken: the notice is the prompt", noticed, "" if noticed else "it stands in no request")
    trial.house.fugue("wake", "bob", "off")


def knows_itself(trial: Trial, window: Window) -> None:
    """The tools speak for the session in whose window the agent runs."""
    result = trial.result_of(window, "whoami", {})
    trial.check("whoami: the session of its window", '"bob"' in result, "" if '"bob"' in result else result[:200])


def is_not_taken_for_another(trial: Trial) -> None:
    """A second one beside it, in the same home, speaks for its own session, by its tools and by its hooks."""
    trial.house.fugue("join", "carol")
    window = trial.open("carol", is_first=False)
    message = trial.house.send("session:carol", {"mark": "mark-carol"})
    result = trial.result_of(window, "whoami", {})
    trial.check("whoami: beside another, its own session", '"carol"' in result, result[:120])
    if trial.program.events:
        delivery = trial.house.delivery(message)
        seen = trial.script.saw("mark-carol")
        trial.check(
            "hooks: beside another, its own mail",
            bool(seen) and delivery.was_handed,
            f"{delivery.state}, in request {seen}",
        )
    window.close()


def fetches_by_itself(trial: Trial, window: Window) -> None:
    """What `receive_messages` gives stands before the model, and counts as handed."""
    sent: list[tuple[str, str]] = []
    loading = trial.program.load("receive_messages")
    trial.script.add(*loading, trial.sending(Call("receive_messages", {"wait_s": 5}), sent))
    expected = trial.count + len(loading) + 2
    window.prompt("call receive_messages")
    trial.script.wait_for(expected)
    trial.rest()
    if not sent:
        trial.note("receive_messages: what waits", "not proved", "it was not called")
        return
    delivery = trial.house.delivery(sent[0][1])
    trial.compare("receive_messages: what waits", *sent[0], through=delivery.through, request=expected)


def ends(trial: Trial, window: Window) -> None:
    """With the window the program ends, and with it the server of its tools."""
    window.close()
    has_ended = until(lambda: not any("fugue mcp" in line for line in processes().values()))
    left = [line for line in processes().values() if "fugue mcp" in line]
    trial.check("fugue mcp ends with it", has_ended, "; ".join(left))
