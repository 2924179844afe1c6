"""The load run that was asked for (`gate run --with-load NAME`): sent once, after everything else that is sent."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def load(run):
    """What came of it: the result, its judgement, and the check of the recall drill where one was timed meanwhile."""
    return run.load()
