"""`./run` with a stand-in for Python: what it installs and when, and what it says where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Notes how it was called, and makes what the real one would leave: an environment, or the command in it.
STAND_IN = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
  -c*) exec "$REAL" "$@" ;;
  "-m venv .venv") mkdir -p .venv/bin && cp "$PYTHON" .venv/bin/python ;;
  *"uv pip sync"*) [ "${FAULT:-}" != uv ] && [ "${FAULT:-}" != all ] || exit 2 ;;
  *"pip install"*"--no-deps -r requirements"*.lock) [ "${FAULT:-}" != all ] || exit 1 ;;
  *--editable*) printf '#!/bin/sh\\necho "gate in $PWD: $*"\\n' >.venv/bin/gate && chmod +x .venv/bin/gate ;;
esac
"""


class Checkout:
    """A folder with `run` and the files it looks at, and no more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "run", folder / "run")
        for name in ("requirements.lock", "requirements-dev.lock"):
            (folder / name).write_text(f"# {name}\nuv==1.0 \\\n    --hash=sha256:00\nother==2.0 \\\n    --hash=sha256:11\n")
        (folder / "pyproject.toml").write_text("[project]\n")
        (folder / "python").write_text(STAND_IN)
        (folder / "python").chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        names = {"CALLS": self.folder / "calls", "REAL": sys.executable, "PYTHON": self.folder / "python"}
        return {**os.environ, **{name: str(value) for name, value in names.items()}, **more}

    def run(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "run"), *arguments],
            cwd=cwd or self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """The calls of Python since the last look, but for the questions about itself."""
        calls = self.folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("-c")]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


MADE = [
    "-m venv .venv",
    "-m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt",
    "-m uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock",
    "-m uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .",
]


MADE_DEV = [call.replace("requirements.lock", "requirements-dev.lock") for call in MADE]


@pytest.mark.parametrize(("arguments", "made"), [(["setup"], MADE), (["setup", "dev"], MADE_DEV)])
def test_setup_makes_the_environment_from_the_lock(checkout, arguments, made):
    assert checkout.run(*arguments).returncode == 0
    assert checkout.calls() == made
    assert (checkout.folder / ".venv/uv.txt").read_text() == "uv==1.0 \\\n    --hash=sha256:00\n"


def test_a_second_setup_starts_nothing_and_says_nothing(checkout):
    checkout.run("setup")
    (checkout.folder / "calls").unlink()
    again = checkout.run("setup")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert not (checkout.folder / "calls").exists()


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_file_is_brought_up_to_date_in_place(checkout, name):
    checkout.run("setup")
    checkout.calls()
    with (checkout.folder / name).open("a") as file:
        file.write("# changed\n")
    assert checkout.run("setup").returncode == 0
    assert checkout.calls() == MADE[1:]


def test_a_changed_file_of_the_other_set_changes_nothing(checkout):
    checkout.run("setup")
    checkout.calls()
    with (checkout.folder / "requirements-dev.lock").open("a") as file:
        file.write("# changed\n")
    checkout.run("setup")
    assert checkout.calls() == []


@pytest.mark.parametrize("command", ["setup", "demo", "gate", "docs", "bench", "lock"])
def test_what_uses_the_gate_is_content_with_either_set(checkout, command):
    checkout.run(command)
    assert checkout.calls()[: len(MADE)] == MADE
    checkout.run("setup", "dev")
    assert checkout.calls() == MADE_DEV[1:]
    checkout.run(command)
    assert [call for call in checkout.calls() if call in (*MADE, *MADE_DEV)] == []


@pytest.mark.parametrize("command", ["lint", "test"])
def test_what_works_on_the_gate_is_not_content_with_the_smaller_set(checkout, command):
    checkout.run("setup")
    checkout.calls()
    checkout.run(command)
    assert checkout.calls()[: len(MADE_DEV) - 1] == MADE_DEV[1:]
    checkout.run(command)
    assert [call for call in checkout.calls() if call in (*MADE, *MADE_DEV)] == []


def test_the_larger_set_stays_the_larger_one(checkout):
    """Something changed, and the next command needs the smaller set only: nothing that is there is taken away."""
    checkout.run("setup", "dev")
    checkout.calls()
    with (checkout.folder / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    checkout.run("gate")
    assert checkout.calls() == MADE_DEV[1:]


@pytest.mark.parametrize("before", [[], ["setup"]])
def test_an_interrupted_change_of_sets_counts_as_neither(checkout, before):
    if before:
        checkout.run(*before)
    assert checkout.run("test", FAULT="all").returncode == 1
    assert not (checkout.folder / ".venv/.stamp").exists()
    checkout.calls()
    assert checkout.run("setup").returncode == 0
    assert checkout.calls() == MADE


def test_setup_knows_two_sets(checkout):
    done = checkout.run("setup", "more")
    assert (done.returncode, done.stderr) == (1, "run: it is ./run setup, or ./run setup dev\n")


def test_lock_makes_the_larger_file_first_and_holds_the_smaller_to_it(checkout):
    checkout.run("lock", "--upgrade")
    first, second = checkout.calls()[len(MADE) :]
    assert first.endswith(" --group dev --output-file requirements-dev.lock --upgrade")
    assert second.endswith(" --group setup --constraints requirements-dev.lock --output-file requirements.lock --upgrade")


@pytest.mark.parametrize("missing", [".stamp", "bin/python", "bin/gate"])
def test_half_an_environment_is_made_whole(checkout, missing):
    checkout.run("setup")
    checkout.calls()
    (checkout.folder / ".venv" / missing).unlink()
    assert checkout.run("setup").returncode == 0
    assert checkout.calls()[-1] == MADE[-1]


def test_an_interrupted_setup_leaves_nothing_to_the_next(checkout):
    assert checkout.run("setup", FAULT="all").returncode == 1
    (checkout.folder / ".venv/half-installed").touch()
    checkout.calls()
    assert checkout.run("setup").returncode == 0
    assert checkout.calls() == MADE
    assert not (checkout.folder / ".venv/half-installed").exists()


def test_a_moved_checkout_is_made_anew(checkout, tmp_path):
    checkout.run("setup")
    moved = Checkout(shutil.copytree(tmp_path, tmp_path / "moved", symlinks=True))
    moved.calls()
    assert moved.run("setup").returncode == 0
    assert moved.calls() == MADE


def test_two_setups_at_once_make_one_environment(checkout):
    both = [subprocess.Popen([str(checkout.folder / "run"), "setup"], env=checkout.environment(), stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=60) is not None
    assert [process.returncode for process in both] == [0, 0]
    assert checkout.calls() == MADE


def test_where_uv_cannot_pip_can(checkout):
    done = checkout.run("setup", FAULT="uv")
    assert done.returncode == 0
    assert "trying pip" in done.stderr
    assert checkout.calls()[3:] == [
        "-m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock",
        "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .",
    ]


def test_where_neither_can_it_says_so(checkout):
    done = checkout.run("setup", FAULT="all")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("run: the packages could not be installed")


def test_gate_runs_where_the_user_stands(checkout, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = checkout.run("gate", "verify", "a bundle", cwd=elsewhere)
    assert done.stdout == f"gate in {elsewhere}: verify a bundle\n"


def test_demo_runs_in_the_checkout(checkout, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    done = checkout.run("demo", "--policy", "strict", cwd=tmp_path / "elsewhere")
    assert done.stdout == f"gate in {tmp_path}: demo --policy strict\n"


def test_test_is_lint_and_then_the_tests(checkout):
    checkout.run("test")
    assert [call.removeprefix("-m ").split()[0] for call in checkout.calls()[4:]] == ["ruff", "ruff", "mypy", "pytest"]


def test_test_with_arguments_is_pytest_with_them(checkout):
    checkout.run("test", "tests/cli", "-k", "a and b")
    assert checkout.calls()[4:] == ["-m pytest tests/cli -k a and b"]


@pytest.mark.parametrize("command", ["setup", "demo", "gate", "test", "lint", "bench", "lock"])
def test_an_old_python_is_refused_with_what_to_do(checkout, tmp_path, command):
    (tmp_path / "old").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "old").chmod(0o755)
    done = checkout.run(command, PYTHON=str(tmp_path / "old"))
    assert done.returncode == 1
    assert done.stderr == "run: no Python 3.11 or newer was found; install one, or name it: PYTHON=/path/to/python3 ./run setup\n"
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_is_refused_with_what_to_do(checkout, tmp_path):
    (tmp_path / "bare").write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\n')
    (tmp_path / "bare").chmod(0o755)
    done = checkout.run("setup", PYTHON=str(tmp_path / "bare"))
    assert done.returncode == 1
    assert done.stderr == "run: Python has no venv module (ensurepip is missing); on Debian and Ubuntu: apt install python3-venv\n"


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_needs_no_environment(checkout, arguments):
    done = checkout.run(*arguments)
    assert done.returncode == 0
    assert "./run COMMAND" in done.stdout
    assert not (checkout.folder / ".venv").exists()


def test_an_unknown_command_is_a_usage_error(checkout):
    done = checkout.run("tset")
    assert done.returncode == 2
    assert done.stderr.endswith("run: there is no command 'tset'\n")


@pytest.mark.parametrize("shell", [shell for shell in ("dash", "bash", "busybox", "ksh") if shutil.which(shell)])
def test_every_shell_takes_it(checkout, shell):
    command = [shell, *(["sh"] if shell == "busybox" else []), "run", "setup"]
    done = subprocess.run(command, cwd=checkout.folder, env=checkout.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert checkout.calls() == MADE


def test_ci_runs_exactly_what_a_contributor_runs(tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "run").write_text('#!/bin/sh\necho "run in $PWD: $*"\nexit 5\n')
    (tmp_path / "run").chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / ".ci/run")], cwd="/", env={"PATH": os.environ["PATH"], "CI": "true"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (5, f"run in {tmp_path}: test\n")
