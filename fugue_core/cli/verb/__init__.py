"""The verbs: a module each, with a `VERB` that says what it understands and does."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.spec import Verb

GROUPS = {
    "Sessions": ("join", "run", "ls", "show", "rename", "kill", "whoami", "tag"),
    "Programs": ("new", "adopt", "attach", "window", "capture", "type", "respawn", "resize"),
    "Messages": ("send", "recv", "ack", "ask", "reply", "log", "trace", "breaker", "schema"),
    "Agents": ("setup", "mcp", "hook", "wake"),
    "fugue itself": ("daemon", "doctor", "info", "completion", "help"),
}
"""As the help lists them."""

NAMES = frozenset(name for names in GROUPS.values() for name in names) | {"__complete"}


def load(name: str) -> Verb:
    """Return the verb `name`; only its own module is imported."""
    module = "complete" if name == "__complete" else name
    verb: Verb = __import__(f"{__name__}.{module}", fromlist=["VERB"]).VERB
    return verb
