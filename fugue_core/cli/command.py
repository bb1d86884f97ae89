"""One invocation of a verb: what was written, where the daemon is, who speaks."""

from __future__ import annotations

import os
import time

from fugue_core import place
from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.client import oneshot
from fugue_core.client.oneshot import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fugue_core.client.jsontext import Encodable


_RETURN_POLL_S = 0.1


class Command:
    """What a verb is given to do its work.

    Attributes:
        socket_path: Where the daemon is, or would be; absolute.
        is_json: The answer is to be JSON.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values
        self.is_json = "json" in values
        given = self.text("socket")
        self.socket_path = os.path.abspath(given) if given else place.socket_path(self.text("server"))

    def has(self, name: str) -> bool:
        """Say whether this option or argument was given."""
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return the value of an option (given twice: the last) or argument; None where it was not given."""
        values = self._values.get(name)
        return values[-1] if values else None

    def required(self, name: str) -> str:
        """Return the value of an argument that cannot be left out."""
        return self._values[name][-1]

    def texts(self, name: str) -> list[str]:
        """Return all values of what may be repeated, as they were given."""
        return list(self._values.get(name, ()))

    def whole(self, name: str) -> int | None:
        """Return the value of an option or argument whose kind is a whole number."""
        text = self.text(name)
        return None if text is None else int(text)

    def seconds(self, name: str) -> float | None:
        """Return the value of an option of the kind `SECONDS`."""
        text = self.text(name)
        return None if text is None else float(text)

    def identity(self, option: str | None) -> str:
        """Return who speaks: what `option` names, else `$FUGUE_SESSION`.

        Raises:
            Failure: Neither is there. Nobody is ever spoken for by guess.
        """
        session = (self.text(option) if option else None) or os.environ.get("FUGUE_SESSION")
        if session:
            return session
        hint = f", or name a session with --{option}" if option else ""
        raise Failure(
            outcome.FAILED, f'no session to speak for: try  eval "$(fugue join NAME)"  to get one for this shell{hint}'
        )

    def ask(self, method: str, params: Encodable = None, *, session: str | None = None) -> str:
        """Ask the daemon one thing that may be repeated; see `oneshot.ask`."""
        return oneshot.ask(self.socket_path, method, params, session=session)

    def connect(self, session: str | None = None, *, attach: bool = False, may_start: bool = True) -> Connection:
        """Open a connection for more than one request; see `oneshot.Connection`."""
        return Connection(self.socket_path, session, attach=attach, may_start=may_start)

    def reconnect(
        self, session: str | None = None, *, attach: bool = False, give_up_at: float | None = None
    ) -> Connection:
        """Connect again to a daemon that went away, as soon as one is there.

        It is not started: somebody may have stopped it on purpose.

        Args:
            session: As for `connect`.
            attach: As for `connect`.
            give_up_at: By `time.monotonic`; then `DaemonUnavailable` is raised. None: never.
        """
        from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `typing` is dear, and this is rare

        self.say("fugue: the daemon is gone; waiting for it to come back")
        while True:
            time.sleep(_RETURN_POLL_S)  # nothing tells that a socket is listened at
            try:
                return self.connect(session, attach=attach, may_start=False)
            except DaemonUnavailable:
                if give_up_at is not None and time.monotonic() >= give_up_at:
                    raise

    def say(self, words: str) -> None:
        """Write words to stderr."""
        output.say(words)
