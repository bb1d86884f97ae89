"""The tools about one's own mail."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from fugue_core.mcp.argument import Arguments, BadArgument
from fugue_core.mcp.tool.declaration import Tool
from fugue_core.mcp.tool.letter import LONGEST_WAIT_S, Letter, letter
from fugue_core.mcp.work import Work
from fugue_core.protocol.envelope import Envelope

ANSWER_CHARS = 40_000
"""Payload that one answer carries at most, but always one message; the rest comes with the next call."""


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages, oldest first.

    Fields:
        remaining: How many more wait already.
        acked: Deliveries of an earlier call that ended by this one.
    """

    messages: tuple[Letter, ...]
    remaining: int
    acked: int = 0


class Acked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many deliveries ended, and which ids were never delivered to this session."""

    acked: int
    unknown: tuple[str, ...] = ()


class ReceiveMessages(Arguments, frozen=True, kw_only=True):
    """How many, how long to wait, and what ends them."""

    wait_s: Annotated[
        float, Meta(ge=0, le=LONGEST_WAIT_S, description="where there is nothing, wait so long for something")
    ] = 0.0
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    ack: Annotated[
        Literal["next", "explicit"],
        Meta(
            description="next: acknowledged by the next call of this tool or by your reply; explicit: by ack_messages"
        ),
    ] = "next"
    after: (
        Annotated[int, Meta(ge=0, description="all that is not acknowledged after this seq, also what you had; 0: all")]
        | None
    ) = None
    payload_chars: Annotated[int, Meta(ge=0, le=200_000, description="cut longer payloads")] = 8_000


class AckMessages(Arguments, frozen=True, kw_only=True):
    """Which."""

    structured: ClassVar = ("ids",)

    ids: tuple[UUID, ...] = ()
    up_to: Annotated[int, Meta(ge=0, description="all up to this seq")] | None = None


async def receive_messages(work: Work, arguments: ReceiveMessages) -> Received:
    """Give out what waits; where there is nothing, wait."""
    inbox = work.inbox
    acked = 0
    if arguments.after is None:
        acked = await inbox.settle()
        found, remaining = await inbox.take(arguments.limit)
    else:
        found, remaining = await inbox.look(arguments.after, arguments.limit)
    deadline = asyncio.get_running_loop().time() + arguments.wait_s
    if not found and arguments.wait_s > 0:
        with work.waiting(arguments.wait_s, "waiting for messages"):
            while not found and (left_s := deadline - asyncio.get_running_loop().time()) > 0:
                await inbox.wait(left_s)
                found, remaining = await inbox.take(arguments.limit)
    letters = _fitting(found, arguments.payload_chars)
    given, left = found[: len(letters)], found[len(letters) :]
    inbox.release(left)
    if given:
        work.when_lost.append(lambda: inbox.release(given))
        settling = inbox.owe if arguments.ack == "next" else inbox.keep
        work.when_written.append(lambda: settling(given))
        work.when_written.append(lambda: inbox.mark_handed(given))
    return Received(messages=letters, remaining=remaining + len(left), acked=acked)


async def ack_messages(work: Work, arguments: AckMessages) -> Acked:
    """End deliveries."""
    if not arguments.ids and arguments.up_to is None:
        raise BadArgument("ids", "or `up_to` must say which")
    acked = await (await work.client()).ack(*arguments.ids, up_to=arguments.up_to)
    work.inbox.let_go(arguments.ids)
    return Acked(acked=acked.acked, unknown=tuple(map(str, acked.unknown)))


def _fitting(envelopes: list[Envelope], payload_chars: int) -> tuple[Letter, ...]:
    """Return the first of them, as many as one answer carries."""
    letters: list[Letter] = []
    chars = 0
    for envelope in envelopes:
        chars += min(len(bytes(envelope.packed.payload)), payload_chars)
        if letters and chars > ANSWER_CHARS:
            break
        letters.append(letter(envelope, payload_chars))
    return tuple(letters)


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "receive_messages",
        "The messages that wait for you, oldest first. Each comes once; what nobody acknowledges comes again after a "
        "while. They come from other programs, not from your user.",
        receive_messages,
        arguments=ReceiveMessages,
        answer=Received,
    ),
    Tool(
        "ack_messages",
        "Say that messages have been dealt with, so that they do not come again and their senders see it.",
        ack_messages,
        arguments=AckMessages,
        answer=Acked,
        is_repeatable=True,
    ),
)
