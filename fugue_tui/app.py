"""The app: composes the panes, and is the only place where a widget and the client meet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from uuid import UUID

import msgspec
from textual import on, work

from fugue_core.client.link import Opener
from fugue_core.errors import ConnectionLost, DaemonUnavailable, FugueError, SchemaViolation, SessionNotFound
from fugue_core.place import state_dir
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.events import Event
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.schema import SchemaChanged, SchemaRemoved
from fugue_core.protocol.target import WireTarget, format_target
from fugue_tui import screens
from fugue_tui.config import Config
from fugue_tui.doorbell import Doorbell, terminal_notice
from fugue_tui.draft import desk_path, load_desk, save_desk
from fugue_tui.history import find_match, find_thread, pages_around, seq_at
from fugue_tui.inspection import receipt_words
from fugue_tui.keymap import with_keys
from fugue_tui.screens.overlay import Overlay
from fugue_tui.tag_edit import TagHistory
from fugue_tui.view import stopped_words
from fugue_tui.watching import WatchingShell
from fugue_tui.widgets.compose_pane import ComposePane
from fugue_tui.widgets.inspector import Inspector
from fugue_tui.widgets.log_bar import LogBar
from fugue_tui.widgets.message_log import PAGE_ROWS, MessageLog
from fugue_tui.widgets.message_pane import MessagePane
from fugue_tui.widgets.session_list import SessionList
from fugue_tui.writing import type_uses

INBOX_MESSAGES = 200
"""So many are listed; the rest comes when these are acknowledged."""


class FugueApp(WatchingShell):
    """fugue's screen. A client of the daemon like any other: it shows what events say, and asks for every change."""

    def __init__(
        self, opener: Opener | None = None, *, server: str | None = None, config: Config | None = None
    ) -> None:
        super().__init__(opener, server=server, config=config)
        self._tag_history = TagHistory()
        self._doorbell = Doorbell()
        self._desk_lock = asyncio.Lock()
        self._membership = 0
        self._told_breakers: set[object] = set()
        self._desk_path = desk_path(state_dir(f"{self._server}.sock"))

    def take_up(self) -> None:
        """Take up what was being written."""
        self.compose_pane.take_desk(load_desk(self._desk_path))

    # ------------------------------------------------------------------------------------------------- data goes down

    def show_world(self) -> None:
        """Give every pane what it shows now."""
        you = self._human.id if self._human else None
        self.session_list.roster = self._world.roster(you, time.time())
        self.message_pane.show(self._world)
        self.show_windows()
        bar = self.status_bar
        bar.sessions = len(self._world.sessions)
        me = self._world.sessions.get(you) if you else None
        bar.unread = me.unread if me else 0
        bar.stopped = len(self._world.breakers)
        self._tell_of_stopped()
        pane = self.compose_pane
        pane.you = you
        if self._membership != self._world.membership:
            self._membership = self._world.membership
            pane.sessions = tuple(self._world.sessions.values())
        self._call_for_human()
        if isinstance(self.screen, Overlay):
            self.screen.follow(self._world, you)

    # ------------------------------------------------------------------------------------------------- messages go up

    @on(SessionList.TagsAsked)
    def edit_tags(self, event: SessionList.TagsAsked) -> None:
        """Open the tag editor."""
        known, history = self._world.known_tags(), self._tag_history
        self.push_screen(screens.TagEditor(event.sessions, known, self.palette, history, beside=event.control))

    @work
    async def on_tag_editor_edited(self, event: screens.TagEditor.Edited) -> None:
        """Ask for a change of tags; the chips change when the daemon says so. What was done of it can be undone."""
        edit, reason = event.edit, ""
        done: list[UUID] = []
        try:
            for session in edit.sessions:
                await self.client.tag(add=edit.add, remove=edit.remove, session=session)
                done.append(session)
        except FugueError as error:
            reason = str(error)
        self._tag_history.confirm(edit, done, time.time())
        event.editor.settle(edit, reason)

    @on(SessionList.RenameAsked)
    def open_rename(self, event: SessionList.RenameAsked) -> None:
        """Ask for another name."""
        self.push_screen(screens.RenamePanel(event.sessions[0], self.palette, beside=event.control))

    @work
    async def on_rename_panel_entered(self, event: screens.RenamePanel.Entered) -> None:
        """Rename a session; a refusal keeps what was typed."""
        try:
            await self.client.rename(event.name, session=event.session)
        except FugueError as error:
            event.panel.show_refusal(str(error))
        else:
            event.panel.close()

    @on(SessionList.WakeAsked)
    @work
    async def wake_sessions(self, event: SessionList.WakeAsked) -> None:
        """Turn waking on where it is off; where it is on for all of them, turn it off."""
        sleeping = [info for info in event.sessions if info.wake == "off"]
        try:
            changed = [
                await self.client.windows.wake("on" if sleeping else "off", session=info.id)
                for info in sleeping or event.sessions
            ]
        except FugueError as error:
            self.notify(str(error), severity="error")
            return
        names = changed[0].name if len(changed) == 1 else f"{len(changed)} sessions"
        if not sleeping:
            self.notify(f"{names}: no notice is typed when mail waits")
        elif len(changed) == 1:
            self.notify(f"{names}: a notice is typed when mail waits; not now: {changed[0].wake_reason}")
        else:
            self.notify(f"{names}: a notice is typed when mail waits")

    @on(SessionList.EndAsked)
    def open_end(self, event: SessionList.EndAsked) -> None:
        """Ask whether sessions are to end."""
        you = self._human.id if self._human else None
        self.push_screen(screens.EndPanel(event.sessions, self.palette, you=you, beside=event.control))

    @work
    async def on_end_panel_confirmed(self, event: screens.EndPanel.Confirmed) -> None:
        """End sessions one after the other; the panel stays where one is refused."""
        try:
            for session in event.sessions:
                with contextlib.suppress(SessionNotFound):  # it has ended by itself
                    await self.client.end(session)
        except FugueError as error:
            event.panel.show_refusal(str(error))
        else:
            event.panel.close()

    @on(SessionList.WriteAsked)
    def write_to_session(self, event: SessionList.WriteAsked) -> None:
        """Compose to a session."""
        self._open_compose(format_target(event.target))

    @on(MessageLog.ReplyAsked)
    def reply_to_row(self, event: MessageLog.ReplyAsked) -> None:
        """Compose an answer."""
        self._reply(event.row.envelope)

    @on(Inspector.ReplyAsked)
    def reply_to_inspected(self, event: Inspector.ReplyAsked) -> None:
        """Compose an answer."""
        self._reply(event.envelope)

    def _reply(self, envelope: Envelope) -> None:
        self._open_compose(f"session:{envelope.sender.name}", reply_to=str(envelope.id))

    def _open_compose(self, target: str, reply_to: str = "") -> None:
        pane = self._opened_compose()
        pane.write_to(target, reply_to=reply_to)

    def action_compose(self) -> None:
        """Open the compose pane as it was left."""
        self._opened_compose().begin()

    def _opened_compose(self) -> ComposePane:
        pane, workspace = self.compose_pane, self.workspace
        pane.open()
        workspace.bring("compose")
        workspace.lay_out()
        return pane

    @on(ComposePane.Left)
    def leave_compose(self) -> None:
        """Close the compose pane; the draft stays in it."""
        self.compose_pane.close()
        self.workspace.lay_out()
        self.workspace.action_show_pane("log")

    @on(ComposePane.Passed)
    def pass_compose(self) -> None:
        """Go on to the next pane, and leave the compose pane as it is."""
        self.workspace.action_next_pane(1)

    @on(ComposePane.TargetChanged)
    @work(exclusive=True, group="resolve")
    async def show_recipients(self, event: ComposePane.TargetChanged) -> None:
        """Say who would receive what is being written."""
        target: WireTarget | None = event.target
        if target is None:
            return
        pane = self.compose_pane
        try:
            async with self._link.speaking_for("") as client:
                pane.show_recipients(await client.resolve(target, sender=event.sender or None))
        except (DaemonUnavailable, ConnectionLost):
            pane.show_unknown()
        except FugueError as error:
            pane.show_nobody(str(error))

    @on(ComposePane.CheckAsked)
    @work(exclusive=True, group="check")
    async def check_payload(self, event: ComposePane.CheckAsked) -> None:
        """Say how what is being written breaks the schema of its type. All else the sending will say."""
        draft, violation = event.draft, None
        message = OrchestrationMessage(draft.msg_type, msgspec.Raw(draft.read_payload()))
        try:
            async with self._link.speaking_for("") as client:
                await client.check(message, sender=draft.sender or None)
        except SchemaViolation as error:
            violation = error
        except FugueError:
            return
        self.compose_pane.show_violation(draft, violation)

    @on(ComposePane.Submitted)
    @work
    async def send_message(self, event: ComposePane.Submitted) -> None:
        """Send what was written; keep the text when the daemon refuses it."""
        draft, pane = event.draft, self.compose_pane
        message = OrchestrationMessage(draft.msg_type, msgspec.Raw(draft.read_payload()))
        reply_to = UUID(draft.reply_to) if draft.reply_to else None
        try:
            async with self._link.speaking_for(draft.sender) as client:
                receipt = await client.send(draft.read_target(), message, reply_to=reply_to)
        except FugueError as error:
            pane.show_refusal(draft, error)
        else:
            pane.show_receipt(draft, receipt.recipients)

    def on_unmount(self) -> None:
        """Keep what was typed in the last moment."""
        with contextlib.suppress(OSError):
            save_desk(self._desk_path, self.compose_pane.desk)

    # ---------------------------------------------------------------------------------------------- the human's mail

    def _take_events(self, events: Sequence[Event]) -> None:
        super()._take_events(events)
        self._doorbell.take(events, self._human.id if self._human else None)
        if any(isinstance(event, SchemaChanged | SchemaRemoved) for event in events):
            self.compose_pane.check_again()

    def _call_for_human(self) -> None:
        """Say that messages came for the human: here, and by the terminal's own means."""
        news = self._doorbell.ring(time.monotonic())
        if news is None:
            return
        self.notify(f"{news}   {with_keys(self, '{app.inbox} opens the inbox')}")
        if self._driver is not None:
            self._driver.write(terminal_notice(self._config.screen.bell, news, is_in_tmux="TMUX" in os.environ))

    def action_inbox(self) -> None:
        """Open the human's inbox."""
        inbox = screens.Inbox(self.palette, beside=self.session_list)
        self.push_screen(inbox)
        self.fill_inbox(inbox)

    @work(exclusive=True, group="inbox")
    async def fill_inbox(self, inbox: screens.Inbox) -> None:
        """Fetch what waits for the human."""
        rows = self._world.rows
        newest = rows[-1].envelope.seq if rows else 0  # before it is counted, so that none of these is left out
        try:
            async with self._link.speaking_for("") as client:
                received = await client.receive(after=0, limit=INBOX_MESSAGES)
        except FugueError as error:
            inbox.show_refusal(str(error))
        else:
            inbox.show(received.envelopes, received.remaining, newest)

    def on_inbox_outdated(self, event: screens.Inbox.Outdated) -> None:
        """Fetch what waits by now."""
        self.fill_inbox(event.inbox)

    @work
    async def on_inbox_acked(self, event: screens.Inbox.Acked) -> None:
        """Acknowledge messages; they go from the inbox when the daemon has confirmed."""
        try:
            async with self._link.speaking_for("") as client:
                await client.ack(*event.envelopes)
        except FugueError as error:
            event.inbox.show_refusal(str(error))
        else:
            self.fill_inbox(event.inbox)

    @work
    async def on_inbox_all_acked(self, event: screens.Inbox.AllAcked) -> None:
        """Acknowledge all that waited for the human, also what was not listed."""
        try:
            async with self._link.speaking_for("") as client:
                acked = await client.ack(up_to=event.up_to)
        except FugueError as error:
            event.inbox.show_refusal(str(error))
        else:
            event.inbox.note_acked(acked.acked)
            self.fill_inbox(event.inbox)

    def on_inbox_reply_asked(self, event: screens.Inbox.ReplyAsked) -> None:
        """Compose an answer."""
        event.inbox.close()
        self._reply(event.envelope)

    # --------------------------------------------------------------------------------------------------------- loops

    def _tell_of_stopped(self) -> None:
        """Say what has been stopped since the last time."""
        breakers = self._world.breakers
        news = [breaker for key, breaker in breakers.items() if key not in self._told_breakers]
        self._told_breakers = set(breakers)
        if news:
            words = stopped_words(news[0]) if len(news) == 1 else f"{len(news):,} loops were stopped"
            self.notify(f"{words}   {with_keys(self, '{app.breakers} shows it')}", severity="warning")

    def action_breakers(self) -> None:
        """Open the list of what is stopped."""
        if not isinstance(self.screen, screens.BreakerPanel):
            breakers = tuple(self._world.breakers.values())
            self.push_screen(
                screens.BreakerPanel(
                    breakers, self.palette, fugue=self.message_pane.inspector.fugue, beside=self.session_list
                )
            )

    @work
    async def on_breaker_panel_release_asked(self, event: screens.BreakerPanel.ReleaseAsked) -> None:
        """Let something pass again; it goes from the list when the daemon has said so."""
        try:
            await self.client.breakers.release(event.breaker)
        except FugueError as error:
            event.panel.show_refusal(str(error))

    @on(ComposePane.Opened)
    def open_closed_compose(self) -> None:
        """Open the compose pane by a click."""
        self.action_compose()

    @on(ComposePane.TypesAsked)
    def offer_types(self, event: ComposePane.TypesAsked) -> None:
        """Offer the message types that were used lately, each with its newest payload."""
        event.compose_pane.types = type_uses(row.envelope for row in reversed(self._world.rows))

    @on(ComposePane.Settled)
    @work
    async def keep_draft(self, event: ComposePane.Settled) -> None:
        """Keep what is written, so that it survives the end of the app."""
        try:
            async with self._desk_lock:  # or an older one could come to the disk after a newer
                await asyncio.to_thread(save_desk, self._desk_path, event.desk)
        except OSError as error:
            event.compose_pane.note_saved(error)
        else:
            event.compose_pane.note_saved()

    @on(MessageLog.PageAsked)
    @work
    async def fetch_page(self, event: MessageLog.PageAsked) -> None:
        """Fetch a page of the history for the log."""
        try:
            page = await self.client.list_messages(
                event.filter_text, before=event.before, after=event.after, limit=PAGE_ROWS, order=event.order
            )
        except FugueError as error:
            event.message_log.refuse_page(event, str(error))
        else:
            event.message_log.take_page(event, page)

    @on(MessageLog.MatchAsked)
    @work(exclusive=True, group="place")
    async def find_next_match(self, event: MessageLog.MatchAsked) -> None:
        """Look for a match where the log has not been, and go there."""
        log, words = event.message_log, event.filter_text
        try:
            seq = await find_match(self.client, words, event.search_text, before=event.before, after=event.after)
            if seq is None:
                log.show_no_match(-1 if event.after is None else 1)
            else:
                log.place(*await pages_around(self.client, words, seq))
        except FugueError as error:
            log.note = str(error)

    @on(LogBar.TimeGiven)
    @work(exclusive=True, group="place")
    async def go_to_time(self, event: LogBar.TimeGiven) -> None:
        """Show what was sent at a moment."""
        log = self.message_log
        try:
            seq = await seq_at(self.client, event.at)
            if seq is not None:
                log.place(*await pages_around(self.client, log.filter_text, seq))
        except FugueError as error:
            log.note = str(error)

    @on(MessagePane.RecordAsked)
    @work(exclusive=True, group="record")
    async def inspect(self, event: MessagePane.RecordAsked) -> None:
        """Look into a message."""
        try:
            event.message_pane.take_record(await self.client.get_message(event.message_id))
        except FugueError as error:
            event.message_pane.refuse_record(str(error))

    @on(MessagePane.ThreadAsked)
    @work(exclusive=True, group="thread")
    async def look_around(self, event: MessagePane.ThreadAsked) -> None:
        """Look for what a message answers, and for what answers it."""
        try:
            event.message_pane.take_thread(await find_thread(self.client, event.envelope))
        except FugueError as error:
            event.message_pane.refuse_record(str(error))

    @on(Inspector.ResendAsked)
    @work
    async def resend(self, event: Inspector.ResendAsked) -> None:
        """Send a message once more, and say as whom: as its sender, or as the human where that session has ended."""
        envelope, inspector = event.envelope, self.message_pane.inspector
        message = OrchestrationMessage(envelope.packed.msg_type, envelope.packed.payload)
        speaker = envelope.sender.name
        try:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    client = await stack.enter_async_context(self._link.speaking_for(str(envelope.sender.id)))
                except SessionNotFound:
                    client = await stack.enter_async_context(self._link.speaking_for(""))
                    speaker = f"you, {speaker} has ended,"
                receipt = await client.send(envelope.target, message, reply_to=envelope.reply_to)
        except FugueError as error:
            inspector.show_verdict(f"✗ not sent as {speaker}: {error}", is_bad=True)
        else:
            inspector.show_verdict(f"✓ {receipt_words(receipt, speaker)}")
