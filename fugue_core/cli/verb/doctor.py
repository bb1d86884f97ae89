"""`fugue doctor`: what could be wrong here, and what can be proved of the ways to a session."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import SECONDS, SESSIONS, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import encode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fugue_core.cli.check import Finding
    from fugue_core.cli.command import Command

_WITHIN_S = 5.0
_LABEL_COLUMNS = 14
_SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}
_ROLES = {"ok": "ok", "warning": "wait", "problem": "bad"}


def run(command: Command) -> int:
    """Look at each thing in turn, and say at once what was found; the exit code is 1 where one is a problem."""
    if command.has("within") and not command.has("session"):
        raise Failure(outcome.USAGE, "--within is for --session")
    paint = paint_for_stdout()
    found = []
    for name, (state, detail) in _findings(command):
        found.append({"name": name, "state": state, "detail": detail})
        if not command.is_json:
            output.put(f"{paint(_ROLES[state], _SIGNS[state])} {name.ljust(_LABEL_COLUMNS)}{printable(detail)}")
    if command.is_json:
        output.put_json(encode({"checks": found}))
    return outcome.FAILED if any(check["state"] == "problem" for check in found) else outcome.DONE


def _findings(command: Command) -> Iterator[tuple[str, Finding]]:
    from fugue_core.cli.check import CHECKS, Patient  # noqa: PLC0415  # `fugue doctor --help` needs none

    patient = Patient(command)
    for name, look in CHECKS.items():
        yield name, look(patient)
    if session := command.text("session"):
        from fugue_core.cli.probe import probe  # noqa: PLC0415  # likewise

        within_s = command.seconds("within")
        yield from probe(command, session, _WITHIN_S if within_s is None else within_s)


VERB = Verb(
    "doctor",
    "Look for what could be wrong here; with --session, prove that messages arrive there",
    run=run,
    details="""\
Starts no daemon and changes nothing. The exit code is 1 where it finds a problem; a warning (!) is none.

With --session it sends a real message of the type probe to that session, waits, and says who was handed it, when, and
whether it was acknowledged; what was not read in time expires. An agent reads when it makes a step, so give it one
meanwhile, and time for it by --within. Then each hook and the tools that an agent's program has configured are run as
that program would run them, with a session of their own in place of the real one: what they would show of its mail,
its agent would not see.""",
    options=(
        Option("-s", "--session", metavar="SESSION", help="prove that messages reach it", completes=SESSIONS),
        Option(
            "--within", metavar="S", kind=SECONDS, help=f"how long it may take to read a probe; absent: {_WITHIN_S:g}"
        ),
    ),
    examples=(
        ("fugue doctor", "the first thing to try when something does not work"),
        ("fugue doctor --session bob --within 60", "prompt bob's agent meanwhile, and see whether it is shown mail"),
    ),
)
