"""The tools about sessions: who is there, and what they say of themselves."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fugue_core.errors import NoIdentity
from fugue_core.mcp.argument import Arguments, BadArgument
from fugue_core.mcp.tool.declaration import Tool
from fugue_core.mcp.work import Work
from fugue_core.protocol.requests import GetSession
from fugue_core.protocol.session import SessionInfo

Tags = tuple[str, ...]
Metadata = dict[str, Any]
OwnOrNamed = Annotated[str, Meta(description="name or id; absent: your own")] | None


class SessionBrief(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session in few words; what it has not is left out.

    Fields:
        worktree: Its path.
        connections: How many speak for it now; with none, what is sent to it waits.
        windows: Programs that fugue runs for it.
    """

    name: str
    id: str | UnsetType = UNSET
    tags: Tags = ()
    repo: str | UnsetType = UNSET
    worktree: str | UnsetType = UNSET
    branch: str | UnsetType = UNSET
    unread: int = 0
    connections: int = 0
    windows: int = 0
    metadata: Metadata = {}


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions in order of registration; `next` is the `offset` of the next page."""

    sessions: tuple[SessionBrief, ...]
    total: int
    next: int | UnsetType = UNSET


class TagsNow(msgspec.Struct, frozen=True, kw_only=True):
    """The tags that a session has now."""

    session: str
    tags: Tags


class MetadataNow(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that a session's metadata has now."""

    session: str
    keys: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has ended; `dead` deliveries to it were never acknowledged."""

    session: str
    id: str
    dead: int


class WhoAmI(Arguments, frozen=True, kw_only=True):
    """Nothing."""


class ListSessions(Arguments, frozen=True, kw_only=True):
    """Which, and how much of each."""

    filter: Annotated[
        str,
        Meta(
            description="words, all must match: tag:T repo:R from:NAME or free text; ! negates; * stands for anything"
        ),
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    offset: Annotated[int, Meta(ge=0, le=1_000_000, description="`next` of the page before")] = 0
    details: Annotated[bool, Meta(description="ids and metadata, too")] = False


class SetTags(Arguments, frozen=True, kw_only=True):
    """The edit, and whose tags."""

    structured: ClassVar = ("add", "remove", "replace")

    add: Tags = ()
    remove: Tags = ()
    replace: Annotated[Tags, Meta(description="all of the tags from now on; not with add or remove")] | None = None
    session: OwnOrNamed = None


class SetMetadata(Arguments, frozen=True, kw_only=True):
    """The edit, and whose metadata."""

    structured: ClassVar = ("set", "remove")

    set: Annotated[Metadata, Meta(description="any JSON by key; other keys stay")] = {}
    remove: Tags = ()
    session: OwnOrNamed = None


class EndSession(Arguments, frozen=True, kw_only=True):
    """Which; never by default one's own."""

    session: Annotated[str, Meta(description="name or id")]


async def who_am_i(work: Work, _arguments: WhoAmI) -> SessionBrief:
    """Say whom these tools speak for."""
    client = await work.client()
    if client.session is None:
        raise NoIdentity(GetSession.method)
    return brief(await client.get_session(), with_details=True)


async def list_sessions(work: Work, arguments: ListSessions) -> SessionPage:
    """List who is there."""
    found = await (await work.client()).sessions(arguments.filter)
    end = arguments.offset + arguments.limit
    return SessionPage(
        sessions=tuple(brief(info, with_details=arguments.details) for info in found[arguments.offset : end]),
        total=len(found),
        next=end if end < len(found) else UNSET,
    )


async def set_tags(work: Work, arguments: SetTags) -> TagsNow:
    """Change tags: all of the edit or none."""
    if arguments.replace is not None and (arguments.add or arguments.remove):
        raise BadArgument("replace", "says all of the tags; it goes not with `add` or `remove`")
    info = await (await work.client()).tag(
        add=arguments.add, remove=arguments.remove, replace=arguments.replace, session=arguments.session
    )
    return TagsNow(session=info.name, tags=info.tags)


async def set_metadata(work: Work, arguments: SetMetadata) -> MetadataNow:
    """Change metadata: all of the edit or none."""
    client = await work.client()
    info = await client.edit_metadata(arguments.set, arguments.remove, arguments.session)
    return MetadataNow(session=info.name, keys=tuple(info.metadata))


async def end_session(work: Work, arguments: EndSession) -> Ended:
    """End a session with its programs."""
    info = await (await work.client()).end(arguments.session)
    return Ended(session=info.name, id=str(info.id), dead=info.unread)


def brief(info: SessionInfo, *, with_details: bool) -> SessionBrief:
    """Return a session in few words."""
    return SessionBrief(
        name=info.name,
        id=str(info.id) if with_details else UNSET,
        tags=info.tags,
        repo=info.repo or UNSET,
        worktree=info.worktree.path if info.worktree else UNSET,
        branch=(info.worktree.branch or UNSET) if info.worktree else UNSET,
        unread=info.unread,
        connections=info.attached_clients,
        windows=info.window_count,
        metadata=info.metadata if with_details else {},
    )


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "whoami",
        "Your own session: name, tags, repository, unread messages.",
        who_am_i,
        arguments=WhoAmI,
        answer=SessionBrief,
        only_reads=True,
    ),
    Tool(
        "list_sessions",
        "The sessions that can be sent messages, with tags, repository, worktree and unread count.",
        list_sessions,
        arguments=ListSessions,
        answer=SessionPage,
        only_reads=True,
    ),
    Tool(
        "set_tags",
        "Change a session's tags, by which others address it.",
        set_tags,
        arguments=SetTags,
        answer=TagsNow,
        is_repeatable=True,
    ),
    Tool(
        "set_metadata",
        "Change what a session tells of itself: any JSON under keys of its own.",
        set_metadata,
        arguments=SetMetadata,
        answer=MetadataNow,
        is_repeatable=True,
    ),
    Tool(
        "end_session",
        "End a session: its programs are stopped, and messages that it has not acknowledged are dead.",
        end_session,
        arguments=EndSession,
        answer=Ended,
        destroys=True,
    ),
)
