"""What is written survives the end of the app, all of it or what was there before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fugue_core.errors import InvalidPayload, InvalidTarget
from fugue_core.protocol.target import Broadcast, Tagged
from fugue_tui.draft import ASIDE_KEPT, SENT_CHARS, SENT_KEPT, Desk, Draft, Pages, desk_path, load_desk, save_desk

WRITTEN = Draft(target="tag:mayor", msg_type="gas_town.bid", payload='{"amount": 75', reply_to="", sender="cat-1")


def test_a_desk_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    path = desk_path(str(tmp_path / "server"))
    desk = Desk(draft=WRITTEN, sent=(Draft(target="broadcast", msg_type="note"),))
    save_desk(path, desk)
    assert load_desk(path) == desk


def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = desk_path(str(tmp_path / "server"))
    save_desk(path, Desk(draft=WRITTEN))
    save_desk(path, Desk())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(path)) == ["draft.json"]


def test_a_desk_that_cannot_be_kept_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk_path(str(tmp_path))
    save_desk(path, Desk(draft=WRITTEN))

    def refuse(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        save_desk(path, Desk())
    assert load_desk(path).draft == WRITTEN
    assert os.listdir(tmp_path) == ["draft.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"draft": 7}', b"\xff\xfe", b'{"sent": [{}, 1]}'])
def test_what_cannot_be_read_is_an_empty_desk(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(content)
    assert load_desk(str(path)) == Desk()
    assert load_desk(str(tmp_path / "absent")) == Desk()


@given(st.binary(max_size=60))
def test_no_bytes_on_the_disk_stop_the_app(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    assert isinstance(load_desk(str(path)), Desk)


def test_the_newest_sent_stand_last_and_a_repeated_one_moves() -> None:
    desk = Desk()
    for name in ("a", "b", "a"):
        desk = desk.with_sent(Draft(msg_type=name))
    assert [draft.msg_type for draft in desk.sent] == ["b", "a"]


REPLY = Draft(target="session:ivy", reply_to="7", msg_type="answer")


def test_a_reply_lays_aside_what_is_written_and_gives_it_back_when_it_is_sent_or_given_up() -> None:
    replying = Desk(draft=WRITTEN).begin("session:ivy", msg_type="answer", reply_to="7")
    assert replying == Desk(draft=REPLY, aside=(WRITTEN,))
    assert replying.drop() == Desk(draft=WRITTEN)
    assert replying.send(REPLY) == Desk(draft=WRITTEN, sent=(REPLY,))


def test_what_is_written_goes_on_under_another_target() -> None:
    begun = Desk(draft=WRITTEN).begin("session:ivy", payload="{}")
    assert (begun.draft.target, begun.draft.payload, begun.aside) == ("session:ivy", WRITTEN.payload, ())


def test_a_reply_in_which_nothing_is_written_is_not_kept() -> None:
    empty = Desk().begin("session:ivy", reply_to="7")
    assert empty.begin("session:cat-1", reply_to="8").aside == ()
    assert Desk(draft=REPLY).begin("session:cat-1", reply_to="8").aside == (REPLY,)


def test_what_was_sent_leaves_its_kind_and_what_was_written_meanwhile_stays() -> None:
    assert Desk(draft=WRITTEN).send(WRITTEN).draft == WRITTEN.emptied()
    meanwhile = Desk(draft=WRITTEN).begin("session:ivy", reply_to="7").send(WRITTEN)
    assert meanwhile == Desk(draft=Draft(target="session:ivy", reply_to="7"), sent=(WRITTEN,))


def test_what_is_laid_aside_is_bounded() -> None:
    desk = Desk()
    for number in range(ASIDE_KEPT + 5):
        desk = desk.begin("session:ivy", msg_type=str(number), reply_to=str(number + 1))
    assert [draft.msg_type for draft in desk.aside] == [str(number) for number in range(4, ASIDE_KEPT + 4)]


def test_the_history_is_bounded_in_number_and_in_size() -> None:
    desk = Desk()
    for number in range(SENT_KEPT + 5):
        desk = desk.with_sent(Draft(msg_type=str(number)))
    assert len(desk.sent) == SENT_KEPT
    assert desk.sent[-1].msg_type == str(SENT_KEPT + 4)
    for number in range(4):
        desk = desk.with_sent(Draft(msg_type=f"big{number}", payload="x" * (SENT_CHARS // 2)))
    assert sum(len(draft.payload) for draft in desk.sent) <= SENT_CHARS
    assert desk.sent[-1].msg_type == "big3"
    alone = Desk().with_sent(Draft(payload="x" * (SENT_CHARS + 1)))
    assert len(alone.sent) == 1


def test_a_draft_is_read_as_the_daemon_would() -> None:
    assert WRITTEN.read_target() == Tagged("mayor")
    assert Draft(payload="  ").read_payload() == b"null"
    assert Draft(payload=' {"a": 1.0} ').read_payload() == b'{"a": 1.0}'
    assert Draft(target="tag:mayor", repo="/src").read_target() == Tagged("mayor", repo="/src")
    assert Draft(target="broadcast", repo="/src").read_target() == Broadcast()
    with pytest.raises(InvalidPayload):
        WRITTEN.read_payload()
    with pytest.raises(InvalidTarget):
        Draft(target="mayor").read_target()


def test_a_kind_alone_is_nothing_written() -> None:
    assert Draft(target="tag:").is_empty
    assert Draft().is_empty
    assert not Draft(payload="1").is_empty
    assert not WRITTEN.is_empty


def test_pages_go_back_and_forth_and_keep_what_was_changed_on_them() -> None:
    one, two, now, changed = (Draft(payload=text) for text in ("1", "2", "now", "10"))
    assert Pages().age is None
    pages = Pages()
    assert pages.turn(1, (one, two), now) is None
    assert pages.turn(-1, (one, two), now) == two
    assert pages.turn(-1, (one, two), two) == one
    assert pages.age == 2
    assert pages.turn(-1, (one, two), changed) is None
    assert [pages.turn(1, (), changed), pages.turn(1, (), two), pages.turn(1, (), now)] == [two, now, None]
    assert [pages.turn(-1, (), now), pages.turn(-1, (), two)] == [two, changed]
    pages.close()
    assert pages.turn(-1, (), now) is None
