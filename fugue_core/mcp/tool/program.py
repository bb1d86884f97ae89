"""The tools about programs in windows."""

from __future__ import annotations

import os
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fugue_core.mcp.argument import Arguments, BadArgument
from fugue_core.mcp.tool.declaration import Tool
from fugue_core.mcp.tool.session import Metadata, SessionBrief, Tags, brief
from fugue_core.mcp.work import Work


class NewSession(Arguments, frozen=True, kw_only=True):
    """What to run, where, and under which name."""

    structured: ClassVar = ("command", "tags", "metadata")

    command: Annotated[
        tuple[str, ...], Meta(description='program and arguments, e.g. ["make", "watch"]; absent: the user\'s shell')
    ] = ()
    name: Annotated[str, Meta(description="absent: one is found")] | None = None
    tags: Tags = ()
    metadata: Metadata = {}
    directory: Annotated[str, Meta(description="absolute; absent: where this server runs")] | None = None
    keep: Annotated[bool, Meta(description="stay when the program exits")] = False


class CaptureScreen(Arguments, frozen=True, kw_only=True):
    """Whose screen, and how much of it."""

    session: Annotated[str, Meta(description="name or id")]
    window: Annotated[int, Meta(ge=0, le=9_999, description="absent: the first")] | None = None
    lines: Annotated[int, Meta(ge=1, le=2_000, description="at most so many, the last ones")] = 60
    skip: Annotated[int, Meta(ge=0, le=1_000_000, description="leave out so many at the end; what was above")] = 0
    scrollback: Annotated[bool, Meta(description="what has scrolled out of the screen, too")] = False


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a window, and where they are.

    Fields:
        above: Lines that there are above these; `skip` gets them.
        cursor: Column and row of the screen, from 0.
    """

    text: str
    above: int
    cursor: tuple[int, int]
    cols: int
    rows: int
    title: str | UnsetType = UNSET


async def new_session(work: Work, arguments: NewSession) -> SessionBrief:
    """Start a program as a session."""
    directory = arguments.directory
    if directory is not None:
        _check_directory(directory)
    client = await work.client()
    info = await client.windows.new_session(
        arguments.command,
        name=arguments.name,
        tags=arguments.tags,
        metadata=arguments.metadata,
        directory=directory or os.getcwd(),
        keep=arguments.keep,
    )
    return brief(info, with_details=True)


def _check_directory(path: str) -> None:
    if not (os.path.isabs(path) and os.path.isdir(path)):
        raise BadArgument("directory", f"must be the absolute path of a directory, and {path!r} is none")


async def capture_screen(work: Work, arguments: CaptureScreen) -> Screen:
    """Read what a window shows."""
    client = await work.client()
    captured = await client.windows.capture(arguments.session, arguments.window, scrollback=arguments.scrollback)
    found = captured.text.rstrip("\n").split("\n")
    end = max(0, len(found) - arguments.skip)
    begin = max(0, end - arguments.lines)
    return Screen(
        text="\n".join(found[begin:end]),
        above=begin,
        cursor=captured.cursor,
        cols=captured.cols,
        rows=captured.rows,
        title=captured.title or UNSET,
    )


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "new_session",
        "Start a program in a terminal of its own, as a session that can be sent messages.",
        new_session,
        arguments=NewSession,
        answer=SessionBrief,
    ),
    Tool(
        "capture_screen",
        "Read what the program of a session shows on its terminal.",
        capture_screen,
        arguments=CaptureScreen,
        answer=Screen,
        only_reads=True,
    ),
)
