"""The form that starts a program in a session of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_core.errors import InvalidTag, ProgramNotStarted, SessionNameExists, TooManyWindows
from fugue_tui.screens.new_session import NewSession, NewSessionDraft, TagSuggester, field_of
from fugue_tui.widgets.field import Field
from tests.tui.screen import Seen, open_app


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")


def form(seen: Seen) -> NewSession:
    screen = seen.app.screen
    assert isinstance(screen, NewSession)
    return screen


async def fill(seen: Seen, **values: str) -> None:
    await seen.press("1", "n")
    await seen.until(lambda: isinstance(seen.app.screen, NewSession))
    for name, value in values.items():
        form(seen).query_one(f"#new-{name}", Field).value = value
    await seen.press("enter")


async def test_what_is_filled_in_is_started_with_its_tags_and_its_terminal_opens(
    daemon: LocalDaemon, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    async with connect(daemon) as other, open_app(daemon) as seen:
        await fill(seen, name="cat-1", command="sh -c 'pwd; exec cat'", tags="builder, night", directory="~/work")
        await seen.until_shown("keys go to the program")
        await seen.until_shown(f"{tmp_path}/work")
        info = await other.get_session("cat-1")
        assert set(info.tags) == {"builder", "night"}
        assert info.window_count == 1
        assert (await other.windows.list("cat-1"))[0].command == ("sh", "-c", "pwd; exec cat")


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"name": "a/b"}, "name", "printable characters"),
        ({"name": "ann"}, "name", "ann"),
        ({"command": "sh -c 'open"}, "command", "No closing quotation"),
        ({"command": "no-such-program"}, "command", "no such program"),
        ({"directory": "/no/such"}, "directory", "no such directory"),
        ({"tags": "x" * 80}, "tags", "1 to"),
        ({"branch": "main"}, "branch", "no git repository"),
    ],
    ids=str,
)
async def test_a_refusal_stands_beside_its_field_and_nothing_typed_is_lost(
    daemon: LocalDaemon, tmp_path: Path, values: dict[str, str], field: str, reason: str
) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        await other.join("ann")
        await fill(seen, **{"directory": str(tmp_path), "command": "cat"} | values)
        panel = form(seen)
        note = panel.query_one(f"#new-{field}-note")
        await seen.until(lambda: note.has_class("bad"))
        assert reason in panel._notes[field]
        assert panel.query_one(f"#new-{field}", Field).has_focus
        assert {name: getattr(panel.draft, name) for name in values} == values
        assert not await other.windows.list()


async def test_what_was_typed_is_there_again_after_leaving(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("1", "n", *"cat-7", "tab", *"htop", "escape")
        await seen.until(lambda: not isinstance(seen.app.screen, NewSession))
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, NewSession))
        assert (form(seen).draft.name, form(seen).draft.command) == ("cat-7", "htop")


async def test_a_session_stays_when_its_program_exits_where_that_is_chosen(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        for name, spaces in (("goes", 0), ("goes-too", 2), ("stays", 1)):
            await seen.press("1", "n", *name, "tab", *"cat", *["tab"] * 4)
            await seen.until_shown("[ ] it ends when its program exits")
            await seen.press(*["space"] * spaces)
            assert ("[x] it stays when its program exits" in seen.text) == (name == "stays")
            await seen.press("enter")
            await seen.until_shown("keys go to the program")
            await seen.press("ctrl+d")
            if name == "stays":
                while (await other.windows.list())[0].exited is None:
                    await seen.pilot.pause(0.01)
                await seen.until_shown("exited with 0")
                assert seen.app.workspace.has_terminals
            else:
                await seen.until(lambda: not seen.app.workspace.has_terminals)
        assert [window.exited is not None for window in await other.windows.list()] == [True]


async def test_what_was_chosen_is_there_again_after_leaving_and_arrows_go_round(daemon: LocalDaemon) -> None:
    async with open_app(daemon) as seen:
        await seen.press("1", "n", "up", "space", "down")
        assert form(seen).query_one("#new-name").has_focus
        await seen.press("escape", "n")
        assert form(seen).draft.keep
        await seen.pilot.click("#new-keep")
        assert not form(seen).draft.keep


async def test_older_commands_come_back_with_up_and_what_was_typed_with_down(daemon: LocalDaemon) -> None:
    async with connect(daemon) as other, open_app(daemon) as seen:
        for name in ("one", "two"):
            await fill(seen, name=name, command="cat -")
            await seen.until_shown("keys go to the program")
            await seen.press("ctrl+b", "d")
        await fill(seen, name="three", command="sh")
        await seen.until_shown("three")
        await seen.press("ctrl+b", "d", "1", "n", "tab", *"mine")
        command = form(seen).query_one("#new-command", Field)
        await seen.press("up")
        assert command.value == "sh"
        await seen.press("up")
        assert command.value == "cat -"
        await seen.press("down", "down")
        assert command.value == "mine"
        assert len(await other.windows.list()) == 3


async def test_tags_that_are_known_are_completed_one_after_the_other() -> None:
    suggester = TagSuggester(["builder", "night", "nightly"])
    assert await suggester.get_suggestion("bu") == "builder"
    assert await suggester.get_suggestion("builder, ni") == "builder, night"
    assert await suggester.get_suggestion("night nigh") == "night nightly"
    assert await suggester.get_suggestion("builder ") is None
    assert await suggester.get_suggestion("") is None


def git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


async def test_a_branch_gets_a_worktree_and_the_program_starts_there(daemon: LocalDaemon, tmp_path: Path) -> None:
    repo = tmp_path / "shop"
    git("init", "--quiet", "-b", "main", str(repo))
    git("-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x")
    async with connect(daemon) as other, open_app(daemon) as seen:
        await fill(seen, name="cat-1", command="cat", directory=str(repo), branch="feat/cart")
        await seen.until_shown("keys go to the program")
        info = await other.get_session("cat-1")
        assert info.worktree is not None
        assert (info.worktree.branch, info.repo) == ("feat/cart", str(repo))
        assert (await other.windows.list("cat-1"))[0].directory == info.worktree.path
        await fill_refused(seen, repo)
        assert "gone" not in git("-C", str(repo), "worktree", "list")


async def fill_refused(seen: Seen, repo: Path) -> None:
    await seen.press("ctrl+b", "d")
    await fill(seen, name="cat-2", command="no-such-program", directory=str(repo), branch="feat/gone")
    note = form(seen).query_one("#new-command-note")
    await seen.until(lambda: note.has_class("bad"))


def test_each_refusal_has_its_field() -> None:
    assert field_of(SessionNameExists("a")) == "name"
    assert field_of(InvalidTag("a", "b")) == "tags"
    assert field_of(ProgramNotStarted("a", "b")) == "command"
    assert field_of(TooManyWindows(3)) == ""


def test_what_is_right_has_no_faults(tmp_path: Path) -> None:
    assert NewSessionDraft(directory=str(tmp_path)).faults() == {}
    assert NewSessionDraft(tags=" a,b  a ").read_tags() == ("a", "b")
    assert NewSessionDraft(command="a 'b c'").read_command() == ("a", "b c")
