from __future__ import annotations

import pytest

from fugue_core.terminal.pace import ALONE_BYTES, RECENT_S, REST, SHARED_BYTES, Pace


def test_a_flood_rests_while_somebody_asks_and_not_otherwise() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    assert (pace.rest_s(0.5), pace.turn_bytes) == (0, ALONE_BYTES)
    pace.note_request()
    assert pace.rest_s(0.5) == pytest.approx(REST * 0.5)
    assert pace.turn_bytes == SHARED_BYTES
    now += RECENT_S * 0.9
    assert pace.rest_s(0.25) == pytest.approx(REST * 0.25)
    now += RECENT_S * 0.2
    assert pace.rest_s(0.25) == 0
