"""`fugue setup` as a user has it: the installed script, and a home of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fugue_core import agents
from tests.e2e.conftest import SCRIPT, Fugue, Server
from tests.e2e.daemon import PATIENCE_S


@pytest.fixture
def home(server: Server) -> Path:
    return server.directory


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", agents.NAMES)
@pytest.mark.parametrize("scope", ["user", "project"])
def test_it_is_shown_first_then_made_then_there_and_taken_out_again(
    fugue: Fugue, home: Path, name: str, scope: str
) -> None:
    words = ("setup", name, "--scope", scope)
    before = tree(home)
    shown = fugue(*words)
    assert (shown.code, tree(home)) == (0, before)
    assert shown.out.startswith("--- /dev/null\n+++ ")
    assert "with --yes it will be" in shown.err
    made = fugue(*words, "--yes")
    assert (made.code, made.out) == (0, shown.out)
    written = tree(home)
    assert written != before
    again = fugue(*words, "--yes")
    assert (again.code, again.out, tree(home)) == (0, "", written)
    assert "nothing to change" in again.err
    undone = fugue(*words, "--undo", "--yes")
    assert undone.code == 0
    assert {path for path in tree(home) if not path.endswith(".before-fugue")} == before.keys()
    assert "nothing to change" in fugue(*words, "--undo").err


def test_all_else_in_a_configuration_stays_byte_for_byte(fugue: Fugue, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{\n\t"n": 1.50,  "hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": []} // mine\n\t\t],\n\t}\n}')
    settings.chmod(0o600)
    text = settings.read_text()
    made = fugue("setup", "claude", "--yes")
    assert [line for line in made.out.splitlines() if line.startswith("-")][2:] == ['-\t\t\t{"hooks": []} // mine']
    assert settings.stat().st_mode & 0o777 == 0o600
    backup = settings.with_name("settings.json.before-fugue")
    assert backup.read_text() == text
    assert str(backup) in made.err
    settings.write_text(settings.read_text().replace("1.50", "2.50"))
    fugue("setup", "claude", "--undo", "--yes")
    assert settings.read_text() == text.replace("1.50", "2.50")
    assert backup.read_text() == text


def test_what_cannot_be_read_is_said_and_nothing_is_written(fugue: Fugue, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"hooks": ')
    before = tree(home)
    refused = fugue("setup", "claude", "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert f"{settings}: line 1, column 11: a value is expected" in refused.err
    assert tree(home) == before


def test_the_programs_own_variables_say_where_its_configuration_is(fugue: Fugue, home: Path) -> None:
    fugue.environment["CODEX_HOME"] = str(home / "elsewhere")
    made = fugue("setup", "codex", "--yes")
    assert "by /hooks in codex" in made.err
    assert "+daemon_auto_start = false" in made.out
    config = tomllib.loads((home / "elsewhere" / "config.toml").read_text())
    assert config["mcp_servers"]["fugue"]["command"] == str(SCRIPT)
    assert config["hooks"].keys() == {"SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"}


def commands(path: Path) -> dict[str, str]:
    """Return the hooks of a configuration, by event."""
    hooks: dict[str, Any] = json.loads(path.read_text())["hooks"]
    return {event: group["hooks"][0]["command"] for event, (group,) in hooks.items()}


def test_fugue_is_called_by_its_name_only_where_that_leads_to_it_from_everywhere(fugue: Fugue, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    fugue.environment["PATH"] = f"{SCRIPT.parent}:{os.environ['PATH']}"  # as in an active virtual environment
    fugue("setup", "claude", "--yes")
    assert commands(settings)["Stop"].startswith(f"{shlex.quote(str(SCRIPT))} hook")
    links = home / "bin"
    links.mkdir()
    (links / "fugue").symlink_to(SCRIPT)  # as tools are installed
    fugue.environment["PATH"] = f"{links}:{os.environ['PATH']}"
    moved = fugue("setup", "claude", "--yes")
    assert commands(settings)["Stop"] == "fugue hook --for claude Stop"
    assert moved.out.count("\n+  ") == moved.out.count("\n-  ") == 5
    (links / "fugue").unlink()
    (links / "fugue").write_text("#!/bin/sh\n")
    (links / "fugue").chmod(0o755)  # another one
    fugue("setup", "claude", "--yes")
    assert commands(settings)["Stop"].startswith(f"{shlex.quote(str(SCRIPT))} hook")


def test_a_project_that_others_share_calls_it_by_its_name(fugue: Fugue) -> None:
    fugue("setup", "claude", "--scope", "project", "--yes")
    assert commands(fugue.directory / ".claude" / "settings.json")["Stop"] == "fugue hook --for claude Stop"
    servers = json.loads((fugue.directory / ".mcp.json").read_text())["mcpServers"]
    assert servers == {"fugue": {"type": "stdio", "command": "fugue", "args": ["mcp"]}}


@pytest.mark.parametrize("name", ["claude", "gemini"])
def test_each_hook_that_is_set_up_does_what_it_should(fugue: Fugue, home: Path, name: str) -> None:
    fugue.join("bob")
    fugue("setup", name, "--yes")
    for event, command in commands(home / f".{name}" / "settings.json").items():
        sent = fugue("send", "session:bob", "note", "--json", session="bob").json["id"]
        environment = {**fugue.environment, "FUGUE_SESSION": "bob"}
        ran = subprocess.run(
            ["sh", "-c", command], input=b"{}", env=environment, capture_output=True, timeout=PATIENCE_S, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, b""), event
        assert sent.encode() in ran.stdout


def test_where_fugue_is_gone_no_hook_of_gemini_refuses_anything(fugue: Fugue, home: Path) -> None:
    fugue("setup", "gemini", "--yes")
    for command in commands(home / ".gemini" / "settings.json").values():
        gone = subprocess.run(
            ["sh", "-c", command.replace(str(SCRIPT), "/gone/fugue")], capture_output=True, check=False
        )
        assert gone.returncode == 1


def test_the_servers_that_are_set_up_start(fugue: Fugue, home: Path) -> None:
    fugue("setup", "opencode", "--yes")
    server = json.loads((home / "config" / "opencode" / "opencode.json").read_text())["mcp"]["fugue"]
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
    hello["params"] |= {"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}  # type: ignore[operator]
    ran = subprocess.run(
        server["command"],
        input=f"{json.dumps(hello)}\n".encode(),
        env=fugue.environment,
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert json.loads(ran.stdout)["result"]["serverInfo"]["name"] == "fugue"


def test_json_says_what_is_changed_and_where_the_backup_is(fugue: Fugue, home: Path) -> None:
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text("{}")
    shown = fugue("setup", "gemini", "--json").json
    (file,) = shown["files"]
    assert (shown["agent"], shown["applied"], file["backup"]) == ("gemini", False, None)
    assert file["path"] == str(home / ".gemini" / "settings.json")
    assert file["diff"].startswith("--- ")
    (file,) = fugue("setup", "gemini", "--json", "--yes").json["files"]
    assert file["backup"] == str(home / ".gemini" / "settings.json.before-fugue")


def test_an_agent_that_nobody_knows_is_refused_with_those_that_are_known(fugue: Fugue) -> None:
    refused = fugue("setup", "clippy")
    assert refused.code == 2
    assert "one of claude, codex, gemini, opencode" in refused.err


def found(fugue: Fugue, name: str) -> tuple[str, str]:
    """Return what the doctor finds of an agent's program."""
    checks = fugue("doctor", "--json").json["checks"]
    ((state, detail),) = [(check["state"], check["detail"]) for check in checks if check["name"] == name]
    return state, detail


def test_doctor_tells_of_each_agent_whether_it_is_set_up_and_leads_to_this_fugue(fugue: Fugue, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    fugue.environment["PATH"] = f"{home / 'bin'}:/usr/bin:/bin"
    assert found(fugue, "claude") == ("ok", "not here, and not set up")
    (home / "bin").mkdir()
    (home / "bin" / "claude").write_text("#!/bin/sh\n")
    (home / "bin" / "claude").chmod(0o755)
    assert found(fugue, "claude") == ("ok", "not set up; try  fugue setup claude")
    fugue("setup", "claude", "--yes")
    whole = settings.read_text()
    assert found(fugue, "claude") == ("ok", "tools, and hooks at SessionStart, UserPromptSubmit, PostToolUse, Stop")
    settings.write_text(whole.replace(str(SCRIPT), "/gone/fugue"))
    state, detail = found(fugue, "claude")
    assert state == "problem"
    assert (
        detail
        == f"the hook at SessionStart in {settings} calls /gone/fugue, which is not there; try  fugue setup claude"
    )
    other = home / "bin" / "fugue"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    settings.write_text(whole.replace(str(SCRIPT), "fugue"))
    state, detail = found(fugue, "claude")
    assert state == "warning"
    assert f"calls {other}, and this is {SCRIPT}; try" in detail
    settings.write_text(whole.replace('"Stop"', '"Stopped"'))
    assert found(fugue, "claude") == ("warning", "there is no hook at Stop; try  fugue setup claude")
    (home / ".claude.json").unlink()
    assert found(fugue, "claude")[1].startswith("there are hooks, and no mcpServers.fugue")
    settings.write_text("{")
    assert found(fugue, "claude") == ("problem", f"{settings}: line 1, column 2: a name in quotes is expected")


def test_doctor_sees_what_a_project_has_set_up(fugue: Fugue) -> None:
    fugue.environment["PATH"] = f"{SCRIPT.parent}:/usr/bin:/bin"
    fugue("setup", "opencode", "--scope", "project", "--yes")
    assert found(fugue, "opencode") == ("ok", "tools")
    assert found(fugue, "codex") == ("ok", "not here, and not set up")


def test_doctor_sees_that_sessions_would_be_taken_for_one_another(fugue: Fugue, home: Path) -> None:
    fugue.environment["PATH"] = f"{SCRIPT.parent}:/usr/bin:/bin"
    fugue("setup", "codex", "--yes")
    assert found(fugue, "codex")[0] == "ok"
    config = home / ".codex" / "config.toml"
    config.write_text(config.read_text().replace("daemon_auto_start = false", ""))
    state, words = found(fugue, "codex")
    assert state == "warning"
    assert words.startswith("there is no features.daemon_auto_start = false, so that its sessions are taken for one")
