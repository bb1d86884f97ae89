"""How long a program's word counts that it waits at its prompt."""

from __future__ import annotations

import pytest

from fugue_core.terminal.prompt import ECHO_S, EXCUSE_S, SETTLE_S, Prompt

GROUP = 4711
LATER = 100.0


@pytest.fixture
def prompt() -> Prompt:
    prompt = Prompt()
    prompt.say_idle(GROUP, 0.0)
    return prompt


def test_it_counts_until_the_program_takes_it_back(prompt: Prompt) -> None:
    assert prompt.idle_group == GROUP
    prompt.say_idle(None, 1.0)
    assert prompt.idle_group is None


@pytest.mark.parametrize("key", [b"a", b"\r", b"\x1b", b"\x1b[C", b"\x1b[200~x\x1b[201~"])
def test_any_key_takes_it_back_and_a_report_does_not(prompt: Prompt, key: bytes) -> None:
    prompt.type(b"\x1b[I", LATER)
    assert prompt.idle_group == GROUP
    prompt.type(key, LATER)
    assert prompt.idle_group is None


def test_output_takes_it_back_once_the_program_has_drawn_its_prompt(prompt: Prompt) -> None:
    prompt.take_output(SETTLE_S)
    assert prompt.idle_group == GROUP
    prompt.take_output(SETTLE_S + 0.1)
    assert prompt.idle_group is None


def test_output_is_excused_that_something_explains(prompt: Prompt) -> None:
    prompt.excuse(LATER)
    prompt.take_output(LATER + EXCUSE_S)
    prompt.type(b"\x1b[<35;1;1M", 2 * LATER)
    prompt.take_output(2 * LATER + EXCUSE_S)
    assert prompt.idle_group == GROUP
    prompt.take_output(2 * LATER + EXCUSE_S + 0.1)
    assert prompt.idle_group is None


def test_a_line_that_nobody_typed_is_no_key_but_what_it_sets_going_takes_it_back(prompt: Prompt) -> None:
    prompt.put(1.0, is_begun=True)
    assert (prompt.idle_group, prompt.typing.is_begun, prompt.typing.at) == (GROUP, True, None)
    prompt.put(1.5, is_begun=False)
    prompt.take_output(1.5 + ECHO_S)
    assert (prompt.idle_group, prompt.typing.is_begun) == (GROUP, False)
    prompt.take_output(1.5 + ECHO_S + 0.1)  # the program may go on drawing no longer, though it has said it just now
    assert prompt.idle_group is None
