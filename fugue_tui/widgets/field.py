"""A field of one line that holds nothing which a terminal would obey."""

from __future__ import annotations

from textual.widgets import Input

FIELD_CHARS = 1_000
"""More is cut off: whatever is typed here is a name, a tag or a filter."""


class Field(Input):
    """An `Input` for names, tags and filters. What is pasted into it is cut and made harmless.

    Textual draws the text of an `Input` as it is, escape sequences included.
    """

    DEFAULT_CSS = "Field:focus { background-tint: transparent 0%; }"

    def replace(self, text: str, start: int, end: int) -> None:
        """Put text in place of what stands there, see `Input`; every way of typing and pasting comes here."""
        super().replace(harmless(text, FIELD_CHARS - len(self.value)), start, end)

    def validate_value(self, value: str) -> str:
        """Take what the program puts in as strictly as what is typed."""
        return harmless(value, FIELD_CHARS)


def harmless(text: str, limit_chars: int) -> str:
    """Return the beginning of a text, without what cannot be shown."""
    short = text[: max(0, limit_chars)]
    return short if short.isprintable() else "".join(character for character in short if character.isprintable())
