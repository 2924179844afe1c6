"""Papers on the disk: written whole or not at all, by one person at a time, and read strictly."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigurationError, EvidenceError, Refused
from gate.evidence import approval, closing
from gate.evidence.approval import APPROVAL_TYPE, EXCEPTION_TYPE
from gate.evidence.decode import Mismatch
from gate.evidence.files import turn
from gate.evidence.strict import canonical
from gate.evidence.verify import State, verify
from tests.evidence import bundles
from tests.evidence.bundles import Company

ROOT = Path(__file__).parents[2]
ABOUT = ("attestations/gate.dsse.json", "ab" * 32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def fresh(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.run(tmp_path_factory.mktemp("out"), made.gate)


@pytest.fixture
def bundle(fresh: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh, tmp_path / fresh.name)
    return tmp_path / fresh.name


def papers(bundle: Path) -> list[str]:
    return sorted(path.name for path in (bundle / "attestations" / "approvals").iterdir())


def test_papers_are_their_owners_alone_and_numbered_as_they_come(bundle: Path, made: Company) -> None:
    bundles.sign_all(bundle, made)
    names = ["01-Engineering.json", "02-QA.json", "03-Operations.json"]
    assert papers(bundle) == sorted([*names, *(f"{name}.sig" for name in names)])
    folder = bundle / "attestations" / "approvals"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_many_who_sign_at_once_get_a_number_each(bundle: Path) -> None:
    def lay_down(number: int) -> None:
        with turn(bundle / "attestations"):
            approval.write(bundle, f"R{number}", b"{}\n", b"s")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lay_down, range(40)))
    assert sorted(int(name[:2]) for name in papers(bundle) if not name.endswith(".sig")) == list(range(1, 41))


CRASH = """
import os, sys
from pathlib import Path
from gate.evidence import approval, closing, files
from gate.evidence.sshsig import NAMESPACE
left = int(sys.argv[2])
def counted(real):
    def do(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return real(*arguments, **named)
    return do
os.open, os.write, os.rename, os.replace = map(counted, (os.open, os.write, os.rename, os.replace))
Path.rename, Path.replace = counted(Path.rename), counted(Path.replace)
sys.path.insert(0, sys.argv[3])
from tests.evidence.bundles import Company
from gate.evidence.keys import load_private
bundle, company = Path(sys.argv[1]), Path(sys.argv[4])
if sys.argv[5] == "sign":
    approval.write(bundle, "QA", Path(sys.argv[6]).read_bytes(), Path(sys.argv[6] + ".sig").read_bytes())
else:
    from tests.evidence.bundles import decide_on
    made = Company(company, *(load_private(company / "keys" / f"{name}.key.pem") for name in ("gate", "release")))
    decide_on(bundle, made)
"""


def crash(bundle: Path, made: Company, after: int, what: str, paper: Path) -> bool:
    """Runs it in a process that is killed at its n-th call of the disk; whether it was."""
    command = [sys.executable, "-c", CRASH, str(bundle), str(after), str(ROOT), str(made.folder), what, str(paper)]
    return subprocess.run(command, check=False, capture_output=True, cwd=ROOT).returncode == -9


@pytest.mark.slow
@pytest.mark.parametrize("what", ["sign", "decide"])
def test_a_kill_at_any_moment_breaks_nothing_for_ever(what: str, bundle: Path, made: Company, tmp_path: Path) -> None:
    sample = bundles.sign(bundle, made, "qa", "QA")
    paper = tmp_path / "paper.json"
    for end in ("", ".sig"):
        shutil.copy(f"{sample}{end}", f"{paper}{end}")
    shutil.rmtree(sample.parent)
    if what == "decide":
        bundles.sign_all(bundle, made)
    killed = 0
    for after in range(60):
        copy = tmp_path / str(after) / bundle.name
        shutil.copytree(bundle, copy)
        dead = crash(copy, made, after, what, paper)
        killed += dead
        if dead:
            with turn(copy / "attestations"):
                closing.clear(copy)
        assert verify(copy, made.load()).state in (State.INCOMPLETE, State.VALID), (after, verify(copy, made.load()).reason)
        shutil.rmtree(copy.parent)
        if not dead:
            break
    assert not dead
    assert killed >= 5


@pytest.mark.parametrize(
    "left",
    [
        ["approvals/01-QA.json.sig"],
        ["approvals/.01-QA.json.partial"],
        ["approvals/.01-QA.json.sig.partial", "approvals/01-QA.json.sig"],
        ["approvals/"],
        ["approvers.json"],
        ["approvers.json", "release.pub.pem", ".release.dsse.json.77.partial"],
    ],
)
def test_what_a_kill_left_is_cleared_away_and_told(left: list[str], bundle: Path, made: Company) -> None:
    for name in left:
        path = bundle / "attestations" / name
        path.parent.mkdir(exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_bytes(b"half")
    assert verify(bundle, made.load()).state is State.INVALID
    assert sorted(closing.clear(bundle)) == sorted(Path(name).name for name in left if not name.endswith("/"))
    assert verify(bundle, made.load()).state is State.INCOMPLETE


def test_clearing_leaves_alone_what_it_does_not_know(bundle: Path, made: Company) -> None:
    bundles.sign(bundle, made, "qa", "QA")
    folder = bundle / "attestations" / "approvals"
    (folder / "note.txt").write_text("x")
    (folder / "02-QA.json").write_text("no signature")
    assert closing.clear(bundle) == []
    assert {"note.txt", "02-QA.json"} <= set(papers(bundle))


def test_a_decided_bundle_is_neither_cleared_nor_decided_again(bundle: Path, made: Company) -> None:
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    assert closing.clear(bundle) == []
    with pytest.raises(Refused, match="decided already"):
        bundles.decide_on(bundle, made, final=True)
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_the_gates_own_key_decides_nothing_even_if_it_is_called_a_release_key(bundle: Path, made: Company) -> None:
    bundles.sign_all(bundle, made)
    trust = made.load()
    lax = replace(trust, gate=(), release=trust.gate)
    assert closing.close(bundle, lax, made.gate, resource="", at="2026-02-28T13:00:00Z", final=True) is not None
    for known in (trust, lax, None):
        found = verify(bundle, known)
        assert (found.state, found.step) == (State.INVALID, 12), found.reason


def test_a_decision_on_evidence_that_nobody_signed_is_no_contradiction(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, None)
    bundles.sign_all(bundle, made)
    made_of = bundles.decide_on(bundle, made, final=True)
    assert made_of is not None
    assert made_of[0] == "FAILED"
    found = verify(bundle, made.load())
    assert (found.state, found.step, found.decision) == (State.UNTRUSTED, 9, "FAILED")


def test_a_hundredth_paper_is_refused(bundle: Path) -> None:
    folder = bundle / "attestations" / "approvals"
    folder.mkdir()
    (folder / "99-QA.json").write_text("{}")
    with pytest.raises(EvidenceError, match="99 papers"):
        approval.next_name(folder, "QA")


HOSTILE = ("\x1b[2J", "a\nb", "a\x00b", "safe\u202egnp.exe", "\u200b", "a\u2028b", "x" * 2001, "\x9b31m", "a\tb")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["meaning", "reason", "statementText", "role", "printedName", "id"])
def test_what_no_log_should_carry_is_never_written(name: str, text: str) -> None:
    predicate: dict[str, Any] = {"meaning": "m", "reason": "", "signer": {"id": "a", "printedName": "A"}}
    (predicate["signer"] if name in ("id", "printedName") else predicate)[name] = text
    with pytest.raises(ConfigurationError, match=f"{name} cannot be used"):
        approval.statement(ABOUT, APPROVAL_TYPE, predicate)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["meaning", "reason", "statementText", "printedName"])
def test_nor_read_from_a_paper_that_somebody_made_by_hand(name: str, text: str, bundle: Path, made: Company) -> None:
    good = bundles.sign(bundle, made, "qa", "QA")
    said = json.loads(good.read_bytes())
    (said["predicate"]["signer"] if name == "printedName" else said["predicate"])[name] = text
    content = canonical(said) + b"\n"
    signature = bundles.ssh_sign(made.key("qa"), content)
    with pytest.raises(Mismatch, match="printable"):
        approval.read(good.name, content, signature, approval.subject(bundle))


CHANGES: dict[str, Any] = {
    "another type": lambda said: said.update(_type="x"),
    "another predicate": lambda said: said.update(predicateType="urn:x"),
    "one more field": lambda said: said["predicate"].update(more=1),
    "a field less": lambda said: said["predicate"].pop("reason"),
    "a number for a text": lambda said: said["predicate"].update(reason=1),
    "another subject": lambda said: said["subject"][0]["digest"].update(sha256="00" * 32),
    "two subjects": lambda said: said.update(subject=said["subject"] * 2),
    "a subject of another name": lambda said: said["subject"][0].update(name="attestations/gate.json"),
    "a time that is none": lambda said: said["predicate"].update(signedAt="2026-02-30T00:00:00Z"),
    "a time elsewhere": lambda said: said["predicate"].update(signedAt="2026-02-28T12:00:00+01:00"),
    "neither yes nor no": lambda said: said["predicate"].update(decision="maybe"),
    "another role": lambda said: said["predicate"].update(role="Operations"),
    "another key": lambda said: said["predicate"].update(keyFingerprint="SHA256:x"),
    "a signer without a name": lambda said: said["predicate"]["signer"].pop("printedName"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_paper_that_is_not_exactly_one_is_refused_though_it_is_signed(change: str, bundle: Path, made: Company) -> None:
    good = bundles.sign(bundle, made, "qa", "QA")
    said = json.loads(good.read_bytes())
    CHANGES[change](said)
    content = canonical(said) + b"\n"
    with pytest.raises(Mismatch):
        approval.read(good.name, content, bundles.ssh_sign(made.key("qa"), content), approval.subject(bundle))
    assert verify(bundle, made.load()).state is State.INCOMPLETE


def test_altered_text_other_namespaces_and_other_names_do_not_verify(bundle: Path, made: Company) -> None:
    good = bundles.sign(bundle, made, "qa", "QA")
    content, signature, about = good.read_bytes(), good.with_name(good.name + ".sig").read_bytes(), approval.subject(bundle)
    assert approval.read("02-QA.json", content, signature, about).fingerprint.startswith("SHA256:")
    for name, text, signed, why in (
        ("01-QA.json", content.replace(b"production", b"productiom"), signature, "not over it"),
        ("01-QA.json", content, bundles.ssh_sign(made.key("qa"), content, "file"), "another purpose"),
        ("01-QA.json", content, bundles.ssh_sign(made.key("ops"), content), "another key"),
        ("01-Operations.json", content, signature, "not named after its role"),
        ("01-EXCEPTION.json", content, signature, "not named after its role"),
        ("\u0660\u0661-QA.json", content, signature, "not named after its role"),
    ):
        with pytest.raises(Mismatch, match=why):
            approval.read(name, text, signed, about)


def test_an_exception_for_a_rule_that_does_not_exist_is_refused(bundle: Path, made: Company) -> None:
    path = bundles.sign(bundle, made, "qa", "QA", kind=EXCEPTION_TYPE, rule="all", person="ops@example.com", reason="r")
    found = verify(bundle, made.load())
    assert (found.state, found.step) == (State.INVALID, 10)
    assert path.name == "01-EXCEPTION.json"
