"""The app on a daemon inside the test, and what a person would see of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip

from fugue_core.client.link import Opener
from fugue_tui.app import FugueApp
from fugue_tui.config import Config, ScreenConfig

PATIENCE_S = 50.0
"""How long a machine that is busy with something else may take; nothing waits for it that comes to be."""
PLAIN = Config(screen=ScreenConfig(glyphs="unicode"))


def strips_of(app: App[None]) -> list[Strip]:
    """Return what stands on the screen, with what is seen through a panel.

    The panes below are named first, as where Textual draws: a panel that is drawn without them keeps the blank rows.
    """
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


class Seen:
    """The app, and the pilot that presses its keys."""

    def __init__(self, app: FugueApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        return [strip.text for strip in strips_of(self.app)]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Return when a condition holds."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > give_up_at:
                raise AssertionError(f"it never came to be; the screen is\n{self.text}")
            await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def until_shown(self, text: str) -> None:
        """Return when the screen shows a text."""
        await self.until(lambda: text in self.text)

    async def until_logged(self, text: str) -> None:
        """Return when the log shows a text, and not only the session list, which may tell of it a frame before."""
        log = self.app.message_log

        def is_logged() -> bool:
            region = log.region
            return log.count > 0 and any(
                text in line[region.x : region.right] for line in self.lines[region.y : region.bottom]
            )

        await self.until(is_logged)

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they start come to rest."""
        await self.pilot.press(*keys)
        await self.pilot.pause()


@contextlib.asynccontextmanager
async def open_app(
    daemon: Opener, size: tuple[int, int] = (120, 40), config: Config = PLAIN, *, is_connected: bool = True
) -> AsyncIterator[Seen]:
    """Run the app within the block; it is connected when that begins."""
    app = FugueApp(daemon, server="test", config=config)
    async with app.run_test(size=size, notifications=True) as pilot:
        seen = Seen(app, pilot)
        await seen.until(lambda: app.is_complete)
        if is_connected:
            await seen.until(lambda: app.status_bar.is_up and app.status_bar.sessions)
        yield seen
