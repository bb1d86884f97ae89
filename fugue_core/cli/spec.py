"""What a verb understands, said once: the parser, the help and the completion all read it here. No I/O."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from fugue_core.cli.command import Command

_LONGEST_WAIT_S = 366 * 24 * 3600
_LARGEST_SEQ = 2**63 - 1
_LARGEST_COUNT = 1_000_000
_LARGEST_PID = 2**31 - 1
_UUID_DIGITS = 32
_LARGEST_WINDOW = 9_999
MOST_CELLS: Final = 2_000
"""A window has no more columns, and no more rows."""
_SERVER_CHARS = 64


class Kind:
    """What a value may be.

    Fields:
        rule: What is allowed, as it stands in an error: `--limit abc: a whole number from 1`.
        accepts: Says whether a text is one.
        choices: All that it may be, where that is a list.
    """

    __slots__ = ("accepts", "choices", "rule")

    def __init__(self, rule: str, accepts: Callable[[str], bool], choices: tuple[str, ...] = ()) -> None:
        self.rule = rule
        self.accepts = accepts
        self.choices = choices


def one_of(*choices: str) -> Kind:
    """Return the kind of which these are all."""
    return Kind(f"one of {', '.join(choices)}", lambda text: text in choices, choices)


def _is_whole(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most


def _is_seconds(text: str) -> bool:
    try:
        return 0 <= float(text) <= _LONGEST_WAIT_S
    except ValueError:
        return False


def _is_uuid(text: str) -> bool:
    digits = text.replace("-", "")
    return len(digits) == _UUID_DIGITS and not digits.lower().strip("0123456789abcdef")


def _is_server(text: str) -> bool:
    return 0 < len(text) <= _SERVER_CHARS and text.isprintable() and "/" not in text and text[0] not in ".-"


TEXT: Final = Kind("any text", lambda text: True)  # noqa: ARG005  # any
COUNT: Final = Kind(f"a whole number from 1 to {_LARGEST_COUNT:,}", lambda text: _is_whole(text, 1, _LARGEST_COUNT))
SEQ: Final = Kind("the seq of a message, a whole number from 0", lambda text: _is_whole(text, 0, _LARGEST_SEQ))
PID: Final = Kind("the id of a process, a whole number from 1", lambda text: _is_whole(text, 1, _LARGEST_PID))
SECONDS: Final = Kind("a number of seconds from 0, like 2.5, at most a year", _is_seconds)
SERVER: Final = Kind(
    f"a name of 1 to {_SERVER_CHARS} characters without /, that begins with neither . nor -", _is_server
)
WINDOW: Final = Kind("the number of a window, from 0", lambda text: _is_whole(text, 0, _LARGEST_WINDOW))
CELLS: Final = Kind(f"a whole number from 1 to {MOST_CELLS:,}", lambda text: _is_whole(text, 1, MOST_CELLS))
SETTING: Final = Kind("a name, = and a value", lambda text: text.find("=") > 0 and "\0" not in text)
UUID: Final = Kind("an id, like 01234567-89ab-cdef-0123-456789abcdef", _is_uuid)

# What completes a value: the words of `verb.complete`.
SESSIONS: Final = "session"
WINDOWS: Final = "window"
TAGS: Final = "tag"
TARGETS: Final = "target"
MESSAGE_TYPES: Final = "type"
SCHEMAS: Final = "schema"
FILTERS: Final = "filter"
VERBS: Final = "verb"
COMMANDS: Final = "command"
FILES: Final = "file"
BREAKERS: Final = "breaker"


class Option:
    """An option of a verb.

    Fields:
        flags: As it is written, the long form last: `-t`, `--tag`. `name` is the long form without its dashes.
        metavar: What its value is called; empty: it takes none.
        is_repeatable: Given twice it means both; else the last one counts.
        completes: One of the constants above, or empty.
        follower: Another option of the verb, whose value the next word is where it is of that option's kind:
            `--wait acked 30` for `--wait acked --within 30`.
    """

    __slots__ = ("completes", "flags", "follower", "help", "is_repeatable", "kind", "metavar", "name")

    def __init__(  # noqa: PLR0913  # a declaration
        self,
        *flags: str,
        help: str,  # noqa: A002  # as everybody calls it
        metavar: str = "",
        kind: Kind = TEXT,
        is_repeatable: bool = False,
        completes: str = "",
        follower: Option | None = None,
    ) -> None:
        self.flags = flags
        self.name = flags[-1].removeprefix("--")
        self.help = help
        self.metavar = metavar
        self.kind = kind
        self.is_repeatable = is_repeatable
        self.completes = completes
        self.follower = follower


class Argument:
    """A word of a verb that is no option.

    Fields:
        metavar: What it is called; `name` is the same in small letters.
        is_optional: May be left out.
        is_repeatable: It and all words after it, one or more (none, where it is optional too).
        is_rest: Likewise; and from its first word on an option is not the verb's, but one of these words.
    """

    __slots__ = ("completes", "help", "is_optional", "is_repeatable", "is_rest", "kind", "metavar", "name")

    def __init__(  # noqa: PLR0913  # a declaration
        self,
        metavar: str,
        *,
        help: str,  # noqa: A002  # as everybody calls it
        kind: Kind = TEXT,
        is_optional: bool = False,
        is_repeatable: bool = False,
        is_rest: bool = False,
        completes: str = "",
    ) -> None:
        self.metavar = metavar
        self.name = metavar.lower()
        self.help = help
        self.kind = kind
        self.is_optional = is_optional
        self.is_repeatable = is_repeatable or is_rest
        self.is_rest = is_rest
        self.completes = completes


def _refuse(_command: Command) -> int:
    raise AssertionError("`parser.assign` refuses a line that names no verb within")


class Verb:
    """One thing that `fugue` can do.

    Fields:
        name: As it is typed; of a verb within another `tag add`.
        summary: A line without a full stop.
        details: More, for the help: paragraphs, parted by blank lines.
        examples: Each a command line and what it does.
        verbs: The verbs within this one; then it has nothing else and does nothing itself.
        within: The same by the word with which each is called: `add` for `tag add`.
        run: Does it, and returns the exit code.
    """

    __slots__ = ("arguments", "details", "examples", "name", "options", "run", "summary", "verbs", "within")

    def __init__(  # noqa: PLR0913  # a declaration
        self,
        name: str,
        summary: str,
        *,
        run: Callable[[Command], int] | None = None,
        details: str = "",
        arguments: tuple[Argument, ...] = (),
        options: tuple[Option, ...] = (),
        examples: tuple[tuple[str, str], ...] = (),
        verbs: tuple[Verb, ...] = (),
    ) -> None:
        self.name = name
        self.summary = summary
        self.run = run or _refuse
        self.details = details
        self.arguments = arguments
        self.options = options
        self.examples = examples
        self.verbs = verbs
        self.within = {verb.name.rpartition(" ")[2]: verb for verb in verbs}


GLOBAL_OPTIONS: Final = (
    Option(
        "-L",
        "--server",
        metavar="NAME",
        kind=SERVER,
        help="speak to the server of this name; each has its own sessions and mail",
    ),
    Option("--socket", metavar="PATH", help="speak to the server at this socket", completes=FILES),
    Option("--json", help="print the answer as JSON: one object, or one a line"),
    Option("--version", help="print the version and stop"),
    Option("-h", "--help", help="print this help and stop"),
)
"""Understood before the verb and after it."""
