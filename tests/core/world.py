"""A hub on a real store, with a clock, ids and processes that only the test moves. No event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from fugue_core.hub import Caller, Hub, Parcel
from fugue_core.limits import Limits
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import Event
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    Acked,
    AckMessages,
    JoinSession,
    Receipt,
    Received,
    ReceiveMessages,
    SendMessage,
)
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import WireTarget, parse_target
from fugue_core.store import SqliteStore
from fugue_core.validator import Validator

STARTED_AT = 1_800_000_000.0
PATIENCE_S = 20.0


class Clock:
    """Unix time that stands still until it is told to move, in either direction."""

    def __init__(self) -> None:
        self.now = STARTED_AT

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


class World:
    """One daemon without its sockets.

    Attributes:
        processes: When each process that there is began, by its id.
    """

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self.path = str(directory / "messages.db")
        self.limits = limits or Limits()
        self.clock = Clock()
        self.processes: dict[int, int] = {}
        self._last_id = 0
        self.store = SqliteStore(self.path)
        self.hub = self.new_hub()

    def close(self) -> None:
        self.store.close()

    def new_hub(self) -> Hub:
        """Return a hub that knows what the store knows."""
        return Hub(self.store, self.limits, self.clock, self._new_id, self.processes.get, Validator)

    def crash(self) -> None:
        """Lose everything since the last commit, and start again."""
        self.store.rollback()
        self.store.close()
        self.store = SqliteStore(self.path)
        self.hub = self.new_hub()

    def turn(self) -> list[Event]:
        """End a turn; return what happened in it."""
        self.store.commit()
        self.hub.take_arrivals()
        return self.hub.take_events()

    def fail_turn(self) -> None:
        """End a turn as where the disk refuses the commit."""
        self.store.rollback()
        self.hub.reload()

    # --------------------------------------------------------------------------------------------------- requests

    def connect(self, session: str | None = None, *, attach: bool = True) -> Caller:
        caller = Caller()
        self.hub.bind(caller, session, attach=attach)
        return caller

    def ask(self, caller: Caller, request: Request) -> Any:
        """Ask, and let what is received be written."""
        answer = self.hub.handle(caller, request)
        parcel = Parcel.of(caller, request, answer)
        if parcel is not None:
            self.hub.settle(parcel, is_written=True)
        return answer

    def join(
        self, name: str | None, *tags: str, repo: str | None = None, worktree: str | None = None, **params: Any
    ) -> Caller:
        """Return a new connection that has joined as this session."""
        caller = self.connect()
        place = None if worktree is None else WorktreeInfo(path=worktree)
        self.ask(caller, JoinSession(name=name, tags=tags, repo=repo, worktree=place, **params))
        return caller

    def info(self, session: str) -> SessionInfo:
        """Return a session by its id or name. Raises `AssertionError` where it does not live."""
        (found,) = [info for info in self.sessions() if session in {info.name, str(info.id)}]
        return found

    def sessions(self) -> tuple[SessionInfo, ...]:
        return self.hub.snapshot("", 0).sessions

    def send(
        self, caller: Caller, target: WireTarget | str, payload: Any = None, msg_type: str = "note", **params: Any
    ) -> Receipt:
        receipt: Receipt = self.ask(caller, sending(target, payload, msg_type, **params))
        return receipt

    def receive(self, caller: Caller, **params: Any) -> tuple[Envelope, ...]:
        received: Received = self.ask(caller, ReceiveMessages(**params))
        return received.envelopes

    def ack(self, caller: Caller, *envelopes: Envelope, up_to: int | None = None) -> Acked:
        acked: Acked = self.ask(caller, AckMessages(ids=tuple(envelope.id for envelope in envelopes), up_to=up_to))
        return acked

    def _new_id(self) -> UUID:
        self._last_id += 1
        return UUID(int=self._last_id << 8)  # growing, with room for ids that a test chooses between them


def sending(target: WireTarget | str, payload: Any = None, msg_type: str = "note", **params: Any) -> SendMessage:
    """Return a `SendMessage`; the target may be in its text form."""
    packed = PackedMessage(msg_type, msgspec.Raw(msgspec.json.encode(payload)))
    return SendMessage(target=parse_target(target) if isinstance(target, str) else target, packed=packed, **params)


def payloads(envelopes: tuple[Envelope, ...]) -> list[Any]:
    return [envelope.message.payload for envelope in envelopes]


class RecordingSink:
    """The far end of a `Peer` that the test looks at; it reads or does not, as it is told."""

    def __init__(self) -> None:
        self.is_paused = False
        self.taken_bytes = 0
        self.is_closed = False
        self.is_listening = True
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.writes.append(data)
        if not self.is_paused:
            self.taken_bytes += len(data)

    def listen(self, *, is_on: bool) -> None:
        self.is_listening = is_on

    def close(self) -> None:
        self.is_closed = True

    def take(self) -> list[dict[str, Any]]:
        """Return what was written since the last call, a value for each line."""
        lines = b"".join(self.writes).splitlines()
        self.writes.clear()
        return [msgspec.json.decode(line) for line in lines]


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the event loop run until `condition` holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {condition}"
        await asyncio.sleep(0.002)
