"""Every module of the core has tests of its own, or says here whose tests are its tests."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest

import fugue_core

TESTS = Path(__file__).parents[1]

TESTED_BY: dict[str, tuple[str, ...]] = {
    "agents": ("e2e/test_hook.py",),
    "agents.agent": ("e2e/test_hook.py",),
    "agents.claude": ("core/test_setup.py", "e2e/test_hook.py"),
    "agents.codex": ("core/test_setup.py", "e2e/test_hook.py"),
    "agents.gemini": ("core/test_setup.py", "e2e/test_hook.py"),
    "agents.opencode": ("core/test_setup.py",),
    "cli": ("e2e/test_cli_refusal.py",),
    "cli.attachment": ("e2e/test_attach.py",),
    "cli.command": ("e2e/test_cli_refusal.py", "e2e/test_cli_startup.py"),
    "cli.console": ("e2e/test_attach.py",),
    "background": ("core/test_background.py",),
    "cli.delivery": ("e2e/test_cli_wait.py",),
    "cli.envelope": ("e2e/test_cli_message.py", "e2e/test_cli_terminal.py"),
    "cli.livelog": ("e2e/test_cli_stream.py",),
    "cli.mirror": ("e2e/test_adopt.py",),
    "cli.tmux": ("e2e/test_adopt.py",),
    "cli.main": ("e2e/test_cli_refusal.py", "e2e/test_cli_startup.py"),
    "cli.opening": ("core/test_cli_opening.py", "e2e/test_attach.py"),
    "cli.check": ("e2e/test_doctor.py", "e2e/test_cli_daemon.py", "e2e/test_setup.py"),
    "cli.probe": ("e2e/test_doctor.py",),
    "cli.outcome": ("e2e/test_cli_refusal.py",),
    "cli.output": ("e2e/test_cli_stream.py", "e2e/test_cli_terminal.py"),
    "cli.prefix": ("e2e/test_attach.py",),
    "cli.program": ("e2e/test_windows.py",),
    "cli.script": ("e2e/test_setup.py", "e2e/test_hook.py"),
    "cli.spec": ("core/test_cli_manual.py", "core/test_cli_parser.py"),
    "cli.style": ("e2e/test_cli_terminal.py",),
    "cli.table": ("e2e/test_cli_session.py", "e2e/test_cli_terminal.py"),
    "cli.verb": ("core/test_cli_manual.py",),
    "cli.notice": ("e2e/test_hook.py",),
    "cli.payload": ("e2e/test_cli_message.py",),
    "cli.receipt": ("e2e/test_cli_message.py",),
    "cli.verb.ack": ("e2e/test_hook.py",),
    "cli.verb.ask": ("e2e/test_cli_ask.py",),
    "cli.verb.capture": ("e2e/test_windows.py",),
    "cli.verb.complete": ("e2e/test_cli_completion.py",),
    "cli.verb.completion": ("e2e/test_cli_completion.py",),
    "cli.verb.daemon": ("e2e/test_cli_daemon.py",),
    "cli.verb.doctor": ("e2e/test_cli_daemon.py", "e2e/test_doctor.py"),
    "cli.verb.help": ("core/test_cli_manual.py",),
    "cli.verb.info": ("e2e/test_cli_daemon.py",),
    "cli.verb.join": ("e2e/test_cli_session.py",),
    "cli.verb.kill": ("e2e/test_cli_session.py",),
    "cli.verb.log": ("e2e/test_cli_message.py", "e2e/test_cli_stream.py"),
    "cli.verb.ls": ("e2e/test_cli_session.py",),
    "cli.verb.mcp": ("e2e/test_mcp.py",),
    "cli.verb.new": ("e2e/test_windows.py", "e2e/test_attach.py"),
    "cli.verb.recv": ("e2e/test_cli_message.py", "e2e/test_cli_stream.py"),
    "cli.verb.rename": ("e2e/test_cli_session.py",),
    "cli.verb.reply": ("e2e/test_cli_ask.py",),
    "cli.verb.resize": ("e2e/test_windows.py",),
    "cli.verb.respawn": ("e2e/test_windows.py",),
    "cli.verb.run": ("e2e/test_cli_run.py",),
    "cli.verb.schema": ("e2e/test_cli_schema.py",),
    "cli.verb.send": ("e2e/test_cli_message.py",),
    "cli.verb.setup": ("e2e/test_setup.py",),
    "cli.verb.show": ("e2e/test_cli_session.py",),
    "cli.verb.tag": ("e2e/test_cli_session.py",),
    "cli.verb.trace": ("e2e/test_cli_message.py",),
    "cli.verb.type": ("e2e/test_windows.py",),
    "cli.verb.whoami": ("e2e/test_cli_session.py",),
    "cli.verb.window": ("e2e/test_windows.py",),
    "cli.welcome": ("e2e/test_cli_daemon.py",),
    "cli.window": ("e2e/test_windows.py",),
    "cli.worktree": ("e2e/test_windows.py",),
    "client": ("core/test_imports.py",),
    "client.channel": ("core/test_seed.py", "e2e/test_examples.py"),
    "client.client": ("core/test_seed.py", "e2e/test_examples.py", "e2e/test_guides.py"),
    "client.line": ("core/test_client.py",),
    "client.link": ("e2e/test_examples.py", "e2e/test_guides.py"),
    "client.oneshot": ("e2e/test_cli_refusal.py", "e2e/test_cli_retry.py", "e2e/test_cli_startup.py"),
    "client.question": ("e2e/test_cli_ask.py",),
    "client.schema": ("e2e/test_schema.py",),
    "client.start": ("e2e/test_cli_daemon.py",),
    "client.subscription": ("e2e/test_guides.py",),
    "client.whereabouts": ("core/test_client.py",),
    "fault": ("core/test_validator.py",),
    "daemon": ("e2e/test_daemon.py", "e2e/test_faults.py", "e2e/test_stage.py"),
    "daemon.local": ("core/test_docs.py", "core/test_seed.py"),
    "limits": ("core/test_docs.py", "core/test_session.py", "core/test_message.py"),
    "mcp": ("e2e/test_mcp.py",),
    "protocol": ("core/test_seed.py",),
    "protocol.envelope": ("core/test_docs.py", "core/test_rpc.py"),
    "protocol.events": ("core/test_docs.py", "core/test_rpc.py"),
    "protocol.schema": ("core/test_schema.py", "core/test_docs.py", "core/test_rpc.py"),
    "protocol.requests": ("core/test_docs.py", "core/test_rpc.py"),
    "receiver": ("core/test_router.py", "core/test_router_model.py"),
    "record": ("core/test_store.py", "core/test_hub.py"),
    "setup": ("core/test_setup.py", "e2e/test_setup.py"),
    "setup.change": ("core/test_setup.py",),
    "setup.checkup": ("e2e/test_setup.py",),
    "setup.document": ("core/test_setup.py",),
    "setup.entry": ("core/test_setup.py",),
    "setup.file": ("core/test_setup.py",),
    "setup.jsondocument": ("core/test_setup.py",),
    "setup.tomldocument": ("core/test_setup.py",),
    "terminal": ("e2e/test_keeper.py", "e2e/test_stage.py"),
    "terminal.journal": ("core/test_journal.py",),
    "terminal.keeping": ("e2e/test_keeper.py",),
    "terminal.program": ("e2e/test_keeper.py",),
    "terminal.seat": ("e2e/test_attach.py",),
    "terminal.wire": ("e2e/test_keeper.py",),
}
"""For a module, or for all modules of a package that are not named themselves."""

MODULES = sorted(
    module.name.removeprefix("fugue_core.") for module in pkgutil.walk_packages(fugue_core.__path__, "fugue_core.")
)


def named_after(module: str) -> list[Path]:
    """Return the tests that are named after a module: `test_parser.py` or `test_cli_parser.py` of `cli.parser`."""
    names = {f"test_{module.replace('.', '_')}.py", f"test_{module.rpartition('.')[2]}.py"}
    return [path for path in TESTS.rglob("test_*.py") if path.name in names]


def declared_for(module: str) -> tuple[str, ...]:
    parts = module.split(".")
    known = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((TESTED_BY[name] for name in known if name in TESTED_BY), ())


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_tests(module: str) -> None:
    assert named_after(module) or declared_for(module), f"who tests {module}?"


def test_what_is_declared_is_there() -> None:
    assert set(TESTED_BY) <= set(MODULES)
    assert [name for names in TESTED_BY.values() for name in names if not (TESTS / name).exists()] == []
