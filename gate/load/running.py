"""One load run from a profile's `[load]` section to a published folder.

A folder appears under its name only when all of it is written; until then, and after an interruption, it is called `<folder>.partial`. It
holds result.json (the result and its judgement), plan.json, a histogram a name, the arrivals, and Locust's JSON, HTML and log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate.decide.load import gravest, judge
from gate.decide.load_compare import check_rules, compare
from gate.decide.load_recall import RecallTimes, judge_recall
from gate.load.beside import Around, accompanied
from gate.load.collect import collect, read_raw
from gate.load.files import clean, prepare, publish
from gate.load.launch import Workers, launch
from gate.load.plan import Plan, make_plan
from gate.load.safety import Rules, check, exceeds
from gate.model import LoadCheck, LoadJudgement, LoadOutcome, LoadResult
from gate.redact import Redactor

ALONE, NOTHING = Workers(), Around()


@dataclass(frozen=True, slots=True)
class Target:
    """Where load is sent: the address, the callers' tokens by identity, what placeholders mean, and what is permitted there."""

    base_url: str
    tokens: Mapping[str, str] = field(repr=False)
    rules: Rules
    values: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: str | None = None


def plan_load(load: Mapping[str, Any], profile: str, target: Target, *, run_id: str, user_agent: str, workers: Workers) -> Plan:
    """The plan of a run; on production without the journeys that write. ConfigurationError where there can be none."""
    return make_plan(
        load,
        profile,
        base_url=target.base_url,
        run_id=run_id,
        user_agent=user_agent,
        values=target.values,
        workers=workers.count,
        ca_bundle=target.ca_bundle,
        reads_only=target.rules.production,
    )


def run_load(
    load: Mapping[str, Any],
    profile: str,
    target: Target,
    folder: Path,
    *,
    run_id: str,
    user_agent: str,
    workers: Workers = ALONE,
    already: Mapping[str, int] | None = None,
    against: LoadResult | None = None,
    around: Around = NOTHING,
) -> LoadResult:
    """Send the load of one profile, judge it, publish its folder; what was measured (`judged` makes the outcome of it).

    Args:
        load: the target profile's `[load]` section.
        profile: a load profile of it ("smoke").
        target: where to, as whom, and what is permitted.
        folder: the result's; must not exist.
        run_id: in every X-Request-ID.
        user_agent: the gate's.
        workers: who sends.
        already: requests that the gate has sent within the rate limit's last window, by `RateLimit.key` (client+path: path without query).
        against: an earlier result, to compare with.
        around: what else is done, meanwhile and afterwards.

    Raises:
        ConfigurationError: it cannot be planned, or (LoadRefused) may not be sent; nothing was.
        GateError: Locust could not be started, or (EvidenceError) the folder cannot be written.
    """
    plan, sent = plan_load(load, profile, target, run_id=run_id, user_agent=user_agent, workers=workers), already or {}
    _check(plan, target.rules, sent, load if against else None)
    partial = prepare(folder, plan)
    with accompanied(around.beside, plan.seconds, partial):
        status = launch(plan, partial, target.tokens, workers)
    result, raw = _measured(plan, partial, target, status, sent)
    found = judged(result, load, against, timed := around.times())
    publish(partial, folder, result, found, raw, recall=timed, files=around.files(result, *found))
    return result


def _measured(
    plan: Plan, partial: Path, target: Target, status: int, already: Mapping[str, int]
) -> tuple[LoadResult, dict[str, Any] | None]:
    """The result, and what the generator recorded, if it did; no file holds a token afterwards."""
    clean(partial, Redactor(list(target.tokens.values())))
    raw = read_raw(partial, plan.data["run_id"])
    return collect(plan, raw, status, beyond_limit=exceeds(plan, target.rules.limit, already)), raw


def _check(plan: Plan, rules: Rules, already: Mapping[str, int], compared: Mapping[str, Any] | None) -> None:
    """Return if it may be sent, and, where it will be compared, if that section says how."""
    check(plan, rules, already)
    if compared is not None:
        check_rules(compared.get("compare", {}))


def judged(
    result: LoadResult, load: Mapping[str, Any], against: LoadResult | None = None, recall: RecallTimes | None = None
) -> tuple[LoadJudgement, tuple[LoadCheck, ...]]:
    """The judgement of a run, and the checks of its comparison with an earlier one, which count in its outcome and reasons.

    Args:
        result: what was measured.
        load: the `[load]` section, for its rules of comparison.
        against: the earlier result, or None.
        recall: the recalls that the gate timed meanwhile, or None; the check of them is the judgement's last.
    """
    judgement = judge(result, result.thresholds)
    own = (judge_recall(recall),) if recall is not None else ()
    comparison = compare(result, against, load.get("compare", {})) if against is not None else ()
    more = [*own, *comparison]
    reasons = tuple(check.message for check in more if check.outcome is not LoadOutcome.PASSED)
    outcome = gravest([judgement.outcome, *(check.outcome for check in more)])
    return LoadJudgement(outcome, tuple(dict.fromkeys(judgement.reasons + reasons)), judgement.checks + own), comparison
