"""Waking: a session's program is told that mail waits, by a line typed into its terminal; or why it is not told.

`decide` is pure, and says what is to be done of what there is to see. `Waker` looks, and does it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from fugue_core.background import Background
from fugue_core.daemon.config import Config, WakeConfig
from fugue_core.daemon.programs import Programs, Turns
from fugue_core.errors import FugueError
from fugue_core.hub import Hub, Sleeper
from fugue_core.protocol.session import SessionId, Wake
from fugue_core.protocol.window import Modes
from fugue_core.record import NoticeRecord, SessionRecord
from fugue_core.terminal.window import Window

log = logging.getLogger(__name__)

MOST_TIMES = 2
"""How often one notice is typed: once, and once more where it was lost."""
BEING_TOLD = "it is being told"
KITTY_ALL_KEYS = 8
"""The flag of the kitty keyboard protocol by which a program wants to be told of the return key, too, as a sequence."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to see, at one moment, of the terminal of the program that is to be woken. Times in Unix seconds.

    Fields:
        key: The run of the program.
        has_exited: It runs no more.
        is_understood: An emulator follows what it draws; else nobody knows its modes.
        is_idle: It waits at its prompt, by the word of whatever program has the terminal.
        is_in_front: The terminal is its own, and not that of another program, which it has started.
        is_reading: It has read all that was typed.
        is_line_begun: Something was typed that may stand in its line and was not sent.
        typed_at: When somebody typed last; None: nobody ever did.
        printed_at: When it printed something last, or else was first looked at.
    """

    key: str
    has_exited: bool = False
    is_understood: bool = True
    is_idle: bool = True
    is_in_front: bool = True
    is_reading: bool = True
    is_line_begun: bool = False
    modes: Modes = Modes(bracketed_paste=True)
    typed_at: float | None = None
    printed_at: float = 0.0


class Wait(NamedTuple):
    """Type nothing now; `reason` says why, for people."""

    reason: str


class Type(NamedTuple):
    """Type a notice; `notice` is to be on disk first."""

    notice: NoticeRecord


Verdict: TypeAlias = Wait | Type


def decide(  # noqa: PLR0913  # all that it depends on
    wake: Wake,
    unhanded: Sequence[int],
    last: NoticeRecord | None,
    sight: Sight | None,
    *,
    rules: WakeConfig,
    repeat_s: float,
    now: float,
) -> Verdict:
    """Say whether a notice is to be typed now. Where anything is not certain it is not.

    Args:
        wake: The session's own wish, which is not `off`.
        unhanded: The seqs of what waits and nobody was ever handed, in order.
        last: The last notice.
        sight: The session's lowest window; None: it has none.
        rules: For how long there is to be quiet.
        repeat_s: How long a notice has to be answered, until it is repeated.
        now: Unix time in seconds.
    """
    if sight is None:
        return Wait("it has no window")
    obstacle = _obstacle(wake, sight)
    if obstacle:
        return Wait(obstacle)
    if not unhanded:
        return Wait("nothing waits that it was not handed")
    told = last if last is not None and last.key == sight.key and unhanded[0] <= last.seq else None
    if told is not None and told.times >= MOST_TIMES:
        return Wait("it was told twice, and has not fetched what it was told of")
    if told is not None and now < told.at + repeat_s:
        return Wait("it was told, and has not fetched all of it yet")
    hurry = _hurry(sight, rules, now)
    times = 1 if told is None else told.times + 1
    return Wait(hurry) if hurry else Type(NoticeRecord(at=now, seq=unhanded[-1], key=sight.key, times=times))


def _obstacle(wake: Wake, sight: Sight) -> str:
    """Return what stays in the way until the program, or somebody, does something; empty for nothing."""
    is_by_word = wake != "quiet"
    return _first(
        (sight.has_exited, "its program has exited"),
        (not sight.is_understood, "no emulator is installed, so nobody knows what its program expects"),
        (is_by_word and not sight.is_idle, "its hooks have not said that it waits at its prompt"),
        (not is_by_word and not sight.is_in_front, "another program has its terminal"),
        (not is_by_word and sight.modes.is_alternate, "its program draws on the alternate screen"),
        (not sight.modes.bracketed_paste, "its program has not asked for bracketed pastes"),
    )


def _hurry(sight: Sight, rules: WakeConfig, now: float) -> str:
    """Return why now is not the moment; empty where it is."""
    return _first(
        (not sight.is_reading, "its program does not read what was typed"),
        (sight.is_line_begun, "something was typed there and not sent"),
        (sight.typed_at is not None and now < sight.typed_at + rules.typed_s, "somebody has typed there just now"),
        (now < sight.printed_at + rules.quiet_s, "its program is printing"),
    )


def _first(*reasons: tuple[bool, str]) -> str:
    """Return the first reason that holds; empty where none does."""
    return next((reason for holds, reason in reasons if holds), "")


class Waker:
    """Look after the sessions that are to be woken.

    A notice is on disk before it is typed: a daemon that is killed between the two has not typed it, and one after it
    does not type it twice.
    """

    def __init__(self, hub: Hub, programs: Programs, config: Config) -> None:
        self._hub = hub
        self._programs = programs
        self._rules = config.wake
        self._repeat_s = config.limits.reoffer_s
        self._background = Background()
        self._busy: set[SessionId] = set()

    async def close(self) -> None:
        """End what is under way: a line that was pasted is sent."""
        await self._background.cancel()

    def look(self, turns: Turns) -> None:
        """Look at all sessions that are to be woken, within a turn; what is to be typed is typed after it."""
        for sleeper in self._hub.sleepers():
            verdict = self._look_at(sleeper)
            if isinstance(verdict, Type):
                self._busy.add(sleeper.record.id)
                self._background.run(self._wake(turns, sleeper.record, verdict.notice))

    def look_at(self, session: SessionId) -> None:
        """Find out why a session is not woken now, within a turn; it is not woken by that."""
        sleeper = self._hub.sleeper(session)
        if sleeper is not None:
            self._look_at(sleeper)

    def _look_at(self, sleeper: Sleeper) -> Verdict:
        record, unhanded = sleeper
        verdict: Verdict = Wait(BEING_TOLD)
        if record.id not in self._busy:
            verdict = self._verdict(record.wake, unhanded, record.notice, self._sight(record))
        self._hub.note_wake_reason(record.id, verdict.reason if isinstance(verdict, Wait) else BEING_TOLD)
        return verdict

    def _verdict(self, wake: Wake, unhanded: Sequence[int], last: NoticeRecord | None, sight: Sight | None) -> Verdict:
        return decide(wake, unhanded, last, sight, rules=self._rules, repeat_s=self._repeat_s, now=time.time())

    def _window(self, record: SessionRecord) -> Window | None:
        return self._programs.window_of(record.windows[0]) if record.windows else None

    def _sight(self, record: SessionRecord) -> Sight | None:
        window = self._window(record)
        if window is None:
            return None
        stored, prompt, group = record.windows[0], window.prompt, window.foreground
        pid = self._programs.pid_of(stored)
        return Sight(
            key=stored.key,
            has_exited=stored.exited is not None or pid is None,
            is_understood=window.screen.kind != "plain",
            is_idle=group is not None and group == prompt.idle_group,
            is_in_front=pid is not None and group == pid,
            is_reading=not window.waiting_bytes,
            is_line_begun=prompt.typing.is_begun,
            modes=window.screen.modes,
            typed_at=prompt.typing.at,
            printed_at=window.last_output_at or window.began_at,
        )

    # ------------------------------------------------------------------------------------------------------- typing

    async def _wake(self, turns: Turns, record: SessionRecord, notice: NoticeRecord) -> None:
        """Put a notice on disk, and then type it, if all is still as it was."""
        try:
            if await turns.change(lambda: self._hub.note_notice(record.id, notice)):
                await self._type(turns, record.id, notice, record.notice)
        except FugueError as error:
            log.warning("%s is not woken: %s", record.name, error)  # it is looked at again
        finally:
            self._busy.discard(record.id)

    async def _type(self, turns: Turns, session: SessionId, notice: NoticeRecord, before: NoticeRecord | None) -> None:
        sleeper = self._hub.sleeper(session)
        window = None if sleeper is None else self._window(sleeper.record)
        if sleeper is None or window is None:
            return
        record, unhanded = sleeper
        verdict = self._verdict(record.wake, unhanded, before, self._sight(record))
        if not isinstance(verdict, Type) or verdict.notice.key != notice.key:
            await turns.change(lambda: self._hub.note_notice(session, before))
            return
        typed_at = window.prompt.typing.at
        log.info("%s is told of %d messages", record.name, len(unhanded))
        text = self._rules.notice.replace("{count}", str(len(unhanded)))
        window.put(window.paste(text.encode()), is_line_begun=True)
        try:
            await asyncio.sleep(self._rules.enter_s)
        finally:
            if window.prompt.typing.at == typed_at:  # or the return key would send what somebody has begun to write
                window.put(_enter(window.screen.modes), is_line_begun=False)


def _enter(modes: Modes) -> bytes:
    """Return the return key, as a program wants to be told of it."""
    return b"\x1b[13u" if modes.kitty_keyboard & KITTY_ALL_KEYS else b"\r"
