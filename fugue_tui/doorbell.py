"""What calls for the human: messages to their own session, and no others; it rings once a second at most. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias
from uuid import UUID

from fugue_core.printable import printable
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import Event, MessageSent

Bell: TypeAlias = Literal["bell", "osc9", "none"]
QUIET_S = 1.0
PREVIEW_CHARS = 80
NOTICE_CHARS = 200


class Doorbell:
    """Gathers what came for one session, until it rings."""

    def __init__(self) -> None:
        self._newest: Envelope | None = None
        self._count = 0
        self._rang_at = float("-inf")

    def take(self, events: Iterable[Event], you: UUID | None) -> None:
        """Note the messages to `you` that others have sent."""
        for event in events:
            if not isinstance(event, MessageSent) or event.envelope.sender.id == you:
                continue
            if any(recipient.id == you for recipient in event.recipients):
                self._newest = event.envelope
                self._count += 1

    def ring(self, now: float) -> str | None:
        """Return what to say of all that came, at most once in `QUIET_S`; None: nothing, or not yet."""
        envelope, count = self._newest, self._count
        if envelope is None or now - self._rang_at < QUIET_S:
            return None
        self._newest, self._count, self._rang_at = None, 0, now
        if count > 1:
            return f"{count:,} messages for you, the newest from {printable(envelope.sender.name)}"
        payload = bytes(memoryview(envelope.packed.payload)[: 4 * PREVIEW_CHARS]).decode(errors="replace")
        preview = "" if payload == "null" else f" {printable(payload)[:PREVIEW_CHARS]}"
        return f"{printable(envelope.sender.name)}: {printable(envelope.packed.msg_type)}{preview}"


def terminal_notice(how: Bell, text: str, *, is_in_tmux: bool = False) -> str:
    """Return what to write to the terminal so that it calls: its bell, or a notification of the desktop (OSC 9).

    tmux hands on only what is wrapped for it, and only with its own option `allow-passthrough on`.
    """
    match how:
        case "bell":
            return "\a"
        case "osc9":
            notice = f"\x1b]9;{printable(text)[:NOTICE_CHARS]}\a"
            wrapped = notice.replace("\x1b", "\x1b\x1b")
            return f"\x1bPtmux;{wrapped}\x1b\\" if is_in_tmux else notice
        case "none":
            return ""
