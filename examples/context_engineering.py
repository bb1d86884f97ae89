"""Context Engineering with fugue: one session plans, others work and report. Each is a process of its own.

    python examples/context_engineering.py

makes a repository with a worktree for each worker in a temporary directory, and starts the processes there. Watch them
from another terminal with `fugue log -f`. docs/workflows.md tells what the messages mean; fugue does not know it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile

import fugue_core
from fugue_core import Client, OrchestrationMessage, Session, SessionInfo, Tagged

TASKS = {"T1": "add a login page", "T2": "write its tests"}
PATIENCE_S = 30.0
PROGRAM = os.path.abspath(__file__)


async def orchestrate(name: str) -> None:
    """Give a task to every worker that says it is idle, until all tasks are done."""
    async with fugue_core.connect() as client:
        await client.join(name, tags=["orchestrator"], directory=".", for_pid=os.getpid())
        say("joined as", name)
        to_do, done = list(TASKS), set[str]()
        while len(done) < len(TASKS):
            received = await client.receive(wait_s=PATIENCE_S)
            if not received.envelopes:
                raise TimeoutError(f"no worker speaks; done: {sorted(done)}")
            for envelope in received.envelopes:
                message, worker = envelope.message, envelope.sender
                say(f"{worker.name}: {message.msg_type} {message.payload}")
                if message.msg_type == "status_update" and message.payload["status"] == "idle" and to_do:
                    task_id = to_do.pop(0)
                    task = {"task_id": task_id, "description": TASKS[task_id], "files": []}
                    await client.send(Session(worker.id), OrchestrationMessage("task_assignment", task))
                elif message.msg_type == "task_complete":
                    done.add(message.payload["task_id"])
            await client.ack(*received.envelopes)
        await client.end()


async def work(name: str) -> None:
    """Say that there is time for a task, do the one that comes, and report."""
    async with fugue_core.connect() as client:
        me = await client.join(name, tags=["worker"], directory=".", for_pid=os.getpid())
        say("joined as", name, "in worktree", me.worktree.path if me.worktree else None)
        await report(client, me, "idle", None)
        received = await client.receive(limit=1, wait_s=PATIENCE_S)
        if not received.envelopes:
            raise TimeoutError("no task came")
        (assignment,) = received.envelopes
        task_id = assignment.message.payload["task_id"]
        await report(client, me, "working", task_id)
        await asyncio.sleep(0.05)  # the work itself
        done = {"task_id": task_id, "success": True, "summary": f"{assignment.message.payload['description']}: done"}
        complete = OrchestrationMessage("task_complete", done)
        await client.send(Tagged("orchestrator", me.repo), complete, reply_to=assignment.id)
        await client.ack(assignment)
        await client.end()


async def report(client: Client, me: SessionInfo, status: str, task_id: str | None) -> None:
    """Tell the orchestrator of this repository (there may be others elsewhere) how it goes."""
    message = OrchestrationMessage(
        msg_type="status_update",
        payload={"session_id": str(me.id), "status": status, "task_id": task_id},
    )
    await client.send(Tagged("orchestrator", me.repo), message)


# ------------------------------------------------------------------------------------------------- the processes


async def start(role: str, name: str, directory: str) -> asyncio.subprocess.Process:
    """Start one role in a directory, and return when it has joined."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, role, name, cwd=directory, stdout=subprocess.PIPE
    )
    await show_line(process)
    return process


async def show_line(process: asyncio.subprocess.Process) -> bool:
    """Print the next line of a process; False at its end."""
    assert process.stdout is not None  # noqa: S101  # it was asked for
    line = await process.stdout.readline()
    print(line.decode(), end="", flush=True)
    return bool(line)


async def show_all(process: asyncio.subprocess.Process) -> int:
    """Print what a process says until it ends; return its exit code."""
    while await show_line(process):
        pass
    return await process.wait()


async def main() -> int:
    """Start everybody; return 0 where all of them did their part."""
    with tempfile.TemporaryDirectory(prefix="fugue-example-") as directory:
        shop = os.path.join(directory, "shop")
        git("init", "--quiet", shop)
        git(
            "-C",
            shop,
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        )
        run = os.getpid()  # so that names are free, whoever else is there
        processes = [await start("orchestrator", f"planner.{run}", shop)]
        for number in range(1, len(TASKS) + 1):
            worktree = os.path.join(directory, f"worker-{number}")
            git("-C", shop, "worktree", "add", "--quiet", "-b", f"task-{number}", worktree)
            processes.append(await start("worker", f"worker-{number}.{run}", worktree))
        codes = await asyncio.gather(*map(show_all, processes))
    return int(any(codes))


def git(*arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", *arguments], check=True)  # noqa: S603, S607  # the user's own


def say(*words: object) -> None:
    """Print at once: the other end is a pipe."""
    print(f"[{os.getpid()}]", *words, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(asyncio.run(main()))
        case ["orchestrator", name]:
            asyncio.run(orchestrate(name))
        case ["worker", name]:
            asyncio.run(work(name))
        case _:
            sys.exit(f"usage: {sys.argv[0]}")
