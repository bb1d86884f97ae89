from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core.errors import (
    FugueError,
    IdentityBound,
    InvalidFilter,
    InvalidMetadata,
    InvalidName,
    InvalidParams,
    InvalidTag,
    InvalidTarget,
    NoIdentity,
    SessionIdExists,
    SessionNameExists,
    SessionNotFound,
    TooManySessions,
)
from fugue_core.hub import Caller
from fugue_core.limits import TAGS_PER_SESSION, Limits
from fugue_core.protocol.events import DeliveriesChanged, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    AckMessages,
    EditMetadata,
    EditTags,
    EndSession,
    GetSession,
    HandMessages,
    JoinSession,
    ListSessions,
    ReceiveMessages,
    RenameSession,
    ResolveTarget,
    SessionList,
)
from fugue_core.protocol.session import SessionId, WorktreeInfo
from fugue_core.protocol.target import Broadcast, Tagged
from fugue_core.record import NoticeRecord
from tests.core.world import World, payloads, sending


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def small_world(directory: Path, **limits: Any) -> World:
    return World(directory, Limits(**limits))


# ------------------------------------------------------------------------------------------------------------ joining


def test_joining_makes_a_session_with_its_tags_in_order_and_tells_of_it(world: World) -> None:
    caller = world.connect()
    info = world.ask(caller, JoinSession(name="ann", tags=("b", "a", "b"), metadata={"k": [1]}, repo="r"))
    assert (info.name, info.tags, info.metadata, info.repo, info.attached_clients) == (
        "ann",
        ("a", "b"),
        {"k": [1]},
        "r",
        1,
    )
    assert info.created_at == int(world.clock.now)
    joined, changed = world.turn()
    assert isinstance(joined, SessionJoined)
    assert joined.session.id == info.id
    assert changed == SessionChanged(session=info)


def test_joining_without_a_name_finds_a_free_one(world: World) -> None:
    world.join("session-2")
    world.join(None)
    world.join(None)
    assert [info.name for info in world.sessions()] == ["session-2", "session-3", "session-4"]


def test_a_worktree_is_kept_without_a_trailing_slash(world: World) -> None:
    world.join("ann", worktree="/w/x/")
    assert world.info("ann").worktree == WorktreeInfo(path="/w/x")


def test_a_session_may_join_without_being_counted_as_connected(world: World) -> None:
    world.ask(world.connect(), JoinSession(name="ann", attach=False))
    assert world.info("ann").attached_clients == 0


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (JoinSession(name="a b"), InvalidName),
        (JoinSession(name="bob", tags=("ok", "not ok")), InvalidTag),
        (JoinSession(name="bob", tags=tuple(map(str, range(TAGS_PER_SESSION + 1)))), InvalidTag),
        (JoinSession(name="bob", metadata={"a b": 1}), InvalidMetadata),
        (JoinSession(name="bob", worktree=WorktreeInfo(path="relative")), InvalidTarget),
        (JoinSession(name="bob", for_pid=4711), InvalidParams),
        (JoinSession(name="ann"), SessionNameExists),
        (JoinSession(name="ann", resume=True, tags=("not ok",)), InvalidTag),
    ],
)
def test_a_join_that_is_refused_changes_nothing(world: World, request_: JoinSession, error: type[FugueError]) -> None:
    world.join("ann")
    world.turn()
    caller = world.connect()
    with pytest.raises(error):
        world.ask(caller, request_)
    assert [info.name for info in world.sessions()] == ["ann"]
    assert world.turn() == []
    with pytest.raises(NoIdentity):
        world.ask(caller, ReceiveMessages())


def test_joining_again_under_the_same_id_is_answered_as_the_first_time(world: World) -> None:
    request = JoinSession(name="ann", tags=("x",), id=UUID(int=77))
    first = world.ask(world.connect(), request)
    again = world.connect()
    assert world.ask(again, request).id == first.id == UUID(int=77)
    assert len(world.sessions()) == 1
    world.send(again, "session:ann", "to myself")


def test_joining_again_on_one_connection_is_answered_as_the_first_time(world: World) -> None:
    caller = world.connect()
    request = JoinSession(name="ann", id=UUID(int=77))
    assert world.ask(caller, request) == world.ask(caller, request)
    assert world.info("ann").attached_clients == 1


def test_the_id_of_a_session_that_has_ended_is_never_used_again(world: World) -> None:
    world.join("ann", id=UUID(int=77))
    world.hub.end(SessionId(UUID(int=77)))
    world.turn()
    for _ in range(2):
        with pytest.raises(SessionIdExists):
            world.join("bob", id=UUID(int=77))
        world.crash()


def test_resuming_takes_up_the_session_with_its_id_its_mail_and_its_metadata(world: World) -> None:
    ann, bob = world.join("ann", "a", metadata={"x": 1, "y": 1}, repo="r", worktree="/w"), world.join("bob")
    before = world.info("ann")
    world.send(bob, "session:ann", "hello")
    world.hub.leave(ann)
    again = world.join("ann", "b", metadata={"y": 2}, resume=True)
    after = world.info("ann")
    assert (after.id, after.tags, after.metadata) == (before.id, ("a", "b"), {"x": 1, "y": 2})
    assert (after.repo, after.worktree) == (before.repo, before.worktree)
    assert payloads(world.receive(again)) == ["hello"]


def test_resuming_moves_the_session_to_where_it_is_resumed(world: World) -> None:
    world.join("ann", repo="r", worktree="/w")
    world.join("ann", repo="q", worktree="/v", resume=True)
    assert (world.info("ann").repo, world.info("ann").worktree) == ("q", WorktreeInfo(path="/v"))


def test_resuming_where_nobody_has_the_name_begins_a_session(world: World) -> None:
    world.join("ann", resume=True)
    assert world.info("ann").attached_clients == 1


def test_resuming_counts_its_tags_together_with_those_that_are_there(world: World) -> None:
    world.join("ann", *(f"a{number}" for number in range(TAGS_PER_SESSION)))
    with pytest.raises(InvalidTag, match="at most 64"):
        world.join("ann", "one-more", resume=True)
    assert "one-more" not in world.info("ann").tags


def test_there_are_no_more_sessions_than_the_limit_and_those_there_go_on(tmp_path: Path) -> None:
    world = small_world(tmp_path, sessions=2)
    ann = world.join("ann")
    world.join("bob")
    with pytest.raises(TooManySessions, match="2 sessions"):
        world.join("cid")
    world.join("bob", resume=True)
    world.ask(ann, RenameSession(name="eve"))
    assert [info.name for info in world.sessions()] == ["eve", "bob"]
    world.close()


# ----------------------------------------------------------------------------------------------------------- identity

ABOUT_ONESELF: tuple[Request, ...] = (
    sending("tag:x"),
    ResolveTarget(target=Broadcast()),
    ReceiveMessages(),
    HandMessages(ids=()),
    AckMessages(up_to=5),
    GetSession(),
    RenameSession(name="other"),
    EndSession(),
    EditTags(add=("x",)),
    EditMetadata(set={"x": 1}),
)


@pytest.mark.parametrize("request_", ABOUT_ONESELF, ids=lambda request: request.method)
def test_who_speaks_for_no_session_is_never_taken_for_another(world: World, request_: Request) -> None:
    world.join("ann", "x", repo="r")
    world.turn()
    with pytest.raises(NoIdentity) as caught:
        world.ask(world.connect(), request_)
    assert caught.value.method == request_.method
    assert world.turn() == []


@pytest.mark.parametrize("request_", ABOUT_ONESELF, ids=lambda request: request.method)
def test_who_speaks_for_a_session_that_has_ended_is_not_taken_for_its_successor(
    world: World, request_: Request
) -> None:
    world.join("bob", "x", repo="r")
    ann = world.join("ann", "x", repo="r")
    ended = world.info("ann")
    world.hub.end(SessionId(ended.id))
    world.join("ann", "x", repo="r")
    world.turn()
    with pytest.raises(SessionNotFound, match=str(ended.id)):
        world.ask(ann, request_)
    assert world.turn() == []


def test_a_connection_is_bound_once(world: World) -> None:
    ann = world.join("ann")
    world.join("bob")
    with pytest.raises(IdentityBound, match="ann"):
        world.ask(ann, JoinSession(name="cid"))
    with pytest.raises(IdentityBound, match="ann"):
        world.ask(ann, JoinSession(name="bob", resume=True))
    with pytest.raises(IdentityBound, match="ann"):
        world.hub.bind(ann, "bob", attach=True)
    assert [info.name for info in world.sessions()] == ["ann", "bob"]
    assert world.info("bob").attached_clients == 1


def test_nobody_is_bound_to_a_session_that_is_not_there(world: World) -> None:
    with pytest.raises(SessionNotFound, match="nobody"):
        world.hub.bind(Caller(), "nobody", attach=True)


def test_a_session_counts_those_who_are_connected(world: World) -> None:
    first = world.join("ann")
    second = world.connect("ann")
    world.connect("ann", attach=False)
    assert world.info("ann").attached_clients == 2
    world.hub.leave(first)
    world.turn()
    world.hub.leave(second)
    assert world.info("ann").attached_clients == 0
    (changed,) = world.turn()
    assert changed == SessionChanged(session=world.info("ann"))


# ------------------------------------------------------------------------------------------------ looking and changing


def test_sessions_are_listed_in_order_of_registration_and_by_filter(world: World) -> None:
    ann = world.join("ann", "a", repo="/x/shop")
    world.join("bob", "a", "b", repo="/x/api", metadata={"colour": "red"})
    world.join("cid")

    def names(words: str) -> list[str]:
        listed: SessionList = world.ask(ann, ListSessions(filter=words))
        return [info.name for info in listed.sessions]

    assert names("") == ["ann", "bob", "cid"]
    assert names("tag:a") == ["ann", "bob"]
    assert names("tag:a !tag:b") == ["ann"]
    assert names("from:b*") == names(f"from:{world.info('bob').id}") == ["bob"]
    assert names("repo:shop") == names("repo:/x/shop") == ["ann"]
    assert names("colour") == ["bob"]
    with pytest.raises(InvalidFilter):
        names("colour:red")


def test_renaming_keeps_the_id_the_tags_and_the_mail(world: World) -> None:
    ann, bob = world.join("ann", "x"), world.join("bob")
    before = world.info("ann")
    world.send(bob, "session:ann", "hello")
    assert world.ask(bob, RenameSession(name="eve", session="ann")).name == "eve"
    after = world.info("eve")
    assert (after.id, after.tags, after.unread) == (before.id, ("x",), 1)
    assert payloads(world.receive(ann)) == ["hello"]
    world.join("ann")
    with pytest.raises(SessionNameExists, match="ann"):
        world.ask(bob, RenameSession(name="ann", session="eve"))


def test_renaming_to_the_name_that_it_has_is_no_change(world: World) -> None:
    ann = world.join("ann")
    world.turn()
    assert world.ask(ann, RenameSession(name="ann")).name == "ann"
    assert world.turn() == []


@pytest.mark.parametrize(
    ("edit", "tags"),
    [
        (EditTags(add=("c", "a")), ("a", "b", "c")),
        (EditTags(remove=("a", "z")), ("b",)),
        (EditTags(add=("c",), remove=("a", "b")), ("c",)),
        (EditTags(replace=("y", "x", "y")), ("x", "y")),
        (EditTags(replace=()), ()),
    ],
)
def test_tags_are_edited(world: World, edit: EditTags, tags: tuple[str, ...]) -> None:
    ann = world.join("ann", "a", "b")
    world.turn()
    assert world.ask(ann, edit).tags == tags
    assert world.turn() == [SessionChanged(session=world.info("ann"))]
    assert world.hub.snapshot("", 0).sessions[0].tags == tags


@pytest.mark.parametrize(
    ("edit", "error", "said"),
    [
        (EditTags(add=("good", "")), InvalidTag, "''"),
        (EditTags(add=("good", " ")), InvalidTag, "' '"),
        (EditTags(add=("good", "a,b")), InvalidTag, "'a,b'"),
        (EditTags(add=("good", "a\n")), InvalidTag, r"'a\\n'"),
        (EditTags(add=("good", "x" * 65)), InvalidTag, "'x{65}'"),
        (EditTags(add=tuple(f"t{number}" for number in range(63))), InvalidTag, "at most 64, not 65"),
        (EditTags(add=("good", "both"), remove=("both",)), InvalidTag, "'both': is both added and removed"),
        (EditTags(remove=("a", "not a tag")), InvalidTag, "'not a tag'"),
        (EditTags(replace=("good", "a b")), InvalidTag, "'a b'"),
        (EditTags(add=("good",), replace=("c",)), InvalidParams, "`replace`"),
    ],
)
def test_an_edit_of_tags_is_done_whole_or_not_at_all(
    world: World, edit: EditTags, error: type[FugueError], said: str
) -> None:
    ann = world.join("ann", "a", "b")
    world.turn()
    with pytest.raises(error, match=said):
        world.ask(ann, edit)
    assert world.info("ann").tags == ("a", "b")
    assert world.turn() == []


def test_the_sixty_fourth_tag_still_fits(world: World) -> None:
    ann = world.join("ann")
    info = world.ask(ann, EditTags(add=tuple(f"t{number}" for number in range(TAGS_PER_SESSION))))
    assert len(info.tags) == TAGS_PER_SESSION
    with pytest.raises(InvalidTag, match="at most 64"):
        world.ask(ann, EditTags(add=("one-more",)))
    assert world.ask(ann, EditTags(add=("one-more",), remove=("t0",))).tags[0] == "one-more"


def test_an_edit_that_changes_nothing_is_no_event(world: World) -> None:
    ann = world.join("ann", "a")
    world.turn()
    assert world.ask(ann, EditTags(add=("a",), remove=("z",))).tags == ("a",)
    assert world.turn() == []


def test_many_edits_in_one_turn_are_told_once_as_it_is_in_the_end(world: World) -> None:
    ann = world.join("ann")
    world.turn()
    for number in range(5):
        world.ask(ann, EditTags(replace=(f"t{number}",)))
    assert world.turn() == [SessionChanged(session=world.info("ann"))]
    assert world.info("ann").tags == ("t4",)


def test_metadata_is_edited_whole_or_not_at_all(tmp_path: Path) -> None:
    world = small_world(tmp_path, metadata_bytes=100)
    ann = world.join("ann", metadata={"x": 1, "y": {"z": None}})
    assert world.ask(ann, EditMetadata(set={"x": 2}, remove=("y", "w"))).metadata == {"x": 2}
    for edit, said in (
        (EditMetadata(set={"x": 3, "a b": 1}), "'a b'"),
        (EditMetadata(set={"x": 3}, remove=("x",)), "both set and removed"),
        (EditMetadata(set={"x": "." * 100}), "exceed the limit of 100"),
    ):
        with pytest.raises(InvalidMetadata, match=said):
            world.ask(ann, edit)
    assert world.info("ann").metadata == {"x": 2}
    world.close()


# ------------------------------------------------------------------------------------------------------------- ending


def test_ending_leaves_unread_mail_dead_and_the_name_free(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    first, second = (world.send(bob, "session:ann", number) for number in (1, 2))
    world.receive(ann, limit=1)
    world.turn()
    ended = world.ask(bob, EndSession(session="ann"))
    assert (ended.name, ended.unread) == ("ann", 2)
    dead, gone = world.turn()
    assert isinstance(dead, DeliveriesChanged)
    assert (dead.session, dead.state, dead.seqs) == (ended.id, "dead", (first.seq, second.seq))
    assert dead.reason == "session ended"
    assert gone == SessionEnded(id=ended.id, name="ann", at=world.clock.now)
    world.join("ann")
    assert world.info("ann").id != ended.id
    assert world.info("ann").unread == 0
    with pytest.raises(SessionNotFound):
        world.ask(bob, EndSession(session=str(ended.id)))


def test_a_session_may_end_itself(world: World) -> None:
    ann = world.join("ann")
    assert world.ask(ann, EndSession()).name == "ann"
    assert world.sessions() == ()


def test_a_session_that_ends_is_among_the_arrivals_so_that_nobody_waits_for_its_mail(world: World) -> None:
    ann = world.join("ann")
    world.hub.take_arrivals()
    world.ask(ann, EndSession())
    assert world.hub.take_arrivals() == [ann.member]


def test_sessions_say_for_which_process_they_live(world: World) -> None:
    world.processes |= {11: 1100, 12: 1200}
    world.join("ann", for_pid=11)
    world.join("bob")
    ann = SessionId(world.info("ann").id)
    assert world.hub.guarded_processes() == {ann: (11, 1100)}
    world.turn()
    world.crash()
    assert world.hub.guarded_processes() == {ann: (11, 1100)}
    world.join("ann", resume=True)
    assert world.hub.guarded_processes() == {ann: (11, 1100)}
    world.join("ann", resume=True, for_pid=12)
    assert world.hub.guarded_processes() == {ann: (12, 1200)}


def test_ending_for_a_process_ends_the_session_once(world: World) -> None:
    world.processes[11] = 1100
    world.join("ann", for_pid=11)
    ann = SessionId(world.info("ann").id)
    world.turn()
    world.hub.end(ann)
    world.hub.end(ann)
    assert [type(event) for event in world.turn()] == [SessionEnded]


# --------------------------------------------------------------------------------------------- what outlives a process


def test_a_crash_keeps_what_was_committed_and_nothing_else(world: World) -> None:
    ann = world.join("ann", "a", repo="r", worktree="/w", metadata={"k": "v"})
    bob = world.join("bob", "a")
    world.send(ann, "tag:a", "kept")
    world.turn()
    before = world.sessions()
    world.ask(bob, EditTags(add=("lost",)))
    world.send(ann, "tag:a", "lost")
    world.join("lost")
    world.crash()
    connections = {"ann": 1, "bob": 1}
    assert {info.name: info.attached_clients for info in before} == connections
    assert [
        (info.id, info.name, info.tags, info.metadata, info.repo, info.worktree, info.unread, info.created_at)
        for info in before
    ] == [
        (info.id, info.name, info.tags, info.metadata, info.repo, info.worktree, info.unread, info.created_at)
        for info in world.sessions()
    ]
    assert {info.attached_clients for info in world.sessions()} == {0}
    assert payloads(world.receive(world.connect("bob"))) == ["kept"]


def test_a_session_that_begins_after_a_restart_is_not_taken_for_one_that_ended_before(world: World) -> None:
    ann = world.join("ann")
    world.join("bob")
    world.ask(ann, EndSession())
    world.turn()
    world.crash()
    world.join("cid")
    world.turn()
    world.crash()
    assert [info.name for info in world.sessions()] == ["bob", "cid"]


def test_numbers_go_on_where_they_stopped(world: World) -> None:
    ann = world.join("ann")
    world.join("bob", "x")
    last = world.send(ann, "tag:x").seq
    world.turn()
    world.crash()
    assert world.hub.last_seq == last
    assert world.send(world.connect("ann"), "tag:x").seq == last + 1


def test_the_order_of_recipients_is_that_of_registration_after_a_restart_and_after_changes(world: World) -> None:
    ann = world.join("ann")
    for name in ("c", "a", "b"):
        world.join(name, "x")
    world.ask(ann, EditTags(session="c", remove=("x",)))
    world.ask(ann, EditTags(session="c", add=("x",)))
    world.ask(ann, RenameSession(session="a", name="z"))
    names = [recipient.name for recipient in world.ask(ann, ResolveTarget(target=Tagged("x"))).recipients]
    world.turn()
    world.crash()
    again = [
        recipient.name for recipient in world.ask(world.connect("ann"), ResolveTarget(target=Tagged("x"))).recipients
    ]
    assert names == again == ["c", "z", "b"]


def test_a_turn_that_fails_leaves_nothing_behind(world: World) -> None:
    ann, bob = world.join("ann", "a"), world.join("bob")
    world.send(bob, "session:ann", "kept")
    world.turn()
    before = world.hub.snapshot("", 0)
    world.ask(ann, EditTags(replace=("b",)))
    world.ask(ann, RenameSession(name="eve"))
    world.send(bob, "session:eve", "undone")
    world.receive(ann)
    world.ask(bob, EndSession())
    newcomer = world.join("new")
    world.fail_turn()
    assert world.turn() == [SessionChanged(session=world.info("ann"))]  # as it is, whatever it nearly was
    assert world.hub.snapshot("", 0) == before
    with pytest.raises(NoIdentity):
        world.ask(newcomer, ReceiveMessages())
    assert payloads(world.receive(ann)) == ["kept"]
    assert world.send(bob, "session:ann", "and on").seq == before.last_seq + 1


def test_connections_that_come_and_go_in_a_turn_that_fails_are_still_counted(world: World) -> None:
    ann = world.join("ann")
    world.turn()
    again = world.connect("ann")
    world.hub.leave(ann)
    world.fail_turn()
    assert world.info("ann").attached_clients == 1
    assert world.turn() == [SessionChanged(session=world.info("ann"))]
    world.hub.leave(again)
    assert world.info("ann").attached_clients == 0


def test_what_was_handed_in_a_turn_that_failed_is_handed_again(world: World) -> None:
    ann = world.join("ann")
    for number in range(3):
        world.send(ann, "session:ann", number)
    world.turn()
    world.receive(ann, limit=1)
    world.turn()
    assert payloads(world.receive(ann, limit=1)) == [1]
    assert payloads(world.receive(ann, limit=1)) == [2]
    world.fail_turn()
    assert payloads(world.receive(ann)) == [1, 2]


# -------------------------------------------------------------------------------------------------------------- waking


def test_who_is_to_be_woken_is_known_with_what_it_was_never_handed_over_a_crash_too(world: World) -> None:
    ann, bob = world.join("ann"), world.join("bob")
    session = world.info("bob").id
    assert world.hub.sleepers() == []
    world.hub.set_wake(SessionId(session), "on")
    first = world.send(ann, "session:bob").seq
    world.receive(bob)
    second = world.send(ann, "session:bob").seq
    notice = NoticeRecord(at=1.0, seq=second, key="a.0")
    assert world.hub.note_notice(SessionId(session), notice)
    world.turn()
    world.crash()
    (sleeper,) = world.hub.sleepers()
    assert first < second
    assert sleeper == world.hub.sleeper(SessionId(session))
    assert (sleeper.record.name, sleeper.record.notice, sleeper.unhanded) == ("bob", notice, [second])


def test_waking_turned_on_again_begins_anew_and_turned_off_notes_nothing(world: World) -> None:
    world.join("bob")
    session = SessionId(world.info("bob").id)
    world.hub.set_wake(session, "on")
    world.hub.note_notice(session, NoticeRecord(at=1.0, seq=1, key="a.0"))
    world.hub.set_wake(session, "on")
    sleeper = world.hub.sleeper(session)
    assert sleeper is not None
    assert sleeper.record.notice is None
    world.hub.note_wake_reason(session, "because")
    world.hub.set_wake(session, "off")
    assert world.info("bob").wake_reason == ""
    assert not world.hub.note_notice(session, NoticeRecord(at=1.0, seq=1, key="a.0"))
    assert world.hub.sleeper(session) is None


def test_why_a_session_is_not_woken_is_told_once_for_each_change(world: World) -> None:
    world.join("bob")
    session = SessionId(world.info("bob").id)
    world.hub.set_wake(session, "on")
    world.turn()
    for reason, told in (("printing", 1), ("printing", 0), ("calm", 1)):
        world.hub.note_wake_reason(session, reason)
        assert len(world.turn()) == told
        assert world.info("bob").wake_reason == reason
    world.hub.note_wake_reason(SessionId(UUID(int=7)), "it has ended")
    assert world.turn() == []
