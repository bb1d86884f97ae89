"""A command whose connection is lost before the answer asks again, and what it asked is done once."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.e2e.conftest import Fugue, Server
from tests.e2e.daemon import PATIENCE_S


class Proxy:
    """Stands before the daemon, and hangs up once: at the first `method`, which it carries out before, or does not."""

    def __init__(self, server: Server, method: str, *, carries_out: bool = True) -> None:
        self.path = str(Path(server.socket_path).parent / "proxy.sock")
        self.asked: list[str] = []
        self._daemon = server.socket_path
        self._hangs_up_at: str | None = method
        self._carries_out = carries_out
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(PATIENCE_S)
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.settimeout(PATIENCE_S)
            daemon.connect(self._daemon)
            with client.makefile("rb") as requests, daemon.makefile("rb") as answers:
                for request in requests:
                    method = json.loads(request)["method"]
                    self.asked.append(method)
                    hangs_up = method == self._hangs_up_at
                    if hangs_up:
                        self._hangs_up_at = None
                    if self._carries_out or not hangs_up:
                        daemon.sendall(request)
                        answer = answers.readline()
                    if hangs_up:
                        return
                    client.sendall(answer)


def test_a_message_whose_receipt_was_lost_is_sent_again_and_arrives_once(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    with Proxy(server, "message.send") as proxy:
        sent = fugue("send", "session:ann", "x", "--socket", proxy.path, "--json", session="ann")
    assert sent.code == 0
    assert proxy.asked == ["hello", "message.send"] * 2
    (envelope,) = fugue("recv", "--json", session="ann").objects
    assert envelope["id"] == sent.json["id"]


def test_a_session_whose_answer_was_lost_is_joined_once(fugue: Fugue, server: Server) -> None:
    fugue("daemon", "start")
    with Proxy(server, "session.join") as proxy:
        joined = fugue("join", "bob", "--socket", proxy.path, "--json")
    assert joined.code == 0
    assert proxy.asked == ["hello", "session.join"] * 2
    assert [session["id"] for session in fugue("ls", "--json").objects] == [joined.json["id"]]


@pytest.mark.parametrize("carries_out", [True, False])
def test_what_was_printed_is_not_printed_again_where_its_acknowledgement_was_lost(
    fugue: Fugue, server: Server, *, carries_out: bool
) -> None:
    fugue.join("ann")
    for number in range(2):
        fugue("send", "session:ann", "x", str(number), session="ann")
    with Proxy(server, "message.ack", carries_out=carries_out) as proxy:
        received = fugue("recv", "--wait", "5", "--json", "--socket", proxy.path, session="ann")
    assert [envelope["message"]["payload"] for envelope in received.objects] == [0, 1]
    assert proxy.asked[:5] == ["hello", "message.receive", "message.ack", "hello", "message.ack"]
    assert fugue("show", "ann", "--json").json["unread"] == 0


def test_a_change_that_may_not_be_repeated_is_not(fugue: Fugue, server: Server) -> None:
    fugue.join("ann")
    with Proxy(server, "session.rename") as proxy:
        renamed = fugue("rename", "ann", "bob", "--socket", proxy.path)
    assert renamed.code == 5
    assert "connection to the daemon lost" in renamed.err
    assert [session["name"] for session in fugue("ls", "--json").objects] == ["bob"]
