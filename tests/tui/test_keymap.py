"""Keys: none means two things in one place, and the user may have others."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.color import Color
from textual.dom import DOMNode

from fugue_core import OrchestrationMessage, Tagged
from fugue_core.client import connect
from fugue_core.daemon.local import LocalDaemon
from fugue_tui import screens
from fugue_tui.app import FugueApp
from fugue_tui.config import Config, Memory, ScreenConfig, read_config, remember
from fugue_tui.glyphs import GLYPHS, AsciiOnly, ascii_text
from fugue_tui.keymap import (
    TWINS,
    check_keys,
    fugue_classes,
    is_key,
    key_name,
    key_of,
    key_rows,
    mnemonic,
    own_bindings,
    owners,
    told,
)
from fugue_tui.screens.overlay import Overlay
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.message_log import MessageLog
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.widgets.target_row import TargetRow
from fugue_tui.widgets.workspace import Workspace
from tests.tui.screen import Seen, open_app, strips_of

TAKEN = {"ctrl+a", "ctrl+b", "ctrl+o", "ctrl+s"}
"""The prefixes of tmux and screen, what terminals stop their output with, and what nested programs want."""
NEARER = {
    *("compose.next_field", "compose.previous_field", "inspector.turn", "inspector.close"),
    *("sessions.new", "log.next_match"),
}
"""`tab` goes first through what is open here, `q` closes it before it closes fugue; `n` starts a session, but in a log
in which there is something to search."""
PANES = (SessionList, MessageLog, ComposePane, Inspector)

screens.load()


@pytest.mark.parametrize("owner", owners(), ids=str)
def test_no_key_means_two_things_in_one_class(owner: type[DOMNode]) -> None:
    keys = [key.strip() for binding in own_bindings(owner) for key in binding.key.split(",")]
    assert sorted(set(keys)) == sorted(keys)


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.__name__)
def test_no_key_of_a_pane_hides_one_that_holds_everywhere(pane: type[DOMNode]) -> None:
    seen: dict[str, str] = {}
    classes: list[type[DOMNode]] = [*fugue_classes(pane), Workspace, *fugue_classes(FugueApp)]
    for owner in dict.fromkeys(classes):
        for binding in own_bindings(owner):
            for key in binding.key.split(","):
                first = seen.setdefault(key.strip(), str(binding.id))
                assert first == binding.id or first in NEARER, f"{key} is {first} and {binding.id}"


def test_no_default_takes_a_key_that_multiplexers_and_terminals_need() -> None:
    assert len(owners()) > 5
    keys = {key for owner in owners() for binding in own_bindings(owner) for key in binding.key.split(",")}
    assert keys & TAKEN == set()


def test_every_binding_of_ours_has_an_id_of_its_own_and_says_what_it_does() -> None:
    for owner in fugue_owners():
        for binding in owner.__dict__.get("BINDINGS", ()):
            assert isinstance(binding, Binding)
            assert binding.id, f"{owner.__name__}: {binding.key}"
            assert binding.description, binding.id
    ids = [row.id for row in key_rows({})]
    assert len(ids) == len(set(ids))


def fugue_owners() -> list[type[DOMNode]]:
    found, waiting = [], [DOMNode]
    while waiting:
        owner = waiting.pop()
        waiting += owner.__subclasses__()
        if owner.__module__.startswith("fugue_tui."):
            found.append(owner)
    return found


def test_keys_are_written_as_people_write_them() -> None:
    written = [key_name(key) for key in ("question_mark", "slash", "ctrl+p", "escape", "f5", "G", "plus", "shift+tab")]
    assert written == ["?", "/", "ctrl+p", "esc", "f5", "G", "+", "shift+tab"]


@pytest.mark.parametrize("key", ["f", "F", "?", "slash", "ctrl+f", "alt+x", "f12", "enter", "ctrl+shift+up", "ä"])
def test_what_a_terminal_can_send_is_a_key(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", " ", "banana", "ctrl+", "hyperspace+a", "ctrl+banana", "\x1b", "ff"])
def test_what_no_terminal_sends_is_none(key: str) -> None:
    assert not is_key(key)


def test_unknown_ids_and_keys_are_named_and_the_others_hold() -> None:
    good, trouble = check_keys({"log.filter": "ctrl+f, slash", "log.filtre": "x", "app.quit": "banana"})
    assert good == {"log.filter": "ctrl+f,slash"}
    assert trouble == [
        "[keys] log.filtre: there is no such action; did you mean log.filter?",
        "[keys] app.quit: banana is no key",
    ]


async def test_a_remapped_key_does_what_the_old_one_did(daemon: LocalDaemon) -> None:
    config = Config(screen=ScreenConfig(glyphs="unicode"), keys={"app.help": "f7", "no.such": "x"})
    async with open_app(daemon, config=config) as seen:
        await seen.until_shown("no.such: there is no such action")
        await seen.press("f1")
        assert len(seen.app.screen_stack) == 1
        await seen.press("f7")
        assert len(seen.app.screen_stack) == 2
        assert "f7" in seen.text


async def test_what_is_told_of_keys_follows_the_users_own(daemon: LocalDaemon) -> None:
    keys = {
        "app.help": "f2",
        "app.new": "f3",
        "app.palette": "f4",
        "sessions.details": "f6",
        "panel.leave": "f10",
        "inbox.ack_everything": "alt+a",
        "inspector.copy_command": "f12",
        "inspector.next": "alt+j",
        "log.next_match": "alt+m",
        "palette.next": "alt+down",
    }
    config = Config(screen=ScreenConfig(glyphs="unicode"), keys=keys)
    async with connect(daemon) as client, open_app(daemon, config=config) as seen:
        await seen.until_shown("f2 shows every key.  f4 finds every action.")
        assert " f3  Start a session" in seen.text
        assert "f6 details" in seen.text
        await seen.press("f4")
        assert "up alt+down choose" in seen.text
        await seen.press("escape", "I")
        for told in ("alt+a everything read", "f10 leave"):
            assert told in seen.text.replace("\xa0", " ")
        assert ("alt+a", "everything read") in seen.app.status_bar.keys
        await seen.press("f10")
        await client.join("cat")
        await client.send(Tagged("human"), OrchestrationMessage("note", 1))
        await seen.until(lambda: seen.app.message_log.count == 1)
        await seen.press("s")
        assert "alt+m N the others" in seen.text
        await seen.press("escape", "enter")
        await seen.until_shown("f12 copy")
        assert "alt+j k next" in seen.text


async def test_what_is_told_while_writing_follows_the_users_own_keys(daemon: LocalDaemon) -> None:
    keys = {
        "app.compose": "W",
        "app.quit_anywhere": "ctrl+x",
        "compose.send": "f2",
        "compose.fault": "f3",
        "compose.template": "f4",
        "compose.older": "alt+up",
        "compose.to_tag": "alt+g",
        "compose.to_session": "ctrl+t",
        "compose.repo": "alt+o",
        "sessions.tags": "T",
    }
    config = Config(screen=ScreenConfig(glyphs="unicode"), keys=keys)
    async with connect(daemon) as client, open_app(daemon, size=(160, 40), config=config) as seen:
        await client.join("cat", tags=["citizen"], repo="/src/shop")
        await client.send(Tagged("human"), OrchestrationMessage("bid", {"a": 1}))
        await seen.until_shown("W write")
        await seen.press("W", *"citizen", "enter", *"bid", "enter")
        await seen.until_shown("f4 takes cat's last one")
        await seen.until_shown("f2  send to 1")
        assert underlined(seen) == ["g", "a", "W", "o"]
        await seen.press("x")
        await seen.until_shown("f3 go to it")
        await seen.press("backspace", "f2")
        await seen.until_shown("alt+up history 1")
        await seen.press("ctrl+c")
        await seen.until_shown("q quits; ctrl+x does so while you write")
        await seen.press("shift+tab", *"x", "shift+tab", "shift+tab", *"nobody", "f2")
        await seen.until_shown("or tag a session with T")


def underlined(seen: Seen) -> list[str]:
    row = strips_of(seen.app)[seen.app.query_one(TargetRow).region.y]
    return [piece.text for piece in row if piece.style and piece.style.underline]


async def test_what_the_form_of_a_new_session_tells_follows_the_users_own_keys(daemon: LocalDaemon) -> None:
    keys = {"panel.leave": "f10", "new.previous": "alt+up"}
    async with open_app(daemon, config=Config(screen=ScreenConfig(glyphs="unicode"), keys=keys)) as seen:
        await seen.press("1", "n")
        await seen.until_shown("or your shell; alt+up: the last ones")
        assert "f10 leave" in seen.text


@pytest.mark.parametrize(("key", "letter"), [("alt+t", "t"), ("ctrl+t", ""), ("alt+up", ""), ("t", ""), ("f5", "")])
def test_a_letter_with_alt_is_told_by_underlining_it(key: str, letter: str) -> None:
    assert mnemonic(key) == letter


def pairs_of(owner: type[DOMNode]) -> tuple[tuple[str, str], ...]:
    return (*owner.keys, *owner.hints) if issubclass(owner, Overlay) else ()


async def test_a_key_that_is_told_is_one_of_a_binding_that_there_is(daemon: LocalDaemon) -> None:
    told_of = [pair for owner in fugue_owners() for pair in pairs_of(owner)]
    assert len(told_of) > 20
    async with open_app(daemon) as seen:
        shown = told(seen.app, told_of)
        assert [key for key, _ in shown if "." in key] == []
        with pytest.raises(LookupError):
            key_of(seen.app, "no.such")


def test_a_config_that_cannot_be_read_is_said_and_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "config" / "fugue" / "config.toml"
    path.parent.mkdir(parents=True)
    assert read_config().trouble == ()
    for text in ("[keys\n", "[keys]\nx = 3\n", '[screen]\nglyphs = "emoji"\n', "\ud800".encode(errors="surrogatepass")):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        (trouble,) = read_config().trouble
        assert trouble.startswith(str(path))
    path.write_text('[limits]\nmailbox_messages = 5\n[screen]\ntheme = "fugue-light"\n[keys]\n"app.quit" = "Q"\n')
    assert read_config().screen.theme == "fugue-light"
    assert read_config().keys == {"app.quit": "Q"}


def test_the_memory_survives_and_a_damaged_one_is_forgotten(tmp_path: Path) -> None:
    path = read_config().memory_path
    assert path == f"{tmp_path}/state/fugue/screen.json"
    remember(path, Memory(theme="fugue-light", sidebar=30))
    assert read_config().memory == Memory(theme="fugue-light", sidebar=30)
    Path(path).write_text("{")
    assert read_config().memory == Memory()
    remember("/proc/nowhere/screen.json", Memory())


@pytest.mark.parametrize("text", ["plain", "● a → b", "日本語", "e\u0301", "▁▂▃▄▅▆▇█", "┏━┓"])
def test_ascii_keeps_every_column(text: str) -> None:
    from rich.cells import cell_len  # noqa: PLC0415  # only here

    shown = ascii_text(text)
    assert shown.isascii()
    assert len(shown) == cell_len(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("a  → b", "a -> b"),
        ("a →  b", "a -> b"),
        ("a → b", "a > b"),
        ("x  ✓ 3/3 ", "x ok 3/3 "),
        ("x ✓ 3/3 ", "x v 3/3 "),
        ("x  ✓3/3 ", "x  v3/3 "),
        ("  … 2/5", " .. 2/5"),
        ("cut…  ", "cut.. "),
        ("cut… ", "cut. "),
        ("✓", "v"),
        ("  ✓", " ok"),
        ("✗ dead – none", "X dead - none"),  # noqa: RUF001  # the dash of the look
        ("→  →  →", "-> -> >"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["one piece", "a piece a character"])
def test_a_glyph_takes_two_cells_where_a_blank_still_parts_it(line: str, shown: str, is_split: bool) -> None:  # noqa: FBT001
    segments = [Segment(char) for char in line] if is_split else [Segment(line)]
    assert "".join(segment.text for segment in AsciiOnly().apply(segments, Color(0, 0, 0))) == shown


def test_the_blank_that_a_glyph_takes_has_its_colours() -> None:
    red, plain = Style(color="red"), Style()
    found = AsciiOnly().apply([Segment("a  ", plain), Segment("✓", red), Segment(" b", plain)], Color(0, 0, 0))
    assert found == [Segment("a ", plain), Segment("ok", red), Segment(" b", plain)]


def test_every_replacement_is_one_ascii_character() -> None:
    assert all(len(char) == 1 and char.isascii() for char in GLYPHS.values())


def test_every_twin_belongs_to_a_binding() -> None:
    ids = {row.id for row in key_rows({})}
    assert {row.twin for row in key_rows({})} - {""} <= set(TWINS.values())
    assert TWINS.keys() <= ids
    assert {"log.filter", "sessions.tags", "compose.send"} <= ids
