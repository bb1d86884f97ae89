"""The router against a plain scan of all sessions: whatever is done to both, they say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fugue_core.errors import (
    FugueError,
    MailboxFull,
    NoRecipients,
    NoRepository,
    ReceiverClosed,
    SessionNotFound,
    WouldBlock,
)
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.target import Broadcast, OrchestrationTarget, Session, Tagged, Worktree
from fugue_core.receiver import MessageReceiver
from fugue_core.router import MessageRouter

QUEUE_LIMIT = 3

# Now the same object for an id, now a new one: the router remembers the last sender by its object.
IDS = [UUID(int=number) for number in range(1, 7)]
session_ids = st.sampled_from(IDS) | st.sampled_from(IDS).map(lambda same: UUID(int=same.int))
tags = st.sampled_from(["a", "b", "c"])
repos = st.sampled_from([None, "r1", "r2"])
worktrees = st.sampled_from([None, "/w1", "/w2", "/w1/", "//w2/."])
TARGETS: list[OrchestrationTarget] = [
    *(Tagged(tag, repo) for tag in ("a", "b", "c") for repo in (None, "r1", "r2")),
    *map(Session, IDS),
    Broadcast(),
    *map(Worktree, ("/w1", "/w2", "/w1/", "/w3")),
]
targets = st.sampled_from(TARGETS)


@dataclass
class Model:
    """What is known of a session, as plainly as can be."""

    repo: str | None
    worktree: str | None
    tags: set[str]
    receiver: MessageReceiver
    queue: list[tuple[UUID, int]] = field(default_factory=list)


def plain_path(path: str | None) -> str | None:
    return None if path is None else "/" + path.strip("/.")


class RouterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.router = MessageRouter(QUEUE_LIMIT)
        self.model: dict[UUID, Model] = {}  # in order of first registration
        self.sent = 0

    # ------------------------------------------------------------------------------------------------- the model

    def scan(self, sender: UUID, target: OrchestrationTarget) -> tuple[UUID, ...] | type[FugueError]:
        """Return who receives, or the error, by looking at every session."""
        match target:
            case Session(id):
                return (id,) if id in self.model else SessionNotFound
            case Broadcast():
                repo = self.model[sender].repo if sender in self.model else None
                if repo is None:
                    return NoRepository
                return tuple(each for each, of in self.model.items() if of.repo == repo and each != sender)
            case Tagged(tag, repo):
                found = tuple(
                    each
                    for each, of in self.model.items()
                    if tag in of.tags and each != sender and (repo is None or of.repo == repo)
                )
            case Worktree(path):
                found = tuple(
                    each for each, of in self.model.items() if of.worktree == plain_path(path) and each != sender
                )
        return found or NoRecipients

    # ------------------------------------------------------------------------------------------------- the rules

    @rule(session=session_ids, repo=repos, worktree=worktrees, tags=st.lists(tags))
    def register(self, session: UUID, repo: str | None, worktree: str | None, tags: list[str]) -> None:
        receiver = self.router.register(session, repo, worktree, tags)
        before = self.model.get(session)
        if before is not None:
            self.read_to_the_end(before)
        self.model[session] = Model(repo, plain_path(worktree), set(tags), receiver)

    @rule(session=session_ids)
    def unregister(self, session: UUID) -> None:
        gone = self.model.pop(session, None)
        assert self.router.unregister(session) is (gone is not None)
        if gone is not None:
            self.read_to_the_end(gone)

    @rule(session=session_ids, tag=tags)
    def add_tag(self, session: UUID, tag: str) -> None:
        assert self.router.add_tag(session, tag) is (session in self.model)
        if session in self.model:
            self.model[session].tags.add(tag)

    @rule(session=session_ids, tag=tags)
    def remove_tag(self, session: UUID, tag: str) -> None:
        carried = session in self.model and tag in self.model[session].tags
        assert self.router.remove_tag(session, tag) is carried
        if carried:
            self.model[session].tags.remove(tag)

    @rule(sender=session_ids, at=targets)
    def resolve(self, sender: UUID, at: OrchestrationTarget) -> None:
        self.check_resolve(sender, at)

    @rule(sender=session_ids, at=targets)
    def route(self, sender: UUID, at: OrchestrationTarget) -> None:
        self.sent += 1
        message = OrchestrationMessage("n", self.sent)
        expected = self.scan(sender, at)
        if isinstance(expected, type):
            with pytest.raises(expected):
                self.router.route(sender, at, message)
            return
        delivered = tuple(each for each in expected if len(self.model[each].queue) < QUEUE_LIMIT)
        if delivered == expected:
            assert self.router.route(sender, at, message) == expected
        else:
            with pytest.raises(MailboxFull) as caught:
                self.router.route(sender, at, message)
            assert caught.value.delivered == delivered
            assert caught.value.refused == tuple(each for each in expected if each not in delivered)
        for each in delivered:
            self.model[each].queue.append((sender, self.sent))

    @rule(session=session_ids)
    def receive(self, session: UUID) -> None:
        if session not in self.model:
            return
        of = self.model[session]
        if of.queue:
            sender, message = of.receiver.receive_nowait()
            assert (sender, message.payload) == of.queue.pop(0)
        else:
            with pytest.raises(WouldBlock):
                of.receiver.receive_nowait()

    def check_resolve(self, sender: UUID, target: OrchestrationTarget) -> None:
        expected = self.scan(sender, target)
        if isinstance(expected, type):
            with pytest.raises(expected):
                self.router.resolve(sender, target)
        else:
            assert self.router.resolve(sender, target) == expected

    def read_to_the_end(self, gone: Model) -> None:
        for expected in gone.queue:
            sender, message = gone.receiver.receive_nowait()
            assert (sender, message.payload) == expected
        with pytest.raises(ReceiverClosed):
            gone.receiver.receive_nowait()

    # -------------------------------------------------------------------------------------------- what always holds

    @invariant()
    def questions_are_answered_as_a_scan_would(self) -> None:
        assert self.router.all_sessions() == list(self.model)
        for tag in ("a", "b", "c"):
            assert self.router.sessions_with_tag(tag) == [each for each, of in self.model.items() if tag in of.tags]
        for repo in ("r1", "r2"):
            assert self.router.sessions_in_repo(repo) == [each for each, of in self.model.items() if of.repo == repo]
        for session, of in self.model.items():
            assert self.router.get_tags(session) == frozenset(of.tags)
            assert self.router.is_registered(session)
            assert len(of.receiver) == len(of.queue)

    @invariant()
    def one_sender_resolves_every_target_as_a_scan_would(self) -> None:
        for target in TARGETS:
            self.check_resolve(IDS[0], target)

    @invariant()
    def no_index_keeps_what_nobody_uses(self) -> None:
        living = self.model.values()
        assert set(self.router._by_tag) == {tag for of in living for tag in of.tags}
        assert set(self.router._by_repo) == {of.repo for of in living} - {None}
        assert set(self.router._by_worktree) == {of.worktree for of in living} - {None}
        pairs = {(tag, of.repo) for of in living if of.repo is not None for tag in of.tags}
        assert set(self.router._by_tag_in_repo) == pairs


TestRouter = RouterMachine.TestCase
TestRouter.settings = settings(stateful_step_count=50)
