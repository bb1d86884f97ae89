"""Cut a stream of bytes into lines. No I/O."""

from __future__ import annotations

from fugue_core.errors import LineTooLong


class LineCutter:
    """Hand on whole lines, and never hold more than one line's limit of a line that is not whole.

    Cost: each byte is looked at once for its newline, and copied at most twice.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._partial = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> tuple[bytes, LineTooLong | None]:
        """Take what was read; return all the whole lines in it as one block, and the first line that was too long.

        The block ends with a newline or is empty. What is too long is dropped up to its newline, and the lines
        around it are kept: the block holds them in order.
        """
        error: LineTooLong | None = None
        if self._skipping:
            newline = data.find(b"\n")
            if newline < 0:
                return b"", None
            self._skipping = False
            data = data[newline + 1 :]
        end = data.rfind(b"\n") + 1
        if end:
            block = bytes(self._partial) + data[:end] if self._partial else data[:end]
            self._partial.clear()
            if len(block) > self._limit_bytes:
                block, error = self._without_long_lines(block)
        else:
            block = b""
        self._partial += data[end:] if end else data
        if len(self._partial) > self._limit_bytes:
            error = error or LineTooLong(len(self._partial), self._limit_bytes)
            self._partial.clear()
            self._skipping = True
        return block, error

    def _without_long_lines(self, block: bytes) -> tuple[bytes, LineTooLong | None]:
        lines = block.split(b"\n")[:-1]
        sizes = [len(line) for line in lines if len(line) > self._limit_bytes]
        if not sizes:
            return block, None
        kept = b"".join(line + b"\n" for line in lines if len(line) <= self._limit_bytes)
        return kept, LineTooLong(sizes[0], self._limit_bytes)
