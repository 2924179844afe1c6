"""For pytest in this checkout; it is not in the wheel. The suites' own start is in suites/conftest.py."""

from __future__ import annotations

import pytest

FIRST = ("tests/selftest/", "tests/evidence/test_every_change", "tests/load/", "tests/run/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process of a parallel run begins one when the others are done; the order is else as it was."""
    items.sort(key=lambda item: next((place for place, name in enumerate(FIRST) if item.nodeid.startswith(name)), len(FIRST)))
