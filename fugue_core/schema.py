"""Which schema a message is held against. No I/O; what reads schemas is given to it.

A session's own repository comes before what is said for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

from fugue_core.errors import SchemaNotFound, SchemaViolation, TooManySchemas
from fugue_core.limits import SCHEMA_FAULTS
from fugue_core.protocol.schema import SchemaInfo
from fugue_core.record import SchemaRecord


class Fault(Protocol):
    """A rule that a payload breaks, see `SchemaViolation`."""

    @property
    def field(self) -> str: ...  # noqa: D102  # said by `SchemaViolation`
    @property
    def keyword(self) -> str: ...  # noqa: D102
    @property
    def expected(self) -> str: ...  # noqa: D102
    @property
    def found(self) -> str: ...  # noqa: D102


class Check(Protocol):
    """A schema that has been read."""

    def check(self, payload: bytes) -> tuple[Fault, ...]:
        """Return what is wrong with a payload: nothing, or the first `SCHEMA_FAULTS` and one."""


Reader: TypeAlias = Callable[[str, bytes], Check]
"""Reads the schema of a type, as JSON. Raises `InvalidSchema`, `SchemaLibraryMissing`."""


class _Entry:
    """A schema that is kept; it is read when it is first needed."""

    __slots__ = ("check", "record")

    def __init__(self, record: SchemaRecord, check: Check | None = None) -> None:
        self.record = record
        self.check = check


class SchemaBook:
    """The schemas of all types.

    Invariant: no entry of `_by_type` is empty. So a type without a schema costs one look into a dictionary.
    """

    def __init__(self, read: Reader, limit: int) -> None:
        self._read = read
        self._limit = limit
        self._by_type: dict[str, dict[str | None, _Entry]] = {}
        self._count = 0

    def load(self, records: Iterable[SchemaRecord]) -> None:
        """Take in what was stored."""
        for record in records:
            self._put(_Entry(record))

    def check(self, msg_type: str, payload: bytes, repo: str | None) -> SchemaRecord | None:
        """Hold a payload that is sent from `repo` against the schema of its type; return that, None where it is free.

        Raises:
            SchemaViolation, PayloadUncheckable, SchemaLibraryMissing
        """
        entries = self._by_type.get(msg_type)
        entry = None if entries is None else entries.get(repo) or entries.get(None)
        if entry is None:
            return None
        if entry.check is None:
            entry.check = self._read(msg_type, entry.record.schema)
        faults = entry.check.check(payload)
        if faults:
            told = [
                {"field": fault.field, "keyword": fault.keyword, "expected": fault.expected, "found": fault.found}
                for fault in faults[:SCHEMA_FAULTS]
            ]
            raise SchemaViolation(msg_type, told, len(faults) > SCHEMA_FAULTS, entry.record.repo)
        return entry.record

    def set(self, record: SchemaRecord) -> bool:
        """Keep a schema; False where it is there already, letter for letter.

        Raises:
            InvalidSchema, SchemaLibraryMissing, TooManySchemas: And nothing was changed.
        """
        there = self._by_type.get(record.msg_type, {}).get(record.repo)
        if there is not None and there.record.schema == record.schema:
            return False
        if there is None and self._count >= self._limit:
            raise TooManySchemas(self._limit)
        self._put(_Entry(record, self._read(record.msg_type, record.schema)))
        return True

    def remove(self, msg_type: str, repo: str | None) -> SchemaRecord:
        """Forget the schema of just this repository, or the one for all where that is None. Raises `SchemaNotFound`."""
        entries = self._by_type.get(msg_type, {})
        entry = entries.pop(repo, None)
        if entry is None:
            raise SchemaNotFound(msg_type, repo)
        self._count -= 1
        if not entries:
            del self._by_type[msg_type]
        return entry.record

    def get(self, msg_type: str, repo: str | None) -> SchemaRecord:
        """Return what a message from `repo` is held against. Raises `SchemaNotFound`."""
        entries = self._by_type.get(msg_type, {})
        entry = entries.get(repo) or entries.get(None)
        if entry is None:
            raise SchemaNotFound(msg_type, repo)
        return entry.record

    def infos(self) -> tuple[SchemaInfo, ...]:
        """Return all that there are, by type and then by repository, the one for all first."""
        records = [entry.record for entries in self._by_type.values() for entry in entries.values()]
        return tuple(
            record.info() for record in sorted(records, key=lambda record: (record.msg_type, record.repo or ""))
        )

    def _put(self, entry: _Entry) -> None:
        entries = self._by_type.setdefault(entry.record.msg_type, {})
        self._count += entry.record.repo not in entries
        entries[entry.record.repo] = entry
