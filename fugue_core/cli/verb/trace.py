"""`fugue trace`: what became of one message."""

from __future__ import annotations

import time

from fugue_core.cli import outcome, output
from fugue_core.cli.envelope import ShownEnvelope, clock
from fugue_core.cli.spec import UUID, Argument, Verb
from fugue_core.cli.style import Paint, paint_for_stdout
from fugue_core.client.jsontext import decode, members
from fugue_core.printable import printable
from fugue_core.timeline import steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command

_LABEL_COLUMNS = 11
_TIME_COLUMNS = 14
_STATE_COLUMNS = 9
_ROLES = {"sent": "accent", "queued": "wait", "handed": "wait", "acked": "ok", "expired": "bad", "dead": "bad"}


def run(command: Command) -> int:
    """Print the message, then what happened to it in order of time."""
    answer = command.ask("message.get", {"id": command.required("message_id")})
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    paint = paint_for_stdout()
    record = members(answer)
    envelope = ShownEnvelope(record["envelope"])
    deliveries = decode(record["deliveries"])
    for label, value in _facts(envelope, len(deliveries)):
        output.put(f"{paint('faint', label.ljust(_LABEL_COLUMNS))}{value}")
    output.put("")
    for line in _timeline(envelope.values["sent_at"], deliveries, paint):
        output.put(line)
    return outcome.DONE


def _facts(envelope: ShownEnvelope, recipients: int) -> list[tuple[str, str]]:
    values = envelope.values
    facts = [
        ("id", values["id"]),
        ("seq", str(values["seq"])),
        ("from", envelope.sender),
        ("to", f"{envelope.target}, {recipients} recipient{'' if recipients == 1 else 's'}"),
        ("type", envelope.msg_type),
        ("payload", envelope.payload),
    ]
    if values.get("reply_to"):
        facts.append(("in reply to", values["reply_to"]))
    if values.get("hops"):
        facts.append(("chain", f"{values['chain']}, reply {values['hops']:,}"))
    if values.get("expires_at"):
        facts.append(("expires", clock(values["expires_at"])))
    return facts


def _timeline(sent_at: float, deliveries: list[dict[str, Any]], paint: Paint) -> list[str]:
    happened: list[tuple[float, str, str]] = [(sent_at, "sent", "")]
    waiting: list[tuple[str, str]] = []
    now = time.time()
    for delivery in deliveries:
        name = delivery["recipient"]["name"]
        for step in steps(
            delivery["state"],
            sent_at=sent_at,
            handed_at=delivery["handed_at"],
            handed_through=delivery.get("handed_through"),
            ended_at=delivery["ended_at"],
            reason=delivery.get("reason"),
            now=now,
        ):
            text = printable(f"{name}, {step.words}")
            if step.at is None:
                waiting.append((step.state, text))
            else:
                happened.append((step.at, step.state, text))
    happened.sort(key=lambda event: event[0])  # stable: what the clock cannot tell apart stays as it was
    lines = [_line(f"{_precise(at)}", state, text, paint) for at, state, text in happened]
    return lines + [_line("", state, text, paint) for state, text in waiting]


def _line(at: str, state: str, text: str, paint: Paint) -> str:
    role = _ROLES.get(state, "faint")
    return f"{paint('faint', at.ljust(_TIME_COLUMNS))}{paint(role, state.ljust(_STATE_COLUMNS))}{text}".rstrip()


def _precise(unix_s: float) -> str:
    """Return a time of day to the millisecond; of another day with its date before it."""
    milliseconds = round(unix_s * 1000) % 1000
    there = time.localtime(round(unix_s * 1000) // 1000)
    is_today = there[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", there) + f".{milliseconds:03}"


VERB = Verb(
    "trace",
    "Show what became of a message",
    run=run,
    details="Who was handed it, when and through what, who acknowledged it, for whom it still waits or died, and why.",
    arguments=(Argument("MESSAGE_ID", help="its id, as `fugue send` and `fugue log --json` print it", kind=UUID),),
    examples=(("fugue trace 01934567-89ab-7def-8123-456789abcdef", "the timeline of one message"),),
)
