"""A few of these controls in a whole run: a fault between the gate and a healthy service, and the control that is meant for it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.forwarder import Answer, Asked, Forwarder
from tests.run.support import Finished, Reference, launch, start_reference, stop_reference


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("healthy"))
    yield found
    stop_reference(found)


def run(reference: Reference, change: Any, folder: Path) -> Finished:
    with Forwarder(reference.settings["BASE_URL"], change) as between:
        process = launch(reference.settings | {"BASE_URL": between.base_url}, folder / "reports")
        out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err, folder / "reports")


def as_page(answer: Answer) -> Answer:
    """The same, called HTML."""
    others = [(name, value) for name, value in answer.headers if name.lower() != "content-type"]
    return Answer(answer.status, [*others, ("Content-Type", "text/html")], answer.body)


def instead(answer: Answer, old: bytes, new: bytes) -> Answer:
    """Other bytes in the body."""
    return Answer(answer.status, answer.headers, answer.body.replace(old, new))


def crash(asked: Asked, answer: Answer, needle: str) -> Answer:
    """A 500 in place of an answer to a target or body with that in it."""
    hit = needle in asked.target or needle.encode() in asked.body
    return Answer(500, answer.headers, b"{}") if hit else answer


FAULTS: dict[str, Any] = {
    "TAP-007": lambda _, answer: as_page(answer) if answer.status == 403 else answer,
    "TAP-009": lambda _, answer: Answer(answer.status, [*answer.headers, ("Set-Cookie", "a=b")], answer.body),
    "INJ-002": lambda asked, answer: crash(asked, answer, "\\u0000"),
    "SHAPE-001": lambda _, answer: instead(answer, b"+00:00", b""),
    "SHAPE-002": lambda _, answer: instead(answer, b'"run_type"', b'"kind"'),
    "LEAK-001": lambda asked, answer: Answer(200, answer.headers, b"DB=x") if asked.target == "/.env" else answer,
}


@pytest.mark.slow
@pytest.mark.parametrize("control", FAULTS)
def test_fault_is_named(control: str, healthy: Reference, tmp_path: Path) -> None:
    done = run(healthy, FAULTS[control], tmp_path)
    assert done.status == 10, done.out
    assert done.controls[control] == "failed"


def harmless() -> Any:
    """Other names, more headers, more fields; and one read is throttled once."""
    throttled: list[str] = []

    def change(asked: Asked, answer: Answer) -> Answer:
        if asked.target == "/api/v1/dashboard/overview" and not throttled:
            throttled.append(asked.target)
            return Answer(429, [("Content-Type", "application/json"), ("Retry-After", "1")], b"{}")
        headers = [(name.lower(), f"{value}; charset=utf-8" if value == "application/json" else value) for name, value in answer.headers]
        body = answer.body.replace(b'{"rows":', b'{"more":{"a":null},"rows":')
        return Answer(answer.status, [*headers, ("server", "caddy"), ("x-extra", "1")], body)

    return change


@pytest.mark.slow
def test_harmless_variations_stay_green(healthy: Reference, tmp_path: Path) -> None:
    done = run(healthy, harmless(), tmp_path)
    assert done.status == 0, done.out
    assert any(item["status"] == 429 and item["safety"] != "burst" for item in done.result["requests"])
