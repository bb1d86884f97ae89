"""`fugue send`: one message to whoever is at a target."""

from __future__ import annotations

from fugue_core.cli import outcome
from fugue_core.cli.payload import PAYLOAD, read_payload
from fugue_core.cli.receipt import put_receipt
from fugue_core.cli.spec import MESSAGE_TYPES, SECONDS, SESSIONS, TARGETS, UUID, Argument, Option, Verb, one_of
from fugue_core.cli.target import read_target
from fugue_core.client.oneshot import new_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable


_WAIT_S = 60.0
_WITHIN = Option("--within", metavar="S", kind=SECONDS, help=f"with --wait, so many seconds; absent: {_WAIT_S:g}")


def run(command: Command) -> int:
    """Send, or with --dry-run only ask whether it could be sent, and who would receive it."""
    sender = command.identity("from")
    target = read_target(command.required("target"))
    payload = read_payload(command.text("payload"))
    message: Encodable = {"msg_type": command.required("msg_type"), "payload": payload}
    if command.has("dry-run"):
        command.ask("message.check", {"message": message}, session=sender)
        answer = command.ask("message.resolve", {"target": target}, session=sender)
    else:
        params = {"target": target, "message": message, "id": command.text("id") or new_id()}
        if command.has("reply-to"):
            params["reply_to"] = command.text("reply-to")
        if command.has("ttl"):
            params["ttl_s"] = command.seconds("ttl")
        if wanted := command.text("wait"):
            from fugue_core.cli.delivery import send_and_wait  # noqa: PLC0415  # for who waits anyway

            wait_s = command.seconds("within")
            return send_and_wait(command, sender, params, wanted, _WAIT_S if wait_s is None else wait_s)
        answer = command.ask("message.send", params, session=sender)
    put_receipt(command, answer)
    return outcome.DONE


VERB = Verb(
    "send",
    "Send one message to every session at a target",
    run=run,
    details="""\
The answer says who will be handed it: it is on disk, and whoever is not connected finds it later. What a type and its
payload mean is up to you; the payload travels byte for byte. Where the type has a schema (fugue schema), a payload that
breaks it is refused, with the field and the rule.

With --wait it goes on until every recipient has been handed the message (a program has read it), or has acknowledged
it. Then the exit code is 0 where all have, 124 where some have not in time, and 1 where one never will, since its
session has ended or the message has expired; who that is stands on stderr.

The sender is --from, or else the session of this shell, $FUGUE_SESSION.""",
    arguments=(
        Argument("TARGET", help="tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH", completes=TARGETS),
        Argument("MSG_TYPE", help="what kind of message it is, in your own words", completes=MESSAGE_TYPES),
        PAYLOAD,
    ),
    options=(
        Option("-F", "--from", metavar="SESSION", help="send as this session", completes=SESSIONS),
        Option("-r", "--reply-to", metavar="ID", kind=UUID, help="the message that this one answers"),
        Option("--id", metavar="ID", kind=UUID, help="the message's id; sent again under the same id it arrives once"),
        Option("--ttl", metavar="S", kind=SECONDS, help="hand it to nobody after so many seconds"),
        Option(
            "-w",
            "--wait",
            metavar="STATE",
            kind=one_of("handed", "acked"),
            help="wait until every delivery is handed, or acked; a number after it is that of --within",
            follower=_WITHIN,
        ),
        _WITHIN,
        Option("-n", "--dry-run", help="send nothing, only say who would receive it, or what is wrong with it"),
    ),
    examples=(
        ("""fugue send session:bob greeting '{"text": "hello"}'""", "to one session"),
        (
            """fugue send tag:builder build.requested @request.json""",
            "to all that carry a tag, the payload from a file",
        ),
        ("""make test 2>&1 | jq -Rs . | fugue send broadcast test.log -""", "to all in this repository, from a pipe"),
        ("""fugue send tag:builder build.requested --wait acked 30""", "exit 0 only where all have acknowledged it"),
        ("""fugue send --dry-run worktree:../api ping""", "who would receive it?"),
    ),
)
