"""The triggers judge what the other suites find: asked for alone, they bring the others along."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    """Collect all suites where only this one was named."""
    named = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    if named and all(path.is_relative_to(HERE) for path in named):
        config.args = [str(HERE.parent)]
