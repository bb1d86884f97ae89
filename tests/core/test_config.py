from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from fugue_core.daemon import config as config_module
from fugue_core.daemon.config import Config, ConfigInvalid, StoreConfig, read_config
from fugue_core.limits import Limits


def config_at(directory: Path, text: str) -> str:
    path = directory / "config.toml"
    path.write_text(text)
    return str(path)


def test_without_a_file_all_is_as_it_is_by_default(tmp_path: Path) -> None:
    assert read_config(str(tmp_path / "config.toml")) == Config()
    assert read_config(config_at(tmp_path, "")) == Config()
    assert Config().store.synchronous == "normal"


def test_what_is_set_holds_and_the_rest_is_as_by_default(tmp_path: Path) -> None:
    path = config_at(tmp_path, '[limits]\nsessions = 7\nretention_s = 1.5\n[store]\nsynchronous = "full"\n')
    assert read_config(path) == Config(
        limits=Limits(sessions=7, retention_s=1.5), store=StoreConfig(synchronous="full")
    )


def test_every_limit_can_be_set_by_its_name(tmp_path: Path) -> None:
    names = [field.name for field in msgspec.structs.fields(Limits)]
    path = config_at(tmp_path, "[limits]\n" + "".join(f"{name} = {5000 + place}\n" for place, name in enumerate(names)))
    limits = read_config(path).limits
    assert [getattr(limits, name) for name in names] == [5000 + place for place in range(len(names))]


def test_what_stands_in_the_module_can_be_written_so(tmp_path: Path) -> None:
    text = (config_module.__doc__ or "").partition("\n\n")[2]
    assert read_config(config_at(tmp_path, text)).limits.mailbox_messages == 50_000
    assert tomllib.loads(text)["store"] == {"synchronous": "full"}


def test_tables_that_are_others_affair_are_passed_over(tmp_path: Path) -> None:
    assert read_config(config_at(tmp_path, "[keys]\nquit = 'q'\n[screen]\nnested = {a = 1}\n")) == Config()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits\n", "line 1"),
        ("[limits]\nmailbox = 5\n", "`mailbox`"),
        ("[limits]\nsessions = 'many'\n", "$.limits.sessions"),
        ("[limits]\nsessions = 1.5\n", "$.limits.sessions"),
        ("[limits]\nsessions = 0\n", "$.limits.sessions"),
        ("[limits]\nline_bytes = 100\n", "$.limits.line_bytes"),
        ("[limits]\nretention_s = -1\n", "$.limits.retention_s"),
        ("[store]\nsynchronous = 'off'\n", "$.store.synchronous"),
        ("[store]\npath = '/x'\n", "`path`"),
        ("limits = 5\n", "$.limits"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_path_and_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = config_at(tmp_path, text)
    with pytest.raises(ConfigInvalid) as caught:
        read_config(path)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_bytes_that_are_no_text_and_directories_are_said_too(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigInvalid, match="utf-8"):
        read_config(str(tmp_path / "config.toml"))
    with pytest.raises(ConfigInvalid, match="directory"):
        read_config(str(tmp_path))


@pytest.mark.parametrize("notice", ["", "two\\nlines", "\\u001b[31m", "x" * 501])
def test_a_notice_that_is_no_line_is_refused(tmp_path: Path, notice: str) -> None:
    with pytest.raises(ConfigInvalid, match="one line of 1 to 500 printable characters"):
        read_config(config_at(tmp_path, f'[wake]\nnotice = "{notice}"\n'))
    assert read_config(config_at(tmp_path, '[wake]\nnotice = "{count}"\n')).wake.notice == "{count}"
