"""The Python client: `async with fugue_core.connect() as client:`."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from uuid import UUID

from fugue_core import place
from fugue_core.background import Background
from fugue_core.client.breaker import Breakers
from fugue_core.client.channel import Channel
from fugue_core.client.line import Line
from fugue_core.client.link import Opener, SocketOpener
from fugue_core.client.outbox import send_in_order
from fugue_core.client.question import await_answer
from fugue_core.client.schema import Schemas
from fugue_core.client.subscription import Subscription
from fugue_core.client.whereabouts import whereabouts
from fugue_core.client.window import VIEW_EVENTS, View, Views, Windows
from fugue_core.errors import ConnectionLost, FugueError, InvalidParams, NoRecipients
from fugue_core.identifier import new_id
from fugue_core.protocol.envelope import Envelope, Recipient
from fugue_core.protocol.events import Notice
from fugue_core.protocol.message import OrchestrationMessage, pack
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    Acked,
    AckMessages,
    DaemonStatus,
    EditMetadata,
    EditTags,
    EndSession,
    GetMessage,
    GetSession,
    GetStatus,
    Handed,
    HandMessages,
    JoinSession,
    ListMessages,
    ListSessions,
    LogPage,
    MessageRecord,
    Ping,
    Pong,
    Receipt,
    Received,
    ReceiveMessages,
    RenameSession,
    Resolved,
    ResolveTarget,
    SendMessage,
    SessionList,
    StopDaemon,
    SubscribeEvents,
    Welcome,
)
from fugue_core.protocol.schema import Checked, CheckMessage
from fugue_core.protocol.session import SessionInfo, WorktreeInfo, check_metadata
from fugue_core.protocol.target import OrchestrationTarget, WireTarget, to_wire
from fugue_core.protocol.window import Attached, AttachWindow

Target: TypeAlias = OrchestrationTarget | WireTarget | str
"""A target as a value, or in its text form: `tag:mayor`, `session:bob`, `broadcast`, `worktree:/p`."""


@contextlib.asynccontextmanager
async def connect(
    where: str | Opener | None = None,
    *,
    session: str | None = None,
    name: str = "fugue-python",
    start: bool = True,
    attach: bool = True,
) -> AsyncIterator[Client]:
    """Talk to a daemon within the block.

    Args:
        where: The path of a socket; or a `fugue_core.daemon.local.LocalDaemon`; None: the socket that the environment
            means, see `fugue_core.place`.
        session: Speak for this session, an id or a name; None: for `$FUGUE_SESSION` where `where` is None and it is
            set, else for nobody. `join` begins a session of one's own all the same, where the environment named one.
        name: The program's name, for people.
        start: Start a daemon where none runs.
        attach: Count as somebody who is connected to the session.

    Raises:
        DaemonUnavailable: Nobody answers, and none could be started.
        SessionNotFound, ProtocolMismatch
    """
    inherited = os.environ.get("FUGUE_SESSION") if where is None and session is None else None
    if where is None or isinstance(where, str):
        where = SocketOpener(where or place.socket_path(), start=start)
    client = Client(where, session=session or inherited or None, name=name, attach=attach, is_inherited=bool(inherited))
    try:
        await client.open()
        yield client
    finally:
        client.close()


class Client:
    """One identity at one daemon; made by `connect`.

    Any number of tasks may ask at once. Where the connection is lost, it is made again with the same identity, and
    what was not answered is asked again: sends under the ids that they had, so that nothing is delivered twice.

    Every method may raise `DaemonUnavailable` (after `PATIENCE_S` without a daemon), `StoreUnavailable`, and the
    errors that its request lists in `protocol.requests`.
    """

    def __init__(
        self, opener: Opener, *, session: str | None, name: str, attach: bool, is_inherited: bool = False
    ) -> None:
        self._line = Line(
            opener,
            session=session,
            name=name,
            attach=attach,
            is_inherited=is_inherited,
            on_notices=self._take_notices,
            on_made=self._begin_anew,
            on_lost=self._on_lost,
        )
        self._attach = attach
        self._subscription: Subscription | None = None
        self._views = Views()
        self._background = Background()
        self._cursor = 0
        self.windows = Windows(self._ask, self._look)
        self.schemas = Schemas(self._ask)
        self.breakers = Breakers(self._ask)

    @property
    def session(self) -> SessionInfo | None:
        """Whom this client speaks for, as the daemon said last."""
        return self._line.session

    @property
    def welcome(self) -> Welcome | None:
        """What the daemon said last at `hello`."""
        return self._line.welcome

    async def open(self) -> None:
        """Connect now, so that what is wrong shows at once and not at the first request."""
        await self._line.channel()

    def close(self) -> None:
        """End the connection. The session, if any, goes on."""
        self._line.is_closed = True
        if self._subscription is not None:
            self._subscription.close()
        self._views.lose(ConnectionLost("closed"))
        self._background.abandon()
        self._line.close()

    # ------------------------------------------------------------------------------------------------------ sessions

    async def join(  # noqa: PLR0913  # as many as the request has fields
        self,
        name: str | None = None,
        *,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        directory: str | None = None,
        repo: str | None = None,
        worktree: WorktreeInfo | None = None,
        resume: bool = False,
        for_pid: int | None = None,
    ) -> SessionInfo:
        """Make a session and speak for it from now on, see `JoinSession`.

        Args:
            name: Absent: the daemon finds one.
            tags: To begin with.
            metadata: To begin with.
            directory: Where it works; its `repo` and `worktree` are found by asking git.
            repo: In place of what git says.
            worktree: In place of what git says.
            resume: Take up the session of this name, if there is one.
            for_pid: End the session with this process.
        """
        if directory is not None:
            there = await whereabouts(directory)
            repo, worktree = repo or there.repo, worktree or there.worktree
        if self._line.is_inherited and self._line.welcome is not None:
            self._line.is_inherited = False
            self._line.speak_for_nobody()
        info: SessionInfo = await self._ask(
            JoinSession(
                name=name,
                tags=tuple(tags),
                metadata=_checked(metadata),
                repo=repo,
                worktree=worktree,
                resume=resume,
                for_pid=for_pid,
                id=new_id(),
                attach=self._attach,
            )
        )
        self._line.speak_for(info)
        return info

    async def sessions(self, filter: str = "") -> tuple[SessionInfo, ...]:  # noqa: A002  # the word of the contract
        """Return the living sessions, in order of registration."""
        answer: SessionList = await self._ask(ListSessions(filter=filter))
        return answer.sessions

    async def get_session(self, session: str | UUID | None = None) -> SessionInfo:
        """Return one session; the own one where none is named."""
        return await self._about(GetSession(session=_text(session)))

    async def rename(self, name: str, session: str | UUID | None = None) -> SessionInfo:
        """Give a session another name."""
        return await self._about(RenameSession(name=name, session=_text(session)))

    async def tag(
        self,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        replace: Iterable[str] | None = None,
        session: str | UUID | None = None,
    ) -> SessionInfo:
        """Change a session's tags, all of the edit or none of it; return the session with the tags that it has now."""
        edit = EditTags(
            add=tuple(add),
            remove=tuple(remove),
            replace=None if replace is None else tuple(replace),
            session=_text(session),
        )
        return await self._about(edit)

    async def edit_metadata(
        self,
        set: Mapping[str, Any] | None = None,  # noqa: A002  # the word of the contract
        remove: Iterable[str] = (),
        session: str | UUID | None = None,
    ) -> SessionInfo:
        """Change a session's metadata."""
        return await self._about(EditMetadata(set=_checked(set), remove=tuple(remove), session=_text(session)))

    async def end(self, session: str | UUID | None = None) -> SessionInfo:
        """End a session; return it as it last was."""
        info: SessionInfo = await self._ask(EndSession(session=_text(session)))
        return info

    # ------------------------------------------------------------------------------------------------------ messages

    async def send(
        self,
        target: Target,
        message: OrchestrationMessage,
        *,
        id: UUID | None = None,  # noqa: A002  # the word of the contract
        reply_to: UUID | None = None,
        ttl_s: float | None = None,
    ) -> Receipt:
        """Send a message; return who will receive it. When this returns, it is on disk."""
        receipt: Receipt = await self._ask(_sending(target, message, id, reply_to, ttl_s))
        return receipt

    async def ask(
        self,
        target: Target,
        message: OrchestrationMessage,
        *,
        wait_s: float = 60.0,
        id: UUID | None = None,  # noqa: A002  # the word of the contract
        ttl_s: float | None = None,
    ) -> Envelope:
        """Send a message, and return the first one that answers it, acknowledged.

        Raises:
            NoRecipients: Nobody is there; of a broadcast, too.
            NoAnswer: Nobody has answered within `wait_s`; a later answer waits in the mailbox.
        """
        receipt = await self.send(target, message, id=id, ttl_s=ttl_s)
        if not receipt.recipients:
            raise NoRecipients("broadcast")
        envelope = await self.answer_to(receipt.id, wait_s=wait_s)
        await self.ack(envelope)
        return envelope

    async def answer_to(self, message: UUID, *, wait_s: float = 60.0, peek: bool = False) -> Envelope:
        """Return the first message that answers one sent before, as soon as it is there; it is not acknowledged.

        With `peek` it is not `handed` either: whoever passes it on says so with `hand`.

        Raises:
            NoAnswer: There is none within `wait_s`.
        """
        return await await_answer(message, wait_s, self._ask, peek=peek)

    async def send_many(self, messages: Iterable[tuple[Target, OrchestrationMessage]]) -> list[Receipt]:
        """Send many messages, in this order; return their receipts. Far cheaper than one after the other.

        They arrive in this order, also where the connection is lost in between and they are sent again.

        Raises:
            FugueError: The first refusal; the others were sent all the same.
        """
        requests = (_sending(target, message) for target, message in messages)
        answers = await send_in_order(requests, self._line.channel)
        refusal = next((answer for answer in answers if isinstance(answer, FugueError)), None)
        if refusal is not None:
            raise refusal
        return list(answers)  # type: ignore[arg-type]  # no refusal among them

    async def resolve(self, target: Target, sender: str | UUID | None = None) -> tuple[Recipient, ...]:
        """Return who would receive a message sent now."""
        answer: Resolved = await self._ask(ResolveTarget(target=to_wire(target), sender=_text(sender)))
        return answer.recipients

    async def check(self, message: OrchestrationMessage, sender: str | UUID | None = None) -> Checked:
        """Raise what sending would because of the type or the payload, as `SchemaViolation`; send nothing."""
        checked: Checked = await self._ask(CheckMessage(packed=pack(message), sender=_text(sender)))
        return checked

    async def receive(
        self,
        *,
        limit: int = 100,
        wait_s: float = 0.0,
        peek: bool = False,
        after: int | None = None,
        fresh: bool = False,
    ) -> Received:
        """Take what waits for the own session, oldest first.

        What is not acknowledged comes again: to the next client, and after the daemon's `reoffer_s` to this one, too.

        Args:
            limit: At most so many.
            wait_s: Where there is nothing, wait so long for something.
            peek: Only look.
            after: Begin after this seq; None: after what this client took before.
            fresh: Only what was handed to nobody yet, or is offered again.
        """
        after = self._cursor if after is None else after
        request = ReceiveMessages(limit=limit, wait_s=wait_s, peek=peek, after=after, fresh=fresh)
        received: Received = await self._ask(request)
        if received.envelopes and received.envelopes[-1].seq > after and not peek and not fresh:
            self._cursor = received.envelopes[-1].seq
        return received

    async def incoming(self, *, wait_s: float = 60.0) -> AsyncIterator[Envelope]:
        """Iterate over what comes for the own session, for ever. Acknowledge each when it has been dealt with."""
        while True:
            received = await self.receive(wait_s=wait_s)
            for envelope in received.envelopes:
                yield envelope

    async def hand(self, *messages: Envelope | UUID) -> Handed:
        """Say that messages that were looked at with `peek` have been written to whoever reads for the own session."""
        ids = tuple([message.id if isinstance(message, Envelope) else message for message in messages])
        handed: Handed = await self._ask(HandMessages(ids=ids))
        return handed

    async def ack(self, *messages: Envelope | UUID, up_to: int | None = None) -> Acked:
        """Say that messages have been dealt with: these, and all up to the seq `up_to`."""
        ids = tuple([message.id if isinstance(message, Envelope) else message for message in messages])
        acked: Acked = await self._ask(AckMessages(ids=ids, up_to=up_to))
        return acked

    async def list_messages(  # noqa: PLR0913  # the fields of the request
        self,
        filter: str = "",  # noqa: A002  # the word of the contract
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        order: Literal["newest", "oldest"] = "newest",
        also: str = "",
    ) -> LogPage:
        """Return a page of the log of all messages, see `ListMessages`."""
        request = ListMessages(filter=filter, before=before, after=after, limit=limit, order=order, also=also)
        page: LogPage = await self._ask(request)
        return page

    async def get_message(self, message: UUID) -> MessageRecord:
        """Return a message with every recipient's state."""
        record: MessageRecord = await self._ask(GetMessage(id=message))
        return record

    # ------------------------------------------------------------------------------------------------ events, daemon

    async def subscribe(self) -> Subscription:
        """Return an iterator over everything that happens from now on; it begins with everything as it is.

        One at a time: a second one ends the first.
        """
        channel = await self._line.channel()
        if self._subscription is not None:
            self._subscription.close()
        subscription = Subscription(self._unsubscribe, self._catch_up)
        self._subscription = subscription
        await self._begin(subscription, channel)
        return subscription

    async def status(self) -> DaemonStatus:
        """Return how the daemon is."""
        status: DaemonStatus = await self._ask(GetStatus())
        return status

    async def ping(self) -> Pong:
        """See whether the daemon answers."""
        pong: Pong = await self._ask(Ping())
        return pong

    async def stop_daemon(self, *, end_programs: bool = False) -> None:
        """End the daemon; what is stored will be there again, and programs go on, unless they are to end as well."""
        channel = await self._line.channel()
        with contextlib.suppress(ConnectionLost):  # it may be gone before its answer is read
            await channel.ask(StopDaemon(end_programs=end_programs))

    # ------------------------------------------------------------------------------------------------------- private

    async def _ask(self, request: Request) -> Any:
        return await self._line.ask(request)

    async def _about(self, request: Request) -> SessionInfo:
        info: SessionInfo = await self._ask(request)
        if self.session is not None and info.id == self.session.id:
            self._line.session = info
        return info

    def _on_lost(self) -> None:
        self._views.lose(ConnectionLost("the connection to the daemon was lost"))
        if self._subscription is not None and not self._line.is_closed:
            self._catch_up()  # nobody else may ask for anything soon

    def _catch_up(self) -> None:
        self._background.run(self._subscribe_again())

    async def _subscribe_again(self) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        try:
            was = self._line.current
            channel = await self._line.channel()
            if channel is was:  # else connecting has subscribed
                await self._begin(subscription, channel)
        except FugueError as error:
            subscription.fail(error)

    async def _begin_anew(self, channel: Channel) -> None:
        if self._subscription is not None:
            await self._begin(self._subscription, channel)

    async def _begin(self, subscription: Subscription, channel: Channel) -> None:
        with contextlib.suppress(ConnectionLost):  # then it is subscribed again with the next connection
            await channel.ask(SubscribeEvents(since=subscription.since), subscription.begin)

    def _unsubscribe(self) -> None:
        self._subscription = None

    async def _look(self, request: AttachWindow) -> View:
        """Begin a view; it is on the connection of this moment, and ends with it."""
        channel = await self._line.channel()
        views: list[View] = []

        def begin(attached: Attached) -> None:
            view = View(attached, channel.tell, self._views.discard)
            self._views.add(view)
            views.append(view)

        await channel.ask(request, begin)
        return views[0]

    def _take_notices(self, notices: Sequence[Notice]) -> None:
        if self._views:
            for notice in notices:
                if isinstance(notice.event, VIEW_EVENTS):
                    self._views.take(notice.event)
            notices = [notice for notice in notices if notice.number]
            if not notices:
                return
        if self._subscription is not None:
            self._subscription.take(notices)


def _sending(
    target: Target,
    message: OrchestrationMessage,
    message_id: UUID | None = None,
    reply_to: UUID | None = None,
    ttl_s: float | None = None,
) -> SendMessage:
    if ttl_s is not None and not math.isfinite(ttl_s):  # JSON has no word for it but null, which says: for ever
        raise InvalidParams(SendMessage.method, f"`ttl_s` must be a number of seconds, not {ttl_s}")
    return SendMessage(
        target=to_wire(target), packed=pack(message), id=message_id or new_id(), reply_to=reply_to, ttl_s=ttl_s
    )


def _checked(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the metadata; raise `InvalidMetadata` for what JSON would make something else of, as null of NaN."""
    return check_metadata(dict(metadata or {}), sys.maxsize)  # how large it may be, the daemon knows


def _text(session: str | UUID | None) -> str | None:
    return None if session is None else str(session)
