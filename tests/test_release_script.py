"""The command of the checklist's section 4, with a stand-in for `gate`: what it gets, from wherever it is called."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHOWN = ("BASE_URL", "ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN", "BATCH_CODE", "OUT_DIR", "GATE_POLICY")
STAND_IN = f"""#!/bin/sh
echo "${{0##*/checkout/}} in $PWD: $*"
for name in {" ".join(SHOWN)}; do eval echo "$name=\\$$name"; done
exit "${{STATUS:-0}}"
"""
GIVEN = {name: f"the-{name.lower()}" for name in SHOWN if name != "OUT_DIR"}


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/run_staging_release_gate.sh", folder / "scripts")
    return folder


def place(path: Path, text: str = STAND_IN) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def release(command: str, cwd: Path, *arguments: str, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin", **GIVEN, **environment}
    return subprocess.run([command, *arguments], cwd=cwd, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_the_gate_gets_the_checklists_variables_and_arguments(checkout):
    place(checkout / ".venv/bin/gate")
    done = release("./scripts/run_staging_release_gate.sh", checkout, "--policy", "strict one")
    first, *variables = done.stdout.splitlines()
    assert first == f".venv/bin/gate in {checkout}: run --policy strict one"
    assert dict(line.split("=", 1) for line in variables) == {**GIVEN, "OUT_DIR": "storage/reports/staging"}


def test_it_may_be_called_from_anywhere(checkout):
    place(checkout / ".venv/bin/gate")
    done = release(str(checkout / "scripts/run_staging_release_gate.sh"), Path("/"), CDPATH="/usr:/")
    assert done.stdout.startswith(f".venv/bin/gate in {checkout}: run\n")


def test_another_out_dir_is_kept(checkout):
    place(checkout / ".venv/bin/gate")
    assert "OUT_DIR=reports/other\n" in release("scripts/run_staging_release_gate.sh", checkout, OUT_DIR="reports/other").stdout


@pytest.mark.parametrize("status", [0, 1, 2, 10, 11, 130])
def test_the_exit_status_is_the_gates(checkout, status):
    place(checkout / ".venv/bin/gate")
    assert release("scripts/run_staging_release_gate.sh", checkout, STATUS=str(status)).returncode == status


def test_an_installed_gate_does_as_well(checkout, tmp_path):
    place(tmp_path / "installed/gate")
    done = release("scripts/run_staging_release_gate.sh", checkout, path=str(tmp_path / "installed"))
    assert done.stdout.startswith(f"{tmp_path}/installed/gate in {checkout}: run\n")


def test_without_a_gate_the_environment_is_made_first(checkout):
    place(checkout / "prepared", STAND_IN)
    place(checkout / "run", '#!/bin/sh\n[ "$*" = setup ] && mkdir -p .venv/bin && cp prepared .venv/bin/gate\n')
    assert release("scripts/run_staging_release_gate.sh", checkout).stdout.startswith(f".venv/bin/gate in {checkout}: run\n")


def test_an_environment_that_cannot_be_made_is_no_verdict(checkout):
    place(checkout / "run", "#!/bin/sh\nexit 1\n")
    done = release("scripts/run_staging_release_gate.sh", checkout)
    assert (done.returncode, done.stdout) == (1, "")
