"""`verify(bundle, trust)`: whether evidence is whole, whose it is, and what it says. Thirteen numbered steps."""

from gate.evidence.verify.state import State, Step, Verification
from gate.evidence.verify.steps import TITLES, verify

__all__ = ["TITLES", "State", "Step", "Verification", "verify"]
