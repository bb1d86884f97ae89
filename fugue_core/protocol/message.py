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


class PackedMessage(msgspec.Struct, frozen=True, gc=False):
    """An `OrchestrationMessage` as it travels: the payload is the very bytes that the sender wrote.

    So numbers, key order and spelling survive, and no hop pays for reading what only the reader needs.
    """

    msg_type: str
    payload: msgspec.Raw = msgspec.Raw(b"null")

    def unpack(self) -> OrchestrationMessage:
        """Read the payload. Raises `InvalidPayload` for what Python cannot hold (an integer over 4,300 digits)."""
        return OrchestrationMessage(self.msg_type, read_payload(bytes(self.payload)))


def pack(message: OrchestrationMessage) -> PackedMessage:
    """Write the message as it travels. Raises `InvalidMessageType`, and `InvalidPayload` as `encode_payload` does."""
    check_msg_type(message.msg_type)
    return PackedMessage(message.msg_type, msgspec.Raw(encode_payload(message.payload)))


def encode_payload(payload: Any) -> bytes:
    """Return `payload` as JSON on one line; a `msgspec.Raw` is JSON already, and only its line breaks become blanks.

    Raises:
        InvalidPayload: It has no JSON form (NaN and infinity have none), or is nested too deeply.
    """
    try:
        encoded = msgspec.json.encode(payload)
        if b"null" in encoded and not isinstance(payload, msgspec.Raw):
            # msgspec writes NaN as null; the standard library can refuse it. The hook is for a `Raw` inside.
            builtins = msgspec.to_builtins(payload, str_keys=True, enc_hook=lambda _: None)
            json.dumps(builtins, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidPayload(_shown(payload), f"has no JSON form: {error}") from None
    _check_json(encoded)
    check_payload(encoded)
    return encoded.replace(b"\n", b" ")


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
        return json.loads(payload.decode(), parse_constant=_refuse_constant)  # of bytes it would read UTF-16, too
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
    """Raise `InvalidPayload` where a payload, known to be JSON, is nested over `limits.PAYLOAD_DEPTH` levels deep."""
    check_depth(payload, limits.PAYLOAD_DEPTH)


def check_depth(text: bytes, limit: int) -> None:
    """Raise `InvalidPayload` where JSON text is nested more than `limit` levels deep.

    Cost: nothing for a short one; two counts, unless there are more brackets than levels allowed; then a scan of them.
    """
    if len(text) <= limit or text.count(b"[") + text.count(b"{") <= limit:
        return
    steps = (_DEPTH_STEP[byte] for byte in _without_strings(text) if byte in _DEPTH_STEP)
    depth = max(accumulate(steps), default=0)
    if depth > limit:
        raise InvalidPayload(_decoded(text), f"nested {depth:,} levels deep, the limit is {limit}")


def _without_strings(payload: bytes) -> bytes:
    """Return `payload` without the text between quotes; a bracket in a string nests nothing."""
    pieces = payload.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    return b"".join(pieces[::2])


def _check_json(text: bytes) -> None:
    """Raise `InvalidPayload` where a daemon would not take `text` for one JSON value."""
    try:
        text.decode()
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read_payload(text)  # says where it is wrong
        check_payload(text)
        raise InvalidPayload(_decoded(text), "a lone surrogate stands for no character") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _shown(payload: object) -> str:
    try:
        return repr(payload)[:1000]
    except RecursionError:
        return f"<{type(payload).__name__}>"


def _decoded(payload: bytes) -> str:
    return payload.decode(errors="backslashreplace")
