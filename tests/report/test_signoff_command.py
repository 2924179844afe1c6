"""`gate signoff`, from bundles on the disk."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate.cli.signoff import command
from gate.errors import ConfigurationError, EvidenceError
from gate.evidence import Bundle
from gate.model import RunRecord
from gate.report import render_all

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_changed: Callable[..., RunRecord]) -> Make:
    """Publishes a bundle of that case under reports/staging of a fresh current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def do(case: str, run_id: str = "r", *, publish: bool = True, sha: str = "", tag: str = "") -> Path:
        bundle = Bundle(Path("reports/staging"))
        told = {"run_id": run_id, "bundle": bundle.ts, "release_sha": sha, "release_tag": tag}
        record = write_changed(bundle.journal, case, lambda event, data: {**data, **told} if event == "run.started" else data)
        return bundle.publish(render_all(record)) if publish else bundle.folder

    return do


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(item) for item in arguments], catch_exceptions=False, standalone_mode=False)


def test_the_log_goes_to_standard_output(make: Make) -> None:
    folder = make("go")
    done = run(folder, "--sha", "9902729", "--tag", "v1", "--engineering", "Ada", "--qa", "Grace", "--operations", "ada")
    assert done.exit_code == 0
    assert f"- Release gate report path: `reports/staging/release_gate_{folder.name}.txt`" in done.stdout
    assert "- Release commit SHA: `9902729`" in done.stdout
    assert "**WARNING: the same person approves for Engineering and for Operations" in done.stdout


def test_no_repository_means_not_recorded(make: Make) -> None:
    log = run(make("go")).stdout
    assert "- Release commit SHA: `not recorded`" in log
    assert "- Release tag: `not recorded`" in log


def test_sha_and_tag_come_from_git(make: Make) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    folder = make("go")
    name = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
    for arguments in (["init", "-q"], [*name, "commit", "-q", "--allow-empty", "-m", "m"], ["tag", "v7"]):
        subprocess.run([git, *arguments], check=True, capture_output=True)
    sha = subprocess.run([git, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    log = run(folder).stdout
    assert f"- Release commit SHA: `{sha}`" in log
    assert "- Release tag: `v7`" in log


def test_what_the_run_was_told_comes_before_this_checkout(make: Make) -> None:
    log = run(make("go", sha="aaaaaaa", tag="v1"), make("go", "r2", sha="bbbbbbb")).stdout
    assert "- Release commit SHA: `aaaaaaa`" in log
    assert "- Release tag: `v1`" in log
    assert "- Re-validation commit SHA on `main`: `bbbbbbb`" in log


def test_papers_that_were_taken_away_show(make: Make) -> None:
    folder = make("go")
    assert run(folder).stdout.splitlines()[2] == f"**WARNING: the evidence in {folder.name} is INVALID: attestations is missing.**"


def test_later_bundles_are_re_validations(make: Make) -> None:
    folders = make("go", "r1"), make("no-go", "r2")
    log = run(*folders, "--sha", "9902729", "--sha", "377ba7b").stdout
    assert "**WARNING: re-validation 1 of " in log
    assert "- Re-validation commit SHA on `main`: `377ba7b`" in log
    assert f"- Re-validation release gate report path: `reports/staging/release_gate_{folders[1].name}.txt`" in log


def test_an_interrupted_run_has_no_report_paths(make: Make) -> None:
    log = run(make("interrupted", publish=False)).stdout
    assert "INTERRUPTED" in log
    assert "- Release gate report path: `not recorded`" in log


def test_absolute_paths_below_this_folder_are_shown_relative(make: Make) -> None:
    assert "path: `reports/staging/release_gate_" in run(make("go").resolve()).stdout


def test_the_bundle_may_be_the_current_folder(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make("go"))
    assert "path: `../release_gate_" in run(".").stdout


def test_output_is_written_to_a_file(make: Make, tmp_path: Path) -> None:
    folder = make("go")
    target = tmp_path / "log.md"
    target.write_text("old")
    assert run(folder, "--output", target).stdout == ""
    assert target.read_text().startswith("# Sign-off log")
    assert {path.name for path in tmp_path.iterdir()} == {"log.md", "reports"}


def test_what_cannot_be_used_is_an_error_of_the_gate(make: Make, tmp_path: Path) -> None:
    folder = make("go")
    with pytest.raises(EvidenceError, match="could not be read"):
        run(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="named before"):
        run(folder, folder)
    with pytest.raises(EvidenceError, match="could not be written"):
        run(folder, "--output", tmp_path / "none" / "log.md")
    journal = folder / "data" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"status":401', b'"status":200'))
    with pytest.raises(EvidenceError, match="line 5 of"):
        run(folder)
