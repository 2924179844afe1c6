"""The checklist's rollback triggers. What is not known is `unknown`, never clear."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gate.decide.verdict import Policy, verdict_of, weigh
from gate.model import Control, Criterion, Outcome, Result, Trigger, TriggerState, Verdict

TITLES = {
    "gate-failure": "Release gate failure",
    "recall-unavailable": "Trace or recall unavailable, or over its time limit, sustained",
    "pack-mismatch": "Audit pack verification mismatch",
    "auth-bypass": "Authentication or authorization bypass detected",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed call: what was called, whether it answered right, and the seconds it took (None or NaN: not known)."""

    name: str
    available: bool
    seconds: float | None
    limit: float

    @property
    def bad(self) -> bool:
        """Unavailable, or not shown to be under the limit. Written so that NaN is bad."""
        return not (self.available and self.seconds is not None and math.isfinite(self.seconds) and 0 <= self.seconds < self.limit)


def sustained_run(samples: Sequence[Sample], sustained: int) -> list[Sample]:
    """The longest run of bad samples of one operation, if it is `sustained` long or longer; else empty."""
    best: list[Sample] = []
    for name in dict.fromkeys(sample.name for sample in samples):
        run: list[Sample] = []
        for sample in (item for item in samples if item.name == name):
            run = [*run, sample] if sample.bad else []
            best = run if len(run) > len(best) else best
    return best if len(best) >= sustained else []


def evaluate(
    controls: Sequence[Control],
    results: Mapping[str, Result],
    policy: Policy,
    samples: Sequence[Sample],
    *,
    sustained: int,
    actions: Sequence[str],
    not_applicable: Sequence[str] = (),
    waived: Collection[str] = (),
    stopped: bool = False,
) -> tuple[Trigger, ...]:
    """Every trigger on its own: one that fires hides no other. A failure that is waived is no reason to roll back.

    Nor is one that `stopped` the run before it began (a wrong token, a wrong address), unless it shows that the service is down or lets
    everybody in: it says as much about the gate's own settings as about the release.
    """
    open_ones = [item for item in controls if item.id not in waived]
    states = {
        "gate-failure": _gate_failure(controls, results, policy, not_applicable, waived, stopped=stopped),
        "recall-unavailable": _recall(samples, sustained, expected="recall" not in not_applicable),
        "pack-mismatch": _of_criterion(Criterion.AUDIT, open_ones, results, policy, not_applicable, kind=None),
        "auth-bypass": _of_criterion(Criterion.AUTH, controls, results, policy, not_applicable, kind="bypass"),
    }
    return tuple(Trigger(key, TITLES[key], state, tuple(evidence), tuple(actions)) for key, (state, evidence) in states.items())


def _gate_failure(
    controls: Sequence[Control],
    results: Mapping[str, Result],
    policy: Policy,
    not_applicable: Sequence[str],
    waived: Collection[str],
    *,
    stopped: bool,
) -> tuple[TriggerState, list[str]]:
    decision = weigh(controls, results, policy, not_applicable, waived)
    if stopped and not any(found.kind in ("bypass", "unavailable") for found in results.values()):
        return TriggerState.UNKNOWN, ["the run was stopped before it began: correct what its first finding says, and run the gate again"]
    if decision.verdict is Verdict.NO_GO:
        failed = [item for item in decision.blocking if item in results and results[item].outcome is Outcome.FAILED]
        return TriggerState.FIRED, [f"{item}: {results[item].reason}" for item in failed]
    if decision.verdict is Verdict.GO:
        return TriggerState.CLEAR, [f"{len(results)} controls judged, none blocks", *(f"{item}: waived" for item in waived)]
    return TriggerState.UNKNOWN, [f"{item}: not decided" for item in decision.blocking] or ["nothing has been measured"]


def _recall(samples: Sequence[Sample], sustained: int, *, expected: bool) -> tuple[TriggerState, list[str]]:
    bad = sustained_run(samples, sustained)
    if bad:
        return TriggerState.FIRED, [_describe(sample) for sample in bad]
    if not samples and not expected:
        return TriggerState.CLEAR, ["the target has no recall"]
    calls = Counter(sample.name for sample in samples)
    if fewer := [name for name in calls or ["recall"] if calls[name] < sustained]:
        return TriggerState.UNKNOWN, [f"{name}: {calls[name]} timed calls, at least {sustained} needed" for name in fewer]
    return TriggerState.CLEAR, [_describe(max(samples, key=lambda sample: sample.seconds or 0.0))]


def _describe(sample: Sample) -> str:
    took = "no answer" if sample.seconds is None else f"{'' if sample.available else 'refused after '}{sample.seconds:.3f} s"
    return f"{sample.name}: {took} (limit {sample.limit:g} s)"


def _of_criterion(
    criterion: Criterion,
    controls: Sequence[Control],
    results: Mapping[str, Result],
    policy: Policy,
    not_applicable: Sequence[str],
    *,
    kind: str | None,
) -> tuple[TriggerState, list[str]]:
    blocking = [item for item in controls if item.criterion is criterion and policy.blocks(item)]
    known = {item.id: results.get(item.id) for item in blocking}
    failed = [found for found in known.values() if found and found.outcome is Outcome.FAILED and kind in (None, found.kind)]
    if failed:
        return TriggerState.FIRED, [f"{found.control}: {found.reason}" for found in failed]
    open_ones = [item.id for item in blocking if verdict_of(item, known[item.id], policy) is Verdict.INCONCLUSIVE]
    if open_ones or not any(found and found.outcome is Outcome.PASSED for found in known.values()):
        if criterion in not_applicable and all(found and found.outcome is Outcome.NOT_APPLICABLE for found in known.values()):
            return TriggerState.CLEAR, ["not applicable to this target"]
        return TriggerState.UNKNOWN, [f"{item}: not decided" for item in open_ones] or ["no control has measured this"]
    return TriggerState.CLEAR, [f"{len(blocking)} controls judged, none shows it"]
