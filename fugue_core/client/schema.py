"""Schemas for types of messages, through a client: `client.schemas`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from fugue_core.protocol.message import encode_payload
from fugue_core.protocol.request import Request
from fugue_core.protocol.schema import (
    GetSchema,
    KeptSchema,
    ListSchemas,
    RemoveSchema,
    SchemaInfo,
    SchemaList,
    SetSchema,
)


class Schemas:
    """What payloads are held against before they are sent. A type without a schema is free."""

    def __init__(self, ask: Callable[[Request], Awaitable[Any]]) -> None:
        self._ask = ask

    async def set(self, msg_type: str, schema: Any, repo: str | None = None) -> SchemaInfo:
        """Hold payloads of a type against a JSON Schema from now on.

        Args:
            msg_type: The type.
            schema: As JSON objects, or as a `msgspec.Raw`.
            repo: Of what is sent in this repository; None: in all that have none of their own for the type.

        Raises:
            InvalidSchema: It is none; the error says where and why.
            InvalidMessageType, InvalidPayload (it has no JSON form), TooManySchemas, SchemaLibraryMissing
        """
        packed = msgspec.Raw(encode_payload(schema))
        info: SchemaInfo = await self._ask(SetSchema(msg_type=msg_type, schema=packed, repo=repo))
        return info

    async def get(self, msg_type: str, repo: str | None = None) -> KeptSchema:
        """Return what a message from `repo` is held against. Raises `SchemaNotFound`."""
        kept: KeptSchema = await self._ask(GetSchema(msg_type=msg_type, repo=repo))
        return kept

    async def remove(self, msg_type: str, repo: str | None = None) -> SchemaInfo:
        """Take a schema away: the repository's own, or where that is None the one for all. Raises `SchemaNotFound`."""
        info: SchemaInfo = await self._ask(RemoveSchema(msg_type=msg_type, repo=repo))
        return info

    async def list(self) -> tuple[SchemaInfo, ...]:
        """Return all that there are, by type and then by repository."""
        answer: SchemaList = await self._ask(ListSchemas())
        return answer.schemas
