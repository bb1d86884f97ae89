"""The parser of the command line, and what the specs promise it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.cli.parser import UsageError, assign, parse_options
from fugue_core.cli.spec import (
    COUNT,
    GLOBAL_OPTIONS,
    PID,
    SECONDS,
    SEQ,
    SERVER,
    UUID,
    Argument,
    Kind,
    Option,
    Verb,
    one_of,
)
from fugue_core.cli.verb import GROUPS, NAMES, load

OPTIONS = (
    Option("-t", "--tag", metavar="TAG", help="a tag", is_repeatable=True),
    Option("--wait", metavar="S", kind=SECONDS, help="seconds"),
    Option("-f", "--follow", help="a flag"),
    Option("-p", "--peek", help="another"),
)


def parse(*words: str, stops: bool = False) -> tuple[dict[str, list[str]], list[str]]:
    values: dict[str, list[str]] = {}
    return values, parse_options(words, OPTIONS, values, stops=stops)


def all_verbs() -> list[Verb]:
    outer = [load(name) for name in sorted(NAMES)]
    return outer + [inner for verb in outer for inner in verb.verbs]


@given(st.lists(st.tuples(st.sampled_from(["-t V", "-tV", "--tag V", "--tag=V"]), st.text(min_size=1))))
def test_every_spelling_of_an_option_means_the_same(given_tags: list[tuple[str, str]]) -> None:
    words = [
        part.replace("V", value) if part != "V" else value
        for spelling, value in given_tags
        for part in spelling.split(" ")
    ]
    expected = {"tag": [value for _, value in given_tags]} if given_tags else {}
    assert parse(*words) == (expected, [])


def test_options_may_stand_before_between_and_after_the_words() -> None:
    assert parse("-f", "a", "--wait", "2", "b", "-p") == ({"follow": [""], "wait": ["2"], "peek": [""]}, ["a", "b"])


def test_flags_may_stand_together_and_before_a_value() -> None:
    assert parse("-fpt", "x") == ({"follow": [""], "peek": [""], "tag": ["x"]}, [])


def test_after_two_dashes_every_word_is_plain() -> None:
    assert parse("-f", "--", "-p", "--", "--wait") == ({"follow": [""]}, ["-p", "--", "--wait"])


@pytest.mark.parametrize("word", ["-", "-5", "-0.5", "-.5e3"])
def test_a_dash_alone_and_a_negative_number_are_plain(word: str) -> None:
    assert parse(word) == ({}, [word])


def test_the_words_of_a_command_to_run_are_left_alone() -> None:
    assert parse("-f", "make", "-p", "-x", "--", "y", stops=True) == ({"follow": [""]}, ["make", "-p", "-x", "--", "y"])


def test_a_value_may_look_like_an_option() -> None:
    assert parse("--tag", "-f", "--tag=--peek") == ({"tag": ["-f", "--peek"]}, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--peak"], "unknown option '--peak'; did you mean --peek?"),
        (["-x"], "unknown option '-x'"),
        (["-fx"], "unknown option '-x'"),
        (["-f-"], "unknown option '-' in '-f-'"),
        (["--tag"], "--tag needs a value: TAG, a tag"),
        (["--follow=yes"], "--follow takes no value, and 'yes' was given"),
        (["--wait", "soon"], "--wait 'soon': a number of seconds from 0, like 2.5, at most a year"),
        (["--wait=-1"], "--wait '-1': a number of seconds from 0, like 2.5, at most a year"),
        (["--wait=nan"], "--wait 'nan': a number of seconds from 0, like 2.5, at most a year"),
    ],
)
def test_an_error_names_the_word_and_says_what_is_allowed(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*words)
    assert str(caught.value).startswith(message)


@given(st.lists(st.sampled_from(["-t", "--tag=", "--", "-", "x", "--wait", "-f", "-fp", "3", "--nope", ""])))
def test_whatever_is_typed_is_understood_or_refused(words: list[str]) -> None:
    try:
        values, plain = parse(*words)
    except UsageError:
        return
    assert set(values) <= {"tag", "wait", "follow", "peek"}
    assert all(word in words for word in plain)


TWO = Verb(
    "two",
    "Two arguments and more",
    arguments=(
        Argument("FIRST", help="the first"),
        Argument("COLOUR", help="a colour", kind=one_of("red", "green"), is_optional=True),
        Argument("MORE", help="more", is_optional=True, is_repeatable=True),
    ),
)


def test_words_go_to_the_arguments_in_order() -> None:
    values: dict[str, list[str]] = {}
    assign(["a", "red", "b", "c"], TWO, values)
    assert values == {"first": ["a"], "colour": ["red"], "more": ["b", "c"]}


def test_what_is_optional_may_be_left_out() -> None:
    values: dict[str, list[str]] = {}
    assign(["a"], TWO, values)
    assert values == {"first": ["a"]}


@pytest.mark.parametrize(
    ("verb", "words", "message"),
    [
        (TWO, [], "FIRST is missing: the first"),
        (TWO, ["a", "rde"], "COLOUR 'rde': one of red, green; did you mean red?"),
        (
            Verb("one", "One", arguments=(Argument("NAME", help="n"),)),
            ["a", "b"],
            "unexpected 'b': the arguments are NAME",
        ),
        (Verb("none", "None"), ["a"], "unexpected 'a': no arguments are taken"),
        (Verb("outer", "Outer", verbs=(Verb("outer in", "Inner"),)), [], "do what? in"),
    ],
)
def test_too_few_too_many_and_unfit_words_are_refused(verb: Verb, words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        assign(words, verb, {})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "fit", "unfit"),
    [
        (COUNT, ["1", "1000000"], ["0", "1000001", "-1", "1.5", "", "x", "²", "9" * 5000]),
        (SEQ, ["0", str(2**63 - 1)], [str(2**63), "-1", ""]),
        (PID, ["1", "4194304"], ["0", str(2**31)]),
        (SECONDS, ["0", "2.5", "1e3", "31622400"], ["-1", "nan", "inf", "1e9", "", "1s"]),
        (UUID, ["01234567-89ab-cdef-0123-456789abcdef", "0123456789ABCDEF0123456789abcdef"], ["", "0" * 31, "g" * 32]),
        (SERVER, ["default", "my.work-2", "a" * 64], ["", "a/b", "..", "-x", "a" * 65, "a\nb"]),
    ],
)
def test_a_kind_takes_what_its_rule_says(kind: Kind, fit: list[str], unfit: list[str]) -> None:
    assert [text for text in fit if not kind.accepts(text)] == []
    assert [text for text in unfit if kind.accepts(text)] == []


@pytest.mark.parametrize("verb", all_verbs(), ids=lambda verb: verb.name)
def test_no_two_options_of_a_verb_are_written_alike(verb: Verb) -> None:
    flags = [flag for option in verb.options + GLOBAL_OPTIONS for flag in option.flags]
    names = [option.name for option in verb.options + GLOBAL_OPTIONS] + [argument.name for argument in verb.arguments]
    assert len(flags) == len(set(flags))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("verb", all_verbs(), ids=lambda verb: verb.name)
def test_only_the_last_argument_of_a_verb_may_be_repeated_or_left_out_before_others(verb: Verb) -> None:
    is_optional = [argument.is_optional for argument in verb.arguments]
    assert is_optional == sorted(is_optional)
    assert not any(argument.is_repeatable for argument in verb.arguments[:-1])


def test_the_help_lists_every_verb_once_but_the_hidden_one() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) == NAMES - {"__complete"}
    assert [load(name).name for name in sorted(NAMES)] == sorted(NAMES)
