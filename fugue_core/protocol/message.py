"""Messages: what is carried. Types and payloads have no meaning here. No I/O."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any, NewType
from uuid import UUID

import msgspec

from fugue_core import limits
from fugue_core.errors import InvalidMessageType, InvalidPayload

MessageId = NewType("MessageId", UUID)

_TYPE_RULE = f"1 to {limits.MESSAGE_TYPE_CHARS} printable characters without white space"
_DEPTH_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class OrchestrationMessage(msgspec.Struct, frozen=True):
    """What one session tells others.

    Fields:
        msg_type: Defined by the workflow: `status_update`, `gas_town.bid`, ...
        payload: Any JSON value; its schema is the workflow's own.
    """

    msg_type: str
    payload: Any = None


class PackedMessage(msgspec.Struct, frozen=True):
    """An `OrchestrationMessage` as it travels: the payload is the very bytes that the sender wrote.

    So numbers, key order and spelling survive, and no hop pays for reading what only the reader needs.
    """

    msg_type: str
    payload: msgspec.Raw = msgspec.Raw(b"null")

    def unpack(self) -> OrchestrationMessage:
        """Read the payload. Raises `InvalidPayload` for what Python cannot hold (an integer over 4,300 digits)."""
        return OrchestrationMessage(self.msg_type, read_payload(bytes(self.payload)))


def pack(message: OrchestrationMessage) -> PackedMessage:
    """Write the payload as JSON. Raises `InvalidPayload` for a value that has no JSON form, NaN and infinity too."""
    check_msg_type(message.msg_type)
    payload = message.payload
    if not isinstance(payload, msgspec.Raw):
        try:
            # msgspec writes NaN as null; the standard library can refuse it.
            encoded = msgspec.json.encode(payload)
            if b"null" in encoded:
                encoded = json.dumps(payload, allow_nan=False, separators=(",", ":"), default=_to_builtins).encode()
        except (TypeError, ValueError, RecursionError, UnicodeError) as error:
            raise InvalidPayload(f"{payload!r}"[:1000], f"has no JSON form: {error}") from None
        payload = msgspec.Raw(encoded)
    check_payload(bytes(payload))
    return PackedMessage(message.msg_type, payload)


def read_payload(payload: bytes) -> Any:
    """Return the JSON value in `payload` as Python objects.

    Raises:
        InvalidPayload: It is no JSON, with the line and column; or Python cannot hold it.
    """
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the standard library reads more (1e400) and says where it stopped
    try:
        return json.loads(payload, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InvalidPayload(_decoded(payload), f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(_decoded(payload), str(error)) from None


def check_msg_type(msg_type: str) -> str:
    """Return `msg_type`, or raise `InvalidMessageType`."""
    if not (0 < len(msg_type) <= limits.MESSAGE_TYPE_CHARS and msg_type.isprintable() and " " not in msg_type):
        raise InvalidMessageType(msg_type, _TYPE_RULE)
    return msg_type


def check_payload(payload: bytes) -> None:
    """Raise `InvalidPayload` where `payload`, known to be JSON, is nested more than `limits.PAYLOAD_DEPTH` levels deep.

    Cost: two counts, unless there are more brackets than levels allowed; then a scan of the brackets.
    """
    if payload.count(b"[") + payload.count(b"{") <= limits.PAYLOAD_DEPTH:
        return
    depth = max(accumulate(_DEPTH_STEP[byte] for byte in _without_strings(payload) if byte in _DEPTH_STEP))
    if depth > limits.PAYLOAD_DEPTH:
        raise InvalidPayload(_decoded(payload), f"nested {depth:,} levels deep, the limit is {limits.PAYLOAD_DEPTH}")


def _without_strings(payload: bytes) -> bytes:
    """Return `payload` without the text between quotes; a bracket in a string nests nothing."""
    pieces = payload.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    return b"".join(pieces[::2])


def _to_builtins(value: object) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _decoded(payload: bytes) -> str:
    return payload.decode(errors="backslashreplace")
