"""An echo over the transport that the daemon has, without the daemon: what a round trip costs at least.

A Unix socket, `asyncio.BufferedProtocol`, JSON-RPC lines. Each line's `id` is read and a line of a receipt's size goes
back under it, so that fugue's own client can talk to it.
"""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection

import msgspec

READ_BYTES = 256 * 1024
_RECEIPT = (
    b',"result":{"id":"0191f3a0-0000-7000-8000-000000000000","seq":1234,"recipients":'
    b'[{"id":"0191f3a0-0000-7000-8000-000000000001","name":"receiver","is_connected":true}]}}\n'
)
_WELCOME = (
    b',"result":{"protocol":2,"server":{"name":"echo","version":"0"},"capabilities":[],"session":null,'
    b'"line_bytes":1048576}}\n'
)


class _Line(msgspec.Struct):
    id: int
    method: str


class Echo(asyncio.BufferedProtocol):
    """Answer each line. Lines come whole: the benchmark has few under way."""

    def __init__(self) -> None:
        self._view = memoryview(bytearray(READ_BYTES))
        self._transport: asyncio.Transport | None = None
        self._decoder = msgspec.json.Decoder(_Line)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's suggestion
        """Return where the loop shall read to."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Answer what has arrived, in one write."""
        assert self._transport is not None
        answers = []
        for line in bytes(self._view[:nbytes]).splitlines():
            call = self._decoder.decode(line)
            answers.append(b'{"jsonrpc":"2.0","id":%d' % call.id)
            answers.append(_WELCOME if call.method == "hello" else _RECEIPT)
        self._transport.write(b"".join(answers))


def serve(socket_path: str, ready: Connection) -> None:
    """Serve for ever, having said so."""

    async def main() -> None:
        await asyncio.get_running_loop().create_unix_server(Echo, socket_path)
        ready.send(None)
        await asyncio.Event().wait()

    asyncio.run(main())
