"""Who may approve what: one table of sign-offs, through the rules alone and through the commands that people type."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from gate.evidence import approval as approvals
from gate.evidence import decision, replay, rules
from gate.evidence.dsse import sign as seal
from gate.evidence.verify import State, verify
from gate.evidence.verify.papers import read_papers, read_statement
from gate.model import Outcome
from tests.evidence import bundles
from tests.evidence.bundles import Company

NOW = datetime.now(UTC).replace(microsecond=0)
PERSON = """
[[person]]
id = "{0}@example.com"
name = "Person {0}"
roles = {1}
may_except = {2}
"""
KEY = """
[[person.key]]
public = "{}"
valid_from = {}
valid_until = {}
"""
EVERY = '["Engineering", "QA", "Operations"]'
RULES = '["distinct-person", "distinct-key", "operator", "evidence-age"]'  # all but author
ALWAYS = ("2026-01-01", "2099-12-31")
PEOPLE = {"lead": (EVERY, RULES, ALWAYS), "boss": ("[]", RULES, ALWAYS)} | {
    "old": ('["QA"]', "[]", ("2025-01-01", "2026-01-31")),
    "new": ('["QA"]', "[]", ("2098-01-01", "2099-01-31")),
}

Paper = dict[str, Any]
ENG: Paper = {"who": "eng", "role": "Engineering"}
OPS: Paper = {"who": "ops", "role": "Operations"}
QA: Paper = {"who": "qa", "role": "QA"}


def stamp(hours: float) -> str:
    """So many hours from now."""
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def excepted(rule: str, person: str = "qa", role: str = "QA", by: str = "boss", reason: str = "a small team") -> Paper:
    return {"who": by, "role": role, "rule": rule, "person": f"{person}@example.com", "reason": reason, "kind": approvals.EXCEPTION_TYPE}


@dataclass(frozen=True)
class Case:
    """Papers, in the order of signing, under a run.

    `why` is the sentence that stands in the way, `kind` what it makes of it; `signing` is what `gate sign` answers to the last paper, None
    where that command cannot make such a paper (a wrong clock, another printed name).
    """

    papers: list[Paper]
    kind: str = "fine"
    why: str = ""
    signing: int | None = None
    run: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Path, Company], object] = lambda _bundle, _made: None


DECIDED = {"fine": 0, "broken": 10, "invalid": 20, "missing": 21, "untrusted": 22, "gate": 22}
OLD: dict[str, Any] = {"hours": 80}
EARLY = {"at": stamp(-79)}


def replayed(bundle: Path, made: Company) -> None:
    other = bundles.run(bundle.parent / "other", made.gate, at=NOW - timedelta(hours=1), run_id="another")
    bundles.sign(other, made, **QA, at=stamp(-0.5))
    shutil.copytree(other / "attestations" / "approvals", bundle / "attestations" / "approvals")


def altered(bundle: Path, _made: Company) -> None:
    path = bundle / "attestations" / "approvals" / "01-QA.json"
    path.write_bytes(path.read_bytes().replace(b"for production", b"for inspection"))


def taken_away(bundle: Path, _made: Company) -> None:
    for end in ("", ".sig"):
        (bundle / "attestations" / "approvals" / f"01-Engineering.json{end}").unlink()


CASES: dict[str, Case] = {
    "three people, three roles": Case([ENG, OPS, QA], signing=0),
    "two people for one role": Case([ENG, OPS, QA, {"who": "lead", "role": "QA"}], signing=0),
    "two roles only": Case([ENG, OPS], "missing", "nobody has approved for QA", 0),
    "nobody": Case([], "missing", "nobody has approved for Engineering"),
    "one person for two roles": Case(
        [ENG, {"who": "lead", "role": "QA"}, {"who": "lead", "role": "Operations"}],
        "broken",
        "the same person signed for QA and Operations",
        10,
    ),
    "one key under a second name": Case([ENG, OPS, {**QA, "key": "eng"}], "untrusted", "is not qa@example.com's", 10),
    "a known name with a strange key": Case([ENG, OPS, {**QA, "key": "stranger"}], "untrusted", "is not qa@example.com's", 10),
    "somebody whom nobody knows": Case([{**QA, "who": "stranger"}], "untrusted", "stranger@example.com is nobody", 2),
    "another printed name": Case(
        [{**QA, "signer": {"id": "qa@example.com", "printedName": "Somebody"}}], "untrusted", "the printed name is not"
    ),
    "a key that has expired": Case([ENG, OPS, {**QA, "who": "old"}], "untrusted", "old@example.com's key was not valid", 10),
    "a key that is not valid yet": Case([ENG, OPS, {**QA, "who": "new"}], "untrusted", "new@example.com's key was not valid", 10),
    "a role that is not theirs": Case([ENG, OPS, {**QA, "who": "ops"}], "broken", "ops@example.com may not sign for QA", 10),
    "whoever ran it": Case([ENG, OPS, QA], "broken", "qa@example.com ran the gate", 10, {"operator": "QA@Example.com"}),
    "whoever ran it, by an alias": Case([ENG, OPS, QA], "broken", "qa@example.com ran the gate", 10, {"operator": " qa-LOGIN"}),
    "whoever wrote it, by an alias": Case([ENG, OPS, QA], "broken", "qa@example.com wrote the commit", 10, {"commit_author": "Qa-Login"}),
    "whoever wrote it, by name": Case([ENG, OPS, QA], "broken", "qa@example.com wrote the commit", 10, {"commit_author": "person  qa"}),
    "a rejection": Case(
        [ENG, OPS, {**QA, "decision": "reject", "reason": "lots are missing"}],
        "broken",
        "qa@example.com rejected it for QA: lots are missing",
        0,
    ),
    "a rejection beside an approval": Case(
        [ENG, OPS, QA, {"who": "lead", "role": "QA", "decision": "reject", "reason": "no"}], "broken", "lead@example.com rejected it", 0
    ),
    "an approval after one's own rejection": Case(
        [ENG, OPS, {**QA, "decision": "reject", "reason": "no"}, QA], "broken", "qa@example.com has signed for QA before", 10
    ),
    "twice by one person for one role": Case([ENG, OPS, QA, QA], "broken", "qa@example.com has signed for QA before", 10),
    "signed before the run had ended": Case([ENG, OPS, {**QA, "at": stamp(-2)}], "broken", "before the run ended"),
    "signed after the decision": Case([ENG, OPS, {**QA, "at": stamp(2)}], "broken", "after the decision"),
    "evidence that is too old to be signed": Case(
        [ENG | EARLY, OPS | EARLY, QA], "broken", "the evidence was older than 72 hours when qa@example.com signed", 10, OLD
    ),
    "evidence that has grown too old to be decided on": Case(
        [ENG | EARLY, OPS | EARLY, QA | EARLY], "broken", "older than 72 hours when the decision was made", None, OLD
    ),
    "an exception from age": Case([excepted("evidence-age"), ENG | EARLY, OPS | EARLY, QA], signing=0, run=OLD),
    "an exception from age for somebody else": Case(
        [excepted("evidence-age", "lead"), ENG | EARLY, OPS | EARLY, QA], "broken", "when qa@example.com signed", 10, OLD
    ),
    "an exception for whoever ran it": Case([excepted("operator"), ENG, OPS, QA], signing=0, run={"operator": "qa-login"}),
    "an exception in another role": Case(
        [excepted("operator", role="Operations"), ENG, OPS, QA], "broken", "qa@example.com ran the gate", 10, {"operator": "qa-login"}
    ),
    "an exception by the beneficiary": Case(
        [ENG, OPS, QA, excepted("operator", "lead", by="lead")], "broken", "lead@example.com may not except themselves", 10
    ),
    "an exception without the right": Case(
        [ENG, OPS, QA, excepted("operator", by="eng")], "broken", "eng@example.com may not except anybody from operator", 10
    ),
    "an exception from a rule that is not theirs": Case(
        [ENG, OPS, excepted("author"), QA], "broken", "qa@example.com wrote the commit", 10, {"commit_author": "qa-login"}
    ),
    "an exception without a reason": Case([ENG, OPS, QA, excepted("operator", reason=" ")], "broken", "needs its reason", 2),
    "an exception for nobody": Case([ENG, OPS, QA, excepted("operator", "x")], "broken", "x@example.com is nobody", 10),
    "an exception for one person, and one key": Case(
        [excepted("distinct-person", "lead"), ENG, {**QA, "who": "lead"}, {**OPS, "who": "lead"}],
        "broken",
        "the same key signed for QA and Operations",
        10,
    ),
    "both exceptions for one person with one key": Case(
        [excepted("distinct-person", "lead"), excepted("distinct-key", "lead"), ENG, {**QA, "who": "lead"}, {**OPS, "who": "lead"}],
        signing=0,
    ),
    "one person with two keys, and one exception": Case(
        [excepted("distinct-person", "lead"), ENG, {**QA, "who": "lead"}, {**OPS, "who": "lead", "key": "lead2"}], signing=0
    ),
    "a verdict that is NO-GO": Case([ENG, OPS, QA], "broken", "the gate's verdict is NO-GO", 10, {"outcome": Outcome.FAILED}),
    "a verdict that is INCONCLUSIVE": Case([ENG, OPS, QA], "broken", "only GO can be released", 10, {"outcome": Outcome.INCONCLUSIVE}),
    "evidence that no gate signed": Case([ENG, OPS, QA], "gate", "UNSIGNED", 0, {"key": None}),
    "approvals of another run": Case([], "invalid", "about other evidence", change=replayed),
    "a text that was altered afterwards": Case([QA], "invalid", "is not over it", change=altered),
    "a signature for another purpose": Case([{**QA, "namespace": "file"}], "invalid", "made for another purpose"),
    "a paper that was taken away": Case([ENG, QA], "invalid", "not numbered from 01 on", change=taken_away),
}


# What somebody could try so that a release passes without three people's consent, and the case of the table that is it.
ATTACKS: dict[str, str] = {
    "two roles only": "two roles only",
    "one person twice": "one person for two roles",
    "one key under two names": "one key under a second name",
    "wrong role": "a role that is not theirs",
    "operator approves": "whoever ran it",
    "rejection ignored": "a rejection",
    "expired key": "a key that has expired",
    "approval copied from another run": "approvals of another run",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    keys = {name: bundles.ssh_key(folder / "ssh" / name) for name in (*PEOPLE, "lead2", "stranger")}
    more = "".join(
        PERSON.format(name, roles, may) + "".join(KEY.format(keys[key], *valid) for key in (name, f"{name}2") if key in keys)
        for name, (roles, may, valid) in PEOPLE.items()
    )
    return bundles.company(folder, more=more, until="2099-12-31")


@pytest.fixture
def lay(made: Company, tmp_path: Path) -> Callable[[Case, int | None], Path]:
    """Makes the case's bundle with its papers, or so many of them, past the checks of `gate sign`."""

    def do(case: Case, count: int | None = None) -> Path:
        run: dict[str, Any] = {"hours": 1, "operator": "ci@example.com", "commit_author": "dev@example.com"} | case.run
        bundle = bundles.run(tmp_path / str(count), run.pop("key", made.gate), at=NOW - timedelta(hours=run.pop("hours")), **run)
        for paper in case.papers[:count]:
            given: Paper = {"at": stamp(0)} | paper
            bundles.sign(bundle, made, **given)
        return bundle

    return do


def gate(command: str, bundle: Path, made: Company, *more: object) -> Result:
    arguments = [command, bundle, "--trust", made.trust, *more]
    return CliRunner().invoke(main, [str(item) for item in arguments], env={"GATE_TRUST": None}, catch_exceptions=False)


def decide(bundle: Path, made: Company, *more: str, key: str = "release") -> Result:
    return gate("decide", bundle, made, "--key", made.folder / "keys" / f"{key}.key.pem", *more)


def sign(bundle: Path, made: Company, paper: Paper) -> Result:
    """The paper by the command."""
    options = {"--role": paper["role"], "--as": f"{paper['who']}@example.com", "--ssh-key": made.key(paper.get("key") or paper["who"])}
    options |= {"--reason": paper.get("reason", "")}
    if "rule" in paper:
        options |= {"--exception": paper["rule"], "--person": paper["person"]}
    else:
        options |= {"--decision": paper.get("decision", "approve"), "--meaning": "Approved for production"}
    return gate("sign", bundle, made, *[item for option in options.items() for item in option])


def contents(bundle: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 22
    assert {case.kind for case in CASES.values()} == set(DECIDED)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.kind != "invalid"])
def test_the_rules_alone(name: str, lay: Callable[..., Path], made: Company) -> None:
    case = CASES[name]
    bundle, people = lay(case), made.load().approvers
    assert people is not None
    said = read_statement(bundle, replay(bundle / "data" / "journal.jsonl"))
    own = said.extension
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    found = rules.check(read_papers(bundle, said), people, about, stamp(0))
    problems = {kind: getattr(found, kind) for kind in ("untrusted", "broken", "missing")}
    told = {kind for kind, texts in problems.items() if texts}
    told -= {"missing"} if name == "a rejection" else set()  # whoever rejects does not approve
    assert told == ({case.kind} if case.kind in problems else set()), problems
    assert any(case.why in text for text in problems.get(case.kind, ())) or case.kind not in problems, problems
    assert all("\n" not in text for texts in problems.values() for text in texts)


@pytest.mark.parametrize("name", CASES)
def test_the_decision_by_the_command(name: str, lay: Callable[..., Path], made: Company) -> None:
    case = CASES[name]
    bundle = lay(case)
    case.change(bundle, made)
    before = contents(bundle)
    done = decide(bundle, made)
    assert done.exit_code == DECIDED[case.kind], done.output
    assert case.why in done.output
    if done.exit_code in (0, 10):
        assert done.stdout.splitlines()[0] == f"Decision: {'FAILED' if done.exit_code else 'PASSED'}"
    else:
        assert contents(bundle) == before
        done = decide(bundle, made, "--final")
        assert done.exit_code == (20 if case.kind == "invalid" else 10), done.output
    assert verify(bundle, made.load()).decision == {0: "PASSED", 10: "FAILED"}.get(done.exit_code, "")
    if case.kind == "invalid":
        assert contents(bundle) == before


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.signing is not None])
def test_the_last_paper_by_the_command(name: str, lay: Callable[..., Path], made: Company) -> None:
    case = CASES[name]
    bundle = lay(case, len(case.papers) - 1)
    before = contents(bundle)
    done = sign(bundle, made, case.papers[-1])
    assert done.exit_code == case.signing, done.output
    assert (contents(bundle) == before) == (case.signing != 0)


def forge(bundle: Path, made: Company) -> None:
    """PASSED, by the true release key, whatever the rules say."""
    people = made.load().digestible
    assert people is not None
    folder = bundle / "attestations"
    (folder / decision.PEOPLE_COPY).write_bytes(people)
    (folder / decision.RELEASE_COPY).write_bytes(made.release.public.pem)
    policy = hashlib.sha256(people).hexdigest()
    said = decision.statement(bundle, approvals.subject(bundle), "", resource="urn:x", policy=policy, at=stamp(0), reasons=[])
    (folder / decision.DECISION).write_bytes(seal(said, made.release))


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_when_it_is_decided_and_when_it_is_verified(attack: str, lay: Callable[..., Path], made: Company) -> None:
    case = CASES[ATTACKS[attack]]
    bundle = lay(case)
    case.change(bundle, made)
    refused = decide(bundle, made)
    assert refused.exit_code == DECIDED[case.kind] != 0
    assert "PASSED" not in refused.output
    forge(bundle, made)
    found = verify(bundle, made.load())
    where = {
        "missing": (State.INVALID, 12),
        "broken": (State.INVALID, 12),
        "untrusted": (State.UNTRUSTED, 10),
        "invalid": (State.INVALID, 10),
    }
    assert (found.state, found.step) == where[case.kind], found.reason


def test_the_forgery_alone_is_no_reason_to_refuse(lay: Callable[..., Path], made: Company) -> None:
    bundle = lay(CASES["three people, three roles"])
    forge(bundle, made)
    assert verify(bundle, made.load()).state is State.VALID


@pytest.mark.parametrize("kind", ["fine", "broken"])
def test_a_decision_is_made_once_by_a_release_key_and_ends_all_signing(kind: str, lay: Callable[..., Path], made: Company) -> None:
    bundle = lay(CASES["three people, three roles" if kind == "fine" else "a rejection"])
    before = contents(bundle)
    done = decide(bundle, made, key="gate")
    assert (done.exit_code, "is no release*.pub.pem" in done.stderr) == (2, True)
    assert contents(bundle) == before
    assert decide(bundle, made).exit_code == DECIDED[kind]
    before = contents(bundle)
    for done in (decide(bundle, made), decide(bundle, made, "--final"), sign(bundle, made, {"who": "lead", "role": "QA"})):
        assert (done.exit_code, "is decided already" in done.stderr) == (10, True)
    assert contents(bundle) == before
