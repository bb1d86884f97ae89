"""The lines of the session list, the chips and the changes of tags, as plain values."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fugue_core.filter import parse_filter
from fugue_core.protocol.envelope import Envelope, Participant, Recipient
from fugue_core.protocol.events import MessageSent, Resync, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.message import OrchestrationMessage, pack
from fugue_core.protocol.requests import Snapshot
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import Broadcast, Tagged, WireTarget
from fugue_tui.chip import put_chips, wrap
from fugue_tui.line import Line
from fugue_tui.palette import DARK
from fugue_tui.roster import (
    KnownTag,
    LastMessage,
    Roster,
    SessionRow,
    arrange,
    order_after,
    short_count,
    short_path,
    with_air,
)
from fugue_tui.tag_edit import TagEdit, TagHistory, chips_of, has_arrived
from fugue_tui.view import World
from fugue_tui.widgets.tag_offers import first_choice, offers_for

SPACE = UUID(int=7)


def session(name: str, where: str = "shop@main", *, tags: str = "", unread: int = 0) -> SessionInfo:
    repo, _, branch = where.partition("@")
    worktree = WorktreeInfo(path=f"/src/{repo}.{branch}", branch=branch) if branch else None
    return SessionInfo(
        id=uuid5(SPACE, name),
        name=name,
        created_at=1,
        worktree=worktree,
        repo=f"/src/{repo}" if repo else None,
        tags=tuple(tags.split()),
        unread=unread,
    )


MAYOR, ANN = session("mayor", tags="mayor"), session("Ann", tags="human", unread=2)
CAT = session("cat", "shop@feat/cart", tags="builder citizen", unread=3)
GUS, LOOSE = session("gus", "api@main", tags="citizen", unread=9), session("loose", "")
ALL = (MAYOR, ANN, CAT, GUS, LOOSE)
ROSTER = Roster(sessions=ALL)


def words(rows: list[SessionRow]) -> list[str]:
    signs = {"repo": "", "worktree": "@", "session": "  ", "blank": "-"}
    return [f"{signs[row.kind]}{row.label}" for row in rows]


def test_sessions_stand_under_their_repository_and_worktree() -> None:
    assert words(arrange(ROSTER)) == [
        *("shop", "@main", "  mayor", "  Ann", "@feat/cart", "  cat"),
        *("api", "@main", "  gus"),
        *("no repository", "  loose"),
    ]


def test_a_heading_knows_all_below_it() -> None:
    shop = arrange(ROSTER)[0]
    assert (len(shop.sessions), shop.unread, shop.session) == (3, 5, None)


def test_what_is_folded_shows_its_heading_alone() -> None:
    rows = arrange(ROSTER, folded=frozenset({("repo", "/src/shop"), ("worktree", "/src/api", "/src/api.main")}))
    assert words(rows) == ["shop", "api", "@main", "no repository", "  loose"]
    assert [row.is_folded for row in rows] == [True, False, True, False, False]


def test_a_filter_looks_into_what_is_folded() -> None:
    rows = arrange(ROSTER, wanted=parse_filter("tag:citizen !repo:api"), folded=frozenset({("repo", "/src/shop")}))
    assert words(rows) == ["shop", "@feat/cart", "  cat"]


def test_each_order_sorts_the_sessions_and_the_groups_follow_their_first() -> None:
    last = {CAT.id: LastMessage(at=5.0, msg_type="a", target=Broadcast())}
    roster = Roster(sessions=ALL, last=last)

    def names(rows: list[SessionRow]) -> list[str]:
        return [row.label for row in rows if row.kind == "session"]

    assert names(arrange(roster, order="name")) == ["Ann", "mayor", "cat", "gus", "loose"]
    assert names(arrange(roster, order="unread")) == ["gus", "cat", "Ann", "mayor", "loose"]
    assert names(arrange(roster, order="recent")) == ["cat", "mayor", "Ann", "gus", "loose"]


def test_the_orders_go_round() -> None:
    seen = ["joined"]
    order = order_after("joined")
    while order != "joined":
        seen.append(order)
        order = order_after(order)
    assert seen == ["joined", "name", "unread", "recent"]


def test_air_comes_before_repositories_and_all_worktrees_but_the_first() -> None:
    assert words(with_air(arrange(ROSTER)))[:6] == ["-", "shop", "@main", "  mayor", "  Ann", "-"]
    assert words(with_air(arrange(ROSTER))).count("-") == 4


def test_a_thousand_sessions_are_arranged() -> None:
    many = tuple(session(f"s{number}", f"r{number % 50}@b{number % 200}", tags="a b c") for number in range(1000))
    rows = arrange(Roster(sessions=many), order="name", wanted=parse_filter("tag:a"))
    assert len([row for row in rows if row.kind == "session"]) == 1000


def test_counts_and_paths_are_short() -> None:
    assert [short_count(count) for count in (0, 999, 1000, 12_345, 5_000_000)] == ["0", "999", "1k", "12k", "5M"]
    assert [short_path(path, "/home/ann") for path in ("/home/ann/a", "/home/anna", "/home/ann")] == [
        *("~/a", "/home/anna", "~"),
    ]


# ------------------------------------------------------------------------------------------------------- the world


def sent(seq: int, sender: SessionInfo, target: WireTarget, at: float, *to: SessionInfo) -> MessageSent:
    envelope = Envelope(
        id=UUID(int=seq),
        seq=seq,
        sender=Participant(id=sender.id, name=sender.name),
        target=target,
        sent_at=at,
        packed=pack(OrchestrationMessage("t", 1)),
    )
    recipients = tuple(Recipient(id=info.id, name=info.name, is_connected=True) for info in to)
    return MessageSent(envelope=envelope, recipients=recipients)


def test_the_world_knows_what_each_session_sent_last() -> None:
    world = World()
    world.apply(SessionJoined(session=MAYOR))
    world.apply(sent(1, MAYOR, Broadcast(), 10.0))
    world.apply(sent(2, MAYOR, Tagged("night"), 11.0))
    roster = world.roster(MAYOR.id, 12.0)
    assert roster.sessions == (MAYOR,)
    assert roster.last == {MAYOR.id: LastMessage(at=11.0, msg_type="t", target=Tagged("night"))}
    world.apply(SessionEnded(id=MAYOR.id, name="mayor", at=12.0))
    assert world.roster(None, 13.0) == Roster(now=13.0)


def test_a_roster_does_not_change_behind_its_readers_back() -> None:
    world = World()
    world.apply(SessionJoined(session=MAYOR))
    roster = world.roster(None, 0.0)
    world.apply(SessionJoined(session=ANN))
    world.apply(sent(1, MAYOR, Broadcast(), 10.0))
    assert (roster.sessions, roster.last) == ((MAYOR,), {})


def test_known_tags_are_those_carried_and_those_given_up_or_written_to() -> None:
    world = World()
    for info in (MAYOR, CAT, GUS):
        world.apply(SessionJoined(session=info))
    world.apply(sent(1, MAYOR, Tagged("night"), 10.0))
    world.apply(SessionEnded(id=MAYOR.id, name="mayor", at=12.0))
    assert world.known_tags() == [
        KnownTag(name="citizen", sessions=2),
        KnownTag(name="builder", sessions=1),
        KnownTag(name="night", used_at=10.0),
        KnownTag(name="mayor", used_at=12.0),
    ]


def test_tags_that_were_once_used_are_forgotten_beyond_a_limit() -> None:
    world = World()
    for number in range(1_200):
        world.apply(sent(number, MAYOR, Tagged(f"t{number}"), float(number)))
    names = [tag.name for tag in world.known_tags()]
    assert (len(names), names[0], names[-1]) == (1_000, "t200", "t1199")


def test_a_resync_forgets_the_last_messages_of_those_who_are_gone() -> None:
    world = World()
    world.apply(SessionJoined(session=MAYOR))
    world.apply(sent(1, MAYOR, Broadcast(), 10.0))
    world.apply(Resync(snapshot=Snapshot(epoch="e", number=0, sessions=(ANN,), last_seq=1)))
    assert world.roster(None, 0.0) == Roster(sessions=(ANN,))


# ----------------------------------------------------------------------------------------------------------- chips


def drawn(tags: list[str], end: int, *, has_fill: bool = True) -> str:
    line = Line(end, DARK.pane)
    put_chips(line, tags, end, DARK, has_fill=has_fill)
    assert line.column <= end
    return "".join(segment.text for segment in line.strip())


def test_chips_are_whole_and_the_rest_is_counted() -> None:
    assert drawn(["citizen", "night"], 20).rstrip() == " citizen   night"
    assert drawn(["citizen", "night", "ci"], 20).rstrip() == " citizen   night  +1"
    assert drawn(["citizen", "night", "ci"], 18).rstrip() == " citizen  +2"
    assert drawn(["citizen", "ci"], 10, has_fill=False).rstrip() == "citizen ci"


def test_only_a_name_that_alone_is_wider_than_its_column_is_cut() -> None:
    assert drawn(["reviewer-of-all"], 10) == " reviewe… "
    assert drawn(["reviewer-of-all", "ci"], 10) == " ci  +1   "


@given(st.lists(st.text(min_size=1, max_size=70), max_size=20), st.integers(0, 60), st.booleans())
def test_no_tags_at_all_break_out_of_their_columns(tags: list[str], end: int, has_fill: bool) -> None:  # noqa: FBT001
    text = drawn(tags, end, has_fill=has_fill)
    assert cell_len(text) == end
    assert text.isprintable()


@given(st.lists(st.integers(1, 30)), st.integers(1, 40))
def test_wrapping_keeps_every_chip_once_and_in_order(widths: list[int], room: int) -> None:
    lines = wrap(widths, room)
    assert [place for line in lines for place in line] == list(range(len(widths)))
    assert all(sum(widths[place] for place in line) + len(line) - 1 <= room or len(line) == 1 for line in lines)


# ------------------------------------------------------------------------------------------------- changes of tags

ADD = TagEdit(sessions=(CAT.id, GUS.id), add=("night",))
LIVING = {info.id for info in ALL}


def test_what_is_undone_is_exact_and_undone_once() -> None:
    history = TagHistory()
    history.confirm(ADD, ADD.sessions, 1.0)
    undo = history.next_undo(LIVING, ())
    assert undo == TagEdit(sessions=ADD.sessions, remove=("night",), is_undo=True)
    assert history.next_undo(LIVING, [undo]) is None
    history.confirm(undo, undo.sessions, 2.0)
    assert (history.last, history.next_undo(LIVING, ())) == (None, None)


def test_what_was_done_in_part_is_undone_in_part() -> None:
    history = TagHistory()
    history.confirm(ADD, [CAT.id], 1.0)
    undo = history.next_undo(LIVING, ())
    assert undo is not None
    assert undo.sessions == (CAT.id,)
    history.confirm(undo, (), 2.0)
    assert history.last is not None


def test_an_undo_that_came_through_in_part_leaves_the_other_part() -> None:
    history = TagHistory()
    history.confirm(ADD, ADD.sessions, 1.0)
    history.confirm(ADD.undone(), [CAT.id], 2.0)
    undo = history.next_undo(LIVING, ())
    assert undo is not None
    assert undo.sessions == (GUS.id,)


def test_changes_of_sessions_that_have_ended_are_passed_over() -> None:
    history = TagHistory()
    first = TagEdit(sessions=(CAT.id,), remove=("builder",))
    history.confirm(first, first.sessions, 1.0)
    history.confirm(TagEdit(sessions=(GUS.id,), add=("x",)), [GUS.id], 2.0)
    assert history.next_undo({CAT.id}, ()) == first.undone()


def test_chips_say_who_has_what_and_what_is_under_way() -> None:
    waiting = [TagEdit(sessions=(GUS.id,), add=("builder",)), TagEdit(sessions=(CAT.id, GUS.id), remove=("citizen",))]
    chips = {chip.tag: (chip.count, chip.is_waiting, chip.is_leaving) for chip in chips_of([CAT, GUS], waiting)}
    assert chips == {"builder": (2, True, False), "citizen": (2, True, True)}
    assert [(chip.tag, chip.count) for chip in chips_of([CAT, GUS], ())] == [("citizen", 2), ("builder", 1)]


def test_an_edit_has_arrived_when_all_its_sessions_show_it() -> None:
    assert has_arrived(TagEdit(sessions=(CAT.id,), add=("builder",), remove=("x",)), [CAT, GUS])
    assert not has_arrived(TagEdit(sessions=(CAT.id, GUS.id), add=("builder",)), [CAT, GUS])


KNOWN = [
    KnownTag(name=name, sessions=count) for name, count in (("citizen", 6), ("reviewer", 2), ("pre", 1), ("re", 0))
]


def test_offers_begin_with_what_begins_so() -> None:
    offers, fitting = offers_for("rev", KNOWN, {}, 1)
    assert ([offer.tag.name for offer in offers], fitting) == (["reviewer", "rev"], 1)
    assert first_choice("rev", offers) == 0
    exact, _ = offers_for("re", KNOWN, {}, 1)
    assert [offer.tag.name for offer in exact] == ["re", "reviewer", "pre"]


def test_what_is_only_within_is_offered_but_not_chosen() -> None:
    offers, _ = offers_for("view", KNOWN, {}, 1)
    assert [offer.tag.name for offer in offers] == ["reviewer", "view"]
    assert first_choice("view", offers) == 1
    assert first_choice("", offers) is None


def test_what_all_have_is_not_offered() -> None:
    offers, fitting = offers_for("", KNOWN, {"citizen": 2, "pre": 1}, 2)
    assert ([offer.tag.name for offer in offers], fitting) == (["reviewer", "pre", "re"], 3)
    assert offers_for("citizen", KNOWN, {"citizen": 2}, 2) == ([], 0)


def test_membership_grows_with_each_change_of_who_is_here_and_with_nothing_else() -> None:
    world, grew = World(), []
    tagged = session("cat", "shop@feat/cart", tags="builder citizen extra")
    for event in (
        Resync(snapshot=Snapshot(epoch="e", number=0, sessions=(ANN,), last_seq=0)),
        SessionJoined(session=CAT),
        SessionChanged(session=tagged),
        SessionChanged(session=CAT),
        sent(1, ANN, Tagged("builder"), 1.0, CAT),
        SessionEnded(id=CAT.id, name="cat", at=2.0),
    ):
        before = world.membership
        world.apply(event)
        grew.append(world.membership - before)
    assert grew == [1, 1, 1, 1, 0, 1]


def chips(tags: str, room: int) -> str:
    line = Line(room, DARK.pane)
    put_chips(line, tags.split(), room, DARK, has_fill=False)
    return line.strip().text.rstrip()


@pytest.mark.parametrize(
    ("tags", "room", "shown"),
    [
        ("builder citizen night", 10, "builder +2"),
        ("builder citizen night", 9, "night +2"),
        ("builder citizen", 8, "+2"),
        ("citizen", 5, "citi…"),
    ],
)
def test_a_chip_that_has_no_room_is_counted_and_not_cut(tags: str, room: int, shown: str) -> None:
    assert chips(tags, room) == shown
