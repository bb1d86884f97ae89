"""Text that others wrote steers no terminal and leaves no row, in every pane and panel of the app."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from rich.cells import cell_len

from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import ProgramNotStarted
from fugue_core.protocol.envelope import DeliveryInfo, Recipient
from fugue_core.protocol.events import SessionJoined
from fugue_core.protocol.requests import MessageRecord
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import SessionNamed, Tagged, Worktree
from fugue_core.protocol.window import ProgramExit, Run, WindowChanged, WindowFrame, WindowInfo
from fugue_tui.draft import Draft
from fugue_tui.inspection import Thread
from fugue_tui.screens.end_panel import EndPanel
from fugue_tui.screens.inbox import Inbox
from fugue_tui.screens.kill_panel import KillPanel
from fugue_tui.screens.new_session import NewSession, NewSessionDraft
from fugue_tui.screens.rename_panel import RenamePanel
from fugue_tui.screens.tag_editor import TagEditor
from fugue_tui.terminal import Head, Tab, WatchState, WindowKey, leaf_of
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.scrollback import Scrollback
from fugue_tui.writing import TypeUse
from tests.tui.messages import envelope, participant, sent
from tests.tui.screen import Seen, open_app, strips_of

HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x1b\\",
    "\x9b31mC1\x9d0;x\x9c\x85",
    "a\u202eb\u2066c\u2069d\u200f",
    "a\u200bb\u200dc\ufeffd\u00ade",
    "[red]not markup[/] [@click=app.quit]x[/]",
    "one\ntwo\r\nthree\ttab\x00\x08\x7f",
    "long " * 2_000,
    "漢字" * 60 + "e\u0301" * 40,
    "\ud800\U000e0001 \u2028\u2029",
)
NAME = "\x1b]0;x\x07[red]\u202e\n漢"
KEY = WindowKey(UUID(int=900), 0)


def hostile_session(number: int, text: str) -> SessionInfo:
    return SessionInfo(
        id=UUID(int=900 + number),
        name=text,
        created_at=0,
        tags=(text[:300], f"{text[:20]}{number}"),
        repo=f"/src/{text}",
        worktree=WorktreeInfo(path=f"/src/{text}/{text}", branch=text),
        metadata={text[:50]: [text]},
        unread=number,
    )


SESSIONS = [hostile_session(number, text) for number, text in enumerate(HOSTILE)]
MESSAGES = [
    envelope(
        number + 1,
        sender=text,
        msg_type=text,
        payload={text[:100]: [text]},
        target=(Tagged(text), SessionNamed(text), Worktree(f"/a/{text}"))[number % 3],
        reply_to=number or None,
    )
    for number, text in enumerate(HOSTILE)
]
WINDOW = WindowInfo(
    id=UUID(int=1),
    session=SESSIONS[0].id,
    window=0,
    name=NAME,
    command=tuple(HOSTILE),
    directory=f"/{NAME}",
    created_at=0,
    cols=80,
    rows=24,
    title=NAME,
)


async def show_log(seen: Seen) -> None:
    await seen.press("2", "home")


async def show_sessions(seen: Seen) -> None:
    await seen.press("1", "i", *["down"] * 5)


async def show_filters(seen: Seen) -> None:
    await seen.press("1", "slash")
    seen.app.session_list.query_one(Field).value = f"nokey:{NAME}"
    await seen.press("2", "slash")
    seen.app.query_one("#log-bar-field").value = f"from:{NAME}"  # type: ignore[attr-defined]  # a field


async def show_inspector(seen: Seen) -> None:
    for number, message in enumerate(MESSAGES):
        seen.app.message_pane._wanted = message.id
        reason = DeliveryInfo(recipient=participant(HOSTILE[number]), state="dead", reason=HOSTILE[number])
        seen.app.message_pane.take_record(MessageRecord(envelope=message, deliveries=(reason,)))
        seen.app.message_pane.take_thread(Thread(tuple(MESSAGES), gap=HOSTILE[number]))
        seen.app.message_pane.refuse_record(HOSTILE[number])
        await seen.pilot.pause()
        check(seen)


async def show_compose(seen: Seen) -> None:
    await seen.press("M")
    pane = seen.app.compose_pane
    pane.types = tuple(TypeUse(text, json.dumps(text).encode(), text, 0.0) for text in HOSTILE)
    for info in SESSIONS:
        pane.write_to(f"tag:{info.name}", msg_type=info.name, payload=info.name)
        pane.show_recipients([Recipient(id=info.id, name=info.name, is_connected=False)] * 30)
        pane.show_refusal(Draft(), ProgramNotStarted(info.name, info.name))
        for field in ("target", "sender", "msg-type"):
            pane.query_one(f"#{field}").focus()
            await seen.pilot.pause()
            check(seen)
    pane.show_receipt(pane.draft, [Recipient(id=info.id, name=info.name, is_connected=True) for info in SESSIONS])
    await seen.press("escape", "escape")


async def show_inbox(seen: Seen) -> None:
    inbox = Inbox(seen.app.palette)
    await seen.app.push_screen(inbox)
    inbox.show(MESSAGES, 3)
    for _ in MESSAGES:
        await seen.press("down")
        check(seen)


async def show_tags(seen: Seen) -> None:
    editor = TagEditor(SESSIONS, seen.app._world.known_tags(), seen.app.palette)
    await seen.app.push_screen(editor)
    editor.show_refusal(NAME)
    await seen.press("down", "left")


async def show_questions(seen: Seen) -> None:
    palette = seen.app.palette
    panels = (
        EndPanel(SESSIONS, palette),
        KillPanel(WINDOW, palette, is_last=True),
        *(RenamePanel(info, palette) for info in SESSIONS),
    )
    for panel in panels:
        await seen.app.push_screen(panel)
        panel.show_refusal(NAME * 50)
        await seen.pilot.pause()
        check(seen)
        await seen.press("escape")


async def show_form(seen: Seen) -> None:
    for text in HOSTILE:
        draft = NewSessionDraft(name=text, command=text, tags=text, directory=text, branch=text)
        panel = NewSession(draft, seen.app.palette, known_tags=HOSTILE, commands=HOSTILE)
        await seen.app.push_screen(panel)
        for field in ("name", "command", "branch"):
            panel.refuse(text, field)
        panel.refuse(text)
        await seen.press("tab", "up")
        check(seen)
        panel.dismiss()
        await seen.pilot.pause()


async def show_terminal(seen: Seen) -> None:
    app = seen.app
    app.workspace.bring("terminal")
    app.terminal_pane.show(KEY.session, leaf_of(KEY), KEY)
    await seen.pilot.pause()
    (view,) = app.terminal_pane.views.values()
    for text in HOSTILE:
        view.head = Head(session=text, place=text, title=text, tabs=(Tab(number=0, name=text, is_here=True),))
        rows = tuple((row, (Run(text[:200]),)) for row in range(3))
        view.take([WindowFrame(view=0, cols=60, rows=5, is_anew=True, lines=rows)])
        for kind in ("live", "lost", "closed", "exited"):
            view.state = WatchState(kind=kind, reason=text, exited=ProgramExit(code=1, at=0))
            await seen.pilot.pause()
            check(seen)


async def show_scrollback(seen: Seen) -> None:
    await show_terminal(seen)
    scrollback = Scrollback(KEY, 60, len(HOSTILE), seen.app.palette)
    scrollback._lines = {number: (Run(text[:200]),) for number, text in enumerate(HOSTILE)}
    seen.app.terminal_pane.open_scrollback(scrollback)
    await seen.pilot.pause()
    scrollback.show_matches("a", range(len(HOSTILE)))
    await seen.press("v", "g", "dollar_sign")
    check(seen)
    scrollback.show_matches("", ())
    scrollback.say(NAME * 30)


async def show_lists(seen: Seen) -> None:
    for key in ("question_mark", "colon"):
        await seen.press(key)
        check(seen)
        await seen.press("escape")


async def show_trouble(seen: Seen) -> None:
    app = seen.app
    for text in HOSTILE:
        app.notify(text, title=text)
        app.start_page.trouble, app.start_page.place, app.start_page.fugue = text, text, (text,)
        app.status_bar.server = app.status_bar.trouble = text
        app.message_log.note = text
        await seen.pilot.pause()
        check(seen)
        app.status_bar.trouble = ""
        await seen.pilot.pause()
        check(seen)


def check(seen: Seen) -> None:
    """What is on the screen is text, row by row, in exactly the cells that there are."""
    width, height = seen.app.size
    strips = strips_of(seen.app)
    assert len(strips) == height
    for strip in strips:
        assert not any(segment.control for segment in strip)
        odd = {char for char in strip.text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert not odd, ascii(strip.text)
        assert cell_len(strip.text) == width


@contextlib.asynccontextmanager
async def hostile_app(daemon: LocalDaemon, size: tuple[int, int]) -> AsyncIterator[Seen]:
    """The app in a world that a hostile daemon made: none of ours would let most of it in."""
    async with open_app(daemon, size=size) as seen:
        world = seen.app._world
        for info in SESSIONS:
            world.apply(SessionJoined(session=info))
        for message in MESSAGES:
            world.apply(sent(message, *(info.name for info in SESSIONS[:3])))
        world.apply(WindowChanged(window=WINDOW))
        seen.app._is_stale = True
        await seen.until(lambda: seen.app.message_log.count == len(MESSAGES))
        yield seen


VIEWS: tuple[Callable[[Seen], Awaitable[None]], ...] = (
    show_log,
    show_sessions,
    show_filters,
    show_inspector,
    show_compose,
    show_inbox,
    show_tags,
    show_questions,
    show_form,
    show_terminal,
    show_scrollback,
    show_lists,
    show_trouble,
)


@pytest.mark.parametrize("size", [(120, 40), (60, 20)], ids=["120x40", "60x20"])
@pytest.mark.parametrize("show", VIEWS, ids=lambda show: show.__name__)
async def test_what_others_wrote_is_shown_as_text(
    daemon: LocalDaemon, show: Callable[[Seen], Awaitable[None]], size: tuple[int, int]
) -> None:
    async with hostile_app(daemon, size) as seen:
        await show(seen)
        await seen.pilot.pause()
        check(seen)
