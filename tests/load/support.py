"""The real command, on a target profile with a small `[load]` section."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.load.servers import PATIENCE, Service

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "fixtures" / "profiles" / "supply_intel.toml"
CANARIES = {f"{name}_TOKEN": f"canary-{name.lower()}-5e0b7c91d2" for name in ("ADMIN", "QA", "OPS", "VIEWER")}
# The command, but requests may leave late: other tests run beside this one (conftest.py).
PATIENT = "import gate.decide.load as judge; judge.MOST_LATE_MS = 1000.0; from gate.cli.main import main; main(prog_name='gate')"
LOAD = """
[load]
timeout_seconds = 3
max_in_flight = 200
thresholds = ["errors<1%", "p50<400ms"]
abort = {{ in_a_row = 5, ratio = 0.2, window = 50 }}
limits = {{ requests = 2000, seconds = 60 }}
compare = {{ relative = 0.10, absolute_ms = 5.0, metrics = ["p50"] }}

[[load.journeys]]
name = "reader"
identity = "viewer"
weight = 1
writes = false
requests = [ {{ method = "GET", path = "/trace/{{batch_code}}", name = "GET /trace/{{batch_code}}", expect = [200] }} ]

[[load.journeys]]
name = "ops"
identity = "ops"
weight = 1
writes = true
requests = [ {{ method = "POST", path = "/run", name = "POST /run", body = {{ by = "{{run_id}}" }}, expect = [200] }} ]

[load.profiles.smoke]
steps = [ {{ rate = {rate}, seconds = {seconds} }} ]

"""


def profile(folder: Path, rate: float = 50, seconds: float = 1) -> Path:
    """The shipped target profile with that load in place of its own."""
    text = SHIPPED.read_text(encoding="utf-8")
    before, after = text[: text.index("[load]\n")], text[text.index("# ---- shapes of answers") :]
    path = folder / "target.toml"
    path.write_text(before + LOAD.format(rate=rate, seconds=seconds) + after, encoding="utf-8")
    return path


def environment(url: str) -> dict[str, str]:
    """What a user has who has set the target, its tokens and nothing else."""
    known = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
    return known | CANARIES | {"BASE_URL": url, "RATE_LIMIT_ENABLED": "false"}


def start(folder: Path, url: str, *options: str, **more: str | int) -> subprocess.Popen[str]:
    """`gate load`, in that folder, with more variables; `stderr`: where that goes."""
    stderr = int(more.pop("stderr", subprocess.PIPE))
    return subprocess.Popen(
        [sys.executable, "-c", PATIENT, "load", "--target-profile", str(folder / "target.toml"), *options],
        cwd=folder,
        env=environment(url) | {name: str(value) for name, value in more.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@dataclass
class Ended:
    """One call of the command."""

    status: int
    out: str
    err: str
    folder: Path | None


def run(folder: Path, server: Service | str, *options: str, **more: str) -> Ended:
    """`gate load` from start to end."""
    before = results(folder)
    with start(folder, server if isinstance(server, str) else server.url, *options, **more) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err, next(iter(results(folder) - before), None))


def results(folder: Path) -> set[Path]:
    """The result folders there, also those that were not finished."""
    return {path for path in (folder / "reports" / "staging" / "load").glob("*") if path.is_dir()}


def until(happened: Callable[[], Any]) -> Any:
    """What it returns once that is something; AssertionError if it never is."""
    deadline = monotonic() + PATIENCE
    while not (found := happened()):
        assert monotonic() < deadline, "it never happened"
        sleep(0.02)
    return found
