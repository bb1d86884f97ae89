"""Start a program in a session of its own.

Name, command, tags, directory, the branch of a worktree, and whether the session outlives the program.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from fugue_core.errors import (
    FugueError,
    InvalidName,
    InvalidTag,
    ProgramNotStarted,
    SessionNameExists,
)
from fugue_core.printable import printable
from fugue_core.protocol.session import check_session_name, check_tags
from fugue_tui.keymap import with_keys
from fugue_tui.palette import Palette
from fugue_tui.screens.panel import Panel
from fugue_tui.widgets.field import Field
from fugue_tui.widgets.tick import Tick

FIELDS = ("name", "command", "tags", "directory", "branch")
ROWS = (*FIELDS, "keep")
HINTS = {
    "name": "or fugue finds one",
    "command": "or your shell; {new.previous}: the last ones",
    "tags": "builder night",
    "directory": "",
    "branch": "of a worktree, found or made; or as it is",
}
NOTE_CHARS = 300


class NewSessionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the fields, right or wrong. `keep`: the session stays when its program exits."""

    name: str = ""
    command: str = ""
    tags: str = ""
    directory: str = ""
    branch: str = ""
    keep: bool = False

    def read_command(self) -> tuple[str, ...]:
        """Return the program and its arguments; none: the user's shell. Raises `ValueError` for an open quote."""
        return tuple(shlex.split(self.command))

    def read_tags(self) -> tuple[str, ...]:
        """Return the tags."""
        return tuple(dict.fromkeys(self.tags.replace(",", " ").split()))

    def read_directory(self) -> str:
        """Return where it shall work, absolute."""
        return os.path.abspath(os.path.expanduser(self.directory.strip() or "."))

    def faults(self) -> dict[str, str]:
        """Return what is wrong with it as far as that is known here, by field."""
        found: dict[str, str] = {}
        checks: dict[str, Callable[[], object]] = {
            "name": lambda: check_session_name(self.name) if self.name else "",
            "command": self.read_command,
            "tags": lambda: check_tags(self.read_tags()),
        }
        for field, check in checks.items():
            try:
                check()
            except (FugueError, ValueError) as error:
                found[field] = str(error)
        if not os.path.isdir(self.read_directory()):
            found["directory"] = "there is no such directory"
        return found


def field_of(error: FugueError) -> str:
    """Return the field that a refusal is about; empty where it is about none."""
    match error:
        case InvalidName() | SessionNameExists():
            return "name"
        case InvalidTag():
            return "tags"
        case ProgramNotStarted():
            return "command"
        case _:
            return ""


class TagSuggester(Suggester):
    """Completes the last of several tags."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """Return all of the field with its last word completed."""
        before, typed = value[: -len(last)] if (last := value.replace(",", " ").rpartition(" ")[2]) else value, last
        used = set(value.replace(",", " ").split())
        fitting = (tag for tag in self._known if typed and tag.startswith(typed) and tag != typed and tag not in used)
        found = next(fitting, None)
        return None if found is None else f"{before}{found}"


class NewSession(Panel):
    """A form.

    Down: what was typed last time, the known tags, the commands that were used, the newest last; `refuse`;
    `close` once it is done. Up: `NewSession.Entered`, `NewSession.Abandoned`.
    """

    DEFAULT_CSS = """
    NewSession .form-row { height: 1; }
    NewSession .form-name { width: 11; height: 1; }
    NewSession Field { border: none; height: 1; padding: 0 1; width: 1fr; }
    NewSession .form-note { display: none; height: auto; max-height: 3; padding: 0 0 0 11; }
    NewSession .form-note.bad { display: block; }
    NewSession .panel-verdict { margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "start", id="new.start"),
        Binding("down", "next_field(1)", "next field", show=False, id="new.next"),
        Binding("up", "next_field(-1)", "field before; in the command: older commands", show=False, id="new.previous"),
    ]

    block = "new session"
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("new.start", "start"),
        ("tab", "next"),
        ("right", "complete"),
        ("panel.leave", "leave"),
    )

    @dataclass
    class Entered(Message):
        """The user wants this session."""

        panel: NewSession
        draft: NewSessionDraft

    @dataclass
    class Abandoned(Message):
        """The user has left; what was typed is for the next time."""

        draft: NewSessionDraft

    def __init__(
        self,
        draft: NewSessionDraft,
        palette: Palette,
        *,
        known_tags: Sequence[str] = (),
        commands: Sequence[str] = (),
        beside: Widget | None = None,
    ) -> None:
        super().__init__(palette, beside=beside)
        self._draft = draft
        self._known_tags = known_tags
        self._commands = [*commands, draft.command]
        self._place_in_commands = len(self._commands) - 1
        self._is_asked = False
        self._notes: dict[str, str] = {}

    def heading(self) -> Content:
        """What it is."""
        return Content.styled("New session", f"bold {self.css.accent}")

    def body(self) -> ComposeResult:
        """The fields, each with what is wrong with it below."""
        for name in FIELDS:
            with Horizontal(classes="form-row"):
                yield Static("", classes="form-name", id=f"new-{name}-name")
                yield Field(
                    getattr(self._draft, name),
                    placeholder=with_keys(self, HINTS[name]),
                    compact=True,
                    id=f"new-{name}",
                    suggester=TagSuggester(self._known_tags) if name == "tags" else None,
                )
            yield Static("", classes="form-note", id=f"new-{name}-note")
        with Horizontal(classes="form-row"):
            yield Static("", classes="form-name", id="new-keep-name")
            yield Tick("it ends when its program exits", "it stays when its program exits", id="new-keep")
        yield Static("", classes="panel-verdict")

    def on_mount(self) -> None:
        """Begin with the name."""
        super().on_mount()
        self._keep.is_on = self._draft.keep
        self.paint()
        self.say("it runs on when this screen closes")
        self._field("name").focus()

    def _field(self, name: str) -> Field:
        return self.query_one(f"#new-{name}", Field)

    @property
    def _keep(self) -> Tick:
        return self.query_one("#new-keep", Tick)

    @property
    def _focused_row(self) -> str | None:
        return next((name for name in ROWS if self.query_one(f"#new-{name}").has_focus), None)

    @property
    def draft(self) -> NewSessionDraft:
        """What stands in the fields now."""
        texts = {name: self._field(name).value for name in FIELDS}
        return msgspec.structs.replace(NewSessionDraft(keep=self._keep.is_on), **texts)

    # ---------------------------------------------------------------------------------------------------------- down

    def refuse_for(self, error: FugueError) -> None:
        """Say why the daemon refused, beside the field that is the reason."""
        self.refuse(str(error), field_of(error))

    def refuse(self, reason: str, field: str = "") -> None:
        """Say why there is no such session, beside the field that is the reason; what was typed stays."""
        if not self.is_open:
            return
        self._is_asked = False
        if field:
            self._note(field, reason)
            self.say("")
            self._field(field).focus()
        else:
            self.show_refusal(reason)

    def paint(self) -> None:
        """Say the fields' names anew, too."""
        super().paint()
        palette, focused = self.css, self._focused_row
        self._keep.palette = self.palette
        for name in ROWS:
            colour = palette.accent if name == focused else palette.muted
            self.query_one(f"#new-{name}-name", Static).update(Content.styled(name, colour))
        for name in FIELDS:
            self._note(name, self._notes.get(name, ""))

    def _note(self, field: str, text: str) -> None:
        self._notes[field] = text
        note = self.query_one(f"#new-{field}-note", Static)
        note.set_class(bool(text), "bad")
        note.update(Content.styled(f"✗ {printable(text[:NOTE_CHARS])}", self.css.bad))

    # ------------------------------------------------------------------------------------------------------------ up

    def on_descendant_focus(self) -> None:
        """Light the field's name."""
        self.paint()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        name = (event.input.id or "").removeprefix("new-")
        if self._notes.get(name):
            self._note(name, "")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Ask for the session, once; what is wrong in a field stands below it."""
        if self._is_asked:
            return
        draft = self.draft
        faults = draft.faults()
        for name in FIELDS:
            self._note(name, faults.get(name, ""))
        if faults:
            self._field(next(iter(faults))).focus()
            return
        self._is_asked = True
        self.say("starting")
        self.post_message(self.Entered(self, draft))

    def action_next_field(self, step: int) -> None:
        """Go to the next field, or to the one before; in the command, through those that were used."""
        now = self._focused_row or ROWS[0]
        if now == "command" and self._turn_commands(step):
            return
        self.query_one(f"#new-{ROWS[(ROWS.index(now) + step) % len(ROWS)]}").focus()

    def _turn_commands(self, step: int) -> bool:
        place = self._place_in_commands + step
        if not 0 <= place < len(self._commands):
            return False
        field = self._field("command")
        self._commands[self._place_in_commands] = field.value
        self._place_in_commands = place
        field.value = self._commands[place]
        field.cursor_position = len(field.value)
        return True

    def action_leave(self) -> None:
        """Go; what was typed stands here the next time."""
        self.app.post_message(self.Abandoned(self.draft))
        super().action_leave()
