"""`fugue wake`: whether a session's program is told of mail that waits, by a line typed into its terminal."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import SESSIONS, Argument, Option, Verb, one_of
from fugue_core.client.jsontext import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Turn it on or off where that is asked for; say how it is."""
    session = command.text("session") or command.identity(None)
    setting = command.text("on|off")
    if command.has("without-hooks") and setting != "on":
        raise Failure(outcome.USAGE, "--without-hooks is for on")
    if setting is None:
        answer = command.ask("session.get", {"session": session})
    else:
        wake = "quiet" if command.has("without-hooks") else setting
        answer = command.ask("session.wake", {"session": session, "wake": wake})
    if command.is_json:
        output.put_json(answer)
    else:
        found = decode(answer)
        output.put(state(found["wake"], found["wake_reason"]))
    return outcome.DONE


def state(wake: str, reason: str) -> str:
    """Return how it is, in words: `on: nothing waits`."""
    words = "on, without hooks" if wake == "quiet" else wake
    return f"{words}: {reason}" if reason else words


VERB = Verb(
    "wake",
    "Let an idle program be told of mail that waits, by typing a line for it",
    run=run,
    details="""\
Off, unless it is turned on. While it is on and a message waits that the session was not handed, a short notice is
pasted into the terminal of the program in its lowest window, and the return key comes after it; what the messages say
is not in it. One notice tells of all that waits. It is repeated once, after reoffer_s; the next comes when the session
has been handed what it was told of, for another program, or when waking is turned on again.

Where anything is not certain nothing is typed, and this command says why. The program's own hooks must have said that
it waits at its prompt, with nothing typed since (see fugue hook): in a dialog the return key would choose something,
and nothing that a terminal shows tells one from the other. It has asked for bracketed pastes, reads, and prints
nothing; nobody has typed there just now, or has begun a line and not sent it. Text and times are [wake] in config.toml.

--without-hooks is for a program that has none, and where you know that the return key does no harm: a shell. It is told
while it holds the terminal itself, and does not draw on the alternate screen.""",
    arguments=(
        Argument("SESSION", help="its name or id; absent: your own session", is_optional=True, completes=SESSIONS),
        Argument("on|off", help="turn it on or off; absent: say how it is", kind=one_of("on", "off"), is_optional=True),
    ),
    options=(Option("--without-hooks", help="whether or not its program's hooks say that it waits at its prompt"),),
    examples=(
        ("fugue wake bob on", "from now on"),
        ("fugue wake shop on --without-hooks", "a shell"),
        ("fugue wake bob", "whether it is on, and why nothing is typed now"),
    ),
)
