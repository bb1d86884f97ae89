"""Which keys do what where: read from the bindings of the panes themselves, changed by the user's configuration.

No I/O. A binding without an id is Textual's own or no key of ours, and is not told.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache

import msgspec
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.keys import KEY_ALIASES, KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME, Keys, format_key

TWINS = {
    "app.compose": "fugue send TARGET TYPE PAYLOAD",
    "app.demo": "fugue --demo",
    "app.help": "fugue help",
    "app.join": 'eval "$(fugue join NAME -t TAG)"',
    "app.new": "fugue new -n NAME -t TAG -- PROGRAM",
    "app.reconnect": "fugue daemon start",
    "app.breakers": "fugue breaker ls",
    "breakers.release": "fugue breaker release CHAIN | SESSION SESSION",
    "chips.add": "fugue tag add TAG",
    "chips.remove": "fugue tag rm TAG",
    "compose.send": "fugue send TARGET TYPE PAYLOAD",
    "inbox.ack": "fugue recv",
    "inbox.open": "fugue recv --peek",
    "app.inbox": "fugue recv --peek",
    "log.filter": "fugue log FILTER",
    "log.follow": "fugue log -f",
    "log.open": "fugue trace ID",
    "log.reply": "fugue send session:NAME TYPE PAYLOAD --reply-to ID",
    "sessions.details": "fugue show SESSION",
    "sessions.end": "fugue kill SESSION",
    "sessions.filter": "fugue ls FILTER",
    "sessions.new": "fugue new -n NAME -t TAG -- PROGRAM",
    "sessions.open": "fugue attach SESSION",
    "sessions.rename": "fugue rename NAME SESSION",
    "sessions.tags": "fugue tag add|rm TAG",
    "sessions.wake": "fugue wake SESSION on|off",
    "sessions.write": "fugue send session:NAME TYPE PAYLOAD",
    "terminal.kill": "fugue window kill -s SESSION N",
    "terminal.respawn": "fugue respawn -w N SESSION",
    "terminal.scrollback": "fugue capture -w N --scrollback SESSION",
    "terminal.window": "fugue window new -s SESSION",
}
"""What does the same on the command line, by the id of the binding."""

NOT_LISTED = {
    "palette.": "they move about in the palette itself",
    "help.": "they move about in help, from which the palette does not open",
    "terminal.number": "the digit itself says which window",
}
"""Why an action is not in the palette, by its id or how that begins. All others are, while they can be done."""

PREFIX = "terminal.prefix"
"""Among the keys of a user the one that brings fugue back from a terminal; as a binding's key, that one itself."""
DEFAULT_PREFIX = "ctrl+b"

TITLES = {
    "Shell": "everywhere",
    "Workspace": "panes",
    "RowList": "lists",
    "SessionList": "sessions",
    "MessageLog": "messages",
    "ComposePane": "compose",
    "TerminalPane": "terminal",
    "Overlay": "panels",
    "Panel": "panels",
}
ORDER = tuple(dict.fromkeys(TITLES.values()))
MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "meta", "hyper"})
KEYS = (
    frozenset(key.value for key in Keys)
    | KEY_ALIASES.keys()
    | KEY_TO_UNICODE_NAME.keys()
    | set(KEY_NAME_REPLACEMENTS.values())
    | {unicodedata.name(char).lower().replace("-", "_").replace(" ", "_") for char in string.punctuation}
)


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A binding as help and palette tell it.

    Fields:
        context: Where it holds: the title of a pane or a panel.
        keys: As people write them.
        twin: The command line that does the same, or empty.
    """

    id: str
    context: str
    keys: tuple[str, ...]
    words: str
    action: str
    twin: str


def own_bindings(owner: type[DOMNode]) -> list[Binding]:
    """Return the bindings with an id that a class itself declares; those that hold after the prefix come last."""
    declared: Iterable[BindingType] = (*owner.__dict__.get("BINDINGS", ()), *prefixed_bindings(owner))
    return [binding for binding in declared if isinstance(binding, Binding) and binding.id]


def prefixed_bindings(owner: type[DOMNode]) -> list[Binding]:
    """Return the bindings of a class that hold only after the prefix; Textual knows nothing of them."""
    return list(owner.__dict__.get("PREFIXED", ()))


def bound_action(owner: type[DOMNode], key: str, keys: Mapping[str, str]) -> str | None:
    """Return the action of a class's prefixed binding for a key, with the user's own `keys`."""
    for binding in prefixed_bindings(owner):
        written = keys.get(binding.id or "", binding.key).replace(PREFIX, keys.get(PREFIX, DEFAULT_PREFIX))
        if long_name(key) in {long_name(each.strip()) for each in written.split(",")}:
            return binding.action
    return None


def long_name(key: str) -> str:
    """Return a key as Textual names it: `percent_sign` of `%`."""
    if len(key) != 1 or key.isalnum():
        return key
    name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


def owners() -> list[type[DOMNode]]:
    """Return every class of fugue that is loaded and has bindings: panes first, then the panels, by name."""
    found: dict[type[DOMNode], None] = {}
    waiting: list[type[DOMNode]] = [DOMNode]
    while waiting:
        owner = waiting.pop()
        waiting += owner.__subclasses__()
        if owner.__module__.startswith("fugue_tui.") and own_bindings(owner):
            found[owner] = None
    return sorted(found, key=lambda owner: (_rank(title_of(owner)), title_of(owner)))


def fugue_classes(owner: type[DOMNode]) -> list[type[DOMNode]]:
    """Return a class and those that it is made of, as far as they are ours."""
    return [base for base in owner.__mro__ if base.__module__.startswith("fugue_tui.") and issubclass(base, DOMNode)]


def title_of(owner: type[DOMNode]) -> str:
    """Return what a class is called in help: `tag editor` of `TagEditor`."""
    name = owner.__name__
    if name in TITLES:
        return TITLES[name]
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


def key_rows(keys: Mapping[str, str]) -> list[KeyRow]:
    """Return every binding of what is loaded, under the keys that it has with the user's own `keys`."""
    rows = []
    prefix = keys.get(PREFIX, DEFAULT_PREFIX)
    for owner in owners():
        prefixed = {binding.id for binding in prefixed_bindings(owner)}
        for binding in own_bindings(owner):
            assert binding.id is not None  # noqa: S101  # `own_bindings` has only such
            written = keys.get(binding.id, binding.key).replace(PREFIX, prefix)
            first = f"{key_name(prefix)} " if binding.id in prefixed else ""
            rows.append(
                KeyRow(
                    id=binding.id,
                    context=title_of(owner),
                    keys=_named(first, written.split(",")),
                    words=binding.description,
                    action=binding.action,
                    twin=TWINS.get(binding.id, ""),
                )
            )
    return rows


def _named(first: str, keys: Sequence[str]) -> tuple[str, ...]:
    """Return keys as people write them, each after `first`; those of all digits as one."""
    names = [key_name(key.strip()) for key in keys]
    if names == list(string.digits):
        names = ["0-9"]
    return tuple(f"{first}{name}" for name in names)


def bar_keys(bindings: Sequence[BindingType], keys: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what the status bar tells of a pane's bindings: a key and a word each."""
    shown = [binding for binding in bindings if isinstance(binding, Binding) and binding.show and binding.description]
    return tuple((_first_key(binding, keys), binding.description) for binding in shown)


def key_name(key: str) -> str:
    """Return how people write a key: `?` for `question_mark`."""
    modifiers, plus, last = key.rpartition("+")
    if not last:  # the key `+` itself
        return key
    short = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "question_mark": "?"}.get(last)
    shown = short or (last if len(last) == 1 or last in _WORDS else format_key(last))
    return f"{modifiers}{plus}{shown}"


def key_of(node: DOMNode, binding_id: str) -> str:
    """Return the key that a binding has now, as people write it. Raises `LookupError` where there is no such binding.

    The app that `node` is in says its user's keys as `user_keys`; without that they are as declared.
    """
    keys: Mapping[str, str] = getattr(node.app, "user_keys", {})
    return _first_key(_declared(binding_id), keys)


def told(node: DOMNode, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return keys, each with a word, as a person is told them: for a binding's id stands the key that it has now.

    Ids and keys that belong together are parted by a blank: `list.up list.down`.
    """
    return tuple(
        (" ".join(key_of(node, part) if "." in part[1:-1] else part for part in key.split()), word)
        for key, word in pairs
    )


def with_keys(node: DOMNode, text: str) -> str:
    """Return a text of ours with keys in it: for a binding's id in braces stands the key that it has now.

    `{app.quit} quits`. A text from outside may have braces of its own: it is put in afterwards.
    """
    return re.sub(r"\{([a-z_.]+)\}", lambda found: key_of(node, found[1]), text)


def keys_now(binding_id: str, keys: Mapping[str, str]) -> frozenset[str]:
    """Return every key that a binding has with the user's own `keys`, as Textual names them."""
    return frozenset(keys.get(binding_id, _declared(binding_id).key).split(","))


def mnemonic(key: str) -> str:
    """Return the letter that can be underlined to tell a key: `t` of `alt+t`; of any other key nothing."""
    modifiers, _, last = key.rpartition("+")
    return last if modifiers == "alt" and len(last) == 1 else ""


@cache
def _declared(binding_id: str) -> Binding:
    for owner in owners():
        for binding in own_bindings(owner):
            if binding.id == binding_id:
                return binding
    raise LookupError(binding_id)


_WORDS = frozenset(
    {"enter", "tab", "space", "backspace", "delete", "home", "end", "up", "down", "left", "right", "insert"}
    | {f"f{number}" for number in range(1, 25)}
)


def check_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return those of the user's keys that can be used, and what is wrong with the others."""
    known = {row.id: row for row in key_rows({})} if keys else {}
    good: dict[str, str] = {}
    trouble = []
    for binding_id, written in keys.items():
        if binding_id not in known:
            near = get_close_matches(binding_id, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            trouble.append(f"[keys] {binding_id}: there is no such action{hint}")
            continue
        wrong = [key for key in written.split(",") if not is_key(key.strip())]
        if wrong:
            trouble.append(f"[keys] {binding_id}: {wrong[0].strip() or 'nothing'} is no key")
        else:
            good[binding_id] = ",".join(key.strip() for key in written.split(","))
    return good, trouble


def check_prefix(key: str) -> tuple[str, list[str]]:
    """Return the key that shall bring fugue back from a program, and what is wrong with it: then it is the usual one.

    One that writes something could never be typed.
    """
    *modifiers, last = key.split("+")
    if is_key(key) and (set(modifiers) & {"ctrl", "alt"} or (last[:1] == "f" and last[1:].isdecimal())):
        return key, []
    return DEFAULT_PREFIX, [f"[terminal] prefix: {key} is no key with ctrl or alt, and no function key"]


def is_key(key: str) -> bool:
    """Say whether a terminal could send this: `f`, `ctrl+f`, `slash`, `f5`."""
    if len(key) == 1:
        return key.isprintable() and not key.isspace()
    *modifiers, last = key.split("+")
    if not last or not MODIFIERS.issuperset(modifiers):
        return False
    return len(last) == 1 or last in KEYS


def _first_key(binding: Binding, keys: Mapping[str, str]) -> str:
    if binding.id is not None and binding.id in keys:
        return key_name(keys[binding.id].partition(",")[0])
    return binding.key_display or key_name(binding.key.partition(",")[0])


def _rank(title: str) -> int:
    return ORDER.index(title) if title in ORDER else len(ORDER)
