"""What the tests of the load stage share: a small `[load]` section, and one call that sends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gate.decide.load
from gate.load import Around, Beside, RateLimit, Rules, Target, Workers, judged, run_load
from gate.model import LoadJudgement, LoadResult

TOKENS = {"viewer": "canary-viewer-4f1c9a7e", "ops": "canary-ops-8b2d6e30", "admin": "canary-admin-77aa21c4"}


def section(rate: float = 50, seconds: float = 5, **more: Any) -> dict[str, Any]:
    """A `[load]` section with one load profile, `smoke`."""
    return {
        "timeout_seconds": 3,
        "max_in_flight": 200,
        "thresholds": ["errors<1%", "p95<400ms"],
        "abort": {"in_a_row": 5, "ratio": 0.2, "window": 50},
        "limits": {"requests": 2000, "seconds": 60},
        "compare": {"relative": 0.1, "absolute_ms": 5.0, "metrics": ["p50", "p95"]},
        "journeys": [
            {
                "name": "reader",
                "identity": "viewer",
                "weight": 3,
                "writes": False,
                "requests": [
                    {"method": "GET", "path": "/trace/{batch_code}?depth=2", "name": "GET /trace/{code}", "expect": [200]},
                    {"method": "GET", "path": "/audit", "name": "GET /audit", "expect": [200]},
                ],
            },
            {
                "name": "ops",
                "identity": "ops",
                "weight": 1,
                "writes": True,
                "requests": [{"method": "POST", "path": "/run", "name": "POST /run", "body": {"by": "{run_id}"}, "expect": [200]}],
            },
        ],
        "profiles": {"smoke": {"steps": [{"rate": rate, "seconds": seconds}]}},
    } | more


@dataclass
class Done:
    """A load run that has ended."""

    result: LoadResult
    judgement: LoadJudgement
    folder: Path


def rules(limit: RateLimit | None = None, **more: Any) -> Rules:
    return Rules(**{"loopback": True, "production": False, "limit": limit, **more})


def target(url: str, **more: Any) -> Target:
    return Target(**{"base_url": url, "tokens": TOKENS, "rules": rules(), "values": {"batch_code": "BATCH-1"}, **more})


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., Done]:
    """Send one load profile to an address, for real."""

    def send(
        url: str, load: dict[str, Any] | None = None, workers: Workers | None = None, beside: Beside | None = None, **more: Any
    ) -> Done:
        load = load or section()
        folder = tmp_path / "load"
        where = target(url, **more)
        result = run_load(
            load, "smoke", where, folder, run_id="0123456789ab", user_agent="gate/test", workers=workers or Workers(), around=Around(beside)
        )
        return Done(result, judged(result, load)[0], folder)

    return send


@pytest.fixture(autouse=True)
def _other_tests_may_run_beside_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine requests leave late, and that would be inconclusive, rightly (tests/decide); here it is not what is tested."""
    monkeypatch.setattr(gate.decide.load, "MOST_LATE_MS", 1000.0)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """No test leaves a process of Locust's behind."""
    yield
    assert generators(tmp_path) == []


def generators(below: Path) -> list[int]:
    """The processes of Locust's that write into a folder below this one."""
    started = re.compile(rb"(^|\0)GATE_LOAD_OUT=" + re.escape(str(below).encode()) + b"/")
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and started.search(read(entry / "environ"))]


def read(path: Path) -> bytes:
    """What is in it; nothing if it is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
