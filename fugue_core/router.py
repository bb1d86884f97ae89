"""Who receives a message? No I/O, and nothing here waits.

The daemon routes with this very class: what it delivers to is what a program that imports it would see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from fugue_core import limits
from fugue_core.errors import MailboxFull, NoRecipients, NoRepository, SessionNotFound
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
from fugue_core.receiver import MessageReceiver, Received

_Key = TypeVar("_Key")


class _Registration:
    """What the router knows of one session. `number` grows with each registration and gives the order of recipients."""

    __slots__ = ("alone", "number", "receiver", "repo", "session", "tags", "worktree")

    def __init__(  # noqa: PLR0913, PLR0917  # a record: each argument is one of its columns
        self,
        number: int,
        session: UUID,
        repo: str | None,
        worktree: str | None,
        tags: set[str],
        receiver: MessageReceiver,
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

    `members` is the truth; what stands beside it is arranged from it when it is first needed after a change, so that
    a route finds its recipients ready and in order.

    `roomy_until` bounds what the receivers' limits cost: a receiver gains at most one message from each route of the
    whole router, so where the fullest member has room for n more, none can be full during the next n routes.

    `sender`, `place` and `others` remember the last sender, where it stands among the members (None: it is not one of
    them) and who else there is, since hashing a UUID costs as much as all the rest of a route to one recipient.
    """

    __slots__ = (
        "ids",
        "is_arranged",
        "members",
        "others",
        "place",
        "places",
        "queues",
        "receivers",
        "roomy_until",
        "sender",
    )

    def __init__(self) -> None:
        self.members: dict[int, _Registration] = {}
        self.is_arranged = False
        self.places: dict[UUID, int] = {}
        self.ids: tuple[UUID, ...] = ()
        self.receivers: tuple[MessageReceiver, ...] = ()
        self.queues: tuple[deque[Received], ...] = ()
        self.roomy_until = 0
        self.sender: UUID | None = None
        self.place: int | None = None
        self.others: tuple[UUID, ...] = ()

    def arrange(self) -> None:
        """Set the tuples anew. Cost: the number of members; they are nearly in order, which sorting makes use of."""
        ordered = [self.members[number] for number in sorted(self.members)]
        self.ids = tuple(registration.session for registration in ordered)
        self.receivers = tuple(registration.receiver for registration in ordered)
        self.queues = tuple(receiver.queue for receiver in self.receivers)
        self.places = {session: place for place, session in enumerate(self.ids)}
        self.roomy_until = 0
        self.sender = None
        self.is_arranged = True

    def seek(self, sender: UUID) -> None:
        """Set `place` and `others` for this sender."""
        self.sender = sender
        self.place = place = self.places.get(sender)
        self.others = self.ids if place is None else self.ids[:place] + self.ids[place + 1 :]

    def has_room(self, routed: int) -> bool:
        """Say whether every member has room, and remember for how many routes that look will do."""
        room = min(receiver.limit - len(receiver.queue) for receiver in self.receivers)
        self.roomy_until = routed + room
        return room > 0


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
        self._waiting: set[MessageReceiver] = set()
        self._registered = 0
        self._routed = 0

    # ----------------------------------------------------------------------------------------------- registration

    def register(
        self, session_id: UUID, repo_id: str | None, worktree_path: str | None, tags: Iterable[str]
    ) -> MessageReceiver:
        """Make a session addressable; return where it receives.

        Registering an id again replaces everything about it but its place in the order: scoping, tags, and the
        receiver, which is closed.

        Raises:
            InvalidTag, InvalidTarget: A tag or the path breaks its rule; nothing was changed.
        """
        checked = set(check_tags(tags))
        worktree = None if worktree_path is None else normalise_path(worktree_path)
        previous = self._registrations.get(session_id)
        if previous is None:
            self._registered += 1
            number = self._registered
        else:
            self._forget(previous)
            number = previous.number
        receiver = MessageReceiver(self._queue_limit, self._waiting)
        registration = _Registration(number, session_id, repo_id, worktree, checked, receiver)
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
        self._forget(registration)
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
        audience, place = self._find_audience(from_session_id, target)
        return audience.ids if place is None else audience.others

    def route(
        self, from_session_id: UUID, target: OrchestrationTarget, message: OrchestrationMessage
    ) -> tuple[UUID, ...]:
        """Put `message` into the receiver of everybody whom `resolve` names; return them. Never waits.

        Raises:
            NoRecipients, SessionNotFound, NoRepository: As `resolve`; nobody received it.
            MailboxFull: Some receivers had no room; `error.delivered` have it, `error.refused` do not.
        """
        audience, place = self._find_audience(from_session_id, target)
        self._routed += 1
        received = (from_session_id, message)
        if self._routed >= audience.roomy_until and not audience.has_room(self._routed):
            try:
                return _deliver_where_room(audience, place, received)
            finally:
                self._wake(audience)
        for queue in audience.queues:
            queue.append(received)
        if place is None:
            delivered = audience.ids
        else:
            audience.queues[place].pop()  # taking it from the sender again is cheaper than leaving the sender out
            delivered = audience.others
        if self._waiting:
            self._wake(audience)
        return delivered

    def _find_audience(  # noqa: C901  # one branch for each kind of target
        self, sender: UUID, target: OrchestrationTarget
    ) -> tuple[_Audience, int | None]:
        """Return whom the target names, arranged, and where among them stands the sender who is to be left out."""
        if type(target) is Tagged:
            audience = (
                self._by_tag.get(target.tag)
                if target.repo is None
                else self._by_tag_in_repo.get((target.tag, target.repo))
            )
        elif type(target) is Worktree:
            audience = self._by_worktree.get(normalise_path(target.path))
        elif type(target) is Session:
            registration = self._registrations.get(target.id)
            if registration is None:
                raise SessionNotFound(str(target.id))
            audience = registration.alone
        else:
            registration = self._registrations.get(sender)
            if registration is None or registration.repo is None:
                raise NoRepository(str(sender))
            audience = self._by_repo[registration.repo]
        if audience is None:
            raise NoRecipients(format_target(target))
        if not audience.is_arranged:
            audience.arrange()
        if type(target) is Session:
            return audience, None
        if sender is not audience.sender:
            audience.seek(sender)
        if audience.place is not None and len(audience.ids) == 1 and type(target) is not Broadcast:
            raise NoRecipients(format_target(target))
        return audience, audience.place

    def _wake(self, audience: _Audience) -> None:
        """Wake those of the audience that wait. Cost: at most the smaller of the two numbers."""
        if len(self._waiting) < len(audience.receivers):
            waiting = [receiver for receiver in self._waiting if receiver.queue]
        else:
            waiting = [receiver for receiver in audience.receivers if receiver in self._waiting]
        for receiver in waiting:
            receiver.wake()

    def _forget(self, registration: _Registration) -> None:
        for tag in registration.tags:
            self._leave_tag(tag, registration)
        if registration.repo is not None:
            _leave(self._by_repo, registration.repo, registration)
        if registration.worktree is not None:
            _leave(self._by_worktree, registration.worktree, registration)
        registration.receiver.close()

    def _enter_tag(self, tag: str, registration: _Registration) -> None:
        _enter(self._by_tag, tag, registration)
        if registration.repo is not None:
            _enter(self._by_tag_in_repo, (tag, registration.repo), registration)

    def _leave_tag(self, tag: str, registration: _Registration) -> None:
        _leave(self._by_tag, tag, registration)
        if registration.repo is not None:
            _leave(self._by_tag_in_repo, (tag, registration.repo), registration)


def _deliver_where_room(audience: _Audience, sender_place: int | None, received: Received) -> tuple[UUID, ...]:
    refused = []
    delivered = []
    for place, receiver in enumerate(audience.receivers):
        if place == sender_place:
            continue
        if len(receiver.queue) < receiver.limit:
            receiver.queue.append(received)
            delivered.append(audience.ids[place])
        else:
            refused.append(audience.ids[place])
    if refused:
        raise MailboxFull(refused, delivered)
    return tuple(delivered)


def _enter(index: dict[_Key, _Audience], key: _Key, registration: _Registration) -> None:
    audience = index.get(key)
    if audience is None:
        audience = index[key] = _Audience()
    audience.members[registration.number] = registration
    audience.is_arranged = False


def _leave(index: dict[_Key, _Audience], key: _Key, registration: _Registration) -> None:
    audience = index[key]
    del audience.members[registration.number]
    audience.is_arranged = False
    if not audience.members:  # or the index would keep one key for every tag ever used
        del index[key]


def _ids(audience: _Audience | None) -> list[UUID]:
    if audience is None:
        return []
    if not audience.is_arranged:
        audience.arrange()
    return list(audience.ids)
