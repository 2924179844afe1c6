"""`gate verify` and `verify.sh` on the same bundles: the same state, by the same step, with the same exit status."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.evidence.trust import load_trust
from gate.evidence.verify import State, verify
from gate.model import Outcome
from gate.report import offline
from tests.evidence import broken as b
from tests.evidence import bundles
from tests.evidence.broken import ALL, Lab
from tests.evidence.test_verify import (
    CASES,
    INCOMPLETE,
    INVALID,
    UNTRUSTED,
    VALID,
    edit_json,
    flip,
    journal,
    passed,
    rebag,
    rebag_only,
    reseal,
    undecide,
)

ROOT = Path(__file__).parents[2]
FIRST = re.compile(r"([A-Z]+): .*?(?: \(step (\d+)\))?")
Change = Callable[[Path, Lab], object]
Trust = Callable[[Lab], Path | None]
Case = tuple[Change, State, int]


def given(lab: Lab) -> Path:
    """The trust folder that a case made, or the company's."""
    made = lab.room / "trust"
    return made if made.exists() else lab.made.trust


FOLDER: dict[str, Case] = {
    "a report emptied": (lambda p, _: (p / "data" / "junit.xml").write_bytes(b""), INVALID, 2),
    "a report cut": (lambda p, _: (p / "data" / "junit.xml").write_bytes((p / "data" / "junit.xml").read_bytes()[:-1]), INVALID, 2),
    "a name with a line break": (lambda p, _: (p / "data" / "a\n$(touch x)").write_text("x"), INVALID, 1),
    "a name that looks like an option": (lambda p, _: (p / "data" / "-rf").write_text("x"), INVALID, 1),
    "a name that is hidden": (lambda p, _: (p / ".hidden").write_text("x"), INVALID, 1),
    "a name with other letters": (lambda p, _: (p / "data" / "ä.txt").write_text("x"), INVALID, 1),
    "a pipe beside": (lambda p, _: b.pipe(p / "pipe"), INVALID, 1),
    "a pipe among the papers": (lambda p, _: b.pipe(p / "attestations" / "gate.json"), INVALID, 1),
    "a pipe among the approvals": (lambda p, _: b.pipe(p / "attestations" / "approvals" / "04-Release.json"), INVALID, 1),
    "a link to nowhere": (lambda p, _: (p / "attestations" / "gate.json").symlink_to("/nonexistent"), INVALID, 1),
    "papers behind a link": (lambda p, _: b.folder_link(p / "attestations"), INVALID, 1),
    "approvals behind a link": (lambda p, _: b.folder_link(p / "attestations" / "approvals"), INVALID, 1),
    "data behind a link": (lambda p, _: b.folder_link(p / "data"), INVALID, 1),
    "no approvals in their folder": (lambda p, _: [f.unlink() for f in (p / "attestations" / "approvals").iterdir()], INVALID, 1),
    "an empty data folder": (lambda p, _: [f.unlink() for f in (p / "data").iterdir()], INVALID, 1),
    "an empty bundle": (lambda p, _: [shutil.rmtree(p), p.mkdir()], INVALID, 1),
    "a byte of nothing in bag-info": (
        lambda p, _: (p / "bag-info.txt").write_bytes((p / "bag-info.txt").read_bytes().replace(b"Oxum: ", b"Oxum: \0")), INVALID, 2),
    "two sums in bag-info": (lambda p, _: (p / "bag-info.txt").write_text((p / "bag-info.txt").read_text() * 2), INVALID, 2),
    "a manifest without its last newline": (
        lambda p, _: (p / "manifest-sha256.txt").write_text((p / "manifest-sha256.txt").read_text()[:-1]), INVALID, 3),
    "a manifest in binary mode": (
        lambda p, _: (p / "manifest-sha256.txt").write_text((p / "manifest-sha256.txt").read_text().replace("  ", " *")), INVALID, 3),
    "an empty tag manifest": (lambda p, _: (p / "tagmanifest-sha256.txt").write_text(""), INVALID, 4),
}  # fmt: skip


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return lambda p, _: rebag_only(journal(p, change))


def chained(change: Callable[[list[dict[str, object]]], object]) -> Change:
    """The chain anew, the statement not: only for what step 5, 6 or 7 finds."""
    return lambda p, _: [b.rechain(p, change), rebag_only(p)]


JOURNAL: dict[str, Case] = {
    "lines swapped": (lines(lambda x: [*x[:2], x[3], x[2], *x[4:]]), INVALID, 5),
    "a line doubled": (lines(lambda x: [*x[:3], x[2], *x[3:]]), INVALID, 5),
    "a line edited": (lines(lambda x: [*x[:3], x[3].replace(b'"measured":1', b'"measured":2'), *x[4:]]), INVALID, 5),
    "an empty line": (lines(lambda x: [*x, b"\n"]), INVALID, 5),
    "half a line after the verdict": (lines(lambda x: [*x, b"{"]), INVALID, 5),
    "half a line instead of the verdict": (lambda p, _: b.half(p), INCOMPLETE, 5),
    "no journal": (lines(lambda _: []), INVALID, 5),
    "bytes that are no text": (lines(lambda x: [x[0].replace(b"baseline", b"base\xffine"), *x[1:]]), INVALID, 5),
    "a space in the last line": (lines(lambda x: [*x[:-1], x[-1].replace(b'"at":', b'"at": ')]), INVALID, 5),
    "a key twice in the last line": (lines(lambda x: [*x[:-1], x[-1].replace(b'{"at":', b'{"at":"x","at":')]), INVALID, 5),
    "an escape too many": (lines(lambda x: [*x[:-1], x[-1].replace(b'"NO-GO"', b'"\\u004eO-GO"').replace(b'"GO"', b'"\\u0047O"')]), INVALID, 5),
    "a number in another form": (lines(lambda x: [*x[:-1], x[-1].replace(b'"exit_status":0', b'"exit_status":0.0')]), INVALID, 5),
    "an unknown event": (chained(lambda e: e.insert(2, {**e[0], "event": "other"})), INVALID, 5),
    "an unknown field": (chained(lambda e: b.data_of(e, "outcome").update(more=1)), INVALID, 5),
    "a field of another kind": (chained(lambda e: b.data_of(e, "outcome").update(measured="1")), INVALID, 5),
    "a pass without a measurement": (chained(lambda e: b.data_of(e, "outcome").update(measured=0)), INVALID, 5),
    "a control that is not planned": (chained(lambda e: b.data_of(e, "outcome").update(control="Z-1")), INVALID, 5),
    "a second plan": (chained(lambda e: e.insert(2, e[1])), INVALID, 5),
    "an outcome before the plan": (chained(lambda e: e.insert(1, e.pop(2))), INVALID, 5),
    "a time that is none": (chained(lambda e: e[2].update(at="2026-02-30T10:08:33.000Z")), INVALID, 5),
    "a time in other digits": (chained(lambda e: e[2].update(at="2026-02-2٨T10:08:33.000Z")), INVALID, 5),
    "a bundle in other digits": (chained(lambda e: e[0]["data"].update(bundle="2026022٨T100833Z")), INVALID, 5),
    "another status than the verdict's": (chained(lambda e: b.data_of(e, "verdict").update(exit_status=10)), INVALID, 5),
    "an interrupted run": (chained(lambda e: e.__setitem__(-1, {**e[-1], "event": "run.interrupted", "data": {"reason": "SIGINT"}})), INCOMPLETE, 5),
    "a run that only began": (chained(lambda e: e.__delitem__(slice(1, None))), INCOMPLETE, 5),
    "an outcome edited, the verdict not": (
        chained(lambda e: b.data_of(e, "outcome").update(outcome="failed", reason="r")), INVALID, 6),
    "an outcome gone, the verdict not": (chained(lambda e: e.pop(2)), INVALID, 6),
    "a criterion edited": (chained(lambda e: b.data_of(e, "verdict")["criteria"][1].update(verdict=None)), INVALID, 6),
    "a stricter policy": (chained(lambda e: b.data_of(e, "plan")["terms"].update(hardening="low")), INVALID, 8),
    "another run's reports": (chained(lambda e: e[0]["data"].update(bundle="20260228T100834Z")), INVALID, 7),
    "what the gate could have written": (
        lambda p, lab: b.rewritten(p, lab.made, lambda e: b.data_of(e, "outcome").update(measured=7)), INCOMPLETE, 11),
    "numbers of every form": (
        lambda p, lab: b.rewritten(p, lab.made, lambda e: e.insert(2, {**e[2], "event": "fact", "data": {"name": "n", "value": [
            1e21, 1.5e300, 1e-7, 0.000001, 123456789.125, -2.5e-9, 9007199254740991, 0.1, 5e-324, {"é\x7f\u2028": "\x01\U0001f600"}]}})), INCOMPLETE, 11),
    "a report with a line more": (
        lambda p, lab: b.put(p, "release_gate_20260228T100833Z.txt", "Release gate: FAIL\n", lab.made), INVALID, 7),
    "a verdict without a newline after the verdict": (
        lambda p, lab: b.put(p, next(p.glob("data/release_gate_*")).name, next(p.glob("data/release_gate_*")).read_text() + "Release gate: FAIL",
                             lab.made), INVALID, 7),
    "a result with another verdict": (lambda p, lab: b.put(p, "result.json", '{"verdict": "NO-GO"}', lab.made), INVALID, 7),
    "a result with two verdicts": (lambda p, lab: b.put(p, "result.json", '{"verdict": "NO-GO", "verdict": "GO"}', lab.made), INVALID, 7),
    "a result that is none": (lambda p, lab: b.put(p, "result.json", "GO", lab.made), INVALID, 7),
    "a large result": (
        lambda p, lab: b.put(p, "result.json", json.dumps({"verdict": "GO", "more": ["x" * 1000] * 9000}), lab.made), INCOMPLETE, 11),
}  # fmt: skip


def unlink(*names: str) -> Change:
    return lambda p, _: [(p / "attestations" / name).unlink() for name in names]


STATEMENT: dict[str, Case] = {
    "no statement": (unlink("gate.dsse.json"), INVALID, 8),
    "an empty statement": (lambda p, _: (p / "attestations" / "gate.dsse.json").write_text(""), INVALID, 8),
    "a statement in two lines": (lambda p, _: b.append(p / "attestations" / "gate.dsse.json", "\n"), INVALID, 8),
    "a signed statement with spaces": (
        lambda p, lab: b.raw_envelope(p, lab.made, json.dumps(json.loads(b.payload(p)), sort_keys=True).encode()), INVALID, 8),
    "a signed statement with a key twice": (
        lambda p, lab: b.raw_envelope(p, lab.made, b.payload(p).replace(b'{"_type"', b'{"_type":"x","_type"', 1)), INVALID, 8),
    "a signed statement with a newline": (lambda p, lab: b.raw_envelope(p, lab.made, b.payload(p) + b"\n"), INVALID, 8),
    "a signed statement that is no JSON": (lambda p, lab: b.raw_envelope(p, lab.made, b"\xff"), INVALID, 8),
    "the same again": (lambda p, lab: [undecide(p), shutil.rmtree(p / "attestations" / "approvals"), b.raw_envelope(p, lab.made, b.payload(p))],
                       INCOMPLETE, 11),
    "a bundle before in another folder": (
        lambda p, lab: reseal(p, "gate.dsse.json", lab.made.gate, lambda s: s["predicate"]["gate"].update(
            previous={"bundle": "../../etc", "sha256": "ab"})), INVALID, 8),
    "another operator": (
        lambda p, lab: reseal(p, "gate.dsse.json", lab.made.gate, lambda s: s["predicate"]["gate"].update(operator="nobody")), INVALID, 8),
    "another payload type": (lambda p, _: edit_json(p / "attestations" / "gate.dsse.json", lambda e: e.update(payloadType="text/plain")), INVALID, 8),
    "two signatures": (
        lambda p, _: edit_json(p / "attestations" / "gate.dsse.json", lambda e: e["signatures"].append(e["signatures"][0])), INVALID, 8),
    "no copy of the gate's key": (unlink("gate.pub.pem"), INVALID, 9),
    "another copy of the gate's key": (
        lambda p, lab: (p / "attestations" / "gate.pub.pem").write_bytes(lab.made.release.public.pem), INVALID, 9),
    "a copy of the key with a remark": (lambda p, _: b.append(p / "attestations" / "gate.pub.pem", "remark\n"), INVALID, 9),
    "a stranger's statement": (lambda p, lab: rebag(p, lab.made, key=lab.stranger), UNTRUSTED, 9),
    "a bundle nobody signed for": (lambda p, lab: rebag(p, lab.made), INCOMPLETE, 11),
}  # fmt: skip

APPROVALS: dict[str, Case] = {
    "an approval of another run": (b.replayed, INVALID, 10),
    "an approval with spaces": (lambda p, lab: b.paper(p, lab.made, lambda x: x.replace(b'"role":', b'"role": ')), INVALID, 10),
    "an approval without a newline": (lambda p, lab: b.paper(p, lab.made, lambda x: x[:-1]), INVALID, 10),
    "an approval with a key twice": (lambda p, lab: b.paper(p, lab.made, lambda x: x.replace(b'"role":', b'"role":"x","role":')), INVALID, 10),
    "an approval with more in it": (lambda p, lab: b.changed_paper(p, lab.made, lambda s: s.update(more=1)), INVALID, 10),
    "an approval on no day": (
        lambda p, lab: b.changed_paper(p, lab.made, lambda s: s["predicate"].update(signedAt="2026-02-29T12:00:00Z")), INVALID, 10),
    "an approval that turns the text": (
        lambda p, lab: b.changed_paper(p, lab.made, lambda s: s["predicate"].update(meaning="a\u202eb")), INVALID, 10),
    "an approval as long as can be": (
        lambda p, lab: b.changed_paper(p, lab.made, lambda s: s["predicate"].update(meaning="é" * 2000)), INCOMPLETE, 12),
    "an approval that is too long": (
        lambda p, lab: b.changed_paper(p, lab.made, lambda s: s["predicate"].update(meaning="é" * 2001)), INVALID, 10),
    "an approval by another key": (lambda p, lab: b.paper(p, lab.made, lambda x: x, "ops"), INVALID, 10),
    "an approval that skips a number": (lambda p, _: [undecide(p), [(p / "attestations" / "approvals" / f"03-Operations.json{e}").rename(
        p / "attestations" / "approvals" / f"04-Operations.json{e}") for e in ("", ".sig")]], INVALID, 10),
    "a number twice": (lambda p, _: [undecide(p), [(p / "attestations" / "approvals" / f"03-Operations.json{e}").rename(
        p / "attestations" / "approvals" / f"02-Operations.json{e}") for e in ("", ".sig")]], INVALID, 10),
    "a signature without its paper": (lambda p, _: (p / "attestations" / "approvals" / "03-Operations.json").unlink(), INVALID, 10),
    "a signature in other lines": (lambda p, _: [undecide(p), sig(p).write_text(sig(p).read_text().replace("\n", "\n\n", 2))], INVALID, 10),
    "a signature that is empty": (lambda p, _: [undecide(p), sig(p).write_text("")], INVALID, 10),
    "a signature for another purpose": (lambda p, lab: b.only(p, lab, *ALL, namespace="file"), INVALID, 10),
    "approved by a stranger": (lambda p, lab: b.only(p, lab, *ALL[:2], ("stranger", "Operations")), UNTRUSTED, 10),
    "approved with a stranger's key": (lambda p, lab: b.only(p, lab, *ALL, key="stranger"), UNTRUSTED, 10),
    "approved under another printed name": (
        lambda p, lab: b.only(p, lab, *ALL, signer={"id": "ops@example.com", "printedName": "Other"}), UNTRUSTED, 10),
    "approved with a key whose time is over": (
        lambda p, lab: [lab.trust(lambda d: d["person"][1]["key"][0].update(valid_until="2026-02-28T11:00:00Z")), undecide(p)], UNTRUSTED, 10),
    "undecided": (lambda p, _: undecide(p), INCOMPLETE, 12),
    "undecided, signed elsewhere": (lambda p, lab: [rebag(p, lab.made, key=lab.stranger), undecided_papers(p, lab)], UNTRUSTED, 9),
    "an approval dropped": (lambda p, lab: b.only(p, lab, *ALL[:2]), INCOMPLETE, 11),
    "a rejection": (lambda p, lab: b.only(p, lab, *ALL, decision="reject", reason="no"), INCOMPLETE, 11),
    "a role that is not theirs": (lambda p, lab: b.only(p, lab, ("eng", "Engineering"), ("eng", "QA"), ("ops", "Operations")), INCOMPLETE, 11),
    "the same role twice": (lambda p, lab: b.only(p, lab, *ALL, ("qa", "QA")), INCOMPLETE, 11),
    "one person for two roles": (
        lambda p, lab: [lab.trust(lambda d: d["person"][0]["roles"].append("QA")),
                        b.only(p, lab, ("eng", "Engineering"), ("eng", "QA"), ("ops", "Operations"))], INCOMPLETE, 11),
    "signed before the run ended": (lambda p, lab: b.only(p, lab, *ALL, at="2026-02-28T10:08:32Z"), INCOMPLETE, 11),
    "signed in the second in which it ended": (lambda p, lab: b.only(p, lab, *ALL, at="2026-02-28T10:08:33Z"), INCOMPLETE, 12),
    "signed when the evidence was old": (lambda p, lab: b.only(p, lab, *ALL, at="2026-03-03T10:08:34Z"), INCOMPLETE, 11),
    "signed just in time": (lambda p, lab: b.only(p, lab, *ALL, at="2026-03-03T10:08:33Z"), INCOMPLETE, 12),
    "the operator approves": (lambda p, lab: b.instead(p, lab, operator="qa-login", decided=False), INCOMPLETE, 11),
    "the author approves, written otherwise": (lambda p, lab: b.instead(p, lab, commit_author="QA Person", decided=False), INCOMPLETE, 11),
    "an exception": (lambda p, lab: b.excepted(p, lab, "boss", "both", "eng@example.com"), INCOMPLETE, 12),
    "an exception by who may not": (lambda p, lab: b.excepted(p, lab, "ops", "both", "eng@example.com"), INCOMPLETE, 11),
    "an exception for nobody": (lambda p, lab: b.excepted(p, lab, "boss", "both", "else@example.com"), INCOMPLETE, 11),
    "an exception without a reason": (lambda p, lab: b.excepted(p, lab, "boss", "both", "eng@example.com", reason=" "), INCOMPLETE, 11),
    "an exception from one of two rules": (lambda p, lab: b.excepted(p, lab, "boss", "distinct-key", "eng@example.com"), INCOMPLETE, 11),
    "an exception from no rule": (lambda p, lab: b.excepted(p, lab, "boss", "none", "eng@example.com"), INVALID, 10),
    "an exception for oneself": (
        lambda p, lab: [lab.trust(lambda d: d["person"][0].update(roles=["Engineering", "QA"], may_except=["distinct-person", "distinct-key"])),
                        b.excepted(p, lab, "eng", "both", "eng@example.com")], INCOMPLETE, 11),
    "a decision with an exception": (
        lambda p, lab: [b.excepted(p, lab, "boss", "both", "eng@example.com"), b.decide_under(p, lab)], VALID, 1),
}  # fmt: skip


def sig(bundle: Path) -> Path:
    return bundle / "attestations" / "approvals" / "02-QA.json.sig"


def undecided_papers(bundle: Path, lab: Lab) -> None:
    bundles.sign_all(bundle, lab.made)


def lab_keys(*names: str) -> Change:
    return lambda _, lab: lab.keys(*names)


DECISION: dict[str, Case] = {
    "a decision by a stranger": (lambda p, lab: b.sealed(p, lab.stranger), UNTRUSTED, 12),
    "a decision by the gate": (lambda p, lab: b.sealed(p, lab.made.gate), INVALID, 12),
    "a decision whose signature does not fit": (
        lambda p, _: edit_json(p / "attestations" / "release.dsse.json", lambda e: e["signatures"][0].update(sig="AAAA")), INVALID, 12),
    "a decision on another statement": (
        lambda p, lab: b.sealed(p, lab.made.release, lambda s: s["subject"][-1]["digest"].update(sha256="ab" * 32)), INVALID, 12),
    "a decision under a policy of another digest": (
        lambda p, lab: b.sealed(p, lab.made.release, lambda s: s["predicate"]["policy"]["digest"].update(sha256="ab" * 32)), INVALID, 12),
    "a decision that has it both ways": (
        lambda p, lab: b.sealed(p, lab.made.release, lambda s: s["predicate"].update(verifiedLevels=["FAILED"])), INVALID, 12),
    "a decision of another order": (
        lambda p, lab: reseal(p, "release.dsse.json", lab.made.release, lambda s: s["predicate"]["inputAttestations"].reverse()), INVALID, 12),
    "a decision for no resource": (lambda p, lab: b.sealed(p, lab.made.release, lambda s: s["predicate"].update(resourceUri="")), INVALID, 12),
    "a decision that failed for nothing": (
        lambda p, lab: b.sealed(p, lab.made.release, lambda s: s["predicate"].update(
            verificationResult="FAILED", verifiedLevels=["FAILED"], gate={"reasons": ["no"]})), INVALID, 12),
    "no copy of the release key": (unlink("release.pub.pem"), INVALID, 12),
    "a decision that failed": (lambda p, lab: [b.only(p, lab, *ALL[:2]), b.decide_under(p, lab)], VALID, 1),
    "a decision that passed though it failed": (
        lambda p, lab: [b.only(p, lab, *ALL[:2]), b.decide_under(p, lab), reseal(p, "release.dsse.json", lab.made.release, passed)], INVALID, 12),
    "a decision that came too late": (lambda p, lab: [undecide(p), b.decide_under(p, lab, at="2026-03-03T10:08:34Z")], VALID, 1),
    "a decision before the approvals": (lambda p, lab: [undecide(p), b.decide_under(p, lab, at="2026-02-28T11:00:00Z")], VALID, 1),
    "a run that is NO-GO": (lambda p, lab: b.instead(p, lab, outcome=Outcome.FAILED), VALID, 1),
    "a run that is INCONCLUSIVE": (lambda p, lab: b.instead(p, lab, outcome=Outcome.ERROR), VALID, 1),
    "a control that does not apply": (lambda p, lab: b.instead(p, lab, outcome=Outcome.NOT_APPLICABLE), VALID, 1),
    "an artifact": (lambda p, lab: b.instead(p, lab, artifact="ab" * 32), VALID, 1),
    "unsigned and decided": (lambda p, lab: unsigned(p, lab), UNTRUSTED, 9),
    "another trust policy": (lambda _, lab: lab.trust(lambda d: d.update(evidence_max_age_hours=71)), UNTRUSTED, 12),
    "a trust folder without people": (lab_keys("approvers.toml", "approvers.json"), UNTRUSTED, 10),
    "a trust folder without a release key": (lab_keys("release.pub.pem"), UNTRUSTED, 12),
    "a trust folder without a gate key": (lab_keys("gate.pub.pem"), UNTRUSTED, 9),
    "a trust folder without TOML": (lab_keys("approvers.toml"), VALID, 1),
    "the bundle before as it was": (lambda p, lab: b.before(p, lab, lambda _: None), VALID, 1),
    "the bundle before changed": (lambda p, lab: b.before(p, lab, lambda x: flip(x / "attestations" / "gate.dsse.json")), INVALID, 13),
    "the bundle before gone": (lambda p, lab: b.before(p, lab, shutil.rmtree), VALID, 1),
    "the bundle before under another statement": (lambda p, lab: b.before(p, lab, lambda x: (x / "attestations" / "gate.dsse.json").rename(
        x / "attestations" / "gate.json")), VALID, 1),
}  # fmt: skip


def unsigned(bundle: Path, lab: Lab) -> None:
    other = bundles.run(lab.room / "out", None)
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)
    bundles.sign_all(bundle, lab.made)
    b.decide_under(bundle, lab)


EVERY: dict[str, Case] = {name: (lambda p, lab, do=do: do(p, lab.made), state, step) for name, (do, state, step) in CASES.items()}
for more in (FOLDER, JOURNAL, STATEMENT, APPROVALS, DECISION):
    assert not EVERY.keys() & more.keys()
    EVERY |= more


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """What verify.sh needs; never passed over in silence."""
    done = subprocess.run([ROOT / "scripts/install_tools.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> bundles.Company:
    return b.company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def whole(made: bundles.Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed, approved, decided."""
    bundle = bundles.run(tmp_path_factory.mktemp("out"), made.gate)
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    return bundle


@pytest.fixture
def lab(made: bundles.Company, whole: Path, tmp_path: Path) -> tuple[Lab, Path]:
    """A room for a case, and a copy of the bundle in it."""
    copy = tmp_path / "bundles" / whole.name
    shutil.copytree(whole, copy)
    return Lab(made, tmp_path), copy


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An auditor's own copy of the script, one file."""
    path = tmp_path_factory.mktemp("auditor") / "verify.sh"
    path.write_text(offline.script())
    return path


def told(script: Path, *arguments: Path | str, path: str = "") -> tuple[str, int, int, str]:
    """State, step and exit status of the script, and all that it said."""
    done = subprocess.run(
        ["bash", script, *arguments],  # noqa: S607 - Debian's
        capture_output=True, text=True, check=False, timeout=120, env=None if not path else {"PATH": path},
    )  # fmt: skip
    found = FIRST.fullmatch(done.stdout.split("\n")[0])
    assert found, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    return found[1], int(found[2] or 1), done.returncode, done.stdout


@pytest.mark.parametrize("case", EVERY)
def test_both_say_the_same(case: str, lab: tuple[Lab, Path], script: Path) -> None:
    change, state, step = EVERY[case]
    room, bundle = lab
    change(bundle, room)
    trust = given(room)
    found = verify(bundle, load_trust(trust))
    shell = told(script, bundle, "--trust", trust)
    assert (found.state, found.step) == (state, step), found.reason
    assert shell[:3] == (state.value, step, state.exit_status), shell[3]


def test_the_guide_in_a_bundle_is_the_one_in_docs() -> None:
    assert (ROOT / "docs/VERIFY.md").read_text("utf-8") == offline.guide(), "make it anew: ./run docs"


def test_without_trust_both_say_the_same(whole: Path, script: Path) -> None:
    found = verify(whole, None)
    assert told(script, whole)[:3] == (found.state.value, found.step, 22) == ("UNTRUSTED", 9, 22)
