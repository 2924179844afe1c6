"""Whole runs of the gate through the proxy: without a fault it sees the service as it is; with one it goes red."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from faults import FAULTS, Proxy
from faults.__main__ import tokens_of
from faults.profile import Profile
from tests.run.support import Finished, Reference, launch, start_reference, stop_reference

BATCH = "BATCH-2026-02-0012"
SAME = (
    "/health",
    "/ops",
    "/api/v1/auth/whoami",
    f"/api/v1/trace/batch/{BATCH}/full",
    "/api/v1/kpi/daily",
    "/api/v1//nowhere",
    "/%2e%2e/x?a[]=1",
)
VARYING = ("date", "x-request-id")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("reference"))
    yield found
    stop_reference(found)


def through(reference: Reference, fault: str | None, tmp_path: Path) -> tuple[Finished, Proxy]:
    """One run of the gate, with the proxy between."""
    settings = reference.settings
    with Proxy(settings["BASE_URL"], tokens_of(Profile(), settings), FAULTS[fault] if fault else None, source="127.0.0.7") as proxy:
        process = launch(settings | {"BASE_URL": proxy.base_url}, tmp_path / "reports")
        out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err, tmp_path / "reports"), proxy


def test_without_a_fault_the_gate_says_go(reference, tmp_path):
    done, proxy = through(reference, None, tmp_path)
    assert done.status == 0, done.out + done.err
    assert proxy.requests > 500
    assert (proxy.hits, proxy.failures) == (0, [])


def test_with_a_fault_the_control_that_is_meant_for_it_fails(reference, tmp_path):
    done, proxy = through(reference, "recall.missing-customer", tmp_path)
    assert done.status == 10
    assert {done.controls[key] for key in ("REC-003", "REC-005")} == {"failed"}
    assert proxy.hits >= 3
    assert proxy.failures == []


def say(base_url: str, method: str, path: str, token: str) -> tuple[int, str, list[tuple[str, str]], bytes]:
    """An answer, but for what differs each time."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}", "X-Request-ID": "the-same"})
        answer = connection.getresponse()
        return answer.status, answer.reason, [item for item in answer.getheaders() if item[0] not in VARYING], answer.read()
    finally:
        connection.close()


def test_answers_are_the_same_byte_for_byte(reference):
    base_url, token = reference.settings["BASE_URL"], reference.settings["VIEWER_TOKEN"]
    with Proxy(base_url, {}, None) as proxy:
        for path in SAME:
            for method in ("GET", "HEAD", "OPTIONS", "ABC"):
                assert say(proxy.base_url, method, path, token) == say(base_url, method, path, token), f"{method} {path}"
    assert proxy.failures == []


def test_it_adds_little(reference):
    def seconds(base_url: str) -> float:
        connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
        best = 60.0
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(50):
                connection.request("GET", "/health")
                connection.getresponse().read()
            best = min(best, time.perf_counter() - start)
        connection.close()
        return best / 50

    with Proxy(reference.settings["BASE_URL"], {}, None) as proxy:
        added = seconds(proxy.base_url) - seconds(reference.settings["BASE_URL"])
    # About 0.2 ms where nothing else runs.
    assert added < 0.005
