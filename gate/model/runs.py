"""A run: results, triggers, the decision, and the record that reports are rendered from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gate.model.waivers import Waiver, WaiverState
from gate.model.words import Control, Criterion, Outcome, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one control. Anything but a pass needs its reason; a pass needs the requests (or other measurements) that earned it.

    `reason` is one sentence, `expected` and `seen` the two sides of it; `measured` counts what was judged; `requests` the ledger numbers;
    `kind` tells a `bypass` or something `unavailable` from other faults; `fingerprint` is the same in every run that finds the same.
    """

    control: str
    outcome: Outcome
    reason: str = ""
    expected: str = ""
    seen: str = ""
    measured: int = 0
    requests: tuple[int, ...] = ()
    fingerprint: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        """Refuse a result that could be mistaken for evidence."""
        if self.outcome is Outcome.PASSED and self.measured < 1:
            raise ValueError(f"{self.control}: a pass needs at least one measurement")
        if self.outcome is not Outcome.PASSED and not self.reason:
            raise ValueError(f"{self.control}: {self.outcome} needs a reason")


class TriggerState(StrEnum):
    """Of a rollback trigger: `unknown` is never treated as clear."""

    FIRED = "fired"
    CLEAR = "clear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of the checklist's rollback triggers, with what fired it and what to do."""

    id: str
    title: str
    state: TriggerState
    evidence: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One go/no-go line: its verdict (None: the profile declares that it does not apply), and the controls that decided it."""

    criterion: Criterion
    verdict: Verdict | None
    controls: tuple[str, ...]
    blocking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the run means. `blocking` are the controls that stand in the way of GO, `reported` the findings that do not.

    Waived findings are reported ones. `before_waivers` is the verdict without any waiver, `waived` the controls whose failure one covers,
    `waivers` the state of each in the order of the plan; one with a problem blocks.
    """

    verdict: Verdict
    criteria: tuple[CriterionResult, ...]
    security: Verdict
    acceptance: Verdict
    blocking: tuple[str, ...]
    reported: tuple[str, ...]
    before_waivers: Verdict
    waived: tuple[str, ...]
    waivers: tuple[WaiverState, ...]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One request of the run as the journal keeps it, redacted. `seconds` from before connecting to the last byte; `at` is UTC."""

    number: int
    at: str
    request_id: str
    phase: str
    method: str
    target: str
    identity: str | None
    safety: str
    note: str
    status: int | None
    failure: str | None
    seconds: float
    first_byte: float | None
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is judged by, fixed before its first request, so that its verdict can be computed again from the journal alone.

    `contract` and `hardening` are the policy's floors (None: never blocks). `inputs` are the SHA-256 of the profile's, the policy's and
    the waivers' files (None: there is none), `sources` those of the suites; `packages` name to version; `suites_commit` is empty outside
    a git checkout.
    """

    contract: Severity
    hardening: Severity | None
    not_applicable_criteria: tuple[str, ...]
    inputs: dict[str, str | None]
    packages: dict[str, str]
    suites_commit: str
    sources: dict[str, str]
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as read back from its journal: the one source of every report.

    `facts` are named measurements for reports (`recall_drill`, `audit_pack`, `timings`, `burst`). `decision` and `finished_at` are None for
    an interrupted run, which no report may call a pass; `interruption` then says why, if the journal knows. `bundle` is the name of its
    folder, `artifact` the SHA-256 of what is released; these and `release_*`, `operator` and `commit_author` are empty where unknown.
    `terms` is None before the plan. `events` counts the journal's lines, `head` is the digest of the last one.
    """

    run_id: str
    bundle: str
    out_dir: str
    release_sha: str
    release_tag: str
    artifact: str
    operator: str
    commit_author: str
    started_at: str
    gate_version: str
    environment: str
    base_url: str
    profile: str
    policy: str
    batch_code: str
    controls: tuple[Control, ...]
    results: dict[str, Result]
    ledger: tuple[LedgerLine, ...]
    facts: dict[str, Any]
    triggers: tuple[Trigger, ...]
    decision: Decision | None
    finished_at: str | None
    interruption: str | None
    head: str
    events: int
    terms: Terms | None
