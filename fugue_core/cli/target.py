"""A target's text form, as a person types it, to the form of the wire. Looks at links in the file system.

`protocol.target.parse_target` reads the same form and checks it whole. Here only the form is read: to import what
checks would cost more than to send, and the daemon checks anyway.
"""

from __future__ import annotations

import os

from fugue_core.cli import outcome
from fugue_core.cli.outcome import Failure
from fugue_core.client.jsontext import BadJson, Raw, check_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.client.jsontext import Encodable

_FORMS = "a target is tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH"


def read_target(text: str) -> Encodable:
    """Return the wire's form of the target that `text` spells.

    A worktree's path may be relative and go through links; `~` is the home directory. A text that begins with `{` is
    the wire's form already.

    Raises:
        Failure: It has none of the forms.
    """
    kind, colon, value = text.partition(":")
    if kind == "tag" and colon:
        tag, limited, repo = value.partition(" in ")
        return {"kind": "tagged", "tag": tag, "repo": repo} if limited else {"kind": "tagged", "tag": tag}
    if kind == "session" and colon:
        return {"kind": "session", "session": value}
    if kind == "worktree" and value:
        return {"kind": "worktree", "path": os.path.realpath(os.path.expanduser(value))}
    if text == "broadcast":
        return {"kind": "broadcast"}
    if text.startswith("{"):
        return _written_out(text)
    hint = f"; did you mean session:{text} or tag:{text}?" if text and not colon else ""
    raise Failure(outcome.USAGE, f"target {text!r}: {_FORMS}{hint}")


def _written_out(text: str) -> Raw:
    try:
        return check_payload(text)
    except BadJson as error:
        raise Failure(outcome.USAGE, f"target {text!r} is no JSON: {error}") from None
