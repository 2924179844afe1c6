"""How many requests a second a generator sends from one core, to a service that is quicker than it (perf/fixed.py, on the other core).

All have 32 requests on their way at any time. Counted is at the service, over the same seconds in the middle for all. The load stage is
driven by perf/closed.py: its own code, of which nothing is left out. Linux only.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from processes import HERE, cores, environment, locust, processor_seconds, program, service, until

from gate.load import Workers
from gate.load.launch import command
from gate.load.launch import environment as given_to
from gate.load.plan import make_plan

AT_ONCE = 32
WARM = 100  # requests before anything is measured, and then a second more
LONG = 3600  # seconds: all are killed much earlier
RATE = 20_000  # arrivals a second that the stage is asked for: more than it can send, so that it never waits for the next
AIM = 0.9
BASE = "FastHttpUser, histogram"
STAGE, WRK = "load stage", "wrk"
LOCUST = {"HttpUser": "http", "FastHttpUser": "fast", BASE: "fast-histogram"}
NAMES = (WRK, "HttpUser", "FastHttpUser", BASE, STAGE)


@dataclass(frozen=True)
class Speed:
    """Requests per second, and cores that the generator and the service used meanwhile."""

    rate: float
    used: float
    service: float

    @property
    def of_a_core(self) -> float:
        """Requests per second of the generator's processor time."""
        return self.rate / self.used if self.used else 0.0


def measure(seconds: float, rounds: int) -> dict[str, list[Speed]]:
    """Each generator in turn, and all of them again; those that could not be measured have none."""
    found: dict[str, list[Speed]] = {name: [] for name in NAMES}
    ours, theirs = cores()
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name, service("fixed.py", ours, Path(name)) as (url, process):
        for _ in range(rounds):
            for generator in NAMES:
                with _started(generator, url, theirs, Path(name)) as (running, log):
                    if running is not None:
                        found[generator].append(_speed(url, running, log, process, seconds))
    return found


def lines(found: Mapping[str, Sequence[Speed]], seconds: float) -> Iterator[str]:
    """The table, at most 80 columns wide, and what it says."""
    rounds = max(map(len, found.values()))
    yield f"Requests per second from one core, {AT_ONCE} at a time; medians of {rounds} x {seconds:g} s"
    yield f"{'':24}{'sent':>9}{'cores':>7}{'sent per':>11}{'of':>8}{'of Fast-':>10}{'service':>10}"
    yield f"{'':24}{'':>9}{'used':>7}{'core':>11}{'wrk':>8}{'HttpUser':>10}{'cores':>10}"
    for name, speeds in found.items():
        if not speeds:
            yield f"{name:24}not measured: it is not there and could not be installed"
            continue
        rate, used, core, busy = (median(getattr(item, key) for item in speeds) for key in ("rate", "used", "of_a_core", "service"))
        ratios = (_ratio(found, name, other) for other in (WRK, "FastHttpUser"))
        to_wrk, to_fast = ("-" if ratio is None else f"{ratio:.3f}" for ratio in ratios)
        yield f"{name:24}{rate:9,.0f}{used:7.2f}{core:11,.0f}{to_wrk:>8}{to_fast:>10}{busy:10.2f}"
    yield "Ratios are of what is sent per core, of the generator's own processor time:"
    yield "medians of the rounds' ratios. Where it used less than a core, something held"
    yield "it up: the service (wrk's case), or others on this machine."
    reached = _ratio(found, STAGE, BASE) or 0.0
    yield f"{STAGE}: {reached:.2f} of {BASE} (aim: {AIM:g}): {'reached' if reached >= AIM else 'not reached'}"


def _ratio(found: Mapping[str, Sequence[Speed]], name: str, other: str) -> float | None:
    """The median of the rounds' ratios: what disturbs a round mostly disturbs both."""
    pairs = [one.of_a_core / two.of_a_core for one, two in zip(found[name], found[other], strict=False) if two.of_a_core]
    return median(pairs) if pairs else None


@contextmanager
def _started(generator: str, url: str, core: int, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes] | None, Path]]:
    """A running generator, or None where there is no such program, and its log."""
    log = folder / "generator.log"
    arguments, variables = _stage(url, folder) if generator == STAGE else _stock(generator, url)
    if not arguments:
        yield None, log
        return
    with program(arguments, core, log, variables) as process:
        yield process, log


def _stock(generator: str, url: str) -> tuple[list[str], dict[str, str]]:
    if generator == WRK:
        found = wrk()
        return ([found, "-t1", f"-c{AT_ONCE}", f"-d{LONG}", f"{url}/x"] if found else []), environment()
    return locust("plain.py", "-u", str(AT_ONCE), "-r", str(AT_ONCE), "--host", url), environment(BENCH_USER=LOCUST[generator])


def wrk() -> str:
    """Where wrk is; nothing if it is not there and cannot be installed. What is said about that goes to standard error."""
    try:
        done = subprocess.run([HERE.parent / "scripts" / "install_wrk.sh"], stdout=subprocess.PIPE, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _stage(url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """As `gate load` starts it, but for the file."""
    request = {"method": "GET", "path": "/x", "name": "GET /x", "expect": [200]}
    load = {
        "timeout_seconds": 10,
        "max_in_flight": AT_ONCE,
        "thresholds": [],
        "abort": {"in_a_row": 50, "ratio": 0.5, "window": 50},
        "limits": {"requests": RATE * LONG, "seconds": LONG},
        "journeys": [{"name": "reader", "identity": "viewer", "weight": 1, "writes": False, "requests": [request]}],
        "profiles": {"bench": {"steps": [{"rate": RATE, "seconds": LONG}]}},
    }
    plan = make_plan(load, "bench", base_url=url, run_id="bench", user_agent="gate/bench", values={})
    (folder / "plan.json").write_text(json.dumps(plan.data))
    ours, waiting = str(HERE / "locustfile.py"), str(HERE / "closed.py")
    arguments = [waiting if Path(text).name == "locustfile.py" else text for text in command(folder, Workers(), port=0)]
    if waiting not in arguments:
        raise SystemExit(f"{arguments} does not run {ours}")
    return arguments, given_to(folder / "plan.json", folder, {"viewer": "bench-token-of-nobody"})


def _speed(url: str, generator: subprocess.Popen[bytes], log: Path, service_process: int, seconds: float) -> Speed:
    before = _answered(url)
    until(lambda: _answered(url) >= before + WARM, generator, log)
    time.sleep(min(1.0, seconds))
    begun = _now(url, generator.pid, service_process)
    time.sleep(seconds)
    ended = _now(url, generator.pid, service_process)
    wall, requests, used, busy = (after - earlier for after, earlier in zip(ended, begun, strict=True))
    return Speed(requests / wall, used / wall, busy / wall)


def _now(url: str, generator: int, service_process: int) -> tuple[float, ...]:
    return time.monotonic(), _answered(url), processor_seconds(generator), processor_seconds(service_process)


def _answered(url: str) -> int:
    """What the service has counted."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/answered")
        return int(connection.getresponse().read())
    finally:
        connection.close()
