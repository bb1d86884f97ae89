"""What a person at a terminal sees: colours unless unwanted, lines that fit, and nothing that a terminal obeys."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import termios

import pytest

from tests.e2e.conftest import Fugue
from tests.e2e.daemon import PATIENCE_S

SGR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(fugue: Fugue, *words: str, columns: int = 80, session: str = "ann") -> str:
    """Return what a command writes to a terminal of so many columns, with line feeds as the program wrote them."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = fugue.start(*words, session=session, stdout=theirs, stderr=theirs)
        os.close(theirs)
        theirs = -1
        written = _read_to_end(ours)
        assert process.wait(PATIENCE_S) == 0, written
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)
    return written.decode().replace("\r\n", "\n")


def _read_to_end(terminal: int) -> bytes:
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody has the other end open
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def busy(fugue: Fugue) -> Fugue:
    """Ann with a tag, and messages: an ordinary one, a wide one, and one that would play with the terminal."""
    fugue.environment["TERM"] = "xterm-256color"
    fugue.join("ann", "-t", "builder")
    for payload in ('{"n": 1}', json.dumps("日本 " * 60, ensure_ascii=False), '"\u202e\u200b\x7f\u009b31m"'):
        sent = fugue("send", "session:ann", "note", payload, session="ann")
        assert sent.code == 0, sent.err
    return fugue


def test_a_terminal_gets_colours(busy: Fugue) -> None:
    assert SGR.search(on_terminal(busy, "ls"))
    assert SGR.search(on_terminal(busy, "log"))


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_asks_for_no_colours_gets_none(busy: Fugue, variable: str, value: str) -> None:
    busy.environment[variable] = value
    for words in (["ls"], ["log"], ["show"], ["recv", "--peek"]):
        assert "\x1b" not in on_terminal(busy, *words)


def test_a_pipe_gets_no_colours(busy: Fugue) -> None:
    assert "\x1b" not in busy("ls").out + busy("log").out + busy("recv", "--peek", session="ann").out


@pytest.mark.parametrize("columns", [80, 120])
def test_a_line_of_the_log_fits_the_terminal(busy: Fugue, columns: int) -> None:
    lines = SGR.sub("", on_terminal(busy, "log", columns=columns)).splitlines()
    assert len(lines) == 3
    wide = lines[1]
    assert len(wide) + len(re.findall(r"[日本]", wide)) == columns
    assert wide.endswith("  …0/1")


@pytest.mark.parametrize("words", [["log"], ["recv", "--peek"], ["log", "--json"], ["recv", "--peek", "--json"]])
def test_nothing_that_a_terminal_obeys_reaches_it(busy: Fugue, words: list[str]) -> None:
    for line in SGR.sub("", on_terminal(busy, *words)).splitlines():
        assert line.isprintable()


def test_json_on_a_terminal_is_the_same_json(busy: Fugue) -> None:
    on_the_terminal = [json.loads(line) for line in on_terminal(busy, "log", "--json").splitlines()]
    assert on_the_terminal == busy("log", "--json").objects
    assert on_the_terminal[2]["message"]["payload"] == "\u202e\u200b\x7f\u009b31m"


def test_the_help_fits_the_terminal(busy: Fugue) -> None:
    page = on_terminal(busy, "--help", columns=70)
    assert max(len(line) for line in page.splitlines() if not line.startswith("  eval")) <= 70
