"""Windows, as the daemon writes them in JSON, in words for people. No I/O."""

from __future__ import annotations

from fugue_core.cli import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def ending(exited: Mapping[str, Any] | None) -> str:
    """Return how a program ended: `exited with 0`, `ended by SIGKILL`."""
    exited = exited or {}
    number = exited.get("signal")
    if number is None:
        code = exited.get("code")
        return "ended" if code is None else f"exited with {code}"
    import signal  # noqa: PLC0415  # 2 ms, and rare

    try:
        return f"ended by {signal.Signals(number).name}"
    except ValueError:
        return f"ended by signal {number}"


def exit_code(exited: Mapping[str, Any] | None) -> int:
    """Return how a program ended as a shell has it: its code, or 128 and its signal; 0 where nobody knows."""
    exited = exited or {}
    number = exited.get("signal")
    return outcome.SIGNALLED + number if number is not None else exited.get("code") or outcome.DONE


def what_runs(window: Mapping[str, Any]) -> str:
    """Return what a window is about: its name, and how its program ended where it has."""
    exited = window.get("exited")
    return f"{window['name']} ({ending(exited)})" if exited else str(window["name"])


def activity(window: Mapping[str, Any], now_s: float) -> str:
    """Return how long ago a window's program has said something; empty where it never has."""
    at = window.get("last_output_at")
    if at is None:
        return ""
    seconds = max(0, int(now_s - at))
    return next((f"{seconds // size} {unit} ago" for size, unit in _UNITS if seconds >= size), "now")
