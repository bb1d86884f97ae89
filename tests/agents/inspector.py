"""The MCP inspector's command line against `fugue mcp`: it lists the tools, calls every one, and is refused clearly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fugue_core.mcp.tool import TOOLS
from tests.agents.house import House
from tests.agents.install import Programs
from tests.agents.namespace import processes
from tests.agents.report import Finding

_PATIENCE_S = 60


class _Result(NamedTuple):
    code: int
    said: dict[str, Any]
    errors: str

    @property
    def text(self) -> str:
        return "".join(block.get("text", "") for block in self.said.get("content", ()))


def inspect(programs: Programs) -> list[Finding]:
    """Return what the inspector found."""
    version = programs.version("@modelcontextprotocol/inspector")
    findings: list[Finding] = []

    def check(what: str, is_so: bool, detail: str = "") -> None:  # noqa: FBT001  # reads as a sentence
        findings.append(Finding(f"inspector {version}", what, "proved" if is_so else "REFUTED", detail))

    with House(programs) as house:
        bob = json.loads(house.fugue("join", "bob", "-t", "builder", "--json"))["id"]
        house.fugue("join", "ann")
        waiting = house.send("session:bob", {"n": 1})

        def run(method: str, *words: str) -> _Result:
            socket = f"{house.environment['XDG_RUNTIME_DIR']}/fugue/default.sock"
            known = ["-e", f"FUGUE_SESSION={bob}", "-e", f"FUGUE_SOCKET={socket}"]
            done = subprocess.run(
                [*programs.inspector, *known, "fugue", "mcp", "--method", method, *words],
                cwd=house.work,
                env=house.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
            try:
                said = json.loads(done.stdout or "{}")
            except ValueError:
                said = {}
            return _Result(done.returncode, said, done.stderr.strip())

        listed = run("tools/list", "--strict")
        names = [tool["name"] for tool in listed.said.get("tools", ())]
        check("tools/list: all of them", names == list(TOOLS), f"{len(names)}")
        check("tools/list: every schema can be read anywhere", listed.code == 0, listed.errors.rpartition("\n")[2])
        _call_every_tool(lambda tool, **arguments: run(*_call(tool, arguments)), check, waiting)
    left = [line for line in processes().values() if "fugue mcp" in line]
    check("leaves no server", not left, "; ".join(left))
    return findings


def _call(tool: str, arguments: Mapping[str, Any]) -> list[str]:
    words = ["tools/call", "--tool-name", tool]
    for name, value in arguments.items():
        words += ["--tool-arg", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def _call_every_tool(call: Callable[..., _Result], check: Callable[[str, bool, str], None], waiting: str) -> None:
    sent = call("send_message", target={"session": "ann"}, type="note", payload={"n": 2}).said
    message = sent.get("structuredContent", {}).get("id", "")
    asked: dict[str, dict[str, Any]] = {
        "whoami": {},
        "list_sessions": {"filter": "tag:builder"},
        "set_tags": {"add": ["night"]},
        "set_metadata": {"set": {"model": "none"}},
        "send_message": {"target": "session:ann", "type": "note", "dry_run": True},
        "ask": {"target": "session:ann", "type": "question", "wait_s": 0.1},
        "message_status": {"id": message},
        "search_messages": {"filter": "type:note"},
        "receive_messages": {"ack": "explicit"},
        "ack_messages": {"ids": [waiting]},
        "new_session": {"command": ["cat"], "name": "cat"},
        "capture_screen": {"session": "cat"},
        "end_session": {"session": "cat"},
    }
    for tool in (*asked, *(tool for tool in TOOLS if tool not in asked)):
        result = call(tool, **asked[tool])
        is_answered = result.code == 0 and "structuredContent" in result.said
        check(f"{tool}: answers", is_answered, result.text[:120] if is_answered else f"{result.said}"[:200])
    both = call("send_message", target={"session": "ann", "tag": "builder"}, type="note")
    check("two kinds of target at once are refused", both.said.get("isError") is True, both.text[:120])
    wrong = call("receive_messages", ack="maybe")
    check(
        "a wrong value is refused, by the field's name",
        "ack" in wrong.text and "isError" in wrong.said,
        wrong.text[:120],
    )
    unknown = call("send_message", target="session:ann", type="note", colour="red")
    check("an unknown field is refused, by its name", "colour" in unknown.text, unknown.text[:120])
