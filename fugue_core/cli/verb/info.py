"""`fugue info`: where things are, and what is set."""

from __future__ import annotations

import os
import sys

import fugue_core
from fugue_core import place
from fugue_core.cli import outcome, output
from fugue_core.cli.spec import Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.client.jsontext import encode
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

_LABEL_COLUMNS = 16
_VARIABLES = (
    "FUGUE_SOCKET",
    "FUGUE_SESSION",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "NO_COLOR",
)


def run(command: Command) -> int:
    """Print it; no daemon is asked, and nothing is made."""
    facts = _facts(command)
    if command.is_json:
        output.put_json(encode(facts))
        return outcome.DONE
    paint = paint_for_stdout()
    for label, value in facts.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for number, (name, text) in enumerate(rows):
            head = label.replace("_", " ") if number == 0 else ""
            shown = f"{name} = {text}" if name else f"{text}"
            output.put(f"{paint('faint', head.ljust(_LABEL_COLUMNS))}{printable(shown)}")
    return outcome.DONE


def _facts(command: Command) -> dict[str, str | dict[str, str]]:
    state = place.state_dir(command.socket_path)
    config = place.config_path()
    return {
        "version": fugue_core.__version__,
        "installed_in": os.path.dirname(os.path.dirname(os.path.abspath(fugue_core.__file__))),
        "python": f"{sys.version.split()[0]}, {sys.executable}",
        "server": place.server_name(command.socket_path),
        "socket": command.socket_path,
        "state": state,
        "messages": f"{state}/messages.db",
        "log": f"{state}/daemon.log",
        "config": config if os.path.exists(config) else f"{config} (absent: defaults)",
        "settings": _settings(config),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ} or "none of ours is set",
    }


def _settings(config_path: str) -> str | dict[str, str]:
    """Return what the configuration sets, each as `table.name`."""
    import tomllib  # noqa: PLC0415  # 10 ms, and only here

    try:
        with open(config_path, "rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        return "all default"
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return f"cannot be read: {error}"
    settings = {}
    for table, content in tables.items():
        pairs = content.items() if isinstance(content, dict) else [("", content)]
        settings.update({f"{table}.{name}".rstrip("."): f"{value}" for name, value in pairs})
    return settings or "all default"


VERB = Verb(
    "info",
    "Print where things are, and what is set",
    run=run,
    details="The paths of the socket, the messages, the log and the configuration. Starts nothing.",
    examples=(("fugue info", "where is the log?"), ("fugue -L test info --json | jq -r .state", "a path for a script")),
)
