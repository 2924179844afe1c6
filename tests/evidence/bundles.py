"""Small bundles made by the real parts: journal, reports, statement, keys, people, decision."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gate.decide.verdict import Policy, decide
from gate.evidence import Bundle, Journal, replay
from gate.evidence import approval as approvals
from gate.evidence.closing import close
from gate.evidence.keys import PrivateKey, load_private, new_key
from gate.evidence.run import STARTED
from gate.evidence.sshsig import NAMESPACE, fingerprint
from gate.evidence.statement import papers, previous_bundle
from gate.evidence.trust import JSON, Trust, as_file, load_trust
from gate.model import Basis, Control, Criterion, Outcome, Phase, Result, Safety, Severity, Terms
from gate.redact import Redactor
from gate.report import render_all

BEGUN = datetime(2026, 2, 28, 10, 8, 33, tzinfo=UTC)
POLICY = Policy("baseline", Severity.MEDIUM, None)
SUITES = {"recall": Criterion.RECALL, "audit": Criterion.AUDIT, "security": Criterion.AUTH, "acceptance": Criterion.ERRORS}


def _control(name: str, criterion: Criterion) -> Control:
    where = (Phase.PROBES, Safety.READ, name, "suites/a.py")
    return Control(f"{name.upper()}-1", f"The {name} holds", Severity.HIGH, Basis.CONTRACT, criterion, *where)


CONTROLS = tuple(_control(*item) for item in SUITES.items())


@dataclass
class Company:
    """Keys and people of a team, and the trust folder that an auditor has."""

    folder: Path
    gate: PrivateKey
    release: PrivateKey

    @property
    def trust(self) -> Path:
        return self.folder / "trust"

    def load(self) -> Trust:
        return load_trust(self.trust)

    def key(self, person: str) -> Path:
        return self.folder / "ssh" / person


def ssh_key(path: Path, kind: str = "ed25519") -> str:
    """A new SSH key; the line of its .pub without the comment."""
    path.parent.mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True, capture_output=True)  # noqa: S607 - Debian's
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def company(folder: Path, *, more: str = "", roles: str = '["Engineering", "QA", "Operations"]', until: str = "2027-12-31") -> Company:
    """Three people with a role each, and what `more` adds to approvers.toml."""
    (folder / "trust").mkdir(parents=True)
    made = Company(folder, load_private(new_key(folder / "keys", "gate")[0]), load_private(new_key(folder / "keys", "release")[0]))
    for name in ("gate", "release"):
        (made.trust / f"{name}.pub.pem").write_bytes((folder / "keys" / f"{name}.pub.pem").read_bytes())
    lines = ["schema_version = 1", f"required_roles = {roles}", "evidence_max_age_hours = 72"]
    for person, role in (("eng", "Engineering"), ("qa", "QA"), ("ops", "Operations")):
        public = ssh_key(made.key(person))
        about = {"id": f'"{person}@example.com"', "name": f'"Person {person}"', "roles": f'["{role}"]', "aliases": f'["{person}-login"]'}
        lines += ["[[person]]", *(f"{key} = {value}" for key, value in about.items())]
        lines += ["[[person.key]]", f'public = "{public}"', "valid_from = 2026-01-01", f"valid_until = {until}"]
    (made.trust / "approvers.toml").write_text("\n".join(lines) + "\n" + more)
    loaded = made.load()
    assert loaded.approvers is not None
    (made.trust / JSON).write_bytes(as_file(loaded.approvers))
    return made


def run(
    out_dir: Path,
    key: PrivateKey | None,
    *,
    outcome: Outcome = Outcome.PASSED,
    at: datetime = BEGUN,
    change: Callable[[str, Any], Any] = lambda _event, data: data,
    reports: Callable[[dict[str, str]], dict[str, str]] = lambda files: files,
    load: Sequence[str] = (),
    **started: str,
) -> Path:
    """A published bundle of a run in which the first control ends like that."""
    moments = iter(range(10**6))
    bundle = Bundle(out_dir, lambda: at)
    results = {item.id: Result(item.id, Outcome.PASSED, measured=1) for item in CONTROLS}
    if outcome is not Outcome.PASSED:
        results[CONTROLS[0].id] = Result(CONTROLS[0].id, outcome, "a reason", fingerprint="f1")
    decision = decide(CONTROLS, results, POLICY, (), (), date(2026, 2, 28))
    begun = dict.fromkeys(STARTED, "") | {"run_id": "r1", "gate_version": "0.1.0", "policy": "baseline", "bundle": bundle.ts} | started
    terms = Terms(POLICY.contract, POLICY.hardening, (), {"profile": "aa" * 32, "policy": "bb" * 32, "waivers": None}, {}, "", {})
    plan = {"controls": list(CONTROLS), "not_applicable": {}, "terms": asdict(terms)}
    events: list[tuple[str, Any]] = [("run.started", begun), ("plan", plan)]
    events += [("outcome", asdict(result)) for result in results.values()]
    events += [("triggers", {"triggers": []}), ("verdict", asdict(decision) | {"exit_status": decision.verdict.exit_status})]
    with Journal(bundle.journal, Redactor(), clock=lambda: at + timedelta(milliseconds=next(moments))) as journal:
        for event, data in events:
            journal.append(event, change(event, data))
    record = replay(bundle.journal)
    for name in load:
        (bundle.data / "load").mkdir(exist_ok=True)
        (bundle.data / "load" / name).write_text(f"{name} of a load run\n")
    return bundle.publish(
        reports(render_all(record)), attest=lambda digest: papers(record, digest, previous_bundle(out_dir, bundle.ts), key)
    )


def sign(
    bundle: Path,
    made: Company,
    who: str,
    role: str,
    *,
    key: str = "",
    at: str = "2026-02-28T12:00:00Z",
    namespace: str = NAMESPACE,
    kind: str = approvals.APPROVAL_TYPE,
    about: tuple[str, str] | None = None,
    **changes: Any,
) -> Path:
    """A paper laid down without any of the command's checks, so that broken ones can be tried."""
    key_file = made.key(key or who)
    public = " ".join(key_file.with_name(key_file.name + ".pub").read_text().split()[:2])
    predicate: dict[str, Any] = {
        "decision": "approve",
        "keyFingerprint": fingerprint(public),
        "meaning": "Approved for production",
        "reason": "",
        "role": role,
        "signedAt": at,
        "signer": {"id": f"{who}@example.com", "printedName": f"Person {who}"},
        "statementText": "I approve",
    } | changes
    if kind == approvals.EXCEPTION_TYPE:
        predicate = {name: value for name, value in predicate.items() if name not in ("decision", "meaning")}
    paper = approvals.statement(about or approvals.subject(bundle), kind, predicate)
    name = approvals.EXCEPTION if kind == approvals.EXCEPTION_TYPE else role
    return approvals.write(bundle, name, paper, ssh_sign(key_file, paper, namespace))


def ssh_sign(key_file: Path, message: bytes, namespace: str = NAMESPACE, hash_name: str = "sha512") -> bytes:
    """By the real ssh-keygen."""
    command = ["ssh-keygen", "-Y", "sign", "-O", f"hashalg={hash_name}", "-f", str(key_file), "-n", namespace]
    return subprocess.run(command, input=message, check=True, capture_output=True).stdout


def sign_all(bundle: Path, made: Company) -> None:
    """The three approvals."""
    for person, role in (("eng", "Engineering"), ("qa", "QA"), ("ops", "Operations")):
        sign(bundle, made, person, role)


def decide_on(bundle: Path, made: Company, *, at: str = "2026-02-28T13:00:00Z", final: bool = False) -> tuple[str, tuple[str, ...]] | None:
    """The decision."""
    return close(bundle, made.load(), made.release, resource="", at=at, final=final)
