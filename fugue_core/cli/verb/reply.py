"""`fugue reply`: answer a message."""

from __future__ import annotations

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure
from fugue_core.cli.payload import PAYLOAD, read_payload
from fugue_core.cli.receipt import put_receipt
from fugue_core.cli.spec import MESSAGE_TYPES, SESSIONS, UUID, Argument, Option, Verb
from fugue_core.client.jsontext import decode, members
from fugue_core.client.oneshot import Refused, new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable


def run(command: Command) -> int:
    """Send to who sent the message, and acknowledge that one."""
    speaker = command.identity("from")
    payload = read_payload(command.text("payload"))
    answered = command.required("message_id")
    envelope = decode(members(command.ask("message.get", {"id": answered}))["envelope"])
    sender = envelope["sender"]
    params: Encodable = {
        "target": {"kind": "session", "session": sender["id"]},
        "message": {"msg_type": command.text("type") or envelope["message"]["msg_type"], "payload": payload},
        "id": command.text("id") or new_id(),
        "reply_to": envelope["id"],
    }
    try:
        receipt = command.ask("message.send", params, session=speaker)
    except Refused as refused:
        if refused.name == "SessionNotFound" and refused.data.get("session") == sender["id"] != speaker:
            words = f"{printable(sender['name'])}, who sent {envelope['id']}, has ended; nothing was sent"
            raise Failure(outcome.NOT_FOUND, words) from None
        raise
    if not command.has("no-ack"):
        command.ask("message.ack", {"ids": [envelope["id"]]}, session=speaker)
    put_receipt(command, receipt)
    return outcome.DONE


VERB = Verb(
    "reply",
    "Answer a message",
    run=run,
    details="""\
The answer goes to the session that sent the message, also where that has another name by now, and names the message as
what it answers; `fugue ask` waits for that. Whatever is answered has been dealt with: where it still waits for the
answering session it is acknowledged.

Its type is the one of the message that it answers, unless --type says otherwise: what answers it is told by its naming
the message, and any word that fugue put there would be one of a workflow that it knows nothing of.""",
    arguments=(
        Argument("MESSAGE_ID", help="the id of the message that is answered", kind=UUID),
        PAYLOAD,
    ),
    options=(
        Option("-t", "--type", metavar="TYPE", help="the answer's type", completes=MESSAGE_TYPES),
        Option("-F", "--from", metavar="SESSION", help="answer as this session", completes=SESSIONS),
        Option("--id", metavar="ID", kind=UUID, help="the answer's id; sent again under the same id it arrives once"),
        Option("--no-ack", help="leave the message that is answered unacknowledged"),
    ),
    examples=(
        ("""fugue reply 01934567-89ab-7def-8123-456789abcdef '{"ok": true}'""", "to whoever sent that message"),
        (
            """fugue reply 01934567-89ab-7def-8123-456789abcdef --type build.failed @log.json""",
            "with a type of its own",
        ),
    ),
)
