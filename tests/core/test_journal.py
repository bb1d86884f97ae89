"""What came out of a program, on disk; and what is read of it whoever wrote it, and however that ended."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from fugue_core.terminal.journal import LIMIT_BYTES, MAGIC, Journal, read


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "screens" / "window.0")


def records(path: str) -> list[bytes | tuple[int, int]]:
    past = read(path)
    assert past is not None
    return past.records


def test_what_is_written_is_read_in_order_while_it_is_written(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"drawn")
    kept.output(b"one")
    kept.resize(100, 30)
    kept.output(b"\x1b[31")
    size_bytes = os.path.getsize(path)
    assert read(path) == ([(80, 24), b"drawn", b"one", (100, 30), b"\x1b[31"], False, size_bytes, False, None)
    kept.close()
    past = read(path)
    assert past is not None
    assert past.is_whole
    assert past.records[-1] == b"\x1b[31"


def test_the_next_writes_on_behind_it(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"")
    kept.output(b"one")
    kept.close()
    past = read(path)
    assert past is not None
    again = Journal(path)
    again.go_on(past)
    again.output(b"two")
    assert records(path) == [(80, 24), b"", b"one", b"two"]
    assert read(path)[1] is False  # type: ignore[index]  # it is there


def test_a_record_cut_short_by_a_kill_is_left_out_and_written_over(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"drawn")
    kept.output(b"whole")
    kept.output(b"cut")
    for less in range(1, 8):
        os.truncate(path, os.path.getsize(path) - 1)
        assert records(path) == [(80, 24), b"drawn", b"whole"], less
    past = read(path)
    assert past is not None
    again = Journal(path)
    again.go_on(past)
    again.output(b"on")
    assert records(path) == [(80, 24), b"drawn", b"whole", b"on"]


def test_what_is_no_journal_is_none(path: str) -> None:
    assert read(path) is None
    os.makedirs(os.path.dirname(path))
    for content in (b"", b"80 24 1\nold", MAGIC[:-1], b"\0" * 100):
        Path(path).write_bytes(content)
        assert read(path) is None
    Path(path).write_bytes(MAGIC + b"?\x01\0\0\0xr\x02\0\0\0xxr\x04\0\0\0\0\0\0\0o\x01\0\0\0y")
    assert records(path) == [b"y"]  # kinds that one does not know, and sizes that are none, are passed over


def test_it_is_begun_anew_when_it_is_long_and_the_old_stays_until_the_new_is_there(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"")
    part = b"x" * (LIMIT_BYTES // 4)
    for _ in range(3):
        kept.output(part)
        assert (kept.is_due, kept.is_long) == (False, True)
    kept.output(part)
    assert (kept.is_due, kept.is_long) == (True, True)
    kept.begin(80, 24, b"drawn")
    assert (kept.is_due, kept.is_long) == (False, False)
    assert records(path) == [(80, 24), b"drawn"]
    assert os.listdir(os.path.dirname(path)) == ["window.0"]


def test_others_cannot_read_it(path: str) -> None:
    Journal(path).begin(80, 24, b"secret")
    assert os.stat(path).st_mode & 0o077 == 0
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


def test_a_disk_that_refuses_is_told_of_once_and_tried_again(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = Journal(path)
    kept.begin(80, 24, b"")
    with monkeypatch.context() as full:
        full.setattr(os, "writev", refuse)
        kept.output(b"lost")
        kept.output(b"lost, too")
        assert read(path) is None  # with a gap it would show what never was
        assert [kept.is_due] == [False]
        full.setattr(time, "monotonic", lambda: float("inf"))
        assert [kept.is_due] == [True]
        kept.begin(80, 24, b"drawn")
        assert os.listdir(os.path.dirname(path)) == []
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.text
    kept.begin(80, 24, b"drawn")
    kept.output(b"kept")
    assert records(path) == [(80, 24), b"drawn", b"kept"]


def test_what_the_system_takes_in_parts_is_whole(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write, parts = os.write, []

    def write_a_little(fd: int, data: bytes) -> int:
        parts.append(len(data))
        return write(fd, bytes(data)[:3])

    monkeypatch.setattr(os, "writev", lambda fd, pieces: write(fd, b"".join(pieces)[:2]))
    monkeypatch.setattr(os, "write", write_a_little)
    kept = Journal(path)
    kept.begin(80, 24, b"drawn")
    kept.output(b"one and two")
    assert records(path) == [(80, 24), b"drawn", b"one and two"]
    assert len(parts) > 5


def test_taken_off_the_disk_nothing_is_left(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"")
    kept.remove()
    assert os.listdir(os.path.dirname(path)) == []
    kept.output(b"too late")
    kept.close()
    kept.remove()
    assert os.listdir(os.path.dirname(path)) == []


def test_what_is_known_of_the_prompt_is_known_to_the_next_and_after_a_new_beginning(path: str) -> None:
    kept = Journal(path)
    kept.begin(80, 24, b"")
    kept.prompt(is_line_begun=True, idle_group=None)
    kept.prompt(is_line_begun=True, idle_group=4711)
    size_bytes = os.path.getsize(path)
    kept.prompt(is_line_begun=True, idle_group=4711)
    assert os.path.getsize(path) == size_bytes  # it costs nothing where nothing has changed
    kept.begin(80, 24, b"drawn")
    past = read(path)
    assert past is not None
    assert (past.is_line_begun, past.idle_group) == (True, 4711)
    again = Journal(path)
    again.go_on(past)
    again.prompt(is_line_begun=False, idle_group=None)
    past = read(path)
    assert past is not None
    assert (past.records, past.is_line_begun, past.idle_group) == ([(80, 24), b"drawn"], False, None)
