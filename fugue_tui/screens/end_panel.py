"""Ask before sessions end: who they are, and what unread mail would die with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from fugue_core.protocol.session import SessionInfo
from fugue_tui.line import fit
from fugue_tui.palette import Palette
from fugue_tui.screens.panel import Panel
from fugue_tui.view import World

NAMED = 10
"""Sessions that are named one by one; of the others it is said how many they are."""
NAME_CHARS = 30


class EndPanel(Panel):
    """A question.

    Down: the sessions, `refresh_from` when they change; `show_refusal`; `close` once it is done. Up:
    `EndPanel.Confirmed`.
    """

    DEFAULT_CSS = "EndPanel .panel-verdict { margin-top: 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "end", "end", id="end.confirm")]

    block = "end"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (("end.confirm", "end"), ("panel.leave", "keep"))

    @dataclass
    class Confirmed(Message):
        """The user wants these sessions to end."""

        panel: EndPanel
        sessions: tuple[UUID, ...]

    def __init__(
        self,
        sessions: Sequence[SessionInfo],
        palette: Palette,
        *,
        you: UUID | None = None,
        beside: Widget | None = None,
    ) -> None:
        super().__init__(palette, beside=beside)
        self._sessions = tuple(sessions)
        self._you = you
        self._is_asked = False

    def heading(self) -> Content:
        """How many."""
        count = len(self._sessions)
        return Content.styled("End this session?" if count == 1 else f"End {count} sessions?", f"bold {self.css.bad}")

    def body(self) -> ComposeResult:
        """Who they are, and the sum."""
        yield Static(self._names(), classes="end-names")
        yield Static("", classes="panel-verdict")

    def on_mount(self) -> None:
        """Say what would be lost."""
        super().on_mount()
        self._say_sum()

    def follow(self, world: World, you: UUID | None) -> None:  # noqa: ARG002  # who the human is was said before
        """Say who there is still, and what would be lost now."""
        self.refresh_from(world.sessions)

    def refresh_from(self, sessions: Mapping[UUID, SessionInfo]) -> None:
        """Show the same sessions as they are now; who has ended is not asked about any more."""
        now = tuple(sessions[info.id] for info in self._sessions if info.id in sessions)
        if now == self._sessions or self._is_asked or not self.is_open:
            return
        self._sessions = now
        if not now:
            self.close()
            return
        self._say_sum()
        self.paint()

    def paint(self) -> None:
        """Say the names anew, too."""
        super().paint()
        self.query_one(".end-names", Static).update(self._names())

    def show_refusal(self, reason: str) -> None:
        """Say why one did not end; `enter` tries again."""
        self._is_asked = False
        super().show_refusal(reason)

    def action_end(self) -> None:
        """Ask for it, once."""
        if not self._is_asked:
            self._is_asked = True
            self.post_message(self.Confirmed(self, tuple(info.id for info in self._sessions)))

    def _names(self) -> Content:
        palette = self.css
        lines: list[Content] = []
        by_unread = sorted(self._sessions, key=lambda info: -info.unread)
        for info in by_unread[:NAMED]:
            name = fit(info.name, NAME_CHARS)
            loss = f"  {info.unread:,} unread" if info.unread else ""
            you = "  it is you" if info.id == self._you else ""
            is_connected = info.attached_clients > 0
            lines.append(
                Content.assemble(
                    Content.styled("● " if is_connected else "○ ", palette.ok if is_connected else palette.muted),
                    Content.styled(name, palette.text),
                    Content.styled(loss, palette.wait),
                    Content.styled(you, palette.bad),
                )
            )
        if len(by_unread) > NAMED:
            lines.append(Content.styled(f"  and {len(by_unread) - NAMED:,} more", palette.muted))
        return Content("\n").join(lines)

    def _say_sum(self) -> None:
        unread = sum(info.unread for info in self._sessions)
        whose = "its name" if len(self._sessions) == 1 else "their names"
        if unread:
            self.say(f"✗ {unread:,} unread message{'s' if unread > 1 else ''} would die", is_bad=True)
        else:
            self.say(f"nothing unread would be lost; {whose} will be free again")
