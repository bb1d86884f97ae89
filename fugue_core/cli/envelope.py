"""Envelopes, as the daemon writes them in JSON, for people to read. No I/O but the local time zone."""

from __future__ import annotations

import time

from fugue_core.client.jsontext import decode, members
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.style import Paint


class ShownEnvelope:
    """An envelope in words that a terminal can take.

    Attributes:
        values: Everything in it, as Python objects.
        time, sender, target, msg_type, payload: For people; the payload is the JSON that the sender wrote.
    """

    def __init__(self, text: str) -> None:
        self.values: dict[str, Any] = decode(text)
        self.time = clock(self.values["sent_at"])
        self.sender = printable(self.values["sender"]["name"])
        self.target = printable(target_text(self.values["target"]))
        self.msg_type = printable(self.values["message"]["msg_type"])
        self.payload = printable(members(members(text)["message"]).get("payload", "null"))


def envelope_block(envelope: str, paint: Paint) -> str:
    """Return an envelope as it is printed where there is room for it: who, what, and under it the payload."""
    shown = ShownEnvelope(envelope)
    who = f"{paint('strong', shown.sender)} → {shown.target}"
    what = f"{paint('accent', shown.msg_type)}  {paint('faint', shown.values['id'])}"
    lines = [f"{paint('faint', shown.time)}  {who}  {what}"]
    if reply_to := shown.values.get("reply_to"):
        lines.append(paint("faint", f"  in reply to {reply_to}"))
    lines.append(f"  {shown.payload}")
    return "\n".join(lines)


def target_text(target: dict[str, Any]) -> str:
    """Return the text form of a target of the wire; a session by its name where that is known."""
    match target:
        case {"kind": "tagged", "tag": tag, "repo": str(repo)}:
            return f"tag:{tag} in {repo}"
        case {"kind": "tagged", "tag": tag}:
            return f"tag:{tag}"
        case {"kind": "session", "session": session}:
            return f"session:{target.get('name') or session}"
        case {"kind": "worktree", "path": path}:
            return f"worktree:{path}"
        case _:
            return str(target.get("kind"))


def clock(unix_s: float, now_s: float | None = None) -> str:
    """Return a time of day in the local zone, `14:05:59`; of another day than today `11-23 14:05`."""
    there = time.localtime(unix_s)
    here = time.localtime(now_s)
    is_today = there[:3] == here[:3]
    return time.strftime("%H:%M:%S" if is_today else "%m-%d %H:%M", there)
