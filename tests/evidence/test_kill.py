"""A killed run: no acknowledged event is lost, and nothing reads as a decision."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gate.evidence import replay

ROUNDS = 20
CHILD = """
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


@pytest.mark.slow
@pytest.mark.parametrize("number", range(ROUNDS))
def test_no_acknowledged_event_is_lost(number: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.Random(number).random() / 5)  # noqa: S311 - the moment of the kill, repeatable
        child.send_signal(signal.SIGKILL)
        output = first + child.stdout.read()
    acknowledged = output[: output.rindex(b"\n")].decode().split("\n")
    record = replay(path)
    assert set(acknowledged) <= set(record.facts)
    assert record.decision is None
    assert record.finished_at is None
    assert record.interruption
