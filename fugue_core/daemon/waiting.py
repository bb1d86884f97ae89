"""Receives that wait for mail. They hold up nothing: each is a note of whom to answer when something comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from fugue_core.daemon.peer import Peer
from fugue_core.directory import Member
from fugue_core.errors import FugueError, SessionNotFound, TooManyWaiting
from fugue_core.hub import Hub
from fugue_core.limits import Limits
from fugue_core.protocol.requests import Received, ReceiveMessages
from fugue_core.protocol.rpc import CallId


class Wait:
    """A receive that waits."""

    __slots__ = ("call_id", "peer", "request", "session", "timer")

    def __init__(self, peer: Peer, session: UUID, call_id: CallId, request: ReceiveMessages) -> None:
        self.peer = peer
        self.session = session
        self.call_id = call_id
        self.request = request
        self.timer: asyncio.TimerHandle | None = None


class Served(NamedTuple):
    """A receive for which something has come, and what to answer."""

    wait: Wait
    answer: Received | FugueError


class WaitingRoom:
    """Who waits for the mail of which session.

    Invariant: a wait is in `_waits` and counted in its peer's `waiting` until it is answered, its time is over, its
    peer leaves, or its session ends; its timer runs exactly as long.
    """

    def __init__(self, hub: Hub, limits: Limits) -> None:
        self._hub = hub
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._waits: dict[UUID, dict[Wait, None]] = {}
        self._again: list[Member] = []

    def park(self, peer: Peer, call_id: CallId, request: ReceiveMessages) -> None:
        """Let a receive wait that found nothing. Raises `TooManyWaiting`.

        Where the same connection waits for the same already, the older one is answered, empty: nobody asks twice who
        still wants the first answer, and a client that gave up waiting need not say so.
        """
        self._replace(peer, request)
        if peer.waiting >= self._limits.waiting_requests:
            raise TooManyWaiting(self._limits.waiting_requests)
        member = peer.caller.member
        assert member is not None, "the hub has answered a receive, so it knows for whom"  # noqa: S101
        wait = Wait(peer, member.id, call_id, request)
        wait.timer = self._loop.call_later(request.wait_s, self._give_up, wait)
        self._waits.setdefault(member.id, {})[wait] = None
        peer.waiting += 1

    def _replace(self, peer: Peer, request: ReceiveMessages) -> None:
        if peer.waiting and peer.caller.member is not None:
            waits = self._waits.get(peer.caller.member.id, ())
            for wait in [wait for wait in waits if wait.peer is peer and _is_same(wait.request, request)]:
                self._give_up(wait)

    def serve(self, arrivals: Iterable[Member]) -> list[Served]:
        """Hand out what has come to those who wait for it, and tell those whose session has ended.

        They wait on until `settle`: the turn may yet be undone, and then nothing has come.
        """
        served = []
        busy: set[Peer] = set()
        again, self._again = self._again, []
        for member in dict.fromkeys((*again, *arrivals)):
            for wait in list(self._waits.get(member.id, ())):
                if wait.peer in busy:  # one answer a turn, since each may be large
                    self._again.append(member)
                    continue
                if member.has_ended:
                    answer: Received | FugueError = SessionNotFound(str(member.id))
                else:
                    answer = self._hub.receive(wait.peer.caller, wait.request)
                    if not answer.envelopes:
                        continue  # it waits for something after what has come
                    busy.add(wait.peer)
                served.append(Served(wait, answer))
        return served

    @property
    def has_more(self) -> bool:
        """Whether somebody is left for whom something has come, for the next turn."""
        return bool(self._again)

    def settle(self, served: Iterable[Served]) -> None:
        """Let those who are answered wait no longer."""
        for wait, _ in served:
            self._remove(wait)

    def leave(self, peer: Peer) -> None:
        """Forget what a peer waits for."""
        if peer.waiting and peer.caller.member is not None:
            for wait in [wait for wait in self._waits.get(peer.caller.member.id, ()) if wait.peer is peer]:
                self._remove(wait)

    def close(self) -> None:
        """Forget everybody."""
        for wait in [wait for waits in self._waits.values() for wait in waits]:
            self._remove(wait)

    def _give_up(self, wait: Wait) -> None:
        self._remove(wait)
        wait.peer.answer(wait.call_id, Received(envelopes=(), remaining=0))
        wait.peer.flush()

    def _remove(self, wait: Wait) -> None:
        if wait.timer is not None:
            wait.timer.cancel()
        waits = self._waits[wait.session]
        del waits[wait]
        wait.peer.waiting -= 1
        if not waits:
            del self._waits[wait.session]


def _is_same(one: ReceiveMessages, other: ReceiveMessages) -> bool:
    """Say whether two receives of one connection wait for the same."""
    return (one.after, one.reply_to, one.fresh) == (other.after, other.reply_to, other.fresh)
