"""Healthy made-up suites in a folder of the test's own, and a healthy service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.support import Made, Service, make


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make(tmp_path / "made")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running
