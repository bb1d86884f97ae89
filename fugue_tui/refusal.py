"""What the daemon refused, and what a person can do about it. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from fugue_core.errors import (
    ChainTooLong,
    ConnectionLost,
    DaemonUnavailable,
    FugueError,
    InternalError,
    InvalidValue,
    LineTooLong,
    MailboxFull,
    MailboxShareFull,
    NoRecipients,
    NoRepository,
    PairTooFast,
    PayloadUncheckable,
    SchemaViolation,
    SessionNotFound,
    StoreUnavailable,
)

ADVICE: tuple[tuple[type[FugueError], str], ...] = (
    (NoRecipients, "choose another target, or tag a session with {sessions.tags}"),
    (SessionNotFound, "it has ended or has another name now, choose another"),
    (NoRepository, "choose another target, or another session at `as`"),
    (MailboxFull, "send to those again when they have read"),
    (MailboxShareFull, "send to those again when they have read"),
    (PairTooFast, "{app.breakers} shows it"),
    (ChainTooLong, "{app.breakers} shows it"),
    (SchemaViolation, "change it, then {compose.send} sends it"),
    (StoreUnavailable, "make room on the disk, then {compose.send} sends it"),
    (ConnectionLost, "{compose.send} sends it when the daemon is back"),
    (DaemonUnavailable, "{compose.send} sends it when the daemon is back"),
    (LineTooLong, "shorten the payload, or send the path of a file"),
    (PayloadUncheckable, "shorten the payload"),
    (InternalError, "the daemon's log says more, {compose.send} tries again"),
    (InvalidValue, ""),
    (FugueError, "{compose.send} tries again"),
)
"""A key is the id of its binding, in braces; see `keymap.with_keys`."""


def in_words(error: FugueError, with_keys: Callable[[str], str]) -> str:
    """Return the error, and what to do about it where it does not say so itself. What was written is kept anyway.

    `with_keys` puts the keys into the advice.
    """
    what_to_do = with_keys(next(advice for kind, advice in ADVICE if isinstance(error, kind)))
    return f"{error}: {what_to_do}" if what_to_do else str(error)
