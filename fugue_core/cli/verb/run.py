"""`fugue run`: a program in this very terminal, as a session that ends with it."""

from __future__ import annotations

import os
import signal
import subprocess

from fugue_core.cli import outcome
from fugue_core.cli.name import under_a_free_name
from fugue_core.cli.spec import COMMANDS, TAGS, Argument, Option, Verb
from fugue_core.cli.verb.join import here, join
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import Refused, ask, connection_lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

_FROM_THE_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGHUP)


def run(command: Command) -> int:
    """Join, run the program, end the session; return the program's exit code."""
    words = command.texts("cmd")
    answer = _join(command, words[0])
    if command.is_json:
        command.say(answer)  # stdout is the program's
    session = decode(answer)
    try:
        return _run(words, {"FUGUE_SOCKET": command.socket_path, "FUGUE_SESSION": session["id"]})
    finally:
        _end(command, session)


def _join(command: Command, program: str) -> str:
    """Join under the name that was asked for; else under the program's, with a number where that is taken."""
    request: dict[str, Encodable] = {"tags": command.texts("tag"), "for_pid": os.getpid(), **here()}
    if command.has("name"):
        return join(command, {**request, "name": command.text("name")})
    return under_a_free_name(program, request, lambda named: join(command, named))


def _run(words: list[str], variables: dict[str, str]) -> int:
    with _Signals() as signals:
        try:
            program = subprocess.Popen(words, env={**os.environ, **variables})  # noqa: S603  # what the user asked for
        except FileNotFoundError:
            raise outcome.Failure(outcome.NO_PROGRAM, f"there is no program {words[0]!r}") from None
        except OSError as error:
            raise outcome.Failure(outcome.NOT_EXECUTABLE, f"cannot run {words[0]!r}: {error.strerror}") from None
        signals.leave_to(program)
        exit_code = program.wait()
    return outcome.SIGNALLED - exit_code if exit_code < 0 else exit_code


class _Signals:
    """Lets the program decide what a signal means, as long as it runs.

    The interrupt and quit keys reach both of us, and we pass over ours: with a handler that does nothing, since to be
    ignored is inherited, and a handler is not. What another process sends to us alone is passed on.
    """

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (*_FROM_THE_KEYBOARD, *_FROM_OUTSIDE):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: let that be inherited
                handler = self._pass_over if number in _FROM_THE_KEYBOARD else self._pass_on
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def leave_to(self, program: subprocess.Popen[bytes]) -> None:
        """Pass on what has come already, and what will come."""
        self._program = program
        for number in self._early:
            program.send_signal(number)

    def _pass_on(self, number: int, _frame: object) -> None:
        if self._program is None:  # it may run already, and we not know it yet
            self._early.append(number)
        else:
            self._program.send_signal(number)

    def _pass_over(self, number: int, frame: object) -> None:
        pass


def _end(command: Command, session: dict[str, Any]) -> None:
    from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # bound to be paid for only at the end

    try:
        ask(command.socket_path, "session.end", {"session": session["id"]}, may_start=False)
    except (DaemonUnavailable, connection_lost()):
        pass  # the daemon ends it as soon as it runs again: it knows our process
    except Refused as refused:
        if refused.name != "SessionNotFound":  # the program, or somebody else, has ended it
            command.say(f"fugue: {refused.message}")


VERB = Verb(
    "run",
    "Run a program in this terminal as a session that ends with it",
    run=run,
    details="""\
The program finds FUGUE_SESSION and FUGUE_SOCKET in its environment, so that every fugue command and library within it
speaks for the session. The exit code is the program's own; 128 and the number where a signal ended it, 127 where there
is no such program. With --json the session is printed to stderr: stdout is the program's.""",
    arguments=(Argument("CMD", help="the program and its arguments", is_rest=True, completes=COMMANDS),),
    options=(
        Option("-n", "--name", metavar="NAME", help="the session's name; absent: the program's, numbered if taken"),
        Option("-t", "--tag", metavar="TAG", help="give it this tag", is_repeatable=True, completes=TAGS),
    ),
    examples=(
        ("fugue run -n ann -t builder -- make watch", "make watch, addressed as ann and as tag:builder"),
        ("fugue run -- bash", "a shell that is a session, until it exits"),
    ),
)
