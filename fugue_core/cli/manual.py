"""The help, written from the specs of the verbs."""

from __future__ import annotations

import os
import textwrap

from fugue_core.cli.spec import GLOBAL_OPTIONS
from fugue_core.cli.verb import GROUPS, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from fugue_core.cli.spec import Argument, Option, Verb

_NARROWEST, _WIDEST = 60, 100
_LABEL_COLUMNS = 26

_ABOUT = """\
fugue carries messages between the programs that you run side by side: each is a session, with a name and any number of
tags, and is sent messages by either. Nothing that was acknowledged is ever lost. A session joins by itself, or fugue
runs a program for it, which goes on when your terminal is gone."""

_TARGETS = (
    ("tag:TAG", "all who carry the tag; 'tag:TAG in REPO': of them those in that git repository"),
    ("session:NAME-OR-ID", "one session"),
    ("broadcast", "all in your git repository"),
    ("worktree:PATH", "all in that git worktree"),
)

_EXIT_CODES = """\
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no recipient, 4 no such session, window, message or breaker,
5 no daemon, 124 waited in vain."""


def overview() -> str:
    """Return the help of `fugue` itself."""
    blocks = [
        "usage: fugue [OPTIONS] [VERB ...]",
        _filled(_ABOUT),
        _filled("Without a verb, fugue opens and shows what goes on. Try it with an example at work: fugue --demo"),
    ]
    for group, names in GROUPS.items():
        rows = [(name, load(name).summary) for name in names]
        blocks.append(f"{group}:\n{_rows(rows)}")
    blocks.append(f"Options, before or after the verb:\n{_option_rows(GLOBAL_OPTIONS)}")
    blocks += [f"A TARGET is one of:\n{_rows(_TARGETS)}", _filled(_EXIT_CODES)]
    blocks.append("""Example, in one terminal and then in another:
  eval "$(fugue join bob)"; fugue recv --wait 60
  eval "$(fugue join ann)"; fugue send session:bob greeting '{"text": "hello"}'""")
    blocks.append("fugue VERB --help tells more of a verb.")
    return "\n\n".join(blocks)


def page(verb: Verb) -> str:
    """Return the help of one verb."""
    blocks = [f"usage: {usage(verb)}", _filled(f"{verb.summary}.")]
    blocks += [_filled(paragraph) for paragraph in verb.details.split("\n\n") if paragraph]
    if verb.verbs:
        blocks.append(f"Verbs:\n{_rows((inner.name, inner.summary) for inner in verb.verbs)}")
    if verb.arguments:
        blocks.append(f"Arguments:\n{_rows((argument.metavar, argument.help) for argument in verb.arguments)}")
    if verb.options:
        blocks.append(f"Options:\n{_option_rows(verb.options)}")
    blocks.append(f"Options of every verb:\n{_option_rows(GLOBAL_OPTIONS)}")
    if verb.examples:
        lines = [f"  {command}\n      {meaning}" for command, meaning in verb.examples]
        blocks.append("Examples:\n" + "\n".join(lines))
    return "\n\n".join(blocks)


def usage(verb: Verb | None) -> str:
    """Return how a verb is written, on one line."""
    if verb is None:
        return "fugue [OPTIONS] [VERB ...]"
    words = ["fugue", verb.name]
    if verb.verbs:
        words.append("|".join(verb.within) + " ...")
    words += map(_option_usage, verb.options)
    words += map(_argument_usage, verb.arguments)
    return " ".join(words)


def _option_usage(option: Option) -> str:
    flag = option.flags[0]
    follower = f" [{option.follower.metavar}]" if option.follower else ""
    text = f"[{flag} {option.metavar}{follower}]" if option.metavar else f"[{flag}]"
    return f"{text}..." if option.is_repeatable else text


def _argument_usage(argument: Argument) -> str:
    text = f"{argument.metavar}..." if argument.is_repeatable else argument.metavar
    text = f"[{text}]" if argument.is_optional else text
    return f"-- {text}" if argument.is_rest else text


def _option_rows(options: Iterable[Option]) -> str:
    return _rows((f"{', '.join(option.flags)} {option.metavar}".rstrip(), option.help) for option in options)


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    lines = []
    for label, text in rows:
        wrapped = textwrap.wrap(text, _width() - _LABEL_COLUMNS) or [""]
        is_long = len(label) > _LABEL_COLUMNS - 4
        if is_long:
            lines.append(f"  {label}")
        lines.append(f"  {'' if is_long else label:{_LABEL_COLUMNS - 2}}{wrapped[0]}")
        lines += [" " * _LABEL_COLUMNS + line for line in wrapped[1:]]
    return "\n".join(lines)


def _filled(paragraph: str) -> str:
    return textwrap.fill(" ".join(paragraph.split()), _width())


def _width() -> int:
    try:
        columns = os.get_terminal_size(1).columns
    except OSError:  # no terminal
        columns = _WIDEST
    return max(_NARROWEST, min(columns, _WIDEST))
