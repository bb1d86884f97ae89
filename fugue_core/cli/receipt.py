"""What a send answers, printed."""

from __future__ import annotations

from fugue_core.cli import output
from fugue_core.client.jsontext import decode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command


def put_receipt(command: Command, answer: str) -> None:
    """Print the receipt, or what would be one, as JSON where that was asked for. Raises `OutputClosed`."""
    if command.is_json:
        output.put_json(answer)
    else:
        output.put(_sentence(decode(answer)))


def _sentence(answer: dict[str, Any]) -> str:
    recipients = answer["recipients"]
    names = ", ".join(printable(recipient["name"]) for recipient in recipients) or "nobody else is in this repository"
    what = f"sent {answer['id']}" if "id" in answer else "would be sent"
    waiting = [printable(recipient["name"]) for recipient in recipients if not recipient["is_connected"]]
    if not waiting:
        note = ""
    elif len(waiting) == 1:
        note = f" ({waiting[0]} is not connected: it waits)"
    else:
        who = "all" if len(waiting) == len(recipients) else ", ".join(waiting)
        note = f" ({who} are not connected: it waits)"
    return f"{what} → {len(recipients)}: {names}{note}"
