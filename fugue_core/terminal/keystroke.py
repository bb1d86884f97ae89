"""What somebody types into a terminal, as far as it matters to whoever would type there as well. No I/O.

Nobody but the program knows what stands in its line. What can be known is whether anything was typed since the last
line was sent or thrown away; so everything that may have put text there counts, and only what never does is left out.
"""

from __future__ import annotations

import re

ESCAPE_S = 0.5
"""An escape that is followed by nothing for so long was a key of its own, and no beginning of another."""

_PASTE_ENDS = b"\x1b[201~"
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O|\[M.{0,2})?\Z", re.DOTALL)
_TOKEN = re.compile(
    rb"(?P<report>\x1b\[[IO]|\x1b\[<[0-9;]*[Mm]|\x1b\[M...|\x1b\[[0-9;]+:3[A-HPQRSu~])"  # focus, mouse, a key let go
    rb"|(?P<sent>[\r\n\x03]|\x1b\[13(?:;1(?::[12])?)?u|\x1b\[99;5(?::[12])?u)"  # enter, ctrl+c
    rb"|(?P<idle>\x1b\[[0-9;:]*[CDFHZ]|\x1bO[CDFH]|\x1b\[[156][0-9;:]*~)"  # left, home, page up, back tab
    rb"|(?P<paste>\x1b\[200~)"
    rb"|(?P<text>\x1b\[[0-?]*[ -/]*[@-~]|\x1b?.)",
    re.DOTALL,
)


class Typing:
    """Who follows what is typed.

    Attributes:
        at: Unix time of the last key in seconds; None: there was none. What a terminal reports by itself is no key.
        keys: How many there were.
        is_begun: Something may stand in the program's line that was not sent.
    """

    def __init__(self, at: float | None = None, *, is_begun: bool = False) -> None:
        self.at = at
        self.keys = 0
        self.is_begun = is_begun
        self._unfinished = b""
        self._came_at = 0.0
        self._is_paste = False

    def note(self, data: bytes, now: float) -> None:
        """Take in what is typed, in pieces as it comes; a key may be cut in two."""
        if self._unfinished and now - self._came_at < ESCAPE_S:
            data = self._unfinished + data
        elif len(self._unfinished) > 1:  # it was alt and a key
            self.is_begun = True
        self._came_at = now
        unfinished = _UNFINISHED.search(data)
        self._unfinished = unfinished[0] if unfinished else b""
        if data == b"\x1b":  # the key, or the beginning of another: it was pressed in any case
            self._take_key(now)
        place = 0
        end = len(data) - len(self._unfinished)
        while place < end:
            place = self._skip_paste(data, place, now) if self._is_paste else self._take(data, place, end, now)

    def _take(self, data: bytes, place: int, end: int, now: float) -> int:
        token = _TOKEN.match(data, place, end)
        assert token is not None, "the last branch takes anything"  # noqa: S101
        kind = token.lastgroup
        if kind != "report":
            self._take_key(now)
        if kind == "sent":
            self.is_begun = False
        elif kind in {"text", "paste"}:
            self.is_begun = True
            self._is_paste = kind == "paste"
        return token.end()

    def _skip_paste(self, data: bytes, place: int, now: float) -> int:
        self._take_key(now)
        end = data.find(_PASTE_ENDS, place)
        self._is_paste = end < 0
        return len(data) if end < 0 else end + len(_PASTE_ENDS)

    def _take_key(self, now: float) -> None:
        self.at = now
        self.keys += 1
