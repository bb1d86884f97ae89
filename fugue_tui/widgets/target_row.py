"""Whom to write to: the kind of a target, and its value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive

from fugue_core.protocol.session import SessionInfo
from fugue_tui.ink import Ink, width_of
from fugue_tui.palette import DARK, Palette, css_colour, name_colour, tag_colour
from fugue_tui.widgets.choice_field import Choice, ChoiceField
from fugue_tui.widgets.text_row import TextRow
from fugue_tui.writing import (
    HINTS,
    KINDS,
    Kind,
    KindStyle,
    join_target,
    kind_pieces,
    known_repos,
    next_repo,
    repo_pieces,
    split_target,
)

FULL, SHORT, KEYS = 84, 66, 54
"""From so many cells on the kinds have their names, or short ones; below them only the one that is chosen has."""
PATH_CELLS = 26
"""So many more cells it takes where the value is a path."""


class TargetRow(Horizontal):
    """The four kinds of target, and a field for the value of the one that is chosen. Each kind remembers its value.

    Beside a tag stands in which repository it counts.

    Down: assign `target`, `repo`, `home` (the sender's repository), `sessions`, `letters` and `palette`; `choose` and
    `turn_repo`. Up: `TargetRow.Changed`, `TargetRow.KindChosen`, `TargetRow.Entered`.
    """

    DEFAULT_CSS = """
    TargetRow { height: 1; }
    TargetRow > #kinds, TargetRow > #repo { width: auto; height: 1; }
    TargetRow > .name { width: 10; height: 1; }
    TargetRow > ChoiceField > OptionList { offset: 0 1; } /* below the row that says whom it reaches */
    """

    palette: reactive[Palette] = reactive(DARK)
    sessions: reactive[tuple[SessionInfo, ...]] = reactive((), init=False)
    home: reactive[str] = reactive("", init=False)
    letters: reactive[Mapping[str, str]] = reactive(dict[str, str], init=False)
    """The letter that tells the key of each kind, and of `repo`."""

    @dataclass
    class Changed(Message):
        """The target is another."""

        target_row: TargetRow

        @property
        def control(self) -> TargetRow:
            """The row that this came from."""
            return self.target_row

    class KindChosen(Changed):
        """The user has clicked on a kind."""

    class Entered(Changed):
        """The user is done with it."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's word
        super().__init__(id=id, classes=classes)
        self._field = ChoiceField(id="target-field", input_id="target", placeholder=HINTS["tag"], is_choice=True)
        self._label = TextRow(Ink("to", "faint"), id="target-label", classes="name")
        self._kinds = TextRow(id="kinds")
        self._kind: Kind = "tag"
        self._values: dict[Kind, str] = dict.fromkeys(KINDS, "")
        self._place = TextRow(id="repo")
        self._repo = ""

    def compose(self) -> ComposeResult:
        """Return the parts, from left to right."""
        yield self._label
        yield self._kinds
        yield self._field
        yield self._place

    # ---------------------------------------------------------------------------------------------------------- down

    @property
    def target(self) -> str:
        """The target's text form, right or wrong."""
        return join_target(self._kind, self._field.value)

    @target.setter
    def target(self, target: str) -> None:
        self._kind, value = split_target(target)
        self._values[self._kind] = value
        self._field.input.placeholder = HINTS[self._kind]
        self._field.disabled = self._kind == "broadcast"
        self._field.value = value
        self._offer()
        self._draw()

    @property
    def repo(self) -> str:
        """In which repository a tag counts; empty: anywhere, or the target is no tag."""
        return self._repo if self._kind == "tag" else ""

    @repo.setter
    def repo(self, repo: str) -> None:
        self._repo = repo
        self._offer()
        self._draw()

    def turn_repo(self) -> None:
        """Let a tag count in the next repository: the sender's, the others, and then anywhere again."""
        if self._kind == "tag":
            self.repo = next_repo(self._repo, known_repos(self.sessions, self.home))

    @property
    def field(self) -> ChoiceField:
        """The field of the value."""
        return self._field

    @property
    def hint(self) -> str:
        """What is missing where the value is empty; else nothing."""
        return "" if self._field.value else HINTS[self._kind]

    def choose(self, kind: Kind) -> None:
        """Write to a target of this kind, the one that was there last."""
        self.target = join_target(kind, self._values[kind])

    def watch_palette(self) -> None:
        """Draw in other colours."""
        for row in self.query(TextRow):
            row.palette = self.palette
        self._field.palette = self.palette
        self._offer()
        self._draw()

    def watch_sessions(self) -> None:
        """Offer the sessions and tags of now."""
        self._offer()
        self._draw()

    def watch_home(self) -> None:
        """Offer another repository first."""
        self._draw()

    def watch_letters(self) -> None:
        """Underline them."""
        self._draw()

    # ------------------------------------------------------------------------------------------------------------ up

    @on(ChoiceField.Changed)
    def _typed(self, event: ChoiceField.Changed) -> None:
        event.stop()
        self._values[self._kind] = self._field.value  # that of the event may be of the kind before
        self._draw()
        self.post_message(self.Changed(self))

    @on(ChoiceField.Entered)
    def _entered(self, event: ChoiceField.Entered) -> None:
        event.stop()
        self.post_message(self.Entered(self))

    @on(TextRow.Pressed)
    def _pressed(self, event: TextRow.Pressed) -> None:
        event.stop()
        kind = next((kind for kind in KINDS if kind == event.press), None)
        if event.press == "repo":
            self.turn_repo()
            self.post_message(self.Changed(self))
        elif kind is not None:
            self.choose(kind)
            self.post_message(self.KindChosen(self))

    def on_descendant_focus(self) -> None:
        """Show that the keys go here."""
        self._draw()

    def on_descendant_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Name as many kinds as fit."""
        self._draw()

    # ------------------------------------------------------------------------------------------------------- drawing

    def _offer(self) -> None:
        sessions = [info for info in self.sessions if self.repo in ("", info.repo)]
        self._field.choices = target_choices(self._kind, sessions, self.palette)

    def _draw(self) -> None:
        width = self.size.width - (PATH_CELLS if self._kind == "worktree" else 0)
        is_narrow = width < FULL
        style: KindStyle = (
            "full" if width >= FULL else "short" if width >= SHORT else "keys" if width >= KEYS else "letters"
        )
        self._kinds.left = kind_pieces(self._kind, self.letters, style)
        self._label.left = (Ink("to", "accent" if self._field.has_focus_within else "faint"),)
        is_tag = self._kind == "tag"
        repos = known_repos(self.sessions, self.home)
        letter = self.letters.get("repo", "")
        self._place.left = repo_pieces(self._repo, repos, letter, is_narrow=is_narrow) if is_tag else ()
        self._draw_value()

    def _draw_value(self) -> None:
        """Let a tag that is not being written be a chip, as everywhere else."""
        value, styles = self._field.value, self._field.input.styles
        is_tag = self._kind == "tag" and bool(value)
        is_chip = is_tag and not self._field.has_focus_within
        colour = tag_colour(value, self.palette)
        styles.color = css_colour(colour.text) if is_tag else None
        styles.background = css_colour(colour.fill) if is_chip else None
        styles.padding = (0, 1) if is_chip else 0
        room = (
            self.content_size.width
            - self._label.outer_size.width
            - width_of(self._kinds.left)
            - width_of(self._place.left)
        )
        width = cell_len(value) + 2
        self._field.styles.width = width if is_chip and width <= room else "1fr"


def target_choices(kind: Kind, sessions: Sequence[SessionInfo], palette: Palette) -> tuple[Choice, ...]:
    """Return what there is to choose from; the tags that most have come first."""
    match kind:
        case "tag":
            counts = Counter(tag for info in sessions for tag in info.tags)
            return tuple(
                Choice(tag, f"{count} session{'' if count == 1 else 's'}", tag_colour(tag, palette).text)
                for tag, count in counts.most_common()
            )
        case "session":
            return session_choices(sessions, palette)
        case "worktree":
            trees = {info.worktree.path: info.worktree.branch for info in sessions if info.worktree is not None}
            return tuple(Choice(path, f"@{branch or 'detached'}") for path, branch in trees.items())
        case "broadcast":
            return ()


def session_choices(sessions: Sequence[SessionInfo], palette: Palette) -> tuple[Choice, ...]:
    """Return the sessions with their tags."""
    return tuple(Choice(info.name, " ".join(info.tags), name_colour(info.name, palette)) for info in sessions)
