"""Run the proofs of the agents that are named, or of all, and print what was found."""

from __future__ import annotations

import argparse
import sys

from tests.agents import namespace
from tests.agents.agent import PROGRAMS
from tests.agents.inspector import inspect
from tests.agents.install import install, scratch_directory
from tests.agents.pair import PAIRS, prove_pair
from tests.agents.proof import prove
from tests.agents.report import Finding, table
from tests.agents.workflow import CAST, prove_workflow

NAMES = (*PROGRAMS, *PAIRS, *CAST, "inspector")


def main() -> int:
    """Return 0 where everything that was tried was proved."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(NAMES)}; absent: all")
    parser.add_argument("--update", action="store_true", help="install the newest versions anew")
    asked = parser.parse_args()
    if unknown := [name for name in asked.name if name not in NAMES]:
        parser.error(f"{', '.join(unknown)}: one of {', '.join(NAMES)}")
    programs = install(scratch_directory(), anew=asked.update)
    namespace.enter("tests.agents", [*asked.name])
    findings: list[Finding] = []
    for name in asked.name or NAMES:
        if name == "inspector":
            findings += inspect(programs)
        elif name in PAIRS:
            findings += prove_pair(*(PROGRAMS[each](programs) for each in PAIRS[name]))
        elif name in CAST:
            findings += prove_workflow(name, {who: PROGRAMS[each](programs) for who, each in CAST[name].items()})
        else:
            findings += prove(PROGRAMS[name](programs))
    sys.stdout.write(f"{table(findings)}\n")
    return int(any(finding.verdict == "REFUTED" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
