"""The command palette: every action that has a name, with its key and the command line that does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode

from fugue_tui.keymap import KeyRow


class Command(NamedTuple):
    """One line of the palette."""

    title: str
    help: str
    run: Callable[[], object]


@runtime_checkable
class Commanded(Protocol):
    """The app, as the palette needs it."""

    def palette_rows(self) -> Sequence[tuple[KeyRow, DOMNode]]:
        """Return the actions that can be done now, each with the pane or panel that does it."""

    def palette_extras(self) -> Sequence[tuple[str, str, Callable[[], object]]]:
        """Return what has no key: a title, an explanation and what does it."""


class Actions(Provider):
    """Every action, found by its words, its pane, its key or its command."""

    async def discover(self) -> Hits:
        """Show all of them before anything is typed."""
        for command in self._commands():
            yield DiscoveryHit(command.title, command.run, help=command.help)

    async def search(self, query: str) -> Hits:
        """Show those that fit."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = max(matcher.match(command.title), matcher.match(command.help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(command.title), command.run, text=command.title, help=command.help)

    def _commands(self) -> Iterator[Command]:
        app = self.app
        if not isinstance(app, Commanded):
            return
        for row, node in app.palette_rows():
            twin = f"   $ {row.twin}" if row.twin else ""
            help_text = f"{'  '.join(row.keys)}{twin}"
            yield Command(f"{row.context}: {row.words}", help_text, partial(app.run_action, row.action, node))
        for title, explanation, run in app.palette_extras():
            yield Command(title, explanation, run)
