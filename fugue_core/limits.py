"""The named limits of fugue, in one place; the daemon's are settable in `config.toml`. No I/O."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

TAG_CHARS = 64
TAGS_PER_SESSION = 64
SESSION_NAME_CHARS = 64
MESSAGE_TYPE_CHARS = 128
METADATA_KEY_CHARS = 64
THROUGH_CHARS = 128
"""Of what a message was handed through, as it is kept."""
NOTICE_CHARS = 500
"""Of the notice that is typed for a program when mail waits."""
PAYLOAD_DEPTH = 256
"""Levels of nesting in one payload. Parsers differ in where they give up; below this all that we know agree."""
SCHEMA_BYTES = 64 * 1024
"""Of one schema, as JSON."""
SCHEMA_DEPTH = 64
"""Levels of nesting in one schema."""
SCHEMA_STEPS = 10_000
"""Parts of one schema that one value may have to be held against, all references followed."""
SCHEMA_WORK = 100_000_000
"""A payload's bytes times its schema's steps: at the worst a second, during which the daemon does nothing else."""
SCHEMA_FAULTS = 5
"""What is wrong with a payload that an error tells of."""
ROUTER_QUEUE_MESSAGES = 10_000
"""Messages that one `MessageReceiver` holds before it refuses, unless the router was made with another figure."""


Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
AmountOrNone: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
LineBytes: TypeAlias = Annotated[int, msgspec.Meta(ge=1024)]  # below, not even `hello` would fit
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one daemon holds at most. `[limits]` of `config.toml` has the same names.

    Fields:
        line_bytes: One line of the wire, newline excluded, from a client to the daemon.
        mailbox_messages, mailbox_bytes: Unacknowledged deliveries of one session; then `MailboxFull` for it.
        mailbox_sender_messages, mailbox_sender_bytes: Of these at most so many from one sender, then
            `MailboxShareFull`, so that one that runs wild leaves room for the others.
        hops: How far a chain of replies goes; then `ChainTooLong`, until it is released. 0: any length.
        pair_turns, pair_turns_s: How often two sessions answer each other, a turn each, within so many seconds; then
            `PairTooFast`, until they are released. 0 turns: as often as they like.
        subscriber_events, subscriber_bytes: Events queued for one subscriber that does not read, then it is sent one
            `resync`; and events kept for one that comes back.
        sessions: Living sessions.
        schemas: Schemas for types of messages, of all repositories together.
        metadata_bytes: One session's metadata as JSON.
        waiting_requests: Requests of one connection that wait (`message.receive` with `wait_s`, a search).
        receive_messages, receive_bytes: Envelopes in one answer, and their payloads; one always fits.
        page_messages: Messages in one page of history.
        retention_s, retention_messages: Messages all of whose deliveries have ended are kept this long, and so many.
        reoffer_s: What was handed and is not acknowledged this long is offered again, to the next receive.
        envelope_cache_bytes: Envelopes kept in memory for receivers that read soon.
        windows: Programs that run, or have exited and are kept.
        scrollback_lines: Of each window.
        input_bytes: Typed and not yet read by a window's program.
        view_bytes: Written by a program and not yet read by a viewer, who then is drawn the screen anew.
    """

    line_bytes: LineBytes = 1024 * 1024
    mailbox_messages: Amount = 10_000
    mailbox_bytes: Amount = 64 * 1024 * 1024
    subscriber_events: Amount = 10_000
    subscriber_bytes: Amount = 16 * 1024 * 1024
    sessions: Amount = 10_000
    schemas: Amount = 1_000
    metadata_bytes: Amount = 64 * 1024
    waiting_requests: Amount = 1_000
    receive_messages: Amount = 1_000
    receive_bytes: Amount = 8 * 1024 * 1024
    page_messages: Amount = 1_000
    retention_s: Seconds = 7 * 24 * 3600.0
    retention_messages: Amount = 1_000_000
    reoffer_s: Seconds = 600.0
    envelope_cache_bytes: Amount = 64 * 1024 * 1024
    windows: Amount = 1_000
    scrollback_lines: Amount = 10_000
    input_bytes: Amount = 1024 * 1024
    view_bytes: Amount = 1024 * 1024
    mailbox_sender_messages: Amount = 5_000
    mailbox_sender_bytes: Amount = 32 * 1024 * 1024
    hops: AmountOrNone = 64
    pair_turns: AmountOrNone = 3_000
    pair_turns_s: Seconds = 300.0
