"""The proof that the gate goes red: every known fault, every harmless variation, with the real command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.run.support import ROOT, clean_environment


def selftest(*options, cwd=ROOT, timeout=1500):
    command = [sys.executable, "-m", "gate", "selftest", *options]
    return subprocess.run(command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.slow
def test_the_core_is_killed_and_nothing_harmless_alarms(tmp_path):
    done = selftest("--out-dir", str(tmp_path), "--json", str(tmp_path / "matrix.json"))
    matrix = json.loads((tmp_path / "matrix.json").read_text())
    trials = [trial for trial in matrix["trials"] if trial["verdict"] not in ("killed", "quiet")]
    wrong = {trial["name"]: (trial["verdict"], trial["controls"]) for trial in trials}
    assert wrong == {}
    assert done.returncode == 0, done.stdout[-2000:]
    assert matrix["counts"]["killed"] >= 180
    assert matrix["counts"]["quiet"] >= 30
    assert matrix["selection"] == ["core"]


def test_an_unknown_selection_is_refused():
    done = selftest("--only", "no-such-fault")
    assert done.returncode == 2
    assert "no fault is named like no-such-fault" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_names_every_fault_and_what_is_meant_for_it():
    done = selftest("--list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 210
    assert all("(" in line for line in done.stdout.splitlines())


def test_a_target_that_cannot_be_had_is_one_sentence(tmp_path):
    env_file = tmp_path / "x.env"
    env_file.write_text("".join(f"{name}_TOKEN=token-{name}-0123456789\n" for name in ("ADMIN", "QA", "OPS", "VIEWER")))
    done = selftest("--base-url", "http://127.0.0.1:9", "--env-file", str(env_file), "--only", "cors.http")
    assert done.returncode == 1
    assert "the gate is not GO without any fault" in done.stderr
    assert "Traceback" not in done.stderr
