from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from fugue_core.directory import Directory, Member
from fugue_core.errors import SessionIdExists, SessionNameExists, SessionNotFound, TooManySessions
from fugue_core.limits import Limits
from fugue_core.protocol.session import SessionId, WorktreeInfo
from fugue_core.protocol.target import Broadcast, Session, SessionNamed, Tagged, Worktree
from fugue_core.record import SessionRecord


def record_of(
    ref: int, name: str, *tags: str, repo: str | None = None, worktree: WorktreeInfo | None = None
) -> SessionRecord:
    return SessionRecord(
        ref=ref, id=SessionId(UUID(int=ref)), name=name, created_at=7.5, tags=tags, repo=repo, worktree=worktree
    )


def directory_with(*records: SessionRecord, limits: Limits | None = None) -> Directory:
    directory = Directory(limits or Limits())
    for record in records:
        directory.add(record)
    return directory


def found_at(directory: Directory, sender: Member, tag: str) -> list[str]:
    _, members = directory.resolve(sender, Tagged(tag))
    return [member.record.name for member in members]


def test_a_session_is_found_by_name_by_id_and_by_number() -> None:
    directory = directory_with(record_of(1, "ann"), record_of(2, "bob"))
    bob = directory.find("bob")
    assert directory.find(str(UUID(int=2))) is bob
    assert directory.find(UUID(int=2).hex) is bob
    assert directory.get(UUID(int=2)) is bob
    assert directory.by_ref(2) is bob
    assert directory.named("bob") is bob
    assert [member.record.name for member in directory] == ["ann", "bob"]
    assert len(directory) == 2


def test_who_is_not_found_is_compared_with_who_is_there() -> None:
    directory = directory_with(record_of(1, "mayor"), record_of(2, "clerk"))
    with pytest.raises(SessionNotFound) as caught:
        directory.find("major")
    assert (caught.value.session, caught.value.near) == ("major", ("mayor",))
    with pytest.raises(SessionNotFound, match=str(UUID(int=9))):
        directory.find(str(UUID(int=9)))


def test_names_and_ids_that_are_taken_are_refused() -> None:
    directory = directory_with(record_of(1, "ann"))
    with pytest.raises(SessionNameExists, match="ann"):
        directory.check_free("ann")
    with pytest.raises(SessionIdExists, match=str(UUID(int=1))):
        directory.check_free("bob", UUID(int=1))
    directory.check_free("bob", UUID(int=2))


def test_there_are_no_more_sessions_than_the_limit() -> None:
    directory = directory_with(record_of(1, "ann"), record_of(2, "bob"), limits=Limits(sessions=2))
    with pytest.raises(TooManySessions) as caught:
        directory.check_free("cid")
    assert caught.value.limit == 2
    directory.remove(directory.find("ann"))
    directory.check_free("cid")


def test_a_free_name_is_one_that_nobody_has() -> None:
    directory = directory_with(record_of(1, "session-2"), record_of(2, "session-3"))
    assert directory.free_name() == "session-4"
    directory.remove(directory.find("session-2"))
    assert directory.free_name() == "session-2"


def test_what_a_session_becomes_the_router_knows_at_once() -> None:
    directory = directory_with(record_of(1, "ann"), record_of(2, "bob", "old", "kept"))
    ann, bob = directory.find("ann"), directory.find("bob")
    directory.replace(bob, msgspec.structs.replace(bob.record, name="rob", tags=("kept", "new")))
    assert found_at(directory, ann, "new") == found_at(directory, ann, "kept") == ["rob"]
    assert directory.router.sessions_with_tag("old") == []
    assert directory.named("bob") is None
    assert directory.find("rob") is bob


def test_a_session_that_moves_is_found_where_it_is_and_keeps_its_place_in_the_order() -> None:
    there = WorktreeInfo(path="/w/there")
    directory = directory_with(
        record_of(1, "ann", repo="r"), record_of(2, "bob", repo="q"), record_of(3, "cid", repo="r", worktree=there)
    )
    ann, bob = directory.find("ann"), directory.find("bob")
    directory.replace(bob, msgspec.structs.replace(bob.record, repo="r", worktree=there))
    names = [
        [member.record.name for member in directory.resolve(ann, target)[1]]
        for target in (Broadcast(), Worktree("/w/there"))
    ]
    assert names == [["bob", "cid"], ["bob", "cid"]]


def test_a_session_that_is_removed_is_found_nowhere() -> None:
    directory = directory_with(record_of(1, "ann"), record_of(2, "bob", "x", repo="r"))
    bob = directory.find("bob")
    directory.remove(bob)
    assert bob.has_ended
    assert directory.get(bob.id) is directory.by_ref(2) is directory.named("bob") is None
    assert not directory.router.is_registered(bob.id)
    assert directory.router.sessions_with_tag("x") == []


def test_a_name_in_a_target_becomes_an_id() -> None:
    directory = directory_with(record_of(1, "ann"), record_of(2, "bob"))
    resolved, members = directory.resolve(directory.find("ann"), SessionNamed("bob"))
    assert resolved == Session(UUID(int=2))
    assert members == [directory.find("bob")]


def test_what_a_receipt_says_of_a_session_follows_its_name_and_its_connections() -> None:
    directory = directory_with(record_of(1, "ann"))
    ann = directory.find("ann")
    assert (ann.recipient().name, ann.recipient().is_connected) == ("ann", False)
    ann.attached_clients = 2
    assert ann.recipient().is_connected
    directory.replace(ann, msgspec.structs.replace(ann.record, name="eve"))
    assert (ann.recipient().name, ann.participant().name) == ("eve", "eve")


def test_what_anybody_may_know_of_a_session_is_what_is_recorded() -> None:
    worktree = WorktreeInfo(path="/w", branch="main")
    directory = directory_with(record_of(1, "ann", "a", "b", repo="r", worktree=worktree))
    ann = directory.find("ann")
    ann.mailbox.put(5, (100, 1))
    info = ann.info()
    assert (info.id, info.name, info.created_at, info.tags) == (UUID(int=1), "ann", 7, ("a", "b"))
    assert (info.repo, info.worktree, info.unread, info.attached_clients) == ("r", worktree, 1, 0)
