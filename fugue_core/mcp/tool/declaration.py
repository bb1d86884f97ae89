"""What a tool says of itself. No I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec

from fugue_core.mcp.argument import Arguments
from fugue_core.mcp.schema import schema_of
from fugue_core.mcp.work import Work

Taken = TypeVar("Taken", bound=Arguments)


class Tool(Generic[Taken]):
    """One tool.

    Attributes:
        name: By which it is called.
        description: For the model that chooses it.
        arguments: What it takes.
        answer: What it answers, unless it refuses by raising a `FugueError` or `BadArgument`.
        run: Does it.
    """

    def __init__(  # noqa: PLR0913  # a declaration
        self,
        name: str,
        description: str,
        run: Callable[[Work, Taken], Awaitable[msgspec.Struct]],
        *,
        arguments: type[Taken],
        answer: type[msgspec.Struct],
        only_reads: bool = False,
        destroys: bool = False,
        is_repeatable: bool = False,
    ) -> None:
        """Declare it.

        Args:
            name: By which it is called.
            description: For the model that chooses it.
            run: Does it.
            arguments: What it takes.
            answer: What it answers.
            only_reads: It changes nothing.
            destroys: What it takes away does not come back.
            is_repeatable: To call it twice with the same arguments does the same as once.
        """
        self.name = name
        self.description = description
        self.run = run
        self.arguments = arguments
        self.answer = answer
        self._hints = {
            "readOnlyHint": only_reads,
            "destructiveHint": destroys,
            "idempotentHint": only_reads or is_repeatable,
            "openWorldHint": False,
        }

    def declaration(self) -> dict[str, Any]:
        """Return what `tools/list` says of it."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": schema_of(self.arguments),
            "outputSchema": schema_of(self.answer),
            "annotations": self._hints,
        }
