"""`fugue tag`: the tags of a session."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import SESSIONS, TAGS, Argument, Option, Verb
from fugue_core.client.jsontext import decode, encode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def add(command: Command) -> int:
    """Put tags on."""
    return _edit(command, "add")


def remove(command: Command) -> int:
    """Take tags off."""
    return _edit(command, "remove")


def replace(command: Command) -> int:
    """Let these be all the tags."""
    return _edit(command, "replace")


def show(command: Command) -> int:
    """Print the tags of one session, or those of all with how many carry each."""
    if command.has("all"):
        return _show_all(command)
    answer = command.ask("session.get", {"session": command.identity("session")})
    if command.is_json:
        output.put_json(encode({"tags": decode(answer)["tags"]}))
    else:
        for tag in decode(answer)["tags"]:
            output.put(printable(tag))
    return outcome.DONE


def _edit(command: Command, edit: str) -> int:
    answer = command.ask("session.tag", {"session": command.identity("session"), edit: command.texts("tag")})
    if command.is_json:
        output.put_json(answer)
    else:
        session = decode(answer)
        tags = ", ".join(session["tags"]) or "no tags"
        output.put(printable(f"{session['name']}: {tags}"))
    return outcome.DONE


def _show_all(command: Command) -> int:
    carriers: dict[str, int] = {}
    for session in decode(command.ask("session.list"))["sessions"]:
        for tag in session["tags"]:
            carriers[tag] = carriers.get(tag, 0) + 1
    if command.is_json:
        output.put_json(encode({"tags": dict(sorted(carriers.items()))}))
    else:
        for tag, count in sorted(carriers.items()):
            output.put(f"{count:5}  {printable(tag)}")
    return outcome.DONE


_SESSION = Option("-s", "--session", metavar="SESSION", help="of this session, not of your own", completes=SESSIONS)

VERB = Verb(
    "tag",
    "Add, remove, set or list the tags of a session",
    details="""\
A session carries any number of tags (up to 64), and many sessions may carry one. A tag has 1 to 64 printable
characters without white space or comma; case matters. fugue gives no tag a meaning: `builder`, `team/red` and
`child:mayor` are yours to define.

An edit is carried out whole or not at all, and every message sent after it goes by the new tags.""",
    verbs=(
        Verb(
            "tag add",
            "Put tags on a session",
            run=add,
            arguments=(Argument("TAG", help="what to add", is_repeatable=True, completes=TAGS),),
            options=(_SESSION,),
            examples=(("fugue tag add builder team/red", "on your own session"),),
        ),
        Verb(
            "tag rm",
            "Take tags off a session",
            run=remove,
            arguments=(Argument("TAG", help="what to take off", is_repeatable=True, completes=TAGS),),
            options=(_SESSION,),
            examples=(("fugue tag rm builder -s bob", "off the session bob"),),
        ),
        Verb(
            "tag set",
            "Let these be all the tags of a session",
            run=replace,
            arguments=(Argument("TAG", help="a tag", is_optional=True, is_repeatable=True, completes=TAGS),),
            options=(_SESSION,),
            examples=(("fugue tag set idle", "only this one from now on"), ("fugue tag set", "none")),
        ),
        Verb(
            "tag ls",
            "List the tags of a session",
            run=show,
            options=(_SESSION, Option("-a", "--all", help="the tags of all sessions, and how many carry each")),
            examples=(("fugue tag ls", "your own"), ("fugue tag ls --all", "all that there are")),
        ),
    ),
    examples=(("fugue tag add builder", "tag your own session"), ("fugue tag ls --all", "all tags and their counts")),
)
