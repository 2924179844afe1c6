"""Closing a bundle: copies of key and people, then the decision that covers them and every paper."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from gate.errors import ConfigurationError, Refused
from gate.evidence import approval, decision, rules
from gate.evidence.dsse import sign
from gate.evidence.files import replace_file, sync_folder, told
from gate.evidence.keys import PrivateKey
from gate.evidence.statement import FOLDER
from gate.evidence.trust import Trust
from gate.evidence.verify.papers import Said, check_signature, read_papers, read_statement
from gate.evidence.verify.run import read_journal
from gate.evidence.verify.state import Wrong


def close(bundle: Path, trust: Trust, key: PrivateKey, *, resource: str, at: str, final: bool) -> tuple[str, tuple[str, ...]] | None:
    """Decide and write; the result and its reasons, or None if roles are missing and it is not `final`.

    Raises:
        Refused: it is decided already.
        EvidenceError: it cannot be written.
        ConfigurationError: the key is not one of the trust folder's release keys, or the folder names no people.
    """
    if trust.approvers is None or trust.digestible is None:
        raise ConfigurationError("the trust folder names no people", "approvers.toml", "Add it")
    if key.public.keyid not in {known.keyid for known in trust.release}:
        raise ConfigurationError(
            f"the key {key.public.keyid[:16]}… is no release*.pub.pem of the trust folder", "a key that may sign decisions", "Check --key"
        )
    refuse_decided(bundle)
    record = read_journal(bundle)
    said = read_statement(bundle, record)
    findings = _findings(bundle, said, trust, at)
    reasons = [*_unsigned(bundle, said, trust), *findings.untrusted, *findings.broken, *findings.missing]
    if findings.missing and not findings.broken and not final:
        return None
    _write(bundle, said, record.artifact, trust.digestible, key, resource or f"urn:cutover-gate:run:{record.run_id}", at, reasons)
    return (decision.FAILED if reasons else decision.PASSED), tuple(reasons)


def refuse_decided(bundle: Path) -> None:
    """Refused once there is a decision: it names every paper, so that one more would contradict it."""
    if os.path.lexists(bundle / FOLDER / decision.DECISION):
        raise Refused(f"{bundle} is decided already", "a bundle without a decision", "Run the gate again if it has to be decided anew")


def clear(bundle: Path) -> list[str]:
    """Remove what a killed `gate sign` or `gate decide` left; the names. To be called in the bundle's `turn`.

    That is: half-written files, signatures without their paper, copies without the decision that they come with.
    """
    folder, removed = bundle / FOLDER, []
    names = (decision.PEOPLE_COPY, decision.RELEASE_COPY)
    left = [path for name in (*names, decision.DECISION) for path in folder.glob(f".{name}.*.partial")]
    if not os.path.lexists(folder / decision.DECISION):
        left += [folder / name for name in names if os.path.lexists(folder / name)]
        removed = approval.clear(bundle)
    for path in left:
        with told("removed", path):
            path.unlink(missing_ok=True)
    return [*removed, *(path.name for path in left)]


def _findings(bundle: Path, said: Said, trust: Trust, at: str) -> rules.Findings:
    own = said.extension
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    if trust.approvers is None:
        return rules.Findings()
    return rules.check(read_papers(bundle, said), trust.approvers, about, at)


def _unsigned(bundle: Path, said: Said, trust: Trust) -> list[str]:
    try:
        check_signature(bundle, said, trust)
    except Wrong as wrong:
        return [wrong.reason]
    return []


def _write(bundle: Path, said: Said, artifact: str, people: bytes, key: PrivateKey, resource: str, at: str, reasons: list[str]) -> None:
    folder = bundle / FOLDER
    copies = {folder / decision.PEOPLE_COPY: people, folder / decision.RELEASE_COPY: key.public.pem}
    try:
        for path, content in copies.items():
            replace_file(path, content)
        digest = hashlib.sha256(people).hexdigest()
        summary = decision.statement(bundle, said.about, artifact, resource=resource, policy=digest, at=at, reasons=reasons)
        replace_file(folder / decision.DECISION, sign(summary, key))
    except BaseException:
        for path in (folder / decision.DECISION, *copies):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    sync_folder(folder)
