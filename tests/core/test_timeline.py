from __future__ import annotations

from typing import Any

import pytest

from fugue_core.timeline import Step, span, steps

SENT_AT = 100.0


def told(state: str, **known: Any) -> list[Step]:
    facts: dict[str, Any] = {"handed_at": None, "handed_through": None, "ended_at": None, "reason": None, **known}
    return steps(state, sent_at=SENT_AT, now=400.0, **facts)


@pytest.mark.parametrize(
    ("state", "known", "expected"),
    [
        ("queued", {}, [Step("queued", None, "in the mailbox for 5 m")]),
        (
            "handed",
            {"handed_at": 100.002, "handed_through": "hook claude Stop"},
            [
                Step("handed", 100.002, "through hook claude Stop, after 2 ms"),
                Step("handed", None, "not acknowledged for 5 m"),
            ],
        ),
        (
            "acked",
            {"handed_at": 101.0, "ended_at": 102.5},
            [Step("handed", 101.0, "after 1.0 s"), Step("acked", 102.5, "after 1.5 s")],
        ),
        ("acked", {"ended_at": 102.5}, [Step("acked", 102.5, "after 2.5 s")]),
        ("dead", {"ended_at": 100.0, "reason": "mailbox full"}, [Step("dead", 100.0, "mailbox full, after 0 ms")]),
        ("expired", {"ended_at": 160.0}, [Step("expired", 160.0, "after 1 m")]),
    ],
)
def test_a_delivery_is_told_in_order_of_time_with_how_long_each_step_took(
    state: str, known: dict[str, Any], expected: list[Step]
) -> None:
    assert told(state, **known) == expected


def test_a_span_is_told_in_the_unit_that_fits_and_a_clock_that_went_back_makes_it_nothing() -> None:
    assert [span(seconds) for seconds in (0.0024, 0.1, 59.9, 60, 7200, 90_000, -3)] == [
        "2 ms", "0.1 s", "59.9 s", "1 m", "2 h", "1 d", "0 ms",
    ]  # fmt: skip
