"""The help of the command line."""

from __future__ import annotations

import re
import shlex

import pytest

from fugue_core.cli import manual
from fugue_core.cli.parser import assign, parse_options
from fugue_core.cli.spec import GLOBAL_OPTIONS, Verb
from fugue_core.cli.verb import GROUPS, NAMES, load


def all_verbs() -> list[Verb]:
    outer = [load(name) for name in sorted(NAMES)]
    return outer + [inner for verb in outer for inner in verb.verbs]


def fugue_words(example: str) -> list[str]:
    """Return the words after `fugue` in an example, which may have it in a pipe or in quotes of an eval."""
    line = re.split(r' \| | > |\)"', example.partition("fugue ")[2])[0]
    return [word.replace("$$", "1") for word in shlex.split(line)]


def read(words: list[str]) -> Verb:
    """Read a command line as `main` does; raise `UsageError` where it would refuse it."""
    values: dict[str, list[str]] = {}
    rest = parse_options(words, GLOBAL_OPTIONS, values, stops=True)
    verb = load(rest[0])
    while True:
        stops = bool(verb.verbs) or any(argument.is_rest for argument in verb.arguments)
        rest = parse_options(rest[1:], verb.options + GLOBAL_OPTIONS, values, stops=stops)
        if not verb.verbs:
            break
        verb = next(inner for inner in verb.verbs if inner.name.endswith(f" {rest[0]}"))
    assign(rest, verb, values)
    return verb


@pytest.mark.parametrize("verb", all_verbs(), ids=lambda verb: verb.name)
def test_every_verb_has_a_summary_and_an_example(verb: Verb) -> None:
    assert verb.summary[0].isupper()
    assert not verb.summary.endswith(".")
    assert verb.examples


@pytest.mark.parametrize(
    ("verb", "example"),
    [(verb, command) for verb in all_verbs() for command, _ in verb.examples],
    ids=lambda each: getattr(each, "name", each),
)
def test_every_example_is_a_line_that_its_verb_understands(verb: Verb, example: str) -> None:
    found = read(fugue_words(example))
    assert found is verb or found in verb.verbs


@pytest.mark.parametrize("verb", all_verbs(), ids=lambda verb: verb.name)
def test_a_page_names_every_option_argument_and_example(verb: Verb) -> None:
    page = manual.page(verb)
    assert page.startswith(f"usage: fugue {verb.name}")
    for option in verb.options + GLOBAL_OPTIONS:
        assert ", ".join(option.flags) in page
    for argument in verb.arguments:
        assert argument.metavar in page
    for command, _ in verb.examples:
        assert command in page


def test_the_overview_names_every_verb_and_the_forms_of_a_target() -> None:
    overview = manual.overview()
    for names in GROUPS.values():
        for name in names:
            assert f"\n  {name} " in overview
    for form in ("tag:TAG", "session:NAME-OR-ID", "broadcast", "worktree:PATH"):
        assert form in overview
    assert "__complete" not in overview


@pytest.mark.parametrize("page", [manual.overview(), *map(manual.page, all_verbs())])
def test_no_line_of_running_text_is_wider_than_a_hundred_columns(page: str) -> None:
    examples = page.find("\nExamples:")
    assert [line for line in page[:examples].splitlines() if len(line) > 100 and not line.startswith("usage:")] == []
