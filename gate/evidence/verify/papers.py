"""Steps 8 to 12: the gate's statement, its signature, the approvals, the rules, the decision."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.evidence import approval, decision, rules
from gate.evidence.approval import APPROVALS, Paper
from gate.evidence.decode import Mismatch
from gate.evidence.dsse import Envelope, open_envelope
from gate.evidence.files import sha256_file
from gate.evidence.keys import PublicKey, parse_public
from gate.evidence.run import BUNDLE
from gate.evidence.statement import FOLDER, PUBLIC_COPY, SIGNED, UNSIGNED, statement
from gate.evidence.strict import canonical, parse_line
from gate.evidence.trust import Trust, read_approvers
from gate.evidence.verify.folder import small
from gate.evidence.verify.memo import Memo
from gate.evidence.verify.state import State, Wrong
from gate.model import RunRecord


@dataclass(frozen=True)
class Said:
    """The gate's statement: where it stands, its content, and its envelope if it is signed."""

    path: str
    sha256: str
    content: dict[str, Any]
    envelope: Envelope | None

    @property
    def about(self) -> tuple[str, str]:
        """What approvals and decision name."""
        return self.path, self.sha256

    @property
    def extension(self) -> dict[str, Any]:
        """The gate's own words."""
        return dict(self.content["predicate"]["gate"])


def read_statement(bundle: Path, record: RunRecord, memo: Memo | None = None) -> Said:
    """Step 8: exactly one statement, and it says exactly what the journal gives."""
    found = [name for name in (SIGNED, UNSIGNED) if (bundle / FOLDER / name).is_file()]
    if len(found) != 1:
        raise Wrong(State.INVALID, f"there must be one of {SIGNED} and {UNSIGNED}, and there are {len(found)}")
    path = bundle / FOLDER / found[0]
    content, tag_manifest = small(path), sha256_file(bundle / "tagmanifest-sha256.txt")
    return (memo or Memo()).once(
        ("statement", found[0], content, tag_manifest), lambda: _statement(found[0], content, tag_manifest, record)
    )


def _statement(name: str, content: bytes, tag_manifest: str, record: RunRecord) -> Said:
    envelope = open_envelope(content) if name == SIGNED else None
    said = envelope.statement if envelope else parse_line(content)
    previous = _previous(said)
    if canonical(said) != canonical(statement(record, tag_manifest, previous)):
        raise Wrong(State.INVALID, "the gate's statement is not what the journal and the tag manifest give")
    return Said(f"{FOLDER}/{name}", hashlib.sha256(content).hexdigest(), said, envelope)


def _previous(said: Any) -> dict[str, str] | None:
    try:
        previous = said["predicate"]["gate"]["previous"]
    except (KeyError, TypeError):
        raise Mismatch("the gate's statement has no extension `gate`") from None
    if previous is None:
        return None
    known = isinstance(previous, dict) and set(previous) == {"bundle", "sha256"}
    if not known or not all(isinstance(value, str) for value in previous.values()) or not BUNDLE.fullmatch(previous["bundle"]):
        raise Mismatch("the gate's statement names the bundle before in no known form")
    return dict(previous)


def check_signature(bundle: Path, said: Said, trust: Trust | None) -> str:
    """Step 9."""
    copy = bundle / FOLDER / PUBLIC_COPY
    if said.envelope is None:
        if copy.exists():
            raise Wrong(State.INVALID, f"an unsigned statement with {PUBLIC_COPY} beside it")
        raise Wrong(State.UNTRUSTED, "UNSIGNED: the gate had no key, so nothing shows that it wrote this")
    return _signed_by(said.envelope, copy, trust.gate if trust else None, "gate")


def _signed_by(envelope: Envelope, copy: Path, trusted: tuple[PublicKey, ...] | None, what: str) -> str:
    """The copy in the bundle shows whether it was changed, the trusted keys whose it is."""
    own = _copied(copy)
    if not envelope.verified_by(own):
        raise Wrong(State.INVALID, f"the {what}'s signature does not fit")
    if trusted is None:
        raise Wrong(State.UNTRUSTED, "no trust folder was given, and the keys in the bundle can only vouch for themselves")
    if own.keyid not in {key.keyid for key in trusted}:
        raise Wrong(State.UNTRUSTED, f"the {what}'s key {own.keyid[:16]}… is not in the trust folder")
    return f"key {own.keyid[:16]}…"


def _copied(path: Path) -> PublicKey:
    content = small(path)
    key = parse_public(content, path)
    if key.pem != content:
        raise Wrong(State.INVALID, f"{path.name} is not as the gate writes it")
    return key


def read_papers(bundle: Path, said: Said, memo: Memo | None = None) -> list[Paper]:
    """Step 10, as far as the papers go by themselves."""
    folder = bundle / FOLDER / APPROVALS
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    papers = [name for name in names if not name.endswith(".sig")]
    if set(names) != {*papers, *(f"{name}.sig" for name in papers)}:
        raise Wrong(State.INVALID, "a paper without its signature, or a signature without its paper")
    if [int(name[:2]) for name in papers] != list(range(1, len(papers) + 1)):
        raise Wrong(State.INVALID, "the papers are not numbered from 01 on")
    return [_paper((name, small(folder / name), small(folder / f"{name}.sig"), said.about), memo or Memo()) for name in papers]


def _paper(given: tuple[str, bytes, bytes, tuple[str, str]], memo: Memo) -> Paper:
    return memo.once(("paper", *given), lambda: approval.read(*given))


def check_people(papers: list[Paper], said: Said, trust: Trust | None, decided_at: str | None, memo: Memo | None = None) -> rules.Findings:
    """Step 10, as far as the trust policy goes, and step 11."""
    approvers = trust.approvers if trust else None
    if approvers is None:
        raise Wrong(State.UNTRUSTED, "no trust policy about people was given (approvers.toml or approvers.json)")
    own = said.extension
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    found = (memo or Memo()).once(("rules", *papers, about, decided_at), lambda: rules.check(papers, approvers, about, decided_at))
    if found.untrusted:
        raise Wrong(State.UNTRUSTED, found.untrusted[0])
    return found


def read_decision(bundle: Path, said: Said, record: RunRecord, memo: Memo | None = None) -> tuple[decision.Decision, Envelope] | None:
    """Step 12, as far as the decision goes by itself."""
    path, people = bundle / FOLDER / decision.DECISION, bundle / FOLDER / decision.PEOPLE_COPY
    if not path.is_file():
        if people.exists() or (bundle / FOLDER / decision.RELEASE_COPY).exists():
            raise Wrong(State.INVALID, "copies that come with a decision, and no decision")
        return None
    memo, content = memo or Memo(), small(path)
    envelope = memo.once(("decision", content), lambda: open_envelope(content))
    found = memo.once(("decided", content, record.artifact), lambda: decision.read(envelope.statement, record.artifact))
    if found.about != said.about:
        raise Wrong(State.INVALID, "the decision is about another statement")
    listed = memo.beside((), ("papers",), lambda: decision.papers(bundle))
    there = {name: memo.sha256(bundle, name) for name in listed}
    if found.inputs != there:
        odd = min(set(found.inputs.items()) ^ set(there.items()))[0]
        raise Wrong(State.INVALID, f"the decision does not cover {odd} as it is")
    policy = small(people)
    memo.once(("people", policy), lambda: read_approvers(policy))
    if found.policy != hashlib.sha256(policy).hexdigest():
        raise Wrong(State.INVALID, "the decision follows another policy than the copy beside it")
    return found, envelope


def check_decision(
    bundle: Path, said: Said, made: decision.Decision, envelope: Envelope, trust: Trust | None, findings: rules.Findings | None
) -> str:
    """Step 12, as far as trust goes: signed by a release key, under this trust policy, and what the rules give."""
    if said.envelope is not None and envelope.keyid == said.envelope.keyid:
        raise Wrong(State.INVALID, "the decision is signed with the key of the gate, which only says what it saw")
    told = _signed_by(envelope, bundle / FOLDER / decision.RELEASE_COPY, trust.release if trust else None, "release")
    if trust is None or trust.digestible is None or small(bundle / FOLDER / decision.PEOPLE_COPY) != trust.digestible:
        raise Wrong(State.UNTRUSTED, "it was decided under another trust policy than the one in the trust folder")
    if findings is None:
        return told
    # A gate that is not trusted is a reason for FAILED too; for PASSED it is step 9 that says so.
    trusted = said.envelope is not None and said.envelope.keyid in {key.keyid for key in trust.gate}
    passed = not findings.broken and not findings.missing
    if (made.result == decision.PASSED) != passed and (trusted or not passed):
        why = (*findings.broken, *findings.missing, "every rule holds")[0]
        raise Wrong(State.INVALID, f"the decision says {made.result}, but {why}")
    return f"{made.result}, {told}"
