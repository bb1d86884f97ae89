"""How a command ends: exit codes, and the failure that carries one. No I/O.

The codes are plain integers, where the house otherwise takes an IntEnum: importing `enum` would cost `fugue send` more
than the sending does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Refused or failed."""
USAGE: Final = 2
"""What was typed is wrong: no such option, no JSON, no tag."""
NO_RECIPIENT: Final = 3
NOT_FOUND: Final = 4
"""No such session, window, message, breaker or schema."""
NO_DAEMON: Final = 5
NOT_EXECUTABLE: Final = 126
"""`fugue run`, as shells do: the program is there and cannot be run."""
NO_PROGRAM: Final = 127
"""`fugue run`, as shells do: there is no such program."""
WAITED_IN_VAIN: Final = 124
SIGNALLED: Final = 128
"""Plus the signal's number: 130 for ctrl+c, 141 where nobody reads what is printed."""

_BY_NAME = {
    "NoRecipients": NO_RECIPIENT,
    "SessionNotFound": NOT_FOUND,
    "WindowNotFound": NOT_FOUND,
    "MessageNotFound": NOT_FOUND,
    "BreakerNotFound": NOT_FOUND,
    "SchemaNotFound": NOT_FOUND,
    "DaemonUnavailable": NO_DAEMON,
    "ConnectionLost": NO_DAEMON,
    "InvalidTag": USAGE,
    "InvalidName": USAGE,
    "InvalidMessageType": USAGE,
    "InvalidPayload": USAGE,
    "InvalidTarget": USAGE,
    "InvalidMetadata": USAGE,
    "InvalidFilter": USAGE,
    "InvalidSchema": USAGE,
}


class Failure(Exception):
    """A command cannot do what was asked; `str(failure)` says why, for people.

    Attributes:
        exit_code: What the process ends with.
    """

    def __init__(self, exit_code: int, words: str) -> None:
        super().__init__(words)
        self.exit_code = exit_code


def of_error(name: str) -> int:
    """Return the exit code of the error that is called `name` in `fugue_core.errors`."""
    return _BY_NAME.get(name, FAILED)
