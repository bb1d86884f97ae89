"""What was sent lately, kept in memory so that the store need not be asked. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from uuid import UUID

from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.message import MessageId


class EnvelopeCache:
    """The envelopes sent last, for receivers that read soon. Bounded by the bytes of their payloads.

    Cost of each method: constant. `_order` is there because to look for the first key of a dict takes the longer the
    more first keys it has lost.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._order: deque[tuple[Envelope, int]] = deque()
        self._envelopes: dict[int, Envelope] = {}
        self._seqs: dict[int, int] = {}  # by the number of the id: a UUID's hash is computed in Python

    def put(self, envelope: Envelope, size_bytes: int) -> None:
        """Keep an envelope; the oldest make room for it."""
        self._order.append((envelope, size_bytes))
        self._envelopes[envelope.seq] = envelope
        self._seqs[envelope.id.int] = envelope.seq
        self._size_bytes += size_bytes
        while self._size_bytes > self._limit_bytes and len(self._order) > 1:
            oldest, oldest_bytes = self._order.popleft()
            del self._envelopes[oldest.seq], self._seqs[oldest.id.int]
            self._size_bytes -= oldest_bytes

    def get(self, seq: int) -> Envelope | None:
        """Return the envelope with this seq, if it is still here."""
        return self._envelopes.get(seq)

    def seq_of(self, message: UUID) -> int | None:
        """Return the seq of the message with this id, if it is still here."""
        return self._seqs.get(message.int)


class SentIds:
    """Say which message ids are new without asking the store for each, if it can be said.

    Clients make ids that begin with the time, so that nearly every one is greater than all before it; and what is
    greater than everything that is stored cannot be among it. The others are looked up in one query a turn.

    Attributes:
        greatest: At least the greatest id that is stored.
    """

    __slots__ = ("_is_within_turn", "_known", "greatest")

    def __init__(self, greatest: int) -> None:
        self.greatest = greatest
        self._known: set[int] = set()
        self._is_within_turn = False

    def may_be_known(self, message: int) -> bool:
        """Say whether this id has to be looked up."""
        return message <= self.greatest

    def begin_turn(self, known: Iterable[MessageId]) -> None:
        """Trust, until `end_turn`, that of the ids of this turn that had to be looked up these are stored."""
        self._known = {message.int for message in known}
        self._is_within_turn = True

    def end_turn(self) -> None:
        """Trust nothing but the order of ids."""
        self._is_within_turn = False

    def is_new(self, message: int) -> bool:
        """Say whether nothing was sent under this id; where it cannot be said, no. From now on it is not new."""
        if not self._is_within_turn or message in self._known:
            self.greatest = max(self.greatest, message)  # whoever looks it up, and does not find it, will send under it
            return False
        self._known.add(message)
        if message > self.greatest:  # noqa: PLR1730  # `max` takes three times as long, and this is the hot path
            self.greatest = message
        return True

    def note(self, message: int) -> None:
        """Take note of an id that no client chose; one may come back with it."""
        self.greatest = max(self.greatest, message)
        if self._is_within_turn:
            self._known.add(message)
