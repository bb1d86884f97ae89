from __future__ import annotations

import os
from pathlib import Path

import pytest

from fugue_core import place

VARIABLES = ("FUGUE_SOCKET", "HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME")


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ann")


def test_the_socket_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setenv("FUGUE_SOCKET", "/srv/other.sock")
    assert place.socket_path() == "/srv/other.sock"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUGUE_SOCKET", "here.sock")
    assert place.socket_path() == str(tmp_path / "here.sock")


def test_else_it_is_in_the_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert place.socket_path() == "/run/user/7/fugue/default.sock"
    assert place.socket_path("work") == "/run/user/7/fugue/work.sock"


def test_else_it_is_in_a_directory_of_the_user_s_own() -> None:
    assert place.socket_path() == f"/tmp/fugue-{os.getuid()}/default.sock"


@pytest.mark.parametrize("name", ["FUGUE_SOCKET", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"])
def test_an_empty_variable_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert place.socket_path() == f"/tmp/fugue-{os.getuid()}/default.sock"
    assert place.state_dir("/x/default.sock") == "/home/ann/.local/state/fugue/default"
    assert place.config_path() == "/home/ann/.config/fugue/config.toml"


def test_a_server_that_is_named_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUGUE_SOCKET", "/srv/other.sock")
    assert place.socket_path("work") == f"/tmp/fugue-{os.getuid()}/work.sock"


@pytest.mark.parametrize(
    ("socket", "options"),
    [
        ("/run/user/1/fugue/default.sock", ()),
        ("/run/user/1/fugue/other.sock", ("-L", "other")),
        ("/run/user/1/fugue/-x.sock", ("--socket", "/run/user/1/fugue/-x.sock")),
        ("/srv/other.sock", ("--socket", "/srv/other.sock")),
        ("/run/user/1/fugue/default", ("--socket", "/run/user/1/fugue/default")),
    ],
)
def test_a_server_is_named_so_that_any_shell_finds_it(
    socket: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    monkeypatch.setenv("FUGUE_SOCKET", socket)
    assert place.server_options(socket) == options


def test_each_server_has_its_own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.server_name("/run/fugue/work.sock") == "work"
    assert place.state_dir("/run/fugue/work.sock") == "/home/ann/.local/state/fugue/work"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert place.state_dir("/run/fugue/work.sock") == "/state/fugue/work"


def test_there_is_one_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.config_path() == "/home/ann/.config/fugue/config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert place.config_path() == "/config/fugue/config.toml"


def test_the_keeper_is_beside_the_socket() -> None:
    assert place.keeper_path("/run/user/7/fugue/work.sock") == "/run/user/7/fugue/work.keeper"
    assert place.keeper_path("/srv/other") == "/srv/other.keeper"
