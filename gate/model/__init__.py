"""The product's words as types (docs/ARCHITECTURE.md, "Words"). Imports nothing of ours and does no I/O."""

from gate.model.load import EVERY, LATENCIES, LoadCheck, LoadJudgement, LoadName, LoadOutcome, LoadResult, LoadStep
from gate.model.runs import CriterionResult, Decision, LedgerLine, Result, RunRecord, Terms, Trigger, TriggerState
from gate.model.waivers import Waiver, WaiverState, WaiverStatus
from gate.model.wire import THROTTLED, Failure, FailureKind, Observation, Probe, Response, Timing
from gate.model.words import Basis, Control, Criterion, Inconclusive, Lacking, Outcome, Phase, Safety, Severity, Unmet, Verdict

__all__ = [
    "EVERY",
    "LATENCIES",
    "THROTTLED",
    "Basis",
    "Control",
    "Criterion",
    "CriterionResult",
    "Decision",
    "Failure",
    "FailureKind",
    "Inconclusive",
    "Lacking",
    "LedgerLine",
    "LoadCheck",
    "LoadJudgement",
    "LoadName",
    "LoadOutcome",
    "LoadResult",
    "LoadStep",
    "Observation",
    "Outcome",
    "Phase",
    "Probe",
    "Response",
    "Result",
    "RunRecord",
    "Safety",
    "Severity",
    "Terms",
    "Timing",
    "Trigger",
    "TriggerState",
    "Unmet",
    "Verdict",
    "Waiver",
    "WaiverState",
    "WaiverStatus",
]
