"""fugue, headless: one neutral address book and truthful delivery for many programs.

Names are loaded when they are first used, so that a command which needs none of them starts at once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.client import Client, connect
    from fugue_core.errors import (
        ChainTooLong,
        ConnectionLost,
        DaemonUnavailable,
        FugueError,
        InvalidFilter,
        InvalidMessageType,
        InvalidMetadata,
        InvalidName,
        InvalidParams,
        InvalidPayload,
        InvalidSchema,
        InvalidTag,
        InvalidTarget,
        InvalidValue,
        LineTooLong,
        MailboxFull,
        MailboxShareFull,
        MessageIdExists,
        MessageNotFound,
        NoIdentity,
        NoRecipients,
        NoRepository,
        PairTooFast,
        ProtocolError,
        ProtocolMismatch,
        ReceiverClosed,
        RequestRefused,
        SchemaViolation,
        SessionNameExists,
        SessionNotFound,
        StoreUnavailable,
        WouldBlock,
    )
    from fugue_core.protocol.envelope import Envelope, Recipient
    from fugue_core.protocol.message import OrchestrationMessage
    from fugue_core.protocol.requests import Receipt
    from fugue_core.protocol.session import SessionInfo, WorktreeInfo
    from fugue_core.protocol.target import Broadcast, OrchestrationTarget, Session, Tagged, Worktree, parse_target
    from fugue_core.receiver import MessageReceiver
    from fugue_core.router import MessageRouter

__version__ = "0.1.0"

_HOMES = {
    "fugue_core.client": ("Client", "connect"),
    "fugue_core.errors": (
        "ChainTooLong",
        "ConnectionLost",
        "DaemonUnavailable",
        "FugueError",
        "InvalidFilter",
        "InvalidMessageType",
        "InvalidMetadata",
        "InvalidName",
        "InvalidParams",
        "InvalidPayload",
        "InvalidSchema",
        "InvalidTag",
        "InvalidTarget",
        "InvalidValue",
        "LineTooLong",
        "MailboxFull",
        "MailboxShareFull",
        "MessageIdExists",
        "MessageNotFound",
        "NoIdentity",
        "NoRecipients",
        "NoRepository",
        "PairTooFast",
        "ProtocolError",
        "ProtocolMismatch",
        "ReceiverClosed",
        "RequestRefused",
        "SchemaViolation",
        "SessionNameExists",
        "SessionNotFound",
        "StoreUnavailable",
        "WouldBlock",
    ),
    "fugue_core.protocol.message": ("OrchestrationMessage",),
    "fugue_core.protocol.envelope": ("Envelope", "Recipient"),
    "fugue_core.protocol.requests": ("Receipt",),
    "fugue_core.protocol.session": ("SessionInfo", "WorktreeInfo"),
    "fugue_core.protocol.target": (
        "Broadcast",
        "OrchestrationTarget",
        "Session",
        "Tagged",
        "Worktree",
        "parse_target",
    ),
    "fugue_core.receiver": ("MessageReceiver",),
    "fugue_core.router": ("MessageRouter",),
}

__all__ = [
    "Broadcast",
    "ChainTooLong",
    "Client",
    "ConnectionLost",
    "DaemonUnavailable",
    "Envelope",
    "FugueError",
    "InvalidFilter",
    "InvalidMessageType",
    "InvalidMetadata",
    "InvalidName",
    "InvalidParams",
    "InvalidPayload",
    "InvalidSchema",
    "InvalidTag",
    "InvalidTarget",
    "InvalidValue",
    "LineTooLong",
    "MailboxFull",
    "MailboxShareFull",
    "MessageIdExists",
    "MessageNotFound",
    "MessageReceiver",
    "MessageRouter",
    "NoIdentity",
    "NoRecipients",
    "NoRepository",
    "OrchestrationMessage",
    "OrchestrationTarget",
    "PairTooFast",
    "ProtocolError",
    "ProtocolMismatch",
    "Receipt",
    "ReceiverClosed",
    "Recipient",
    "RequestRefused",
    "SchemaViolation",
    "Session",
    "SessionInfo",
    "SessionNameExists",
    "SessionNotFound",
    "StoreUnavailable",
    "Tagged",
    "Worktree",
    "WorktreeInfo",
    "WouldBlock",
    "connect",
    "parse_target",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(__import__(home, fromlist=[name]), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
