"""The sign-off log of evidence that was signed: who, what for, with which key, and whether it counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.evidence.signers import sign_off
from gate.model import Outcome, RunRecord
from gate.model.signed import SignatureLine, SignOff
from gate.report.signoff import Release, render
from gate.report.signoff_page import html, pdf
from tests.evidence import bundles
from tests.evidence.bundles import Company

FINE = "trusted: covers this evidence and verifies, with a key of this person"
HOSTILE = (
    "<script>alert(1)</script>",
    "| a | b |",
    "**bold** [x](http://x.example)",
    "\x1b[2J\u202eevil",
    "`code`",
    '"><img src=x onerror=a>',
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def decided(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = bundles.run(tmp_path_factory.mktemp("out"), made.gate)
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    return bundle


@pytest.fixture
def bundle(decided: Path, tmp_path: Path) -> Path:
    shutil.copytree(decided, tmp_path / decided.name)
    return tmp_path / decided.name


def log(*arguments: object) -> str:
    done = CliRunner().invoke(main, ["signoff", *map(str, arguments)], env={"GATE_TRUST": None}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def undecided(bundle: Path) -> Path:
    for name in ("release.dsse.json", "release.pub.pem", "approvers.json"):
        (bundle / "attestations" / name).unlink()
    return bundle


def row(text: str, role: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {role} |"))


def test_every_signature_is_shown_with_what_it_is_worth(bundle: Path, made: Company) -> None:
    text = log(bundle, "--trust", made.trust)
    print_of_qa = sign_off(bundle, made.load()).lines[1].fingerprint
    assert row(text, "QA") == (
        f"| QA | Person qa (qa\\@example.com) | approve | Approved for production | `2026-02-28T12:00:00Z` | `{print_of_qa}` | {FINE} |"
    )
    assert text.count(FINE) == 3
    assert (
        "- Evidence: VALID, every step holds\n- Statement of the gate: signed by the gate\n- Decision: PASSED, `2026-02-28T13:00:00Z`"
        in text
    )
    assert "  - Operations: `Person ops` (signed)" in text
    assert "UNSIGNED" not in text
    assert "WARNING" not in text


def test_without_a_trust_folder_nobody_is_known(bundle: Path) -> None:
    text = log(bundle)
    told = "UNTRUSTED: covers this evidence and verifies, but whose key it is was not checked (no --trust)"
    assert text.count(f"| **{told}** |") == 3
    assert "- Statement of the gate: **UNTRUSTED**: signed with a key that was not found in a trust folder" in text
    assert " ".join(Page(log(bundle, "--format", "html")).red).count(told) == 3
    assert "- Evidence: **UNTRUSTED**" in text
    assert "- Decision: **PASSED, but the evidence is UNTRUSTED**" in text
    assert "  - QA: `Person qa` **(signed with a key that was not checked)**" in text


def test_who_has_not_signed_is_unsigned_whatever_the_command_line_says(bundle: Path, made: Company) -> None:
    approvals = undecided(bundle) / "attestations" / "approvals"
    for path in approvals.glob("0[23]-*"):
        path.unlink()
    text = log(bundle, "--trust", made.trust, "--qa", "Grace Hopper", "--engineering", "Somebody Else")
    assert row(text, "QA") == "| QA | | | | | | **UNSIGNED** |"
    assert "  - QA: `Grace Hopper` **(not signed)**" in text
    assert "  - Engineering: `Person eng` (signed)" in text
    assert "Somebody Else" not in text
    assert "- Decision: **none yet**" in text


def test_evidence_that_nobody_signed_says_so(made: Company, tmp_path: Path) -> None:
    text = log(bundles.run(tmp_path, None))
    assert "- Statement of the gate: **UNSIGNED**" in text
    assert "| | | | | | | **UNSIGNED** |" in text
    assert log(tmp_path / "20260228T100833Z", "--trust", made.trust).count("**UNSIGNED** |") == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda b: flip(b / "attestations/approvals/02-QA.json"), "02-QA.json"),
        (lambda b: flip(b / "data/junit.xml"), "junit.xml was changed"),
        (lambda b: (b / "attestations/approvals/02-QA.json.sig").unlink(), "cannot be read"),
    ],
)
def test_what_was_tampered_with_does_not_count(change: Callable[[Path], object], why: str, bundle: Path, made: Company) -> None:
    change(undecided(bundle))
    text = log(bundle, "--trust", made.trust)
    assert text.splitlines()[2].startswith(f"**WARNING: the evidence in {bundle.name} is INVALID: ")
    assert "**DOES NOT COUNT: " in row(text, "QA")
    assert why in text
    assert FINE not in row(text, "QA")
    assert "  - QA: `Pending manual sign-off entry`" in text or "- Approver names (Engineering, QA, Operations): `Pending" in text


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_papers_of_another_run_do_not_count(bundle: Path, made: Company, tmp_path: Path) -> None:
    other = bundles.run(tmp_path / "other", made.gate, run_id="r2")
    shutil.copytree(bundle / "attestations" / "approvals", other / "attestations" / "approvals")
    text = log(other, "--trust", made.trust)
    assert text.count("**DOES NOT COUNT: 0") == 3
    assert text.count("is about other evidence than this bundle's") >= 3


def test_a_rejection_is_the_first_thing_one_reads(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, made.gate)
    bundles.sign(bundle, made, "qa", "QA", decision="reject", reason="lots are missing")
    text = log(bundle, "--trust", made.trust)
    assert f"**WARNING: Person qa rejected {bundle.name} for QA: lots are missing.**" in text
    assert "| **reject** | Approved for production Reason: lots are missing |" in text
    assert f"| {FINE} |" in row(text, "QA")
    assert bundles.decide_on(bundle, made, final=True) is not None
    assert f"**WARNING: the release is decided: FAILED (on {bundle.name}).**" in log(bundle, "--trust", made.trust)


def test_a_key_that_is_nobodys_does_not_count(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, made.gate)
    bundles.ssh_key(made.key("stranger"))
    bundles.sign(bundle, made, "qa", "QA", key="stranger")
    text = log(bundle, "--trust", made.trust)
    assert "**DOES NOT COUNT: the key SHA256:" in row(text, "QA")
    assert "  - QA: `Pending" in text or ": `Pending manual sign-off entry`" in text


def test_a_stranger_hides_nothing_that_is_wrong_with_the_others(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, made.gate)
    bundles.ssh_key(made.key("intruder"))
    bundles.sign(bundle, made, "qa", "QA", key="intruder")
    bundles.sign(bundle, made, "eng", "Operations")
    bundles.sign(bundle, made, "eng", "Engineering")
    text = log(bundle, "--trust", made.trust)
    assert "**DOES NOT COUNT: the key SHA256:" in row(text, "QA")
    assert "**DOES NOT COUNT: eng@example.com may not sign for Operations**" in row(text, "Operations").replace("\\", "")
    assert "Person eng` (signed)" not in text


def test_a_strange_gate_is_not_called_the_gate(bundle: Path, made: Company, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    shutil.copytree(made.trust, trust)
    shutil.copy(bundles.company(tmp_path / "stranger").trust / "gate.pub.pem", trust / "gate.pub.pem")
    text = log(bundle, "--trust", trust)
    assert "- Statement of the gate: **UNTRUSTED**" in text
    assert "signed by the gate" not in text
    assert "  - QA: `Person qa` **(signed, but the evidence is UNTRUSTED)**" in text


def test_each_run_has_its_own_signatures(bundle: Path, made: Company, tmp_path: Path) -> None:
    later = bundles.run(tmp_path / "later", made.gate, at=bundles.BEGUN.replace(hour=11), outcome=Outcome.FAILED, run_id="r2")
    text = log(bundle, later, "--trust", made.trust)
    assert re.findall(r"^## Signatures under `(.*)`", text, re.MULTILINE) == [bundle.name, later.name]
    assert text.count("**UNSIGNED** |") == 3


class Page(HTMLParser):
    """The tags of a page and the texts that stand in something red."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.red: list[str] = []
        self._open: list[bool] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self._open.append("bad" in (dict(attrs).get("class") or "").split())

    def handle_endtag(self, _tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if any(self._open):
            self.red.append(data)


def test_the_page_shows_in_red_what_is_missing(made: Company, tmp_path: Path) -> None:
    bundle = bundles.run(tmp_path, None)
    bundles.sign(bundle, made, "qa", "QA", decision="reject", reason="no")
    page = Page(log(bundle, "--trust", made.trust, "--format", "html", "--engineering", "Ada"))
    red = " ".join(page.red)
    for text in ("UNSIGNED", "UNTRUSTED", "none yet", "reject", "(not signed)", "WARNING: Person qa rejected"):
        assert text in red
    assert "script" not in page.tags


def hostile(text: str) -> SignOff:
    line = SignatureLine("01-QA.json", text, "", text, text, text, text, text, "", "", text, text)
    lines = (line, replace(line, problem=text), replace(line, rule=text, person=text), replace(line, decision="reject"))
    return SignOff(text, text, text, signed=True, trusted=True, decision=text, decided_at=text, lines=lines, missing=(text,))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_stranger_wrote_stays_text(text: str, runs: dict[str, RunRecord]) -> None:
    plain = html([(runs["go"], {})], Release(), (hostile("harmless"),))
    page = html([(runs["go"], {})], Release((text,), text, text, text, text), (hostile(text),))
    assert Page(page).tags.count("img") == Page(page).tags.count("script") == Page(page).tags.count("a") == 0
    assert len(Page(page).tags) >= len(Page(plain).tags)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", page)
    log = render([(runs["go"], {})], Release((text,), text, text, text, text), (hostile(text),))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", log)
    assert "<script" not in log
    assert "<img" not in log
    rows = [line for line in log.splitlines() if line.startswith("| ") and "---" not in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {8}


# WeasyPrint leaves the colour profile that PDF/A needs open; nothing of ours.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_pdf_is_made_of_the_page(bundle: Path, made: Company, tmp_path: Path) -> None:
    target = tmp_path / "log.pdf"
    log(bundle, "--trust", made.trust, "--format", "pdf", "--output", target)
    assert target.read_bytes().startswith(b"%PDF-")
    program = shutil.which("pdftotext")
    if program:
        text = subprocess.run([program, "-layout", target, "-"], capture_output=True, check=True, text=True).stdout
        assert "Person qa" in text
        assert "PASSED" in text


def test_a_pdf_needs_a_file_and_weasyprint(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(main, ["signoff", str(bundle), "--format", "pdf"])
    assert (done.exit_code, "Give --output" in done.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    done = CliRunner().invoke(main, ["signoff", str(bundle), "--format", "pdf", "--output", str(tmp_path / "x.pdf")])
    assert (done.exit_code, "pip install 'cutover-gate[pdf]'" in done.stderr) == (2, True)
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_pdf_asks_for_nothing_from_outside(caplog: pytest.LogCaptureFixture) -> None:
    assert pdf('<img src="http://127.0.0.1:9/x.png"><link rel="stylesheet" href="file:///etc/passwd">x').startswith(b"%PDF-")
    assert caplog.text.count("disallowed protocol") == 2
