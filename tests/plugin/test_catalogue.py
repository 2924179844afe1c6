"""The list of controls beside the suites: a file that is gone is missed."""

from __future__ import annotations

import shutil
from pathlib import Path

from gate.plugin.cases import CATALOGUE, catalogue, declared_ids
from gate.target.profile import load_profile
from tests.run.support import ROOT


def test_the_list_is_up_to_date() -> None:
    """`./run docs` makes it anew."""
    assert (ROOT / "suites" / CATALOGUE).read_text() == catalogue(ROOT)


def test_a_file_that_is_gone_leaves_its_controls_in_the_plan(tmp_path: Path) -> None:
    """The plan is the same without it; what does not run then is not_run."""
    profile = load_profile("supply_intel")
    whole = declared_ids(ROOT, profile)
    shutil.copytree(ROOT / "suites", tmp_path / "suites", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "suites" / "recall" / "test_recall.py").unlink()
    assert declared_ids(tmp_path, profile).keys() == whole.keys()
