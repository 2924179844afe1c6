"""Which request is due when: an open model, in which arrivals do not wait for answers. The same list on every worker, without talking.

Nothing here imports Locust.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

_MIX = 0x9E3779B97F4A7C15  # Weyl sequence and finaliser of SplitMix64: cheap, the same everywhere
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: its number, when it is due (seconds from the start), whose journey it belongs to, and what it asks for."""

    index: int
    due: float
    identity: str
    request: dict[str, Any]


def total(steps: list[dict[str, float]]) -> int:
    """How many arrivals the steps hold."""
    return sum(_count(step) for step in steps)


def arrivals(plan: dict[str, Any], worker: int = 0, workers: int = 1) -> Iterator[Arrival]:
    """The arrivals of one worker of so many, in order.

    Args:
        plan: the plan's JSON (fixtures/schemas/load_plan.schema.json).
        worker: 0 for the first.
        workers: how many share the schedule.
    """
    journeys, turns = plan["journeys"], [0] * len(plan["journeys"])
    edges = list(accumulate(journey["weight"] for journey in journeys))
    for index, due in enumerate(_times(plan["steps"])):
        number = bisect(edges, _fraction(plan["seed"], index) * edges[-1])
        journey, turn = journeys[number], turns[number]
        turns[number] += 1
        if index % workers == worker:
            yield Arrival(index, due, journey["identity"], journey["requests"][turn % len(journey["requests"])])


def _times(steps: list[dict[str, float]]) -> Iterator[float]:
    begun = 0.0
    for step in steps:
        yield from (begun + number / step["rate"] for number in range(_count(step)))
        begun += step["seconds"]


def _count(step: dict[str, float]) -> int:
    return round(step["rate"] * step["seconds"])


def _fraction(seed: int, index: int) -> float:
    """A number from 0 up to 1 that only seed and index decide."""
    value = (seed + (index + 1) * _MIX) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return (value ^ (value >> 31)) / 2**64
