"""From outcomes to a verdict. Whatever is missing, broken or unknown can only make it worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gate.model import Basis, Control, Criterion, CriterionResult, Decision, Outcome, Result, Severity, Verdict

SECURITY_SUITES = frozenset({"security", "preflight"})
ACCEPTANCE_SUITES = frozenset({"acceptance", "recall", "audit", "automation", "preflight"})


@dataclass(frozen=True, slots=True)
class Policy:
    """From which severity up a failed control blocks, by basis; `hardening` None: never."""

    name: str
    contract: Severity
    hardening: Severity | None

    def blocks(self, control: Control) -> bool:
        """Whether a failure of this control stands in the way of a release."""
        floor = self.contract if control.basis is Basis.CONTRACT else self.hardening
        return floor is not None and control.severity.rank >= floor.rank


def verdict_of(control: Control, result: Result | None, policy: Policy) -> Verdict:
    """What one control says. One that broke or did not run makes a run inconclusive whatever its severity: the plan was not carried out."""
    outcome = result.outcome if result is not None else Outcome.NOT_RUN
    if outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE):
        return Verdict.GO
    if outcome in (Outcome.ERROR, Outcome.NOT_RUN):
        return Verdict.INCONCLUSIVE
    if not policy.blocks(control):
        return Verdict.GO
    return Verdict.NO_GO if outcome is Outcome.FAILED else Verdict.INCONCLUSIVE


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """NO-GO before INCONCLUSIVE before GO; nothing at all is INCONCLUSIVE."""
    found = set(verdicts)
    if Verdict.NO_GO in found:
        return Verdict.NO_GO
    return Verdict.GO if found == {Verdict.GO} else Verdict.INCONCLUSIVE


def _fold(controls: Sequence[Control], results: Mapping[str, Result], policy: Policy) -> Verdict:
    """The worst of the controls, of which at least one must have passed."""
    passed = any(control.id in results and results[control.id].outcome is Outcome.PASSED for control in controls)
    verdict = worst(verdict_of(control, results.get(control.id), policy) for control in controls)
    return verdict if passed or verdict is not Verdict.GO else Verdict.INCONCLUSIVE


def _criterion(criterion: Criterion, controls: Sequence[Control], results: Mapping[str, Result], policy: Policy) -> CriterionResult:
    blocking = [item.id for item in controls if verdict_of(item, results.get(item.id), policy) is not Verdict.GO]
    return CriterionResult(criterion, _fold(controls, results, policy), tuple(item.id for item in controls), tuple(blocking))


def decide(controls: Sequence[Control], results: Mapping[str, Result], policy: Policy, not_applicable: Iterable[str] = ()) -> Decision:
    """The decision on a run.

    Args:
        controls: every control of the plan, fixed before the first request.
        results: what is known of them, by id; a control without a result did not run.
        policy: which failures block.
        not_applicable: criteria that the profile declares its target not to have. Such a criterion may be without evidence, but what
            evidence there is still counts.
    """
    excused = set(not_applicable)
    criteria = []
    for criterion in Criterion:
        members = [item for item in controls if criterion in (Criterion.GATE, item.criterion)]
        judged = _criterion(criterion, members, results, policy)
        passed = any(results[item.id].outcome is Outcome.PASSED for item in members if item.id in results)
        if criterion in excused and not passed and not judged.blocking:
            judged = CriterionResult(criterion, None, judged.controls, ())
        criteria.append(judged)
    failed = [
        item
        for item in controls
        if (found := results.get(item.id)) is None or found.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    ]
    blocking = [item.id for item in failed if verdict_of(item, results.get(item.id), policy) is not Verdict.GO]
    return Decision(
        verdict=worst(item.verdict for item in criteria if item.verdict is not None),
        criteria=tuple(criteria),
        security=_fold([item for item in controls if item.suite in SECURITY_SUITES], results, policy),
        acceptance=_fold([item for item in controls if item.suite in ACCEPTANCE_SUITES], results, policy),
        blocking=tuple(blocking),
        reported=tuple(item.id for item in failed if item.id not in set(blocking)),
    )
