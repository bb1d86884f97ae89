"""Messages: what sending, receiving and acknowledging do. No I/O; clock, ids and store are given to it."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from uuid import UUID

import msgspec

from fugue_core.breaker import Breakers
from fugue_core.directory import Directory, Member
from fugue_core.errors import DeliveryRefused, MessageIdExists, NoRecipients, PairTooFast
from fugue_core.limits import Limits
from fugue_core.mailbox import Letter, Mailbox
from fugue_core.protocol.envelope import DeliveryState, Envelope, Recipient
from fugue_core.protocol.events import DeliveriesChanged, Event, MessageSent
from fugue_core.protocol.message import MessageId, PackedMessage, check_msg_type, check_payload
from fugue_core.protocol.requests import (
    Acked,
    AckMessages,
    Handed,
    HandMessages,
    Receipt,
    Received,
    ReceiveMessages,
    SendMessage,
)
from fugue_core.protocol.session import check_tag, parse_session_id
from fugue_core.protocol.target import (
    OrchestrationTarget,
    Session,
    SessionNamed,
    Tagged,
    WireTarget,
    Worktree,
    normalise_path,
)
from fugue_core.recent import EnvelopeCache, SentIds
from fugue_core.record import REFUSALS, SESSION_ENDED, Change, Link, SchemaRecord, SentMessage, Store, StoredState
from fugue_core.schema import SchemaBook


class Post:
    """Carry messages into mailboxes and out of them.

    Attributes:
        arrived: Sessions whose mailbox has had something new, or that have ended, since whoever drives the hub last
            emptied this.
        last_seq: The newest message.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what a pure object needs is given to it
        self,
        directory: Directory,
        schemas: SchemaBook,
        store: Store,
        limits: Limits,
        clock: Callable[[], float],
        new_id: Callable[[], MessageId],
        tell: Callable[[Event], None],
        breakers: Breakers,
    ) -> None:
        self._directory = directory
        self._schemas = schemas
        self._store = store
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._tell = tell
        self._breakers = breakers
        self._cache = EnvelopeCache(limits.envelope_cache_bytes)
        self._expiries: list[tuple[float, int, int]] = []  # a heap: when, seq, the recipient's ref
        self._expiries_limit = MANY_EXPIRIES
        self._sent_ids = SentIds(0)
        self.arrived: dict[Member, None] = {}
        self.last_seq = 0

    def load(self, stored: StoredState) -> None:
        """Fill the mailboxes of the living sessions with what was stored."""
        self.last_seq = stored.last_seq
        self._sent_ids = SentIds(stored.last_id.int)
        expiries = []
        handed = []
        for ref, seq, size_bytes, expires_at, reply_to, handed_at, sender_ref in stored.deliveries:
            member = self._directory.by_ref(ref)
            if member is not None:
                member.mailbox.put(seq, (size_bytes + ENVELOPE_BYTES, sender_ref), reply_to)
                if expires_at is not None:
                    expiries.append((expires_at, seq, ref))
                if handed_at is not None:
                    handed.append((handed_at, seq, member.mailbox))
        self._expiries = sorted(expiries)
        for handed_at, seq, mailbox in sorted(handed, key=itemgetter(0)):
            mailbox.hand((seq,), handed_at)

    # ------------------------------------------------------------------------------------------------------- sending

    def resolve(self, sender: Member, target: WireTarget) -> tuple[OrchestrationTarget, list[Member]]:
        """Return the target with names made ids, and who is there. The one way from a target to its recipients.

        Raises:
            InvalidTag, InvalidTarget, NoRecipients, SessionNotFound, NoRepository
        """
        try:
            if type(target) is Worktree:
                target = Worktree(normalise_path(target.path))
            return self._directory.resolve(sender, target)
        except NoRecipients:
            if type(target) is Tagged:
                check_tag(target.tag)  # nobody can carry a tag that breaks the rule: that is the better answer
            raise

    def check(self, sender: Member, packed: PackedMessage) -> SchemaRecord | None:
        """Raise where `send` would because of type or payload; return the schema that this was held against."""
        return self._schemas.check(packed.msg_type, _checked(packed), sender.record.repo)

    def send(self, sender: Member, request: SendMessage) -> Receipt:
        """Carry out `message.send`; see there for the errors."""
        payload = _checked(request.packed)
        if request.id is not None:
            sent = self._find_sent(request.id)
            if sent is not None:
                return self._receipt_again(sender, request, sent)
        self._schemas.check(request.packed.msg_type, payload, sender.record.repo)
        target, members = self.resolve(sender, request.target)
        chain, hops = None, 0
        if request.reply_to is not None:
            chain, hops = self._link(request.reply_to)
            self._breakers.check_chain(chain, hops, sender.participant())
        letter = (len(payload) + ENVELOPE_BYTES, sender.record.ref)
        takers, refusals = self._part(sender, members, letter)
        if refusals and not takers:
            raise self._refused(sender.record.name, [], _as_refused(refusals))
        now = self._clock()
        self.last_seq = seq = self.last_seq + 1
        envelope = Envelope(
            id=request.id or self._given_id(),
            seq=seq,
            sender=sender.participant(),
            target=_recorded(target, members),
            sent_at=now,
            # a copy: the request's payload is a view that would keep everything alive that was read with it
            packed=PackedMessage(request.packed.msg_type, msgspec.Raw(payload)),
            reply_to=request.reply_to,
            expires_at=None if request.ttl_s is None else now + request.ttl_s,
            chain=chain,
            hops=hops,
        )
        self._post(envelope, sender, takers, refusals, letter)
        recipients = tuple([member.recipient() for member in takers])
        refused = tuple([member.recipient() for member in refusals]) if refusals else ()
        self._tell(MessageSent(envelope=envelope, recipients=recipients, refused=refused))
        if refusals:
            raise self._refused(sender.record.name, recipients, _as_refused(refusals), envelope)
        return Receipt(id=envelope.id, seq=seq, recipients=recipients)

    def _link(self, reply_to: UUID) -> tuple[UUID, int]:
        """Return the chain of what answers `reply_to`, and how far down it stands.

        What answers a message that is not known belongs to a chain that begins with that one.
        """
        seq = self._cache.seq_of(reply_to)
        parent: Envelope | Link | None = None if seq is None else self._cache.get(seq)
        if parent is None and self._sent_ids.may_be_known(reply_to.int):
            parent = self._store.link_of(MessageId(reply_to))
        return (reply_to, 1) if parent is None else (parent.chain or reply_to, parent.hops + 1)

    def _part(
        self, sender: Member, members: list[Member], letter: Letter
    ) -> tuple[list[Member], dict[Member, type[DeliveryRefused]]]:
        """Return who takes a message, and who does not and why not."""
        closed = self._breakers.closed_to(sender, members)
        if not closed:
            takers = [member for member in members if member.mailbox.has_room(letter)]
            if len(takers) == len(members):
                return takers, {}
        refusals: dict[Member, type[DeliveryRefused]] = {}
        for member in members:
            why = PairTooFast if member.record.ref in closed else member.mailbox.refusal(letter)
            if why is not None:
                refusals[member] = why
        return [member for member in members if member not in refusals], refusals

    def _refused(
        self,
        sender: str,
        recipients: Iterable[Recipient],
        refused: Sequence[tuple[UUID, str, str]],
        envelope: Envelope | None = None,
    ) -> DeliveryRefused:
        """Return the error that says who received a message, and who did not: id, name and why not."""
        kind = REFUSALS[refused[0][2]]
        reasons = [reason for _, _, reason in refused]
        what = (
            [session for session, _, _ in refused],
            [recipient.id for recipient in recipients],
            None if envelope is None else envelope.id,
            None if envelope is None else envelope.seq,
            [name for _, name, _ in refused],
            reasons if len(set(reasons)) > 1 else (),
        )
        if kind is not PairTooFast:
            return kind(*what)
        limits = self._limits
        return PairTooFast(*what, session=sender, turns=limits.pair_turns, turns_s=limits.pair_turns_s)

    def _post(
        self,
        envelope: Envelope,
        sender: Member,
        takers: list[Member],
        refusals: dict[Member, type[DeliveryRefused]],
        letter: Letter,
    ) -> None:
        """Put a message where it belongs: store, mailboxes, cache, and into the count of turns."""
        seq = envelope.seq
        refs = [member.record.ref for member in takers]
        refused = [(member.record.ref, why.reason) for member, why in refusals.items()] if refusals else ()
        self._store.add_message(envelope, sender.record.ref, refs, refused)
        arrived = self.arrived
        for member in takers:
            member.mailbox.put(seq, letter, envelope.reply_to)
            arrived[member] = None
        self._cache.put(envelope, letter[0])
        self._breakers.note(sender, takers, refs, envelope.sent_at)
        if envelope.expires_at is not None:
            self._await_expiry(envelope.expires_at, seq, takers)

    def foresee(self, messages: list[MessageId]) -> None:
        """Look up at once which of the ids that will be sent under are taken. Good until `forget`.

        `send` asks the store for each one otherwise, which costs as much as all the rest of it.
        """
        doubtful = [message for message in messages if self._sent_ids.may_be_known(message.int)]
        self._sent_ids.begin_turn(self._store.known_messages(doubtful) if doubtful else ())

    def forget(self) -> None:
        """Trust what was foreseen no longer."""
        self._sent_ids.end_turn()

    def _find_sent(self, message: UUID) -> SentMessage | None:
        return None if self._sent_ids.is_new(message.int) else self._store.find_message(MessageId(message))

    def _given_id(self) -> MessageId:
        message = self._new_id()
        self._sent_ids.note(message.int)
        return message

    def _receipt_again(self, sender: Member, request: SendMessage, sent: SentMessage) -> Receipt:
        """Answer a retry as the first time."""
        envelope = sent.envelope
        is_same = (
            envelope.sender.id == sender.id
            and envelope.packed.msg_type == request.packed.msg_type
            and bytes(envelope.packed.payload) == bytes(request.packed.payload)
            and _is_same_target(request.target, sent)
        )
        if not is_same:
            raise MessageIdExists(str(envelope.id))
        recipients = tuple([self._recipient(UUID(str(session)), name) for session, name in sent.recipients])
        if sent.refused:
            refused = [
                (session, self._recipient(UUID(str(session)), name).name, why) for session, name, why in sent.refused
            ]
            raise self._refused(sender.record.name, recipients, refused, envelope)
        return Receipt(id=envelope.id, seq=envelope.seq, recipients=recipients)

    def _recipient(self, session: UUID, name: str) -> Recipient:
        member = self._directory.get(session)
        return Recipient(id=session, name=name, is_connected=False) if member is None else member.recipient()

    # ----------------------------------------------------------------------------------------------------- receiving

    def receive(self, member: Member, request: ReceiveMessages, after: int) -> Received:
        """Carry out `message.receive` for what waits above `after`. It is on its way then, unless it is only a peek."""
        self.expire()
        limits, mailbox = self._limits, member.mailbox
        limit = min(request.limit, limits.receive_messages)
        chosen = self._chosen(mailbox, request, after)
        if chosen is None:
            seqs = mailbox.after(after, limit, limits.receive_bytes)
            remaining = mailbox.count_after(seqs[-1]) if seqs else 0
        else:
            seqs = mailbox.fitting(chosen, limit, limits.receive_bytes)
            remaining = len(chosen) - len(seqs)
        envelopes = self._envelopes(seqs)
        if seqs and not request.peek:
            member.mailbox.put_out(tuple(seqs))
        return Received(envelopes=tuple(envelopes), remaining=remaining)

    @staticmethod
    def _chosen(mailbox: Mailbox, request: ReceiveMessages, after: int) -> list[int] | None:
        """Return all that a request means where that is not simply what waits above `after`; None where it is."""
        if request.reply_to is not None:
            return mailbox.answers(request.reply_to, after)
        if request.fresh:
            return mailbox.fresh(after)
        due = [] if request.peek else mailbox.due(after)
        return due + mailbox.after(after, len(mailbox), sys.maxsize) if due else None

    def ack(self, member: Member, request: AckMessages) -> Acked:
        """Carry out `message.ack`."""
        mailbox = member.mailbox
        seqs = [] if request.up_to is None else mailbox.up_to(request.up_to)
        named, unknown = self._seqs_of(member, request.ids)
        acked = [seq for seq in seqs + named if mailbox.take(seq)]
        self._change(member, "acked", acked)
        return Acked(acked=len(acked), unknown=unknown)

    def settle(self, member: Member, seqs: tuple[int, ...], through: str | None) -> None:
        """Take in what `receive` let out: it was written to whoever reads through that, or, with None, to nobody."""
        member.mailbox.take_in(seqs)
        if through is None:
            self.arrived[member] = None
        else:
            self._change(member, "handed", [seq for seq in seqs if seq in member.mailbox], through=through)

    def hand(self, member: Member, request: HandMessages, client: str) -> Handed:
        """Carry out `message.hand`."""
        named, unknown = self._seqs_of(member, request.ids)
        handed = sorted({seq for seq in named if seq in member.mailbox})
        self._change(member, "handed", handed, through=client if request.through is None else request.through)
        return Handed(handed=len(handed), unknown=unknown)

    def _seqs_of(self, member: Member, messages: Iterable[UUID]) -> tuple[list[int], tuple[UUID, ...]]:
        """Return the seqs of messages that were delivered to a session, and the ids that were not."""
        seqs: list[int] = []
        seek: list[MessageId] = []
        for message in messages:
            seq = self._cache.seq_of(message)
            if seq is not None and seq in member.mailbox:
                seqs.append(seq)
            else:
                seek.append(MessageId(message))
        if not seek:
            return seqs, ()
        found = self._store.seqs_of(seek, member.record.ref)
        return seqs + list(found.values()), tuple([message for message in seek if message not in found])

    def bury(self, member: Member) -> None:
        """Let everything that waits for a session that ends be dead, and nobody wait for more."""
        self.arrived[member] = None
        seqs = member.mailbox.up_to(self.last_seq)
        for seq in seqs:
            member.mailbox.take(seq)
        self._change(member, "dead", seqs, SESSION_ENDED)

    def offer_again(self) -> None:
        """Let what was handed and not acknowledged for `Limits.reoffer_s` be due. Cost: the number of sessions."""
        handed_before = self._clock() - self._limits.reoffer_s
        for member in self._directory:
            if member.mailbox.offer_again(handed_before):
                self.arrived[member] = None

    def expire(self) -> None:
        """End the deliveries whose time is over. Cost: nothing, where none is."""
        now = self._clock()
        over: dict[Member, list[int]] = {}
        while self._expiries and self._expiries[0][0] <= now:
            _, seq, ref = heapq.heappop(self._expiries)
            member = self._directory.by_ref(ref)
            if member is not None and member.mailbox.take(seq):
                over.setdefault(member, []).append(seq)
        for member, seqs in over.items():
            self._change(member, "expired", seqs)

    def _await_expiry(self, expires_at: float, seq: int, takers: list[Member]) -> None:
        for member in takers:
            heapq.heappush(self._expiries, (expires_at, seq, member.record.ref))
        if len(self._expiries) > self._expiries_limit:  # most have been acknowledged long before their time
            self._expiries = [expiry for expiry in self._expiries if self._is_waiting(expiry)]
            heapq.heapify(self._expiries)
            self._expiries_limit = max(MANY_EXPIRIES, 2 * len(self._expiries))

    def _is_waiting(self, expiry: tuple[float, int, int]) -> bool:
        _, seq, ref = expiry
        member = self._directory.by_ref(ref)
        return member is not None and seq in member.mailbox

    def _change(
        self, member: Member, state: DeliveryState, seqs: list[int], reason: str | None = None, through: str = ""
    ) -> None:
        if not seqs:
            return
        now = self._clock()
        if state == "handed":
            member.mailbox.hand(seqs, now)
        self._store.change([Change(state, now, reason, seqs, member.record.ref, through)])
        self._tell(DeliveriesChanged(session=member.id, state=state, seqs=tuple(seqs), at=now, reason=reason))

    def _envelopes(self, seqs: list[int]) -> list[Envelope]:
        cached = [self._cache.get(seq) for seq in seqs]
        missing = [seq for seq, envelope in zip(seqs, cached, strict=True) if envelope is None]
        stored = self._store.envelopes(missing) if missing else {}
        return [envelope or stored[seq] for seq, envelope in zip(seqs, cached, strict=True)]


MANY_EXPIRIES = 10_000
"""From so many times of expiry on those of deliveries that have ended are sorted out, whenever they have doubled."""
ENVELOPE_BYTES = 256
"""What an envelope without its payload counts for in a mailbox's bytes."""


def _checked(packed: PackedMessage) -> bytes:
    """Return the payload of a message, of which type and payload are well-formed. Raises where they are not."""
    payload = bytes(packed.payload)
    check_msg_type(packed.msg_type)
    check_payload(payload)
    return payload


def _as_refused(refusals: dict[Member, type[DeliveryRefused]]) -> list[tuple[UUID, str, str]]:
    return [(member.id, member.record.name, why.reason) for member, why in refusals.items()]


def _recorded(target: OrchestrationTarget, members: list[Member]) -> WireTarget:
    """Return the target as the envelope has it."""
    if type(target) is Session:
        return SessionNamed(str(target.id), members[0].record.name)
    return target  # type: ignore[return-value]  # mypy does not narrow by `type(...) is`


def _is_same_target(asked: WireTarget, sent: SentMessage) -> bool:
    recorded = sent.envelope.target
    if isinstance(asked, SessionNamed) and isinstance(recorded, SessionNamed):
        names = {recorded.name, sent.target.removeprefix("session:")}  # it may have been renamed since
        return asked.session in names or parse_session_id(asked.session) == UUID(recorded.session)
    if isinstance(asked, Worktree) and isinstance(recorded, Worktree):
        return normalise_path(asked.path) == recorded.path
    return asked == recorded
