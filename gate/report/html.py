"""`report.html`: the report of record for people, one self-contained page, verdict first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gate.model import Outcome, RunRecord
from gate.report import page
from gate.report.clean import line
from gate.report.html_findings import Places, groups
from gate.report.html_load import section
from gate.report.html_measured import audit, latency, ledger, recall, selftest, triggers
from gate.report.html_verdict import changes, criteria, head
from gate.report.view import before_and_after, result_of, waivers

TEMPLATE = "report.html.j2"
# Bytes that each part of the page may take, so that the whole stays below 3 MB whatever the run and the target were like.
CONTROLS, WAIVERS, APPROVALS = 1_500_000, 150_000, 60_000
ROW, CARD = 125, 600  # bytes of markup around one

Approval = Mapping[str, Any]


def render(record: RunRecord, approvals: Sequence[Approval] = ()) -> str:
    """The page.

    Args:
        record: the run, read back from its journal.
        approvals: the people's papers in the order of signing: `role`, `name`, `meaning`, `decision`, `at`, `fingerprint` (all text),
            `covers` (whether the signature is over this evidence), `exception` (what rule was let go and why; empty if none).
    """
    found, places = groups(record)
    papers = [_approval(item) for item in approvals]
    outcomes = Counter(result_of(record, control).outcome for control in record.controls)
    return page.render(
        TEMPLATE,
        head=head(record, papers),
        about=_about(record),
        changes=changes(record, places),
        criteria=criteria(record, places),
        groups=found,
        recall=recall(record),
        audit=audit(record),
        selftest=selftest(record),
        triggers=triggers(record),
        latency=latency(record),
        load=section(record.facts.get("load")),
        waivers=_waivers(record),
        waiver_change=before_and_after(record),
        approvals=list(page.within(papers, lambda item: page.size(item) + CARD, APPROVALS)),
        approvals_given=len(papers),
        controls=_controls(record, places),
        planned=len(record.controls),
        outcomes=[(outcome.value, outcomes[outcome]) for outcome in Outcome if outcomes[outcome]],
        ledger=ledger(record),
        requests=len(record.ledger),
        record=_record(record),
    )


def _about(record: RunRecord) -> list[tuple[str, str]]:
    """What every reader wants to know beside the verdict."""
    release = " ".join(filter(None, (record.release_tag, record.release_sha and f"({record.release_sha})"))) or "not recorded"
    told = {
        "Environment": record.environment,
        "Target": record.base_url,
        "Release": release,
        "Tested": _when(record),
    }
    return _lines(told.items())


def _when(record: RunRecord) -> str:
    """From when to when, the day only once."""
    begin = f"{record.started_at[:10]} {record.started_at[11:19]}"
    if record.finished_at is None:
        return f"{begin} UTC, not to the end"
    same = record.finished_at[:10] == record.started_at[:10]
    return f"{begin} to {'' if same else record.finished_at[:10] + ' '}{record.finished_at[11:19]} UTC"


def _record(record: RunRecord) -> list[tuple[str, str]]:
    """What an auditor needs to find and check the run."""
    terms = record.terms
    told = {
        "Run": record.run_id,
        "Bundle": record.bundle,
        "Journal": f"{record.events} events, head {record.head}",
        "Operator": record.operator,
        "Commit author": record.commit_author,
        "Artifact (SHA-256)": record.artifact,
        "Profile": record.profile,
        "Policy": record.policy,
        "Batch": record.batch_code,
        "Gate": record.gate_version,
    }
    if terms is not None:
        told["Blocks from"] = f"contract {terms.contract.value}, hardening {terms.hardening.value if terms.hardening else 'never'}"
        told["Suites"] = f"{len(terms.sources)} files, commit {terms.suites_commit or 'not recorded'}"
        told |= {f"{name.capitalize()} (SHA-256)": value or "none" for name, value in sorted(terms.inputs.items())[:8]}
    return _lines((name, value or "not recorded") for name, value in told.items())


def _lines(told: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(line(name, 80), line(value, 300)) for name, value in told]


def _controls(record: RunRecord, places: Places) -> list[dict[str, Any]]:
    """Every control, with the place of its finding; as many as the page has room for."""
    rows = (
        {
            "id": line(control.id, 80),
            "title": line(control.title, 200),
            "outcome": result.outcome.value,
            "severity": control.severity.value,
            "basis": control.basis.value,
            "criterion": control.criterion.value,
            "suite": line(control.suite, 40),
            "anchor": places.get(control.id, ""),
            "exempt": line(result.reason, 300) if result.outcome is Outcome.NOT_APPLICABLE else "",
        }
        for control in record.controls
        for result in (result_of(record, control),)
    )
    return list(page.within(rows, lambda row: page.size(row) + ROW, CONTROLS))


def _waivers(record: RunRecord) -> list[dict[str, Any]]:
    """Each waiver with who answers for it, those with a problem first, since they block."""
    given = (
        {
            "control": line(item.waiver.control, 80),
            "title": line(item.title or "(no such control)", 200),
            "problem": line(item.problem, 300),
            "urgent": item.alarm is not None,
            "told": [(name, line(value, 400)) for name, value in item.told.items()],
        }
        for item in sorted(waivers(record), key=lambda item: item.used)
    )
    return list(page.within(given, lambda item: page.size(item) + CARD, WAIVERS))


def _approval(paper: Approval) -> dict[str, Any]:
    return {
        **{key: line(paper.get(key, ""), 200) for key in ("role", "name", "meaning", "decision", "at", "fingerprint", "exception")},
        "covers": paper.get("covers") is True,
    }
