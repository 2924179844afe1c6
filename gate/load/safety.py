"""Whether a plan may be sent at all: pure arithmetic on the schedule, before the first byte. Nothing here does I/O or reads a clock."""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from gate.errors import ConfigurationError
from gate.load.plan import Plan

SHARE, SHARE_AT_MOST = 0.80, 0.95
ON_PRODUCTION = "smoke"
_PRODUCTION = {"production", "prod", "prd", "live"}
_BEFORE_IT = {"pre", "non", "not"}  # pre-production is none
_ROUNDING = 1e-6  # seconds: sums of fractions that mean the same moment
_MIX, _MASK = 0x9E3779B97F4A7C15, 2**64 - 1  # as perf/schedule.py; tests/load/test_safety.py holds the two against each other


class LoadRefused(ConfigurationError):  # noqa: N818 - a rule's answer, not a fault
    """The load would do harm, or nobody said that it may be sent; nothing was (exit status 2)."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the target declares: so many requests per window of so many seconds, counted per `scope` (client+path, client or token)."""

    requests: int
    window_seconds: float
    scope: str = "client+path"
    exempt: frozenset[str] = frozenset()

    def key(self, identity: str, path: str) -> str | None:
        """What a request is counted under; None if the limit does not hold for it."""
        bare = path.partition("?")[0]
        if bare in self.exempt:
            return None
        return {"client": "", "token": identity}.get(self.scope, bare)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user permits, and where the target stands.

    `share` of the declared limit may be used. `limit` is None where none is declared. `reads_only`: GATE_LEVEL lets nothing leave
    that writes.
    """

    loopback: bool
    production: bool
    limit: RateLimit | None
    share: float = SHARE
    beyond_limit: bool = False
    allow_production: bool = False
    reads_only: bool = False


def is_production(environment: str) -> bool:
    """Whether an environment's name says production ("production", "eu-prod"; not "pre-production")."""
    parts = set(re.split(r"[._-]+", environment.lower()))
    return bool(parts & _PRODUCTION) and not parts & _BEFORE_IT


def check(plan: Plan, rules: Rules, already: Mapping[str, int]) -> None:
    """Return if the plan may be sent.

    Args:
        plan: what would be sent.
        rules: what is permitted.
        already: requests that the gate itself has sent within the last window, by `RateLimit.key`.

    Raises:
        LoadRefused: it may not; the sentence says what was seen, what is permitted and what to do.
    """
    _check_caps(plan)
    if rules.reads_only and plan.writing:
        raise LoadRefused(
            f"the load profile '{plan.profile}' writes ({plan.writing[0]}), and GATE_LEVEL lets no drill leave",
            "one that only reads",
            f"Use --profile {ON_PRODUCTION}, or raise the level",
        )
    if rules.production:
        _check_production(plan, rules)
    if rules.limit is None and not rules.loopback:
        raise LoadRefused(
            "no rate limit is declared for a target on another machine",
            "a [rate_limit] section in the target profile",
            "Declare it there, or give --rate-limit REQUESTS/SECONDS",
        )
    if not 0 < rules.share <= SHARE_AT_MOST:
        raise LoadRefused(
            f"{rules.share:.0%} of the declared limit is no safe share", f"at most {SHARE_AT_MOST:.0%}", "Lower --limit-share"
        )
    if rules.limit is not None and not rules.beyond_limit:
        _check_rate(plan, rules.limit, rules.share, already)


def exceeds(plan: Plan, limit: RateLimit | None, already: Mapping[str, int]) -> bool:
    """Whether the schedule goes over the declared limit itself somewhere."""
    return limit is not None and any(count > limit.requests for count in busiest(plan, limit, already).values())


def busiest(plan: Plan, limit: RateLimit, already: Mapping[str, int]) -> dict[str, int]:
    """For each key, the most requests that any window holds. What was sent already counts in all that begin before the run does."""
    windows: dict[str, deque[float]] = defaultdict(deque)
    most: dict[str, int] = defaultdict(int)
    for due, identity, path in arrivals(plan.data):
        key = limit.key(identity, path)
        if key is None:
            continue
        window = windows[key]
        window.append(due)
        while window[0] <= due - limit.window_seconds + _ROUNDING:
            window.popleft()
        earlier = already.get(key, 0) if due < limit.window_seconds else 0
        most[key] = max(most[key], len(window) + earlier)
    return dict(most)


def arrivals(plan: Mapping[str, Any]) -> Iterator[tuple[float, str, str]]:
    """When each request is due (seconds from the start), whose it is, and its path: what the generator will do, worked out on its own."""
    journeys, turns = plan["journeys"], [0] * len(plan["journeys"])
    edges = list(accumulate(journey["weight"] for journey in journeys))
    for index, due in enumerate(_times(plan["steps"])):
        number = bisect(edges, _fraction(plan["seed"], index) * edges[-1])
        requests = journeys[number]["requests"]
        yield due, journeys[number]["identity"], requests[turns[number] % len(requests)]["path"]
        turns[number] += 1


def _check_caps(plan: Plan) -> None:
    limits = plan.data["limits"]
    for found, cap, unit in ((plan.scheduled, limits["requests"], "requests"), (plan.seconds, limits["seconds"], "seconds")):
        if found > cap:
            raise LoadRefused(
                f"the load profile '{plan.profile}' has {found:g} {unit}",
                f"at most {cap:g} (load.limits.{unit} of the target profile)",
                "Shorten its steps, or raise the cap on purpose",
            )


def _check_production(plan: Plan, rules: Rules) -> None:
    if not rules.allow_production:
        raise LoadRefused("the environment is production", "no load there", "Give --allow-production-load if its owners have agreed")
    if plan.profile != ON_PRODUCTION:
        raise LoadRefused(
            f"the load profile '{plan.profile}' is not for production", f"'{ON_PRODUCTION}'", f"Use --profile {ON_PRODUCTION}"
        )
    if rules.beyond_limit:
        raise LoadRefused("--beyond-limit was given for production", "a load within the declared limit", "Leave it out")
    if plan.writing:
        raise LoadRefused(
            f"'{plan.writing[0]}' of the load profile writes", "only what reads, on production", "Leave it out of the profile"
        )


def _check_rate(plan: Plan, limit: RateLimit, share: float, already: Mapping[str, int]) -> None:
    permitted = int(limit.requests * share)
    for key, count in sorted(busiest(plan, limit, already).items(), key=lambda item: -item[1]):
        if count > permitted:
            sent = already.get(key, 0)
            earlier = f" ({sent} of them sent already)" if sent else ""
            raise LoadRefused(
                f"{_called(key, limit)} would get {count} requests in {limit.window_seconds:g} s{earlier}",
                f"at most {permitted}, {share:.0%} of the declared {limit.requests}",
                "Lower the rate; over the limit only with --beyond-limit, where nobody is harmed by it",
            )


def _called(key: str, limit: RateLimit) -> str:
    return {"client": "the target", "token": f"the identity '{key}'"}.get(limit.scope, key)


def _times(steps: list[dict[str, float]]) -> Iterator[float]:
    begun = 0.0
    for step in steps:
        yield from (begun + number / step["rate"] for number in range(round(step["rate"] * step["seconds"])))
        begun += step["seconds"]


def _fraction(seed: int, index: int) -> float:
    value = (seed + (index + 1) * _MIX) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return (value ^ (value >> 31)) / 2**64
