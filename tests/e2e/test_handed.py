"""`handed` is said of what was written to a reader and of nothing else, whoever reads and whoever does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Wire, payloads, until

MANY = 8
LONG = "x" * 500_000
"""So many of these are more than a socket takes that nobody reads, and less than one answer carries at most."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path) as daemon:
        yield daemon


def deliveries(wire: Wire, message: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.ask("message.get", id=message)["deliveries"]
    return found


def states(wire: Wire, messages: list[str]) -> set[str]:
    return {delivery["state"] for message in messages for delivery in deliveries(wire, message)}


def send_long(wire: Wire) -> list[str]:
    return [wire.send("session:bob", LONG)["id"] for _ in range(MANY)]


def test_what_is_read_is_handed_in_the_next_turn_and_every_subscriber_is_told(daemon: Daemon) -> None:
    ann, bob = daemon.connect(), daemon.connect()
    ann.join("ann")
    bob.join("bob")
    sent = ann.send("session:bob", "hello")
    ann.ask("events.subscribe")
    assert payloads(bob.receive()) == ["hello"]
    event = ann.next_event()["event"]
    assert (event["state"], event["seqs"]) == ("handed", [sent["seq"]])
    (delivery,) = deliveries(ann, sent["id"])
    assert (delivery["state"], delivery["handed_at"]) == ("handed", event["at"])


def test_what_lies_in_the_daemon_since_nobody_reads_is_queued_until_somebody_does(daemon: Daemon) -> None:
    ann, bob = daemon.connect(), daemon.connect()
    ann.join("ann")
    bob.join("bob")
    sent = send_long(ann)
    call = bob.call("message.receive")
    ann.sync()
    assert states(ann, sent) == {"queued"}
    assert len(bob.result(call)["envelopes"]) == MANY
    until(lambda: states(ann, sent) == {"handed"})


def test_who_hangs_up_without_reading_was_handed_nothing_and_another_is_given_all_of_it(daemon: Daemon) -> None:
    ann, bob = daemon.connect(), daemon.connect()
    ann.join("ann")
    bob.join("bob")
    sent = send_long(ann)
    other = daemon.connect("bob")
    bob.call("message.receive", fresh=True)
    ann.sync()
    assert other.receive(fresh=True) == []  # it is on its way to somebody
    waiting = other.call("message.receive", fresh=True, wait_s=60)
    other.sync()
    bob.close()
    assert [envelope["id"] for envelope in other.result(waiting)["envelopes"]] == sent


def test_a_daemon_that_is_killed_before_it_has_written_leaves_all_of_it_queued(daemon: Daemon) -> None:
    ann, bob = daemon.connect(), daemon.connect()
    ann.join("ann")
    bob.join("bob")
    sent = send_long(ann)
    bob.call("message.receive")
    ann.sync()
    daemon.kill()
    daemon.start()
    again = daemon.connect("bob")
    assert states(again, sent) == {"queued"}
    assert [envelope["id"] for envelope in again.receive()] == sent


def test_what_is_received_without_wanting_an_answer_was_handed_to_nobody(daemon: Daemon) -> None:
    ann = daemon.connect()
    ann.join("ann")
    sent = ann.send("session:ann", "hello")
    ann.write('{"jsonrpc": "2.0", "method": "message.receive"}')
    ann.sync()
    assert states(ann, [sent["id"]]) == {"queued"}
    assert payloads(ann.receive(fresh=True)) == ["hello"]


def test_an_acknowledgement_right_after_the_answer_is_always_of_something_handed(daemon: Daemon) -> None:
    ann = daemon.connect()
    ann.join("ann")
    for number in range(200):
        sent = ann.send("session:ann", number)
        ann.ask("message.ack", ids=[envelope["id"] for envelope in ann.receive()])
        (delivery,) = deliveries(ann, sent["id"])
        assert delivery["state"] == "acked"
        assert delivery["handed_at"] <= delivery["ended_at"]
