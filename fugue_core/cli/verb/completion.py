"""`fugue completion`: the scripts that make a shell complete `fugue`."""

from __future__ import annotations

from fugue_core.cli import outcome, output
from fugue_core.cli.spec import Argument, Verb, one_of
from fugue_core.client.jsontext import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

# Names come from other programs, and a name may be `$(reboot)`: what is inserted is quoted, here by %q, in zsh and fish
# by the shell itself.
_BASH = r"""# fugue in bash. To use it:  eval "$(fugue completion bash)"
_fugue() {
    local line="${COMP_LINE:0:$COMP_POINT}" current value meaning breaks="" done=""
    local -a words
    read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current="${words[${#words[@]}-1]}"
    # What stands before the last of readline's word breaks stays as it is.
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=":"
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
    [[ -n $breaks ]] && done="${current%"${current##*[$breaks]}"}"
    COMPREPLY=()
    while IFS=$'\t' read -r value meaning; do
        value="${value#"$done"}"
        [[ -n $value ]] || continue
        [[ $value == *[:=/] ]] && compopt -o nospace 2>/dev/null
        printf -v value '%q' "$value"
        COMPREPLY+=("$value")
    done < <("$1" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _fugue fugue
"""

_ZSH = r"""#compdef fugue
# fugue in zsh. To use it:  eval "$(fugue completion zsh)"  after compinit; or save it as _fugue in your $fpath.
_fugue() {
    local line value
    local -a finished finished_shown open open_shown
    for line in "${(@f)$(fugue __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value="${line%%$'\t'*}"
        if [[ $value == *[:=/] ]]; then
            open+=("$value") open_shown+=("${line/$'\t'/  }")
        elif [[ -n $value ]]; then
            finished+=("$value") finished_shown+=("${line/$'\t'/  }")
        fi
    done
    (( $#finished )) && compadd -l -d finished_shown -a finished
    (( $#open )) && compadd -l -S '' -d open_shown -a open
    (( $#finished + $#open ))
}
if [[ "$funcstack[1]" == _fugue ]]; then
    _fugue "$@"
else
    compdef _fugue fugue
fi
"""

_FISH = r"""# fugue in fish. To use it:  fugue completion fish | source
function __fugue_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    fugue __complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c fugue -f -a '(__fugue_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(command: Command) -> int:
    """Print the script."""
    script = _SCRIPTS[command.required("shell")]
    if command.is_json:
        output.put_json(encode({"script": script}))
    else:
        output.put(script.rstrip("\n"))
    return outcome.DONE


VERB = Verb(
    "completion",
    "Print the script that makes your shell complete fugue",
    run=run,
    details="It completes verbs, options, tags, sessions, targets, message types: as the daemon knows them right now.",
    arguments=(Argument("SHELL", help="bash, zsh or fish", kind=one_of("bash", "zsh", "fish")),),
    examples=(
        ('eval "$(fugue completion bash)"', "in ~/.bashrc"),
        ('eval "$(fugue completion zsh)"', "in ~/.zshrc, after compinit"),
        ("fugue completion fish | source", "in ~/.config/fish/config.fish"),
    ),
)
