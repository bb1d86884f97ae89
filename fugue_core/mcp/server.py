"""The protocol's server: lines to calls, calls to tools, answers to lines. It moves no bytes itself.

Calls run side by side and are answered as they end; two that came one after the other begin in that order. A cancelled
call is not answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeAlias, TypeVar

import msgspec

from fugue_core.errors import (
    FugueError,
    InternalError,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    NoIdentity,
    ProtocolError,
)
from fugue_core.mcp import version
from fugue_core.mcp.argument import BadArgument, read_arguments
from fugue_core.mcp.identity import Identity
from fugue_core.mcp.inbox import Inbox
from fugue_core.mcp.tool import INSTRUCTIONS, TOOLS
from fugue_core.mcp.tool.declaration import Tool
from fugue_core.mcp.work import Report, Work
from fugue_core.protocol.rpc import (
    BadCall,
    CallId,
    ErrorObject,
    OpenCall,
    decode_open_calls,
    encode_failure,
    encode_notification,
    encode_result,
)

MOST_CALLS = 256
"""Calls under way at once; one more is refused."""
GRACE_S = 2.0
"""How long calls that wait for nobody may take to end when the input has ended."""

_log = logging.getLogger(__name__)


_Shape: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
_Kind = TypeVar("_Kind", bound=msgspec.Struct)


class _CallParams(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _ListParams(msgspec.Struct, frozen=True, kw_only=True):
    cursor: str | None = None


class _InitializeParams(msgspec.Struct, frozen=True, kw_only=True):
    version: str = msgspec.field(name="protocolVersion")


class _Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    call_id: int | str = msgspec.field(name="requestId")


class _Refused(Exception):
    """A request is answered with an error; `error` is what."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.error = ErrorObject(code=code, message=message, data=data or {})


class _Running:
    """A call that is not answered yet."""

    __slots__ = ("task", "work")

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.task: asyncio.Task[None] | None = None


class Server:
    """Answer one client.

    Invariant: each id in `_running` is of a request that was read and is neither answered nor cancelled.
    """

    def __init__(self, identity: Identity, write: Callable[[bytes], bool]) -> None:
        """Answer nothing yet.

        Args:
            identity: Whom the tools speak for.
            write: Writes whole lines; they are written when it returns, or never will be where it returns False.
        """
        self._identity = identity
        self._inbox = Inbox(identity.client)
        self._write = write
        self._running: dict[int | str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_agreed = False
        self._is_known = False
        self._ending = asyncio.Event()

    def take(self, block: bytes) -> None:
        """Take whole lines."""
        for call in decode_open_calls(block):
            if isinstance(call, BadCall):
                self._refuse(msgspec.UNSET if call.id is None else call.id, _refusal(call.error))
            elif isinstance(call.id, msgspec.UnsetType):
                self._note(call)
            else:
                self._answer(call.id, call)

    def refuse_line(self, error: FugueError) -> None:
        """Say that a line was thrown away, whatever it asked."""
        self._refuse(msgspec.UNSET, _Refused(InvalidRequest.code, str(error)))

    async def end(self) -> None:
        """End all calls: what waits at once, the others when they are done or after `GRACE_S`."""
        self._ending.set()
        for running in self._running.values():
            if running.task is not None and running.work is not None and running.work.is_waiting:
                running.task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._inbox.close()
        self._identity.close()

    # ------------------------------------------------------------------------------------------------------- requests

    def _note(self, call: OpenCall) -> None:
        """Take a notification; what is unknown or malformed is passed over, as the protocol has it."""
        if call.method != "notifications/cancelled":
            return
        try:
            cancelled = msgspec.json.decode(call.params, type=_Cancelled)
        except msgspec.DecodeError:
            return
        running = self._running.pop(cancelled.call_id, None)
        if running is not None and running.task is not None:
            running.task.cancel()

    def _answer(self, call_id: int | str, call: OpenCall) -> None:
        try:
            result = self._result(call_id, call)
        except ProtocolError as error:
            self._refuse(call_id, _refusal(error))
        except _Refused as refused:
            self._refuse(call_id, refused)
        else:
            if result is not None:
                self._write(encode_result(call_id, result))

    def _result(self, call_id: int | str, call: OpenCall) -> dict[str, Any] | None:
        """Return the answer, or None where it comes later."""
        if call_id in self._running:
            raise _Refused(InvalidRequest.code, f"the request {call_id!r} is not answered yet")
        meta = _decoded(call, version.Params).meta
        if call.method == "initialize":
            return self._initialize(call)
        if meta.version is not msgspec.UNSET or not (self._is_agreed or call.method == "ping"):
            return self._self_contained(call_id, call, meta)
        match call.method:
            case "ping":
                return {}
            case "tools/list":
                return _tool_list(call)
            case "tools/call":
                self._begin(call_id, call, meta, lambda result: result)
                return None
            case _:
                raise MethodNotFound(call.method)

    def _self_contained(self, call_id: int | str, call: OpenCall, meta: version.Meta) -> dict[str, Any] | None:
        missing = meta.missing
        if missing:
            raise InvalidParams(call.method, f"`_meta` must have `{missing}`, or `initialize` comes first")
        if meta.version not in version.SELF_CONTAINED:
            supported = {"supported": list(version.SELF_CONTAINED), "requested": meta.version}
            raise _Refused(version.UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
        self._connect()
        match call.method:
            case "server/discover":
                return version.completed(version.cacheable(_discovery()))
            case "tools/list":
                return version.completed(version.cacheable(_tool_list(call)))
            case "tools/call":
                self._begin(call_id, call, meta, version.completed)
            case "subscriptions/listen":
                self._listen(call_id)
            case _:
                raise MethodNotFound(call.method)
        return None

    def _initialize(self, call: OpenCall) -> dict[str, Any]:
        asked = _decoded(call, _InitializeParams).version
        self._is_agreed = True
        self._connect()
        return {
            "protocolVersion": version.agreed(asked),
            "capabilities": version.CAPABILITIES,
            "serverInfo": version.SOFTWARE,
            "instructions": INSTRUCTIONS,
        }

    def _listen(self, call_id: int | str) -> None:
        """Keep a subscription open; there is nothing to tell on it, since the tools are always the same."""
        self._running[call_id] = running = _Running(None)
        stream = {version.SUBSCRIPTION: call_id}
        self._write(
            encode_notification("notifications/subscriptions/acknowledged", {"_meta": stream, "notifications": {}})
        )
        running.task = self._start(self._listening(call_id, stream))

    async def _listening(self, call_id: int | str, stream: dict[str, Any]) -> None:
        await self._ending.wait()
        self._running.pop(call_id, None)
        self._write(encode_result(call_id, version.completed({"_meta": stream})))

    # ---------------------------------------------------------------------------------------------------------- calls

    def _begin(self, call_id: int | str, call: OpenCall, meta: version.Meta, shape: _Shape) -> None:
        params = _decoded(call, _CallParams)
        tool = TOOLS.get(params.name)
        if tool is None:
            raise InvalidParams(call.method, f"there is no tool {params.name!r}; there are: {', '.join(TOOLS)}")
        if len(self._running) >= MOST_CALLS:
            raise _Refused(InvalidRequest.code, f"{MOST_CALLS} calls are under way already")
        work = Work(self._identity, self._inbox, self._reporter(meta))
        self._running[call_id] = running = _Running(work)
        running.task = self._start(self._run(call_id, tool, bytes(params.arguments), work, shape))

    async def _run(self, call_id: int | str, tool: Tool[Any], arguments: bytes, work: Work, shape: _Shape) -> None:
        """Carry a call out and answer it."""
        is_answered = False
        try:
            line = encode_result(call_id, shape(await self._called(tool, arguments, work)))
            del self._running[call_id]  # from here on it is too late to cancel it
            is_answered = self._write(line)
            with contextlib.suppress(FugueError):  # whoever asks next is told
                for follow in work.when_written if is_answered else ():
                    await follow()
        except asyncio.CancelledError:
            pass  # whoever cancelled it has said so
        except InternalError as error:
            self._refuse(call_id, _refusal(error))
        finally:
            self._running.pop(call_id, None)
            if not is_answered:
                for undo in work.when_lost:
                    undo()

    async def _called(self, tool: Tool[Any], arguments: bytes, work: Work) -> dict[str, Any]:
        """Return what the tool answers, be it a refusal: the model is to read that, and do better."""
        try:
            answer = await tool.run(work, read_arguments(tool.arguments, arguments))
        except NoIdentity:
            return _failed(f"NoIdentity: {self._identity.remedy()}")
        except FugueError as error:
            return _failed(f"{type(error).__name__}: {error}")
        except BadArgument as error:
            return _failed(str(error))
        except Exception as error:
            _log.exception("a bug in %s", tool.name)
            raise InternalError(f"{tool.name}: {error!r}") from error
        encoded = msgspec.json.encode(answer)
        return {"content": [{"type": "text", "text": encoded.decode()}], "structuredContent": msgspec.Raw(encoded)}

    def _reporter(self, meta: version.Meta) -> Report | None:
        token = meta.progress_token
        if token is msgspec.UNSET:
            return None

        def report(done: float, total: float, words: str) -> None:
            told = {"progressToken": token, "progress": done, "total": total, "message": words}
            self._write(encode_notification("notifications/progress", told))

        return report

    # -------------------------------------------------------------------------------------------------------- private

    def _connect(self) -> None:
        """Let others find the session before its program first calls a tool."""
        if not self._is_known:
            self._is_known = True
            self._start(self._connecting())

    async def _connecting(self) -> None:
        with contextlib.suppress(FugueError, OSError):  # the first tool that needs it tries again, and says why
            await self._identity.client()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _refuse(self, call_id: CallId | msgspec.UnsetType, refused: _Refused) -> None:
        self._write(encode_failure(call_id, refused.error))


def _refusal(error: FugueError) -> _Refused:
    return _Refused(error.code, str(error))


def _failed(words: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], "isError": True}


def _decoded(call: OpenCall, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(call.params, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParams(call.method, str(error)) from None


def _tool_list(call: OpenCall) -> dict[str, Any]:
    cursor = _decoded(call, _ListParams).cursor
    if cursor is not None:
        raise InvalidParams(call.method, f"`cursor` {cursor!r} is none of ours: all tools are on one page")
    return {"tools": _declarations()}


@cache
def _declarations() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode([tool.declaration() for tool in TOOLS.values()]))


def _discovery() -> dict[str, Any]:
    return {
        "supportedVersions": list(version.SELF_CONTAINED),
        "capabilities": version.CAPABILITIES,
        "instructions": INSTRUCTIONS,
    }
