"""No change goes unnoticed: every bit of a small bundle, and 2,000 random edits of one that a real run wrote."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.evidence.verify import State, verify
from gate.evidence.verify import selftest as proof
from gate.evidence.verify.edits import EDITS, edited
from gate.evidence.verify.memo import Remembering
from tests.evidence import bundles
from tests.evidence.bundles import Company
from tests.evidence.test_verify import rebag_only
from tests.run.support import Reference, launch, start_reference, stop_reference

LARGE = ("verify.sh", "VERIFY.md", "report.html", "oscal.json")  # the same bytes for every run, or made from the journal as others are
SEED = 20260228


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"), until="2099-12-31")


@pytest.fixture(scope="module")
def small(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed, approved, decided; without the four largest reports."""
    reports = {"reports": lambda files: {name: text for name, text in files.items() if name not in LARGE}}
    bundle = bundles.run(tmp_path_factory.mktemp("out"), made.gate, **reports)  # type: ignore[arg-type]  # one keyword
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    assert verify(bundle, made.load()).state is State.VALID
    return bundle


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("reference"))
    yield found
    stop_reference(found)


def chances(seed: int = SEED) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same edits each time


def files(bundle: Path) -> list[Path]:
    return sorted(path for path in bundle.rglob("*") if path.is_file())


@pytest.mark.slow
def test_every_bit_of_every_file_of_a_small_bundle_counts(small: Path, made: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "SMALL", 10**9)
    said: list[str] = []
    told: list[str] = []
    assert proof.prove(small, made.load(), said.append, told.append, SEED) == 0, said
    assert "0 unnoticed (state before: VALID" in said[0]
    bits = [int(line.split(": ")[1].split()[0]) for line in told if line.endswith(" bits flipped")]
    assert bits == [path.stat().st_size * 8 for path in files(small)]


@pytest.mark.slow
def test_2000_random_edits_of_a_real_runs_bundle(
    reference: Reference, made: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = launch(reference.settings, tmp_path / "reports", "--key", str(made.folder / "keys/gate.key.pem"))
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0, out
    (bundle,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for person, role in (("eng", "Engineering"), ("qa", "QA"), ("ops", "Operations")):
        bundles.sign(bundle, made, person, role, at=now)
    assert bundles.decide_on(bundle, made, at=now) == ("PASSED", ())
    monkeypatch.setattr(proof, "SMALL", 0)
    monkeypatch.setattr(proof, "SAMPLE", 20)
    said: list[str] = []
    assert proof.EDITS == 2000
    assert proof.prove(bundle, made.load(), said.append, print) == 0, said
    assert "0 unnoticed (state before: VALID; seed " in said[0], said


@pytest.mark.slow
def test_an_edit_that_is_covered_up_by_new_manifests_is_found_behind_them(small: Path, made: Company, tmp_path: Path) -> None:
    chance, trust = chances(), made.load()
    for number in range(200):
        copy = Path(shutil.copytree(small, tmp_path / str(number) / small.name))
        path = chance.choice(files(copy / "data"))
        name, changed = edited(path.read_bytes(), chance)
        path.write_bytes(changed)
        rebag_only(copy)
        found = verify(copy, trust)
        assert found.state is not State.VALID, (path.name, name, number)
        assert found.step >= 5


def test_what_the_proof_remembers_changes_nothing(small: Path, made: Company, tmp_path: Path) -> None:
    """Bits at random, with and without it: the same state, step and reason."""
    copy = Path(shutil.copytree(small, tmp_path / small.name))
    chance, trust = chances(), made.load()
    for path in files(copy):
        content, memo = path.read_bytes(), Remembering(copy, path)
        for _ in range(5):
            changed = bytearray(content)
            changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            assert verify(copy, trust, memo) == verify(copy, trust)
        path.write_bytes(content)
        assert verify(copy, trust, memo) == verify(copy, trust)
        assert verify(copy, trust).state is State.VALID


def test_every_kind_of_edit_changes_something() -> None:
    chance, seen = chances(), set()
    for content in (b"", b"a", b"aaaa", b"a line\n" * 20):
        for _ in range(200):
            name, changed = edited(content, chance)
            assert changed != content
            seen.add(name)
    assert seen == set(EDITS)
    assert edited(b"a line\n" * 20, chances(1)) == edited(b"a line\n" * 20, chances(1))
