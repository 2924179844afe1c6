"""The rules of a sign-off, over papers that were read and verified. Pure: an auditor gets the same answer years later.

Each problem is one sentence. `untrusted` are papers whose signer the trust policy does not know (or not with that key, or not then);
`broken` are rules that do not hold; `missing` are roles that nobody has signed for yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations

from gate.decide.person import same
from gate.evidence.approval import Paper
from gate.model.trust import Approvers, Person

Excused = set[tuple[str, str, str]]  # rule, role, person


@dataclass(frozen=True)
class About:
    """What the gate's statement says that the rules need: times as it writes them, and who may not approve."""

    finished_at: str
    operator: str
    commit_author: str
    verdict: str


@dataclass(frozen=True)
class Findings:
    """What stands in the way of a release; empty if nothing does."""

    untrusted: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def check(papers: Sequence[Paper], approvers: Approvers, about: About, decided_at: str | None = None) -> Findings:
    """Everything that is wrong with these papers.

    Args:
        papers: in the order of signing.
        approvers: the trust policy.
        about: the gate's statement.
        decided_at: when the decision was made, if it was.
    """
    untrusted = [problem for paper in papers if (problem := _untrusted(paper, approvers))]
    if untrusted:
        return Findings(untrusted=tuple(untrusted))
    votes = [paper for paper in papers if not paper.is_exception]
    excused = {(paper.rule, paper.role, paper.person) for paper in papers if paper.is_exception and _grants(paper, approvers)}
    broken = [*_exceptions(papers, approvers), *_votes(votes, approvers, about, decided_at, excused)]
    broken += [*_times(papers, about, decided_at), *_pairs(votes, excused)]
    if about.verdict != "GO":
        broken.append(f"the gate's verdict is {about.verdict}, and only GO can be released")
    signed = {paper.role for paper in votes if paper.decision == "approve"}
    missing = [f"nobody has approved for {role}" for role in approvers.required_roles if role not in signed]
    return Findings((), tuple(broken), tuple(missing))


def person_of(paper: Paper, approvers: Approvers) -> Person | None:
    """The person whose id the paper names."""
    return next((person for person in approvers.person if person.id == paper.signer), None)


def _untrusted(paper: Paper, approvers: Approvers) -> str | None:
    person = person_of(paper, approvers)
    if person is None:
        return f"{paper.name}: {paper.signer:.80} is nobody whom the trust policy knows"
    key = next((key for key in person.key if key.public == paper.signature.key.text), None)
    if key is None:
        return f"{paper.name}: the key {paper.fingerprint} is not {person.id}'s"
    if not key.valid_from <= paper.signed_at <= key.valid_until:
        return f"{paper.name}: {person.id}'s key was not valid on {paper.signed_at}"
    if key.second_factor and not paper.signature.second_factor:
        return f"{paper.name}: {person.id}'s key must be touched and its PIN given, and the signature does not show both"
    if person.name != paper.printed_name:
        return f"{paper.name}: the printed name is not {person.id}'s"
    return None


def _votes(votes: Sequence[Paper], approvers: Approvers, about: About, decided_at: str | None, excused: Excused) -> Iterator[str]:
    for paper in votes:
        person = person_of(paper, approvers)
        if person is None:
            continue
        if paper.role not in person.roles:
            yield f"{paper.name}: {person.id} may not sign for {paper.role}"
        if paper.decision == "reject":
            yield f"{paper.name}: {person.id} rejected it for {paper.role}: {paper.reason or 'no reason given'}"
        names = (person.id, person.name, *person.aliases)
        for rule, other, what in (("operator", about.operator, "ran the gate"), ("author", about.commit_author, "wrote the commit")):
            if other and any(same(name, other) for name in names) and (rule, paper.role, person.id) not in excused:
                yield f"{paper.name}: {person.id} {what} and may not approve it"
        limit = timedelta(hours=approvers.evidence_max_age_hours)
        if _moment(paper.signed_at) - _moment(about.finished_at) > limit and ("evidence-age", paper.role, person.id) not in excused:
            yield f"{paper.name}: the evidence was older than {approvers.evidence_max_age_hours} hours when {person.id} signed"
    yield from _late(decided_at, about, approvers, votes, excused)


def _late(decided_at: str | None, about: About, approvers: Approvers, votes: Sequence[Paper], excused: Excused) -> Iterator[str]:
    """A decision on evidence that has grown too old since it was signed."""
    if decided_at is None or any(("evidence-age", paper.role, paper.signer) in excused for paper in votes):
        return
    if _moment(decided_at) - _moment(about.finished_at) > timedelta(hours=approvers.evidence_max_age_hours):
        yield f"the evidence was older than {approvers.evidence_max_age_hours} hours when the decision was made"


def _times(papers: Sequence[Paper], about: About, decided_at: str | None) -> Iterator[str]:
    for paper in papers:
        if _moment(paper.signed_at) < _moment(about.finished_at).replace(microsecond=0):
            yield f"{paper.name}: signed on {paper.signed_at}, before the run ended"
        if decided_at is not None and paper.signed_at > decided_at:
            yield f"{paper.name}: signed on {paper.signed_at}, after the decision"


def _pairs(votes: Sequence[Paper], excused: Excused) -> Iterator[str]:
    """One person, or one key, for two roles. Keys are told apart by their fingerprints, never by what they are called."""
    for one, other in combinations(votes, 2):
        if one.role == other.role and one.signer == other.signer:
            yield f"{other.name}: {other.signer} has signed for {other.role} before"
            continue
        roles = f"{one.role} and {other.role}"
        for rule, double, what in (
            ("distinct-person", one.signer == other.signer, "the same person"),
            ("distinct-key", one.fingerprint == other.fingerprint, "the same key"),
        ):
            if double and not any((rule, paper.role, paper.signer) in excused for paper in (one, other)):
                yield f"{other.name}: {what} signed for {roles}"


def _grants(paper: Paper, approvers: Approvers) -> bool:
    person = person_of(paper, approvers)
    return person is not None and paper.rule in person.may_except and paper.person != person.id


def _exceptions(papers: Sequence[Paper], approvers: Approvers) -> Iterator[str]:
    for paper in (paper for paper in papers if paper.is_exception):
        person = person_of(paper, approvers)
        if person is None:
            continue
        if paper.rule not in person.may_except:
            yield f"{paper.name}: {person.id} may not except anybody from {paper.rule}"
        if paper.person not in {other.id for other in approvers.person}:
            yield f"{paper.name}: {paper.person:.80} is nobody whom the trust policy knows"
        if paper.person == person.id:
            yield f"{paper.name}: {person.id} may not except themselves"
        if not paper.reason.strip():
            yield f"{paper.name}: an exception needs its reason"


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)
