"""The policy: which failed controls block a release."""

from __future__ import annotations

from pathlib import Path

from gate.decide.verdict import Policy
from gate.errors import ConfigurationError
from gate.model import Severity
from gate.paths import data_root
from gate.target.toml import load_toml, validate


def policy_file(name: str) -> Path:
    """Where a shipped policy is, by its name, or any other by a path ending in .toml; ConfigurationError if there is none such."""
    folder = data_root() / "fixtures" / "policies"
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        known = ", ".join(sorted(item.stem for item in folder.glob("*.toml")))
        raise ConfigurationError(f"there is no policy '{name}'", f"one of {known} or a path ending in .toml", "Check --policy")
    return path


def load_policy(name: str) -> Policy:
    """Load a policy; ConfigurationError for what is unknown in it."""
    path = policy_file(name)
    data = load_toml(path)
    validate(path, data, "policy.schema.json")
    floors = {key: None if value == "never" else Severity(value) for key, value in data["block"].items()}
    return Policy(str(data["name"]), floors["contract"] or Severity.LOW, floors["hardening"])
