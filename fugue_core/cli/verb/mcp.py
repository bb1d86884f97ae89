"""`fugue mcp`: the tools of a session, for programs that speak the Model Context Protocol."""

from __future__ import annotations

import os

from fugue_core.cli import outcome
from fugue_core.cli.spec import TAGS, Option, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command


def run(command: Command) -> int:
    """Answer what comes on stdin until it ends."""
    from fugue_core.mcp.stdio import serve  # noqa: PLC0415  # it brings the event loop along

    serve(
        command.socket_path,
        named=os.environ.get("FUGUE_SESSION") or None,
        join=command.text("join"),
        tags=command.texts("tag"),
    )
    return outcome.DONE


VERB = Verb(
    "mcp",
    "Offer a session's tools to an agent, as an MCP server on stdin and stdout",
    run=run,
    details="""\
An agent's configuration names this command, and the agent starts it. Then it can find other sessions, send them
messages, receive its own, see what became of those that it sent, and start programs.

It speaks for the session of its environment, $FUGUE_SESSION: within fugue new and fugue run that is the agent's own.
Else it speaks for --join, which is made where there is none, in the git repository of the current directory, and stays
when the agent ends, so that its mail waits. With neither, tools that need a session say how to get one.""",
    options=(
        Option(
            "-j", "--join", metavar="NAME", help="speak for the session of this name, where the environment has none"
        ),
        Option("-t", "--tag", metavar="TAG", help="and give it this tag", is_repeatable=True, completes=TAGS),
    ),
    examples=(
        ("fugue mcp", "as the session that the agent runs in"),
        ("fugue mcp --join reviewer -t reviewer", "for an agent that was started elsewhere"),
    ),
)
