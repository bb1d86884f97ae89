"""An idle program is told of mail that waits: the real daemon, real terminals, and programs that ask for pastes."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fugue_core.terminal.screen import open_screen
from tests.e2e.conftest import SCRIPT, Fugue, Server
from tests.e2e.daemon import Daemon, Wire, until

pytestmark = pytest.mark.skipif(open_screen(1, 1).kind != "ghostty", reason="without an emulator nothing is typed")

RULES = '[wake]\nnotice = "mail: {count}"\nquiet_s = 0.3\ntyped_s = 0.6\nenter_s = 0.05\n'

PROMPT = """
import os, re, sys, tty
tty.setraw(0)
os.write(1, b"\\x1b[?2004h" + os.environ.get("BEFORE", "").encode() + b"ready\\r\\n")
line = b""
while data := os.read(0, 1000):
    line += data
    while b"\\r" in line:
        sent, _, line = line.partition(b"\\r")
        words = re.sub(rb"\\x1b\\[200~(.*?)\\x1b\\[201~", rb"<\\1>", sent)
        with open(sys.argv[1], "ab") as log:
            log.write(words + b"\\n")
        os.write(1, b"sent " + words + b"\\r\\n")
    os.write(1, b".")
"""
"""A program as agents have one: it asks for pastes, and what is pasted and sent with the return key is a prompt."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, config=f"{RULES}[terminal]\nhangup_s = 0.2\nterminate_s = 0.2\n") as daemon:
        yield daemon


class Sleeper:
    """A session whose program idles at its prompt.

    Attributes:
        prompts: What it was sent, one a line; what was pasted in angle brackets.
    """

    def __init__(self, daemon: Daemon, *, wake: str = "quiet", before: str = "", name: str = "bob") -> None:
        self._daemon = daemon
        self.wire = daemon.connect()
        self.name = name
        self._log = daemon.directory / f"{name}.log"
        self._log.touch()
        program = {
            "command": [sys.executable, "-S", "-c", PROMPT, str(self._log)],
            "directory": "/",
            "environment": {"PATH": os.environ["PATH"], "BEFORE": before},
        }
        info = self.wire.ask("session.create", name=name, program=program, wake=wake)
        self.id: str = info["id"]
        until(lambda: "ready" in self.screen())

    def screen(self) -> str:
        text: str = self.wire.ask("window.capture", session=self.name)["text"]
        return text

    @property
    def prompts(self) -> list[str]:
        return self._log.read_text().splitlines()

    @property
    def info(self) -> dict[str, Any]:
        return self.wire.ask("session.get", session=self.name)

    def waits_since(self, reason: str) -> None:
        """Return when it is said to wait for this."""
        until(lambda: self.info["wake_reason"] == reason)

    def type(self, text: str) -> None:
        self.wire.ask("window.input", session=self.name, data=base64.b64encode(text.encode()).decode())

    def fetch(self) -> int:
        """Let it be handed all that waits; return how much that was."""
        reader = self._daemon.connect(self.id)
        return len(reader.receive())

    def reconnect(self) -> None:
        self.wire = self._daemon.connect()


def sender(daemon: Daemon) -> Wire:
    wire = daemon.connect()
    wire.join("ann")
    return wire


TOLD = "it was told, and has not fetched all of it yet"
CALM = "nothing waits that it was not handed"


def test_one_notice_is_typed_for_many_messages_and_the_next_when_they_were_fetched(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon), sender(daemon)
    bob.waits_since(CALM)
    for number in range(3):
        ann.send("session:bob", {"secret": number})
    until(lambda: bob.prompts == ["<mail: 3>"])
    bob.waits_since(TOLD)
    ann.send("session:bob")
    bob.waits_since(TOLD)
    assert bob.fetch() == 4
    bob.waits_since(CALM)
    ann.send("session:bob")
    until(lambda: len(bob.prompts) == 2)
    assert bob.prompts == ["<mail: 3>", "<mail: 1>"]


def test_off_is_off_and_it_can_be_turned_on_and_off_again(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon, wake="off"), sender(daemon)
    ann.send("session:bob")
    eve = Sleeper(daemon, name="eve")
    ann.send("session:eve")
    until(lambda: eve.prompts == ["<mail: 1>"])  # as long as that took, bob was left alone
    assert (bob.prompts, bob.info["wake"], bob.info["wake_reason"]) == ([], "off", "")
    ann.ask("session.wake", session="bob", wake="quiet")
    until(lambda: bob.prompts == ["<mail: 1>"])
    off = ann.ask("session.wake", session="bob", wake="off")
    assert (off["wake"], off["wake_reason"]) == ("off", "")


def test_nothing_is_typed_while_the_program_prints(tmp_path: Path) -> None:
    with Daemon(tmp_path, config=RULES.replace("quiet_s = 0.3", "quiet_s = 2")) as daemon:
        ann, stop, typed = sender(daemon), tmp_path / "stop", tmp_path / "typed"
        typed.touch()
        script = f"printf '\\033[?2004h'; while [ ! -e {stop} ]; do echo; sleep 0.05; done; exec cat > {typed}"
        program = {"command": ["sh", "-c", script], "directory": "/", "environment": {"PATH": os.environ["PATH"]}}
        ann.ask("session.create", name="bob", program=program, wake="quiet")
        ann.send("session:bob")
        until(lambda: ann.ask("session.get", session="bob")["wake_reason"] == "its program is printing")
        eve = Sleeper(daemon, name="eve")
        ann.send("session:eve")
        until(lambda: eve.prompts == ["<mail: 1>"])  # as long as that took, bob was left alone
        assert "mail" not in ann.ask("window.capture", session="bob")["text"]
        stop.touch()
        until(lambda: "mail: 1" in typed.read_text())


def test_nothing_is_typed_while_somebody_types_nor_into_a_line_that_was_begun(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon), sender(daemon)
    ann.ask("session.wake", session="bob", wake="off")
    ann.send("session:bob")
    bob.type("half a li")
    ann.ask("session.wake", session="bob", wake="quiet")
    bob.waits_since("something was typed there and not sent")
    daemon.restart()
    bob.reconnect()
    bob.waits_since("something was typed there and not sent")  # the next daemon knows it, too
    bob.type("ne\r")
    until(lambda: bob.prompts[:1] == ["half a line"])
    until(lambda: len(bob.prompts) == 2)
    assert bob.prompts == ["half a line", "<mail: 1>"]


def test_what_is_typed_by_a_viewer_counts_and_looking_does_not(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon), sender(daemon)
    view = ann.ask("window.attach", session="bob", form="cells", cols=80, rows=24)["view"]
    ann.ask("view.input", view=view, data=base64.b64encode(b"\x1b[I").decode())
    ann.send("session:bob")
    until(lambda: bob.prompts == ["\x1b[I<mail: 1>"])
    bob.fetch()
    ann.ask("view.input", view=view, data=base64.b64encode(b"x").decode())
    ann.send("session:bob")
    bob.waits_since("something was typed there and not sent")
    assert len(bob.prompts) == 1


def test_a_daemon_that_is_killed_types_nothing_twice(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon), sender(daemon)
    ann.send("session:bob")
    until(lambda: bob.prompts == ["<mail: 1>"])
    daemon.restart()
    bob.reconnect()
    bob.waits_since(TOLD)
    ann = daemon.connect("ann")
    ann.send("session:bob")
    bob.waits_since(TOLD)
    assert bob.fetch() == 2
    ann.send("session:bob")
    until(lambda: len(bob.prompts) == 2)
    assert bob.prompts == ["<mail: 1>", "<mail: 1>"]


def test_killed_between_the_paste_and_the_return_key_it_leaves_the_line_alone(tmp_path: Path) -> None:
    rules = RULES.replace("enter_s = 0.05", "enter_s = 60")
    with Daemon(tmp_path, config=f"{rules}[limits]\nreoffer_s = 0\n") as daemon:
        bob, ann = Sleeper(daemon), sender(daemon)
        ann.send("session:bob")
        until(lambda: "ready\n." in bob.screen())  # it has read the paste
        daemon.restart()
        bob.reconnect()
        bob.waits_since("something was typed there and not sent")
        assert bob.prompts == []


def test_a_daemon_that_ends_in_peace_sends_the_line_first(tmp_path: Path) -> None:
    with Daemon(tmp_path, config=RULES.replace("enter_s = 0.05", "enter_s = 60")) as daemon:
        bob, ann = Sleeper(daemon), sender(daemon)
        ann.send("session:bob")
        until(lambda: "ready\n." in bob.screen())
        assert daemon.stop() == 0
        until(lambda: bob.prompts == ["<mail: 1>"])
        daemon.start()
        bob.reconnect()
        bob.waits_since(TOLD)


def test_where_somebody_begins_to_write_after_the_paste_the_return_key_is_theirs(tmp_path: Path) -> None:
    with Daemon(tmp_path, config=RULES.replace("enter_s = 0.05", "enter_s = 1")) as daemon:
        bob, ann = Sleeper(daemon), sender(daemon)
        ann.send("session:bob")
        until(lambda: "ready\n." in bob.screen())
        bob.type(" and I")
        bob.waits_since(TOLD)
        assert bob.prompts == []
        bob.type("\r")
        until(lambda: bob.prompts == ["<mail: 1> and I"])


def test_what_nobody_fetches_is_told_once_more_and_then_no_more(tmp_path: Path) -> None:
    with Daemon(tmp_path, config=f"{RULES}[limits]\nreoffer_s = 0.5\n") as daemon:
        bob, ann = Sleeper(daemon), sender(daemon)
        ann.send("session:bob")
        bob.waits_since("it was told twice, and has not fetched what it was told of")
        assert bob.prompts == ["<mail: 1>", "<mail: 1>"]
        ann.ask("session.wake", session="bob", wake="quiet")
        until(lambda: len(bob.prompts) == 3)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("\x1b[?2004l", "its program has not asked for bracketed pastes"),
        ("\x1b[?1049h", "its program draws on the alternate screen"),
    ],
)
def test_a_program_that_is_not_at_a_prompt_is_left_alone(daemon: Daemon, before: str, reason: str) -> None:
    bob, ann = Sleeper(daemon, before=before), sender(daemon)
    ann.send("session:bob")
    bob.waits_since(reason)
    assert bob.prompts == []


UNSAID = "its hooks have not said that it waits at its prompt"


def test_a_program_with_hooks_is_told_by_its_own_word_alone_until_a_key_is_pressed(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon, wake="on", before="\x1b[?1049h"), sender(daemon)
    ann.send("session:bob")
    bob.waits_since(UNSAID)
    ann.ask("window.idle", session="bob", idle=True)
    until(lambda: bob.prompts == ["<mail: 1>"])
    bob.fetch()
    ann.ask("window.idle", session="bob", idle=True)
    bob.waits_since(CALM)
    bob.type("\x1b[C")
    bob.waits_since(UNSAID)
    ann.ask("window.idle", session="bob", idle=True)
    ann.ask("window.idle", session="bob", idle=False)
    bob.waits_since(UNSAID)


def test_its_word_is_known_to_the_next_daemon_and_so_is_a_key_since(daemon: Daemon) -> None:
    bob = Sleeper(daemon, wake="on")
    bob.wire.ask("window.idle", session="bob", idle=True)
    daemon.restart()
    bob.reconnect()
    bob.waits_since(CALM)
    bob.type("x")
    daemon.restart()
    bob.reconnect()
    bob.waits_since(UNSAID)


def test_the_hooks_of_an_agent_say_in_which_window_it_waits(fugue: Fugue, server: Server) -> None:
    hook = f"{SCRIPT} hook --for claude"
    script = f"printf '\\033[?2004h'; read go; {hook} UserPromptSubmit </dev/null; {hook} Stop </dev/null; exec cat"
    Path(server.environment["XDG_CONFIG_HOME"], "fugue").mkdir(parents=True)
    Path(server.environment["XDG_CONFIG_HOME"], "fugue", "config.toml").write_text(RULES)
    assert fugue("new", "-d", "-n", "bob", "--wake", "--", "sh", "-c", script).code == 0
    until(lambda: fugue("wake", "bob").out == f"on: {UNSAID}\n")
    fugue("type", "bob", "now", "--enter")
    until(lambda: fugue("wake", "bob").out == f"on: {CALM}\n")
    fugue.join("ann")
    fugue("send", "session:bob", "hi", session="ann")
    until(lambda: "mail: 1" in fugue("capture", "bob").out)
    session = fugue("show", "bob", "--json").json["id"]
    fugue.environment["FUGUE_WINDOW"] = "0"
    fugue("hook", "--for", "claude", "Stop", session=session)  # it is held, by what waits
    until(lambda: fugue("wake", "bob").out == f"on: {UNSAID}\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_shell_is_told_at_its_prompt_and_what_it_has_started_is_not(daemon: Daemon) -> None:
    ann = sender(daemon)
    program = {
        "command": ["bash", "--norc", "--noprofile"],
        "directory": "/",
        "environment": {"PATH": os.environ["PATH"], "INPUTRC": "/dev/null"},
    }
    ann.ask("session.create", name="bob", program=program, wake="quiet")
    typed = base64.b64encode(b"bind 'set enable-bracketed-paste on'; cat\r").decode()
    ann.ask("window.input", session="bob", data=typed)
    ann.send("session:bob")
    until(lambda: ann.ask("session.get", session="bob")["wake_reason"] == "another program has its terminal")
    ann.ask("window.input", session="bob", data=base64.b64encode(b"\x03").decode())
    until(lambda: "mail:: command not found" in ann.ask("window.capture", session="bob")["text"])


def test_a_session_without_a_program_says_so_and_the_wish_outlives_the_daemon(daemon: Daemon) -> None:
    ann = sender(daemon)
    assert ann.ask("session.wake", wake="on")["wake_reason"] == "it has no window"
    daemon.restart()
    info = daemon.connect().ask("session.get", session="ann")
    assert info["wake"] == "on"
    assert daemon.connect().refusal("session.wake", session="eve", wake="on").name == "SessionNotFound"
    assert daemon.connect().refusal("session.wake", wake="on").name == "NoIdentity"


def test_the_commands_turn_it_on_and_say_why_nothing_is_typed(fugue: Fugue) -> None:
    assert fugue("new", "-d", "-n", "bob", "--wake", "--", "cat").code == 0
    until(lambda: "waits at its prompt" in fugue("wake", "bob").out)
    assert fugue("wake", "bob").out == f"on: {UNSAID}\n"
    shown = [line.split(maxsplit=1) for line in fugue("show", "bob").out.splitlines()]
    assert ["wake", f"on: {UNSAID}"] in shown
    assert fugue("wake", "bob", "off").out == "off\n"
    assert (
        fugue("wake", "bob", "on", "--without-hooks").out
        == "on, without hooks: its program has not asked for bracketed pastes\n"
    )
    assert fugue("wake", "bob", "on", "--json").json["wake"] == "on"
    assert fugue("wake", "bob", "maybe").code == 2
    assert fugue("wake", "bob", "off", "--without-hooks").code == 2
    assert fugue("wake", "nobody", "on").code == 4
    assert fugue("wake").code == 1
    session = fugue("show", "bob", "--json").json["id"]
    assert fugue("wake", session=session).out == f"on: {UNSAID}\n"


def test_a_program_that_was_stopped_does_not_read_and_is_told_nothing_more(daemon: Daemon) -> None:
    bob, ann = Sleeper(daemon), sender(daemon)
    ann.ask("session.wake", session="bob", wake="off")
    (window,) = ann.ask("window.list", session="bob")["windows"]
    os.kill(window["pid"], signal.SIGSTOP)
    bob.type("\r" * 100_000)
    ann.send("session:bob")
    ann.ask("session.wake", session="bob", wake="quiet")
    bob.waits_since("its program does not read what was typed")
