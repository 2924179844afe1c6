"""A bundle with the files of a load run in data/load/: sealed like all others, by both verifiers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.errors import EvidenceError
from gate.evidence.verify import State, verify
from gate.report import offline
from tests.evidence import bundles
from tests.evidence.bundles import Company

FILES = ("result.json", "locust.html", "arrivals-w0.csv")
INVALID, UNTRUSTED = State.INVALID, State.UNTRUSTED


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def bundle(made: Company, tmp_path: Path) -> Path:
    return bundles.run(tmp_path / "out", made.gate, load=FILES)


def shell(bundle: Path) -> tuple[str, int]:
    """State and exit status by verify.sh."""
    script = bundle.parent / "verify.sh"
    script.write_text(offline.script())
    done = subprocess.run(["bash", script, bundle], capture_output=True, text=True, check=False, timeout=120)  # noqa: S607 - Debian's
    assert done.stderr == ""
    return done.stdout.split(":")[0], done.returncode


def into(path: Path) -> Path:
    return path / "data" / "load"


def behind_a_link(path: Path) -> None:
    into(path).rename(path.parent / "aside")
    into(path).symlink_to(path.parent / "aside")


def a_file_instead(path: Path) -> None:
    shutil.rmtree(into(path))
    into(path).write_text("x")


def emptied(path: Path) -> None:
    shutil.rmtree(into(path))
    into(path).mkdir()


BROKEN: dict[str, tuple[Callable[[Path], object], int]] = {
    "a bit": (lambda p: (into(p) / FILES[0]).write_text("result.json of a load ruN\n"), 3),
    "one file gone": (lambda p: (into(p) / FILES[0]).unlink(), 2),
    "one file more": (lambda p: (into(p) / "more.txt").write_text(""), 2),
    "all files gone": (emptied, 1),
    "the folder gone": (lambda p: shutil.rmtree(into(p)), 2),
    "a folder in it": (lambda p: (into(p) / "inner").mkdir(), 1),
    "a hidden name": (lambda p: (into(p) / ".x").write_text(""), 1),
    "a link in it": (lambda p: (into(p) / "x").symlink_to("/etc/passwd"), 1),
    "the folder behind a link": (behind_a_link, 1),
    "a file instead": (a_file_instead, 1),
    "another folder": (lambda p: shutil.copytree(into(p), p / "data" / "more"), 1),
}


def test_it_is_whole_for_both(bundle: Path, made: Company) -> None:
    assert verify(bundle, made.load()).state is State.INCOMPLETE  # no decision yet
    assert shell(bundle) == ("UNTRUSTED", 22)
    listed = (bundle / "manifest-sha256.txt").read_text()
    assert all(f"  data/load/{name}\n" in listed for name in FILES)
    assert {path.stat().st_mode & 0o777 for path in into(bundle).iterdir()} == {0o600}
    command = ["sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt"]
    assert subprocess.run(command, cwd=bundle, check=False).returncode == 0


@pytest.mark.parametrize("case", BROKEN)
def test_both_see_what_is_broken(case: str, bundle: Path, made: Company) -> None:
    change, step = BROKEN[case]
    change(bundle)
    found = verify(bundle, made.load())
    assert (found.state, found.step) == (INVALID, step), found.reason
    assert shell(bundle) == ("INVALID", 20)


def test_an_empty_folder_is_not_sealed(made: Company, tmp_path: Path) -> None:
    def change(event: str, data: object) -> object:
        if event == "verdict":
            (folder,) = (tmp_path / "out").glob("*.partial/data")
            (folder / "load").mkdir()
        return data

    with pytest.raises(EvidenceError, match="is empty"):
        bundles.run(tmp_path / "out", made.gate, change=change)
