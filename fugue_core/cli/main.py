"""The entry of the command line: find the verb, read its words, run it, turn what goes wrong into an exit code."""

from __future__ import annotations

import os
import sys

from fugue_core import __version__
from fugue_core.cli import outcome, output
from fugue_core.cli.command import Command
from fugue_core.cli.parser import UsageError, assign, near, parse_options
from fugue_core.cli.spec import GLOBAL_OPTIONS
from fugue_core.cli.verb import NAMES, load
from fugue_core.client.oneshot import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fugue_core.cli.spec import Verb
    from fugue_core.errors import FugueError

_SIGINT = 2
_SIGPIPE = 13
_UNREFUSING = "hook"
"""Whoever calls this verb takes 2, or any code but 0 and 1, for a refusal of what is about to be done."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what `argv` (without the program's name; absent: what this process was called with) says.

    Returns the exit code, see `outcome`. Without a verb the welcome opens.
    """
    words = sys.argv[1:] if argv is None else argv
    exit_code = _carry_out(words)
    return outcome.FAILED if exit_code and _is_unrefusing(words) else exit_code


def _carry_out(words: Sequence[str]) -> int:
    try:
        return _run(words)
    except outcome.Failure as failure:
        return _fail(str(failure), failure.exit_code)
    except Refused as refused:
        return _fail(f"{refused.message}{_hint(refused)}", outcome.of_error(refused.name))
    except output.OutputClosed as closed:
        return _fail(closed.reason, outcome.FAILED) if closed.reason else outcome.SIGNALLED + _SIGPIPE
    except KeyboardInterrupt:
        return outcome.SIGNALLED + _SIGINT
    except _fugue_error() as error:
        return _fail(str(error), outcome.of_error(type(error).__name__))


def _run(words: Sequence[str]) -> int:
    values: dict[str, list[str]] = {}
    verb: Verb | None = None
    try:
        rest = parse_options(words, GLOBAL_OPTIONS, values, stops=True)
        while rest and (verb is None or verb.verbs):
            verb = _find(verb, rest[0])
            stops = bool(verb.verbs) or any(argument.is_rest for argument in verb.arguments)
            rest = parse_options(rest[1:], verb.options + GLOBAL_OPTIONS, values, stops=stops)
        if "version" in values or "help" in values:
            return _explain(verb, values)
        verb = verb or _welcome()
        assign(rest, verb, values)
    except UsageError as error:
        return _fail_usage(verb, str(error))
    return verb.run(Command(values))


def _is_unrefusing(words: Sequence[str]) -> bool:
    """Say whether the verb is `_UNREFUSING`; where the line cannot be read, whether it may have been meant to be."""
    try:
        return parse_options(words, GLOBAL_OPTIONS, {}, stops=True)[:1] == [_UNREFUSING]
    except UsageError:
        return _UNREFUSING in words


def _welcome() -> Verb:
    from fugue_core.cli.welcome import VERB  # noqa: PLC0415  # only where nothing is asked for

    return VERB


def _find(outer: Verb | None, name: str) -> Verb:
    if outer is None:
        if name in NAMES:
            return load(name)
        raise UsageError(f"there is no verb {name!r}{near(name, NAMES)}")
    if name in outer.within:
        return outer.within[name]
    raise UsageError(f"there is no {name!r} here, only {', '.join(outer.within)}{near(name, outer.within)}")


def _explain(verb: Verb | None, values: dict[str, list[str]]) -> int:
    """Answer --version and --help."""
    if "version" in values:
        output.put(f'{{"version":"{__version__}"}}' if "json" in values else f"fugue {__version__}")
    else:
        from fugue_core.cli import manual  # noqa: PLC0415  # only where somebody reads it

        output.put(manual.page(verb) if verb else manual.overview())
    return outcome.DONE


def _hint(refused: Refused) -> str:
    """Return what else there is to say: that this shell's session is gone, or how to see a schema that was broken."""
    if refused.name == "SchemaViolation":
        import shlex  # noqa: PLC0415  # only for an error

        repo = refused.data.get("repo")
        place = "--global" if repo is None else f"--repo {shlex.quote(repo)}"
        return f"\nfugue schema show {shlex.quote(refused.data['msg_type'])} {place}  shows it"
    session = os.environ.get("FUGUE_SESSION")
    if session and refused.name == "SessionNotFound" and refused.data.get("session") == session:
        return '; FUGUE_SESSION names it, and it has ended or is another server\'s: eval "$(fugue join NAME)"'
    return ""


def _fail(words: str, exit_code: int) -> int:
    output.say(f"fugue: {words}")
    return exit_code


def _fail_usage(verb: Verb | None, words: str) -> int:
    from fugue_core.cli import manual  # noqa: PLC0415  # only for an error

    name = f"fugue {verb.name}" if verb and verb.name != "welcome" else "fugue"
    output.say(f"{name}: {words}\nusage: {manual.usage(verb)}\nTry '{name} --help'.")
    return outcome.USAGE


def _fugue_error() -> type[FugueError]:
    """Return the root of the error tree. Whoever raised one has paid for its import; the others need not."""
    from fugue_core.errors import FugueError  # noqa: PLC0415  # see above

    return FugueError
