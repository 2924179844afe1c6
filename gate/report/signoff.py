"""`signoff.md`: the checklist's sign-off log, every field in its order and words. What was not recorded says so.

Where papers are at hand (`gate signoff`, not the copy in a bundle, which is older than any signature) it shows who signed what.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from gate.decide.person import same
from gate.model import RunRecord, Verdict
from gate.model.signed import SignatureLine, SignOff
from gate.paths import data_root
from gate.report.clean import Safe, code, line, markdown, shown
from gate.report.view import WaiverLine, before_and_after, fact, in_the_way, seconds, waivers

MISSING = "not recorded"
PENDING = "Pending manual sign-off entry"
TEMPLATE = "signoff.md.j2"
IMPACT = ("impacted_customers_count", "impacted_qty", "suppliers_count", "finished_lots_count")
VERIFIED = ("valid", "missing_files", "mismatches")
ROLES = ("Engineering", "QA", "Operations")


@dataclass(frozen=True, slots=True)
class Release:
    """What the journals do not know: what was released, and who approves it.

    `shas` holds the commit of the deployment and then of each re-validation, in the order of the runs; what lies beyond is not recorded.
    """

    shas: tuple[str | None, ...] = ()
    tag: str | None = None
    engineering: str | None = None
    qa: str | None = None
    operations: str | None = None

    @property
    def approvers(self) -> dict[str, str | None]:
        """The name for each role; None where nothing visible was given."""
        names = (self.engineering, self.qa, self.operations)
        return {role: line(name or "", 120) or None for role, name in zip(ROLES, names, strict=True)}


Records = list[tuple[RunRecord, dict[str, str]]]


def render(records: Records, release: Release, papers: tuple[SignOff, ...] = ()) -> str:
    """The log. The first record is the deployment, later ones are re-validations; with each its report paths. `papers` are theirs."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - slow to load, and only this report needs it

    environment = Environment(
        loader=FileSystemLoader(data_root() / "templates"),
        undefined=StrictUndefined,
        finalize=markdown,
        autoescape=False,  # noqa: S701 - HTML is not what is written; `finalize` escapes every value for Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": _code, "codes": _codes}
    return environment.get_template(TEMPLATE).render(**contents(records, release, papers))


def contents(records: Records, release: Release, papers: tuple[SignOff, ...]) -> dict[str, Any]:
    """What the log says, for any template."""
    warnings = [text for number, (record, _) in enumerate(records) for text in _warnings(record, number)]
    return {
        "runs": [_run(record, paths, number, release) for number, (record, paths) in enumerate(records)],
        "approvers": {role: _approver(role, release.approvers, papers) for role in ROLES},
        "tag": release.tag,
        "warnings": [*warnings, *_unsafe(papers), *_duplicates(release.approvers)],
        "pending": PENDING,
        "sheets": [_sheet(paper) for paper in papers],
    }


def _run(record: RunRecord, paths: dict[str, str], number: int, release: Release) -> dict[str, Any]:
    recall, pack = fact(record, "recall_drill"), fact(record, "audit_pack")
    status = _text(recall.get("status"))
    return {
        "again": number > 0,
        "at": seconds(record.started_at),
        "sha": release.shas[number] if number < len(release.shas) else None,
        "paths": {key: paths.get(key) for key in ("release_gate", "security_regression", "go_live_acceptance")},
        "recall": _recall(recall),
        "impact": [*_told(recall, IMPACT), f"HTTP {status or MISSING}"],
        "pack": {"at": _moment(pack), **{key: _text(pack.get(key)) for key in ("pack_id", "download_file", "download_status")}},
        "verified": _told(pack, VERIFIED),
        "change": before_and_after(record) or "interrupted",
        "waivers": [_waiver(item) for item in waivers(record)],
    }


def _waiver(item: WaiverLine) -> dict[str, Any]:
    return {"control": item.waiver.control, "used": item.used, "urgent": item.alarm is not None, **item.told}


def _recall(recall: dict[str, Any]) -> dict[str, Any]:
    took = _number(recall.get("trace_seconds"))
    return {
        "endpoint": _text(recall.get("endpoint")),
        "batch": _text(recall.get("batch")),
        "took": None if took is None else f"{_text(recall['trace_seconds'])}s",
        "target": _target(took, recall.get("limit_seconds")),
        "plain_target": _target(took, recall.get("limit_seconds")).replace("`", "").replace("*", ""),
        "at": _moment(recall),
    }


def _target(took: float | None, limit: object) -> Safe:
    """The time target, and whether it was met: only two numbers can show that."""
    most = _number(limit)
    if most is None:
        return Safe(f"{MISSING}, not shown to be met")
    if took is None:
        return Safe(f"`< {most:g}s` not shown to be met")
    return Safe(f"`< {most:g}s` {'met' if 0 <= took < most else '**NOT met**'}")


def _told(facts: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    return [f"{key}={MISSING if (text := _text(facts.get(key))) is None else text}" for key in keys]


def _warnings(record: RunRecord, number: int) -> list[str]:
    """What must be read before anything else: a run that is no GO."""
    run = f"re-validation {number}" if number else "the deployment run"
    if record.decision is None:
        return [f"{run} of {seconds(record.started_at)} was INTERRUPTED and proves nothing: {line(record.interruption)}"]
    if record.decision.verdict is Verdict.GO:
        before = record.decision.before_waivers
        return (
            [f"{run} of {seconds(record.started_at)} is GO with waivers only; without them it is {before}"]
            if before is not Verdict.GO
            else []
        )
    obstacles = in_the_way(record)
    blocking = ", ".join(line(item, 160) for item in obstacles[:12]) or "too little was measured"
    more = len(obstacles) - 12
    return [f"{run} of {seconds(record.started_at)} is {record.decision.verdict}: {blocking}{f' and {more} more' if more > 0 else ''}"]


def _approver(role: str, approvers: dict[str, str | None], papers: tuple[SignOff, ...]) -> dict[str, Any]:
    """Who signed for the role on the newest evidence that was signed at all; else the name that was given, which proves nothing."""
    newest = next((paper for paper in reversed(papers) if paper.lines), None)
    signed = [item.name for item in newest.lines if item.role == role and approves(item)] if newest else []
    name = approvers[role]
    doubles = [other for other in ROLES if name and other != role and (second := approvers[other]) and same(name, second)]
    how = _how(newest) if newest and signed else "not signed"
    return {"name": ", ".join(signed) or name, "how": how, "good": how == "signed", "doubles": [] if signed else doubles}


def _how(paper: SignOff) -> str:
    if not paper.trusted:
        return "signed with a key that was not checked"
    return "signed" if paper.state in ("VALID", "INCOMPLETE") else f"signed, but the evidence is {paper.state}"


def approves(item: SignatureLine) -> bool:
    """Whether it approves and nothing is known against it."""
    return item.decision == "approve" and not item.problem


def _unsafe(papers: tuple[SignOff, ...]) -> list[str]:
    """What a reader of the signatures must know first."""
    found = [f"the evidence in {paper.bundle} is INVALID: {paper.reason}" for paper in papers if paper.state == "INVALID"]
    found += [f"the release is decided: FAILED (on {paper.bundle})" for paper in papers if paper.decision == "FAILED"]
    rejected = [(item, paper) for paper in papers for item in paper.lines if item.decision == "reject"]
    return found + [f"{item.name} rejected {paper.bundle} for {item.role}: {item.reason}" for item, paper in rejected]


def _sheet(paper: SignOff) -> dict[str, Any]:
    """The signatures under one bundle."""
    votes = [_vote(item, paper) for item in paper.lines if not item.rule and item.decision != "exception"]
    exceptions = [_vote(item, paper) for item in paper.lines if item.rule or item.decision == "exception"]
    unsigned = [role for role in paper.missing if all(vote["role"] != role or vote["bad"] for vote in votes)]
    told = paper.decision if paper.state == "VALID" or not paper.decision else f"{paper.decision}, but the evidence is {paper.state}"
    return {
        "paper": paper,
        "decision": told,
        "passed": told == "PASSED",
        "votes": votes,
        "exceptions": exceptions,
        "unsigned": unsigned,
        "nobody": not votes and not unsigned,
    }


def _vote(item: SignatureLine, paper: SignOff) -> dict[str, Any]:
    fine = "covers this evidence and verifies"
    if item.problem:
        told = f"DOES NOT COUNT: {item.problem}"
    elif not paper.trusted:
        told = f"UNTRUSTED: {fine}, but whose key it is was not checked (no --trust)"
    else:
        told = f"trusted: {fine}, with a key of this person"
    return {
        "role": item.role,
        "name": f"{item.name} ({item.id})" if item.name else None,
        "decision": item.decision,
        "meaning": item.meaning,
        "reason": item.reason,
        "rule": item.rule or "a rule that is not told",
        "person": item.person or "somebody who is not told",
        "at": item.at or None,
        "fingerprint": item.fingerprint or None,
        "told": told,
        "bad": bool(item.problem) or not paper.trusted,
    }


def _duplicates(approvers: dict[str, str | None]) -> list[str]:
    """One warning a pair of roles that one person holds."""
    given = [(role, name) for role, name in approvers.items() if name]
    pairs = [(one, other) for one, other in combinations(given, 2) if same(one[1], other[1])]
    return [
        f"the same person approves for {first} and for {second}: {name}{'' if name == other else f' / {other}'}. Two roles need two people"
        for (first, name), (second, other) in pairs
    ]


def _moment(facts: dict[str, Any]) -> str | None:
    at = facts.get("at")
    return seconds(at) if isinstance(at, str) and len(at) > 19 else _text(at)


def _number(value: object) -> float | None:
    """A measurement: a finite number, or the text in which the journal keeps a decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    """A fact as the checklist writes it; None for what is not there."""
    if value is None or value == "":
        return None
    return shown(value)


def _code(value: object) -> Safe:
    return code(MISSING if value is None else value)


def _codes(values: list[str]) -> Safe:
    return Safe(", ".join(map(code, values)))
