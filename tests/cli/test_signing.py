"""From a new key to a decision, by the commands that people type; and what an auditor without this product says of it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # its own way of offering it

from gate.cli.main import main
from gate.evidence import sshsig
from gate.model import Outcome
from tests.evidence import bundles
from tests.evidence.bundles import Company

APPROVE = ("--decision", "approve", "--meaning", "Approved for production release")
ROLES = {"eng": "Engineering", "qa": "QA", "ops": "Operations"}
LEAD = """
[[person]]
id = "lead@example.com"
name = "Person lead"
roles = ["Engineering", "QA", "Operations"]
may_except = ["distinct-person", "operator"]
[[person.key]]
public = "{}"
valid_from = 2026-01-01
valid_until = 2099-12-31
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    public = bundles.ssh_key(folder / "ssh" / "lead")
    bundles.ssh_key(folder / "ssh" / "rsa", "rsa")
    return bundles.company(folder, until="2099-12-31", more=LEAD.format(public))


@pytest.fixture(scope="module")
def go(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_gate(made, tmp_path_factory.mktemp("out"))


@pytest.fixture
def bundle(go: Path, tmp_path: Path) -> Path:
    shutil.copytree(go, tmp_path / go.name)
    return tmp_path / go.name


def run_gate(made: Company, folder: Path, **changes: Any) -> Path:
    changes = {"operator": "ci@example.com", "commit_author": "dev@example.com"} | changes
    return bundles.run(folder, changes.pop("key", made.gate), at=datetime.now(UTC) - timedelta(minutes=1), **changes)


def gate(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [str(item) for item in arguments], env={"GATE_TRUST": None, **environment}, catch_exceptions=False)


def sign(made: Company, bundle: Path, who: str, *more: str, role: str = "", key: str = "") -> Result:
    own = ("--role", role or ROLES[who], "--as", f"{who}@example.com", "--ssh-key", made.key(key or who), "--trust", made.trust)
    return gate("sign", bundle, *own, *(more or APPROVE))


def decide(made: Company, bundle: Path, *more: str, key: str = "release") -> Result:
    return gate("decide", bundle, "--trust", made.trust, "--key", made.folder / "keys" / f"{key}.key.pem", *more)


def files(bundle: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}


def said(result: Result) -> str:
    """What it told on standard error, without what ssh-keygen adds."""
    return "\n".join(line for line in result.stderr.splitlines() if not line.startswith(("Signing", "Write")))


def test_three_people_sign_and_a_fourth_key_decides(bundle: Path, made: Company) -> None:
    for who, role in ROLES.items():
        done = sign(made, bundle, who)
        assert done.exit_code == 0, done.output
        assert f"Evidence: {bundle}, verdict of the gate: GO" in said(done)
        assert f"Person {who} ({who}@example.com) signs: As {role} I approve the release that this evidence is about (gate: GO, " in said(
            done
        )
    done = decide(made, bundle, "--resource-uri", "pkg:generic/supply-intel@1.2.3")
    assert (done.exit_code, done.stdout) == (0, "Decision: PASSED\n")
    checked = gate("verify", bundle, "--trust", made.trust, "--require-passed")
    assert checked.exit_code == 0, checked.output
    paper = json.loads((bundle / "attestations/approvals/02-QA.json").read_bytes())
    assert paper["predicate"]["statementText"].endswith("): Approved for production release.")
    assert list(paper["predicate"]) == sorted(paper["predicate"])


def test_others_tools_agree(bundle: Path, made: Company, tmp_path: Path) -> None:
    """openssl over the envelope's encoding, ssh-keygen over the approvals, securesystemslib over the envelope."""
    for who in ROLES:
        sign(made, bundle, who)
    assert decide(made, bundle).exit_code == 0
    folder = bundle / "attestations"
    for name in ("gate", "release"):
        envelope = json.loads((folder / f"{name}.dsse.json").read_bytes())
        payload = base64.b64decode(envelope["payload"])
        (tmp_path / "pae").write_bytes(b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload))
        (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
        paths = (made.trust / f"{name}.pub.pem", tmp_path / "sig", tmp_path / "pae")
        command = ["openssl", "dgst", "-sha256", "-verify", str(paths[0]), "-signature", str(paths[1]), str(paths[2])]
        assert subprocess.run(command, capture_output=True, check=True).stdout == b"Verified OK\n"
        pem, keyid = (made.trust / f"{name}.pub.pem").read_text(), envelope["signatures"][0]["keyid"]
        parsed = Envelope.from_dict(envelope)
        key = SSlibKey(keyid, "ecdsa", "ecdsa-sha2-nistp256", {"public": pem})
        assert list(parsed.verify([key], 1)) == [keyid]
    summary = json.loads(payload)["predicate"]
    listed = "".join(f"{item['digest']['sha256']}  {item['uri']}\n" for item in summary["inputAttestations"])
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet"], input=listed.encode(), cwd=bundle, check=True)  # noqa: S607 - coreutils
    assert len(listed.splitlines()) == len([path for path in folder.rglob("*") if path.is_file()]) - 1
    people = {f"{who}@example.com": " ".join(made.key(f"{who}.pub").read_text().split()[:2]) for who in ROLES}
    (tmp_path / "allowed").write_text("".join(f'{who} namespaces="{sshsig.NAMESPACE}" {key}\n' for who, key in people.items()))
    for path in (folder / "approvals").glob("*.json"):
        content = path.read_bytes()
        who = json.loads(content)["predicate"]["signer"]["id"]
        arguments = ["-f", tmp_path / "allowed", "-I", who, "-n", sshsig.NAMESPACE, "-s", f"{path}.sig"]
        verify = ["ssh-keygen", "-Y", "verify", *arguments]
        subprocess.run(verify, input=content, capture_output=True, check=True)


REFUSED: dict[str, tuple[Callable[[Company, Path], Result], int, str]] = {
    "a role that is not theirs": (lambda m, b: sign(m, b, "eng", role="QA"), 10, "may not sign for QA"),
    "a role that is none": (lambda m, b: sign(m, b, "eng", role="../../x"), 2, "is no role"),
    "the name of exceptions": (lambda m, b: sign(m, b, "eng", role="EXCEPTION"), 2, "is no role"),
    "somebody else's key": (lambda m, b: sign(m, b, "eng", key="qa"), 10, "is not eng@example.com's"),
    "an RSA key": (lambda m, b: sign(m, b, "eng", key="rsa"), 2, "kind that is taken"),
    "no key at all": (lambda m, b: sign(m, b, "eng", key="none"), 2, "cannot be used (No such file"),
    "a stranger": (lambda m, b: sign(m, b, "rsa", role="QA"), 2, "nobody in the trust policy is called"),
    "no meaning": (lambda m, b: sign(m, b, "eng", "--decision", "approve"), 2, "--meaning is missing"),
    "a meaning of spaces": (lambda m, b: sign(m, b, "eng", "--decision", "approve", "--meaning", " "), 2, "--meaning is missing"),
    "a meaning for a terminal": (
        lambda m, b: sign(m, b, "eng", "--decision", "approve", "--meaning", "a\x1b[2J"),
        2,
        "meaning cannot be used",
    ),
    "a reason of two lines": (lambda m, b: sign(m, b, "eng", *APPROVE, "--reason", "a\nb"), 2, "reason cannot be used"),
    "a rejection without a reason": (lambda m, b: sign(m, b, "eng", "--decision", "reject", "--meaning", "No"), 2, "without --reason"),
    "a person without an exception": (lambda m, b: sign(m, b, "eng", *APPROVE, "--person", "qa@example.com"), 2, "belongs to --exception"),
    "an exception with a decision": (
        lambda m, b: sign(m, b, "lead", *APPROVE, "--exception", "operator", "--person", "qa@example.com", "--reason", "r", role="QA"),
        2,
        "stands for itself",
    ),
    "an exception without a reason": (
        lambda m, b: sign(m, b, "lead", "--exception", "operator", "--person", "qa@example.com", role="QA"),
        2,
        "--person and --reason",
    ),
    "an exception by somebody who may not": (
        lambda m, b: sign(m, b, "eng", "--exception", "operator", "--person", "qa@example.com", "--reason", "r"),
        10,
        "may not except anybody from operator",
    ),
    "an exception for oneself": (
        lambda m, b: sign(m, b, "lead", "--exception", "operator", "--person", "lead@example.com", "--reason", "r", role="QA"),
        10,
        "may not except themselves",
    ),
    "an exception for nobody": (
        lambda m, b: sign(m, b, "lead", "--exception", "operator", "--person", "x@example.com", "--reason", "r", role="QA"),
        10,
        "x@example.com is nobody",
    ),
    "no bundle": (lambda m, b: sign(m, b / "none", "eng"), 2, "is no folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_not_count_is_not_written(case: str, bundle: Path, made: Company) -> None:
    attempt, status, why = REFUSED[case]
    before = files(bundle)
    done = attempt(made, bundle)
    assert (done.exit_code, why in said(done)) == (status, True), done.output
    assert "\x1b" not in done.output
    assert files(bundle) == before


def test_the_same_person_cannot_sign_for_two_roles_without_an_exception(bundle: Path, made: Company) -> None:
    assert sign(made, bundle, "lead", role="QA").exit_code == 0
    done = sign(made, bundle, "lead", role="Operations")
    assert (done.exit_code, "the same person signed for QA and Operations" in said(done)) == (10, True)
    again = sign(made, bundle, "lead", role="QA")
    assert (again.exit_code, "has signed for QA before" in said(again)) == (10, True)


@pytest.mark.parametrize("field", ["operator", "commit_author"])
def test_whoever_ran_it_or_wrote_it_may_not_approve_but_may_reject(field: str, made: Company, tmp_path: Path) -> None:
    bundle = run_gate(made, tmp_path, **{field: " QA-Login "})
    done = sign(made, bundle, "qa")
    assert (done.exit_code, "and may not approve it" in said(done)) == (10, True)
    assert sign(made, bundle, "qa", "--decision", "reject", "--meaning", "No", "--reason", "I broke it").exit_code == 0
    assert decide(made, bundle, "--final").exit_code == 10


def test_an_exception_lets_the_operator_approve(made: Company, tmp_path: Path) -> None:
    bundle = run_gate(made, tmp_path, operator="qa@example.com")
    more = ("--exception", "operator", "--person", "qa@example.com", "--reason", "one person on duty")
    done = sign(made, bundle, "lead", *more, role="QA")
    assert done.exit_code == 0, done.output
    assert "I let the rule operator go for qa@example.com as QA, because: one person on duty." in said(done)
    for who in ROLES:
        assert sign(made, bundle, who).exit_code == 0
    assert decide(made, bundle).exit_code == 0
    log = gate("signoff", bundle, "--trust", made.trust).stdout
    assert "- **EXCEPTION from operator for qa\\@example.com as QA**: one person on duty Granted by Person lead" in log


def test_only_a_go_can_be_approved(made: Company, tmp_path: Path) -> None:
    bundle = run_gate(made, tmp_path, outcome=Outcome.FAILED)
    done = sign(made, bundle, "qa", *APPROVE, "--reason", "the business needs it")
    assert (done.exit_code, "the gate's verdict is NO-GO" in said(done)) == (10, True)
    assert sign(made, bundle, "qa", "--decision", "reject", "--meaning", "Not released", "--reason", "it failed").exit_code == 0
    done = decide(made, bundle)
    assert done.exit_code == 10
    assert "qa@example.com rejected it for QA: it failed" in done.stdout


def test_roles_that_are_missing(bundle: Path, made: Company) -> None:
    sign(made, bundle, "qa")
    before = files(bundle)
    done = decide(made, bundle)
    assert (done.exit_code, "nobody has approved for Engineering" in said(done)) == (21, True)
    assert files(bundle) == before
    done = decide(made, bundle, "--final")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (10, "Decision: FAILED")
    assert gate("verify", bundle, "--trust", made.trust).exit_code == 0
    assert gate("verify", bundle, "--trust", made.trust, "--require-passed").exit_code == 10


def test_after_the_decision_nobody_signs_or_decides(bundle: Path, made: Company) -> None:
    for who in ROLES:
        sign(made, bundle, who)
    assert decide(made, bundle).exit_code == 0
    before = files(bundle)
    for done in (sign(made, bundle, "lead", role="QA"), decide(made, bundle), decide(made, bundle, "--final")):
        assert (done.exit_code, "is decided already" in said(done)) == (10, True)
    assert files(bundle) == before


def test_a_decision_that_comes_while_somebody_looks_for_the_key(bundle: Path, made: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ROLES:
        sign(made, bundle, who)
    real = sshsig.sign

    def slow(key: Path, message: bytes) -> bytes:
        assert decide(made, bundle).exit_code == 0
        return real(key, message)

    monkeypatch.setattr(sshsig, "sign", slow)
    done = sign(made, bundle, "lead", "--decision", "reject", "--meaning", "No", "--reason", "too late", role="QA")
    assert (done.exit_code, "is decided already" in said(done)) == (10, True)
    assert gate("verify", bundle, "--trust", made.trust).exit_code == 0


@pytest.mark.parametrize("key", ["gate", "other"])
def test_a_decision_by_another_key_is_refused(key: str, bundle: Path, made: Company) -> None:
    if key == "other" and not (made.folder / "keys" / "other.key.pem").exists():
        gate("keys", "new", "--name", "release", made.folder / "more")
        shutil.copy(made.folder / "more" / "release.key.pem", made.folder / "keys" / "other.key.pem")
    for who in ROLES:
        sign(made, bundle, who)
    before = files(bundle)
    done = decide(made, bundle, key=key)
    assert (done.exit_code, "is no release*.pub.pem" in said(done)) == (2, True)
    assert files(bundle) == before


@pytest.mark.parametrize("which", ["unsigned", "a strange gate"])
def test_what_the_gate_did_not_sign_is_decided_only_for_good(which: str, made: Company, tmp_path: Path) -> None:
    stranger = bundles.company(tmp_path / "stranger").gate
    bundle = run_gate(made, tmp_path, key=None if which == "unsigned" else stranger)
    for who in ROLES:
        assert sign(made, bundle, who).exit_code == 0
    before = files(bundle)
    assert decide(made, bundle).exit_code == 22
    assert files(bundle) == before
    assert decide(made, bundle, "--final").exit_code == 10
    found = json.loads(gate("verify", bundle, "--trust", made.trust, "--json").stdout)
    assert (found["state"], found["step"], found["decision"]) == ("UNTRUSTED", 9, "FAILED")


def test_broken_evidence_is_neither_signed_nor_decided(bundle: Path, made: Company) -> None:
    path = bundle / "data" / "junit.xml"
    path.write_bytes(path.read_bytes() + b" ")
    for done in (sign(made, bundle, "qa"), decide(made, bundle), decide(made, bundle, "--final")):
        assert (done.exit_code, "is INVALID" in said(done)) == (20, True)
    shutil.rmtree(bundle / "attestations")
    assert decide(made, bundle).exit_code == 20
    for name in [path for path in bundle.iterdir() if path.is_file()]:
        name.unlink()
    for done in (sign(made, bundle, "qa"), decide(made, bundle)):
        assert (done.exit_code, "never finished" in said(done)) == (21, True)


def test_what_an_interrupted_command_left_is_told_and_removed(bundle: Path, made: Company) -> None:
    folder = bundle / "attestations" / "approvals"
    folder.mkdir()
    (folder / "01-QA.json.sig").write_text("half")
    done = sign(made, bundle, "qa")
    assert "removed what an interrupted command had left: 01-QA.json.sig" in said(done)
    (bundle / "attestations" / "approvers.json").write_text("half")
    done = decide(made, bundle)
    assert (done.exit_code, "removed what an interrupted command had left: approvers.json" in said(done)) == (21, True)


def test_the_trust_folder_may_come_from_the_environment(bundle: Path, made: Company) -> None:
    own = ("--role", "QA", "--as", "qa@example.com", "--ssh-key", made.key("qa"), *APPROVE)
    assert gate("sign", bundle, *own, GATE_TRUST=str(made.trust)).exit_code == 0
    assert gate("sign", bundle, *own).exit_code == 2


def test_new_keys_are_private_never_overwritten_and_told(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        done = gate("keys", "new", "--name", "release", tmp_path / "a" / "keys")
    finally:
        os.umask(old)
    path = tmp_path / "a" / "keys" / "release.key.pem"
    assert (done.exit_code, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    assert "PRIVATE" not in done.output
    before = path.read_bytes()
    again = gate("keys", "new", "--name", "release", tmp_path / "a" / "keys")
    assert (again.exit_code, path.read_bytes()) == (1, before)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert gate("keys", "new", "--name", "release", tmp_path / "a" / "keys").exit_code == 1
    assert not (tmp_path / "elsewhere").exists()


def test_trust_explains_and_writes_what_verify_sh_reads(made: Company, tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    shutil.copytree(made.trust, folder)
    (folder / "approvers.json").write_text("stale")
    done = gate("trust", folder)
    assert done.exit_code == 0, done.output
    assert "Roles that must sign, each by another person: Engineering, QA, Operations" in done.stdout
    assert (
        "lead@example.com (Person lead) may sign for Engineering, QA, Operations\n  may except others from: distinct-person" in done.stdout
    )
    assert (folder / "approvers.json").read_bytes() == (made.trust / "approvers.json").read_bytes()


def test_a_mistake_in_trust_names_the_key_and_leaves_the_old_file(made: Company, tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    shutil.copytree(made.trust, folder)
    before = (folder / "approvers.json").read_bytes()
    text = (folder / "approvers.toml").read_text()
    for old, new, why in (
        ("\nroles = [", "\nrole = [", "unknown key 'role' in person.0"),
        ("evidence_max_age_hours = 72", "evidence_max_age_hours = 0", "key 'evidence_max_age_hours' is 0"),
        ("ssh-ed25519", "ssh-rsa", "the line of an ed25519 or ECDSA P-256 .pub file"),
        ('"Engineering", "QA", "Operations"]\nevid', '"Legal"]\nevid', "nobody may sign for Legal"),
    ):
        (folder / "approvers.toml").write_text(text.replace(old, new, 1))
        done = gate("trust", folder)
        assert (done.exit_code, why in said(done)) == (2, True), done.output
        assert (folder / "approvers.json").read_bytes() == before


def test_a_private_key_in_the_trust_folder_is_noticed(made: Company, tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    shutil.copytree(made.trust, folder)
    for source in (made.folder / "keys" / "gate.key.pem", made.key("qa")):
        shutil.copy(source, folder / "anything")
        done = gate("trust", folder)
        assert (done.exit_code, "is a private key" in said(done)) == (2, True)
