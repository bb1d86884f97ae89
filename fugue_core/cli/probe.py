"""A real message on each way to a session, and what it proves: `fugue doctor --session`.

A session has its mail from a program of its own that reads, or by the tools and hooks of the agent in it. The first can
be tried in earnest: a message goes to the session, and the daemon says who was handed it, and when. An agent's hooks
run when the agent makes a step, and what they show is taken from the session's mail; so each is run as the agent's
program would run it, for a session in its place that has a probe of its own waiting. What cannot be proved so is said.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, cast

from fugue_core import agents
from fugue_core.agents.agent import Agent
from fugue_core.cli.check import Finding
from fugue_core.cli.command import Command
from fugue_core.cli.target import read_target
from fugue_core.cli.verb import wake
from fugue_core.client.jsontext import decode, encode
from fugue_core.client.oneshot import Connection, new_id
from fugue_core.setup.checkup import Calls, calls
from fugue_core.setup.document import CannotChange
from fugue_core.timeline import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.client.jsontext import Encodable

MSG_TYPE = "probe"
_TEXT = "a probe, sent by fugue doctor: nothing is to be done"
_PATIENCE_S = 10.0
"""How long an agent's hook, or its MCP server, may take."""
_POLL_S = 0.05
_MCP_VERSION = "2025-06-18"  # the newest with `initialize` that all of these programs speak


def probe(command: Command, session: str, within_s: float) -> Iterator[tuple[str, Finding]]:
    """Send probes; yield what each has proved, under the name of the way.

    Args:
        command: Where the daemon is; it is not started.
        session: Whose ways are tried, a name or an id.
        within_s: How long the session may take to read its probe. What it has not acknowledged then expires.

    Raises:
        Refused: There is no such session.
    """
    with command.connect(may_start=False) as connection:
        found = decode(connection.ask("session.get", {"session": session}))
        name, pid = f"doctor-{os.getpid()}", os.getpid()
        joined = connection.ask("session.join", {"name": name, "for_pid": pid, "id": new_id(), "attach": False})
        stand_in = decode(joined)["id"]
        try:
            with command.connect(stand_in, may_start=False) as own:
                yield from _probe_session(own, found, within_s)
                yield "waking", _waking(decode(own.ask("session.get", {"session": found["id"]})))
                yield from _probe_agents(own, stand_in, command.socket_path)
        finally:
            connection.ask("session.end", {"session": stand_in})


# ---------------------------------------------------------------------------------------------------- to the session


def _probe_session(
    connection: Connection, session: Mapping[str, Any], within_s: float
) -> Iterator[tuple[str, Finding]]:
    name, readers = session["name"], session["attached_clients"]
    sent_at = time.time()
    sent = _send(connection, session["id"], within_s)
    yield "mailbox", ("ok", f"message {sent['seq']:,} is on disk, queued for {name}")
    delivery = _follow(connection, sent["id"], time.monotonic() + within_s)
    if delivery["handed_at"] is None:
        here = f"{_clients(readers)} connected" if readers else "nothing that reads for it is connected"
        yield "handed", ("warning", f"not within {within_s:g} s: {here}, and no step of an agent has shown it")
        return
    through = f"through {delivery['handed_through']}, " if delivery["handed_through"] else ""
    yield "handed", ("ok", f"{through}after {span(delivery['handed_at'] - sent_at)}")
    if delivery["state"] == "acked":
        yield "acknowledged", ("ok", f"after {span(delivery['ended_at'] - delivery['handed_at'])}")
    else:
        yield "acknowledged", ("warning", f"not within {within_s:g} s: a program has read it, and no more is known")


def _clients(count: int) -> str:
    return "1 client is" if count == 1 else f"{count:,} clients are"


def _follow(connection: Connection, message: str, deadline: float) -> Mapping[str, Any]:
    """Return the delivery of a probe when it has come to its end, or at the deadline."""
    while True:
        delivery = _delivery(connection, message)
        if delivery["state"] not in {"queued", "handed"} or time.monotonic() >= deadline:
            return delivery
        time.sleep(_POLL_S)  # events would bring all that everybody sends meanwhile


def _send(connection: Connection, recipient: str, ttl_s: float) -> dict[str, Any]:
    """Send a probe; return its receipt."""
    params: Encodable = {
        "target": read_target(f"session:{recipient}"),
        "message": {"msg_type": MSG_TYPE, "payload": {"text": _TEXT}},
        "id": new_id(),
        "ttl_s": ttl_s,
    }
    receipt: dict[str, Any] = decode(connection.ask("message.send", params))
    return receipt


def _delivery(connection: Connection, message: str) -> Mapping[str, Any]:
    delivery: Mapping[str, Any]
    (delivery,) = decode(connection.ask("message.get", {"id": message}))["deliveries"]
    return delivery


def _waking(session: Mapping[str, Any]) -> Finding:
    if session["wake"] == "off":
        return "ok", "off: an agent that idles sees its mail at its next prompt"
    return "ok", wake.state(session["wake"], session["wake_reason"])


# ------------------------------------------------------------------------------------- by what agents have configured


def _probe_agents(connection: Connection, stand_in: str, socket_path: str) -> Iterator[tuple[str, Finding]]:
    environment = {**os.environ, "FUGUE_SESSION": stand_in, "FUGUE_SOCKET": socket_path}
    environment.pop("FUGUE_WINDOW", None)  # it says there whether an agent idles
    for name in agents.NAMES:
        try:
            found = calls(name, os.environ, os.getcwd())
        except CannotChange as error:
            yield name, ("problem", str(error))
            continue
        trial = _Trial(connection, stand_in, name, environment)
        if found.hooks:
            yield f"{name} hooks", trial.hooks(agents.load(name), found)
        if found.server:
            yield f"{name} tools", trial.tools(found.server)


class _Trial:
    """What an agent's program has configured of fugue, run for the session that stands in."""

    def __init__(self, connection: Connection, stand_in: str, name: str, environment: Mapping[str, str]) -> None:
        self._connection = connection
        self._stand_in = stand_in
        self._name = name
        self._environment = environment

    def hooks(self, agent: Agent, found: Calls) -> Finding:
        """Run the hook at each event; stop at the first that does not show its probe."""
        commands = {event: found.hooks[event] for event in (*agent.telling, *agent.holding) if event in found.hooks}
        named = [event for event, command in commands.items() if _names_session(command)]
        shown = [event for event in commands if event not in named]
        for event in shown:
            if fault := self._hook(event, commands[event]):
                return "problem", f"{event}: {fault}"
        if named:
            return "warning", f"not run, since it would show the mail of the session that it names: {', '.join(named)}"
        return "ok", f"each showed a probe, to a session in its place: {', '.join(shown)}"

    def _hook(self, event: str, shell_command: str) -> str:
        """Run one; return what is wrong with it, or nothing."""
        message = _send(self._connection, self._stand_in, _PATIENCE_S)["id"]
        asked = encode({"hook_event_name": event, "session_id": "doctor"})
        try:
            done = subprocess.run(  # noqa: S602  # as the agent's program runs it, from the user's own configuration
                shell_command,
                shell=True,
                input=asked.encode(),
                capture_output=True,
                env=self._environment,
                timeout=_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it took more than {_PATIENCE_S:g} s: {shell_command}"
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            return f"it exited with {done.returncode}: {said or shell_command}"
        if message not in done.stdout.decode(errors="replace"):
            return f"it did not show the probe: {shell_command}"
        return self._unproved(message)

    def tools(self, words: Sequence[str]) -> Finding:
        """Start the MCP server, and receive a probe by its tool."""
        message = _send(self._connection, self._stand_in, _PATIENCE_S)["id"]
        shown = " ".join(words)
        try:
            server = subprocess.Popen(  # noqa: S603  # from the user's own configuration
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment
            )
        except OSError as error:
            return "problem", f"{shown}: {error.strerror}"
        giving_up = threading.Timer(_PATIENCE_S, server.kill)
        giving_up.start()
        try:
            answer = _receive(server)
        except OSError:  # it has ended, and said why, or not
            answer = ""
        finally:
            _, said = server.communicate()
            giving_up.cancel()
        if message not in answer:
            why = answer or said.decode(errors="replace").strip().rpartition("\n")[2]
            return "problem", f"{shown} did not give the probe: {why[:200] or 'it says nothing'}"
        fault = self._unproved(message)
        return ("problem", fault) if fault else ("ok", "receive_messages gave a probe, to a session in its place")

    def _unproved(self, message: str) -> str:
        """Be done with a probe that was shown; return in words that it does not count as handed, if that is so."""
        delivery = _delivery(self._connection, message)
        self._connection.ask("message.ack", {"ids": [message]})
        return "" if delivery["handed_at"] else f"what it showed is not marked as handed, but {delivery['state']}"


def _names_session(shell_command: str) -> bool:
    return any(word in {"-a", "--as"} or word.startswith("--as=") for word in shlex.split(shell_command))


def _receive(server: subprocess.Popen[bytes]) -> str:
    """Speak MCP with a server that was just started; return its answer to `receive_messages`."""
    client = {"name": "fugue doctor", "version": "1"}
    begin = {"protocolVersion": _MCP_VERSION, "capabilities": {}, "clientInfo": client}
    _put(server, {"id": 1, "method": "initialize", "params": begin})
    if not _answer(server):
        return ""
    _put(server, {"method": "notifications/initialized"})
    call = {"name": "receive_messages", "arguments": {"ack": "explicit"}}
    _put(server, {"id": 2, "method": "tools/call", "params": call})
    return _answer(server)


def _put(server: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    stdin = cast("IO[bytes]", server.stdin)
    stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    stdin.flush()


def _answer(server: subprocess.Popen[bytes]) -> str:
    """Return the next line that answers a call; empty: there is none."""
    for line in cast("IO[bytes]", server.stdout):
        if b'"id"' in line:
            return line.decode(errors="replace")
    return ""
