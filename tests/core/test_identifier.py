from __future__ import annotations

import itertools
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

import pytest

from fugue_core import identifier
from fugue_core.identifier import new_id


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time() -> None:
    before_ms = time.time_ns() // 1_000_000
    made = new_id()
    after_ms = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before_ms <= made.int >> 80 <= after_ms


def test_ids_differ_and_sort_as_they_were_made() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert all((each.version, each.variant) == (7, RFC_4122) for each in made)


def test_ids_go_on_growing_when_the_clock_jumps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    after = [new_id() for _ in range(3)]
    assert [before, *after] == sorted({before, *after})


def test_the_random_part_carries_over_into_its_upper_half_and_leaves_version_and_variant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_id()
    # ahead of the clock: the same millisecond for both
    monkeypatch.setattr(identifier, "_state", (2**47, itertools.count(2**62 - 1)))
    first, second = new_id(), new_id()
    assert first < second
    assert {(each.version, each.variant) for each in (first, second)} == {(7, RFC_4122)}


FORKING = """
import os
from fugue_core.identifier import new_id
new_id()
child = os.fork()
os.write(1, b"%s " % str(new_id()).encode())  # one write, which `print` need not be
if child:
    os.waitpid(child, 0)
"""


def test_a_forked_process_makes_ids_of_its_own() -> None:
    run = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    mine, theirs = run.stdout.split()
    assert mine != theirs


def test_threads_make_different_ids() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [made for ids in pool.map(lambda _: [new_id() for _ in range(2_000)], range(16)) for made in ids]
    assert len(set(made)) == len(made)
