"""Thresholds of a run under load: text like `POST /recall/simulate: p95<800ms, errors<0.1%`, and which of them hold for a profile.

    threshold := [name ":"] condition ("," condition)*      no name: all requests together
    condition := metric comparator number unit

Latencies (min, mean, p50, p75, p90, p95, p99, p99.9, max) take `<` or `<=` and ms or s; `errors`, the ratio of requests that did not get
what was expected, takes `<` or `<=` and % (or no unit: 0.001); `rate`, completed requests, takes `>` or `>=` and /s. A bound on the other
side would pass exactly when it should not, so it is refused, and so is one that nothing can keep or break.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.errors import ConfigurationError
from gate.model import EVERY, LATENCIES
from gate.model.load import Unit

METRICS = (*LATENCIES, "errors", "rate")
BEYOND = 10  # samples that must lie beyond a percentile: with fewer, chance decides on which side of the limit it falls
FEWEST = 20  # for what is no percentile: as many as the median needs

_CONDITION = re.compile(r" *([A-Za-z][A-Za-z0-9.]*) *(<=|>=|<|>) *([0-9]+(?:\.[0-9]+)?) *(ms|s|%|/s|) *")
_NAME = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /[!-~]*")
_EXAMPLE = "text like 'POST /recall/simulate: p95<800ms, max<10s, errors<0.1%'"
_KINDS: dict[str, tuple[Unit, tuple[str, str], str, dict[str, float]]] = {
    "errors": ("ratio", ("<", "<="), "%", {"%": 0.01, "": 1.0}),
    "rate": ("per second", (">", ">="), "/s", {"/s": 1.0}),
}
_LATENCY: tuple[Unit, tuple[str, str], str, dict[str, float]] = ("ms", ("<", "<="), "ms or s", {"ms": 1.0, "s": 1000.0})


@dataclass(frozen=True, slots=True)
class Threshold:
    """One condition of one name (EVERY: all requests together). `limit` is in `unit`: milliseconds, a ratio from 0 to 1, or per second."""

    name: str
    metric: str
    comparator: str
    limit: float
    unit: Unit

    @property
    def text(self) -> str:
        """The condition as `parse` reads it."""
        factor, suffix = {"ratio": (100.0, "%"), "per second": (1.0, "/s"), "ms": (1.0, "ms")}[self.unit]
        if self.unit == "ms" and self.limit >= 1000:
            factor, suffix = 0.001, "s"
        condition = f"{self.metric}{self.comparator}{f'{self.limit * factor:.9f}'.rstrip('0').rstrip('.')}{suffix}"
        return condition if self.name == EVERY else f"{self.name}: {condition}"

    def keeps(self, observed: float) -> bool:
        """Whether that number is within the limit. NaN is not."""
        return {
            "<": observed < self.limit,
            "<=": observed <= self.limit,
            ">": observed > self.limit,
            ">=": observed >= self.limit,
        }[self.comparator]


def needed(metric: str) -> int:
    """How many samples a metric needs to be judged: p95 200, p99 1000."""
    if not metric.startswith("p"):
        return FEWEST
    return math.ceil(round(BEYOND / (1 - float(metric[1:]) / 100), 6))


def parse(text: str) -> tuple[Threshold, ...]:
    """The conditions of one text, in its order; ConfigurationError says what cannot be read."""
    name, colon, conditions = text.rpartition(":")
    name = name.strip(" ") if colon else EVERY
    found = tuple(_condition(text, name, part) for part in conditions.split(","))
    if colon and not is_name(name):
        raise ConfigurationError(f"'{name:.80}' is no name of a request ({text!r:.80})", "a method and a path, such as 'GET /trace/{code}'")
    return found


def is_name(text: str) -> bool:
    """Whether requests may be called that: a method, a space, and a path (which may be a template) without spaces."""
    return _NAME.fullmatch(text) is not None


def parse_all(texts: Iterable[str]) -> tuple[Threshold, ...]:
    """The conditions of several texts; ConfigurationError also where one metric of one name has two limits."""
    found: dict[tuple[str, str], Threshold] = {}
    for threshold in (item for text in texts for item in parse(text)):
        key = threshold.name, threshold.metric
        if key in found:
            whose = "all requests" if threshold.name == EVERY else threshold.name
            raise ConfigurationError(f"{threshold.metric} of {whose} is limited twice", "one threshold for each", "Remove one of them")
        found[key] = threshold
    return tuple(found.values())


def names_of(section: Mapping[str, Any], journeys: Sequence[str] | None = None) -> tuple[str, ...]:
    """The names of the requests of these journeys of a `[load]` section (None: of all), each once."""
    chosen = [item for item in section["journeys"] if journeys is None or item["name"] in journeys]
    return tuple(dict.fromkeys(request["name"] for item in chosen for request in item["requests"]))


def for_profile(section: Mapping[str, Any], profile: str) -> tuple[str, ...]:
    """The thresholds of one load profile of a `[load]` section, one condition a text.

    The section's own hold, less those of names that none of the profile's journeys has; the profile's replace those of the same name and
    metric, and add the others. ConfigurationError where a profile, journey or name is unknown or a text cannot be read.
    """
    own = _known(profile, section["profiles"], "load profile")
    for journey in own.get("journeys", ()):
        _known(journey, {item["name"]: item for item in section["journeys"]}, "journey")
    general = _checked(section["thresholds"], names_of(section))
    names = names_of(section, own.get("journeys"))
    mine = _checked(own.get("thresholds", ()), names)
    kept = {(item.name, item.metric): item for item in general if item.name in (EVERY, *names)}
    return tuple(item.text for item in (kept | {(item.name, item.metric): item for item in mine}).values())


def _checked(texts: Iterable[str], names: Sequence[str]) -> tuple[Threshold, ...]:
    found = parse_all(texts)
    for threshold in found:
        if threshold.name not in (EVERY, *names):
            _known(threshold.name, dict.fromkeys(names), "request's name")
    return found


def _known(name: str, among: Mapping[str, Any], what: str) -> Any:
    if name not in among:
        raise ConfigurationError(f"'{name:.80}' is no {what} of the load section", f"one of {', '.join(among) or 'none'}")
    return among[name]


def _condition(text: str, name: str, part: str) -> Threshold:
    match = _CONDITION.fullmatch(part)
    if match is None:
        raise ConfigurationError(f"{text!r:.80} is no threshold", _EXAMPLE)
    metric, comparator, number, suffix = match.groups()
    if metric not in METRICS:
        raise ConfigurationError(f"'{metric:.40}' is no metric ({text!r:.80})", f"one of {', '.join(METRICS)}")
    unit, comparators, suffixes, factors = _KINDS.get(metric, _LATENCY)
    if comparator not in comparators:
        raise ConfigurationError(f"{metric} needs {' or '.join(comparators)} ({text!r:.80})", _EXAMPLE)
    if suffix not in factors:
        raise ConfigurationError(f"{metric} needs {suffixes} ({text!r:.80})", _EXAMPLE)
    threshold = Threshold(name, metric, comparator, round(float(number) * factors[suffix], 9), unit)
    if problem := _pointless(threshold):
        raise ConfigurationError(f"{text!r:.80} can never be {problem}", _EXAMPLE)
    return threshold


def _pointless(threshold: Threshold) -> str:
    """What cannot happen to it ("kept" or "broken"), or nothing."""
    least, most = (0.0, 1.0) if threshold.unit == "ratio" else (0.0, math.inf)
    best, worst = (most, least) if threshold.comparator.startswith(">") else (least, most)
    if not math.isfinite(threshold.limit) or threshold.keeps(worst):
        return "broken"
    return "" if threshold.keeps(best) else "kept"
