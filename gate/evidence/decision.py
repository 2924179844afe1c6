"""The release decision: a SLSA verification summary (VSA v1) that names every paper by digest and so closes the bundle.

PASSED means: the gate's statement is signed by a trusted key and says GO, and every rule of the trust policy holds. Anything else is
FAILED, with the reasons in the extension `gate`; leaving that out never turns FAILED into PASSED.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate import __version__
from gate.evidence.decode import Mismatch
from gate.evidence.files import sha256_file
from gate.evidence.statement import FOLDER, STATEMENT
from gate.evidence.strict import fields, text
from gate.evidence.trust import is_moment

DECISION, RELEASE_COPY, PEOPLE_COPY = "release.dsse.json", "release.pub.pem", "approvers.json"
VSA, VERIFIER = "https://slsa.dev/verification_summary/v1", "urn:cutover-gate:release-gate:v1"
PASSED, FAILED, APPROVED = "PASSED", "FAILED", "RELEASE_APPROVED"
PREDICATE = (
    "gate",
    "inputAttestations",
    "policy",
    "resourceUri",
    "timeVerified",
    "verificationResult",
    "verifiedLevels",
    "verifier",
)


@dataclass(frozen=True)
class Decision:
    """A decision as it was read: `inputs` path to SHA-256, `reasons` why it failed."""

    result: str
    at: str
    policy: str
    inputs: dict[str, str]
    about: tuple[str, str]
    reasons: tuple[str, ...]


def statement(
    bundle: Path, about: tuple[str, str], artifact: str, *, resource: str, policy: str, at: str, reasons: list[str]
) -> dict[str, Any]:
    """The summary over everything that lies in the bundle's `attestations/` now.

    Args:
        bundle: with the copies of key and people in it already.
        about: path and SHA-256 of the gate's statement.
        artifact: SHA-256 of what is released, empty if unknown.
        resource: what is released, as a URI.
        policy: SHA-256 of approvers.json.
        at: now, UTC.
        reasons: why it failed; none means PASSED.
    """
    subjects = [{"digest": {"sha256": artifact}, "name": "artifact"}] if artifact else []
    return {
        "_type": STATEMENT,
        "predicate": {
            "gate": {"reasons": reasons},
            "inputAttestations": [{"digest": {"sha256": digest}, "uri": name} for name, digest in sorted(inputs(bundle).items())],
            "policy": {"digest": {"sha256": policy}, "uri": f"{FOLDER}/{PEOPLE_COPY}"},
            "resourceUri": resource,
            "timeVerified": at,
            "verificationResult": FAILED if reasons else PASSED,
            "verifiedLevels": [FAILED] if reasons else [APPROVED],
            "verifier": {"id": VERIFIER, "version": {"gate": __version__}},
        },
        "predicateType": VSA,
        "subject": [*subjects, {"digest": {"sha256": about[1]}, "name": about[0]}],
    }


def inputs(bundle: Path) -> dict[str, str]:
    """Every paper but the decision itself: its path in the bundle, and its SHA-256."""
    return {name: sha256_file(bundle / name) for name in papers(bundle)}


def papers(bundle: Path) -> list[str]:
    """Where in the bundle they are."""
    found = [path for path in (bundle / FOLDER).rglob("*") if path.is_file() and path != bundle / FOLDER / DECISION]
    return [path.relative_to(bundle).as_posix() for path in found]


def read(said: Any, artifact: str) -> Decision:
    """The decision in a statement; Mismatch unless it is exactly what `statement` makes.

    Args:
        said: the envelope's payload.
        artifact: what the gate's statement is about.
    """
    outer = fields(said, "_type", "predicate", "predicateType", "subject", what="the decision")
    if outer["_type"] != STATEMENT or outer["predicateType"] != VSA:
        raise Mismatch("the decision is no verification summary")
    given = fields(outer["predicate"], *PREDICATE, what="the decision's predicate")
    result, at = given["verificationResult"], text(given["timeVerified"], "timeVerified")
    reasons = fields(given["gate"], "reasons", what="the decision's reasons")["reasons"]
    if result not in (PASSED, FAILED) or given["verifiedLevels"] != [APPROVED if result == PASSED else FAILED]:
        raise Mismatch("the decision neither passed nor failed")
    if (
        not isinstance(reasons, list)
        or not all(isinstance(reason, str) and reason for reason in reasons)
        or bool(reasons) == (result == PASSED)
    ):
        raise Mismatch("a decision failed for reasons, and passed for none")
    if not is_moment(at):
        raise Mismatch("timeVerified is no UTC time")
    if fields(given["verifier"], "id", "version", what="the verifier")["id"] != VERIFIER or not text(given["resourceUri"], "resourceUri"):
        raise Mismatch("the decision is another verifier's")
    policy = fields(given["policy"], "digest", "uri", what="the policy")
    if policy["uri"] != f"{FOLDER}/{PEOPLE_COPY}":
        raise Mismatch("the decision follows another policy than approvers.json")
    return Decision(result, at, _digest(policy), _inputs(given["inputAttestations"]), _about(outer["subject"], artifact), tuple(reasons))


def _inputs(listed: Any) -> dict[str, str]:
    if not isinstance(listed, list):
        raise Mismatch("inputAttestations must be a list")
    found = {text(fields(item, "digest", "uri", what="a paper")["uri"], "uri"): _digest(item) for item in listed}
    if [item["uri"] for item in listed] != sorted(found):
        raise Mismatch("inputAttestations must name each paper once, in order")
    return found


def _about(subjects: Any, artifact: str) -> tuple[str, str]:
    expected = [{"digest": {"sha256": artifact}, "name": "artifact"}] if artifact else []
    if not isinstance(subjects, list) or len(subjects) != len(expected) + 1 or subjects[:-1] != expected:
        raise Mismatch("the decision is about another artifact than the gate's statement")
    last = fields(subjects[-1], "digest", "name", what="the decision's subject")
    return text(last["name"], "name"), _digest(last)


def _digest(item: Any) -> str:
    return text(fields(item["digest"], "sha256", what="a digest")["sha256"], "sha256")
