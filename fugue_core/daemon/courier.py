"""Which messages have been written to whoever reads them. No I/O.

What the hub gives to a reader is handed only when the answer that carries it has been taken by the reader's socket:
until then it is a parcel under way, and where the connection ends before, it goes back into the mailbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from fugue_core.daemon.peer import Peer
from fugue_core.hub import Parcel


class Settled(NamedTuple):
    """A parcel of which is known what has become of it."""

    parcel: Parcel
    is_written: bool


class Courier:
    """Follow parcels from `out` of a peer to its socket.

    Invariant: a parcel is under way, or settled, until `take_settled` gives it out; of each peer those under way are in
    the order in which they are written.
    """

    def __init__(self) -> None:
        self._under_way: dict[Peer, deque[tuple[int, Parcel]]] = {}
        self._settled: list[Settled] = []

    def send(self, peer: Peer, parcel: Parcel, *, is_answered: bool) -> None:
        """Follow what the last line of `peer.out` carries; where no line does, since none was wanted, it is lost."""
        if peer.has_left or not is_answered:
            self._settled.append(Settled(parcel, is_written=False))
        else:
            self._under_way.setdefault(peer, deque()).append((peer.written_bytes + sum(map(len, peer.out)), parcel))

    def look(self, peers: Iterable[Peer]) -> None:
        """See what of the parcels to these peers has been written."""
        if not self._under_way:
            return
        for peer in peers:
            parcels = self._under_way.get(peer)
            if parcels is None:
                continue
            taken_bytes = peer.sink.taken_bytes
            while parcels and parcels[0][0] <= taken_bytes:
                self._settled.append(Settled(parcels.popleft()[1], is_written=True))
            if not parcels:
                del self._under_way[peer]

    def leave(self, peer: Peer) -> None:
        """Give up what was not written to a peer that is gone."""
        self.look([peer])
        self._settled += [Settled(parcel, is_written=False) for _, parcel in self._under_way.pop(peer, ())]

    @property
    def has_settled(self) -> bool:
        """Whether there is something to take."""
        return bool(self._settled)

    def take_settled(self) -> list[Settled]:
        """Return what has been settled since the last call."""
        settled, self._settled = self._settled, []
        return settled

    def put_back(self, settled: list[Settled]) -> None:
        """Give out again what was taken in a turn that the disk refused."""
        self._settled[:0] = settled
