"""From outcomes to a verdict. Whatever is missing, broken or unknown can only make it worse."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from gate.decide.waivers import judge, waived
from gate.model import (
    Basis,
    Control,
    Criterion,
    CriterionResult,
    Decision,
    Outcome,
    Result,
    Severity,
    Verdict,
    Waiver,
    WaiverStatus,
)

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


@dataclass(frozen=True, slots=True)
class _Scale:
    """What one weighing goes by: the results, the policy, and the controls whose failure is waived."""

    results: Mapping[str, Result]
    policy: Policy
    waived: Collection[str]

    def verdict(self, control: Control) -> Verdict:
        """What one control says once waivers count: of a failure that is waived nothing stands in the way."""
        result = self.results.get(control.id)
        covered = control.id in self.waived and result is not None and result.outcome is Outcome.FAILED
        return Verdict.GO if covered else verdict_of(control, result, self.policy)

    def passed(self, controls: Sequence[Control]) -> bool:
        """Whether at least one has passed."""
        return any(control.id in self.results and self.results[control.id].outcome is Outcome.PASSED for control in controls)

    def fold(self, controls: Sequence[Control]) -> Verdict:
        """The worst of the controls, of which at least one must have passed: what is waived is no evidence."""
        verdict = worst(map(self.verdict, controls))
        return verdict if self.passed(controls) or verdict is not Verdict.GO else Verdict.INCONCLUSIVE

    def criterion(self, criterion: Criterion, controls: Sequence[Control]) -> CriterionResult:
        """One go/no-go line."""
        members = [item for item in controls if criterion in (Criterion.GATE, item.criterion)]
        blocking = [item.id for item in members if self.verdict(item) is not Verdict.GO]
        return CriterionResult(criterion, self.fold(members), tuple(item.id for item in members), tuple(blocking))


def decide(
    controls: Sequence[Control],
    results: Mapping[str, Result],
    policy: Policy,
    not_applicable: Iterable[str] = (),
    waivers: Sequence[Waiver] = (),
    day: date | None = None,
) -> Decision:
    """The decision on a run.

    Args:
        controls: every control of the plan, fixed before the first request.
        results: what is known of them, by id; a control without a result did not run.
        policy: which failures block.
        not_applicable: criteria that the profile declares its target not to have. Such a criterion may be without evidence, but what
            evidence there is still counts.
        waivers: what was given to the run. One with a problem makes it NO-GO, whatever was measured.
        day: the UTC date on which the run began; waivers need it.

    Raises:
        ValueError: waivers without a day.
    """
    excused = tuple(not_applicable)
    before = weigh(controls, results, policy, excused)
    if not waivers:
        return before
    if day is None:
        raise ValueError("waivers mean nothing without the day of the run")
    states = judge(waivers, controls, results, day)
    after = weigh(controls, results, policy, excused, waived(states))
    if any(item.state is not WaiverStatus.USED for item in states):
        lines = tuple(replace(line, verdict=Verdict.NO_GO) if line.criterion is Criterion.GATE else line for line in after.criteria)
        after = replace(after, verdict=Verdict.NO_GO, criteria=lines)
    return replace(after, before_waivers=before.verdict, waivers=states)


def weigh(
    controls: Sequence[Control],
    results: Mapping[str, Result],
    policy: Policy,
    not_applicable: Iterable[str] = (),
    waived: Collection[str] = (),
) -> Decision:
    """The decision as it is with the failures of these controls waived."""
    excused, scale, criteria = set(not_applicable), _Scale(results, policy, frozenset(waived)), []
    for criterion in Criterion:
        judged = scale.criterion(criterion, controls)
        if criterion in excused and not judged.blocking and judged.verdict is not Verdict.GO:
            judged = replace(judged, verdict=None)
        criteria.append(judged)
    failed = [
        item
        for item in controls
        if (found := results.get(item.id)) is None or found.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    ]
    blocking = [item.id for item in failed if scale.verdict(item) is not Verdict.GO]
    verdict = worst(item.verdict for item in criteria if item.verdict is not None)
    return Decision(
        verdict=verdict,
        criteria=tuple(criteria),
        security=scale.fold([item for item in controls if item.suite in SECURITY_SUITES]),
        acceptance=scale.fold([item for item in controls if item.suite in ACCEPTANCE_SUITES]),
        blocking=tuple(blocking),
        reported=tuple(item.id for item in failed if item.id not in set(blocking)),
        before_waivers=verdict,
        waived=tuple(waived),
        waivers=(),
    )
