"""The live feed: events to subscribers, numbered, encoded once, and bounded for each. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from fugue_core.daemon.peer import Peer
from fugue_core.limits import Limits
from fugue_core.protocol.events import Event, Resync
from fugue_core.protocol.requests import Since, Snapshot, Subscribed
from fugue_core.protocol.rpc import encode_notice


class Feed:
    """Tell every subscriber everything, in order; whoever does not read is told later, or told anew.

    Invariant: what a subscriber is sent are contiguous numbers, or a snapshot and the numbers that follow it.
    """

    def __init__(self, epoch: str, limits: Limits, snapshot: Callable[[str, int], Snapshot]) -> None:
        self._epoch = epoch
        self._limits = limits
        self._snapshot = snapshot
        self._subscribers: dict[Peer, None] = {}
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0
        self._number = 0

    def __len__(self) -> int:
        return len(self._subscribers)

    def subscribe(self, peer: Peer, since: Since | None) -> tuple[Subscribed, list[bytes]]:
        """Begin to tell a peer; return the answer, and the lines that follow it at once."""
        self._subscribers[peer] = None
        peer.is_subscribed = True
        peer.has_missed = False
        peer.drop_backlog()
        if since is not None and since.epoch == self._epoch:
            missed = self._number - since.number
            if 0 <= missed <= len(self._recent):
                return Subscribed(snapshot=None), list(self._recent)[len(self._recent) - missed :]
        return Subscribed(snapshot=self._snapshot(self._epoch, self._number)), []

    def leave(self, peer: Peer) -> None:
        """Tell a peer no more."""
        self._subscribers.pop(peer, None)
        if not self._subscribers:
            self._recent.clear()
            self._recent_bytes = 0

    def publish(self, events: Sequence[Event]) -> list[Peer]:
        """Put events into every subscriber's `out`; return those who have something to send.

        Cost: one encoding, and one reference for each subscriber. Nothing, where nobody listens.
        """
        first = self._number + 1
        self._number += len(events)
        if not self._subscribers or not events:
            return []
        lines = [encode_notice(number, event) for number, event in enumerate(events, start=first)]
        block = b"".join(lines)
        self._remember(lines, len(block))
        reading = []
        for peer in self._subscribers:
            if peer.has_missed:
                continue
            if peer.sink.is_paused or peer.backlog:
                self._hold(peer, block, len(lines))
            else:
                peer.out.append(block)
                reading.append(peer)
        return reading

    def catch_up(self, peer: Peer) -> None:
        """Give a peer that reads again what has waited for it, or a snapshot in place of what was dropped."""
        if not peer.is_subscribed:
            return
        if peer.has_missed:
            peer.has_missed = False
            resync = Resync(snapshot=self._snapshot(self._epoch, self._number))
            peer.out.append(encode_notice(self._number, resync))
        peer.out += peer.backlog
        peer.drop_backlog()

    def _hold(self, peer: Peer, block: bytes, count: int) -> None:
        peer.backlog.append(block)
        peer.backlog_events += count
        peer.backlog_bytes += len(block)
        limits = self._limits
        if peer.backlog_events > limits.subscriber_events or peer.backlog_bytes > limits.subscriber_bytes:
            peer.drop_backlog()
            peer.has_missed = True

    def _remember(self, lines: list[bytes], size_bytes: int) -> None:
        recent = self._recent
        recent.extend(lines)
        self._recent_bytes += size_bytes
        limits = self._limits
        while recent and (len(recent) > limits.subscriber_events or self._recent_bytes > limits.subscriber_bytes):
            self._recent_bytes -= len(recent.popleft())
