"""The newest self-test that is filed beside a run's reports: that the gate which says GO today went red on known faults."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

FOLDER, PATTERN = "selftest", "selftest_*.json"
WHOLE = (["core"], ["*"])  # not those that somebody chose


def latest_selftest(reports: Path, sources: dict[str, str]) -> dict[str, Any]:
    """What a run's journal says about it.

    Args:
        reports: the folder that holds `selftest/`.
        sources: the suites of this run, file to SHA-256.

    Returns:
        `found` false, or the file's path and digest, when it ended, its counts, and whether it `passed`, was `whole` (no selection of
        faults) and was of the `same_suites`. A file that cannot be read is as good as none.
    """
    files = sorted((reports / FOLDER).glob(PATTERN))
    if not files:
        return {"found": False}
    try:
        content = files[-1].read_bytes()
        told = json.loads(content)
        return {
            "found": True,
            "file": str(files[-1]),
            "sha256": hashlib.sha256(content).hexdigest(),
            "finished_at": str(told["finished_at"]),
            "passed": told["passed"] is True,
            "whole": told["selection"] in WHOLE,
            "same_suites": told["sources"] == sources,
            **{key: int(value) for key, value in told["counts"].items() if isinstance(value, int)},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"found": False}
