"""Whole runs of the command killed outright, ten of them: what is left can be read, and none of it reads as a pass."""

from __future__ import annotations

import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.evidence import replay
from gate.evidence.verify import State, verify
from tests.run.support import Reference, launch

ANYWHERE, AT_THE_END = 5, 5
LONGEST = 4.0  # seconds; a run takes some six


def killed(reference: Reference, out_dir: Path, number: int) -> bool:
    """A run killed at a random moment of its journal's life, or just after its verdict; whether it was still going on then."""
    known = set(out_dir.glob("*Z*"))
    process = launch(reference.settings, out_dir)
    while not (left := sorted(set(out_dir.glob("*.partial/data/journal.jsonl")) - {path / "data/journal.jsonl" for path in known})):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
        assert process.returncode is None, process.communicate()
    chance = random.Random(number)  # noqa: S311 - the moment of the kill
    if number < ANYWHERE:
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.random() * LONGEST)
    else:
        while process.poll() is None and left[0].exists() and b'"event":"verdict"' not in left[0].read_bytes()[-100_000:]:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.random() * 0.2)
    process.kill()
    out, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL or "Release gate: PASS" in out
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_run_leaves_a_journal_and_no_pass(reference: Reference, tmp_path: Path) -> None:
    out_dir = tmp_path / "reports"
    assert sum(killed(reference, out_dir, number) for number in range(ANYWHERE + AT_THE_END)) >= ANYWHERE
    left = sorted(path for path in out_dir.glob("*.partial") if path.is_dir())
    assert len(left) >= ANYWHERE
    for folder in left:
        record = replay(folder / "data" / "journal.jsonl")
        assert record.decision is not None or record.interruption
        done = CliRunner().invoke(main, ["report", str(folder)])
        assert (done.exit_code, "this run was interrupted, its report is no result" in done.stderr) == (0, True), done.stderr
        assert ": PASS" not in done.stdout
        assert not list(out_dir.glob(f"*_{folder.stem}.*"))
    for folder in (path for path in out_dir.glob("*Z") if path.is_dir()):
        assert (verify(folder, None).state, verify(folder, None).verdict) == (State.UNTRUSTED, "GO")
    last = launch(reference.settings, out_dir)
    out, _ = last.communicate(timeout=120)
    assert (last.returncode, "Release gate: PASS" in out) == (0, True), out
    assert (out_dir / "index.html").read_text().count("INTERRUPTED") >= len(left)
