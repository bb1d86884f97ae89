"""Tables for a terminal. No I/O."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GAP = "  "
_HEAD_ROLE = "faint"


def lines(
    heads: Sequence[str], rows: Sequence[Sequence[str]], roles: Sequence[str], paint: Callable[[str, str], str]
) -> list[str]:
    """Return the lines of a table, columns as wide as their widest cell and two apart.

    Args:
        heads: The first line; column 0 of it and so on.
        rows: Cells, printable already.
        roles: The role of each column's colour, empty for none; there may be more than columns.
        paint: Given a role and a cell, returns what is shown: the same text, perhaps coloured.
    """
    widths = [max(map(columns, cells)) for cells in zip(heads, *rows, strict=True)]

    def painted(role: str, cell: str) -> tuple[str, str]:
        return cell, paint(role, cell) if role else cell

    head = _line([painted(_HEAD_ROLE, head) for head in heads], widths)
    return [head, *(_line(list(map(painted, roles, row)), widths) for row in rows)]


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # a megabyte that few need

    widths = (
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
        for character in text
    )
    return sum(widths)


def cut(text: str, width: int) -> str:
    """Return `text`, or as much of it as with an ellipsis fits into `width` columns."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[: max(0, min(len(text) - 1, width - 1))]
    return f"{text}…"


def _line(cells: Sequence[tuple[str, str]], widths: Sequence[int]) -> str:
    padded = [shown + " " * (width - columns(text)) for (text, shown), width in zip(cells, widths, strict=True)]
    return _GAP.join(padded).rstrip()
