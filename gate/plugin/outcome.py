"""From what pytest saw of a test to the result of a control. Anything that is not plainly a pass is not a pass."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gate.model import Inconclusive, Observation, Outcome, Result, Safety, Unmet

# What differs from run to run in a finding that stays the same: UUIDs, times and days, run and request ids, digests.
_VOLATILE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
    r"|(?<![0-9a-z])[0-9a-f]{8,}(?:-\d+)?(?![0-9a-z])",
    re.IGNORECASE,
)
_WORSE = [Outcome.PASSED, Outcome.NOT_RUN, Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.FAILED]


@dataclass
class Trial:
    """One control's test while it runs: what it was shown, and what its stages (setup, call, teardown) ended with."""

    control: str
    shown: list[Observation] = field(default_factory=list)
    measured: int = 0
    outcome: Outcome | None = None
    reason: str = ""
    expected: str = ""
    seen: str = ""
    kind: str = ""
    called: bool = False

    def stage(self, when: str, error: BaseException | None, *, xfail: bool) -> None:
        """Take in how one stage ended."""
        self.called = self.called or (when == "call" and error is None)
        outcome = outcome_of(error, xfail=xfail)
        if self.outcome is None or _WORSE.index(outcome) > _WORSE.index(self.outcome):
            self.outcome = outcome
            self._explain(error, xfail=xfail)

    def _explain(self, error: BaseException | None, *, xfail: bool) -> None:
        if error is None and not xfail:
            return
        self.reason = "the test is marked xfail, which can hide a fault" if xfail else _sentence(error)
        if isinstance(error, Unmet):
            self.expected, self.seen, self.kind = error.expected, error.seen, error.kind

    def result(self) -> Result:
        """The control's result, once its test is over."""
        requests = tuple(dict.fromkeys(item.number for item in self.shown))
        outcome, reason = self.outcome or Outcome.NOT_RUN, self.reason or "its test did not run"
        if outcome is Outcome.PASSED:
            outcome, reason = self._earned()
        measured = self.measured + sum(item.response is not None for item in self.shown)
        known = fingerprint(self.control, self.expected or reason, self.kind)
        if outcome is Outcome.PASSED:
            return Result(self.control, outcome, measured=measured, requests=requests)
        return Result(self.control, outcome, reason, self.expected, self.seen, measured, requests, known, self.kind)

    def _earned(self) -> tuple[Outcome, str]:
        """Whether a test that raised nothing has measured anything."""
        if not self.called:
            return Outcome.NOT_RUN, "its test was set up but not called"
        if not self.shown and not self.measured:
            return Outcome.INCONCLUSIVE, "it passed without having measured anything"
        for seen in self.shown:
            if seen.response is None:
                return Outcome.INCONCLUSIVE, f"it passed although one of its requests had no answer ({seen.probe})"
            if seen.response.status == 429 and seen.probe.safety is not Safety.BURST:
                return Outcome.INCONCLUSIVE, f"it passed although the gate was throttled ({seen.probe})"
            if not seen.looked:
                return Outcome.INCONCLUSIVE, f"it passed without looking at {seen.probe}"
        return Outcome.PASSED, ""


def fingerprint(control: str, expected: str, kind: str) -> str:
    """The name of a finding: the same in every run that finds the same, whatever was seen this time; another for any other finding."""
    stable = _VOLATILE.sub("#", expected)
    return hashlib.sha256(f"{control}\n{stable}\n{kind}".encode()).hexdigest()[:16]


def outcome_of(error: BaseException | None, *, xfail: bool) -> Outcome:
    """The outcome that one stage's end means."""
    if xfail:
        return Outcome.ERROR
    if error is None:
        return Outcome.PASSED
    if isinstance(error, Inconclusive):
        return Outcome.INCONCLUSIVE
    if isinstance(error, pytest.skip.Exception):
        return Outcome.NOT_RUN
    if isinstance(error, AssertionError | pytest.fail.Exception):
        return Outcome.FAILED
    return Outcome.ERROR


def _sentence(error: BaseException | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:3]) or "no message"
    plain = isinstance(error, AssertionError | Inconclusive | pytest.skip.Exception | pytest.fail.Exception)
    return text if plain else f"the check broke: {type(error).__name__}: {text}"


def flatten(shape: object) -> Sequence[Observation]:
    """The observations in a shape of lists and dicts."""
    if isinstance(shape, Observation):
        return [shape]
    items = list(shape.values()) if isinstance(shape, dict) else shape if isinstance(shape, list | tuple) else []
    return [seen for item in items for seen in flatten(item)]
