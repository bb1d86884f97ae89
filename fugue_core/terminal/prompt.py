"""What is known of where a program takes its next line: whether it waits there, and what stands in it. No I/O.

No terminal tells a prompt from a dialog, in which the return key would choose something. The program alone knows, and
some say it, through their hooks. Whatever may have changed it since takes that word back: a key, or output that nothing
explains.
"""

from __future__ import annotations

from fugue_core.terminal.keystroke import Typing

SETTLE_S = 5.0
"""So long a program may go on drawing after it has said that it waits."""
EXCUSE_S = 3.0
"""So long it may draw after it was told something that is no key: another size, the focus, the mouse."""
ECHO_S = 1.0
"""So long it may draw after a line that nobody typed: where it takes the line, it is at work for longer."""


class Prompt:
    """Where a program takes its next line.

    Attributes:
        typing: What was typed there, but for what `put` told of.
        idle_group: The process group that had the terminal when the program said that it waits; None: it has not said
            so, or that is not certain any more.
    """

    def __init__(self, typing: Typing | None = None, idle_group: int | None = None, now: float = 0.0) -> None:
        self.typing = typing or Typing()
        self.idle_group = idle_group
        self._excused_until = now + SETTLE_S

    def type(self, data: bytes, now: float) -> None:
        """Note what somebody types."""
        keys = self.typing.keys
        self.typing.note(data, now)
        if self.typing.keys > keys:
            self.idle_group = None
        self.excuse(now)

    def put(self, now: float, *, is_begun: bool) -> None:
        """Note that something was typed which nobody typed; `is_begun`: it stands there, and is not sent."""
        self.typing.is_begun = is_begun
        self._excused_until = now + ECHO_S

    def say_idle(self, group: int | None, now: float) -> None:
        """Note what the program says of itself: that it waits there, or with None that it does not."""
        self.idle_group = group
        self._excused_until = now + SETTLE_S

    def excuse(self, now: float) -> None:
        """Note that the program was told something, so that it may draw."""
        self._excused_until = max(self._excused_until, now + EXCUSE_S)

    def take_output(self, now: float) -> None:
        """Note that the program has printed something."""
        if now > self._excused_until:
            self.idle_group = None
