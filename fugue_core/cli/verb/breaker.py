"""`fugue breaker`: what is refused because it went round and round."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.envelope import clock
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import BREAKERS, UUID, Argument, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.table import lines
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import Refused
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_HEADS = ("WHAT", "LIMIT", "REFUSED", "SINCE", "LAST", "FROM")
_ROLES = ("strong", "", "bad", "faint", "faint", "")


def show(command: Command) -> int:
    """List what has tripped, in that order."""
    answer = command.ask("breaker.list")
    if command.is_json:
        for breaker in elements(members(answer)["breakers"]):
            output.put_json(breaker)
        return outcome.DONE
    breakers = decode(answer)["breakers"]
    if not breakers:
        command.say("nothing is refused: no breaker has tripped")
        return outcome.DONE
    for line in lines(_HEADS, [_row(breaker) for breaker in breakers], _ROLES, paint_for_stdout()):
        output.put(line)
    return outcome.DONE


def release(command: Command) -> int:
    """Release each; one that cannot be does not spare the others, and the exit code tells of the first."""
    exit_code = outcome.DONE
    with command.connect() as connection:
        for params in _asked(command) or map(_named, decode(connection.ask("breaker.list"))["breakers"]):
            try:
                answer = connection.ask("breaker.release", params)
            except Refused as refused:
                command.say(f"fugue: {refused.message}")
                exit_code = exit_code or outcome.of_error(refused.name)
            else:
                output.put_json(answer) if command.is_json else output.put(_sentence(decode(answer)))
    return exit_code


def _asked(command: Command) -> list[Encodable]:
    """Return what is to be released, one `params` each; nothing, where it is all that there is."""
    words = command.texts("what")
    if command.has("all"):
        if words:
            raise Failure(outcome.USAGE, "either --all, or what to release")
        return []
    if not words:
        raise Failure(outcome.USAGE, "say what to release: the id of a chain, two sessions, or --all")
    if len(words) == 1 and UUID.accepts(words[0]):
        return [{"chain": words[0]}]
    if len(words) == 2:  # noqa: PLR2004  # a pair
        return [{"pair": words}]
    raise Failure(outcome.USAGE, "one id is a chain's, two sessions are a pair")


def _named(breaker: dict[str, Any]) -> Encodable:
    """Return the `params` that release a breaker."""
    if breaker["kind"] == "chain":
        return {"chain": breaker["chain"]}
    return {"pair": [session["id"] for session in breaker["sessions"]]}


def _row(breaker: dict[str, Any]) -> list[str]:
    return [
        _what(breaker),
        _limit(breaker),
        str(breaker["refusals"]),
        clock(breaker["tripped_at"]),
        clock(breaker["refused_at"]),
        printable(breaker["sender"]["name"]),
    ]


def _what(breaker: dict[str, Any]) -> str:
    """Return how a breaker is named where it is to be released."""
    if breaker["kind"] == "chain":
        return str(breaker["chain"])
    return " ".join(printable(session["name"]) for session in breaker["sessions"])


def _limit(breaker: dict[str, Any]) -> str:
    if breaker["kind"] == "chain":
        return f"{breaker['limit']:,} replies"
    return f"{breaker['turns']:,} turns in {breaker['turns_s']:g} s"


def _sentence(breaker: dict[str, Any]) -> str:
    refusals = breaker["refusals"]
    return f"released {_what(breaker)}; {refusals:,} message{'s were' if refusals > 1 else ' was'} refused"


VERB = Verb(
    "breaker",
    "See what is refused because it went round and round, and release it",
    details="""\
Two kinds of loops are stopped: a chain of replies that goes on for too long, and two sessions that answer each other
too often. Nothing else is: all others, and those two with all others, go on. What is refused stays so until somebody
releases it.

A released chain may have as many replies again; a released pair is counted anew. `hops`, `pair_turns` and
`pair_turns_s` under [limits] in config.toml set the limits.""",
    verbs=(
        Verb(
            "breaker ls",
            "List what is refused",
            run=show,
            details="""\
WHAT is what `fugue breaker release` takes: the first message of a chain, or the two sessions. `fugue log chain:ID`
shows the messages of a chain.""",
            examples=(("fugue breaker ls", "what, since when, how often, and who was refused last"),),
        ),
        Verb(
            "breaker release",
            "Let pass again what is refused",
            run=release,
            arguments=(
                Argument(
                    "WHAT",
                    help="the id of a chain, or two sessions by name or id",
                    is_optional=True,
                    is_repeatable=True,
                    completes=BREAKERS,
                ),
            ),
            options=(Option("-a", "--all", help="everything that is refused"),),
            examples=(
                ("fugue breaker release 01934567-89ab-7def-8123-456789abcdef", "a chain"),
                ("fugue breaker release ann bob", "two sessions"),
            ),
        ),
    ),
    examples=(("fugue breaker ls", "what is refused"), ("fugue breaker release --all", "release all of it")),
)
