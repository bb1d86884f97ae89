"""How many messages a second `MessageRouter.route` delivers, beside a bare loop, blinker and PyPubSub.

The bare loop is what nobody can do without: `for queue in queues: queue.append(item)`. Who receives from blinker and
PyPubSub does the same `append`. Everything is one process and one thread, and nobody waits.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from figure import Figure, Goal, Rounds, alternate, compare, run_as_script

from fugue_core import MessageReceiver, MessageRouter, OrchestrationMessage, Tagged

SESSIONS = (10, 100, 1_000, 10_000)
FAN_OUTS = (1, 20, 100, 9_999)
DELIVERIES = 200_000
"""In one turn of one contender; some 10 ms of a bare loop."""

Contender: TypeAlias = Callable[[], float]


def measure(is_quick: bool) -> list[Figure]:  # noqa: FBT001  # what `run_as_script` calls
    """Return all figures of routing."""
    rounds = 5 if is_quick else 41
    gc.disable()  # a collection that one contender brings about would be paid by another
    figures = []
    by_fan_out: dict[int, dict[int, Rounds]] = {}
    for fan_out in FAN_OUTS:
        for sessions in SESSIONS:
            if sessions > fan_out:
                by_fan_out.setdefault(fan_out, {})[sessions] = _measure_one(sessions, fan_out, rounds)
    figures += _flatness(rounds)
    for fan_out, by_sessions in by_fan_out.items():
        found = by_sessions[max(by_sessions)]
        what = f"route, {max(by_sessions):,} sessions, fan-out {fan_out:,}"
        if fan_out == 1:
            figures += compare(what, found, "deliveries/s", peers=["bare loop"], goal=Goal(2_000_000, kind="value"))
        else:
            goal = Goal(0.8) if fan_out >= 99 else None
            figures += compare(what, found, "deliveries/s", peers=["bare loop"], goal=goal)
        figures += compare(what, found, "deliveries/s", peers=["blinker", "PyPubSub"])
    return [figure for figure in figures if figure.peer is not None]


def _flatness(rounds: int) -> list[Figure]:
    """Return what a route costs among 10,000 sessions beside the same route among few."""
    figures = []
    for fan_out, few in ((1, 10), (20, 100), (100, 1_000)):
        contenders: dict[str, Contender] = {
            "fugue": _fugue(10_000, fan_out),
            f"itself, {few:,} sessions": _fugue(few, fan_out),
        }
        found = alternate(contenders, rounds)
        what = f"route, 10,000 sessions, fan-out {fan_out:,}"
        figures += compare(what, found, "deliveries/s", peers=[f"itself, {few:,} sessions"], goal=Goal(0.9))
    return figures


def _measure_one(sessions: int, fan_out: int, rounds: int) -> Rounds:
    contenders: dict[str, Contender] = {"fugue": _fugue(sessions, fan_out), "bare loop": _bare_loop(fan_out)}
    for name, make in (("blinker", _blinker), ("PyPubSub", _pypubsub)):
        contender = make(fan_out)
        if contender is not None:
            contenders[name] = contender
    return alternate(contenders, rounds)


def _fugue(sessions: int, fan_out: int) -> Contender:
    router = MessageRouter(queue_limit=DELIVERIES * 2)
    sender = uuid4()
    router.register(sender, "/repo", None, ["boss"])
    receivers: list[MessageReceiver] = []
    for number in range(sessions - 1):
        tags = ["worker", "all"] if number < fan_out else ["idle", "all"]
        receiver = router.register(uuid4(), "/repo", None, tags)
        if number < fan_out:
            receivers.append(receiver)
    message = OrchestrationMessage("gas_town.bid", {"amount": 75})
    route = router.route
    times = range(max(1, DELIVERIES // fan_out))
    target = Tagged("worker")

    def turn() -> float:
        began = time.perf_counter()
        for _ in times:
            route(sender, target, message)
        took_s = time.perf_counter() - began
        _empty([receiver.queue for receiver in receivers], len(times))
        return len(times) * fan_out / took_s

    return turn


def _bare_loop(fan_out: int) -> Contender:
    queues: list[deque[Any]] = [deque() for _ in range(fan_out)]
    item: tuple[UUID, OrchestrationMessage] = (uuid4(), OrchestrationMessage("gas_town.bid", {"amount": 75}))
    times = range(max(1, DELIVERIES // fan_out))

    def turn() -> float:
        began = time.perf_counter()
        for _ in times:
            for queue in queues:
                queue.append(item)
        took_s = time.perf_counter() - began
        _empty(queues, len(times))
        return len(times) * fan_out / took_s

    return turn


def _blinker(fan_out: int) -> Contender | None:
    try:
        blinker = importlib.import_module("blinker")
    except ImportError:
        return None
    signal = blinker.Signal()
    queues: list[deque[Any]] = [deque() for _ in range(fan_out)]
    receivers = [_taker(queue) for queue in queues]
    for receiver in receivers:
        signal.connect(receiver)
    item = OrchestrationMessage("gas_town.bid", {"amount": 75})
    times = range(max(1, DELIVERIES // 4 // fan_out))

    def turn() -> float:
        began = time.perf_counter()
        for _ in times:
            signal.send(receivers, message=item)
        took_s = time.perf_counter() - began
        _empty(queues, len(times))
        return len(times) * fan_out / took_s

    return turn


def _taker(queue: deque[Any]) -> Callable[..., None]:
    append = queue.append

    def take(sender: object, message: object) -> None:
        append((sender, message))

    return take


def _pypubsub(fan_out: int) -> Contender | None:
    try:
        pub = importlib.import_module("pubsub.pub")
    except ImportError:
        return None
    topic = f"bench.fan_out_{fan_out}_{uuid4().hex}"
    queues: list[deque[Any]] = [deque() for _ in range(fan_out)]
    listeners = [_listener(queue) for queue in queues]
    for listener in listeners:
        pub.subscribe(listener, topic)
    sender = uuid4()
    item = OrchestrationMessage("gas_town.bid", {"amount": 75})
    times = range(max(1, DELIVERIES // 4 // fan_out))

    def turn() -> float:
        began = time.perf_counter()
        for _ in times:
            pub.sendMessage(topic, sender=sender, message=item)
        took_s = time.perf_counter() - began
        _empty(queues, len(times))
        return len(times) * fan_out / took_s

    turn.kept = listeners  # type: ignore[attr-defined]  # it only holds weak references
    return turn


def _listener(queue: deque[Any]) -> Callable[..., None]:
    append = queue.append

    def listen(sender: object, message: object) -> None:
        append((sender, message))

    return listen


def _empty(queues: Sequence[deque[Any]], expected: int) -> None:
    """Empty the queues, having seen that everybody got everything."""
    for queue in queues:
        if len(queue) != expected:
            raise AssertionError(f"{len(queue)} of {expected} were delivered")
        queue.clear()


if __name__ == "__main__":
    run_as_script(measure)
