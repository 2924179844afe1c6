"""The drills' suites as modules, and what their checks are given here."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from gate.model import Unmet
from tests.suites.made_up import ROOT, target


def suite(name: str) -> ModuleType:
    """A suite's file as a module that dataclasses can find."""
    known = f"drill_{name.replace('/', '_')}"
    spec = importlib.util.spec_from_file_location(known, ROOT / "suites" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(known, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


T = target()
audit, acceptance = suite("audit/conftest"), suite("acceptance/conftest")
TOOLS = SimpleNamespace(
    moment=audit.moment, server_time=audit.server_time, listing=audit.listing, as_csv=audit.as_csv, runs_in=acceptance.runs_in,
    ended=acceptance.ended, number=acceptance.number,
)  # fmt: skip
DATE = ("Date", "Tue, 24 Nov 2026 21:00:10 GMT")


def refuted(judge: Any) -> bool:
    """Whether the check saw that something is wrong; anything but a finding breaks the test."""
    try:
        judge()
    except Unmet:
        return True
    return False
