"""The seconds of a load run, brought together until a picture has room for them: a run of hours becomes a few hundred bins."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.report.html_measured import number

MOST_ROWS, MOST_BINS = 200_000, 300
LARGEST = 1e9  # a second, a count or a number of milliseconds above it was never measured
WIDTHS = [int(digit + "0" * power) for power in range(8) for digit in "125"]  # seconds
LINES = ("p50", "p95", "p99", "max")


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of the picture.

    `second` is its first one, `times` has those of LINES that are known, in milliseconds; `rate` and `errors` are per second, None where
    they are not known.
    """

    second: int
    times: Mapping[str, float]
    rate: float | None
    errors: float | None


@dataclass(frozen=True, slots=True)
class Binned:
    """All of it: bins in order of time, each `width` seconds wide, from the second `first` to `last`; and what could not be taken.

    `failed` is the number of errors, None where no second tells one; `sure`: every second does. `lost` rows have no second that could be
    read, `rest` rows are more than are looked at.
    """

    bins: tuple[Bin, ...]
    width: int
    first: int
    last: int
    failed: int | None
    sure: bool
    lost: int
    rest: int


def binned(series: object) -> Binned:
    """The series of a load run, whatever it is; numbers that cannot have been measured are left out."""
    rows = series if isinstance(series, list | tuple) else ()
    known = [(second, row) for row in rows[:MOST_ROWS] if isinstance(row, Mapping) and (second := _second(row)) is not None]
    lost, rest = min(len(rows), MOST_ROWS) - len(known), max(0, len(rows) - MOST_ROWS)
    if not known:
        return Binned((), 1, 0, 0, None, sure=False, lost=lost, rest=rest)
    first, last = min(second for second, _ in known), max(second for second, _ in known)
    width = _width(last - first + 1)
    groups: dict[int, list[Mapping[str, object]]] = {}
    for second, row in known:
        groups.setdefault((second - first) // width, []).append(row)
    bins = tuple(_bin(first + place * width, min(width, last - first - place * width + 1), groups[place]) for place in sorted(groups))
    errors = _numbers("errors", (row for _, row in known))
    failed, sure = int(sum(errors)) if errors else None, len(errors) == len(known)
    return Binned(bins, width, first, last, failed, sure, lost, rest)


def _second(row: Mapping[str, object]) -> int | None:
    found = _known(row.get("second"))
    return None if found is None else int(found)


def _known(value: object) -> float | None:
    found = number(value)
    return found if found is not None and found <= LARGEST else None


def _numbers(key: str, rows: Iterable[Mapping[str, object]]) -> list[float]:
    return [found for row in rows if (found := _known(row.get(key))) is not None]


def _width(seconds: int) -> int:
    """The first width in which so many of them are no more than MOST_BINS bins."""
    return next(width for width in WIDTHS if math.ceil(seconds / width) <= MOST_BINS)


def _bin(second: int, seconds: int, rows: list[Mapping[str, object]]) -> Bin:
    """The greatest max and the medians of the others: a percentile of several seconds cannot be had from those of each."""
    taken = {key: [value for value in _numbers(key, rows) if value > 0] for key in LINES}  # nothing takes no time at all
    times = {key: (max if key == "max" else statistics.median)(found) for key, found in taken.items() if found}
    return Bin(second, times, _average("completed", rows, seconds), _average("errors", rows, seconds))


def _average(key: str, rows: list[Mapping[str, object]], seconds: int) -> float | None:
    """Per second. In a second without a row nothing was due, so it counts; one whose number cannot be read does not."""
    found = _numbers(key, rows)
    return sum(found) / max(1, seconds - (len(rows) - len(found))) if found else None
