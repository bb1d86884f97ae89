"""What nobody acknowledges is offered again, by the real daemon."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.daemon import PATIENCE_S, Daemon


def test_what_was_handed_and_not_acknowledged_comes_again_on_the_same_connection_until_it_is(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\nreoffer_s = 0.01\n") as daemon:
        ann = daemon.connect()
        ann.join("ann")
        sent = ann.send("session:ann")
        for _ in range(2):
            (envelope,) = ann.receive(wait_s=PATIENCE_S)
            assert (envelope["id"], envelope["seq"]) == (sent["id"], sent["seq"])
        assert ann.ask("message.ack", ids=[sent["id"]])["acked"] == 1
        assert ann.receive() == []


def test_it_comes_again_after_a_crash_to_who_begins_behind_it(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\nreoffer_s = 0.01\n") as daemon:
        ann = daemon.connect()
        session = ann.join("ann")["id"]
        sent = ann.send("session:ann")
        ann.receive()
        ann.sync()  # from here on it is on disk that it was handed
        daemon.restart()
        (envelope,) = daemon.connect(session).receive(after=sent["seq"], wait_s=PATIENCE_S)
        assert envelope["id"] == sent["id"]
