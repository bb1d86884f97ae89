"""When a notice is typed, and why not: everything that the decision depends on, one by one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fugue_core.daemon.config import WakeConfig
from fugue_core.daemon.waking import MOST_TIMES, Sight, Type, Verdict, Wait, decide
from fugue_core.protocol.window import Modes
from fugue_core.record import NoticeRecord

NOW = 1_000.0
RULES = WakeConfig(quiet_s=3.0, typed_s=60.0)
REPEAT_S = 600.0
CALM = Sight(key="a.0", printed_at=NOW - 3.0, typed_at=NOW - 60.0)


def verdict(
    unhanded: list[int], last: NoticeRecord | None = None, *, now: float = NOW, wake: Any = "on", **changes: Any
) -> Verdict:
    sight = msgspec.structs.replace(CALM, **changes)
    return decide(wake, unhanded, last, sight, rules=RULES, repeat_s=REPEAT_S, now=now)


def told(seq: int, *, ago_s: float = 1.0, times: int = 1, key: str = "a.0") -> NoticeRecord:
    return NoticeRecord(at=NOW - ago_s, seq=seq, key=key, times=times)


def test_where_all_is_calm_one_notice_tells_of_all_that_waits() -> None:
    assert verdict([4, 7]) == Type(NoticeRecord(at=NOW, seq=7, key="a.0", times=1))
    assert verdict([4], typed_at=None) == Type(NoticeRecord(at=NOW, seq=4, key="a.0", times=1))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"has_exited": True}, "its program has exited"),
        ({"is_understood": False}, "no emulator is installed, so nobody knows what its program expects"),
        ({"is_idle": False}, "its hooks have not said that it waits at its prompt"),
        ({"wake": "quiet", "is_in_front": False}, "another program has its terminal"),
        (
            {"wake": "quiet", "modes": Modes(bracketed_paste=True, is_alternate=True)},
            "its program draws on the alternate screen",
        ),
        ({"modes": Modes()}, "its program has not asked for bracketed pastes"),
        ({"is_reading": False}, "its program does not read what was typed"),
        ({"is_line_begun": True}, "something was typed there and not sent"),
        ({"typed_at": NOW - 59.9}, "somebody has typed there just now"),
        ({"printed_at": NOW - 2.9}, "its program is printing"),
    ],
)
def test_whatever_is_not_certain_is_not_typed_and_the_reason_is_said(changes: dict[str, Any], reason: str) -> None:
    assert verdict([1], **changes) == Wait(reason)


def test_without_a_window_or_mail_there_is_nothing_to_do() -> None:
    assert decide("on", [1], None, None, rules=RULES, repeat_s=REPEAT_S, now=NOW) == Wait("it has no window")
    assert verdict([]) == Wait("nothing waits that it was not handed")
    assert verdict([], has_exited=True) == Wait("its program has exited")  # so that one sees it before mail comes


def test_by_its_own_word_a_program_may_draw_where_it_wants_and_have_been_started_by_another() -> None:
    modes = Modes(bracketed_paste=True, is_alternate=True)
    assert isinstance(verdict([1], modes=modes, is_in_front=False), Type)


def test_without_its_word_it_is_told_where_that_was_asked_for() -> None:
    assert isinstance(verdict([1], wake="quiet", is_idle=False), Type)


def test_while_something_is_left_that_it_was_told_of_there_is_no_other_notice() -> None:
    waiting = Wait("it was told, and has not fetched all of it yet")
    assert verdict([4, 7], told(7)) == waiting
    assert verdict([7, 8, 9], told(7)) == waiting
    assert verdict([8, 9], told(7)) == Type(NoticeRecord(at=NOW, seq=9, key="a.0", times=1))


def test_what_may_have_been_lost_is_said_once_more_and_then_no_more() -> None:
    assert verdict([7], told(7, ago_s=REPEAT_S - 1)) != verdict([7], told(7, ago_s=REPEAT_S))
    assert verdict([7, 9], told(7, ago_s=REPEAT_S)) == Type(NoticeRecord(at=NOW, seq=9, key="a.0", times=2))
    twice = told(9, ago_s=100 * REPEAT_S, times=MOST_TIMES)
    assert verdict([7, 9, 11], twice) == Wait("it was told twice, and has not fetched what it was told of")
    assert isinstance(verdict([11], twice), Type)


def test_another_program_in_the_window_was_told_nothing() -> None:
    assert verdict([7], told(7, key="a.1", times=MOST_TIMES)) == Type(NoticeRecord(at=NOW, seq=7, key="a.0", times=1))
