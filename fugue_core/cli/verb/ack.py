"""`fugue ack`: say that messages have been dealt with."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, UUID, Argument, Option, Verb
from fugue_core.client.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Acknowledge."""
    ids = command.texts("message_id")
    answer = command.ask("message.ack", {"ids": ids}, session=command.identity("as"))
    if command.is_json:
        output.put_json(answer)
    unknown = decode(answer)["unknown"]
    if unknown:
        command.say(f"fugue: not sent to this session: {', '.join(unknown)}")
        return outcome.NOT_FOUND
    return outcome.DONE


VERB = Verb(
    "ack",
    "Acknowledge messages that were read in some other way than `fugue recv`",
    run=run,
    details="""\
What is acknowledged has been dealt with, and is not handed out again. `fugue recv` acknowledges by itself what it
prints, and `fugue reply` what it answers; what a hook shows is left to whoever reads it.""",
    arguments=(Argument("MESSAGE_ID", help="their ids", kind=UUID, is_repeatable=True),),
    options=(Option("-a", "--as", metavar="SESSION", help="of the mail of this session", completes=SESSIONS),),
    examples=(("fugue ack 01934567-89ab-7def-8123-456789abcdef", "this one needs no answer"),),
)
