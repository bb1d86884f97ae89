"""A pane of a real tmux server as a session: seen, typed into where that is allowed, and left alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Fugue, Result
from tests.e2e.daemon import until
from tests.e2e.tmux import Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")


@pytest.fixture
def tmux(server: object, tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path, 50, 8)
    tmux.start(["sh", "-c", "printf 'ready \\033[31mred\\033[m é\\n'; exec cat"], tmp_path)
    yield tmux
    tmux.close()


def adopt(fugue: Fugue, tmux: Tmux, *words: str, pane: str = "tmux:it:0.0") -> Result:
    return fugue("adopt", pane, "-n", "bob", "--tmux-socket", str(tmux.socket), *words)


def shows(fugue: Fugue, text: str) -> None:
    until(lambda: text in fugue("capture", "bob", "--ansi").out)


def sessions(fugue: Fugue) -> list[str]:
    return [session["name"] for session in fugue("ls", "--json").objects]


def test_what_the_pane_shows_is_seen_in_its_colours_as_it_changes(fugue: Fugue, tmux: Tmux) -> None:
    assert adopt(fugue, tmux, "-t", "builder").out == "bob\n"
    shows(fugue, "ready \x1b[0;31mred\x1b[0m é")
    tmux.type("more")
    shows(fugue, "more")
    assert fugue("show", "bob", "--json").json["tags"] == ["builder"]
    captured = fugue("capture", "bob", "--json").json
    assert (captured["cols"], captured["rows"], captured["cursor"]) == (50, 8, [4, 1])
    tmux("resize-window", "-t", "it", "-x", "30", "-y", "5")
    tmux.type("x")
    shows(fugue, "morex")


def test_it_changes_nothing_of_tmux_and_kill_leaves_the_pane_alone(fugue: Fugue, tmux: Tmux) -> None:
    before = tmux("show-options", "-g"), tmux("list-panes", "-a"), tmux("show-options", "-p", "-t", "it")
    adopt(fugue, tmux)
    shows(fugue, "ready")
    fugue("resize", "bob", "20", "4")
    shows(fugue, "ready")
    assert (tmux("show-options", "-g"), tmux("list-panes", "-a"), tmux("show-options", "-p", "-t", "it")) == before
    assert fugue("kill", "bob").code == 0
    until(lambda: not tmux("list-clients"))
    assert tmux("list-panes", "-a") == before[1]
    assert "ready" in tmux.screen()


def test_what_is_typed_goes_to_the_pane_only_where_that_was_allowed(fugue: Fugue, tmux: Tmux) -> None:
    adopt(fugue, tmux)
    shows(fugue, "ready")
    assert fugue("type", "bob", "not this", "--enter").code == 0
    fugue("kill", "bob")
    adopt(fugue, tmux, "--type")
    shows(fugue, "ready")
    assert fugue("type", "bob", "but thís", "--enter").code == 0
    until(lambda: tmux.screen().count("but thís") == 2)
    assert "not this" not in tmux.screen()


def test_tmux_tells_who_looks_at_the_pane_that_mail_waits_and_the_program_is_typed_nothing(
    fugue: Fugue, tmux: Tmux, tmp_path: Path
) -> None:
    (tmp_path / "outer").mkdir()
    outer = Tmux(tmp_path / "outer", 70, 12)
    try:
        outer.start(["env", "-u", "TMUX", "tmux", "-S", str(tmux.socket), "attach", "-t", "it"], tmp_path)
        until(lambda: "ready" in outer.screen())
        fugue.join("ann")
        assert fugue("adopt", "tmux:it:0.0", "-n", "a%H", "--tmux-socket", str(tmux.socket), "--notice").code == 0
        fugue("send", "session:a%H", "note", session="ann")
        until(lambda: "fugue: 1 message waits for a%H" in outer.screen())
        until(lambda: "fugue:" not in outer.screen())
        fugue("send", "session:a%H", "note", session="ann")
        fugue("send", "session:a%H", "note", session="ann")
        until(lambda: "fugue: 3 messages wait for a%H" in outer.screen())
        assert fugue("show", "a%H", "--json").json["unread"] == 3
        assert tmux.screen().split() == ["ready", "red", "é"]
    finally:
        outer.close()


def test_the_session_ends_with_the_pane_and_outlives_its_move(fugue: Fugue, tmux: Tmux) -> None:
    tmux("split-window", "-d", "-t", "it", "exec cat")
    pane = tmux("list-panes", "-t", "it", "-F", "#{pane_id}").split()[1]
    adopt(fugue, tmux, pane=f"tmux:{pane}")
    tmux("new-session", "-d", "-s", "other", "exec cat")
    tmux("move-pane", "-d", "-s", pane, "-t", "other")
    tmux("send-keys", "-t", pane, "-l", "moved")
    shows(fugue, "moved")
    tmux("kill-pane", "-t", pane)
    until(lambda: sessions(fugue) == [])


@pytest.mark.parametrize("pane", ["tmux:%99", "tmux:i:0.0", "tmux:it:7", "tmux:nobody"])
def test_a_pane_that_is_not_there_is_said_and_none_is_guessed(fugue: Fugue, tmux: Tmux, pane: str) -> None:
    refused = adopt(fugue, tmux, pane=pane)
    assert (refused.code, pane.removeprefix("tmux:") in refused.err) == (4, True)
    assert sessions(fugue) == []


def test_what_is_no_pane_and_a_missing_tmux_are_said(fugue: Fugue, tmux: Tmux, tmp_path: Path) -> None:
    assert adopt(fugue, tmux, pane="screen:1").code == 2
    assert fugue("adopt").code == 2
    assert fugue("adopt", "tmux:%0", "--tmux-socket", str(tmp_path / "none")).code == 4
    fugue.environment["PATH"] = str(tmp_path)
    refused = fugue("adopt", "tmux:%0")
    assert (refused.code, refused.err) == (1, "fugue: tmux is not installed\n")


def test_without_a_name_it_is_the_pane_in_which_one_is(fugue: Fugue, tmux: Tmux) -> None:
    fugue.environment |= {"TMUX": f"{tmux.socket},1,0", "TMUX_PANE": "%0"}
    assert fugue("adopt").code == 0
    (name,) = sessions(fugue)
    until(lambda: "ready" in fugue("capture", name).out)
