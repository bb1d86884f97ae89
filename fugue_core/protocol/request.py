"""What all requests have in common, and the bounds of their numbers. No I/O."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

Seq: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=366 * 24 * 3600)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks.

    Class attributes:
        method: Its name on the wire.
        answer: The type of the result.
        mutates: True where it changes what is on disk, so that a broken store refuses it.
        is_bulky: True where its answer may be large, so that a connection gets one at a time.
    """

    method: ClassVar[str]
    answer: ClassVar[Any]
    mutates: ClassVar[bool] = True
    is_bulky: ClassVar[bool] = False
