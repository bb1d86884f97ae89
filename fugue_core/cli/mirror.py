"""A pane of tmux, shown in a window of fugue: the program that runs there for `fugue adopt`. It ends with the pane.

    python -m fugue_core.cli.mirror SOCKET PANE [--type] [--notice]

It is one more client of tmux, in control mode, whose size tmux ignores. What the pane prints makes it look again, at
most twenty times a second, and draw what is there; nothing is drawn where nothing has changed. What is typed in its
window goes to the pane with `--type` alone. With `--notice` those who look at the pane in tmux are told of mail that
nobody was handed, in tmux's own line for messages, where no program reads it for keys.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
import tty

from fugue_core.client import oneshot
from fugue_core.client.jsontext import decode, members
from fugue_core.errors import ConnectionLost, DaemonUnavailable

FRAME_S = 0.05
LOOK_S = 1.0
"""How often it looks without being told: a pane that has moved to another session tells nothing."""
TYPED_BYTES = 256
"""In one command."""
NOTICE_EVERY_S = 2.0
"""How often the mailbox is looked into."""
NOTICE_MS = 5_000
"""How long tmux shows a notice; a key takes it away before."""

_FACTS = "#{pane_id} #{pane_dead} #{pane_width} #{pane_height} #{cursor_x} #{cursor_y} #{cursor_flag}"
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")


def main() -> int:
    """Show the pane until it is gone."""
    socket_path, pane, *rest = sys.argv[1:]
    with contextlib.suppress(OSError, ValueError):  # there is no terminal
        tty.setraw(0)
    os.write(1, b"\x1b[?7l")
    mailbox = _Mailbox() if "--notice" in rest else None
    mirror = _Mirror(socket_path, pane, mailbox, may_type="--type" in rest)
    while mirror.is_there():
        mirror.follow()
    return 0


class _Mailbox:
    """The mail of the session that the pane is."""

    def __init__(self) -> None:
        self._socket_path = os.environ.get("FUGUE_SOCKET", "")
        self._session = os.environ.get("FUGUE_SESSION", "")
        self._told = 0
        self._due_at = 0.0

    def news(self) -> str:
        """Return what is to be said of messages that nobody was handed, where there are more of them than before."""
        if time.monotonic() < self._due_at:
            return ""
        self._due_at = time.monotonic() + NOTICE_EVERY_S
        looking = {"fresh": True, "peek": True, "limit": 1}
        try:
            with oneshot.Connection(self._socket_path, self._session, may_start=False) as connection:
                received = members(connection.ask("message.receive", looking))
                name = str(decode(connection.ask("session.get"))["name"])
        except (oneshot.Refused, DaemonUnavailable, ConnectionLost):  # it is gone, or will be back
            return ""
        count = int(received["remaining"]) + (received["envelopes"] != "[]")
        before, self._told = self._told, count
        if count <= before:
            return ""
        return f"fugue: 1 message waits for {name}" if count == 1 else f"fugue: {count:,} messages wait for {name}"


class _Mirror:
    def __init__(self, socket_path: str, pane: str, mailbox: _Mailbox | None, *, may_type: bool) -> None:
        self._command = ["tmux", "-u", "-S", socket_path]
        self._pane = pane
        self._mailbox = mailbox
        self._may_type = may_type
        self._shown = b""
        self._has_ended = False

    def is_there(self) -> bool:
        """Say whether the pane is there; also where it has moved to another session."""
        return not self._has_ended and bool(self._session())

    def _session(self) -> str:
        asked = subprocess.run(  # noqa: S603  # no shell reads it
            [*self._command, "list-panes", "-a", "-F", "#{pane_id} #{session_id}"],
            capture_output=True,
            text=True,
            check=False,
        )
        found = dict(line.split() for line in asked.stdout.splitlines())
        return found.get(self._pane, "")

    def follow(self) -> None:
        """Draw what the pane shows, as long as it stays in its session."""
        with subprocess.Popen(  # noqa: S603  # no shell reads it
            [*self._command, "-C", "attach-session", "-f", "ignore-size", "-t", self._session()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as client:
            assert client.stdin is not None  # noqa: S101  # asked for
            assert client.stdout is not None  # noqa: S101  # asked for
            try:
                self._watch(client.stdin.fileno(), client.stdout.fileno())
            finally:
                with contextlib.suppress(OSError):
                    client.stdin.close()  # an empty line, or the end of input, detaches it

    def _watch(self, to_tmux: int, from_tmux: int) -> None:
        reader = _Reader(self._pane)
        looked_at, is_news, is_asked = 0.0, True, False
        readable = [from_tmux, 0]
        while not self._has_ended:
            now = time.monotonic()
            due_s = looked_at + (FRAME_S if is_news else LOOK_S) - now
            if due_s <= 0 and not is_asked:
                looked_at, is_news, is_asked = now, False, True
                self._tell()
                ask = f'display-message -p -t {self._pane} "{_FACTS}"\ncapture-pane -e -p -t {self._pane}\n'
                os.write(to_tmux, ask.encode())
            ready, _, _ = select.select(readable, [], [], LOOK_S if is_asked else max(0.0, due_s))
            if 0 in ready and not self._take_typed(to_tmux):
                readable.remove(0)
            if from_tmux in ready:
                data = os.read(from_tmux, 1 << 16)
                if not data:
                    return
                is_news = reader.feed(data) or is_news
                if reader.has_failed:  # the pane is gone, or was just moved
                    return
                while (answer := reader.next_look()) is not None:
                    is_asked = False
                    self._draw(*answer)

    def _tell(self) -> None:
        """Show in tmux that mail waits, to everyone who is attached to the pane's session."""
        news = self._mailbox.news() if self._mailbox is not None else ""
        if not news:
            return
        text = news.replace("#", "##").replace("%", "%%")  # both mean something to tmux
        listed = ["list-clients", "-t", self._session(), "-F", "#{client_control_mode} #{client_name}"]
        asked = subprocess.run(  # noqa: S603  # no shell reads it
            [*self._command, *listed], capture_output=True, text=True, check=False
        )
        for mode, _, client in (line.partition(" ") for line in asked.stdout.splitlines()):
            if mode == "0":
                told = ["display-message", "-c", client, "-d", str(NOTICE_MS), text]
                subprocess.run([*self._command, *told], capture_output=True, check=False)  # noqa: S603  # likewise

    def _take_typed(self, to_tmux: int) -> bool:
        """Pass on what was typed; False at its end."""
        try:
            data = os.read(0, 1 << 12)
        except OSError:
            return False
        for start in range(0, len(data) if self._may_type else 0, TYPED_BYTES):
            keys = data[start : start + TYPED_BYTES].hex(" ")
            os.write(to_tmux, f"send-keys -t {self._pane} -H {keys}\n".encode())
        return bool(data)

    def _draw(self, facts: bytes, lines: list[bytes]) -> None:
        pane, *figures = facts.split()
        if pane.decode() != self._pane or not figures or figures[0] == b"1":
            self._has_ended = True
            return
        _, _, rows, column, row, is_cursor_seen = map(int, figures)
        seen_rows = os.get_terminal_size(1).lines
        first = max(0, min(rows - seen_rows, row - seen_rows + 1))
        # the looks of a line go on in the next one, so that what is above the first still counts
        drawn = [b"\x1b[?2026h\x1b[?25l\x1b[m\x1b[2J", *_SGR.findall(b"".join(lines[:first]))]
        for place, line in enumerate(lines[first : first + seen_rows]):
            drawn += [b"\x1b[%dH" % (place + 1), line]
        drawn.append(b"\x1b[m\x1b[%d;%dH" % (row - first + 1, column + 1))
        drawn.append(b"\x1b[?25h\x1b[?2026l" if is_cursor_seen else b"\x1b[?2026l")
        frame = b"".join(drawn)
        if frame != self._shown:
            self._shown = frame
            view = memoryview(frame)
            while view:
                view = view[os.write(1, view) :]


class _Reader:
    """What tmux says in control mode: answers to commands between `%begin` and `%end`, and news."""

    def __init__(self, pane: str) -> None:
        self._news = (b"%output " + pane.encode() + b" ", b"%layout-change ", b"%extended-output ")
        self._rest = b""
        self._answer: list[bytes] | None = None
        self._facts: bytes | None = None
        self._looks: list[tuple[bytes, list[bytes]]] = []
        self.has_failed = False

    def feed(self, data: bytes) -> bool:
        """Take what came; say whether the pane has news."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        is_news = False
        for line in lines:
            if self._answer is not None and line.startswith((b"%end ", b"%error ")):
                self.has_failed = self.has_failed or line.startswith(b"%error ")
                self._take(self._answer)
                self._answer = None
            elif self._answer is not None:
                self._answer.append(line)
            elif line.startswith(b"%begin ") and line.endswith(b" 1"):  # the answer to a command of ours
                self._answer = []
            else:
                is_news = is_news or line.startswith(self._news)
        return is_news

    def _take(self, answer: list[bytes]) -> None:
        if answer and self._facts is None and re.match(rb"%\d+ \d ", answer[0]):
            self._facts = answer[0]
        elif self._facts is not None and answer:
            self._looks.append((self._facts, answer))
            self._facts = None

    def next_look(self) -> tuple[bytes, list[bytes]] | None:
        """Return what the pane was, and its lines; None: nothing new."""
        return self._looks.pop(0) if self._looks else None


if __name__ == "__main__":
    sys.exit(main())
