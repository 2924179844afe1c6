"""Activates gate's plugin for these suites; under plain pytest it reads BASE_URL and the tokens from the environment."""

from __future__ import annotations

import pytest

from gate.plugin import activate


def pytest_configure(config: pytest.Config) -> None:
    """One sentence and exit status 4 where the settings are missing."""
    activate(config)
