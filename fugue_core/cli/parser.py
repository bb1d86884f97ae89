"""Read a command line by the spec of its verb. No I/O.

By hand and not by argparse, whose import alone costs as much as all of `fugue send`; and one parser for the quick case
and another for the rest would sooner or later understand a line differently.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fugue_core.cli.spec import Argument, Kind, Option, Verb


class UsageError(Exception):
    """A command line that cannot be understood; the text names the word and says what is allowed."""


def parse_options(
    words: Sequence[str], options: Sequence[Option], values: dict[str, list[str]], *, stops: bool
) -> list[str]:
    """Take the options out of `words`; return the other words, in order.

    `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE` and `-ab` for `-a -b` are understood; after `--` all words are
    plain, and so is `-` alone and whatever looks like a negative number. A value may be followed by that of another
    option, see `Option.follower`.

    Args:
        words: What was typed.
        options: What is allowed.
        values: Each option's value is appended under its name; a flag's is empty.
        stops: Stop at the first word that is no option, and return all from there on as it stands.

    Raises:
        UsageError: An unknown option, a value that is missing, not allowed or not accepted.
    """
    by_flag = {flag: option for option in options for flag in option.flags}
    plain: list[str] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word == "--":
            return plain + waiting[::-1]
        if not _is_option(word):
            plain.append(word)
            if stops:
                return plain + waiting[::-1]
        else:
            _take(word, waiting, by_flag, values)
    return plain


def assign(words: Sequence[str], verb: Verb, values: dict[str, list[str]]) -> None:
    """Give each of `words` to the argument of `verb` that stands at its place, in `values` under its name.

    Raises:
        UsageError: Too many, too few, or one is not accepted; or `verb` has verbs within, and none was named.
    """
    if verb.verbs:
        raise UsageError(f"do what? {', '.join(verb.within)}")
    position = 0
    for argument in verb.arguments:
        end = len(words) if argument.is_repeatable else position + 1
        taken = list(words[position:end])
        if not taken and not argument.is_optional:
            raise UsageError(f"{argument.metavar} is missing: {argument.help}")
        for word in taken:
            _check(argument.metavar, word, argument.kind)
        if taken:
            values[argument.name] = taken
        position = end
    if len(words) > position:
        raise UsageError(f"unexpected {words[position]!r}: {_arity(verb.arguments)}")


def near(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` with those of `known` that resemble `word`; empty where none does."""
    import difflib  # noqa: PLC0415  # only for an error

    found = difflib.get_close_matches(word, list(known), n=3)
    return f"; did you mean {', '.join(found)}?" if found else ""


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not (word[1].isdigit() or word[1] == ".")


def _take(word: str, waiting: list[str], by_flag: dict[str, Option], values: dict[str, list[str]]) -> None:
    """Take the option that `word` begins, and its value from `waiting` where it is not in `word` itself."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
    else:
        flag, equals, value = word[:2], word[2:], word[2:]
    option = by_flag.get(flag)
    if option is None:
        raise UsageError(f"unknown option {flag!r}{near(flag, by_flag)}")
    if not option.metavar:
        if equals and word.startswith("--"):
            raise UsageError(f"{flag} takes no value, and {value!r} was given")
        if value.startswith("-"):
            raise UsageError(f"unknown option '-' in {word!r}")
        if value:  # `-ab`: what follows is another flag
            waiting.append(f"-{value}")
        values.setdefault(option.name, []).append("")
        return
    if not equals:
        if not waiting:
            raise UsageError(f"{flag} needs a value: {option.metavar}, {option.help}")
        value = waiting.pop()
    _check(flag, value, option.kind)
    values.setdefault(option.name, []).append(value)
    follower = option.follower
    if follower is not None and waiting and follower.kind.accepts(waiting[-1]):
        values.setdefault(follower.name, []).append(waiting.pop())


def _check(what: str, value: str, kind: Kind) -> None:
    if not kind.accepts(value):
        raise UsageError(f"{what} {value!r}: {kind.rule}{near(value, kind.choices)}")


def _arity(arguments: Sequence[Argument]) -> str:
    if not arguments:
        return "no arguments are taken"
    return f"the arguments are {' '.join(argument.metavar for argument in arguments)}"
