"""Whatever is asked in whatever order, and wherever a turn fails: what the hub knows is what the store knows."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fugue_core.errors import FugueError
from fugue_core.history import History
from fugue_core.hub import Caller, Hub
from fugue_core.limits import Limits
from fugue_core.mailbox import Letter
from fugue_core.protocol.breaker import Breaker, BreakerReleased, BreakerTripped, ChainBreaker, ReleaseBreaker
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import (
    DeliveriesChanged,
    Event,
    MessageSent,
    SessionChanged,
    SessionEnded,
    SessionJoined,
)
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    AckMessages,
    EditMetadata,
    EditTags,
    EndSession,
    JoinSession,
    ReceiveMessages,
    RenameSession,
)
from fugue_core.protocol.schema import RemoveSchema, SchemaChanged, SchemaInfo, SchemaRemoved, SetSchema
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import Broadcast, SessionNamed, Tagged, Worktree
from tests.core.world import World, sending

NAMES = st.sampled_from(["ann", "bob", "cid", "dan"])
TAGS = st.sampled_from(["x", "y", "z"])
PLACES = st.sampled_from([None, "/r", "/s"])
KINDS = st.sampled_from(["integer", "string", "nonsense"])
TARGETS = st.one_of(
    st.builds(Tagged, TAGS, PLACES),
    st.builds(SessionNamed, NAMES),
    st.just(Broadcast()),
    st.sampled_from(["/r", "/s"]).map(Worktree),
)


class HubAgainstItsStore(RuleBasedStateMachine):
    """Turns of any requests, committed, failed, or cut off by a crash.

    A subscriber goes by the events alone; `unread` is what its view makes of them, and `states` of each delivery.
    """

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="fugue-")
        limits = Limits(
            sessions=3,
            schemas=3,
            mailbox_messages=4,
            mailbox_sender_messages=3,
            receive_messages=3,
            envelope_cache_bytes=600,
            hops=2,
            pair_turns=2,
            pair_turns_s=20.0,
        )
        self.world = World(Path(self.directory.name), limits)
        self.callers: list[Caller] = [self.world.connect() for _ in range(4)]
        self.envelopes: dict[UUID, Envelope] = {}
        self.sessions: dict[UUID, SessionInfo] = {}
        self.states: dict[tuple[UUID, int], str] = {}
        self.schemas: dict[tuple[str, str | None], SchemaInfo] = {}
        self.breakers: dict[object, Breaker] = {}
        self.last_message_id = 0

    def teardown(self) -> None:
        self.world.close()
        self.directory.cleanup()

    def ask(self, number: int, request: Request) -> Any:
        with contextlib.suppress(FugueError):
            return self.world.ask(self.callers[number], request)
        return None

    # ------------------------------------------------------------------------------------------------ requests

    @rule(caller=st.integers(0, 3), name=NAMES | st.none(), tags=st.sets(TAGS), place=PLACES, resume=st.booleans())
    def join(self, caller: int, name: str | None, tags: set[str], place: str | None, *, resume: bool) -> None:
        worktree = None if place is None else WorktreeInfo(path=place)
        self.ask(caller, JoinSession(name=name, tags=tuple(tags), repo=place, worktree=worktree, resume=resume))

    @rule(caller=st.integers(0, 3), session=NAMES | st.none(), add=st.sets(TAGS), remove=st.sets(TAGS))
    def tag(self, caller: int, session: str | None, add: set[str], remove: set[str]) -> None:
        self.ask(caller, EditTags(session=session, add=tuple(add), remove=tuple(remove)))

    @rule(caller=st.integers(0, 3), session=NAMES | st.none(), name=NAMES)
    def rename(self, caller: int, session: str | None, name: str) -> None:
        self.ask(caller, RenameSession(session=session, name=name))

    @rule(caller=st.integers(0, 3), value=st.integers(0, 9))
    def describe(self, caller: int, value: int) -> None:
        self.ask(caller, EditMetadata(set={"k": value}))

    @rule(caller=st.integers(0, 3), session=NAMES | st.none())
    def end(self, caller: int, session: str | None) -> None:
        self.ask(caller, EndSession(session=session))

    @rule(
        caller=st.integers(0, 3),
        where=TARGETS,
        ttl_s=st.none() | st.integers(0, 20),
        answered=st.none() | st.integers(-2, 2),
        is_again=st.booleans(),
    )
    def send(self, caller: int, where: Any, ttl_s: int | None, answered: int | None, *, is_again: bool) -> None:
        if not is_again:
            self.last_message_id += 1
        message_id = UUID(int=2**100 + self.last_message_id)
        reply_to = None if answered is None else UUID(int=2**100 + max(0, self.last_message_id + answered))
        self.ask(caller, sending(where, self.last_message_id, id=message_id, ttl_s=ttl_s, reply_to=reply_to))

    @rule(caller=st.integers(0, 3), number=st.integers(0, 4), one=NAMES, other=NAMES)
    def release(self, caller: int, number: int, one: str, other: str) -> None:
        tripped = self.world.hub.snapshot("", 0).breakers
        breaker = tripped[number] if number < len(tripped) else None
        if isinstance(breaker, ChainBreaker):
            self.ask(caller, ReleaseBreaker(chain=breaker.chain))
        else:
            self.ask(caller, ReleaseBreaker(pair=(one, other)))

    @rule(caller=st.integers(0, 3), msg_type=st.sampled_from(["note", "bid"]), repo=PLACES, kind=KINDS)
    def set_schema(self, caller: int, msg_type: str, repo: str | None, kind: str) -> None:
        schema = msgspec.Raw(f'{{"type":"{kind}"}}'.encode())
        self.ask(caller, SetSchema(msg_type=msg_type, schema=schema, repo=repo))

    @rule(caller=st.integers(0, 3), msg_type=st.sampled_from(["note", "bid"]), repo=PLACES)
    def remove_schema(self, caller: int, msg_type: str, repo: str | None) -> None:
        self.ask(caller, RemoveSchema(msg_type=msg_type, repo=repo))

    @rule(
        caller=st.integers(0, 3),
        limit=st.integers(1, 4),
        peek=st.booleans(),
        after=st.none() | st.integers(0, 5),
        fresh=st.booleans(),
    )
    def receive(self, caller: int, limit: int, after: int | None, *, peek: bool, fresh: bool) -> None:
        received = self.ask(caller, ReceiveMessages(limit=limit, peek=peek, after=after, fresh=fresh))
        for envelope in received.envelopes if received else ():
            assert self.envelopes.setdefault(envelope.id, envelope).message == envelope.message

    @rule(caller=st.integers(0, 3), up_to=st.none() | st.integers(0, 12), number=st.integers(0, 12))
    def ack(self, caller: int, up_to: int | None, number: int) -> None:
        self.ask(caller, AckMessages(up_to=up_to, ids=(UUID(int=2**100 + number),)))

    @rule(caller=st.integers(0, 3), session=NAMES, attach=st.booleans())
    def connect(self, caller: int, session: str, *, attach: bool) -> None:
        self.world.hub.leave(self.callers[caller])
        self.callers[caller] = Caller()
        try:
            self.world.hub.bind(self.callers[caller], session, attach=attach)
        except FugueError:
            self.world.hub.bind(self.callers[caller], None, attach=attach)

    @rule(seconds=st.integers(-10, 15))
    def pass_time(self, seconds: int) -> None:
        self.world.clock.move(seconds)
        self.world.hub.tick()

    @rule(numbers=st.lists(st.integers(1, 12), max_size=4))
    def foresee(self, numbers: list[int]) -> None:
        ids = {self.last_message_id, self.last_message_id + 1, *numbers}
        self.world.hub.foresee([sending("broadcast", id=UUID(int=2**100 + number)) for number in ids])

    # ------------------------------------------------------------------------------------------------ ends of turns

    @rule()
    def commit(self) -> None:
        for event in self.world.turn():
            self.learn(event)
        self.hold_against_the_store()

    @rule()
    def fail(self) -> None:
        self.world.fail_turn()
        for event in self.world.turn():
            # of sessions that were touched, which are as they were; and what was refused stays so
            assert isinstance(event, SessionChanged | BreakerTripped)
            self.learn(event)
        self.hold_against_the_store()

    @rule()
    def crash(self) -> None:
        self.world.crash()
        self.callers = [self.world.connect() for _ in range(4)]
        self.breakers = {}
        self.sessions = {info.id: msgspec.structs.replace(info, attached_clients=0) for info in self.sessions.values()}
        self.hold_against_the_store()

    # ------------------------------------------------------------------------------------------------ what must hold

    def learn(self, event: Event) -> None:  # noqa: C901  # one branch for each kind of event
        """Take in an event as a subscriber would."""
        match event:
            case SchemaChanged() | SchemaRemoved():
                self.learn_schema(event)
            case SessionJoined(session=info):
                assert info.id not in self.sessions
                self.sessions[info.id] = info
            case SessionChanged(session=info):
                assert info.id in self.sessions
                self.sessions[info.id] = info
            case SessionEnded(id=session):
                del self.sessions[session]
            case MessageSent(envelope=envelope, recipients=recipients, refused=refused):
                for recipient in recipients:
                    self.states[recipient.id, envelope.seq] = "queued"
                for recipient in refused:
                    self.states[recipient.id, envelope.seq] = "dead"
            case DeliveriesChanged(session=session, state=state, seqs=seqs):
                for seq in seqs:
                    assert self.states[session, seq] in {"queued", "handed"}
                    self.states[session, seq] = state
            case BreakerTripped(breaker=breaker):
                self.breakers[what_of(breaker)] = breaker
            case BreakerReleased(breaker=breaker):
                del self.breakers[what_of(breaker)]

    def learn_schema(self, event: SchemaChanged | SchemaRemoved) -> None:
        if isinstance(event, SchemaChanged):
            self.schemas[event.schema.msg_type, event.schema.repo] = event.schema
        else:
            del self.schemas[event.msg_type, event.repo]

    def hold_against_the_store(self) -> None:
        world = self.world
        fresh = world.new_hub()
        known, stored = world.hub.snapshot("", 0), fresh.snapshot("", 0)
        assert known.last_seq == stored.last_seq
        assert [without_connections(info) for info in known.sessions] == list(stored.sessions)
        assert list(known.schemas) == list(stored.schemas)
        assert set(known.schemas) == set(self.schemas.values())
        assert mailboxes(world.hub) == mailboxes(fresh)
        assert whereabouts(world.hub) == whereabouts(fresh)
        assert world.hub._breakers._allowed == fresh._breakers._allowed
        # what a subscriber knows
        assert self.breakers.keys() == set(map(what_of, known.breakers))
        assert {info.id: told(info) for info in known.sessions} == {
            session: told(info) for session, info in self.sessions.items()
        }
        open_states = {key for key, state in self.states.items() if state in {"queued", "handed"}}
        assert open_states == {(info.id, seq) for info in known.sessions for seq in mailboxes(world.hub)[info.id]}
        # what the log says
        with contextlib.closing(History(world.path)) as history:
            for seq in {seq for _, seq in self.states}:
                (message_id,) = [row[0] for row in history._all("SELECT id FROM message WHERE seq = ?", (seq,))]
                record = history.record(MessageId(UUID(bytes=message_id)))
                assert {(delivery.recipient.id, seq): delivery.state for delivery in record.deliveries} == {
                    key: state for key, state in self.states.items() if key[1] == seq
                }

    @invariant()
    def connections_are_counted(self) -> None:
        for info in self.world.sessions():
            speaking = [
                caller
                for caller in self.callers
                if caller.is_attached and caller.member is not None and caller.member.id == info.id
            ]
            assert info.attached_clients == len(speaking)

    @invariant()
    def no_mailbox_is_over_its_limit(self) -> None:
        assert all(info.unread <= 4 for info in self.world.sessions())


def without_connections(info: SessionInfo) -> SessionInfo:
    return msgspec.structs.replace(info, attached_clients=0)


def told(info: SessionInfo) -> SessionInfo:
    """Return what events say of a session as a whole; `unread` a subscriber counts by itself."""
    return msgspec.structs.replace(info, unread=0)


def mailboxes(hub: Hub) -> dict[UUID, dict[int, Letter]]:
    return {member.id: dict(member.mailbox._letters) for member in hub._directory}


def what_of(breaker: Breaker) -> object:
    return breaker.chain if isinstance(breaker, ChainBreaker) else tuple(session.id for session in breaker.sessions)


def whereabouts(hub: Hub) -> dict[str, list[UUID]]:
    router = hub._directory.router
    return {
        **{tag: router.sessions_with_tag(tag) for tag in ("x", "y", "z")},
        **{repo: router.sessions_in_repo(repo) for repo in ("/r", "/s")},
        "all": router.all_sessions(),
    }


TestHub = HubAgainstItsStore.TestCase
TestHub.settings = settings(max_examples=60, stateful_step_count=40)
