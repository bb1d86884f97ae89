"""A configuration whose text can be changed here and there, while all else in it stays as somebody wrote it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where something stands: names of members, numbers of elements."""


class CannotChange(Exception):
    """A configuration cannot be read, or not be changed as it should be; the text says why. Nothing was written."""


class Document(Protocol):
    """A configuration. Each change raises `CannotChange` where the text does not allow it, and then changes nothing."""

    @property
    def text(self) -> str:
        """The text as it is now."""

    @property
    def values(self) -> Mapping[str, Any]:
        """All that it says, as plain Python."""

    def put(self, path: Path, value: object) -> None:
        """Let `value` stand at `path`, in place of what does, or as the last one there; make what is missing above."""

    def append(self, path: Path, value: object) -> None:
        """Add an element to the end of the array at `path`; make what is missing."""

    def remove(self, path: Path) -> None:
        """Take away what stands at `path`, and what holds nothing any more then."""


def at(values: object, path: Path) -> Any:
    """Return what stands at `path`; None where nothing does."""
    for step in path:
        try:
            values = values[step]  # type: ignore[index]  # what cannot be indexed has nothing there
        except (KeyError, IndexError, TypeError):
            return None
    return values
