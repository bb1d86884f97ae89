"""Which schema a message is held against, and what setting and removing one changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fugue_core.errors import (
    FugueError,
    InvalidMessageType,
    InvalidSchema,
    NoIdentity,
    NoRecipients,
    SchemaNotFound,
    SchemaViolation,
    TooManySchemas,
)
from fugue_core.hub import Caller
from fugue_core.limits import SCHEMA_FAULTS, Limits
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.schema import (
    Checked,
    CheckMessage,
    GetSchema,
    KeptSchema,
    ListSchemas,
    RemoveSchema,
    SchemaChanged,
    SchemaInfo,
    SchemaRemoved,
    SetSchema,
)
from tests.core.world import World, payloads

FREE: dict[str, Any] = {}
NOTHING = {"not": FREE}
POSITIVE = {"type": "object", "required": ["amount"], "properties": {"amount": {"minimum": 1}}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def ann(world: World) -> Caller:
    """Of the repository /shop, where bob is, too; cid is elsewhere."""
    world.join("bob", repo="/shop")
    world.join("cid", repo="/other")
    return world.join("ann", repo="/shop")


def set_schema(world: World, caller: Caller, schema: Any, msg_type: str = "bid", repo: str | None = None) -> SchemaInfo:
    raw = msgspec.Raw(schema if isinstance(schema, bytes) else msgspec.json.encode(schema))
    info: SchemaInfo = world.ask(caller, SetSchema(msg_type=msg_type, schema=raw, repo=repo))
    return info


def check(world: World, caller: Caller, payload: Any, sender: str | None = None, msg_type: str = "bid") -> Checked:
    packed = PackedMessage(msg_type, msgspec.Raw(msgspec.json.encode(payload)))
    checked: Checked = world.ask(caller, CheckMessage(packed=packed, sender=sender))
    return checked


def bid(world: World, caller: Caller, payload: Any, **params: Any) -> Any:
    return world.send(caller, "session:bob", payload, "bid", **params)


# -------------------------------------------------------------------------------------------------------------- sending


def test_what_breaks_the_schema_of_its_type_is_refused_with_field_and_rule_and_nothing_is_stored(
    world: World, ann: Caller
) -> None:
    set_schema(world, ann, POSITIVE)
    world.turn()
    with pytest.raises(SchemaViolation) as caught:
        bid(world, ann, {"amount": 0})
    assert caught.value.faults == ({"field": "/amount", "keyword": "minimum", "expected": "1", "found": "0"},)
    assert (caught.value.msg_type, caught.value.repo, caught.value.has_more) == ("bid", None, False)
    assert world.turn() == []
    assert world.hub.last_seq == 0
    assert world.info("bob").unread == 0


def test_what_keeps_the_schema_arrives_byte_for_byte(world: World, ann: Caller) -> None:
    set_schema(world, ann, POSITIVE)
    bid(world, ann, {"amount": 1, "amount ": 2})
    assert payloads(world.receive(world.connect("bob"))) == [{"amount": 1, "amount ": 2}]


def test_other_types_stay_free(world: World, ann: Caller) -> None:
    set_schema(world, ann, POSITIVE)
    world.send(ann, "session:bob", {"amount": 0}, "bid.note")
    world.send(ann, "session:bob", {"amount": 0}, "Bid")


def test_the_sender_s_repository_comes_before_what_is_said_for_all(world: World, ann: Caller) -> None:
    set_schema(world, ann, {"type": "number"})
    set_schema(world, ann, {"type": "string"}, repo="/shop")
    cid, dan = world.connect("cid"), world.join("dan")
    bid(world, ann, "text")
    for caller in (cid, dan):
        bid(world, caller, 1)
        with pytest.raises(SchemaViolation) as caught:
            bid(world, caller, "text")
        assert caught.value.repo is None
    with pytest.raises(SchemaViolation) as caught:
        bid(world, ann, 1)
    assert caught.value.repo == "/shop"


def test_a_schema_of_one_repository_says_nothing_in_another(world: World, ann: Caller) -> None:
    set_schema(world, ann, {"type": "string"}, repo="/shop")
    bid(world, world.connect("cid"), 1)
    assert check(world, ann, 1, sender="cid").schema is None


def test_only_the_first_faults_are_told(world: World, ann: Caller) -> None:
    set_schema(world, ann, {"items": {"type": "string"}})
    with pytest.raises(SchemaViolation, match="; and more") as caught:
        bid(world, ann, [1] * 100)
    assert (len(caught.value.faults), caught.value.has_more) == (SCHEMA_FAULTS, True)


def test_a_retry_of_what_was_sent_before_there_was_a_schema_has_its_first_receipt(world: World, ann: Caller) -> None:
    first = bid(world, ann, {"amount": 0}, id=UUID(int=7))
    set_schema(world, ann, POSITIVE)
    assert bid(world, ann, {"amount": 0}, id=UUID(int=7)) == first
    with pytest.raises(SchemaViolation):
        bid(world, ann, {"amount": 0}, id=UUID(int=8))


def test_the_payload_is_looked_at_before_the_target(world: World, ann: Caller) -> None:
    set_schema(world, ann, POSITIVE)
    with pytest.raises(SchemaViolation):
        world.send(ann, "tag:nobody", 1, "bid")
    with pytest.raises(NoRecipients):
        world.send(ann, "tag:nobody", {"amount": 1}, "bid")


def test_checking_says_what_sending_would_and_sends_nothing(world: World, ann: Caller) -> None:
    assert check(world, ann, {"amount": 0}).schema is None
    info = set_schema(world, ann, POSITIVE)
    world.turn()
    assert check(world, ann, {"amount": 1}).schema == info
    with pytest.raises(SchemaViolation):
        check(world, ann, {"amount": 0})
    with pytest.raises(SchemaViolation):
        check(world, world.connect(), {"amount": 0}, sender="cid")
    with pytest.raises(NoIdentity):
        check(world, world.connect(), {"amount": 1})
    with pytest.raises(InvalidMessageType):
        check(world, ann, None, msg_type="two words")
    assert world.turn() == []


# ----------------------------------------------------------------------------------------------------- keeping schemas


def test_a_schema_is_told_listed_shown_and_gone_again(world: World, ann: Caller) -> None:
    info = set_schema(world, ann, b' {"type" :"null"}', repo="/shop")
    assert info == SchemaInfo(msg_type="bid", repo="/shop", size_bytes=17, set_at=world.clock.now, set_by="ann")
    assert SchemaChanged(schema=info) in world.turn()
    assert world.ask(ann, ListSchemas()).schemas == world.hub.snapshot("", 0).schemas == (info,)
    kept: KeptSchema = world.ask(ann, GetSchema(msg_type="bid", repo="/shop"))
    assert (kept.info, bytes(kept.schema)) == (info, b' {"type" :"null"}')
    assert world.ask(ann, RemoveSchema(msg_type="bid", repo="/shop")) == info
    assert world.turn() == [SchemaRemoved(msg_type="bid", repo="/shop")]
    bid(world, ann, 1)
    with pytest.raises(SchemaNotFound):
        world.ask(ann, RemoveSchema(msg_type="bid", repo="/shop"))


def test_what_is_shown_is_what_applies_and_what_is_removed_is_what_was_named(world: World, ann: Caller) -> None:
    for_all = set_schema(world, ann, FREE)
    assert world.ask(ann, GetSchema(msg_type="bid", repo="/shop")).info == for_all
    with pytest.raises(SchemaNotFound, match="no schema for 'bid' of /shop"):
        world.ask(ann, RemoveSchema(msg_type="bid", repo="/shop"))
    own = set_schema(world, ann, NOTHING, repo="/shop")
    assert world.ask(ann, GetSchema(msg_type="bid", repo="/shop")).info == own
    assert world.ask(ann, GetSchema(msg_type="bid")).info == for_all
    with pytest.raises(SchemaNotFound, match="that is for all repositories"):
        world.ask(ann, GetSchema(msg_type="ask"))


def test_the_list_is_by_type_and_then_by_repository(world: World, ann: Caller) -> None:
    for msg_type, repo in (("b", "/s"), ("a", "/r"), ("b", None), ("a", "/q")):
        set_schema(world, ann, FREE, msg_type, repo)
    listed = [(info.msg_type, info.repo) for info in world.ask(ann, ListSchemas()).schemas]
    assert listed == [("a", "/q"), ("a", "/r"), ("b", None), ("b", "/s")]


def test_one_that_is_set_again_takes_the_place_of_the_other_at_once(world: World, ann: Caller) -> None:
    set_schema(world, ann, {"type": "string"})
    bid(world, ann, "text")
    set_schema(world, ann, {"type": "number"})
    bid(world, ann, 1)
    with pytest.raises(SchemaViolation):
        bid(world, ann, "text")
    assert len(world.ask(ann, ListSchemas()).schemas) == 1


def test_the_same_once_more_changes_nothing_and_is_not_told(world: World, ann: Caller) -> None:
    info = set_schema(world, ann, POSITIVE)
    world.turn()
    world.clock.move(5)
    assert set_schema(world, world.connect("bob"), POSITIVE) == info
    assert [event for event in world.turn() if isinstance(event, SchemaChanged)] == []


def test_whoever_speaks_for_nobody_is_named_by_the_program(world: World) -> None:
    caller = world.connect()
    caller.client = "fugue-cli"
    assert set_schema(world, caller, FREE).set_by == "fugue-cli"


@pytest.mark.parametrize(
    ("msg_type", "schema", "error"),
    [("bid", {"type": "nonsense"}, InvalidSchema), ("bid", 5, InvalidSchema), ("a b", {}, InvalidMessageType)],
)
def test_a_refused_schema_changes_nothing(
    world: World, ann: Caller, msg_type: str, schema: Any, error: type[FugueError]
) -> None:
    set_schema(world, ann, POSITIVE)
    world.turn()
    with pytest.raises(error):
        set_schema(world, ann, schema, msg_type)
    assert world.turn() == []
    with pytest.raises(SchemaViolation):
        bid(world, ann, {"amount": 0})


def test_an_empty_repository_is_none(world: World, ann: Caller) -> None:
    assert set_schema(world, ann, FREE, repo="").repo is None


def test_there_are_so_many_schemas_and_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(schemas=2))
    ann = world.join("ann")
    set_schema(world, ann, FREE, "a")
    set_schema(world, ann, FREE, "b")
    with pytest.raises(TooManySchemas, match="there are 2 schemas already"):
        set_schema(world, ann, FREE, "a", repo="/shop")
    set_schema(world, ann, NOTHING, "b")
    world.ask(ann, RemoveSchema(msg_type="a"))
    set_schema(world, ann, FREE, "c")
    world.close()


def test_schemas_are_there_again_after_a_crash_and_a_turn_that_failed_has_set_none(world: World, ann: Caller) -> None:
    info = set_schema(world, ann, POSITIVE)
    world.turn()
    set_schema(world, ann, FREE)
    world.ask(ann, RemoveSchema(msg_type="bid"))
    world.fail_turn()
    assert world.hub.snapshot("", 0).schemas == (info,)
    world.crash()
    assert world.hub.snapshot("", 0).schemas == (info,)
    with pytest.raises(SchemaViolation):
        bid(world, world.connect("ann"), {"amount": 0})
