"""The wheel: what is in it, and that `gate` works from it in an environment that has nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

import pytest

from gate import __version__

ROOT = Path(__file__).parent.parent
DATA = ("suites", "perf", "fixtures", "templates", "sql")
pytestmark = pytest.mark.slow


def call(*arguments: object, cwd: Path = ROOT, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    unset = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "BASE_URL", "OUT_DIR"}}
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env={**unset, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the source distribution, as it is published: a wheel straight from the checkout would take git-ignored files along."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", folder)
    assert len(list(folder.glob("*.tar.gz"))) == 1
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel):
    """An environment with the wheel, what it depends on in the locked versions, and nothing of the checkout.

    Not under pytest's own folder, which is closed to others: run by root, the embedded PostgreSQL changes to another user.
    """
    folder = Path(tempfile.mkdtemp(prefix="gate-installed-"))
    folder.chmod(0o755)
    venv.create(folder, with_pip=False)
    versions = folder / "versions.txt"
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    versions.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line and not line.startswith((" ", "#"))))
    call(
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        folder / "bin/python",
        "--constraint",
        versions,
        f"{wheel}[reference]",
    )
    yield folder / "bin"
    shutil.rmtree(folder)


def test_everything_lies_under_gate(wheel):
    call(sys.executable, "-m", "check_wheel_contents", wheel)
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"gate", f"cutover_gate-{__version__}.dist-info"}


@pytest.mark.parametrize("folder", DATA)
def test_a_data_folder_is_whole(wheel, folder):
    tracked = call("git", "ls-files", "--cached", "--others", "--exclude-standard", folder).splitlines()
    there = {name.removeprefix("gate/_data/") for name in zipfile.ZipFile(wheel).namelist()}
    assert tracked
    assert set(tracked) <= there


def test_nothing_ignored_by_git_is_in_it(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", ".env", ".partial"))]
    assert names == []


def test_the_command_works(installed, tmp_path):
    assert call(installed / "gate", "--version", cwd=tmp_path) == f"gate {__version__}\n"
    for name in ("run", "reference", "signoff", "demo"):
        assert name in call(installed / "gate", "--help", cwd=tmp_path)
        assert call(installed / "gate", name, "--help", cwd=tmp_path).startswith(f"Usage: gate {name}")


def test_the_data_is_found(installed, tmp_path):
    root = Path(call(installed / "python", "-c", "from gate.paths import data_root; print(data_root())", cwd=tmp_path).strip())
    assert root.parts[-3:] == ("site-packages", "gate", "_data")
    assert sorted(entry.name for entry in root.iterdir()) == sorted(DATA)
    for part in ("fixtures/profiles/supply_intel.toml", "fixtures/policies/baseline.toml", "sql/001_init.sql", "templates/signoff.md.j2"):
        assert (root / part).is_file()


def test_the_whole_gate_runs_from_it(installed, tmp_path):
    out = call(installed / "gate", "demo", cwd=tmp_path)
    assert out.splitlines()[-3:] == ["Security regression: PASS", "Go-live acceptance: PASS", "Release gate: PASS"]
    assert list((tmp_path / "reports/demo").glob("release_gate_*.txt"))
