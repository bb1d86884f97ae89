"""JSON-RPC 2.0, one JSON text a line: bytes to requests, answers to bytes, and back. No I/O."""

from __future__ import annotations

import difflib
import json
from functools import cache
from typing import Any, Literal, TypeAlias, Union, cast, get_type_hints
from uuid import UUID

import msgspec

from fugue_core import errors
from fugue_core.errors import FugueError, InvalidParams, InvalidRequest, MalformedLine, MethodNotFound, ProtocolError
from fugue_core.protocol.events import EVENTS, Event, Notice
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import REQUESTS

CallId: TypeAlias = int | str | None
"""What the caller named its request; None for a notification, which is not answered."""


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="method"):
    """A request's line. Each method has a subclass with its own `params`, so that one decoding does everything."""

    jsonrpc: Literal["2.0"]
    id: int | str | msgspec.UnsetType = msgspec.UNSET

    @property
    def request(self) -> Request:
        """What is asked."""
        request: Request = self.params  # type: ignore[attr-defined]  # every subclass made below has it
        return request


class OpenCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line of a protocol with methods of its own: a request, or without `id` a notification. `params` is not read."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")


class BadCall(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no request; `id` as far as it could be read, else None."""

    id: CallId
    error: ProtocolError


class _Outside(msgspec.Struct, frozen=True, kw_only=True):
    """A line of which only the outside is read, to say what is wrong with it."""

    jsonrpc: Any = None
    id: Any = None
    method: Any = None


def _call_type(request: type[Request]) -> type[Call]:
    is_required = any(field.required for field in msgspec.structs.fields(request))
    params: Any = ("params", request) if is_required else ("params", request, request())
    call = msgspec.defstruct(
        f"{request.__name__}Call", [params], bases=(Call,), tag=request.method, frozen=True, kw_only=True, gc=False
    )
    return cast("type[Call]", call)


_METHODS = {request.method: request for request in REQUESTS}
_outside_decoder = msgspec.json.Decoder(_Outside)
_open_decoder = msgspec.json.Decoder(OpenCall)
_encoder = msgspec.json.Encoder()


@cache
def _call_decoder() -> msgspec.json.Decoder[Call]:
    """Return what reads requests. It takes some 10 ms to make, which a client need not spend."""
    return msgspec.json.Decoder(Union[tuple(map(_call_type, REQUESTS))])  # noqa: UP007


def decode_calls(block: bytes) -> list[Call | BadCall]:
    """Return what the lines of `block` ask, in order; a bad line costs the others nothing. Blank lines are skipped.

    `msgspec.Raw` fields are views of their line.
    """
    # not msgspec's `decode_lines`: it takes one value from two lines and two from one, and a payload with a line break
    # in it would break the lines in which it is handed on
    lines = block.removesuffix(b"\n").split(b"\n")
    try:
        if not block.isascii():
            block.decode()  # what msgspec skips over (payloads, unknown fields) it does not check
        return list(map(_call_decoder().decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_decode_call(line) for line in lines if line.strip()]


def _decode_call(line: bytes) -> Call | BadCall:
    try:
        line.decode()
        return _call_decoder().decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _diagnose(line, error)


def decode_open_calls(block: bytes) -> list[OpenCall | BadCall]:
    """Return likewise what the lines of `block` ask in a protocol other than fugue's own, whose methods are any."""
    return [_decode_open_call(line) for line in block.split(b"\n") if line.strip()]


def _decode_open_call(line: bytes) -> OpenCall | BadCall:
    try:
        line.decode()
        return _open_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _diagnose(line, error, is_open=True)


def _diagnose(line: bytes, cause: Exception, *, is_open: bool = False) -> BadCall:
    """Say what is wrong with a line, in the order in which a reader would notice."""
    try:
        line.decode()
        outside = _outside_decoder.decode(line)
    except msgspec.ValidationError as error:
        return BadCall(id=None, error=InvalidRequest(str(error)))
    except RecursionError:
        return BadCall(id=None, error=MalformedLine("nested too deeply"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _diagnose_surrogate(line) or BadCall(id=None, error=MalformedLine(str(error)))
    call_id = _call_id(outside.id)
    if outside.jsonrpc != "2.0":
        reason = f'`jsonrpc` must be "2.0", not {outside.jsonrpc!r}'
    elif call_id is None and outside.id is not None:
        reason = f"`id` must be an integer or a string, not {outside.id!r}"
    elif not isinstance(outside.method, str):
        reason = f"`method` must be a string, not {outside.method!r}"
    elif outside.method not in _METHODS and not is_open:
        near = difflib.get_close_matches(outside.method, _METHODS, n=3)
        return BadCall(id=call_id, error=MethodNotFound(outside.method, near))
    elif "`$.id`" in str(cause):
        reason = "`id` must be an integer or a string, not null"
    else:
        return BadCall(id=call_id, error=InvalidParams(outside.method, str(cause)))
    return BadCall(id=call_id, error=InvalidRequest(reason))


def _diagnose_surrogate(line: bytes) -> BadCall | None:
    """Return what to say of a line that is JSON but for a lone surrogate, where it is one."""
    try:
        outside = json.loads(line.decode(), parse_constant=int)  # `int` reads no NaN and no Infinity either
    except (ValueError, RecursionError):
        return None
    call_id = _call_id(outside.get("id")) if isinstance(outside, dict) else None
    if isinstance(call_id, str) and not call_id.isprintable():  # it may be there that the surrogate is
        call_id = None
    return BadCall(id=call_id, error=MalformedLine(r"a lone surrogate (\ud800 to \udfff) stands for no character"))


def _call_id(value: object) -> CallId:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


# ------------------------------------------------------------------------------------------- what the daemon writes


class _Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    jsonrpc: Literal["2.0"] = "2.0"
    id: CallId
    result: Any


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal on the wire. `data` has `name` and the values of the error, see `errors`."""

    code: int
    message: str
    data: dict[str, Any] = {}


class _Failure(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: Literal["2.0"] = "2.0"
    id: CallId | msgspec.UnsetType
    error: ErrorObject


class _Notification(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: Literal["2.0"] = "2.0"
    method: str
    params: Any


class _NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: Literal["2.0"] = "2.0"
    method: Literal["event"] = "event"
    params: Notice


def encode_result(call_id: CallId, result: msgspec.Struct | dict[str, Any]) -> bytes:
    """Return the line that answers a request."""
    return _encoder.encode(_Result(id=call_id, result=result)) + b"\n"


def encode_error(call_id: CallId, error: FugueError) -> bytes:
    """Return the line that refuses a request."""
    data = {"name": type(error).__name__, **error.values()}
    return (
        _encoder.encode(_Failure(id=call_id, error=ErrorObject(code=error.code, message=str(error), data=data))) + b"\n"
    )


def encode_failure(call_id: CallId | msgspec.UnsetType, error: ErrorObject) -> bytes:
    """Return the line that refuses a request in words of another protocol; UNSET leaves the id out."""
    return _encoder.encode(_Failure(id=call_id, error=error)) + b"\n"


def encode_notification(method: str, params: Any) -> bytes:
    """Return a line that is not answered."""
    return _encoder.encode(_Notification(method=method, params=params)) + b"\n"


def encode_notice(number: int, event: Event) -> bytes:
    """Return the line that tells of an event; the same bytes are good for every subscriber."""
    return _encoder.encode(_NoticeLine(params=Notice(number=number, event=event))) + b"\n"


# ------------------------------------------------------------------------------------------- what a client does


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line from the daemon: a result, an error, or (where `params` is set) an event."""

    id: CallId = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorObject | None = None
    params: Notice | None = None


class _UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    kind: str


class _UnknownNotice(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    event: _UnknownEvent


class _UnknownNoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    method: Literal["event"]
    params: _UnknownNotice


_KINDS = {event.__struct_config__.tag for event in EVENTS}
_reply_decoder = msgspec.json.Decoder(Reply)
_unknown_notice_decoder = msgspec.json.Decoder(_UnknownNoticeLine)


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: Literal["2.0"] = "2.0"
    id: int | str | msgspec.UnsetType
    method: str
    params: Request


def encode_call(call_id: CallId, request: Request) -> bytes:
    """Return the line that asks `request`; without an id, it asks for no answer.

    Raises `InvalidParams` for a value in it that has no JSON form.
    """
    id_ = msgspec.UNSET if call_id is None else call_id
    try:
        return _encoder.encode(_Request(id=id_, method=request.method, params=request)) + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParams(request.method, f"no JSON form: {error}") from None


def decode_replies(block: bytes) -> list[Reply]:
    """Return what the daemon's lines say; of an event of a kind that we do not know, its number.

    Raises:
        MalformedLine: The two sides do not understand each other.
    """
    try:
        return _reply_decoder.decode_lines(block)
    except msgspec.ValidationError:
        return [_decode_reply(line) for line in block.split(b"\n") if line]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedLine(str(error)) from error


def _decode_reply(line: bytes) -> Reply:
    try:
        return _reply_decoder.decode(line)
    except msgspec.ValidationError as error:
        try:
            notice = _unknown_notice_decoder.decode(line).params
        except msgspec.DecodeError:
            raise MalformedLine(str(error)) from error
        if notice.event.kind in _KINDS:
            raise MalformedLine(str(error)) from error
        return Reply(params=Notice(number=notice.number, event=None))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedLine(str(error)) from error


def error_from_wire(error: ErrorObject) -> FugueError:
    """Return the error that the daemon raised; one of a class that we do not know as a plain `FugueError`."""
    values = dict(error.data)
    kind = getattr(errors, str(values.pop("name", "")), None)
    if isinstance(kind, type) and issubclass(kind, FugueError):
        hints = get_type_hints(kind.__init__, {**vars(errors), "Sequence": list, "UUID": UUID})
        arguments = {name: values[name] for name in hints if name in values}
        try:
            return kind(**{name: msgspec.convert(value, hints[name]) for name, value in arguments.items()})
        except (TypeError, msgspec.ValidationError):
            pass  # a newer daemon's error of the same name has other values
    return FugueError(error.message)
