"""The pictures show the screen as it is: drawn again, each is the same. `make screenshots` draws them anew."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

PICTURES = Path(__file__).parents[2] / "screenshots"


def load_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots_make", PICTURES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


maker = load_maker()


def words_of(svg: str) -> list[str]:
    """Return the text of a picture, for a difference that can be read."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("scene", maker.SCENES, ids=lambda scene: scene.name)
async def test_the_picture_is_what_the_screen_shows(scene: object) -> None:
    drawn: str = await maker.draw(scene)
    kept = (PICTURES / f"{scene.name}.svg").read_text()  # type: ignore[attr-defined]  # a Scene
    assert words_of(drawn) == words_of(kept)
    assert drawn == kept


def test_there_is_a_scene_for_every_picture() -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == {scene.name for scene in maker.SCENES}
