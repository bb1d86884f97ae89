"""One key at a time: the next one waits until what the last one did is done, so that it arrives where it belongs."""

from __future__ import annotations

import asyncio
from collections import deque

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

PATIENCE_S = 1.0
"""The next key waits no longer, whatever the last one began."""
WAITING_MOST = 4_096
"""Keys over this are dropped: nobody types so far ahead."""


class Turnstile(App[None]):
    """An app whose keys take effect in the order in which they were pressed.

    Textual hands keys that come in together to whatever has the focus when they come in: `M` and the letters after it
    all go to the log, and a key that holds everywhere overtakes the letters before it. People meet that on slow
    connections and busy machines. Here a key goes on when the widgets that the last one went through have dealt with
    it, and the focus is where it put it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting_keys: deque[events.Key] = deque()
        self._keys_passed = 0
        self._is_passing = False

    def hold_keys(self) -> None:
        """Let no key through until `release_keys`."""
        self._is_passing = True

    def release_keys(self) -> None:
        """Let the keys through that have come meanwhile, one at a time as ever."""
        self._end_turn(self._keys_passed)

    async def on_event(self, event: events.Event) -> None:
        """Let a key through, or keep it until it is its turn; see `App`."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif not self._is_passing and not self._waiting_keys:
            await self._let_through(event)
        elif len(self._waiting_keys) < WAITING_MOST:
            self._waiting_keys.append(event)

    async def _let_through(self, event: events.Key) -> None:
        self._is_passing = True
        self._keys_passed += 1
        way: list[MessagePump] = list((self.focused or self.screen).ancestors_with_self)
        turn = self._keys_passed
        await super().on_event(event)
        # The key goes up all the way before its binding is looked for, and what that posts goes up once more. Each is
        # passed twice: then what a message makes a widget post to itself is done, too. A panel that a key opens is made
        # before the app goes on, see `App.push_screen`.
        self._follow(turn, [pump for pump in way + way for _ in range(2)])
        asyncio.get_running_loop().call_later(PATIENCE_S, self._end_turn, turn)

    def _follow(self, turn: int, way: list[MessagePump]) -> None:
        """Go through the queues of the widgets, behind the key; those that are gone are passed by."""
        while way:
            pump, *way = way
            if pump.call_later(self._follow, turn, way):
                return
        self._end_turn(turn)

    def _end_turn(self, turn: int) -> None:
        if not self._is_passing or turn != self._keys_passed:
            return
        self._is_passing = False
        if self._waiting_keys and self.is_running:
            self.call_later(self._let_next_through)

    async def _let_next_through(self) -> None:
        if self._waiting_keys and not self._is_passing:
            await self._let_through(self._waiting_keys.popleft())
