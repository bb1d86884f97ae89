"""vttest, which others wrote, in a window of fugue: each page is compared with what it should be, kept in `vttest/`.

On each page a client comes: what it is drawn must be the same as what the window shows, and what the program does next
must look the same to it, too. And the pages are compared with those in tmux.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.tmux import Tmux
from tests.e2e.vttest.page import Walk, read
from tests.e2e.vttest.walk import COLS, QUIET_S, ROWS, Client, Pane, Window, enter, settled, wait

pytestmark = pytest.mark.skipif(shutil.which("vttest") is None, reason="there is no vttest")

FILES = sorted(Path(__file__).with_name("vttest").glob("*.txt"))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("vttest")) as daemon:
        yield daemon


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_each_page_is_as_it_should_be_and_as_it_is_drawn_to_a_client(
    path: Path, daemon: Daemon, tmp_path: Path
) -> None:
    walks = read(path)
    for walk in walks:
        try_to_follow(walk, daemon, tmp_path)
    deviations = [page.deviation for walk in walks for page in walk.pages if page.deviation]
    if deviations:
        pytest.xfail("; ".join(deviations))


def try_to_follow(walk: Walk, daemon: Daemon, directory: Path) -> None:
    """Walk through the pages; again where vttest may not have waited for an answer."""
    for _ in range(2 if walk.is_hurried else 0):
        try:
            return follow(walk, daemon, directory)
        except AssertionError:
            continue
    return follow(walk, daemon, directory)


def follow(walk: Walk, daemon: Daemon, directory: Path) -> None:
    """Walk through the pages, and assert that each is as it is kept."""
    with ExitStack() as stack:
        wire, viewer = (stack.enter_context(daemon.connect()) for _ in range(2))
        window = stack.enter_context(closing(Window(wire, session_name(walk), directory)))
        enter(window, walk.path)
        client: Client | None = None
        for number, page in enumerate(walk.pages, 1):
            where = f"page {number} of {walk.name}"
            if is_alike(walk, number):
                time.sleep(QUIET_S)
            seen = wait(window, lambda seen, page=page: seen == page.sight)  # type: ignore[misc]  # bound to this page
            assert str(seen) == str(page.sight), where
            for at, row in page.should.items():
                assert seen.rows[at - 1 : at] != (row,), f"{where} no longer deviates"
            if client is not None:
                assert str(client.see()) == str(seen), f"{where}, to a client that came before"
                client.close()
            client = Client(viewer, window.name)
            assert str(client.see()) == str(seen), f"{where}, to a client that comes"
            window.type("\r")


def is_alike(walk: Walk, number: int) -> bool:
    """Say whether a page looks like the one before it, so that only time tells that it is there."""
    return number > 1 and walk.pages[number - 2].sight == walk.pages[number - 1].sight


def session_name(walk: Walk) -> str:
    return "vttest-" + walk.name.replace(".", "-").replace("+", "x")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux to compare with")
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_tmux_shows_the_same_text_but_where_it_is_known_not_to(path: Path, tmp_path: Path) -> None:
    for walk in read(path):
        if not walk.is_in_tmux:
            continue
        with (
            tempfile.TemporaryDirectory(prefix="fugue-") as directory,
            closing(Tmux(Path(directory), COLS, ROWS)) as tmux,
        ):
            pane = Pane(tmux, tmp_path)
            enter(pane, walk.path)
            for number, page in enumerate(walk.pages, 1):
                if page.is_other_in_tmux or is_alike(walk, number):
                    settled(pane)
                if not page.is_other_in_tmux:
                    seen = wait(pane, lambda seen, page=page: seen.rows == page.sight.rows)  # type: ignore[misc]
                    assert seen.rows == page.sight.rows, f"page {number} of {walk.name}"
                pane.type("\r")
