"""A program that is faster than whoever wants to see it, with a daemon that is nothing but its lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from fugue_core.cli.command import Command
from fugue_core.cli.opening import Opening
from fugue_core.client.oneshot import Connection, Refused
from fugue_core.errors import ConnectionLost

SESSION = "01934567-89ab-7def-8123-456789abcdef"
OTHER = "01934567-89ab-7def-8123-456789abcdff"


def notice(kind: str, **fields: Any) -> str:
    return json.dumps({"method": "event", "params": {"number": 1, "event": {"kind": kind, **fields}}})


def closed(session: str = SESSION, **exited: Any) -> str:
    return notice("window.closed", session=session, window=0, exited=exited)


JOINED = notice("session.joined", session={"id": SESSION, "name": "true"})


class FakeConnection(Connection):
    """Answers what it is asked, and tells what it was given."""

    def __init__(self, before_answer: Iterable[str], after_answer: Iterable[str]) -> None:
        self.asked: list[str] = []
        self._before_answer = list(before_answer)
        self.notices = list(after_answer)

    def ask(
        self,
        method: str,
        params: Any = None,
        *,
        wait_s: float = 0.0,
        on_notice: Callable[[str], None] | None = None,
    ) -> str:
        self.asked.append(method)
        if method == "window.attach":
            raise Refused(-32022, "SessionNotFound", "no session", {})
        if on_notice is not None:
            for line in self._before_answer:
                on_notice(line)
        return json.dumps({"id": SESSION, "name": "true"})

    def next_notice(self, wait_s: float | None = None) -> str:
        assert wait_s is not None
        if not self.notices:
            raise ConnectionLost("the daemon is there, but does not answer")
        return self.notices.pop(0)


class FakeCommand(Command):
    """Hands out the connections that it was given."""

    def __init__(self, *connections: FakeConnection) -> None:
        super().__init__({})
        self._connections = list(connections)
        self.said: list[str] = []

    def connect(self, session: str | None = None, *, attach: bool = False, may_start: bool = True) -> Connection:
        return self._connections.pop(0)

    def say(self, words: str) -> None:
        self.said.append(words)


@pytest.mark.parametrize(
    ("before", "after", "code", "words"),
    [
        ([JOINED, closed(code=3)], [], 3, "exited with 3"),
        ([JOINED], [closed(OTHER, code=7), closed(code=3)], 3, "exited with 3"),
        ([JOINED], [closed(signal=9)], 137, "ended by SIGKILL"),
        ([JOINED], [], 0, "ended"),
        ([], [JOINED, closed(code=0)], 0, "exited with 0"),
    ],
)
def test_how_it_ended_is_said_where_there_is_nothing_to_show(
    before: list[str], after: list[str], code: int, words: str
) -> None:
    news, stage = FakeConnection(before, after), FakeConnection([], [])
    command = FakeCommand(news, stage)
    opening = Opening(command)
    made = json.loads(opening.create({"id": SESSION}))
    assert opening.show(made) == code
    assert command.said == [f"[true {words} before it could be shown]"]
    assert news.asked == ["events.subscribe", "session.create"]
    assert set(stage.asked) == {"window.attach"}
