"""The gate's statement about a bundle: in-toto Statement v1 with the predicate test-result v0.1, which anybody's tools can read.

What test-result cannot say (the exact verdict, the journal's head, who ran it, which bundle came before) stands in its extension `gate`.
Leaving the extension out never makes it say more: anything but a GO is FAILED in the standard's own words, too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.evidence.dsse import sign
from gate.evidence.files import sha256_file
from gate.evidence.strict import canonical
from gate.model import Decision, Outcome, RunRecord, Verdict

if TYPE_CHECKING:
    from gate.evidence.keys import PrivateKey

FOLDER = "attestations"
SIGNED, UNSIGNED, PUBLIC_COPY = "gate.dsse.json", "gate.json", "gate.pub.pem"
STATEMENT, TEST_RESULT = "https://in-toto.io/Statement/v1", "https://in-toto.io/attestation/test-result/v0.1"
TAG_MANIFEST = "tagmanifest-sha256.txt"


def statement(record: RunRecord, tag_manifest: str, previous: dict[str, str] | None) -> dict[str, Any]:
    """What the gate says of a run with a verdict.

    Args:
        record: the run.
        tag_manifest: SHA-256 of the bag's tag manifest, which covers every other file.
        previous: the environment's bundle before this one (`previous_bundle`).

    Raises:
        ValueError: the run has no verdict, so there is nothing to state.
    """
    if record.decision is None or record.terms is None:
        raise ValueError("a run without a verdict cannot be stated")
    artifact = [{"digest": {"sha256": record.artifact}, "name": "artifact"}] if record.artifact else []
    return {
        "_type": STATEMENT,
        "predicate": {
            **outcome(record, record.decision),
            "configuration": configuration(record),
            "gate": extension(record, record.decision, previous),
        },
        "predicateType": TEST_RESULT,
        "subject": [*artifact, {"digest": {"sha256": tag_manifest}, "name": TAG_MANIFEST}],
    }


def outcome(record: RunRecord, decision: Decision) -> dict[str, Any]:
    """The result and who earned it. What is neither passed nor without application is failed, whatever the reason."""
    fine = {Outcome.PASSED: "passedTests", Outcome.NOT_APPLICABLE: ""}
    lists: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    waived = set(decision.waived)
    for control in record.controls:
        found = record.results.get(control.id)
        name = fine.get(found.outcome if found else Outcome.NOT_RUN, "warnedTests" if control.id in waived else "failedTests")
        if name:
            lists[name].append(control.id)
    word = "FAILED" if decision.verdict is not Verdict.GO else "WARNED" if waived else "PASSED"
    return {"result": word, **{name: sorted(ids) for name, ids in lists.items()}}


def configuration(record: RunRecord) -> list[dict[str, Any]]:
    """By digest: what the run was judged by."""
    if record.terms is None:
        return []
    plan = canonical(sorted(control.id for control in record.controls))
    sources = canonical(record.terms.sources)
    digests = {"plan": _sha256(plan), "suites": _sha256(sources), **record.terms.inputs}
    return [{"digest": {"sha256": digest}, "name": name} for name, digest in sorted(digests.items()) if digest]


def extension(record: RunRecord, decision: Decision, previous: dict[str, str] | None) -> dict[str, Any]:
    """What test-result has no word for."""
    return {
        "baseUrl": record.base_url,
        "commitAuthor": record.commit_author,
        "environment": record.environment,
        "finishedAt": record.finished_at,
        "journal": {"events": record.events, "head": record.head},
        "operator": record.operator,
        "previous": previous,
        "runId": record.run_id,
        "startedAt": record.started_at,
        "verdict": decision.verdict.value,
        "version": record.gate_version,
    }


def papers(record: RunRecord, tag_manifest: str, previous: dict[str, str] | None, key: PrivateKey | None) -> dict[str, bytes]:
    """The files for the bundle's `attestations/`: a signed envelope with a copy of the key, or, without a key, the bare statement."""
    said = statement(record, tag_manifest, previous)
    if key is None:
        return {UNSIGNED: canonical(said) + b"\n"}
    return {SIGNED: sign(said, key), PUBLIC_COPY: key.public.pem}


def previous_bundle(out_dir: Path, own: str) -> dict[str, str] | None:
    """The newest published bundle of the folder before `own` (a time stamp), by name and by the digest of its statement."""
    for folder in sorted(out_dir.glob("*Z"), reverse=True):
        for name in (SIGNED, UNSIGNED):
            path = folder / FOLDER / name
            if folder.name < own and path.is_file() and not path.is_symlink():
                return {"bundle": folder.name, "sha256": sha256_file(path)}
    return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
