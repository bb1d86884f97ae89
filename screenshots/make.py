# ruff: noqa: INP001  # a script, run as a file; what people say is one line each
"""Draw the pictures of the screen, from the real app on a real daemon, with a clock and ids that stand still.

    python screenshots/make.py [NAME ...]

writes screenshots/NAME.svg. `tests/tui/test_screenshots.py` draws them again and compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import UUID

from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from fugue_core import Broadcast, OrchestrationMessage, OrchestrationTarget, Session, Tagged, WorktreeInfo
from fugue_core.client import Client, connect
from fugue_core.daemon.local import LocalDaemon
from fugue_tui.app import FugueApp
from fugue_tui.config import Config, Memory, ScreenConfig
from fugue_tui.shell import Shell

HERE = Path(__file__).parent
NOON = 1_767_268_800.0
TURNS = 300
RATES = (0.0, 1.0, 0.0, 2.0, 3.0, 2.0, 4.0, 3.0, 6.0, 4.0, 2.0, 3.0)


class Scene(NamedTuple):
    """A picture: size, theme, whether anybody is there, the keys to press, the text to wait for, and the terminal."""

    name: str
    size: tuple[int, int] = (140, 42)
    theme: str = "fugue-dark"
    is_busy: bool = True
    keys: tuple[str, ...] = ()
    shows: str = ""
    has_256_colours: bool = False


SCENES = (
    Scene("first-start", is_busy=False, shows="Many voices"),
    Scene("busy-log", shows="writing docs"),
    Scene("inspector", keys=(*["up"] * 4, "enter"), shows="deliveries"),
    Scene("tag-editor", keys=("1", "home", "space", "space", "t", *"re"), shows="reviewer"),
    Scene("compose-error", keys=("M", *"citizen", "enter"), shows="line 3, column 3"),
    Scene("compose-recipients", keys=("M", *"citizen", "enter"), shows="reaches"),
    Scene("undelivered", keys=("enter", "tab"), shows="deliveries"),
    Scene("help", keys=("question_mark",), shows="here"),
    Scene("terminal", keys=("1", "home", *["down"] * 3, "enter"), shows="accept edits"),
    Scene("light", theme="fugue-light", shows="writing docs"),
    Scene("80x24", size=(80, 24), shows="update"),
    Scene("dark-256-colours", shows="writing docs", has_256_colours=True),
    Scene("light-256-colours", theme="fugue-light", shows="writing docs", has_256_colours=True),
)

PEOPLE: tuple[tuple[str, str, str, tuple[str, ...], bool], ...] = (
    ("mayor", "shop", "main", ("mayor",), True),
    ("cat-1", "shop", "feat/cart", ("citizen", "builder"), True),
    ("cat-2", "shop", "feat/cart", ("citizen", "reviewer", "night"), True),
    ("cat-3", "shop", "fix/tax-rounding", ("citizen", "builder", "payments"), True),
    ("gus", "api", "main", ("citizen", "reviewer"), True),
    ("ci", "api", "main", ("ci", "night"), True),
    ("ivy", "api", "feat/refunds", ("citizen", "builder", "payments"), False),
    ("mill", "api", "feat/refunds", ("builder", "night"), False),
)
"""Name, repository, branch, tags, and whether somebody is connected."""

WORK = ("cart-tests", "review #214", "refund-webhook", "docs/refunds.md")
AGENT = r"""
\033[32m●\033[0m \033[1mRead\033[0m\033[90m(docs/tax.md)\033[0m
  └  Read 214 lines

\033[32m●\033[0m \033[1mUpdate\033[0m\033[90m(shop/tax/round.py)\033[0m
  └  Updated \033[1mshop/tax/round.py\033[0m with 2 additions and 1 removal
       41      def per_line(self, lines):
\033[48;2;58;31;38m\033[31m     - 42          return sum(round(l.net * l.rate, 2) for l in lines)  \033[0m
\033[48;2;28;48;38m\033[32m     + 42          # CH rounds the sum to 0.05, not each line           \033[0m
\033[48;2;28;48;38m\033[32m     + 43          return self.table.quantum(total).round(total)        \033[0m

\033[32m●\033[0m \033[1mBash\033[0m\033[90m(pytest tests/tax -q)\033[0m
  └  ........................................\033[31mF\033[0m.............   [100%]
     \033[1;31mFAILED\033[0m tests/tax/test_round.py - assert 17.35 == 17.33

\033[33m*\033[0m Running the whole suite…

\033[90m╭──────────────────────────────────────────────────────────────╮\033[0m
\033[90m│\033[0m >                                                            \033[90m│\033[0m
\033[90m╰──────────────────────────────────────────────────────────────╯\033[0m
  \033[90maccept edits on (shift+tab to cycle)\033[0m"""
"""What the program in the terminal's picture prints, the escape for each colour spelt out."""

BROKEN = '{\n  "item": "checkout-copy"\n  "reserve": 25,\n  "needs": ["tests", "screenshots"]\n}'
WHOLE = '{\n  "item": "checkout-copy",\n  "reserve": 25,\n  "needs": ["tests", "screenshots"]\n}'


class Clock:
    """Stands still but for what it is told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:  # noqa: D102  # as `time.time`
        return self.now


@contextlib.contextmanager
def still_world(colours: str) -> Iterator[tuple[Clock, Path]]:
    """Let everything within find the same time, ids, user, directories and terminal; `colours` as in `COLORTERM`."""
    clock, numbers = Clock(), itertools.count(1)

    def next_id() -> UUID:
        return UUID(int=(next(numbers) * 0x9E3779B1 % 2**32 << 96) + 0x7000_8000_0000_0000_0000)

    with tempfile.TemporaryDirectory(prefix="fugue-pictures-") as home, contextlib.ExitStack() as stack:
        directory = Path(home, "src", "shop")
        directory.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", "-b", "main", directory], check=True)  # noqa: S603, S607
        environment = {"HOME": home, "LOGNAME": "ann", "TZ": "UTC", "XDG_STATE_HOME": f"{home}/state"}
        environment |= {"TERM": "xterm-256color", "COLORTERM": colours}
        stack.enter_context(patch.dict(os.environ, environment))
        for name in ("NO_COLOR", "FUGUE_SESSION", "FUGUE_SOCKET"):
            os.environ.pop(name, None)
        for place in tuple(
            f"fugue_core.{module}.new_id" for module in ("daemon.server", "client.client", "client.window")
        ):
            stack.enter_context(patch(place, next_id))
        stack.enter_context(patch("time.time", clock))
        stack.enter_context(patch.object(Shell, "_pass_second", lambda _: None))  # which counts by another clock
        was = os.getcwd()
        os.chdir(directory)
        time.tzset()
        try:
            yield clock, Path(home)
        finally:
            os.chdir(was)
    time.tzset()


async def draw(scene: Scene) -> str:
    """Return the picture as SVG."""
    with still_world("" if scene.has_256_colours else "truecolor") as (clock, home):
        config = Config(screen=ScreenConfig(glyphs="unicode", bell="none"), memory=Memory(theme=scene.theme))
        async with LocalDaemon() as daemon, contextlib.AsyncExitStack() as stack:
            people = await stack.enter_async_context(populated(daemon, home)) if scene.is_busy else {}
            if scene.name == "terminal":
                await run_agent(people["mayor"], home)
            app = FugueApp(daemon, server="default", config=config)
            async with app.run_test(size=scene.size) as pilot:
                await until(pilot, lambda: app.status_bar.is_up and app.status_bar.sessions > len(people))
                if scene.is_busy:
                    await talk(people, clock)
                    if scene.name == "undelivered":
                        await say_in_vain(people, clock)
                    await until(pilot, lambda: app.status_bar.sessions and app._world.message_count == clock.now - NOON)  # noqa: SLF001
                    clock.now += 3
                    app._is_stale = True  # noqa: SLF001  # ages have grown
                app.status_bar.rates = RATES if scene.is_busy else ()
                await pilot.pause()
                if scene.keys:
                    await pilot.press(*scene.keys)
                if scene.name.startswith("compose"):
                    pane = app.compose_pane
                    pane.query_one("#msg-type").value = "gas_town.auction"  # type: ignore[attr-defined]  # a field
                    pane.query_one("#payload").text = BROKEN if scene.name == "compose-error" else WHOLE  # type: ignore[attr-defined]  # the editor
                await until(pilot, lambda: scene.shows in text_of(app))
                for field in [*app.screen.query(Input), *app.screen.query(TextArea)]:
                    field.cursor_blink = False
                await settle(pilot)
                return app.export_screenshot(title="fugue", simplify=True)


@contextlib.asynccontextmanager
async def populated(daemon: LocalDaemon, home: Path) -> AsyncIterator[dict[str, Client]]:
    """Let everybody join, and be there within the block."""
    async with contextlib.AsyncExitStack() as stack:
        people: dict[str, Client] = {}
        for name, repo, branch, tags, is_connected in PEOPLE:
            client = await stack.enter_async_context(connect(daemon, attach=is_connected))
            path = f"{home}/src/{repo}" + ("" if branch == "main" else "." + branch.rpartition("/")[2])
            worktree = WorktreeInfo(path=path, branch=branch, is_main=branch == "main")
            await client.join(name, tags=tags, repo=f"{home}/src/{repo}", worktree=worktree)
            people[name] = client
        yield people


async def run_agent(client: Client, home: Path) -> None:
    """Let a program run that shows what the picture shows, in the worktree where others work."""
    await client.windows.new_session(
        ["sh", "-c", 'stty -echo; printf "$1"; exec sleep 3600', "agent", AGENT.replace("%", "%%")],
        name="cat-4",
        tags=["citizen", "payments"],
        directory=f"{home}/src/shop",
        environment={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )
    session = (await client.get_session("cat-4")).id
    await client.windows.rename("agent", session)
    while "accept edits" not in (await client.windows.capture(session)).text:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)


async def talk(people: dict[str, Client], clock: Clock) -> None:
    """Let them say what the pictures show, a second apart; most of it is acknowledged."""

    async def say(
        sender: str, target: OrchestrationTarget, kind: str, payload: object, reply_to: UUID | None = None
    ) -> UUID:
        clock.now += 1
        message = OrchestrationMessage(kind, payload)
        return (await people[sender].send(target, message, reply_to=reply_to)).id

    def to(name: str) -> Session:
        session = people[name].session
        assert session is not None  # noqa: S101  # everybody has joined
        return Session(session.id)

    async def ack(*names: str) -> None:
        for name in names:
            received = await people[name].receive()
            await people[name].ack(*received.envelopes)

    for number, item in enumerate(WORK):
        await say(
            "ci", Tagged("citizen"), "status.update", {"suite": "api", "passed": 409 + number, "failed": 3 - number}
        )
        auction = await say("mayor", Tagged("citizen"), "gas_town.auction", {"item": item, "reserve": 40 + 15 * number})
        for bidder, amount in (("cat-1", 75), ("gus", 62), ("cat-3", 58)):
            await say(bidder, to("mayor"), "gas_town.bid", {"item": item, "amount": amount + number}, auction)
        await ack("cat-1", "cat-2", "cat-3", "gus", "mayor")
        await say("mayor", Broadcast(), "gas_town.award", {"item": item, "to": "cat-3"}, auction)
        await say("cat-3", to("mayor"), "status.update", {"state": "started", "eta_min": 6 + number}, auction)
    await say("gus", to("ivy"), "fix.request", {"test": "refund_partial", "line": 88})
    await say("mayor", Tagged("human"), "note", {"text": "cart-tests done by cat-3"})
    await ack("mayor", "cat-1")
    await say("gus", Tagged("human"), "note", {"text": "api is red until ivy is back"})
    await say("cat-3", Tagged("mayor"), "status.update", {"state": "writing docs", "done": 0.4})


async def say_in_vain(people: dict[str, Client], clock: Clock) -> None:
    """Let a message be for some of whom one ends with it unread."""
    clock.now += 1
    await people["ci"].send(
        Tagged("builder"), OrchestrationMessage("fix.request", {"test": "refund_total", "line": 14})
    )
    await people["mill"].end()


def text_of(app: FugueApp) -> str:
    """Return what the screen shows; the panes below a panel are named first, or it would keep blank rows for them."""
    visible_screen_stack.set(app._background_screens)  # noqa: SLF001  # no public way
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())  # noqa: SLF001  # no public way


async def until(pilot: Pilot[None], is_so: Any) -> None:
    """Return when a condition holds."""
    for _ in range(TURNS):
        if is_so():
            return
        await pilot.pause()
    raise TimeoutError(f"it never came to be; the screen is\n{text_of(pilot.app)}")  # type: ignore[arg-type]  # ours


async def settle(pilot: Pilot[None]) -> None:
    """Return when the screen has not changed for some turns."""
    same, before = 0, ""
    while same < 12:  # noqa: PLR2004  # more than half a second
        await pilot.pause(0.05)
        now = text_of(pilot.app)  # type: ignore[arg-type]  # ours
        same, before = (same + 1, now) if now == before else (0, now)


def main(names: Sequence[str]) -> int:
    """Draw those that are named, or all."""
    for scene in SCENES:
        if not names or scene.name in names:
            (HERE / f"{scene.name}.svg").write_text(asyncio.run(draw(scene)))
            sys.stdout.write(f"{scene.name}.svg\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
