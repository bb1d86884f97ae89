"""Asking and answering, against the real daemon: `fugue ask`, `fugue reply`, and the same from Python."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import Any
from uuid import UUID

import pytest

import fugue_core
from fugue_core import Broadcast, Envelope, OrchestrationMessage, Tagged
from fugue_core.errors import NoAnswer, NoRecipients
from tests.e2e.conftest import Fugue, Result, Server, repository
from tests.e2e.daemon import PATIENCE_S, until

NOBODY = "01234567-89ab-cdef-0123-456789abcdef"


def end(process: subprocess.Popen[bytes]) -> Result:
    """Wait for a command to end."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Result(process.returncode, out.decode(), err.decode())


def question_for(fugue: Fugue, session: str) -> Any:
    """Wait for a message to `session`; return its envelope."""
    return fugue("recv", "--wait", str(PATIENCE_S), "--limit", "1", "--json", session=session).json


def states(fugue: Fugue, message: str) -> list[str]:
    return [delivery["state"] for delivery in fugue("trace", message, "--json").json["deliveries"]]


def test_the_answer_is_printed_and_acknowledged_and_other_mail_stays(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    fugue("send", "session:ann", "earlier", session=bob)
    asking = fugue.start("ask", "session:bob", "sum", "[1, 2]", "--wait", "60", "--json", session=ann)
    question = question_for(fugue, bob)
    fugue("send", "session:ann", "meanwhile", session=bob)
    replied = fugue("reply", question["id"], "3.0", session=bob)
    assert replied.out.startswith("sent ")
    assert " → 1: ann" in replied.out
    answered = end(asking)
    assert (answered.code, answered.err) == (0, "")
    answer = answered.json
    assert answer["reply_to"] == question["id"]
    assert answer["message"] == {"msg_type": "sum", "payload": 3.0}
    assert '"payload":3.0}' in answered.out
    assert states(fugue, answer["id"]) == ["acked"]
    left = fugue("recv", "--json", session=ann).objects
    assert [envelope["message"]["msg_type"] for envelope in left] == ["earlier", "meanwhile"]


def test_the_answer_is_handed_before_it_is_acknowledged(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    asking = fugue.start("ask", "session:bob", "q", "--json", session=ann)
    fugue("reply", question_for(fugue, bob)["id"], session=bob)
    (delivery,) = fugue("trace", end(asking).json["id"], "--json").json["deliveries"]
    assert delivery["handed_at"] is not None


def test_the_first_answer_of_several_is_taken_and_the_others_wait(fugue: Fugue) -> None:
    ann, bob, carl = fugue.join("ann"), fugue.join("bob", "-t", "b"), fugue.join("carl", "-t", "b")
    asking = fugue.start("ask", "tag:b", "vote", session=ann)
    question = question_for(fugue, bob)
    fugue("reply", question["id"], '"yes"', session=carl)
    answered = end(asking)
    assert "carl → session:ann  vote" in answered.out
    assert answered.out.endswith('  "yes"\n')
    fugue("reply", question["id"], '"no"', session=bob)
    (late,) = fugue("recv", "--json", session=ann).objects
    assert late["message"]["payload"] == "no"


def test_who_is_not_answered_in_time_is_told_whom_the_question_reached(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    vain = fugue("ask", "session:bob", "q", "--wait", "0", "--id", NOBODY, session=ann)
    assert (vain.code, vain.out) == (124, "")
    assert vain.err == f"fugue: no answer to {NOBODY} within 0 s (bob queued); a later one waits in the mailbox\n"
    fugue("reply", NOBODY, '"late"', session=bob)
    again = fugue("ask", "session:bob", "q", "--wait", "0", "--id", NOBODY, "--json", session=ann)
    assert again.json["message"]["payload"] == "late"


def test_nobody_there_and_refused_have_exit_codes_of_their_own(fugue: Fugue) -> None:
    ann = fugue.join("ann")
    assert fugue("ask", "tag:nobody", "q", session=ann).code == 3
    assert fugue("ask", "session:nobody", "q", session=ann).code == 4
    assert fugue("ask", "broadcast", "q", session=ann).code == 1
    fugue.join("bob", cwd=repository(fugue.directory / "shop"))
    assert fugue("ask", "broadcast", "q", session="bob").code == 3
    assert fugue("ask", "session:ann", "q", "{", session=ann).code == 2
    assert fugue("ask", "session:ann", "q").code == 1


def test_an_answer_that_another_reader_acknowledged_first_is_an_answer(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    fugue("ask", "session:bob", "q", "--wait", "0", "--id", NOBODY, session=ann)
    fugue("reply", NOBODY, "1", session=bob)
    fugue("recv", session=ann)
    again = fugue("ask", "session:bob", "q", "--wait", "0", "--id", NOBODY, "--json", session=ann)
    assert again.json["message"]["payload"] == 1


def test_asking_outlives_a_crash_of_the_daemon(fugue: Fugue, server: Server) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    asking = fugue.start("ask", "session:bob", "q", "--wait", "60", "--json", session=ann)
    question = question_for(fugue, bob)
    (pid,) = server.pids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in server.pids())
    fugue("reply", question["id"], "1", session=bob)  # starts the daemon
    answered = end(asking)
    assert answered.json["reply_to"] == question["id"]
    assert "waiting for it to come back" in answered.err
    assert len(fugue("log", "type:q", "from:ann", "--json").objects) == 1


def test_a_reply_goes_to_the_sender_by_its_id_with_the_type_of_the_question_or_its_own(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    sent = fugue("send", "session:bob", "build.requested", "--json", session=ann).json["id"]
    fugue("rename", "ann", "anna")
    fugue("reply", sent, '{"n": 1}', session=bob)
    fugue("reply", sent, "-", "--type", "build.done", stdin="2", session=bob)
    replies = fugue("recv", "--json", session=ann).objects
    assert [(envelope["reply_to"], envelope["message"]["msg_type"]) for envelope in replies] == [
        (sent, "build.requested"),
        (sent, "build.done"),
    ]


def test_what_is_answered_is_acknowledged_unless_that_is_not_wanted(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    sent = fugue("send", "session:bob", "q", "--json", session=ann).json["id"]
    fugue("reply", sent, "--no-ack", session=bob)
    assert states(fugue, sent) == ["queued"]
    fugue("reply", sent, session=bob)
    assert states(fugue, sent) == ["acked"]


def test_a_reply_to_an_unknown_message_or_an_ended_sender_is_refused(fugue: Fugue) -> None:
    ann, bob = fugue.join("ann"), fugue.join("bob")
    unknown = fugue("reply", NOBODY, session=bob)
    assert (unknown.code, unknown.err) == (4, f"fugue: no message {NOBODY!r}\n")
    sent = fugue("send", "session:bob", "q", "--json", session=ann).json["id"]
    fugue("kill", "ann")
    ended = fugue("reply", sent, session=bob)
    assert (ended.code, ended.err) == (4, f"fugue: ann, who sent {sent}, has ended; nothing was sent\n")
    assert states(fugue, sent) == ["queued"]


async def answer_all(client: fugue_core.Client, count: int) -> None:
    """Answer so many questions, the newest first."""
    questions: list[Envelope] = []
    while len(questions) < count:
        questions += (await client.receive(wait_s=PATIENCE_S)).envelopes
    for question in reversed(questions):
        answer = OrchestrationMessage("answer", question.message.payload)
        await client.send(fugue_core.Session(question.sender.id), answer, reply_to=question.id)


async def test_a_python_client_asks_many_things_at_once_and_reads_its_mail_meanwhile(
    fugue: Fugue, server: Server
) -> None:
    fugue("daemon", "start")
    async with fugue_core.connect(server.socket_path) as ann, fugue_core.connect(server.socket_path) as bob:
        await ann.join("ann")
        await bob.join("bob", tags=["b"])
        asked = [
            ann.ask(Tagged("b"), OrchestrationMessage("q", number), wait_s=PATIENCE_S, id=UUID(int=number + 1))
            for number in range(5)
        ]
        reading = asyncio.create_task(ann.receive(wait_s=PATIENCE_S))
        *answers, _ = await asyncio.gather(*asked, answer_all(bob, 5))
        assert [answer.message.payload for answer in answers if answer] == [0, 1, 2, 3, 4]
        assert [answer.reply_to for answer in answers if answer] == [UUID(int=number + 1) for number in range(5)]
        await bob.send("session:ann", OrchestrationMessage("last"))
        await reading
        assert (await ann.get_session()).unread == 1


async def test_a_python_client_is_told_that_nobody_is_there_or_has_answered(fugue: Fugue, server: Server) -> None:
    fugue("daemon", "start")
    async with fugue_core.connect(server.socket_path) as ann:
        await ann.join("ann", repo="/r")
        with pytest.raises(NoRecipients):
            await ann.ask(Broadcast(), OrchestrationMessage("q"))
        with pytest.raises(NoAnswer) as vain:
            await ann.ask("session:ann", OrchestrationMessage("q"), wait_s=0, id=UUID(int=7))
        assert vain.value.message_id == UUID(int=7)
        with pytest.raises(NoAnswer):
            await ann.ask("session:ann", OrchestrationMessage("q"), wait_s=0.01)
