from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fugue_core.daemon.feed import Feed
from fugue_core.daemon.peer import Peer
from fugue_core.limits import Limits
from fugue_core.protocol.events import Event, SessionEnded
from fugue_core.protocol.requests import Since, Snapshot
from tests.core.world import RecordingSink

EPOCH = "this-run"


def event_of(name: str = "x") -> Event:
    return SessionEnded(id=UUID(int=1), name=name, at=0.0)


class Watcher:
    """A subscriber, and what it knows."""

    def __init__(self, feed: Feed) -> None:
        self.sink = RecordingSink()
        self.peer = Peer(self.sink)
        self.feed = feed

    def subscribe(self, since: int | None = None, epoch: str = EPOCH) -> Snapshot | None:
        """Subscribe as the daemon does it; what follows at once is in the peer's `out`."""
        subscribed, missed = self.feed.subscribe(self.peer, None if since is None else Since(epoch=epoch, number=since))
        self.peer.out += missed
        return subscribed.snapshot

    def read(self) -> list[int | str]:
        """Return the numbers of the events that have come, `resync` before that of one."""
        self.peer.flush()
        numbers: list[int | str] = []
        for line in self.sink.take():
            params: dict[str, Any] = line["params"]
            numbers += ["resync"] if params["event"]["kind"] == "resync" else []
            numbers.append(params["number"])
        return numbers

    def pause(self) -> None:
        self.sink.is_paused = True

    def resume(self) -> None:
        self.sink.is_paused = False
        self.feed.catch_up(self.peer)


def feed_with(**limits: Any) -> Feed:
    return Feed(
        EPOCH, Limits(**limits), lambda epoch, number: Snapshot(epoch=epoch, number=number, sessions=(), last_seq=0)
    )


def publish(feed: Feed, count: int = 1) -> list[Peer]:
    return feed.publish([event_of() for _ in range(count)])


def test_everybody_is_told_everything_in_contiguous_numbers() -> None:
    feed = feed_with()
    first, second = Watcher(feed), Watcher(feed)
    publish(feed, 2)
    assert first.subscribe() == Snapshot(epoch=EPOCH, number=2, sessions=(), last_seq=0)
    publish(feed, 3)
    second.subscribe()
    publish(feed)
    assert (first.read(), second.read()) == ([3, 4, 5, 6], [6])
    assert len(feed) == 2


def test_an_event_is_encoded_once_for_everybody() -> None:
    feed = feed_with()
    watchers = [Watcher(feed) for _ in range(3)]
    for watcher in watchers:
        watcher.subscribe()
    assert publish(feed, 2) == [watcher.peer for watcher in watchers]
    first, second, third = (watcher.peer.out for watcher in watchers)
    assert first[0] is second[0] is third[0]


def test_where_nothing_happened_nobody_is_told() -> None:
    feed = feed_with()
    watcher = Watcher(feed)
    watcher.subscribe()
    assert publish(feed, 0) == []
    assert watcher.read() == []


def test_who_does_not_read_is_told_later_in_order() -> None:
    feed = feed_with()
    watcher, other = Watcher(feed), Watcher(feed)
    watcher.subscribe()
    other.subscribe()
    watcher.pause()
    assert publish(feed, 2) == [other.peer]
    publish(feed)
    assert (watcher.read(), other.read()) == ([], [1, 2, 3])
    watcher.resume()
    publish(feed)
    assert watcher.read() == [1, 2, 3, 4]


def test_what_waits_goes_out_before_what_comes_later_even_where_the_peer_reads_already() -> None:
    feed = feed_with()
    watcher = Watcher(feed)
    watcher.subscribe()
    watcher.pause()
    publish(feed)
    watcher.sink.is_paused = False  # it reads again, and the daemon has not noticed yet
    publish(feed)
    watcher.resume()
    assert watcher.read() == [1, 2]


@pytest.mark.parametrize("limits", [{"subscriber_events": 3}, {"subscriber_bytes": 500}])
def test_who_falls_behind_its_queue_is_told_anew_once_and_costs_no_more(limits: dict[str, int]) -> None:
    feed = feed_with(**limits)
    watcher = Watcher(feed)
    watcher.subscribe()
    watcher.pause()
    for _ in range(50):
        publish(feed)
        assert watcher.peer.backlog_events <= 3
        assert sum(map(len, watcher.peer.backlog)) == watcher.peer.backlog_bytes <= 500
    assert watcher.peer.has_missed
    watcher.resume()
    publish(feed)
    assert watcher.read() == ["resync", 50, 51]
    watcher.resume()
    assert watcher.read() == []


def test_who_comes_back_goes_on_where_it_was_as_long_as_that_is_known() -> None:
    feed = feed_with(subscriber_events=3)
    Watcher(feed).subscribe()
    publish(feed, 5)
    for since, numbers in ((5, []), (4, [5]), (2, [3, 4, 5])):
        watcher = Watcher(feed)
        assert watcher.subscribe(since) is None
        assert watcher.read() == numbers
    for since in (1, 0, -1, 6, 10**30):
        snapshot = Watcher(feed).subscribe(since)
        assert snapshot is not None
        assert snapshot.number == 5
    assert Watcher(feed).subscribe(5, epoch="another-run") is not None


def test_what_is_remembered_for_those_who_come_back_is_bounded_in_bytes() -> None:
    feed = feed_with(subscriber_bytes=1000)
    Watcher(feed).subscribe()
    publish(feed, 500)
    assert sum(map(len, feed._recent)) == feed._recent_bytes <= 1000
    assert len(feed._recent) > 1


def test_where_nobody_listens_nothing_is_kept_and_the_numbers_go_on() -> None:
    feed = feed_with()
    watcher = Watcher(feed)
    watcher.subscribe()
    publish(feed)
    feed.leave(watcher.peer)
    feed.leave(watcher.peer)
    assert publish(feed, 3) == []
    assert len(feed._recent) == feed._recent_bytes == len(feed) == 0
    back = Watcher(feed)
    assert back.subscribe(4) is None
    snapshot = Watcher(feed).subscribe(1)
    assert snapshot is not None
    assert snapshot.number == 4


def test_subscribing_again_begins_anew() -> None:
    feed = feed_with(subscriber_events=2)
    watcher = Watcher(feed)
    watcher.subscribe()
    watcher.pause()
    publish(feed, 5)
    assert watcher.subscribe() is not None
    watcher.resume()
    publish(feed)
    assert watcher.read() == [6]
    assert len(feed) == 1


def test_who_never_subscribed_is_not_caught_up() -> None:
    feed = feed_with()
    watcher = Watcher(feed)
    watcher.peer.backlog.append(b"what it never asked for\n")
    watcher.resume()
    assert watcher.read() == []


class FeedAgainstWhatASubscriberKnows(RuleBasedStateMachine):
    """However reading, pausing, leaving and coming back alternate, a subscriber sees no gap that it is not told of."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = feed_with(subscriber_events=5, subscriber_bytes=900)
        self.watcher = Watcher(self.feed)
        self.steady = Watcher(self.feed)
        self.steady.subscribe()
        self.published = 0
        self.known: int | None = None
        self.is_subscribed = False

    @rule(count=st.integers(0, 4))
    def publish(self, count: int) -> None:
        publish(self.feed, count)
        self.published += count

    @precondition(lambda self: self.is_subscribed)
    @rule()
    def pause(self) -> None:
        self.watcher.pause()

    @precondition(lambda self: self.is_subscribed)
    @rule()
    def resume(self) -> None:
        self.watcher.resume()
        self.read()
        assert self.known == self.published

    @rule()
    def leave(self) -> None:
        self.feed.leave(self.watcher.peer)
        self.watcher = Watcher(self.feed)
        self.is_subscribed = False

    @rule(is_knowing=st.booleans())
    def subscribe(self, *, is_knowing: bool) -> None:
        self.read()
        snapshot = self.watcher.subscribe(self.known if is_knowing else None)
        if snapshot is not None:
            self.known = snapshot.number
        self.is_subscribed = True

    @invariant()
    def read(self) -> None:
        if self.watcher.sink.is_paused:
            return
        numbers = iter(self.watcher.read())
        for number in numbers:
            if number == "resync":
                self.known = int(next(numbers))
            else:
                assert self.known is not None
                assert number == self.known + 1
                self.known = number
        if self.is_subscribed:
            assert self.known == self.published

    def teardown(self) -> None:
        assert self.steady.read() == list(range(1, self.published + 1))


TestFeed = FeedAgainstWhatASubscriberKnows.TestCase
