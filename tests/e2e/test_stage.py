"""Programs in windows, over the real daemon, keeper and terminals; and what becomes of them in a crash."""

from __future__ import annotations

import base64
import itertools
import os
import pty
import random
import signal
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fugue_core.terminal.journal import LIMIT_BYTES
from tests.e2e.daemon import Daemon, Wire, is_alive, keeper_pid, until

KILLS = 50


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, config="[terminal]\nhangup_s = 0.2\nterminate_s = 0.2\n") as daemon:
        yield daemon


def program(*command: str, **params: Any) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "SHELL": "/bin/sh", "PS1": "$ "}
    return {"command": command, "directory": "/", "environment": environment, **params}


def shell(script: str, **params: Any) -> dict[str, Any]:
    return program("sh", "-c", script, **params)


def create(wire: Wire, name: str, what: dict[str, Any], **params: Any) -> dict[str, Any]:
    return wire.ask("session.create", name=name, program=what, **params)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def screen(wire: Wire, session: str, **params: Any) -> list[str]:
    text: str = wire.ask("window.capture", session=session, **params)["text"]
    return text.rstrip("\n").split("\n")


def windows(wire: Wire, session: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.ask("window.list", session=session)["windows"]
    return found


def window(wire: Wire, session: str) -> dict[str, Any]:
    (found,) = windows(wire, session)
    return found


def names(wire: Wire) -> list[str]:
    return [info["name"] for info in wire.ask("session.list")["sessions"]]


def type_in(wire: Wire, session: str, text: str, **params: Any) -> None:
    data = base64.b64encode(text.encode()).decode()
    wire.ask("window.input", session=session, data=data, **params)


def shows(wire: Wire, session: str, text: str) -> None:
    """Return when a line of a session's screen contains a text."""
    until(lambda: any(text in line for line in screen(wire, session)))


# ------------------------------------------------------------------------------------------------ begin and end


def test_a_session_is_there_with_its_tags_before_its_program_begins(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.ask("events.subscribe")
        info = create(wire, "cat-1", shell("echo I am $FUGUE_SESSION; exec cat"), tags=["citizen", "builder"])
        first = wire.next_event()["event"]
        assert first["kind"] == "session.joined"
        assert first["session"]["tags"] == ["builder", "citizen"]
        assert first["session"]["window_count"] == 1
        shows(wire, "cat-1", f"I am {info['id']}")
        assert wire.ask("session.get", session="cat-1")["window_count"] == 1


def test_the_program_can_ask_who_it_is_with_its_first_instruction(daemon: Daemon) -> None:
    hello = (
        '{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":{"min":2,"max":2},'
        '"client":{"name":"p","version":"0"},"session":"%s"}}'
    )
    script = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(os.environ['FUGUE_SOCKET']);"
        f"s.sendall(({hello!r} % os.environ['FUGUE_SESSION']).encode() + b'\\n');"
        "print('SessionNotFound' in s.recv(9999).decode(), 'asked'); sys.stdin.read()"
    )
    with daemon.connect() as wire:
        for number in range(5):
            create(wire, f"asker-{number}", program("python3", "-S", "-c", script))
        for number in range(5):
            shows(wire, f"asker-{number}", "False asked")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (program("claud"), "no such program: claud"),
        (program("/etc/passwd"), "Permission denied"),
        (program("sh") | {"directory": "/nowhere"}, "no such directory: /nowhere"),
    ],
)
def test_a_program_that_cannot_be_started_is_an_error_at_once_and_no_session_is_left(
    daemon: Daemon, what: dict[str, Any], reason: str
) -> None:
    with daemon.connect() as wire:
        refused = wire.refusal("session.create", name="cat-1", program=what, tags=["citizen"])
        assert refused.name == "ProgramNotStarted"
        assert reason in refused.message
        assert names(wire) == []
        assert create(wire, "cat-1", shell("exec cat"))["name"] == "cat-1"


def test_what_is_no_program_is_found_out_only_when_it_begins_and_nothing_is_left(
    daemon: Daemon, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF, but no more")
    broken.chmod(0o755)
    with daemon.connect() as wire:
        refused = wire.refusal("session.create", name="cat-1", program=program(str(broken)))
        assert refused.name == "ProgramNotStarted"
        assert names(wire) == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"name": "a b"}, "InvalidName"),
        ({"name": "taken"}, "SessionNameExists"),
        ({"name": "new", "tags": ["a b"]}, "InvalidTag"),
        ({"name": "new", "program": program("sh", directory="shop")}, "InvalidParams"),
    ],
)
def test_a_refused_session_leaves_no_program_behind(daemon: Daemon, params: dict[str, Any], error: str) -> None:
    with daemon.connect() as wire:
        create(wire, "taken", shell("exec cat"))
        assert wire.refusal("session.create", **{"program": shell("exec cat"), **params}).name == error
        assert len(windows(wire)) == 1


def test_a_retry_under_the_same_id_starts_nothing_twice(daemon: Daemon) -> None:
    session, second = str(UUID(int=77)), str(UUID(int=78))
    with daemon.connect() as wire:
        infos = [create(wire, "cat-1", shell("exec cat"), id=session) for _ in range(2)]
        assert infos[0]["id"] == infos[1]["id"] == session
        for _ in range(2):
            wire.ask("window.create", session="cat-1", program=shell("exec cat"), id=second)
        assert [found["window"] for found in windows(wire, "cat-1")] == [0, 1]


def test_a_session_ends_with_its_last_program_and_everybody_is_told_how(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.ask("events.subscribe")
        create(wire, "cat-1", shell("read line; exit 3"))
        wire.ask("window.create", session="cat-1", program=shell("exec cat"), name="second")
        type_in(wire, "cat-1", "\r", window=0)
        until(lambda: [found["window"] for found in windows(wire, "cat-1")] == [1])
        assert wire.ask("session.get", session="cat-1")["window_count"] == 1
        wire.ask("window.kill", session="cat-1", window=1)
        assert names(wire) == []
        told: list[dict[str, Any]] = []
        while len(closed := [event for event in told if event["kind"] == "window.closed"]) < 2:
            told.append(wire.next_event()["event"])
        assert [(event["window"], event["exited"]["code"], event["exited"]["signal"]) for event in closed] == [
            (0, 3, None),
            (1, None, signal.SIGHUP),
        ]
        assert [event["kind"] for event in told].count("session.ended") == 1


def test_a_window_that_is_kept_shows_how_its_program_ended_until_it_is_respawned(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        info = create(wire, "cat-1", shell("echo last words; exit 4", keep=True), tags=["citizen"])
        until(lambda: window(wire, "cat-1")["exited"] is not None)
        found = window(wire, "cat-1")
        assert (found["exited"]["code"], found["pid"]) == (4, None)
        assert screen(wire, "cat-1")[0] == "last words"
        assert wire.refusal("window.input", session="cat-1", data="").name == "ProgramExited"
        wire.send("tag:citizen", "while it was down") if wire.join("ann") else None
        again = wire.ask("window.respawn", session="cat-1", program=shell("echo back as $FUGUE_SESSION; exec cat"))
        assert again["id"] == found["id"]
        assert again["exited"] is None
        shows(wire, "cat-1", f"back as {info['id']}")
        after = wire.ask("session.get", session="cat-1")
        assert (after["id"], after["tags"], after["unread"]) == (info["id"], ["citizen"], 1)
        assert wire.refusal("window.respawn", session="cat-1", program=shell("true")).name == "ProgramRuns"


def test_a_respawn_that_fails_leaves_the_window_as_it_was(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("echo last words; exit 4", keep=True))
        until(lambda: window(wire, "cat-1")["exited"] is not None)
        assert wire.refusal("window.respawn", session="cat-1", program=program("claud")).name == "ProgramNotStarted"
        assert window(wire, "cat-1")["exited"]["code"] == 4
        assert screen(wire, "cat-1")[0] == "last words"
        wire.ask("window.kill", session="cat-1")
        assert names(wire) == []


def test_what_heeds_neither_hangup_nor_termination_is_killed_with_all_that_it_started(daemon: Daemon) -> None:
    stubborn = (
        "trap '' HUP TERM; (trap '' HUP TERM; exec sleep 1000) & echo started $! $$; while :; do sleep 1000; done"
    )
    with daemon.connect() as wire:
        create(wire, "cat-1", shell(stubborn))
        shows(wire, "cat-1", "started")
        pids = [int(word) for word in screen(wire, "cat-1")[0].split()[1:]]
        assert len(pids) == 2
        ended = wire.ask("session.end", session="cat-1")
        assert ended["name"] == "cat-1"
        assert not any(map(is_alive, pids))
        assert names(wire) == []
        assert windows(wire) == []


STEADFAST = """sh -c 'trap "" HUP TERM; echo left $$; exec sleep 1000' & """


def test_what_a_program_left_in_the_background_lives_on_when_it_exits_and_dies_when_it_is_killed(
    daemon: Daemon,
) -> None:
    with daemon.connect() as wire:
        create(wire, "killed", shell(STEADFAST + "exec cat"))
        shows(wire, "killed", "left")
        killed = int(screen(wire, "killed")[0].split()[1])
        create(wire, "exits", shell(STEADFAST + "read go", keep=True))
        shows(wire, "exits", "left")
        left = int(screen(wire, "exits")[0].split()[1])
        type_in(wire, "exits", "\r")
        until(lambda: window(wire, "exits")["exited"] is not None)
        wire.ask("window.kill", session="killed")
        until(lambda: not is_alive(killed))
        assert is_alive(left)
        os.kill(left, signal.SIGKILL)


def test_a_program_makes_files_as_whoever_started_it_would(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("umask; exec cat", umask=0o027))
        shows(wire, "cat-1", "0027")


def test_a_stopped_program_can_be_killed(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("kill -STOP $$; exec cat"))
        pid = window(wire, "cat-1")["pid"]
        until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        assert wire.ask("window.kill", session="cat-1")["exited"]["signal"] == signal.SIGHUP
        assert not is_alive(pid)


def test_mail_that_was_not_read_dies_with_the_session(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.join("ann")
        create(wire, "cat-1", shell("exec cat"))
        sent = wire.send("session:cat-1")
        assert wire.ask("session.end", session="cat-1")["unread"] == 1
        (delivery,) = wire.ask("message.get", id=sent["id"])["deliveries"]
        assert (delivery["state"], delivery["reason"]) == ("dead", "session ended")


def test_two_hundred_sessions_in_a_row_leave_nothing_behind(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "stays", shell("echo here; exec cat"))
        pid = wire.ask("daemon.status")["keeper_pid"]
        open_before = [len(os.listdir(f"/proc/{process}/fd")) for process in (daemon.pid, pid)]
        for number in range(200):
            create(wire, f"cat-{number}", shell("exec cat"))
            wire.ask("window.kill", session=f"cat-{number}")
        assert names(wire) == ["stays"]
        until(lambda: [len(os.listdir(f"/proc/{process}/fd")) for process in (daemon.pid, pid)] == open_before)
        saved = daemon.state_dir / "screens"
        until(lambda: saved.is_dir() and os.listdir(saved) == [f"{window(wire, 'stays')['id']}.0"])


def test_too_many_windows_are_refused_and_nothing_is_broken(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\nwindows = 2\n") as daemon, daemon.connect() as wire:
        create(wire, "one", shell("exec cat"))
        wire.ask("window.create", session="one", program=shell("exec cat"))
        assert wire.refusal("session.create", name="two", program=shell("exec cat")).name == "TooManyWindows"
        assert wire.refusal("window.create", session="one", program=shell("exec cat")).name == "TooManyWindows"
        wire.ask("window.kill", session="one", window=1)
        assert create(wire, "two", shell("exec cat"))["window_count"] == 1


# ----------------------------------------------------------------------------------------------- type, look, resize


def test_what_is_typed_reaches_the_program_and_a_paste_is_in_brackets_where_they_were_asked_for(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("stty raw -echo; echo up; head -c 20 | od -An -c; exec cat"))
        shows(wire, "cat-1", "up")
        type_in(wire, "cat-1", "ab", paste=True, enter=True)
        type_in(wire, "cat-1", "x" * 17)
        shows(wire, "cat-1", r"a   b  \r   x")
        create(wire, "cat-2", shell(r"stty raw -echo; printf '\033[?2004hup'; head -c 16 | od -An -c; exec cat"))
        shows(wire, "cat-2", "up")
        type_in(wire, "cat-2", "a\x1b[201~b", paste=True)
        type_in(wire, "cat-2", "x" * 2)
        shows(wire, "cat-2", r"[   2   0   0   ~   a   b 033   [   2   0   1")


def test_a_program_that_does_not_read_is_waited_for_up_to_a_limit(tmp_path: Path) -> None:
    with Daemon(tmp_path, config="[limits]\ninput_bytes = 10000\n") as daemon, daemon.connect() as wire:
        create(wire, "deaf", shell("stty raw -echo; echo up; exec sleep 1000"))
        shows(wire, "deaf", "up")
        data = base64.b64encode(b"x" * 9000).decode()
        answers = [wire.call("window.input", session="deaf", data=data) for _ in range(4)]
        refusals = [answer for answer in (wire.answer() for _ in answers) if "error" in answer]
        assert refusals
        assert refusals[0]["error"]["data"]["name"] == "InputFull"
        create(wire, "cat-1", shell("exec cat"))
        type_in(wire, "cat-1", "hello\r")
        shows(wire, "cat-1", "hello")


def test_a_window_takes_the_size_of_who_looks_at_it(daemon: Daemon) -> None:
    with daemon.connect() as wire, daemon.connect() as other:
        create(
            wire, "cat-1", shell("trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done", cols=90, rows=20)
        )
        shows(wire, "cat-1", "20 90")
        view = wire.ask("window.attach", session="cat-1", cols=100, rows=30)["view"]
        shows(wire, "cat-1", "30 100")
        second = other.ask("window.attach", session="cat-1", cols=70, rows=10)["view"]
        shows(wire, "cat-1", "10 70")
        wire.ask("view.input", view=view, data="")
        shows(wire, "cat-1", "30 100")
        other.ask("view.resize", view=second, cols=71, rows=11)
        shows(wire, "cat-1", "11 71")
        other.ask("view.detach", view=second)
        until(lambda: window(wire, "cat-1")["cols"] == 100)
        assert window(wire, "cat-1")["viewers"] == 1


def test_the_smallest_decides_where_that_is_set(tmp_path: Path) -> None:
    with Daemon(tmp_path, config='[terminal]\nsize = "smallest"\n') as daemon, daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        for cols, rows in ((100, 10), (50, 30), (200, 50)):
            wire.ask("window.attach", session="cat-1", cols=cols, rows=rows)
        assert [window(wire, "cat-1")[side] for side in ("cols", "rows")] == [50, 10]


def test_a_program_that_wants_132_columns_gets_those_that_there_are(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell(r"read go; printf '\033[?40h\033[?3h'; seq -s ' ' 100; exec cat"))
        type_in(wire, "cat-1", "\r")
        shows(wire, "cat-1", " 100")
        captured = wire.ask("window.capture", session="cat-1")
        assert (captured["cols"], captured["rows"]) == (80, 24)
        assert max(map(len, captured["text"].split("\n"))) <= 80


def test_a_read_only_view_cannot_type(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        view = wire.ask("window.attach", session="cat-1", read_only=True)["view"]
        assert wire.refusal("view.input", view=view, data="eA==").name == "ReadOnly"
        assert wire.refusal("view.input", view=view + 1, data="eA==").name == "ViewNotFound"


def test_a_view_that_is_held_tells_nothing_until_it_goes_on_here_or_in_the_right_terminal(daemon: Daemon) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    found = os.fstat(theirs)
    lent = {"path": os.ttyname(theirs), "device": found.st_dev, "inode": found.st_ino, "prefix": "\x02"}
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("stty raw -echo; echo ready; exec cat"))
        shows(wire, "cat-1", "ready")
        view = wire.ask("window.attach", session="cat-1", held=True)["view"]
        for wrong in ({"inode": 1}, {"device": 1}, {"path": "/dev/null"}, {"path": "/none"}, {"path": "\0"}):
            refused = wire.refusal("view.resume", view=view, terminal={**lent, **wrong})
            assert refused.name == "TerminalUnavailable", wrong
        wire.ask("view.resume", view=view, terminal=lent)
        os.write(ours, b"meow")
        seen = b""
        while b"meow" not in seen:
            seen += os.read(ours, 65536)
        assert b"ready" in seen
        wire.ask("view.detach", view=view)
        cells = wire.ask("window.attach", session="cat-1", form="cells")["view"]
        assert wire.refusal("view.resume", view=cells, terminal=lent).name == "TerminalUnavailable"
    os.close(ours)
    os.close(theirs)


def test_a_thousand_resizes_leave_the_program_and_its_screen_well(daemon: Daemon) -> None:
    dice = random.Random(4)
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        for _ in range(1_000):
            wire.call("window.resize", session="cat-1", cols=dice.randint(1, 300), rows=dice.randint(1, 100))
        for _ in range(1_000):
            assert "result" in wire.answer()
        wire.ask("window.resize", session="cat-1", cols=80, rows=24)
        type_in(wire, "cat-1", "still here\r")
        shows(wire, "cat-1", "still here")


FLOOD = "read go; i=0; while [ $i -lt 60000 ]; do echo line $i of the flood %s; i=$((i+1)); done; echo over; exec cat"


def test_a_viewer_that_does_not_read_is_drawn_the_screen_anew_and_holds_nobody_up(tmp_path: Path) -> None:
    limits = "[limits]\nview_bytes = 100000\n"
    with Daemon(tmp_path, config=limits) as daemon, daemon.connect() as wire, daemon.connect() as lazy:
        create(wire, "flood", shell(FLOOD % ("x" * 60)))
        lazy.ask("window.attach", session="flood")
        type_in(wire, "flood", "\r")
        shows(wire, "flood", "over")
        events: list[dict[str, Any]] = []
        while not events or b"over" not in base64.b64decode(events[-1]["data"]):
            event = lazy.next_event()["event"]
            assert event["kind"] == "window.output"
            events.append(event)
        assert [event["is_anew"] for event in events].count(True) >= 2
        assert sum(len(event["data"]) for event in events) < 60_000 * 80


def test_a_view_of_cells_shows_what_changed_with_its_looks(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell(r"printf '\033[1;31mred\033[0m plain'; exec cat"))
        shows(wire, "cat-1", "red plain")
        wire.ask("window.attach", session="cat-1", form="cells", cols=40, rows=5)
        frame = wire.next_event()["event"]
        while not frame["lines"]:
            frame = wire.next_event()["event"]
        assert (frame["cols"], frame["rows"]) == (40, 5)
        assert frame["lines"][0] == [0, [["red", 1, None, 1], [" plain", None, None, 0]]]
        assert frame["cursor"] == [9, 0]


# ---------------------------------------------------------------------------------------------- awkward programs


def test_a_program_that_exits_at_once_has_had_its_session(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.ask("events.subscribe")
        for number in range(20):
            assert create(wire, f"brief-{number}", program("true"))["window_count"] == 1
        until(lambda: names(wire) == [])
        kinds: list[str] = []
        while kinds.count("window.closed") < 20:
            kinds.append(wire.next_event()["event"]["kind"])
        for kind in ("session.joined", "session.ended"):
            assert kinds.count(kind) == 20


def test_a_program_that_closes_its_terminal_lives_on_and_costs_nothing(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "mute", shell("echo going; exec </dev/null >/dev/null 2>&1; exec sleep 1000"))
        shows(wire, "mute", "going")
        pid = window(wire, "mute")["pid"]
        until(lambda: os.readlink(f"/proc/{pid}/fd/0") == "/dev/null")
        before = cpu_ticks(daemon.pid)
        for _ in range(20):
            time.sleep(0.05)  # the time in which it would have spun
        assert cpu_ticks(daemon.pid) - before < 50
        assert is_alive(pid)
        assert wire.ask("window.kill", session="mute")["exited"]["signal"] == signal.SIGHUP


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


GARBAGE = {
    "invalid UTF-8": r"head -c 1000000 /dev/urandom | tr '\000-\177' '\200-\377'",
    "random bytes": "head -c 1000000 /dev/urandom",
    "an OSC without end": r"printf '\033]0;'; head -c 1000000 /dev/zero | tr '\000' x",
    "a DCS without end": r"printf '\033Pq'; head -c 1000000 /dev/zero | tr '\000' x",
    "a CSI without end": r"printf '\033['; head -c 1000000 /dev/zero | tr '\000' 1",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_for_a_megabyte_harms_nobody(daemon: Daemon, garbage: str) -> None:
    with daemon.connect() as wire, daemon.connect() as viewer:
        create(wire, "noisy", shell(rf"read go; {garbage}; printf '\033\\\030\033c'; echo over; exec cat"))
        viewer.ask("window.attach", session="noisy", form="cells")
        type_in(wire, "noisy", "\r")
        shows(wire, "noisy", "over")
        assert all(viewer.next_event()["event"]["kind"] == "window.frame" for _ in range(2))
        wire.ask("window.capture", session="noisy", scrollback=True, ansi=True)
    daemon.restart()
    with daemon.connect() as wire:
        type_in(wire, "noisy", "still here\r")
        shows(wire, "noisy", "still here")


MUCH_BYTES = int(os.environ.get("FUGUE_TEST_FLOOD_BYTES", "50_000_000"))
"""A billion takes minutes, and nothing about it is otherwise: it is for when a release is made."""


@pytest.mark.timeout(300 + MUCH_BYTES // 1_000_000)
def test_a_flood_is_taken_in_and_others_are_served(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        wire.join("ann")
        create(wire, "flood", shell(f"yes a line of the flood | head -c {MUCH_BYTES}; echo; echo over; exec cat"))
        answered = 0
        while not any("over" in line for line in screen(wire, "flood")):
            wire.ask("message.ack", up_to=wire.send("session:ann", answered)["seq"])
            answered += 1
        assert answered > 5
        assert wire.ask("window.capture", session="flood")["history_rows"] <= 10_000
        (kept,) = (daemon.state_dir / "screens").iterdir()
        assert kept.stat().st_size < 2 * LIMIT_BYTES
        assert resident_bytes(daemon.pid) < 200_000_000


def test_attaching_and_detaching_at_once_loses_nobody(daemon: Daemon) -> None:
    dice = random.Random(2)
    with daemon.connect() as wire, daemon.connect() as other:
        create(wire, "cat-1", shell("exec cat"))
        views: dict[Wire, list[int]] = {wire: [], other: []}
        for _ in range(300):
            who = dice.choice((wire, other))
            if views[who] and dice.random() < 0.5:
                who.ask("view.detach", view=views[who].pop(dice.randrange(len(views[who]))))
            else:
                form, cols = dice.choice(("bytes", "cells")), dice.randint(20, 200)
                views[who].append(who.ask("window.attach", session="cat-1", form=form, cols=cols, rows=20)["view"])
            type_in(dice.choice((wire, other)), "cat-1", "x")
        assert window(wire, "cat-1")["viewers"] == sum(map(len, views.values()))
        other.close()
        until(lambda: window(wire, "cat-1")["viewers"] == len(views[wire]))
        type_in(wire, "cat-1", "\rstill here\r")
        shows(wire, "cat-1", "still here")


# ------------------------------------------------------------------------------------------------------------ crashes


def test_a_program_goes_on_when_the_daemon_is_killed_and_the_next_one_takes_it_back(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        info = create(wire, "cat-1", shell("echo first words; exec cat"), tags=["citizen"])
        shows(wire, "cat-1", "first words")
        pid = window(wire, "cat-1")["pid"]
    daemon.restart()
    with daemon.connect() as wire:
        after = wire.ask("session.get", session="cat-1")
        assert (after["id"], after["tags"], after["window_count"]) == (info["id"], ["citizen"], 1)
        assert window(wire, "cat-1")["pid"] == pid
        type_in(wire, "cat-1", "and on\r")
        shows(wire, "cat-1", "and on")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_daemon_leaves_screens_and_scrollback_as_they_were(daemon: Daemon, end: str) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; exec cat"))
        shows(wire, "cat-1", "line 499")
        wire.ask("window.resize", session="cat-1", cols=100, rows=30)
        type_in(wire, "cat-1", "after it\r")
        until(lambda: screen(wire, "cat-1").count("after it") == 2)  # typed and told
        before = screen(wire, "cat-1", scrollback=True, ansi=True)
    for _ in range(3):
        getattr(daemon, end)()
        daemon.start()
        with daemon.connect() as wire:
            assert screen(wire, "cat-1", scrollback=True, ansi=True) == before
            assert [window(wire, "cat-1")[side] for side in ("cols", "rows")] == [100, 30]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_a_program_wrote_long_ago_is_kept_within_bounds(daemon: Daemon, end: str) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("seq 3000; seq -f '\033[2K\r%.0f' 600000 | tr -d '\n'; echo; echo there; exec cat"))
        shows(wire, "cat-1", "there")
        before = screen(wire, "cat-1", scrollback=True, ansi=True)
    getattr(daemon, end)()
    (kept,) = (daemon.state_dir / "screens").iterdir()
    assert kept.stat().st_size < LIMIT_BYTES + 1024 * 1024
    daemon.start()
    with daemon.connect() as wire:
        after = screen(wire, "cat-1", scrollback=True, ansi=True)
    assert before[0] == "1"
    assert after == before


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_is_shown_of_a_program_that_has_exited_outlives_daemons(daemon: Daemon, end: str) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("seq 100; exit 3", keep=True))
        until(lambda: window(wire, "cat-1")["exited"] is not None)
        before = screen(wire, "cat-1", scrollback=True, ansi=True)
        assert before[:100] == [str(number) for number in range(1, 101)]
    for _ in range(3):
        getattr(daemon, end)()
        daemon.start()
        with daemon.connect() as wire:
            assert screen(wire, "cat-1", scrollback=True, ansi=True) == before


def test_a_screen_that_cannot_be_kept_on_disk_costs_nothing_else(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        (daemon.state_dir / "screens").write_text("in the way")
        with daemon.connect() as wire:
            create(wire, "cat-1", shell("echo here; exec cat"))
            shows(wire, "cat-1", "here")
        daemon.kill()
        daemon.start()
        with daemon.connect() as wire:
            type_in(wire, "cat-1", "and on\r")
            shows(wire, "cat-1", "and on")


def test_an_exit_while_no_daemon_runs_is_not_lost(daemon: Daemon, tmp_path: Path) -> None:
    signal_path = tmp_path / "go"
    wait = f"while [ ! -e {signal_path} ]; do sleep 0.02; done; "
    with daemon.connect() as wire:
        create(wire, "kept", shell(f"{wait} exit 7", keep=True))
        create(wire, "gone", shell(f"{wait} kill -9 $$"))
        pids = [found["pid"] for found in windows(wire)]
    daemon.kill()
    signal_path.touch()
    until(lambda: not any(map(is_alive, pids)))
    daemon.start()
    with daemon.connect() as wire:
        until(lambda: names(wire) == ["kept"])
        until(lambda: window(wire, "kept")["exited"] is not None)
        assert window(wire, "kept")["exited"]["code"] == 7


@pytest.mark.timeout(400)
def test_fifty_kills_under_a_flood_stop_no_program_and_lose_no_typing(daemon: Daemon) -> None:
    dice = random.Random(9)
    flood = "i=0; while :; do echo $i; i=$((i+1)); done"
    with daemon.connect() as wire:
        create(wire, "flood", shell(flood))
        create(wire, "cat-1", shell("exec cat"))
        pids = [found["pid"] for found in windows(wire)]
    for round_ in range(KILLS):
        with daemon.connect() as wire:
            view = wire.ask("window.attach", session="flood")["view"]
            assert view
            for _ in range(dice.randint(1, 5)):
                wire.next_event()
            type_in(wire, "cat-1", f"round {round_}\r")
            shows(wire, "cat-1", f"round {round_}")
        daemon.restart()
    with daemon.connect() as wire:
        assert [found["pid"] for found in windows(wire)] == pids
        lines = [line for line in screen(wire, "flood", scrollback=True) if line]
        numbers = [int(line) for line in lines[1:-1]]  # the first and the last may be parts
        gaps = [(a, b) for a, b in itertools.pairwise(numbers) if b != a + 1]
        assert len(numbers) > 20
        assert numbers == sorted(set(numbers))
        assert len(gaps) <= KILLS, gaps  # what a daemon had read and not saved when it was killed is not shown again
    assert all(map(is_alive, pids))


def test_the_end_of_the_keeper_is_the_end_of_its_sessions_each_told_once_and_nothing_is_left(daemon: Daemon) -> None:
    stubborn = "trap '' HUP TERM; (trap '' HUP TERM; exec sleep 1000) & echo $! $$; while :; do sleep 1000; done"
    with daemon.connect() as wire:
        wire.join("ann")
        create(wire, "cat-1", shell("exec cat"))
        create(wire, "cat-2", shell(stubborn))
        until(lambda: len(screen(wire, "cat-2")[0].split()) == 2)
        pids = [*map(int, screen(wire, "cat-2")[0].split()), *(found["pid"] for found in windows(wire))]
        pid = wire.ask("daemon.status")["keeper_pid"]
        wire.ask("events.subscribe")
        os.kill(pid, signal.SIGKILL)
        until(lambda: names(wire) == ["ann"])
        until(lambda: not any(map(is_alive, pids)))
        ended = [notice["event"]["name"] for notice in wire.events if notice["event"]["kind"] == "session.ended"]
        assert sorted(ended) == ["cat-1", "cat-2"]
        assert create(wire, "cat-3", shell("exec cat"))["window_count"] == 1  # with another keeper


def test_a_connection_that_somebody_took_from_us_is_made_again_and_nothing_ends(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        pid = keeper_pid(daemon.socket)  # connects, and so takes the daemon's place for a moment
        until(lambda: wire.ask("daemon.status")["keeper_pid"] is None)
        until(lambda: wire.ask("daemon.status")["keeper_pid"] == pid)
        type_in(wire, "cat-1", "still here\r")
        shows(wire, "cat-1", "still here")
        wire.ask("window.kill", session="cat-1")
        assert names(wire) == []


def test_a_keeper_that_died_while_no_daemon_ran_is_found_out(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        create(wire, "kept", shell("exec cat", keep=True))
        pid = wire.ask("daemon.status")["keeper_pid"]
    daemon.kill()
    os.kill(pid, signal.SIGKILL)
    daemon.start()
    with daemon.connect() as wire:
        assert names(wire) == ["kept"]
        exited = window(wire, "kept")["exited"]
        assert (exited["code"], exited["signal"]) == (None, None)


def test_programs_end_with_the_daemon_where_that_is_asked_for(daemon: Daemon) -> None:
    with daemon.connect() as wire:
        create(wire, "cat-1", shell("exec cat"))
        pid = window(wire, "cat-1")["pid"]
        wire.ask("daemon.stop", end_programs=True)
    daemon.wait()
    until(lambda: not is_alive(pid))
    assert keeper_pid(daemon.socket) is None
    daemon.start()
    with daemon.connect() as wire:
        assert names(wire) == []
