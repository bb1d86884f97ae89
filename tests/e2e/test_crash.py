from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.crash import crash

ROUNDS = 50


@pytest.mark.timeout(180)
async def test_however_often_the_daemon_is_killed_all_that_was_told_is_true(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"to try this again: python -m tests.e2e.crash --rounds {ROUNDS} --seed {seed}")  # noqa: T201  # with a failure
    report = await crash(tmp_path, ROUNDS, seed)
    assert report.kills > ROUNDS
    # else the daemon was killed while nobody asked for anything
    assert report.sends > 20 * ROUNDS
    assert report.unanswered > 0
    assert report.handed_again > 0
