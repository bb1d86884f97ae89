"""`fugue new`: a session with a program in it."""

from __future__ import annotations

import os

from fugue_core.cli import outcome, output
from fugue_core.cli.name import under_a_free_name
from fugue_core.cli.program import chosen_directory, program
from fugue_core.cli.spec import COMMANDS, FILES, SETTING, TAGS, Argument, Option, Verb
from fugue_core.cli.verb.attach import is_at_terminal
from fugue_core.cli.verb.join import here
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import new_id
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable

    Create: TypeAlias = Callable[[dict[str, Encodable]], str]


def run(command: Command) -> int:
    """Make the session; show it, or print its name."""
    is_wanted = not command.is_json and not command.has("detach") and is_at_terminal()
    if is_wanted and not os.environ.get("FUGUE_WINDOW"):
        from fugue_core.cli.opening import Opening  # noqa: PLC0415  # only where somebody sits at a terminal

        opening = Opening(command)
        return opening.show(decode(_create(command, opening.create)))
    answer = _create(command, lambda request: command.ask("session.create", request))
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    output.put(printable(decode(answer)["name"]))
    if is_wanted:
        command.say("not shown, since this is a window of fugue already")
    return outcome.DONE


def _create(command: Command, create: Create) -> str:
    """Create it where it is to work, in a worktree that is made where there is none."""
    directory = chosen_directory(command)
    branch = command.text("worktree")
    if branch is None:
        return _create_in(directory, command, create)
    from fugue_core.cli.worktree import Worktree  # noqa: PLC0415  # seldom

    with Worktree.of_branch(branch, directory) as worktree:
        return _create_in(worktree.path, command, create)


def _create_in(directory: str, command: Command, create: Create) -> str:
    """Create it under the name that was asked for; else under the program's or directory's, numbered where taken."""
    words = command.texts("cmd")
    request: dict[str, Encodable] = {
        "tags": command.texts("tag"),
        "program": program(command, words, directory, command.texts("env"), keep=command.has("keep")),
        **here(directory),
    }
    if command.has("wake"):
        request["wake"] = "on"

    def make(named: dict[str, Encodable]) -> str:
        return create({**named, "id": new_id()})  # a new one each time: what was refused under another is not a retry

    if command.has("name"):
        return make({**request, "name": command.text("name")})
    return under_a_free_name(words[0] if words else directory, request, make)


VERB = Verb(
    "new",
    "Make a session with a program in it",
    run=run,
    details="""\
The program runs on a terminal of its own, with the environment of this shell. It goes on when this terminal is gone,
and when the daemon is; the session ends when it exits. Within it every fugue command speaks for the session: fugue
whoami, fugue send, fugue tag add.

In a terminal it is shown at once, as by fugue attach, and where it ends there its exit code is that of fugue new, too:
128 and the number where a signal ended it. Elsewhere, and with --detach, the session's name is printed. A program that
cannot be started is an error, and no session is made.

--worktree starts it in the git worktree of a branch. Where the branch has none, one is made beside the repository, at
REPOSITORY.BRANCH with - for each /; where there is no such branch, it begins at HEAD.""",
    arguments=(
        Argument(
            "CMD",
            help="the program and its arguments; absent: your shell",
            is_optional=True,
            is_rest=True,
            completes=COMMANDS,
        ),
    ),
    options=(
        Option("-n", "--name", metavar="NAME", help="its name; absent: after program or directory, numbered if taken"),
        Option("-t", "--tag", metavar="TAG", help="give it this tag", is_repeatable=True, completes=TAGS),
        Option("-c", "--directory", metavar="DIR", help="start there; absent: here", completes=FILES),
        Option(
            "-e", "--env", metavar="NAME=VALUE", kind=SETTING, help="with this in its environment", is_repeatable=True
        ),
        Option(
            "--worktree", metavar="BRANCH", help="start in the git worktree of this branch, made where there is none"
        ),
        Option("-d", "--detach", help="do not show it"),
        Option("--wake", help="tell it of mail that waits by typing a line for it, see fugue wake"),
        Option("--keep", help="when the program exits, let session and window stay, for fugue respawn"),
    ),
    examples=(
        ("fugue new -n cat-1 -t citizen -t builder -- claude", "a program, addressed as cat-1 and by its tags"),
        ("fugue new -d --worktree feat/x -- make watch", "in the background, on a branch of its own"),
        ("fugue new", "your shell, as a session"),
    ),
)
