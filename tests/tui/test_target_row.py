"""The row of the target: its kinds, and a value that looks like what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import NAMESPACE_DNS, uuid5

import pytest
from rich.segment import Segment
from textual import on
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from fugue_core.protocol.session import SessionInfo
from fugue_tui.palette import ANSI, DARK, LIGHT, Palette, tag_colour
from fugue_tui.theme import theme_of, variables_of
from fugue_tui.widgets.target_row import TargetRow
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import next_repo, repo_name
from tests.tui.screen import strips_of


def session(name: str, repo: str | None, *tags: str) -> SessionInfo:
    return SessionInfo(id=uuid5(NAMESPACE_DNS, name), name=name, created_at=0, tags=tags, repo=repo)


SESSIONS = (
    session("ann", "/src/shop", "human"),
    session("cat", "/src/shop", "builder"),
    session("gus", "/src/api", "builder", "reviewer"),
    session("lone", None, "builder"),
)


class Desktop(App[None]):
    """The row, and a field beside it that can have the keys instead."""

    CSS_PATH = "../../fugue_tui/fugue.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_of(DARK)

    def compose(self) -> ComposeResult:
        yield TargetRow()
        yield Input(id="elsewhere")

    def on_mount(self) -> None:
        self.register_theme(theme_of(DARK))
        self.theme = DARK.name
        self.row.sessions = SESSIONS

    @property
    def row(self) -> TargetRow:
        return self.query_one(TargetRow)

    @on(TargetRow.Changed)
    @on(TargetRow.KindChosen)
    @on(TargetRow.Entered)
    def hear(self, event: Message) -> None:
        self.heard.append(event)

    def segments(self) -> list[Segment]:
        return list(strips_of(self)[self.row.region.y])


@asynccontextmanager
async def desktop(width: int = 94) -> AsyncIterator[tuple[Desktop, TargetRow, Pilot[None]]]:
    app = Desktop()
    async with app.run_test(size=(width, 12)) as pilot:
        app.query_one("#elsewhere").focus()
        app.row.letters = {"tag": "t", "session": "s", "broadcast": "a", "worktree": "w", "repo": "r"}
        await pilot.pause()
        yield app, app.row, pilot


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
async def test_a_tag_is_a_chip_unless_it_is_being_written(palette: Palette) -> None:
    async with desktop() as (app, row, pilot):
        row.palette = palette
        row.target = "tag:builder"
        await pilot.pause()
        colour = tag_colour("builder", row.palette)
        chip = "".join(piece.text for piece in app.segments() if piece.style and fill_of(piece) == colour.fill)
        assert chip == " builder "
        app.query_one("#target").focus()
        await pilot.pause()
        assert row.field.region.width > 20


def fill_of(piece: Segment) -> str:
    paper = piece.style.bgcolor if piece.style else None
    return paper.get_truecolor().hex if paper else ""


@pytest.mark.parametrize("width", [40, 53, 94])
async def test_a_tag_that_is_too_long_for_its_chip_takes_the_room_there_is(width: int) -> None:
    async with desktop(width) as (app, row, pilot):
        row.target = f"tag:{'x' * 64}"
        await pilot.pause()
        assert app.row.field.region.right <= app.row.region.right
        row.palette = ANSI
        await pilot.pause()


async def test_only_a_tag_is_a_chip() -> None:
    async with desktop() as (_, row, pilot):
        row.target = "tag:builder"
        await pilot.pause()
        assert row.field.region.width == len(" builder ")
        row.target = "session:cat"
        await pilot.pause()
        assert row.field.region.width > 20


@pytest.mark.parametrize(("width", "letters"), [(53, "TSAWr"), (94, "TSaWr")])
async def test_the_letters_that_choose_a_kind_are_underlined(width: int, letters: str) -> None:
    async with desktop(width) as (app, _, _):
        underlined = [piece.text for piece in app.segments() if piece.style and piece.style.underline]
        assert underlined == list(letters)


async def test_a_click_on_a_kind_says_so() -> None:
    async with desktop() as (app, row, pilot):
        await pilot.click("#kinds", offset=(12, 0))
        await pilot.pause()
        assert row.target == "session:"
        assert isinstance(app.heard[0], TargetRow.KindChosen)
        assert row.query_one("#kinds", TextRow).region.height == 1


# ------------------------------------------------------------------------------------------------- where a tag counts


async def test_a_tag_counts_anywhere_or_in_the_senders_repository_or_in_one_of_the_others() -> None:
    async with desktop() as (app, row, pilot):
        row.home = "/src/shop"
        row.target = "tag:builder"
        await pilot.pause()
        assert "builder   in any repo" in row_text(app)
        said = []
        for _ in range(3):
            await pilot.click("#repo", offset=(4, 0))
            await pilot.pause()
            said.append((row.repo, row_text(app).split("builder")[1].strip()))
        assert said == [("/src/shop", "in shop"), ("/src/api", "in api"), ("", "in any repo")]
        assert {type(event) for event in app.heard} == {TargetRow.Changed}
        assert len(app.heard) == 4


def row_text(app: Desktop) -> str:
    return "".join(piece.text for piece in app.segments())


async def test_what_is_offered_are_the_tags_of_the_repository() -> None:
    async with desktop() as (_, row, _):
        row.home = "/src/shop"
        row.turn_repo()
        assert {choice.value: choice.note for choice in row.field.choices} == {
            "human": "1 session",
            "builder": "1 session",
        }


async def test_where_it_counts_is_said_of_a_tag_only_and_only_where_there_is_a_repository() -> None:
    async with desktop() as (app, row, pilot):
        row.turn_repo()
        for kind in ("session", "worktree", "broadcast"):
            row.target = kind if kind == "broadcast" else f"{kind}:x"
            row.turn_repo()
            await pilot.pause()
            assert row.repo == ""
            assert " in api" not in row_text(app)
        row.target = "tag:builder"
        assert row.repo == "/src/api"
        row.repo = ""
        row.sessions = (session("lone", None, "builder"),)
        await pilot.pause()
        assert "repo" not in row_text(app)
        row.turn_repo()
        assert row.repo == ""


async def test_in_a_narrow_pane_the_value_keeps_its_room() -> None:
    async with desktop(49) as (app, row, pilot):
        app.query_one("#target").focus()
        row.target = "tag:"
        row.repo = "/src/a-repository-with-quite-a-long-name"
        await pilot.pause()
        assert row.field.region.width >= 10
        row.repo = ""
        await pilot.pause()
        assert row.field.region.width >= 12
        assert "any repo" in row_text(app)


def test_repositories_of_one_name_are_told_apart() -> None:
    assert repo_name("/src/shop", ["/src/shop", "/src/api"]) == "shop"
    assert repo_name("/src/shop", ["/src/shop", "/old/shop"]) == "src/shop"
    assert next_repo("/gone", ["/src/shop"]) == ""
