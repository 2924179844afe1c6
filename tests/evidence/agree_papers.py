"""Broken bundles for `test_verifiers_agree.py`: approvals, rules, decision and the bundle before (steps 10 to 13)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gate.evidence.keys import PrivateKey
from gate.model import Outcome
from tests.evidence import broken as b
from tests.evidence import bundles
from tests.evidence.agree_bag import Case, Change, edit, then, unlink
from tests.evidence.broken import ALL, Lab
from tests.evidence.test_verify import INCOMPLETE, INVALID, UNTRUSTED, VALID, edit_json, flip, passed, rebag, reseal, undecide

APPROVALS_FOLDER = Path("attestations/approvals")
SIGNATURE = "attestations/approvals/02-QA.json.sig"
TWO_ROLES = (("eng", "Engineering"), ("eng", "QA"), ("ops", "Operations"))
BOTH = ["distinct-person", "distinct-key"]


def undecided(bundle: Path, _: Lab) -> None:
    """Without its decision."""
    undecide(bundle)


def decided(at: str = "2026-02-28T13:00:00Z") -> Change:
    """Decided anew, under the case's own trust folder if it made one."""
    return lambda p, lab: b.decide_under(p, lab, at=at)


def only(*signed: tuple[str, str], **last: Any) -> Change:
    """The papers of these people alone, the last one with changes; undecided."""
    return lambda p, lab: b.only(p, lab, *signed, **last)


def paper(content: Callable[[bytes], bytes], who: str = "qa") -> Change:
    """The second paper in other bytes, truly signed."""
    return lambda p, lab: b.paper(p, lab.made, content, who)


def says(**words: Any) -> Change:
    """The second paper in other words, truly signed."""
    return lambda p, lab: b.changed_paper(p, lab.made, lambda s: s["predicate"].update(words))


def excepted(who: str, rule: str, person: str, reason: str = "an emergency") -> Change:
    """Eng signs for QA as well, and somebody excepts from the rule."""
    return lambda p, lab: b.excepted(p, lab, who, rule, person, reason=reason)


def trusted(change: Callable[[dict[str, Any]], object]) -> Change:
    """Another trust policy."""
    return lambda _, lab: lab.trust(change)


def eng(**fields: Any) -> Change:
    """Another trust policy: the first person's entry."""
    return trusted(lambda d: d["person"][0].update(fields))


def another(**options: Any) -> Change:
    """Another run's bundle, approved and decided."""
    return lambda p, lab: b.instead(p, lab, **options)


def numbered(name: str) -> Change:
    """The third paper under another name."""

    def do(bundle: Path, _: Lab) -> None:
        for end in ("", ".sig"):
            (bundle / APPROVALS_FOLDER / f"03-Operations.json{end}").rename(bundle / APPROVALS_FOLDER / f"{name}{end}")

    return then(undecided, do)


def signature(change: Callable[[bytes], bytes]) -> Change:
    """The second signature in other bytes."""
    return then(undecided, edit(SIGNATURE, change))


def by_a_stranger(bundle: Path, lab: Lab) -> None:
    """The statement signed with a key that nobody trusts, approved by everybody."""
    rebag(bundle, lab.made, key=lab.stranger)
    bundles.sign_all(bundle, lab.made)


APPROVALS: dict[str, Case] = {
    "an approval of another run": (b.replayed, INVALID, 10),
    "an approval with spaces": (paper(lambda x: x.replace(b'"role":', b'"role": ')), INVALID, 10),
    "an approval without a newline": (paper(lambda x: x[:-1]), INVALID, 10),
    "an approval with a key twice": (paper(lambda x: x.replace(b'"role":', b'"role":"x","role":')), INVALID, 10),
    "an approval that is no text": (paper(lambda x: x.replace(b"Approved", b"\xff")), INVALID, 10),
    "an approval with more in it": (lambda p, lab: b.changed_paper(p, lab.made, lambda s: s.update(more=1)), INVALID, 10),
    "an approval on no day": (says(signedAt="2026-02-29T12:00:00Z"), INVALID, 10),
    "an approval that turns the text": (says(meaning="a\u202eb"), INVALID, 10),
    "an approval as long as can be": (says(meaning="é" * 2000), INCOMPLETE, 12),
    "an approval that is too long": (says(meaning="é" * 2001), INVALID, 10),
    "an approval by another key": (paper(lambda x: x, "ops"), INVALID, 10),
    "an approval that skips a number": (numbered("04-Operations.json"), INVALID, 10),
    "a number twice": (numbered("02-Operations.json"), INVALID, 10),
    "a signature without its paper": (unlink("approvals/03-Operations.json"), INVALID, 10),
    "a signature in other lines": (signature(lambda x: x.replace(b"\n", b"\n\n", 2)), INVALID, 10),
    "a signature that is empty": (signature(lambda _: b""), INVALID, 10),
    "a signature for another purpose": (only(*ALL, namespace="file"), INVALID, 10),
    "approved by a stranger": (only(*ALL[:2], ("stranger", "Operations")), UNTRUSTED, 10),
    "approved with a stranger's key": (only(*ALL, key="stranger"), UNTRUSTED, 10),
    "approved under another printed name": (only(*ALL, signer={"id": "ops@example.com", "printedName": "Other"}), UNTRUSTED, 10),
    "approved with a key whose time is over": (
        then(trusted(lambda d: d["person"][1]["key"][0].update(valid_until="2026-02-28T11:00:00Z")), undecided),
        UNTRUSTED,
        10,
    ),
    "undecided": (undecided, INCOMPLETE, 12),
    "undecided, signed elsewhere": (by_a_stranger, UNTRUSTED, 9),
    "an approval dropped": (only(*ALL[:2]), INCOMPLETE, 11),
    "a rejection": (only(*ALL, decision="reject", reason="no"), INCOMPLETE, 11),
    "a role that is not theirs": (only(*TWO_ROLES), INCOMPLETE, 11),
    "the same role twice": (only(*ALL, ("qa", "QA")), INCOMPLETE, 11),
    "one person for two roles": (then(eng(roles=["Engineering", "QA"]), only(*TWO_ROLES)), INCOMPLETE, 11),
    "signed before the run ended": (only(*ALL, at="2026-02-28T10:08:32Z"), INCOMPLETE, 11),
    "signed in the second in which it ended": (only(*ALL, at="2026-02-28T10:08:33Z"), INCOMPLETE, 12),
    "signed when the evidence was old": (only(*ALL, at="2026-03-03T10:08:34Z"), INCOMPLETE, 11),
    "signed just in time": (only(*ALL, at="2026-03-03T10:08:33Z"), INCOMPLETE, 12),
    "the operator approves": (another(operator="qa-login", decided=False), INCOMPLETE, 11),
    "the author approves, written otherwise": (another(commit_author="QA Person", decided=False), INCOMPLETE, 11),
    "an exception": (excepted("boss", "both", "eng@example.com"), INCOMPLETE, 12),
    "an exception by who may not": (excepted("ops", "both", "eng@example.com"), INCOMPLETE, 11),
    "an exception for nobody": (excepted("boss", "both", "else@example.com"), INCOMPLETE, 11),
    "an exception without a reason": (excepted("boss", "both", "eng@example.com", reason=" "), INCOMPLETE, 11),
    "an exception from one of two rules": (excepted("boss", "distinct-key", "eng@example.com"), INCOMPLETE, 11),
    "an exception from no rule": (excepted("boss", "none", "eng@example.com"), INVALID, 10),
    "an exception for oneself": (
        then(eng(roles=["Engineering", "QA"], may_except=BOTH), excepted("eng", "both", "eng@example.com")),
        INCOMPLETE,
        11,
    ),
    "a decision with an exception": (then(excepted("boss", "both", "eng@example.com"), decided()), VALID, 1),
}


def sealed(change: Callable[[Any], object], key: Callable[[Lab], PrivateKey] = lambda lab: lab.made.release) -> Change:
    """Another decision, truly signed, that names every paper as it is."""
    return lambda p, lab: b.sealed(p, key(lab), change)


def resealed(change: Callable[[Any], object]) -> Change:
    """Another decision, truly signed, on the papers that it named."""
    return lambda p, lab: reseal(p, "release.dsse.json", lab.made.release, change)


def without(*names: str) -> Change:
    """A trust folder that lacks these files."""
    return lambda _, lab: lab.keys(*names)


def unfitting(bundle: Path, _: Lab) -> None:
    """The decision's signature is none."""
    edit_json(bundle / "attestations" / "release.dsse.json", lambda e: e["signatures"][0].update(sig="AAAA"))


def unsigned(bundle: Path, lab: Lab) -> None:
    """A run without a key, approved and decided all the same."""
    other = bundles.run(lab.room / "out", None)
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)
    bundles.sign_all(bundle, lab.made)
    b.decide_under(bundle, lab)


def before(change: Callable[[Path], object]) -> Change:
    """The second bundle of a folder, the first one changed."""
    return lambda p, lab: b.before(p, lab, change)


def no_reason(said: Any) -> None:
    said["predicate"] |= {"verificationResult": "FAILED", "verifiedLevels": ["FAILED"], "gate": {"reasons": ["no"]}}


OTHER = "ab" * 32
DECISION: dict[str, Case] = {
    "a decision by a stranger": (sealed(lambda _: None, lambda lab: lab.stranger), UNTRUSTED, 12),
    "a decision by the gate": (sealed(lambda _: None, lambda lab: lab.made.gate), INVALID, 12),
    "a decision whose signature does not fit": (unfitting, INVALID, 12),
    "a decision on another statement": (sealed(lambda s: s["subject"][-1]["digest"].update(sha256=OTHER)), INVALID, 12),
    "a decision under a policy of another digest": (
        sealed(lambda s: s["predicate"]["policy"]["digest"].update(sha256=OTHER)),
        INVALID,
        12,
    ),
    "a decision that has it both ways": (sealed(lambda s: s["predicate"].update(verifiedLevels=["FAILED"])), INVALID, 12),
    "a decision of another order": (resealed(lambda s: s["predicate"]["inputAttestations"].reverse()), INVALID, 12),
    "a decision for no resource": (sealed(lambda s: s["predicate"].update(resourceUri="")), INVALID, 12),
    "a decision that failed for nothing": (sealed(no_reason), INVALID, 12),
    "no copy of the release key": (unlink("release.pub.pem"), INVALID, 12),
    "a decision that failed": (then(only(*ALL[:2]), decided()), VALID, 1),
    "a decision that passed though it failed": (then(only(*ALL[:2]), decided(), resealed(passed)), INVALID, 12),
    "a decision that ignores a rejection": (
        then(only(*ALL, decision="reject", reason="no"), decided(), resealed(passed)),
        INVALID,
        12,
    ),
    "a decision that came too late": (then(undecided, decided(at="2026-03-03T10:08:34Z")), VALID, 1),
    "a decision before the approvals": (then(undecided, decided(at="2026-02-28T11:00:00Z")), VALID, 1),
    "a run that is NO-GO": (another(outcome=Outcome.FAILED), VALID, 1),
    "a run that is INCONCLUSIVE": (another(outcome=Outcome.ERROR), VALID, 1),
    "a control that does not apply": (another(outcome=Outcome.NOT_APPLICABLE), VALID, 1),
    "an artifact": (another(artifact=OTHER), VALID, 1),
    "unsigned and decided": (unsigned, UNTRUSTED, 9),
    "another trust policy": (trusted(lambda d: d.update(evidence_max_age_hours=71)), UNTRUSTED, 12),
    "a trust folder without people": (without("approvers.toml", "approvers.json"), UNTRUSTED, 10),
    "a trust folder without a release key": (without("release.pub.pem"), UNTRUSTED, 12),
    "a trust folder without a gate key": (without("gate.pub.pem"), UNTRUSTED, 9),
    "a trust folder without TOML": (without("approvers.toml"), VALID, 1),
    "the bundle before as it was": (before(lambda _: None), VALID, 1),
    "the bundle before changed": (before(lambda x: flip(x / "attestations/gate.dsse.json")), INVALID, 13),
    "the bundle before gone": (before(shutil.rmtree), VALID, 1),
    "the bundle before under another statement": (
        before(lambda x: (x / "attestations/gate.dsse.json").rename(x / "attestations/gate.json")),
        VALID,
        1,
    ),
}
