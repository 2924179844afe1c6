"""What verification says of whole bundles, and of broken ones: each case names the state and the step that must find it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate.evidence.bag import write_tags
from gate.evidence.dsse import open_envelope
from gate.evidence.dsse import sign as seal
from gate.evidence.replay import replay
from gate.evidence.statement import papers
from gate.evidence.strict import canonical, encode64
from gate.evidence.verify import State, verify
from gate.evidence.verify.chain import broken_links
from gate.evidence.verify.selftest import prove
from gate.model import Outcome
from tests.evidence import bundles
from tests.evidence.bundles import Company

INVALID, UNTRUSTED, INCOMPLETE, VALID = State.INVALID, State.UNTRUSTED, State.INCOMPLETE, State.VALID
Break = Callable[[Path, Company], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def whole(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed, approved, decided."""
    bundle = bundles.run(tmp_path_factory.mktemp("out"), made.gate)
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    return bundle


def copy_of(bundle: Path, folder: Path) -> Path:
    copy = folder / bundle.name
    shutil.copytree(bundle, copy, symlinks=True)
    return copy


def test_a_whole_bundle_is_valid(whole: Path, made: Company) -> None:
    found = verify(whole, made.load())
    assert (found.state, found.verdict, found.decision) == (VALID, "GO", "PASSED")
    assert [step.number for step in found.steps] == list(range(1, 14))
    assert [signer["role"] for signer in found.signers] == ["Engineering", "QA", "Operations"]


def test_without_trust_nothing_is_better_than_untrusted(whole: Path) -> None:
    found = verify(whole, None)
    assert (found.state, found.step) == (UNTRUSTED, 9)


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    data = json.loads(path.read_bytes())
    change(data)
    path.write_bytes(canonical(data) + b"\n")


def rebag(bundle: Path, made: Company, *, key: Any = None) -> None:
    """What somebody who holds the gate's key could do: manifests and statement anew."""
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
        (bundle / name).unlink()
    write_tags(bundle, {"Bagging-Date": "2026-02-28", "External-Identifier": bundle.name})
    record = replay(bundle / "data" / "journal.jsonl")
    digest = hashlib.sha256((bundle / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    shutil.rmtree(bundle / "attestations")
    (bundle / "attestations").mkdir()
    for name, content in papers(record, digest, None, key or made.gate).items():
        (bundle / "attestations" / name).write_bytes(content)


def journal(bundle: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    path = bundle / "data" / "journal.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    return bundle


def reseal(bundle: Path, name: str, key: Any, change: Callable[[Any], Any]) -> None:
    """The statement of an envelope changed and signed again."""
    path = bundle / "attestations" / name
    said = open_envelope(path.read_bytes()).statement
    change(said)
    path.write_bytes(seal(said, key))


def report_says(bundle: Path, made: Company) -> None:
    path = next((bundle / "data").glob("release_gate_*.txt"))
    path.write_text(path.read_text().replace("Release gate: PASS", "Release gate: FAIL"))
    rebag(bundle, made)


def envelope(bundle: Path, change: Callable[[Any], Any]) -> None:
    edit_json(bundle / "attestations" / "gate.dsse.json", change)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)


PAPER = "attestations/approvals/02-QA.json"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def cut_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def upper(path: Path) -> None:
    path.write_text(path.read_text().upper())


def leave_data(bundle: Path) -> None:
    shutil.rmtree(bundle / "attestations")
    for path in [path for path in bundle.iterdir() if path.is_file()]:
        path.unlink()


def rebag_only(bundle: Path) -> None:
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
        (bundle / name).unlink()
    write_tags(bundle, {})


def other_bag(said: Any) -> None:
    said["subject"][-1]["digest"]["sha256"] = "ab" * 32


def more_passed(said: Any) -> None:
    said["predicate"]["passedTests"].append("Z-1")


def less(said: Any) -> None:
    said["predicate"]["inputAttestations"].pop()


def passed(said: Any) -> None:
    said["predicate"] |= {"verificationResult": "PASSED", "verifiedLevels": ["RELEASE_APPROVED"], "gate": {"reasons": []}}


def failed(said: Any) -> None:
    said["predicate"]["verificationResult"] = "FAILED"


def unsigned(bundle: Path, made: Company) -> None:
    rebag(bundle, made)
    path = bundle / "attestations" / "gate.dsse.json"
    said = open_envelope(path.read_bytes()).statement
    shutil.rmtree(bundle / "attestations")
    (bundle / "attestations").mkdir()
    (bundle / "attestations" / "gate.json").write_bytes(canonical(said) + b"\n")


def rename_paper(bundle: Path, name: str) -> None:
    for end in ("", ".sig"):
        (bundle / f"{PAPER}{end}").rename(bundle / "attestations" / "approvals" / f"{name}{end}")


def undecide(bundle: Path) -> None:
    for name in ("release.dsse.json", "release.pub.pem", "approvers.json"):
        (bundle / "attestations" / name).unlink()


def passed_anyway(bundle: Path, made: Company) -> None:
    """Everything anew for a run that is NO-GO, and a decision that says PASSED."""
    other = bundles.run(bundle.parent / "other", made.gate, outcome=Outcome.FAILED)
    bundles.sign_all(other, made)
    assert bundles.decide_on(other, made) is not None
    reseal(other, "release.dsse.json", made.release, passed)
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)


CASES: dict[str, tuple[Break, State, int]] = {
    "a file removed": (lambda b, _: (b / "data" / "junit.xml").unlink(), INVALID, 2),
    "a file added": (lambda b, _: (b / "data" / "more.txt").write_text("x"), INVALID, 2),
    "a file of the same size changed": (lambda b, _: flip(b / "data" / "junit.xml"), INVALID, 3),
    "a file renamed": (lambda b, _: (b / "data" / "junit.xml").rename(b / "data" / "junit2.xml"), INVALID, 3),
    "a file beside": (lambda b, _: (b / "note.txt").write_text("x"), INVALID, 1),
    "an empty folder": (lambda b, _: (b / "data" / "x").mkdir(), INVALID, 1),
    "a link": (lambda b, _: link(b / "data" / "junit.xml"), INVALID, 1),
    "a pipe": (lambda b, _: fifo(b / "data" / "junit.xml"), INVALID, 1),
    "a tag file gone": (lambda b, _: (b / "bag-info.txt").unlink(), INVALID, 1),
    "a tag file changed": (lambda b, _: flip(b / "bagit.txt"), INVALID, 2),
    "a label added": (lambda b, _: append(b / "bag-info.txt", "Note: x\n"), INVALID, 4),
    "a manifest's line gone": (lambda b, _: cut_line(b / "manifest-sha256.txt"), INVALID, 3),
    "a manifest in upper case": (lambda b, _: upper(b / "manifest-sha256.txt"), INVALID, 3),
    "a tag manifest's line gone": (lambda b, _: cut_line(b / "tagmanifest-sha256.txt"), INVALID, 4),
    "no papers": (lambda b, _: shutil.rmtree(b / "attestations"), INVALID, 1),
    "only what was seen": (lambda b, _: leave_data(b), INCOMPLETE, 1),
    "a journal's line gone, all done anew": (lambda b, _: rebag_only(journal(b, lambda lines: [*lines[:3], *lines[4:]])), INVALID, 5),
    "a journal without a verdict": (lambda b, _: rebag_only(journal(b, lambda lines: lines[:-1])), INCOMPLETE, 5),
    "a report that says another verdict": (report_says, INVALID, 7),
    "the statement of another bag": (lambda b, m: reseal(b, "gate.dsse.json", m.gate, other_bag), INVALID, 8),
    "a statement that passed more": (lambda b, m: reseal(b, "gate.dsse.json", m.gate, more_passed), INVALID, 8),
    "both statements": (lambda b, _: (b / "attestations" / "gate.json").write_text("{}\n"), INVALID, 8),
    "a payload in other base64": (lambda b, _: envelope(b, lambda e: e.update(payload=e["payload"] + "\n")), INVALID, 8),
    "an envelope with more in it": (lambda b, _: envelope(b, lambda e: e.update(more=1)), INVALID, 8),
    "a key under another name": (lambda b, _: envelope(b, lambda e: e["signatures"][0].update(keyid="ab" * 32)), INVALID, 9),
    "a signature of nothing": (lambda b, _: envelope(b, lambda e: e["signatures"][0].update(sig=encode64(b"x"))), INVALID, 9),
    "an unsigned statement": (unsigned, UNTRUSTED, 9),
    "signed by a stranger": (lambda b, m: rebag(b, m, key=m.release), UNTRUSTED, 9),
    "an approval gone": (lambda b, _: remove(b / PAPER, b / f"{PAPER}.sig"), INVALID, 10),
    "a signature gone": (lambda b, _: (b / f"{PAPER}.sig").unlink(), INVALID, 10),
    "an approval changed": (lambda b, _: edit_json(b / PAPER, lambda d: d["predicate"].update(meaning="No")), INVALID, 10),
    "an approval under another role": (lambda b, _: rename_paper(b, "02-Operations.json"), INVALID, 10),
    "an approval after the decision": (lambda b, m: bundles.sign(b, m, "qa", "QA"), INVALID, 12),
    "no decision": (lambda b, _: undecide(b), INCOMPLETE, 12),
    "copies without their decision": (lambda b, _: (b / "attestations" / "release.dsse.json").unlink(), INVALID, 12),
    "the people changed": (lambda b, _: flip(b / "attestations" / "approvers.json"), INVALID, 12),
    "a decision on less": (
        lambda b, m: reseal(b, "release.dsse.json", m.release, less),
        INVALID,
        12,
    ),
    "a decision that failed without a reason": (lambda b, m: reseal(b, "release.dsse.json", m.release, failed), INVALID, 12),
    "a decision by the gate's key": (lambda b, m: reseal(b, "release.dsse.json", m.gate, lambda _: None), INVALID, 12),
    "a decision that passed, of a run that did not": (passed_anyway, INVALID, 12),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_bundle_is_found_out(case: str, whole: Path, made: Company, tmp_path: Path) -> None:
    change, state, step = CASES[case]
    bundle = copy_of(whole, tmp_path)
    change(bundle, made)
    found = verify(bundle, made.load())
    assert (found.state, found.step) == (state, step), found.reason
    assert "\n" not in found.reason


def test_unsigned_says_so(whole: Path, made: Company, tmp_path: Path) -> None:
    bundle = copy_of(whole, tmp_path)
    unsigned(bundle, made)
    assert verify(bundle, made.load()).reason.startswith("UNSIGNED")


def test_a_run_that_is_no_go_is_valid_evidence(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, made.gate, outcome=Outcome.FAILED)
    bundles.sign(bundle, made, "qa", "QA", decision="reject", reason="the recall failed")
    made_of = bundles.decide_on(bundle, made)
    assert made_of is not None
    assert made_of[0] == "FAILED"
    found = verify(bundle, made.load())
    assert (found.state, found.verdict, found.decision) == (VALID, "NO-GO", "FAILED")


def test_the_bundle_before_is_named_and_looked_at(made: Company, tmp_path: Path) -> None:
    first = bundles.run(tmp_path, made.gate)
    second = bundles.run(tmp_path, made.gate, at=bundles.BEGUN.replace(hour=11))
    third = bundles.run(tmp_path, made.gate, at=bundles.BEGUN.replace(hour=12))
    assert verify(second, made.load()).steps[-1].note == f"{first.name}, unchanged"
    assert broken_links(tmp_path) == []
    shutil.move(second, tmp_path.parent / f"{tmp_path.name}-aside")
    assert verify(third, made.load()).steps[-1].note == f"{second.name}, which is not here"
    assert broken_links(tmp_path) == [f"{third.name} follows {second.name}, which is missing."]
    shutil.move(tmp_path.parent / f"{tmp_path.name}-aside", second)
    flip(first / "attestations" / "gate.dsse.json")
    assert broken_links(tmp_path) == [f"{second.name} follows {first.name}, which is not the one it names."]
    assert verify(second, made.load()).state is INVALID


def test_a_verifier_that_sees_nothing_would_show(whole: Path, made: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test itself, tried on a verifier that calls everything valid."""
    monkeypatch.setattr("gate.evidence.verify.selftest.SMALL", 0)
    monkeypatch.setattr("gate.evidence.verify.selftest.SAMPLE", 3)
    monkeypatch.setattr("gate.evidence.verify.selftest.EDITS", 10)
    good = verify(whole, made.load())
    monkeypatch.setattr("gate.evidence.verify.selftest.verify", lambda *_: good)
    said: list[str] = []
    assert prove(whole, made.load(), said.append, lambda _: None) == INVALID.exit_status
    assert said[0].split(",")[0].split()[0] == said[0].split(",")[1].split()[0]
