"""Whole runs, written by the real journal and read back by the real replay, so that reports are tested on what they will get."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gate.decide.verdict import Policy, decide
from gate.evidence import Journal, replay
from gate.model import (
    Basis,
    Control,
    Criterion,
    LedgerLine,
    Outcome,
    Phase,
    Result,
    RunRecord,
    Safety,
    Severity,
    Terms,
    Trigger,
    TriggerState,
    Waiver,
)
from gate.redact import Redactor

BASELINE = Policy("baseline", Severity.MEDIUM, None)
ACTIONS = ("Revert to previous stable release.", "Restore previous environment variables.", "Re-run health and security regression checks.")

TERMS = Terms(Severity.MEDIUM, None, (), {"policy": "cd" * 32, "profile": "ef" * 32}, {"pytest": "9.2.0"}, "", {})
CONTROLS = (
    Control("PRE-001", "The target answers", Severity.CRITICAL, Basis.CONTRACT, Criterion.GATE, Phase.PREFLIGHT, Safety.READ,
            "preflight", "suites/preflight/test_preflight.py"),
    Control("AUTH-001", "A read without a token is refused", Severity.CRITICAL, Basis.CONTRACT, Criterion.AUTH, Phase.PROBES, Safety.READ,
            "security", "suites/security/test_auth.py", ("OWASP API2:2023", "ASVS 5.0 14.2.1"), "Anyone could read the audit trail.",
            "Set AUTH_ENABLED=true and deploy again."),
    Control("AUTH-012", "A token in the query string is refused", Severity.LOW, Basis.HARDENING, Criterion.AUTH, Phase.PROBES, Safety.READ,
            "security", "suites/security/test_auth.py", (), "URLs are logged.", "Ignore credentials in the query."),
    Control("RECALL-001", "The recall drill is done in time", Severity.CRITICAL, Basis.CONTRACT, Criterion.RECALL, Phase.DRILLS,
            Safety.DRILL, "recall", "suites/recall/test_recall.py"),
    Control("AUDIT-001", "A new audit pack verifies", Severity.CRITICAL, Basis.CONTRACT, Criterion.AUDIT, Phase.DRILLS, Safety.DRILL,
            "audit", "suites/audit/test_pack.py"),
    Control("AUTO-001", "The daily cycle has completed", Severity.MEDIUM, Basis.CONTRACT, Criterion.ERRORS, Phase.CLOSING, Safety.READ,
            "automation", "suites/automation/test_runs.py", feature="automation"),
    Control("ERR-001", "No answer was a server error", Severity.HIGH, Basis.CONTRACT, Criterion.ERRORS, Phase.CLOSING, Safety.READ,
            "acceptance", "suites/acceptance/test_errors.py"),
)  # fmt: skip

AT = "2026-02-28T10:10:5{}.000Z"


def request(number: int, phase: str, call: str, identity: str | None, safety: str, seconds: float, status: int | None = 200) -> LedgerLine:
    method, target = call.split(" ")
    failure = "timeout: no first byte within 10 s" if status is None else None
    size, sha256 = (0, None) if status is None else (100 + number, f"{number:x}" * 64)
    first = None if status is None else seconds / 2
    return LedgerLine(
        number,
        AT.format(number),
        f"gate-r1-{number}",
        phase,
        method,
        target,
        identity,
        safety,
        "",
        status,
        failure,
        seconds,
        first,
        size,
        sha256,
    )


LEDGER = (
    request(0, "preflight", "GET /health", None, "read", 0.012),
    request(1, "probes", "GET /api/v1/audit/events?limit=1", None, "denied", 0.015, 401),
    request(2, "probes", "GET /api/v1/audit/events?token=%5Bredacted%5D", "decoy", "read", 0.02),
    request(3, "drills", "POST /api/v1/recall/simulate", "admin", "drill", 0.668536),
    request(4, "drills", "POST /api/v1/audit/packs/700e27f7/verify", "viewer", "drill", 0.3),
    request(5, "closing", "GET /api/v1/kpi/daily", None, "read", 10.0, None),
)

FACTS: dict[str, Any] = {
    "recall_drill": {
        "endpoint": "POST /api/v1/recall/simulate",
        "batch": "BATCH-2026-02-0012",
        "impacted_customers_count": 2,
        "impacted_qty": Decimal("650.0"),
        "suppliers_count": 2,
        "finished_lots_count": 1,
        "status": 200,
        "trace_seconds": 0.668536,
        "limit_seconds": 10,
        "at": "2026-02-28T10:10:52.000Z",
    },
    "audit_pack": {
        "pack_id": "700e27f7-6284-4f3c-9088-ee11255eb39e",
        "valid": True,
        "missing_files": [],
        "mismatches": [],
        "download_file": "checksums.json",
        "download_status": 200,
        "at": "2026-02-28T10:10:53.000Z",
    },
    "timings": {"preflight": 0.1, "probes": 0.4, "drills": 1.2},
}

PASSES = {
    "PRE-001": Result("PRE-001", Outcome.PASSED, measured=1, requests=(0,)),
    "AUTH-001": Result("AUTH-001", Outcome.PASSED, measured=1, requests=(1,)),
    "AUTH-012": Result(
        "AUTH-012",
        Outcome.FAILED,
        "a decoy token in the query was let in",
        "a refusal (HTTP 401 or HTTP 403)",
        "HTTP 200, [{...}]",
        1,
        (2,),
        "fp:1",
        "bypass",
    ),
    "RECALL-001": Result("RECALL-001", Outcome.PASSED, measured=1, requests=(3,)),
    "AUDIT-001": Result("AUDIT-001", Outcome.PASSED, measured=1, requests=(4,)),
    "ERR-001": Result("ERR-001", Outcome.PASSED, measured=6, requests=(0, 1, 2, 3, 4)),
}
BYPASS = Result(
    "AUTH-001",
    Outcome.FAILED,
    "the audit trail answers without a token",
    "a refusal (HTTP 401 or HTTP 403)",
    'HTTP 200, {"rows": []}',
    1,
    (1, 2),
    "fp:2",
    "bypass",
)
LOST = Result("ERR-001", Outcome.INCONCLUSIVE, "one request had no answer, so nothing is known of it", measured=5, requests=(5,))
SPIKE = Result(
    "ERR-001", Outcome.FAILED, "one answer was a server error", "no server error", "HTTP 500 to GET /api/v1/kpi/daily", 6, (5,), "fp:3"
)
WAIVER = Waiver(
    "ERR-001", "fp:3", "The KPI job fails while its table is migrated.", "Dashboards lack one day.", "Ada Lovelace <ada@example.com>",
    "Grace Hopper", "OPS-42", "2026-02-10", "2026-03-03",
)  # fmt: skip
WAIVERS = {
    "waived": (WAIVER,),
    "waiver-expired": (replace(WAIVER, until="2026-02-27"), replace(WAIVER, control="ERR-099", until="2026-03-01")),
}
CASES = ("go", "no-go", "inconclusive", "interrupted", *WAIVERS)


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by 10 ms each time it is read."""
    moments = iter(range(10**6))
    return lambda: datetime(2026, 2, 28, 10, 8, 33, tzinfo=UTC) + timedelta(milliseconds=10 * next(moments))


def write_run(path: Path, case: str, change: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _event, data: data) -> RunRecord:
    """One run of that case; `change` may alter each event's data before it is written."""
    results = {**PASSES}
    if case == "no-go":
        results["AUTH-001"] = BYPASS
    if case in WAIVERS:
        results |= {"ERR-001": SPIKE, "AUTO-001": Result("AUTO-001", Outcome.PASSED, measured=1, requests=(5,))}
    if case == "inconclusive":
        results["ERR-001"] = LOST
    if case == "interrupted":
        del results["AUDIT-001"], results["ERR-001"]
    with Journal(path, Redactor(), clock=ticking()) as journal:
        for event, data in _events(case, results):
            journal.append(event, change(event, data))
    return replay(path)


def _events(case: str, results: dict[str, Result]) -> list[tuple[str, dict[str, Any]]]:
    start = {
        "run_id": "r1-20260228", "gate_version": "0.1.0", "environment": "render-prod", "base_url": "https://supply-intel.example.com",
        "profile": "supply_intel", "policy": "baseline", "batch_code": "BATCH-2026-02-0012", "bundle": "20260228T100833Z",
        "out_dir": "storage/reports/render-prod", "release_sha": "9902729", "release_tag": "release-gate-pass-2026-02-23",
        "artifact": "ab" * 32, "operator": "ci@example.com", "commit_author": "dev@example.com",
    }  # fmt: skip
    events: list[tuple[str, dict[str, Any]]] = [("run.started", start)]
    terms = replace(TERMS, waivers=WAIVERS.get(case, ()))
    missing = {} if "AUTO-001" in results else {"AUTO-001": "the profile has no automation"}
    events.append(("plan", {"controls": list(CONTROLS), "not_applicable": missing, "terms": terms}))
    events += [("observation", asdict(line)) for line in LEDGER]
    events += [("fact", {"name": name, "value": value}) for name, value in FACTS.items()]
    events += [("outcome", asdict(result)) for result in results.values()]
    if case == "interrupted":
        return [*events, ("run.interrupted", {"reason": "SIGINT"})]
    everything = {**results, **{name: Result(name, Outcome.NOT_APPLICABLE, reason) for name, reason in missing.items()}}
    decision = decide(CONTROLS, everything, BASELINE, (), terms.waivers, date(2026, 2, 28))
    state = TriggerState.FIRED if case == "no-go" else TriggerState.CLEAR
    triggers = [Trigger("auth-bypass", "Authentication or authorization bypass detected", state, ("AUTH-001: judged",), ACTIONS)]
    return [*events, ("triggers", {"triggers": triggers}), ("verdict", {**asdict(decision), "exit_status": decision.verdict.exit_status})]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    folder = tmp_path_factory.mktemp("runs")
    return {case: write_run(folder / f"{case}.jsonl", case) for case in CASES}


@pytest.fixture
def write_case() -> Callable[[Path, str, str], RunRecord]:
    """Writes a run of that case under another run id."""
    return lambda path, case, run_id: write_run(path, case, lambda _event, data: {**data, "run_id": run_id} if "run_id" in data else data)


@pytest.fixture
def write_changed() -> Callable[..., RunRecord]:
    """Writes a run of a case, each event's data changed on the way."""
    return write_run


@pytest.fixture
def hostile(tmp_path: Path) -> Callable[..., RunRecord]:
    """A no-go run in which every text that a stranger controls is the given one."""

    def make(text: str, case: str = "no-go") -> RunRecord:
        def change(event: str, data: dict[str, Any]) -> dict[str, Any]:
            return _poisoned(event, data, text)

        return write_run(tmp_path / f"hostile-{case}.jsonl", case, change)

    return make


def _poisoned(event: str, data: dict[str, Any], text: str) -> dict[str, Any]:
    match event:
        case "run.started":
            data = dict.fromkeys(data, text) | {"bundle": data["bundle"]}
        case "plan":
            texts = dict.fromkeys(("title", "why", "mend", "source", "feature", "endpoint"), text)
            said = dict.fromkeys(("reason", "risk", "requester", "approver", "ticket", "fingerprint"), text)
            terms = replace(data["terms"], waivers=tuple(replace(item, **said) for item in data["terms"].waivers))
            data = {**data, "controls": [replace(control, **texts, references=(text,)) for control in data["controls"]], "terms": terms}
        case "observation":
            names = ("request_id", "phase", "method", "target", "identity", "safety", "note", "failure")
            data = {**data, **dict.fromkeys(names, text), "status": None}
        case "fact":
            data = {"name": data["name"], "value": {**dict.fromkeys(data["value"], text), "list": [text, {text: text}], text: text}}
        case "outcome":
            data = {**data, **dict.fromkeys(("reason", "expected", "seen", "fingerprint", "kind"), text)}
        case "triggers":
            data = {"triggers": [replace(trigger, title=text, evidence=(text,), actions=(text,)) for trigger in data["triggers"]]}
    return data


VOID = {"meta", "input"}


class Page(HTMLParser):
    """The page's elements and text; it refuses what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.inside[tag][-1] += data

    @property
    def text(self) -> str:
        """What a reader sees."""
        hidden = sum(map(len, (*self.inside["style"], *self.inside["script"])))
        assert hidden > 0
        return " ".join(" ".join(self.inside["body"]).replace(self.inside["script"][0], "").split())


@pytest.fixture
def parsed() -> Callable[[str], Page]:
    """Reads an HTML page."""
    return Page


@pytest.fixture
def many() -> Callable[..., RunRecord]:
    """Makes a run larger."""
    return enlarged


def enlarged(record: RunRecord, number: int, outcome: Outcome, text: str = "") -> RunRecord:
    """The same run with that many controls, each with that outcome, and as many requests."""
    first = next(control for control in record.controls if control.id == "AUTH-001")
    controls: list[Control] = []
    for place in range(number):
        title = text or f"An endpoint of the service refuses whoever is not entitled to it, case {place}"
        controls.append(replace(first, id=f"AUTH-{place:05}", title=title, why=text or first.why, mend=text or first.mend))
    results = {}
    for control in controls:
        seen = (text or "a refusal", text or "HTTP 200 with rows") if outcome is Outcome.FAILED else ("", "")
        results[control.id] = Result(control.id, outcome, text or "it was let in", *seen, 1, (0, 1), text or "fp:1")
    ledger: list[LedgerLine] = [
        replace(record.ledger[1], number=place, target=text or record.ledger[1].target, request_id=text or f"gate-{place}")
        for place in range(number)
    ]
    blocking = () if outcome is Outcome.PASSED or record.decision is None else tuple(results)
    decision = replace(record.decision, blocking=blocking) if record.decision else None
    return replace(record, controls=tuple(controls), results=results, ledger=tuple(ledger), decision=decision)
