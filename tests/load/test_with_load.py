"""Load within a run, and recalls that the gate times meanwhile: the real command on the real reference service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.evidence.verify import State, verify
from tests.load.servers import service
from tests.load.support import PATIENT, SHIPPED
from tests.run.support import Finished, Reference, clean_environment, start_reference, stop_reference

LOADS = """
[load.profiles.smoke]
journeys = ["reader", "operations"]
steps = [{ rate = 20, seconds = 2 }]

[load.profiles.recall-under-load]
journeys = ["reader", "operations"]
steps = [{ rate = 20, seconds = 4 }]
recall = 4

[load.profiles.writes]
steps = [{ rate = 20, seconds = 1 }]

[load.profiles.too-much]
journeys = ["operations"]
steps = [{ rate = 40, seconds = 20 }]

"""
IN_LOAD = {"LOAD-001", "LOAD-002", "LOAD-003"}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("reference"))
    yield found
    stop_reference(found)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped profile, with loads of a few seconds and limits that so few requests can keep."""
    text = SHIPPED.read_text(encoding="utf-8")
    before, after = text[: text.index("[load.profiles.smoke]")], text[text.index("# ---- shapes of answers") :]
    old = 'thresholds = ["errors<0.1%", "p95<800ms", "max<10s", "POST /api/v1/recall/simulate: p95<2s, max<10s"]'
    assert old in before
    path = tmp_path_factory.mktemp("profile") / "target.toml"
    path.write_text(before.replace(old, 'thresholds = ["errors<1%", "max<10s"]') + LOADS + after, encoding="utf-8")
    return path


Gate = Callable[..., Finished]


@pytest.fixture
def gate(reference: Reference, profile: Path, tmp_path: Path) -> Gate:
    def run(command: str, *options: str, **more: str) -> Finished:
        kind = "--profile" if command == "run" else "--target-profile"
        arguments = [sys.executable, "-c", PATIENT, command, kind, str(profile), "--out-dir", str(tmp_path / "reports"), *options]
        settings = clean_environment() | reference.settings | more
        done = subprocess.run(arguments, env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
        return Finished(done.returncode, done.stdout, done.stderr, tmp_path / "reports")

    return run


def fact(bundle: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (bundle / "data" / "journal.jsonl").read_text().splitlines()]
    found: dict[str, Any] = next(item["data"]["value"] for item in lines if item["event"] == "fact" and item["data"]["name"] == "load")
    return found


@pytest.mark.slow
def test_a_run_with_load_judges_it_and_seals_what_was_measured(gate: Gate, reference: Reference) -> None:
    done = gate("run", "--with-load", "smoke")
    assert done.status == 0, done.out + done.err
    controls = done.controls
    assert {name: controls[name] for name in IN_LOAD} == {"LOAD-001": "passed", "LOAD-002": "passed", "LOAD-003": "not_applicable"}
    assert verify(done.bundle, None).state is State.UNTRUSTED  # no key
    kept = {path.name for path in (done.bundle / "data" / "load").iterdir()}
    assert {"result.json", "plan.json", "arrivals-w0.csv", "locust.json", "locust.html", "chart.svg"} <= kept
    assert fact(done.bundle)["result"]["completed"] == 40
    assert "LOAD: passed" in done.out
    tokens = [value for name, value in reference.settings.items() if name.endswith("_TOKEN")]
    assert tokens
    assert not [token for token in tokens if token in done.everything]


@pytest.mark.slow
def test_the_recall_is_timed_by_the_gate_with_and_without_load(gate: Gate) -> None:
    done = gate("load", "--profile", "recall-under-load", "--json")
    assert done.status == 0, done.out + done.err
    result = json.loads(done.out)
    assert [len(result["recall"][key]) for key in ("without", "under")] == [3, 4]
    assert all(seconds > 0 for key in ("without", "under") for seconds in result["recall"][key])
    assert result["judgement"]["checks"][-1]["name"] == "recall drill"
    assert "POST /api/v1/recall/simulate" not in result["names"], "Locust must not time it"


@pytest.mark.parametrize(
    ("options", "more", "sentence"),
    [
        (("--with-load", "storm"), {}, "there is no load profile 'storm'"),
        (("--with-load", "too-much"), {"RATE_LIMIT_WINDOW_SECONDS": "60"}, "80% of the declared 300"),
        (("--with-load", "smoke", "--environment", "production"), {}, "--allow-production-load"),
        (("--with-load", "writes", "--environment", "production", "--allow-production-load"), {}, "not for production; expected 'smoke'"),
        (("--with-load", "writes", "--level", "read"), {}, "GATE_LEVEL lets no drill leave"),
        (("--with-load", "recall-under-load", "--level", "denied"), {}, "GATE_LEVEL lets no drill leave"),
        ((), {"GATE_WITH_LOAD": "storm"}, "there is no load profile 'storm'"),
    ],
)
def test_load_that_may_not_be_sent_is_refused_before_the_run(
    gate: Gate, options: tuple[str, ...], more: dict[str, str], sentence: str
) -> None:
    done = gate("run", *options, **more)
    assert done.status == 2
    assert sentence in done.err, done.err
    assert not done.out_dir.exists()


def test_without_it_the_controls_say_that_nobody_asked(gate: Gate) -> None:
    done = gate("run")
    assert {done.controls[name] for name in IN_LOAD} == {"not_applicable"}
    assert "no load was asked for (gate run --with-load NAME)" in (done.bundle / "data" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "more"),
    [(("--environment", "production", "--allow-production-load"), {}), ((), {"GATE_LEVEL": "read"}), (("--environment", "production"), {})],
)
def test_no_recall_leaves_where_the_load_may_not(gate: Gate, options: tuple[str, ...], more: dict[str, str]) -> None:
    """The recalls that are timed first would be the harm that the refusal is there to prevent."""
    with service() as server:
        done = gate("load", "--profile", "recall-under-load", "--base-url", server.url, *options, **more)
    assert done.status == 2, done.out + done.err
    assert server.requests == []
