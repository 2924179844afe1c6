"""`./run bench load`, at its smallest: what it prints, not how fast anything is."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate.paths import data_root

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"[\d,]+(?:\.\d+)?"
# As wrk is called: its last argument is an address, and it asks until it is killed.
STAND_IN = """#!{python}
import sys, urllib.request
while True:
    urllib.request.urlopen(sys.argv[-1]).read()
"""


@pytest.fixture
def bench(monkeypatch):
    """Import a module of perf/, which is no package."""
    monkeypatch.syspath_prepend(data_root() / "perf")
    return importlib.import_module


def run(*options: str, path: Path | None = None) -> list[str]:
    """The lines that the bench prints."""
    known = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]}
    command = [sys.executable, str(data_root() / "perf" / "bench_load.py"), *options]
    done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


@pytest.mark.slow
def test_throughput_has_a_row_for_each_generator_and_says_whether_the_aim_is_reached(tmp_path):
    (tmp_path / "wrk").write_text(STAND_IN.format(python=sys.executable))
    (tmp_path / "wrk").chmod(0o755)
    lines = run("--only", "throughput", "--seconds", "0.3", "--rounds", "1", path=tmp_path)
    assert lines[0] == "Requests per second from one core, 32 at a time; medians of 1 x 0.3 s"
    for name in ("wrk", "HttpUser", "FastHttpUser", "FastHttpUser, histogram", "load stage"):
        assert sum(re.fullmatch(rf"{name} +{'  *'.join([NUMBER] * 6)}", line) is not None for line in lines) == 1, name
    assert re.fullmatch(rf"load stage: {NUMBER} of FastHttpUser, histogram \(aim: 0.9\): (not )?reached", lines[-1])


@pytest.mark.slow
def test_accuracy_is_set_against_the_truth_with_one_worker_and_with_two():
    lines = run("--only", "accuracy", "--seconds", "0.4")
    assert lines[0].startswith("50 arrivals a second for 0.4 s.")
    rows = {line[:21].strip(): line[21:].split() for line in lines}
    assert rows["truth, by arithmetic"] == ["50.0"] * 4
    for name in ("stage, 1 worker", "stage, 2 workers", "Locust, 10 paced"):
        assert [re.fullmatch(r"\d+\.\d|[+-]\d+\.\d%", text) is not None for text in rows[name]] == [True] * 8
    assert sum(line in ("  within 5%: yes", "  within 5%: no") for line in lines) == 2
    assert sum(line.startswith("  20 of 20 sent, 0 dropped, 0 failed") for line in lines) == 2


def test_the_truth_is_what_arithmetic_says(bench):
    known = bench("accuracy").truth(40).milliseconds
    assert known == pytest.approx((50, 1110, 1610, 2010))


def test_what_was_not_measured_is_no_agreement(bench):
    accuracy: Any = bench("accuracy")
    known = accuracy.truth(40)
    nothing = accuracy.Found("nothing", accuracy.percentiles([]))
    assert max(accuracy.deviations(nothing, known)) == float("inf")
    assert accuracy.deviations(known, known) == (0, 0, 0, 0)


def test_without_wrk_its_row_says_so_and_the_others_are_there(bench):
    throughput: Any = bench("throughput")
    speeds = {"FastHttpUser": 4000.0, "FastHttpUser, histogram": 4000.0, "load stage": 3000.0}
    found = {"wrk": [], **{name: [throughput.Speed(rate, 0.5, 0.1)] for name, rate in speeds.items()}}
    lines = list(throughput.lines(found, 5))
    assert "wrk                     not measured: it is not there and could not be installed" in lines
    assert "load stage                  3,000   0.50      6,000       -     0.750      0.10" in lines
    assert lines[-1] == "load stage: 0.75 of FastHttpUser, histogram (aim: 0.9): not reached"


def test_wrk_that_cannot_be_installed_is_no_crash(tmp_path):
    (tmp_path / "id").symlink_to(shutil.which("id") or "")
    script = ROOT / "scripts" / "install_wrk.sh"
    done = subprocess.run([script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "install_wrk: wrk was not found; install it" in done.stderr
