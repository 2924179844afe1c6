"""The thirteen steps in their order. Whatever goes wrong in one, even what nobody thought of, is never VALID."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from gate.errors import GateError
from gate.evidence import rules
from gate.evidence.approval import APPROVALS, Paper
from gate.evidence.decode import Mismatch
from gate.evidence.files import sha256_file
from gate.evidence.statement import FOLDER, SIGNED, UNSIGNED
from gate.evidence.trust import Trust
from gate.evidence.verify import folder, papers, run
from gate.evidence.verify.memo import Memo
from gate.evidence.verify.state import State, Step, Verification, Wrong
from gate.model import RunRecord

T = TypeVar("T")
TITLES = (
    "Folder",
    "Bag",
    "Payload manifest",
    "Tag manifest",
    "Journal",
    "Verdict",
    "Reports",
    "Statement of the gate",
    "Signature of the gate",
    "Approvals",
    "Rules",
    "Decision",
    "Bundle before",
)


def verify(bundle: Path, trust: Trust | None, memo: Memo | None = None) -> Verification:
    """Check everything; never raises for what a bundle holds.

    Args:
        bundle: a published bundle's folder.
        trust: what the auditor brought along; None makes UNTRUSTED the best that can come of it.
        memo: what may be remembered from an earlier one; the self-test alone gives it.
    """
    return _Walk(bundle, trust, memo or Memo()).result()


class _Stop(Exception):  # noqa: N818 - ends the walk
    """INVALID, or what follows cannot be looked at."""


class _Walk:
    """One verification on its way."""

    def __init__(self, bundle: Path, trust: Trust | None, memo: Memo) -> None:
        self._bundle, self._trust, self._memo = bundle, trust, memo
        self._steps: list[Step] = []
        self._record: RunRecord | None = None
        self._verdict = self._decision = ""
        self._papers: list[Paper] = []

    def result(self) -> Verification:
        with suppress(_Stop):
            self._walk()
        worst = max(self._steps, key=lambda step: (step.state.rank, -step.number))
        reason = worst.note if worst.state is not State.VALID else "every step holds"
        return Verification(worst.state, reason, worst.number, tuple(self._steps), self._verdict, self._decision, self._signers())

    def _walk(self) -> None:
        bundle, trust = self._bundle, self._trust
        once, beside = self._memo.once, self._memo.beside
        self._step(lambda: beside((), (1,), lambda: folder.check_folder(bundle)))
        self._step(lambda: beside(("bag",), (2,), lambda: folder.check_bag(bundle)))
        self._step(lambda: beside(("data/", "manifest"), (3,), lambda: folder.check_payload(bundle, self._memo)))
        self._step(lambda: beside(("bag", "manifest", "tagmanifest"), (4,), lambda: folder.check_tags(bundle, self._memo)))
        # Every byte of the payload is that of the tag manifest now, so what is made of it depends on that alone.
        payload = self._memo.sha256(bundle, "tagmanifest-sha256.txt")
        record = self._needed(lambda: once(("journal", payload), lambda: run.read_journal(bundle)), lambda found: f"{found.events} events")
        decision = self._needed(lambda: once(("verdict", payload), lambda: run.recompute(record)), lambda found: f"{found.verdict} again")
        self._verdict = decision.verdict.value
        self._step(lambda: once(("reports", payload), lambda: run.check_reports(bundle, record, decision)))
        own = (f"{FOLDER}/gate.",)
        said = self._needed(
            lambda: beside((*own, "tagmanifest"), (8, payload), lambda: papers.read_statement(bundle, record, self._memo)),
            lambda found: found.path,
        )
        self._step(lambda: beside(own, (9, said.sha256), lambda: papers.check_signature(bundle, said, trust)))
        self._people(record, said)
        self._step(lambda: self._before(said))

    def _people(self, record: RunRecord, said: papers.Said) -> None:
        """Steps 10 to 12. The decision is read early, as the rules ask when it was made; what is wrong with it shows at its own step."""
        bundle, trust, memo = self._bundle, self._trust, self._memo
        found: list[Any] = []
        early = self._early(lambda: papers.read_decision(bundle, said, record, memo))
        at = early[0].at if early else None

        def approvals() -> str:
            reads = (f"{FOLDER}/{APPROVALS}/",)
            self._papers = memo.beside(reads, (10, said.sha256), lambda: papers.read_papers(bundle, said, memo))
            found.append(papers.check_people(self._papers, said, trust, at, memo))
            return f"{len(self._papers)} papers"

        def check_rules() -> str:
            findings: rules.Findings | None = found[0] if found else None
            if findings is None:
                raise Wrong(State.UNTRUSTED, "they cannot be applied to papers that are not trusted")
            problems = (*findings.broken, *findings.missing)
            if problems and not early:
                raise Wrong(State.INCOMPLETE, problems[0])
            return f"{len(problems)} do not hold: {problems[0]}" if problems else "all hold"

        def decide() -> str:
            made = papers.read_decision(bundle, said, record, memo)
            if made is None:
                raise Wrong(State.INCOMPLETE, "no decision was made yet")
            self._decision = made[0].result
            return papers.check_decision(bundle, said, *made, trust, found[0] if found else None)

        for check in (approvals, check_rules, decide):
            self._step(check)

    def _before(self, said: papers.Said) -> str:
        """Step 13."""
        previous = said.extension["previous"]
        if previous is None:
            return "none: the first of its folder"
        beside = self._bundle.resolve().parent / previous["bundle"] / FOLDER
        for name in (SIGNED, UNSIGNED):
            if (beside / name).is_file() and not (beside / name).is_symlink():
                if sha256_file(beside / name) != previous["sha256"]:
                    raise Wrong(State.INVALID, f"{previous['bundle']} beside it is not the one that it names")
                return f"{previous['bundle']}, unchanged"
        return f"{previous['bundle']}, which is not here"

    def _early(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Exception:  # noqa: BLE001 - step 12 reads it again and says what is wrong
            return None

    def _needed(self, make: Callable[[], T], note: Callable[[T], str]) -> T:
        """A step whose result the next ones need."""
        made: list[T] = []

        def check() -> str:
            made.append(make())
            return note(made[0])

        self._step(check)
        if not made:
            raise _Stop
        return made[0]

    def _step(self, check: Callable[[], str]) -> None:
        number = len(self._steps) + 1
        try:
            state, note = State.VALID, check()
        except Wrong as error:
            state, note = error.state, error.reason
        except (Mismatch, GateError, RecursionError, ValueError, OSError) as error:
            state, note = State.INVALID, error.happened if isinstance(error, GateError) else str(error)
        except Exception as error:  # noqa: BLE001 - whatever a hostile bundle provokes is no pass
            state, note = State.INVALID, f"it cannot be read ({type(error).__name__})"
        self._steps.append(Step(number, TITLES[number - 1], state, " ".join(note.split())[:300]))
        if state is State.INVALID or (number == 1 and state is not State.VALID):
            raise _Stop

    def _signers(self) -> tuple[dict[str, Any], ...]:
        return tuple(
            {
                "role": paper.role,
                "name": paper.printed_name,
                "id": paper.signer,
                "decision": paper.decision or f"exception: {paper.rule} for {paper.person}",
                "meaning": paper.meaning,
                "reason": paper.reason,
                "at": paper.signed_at,
                "fingerprint": paper.fingerprint,
            }
            for paper in self._papers
        )
