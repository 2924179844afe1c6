"""`gate verify` and `verify.sh` on the same bundles: the same state, by the same step, with the same exit status."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.evidence.trust import load_trust
from gate.evidence.verify import State, Verification, verify
from gate.report import offline
from tests.evidence import agree_bag, agree_papers, bundles
from tests.evidence import broken as b
from tests.evidence.agree_bag import Case
from tests.evidence.broken import Lab
from tests.evidence.test_verify import CASES, Break

ROOT = Path(__file__).parents[2]
FIRST = re.compile(r"([A-Z]+): .*?(?: \(step (\d+)\))?")


def by_company(change: Break) -> Callable[[Path, Lab], object]:
    return lambda bundle, lab: change(bundle, lab.made)


EVERY: dict[str, Case] = {name: (by_company(change), state, step) for name, (change, state, step) in CASES.items()}
for more in (agree_bag.FOLDER, agree_bag.JOURNAL, agree_bag.STATEMENT, agree_papers.APPROVALS, agree_papers.DECISION):
    assert not EVERY.keys() & more.keys()
    EVERY |= more


@dataclass(frozen=True)
class Told:
    """What the script said: its state, the step that found it, its exit status, and all its words."""

    state: str
    step: int
    status: int
    text: str


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


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An auditor's own copy of the script, one file."""
    path = tmp_path_factory.mktemp("auditor") / "verify.sh"
    path.write_text(offline.script())
    return path


def told(script: Path, *arguments: Path | str) -> Told:
    done = subprocess.run(
        ["bash", script, *arguments],  # noqa: S607 - Debian's
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = FIRST.fullmatch(done.stdout.split("\n")[0])
    assert found, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    return Told(found[1], int(found[2] or 1), done.returncode, done.stdout)


Both = tuple[Verification, Told]


@pytest.fixture(scope="session")
def both(
    request: pytest.FixtureRequest, made: bundles.Company, whole: Path, script: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Both]]:
    """What both say of each case that was asked for; two cases at a time, as it is the script's many small processes that cost."""

    def judge(case: str, room: Path) -> Both:
        bundle = room / "bundles" / whole.name
        shutil.copytree(whole, bundle)
        EVERY[case][0](bundle, Lab(made, room))
        trust = room / "trust" if (room / "trust").exists() else made.trust
        return verify(bundle, load_trust(trust)), told(script, bundle, "--trust", trust)

    asked = [str(item.callspec.params["case"]) for item in request.session.items if isinstance(item, pytest.Function) and _is_case(item)]
    with ThreadPoolExecutor(2) as pool:
        found = {case: pool.submit(judge, case, tmp_path_factory.mktemp("room")) for case in asked}
        yield lambda case: found[case].result()


def _is_case(item: pytest.Function) -> bool:
    return item.originalname == "test_both_say_the_same"


@pytest.mark.parametrize("case", EVERY)
def test_both_say_the_same(case: str, both: Callable[[str], Both]) -> None:
    _, state, step = EVERY[case]
    found, shell = both(case)
    assert (found.state, found.step) == (state, step), found.reason
    assert (shell.state, shell.step, shell.status) == (state.value, step, state.exit_status), shell.text


def test_the_guide_in_a_bundle_is_the_one_in_docs() -> None:
    assert (ROOT / "docs/VERIFY.md").read_text("utf-8") == offline.guide(), "make it anew: ./run docs"


def test_without_trust_both_say_the_same(whole: Path, script: Path) -> None:
    found, shell = verify(whole, None), told(script, whole)
    assert (found.state, found.step) == (State.UNTRUSTED, 9)
    assert (shell.state, shell.step, shell.status) == ("UNTRUSTED", 9, 22)
