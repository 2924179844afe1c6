"""What people say about a bundle: one paper a person and role, signed with that person's own SSH key, beside the gate's statement.

`attestations/approvals/NN-ROLE.json` is canonical JSON, `.sig` its detached signature. NN counts in the order of signing. An exception is a
paper of the same kind (`NN-EXCEPTION.json`) that lets one rule go for one person in one role.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.errors import ConfigurationError, EvidenceError
from gate.evidence.decode import Mismatch
from gate.evidence.files import PRIVATE, sha256_file, sync_folder, told, write_new
from gate.evidence.sshsig import NAMESPACE, Signature, parse_signature
from gate.evidence.statement import FOLDER, SIGNED, STATEMENT, UNSIGNED
from gate.evidence.strict import canonical, fields, parse_line, text
from gate.evidence.trust import is_moment, is_role
from gate.model.trust import RULES

APPROVALS, EXCEPTION = "approvals", "EXCEPTION"
APPROVAL_TYPE, EXCEPTION_TYPE = "urn:cutover-gate:attestation:release-approval:v1", "urn:cutover-gate:attestation:release-exception:v1"
FILE = re.compile(r"([0-9]{2})-([A-Za-z][A-Za-z0-9_-]{0,30})\.json")
HALF = re.compile(rf"\.{FILE.pattern}(?:\.sig)?\.partial")
DECISIONS = ("approve", "reject")
APPROVAL_FIELDS = ("decision", "keyFingerprint", "meaning", "reason", "role", "signedAt", "signer", "statementText")
EXCEPTION_FIELDS = ("keyFingerprint", "person", "reason", "role", "rule", "signedAt", "signer", "statementText")
MOST_PAPERS, MOST_BYTES, LONGEST = 99, 64 * 1024, 2000


@dataclass(frozen=True)
class Paper:
    """One approval or exception as it was read. `rule` and `person` are an exception's, `decision` and `meaning` an approval's."""

    name: str
    role: str
    decision: str
    meaning: str
    rule: str
    person: str
    reason: str
    signed_at: str
    signer: str
    printed_name: str
    signature: Signature

    @property
    def is_exception(self) -> bool:
        """Whether it lets a rule go, instead of approving or rejecting."""
        return bool(self.rule)

    @property
    def fingerprint(self) -> str:
        """Of the key that made the signature: read from the signature, not from what the paper says."""
        return self.signature.key.fingerprint


def subject(bundle: Path) -> tuple[str, str]:
    """What approvals are about: the path of the gate's statement inside the bundle, and its SHA-256."""
    for name in (SIGNED, UNSIGNED):
        path = bundle / FOLDER / name
        if path.is_file() and not path.is_symlink():
            return f"{FOLDER}/{name}", sha256_file(path)
    raise EvidenceError(f"{bundle} holds no statement of the gate", "a published bundle", "Name a bundle that `gate run` has finished")


def statement(about: tuple[str, str], kind: str, predicate: dict[str, Any]) -> bytes:
    """The paper's bytes: canonical JSON with its newline; ConfigurationError for texts that no log should carry."""
    for name, value in {**predicate, **predicate.get("signer", {})}.items():
        if isinstance(value, str) and not _fit(value):
            raise ConfigurationError(f"{name} cannot be used", f"up to {LONGEST} printable characters on one line", "Write it anew")
    name, digest = about
    said = {"_type": STATEMENT, "predicate": predicate, "predicateType": kind, "subject": [{"digest": {"sha256": digest}, "name": name}]}
    return canonical(said) + b"\n"


def next_name(folder: Path, role: str) -> str:
    """The next paper's file name. Two people who sign at the same moment meet when the second one creates the file."""
    taken = [int(found[1]) for path in folder.glob("*.json") if (found := FILE.fullmatch(path.name))] if folder.is_dir() else []
    if max(taken, default=0) >= MOST_PAPERS:
        raise EvidenceError(f"{folder} holds {MOST_PAPERS} papers already", "fewer", "Run the gate again")
    return f"{max(taken, default=0) + 1:02d}-{role}.json"


def write(bundle: Path, role: str, paper: bytes, signature: bytes) -> Path:
    """Lay signature and paper down, whole, in this order: what a kill leaves behind is known by its name, and cleared away next time.

    To be called in the bundle's `turn`, so that nobody else takes the same number.
    """
    folder = bundle / FOLDER / APPROVALS
    with told("created", folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    clear(bundle)
    with told("created", folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / next_name(folder, role)
    pairs = [(folder / f".{target.name}.partial", target) for target in (path.with_name(path.name + ".sig"), path)]
    try:
        for (half, _), content in zip(pairs, (signature, paper), strict=True):
            write_new(half, content, PRIVATE)
        for half, target in pairs:
            _show(half, target)
        sync_folder(folder)
    except BaseException:
        for name in (*pairs[0], *pairs[1]):
            with suppress(OSError):
                name.unlink(missing_ok=True)
        raise
    return path


def _show(half: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise EvidenceError(f"{target} already exists", "a name that is still free", "Sign again")
    with told("written", target):
        half.rename(target)


def clear(bundle: Path) -> list[str]:
    """Remove what a killed `gate sign` left, half-written files and signatures of papers that never came; their names."""
    folder, removed = bundle / FOLDER / APPROVALS, []
    if folder.is_symlink() or not folder.is_dir():
        return []
    with told("cleared", folder):
        for path in sorted(folder.iterdir()):
            paper = path.name.removesuffix(".sig")
            orphan = path.name != paper and FILE.fullmatch(paper) and not os.path.lexists(folder / paper)
            if orphan or HALF.fullmatch(path.name):
                path.unlink(missing_ok=True)
                removed.append(path.name)
    with suppress(OSError):
        folder.rmdir()  # if nobody has signed
    return removed


def read(name: str, content: bytes, signature: bytes, about: tuple[str, str]) -> Paper:
    """The paper in these bytes.

    Raises:
        Mismatch: it is not exactly what `statement` writes, it is about something else, or the signature is not over it.
    """
    outer = fields(parse_line(content), "_type", "predicate", "predicateType", "subject", what=name)
    kind = outer["predicateType"]
    if outer["_type"] != STATEMENT or kind not in (APPROVAL_TYPE, EXCEPTION_TYPE):
        raise Mismatch(f"{name} is no approval")
    if outer["subject"] != [{"digest": {"sha256": about[1]}, "name": about[0]}]:
        raise Mismatch(f"{name} is about other evidence than this bundle's")
    paper = _paper(name, outer["predicate"], parse_signature(signature), is_exception=kind == EXCEPTION_TYPE)
    if text(outer["predicate"]["keyFingerprint"], "keyFingerprint") != paper.fingerprint:
        raise Mismatch(f"{name} names another key than the one that signed it")
    if paper.signature.namespace != NAMESPACE:
        raise Mismatch(f"the signature of {name} was made for another purpose ({paper.signature.namespace:.60})")
    if not paper.signature.verifies(content):
        raise Mismatch(f"the signature of {name} is not over it")
    return paper


def _paper(name: str, predicate: Any, signature: Signature, *, is_exception: bool) -> Paper:
    given = fields(predicate, *(EXCEPTION_FIELDS if is_exception else APPROVAL_FIELDS), what=f"the predicate of {name}")
    signer = fields(given["signer"], "id", "printedName", what=f"the signer of {name}")
    values = {key: text(value, f"{key} of {name}") for key, value in given.items() if key != "signer"}
    found = FILE.fullmatch(name)
    if found is None or found[2] != (EXCEPTION if is_exception else values["role"]) or not is_role(values["role"]):
        raise Mismatch(f"{name} is not named after its role")
    if unfit := next((key for key, value in {**values, **signer}.items() if not _fit(text(value, key))), None):
        raise Mismatch(f"{unfit} of {name} is not up to {LONGEST} printable characters on one line")
    if not is_moment(values["signedAt"]):
        raise Mismatch(f"signedAt of {name} is no UTC time")
    if is_exception and values["rule"] not in RULES:
        raise Mismatch(f"{name} lets go a rule that does not exist")
    if not is_exception and values["decision"] not in DECISIONS:
        raise Mismatch(f"{name} neither approves nor rejects")
    return Paper(
        name=name,
        role=values["role"],
        decision=values.get("decision", ""),
        meaning=values.get("meaning", ""),
        rule=values.get("rule", ""),
        person=values.get("person", ""),
        reason=values["reason"],
        signed_at=values["signedAt"],
        signer=text(signer["id"], "id"),
        printed_name=text(signer["printedName"], "printedName"),
        signature=signature,
    )


def _fit(value: str) -> bool:
    """Whether a log can show it: no control, no line break, nothing that changes the direction of writing."""
    return len(value) <= LONGEST and value.isprintable()
