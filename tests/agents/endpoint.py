"""The scripted model: an HTTP server on loopback that answers an agent step by step, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self

from tests.e2e.daemon import PATIENCE_S


@dataclass(frozen=True)
class Say:
    """The model says something, and its turn is over."""

    text: str


@dataclass(frozen=True)
class Call:
    """The model asks for a tool; `name` is the end of the tool's name, before which each agent puts its own."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What an agent asked of its model.

    Fields:
        text: All of it, as it came: what stands nowhere here, the model has not seen.
        tools: The names of the tools that it may ask for; none where the agent asks for something on the side, such as
            a title for the conversation.
        results: What the tools gave that were called so far, oldest first.
    """

    text: str
    tools: tuple[str, ...]
    results: tuple[str, ...]

    def tool(self, name: str) -> str:
        """Return the whole name of a tool. Raises `LookupError` where the agent does not offer it."""
        for tool in self.tools:
            if tool == name or tool.endswith((f"_{name}", f".{name}")):
                return tool
        raise LookupError(f"no tool {name!r} among {', '.join(self.tools)}")


Answer = Say | Call
Step = Answer | Callable[[Request], Answer]
"""What the model answers; a function may look at the request first, or do something while the agent waits."""


class Wire(Protocol):
    """One form of talking to a model: a module of `wire/`."""

    def read(self, path: str, body: Mapping[str, Any]) -> Request | None:
        """Return what is asked, or None where it is nothing that a model answers."""

    def write(self, answer: Answer, request: Request, number: int) -> bytes:
        """Return the stream of events that gives the answer; `number` is different for each."""

    def write_aside(self, path: str) -> bytes | None:
        """Return the JSON that answers what no model does, or None where there is no such thing."""


@dataclass
class Script:
    """What the model does, in order; when it is over, it says `done` to everything."""

    steps: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    """All that asked for an answer of the model's own, and could have called tools."""
    faults: list[str] = field(default_factory=list)
    """What a step could not do; the agent was told `done`."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, *steps: Step) -> None:
        """Let the model do this next."""
        with self._changed:
            self.steps += steps

    def answer(self, request: Request) -> tuple[Answer, int]:
        """Return the next answer, and its number."""
        with self._changed:
            self.requests.append(request)
            number = len(self.requests)
            step = self.steps.pop(0) if self.steps else Say("done")
            self._changed.notify_all()
        try:
            answer = step(request) if callable(step) else step
            if isinstance(answer, Call):
                answer = Call(request.tool(answer.name), answer.arguments)
        except (AssertionError, LookupError, OSError, RuntimeError, ValueError) as fault:
            self.faults.append(f"step {number}: {fault!r}")
            answer = Say("done")
        return answer, number

    def wait_for(self, count: int, patience_s: float = PATIENCE_S) -> bool:
        """Wait until so many requests have come; False where they have not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, patience_s)

    def saw(self, text: str, since: int = 0) -> int | None:
        """Return the number, from 1, of the first request after `since` in which a text stands."""
        for number, request in enumerate(self.requests, 1):
            if number > since and text in request.text:
                return number
        return None


class Endpoint(ThreadingHTTPServer):
    """A server that speaks one wire, within the block; each run of an agent brings its script."""

    daemon_threads = True

    def __init__(self, wire: Wire) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.wire = wire
        self.script = Script()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    def answer(self, request: Request) -> bytes:
        """Return what the model answers; on the side, where no tool may be called, it is always the same."""
        if not request.tools:
            return self.wire.write(Say("a title"), request, 0)
        answer, number = self.script.answer(request)
        return self.wire.write(answer, request, number)


class _Exchange(BaseHTTPRequestHandler):
    """One connection of an agent's."""

    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_GET(self) -> None:
        self._answer_aside()

    def do_HEAD(self) -> None:
        self._answer_aside()

    def do_POST(self) -> None:
        request = self.server.wire.read(self.path, json.loads(self._body() or b"{}"))
        if request is None:
            self._answer_aside()
        else:
            self._answer(self.server.answer(request), "text/event-stream")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that the library gives it
        """Say nothing: the script keeps what was asked."""

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer_aside(self) -> None:
        body = self.server.wire.write_aside(self.path)
        self._answer(body or b"{}", "application/json", 404 if body is None else 200)

    def _answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def events(named: Iterable[Mapping[str, Any]], *, has_names: bool = True) -> bytes:
    """Return server-sent events, named by their `type`."""
    return b"".join(
        (f"event: {event['type']}\n" if has_names else "").encode() + f"data: {json.dumps(event)}\n\n".encode()
        for event in named
    )
