"""The proxy's package is data beside the gate: its folder is put where Python looks."""

from __future__ import annotations

import sys

from tests.run.support import ROOT

sys.path.insert(0, str(ROOT / "fixtures"))
