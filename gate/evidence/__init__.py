"""Evidence of a run: the journal that is its only original, and the bundle that keeps it."""

from gate.evidence.bundle import JOURNAL, Bundle, legacy_names
from gate.evidence.journal import Journal
from gate.evidence.replay import replay

__all__ = ["JOURNAL", "Bundle", "Journal", "legacy_names", "replay"]
