"""What a run costs: the whole gate against the reference service, and a bare asynchronous client that sends the same requests.

    python perf/bench_gate.py [--repeat 3] [--latency 0 20 100]

For each round trip (milliseconds, added by perf/delay.py to every connection, request and answer) it starts `gate run` as a user would,
then replays what left: the same bytes, the same order of phases, the same budget. Both are whole processes, from start to end, and both
go through the same forwarder. Printed are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from ledger import Ledger, recorded, script

HERE = Path(__file__).resolve().parent
LIMIT, WINDOW = 300, 8  # seconds; in a window of 6 or less the gate would wait for its end (RATE-009)
COLUMNS = ("round trip", "gate", "start-up", "requests", "reports", "bare client", "its requests", "ratio")


@dataclass
class Measured:
    """One repetition, in seconds."""

    gate: float
    start_up: float
    reports: float
    bare: float
    bare_requests: float
    ledger: Ledger

    @property
    def requests(self) -> float:
        """From the first request to the verdict."""
        return self.gate - self.start_up - self.reports


def environment(**more: str) -> dict[str, str]:
    """What a user has who has set nothing."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | more


@contextmanager
def service(folder: Path) -> Iterator[dict[str, str]]:
    """The reference service; yields its settings."""
    env_file = folder / "reference.env"
    command = [sys.executable, "-m", "gate", "reference", "--port", "0", "--env-file", str(env_file)]
    settings = environment(RATE_LIMIT_REQUESTS=str(LIMIT), RATE_LIMIT_WINDOW_SECONDS=str(WINDOW))
    with (folder / "reference.log").open("wb") as log, subprocess.Popen(command, env=settings, stdout=log, stderr=log) as process:
        try:
            while not env_file.exists():
                if process.poll() is not None:
                    raise SystemExit((folder / "reference.log").read_text())
                time.sleep(0.05)
            yield {name: value or "" for name, value in dotenv_values(env_file).items()}
        finally:
            process.terminate()


@contextmanager
def delayed(base_url: str, round_trip: float, record: Path) -> Iterator[int]:
    """A forwarder to that address; yields its port. The record is there afterwards."""
    target = urlsplit(base_url)
    command = [sys.executable, str(HERE / "delay.py"), str(target.hostname), str(target.port), str(round_trip), str(record)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        yield int(process.stdout.readline() if process.stdout else "")
        process.communicate()


def run_gate(settings: dict[str, str], port: int, folder: Path) -> tuple[float, float, float, Ledger]:
    """Seconds of the whole, of its start-up and of its reports; and the ledger."""
    variables = environment(**settings | {"BASE_URL": f"http://127.0.0.1:{port}", "OUT_DIR": str(folder / "reports")})
    begun = time.time()
    done = subprocess.run([sys.executable, "-m", "gate", "run"], env=variables, cwd=folder, capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode != 0:
        raise SystemExit(f"the run ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    ledger = Ledger(max(path for path in (folder / "reports").iterdir() if path.is_dir()))
    return ended - begun, ledger.first_request - begun, ended - ledger.verdict, ledger


def run_bare(plan: dict[str, Any], port: int, folder: Path, ledger: Ledger) -> tuple[float, float]:
    """Seconds of the whole, and from its first request to its last answer."""
    path = folder / "script.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(plan))
    begun = time.time()
    command = [sys.executable, str(HERE / "bare.py"), str(path), "127.0.0.1", str(port)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    wall = time.time() - begun
    answer = json.loads(done.stdout)
    sent = sum(answer["statuses"].values())
    if sent != len(ledger.requests):
        print(f"(the bare client sent {sent} of {len(ledger.requests)} requests: the others have no id of their own)")
    return wall, answer["seconds"]


def measure(settings: dict[str, str], round_trip: float, folder: Path) -> Measured:
    """The gate once, then the bare client once."""
    record = folder / "record.json"
    with delayed(settings["BASE_URL"], round_trip, record) as port:
        gate, start_up, reports, ledger = run_gate(settings, port, folder)
    plan = script(ledger, recorded(record), LIMIT, WINDOW)
    time.sleep(WINDOW + 1)  # the service's own window: until it has passed, the replay would be throttled
    with delayed(settings["BASE_URL"], round_trip, folder / "replay.json") as port:
        bare, bare_requests = run_bare(plan, port, folder, ledger)
    time.sleep(WINDOW + 1)
    return Measured(gate, start_up, reports, bare, bare_requests, ledger)


def row(latency: int, rounds: list[Measured]) -> list[str]:
    """The medians, as text."""
    names = ("gate", "start_up", "requests", "reports", "bare", "bare_requests")
    seconds = [median(getattr(item, name) for item in rounds) for name in names]
    return [f"{latency} ms", *(f"{value:.2f} s" for value in seconds), f"{median(item.gate / item.bare for item in rounds):.2f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (3)")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 20, 100], metavar="MS", help="round trips to add (0 20 100)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name, service(Path(name)) as settings:
        print("  ".join(f"{column:>12}" for column in COLUMNS), flush=True)
        for latency in options.latency:
            rounds = [measure(settings, latency / 1000, Path(name)) for _ in range(options.repeat)]
            print("  ".join(f"{text:>12}" for text in row(latency, rounds)), flush=True)
        ledger = rounds[-1].ledger
    others = len(ledger.requests) - ledger.burst
    print(f"\n{len(ledger.requests)} requests: {ledger.burst} of the burst, {others} others for {ledger.controls} controls", end=": ")
    print(f"{others / ledger.controls:.1f} requests per control")


if __name__ == "__main__":
    main()
