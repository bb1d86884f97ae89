"""The screen as a user has it: the installed `fugue` in a real terminal, which is tmux."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fugue_tui.demo import EXAMPLE
from fugue_tui.eightbit import ROLES
from tests.e2e.conftest import SCRIPT, Fugue, Server, repository
from tests.e2e.daemon import PATIENCE_S, until

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is the terminal here"),
    pytest.mark.timeout(120),
]
SIZES = [(80, 24), (120, 40)]


class Terminal:
    """A program in tmux; its own server, so that nobody else's is touched."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tmux = ["tmux", "-S", str(directory / "tmux.sock"), "-f", "/dev/null"]

    def start(self, command: str, size: tuple[int, int], environment: dict[str, str], cwd: Path) -> None:
        """Start a shell's command line in a window of this many columns and rows."""
        columns, rows = (str(cells) for cells in size)
        variables = {"TERM": "tmux-256color", **environment}
        words = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        line = shlex.join([*words, "sh", "-c", f"{command}; echo ended with $?; exec sleep 1000"])
        size_words = ["-x", columns, "-y", rows]
        subprocess.run([*self._tmux, "new-session", "-d", *size_words, "-c", cwd, line], check=True, env=os.environ)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        """Type text."""
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        return self._capture().split("\n")[:-1]

    @property
    def fills(self) -> set[str]:
        """The backgrounds that stand on the screen, as their escapes have them."""
        return set(re.findall(r"(?<=[\[;])48;(?:5;\d+|2;\d+;\d+;\d+)", self._capture("-e")))

    def _capture(self, *options: str) -> str:
        command = [*self._tmux, "capture-pane", "-p", *options]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def until_shown(self, text: str) -> None:
        """Return when the screen shows a text."""
        try:
            until(lambda: any(text in line for line in self.lines), 3 * PATIENCE_S)
        except AssertionError:
            screen = "\n".join(self.lines)
            raise AssertionError(f"{text!r} did not come; the screen is\n{screen}") from None

    def close(self) -> None:
        """End it with all that runs in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(server: Server) -> Iterator[Terminal]:
    terminal = Terminal(Path(server.socket_path).parents[1])  # pytest's directories are too long for a socket
    yield terminal
    terminal.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_fugue_alone_opens_the_screen_and_a_person_writes_to_a_program(
    fugue: Fugue, terminal: Terminal, size: tuple[int, int]
) -> None:
    town = repository(fugue.directory / "town")
    fugue.join("cat-1", "-t", "citizen", cwd=town)
    terminal.start(str(SCRIPT), size, fugue.environment, town)
    terminal.until_shown("cat-1")
    terminal.until_shown("Many voices")
    terminal.press("M")
    terminal.until_shown("COMPOSE")
    terminal.type("citizen")
    terminal.until_shown("1 of 2")
    terminal.press("Enter")
    terminal.type("status.ask")
    terminal.press("Enter")
    terminal.type('{"how": ')  # the bracket closes itself
    terminal.until_shown("send is off")  # no JSON yet
    terminal.type('"are you"}')
    terminal.until_shown("send to 1")
    terminal.press("F5")
    terminal.until_shown("sent to 1")
    terminal.press("F5")  # once too often
    terminal.press("Escape")
    terminal.until_shown("MESSAGES")
    terminal.until_shown("ask")
    assert [len(line) <= size[0] for line in terminal.lines] == [True] * size[1]
    received = fugue("recv", "--json", session="cat-1").objects
    assert [envelope["message"] for envelope in received] == [{"msg_type": "status.ask", "payload": {"how": "are you"}}]
    terminal.until_shown("1/1")  # whoever looks sees that it was handed
    terminal.press("q")
    terminal.until_shown("ended with 0")


def test_the_screen_finds_a_daemon_again_that_was_restarted(fugue: Fugue, terminal: Terminal) -> None:
    terminal.start(str(SCRIPT), (120, 40), fugue.environment, fugue.directory)
    terminal.until_shown("Many voices")
    assert fugue("daemon", "stop").code == 0
    terminal.until_shown("nothing typed is lost")
    fugue.join("ann")
    fugue("send", "session:ann", "note", '{"text": "back"}', session="ann")
    terminal.until_shown("ann")
    terminal.until_shown("note")
    assert not any("reconnecting" in line for line in terminal.lines)
    terminal.press("q")
    terminal.until_shown("ended with 0")


def test_a_server_of_another_name_is_another_world(fugue: Fugue, terminal: Terminal) -> None:
    fugue.join("ann")
    terminal.start(f"{SCRIPT} -L other", (120, 40), fugue.environment, fugue.directory)
    terminal.until_shown("● other")
    terminal.until_shown("1 session ")
    assert not any("ann" in line for line in terminal.lines)
    terminal.press("q")
    terminal.until_shown("ended with 0")
    fugue("-L", "other", "daemon", "stop")


def test_where_the_locale_is_not_utf8_only_ascii_is_written(fugue: Fugue, terminal: Terminal) -> None:
    environment = {
        **fugue.environment,
        "LANG": "POSIX",
        "LC_ALL": "POSIX",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    terminal.start(str(SCRIPT), (120, 40), environment, fugue.directory)
    terminal.until_shown("Many voices")
    assert "".join(terminal.lines).isascii()
    terminal.press("q")
    terminal.until_shown("ended with 0")


@pytest.mark.parametrize("theme", ["fugue-dark", "fugue-light"])
def test_where_the_terminal_has_256_colours_the_grounds_stay_apart(
    fugue: Fugue, terminal: Terminal, theme: str
) -> None:
    config = Path(fugue.environment["XDG_CONFIG_HOME"], "fugue", "config.toml")
    config.parent.mkdir(parents=True)
    config.write_text(f'[screen]\ntheme = "{theme}"\n')
    fugue.join("cat-1", "-t", "citizen")
    fugue("send", "session:cat-1", "note", session="cat-1")
    terminal.start(str(SCRIPT), (120, 40), {**fugue.environment, "TERM": "xterm-256color"}, fugue.directory)
    terminal.until_shown("note")
    roles = ("pane", "sidebar", "raised", "cursor", "cursor_weak")
    assert terminal.fills >= {f"48;5;{ROLES[theme][role]}" for role in roles}
    assert not [fill for fill in terminal.fills if fill.startswith("48;2")]
    terminal.press("q")
    terminal.until_shown("ended with 0")


@pytest.mark.skipif(not (Path(__file__).parents[2] / EXAMPLE).exists(), reason="the example is not here")
def test_the_demo_really_runs_in_a_server_of_its_own_and_leaves_nothing_behind(
    fugue: Fugue, terminal: Terminal, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    short = Path(fugue.environment["XDG_RUNTIME_DIR"])
    environment = {**fugue.environment, "TMPDIR": str(short)}
    terminal.start(f"{SCRIPT} --demo", (120, 40), environment, fugue.directory)
    terminal.until_shown("auction")
    terminal.until_shown("gas_town.bid")
    terminal.until_shown("● demo")
    terminal.press("q")
    terminal.until_shown("ended with 0")
    assert list(short.glob("fugue-demo-*")) == []
    assert fugue("ls", "--json").out == ""  # the user's own server knows nothing of it


def test_the_demo_needs_a_terminal(fugue: Fugue) -> None:
    refused = fugue("--demo")
    assert refused.code == 2
    assert "no terminal" in refused.err


def test_without_a_terminal_fugue_alone_stays_light() -> None:
    program = (
        "import sys; from fugue_tui.__main__ import _is_for_the_screen as f; print(f([]), 'textual' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert done.stdout == b"False False\n"


def test_panels_are_not_loaded_before_the_first_frame() -> None:
    program = """
import sys, fugue_tui.start
from fugue_tui import screens
early = set(sys.modules)
print(screens.Inbox.__name__, "fugue_tui.screens.inbox" in early, "tomllib" in early)
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert shown.stdout == "Inbox False False\n"


def test_a_user_may_set_the_keys_of_a_panel_that_is_not_loaded_yet() -> None:
    program = """
from fugue_tui.app import FugueApp
from fugue_tui.config import Config
app = FugueApp(config=Config(keys={"inbox.ack": "x", "inbox.nonsense": "y"}))
print(*app._trouble, app.user_keys["inbox.ack"], sep="\\n")
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert shown.stdout.splitlines() == [
        "[keys] inbox.nonsense: there is no such action; did you mean inbox.open?",
        "x",
    ]
