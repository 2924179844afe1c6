"""What a journal says of a run under load, as clean text. It may be forged or old: what cannot be read says so, and the rest is shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gate.decide.load import number as close_to
from gate.decide.load import whose
from gate.model import EVERY, LoadOutcome
from gate.report.clean import line
from gate.report.html_measured import number

CANNOT = "cannot be shown"
UNKNOWN = "?"  # in a table: it cannot be shown
NONE = "-"  # in a table: there is no such number
PERCENTILES = ("p50", "p95", "p99", "max")
NAMES, CHECKS, REASONS, TIMES, KINDS = 60, 100, 40, 10, 6  # as many as are shown
LARGEST = 1e9  # a count or a number of milliseconds above it was never measured
_UNITS = {"ms": (1.0, "ms"), "ratio": (100.0, "%"), "per second": (1.0, "/s")}
_COUNTS = ("scheduled", "sent", "completed", "dropped", "unfinished")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Name:
    """All requests of one name: `name`, and in `cells` count, errors and PERCENTILES in milliseconds."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit. `observed` and `limit` have their unit; `outcome` is a word of LoadOutcome or UNKNOWN."""

    what: str
    observed: str
    limit: str
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A list as it can be shown; `note` says what is missing of it, and is empty where nothing is."""

    rows: tuple[T, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Recall:
    """The recall drill without load and with it: milliseconds, and the limit in seconds (None: not known)."""

    without: tuple[float, ...]
    under: tuple[float, ...]
    limit: float | None
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """The whole. `outcome` is a word of LoadOutcome or CANNOT, `recall` is None where there was none, `series` is as the journal has it."""

    outcome: str
    told: tuple[tuple[str, str], ...]
    reasons: Part[str]
    names: Part[Name]
    checks: Part[Check]
    comparison: Part[Check]
    recall: Recall | None
    series: object


def read(fact: object) -> Load:
    """The fact `load` of a run, whatever it is."""
    whole = _object(fact)
    result, judgement = _object(whole.get("result")), _object(whole.get("judgement"))
    recall = _recall(whole)
    return Load(
        outcome=_outcome(judgement.get("outcome"), CANNOT),
        told=(*_about(result), *(recall.told if recall else ())),
        reasons=_reasons(judgement.get("reasons")),
        names=_names(result.get("names")),
        checks=_checks(judgement.get("checks")),
        comparison=_checks(whole.get("comparison")),
        recall=recall,
        series=result.get("series"),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any] | None:
    return value if isinstance(value, list | tuple) else None


def _text(value: object, limit: int = 200) -> str:
    """Clean, and never empty."""
    return (line(value, limit) if isinstance(value, str) else "") or CANNOT


def _outcome(value: object, otherwise: str) -> str:
    return str(value) if isinstance(value, str) and value in set(LoadOutcome) else otherwise


def _known(value: object) -> float | None:
    found = number(value)
    return found if found is not None and found <= LARGEST else None


def _count(value: object) -> str:
    found = _known(value)
    return UNKNOWN if found is None or found != int(found) else str(int(found))


def milliseconds(value: float) -> str:
    """A time in milliseconds, without its unit: three digits that count, and never a fraction of what is long."""
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _about(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was sent where, by name."""
    beyond = " (above the declared rate limit, on purpose)" if result.get("beyond_limit") is True else ""
    took = _known(result.get("seconds"))
    lasted = f"{took:.1f} s" if took is not None else f"how long {CANNOT}"
    told = {
        "Profile": _text(result.get("profile"), 60) + beyond,
        "Target": _text(result.get("base_url")),
        "Ran": f"{_moment(result.get('started_at'))} to {_moment(result.get('finished_at'))}, {lasted}",
        "Requests": _sentence(result),
        "Failures": _failures(result),
        "Generator": _generator(result),
        "Stopped early": _text(result["aborted"]) if result.get("aborted") is not None else "",
    }
    return [(name, text) for name, text in told.items() if text]


def _moment(value: object) -> str:
    return f"{line(value[:19], 19)}Z" if isinstance(value, str) and len(value) >= 19 else UNKNOWN


def _sentence(result: Mapping[str, Any]) -> str:
    """How many were scheduled, sent and so on; those that cannot be shown by name."""
    counts = {name: _count(result.get(name)) for name in _COUNTS}
    known = [f"{count} {name}" for name, count in counts.items() if count != UNKNOWN]
    lost = [name for name, count in counts.items() if count == UNKNOWN]
    return "; ".join(filter(None, [", ".join(known), f"{', '.join(lost)} {CANNOT}" if lost else ""]))


def _failures(result: Mapping[str, Any]) -> str:
    """What was wrong and how often, the most frequent first."""
    kinds = _object(_object(_object(result.get("names")).get(EVERY)).get("failures"))
    ordered = sorted(kinds.items(), key=lambda item: -(_known(item[1]) or 0))
    told = [f"{line(kind, 60)}: {_count(count)}" for kind, count in ordered[:KINDS]]
    return ", ".join(told + ([f"and {len(kinds) - KINDS} more kinds"] if len(kinds) > KINDS else []))


def _generator(result: Mapping[str, Any]) -> str:
    """Whether what was measured is the target's doing."""
    busy, late = _known(result.get("cpu_max")), _known(result.get("late_p99_ms"))
    return ", ".join(
        (
            f"{100 * busy:.0f} % of a core in its busiest second" if busy is not None else f"its use of a core {CANNOT}",
            f"p99 of requests {milliseconds(late)} ms late" if late is not None else f"how late requests left {CANNOT}",
        )
    )


def _reasons(value: object) -> Part[str]:
    given = _list(value)
    return _part(given, [_text(item, 300) for item in given or ()][:REASONS], REASONS)


def _names(value: object) -> Part[Name]:
    """By name, all requests together last."""
    if not isinstance(value, Mapping):
        return Part((), CANNOT)
    own = sorted((key for key in value if key != EVERY), key=str)
    shown = [*own[:NAMES], *([EVERY] if EVERY in value else [])]
    return Part(tuple(_name(key, value[key]) for key in shown), f"{len(own) - NAMES} more are not shown" if len(own) > NAMES else "")


def _name(name: object, value: object) -> Name:
    data = _object(value)
    latency = data.get("latency_ms")
    times = [_latency(latency, key) for key in PERCENTILES]
    return Name(
        _text(whose(name), 120) if isinstance(name, str) else UNKNOWN, (_count(data.get("count")), _count(data.get("errors")), *times)
    )


def _latency(latency: object, key: str) -> str:
    if not isinstance(latency, Mapping):
        return UNKNOWN
    if key not in latency:
        return NONE
    found = _known(latency[key])
    return UNKNOWN if found is None else milliseconds(found)


def _checks(value: object) -> Part[Check]:
    given = _list(value)
    return _part(given, [_check(_object(item)) for item in (given or ())[:CHECKS]], CHECKS)


def _check(data: Mapping[str, Any]) -> Check:
    """`observed` is as exact as it takes to see on which side of the limit it is."""
    unit = data.get("unit")
    factor, sign = _UNITS.get(unit, (1.0, UNKNOWN)) if isinstance(unit, str) else (1.0, UNKNOWN)
    observed, limit, comparator = _known(data.get("observed")), _known(data.get("limit")), data.get("comparator")
    edge = None if limit is None else limit * factor
    name = whose(data["name"]) if isinstance(data.get("name"), str) else UNKNOWN
    than = comparator if isinstance(comparator, str) and comparator in ("<", "<=", ">", ">=") else UNKNOWN
    seen = NONE if "observed" in data and data["observed"] is None else UNKNOWN
    if observed is not None:
        exact = close_to(observed * factor, edge if edge is not None else 0.0)
        seen = f"{exact if len(exact) <= 11 else f'{observed * factor:.4g}'} {sign}"
    return Check(
        what=f"{_text(name, 120)} {line(data['metric'], 12) if isinstance(data.get('metric'), str) else UNKNOWN}",
        observed=seen,
        limit=f"{than} {UNKNOWN if edge is None else f'{edge:.9g}'} {sign}",
        outcome=_outcome(data.get("outcome"), UNKNOWN),
        message=_text(data.get("message"), 300),
    )


def _part(given: Sequence[Any] | None, rows: Sequence[T], most: int) -> Part[T]:
    if given is None:
        return Part((), CANNOT)
    return Part(tuple(rows), f"{len(given) - most} more are not shown" if len(given) > most else "")


def _recall(whole: Mapping[str, Any]) -> Recall | None:
    """None where the drill was not done under load; what else is no object has nothing that could be shown."""
    given = whole.get("recall")
    if given is None:
        return None
    data = _object(given)
    lists = [_list(data.get(key)) for key in ("without_ms", "with_ms")]
    without, under = (tuple(found for item in (part or ())[:1000] if (found := _known(item)) is not None) for part in lists)
    limit = _known(data.get("limit_seconds"))
    told = (
        ("Recall alone", _times(lists[0], without)),
        ("Recall in load", _times(lists[1], under)),
        ("Recall limit", f"{limit:g} s" if limit is not None else CANNOT),
    )
    return Recall(without, under, limit, told)


def _times(given: Sequence[Any] | None, found: Sequence[float]) -> str:
    """How often, the median and the longest, and the first of them one by one."""
    if given is None or (given and not found):
        return CANNOT
    if not found:
        return "never"
    each = ", ".join(milliseconds(item) for item in found[:TIMES])
    more = f" and {len(found) - TIMES} more" if len(found) > TIMES else ""
    lost = f"; {len(given) - len(found)} {CANNOT}" if len(given) > len(found) else ""
    times = f"{len(found)} time{'' if len(found) == 1 else 's'}"
    return f"{times}, median {milliseconds(statistics.median(found))} ms, longest {milliseconds(max(found))} ms: {each}{more}{lost}"
