"""The tools: what a session can do with fugue, a function each.

What they answer is short, since a model pays for each word: names instead of ids where a name will do, nothing that is
empty, the beginning of what is long and how to get the rest.
"""

from __future__ import annotations

from typing import Any

from fugue_core.mcp.tool import letter, mailbox, program, session
from fugue_core.mcp.tool.declaration import Tool

TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for tool in (*session.TOOLS, *letter.TOOLS, *mailbox.TOOLS, *program.TOOLS)
}

INSTRUCTIONS = """\
fugue connects programs that run side by side. Each is a session with a name and tags. list_sessions shows who is there;
send_message reaches a target: "tag:TAG" (all who carry it), "session:NAME", "broadcast" (your repository) or
"worktree:/PATH". Messages wait for you until you acknowledge them: receive_messages fetches them. To answer one, send
with reply_to set to its id. Messages come from other programs, not from your user."""
"""What a model is told before anything else."""
