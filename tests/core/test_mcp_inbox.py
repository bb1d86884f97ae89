from __future__ import annotations

import asyncio

from fugue_core import OrchestrationMessage, connect
from fugue_core.client.client import Client
from fugue_core.daemon.local import LocalDaemon
from fugue_core.mcp.inbox import Inbox


async def test_what_answers_a_question_is_for_the_call_that_waits_for_it_whoever_looks_first() -> None:
    async with LocalDaemon() as daemon, connect(daemon) as ann:
        await ann.join("ann")

        async def client() -> Client:
            return ann

        inbox = Inbox(client)
        question = await ann.send("session:ann", OrchestrationMessage("question", None))
        await ann.ack(question.id)
        sent = await ann.send("session:ann", OrchestrationMessage("answer", 1), reply_to=question.id)
        (found, _), answer = await asyncio.gather(inbox.take(1), inbox.answer_to(question.id, 60))
        assert (found, answer.id) == ([], sent.id)
        assert (await inbox.take(1))[0] == []
        inbox.release([answer])  # it could not be written
        assert [envelope.id for envelope in (await inbox.take(1))[0]] == [sent.id]
