"""`fugue hook`: what waits for this session, in the form that an agent's hook wants.

It is called at every step of an agent, so that nothing but the looking is done, and imported, where nothing waits. And
it never stands in the agent's way: without a session or a daemon there is nothing to say, and whatever fails exits with
1 (`main` sees to that), since programs take 2, and some any other code, for a refusal of what the agent is about to do.
"""

from __future__ import annotations

import os

from fugue_core import agents, place
from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.spec import SESSIONS, TEXT, Argument, Kind, Option, Verb
from fugue_core.client.jsontext import BadJson, decode, elements, encode, members
from fugue_core.client.oneshot import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fugue_core.agents.agent import Agent
    from fugue_core.cli.command import Command
    from fugue_core.client.jsontext import Encodable
    from fugue_core.client.oneshot import Connection

_HOLDS = 3
_MOST_HOLDS = 1_000
_PAGE = 20
_STDIN = 0
_READ_BYTES = 1 << 20
_ROW_BYTES = 16
_LOOK: Encodable = {"fresh": True, "peek": True, "limit": _PAGE}


def run(command: Command) -> int:
    """Show what waits, if anything does."""
    agent, event = _agent(command)
    asked = _read_asked()
    session = command.text("as") or os.environ.get("FUGUE_SESSION")
    if not session:
        return outcome.DONE
    connection = _connect(command, session)
    if connection is None:
        return outcome.DONE
    with connection:
        row = _Row(command.socket_path, session)
        is_stop, is_held = event in agent.holding, False
        if not is_stop:
            _say_idle(connection, session, is_idle=False)
        if _is_empty(connection):
            if is_stop:
                row.end()
        elif agent.is_for_session(_decoded(asked)):
            _sweep(command.socket_path, connection)
            with row:
                is_held = _show(command, connection, agent, event, row)
        if is_stop and agent.is_for_session(_decoded(asked)):
            _say_idle(connection, session, is_idle=not is_held)
    return outcome.DONE


def _say_idle(connection: Connection, session: str, *, is_idle: bool) -> None:
    """Say whether the agent waits at its prompt, where it runs in a window of the session: for `fugue wake`."""
    number = os.environ.get("FUGUE_WINDOW", "")
    if session != os.environ.get("FUGUE_SESSION") or not (number.isascii() and number.isdigit()):
        return
    try:
        connection.ask("window.idle", {"window": int(number), "idle": is_idle})
    except Refused:  # the window is being closed
        return


def _show(command: Command, connection: Connection, agent: Agent, event: str, row: _Row) -> bool:
    """Print what waits still, now that nobody else of this session does so, and have it marked as handed.

    Returns whether anything was printed.
    """
    from fugue_core.cli.notice import Commands, notice, read_template  # noqa: PLC0415  # only for what there is to show

    received = members(connection.ask("message.receive", _LOOK))
    envelopes = elements(received["envelopes"])
    is_holding = event in agent.holding
    if is_holding and (not envelopes or row.held >= (command.whole("holds") or 0 if command.has("holds") else _HOLDS)):
        row.held = 0
        return False
    if not envelopes:
        return False
    text, count = notice(
        envelopes,
        int(received["remaining"]),
        read_template(),
        lambda session: _tags(connection, session),
        Commands(_called(command), command.text("as")),
    )
    if is_holding:
        row.held += 1
    answer = agent.held(text) if is_holding else agent.told(event, text)
    output.put(encode(answer))
    ids = [decode(envelope)["id"] for envelope in envelopes[:count]]
    connection.ask("message.hand", {"ids": ids, "through": f"hook {command.text('for')} {event}"})
    return True


def _agent(command: Command) -> tuple[Agent, str]:
    """Return the agent, and the event, which is one that it knows."""
    name, event = command.text("for") or "", command.required("event")
    if name not in agents.WITH_HOOKS:
        raise Failure(outcome.FAILED, f"--for {name!r}: one of {', '.join(agents.WITH_HOOKS)}")
    agent = agents.load(name)
    known = agent.telling + agent.holding
    if event not in known:
        raise Failure(outcome.FAILED, f"EVENT {event!r}: for {name} one of {', '.join(known)}")
    return agent, event


def _called(command: Command) -> str:
    """Return how the agent calls fugue, so that it reaches the server that the hook was told of."""
    from fugue_core.cli import script  # noqa: PLC0415  # only where there is something to show

    is_told = command.has("server") or command.has("socket")
    options = place.server_options(command.socket_path) if is_told else ()
    return " ".join((script.name_here(), *map(script.quoted, options)))


def _read_asked() -> bytes:
    """Return what the program writes to the hook; it must be read, or the program may fail at writing it."""
    if output.is_terminal(_STDIN):
        return b""
    pieces = []
    try:
        while piece := os.read(_STDIN, _READ_BYTES):
            pieces.append(piece)
    except OSError:  # there is no stdin
        return b""
    return b"".join(pieces)


def _decoded(asked: bytes) -> dict[str, object]:
    if not asked:
        return {}  # to say what is wrong with it would be an import
    try:
        found = decode(asked.decode(errors="replace"))
    except BadJson:
        return {}
    return found if isinstance(found, dict) else {}


def _connect(command: Command, session: str) -> Connection | None:
    """Connect where a daemon runs: where none does, nothing new can have come."""
    if not os.path.exists(command.socket_path):
        return None
    try:
        return command.connect(session, may_start=False)
    except _unavailable():
        return None


def _unavailable() -> type[Exception]:
    from fugue_core.errors import DaemonUnavailable  # noqa: PLC0415  # `typing` is dear, and this is rare

    return DaemonUnavailable


def _is_empty(connection: Connection) -> bool:
    return members(connection.ask("message.receive", {**_LOOK, "limit": 1}))["envelopes"] == "[]"  # type: ignore[dict-item]


def _tags(connection: Connection, session: str) -> Sequence[str]:
    try:
        tags: Sequence[str] = decode(connection.ask("session.get", {"session": session}))["tags"]
    except Refused:  # it has ended
        return ()
    return tags


class _Row:
    """How often in a row this session's stop was held, in a file beside the socket; within the block, ours alone.

    There, and not with the daemon: it means nothing to anybody else, and is worth nothing after the next start of the
    machine. The same file keeps two hooks that a program calls at once from showing the same. It is there as long as
    a row lasts, or a hook is at work.
    """

    def __init__(self, socket_path: str, session: str) -> None:
        self._path = _rows_path(socket_path) + session.replace("/", "_")
        self._fd = -1
        self.held = 0

    def __enter__(self) -> _Row:  # noqa: PYI034  # `Self` is in `typing`
        self._fd = self._open()
        while not self._is_open():  # whoever had it before us was done with it, and took it away
            os.close(self._fd)
            self._fd = self._open()
        text = os.read(self._fd, _ROW_BYTES)
        self.held = int(text) if text.isdigit() else 0
        return self

    def __exit__(self, *exception: object) -> None:
        if self.held:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(self.held).encode(), 0)
        else:
            os.unlink(self._path)
        os.close(self._fd)

    def end(self) -> None:
        """Let the row be over, if there is one."""
        if os.path.exists(self._path):
            with self:
                self.held = 0

    def _open(self) -> int:
        import fcntl  # noqa: PLC0415  # only where something waits

        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd

    def _is_open(self) -> bool:
        """Say whether the file that is open is still the one that others find."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self._path))
        except FileNotFoundError:
            return False


def _rows_path(socket_path: str) -> str:
    """Return what the paths of the rows of all sessions begin with."""
    return f"{socket_path.removesuffix('.sock')}.hook-"


def _sweep(socket_path: str, connection: Connection) -> None:
    """Take away the rows of sessions that ended in the midst of one."""
    directory, prefix = os.path.split(_rows_path(socket_path))
    for name in os.listdir(directory):
        if name.startswith(prefix) and not _is_there(connection, name.removeprefix(prefix)):
            try:  # contextlib.suppress would be an import
                os.unlink(os.path.join(directory, name))
            except FileNotFoundError:
                continue


def _is_there(connection: Connection, session: str) -> bool:
    try:
        connection.ask("session.get", {"session": session})
    except Refused:
        return False
    return True


def _is_holds(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:9]) <= _MOST_HOLDS


VERB = Verb(
    "hook",
    "Show an agent what waits for its session, for the agent's own hooks to call",
    run=run,
    details="""\
Prints each message that was not shown yet in the form that the named program wants at the named event, and marks it as
handed once that is written. Where nothing waits it prints nothing; where there is no session or no daemon, too.

Events that can be told something: SessionStart, UserPromptSubmit and PostToolUse; of gemini SessionStart, BeforeAgent
and AfterTool. At Stop (of gemini AfterAgent) a message holds the agent's stop, at most --holds times in a row.

What is shown stays unacknowledged until the agent answers it (`fugue reply`) or says that it needs no answer
(`fugue ack`); left alone, it is shown again after a time. The text is the template in hook.txt, beside config.toml, if
there is one. What the program writes to the hook is read from stdin.

In a window of fugue it also says there whether the agent waits at its prompt: at a stop that is not held it does, at
any other event it does not. fugue wake relies on that.""",
    arguments=(Argument("EVENT", help="the event of the program at which it calls"),),
    options=(
        Option("--for", metavar="AGENT", kind=TEXT, help="whose hook it is: claude, codex or gemini"),
        Option("-a", "--as", metavar="SESSION", help="show the mail of this session", completes=SESSIONS),
        Option(
            "--holds",
            metavar="N",
            kind=Kind(f"a whole number from 0 to {_MOST_HOLDS:,}", _is_holds),
            help=f"hold a stop at most so often in a row; absent: {_HOLDS}",
        ),
    ),
    examples=(
        ("fugue hook --for claude PostToolUse", "as the command of a hook in Claude Code's settings"),
        ("fugue hook --for gemini AfterAgent --holds 1", "hold a stop once for what waits"),
    ),
)
