"""What the daemon refused, and what a person can do about it. No I/O."""

from __future__ import annotations

from fugue_core.errors import (
    ConnectionLost,
    DaemonUnavailable,
    FugueError,
    InternalError,
    InvalidValue,
    LineTooLong,
    MailboxFull,
    NoRecipients,
    NoRepository,
    SessionNotFound,
    StoreUnavailable,
)

ADVICE: tuple[tuple[type[FugueError], str], ...] = (
    (NoRecipients, "choose another target, or tag a session with t"),
    (SessionNotFound, "it has ended or has another name now, choose another"),
    (NoRepository, "choose another target, or another session at `as`"),
    (MailboxFull, "send to those again when they have read"),
    (StoreUnavailable, "make room on the disk, then f5 sends it"),
    (ConnectionLost, "f5 sends it when the daemon is back"),
    (DaemonUnavailable, "f5 sends it when the daemon is back"),
    (LineTooLong, "shorten the payload, or send the path of a file"),
    (InternalError, "the daemon's log says more, f5 tries again"),
    (InvalidValue, ""),
    (FugueError, "f5 tries again"),
)


def advice(error: FugueError) -> str:
    """Return what to do, in a few words; empty where the error says it itself. What was written is kept anyway."""
    return next(what_to_do for kind, what_to_do in ADVICE if isinstance(error, kind))


def in_words(error: FugueError) -> str:
    """Return the error, and what to do about it."""
    what_to_do = advice(error)
    return f"{error}: {what_to_do}" if what_to_do else str(error)
