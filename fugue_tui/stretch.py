"""The part of the log that is at hand: a bounded stretch of messages that moves over the daemon's history. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from fugue_core.filter import Filter
from fugue_tui.view import MessageRow, World

STRETCH_ROWS = 2_000
"""Messages at hand; the others are asked for when somebody scrolls there."""
LOOK_ROWS = 2_000
"""Messages that are compared with a new filter at once; the daemon looks through the older ones."""


class Stretch:
    """Messages that pass a filter, oldest first, without a gap between.

    Attributes:
        rows: At most `STRETCH_ROWS`.
        has_older, has_newer: There may be more at that end, in the daemon or in the world.
        oldest_seq, newest_seq: How far was looked, whether or not it passed; ask for a page from there.
        new: How many passed the filter since the stretch stopped at its newest end, or since `see`.
        moved: By how many places what was there before has moved in the last change; to be added to any place.
    """

    def __init__(self) -> None:
        self.rows: list[MessageRow] = []
        self.wanted = Filter()
        self.has_older = False
        self.has_newer = False
        self.oldest_seq = 0
        self.newest_seq = 0
        self.new = 0
        self.moved = 0
        self._generation = -1
        self._appended = 0

    def restart(self, world: World, wanted: Filter | None = None) -> None:
        """Go to the newest messages, under this filter or the one that was."""
        self.wanted = self.wanted if wanted is None else wanted
        looked = list(islice(reversed(world.rows), LOOK_ROWS))[::-1]
        self.rows = self._passing(world, looked)
        self.oldest_seq = looked[0].envelope.seq if looked else 0
        self.newest_seq = looked[-1].envelope.seq if looked else 0
        self.has_older = self.oldest_seq > 1
        self.has_newer = False
        self.new = 0
        self._generation, self._appended = world.generation, world.appended

    def catch_up(self, world: World, *, is_following: bool) -> bool:
        """Take in what has come; say whether anything has. While not following, nothing is taken from the old end."""
        self.moved = 0
        if world.generation != self._generation:
            if is_following or not self.rows:
                self.restart(world)
            else:  # what is being read stays; what was missed is in the daemon
                world.keep(self.rows)
                self.has_newer = True
                self._generation, self._appended = world.generation, world.appended
            return True
        news = world.news_since(self._appended)
        self._appended = world.appended
        passing = self._passing(world, [row for row in news if row.envelope.seq > self.newest_seq])
        if not is_following:
            self.new += len(passing)
        if self.has_newer:
            return bool(passing)
        if is_following or len(self.rows) + len(passing) <= STRETCH_ROWS:
            self.rows += passing
            if news:
                self.newest_seq = max(self.newest_seq, news[-1].envelope.seq)
                if not self.oldest_seq:
                    self.oldest_seq = news[0].envelope.seq
            self._drop_oldest()
        elif passing:
            self.has_newer = True
        return bool(passing)

    def see(self) -> None:
        """Take what has come as seen."""
        self.new = 0

    def add_older(self, rows: Sequence[MessageRow], *, next_seq: int | None) -> None:
        """Take in a page that was asked for with `before=oldest_seq`, newest first."""
        known = self.rows[0].envelope.seq if self.rows else None
        older = [row for row in reversed(rows) if known is None or row.envelope.seq < known]
        self.rows[:0] = older
        self.moved = len(older)
        self.has_older = next_seq is not None
        self.oldest_seq = next_seq if next_seq is not None else 0
        if len(self.rows) > STRETCH_ROWS:
            del self.rows[STRETCH_ROWS:]
            self.has_newer = True
            self.newest_seq = self.rows[-1].envelope.seq

    def add_newer(self, world: World, rows: Sequence[MessageRow], *, next_seq: int | None) -> None:
        """Take in a page that was asked for with `after=newest_seq`, oldest first; after the last one, what is live."""
        newer = [row for row in rows if row.envelope.seq > self.newest_seq]
        self.rows += newer
        self.moved = 0
        if newer:
            self.newest_seq = newer[-1].envelope.seq
        if next_seq is None:
            live: list[MessageRow] = []
            for row in reversed(world.rows):
                if row.envelope.seq <= self.newest_seq:
                    break
                live.append(row)
            self.rows += self._passing(world, live[::-1])
            if live:
                self.newest_seq = live[0].envelope.seq
            self.has_newer = False
            self._appended = world.appended
        else:
            self.newest_seq = max(self.newest_seq, next_seq)
        self._drop_oldest()

    def replace(self, rows: Sequence[MessageRow], *, has_older: bool, has_newer: bool) -> None:
        """Be somewhere else: at these messages, oldest first."""
        self.rows = list(rows)
        self.has_older, self.has_newer = has_older, has_newer
        self.oldest_seq = rows[0].envelope.seq if rows else 0
        self.newest_seq = rows[-1].envelope.seq if rows else 0
        self.moved = 0

    def _passing(self, world: World, rows: list[MessageRow]) -> list[MessageRow]:
        if not self.wanted.terms:
            return rows
        return [row for row in rows if self.wanted.matches(world.fields_of(row))]

    def _drop_oldest(self) -> None:
        extra = len(self.rows) - STRETCH_ROWS
        if extra > 0:
            del self.rows[:extra]
            self.moved = -extra
            self.has_older = True
            self.oldest_seq = self.rows[0].envelope.seq
