"""Schemas for the payloads of types of messages: what a client may ask about them. No I/O.

A type without a schema is free. One with a schema is checked before anything is sent, and nothing else follows from it.
"""

from __future__ import annotations

import msgspec

from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.request import Request


class SchemaInfo(msgspec.Struct, frozen=True, kw_only=True):
    """That there is a schema.

    Fields:
        msg_type: Whose payloads it is for.
        repo: Sent by sessions of this repository; null: by those of any that has none of its own for the type.
        size_bytes: Of the schema as JSON.
        set_at: Unix seconds.
        set_by: The session that set it, else the client, by name; for people.
    """

    msg_type: str
    repo: str | None
    size_bytes: int
    set_at: float
    set_by: str


class KeptSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `schema.get`; `schema` is byte for byte what was set."""

    info: SchemaInfo
    schema: msgspec.Raw


class SetSchema(Request, frozen=True, kw_only=True):
    """Hold payloads of a type against a JSON Schema from now on; what was sent before stays as it is.

    Fields:
        schema: Of draft 4, 6, 7, 2019-09 or 2020-12 as its `$schema` says; absent there: of the last. References lead
            to its own parts alone, patterns have neither look-around nor back-references, and `format` is not checked.
        repo: Of what is sent in this repository; null: in all that have none of their own for the type.

    Errors:
        InvalidMessageType
        InvalidSchema: It is none, or could take too long; the error says where and why.
        TooManySchemas, SchemaLibraryMissing
    """

    method = "schema.set"
    answer = SchemaInfo

    msg_type: str
    schema: msgspec.Raw
    repo: str | None = None


class GetSchema(Request, frozen=True, kw_only=True):
    """Show the schema that a message of a type is held against: the repository's own, else the one for all.

    Fields:
        repo: As if sent from there; null: from outside of any.

    Errors:
        SchemaNotFound
    """

    method = "schema.get"
    answer = KeptSchema
    mutates = False

    msg_type: str
    repo: str | None = None


class SchemaList(msgspec.Struct, frozen=True, kw_only=True):
    """Schemas by type, then by repository."""

    schemas: tuple[SchemaInfo, ...]


class ListSchemas(Request, frozen=True, kw_only=True):
    """List all schemas."""

    method = "schema.list"
    answer = SchemaList
    mutates = False
    is_bulky = True


class RemoveSchema(Request, frozen=True, kw_only=True):
    """Let payloads of a type be free again.

    Fields:
        repo: Of this repository; null: the one for all, and no repository's own.

    Answer:
        What it was.

    Errors:
        SchemaNotFound
    """

    method = "schema.remove"
    answer = SchemaInfo

    msg_type: str
    repo: str | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.check`: nothing is wrong.

    Fields:
        schema: What the payload was held against; null: its type is free.
    """

    schema: SchemaInfo | None


class CheckMessage(Request, frozen=True, kw_only=True):
    """Say whether a message could be sent as far as its type and payload go. The same code as `message.send`.

    Fields:
        packed: On the wire `message`, as for `message.send`.
        sender: As if this session sent it; absent: the connection's own.

    Errors:
        NoIdentity, SessionNotFound, InvalidMessageType, InvalidPayload, SchemaViolation, PayloadUncheckable
        SchemaLibraryMissing
    """

    method = "message.check"
    answer = Checked
    mutates = False

    packed: PackedMessage = msgspec.field(name="message")
    sender: str | None = None


SCHEMA_REQUESTS: tuple[type[Request], ...] = (SetSchema, GetSchema, ListSchemas, RemoveSchema, CheckMessage)


class SchemaChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="schema.changed"):
    """A type has a schema that it did not have, or another one."""

    schema: SchemaInfo


class SchemaRemoved(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="schema.removed"):
    """A schema is gone; `repo` as in `SchemaInfo`."""

    msg_type: str
    repo: str | None
