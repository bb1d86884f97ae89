"""What is loaded when, each time in a fresh interpreter: the command line pays for every module."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import fugue_core

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fugue_core.__path__, "fugue_core.")
    if not module.name.endswith("__main__")
)


def loaded_by(*statements: str) -> set[str]:
    """Return the names of the modules that a new interpreter has loaded after `statements`."""
    program = "\n".join([*statements, "import sys", "print(*sys.modules)"])
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_package_itself_loads_next_to_nothing() -> None:
    assert not loaded_by("import fugue_core") & {"asyncio", "msgspec", "socket", "re", "fugue_core.errors"}


def test_all_of_the_core_loads_no_screen() -> None:
    loaded = loaded_by(*(f"import {module}" for module in MODULES))
    assert set(MODULES) <= loaded
    assert not {name for name in loaded if name.split(".")[0] in {"fugue_tui", "rich", "textual"}}


@pytest.mark.parametrize("module", ["place", "printable", "client.oneshot", "client.start"])
def test_what_the_command_line_starts_with_loads_nothing_dear(module: str) -> None:
    dear = {"argparse", "asyncio", "json", "msgspec", "pathlib", "re", "socket", "subprocess", "typing", "uuid"}
    assert not loaded_by(f"import fugue_core.{module}") & dear


def test_routing_needs_no_event_loop_and_no_disk() -> None:
    assert not loaded_by("import fugue_core.router, fugue_core.hub") & {"asyncio", "sqlite3", "socket", "subprocess"}


def test_every_public_name_is_there() -> None:
    for name in fugue_core.__all__:
        assert getattr(fugue_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Orchestrator'"):
        _ = fugue_core.Orchestrator


def test_what_type_checkers_see_is_what_is_loaded() -> None:
    tree = ast.parse(Path(fugue_core.__file__).read_text())
    seen = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert seen == {(home, name) for home, names in fugue_core._HOMES.items() for name in names}
    assert sorted(name for _, name in seen) == sorted(fugue_core.__all__)
