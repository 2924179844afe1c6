"""The papers of a bundle one by one, for the sign-off log: a broken one is shown as broken, and hides none of the others."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from gate.errors import GateError
from gate.evidence import approval, decision, rules
from gate.evidence.approval import APPROVALS, EXCEPTION, FILE, Paper
from gate.evidence.statement import FOLDER
from gate.evidence.trust import Trust
from gate.evidence.verify import State, verify
from gate.evidence.verify.folder import small
from gate.evidence.verify.papers import Said, read_decision, read_statement
from gate.evidence.verify.run import read_journal
from gate.evidence.verify.state import Wrong
from gate.model import RunRecord
from gate.model.signed import SignatureLine, SignOff
from gate.model.trust import Approvers

GATE_SIGNATURE = 9  # the step of `gate verify`
UNUSABLE = (GateError, Wrong, ValueError, OSError, KeyError, TypeError, RecursionError)


def sign_off(bundle: Path, trust: Trust | None) -> SignOff:
    """What was signed about the bundle, whatever state it is in."""
    found = verify(bundle, trust)
    people = trust.approvers if trust else None
    record, said = _evidence(bundle)
    read = [_read(path, said) for path in _files(bundle)]
    made = _decision(bundle, said, record)
    findings = _findings([paper for paper in read if isinstance(paper, Paper)], said, people, made)
    broken = f"the evidence is {found.state}: {found.reason}" if found.state is State.INVALID else ""
    lines = tuple(_line(item, findings, broken) if isinstance(item, Paper) else item for item in read)
    approved = {line.role for line in lines if line.decision == "approve" and not line.problem}
    return SignOff(
        bundle=bundle.resolve().name,
        state=found.state.value,
        reason=found.reason,
        signed=said is not None and said.envelope is not None,
        trusted=people is not None,
        decision=made.result if made and not broken else "",
        decided_at=made.at if made and not broken else "",
        lines=lines,
        missing=tuple(role for role in people.required_roles if role not in approved) if people else (),
        gate_known=any(step.number == GATE_SIGNATURE and step.state is State.VALID for step in found.steps),
    )


def _evidence(bundle: Path) -> tuple[RunRecord | None, Said | None]:
    with suppress(*UNUSABLE):
        record = read_journal(bundle)
        return record, read_statement(bundle, record)
    return None, None


def _files(bundle: Path) -> list[Path]:
    folder = bundle / FOLDER / APPROVALS
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if FILE.fullmatch(path.name))


def _read(path: Path, said: Said | None) -> Paper | SignatureLine:
    try:
        about = said.about if said else approval.subject(path.parents[2])
        return approval.read(path.name, small(path), small(path.with_name(path.name + ".sig")), about)
    except UNUSABLE as error:
        why = error.reason if isinstance(error, Wrong) else error.happened if isinstance(error, GateError) else str(error)
        found = FILE.fullmatch(path.name)
        return SignatureLine(path.name, found[2] if found else "", why, decision="exception" if found and found[2] == EXCEPTION else "")


def _decision(bundle: Path, said: Said | None, record: RunRecord | None) -> decision.Decision | None:
    if said is None or record is None:
        return None
    with suppress(*UNUSABLE):
        made = read_decision(bundle, said, record)
        return made[0] if made else None
    return None


def _findings(papers: list[Paper], said: Said | None, people: Approvers | None, made: decision.Decision | None) -> tuple[str, ...]:
    """What the rules say, each sentence with the name of its paper before it."""
    if said is None or people is None:
        return ()
    own = said.extension
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    at = made.at if made else None
    untrusted = rules.check(papers, people, about, at).untrusted
    # The rules stop at strangers; whether the others' papers hold must show all the same.
    known = [paper for paper in papers if not any(text.startswith(f"{paper.name}: ") for text in untrusted)]
    return (*untrusted, *rules.check(known, people, about, at).broken)


def _line(paper: Paper, findings: tuple[str, ...], broken: str) -> SignatureLine:
    prefix = f"{paper.name}: "
    # A rejection counts: that it stands in the way is no fault of it.
    against = [text.removeprefix(prefix) for text in findings if text.startswith(prefix) and " rejected it for " not in text]
    return SignatureLine(
        paper=paper.name,
        role=paper.role,
        problem=broken or (against[0] if against else ""),
        name=paper.printed_name,
        id=paper.signer,
        decision=paper.decision,
        meaning=paper.meaning,
        reason=paper.reason,
        rule=paper.rule,
        person=paper.person,
        at=paper.signed_at,
        fingerprint=paper.fingerprint,
    )
