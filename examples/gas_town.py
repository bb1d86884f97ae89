"""Gas Town with fugue: a mayor offers work, citizens bid, the lowest bid gets it. Each is a process of its own.

    python examples/gas_town.py

makes a repository in a temporary directory and starts the town there. Watch it from another terminal with
`fugue log -f type:gas_town.*`. docs/workflows.md tells what the messages mean; fugue does not know it.

    python examples/gas_town.py --endless

goes on in the current directory, a little slower than one can read, until its standard input ends: `fugue --demo`
shows it. There each of the town's people is a program in a window of its own, which one can look at.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import subprocess
import sys
import tempfile

import fugue_core
from fugue_core import Broadcast, Envelope, OrchestrationMessage, Session, Tagged

CITIZENS = {
    "cat": (75, ["rust", "async"], "builder"),
    "dog": (90, ["python"], "tester"),
    "eel": (120, ["sql"], "builder"),
}
"""What each asks for, what it can, and what it carries as a tag beside `citizen`."""
PATIENCE_S = 30.0
PROGRAM = os.path.abspath(__file__)


async def rule(name: str, auction_id: str) -> None:
    """Offer one piece of work to the town, and give it to the lowest bid."""
    async with fugue_core.connect() as client:
        await client.join(name, tags=["mayor"], directory=".", for_pid=os.getpid())
        say("joined as", name)
        offer = {"auction_id": auction_id, "item": "implement feature X", "starting_bid": 100}
        auction = await client.send(Broadcast(), OrchestrationMessage("gas_town.auction", offer))
        say("offered to", ", ".join(citizen.name for citizen in auction.recipients))
        answers: list[Envelope] = []
        while len(answers) < len(auction.recipients):
            received = await client.receive(wait_s=PATIENCE_S)
            if not received.envelopes:
                raise TimeoutError("not everybody has answered")
            answers += [envelope for envelope in received.envelopes if envelope.reply_to == auction.id]
            await client.ack(*received.envelopes)
        bids = [envelope for envelope in answers if envelope.message.msg_type == "gas_town.bid"]
        lowest = min(bids, key=lambda bid: bid.message.payload["amount"])
        award = {"auction_id": auction_id, "amount": lowest.message.payload["amount"]}
        await client.send(Session(lowest.sender.id), OrchestrationMessage("gas_town.award", award), reply_to=lowest.id)
        say(f"awarded to {lowest.sender.name} for {award['amount']}")
        await client.send(Broadcast(), OrchestrationMessage("gas_town.closed", {"auction_id": auction_id}))
        await client.end()


async def live(name: str, citizen: str) -> None:
    """Bid where the price is right, and see who gets the work."""
    amount, capabilities, trade = CITIZENS[citizen]
    async with fugue_core.connect() as client:
        me = await client.join(name, tags=["citizen", trade], directory=".", for_pid=os.getpid())
        say("joined as", name, "with tags", *me.tags)
        is_open = True
        while is_open:
            received = await client.receive(wait_s=PATIENCE_S)
            if not received.envelopes:
                raise TimeoutError("nothing happens in this town")
            for envelope in received.envelopes:
                message = envelope.message
                match message.msg_type:
                    case "gas_town.auction":
                        bid = OrchestrationMessage("gas_town.pass", {"auction_id": message.payload["auction_id"]})
                        if amount <= message.payload["starting_bid"]:
                            bid = OrchestrationMessage(
                                msg_type="gas_town.bid",
                                payload={
                                    "auction_id": message.payload["auction_id"],
                                    "amount": amount,
                                    "capabilities": capabilities,
                                },
                            )
                        # the mayor of this repository: there may be others elsewhere
                        await client.send(Tagged("mayor", me.repo), bid, reply_to=envelope.id)
                    case "gas_town.award":
                        await client.tag(add=["busy"])
                        say(f"{name} got it for {message.payload['amount']}")
                    case "gas_town.closed":
                        is_open = False
            await client.ack(*received.envelopes)
        await client.end()


# --------------------------------------------------------------------------------------------------- without end

WORK = ("cart-tests", "refund-webhook", "checkout-copy", "tax-table", "search-index", "login-page", "nightly-backup")
TOWNSPEOPLE = {"cat": "builder", "dog": "tester", "eel": "builder", "fox": "reviewer", "gnu": "tester"}
BIDDING_S = 4.0
PAUSE_S = 2.0


async def rule_on() -> None:
    """Offer one piece of work after the other, and tell the people who watch."""
    async with fugue_core.connect() as client:  # which speaks for the session that this program runs in
        show("the mayor's office", "work is offered here, and goes to the lowest bid")
        for number, item in enumerate(itertools.cycle(WORK), 1):
            offer = {"auction_id": f"A{number}", "item": item, "reserve": random.randrange(40, 120, 5)}  # noqa: S311
            show(f"A{number} {item}", f"for at most {offer['reserve']}")
            auction = await client.send(Tagged("citizen"), OrchestrationMessage("gas_town.auction", offer))
            bids = await bids_for(client, auction.id, len(auction.recipients))
            if bids:
                lowest = min(bids, key=lambda bid: bid.message.payload["amount"])
                award = {"auction_id": f"A{number}", "item": item, "amount": lowest.message.payload["amount"]}
                winner = Session(lowest.sender.id)
                show(
                    f"A{number} goes to {lowest.sender.name}", f"for {award['amount']}, the lowest of {len(bids)} bids"
                )
                await client.send(winner, OrchestrationMessage("gas_town.award", award), reply_to=lowest.id)
            if number % len(WORK) == 2:  # noqa: PLR2004  # soon after the beginning
                note = OrchestrationMessage("note", {"text": f"{number} pieces of work are given away"})
                with contextlib.suppress(fugue_core.NoRecipients):  # nobody watches
                    await client.send(Tagged("human"), note)
            if number % len(WORK) == 1:
                await client.send(Tagged("night"), OrchestrationMessage("status.ask", {"about": item}))
            await asyncio.sleep(PAUSE_S)


async def bids_for(client: fugue_core.Client, auction: object, expected: int) -> list[Envelope]:
    """Return what is bid within the time for bidding; take in whatever else comes meanwhile."""
    bids: list[Envelope] = []
    answers = 0
    loop = asyncio.get_running_loop()
    end = loop.time() + BIDDING_S
    while answers < expected and loop.time() < end:
        received = await client.receive(wait_s=max(0.0, end - loop.time()))
        await client.ack(*received.envelopes)
        mine = [envelope for envelope in received.envelopes if envelope.reply_to == auction]
        answers += len(mine)
        bids += [envelope for envelope in mine if envelope.message.msg_type == "gas_town.bid"]
    return bids


async def live_on(name: str) -> None:
    """Bid, work, and say when it is done; be busy meanwhile."""
    async with fugue_core.connect() as client:
        show(f"{name}, {TOWNSPEOPLE[name]}", "waits for work")
        async for envelope in client.incoming():
            await asyncio.sleep(random.uniform(0.3, 1.5))  # noqa: S311  # a moment's thought
            await client.ack(envelope)
            payload, answers = envelope.message.payload, envelope.id
            if envelope.message.msg_type == "gas_town.auction":
                amount = random.randrange(20, 120)  # noqa: S311
                bid = OrchestrationMessage("gas_town.pass", {"auction_id": payload["auction_id"]})
                if amount <= payload["reserve"]:
                    bid = OrchestrationMessage("gas_town.bid", {"auction_id": payload["auction_id"], "amount": amount})
                    show(f"{payload['auction_id']} {payload['item']}", f"I would do it for {amount}")
                await client.send(Tagged("mayor"), bid, reply_to=answers)
            elif envelope.message.msg_type == "gas_town.award":
                await client.tag(add=["busy"])
                show(f"{payload['item']} is mine", f"for {payload['amount']}; at work ...")
                await asyncio.sleep(PAUSE_S)
                done = OrchestrationMessage("gas_town.done", {"item": payload["item"], "commit": f"{os.getpid():x}"})
                await client.send(Tagged("mayor"), done, reply_to=answers)
                await client.tag(remove=["busy"])
                show(f"{payload['item']} is done")


async def run_on() -> None:
    """Keep the town going until standard input ends, or the mayor does."""
    async with fugue_core.connect(attach=False) as client:  # an owl sleeps while it is day: its mail is held
        await client.join("owl", tags=["night", "reviewer"], directory=".", for_pid=os.getpid())
        people = []
        try:
            for name, trade in TOWNSPEOPLE.items():
                program = [sys.executable, PROGRAM, "live-on", name]
                people.append(await client.windows.new_session(program, name=name, tags=["citizen", trade]))
            program = [sys.executable, PROGRAM, "rule-on"]
            people.append(await client.windows.new_session(program, name="mayor", tags=["mayor"]))
            await asyncio.to_thread(sys.stdin.buffer.read)
        finally:
            for person in people:
                with contextlib.suppress(fugue_core.FugueError):  # whoever looked on may have ended it
                    await client.end(person.id)


# ------------------------------------------------------------------------------------------------- the processes


async def start(directory: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start one role in a directory, and return when it has joined."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, *arguments, cwd=directory, stdout=subprocess.PIPE
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
    with tempfile.TemporaryDirectory(prefix="fugue-example-") as town:
        git("init", "--quiet", town)
        run = os.getpid()  # so that names are free, whoever else is there
        processes = [await start(town, "citizen", f"{citizen}.{run}", citizen) for citizen in CITIZENS]
        processes.append(await start(town, "mayor", f"mayor.{run}", f"A{run}"))
        codes = await asyncio.gather(*map(show_all, processes))
    return int(any(codes))


def git(*arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", *arguments], check=True)  # noqa: S603, S607  # the user's own


def show(what: str, more: str = "") -> None:
    """Print something for whoever looks into this window."""
    print(f"\x1b[1;36m{what}\x1b[0m  {more}", flush=True)


def say(*words: object) -> None:
    """Print at once: the other end is a pipe."""
    print(f"[{os.getpid()}]", *words, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(asyncio.run(main()))
        case ["mayor", name, auction_id]:
            asyncio.run(rule(name, auction_id))
        case ["citizen", name, citizen]:
            asyncio.run(live(name, citizen))
        case ["--endless"]:
            asyncio.run(run_on())
        case ["rule-on"]:
            asyncio.run(rule_on())
        case ["live-on", name]:
            asyncio.run(live_on(name))
        case _:
            sys.exit(f"usage: {sys.argv[0]} [--endless]")
