"""What opens over the panes. Like a widget, a screen is given data and says what the user did.

Each is loaded when it is first asked for here: all of them would be a twentieth of the time to the first frame, where
none is seen. So whoever opens one hears of it by the names of its handlers, `on_inbox_acked`, which need no class.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fugue_tui.screens.breaker_panel import BreakerPanel as BreakerPanel
    from fugue_tui.screens.end_panel import EndPanel as EndPanel
    from fugue_tui.screens.help import Help as Help
    from fugue_tui.screens.inbox import Inbox as Inbox
    from fugue_tui.screens.kill_panel import KillPanel as KillPanel
    from fugue_tui.screens.new_session import NewSession as NewSession
    from fugue_tui.screens.new_session import NewSessionDraft as NewSessionDraft
    from fugue_tui.screens.palette_panel import Action as Action
    from fugue_tui.screens.palette_panel import PalettePanel as PalettePanel
    from fugue_tui.screens.rename_panel import RenamePanel as RenamePanel
    from fugue_tui.screens.tag_editor import TagEditor as TagEditor

_MODULES = {
    "Action": "palette_panel",
    "BreakerPanel": "breaker_panel",
    "EndPanel": "end_panel",
    "Help": "help",
    "Inbox": "inbox",
    "KillPanel": "kill_panel",
    "NewSession": "new_session",
    "NewSessionDraft": "new_session",
    "PalettePanel": "palette_panel",
    "RenamePanel": "rename_panel",
    "TagEditor": "tag_editor",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def load() -> None:
    """Load all, for who asks what keys there are."""
    for name in _MODULES.values():
        import_module(f"{__name__}.{name}")
