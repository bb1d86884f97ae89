"""`fugue_core.setup`: what is changed in a configuration, and that nothing else is."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from fugue_core import agents
from fugue_core.setup import entry
from fugue_core.setup.change import changes
from fugue_core.setup.document import CannotChange, Document, at
from fugue_core.setup.file import ConfigFile
from fugue_core.setup.jsondocument import JsonDocument
from fugue_core.setup.tomldocument import TomlDocument

FUGUE = "/a place/fugue"
OTHER = {"hooks": [{"type": "command", "command": "other hook --for claude Stop"}]}

NAMES = st.text(st.characters(codec="utf-8"), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
HOOKS = st.dictionaries(
    st.sampled_from(["Stop", "PreToolUse"]), st.lists(st.just(OTHER), min_size=1, max_size=3), min_size=1
)
SERVERS = st.dictionaries(st.sampled_from(["one", "two"]), st.just({"command": "x"}), min_size=1)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what somebody may have configured, without fugue."""
    parts: list[dict[str, Any]] = [
        draw(st.dictionaries(NAMES.filter(lambda name: name != "hooks"), VALUES, max_size=3))
    ]
    parts += [{"hooks": draw(HOOKS)}] * draw(st.integers(0, 1))
    parts += [{"mcpServers": draw(SERVERS)}] * draw(st.integers(0, 1))
    return {name: value for part in draw(st.permutations(parts)) for name, value in part.items()}


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """Draw the text of a configuration, as people and programs write it."""
    indent = draw(st.sampled_from([None, 2, 4, "\t"]))
    text = json.dumps(draw(configurations()), indent=indent, ensure_ascii=draw(st.booleans()))
    if indent and draw(st.booleans()):  # as no string has a line's end in it
        text = (
            text.replace("\n", '\n// a comment, "{[\n', 1) if draw(st.booleans()) else text.replace(",\n", ", // why\n")
        )
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text + draw(st.sampled_from(["", "\n"]))


def set_up(document: Document, name: str = "claude", fugue: str = FUGUE) -> str:
    entry.put_server(document, agents.load(name), fugue)
    entry.put_hooks(document, agents.load(name), name, fugue)
    return document.text


def undo(document: Document, name: str = "claude") -> str:
    entry.take_server(document, agents.load(name))
    entry.take_hooks(document)
    return document.text


@given(spelled())
def test_what_is_put_into_json_is_all_that_changes_and_can_be_taken_out(text: str) -> None:
    before = JsonDocument(text)
    document = JsonDocument(text)
    done = set_up(document)
    assert entry.server_words(document.values, agents.load("claude")) == [FUGUE, "mcp"]
    assert [hook.event for hook in entry.hooks(document.values)] != []
    assert set_up(JsonDocument(done)) == done
    assert undo(JsonDocument(done)) == text
    assert {**document.values, "hooks": 0, "mcpServers": 0} == {**before.values, "hooks": 0, "mcpServers": 0}
    if "//" not in text:
        assert json.loads(done) == document.values


@given(spelled(), st.dictionaries(st.integers(0, 400), st.characters(), max_size=3))
def test_damaged_json_is_refused_and_never_misread(text: str, edits: dict[int, str]) -> None:
    damaged = "".join(edits.get(number, character) for number, character in enumerate(text))
    try:
        document = JsonDocument(damaged)
    except CannotChange:
        return
    try:
        plain = json.loads(damaged, strict=True)
    except ValueError:  # comments, trailing commas
        return
    assert document.values == plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1', "line 1, column 8"),
        ('{\n "a" 1}', "line 2, column 6: : is expected"),
        ("[]", "it is no object"),
        ('{"a": 01x}', "is no value"),
        ("{} x", "nothing more is expected"),
        ('{"hooks": []}', "hooks is no object"),
        ('{"mcpServers": 3}', "mcpServers is no object"),
        ('{"hooks": {"Stop": {}}}', "hooks.Stop is no array"),
        ('{"mcpServers": {"fugue": {"command": "else"}}}', "mcpServers.fugue is another server"),
        ("[" * 100_000, "deep"),
    ],
)
def test_json_that_cannot_be_changed_says_why(text: str, reason: str) -> None:
    with pytest.raises(CannotChange, match=reason.replace("[", "\\[")):
        set_up(JsonDocument(text))


TOMLS = [
    "",
    "a = 1",
    '# mine\nmodel = "o"   # why\n\n[mcp_servers.other]\ncommand = "x"\n',
    '[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ncommand = "mine"\n\n[hooks.state."/x:0#0"]\nq = 1\n\n# of z\n[z]\nb = 2 #\n',
    'text = """\n[[hooks.Stop]]\n[mcp_servers.fugue]\n"""\n',
    "a = '''x'''' # '''\nb = \"# '''\"\nc = ['''\n[mcp_servers.fugue] \"\"\" ''', '']\n",
    '# """\na = """ \\""" \n[[hooks.SessionStart]]\n""" # """\n',
    '[mcp_servers]\n[mcp_servers.o]\ncommand = "a"\r\n',
]


@pytest.mark.parametrize("text", TOMLS)
def test_what_is_put_into_toml_is_all_that_changes_and_can_be_taken_out_whatever_comes_behind(text: str) -> None:
    done = set_up(TomlDocument(text), "codex")
    assert done.startswith(text)
    assert set_up(TomlDocument(done), "codex") == done
    assert undo(TomlDocument(done), "codex").rstrip("\n") == text.rstrip("\n")
    later = '\n# of later\n[later]\nz = 1\n\n[hooks.state."k"]\nz = 1\n'
    undone = undo(TomlDocument(f"{done}{later}"), "codex")
    assert undone == f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{later}"


@pytest.mark.parametrize("text", TOMLS)
def test_where_fugue_is_can_be_corrected_in_toml_wherever_it_stands(text: str) -> None:
    document = TomlDocument(f'{set_up(TomlDocument(text), "codex")}\n[hooks.state."k"]\nz = 1\n')
    values = tomllib.loads(set_up(document, "codex", "/b/fugue").replace("/b/fugue", "X"))
    assert values == tomllib.loads(document.text.replace("/b/fugue", "X"))
    assert FUGUE not in document.text
    assert {hook.fugue for hook in entry.hooks(document.values)} == {"/b/fugue"}


def test_inline_toml_is_changed_where_that_can_be_done_and_else_refused() -> None:
    stop = '{ type = "command", command = "/o/fugue hook --for codex Stop --holds 1" }'
    text = f'[hooks]\nStop = [{{ hooks = [{stop}, {{command = "mine"}}] }}] # inline\n'
    text += '[mcp_servers]\nfugue = {command="/o/fugue",args=["mcp"]}\n'
    done = set_up(TomlDocument(text), "codex")
    assert "hook --for codex Stop --holds 1" in done
    assert "# inline" in done
    assert "/o/fugue" not in done
    assert tomllib.loads(undo(TomlDocument(done), "codex")) == {"hooks": {"Stop": [{"hooks": [{"command": "mine"}]}]}}
    beside = 'mcp_servers = {x = {command = "a"}} # others\n'
    assert set_up(TomlDocument(beside), "codex").startswith('mcp_servers = {x = {command = "a"},fugue = {')
    assert undo(TomlDocument(set_up(TomlDocument(beside), "codex")), "codex").rstrip() == beside.rstrip()
    with pytest.raises(CannotChange, match="by hand"):
        set_up(TomlDocument("hooks = {}\n"), "codex")
    with pytest.raises(CannotChange, match="line 1"):
        TomlDocument("a = \nb = 1")
    with pytest.raises(CannotChange, match="hooks is no table"):
        set_up(TomlDocument("hooks = 3\n"), "codex")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "daemon_auto_start = false"),
        ("[features]\nx = true # mine\n\n[z]\n", "x = true # mine\ndaemon_auto_start = false\n"),
        ("features.x = true\n", "daemon_auto_start = false"),
    ],
)
def test_what_hooks_and_tools_need_besides_is_set_with_them_and_goes_with_them(text: str, line: str) -> None:
    agent = agents.load("codex")
    document = TomlDocument(text)
    assert entry.missing_settings(document.values, agent) == list(agent.settings)
    entry.put_settings(document, agent)
    assert line in document.text
    assert entry.missing_settings(document.values, agent) == []
    once = document.text
    entry.put_settings(document, agent)
    assert document.text == once
    entry.take_settings(document, agent)
    assert document.text.rstrip() == text.rstrip()


def test_a_setting_that_says_the_contrary_is_changed() -> None:
    document = TomlDocument("[features]\ndaemon_auto_start = true\n")
    entry.put_settings(document, agents.load("codex"))
    assert document.text == "[features]\ndaemon_auto_start = false\n"


@given(
    configurations().map(lambda values: {name: value for name, value in values.items() if name and value is not None})
)
def test_what_tomlkit_writes_stays_what_it_says(values: dict[str, Any]) -> None:
    try:
        text = tomlkit.dumps(values)
        assert tomllib.loads(text) == values
    except (ValueError, TypeError, AssertionError):  # null, and what tomlkit itself gets wrong
        return
    document = TomlDocument(text)
    try:
        done = set_up(document, "codex")
    except CannotChange:
        assert document.text == text
        return
    assert tomllib.loads(undo(TomlDocument(done), "codex")) == values


def test_what_somebody_added_to_an_entry_stays_and_where_fugue_is_gets_corrected() -> None:
    document = JsonDocument("")
    set_up(document, fugue="/gone/fugue")
    document.put(("mcpServers", "fugue", "args"), ["mcp", "--join", "x"])
    document.put(("mcpServers", "fugue", "env"), {"A": "1"})
    document.put(("hooks", "Stop", 0, "hooks", 0, "command"), "/gone/fugue  hook --for claude Stop --holds 1 # mine")
    set_up(document)
    assert at(document.values, ("mcpServers", "fugue")) == {
        "type": "stdio",
        "command": FUGUE,
        "args": ["mcp", "--join", "x"],
        "env": {"A": "1"},
    }
    (stop,) = [hook for hook in entry.hooks(document.values) if hook.event == "Stop"]
    assert at(document.values, stop.path) == f"'{FUGUE}'  hook --for claude Stop --holds 1 # mine"
    assert undo(document) == ""


def test_entries_twice_or_at_events_that_are_none_go_and_their_neighbours_stay() -> None:
    document = JsonDocument(json.dumps({"hooks": {"Stop": [OTHER]}}, indent=2))
    text = document.text
    for event in ("Stop", "Stop", "Gone"):
        document.append(("hooks", event), agents.load("claude").hook(f"fugue hook --for claude {event}"))
    handler = {"type": "command", "command": "fugue hook --for claude Stop"}
    document.append(("hooks", "Stop", 0, "hooks"), handler)
    set_up(document)
    events = [hook.event for hook in entry.hooks(document.values)]
    assert sorted(events) == sorted(set(events))
    assert "Gone" not in document.text
    assert JsonDocument(undo(document)).values == json.loads(text)


@pytest.mark.parametrize(
    "command", ["fugue-hook x", "notfugue hook", "fugue send x hook", "'fugue hook", "echo fugue hook"]
)
def test_the_hooks_of_others_are_not_taken_for_fugues(command: str) -> None:
    text = json.dumps({"hooks": {"Stop": [{"hooks": [{"command": command}]}]}})
    assert list(entry.hooks(JsonDocument(text).values)) == []


@pytest.mark.parametrize(
    "values", [{}, {"hooks": 1}, {"hooks": {"Stop": [1, {"hooks": 2}, {"hooks": [3, {"command": 4}]}]}}]
)
def test_hooks_of_a_form_that_nobody_knows_are_nobodys(values: dict[str, Any]) -> None:
    assert list(entry.hooks(values)) == []


def test_a_file_keeps_its_mode_and_its_link_and_no_backup_is_overwritten(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "settings.json"
    real.parent.mkdir()
    real.write_text("one")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    backups = [ConfigFile(str(link)).replace(text) for text in ("two", "three")]
    assert backups == [f"{link}.before-fugue", f"{link}.before-fugue-2"]
    assert [Path(str(backup)).read_text() for backup in backups] == ["one", "two"]
    assert link.is_symlink()
    assert real.read_text() == "three"
    assert {path.stat().st_mode & 0o7777 for path in (real, *map(Path, map(str, backups)))} == {0o640}
    assert [path.name for path in real.parent.iterdir()] == ["settings.json"]


def test_a_file_that_somebody_else_changes_meanwhile_is_left_to_him(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("one")
    file = ConfigFile(str(path))
    path.write_text("another")
    for text in ("two", None):
        with pytest.raises(CannotChange, match="has changed"):
            file.replace(text)
    assert path.read_text() == "another"


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(CannotChange, match="cannot read"):
        ConfigFile(str(tmp_path / "directory"))
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(CannotChange, match="latin"):
        ConfigFile(str(tmp_path / "latin"))
    with pytest.raises(CannotChange, match="cannot write"):
        ConfigFile("/proc/nobody/settings.json").replace("x")


def test_a_file_with_nothing_but_fugues_entries_goes_with_them_but_not_a_link(tmp_path: Path) -> None:
    paths = (str(tmp_path / "a" / "mcp.json"), str(tmp_path / "b" / "settings.json"))
    for change in changes("claude", paths, "fugue"):
        assert change.diff()[0] == "--- /dev/null"
        change.apply()
    assert changes("claude", paths, "fugue") == []
    os.rename(paths[1], tmp_path / "real.json")
    os.symlink(tmp_path / "real.json", paths[1])
    removed, emptied = changes("claude", paths, None)
    assert removed.diff()[1] == "+++ /dev/null"
    removed.apply()
    emptied.apply()
    assert not os.path.exists(paths[0])
    assert json.loads(Path(paths[1]).read_text()) == {}
    assert changes("claude", paths, None) == []


def test_nothing_is_made_where_there_is_nothing_to_take_out(tmp_path: Path) -> None:
    assert changes("claude", (str(tmp_path / "a.json"), str(tmp_path / "b.json")), None) == []
    (tmp_path / "a.json").write_text("{}")
    assert changes("claude", (str(tmp_path / "a.json"), str(tmp_path / "b.json")), None) == []


HOME = {"HOME": "/h"}


@pytest.mark.parametrize(
    ("name", "environ", "there", "files"),
    [
        ("claude", {}, [], ("/h/.claude.json", "/h/.claude/settings.json")),
        ("claude", {"CLAUDE_CONFIG_DIR": "/c"}, [], ("/c/.claude.json", "/c/settings.json")),
        ("claude", {}, ["/h/.claude/.config.json"], ("/h/.claude/.config.json", "/h/.claude/settings.json")),
        ("codex", {}, [], ("/h/.codex/config.toml",) * 2),
        ("codex", {"CODEX_HOME": "/c"}, ["/c/hooks.json"], ("/c/config.toml", "/c/hooks.json")),
        ("gemini", {}, [], ("/h/.gemini/settings.json",) * 2),
        ("gemini", {"GEMINI_CLI_HOME": "/g"}, [], ("/g/.gemini/settings.json",) * 2),
        ("opencode", {}, [], ("/h/.config/opencode/opencode.json", "")),
        ("opencode", {"XDG_CONFIG_HOME": "/x"}, ["/x/opencode/opencode.jsonc"], ("/x/opencode/opencode.jsonc", "")),
        ("opencode", {"OPENCODE_CONFIG_DIR": "/o"}, [], ("/o/opencode.json", "")),
        ("opencode", {"OPENCODE_CONFIG": "/f", "OPENCODE_CONFIG_DIR": "/o"}, [], ("/f", "")),
    ],
)
def test_the_users_files_are_where_the_program_looks(
    name: str, environ: dict[str, str], there: list[str], files: tuple[str, str]
) -> None:
    assert agents.load(name).user_files({**HOME, **environ}, there.__contains__) == files


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("claude", ("/p/.mcp.json", "/p/.claude/settings.json")),
        ("codex", ("/p/.codex/config.toml",) * 2),
        ("gemini", ("/p/.gemini/settings.json",) * 2),
        ("opencode", ("/p/opencode.json", "")),
    ],
)
def test_a_projects_files_are_where_the_program_looks(name: str, files: tuple[str, str]) -> None:
    assert agents.load(name).project_files("/p", [].__contains__) == files


def test_a_new_entry_ends_as_its_neighbours_do() -> None:
    trailing = '{\n  "hooks": {\n    "Stop": [\n      {"hooks": []},\n    ],\n  },\n}\n'
    lines = set_up(JsonDocument(trailing)).splitlines()
    assert lines[-2:] == ["  },", "}"]
    assert lines[lines.index('    "SessionStart": [') - 1] == "    ],"
    assert undo(JsonDocument("\n".join(lines) + "\n")) == trailing


def test_what_comes_behind_an_entry_that_goes_is_not_drawn_into_a_comment_before_it() -> None:
    text = '{\n  "a": 1, // one\n  "mcpServers": {"fugue": {"command": "fugue", "args": ["mcp"]}}, "b": 2 }\n'
    document = JsonDocument(text)
    undo(document)
    assert document.values == {"a": 1, "b": 2}
    assert "// one\n" in document.text
