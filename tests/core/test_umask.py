from __future__ import annotations

import os

import pytest

from fugue_core.umask import umask


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027])
def test_the_mask_is_read_and_left_as_it_was(mask: int) -> None:
    before = os.umask(mask)
    try:
        assert umask() == mask
        assert umask() == mask
    finally:
        os.umask(before)
