"""Killed at any moment, 200 times: no acknowledged event is lost, and nothing reads as a pass that is none."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.errors import EvidenceError
from gate.evidence import legacy_names, replay
from gate.evidence.keys import load_private, new_key
from gate.evidence.verify import State, verify
from gate.evidence.verify.chain import broken_links
from gate.model import Verdict
from tests.evidence import bundles

ROOT = Path(__file__).parents[2]
ROUNDS = 100  # of each kind
WRITER = """
import sys, threading
from pathlib import Path
from gate.evidence import Journal
from gate.redact import Redactor
journal = Journal(Path(sys.argv[1]), Redactor(["canary-0123456789"]))
from gate.evidence.run import STARTED
from gate.model import Severity, Terms
journal.append("run.started", {**dict.fromkeys(STARTED, "x"), "bundle": "20260228T100833Z"})
journal.append("plan", {"controls": [], "not_applicable": {}, "terms": Terms(Severity.LOW, None, (), {}, {}, "", {})})
said = threading.Lock()
def work(worker):
    number = 0
    while True:
        name = f"{worker}-{number}"
        journal.append("fact", {"name": name, "value": "x" * (number % 50) * 100})
        with said:
            sys.stdout.write(name + "\\n")
            sys.stdout.flush()
        number += 1
for worker in range(4):
    threading.Thread(target=work, args=(worker,)).start()
"""
PUBLISHER = """
import itertools, sys
from pathlib import Path
from gate.evidence.keys import load_private
from gate.model import Outcome
from tests.evidence import bundles
key = load_private(Path(sys.argv[2]))
for outcome in itertools.cycle((Outcome.PASSED, Outcome.FAILED)):
    print(bundles.run(Path(sys.argv[1]), key, outcome=outcome).name, flush=True)
"""


def killed(program: str, *arguments: Path, seed: int, longest: float) -> set[str]:
    """What the program had acknowledged, a line each, when it was killed: at a random moment after its first line."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            child.wait(random.Random(seed).random() * longest)  # noqa: S311 - the moment of the kill, repeatable
        child.send_signal(signal.SIGKILL)
        output = first + child.stdout.read()
    assert child.returncode == -signal.SIGKILL
    return set(output[: output.rindex(b"\n")].decode().split("\n"))


def often(round_: Callable[[int], int]) -> int:
    """All rounds, two at a time; the sum of what they return."""
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(round_, range(ROUNDS)))


def reported(bundle: Path) -> tuple[int, str, str]:
    """`gate report`: exit status, output, errors."""
    done = CliRunner().invoke(main, ["report", str(bundle)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_no_acknowledged_event_is_lost(tmp_path: Path) -> None:
    def one(number: int) -> int:
        path = tmp_path / f"{number}.partial" / "data" / "journal.jsonl"
        path.parent.mkdir(parents=True)
        acknowledged = killed(WRITER, path, seed=number, longest=0.2)
        record = replay(path)
        assert acknowledged <= set(record.facts), number
        assert (record.decision, record.finished_at) == (None, None), number
        assert record.interruption
        return len(acknowledged)

    assert often(one) > ROUNDS * 4
    for number in range(ROUNDS):
        status, out, err = reported(tmp_path / f"{number}.partial")
        assert (status, "this run was interrupted, its report is no result" in err) == (0, True), err
        assert ": PASS" not in out


@pytest.mark.slow
def test_what_is_published_is_whole_and_what_is_not_passes_nowhere(tmp_path: Path) -> None:
    private, _ = new_key(tmp_path / "keys", "gate")

    def one(number: int) -> int:
        out = tmp_path / f"out-{number}"
        acknowledged = killed(PUBLISHER, out, private, seed=number, longest=0.3)
        published = {path.name for path in out.iterdir() if path.is_dir() and path.suffix != ".partial"}
        assert acknowledged <= published, number
        for name in published:
            found = verify(out / name, None)
            assert (found.state, found.step) == (State.UNTRUSTED, 9), (number, found.reason)
        for path in out.glob("*.txt"):
            assert path.read_bytes() == (out / path.name[-20:-4] / "data" / path.name).read_bytes(), number
        bundles.run(out, load_private(private))
        assert broken_links(out) == [], number
        return len(published)

    assert often(one) > ROUNDS
    left = [path for path in tmp_path.glob("out-*/*.partial") if path.is_dir()]
    assert len(left) > ROUNDS / 4
    after = 0  # killed with the verdict already written: the moment at which a pass could be seen that is none
    for folder in left:
        status, out, err = reported(folder)
        assert ": PASS" not in out
        assert "interrupted" in err or (status == 1 and no_event(folder)), err
        assert not any((folder.parent / name).exists() for name in legacy_names(folder.stem))
        after += decided(folder)
    assert after


def no_event(folder: Path) -> bool:
    """Killed before its first event: there is nothing to be read."""
    journal = folder / "data" / "journal.jsonl"
    return not journal.exists() or b"\n" not in journal.read_bytes()


def decided(folder: Path) -> bool:
    """Killed after its verdict; a file in there that says PASS is then of a run that was GO."""
    try:
        decision = replay(folder / "data" / "journal.jsonl").decision
    except EvidenceError:
        decision = None
    texts = "".join(path.read_text() for path in (folder / "data").glob("*.txt"))
    assert "Release gate: PASS" not in texts or (decision is not None and decision.verdict is Verdict.GO)
    return decision is not None
