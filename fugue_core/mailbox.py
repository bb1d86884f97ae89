"""The unacknowledged deliveries of one session. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, islice
from typing import TypeAlias
from uuid import UUID

from fugue_core.errors import DeliveryRefused, MailboxFull, MailboxShareFull
from fugue_core.limits import Limits

Letter: TypeAlias = tuple[int, int]
"""Of a message that waits: what it counts for, in bytes, and its sender's ref. One for all whom it was sent to."""


class Mailbox:
    """Which messages wait, and whether there is room for more.

    Invariant: `_letters` is in order of seq, since seqs only grow; `size_bytes` is the sum of their sizes. `_shares`
    has the number and the bytes of each sender's; None, while there is so little that nobody's share can be full.
    `_answered` has what those of them answer that answer something, and `_answers` is the same the other way round, no
    list empty. `_handed` has when each that was handed was so last, in that order; those of `_due` were, and are to be
    again. No seq is in both. `_out` has what was chosen for a reader, and is not known to be written; a seq may be
    out often.
    """

    __slots__ = (
        "_answered",
        "_answers",
        "_due",
        "_free_bytes",
        "_free_messages",
        "_handed",
        "_letters",
        "_limits",
        "_out",
        "_shares",
        "size_bytes",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._free_messages = min(limits.mailbox_messages, limits.mailbox_sender_messages)
        self._free_bytes = min(limits.mailbox_bytes, limits.mailbox_sender_bytes)
        self._letters: dict[int, Letter] = {}
        self._shares: dict[int, tuple[int, int]] | None = None
        self._answered: dict[int, UUID] = {}
        self._answers: dict[UUID, list[int]] = {}
        self._handed: dict[int, float] = {}
        self._due: set[int] = set()
        self._out: list[tuple[int, ...]] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._letters)

    def __contains__(self, seq: int) -> bool:
        return seq in self._letters

    def has_room(self, letter: Letter) -> bool:
        """Say whether a message may still come in. Cost: as `refusal`, but nothing while there is little."""
        if len(self._letters) < self._free_messages and self.size_bytes + letter[0] <= self._free_bytes:
            return True
        return self.refusal(letter) is None

    def refusal(self, letter: Letter) -> type[DeliveryRefused] | None:
        """Say why a message may not come in; None where it may. An empty mailbox takes any one message.

        Cost: the mailbox's length, once each time that it grows over what one sender may have in it.
        """
        if not self._letters:
            return None
        size_bytes, sender = letter
        limits = self._limits
        if len(self._letters) >= limits.mailbox_messages or self.size_bytes + size_bytes > limits.mailbox_bytes:
            return MailboxFull
        if self._shares is None:
            self._shares = _shares_of(self._letters.values())
        messages, held_bytes = self._shares.get(sender, (0, 0))
        if messages and (
            messages >= limits.mailbox_sender_messages or held_bytes + size_bytes > limits.mailbox_sender_bytes
        ):
            return MailboxShareFull
        return None

    def put(self, seq: int, letter: Letter, reply_to: UUID | None = None) -> None:
        """Add a delivery. Room is the caller's to check: a message is refused before any mailbox takes it."""
        self._letters[seq] = letter
        self.size_bytes += letter[0]
        if self._shares is not None:
            messages, held_bytes = self._shares.get(letter[1], (0, 0))
            self._shares[letter[1]] = (messages + 1, held_bytes + letter[0])
        if reply_to is not None:
            self._answered[seq] = reply_to
            self._answers.setdefault(reply_to, []).append(seq)

    def put_out(self, seqs: tuple[int, ...]) -> None:
        """Note that messages are on their way to a reader: till `take_in` they are neither fresh nor due."""
        self._out.append(seqs)

    def take_in(self, seqs: tuple[int, ...]) -> None:
        """Note that what was put out has been written, or never will be. Does nothing where it is not out."""
        if seqs in self._out:
            self._out.remove(seqs)

    def hand(self, seqs: Iterable[int], at: float) -> None:
        """Note when messages that wait here were handed. `at` is to be no less than it was the last time."""
        for seq in seqs:
            self._handed.pop(seq, None)
            self._handed[seq] = at
        if self._due:
            self._due.difference_update(seqs)

    def offer_again(self, handed_before: float) -> bool:
        """Let what was handed no later than that be due; say whether anything is now. Cost: what is."""
        late = []
        for seq, at in self._handed.items():
            if at > handed_before:
                break
            late.append(seq)
        for seq in late:
            del self._handed[seq]
        self._due.update(late)
        return bool(late)

    def due(self, up_to: int) -> list[int]:
        """Return the seqs not above `up_to` that are to be handed again."""
        return sorted(seq for seq in self._due.difference(*self._out) if seq <= up_to) if self._due else []

    def fresh(self, after: int) -> list[int]:
        """Return the seqs above `after` that were not handed, or are to be again. Cost: the mailbox's length."""
        if len(self._handed) == len(self._letters):
            return []
        out = set().union(*self._out)
        return [seq for seq in self._letters if seq > after and seq not in self._handed and seq not in out]

    def unhanded(self) -> list[int]:
        """Return the seqs of what was never handed and is not out. Cost: nothing where all were handed, as `fresh`."""
        if len(self._handed) + len(self._due) == len(self._letters):
            return []
        return [seq for seq in self.fresh(0) if seq not in self._due]

    def after(self, seq: int, limit: int, limit_bytes: int) -> list[int]:
        """Return the first seqs above `seq`, at most `limit` and of `limit_bytes`, but always one if there is any.

        Cost: the mailbox's length at most, the number returned where `seq` is below all of it.
        """
        if not self._letters or next(iter(self._letters)) > seq:
            found = list(islice(self._letters, limit))
        else:
            found = list(islice((waiting for waiting in self._letters if waiting > seq), limit))
        return self.fitting(found, limit, limit_bytes)

    def answers(self, reply_to: UUID, after: int) -> list[int]:
        """Return the seqs above `after` of what answers a message. Cost: the number of its answers."""
        return [waiting for waiting in self._answers.get(reply_to, ()) if waiting > after]

    def fitting(self, found: list[int], limit: int, limit_bytes: int) -> list[int]:
        """Return the first of `found`, at most `limit` and of `limit_bytes`, but always one if there is any."""
        found = found[:limit]
        if self.size_bytes > limit_bytes:
            totals = accumulate(self._letters[waiting][0] for waiting in found)
            fitting = sum(total <= limit_bytes for total in totals)
            del found[max(1, fitting) :]
        return found

    def count_after(self, seq: int) -> int:
        """Return how many wait above `seq`."""
        if not self._letters or next(reversed(self._letters)) <= seq:
            return 0
        if next(iter(self._letters)) > seq:
            return len(self._letters)
        return sum(waiting > seq for waiting in self._letters)

    def up_to(self, seq: int) -> list[int]:
        """Return the seqs not above `seq`. Cost: the number returned."""
        found = []
        for waiting in self._letters:
            if waiting > seq:
                break
            found.append(waiting)
        return found

    def take(self, seq: int) -> bool:
        """Remove a delivery; False where it does not wait here."""
        letter = self._letters.pop(seq, None)
        if letter is None:
            return False
        self.size_bytes -= letter[0]
        if self._shares is not None:
            self._take_from_share(self._shares, letter)
        self._handed.pop(seq, None)
        self._due.discard(seq)
        reply_to = self._answered.pop(seq, None)
        if reply_to is not None:
            self._answers[reply_to].remove(seq)
            if not self._answers[reply_to]:
                del self._answers[reply_to]
        if not self._letters:
            self._letters = {}  # a dict that has lost its first keys takes long to find the first that is left
        return True

    def _take_from_share(self, shares: dict[int, tuple[int, int]], letter: Letter) -> None:
        """Count one less of its sender's; and nobody's any more, once half of what one may have has gone."""
        messages, held_bytes = shares[letter[1]]
        if messages > 1:
            shares[letter[1]] = (messages - 1, held_bytes - letter[0])
        else:
            del shares[letter[1]]
        if 2 * len(self._letters) < self._free_messages and 2 * self.size_bytes < self._free_bytes:
            self._shares = None


def _shares_of(letters: Iterable[Letter]) -> dict[int, tuple[int, int]]:
    """Return the number and the bytes of each sender's letters."""
    shares: dict[int, tuple[int, int]] = {}
    for size_bytes, sender in letters:
        messages, held_bytes = shares.get(sender, (0, 0))
        shares[sender] = (messages + 1, held_bytes + size_bytes)
    return shares
