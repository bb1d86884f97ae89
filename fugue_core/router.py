"""Who receives a message? No I/O; nothing here waits but `MessageReceiver.receive`.

The daemon routes with this very class: what it delivers to is what a program that imports it would see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from uuid import UUID

from fugue_core import limits
from fugue_core.errors import MailboxFull, NoRecipients, NoRepository, ReceiverClosed, SessionNotFound, WouldBlock
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.session import check_tag, check_tags
from fugue_core.protocol.target import (
    Broadcast,
    OrchestrationTarget,
    Session,
    Tagged,
    Worktree,
    format_target,
    normalise_path,
)

if TYPE_CHECKING:
    import asyncio

Received: TypeAlias = tuple[UUID, OrchestrationMessage]
_Key = TypeVar("_Key")


class MessageReceiver:
    """The end of the pipe where one session takes out what was routed to it, in the order of routing.

    It holds at most `limit` messages; a full one refuses more (`MailboxFull` at the sender) and loses none.

    Invariant: `deliver` only ever appends to the queue; while somebody waits it also wakes them. So the router's loop
    pays nothing for waiting.
    """

    __slots__ = ("_is_closed", "_queue", "_waiters", "deliver", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._queue: deque[Received] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._is_closed = False
        self.deliver: Callable[[Received], object] = self._queue.append

    def __len__(self) -> int:
        return len(self._queue)

    def receive_nowait(self) -> Received:
        """Return the oldest message with its sender; raise `WouldBlock` where there is none."""
        if self._queue:
            return self._queue.popleft()
        raise ReceiverClosed if self._is_closed else WouldBlock

    async def receive(self) -> Received:
        """Wait for a message; return it with its sender.

        Several tasks may wait; each message goes to one of them. Cancelling loses no message.

        Raises:
            ReceiverClosed: The session was unregistered, and everything that had come is read.
        """
        import asyncio  # only who waits needs an event loop

        while not self._queue and not self._is_closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self.deliver = self._deliver_and_wake
            try:
                await waiter
            finally:
                if not waiter.done() or waiter.cancelled():
                    self._waiters.remove(waiter)
                    self._rest()
                if self._queue or self._is_closed:
                    self._wake_one()  # a waiter that was woken and then cancelled hands the wake on
        return self.receive_nowait()

    def __aiter__(self) -> MessageReceiver:
        return self

    async def __anext__(self) -> Received:
        try:
            return await self.receive()
        except ReceiverClosed:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Take nothing more; what is queued can still be read, and whoever waits is told."""
        self._is_closed = True
        while self._waiters:
            self._wake_one()

    def _deliver_and_wake(self, received: Received) -> None:
        self._queue.append(received)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break
        self._rest()

    def _rest(self) -> None:
        if not self._waiters:
            self.deliver = self._queue.append


class _Registration:
    """What the router knows of one session. `number` grows with each registration and gives the order of recipients."""

    __slots__ = ("alone", "number", "receiver", "repo", "session", "tags", "worktree")

    def __init__(  # noqa: PLR0913, PLR0917  # a record: each argument is one of its columns
        self, number: int, session: UUID, repo: str | None, worktree: str | None, tags: set[str], receiver: MessageReceiver
    ) -> None:
        self.number = number
        self.session = session
        self.repo = repo
        self.worktree = worktree
        self.tags = tags
        self.receiver = receiver
        self.alone = _Audience()
        self.alone.members[number] = self


class _Audience:
    """The sessions that one target names.

    `members` is the truth; the tuples beside it are arranged from it when they are first needed after a change, so that
    a route finds its recipients ready and in order.

    `roomy_until` bounds what the receivers' limits cost: a receiver gains at most one message from each route of the
    whole router, so where the fullest member has room for n more, none can be full during the next n routes.
    """

    __slots__ = ("ids", "members", "positions", "receivers", "roomy_until")

    def __init__(self) -> None:
        self.members: dict[int, _Registration] = {}
        self.positions: dict[UUID, int] | None = None
        self.ids: tuple[UUID, ...] = ()
        self.receivers: tuple[MessageReceiver, ...] = ()
        self.roomy_until = 0

    def arrange(self) -> dict[UUID, int]:
        """Set the tuples anew. Cost: the number of members; they are nearly in order, which sorting makes use of."""
        ordered = [self.members[number] for number in sorted(self.members)]
        self.ids = tuple(registration.session for registration in ordered)
        self.receivers = tuple(registration.receiver for registration in ordered)
        self.positions = {session: position for position, session in enumerate(self.ids)}
        self.roomy_until = 0
        return self.positions


class MessageRouter:
    """Say which sessions a message is for, and put it into their receivers.

    Invariant: a session is a member of exactly the audiences of its tags, its repository, its worktree and its tags
    within its repository; no audience in an index is ever empty.

    Cost of `resolve` and `route`: the number of recipients, not the number of sessions. The first one after a change
    of an audience also pays for arranging that audience.
    """

    def __init__(self, queue_limit: int = limits.ROUTER_QUEUE_MESSAGES) -> None:
        self._queue_limit = queue_limit
        self._registrations: dict[UUID, _Registration] = {}
        self._by_tag: dict[str, _Audience] = {}
        self._by_tag_in_repo: dict[tuple[str, str], _Audience] = {}
        self._by_repo: dict[str, _Audience] = {}
        self._by_worktree: dict[str, _Audience] = {}
        self._registered = 0
        self._routed = 0

    # ----------------------------------------------------------------------------------------------- registration

    def register(
        self, session_id: UUID, repo_id: str | None, worktree_path: str | None, tags: Iterable[str]
    ) -> MessageReceiver:
        """Make a session addressable; return where it receives.

        Registering an id again replaces everything about it: scoping, tags, place in the order, and the receiver,
        which is closed.

        Raises:
            InvalidTag, InvalidTarget: A tag or the path breaks its rule; nothing was changed.
        """
        checked = set(check_tags(tags))
        worktree = None if worktree_path is None else normalise_path(worktree_path)
        self.unregister(session_id)
        self._registered += 1
        receiver = MessageReceiver(self._queue_limit)
        registration = _Registration(self._registered, session_id, repo_id, worktree, checked, receiver)
        self._registrations[session_id] = registration
        if repo_id is not None:
            _enter(self._by_repo, repo_id, registration)
        if worktree is not None:
            _enter(self._by_worktree, worktree, registration)
        for tag in checked:
            self._enter_tag(tag, registration)
        return receiver

    def unregister(self, session_id: UUID) -> bool:
        """Make a session unknown and close its receiver; False where it was unknown already."""
        registration = self._registrations.pop(session_id, None)
        if registration is None:
            return False
        for tag in registration.tags:
            self._leave_tag(tag, registration)
        if registration.repo is not None:
            _leave(self._by_repo, registration.repo, registration)
        if registration.worktree is not None:
            _leave(self._by_worktree, registration.worktree, registration)
        registration.receiver.close()
        return True

    def add_tag(self, session_id: UUID, tag: str) -> bool:
        """Put `tag` on a session; True where the session is registered, also if it had the tag.

        Raises:
            InvalidTag: The tag breaks the rule, or the session carries as many as it may.
        """
        check_tag(tag)
        registration = self._registrations.get(session_id)
        if registration is None:
            return False
        if tag not in registration.tags:
            check_tags({*registration.tags, tag})
            registration.tags.add(tag)
            self._enter_tag(tag, registration)
        return True

    def remove_tag(self, session_id: UUID, tag: str) -> bool:
        """Take `tag` off a session; False where the session did not carry it."""
        registration = self._registrations.get(session_id)
        if registration is None or tag not in registration.tags:
            return False
        registration.tags.remove(tag)
        self._leave_tag(tag, registration)
        return True

    # -------------------------------------------------------------------------------------------------- questions

    def is_registered(self, session_id: UUID) -> bool:
        """Say whether the session is known."""
        return session_id in self._registrations

    def get_tags(self, session_id: UUID) -> frozenset[str] | None:
        """Return a session's tags; None where it is not registered."""
        registration = self._registrations.get(session_id)
        return None if registration is None else frozenset(registration.tags)

    def sessions_with_tag(self, tag: str) -> list[UUID]:
        """Return who carries `tag`, in order of registration."""
        return _ids(self._by_tag.get(tag))

    def sessions_in_repo(self, repo_id: str) -> list[UUID]:
        """Return who is in the repository, in order of registration."""
        return _ids(self._by_repo.get(repo_id))

    def all_sessions(self) -> list[UUID]:
        """Return everybody, in order of registration."""
        return list(self._registrations)

    # ---------------------------------------------------------------------------------------------------- routing

    def resolve(self, from_session_id: UUID, target: OrchestrationTarget) -> tuple[UUID, ...]:
        """Return who would receive a message from this sender, in order of registration; each once.

        The sender need not be registered; it then has no repository, and is nobody's recipient.

        Raises:
            NoRecipients: Nobody but perhaps the sender is at a `Tagged` or `Worktree` target.
            SessionNotFound: The session of a `Session` target is not registered.
            NoRepository: The sender of a `Broadcast` has no repository. (One without others in it is no error.)
        """
        return self._select(from_session_id, target)[0]

    def route(self, from_session_id: UUID, target: OrchestrationTarget, message: OrchestrationMessage) -> tuple[UUID, ...]:
        """Put `message` into the receiver of everybody whom `resolve` names; return them. Never waits.

        Raises:
            NoRecipients, SessionNotFound, NoRepository: As `resolve`; nobody received it.
            MailboxFull: Some receivers had no room; `error.delivered` have it, `error.refused` do not.
        """
        ids, receivers, audience = self._select(from_session_id, target)
        self._routed += 1
        received = (from_session_id, message)
        if self._routed >= audience.roomy_until and not self._has_room(audience):
            return _deliver_where_room(ids, receivers, received)
        for receiver in receivers:
            receiver.deliver(received)
        return ids

    def _select(
        self, sender: UUID, target: OrchestrationTarget
    ) -> tuple[tuple[UUID, ...], tuple[MessageReceiver, ...], _Audience]:
        audience = self._find_audience(sender, target)
        if audience is None:
            raise NoRecipients(format_target(target))
        positions = audience.positions
        if positions is None:
            positions = audience.arrange()
        position = positions.get(sender)
        if position is None or type(target) is Session:
            return audience.ids, audience.receivers, audience
        ids = audience.ids[:position] + audience.ids[position + 1 :]
        if not ids and type(target) is not Broadcast:
            raise NoRecipients(format_target(target))
        return ids, audience.receivers[:position] + audience.receivers[position + 1 :], audience

    def _find_audience(self, sender: UUID, target: OrchestrationTarget) -> _Audience | None:
        if type(target) is Tagged:
            if target.repo is None:
                return self._by_tag.get(target.tag)
            return self._by_tag_in_repo.get((target.tag, target.repo))
        if type(target) is Session:
            registration = self._registrations.get(target.id)
            if registration is None:
                raise SessionNotFound(str(target.id))
            return registration.alone
        if type(target) is Worktree:
            return self._by_worktree.get(normalise_path(target.path))
        registration = self._registrations.get(sender)
        if registration is None or registration.repo is None:
            raise NoRepository(str(sender))
        return self._by_repo[registration.repo]

    def _has_room(self, audience: _Audience) -> bool:
        """Look at every member's room, and remember for how many routes that look will do."""
        room = min(receiver.limit - len(receiver) for receiver in audience.receivers)
        audience.roomy_until = self._routed + room
        return room > 0

    def _enter_tag(self, tag: str, registration: _Registration) -> None:
        _enter(self._by_tag, tag, registration)
        if registration.repo is not None:
            _enter(self._by_tag_in_repo, (tag, registration.repo), registration)

    def _leave_tag(self, tag: str, registration: _Registration) -> None:
        _leave(self._by_tag, tag, registration)
        if registration.repo is not None:
            _leave(self._by_tag_in_repo, (tag, registration.repo), registration)


def _deliver_where_room(
    ids: tuple[UUID, ...], receivers: tuple[MessageReceiver, ...], received: Received
) -> tuple[UUID, ...]:
    refused = []
    delivered = []
    for session, receiver in zip(ids, receivers, strict=True):
        if len(receiver) < receiver.limit:
            receiver.deliver(received)
            delivered.append(session)
        else:
            refused.append(session)
    if refused:
        raise MailboxFull(refused, delivered)
    return tuple(delivered)


def _enter(index: dict[_Key, _Audience], key: _Key, registration: _Registration) -> None:
    audience = index.get(key)
    if audience is None:
        audience = index[key] = _Audience()
    audience.members[registration.number] = registration
    audience.positions = None


def _leave(index: dict[_Key, _Audience], key: _Key, registration: _Registration) -> None:
    audience = index[key]
    del audience.members[registration.number]
    audience.positions = None
    if not audience.members:  # or the index would keep one key for every tag ever used
        del index[key]


def _ids(audience: _Audience | None) -> list[UUID]:
    if audience is None:
        return []
    if audience.positions is None:
        audience.arrange()
    return list(audience.ids)
