"""Windows: programs that fugue runs for a session, what is asked of them, and what they show. No I/O.

A window is named by its session and its number, which counts from 0 and is free again when the window is closed. Where
a request names no window, the session's lowest is meant.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from fugue_core.protocol.request import Count, Request
from fugue_core.protocol.session import SessionInfo, Wake, WorktreeInfo

WindowNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=9_999)]
Cells: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2_000)]
"""Columns or rows of a terminal."""


class ProgramExit(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended: exactly one of `code` and `signal` is there, or none where nobody could know.

    Fields:
        at: Unix seconds.
    """

    code: int | None = None
    signal: int | None = None
    at: float


class WindowInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may know of a window.

    Fields:
        session: Its session's id.
        window: Its number.
        id: Never changes while the window is there, also where another program is started in it.
        name: For people; need not be unique. The program's, until somebody gives it another.
        command: The program and its arguments.
        pid: The process; null where it has exited.
        title: What the program calls itself (OSC 0 and 2).
        bells: How often it has rung the bell.
        viewers: Terminals and screens that show it now.
        last_output_at: Unix seconds, told at most once a second; null: it has said nothing yet.
        exited: How it ended; null while it runs.
    """

    session: UUID
    window: int
    id: UUID
    name: str
    command: tuple[str, ...]
    directory: str
    created_at: float
    cols: int
    rows: int
    pid: int | None = None
    title: str = ""
    bells: int = 0
    viewers: int = 0
    last_output_at: float | None = None
    exited: ProgramExit | None = None


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What to run.

    Fields:
        command: The program, found through the PATH of `environment`, and its arguments; empty: the SHELL of
            `environment`, else `/bin/sh`.
        directory: Where; an absolute path.
        environment: All of it. fugue adds FUGUE_SOCKET, FUGUE_SESSION, FUGUE_WINDOW and TERM.
        cols, rows: The size of its terminal until somebody looks at it.
        keep: When it exits, the window stays, and shows how it ended, until it is respawned or killed.
        umask: What it may not give to others of the files that it makes.
    """

    command: tuple[str, ...] = ()
    directory: str
    environment: dict[str, str] = {}
    cols: Cells = 80
    rows: Cells = 24
    keep: bool = False
    umask: Annotated[int, msgspec.Meta(ge=0, le=0o777)] = 0o022


class CreateSession(Request, frozen=True, kw_only=True):
    """Make a session with a program in its window 0. The session ends when its last window is closed.

    The session, with its tags, is on disk before the program's first instruction.

    Fields:
        name, tags, metadata, repo, worktree, id: As in `session.join`.
        wake: As in `session.wake`.

    Errors:
        InvalidName, InvalidTag, InvalidMetadata, InvalidTarget, TooManySessions, SessionNameExists, SessionIdExists
        ProgramNotStarted: No session was made.
        TooManyWindows, NoKeeper
    """

    method = "session.create"
    answer = SessionInfo

    program: Program
    name: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    repo: str | None = None
    worktree: WorktreeInfo | None = None
    id: UUID | None = None
    wake: Wake = "off"


class WakeSession(Request, frozen=True, kw_only=True):
    """Let a notice be typed into the terminal of a session's program when mail waits for it, or not any more.

    The notice is one line, of the daemon's configuration, as a paste, and then the return key; the messages are not in
    it. It goes to the lowest window, and only where all of this is certain: its program waits at its prompt, by its own
    word (`window.idle`), and has asked for bracketed pastes; it has printed nothing for a while; nobody has typed there
    for a while, nor begun a line that was not sent. One notice tells of all that waits. It is repeated once, after
    `Limits.reoffer_s`; the next comes when all that it told of has been handed, or for another program, or when this is
    asked for again.

    Fields:
        wake: `quiet`: without the program's word, for one that gives none. It is enough then that it is the window's
            own, holds the terminal, and is not on the alternate screen. In a dialog the return key would choose.
        session: Absent: the connection's own.

    Answer:
        The session; `wake_reason` says why nothing is typed now.

    Errors:
        SessionNotFound, NoIdentity
    """

    method = "session.wake"
    answer = SessionInfo

    wake: Wake
    session: str | None = None


class CreateWindow(Request, frozen=True, kw_only=True):
    """Start another program in a session.

    Fields:
        session: Absent: the connection's own.
        name: Absent: the program's.
        id: Chosen by the caller to make a retry safe.

    Errors:
        SessionNotFound, NoIdentity, InvalidName, ProgramNotStarted, TooManyWindows, NoKeeper
    """

    method = "window.create"
    answer = WindowInfo

    program: Program
    session: str | None = None
    name: str | None = None
    id: UUID | None = None


class WindowList(msgspec.Struct, frozen=True, kw_only=True):
    """Windows by session in order of registration, then by number."""

    windows: tuple[WindowInfo, ...]


class ListWindows(Request, frozen=True, kw_only=True):
    """List windows.

    Fields:
        session: Absent: those of all sessions.

    Errors:
        SessionNotFound
    """

    method = "window.list"
    answer = WindowList
    mutates = False
    is_bulky = True

    session: str | None = None


class RenameWindow(Request, frozen=True, kw_only=True):
    """Give a window another name.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound, InvalidName
    """

    method = "window.rename"
    answer = WindowInfo

    name: str
    session: str | None = None
    window: WindowNumber | None = None


class KillWindow(Request, frozen=True, kw_only=True):
    """End a window's program, politely (SIGHUP), then SIGTERM, then SIGKILL to all processes of its terminal; close it.

    Answered when it is done. A session whose last window is killed has ended.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound
    """

    method = "window.kill"
    answer = WindowInfo

    session: str | None = None
    window: WindowNumber | None = None


class RespawnWindow(Request, frozen=True, kw_only=True):
    """Start a program anew in a window whose program has exited: same session, id, mailbox and tags.

    Fields:
        program: What to run; an empty command: what ran before, in the same directory where that is empty, too.
        kill: Where the program still runs, kill it first.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound, ProgramNotStarted, NoKeeper
        ProgramRuns: It has not exited, and `kill` was not asked for.
    """

    method = "window.respawn"
    answer = WindowInfo

    program: Program
    session: str | None = None
    window: WindowNumber | None = None
    kill: bool = False


class ResizeWindow(Request, frozen=True, kw_only=True):
    """Give a window another size, until somebody who looks at it has another.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound
    """

    method = "window.resize"
    answer = WindowInfo
    mutates = False

    cols: Cells
    rows: Cells
    session: str | None = None
    window: WindowNumber | None = None


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `window.input`: so many bytes stand in the program's terminal, or wait until it reads."""

    size_bytes: int


class SendInput(Request, frozen=True, kw_only=True):
    """Type into a window's terminal.

    Fields:
        data: The bytes, as base64.
        paste: Put them into the brackets of a paste where the program has asked for that.
        enter: A carriage return comes after them, outside of the brackets.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound
        ProgramExited: Nobody is there to read.
        InputFull: The program does not read, and too much waits for it; nothing of this was typed.
    """

    method = "window.input"
    answer = Typed
    mutates = False

    data: bytes
    session: str | None = None
    window: WindowNumber | None = None
    paste: bool = False
    enter: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a request that has nothing to tell."""


class SayIdle(Request, frozen=True, kw_only=True):
    """Say for a window's program whether it waits at its prompt; for its own hooks, at the end and beginning of a turn.

    It counts until a key is pressed there, or the program prints something that nothing explains.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound, ProgramExited
    """

    method = "window.idle"
    answer = Done
    mutates = False

    idle: bool
    session: str | None = None
    window: WindowNumber | None = None


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `window.capture`.

    Fields:
        text: Lines without trailing blanks; with `ansi`, with the escape sequences of their colours and attributes.
        cursor: Column and row from 0, of the screen.
        history_rows: Lines of scrollback that there are.
    """

    text: str
    cols: int
    rows: int
    cursor: tuple[int, int]
    title: str
    history_rows: int


class CaptureWindow(Request, frozen=True, kw_only=True):
    """Read what a window shows.

    Fields:
        scrollback: And what has scrolled out of it.
        ansi: With colours and attributes.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound
    """

    method = "window.capture"
    answer = Captured
    mutates = False
    is_bulky = True

    session: str | None = None
    window: WindowNumber | None = None
    scrollback: bool = False
    ansi: bool = False


BOLD, FAINT, ITALIC, UNDERLINE, BLINK, INVERSE, INVISIBLE, STRIKE = (1 << bit for bit in range(8))
"""The bits of `Run.attrs`."""
DIRECT = 0x1000000
"""A colour from here on is this plus 0xRRGGBB; below it is one of the terminal's 256."""


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Cells of one look, side by side. On the wire an array: `["$ ls", null, null, 1]`.

    Fields:
        text: What stands in them. A wide character takes two cells, what combines with another none.
        fg, bg: Their colours, see `DIRECT`; None: the terminal's own.
        attrs: `BOLD` and the others, or-ed. Every kind of underline is `UNDERLINE`.
    """

    text: str
    fg: int | None = None
    bg: int | None = None
    attrs: int = 0


Line: TypeAlias = tuple[Run, ...]
"""A row from its left edge, neighbours never of one look. Blanks at its end that nobody could see are left out."""


class LineRange(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `window.lines`: lines from `first` on; of scrollback and screen there are `total`."""

    lines: tuple[Line, ...]
    first: int
    total: int


class ReadLines(Request, frozen=True, kw_only=True):
    """Read lines of a window's scrollback and screen with their looks, a part at a time.

    Fields:
        first: Counted from the oldest that is kept, 0; a negative one from the end.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound
    """

    method = "window.lines"
    answer = LineRange
    mutates = False
    is_bulky = True

    first: int
    limit: Count = 100
    session: str | None = None
    window: WindowNumber | None = None


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `window.attach`: what is looked at, and the number by which this connection speaks of it."""

    view: int
    window: WindowInfo


class AttachWindow(Request, frozen=True, kw_only=True):
    """Look at a window from now on, until `view.detach`, or the end of the window or of the connection.

    Fields:
        form: `bytes`: what the program writes, for a terminal (`window.output`, the first of which draws what is there
            already); `cells`: what the screen shows, at most once a frame (`window.frame`).
        cols, rows: The viewer's own size, in which the window has a part; absent: it takes the window's.
        read_only: What is typed in this view is refused.
        held: Of a view of `bytes` nothing is told before `view.resume`, but for its end and what was still to be shown.

    Errors:
        SessionNotFound, NoIdentity, WindowNotFound, TooManyWaiting
    """

    method = "window.attach"
    answer = Attached
    mutates = False

    session: str | None = None
    window: WindowNumber | None = None
    form: Literal["bytes", "cells"] = "bytes"
    cols: Cells | None = None
    rows: Cells | None = None
    read_only: bool = False
    held: bool = False


class LentTerminal(msgspec.Struct, frozen=True, kw_only=True):
    """The terminal at which the user of a view sits, for the daemon to read and to write by itself.

    Fields:
        path: As `ttyname` says it.
        device, inode: Of the file at that path (`st_dev`, `st_ino`): another one may be there where the daemon is.
        prefix: The key after which a key is the client's: a control character, or a sequence's name as in `view.held`.
    """

    path: str
    device: int
    inode: int
    prefix: str


class ResumeView(Request, frozen=True, kw_only=True):
    """Go on with a view of `bytes` that is held.

    With a terminal, the daemon reads the keys there and writes there what the program writes, in place of `view.input`
    and `window.output`, and the client keeps away from both until `view.held`, the answer to `view.detach`, or the end
    of the view or of the connection. The terminal is raw by then; its settings stay the client's affair.

    Errors:
        ViewNotFound
        TerminalUnavailable: The view is still held; it can be resumed without a terminal.
    """

    method = "view.resume"
    answer = Done
    mutates = False

    view: int
    terminal: LentTerminal | None = None


class TypeInView(Request, frozen=True, kw_only=True):
    """Type what the user of a view has typed. Best as a notification: what is asked twice would be typed twice.

    Errors:
        ViewNotFound, ReadOnly, ProgramExited, InputFull
    """

    method = "view.input"
    answer = Done
    mutates = False

    view: int
    data: bytes


class ResizeView(Request, frozen=True, kw_only=True):
    """Say that a view has another size.

    Errors:
        ViewNotFound
    """

    method = "view.resize"
    answer = Done
    mutates = False

    view: int
    cols: Cells
    rows: Cells


class DetachView(Request, frozen=True, kw_only=True):
    """Look at a window no more.

    Errors:
        ViewNotFound
    """

    method = "view.detach"
    answer = Done
    mutates = False

    view: int


WINDOW_REQUESTS: tuple[type[Request], ...] = (
    CreateSession,
    WakeSession,
    CreateWindow,
    ListWindows,
    RenameWindow,
    KillWindow,
    RespawnWindow,
    ResizeWindow,
    SendInput,
    SayIdle,
    CaptureWindow,
    ReadLines,
    AttachWindow,
    ResumeView,
    TypeInView,
    ResizeView,
    DetachView,
)


# ------------------------------------------------------------------------------------------------------------ events


class WindowChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="window.changed"):
    """A window has come to be, or something about it changed; this is all of it as it is now."""

    window: WindowInfo


class WindowClosed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="window.closed"):
    """A window is gone. `exited` says how its program ended."""

    session: UUID
    window: int
    id: UUID
    exited: ProgramExit


class WindowOutput(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="window.output"):
    """What a program has written, for a view of `bytes`.

    Fields:
        data: As base64.
        is_anew: What came before is void: the terminal is to be cleared, and these bytes draw it. So it begins, and so
            it goes on after a viewer that did not read fast enough.
    """

    view: int
    data: bytes
    is_anew: bool = False


Mouse: TypeAlias = Literal["none", "press", "click", "drag", "motion"]
MouseEncoding: TypeAlias = Literal["x10", "utf8", "sgr", "urxvt", "pixels"]
CursorShape: TypeAlias = Literal["block", "underline", "bar"]


class Modes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a program wants keys and mouse to be told to it.

    Fields:
        mouse: What of the mouse is told: nothing; presses; presses and releases; these and motion while a button is
            down; all motion.
        mouse_encoding: How.
        kitty_keyboard: The flags of the kitty keyboard protocol; 0 where it is not in use.
        is_alternate: Whether it draws on the alternate screen, which has no scrollback.
        is_alternate_scroll: Whether the wheel becomes arrow keys there.
    """

    application_cursor_keys: bool = False
    application_keypad: bool = False
    bracketed_paste: bool = False
    focus_events: bool = False
    mouse: Mouse = "none"
    mouse_encoding: MouseEncoding = "x10"
    kitty_keyboard: int = 0
    is_alternate: bool = False
    is_alternate_scroll: bool = True


class WindowFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", tag="window.frame"):
    """What has changed on a window's screen, for a view of `cells`. Who does not read misses frames, but no lines.

    Fields:
        lines: Row number (from 0) and the line as it is now; rows that are not here are as they were.
        is_anew: Rows that are not here are blank.
        cursor: Column and row; null: it does not show.
        history_rows: Lines of scrollback that there are.
    """

    view: int
    cols: int
    rows: int
    lines: tuple[tuple[int, Line], ...] = ()
    is_anew: bool = False
    cursor: tuple[int, int] | None = None
    cursor_shape: CursorShape = "block"
    modes: Modes = Modes()
    history_rows: int = 0


class ViewHeld(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="view.held"):
    """The daemon has given back the terminal that a view lent it, and holds the view until `view.resume`.

    Fields:
        key: The key that was pressed after the prefix: a character; with alt, ESC and the character; a function key by
            its name, `f1`; empty, where it is none of these. null: none was.
        typed: What was typed before it and the program had no room for. As base64.
        rest: What was read after it, as it came. As base64.
        is_pasting: `rest` begins within a paste.
    """

    view: int
    key: str | None = None
    typed: bytes = b""
    rest: bytes = b""
    is_pasting: bool = False


class ViewEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="view.ended"):
    """A view has ended by itself: its window was closed, or its program exited and waits to be respawned."""

    view: int
    reason: str
    exited: ProgramExit | None = None


WindowEvent: TypeAlias = WindowChanged | WindowClosed
ViewEvent: TypeAlias = WindowOutput | WindowFrame | ViewHeld | ViewEnded
"""Events that one connection alone is told, outside of the numbering (their number is 0)."""
